//! Items of a reply by line: marks, continuations, questions of their own, and talk.

use super::clean::{Mark, is_question, marked, unwrapped, without_title};
use super::{Item, is_open};
use crate::filter::plain_quotes;

/// Beginnings of lines that talk about the list.
const TALK: [&str; 40] = [
    "sure",
    "certainly",
    "of course",
    "absolutely",
    "okay",
    "ok,",
    "here are",
    "here is",
    "here's",
    "here you",
    "below are",
    "below is",
    "these instructions",
    "these questions",
    "these are",
    "the following are",
    "the following instructions",
    "the following questions",
    "let me know",
    "i hope",
    "hope this",
    "feel free",
    "note:",
    "note that",
    "please let",
    "i have written",
    "i've written",
    "i wrote",
    "i will",
    "i'll",
    "each of these",
    "all of these",
    "each instruction",
    "hier sind",
    "natürlich",
    "gerne",
    "voici",
    "aquí ",
    "claro",
    "ecco",
];

/// Beginnings of lines in which the model answers instead of asking.
const ANSWERS: [&str; 7] = [
    "answer:",
    "a:",
    "response:",
    "expert:",
    "solution:",
    "antwort:",
    "assistant:",
];

/// The line talks to the asker.
pub(crate) fn is_talk(line: &str) -> bool {
    let lower = plain_quotes(
        &line
            .trim()
            .trim_matches(['*', '_', '#', ' '])
            .to_lowercase(),
    );
    TALK.iter().any(|start| {
        lower.strip_prefix(start).is_some_and(|rest| {
            start.ends_with([' ', ',', ':']) || !rest.starts_with(|c: char| c.is_alphanumeric())
        })
    })
}

fn is_answer(line: &str) -> bool {
    let lower = line.trim_start_matches(['*', '_', '-', ' ']).to_lowercase();
    let lower = lower.replace("**", "");
    ANSWERS.iter().any(|start| lower.starts_with(start))
}

/// One line: its depth, its mark and what is left of it.
struct Line<'a> {
    indent: usize,
    mark: Option<Mark>,
    text: &'a str,
    is_heading: bool,
    /// It names the topic or perspective of the item beside it.
    is_about: bool,
    is_after_blank: bool,
}

/// Words of a title at most.
const TITLE_WORDS: usize = 8;

/// The number before lines that are lettered instead.
const ROMAN: [&str; 12] = [
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii",
];

/// Letters that mark the line, and what follows them: `a)`, `a.`, `(a)`, `iv.`
fn letters(line: &str) -> Option<(&str, &str)> {
    let bare = line.trim_start_matches("**");
    let (bare, ends): (&str, &[char]) = match bare.strip_prefix('(') {
        Some(bare) => (bare, &[')']),
        None => (bare, &[')', '.']),
    };
    let end = bare.find(|c: char| !c.is_ascii_alphabetic())?;
    let (mark, rest) = bare.split_at_checked(end)?;
    let rest = rest.strip_prefix(ends)?.trim_start_matches('*');
    ((1..=4).contains(&mark.len()) && rest.starts_with(char::is_whitespace))
        .then(|| (mark, rest.trim_start()))
}

/// The lines are marked by letters or Roman numbers, in their order: a word with a dot behind it does not do that.
fn are_lettered(lines: &[&str]) -> bool {
    let (mut count, mut are_letters, mut are_roman) = (0, true, true);
    for (mark, _) in lines.iter().filter_map(|line| letters(line)) {
        let mark = mark.to_ascii_lowercase();
        are_letters &= mark.len() == 1
            && mark
                .bytes()
                .all(|c| usize::from(c) == usize::from(b'a') + count);
        are_roman &= ROMAN.get(count) == Some(&mark.as_str());
        count += 1;
    }
    count > 1 && (are_letters || are_roman)
}

/// The line is a heading, or bold as a whole, and too short for an instruction.
fn is_title(trimmed: &str, text: &str) -> bool {
    let is_bold = trimmed.starts_with("**") && trimmed.trim_end_matches(':').ends_with("**");
    let text = text.trim_matches(['*', '#', ' ', ':']);
    (trimmed.starts_with('#') || is_bold)
        && is_open(text)
        && (1..=TITLE_WORDS).contains(&text.split_whitespace().count())
}

fn read(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut is_after_blank = true;
    let all: Vec<&str> = text
        .lines()
        .map(|line| {
            // Marks of a quotation stand before everything else.
            let line = line.trim();
            if line.starts_with("> ") {
                line.trim_start_matches(['>', ' '])
            } else {
                line
            }
        })
        .collect();
    let has_letters = are_lettered(&all)
        && !all
            .iter()
            .any(|line| matches!(marked(line), Some((Mark::Number, _))));
    // A bold line without a number over a line that is none.
    let is_bold_title = |at: usize| {
        let line = all.get(at).copied().unwrap_or_default();
        let next = all.iter().skip(at + 1).find(|line| !line.is_empty());
        line.starts_with("**")
            && marked(line).is_none()
            && is_title(line, line)
            && next.is_some_and(|next| !is_title(next, next) && !is_talk(next))
    };
    for (at, raw) in text.lines().enumerate() {
        let trimmed = all.get(at).copied().unwrap_or_default();
        if trimmed.is_empty() {
            is_after_blank = true;
            continue;
        }
        // Rules between items.
        if trimmed.chars().all(|c| matches!(c, '-' | '*' | '_' | '=')) {
            is_after_blank = true;
            continue;
        }
        let found = marked(trimmed).or_else(|| {
            let (_, rest) = letters(trimmed).filter(|_| has_letters)?;
            Some((Mark::Number, rest))
        });
        // A title with a number: what it stands over is the item.
        let title = found.filter(|(mark, rest)| *mark == Mark::Number && is_title(trimmed, rest));
        let next = title.and_then(|_| all.iter().skip(at + 1).find(|line| !line.is_empty()));
        let found = match next.map(|next| (marked(next), is_title(next, next))) {
            Some((Some((mark, _)), _)) if mark != Mark::Number => continue,
            Some((None, false)) => Some((Mark::Number, "")),
            _ => found,
        };
        lines.push(Line {
            indent: raw.len() - raw.trim_start().len(),
            mark: found.map(|(mark, _)| mark),
            text: found.map_or(trimmed, |(_, rest)| rest),
            is_heading: trimmed.starts_with('#') || is_bold_title(at),
            is_about: ["topic", "perspective"].iter().any(|word| {
                trimmed
                    .trim_start_matches(['-', '*', ' '])
                    .to_lowercase()
                    .starts_with(word)
            }),
            is_after_blank,
        });
        is_after_blank = false;
    }
    lines
}

