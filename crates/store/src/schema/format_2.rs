//! Version 4: what format 1 stored, converted. Nothing is left out: records and decisions keep their ids, drafts and
//! undo steps stay, and what was not on the Hub is known as such.

use crate::error::{Result, StoreError};
use crate::{counts, decisions, from_json, instructions, put, records, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::identity::is_drawn_name;
use seedbed_core::line::{self, Line};
use seedbed_core::prompt::Prompt;
use seedbed_core::record::Record;
use seedbed_core::review::{CLOCK_END_MS, Clock, Joins};
use seedbed_core::seed::Seed;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

pub(super) const BEGIN: &str = include_str!("../../schema/v4_begin.sql");
pub(super) const END: &str = include_str!("../../schema/v4_end.sql");

/// Counters by seed become counters by the part of the seed that answers read.
pub(super) const RECOUNT_SEEDS: &str = "DELETE FROM counts WHERE kind = 'seed';
    INSERT INTO counts SELECT 'seed', seed_part, count(*) FROM records WHERE is_outdated = 0 GROUP BY seed_part;
    INSERT INTO counts SELECT 'outdated', '', count(*) FROM records WHERE is_outdated = 1;";

/// What format 1 noted as sent stands in a part that is in no tree: held until the Hub is read, and known by the tree then.
const SYNCED: &str = "
    INSERT INTO parts (path, oid, is_whole)
        SELECT 'format 1', 'format 1', 1 WHERE EXISTS (SELECT 1 FROM records WHERE is_synced = 1);
    UPDATE records SET part = (SELECT n FROM parts WHERE path = 'format 1') WHERE is_synced = 1;";

/// Rows converted between two looks at what is left.
const WINDOW: u32 = 500;

pub(super) fn convert(connection: &Connection) -> Result<()> {
    connection.execute_batch(BEGIN)?;
    let parts = seeds(connection)?;
    convert_records(connection, &parts)?;
    connection.execute_batch(SYNCED)?;
    let writers = convert_decisions(connection)?;
    convert_drafts(connection)?;
    convert_instructions(connection)?;
    connection.execute_batch(END)?;
    for writer in &writers {
        decisions::rebuild_steps(connection, writer, &Joins::default())?;
    }
    connection.execute_batch(RECOUNT_SEEDS)?;
    let own: Option<(i64, u32)> = connection
        .query_row(
            "SELECT ms, n FROM decisions WHERE origin = 0 AND ms < ?1 ORDER BY ms DESC, n DESC LIMIT 1",
            [crate::int(CLOCK_END_MS)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((ms, n)) = own {
        let ms = ms.unsigned_abs();
        put(connection, crate::keys::CLOCK, &Clock { ms, n })?;
    }
    counts::recount_unsaved(connection)
}

/// Each step of the seed's history gets the hash of what answers read of it; by seed hash, for the records.
fn seeds(connection: &Connection) -> Result<HashMap<String, String>> {
    let mut statement = connection.prepare("SELECT step, hash, seed FROM seed_steps")?;
    let rows: Vec<(i64, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<std::result::Result<_, _>>()?;
    let mut parts = HashMap::new();
    for (step, hash, seed) in rows {
        // One that can't be read stays as it is; the project then opens without it.
        let Ok(seed) = from_json::<Seed>(&seed, "seed") else {
            continue;
        };
        let part = seed.answer_part();
        connection
            .prepare_cached("UPDATE seed_steps SET part = ?2 WHERE step = ?1")?
            .execute(params![step, part])?;
        parts.insert(hash, part);
    }
    Ok(parts)
}

fn convert_records(connection: &Connection, parts: &HashMap<String, String>) -> Result<()> {
    let mut after = 0;
    loop {
        let mut statement = connection.prepare_cached(
            "SELECT records.seq, id, topic, perspective, seed_hash, instruction, response, json
             FROM records JOIN texts ON texts.seq = records.seq WHERE records.seq > ?1 ORDER BY records.seq LIMIT ?2",
        )?;
        let mut rows = statement.query(params![after, WINDOW])?;
        let mut converted: Vec<(i64, Record, String)> = Vec::new();
        while let Some(row) = rows.next()? {
            let seq = row.get(0)?;
            let json: String = row.get(7)?;
            let mut old: Value = from_json(&json, "record")?;
            let text = |at| -> rusqlite::Result<Value> { Ok(Value::String(row.get(at)?)) };
            old["id"] = text(1)?;
            old["instruction"] = text(5)?;
            old["response"] = text(6)?;
            let topic: String = row.get(2)?;
            let perspective: String = row.get(3)?;
            let seed_hash: String = row.get(4)?;
            let mut record = line::stored_record(old)
                .map_err(|error| StoreError::Corrupt(format!("record: {error}")))?;
            record.cell.topic = topic;
            record.cell.perspective = perspective;
            record.inputs.seed_part = parts.get(&seed_hash).cloned().unwrap_or_default();
            converted.push((seq, record, seed_hash));
        }
        drop(rows);
        let Some((last, ..)) = converted.last() else {
            return Ok(());
        };
        after = *last;
        for (seq, record, _) in &converted {
            connection
                .prepare_cached(
                    "UPDATE records SET own_else = nullif(?2, id), text_hash = ?3, key = ?4, seed_part = ?5,
                     is_outdated = ?6 WHERE seq = ?1",
                )?
                .execute(params![
                    seq,
                    Record::make_id(record.key.as_deref(), &record.fields),
                    record.fields.text_hash(),
                    record.key,
                    record.inputs.seed_part,
                    records::is_outdated(connection, record)?,
                ])?;
            connection
                .prepare_cached("UPDATE texts SET json = ?2 WHERE seq = ?1")?
                .execute(params![seq, records::rest_of(record)?])?;
        }
    }
}

fn convert_decisions(connection: &Connection) -> Result<BTreeSet<String>> {
    let mut writers = BTreeSet::new();
    // Under a clock from the end of time, the order in which they came is all that is left of their order.
    let mut statement =
        connection.prepare("SELECT json, is_synced FROM decisions ORDER BY ms, n, rowid")?;
    let mut last = Clock::default();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let json: String = row.get(0)?;
        let is_synced: bool = row.get(1)?;
        // From the store, which took clocks of any time: those that are not credible stay, and do not count.
        let mut decision = line::stored_decision(&json)
            .map_err(|error| StoreError::Corrupt(format!("decision: {error}")))?;
        if decision.clock.leaves_room() {
            last = last.max(decision.clock);
        } else if !decision.clock.is_credible() && !is_synced {
            // Somebody's clock had pushed the one of this browser. Nobody else knows this decision yet.
            last = last.tick(0);
            decision.clock = last;
        }
        if !is_synced && let Some(record) = decision.record() {
            // What was shown is what is stored: nobody else knows this decision yet, so it can name its text.
            decision.text = connection
                .prepare_cached("SELECT text_hash FROM records WHERE id = ?1")?
                .query_row([record], |row| row.get(0))
                .optional()?;
        }
        let origin = match (is_synced, is_drawn_name(&decision.writer)) {
            (true, _) => 1,
            (false, true) => 0,
            // Perhaps of a file: whoever opens the project knows which names are its own.
            (false, false) => 2,
        };
        let line = Line::new(decision);
        connection
            .prepare_cached(
                "INSERT INTO log (writer, id, record, text, ms, n, hash, origin, json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                line.value.writer,
                line.value.id,
                line.value.record(),
                line.value.text,
                crate::int(line.value.clock.ms),
                line.value.clock.n,
                line.content_hash(),
                origin,
                line.text(),
            ])?;
        writers.insert(line.value.writer);
    }
    Ok(writers)
}

fn convert_drafts(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare("SELECT reviewer, record_id, json FROM drafts")?;
    let rows: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<std::result::Result<_, _>>()?;
    for (reviewer, record, json) in rows {
        let draft = line::old_draft(&json)
            .map_err(|error| StoreError::Corrupt(format!("draft: {error}")))?;
        connection
            .prepare_cached("UPDATE drafts SET json = ?3 WHERE reviewer = ?1 AND record_id = ?2")?
            .execute(params![reviewer, record, to_json(&draft)?])?;
    }
    Ok(())
}

fn convert_instructions(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare("SELECT json FROM prompts")?;
    let rows: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for json in rows {
        instructions::convert(connection, from_json::<Prompt>(&json, "instruction")?)?;
    }
    Ok(())
}
