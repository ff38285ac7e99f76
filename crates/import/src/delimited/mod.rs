//! CSV and its relatives: lines of values between separators.
//!
//! [`Dialect::sniff`] finds out by a sample how a file is written, by reading the sample in every way that comes into
//! question; [`Delimited`] then reads the file in that way. The splitting is our own (`records`): the usual crates know
//! no row that has to be read again because a quotation mark was never closed, no escapes outside of quotation marks and
//! no line ends that depend on the file.

mod header;
mod records;
mod sniff;

use crate::places::Places;
use crate::table::{Fault, Item, Reason, Row, Rows};
use records::{Event, Record, Records};
use serde_json::Value;

/// Longest row that is taken, in bytes.
pub const MOST_ROW_BYTES: usize = 8 << 20;

/// How quotation marks and separators stand inside a value.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Escape {
    /// Quotation marks are doubled: Excel, pandas, nearly all.
    #[default]
    Doubled,
    /// A backslash stands before quotation marks, separators, line ends and backslashes: Python's csv with `escapechar`.
    Backslash,
    /// A backslash stands before quotation marks (and before a backslash before one): Spark. Others are text.
    BackslashQuote,
    /// As Backslash, and `\n`, `\t`, `\r`, `\0`, `\b`, `\Z` stand for a character, `\N` for no value: MySQL, Postgres.
    Codes,
}

/// Which characters end a row.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum LineEnds {
    /// A line feed, with or without a carriage return before it. A lone carriage return is a part of a value.
    #[default]
    Newline,
    /// A lone carriage return as well: old Mac.
    Any,
}

/// Whether the first row names the columns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Header {
    /// It does.
    #[default]
    Yes,
    /// It is a row like the others; columns are called "column 1", "column 2", …
    No,
    /// It looks like a row: a person has to say. Read as [`Header::No`] until then, so that no row is lost.
    Ask,
}

/// What stands between whole and part of numbers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Decimal {
    /// No number with a part was seen.
    #[default]
    Unknown,
    /// 1.5
    Point,
    /// 1,5
    Comma,
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Dialect {
    /// Between values; `None` for a single column.
    pub delimiter: Option<char>,
    /// Around values.
    pub quote: Option<char>,
    /// Quotation marks inside values.
    pub escape: Escape,
    /// Ends of rows.
    pub line_ends: LineEnds,
    /// Rows stand in quotation marks as a whole: a sheet was saved whose rows had never been split.
    pub wrapped: bool,
    /// Blanks behind a separator don't belong to the value: `a, "b"`.
    pub padded: bool,
    /// Lines before the header (or the first row): `sep=;`, a comment, a title.
    pub skipped: Vec<String>,
    /// Names in the first row.
    pub header: Header,
    /// The first name is missing: R names the columns of values only.
    pub unnamed_first: bool,
    /// How many columns there are, those without a name as well.
    pub width: usize,
    /// Columns that only count the rows, from 0.
    pub index: Vec<usize>,
    /// Decimal mark; values are texts all the same.
    pub decimal: Decimal,
    /// Read `nan`, `None`, `null`, `NA` and `\N` as no value.
    pub null_words: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: Some(','),
            quote: Some('"'),
            escape: Escape::Doubled,
            line_ends: LineEnds::Newline,
            wrapped: false,
            padded: false,
            skipped: Vec::new(),
            header: Header::Yes,
            unnamed_first: false,
            width: 1,
            index: Vec::new(),
            decimal: Decimal::Unknown,
            null_words: true,
        }
    }
}

impl Dialect {
    /// Finds out how a file is written by its beginning, decoded: some hundred rows, better more. `name` is the file's.
    pub fn sniff(sample: &str, name: &str) -> Self {
        sniff::sniff(sample, name)
    }
}

/// What a person should know of a file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Notes {
    /// Quotation marks that are never closed. The rows behind them were read for themselves.
    pub unclosed: Places,
    /// Quotation marks inside a quoted value that are neither doubled nor escaped: taken as they stand.
    pub stray: Places,
    /// Rows with fewer values than columns.
    pub short: Places,
    /// Rows that repeat the header, left out: several files were joined.
    pub repeated_header: Places,
    /// Values that only said that there is none ("nan", "None", …).
    pub nulls: u64,
    /// Rows without any value, left out.
    pub blank: u64,
}

