//! Each kernel by itself against plain sums on the CPU, in f64.
#![allow(clippy::unwrap_used)]

mod attention;
mod columns;
mod products;
mod sampling;
#[path = "../support/mod.rs"]
mod support;

/// What outputs hold before, to see what is written.
const BEFORE: u32 = 0x4640_e400;
