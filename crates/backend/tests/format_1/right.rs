//! What is right at the places of `wrong.json`, as far as it can be put together from what format 1 said elsewhere.

use crate::compare::{expected, wrong};
use seedbed_core::record::{Fields, Record};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn list(value: &Value) -> Vec<String> {
    let list = value.as_array().expect("a list");
    list.iter().map(text).collect()
}

/// The counts of states of records.
fn states<'a>(records: impl IntoIterator<Item = &'a Value>) -> Value {
    let mut counts = BTreeMap::from(
        ["pending", "accepted", "rejected", "discarded", "disputed"]
            .map(|state| (state.to_owned(), 0)),
    );
    for record in records {
        *counts.entry(text(&record["state"])).or_insert(0) += 1;
    }
    json!(counts)
}

/// Two people edited the same rows: neither edit is taken until somebody chooses.
pub(crate) fn mixed_edits() -> BTreeMap<String, Value> {
    let mixed = "92ec9ccf67a5a66cb1ac47dbd412ae12";
    let twice = "6b76fb3007006a4343fe82183b85493c";
    let control = "f1bf3cf68958b794bf227bf98e96a1c3";
    let then = expected("mixed-edits");
    let mut right = BTreeMap::new();
    let mut set = |place: &str, value: Value| right.insert(place.to_owned(), value);
    let mut removed = Map::new();
    for id in [mixed, twice] {
        set(
            &format!("/state/records/by_id/{id}/state"),
            json!("disputed"),
        );
        set(&format!("/state/accepted/by_id/{id}"), Value::Null);
        let record = &then["state"]["records"]["by_id"][id];
        let row = json!({
            "change": "removed", "instruction": record["instruction"], "response": record["response"],
        });
        removed.insert(id.to_owned(), row);
    }
    set("/state/accepted/order", json!([control]));
    set(
        "/state/counts/states",
        json!({"pending": 0, "accepted": 1, "rejected": 0, "discarded": 0, "disputed": 2}),
    );
    set("/state/summary/accepted", json!(1));
    let mut cells = then["state"]["instructions"]["cells"].clone();
    cells[0]["accepted"] = json!(1);
    set("/state/instructions/cells", cells);
    set("/plan/rows_total", json!(1));
    set("/plan/rows_removed", json!(2));
    set("/plan/rows", Value::Object(removed));
    set("/plan/is_empty", json!(false));
    right
}

/// What is right once `two-texts.db` has read the repo.
pub(crate) struct TwoTexts {
    /// By place of `wrong.json`.
    pub(crate) at: BTreeMap<String, Value>,
    /// Dana's texts under the ids of their own, each as she had it before.
    pub(crate) new_records: BTreeMap<String, Value>,
    /// Those of them that she accepted.
    pub(crate) new_rows: BTreeMap<String, Value>,
}

