//! Values of Python.

use super::LiteralError;
use super::numbers::number;
use super::text::{self, Texts};
use crate::json::MAX_DEPTH;
use serde_json::{Map, Value};

const NO_VALUE: LiteralError =
    LiteralError::NotALiteral("a value is missing or of an unknown kind");
const NO_COMMA: LiteralError = LiteralError::NotALiteral("a comma or a closing bracket is missing");

/// The value that is all of `text`.
pub(super) fn parse(text: &str) -> Result<Value, LiteralError> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(LiteralError::NotALiteral("more text behind its end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// An item of a list, and how it stood.
struct ListItem {
    value: Value,
    /// Nothing but space stood before it, where a comma should.
    is_after_space: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// A value; texts beside each other are joined.
    fn value(&mut self, depth: usize) -> Result<Value, LiteralError> {
        let mut value = self.one(depth)?;
        while let Value::String(joined) = &mut value {
            self.skip_space();
            if !text::begins(self.rest()) {
                break;
            }
            joined.push_str(&self.string()?);
        }
        Ok(value)
    }

    fn one(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.skip_space();
        match self.peek() {
            Some(b'[' | b'{' | b'(') if depth >= MAX_DEPTH => Err(LiteralError::TooDeep),
            Some(b'[') => self.list(depth),
            Some(b'(') => self.tuple(depth),
            Some(b'{') => self.braces(depth),
            Some(_) if text::begins(self.rest()) => self.string().map(Value::String),
            Some(_) if self.rest().starts_with("...") => Err(LiteralError::Cut),
            Some(b'+' | b'-' | b'.' | b'0'..=b'9') => self.number(),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => self.word(depth),
            Some(_) => Err(NO_VALUE),
            None => Err(LiteralError::EndsEarly),
        }
    }

    fn string(&mut self) -> Result<String, LiteralError> {
        let Texts { text, length } = text::read(self.rest())?;
        self.at += length;
        Ok(text)
    }

    fn number(&mut self) -> Result<Value, LiteralError> {
        let (value, length) = number(self.rest()).ok_or(NO_VALUE)?;
        self.at += length;
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let mut items: Vec<ListItem> = Vec::new();
        let mut commas = false;
        let mut is_after_comma = true;
        loop {
            let before = self.at;
            self.skip_space();
            let is_apart = self.at > before
                || self
                    .text
                    .as_bytes()
                    .get(before.wrapping_sub(1))
                    .is_some_and(|byte| matches!(byte, b']' | b'}' | b')'));
            match self.peek() {
                None => return Err(LiteralError::EndsEarly),
                Some(b']') => break,
                Some(b',') if is_after_comma => return Err(NO_VALUE),
                Some(b',') => {
                    self.at += 1;
                    commas = true;
                    is_after_comma = true;
                    continue;
                }
                Some(_) => {}
            }
            let is_after_space = !is_after_comma;
            let is_text = text::begins(self.rest());
            let value = self.one(depth + 1)?;
            match items.last_mut() {
                // `'a''b'`: no program prints so.
                Some(ListItem {
                    value: Value::String(last),
                    ..
                }) if is_after_space && is_text && !is_apart => {
                    last.push_str(value.as_str().unwrap_or_default());
                }
                _ => items.push(ListItem {
                    value,
                    is_after_space,
                }),
            }
            is_after_comma = false;
        }
        self.at += 1;
        let values = if commas {
            joined(items)?
        } else {
            items.into_iter().map(|item| item.value).collect()
        };
        Ok(Value::Array(values))
    }

    fn tuple(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.takes(b')') {
                return Ok(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            if self.takes(b',') {
                continue;
            }
            if !self.takes(b')') {
                return Err(self.no_comma());
            }
            // Brackets around one value only group.
            let single = if items.len() == 1 { items.pop() } else { None };
            return Ok(single.unwrap_or(Value::Array(items)));
        }
    }

    /// A dictionary or a set.
    fn braces(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let mut object = Map::new();
        let mut set = Vec::new();
        loop {
            if self.takes(b'}') {
                break;
            }
            self.skip_space();
            let start = self.at;
            let key = self.value(depth + 1)?;
            let written = self.text.get(start..self.at).unwrap_or_default().trim();
            if self.takes(b':') && set.is_empty() {
                let name = name_of(key, written);
                let value = self.value(depth + 1)?;
                object.insert(name, value);
            } else if object.is_empty() {
                set.push(key);
            } else {
                return Err(LiteralError::NotALiteral("a colon is missing"));
            }
            if !self.takes(b',') && self.peek() != Some(b'}') {
                return Err(self.no_comma());
            }
        }
        if set.is_empty() {
            Ok(Value::Object(object))
        } else {
            Ok(Value::Array(set))
        }
    }

    fn no_comma(&self) -> LiteralError {
        match self.peek() {
            None => LiteralError::EndsEarly,
            Some(_) if self.rest().starts_with("...") => LiteralError::Cut,
            Some(_) => NO_COMMA,
        }
    }

    /// A name: a constant or a call.
    fn word(&mut self, depth: usize) -> Result<Value, LiteralError> {
        let start = self.at;
        let length = (self.rest().bytes())
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
            .count();
        self.at += length;
        let word = self.text.get(start..self.at).unwrap_or_default();
        if self.peek() == Some(b'(') {
            return self.call(start, depth);
        }
        let word = word
            .strip_prefix("np.")
            .or(word.strip_prefix("numpy."))
            .unwrap_or(word);
        match word {
            "True" | "true" | "True_" => Ok(Value::Bool(true)),
            "False" | "false" | "False_" => Ok(Value::Bool(false)),
            "None" | "null" | "nan" | "NaN" | "NaT" | "NA" | "inf" | "Infinity" => Ok(Value::Null),
            "Ellipsis" => Err(LiteralError::Cut),
            _ if self.peek().is_none() && is_begun(word) => Err(LiteralError::EndsEarly),
            _ => Err(LiteralError::NotALiteral("a word that is no value")),
        }
    }

    /// A call: of a container its content, of a number its value, of anything else the text it stands as.
    fn call(&mut self, start: usize, depth: usize) -> Result<Value, LiteralError> {
        if depth >= MAX_DEPTH {
            return Err(LiteralError::TooDeep);
        }
        let name = self.text.get(start..self.at).unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        self.at += 1;
        let mut values = Vec::new();
        while !self.takes(b')') {
            self.skip_name();
            values.push(self.argument(depth + 1)?);
            if !self.takes(b',') && self.peek() != Some(b')') {
                return Err(self.no_comma());
            }
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        let first = values.into_iter().next().flatten();
        Ok(match name.as_str() {
            "array" | "set" | "frozenset" | "list" | "tuple" | "deque" => {
                first.unwrap_or(Value::Array(Vec::new()))
            }
            "OrderedDict" | "dict" => first.map_or(Value::Object(Map::new()), object_of_pairs),
            "str_" | "bool_" | "float64" | "float32" | "float16" | "int64" | "int32" | "int16"
            | "int8" | "uint8" | "uint16" | "uint32" | "uint64" => first.unwrap_or_default(),
            _ => Value::String(written.to_owned()),
        })
    }

    /// The name of an argument, with its sign: `dtype=`.
    fn skip_name(&mut self) {
        self.skip_space();
        let length = (self.rest().bytes())
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        let behind = self.rest().get(length..).unwrap_or_default();
        if length > 0 && behind.starts_with('=') {
            self.at += length + 1;
        }
    }

    /// An argument of a call: a value, or a name (`dtype=object`, `tzinfo=datetime.timezone.utc`) that says nothing here.
    fn argument(&mut self, depth: usize) -> Result<Option<Value>, LiteralError> {
        let start = self.at;
        match self.value(depth) {
            Ok(value) => Ok(Some(value)),
            Err(LiteralError::NotALiteral(_)) => {
                self.at = start;
                let length = (self.rest().bytes())
                    .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
                    .count();
                self.at += length;
                match length {
                    0 => Err(NO_VALUE),
                    _ => Ok(None),
                }
            }
            Err(fault) => Err(fault),
        }
    }
}

/// Texts that stand beside each other in a list with commas are one text; nothing else may stand so.
fn joined(items: Vec<ListItem>) -> Result<Vec<Value>, LiteralError> {
    let mut values: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        match (item.is_after_space, values.last_mut(), item.value) {
            (true, Some(Value::String(last)), Value::String(more)) => last.push_str(&more),
            (true, ..) => return Err(NO_COMMA),
            (false, _, value) => values.push(value),
        }
    }
    Ok(values)
}

/// A key as a name: texts as they are, numbers as they are counted, anything else as it is written.
fn name_of(key: Value, written: &str) -> String {
    match key {
        Value::String(name) => name,
        Value::Number(number) => number.to_string(),
        _ => written.to_owned(),
    }
}

/// `[('a', 1)]` is the object with that member.
fn object_of_pairs(value: Value) -> Value {
    let Value::Array(pairs) = &value else {
        return value;
    };
    let members: Option<Map<String, Value>> = pairs
        .iter()
        .map(|pair| match pair.as_array()?.as_slice() {
            [Value::String(name), value] => Some((name.clone(), value.clone())),
            _ => None,
        })
        .collect();
    members.map_or(value, Value::Object)
}

fn is_begun(word: &str) -> bool {
    ["True", "False", "None"]
        .iter()
        .any(|whole| whole.starts_with(word))
}
