//! Lines that were kept beside what an older build understood of them, read again by one that may understand more.

use crate::error::Result;
use crate::{decisions, instructions, int, records, to_json};
use rusqlite::{Connection, params};
use seedbed_core::line;

/// Place and text of the lines that were not understood whole.
fn kept(connection: &Connection, table: &str) -> Result<Vec<(u64, String)>> {
    let mut statement = connection.prepare(&format!(
        "SELECT seq, raw FROM {table} WHERE raw IS NOT NULL ORDER BY seq"
    ))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Reads them all. What is folded from decisions has to be folded anew afterwards.
pub(crate) fn all(connection: &Connection) -> Result<()> {
    for (seq, raw) in kept(connection, "texts")? {
        // The fields, and so id and text hash, were understood from the first.
        if let Ok(line) = line::record(&raw) {
            connection
                .prepare_cached("UPDATE texts SET json = ?2, raw = ?3 WHERE seq = ?1")?
                .execute(params![
                    seq,
                    records::rest_of(&line.value.record)?,
                    line.raw
                ])?;
        }
    }
    for (seq, raw) in kept(connection, "instruction_acts")? {
        if let Ok(line) = line::instruction(&raw) {
            let act = &line.value;
            connection
                .prepare_cached(
                    "UPDATE instruction_acts SET instruction = ?2, hash = ?3, json = ?4, raw = ?5
                     WHERE seq = ?1",
                )?
                .execute(params![
                    seq,
                    act.on,
                    line.content_hash(),
                    to_json(act)?,
                    line.raw
                ])?;
            instructions::refold_one(connection, &act.on)?;
        }
    }
    let mut writers = std::collections::BTreeSet::new();
    for (seq, raw) in kept(connection, "decisions")? {
        if let Ok(line) = line::decision(&raw) {
            let decision = &line.value;
            connection
                .prepare_cached(
                    "UPDATE decisions SET record = ?2, text = ?3, ms = ?4, n = ?5, hash = ?6, json = ?7, raw = ?8
                     WHERE seq = ?1",
                )?
                .execute(params![
                    seq,
                    decision.record(),
                    decision.text,
                    int(decision.clock.ms),
                    decision.clock.n,
                    line.content_hash(),
                    to_json(decision)?,
                    line.raw,
                ])?;
            writers.insert(line.value.writer);
        }
    }
    decisions::rebuild_steps_of(connection, &writers)
}
