//! The part of the card that is ours: measured facts, each only where it holds.

use crate::{Facts, Placed};
use std::fmt::Write as _;

/// A text of a person or a model as one line of Markdown without markup of its own.
pub(crate) fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let mut out = String::with_capacity(text.len());
    for c in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        let is_first_mark = out.is_empty() && matches!(c, '-' | '+' | '=');
        // `1.` and `1)` begin a list.
        let ends_number =
            matches!(c, '.' | ')') && !out.is_empty() && out.bytes().all(|b| b.is_ascii_digit());
        if is_first_mark
            || ends_number
            || matches!(
                c,
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&' | '$'
            )
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The heading of a page that nobody has begun.
pub(crate) fn heading(facts: &Facts<'_>) -> String {
    let title = plain(facts.title);
    if title.is_empty() {
        plain(facts.repo.rsplit('/').next().unwrap_or(facts.repo))
    } else {
        title
    }
}

fn rows(n: usize) -> String {
    match n {
        1 => "1 row".to_owned(),
        n => format!("{n} rows"),
    }
}

/// Where the rows come from, as far as it is known.
fn origin(facts: &Facts<'_>) -> String {
    let all = facts.rows();
    let (generated, imported) = (facts.generated, facts.imported);
    if all == 0 {
        return "No row has been accepted yet.".to_owned();
    }
    let came = if generated == all {
        "Every row was drafted by a language model".to_owned()
    } else if imported == all {
        "Every row was imported".to_owned()
    } else {
        let mut parts = Vec::new();
        for (n, one, many, how) in [
            (generated, "was", "were", "drafted by a language model"),
            (imported, "was", "were", "imported"),
            (
                all.saturating_sub(generated + imported),
                "is",
                "are",
                "of unknown origin",
            ),
        ] {
            if n > 0 {
                let verb = if n == 1 { one } else { many };
                parts.push(format!("{} {verb} {how}", rows(n)));
            }
        }
        match parts.pop() {
            Some(last) if !parts.is_empty() => format!("{} and {last}", parts.join(", ")),
            Some(last) => last,
            None => String::new(),
        }
    };
    if facts.reviewers == 0 {
        format!("{came}.")
    } else if generated == all || imported == all {
        format!("{came}, and then accepted by a person.")
    } else {
        format!("{came}; each was then accepted by a person.")
    }
}

pub(crate) fn generated(facts: &Facts<'_>, placed: &[Placed]) -> String {
    let mut text = String::from("\n");
    let out = &mut text;
    for paragraph in facts.description.replace("\r\n", "\n").split("\n\n") {
        let paragraph = plain(paragraph);
        if !paragraph.is_empty() {
            let _ = writeln!(out, "{paragraph}\n");
        }
    }
    let _ = writeln!(out, "{}\n", origin(facts));
    let _ = writeln!(
        out,
        "## The figures\n\n| | |\n| --- | ---: |\n| rows | {} |",
        facts.rows()
    );
    if facts.rows() > 0 {
        let _ = writeln!(out, "| edited by a person | {} |", facts.edited);
    }
    let _ = writeln!(
        out,
        "| records reviewed | {} of {} |",
        facts.reviewed, facts.records
    );
    for (name, n) in facts.states {
        if *n > 0 {
            let _ = writeln!(out, "| {} | {n} |", plain(name));
        }
    }
    let _ = writeln!(out, "| reviewers | {} |\n", facts.reviewers);
    for (heading, rows) in [("Topics", facts.topics), ("Models", facts.models)] {
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "## {heading}\n\n| | rows |\n| --- | ---: |");
        for (name, count) in rows {
            let name = if name.trim().is_empty() {
                "(none)"
            } else {
                name
            };
            let _ = writeln!(out, "| {} | {count} |", plain(name));
        }
        out.push('\n');
    }
    if !facts.perspectives.is_empty() {
        let names: Vec<String> = facts.perspectives.iter().map(|name| plain(name)).collect();
        let _ = writeln!(out, "Perspectives: {}.\n", names.join(", "));
    }
    if !placed.is_empty() {
        let _ = writeln!(
            out,
            "## How to load it\n\n```python\nfrom datasets import load_dataset\n"
        );
        for table in placed {
            let _ = writeln!(out, "{}", loading(facts.repo, table));
        }
        let _ = writeln!(
            out,
            "```\n\n\
             `messages` is what chat trainers such as TRL's `SFTTrainer` read; `instruction` and `response` hold the same texts as plain columns. \
             `id` names a row for good, `seed_hash` the seed it was drafted under.\n"
        );
    }
    let _ = writeln!(
        out,
        "## Where it comes from\n\nGrown with Seedbed. `seed_data.json` and `pipeline_params.json` hold the seed and the settings; `.seedbed/` holds every \
         record with its provenance and every reviewer's decisions."
    );
    text
}

/// The line of Python that loads a table as it is declared.
pub(crate) fn loading(repo: &str, table: &Placed) -> String {
    let split = python(&table.split);
    if table.is_apart {
        let path = python(&format!("hf://datasets/{repo}/{}", table.path));
        return format!(
            "rows = load_dataset(\"parquet\", data_files={{{split}: {path}}}, split={split})"
        );
    }
    let config = if table.config == "default" {
        String::new()
    } else {
        format!(", {}", python(&table.config))
    };
    format!(
        "rows = load_dataset({}{config}, split={split})",
        python(repo)
    )
}

/// A string of Python; what a name of a repo, config or split can't hold is left out.
fn python(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '\\' | '`' | '\u{2028}' | '\u{2029}'))
        .collect();
    format!("\"{text}\"")
}
