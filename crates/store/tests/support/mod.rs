//! Makes records and decisions for tests.
#![allow(dead_code, reason = "each test file uses a part")]

use seedbed_core::model::{Message, Usage};
use seedbed_core::prompt::Cell;
use seedbed_core::record::{Provenance, Record};
use seedbed_core::review::{Act, Clock, Decision, Quality, Response, ResponseStatus};

pub(crate) fn cell(topic: &str, perspective: &str) -> Cell {
    Cell {
        topic: topic.to_owned(),
        perspective: perspective.to_owned(),
    }
}

pub(crate) fn record(id: &str, instruction: &str, response: &str) -> Record {
    Record {
        id: id.to_owned(),
        prompt_id: Some(format!("prompt of {id}")),
        run_id: Some("run".to_owned()),
        cell: cell("soil", "science"),
        instruction: instruction.to_owned(),
        response: response.to_owned(),
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
    }
}

pub(crate) fn asked(record: &Record) -> (Record, Vec<Message>) {
    let messages = vec![
        Message::system("You are a farmer."),
        Message::user(record.instruction.clone()),
    ];
    (record.clone(), messages)
}

pub(crate) fn rated(quality: Quality) -> Response {
    Response {
        status: ResponseStatus::Submitted,
        quality: Some(quality),
        ..Response::default()
    }
}

pub(crate) fn decision(id: &str, reviewer: &str, record: &str, ms: u64, act: Act) -> Decision {
    Decision {
        id: id.to_owned(),
        reviewer: reviewer.to_owned(),
        record_id: record.to_owned(),
        clock: Clock { ms, n: 0 },
        act,
    }
}

pub(crate) fn good(id: &str, reviewer: &str, record: &str, ms: u64) -> Decision {
    let response = rated(Quality::Good);
    decision(id, reviewer, record, ms, Act::Respond { response })
}
