//! The compact protocol of Thrift, in which Parquet writes its footer, its page headers and its page index.
//!
//! A reader that is pulled, field by field: nothing is allocated on the word of a length that was read.

/// How deep unknown structures may be nested before they are taken for broken.
const DEEPEST: u8 = 32;

/// Why a structure could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end within it.
    End,
    /// The bytes are something else.
    Broken,
}

type Result<T> = std::result::Result<T, Fault>;

/// Type of a field, as the protocol numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    const TRUE: Self = Self(1);
    const FALSE: Self = Self(2);
    const DOUBLE: Self = Self(7);
    const BINARY: Self = Self(8);
    const LIST: Self = Self(9);
    const SET: Self = Self(10);
    const MAP: Self = Self(11);
    const STRUCT: Self = Self(12);
    const UUID: Self = Self(13);

    /// Yes or no: as a field, its type is its value.
    pub(super) fn flag(self) -> Result<bool> {
        match self {
            Self::TRUE => Ok(true),
            Self::FALSE => Ok(false),
            _ => Err(Fault::Broken),
        }
    }

    /// Asks for a structure, whose fields follow.
    pub(super) fn structure(self) -> Result<()> {
        if self == Self::STRUCT {
            Ok(())
        } else {
            Err(Fault::Broken)
        }
    }
}

/// Reads structures from bytes.
#[derive(Clone, Debug)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    /// A reader at the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Fault::Broken)?;
        let piece = self.bytes.get(self.at..end).ok_or(Fault::End)?;
        self.at = end;
        Ok(piece)
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::End)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::Broken)
    }

    fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next field of a structure: its number and type. `last` is the number of the one before, 0 at first.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<(i16, Kind)>> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let number = match head >> 4 {
            0 => i16::try_from(self.zigzag()?).ok().ok_or(Fault::Broken)?,
            step => last.checked_add(i16::from(step)).ok_or(Fault::Broken)?,
        };
        *last = number;
        Ok(Some((number, Kind(head & 0x0f))))
    }

    /// A number of any width.
    pub(super) fn int(&mut self, kind: Kind) -> Result<i64> {
        match kind.0 {
            3 => Ok(i64::from(self.byte()? as i8)),
            4..=6 => self.zigzag(),
            _ => Err(Fault::Broken),
        }
    }

    /// A number that is no negative one.
    pub(super) fn count(&mut self, kind: Kind) -> Result<u64> {
        u64::try_from(self.int(kind)?).ok().ok_or(Fault::Broken)
    }

    /// Bytes with their length before them.
    pub(super) fn binary(&mut self, kind: Kind) -> Result<&'a [u8]> {
        if kind != Kind::BINARY {
            return Err(Fault::Broken);
        }
        let length = usize::try_from(self.varint()?).ok().ok_or(Fault::Broken)?;
        self.take(length)
    }

    /// A text. What is no UTF-8 is replaced: names only.
    pub(super) fn text(&mut self, kind: Kind) -> Result<String> {
        Ok(String::from_utf8_lossy(self.binary(kind)?).into_owned())
    }

    /// Beginning of a list of structures: how many.
    pub(super) fn structs(&mut self, kind: Kind) -> Result<usize> {
        if kind != Kind::LIST {
            return Err(Fault::Broken);
        }
        let (count, of) = self.list()?;
        if of == Kind::STRUCT || count == 0 {
            Ok(count)
        } else {
            Err(Fault::Broken)
        }
    }

    fn list(&mut self) -> Result<(usize, Kind)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok().ok_or(Fault::Broken)?,
            short => usize::from(short),
        };
        // No element is shorter than a byte.
        if count > self.bytes.len() - self.at {
            return Err(Fault::End);
        }
        Ok((count, Kind(head & 0x0f)))
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<()> {
        self.pass(kind, DEEPEST)
    }

    fn pass(&mut self, kind: Kind, deep: u8) -> Result<()> {
        let deeper = deep.checked_sub(1).ok_or(Fault::Broken)?;
        match kind {
            Kind::TRUE | Kind::FALSE => {}
            Kind::DOUBLE => drop(self.take(8)?),
            Kind::UUID => drop(self.take(16)?),
            Kind::BINARY => drop(self.binary(kind)?),
            Kind::LIST | Kind::SET => {
                let (count, of) = self.list()?;
                for _ in 0..count {
                    self.element(of, deeper)?;
                }
            }
            Kind::MAP => {
                let count = self.varint()?;
                if count > 0 {
                    let kinds = self.byte()?;
                    for _ in 0..count {
                        self.element(Kind(kinds >> 4), deeper)?;
                        self.element(Kind(kinds & 0x0f), deeper)?;
                    }
                }
            }
            Kind::STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.pass(kind, deeper)?;
                }
            }
            number => drop(self.int(number)?),
        }
        Ok(())
    }

    /// An element of a list: there, yes and no take a byte.
    fn element(&mut self, kind: Kind, deep: u8) -> Result<()> {
        match kind {
            Kind::TRUE | Kind::FALSE => self.byte().map(drop),
            _ => self.pass(kind, deep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_read_field_by_field_and_what_is_unknown_is_passed_over() {
        // 1: i32 -3; 2: [true, false]; 3: {1: "no"}; 20: true; 21: "é".
        let bytes = [
            0x15, 0x05, 0x19, 0x21, 1, 2, 0x1c, 0x18, 2, b'n', b'o', 0, 0x01, 40, 0x18, 2, 0xc3,
            0xa9, 0, 0xff,
        ];
        let mut thrift = Thrift::new(&bytes);
        let (mut last, mut found) = (0, Vec::new());
        while let Some((number, kind)) = thrift.field(&mut last).expect("a field") {
            found.push(match number {
                1 => thrift.int(kind).expect("a number").to_string(),
                20 => kind.flag().expect("a flag").to_string(),
                21 => thrift.text(kind).expect("a text"),
                _ => thrift
                    .skip(kind)
                    .map(|()| "passed".to_owned())
                    .expect("passed over"),
            });
        }
        assert_eq!(found, ["-3", "passed", "passed", "true", "é"]);
        assert_eq!(thrift.at(), bytes.len() - 1);
    }

    #[test]
    fn a_structure_that_is_cut_is_told_from_a_broken_one() {
        let bytes = [0x15, 0x80];
        let mut thrift = Thrift::new(&bytes);
        let (_, kind) = thrift.field(&mut 0).expect("a field").expect("one");
        assert_eq!(thrift.int(kind), Err(Fault::End));
        let endless = [0x80; 12];
        assert_eq!(Thrift::new(&endless).varint(), Err(Fault::Broken));
        // Structures in structures in …
        assert_eq!(
            Thrift::new(&[0x1c; 100]).skip(Kind::STRUCT),
            Err(Fault::Broken)
        );
        // A list that says it has more elements than there are bytes.
        assert_eq!(
            Thrift::new(&[0xfc, 0xff, 0xff, 0xff, 0x07]).skip(Kind::LIST),
            Err(Fault::End)
        );
    }
}
