//! Texts are as long as a person can read, wherever they come from.

use crate::border::shows_all;
use crate::common::{World, numbered, old_record};
use seedbed_core::line::{self, MOST_TEXT};
use seedbed_core::messages::{FailureKind, Reply, Request};
use seedbed_core::prompt::Cell;
use seedbed_core::review::RecordState;
use serde_json::{Value, json};

#[test]
fn texts_longer_than_a_person_can_read_do_not_come_in() {
    let world = World::new();
    let mut owner = world.published(1);
    let (fits, long) = ("ä".repeat(MOST_TEXT), "ä".repeat(MOST_TEXT + 1));
    let act = |id: &str, change: Value| {
        let mut act = json!({"id": id, "writer": "bob", "on": "i", "clock": {"ms": 5, "n": 0}});
        act.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        act
    };
    let add = |id: &str, to: &str| {
        act(
            id,
            json!({"act": "add", "cell": {"topic": "t", "perspective": "p"}, "to": to, "state": "kept",
            "origin": {"kind": "typed"}}),
        )
    };
    let decision = |id: &str, text: &str| {
        json!({"id": id, "writer": "bob", "on": {"record": "r0"}, "clock": {"ms": 5, "n": 0}, "act": "respond",
            "status": "submitted", "answers": {"quality": "good", "improved_response": text}})
    };
    let mut asked = old_record("asked", "short");
    asked["messages"] = json!([{"role": "user", "content": long}]);
    let mut prompt = json!({"id": "p", "cell": {"topic": "t", "perspective": "p"}, "text": long, "state": "kept",
        "origin": {"kind": "typed"}, "original_text": null, "seed_hash": "", "created_ms": 1, "updated_ms": 2});
    prompt["text"] = json!(long);
    let parts: [(&str, Vec<Value>, u32); 4] = [
        (
            "records/bob/1-x.jsonl",
            vec![old_record("fits", &fits), old_record("long", &long), asked],
            2,
        ),
        (
            "decisions/bob/1-x.jsonl",
            vec![decision("d1", &fits), decision("d2", &long)],
            1,
        ),
        (
            "instructions/bob/1-x.jsonl",
            vec![
                add("a1", &fits),
                add("a2", &long),
                act("a3", json!({"act": "edit", "to": long})),
            ],
            2,
        ),
        ("prompts.jsonl", vec![prompt], 1),
    ];
    for (path, lines, refused) in parts {
        let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
        let path = format!(".seedbed/{path}");
        world.put(&path, text);
        let report = owner.tab.sync(&owner.project.clone());
        assert_eq!(
            report.problems_total, refused,
            "{path}: {:?}",
            report.problems
        );
        world.put(&path, "\n");
        owner.tab.sync(&owner.project.clone());
    }
    assert_eq!(owner.records().len(), 2);
}

#[test]
fn texts_that_a_person_or_a_file_brings_have_the_same_limit() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(1));
    let long = "x".repeat(MOST_TEXT + 1);
    let mut edited = crate::common::good();
    edited.set_text(seedbed_core::question::IMPROVED_RESPONSE, Some(&long));
    let view = browser.records().remove(0);
    let identity = browser.tab.identity();
    let asked = browser.tab.ask(Request::Respond {
        project: browser.project.clone(),
        decision: crate::support::new_id(),
        identity,
        record: view.record.id,
        text: view.text,
        response: edited,
    });
    assert_eq!(asked.expect_err("too long").kind, FailureKind::Invalid);
    let asked = browser.tab.ask(Request::AddPrompt {
        project: browser.project.clone(),
        cell: Cell::default(),
        text: long.clone(),
    });
    assert_eq!(asked.expect_err("too long").kind, FailureKind::Invalid);
    let row = json!({"instruction": "How?", "response": long});
    browser.import_into("x.jsonl", &format!("{row}\n")).ok();
    let Ok(Reply::Imported { report, .. }) = browser.tab.ask(Request::ImportProject {
        name: "b.json".to_owned(),
        text: crate::common::bundle(&[old_record("long", &long)], &[]),
    }) else {
        panic!("not imported");
    };
    assert_eq!((report.rows, report.skipped_total), (0, 1), "{report:?}");
    let rows = browser.records();
    assert_eq!((rows.len(), rows[0].state), (1, RecordState::Pending));
}

#[test]
fn an_answer_longer_than_any_border_takes_is_cut_and_marked() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0_u8; 65536];
            let _ = stream.read(&mut request).unwrap();
            let event = json!({"choices": [{"index": 0, "delta": {"content": "barley ".repeat(30_000)},
                "finish_reason": "stop"}], "usage": {"prompt_tokens": u64::MAX, "completion_tokens": 5}});
            let body = format!("data: {event}\n\ndata: [DONE]\n\n");
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(0));
    let project = browser.project.clone();
    browser
        .tab
        .ask(Request::AddPrompt {
            project: project.clone(),
            cell: Cell::default(),
            text: "Why?".to_owned(),
        })
        .expect("added");
    let settings = browser.open().settings;
    let mut endpoint = crate::support::model(world.url());
    endpoint.base_url = format!("http://127.0.0.1:{port}/v1");
    browser
        .tab
        .ask(Request::SaveSettings {
            project: project.clone(),
            settings,
            endpoint: Some(endpoint),
        })
        .expect("saved");
    let Ok(Reply::Run(run)) = browser.tab.ask(Request::StartRun { project }) else {
        panic!("not started");
    };
    let status = browser.tab.finish_run(&run.id);
    assert_eq!(status.done, 1, "{status:?}");
    let view = browser.records().remove(0);
    assert_eq!(view.record.response().chars().count(), MOST_TEXT);
    assert!(
        view.record
            .provenance
            .flags
            .iter()
            .any(|flag| flag == "truncated")
    );
    assert_eq!(
        view.record.provenance.usage.unwrap().prompt_tokens,
        line::MOST_NUMBER
    );
    shows_all(&mut browser);
}
