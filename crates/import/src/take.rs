//! Takes the rows of an opened table by a mapping, batch by batch.

use crate::encoding::Decoder;
use crate::guess::{SAMPLE_ROWS, plain};
use crate::open::{Kind, OpenError, PIECE, Table, Text, TextRows, mend, pieces, seen};
use crate::parquet;
use crate::places::Places;
use crate::shape::Shaper;
use crate::table::{Item, Row};
use seedbed_core::import::{Answer, Batch, LeftOut, Mapping, Preview, Scope, Shaped, Tally};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;

/// Rows of a batch, at most.
const ROWS: usize = 500;
/// Bytes of its texts, about.
const BYTES: usize = 1 << 20;
/// A table of at most so many bytes is looked at as a whole before it is taken.
pub(crate) const WHOLE: u64 = 16 << 20;
/// Records that a preview shows.
pub(crate) const SHOWN: usize = 3;
/// Rows that are drawn one by one are read together when they are this near.
const NEAR_ROWS: u64 = 1000;

/// Rows that gave nothing, by reason.
#[derive(Default)]
pub(crate) struct Losses(BTreeMap<String, Places>);

impl Losses {
    /// Those of another table, too.
    pub(crate) fn merge(&mut self, other: Self) {
        for (reason, places) in other.0 {
            self.0.entry(reason).or_default().merge(&places);
        }
    }

    fn note(&mut self, reason: impl std::fmt::Display, number: u64) {
        self.0.entry(reason.to_string()).or_default().note(number);
    }

    pub(crate) fn told(&self) -> Vec<LeftOut> {
        let mut told: Vec<LeftOut> = self
            .0
            .iter()
            .map(|(reason, places)| LeftOut {
                reason: reason.clone(),
                seen: seen(places),
            })
            .collect();
        told.sort_by_key(|one| std::cmp::Reverse(one.seen.count));
        told
    }
}

/// Which rows of a table are taken.
pub(crate) enum Pick {
    /// Those in a row.
    Range(Range<u64>),
    /// Those that were drawn.
    Drawn(BTreeSet<u64>),
}

impl Pick {
    fn has(&self, row: u64) -> bool {
        match self {
            Self::Range(range) => range.contains(&row),
            Self::Drawn(rows) => rows.contains(&row),
        }
    }

    /// No row from this one on is taken.
    fn is_past(&self, row: u64) -> bool {
        match self {
            Self::Range(range) => row >= range.end,
            Self::Drawn(rows) => rows.last().is_none_or(|last| row > *last),
        }
    }

    /// Ranges of rows that are read.
    fn ranges(&self) -> VecDeque<Range<u64>> {
        match self {
            Self::Range(range) => VecDeque::from([range.clone()]),
            Self::Drawn(rows) => {
                let mut ranges: VecDeque<Range<u64>> = VecDeque::new();
                for row in rows {
                    match ranges.back_mut() {
                        Some(last) if row - last.end < NEAR_ROWS => last.end = row + 1,
                        _ => ranges.push_back(*row..row + 1),
                    }
                }
                ranges
            }
        }
    }
}

/// Where rows come from.
enum Way {
    Text {
        text: Box<Text>,
        rows: Box<TextRows>,
        decoder: Box<Decoder>,
        pieces: VecDeque<Range<u64>>,
        is_ended: bool,
    },
    Parquet {
        footer: Rc<parquet::Footer>,
        ranges: VecDeque<Range<u64>>,
        columns: Vec<usize>,
        open: Option<Box<(u64, parquet::Reader)>>,
        ready: VecDeque<(u64, Row)>,
    },
}

/// A table whose rows are being taken.
pub struct Taking {
    table: Rc<Table>,
    mapping: Mapping,
    shaper: Shaper,
    /// Columns that the shaper knows.
    known: usize,
    pick: Pick,
    way: Way,
    /// Rows that were seen.
    row: u64,
    bytes: (u64, u64),
    tally: Tally,
    losses: Losses,
}

