//! Values as they cross the line between the page and its worker: plain JavaScript values, copied by the browser.
//!
//! Nothing is refused and nothing is lost: integers of 64 bits are `BigInt`s, which hold those that no double does, and
//! maps are `Map`s, whose keys may be called `__proto__`. Structs are objects, so messages stay readable. Only a float
//! with a whole value comes back as an integer where its type is open, as JSON knows no difference: `1.0` as `1`.

use serde::Serialize;
use serde::de::DeserializeOwned;
pub use serde_wasm_bindgen::Error;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

const SERIALIZER: Serializer = Serializer::new().serialize_large_number_types_as_bigints(true);

/// A value into its form on the line.
///
/// # Errors
/// What the value itself refuses to be written with; none of ours does.
pub fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, Error> {
    value.serialize(&SERIALIZER)
}

/// A value from its form on the line.
///
/// # Errors
/// It is of another type: page and worker are of different builds.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, Error> {
    serde_wasm_bindgen::from_value(value)
}
