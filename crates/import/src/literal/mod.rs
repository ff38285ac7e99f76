//! Values inside texts: Python's literals as pandas' CSV writes them, NumPy's arrays as they are printed, JSON in JSON.
//!
//! JSON is tried first. What Python has and JSON has not becomes the nearest: tuples and sets are lists, `None`, `nan` and
//! infinities null, bytes text if they are UTF-8, calls such as `Decimal('1')` the text they stand as.
//!
//! **`['a' 'b']`** is two items in NumPy and one text, `'ab'`, in Python's source. Cells are printed, and no program prints
//! texts to be joined; so it is NumPy's list where brackets hold no comma and space stands between the texts. With a comma
//! anywhere in the same brackets, without a space, or outside `[…]` the texts are joined as in source that a person wrote.

mod numbers;
mod parser;
mod text;

#[cfg(test)]
mod tests;

use crate::json::{Counts, MAX_DEPTH};
use serde_json::Value;

/// Texts of a column that are looked at before all of it is taken for nested values.
pub const SAMPLED: usize = 200;

/// Why a text holds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// NumPy printed `...` in place of items.
    #[error(
        "NumPy left items out when this was written (\"...\"); they are lost, save the table again as JSON lines or Parquet"
    )]
    Cut,
    /// It ends within a value.
    #[error("it ends too early")]
    EndsEarly,
    /// Nested too deep.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Neither JSON nor a literal of Python.
    #[error("neither JSON nor a value of Python: {0}")]
    NotALiteral(&'static str),
}

/// The value that a text writes: JSON, a literal of Python, or an array as NumPy prints it.
pub fn parse(text: &str) -> Result<Value, LiteralError> {
    let text = text.trim();
    match crate::json::parse(text, &mut Counts::default()) {
        Ok(value) => Ok(value),
        Err(_not_json) => parser::parse(text),
    }
}

/// What the texts of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    /// Lists of objects, e.g. of messages.
    Objects,
    /// Other lists.
    Lists,
    /// Objects.
    Object,
}

/// Whether the texts of a column are nested values, by a sample of them: at least 95 of 100 must hold the same kind. Blank
/// texts say nothing. Decided once for a column; then [`parse`] is for each cell, and one that fails stays text.
pub fn parse_nested<'a>(sample: impl IntoIterator<Item = &'a str>) -> bool {
    nested(sample).is_some()
}

/// As [`parse_nested`], with the kind.
pub fn nested<'a>(sample: impl IntoIterator<Item = &'a str>) -> Option<Nested> {
    let mut texts = 0;
    let mut empty_lists = 0;
    let mut kinds = [
        (Nested::Objects, 0),
        (Nested::Lists, 0),
        (Nested::Object, 0),
    ];
    let telling = sample
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    for text in telling.take(SAMPLED) {
        texts += 1;
        if !text.starts_with(|c: char| matches!(c, '[' | '{' | '(') || c.is_ascii_alphabetic()) {
            continue;
        }
        let kind = match parse(text) {
            Ok(Value::Array(items)) if items.is_empty() => {
                empty_lists += 1;
                continue;
            }
            Ok(Value::Array(items)) if items.iter().all(Value::is_object) => Nested::Objects,
            // A cut list shows its kind no less; its cells fail one by one, in words.
            Ok(Value::Array(_)) | Err(LiteralError::Cut) => Nested::Lists,
            Ok(Value::Object(_)) => Nested::Object,
            _ => continue,
        };
        for (known, count) in &mut kinds {
            *count += usize::from(*known == kind);
        }
    }
    // An empty list is of any kind of list.
    kinds
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| match kind {
            Nested::Object => (kind, count),
            _ => (kind, count + empty_lists),
        })
        .find(|(_, count)| count * 100 >= texts * 95)
        .map(|(kind, _)| kind)
}
