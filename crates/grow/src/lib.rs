//! From a seed to records, as pure functions and state machines: what a model is asked ([`tasks`]), how its replies are
//! read ([`parse`]), which of them are kept ([`filter`], [`quality`]), what a run asks for ([`plan`], [`forecast`]),
//! when it asks ([`run`]).
//!
//! No clock, no random source, no I/O: callers bring them. Every task text has a version; a changed text is a new
//! version, and so a new record.

pub mod filter;
pub mod forecast;
pub mod metrics;
pub mod parse;
pub mod plan;
pub mod quality;
pub mod run;
pub mod tasks;
