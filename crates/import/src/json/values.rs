//! The values of one piece of text.

use super::text::Counts;
use super::value::{Broken, parse_first};
use crate::literal;
use serde_json::Value;

/// Without what may stand around a value.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '\u{1e}' | '\u{feff}'))
}

/// The values that follow one another in a text, and what is wrong behind them. Behind a value may only stand another
/// one; with anything else it is none.
pub(super) fn values(text: &str, counts: &mut Counts) -> (Vec<Value>, Option<Broken>) {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (value, end) = match parse_first(rest, counts) {
            Ok(first) => first,
            Err(broken) => return (found, Some(broken)),
        };
        rest = rest.get(end..).unwrap_or_default();
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if !rest.is_empty() && !rest.starts_with(['{', '[']) {
            return (found, Some(Broken::Other("more text behind its end")));
        }
        found.push(value);
    }
    (found, None)
}

/// A row that Python printed: `{'q': 'a'}`. Only a name in single quotation marks shows that it did.
pub(super) fn python(text: &str) -> Option<Value> {
    let inside = text.strip_prefix('{')?.trim_start();
    if !inside.starts_with('\'') {
        return None;
    }
    literal::parse(text).ok().filter(Value::is_object)
}
