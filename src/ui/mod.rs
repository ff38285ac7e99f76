//! Building blocks of pages.

pub mod diff;
pub mod markdown;
