//! Building blocks of pages.

pub mod diff;
pub mod formula;
pub mod icon;
pub mod markdown;
