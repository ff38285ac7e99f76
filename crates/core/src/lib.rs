//! The domain of Seedbed: seeds, prompts, records, review decisions, and the messages between the page and its
//! backend worker.
//!
//! Everything here is plain data with pure functions: no browser, no I/O, no clock, no random source. Identity is by
//! content ([`id`]), so a rerun, a second tab and an exported script name the same row alike. Reviewers' work is an
//! append-only log whose state is a fold and whose merge is a union ([`review`]).

pub mod address;
pub mod chat;
pub mod engine;
pub mod example;
pub mod id;
pub mod identity;
pub mod import;
pub mod instruction;
pub mod line;
pub mod messages;
pub mod model;
pub mod packed;
pub mod params;
pub mod prompt;
pub mod question;
pub mod reasoning;
pub mod record;
pub mod review;
pub mod row;
pub mod seed;
pub mod turns;

/// Version of the format of a dataset repo, written to `.seedbed/project.json` (`docs/format.md`).
pub const FORMAT_VERSION: u32 = 2;
