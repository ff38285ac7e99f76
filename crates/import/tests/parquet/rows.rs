//! Rows and columns against what pyarrow reads.

use super::*;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::writer::SerializedFileWriter;
use seedbed_import::parquet::Kind;
use serde_json::json;
use std::sync::Arc;

/// What pyarrow reads from a file.
fn expected(name: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let text = file(&name.replace(".parquet", ".json"));
    let value: Value = serde_json::from_slice(&text).expect("JSON");
    let part = |name: &str| value[name].clone();
    (
        serde_json::from_value(part("columns")).expect("names"),
        serde_json::from_value(part("rows")).expect("rows"),
    )
}

/// Equal, but for the last digit of numbers that `serde_json` read.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            (a - b).abs() <= a.abs() * 1e-15
        }
        _ => a == b,
    }
}

fn assert_rows(name: &str, found: &[Row], expected: &[Vec<Value>], from: usize) {
    assert_eq!(found.len(), expected.len(), "{name}: rows from {from} on");
    for (at, (row, cells)) in found.iter().zip(expected).enumerate() {
        assert_eq!(row.number, (from + at + 1) as u64, "{name}");
        for (column, (a, b)) in row.cells.iter().zip(cells).enumerate() {
            assert!(
                same(a, b),
                "{name}, row {}, column {column}: {a}, but pyarrow has {b}",
                row.number
            );
        }
        assert_eq!(row.cells.len(), cells.len(), "{name}");
    }
}

fn readable() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("a folder");
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name")
    });
    let names = names.filter_map(|name| Some(format!("{}.parquet", name.strip_suffix(".json")?)));
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("brotli")).collect();
    names.sort();
    names
}

#[test]
fn every_file_is_read_as_pyarrow_reads_it() {
    let names = readable();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        let (columns, rows) = expected(&name);
        let footer = footer(file(&name)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let found: Vec<_> = footer
            .columns()
            .iter()
            .map(|column| column.name.clone())
            .collect();
        assert_eq!(found, columns, "{name}");
        assert_eq!(footer.rows(), rows.len() as u64, "{name}");
        let found =
            read(&name, None, 0..u64::MAX).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_rows(&name, &found, &rows, 0);
    }
}

#[test]
fn any_rows_of_any_column_are_those_of_the_whole() {
    for name in [
        "group.parquet",
        "group-indexed.parquet",
        "groups.parquet",
        "nested-pages.parquet",
        "nested-v2.parquet",
        "datasets.parquet",
    ] {
        let (columns, rows) = expected(name);
        for from in [0, 1, 6, 7, 20, 39, 40, 41, 149, 150] {
            for count in [0, 1, 3, 41] {
                let from = rows.len().min(from);
                let to = rows.len().min(from + count);
                for column in 0..columns.len() {
                    let found = read(name, Some(&[column]), from as u64..(from + count) as u64)
                        .expect("rows");
                    let expected: Vec<_> = rows[from..to]
                        .iter()
                        .map(|row| vec![row[column].clone()])
                        .collect();
                    assert_rows(name, &found, &expected, from);
                }
            }
        }
    }
}

#[test]
fn cells_stand_in_the_order_that_was_asked_for() {
    let (_, rows) = expected("groups.parquet");
    let found = read("groups.parquet", Some(&[4, 0, 4, 99]), 70..90).expect("rows");
    let expected: Vec<_> = rows[70..90]
        .iter()
        .map(|row| vec![row[4].clone(), row[0].clone()])
        .collect();
    assert_rows("groups.parquet", &found, &expected, 70);
}

fn kinds(name: &str) -> Vec<(String, Kind)> {
    let footer = footer(file(name)).expect("a footer");
    footer
        .columns()
        .iter()
        .map(|column| (column.name.clone(), column.kind.clone()))
        .collect()
}

