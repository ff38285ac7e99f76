//! Replies as servers and models really send them: reasoning in every mark and field, errors in every place, characters
//! cut in two, events of no kind. Each stream is also played cut at every byte.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chat_support;

use chat_support::*;
use seedbed_core::chat::{ChatError, ChatReply, ErrorClass};
use seedbed_core::model::FinishReason;
use seedbed_core::reasoning::MARKS;
use seedbed_hub::HttpModel;
use serde_json::{Value, json};

type Answered = Result<ChatReply, ChatError>;

/// The answer to this body and what was told of it, the same wherever it is cut.
fn everywhere(body: &str) -> (Answered, String) {
    let bytes = body.as_bytes();
    let play = |answer| {
        ask(
            &HttpModel::new(Script::new([answer]), &router(), None),
            request("m/x"),
        )
    };
    let whole = play(Answer::new(200, body));
    let mut ways: Vec<Answer> = (0..=bytes.len())
        .map(|at| {
            let (head, tail) = bytes.split_at(at);
            Answer::chunks([head, tail])
        })
        .collect();
    ways.push(Answer::chunks(bytes.chunks(1)));
    for way in ways {
        assert_eq!(play(way), whole, "{body}");
    }
    whole
}

/// The reply whose text comes in these pieces.
fn spoken(pieces: &[&str]) -> String {
    let mut stream = delta(&json!({ "role": "assistant", "content": "" }));
    for piece in pieces {
        stream += &delta(&json!({ "content": piece }));
    }
    stream + &ending("stop") + DONE
}

fn good(body: &str) -> (String, String) {
    let (reply, told) = everywhere(body);
    let reply = reply.unwrap_or_else(|error| panic!("{error:?}: {body}"));
    assert_eq!(told, reply.text, "{body}");
    (reply.text, reply.reasoning)
}

#[test]
fn channels_that_a_server_does_not_split_are_split_here() {
    let stream = spoken(&[
        "<|channel|>",
        "analysis",
        "<|message|>",
        "The grower wants",
        " one rule.",
        "<|end|>",
        "<|start|>",
        "assistant",
        "<|channel|>",
        "final",
        "<|message|>",
        "Water at dusk.",
        "\n\nTwice a week.",
        "<|return|>",
    ]);
    assert_eq!(
        good(&stream),
        (
            "Water at dusk.\n\nTwice a week.".to_owned(),
            "The grower wants one rule.".to_owned()
        )
    );
    let whole = json!({ "choices": [{ "index": 0, "finish_reason": "stop", "message": {
        "role": "assistant",
        "content": "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>At dusk.<|return|>" } }] });
    assert_eq!(
        good(&whole.to_string()),
        ("At dusk.".to_owned(), "Hm.".to_owned())
    );
}

#[test]
fn reasoning_in_every_mark_is_no_part_of_the_text() {
    for (open, close, _) in MARKS {
        let (thought, answer) = ("Short, I think.", "Mulch keeps water – 土.");
        let stream = spoken(&[
            open,
            "Short, I",
            " think.",
            close,
            "\n\nMulch keeps",
            " water – 土.",
        ]);
        assert_eq!(
            good(&stream),
            (answer.to_owned(), thought.to_owned()),
            "{open}"
        );
    }
    // Only the end of it came.
    let (reply, _) = everywhere(&spoken(&["Short, I think.\n", "</think>", "\n\nMulch."]));
    let reply = reply.unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.reasoning.as_str()),
        ("Mulch.", "Short, I think.")
    );
}

#[test]
fn reasoning_in_every_field_is_no_part_of_the_text() {
    let fields = [
        json!({ "reasoning_content": "Short." }),
        json!({ "reasoning": "Short." }),
        json!({ "reasoning": "Short.", "reasoning_content": "Short." }),
        json!({ "thinking": "Short." }),
        json!({ "thinking": { "content": "Short." } }),
        json!({ "reasoning": { "text": "Short." } }),
        json!({ "reasoning_content": ["Sho", { "type": "text", "text": "rt." }] }),
        json!({ "reasoning_details": [{ "type": "reasoning.text", "text": "Short." }] }),
        json!({ "reasoning": null, "reasoning_details": [{ "type": "reasoning.summary", "summary": "Short." },
            { "type": "reasoning.encrypted", "data": "abc" }] }),
        json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "Short." }] }] }),
        json!({ "content": [{ "type": "thinking", "thinking": "Short.", "signature": "x" }] }),
        json!({ "content": [{ "type": "reasoning", "text": "Short." }] }),
        json!({ "content": [{ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "Short." }] }] }),
    ];
    for field in fields {
        let stream =
            delta(&field) + &delta(&json!({ "content": "Mulch." })) + &ending("stop") + DONE;
        let wanted = ("Mulch.".to_owned(), "Short.".to_owned());
        assert_eq!(good(&stream), wanted, "{field}");
        let mut message = field.clone();
        let text = json!({ "type": "text", "text": "Mulch." });
        match message.get_mut("content").and_then(Value::as_array_mut) {
            Some(parts) => parts.push(text),
            None => message["content"] = json!("Mulch."),
        }
        let whole = json!({ "choices": [{ "message": message, "finish_reason": "stop" }] });
        assert_eq!(good(&whole.to_string()), wanted, "{field}");
    }
}

