//! Reads a file in pieces and puts rows together.

use seedbed_import::json::{Layout, Part, Reader, sniff};
use seedbed_import::table::{Item, Rows};
use serde_json::{Map, Value};

/// What came of a file.
pub(crate) struct Read {
    pub(crate) rows: Vec<(String, u64, Value)>,
    pub(crate) faults: Vec<(u64, String)>,
    pub(crate) columns: Vec<String>,
    pub(crate) reader: Reader,
}

impl Read {
    pub(crate) fn values(&self) -> Vec<Value> {
        self.rows.iter().map(|(_, _, row)| row.clone()).collect()
    }

    pub(crate) fn of_part(&self, name: &str) -> Vec<Value> {
        let rows = self.rows.iter().filter(|(part, ..)| part == name);
        rows.map(|(_, _, row)| row.clone()).collect()
    }

    pub(crate) fn parts(&self) -> Vec<(&str, u64)> {
        let parts = self.reader.parts().iter();
        parts
            .map(|Part { name, rows, .. }| (name.as_str(), *rows))
            .collect()
    }
}

/// Reads a file in pieces of these lengths, over and over.
pub(crate) fn read_in(layout: &Layout, text: &str, lengths: &[usize]) -> Read {
    read_with(Reader::new(layout), text, lengths)
}

pub(crate) fn read_with(mut reader: Reader, text: &str, lengths: &[usize]) -> Read {
    let mut found = Vec::new();
    let mut rest = text;
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() {
        let mut length = (*lengths.next().unwrap()).clamp(1, rest.len());
        while !rest.is_char_boundary(length) {
            length += 1;
        }
        let (piece, after) = rest.split_at(length);
        reader.push(piece);
        found.extend(std::iter::from_fn(|| reader.next_in_part()));
        rest = after;
    }
    reader.end();
    found.extend(std::iter::from_fn(|| reader.next_in_part()));
    let columns = reader.columns().to_vec();
    let mut read = Read {
        rows: Vec::new(),
        faults: Vec::new(),
        columns: columns.clone(),
        reader,
    };
    for (part, item) in found {
        match item {
            Item::Row(row) => {
                let mut cells = row.cells;
                assert!(cells.len() <= columns.len());
                cells.resize(columns.len(), Value::Null);
                let row_of: Map<String, Value> = columns.iter().cloned().zip(cells).collect();
                let name = read.reader.parts()[part].name.clone();
                read.rows.push((name, row.number, Value::Object(row_of)));
            }
            Item::Fault(fault) => read.faults.push((fault.number, fault.reason.to_string())),
        }
    }
    read
}

pub(crate) fn read(text: &str) -> Read {
    read_in(&sniff(text), text, &[usize::MAX])
}

/// The same values, whatever is null or missing.
pub(crate) fn without_nulls(rows: &[Value]) -> Vec<Value> {
    let is_there = |(_, value): &(&String, &Value)| !value.is_null();
    rows.iter()
        .map(|row| {
            let members = row.as_object().unwrap().iter().filter(is_there);
            members
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        })
        .collect()
}
