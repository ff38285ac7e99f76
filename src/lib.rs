//! The Seedbed app: pages over a backend that lives in a worker.

pub mod pages;
pub mod ui;
