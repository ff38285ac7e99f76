//! Records: stored once, never changed, never removed. Only what is folded from the log (the state) moves.
//!
//! Two texts may claim one id (lines of format 1, or of a file that lies). Both stay: one keeps the id, by a rule that
//! gives the same answer in every browser, and the other is known by the id that follows from its key and text.

use crate::counts::Changes;
use crate::error::Result;
use crate::{Store, counts, decisions, from_json, seed, to_json};
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use seedbed_core::id::content_id;
use seedbed_core::line::{Line, RecordLine, record_under_id};
use seedbed_core::messages::RecordView;
use seedbed_core::model::Message;
use seedbed_core::record::{Field, Fields, INSTRUCTION, RESPONSE, Record};
use seedbed_core::review::RecordState;
use std::collections::{BTreeSet, HashSet};

/// Bytes of lines read at once, about: callers go on behind the last one.
const MOST_AT_ONCE: usize = 4 * 1024 * 1024;

/// What [`Stored::read`] reads.
const SELECT: &str =
    "SELECT records.seq, records.id, topic, perspective, state, instruction, response, json,
     text_hash, claimed, own_id, seed_part, is_outdated
     FROM records CROSS JOIN texts ON texts.seq = records.seq WHERE";

/// The records that the id `?1` can name: by what they are known, what follows from their text, and what lines claim.
pub(crate) const NAMED: &str = "SELECT seq FROM records WHERE id = ?1
     UNION ALL SELECT seq FROM records WHERE own_id = ?1 AND own_id <> id
     UNION ALL SELECT seq FROM records WHERE claimed = ?1 AND claimed <> own_id
     UNION ALL SELECT seq FROM aliases WHERE claimed = ?1";

/// Those that answer the request with the key `?1`, by their index.
pub(crate) const HAS_KEY: &str = "substr(key, 1, 8) = substr(?1, 1, 8) AND key = ?1";

/// A row of the table.
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) record: Record,
    pub(crate) state: RecordState,
    /// [`Fields::text_hash`].
    pub(crate) text: String,
    /// The id in its line.
    pub(crate) claimed: String,
    /// The id that follows from key and text.
    pub(crate) own_id: String,
    seed_part: String,
    is_outdated: bool,
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
        let instruction: String = row.get(5)?;
        let response: String = row.get(6)?;
        let json: String = row.get(7)?;
        let text = row.get(8)?;
        let claimed = row.get(9)?;
        let own_id = row.get(10)?;
        let seed_part = row.get(11)?;
        let is_outdated = row.get(12)?;
        Ok(from_json::<Record>(&json, "record").map(|mut record| {
            record.id = id;
            record.cell.topic = topic;
            record.cell.perspective = perspective;
            fill(&mut record.fields, INSTRUCTION, instruction);
            fill(&mut record.fields, RESPONSE, response);
            Self {
                seq,
                record,
                state: RecordState::parse(&state).unwrap_or_default(),
                text,
                claimed,
                own_id,
                seed_part,
                is_outdated,
            }
        }))
    }

    /// Whether this record keeps the id that its line claims.
    pub(crate) fn keeps_id(&self) -> bool {
        self.record.id == self.claimed
    }

    fn is_stale(&self, seed_part: &str) -> bool {
        self.is_outdated || (!self.seed_part.is_empty() && self.seed_part != seed_part)
    }
}

/// Puts a text with a column of its own back into the fields, if it was there.
fn fill(fields: &mut Fields, id: &str, text: String) {
    if let Some(field @ Field::Text(_)) = fields.0.get_mut(id) {
        *field = Field::Text(text);
    }
}

/// The JSON of a record without what has a column of its own.
pub(crate) fn rest_of(record: &Record) -> Result<String> {
    let mut rest = record.clone();
    rest.id.clear();
    rest.cell.topic.clear();
    rest.cell.perspective.clear();
    fill(&mut rest.fields, INSTRUCTION, String::new());
    fill(&mut rest.fields, RESPONSE, String::new());
    to_json(&rest)
}

pub(crate) fn exists(connection: &Connection, id: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM records WHERE id = ?1")?
        .exists([id])?)
}

