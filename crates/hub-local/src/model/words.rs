//! What the scripted stand-in answers: it tells a request for a list from a rewrite and from a question, and builds text
//! from the words it was sent, varied enough to pass the app's filters.

use super::phrases::{BODIES, ENDINGS, MIDDLES, OPENINGS, PEOPLE, STARTS, TOPIC_TAILS, VIEWS};

/// What a list should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Instructions,
    Topics,
    Perspectives,
}

const NUMBERS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

const NOUNS: [(&str, Kind); 9] = [
    ("instruction", Kind::Instructions),
    ("quer", Kind::Instructions),
    ("question", Kind::Instructions),
    ("prompt", Kind::Instructions),
    ("request", Kind::Instructions),
    ("task", Kind::Instructions),
    ("topic", Kind::Topics),
    ("perspective", Kind::Perspectives),
    ("viewpoint", Kind::Perspectives),
];

/// Words that mean the answer goes on lines of their own.
const LINES: [&str; 8] = [
    "per line",
    "one line",
    "each line",
    "own line",
    "a line",
    "new line",
    "numbered",
    "separate line",
];

const REWRITES: [&str; 6] = [
    "rewrite",
    "evolve",
    "more complex",
    "harder version",
    "make the instruction",
    "variant of",
];

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

/// How many of what are asked for, one per line; `None` when no list is.
pub(crate) fn list_wanted(system: &str, user: &str) -> Option<(usize, Kind)> {
    let all = format!("{user}\n{system}").to_lowercase();
    if !LINES.iter().any(|mark| all.contains(mark)) {
        return None;
    }
    [user, system].into_iter().find_map(count_in)
}

fn count_in(text: &str) -> Option<(usize, Kind)> {
    let words: Vec<String> = text.split_whitespace().map(bare).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let count = word
            .parse()
            .ok()
            .or_else(|| NUMBERS.iter().position(|name| name == word))
            .filter(|count| (1..=50).contains(count))?;
        let kind = words.iter().skip(at + 1).take(6).find_map(|next| {
            NOUNS
                .iter()
                .find_map(|(noun, kind)| next.starts_with(noun).then_some(*kind))
        })?;
        // "one instruction per line" gives no number of instructions.
        let is_rate = word == "one" || word == "1";
        (!is_rate
            || !words
                .iter()
                .skip(at)
                .take(6)
                .any(|next| next == "per" || next == "line"))
        .then_some((count, kind))
    })
}

/// What stands behind `label:` at the beginning of a line, the last one if there are several.
fn labelled(text: &str, labels: &[&str]) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let (label, value) = line.split_once(':')?;
        let label = label
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        let value = value.trim().trim_matches(['"', '*', '`', '.']).trim();
        (labels.contains(&label.as_str()) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// The text of the longest paragraph below or behind a label, else the last paragraph.
fn subject(user: &str) -> String {
    let labels = [
        "instruction",
        "prompt",
        "question",
        "request",
        "given instruction",
        "given prompt",
        "original",
        "the instruction",
    ];
    if let Some(value) = labelled(user, &labels) {
        return value;
    }
    let paragraphs: Vec<&str> = user
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs
        .last()
        .map(|last| last.trim_matches(['"', '`', '#']).trim().to_owned())
        .unwrap_or_default()
}

/// Words worth repeating, in the order they came.
fn key_words(text: &str) -> Vec<String> {
    const COMMON: [&str; 40] = [
        "about",
        "above",
        "after",
        "again",
        "answer",
        "before",
        "being",
        "below",
        "could",
        "domain",
        "each",
        "every",
        "example",
        "examples",
        "following",
        "from",
        "give",
        "have",
        "instruction",
        "instructions",
        "line",
        "list",
        "only",
        "other",
        "perspective",
        "please",
        "question",
        "questions",
        "should",
        "that",
        "their",
        "there",
        "these",
        "they",
        "this",
        "topic",
        "what",
        "which",
        "with",
        "write",
    ];
    let mut seen = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let word = word.to_lowercase();
        if word.chars().count() > 3 && !COMMON.contains(&word.as_str()) && !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// A number that is always the same for the same inputs (SplitMix64).
fn mixed(number: u64, step: u64) -> usize {
    let mut z = number.wrapping_add(step.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) >> 8) as usize
}

fn pick<'a>(from: &[&'a str], at: usize) -> &'a str {
    from.get(at % from.len().max(1))
        .copied()
        .unwrap_or_default()
}

fn instruction(topic: &str, view: &str, number: u64, at: usize) -> String {
    let step = at as u64 * 4;
    // Neighbours in a list differ by their openings; everything else is drawn.
    let opening = pick(&OPENINGS, mixed(number, 0) + at * 7).replace("{}", topic);
    let middle = pick(&MIDDLES, mixed(number, step + 1));
    let ending = pick(&ENDINGS, mixed(number, step + 2));
    let is_question = ["What", "Which", "Why", "How", "Who"]
        .iter()
        .any(|word| opening.starts_with(word));
    let text = match (mixed(number, step + 3) % 3, is_question) {
        (0, _) | (_, true) => format!("{opening} {middle}"),
        (1, _) => format!("{opening}, {ending}"),
        _ => format!("{opening} {middle}, {ending}"),
    };
    let mark = if is_question { '?' } else { '.' };
    if view.is_empty() || mixed(number, step + 9).is_multiple_of(2) {
        return format!("{text}{mark}");
    }
    let view = pick(&VIEWS, mixed(number, step + 5)).replace("{}", view);
    let mut view = view.chars();
    let first = view
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    let mut rest = text.chars();
    let lower = rest
        .next()
        .map(|c| c.to_lowercase().to_string())
        .unwrap_or_default();
    format!("{first}{} {lower}{}{mark}", view.as_str(), rest.as_str())
}

