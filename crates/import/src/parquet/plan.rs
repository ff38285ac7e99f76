//! Which bytes some rows of some columns need.

use super::codec::Codec;
use super::column::Kind;
use super::error::{ParquetError, Result};
use super::fetch::Piece;
use super::footer::{Chunk, Footer, Group};
use super::index::{Index, indexes};
use crate::source::Source;
use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges that are less than this apart are fetched as one.
pub(super) const NEAR: u64 = 64 << 10;
/// A row group of which less than this is wanted is fetched in few pieces, whatever column they belong to.
pub(super) const SMALL: u64 = 8 << 20;
/// Below this, whole chunks cost less than a question for the list of their pages.
const INDEX_FROM: u64 = 256 << 10;

/// What will be read for some rows of some columns.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The columns, by their index; cells stand in this order.
    pub columns: Vec<usize>,
    /// The rows, counted from 0.
    pub rows: Range<u64>,
    /// The bytes that will be asked for.
    pub ranges: Vec<Range<u64>>,
    /// How many these are.
    pub bytes: u64,
    /// How many they can become. More than [`Self::bytes`] where only part of a row group is wanted and the file has no
    /// list of its pages: then it is an estimate by the share of the rows.
    pub most: u64,
    /// Something to say beside the size.
    pub note: Option<String>,
    pub(super) groups: Vec<GroupPlan>,
}

/// What will be read of a row group.
#[derive(Clone, Debug)]
pub(super) struct GroupPlan {
    pub(super) group: usize,
    /// Rows, counted within the group.
    pub(super) rows: Range<u64>,
    pub(super) chunks: Vec<ChunkPlan>,
}

/// What will be read of a column chunk.
#[derive(Clone, Debug)]
pub(super) struct ChunkPlan {
    pub(super) leaf: usize,
    pub(super) codec: Codec,
    /// Where its pages are; the first ones of each range are read as far as rows are wanted.
    pub(super) pages: Vec<Range<u64>>,
    /// The part that is fetched ahead.
    pub(super) expected: Vec<Range<u64>>,
    /// The row of the group with which the first page of data begins.
    pub(super) first: u64,
}

impl Footer {
    /// Says which bytes `rows` (counted from 0; the first N are `0..N`) of these `columns` need. Pictures and sound need
    /// none: they are given as null.
    ///
    /// Of the file itself, only lists of pages are read, and those only where part of a large row group is wanted.
    ///
    /// # Errors
    /// [`ParquetError`] when a column is encrypted or packed in a way that isn't read, or the source fails.
    pub async fn plan(
        &self,
        source: &dyn Source,
        columns: &[usize],
        rows: Range<u64>,
    ) -> Result<Plan> {
        let rows = rows.start.min(self.rows())..rows.end.min(self.rows());
        let columns = self.known(columns);
        let leaves = self.leaves(&columns);
        let mut plan = Plan {
            columns,
            rows: rows.clone(),
            ranges: Vec::new(),
            bytes: 0,
            most: 0,
            note: None,
            groups: Vec::new(),
        };
        for (number, group) in self.groups.iter().enumerate() {
            let (from, to) = (
                rows.start.max(group.rows.start),
                rows.end.min(group.rows.end),
            );
            if from < to {
                let rows = from - group.rows.start..to - group.rows.start;
                self.check(group, &leaves)?;
                plan.group(source, number, group, &leaves, rows).await?;
            }
        }
        plan.bytes = plan.ranges.iter().map(length).sum();
        plan.most = plan.most.max(plan.bytes);
        Ok(plan)
    }

    fn known(&self, columns: &[usize]) -> Vec<usize> {
        let mut known = Vec::new();
        for column in columns {
            if *column < self.columns().len() && !known.contains(column) {
                known.push(*column);
            }
        }
        known
    }

    fn leaves(&self, columns: &[usize]) -> Vec<usize> {
        let read = |column: &&usize| {
            self.columns()
                .get(**column)
                .is_some_and(|found| found.kind != Kind::Media)
        };
        let nodes = columns
            .iter()
            .filter(read)
            .filter_map(|column| self.schema.columns.get(*column));
        nodes.flat_map(|node| node.leaves.clone()).collect()
    }

    fn check(&self, group: &Group, leaves: &[usize]) -> Result<()> {
        for leaf in leaves {
            let chunk = group.chunks.get(*leaf);
            if chunk.is_some_and(|chunk| chunk.encrypted) {
                return Err(ParquetError::Encrypted);
            }
            if let Some(Codec::Other(codec)) = chunk.map(|chunk| chunk.codec) {
                let (column, codec) = (self.name_of(*leaf), codec.to_owned());
                return Err(ParquetError::Codec { column, codec });
            }
        }
        Ok(())
    }

    /// Name of the column that a leaf belongs to.
    pub(super) fn name_of(&self, leaf: usize) -> String {
        let column = self
            .schema
            .leaves
            .get(leaf)
            .and_then(|leaf| self.columns().get(leaf.column));
        column.map(|column| column.name.clone()).unwrap_or_default()
    }
}