/// Reads rows of a dialect.
pub struct Delimited {
    records: Records,
    dialect: Dialect,
    /// Lines that are still to be passed over.
    to_skip: usize,
    columns: Option<Vec<String>>,
    /// The first row, to know it when it comes again.
    header: Vec<String>,
    notes: Notes,
}

impl Delimited {
    /// A reader at the beginning of a text.
    pub fn new(dialect: Dialect) -> Self {
        let columns = match dialect.header {
            Header::Yes => None,
            Header::No | Header::Ask => Some(header::numbered(dialect.width)),
        };
        Self {
            records: Records::new(&dialect, MOST_ROW_BYTES),
            to_skip: dialect.skipped.len(),
            columns,
            header: Vec::new(),
            notes: Notes::default(),
            dialect,
        }
    }

    /// What was noticed so far.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// How it reads.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    fn row(&mut self, record: Record) -> Option<Item> {
        let unwrapped = self
            .dialect
            .wrapped
            .then(|| records::unwrap(&record, &self.dialect))
            .flatten();
        let Record {
            line: number,
            cells,
            none,
            ..
        } = unwrapped.unwrap_or(record);
        if cells.iter().all(|cell| is_blank(cell)) {
            self.notes.blank += 1;
            return None;
        }
        let Some(columns) = &self.columns else {
            let names = header::names(&cells, self.dialect.unnamed_first, self.dialect.width);
            self.records.expect(names.len());
            self.columns = Some(names);
            self.header = cells;
            return None;
        };
        if cells.len() > 1 && cells == self.header {
            self.notes.repeated_header.note(number);
            return None;
        }
        let width = columns.len();
        if cells.iter().skip(width).any(|cell| !is_blank(cell)) {
            let reason = Reason::TooManyValues {
                values: cells.len(),
                columns: width,
            };
            return Some(Item::Fault(Fault { number, reason }));
        }
        if cells.len() < width {
            self.notes.short.note(number);
        }
        let cells = (0..)
            .zip(cells.into_iter().take(width))
            .map(|(at, cell)| self.value(cell, none.contains(&at)));
        Some(Item::Row(Row {
            number,
            cells: cells.collect(),
        }))
    }

    fn value(&mut self, cell: String, none: bool) -> Value {
        let codes = self.dialect.escape == Escape::Codes;
        let word = is_null(&cell) || (!codes && cell.trim() == records::NULL_CODE);
        if none || (self.dialect.null_words && word) {
            self.notes.nulls += 1;
            return Value::Null;
        }
        Value::String(cell)
    }
}

/// No value; the last byte of old files stands alone in a row.
fn is_blank(cell: &str) -> bool {
    cell.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{1a}' | '\u{feff}'))
        .is_empty()
}

/// How programs write that there is no value.
fn is_null(cell: &str) -> bool {
    matches!(
        cell.trim(),
        "nan" | "NaN" | "NAN" | "None" | "null" | "NULL" | "NA" | "<NA>" | "#N/A"
    )
}

impl Rows for Delimited {
    fn push(&mut self, text: &str) {
        self.records.push(text);
    }

    fn end(&mut self) {
        self.records.end();
    }

    fn next(&mut self) -> Option<Item> {
        while self.to_skip > 0 {
            self.records.skip_line()?;
            self.to_skip -= 1;
        }
        loop {
            let item = match self.records.next()? {
                Event::Record(record) => {
                    for _ in 0..record.strays {
                        self.notes.stray.note(record.line);
                    }
                    if record.unclosed {
                        self.notes.unclosed.note(record.line);
                    }
                    self.row(record)
                }
                Event::TooLong { line } => Some(Item::Fault(Fault {
                    number: line,
                    reason: Reason::TooLong {
                        most: MOST_ROW_BYTES,
                    },
                })),
            };
            if item.is_some() {
                return item;
            }
        }
    }

    fn columns(&self) -> &[String] {
        self.columns.as_deref().unwrap_or_default()
    }
}
