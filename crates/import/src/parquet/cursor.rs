//! A leaf's values, record by record.

use super::convert::{convert, weight};
use super::error::{ParquetError, Result};
use super::levels::Levels;
use super::page::Page;
use super::schema::Leaf;
use super::values::{self, Raw, Unreadable, Values};
use serde_json::Value;
use std::collections::VecDeque;

/// A record may have this many values in one column.
const MOST_VALUES: usize = 1 << 22;
/// And be this large.
const LARGEST: usize = 256 << 20;

/// A value and where it stands: how deep it is defined, and where its lists begin.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) rep: u8,
    pub(super) def: u8,
    pub(super) value: Value,
}

/// What is needed to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: there are records.
    Nothing,
    /// The next page.
    Page,
}

/// Reads one column chunk.
pub(super) struct Cursor {
    leaf: Leaf,
    dictionary: Option<Vec<Option<Value>>>,
    page: Option<Open>,
    ended: bool,
    /// Records to leave out.
    skip: u64,
    /// Records that began so far, those left out included.
    begun: u64,
    entries: VecDeque<Entry>,
    /// Entries of each record that is whole.
    records: VecDeque<usize>,
    /// Entries, and bytes, of the record that isn't.
    open: usize,
    open_weight: usize,
    /// Bytes of all entries.
    weight: usize,
    /// Values that were left out: bytes that are no text.
    pub(super) dropped: u64,
}

struct Open {
    left: usize,
    rep: Option<Levels>,
    def: Option<Levels>,
    /// Repetition level of the next entry, when it was looked at.
    next: Option<u8>,
    values: Values,
}

fn early() -> ParquetError {
    ParquetError::broken("a page ends early")
}

impl Cursor {
    /// A reader that leaves out the first `skip` records of the pages that it will get.
    pub(super) fn new(leaf: Leaf, skip: u64) -> Self {
        Self {
            leaf,
            dictionary: None,
            page: None,
            ended: false,
            skip,
            begun: 0,
            entries: VecDeque::new(),
            records: VecDeque::new(),
            open: 0,
            open_weight: 0,
            weight: 0,
            dropped: 0,
        }
    }

    /// The leaf that it reads.
    pub(super) fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Passes over a page of `rows` whole records; says whether all of them are left out.
    pub(super) fn pass(&mut self, rows: u64) -> bool {
        let unused = self.begun.saturating_add(rows) <= self.skip;
        if unused {
            self.begun += rows;
        }
        unused
    }

    /// Takes in the dictionary.
    pub(super) fn dictionary(&mut self, bytes: &[u8], count: u64) -> Result<()> {
        let mut values = Vec::new();
        let leaf = &self.leaf;
        values::dictionary(leaf.stored, bytes, count, |raw| {
            values.push(convert(raw, leaf));
        })
        .ok_or_else(|| ParquetError::broken("a dictionary ends early"))?;
        self.dictionary = Some(values);
        Ok(())
    }

    /// Takes in the next page. The one before must be read.
    pub(super) fn push(&mut self, page: Page, column: &str) -> Result<()> {
        let values = Values::new(self.leaf.stored, page.encoding, page.values, page.count);
        let values = values.map_err(|fault| match fault {
            Unreadable::Encoding => ParquetError::Encoding {
                column: column.to_owned(),
                encoding: format!("number {}", page.encoding),
            },
            Unreadable::Broken => ParquetError::broken("the values of a page can't be read"),
        })?;
        self.page = Some(Open {
            left: page.count,
            rep: page.rep,
            def: page.def,
            next: None,
            values,
        });
        Ok(())
    }

    /// No page comes any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
        if self.open > 0 {
            self.close();
        }
    }

    /// Reads until there are `want` whole records, or one and `most` bytes, or the end.
    pub(super) fn fill(&mut self, want: usize, most: usize) -> Result<Need> {
        while self.records.len() < want && (self.records.is_empty() || self.weight < most) {
            match self.rep()? {
                None if self.ended => break,
                None => return Ok(Need::Page),
                Some(0) if self.open > 0 => self.close(),
                Some(rep) => self.entry(rep)?,
            }
        }
        Ok(Need::Nothing)
    }

    /// Repetition level of the next entry; `None` at the end of a page.
    fn rep(&mut self) -> Result<Option<u8>> {
        let Some(page) = self.page.as_mut().filter(|page| page.left > 0) else {
            return Ok(None);
        };
        if page.next.is_none() {
            page.next = Some(match &mut page.rep {
                Some(levels) => levels.next().ok_or_else(early)?,
                None => 0,
            });
        }
        Ok(page.next)
    }

    fn entry(&mut self, rep: u8) -> Result<()> {
        let Some(page) = self.page.as_mut() else {
            return Err(early());
        };
        self.begun += u64::from(rep == 0);
        if self.begun == 0 {
            return Err(ParquetError::broken("a page begins within a row"));
        }
        page.next = None;
        page.left -= 1;
        let def = match &mut page.def {
            Some(levels) => levels.next().ok_or_else(early)?,
            None => 0,
        };
        let raw = (def >= self.leaf.def)
            .then(|| page.values.next().ok_or_else(early))
            .transpose()?;
        if self.begun <= self.skip {
            return Ok(());
        }
        let value = match raw {
            None => Value::Null,
            Some(raw) => json(raw, self.dictionary.as_deref(), &self.leaf)?.unwrap_or_else(|| {
                self.dropped += 1;
                Value::Null
            }),
        };
        let weight = weight(&value);
        self.entries.push_back(Entry { rep, def, value });
        self.open += 1;
        self.weight += weight;
        self.open_weight += weight;
        if self.open > MOST_VALUES || self.open_weight > LARGEST {
            let what = "A row".to_owned();
            return Err(ParquetError::TooLarge {
                what,
                most: (LARGEST >> 20) as u64,
            });
        }
        if self.leaf.rep == 0 {
            self.close();
        }
        Ok(())
    }

    fn close(&mut self) {
        self.records.push_back(self.open);
        self.open = 0;
        self.open_weight = 0;
    }

    /// How many records are whole.
    pub(super) fn ready(&self) -> usize {
        self.records.len()
    }

    /// Takes the first record out.
    pub(super) fn take(&mut self) -> Option<std::collections::vec_deque::Drain<'_, Entry>> {
        let count = self.records.pop_front()?;
        let taken = self.entries.iter().take(count);
        self.weight -= taken.map(|entry| weight(&entry.value)).sum::<usize>();
        Some(self.entries.drain(..count))
    }
}

fn json(raw: Raw, dictionary: Option<&[Option<Value>]>, leaf: &Leaf) -> Result<Option<Value>> {
    let Raw::Index(at) = raw else {
        return Ok(convert(raw, leaf));
    };
    let values = dictionary.ok_or_else(|| ParquetError::broken("a dictionary is missing"))?;
    let value = values.get(at).cloned();
    value.ok_or_else(|| ParquetError::broken("a value is not in its dictionary"))
}
