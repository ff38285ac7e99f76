//! Values as they cross the line between the page and its worker: plain JavaScript values, copied by the browser.
//!
//! Whatever goes in comes out equal. What JSON-like objects would lose has a form of its own: an integer that no
//! double holds is a `BigInt`; a float with a whole value is a `Float64Array` of one, so that `1.0` does not come back
//! as `1`; a map is a `Map`, whose keys may be called `__proto__`. Structs are objects, so messages stay readable.

use js_sys::{Array, Float64Array, Map, Object};
use serde::de::{self, DeserializeOwned, IntoDeserializer as _, Visitor};
use serde::ser::{self, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

/// A value into its form on the line.
pub fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, Error> {
    value.serialize(Writer)
}

/// A value from its form on the line.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, Error> {
    T::deserialize(Reader(value))
}

/// Why a value could not cross, in technical words.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

type Result<T, E = Error> = std::result::Result<T, E>;

// Without the checks of `Reflect`, which plain objects don't need.
#[wasm_bindgen]
extern "C" {
    type Fields;
    #[wasm_bindgen(method, indexing_getter)]
    fn field(this: &Fields, name: &JsValue) -> JsValue;
    #[wasm_bindgen(method, indexing_setter)]
    fn set_field(this: &Fields, name: &JsValue, value: &JsValue);
}

/// A name of a field or variant; each is made once.
fn name(text: &'static str) -> JsValue {
    thread_local! {
        static NAMES: RefCell<BTreeMap<(*const u8, usize), JsValue>> = RefCell::default();
    }
    NAMES.with_borrow_mut(|names| {
        names
            .entry((text.as_ptr(), text.len()))
            .or_insert_with(|| text.into())
            .clone()
    })
}

/// `{name: value}`.
fn object_of(name: &JsValue, value: &JsValue) -> JsValue {
    let object = Object::new();
    object.unchecked_ref::<Fields>().set_field(name, value);
    object.into()
}

/// Doubles hold every whole number up to here.
const SAFE: f64 = js_sys::Number::MAX_SAFE_INTEGER;

fn float(value: f64) -> JsValue {
    if value.fract() == 0.0 && value.abs() <= SAFE {
        let one = Float64Array::new_with_length(1);
        one.set_index(0, value);
        one.into()
    } else {
        value.into()
    }
}

struct Writer;

/// A sequence, a map or a struct that is being written, with the name of the variant it belongs to.
struct Compound {
    into: JsValue,
    key: JsValue,
    variant: Option<&'static str>,
}

impl Compound {
    fn new(into: impl Into<JsValue>, variant: Option<&'static str>) -> Self {
        Self {
            into: into.into(),
            key: JsValue::UNDEFINED,
            variant,
        }
    }

    fn push(&self, value: &JsValue) {
        self.into.unchecked_ref::<Array>().push(value);
    }

    fn set(&self, key: &'static str, value: &JsValue) {
        let object: &Fields = self.into.unchecked_ref();
        object.set_field(&name(key), value);
    }

    fn done(self) -> JsValue {
        match self.variant {
            Some(variant) => object_of(&name(variant), &self.into),
            None => self.into,
        }
    }
}

impl ser::SerializeSeq for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(&value.serialize(Writer)?);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

impl ser::SerializeTuple for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(&value.serialize(Writer)?);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

impl ser::SerializeTupleStruct for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(&value.serialize(Writer)?);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

impl ser::SerializeTupleVariant for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(&value.serialize(Writer)?);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

impl ser::SerializeMap for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = key.serialize(Writer)?;
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let value = value.serialize(Writer)?;
        self.into.unchecked_ref::<Map>().set(&self.key, &value);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

impl ser::SerializeStruct for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.set(key, &value.serialize(Writer)?);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

impl ser::SerializeStructVariant for Compound {
    type Ok = JsValue;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.set(key, &value.serialize(Writer)?);
        Ok(())
    }
    fn end(self) -> Result<JsValue> {
        Ok(self.done())
    }
}

macro_rules! as_it_is {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<JsValue> {
            Ok(value.into())
        })*
    };
}