impl Table {
    /// What a mapping makes of the table: of all of it where that is quick, else of its first rows.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub async fn preview(
        self: &Rc<Self>,
        mapping: &Mapping,
        scope: &Scope,
    ) -> Result<Preview, OpenError> {
        let bytes = self.cost(mapping, scope).await?;
        if bytes <= WHOLE && scope.seed.is_none() {
            let mut taking = self.take(mapping, scope).await?;
            let mut records = Vec::new();
            while let Some(batch) = taking.next().await? {
                let rows = batch.rows.into_iter().map(|(_, shaped)| shaped);
                records.extend(rows.take(SHOWN - records.len().min(SHOWN)));
            }
            return Ok(Preview {
                records,
                tally: taking.tally(),
                is_whole: true,
                bytes: Some(bytes),
            });
        }
        Ok(self.preview_sample(mapping, bytes))
    }

    /// What a mapping makes of the first rows.
    pub(crate) fn preview_sample(&self, mapping: &Mapping, bytes: u64) -> Preview {
        let shaper = Shaper::new(&self.columns, mapping);
        let mut tally = Tally::default();
        let mut losses = Losses::default();
        let mut records = Vec::new();
        for row in &self.sample {
            tally.rows += 1;
            for shaped in shaper.shape(row) {
                match shaped {
                    Ok(shaped) => {
                        count(&mut tally, &shaped);
                        if records.len() < SHOWN {
                            records.push(shaped);
                        }
                    }
                    Err(unfit) => losses.note(unfit, row.number),
                }
            }
        }
        tally.left_out = losses.told();
        Preview {
            records,
            tally,
            is_whole: false,
            bytes: Some(bytes),
        }
    }

    /// Bytes that are read to take what `scope` names.
    pub(crate) async fn cost(&self, mapping: &Mapping, scope: &Scope) -> Result<u64, OpenError> {
        match &self.kind {
            Kind::Text(_) => Ok(self.cost_of_text(scope, self.source.size())),
            Kind::Parquet(footer) => {
                let rows = range_of(scope, footer.rows());
                let plan = footer
                    .plan(&*self.source, &wanted(footer, mapping), rows)
                    .await?;
                Ok(plan.most)
            }
        }
    }

    /// Bytes of a text of `size` bytes that are read to take what `scope` names, about.
    pub(crate) fn cost_of_text(&self, scope: &Scope, size: u64) -> u64 {
        match (scope.seed, scope.most) {
            // Rows are counted before they are drawn.
            (Some(_), Some(_)) => size.saturating_mul(2),
            (_, Some(most)) => {
                let rows = scope.from.saturating_add(most);
                let bytes = rows.saturating_mul(self.row_bytes());
                bytes.saturating_add(2 * PIECE).min(size)
            }
            (_, None) => size,
        }
    }

    /// Bytes of a row of the sample, about.
    fn row_bytes(&self) -> u64 {
        let of = |row: &Row| -> u64 {
            let cells = row.cells.iter();
            cells.map(|cell| cell.to_string().len() as u64 + 16).sum()
        };
        let rows = self.sample.iter().take(SAMPLE_ROWS);
        let count = rows.len().max(1) as u64;
        rows.map(of).sum::<u64>() / count
    }

    /// Begins to take rows.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub async fn take(
        self: &Rc<Self>,
        mapping: &Mapping,
        scope: &Scope,
    ) -> Result<Taking, OpenError> {
        let pick = match (scope.seed, scope.most) {
            (Some(seed), Some(most)) => {
                let total = self.count(&scope.parts).await?;
                Pick::Drawn(drawn(scope.from.min(total)..total, most, seed))
            }
            _ => Pick::Range(range_of(scope, u64::MAX)),
        };
        self.begin(mapping, scope, pick).await
    }

    /// Begins to take these rows.
    pub(crate) async fn begin(
        self: &Rc<Self>,
        mapping: &Mapping,
        scope: &Scope,
        pick: Pick,
    ) -> Result<Taking, OpenError> {
        let (way, columns, total) = match &self.kind {
            Kind::Text(text) => (
                Way::Text {
                    rows: Box::new(TextRows::new(&text.layout, &scope.parts)),
                    decoder: Box::new(Decoder::new(text.encoding)),
                    text: Box::new(text.clone()),
                    pieces: pieces(0..self.source.size()).collect(),
                    is_ended: false,
                },
                Vec::new(),
                self.source.size(),
            ),
            Kind::Parquet(footer) => {
                let columns = wanted(footer, mapping);
                let names = columns
                    .iter()
                    .filter_map(|at| Some(footer.columns().get(*at)?.name.clone()))
                    .collect();
                let total = self.cost(mapping, scope).await?;
                (
                    Way::Parquet {
                        footer: Rc::clone(footer),
                        ranges: pick.ranges(),
                        columns,
                        open: None,
                        ready: VecDeque::new(),
                    },
                    names,
                    total,
                )
            }
        };
        Ok(Taking {
            table: Rc::clone(self),
            mapping: mapping.clone(),
            known: columns.len(),
            shaper: Shaper::new(&columns, mapping),
            pick,
            way,
            row: 0,
            bytes: (0, total),
            tally: Tally::default(),
            losses: Losses::default(),
        })
    }

    /// Rows of the parts.
    pub(crate) async fn count(&self, parts: &[String]) -> Result<u64, OpenError> {
        let text = match &self.kind {
            Kind::Parquet(footer) => return Ok(footer.rows()),
            Kind::Text(text) => text,
        };
        let mut rows = TextRows::new(&text.layout, parts);
        let mut decoder = Decoder::new(text.encoding);
        let mut count = 0;
        for range in pieces(0..self.source.size()) {
            rows.push(&decoder.push(&self.source.read(range).await?));
            count += counted(&mut rows);
        }
        rows.push(&decoder.end());
        rows.end();
        Ok(count + counted(&mut rows))
    }
}

