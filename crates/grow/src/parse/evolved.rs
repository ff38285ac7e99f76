//! Reading one evolved instruction out of what models put around it.

use super::clean::{marked, unwrapped, without_fence, without_reasoning};
use super::{is_syntax, json, lines, markup};
use crate::filter::plain_quotes;
use seedbed_core::model::FinishReason;

/// Labels before an evolved instruction, in lower case.
const EVOLVED_LABELS: [&str; 16] = [
    "#rewritten prompt#:",
    "#created prompt#:",
    "#new prompt#:",
    "rewritten prompt:",
    "created prompt:",
    "new prompt:",
    "evolved prompt:",
    "rewritten instruction:",
    "new instruction:",
    "evolved instruction:",
    "revised instruction:",
    "updated instruction:",
    "here is the rewritten instruction:",
    "here's the rewritten instruction:",
    "instruction:",
    "new text:",
];

/// Beginnings of what models add behind an evolved instruction.
const AFTERWORDS: [&str; 14] = [
    "this ",
    "explanation",
    "note:",
    "note that",
    "(note",
    "(this",
    "i ",
    "i've",
    "the rewritten",
    "the new",
    "changes",
    "reason",
    "in this version",
    "let me know",
];

/// Reads a reply to `tasks::evolve`.
///
/// # Errors
/// Why there is no instruction in it, in plain words.
pub fn evolved(reply: &str, finish: FinishReason, parent: &str) -> Result<String, String> {
    if matches!(finish, FinishReason::Length) {
        return Err("Cut off at the token limit".to_owned());
    }
    if matches!(finish, FinishReason::ContentFilter) {
        return Err("The server's content filter withheld it".to_owned());
    }
    let text = reply.replace("\r\n", "\n").replace('\r', "\n");
    let text = without_reasoning(&text);
    if markup::is_page(&text) {
        return Err(markup::PAGE.to_owned());
    }
    let text = without_fence(&text);
    if text.trim_start().starts_with(['{', '[', '"'])
        && let Some(found) =
            json::list(&text, false).or_else(|| json::list(&format!("[{text}]"), false))
        && let [only] = found.items.as_slice()
        && only.is_whole
    {
        return whole(unwrapped(&only.text));
    }
    let mut text = behind_label(&text);
    // A lead-in line: "Sure, here is a harder version:"
    if let Some((first, rest)) = text.split_once('\n')
        && first.trim_end().trim_end_matches('*').ends_with(':')
        && !rest.trim().is_empty()
        && lines::is_talk(first)
    {
        text = rest.trim().to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    for (at, paragraph) in text
        .split("\n\n")
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .enumerate()
    {
        let lower = plain_quotes(&paragraph.to_lowercase());
        let lower = lower.trim_start_matches(['*', '_', '#', ' ']);
        if at > 0
            && (AFTERWORDS.iter().any(|start| lower.starts_with(start))
                || lower.starts_with("---")
                || lines::is_talk(paragraph))
        {
            break;
        }
        kept.push(paragraph);
    }
    let text = kept.join("\n\n");
    let mut text = text.trim();
    if marked(parent.trim()).is_none()
        && text.lines().count() == 1
        && let Some((_, rest)) = marked(text)
    {
        text = rest;
    }
    if text.contains('\n') {
        whole(text.to_owned())
    } else {
        whole(unwrapped(text))
    }
}

fn whole(text: String) -> Result<String, String> {
    // The number of an item that never came is no text.
    let has_text = |line: &str| {
        let text = marked(line.trim()).map_or(line, |(_, rest)| rest);
        text.chars().any(char::is_alphanumeric)
    };
    if is_syntax(&text) && !text.contains('\n') {
        Err("It is a piece of data or code, not an instruction".to_owned())
    } else if text.lines().any(has_text) {
        Ok(text)
    } else {
        Err("The model gave no text".to_owned())
    }
}

/// What stands behind the last label of ours, if there is one at the beginning of a line or after a hash.
fn behind_label(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        // Some capital letters change their length; positions would not fit.
        return text.trim().to_owned();
    }
    let last = EVOLVED_LABELS
        .iter()
        .filter_map(|label| {
            let at = lower.rfind(label)?;
            let before = lower.get(..at)?.trim_end_matches(['*', '#', ' ', '_']);
            let is_start = before.is_empty() || before.ends_with('\n') || label.starts_with('#');
            is_start.then_some(at + label.len())
        })
        .max();
    last.and_then(|at| text.get(at..))
        .map(|rest| rest.trim().trim_start_matches("**").trim())
        .filter(|rest| !rest.is_empty())
        .unwrap_or(text.trim())
        .to_owned()
}
