//! What another build wrote and this one does not understand, beside what it does: taken apart at reading, put together
//! at writing.

use serde_json::{Map, Value};

/// What `theirs` says and `ours`, which was read from it, does not.
pub(crate) fn unknown(theirs: &Value, ours: &Value) -> Map<String, Value> {
    let (Value::Object(theirs), Value::Object(ours)) = (theirs, ours) else {
        return Map::new();
    };
    let mut rest = Map::new();
    for (key, theirs) in theirs {
        let Some(ours) = ours.get(key) else {
            if !theirs.is_null() {
                rest.insert(key.clone(), theirs.clone());
            }
            continue;
        };
        let inner = unknown(theirs, ours);
        if !inner.is_empty() {
            rest.insert(key.clone(), Value::Object(inner));
        }
    }
    rest
}

/// Adds what only `rest` says, at any level, behind what is there.
pub(crate) fn add(ours: &mut Map<String, Value>, rest: Map<String, Value>) {
    for (key, value) in rest {
        match (ours.get_mut(&key), value) {
            (None, value) => {
                ours.insert(key, value);
            }
            (Some(Value::Object(ours)), Value::Object(rest)) => add(ours, rest),
            (Some(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        let theirs =
            json!({"a": 1, "b": {"c": 2, "d": {"e": null, "f": [1]}}, "g": {"h": 3}, "i": 4});
        let ours = json!({"a": 9, "b": {"c": 9, "d": {"e": null}}, "i": {"j": 5}});
        let rest = unknown(&theirs, &ours);
        assert_eq!(
            Value::Object(rest.clone()),
            json!({"b": {"d": {"f": [1]}}, "g": {"h": 3}})
        );
        let Value::Object(mut whole) = ours else {
            panic!("no object");
        };
        add(&mut whole, rest);
        let wanted = json!({"a": 9, "b": {"c": 9, "d": {"e": null, "f": [1]}}, "i": {"j": 5}, "g": {"h": 3}});
        assert_eq!(Value::Object(whole), wanted);
    }
}
