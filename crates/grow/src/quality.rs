//! What is visibly wrong with an answer. A flagged record stays out of the commit unless a person accepts it.

use crate::filter::plain_quotes;
use crate::metrics::{repeated_share, rouge_l, tokens};
use crate::parse::without_reasoning;
use seedbed_core::chat::{ChatError, ChatReply, ErrorClass};
use seedbed_core::line::MOST_TEXT;
use seedbed_core::messages::{Failure, FailureKind};
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
/// Characters of reasoning that a failure shows.
const SHOWN_THOUGHT: usize = 300;

/// Flags of an answer to `instruction`, in the order of the constants above; empty when nothing is wrong.
pub fn flags(instruction: &str, reply: &ChatReply) -> Vec<String> {
    let text = without_reasoning(&reply.text);
    let text = judged(&text);
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

/// As much of a text as a record holds: a longer one is cut, whatever stands behind.
fn judged(text: &str) -> &str {
    let end = text.char_indices().nth(MOST_TEXT);
    end.map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

/// Longest reply in tokens that the settings take.
const MOST_TOKENS: u32 = 131_072;

/// Why a reply is no answer at all, if it has no text: what the model spent its tokens on and what to change. `limit` is
/// the longest reply in tokens; asking the same again would end the same way.
pub fn unanswered(reply: &ChatReply, limit: u32) -> Option<ChatError> {
    if !without_reasoning(&reply.text).is_empty() {
        return None;
    }
    let has_thought = !reply.reasoning.trim().is_empty();
    let (what, next) = match reply.finish_reason {
        FinishReason::Length => {
            let what = if has_thought {
                format!("The model spent all {limit} tokens on its reasoning and gave no answer.")
            } else {
                format!(
                    "The model used up its {limit} tokens without a word of an answer: it thinks without showing it."
                )
            };
            let more = limit.saturating_mul(2).min(MOST_TOKENS);
            let next = if more > limit {
                format!("Raise the longest reply from {limit} to {more} tokens, then ask again.")
            } else {
                "Choose a model that thinks less.".to_owned()
            };
            (what, next)
        }
        FinishReason::ContentFilter => (
            "The server's content filter withheld the answer.".to_owned(),
            "Change the wording of the instruction, or choose another model.".to_owned(),
        ),
        FinishReason::Stop | FinishReason::Other if has_thought => (
            "The model stopped after its reasoning and gave no answer.".to_owned(),
            "Ask again later, or choose another model.".to_owned(),
        ),
        FinishReason::Other => (
            "The model ended without any text, as if it called a tool.".to_owned(),
            "Ask again later, or choose another model.".to_owned(),
        ),
        FinishReason::Stop => (
            "The model gave an empty answer.".to_owned(),
            "Ask again later, or choose another model.".to_owned(),
        ),
    };
    let mut failure = Failure::new(FailureKind::Content, what)
        .means("An answer without text is not kept.")
        .next(next);
    if has_thought {
        let thought: String = reply.reasoning.trim().chars().take(SHOWN_THOUGHT).collect();
        failure = failure.detail(format!("Its reasoning began: {thought}…"));
    }
    Some(ChatError {
        class: ErrorClass::BadRequest,
        is_network: false,
        failure,
    })
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
        || (asked.len() >= 4
            && may_echo(asked.len(), said.len())
            && rouge_l(&asked, &said).f >= 0.9)
        || (asked.len() >= 4 && said.starts_with(&asked) && said.len() < asked.len() + 4)
}

/// Texts of these lengths in words can be alike: even if the shorter one stood in the other whole. The measure itself
/// takes a step for each pair of words.
fn may_echo(asked: usize, said: usize) -> bool {
    20 * asked.min(said) >= 9 * (asked + said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reply_is_judged_by_what_a_record_holds() {
        let long = "ä b ".repeat(MOST_TEXT);
        assert_eq!(judged(&long).chars().count(), MOST_TEXT);
        assert_eq!(judged("short"), "short");
    }

    #[test]
    fn texts_are_compared_word_by_word_only_where_their_lengths_allow_a_likeness() {
        assert!(may_echo(10, 10) && may_echo(10, 12) && may_echo(12, 10));
        assert!(!may_echo(10, 13) && !may_echo(150, 100_000));
        // What is left out could not have reached the bound.
        let words = |count: usize| vec!["soil".to_owned(); count];
        for (asked, said) in [(10, 13), (4, 6), (100, 123)] {
            assert!(!may_echo(asked, said) && rouge_l(&words(asked), &words(said)).f < 0.9);
        }
    }
}