/// What happened to a record that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Added {
    /// Its place.
    pub(crate) seq: u64,
    /// It was not there.
    pub(crate) is_new: bool,
}

/// A record that claims the same id with another text.
struct Rival {
    seq: u64,
    id: String,
    own_id: String,
    text: String,
    is_on_hub: bool,
}

impl Rival {
    /// The smaller one keeps the id: one that no other text can claim, then one of the Hub, then the smaller text.
    fn rank(&self, claimed: &str) -> (bool, bool, &str) {
        (self.own_id != claimed, !self.is_on_hub, &self.text)
    }
}

fn rivals(connection: &Connection, claimed: &str) -> Result<Vec<Rival>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT seq, id, own_id, text_hash, part IS NOT NULL FROM records
         WHERE seq IN ({NAMED}) AND claimed = ?1"
    ))?;
    let rows = statement.query_map([claimed], |row| {
        Ok(Rival {
            seq: row.get(0)?,
            id: row.get(1)?,
            own_id: row.get(2)?,
            text: row.get(3)?,
            is_on_hub: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Whether several texts on the Hub claim this id, or several here while none is on the Hub (its repo is gone, or a file
/// brought them): then a decision that names no text can't be told to be about one.
pub(crate) fn is_ambiguous(connection: &Connection, claimed: &str) -> Result<bool> {
    let (all, on_hub): (u32, u32) = connection
        .prepare_cached(&format!(
            "SELECT count(*), count(part) FROM records WHERE seq IN ({NAMED}) AND claimed = ?1"
        ))?
        .query_row([claimed], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(on_hub > 1 || (on_hub == 0 && all > 1))
}

/// Whether several texts are known of which any line claims this id. A file says nothing of where its lines stand, and
/// whoever saved it may have read more of the Hub than was read here: its decisions that name no text can't be told then.
pub(crate) fn is_contested(connection: &Connection, claimed: &str) -> Result<bool> {
    let texts: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT seq FROM records WHERE claimed = ?1 AND claimed <> own_id
             UNION SELECT seq FROM aliases WHERE claimed = ?1)",
        )?
        .query_row([claimed], |row| row.get(0))?;
    Ok(texts > 1)
}

/// The record is known by another id from now on; what this browser alone knows about its text goes along.
fn rename(connection: &Connection, seq: u64, from: &str, to: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE records SET id = ?2, claimed_else = claimed, own_else = own_id WHERE seq = ?1",
        )?
        .execute(params![seq, to])?;
    connection
        .prepare_cached("UPDATE OR REPLACE drafts SET record_id = ?2 WHERE record_id = ?1")?
        .execute([from, to])?;
    Ok(())
}

/// A text that is not on the Hub lost its id to one that is: it is sent under the id of its own, and so are the
/// decisions made on it here.
fn give_own_id(connection: &Connection, loser: &Rival, claimed: &str) -> Result<()> {
    claim(connection, loser.seq, &loser.own_id)?;
    decisions::retarget_unsent(connection, claimed, &loser.text, &loser.own_id)
}

/// The record goes by another claim from now on. Decisions that name the one before and this text still count for it.
fn claim(connection: &Connection, seq: u64, claimed: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO aliases SELECT claimed, seq FROM records WHERE seq = ?1 AND claimed <> own_id",
        )?
        .execute([seq])?;
    connection
        .prepare_cached("DELETE FROM aliases WHERE claimed = ?2 AND seq = ?1")?
        .execute(params![seq, claimed])?;
    connection
        .prepare_cached("UPDATE records SET claimed_else = ?2 WHERE seq = ?1")?
        .execute(params![seq, claimed])?;
    Ok(())
}

/// A record that is here already.
struct Twin {
    seq: u64,
    claimed: String,
    own_id: String,
    is_on_hub: bool,
}

impl Twin {
    fn by(connection: &Connection, condition: &str, values: &[&str]) -> Result<Option<Self>> {
        Ok(connection
            .prepare_cached(&format!(
                "SELECT seq, claimed, own_id, part IS NOT NULL FROM records WHERE {condition} LIMIT 1"
            ))?
            .query_row(params_from_iter(values), |row| {
                Ok(Self {
                    seq: row.get(0)?,
                    claimed: row.get(1)?,
                    own_id: row.get(2)?,
                    is_on_hub: row.get(3)?,
                })
            })
            .optional()?)
    }

    /// The one that is known by this id.
    fn by_id(connection: &Connection, id: &str) -> Result<Option<Self>> {
        Self::by(connection, "id = ?1", &[id])
    }

    /// The one that has this id by its text, if it is known by another one.
    fn elsewhere(connection: &Connection, own_id: &str) -> Result<Option<Self>> {
        Self::by(connection, "own_id = ?1 AND own_id <> id", &[own_id])
    }

    /// The one that has this id by its text.
    fn by_own_id(connection: &Connection, own_id: &str) -> Result<Option<Self>> {
        match Self::by_id(connection, own_id)? {
            Some(twin) if twin.own_id == own_id => Ok(Some(twin)),
            _ => Self::elsewhere(connection, own_id),
        }
    }

    /// One whose lines claim this id; with a text, the one of this text.
    fn claiming(connection: &Connection, id: &str, text: Option<&str>) -> Result<Option<Self>> {
        let condition =
            format!("seq IN ({NAMED}) AND claimed = ?1 AND (?2 = '' OR text_hash = ?2)");
        Self::by(connection, &condition, &[id, text.unwrap_or_default()])
    }
}

/// Adds a record to the counters that are about what it says, or takes it away.
fn count(
    changes: &mut Changes,
    record: &Record,
    state: RecordState,
    is_outdated: bool,
    by: i64,
) -> Result<()> {
    let cell = counts::cell_name(&record.cell)?;
    changes.add(counts::TOPIC, &record.cell.topic, by);
    changes.add(counts::PERSPECTIVE, &record.cell.perspective, by);
    changes.add(counts::MODEL, &record.provenance.model, by);
    if is_outdated {
        changes.add(counts::OUTDATED, "", by);
    } else {
        changes.add(counts::SEED, &record.inputs.seed_part, by);
    }
    if state == RecordState::Accepted {
        changes.add(counts::CELL_ACCEPTED, &cell, by);
    }
    changes.add(counts::CELL, cell, by);
    Ok(())
}

/// A line that comes in.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) record: &'a Record,
    /// What it was asked with.
    pub(crate) messages: &'a [Message],
    /// See [`Line::raw`].
    pub(crate) raw: Option<&'a str>,
}

impl<'a> From<&'a Line<RecordLine>> for Incoming<'a> {
    fn from(line: &'a Line<RecordLine>) -> Self {
        Self {
            record: &line.value.record,
            messages: &line.value.messages,
            raw: line.raw.as_deref(),
        }
    }
}

