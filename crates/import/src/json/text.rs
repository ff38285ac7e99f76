//! A JSON text with its escapes, and the count of what was mended while reading.

use super::value::Broken;

/// What was mended or left out while reading, so that nothing of it happens without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `NaN`, `Infinity` and `-Infinity`, read as null.
    pub not_numbers: u64,
    /// Halves of a surrogate pair without the other half, left out of their text.
    pub lone_halves: u64,
    /// Escapes for U+FFFD: letters that were lost before the file was written. They are kept.
    pub lost_letters: u64,
    /// Names that stand twice in one object; the last value counts.
    pub repeated_names: u64,
    /// Numbers too large for a program's numbers, kept as text.
    pub long_numbers: u64,
    /// Lines that are Python's literals instead of JSON, read nevertheless.
    pub python_lines: u64,
    /// Values under names beyond the most columns that are told apart, left out.
    pub beyond_columns: u64,
}

impl Counts {
    /// The counts together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.not_numbers += other.not_numbers;
        self.lone_halves += other.lone_halves;
        self.lost_letters += other.lost_letters;
        self.repeated_names += other.repeated_names;
        self.long_numbers += other.long_numbers;
        self.python_lines += other.python_lines;
        self.beyond_columns += other.beyond_columns;
    }
}

/// A text that was read.
pub(crate) struct Read {
    pub(crate) text: String,
    /// Behind the closing quotation mark.
    pub(crate) end: usize,
    pub(crate) broken: Option<Broken>,
    /// The first raw line break.
    pub(crate) line_break: Option<usize>,
}

/// Reads the text that begins behind its opening quotation mark.
pub(crate) fn text(rest: &str, counts: &mut Counts) -> Read {
    let mut read = Read {
        text: String::new(),
        end: 0,
        broken: None,
        line_break: None,
    };
    loop {
        let from = read.end;
        let plain = rest
            .as_bytes()
            .iter()
            .skip(from)
            .position(|byte| matches!(byte, b'"' | b'\\' | b'\n'));
        let to = plain.map_or(rest.len(), |count| from + count);
        read.text.push_str(rest.get(from..to).unwrap_or_default());
        read.end = to;
        match rest.as_bytes().get(to) {
            Some(b'"') => {
                read.end += 1;
                return read;
            }
            Some(b'\n') => {
                read.line_break.get_or_insert(to);
                read.text.push('\n');
                read.end += 1;
            }
            Some(_) => match escape(rest.get(to + 1..).unwrap_or_default(), counts) {
                Ok((letter, length)) => {
                    read.text.extend(letter);
                    read.end = to + 1 + length;
                }
                Err(fault) => {
                    read.broken = Some(fault);
                    return read;
                }
            },
            None => {
                read.broken = Some(Broken::EndsEarly);
                return read;
            }
        }
    }
}

/// The letter of an escape behind its backslash, and how long it is. A lone half gives no letter.
fn escape(rest: &str, counts: &mut Counts) -> Result<(Option<char>, usize), Broken> {
    let letter = match rest.as_bytes().first() {
        Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(rest, counts),
        Some(_) => return Err(Broken::Other("an escape in a text that JSON does not have")),
        None => return Err(Broken::EndsEarly),
    };
    Ok((Some(letter), 1))
}

fn unicode(rest: &str, counts: &mut Counts) -> Result<(Option<char>, usize), Broken> {
    let unit = hex4(rest.get(1..).unwrap_or_default())?;
    let low = match unit {
        // Its other half is looked for right behind.
        0xD800..=0xDBFF => rest
            .get(5..)
            .and_then(|next| next.strip_prefix("\\u"))
            .and_then(|digits| hex4(digits).ok())
            .filter(|low| (0xDC00..=0xDFFF).contains(low)),
        _ => None,
    };
    if let Some(low) = low {
        let joined = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return Ok((char::from_u32(joined), 11));
    }
    let letter = char::from_u32(unit);
    match letter {
        None => counts.lone_halves += 1,
        Some('\u{fffd}') => counts.lost_letters += 1,
        Some(_) => {}
    }
    Ok((letter, 5))
}

fn hex4(digits: &str) -> Result<u32, Broken> {
    let four = digits.as_bytes().get(..4).ok_or(Broken::EndsEarly)?;
    let mut unit = 0;
    for byte in four {
        let digit = char::from(*byte)
            .to_digit(16)
            .ok_or(Broken::Other("an escape in a text that JSON does not have"))?;
        unit = unit * 16 + digit;
    }
    Ok(unit)
}
