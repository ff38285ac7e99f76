//! Encodings of values within a page.

use super::levels::{Hybrid, varint, wide_bits};
use super::schema::Stored;

/// A value as it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Raw<'a> {
    Bool(bool),
    I32(i32),
    I64(i64),
    I96([u8; 12]),
    F32(f32),
    F64(f64),
    Bytes(&'a [u8]),
    /// Index into the dictionary.
    Index(usize),
}

/// Values of a page, read one after another.
pub(super) struct Values {
    stored: Stored,
    form: Form,
}

enum Form {
    Plain {
        bytes: Vec<u8>,
        at: usize,
    },
    Bits {
        bytes: Vec<u8>,
        at: usize,
    },
    Bools(Hybrid),
    Indices(Hybrid),
    Deltas(Deltas),
    /// Lengths first, then all bytes.
    Lengths {
        lengths: Deltas,
        bytes: Vec<u8>,
        at: usize,
    },
    /// Each value begins with some bytes of the one before.
    Prefixes {
        prefixes: Deltas,
        suffixes: Deltas,
        bytes: Vec<u8>,
        at: usize,
        value: Vec<u8>,
    },
    /// The first bytes of all values, then the second ones, and so on.
    Split {
        bytes: Vec<u8>,
        at: usize,
        value: Vec<u8>,
    },
}

/// Why the values of a page can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The encoding isn't known, or not for such values.
    Encoding,
    /// The bytes are not what the encoding says.
    Broken,
}

impl Values {
    /// The values in `bytes`, which are at most `count`.
    pub(super) fn new(
        stored: Stored,
        encoding: i64,
        bytes: Vec<u8>,
        count: usize,
    ) -> Result<Self, Unreadable> {
        let textual = matches!(stored, Stored::Bytes | Stored::Fixed(_));
        let whole = matches!(stored, Stored::I32 | Stored::I64);
        let form = match encoding {
            0 if stored == Stored::Bool => Some(Form::Bits { bytes, at: 0 }),
            0 => Some(Form::Plain { bytes, at: 0 }),
            3 if stored == Stored::Bool => {
                let bits = bytes.get(4..).unwrap_or_default().to_vec();
                Hybrid::new(bits, 1).map(Form::Bools)
            }
            2 | 8 => {
                let width = bytes.first().copied().unwrap_or_default();
                Hybrid::new(bytes.get(1..).unwrap_or_default().to_vec(), width).map(Form::Indices)
            }
            5 if whole => Deltas::new(bytes, 0, count).map(Form::Deltas),
            6 if textual => lengths(bytes, count),
            7 if textual => prefixes(bytes, count),
            9 if stored != Stored::Bytes && stored != Stored::Bool => Some(Form::Split {
                bytes,
                at: 0,
                value: Vec::new(),
            }),
            _ => return Err(Unreadable::Encoding),
        };
        let form = form.ok_or(Unreadable::Broken)?;
        Ok(Self { stored, form })
    }

    /// The next value; `None` when there is none.
    pub(super) fn next(&mut self) -> Option<Raw<'_>> {
        match &mut self.form {
            Form::Plain { bytes, at } => plain(self.stored, bytes, at),
            Form::Bits { bytes, at } => {
                let byte = *bytes.get(*at / 8)?;
                let bit = byte >> (*at % 8) & 1;
                *at += 1;
                Some(Raw::Bool(bit == 1))
            }
            Form::Bools(bits) => bits.next().map(|bit| Raw::Bool(bit == 1)),
            Form::Indices(indices) => Some(Raw::Index(usize::try_from(indices.next()?).ok()?)),
            Form::Deltas(deltas) => {
                let value = deltas.next()?;
                Some(if self.stored == Stored::I32 {
                    Raw::I32(value as i32)
                } else {
                    Raw::I64(value)
                })
            }
            Form::Lengths { lengths, bytes, at } => {
                let length = usize::try_from(lengths.next()?).ok()?;
                Some(Raw::Bytes(take(bytes, at, length)?))
            }
            Form::Prefixes {
                prefixes,
                suffixes,
                bytes,
                at,
                value,
            } => {
                let (prefix, suffix) = (prefixes.next()?, suffixes.next()?);
                let prefix = usize::try_from(prefix)
                    .ok()
                    .filter(|prefix| *prefix <= value.len())?;
                value.truncate(prefix);
                value.extend_from_slice(take(bytes, at, usize::try_from(suffix).ok()?)?);
                Some(Raw::Bytes(value))
            }
            Form::Split { bytes, at, value } => {
                let width = width(self.stored)?;
                let count = bytes.len() / width;
                if *at >= count {
                    return None;
                }
                value.clear();
                value.extend((0..width).filter_map(|part| bytes.get(part * count + *at)));
                *at += 1;
                plain(self.stored, value, &mut 0)
            }
        }
    }
}

