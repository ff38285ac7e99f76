//! What is visibly wrong with an answer. A flagged record stays out of the commit unless a person accepts it.

use crate::filter::plain_quotes;
use crate::metrics::{repeated_share, rouge_l, tokens};
use crate::parse::without_reasoning;
use seedbed_core::chat::ChatReply;
use seedbed_core::model::FinishReason;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

/// The token limit cut it.
pub const TRUNCATED: &str = "truncated";
/// A filter of the server withheld it or a part of it.
pub const FILTERED: &str = "filtered";
/// There is no text.
pub const EMPTY: &str = "empty";
/// The model declined.
pub const REFUSAL: &str = "refusal";
/// It says the same again and again.
pub const REPETITIVE: &str = "repetitive";
/// It is the instruction over again, not an answer.
pub const ECHO: &str = "echo";

/// Characters from the beginning in which a refusal shows.
const REFUSAL_WINDOW: usize = 200;
/// Share of repeated 4-grams that is too much.
const REPEATED_SHARE: f64 = 0.2;
/// Words that a text needs before its 4-grams say anything.
const REPEATED_FROM: usize = 24;
/// Times one line may stand in a text.
const SAME_LINE: usize = 3;

/// Flags of an answer to `instruction`, in the order of the constants above; empty when nothing is wrong.
pub fn flags(instruction: &str, reply: &ChatReply) -> Vec<String> {
    let text = without_reasoning(&reply.text);
    let text = text.trim();
    let mut found = Vec::new();
    if reply.finish_reason == FinishReason::Length {
        found.push(TRUNCATED);
    }
    if reply.finish_reason == FinishReason::ContentFilter {
        found.push(FILTERED);
    }
    if !text.chars().any(char::is_alphanumeric) {
        found.push(EMPTY);
    } else {
        if is_refusal(text) {
            found.push(REFUSAL);
        }
        if is_repetitive(text) {
            found.push(REPETITIVE);
        }
        if is_echo(instruction, text) {
            found.push(ECHO);
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

/// Phrases of one language, lower case.
#[derive(Deserialize)]
struct Phrases {
    /// Regret, or talk of being a machine.
    apology: Vec<String>,
    /// Not being able or willing.
    inability: Vec<String>,
    /// What is a refusal by itself when the text begins with it.
    opening: Vec<String>,
}

fn phrases() -> &'static BTreeMap<String, Phrases> {
    static PHRASES: OnceLock<BTreeMap<String, Phrases>> = OnceLock::new();
    PHRASES.get_or_init(|| {
        // The file is part of the program; a test reads it.
        serde_json::from_str(include_str!("refusals.json")).unwrap_or_default()
    })
}

/// Says whether a text declines to answer: an apology together with an inability of the same language, or an opening
/// that is a refusal by itself, within its first 200 characters.
pub fn is_refusal(text: &str) -> bool {
    let start: String = text.trim().chars().take(REFUSAL_WINDOW).collect();
    let start = plain_quotes(&start.to_lowercase());
    let opening = start.trim_start_matches(|c: char| !c.is_alphanumeric());
    phrases().values().any(|language| {
        let has = |list: &[String]| list.iter().any(|phrase| contains_words(&start, phrase));
        language
            .opening
            .iter()
            .any(|phrase| opening.starts_with(phrase.as_str()))
            || (has(&language.apology) && has(&language.inability))
    })
}

/// `phrase` begins at the beginning of a word (in scripts with spaces): "sorry" is not in "unsorry".
fn contains_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        text.get(..at)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|c| {
                !c.is_alphanumeric()
                    || crate::metrics::is_spaceless(c)
                    || !c.is_ascii() && !c.is_lowercase()
            })
    })
}

/// More than a fifth of the 4-grams stood before, or one line stands more than three times.
fn is_repetitive(text: &str) -> bool {
    let words = tokens(text);
    if words.len() >= REPEATED_FROM && repeated_share(&words, 4) > REPEATED_SHARE {
        return true;
    }
    let mut lines: HashMap<&str, usize> = HashMap::new();
    text.lines()
        .map(str::trim)
        // Rules of tables and brackets of code are no text.
        .filter(|line| line.chars().filter(|c| c.is_alphanumeric()).count() >= 4)
        .any(|line| {
            let times = lines.entry(line).or_default();
            *times += 1;
            *times > SAME_LINE
        })
}

/// The text is the instruction, give or take a few words.
fn is_echo(instruction: &str, text: &str) -> bool {
    let (asked, said) = (tokens(instruction), tokens(text));
    if asked.is_empty() || said.is_empty() {
        return false;
    }
    asked == said
        || (asked.len() >= 4 && rouge_l(&asked, &said).f >= 0.9)
        || (asked.len() >= 4 && said.starts_with(&asked) && said.len() < asked.len() + 4)
}
