//! Every example line of `docs/format.md` is read by the reader of its kind, and survives.
#![allow(clippy::expect_used, reason = "a test stops at what it did not expect")]

use seedbed_core::instruction;
use seedbed_core::line;
use seedbed_core::params::RunSettings;
use seedbed_core::review::Act;
use seedbed_core::seed::Seed;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../docs/format.md");

/// The lines of all blocks, by the word behind the language.
fn examples() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut examples: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut kind = None;
    for text in PAGE.lines() {
        match (text.strip_prefix("```"), kind) {
            (Some(head), None) => kind = Some(head.split(' ').nth(1).unwrap_or_default()),
            (Some(_), Some(_)) => kind = None,
            (None, Some(kind)) if !kind.is_empty() => examples.entry(kind).or_default().push(text),
            (None, _) => {}
        }
    }
    examples
}

/// What was written says everything that the example says.
fn holds(written: &str, example: &str) {
    let written: Value = serde_json::from_str(written).expect("JSON");
    let example: Value = serde_json::from_str(example).expect("JSON");
    fn inside(example: &Value, written: &Value) -> bool {
        match (example, written) {
            (Value::Object(example), Value::Object(written)) => {
                example.iter().all(|(key, value)| {
                    written
                        .get(key)
                        .map_or(value.is_null(), |written| inside(value, written))
                })
            }
            (Value::Array(example), Value::Array(written)) => {
                example.len() == written.len()
                    && example.iter().zip(written).all(|(a, b)| inside(a, b))
            }
            _ => example == written,
        }
    }
    assert!(inside(&example, &written), "{example}\nbecame\n{written}");
}

#[test]
fn every_kind_of_line_has_examples() {
    let kinds: Vec<&str> = examples().into_keys().collect();
    assert_eq!(
        kinds,
        [
            "decision",
            "instruction",
            "later",
            "project",
            "prompt",
            "record",
            "row",
            "saved"
        ]
    );
}

#[test]
fn every_record_is_read_and_keeps_what_it_says() {
    for text in &examples()["record"] {
        let read = line::record(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!read.value.record.fields.0.is_empty(), "{text}");
        // Written as format 2, it reads the same.
        let again = line::record(&read.text()).expect("readable");
        assert_eq!(again.value, read.value);
        if text.contains("\"fields\"") {
            holds(&read.text(), text);
        }
    }
}

#[test]
fn every_decision_is_read_as_an_act_that_is_known() {
    for text in &examples()["decision"] {
        let read = line::decision(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_ne!(read.value.act, Act::Other, "{text}");
        assert_eq!(read.raw, None, "{text}");
        let again = line::decision(&read.text()).expect("readable");
        assert_eq!(again, read);
        if text.contains("\"writer\"") {
            holds(&read.text(), text);
        }
    }
}

#[test]
fn every_act_on_an_instruction_is_read_and_they_fold() {
    let mut acts = Vec::new();
    for text in &examples()["instruction"] {
        let read = line::instruction(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_ne!(read.value.change, instruction::Change::Other, "{text}");
        holds(&read.text(), text);
        acts.push(read.value);
    }
    let of = |id: &str| -> Vec<_> { acts.iter().filter(|act| act.on == id).cloned().collect() };
    let folded = instruction::fold(&of("i1")).expect("added");
    assert_eq!(folded.text, "How deep do I sow?");
    assert_eq!(folded.state.as_str(), "kept");
    assert_eq!(instruction::fold(&of("i2")).expect("added").text, "Why?");
    for text in &examples()["prompt"] {
        let read = line::prompt(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read.raw, None, "{text}");
    }
}

#[test]
fn the_files_that_are_rewritten_can_be_read() {
    for text in &examples()["project"] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(value["format"], seedbed_core::FORMAT_VERSION);
        RunSettings::deserialize(&value["settings"]).expect("settings");
    }
    for text in &examples()["row"] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert!(value["id"].is_string() && value["hash"].is_string());
    }
    let saved = &examples()["saved"];
    let header: Value = serde_json::from_str(saved[0]).expect("JSON");
    Seed::deserialize(&header["seed"]).expect("a seed");
    for text in &saved[1..] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        let (kind, inner) = value
            .as_object()
            .and_then(|map| map.iter().next())
            .expect("one key");
        let inner = inner.to_string();
        let read = match kind.as_str() {
            "record" => line::record(&inner).map(|line| line.text()),
            "decision" => line::decision(&inner).map(|line| line.text()),
            "instruction" => line::instruction(&inner).map(|line| line.text()),
            other => Err(format!("{other} is no kind")),
        };
        holds(
            &read.unwrap_or_else(|error| panic!("{error}: {text}")),
            &inner,
        );
    }
}

#[test]
fn lines_to_come_are_never_taken_for_something_else() {
    for text in &examples()["later"] {
        assert!(line::record(text).is_err(), "{text}");
        assert!(line::instruction(text).is_err(), "{text}");
        if let Ok(read) = line::decision(text) {
            assert_eq!(read.value.act, Act::Other, "{text}");
            assert_eq!(read.text(), *text);
        }
    }
}
