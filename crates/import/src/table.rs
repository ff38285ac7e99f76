//! Rows of a table, of whatever format.

use serde_json::Value;
use std::fmt;

/// One row. Cells stand in the order of the reader's columns; those behind the last are null.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line of a text (from 1) where the row begins; number of the row (from 1) elsewhere.
    pub number: u64,
    /// Its values. A text format without types gives texts only.
    pub cells: Vec<Value>,
}

/// A row that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As [`Row::number`].
    pub number: u64,
    /// Why.
    pub reason: Reason,
}

/// Why a row can't be used. One kind is one line of a report, with the first numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Not JSON; the fault in the words of the parser, without a place.
    NotJson(String),
    /// A value where an object or a list should stand, e.g. a lone number among objects.
    NotARow,
    /// More values than the header has columns.
    TooManyValues {
        /// Values of the row.
        values: usize,
        /// Columns of the header.
        columns: usize,
    },
    /// A row longer than any that is taken, in bytes.
    TooLong {
        /// The bound.
        most: usize,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(fault) => write!(f, "not JSON: {fault}"),
            Self::NotARow => f.write_str("neither an object nor a list"),
            Self::TooManyValues { values, columns } => write!(
                f,
                "{values} values for {columns} columns; a text that holds the separator must stand in quotation marks"
            ),
            Self::TooLong { most } => write!(f, "longer than {} MB", most >> 20),
        }
    }
}

/// What a reader found next.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A row.
    Row(Row),
    /// A row that can't be used.
    Fault(Fault),
}

/// A reader of a text format, which gets its text piece by piece.
pub trait Rows {
    /// Takes more text, cut anywhere.
    fn push(&mut self, text: &str);
    /// No more text comes.
    fn end(&mut self);
    /// The next row that is whole; `None` when more text is needed, or after the end.
    fn next(&mut self) -> Option<Item>;
    /// Names of the columns so far. Formats whose rows name their values (JSON) may find more later.
    fn columns(&self) -> &[String];
}
