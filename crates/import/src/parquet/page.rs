//! Pages: their headers, and what is in them once they are unpacked.

use super::codec::Codec;
use super::error::{ParquetError, Result};
use super::levels::Levels;
use super::schema::Leaf;
use super::thrift::{Fault, Thrift};

/// A page may be this large, unpacked.
const LARGEST: u64 = 256 << 20;
/// A page may hold this many values: levels of a billion nulls take a few bytes.
const MOST_VALUES: u64 = 1 << 26;
/// And a dictionary, whose values are all held, this many.
const MOST_WORDS: u64 = 1 << 22;

/// What stands before a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: PageKind,
    /// Bytes that follow.
    pub(super) packed: u64,
    /// Bytes that they give.
    pub(super) unpacked: u64,
    pub(super) values: u64,
    pub(super) encoding: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Data {
        def_encoding: i64,
        rep_encoding: i64,
    },
    Data2 {
        rows: u64,
        def: u64,
        rep: u64,
        packed: bool,
    },
    Dictionary,
    /// Nothing that a reader needs.
    Other,
}

impl Header {
    /// Reads a header, and says how long it is.
    pub(super) fn read(bytes: &[u8]) -> std::result::Result<(Self, usize), Fault> {
        let mut thrift = Thrift::new(bytes);
        let (mut kind, mut packed, mut unpacked) = (None, None, None);
        let mut body = None;
        let mut last = 0;
        while let Some((number, of)) = thrift.field(&mut last)? {
            match number {
                1 => kind = Some(thrift.count(of)?),
                2 => unpacked = Some(thrift.count(of)?),
                3 => packed = Some(thrift.count(of)?),
                5 | 7 | 8 => {
                    of.structure()?;
                    body = Some(Body::read(&mut thrift, number == 8)?);
                }
                _ => thrift.skip(of)?,
            }
        }
        let (kind, packed, unpacked) = kind
            .zip(packed)
            .zip(unpacked)
            .map(|((kind, packed), unpacked)| (kind, packed, unpacked))
            .ok_or(Fault::Broken)?;
        let body = body.unwrap_or_default();
        let header = Self {
            kind: body.kind(kind),
            packed,
            unpacked,
            values: body.values,
            encoding: body.encoding,
        };
        Ok((header, thrift.at()))
    }

    /// Rows of the page, when its header tells.
    pub(super) fn rows(&self, leaf: &Leaf) -> Option<u64> {
        match self.kind {
            PageKind::Data2 { rows, .. } => Some(rows),
            PageKind::Data { .. } if leaf.rep == 0 => Some(self.values),
            _ => None,
        }
    }

    /// Refuses what can't be held.
    pub(super) fn check(&self) -> Result<()> {
        let most = if self.kind == PageKind::Dictionary {
            MOST_WORDS
        } else {
            MOST_VALUES
        };
        if self.unpacked > LARGEST || self.packed > LARGEST || self.values > most {
            let what = "A page of this Parquet file".to_owned();
            return Err(ParquetError::TooLarge {
                what,
                most: LARGEST >> 20,
            });
        }
        Ok(())
    }
}

/// The fields of a header that depend on its kind.
#[derive(Default)]
struct Body {
    values: u64,
    encoding: i64,
    rows: u64,
    def: u64,
    rep: u64,
    def_encoding: i64,
    rep_encoding: i64,
    plain: bool,
}

impl Body {
    fn read(thrift: &mut Thrift, second: bool) -> std::result::Result<Self, Fault> {
        let mut body = Self::default();
        let mut last = 0;
        while let Some((number, of)) = thrift.field(&mut last)? {
            match (number, second) {
                (1, _) => body.values = thrift.count(of)?,
                (2, false) | (4, true) => body.encoding = thrift.int(of)?,
                (3, true) => body.rows = thrift.count(of)?,
                (5, true) => body.def = thrift.count(of)?,
                (6, true) => body.rep = thrift.count(of)?,
                (7, true) => body.plain = !of.flag()?,
                // A dictionary has a flag under this number.
                (3, false) if of.flag().is_ok() => {}
                (3, false) => body.def_encoding = thrift.int(of)?,
                (4, false) => body.rep_encoding = thrift.int(of)?,
                _ => thrift.skip(of)?,
            }
        }
        Ok(body)
    }

