//! Texts of Python, with their prefixes and escapes.

use super::LiteralError;

/// A text that was read, and how long it stands.
pub(super) struct Texts {
    pub(super) text: String,
    pub(super) length: usize,
}

/// What stands before a text.
#[derive(Clone, Copy)]
struct Prefix {
    length: usize,
    is_raw: bool,
    is_bytes: bool,
}

/// Whether a text begins here.
pub(super) fn begins(rest: &str) -> bool {
    prefix(rest).is_some()
}

fn prefix(rest: &str) -> Option<Prefix> {
    let length = (rest.bytes().take(3)).position(|byte| matches!(byte, b'\'' | b'"'))?;
    let letters = rest.get(..length)?.to_ascii_lowercase();
    let is_known = matches!(letters.as_str(), "" | "u" | "b" | "r" | "br" | "rb");
    is_known.then(|| Prefix {
        length,
        is_raw: letters.contains('r'),
        is_bytes: letters.contains('b'),
    })
}

/// Reads the text that begins here. Bytes are text if they are UTF-8, else they stay as they are written.
pub(super) fn read(rest: &str) -> Result<Texts, LiteralError> {
    let prefix = prefix(rest).ok_or(LiteralError::NotALiteral("a text is missing"))?;
    let quoted = rest.get(prefix.length..).unwrap_or_default();
    let quote = quoted.get(..1).unwrap_or_default();
    let triple = quote.repeat(3);
    let mark = if quoted.starts_with(&triple) {
        triple.as_str()
    } else {
        quote
    };
    let inside = quoted.get(mark.len()..).unwrap_or_default();
    let end = end_of(inside, mark).ok_or(LiteralError::EndsEarly)?;
    let written = inside.get(..end).unwrap_or_default();
    let length = prefix.length + mark.len() + end + mark.len();
    let text = match (prefix.is_raw, prefix.is_bytes) {
        (true, _) => written.to_owned(),
        (false, false) => unescaped(written)?,
        (false, true) => String::from_utf8(bytes(written)?)
            .unwrap_or_else(|_not_text| rest.get(..length).unwrap_or_default().to_owned()),
    };
    Ok(Texts { text, length })
}

/// Where the mark stands that closes a text.
fn end_of(inside: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = inside.get(at..)?.find(['\\', mark.chars().next()?])?;
        at += found;
        if inside.as_bytes().get(at) == Some(&b'\\') {
            let escaped = inside.get(at + 1..)?.chars().next()?;
            at += 1 + escaped.len_utf8();
        } else if inside.get(at..)?.starts_with(mark) {
            return Some(at);
        } else {
            at += 1;
        }
    }
}

/// What an escape stands for.
enum Escape {
    /// A code, which may be half of a surrogate pair.
    Code(u32),
    /// Nothing: a line that goes on.
    Nothing,
    /// As it is written, the backslash with it.
    Written,
}

/// The escape behind a backslash, and how long it is.
fn escape(rest: &str, is_bytes: bool) -> Result<(Escape, usize), LiteralError> {
    let Some(letter) = rest.chars().next() else {
        return Err(LiteralError::EndsEarly);
    };
    let code = match letter {
        '\n' => return Ok((Escape::Nothing, 1)),
        '\\' | '\'' | '"' => letter as u32,
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '0'..='7' => return Ok(octal(rest)),
        'x' => return hex(rest, 2),
        'u' if !is_bytes => return hex(rest, 4),
        'U' if !is_bytes => return hex(rest, 8),
        _ => return Ok((Escape::Written, letter.len_utf8())),
    };
    Ok((Escape::Code(code), 1))
}

fn octal(rest: &str) -> (Escape, usize) {
    let digits: Vec<u32> = rest.chars().take(3).map_while(|c| c.to_digit(8)).collect();
    let code = digits.iter().fold(0, |code, digit| code * 8 + digit);
    (Escape::Code(code), digits.len())
}

fn hex(rest: &str, count: usize) -> Result<(Escape, usize), LiteralError> {
    const NOT_HEX: LiteralError = LiteralError::NotALiteral("an escape without its digits");
    let digits = rest.get(1..=count).ok_or(NOT_HEX)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(NOT_HEX);
    }
    let code = u32::from_str_radix(digits, 16).ok().ok_or(NOT_HEX)?;
    Ok((Escape::Code(code), 1 + count))
}

/// The text behind its escapes. Halves of a surrogate pair are joined, lone ones left out.
fn unescaped(written: &str) -> Result<String, LiteralError> {
    let mut text = String::with_capacity(written.len());
    let mut high = None;
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        let (plain, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        if !plain.is_empty() {
            high = None;
        }
        text.push_str(plain);
        let behind = behind.get(1..).unwrap_or_default();
        let (escape, length) = escape(behind, false)?;
        match escape {
            Escape::Code(code @ 0xD800..=0xDBFF) => high = Some(code),
            Escape::Code(low @ 0xDC00..=0xDFFF) => {
                let pair = high
                    .take()
                    .map(|high| 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00));
                text.extend(pair.and_then(char::from_u32));
            }
            Escape::Code(code) => {
                high = None;
                text.push(
                    char::from_u32(code)
                        .ok_or(LiteralError::NotALiteral("an escape beyond all letters"))?,
                );
            }
            Escape::Nothing => {}
            Escape::Written => {
                high = None;
                text.push('\\');
                text.push_str(behind.get(..length).unwrap_or_default());
            }
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Ok(text)
}

fn bytes(written: &str) -> Result<Vec<u8>, LiteralError> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        let (plain, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        bytes.extend_from_slice(plain.as_bytes());
        let behind = behind.get(1..).unwrap_or_default();
        let (escape, length) = escape(behind, true)?;
        match escape {
            Escape::Code(code) => bytes.push(code as u8),
            Escape::Nothing => {}
            Escape::Written => {
                bytes.push(b'\\');
                bytes.extend_from_slice(behind.get(..length).unwrap_or_default().as_bytes());
            }
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}