/// What tells two lines about one text apart: everything but the id.
fn line_hash(record: &Record, messages: &[Message]) -> String {
    let record = Record {
        id: String::new(),
        ..record.clone()
    };
    content_id(&(record, messages))
}

/// A line about a text that is here. Which ids and which provenance it has must be the same wherever these lines come
/// together: what the Hub says goes before what is known here alone, then the smaller one.
fn meet(
    connection: &Connection,
    twin: &Twin,
    line: Incoming<'_>,
    own_id: &str,
    part: Option<i64>,
) -> Result<()> {
    let claimed = &line.record.id;
    let is_first_of_hub = part.is_some() && !twin.is_on_hub;
    if let Some(part) = part.filter(|_| !twin.is_on_hub) {
        connection
            .prepare_cached("UPDATE records SET part = ?2 WHERE seq = ?1")?
            .execute(params![twin.seq, part])?;
    }
    let outranks =
        |is_smaller: bool| is_first_of_hub || (is_smaller && (part.is_some() || !twin.is_on_hub));
    let mut is_changed = is_first_of_hub;
    if *claimed != twin.claimed {
        let rank = |id: &String| (*id == twin.own_id, id.clone());
        if outranks(rank(claimed) < rank(&twin.claimed)) {
            claim(connection, twin.seq, claimed)?;
        } else {
            connection
                .prepare_cached("INSERT OR IGNORE INTO aliases VALUES (?1, ?2)")?
                .execute(params![claimed, twin.seq])?;
        }
        is_changed = true;
    }
    if let Some(mut stored) = Stored::by_seq(connection, twin.seq)? {
        stored.record.id.clone_from(claimed);
        let messages = messages_of(connection, twin.seq)?;
        // As nearly always: the same line again.
        if stored.record != *line.record || messages != line.messages {
            let new = line_hash(line.record, line.messages);
            let old = line_hash(&stored.record, &messages);
            let is_taken = own_id != twin.own_id && Twin::by_own_id(connection, own_id)?.is_some();
            if new != old && !is_taken && outranks(new < old) {
                replace(connection, &stored, line, own_id)?;
                is_changed = true;
            }
        }
    }
    if is_changed {
        for id in BTreeSet::from([claimed, &twin.claimed]) {
            settle_id(connection, id)?;
            decisions::refold_about(connection, id)?;
        }
    }
    Ok(())
}