/// What an error says, in full.
fn refused(body: &str) -> (ErrorClass, String) {
    let (answer, _) = everywhere(body);
    let error = answer.expect_err(body);
    let shown = error.failure.detail.clone().unwrap_or_default();
    assert!(shown.chars().count() <= 720, "{shown}");
    assert!(!error.failure.next.is_empty(), "{error:?}");
    (error.class, shown)
}

#[test]
fn an_error_is_found_wherever_a_server_puts_it_and_told_in_its_words() {
    let text = delta(&json!({ "content": "Mulch" }));
    let again = ErrorClass::Transient;
    let words = "the context of 4096 tokens is full";
    let cases = [
        // A field of its own, as older llama.cpp.
        (
            format!(
                "error: {{\"code\":400,\"message\":\"{words}\",\"type\":\"exceed_context_size_error\"}}\n\n{DONE}"
            ),
            ErrorClass::BadRequest,
        ),
        (format!("{text}error: {words}\n\n{DONE}"), again),
        (format!("{text}error: {{\"message\":\"{words}\"}}"), again),
        (
            format!("event: error\ndata: {{\"error\":{{\"message\":\"{words}\"}}}}\n\n"),
            again,
        ),
        (
            format!("{text}{}{DONE}", event(&json!({ "error": words }))),
            again,
        ),
        (
            event(
                &json!({ "choices": [{ "index": 0, "delta": {}, "error": { "message": words, "code": 502 } }] }),
            ) + DONE,
            again,
        ),
        (
            event(
                &json!({ "choices": [{ "delta": { "content": "", "error": { "message": words } }, "finish_reason": "stop" }] }),
            ) + DONE,
            again,
        ),
        (
            event(
                &json!({ "choices": [{ "delta": { "content": words }, "finish_reason": "error" }] }),
            ) + DONE,
            again,
        ),
        (
            event(
                &json!({ "choices": [{ "delta": {}, "finish_reason": "error", "error": { "message": "Provider returned error", "metadata": { "raw": words } } }] }),
            ),
            again,
        ),
        (
            format!("{}{DONE}", event(&json!({ "detail": words }))),
            again,
        ),
        (
            format!(
                "{}{DONE}",
                event(&json!({ "errors": [{ "message": words }] }))
            ),
            again,
        ),
        (
            format!(
                "{}{DONE}",
                event(&json!({ "type": "error", "message": words }))
            ),
            again,
        ),
        (
            format!("{}{DONE}", event(&json!({ "message": words }))),
            again,
        ),
        (format!("data: {words}\n\n{DONE}"), again),
        (format!("data: {words}\n\n"), again),
        // Answers of status 200 that are no stream.
        (
            json!({ "error": { "message": words, "code": 400 } }).to_string(),
            ErrorClass::BadRequest,
        ),
        (json!({ "error": words }).to_string(), again),
        (
            json!({ "error": true, "message": words }).to_string(),
            again,
        ),
        (json!({ "detail": words }).to_string(), again),
        (
            json!({ "detail": [{ "loc": ["body"], "msg": words }] }).to_string(),
            again,
        ),
        (json!({ "message": words }).to_string(), again),
        (
            json!({ "errors": [{ "message": words }, { "message": "more" }] }).to_string(),
            again,
        ),
        (json!({ "errors": [words] }).to_string(), again),
        (
            json!([{ "error": { "message": words } }]).to_string(),
            again,
        ),
        (
            json!({ "choices": [{ "error": { "message": words, "code": 400 } }] }).to_string(),
            ErrorClass::BadRequest,
        ),
        (
            json!({ "choices": [{ "message": { "content": words }, "finish_reason": "error" }] })
                .to_string(),
            again,
        ),
        (format!("{words}\n"), again),
        (format!("Internal Server Error: {words}"), again),
        (
            format!("<html><head><title>{words}</title></head><body>…</body></html>"),
            ErrorClass::Stop,
        ),
    ];
    for (body, class) in cases {
        let (told_class, shown) = refused(&body);
        assert!(shown.contains(words), "{shown}: {body}");
        assert_eq!(told_class, class, "{body}");
    }
    let long = "x ".repeat(100_000);
    for body in [
        event(&json!({ "error": { "message": long } })),
        format!("{long}\n{long}\n"),
        json!({ "detail": long }).to_string(),
    ] {
        let error = answered(Answer::new(200, body)).unwrap_err();
        assert!(error.failure.detail.unwrap().chars().count() <= 720);
    }
}

