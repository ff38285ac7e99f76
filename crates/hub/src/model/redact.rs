//! Makes a server's text fit to be shown: bounded, without the key.

use crate::Token;

/// Characters of a server's message that are shown.
const SHOWN_CHARS: usize = 600;
/// A part of the key this long is recognised and blotted out.
const KEY_PART: usize = 8;
/// What stands where a key stood.
const BLOTTED: &str = "[key]";

/// A server's text, fit to be shown: without the key or a long part of it, without control characters, cut to a bound.
pub(super) fn shown(text: &str, key: Option<&Token>) -> String {
    let mut safe = match key {
        Some(key) => blot(text, key.secret()),
        None => text.to_owned(),
    };
    safe.retain(|c| !c.is_control() || c == '\n' || c == '\t');
    let safe = safe.trim();
    match safe.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", safe.get(..end).unwrap_or_default()),
        None => safe.to_owned(),
    }
}

/// Replaces every word that holds the key, or its beginning or end of [`KEY_PART`] characters.
fn blot(text: &str, key: &str) -> String {
    let whole = text.replace(key, BLOTTED);
    let length = key.chars().count();
    if length < 2 * KEY_PART {
        return whole;
    }
    let head: String = key.chars().take(KEY_PART).collect();
    let tail: String = key.chars().skip(length - KEY_PART).collect();
    whole
        .split_inclusive(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '(' | ')')
        })
        .map(|word| {
            if !word.contains(&head) && !word.contains(&tail) {
                return word.to_owned();
            }
            let end = word
                .chars()
                .last()
                .filter(|c| c.is_whitespace() || c.is_ascii_punctuation());
            end.map_or_else(|| BLOTTED.to_owned(), |end| format!("{BLOTTED}{end}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_shown_holds_neither_the_key_nor_a_long_part_of_it_and_is_bounded() {
        let key = Token::new("sk-live-0123456789abcdef").unwrap();
        for text in [
            "bad key sk-live-0123456789abcdef!",
            "header \"Bearer sk-live-0123456789abcdef\" refused",
            "key sk-live-****cdef is unknown",
            "key starting with sk-live-0123 is unknown",
            "key ending in 89abcdef, is unknown",
        ] {
            let safe = shown(text, Some(&key));
            assert!(
                !safe.contains("sk-live-") && !safe.contains("89abcdef"),
                "{safe}"
            );
            assert!(safe.contains("[key]"), "{safe}");
        }
        let long = "ä".repeat(10_000);
        assert_eq!(shown(&long, None).chars().count(), SHOWN_CHARS + 1);
        assert_eq!(shown("a\u{1b}[31mb\0", None), "a[31mb");
    }
}
