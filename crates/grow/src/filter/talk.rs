//! Texts that ask nothing: talk about the task, and statements. Small models write them instead of instructions.

use super::plain_quotes;
use crate::metrics::tokens;

/// Beginnings of texts that talk about the task instead of asking; small models fall into this.
const META_OPENINGS: [&str; 21] = [
    "the expert ",
    "an expert ",
    "the question ",
    "the answer ",
    "the response ",
    "the instruction ",
    "the first instruction",
    "the second instruction",
    "the third instruction",
    "the first question",
    "the second question",
    "the new instruction",
    "the rewritten",
    "the original",
    "this is the ",
    "this question",
    "this instruction",
    "you will be asked",
    "you will receive",
    "you will need to gather",
    "slightly revised",
];

/// The text talks about asking or answering, and asks nothing.
pub(crate) fn is_meta(text: &str) -> bool {
    let lower = plain_quotes(&text.to_lowercase());
    let lower = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    !text.contains(['?', '？']) && META_OPENINGS.iter().any(|start| lower.starts_with(start))
        || lower.starts_with("the expert who answer")
        || lower.starts_with("the expert's own example")
}

/// First words of English sentences that state something.
const STATING: [&str; 19] = [
    "the", "a", "an", "it", "its", "this", "these", "those", "there", "they", "he", "she", "yes",
    "no", "because", "first", "most", "some", "many",
];

/// English words that ask for something.
const COMMANDS: [&str; 68] = [
    "check",
    "must",
    "need",
    "needs",
    "read",
    "should",
    "advise",
    "analyse",
    "analyze",
    "answer",
    "argue",
    "assess",
    "break",
    "calculate",
    "change",
    "choose",
    "classify",
    "compare",
    "compose",
    "convert",
    "correct",
    "create",
    "criticize",
    "decide",
    "define",
    "describe",
    "design",
    "detail",
    "determine",
    "discuss",
    "draft",
    "estimate",
    "evaluate",
    "explain",
    "extract",
    "fill",
    "find",
    "fix",
    "generate",
    "give",
    "help",
    "identify",
    "interpret",
    "justify",
    "list",
    "make",
    "name",
    "order",
    "outline",
    "paraphrase",
    "plan",
    "predict",
    "propose",
    "provide",
    "rank",
    "recommend",
    "rewrite",
    "say",
    "show",
    "sort",
    "state",
    "suggest",
    "summarise",
    "summarize",
    "tell",
    "translate",
    "work",
    "write",
];

/// An English text that asks nothing: no question mark, no sentence with a command, and it begins as a statement does.
pub(crate) fn is_statement(text: &str) -> bool {
    if text.contains(['?', '？']) {
        return false;
    }
    let words = tokens(text);
    let is_stating = words
        .first()
        .is_some_and(|word| STATING.contains(&word.as_str()));
    // A command may stand behind "then", a comma or a stop; any such word counts, since a wrong verdict costs a text.
    is_stating && !words.iter().any(|word| COMMANDS.contains(&word.as_str()))
}
