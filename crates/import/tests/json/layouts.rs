//! What each layout gives: parts, columns, one row, files that are no tables.

use super::support::{read, read_in, read_with};
use seedbed_import::json::{Layout, Reader, sniff};
use seedbed_import::table::{Reason, Rows};
use serde_json::json;

#[test]
fn several_lists_in_one_file_are_parts_that_can_be_chosen() {
    let text = r#"{"train":[{"q":"a"},{"q":"b"}],"note":"x","test":[{"q":"c","w":1}]}"#;
    let layout = sniff(text);
    let all = read_in(&layout, text, &[5]);
    assert_eq!(all.parts(), [("train", 2), ("test", 1)]);
    assert_eq!(all.of_part("test"), [json!({"q":"c","w":1})]);
    assert_eq!(layout.to_string(), "rows in `train`, `test`");
    let mut reader = Reader::new(&layout);
    reader.choose(["test".to_owned()]);
    let one = read_with(reader, text, &[5]);
    assert_eq!(one.values(), [json!({"q":"c","w":1})]);
    assert_eq!(one.parts(), [("train", 2), ("test", 1)]);
    // The second list is far behind the sample.
    let far = sniff(&text[..20]);
    assert_eq!(
        read_in(&far, text, &[9]).parts(),
        [("train", 2), ("test", 1)]
    );
    // Lists that were not taken are named.
    let apart = read(
        r#"{"a":{"rows":[{"q":"a"}]},"b":[1],"answers":[{"q":"b"}],"features":[{"name":"x"}],"rest":[{"x":1}],"c":{"d":[1,{}]}}"#,
    );
    assert_eq!(apart.parts(), [("rest", 1)]);
    assert_eq!(apart.reader.passed_over(), ["a", "answers"]);
}

#[test]
fn columns_come_in_the_order_in_which_they_appear_and_missing_values_are_null() {
    let found = read("{\"b\":1}\n{\"a\":{\"x\":[1]},\"b\":2}\n{\"c\":true}\n");
    assert_eq!(found.columns, ["b", "a", "c"]);
    assert_eq!(
        found.values(),
        [
            json!({"b":1,"a":null,"c":null}),
            json!({"b":2,"a":{"x":[1]},"c":null}),
            json!({"b":null,"a":null,"c":true})
        ]
    );
}

#[test]
fn a_file_by_column_beyond_what_can_be_held_is_refused_with_a_way_out() {
    let layout = sniff(r#"{"q":{"0":"a","1":"b"},"a":{"0":"c"#);
    let mut reader = Reader::new(&layout);
    let piece = "x".repeat(8 << 20);
    reader.push("{\"q\":{\"0\":\"");
    for _ in 0..8 {
        reader.push(&piece);
    }
    reader.end();
    assert_eq!(reader.next(), None);
    let words = reader.refusal().unwrap().to_string();
    assert!(words.contains("written by column"), "{words}");
    assert!(words.contains("orient=\"records\", lines=True"), "{words}");
}

#[test]
fn a_seed_settings_and_a_saved_project_are_no_tables() {
    for (text, words) in [
        (
            r#"{"domain":"a","perspectives":[],"topics":["b"],"examples":[{"question":"a","answer":"b"}]}"#,
            "a seed",
        ),
        (
            r#"{"self_instruct_num_generations":2,"x":1}"#,
            "settings of a run",
        ),
        (
            "{\"seedbed_project\":2,\"seed\":{}}\n{\"record\":1}\n",
            "a saved project",
        ),
    ] {
        let found = read(text);
        assert_eq!(sniff(text).to_string(), words);
        assert!(found.rows.is_empty() && found.faults.is_empty());
        assert!(found.reader.refusal().unwrap().to_string().contains(words));
    }
}

#[test]
fn one_row_stays_one_row_with_its_lists_and_objects() {
    for row in [
        json!({"instruction":"a","instances":[{"input":"b","output":"c"}]}),
        json!({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}),
        json!({"conversations":[{"from":"human","value":"a"}],"system":"s"}),
        json!({"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}),
        json!({"chosen":[{"role":"user","content":"a"}],"rejected":[{"role":"user","content":"b"}]}),
        json!({"question":"a","answers":{"text":["b"],"start":[1]},"context":"c"}),
        json!({"question":"a","meta":{"source":[{"name":"x"}]}}),
        json!({"id":1,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"t"}]}),
        json!({"question":"a","scores":{"0":1,"1":2}}),
        json!({"model":{"name":"m"},"options":{"b":2}}),
    ] {
        for text in [row.to_string(), serde_json::to_string_pretty(&row).unwrap()] {
            let found = read(&text);
            assert_eq!(
                found.values(),
                std::slice::from_ref(&row),
                "{:?}",
                sniff(&text)
            );
        }
    }
}

#[test]
fn lists_with_more_values_than_columns_are_faults_and_without_a_header_make_columns() {
    let found = read(r#"{"columns":["q","a"],"data":[["b","c"],["d","e","f"],["g"]]}"#);
    assert_eq!(
        found.values(),
        [json!({"q":"b","a":"c"}), json!({"q":"g","a":null})]
    );
    assert_eq!(found.faults.len(), 1);
    assert!(found.faults[0].1.contains("3 values for 2 columns"));
    let bare = read("[[\"b\",1],[\"c\",2,3]]");
    assert_eq!(bare.columns, ["column 1", "column 2", "column 3"]);
    let header = read("[[\"Question\",\"Answer\"],[\"b\",\"c\"]]");
    assert_eq!(header.values(), [json!({"Question":"b","Answer":"c"})]);
}

#[test]
fn values_that_are_no_rows_are_faults() {
    let found = read("[{\"q\":1},2,\"three\",null,{\"q\":4}]");
    assert_eq!(found.values(), [json!({"q":1}), json!({"q":4})]);
    assert_eq!(found.faults.len(), 3);
    assert!(
        found
            .faults
            .iter()
            .all(|(_, words)| *words == Reason::NotARow.to_string())
    );
    for text in ["", "\u{feff}\n \n", "[]", "{}", "[\n]\n"] {
        let none = read(text);
        assert!(none.rows.is_empty() && none.faults.is_empty(), "{text:?}");
    }
    let prose = read("Dear all,\nno rows here.\n");
    assert_eq!(prose.faults.len(), 2);
}

#[test]
fn rows_that_all_name_their_values_differently_do_not_grow_without_end() {
    let most = seedbed_import::json::MAX_COLUMNS;
    let mut reader = Reader::new(&Layout::Lines);
    for at in 0..most + 100 {
        reader.push(&format!("{{\"k{at}\":{at}}}\n"));
    }
    reader.end();
    assert_eq!(std::iter::from_fn(|| reader.next()).count(), most + 100);
    assert_eq!(reader.columns().len(), most);
    assert_eq!(reader.counts().beyond_columns, 100);
}
