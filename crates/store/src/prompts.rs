//! Instructions and their counts per cell.

use crate::error::Result;
use crate::{Store, counts, from_json, int, records, search, to_json};
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

pub(crate) fn read(connection: &Connection, id: &str) -> Result<Option<Prompt>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT json FROM prompts WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    json.map(|json| from_json(&json, "instruction")).transpose()
}

pub(crate) fn write(connection: &Connection, prompt: &Prompt) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO prompts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET topic = excluded.topic, perspective = excluded.perspective,
             state = excluded.state, parent = excluded.parent, created_ms = excluded.created_ms,
             text = excluded.text, json = excluded.json",
        )?
        .execute(params![
            prompt.id,
            prompt.cell.topic,
            prompt.cell.perspective,
            prompt.state.as_str(),
            parent_of(prompt),
            int(prompt.created_ms),
            prompt.text,
            to_json(prompt)?,
        ])?;
    Ok(())
}

/// Nobody added it after all. Its answers stand on nothing that could have changed.
pub(crate) fn remove(connection: &Connection, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM prompts WHERE id = ?1")?
        .execute([id])?;
    records::mark_outdated(connection, id, None)
}

impl Store {
    /// The instruction with this id.
    pub fn prompt(&self, id: &str) -> Result<Option<Prompt>> {
        read(&self.connection, id)
    }

    /// All instructions: cells in seed order, then those no longer in the seed; by age; children after their parent.
    pub fn prompts(&self) -> Result<Vec<Prompt>> {
        let mut statement = self.connection.prepare_cached("SELECT json FROM prompts")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut prompts = HashMap::new();
        for json in rows {
            let prompt: Prompt = from_json(&json?, "instruction")?;
            prompts.insert(prompt.id.clone(), prompt);
        }
        let lines = self.lines(None)?;
        Ok(lines
            .iter()
            .filter_map(|line| prompts.remove(&line.id))
            .collect())
    }

