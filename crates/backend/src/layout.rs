//! What stands where in a dataset repo (`docs/format.md`). Loaders ignore folders that begin with a dot, so
//! `load_dataset` sees only the table; the rest of the project lies in `.seedbed/` in append-only parts with unique
//! names, which never conflict.

use seedbed_core::id::sha256_hex;

pub(crate) const CARD: &str = "README.md";
pub(crate) const TABLE: &str = "data/train-00000-of-00001.parquet";
pub(crate) const SEED: &str = "seed_data.json";
pub(crate) const PARAMS: &str = "pipeline_params.json";
pub(crate) const PROJECT: &str = ".seedbed/project.json";
/// Instructions of format 1.
pub(crate) const PROMPTS: &str = ".seedbed/prompts.jsonl";
/// Ids and content hashes of the table's rows: tells what a publish changes without reading Parquet.
pub(crate) const ROWS: &str = ".seedbed/table.jsonl";
pub(crate) const RECORDS: &str = ".seedbed/records/";
pub(crate) const DECISIONS: &str = ".seedbed/decisions/";
pub(crate) const INSTRUCTIONS: &str = ".seedbed/instructions/";
pub(crate) const RUNS: &str = ".seedbed/runs/";

/// Parts stay below this size, in bytes, so that the Hub takes them as ordinary files.
pub(crate) const PART_BYTES: usize = 4 * 1024 * 1024;

/// A name as one segment of a path: bytes other than ASCII letters, digits, `-`, `_` and `.` are percent-encoded, so
/// that two names never share a folder.
pub(crate) fn segment(name: &str) -> String {
    use std::fmt::Write as _;
    let mut segment = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let is_plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0);
        if is_plain {
            segment.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

/// The folder that a build of format 1 wrote a reviewer's decisions to. Several names could share one.
pub(crate) fn old_segment(name: &str) -> String {
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

/// What kind of append-only part a path names, with its writer's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part<'a> {
    /// Records; format 1 had no folders there.
    Records,
    /// Instructions of a writer.
    Instructions(&'a str),
    /// Instructions of format 1, which is rewritten by its builds.
    Prompts,
    /// Decisions of a writer.
    Decisions(&'a str),
}

impl<'a> Part<'a> {
    /// The part at `path`, if it is one.
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        if path == PROMPTS {
            return Some(Self::Prompts);
        }
        let is_lines = path.strip_suffix(".jsonl").is_some();
        let folder = |prefix: &str| path.strip_prefix(prefix)?.split_once('/').map(|(at, _)| at);
        if !is_lines {
            None
        } else if path.starts_with(RECORDS) {
            Some(Self::Records)
        } else if let Some(writer) = folder(DECISIONS) {
            Some(Self::Decisions(writer))
        } else {
            folder(INSTRUCTIONS).map(Self::Instructions)
        }
    }
}

/// Whether a line of `writer` may stand in `folder`.
pub(crate) fn is_folder_of(folder: &str, writer: &str, is_format_1: bool) -> bool {
    segment(writer) == folder || (is_format_1 && old_segment(writer) == folder)
}

/// Path of a new part with these lines. The name holds a hash of the content: sent twice, it is one file.
pub(crate) fn part_path(folder: &str, writer: &str, first: u64, text: &str) -> String {
    let mut hash = sha256_hex(text.as_bytes());
    hash.truncate(12);
    format!("{folder}{}/{first:010}-{hash}.jsonl", segment(writer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_safe_segment_of_its_own() {
        assert_eq!(segment("../../etc"), "%2E.%2F..%2Fetc");
        assert_eq!(segment("Ann Example"), "Ann%20Example");
        assert_eq!(segment("ann.b-c_1"), "ann.b-c_1");
        assert_ne!(segment("Ösé"), segment("Üsà"));
        assert_ne!(segment("a%20b"), segment("a b"));
    }

    #[test]
    fn parts_are_told_by_their_path() {
        assert_eq!(
            Part::of(".seedbed/records/run-1.jsonl"),
            Some(Part::Records)
        );
        assert_eq!(
            Part::of(".seedbed/decisions/ann/1-a.jsonl"),
            Some(Part::Decisions("ann"))
        );
        assert_eq!(Part::of(".seedbed/decisions/loose.jsonl"), None);
        assert_eq!(Part::of(".seedbed/verdicts/ann/1-a.jsonl"), None);
        assert_eq!(Part::of(".seedbed/records/notes.txt"), None);
    }

    #[test]
    fn a_line_stands_only_in_its_writers_folder() {
        assert!(is_folder_of("Ann%20E", "Ann E", false));
        assert!(!is_folder_of("Ann_E", "Ann E", false));
        assert!(is_folder_of("Ann_E", "Ann E", true));
        assert!(!is_folder_of("bob", "ann", true));
    }
}
