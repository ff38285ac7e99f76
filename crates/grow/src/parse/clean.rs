//! Taking off what models put around a text: reasoning blocks, fences, list marks, quotes, bold, labels.

use seedbed_core::reasoning::split;
use std::borrow::Cow;

/// A reply without its reasoning ([`seedbed_core::reasoning`]), trimmed.
pub fn without_reasoning(reply: &str) -> String {
    split(reply).0.trim().to_owned()
}

/// The inside of the code fence, when one holds (nearly) everything; else the text without fence lines.
pub(crate) fn without_fence(text: &str) -> String {
    let is_fence = |line: &str| {
        let line = line.trim();
        line.starts_with("```") || line.starts_with("~~~")
    };
    if !text.lines().any(is_fence) {
        return text.to_owned();
    }
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    let mut is_open = false;
    for line in text.lines() {
        if is_fence(line) {
            is_open = !is_open;
        } else if is_open {
            inside.push(line);
        } else {
            outside.push(line);
        }
    }
    let filled = |lines: &[&str]| lines.iter().filter(|line| !line.trim().is_empty()).count();
    if filled(&inside) >= filled(&outside) && filled(&inside) > 0 {
        inside.join("\n")
    } else {
        text.lines()
            .filter(|line| !is_fence(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// What kind of mark stood before an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `1.` `1)` `(1)` `[1]` `1:` `Q1:` `Instruction 1:` `①` `1、`
    Number,
    /// `-` `*` `+` `•` and their like.
    Bullet,
    /// `Instruction:` `Q:` without a number.
    Label,
}

/// Words before an item's number or colon.
const ITEM_LABELS: [&str; 19] = [
    "instruction",
    "question",
    "query",
    "prompt",
    "task",
    "request",
    "item",
    "topic",
    "perspective",
    "q",
    "frage",
    "aufgabe",
    "anweisung",
    "pregunta",
    "instrucción",
    "pergunta",
    "domanda",
    "问题",
    "指令",
];

const BULLETS: [char; 17] = [
    '-', '*', '+', '•', '‣', '◦', '▪', '▫', '●', '○', '·', '–', '—', '→', '✓', '➤', '■',
];

/// The line's own mark and what follows it. `line` is trimmed.
pub(crate) fn marked(line: &str) -> Option<(Mark, &str)> {
    // Heading marks, quote marks and opening bold may stand before the mark.
    let bare = line.trim_start_matches(['#', '>']).trim_start();
    let bare = bare
        .strip_prefix("**")
        .or_else(|| bare.strip_prefix("__"))
        .unwrap_or(bare);
    if let Some(found) = numbered(bare) {
        return Some((Mark::Number, found));
    }
    if let Some((mark, rest)) = labelled(bare) {
        return Some((mark, rest));
    }
    let mut chars = line.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    if BULLETS.contains(&first) && rest.starts_with(char::is_whitespace) {
        let rest = rest.trim_start();
        let rest = ["[ ]", "[x]", "[X]"]
            .iter()
            .find_map(|box_mark| rest.strip_prefix(box_mark))
            .unwrap_or(rest)
            .trim_start();
        // "- 1. text" and "- Question 1: text"
        let inner = rest.strip_prefix("**").unwrap_or(rest);
        return Some(numbered(inner).map_or_else(
            || labelled(inner).unwrap_or((Mark::Bullet, rest)),
            |rest| (Mark::Number, rest),
        ));
    }
    // "•text" without a space, for the marks that mean nothing else.
    if BULLETS.contains(&first)
        && !matches!(first, '-' | '*' | '+' | '–' | '—' | '→')
        && !rest.is_empty()
    {
        return Some((Mark::Bullet, rest.trim_start()));
    }
    None
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || ('０'..='９').contains(&c)))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    (1..=3)
        .contains(&number.chars().count())
        .then_some((number, rest))
}

/// Behind `1.`, `1)`, `(1)`, `[1]`, `1:`, `1 -`, `１．`, `1、`, `①`.
fn numbered(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    if ('①'..='⑳').contains(&first) {
        return Some(text.get(first.len_utf8()..)?.trim_start());
    }
    if let Some(open) = text.strip_prefix(['(', '[', '（']) {
        let (_, rest) = digits(open)?;
        let rest = rest.strip_prefix([')', ']', '）'])?;
        return Some(
            rest.trim_start_matches([':', '.'])
                .trim_start_matches('*')
                .trim_start(),
        );
    }
    let (_, rest) = digits(text)?;
    // A number on a key: 1️⃣.
    if let Some(behind) = rest.strip_prefix("\u{fe0f}\u{20e3}") {
        return Some(behind.trim_start());
    }
    // Markdown's own escape of a number: "1\\. text".
    let rest = match rest.strip_prefix('\\') {
        Some(bare) if bare.starts_with(['.', ')']) => bare,
        _ => rest,
    };
    let is_wide = rest.starts_with(['、', '．', '）', '：']);
    if let Some(after) = rest.strip_prefix(['.', ')', ':', '、', '．', '）', '：']) {
        // "1.5 kg", "10:30" and "3.Text" without a space: only a digit after the mark makes it a figure.
        if !is_wide && after.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        return Some(after.trim_start_matches('*').trim_start());
    }
    let dash = rest
        .strip_prefix(" - ")
        .or_else(|| rest.strip_prefix(" – "))?;
    Some(dash.trim_start())
}

/// Behind `Instruction 1:`, `Question 1 -`, `Q1.`, `Instruction:`, `Q:`.
fn labelled(text: &str) -> Option<(Mark, &str)> {
    let lower = text.to_lowercase();
    let label = ITEM_LABELS
        .iter()
        .filter(|label| lower.starts_with(**label))
        .max_by_key(|label| label.len())?;
    // Lower case may have another length in bytes; then this is no label of ours.
    let rest = text.get(label.len()..)?;
    let rest = rest.trim_start_matches([' ', '#', '\u{a0}']);
    if let Some((_, after)) = digits(rest) {
        let after = after.trim_start_matches('*');
        if after.trim().is_empty() {
            return Some((Mark::Number, ""));
        }
        let trimmed = after.trim_start();
        let mark = trimmed.strip_prefix([':', '.', ')', '：']).or_else(|| {
            trimmed
                .strip_prefix("- ")
                .or_else(|| trimmed.strip_prefix("– "))
        })?;
        return Some((Mark::Number, mark.trim_start_matches('*').trim_start()));
    }
    let rest = rest.trim_start_matches('*').strip_prefix([':', '：'])?;
    Some((Mark::Label, rest.trim_start_matches('*').trim_start()))
}

const QUOTES: [(char, char); 8] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('“', '”'),
    ('„', '“'),
    ('«', '»'),
    ('「', '」'),
    ('‘', '’'),
];

