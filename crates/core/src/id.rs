//! Content ids: SHA-256 over canonical JSON.
//!
//! Canonical here means: UTF-8, object keys sorted by Unicode code point, no insignificant whitespace, numbers as
//! `serde_json` prints them. It is the subset of RFC 8785 that our own values need (no exotic floats).

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Writes `value` as canonical JSON.
pub(crate) fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_json(key, out);
                out.push(b':');
                write_canonical(&map[key], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        scalar => write_json(scalar, out),
    }
}

/// Writes a text, or another scalar.
pub(crate) fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail, and a scalar always becomes JSON.
    let _ = serde_json::to_writer(out, value);
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    out
}

/// SHA-256 of `bytes` as 64 hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The content id of `value`: that of its canonical JSON.
pub fn content_id<T: Serialize>(value: &T) -> String {
    // A value that cannot become JSON (a map with non-string keys) has no place in an id; it hashes as null.
    let mut json = Vec::new();
    write_canonical(
        &serde_json::to_value(value).unwrap_or(Value::Null),
        &mut json,
    );
    id_of(&json)
}

/// The content id of canonical JSON: the first 32 hex digits (128 bits) of its SHA-256.
pub(crate) fn id_of(canonical: &[u8]) -> String {
    hex(&Sha256::digest(canonical)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let value = json!({"b": [1, {"z": null, "a": "\u{e9}\n"}], "a": true});
        let mut json = Vec::new();
        write_canonical(&value, &mut json);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            "{\"a\":true,\"b\":[1,{\"a\":\"\u{e9}\\n\",\"z\":null}]}"
        );
    }

    #[test]
    fn content_id_is_the_sha256_of_canonical_json() {
        // printf '{"a":1}' | sha256sum
        assert_eq!(
            sha256_hex(b"{\"a\":1}"),
            "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
        );
        assert_eq!(
            content_id(&json!({"a": 1})),
            "015abd7f5cc57a2dd94b7590f04ad808"
        );
    }
}
