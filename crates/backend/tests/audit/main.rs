//! What an audit of the first format found, as kinds: work that got lost, data of others that was overwritten, names
//! that were borrowed. Each test states what holds now; the first format fails all of them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stops at what it did not expect, and tells what was asked"
)]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "other tests need other parts of it")]
mod support;

mod border;
mod card;
mod common;
mod file;
mod foreign;
mod kept;
mod keys;
mod lengths;
mod meanwhile;
mod newer;
mod place;
mod replies;
mod size;
mod storage;
mod texts;
mod times;
mod unknown;
mod who;