impl ser::Serializer for Writer {
    type Ok = JsValue;
    type Error = Error;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    as_it_is! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
        serialize_str(&str)
    }

    fn serialize_i64(self, value: i64) -> Result<JsValue> {
        let is_safe = value.unsigned_abs() <= SAFE as u64;
        Ok(if is_safe {
            (value as f64).into()
        } else {
            value.into()
        })
    }

    fn serialize_u64(self, value: u64) -> Result<JsValue> {
        Ok(if value <= SAFE as u64 {
            (value as f64).into()
        } else {
            value.into()
        })
    }

    fn serialize_f32(self, value: f32) -> Result<JsValue> {
        Ok(float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<JsValue> {
        Ok(float(value))
    }

    fn serialize_char(self, value: char) -> Result<JsValue> {
        Ok(value.to_string().into())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<JsValue> {
        bytes.serialize(self)
    }

    fn serialize_none(self) -> Result<JsValue> {
        Ok(JsValue::NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<JsValue> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<JsValue> {
        Ok(JsValue::NULL)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<JsValue> {
        Ok(JsValue::NULL)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<JsValue> {
        Ok(name(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<JsValue> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<JsValue> {
        Ok(object_of(&name(variant), &value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound> {
        Ok(Compound::new(Array::new(), None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound> {
        Ok(Compound::new(Array::new(), None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound> {
        Ok(Compound::new(Array::new(), None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound> {
        Ok(Compound::new(Array::new(), Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound> {
        Ok(Compound::new(Map::new(), None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound> {
        Ok(Compound::new(Object::new(), None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound> {
        Ok(Compound::new(Object::new(), Some(variant)))
    }
}

struct Reader(JsValue);

// What doesn't depend on the type that is read stands in functions of its own: each type gets a copy of the rest.

/// The items of a list.
struct Items(Array, u32);

impl Items {
    fn next(&mut self) -> Option<JsValue> {
        (self.1 < self.0.length()).then(|| {
            self.1 += 1;
            self.0.get(self.1 - 1)
        })
    }
}

impl<'de> de::SeqAccess<'de> for Items {
    type Error = Error;
    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>> {
        match self.next() {
            Some(item) => seed.deserialize(Reader(item)).map(Some),
            None => Ok(None),
        }
    }
    fn size_hint(&self) -> Option<usize> {
        Some((self.0.length() - self.1) as usize)
    }
}

/// The entries of a map, and the value of the one that is read.
struct Entries(Items, JsValue);

impl Entries {
    fn next(&mut self) -> Option<JsValue> {
        let pair: Array = self.0.next()?.unchecked_into();
        self.1 = pair.get(1);
        Some(pair.get(0))
    }
}

impl<'de> de::MapAccess<'de> for Entries {
    type Error = Error;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.next() {
            Some(key) => seed.deserialize(Reader(key)).map(Some),
            None => Ok(None),
        }
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(Reader(std::mem::take(&mut self.1)))
    }
}

/// The fields of a struct among those that its type knows, and the value of the one that is read.
struct Known(JsValue, std::slice::Iter<'static, &'static str>, JsValue);

impl Known {
    fn next(&mut self) -> Option<&'static str> {
        let object: &Fields = self.0.unchecked_ref();
        let (field, value) = self.1.find_map(|field| {
            let value = object.field(&name(field));
            (!value.is_undefined()).then_some((*field, value))
        })?;
        self.2 = value;
        Some(field)
    }
}

impl<'de> de::MapAccess<'de> for Known {
    type Error = Error;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.next() {
            Some(field) => {
                let field: de::value::StrDeserializer<'_, Error> = field.into_deserializer();
                seed.deserialize(field).map(Some)
            }
            None => Ok(None),
        }
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(Reader(std::mem::take(&mut self.2)))
    }
}

/// A number in any of its forms.
enum Number {
    Whole(u64),
    Negative(i64),
    Float(f64),
}

impl Number {
    fn of(value: &JsValue) -> Option<Self> {
        if let Some(number) = value.as_f64() {
            // Whole floats come in another form.
            return Some(if number.fract() != 0.0 || number.abs() > SAFE {
                Self::Float(number)
            } else if number < 0.0 {
                Self::Negative(number as i64)
            } else {
                Self::Whole(number as u64)
            });
        }
        if let Some(one) = value.dyn_ref::<Float64Array>() {
            return Some(Self::Float(one.get_index(0)));
        }
        if !value.is_bigint() {
            return None;
        }
        match u64::try_from(value.clone()) {
            Ok(number) => Some(Self::Whole(number)),
            Err(value) => i64::try_from(value).ok().map(Self::Negative),
        }
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Self::Whole(number) => visitor.visit_u64(number),
            Self::Negative(number) => visitor.visit_i64(number),
            Self::Float(number) => visitor.visit_f64(number),
        }
    }
}

impl Reader {
    /// The entries of a map or an object, if it is one.
    fn entries(&self) -> Option<Entries> {
        let pairs = match self.0.dyn_ref::<Map>() {
            Some(map) => Array::from(map),
            None if self.0.is_object() => Object::entries(self.0.unchecked_ref()),
            None => return None,
        };
        Some(Entries(Items(pairs, 0), JsValue::UNDEFINED))
    }

    fn items(&self) -> Option<Items> {
        Some(Items(self.0.dyn_ref::<Array>()?.clone(), 0))
    }

    fn is_nothing(&self) -> bool {
        self.0.is_null() || self.0.is_undefined()
    }

    fn visit_number<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        match Number::of(&self.0) {
            Some(number) => number.visit(visitor),
            None => Err(self.unlike(&visitor)),
        }
    }

    /// It is something else than was expected.
    #[cold]
    fn unlike(&self, expected: &dyn de::Expected) -> Error {
        let kind = self.0.js_typeof().as_string().unwrap_or_default();
        Error(format!("{kind} instead of {expected}"))
    }
}

/// Reads only what was expected, so that the code for everything else is not made for each type.
macro_rules! read {
    ($($method:ident = $read:ident($visit:ident))*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match $read(&self) {
                Some(value) => visitor.$visit(value),
                None => Err(self.unlike(&visitor)),
            }
        })*
    };
}

fn as_bool(reader: &Reader) -> Option<bool> {
    reader.0.as_bool()
}

fn as_text(reader: &Reader) -> Option<String> {
    reader.0.as_string()
}

macro_rules! read_number {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.visit_number(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Reader {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.0.as_string() {
            visitor.visit_string(text)
        } else if let Some(number) = Number::of(&self.0) {
            number.visit(visitor)
        } else if self.is_nothing() {
            visitor.visit_unit()
        } else if let Some(is_so) = self.0.as_bool() {
            visitor.visit_bool(is_so)
        } else if let Some(items) = self.items() {
            visitor.visit_seq(items)
        } else if let Some(entries) = self.entries() {
            visitor.visit_map(entries)
        } else {
            Err(self.unlike(&visitor))
        }
    }

    read! {
        deserialize_bool = as_bool(visit_bool)
        deserialize_string = as_text(visit_string)
        deserialize_str = as_text(visit_string)
        deserialize_identifier = as_text(visit_string)
        deserialize_char = as_text(visit_string)
    }

    read_number! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.items() {
            Some(items) => visitor.visit_seq(items),
            None => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.entries() {
            Some(entries) => visitor.visit_map(entries),
            None => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_nothing() {
            visitor.visit_unit()
        } else {
            Err(self.unlike(&visitor))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_nothing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if self.0.is_object() {
            visitor.visit_map(Known(self.0, fields.iter(), JsValue::UNDEFINED))
        } else {
            Err(self.unlike(&visitor))
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.variant() {
            Some(variant) => visitor.visit_enum(variant),
            None => Err(self.unlike(&visitor)),
        }
    }
}

impl Reader {
    /// `"Name"` or `{Name: value}`.
    fn variant(&self) -> Option<Variant> {
        if self.0.is_string() {
            return Some(Variant(Self(self.0.clone()), Self(JsValue::UNDEFINED)));
        }
        let Entries(Items(pairs, _), _) = self.entries()?;
        let pair: Array = pairs.get(0).unchecked_into();
        (pairs.length() == 1).then(|| Variant(Self(pair.get(0)), Self(pair.get(1))))
    }
}

/// The name of a variant and what it holds.
struct Variant(Reader, Reader);

impl<'de> de::EnumAccess<'de> for Variant {
    type Error = Error;
    type Variant = Reader;
    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader)> {
        Ok((seed.deserialize(self.0)?, self.1))
    }
}

impl<'de> de::VariantAccess<'de> for Reader {
    type Error = Error;
    fn unit_variant(self) -> Result<()> {
        Ok(())
    }
    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_seq(self, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        de::Deserializer::deserialize_struct(self, "", fields, visitor)
    }
}
