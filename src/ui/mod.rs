//! Building blocks of pages.

pub mod diff;
pub mod icon;
pub mod markdown;
