//! Rows from files: data sets that others published, and the ways in which files go wrong.

use seedbed_grow::rows::{ImportedRows, RowsError, parse_any, parse_csv, parse_jsonl};

const GSM8K: &str = include_str!("data/gsm8k-train-40.jsonl");
const SEED_TASKS: &str = include_str!("data/self-instruct-seed-tasks-25.jsonl");
const USER_ORIENTED: &str = include_str!("data/self-instruct-user-oriented-20.jsonl");

fn pairs(rows: &ImportedRows) -> Vec<(&str, &str)> {
    rows.rows
        .iter()
        .map(|row| (row.instruction.as_str(), row.response.as_str()))
        .collect()
}

fn read(text: &str) -> ImportedRows {
    parse_any("rows.jsonl", text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn grade_school_maths_comes_in_whole_by_its_question_and_answer_columns() {
    let found = parse_any("gsm8k-train.jsonl", GSM8K).unwrap();
    assert_eq!(found.rows.len(), 40);
    assert_eq!(found.problems, []);
    assert_eq!(found.layout, "question → instruction, answer → response");
    assert!(found.rows[0].instruction.starts_with("Natalia sold clips"));
    assert!(found.rows[0].response.ends_with("\n#### 72"));
    assert!(found.rows[1].response.contains("<<12/60=0.2>>"));
}

#[test]
fn self_instruct_tasks_come_in_with_their_instances() {
    for (text, tasks) in [(SEED_TASKS, 25), (USER_ORIENTED, 20)] {
        let found = parse_any("self-instruct.jsonl", text).unwrap();
        assert_eq!(found.problems, []);
        assert_eq!(found.rows.len(), tasks);
    }
    let seed_tasks = read(SEED_TASKS);
    assert!(
        seed_tasks.rows[0]
            .instruction
            .ends_with("700-1000 calories?")
    );
    assert_eq!(
        seed_tasks.rows[1].instruction,
        "What is the relation between the given pairs?\n\nNight : Day :: Right : Left"
    );
}

#[test]
fn a_task_with_several_instances_gives_a_row_for_each() {
    let found = read(
        r#"{"instruction":"Add.","instances":[{"input":"1 2","output":"3"},{"input":"","output":" "},{"input":"","output":"0"}]}"#,
    );
    assert_eq!(pairs(&found), [("Add.\n\n1 2", "3"), ("Add.", "0")]);
    assert_eq!(found.problems, [(1, "no text in `output`".to_owned())]);
    assert!(
        read(r#"{"instruction":"a","instances":[]}"#)
            .rows
            .is_empty()
    );
}

#[test]
fn the_same_rows_come_in_alike_as_lines_as_a_list_in_a_container_and_as_a_table() {
    let lines = read(GSM8K);
    let items: Vec<&str> = GSM8K.lines().collect();
    let list = format!("[\n{}\n]", items.join(",\n"));
    let container = format!(
        "{{\"version\": [1, \"]\"], \"data\" : [{}]}}",
        items.join(",")
    );
    let viewer = items
        .iter()
        .enumerate()
        .map(|(at, item)| format!("{{\"row_idx\":{at},\"row\":{item},\"truncated_cells\":[]}}"))
        .collect::<Vec<_>>();
    let viewer = format!(
        "{{\"features\":[{{\"name\":\"question\"}}],\"rows\":[{}]}}",
        viewer.join(",")
    );
    for text in [&list, &container, &viewer] {
        let found = parse_any("rows.json", text).unwrap();
        assert_eq!(found.rows, lines.rows);
        assert_eq!(found.problems, []);
    }
    let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for (delimiter, end) in [(',', "\n"), (';', "\r\n"), ('\t', "\n"), ('|', "\r\n")] {
        let mut table = format!("\u{feff}id{delimiter}Question{delimiter} ANSWER {end}");
        for (at, row) in lines.rows.iter().enumerate() {
            let cells = [
                at.to_string(),
                quote(&row.instruction),
                quote(&row.response),
            ];
            table.push_str(&cells.join(&delimiter.to_string()));
            table.push_str(end);
        }
        let found = parse_any("rows.csv", &table).unwrap();
        assert_eq!(found.rows, lines.rows, "{delimiter:?}");
        assert_eq!(found.notes, [] as [String; 0]);
    }
}

#[test]
fn the_column_names_of_the_field_are_recognised() {
    let cases = [
        (r#"{"instruction":"a b","response":"c"}"#, "a b", "c"),
        (r#"{"Prompt":"a b","COMPLETION":"c"}"#, "a b", "c"),
        (
            r#"{"instruction":"a b","input":"","output":"c","text":"t"}"#,
            "a b",
            "c",
        ),
        (
            r#"{"instruction":"a b","input":"x y","output":"c"}"#,
            "a b\n\nx y",
            "c",
        ),
        (
            r#"{"instruction":"a b","context":"x","response":"c","category":"qa"}"#,
            "a b\n\nx",
            "c",
        ),
        (r#"{"input":"a b","output":"c"}"#, "a b", "c"),
        (
            r#"{"instruction":"a b","generation":"c","model_name":"m"}"#,
            "a b",
            "c",
        ),
        (
            r#"{"instruction":"a b","output":null,"answer":"c"}"#,
            "a b",
            "c",
        ),
        (r#"{"question":"a b","answer":42}"#, "a b", "42"),
        (
            r#"{"messages":[{"role":"user","content":"a b"},{"role":"assistant","content":"c"}]}"#,
            "a b",
            "c",
        ),
        (
            r#"{"conversations":[{"from":"human","value":"a b"},{"from":"gpt","value":"c"}]}"#,
            "a b",
            "c",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a b"}]},{"role":"assistant","content":"c"}]}"#,
            "a b",
            "c",
        ),
        (
            r#"{"prompt":[{"role":"user","content":"a b"}],"completion":[{"role":"assistant","content":"c"}]}"#,
            "a b",
            "c",
        ),
        (
            r#"{"prompt":"a b","chosen":[{"role":"user","content":"a b"},{"role":"assistant","content":"c"}],"rejected":[]}"#,
            "a b",
            "c",
        ),
        (
            r#"{"id":"1","instruction":"a b","response":"c","messages":[{"role":"user","content":"other"}]}"#,
            "a b",
            "c",
        ),
    ];
    for (line, instruction, response) in cases {
        let found = read(line);
        assert_eq!(pairs(&found), [(instruction, response)], "{line}");
    }
    let csv = "messages\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"a, b\"\"},{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"c\"\"}]\"\n";
    assert_eq!(pairs(&parse_csv(csv).unwrap()), [("a, b", "c")]);
}

#[test]
fn topic_perspective_and_model_come_along_from_flat_and_from_nested_columns() {
    for line in [
        r#"{"instruction":"a b","response":"c","Topic":" soil  care ","perspective":"small","model":"m/x"}"#,
        r#"{"instruction":"a b","response":"c","cell":{"topic":"soil care","perspective":"small"},"provenance":{"model":"m/x"}}"#,
    ] {
        let row = &read(line).rows[0];
        assert_eq!(
            (
                row.topic.as_str(),
                row.perspective.as_str(),
                row.model.as_str()
            ),
            ("soil care", "small", "m/x")
        );
    }
}

#[test]
fn a_longer_dialogue_gives_its_first_exchange_and_says_so() {
    let found = read(
        r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","content":"t"},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]}"#,
    );
    assert_eq!(pairs(&found), [("a\n\nb", "c")]);
    assert_eq!(found.notes.len(), 2);
    assert!(found.notes[0].contains("more than one turn"));
    assert!(found.notes[1].contains("system message"));
}

#[test]
fn a_bad_line_is_named_and_leaves_its_neighbours_alone() {
    let text = concat!(
        "{\"question\":\"one\",\"answer\":\"1\"}\r\n",
        "\n",
        "{\"question\":\"two\",\"answer\":}\n",
        "[1,2]\n",
        "{\"question\":\"three\",\"answer\":\"  \"}\n",
        "{\"title\":\"none\",\"body\":\"of these\"}\n",
        "{\"question\":\"four\",\"answer\":{\"text\":[]}}\n",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"alone\"}]}\n",
        "{\"question\":\"five\",\"answer\":\"5\"}\n",
        "{\"question\":\"torn\",\"ans",
    );
    let found = read(text);
    assert_eq!(pairs(&found), [("one", "1"), ("five", "5")]);
    let expected = [
        (3, "not JSON: expected value (column 28)"),
        (4, "not JSON: expected an object, found a list"),
        (5, "no text in `answer`"),
        (6, "no known columns: found `title`, `body`"),
        (7, "`answer` is neither a text nor a dialogue"),
        (8, "`messages` has no answer in words"),
        (10, "not JSON: it ends too early"),
    ];
    let problems: Vec<(usize, &str)> = found
        .problems
        .iter()
        .map(|(line, reason)| (*line, reason.as_str()))
        .collect();
    assert_eq!(problems, expected);
}

#[test]
fn a_broken_item_of_a_list_is_named_by_the_line_it_begins_on() {
    let text = "\n[\n {\"question\": \"a, ]} \\\" b\",\n  \"answer\": \"1\"},\n {\"question\": oops,\n  \"answer\": \"2\"},\n {\"question\": \"c\", \"answer\": \"3\"}\n]";
    let found = parse_any("rows.json", text).unwrap();
    assert_eq!(pairs(&found), [("a, ]} \" b", "1"), ("c", "3")]);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].0, 5);
    // A file cut off in the middle keeps what is whole.
    let cut = parse_any("rows.json", &text[..text.len() - 12]).unwrap();
    assert_eq!(pairs(&cut), [("a, ]} \" b", "1")]);
    assert_eq!(cut.problems.len(), 2);
}

#[test]
fn a_single_object_over_several_lines_is_one_row() {
    let text = "{\n  \"instruction\": \"a b\",\n  \"response\": \"c\",\n  \"messages\": [\n    {\"role\": \"user\", \"content\": \"a b\"}\n  ]\n}\n";
    assert_eq!(pairs(&parse_any("row.json", text).unwrap()), [("a b", "c")]);
}

#[test]
fn a_table_keeps_line_breaks_in_quotes_and_names_rows_with_too_many_values() {
    let text = "question,answer,topic\n\"first,\nsecond\",\"said \"\"so\"\"\",soil\n\nplain,a,b,c\nlast,2\n,,\n";
    let found = parse_csv(text).unwrap();
    assert_eq!(
        pairs(&found),
        [("first,\nsecond", "said \"so\""), ("last", "2")]
    );
    assert_eq!(found.rows[0].topic, "soil");
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].0, 5);
    assert!(found.problems[0].1.contains("4 values for 3 columns"));
    // Windows line ends count the same.
    let windows = parse_csv(&text.replace('\n', "\r\n")).unwrap();
    assert_eq!(windows.problems[0].0, 5);
    let open = parse_csv("question,answer\na,1\nb,\"2\nc,3\n").unwrap();
    assert!(open.notes[0].contains("odd number"), "{:?}", open.notes);
}

#[test]
fn a_file_without_known_columns_names_what_it_has_and_what_was_expected() {
    let error = parse_any("t.csv", "title;body\nx;y\n").unwrap_err();
    let RowsError::UnknownColumns { found } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(found, &["title", "body"]);
    let text = error.to_string();
    for part in ["`title`", "`body`", "`instruction`", "`conversations`"] {
        assert!(text.contains(part), "{text}");
    }
    for (name, text) in [
        ("t.jsonl", "{\"chosen\":\"a\",\"rejected\":\"b\"}\n"),
        ("t.json", "[{\"text\":\"a\",\"label\":1}]"),
        ("headless.csv", "How deep?,So deep\nHow wide?,So wide\n"),
    ] {
        assert!(
            matches!(parse_any(name, text), Err(RowsError::UnknownColumns { .. })),
            "{name}"
        );
    }
}

#[test]
fn files_that_are_no_rows_at_all_are_refused_in_words() {
    assert_eq!(parse_any("a.jsonl", "\u{feff} \n\n"), Err(RowsError::Empty));
    assert_eq!(parse_any("a.json", "[]"), Err(RowsError::Empty));
    assert_eq!(
        parse_any("a.parquet", "PAR1\u{15}\u{4}"),
        Err(RowsError::NotText)
    );
    assert_eq!(parse_any("a.bin", "a\0b"), Err(RowsError::NotText));
    let prose = parse_any("a.jsonl", "Dear all,\nno rows here.\n").unwrap_err();
    assert!(
        matches!(prose, RowsError::NotJson { line: 1, .. }),
        "{prose}"
    );
}

#[test]
fn the_ending_decides_and_without_one_the_first_character() {
    assert_eq!(parse_any("export", GSM8K).unwrap().rows.len(), 40);
    assert_eq!(
        parse_any("export.txt", "prompt\tcompletion\na b\tc\n")
            .unwrap()
            .rows
            .len(),
        1
    );
    assert_eq!(
        parse_any("EXPORT.TSV", "prompt\tcompletion\na, b\tc\n")
            .unwrap()
            .rows
            .len(),
        1
    );
}

#[test]
fn a_text_beyond_the_limit_is_left_out_by_name() {
    let long = "x".repeat(100_001);
    let wide = "é".repeat(100_000);
    let text = format!(
        "{{\"question\":\"a\",\"answer\":\"{long}\"}}\n{{\"question\":\"b\",\"answer\":\"{wide}\"}}\n"
    );
    let found = parse_jsonl(&text).unwrap();
    assert_eq!(found.rows.len(), 1);
    assert!(found.problems[0].1.contains("100000 characters"));
}

/// What holds for any file: rows have texts, whatever is left out or refused has its reason, and a line is one of the
/// file's.
fn sound(name: &str, text: &str) -> Option<ImportedRows> {
    let what = format!("{name}: {text:?}");
    let lines = 1..=text.lines().count().max(1);
    match parse_any(name, text) {
        Ok(found) => {
            for row in &found.rows {
                assert!(!row.instruction.trim().is_empty(), "{what}");
                assert!(!row.response.trim().is_empty(), "{what}");
            }
            for (line, reason) in &found.problems {
                assert!(lines.contains(line), "line {line} of {what}");
                assert!(!reason.is_empty(), "{what}");
            }
            assert!(found.rows.is_empty() || !found.layout.is_empty(), "{what}");
            Some(found)
        }
        Err(RowsError::NotJson { line, fault }) => {
            assert!(lines.contains(&line), "line {line} of {what}");
            assert!(!fault.is_empty(), "{what}");
            None
        }
        Err(RowsError::Empty) => {
            assert_eq!(text.trim(), "", "{name}");
            None
        }
        Err(RowsError::UnknownColumns { .. }) => None,
        Err(error @ (RowsError::TooLarge { .. } | RowsError::NotText)) => panic!("{error} {what}"),
    }
}

#[test]
fn every_damage_of_a_file_leaves_whole_rows_or_a_reason_with_its_line() {
    // Every prefix, suffix and one-byte damage of real lines, as each kind of file.
    let line = GSM8K.lines().next().unwrap();
    let table = "question,answer\n\"a \"\"b\"\" é\",\"c\nd\"\n";
    let nested = r#"{"x":[1],"data":[{"messages":[{"role":"user","content":"é"},{"role":"assistant","content":"b"}]}]}"#;
    let good = read(line).rows.remove(0);
    let (mut with_rows, mut with_problems, mut refused) = (0, 0, 0);
    let mut count = |found: Option<ImportedRows>| match found {
        Some(found) if found.problems.is_empty() => with_rows += 1,
        Some(_) => with_problems += 1,
        None => refused += 1,
    };
    for text in [line, table, nested] {
        for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for name in ["a.jsonl", "a.json", "a.csv"] {
                count(sound(name, &text[..cut]));
                count(sound(name, &text[cut..]));
                for mark in ["\"", "{", "]", ",", "\\", "\n"] {
                    let damaged = format!("{}{mark}{}", &text[..cut], &text[cut..]);
                    count(sound(name, &damaged));
                }
            }
            // A damaged line leaves its neighbours alone.
            for mark in ["\"", "{", "]", ",", "\\", "\n"] {
                let damaged = format!("{line}\n{}{mark}{}\n{line}", &text[..cut], &text[cut..]);
                let found = sound("a.jsonl", &damaged).unwrap();
                assert_eq!(found.rows.first(), Some(&good), "{damaged}");
                assert_eq!(found.rows.last(), Some(&good), "{damaged}");
                assert!(found.rows.len() >= 2, "{damaged}");
            }
        }
    }
    // Each way is taken often, so that no claim is empty.
    let ways = [with_rows, with_problems, refused];
    assert!(ways.iter().all(|count| *count > 100), "{ways:?}");
}
