//! What an expert changed, word by word: a bounded diff ([`word_diff`]) and its view with `ins` and `del`.
//!
//! It runs on every key press in an editor, so common beginnings and ends are cut off first, and texts that stay too
//! long for words are compared by lines, then as a whole.

use leptos::prelude::*;
use std::collections::HashMap;

/// Words (or lines) of old times new that are compared at most.
const MAX_WORK: usize = 4_000_000;
/// Unchanged text longer than this, in characters, is folded to its two ends.
const FOLD_CHARS: usize = 360;
/// What stays of folded text on either side.
const CONTEXT_CHARS: usize = 120;

/// What happened to a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In both.
    Same,
    /// Only in the old text.
    Removed,
    /// Only in the new text.
    Added,
}

/// A piece of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What happened to it.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// The pieces that lead from `old` to `new`: the unchanged and removed ones make up `old`, the unchanged and added
/// ones make up `new`, in order.
pub fn word_diff(old: &str, new: &str) -> Vec<Part> {
    let prefix = common_prefix(old, new);
    let suffix = common_suffix(&old[prefix..], &new[prefix..]);
    let (old_mid, new_mid) = (
        &old[prefix..old.len() - suffix],
        &new[prefix..new.len() - suffix],
    );
    let mut parts = Parts::default();
    parts.push(Kind::Same, &old[..prefix]);
    let is_done = parts.compare(&words(old_mid), &words(new_mid))
        || parts.compare(
            &old_mid.split_inclusive('\n').collect::<Vec<_>>(),
            &new_mid.split_inclusive('\n').collect::<Vec<_>>(),
        );
    if !is_done {
        parts.push(Kind::Removed, old_mid);
        parts.push(Kind::Added, new_mid);
    }
    parts.push(Kind::Same, &old[old.len() - suffix..]);
    join_islands(parts.0)
}

/// What a text is made of, for comparing: words, stretches of white space, single marks, and single characters of
/// scripts that are written without spaces.
fn words(text: &str) -> Vec<&str> {
    #[derive(PartialEq)]
    enum Class {
        Word,
        Space,
        Single,
    }
    let class = |c: char| {
        if c.is_whitespace() {
            Class::Space
        } else if c.is_ascii_punctuation()
            || matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
        {
            Class::Single
        } else {
            // Everything else, so that a letter keeps its accents and a picture its parts.
            Class::Word
        }
    };
    let mut found = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let now = class(c);
        if before.is_some_and(|before| before != now || now == Class::Single) {
            found.push(&text[start..at]);
            start = at;
        }
        before = Some(now);
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// Bytes of the common beginning, up to the last place where both are between words.
fn common_prefix(old: &str, new: &str) -> usize {
    let mut boundary = 0;
    let mut at = 0;
    let mut others = new.chars();
    for c in old.chars() {
        if others.next() != Some(c) {
            return boundary;
        }
        at += c.len_utf8();
        if c.is_whitespace() {
            boundary = at;
        }
    }
    // All of the old text stands at the beginning of the new one; a longer last word is another word.
    match others.next() {
        None => at,
        Some(c) if c.is_whitespace() => at,
        Some(_) => boundary,
    }
}

/// Bytes of the common end, down to a place where both are between words.
fn common_suffix(old: &str, new: &str) -> usize {
    let mut boundary = 0;
    let mut at = 0;
    let mut others = new.chars().rev();
    for c in old.chars().rev() {
        if others.next() != Some(c) {
            return boundary;
        }
        at += c.len_utf8();
        if c.is_whitespace() {
            boundary = at;
        }
    }
    match others.next() {
        None => at,
        Some(c) if c.is_whitespace() => at,
        Some(_) => boundary,
    }
}

#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn push(&mut self, kind: Kind, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(text),
            _ => self.0.push(Part {
                kind,
                text: text.to_owned(),
            }),
        }
    }

    /// Adds the pieces that lead from `old` to `new` by a longest common subsequence; false, and nothing added, if that
    /// would take too long.
    fn compare(&mut self, old: &[&str], new: &[&str]) -> bool {
        let width = new.len() + 1;
        // The table holds lengths as u16.
        if old.len().saturating_mul(new.len()) > MAX_WORK
            || old.len().min(new.len()) > usize::from(u16::MAX)
        {
            return false;
        }
        // Comparing numbers is quicker than comparing texts.
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut number = |text| {
            let next = numbers.len() as u32;
            *numbers.entry(text).or_insert(next)
        };
        let old_numbers: Vec<u32> = old.iter().map(|text| number(*text)).collect();
        let new_numbers: Vec<u32> = new.iter().map(|text| number(*text)).collect();
        // `common[i * width + j]` is the length for what begins at `i` in the old and at `j` in the new.
        let mut common = vec![0_u16; (old.len() + 1) * width];
        for i in (0..old.len()).rev() {
            let (row, below) = common[i * width..(i + 2) * width].split_at_mut(width);
            for j in (0..new.len()).rev() {
                row[j] = if old_numbers[i] == new_numbers[j] {
                    below[j + 1] + 1
                } else {
                    row[j + 1].max(below[j])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < old.len() || j < new.len() {
            if i < old.len() && j < new.len() && old_numbers[i] == new_numbers[j] {
                self.push(Kind::Same, old[i]);
                (i, j) = (i + 1, j + 1);
            } else if i < old.len()
                && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1])
            {
                self.push(Kind::Removed, old[i]);
                i += 1;
            } else {
                self.push(Kind::Added, new[j]);
                j += 1;
            }
        }
        true
    }
}