impl Plan {
    async fn group(
        &mut self,
        source: &dyn Source,
        number: usize,
        group: &Group,
        leaves: &[usize],
        rows: Range<u64>,
    ) -> Result<()> {
        let count = group.rows.end - group.rows.start;
        let chunks = leaves
            .iter()
            .filter_map(|leaf| Some((*leaf, group.chunks.get(*leaf)?)));
        let chunks: Vec<(usize, &Chunk)> = chunks.collect();
        let whole = chunks
            .iter()
            .map(|(_, chunk)| length(&chunk.bytes))
            .sum::<u64>();
        let partly = rows != (0..count) && whole >= INDEX_FROM;
        let mut indexes = if partly {
            indexes(source, &chunks).await?
        } else {
            BTreeMap::new()
        };
        let before = rows.start > 0 && whole > SMALL && indexes.len() < chunks.len();
        if partly && before {
            self.note = Some(format!(
                "The file keeps {count} rows in one group, without a list of its pages: what stands before row {} must \
                 be read, too.",
                group.rows.start + rows.start + 1
            ));
        }
        let plan = |(leaf, chunk): (usize, &Chunk)| {
            let index = indexes.remove(&leaf);
            ChunkPlan::new(
                leaf,
                chunk,
                index,
                &rows,
                if partly { count } else { rows.end },
            )
        };
        let chunks: Vec<ChunkPlan> = chunks.into_iter().map(plan).collect();
        self.most += chunks
            .iter()
            .flat_map(|chunk| &chunk.pages)
            .map(length)
            .sum::<u64>();
        let group = GroupPlan {
            group: number,
            rows,
            chunks,
        };
        self.ranges.extend(group.ranges());
        self.groups.push(group);
        Ok(())
    }
}

impl ChunkPlan {
    fn new(
        leaf: usize,
        chunk: &Chunk,
        index: Option<Index>,
        rows: &Range<u64>,
        count: u64,
    ) -> Self {
        let (pages, expected, first) = match index {
            Some(index) => {
                let (pages, first) = cut(chunk, &index, rows);
                (pages.clone(), pages, first)
            }
            None => (
                vec![chunk.bytes.clone()],
                vec![share(chunk, rows.end, count)],
                0,
            ),
        };
        Self {
            leaf,
            codec: chunk.codec,
            pages,
            expected,
            first,
        }
    }
}

/// The dictionary, and the pages that hold `rows`.
fn cut(chunk: &Chunk, index: &Index, rows: &Range<u64>) -> (Vec<Range<u64>>, u64) {
    let from = index
        .partition_point(|(_, first)| *first <= rows.start)
        .saturating_sub(1);
    let to = index.partition_point(|(_, first)| *first < rows.end);
    let pages = index.get(from..to).unwrap_or_default();
    let mut ranges = Vec::new();
    if let Some((first, _)) = index.first()
        && chunk.bytes.start < first.start
    {
        ranges.push(chunk.bytes.start..first.start);
    }
    if let Some(((first, _), (last, _))) = pages.first().zip(pages.last()) {
        ranges.push(first.start..last.end);
    }
    (ranges, pages.first().map_or(0, |(_, first)| *first))
}

/// The beginning of a chunk that probably holds the first `rows` of its `count`.
fn share(chunk: &Chunk, rows: u64, count: u64) -> Range<u64> {
    let Range { start, end } = chunk.bytes;
    if rows >= count {
        return start..end;
    }
    let dictionary = chunk.data.clamp(start, end) - start;
    let rest = u128::from(end - start - dictionary);
    // A tenth more, for rows differ.
    let part = rest * u128::from(rows) * 11 / (u128::from(count) * 10).max(1);
    let part = u64::try_from(part).unwrap_or(u64::MAX).max(NEAR);
    start
        ..start
            .saturating_add(dictionary)
            .saturating_add(part)
            .min(end)
}

impl GroupPlan {
    fn expected(&self) -> impl Iterator<Item = (usize, &Range<u64>)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.expected.iter().map(|range| (chunk.leaf, range)))
    }

    fn is_small(&self) -> bool {
        self.expected().map(|(_, range)| length(range)).sum::<u64>() <= SMALL
    }

    /// What will be fetched, in the order of the file.
    fn ranges(&self) -> Vec<Range<u64>> {
        let ranges = self.expected().map(|(_, range)| range.clone()).collect();
        merge(ranges, if self.is_small() { NEAR } else { 0 })
    }

    /// What will be fetched, in the order in which it is needed.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        if self.is_small() {
            let piece = |range| Piece {
                range,
                group: self.group,
                leaf: None,
            };
            return self.ranges().into_iter().map(piece).collect();
        }
        // Columns are read side by side, each piece by piece.
        let step = (SMALL / self.chunks.len().max(1) as u64).clamp(NEAR, 1 << 20);
        let mut pieces = Vec::new();
        for chunk in &self.chunks {
            let all = chunk.expected.iter().map(length).sum::<u64>().max(1);
            let mut before = 0;
            for range in chunk.expected.iter().flat_map(|range| steps(range, step)) {
                let size = length(&range);
                let due = u128::from(before) * 1_000_000 / u128::from(all);
                pieces.push((
                    due,
                    Piece {
                        range,
                        group: self.group,
                        leaf: Some(chunk.leaf),
                    },
                ));
                before += size;
            }
        }
        pieces.sort_by_key(|(due, _)| *due);
        pieces.into_iter().map(|(_, piece)| piece).collect()
    }
}

fn steps(range: &Range<u64>, step: u64) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    let starts = (range.start..end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    starts.map(move |start| start..end.min(start.saturating_add(step)))
}

pub(super) fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// Joins ranges that touch or are less than `near` apart.
pub(super) fn merge(mut ranges: Vec<Range<u64>>, near: u64) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(near) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}
