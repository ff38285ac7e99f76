//! Tables that are not lists of rows: by column, by name of the row, with names apart. They are read from the whole file.

use super::layout::Orientation;
use super::names;
use super::rows::is_header;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A table of a part, ready to be given row by row.
#[derive(Debug)]
pub(crate) struct Table {
    /// Name of the part.
    pub(crate) part: String,
    /// Column names, where rows are lists.
    pub(crate) header: Option<Vec<String>>,
    /// Its rows.
    pub(crate) rows: Rows,
}

/// Where the rows come from.
#[derive(Debug)]
pub(crate) enum Rows {
    /// They stand there.
    Whole(std::vec::IntoIter<Value>),
    /// Each is put together from lists.
    Lists(usize, Vec<std::vec::IntoIter<Value>>),
    /// Each is put together from objects by these names.
    Keyed(std::vec::IntoIter<String>, Vec<HashMap<String, Value>>),
}

impl Iterator for Rows {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match self {
            Self::Whole(rows) => rows.next(),
            Self::Lists(left, columns) => {
                *left = left.checked_sub(1)?;
                let cells = columns
                    .iter_mut()
                    .map(|column| column.next().unwrap_or_default());
                Some(Value::Array(cells.collect()))
            }
            Self::Keyed(keys, columns) => {
                let key = keys.next()?;
                let cells = columns
                    .iter_mut()
                    .map(|column| column.remove(&key).unwrap_or_default());
                Some(Value::Array(cells.collect()))
            }
        }
    }
}

/// The tables of a file that is held whole.
pub(crate) fn tables(value: Value) -> Vec<Table> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: Value, part: String, into: &mut Vec<Table>) {
    let Value::Object(object) = value else {
        let rows = match value {
            Value::Array(rows) => rows,
            other => vec![other],
        };
        return into.push(whole(part, rows));
    };
    if let Some(orientation) = orientation_of(&object, true) {
        return into.push(table(object, orientation, part));
    }
    let Some((_, parts)) = orientations_below(&object, true) else {
        return into.push(whole(part, vec![Value::Object(object)]));
    };
    for (name, inner) in object {
        if parts.contains(&name) {
            let part = if part.is_empty() {
                name
            } else {
                format!("{part}/{name}")
            };
            collect(inner, part, into);
        }
    }
}

fn whole(part: String, rows: Vec<Value>) -> Table {
    Table {
        part,
        header: None,
        rows: Rows::Whole(rows.into_iter()),
    }
}

fn table(object: Map<String, Value>, orientation: Orientation, part: String) -> Table {
    let (header, rows) = match orientation {
        Orientation::Index => {
            let rows: Vec<Value> = in_order(object.into_iter().collect());
            (None, Rows::Whole(rows.into_iter()))
        }
        Orientation::Split => split(object),
        Orientation::Lists => lists(object),
        Orientation::Columns => keyed(object),
    };
    Table { part, header, rows }
}

/// Values in the order of their names, if all of them are numbers.
fn in_order(mut rows: Vec<(String, Value)>) -> Vec<Value> {
    if rows.iter().all(|(name, _)| is_whole(name)) {
        rows.sort_by_cached_key(|(name, _)| name.parse::<i64>().unwrap_or(i64::MAX));
    }
    rows.into_iter().map(|(_, value)| value).collect()
}

fn split(mut object: Map<String, Value>) -> (Option<Vec<String>>, Rows) {
    let name = object
        .keys()
        .find(|name| names::is_header(name))
        .cloned()
        .unwrap_or_default();
    let header = object.remove(&name).as_ref().and_then(header_of);
    let rows = object
        .into_iter()
        .find_map(|(_, value)| match value {
            Value::Array(rows) if rows.iter().all(Value::is_array) && !rows.is_empty() => {
                Some(rows)
            }
            _ => None,
        })
        .unwrap_or_default();
    (header, Rows::Whole(rows.into_iter()))
}

