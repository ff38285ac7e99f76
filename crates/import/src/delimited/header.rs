//! The first row: names, or values like those of the others.

use super::Header;
use std::collections::HashSet;

/// Names of columns as data sets and sheets use them, small letters and digits only.
const KNOWN: &[&str] = &[
    "instruction",
    "instructions",
    "prompt",
    "question",
    "query",
    "problem",
    "user",
    "human",
    "input",
    "task",
    "goal",
    "context",
    "passage",
    "article",
    "document",
    "source",
    "knowledge",
    "background",
    "output",
    "response",
    "answer",
    "answers",
    "completion",
    "target",
    "solution",
    "generation",
    "assistant",
    "reply",
    "label",
    "labels",
    "summary",
    "text",
    "texta",
    "textb",
    "system",
    "systemprompt",
    "systemmessage",
    "cot",
    "rationale",
    "reasoning",
    "thinking",
    "explanation",
    "reasoningcontent",
    "chosen",
    "rejected",
    "chosenresponse",
    "rejectedresponse",
    "responsea",
    "responseb",
    "winner",
    "preference",
    "rating",
    "score",
    "quality",
    "accepted",
    "overallscore",
    "topic",
    "perspective",
    "category",
    "lang",
    "language",
    "difficulty",
    "model",
    "id",
    "idx",
    "index",
    "uuid",
    "title",
    "body",
    "name",
    "date",
    "url",
    "type",
    "tags",
    "author",
    "comment",
    "comments",
    "notes",
    "status",
    "messages",
    "conversations",
    "conversation",
    "dialog",
    "dialogue",
    "chat",
    "turns",
    "unnamed0",
    "frage",
    "antwort",
    "thema",
    "pregunta",
    "respuesta",
    "réponse",
    "reponse",
    "domanda",
    "risposta",
    "вопрос",
    "ответ",
    "тема",
    "问题",
    "指令",
    "答案",
    "输出",
    "質問",
    "回答",
];

/// Small letters and digits of a name.
fn normal(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many different known names a row holds.
pub(super) fn known(row: &[String]) -> usize {
    let names: HashSet<String> = row.iter().map(|cell| normal(cell)).collect();
    names
        .iter()
        .filter(|name| KNOWN.contains(&name.as_str()))
        .count()
}

/// Names where there is no header.
pub(super) fn numbered(width: usize) -> Vec<String> {
    (1..=width.max(1))
        .map(|at| format!("column {at}"))
        .collect()
}

/// The names of a header: each once, none empty, and none for separators at the end of every line.
pub(super) fn names(header: &[String], unnamed_first: bool, width: usize) -> Vec<String> {
    let first = unnamed_first.then_some(String::new());
    let mut names: Vec<String> = first
        .into_iter()
        .chain(header.iter().map(|name| clean(name)))
        .collect();
    while names.len() > width.max(1) && names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<String> = names.iter().cloned().collect();
    for (at, name) in (1..).zip(&mut names) {
        if name.is_empty() {
            *name = format!("column {at}");
        }
        if !taken.insert(name.clone()) {
            let mut count = 2;
            let mut free = format!("{name} ({count})");
            while taken.contains(&free) || given.contains(&free) {
                count += 1;
                free = format!("{name} ({count})");
            }
            *name = free;
            taken.insert(name.clone());
        }
    }
    names
}

fn clean(name: &str) -> String {
    name.trim_start_matches('\u{feff}')
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Without the values at its end that are blank.
pub(super) fn trimmed(row: &[String]) -> usize {
    row.iter()
        .rposition(|cell| !super::is_blank(cell))
        .map_or(0, |last| last + 1)
}

/// Whether the first row names the columns of the others.
pub(super) fn judge(first: &[String], body: &[&[String]]) -> Header {
    let filled: Vec<&String> = first.iter().filter(|cell| !super::is_blank(cell)).collect();
    if is_counted(first) {
        return Header::Yes;
    }
    if filled.is_empty() || filled.iter().any(|cell| is_value(cell)) || comes_again(first, body) {
        return Header::Ask;
    }
    if known(first) > 0 {
        return Header::Yes;
    }
    let different: HashSet<&&String> = filled.iter().collect();
    let unlike = (0..first.len()).any(|at| is_unlike(first, body, at));
    if different.len() == filled.len() && filled.len() * 2 > first.len() && unlike {
        Header::Yes
    } else {
        Header::Ask
    }
}

/// `,0,1,2`: what pandas names columns that have no names.
fn is_counted(first: &[String]) -> bool {
    let numbers: Vec<&str> = first.iter().map(|cell| cell.trim()).collect();
    let rest = numbers.strip_prefix(&[""]).unwrap_or(&numbers);
    rest.len() > 1 && (0..).zip(rest).all(|(at, cell)| *cell == at.to_string())
}

/// Nobody names a column like this.
fn is_value(cell: &str) -> bool {
    const LONGEST: usize = 80;
    let cell = cell.trim();
    let words = cell.split_whitespace().count();
    cell.chars().count() > LONGEST
        || words > 10
        || is_number(cell)
        || cell.ends_with(['?', '!', '？', '。', '！', '؟'])
        || (words > 2 && cell.ends_with(['.', '…']))
        || ["http://", "https://", "{\"", "[{", "[\""]
            .iter()
            .any(|start| cell.starts_with(start))
}

/// A value of the first row stands in its column once more, in a row that is not the header again.
fn comes_again(first: &[String], body: &[&[String]]) -> bool {
    body.iter().filter(|row| **row != first).any(|row| {
        let pairs = first.iter().zip(row.iter());
        pairs
            .into_iter()
            .any(|(name, value)| !super::is_blank(name) && name == value)
    })
}

/// The column holds other things than its first value is.
fn is_unlike(first: &[String], body: &[&[String]], at: usize) -> bool {
    let values: Vec<&str> = body
        .iter()
        .filter_map(|row| row.get(at))
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
        .collect();
    let name = first[at].trim().chars().count();
    let mut lengths: Vec<usize> = values.iter().map(|value| value.chars().count()).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    let share = |count: usize, of: f64| count > 0 && count as f64 >= of * values.len() as f64;
    share(values.iter().filter(|value| is_number(value)).count(), 0.8)
        || share(values.iter().filter(|value| is_value(value)).count(), 0.3)
        || median > 20.max(2 * name)
}

/// A number, with either decimal mark, or a date in digits.
pub(super) fn is_number(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    digits > 0
        && cell
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.,:/% eE".contains(&byte))
}

/// Columns that only count rows: nameless (or named by pandas) and of different whole numbers, or called "index" and
/// counting up from 0 or 1.
pub(super) fn index_columns(names: &[String], body: &[&[String]]) -> Vec<usize> {
    let counts = |at: usize| {
        let name = names.get(at).map_or("", |name| name.trim());
        let numbers: Option<Vec<u64>> = body
            .iter()
            .map(|row| row.get(at)?.trim().parse().ok())
            .collect();
        let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
            return false;
        };
        let different: HashSet<&u64> = numbers.iter().collect();
        let start = numbers[0].min(1);
        let counted = (start..)
            .zip(&numbers)
            .all(|(count, number)| count == *number);
        match normal(name).as_str() {
            "" | "indexlevel0" | "level0" => different.len() == numbers.len(),
            "index" | "rownames" | "rowname" | "row" => counted && numbers.len() > 1,
            other => other.starts_with("unnamed") && different.len() == numbers.len(),
        }
    };
    (0..names.len()).take_while(|at| counts(*at)).collect()
}
