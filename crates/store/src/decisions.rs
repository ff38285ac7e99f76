//! The decision log: appended, merged, folded. Drafts stay outside of it.

use crate::error::{Result, StoreError};
use crate::records::Stored;
use crate::{Store, counts, from_json, get, int, keys, put, records, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::id::content_id;
use seedbed_core::line::Line;
use seedbed_core::messages::OtherResponse;
use seedbed_core::review::{
    Act, CLOCK_END_MS, CLOCK_ROOM_MS, Clock, Decision, Joins, On, RecordState, Response,
    ResponseStatus, UndoStacks, fold, outcome,
};
use seedbed_core::row::TableRow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a decision is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made in this browser, by one of its identities.
    Here,
    /// Read from a part of the Hub, in its writer's folder.
    Hub,
    /// Read from a file: it counts here, and is not published in its writer's name.
    File,
}

impl Origin {
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Here => 0,
            Self::Hub => 1,
            Self::File => 2,
        }
    }

    fn of(number: i64) -> Self {
        match number {
            0 => Self::Here,
            1 => Self::Hub,
            _ => Self::File,
        }
    }
}

/// What was made of the log for quick undo.
mod steps {
    use super::{Connection, HashMap, Result, UndoStacks, params};
    use rusqlite::OptionalExtension as _;