    /// The page's order of all instructions, or of one cell's.
    fn lines(&self, cell: Option<&Cell>) -> Result<Vec<Line>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, topic, perspective, state, parent, text FROM prompts
             WHERE ?1 IS NULL OR (topic = ?1 AND perspective = ?2) ORDER BY created_ms, id",
        )?;
        let (topic, perspective) = cell.map(|cell| (&cell.topic, &cell.perspective)).unzip();
        let rows = statement.query_map([topic, perspective], |row| {
            Ok(Line {
                id: row.get(0)?,
                cell: Cell {
                    topic: row.get(1)?,
                    perspective: row.get(2)?,
                },
                state: PromptState::parse(&row.get::<_, String>(3)?).unwrap_or_default(),
                parent: row.get(4)?,
                text: row.get(5)?,
            })
        })?;
        let lines = rows.collect::<std::result::Result<_, _>>()?;
        let order: HashMap<Cell, usize> = self
            .seed()?
            .cells()
            .into_iter()
            .enumerate()
            .map(|(at, cell)| (cell, at))
            .collect();
        Ok(arrange(lines, &order))
    }

    /// A window of the instructions that match, and the counts of every cell.
    pub fn prompt_page(
        &self,
        filter: &PromptFilter,
        offset: u32,
        limit: u32,
    ) -> Result<PromptPage> {
        self.read(|| {
            let words = search::words(&filter.search);
            // Something is looked for, but it has no word: nothing has it.
            let is_never = words.is_empty() && !filter.search.trim().is_empty();
            let mut lines = self.lines(filter.cell.as_ref())?;
            lines.retain(|line| {
                !is_never
                    && filter.state.is_none_or(|state| state == line.state)
                    && (words.is_empty() || {
                        let text = line.text.to_lowercase();
                        words.iter().all(|word| text.contains(word.as_str()))
                    })
            });
            let mut prompts = Vec::new();
            for line in lines.iter().skip(offset as usize).take(limit as usize) {
                let Some(prompt) = read(&self.connection, &line.id)? else {
                    continue;
                };
                let records = self
                    .connection
                    .prepare_cached("SELECT count(*) FROM records WHERE prompt_id = ?1")?
                    .query_row([&prompt.id], |row| row.get(0))?;
                let parent = match parent_of(&prompt) {
                    Some(parent) => read(&self.connection, parent)?,
                    None => None,
                };
                prompts.push(PromptView {
                    prompt,
                    parent_text: parent.map(|parent| parent.text),
                    records,
                });
            }
            Ok(PromptPage {
                total: lines.len() as u32,
                prompts,
                cells: self.cell_counts()?,
            })
        })
    }

    fn cell_counts(&self) -> Result<Vec<CellCount>> {
        let mut counts: BTreeMap<Cell, CellCount> = BTreeMap::new();
        fn of<'a>(counts: &'a mut BTreeMap<Cell, CellCount>, cell: &Cell) -> &'a mut CellCount {
            counts.entry(cell.clone()).or_insert_with(|| CellCount {
                cell: cell.clone(),
                ..CellCount::default()
            })
        }
        let grid = self.seed()?.cells();
        for cell in &grid {
            of(&mut counts, cell);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT topic, perspective, state, count(*) FROM prompts GROUP BY topic, perspective, state",
        )?;
        let rows = statement.query_map([], |row| {
            let cell = Cell {
                topic: row.get(0)?,
                perspective: row.get(1)?,
            };
            Ok((cell, row.get::<_, String>(2)?, row.get::<_, u32>(3)?))
        })?;
        for row in rows {
            let (cell, state, n) = row?;
            let count = of(&mut counts, &cell);
            match PromptState::parse(&state).unwrap_or_default() {
                PromptState::Proposed => count.proposed += n,
                PromptState::Kept => count.kept += n,
                PromptState::Struck => count.struck += n,
            }
        }
        for (cell, records, accepted) in counts::of_cells(&self.connection)? {
            let count = of(&mut counts, &cell);
            (count.records, count.accepted) = (records, accepted);
        }
        let mut list: Vec<CellCount> = grid.iter().filter_map(|cell| counts.remove(cell)).collect();
        list.extend(counts.into_values());
        Ok(list)
    }
}

/// What order and filters need of an instruction.
struct Line {
    id: String,
    cell: Cell,
    state: PromptState,
    parent: Option<String>,
    text: String,
}

/// Sorts instructions, which come by age, by cell, and puts children behind their parent.
fn arrange(lines: Vec<Line>, order: &HashMap<Cell, usize>) -> Vec<Line> {
    let cells: HashMap<String, Cell> = lines
        .iter()
        .map(|line| (line.id.clone(), line.cell.clone()))
        .collect();
    let mut children: HashMap<String, Vec<Line>> = HashMap::new();
    let mut roots = Vec::new();
    for line in lines {
        // A parent of another cell, or none: it stands by itself.
        match line
            .parent
            .clone()
            .filter(|parent| *parent != line.id && cells.get(parent) == Some(&line.cell))
        {
            Some(parent) => children.entry(parent).or_default().push(line),
            None => roots.push(line),
        }
    }
    // Cells that are no longer in the seed stand last, by name.
    let place = |line: &Line| match order.get(&line.cell) {
        Some(at) => (*at, None),
        None => (usize::MAX, Some(line.cell.clone())),
    };
    roots.sort_by_cached_key(place);
    let mut sorted = Vec::new();
    let mut stack: Vec<Line> = roots.into_iter().rev().collect();
    while let Some(line) = stack.pop() {
        if let Some(list) = children.remove(&line.id) {
            stack.extend(list.into_iter().rev());
        }
        sorted.push(line);
    }
    // Parents that name each other in a ring, from a file of someone else: nothing may vanish.
    let mut rest: Vec<Line> = children.into_values().flatten().collect();
    rest.sort_by(|a, b| a.id.cmp(&b.id));
    sorted.extend(rest);
    sorted
}
