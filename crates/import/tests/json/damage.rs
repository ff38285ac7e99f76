//! Broken, cut and hostile files.

use super::support::{read, read_in};
use seedbed_import::json::{Refusal, sniff};
use serde_json::json;

#[test]
fn a_bad_line_is_named_and_leaves_its_neighbours_alone() {
    let text = concat!(
        "{\"question\":\"one\"}\r\n",
        "\n",
        "{\"question\":\"two\",\"answer\":}\n",
        "7\n",
        "{\"question\":\"a \"quoted word\"}\n",
        "{\"question\":\"three\"} and more\n",
        "{\"question\":\"four\"},\n",
        "{\"question\":\"five\"}{\"question\":\"six\"}\n",
        "oops\n",
        "{\"question\":\"torn\",\"ans",
    );
    for lengths in [&[usize::MAX][..], &[1], &[13]] {
        let found = read_in(&sniff(text), text, lengths);
        let rows: Vec<(u64, &str)> = (found.rows.iter())
            .map(|(_, line, row)| (*line, row["question"].as_str().unwrap()))
            .collect();
        assert_eq!(rows, [(1, "one"), (7, "four"), (8, "five"), (8, "six")]);
        let faults: Vec<(u64, &str)> = (found.faults.iter())
            .map(|(line, reason)| (*line, reason.as_str()))
            .collect();
        assert_eq!(
            faults,
            [
                (3, "not JSON: a value is missing or of an unknown kind"),
                (4, "neither an object nor a list"),
                (5, "not JSON: a comma or a closing bracket is missing"),
                (6, "not JSON: more text behind its end"),
                (9, "not JSON: a value is missing or of an unknown kind"),
                (10, "not JSON: it ends too early"),
            ]
        );
        assert_eq!(found.reader.torn(), Some(10));
    }
}

#[test]
fn a_broken_first_line_spoils_no_other() {
    for first in [
        "{\"q\":\"torn",
        "{\"q\":oops}",
        "{\"q\":\"a \"b\" c\"}",
        "{\"q\":[1,}",
        "{\"q\" \"a\"}",
        "{'q': it's}",
    ] {
        let text = format!("{first}\n{{\"q\":\"b\"}}\n{{\"q\":\"c\"}}\n");
        let found = read(&text);
        assert_eq!(
            found.values(),
            [json!({"q":"b"}), json!({"q":"c"})],
            "{text}"
        );
        assert_eq!(found.faults.len(), 1, "{text}");
        assert_eq!(found.faults[0].0, 1, "{text}");
    }
}

#[test]
fn a_broken_item_of_a_list_is_one_fault_with_its_line() {
    let good =
        |at: usize| format!("{{\"q\": \"a, ]}} \\\" {at}\", \"m\": [{{\"q\": 1}}, {{\"q\": 2}}]}}");
    for broken in [
        "{\"q\": oops, \"m\": [1]}",
        "{\"q\": \"say \"hi\", \"m\": \"x\"}",
        "{\"q\": \"never closed, \"m\": [{\"a\": 1}]}",
        "{\"q\": [1, 2}",
        "{\"q\": [1, 2]]}",
        "{\"q\": \"x\"",
        "{\"q\": {\"r\": 1}",
        "{\"q\": \"x\\q\"}",
    ] {
        for (between, around) in [
            (",\n", ("[", "]")),
            (",\n ", ("\n[\n ", "\n]\n")),
            (",", ("{\"data\":[", "]}")),
            (",\n", ("{\"n\": 1, \"data\": [\n", "\n]}")),
        ] {
            let items = [good(1), good(2), broken.to_owned(), good(3), good(4)];
            let text = format!("{}{}{}", around.0, items.join(between), around.1);
            for lengths in [&[usize::MAX][..], &[1], &[6, 11]] {
                let found = read_in(&sniff(&text), &text, lengths);
                assert_eq!(found.rows.len(), 4, "{text} {:?}", found.faults);
                assert_eq!(found.faults.len(), 1, "{text} {:?}", found.faults);
                let at = text.find(broken).unwrap();
                let line = 1 + text[..at].matches('\n').count() as u64;
                assert_eq!(found.faults[0].0, line, "{text}");
                assert_eq!(found.reader.torn(), None, "{text}");
            }
        }
    }
}

#[test]
fn a_file_that_broke_off_keeps_what_is_whole_and_says_where() {
    let rows = "{\"q\": \"a\"},\n{\"q\": \"b\"},\n{\"q\": \"c\"}";
    for (text, line) in [
        (format!("[{rows}]"), 3),
        (format!("{{\"data\": [{rows}]}}"), 3),
    ] {
        let start = text.find("\"c\"").unwrap();
        let cut = read(&text[..start]);
        assert_eq!(cut.values(), [json!({"q":"a"}), json!({"q":"b"})]);
        assert_eq!(cut.faults, [(3, "not JSON: it ends too early".to_owned())]);
        assert_eq!(cut.reader.torn(), Some(line));
        // Between items nothing is broken, but rows are missing.
        let between = read(&text[..text.find("\n{\"q\": \"c\"").unwrap()]);
        assert_eq!(between.rows.len(), 2);
        assert_eq!(between.faults, []);
        assert_eq!(between.reader.torn(), Some(2));
    }
    let by_column = read("{\"q\":{\"0\":\"a\",\"1\":\"b\"},\n\"a\":{\"0\":\"c");
    assert_eq!(by_column.rows.len(), 0);
    let Some(Refusal::Damaged { line: 2, .. }) = by_column.reader.refusal() else {
        panic!("{:?}", by_column.reader.refusal());
    };
}

