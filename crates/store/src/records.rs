//! Records: stored once, never changed, never removed. Only what is folded from the log (the state) moves.

use crate::error::Result;
use crate::{Store, Synced, counts, decisions, from_json, seed, to_json};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use seedbed_core::messages::RecordView;
use seedbed_core::model::Message;
use seedbed_core::record::Record;
use seedbed_core::review::{RecordState, Response, fold};
use std::collections::HashSet;

/// What [`Stored::read`] reads.
const SELECT: &str =
    "SELECT records.seq, records.id, topic, perspective, state, instruction, response, json
     FROM records CROSS JOIN texts ON texts.seq = records.seq WHERE";

/// A row of the table.
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) record: Record,
    pub(crate) state: RecordState,
}

impl Stored {
    pub(crate) fn by_seq(connection: &Connection, seq: u64) -> Result<Option<Self>> {
        connection
            .prepare_cached(&format!("{SELECT} records.seq = ?1"))?
            .query_row([seq], Self::read)
            .optional()?
            .transpose()
    }

    pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Self>> {
        connection
            .prepare_cached(&format!("{SELECT} records.id = ?1"))?
            .query_row([id], Self::read)
            .optional()?
            .transpose()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Result<Self>> {
        let seq = row.get(0)?;
        let id: String = row.get(1)?;
        let topic = row.get(2)?;
        let perspective = row.get(3)?;
        let state: String = row.get(4)?;
        let instruction = row.get(5)?;
        let response = row.get(6)?;
        let json: String = row.get(7)?;
        Ok(from_json::<Record>(&json, "record").map(|mut record| {
            record.id = id;
            record.cell.topic = topic;
            record.cell.perspective = perspective;
            record.instruction = instruction;
            record.response = response;
            Self {
                seq,
                record,
                state: RecordState::parse(&state).unwrap_or_default(),
            }
        }))
    }
}

/// The seed a record belongs to; imported ones belong to none and never grow stale.
fn seed_of(record: &Record) -> &str {
    if record.provenance.imported_from.is_some() {
        ""
    } else {
        &record.provenance.seed_hash
    }
}

pub(crate) fn exists(connection: &Connection, id: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM records WHERE id = ?1")?
        .exists([id])?)
}

/// Stores a record with the messages it was asked with. `false` = it was there.
pub(crate) fn add(connection: &Connection, record: &Record, messages: &[Message]) -> Result<bool> {
    // What has a column of its own is not kept twice.
    let mut rest = record.clone();
    rest.id.clear();
    rest.instruction.clear();
    rest.response.clear();
    rest.cell.topic.clear();
    rest.cell.perspective.clear();
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO records (id, prompt_id, topic, perspective, model, seed_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            record.id,
            record.prompt_id,
            record.cell.topic,
            record.cell.perspective,
            record.provenance.model,
            seed_of(record),
        ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let seq = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO texts VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            seq,
            record.instruction,
            record.response,
            to_json(&rest)?
        ])?;
    connection
        .prepare_cached("INSERT INTO words (rowid, instruction, response) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, record.instruction, record.response])?;
    if !messages.is_empty() {
        connection
            .prepare_cached("INSERT INTO asked VALUES (?1, ?2)")?
            .execute(params![seq, to_json(&messages)?])?;
    }
    counts::add(connection, counts::TOTAL, "", 1)?;
    counts::add(connection, counts::STATE, RecordState::Pending.as_str(), 1)?;
    counts::add(connection, counts::TOPIC, &record.cell.topic, 1)?;
    counts::add(connection, counts::PERSPECTIVE, &record.cell.perspective, 1)?;
    counts::add(connection, counts::MODEL, &record.provenance.model, 1)?;
    counts::add(connection, counts::SEED, seed_of(record), 1)?;
    counts::add(
        connection,
        counts::CELL,
        &counts::cell_name(&record.cell)?,
        1,
    )?;
    // Decisions may have come before their record.
    decisions::refold(connection, &record.id)?;
    Ok(true)
}

