//! The seed with its history: every edit is a step, a pointer says which one counts. Undo and redo survive a reload.

use crate::error::Result;
use crate::{Store, counts, from_json, get, int, keys, put, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::messages::SeedView;
use seedbed_core::seed::Seed;

/// Edits of one field within this time, in milliseconds, are one step.
const MERGE_MS: u64 = 2000;

fn pointer(connection: &Connection) -> Result<i64> {
    Ok(get(connection, keys::SEED_STEP)?.unwrap_or(0))
}

fn step(connection: &Connection, step: i64) -> Result<Option<(Seed, String, u64)>> {
    let row: Option<(String, String, u64)> = connection
        .prepare_cached("SELECT seed, merge_key, at_ms FROM seed_steps WHERE step = ?1")?
        .query_row([step], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|(seed, merge_key, at_ms)| Ok((from_json(&seed, "seed")?, merge_key, at_ms)))
        .transpose()
}

/// Hash of what answers read of the present seed ([`Seed::answer_part`]), without reading it.
pub(crate) fn part(connection: &Connection) -> Result<String> {
    let part: Option<String> = connection
        .prepare_cached("SELECT part FROM seed_steps WHERE step = ?1")?
        .query_row([pointer(connection)?], |row| row.get(0))
        .optional()?;
    Ok(part.unwrap_or_else(|| Seed::default().answer_part()))
}

impl Store {
    /// The present seed; an empty one in a new project.
    pub fn seed(&self) -> Result<Seed> {
        let at = pointer(&self.connection)?;
        Ok(step(&self.connection, at)?.map_or_else(Seed::default, |(seed, ..)| seed))
    }

    /// The present seed as it is stored, even if this build can't read it; null in a new project.
    pub fn stored_seed(&self) -> Result<serde_json::Value> {
        let at = pointer(&self.connection)?;
        let json: Option<String> = self
            .connection
            .prepare_cached("SELECT seed FROM seed_steps WHERE step = ?1")?
            .query_row([at], |row| row.get(0))
            .optional()?;
        let text = json.unwrap_or_else(|| "null".to_owned());
        Ok(serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
    }

    /// The seed with what the page shows around it.
    pub fn seed_view(&self) -> Result<SeedView> {
        self.read(|| {
            let seed = self.seed()?;
            let at = pointer(&self.connection)?;
            let exists = |step: i64| -> Result<bool> {
                Ok(self
                    .connection
                    .prepare_cached("SELECT 1 FROM seed_steps WHERE step = ?1")?
                    .exists([step])?)
            };
            let hash = seed.hash();
            Ok(SeedView {
                can_undo: exists(at - 1)?,
                can_redo: exists(at + 1)?,
                stale_records: counts::stale(&self.connection, &part(&self.connection)?)?,
                seed,
                hash,
            })
        })
    }

    /// What stands for the seed when it can't be read: its history can still be walked.
    pub fn unreadable_seed_view(&self) -> Result<SeedView> {
        let at = pointer(&self.connection)?;
        let exists = |step: i64| -> Result<bool> {
            Ok(self
                .connection
                .prepare_cached("SELECT 1 FROM seed_steps WHERE step = ?1")?
                .exists([step])?)
        };
        Ok(SeedView {
            seed: Seed::default(),
            hash: String::new(),
            can_undo: exists(at - 1)?,
            can_redo: exists(at + 1)?,
            stale_records: 0,
        })
    }

    /// Makes `seed` the present one. With the non-empty `merge_key` of the step before, and within two seconds of it,
    /// it takes that step's place. What had been undone is dropped. The same seed again is no step.
    pub fn save_seed(&self, seed: &Seed, merge_key: &str, now_ms: u64) -> Result<SeedView> {
        self.write(|tx| {
            let at = pointer(tx)?;
            let top = step(tx, at)?;
            if top.as_ref().is_some_and(|(before, ..)| before == seed) {
                return Ok(());
            }
            let merges = !merge_key.is_empty()
                && top.as_ref().is_some_and(|(_, key, at_ms)| {
                    key == merge_key && now_ms.saturating_sub(*at_ms) <= MERGE_MS
                });
            let next = if merges { at } else { at + 1 };
            tx.prepare_cached("DELETE FROM seed_steps WHERE step >= ?1")?
                .execute([next])?;
            tx.prepare_cached("INSERT INTO seed_steps VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![
                    next,
                    seed.hash(),
                    merge_key,
                    int(now_ms),
                    to_json(seed)?,
                    seed.answer_part(),
                ])?;
            put(tx, keys::SEED_STEP, &next)?;
            // Read before it counts: what can't be read back must not become the present one.
            step(tx, next)?;
            Ok(())
        })?;
        self.seed_view()
    }

    fn move_pointer(&self, by: i64) -> Result<SeedView> {
        self.write(|tx| {
            let to = pointer(tx)? + by;
            // Typing on after an undo is a step of its own, so the step found is closed to merging.
            let found = tx
                .prepare_cached("UPDATE seed_steps SET merge_key = '' WHERE step = ?1")?
                .execute([to])?;
            if found > 0 {
                put(tx, keys::SEED_STEP, &to)?;
            }
            Ok(())
        })?;
        self.seed_view()
    }

    /// One step back; at the first one nothing changes.
    pub fn undo_seed(&self, _now_ms: u64) -> Result<SeedView> {
        self.move_pointer(-1)
    }

    /// One step forward; at the last one nothing changes.
    pub fn redo_seed(&self, _now_ms: u64) -> Result<SeedView> {
        self.move_pointer(1)
    }
}
