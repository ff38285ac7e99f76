//! Text on its way: percent-encoding, forms, HTML.

fn hex_value(byte: Option<&u8>) -> Option<u8> {
    (*byte? as char).to_digit(16).map(|digit| digit as u8)
}

/// Percent-decoding; a broken escape stands for itself.
pub(crate) fn decode(text: &str, is_form: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = (byte == b'%')
            .then(|| Some(hex_value(bytes.get(at + 1))? * 16 + hex_value(bytes.get(at + 2))?))
            .flatten();
        match escape {
            Some(value) => {
                out.push(value);
                at += 2;
            }
            None if is_form && byte == b'+' => out.push(b' '),
            None => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encoding of everything but unreserved characters and those in `keep`.
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = byte as char;
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~') || keep.contains(c) {
            out.push(c);
        } else {
            use std::fmt::Write as _;
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The pairs of a query or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key, true), decode(value, true))
        })
        .collect()
}

/// The value of a key among pairs.
pub(crate) fn value_of<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find_map(|(name, value)| (name == key).then_some(value.as_str()))
}

/// Text that may stand in HTML.
pub(crate) fn escape_html(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_come_back_as_they_went() {
        let text = "refs/pr/1 ü+%&";
        assert_eq!(decode(&encode(text, ""), true), text);
        assert_eq!(decode(&encode(text, "/"), false), text);
        assert_eq!(decode("a+b%2", true), "a b%2");
        assert_eq!(
            pairs("paths=a%2Fb&paths=nope&expand=false"),
            [("paths", "a/b"), ("paths", "nope"), ("expand", "false")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
