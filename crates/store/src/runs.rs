//! Runs and their plans: what is to be asked, what was, and what came of it.

use crate::counts::Changes;
use crate::error::{Result, StoreError};
use crate::{Store, from_json, int, records, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::messages::{Failure, ItemState, RunItem, RunPhase};
use seedbed_core::model::{Endpoint, Message, Sampling};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::Cell;
use seedbed_core::record::Record;
use serde::{Deserialize, Serialize};

/// Characters of an answer that the list of rows shows.
const BEGINNING: u32 = 280;
/// Tokens of one request at most: a server that reports nonsense must not break the sums.
const MAX_TOKENS: u64 = 1 << 32;
/// The order of the states in the list of rows.
const ORDER: [ItemState; 4] = [
    ItemState::Done,
    ItemState::InFlight,
    ItemState::Failed,
    ItemState::Queued,
];

/// A run as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRun {
    /// Id.
    pub id: String,
    /// State.
    pub phase: RunPhase,
    /// Why it paused by itself.
    pub stopped_by: Option<Failure>,
    /// Model asked.
    pub endpoint: Endpoint,
    /// Settings at its start.
    pub settings: RunSettings,
    /// Seed at its start.
    pub seed_hash: String,
    /// What its answers read of the seed ([`seedbed_core::seed::Seed::answer_part`]).
    #[serde(default)]
    pub seed_part: String,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// Milliseconds since 1970.
    pub finished_ms: Option<u64>,
}

/// A row of a run's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedItem {
    /// Key of its request.
    #[serde(alias = "record_id")]
    pub key: String,
    /// The instruction's id.
    pub prompt_id: String,
    /// Cell.
    pub cell: Cell,
    /// Instruction.
    pub instruction: String,
    /// Which answer to it, from 0.
    pub sample_index: u32,
    /// Request messages.
    pub messages: Vec<Message>,
    /// Sampling as sent.
    pub sampling: Sampling,
    /// Version of the task text.
    pub prompt_version: String,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Rows of the plan.
    pub planned: u32,
    /// Rows stored.
    pub done: u32,
    /// Rows given up.
    pub failed: u32,
    /// Rows not asked yet.
    pub queued: u32,
    /// Rows asked and not answered.
    pub in_flight: u32,
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
}

fn save(connection: &Connection, run: &StoredRun) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO runs VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET json = excluded.json",
        )?
        .execute(params![run.id, int(run.started_ms), to_json(run)?])?;
    Ok(())
}

fn list(connection: &Connection) -> Result<Vec<StoredRun>> {
    let mut statement =
        connection.prepare_cached("SELECT json FROM runs ORDER BY started_ms DESC, id DESC")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut runs = Vec::new();
    for json in rows {
        // One that can't be read stays as it is; the project opens without it.
        if let Ok(run) = from_json(&json?, "run") {
            runs.push(run);
        }
    }
    Ok(runs)
}

fn state_of(connection: &Connection, run: &str, record: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT state FROM run_items WHERE run = ?1 AND record_id = ?2")?
        .query_row([run, record], |row| row.get(0))
        .optional()?)
}

fn set_state(
    connection: &Connection,
    run: &str,
    record: &str,
    state: ItemState,
    add_attempts: i64,
    failure: Option<&Failure>,
) -> Result<()> {
    let failure = failure.map(to_json).transpose()?;
    let changed = connection
        .prepare_cached(
            "UPDATE run_items SET state = ?3, attempts = max(0, attempts + ?4), failure = ?5
             WHERE run = ?1 AND record_id = ?2 AND state <> 'done'",
        )?
        .execute(params![run, record, state.as_str(), add_attempts, failure])?;
    // A row that is done stays so, whatever comes late.
    if changed == 0 && state_of(connection, run, record)?.is_none() {
        return Err(StoreError::Missing("this row of the run".to_owned()));
    }
    Ok(())
}

impl Store {
    /// Stores a run with its plan.
    pub fn create_run(&self, run: &StoredRun, items: &[PlannedItem]) -> Result<()> {
        self.write(|tx| {
            save(tx, run)?;
            let mut statement = tx.prepare_cached(
                "INSERT OR IGNORE INTO run_items (run, place, record_id, state, attempts, item)
                 VALUES (?1, ?2, ?3, 'queued', 0, ?4)",
            )?;
            for (place, item) in items.iter().enumerate() {
                statement.execute(params![run.id, place as u64, item.key, to_json(item)?])?;
            }
            Ok(())
        })
    }