/// All values of a dictionary page, handed to `each`; `None` when there are fewer than `count`.
pub(super) fn dictionary(
    stored: Stored,
    bytes: &[u8],
    count: u64,
    mut each: impl FnMut(Raw),
) -> Option<()> {
    let mut at = 0;
    for _ in 0..count {
        each(plain(stored, bytes, &mut at)?);
    }
    Some(())
}

fn take<'a>(bytes: &'a [u8], at: &mut usize, count: usize) -> Option<&'a [u8]> {
    let end = at.checked_add(count)?;
    let piece = bytes.get(*at..end)?;
    *at = end;
    Some(piece)
}

fn width(stored: Stored) -> Option<usize> {
    match stored {
        Stored::I32 | Stored::F32 => Some(4),
        Stored::I64 | Stored::F64 => Some(8),
        Stored::I96 => Some(12),
        Stored::Fixed(width) => Some(width),
        Stored::Bool | Stored::Bytes => None,
    }
}

fn plain<'a>(stored: Stored, bytes: &'a [u8], at: &mut usize) -> Option<Raw<'a>> {
    let length = match width(stored) {
        Some(width) => width,
        None => usize::try_from(u32::from_le_bytes(take(bytes, at, 4)?.try_into().ok()?)).ok()?,
    };
    let value = take(bytes, at, length)?;
    Some(match stored {
        Stored::I32 => Raw::I32(i32::from_le_bytes(value.try_into().ok()?)),
        Stored::I64 => Raw::I64(i64::from_le_bytes(value.try_into().ok()?)),
        Stored::I96 => Raw::I96(value.try_into().ok()?),
        Stored::F32 => Raw::F32(f32::from_le_bytes(value.try_into().ok()?)),
        Stored::F64 => Raw::F64(f64::from_le_bytes(value.try_into().ok()?)),
        Stored::Bytes | Stored::Fixed(_) => Raw::Bytes(value),
        Stored::Bool => return None,
    })
}

fn lengths(bytes: Vec<u8>, count: usize) -> Option<Form> {
    let lengths = Deltas::new(bytes, 0, count)?;
    let (at, bytes) = (lengths.end()?, lengths.bytes.clone());
    Some(Form::Lengths { lengths, bytes, at })
}

fn prefixes(bytes: Vec<u8>, count: usize) -> Option<Form> {
    let prefixes = Deltas::new(bytes, 0, count)?;
    let suffixes = Deltas::new(prefixes.bytes.clone(), prefixes.end()?, count)?;
    let (at, bytes) = (suffixes.end()?, suffixes.bytes.clone());
    Some(Form::Prefixes {
        prefixes,
        suffixes,
        bytes,
        at,
        value: Vec::new(),
    })
}

