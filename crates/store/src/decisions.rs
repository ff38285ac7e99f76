//! The decision log: appended, merged, folded. Drafts stay outside of it.

use crate::error::{Result, StoreError};
use crate::records::Stored;
use crate::{Store, counts, from_json, get, int, put, records, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::review::{
    Act, Clock, Decision, RecordState, Response, ResponseStatus, UndoStacks, fold, outcome,
};
use seedbed_core::row::TableRow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Key of the largest clock seen.
const CLOCK: &str = "clock";

/// Ids of the decisions that `reviewer` would undo and redo next.
pub(crate) fn steps(
    connection: &Connection,
    reviewer: &str,
) -> Result<(Option<String>, Option<String>)> {
    let top = |is_undone: bool| -> Result<Option<String>> {
        Ok(connection
            .prepare_cached(
                "SELECT id FROM steps WHERE reviewer = ?1 AND is_undone = ?2 ORDER BY place DESC LIMIT 1",
            )?
            .query_row(params![reviewer, is_undone], |row| row.get(0))
            .optional()?)
    };
    Ok((top(false)?, top(true)?))
}

fn push_step(connection: &Connection, reviewer: &str, is_undone: bool, id: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO steps SELECT ?1, ?2, coalesce(max(place), 0) + 1, ?3 FROM steps
             WHERE reviewer = ?1 AND is_undone = ?2",
        )?
        .execute(params![reviewer, is_undone, id])?;
    Ok(())
}

fn pop_step(connection: &Connection, reviewer: &str, is_undone: bool) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM steps WHERE reviewer = ?1 AND is_undone = ?2 AND place =
             (SELECT max(place) FROM steps WHERE reviewer = ?1 AND is_undone = ?2)",
        )?
        .execute(params![reviewer, is_undone])?;
    Ok(())
}

/// Builds a reviewer's undo and redo steps anew from the log.
fn rebuild_steps(connection: &Connection, reviewer: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM steps WHERE reviewer = ?1")?
        .execute([reviewer])?;
    let log = list(connection, false, Some(reviewer))?;
    let stacks = UndoStacks::from_log(&log, reviewer);
    for id in &stacks.undo {
        push_step(connection, reviewer, false, id)?;
    }
    for id in &stacks.redo {
        push_step(connection, reviewer, true, id)?;
    }
    Ok(())
}

/// Takes later decisions of a reviewer into the steps, as [`UndoStacks::apply`] does.
fn advance_steps(connection: &Connection, reviewer: &str, later: &[&Decision]) -> Result<()> {
    let take = |is_undone: bool, target: &str| -> Result<bool> {
        let taken = connection
            .prepare_cached("DELETE FROM steps WHERE reviewer = ?1 AND is_undone = ?2 AND id = ?3")?
            .execute(params![reviewer, is_undone, target])?;
        Ok(taken > 0)
    };
    for decision in later {
        match &decision.act {
            Act::Respond { .. } => {
                push_step(connection, reviewer, false, &decision.id)?;
                connection
                    .prepare_cached("DELETE FROM steps WHERE reviewer = ?1 AND is_undone = 1")?
                    .execute([reviewer])?;
            }
            Act::Undo { target } => {
                if take(false, target)? {
                    push_step(connection, reviewer, true, target)?;
                }
            }
            Act::Redo { target } => {
                if take(true, target)? {
                    push_step(connection, reviewer, false, target)?;
                }
            }
        }
    }
    Ok(())
}

/// Clock and id of a reviewer's last decision: the end of the canonical order of one name's decisions.
fn last_of(connection: &Connection, reviewer: &str) -> Result<Option<(i64, u32, String)>> {
    Ok(connection
        .prepare_cached(
            "SELECT ms, n, id FROM decisions WHERE reviewer = ?1 ORDER BY ms DESC, n DESC, id DESC LIMIT 1",
        )?
        .query_row([reviewer], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?)
}

fn list(
    connection: &Connection,
    only_unsynced: bool,
    reviewer: Option<&str>,
) -> Result<Vec<Decision>> {
    let mut statement = connection.prepare_cached(
        "SELECT json FROM decisions WHERE (?1 = 0 OR is_synced = 0) AND (?2 IS NULL OR reviewer = ?2)
         ORDER BY ms, n, reviewer, id",
    )?;
    let rows = statement.query_map(params![only_unsynced, reviewer], |row| {
        row.get::<_, String>(0)
    })?;
    rows.map(|json| from_json(&json?, "decision")).collect()
}

/// Stores a decision. `false` = it was there.
fn append(connection: &Connection, decision: &Decision) -> Result<bool> {
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO decisions (id, reviewer, record_id, ms, n, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            decision.id,
            decision.reviewer,
            decision.record_id,
            int(decision.clock.ms),
            decision.clock.n,
            to_json(decision)?,
        ])?;
    Ok(inserted > 0)
}

