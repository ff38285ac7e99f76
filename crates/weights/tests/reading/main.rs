//! Reading model files: exact weights, every cut, every lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic"
)]

mod blocks;
mod configs;
mod cuts;
#[path = "../../fuzz/entry.rs"]
mod entry;
mod fixtures;
mod lies;
#[path = "../../../../tests/support/missing.rs"]
mod missing;
mod mutations;
mod real;
mod shards;
mod support;
