//! Makes records and decisions for tests.
#![allow(dead_code, reason = "each test file uses a part")]

use seedbed_core::line::Line;
use seedbed_core::model::{Message, Usage};
use seedbed_core::prompt::Cell;
use seedbed_core::record::{Fields, Provenance, Record};
use seedbed_core::review::{Act, Clock, Decision, On, Quality, Response};
use seedbed_store::{Result, Store};

pub(crate) fn cell(topic: &str, perspective: &str) -> Cell {
    Cell {
        topic: topic.to_owned(),
        perspective: perspective.to_owned(),
    }
}

pub(crate) fn record(id: &str, instruction: &str, response: &str) -> Record {
    Record {
        id: id.to_owned(),
        key: Some(format!("key of {id}")),
        fields: Fields::of_pair(instruction, response),
        prompt_id: Some(format!("prompt of {id}")),
        run_id: Some("run".to_owned()),
        cell: cell("soil", "science"),
        provenance: Provenance {
            model: "model".to_owned(),
            usage: Some(Usage {
                prompt_tokens: 10,
                completion_tokens: 20,
                estimated: false,
            }),
            ..Provenance::default()
        },
        created_ms: 5,
        ..Record::default()
    }
}

pub(crate) fn asked(record: &Record) -> (Record, Vec<Message>) {
    let messages = vec![
        Message::system("You are a farmer."),
        Message::user(record.instruction().to_owned()),
    ];
    (record.clone(), messages)
}

pub(crate) fn rated(quality: Quality) -> Response {
    Response::rated(quality)
}

/// A decision on the record's text as format 1 knew it: under the id alone.
pub(crate) fn decision(id: &str, writer: &str, record: &str, ms: u64, act: Act) -> Decision {
    Decision {
        id: id.to_owned(),
        writer: writer.to_owned(),
        on: On::record(record),
        text: None,
        clock: Clock { ms, n: 0 },
        batch: None,
        act,
    }
}

pub(crate) fn good(id: &str, writer: &str, record: &str, ms: u64) -> Decision {
    decision(id, writer, record, ms, Act::Respond(rated(Quality::Good)))
}

/// An act of an identity about itself.
pub(crate) fn of_identity(id: &str, writer: &str, ms: u64, act: Act) -> Decision {
    Decision {
        on: On::default(),
        ..decision(id, writer, "", ms, act)
    }
}

pub(crate) fn lines<T: serde::Serialize + Clone>(values: &[T]) -> Vec<Line<T>> {
    values.iter().cloned().map(Line::new).collect()
}

/// Responds to the present text of a record.
pub(crate) fn respond(
    store: &Store,
    record: &str,
    writer: &str,
    response: &Response,
    id: &str,
    now_ms: u64,
) -> Result<String> {
    store.respond(record, "", writer, response, id, now_ms)
}

/// The whole log in the order in which it came.
pub(crate) fn log(store: &Store) -> Vec<Decision> {
    let lines = store.decisions_after(0, u32::MAX).unwrap_or_default();
    lines.into_iter().map(|(_, line)| line.value).collect()
}
