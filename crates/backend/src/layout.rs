//! What stands where in a dataset repo. Loaders ignore folders that begin with a dot, so `load_dataset` sees only the
//! table; the rest of the project lies in `.seedbed/` in append-only parts with unique names, which never conflict.

use crate::Result;
use crate::bundle::{RecordLine, push_line};
use seedbed_core::id::sha256_hex;
use seedbed_core::model::Message;
use seedbed_core::record::Record;
use seedbed_core::review::Decision;
use std::collections::BTreeMap;

pub(crate) const CARD: &str = "README.md";
pub(crate) const TABLE: &str = "data/train-00000-of-00001.parquet";
pub(crate) const SEED: &str = "seed_data.json";
pub(crate) const PARAMS: &str = "pipeline_params.json";
pub(crate) const PROJECT: &str = ".seedbed/project.json";
pub(crate) const PROMPTS: &str = ".seedbed/prompts.jsonl";
/// Ids and content hashes of the table's rows: tells what a publish changes without reading Parquet.
pub(crate) const ROWS: &str = ".seedbed/table.jsonl";
pub(crate) const RECORDS: &str = ".seedbed/records/";
pub(crate) const DECISIONS: &str = ".seedbed/decisions/";
pub(crate) const RUNS: &str = ".seedbed/runs/";

/// Parts stay below this size, in bytes, so that the Hub takes them as ordinary files.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> String {
    let mut segment: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    if segment.is_empty() || segment.starts_with('.') {
        segment.insert(0, '_');
    }
    segment
}

/// The reviewer's segment of a decision part's path.
pub(crate) fn reviewer_of(path: &str) -> Option<&str> {
    path.strip_prefix(DECISIONS)?
        .split_once('/')
        .map(|(reviewer, _)| reviewer)
}

/// Cuts lines into texts of at most [`PART_BYTES`], never inside a line.
fn parts(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for line in lines {
        match parts.last_mut() {
            Some(part) if part.len() + line.len() <= PART_BYTES => part.push_str(&line),
            _ => parts.push(line),
        }
    }
    parts
}

/// New parts for records, by run: `(path, text)`. The name holds a hash of the content: sent twice, it is one file.
pub(crate) fn record_parts(rows: Vec<(Record, Vec<Message>)>) -> Result<Vec<(String, String)>> {
    let mut by_run: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (record, messages) in rows {
        let run = record.run_id.clone().unwrap_or_else(|| "import".to_owned());
        let mut line = String::new();
        push_line(&mut line, &RecordLine { record, messages })?;
        by_run.entry(run).or_default().push(line);
    }
    let mut files = Vec::new();
    for (run, lines) in by_run {
        for text in parts(lines) {
            let hash = short_hash(&text);
            files.push((format!("{RECORDS}{}-{hash}.jsonl", segment(&run)), text));
        }
    }
    Ok(files)
}

/// New parts for decisions, by reviewer: `(path, text)`, named by the first clock and the content.
pub(crate) fn decision_parts(decisions: &[Decision]) -> Result<Vec<(String, String)>> {
    let mut by_reviewer: BTreeMap<&str, Vec<&Decision>> = BTreeMap::new();
    for decision in decisions {
        by_reviewer
            .entry(&decision.reviewer)
            .or_default()
            .push(decision);
    }
    let mut files = Vec::new();
    for (reviewer, decisions) in by_reviewer {
        let first = decisions.first().map_or(0, |decision| decision.clock.ms);
        let mut lines = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let mut line = String::new();
            push_line(&mut line, decision)?;
            lines.push(line);
        }
        for text in parts(lines) {
            let hash = short_hash(&text);
            files.push((
                format!("{DECISIONS}{}/{first:013}-{hash}.jsonl", segment(reviewer)),
                text,
            ));
        }
    }
    Ok(files)
}

fn short_hash(text: &str) -> String {
    let mut hash = sha256_hex(text.as_bytes());
    hash.truncate(12);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::review::{Act, Clock, Response};

    #[test]
    fn a_name_is_one_safe_segment() {
        assert_eq!(segment("../../etc"), "_.._.._etc");
        assert_eq!(segment("Ann Example"), "Ann_Example");
        assert_eq!(segment(""), "_");
    }

    #[test]
    fn parts_hold_whole_lines_and_keep_their_order() {
        let lines: Vec<String> = (0..9)
            .map(|n| format!("{}{n}\n", "x".repeat(1024 * 1024)))
            .collect();
        let parts = parts(lines.clone());
        assert_eq!(parts.len(), 3);
        assert_eq!(parts.concat(), lines.concat());
        assert!(parts.iter().all(|part| part.len() <= PART_BYTES));
    }

    #[test]
    fn the_same_decisions_make_the_same_file_of_their_reviewer() {
        let decision = |reviewer: &str, ms| Decision {
            id: format!("{reviewer}{ms}"),
            reviewer: reviewer.to_owned(),
            record_id: "r".to_owned(),
            clock: Clock { ms, n: 0 },
            act: Act::Respond {
                response: Response::default(),
            },
        };
        let log = [decision("ann", 5), decision("bo", 6), decision("ann", 7)];
        let files = decision_parts(&log).expect("serialisable");
        assert_eq!(files.len(), 2);
        assert_eq!(files, decision_parts(&log).expect("serialisable"));
        assert_eq!(reviewer_of(&files[0].0), Some("ann"));
        assert!(
            files[0]
                .0
                .starts_with(".seedbed/decisions/ann/0000000000005-")
        );
        assert_eq!(files[0].1.lines().count(), 2);
    }
}
