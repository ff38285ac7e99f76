//! The elimination rules for evolved instructions that need no model.

use super::{MOST_WORDS, is_meta, is_statement, length_problem, plain_quotes};
use crate::metrics::{is_spaceless, rouge_l, tokens};
use crate::quality::is_refusal;
use std::collections::HashSet;

/// Words that carry no content of their own.
const STOP_WORDS: [&str; 96] = [
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but",
    "by", "can", "could", "did", "do", "does", "else", "for", "from", "get", "had", "has", "have",
    "he", "her", "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just",
    "like", "may", "me", "might", "more", "most", "much", "must", "my", "no", "not", "now", "of",
    "on", "one", "only", "or", "other", "our", "please", "shall", "she", "should", "so", "some",
    "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "to", "too", "us", "very", "was", "we", "were", "what", "when", "where", "which",
    "who", "why", "will", "with", "would", "you", "your",
];

fn is_content(token: &str) -> bool {
    !STOP_WORDS.contains(&token)
}

/// Words of rewriting tasks, ours and others', that leak into replies.
const TASK_WORDS: [&str; 19] = [
    "given prompt",
    "given instruction",
    "rewritten prompt",
    "rewritten instruction",
    "created prompt",
    "created instruction",
    "new prompt",
    "new instruction",
    "original prompt",
    "original instruction",
    "the instruction below",
    "the prompt below",
    "evolved instruction",
    "evolved prompt",
    "prompt rewriter",
    "self-contained and natural",
    "an expert of the domain",
    "more demanding instruction",
    "rewrite the instruction",
];

/// What an assistant says about itself.
const ASSISTANT_TALK: [&str; 8] = [
    "how can i assist",
    "how can i help you",
    "as an ai",
    "ai assistant",
    "ai language model",
    "language model, i",
    "i'm here to help",
    "i'd be happy to",
];

/// Says whether an evolved instruction is worth keeping beside its parent, by the elimination rules of Evol-Instruct
/// that need no model.
///
/// # Errors
/// The reason against it, in plain words.
pub fn evolution_verdict(parent: &str, text: &str) -> Result<(), String> {
    let (old, new) = (tokens(parent), tokens(text));
    let refuse = |reason: &str| Err(reason.to_owned());
    if new.is_empty() || !new.iter().any(|token| is_content(token)) {
        return refuse("It has no content words");
    }
    if old == new {
        return refuse("It is the same as the instruction it came from");
    }
    if let Some(problem) = length_problem(text, MOST_WORDS.max(old.len() + 60)) {
        return Err(problem);
    }
    let lower = plain_quotes(&text.to_lowercase());
    let old_lower = plain_quotes(&parent.to_lowercase());
    let leaked = |phrases: &[&str]| {
        phrases
            .iter()
            .any(|phrase| lower.contains(phrase) && !old_lower.contains(phrase))
    };
    if leaked(&TASK_WORDS) || (lower.contains("#prompt") && !old_lower.contains("#prompt")) {
        return refuse("It repeats words of the task instead of asking something");
    }
    if is_meta(text) && !is_meta(parent) {
        return refuse("It talks about the task instead of asking something");
    }
    if is_statement(text) && !is_statement(parent) {
        return refuse("It states something instead of asking");
    }
    if leaked(&ASSISTANT_TALK) {
        return refuse("It is assistant talk, not an instruction");
    }
    if (lower.contains("sorry") && text.chars().count() < 400 && !old_lower.contains("sorry"))
        || (is_refusal(text) && !is_refusal(parent))
    {
        return refuse("The model declined to rewrite it");
    }
    let breaks = text.trim().matches('\n').count();
    let spaces = text.matches(' ').count();
    let is_spaced = !text.chars().any(is_spaceless);
    if is_spaced && breaks > 2 * spaces {
        return refuse("It is a column of words, not an instruction");
    }
    if list_items(text) > 10 && list_items(parent) <= 10 {
        return refuse("It is a long list, not an instruction");
    }
    let known: HashSet<&String> = old.iter().collect();
    let fresh: HashSet<&String> = new
        .iter()
        .filter(|token| is_content(token) && !known.contains(token))
        .collect();
    if fresh.is_empty() {
        return refuse("It adds nothing to the instruction it came from");
    }
    if fresh.len() < 3 && rouge_l(&old, &new).f >= 0.95 {
        return refuse("It is nearly the same as the instruction it came from");
    }
    Ok(())
}

fn list_items(text: &str) -> usize {
    text.lines()
        .filter(|line| {
            let line = line.trim_start();
            line.starts_with(['-', '*', '•'])
                || line
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .strip_prefix(['.', ')'])
                    .is_some_and(|rest| rest.len() + 1 < line.len())
        })
        .count()
}
