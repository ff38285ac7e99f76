//! What becomes of replies as servers really send them.

use crate::common::{World, numbered};
use seedbed_core::messages::{ExportKind, Failure, FailureKind, Reply, Request, RunStatus};
use seedbed_core::prompt::Cell;
use seedbed_core::record::Record;
use serde_json::json;

/// A server that answers everything with `body`; its port.
fn serving(body: String) -> u16 {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0_u8; 65536];
            let _ = stream.read(&mut request).unwrap();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    port
}

/// A run of one row against a server that answers with `body`: its end, the failure of its row, the
/// records, and the project as saved.
fn run(body: &str) -> (RunStatus, Option<Failure>, Vec<Record>, String) {
    let port = serving(body.to_owned());
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(0));
    let project = browser.project.clone();
    let added = browser.tab.ask(Request::AddPrompt {
        project: project.clone(),
        cell: Cell::default(),
        text: "Why?".to_owned(),
    });
    added.expect("added");
    let settings = browser.open().settings;
    let mut endpoint = crate::support::model(world.url());
    endpoint.base_url = format!("http://127.0.0.1:{port}/v1");
    let saved = browser.tab.ask(Request::SaveSettings {
        project: project.clone(),
        settings,
        endpoint: Some(endpoint),
    });
    saved.expect("saved");
    let Ok(Reply::Run(run)) = browser.tab.ask(Request::StartRun {
        project: project.clone(),
    }) else {
        panic!("not started");
    };
    let status = browser.tab.finish_run(&run.id);
    let Ok(Reply::RunItems { items, .. }) = browser.tab.ask(Request::RunItems {
        project: project.clone(),
        run: run.id,
        state: None,
        offset: 0,
        limit: 10,
    }) else {
        panic!("no items");
    };
    let failure = items.into_iter().find_map(|item| item.failure);
    // Read again from what is stored.
    browser.open();
    let records: Vec<Record> = browser
        .records()
        .into_iter()
        .map(|view| view.record)
        .collect();
    let saved = if records.is_empty() {
        String::new()
    } else {
        browser.tab.file(&project, ExportKind::Bundle).1
    };
    (status, failure, records, saved)
}

fn stream(content: &str, finish: &str) -> String {
    let delta =
        json!({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]});
    format!("data: {delta}\n\ndata: {end}\n\ndata: [DONE]\n\n")
}

#[test]
fn what_a_model_thinks_is_kept_beside_the_answer_and_never_in_it() {
    for content in [
        "<think>Hm, loam.</think>\n\nIt drains.",
        "Hm, loam.</think>\n\nIt drains.",
        "<|channel|>analysis<|message|>Hm, loam.<|end|><|start|>assistant<|channel|>final<|message|>It drains.<|return|>",
        "[THINK]Hm, loam.[/THINK]It drains.",
    ] {
        let (status, _, records, saved) = run(&stream(content, "stop"));
        assert_eq!(status.done, 1, "{content}: {status:?}");
        let record = &records[0];
        assert_eq!(
            (record.response(), record.reasoning.as_str()),
            ("It drains.", "Hm, loam.")
        );
        assert_eq!(record.provenance.flags, [""; 0], "{content}");
        assert_eq!(
            record.id,
            Record::make_id(record.key.as_deref(), &record.fields)
        );
        assert!(saved.contains("\"reasoning\":\"Hm, loam.\""), "{saved}");
    }
}

#[test]
fn a_reply_without_text_fails_its_row_with_the_reason() {
    let thought = json!({"choices": [{"index": 0, "delta": {"reasoning_content": "Hm, loam"}, "finish_reason": "length"}]});
    let cases = [
        (
            "error: {\"code\":400,\"message\":\"this prompt has 6120 tokens\",\"type\":\"exceed_context_size_error\"}\n\ndata: [DONE]\n\n".to_owned(),
            "6120 tokens",
        ),
        ("data: [DONE]\n\n".to_owned(), "empty answer"),
        (stream(" \n", "stop"), "empty answer"),
        (stream("<think>Hm, loam.</think>\n", "stop"), "stopped after its reasoning"),
        (stream("<think>Hm, loam", "length"), "from 2048 to 4096 tokens"),
        (format!("data: {thought}\n\ndata: [DONE]\n\n"), "from 2048 to 4096 tokens"),
        (stream("", "length"), "without showing it"),
        (stream("", "content_filter"), "content filter"),
    ];
    for (body, words) in cases {
        let (status, failure, records, _) = run(&body);
        assert_eq!((status.done, status.failed), (0, 1), "{body}: {status:?}");
        assert!(records.is_empty(), "{body}");
        let failure = failure.expect("the row's failure");
        assert!(
            format!("{failure} {:?}", failure.detail).contains(words),
            "{failure:?}"
        );
        if !body.starts_with("error") {
            assert_eq!(failure.kind, FailureKind::Content, "{failure:?}");
        }
    }
}