/// The same text has another provenance from now on.
fn replace(
    connection: &Connection,
    stored: &Stored,
    line: Incoming<'_>,
    own_id: &str,
) -> Result<()> {
    let record = line.record;
    let is_outdated = is_outdated(connection, record)?;
    let (state, was_outdated) = (stored.state, stored.is_outdated);
    let mut changes = Changes::default();
    count(&mut changes, &stored.record, state, was_outdated, -1)?;
    count(&mut changes, record, state, is_outdated, 1)?;
    changes.store(connection)?;
    connection
        .prepare_cached(
            "UPDATE records SET claimed_else = claimed, own_else = ?2, key = ?3, prompt_id = ?4, topic = ?5,
             perspective = ?6, model = ?7, seed_part = ?8, is_outdated = ?9,
             id = CASE id WHEN own_id THEN ?2 ELSE id END WHERE seq = ?1",
        )?
        .execute(params![
            stored.seq,
            own_id,
            record.key,
            record.prompt_id,
            record.cell.topic,
            record.cell.perspective,
            record.provenance.model,
            record.inputs.seed_part,
            is_outdated,
        ])?;
    connection
        .prepare_cached("UPDATE texts SET json = ?2, raw = ?3 WHERE seq = ?1")?
        .execute(params![stored.seq, rest_of(record)?, line.raw])?;
    connection
        .prepare_cached("DELETE FROM asked WHERE seq = ?1")?
        .execute([stored.seq])?;
    keep_messages(connection, stored.seq, line.messages)
}

fn keep_messages(connection: &Connection, seq: u64, messages: &[Message]) -> Result<()> {
    if !messages.is_empty() {
        connection
            .prepare_cached("INSERT INTO asked VALUES (?1, ?2)")?
            .execute(params![seq, to_json(&messages)?])?;
    }
    Ok(())
}

/// Where a record goes that is to be stored.
enum Place {
    /// Its text is here.
    Known(Twin),
    /// It gets a place of its own.
    New {
        /// Known by the id that follows from the new text, without a right to it.
        liar: Option<Twin>,
        /// Nobody else claims its id.
        is_free: bool,
        /// Decisions may have come before it.
        is_awaited: bool,
    },
}

fn place_of(connection: &Connection, record: &Record, text: &str, own_id: &str) -> Result<Place> {
    let has_own_id = record.id == own_id;
    let is_heard_of = connection
        .prepare_cached(&format!(
            "{NAMED} UNION ALL SELECT seq FROM decisions WHERE record = ?1"
        ))?
        .exists([own_id])?;
    if has_own_id && !is_heard_of {
        // As nearly always.
        return Ok(Place::New {
            liar: None,
            is_free: true,
            is_awaited: false,
        });
    }
    // Known by the id that follows from this text: the same one, or one that has no right to it.
    let (mut twin, liar) = match Twin::by_id(connection, own_id)? {
        Some(known) if known.own_id == own_id => (Some(known), None),
        liar => (Twin::elsewhere(connection, own_id)?, liar),
    };
    if twin.is_none() && !has_own_id {
        twin = Twin::claiming(connection, &record.id, Some(text))?;
    }
    if let Some(twin) = twin {
        return Ok(Place::Known(twin));
    }
    let has_rivals = if has_own_id {
        Twin::by(connection, "claimed = ?1 AND claimed <> own_id", &[own_id])?
    } else {
        Twin::claiming(connection, &record.id, None)?
    }
    .is_some();
    let is_free = !has_rivals && (has_own_id || Twin::by_own_id(connection, &record.id)?.is_none());
    Ok(Place::New {
        liar,
        is_free,
        is_awaited: true,
    })
}