    /// The run with this id.
    pub fn run(&self, id: &str) -> Result<Option<StoredRun>> {
        let json: Option<String> = self
            .connection
            .prepare_cached("SELECT json FROM runs WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        json.map(|json| from_json(&json, "run")).transpose()
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<StoredRun>> {
        list(&self.connection)
    }

    /// Stores a run's new state.
    pub fn save_run(&self, run: &StoredRun) -> Result<()> {
        save(&self.connection, run)
    }

    /// Counts of a run.
    pub fn run_counts(&self, id: &str) -> Result<RunCounts> {
        let mut counts = RunCounts::default();
        let mut statement = self.connection.prepare_cached(
            "SELECT state, count(*) FROM run_items WHERE run = ?1 GROUP BY state",
        )?;
        let rows = statement.query_map([id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))
        })?;
        for row in rows {
            let (state, n) = row?;
            counts.planned += n;
            match ItemState::parse(&state).unwrap_or_default() {
                ItemState::Queued => counts.queued += n,
                ItemState::InFlight => counts.in_flight += n,
                ItemState::Done => counts.done += n,
                ItemState::Failed => counts.failed += n,
            }
        }
        let sums: Option<(u64, u64)> = self
            .connection
            .prepare_cached("SELECT tokens_in, tokens_out FROM run_sums WHERE run = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        (counts.tokens_in, counts.tokens_out) = sums.unwrap_or_default();
        Ok(counts)
    }

    /// Rows that were in flight when their task ended wait again; their requests count.
    pub fn requeue_in_flight(&self, run: &str) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE run_items SET state = 'queued' WHERE run = ?1 AND state = 'in_flight'",
            )?
            .execute([run])?;
        Ok(())
    }

    /// Rows not asked yet, in plan order, with the attempts they had.
    pub fn queued_items(&self, run: &str) -> Result<Vec<(String, u32)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT record_id, attempts FROM run_items
             WHERE run = ?1 AND state = 'queued' AND finished IS NULL ORDER BY place",
        )?;
        let rows = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// One row of the plan; `None` when it is not there or already done.
    pub fn item(&self, run: &str, record: &str) -> Result<Option<PlannedItem>> {
        let json: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT item FROM run_items WHERE run = ?1 AND record_id = ?2 AND item <> ''",
            )?
            .query_row([run, record], |row| row.get(0))
            .optional()?;
        json.map(|json| from_json(&json, "planned row")).transpose()
    }

    /// The row is on its way.
    pub fn item_sent(&self, run: &str, record: &str) -> Result<()> {
        set_state(&self.connection, run, record, ItemState::InFlight, 1, None)
    }

    /// Stores a row's answer, marks the row done and adds its tokens: one transaction.
    ///
    /// A row that was done by other means meanwhile keeps what it has; the answer is stored all the same.
    pub fn item_done(
        &self,
        run: &str,
        key: &str,
        record: &Record,
        messages: &[Message],
    ) -> Result<()> {
        self.write(|tx| {
            let line = records::Incoming {
                record,
                messages,
                raw: None,
            };
            let mut changes = Changes::default();
            let added = records::add(tx, line, None, &mut changes)?;
            changes.store(tx)?;
            // The plan's own copy of the messages is not needed any more: the record has them.
            let changed = tx
                .prepare_cached(
                    "UPDATE run_items SET state = 'done', failure = NULL, item = '', finished = ?3
                     WHERE run = ?1 AND record_id = ?2 AND state <> 'done'",
                )?
                .execute(params![run, key, added.seq])?;
            if let Some(usage) = record.provenance.usage.filter(|_| changed > 0) {
                tx.prepare_cached(
                    "INSERT INTO run_sums VALUES (?1, ?2, ?3) ON CONFLICT (run) DO UPDATE
                     SET tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out",
                )?
                .execute(params![
                    run,
                    int(usage.prompt_tokens.min(MAX_TOKENS)),
                    int(usage.completion_tokens.min(MAX_TOKENS)),
                ])?;
            }
            Ok(())
        })
    }

    /// A row whose request was answered by other means (a sync): it is done, and has cost this run nothing.
    pub fn item_answered(&self, run: &str, key: &str) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached(&format!(
                "UPDATE run_items SET state = 'done', failure = NULL, item = '',
                 finished = (SELECT min(seq) FROM records WHERE {})
                 WHERE run = ?2 AND record_id = ?1 AND state <> 'done'",
                records::HAS_KEY
            ))?
            .execute([key, run])?;
            Ok(())
        })
    }

    /// The row is given up.
    pub fn item_failed(&self, run: &str, record: &str, failure: &Failure) -> Result<()> {
        set_state(
            &self.connection,
            run,
            record,
            ItemState::Failed,
            0,
            Some(failure),
        )
    }

    /// The row waits again; without `count_attempt` its last request does not count.
    pub fn item_requeued(&self, run: &str, record: &str, count_attempt: bool) -> Result<()> {
        let add = if count_attempt { 0 } else { -1 };
        set_state(&self.connection, run, record, ItemState::Queued, add, None)
    }

    /// Queues every failed row again with no attempts; returns how many.
    pub fn requeue_failed(&self, run: &str) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached(
                "UPDATE run_items SET state = 'queued', attempts = 0, failure = NULL
                 WHERE run = ?1 AND state = 'failed'",
            )?
            .execute([run])? as u32)
    }

    /// A window of a run's rows: done as they finished, then in flight, failed, queued.
    pub fn run_items(
        &self,
        run: &str,
        state: Option<ItemState>,
        offset: u32,
        limit: u32,
    ) -> Result<(u32, Vec<RunItem>)> {
        self.read(|| {
            let counts = self.run_counts(run)?;
            let (mut skip, mut left) = (offset, limit);
            let (mut total, mut items) = (0, Vec::new());
            for part in ORDER {
                if state.is_some_and(|state| state != part) {
                    continue;
                }
                let n = match part {
                    ItemState::Done => counts.done,
                    ItemState::InFlight => counts.in_flight,
                    ItemState::Failed => counts.failed,
                    ItemState::Queued => counts.queued,
                };
                total += n;
                if skip >= n {
                    skip -= n;
                    continue;
                }
                if left > 0 {
                    let before = items.len();
                    self.push_items(run, part, skip, left, &mut items)?;
                    left -= (items.len() - before) as u32;
                }
                skip = 0;
            }
            Ok((total, items))
        })
    }

    fn push_items(
        &self,
        run: &str,
        state: ItemState,
        offset: u32,
        limit: u32,
        items: &mut Vec<RunItem>,
    ) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.record_id, i.attempts, i.failure, i.item, r.topic, r.perspective, t.instruction,
                    substr(t.response, 1, ?5), t.json, r.id
             FROM (SELECT * FROM run_items WHERE run = ?1 AND state = ?2
                   ORDER BY finished, place LIMIT ?4 OFFSET ?3) AS i
             LEFT JOIN records AS r ON r.seq = i.finished LEFT JOIN texts AS t ON t.seq = i.finished
             ORDER BY i.finished, i.place",
        )?;
        let mut rows = statement.query(params![run, state.as_str(), offset, limit, BEGINNING])?;
        while let Some(row) = rows.next()? {
            let failure: Option<String> = row.get(2)?;
            let planned: String = row.get(3)?;
            let mut item = RunItem {
                record: row.get(0)?,
                state,
                attempts: row.get(1)?,
                failure: failure
                    .map(|json| from_json(&json, "failure"))
                    .transpose()?,
                ..RunItem::default()
            };
            if planned.is_empty() {
                let text = |at| -> Result<String> {
                    Ok(row.get::<_, Option<String>>(at)?.unwrap_or_default())
                };
                item.cell = Cell {
                    topic: text(4)?,
                    perspective: text(5)?,
                };
                item.instruction = text(6)?;
                item.response = row.get(7)?;
                if let Some(id) = row.get(9)? {
                    item.record = id;
                }
                if let Some(json) = row.get::<_, Option<String>>(8)? {
                    item.flags = from_json::<Record>(&json, "record")?.provenance.flags;
                }
            } else {
                let planned: PlannedItem = from_json(&planned, "planned row")?;
                item.cell = planned.cell;
                item.instruction = planned.instruction;
            }
            items.push(item);
        }
        Ok(())
    }

    /// After a crash or a closed tab: what was in flight waits again (its request counts), and the run is interrupted.
    pub fn recover(&self) -> Result<()> {
        self.write(|tx| {
            let mut requeue = tx.prepare_cached(
                "UPDATE run_items SET state = 'queued' WHERE run = ?1 AND state = 'in_flight'",
            )?;
            for mut run in list(tx)? {
                requeue.execute([&run.id])?;
                if matches!(run.phase, RunPhase::Running | RunPhase::Pausing) {
                    run.phase = RunPhase::Interrupted;
                    save(tx, &run)?;
                }
            }
            Ok(())
        })
    }
}
