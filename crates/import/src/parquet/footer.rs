//! The end of a file, where it says what is where.

use super::codec::Codec;
use super::column::{Column, columns};
use super::error::{ParquetError, Result};
use super::schema::Schema;
use super::thrift::{Fault, Thrift};
use crate::source::Source;
use serde_json::Value;
use std::ops::Range;

/// Read at once, in the hope that it holds the whole footer.
const TAIL: u64 = 64 << 10;
/// A footer may be this long.
const LONGEST: u64 = 64 << 20;
const PLAIN: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";

/// What the end of a file says: its columns, its row groups, and where they are.
#[derive(Clone, Debug)]
pub struct Footer {
    pub(super) schema: Schema,
    pub(super) groups: Vec<Group>,
    columns: Vec<Column>,
    rows: u64,
}

/// Rows that are stored together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) rows: Range<u64>,
    /// One for each leaf.
    pub(super) chunks: Vec<Chunk>,
}

/// A leaf's values in a row group.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Range<u64>,
    /// Where pages of data begin.
    pub(super) data: u64,
    pub(super) codec: Codec,
    /// Where the list of its pages is.
    pub(super) index: Option<Range<u64>>,
    pub(super) encrypted: bool,
}

/// Rows and bytes of a row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSize {
    /// Its rows, counted from 0 over the file.
    pub rows: Range<u64>,
    /// Bytes that all its columns take in the file.
    pub bytes: u64,
}

impl Footer {
    /// Reads the end of a file: 64 KB in one request, and a second one when the footer is longer.
    ///
    /// # Errors
    /// [`ParquetError`] when it isn't Parquet, when it is encrypted, cut off or damaged, or can't be read.
    pub async fn read(source: &dyn Source) -> Result<Self> {
        let size = source.size();
        if size < 12 {
            return Err(not_whole(source).await);
        }
        let from = size.saturating_sub(TAIL);
        let mut tail = source.read(from..size).await?;
        let (length, magic) =
            ending(&tail).ok_or_else(|| ParquetError::broken("its end can't be read"))?;
        if magic == ENCRYPTED {
            return Err(ParquetError::Encrypted);
        }
        if magic != PLAIN {
            return Err(not_whole(source).await);
        }
        let start = (size - 8).checked_sub(length).filter(|start| *start >= 4);
        let start = start
            .ok_or_else(|| ParquetError::broken("its footer is said to be longer than the file"))?;
        if length > LONGEST {
            let what = "The list of this file's parts".to_owned();
            return Err(ParquetError::TooLarge {
                what,
                most: LONGEST >> 20,
            });
        }
        if start < from {
            let mut before = source.read(start..from).await?;
            before.append(&mut tail);
            tail = before;
        }
        let skip = usize::try_from(start.saturating_sub(from)).unwrap_or(usize::MAX);
        let bytes = tail
            .get(skip..tail.len().saturating_sub(8))
            .unwrap_or_default();
        Self::parse(bytes, start)
    }

    /// Takes in a footer that begins at byte `start` of its file.
    fn parse(bytes: &[u8], start: u64) -> Result<Self> {
        let raw = Raw::read(bytes)?;
        let mut schema = raw.schema;
        let features = features(&raw.notes);
        let mut groups = Vec::new();
        let mut first = 0_u64;
        for (rows, chunks) in raw.groups {
            let end = first.checked_add(rows);
            let end =
                end.ok_or_else(|| ParquetError::broken("its row groups have too many rows"))?;
            if chunks.len() != schema.leaves.len() {
                return Err(ParquetError::broken("a row group lacks columns"));
            }
            if chunks.iter().any(|chunk| chunk.bytes.end > start) {
                return Err(ParquetError::broken(
                    "a column lies beyond the end of the file",
                ));
            }
            groups.push(Group {
                rows: first..end,
                chunks,
            });
            first = end;
        }
        let columns = columns(&mut schema, &groups, &features);
        Ok(Self {
            schema,
            groups,
            columns,
            rows: first,
        })
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The row groups, in their order.
    pub fn groups(&self) -> Vec<GroupSize> {
        let size = |group: &Group| GroupSize {
            rows: group.rows.clone(),
            bytes: group
                .chunks
                .iter()
                .map(|chunk| chunk.bytes.end - chunk.bytes.start)
                .sum(),
        };
        self.groups.iter().map(size).collect()
    }
}

/// Length of the footer and the mark at the end.
fn ending(tail: &[u8]) -> Option<(u64, &[u8])> {
    let (rest, magic) = tail.split_at_checked(tail.len().checked_sub(4)?)?;
    let length = rest.last_chunk::<4>()?;
    Some((u64::from(u32::from_le_bytes(*length)), magic))
}

/// Tells a file that was cut from one that never was Parquet.
async fn not_whole(source: &dyn Source) -> ParquetError {
    let start = source.read(0..source.size().min(4)).await;
    match start {
        Ok(start) if start == PLAIN => ParquetError::CutOff,
        Ok(start) if start == ENCRYPTED => ParquetError::Encrypted,
        Ok(_) => ParquetError::NotParquet,
        Err(fault) => fault.into(),
    }
}

/// What `datasets` notes about the columns.
fn features(notes: &[(String, String)]) -> Value {
    let note = notes.iter().find(|(key, _)| key == "huggingface");
    let parsed = note.and_then(|(_, value)| serde_json::from_str::<Value>(value).ok());
    parsed
        .and_then(|mut value| value.pointer_mut("/info/features").map(Value::take))
        .unwrap_or_default()
}

/// The footer as it is written.
#[derive(Default)]
struct Raw {
    schema: Schema,
    groups: Vec<(u64, Vec<Chunk>)>,
    notes: Vec<(String, String)>,
}

fn unreadable(_: Fault) -> ParquetError {
    ParquetError::broken("its footer can't be read")
}

impl Raw {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut thrift = Thrift::new(bytes);
        let mut raw = Self::default();
        let mut last = 0;
        while let Some((number, kind)) = thrift.field(&mut last).map_err(unreadable)? {
            match number {
                2 => {
                    let count = thrift.structs(kind).map_err(unreadable)?;
                    raw.schema = Schema::read(&mut thrift, count)?;
                }
                4 => {
                    for _ in 0..thrift.structs(kind).map_err(unreadable)? {
                        raw.groups.push(group(&mut thrift).map_err(unreadable)?);
                    }
                }
                5 => {
                    for _ in 0..thrift.structs(kind).map_err(unreadable)? {
                        raw.notes.push(note(&mut thrift).map_err(unreadable)?);
                    }
                }
                _ => thrift.skip(kind).map_err(unreadable)?,
            }
        }
        Ok(raw)
    }
}

