//! Chat answers: recorded ones and the shapes of other servers, each also played cut at every byte.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chat_support;

use chat_support::*;
use seedbed_core::chat::ErrorClass;
use seedbed_core::messages::FailureKind;
use seedbed_core::model::{FinishReason, Usage};
use seedbed_hub::HttpModel;
use seedbed_hub::transport::TransportError;
use serde_json::json;

const BR_STREAM: &str = include_str!("data/br-chat-stream.json");
const PY_BILL_TO: &str = include_str!("data/py-chat-bill-to.json");
const JS_MIDERROR: &str = include_str!("data/js-chat-err-miderror.json");
const PY_MIDERROR: &str = include_str!("data/py-chat-err-miderror.json");

/// Streams as servers send them, with the reply that they hold.
fn streams() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let recorded = recording(BR_STREAM)["response"]["body"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    let crlf = recorded.replace('\n', "\r\n");
    let unicode = [
        "\u{feff}: ping\n\n".to_owned(),
        delta(&json!({ "role": "assistant", "content": "" })),
        delta(&json!({ "content": "Bodenfrucht" })),
        delta(&json!({ "content": "barkeit – 土壌 🌱\n" })),
        ending("stop"),
        DONE.into(),
    ]
    .concat();
    let apart = [
        delta(&json!({ "reasoning_content": "Let me " })),
        delta(&json!({ "reasoning_content": "think.", "content": null })),
        delta(&json!({ "content": "Mulch" })),
        ending("length"),
        event(&json!({ "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12 } })),
        DONE.into(),
    ]
    .concat();
    let inside = [
        delta(&json!({ "content": "<thi" })),
        delta(&json!({ "content": "nk>Let me think.</" })),
        delta(&json!({ "content": "think>\n\nMul" })),
        delta(&json!({ "content": "ch" })),
        ending("eos"),
    ]
    .concat();
    let parts = [
        delta(&json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "Let me think." }] }] })),
        delta(&json!({ "content": [{ "type": "text", "text": "Mulch" }] })),
        DONE.into(),
    ]
    .concat();
    vec![
        ("recorded", recorded, "hello", ""),
        ("recorded with CRLF", crlf, "hello", ""),
        ("unicode", unicode, "Bodenfruchtbarkeit – 土壌 🌱\n", ""),
        ("reasoning apart", apart, "Mulch", "Let me think."),
        ("reasoning inside", inside, "Mulch", "Let me think."),
        ("content in parts", parts, "Mulch", "Let me think."),
    ]
}

#[test]
fn an_answer_cut_at_every_byte_gives_the_same_reply_and_tells_the_same_text() {
    for (name, stream, text, reasoning) in streams() {
        let bytes = stream.as_bytes();
        let mut cuts: Vec<Answer> = (0..=bytes.len())
            .map(|at| {
                let (head, tail) = bytes.split_at(at);
                Answer::chunks([head, tail])
            })
            .collect();
        cuts.push(Answer::chunks(bytes.chunks(1)));
        cuts.push(Answer::chunks(bytes.chunks(7)));
        let mut replies = cuts.into_iter().map(|answer| {
            let model = HttpModel::new(Script::new([answer]), &router(), None);
            let (reply, told) = ask(&model, request("m/x"));
            let reply = reply.unwrap();
            assert_eq!((reply.text.as_str(), told.as_str()), (text, text), "{name}");
            assert_eq!(reply.reasoning, reasoning, "{name}");
            reply
        });
        let first = replies.next().unwrap();
        assert!(replies.all(|reply| reply == first), "{name}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_whole_or_an_error_to_try_again_but_never_a_part() {
    for (name, stream, text, _) in streams() {
        let bytes = stream.as_bytes();
        let mut errors = 0;
        for end in 0..bytes.len() {
            let part = bytes.get(..end).unwrap();
            let lost = Piece::Fails(TransportError::Network("connection reset".into()));
            for pieces in [
                vec![Piece::Bytes(part.to_vec())],
                vec![Piece::Bytes(part.to_vec()), lost],
            ] {
                match answered(Answer::pieces(200, pieces)) {
                    Ok(reply) => assert_eq!(reply.text, text, "{name} at {end}"),
                    Err(error) => {
                        errors += 1;
                        assert_eq!(error.class, ErrorClass::Transient, "{name} at {end}");
                        assert_eq!(error.failure.kind, FailureKind::Server);
                        assert!(!error.is_network, "an answer had begun");
                    }
                }
            }
        }
        assert!(errors > bytes.len(), "{name}: most parts lack their end");
    }
}

#[test]
fn usage_finish_reason_and_model_are_taken_from_where_servers_put_them() {
    let stream = |chunks: &[String]| answered(Answer::new(200, chunks.concat())).unwrap();
    let text = delta(&json!({ "content": "a" }));
    for (reason, finish) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("tool_calls", FinishReason::Other),
    ] {
        assert_eq!(
            stream(&[text.clone(), ending(reason)]).finish_reason,
            finish
        );
    }
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 });
    let counted = Some(Usage {
        prompt_tokens: 3,
        completion_tokens: 2,
        estimated: false,
    });
    let apart = event(&json!({ "model": "m/x-2", "choices": [], "usage": usage }));
    let reply = stream(&[text.clone(), ending("stop"), apart, DONE.into()]);
    assert_eq!(
        (reply.usage, reply.model.as_deref()),
        (counted, Some("m/x-2"))
    );
    let within = event(
        &json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }], "usage": usage }),
    );
    assert_eq!(stream(&[text.clone(), within]).usage, counted);
    let null = event(
        &json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }], "usage": null }),
    );
    assert_eq!(stream(&[text.clone(), null]).usage, None);
    // A second choice that nobody asked for does not get into the text.
    let second = event(
        &json!({ "choices": [{ "index": 1, "delta": { "content": "b" }, "finish_reason": "stop" }] }),
    );
    assert_eq!(stream(&[text, second, DONE.into()]).text, "a");
}