/// Joins changes that only white space or a mark keeps apart, and sorts each run of changes into one removal and one
/// addition: easier to read than alternating single words.
fn join_islands(parts: Vec<Part>) -> Vec<Part> {
    let is_island = |part: &Part| {
        part.kind == Kind::Same
            && part.text.chars().count() <= 3
            && !part.text.contains('\n')
            && !part.text.chars().any(char::is_alphanumeric)
    };
    let last = parts.len().saturating_sub(1);
    let mut out = Parts::default();
    let (mut removed, mut added) = (String::new(), String::new());
    for (index, part) in parts.iter().enumerate() {
        match part.kind {
            Kind::Removed => removed.push_str(&part.text),
            Kind::Added => added.push_str(&part.text),
            Kind::Same if is_island(part) && index > 0 && index < last => {
                removed.push_str(&part.text);
                added.push_str(&part.text);
            }
            Kind::Same => {
                out.push(Kind::Removed, &removed);
                out.push(Kind::Added, &added);
                removed.clear();
                added.clear();
                out.push(Kind::Same, &part.text);
            }
        }
    }
    out.push(Kind::Removed, &removed);
    out.push(Kind::Added, &added);
    out.0
}

/// The diff as views; unchanged stretches are folded when long. Our own words have a direction of their own, so that they don't
/// decide on that of the text.
pub fn diff_view(old: &str, new: &str) -> AnyView {
    let parts = word_diff(old, new);
    let last = parts.len().saturating_sub(1);
    parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| match part.kind {
            Kind::Removed => view! {
                <del>
                    <span class="sr-only" dir="ltr">
                        "removed: "
                    </span>
                    {part.text}
                </del>
            }
            .into_any(),
            Kind::Added => view! {
                <ins>
                    <span class="sr-only" dir="ltr">
                        "added: "
                    </span>
                    {part.text}
                </ins>
            }
            .into_any(),
            Kind::Same => same_view(&part.text, index > 0, index < last),
        })
        .collect::<Vec<_>>()
        .into_any()
}

/// Unchanged text; where it is folded, the ends that touch a change stay.
fn same_view(text: &str, keep_start: bool, keep_end: bool) -> AnyView {
    let count = text.chars().count();
    if count <= FOLD_CHARS {
        return text.to_owned().into_any();
    }
    let head: String = if keep_start {
        text.chars().take(CONTEXT_CHARS).collect()
    } else {
        String::new()
    };
    let tail: String = if keep_end {
        text.chars().skip(count - CONTEXT_CHARS).collect()
    } else {
        String::new()
    };
    let hidden = count - head.chars().count() - tail.chars().count();
    view! {
        {head}
        <span class="diff-fold" dir="ltr">{format!(" … {hidden} unchanged characters … ")}</span>
        {tail}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebuilt(parts: &[Part], leave_out: Kind) -> String {
        parts
            .iter()
            .filter(|part| part.kind != leave_out)
            .map(|part| part.text.as_str())
            .collect()
    }

    fn holds(old: &str, new: &str) -> Vec<Part> {
        let parts = word_diff(old, new);
        assert_eq!(rebuilt(&parts, Kind::Added), old);
        assert_eq!(rebuilt(&parts, Kind::Removed), new);
        parts
    }

    #[test]
    fn a_changed_word_is_one_removal_and_one_addition() {
        assert_eq!(
            holds("Sow the barley in May.", "Sow the barley in April."),
            [
                (Kind::Same, "Sow the barley in "),
                (Kind::Removed, "May"),
                (Kind::Added, "April"),
                (Kind::Same, "."),
            ]
            .map(|(kind, text)| Part {
                kind,
                text: text.into()
            })
        );
    }

    #[test]
    fn texts_are_taken_apart_where_a_reader_would() {
        assert_eq!(
            words("Don't stop, 水田!"),
            ["Don", "'", "t", " ", "stop", ",", " ", "水", "田", "!"]
        );
        assert_eq!(
            words("e\u{301}te\u{301}  🌾"),
            ["e\u{301}te\u{301}", "  ", "🌾"]
        );
        assert!(words("").is_empty());
    }

    #[test]
    fn neighbouring_changes_are_joined() {
        let parts = holds("one two three four", "one zwei drei four");
        assert_eq!(parts.len(), 4, "{parts:?}");
    }

    #[test]
    fn both_texts_can_be_rebuilt_from_the_parts() {
        let texts = [
            "",
            "a",
            "a b",
            "ab",
            "Grüße aus Köln",
            "Grüsse aus Köln",
            "水田 と 畑",
            "水田と畑",
            "e\u{301}te\u{301} 🌾🌾",
            "line\nline\n\nline",
            "  spaced   out  ",
            "spaced out",
        ];
        for old in texts {
            for new in texts {
                holds(old, new);
            }
        }
    }

    #[test]
    fn equal_texts_have_no_changes() {
        assert!(
            holds("same text", "same text")
                .iter()
                .all(|part| part.kind == Kind::Same)
        );
        assert!(holds("", "").is_empty());
    }

    #[test]
    fn very_long_texts_fall_back_to_a_coarser_diff() {
        let words = |word: &str| -> String {
            let words: Vec<String> = (0..30_000).map(|n| format!("{word}{n} ")).collect();
            words.concat()
        };
        let (old, new) = (words("word"), words("other"));
        // All of it removed, all of it added, and the last blank that both end with.
        assert_eq!(holds(&old, &new).len(), 3);
        let typed = format!("{old}and one more");
        assert_eq!(holds(&old, &typed).len(), 2);
    }
}