/// Stores a record with the messages it was asked with; `part` is where its line stands on the Hub. What a new one adds
/// to the counters is left to `changes`.
pub(crate) fn add(
    connection: &Connection,
    line: Incoming<'_>,
    part: Option<i64>,
    changes: &mut Changes,
) -> Result<Added> {
    let record = line.record;
    let (own_id, text) = Record::hashes(record.key.as_deref(), &record.fields);
    let (liar, is_free, is_awaited) = match place_of(connection, record, &text, &own_id)? {
        Place::New {
            liar,
            is_free,
            is_awaited,
        } => (liar, is_free, is_awaited),
        Place::Known(twin) => {
            meet(connection, &twin, line, &own_id, part)?;
            return Ok(Added {
                seq: twin.seq,
                is_new: false,
            });
        }
    };
    if let Some(liar) = &liar {
        rename(connection, liar.seq, &own_id, &liar.own_id)?;
        decisions::refold(connection, &liar.own_id)?;
    }
    // Under the id of its own until it is settled who keeps the claimed one.
    let id = if is_free { &record.id } else { &own_id };
    let is_outdated = is_outdated(connection, record)?;
    connection
        .prepare_cached(
            "INSERT INTO records (id, claimed_else, own_else, text_hash, key, prompt_id, topic, perspective, model,
             seed_part, part, is_outdated)
             VALUES (?1, nullif(?2, ?1), nullif(?3, ?1), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            id,
            record.id,
            own_id,
            text,
            record.key,
            record.prompt_id,
            record.cell.topic,
            record.cell.perspective,
            record.provenance.model,
            record.inputs.seed_part,
            part,
            is_outdated,
        ])?;
    let seq = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO texts VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            seq,
            record.instruction(),
            record.response(),
            rest_of(record)?,
            line.raw,
        ])?;
    connection
        .prepare_cached("INSERT INTO words (rowid, instruction, response) VALUES (?1, ?2, ?3)")?
        .execute(params![
            seq,
            record.instruction(),
            record.fields.words(RESPONSE)
        ])?;
    let seq = seq.unsigned_abs();
    keep_messages(connection, seq, line.messages)?;
    let state = RecordState::Pending;
    changes.add(counts::TOTAL, "", 1);
    changes.add(counts::STATE, state.as_str(), 1);
    if part.is_none() {
        changes.add(counts::UNSAVED, counts::RECORDS, 1);
    }
    count(changes, record, state, is_outdated, 1)?;
    if !is_free {
        settle_id(connection, &record.id)?;
    }
    if liar.is_some() {
        settle_id(connection, &own_id)?;
    }
    if is_awaited {
        decisions::refold_early(connection, &record.id)?;
        if record.id != own_id {
            decisions::refold_early(connection, &own_id)?;
        }
    }
    Ok(Added { seq, is_new: true })
}

/// Whether the instruction that a record answers has another text by now.
pub(crate) fn is_outdated(connection: &Connection, record: &Record) -> Result<bool> {
    let Some(prompt) = &record.prompt_id else {
        return Ok(false);
    };
    let text: Option<String> = connection
        .prepare_cached("SELECT text FROM prompts WHERE id = ?1")?
        .query_row([prompt], |row| row.get(0))
        .optional()?;
    Ok(text.is_some_and(|text| text.trim() != record.instruction().trim()))
}