/// Column names of a list of names, or of objects with names.
pub(crate) fn header_of(list: &Value) -> Option<Vec<String>> {
    list.as_array()?
        .iter()
        .map(|item| match item {
            Value::String(name) => Some(name.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Object(column) => column.get("name")?.as_str().map(str::to_owned),
            // Names of several levels.
            Value::Array(levels) => {
                let levels: Vec<&str> = levels.iter().filter_map(Value::as_str).collect();
                Some(levels.join("."))
            }
            _ => None,
        })
        .collect()
}

fn lists(object: Map<String, Value>) -> (Option<Vec<String>>, Rows) {
    let (names, columns): (Vec<String>, Vec<Vec<Value>>) = object
        .into_iter()
        .map(|(name, column)| match column {
            Value::Array(values) => (name, values),
            _ => (name, Vec::new()),
        })
        .unzip();
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let columns = columns.into_iter().map(Vec::into_iter).collect();
    (Some(names), Rows::Lists(rows, columns))
}

fn keyed(object: Map<String, Value>) -> (Option<Vec<String>>, Rows) {
    let mut keys: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut names = Vec::new();
    let mut columns = Vec::new();
    for (name, column) in object {
        let Value::Object(cells) = column else {
            continue;
        };
        for key in cells.keys() {
            if seen.insert(key.clone()) {
                keys.push(key.clone());
            }
        }
        names.push(name);
        columns.push(cells.into_iter().collect());
    }
    if keys.iter().all(|key| is_whole(key)) {
        keys.sort_by_cached_key(|key| key.parse::<i64>().unwrap_or(i64::MAX));
    }
    (Some(names), Rows::Keyed(keys.into_iter(), columns))
}

/// A whole number, as pandas writes the names of rows.
fn is_whole(name: &str) -> bool {
    let digits = name.strip_prefix('-').unwrap_or(name);
    !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number or a date, as pandas names rows.
fn is_of_row(name: &str) -> bool {
    let is_date = name.len() >= 10
        && name
            .bytes()
            .take(10)
            .enumerate()
            .all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
    is_date || is_whole(name)
}

/// A list of messages.
pub(crate) fn is_chat(items: &[Value]) -> bool {
    items
        .first()
        .and_then(Value::as_object)
        .is_some_and(|item| {
            item.keys()
                .filter(|name| names::is_of_message(name))
                .count()
                >= 2
                || (item.len() == 1 && item.keys().all(|name| names::is_of_message(name)))
        })
}

/// The orientation of an object that is one table. `is_complete` says that it was seen to its end; else its last member
/// may be shorter than it is.
pub(crate) fn orientation_of(
    object: &Map<String, Value>,
    is_complete: bool,
) -> Option<Orientation> {
    if object.is_empty() {
        return Some(Orientation::Columns);
    }
    if let Some(is_late) = split_form(object) {
        return is_late.then_some(Orientation::Split);
    }
    if object.values().all(Value::is_object) {
        return by_name(object, is_complete);
    }
    // One column alone.
    if object.values().all(Value::is_string) && object.keys().all(|name| is_of_row(name)) {
        return Some(Orientation::Index);
    }
    if object.values().all(Value::is_array) && is_lists(object, is_complete) {
        return Some(Orientation::Lists);
    }
    None
}

/// Whether the names of columns stand apart from rows that are lists, and if so whether behind them. Where they stand
/// before, the rows can be read as they come.
pub(crate) fn split_form(object: &Map<String, Value>) -> Option<bool> {
    let header = object.iter().position(|(name, value)| {
        names::is_header(name) && header_of(value).is_some_and(|names| !names.is_empty())
    })?;
    let rows = object.iter().position(|(name, value)| {
        !names::is_header(name)
            && value
                .as_array()
                .is_some_and(|rows| !rows.is_empty() && rows.iter().all(Value::is_array))
    });
    match rows {
        Some(rows) => Some(rows < header),
        // Names and numbers of rows, and the sample or the table ends.
        None => object.contains_key("index").then_some(false),
    }
}

/// Objects of objects: which of the two names the rows?
fn by_name(object: &Map<String, Value>, is_complete: bool) -> Option<Orientation> {
    let inner: Vec<&Map<String, Value>> = object.values().filter_map(Value::as_object).collect();
    let cells = || inner.iter().flat_map(|member| member.values());
    if object.keys().any(|name| names::is_container(name))
        && cells().all(|cell| cell.is_object() || cell.is_array())
    {
        return None;
    }
    if inner.iter().all(|member| member.is_empty()) {
        return (inner.len() > 1).then_some(Orientation::Columns);
    }
    let is_numbered_outside = object.keys().all(|name| is_of_row(name));
    let is_numbered_inside = inner
        .iter()
        .all(|member| member.keys().all(|name| is_of_row(name)));
    match (is_numbered_outside, is_numbered_inside) {
        (_, true) => Some(Orientation::Columns),
        (true, false) => Some(Orientation::Index),
        (false, false) => by_words(object, &inner, is_complete),
    }
}

/// Rows have names that are words.
fn by_words(
    object: &Map<String, Value>,
    inner: &[&Map<String, Value>],
    is_complete: bool,
) -> Option<Orientation> {
    // Of a sample the last member is not whole.
    let seen = inner.len() - usize::from(!is_complete && inner.len() > 1);
    let inner = inner.get(..seen).unwrap_or_default();
    if inner.len() < 1 + usize::from(is_complete)
        || inner
            .iter()
            .all(|member| member.values().all(Value::is_array))
    {
        return None;
    }
    let is_text_outside = object
        .keys()
        .any(|name| names::is_text(name) || names::is_dialogue(name));
    let has_text = |member: &&Map<String, Value>| {
        member
            .keys()
            .any(|name| names::is_text(name) || names::is_dialogue(name))
    };
    let first = inner.first()?;
    let is_alike = inner.iter().all(|member| {
        member.len() == first.len() && member.keys().all(|name| first.contains_key(name))
    });
    if is_text_outside && is_alike && !inner.iter().any(has_text) {
        Some(Orientation::Columns)
    } else if inner.iter().all(has_text)
        || (is_alike && inner.len() >= 3 && inner.len() > first.len())
    {
        Some(Orientation::Index)
    } else {
        None
    }
}

/// Lists of one length, of which not all are lists of rows.
fn is_lists(object: &Map<String, Value>, is_complete: bool) -> bool {
    let columns: Vec<(&String, &Vec<Value>)> = object
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_array()?)))
        .collect();
    if columns.iter().all(|(name, _)| names::is_container(name)) {
        return false;
    }
    let is_part = |name: &str, values: &[Value]| {
        names::is_container(name) && matches!(values.first(), Some(Value::Object(_)))
    };
    let is_column = |name: &str, values: &[Value]| match values.first() {
        None => columns.len() > 1,
        Some(Value::Object(_)) => false,
        Some(Value::Array(_)) => {
            names::is_dialogue(name) || (columns.len() > 1 && !names::is_container(name))
        }
        Some(_) => true,
    };
    // A sheet: its first row names the columns.
    let is_sheet = |values: &[Value]| {
        let first = values.first().and_then(Value::as_array);
        first.is_some_and(|names| is_header(names))
    };
    if columns
        .iter()
        .any(|(name, values)| is_part(name, values) || is_sheet(values))
        || !columns.iter().any(|(name, values)| is_column(name, values))
    {
        return false;
    }
    let seen = columns.len() - usize::from(!is_complete);
    let lengths: Vec<usize> = columns
        .iter()
        .take(seen)
        .map(|(_, values)| values.len())
        .collect();
    lengths.windows(2).all(|pair| pair.first() == pair.last())
}

/// The orientation of the tables below the names of an object, and the names.
pub(crate) fn orientations_below(
    object: &Map<String, Value>,
    is_complete: bool,
) -> Option<(Orientation, Vec<String>)> {
    let is_row = object
        .iter()
        .any(|(name, value)| value.is_string() && names::is_text(name));
    if is_row {
        return None;
    }
    let mut found = None;
    let mut parts = Vec::new();
    for (name, value) in object {
        let Some(inner) = value.as_object().filter(|inner| !inner.is_empty()) else {
            continue;
        };
        let orientation = if names::is_sure_container(name) || object.len() == 1 {
            orientation_of(inner, is_complete)
                .or_else(|| orientations_below(inner, is_complete).map(|(below, _)| below))
        } else {
            object
                .values()
                .all(Value::is_object)
                .then(|| orientation_of(inner, is_complete))
                .flatten()
        };
        if let Some(orientation) = orientation {
            found.get_or_insert(orientation);
            parts.push(name.clone());
        }
    }
    Some((found?, parts))
}