    /// The decision that `root` would undo next, of those made in this visit first; or redo, of those taken back in it.
    pub(super) fn next(
        connection: &Connection,
        root: &str,
        is_undone: bool,
        visit: i64,
    ) -> Result<Option<String>> {
        let of_visit = connection
            .prepare_cached(
                // Without the index, all steps of a visit without acts would be walked.
                "SELECT id FROM steps INDEXED BY steps_by_visit
                 WHERE writer = ?1 AND is_undone = ?2 AND visit = ?3 ORDER BY place DESC LIMIT 1",
            )?
            .query_row(params![root, is_undone, visit], |row| row.get(0))
            .optional()?;
        if of_visit.is_some() {
            return Ok(of_visit);
        }
        Ok(connection
            .prepare_cached(
                "SELECT id FROM steps WHERE writer = ?1 AND is_undone = ?2 ORDER BY place DESC LIMIT 1",
            )?
            .query_row(params![root, is_undone], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn push(
        connection: &Connection,
        root: &str,
        is_undone: bool,
        id: &str,
        visit: Option<i64>,
    ) -> Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO steps SELECT ?1, ?2, coalesce(max(place), 0) + 1, ?3, ?4 FROM steps
                 WHERE writer = ?1 AND is_undone = ?2",
            )?
            .execute(params![root, is_undone, id, visit])?;
        Ok(())
    }

    /// Takes a step out of its list; tells whether it was there.
    pub(super) fn take(
        connection: &Connection,
        root: &str,
        is_undone: bool,
        id: &str,
    ) -> Result<bool> {
        let found: Option<i64> = connection
            .prepare_cached(
                "SELECT place FROM steps WHERE writer = ?1 AND id = ?3 AND is_undone = ?2
                 ORDER BY place DESC LIMIT 1",
            )?
            .query_row(params![root, is_undone, id], |row| row.get(0))
            .optional()?;
        let Some(place) = found else {
            return Ok(false);
        };
        connection
            .prepare_cached(
                "DELETE FROM steps WHERE writer = ?1 AND is_undone = ?2 AND place = ?3",
            )?
            .execute(params![root, is_undone, place])?;
        Ok(true)
    }

    pub(super) fn forget_undone(connection: &Connection, root: &str) -> Result<()> {
        connection
            .prepare_cached("DELETE FROM steps WHERE writer = ?1 AND is_undone = 1")?
            .execute([root])?;
        Ok(())
    }

    /// Writes both lists anew; `made` and `undone` tell the visit in which a decision was made and taken back here.
    pub(super) fn replace(
        connection: &Connection,
        root: &str,
        stacks: &UndoStacks,
        made: &HashMap<&str, i64>,
        undone: &HashMap<&str, i64>,
    ) -> Result<()> {
        connection
            .prepare_cached("DELETE FROM steps WHERE writer = ?1")?
            .execute([root])?;
        let mut statement =
            connection.prepare_cached("INSERT INTO steps VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (ids, is_undone, visits) in [(&stacks.undo, false, made), (&stacks.redo, true, undone)]
        {
            for (place, id) in (1_i64..).zip(ids) {
                statement.execute(params![root, is_undone, place, id, visits.get(id.as_str())])?;
            }
        }
        Ok(())
    }
}

/// Whether `writer` can undo and redo.
pub(crate) fn can_step(connection: &Connection, writer: &str) -> Result<(bool, bool)> {
    let joins = joins(connection)?;
    let root = joins.root(writer);
    let any = |is_undone: bool| -> Result<bool> {
        Ok(connection
            .prepare_cached("SELECT 1 FROM steps WHERE writer = ?1 AND is_undone = ?2 LIMIT 1")?
            .exists(params![root, is_undone])?)
    };
    Ok((any(false)?, any(true)?))
}

/// Acts on identities that count: few, and about no record.
fn identity_acts(connection: &Connection) -> Result<Vec<Decision>> {
    let mut statement =
        connection.prepare_cached("SELECT json FROM decisions WHERE record IS NULL AND ms < ?1")?;
    let rows = statement.query_map([int(CLOCK_END_MS)], |row| row.get::<_, String>(0))?;
    rows.map(|json| from_json(&json?, "decision")).collect()
}

fn joins(connection: &Connection) -> Result<Joins> {
    Ok(Joins::of(&identity_acts(connection)?))
}

/// The names that identities gave themselves, by writer.
fn names(connection: &Connection) -> Result<HashMap<String, String>> {
    let mut acts = identity_acts(connection)?;
    acts.sort_by(|a, b| (a.clock, &a.id).cmp(&(b.clock, &b.id)));
    Ok(acts
        .into_iter()
        .filter_map(|act| match act.act {
            Act::Name { name } => Some((act.writer, name)),
            _ => None,
        })
        .collect())
}

/// Builds an identity's undo and redo steps anew from what counts of the log.
pub(crate) fn rebuild_steps(connection: &Connection, root: &str, joins: &Joins) -> Result<()> {
    let mut log: Vec<(Decision, Option<i64>)> = Vec::new();
    for member in joins.members(root) {
        let mut statement = connection
            .prepare_cached("SELECT json, visit FROM decisions WHERE writer = ?1 AND ms < ?2")?;
        let rows = statement.query_map(params![member, int(CLOCK_END_MS)], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        })?;
        for row in rows {
            let (json, visit) = row?;
            log.push((from_json(&json, "decision")?, visit));
        }
    }
    log.sort_by(|(a, _), (b, _)| (a.clock, &a.writer, &a.id).cmp(&(b.clock, &b.writer, &b.id)));
    let (mut made, mut undone) = (HashMap::new(), HashMap::new());
    for (decision, visit) in &log {
        let (visits, id) = match &decision.act {
            Act::Respond(_) => (&mut made, &decision.id),
            Act::Undo { target } => (&mut undone, target),
            _ => continue,
        };
        match visit {
            Some(visit) => visits.insert(id.as_str(), *visit),
            None => visits.remove(id.as_str()),
        };
    }
    let stacks = UndoStacks::from_log(log.iter().map(|(decision, _)| decision));
    steps::replace(connection, root, &stacks, &made, &undone)
}

/// Moves a decision between the steps that can be undone and those that can be redone, if it is there.
fn move_step(connection: &Connection, root: &str, target: &str, is_undo: bool) -> Result<()> {
    if !steps::take(connection, root, !is_undo, target)? {
        return Ok(());
    }
    let visit: Option<Option<i64>> = if is_undo {
        None
    } else {
        connection
            .prepare_cached("SELECT visit FROM decisions WHERE writer = ?1 AND id = ?2")?
            .query_row([root, target], |row| row.get(0))
            .optional()?
    };
    steps::push(connection, root, is_undo, target, visit.flatten())
}

/// Builds the undo and redo steps of these writers anew.
pub(crate) fn rebuild_steps_of(connection: &Connection, writers: &BTreeSet<String>) -> Result<()> {
    let joins = joins(connection)?;
    for writer in writers {
        rebuild_steps(connection, joins.root(writer), &joins)?;
    }
    Ok(())
}

/// Takes later decisions of an identity that nobody joined into the steps, as [`UndoStacks::apply`] does.
fn advance_steps(connection: &Connection, root: &str, later: &[&Decision]) -> Result<()> {
    for decision in later {
        match &decision.act {
            Act::Respond(_) => {
                steps::push(connection, root, false, &decision.id, None)?;
                steps::forget_undone(connection, root)?;
            }
            Act::Undo { target } => move_step(connection, root, target, true)?,
            Act::Redo { target } => move_step(connection, root, target, false)?,
            _ => {}
        }
    }
    Ok(())
}

/// Clock and id of a writer's last decision: the end of the canonical order of one name's decisions.
fn last_of(connection: &Connection, writer: &str) -> Result<Option<(i64, u32, String)>> {
    last_before(connection, writer, CLOCK_END_MS)
}

fn last_before(
    connection: &Connection,
    writer: &str,
    end_ms: u64,
) -> Result<Option<(i64, u32, String)>> {
    Ok(connection
        .prepare_cached(
            "SELECT ms, n, id FROM decisions WHERE writer = ?1 AND ms < ?2
             ORDER BY ms DESC, n DESC, id DESC LIMIT 1",
        )?
        .query_row(params![writer, int(end_ms)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?)
}

fn all_writers(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT writer FROM decisions")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// What came of a decision that was to be stored.
enum Appended {
    /// It was not there.
    New,
    /// It was there.
    Known,
    /// It was known from a file, and now from elsewhere too.
    Confirmed,
    /// It took the place of another content under the same key, which was about this record.
    Instead { record: Option<String> },
}

/// Stores a decision. Of two contents under one key one that may be published stays before one of a file, which nobody
/// else has; else the one with the smaller hash.
fn append(
    connection: &Connection,
    line: &Line<Decision>,
    origin: Origin,
    part: Option<i64>,
    visit: Option<i64>,
) -> Result<Appended> {
    let decision = &line.value;
    let hash = line.content_hash();
    let known: Option<(u64, String, Option<String>, i64)> = connection
        .prepare_cached(
            "SELECT seq, hash, record, origin FROM decisions WHERE writer = ?1 AND id = ?2",
        )?
        .query_row([&decision.writer, &decision.id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((seq, known_hash, record, known_origin)) = known else {
        connection
            .prepare_cached(
                "INSERT INTO decisions (writer, id, record, text, ms, n, hash, origin, part, visit, json, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                decision.writer,
                decision.id,
                decision.record(),
                decision.text,
                int(decision.clock.ms),
                decision.clock.n,
                hash,
                origin.number(),
                part,
                visit,
                to_json(decision)?,
                line.raw,
            ])?;
        if part.is_none() && origin == Origin::Here && decision.record().is_some() {
            counts::add(connection, counts::UNSAVED, counts::DECISIONS, 1)?;
        }
        return Ok(Appended::New);
    };
    let known_origin = Origin::of(known_origin);
    if hash == known_hash {
        let is_confirmed = known_origin == Origin::File && origin != Origin::File;
        if part.is_some() || is_confirmed {
            connection
                .prepare_cached(
                    "UPDATE decisions SET part = coalesce(part, ?2), origin = ?3 WHERE seq = ?1",
                )?
                .execute(params![
                    seq,
                    part,
                    if is_confirmed { origin } else { known_origin }.number()
                ])?;
        }
        if !is_confirmed {
            return Ok(Appended::Known);
        }
        if origin == Origin::Here {
            counts::recount_unsaved(connection)?;
        }
        return Ok(Appended::Confirmed);
    }
    if (origin == Origin::File, &hash) > (known_origin == Origin::File, &known_hash) {
        return Ok(Appended::Known);
    }
    // Where the other content stands says nothing of this one.
    connection
        .prepare_cached(
            "UPDATE decisions SET record = ?2, text = ?3, ms = ?4, n = ?5, hash = ?6, json = ?7, raw = ?8,
             origin = ?9, part = ?10, visit = ?11 WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            decision.record(),
            decision.text,
            int(decision.clock.ms),
            decision.clock.n,
            hash,
            to_json(decision)?,
            line.raw,
            origin.number(),
            part,
            visit,
        ])?;
    counts::recount_unsaved(connection)?;
    Ok(Appended::Instead { record })
}

/// Whether a record is the one that decisions without a text are about, as far as that was asked.
#[derive(Default)]
struct KeepsId {
    of_files: Option<bool>,
    of_others: Option<bool>,
}

impl KeepsId {
    fn of(&mut self, connection: &Connection, stored: &Stored, origin: Origin) -> Result<bool> {
        let known = match origin {
            Origin::File => &mut self.of_files,
            Origin::Here | Origin::Hub => &mut self.of_others,
        };
        if let Some(known) = *known {
            return Ok(known);
        }
        let has_others = match origin {
            Origin::File => records::is_contested,
            Origin::Here | Origin::Hub => records::is_ambiguous,
        };
        let keeps = stored.record.id == stored.own_id
            || (stored.keeps_id() && !has_others(connection, &stored.claimed)?);
        Ok(*known.insert(keeps))
    }
}

/// The decisions that count for a record, with where they are known from.
fn of_record(connection: &Connection, stored: &Stored) -> Result<Vec<(Decision, Origin)>> {
    let mut statement =
        connection.prepare_cached("SELECT json, origin FROM decisions WHERE record = ?1")?;
    let mut rows = Vec::new();
    let mut read = |id: &str| -> Result<()> {
        let found = statement.query_map([id], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        for row in found {
            rows.push(row?);
        }
        Ok(())
    };
    // One look-up nearly always: a temporary table of these ids would cost more than all else here.
    read(&stored.claimed)?;
    if stored.own_id != stored.claimed {
        read(&stored.own_id)?;
    }
    let mut aliases = connection
        .prepare_cached("SELECT claimed FROM aliases WHERE seq = ?1 AND claimed <> ?2")?;
    let aliases = aliases.query_map(params![stored.seq, stored.claimed], |row| {
        row.get::<_, String>(0)
    })?;
    for id in aliases {
        read(&id?)?;
    }
    let mut keeps = KeepsId::default();
    let mut list = Vec::new();
    for (json, origin) in rows {
        let decision: Decision = from_json(&json, "decision")?;
        // One of format 1 names no text: it is about the one that keeps the id, if that can be told.
        let keeps_id =
            decision.text.is_none() && keeps.of(connection, stored, Origin::of(origin))?;
        let is_about_it = decision.text.is_some() || decision.record() == Some(&stored.record.id);
        if is_about_it && decision.counts_for(&stored.text, keeps_id) {
            list.push((decision, Origin::of(origin)));
        }
    }
    Ok(list)
}

/// The active responses without what only files say; `None` if none of it is from a file.
fn without_files(
    log: &[(Decision, Origin)],
    joins: &Joins,
) -> Option<BTreeMap<String, (Clock, Response)>> {
    if log.iter().all(|(_, origin)| *origin != Origin::File) {
        return None;
    }
    let known = log.iter().filter(|(_, origin)| *origin != Origin::File);
    Some(fold(known.map(|(decision, _)| decision), joins))
}

/// Responses to a record.
pub(crate) struct Responses {
    pub(crate) mine: Option<Response>,
    pub(crate) others: Vec<OtherResponse>,
}

/// Everyone's responses to a record, as `writer` sees them.
pub(crate) fn responses(
    connection: &Connection,
    stored: &Stored,
    writer: &str,
) -> Result<Responses> {
    let log = of_record(connection, stored)?;
    let joins = if log.is_empty() {
        Joins::default()
    } else {
        joins(connection)?
    };
    let mut active = fold(log.iter().map(|(decision, _)| decision), &joins);
    let published = without_files(&log, &joins);
    let submitted = active
        .remove(joins.root(writer))
        .map(|(_, response)| response);
    let draft: Option<String> = connection
        .prepare_cached("SELECT json FROM drafts WHERE record_id = ?1 AND reviewer = ?2")?
        .query_row([&stored.record.id, writer], |row| row.get(0))
        .optional()?;
    let mine = match draft {
        Some(json) => Some(from_json::<Response>(&json, "draft")?),
        None => submitted,
    };
    let mut others = Vec::new();
    if !active.is_empty() {
        let names = names(connection)?;
        for (writer, active_response) in active {
            // One that takes the place of what is published counts here alone, too.
            let is_from_file = published
                .as_ref()
                .is_some_and(|published| published.get(&writer) != Some(&active_response));
            let (_, response) = active_response;
            others.push(OtherResponse {
                name: names
                    .get(&writer)
                    .cloned()
                    .unwrap_or_else(|| writer.clone()),
                writer,
                is_from_file,
                response,
            });
        }
    }
    Ok(Responses { mine, others })
}

/// Folds a record's decisions and renews its state and its published row.
pub(crate) fn refold(connection: &Connection, id: &str) -> Result<()> {
    let Some(stored) = Stored::by_id(connection, id)? else {
        return Ok(());
    };
    refold_stored(connection, &stored, None)
}

fn refold_stored(connection: &Connection, stored: &Stored, known: Option<&Joins>) -> Result<()> {
    let log = of_record(connection, stored)?;
    if log.is_empty() && stored.state == RecordState::Pending {
        // The state of every new record.
        return Ok(());
    }
    let joins = match known {
        Some(joins) => joins.clone(),
        None if log.is_empty() => Joins::default(),
        None => joins(connection)?,
    };
    let record = &stored.record;
    let fields = &record.fields;
    let (state, mut accepted) = outcome(
        fields,
        &fold(log.iter().map(|(decision, _)| decision), &joins),
    );
    if let Some(published) = without_files(&log, &joins) {
        // What is published stands on decisions that are published too.
        accepted = outcome(fields, &published).1;
    }
    let before = stored.state;
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
            .execute(params![stored.seq, state.as_str()])?;
    }
    match accepted {
        Some(accepted) => {
            let row = TableRow::new(record, &accepted);
            connection
                .prepare_cached("INSERT OR REPLACE INTO accepted VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    stored.seq,
                    row.id,
                    row.content_hash(),
                    to_json(&row)?
                ])?;
        }
        None => {
            connection
                .prepare_cached("DELETE FROM accepted WHERE seq = ?1")?
                .execute([stored.seq])?;
        }
    }
    Ok(())
}

/// Folds every record that has a decision: the rule of the outcome, or of the row, has changed.
pub(crate) fn refold_all(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare(
        "SELECT id FROM records WHERE state <> 'pending'
         OR claimed IN (SELECT record FROM decisions) OR own_id IN (SELECT record FROM decisions)",
    )?;
    let ids: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for id in ids {
        refold(connection, &id)?;
    }
    Ok(())
}

/// Folds every record that one of these writers decided on.
fn refold_of(connection: &Connection, writers: &BTreeSet<String>) -> Result<()> {
    let mut ids = BTreeSet::new();
    for writer in writers {
        let mut statement = connection.prepare_cached(
            "SELECT DISTINCT record FROM decisions WHERE writer = ?1 AND record IS NOT NULL",
        )?;
        let rows = statement.query_map([writer], |row| row.get::<_, String>(0))?;
        for id in rows {
            ids.insert(id?);
        }
    }
    for id in ids {
        refold_about(connection, &id)?;
    }
    Ok(())
}

/// Folds all records that a decision on `id` can be about.
pub(crate) fn refold_about(connection: &Connection, id: &str) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id FROM records WHERE seq IN ({})",
        records::NAMED
    ))?;
    let ids: Vec<String> = statement
        .query_map([id], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for id in ids {
        refold(connection, &id)?;
    }
    Ok(())
}

/// Folds what decisions that came before their record can be about; nearly always there are none.
pub(crate) fn refold_early(connection: &Connection, id: &str) -> Result<()> {
    let has_any = connection
        .prepare_cached("SELECT 1 FROM decisions WHERE record = ?1 LIMIT 1")?
        .exists([id])?;
    if has_any {
        refold_about(connection, id)?;
    }
    Ok(())
}

/// Decisions made here on a text that lost its id before anybody else could know of them: they name its new id. What a
/// file tells in another person's name stays as that person wrote it.
pub(crate) fn retarget_unsent(
    connection: &Connection,
    from: &str,
    text: &str,
    to: &str,
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, json FROM decisions
         WHERE record = ?1 AND text = ?2 AND origin = 0 AND part IS NULL AND raw IS NULL",
    )?;
    let rows: Vec<(u64, String)> = statement
        .query_map([from, text], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<std::result::Result<_, _>>()?;
    for (seq, json) in rows {
        let decision: Decision = from_json(&json, "decision")?;
        let line = naming(&decision, to);
        connection
            .prepare_cached(
                "UPDATE decisions SET record = ?2, json = ?3, hash = ?4 WHERE seq = ?1",
            )?
            .execute(params![seq, to, line.text(), line.content_hash()])?;
    }
    Ok(())
}

fn naming(decision: &Decision, record: &str) -> Line<Decision> {
    let mut decision = decision.clone();
    decision.on.record = Some(record.to_owned());
    Line::new(decision)
}

/// The id of a text that only this browser has, if it lost the one that a decision names.
fn own_id_of_loser(connection: &Connection, from: &str, text: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached(
            "SELECT own_id FROM records WHERE seq IN (SELECT seq FROM aliases WHERE claimed = ?1)
             AND text_hash = ?2 AND claimed = own_id AND part IS NULL",
        )?
        .query_row([from, text], |row| row.get(0))
        .optional()?)
}