/// Marks the records of an instruction whose text changed; `None` = it is not there any more.
pub(crate) fn mark_outdated(
    connection: &Connection,
    prompt: &str,
    text: Option<&str>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT records.seq, seed_part, is_outdated, instruction FROM records
         CROSS JOIN texts ON texts.seq = records.seq WHERE prompt_id = ?1",
    )?;
    let rows = statement.query_map([prompt], |row| {
        Ok((
            row.get::<_, u64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, bool>(2)?,
            row.get::<_, String>(3)?,
        ))
    })?;
    let rows: Vec<_> = rows.collect::<std::result::Result<_, _>>()?;
    let mut changes = Changes::default();
    for (seq, part, was_outdated, instruction) in rows {
        let is_outdated = text.is_some_and(|text| instruction.trim() != text.trim());
        if is_outdated == was_outdated {
            continue;
        }
        let by = if is_outdated { 1 } else { -1 };
        changes.add(counts::OUTDATED, "", by);
        changes.add(counts::SEED, part, -by);
        connection
            .prepare_cached("UPDATE records SET is_outdated = ?2 WHERE seq = ?1")?
            .execute(params![seq, is_outdated])?;
    }
    changes.store(connection)
}

/// Decides which of the texts that claim an id keeps it, and folds those whose decisions it changes.
pub(crate) fn settle_id(connection: &Connection, claimed: &str) -> Result<()> {
    let mut rivals = rivals(connection, claimed)?;
    rivals.sort_by(|a, b| a.rank(claimed).cmp(&b.rank(claimed)));
    // The id follows from another record's text, which is known by an older id: none of those that claim it keeps it.
    let is_anothers =
        Twin::by_own_id(connection, claimed)?.is_some_and(|other| other.claimed != claimed);
    if is_anothers {
        for liar in &rivals {
            if liar.id == claimed {
                rename(connection, liar.seq, claimed, &liar.own_id)?;
            }
            if !liar.is_on_hub {
                give_own_id(connection, liar, claimed)?;
            }
            decisions::refold(connection, &liar.own_id)?;
        }
        return Ok(());
    }
    let Some(keeper) = rivals.first() else {
        return Ok(());
    };
    let has_changed = keeper.id != claimed;
    let is_contested = rivals.len() > 1;
    let is_settled = keeper.is_on_hub || keeper.own_id == claimed;
    for loser in &rivals[1..] {
        if loser.id != loser.own_id {
            rename(connection, loser.seq, &loser.id, &loser.own_id)?;
        }
        if is_settled && !loser.is_on_hub {
            give_own_id(connection, loser, claimed)?;
        }
    }
    if has_changed {
        rename(connection, keeper.seq, &keeper.id, claimed)?;
    }
    if has_changed || is_contested {
        decisions::refold(connection, claimed)?;
        for loser in &rivals[1..] {
            decisions::refold(connection, &loser.own_id)?;
        }
    }
    Ok(())
}

/// Decides anew about every id that several texts claim: where their lines stand has changed.
pub(crate) fn settle_contested(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT claimed FROM records WHERE claimed <> own_id GROUP BY claimed HAVING count(*) > 1",
    )?;
    let ids: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for id in ids {
        settle_id(connection, &id)?;
    }
    Ok(())
}

/// Bytes of the texts in a line, about.
fn size_of_line(line: &Line<RecordLine>) -> usize {
    let fields = line.value.record.fields.0.values();
    let fields: usize = fields
        .map(|field| match field {
            Field::Text(text) => text.len(),
            Field::Other(value) => value.to_string().len(),
        })
        .sum();
    let messages = line.value.messages.iter();
    let messages: usize = messages.map(|message| message.content.len()).sum();
    fields + messages + line.raw.as_ref().map_or(0, String::len)
}

fn messages_of(connection: &Connection, seq: u64) -> Result<Vec<Message>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT messages FROM asked WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    json.map_or_else(|| Ok(Vec::new()), |json| from_json(&json, "messages"))
}

/// A record as the page shows it to `writer`.
pub(crate) fn view(
    connection: &Connection,
    stored: Stored,
    writer: &str,
    seed_part: &str,
) -> Result<RecordView> {
    let responses = decisions::responses(connection, &stored, writer)?;
    Ok(RecordView {
        seq: stored.seq,
        is_stale: stored.is_stale(seed_part),
        messages: messages_of(connection, stored.seq)?,
        state: stored.state,
        mine: responses.mine,
        others: responses.others,
        text: stored.text,
        record: stored.record,
    })
}