type Read<T> = std::result::Result<T, Fault>;

fn note(thrift: &mut Thrift) -> Read<(String, String)> {
    let mut note = (String::new(), String::new());
    let mut last = 0;
    while let Some((number, kind)) = thrift.field(&mut last)? {
        match number {
            1 => note.0 = thrift.text(kind)?,
            2 => note.1 = thrift.text(kind)?,
            _ => thrift.skip(kind)?,
        }
    }
    Ok(note)
}

fn group(thrift: &mut Thrift) -> Read<(u64, Vec<Chunk>)> {
    let (mut rows, mut chunks) = (0, Vec::new());
    let mut last = 0;
    while let Some((number, kind)) = thrift.field(&mut last)? {
        match number {
            1 => {
                for _ in 0..thrift.structs(kind)? {
                    chunks.push(RawChunk::read(thrift)?.chunk()?);
                }
            }
            3 => rows = thrift.count(kind)?,
            _ => thrift.skip(kind)?,
        }
    }
    Ok((rows, chunks))
}

/// A column chunk as it is written.
#[derive(Default)]
struct RawChunk {
    codec: i64,
    packed: u64,
    data: u64,
    dictionary: Option<u64>,
    index: Option<u64>,
    index_length: u64,
    encrypted: bool,
    elsewhere: bool,
    described: bool,
}

impl RawChunk {
    fn read(thrift: &mut Thrift) -> Read<Self> {
        let mut chunk = Self::default();
        let mut last = 0;
        while let Some((number, kind)) = thrift.field(&mut last)? {
            match number {
                1 => chunk.elsewhere = !thrift.binary(kind)?.is_empty(),
                3 => {
                    kind.structure()?;
                    chunk.described = true;
                    chunk.describe(thrift)?;
                }
                4 => chunk.index = Some(thrift.count(kind)?),
                5 => chunk.index_length = thrift.count(kind)?,
                8 | 9 => {
                    chunk.encrypted = true;
                    thrift.skip(kind)?;
                }
                _ => thrift.skip(kind)?,
            }
        }
        Ok(chunk)
    }

    fn describe(&mut self, thrift: &mut Thrift) -> Read<()> {
        let mut last = 0;
        while let Some((number, kind)) = thrift.field(&mut last)? {
            match number {
                4 => self.codec = thrift.int(kind)?,
                7 => self.packed = thrift.count(kind)?,
                9 => self.data = thrift.count(kind)?,
                11 => self.dictionary = thrift.int(kind).map(|at| u64::try_from(at).ok())?,
                _ => thrift.skip(kind)?,
            }
        }
        Ok(())
    }

    fn chunk(self) -> Read<Chunk> {
        if self.elsewhere || !(self.described || self.encrypted) {
            return Err(Fault::Broken);
        }
        // Some writers say 0 for no dictionary.
        let dictionary = self.dictionary.filter(|at| *at > 0);
        let start = dictionary.map_or(self.data, |at| at.min(self.data));
        let end = start.checked_add(self.packed).ok_or(Fault::Broken)?;
        let index = self
            .index
            .zip(self.index.and_then(|at| at.checked_add(self.index_length)));
        Ok(Chunk {
            bytes: start..end,
            data: self.data,
            codec: Codec::of(self.codec),
            index: index
                .filter(|(from, to)| to > from)
                .map(|(from, to)| from..to),
            encrypted: self.encrypted,
        })
    }
}