fn messages_of(connection: &Connection, seq: u64) -> Result<Vec<Message>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT messages FROM asked WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    json.map_or_else(|| Ok(Vec::new()), |json| from_json(&json, "messages"))
}

/// A record as the page shows it to `reviewer`, under the seed with hash `seed_hash`.
pub(crate) fn view(
    connection: &Connection,
    stored: Stored,
    reviewer: &str,
    seed_hash: &str,
) -> Result<RecordView> {
    let log = decisions::of_record(connection, &stored.record.id)?;
    let mut active = fold(&log);
    let draft: Option<String> = connection
        .prepare_cached("SELECT json FROM drafts WHERE record_id = ?1 AND reviewer = ?2")?
        .query_row([&stored.record.id, reviewer], |row| row.get(0))
        .optional()?;
    let submitted = active.remove(reviewer).map(|(_, response)| response);
    let mine = match draft {
        Some(json) => Some(from_json::<Response>(&json, "draft")?),
        None => submitted,
    };
    let seed = seed_of(&stored.record);
    Ok(RecordView {
        seq: stored.seq,
        is_stale: !seed.is_empty() && seed != seed_hash,
        messages: messages_of(connection, stored.seq)?,
        state: stored.state,
        mine,
        others: active
            .into_iter()
            .map(|(name, (_, response))| (name, response))
            .collect(),
        record: stored.record,
    })
}

impl Store {
    /// Stores records that are not there yet; returns how many were new.
    pub fn add_records(&self, rows: &[(Record, Vec<Message>)]) -> Result<u32> {
        self.write(|tx| {
            let mut added = 0;
            for (record, messages) in rows {
                added += u32::from(add(tx, record, messages)?);
            }
            Ok(added)
        })
    }

    /// Which of these ids are there.
    pub fn existing(&self, ids: &[String]) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        for id in ids {
            if exists(&self.connection, id)? {
                found.insert(id.clone());
            }
        }
        Ok(found)
    }

    /// Ids of all records.
    pub fn record_ids(&self) -> Result<HashSet<String>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM records")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// How many records there are.
    pub fn record_count(&self) -> Result<u32> {
        counts::of(&self.connection, counts::TOTAL, "")
    }

    /// One record as `reviewer` sees it.
    pub fn record_view(&self, id: &str, reviewer: &str) -> Result<Option<RecordView>> {
        let hash = seed::hash(&self.connection)?;
        Stored::by_id(&self.connection, id)?
            .map(|stored| view(&self.connection, stored, reviewer, &hash))
            .transpose()
    }

    /// Records with their messages in order of `seq`, behind `seq`.
    pub fn records_after(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Record, Vec<Message>)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{SELECT} records.seq > ?1 ORDER BY records.seq LIMIT ?2"
        ))?;
        let rows = statement.query_map(params![crate::int(seq), limit], Stored::read)?;
        let mut list = Vec::new();
        for row in rows {
            let stored = row??;
            let messages = messages_of(&self.connection, stored.seq)?;
            list.push((stored.seq, stored.record, messages));
        }
        Ok(list)
    }

    /// Records that are not on the Hub yet.
    pub fn unsynced_records(&self, limit: u32) -> Result<Vec<(Record, Vec<Message>)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{SELECT} is_synced = 0 ORDER BY records.seq LIMIT ?1"
        ))?;
        let rows = statement.query_map([limit], Stored::read)?;
        let mut list = Vec::new();
        for row in rows {
            let stored = row??;
            let messages = messages_of(&self.connection, stored.seq)?;
            list.push((stored.record, messages));
        }
        Ok(list)
    }

    /// Marks what is on the Hub.
    pub fn mark_synced(&self, kind: Synced, ids: &[String]) -> Result<()> {
        let sql = match kind {
            Synced::Records => "UPDATE records SET is_synced = 1 WHERE id = ?1",
            Synced::Decisions => "UPDATE decisions SET is_synced = 1 WHERE id = ?1",
        };
        self.write(|tx| {
            let mut statement = tx.prepare_cached(sql)?;
            for id in ids {
                statement.execute([id])?;
            }
            Ok(())
        })
    }
}
