//! Rows from files that people bring: JSON Lines, JSON arrays, CSV and its relatives.
//!
//! The column names of the field's data sets are recognised without case (`instruction`/`response`,
//! `question`/`answer`, `prompt`/`completion`, `instruction` + `input`/`output`, `messages`, `conversations`, …). A row
//! that cannot be used is a problem with its line and a reason and never spoils its neighbours; only a file that holds
//! no row at all is refused.

mod columns;
mod delimited;
mod dialogue;
mod json;

use columns::{Reader, Refusal};
use std::fmt;

/// Largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 128 << 20;
/// Longest instruction or response, in characters.
pub const MAX_TEXT_CHARS: usize = 100_000;
/// Rows taken from one file at most.
pub const MAX_ROWS: usize = 200_000;

/// One row of a file. Texts are never blank in `instruction` and `response`; the others may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedRow {
    /// What was asked.
    pub instruction: String,
    /// What was answered.
    pub response: String,
    /// Topic, if a column names one.
    pub topic: String,
    /// Perspective, if a column names one.
    pub perspective: String,
    /// Model that answered, if a column names one.
    pub model: String,
}

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedRows {
    /// The rows, in file order.
    pub rows: Vec<ImportedRow>,
    /// What was left out: line (from 1) and reason in plain words.
    pub problems: Vec<(usize, String)>,
    /// Which columns were read, e.g. `question → instruction, answer → response`.
    pub layout: String,
    /// What else a person should know, e.g. that longer dialogues were shortened.
    pub notes: Vec<String>,
}

/// Why a file was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsError {
    /// Nothing in it.
    Empty,
    /// Larger than [`MAX_FILE_BYTES`].
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not a text file, or of a kind that cannot be read here.
    NotText,
    /// No line of it is JSON.
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// The fault.
        fault: String,
    },
    /// No known columns.
    UnknownColumns {
        /// The columns of the first row.
        found: Vec<String>,
    },
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("The file is empty."),
            Self::TooLarge { bytes } => write!(
                f,
                "The file has {} MB; at most {} MB can be read. Split it into smaller files.",
                bytes.div_ceil(1 << 20),
                MAX_FILE_BYTES >> 20
            ),
            Self::NotText => f.write_str(
                "This is not a text file in UTF-8. Rows can come as JSONL, JSON, CSV or TSV; convert the file first.",
            ),
            Self::NotJson { line, fault } => write!(f, "Line {line} is not JSON: {fault}."),
            Self::UnknownColumns { found } => {
                f.write_str("No column with questions and answers was recognised. ")?;
                if found.is_empty() {
                    f.write_str("The file names no columns")?;
                } else {
                    f.write_str("The file has ")?;
                    write_names(f, found)?;
                }
                write!(f, "; expected {}.", columns::EXPECTED)
            }
        }
    }
}

impl std::error::Error for RowsError {}

/// Column names for a message: a few of them, shortened, quoted.
fn write_names(f: &mut impl fmt::Write, names: &[String]) -> fmt::Result {
    const SHOWN: usize = 12;
    for (position, name) in names.iter().take(SHOWN).enumerate() {
        let comma = if position > 0 { ", " } else { "" };
        write!(f, "{comma}`{}`", clip(name))?;
    }
    if names.len() > SHOWN {
        write!(f, " and {} more", names.len() - SHOWN)?;
    }
    Ok(())
}

fn clip(name: &str) -> String {
    const LONGEST: usize = 40;
    let mut clipped: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        clipped.push('…');
    }
    clipped
}

/// Reads a file by its name's ending; without a telling one by its first character.
///
/// # Errors
/// [`RowsError`] when the file as a whole cannot be used.
pub fn parse_any(name: &str, text: &str) -> Result<ImportedRows, RowsError> {
    let ending = name
        .rsplit_once('.')
        .map_or("", |(_, ending)| ending)
        .to_ascii_lowercase();
    let starts_like_json = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['{', '[']);
    match ending.as_str() {
        "csv" | "tsv" | "tab" => parse_csv(text),
        "jsonl" | "ndjson" | "json" => parse_jsonl(text),
        _ if starts_like_json => parse_jsonl(text),
        _ => parse_csv(text),
    }
}

