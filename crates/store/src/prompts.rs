//! Instructions and their counts per cell.

use crate::error::{Result, StoreError};
use crate::{MergeCount, Store, from_json, search, to_json};
use rusqlite::{Connection, OptionalExtension as _, params};
use seedbed_core::messages::{CellCount, PromptFilter, PromptPage, PromptView};
use seedbed_core::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use std::collections::{BTreeMap, HashMap};

fn parent_of(prompt: &Prompt) -> Option<&str> {
    match &prompt.origin {
        PromptOrigin::Evolved { parent, .. } => Some(parent),
        _ => None,
    }
}

fn read(connection: &Connection, id: &str) -> Result<Option<Prompt>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT json FROM prompts WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    json.map(|json| from_json(&json, "instruction")).transpose()
}

fn write(connection: &Connection, prompt: &Prompt) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO prompts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, text = excluded.text, json = excluded.json",
        )?
        .execute(params![
            prompt.id,
            prompt.cell.topic,
            prompt.cell.perspective,
            prompt.state.as_str(),
            parent_of(prompt),
            prompt.created_ms,
            prompt.text,
            to_json(prompt)?,
        ])?;
    Ok(())
}

fn missing() -> StoreError {
    StoreError::Missing("this instruction".to_owned())
}

impl Store {
    /// Takes instructions in by [`Prompt::merge`].
    pub fn merge_prompts(&self, prompts: &[Prompt]) -> Result<MergeCount> {
        self.write(|tx| {
            let mut count = MergeCount::default();
            for prompt in prompts {
                match read(tx, &prompt.id)? {
                    None => {
                        write(tx, prompt)?;
                        count.added += 1;
                    }
                    Some(known) => {
                        let merged = known.clone().merge(prompt.clone());
                        if merged != known {
                            write(tx, &merged)?;
                            count.changed += 1;
                        }
                    }
                }
            }
            Ok(count)
        })
    }

    /// The instruction with this id.
    pub fn prompt(&self, id: &str) -> Result<Option<Prompt>> {
        read(&self.connection, id)
    }

    /// Changes the text; the first text is remembered, the id stays.
    pub fn edit_prompt(&self, id: &str, text: &str, now_ms: u64) -> Result<Prompt> {
        self.write(|tx| {
            let mut prompt = read(tx, id)?.ok_or_else(missing)?;
            if prompt.text != text {
                let before = std::mem::replace(&mut prompt.text, text.to_owned());
                let original = prompt.original_text.take().unwrap_or(before);
                prompt.original_text = (original != prompt.text).then_some(original);
                prompt.updated_ms = now_ms.max(prompt.updated_ms + 1);
                write(tx, &prompt)?;
            }
            Ok(prompt)
        })
    }

    /// Keeps, strikes or puts back.
    pub fn set_prompt_state(&self, ids: &[String], state: PromptState, now_ms: u64) -> Result<()> {
        self.write(|tx| {
            for id in ids {
                let mut prompt = read(tx, id)?.ok_or_else(missing)?;
                if prompt.state != state {
                    prompt.state = state;
                    prompt.updated_ms = now_ms.max(prompt.updated_ms + 1);
                    write(tx, &prompt)?;
                }
            }
            Ok(())
        })
    }

