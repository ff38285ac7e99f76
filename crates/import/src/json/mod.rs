//! JSON files of rows, in every layout that people bring.
//!
//! [`sniff`] says how a file is laid out, a [`Reader`] then takes its text piece by piece and gives rows. Items are cut
//! out before they are parsed, so that one broken item is one fault with its own line, and no file is held whole, except
//! where it is written by column.

mod buffer;
mod layout;
mod lines;
mod names;
mod orient;
mod reader;
mod rows;
mod scan;
mod sniff;
mod text;
mod value;
mod values;
mod walk;
mod wanted;

#[cfg(test)]
mod tests;

pub use layout::{Known, Layout, Orientation, Refusal};
pub use reader::{MAX_HELD, Part, Reader};
pub use rows::MAX_COLUMNS;
pub use sniff::{SAMPLE, sniff};
pub use text::Counts;

pub(crate) use value::{MAX_DEPTH, parse};