#[test]
fn what_only_looks_like_an_error_costs_no_reply() {
    let text = delta(&json!({ "content": "Mulch." }));
    for beside in [
        event(&json!({ "type": "ping" })),
        event(&json!({ "type": "status", "message": "two before you" })),
        "event: ping\ndata: {}\n\n".to_owned(),
        "event: ping\ndata: now\n\n".to_owned(),
        "event: queue\ndata: {position 2}\n\n".to_owned(),
        "data: keep-alive\n\n".to_owned(),
        "data: \"waiting\"\n\n".to_owned(),
        "data: 1\n\n".to_owned(),
        "data\n\n".to_owned(),
        ": comment\n\n".to_owned(),
        "progress: 40 percent done\n\n".to_owned(),
        event(&json!({ "error": false, "choices": [] })),
        event(&json!({ "error": "", "choices": [] })),
        event(&json!({ "error": {}, "detail": null })),
        event(
            &json!({ "choices": [{ "index": 0, "delta": { "content": null, "error": null }, "error": null }] }),
        ),
    ] {
        for stream in [
            [&beside, &text, &beside, &ending("stop"), &beside, DONE]
                .map(|s| -> &str { s })
                .concat(),
            [&text, &beside, &ending("stop")]
                .map(|s| -> &str { s })
                .concat(),
        ] {
            assert_eq!(good(&stream).0, "Mulch.", "{beside}");
        }
    }
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 6 } });
    let ping = event(&json!({ "type": "ping" }));
    let stream = [
        ping.clone(),
        text,
        ending("stop"),
        ping.clone(),
        event(&usage),
        ping,
        DONE.into(),
    ];
    let (reply, _) = everywhere(&stream.concat());
    let counted = reply.unwrap().usage.unwrap();
    assert_eq!((counted.prompt_tokens, counted.completion_tokens), (12, 6));
}

/// A chunk whose text is written as JSON by hand.
fn raw(text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

#[test]
fn halves_of_a_character_are_put_together_and_a_lost_one_costs_nothing_else() {
    let cases: [(&[&str], &str); 6] = [
        (
            &[
                "Sow ",
                r"\ud83c",
                r"\udf31 and ",
                r"water \ud83d",
                r"\udca7.",
            ],
            "Sow 🌱 and water 💧.",
        ),
        (&[r"\ud83c", "", r"\udf31"], "🌱"),
        (&[r"a \ud83c", " b"], "a  b"),
        (&[r"\udf31a"], "a"),
        (
            &[r"<think>\ud83c", r"\udf31</think>So \ud83c", r"\udf31"],
            "So 🌱",
        ),
        (&[r"a\ud83c"], "a"),
    ];
    for (pieces, text) in cases {
        let stream =
            pieces.iter().map(|piece| raw(piece)).collect::<String>() + &ending("stop") + DONE;
        let (got, _) = good(&stream);
        assert_eq!(got, text, "{pieces:?}");
    }
    let thought = r#"{"choices":[{"index":0,"delta":{"reasoning_content":"X"}}]}"#;
    let half = |half: &str| format!("data: {}\n\n", thought.replace('X', half));
    let stream = half(r"\ud83c") + &raw("So.") + &half(r"\udf31") + &ending("stop");
    assert_eq!(good(&stream), ("So.".to_owned(), "🌱".to_owned()));
    let whole = r#"{"choices":[{"message":{"content":"Sow \ud83c now \ud83c\udf31."},"finish_reason":"stop"}]}"#;
    assert_eq!(good(whole).0, "Sow  now 🌱.");
}

#[test]
fn a_stream_that_ends_without_any_text_says_so_by_its_text() {
    let (reply, _) = everywhere(DONE);
    assert_eq!(reply.unwrap().text, "");
    let cut = delta(&json!({ "content": "<think>Hm" })) + &ending("length") + DONE;
    let (reply, told) = everywhere(&cut);
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), told.as_str()), ("", ""));
    assert_eq!(
        (reply.reasoning.as_str(), reply.finish_reason),
        ("Hm", FinishReason::Length)
    );
}

#[test]
fn what_people_reported_is_read_as_they_meant_it() {
    let (text, reasoning) = good(include_str!("data/reports/07-harmony-channels.sse"));
    assert_eq!(
        text,
        "Water early in the morning, at the foot of the plants.\n\nTwice a week is enough for most beds; in heat waves every second day."
    );
    assert_eq!(
        reasoning,
        "The user wants advice on watering. Keep it short."
    );

    let (class, shown) = refused(include_str!("data/reports/09-llamacpp-error-field.sse"));
    assert_eq!(class, ErrorClass::BadRequest);
    assert!(shown.contains("6120 tokens"), "{shown}");

    let (text, _) = good(include_str!("data/reports/10-latex-in-json-list.sse"));
    assert!(
        text.contains(r"$\frac{6}{8}$") && text.contains(r"$\rho$"),
        "{text}"
    );

    let (text, _) = good(include_str!("data/reports/12-split-surrogates.sse"));
    assert_eq!(text, "Sow it thinly 🌱 and water gently 💧.");

    let (reply, told) = everywhere(include_str!("data/reports/14-ping-data-events.sse"));
    let reply = reply.unwrap();
    let usage = reply.usage.unwrap();
    assert_eq!(
        (reply.text.as_str(), told.as_str()),
        ("Sow peas in March.", "Sow peas in March.")
    );
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (12, 6));
}