/// A decision of this browser that comes back from a file, as it reads here by now.
fn come_back(connection: &Connection, line: &Line<Decision>) -> Result<Option<Line<Decision>>> {
    let (Some(record), Some(text), None) = (line.value.record(), &line.value.text, &line.raw)
    else {
        return Ok(None);
    };
    let to = own_id_of_loser(connection, record, text)?;
    Ok(to.map(|to| naming(&line.value, &to)))
}

/// The next clock of an act made here: after all that its identity did, under whichever name.
pub(crate) fn tick(connection: &Connection, writer: &str, now_ms: u64) -> Result<Clock> {
    tick_of(connection, &joins(connection)?, writer, now_ms)
}

fn tick_of(connection: &Connection, joins: &Joins, writer: &str, now_ms: u64) -> Result<Clock> {
    // The own one goes on to the end; a line in the writer's name, which others can write too, moves it only so far.
    let mut last = get::<Clock>(connection, keys::CLOCK)?
        .filter(|clock| clock.tick(0).is_credible())
        .unwrap_or_default();
    for member in joins.members(joins.root(writer)) {
        if let Some((ms, n, _)) = last_before(connection, member, CLOCK_ROOM_MS)? {
            let ms = ms.unsigned_abs();
            last = last.max(Clock { ms, n });
        }
    }
    let clock = last.tick(now_ms);
    put(connection, keys::CLOCK, &clock)?;
    Ok(clock)
}