/// Reads JSON Lines, a JSON array of objects, or an object that holds one such array.
///
/// # Errors
/// [`RowsError`] when the file as a whole cannot be used.
pub fn parse_jsonl(text: &str) -> Result<ImportedRows, RowsError> {
    let text = checked(text)?;
    let mut collected = Collected::default();
    json::read(text, &mut collected);
    collected.finish()
}

/// Reads CSV with a header row; comma, semicolon, tab and bar are told apart by the header.
///
/// # Errors
/// [`RowsError`] when the file as a whole cannot be used.
pub fn parse_csv(text: &str) -> Result<ImportedRows, RowsError> {
    let text = checked(text)?;
    let mut collected = Collected::default();
    delimited::read(text, &mut collected);
    collected.finish()
}

/// Without a byte order mark, not empty, not too large, and a text.
fn checked(text: &str) -> Result<&str, RowsError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(RowsError::Empty);
    }
    if text.len() > MAX_FILE_BYTES {
        return Err(RowsError::TooLarge { bytes: text.len() });
    }
    // A binary file read as text: no JSON and no table holds a bare NUL, Parquet begins with its name.
    if text.starts_with("PAR1") || text.contains('\0') {
        return Err(RowsError::NotText);
    }
    Ok(text)
}

/// Line ends in a text.
fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Rows and problems as they come in.
#[derive(Default)]
struct Collected {
    found: ImportedRows,
    reader: Reader,
    /// Columns of the first row in which none was known.
    unknown: Option<Vec<String>>,
    /// First fault of syntax.
    fault: Option<(usize, String)>,
    had_known_columns: bool,
}

impl Collected {
    /// `true` when nothing more is taken.
    fn is_full(&self) -> bool {
        self.found.rows.len() >= MAX_ROWS
    }

    /// The file has more rows than are taken.
    fn cut_at(&mut self, line: usize) {
        self.found.notes.push(format!(
            "Only the first {MAX_ROWS} rows were taken, up to line {line}."
        ));
    }

    fn problem(&mut self, line: usize, reason: impl Into<String>) {
        self.found.problems.push((line, reason.into()));
    }

    /// A line that is not JSON.
    fn not_json(&mut self, line: usize, fault: String) {
        self.problem(line, format!("not JSON: {fault}"));
        self.fault.get_or_insert((line, fault));
    }

    /// An object (or a line of a table) with its columns.
    fn object(&mut self, line: usize, object: &serde_json::Map<String, serde_json::Value>) {
        match self.reader.rows(object) {
            Ok(rows) => {
                self.had_known_columns = true;
                for row in rows {
                    match row {
                        Ok(row) => self.found.rows.push(row),
                        Err(reason) => self.problem(line, reason),
                    }
                }
            }
            Err(Refusal::UnknownColumns) => {
                let names: Vec<String> = object.keys().cloned().collect();
                let mut reason = String::from("no known columns: found ");
                // Writing to a String cannot fail.
                let _ = write_names(&mut reason, &names);
                self.problem(line, reason);
                self.unknown.get_or_insert(names);
            }
            Err(Refusal::Unusable(reason)) => {
                self.had_known_columns = true;
                self.problem(line, reason);
            }
        }
    }

    fn finish(mut self) -> Result<ImportedRows, RowsError> {
        if self.found.rows.is_empty() && !self.had_known_columns {
            return Err(match (self.unknown, self.fault) {
                (Some(found), _) => RowsError::UnknownColumns { found },
                (None, Some((line, fault))) => RowsError::NotJson { line, fault },
                (None, None) => RowsError::Empty,
            });
        }
        self.found.layout = self.reader.layout();
        self.found.notes.extend(self.reader.notes());
        Ok(self.found)
    }
}
