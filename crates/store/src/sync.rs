//! What is known of the Hub: the published rows at the last seen head, and which part each line stands in.
//!
//! What was sent is derived from the tree of the head: a line whose part is not there any more is to be sent again.

use crate::error::Result;
use crate::{Store, counts, from_json, get, int, keys, put, records};
use rusqlite::params;
use seedbed_core::row::TableRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bytes of rows read at once, about.
const MOST_AT_ONCE: usize = 2 * 1024 * 1024;

/// A file of the Hub that was read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number here; lines name it.
    pub number: i64,
    /// Object id of the content that was read; empty when the file is not on the Hub any more.
    pub oid: String,
    /// Everything in it was understood and is here.
    pub is_whole: bool,
}

/// A line, or a whole file (line 0), that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// The table that Seedbed wrote last, as `.seedbed/project.json` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTable {
    /// SHA-256 of the file; empty when there is none.
    #[serde(default)]
    pub oid: String,
    /// Its rows.
    #[serde(default)]
    pub rows: u64,
    /// The parts that it was made from.
    #[serde(default)]
    pub parts: BTreeSet<String>,
}

impl Store {
    /// Accepted rows behind `after_seq`, fewer than `limit` where they are large, and where to go on; `None` = that was
    /// all.
    pub fn accepted_rows(
        &self,
        after_seq: u64,
        limit: u32,
    ) -> Result<(Vec<TableRow>, Option<u64>)> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, row FROM accepted WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let rows = statement.query_map(params![int(after_seq), limit], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
        })?;
        let (mut list, mut last) = (Vec::new(), None);
        let mut bytes = 0;
        for row in rows {
            let (seq, json) = row?;
            list.push(from_json(&json, "accepted row")?);
            last = Some(seq);
            bytes += json.len();
            if bytes > MOST_AT_ONCE {
                break;
            }
        }
        let next = last.filter(|_| list.len() == limit as usize || bytes > MOST_AT_ONCE);
        Ok((list, next))
    }

    /// The accepted row of a record as it would be published.
    pub fn accepted_row(&self, id: &str) -> Result<Option<TableRow>> {
        use rusqlite::OptionalExtension as _;
        let json: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT row FROM accepted WHERE seq = (SELECT seq FROM records WHERE id = ?1)",
            )?
            .query_row([id], |row| row.get(0))
            .optional()?;
        json.map(|json| from_json(&json, "accepted row"))
            .transpose()
    }

    /// Id and content hash of every accepted row, in order.
    pub fn accepted_hashes(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, hash FROM accepted ORDER BY seq")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// How many rows would be published.
    pub fn accepted_row_count(&self) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached("SELECT count(*) FROM accepted")?
            .query_row([], |row| row.get(0))?)
    }

    /// Replaces what is known of the published table: id and hash of each row.
    pub fn set_published(&self, rows: &[(String, String)]) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM published", [])?;
            let mut statement =
                tx.prepare_cached("INSERT OR REPLACE INTO published VALUES (?1, ?2)")?;
            for (id, hash) in rows {
                statement.execute([id, hash])?;
            }
            Ok(())
        })
    }

    /// Remembers the lines of published rows that say more than this build understands, by record id.
    pub fn set_row_lines(&self, lines: &BTreeMap<String, String>) -> Result<()> {
        if lines.is_empty() {
            return self.remove(keys::ROW_LINES);
        }
        self.put(keys::ROW_LINES, lines)
    }

    /// The lines of published rows that say more than this build understands, by record id.
    pub fn row_lines(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.get(keys::ROW_LINES)?.unwrap_or_default())
    }

    /// Id and hash of each published row.
    pub fn published(&self) -> Result<HashMap<String, String>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, hash FROM published")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Files of the Hub that are known, by path.
    pub fn parts(&self) -> Result<HashMap<String, Part>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT path, n, oid, is_whole FROM parts")?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                Part {
                    number: row.get(1)?,
                    oid: row.get(2)?,
                    is_whole: row.get(3)?,
                },
            ))
        })?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// The number of a file whose content is about to be read. Until [`Store::end_part`] says so it does not count as
    /// whole.
    pub fn begin_part(&self, path: &str) -> Result<i64> {
        self.write(|tx| {
            tx.prepare_cached("DELETE FROM problems WHERE path = ?1")?
                .execute([path])?;
            Ok(tx
                .prepare_cached(
                    "INSERT INTO parts (path, oid, is_whole) VALUES (?1, '', 0)
                     ON CONFLICT (path) DO UPDATE SET oid = '', is_whole = 0 RETURNING n",
                )?
                .query_row([path], |row| row.get(0))?)
        })
    }

    /// All of a file was read: it counts as whole if there was no problem.
    pub fn end_part(&self, number: i64, oid: &str, problems: &[Problem]) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("UPDATE parts SET oid = ?2, is_whole = ?3 WHERE n = ?1")?
                .execute(params![number, oid, problems.is_empty()])?;
            let mut statement =
                tx.prepare_cached("INSERT OR REPLACE INTO problems VALUES (?1, ?2, ?3)")?;
            for problem in problems {
                statement.execute(params![problem.path, problem.line, problem.reason])?;
            }
            Ok(())
        })
    }

    /// Takes the tree of the head as what is there: lines of parts that are not in it are to be sent again.
    /// `tree` holds path and object id of each file.
    pub fn set_tree(&self, tree: &HashMap<String, String>) -> Result<()> {
        let gone: Vec<(String, i64)> = self
            .parts()?
            .into_iter()
            // One that was cut off while it was read has no object id yet, and lines that name it.
            .filter(|(path, part)| {
                !tree.contains_key(path) && (!part.oid.is_empty() || !part.is_whole)
            })
            .map(|(path, part)| (path, part.number))
            .collect();
        self.write(|tx| {
            for (path, number) in &gone {
                for sql in [
                    "UPDATE records SET part = NULL WHERE part = ?1",
                    "UPDATE decisions SET part = NULL WHERE part = ?1",
                    "UPDATE instruction_acts SET part = NULL WHERE part = ?1",
                    // What was whole stays known as held: the lines are here.
                    "UPDATE parts SET oid = '' WHERE n = ?1",
                ] {
                    tx.prepare_cached(sql)?.execute([number])?;
                }
                tx.prepare_cached("DELETE FROM problems WHERE path = ?1")?
                    .execute([path])?;
            }
            // A problem of a file that is gone is gone.
            let paths: Vec<String> = {
                let mut statement = tx.prepare_cached("SELECT DISTINCT path FROM problems")?;
                let rows = statement.query_map([], |row| row.get(0))?;
                rows.collect::<std::result::Result<_, _>>()?
            };
            for path in paths.iter().filter(|path| !tree.contains_key(*path)) {
                tx.prepare_cached("DELETE FROM problems WHERE path = ?1")?
                    .execute([path])?;
            }
            if !gone.is_empty() {
                records::settle_contested(tx)?;
            }
            counts::recount_unsaved(tx)
        })
    }

    /// Remembers a part that was committed, with the lines in it by their `seq`.
    pub fn set_sent(
        &self,
        path: &str,
        oid: &str,
        records: &[u64],
        decisions: &[u64],
        acts: &[u64],
    ) -> Result<()> {
        self.write(|tx| {
            let number: i64 = tx
                .prepare_cached(
                    "INSERT INTO parts (path, oid, is_whole) VALUES (?1, ?2, 1)
                     ON CONFLICT (path) DO UPDATE SET oid = excluded.oid, is_whole = 1 RETURNING n",
                )?
                .query_row([path, oid], |row| row.get(0))?;
            for (sql, seqs) in [
                ("UPDATE records SET part = ?2 WHERE seq = ?1", records),
                ("UPDATE decisions SET part = ?2 WHERE seq = ?1", decisions),
                ("UPDATE instruction_acts SET part = ?2 WHERE seq = ?1", acts),
            ] {
                let mut statement = tx.prepare_cached(sql)?;
                for seq in seqs {
                    statement.execute(params![int(*seq), number])?;
                }
            }
            if !records.is_empty() {
                records::settle_contested(tx)?;
            }
            Ok(())
        })
    }

    /// Counts anew what exists only in this browser, after a publish or a sync.
    pub fn recount_unsaved(&self) -> Result<()> {
        self.write(counts::recount_unsaved)
    }

    /// What could not be understood of the Hub, the first `limit`, and how many in all.
    pub fn problems(&self, limit: u32) -> Result<(Vec<Problem>, u32)> {
        let mut statement = self.connection.prepare_cached(
            "SELECT path, line, reason FROM problems ORDER BY path, line LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| {
            Ok(Problem {
                path: row.get(0)?,
                line: row.get(1)?,
                reason: row.get(2)?,
            })
        })?;
        let list = rows.collect::<std::result::Result<_, _>>()?;
        let total = self
            .connection
            .prepare_cached("SELECT count(*) FROM problems")?
            .query_row([], |row| row.get(0))?;
        Ok((list, total))
    }

    /// The table that Seedbed wrote last, as far as the repo says; `None` for a repo of format 1.
    pub fn published_table(&self) -> Result<Option<PublishedTable>> {
        get(&self.connection, keys::TABLE)
    }

    /// Remembers the table that Seedbed wrote last.
    pub fn set_published_table(&self, table: Option<&PublishedTable>) -> Result<()> {
        match table {
            Some(table) => put(&self.connection, keys::TABLE, table),
            None => self.remove(keys::TABLE),
        }
    }

    /// Forgets everything known of the Hub: the project belongs to another repo now.
    pub fn forget_hub(&self) -> Result<()> {
        self.set_tree(&HashMap::new())?;
        self.write(|tx| {
            tx.execute_batch("DELETE FROM published; DELETE FROM parts; DELETE FROM problems")?;
            for key in [keys::HEAD, keys::HUB_SEED, keys::TABLE, keys::ROW_LINES] {
                tx.prepare_cached("DELETE FROM kv WHERE key = ?1")?
                    .execute([key])?;
            }
            Ok(())
        })
    }
}
