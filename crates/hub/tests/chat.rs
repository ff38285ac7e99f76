//! Chat requests: what is sent, against what real clients sent (`data/`, recorded), and when it is given up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chat_support;

use chat_support::*;
use seedbed_core::chat::{ChatRequest, ErrorClass};
use seedbed_core::messages::FailureKind;
use seedbed_core::model::{Endpoint, FinishReason, Message, Sampling};
use seedbed_hub::model::{AFTER_END_MS, BETWEEN_CHUNKS_MS, FIRST_BYTE_MS};
use seedbed_hub::transport::Method;
use seedbed_hub::{HttpModel, Token};
use serde_json::{Value, json};

const JS_STREAM: &str = include_str!("data/js-chat-stream.json");
const JS_OPENAI: &str = include_str!("data/js-openai-stream.json");
const PY_STREAM: &str = include_str!("data/py-chat-stream.json");
const PY_BILL_TO: &str = include_str!("data/py-chat-bill-to.json");

#[test]
fn a_request_says_what_the_real_clients_say_field_by_field() {
    for (name, text) in [
        ("js-chat-stream", JS_STREAM),
        ("js-openai-stream", JS_OPENAI),
        ("py-chat-stream", PY_STREAM),
        ("py-chat-bill-to", PY_BILL_TO),
    ] {
        let recorded = recording(text);
        let theirs = recorded["body"]["json"].as_object().unwrap();
        let header = |name: &str| {
            let headers = recorded["headers"].as_object().unwrap();
            headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str().unwrap())
        };
        let key = header("authorization")
            .unwrap()
            .strip_prefix("Bearer ")
            .unwrap();
        let endpoint = Endpoint {
            base_url: "https://hub.test/v1".into(),
            bill_to: header("x-hf-bill-to").map(str::to_owned),
            ..router()
        };
        let script = Script::new([replay(&recorded)]);
        let model = HttpModel::new(script.clone(), &endpoint, Token::new(key));
        let sampling = Sampling {
            max_tokens: theirs
                .get("max_tokens")
                .and_then(Value::as_u64)
                .map_or(0, |limit| limit as u32),
            ..Sampling::default()
        };
        let messages: Vec<Message> = serde_json::from_value(theirs["messages"].clone()).unwrap();
        let request = ChatRequest {
            model: theirs["model"].as_str().unwrap().into(),
            messages,
            sampling,
        };
        let (reply, told) = ask(&model, request);
        let reply = reply.unwrap();
        assert_eq!(
            (reply.text.as_str(), told.as_str()),
            ("hello", "hello"),
            "{name}"
        );
        assert_eq!(reply.finish_reason, FinishReason::Stop);
        assert_eq!(reply.model.as_deref(), theirs["model"].as_str());

        let mut ours = script.bodies().remove(0);
        let ours = ours.as_object_mut().unwrap();
        assert_eq!(ours.remove("temperature"), Some(json!(0.9)), "{name}");
        let mut theirs = theirs.clone();
        // The two differences that we want: always streamed, always with the count of tokens.
        theirs.insert("stream".into(), json!(true));
        theirs.insert("stream_options".into(), json!({ "include_usage": true }));
        assert_eq!(Value::Object(ours.clone()), Value::Object(theirs), "{name}");

        let requests = script.requests.borrow();
        let sent = requests.first().unwrap();
        assert!(matches!(sent.method, Method::Post));
        assert_eq!(
            sent.url,
            format!("https://hub.test{}", recorded["url"].as_str().unwrap()),
            "{name}"
        );
        for wanted in ["authorization", "content-type", "x-hf-bill-to"] {
            let mut ours = sent
                .headers
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(wanted));
            assert_eq!(
                ours.next().map(|(_, value)| value.as_str()),
                header(wanted),
                "{name}: {wanted}"
            );
            assert_eq!(ours.next(), None);
        }
    }
}

#[test]
fn only_what_is_set_is_sent() {
    let ask_with = |endpoint: &Endpoint, key: Option<&str>, sampling: Sampling| {
        let script = Script::new([Answer::new(200, DONE)]);
        let model = HttpModel::new(script.clone(), endpoint, key.and_then(Token::new));
        let request = ChatRequest {
            sampling,
            ..request("m/x")
        };
        ask(&model, request).0.unwrap();
        let headers: Vec<String> = script
            .requests
            .borrow()
            .iter()
            .flat_map(|request| request.headers.iter().map(|(name, _)| name.to_lowercase()))
            .collect();
        (script.bodies().remove(0), headers)
    };
    let (body, headers) = ask_with(&at("http://localhost:11434/v1"), None, Sampling::default());
    assert_eq!(headers, ["content-type"]);
    assert_eq!(
        body,
        json!({
            "model": "m/x", "messages": [{ "role": "user", "content": "hi" }], "stream": true,
            "stream_options": { "include_usage": true }, "max_tokens": 2048, "temperature": 0.9
        })
    );
    let all = Sampling {
        temperature: 0.0,
        top_p: Some(0.95),
        max_tokens: 5,
        seed: Some(42),
    };
    let paying = Endpoint {
        bill_to: Some("acme".into()),
        ..at("https://api.example.org/v1")
    };
    let (body, headers) = ask_with(&paying, Some("k"), all);
    assert_eq!(
        (
            &body["temperature"],
            &body["top_p"],
            &body["max_tokens"],
            &body["seed"]
        ),
        (&json!(0.0), &json!(0.95), &json!(5), &json!(42))
    );
    // An unknown header would fail the preflight of every server but the router.
    assert_eq!(headers, ["authorization", "content-type"]);
    let (_, headers) = ask_with(
        &Endpoint {
            bill_to: Some(" ".into()),
            ..router()
        },
        Some("k"),
        Sampling::default(),
    );
    assert_eq!(headers, ["authorization", "content-type"]);
}