impl Store {
    /// Stores records that are not there yet; returns how many were new.
    pub fn add_records(&self, rows: &[(Record, Vec<Message>)]) -> Result<u32> {
        let lines = rows.iter().map(|(record, messages)| Incoming {
            record,
            messages,
            raw: None,
        });
        self.add_all(lines, None)
    }

    /// Takes lines of records in that are not there yet; `part` is the part of the Hub they stand in. Returns how many
    /// were new.
    pub fn merge_records(&self, lines: &[Line<RecordLine>], part: Option<i64>) -> Result<u32> {
        self.add_all(lines.iter().map(Incoming::from), part)
    }

    fn add_all<'a>(
        &self,
        lines: impl Iterator<Item = Incoming<'a>>,
        part: Option<i64>,
    ) -> Result<u32> {
        self.write(|tx| {
            let (mut added, mut changes) = (0, Changes::default());
            for line in lines {
                added += u32::from(add(tx, line, part, &mut changes)?.is_new);
            }
            changes.store(tx)?;
            Ok(added)
        })
    }

    /// Which of these request keys were answered.
    pub fn answered<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Result<HashSet<String>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT 1 FROM records WHERE {HAS_KEY} LIMIT 1"))?;
        let mut found = HashSet::new();
        for key in keys {
            if statement.exists([key])? {
                found.insert(key.to_owned());
            }
        }
        Ok(found)
    }

    /// Whether the record with this id is here.
    pub fn has_record(&self, id: &str) -> Result<bool> {
        exists(&self.connection, id)
    }

    /// How many records there are.
    pub fn record_count(&self) -> Result<u32> {
        counts::of(&self.connection, counts::TOTAL, "")
    }

    /// One record as `writer` sees it.
    pub fn record_view(&self, id: &str, writer: &str) -> Result<Option<RecordView>> {
        self.read(|| {
            let part = seed::part(&self.connection)?;
            Stored::by_id(&self.connection, id)?
                .map(|stored| view(&self.connection, stored, writer, &part))
                .transpose()
        })
    }

    /// The record with this `seq` as `writer` sees it.
    pub fn record_at(&self, seq: u64, writer: &str) -> Result<Option<RecordView>> {
        let part = seed::part(&self.connection)?;
        Stored::by_seq(&self.connection, seq)?
            .map(|stored| view(&self.connection, stored, writer, &part))
            .transpose()
    }

    /// Records as lines in order of `seq`, behind `seq`; fewer than `limit` where they are large.
    pub fn records_after(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Line<RecordLine>)>> {
        self.lines_of("records.seq > ?1", seq, limit)
    }

    /// Records that stand in no part of the Hub, behind `seq`; fewer than `limit` where they are large.
    pub fn unsent_records(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Line<RecordLine>)>> {
        self.lines_of("records.part IS NULL AND records.seq > ?1", seq, limit)
    }

    fn lines_of(
        &self,
        condition: &str,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Line<RecordLine>)>> {
        self.read(|| {
            let mut statement = self.connection.prepare_cached(&format!(
                "{SELECT} {condition} ORDER BY records.seq LIMIT ?2"
            ))?;
            let mut raw = self
                .connection
                .prepare_cached("SELECT raw FROM texts WHERE seq = ?1")?;
            let rows = statement.query_map(params![crate::int(seq), limit], Stored::read)?;
            let mut list = Vec::new();
            let mut bytes = 0;
            for row in rows {
                if bytes > MOST_AT_ONCE {
                    break;
                }
                let stored = row??;
                let mut record = stored.record;
                // A line says what it said when it came: who keeps an id is settled by whoever reads it.
                record.id = stored.claimed;
                let came: Option<String> = raw.query_row([stored.seq], |row| row.get(0))?;
                let line = Line {
                    raw: came.map(|raw| record_under_id(raw, &record.id)),
                    value: RecordLine {
                        record,
                        messages: messages_of(&self.connection, stored.seq)?,
                    },
                };
                bytes += size_of_line(&line);
                list.push((stored.seq, line));
            }
            Ok(list)
        })
    }

    /// How many records stand in no part of the Hub.
    pub fn unsent_record_count(&self) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached("SELECT count(*) FROM records WHERE part IS NULL")?
            .query_row([], |row| row.get(0))?)
    }
}