    /// All instructions: cells in seed order, then those no longer in the seed; by age; children after their parent.
    pub fn prompts(&self) -> Result<Vec<Prompt>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT json FROM prompts ORDER BY created_ms, id")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut prompts = Vec::new();
        for json in rows {
            prompts.push(from_json::<Prompt>(&json?, "instruction")?);
        }
        let order: HashMap<Cell, usize> = self
            .seed()?
            .cells()
            .into_iter()
            .enumerate()
            .map(|(at, cell)| (cell, at))
            .collect();
        Ok(arrange(prompts, &order))
    }

    /// A window of the instructions that match, and the counts of every cell.
    pub fn prompt_page(
        &self,
        filter: &PromptFilter,
        offset: u32,
        limit: u32,
    ) -> Result<PromptPage> {
        let prompts = self.prompts()?;
        let words = search::words(&filter.search);
        let texts: HashMap<&str, &str> = prompts
            .iter()
            .map(|prompt| (prompt.id.as_str(), prompt.text.as_str()))
            .collect();
        let matching: Vec<&Prompt> = prompts
            .iter()
            .filter(|prompt| filter.cell.as_ref().is_none_or(|cell| *cell == prompt.cell))
            .filter(|prompt| filter.state.is_none_or(|state| state == prompt.state))
            .filter(|prompt| {
                let text = prompt.text.to_lowercase();
                words.iter().all(|word| text.contains(word.as_str()))
            })
            .collect();
        let mut views = Vec::new();
        for prompt in matching.iter().skip(offset as usize).take(limit as usize) {
            let records = self
                .connection
                .prepare_cached("SELECT count(*) FROM records WHERE prompt_id = ?1")?
                .query_row([&prompt.id], |row| row.get(0))?;
            views.push(PromptView {
                prompt: (*prompt).clone(),
                parent_text: parent_of(prompt)
                    .and_then(|parent| texts.get(parent))
                    .map(|text| (*text).to_owned()),
                records,
            });
        }
        Ok(PromptPage {
            total: matching.len() as u32,
            prompts: views,
            cells: self.cell_counts(&prompts)?,
        })
    }

    fn cell_counts(&self, prompts: &[Prompt]) -> Result<Vec<CellCount>> {
        let mut others: BTreeMap<Cell, CellCount> = BTreeMap::new();
        let blank = |cell: Cell| CellCount {
            cell,
            ..CellCount::default()
        };
        let grid = self.seed()?.cells();
        for cell in &grid {
            others.insert(cell.clone(), blank(cell.clone()));
        }
        for prompt in prompts {
            let count = others
                .entry(prompt.cell.clone())
                .or_insert_with(|| blank(prompt.cell.clone()));
            match prompt.state {
                PromptState::Proposed => count.proposed += 1,
                PromptState::Kept => count.kept += 1,
                PromptState::Struck => count.struck += 1,
            }
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT topic, perspective, count(*), sum(state = 'accepted') FROM records GROUP BY topic, perspective",
        )?;
        let rows = statement.query_map([], |row| {
            let cell = Cell {
                topic: row.get(0)?,
                perspective: row.get(1)?,
            };
            Ok((cell, row.get::<_, u32>(2)?, row.get::<_, u32>(3)?))
        })?;
        for row in rows {
            let (cell, records, accepted) = row?;
            let count = others.entry(cell.clone()).or_insert_with(|| blank(cell));
            (count.records, count.accepted) = (records, accepted);
        }
        let mut counts: Vec<CellCount> =
            grid.iter().filter_map(|cell| others.remove(cell)).collect();
        counts.extend(others.into_values());
        Ok(counts)
    }
}

/// Sorts prompts, which come by age, by cell, and puts children behind their parent.
fn arrange(prompts: Vec<Prompt>, order: &HashMap<Cell, usize>) -> Vec<Prompt> {
    let place = |prompt: &Prompt| {
        let at = order.get(&prompt.cell).copied().unwrap_or(usize::MAX);
        (
            at,
            if at == usize::MAX {
                Some(prompt.cell.clone())
            } else {
                None
            },
        )
    };
    let cells: HashMap<String, Cell> = prompts
        .iter()
        .map(|prompt| (prompt.id.clone(), prompt.cell.clone()))
        .collect();
    let mut children: HashMap<String, Vec<Prompt>> = HashMap::new();
    let mut roots = Vec::new();
    for prompt in prompts {
        // A parent of another cell, or none: it stands by itself.
        match parent_of(&prompt)
            .filter(|parent| **parent != *prompt.id && cells.get(*parent) == Some(&prompt.cell))
        {
            Some(parent) => children.entry(parent.to_owned()).or_default().push(prompt),
            None => roots.push(prompt),
        }
    }
    roots.sort_by_key(place);
    let mut sorted = Vec::new();
    let mut stack: Vec<Prompt> = roots.into_iter().rev().collect();
    while let Some(prompt) = stack.pop() {
        if let Some(list) = children.remove(&prompt.id) {
            stack.extend(list.into_iter().rev());
        }
        sorted.push(prompt);
    }
    // Parents that name each other in a ring: hostile, but nothing may vanish.
    let mut rest: Vec<Prompt> = children.into_values().flatten().collect();
    rest.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
    sorted.extend(rest);
    sorted
}
