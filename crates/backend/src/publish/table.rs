//! The table: which rows it gets, and its file.

use crate::project::Project;
use crate::sync::step;
use crate::{Backend, Result, Ticket};
use seedbed_core::messages::Step;
use seedbed_core::row::TableRow;
use seedbed_hub::LargeFile;
use seedbed_store::Store;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Rows read at a time.
const WINDOW: u32 = 500;
/// Hex digits of a row's content hash that are published.
const HASH_DIGITS: usize = 16;

/// Rows by what becomes of them.
#[derive(Default)]
pub(super) struct RowDiff {
    pub(super) total: usize,
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    /// Taken out by what somebody decided.
    pub(super) removed: Vec<String>,
    /// Published, and not accounted for here: the record is missing, nothing is known that was said about it, or it can't be
    /// told which of several texts is published.
    /// Id and short hash.
    pub(super) unknown: Vec<(String, String)>,
    /// Id and short hash of every row after the publish.
    pub(super) rows: Vec<(String, String)>,
    /// What stands in the list about some of them, with what this build does not understand, by id.
    pub(super) lines: BTreeMap<String, String>,
}

impl RowDiff {
    /// Bytes of the list of the table's rows.
    pub(super) fn listed_bytes(&self) -> usize {
        // {"id":"…","hash":"…"} and the end of the line.
        let frame = 20;
        let rows = self.rows.iter();
        rows.map(|(id, hash)| match self.lines.get(id) {
            Some(line) => line.len() + 1,
            None => id.len() + hash.len() + frame,
        })
        .sum()
    }

    pub(super) fn is_changed(&self) -> bool {
        !(self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.unknown.is_empty())
    }
}

/// Compares what is accepted here with what is published.
pub(super) fn row_diff(project: &Project) -> Result<RowDiff> {
    let rows = project
        .with(Store::accepted_hashes)?
        .into_iter()
        .map(|(id, hash)| (id, short(hash)))
        .collect();
    diff_of(project, rows)
}

fn short(mut hash: String) -> String {
    hash.truncate(HASH_DIGITS);
    hash
}

fn diff_of(project: &Project, rows: Vec<(String, String)>) -> Result<RowDiff> {
    let mut published = project.with(Store::published)?;
    let mut lines = project.with(Store::row_lines)?;
    let mut diff = RowDiff::default();
    for (id, hash) in &rows {
        if let Some(line) = lines.remove(id) {
            diff.lines.insert(id.clone(), line);
        }
        match published.remove(id) {
            None => diff.added.push(id.clone()),
            Some(before) if before == *hash => {}
            // The row that stands there may be of another text.
            Some(before) if project.with(|store| store.has_decisions_on_unknown_text(id))? => {
                diff.unknown.push((id.clone(), before));
            }
            Some(_) => diff.changed.push(id.clone()),
        }
    }
    for (id, hash) in published {
        // What I do not have is unknown, not removed.
        if project.with(|store| store.has_decisions_about(&id))? {
            diff.removed.push(id);
        } else {
            diff.unknown.push((id, hash));
        }
    }
    diff.removed.sort();
    diff.unknown.sort();
    diff.total = rows.len();
    diff.rows = rows;
    Ok(diff)
}

/// What the card tells of the rows.
#[derive(Default)]
pub(super) struct TableFacts {
    /// A row is more than a question and its answer.
    has_turns: bool,
    topics: BTreeMap<String, usize>,
    models: BTreeMap<String, usize>,
    pub(super) edited: usize,
    pub(super) imported: usize,
}

impl TableFacts {
    fn count(&mut self, row: &TableRow) {
        self.has_turns |= row.messages.len() != 2;
        *self.topics.entry(row.topic.clone()).or_insert(0) += 1;
        *self.models.entry(row.model.clone()).or_insert(0) += 1;
        self.edited += usize::from(row.edited);
        self.imported += usize::from(row.prompt_version == crate::projects::IMPORT_VERSION);
    }

    pub(super) fn topics(&self) -> Vec<(String, usize)> {
        self.topics.clone().into_iter().collect()
    }

    /// Some rows are conversations.
    pub(super) fn has_turns(&self) -> bool {
        self.has_turns
    }

    pub(super) fn models(&self) -> Vec<(String, usize)> {
        self.models.clone().into_iter().collect()
    }
}

/// What the card tells of the rows that are accepted now.
pub(super) fn facts(project: &Project) -> Result<TableFacts> {
    let mut facts = TableFacts::default();
    let mut after = Some(0);
    while let Some(seq) = after {
        let (rows, next) = project.with(|store| store.accepted_rows(seq, WINDOW))?;
        for row in &rows {
            facts.count(row);
        }
        after = next;
    }
    Ok(facts)
}

/// A table that was written, with what is in it.
pub(super) struct WrittenTable {
    pub(super) file: LargeFile,
    pub(super) diff: RowDiff,
    pub(super) facts: TableFacts,
}

impl Backend {
    /// Writes the table of what is accepted. Rows, hashes and facts are of one pass, whatever is decided meanwhile.
    pub(super) async fn write_table(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        total: usize,
    ) -> Result<WrittenTable> {
        let mut job = self.platform.table().await?;
        let mut facts = TableFacts::default();
        let mut hashes = Vec::new();
        let mut after = Some(0);
        while let Some(seq) = after {
            let (rows, next) = project.with(|store| store.accepted_rows(seq, WINDOW))?;
            for row in &rows {
                facts.count(row);
                hashes.push((row.id.clone(), short(row.content_hash())));
            }
            job.push(rows).await?;
            ticket.progress(step(Step::Table, hashes.len() as u64, total as u64));
            after = next;
        }
        Ok(WrittenTable {
            file: job.finish().await?,
            diff: diff_of(project, hashes)?,
            facts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::RowLine;

    #[test]
    fn the_list_of_rows_is_as_large_as_was_said() {
        let rows: Vec<(String, String)> = [1, 7, 500]
            .map(|n| (format!("{n:032x}"), short(format!("{n:064x}"))))
            .into();
        let mut text = String::new();
        for (id, hash) in rows.clone() {
            crate::bundle::push_line(&mut text, &RowLine { id, hash }).expect("a line");
        }
        let diff = RowDiff {
            rows,
            ..RowDiff::default()
        };
        assert_eq!(diff.listed_bytes(), text.len());
    }
}