#[test]
fn numbers_and_escapes_that_json_does_not_have_are_faults() {
    for item in [
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x1",
        "\"\\x41\"",
        "\"\\u12g4\"",
        "nul",
        "'a'",
        "-",
    ] {
        let found = read(&format!("{{\"a\":1}}\n{{\"a\":{item}}}\n"));
        assert_eq!(found.rows.len(), 1, "{item}");
        assert_eq!(found.faults.len(), 1, "{item}");
    }
}

#[test]
fn very_deep_nesting_is_a_fault_and_not_the_end() {
    for bracket in ["[", "{\"a\":"] {
        let deep = bracket.repeat(200_000);
        let found = read(&format!("{{\"q\":1}}\n{{\"q\":{deep}}}\n{{\"q\":2}}\n"));
        assert_eq!(found.values(), [json!({"q":1}), json!({"q":2})]);
        assert_eq!(
            found.faults,
            [(2, "not JSON: nested deeper than 64 levels".to_owned())]
        );
        for text in [
            format!("[{{\"q\":1}},{deep}"),
            deep.clone(),
            format!("{{\"data\":[{deep}"),
        ] {
            assert!(!read(&text).faults.is_empty());
        }
    }
    let level = |depth: usize| {
        format!(
            "{{\"q\":1}}\n{{\"q\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert_eq!(read(&level(63)).rows.len(), 2);
    assert_eq!(read(&level(64)).rows.len(), 1);
}

#[test]
fn a_row_longer_than_any_that_is_taken_is_left_out_and_the_next_comes() {
    let long = "x".repeat(17 << 20);
    for text in [
        format!("[{{\"q\":1}},\n{{\"q\":\"{long}\"}},\n{{\"q\":2}}]"),
        format!("{{\"q\":1}}\n{{\"q\":\"{long}\"}}\n{{\"q\":2}}"),
    ] {
        let found = read_in(&sniff(&text[..100]), &text, &[1 << 20]);
        assert_eq!(found.values(), [json!({"q":1}), json!({"q":2})]);
        assert_eq!(found.faults, [(2, "longer than 16 MB".to_owned())]);
    }
}

#[test]
fn every_damage_of_a_file_ends_with_rows_or_faults_on_lines_of_the_file() {
    let files = [
        "{\"q\":\"a \\\"b\\\" é\",\"m\":[{\"role\":\"user\"}]}\n{\"q\":\"\\ud83c\\udf31\",\"m\":[]}\n",
        "[{\"q\":\"a\"},\n{\"q\":{\"r\":[1,2.5]}}]",
        "{\"n\":[1],\"data\":[{\"q\":\"a\"},{\"q\":\"b\"}],\"test\":[{\"q\":\"c\"}]}",
        "{\"q\":{\"0\":\"a\",\"1\":\"b\"},\"a\":{\"0\":1,\"1\":null}}",
        "{\"columns\":[\"q\",\"a\"],\"data\":[[1,2],[3,4]]}",
        "{\"q\":[\"a\",\"b\"],\"a\":[1,2]}",
    ];
    let mut ways = [0_usize; 3];
    for text in files {
        for cut in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let marks = ["\"", "{", "}", "[", "]", ",", ":", "\\", "\n", "x"];
            let inserted = marks.map(|mark| format!("{}{mark}{}", &text[..cut], &text[cut..]));
            let torn = [text[..cut].to_owned(), text[cut..].to_owned()];
            for damaged in inserted.iter().chain(&torn) {
                let layout = sniff(damaged);
                let whole = read_in(&layout, damaged, &[usize::MAX]);
                let pieces = read_in(&layout, damaged, &[1]);
                assert_eq!(whole.rows, pieces.rows, "{damaged}");
                assert_eq!(whole.faults, pieces.faults, "{damaged}");
                let lines = 1 + damaged.matches('\n').count() as u64;
                for (line, _) in &whole.faults {
                    assert!((1..=lines).contains(line), "{line} of {damaged}");
                }
                ways[0] += usize::from(!whole.rows.is_empty());
                ways[1] += usize::from(!whole.faults.is_empty());
                ways[2] += usize::from(whole.reader.refusal().is_some());
                let is_told = !whole.rows.is_empty()
                    || !whole.faults.is_empty()
                    || whole.reader.refusal().is_some()
                    || whole.reader.torn().is_some()
                    || !whole.reader.passed_over().is_empty()
                    || !damaged.contains(char::is_alphanumeric)
                    || whole.columns.len() == 2;
                assert!(is_told, "{damaged} as {layout:?}");
            }
        }
    }
    assert!(ways.iter().all(|count| *count > 100), "{ways:?}");
}