fn counted(rows: &mut TextRows) -> u64 {
    let mut count = 0;
    while let Some(item) = rows.next() {
        count += u64::from(matches!(item, Item::Row(_)));
    }
    count
}

pub(crate) fn range_of(scope: &Scope, total: u64) -> Range<u64> {
    let end = scope
        .most
        .map_or(total, |most| scope.from.saturating_add(most));
    scope.from..end.max(scope.from).min(total.max(scope.from))
}

/// Columns of a Parquet file that the mapping reads; those of our own files that hold topic and model too.
fn wanted(footer: &parquet::Footer, mapping: &Mapping) -> Vec<usize> {
    footer
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| {
            mapping.target(&column.name) != seedbed_core::import::Target::Unused
                || matches!(plain(&column.name).as_str(), "cell" | "provenance")
        })
        .map(|(at, _)| at)
        .collect()
}

/// `most` of the rows in `range`, drawn at random, the same for the same seed.
pub(crate) fn drawn(range: Range<u64>, most: u64, seed: u64) -> BTreeSet<u64> {
    let total = range.end - range.start;
    if most >= total {
        return range.collect();
    }
    // SplitMix64 and Floyd's way of drawing without a list of all.
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut rows = BTreeSet::new();
    for last in total - most..total {
        let row = next() % (last + 1);
        let row = if rows.contains(&(range.start + row)) {
            last
        } else {
            row
        };
        rows.insert(range.start + row);
    }
    rows
}

/// Counts what a row gives.
fn count(tally: &mut Tally, shaped: &Shaped) {
    match (&shaped.answer, &shaped.rejected) {
        (Answer::None, _) => tally.instructions += 1,
        (_, Some(_)) => {
            tally.records += 2;
            tally.compared += 2;
        }
        (answer, None) => {
            tally.records += 1;
            tally.conversations += u64::from(matches!(answer, Answer::Turns(_)));
        }
    }
}

fn size(shaped: &Shaped) -> usize {
    let of = |answer: &Answer| match answer {
        Answer::None => 0,
        Answer::Text(text) => text.len(),
        Answer::Turns(turns) => turns.iter().map(|turn| turn.text.len()).sum(),
    };
    shaped.instruction.len() + of(&shaped.answer) + shaped.rejected.as_ref().map_or(0, of)
}

