//! Numbers of Python.

use serde_json::{Number, Value};

/// A number at the beginning of `rest`, and its length. What no number of a program can hold is text; infinities are null.
pub(super) fn number(rest: &str) -> Option<(Value, usize)> {
    let sign = usize::from(rest.starts_with(['+', '-']));
    let unsigned = rest.get(sign..)?;
    let word = ["inf", "nan", "Infinity", "NaN"]
        .iter()
        .filter(|word| unsigned.starts_with(**word))
        .map(|word| word.len())
        .max();
    if let Some(length) = word {
        return Some((Value::Null, sign + length));
    }
    let bytes = unsigned.as_bytes();
    let length = (0..bytes.len())
        .take_while(|at| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            match bytes.get(*at) {
                Some(b'+' | b'-') => {
                    matches!(before, Some(b'e' | b'E')) && !unsigned.starts_with("0x")
                }
                // `...` is no part of a number.
                Some(b'.') => !unsigned
                    .get(*at..)
                    .is_some_and(|rest| rest.starts_with("...")),
                Some(byte) => byte.is_ascii_alphanumeric() || *byte == b'_',
                None => false,
            }
        })
        .count();
    let written = rest.get(..sign + length)?;
    let value = value_of(written.trim_start_matches('+'))?;
    Some((value, written.len()))
}

fn value_of(written: &str) -> Option<Value> {
    let (sign, digits) = match written.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", written),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if let Some(value) = based(sign, &plain) {
        return Some(value);
    }
    // Python 2 marked long numbers.
    let plain = plain.strip_suffix('L').unwrap_or(&plain);
    if !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(whole(&format!("{sign}{plain}")));
    }
    if plain.ends_with(['j', 'J']) {
        let is_imaginary = plain.get(..plain.len() - 1)?.parse::<f64>().is_ok();
        return is_imaginary.then(|| Value::String(written.to_owned()));
    }
    let is_float = plain
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let float = is_float.then(|| format!("{sign}{plain}").parse::<f64>().ok())??;
    Some(Number::from_f64(float).map_or_else(|| Value::String(written.to_owned()), Value::Number))
}

fn whole(digits: &str) -> Value {
    (digits.parse::<u64>().map(Number::from))
        .or_else(|_beyond| digits.parse::<i64>().map(Number::from))
        .map_or_else(|_beyond| Value::String(digits.to_owned()), Value::Number)
}

/// `0x1F`, `0o17`, `0b11`.
fn based(sign: &str, digits: &str) -> Option<Value> {
    let (base, digits) = match digits.get(..2)? {
        "0x" | "0X" => (16, digits.get(2..)?),
        "0o" | "0O" => (8, digits.get(2..)?),
        "0b" | "0B" => (2, digits.get(2..)?),
        _ => return None,
    };
    let value = u64::from_str_radix(digits, base).ok()?;
    Some(whole(&format!("{sign}{value}")))
}
