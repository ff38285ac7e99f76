//! Keys and values of a GGUF header.

use std::collections::BTreeMap;

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// u8, u16, u32 or u64.
    Unsigned(u64),
    /// i8, i16, i32 or i64.
    Signed(i64),
    /// f32.
    Float(f32),
    /// f64.
    Double(f64),
    /// bool.
    Bool(bool),
    /// string.
    Text(String),
    /// array.
    Array(Array),
}

/// An array of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Strings, in one piece of memory.
    Strings(Strings),
    /// Numbers and booleans, as they are in the file.
    Numbers(Numbers),
}

/// Many strings in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    /// Adds one; false when there is no room (4 GiB).
    pub(crate) fn push(&mut self, text: &str) -> bool {
        let Ok(end) = u32::try_from(self.text.len() + text.len()) else {
            return false;
        };
        self.text.push_str(text);
        self.ends.push(end);
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string at a place.
    pub fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)? as usize;
        let start = at
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |start| *start as usize);
        self.text.get(start..end)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at).unwrap_or_default())
    }
}

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    U64,
    I64,
    F64,
}

impl Scalar {
    /// The scalar with this number in `gguf_metadata_value_type`.
    pub(crate) fn from_gguf(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    pub(crate) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// The value of `size` little-endian bytes.
    pub(crate) fn value(self, bytes: &[u8]) -> Value {
        let mut wide = [0; 8];
        wide[..self.size()].copy_from_slice(&bytes[..self.size()]);
        let bits = u64::from_le_bytes(wide);
        match self {
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => Value::Unsigned(bits),
            Self::I8 => Value::Signed((bits as i8).into()),
            Self::I16 => Value::Signed((bits as i16).into()),
            Self::I32 => Value::Signed((bits as i32).into()),
            Self::I64 => Value::Signed(bits as i64),
            Self::F32 => Value::Float(f32::from_bits(bits as u32)),
            Self::F64 => Value::Double(f64::from_bits(bits)),
            Self::Bool => Value::Bool(bits != 0),
        }
    }
}

/// Numbers or booleans of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    kind: Scalar,
    bytes: Vec<u8>,
}

impl Numbers {
    pub(crate) fn new(kind: Scalar) -> Self {
        let bytes = Vec::new();
        Self { kind, bytes }
    }

    /// Adds the bytes of whole numbers.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.kind.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All of them, as values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Value> {
        self.bytes
            .chunks_exact(self.kind.size())
            .map(|bytes| self.kind.value(bytes))
    }
}

impl Value {
    /// As a count: any integer type, not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(value) => Some(*value),
            Self::Signed(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// As a signed integer, of any integer type.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => i64::try_from(*value).ok(),
            Self::Signed(value) => Some(*value),
            _ => None,
        }
    }

    /// As a single; doubles are rounded, integers are not taken.
    pub fn as_f32(&self) -> Option<f32> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Double(value) => Some(*value as f32),
            _ => None,
        }
    }

    /// As a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// As a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// All keys and values of a GGUF header; empty for safetensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    entries: BTreeMap<String, Value>,
}

impl Metadata {
    /// Adds a value; false when the key is there already.
    pub(crate) fn insert(&mut self, key: String, value: Value) -> bool {
        self.entries.insert(key, value).is_none()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let entries = self.entries.iter();
        entries.map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// A count, of any integer type.
    pub fn get_u64(&self, key: &str) -> Option<u64> {
        self.get(key)?.as_u64()
    }

    /// A number, of any float type.
    pub fn get_f32(&self, key: &str) -> Option<f32> {
        self.get(key)?.as_f32()
    }

    /// A boolean.
    pub fn get_bool(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// A text.
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// An array.
    pub fn get_array(&self, key: &str) -> Option<&Array> {
        match self.get(key)? {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// An array of strings.
    pub fn get_strings(&self, key: &str) -> Option<&Strings> {
        match self.get_array(key)? {
            Array::Strings(strings) => Some(strings),
            Array::Numbers(_) => None,
        }
    }

    fn get_numbers<T>(&self, key: &str, of: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        match self.get_array(key)? {
            Array::Numbers(numbers) => numbers.iter().map(|value| of(&value)).collect(),
            Array::Strings(_) => None,
        }
    }

    /// An array of integers of any type.
    pub fn get_i64s(&self, key: &str) -> Option<Vec<i64>> {
        self.get_numbers(key, Value::as_i64)
    }

    /// An array of floats of any type.
    pub fn get_f32s(&self, key: &str) -> Option<Vec<f32>> {
        self.get_numbers(key, Value::as_f32)
    }

    /// An array of booleans.
    pub fn get_bools(&self, key: &str) -> Option<Vec<bool>> {
        self.get_numbers(key, Value::as_bool)
    }
}