/// An item while its lines come in.
struct Building {
    text: String,
    indent: usize,
    has_number: bool,
    is_label_only: bool,
    problem: Option<&'static str>,
}

impl Building {
    fn new(text: &str, indent: usize) -> Self {
        Self {
            text: text.to_owned(),
            indent,
            has_number: false,
            is_label_only: false,
            problem: None,
        }
    }

    fn extend(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text);
    }
}

fn starts_lower(text: &str) -> bool {
    text.chars()
        .next()
        .is_some_and(|c| c.is_lowercase() || c.is_ascii_digit() || matches!(c, '(' | ',' | '&'))
}

/// Items of a reply that is no JSON.
pub(super) fn items(text: &str) -> Vec<Item> {
    let lines = read(text);
    let has_numbers = lines.iter().any(|line| line.mark == Some(Mark::Number));
    let has_marks = lines.iter().any(|line| line.mark.is_some());
    let has_labels = lines
        .iter()
        .any(|line| line.mark == Some(Mark::Label) && !line.is_about);
    let mut built: Vec<Building> = Vec::new();
    // The lines of an answer that nobody asked for, up to the next mark.
    let mut is_in_answer = false;
    for (at, line) in lines.iter().enumerate() {
        let is_last = at + 1 == lines.len();
        if has_labels && line.is_about && line.mark == Some(Mark::Label) {
            continue;
        }
        if is_answer(line.text) {
            is_in_answer = true;
            continue;
        }
        if let Some(mark) = line.mark {
            let is_nested = mark == Mark::Bullet
                && has_numbers
                && built
                    .last()
                    .is_some_and(|above| above.has_number && line.indent > above.indent);
            if is_nested
                && !is_in_answer
                && let Some(above) = built.last_mut()
            {
                if !is_question(line.text) {
                    let join = if above.text.ends_with(':') || above.text.is_empty() {
                        ""
                    } else {
                        ";"
                    };
                    above.text.push_str(join);
                    above.extend(line.text);
                    continue;
                }
                // Questions below a title: the title is a heading.
                if is_open(&above.text) || above.text.ends_with(':') {
                    above.problem = Some("A heading, not an instruction");
                }
            } else if mark == Mark::Bullet && has_numbers && (is_in_answer || is_nested) {
                continue;
            }
            is_in_answer = false;
            let mut item = Building::new(line.text, line.indent);
            item.has_number = mark == Mark::Number || (!has_numbers && mark == Mark::Bullet);
            item.is_label_only = line.text.trim_matches('*').is_empty();
            // Bullets that are asides between numbered items keep their parent's depth.
            if mark == Mark::Bullet && has_numbers && line.indent > 0 {
                item.has_number = false;
            }
            built.push(item);
            continue;
        }
        if is_in_answer {
            continue;
        }
        if line.is_heading {
            built.push(Building {
                problem: Some(TALK_PROBLEM),
                ..Building::new(line.text, line.indent)
            });
            continue;
        }
        let above_takes_more = built.last().is_some_and(|above| {
            above.problem.is_none()
                && (above.is_label_only
                    || (!line.is_after_blank && is_open(&above.text) && !is_talk(line.text)))
        });
        let is_wrapped = above_takes_more
            && built.last().is_some_and(|above| {
                above.is_label_only
                    || starts_lower(line.text)
                    || line.indent > above.indent
                    || !is_question(line.text)
            });
        if has_marks {
            if is_wrapped && let Some(above) = built.last_mut() {
                above.extend(line.text);
                above.is_label_only = false;
            } else if is_question(line.text) && !is_talk(line.text) {
                built.push(Building::new(line.text, line.indent));
            } else {
                // Talk: a lead-in, closing words.
                built.push(Building {
                    problem: Some(TALK_PROBLEM),
                    ..Building::new(line.text, line.indent)
                });
            }
            continue;
        }
        if above_takes_more
            && starts_lower(line.text)
            && let Some(above) = built.last_mut()
        {
            above.extend(line.text);
            continue;
        }
        let is_lead = built.is_empty() && line.text.ends_with(':') && !is_last;
        let is_around = is_talk(line.text) && (built.is_empty() || is_last || line.is_after_blank);
        let problem = (is_lead || is_around).then_some(TALK_PROBLEM);
        built.push(Building {
            problem,
            ..Building::new(line.text, line.indent)
        });
    }
    built
        .into_iter()
        .filter(|item| item.problem != Some(TALK_PROBLEM))
        .map(|item| Item {
            text: unwrapped(without_title(&item.text)),
            problem: item.problem,
        })
        .filter(|item| !item.text.is_empty())
        .collect()
}

/// Talk around the list; never shown.
const TALK_PROBLEM: &str = "Talk";