#[test]
fn a_refused_field_is_left_out_once_and_remembered_for_the_model() {
    let refusal =
        |text: &str| Answer::new(400, json!({ "error": { "message": text } }).to_string());
    let good = || Answer::new(200, DONE);
    let seeded = |model: &str| ChatRequest {
        sampling: Sampling {
            seed: Some(7),
            ..Sampling::default()
        },
        ..request(model)
    };
    let script = Script::new([
        refusal("Unknown parameter: stream_options"),
        refusal("property 'seed' is unsupported"),
        refusal(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        ),
        good(),
        good(),
        good(),
    ]);
    let model = HttpModel::new(script.clone(), &at("https://api.example.org/v1"), None);
    for name in ["m/x", "m/x", "m/y"] {
        ask(&model, seeded(name)).0.unwrap();
    }
    let sent: Vec<Vec<&str>> = script
        .bodies()
        .iter()
        .map(|body| {
            [
                "stream_options",
                "seed",
                "max_tokens",
                "max_completion_tokens",
            ]
            .into_iter()
            .filter(|name| body.get(*name).is_some())
            .collect()
        })
        .collect();
    assert_eq!(
        sent,
        [
            vec!["stream_options", "seed", "max_tokens"],
            vec!["seed", "max_tokens"],
            vec!["max_tokens"],
            vec!["max_completion_tokens"],
            vec!["max_completion_tokens"],
            vec!["stream_options", "seed", "max_tokens"],
        ]
    );
}

#[test]
fn the_same_refusal_again_is_an_error_and_not_another_request() {
    let refusal = || Answer::new(400, r#"{"error":"stream_options is not supported"}"#);
    let script = Script::new([refusal(), refusal()]);
    let model = HttpModel::new(script.clone(), &router(), None);
    assert_eq!(
        ask(&model, request("m/x")).0.unwrap_err().class,
        ErrorClass::BadRequest
    );
    assert_eq!(script.requests.borrow().len(), 2);
}

#[test]
fn silence_ends_a_request_after_the_documented_waits() {
    let text = delta(&json!({ "content": "a" })).into_bytes();
    let end = ending("stop").into_bytes();
    let try_with = |answer: Answer| {
        let script = Script::new([answer]);
        let model = HttpModel::new(script.clone(), &router(), None);
        let result = ask(&model, request("m/x")).0;
        let last = script.sleeps.borrow().last().copied();
        (result, last)
    };
    let (result, last) = try_with(Answer::Silence);
    assert_eq!(
        (result.unwrap_err().failure.kind, last),
        (FailureKind::Network, Some(FIRST_BYTE_MS))
    );
    let (result, last) = try_with(Answer::pieces(200, vec![Piece::Silence]));
    assert_eq!(
        (result.unwrap_err().class, last),
        (ErrorClass::Transient, Some(FIRST_BYTE_MS))
    );
    let (result, last) = try_with(Answer::pieces(
        200,
        vec![Piece::Bytes(text.clone()), Piece::Silence],
    ));
    assert_eq!(
        (result.unwrap_err().class, last),
        (ErrorClass::Transient, Some(BETWEEN_CHUNKS_MS))
    );
    // The text is whole: a count of tokens that never comes does not spoil it.
    let late = vec![Piece::Bytes(text), Piece::Bytes(end), Piece::Silence];
    let (result, last) = try_with(Answer::pieces(200, late));
    assert_eq!(
        (result.unwrap().text.as_str(), last),
        ("a", Some(AFTER_END_MS))
    );
    // Nothing is waited for after [DONE].
    let (result, _) = try_with(Answer::pieces(
        200,
        vec![Piece::Bytes(DONE.into()), Piece::Silence],
    ));
    result.unwrap();
    // A refusal whose body never comes is still a refusal.
    let (result, _) = try_with(Answer::pieces(402, vec![Piece::Silence]));
    assert_eq!(result.unwrap_err().failure.kind, FailureKind::Credits);
}

#[test]
fn without_a_model_or_a_usable_address_nothing_is_sent() {
    let script = Script::new([]);
    for (base, model) in [
        ("https://a.org/v1", " "),
        ("", "m/x"),
        ("https://u:p@a.org/v1", "m/x"),
    ] {
        let http = HttpModel::new(script.clone(), &at(base), Token::new(KEY));
        let error = ask(&http, request(model)).0.unwrap_err();
        assert_eq!(
            (error.class, error.failure.kind),
            (ErrorClass::Stop, FailureKind::Invalid)
        );
        assert!(!error.failure.next.is_empty());
    }
    assert!(script.requests.borrow().is_empty());
}
