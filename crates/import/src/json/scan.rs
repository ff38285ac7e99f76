//! Where a value ends, found without parsing it, in text that comes in pieces.
//!
//! Items are cut out before they are parsed, so that one broken item is one fault with its own line. A quotation mark
//! or bracket too few makes everything behind it look like its opposite; [`Scan`] notices where the next item begins
//! nevertheless: at a bracket where only a name may stand, or at the end of a "text" that is really `},{`, if the first
//! name of the item before follows.

use super::buffer::is_space;

/// Longest row, in bytes.
pub(crate) const MAX_ROW: usize = 16 << 20;
/// Brackets that are remembered; deeper ones are only counted.
const REMEMBERED: usize = 1024;
/// Spaces that may stand between the brackets of two items where a damaged one is cut off.
const BETWEEN: usize = 4096;

/// What a piece of text showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The end has not come yet.
    Nothing,
    /// The value ends here.
    End(usize),
}

/// A search for the end of one value. Positions count from its first byte.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// How far it is.
    pub(crate) at: usize,
    /// Open brackets.
    open: Vec<u8>,
    /// How many more are open, deeper than they are remembered.
    deeper: usize,
    is_in_text: bool,
    is_escaped: bool,
    /// Last byte outside texts that is no space.
    before: u8,
    /// A list of objects is inside.
    pub(crate) holds_list: bool,
    /// Bytes were dropped: the item is too long to be kept.
    pub(crate) is_dropped: bool,
}

impl Scan {
    /// A scan of an array whose opening bracket was used already.
    pub(crate) fn in_array() -> Self {
        Self {
            open: vec![b'['],
            before: b'[',
            ..Self::default()
        }
    }

    /// Goes on through `bytes`, which begin where the value begins. `name` is the text of the first name of the items
    /// so far, as it is written, with its opening quotation mark.
    pub(crate) fn run(&mut self, bytes: &[u8], is_ended: bool, name: Option<&[u8]>) -> Found {
        while let Some(byte) = bytes.get(self.at).copied() {
            if self.is_in_text {
                if !self.is_escaped && !is_mark_of_text(byte) {
                    let rest = bytes.get(self.at..).unwrap_or_default();
                    let plain = rest.iter().position(|byte| is_mark_of_text(*byte));
                    self.at += plain.unwrap_or(rest.len());
                    continue;
                }
                if byte == b'"' && !self.is_escaped {
                    match self.closes_at_next_item(bytes, is_ended, name) {
                        Ahead::Item(at) => return Found::End(at),
                        Ahead::Unknown => return Found::Nothing,
                        Ahead::No => self.is_in_text = false,
                    }
                }
                self.is_escaped = byte == b'\\' && !self.is_escaped;
                self.before = b'"';
            } else if let Some(found) = self.outside(byte, bytes, is_ended, name) {
                return found;
            }
            self.at += 1;
        }
        if is_ended {
            Found::End(self.at)
        } else {
            Found::Nothing
        }
    }

    /// Goes on through a text, from its opening quotation mark to behind its closing one.
    pub(crate) fn run_text(&mut self, bytes: &[u8], is_ended: bool) -> Found {
        while let Some(byte) = bytes.get(self.at).copied() {
            self.at += 1;
            if byte == b'"' && !self.is_escaped {
                if self.is_in_text {
                    return Found::End(self.at);
                }
                self.is_in_text = true;
            }
            self.is_escaped = byte == b'\\' && !self.is_escaped;
        }
        if is_ended {
            Found::End(self.at)
        } else {
            Found::Nothing
        }
    }

    /// A byte outside texts.
    fn outside(
        &mut self,
        byte: u8,
        bytes: &[u8],
        is_ended: bool,
        name: Option<&[u8]>,
    ) -> Option<Found> {
        match byte {
            b'"' => self.is_in_text = true,
            b'{' if self.open.last() == Some(&b'{') && self.deeper == 0 && self.before != b':' => {
                match starts_item(bytes, self.at, is_ended, name) {
                    Ahead::Item(at) => return Some(Found::End(at)),
                    Ahead::Unknown => return Some(Found::Nothing),
                    Ahead::No => self.open(byte),
                }
            }
            b'[' | b'{' if self.open.is_empty() && self.before != 0 => {
                return Some(Found::End(self.at));
            }
            b'[' | b'{' => self.open(byte),
            b',' | b']' | b'}' if self.open.is_empty() => return Some(Found::End(self.at)),
            b']' | b'}' => {
                self.close(byte);
                if self.open.is_empty() {
                    return Some(Found::End(self.at + 1));
                }
            }
            _ if is_space(byte) => return None,
            _ => {}
        }
        self.before = byte;
        None
    }

    fn open(&mut self, byte: u8) {
        self.holds_list |= byte == b'{' && self.before == b'[';
        if self.open.len() < REMEMBERED {
            self.open.push(byte);
        } else {
            self.deeper += 1;
        }
    }

    /// A closing bracket closes those of the other kind in between too; one that was never opened is passed over.
    fn close(&mut self, byte: u8) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let opening = if byte == b']' { b'[' } else { b'{' };
        if let Some(at) = self.open.iter().rposition(|open| *open == opening) {
            self.open.truncate(at);
        }
    }

    /// Whether a "text" that closes here is really what stands between two items.
    fn closes_at_next_item(&self, bytes: &[u8], is_ended: bool, name: Option<&[u8]>) -> Ahead {
        if name.is_none() {
            return Ahead::No;
        }
        let behind = |from: usize, mark: u8| {
            let from = back_over_space(bytes, from);
            (from > 0 && bytes.get(from - 1) == Some(&mark)).then(|| from - 1)
        };
        let Some(brace) = behind(self.at, b'{') else {
            return Ahead::No;
        };
        let end = behind(brace, b',').unwrap_or(brace);
        match behind(end, b'}') {
            Some(_) => starts_item(bytes, brace, is_ended, name),
            None => Ahead::No,
        }
    }
}

/// What counts inside a text.
fn is_mark_of_text(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\')
}

/// What stands at a place.
enum Ahead {
    /// An item begins there.
    Item(usize),
    /// None.
    No,
    /// More text is needed.
    Unknown,
}

/// Whether the bracket at `at` is followed by the first name of the items.
fn starts_item(bytes: &[u8], at: usize, is_ended: bool, name: Option<&[u8]>) -> Ahead {
    let Some(name) = name else {
        return Ahead::No;
    };
    let after = bytes.get(at + 1..).unwrap_or_default();
    let spaces = after
        .iter()
        .take(BETWEEN)
        .take_while(|byte| is_space(**byte))
        .count();
    let found = after.get(spaces..).unwrap_or_default();
    if found.len() >= name.len() {
        if found.starts_with(name) {
            Ahead::Item(at)
        } else {
            Ahead::No
        }
    } else if is_ended || spaces == BETWEEN || !name.starts_with(found) {
        Ahead::No
    } else {
        Ahead::Unknown
    }
}

/// Start of the spaces that end at `at`.
fn back_over_space(bytes: &[u8], at: usize) -> usize {
    let spaces = bytes
        .get(at.saturating_sub(BETWEEN)..at)
        .unwrap_or_default()
        .iter()
        .rev()
        .take_while(|byte| is_space(**byte))
        .count();
    at - spaces
}

/// The first name of an object's text, as it is written, with both quotation marks.
pub(crate) fn first_name(object: &str) -> Option<Vec<u8>> {
    let inside = object.strip_prefix('{')?.trim_start();
    let text = inside.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })?;
    inside.get(..end + 2).map(|name| name.as_bytes().to_vec())
}
