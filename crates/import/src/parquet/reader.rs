//! Rows, batch by batch.

use super::assemble::Record;
use super::codec::Codec;
use super::column::Kind;
use super::cursor::{Cursor, Need};
use super::error::{ParquetError, Result};
use super::fetch::{Fetcher, For};
use super::footer::Footer;
use super::page::{Header, Page, PageKind, dictionary};
use super::plan::{GroupPlan, Plan};
use super::thrift::Fault;
use crate::source::Source;
use crate::table::Row;
use serde_json::Value;
use std::collections::VecDeque;
use std::rc::Rc;

/// Rows of a batch.
const ROWS: usize = 1000;
/// Bytes of a batch, roughly.
const BYTES: usize = 1 << 20;
/// A page header is looked for in this many bytes first, and may have that many.
const HEADER: (u64, u64) = (512, 16 << 20);

/// Reads rows by a [`Plan`].
pub struct Reader {
    footer: Rc<Footer>,
    columns: Vec<usize>,
    groups: VecDeque<GroupPlan>,
    fetch: Fetcher,
    open: Option<OpenGroup>,
    /// Values that were left out, by column of the file.
    dropped: Vec<u64>,
}

/// The row group that is being read.
struct OpenGroup {
    number: usize,
    tracks: Vec<Track>,
    /// Rows to come.
    left: u64,
    /// Number of the next one, from 1 over the file.
    next: u64,
}

/// A column chunk that is being read.
struct Track {
    leaf: usize,
    codec: Codec,
    /// Where its pages are, what was read cut off.
    pages: VecDeque<std::ops::Range<u64>>,
    cursor: Cursor,
}

impl Reader {
    /// A reader of the rows that were planned.
    pub fn open(source: Rc<dyn Source>, footer: Rc<Footer>, plan: Plan) -> Self {
        let pieces = plan.groups.iter().flat_map(GroupPlan::pieces).collect();
        Self {
            fetch: Fetcher::new(source, pieces),
            dropped: vec![0; footer.columns().len()],
            footer,
            columns: plan.columns,
            groups: plan.groups.into(),
            open: None,
        }
    }

    /// The next rows, about 1,000 or 1 MB of them, at least one; `None` at the end. Numbers of rows count from 1.
    ///
    /// # Errors
    /// [`ParquetError`] when the file is damaged or can't be read. Nothing can be read after that.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>> {
        let batch = self.batch().await;
        if batch.is_err() {
            self.groups.clear();
        }
        batch
    }

    async fn batch(&mut self) -> Result<Option<Vec<Row>>> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => match self.groups.pop_front() {
                Some(plan) => self.begin(plan),
                None => return Ok(None),
            },
        };
        let want = usize::try_from(open.left).unwrap_or(ROWS).min(ROWS);
        let most = (BYTES / open.tracks.len().max(1)).max(16 << 10);
        for track in &mut open.tracks {
            while track.cursor.fill(want, most)? == Need::Page {
                let column = self.footer.name_of(track.leaf);
                track.page(&mut self.fetch, open.number, &column).await?;
            }
        }
        let rows = self.rows(&mut open, want)?;
        if open.left > 0 {
            self.open = Some(open);
        } else {
            self.end(&open);
        }
        Ok(Some(rows))
    }

    /// How many values of a column of the file were given as null so far because they are bytes that are no text.
    pub fn dropped(&self, column: usize) -> u64 {
        let open = self.open.iter().flat_map(|open| &open.tracks);
        let open = open.filter(|track| track.cursor.leaf().column == column);
        let before = self.dropped.get(column).copied().unwrap_or_default();
        before + open.map(|track| track.cursor.dropped).sum::<u64>()
    }

    fn begin(&self, plan: GroupPlan) -> OpenGroup {
        let first = self
            .footer
            .groups
            .get(plan.group)
            .map_or(0, |group| group.rows.start);
        let schema = &self.footer.schema;
        let tracks = plan.chunks.into_iter().filter_map(|chunk| {
            let leaf = schema.leaves.get(chunk.leaf)?.clone();
            Some(Track {
                leaf: chunk.leaf,
                codec: chunk.codec,
                pages: chunk.pages.into(),
                cursor: Cursor::new(leaf, plan.rows.start - chunk.first.min(plan.rows.start)),
            })
        });
        OpenGroup {
            number: plan.group,
            tracks: tracks.collect(),
            left: plan.rows.end - plan.rows.start,
            next: first + plan.rows.start + 1,
        }
    }

    fn end(&mut self, open: &OpenGroup) {
        for track in &open.tracks {
            if let Some(count) = self.dropped.get_mut(track.cursor.leaf().column) {
                *count += track.cursor.dropped;
            }
        }
        self.fetch.release_group(open.number);
    }

    /// The rows that all columns have ready.
    fn rows(&self, open: &mut OpenGroup, want: usize) -> Result<Vec<Row>> {
        let ready = open.tracks.iter().map(|track| track.cursor.ready()).min();
        let count = ready.unwrap_or(want).min(want);
        if count == 0 {
            return Err(ParquetError::broken(
                "a column has fewer rows than the file says",
            ));
        }
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            rows.push(Row {
                number: open.next,
                cells: self.cells(open)?,
            });
            open.next += 1;
        }
        open.left -= count as u64;
        Ok(rows)
    }

    fn cells(&self, open: &mut OpenGroup) -> Result<Vec<Value>> {
        let entries = open.tracks.iter_mut().map(|track| {
            let entries = track.cursor.take().map(Iterator::collect);
            (track.leaf, entries.unwrap_or_default())
        });
        let mut record = Record::new(self.footer.schema.leaves.len(), entries);
        let mut cells = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let media = self
                .footer
                .columns()
                .get(*column)
                .is_none_or(|column| column.kind == Kind::Media);
            cells.push(match self.footer.schema.columns.get(*column) {
                Some(node) if !media => record.value(node)?,
                _ => Value::Null,
            });
        }
        record.end()?;
        Ok(cells)
    }
}