/// Takes back what else this identity is said to have responded to the text of `now`, under clocks that no act can follow:
/// what a person decides counts.
fn outdo(connection: &Connection, joins: &Joins, now: &Decision, now_ms: u64) -> Result<()> {
    let (root, text) = (joins.root(&now.writer), now.text.as_deref());
    let mut later: Vec<Decision> = Vec::new();
    for member in joins.members(root) {
        let mut statement = connection.prepare_cached(
            "SELECT json FROM decisions WHERE writer = ?1 AND (ms, n) > (?2, ?3) AND ms < ?4",
        )?;
        let (end, clock) = (int(CLOCK_END_MS), now.clock);
        let rows = statement.query_map(params![member, int(clock.ms), clock.n, end], |row| {
            row.get::<_, String>(0)
        })?;
        for row in rows {
            later.push(from_json(&row?, "decision")?);
        }
    }
    for other in later {
        let (Act::Respond(_), Some(record)) = (&other.act, other.record()) else {
            continue;
        };
        let is_about_it = (other.text.is_none() || other.text.as_deref() == text)
            && Some(public_id(connection, record, text)?.as_str()) == now.record();
        if is_about_it && steps::take(connection, root, false, &other.id)? {
            let undo = Decision {
                id: content_id(&("outdone", &now.id, &other.id)),
                writer: now.writer.clone(),
                on: other.on.clone(),
                text: other.text.clone(),
                clock: tick_of(connection, joins, &now.writer, now_ms)?,
                batch: None,
                act: Act::Undo { target: other.id },
            };
            append(connection, &Line::new(undo), Origin::Here, None, None)?;
        }
    }
    Ok(())
}

