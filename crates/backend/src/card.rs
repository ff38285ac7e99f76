//! The dataset card: front matter that loaders and the viewer read, and a page of measured facts.
//!
//! A person may edit the card on the Hub. So only what is ours is written again: our keys of the front matter, and the
//! text between our two marks. Other keys and other text stay as they are.

use crate::layout;
use seedbed_core::messages::Counts;
use seedbed_core::review::RecordState;
use seedbed_core::seed::Seed;
use std::fmt::Write as _;

const BEGIN: &str =
    "<!-- seedbed:begin (this part is written by Seedbed; write your own above or below) -->";
const BEGIN_MARK: &str = "<!-- seedbed:begin";
const END: &str = "<!-- seedbed:end -->";

/// What the card tells.
pub(crate) struct Facts<'a> {
    pub(crate) repo: &'a str,
    pub(crate) seed: &'a Seed,
    pub(crate) license: &'a str,
    pub(crate) languages: &'a [String],
    /// Rows of the table.
    pub(crate) rows: usize,
    /// Rows of the table per topic, model, …
    pub(crate) topics: Vec<(String, usize)>,
    pub(crate) models: Vec<(String, usize)>,
    pub(crate) edited: usize,
    pub(crate) counts: &'a Counts,
    pub(crate) reviewers: usize,
}

/// The card's text, with what a person wrote into `existing` kept.
pub(crate) fn write(facts: &Facts<'_>, existing: Option<&str>) -> String {
    let (front, body) = existing.map_or(("", ""), split);
    let mut text = String::from("---\n");
    text.push_str(&front_matter(facts, front));
    text.push_str("---\n");
    let generated = generated(facts);
    match marked(body) {
        Some((before, after)) => {
            text.push_str(before);
            text.push_str(&generated);
            text.push_str(after);
        }
        None if body.trim().is_empty() => {
            let _ = writeln!(text, "\n# {}\n\n{generated}", plain(title(facts.seed)));
        }
        None => {
            let _ = writeln!(text, "{}\n\n{generated}", body.trim_end());
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Front matter and body.
fn split(card: &str) -> (&str, &str) {
    let card = card.trim_start_matches('\u{feff}');
    let Some(rest) = card
        .strip_prefix("---\n")
        .or_else(|| card.strip_prefix("---\r\n"))
    else {
        return ("", card);
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return (&rest[..at], &rest[at + line.len()..]);
        }
        at += line.len();
    }
    ("", card)
}

/// What stands before and after our part.
fn marked(body: &str) -> Option<(&str, &str)> {
    let begin = body.find(BEGIN_MARK)?;
    let end = body[begin..].find(END)? + begin + END.len();
    Some((&body[..begin], &body[end..]))
}

/// Top-level keys with their lines.
fn blocks(front: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for line in front.lines() {
        let is_key = line
            .chars()
            .next()
            .is_some_and(|c| c.is_alphabetic() || c == '_' || c == '"' || c == '\'');
        match line.split_once(':') {
            Some((name, _)) if is_key => {
                let name = name.trim_matches(['"', '\'', ' ']).to_owned();
                blocks.push((name, format!("{line}\n")));
            }
            _ => {
                if let Some((_, block)) = blocks.last_mut() {
                    block.push_str(line);
                    block.push('\n');
                } else if !line.trim().is_empty() {
                    blocks.push((String::new(), format!("{line}\n")));
                }
            }
        }
    }
    blocks
}

fn front_matter(facts: &Facts<'_>, existing: &str) -> String {
    let mut ours: Vec<(&str, String)> = Vec::new();
    if !facts.license.is_empty() {
        ours.push(("license", format!("license: {}\n", quoted(facts.license))));
    }
    if !facts.languages.is_empty() {
        ours.push(("language", list("language", facts.languages)));
    }
    ours.push((
        "pretty_name",
        format!("pretty_name: {}\n", quoted(title(facts.seed))),
    ));
    ours.push((
        "task_categories",
        list("task_categories", &["text-generation"]),
    ));
    ours.push((
        "tags",
        list("tags", &["seedbed", "synthetic", "human-feedback"]),
    ));
    ours.push((
        "size_categories",
        list("size_categories", &[size_category(facts.rows)]),
    ));
    // Without a table there is nothing that a loader could read.
    let configs = if facts.rows == 0 {
        String::new()
    } else {
        format!(
            "configs:\n- config_name: default\n  default: true\n  data_files:\n  - split: train\n    path: {}\n",
            layout::TABLE
        )
    };
    ours.push(("configs", configs));
    // Sizes that another tool measured of another table would make loaders refuse this one.
    ours.push(("dataset_info", String::new()));

    let before = blocks(existing);
    let mut text = String::new();
    for (name, block) in &ours {
        // The title and the tags of a person stand.
        let kept = before
            .iter()
            .find(|(known, _)| known == name)
            .filter(|_| matches!(*name, "pretty_name" | "tags" | "task_categories"));
        text.push_str(kept.map_or(block.as_str(), |(_, block)| block));
    }
    for (name, block) in &before {
        if !ours.iter().any(|(known, _)| known == name) {
            text.push_str(block);
        }
    }
    text
}

fn list<T: AsRef<str>>(name: &str, items: &[T]) -> String {
    let mut text = format!("{name}:\n");
    for item in items {
        let _ = writeln!(text, "- {}", quoted(item.as_ref()));
    }
    text
}

/// A YAML scalar: as it is where that is safe, else in double quotes (JSON strings are YAML).
fn quoted(text: &str) -> String {
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '<' | '>'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            // Norwegian's code is a boolean to YAML 1.1.
            "no" | "yes" | "on" | "off" | "true" | "false" | "null" | "y" | "n"
        );
    if is_plain {
        text.to_owned()
    } else {
        serde_json::Value::String(text.to_owned()).to_string()
    }
}

fn size_category(rows: usize) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        _ => "100K<n<1M",
    }
}

