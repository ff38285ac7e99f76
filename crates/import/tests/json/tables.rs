//! Files of the real writers: they come in as the rows they were given.

use super::support::{read, read_in, without_nulls};
use seedbed_import::json::sniff;
use serde_json::{Value, json};

#[test]
fn what_pandas_and_python_write_comes_in_as_the_rows_they_were_given_however_it_is_cut() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/json/tables.json")).unwrap();
    assert!(cases.len() >= 60, "{}", cases.len());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let text = case["text"].as_str().unwrap();
        let layout = sniff(text);
        for lengths in [&[usize::MAX][..], &[1], &[7, 64, 3]] {
            let read = read_in(&layout, text, lengths);
            let what = format!("{name} ({layout:?}): {text}");
            assert_eq!(read.faults, [], "{what}");
            assert_eq!(read.reader.refusal(), None, "{what}");
            assert_eq!(read.reader.torn(), None, "{what}");
            let parts = case["parts"].as_object().unwrap();
            let total: usize = parts
                .values()
                .map(|rows| rows.as_array().unwrap().len())
                .sum();
            assert_eq!(read.rows.len(), total, "{what}");
            for (part, rows) in parts {
                let rows = rows.as_array().unwrap();
                // A file of one list has no part to name.
                let found = match part.as_str() {
                    "" => read.values(),
                    part => read.of_part(part),
                };
                assert_eq!(without_nulls(&found), without_nulls(rows), "{what}");
            }
        }
    }
}

#[test]
fn the_beginning_of_a_file_tells_its_layout_as_well_as_the_whole() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/json/tables.json")).unwrap();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let text = case["text"].as_str().unwrap();
        let parts = case["parts"].as_object().unwrap();
        let whole = read(text).values();
        // Where names or values decide, the sample must show them.
        if name.contains("empty") || name.contains("rows, then") || name == "a chat a line" {
            continue;
        }
        for share in [50, 75, 90] {
            let mut end = text.len() * share / 100;
            while !text.is_char_boundary(end) {
                end += 1;
            }
            let layout = sniff(&text[..end]);
            let read = read_in(&layout, text, &[33]);
            assert_eq!(
                read.values(),
                whole,
                "{name} at {share} %: {layout:?} of {text}"
            );
            assert_eq!(read.parts().len(), parts.len().max(1), "{name}");
        }
    }
}

#[test]
fn what_python_and_javascript_write_beyond_json_is_read_and_counted() {
    let text = concat!(
        "{\"a\":NaN,\"b\":[Infinity,-Infinity],\"c\":\"NaN, Infinity\",}\n",
        "{\"a\":\"\\ud83c\\udf31 and \\ud83c lone \\udf31\",\"a2\":\"\\udf31\\ud83c\"}\n",
        "{\"a\":1,\"a\":2,\"b\":123456789012345678901234567890,\"c\":1e999,\"d\":-0.5}\n",
        "{\"a\":\"lost \\ufffd\",\"b\":[1,2,],\"c\":\"it\\'s\"}\n",
    );
    let found = read(text);
    assert_eq!(found.faults, []);
    let rows = without_nulls(&found.values());
    assert_eq!(rows[0], json!({"b":[null,null],"c":"NaN, Infinity"}));
    assert_eq!(rows[1], json!({"a":"🌱 and  lone ","a2":""}));
    assert_eq!(
        rows[2],
        json!({"a":2,"b":"123456789012345678901234567890","c":"1e999","d":-0.5})
    );
    assert_eq!(rows[3], json!({"a":"lost \u{fffd}","b":[1,2],"c":"it's"}));
    let counts = found.reader.counts();
    assert_eq!(counts.not_numbers, 3);
    assert_eq!(counts.lone_halves, 4);
    assert_eq!(counts.lost_letters, 1);
    assert_eq!(counts.repeated_names, 1);
    assert_eq!(counts.long_numbers, 2);
}

#[test]
fn a_table_by_column_is_rows_in_the_order_of_their_numbers() {
    // As `DataFrame.to_json()` writes it when nothing is said, and with rows taken out of order.
    let text = r#"{"instruction": {"10": "Which shrubs grow fast?", "0": "What is a windbreak?", "9": "How high must it be?"},
        "response": {"9": "A tenth of the shelter's width.", "10": "Willow, elder and hazel.", "0": "Shrubs that slow the wind."}}"#;
    let found = read(text);
    let rows: Vec<Value> = [
        ("What is a windbreak?", "Shrubs that slow the wind."),
        ("How high must it be?", "A tenth of the shelter's width."),
        ("Which shrubs grow fast?", "Willow, elder and hazel."),
    ]
    .map(|(instruction, response)| json!({"instruction": instruction, "response": response}))
    .to_vec();
    assert_eq!(found.values(), rows);
    assert_eq!(found.columns, ["instruction", "response"]);
    let numbers: Vec<u64> = found.rows.iter().map(|(_, number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}