    fn kind(&self, number: u64) -> PageKind {
        match number {
            0 => PageKind::Data {
                def_encoding: self.def_encoding,
                rep_encoding: self.rep_encoding,
            },
            2 => PageKind::Dictionary,
            3 => PageKind::Data2 {
                rows: self.rows,
                def: self.def,
                rep: self.rep,
                packed: !self.plain,
            },
            _ => PageKind::Other,
        }
    }
}

/// A page of data, unpacked.
pub(super) struct Page {
    /// Levels and values that it holds, nulls included.
    pub(super) count: usize,
    pub(super) rep: Option<Levels>,
    pub(super) def: Option<Levels>,
    pub(super) encoding: i64,
    pub(super) values: Vec<u8>,
}

fn unpack(codec: Codec, packed: &[u8], size: u64) -> Result<Vec<u8>> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    codec
        .unpack(packed, size)
        .ok_or_else(|| ParquetError::broken("a page can't be unpacked"))
}

/// The values of a dictionary page, unpacked.
pub(super) fn dictionary(header: &Header, codec: Codec, packed: &[u8]) -> Result<Vec<u8>> {
    unpack(codec, packed, header.unpacked)
}

impl Page {
    /// Unpacks a page of data.
    pub(super) fn open(header: &Header, codec: Codec, packed: &[u8], leaf: &Leaf) -> Result<Self> {
        let count = usize::try_from(header.values).unwrap_or(usize::MAX);
        let broken = || ParquetError::broken("the levels of a page end early");
        match header.kind {
            PageKind::Data {
                def_encoding,
                rep_encoding,
            } => {
                let bytes = unpack(codec, packed, header.unpacked)?;
                let mut at = 0;
                let mut levels = |most: u8, encoding: i64| {
                    if most == 0 {
                        return Ok(None);
                    }
                    let rest = bytes.get(at..).ok_or_else(broken)?;
                    let (levels, length) =
                        Levels::first(rest, most, encoding, count).ok_or_else(broken)?;
                    at += length;
                    Ok::<_, ParquetError>(Some(levels))
                };
                let rep = levels(leaf.rep, rep_encoding)?;
                let def = levels(leaf.def, def_encoding)?;
                let values = bytes.get(at..).ok_or_else(broken)?.to_vec();
                Ok(Self {
                    count,
                    rep,
                    def,
                    encoding: header.encoding,
                    values,
                })
            }
            PageKind::Data2 {
                def,
                rep,
                packed: is_packed,
                ..
            } => {
                let (rep_end, both) = (rep, rep.saturating_add(def));
                let cut = |from: u64, to: u64| {
                    let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
                    packed.get(from..to)
                };
                let rep_bytes = cut(0, rep_end).ok_or_else(broken)?;
                let def_bytes = cut(rep_end, both).ok_or_else(broken)?;
                let rest = cut(both, packed.len() as u64).ok_or_else(broken)?;
                let size = header.unpacked.checked_sub(both).ok_or_else(broken)?;
                let codec = if is_packed { codec } else { Codec::None };
                Ok(Self {
                    count,
                    rep: (leaf.rep > 0).then(|| Levels::second(rep_bytes, leaf.rep)),
                    def: (leaf.def > 0).then(|| Levels::second(def_bytes, leaf.def)),
                    encoding: header.encoding,
                    // Nothing but nulls: some writers pack nothing, others the empty text.
                    values: if size == 0 {
                        Vec::new()
                    } else {
                        unpack(codec, rest, size)?
                    },
                })
            }
            PageKind::Dictionary | PageKind::Other => {
                Err(ParquetError::broken("a page of data is none"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_cannot_be_held_are_refused_before_they_are_read() {
        let page = |kind, packed, unpacked, values| {
            let encoding = 0;
            Header {
                kind,
                packed,
                unpacked,
                values,
                encoding,
            }
            .check()
            .is_ok()
        };
        let data = PageKind::Data {
            def_encoding: 3,
            rep_encoding: 3,
        };
        assert!(page(data.clone(), LARGEST, LARGEST, MOST_VALUES));
        assert!(!page(data.clone(), 1, LARGEST + 1, 1));
        assert!(!page(data.clone(), LARGEST + 1, 1, 1));
        assert!(!page(data, 1, 1, MOST_VALUES + 1));
        assert!(page(PageKind::Dictionary, 1, 1, MOST_WORDS));
        assert!(!page(PageKind::Dictionary, 1, 1, MOST_WORDS + 1));
    }
}
