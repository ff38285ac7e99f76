//! CSV and its relatives: a header row, then rows with quoted texts.

use super::{Collected, columns, newlines};
use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false);
    builder
}

fn header(text: &str, delimiter: u8) -> Vec<String> {
    let mut record = StringRecord::new();
    let mut reader = builder(delimiter).from_reader(text.as_bytes());
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().map(|name| name.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// The delimiter under which the header names most known columns, then most columns at all.
fn delimiter(text: &str) -> u8 {
    DELIMITERS
        .into_iter()
        .rev()
        .max_by_key(|delimiter| {
            let names = header(text, *delimiter);
            let known = names.iter().filter(|name| columns::is_known(name)).count();
            (known, names.len())
        })
        .unwrap_or(b',')
}

/// Counts lines up to ever later places.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the record that the reader meets from this byte on: it passes over line ends first.
    fn at(&mut self, byte: usize) -> usize {
        let rest = self.text.as_bytes().get(byte..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let start = byte + ends.count();
        self.line += newlines(self.text.get(self.at..start).unwrap_or_default());
        self.at = self.at.max(start);
        self.line
    }
}

pub(super) fn read(text: &str, into: &mut Collected) {
    let delimiter = delimiter(text);
    let mut reader = builder(delimiter).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let mut names: Option<Vec<String>> = None;
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    loop {
        let line = lines.at(reader.position().byte() as usize);
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                into.problem(line, format!("not a line of a table: {error}"));
                continue;
            }
        }
        let Some(names) = &names else {
            let found: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
            into.unknown = Some(found.clone());
            names = Some(found);
            continue;
        };
        if into.is_full() {
            into.cut_at(line.saturating_sub(1));
            break;
        }
        if record.iter().all(|value| value.trim().is_empty()) {
            continue;
        }
        if record
            .iter()
            .skip(names.len())
            .any(|value| !value.trim().is_empty())
        {
            into.problem(
                line,
                format!(
                    "{} values for {} columns; a text that holds the separator must stand in quotation marks",
                    record.len(),
                    names.len()
                ),
            );
            continue;
        }
        let object: Map<String, Value> = names
            .iter()
            .zip(record.iter().chain(std::iter::repeat("")))
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| (name.clone(), Value::String(value.to_owned())))
            .collect();
        into.object(line, &object);
    }
    // In a well-formed file marks come in pairs: around a text, and doubled inside one.
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        into.found.notes.push(
            "The file has an odd number of quotation marks: rows after one that is not closed run together.".into(),
        );
    }
}
