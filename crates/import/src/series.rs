//! Several files as one table: those of a split, one after another. Each is opened when the one before it ends.

use crate::open::{About, Kind, OpenError, Table};
use crate::source::Source;
use crate::take::{Losses, Pick, SHOWN, Taking, WHOLE, drawn, range_of};
use seedbed_core::import::{Batch, Choice, Look, Mapping, Preview, Scope, Tally, Target};
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

/// A file by its name.
pub type File = (String, Rc<dyn Source>);

/// Files that are one table.
pub struct Series {
    files: Vec<File>,
    about: About,
    choice: Choice,
    /// The first file with a row.
    first: usize,
    table: Rc<Table>,
    look: Look,
}

impl Series {
    /// Opens the first of `files` that has a row.
    ///
    /// # Errors
    /// [`OpenError`] when there is nothing that could be rows.
    pub async fn open(
        files: Vec<File>,
        about: &About,
        choice: &Choice,
        progress: &dyn Fn(u64),
    ) -> Result<Self, OpenError> {
        let mut empty = OpenError::NoRows { faults: Vec::new() };
        for (first, (name, source)) in files.iter().enumerate() {
            let about_this = About {
                name: name.clone(),
                ..about.clone()
            };
            let opened = Table::open(Rc::clone(source), &about_this, choice, progress).await;
            let table = match opened {
                Ok(table) => Rc::new(table),
                Err(error @ OpenError::NoRows { .. }) => {
                    empty = error;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut look = table.look().clone();
            look.name.clone_from(&about.name);
            if files.len() > 1 {
                look.bytes = files.iter().map(|(_, source)| source.size()).sum();
                look.rows = None;
            }
            return Ok(Self {
                about: about.clone(),
                choice: choice.clone(),
                first,
                table,
                look,
                files,
            });
        }
        Err(empty)
    }

    /// What it looks like.
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// The table in a file.
    async fn table(&self, at: usize) -> Result<Rc<Table>, OpenError> {
        match self.files.get(at) {
            Some((name, source)) if at != self.first => {
                let about = About {
                    name: name.clone(),
                    ..self.about.clone()
                };
                let table = Table::open(Rc::clone(source), &about, &self.choice, &|_| ()).await?;
                Ok(Rc::new(table))
            }
            _ => Ok(Rc::clone(&self.table)),
        }
    }

    /// Bytes that are read to take what `scope` names, about.
    async fn cost(&self, mapping: &Mapping, scope: &Scope) -> Result<u64, OpenError> {
        if self.files.len() == 1 {
            return self.table.cost(mapping, scope).await;
        }
        let all = self.look.bytes;
        let footer = match &self.table.kind {
            Kind::Text(_) => return Ok(self.table.cost_of_text(scope, all)),
            Kind::Parquet(footer) => footer,
        };
        let rows = range_of(scope, u64::MAX);
        if scope.seed.is_none() && rows.end <= footer.rows() {
            return self.table.cost(mapping, scope).await;
        }
        // The other files are like the first one.
        let whole = self.table.cost(mapping, &Scope::default()).await?;
        let size = self.table.look().bytes.max(1);
        let ratio = all as f64 / size as f64;
        let wanted = match (scope.seed, scope.most) {
            (None, Some(most)) => most as f64 / footer.rows().max(1) as f64,
            _ => ratio,
        };
        Ok((whole as f64 * wanted.min(ratio)) as u64)
    }

    /// What a mapping makes of the table: of all of it where that is quick, else of its first rows.
    ///
    /// # Errors
    /// A file can't be read any more.
    pub async fn preview(
        self: &Rc<Self>,
        mapping: &Mapping,
        scope: &Scope,
    ) -> Result<Preview, OpenError> {
        let bytes = self.cost(mapping, scope).await?;
        if bytes > WHOLE || scope.seed.is_some() {
            return Ok(self.table.preview_sample(mapping, bytes));
        }
        let mut taking = self.take(mapping, scope).await?;
        let mut records = Vec::new();
        while let Some(batch) = taking.next().await? {
            let rows = batch.rows.into_iter().map(|(_, shaped)| shaped);
            records.extend(rows.take(SHOWN - records.len().min(SHOWN)));
        }
        Ok(Preview {
            records,
            tally: taking.tally(),
            is_whole: true,
            bytes: Some(bytes),
        })
    }

    /// Begins to take rows.
    ///
    /// # Errors
    /// A file can't be read any more.
    pub async fn take(
        self: &Rc<Self>,
        mapping: &Mapping,
        scope: &Scope,
    ) -> Result<SeriesTaking, OpenError> {
        let mut taking = SeriesTaking {
            series: Rc::clone(self),
            mapping: mapping.clone(),
            scope: scope.clone(),
            rows: range_of(scope, u64::MAX),
            drawn: None,
            counts: Vec::new(),
            at: 0,
            before: 0,
            bytes: 0,
            open: None,
            tally: Tally::default(),
            losses: Losses::default(),
            notes: Vec::new(),
        };
        if let (Some(seed), Some(most)) = (scope.seed, scope.most) {
            let mut total = 0;
            for at in 0..self.files.len() {
                let count = match taking.table(at).await? {
                    Some(table) => table.count(&scope.parts).await?,
                    None => 0,
                };
                taking.counts.push(count);
                total += count;
            }
            taking.notes.clear();
            taking.drawn = Some(drawn(scope.from.min(total)..total, most, seed));
        }
        Ok(taking)
    }
}

/// A table of several files whose rows are being taken.
pub struct SeriesTaking {
    series: Rc<Series>,
    mapping: Mapping,
    scope: Scope,
    /// Rows of the whole that are taken, unless they were drawn.
    rows: Range<u64>,
    drawn: Option<BTreeSet<u64>>,
    /// Rows of the files, where they had to be counted.
    counts: Vec<u64>,
    /// The file that is read.
    at: usize,
    /// Rows of the files before it.
    before: u64,
    /// Bytes of them.
    bytes: u64,
    open: Option<Taking>,
    tally: Tally,
    losses: Losses,
    notes: Vec<String>,
}

impl SeriesTaking {
    /// The table in a file, unless there is none that fits; then it is told.
    async fn table(&mut self, at: usize) -> Result<Option<Rc<Table>>, OpenError> {
        let name = match self.series.files.get(at) {
            Some((name, _)) => name.clone(),
            None => return Ok(None),
        };
        let table = match self.series.table(at).await {
            Ok(table) => table,
            Err(OpenError::NoRows { .. }) => return Ok(None),
            Err(error @ OpenError::Source(_)) => return Err(error),
            Err(error) => {
                self.notes.push(format!(
                    "`{name}` was left out: it could not be read: {error}"
                ));
                return Ok(None);
            }
        };
        let is_needed = |target: Target| !matches!(target, Target::Unused | Target::Metadata);
        let known = &self.series.table.columns;
        let lacks = self.mapping.columns.iter().find(|(column, target)| {
            is_needed(*target) && known.contains(column) && !table.columns.contains(column)
        });
        if let Some((column, _)) = lacks {
            self.notes.push(format!(
                "`{name}` was left out: it has other columns, and no `{column}`."
            ));
            return Ok(None);
        }
        Ok(Some(table))
    }

    /// The rows of the present file that are taken, counted from its first.
    fn pick(&self) -> Pick {
        match &self.drawn {
            Some(rows) => {
                let count = self.counts.get(self.at).copied().unwrap_or_default();
                let rows = rows.range(self.before..self.before + count);
                Pick::Drawn(rows.map(|row| row - self.before).collect())
            }
            None => Pick::Range(
                self.rows.start.saturating_sub(self.before)
                    ..self.rows.end.saturating_sub(self.before),
            ),
        }
    }

    /// No row of the present file, or of any after it, is taken.
    fn is_past(&self) -> bool {
        match &self.drawn {
            Some(rows) => rows.last().is_none_or(|last| *last < self.before),
            None => self.rows.end <= self.before,
        }
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// A file can't be read any more, or is damaged in a way that ends it. What came before stands.
    pub async fn next(&mut self) -> Result<Option<Batch>, OpenError> {
        loop {
            if let Some(taking) = &mut self.open {
                if let Some(mut batch) = taking.next().await? {
                    for (row, _) in &mut batch.rows {
                        *row += self.before;
                    }
                    if self.series.files.len() > 1 {
                        let (_, source) = &self.series.files[self.at];
                        let part = (batch.done as f64 / batch.total.max(1) as f64).min(1.0);
                        batch.done = self.bytes + (part * source.size() as f64) as u64;
                        batch.total = self.series.look.bytes;
                    }
                    return Ok(Some(batch));
                }
                self.close();
                self.at += 1;
            }
            if self.at >= self.series.files.len() || self.is_past() {
                return Ok(None);
            }
            let Some(table) = self.table(self.at).await? else {
                self.bytes += self.series.files[self.at].1.size();
                self.at += 1;
                continue;
            };
            let pick = self.pick();
            let scope = match &pick {
                Pick::Range(rows) => Scope {
                    from: rows.start,
                    most: self.scope.most.map(|_| rows.end - rows.start),
                    ..self.scope.clone()
                },
                Pick::Drawn(_) => self.scope.clone(),
            };
            let taking = table.begin(&self.mapping, &scope, pick).await?;
            self.open = Some(taking);
        }
    }

    /// Takes over what came of the present file.
    fn close(&mut self) {
        let Some(taking) = self.open.take() else {
            return;
        };
        for note in taking.notes() {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        // Of a file whose last drawn row was given the rest is not read.
        let counted = self.counts.get(self.at).copied();
        self.before += counted.unwrap_or_else(|| taking.rows());
        self.bytes += self.series.files[self.at].1.size();
        let (tally, losses) = taking.end();
        self.tally.rows += tally.rows;
        self.tally.records += tally.records;
        self.tally.conversations += tally.conversations;
        self.tally.compared += tally.compared;
        self.tally.instructions += tally.instructions;
        self.losses.merge(losses);
    }

    /// What came of the rows, once all of them were given.
    pub fn tally(&self) -> Tally {
        Tally {
            left_out: self.losses.told(),
            ..self.tally.clone()
        }
    }

    /// What a person should know of the files as they were read.
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