/// The answer to a request; `number` makes it vary.
pub(crate) fn answer(system: &str, user: &str, number: u64) -> String {
    let topic = labelled(user, &["topic", "seed", "term", "seed term", "subject"]);
    let view = labelled(user, &["perspective", "point of view", "viewpoint"]).unwrap_or_default();
    if let Some((count, kind)) = list_wanted(system, user) {
        let words = key_words(user);
        let topic = topic.unwrap_or_else(|| {
            words
                .get(mixed(number, 99) % words.len().max(1))
                .cloned()
                .unwrap_or_else(|| "this".to_owned())
        });
        let lines: Vec<String> = (0..count)
            .map(|at| match kind {
                Kind::Instructions => {
                    instruction(&topic.to_lowercase(), &view.to_lowercase(), number, at)
                }
                Kind::Topics => {
                    let tail = pick(&TOPIC_TAILS, mixed(number, 0) + at);
                    let domain = labelled(user, &["domain"]).unwrap_or_default();
                    format!("{domain} {tail}").trim().to_owned()
                }
                Kind::Perspectives => pick(&PEOPLE, mixed(number, 0) + at).to_owned(),
            })
            .enumerate()
            .map(|(at, line)| format!("{}. {line}", at + 1))
            .collect();
        return lines.join("\n");
    }
    let lower = format!("{system}\n{user}").to_lowercase();
    if REWRITES.iter().any(|mark| lower.contains(mark)) {
        let parent = subject(user);
        let parent = parent.trim_end_matches(['.', '?', '!']);
        return format!(
            "{parent} {}, {}.",
            pick(&MIDDLES, mixed(number, 1)),
            pick(&ENDINGS, mixed(number, 2))
        );
    }
    paragraphs(user, number)
}

fn paragraphs(user: &str, number: u64) -> String {
    let asked = subject(user);
    let words = key_words(&asked);
    let word = |step: u64| {
        words
            .get(mixed(number, step) % words.len().max(1))
            .cloned()
            .unwrap_or_else(|| "the matter".to_owned())
    };
    let start = pick(&STARTS, mixed(number, 1));
    let body = |step: u64| pick(&BODIES, mixed(number, 2) + step as usize * 3);
    format!(
        "{start} You asked: \u{201c}{asked}\u{201d}\n\n{} With regard to **{}**, {}\n\n\
         1. Look closely at {}.\n2. {}\n3. Decide what you will *not* do this year.\n\n{} (This text comes from a scripted stand-in, not from a language model.)",
        body(0),
        word(3),
        body(1)
            .chars()
            .next()
            .map(|c| c.to_lowercase().to_string())
            .unwrap_or_default()
            + body(1).get(1..).unwrap_or_default(),
        word(4),
        body(2),
        body(3),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_request_for_a_list_is_told_from_other_requests() {
        let list = |text: &str| list_wanted("", text);
        assert_eq!(
            list("Write 5 instructions, one per line."),
            Some((5, Kind::Instructions))
        );
        assert_eq!(
            list("Propose three new topics for this domain. Each on its own line."),
            Some((3, Kind::Topics))
        );
        assert_eq!(
            list_wanted(
                "You write one instruction per line.",
                "Give me 4 different user questions."
            ),
            Some((4, Kind::Instructions))
        );
        assert_eq!(list("List 3 questions to ask a farmer."), None);
        assert_eq!(list("Why do 2 tasks take longer?"), None);
    }

    #[test]
    fn lists_of_all_cells_of_a_seed_are_distinct_lines_of_the_asked_number() {
        let mut all = BTreeSet::new();
        let topics = [
            "Soil health",
            "Crop rotation",
            "Irrigation",
            "Pests",
            "Markets",
        ];
        let views = [
            "Beginner",
            "Economist",
            "Inspector",
            "Neighbour",
            "Scientist",
        ];
        let mut number = 0;
        for topic in topics {
            for view in views {
                number += 0x1234_5678_9abc;
                let user = format!(
                    "Write 3 instructions, one per line.\nTopic: {topic}\nPerspective: {view}"
                );
                let text = answer("", &user, number);
                let lines: Vec<&str> = text.lines().collect();
                assert_eq!(lines.len(), 3, "{text}");
                for line in lines {
                    assert!(
                        line.to_lowercase().contains(&topic.to_lowercase()),
                        "{line}"
                    );
                    all.insert(line.to_owned());
                }
            }
        }
        assert_eq!(all.len(), 75);
    }

    #[test]
    fn a_rewrite_is_one_line_that_keeps_its_parent() {
        let text = answer(
            "",
            "Rewrite the instruction so that it asks for more.\n\nInstruction: Name two weeds.",
            7,
        );
        assert!(text.starts_with("Name two weeds "), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn an_answer_repeats_what_was_asked_and_is_always_the_same() {
        let ask = |number| answer("You are an expert.", "How is rye sown?", number);
        assert!(ask(1).contains("How is rye sown?"));
        assert_eq!(ask(1), ask(1));
        assert_ne!(ask(1), ask(2));
    }
}
