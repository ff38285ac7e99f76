//! JSON files of rows: one object per line, one array of objects, or an object that holds one such array.
//!
//! Arrays are cut into their items before anything is parsed, so that one broken item is one problem with its own
//! line, and a large file is never held as a whole tree.

use super::{Collected, newlines};
use serde_json::{Map, Value};

/// Names under which files keep their rows.
const CONTAINERS: [&str; 6] = ["rows", "data", "records", "train", "examples", "items"];

pub(super) fn read(text: &str, into: &mut Collected) {
    let start = text.len() - text.trim_start().len();
    let body = text.trim();
    let line = 1 + newlines(text.get(..start).unwrap_or_default());
    match body.chars().next() {
        // Lines that are lists are not rows; a lone list is a file of rows.
        Some('[') => read_array(body, line, into),
        Some('{') if !first_line_is_json(body) => {
            if !read_container(body, line, into) {
                read_lines(body, line, into);
            }
        }
        Some('{') if body.lines().nth(1).is_none() && read_container(body, line, into) => {}
        _ => read_lines(body, line, into),
    }
}

fn first_line_is_json(body: &str) -> bool {
    body.lines()
        .next()
        .is_some_and(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok())
}

fn read_lines(body: &str, first: usize, into: &mut Collected) {
    for (at, line) in body.split('\n').enumerate() {
        let number = first + at;
        if line.trim().is_empty() {
            continue;
        }
        if into.is_full() {
            into.cut_at(number - 1);
            return;
        }
        read_item(line, number, into);
    }
}

fn read_array(body: &str, first: usize, into: &mut Collected) {
    for (line, item) in Items::new(body, first) {
        if into.is_full() {
            into.cut_at(line);
            return;
        }
        read_item(item, line, into);
    }
}

/// An object that holds the rows: one member of a telling name, or the only member that is a list of objects.
/// `false`, and nothing read, when this is not such an object.
fn read_container(body: &str, first: usize, into: &mut Collected) -> bool {
    // Lines of objects have no one closing brace; they are not a container.
    if serde_json::from_str::<serde::de::IgnoredAny>(body).is_err() {
        return false;
    }
    let lists: Vec<(String, usize, &str)> = Items::new(body, first)
        .filter_map(|(line, member)| {
            let (name, value) = split_member(member)?;
            let at = line + newlines(member.get(..member.len() - value.len())?);
            let value = value.trim_end();
            let holds_objects = value
                .strip_prefix('[')
                .is_some_and(|rest| rest.trim_start().starts_with('{'));
            holds_objects.then_some((name, at, value))
        })
        .collect();
    let named = lists
        .iter()
        .find(|(name, ..)| CONTAINERS.contains(&name.to_ascii_lowercase().as_str()));
    let only = match lists.as_slice() {
        // A single row with its dialogue or its instances is a row, not a container.
        [one] if !super::columns::is_known(&one.0) && one.0 != "instances" => Some(one),
        _ => None,
    };
    match named.or(only) {
        Some((_, line, list)) => {
            read_array(list, *line, into);
            true
        }
        // A file of one row over several lines.
        None if newlines(body) > 0 => {
            read_item(body, first, into);
            true
        }
        None => false,
    }
}

/// `"name" : value` → name and value.
fn split_member(member: &str) -> Option<(String, &str)> {
    let mut stream = serde_json::Deserializer::from_str(member).into_iter::<String>();
    let name = stream.next()?.ok()?;
    let rest = member.get(stream.byte_offset()..)?;
    Some((name, rest.trim_start().strip_prefix(':')?.trim_start()))
}

fn read_item(item: &str, line: usize, into: &mut Collected) {
    match serde_json::from_str::<Value>(item) {
        Ok(Value::Object(object)) => into.object(line, unwrapped(&object)),
        Ok(other) => {
            let fault = format!("expected an object, found {}", kind_of(&other));
            into.not_json(line, fault);
        }
        Err(error) => {
            let text = error.to_string();
            // The library counts lines inside the item; the file's line is named beside it.
            let what = text
                .rsplit_once(" at line ")
                .map_or(text.as_str(), |(what, _)| what);
            let fault = if error.is_eof() {
                "it ends too early".to_owned()
            } else {
                format!("{what} (column {})", error.column())
            };
            into.not_json(line, fault);
        }
    }
}

/// The dataset viewer's API wraps each row with its number.
fn unwrapped(object: &Map<String, Value>) -> &Map<String, Value> {
    match (object.get("row_idx"), object.get("row")) {
        (Some(_), Some(Value::Object(row))) => row,
        _ => object,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The items of an array or the members of an object, as text with the line they begin on. What is not closed at the
/// end of the text is the last item.
struct Items<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Items<'a> {
    /// `text` begins with its bracket.
    fn new(text: &'a str, line: usize) -> Self {
        let rest = text.get(1..).unwrap_or_default();
        Self { rest, line }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.len() - self.rest.trim_start().len();
        self.line += newlines(self.rest.get(..start)?);
        let rest = self.rest.get(start..)?;
        if rest.is_empty() || rest.starts_with([']', '}']) {
            return None;
        }
        let mut depth = 0_usize;
        let mut is_in_text = false;
        let mut is_escaped = false;
        let mut end = rest.len();
        // All marks are ASCII, so bytes will do and cuts fall between characters.
        for (at, byte) in rest.bytes().enumerate() {
            if is_in_text {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' => is_in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => is_in_text = true,
                b'[' | b'{' => depth += 1,
                b']' | b'}' if depth > 0 => depth -= 1,
                b',' | b']' | b'}' if depth == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let (item, after) = rest.split_at_checked(end)?;
        let line = self.line;
        self.line += newlines(item);
        // A closing bracket stays, so that the next call ends.
        self.rest = after.strip_prefix(',').unwrap_or(after);
        Some((line, item))
    }
}