fn title(seed: &Seed) -> &str {
    let name = seed.domain.trim();
    if name.is_empty() { "Untitled" } else { name }
}

/// A text of a person or a model as one line of Markdown without markup of its own.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn generated(facts: &Facts<'_>) -> String {
    let mut text = format!("{BEGIN}\n\n");
    let out = &mut text;
    for paragraph in facts.seed.description.split("\n\n") {
        if !paragraph.trim().is_empty() {
            let _ = writeln!(out, "{}\n", plain(paragraph));
        }
    }
    let state = |wanted: RecordState| {
        facts
            .counts
            .states
            .iter()
            .find(|(state, _)| *state == wanted)
            .map_or(0, |(_, n)| *n)
    };
    let _ = writeln!(
        out,
        "Every row was drafted by a language model or imported, and then accepted by a person.\n\n\
         ## The figures\n\n| | |\n| --- | ---: |\n| rows | {} |\n| edited by a person | {} |\n| records reviewed | {} of {} |",
        facts.rows,
        facts.edited,
        facts.counts.total - state(RecordState::Pending),
        facts.counts.total,
    );
    for (name, wanted) in [
        ("rejected", RecordState::Rejected),
        ("discarded", RecordState::Discarded),
        ("disputed", RecordState::Disputed),
    ] {
        if state(wanted) > 0 {
            let _ = writeln!(out, "| {name} | {} |", state(wanted));
        }
    }
    let _ = writeln!(out, "| reviewers | {} |\n", facts.reviewers);
    for (heading, rows) in [("Topics", &facts.topics), ("Models", &facts.models)] {
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "## {heading}\n\n| | rows |\n| --- | ---: |");
        for (name, count) in rows {
            let name = if name.is_empty() { "(none)" } else { name };
            let _ = writeln!(out, "| {} | {count} |", plain(name));
        }
        out.push('\n');
    }
    if !facts.seed.perspectives.is_empty() {
        let names: Vec<String> = facts.seed.perspectives.iter().map(|p| plain(p)).collect();
        let _ = writeln!(out, "Perspectives: {}.\n", names.join(", "));
    }
    if facts.rows > 0 {
        let _ = writeln!(
            out,
            "## How to load it\n\n```python\nfrom datasets import load_dataset\n\nrows = load_dataset(\"{}\", split=\"train\")\n```\n\n\
             `messages` is what chat trainers such as TRL's `SFTTrainer` read; `instruction` and `response` hold the same texts as plain columns. \
             `id` names a row for good, `seed_hash` the seed it was drafted under.\n",
            facts.repo
        );
    }
    let _ = writeln!(
        out,
        "## Where it comes from\n\nGrown with Seedbed. `{}` and `{}` hold the seed and the settings; `.seedbed/` holds every record with its \
         provenance and every reviewer's decisions.\n",
        layout::SEED,
        layout::PARAMS
    );
    text.push_str(END);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(seed: &'a Seed, counts: &'a Counts, rows: usize) -> Facts<'a> {
        Facts {
            repo: "me/bees",
            seed,
            license: "cc-by-4.0",
            languages: &[],
            rows,
            topics: vec![("Swarm | control".to_owned(), rows)],
            models: Vec::new(),
            edited: 0,
            counts,
            reviewers: 1,
        }
    }

    #[test]
    fn a_persons_keys_and_text_survive_and_ours_are_renewed() {
        let seed = Seed {
            domain: "bees: \"all\"".to_owned(),
            ..Seed::default()
        };
        let counts = Counts::default();
        let first = write(&facts(&seed, &counts, 1), None);
        assert!(first.contains("pretty_name: \"bees: \\\"all\\\"\"\n"));
        assert!(first.contains("| Swarm \\| control | 1 |"));
        let edited = first
            .replace("---\n\n#", "thumbnail: x.png\n---\n\nMy own words.\n\n#")
            .replace(END, &format!("{END}\n\nMore of my own."));
        let second = write(&facts(&seed, &counts, 1500), Some(&edited));
        for kept in [
            "thumbnail: x.png",
            "My own words.",
            "More of my own.",
            "1K<n<10K",
        ] {
            assert!(second.contains(kept), "{kept} is missing in\n{second}");
        }
        assert_eq!(second.matches(END).count(), 1);
        assert!(!second.contains("- n<1K"));
        // Written again it does not change.
        assert_eq!(write(&facts(&seed, &counts, 1500), Some(&second)), second);
    }

    #[test]
    fn without_rows_no_table_is_promised() {
        let (seed, counts) = (Seed::default(), Counts::default());
        let text = write(&facts(&seed, &counts, 0), None);
        assert!(!text.contains("configs:"));
        assert!(!text.contains("load_dataset"));
    }
}