fn visit(connection: &Connection) -> Result<i64> {
    Ok(get(connection, keys::VISIT)?.unwrap_or(0))
}

/// A decision that was stored under this key, with the record it is about.
fn told(connection: &Connection, writer: &str, id: &str) -> Result<Option<Option<String>>> {
    Ok(connection
        .prepare_cached("SELECT record FROM decisions WHERE writer = ?1 AND id = ?2")?
        .query_row([writer, id], |row| row.get(0))
        .optional()?)
}

/// The public id of the record that a decision names, or what it names if the record is not here.
fn public_id(connection: &Connection, record: &str, text: Option<&str>) -> Result<String> {
    // As nearly always.
    let is_it = connection
        .prepare_cached("SELECT 1 FROM records WHERE id = ?1 AND (?2 IS NULL OR text_hash = ?2)")?
        .exists(params![record, text])?;
    if is_it {
        return Ok(record.to_owned());
    }
    let found: Option<String> = connection
        .prepare_cached(&format!(
            "SELECT id FROM records WHERE seq IN ({}) AND (text_hash = ?2 OR (?2 IS NULL AND id = ?1))",
            records::NAMED
        ))?
        .query_row(params![record, text], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_else(|| record.to_owned()))
}

impl Store {
    /// Appends a response to the log, about the record with this text (an empty one means the present text); the draft
    /// is gone. Told twice it is one decision. Returns the id of the record it is about.
    pub fn respond(
        &self,
        record: &str,
        text: &str,
        writer: &str,
        response: &Response,
        decision_id: &str,
        now_ms: u64,
    ) -> Result<String> {
        self.write(|tx| {
            if let Some(Some(record)) = told(tx, writer, decision_id)? {
                return public_id(tx, &record, Some(text).filter(|text| !text.is_empty()));
            }
            let about = Some(text).filter(|text| !text.is_empty());
            let id = public_id(tx, record, about)?;
            let Some(stored) = Stored::by_id(tx, &id)? else {
                return Err(StoreError::Missing("this record".to_owned()));
            };
            tx.prepare_cached("DELETE FROM drafts WHERE record_id = ?1 AND reviewer = ?2")?
                .execute([id.as_str(), writer])?;
            let joins = joins(tx)?;
            let decision = Decision {
                id: decision_id.to_owned(),
                writer: writer.to_owned(),
                on: On::record(&id),
                text: Some(about.unwrap_or(&stored.text).to_owned()),
                clock: tick_of(tx, &joins, writer, now_ms)?,
                batch: None,
                act: Act::Respond(response.clone()),
            };
            let visit = visit(tx)?;
            outdo(tx, &joins, &decision, now_ms)?;
            append(tx, &Line::new(decision), Origin::Here, None, Some(visit))?;
            let root = joins.root(writer);
            steps::push(tx, root, false, decision_id, Some(visit))?;
            steps::forget_undone(tx, root)?;
            refold_stored(tx, &stored, Some(&joins))?;
            Ok(id)
        })
    }

