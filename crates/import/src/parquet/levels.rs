//! Runs and packed bits: the encoding of levels, of indices into a dictionary, and sometimes of yes and no.

/// Numbers of few bits, as runs of one number or packed side by side.
#[derive(Clone, Debug)]
pub(super) struct Hybrid {
    bytes: Vec<u8>,
    at: usize,
    width: u8,
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    /// The same number so many times more.
    Same { value: u32, left: u64 },
    /// Packed numbers from this bit (counted from the run's first byte) on.
    Packed { start: usize, bit: usize, left: u64 },
}

impl Hybrid {
    /// A reader of numbers that are `width` bits wide, at most 32.
    pub(super) fn new(bytes: Vec<u8>, width: u8) -> Option<Self> {
        let run = Run::Same { value: 0, left: 0 };
        (width <= 32).then_some(Self {
            bytes,
            at: 0,
            width,
            run,
        })
    }

    /// The next number; `None` when there is none.
    pub(super) fn next(&mut self) -> Option<u32> {
        loop {
            match &mut self.run {
                Run::Same { value, left } if *left > 0 => {
                    *left -= 1;
                    return Some(*value);
                }
                Run::Packed { start, bit, left } if *left > 0 => {
                    let value = bits(self.bytes.get(*start..)?, *bit, self.width)?;
                    *left -= 1;
                    *bit += usize::from(self.width);
                    return Some(value);
                }
                _ => self.open()?,
            }
        }
    }

    fn open(&mut self) -> Option<()> {
        let head = varint(&self.bytes, &mut self.at)?;
        if head & 1 == 0 {
            let length = usize::from(self.width).div_ceil(8);
            let bytes = self.bytes.get(self.at..self.at + length)?;
            let value = bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u32::from(*byte));
            self.at += length;
            self.run = Run::Same {
                value,
                left: head >> 1,
            };
        } else {
            let groups = head >> 1;
            let length = usize::try_from(groups.checked_mul(u64::from(self.width))?).ok()?;
            self.run = Run::Packed {
                start: self.at,
                bit: 0,
                left: groups.checked_mul(8)?,
            };
            // The last run may be shorter than it says.
            self.at = self.at.checked_add(length)?.min(self.bytes.len());
        }
        Some(())
    }
}

/// `width` bits of `bytes` from `bit` on, the lowest first.
pub(super) fn bits(bytes: &[u8], bit: usize, width: u8) -> Option<u32> {
    u32::try_from(wide_bits(bytes, bit, width)?).ok()
}

/// As [`bits`], up to 64 of them.
pub(super) fn wide_bits(bytes: &[u8], bit: usize, width: u8) -> Option<u64> {
    if width == 0 {
        return Some(0);
    }
    let end = (bit + usize::from(width)).div_ceil(8);
    let taken = bytes.get(bit / 8..end)?;
    let value = taken
        .iter()
        .rev()
        .fold(0_u128, |value, byte| value << 8 | u128::from(*byte))
        >> (bit % 8);
    let mask = u64::MAX >> (64 - u32::from(width.min(64)));
    Some(value as u64 & mask)
}

/// A number in bytes of seven bits.
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Levels of a page: how deep a value is defined, or where its list begins.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    most: u8,
    from: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Hybrid(Hybrid),
    /// The oldest form: bits side by side, the highest first.
    Bits {
        bytes: Vec<u8>,
        bit: usize,
        width: u8,
    },
}

fn width(most: u8) -> u8 {
    (u8::BITS - most.leading_zeros()) as u8
}

impl Levels {
    /// Levels at the beginning of `bytes`, as pages of the first version have them, and how many bytes they take.
    pub(super) fn first(
        bytes: &[u8],
        most: u8,
        encoding: i64,
        count: usize,
    ) -> Option<(Self, usize)> {
        let width = width(most);
        if encoding == 4 {
            let length = count.checked_mul(usize::from(width))?.div_ceil(8);
            let bytes = bytes.get(..length)?.to_vec();
            return Some((
                Self {
                    most,
                    from: Form::Bits {
                        bytes,
                        bit: 0,
                        width,
                    },
                },
                length,
            ));
        }
        let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
        let end = 4_usize.checked_add(usize::try_from(length).ok()?)?;
        let levels = Hybrid::new(bytes.get(4..end)?.to_vec(), width)?;
        Some((
            Self {
                most,
                from: Form::Hybrid(levels),
            },
            end,
        ))
    }

    /// Levels as pages of the second version have them.
    pub(super) fn second(bytes: &[u8], most: u8) -> Self {
        let from = Form::Hybrid(Hybrid {
            bytes: bytes.to_vec(),
            at: 0,
            width: width(most),
            run: Run::Same { value: 0, left: 0 },
        });
        Self { most, from }
    }

    /// The next level; `None` when there is none, or it is none.
    pub(super) fn next(&mut self) -> Option<u8> {
        let level = match &mut self.from {
            Form::Hybrid(levels) => levels.next()?,
            Form::Bits { bytes, bit, width } => {
                let mut level = 0;
                for _ in 0..*width {
                    let byte = *bytes.get(*bit / 8)?;
                    level = level << 1 | u32::from(byte >> (7 - *bit % 8) & 1);
                    *bit += 1;
                }
                level
            }
        };
        u8::try_from(level).ok().filter(|level| *level <= self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], width: u8, count: usize) -> Vec<Option<u32>> {
        let mut numbers = Hybrid::new(bytes.to_vec(), width).expect("a width");
        (0..count).map(|_| numbers.next()).collect()
    }

    #[test]
    fn runs_and_packed_numbers_come_in_turn() {
        // The format's own example: 0 to 7 in three bits, then four times 5.
        let bytes = [0x03, 0b1000_1000, 0b1100_0110, 0b1111_1010, 0x08, 5];
        let expected: Vec<_> = (0..8).chain([5; 4]).map(Some).chain([None]).collect();
        assert_eq!(all(&bytes, 3, 13), expected);
    }

    #[test]
    fn numbers_of_no_bits_are_zeros() {
        assert_eq!(all(&[0x04], 0, 3), [Some(0), Some(0), None]);
    }

    #[test]
    fn a_packed_run_that_is_cut_gives_what_it_has() {
        assert_eq!(
            all(&[0x03, 0b1110_0100], 2, 5),
            [Some(0), Some(1), Some(2), Some(3), None]
        );
    }

    #[test]
    fn the_oldest_levels_have_their_highest_bit_first() {
        let (mut levels, length) = Levels::first(&[0b0001_1011], 3, 4, 4).expect("levels");
        assert_eq!(length, 1);
        let read: Vec<_> = (0..5).map(|_| levels.next()).collect();
        assert_eq!(read, [Some(0), Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn a_level_above_the_highest_is_none() {
        let (mut levels, _) = Levels::first(&[2, 0, 0, 0, 0x04, 3], 2, 3, 2).expect("levels");
        assert_eq!(levels.next(), None);
    }
}
