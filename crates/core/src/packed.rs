//! Values that cross the line between page and worker unread.

use crate::messages::{Failure, FailureKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// A value as JSON. What stands in the way of a message carries it as a text; only the two ends, which are fetched when they
/// are needed, have the code that writes and reads it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Packed<T> {
    json: String,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Self::from_json(self.json.clone())
    }
}

impl<T> PartialEq for Packed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl<T> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl<T> Packed<T> {
    /// As it came over a line of JSON.
    pub fn from_json(json: String) -> Self {
        Self {
            json,
            of: PhantomData,
        }
    }

    /// As it goes over a line of JSON.
    pub fn into_json(self) -> String {
        self.json
    }
}

impl<T: Serialize> Packed<T> {
    /// Packs a value. Ours can all be written; one that can't is refused when it is opened.
    pub fn of(value: &T) -> Self {
        Self::from_json(serde_json::to_string(value).unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Packed<T> {
    /// The value.
    ///
    /// # Errors
    /// It was packed by another build.
    pub fn open(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.json).map_err(|error| {
            Failure::new(
                FailureKind::Internal,
                "A part of Seedbed said something that another part does not understand.",
            )
            .means("Nothing was changed by it.")
            .next("Reload the page: its parts are of different versions.")
            .detail(error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Mapping, Target};

    #[test]
    fn what_is_packed_is_opened_the_same_and_anything_else_refused() {
        let mapping = Mapping {
            columns: vec![("q".to_owned(), Target::Instruction)],
            ..Mapping::default()
        };
        let packed = Packed::of(&mapping);
        let line = serde_json::to_string(&packed).unwrap();
        let back: Packed<Mapping> = serde_json::from_str(&line).unwrap();
        assert_eq!(back.open(), Ok(mapping));
        let other: Packed<Mapping> = serde_json::from_str("\"7\"").unwrap();
        assert!(other.open().is_err());
    }
}
