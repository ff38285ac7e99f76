//! The log of instructions: acts are appended and merged by union, and the instruction beside them is their fold.

use crate::decisions::{Origin, tick};
use crate::error::{Result, StoreError};
use crate::{MergeCount, Store, from_json, int, prompts, records, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::instruction::{Change, InstructionAct, fold, present};
use seedbed_core::line::Line;
use seedbed_core::prompt::{Prompt, PromptState};
use std::collections::BTreeSet;

fn missing() -> StoreError {
    StoreError::Missing("this instruction".to_owned())
}

fn acts_on(connection: &Connection, instruction: &str) -> Result<Vec<InstructionAct>> {
    let mut statement =
        connection.prepare_cached("SELECT json FROM instruction_acts WHERE instruction = ?1")?;
    let rows = statement.query_map([instruction], |row| row.get::<_, String>(0))?;
    rows.map(|json| from_json(&json?, "instruction")).collect()
}

/// Stores an act; of two contents under one key the one with the smaller hash stays. Returns the instructions that it
/// changes.
fn append(
    connection: &Connection,
    line: &Line<InstructionAct>,
    origin: Origin,
    part: Option<i64>,
) -> Result<Vec<String>> {
    let act = &line.value;
    let hash = line.content_hash();
    let known: Option<(u64, String, String)> = connection
        .prepare_cached(
            "SELECT seq, hash, instruction FROM instruction_acts WHERE writer = ?1 AND id = ?2",
        )?
        .query_row([&act.writer, &act.id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((seq, known_hash, before)) = known else {
        connection
            .prepare_cached(
                "INSERT INTO instruction_acts (writer, id, instruction, hash, origin, part, json, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                act.writer,
                act.id,
                act.on,
                hash,
                origin.number(),
                part,
                to_json(act)?,
                line.raw,
            ])?;
        return Ok(vec![act.on.clone()]);
    };
    if hash == known_hash && part.is_some() {
        connection
            .prepare_cached("UPDATE instruction_acts SET part = coalesce(part, ?2) WHERE seq = ?1")?
            .execute(params![seq, part])?;
    }
    if hash >= known_hash {
        return Ok(Vec::new());
    }
    // Where the other content stands says nothing of this one.
    connection
        .prepare_cached(
            "UPDATE instruction_acts SET instruction = ?2, hash = ?3, json = ?4, raw = ?5, origin = ?6, part = ?7
             WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            act.on,
            hash,
            to_json(act)?,
            line.raw,
            origin.number(),
            part
        ])?;
    Ok(vec![before, act.on.clone()])
}

/// Renews the instruction from its acts.
fn refold(connection: &Connection, id: &str, count: &mut MergeCount) -> Result<()> {
    let before = prompts::read(connection, id)?;
    let Some(prompt) = fold(&acts_on(connection, id)?) else {
        // The act that added it turned out to be about another one.
        if before.is_some() {
            count.changed += 1;
            prompts::remove(connection, id)?;
        }
        return Ok(());
    };
    match &before {
        None => count.added += 1,
        Some(before) if *before != prompt => count.changed += 1,
        Some(_) => return Ok(()),
    }
    prompts::write(connection, &prompt)?;
    if before.is_none_or(|before| before.text != prompt.text) {
        records::mark_outdated(connection, id, Some(&prompt.text))?;
    }
    Ok(())
}

/// Renews an instruction whose acts were read anew.
pub(crate) fn refold_one(connection: &Connection, id: &str) -> Result<()> {
    refold(connection, id, &mut MergeCount::default())
}

fn merge(
    connection: &Connection,
    lines: &[Line<InstructionAct>],
    origin: Origin,
    part: Option<i64>,
) -> Result<MergeCount> {
    let mut touched = BTreeSet::new();
    for line in lines {
        touched.extend(append(connection, line, origin, part)?);
    }
    let mut count = MergeCount::default();
    for id in touched {
        refold(connection, &id, &mut count)?;
    }
    Ok(count)
}

impl Store {
    /// Takes acts on instructions in by union; `part` is the part of the Hub they stand in.
    pub fn merge_instructions(
        &self,
        lines: &[Line<InstructionAct>],
        origin: Origin,
        part: Option<i64>,
    ) -> Result<MergeCount> {
        self.write(|tx| merge(tx, lines, origin, part))
    }

    /// Adds instructions that are not there yet. `new_id` gives a random id to each act.
    pub fn add_prompts(
        &self,
        prompts: &[Prompt],
        writer: &str,
        new_id: &dyn Fn() -> String,
        now_ms: u64,
    ) -> Result<MergeCount> {
        self.write(|tx| {
            let mut lines = Vec::new();
            for prompt in prompts {
                if prompts::read(tx, &prompt.id)?.is_none() {
                    lines.push(Line::new(InstructionAct {
                        id: new_id(),
                        writer: writer.to_owned(),
                        on: prompt.id.clone(),
                        clock: tick(tx, writer, now_ms)?,
                        saw: Vec::new(),
                        change: Change::Add {
                            cell: prompt.cell.clone(),
                            to: prompt.text.clone(),
                            state: prompt.state,
                            origin: prompt.origin.clone(),
                            seed_hash: prompt.seed_hash.clone(),
                            created_ms: prompt.created_ms,
                        },
                    }));
                }
            }
            merge(tx, &lines, Origin::Here, None)
        })
    }

    /// Changes the text; the first text is remembered, the id stays.
    pub fn edit_prompt(
        &self,
        id: &str,
        text: &str,
        writer: &str,
        act_id: &str,
        now_ms: u64,
    ) -> Result<Prompt> {
        self.write(|tx| {
            let prompt = prompts::read(tx, id)?.ok_or_else(missing)?;
            if prompt.text == text {
                return Ok(prompt);
            }
            let (saw, _) = present(&acts_on(tx, id)?);
            let act = InstructionAct {
                id: act_id.to_owned(),
                writer: writer.to_owned(),
                on: id.to_owned(),
                clock: tick(tx, writer, now_ms)?,
                saw,
                change: Change::Edit {
                    to: text.to_owned(),
                },
            };
            merge(tx, &[Line::new(act)], Origin::Here, None)?;
            prompts::read(tx, id)?.ok_or_else(missing)
        })
    }

    /// Keeps, strikes or puts back. `new_id` gives a random id to each act.
    pub fn set_prompt_state(
        &self,
        ids: &[String],
        state: PromptState,
        writer: &str,
        new_id: &dyn Fn() -> String,
        now_ms: u64,
    ) -> Result<()> {
        self.write(|tx| {
            let mut lines = Vec::new();
            for id in ids {
                let prompt = prompts::read(tx, id)?.ok_or_else(missing)?;
                if prompt.state != state {
                    let (_, saw) = present(&acts_on(tx, id)?);
                    lines.push(Line::new(InstructionAct {
                        id: new_id(),
                        writer: writer.to_owned(),
                        on: id.clone(),
                        clock: tick(tx, writer, now_ms)?,
                        saw,
                        change: Change::State { state },
                    }));
                }
            }
            merge(tx, &lines, Origin::Here, None)?;
            Ok(())
        })
    }

    /// Acts on instructions as lines in the order in which they came, behind `seq`.
    pub fn instruction_acts_after(
        &self,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Line<InstructionAct>)>> {
        self.act_lines("seq > ?1", seq, limit)
    }

    /// Acts on instructions that stand in no part of the Hub, behind `seq`.
    pub fn unsent_instruction_acts(
        &self,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Line<InstructionAct>)>> {
        self.act_lines("part IS NULL AND seq > ?1", seq, limit)
    }

    /// How many acts on instructions stand in no part of the Hub.
    pub fn unsent_instruction_act_count(&self) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached("SELECT count(*) FROM instruction_acts WHERE part IS NULL")?
            .query_row([], |row| row.get(0))?)
    }

    fn act_lines(
        &self,
        condition: &str,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Line<InstructionAct>)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT seq, json, raw FROM instruction_acts WHERE {condition} ORDER BY seq LIMIT ?2"
        ))?;
        let mut rows = statement.query(params![int(seq), limit])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let json: String = row.get(1)?;
            let line = Line {
                value: from_json(&json, "instruction")?,
                raw: row.get(2)?,
            };
            list.push((row.get(0)?, line));
        }
        Ok(list)
    }
}

/// The present instruction of a database of format 1 as an act.
pub(crate) fn convert(connection: &Connection, prompt: Prompt) -> Result<()> {
    let line = Line::new(InstructionAct::was(prompt));
    append(connection, &line, Origin::Here, None)?;
    Ok(())
}