/// An item's own text: no surrounding quotes, emphasis, trailing commas; white space as single spaces.
pub(crate) fn unwrapped(text: &str) -> String {
    let mut text: Cow<'_, str> = Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "));
    loop {
        let before = text.len();
        let mut inner = text.trim();
        if let Some(rest) = inner.strip_suffix(',')
            && rest.ends_with(['"', '\'', '”'])
        {
            inner = rest;
        }
        for mark in ["**", "__", "*", "_"] {
            if let Some(rest) = inner
                .strip_prefix(mark)
                .and_then(|rest| rest.strip_suffix(mark))
                && !rest.is_empty()
                && !rest.contains(mark)
            {
                inner = rest;
            }
        }
        for (open, close) in QUOTES {
            if let Some(rest) = inner
                .strip_prefix(open)
                .and_then(|rest| rest.strip_suffix(close))
                && !rest.is_empty()
                && !rest.contains(open)
                && !rest.contains(close)
            {
                inner = rest;
            }
        }
        let next = inner.trim().to_owned();
        let is_done = next.len() == before;
        text = Cow::Owned(next);
        if is_done {
            break;
        }
    }
    without_bold(&text)
}

/// Bold marks go, the words stay: instructions are plain text. Code keeps its asterisks.
fn without_bold(text: &str) -> String {
    if text.contains('`') || !text.contains("**") {
        return text.to_owned();
    }
    let bare = text.replace("**", "");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A bold or short title before the instruction proper: `**Swarm timing:** How do I …?`. Gives what follows it.
pub(crate) fn without_title(text: &str) -> &str {
    let Some(rest) = text.trim_start().strip_prefix("**") else {
        return text;
    };
    let Some((title, after)) = rest.split_once("**") else {
        return text;
    };
    let after_colon = after
        .trim_start()
        .trim_start_matches([':', '-', '–', '—'])
        .trim_start();
    let has_colon = title.trim_end().ends_with([':', '：'])
        || after.trim_start().starts_with([':', '-', '–', '—']);
    let words = |text: &str| text.split_whitespace().count();
    let starts_new = after_colon
        .chars()
        .next()
        .is_some_and(|c| c.is_uppercase() || !c.is_ascii());
    let is_title = has_colon
        && words(title) <= 8
        && words(after_colon) >= 4
        && starts_new
        && (words(title) >= 2 || after_colon.trim_end().ends_with(['?', '？']));
    if is_title { after_colon } else { text }
}

/// The line ends a sentence.
pub(crate) fn has_end_mark(text: &str) -> bool {
    let bare = text
        .trim_end()
        .trim_end_matches(['"', '\'', '”', '’', '»', '」', '*', '_', ')', '）', '`']);
    bare.ends_with([
        '.', '?', '!', '…', '。', '？', '！', '؟', '।', ':', '：', ';',
    ])
}

/// The line asks.
pub(crate) fn is_question(text: &str) -> bool {
    text.trim_end()
        .trim_end_matches(['"', '\'', '”', '’', '»', '」', '*', '_', ')', '`'])
        .ends_with(['?', '？', '؟'])
}