#[test]
fn columns_say_what_they_hold() {
    let labels = Kind::Label(["negative", "positive", "né"].map(str::to_owned).to_vec());
    let found: Vec<_> = kinds("datasets.parquet")
        .into_iter()
        .map(|(_, kind)| kind)
        .collect();
    assert_eq!(
        found,
        [
            Kind::Text,
            labels,
            Kind::List,
            Kind::Messages,
            Kind::List,
            Kind::Media
        ]
    );
    let found = kinds("nested.parquet");
    let of = |name: &str| {
        found
            .iter()
            .find(|(column, _)| column == name)
            .map(|(_, kind)| kind.clone())
    };
    let expected = [
        ("messages", Kind::Messages),
        ("tags", Kind::Texts),
        ("grid", Kind::List),
        ("object", Kind::Struct),
        ("map", Kind::Struct),
        ("columns", Kind::Messages),
        ("required", Kind::Number),
    ];
    for (name, kind) in expected {
        assert_eq!(of(name), Some(kind), "{name}");
    }
    let found = kinds("types.parquet");
    let of = |name: &str| {
        found
            .iter()
            .find(|(column, _)| column == name)
            .map(|(_, kind)| kind.clone())
    };
    let expected = [
        ("category", Kind::Text),
        ("half", Kind::Number),
        ("bool", Kind::Bool),
        ("nothing", Kind::Nothing),
        ("date", Kind::Date),
        ("moment_ns", Kind::Date),
        ("decimal_38", Kind::Number),
        ("binary", Kind::Binary),
        ("fixed", Kind::Binary),
    ];
    for (name, kind) in expected {
        assert_eq!(of(name), Some(kind), "{name}");
    }
}

#[test]
fn an_index_of_pandas_and_pictures_are_noted() {
    let notes = |name: &str| {
        let footer = footer(file(name)).expect("a footer");
        footer.columns().last().and_then(|column| column.note)
    };
    assert_eq!(notes("pandas.parquet"), Some("the index of a pandas table"));
    assert_eq!(
        notes("datasets.parquet"),
        Some("pictures or sound: left out")
    );
    assert_eq!(notes("groups.parquet"), None);
}

#[test]
fn bytes_that_are_no_text_are_counted() {
    let source = Counted::new(file("types.parquet"));
    let (footer, plan) = block_on(planned(&source, None, 0..9)).expect("a plan");
    let column = |name: &str| {
        footer
            .columns()
            .iter()
            .position(|column| column.name == name)
            .expect("a column")
    };
    let (binary, fixed, text) = (column("binary"), column("fixed"), column("text"));
    let mut reader = Reader::open(source, footer, plan);
    while block_on(reader.next()).expect("rows").is_some() {}
    assert_eq!(
        (
            reader.dropped(binary),
            reader.dropped(fixed),
            reader.dropped(text)
        ),
        (2, 1, 0)
    );
}

#[test]
fn row_groups_are_told_with_their_rows_and_bytes() {
    let groups = footer(file("groups.parquet")).expect("a footer").groups();
    let rows: Vec<_> = groups.iter().map(|group| group.rows.clone()).collect();
    assert_eq!(rows, [0..40, 40..80, 80..120, 120..150]);
    assert!(groups.iter().all(|group| group.bytes > 1000));
    let footer = footer(file("no-groups.parquet")).expect("a footer");
    assert_eq!(
        (footer.rows(), footer.groups().len(), footer.columns().len()),
        (0, 0, 25)
    );
}

/// Levels, where there are any.
fn some(levels: &[i16]) -> Option<&[i16]> {
    (!levels.is_empty()).then_some(levels)
}

