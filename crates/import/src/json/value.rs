//! One JSON value from its text, read as Python's and JavaScript's writers write it.
//!
//! Beyond the standard: `NaN` and the infinities are null, a comma may trail, texts may hold raw line breaks, lone
//! halves of a surrogate pair are joined or left out, numbers of any size are kept. All of it is counted.

use super::text::{Counts, text};
use serde_json::{Map, Number, Value};

/// Deepest nesting that is read; beyond it stands nothing that a row needs, and a stack has an end.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a text is not JSON. The words name no place: one kind is one line of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// More should follow.
    EndsEarly,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Anything else, in words.
    Other(&'static str),
}

impl Broken {
    pub(crate) fn words(self) -> String {
        match self {
            Self::EndsEarly => "it ends too early".to_owned(),
            Self::TooDeep => format!("nested deeper than {MAX_DEPTH} levels"),
            Self::Other(words) => words.to_owned(),
        }
    }
}

/// The value that is all of `text`.
pub(crate) fn parse(text: &str, counts: &mut Counts) -> Result<Value, Broken> {
    let (value, end) = parse_first(text, counts)?;
    let rest = text.get(end..).unwrap_or_default();
    if rest.trim_start().is_empty() {
        Ok(value)
    } else {
        Err(Broken::Other("more text behind its end"))
    }
}

/// The first value of `text`, and where it ends.
pub(crate) fn parse_first(text: &str, counts: &mut Counts) -> Result<(Value, usize), Broken> {
    let mut parser = Parser::new(text, counts, false);
    let value = parser.value(0)?;
    Ok((value, parser.at))
}

/// What a sample's first value shows, be it cut or damaged.
pub(crate) struct Glimpse {
    /// As far as it was read.
    pub(crate) value: Value,
    /// Where reading ended.
    pub(crate) end: usize,
    /// Why it ended before the value did.
    pub(crate) broken: Option<Broken>,
    /// The first line break inside a text: there a line was broken.
    pub(crate) torn_text: Option<usize>,
}

/// Reads as much of the first value as there is.
pub(crate) fn glimpse(text: &str) -> Glimpse {
    let mut counts = Counts::default();
    let mut parser = Parser::new(text, &mut counts, true);
    let value = parser.value(0).unwrap_or(Value::Null);
    Glimpse {
        value,
        end: parser.at,
        broken: parser.broken,
        torn_text: parser.torn_text,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    counts: &'a mut Counts,
    /// Keep what was read before a fault.
    is_glimpse: bool,
    broken: Option<Broken>,
    torn_text: Option<usize>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, counts: &'a mut Counts, is_glimpse: bool) -> Self {
        Self {
            text,
            at: 0,
            counts,
            is_glimpse,
            broken: None,
            torn_text: None,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Broken> {
        self.skip_space();
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(Broken::TooDeep),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(Broken::EndsEarly),
        }
    }

    /// A fault inside a container: passed on, or where a glimpse is enough kept as the end of it.
    fn stop(&mut self, fault: Broken) -> Result<(), Broken> {
        if !self.is_glimpse {
            return Err(fault);
        }
        self.broken.get_or_insert(fault);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Value, Broken> {
        self.at += 1;
        let mut object = Map::new();
        loop {
            match self.member(depth, &mut object) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => {
                    self.stop(fault)?;
                    break;
                }
            }
            if self.broken.is_some() {
                break;
            }
        }
        Ok(Value::Object(object))
    }

    /// One member with the comma behind it; `false` at the closing bracket.
    fn member(&mut self, depth: usize, object: &mut Map<String, Value>) -> Result<bool, Broken> {
        self.skip_space();
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b'"') => {}
            None => return Err(Broken::EndsEarly),
            Some(_) => return Err(Broken::Other("a name in quotation marks is missing")),
        }
        let name = self.string()?;
        self.skip_space();
        match self.peek() {
            Some(b':') => self.at += 1,
            None => return Err(Broken::EndsEarly),
            Some(_) => return Err(Broken::Other("a colon is missing")),
        }
        let value = self.value(depth + 1)?;
        // As in Python the last one counts.
        if object.insert(name, value).is_some() {
            self.counts.repeated_names += 1;
        }
        self.separator(b'}')
    }

    fn array(&mut self, depth: usize) -> Result<Value, Broken> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.item(depth, &mut items) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => {
                    self.stop(fault)?;
                    break;
                }
            }
            if self.broken.is_some() {
                break;
            }
        }
        Ok(Value::Array(items))
    }

    fn item(&mut self, depth: usize, items: &mut Vec<Value>) -> Result<bool, Broken> {
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(false);
        }
        let value = self.value(depth + 1)?;
        items.push(value);
        self.separator(b']')
    }

    /// What follows an item: a comma or the closing bracket. A glimpse that ended inside the item asks for neither.
    fn separator(&mut self, close: u8) -> Result<bool, Broken> {
        if self.broken.is_some() {
            return Ok(false);
        }
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => Ok(true),
            None => Err(Broken::EndsEarly),
            Some(_) => Err(Broken::Other("a comma or a closing bracket is missing")),
        }
    }

    fn string(&mut self) -> Result<String, Broken> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let read = text(rest, self.counts);
        if let Some(at) = read.line_break {
            self.torn_text.get_or_insert(self.at + 1 + at);
        }
        self.at += 1 + read.end;
        match read.broken {
            None => Ok(read.text),
            Some(fault) => {
                self.stop(fault)?;
                Ok(read.text)
            }
        }
    }

    fn number(&mut self) -> Result<Value, Broken> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.peek() == Some(b'I') {
                return self.word();
            }
        }
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')
        ) {
            self.at += 1;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        match number(digits) {
            Some(value) => {
                if value.is_string() {
                    self.counts.long_numbers += 1;
                }
                Ok(value)
            }
            None if self.peek().is_none() => Err(Broken::EndsEarly),
            None => Err(Broken::Other("a number in a form that JSON does not have")),
        }
    }

    fn word(&mut self) -> Result<Value, Broken> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "NaN" | "Infinity" => {
                self.counts.not_numbers += 1;
                Value::Null
            }
            _ if end == rest.len() && is_begun_word(word) => return Err(Broken::EndsEarly),
            _ => return Err(Broken::Other("a value is missing or of an unknown kind")),
        };
        self.at += end;
        Ok(value)
    }
}

/// The beginning of a word that JSON knows.
fn is_begun_word(word: &str) -> bool {
    ["true", "false", "null", "NaN", "Infinity"]
        .iter()
        .any(|whole| whole.starts_with(word))
}

/// A number; as text if it has more digits or a larger exponent than a program's numbers can hold.
fn number(digits: &str) -> Option<Value> {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if !is_number(unsigned) {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = (digits.parse::<u64>().map(Number::from))
            .or_else(|_beyond| digits.parse::<i64>().map(Number::from));
        return Some(whole.map_or_else(|_beyond| Value::String(digits.to_owned()), Value::Number));
    }
    let float = digits.parse::<f64>().ok()?;
    Some(Number::from_f64(float).map_or_else(|| Value::String(digits.to_owned()), Value::Number))
}

/// `0`, `12`, `1.5`, `2e-9`.
fn is_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes
            .iter()
            .skip(from)
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut at = digits(0);
    if at == 0 || (at > 1 && bytes.first() == Some(&b'0')) {
        return false;
    }
    if bytes.get(at) == Some(&b'.') {
        let count = digits(at + 1);
        if count == 0 {
            return false;
        }
        at += 1 + count;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let count = digits(at);
        if count == 0 {
            return false;
        }
        at += count;
    }
    at == bytes.len()
}
