//! Lines of the schema, as the footer has them.

use super::error::{ParquetError, Result};
use super::schema::{Meaning, Stored};
use super::thrift::{Fault, Thrift};

/// A line of the schema as it is written: a tree, depth first.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) stored: Option<i64>,
    pub(super) length: u64,
    pub(super) repetition: i64,
    pub(super) children: usize,
    pub(super) converted: Option<i64>,
    pub(super) scale: u64,
    pub(super) logical: Option<Logical>,
}

/// A logical type: its number, and what of its fields matters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Logical {
    number: i16,
    pub(super) scale: u64,
    parts: i64,
    utc: bool,
    unsigned: bool,
}

pub(super) const OPTIONAL: i64 = 1;
pub(super) const REPEATED: i64 = 2;

impl Element {
    pub(super) fn read(thrift: &mut Thrift) -> std::result::Result<Self, Fault> {
        let mut element = Self::default();
        let mut last = 0;
        while let Some((number, kind)) = thrift.field(&mut last)? {
            match number {
                1 => element.stored = Some(thrift.int(kind)?),
                2 => element.length = thrift.count(kind)?,
                3 => element.repetition = thrift.int(kind)?,
                4 => element.name = thrift.text(kind)?,
                5 => {
                    element.children = usize::try_from(thrift.count(kind)?)
                        .ok()
                        .ok_or(Fault::Broken)?;
                }
                6 => element.converted = Some(thrift.int(kind)?),
                7 => element.scale = thrift.count(kind)?,
                10 => {
                    kind.structure()?;
                    element.logical = Logical::read(thrift)?;
                }
                _ => thrift.skip(kind)?,
            }
        }
        Ok(element)
    }

    pub(super) fn is_list(&self) -> bool {
        self.logical.is_some_and(|logical| logical.number == 3) || self.converted == Some(3)
    }

    pub(super) fn is_map(&self) -> bool {
        self.logical.is_some_and(|logical| logical.number == 2)
            || matches!(self.converted, Some(1 | 2))
    }

    pub(super) fn stored(&self) -> Result<Stored> {
        Ok(match self.stored {
            Some(0) => Stored::Bool,
            Some(1) => Stored::I32,
            Some(2) => Stored::I64,
            Some(3) => Stored::I96,
            Some(4) => Stored::F32,
            Some(5) => Stored::F64,
            Some(6) => Stored::Bytes,
            Some(7) if (1..1 << 20).contains(&self.length) => Stored::Fixed(self.length as usize),
            _ => {
                return Err(ParquetError::broken(format!(
                    "the column \"{}\" has no type",
                    self.name
                )));
            }
        })
    }

    pub(super) fn meaning(&self) -> Meaning {
        if let Some(logical) = self.logical
            && let Some(meaning) = logical.meaning()
        {
            return meaning;
        }
        let moment = |parts| Meaning::Moment { parts, utc: true };
        match self.converted {
            Some(0 | 4) => Meaning::Text,
            Some(5) => Meaning::Decimal {
                scale: scale(self.scale),
            },
            Some(6) => Meaning::Date,
            Some(7) => Meaning::Time { parts: 1000 },
            Some(8) => Meaning::Time { parts: 1_000_000 },
            Some(9) => moment(1000),
            Some(10) => moment(1_000_000),
            Some(11..=14) => Meaning::Unsigned,
            Some(19) => Meaning::Json,
            _ => Meaning::Plain,
        }
    }
}

fn scale(scale: u64) -> u32 {
    scale.min(100) as u32
}

impl Logical {
    /// Reads the union of logical types.
    pub(super) fn read(thrift: &mut Thrift) -> std::result::Result<Option<Self>, Fault> {
        let mut found = None;
        let mut last = 0;
        while let Some((number, kind)) = thrift.field(&mut last)? {
            kind.structure()?;
            let mut logical = Self {
                number,
                ..Self::default()
            };
            logical.fields(thrift)?;
            found = Some(logical);
        }
        Ok(found)
    }

    fn fields(&mut self, thrift: &mut Thrift) -> std::result::Result<(), Fault> {
        let mut last = 0;
        while let Some((number, kind)) = thrift.field(&mut last)? {
            match (self.number, number) {
                (5, 1) => self.scale = thrift.count(kind)?,
                (7 | 8, 1) => self.utc = kind.flag()?,
                (7 | 8, 2) => {
                    kind.structure()?;
                    let mut last = 0;
                    while let Some((unit, kind)) = thrift.field(&mut last)? {
                        self.parts = match unit {
                            2 => 1_000_000,
                            3 => 1_000_000_000,
                            _ => 1000,
                        };
                        thrift.skip(kind)?;
                    }
                }
                (10, 2) => self.unsigned = !kind.flag()?,
                _ => thrift.skip(kind)?,
            }
        }
        Ok(())
    }

    pub(super) fn meaning(self) -> Option<Meaning> {
        Some(match self.number {
            1 | 4 => Meaning::Text,
            5 => Meaning::Decimal {
                scale: scale(self.scale),
            },
            6 => Meaning::Date,
            7 => Meaning::Time {
                parts: self.parts.max(1),
            },
            8 => Meaning::Moment {
                parts: self.parts.max(1),
                utc: self.utc,
            },
            10 if self.unsigned => Meaning::Unsigned,
            10 => Meaning::Plain,
            11 => Meaning::Nothing,
            12 => Meaning::Json,
            14 => Meaning::Uuid,
            15 => Meaning::Half,
            _ => return None,
        })
    }
}
