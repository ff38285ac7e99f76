//! Parquet, by range: only the row groups, columns and pages that are needed are read.
//!
//! [`Footer::read`] tells columns and rows, [`Footer::plan`] which bytes some of them need, and a [`Reader`] fetches
//! these and gives the rows. Nothing is held but a few megabytes of packed pieces, a page of each column and a batch of
//! rows, however large a row group is: its pages are read one after another.
//!
//! The format is read here and not by the `parquet` crate, which the table of a project is written with. That one wants
//! a whole column chunk at hand before it reads a page, panics on many a broken file (in the browser, that ends the
//! worker), allocates what a broken length says, and its codecs would be linked into the table's writer, too.

mod assemble;
mod codec;
mod column;
mod convert;
mod cursor;
mod element;
mod error;
mod fetch;
mod footer;
mod index;
mod levels;
mod page;
mod plan;
mod reader;
mod schema;
mod thrift;
mod values;

pub use column::{Column, Kind};
pub use error::ParquetError;
pub use footer::{Footer, GroupSize};
pub use plan::Plan;
pub use reader::Reader;