    /// Drafts of an identity that turned out to be `into`: they are there for that one, unless it has typed something on
    /// the same record itself.
    pub fn adopt_drafts(&self, from: &str, into: &str) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("UPDATE OR IGNORE drafts SET reviewer = ?2 WHERE reviewer = ?1")?
                .execute([from, into])?;
            Ok(())
        })
    }

    /// Keeps a draft beside the log, or drops it.
    pub fn save_draft(&self, record: &str, writer: &str, draft: Option<&Response>) -> Result<()> {
        self.write(|tx| {
            match draft {
                Some(draft) if records::exists(tx, record)? => {
                    let draft = Response {
                        status: ResponseStatus::Draft,
                        ..draft.clone()
                    };
                    tx.prepare_cached("INSERT OR REPLACE INTO drafts VALUES (?1, ?2, ?3)")?
                        .execute(params![writer, record, to_json(&draft)?])?;
                }
                Some(_) => return Err(StoreError::Missing("this record".to_owned())),
                None => {
                    tx.prepare_cached("DELETE FROM drafts WHERE record_id = ?1 AND reviewer = ?2")?
                        .execute([record, writer])?;
                }
            }
            Ok(())
        })
    }

    /// Takes back a decision of this identity, its last one without a `target`; says which record it was about. Told
    /// twice it is one act.
    pub fn undo_decision(
        &self,
        writer: &str,
        decision_id: &str,
        target: Option<&str>,
        now_ms: u64,
    ) -> Result<Option<String>> {
        self.step_back_or_on(writer, decision_id, target, now_ms, true)
    }

    /// Puts an undone decision of this identity back, the last one without a `target`; says which record it is about.
    /// Told twice it is one act.
    pub fn redo_decision(
        &self,
        writer: &str,
        decision_id: &str,
        target: Option<&str>,
        now_ms: u64,
    ) -> Result<Option<String>> {
        self.step_back_or_on(writer, decision_id, target, now_ms, false)
    }

    fn step_back_or_on(
        &self,
        writer: &str,
        decision_id: &str,
        target: Option<&str>,
        now_ms: u64,
        is_undo: bool,
    ) -> Result<Option<String>> {
        self.write(|tx| {
            if let Some(record) = told(tx, writer, decision_id)? {
                return record
                    .map(|record| public_id(tx, &record, None))
                    .transpose();
            }
            let joins = joins(tx)?;
            let root = joins.root(writer);
            let target = match target {
                Some(target) => target.to_owned(),
                None => match steps::next(tx, root, !is_undo, visit(tx)?)? {
                    Some(target) => target,
                    None => return Ok(None),
                },
            };
            if !steps::take(tx, root, !is_undo, &target)? {
                return Ok(None);
            }
            let mut found = None;
            for member in joins.members(root) {
                found = tx
                    .prepare_cached(
                        "SELECT json, visit FROM decisions WHERE writer = ?1 AND id = ?2",
                    )?
                    .query_row([member, target.as_str()], |row| {
                        Ok((row.get::<_, String>(0)?, row.get(1)?))
                    })
                    .optional()?;
                if found.is_some() {
                    break;
                }
            }
            let (json, made_in) =
                found.ok_or_else(|| StoreError::Corrupt("undo without its decision".to_owned()))?;
            let of_visit = if is_undo { Some(visit(tx)?) } else { made_in };
            steps::push(tx, root, is_undo, &target, of_visit)?;
            let about: Decision = from_json(&json, "decision")?;
            let decision = Decision {
                id: decision_id.to_owned(),
                writer: writer.to_owned(),
                on: about.on.clone(),
                text: about.text.clone(),
                clock: tick_of(tx, &joins, writer, now_ms)?,
                batch: None,
                act: if is_undo {
                    Act::Undo { target }
                } else {
                    Act::Redo { target }
                },
            };
            append(
                tx,
                &Line::new(decision),
                Origin::Here,
                None,
                Some(visit(tx)?),
            )?;
            let record = about.record().unwrap_or_default();
            refold_about(tx, record)?;
            public_id(tx, record, about.text.as_deref()).map(Some)
        })
    }

    /// Appends an act on identities: a name, a join, an adoption.
    pub fn identity_act(&self, writer: &str, act: Act, id: &str, now_ms: u64) -> Result<()> {
        self.write(|tx| {
            let decision = Decision {
                id: id.to_owned(),
                writer: writer.to_owned(),
                on: On::default(),
                text: None,
                clock: tick(tx, writer, now_ms)?,
                batch: None,
                act,
            };
            merge(tx, &[Line::new(decision)], Origin::Here, None)?;
            Ok(())
        })
    }

    /// The name that a writer gave itself in this project.
    pub fn name_of(&self, writer: &str) -> Result<Option<String>> {
        Ok(names(&self.connection)?.remove(writer))
    }

    /// The identity that goes on for `writer`: itself, unless it has joined another.
    pub fn root_of(&self, writer: &str) -> Result<String> {
        Ok(joins(&self.connection)?.root(writer).to_owned())
    }

    /// Takes others' decisions in by union. Those about records that are not here yet count when the record comes.
    /// `part` is the part of the Hub they stand in. Returns how many were new.
    pub fn merge_decisions(
        &self,
        lines: &[Line<Decision>],
        origin: Origin,
        part: Option<i64>,
    ) -> Result<u32> {
        self.write(|tx| merge(tx, lines, origin, part))
    }

    /// Tells the store which identities are this browser's: what a file told in their names is theirs.
    pub fn set_own_writers(&self, writers: &[String]) -> Result<()> {
        if get::<Vec<String>>(&self.connection, keys::OWN_WRITERS)?.as_deref() == Some(writers) {
            return Ok(());
        }
        self.write(|tx| {
            let mut changed = BTreeSet::new();
            for writer in writers {
                let mut told = tx.prepare_cached(
                    "SELECT DISTINCT record, text FROM decisions WHERE writer = ?1 AND origin = 2
                     AND record IN (SELECT claimed FROM aliases) AND text IS NOT NULL",
                )?;
                let told: Vec<(String, String)> = told
                    .query_map([writer], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<std::result::Result<_, _>>()?;
                let moved = tx
                    .prepare_cached(
                        "UPDATE decisions SET origin = 0 WHERE writer = ?1 AND origin = 2",
                    )?
                    .execute([writer])?;
                if moved > 0 {
                    changed.insert(writer.clone());
                }
                for (record, text) in told {
                    if let Some(to) = own_id_of_loser(tx, &record, &text)? {
                        retarget_unsent(tx, &record, &text, &to)?;
                    }
                }
            }
            refold_of(tx, &changed)?;
            counts::recount_unsaved(tx)?;
            put(tx, keys::OWN_WRITERS, &writers)
        })
    }

    /// Writers whose decisions are known from a file or an older build only, and guests of an older build who decided
    /// here and are none of this browser's identities, with how many.
    pub fn unclaimed_writers(&self) -> Result<Vec<(String, u32)>> {
        let own: Vec<String> = get(&self.connection, keys::OWN_WRITERS)?.unwrap_or_default();
        let mut statement = self.connection.prepare_cached(
            "SELECT writer, count(*) FROM decisions WHERE origin <> 1 GROUP BY writer ORDER BY writer",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut writers: Vec<(String, u32)> = rows.collect::<std::result::Result<_, _>>()?;
        writers.retain(|(writer, _)| !own.contains(writer));
        Ok(writers)
    }

    /// Whether this writer has decided anything in this project.
    pub fn has_decisions(&self, writer: &str) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM decisions WHERE writer = ?1 AND record IS NOT NULL LIMIT 1",
            )?
            .exists([writer])?)
    }

    /// Decisions as lines in the order in which they came, behind `seq`.
    pub fn decisions_after(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Line<Decision>)>> {
        self.decision_lines("seq > ?1", seq, limit)
    }

    /// Decisions that stand in no part of the Hub and may be published in their writer's name, behind `seq`.
    pub fn unsent_decisions(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Line<Decision>)>> {
        self.decision_lines("part IS NULL AND origin <> 2 AND seq > ?1", seq, limit)
    }

    fn decision_lines(
        &self,
        condition: &str,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Line<Decision>)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT seq, json, raw FROM decisions WHERE {condition} ORDER BY seq LIMIT ?2"
        ))?;
        let mut rows = statement.query(params![int(seq), limit])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let json: String = row.get(1)?;
            let line = Line {
                value: from_json(&json, "decision")?,
                raw: row.get(2)?,
            };
            list.push((row.get(0)?, line));
        }
        Ok(list)
    }

    /// How many decisions stand in no part of the Hub and may be published.
    pub fn unsent_decision_count(&self) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached("SELECT count(*) FROM decisions WHERE part IS NULL AND origin <> 2")?
            .query_row([], |row| row.get(0))?)
    }

    /// How many of them are about a record, as a person counts what they did.
    pub fn unsent_record_decision_count(&self) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM decisions WHERE part IS NULL AND origin <> 2 AND record IS NOT NULL",
            )?
            .query_row([], |row| row.get(0))?)
    }

    /// Everyone who decided, by name.
    pub fn reviewers(&self) -> Result<Vec<String>> {
        let joins = joins(&self.connection)?;
        let names = names(&self.connection)?;
        let mut roots = BTreeSet::new();
        for writer in all_writers(&self.connection)? {
            if self.has_decisions(&writer)? {
                roots.insert(joins.root(&writer).to_owned());
            }
        }
        Ok(roots
            .into_iter()
            .map(|root| names.get(&root).cloned().unwrap_or(root))
            .collect())
    }

    /// Whether any decision counts for the record with this id, and this build knows what it says: only then has a person
    /// said something about it that can take its row out of the table.
    pub fn has_decisions_about(&self, id: &str) -> Result<bool> {
        let Some(stored) = Stored::by_id(&self.connection, id)? else {
            return Ok(false);
        };
        Ok(of_record(&self.connection, &stored)?
            .iter()
            .any(|(decision, _)| is_known_to_count(&decision.act)))
    }

    /// Whether somebody said something about this id of which can't be told which of several texts on the Hub she meant:
    /// then what is published under the id may be another text than the one that is known by it here.
    pub fn has_decisions_on_unknown_text(&self, id: &str) -> Result<bool> {
        let Some(stored) = Stored::by_id(&self.connection, id)? else {
            return Ok(false);
        };
        if stored.record.id == stored.own_id
            || !records::is_ambiguous(&self.connection, &stored.claimed)?
        {
            return Ok(false);
        }
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM decisions WHERE record = ?1 AND text IS NULL")?
            .exists([id])?)
    }
}