/// Whole numbers, each by its distance from the one before, in blocks of blocks.
#[derive(Clone)]
struct Deltas {
    bytes: Vec<u8>,
    at: usize,
    /// Numbers of a small block.
    small: usize,
    /// Small blocks of a block.
    blocks: usize,
    /// Numbers to come.
    left: usize,
    value: i64,
    first: bool,
    least: i64,
    /// Widths of the block's small blocks that are to come, the next one last.
    widths: Vec<u8>,
    width: u8,
    /// Numbers to come, and where the next one is, in the small block.
    small_left: usize,
    bit: usize,
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

impl Deltas {
    fn new(bytes: Vec<u8>, mut at: usize, most: usize) -> Option<Self> {
        let block = usize::try_from(varint(&bytes, &mut at)?).ok()?;
        let blocks = usize::try_from(varint(&bytes, &mut at)?).ok()?;
        let count = usize::try_from(varint(&bytes, &mut at)?).ok()?;
        let value = zigzag(varint(&bytes, &mut at)?);
        let small = block.checked_div(blocks)?;
        if small == 0 || block > 1 << 20 || count > most {
            return None;
        }
        Some(Self {
            bytes,
            at,
            small,
            blocks,
            left: count,
            value,
            first: true,
            least: 0,
            widths: Vec::new(),
            width: 0,
            small_left: 0,
            bit: 0,
        })
    }

    fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::take(&mut self.first) {
            return Some(self.value);
        }
        if self.small_left == 0 {
            self.open()?;
        }
        let delta = wide_bits(self.bytes.get(self.at..)?, self.bit, self.width)?;
        self.bit += usize::from(self.width);
        self.small_left -= 1;
        if self.small_left == 0 {
            self.close();
        }
        self.value = self
            .value
            .wrapping_add(self.least)
            .wrapping_add(delta as i64);
        Some(self.value)
    }

    /// Begins the next small block, and the block around it.
    fn open(&mut self) -> Option<()> {
        if self.widths.is_empty() {
            self.least = zigzag(varint(&self.bytes, &mut self.at)?);
            let widths = take(&self.bytes, &mut self.at, self.blocks)?;
            self.widths = widths.iter().rev().copied().collect();
        }
        self.width = self.widths.pop().filter(|width| *width <= 64)?;
        self.small_left = self.small;
        self.bit = 0;
        Some(())
    }

    fn close(&mut self) {
        self.at += (self.small * usize::from(self.width)).div_ceil(8);
    }

    /// Where the bytes behind the last number are.
    fn end(&self) -> Option<usize> {
        let mut copy = self.clone();
        while copy.left > 0 {
            copy.next()?;
        }
        if copy.small_left > 0 {
            copy.close();
        }
        Some(copy.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Vec<i64> {
        let mut deltas = Deltas::new(bytes.to_vec(), 0, 100).expect("deltas");
        std::iter::from_fn(|| deltas.next()).collect()
    }

    #[test]
    fn deltas_are_summed_up() {
        // The format's first example, in one small block of 8: 1 2 3 4 5 has steps of 1, in no bits.
        assert_eq!(numbers(&[8, 1, 5, 2, 2, 0]), [1, 2, 3, 4, 5]);
        // Its second one: 7 5 3 1 2 3 4 5: the least step is -2, the others are 0 or 3 above, in two bits.
        assert_eq!(
            numbers(&[8, 1, 8, 14, 3, 2, 0b1100_0000, 0b0011_1111]),
            [7, 5, 3, 1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn deltas_of_more_numbers_than_a_page_has_are_refused() {
        assert!(Deltas::new(vec![8, 1, 101, 2, 2, 0], 0, 100).is_none());
        assert!(Deltas::new(vec![8, 0, 5, 2, 2, 0], 0, 100).is_none());
    }

    #[test]
    fn an_encoding_that_does_not_fit_is_named_as_the_cause() {
        let of = |stored, encoding| Values::new(stored, encoding, vec![0; 8], 8).err();
        assert_eq!(of(Stored::F64, 5), Some(Unreadable::Encoding));
        assert_eq!(of(Stored::I32, 77), Some(Unreadable::Encoding));
        assert_eq!(of(Stored::I32, 0), None);
    }
}