impl Taking {
    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// The file can't be read any more, or is damaged in a way that ends it. What came before stands.
    pub async fn next(&mut self) -> Result<Option<Batch>, OpenError> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.rows.len() < ROWS && bytes < BYTES {
            if self.pick.is_past(self.row) {
                break;
            }
            let Some((number, row)) = self.next_row().await? else {
                break;
            };
            self.tally.rows += 1;
            for shaped in self.shaper.shape(&row) {
                match shaped {
                    Ok(shaped) => {
                        count(&mut self.tally, &shaped);
                        bytes += size(&shaped);
                        batch.rows.push((number, shaped));
                    }
                    Err(unfit) => self.losses.note(unfit, row.number),
                }
            }
        }
        (batch.done, batch.total) = self.bytes;
        Ok((!batch.rows.is_empty()).then_some(batch))
    }

    /// Rows of the table, once all of them were seen.
    pub(crate) fn rows(&self) -> u64 {
        match &self.way {
            Way::Text { .. } => self.row,
            Way::Parquet { footer, .. } => footer.rows(),
        }
    }

    /// Counts without what was left out, and that.
    pub(crate) fn end(self) -> (Tally, Losses) {
        (self.tally, self.losses)
    }

    /// What came of the rows so far.
    pub fn tally(&self) -> Tally {
        Tally {
            left_out: self.losses.told(),
            ..self.tally.clone()
        }
    }

    /// What a person should know of the file as it was read.
    pub fn notes(&self) -> Vec<String> {
        match &self.way {
            Way::Text { rows, .. } => rows.notes(),
            Way::Parquet { .. } => Vec::new(),
        }
    }

    /// The next row that is taken, with its place in the table.
    async fn next_row(&mut self) -> Result<Option<(u64, Row)>, OpenError> {
        let row = match &self.way {
            Way::Text { .. } => self.next_of_text().await?,
            Way::Parquet { .. } => self.next_of_parquet().await?,
        };
        Ok(row)
    }

    async fn next_of_text(&mut self) -> Result<Option<(u64, Row)>, OpenError> {
        let Way::Text {
            text,
            rows,
            decoder,
            pieces,
            is_ended,
        } = &mut self.way
        else {
            return Ok(None);
        };
        loop {
            match rows.next() {
                Some(Item::Row(mut row)) => {
                    let number = self.row;
                    if self.pick.is_past(number) {
                        return Ok(None);
                    }
                    self.row += 1;
                    if !self.pick.has(number) {
                        continue;
                    }
                    if rows.columns().len() != self.known {
                        self.known = rows.columns().len();
                        self.shaper = Shaper::new(rows.columns(), &self.mapping);
                    }
                    if let Some(mender) = &text.mender {
                        mend(&mut row, mender);
                    }
                    return Ok(Some((number, row)));
                }
                Some(Item::Fault(fault)) => self.losses.note(fault.reason, fault.number),
                None if *is_ended => {
                    return match rows.refusal() {
                        Some(refusal) => Err(OpenError::Json(refusal)),
                        None => Ok(None),
                    };
                }
                None => {
                    if let Some(range) = pieces.pop_front() {
                        let end = range.end;
                        rows.push(&decoder.push(&self.table.source.read(range).await?));
                        self.bytes.0 = end;
                    } else {
                        rows.push(&decoder.end());
                        rows.end();
                        *is_ended = true;
                    }
                }
            }
        }
    }

    async fn next_of_parquet(&mut self) -> Result<Option<(u64, Row)>, OpenError> {
        let Way::Parquet {
            footer,
            ranges,
            columns,
            open,
            ready,
        } = &mut self.way
        else {
            return Ok(None);
        };
        loop {
            if let Some((number, row)) = ready.pop_front() {
                self.row = number + 1;
                if self.pick.has(number) {
                    return Ok(Some((number, row)));
                }
                continue;
            }
            if let Some(reader) = open {
                if let Some(rows) = reader.1.next().await? {
                    // Numbers of rows count from 1 over the file.
                    ready.extend(rows.into_iter().map(|row| (row.number - 1, row)));
                    continue;
                }
                self.bytes.0 += reader.0;
                *open = None;
            }
            let Some(rows) = ranges.pop_front() else {
                return Ok(None);
            };
            let plan = footer.plan(&*self.table.source, columns, rows).await?;
            let bytes = plan.most;
            let reader =
                parquet::Reader::open(Rc::clone(&self.table.source), Rc::clone(footer), plan);
            *open = Some(Box::new((bytes, reader)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_drawn_once_each_and_the_same_for_the_same_seed() {
        let first = drawn(10..1000, 100, 7);
        assert_eq!(first.len(), 100);
        assert!(first.iter().all(|row| (10..1000).contains(row)));
        assert_eq!(first, drawn(10..1000, 100, 7));
        assert_ne!(first, drawn(10..1000, 100, 8));
        assert_eq!(drawn(0..3, 5, 1), BTreeSet::from([0, 1, 2]));
        // No part of the range is left out.
        let tenths: BTreeSet<u64> = first.iter().map(|row| row / 100).collect();
        assert_eq!(tenths.len(), 10);
    }

    #[test]
    fn ranges_of_rows_are_those_of_the_scope() {
        let scope = |from, most| Scope {
            from,
            most,
            ..Scope::default()
        };
        assert_eq!(range_of(&scope(0, None), 10), 0..10);
        assert_eq!(range_of(&scope(4, Some(3)), 10), 4..7);
        assert_eq!(range_of(&scope(8, Some(9)), 10), 8..10);
        assert!(range_of(&scope(12, Some(9)), 10).is_empty());
        assert!(range_of(&scope(3, Some(0)), 10).is_empty());
    }
}