#[test]
fn a_server_that_answers_json_although_a_stream_was_asked_for_works_too() {
    let recorded = recording(PY_BILL_TO);
    let body = recorded["response"]["body"]["json"].to_string();
    for at in 0..=body.len() {
        let (head, tail) = body.as_bytes().split_at(at);
        let reply = answered(Answer::chunks([head, tail])).unwrap();
        assert_eq!(reply.text, "hello");
        assert_eq!(
            reply
                .usage
                .map(|usage| (usage.prompt_tokens, usage.completion_tokens)),
            Some((3, 1))
        );
        if tail.is_empty() {
            continue;
        }
        let error = answered(Answer::chunks([head])).unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient, "cut at {at}");
    }
    let thinking = json!({ "choices": [{ "message": { "content": "<think>a</think>b", "reasoning": "c" }, "finish_reason": "stop" }] });
    let reply = answered(Answer::new(200, thinking.to_string())).unwrap();
    assert_eq!((reply.text.as_str(), reply.reasoning.as_str()), ("b", "ca"));
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_an_error_as_for_the_real_clients() {
    for text in [JS_MIDERROR, PY_MIDERROR] {
        let error = answered(replay(&recording(text))).unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient);
        assert!(error.failure.detail.unwrap().contains("upstream died"));
    }
    let text = delta(&json!({ "content": "a" }));
    for (chunk, class) in [
        (event(&json!({ "error": "text" })), ErrorClass::Transient),
        (
            "event: error\ndata: broken\n\n".to_owned(),
            ErrorClass::Transient,
        ),
        (
            event(&json!({ "error": { "message": "x", "code": 502 } })),
            ErrorClass::Transient,
        ),
        (
            event(
                &json!({ "error": { "message": "try again in 2s", "type": "rate_limit_error" } }),
            ),
            ErrorClass::SlowDown {
                wait_ms: Some(2_000),
            },
        ),
        (
            event(&json!({ "error": { "message": "x", "code": "insufficient_quota" } })),
            ErrorClass::Stop,
        ),
        (
            event(&json!({ "object": "error", "message": "x", "code": 400 })),
            ErrorClass::BadRequest,
        ),
        (ending("error"), ErrorClass::Transient),
        ("data: {not json}\n\n".to_owned(), ErrorClass::Transient),
    ] {
        let stream = [text.clone(), chunk, ending("stop"), DONE.into()].concat();
        assert_eq!(
            answered(Answer::new(200, &stream)).unwrap_err().class,
            class,
            "{stream}"
        );
    }
    // "error": null is no error.
    let fine = [
        event(&json!({ "error": null, "choices": [{ "delta": { "content": "a" } }] })),
        DONE.into(),
    ]
    .concat();
    assert_eq!(answered(Answer::new(200, fine)).unwrap().text, "a");
}