/// Folds a record's decisions and renews its state and its published row.
pub(crate) fn refold(connection: &Connection, record_id: &str) -> Result<()> {
    let log = of_record(connection, record_id)?;
    if log.is_empty() {
        // As every record begins. A decision is never taken out of the log.
        return Ok(());
    }
    let Some(Stored {
        seq,
        record,
        state: before,
    }) = Stored::by_id(connection, record_id)?
    else {
        return Ok(());
    };
    let (state, accepted) = outcome(&fold(&log));
    let is_accepted = |state| i64::from(state == RecordState::Accepted);
    if state != before {
        counts::add(connection, counts::STATE, before.as_str(), -1)?;
        counts::add(connection, counts::STATE, state.as_str(), 1)?;
        let change = is_accepted(state) - is_accepted(before);
        if change != 0 {
            let cell = counts::cell_name(&record.cell)?;
            counts::add(connection, counts::CELL_ACCEPTED, &cell, change)?;
        }
        connection
            .prepare_cached("UPDATE records SET state = ?2 WHERE seq = ?1")?
            .execute(params![seq, state.as_str()])?;
    }
    match accepted {
        Some(accepted) => {
            let row = TableRow::new(&record, &accepted);
            connection
                .prepare_cached("INSERT OR REPLACE INTO accepted VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![seq, row.id, row.content_hash(), to_json(&row)?])?;
        }
        None if before == RecordState::Accepted => {
            connection
                .prepare_cached("DELETE FROM accepted WHERE seq = ?1")?
                .execute([seq])?;
        }
        None => {}
    }
    Ok(())
}

/// The decisions about one record.
pub(crate) fn of_record(connection: &Connection, record_id: &str) -> Result<Vec<Decision>> {
    let mut statement =
        connection.prepare_cached("SELECT json FROM decisions WHERE record_id = ?1")?;
    let rows = statement.query_map([record_id], |row| row.get::<_, String>(0))?;
    rows.map(|json| from_json(&json?, "decision")).collect()
}

/// The record that a decision is about.
fn record_of(connection: &Connection, decision_id: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT record_id FROM decisions WHERE id = ?1")?
        .query_row([decision_id], |row| row.get(0))
        .optional()?)
}

fn tick(connection: &Connection, now_ms: u64) -> Result<Clock> {
    let clock = get::<Clock>(connection, CLOCK)?
        .unwrap_or_default()
        .tick(now_ms);
    put(connection, CLOCK, &clock)?;
    Ok(clock)
}

impl Store {
    /// A draft is kept beside the log; anything else is appended to it, and the draft is gone.
    pub fn respond(
        &self,
        record: &str,
        reviewer: &str,
        response: &Response,
        decision_id: &str,
        now_ms: u64,
    ) -> Result<()> {
        self.write(|tx| {
            if !records::exists(tx, record)? {
                return Err(StoreError::Missing("this record".to_owned()));
            }
            if response.status == ResponseStatus::Draft {
                tx.prepare_cached("INSERT OR REPLACE INTO drafts VALUES (?1, ?2, ?3)")?
                    .execute(params![reviewer, record, to_json(response)?])?;
                return Ok(());
            }
            tx.prepare_cached("DELETE FROM drafts WHERE record_id = ?1 AND reviewer = ?2")?
                .execute([record, reviewer])?;
            let decision = Decision {
                id: decision_id.to_owned(),
                reviewer: reviewer.to_owned(),
                record_id: record.to_owned(),
                clock: tick(tx, now_ms)?,
                act: Act::Respond {
                    response: response.clone(),
                },
            };
            if !append(tx, &decision)? {
                // The same act told twice.
                return Ok(());
            }
            push_step(tx, reviewer, false, decision_id)?;
            tx.prepare_cached("DELETE FROM steps WHERE reviewer = ?1 AND is_undone = 1")?
                .execute([reviewer])?;
            refold(tx, record)
        })
    }

    /// Takes back the reviewer's last decision; says which record it was about.
    pub fn undo_decision(
        &self,
        reviewer: &str,
        decision_id: &str,
        now_ms: u64,
    ) -> Result<Option<String>> {
        self.step_back_or_on(reviewer, decision_id, now_ms, true)
    }

    /// Puts the reviewer's last undone decision back; says which record it is about.
    pub fn redo_decision(
        &self,
        reviewer: &str,
        decision_id: &str,
        now_ms: u64,
    ) -> Result<Option<String>> {
        self.step_back_or_on(reviewer, decision_id, now_ms, false)
    }