impl Track {
    /// Reads on until the cursor has a page of data, or there is none.
    async fn page(&mut self, fetch: &mut Fetcher, group: usize, column: &str) -> Result<()> {
        loop {
            self.pages.pop_front_if(|range| range.start >= range.end);
            let Some(range) = self.pages.front().cloned() else {
                self.cursor.end();
                return Ok(());
            };
            let by = For {
                group,
                leaf: self.leaf,
                limit: range.end,
            };
            let (header, length) = header(fetch, range.start, by).await?;
            header.check()?;
            let start = range.start + length;
            let end = start.saturating_add(header.packed);
            if end > range.end {
                return Err(ParquetError::broken("a page is longer than its column"));
            }
            if let Some(front) = self.pages.front_mut() {
                front.start = end;
            }
            let data = matches!(header.kind, PageKind::Data { .. } | PageKind::Data2 { .. });
            let passed = data
                && header
                    .rows(self.cursor.leaf())
                    .is_some_and(|rows| self.cursor.pass(rows));
            if passed || header.kind == PageKind::Other || (data && header.values == 0) {
                fetch.release(by, end);
                continue;
            }
            let packed = fetch.bytes(start..end, by).await?;
            fetch.release(by, end);
            if header.kind == PageKind::Dictionary {
                let bytes = dictionary(&header, self.codec, &packed)?;
                self.cursor.dictionary(&bytes, header.values)?;
                continue;
            }
            let page = Page::open(&header, self.codec, &packed, self.cursor.leaf())?;
            return self.cursor.push(page, column);
        }
    }
}

/// The header of the page at `at`, and its length.
async fn header(fetch: &mut Fetcher, at: u64, by: For) -> Result<(Header, u64)> {
    let mut size = HEADER.0;
    loop {
        let end = at.saturating_add(size).min(by.limit);
        let bytes = fetch.bytes(at..end, by).await?;
        match Header::read(&bytes) {
            Ok((header, length)) => return Ok((header, length as u64)),
            Err(Fault::End) if end < by.limit && size < HEADER.1 => size *= 8,
            Err(_) => return Err(ParquetError::broken("the header of a page can't be read")),
        }
    }
}
