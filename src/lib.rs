//! The Seedbed app: pages over a backend that lives in a worker.

pub mod app;
pub mod pages;
pub mod platform;
pub mod route;
pub mod state;
pub mod ui;