    fn step_back_or_on(
        &self,
        reviewer: &str,
        decision_id: &str,
        now_ms: u64,
        is_undo: bool,
    ) -> Result<Option<String>> {
        self.write(|tx| {
            // The same act told twice.
            if let Some(record) = record_of(tx, decision_id)? {
                return Ok(Some(record));
            }
            let (undo, redo) = steps(tx, reviewer)?;
            let Some(target) = (if is_undo { undo } else { redo }) else {
                return Ok(None);
            };
            let record = record_of(tx, &target)?
                .ok_or_else(|| StoreError::Corrupt("undo without its decision".to_owned()))?;
            let decision = Decision {
                id: decision_id.to_owned(),
                reviewer: reviewer.to_owned(),
                record_id: record.clone(),
                clock: tick(tx, now_ms)?,
                act: if is_undo {
                    Act::Undo {
                        target: target.clone(),
                    }
                } else {
                    Act::Redo {
                        target: target.clone(),
                    }
                },
            };
            append(tx, &decision)?;
            pop_step(tx, reviewer, !is_undo)?;
            push_step(tx, reviewer, is_undo, &target)?;
            refold(tx, &record)?;
            Ok(Some(record))
        })
    }

    /// Takes others' decisions in by union. Those about records that are not here yet count when the record comes.
    pub fn merge_decisions(&self, decisions: &[Decision]) -> Result<u32> {
        self.write(|tx| {
            let mut touched = BTreeSet::new();
            let mut reviewers: BTreeMap<&str, (Option<_>, Vec<&Decision>)> = BTreeMap::new();
            let mut clock = get::<Clock>(tx, CLOCK)?.unwrap_or_default();
            let mut added = 0;
            for decision in decisions {
                clock = clock.join(decision.clock);
                let reviewer = decision.reviewer.as_str();
                if !reviewers.contains_key(reviewer) {
                    reviewers.insert(reviewer, (last_of(tx, reviewer)?, Vec::new()));
                }
                if append(tx, decision)? {
                    added += 1;
                    touched.insert(decision.record_id.as_str());
                    if let Some((_, new)) = reviewers.get_mut(reviewer) {
                        new.push(decision);
                    }
                }
            }
            put(tx, CLOCK, &clock)?;
            for record in touched {
                refold(tx, record)?;
            }
            for (reviewer, (last, mut new)) in reviewers {
                let place =
                    |event: &Decision| (int(event.clock.ms), event.clock.n, event.id.clone());
                new.sort_by_cached_key(|event| place(event));
                match new.first() {
                    None => {}
                    // As nearly always: what is new comes after what was known.
                    Some(first) if last.is_some_and(|last| last < place(first)) => {
                        advance_steps(tx, reviewer, &new)?;
                    }
                    Some(_) => rebuild_steps(tx, reviewer)?,
                }
            }
            Ok(added)
        })
    }

    /// Gives the decisions that are not on the Hub yet, and the drafts, of one name to another. Returns how many
    /// decisions. An undo of a decision that stays with the old name stays with it.
    pub fn rename_reviewer(&self, from: &str, to: &str) -> Result<u32> {
        if from == to {
            return Ok(0);
        }
        self.write(|tx| {
            let mut touched = BTreeSet::new();
            let mut moved = 0;
            let log = list(tx, true, Some(from))?;
            let moving: HashSet<String> = log.iter().map(|decision| decision.id.clone()).collect();
            for mut decision in log {
                if let Act::Undo { target } | Act::Redo { target } = &decision.act
                    && !moving.contains(target)
                {
                    continue;
                }
                to.clone_into(&mut decision.reviewer);
                tx.prepare_cached("UPDATE decisions SET reviewer = ?2, json = ?3 WHERE id = ?1")?
                    .execute(params![decision.id, to, to_json(&decision)?])?;
                touched.insert(decision.record_id);
                moved += 1;
            }
            tx.prepare_cached("UPDATE OR REPLACE drafts SET reviewer = ?2 WHERE reviewer = ?1")?
                .execute([from, to])?;
            for record in touched {
                refold(tx, &record)?;
            }
            rebuild_steps(tx, from)?;
            rebuild_steps(tx, to)?;
            Ok(moved)
        })
    }

    /// The log, or a part of it, in its canonical order.
    pub fn decisions(&self, only_unsynced: bool, reviewer: Option<&str>) -> Result<Vec<Decision>> {
        list(&self.connection, only_unsynced, reviewer)
    }

    /// Everyone who decided, by name.
    pub fn reviewers(&self) -> Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT reviewer FROM decisions ORDER BY reviewer")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }
}
