//! Which layout a JSON file has, from its beginning.

use super::layout::{Known, Layout};
use super::names;
use super::orient::{is_chat, orientation_of, orientations_below, split_form};
use super::value::{Glimpse, glimpse};
use serde_json::{Map, Value};

/// Lines looked at when the first of them is broken.
const LINES: usize = 20;
/// Deepest place of rows in an object.
const DEEPEST: usize = 3;

/// How much of a file tells its layout well, in bytes.
pub const SAMPLE: usize = 1 << 20;

/// Says how a JSON file is laid out, from its beginning: [`SAMPLE`] bytes, or the whole file if it is shorter.
///
/// It never fails: what is not JSON at all is taken for lines, each of which will be a fault in words.
pub fn sniff(sample: &str) -> Layout {
    let text =
        sample.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{1e}');
    if !text.starts_with(['{', '[']) {
        return Layout::Lines;
    }
    let seen = glimpse(text);
    if let Some(known @ Layout::Other(Known::Project)) = known(&seen.value) {
        return known;
    }
    if seen.broken.is_some() {
        return if is_broken_line(text, &seen) {
            Layout::Lines
        } else {
            of_one(&seen.value, false)
        };
    }
    let (value, behind) = text.split_at_checked(seen.end).unwrap_or((text, ""));
    let rest = behind.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{1e}');
    if !rest
        .lines()
        .take(LINES)
        .any(|line| line.starts_with(['{', '[']))
    {
        return of_one(&seen.value, true);
    }
    let gap = behind.get(..behind.len() - rest.len()).unwrap_or_default();
    of_several(&seen.value, value, gap)
}

/// Several values, one after another.
fn of_several(first: &Value, text: &str, gap: &str) -> Layout {
    match first {
        // Pages of a list that were put together.
        Value::Array(items) if items.iter().all(Value::is_object) && !is_chat(items) => {
            Layout::List
        }
        // Pages of the dataset viewer.
        Value::Object(page) if is_viewer(page) => of_object(page, true),
        _ if gap.contains('\n') && !text.contains('\n') => Layout::Lines,
        _ => Layout::Values,
    }
}

/// A page of the dataset viewer's rows.
fn is_viewer(page: &Map<String, Value>) -> bool {
    matches!(page.get("rows"), Some(Value::Array(rows)) if rows.first().is_some_and(|row| row.get("row_idx").is_some()))
}

/// The first value broke on its first line, and others begin like it on lines of their own.
fn is_broken_line(text: &str, seen: &Glimpse) -> bool {
    let bracket = text.get(..1).unwrap_or_default();
    let first = text.find('\n').unwrap_or(text.len());
    let at = seen.torn_text.unwrap_or(seen.end).min(seen.end);
    if seen.broken == Some(super::value::Broken::EndsEarly) && seen.torn_text.is_none() {
        return false;
    }
    let is_empty = match &seen.value {
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    let others = text.get(first..).unwrap_or_default().lines().skip(1);
    let is_line = |line: &str| {
        let line = line.trim().trim_end_matches(',');
        line.starts_with(bracket) && (line.ends_with(['}', ']']))
    };
    (at <= first && others.take(LINES).any(is_line)) || (is_empty && bracket == "{")
}

/// One value is the whole file; `is_complete` when it was seen to its end.
fn of_one(value: &Value, is_complete: bool) -> Layout {
    match value {
        Value::Object(object) => known(value).unwrap_or_else(|| of_object(object, is_complete)),
        _ => Layout::List,
    }
}

/// Names in a seed, of which some may be missing.
const SEED: [&str; 4] = ["domain", "topics", "perspectives", "domain_expert_prompt"];
/// Names by which an object with a topic or a domain is a row all the same.
const ROW: [&str; 12] = [
    "instruction",
    "prompt",
    "question",
    "query",
    "input",
    "messages",
    "conversations",
    "response",
    "answer",
    "output",
    "completion",
    "text",
];

/// Files that other parts of the program read.
fn known(value: &Value) -> Option<Layout> {
    let object = value.as_object()?;
    let has = |name: &str| object.contains_key(name);
    let kind = if has("seedbed_project") || has("seedbed_bundle") {
        Known::Project
    } else if SEED.iter().any(|name| has(name)) && !ROW.iter().any(|name| has(name)) {
        // A damaged one too: what is wrong with it is told by whoever reads seeds.
        Known::Seed
    } else if has("self_instruct_num_generations")
        || has("self_intruct_num_generations")
        || has("domain_expert_num_generations")
    {
        Known::Settings
    } else {
        return None;
    };
    Some(Layout::Other(kind))
}

fn of_object(object: &Map<String, Value>, is_complete: bool) -> Layout {
    if split_form(object) == Some(false) {
        let mut paths = Vec::new();
        places(object, &mut Vec::new(), 1, &mut paths);
        return Layout::Wrapped { depth: 1, paths };
    }
    if let Some(orientation) = orientation_of(object, is_complete) {
        return Layout::ByColumn {
            orientation,
            parts: Vec::new(),
        };
    }
    for depth in 1..=DEEPEST {
        let mut paths = Vec::new();
        places(object, &mut Vec::new(), depth, &mut paths);
        // Inside inner objects also lists stand that only describe.
        let is_telling = |path: &Vec<String>| path.iter().any(|name| names::is_container(name));
        if depth > 1 && paths.iter().any(is_telling) {
            paths.retain(is_telling);
        }
        if !paths.is_empty() {
            return Layout::Wrapped { depth, paths };
        }
    }
    match orientations_below(object, is_complete) {
        Some((orientation, parts)) => Layout::ByColumn { orientation, parts },
        None => Layout::Row,
    }
}

/// Paths of the lists of rows exactly `depth` names deep. None where the object is itself a row.
fn places(
    object: &Map<String, Value>,
    path: &mut Vec<String>,
    depth: usize,
    into: &mut Vec<Vec<String>>,
) {
    let is_row = object
        .iter()
        .any(|(name, value)| value.is_string() && names::is_text(name));
    for (name, value) in object {
        if is_row && !names::is_sure_container(name) {
            continue;
        }
        path.push(name.clone());
        match value {
            Value::Array(items) if path.len() == depth && holds_rows(name, items) => {
                into.push(path.clone());
            }
            Value::Object(inner) if path.len() < depth => places(inner, path, depth, into),
            _ => {}
        }
        path.pop();
    }
}

/// Whether a list under this name is a list of rows.
fn holds_rows(name: &str, items: &[Value]) -> bool {
    match items.first() {
        Some(_) if names::is_beside(name) => false,
        Some(Value::Object(_)) if names::is_dialogue(name) => !is_chat(items),
        Some(Value::Object(_) | Value::Array(_)) => !names::is_value(name),
        Some(Value::String(_)) | None => names::is_container(name),
        Some(_) => false,
    }
}
