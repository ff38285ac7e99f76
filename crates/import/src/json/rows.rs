//! From values to rows: columns in the order in which they appear, and cells at their places.

use super::names;
use super::orient::is_chat;
use super::text::Counts;
use super::value::parse;
use crate::table::Reason;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Most columns that are told apart. Rows that name everything differently would be wider and wider.
pub const MAX_COLUMNS: usize = 2048;
/// Longest name in a list that is taken for a header, in bytes.
const LONGEST_NAME: usize = 64;
/// Column of rows that are texts.
const OF_TEXT: &str = "text";
/// Column of rows that are lists of messages.
const OF_MESSAGES: &str = "messages";

/// The columns so far.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Columns {
    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.places.get(name) {
            return Some(*at);
        }
        if self.names.len() >= MAX_COLUMNS {
            return None;
        }
        let at = self.names.len();
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), at);
        Some(at)
    }

    /// Makes places for columns that are known before any row.
    pub(crate) fn declare(&mut self, names: &[String]) {
        for name in names {
            self.place(name);
        }
    }

    fn of_object(&mut self, object: Map<String, Value>, counts: &mut Counts) -> Vec<Value> {
        let mut cells = Vec::new();
        for (name, value) in object {
            self.put(&mut cells, &name, value, counts);
        }
        cells
    }

    fn put(&mut self, cells: &mut Vec<Value>, name: &str, value: Value, counts: &mut Counts) {
        let Some(at) = self.place(name) else {
            counts.beyond_columns += 1;
            return;
        };
        if at >= cells.len() {
            cells.resize(at + 1, Value::Null);
        }
        if let Some(cell) = cells.get_mut(at) {
            *cell = value;
        }
    }
}

/// How the rows of a part are made.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    /// Column names of rows that are lists.
    header: Option<Vec<String>>,
    is_begun: bool,
    holds_texts: bool,
}

/// What became of a value.
#[derive(Debug)]
pub(crate) enum Made {
    /// Cells of a row.
    Row(Vec<Value>),
    /// Names of the columns.
    Header,
    /// No row.
    Fault(Reason),
}

impl Maker {
    pub(crate) fn new(header: Option<Vec<String>>, columns: &mut Columns) -> Self {
        let header = header.map(distinct);
        columns.declare(header.as_deref().unwrap_or_default());
        Self {
            header,
            ..Self::default()
        }
    }

    /// Rows that are lists have names for their values.
    pub(crate) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    pub(crate) fn make(
        &mut self,
        value: Value,
        columns: &mut Columns,
        counts: &mut Counts,
    ) -> Made {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        match value {
            Value::Object(object) => Made::Row(columns.of_object(unwrapped(object), counts)),
            Value::Array(items) if self.header.is_none() && is_chat(&items) => {
                Made::Row(single(columns, OF_MESSAGES, Value::Array(items), counts))
            }
            Value::Array(items) if is_first && self.header.is_none() && is_header(&items) => {
                let names = texts(&items);
                columns.declare(&names);
                self.header = Some(names);
                Made::Header
            }
            Value::Array(items) => self.of_list(items, columns, counts),
            Value::String(text) if is_first || self.holds_texts => {
                self.holds_texts = true;
                Made::Row(single(columns, OF_TEXT, Value::String(text), counts))
            }
            _ => Made::Fault(Reason::NotARow),
        }
    }

    fn of_list(&mut self, items: Vec<Value>, columns: &mut Columns, counts: &mut Counts) -> Made {
        if let Some(header) = &self.header
            && items.len() > header.len()
        {
            return Made::Fault(Reason::TooManyValues {
                values: items.len(),
                columns: header.len(),
            });
        }
        let mut cells = Vec::new();
        for (at, value) in items.into_iter().enumerate() {
            match self.header.as_ref().and_then(|header| header.get(at)) {
                Some(name) => columns.put(&mut cells, name, value, counts),
                None => columns.put(&mut cells, &format!("column {}", at + 1), value, counts),
            }
        }
        Made::Row(cells)
    }
}

fn single(columns: &mut Columns, name: &str, value: Value, counts: &mut Counts) -> Vec<Value> {
    let mut cells = Vec::new();
    columns.put(&mut cells, name, value, counts);
    cells
}

/// The rows in a value: itself; those of a list of rows inside a list, as pages and batches are written; those of a text
/// that is JSON once more.
pub(crate) fn spread(value: Value, has_header: bool) -> Vec<Value> {
    let value = match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            match parse(&text, &mut Counts::default()) {
                Ok(inner) => inner,
                Err(_no_json) => Value::String(text),
            }
        }
        other => other,
    };
    match value {
        Value::Array(rows)
            if !has_header
                && !rows.is_empty()
                && rows.iter().all(Value::is_object)
                && !is_chat(&rows) =>
        {
            rows
        }
        other => vec![other],
    }
}

/// The dataset viewer wraps each row with its number, Elasticsearch with where it was found.
fn unwrapped(mut object: Map<String, Value>) -> Map<String, Value> {
    let inside = match (
        object.contains_key("row_idx"),
        object.contains_key("_index"),
    ) {
        (true, _) => "row",
        (_, true) => "_source",
        _ => return object,
    };
    match object.get_mut(inside) {
        Some(Value::Object(row)) => std::mem::take(row),
        _ => object,
    }
}

/// A first list that names columns: short, different names, one of them known.
pub(crate) fn is_header(items: &[Value]) -> bool {
    let names = texts(items);
    names.len() == items.len()
        && names
            .iter()
            .all(|name| !name.trim().is_empty() && name.len() <= LONGEST_NAME)
        && names
            .iter()
            .any(|name| names::is_text(name) || names::is_dialogue(name))
        && distinct(names.clone()) == names
}

fn texts(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// Names that stand several times get a number.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    names
        .into_iter()
        .map(|name| {
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            match *count {
                1 => name,
                count => format!("{name} {count}"),
            }
        })
        .collect()
}
