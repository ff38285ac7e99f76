//! Lines of a saved project that this build does not understand: kept as they came, for the next file.

use crate::error::Result;
use crate::{Store, from_json, put};
use rusqlite::{Connection, params};
use std::collections::HashSet;

/// Begins their keys in `kv`; the number of the line follows.
const PREFIX: &str = "kept:";
/// The first key behind all of theirs.
const BEHIND: &str = "kept;";
/// Lines at most.
const MOST_LINES: usize = 10_000;
/// Bytes of all lines together at most.
const MOST_BYTES: usize = 16 * 1024 * 1024;

fn key(number: u64) -> String {
    format!("{PREFIX}{number:020}")
}

/// Number and text of the lines behind `after`.
fn lines(connection: &Connection, after: u64, limit: u32) -> Result<Vec<(u64, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, value FROM kv WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3",
    )?;
    let rows = statement.query_map(params![key(after), BEHIND, limit], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut lines = Vec::new();
    for row in rows {
        let (key, json) = row?;
        let number = key.strip_prefix(PREFIX).unwrap_or_default();
        lines.push((
            number.parse().unwrap_or(u64::MAX),
            from_json(&json, "kept line")?,
        ));
    }
    Ok(lines)
}

impl Store {
    /// Keeps lines, in their order and each once, as long as there is room for them; gives back the number of those that
    /// found none.
    pub fn keep_lines(&self, new: &[&str]) -> Result<u32> {
        if new.is_empty() {
            return Ok(0);
        }
        self.write(|tx| {
            let known = lines(tx, 0, u32::MAX)?;
            let mut last = known.last().map_or(0, |(number, _)| *number);
            let mut known: HashSet<&str> = known.iter().map(|(_, text)| text.as_str()).collect();
            let mut bytes: usize = known.iter().map(|text| text.len()).sum();
            let mut refused = 0;
            for text in new {
                if known.contains(text) {
                    continue;
                }
                if known.len() >= MOST_LINES || bytes + text.len() > MOST_BYTES {
                    refused += 1;
                    continue;
                }
                last += 1;
                bytes += text.len();
                known.insert(text);
                put(tx, &key(last), text)?;
            }
            Ok(refused)
        })
    }

    /// Number and text of kept lines behind number `after`, the first `limit`.
    pub fn kept_lines_after(&self, after: u64, limit: u32) -> Result<Vec<(u64, String)>> {
        lines(&self.connection, after, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_once_and_in_their_order() {
        let store = Store::open_memory().unwrap();
        store.put("kept", &1).unwrap();
        store.put("later", &1).unwrap();
        assert_eq!(store.keep_lines(&["b", "a", "b"]), Ok(0));
        assert_eq!(store.keep_lines(&["c", "a"]), Ok(0));
        let all = store.kept_lines_after(0, 9).unwrap();
        let texts: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["b", "a", "c"]);
        assert_eq!(
            store.kept_lines_after(all[0].0, 1).unwrap(),
            [all[1].clone()]
        );
    }

    #[test]
    fn no_more_lines_and_bytes_are_kept_than_there_is_room_for() {
        let store = Store::open_memory().unwrap();
        let many: Vec<String> = (0..MOST_LINES + 2).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(store.keep_lines(&many), Ok(2));
        assert_eq!(store.keep_lines(&many[..5]), Ok(0), "these are kept");
        let store = Store::open_memory().unwrap();
        let large = "x".repeat(MOST_BYTES - 1);
        assert_eq!(store.keep_lines(&[&large, "ab", "c"]), Ok(1));
    }
}
