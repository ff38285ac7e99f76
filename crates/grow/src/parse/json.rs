//! Lists that come as JSON, well-formed or nearly so.

use serde_json::Value;

/// Keys that hold the text of an item.
const TEXT_KEYS: [&str; 9] = [
    "instruction",
    "question",
    "prompt",
    "query",
    "text",
    "task",
    "topic",
    "perspective",
    "name",
];

/// A list found in a text.
pub(crate) struct Found {
    /// Its texts.
    pub(crate) items: Vec<String>,
    /// The list came to its end.
    pub(crate) is_whole: bool,
}

/// The list in `text`, if the text is one: an array of strings or of objects with a text, an object with exactly one
/// such array, or such an array behind a lead-in line. Arrays of strings may be broken: cut off, trailing or missing
/// commas, line breaks in strings.
pub(crate) fn list(text: &str) -> Option<Found> {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return of_value(&value).map(|items| Found {
            items,
            is_whole: true,
        });
    }
    // One object a line.
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|l| !l.is_empty())
        .collect();
    let objects: Vec<String> = lines
        .iter()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|value| text_of(&value))
        .collect();
    if !objects.is_empty() && objects.len() + 1 >= lines.len() {
        return Some(Found {
            is_whole: objects.len() == lines.len(),
            items: objects,
        });
    }
    // An array that begins a line, behind talk or a key.
    let start = text.char_indices().find_map(|(at, c)| {
        let before = text.get(..at)?.trim_end();
        let next = text.get(at + 1..)?.trim_start().chars().next()?;
        (c == '['
            && matches!(next, '"' | '{' | '“')
            && (before.is_empty()
                || before.ends_with([':', '\n', '.', '!'])
                || text.get(..at)?.ends_with('\n')))
        .then_some(at)
    })?;
    let tail = text.get(start..)?;
    let mut stream = serde_json::Deserializer::from_str(tail).into_iter::<Value>();
    if let Some(Ok(value)) = stream.next()
        && let Some(items) = of_value(&value)
    {
        return Some(Found {
            items,
            is_whole: true,
        });
    }
    broken(tail)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => TEXT_KEYS
            .iter()
            .find_map(|key| map.get(*key).and_then(Value::as_str))
            .map(str::to_owned)
            .or_else(|| {
                let mut texts = map.values().filter_map(Value::as_str);
                let first = texts.next()?;
                texts.next().is_none().then(|| first.to_owned())
            }),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(text_of).collect();
            (texts.len() == items.len()).then_some(texts)
        }
        Value::Object(map) => {
            let mut arrays = map.values().filter(|value| value.is_array());
            let first = arrays.next();
            match (first, arrays.next()) {
                (Some(array), None) => of_value(array),
                // {"1": "…", "2": "…"} and {"instruction": "…"}
                (None, None) => map.values().map(text_of).collect(),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The strings of an array that `serde_json` can't read.
fn broken(text: &str) -> Option<Found> {
    let mut items = Vec::new();
    let mut rest = text.strip_prefix('[')?;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.starts_with(']') {
            return Some(Found {
                items,
                is_whole: true,
            });
        }
        let Some(body) = rest.strip_prefix('"') else {
            return (!items.is_empty()).then_some(Found {
                items,
                is_whole: false,
            });
        };
        let mut is_escaped = false;
        let end = body.char_indices().find_map(|(at, c)| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end.then_some(at)
        });
        let Some(end) = end else {
            // The string was cut off; it still counts as an item, to be dropped as such.
            items.push(body.to_owned());
            return Some(Found {
                items,
                is_whole: false,
            });
        };
        let (inner, after) = body.split_at_checked(end)?;
        let literal = format!("\"{}\"", inner.replace(['\n', '\r', '\t'], " "));
        items.push(serde_json::from_str(&literal).unwrap_or_else(|_| inner.to_owned()));
        rest = after.get(1..).unwrap_or_default();
    }
}
