//! Reading model files: exact weights, every cut, every lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "helpers of tests may panic and say what was skipped"
)]

mod blocks;
mod configs;
mod cuts;
#[path = "../../fuzz/entry.rs"]
mod entry;
mod fixtures;
mod lies;
mod mutations;
mod real;
mod shards;
mod support;