/// The Hub's records as a stranger sees them, and beside them Dana's as she saw them before.
pub(crate) fn two_texts() -> TwoTexts {
    let (hers, hub) = (expected("two-texts"), expected("repo"));
    let (before, there) = (&hers["state"], &hub["state"]);
    let own_id = |id: &str| {
        // A row of a run's plan that has no answer yet.
        let Some(record) = before["records"]["by_id"].get(id) else {
            return id.to_owned();
        };
        let fields = Fields::of_pair(text(&record["instruction"]), text(&record["response"]));
        let is_same = there["records"]["by_id"][id]["response"] == record["response"];
        if is_same {
            id.to_owned()
        } else {
            Record::make_id(Some(id), &fields)
        }
    };
    let order = list(&before["records"]["order"]);
    let shared: BTreeSet<&String> = order.iter().filter(|id| own_id(id) == **id).collect();
    assert_eq!((order.len(), shared.len()), (5, 1));
    let renamed = |value: &Value, key: &str| {
        let mut value = value.clone();
        value[key] = json!(own_id(&text(&value[key])));
        value
    };
    let all_renamed = |list: &Value, key: &str| -> Value {
        let list = list.as_array().expect("a list");
        list.iter().map(|value| renamed(value, key)).collect()
    };

    let mut new_records = BTreeMap::new();
    let mut new_rows = BTreeMap::new();
    let mut records: BTreeMap<String, Value> = BTreeMap::new();
    for (id, record) in there["records"]["by_id"].as_object().expect("records") {
        records.insert(id.clone(), record.clone());
    }
    for id in &order {
        let record = &before["records"]["by_id"][id.as_str()];
        records.insert(own_id(id), record.clone());
        if !shared.contains(id) {
            new_records.insert(own_id(id), record.clone());
            if let Some(row) = before["accepted"]["by_id"].get(id) {
                new_rows.insert(own_id(id), renamed(row, "id"));
            }
        }
    }
    let mut in_order: Vec<String> = order.iter().map(|id| own_id(id)).collect();
    in_order.extend(
        list(&there["records"]["order"])
            .into_iter()
            .filter(|id| !shared.contains(id)),
    );
    let is_accepted = |id: &&String| records[*id]["state"] == "accepted";
    let accepted: Vec<&String> = in_order.iter().filter(is_accepted).collect();

    let mut at = BTreeMap::new();
    let mut set = |place: &str, value: Value| at.insert(place.to_owned(), value);
    set("/state/records/order", json!(in_order));
    set("/state/accepted/order", json!(accepted));
    set("/state/summary/records", json!(15));
    set("/state/summary/accepted", json!(7));
    let mut counts = before["counts"].clone();
    counts["total"] = json!(15);
    counts["states"] = states(records.values());
    let tally = |names: &Value, of: &dyn Fn(&Value) -> Value| -> Value {
        let names = names.as_array().expect("names");
        names
            .iter()
            .map(|pair| {
                json!([
                    pair[0],
                    records
                        .values()
                        .filter(|record| of(record) == pair[0])
                        .count()
                ])
            })
            .collect()
    };
    counts["topics"] = tally(&there["counts"]["topics"], &|one| one["topic"].clone());
    counts["perspectives"] = tally(&there["counts"]["perspectives"], &|one| {
        one["perspective"].clone()
    });
    counts["models"] = tally(&there["counts"]["models"], &|one| {
        one["provenance"]["model"].clone()
    });
    set("/state/counts", counts);
    let mut cells = there["instructions"]["cells"].clone();
    for count in cells.as_array_mut().expect("cells") {
        let here = |record: &&Value| {
            record["topic"] == count["cell"]["topic"]
                && record["perspective"] == count["cell"]["perspective"]
        };
        let in_cell = records.values().filter(here).count();
        let taken = |record: &&Value| record["state"] == "accepted";
        let accepted = records.values().filter(here).filter(taken).count();
        (count["records"], count["accepted"]) = (json!(in_cell), json!(accepted));
    }
    set("/state/instructions/cells", cells);
    set(
        "/state/runs/0/items",
        all_renamed(&before["runs"][0]["items"], "record"),
    );
    set("/sync/records", json!(10));
    set("/plan/records", json!(4));
    set("/plan/rows_total", json!(7));
    set("/plan/rows_added", json!(2));
    set("/plan/rows_changed", json!(0));
    set("/plan/rows_removed", json!(0));
    let added: Map<String, Value> = list(&before["accepted"]["order"])
        .iter()
        .map(|id| {
            let row = &before["accepted"]["by_id"][id.as_str()];
            let row = json!({
                "change": "added", "instruction": row["instruction"], "response": row["response"],
            });
            (own_id(id), row)
        })
        .collect();
    set("/plan/rows", Value::Object(added));
    let walk = hers["walk"].as_object().expect("a walk");
    let walk: Map<String, Value> = walk
        .iter()
        .map(|(part, steps)| (part.clone(), all_renamed(steps, "record")))
        .collect();
    set("/walk", Value::Object(walk));
    for place in wrong("two-texts-with-the-repo") {
        let keys: Vec<&str> = place.place.split('/').skip(1).collect();
        let value = match keys.as_slice() {
            ["state", kind @ ("records" | "accepted"), "by_id", id] if *id != "+" => {
                there[*kind]["by_id"][*id].clone()
            }
            ["state", "instructions", "by_id", _, "records"] => json!(2),
            ["state", "decisions", "by_id", id, "record"] => {
                json!(own_id(&text(&before["decisions"]["by_id"][*id]["record"])))
            }
            _ => continue,
        };
        set(&place.place, value);
    }
    TwoTexts {
        at,
        new_records,
        new_rows,
    }
}

/// What is right once an account has said that both names are its own.
pub(crate) fn two_names() -> BTreeMap<String, Value> {
    let (twice, as_guest) = (
        "e6efc004ad12835fa919571bcb7ace07",
        "17a02f3c93f7548d9a0d06d48199235c",
    );
    let then = expected("two-names");
    let records = &then["state"]["records"]["by_id"];
    let mut right = BTreeMap::new();
    let mut set = |place: &str, value: Value| right.insert(place.to_owned(), value);
    let nobody = json!({});
    set(
        &format!("/state/records/by_id/{twice}/mine"),
        records[twice]["mine"].clone(),
    );
    set(
        &format!("/state/records/by_id/{twice}/others"),
        nobody.clone(),
    );
    set(
        &format!("/state/records/by_id/{twice}/state"),
        json!("rejected"),
    );
    set(
        &format!("/state/records/by_id/{as_guest}/mine"),
        records[as_guest]["others"]["guest-15cbd8"].clone(),
    );
    set(&format!("/state/records/by_id/{as_guest}/others"), nobody);
    set(
        "/state/counts/states",
        json!({"pending": 0, "accepted": 1, "rejected": 1, "discarded": 1, "disputed": 0}),
    );
    // Her answers under either name, one after another; behind the second one on a record stands the first.
    let first = &records[twice]["others"]["guest-15cbd8"];
    let edited = &records[as_guest]["others"]["guest-15cbd8"];
    let step = |record: &str, state: &str, mine: &Value| json!({"record": record, "state": state, "mine": mine});
    let mut undo: Vec<Value> = then["walk"]["undo"].as_array().expect("steps")[..2].to_vec();
    undo.push(step(twice, "accepted", first));
    undo.push(step(as_guest, "pending", &Value::Null));
    undo.push(step(twice, "pending", &Value::Null));
    set("/walk/undo", Value::Array(undo));
    let mut redo = vec![
        step(twice, "accepted", first),
        step(as_guest, "accepted", edited),
        step(twice, "rejected", &records[twice]["mine"]),
    ];
    redo.extend_from_slice(&then["walk"]["redo"].as_array().expect("steps")[1..]);
    set("/walk/redo", Value::Array(redo));
    // The writer of a decision never changes; that both are one is an act of its own.
    for decision in ["0362389ee731f1e2dad80aa0", "e72b14b68ed153b9977d87c2"] {
        set(
            &format!("/state/decisions/by_id/{decision}/reviewer"),
            json!("guest-15cbd8"),
        );
    }
    right
}
