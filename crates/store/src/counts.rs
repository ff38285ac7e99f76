//! Counters that change with the records in the same transaction, so that counting 100,000 records is a few lookups.

use crate::error::Result;
use crate::{Store, decisions, from_json, get, int, keys, put, seed, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::messages::{Counts, Unsaved};
use seedbed_core::prompt::Cell;
use seedbed_core::review::RecordState;
use std::collections::{BTreeMap, HashMap};

pub(crate) const TOTAL: &str = "total";
pub(crate) const STATE: &str = "state";
pub(crate) const TOPIC: &str = "topic";
pub(crate) const PERSPECTIVE: &str = "perspective";
pub(crate) const MODEL: &str = "model";
/// Records by the part of the seed they stand on, without those that are outdated.
pub(crate) const SEED: &str = "seed";
/// Records whose instruction has another text by now.
pub(crate) const OUTDATED: &str = "outdated";
/// What exists only in this browser, as [`DECISIONS`] and [`RECORDS`].
pub(crate) const UNSAVED: &str = "unsaved";
pub(crate) const DECISIONS: &str = "decisions";
pub(crate) const RECORDS: &str = "records";
/// Records per cell, by [`cell_name`].
pub(crate) const CELL: &str = "cell";
/// Accepted records per cell, by [`cell_name`].
pub(crate) const CELL_ACCEPTED: &str = "cell_accepted";

/// A cell as the name of a counter.
pub(crate) fn cell_name(cell: &Cell) -> Result<String> {
    to_json(&(&cell.topic, &cell.perspective))
}

/// Records and accepted records of every cell that has any.
pub(crate) fn of_cells(connection: &Connection) -> Result<Vec<(Cell, u32, u32)>> {
    all(connection, CELL)?
        .into_iter()
        .map(|(name, records)| {
            let (topic, perspective) = from_json(&name, "counter")?;
            let accepted = of(connection, CELL_ACCEPTED, &name)?;
            Ok((Cell { topic, perspective }, records, accepted))
        })
        .collect()
}

/// Adds `by` to a counter.
pub(crate) fn add(connection: &Connection, kind: &str, name: &str, by: i64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO counts VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, name) DO UPDATE SET n = n + excluded.n",
        )?
        .execute(params![kind, name, by])?;
    Ok(())
}

/// What many records add to the counters, by kind and name: each counter is written once.
#[derive(Default)]
pub(crate) struct Changes(BTreeMap<(&'static str, String), i64>);

impl Changes {
    pub(crate) fn add(&mut self, kind: &'static str, name: impl Into<String>, by: i64) {
        *self.0.entry((kind, name.into())).or_default() += by;
    }

    pub(crate) fn store(self, connection: &Connection) -> Result<()> {
        for ((kind, name), by) in self.0 {
            add(connection, kind, &name, by)?;
        }
        Ok(())
    }
}

/// A counter.
pub(crate) fn of(connection: &Connection, kind: &str, name: &str) -> Result<u32> {
    Ok(connection
        .prepare_cached("SELECT n FROM counts WHERE kind = ?1 AND name = ?2")?
        .query_row([kind, name], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

/// All counters of a kind that are not zero, by name.
fn all(connection: &Connection, kind: &str) -> Result<Vec<(String, u32)>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, n FROM counts WHERE kind = ?1 AND n > 0 AND name <> '' ORDER BY name",
    )?;
    let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Records of which something they stand on has changed: the part of the seed, whose present hash is `part`, or the
/// instruction.
pub(crate) fn stale(connection: &Connection, part: &str) -> Result<u32> {
    let by_seed: u32 = connection
        .prepare_cached("SELECT coalesce(sum(n), 0) FROM counts WHERE kind = 'seed' AND name <> ?1 AND name <> ''")?
        .query_row([part], |row| row.get(0))?;
    Ok(by_seed + of(connection, OUTDATED, "")?)
}

/// Work that exists only in this browser.
pub(crate) fn unsaved(connection: &Connection) -> Result<Unsaved> {
    Ok(Unsaved {
        decisions: of(connection, UNSAVED, DECISIONS)?,
        records: of(connection, UNSAVED, RECORDS)?,
    })
}

/// Counts anew what exists only in this browser: what stands in no part of the Hub, and came after the last file.
pub(crate) fn recount_unsaved(connection: &Connection) -> Result<()> {
    let (records, decisions): (u64, u64) = get(connection, keys::FILED)?.unwrap_or_default();
    for (name, sql, after) in [
        (
            RECORDS,
            "SELECT count(*) FROM records WHERE part IS NULL AND seq > ?1",
            records,
        ),
        (
            DECISIONS,
            // Acts on identities are no work of anyone.
            "SELECT count(*) FROM decisions WHERE part IS NULL AND origin = 0 AND record IS NOT NULL AND seq > ?1",
            decisions,
        ),
    ] {
        let n: i64 = connection
            .prepare_cached(sql)?
            .query_row([int(after)], |row| row.get(0))?;
        connection
            .prepare_cached(
                "INSERT INTO counts VALUES (?1, ?2, ?3) ON CONFLICT (kind, name) DO UPDATE SET n = excluded.n",
            )?
            .execute(params![UNSAVED, name, n])?;
    }
    Ok(())
}

/// The names of `order` first, in that order, then the others.
fn ordered(counted: Vec<(String, u32)>, order: &[String]) -> Vec<(String, u32)> {
    let mut left: HashMap<String, u32> = counted.iter().cloned().collect();
    let mut list: Vec<(String, u32)> = order
        .iter()
        .filter_map(|name| left.remove(name).map(|n| (name.clone(), n)))
        .collect();
    list.extend(
        counted
            .into_iter()
            .filter(|(name, _)| left.contains_key(name)),
    );
    list
}

impl Store {
    /// Work that exists only in this browser.
    pub fn unsaved(&self) -> Result<Unsaved> {
        unsaved(&self.connection)
    }

    /// Everything up to now stands in a file that was saved.
    pub fn set_filed(&self) -> Result<()> {
        self.write(|tx| {
            let last = |table: &str| -> Result<u64> {
                Ok(tx
                    .prepare_cached(&format!("SELECT coalesce(max(seq), 0) FROM {table}"))?
                    .query_row([], |row| row.get(0))?)
            };
            put(tx, keys::FILED, &(last("records")?, last("decisions")?))?;
            recount_unsaved(tx)
        })
    }

    /// Counts for the filters, as `writer` sees them.
    pub fn counts(&self, writer: &str) -> Result<Counts> {
        self.read(|| {
            let connection = &self.connection;
            let seed = self.seed().unwrap_or_default();
            let drafts = connection
                .prepare_cached("SELECT count(*) FROM drafts WHERE reviewer = ?1")?
                .query_row([writer], |row| row.get(0))?;
            let (can_undo, can_redo) = decisions::can_step(connection, writer)?;
            let states = RecordState::ALL
                .into_iter()
                .map(|state| Ok((state, of(connection, STATE, state.as_str())?)))
                .collect::<Result<_>>()?;
            Ok(Counts {
                total: of(connection, TOTAL, "")?,
                states,
                drafts,
                stale: stale(connection, &seed::part(connection)?)?,
                topics: ordered(all(connection, TOPIC)?, &seed.topics),
                perspectives: ordered(all(connection, PERSPECTIVE)?, &seed.perspectives),
                models: all(connection, MODEL)?,
                can_undo,
                can_redo,
                unsaved: unsaved(connection)?,
            })
        })
    }
}
