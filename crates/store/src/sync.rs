//! What is known of the Hub: the published rows at the last seen head, and the files that were read.

use crate::error::Result;
use crate::{Store, from_json};
use rusqlite::params;
use seedbed_core::row::TableRow;
use std::collections::HashMap;

impl Store {
    /// Accepted rows behind `after_seq`, and where to go on; `None` = that was all.
    pub fn accepted_rows(
        &self,
        after_seq: u64,
        limit: u32,
    ) -> Result<(Vec<TableRow>, Option<u64>)> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, row FROM accepted WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let rows = statement.query_map(params![crate::int(after_seq), limit], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
        })?;
        let (mut list, mut last) = (Vec::new(), None);
        for row in rows {
            let (seq, json) = row?;
            list.push(from_json(&json, "accepted row")?);
            last = Some(seq);
        }
        let next = last.filter(|_| list.len() == limit as usize);
        Ok((list, next))
    }

    /// Id and content hash of every accepted row, in order.
    pub fn accepted_hashes(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, hash FROM accepted ORDER BY seq")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
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

    /// Id and hash of each published row.
    pub fn published(&self) -> Result<HashMap<String, String>> {
        self.pairs("SELECT id, hash FROM published")
    }

    /// Files of the Hub that were read, with their object ids.
    pub fn seen_files(&self) -> Result<HashMap<String, String>> {
        self.pairs("SELECT path, oid FROM seen_files")
    }

    fn pairs(&self, sql: &str) -> Result<HashMap<String, String>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Remembers that a file was read.
    pub fn set_seen_file(&self, path: &str, oid: &str) -> Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO seen_files VALUES (?1, ?2)")?
            .execute([path, oid])?;
        Ok(())
    }

    /// Forgets everything known of the Hub: the project belongs to another repo now.
    pub fn forget_hub(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute_batch(
                "DELETE FROM published; DELETE FROM seen_files;
                 UPDATE records SET is_synced = 0; UPDATE decisions SET is_synced = 0;
                 DELETE FROM kv WHERE key IN ('head', 'hub_seed_hash');",
            )?;
            Ok(())
        })
    }
}