/// Whether an act says something about a record that this build takes into account.
fn is_known_to_count(act: &Act) -> bool {
    match act {
        Act::Respond(response) => response.status != ResponseStatus::Unknown,
        Act::Undo { .. } | Act::Redo { .. } => true,
        _ => false,
    }
}

fn merge(
    tx: &Connection,
    lines: &[Line<Decision>],
    origin: Origin,
    part: Option<i64>,
) -> Result<u32> {
    let own: Vec<String> = get(tx, keys::OWN_WRITERS)?.unwrap_or_default();
    let mut touched = BTreeSet::new();
    let mut writers: BTreeMap<&str, (Option<_>, Vec<&Decision>)> = BTreeMap::new();
    let mut is_replaced = BTreeSet::new();
    // Writers whose joins are not what they were, besides those that the log names now.
    let mut changed_joins: Option<BTreeSet<String>> = None;
    let mut added = 0;
    for line in lines {
        let decision = &line.value;
        let writer = decision.writer.as_str();
        if !writers.contains_key(writer) {
            writers.insert(writer, (last_of(tx, writer)?, Vec::new()));
        }
        let is_own = origin == Origin::File && own.contains(&decision.writer);
        let (origin, own_line) = if is_own {
            (Origin::Here, come_back(tx, line)?)
        } else {
            (origin, None)
        };
        let line = own_line.as_ref().unwrap_or(line);
        match append(tx, line, origin, part, None)? {
            Appended::New => {
                added += 1;
                if let Some((_, new)) = writers.get_mut(writer) {
                    new.push(decision);
                }
            }
            Appended::Instead { record } => {
                is_replaced.insert(writer);
                if record.is_none() {
                    // Perhaps a join: whom it named is not known any more.
                    changed_joins
                        .get_or_insert_default()
                        .extend(all_writers(tx)?);
                }
                touched.extend(record);
            }
            Appended::Confirmed => {}
            Appended::Known => continue,
        }
        touched.extend(decision.on.record.clone());
        if matches!(decision.act, Act::Join { .. } | Act::Adopt { .. }) {
            changed_joins.get_or_insert_default();
        }
    }
    for record in &touched {
        refold_about(tx, record)?;
    }
    let joins = joins(tx)?;
    // Identities whose steps are not what they were with the new ones behind them.
    let mut rebuilt: BTreeSet<&str> = BTreeSet::new();
    let concerned: BTreeSet<String> = match changed_joins {
        Some(mut concerned) => {
            for act in identity_acts(tx)? {
                match act.act {
                    Act::Join { into: other } | Act::Adopt { from: other } => {
                        concerned.extend([act.writer, other]);
                    }
                    _ => {}
                }
            }
            refold_of(tx, &concerned)?;
            concerned
        }
        None => BTreeSet::new(),
    };
    rebuilt.extend(concerned.iter().map(|writer| joins.root(writer)));
    for (writer, (last, new)) in &mut writers {
        let place = |event: &Decision| (int(event.clock.ms), event.clock.n, event.id.clone());
        new.retain(|event| event.clock.is_credible());
        new.sort_by_cached_key(|event| place(event));
        let root = joins.root(writer);
        // As nearly always: what is new comes after what was known.
        let is_later = new
            .first()
            .is_none_or(|first| last.as_ref().is_some_and(|last| *last < place(first)));
        let is_alone = new.is_empty() || joins.members(root).len() == 1;
        if !is_later || !is_alone || is_replaced.contains(writer) {
            rebuilt.insert(root);
        }
    }
    for root in &rebuilt {
        rebuild_steps(tx, root, &joins)?;
    }
    for (writer, (_, new)) in &writers {
        if !rebuilt.contains(joins.root(writer)) {
            advance_steps(tx, writer, new)?;
        }
    }
    Ok(added)
}
