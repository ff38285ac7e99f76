//! Whole files: opened, looked at, previewed and taken.

use futures::executor::block_on;
use seedbed_core::import::{Answer, Batch, Choice, Format, Mapping, Scope, Shaped, Target};
use seedbed_import::open::{About, OpenError, Table};
use seedbed_import::source::Source;
use serde_json::{Value, json};
use std::rc::Rc;

fn open_as(name: &str, bytes: &[u8], choice: &Choice) -> Result<Rc<Table>, OpenError> {
    let source: Rc<dyn Source> = Rc::new(bytes.to_vec());
    let about = About {
        name: name.to_owned(),
        ..About::default()
    };
    block_on(Table::open(source, &about, choice, &|_| ())).map(Rc::new)
}

fn open(name: &str, bytes: &[u8]) -> Rc<Table> {
    match open_as(name, bytes, &Choice::default()) {
        Ok(table) => table,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn taken(table: &Rc<Table>, mapping: &Mapping, scope: &Scope) -> Vec<(u64, Shaped)> {
    block_on(async {
        let mut rows = Vec::new();
        let Ok(mut taking) = table.take(mapping, scope).await else {
            return rows;
        };
        while let Ok(Some(Batch { rows: more, .. })) = taking.next().await {
            rows.extend(more);
        }
        rows
    })
}

fn pairs(rows: &[(u64, Shaped)]) -> Vec<(&str, &str)> {
    rows.iter()
        .map(|(_, shaped)| {
            let answer = match &shaped.answer {
                Answer::Text(text) => text.as_str(),
                Answer::None => "",
                Answer::Turns(_) => "…",
            };
            (shaped.instruction.as_str(), answer)
        })
        .collect()
}

/// Rows of a file that goes through without a question.
fn known(name: &str, bytes: &[u8]) -> Vec<(u64, Shaped)> {
    let table = open(name, bytes);
    assert!(table.look().is_sure, "{name}: {:?}", table.look());
    taken(&table, &table.look().mapping, &Scope::default())
}

#[test]
fn files_of_public_reports_come_in_as_they_should() {
    for (name, bytes, expected) in [
        (
            "garlic.csv",
            &include_bytes!("data/reports/garlic.csv")[..],
            include_str!("data/reports/garlic.expected.json"),
        ),
        (
            "windbreak.json",
            include_bytes!("data/reports/windbreak.json"),
            include_str!("data/reports/windbreak.expected.json"),
        ),
    ] {
        let expected: Value = serde_json::from_str(expected).unwrap_or_default();
        let rows = known(name, bytes);
        let found: Vec<Value> = rows
            .iter()
            .zip(pairs(&rows))
            .map(|((_, shaped), (instruction, response))| {
                json!({"instruction": instruction, "response": response, "topic": shaped.topic})
            })
            .collect();
        assert_eq!(Value::Array(found), expected["rows"], "{name}");
    }
}

#[test]
fn data_sets_that_others_published_come_in_whole() {
    let gsm8k = include_bytes!("data/gsm8k-train-40.jsonl");
    let rows = known("gsm8k-train.jsonl", gsm8k);
    let texts = pairs(&rows);
    assert_eq!(texts.len(), 40);
    assert!(texts[0].0.starts_with("Natalia sold clips"));
    assert!(texts[0].1.ends_with("\n#### 72"));
    assert!(texts[1].1.contains("<<12/60=0.2>>"));

    let seed_tasks = include_bytes!("data/self-instruct-seed-tasks-25.jsonl");
    let rows = known("seed_tasks.jsonl", seed_tasks);
    let texts = pairs(&rows);
    assert_eq!(texts.len(), 25);
    assert!(texts[0].0.ends_with("700-1000 calories?"));
    assert_eq!(
        texts[1].0,
        "What is the relation between the given pairs?\n\nNight : Day :: Right : Left"
    );
    let user_oriented = include_bytes!("data/self-instruct-user-oriented-20.jsonl");
    assert_eq!(known("user_oriented.jsonl", user_oriented).len(), 20);
}

#[test]
fn letters_of_a_code_page_are_asked_for_with_a_preview() {
    let bytes = include_bytes!("data/reports/moehren.csv");
    let table = open("moehren.csv", bytes);
    let look = table.look();
    let encoding = look.encoding.clone().unwrap_or_default();
    assert_eq!(encoding.used.name, "windows-1252");
    assert!(!encoding.is_certain && !look.is_sure);
    assert!(
        encoding
            .lines
            .iter()
            .any(|(_, line)| line.contains("Möhren"))
    );
    let expected: Value = serde_json::from_str(include_str!("data/reports/moehren.expected.json"))
        .unwrap_or_default();
    let rows = taken(&table, &look.mapping, &Scope::default());
    let instructions: Vec<&str> = pairs(&rows).into_iter().map(|(asked, _)| asked).collect();
    let wanted: Vec<&str> = expected["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["instruction"].as_str())
        .collect();
    assert_eq!(instructions, wanted);
    // A person who has seen the preview and chosen is not asked again.
    let choice = Choice {
        encoding: Some("windows-1252".to_owned()),
        ..Choice::default()
    };
    let chosen = open_as("moehren.csv", bytes, &choice);
    assert!(chosen.is_ok_and(|table| table.look().is_sure));
}

#[test]
fn the_same_table_in_any_format_gives_the_same_rows() {
    let expected = [
        ("How deep?", "2 cm."),
        ("Why \"so\"?\nSay.", "Frost, wind; rain."),
    ];
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            "question\tanswer\r\nHow deep?\t2 cm.\r\n\"Why \"\"so\"\"?\nSay.\"\tFrost, wind; rain.\r\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    for (name, bytes) in [
        ("a.csv", &b"question,answer\nHow deep?,2 cm.\n\"Why \"\"so\"\"?\nSay.\",\"Frost, wind; rain.\"\n"[..]),
        ("b.csv", b"sep=;\r\nquestion;answer\r\nHow deep?;2 cm.\r\n\"Why \"\"so\"\"?\nSay.\";\"Frost, wind; rain.\"\r\n"),
        ("c.csv", b"question,answer\n\"How deep?\",\"2 cm.\"\n\"Why \\\"so\\\"?\nSay.\",\"Frost, wind; rain.\"\n"),
        ("d.txt", &utf16),
        ("e.jsonl", br#"{"question":"How deep?","answer":"2 cm."}
{"question":"Why \"so\"?\nSay.","answer":"Frost, wind; rain."}"#),
        ("f.json", br#"[{"question":"How deep?","answer":"2 cm.","n":NaN},{"question":"Why \"so\"?\nSay.","answer":"Frost, wind; rain."},]"#),
        ("g.json", br#"{"question":{"0":"How deep?","1":"Why \"so\"?\nSay."},"answer":{"0":"2 cm.","1":"Frost, wind; rain."}}"#),
        ("h.json", br#"{"rows":[{"row_idx":0,"row":{"question":"How deep?","answer":"2 cm."}},{"row_idx":1,"row":{"question":"Why \"so\"?\nSay.","answer":"Frost, wind; rain."}}]}"#),
        ("i", br#"{"question":"How deep?","answer":"2 cm."}{"question":"Why \"so\"?\nSay.","answer":"Frost, wind; rain."}"#),
    ] {
        let rows = known(name, bytes);
        assert_eq!(pairs(&rows), expected, "{name}");
        let numbers: Vec<u64> = rows.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 1], "{name}");
    }
}

#[test]
fn several_tables_in_a_file_are_all_taken_or_those_that_are_chosen() {
    let bytes = br#"{"train":[{"question":"1?","answer":"one"},{"question":"2?","answer":"two"}],
        "test":[{"question":"3?","answer":"three"}]}"#;
    let table = open("splits.json", bytes);
    let names: Vec<&str> = table
        .look()
        .parts
        .iter()
        .map(|part| part.name.as_str())
        .collect();
    assert_eq!(names, ["train", "test"]);
    assert!(!table.look().is_sure, "which ones has to be asked");
    let mapping = table.look().mapping.clone();
    assert_eq!(taken(&table, &mapping, &Scope::default()).len(), 3);
    let test = Scope {
        parts: vec!["test".to_owned()],
        ..Scope::default()
    };
    assert_eq!(pairs(&taken(&table, &mapping, &test)), [("3?", "three")]);
}

#[test]
fn a_range_or_a_sample_is_taken_with_the_numbers_of_its_rows() {
    let rows: Vec<String> = (0..2_000)
        .map(|row| format!("Question {row}?,Answer {row}.\n"))
        .collect();
    let text = format!("question,answer\n{}", rows.concat());
    let table = open("many.csv", text.as_bytes());
    let mapping = table.look().mapping.clone();
    let of = |scope: Scope| -> Vec<u64> {
        let rows = taken(&table, &mapping, &scope);
        for (number, shaped) in &rows {
            assert_eq!(shaped.instruction, format!("Question {number}?"));
        }
        rows.into_iter().map(|(number, _)| number).collect()
    };
    let range = Scope {
        from: 700,
        most: Some(600),
        ..Scope::default()
    };
    assert_eq!(of(range), (700..1300).collect::<Vec<u64>>());
    let sample = Scope {
        most: Some(50),
        seed: Some(3),
        ..Scope::default()
    };
    let drawn = of(sample.clone());
    assert_eq!(drawn.len(), 50);
    assert_eq!(of(sample), drawn);
    assert!(drawn.iter().any(|row| *row > 1000) && drawn.iter().any(|row| *row < 1000));
}

#[test]
fn a_preview_counts_what_a_table_gives() {
    let text =
        "question,answer\nHow deep?,2 cm.\nWhy?,\n,Nobody asked.\nWhen?,In March.\nWho?,a,b\n";
    let table = open("some.csv", text.as_bytes());
    let preview = block_on(table.preview(&table.look().mapping, &Scope::default()));
    let Ok(preview) = preview else {
        panic!("{preview:?}");
    };
    assert!(preview.is_whole);
    let tally = &preview.tally;
    assert_eq!((tally.records, tally.instructions), (2, 1));
    let left_out: Vec<(&str, u64, &[u64])> = tally
        .left_out
        .iter()
        .map(|one| (one.reason.as_str(), one.seen.count, &one.seen.first[..]))
        .collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(
        left_out.contains(&("no text in `question`", 1, &[4])),
        "{left_out:?}"
    );
    assert!(
        left_out.iter().any(
            |(reason, count, first)| reason.starts_with("3 values for 2 columns")
                && (*count, *first) == (1, &[6][..])
        ),
        "{left_out:?}"
    );
    let shown: Vec<&str> = preview
        .records
        .iter()
        .map(|shaped| shaped.instruction.as_str())
        .collect();
    assert_eq!(shown, ["How deep?", "Why?", "When?"]);
}

#[test]
fn letters_that_were_decoded_twice_are_mended_where_it_is_certain() {
    let text = "question,answer\nWie tief sÃ¤t man MÃ¶hren?,Etwa 2 cm â€“ in BÃ¶den flacher.\n\
        WofÃ¼r GrÃ¼ndÃ¼ngung?,FÃ¼r den Boden.\n";
    let table = open("twice.csv", text.as_bytes());
    let damage = table.look().damage.clone();
    let Some(damage) = damage else {
        panic!("{:?}", table.look());
    };
    assert!(damage.is_certain && damage.is_mended);
    let rows = taken(&table, &table.look().mapping, &Scope::default());
    assert_eq!(
        pairs(&rows),
        [
            ("Wie tief sät man Möhren?", "Etwa 2 cm – in Böden flacher."),
            ("Wofür Gründüngung?", "Für den Boden.")
        ]
    );
    // A person may want them as they stand.
    let choice = Choice {
        mends: Some(false),
        ..Choice::default()
    };
    let Ok(table) = open_as("twice.csv", text.as_bytes(), &choice) else {
        panic!("it opens");
    };
    let rows = taken(&table, &table.look().mapping, &Scope::default());
    assert_eq!(pairs(&rows)[1].0, "WofÃ¼r GrÃ¼ndÃ¼ngung?");
}

#[test]
fn a_table_without_names_is_asked_about() {
    let text = "How deep are peas sown?,Two centimetres are enough in most soils.\n\
        When are beans sown?,In the middle of May and never before the last frost.\n";
    let table = open("bare.csv", text.as_bytes());
    let look = table.look();
    assert!(look.is_header_doubtful && !look.is_sure);
    assert_eq!(look.mapping.column(Target::Instruction), Some("column 1"));
    assert_eq!(taken(&table, &look.mapping, &Scope::default()).len(), 2);
}

#[test]
fn an_index_is_seen_and_left_out() {
    let table = open(
        "p.csv",
        b",question,answer\n0,How deep?,2 cm.\n1,Why?,Frost.\n2,When?,March.\n",
    );
    let look = table.look();
    assert!(look.columns[0].is_index);
    assert!(look.is_sure);
    assert!(matches!(
        look.format,
        Format::Delimited {
            delimiter: Some(','),
            ..
        }
    ));
}

#[test]
fn parquet_gives_its_rows_with_nested_messages_and_labels() {
    let bytes = include_bytes!("parquet/files/datasets.parquet");
    let table = open("train-00000-of-00001.parquet", bytes);
    let look = table.look();
    assert!(matches!(look.format, Format::Parquet { .. }));
    let rows = taken(&table, &look.mapping, &Scope::default());
    assert_eq!(rows.len() as u64, look.rows.unwrap_or_default(), "{look:?}");
}

#[test]
fn a_row_with_a_topic_is_a_row() {
    let bytes = br#"{"question":"How deep?","answer":"2 cm.","domain":"peas","topics":["soil"]}"#;
    assert_eq!(pairs(&known("one.json", bytes)), [("How deep?", "2 cm.")]);
}

#[test]
fn what_is_no_table_says_so() {
    for (name, bytes, expected) in [
        ("a.csv", &b""[..], "empty"),
        (
            "a.xlsx",
            b"PK\x03\x04rest of a zip file with xl/workbook.xml in it",
            "CSV",
        ),
        ("a.parquet", b"PAR1 and then nothing", ""),
        ("a.csv", b"question,answer\n", "no row"),
        ("a.json", b"[]", "no row"),
        (
            "seed_data.json",
            br#"{"domain":"farming","topics":["soil"],"perspectives":[],"examples":[]}"#,
            "Seed",
        ),
        ("a.json", br#"{"domain":"d","topics":["t"]}"#, "Seed"),
        ("a.json", br#"{"topics":"no list"}"#, "Seed"),
    ] {
        let error = open_as(name, bytes, &Choice::default());
        let Err(error) = error else {
            panic!("{name} opened");
        };
        let text = error.to_string();
        assert!(
            text.to_lowercase().contains(&expected.to_lowercase()) && !text.is_empty(),
            "{name}: {text}"
        );
    }
}
