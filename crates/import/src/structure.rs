//! Cells that hold a list or an object as text, as tables without types do.

use crate::literal;
use serde_json::Value;
use std::borrow::Cow;

/// What a cell holds: the list or object that its text spells, in JSON or as Python prints it; else the cell.
pub fn structured(cell: &Value) -> Cow<'_, Value> {
    if let Value::String(text) = cell
        && is_enclosed(text)
        && let Ok(value @ (Value::Array(_) | Value::Object(_))) = literal::parse(text)
    {
        return Cow::Owned(value);
    }
    Cow::Borrowed(cell)
}

/// Brackets around all of it: nothing else is worth a try.
fn is_enclosed(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with('[') && text.ends_with(']')) || (text.starts_with('{') && text.ends_with('}'))
}
