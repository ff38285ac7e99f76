//! Random tables in every orientation, cut anywhere.

use super::support::read_in;
use proptest::prelude::*;
use seedbed_import::json::sniff;
use serde_json::{Map, Value, json};

fn cell() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "[ -~äé🌱\\n\\\\\"{}\\[\\],:]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Tables with at least one column that says what it is.
fn table() -> impl Strategy<Value = Vec<Map<String, Value>>> {
    let text = "[ -~ä🌱\\n\\\\\"{}\\[\\],:]{0,16}".prop_map(Value::from);
    prop::collection::vec((text, cell(), cell()), 1..6).prop_map(|rows| {
        rows.into_iter()
            .map(|(question, x, y)| {
                [
                    ("question".to_owned(), question),
                    ("x".to_owned(), x),
                    ("y".to_owned(), y),
                ]
                .into_iter()
                .collect()
            })
            .collect()
    })
}

/// The table as each orientation writes it.
fn written(rows: &[Map<String, Value>]) -> Vec<(&'static str, String)> {
    let objects: Vec<Value> = rows.iter().cloned().map(Value::Object).collect();
    let names: Vec<&String> = rows[0].keys().collect();
    let column = |name: &String| {
        rows.iter()
            .map(|row| row[name].clone())
            .collect::<Vec<Value>>()
    };
    let lists: Vec<Vec<&Value>> = rows.iter().map(|row| row.values().collect()).collect();
    let keyed = |values: Vec<Value>| -> Map<String, Value> {
        values
            .into_iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect()
    };
    let by_column: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).clone(), Value::Object(keyed(column(name)))))
        .collect();
    let by_list: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).clone(), Value::Array(column(name))))
        .collect();
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let mut header = vec![json!(names)];
    header.extend(lists.iter().map(|list| json!(list)));
    vec![
        ("lines", lines.join("\n")),
        ("lines with commas", lines.join(",\r\n\r\n")),
        ("concatenated", lines.concat()),
        ("records", json!(objects).to_string()),
        ("indented", serde_json::to_string_pretty(&objects).unwrap()),
        ("columns", json!(by_column).to_string()),
        ("index", json!(keyed(objects.clone())).to_string()),
        (
            "split",
            json!({"columns": names, "index": (0..rows.len()).collect::<Vec<_>>(), "data": lists})
                .to_string(),
        ),
        (
            "split late",
            json!({"data": lists, "columns": names}).to_string(),
        ),
        (
            "table",
            json!({"schema": {"fields": [{"name": "question"}]}, "data": objects}).to_string(),
        ),
        ("header", json!(header).to_string()),
        ("lists", json!(by_list).to_string()),
        (
            "wrapped",
            serde_json::to_string_pretty(&json!({"n": 1, "result": {"rows": objects}})).unwrap(),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_table_in_any_orientation_cut_anywhere_reads_back_equal(
        rows in table(),
        lengths in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let expected: Vec<Value> = rows.iter().cloned().map(Value::Object).collect();
        for (name, text) in written(&rows) {
            let layout = sniff(&text);
            let found = read_in(&layout, &text, &lengths);
            prop_assert_eq!(&found.faults, &[], "{}: {}", name, text);
            prop_assert_eq!(&found.values(), &expected, "{} ({:?}): {}", name, layout, text);
        }
    }

    #[test]
    fn no_text_makes_it_fail_and_cuts_change_nothing(
        text in "[\\[\\]{}\",:\\\\ \\na0tn'-]{0,60}",
        lengths in prop::collection::vec(1_usize..9, 1..5),
    ) {
        let layout = sniff(&text);
        let whole = read_in(&layout, &text, &[usize::MAX]);
        let pieces = read_in(&layout, &text, &lengths);
        prop_assert_eq!(whole.rows, pieces.rows);
        prop_assert_eq!(whole.faults, pieces.faults);
    }
}
