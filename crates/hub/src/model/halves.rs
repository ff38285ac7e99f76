//! Halves of characters: relays that count in UTF-16 cut a character beyond U+FFFF in two, and JSON's escapes can write
//! each half, though no text holds one.

use serde_json::Value;
use std::borrow::Cow;

/// Stands before the four digits of a half. No text holds it: it is no character.
const MARK: char = '\u{10fffe}';

/// Reads JSON in which halves may stand alone; strings hold them as [`Halves`] joins them.
pub(super) fn read(text: &str) -> serde_json::Result<Value> {
    match serde_json::from_str(text) {
        Err(error) => match marked(text) {
            Some(marked) => serde_json::from_str(&marked),
            None => Err(error),
        },
        read => read,
    }
}

/// The JSON with its lone halves marked; `None` when it has none.
fn marked(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        at = match unit(text, escape) {
            Some(0xD800..=0xDBFF) if matches!(unit(text, escape + 6), Some(0xDC00..=0xDFFF)) => {
                escape + 12
            }
            Some(0xD800..=0xDFFF) => {
                out.push_str(text.get(from..escape)?);
                out.push(MARK);
                from = escape + 2;
                escape + 6
            }
            // The character behind a backslash is one of ASCII in every JSON.
            _ => escape + 2,
        };
    }
    (from > 0).then(|| out + text.get(from..).unwrap_or_default())
}

/// The unit that the escape at `at` writes.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

/// Puts the halves of a text together that comes in pieces. One without the other is left out.
#[derive(Debug, Default)]
pub(super) struct Halves {
    first: Option<u16>,
}

impl Halves {
    pub(super) fn join<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        if piece.is_empty() || (self.first.is_none() && !piece.contains(MARK)) {
            return Cow::Borrowed(piece);
        }
        let mut whole = String::with_capacity(piece.len());
        for (index, part) in piece.split(MARK).enumerate() {
            let mut part = part;
            if index > 0 {
                let digits = part.get(..4).unwrap_or_default();
                let Ok(half) = u16::from_str_radix(digits, 16) else {
                    continue;
                };
                part = part.get(4..).unwrap_or_default();
                let pair = [self.first.take().unwrap_or_default(), half];
                whole.extend(
                    char::decode_utf16(pair)
                        .next()
                        .and_then(Result::ok)
                        .filter(|c| *c > '\u{ffff}'),
                );
                if half < 0xDC00 {
                    self.first = Some(half);
                }
            }
            if !part.is_empty() {
                self.first = None;
                whole.push_str(part);
            }
        }
        Cow::Owned(whole)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn joined(pieces: &[&str]) -> String {
        let mut halves = Halves::default();
        let read = |piece: &&str| {
            let json = format!("\"{piece}\"");
            read(&json).unwrap().as_str().unwrap().to_owned()
        };
        pieces
            .iter()
            .map(|piece| halves.join(&read(piece)).into_owned())
            .collect()
    }

    #[test]
    fn halves_are_put_together_over_any_cut_and_a_lone_one_costs_nothing_else() {
        let cases: [(&[&str], &str); 11] = [
            (&[r"a \ud83c", r"\udf31 b"], "a 🌱 b"),
            (&[r"\ud83c", "", r"\udf31"], "🌱"),
            (&[r"\ud83c\udf31"], "🌱"),
            (&[r"\ud83c", r"\udf31\ud83d", r"\udca7"], "🌱💧"),
            (&[r"a\ud83cb"], "ab"),
            (&[r"a\udf31b", "c"], "abc"),
            (&[r"a\ud83c", "b", r"\udf31c"], "abc"),
            (&[r"\ud83c\ud83c", r"\udf31"], "🌱"),
            (&[r"\\ud83c and \\\udf31"], r"\ud83c and \"),
            (&[r"\u00e9 \ud83c"], "é "),
            (&["🌱", r"\ud83c", "🌱"], "🌱🌱"),
        ];
        for (pieces, text) in cases {
            assert_eq!(joined(pieces), text, "{pieces:?}");
        }
        assert!(read(r#"{"a":"\ud83c"#).is_err());
        assert!(read(r#""\ud8"#).is_err());
    }
}