/// A table of one column, which has this type, these levels and values.
fn written(column: &str, leaves: &[(&[i16], &[i16], &[&str])]) -> Vec<u8> {
    let schema = parquet::schema::parser::parse_message_type(&format!("message t {{ {column} }}"))
        .expect("a schema");
    let mut writer =
        SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    for (def, rep, values) in leaves {
        let values: Vec<_> = values.iter().map(|value| ByteArray::from(*value)).collect();
        let mut column = group.next_column().expect("a column").expect("another");
        column
            .typed::<ByteArrayType>()
            .write_batch(&values, some(def), some(rep))
            .expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.into_inner().expect("a file")
}

fn only_column(bytes: Vec<u8>) -> Value {
    let rows = block_on(rows_of(&Counted::new(bytes), None, 0..99)).expect("rows");
    rows.into_iter().map(|row| row.cells[0].clone()).collect()
}

#[test]
fn lists_of_old_writers_are_lists_without_a_level_of_their_own() {
    let (def, rep, values) = (
        &[1_i16, 1, 0, 1][..],
        &[0_i16, 1, 0, 0][..],
        &["a", "b", "c"][..],
    );
    let bare = written("repeated binary tags (UTF8);", &[(def, rep, values)]);
    assert_eq!(only_column(bare), json!([["a", "b"], [], ["c"]]));
    let (def, null) = (&[2_i16, 2, 1, 2][..], &[2_i16, 2, 0, 2][..]);
    for name in ["element", "array", "tags_tuple"] {
        let list = format!("optional group tags (LIST) {{ repeated binary {name} (UTF8); }}");
        assert_eq!(
            only_column(written(&list, &[(def, rep, values)])),
            json!([["a", "b"], [], ["c"]]),
            "{name}"
        );
        assert_eq!(
            only_column(written(&list, &[(null, rep, values)])),
            json!([["a", "b"], null, ["c"]]),
            "{name}"
        );
    }
    let messages = "optional group turns (LIST) { repeated group turn { required binary role (UTF8); required binary content (UTF8); } }";
    let messages = written(
        messages,
        &[(def, rep, &["u", "a", "u"]), (def, rep, &["1", "2", "3"])],
    );
    let expected = json!([[{"role": "u", "content": "1"}, {"role": "a", "content": "2"}], [], [{"role": "u", "content": "3"}]]);
    assert_eq!(only_column(messages), expected);
    for name in ["array", "turns_tuple"] {
        let single = format!(
            "optional group turns (LIST) {{ repeated group {name} {{ required binary role (UTF8); }} }}"
        );
        let expected = json!([[{"role": "a"}, {"role": "b"}], [], [{"role": "c"}]]);
        assert_eq!(
            only_column(written(&single, &[(def, rep, values)])),
            expected,
            "{name}"
        );
    }
    let bare = "repeated group turns { required binary role (UTF8); }";
    let bare = written(bare, &[(&[1, 1, 0, 1], rep, values)]);
    assert_eq!(
        only_column(bare),
        json!([[{"role": "a"}, {"role": "b"}], [], [{"role": "c"}]])
    );
}

#[test]
fn columns_that_are_nested_without_end_are_refused() {
    let deep = (0..60).fold("required binary x (UTF8);".to_owned(), |inner, _| {
        format!("required group g {{ {inner} }}")
    });
    let bytes = written(&deep, &[(&[], &[], &[])]);
    let fault = footer(bytes).expect_err("no footer");
    assert!(fault.to_string().contains("nested too deep"), "{fault}");
}

#[test]
fn a_batch_stays_small_however_often_a_large_text_is_repeated() {
    // Written once, in the dictionary.
    let long = "x".repeat(100_000);
    let texts = vec![long.as_str(); 200];
    let bytes = written("required binary text (UTF8);", &[(&[], &[], &texts)]);
    assert!(bytes.len() < 300_000);
    let source = Counted::new(bytes);
    let (footer, plan) = block_on(planned(&source, None, 0..999)).expect("a plan");
    let mut reader = Reader::open(source, footer, plan);
    let mut found = 0;
    while let Some(batch) = block_on(reader.next()).expect("rows") {
        assert!(batch.len() < 15, "{} rows of 100 KB", batch.len());
        assert!(batch.iter().all(|row| row.cells == [json!(long)]));
        found += batch.len();
    }
    assert_eq!(found, 200);
}
