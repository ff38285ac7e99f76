//! Stored values as JSON.

use super::schema::{Leaf, Meaning};
use super::values::Raw;
use serde_json::{Number, Value};
use std::fmt::Write as _;

/// A value as JSON; `None` for bytes that are no text.
pub(super) fn convert(raw: Raw, leaf: &Leaf) -> Option<Value> {
    Some(match (raw, &leaf.meaning) {
        (Raw::Bool(value), _) => Value::Bool(value),
        (Raw::F32(value), _) => float(shortest(value)),
        (Raw::F64(value), _) => float(value),
        (Raw::I96(value), _) => Value::String(old_moment(value)),
        (Raw::I32(value), meaning) => whole(i64::from(value), u64::from(value as u32), meaning),
        (Raw::I64(value), meaning) => whole(value, value as u64, meaning),
        (Raw::Bytes(bytes), Meaning::Decimal { scale }) => {
            Value::String(decimal(digits(bytes)?, *scale))
        }
        (Raw::Bytes(bytes), Meaning::Half) => float(shortest(half(bytes.try_into().ok()?))),
        (Raw::Bytes(bytes), Meaning::Uuid) => Value::String(uuid(bytes)),
        (Raw::Bytes(bytes), Meaning::Plain) if bytes.iter().copied().any(is_control) => {
            return None;
        }
        (Raw::Bytes(bytes), _) => Value::String(std::str::from_utf8(bytes).ok()?.to_owned()),
        (Raw::Index(_), _) => return None,
    })
}

/// Numbers as bytes are UTF-8 at times, but no text.
fn is_control(byte: u8) -> bool {
    byte < b' ' && !b"\t\n\r\x0c".contains(&byte)
}

fn whole(value: i64, unsigned: u64, meaning: &Meaning) -> Value {
    match meaning {
        Meaning::Label(names) => label(value, names),
        Meaning::Unsigned => Value::from(unsigned),
        Meaning::Decimal { scale } => Value::String(decimal(value.to_string(), *scale)),
        Meaning::Date => Value::String(date(value)),
        Meaning::Time { parts } => Value::String(time(value.rem_euclid(86400 * parts), *parts)),
        Meaning::Moment { parts, utc } => Value::String(moment(value, *parts, *utc)),
        Meaning::Nothing => Value::Null,
        _ => Value::from(value),
    }
}

/// -1 stands for no label.
fn label(value: i64, names: &[String]) -> Value {
    match usize::try_from(value) {
        Ok(at) => names
            .get(at)
            .map_or_else(|| Value::from(value), |name| Value::String(name.clone())),
        Err(_) if value == -1 => Value::Null,
        Err(_) => Value::from(value),
    }
}

/// JSON has no infinite numbers.
fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// 0.1 of few digits is 0.1, not 0.10000000149.
fn shortest(value: f32) -> f64 {
    value
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(value))
}

fn half(bytes: [u8; 2]) -> f32 {
    let bits = u16::from_le_bytes(bytes);
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Days since 1970 as year, month and day.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted in eras of 400 years from 1 March of the year 0: the leap day is the last of its year.
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A time of the day, with as many digits behind the second as there are parts, three at a time.
fn time(value: i64, parts: i64) -> String {
    let (seconds, part) = (value / parts, value % parts);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    let nanos = part * (1_000_000_000 / parts);
    match nanos {
        0 => clock,
        _ if nanos % 1_000_000 == 0 => format!("{clock}.{:03}", nanos / 1_000_000),
        _ if nanos % 1000 == 0 => format!("{clock}.{:06}", nanos / 1000),
        _ => format!("{clock}.{nanos:09}"),
    }
}

fn moment(value: i64, parts: i64, utc: bool) -> String {
    let day = 86400 * parts;
    let (days, rest) = (value.div_euclid(day), value.rem_euclid(day));
    format!(
        "{}T{}{}",
        date(days),
        time(rest, parts),
        if utc { "Z" } else { "" }
    )
}

/// Nanoseconds of the day, then the day of the Julian calendar.
fn old_moment(bytes: [u8; 12]) -> String {
    let (nanos, day) = bytes.split_at(8);
    let nanos = nanos.try_into().map_or(0, i64::from_le_bytes);
    let day = day.try_into().map_or(0, i32::from_le_bytes);
    let nanos = nanos.rem_euclid(86_400_000_000_000);
    format!(
        "{}T{}",
        date(i64::from(day) - 2_440_588),
        time(nanos, 1_000_000_000)
    )
}

/// A number of any length in two's complement, the highest byte first; `None` above 32 bytes.
fn digits(bytes: &[u8]) -> Option<String> {
    if bytes.len() > 32 {
        return None;
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut size = bytes.to_vec();
    if negative {
        for byte in &mut size {
            *byte = !*byte;
        }
        for byte in size.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
    let mut digits = Vec::new();
    while size.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in &mut size {
            let value = rest << 8 | u32::from(*byte);
            *byte = (value / 10) as u8;
            rest = value % 10;
        }
        digits.extend(char::from_digit(rest, 10));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    digits.extend(negative.then_some('-'));
    Some(digits.iter().rev().collect())
}

/// Sets the point.
fn decimal(digits: String, scale: u32) -> String {
    if scale == 0 {
        return digits;
    }
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", &*digits), |rest| ("-", rest));
    let scale = scale as usize;
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (before, after) = digits.split_at(digits.len() - scale);
    format!("{sign}{before}.{after}")
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes that a value takes in memory, roughly.
pub(super) fn weight(value: &Value) -> usize {
    size_of::<Value>() + value.as_str().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_before_and_after_1970() {
        let days = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
        ];
        for (days, expected) in days {
            assert_eq!(date(days), expected);
        }
        // Beyond all years that anybody writes, but no fault.
        assert!(!date(i64::MAX).is_empty() && !date(i64::MIN).is_empty());
    }

    #[test]
    fn moments_have_as_many_digits_as_they_need() {
        assert_eq!(moment(-1, 1000, true), "1969-12-31T23:59:59.999Z");
        assert_eq!(
            moment(1_500_000, 1_000_000, false),
            "1970-01-01T00:00:01.500"
        );
        assert_eq!(
            moment(1, 1_000_000_000, false),
            "1970-01-01T00:00:00.000000001"
        );
    }

    #[test]
    fn decimals_of_any_width_have_their_point() {
        assert_eq!(decimal(digits(&[0xff]).expect("digits"), 2), "-0.01");
        assert_eq!(decimal(digits(&[0x80, 0]).expect("digits"), 0), "-32768");
        assert_eq!(
            decimal(digits(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).expect("digits"), 3),
            "18446744073709551.616"
        );
        assert_eq!(decimal(digits(&[0, 0]).expect("digits"), 1), "0.0");
    }

    #[test]
    fn floats_of_few_digits_stay_short() {
        assert_eq!(float(shortest(0.1)), serde_json::json!(0.1));
        assert_eq!(float(f64::NAN), Value::Null);
        assert_eq!(half([0x66, 0x2e]), 0.099_975_586);
        assert_eq!(half([1, 0x80]), -5.960_464_5e-8);
    }
}
