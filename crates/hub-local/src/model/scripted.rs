//! The scripted stand-in for a language model: the same request always gets the same text, made from the request's own
//! words. It exists so that the whole app can be tried and tested without a model; it knows nothing.

use super::words;
use crate::faults::ModelFault;
use crate::http::Body;
use crate::hub::Hub;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What the stand-in says.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) finish: &'static str,
    prompt_tokens: usize,
    completion_tokens: usize,
}

impl Said {
    pub(crate) fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        })
    }
}

/// Text that would do harm if a page showed it as it is.
const HOSTILE: &str = "<img src=x onerror=\"window.__pwned=1\"><script>window.__pwned=1</script>\
 [click me](javascript:window.__pwned=1) <a href=\"JaVaScRiPt:window.__pwned=1\">link</a>\n\n\
<svg onload=window.__pwned=1><iframe srcdoc=\"<script>parent.__pwned=1</script>\"></iframe>\n\n\
![x](data:text/html,<script>window.__pwned=1</script>) <style>*{display:none}</style>\n\n\
| a | b |\n|---|---|\n| <b onmouseover=window.__pwned=1>x</b> | `</code><script>window.__pwned=1</script>` |\n\n\
&lt;script&gt; \u{202e}desrever\u{202c} \u{0}zero <details open ontoggle=window.__pwned=1>";

/// About four bytes make a token.
fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

/// The answer to a conversation.
pub(crate) fn reply(messages: &[Value], asked: &Value, fault: Option<ModelFault>) -> Said {
    let of_role = |role: &str| {
        messages
            .iter()
            .rfind(|message| message.get("role").and_then(Value::as_str) == Some(role))
            .map(content)
            .unwrap_or_default()
    };
    let (system, user) = (of_role("system"), of_role("user"));
    let mut hasher = Sha256::new();
    for message in messages {
        hasher.update(content(message));
        hasher.update([0]);
    }
    hasher.update(asked.get("seed").map(Value::to_string).unwrap_or_default());
    let digest = hasher.finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));

    let mut text = match fault {
        Some(ModelFault::Hostile) => hostile(&system, &user),
        Some(ModelFault::Refusal) => "I'm sorry, but I can't help with that request.".to_owned(),
        Some(ModelFault::Empty) => String::new(),
        _ => words::answer(&system, &user, number),
    };
    let mut finish = "stop";
    let limit = ["max_tokens", "max_completion_tokens"]
        .iter()
        .find_map(|key| asked.get(key).and_then(Value::as_u64));
    let mut most = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_mul(4)
    });
    if fault == Some(ModelFault::Length) {
        most = most.min(text.len() / 2);
    }
    if text.len() > most {
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        finish = "length";
    }
    Said {
        prompt_tokens: messages
            .iter()
            .map(|message| tokens(&content(message)))
            .sum(),
        completion_tokens: tokens(&text),
        text,
        finish,
    }
}

/// Hostile text, as a numbered list where a list was asked for, so that it gets past the parser.
fn hostile(system: &str, user: &str) -> String {
    match words::list_wanted(system, user) {
        Some((count, _)) => (1..=count)
            .map(|number| {
                format!(
                    "{number}. Explain why <img src=x onerror=\"window.__pwned={number}\"> and [this](javascript:window.__pwned={number}) matter in step {number} of <script>window.__pwned={number}</script>?"
                )
            })
            .collect::<Vec<_>>()
            .join("\n"),
        None => HOSTILE.to_owned(),
    }
}

/// One step of a streamed answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// Bytes to send.
    Send(Bytes),
    /// The connection breaks.
    Break,
    /// Nothing comes any more.
    Hang,
    /// The end mark: with it the answer went out whole.
    Last(Bytes),
}

/// Pieces of a text of a few words each.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .filter(|(at, c)| *at >= 8 && c.is_whitespace())
            .map(|(at, _)| at)
            .next()
            .unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// The answer as server-sent events, with the fault in its place.
pub(crate) fn steps(
    said: &Said,
    id: &str,
    created: u64,
    model: &str,
    has_usage: bool,
    fault: Option<ModelFault>,
) -> VecDeque<Step> {
    let event = |delta: Value, finish: Option<&str>| {
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        });
        if let (true, Some(object)) = (has_usage, chunk.as_object_mut()) {
            object.insert("usage".into(), Value::Null);
        }
        format!("data: {chunk}\n\n").into_bytes()
    };
    let mut steps = VecDeque::new();
    let mut send = |bytes: Vec<u8>| steps.push_back(Step::Send(Bytes::from(bytes)));
    // A comment first, as some providers send to keep the line open.
    send(b": ping\n\n".to_vec());
    send(event(json!({ "role": "assistant", "content": "" }), None));
    let pieces = pieces(&said.text);
    let whole = pieces.len();
    let shown = match fault {
        Some(ModelFault::Hang) => 1,
        Some(ModelFault::CutUtf8 | ModelFault::ErrorEvent | ModelFault::Truncated) => {
            whole.div_ceil(2)
        }
        _ => whole,
    };
    for (at, piece) in pieces.iter().take(shown).enumerate() {
        let bytes = event(json!({ "content": piece }), None);
        // Writes end anywhere in reality, inside characters and marks too.
        let cut = (at * 37 + 11) % bytes.len().max(1);
        let (head, tail) = bytes.split_at(cut);
        send(head.to_vec());
        send(tail.to_vec());
    }
    match fault {
        Some(ModelFault::Hang) => {
            steps.push_back(Step::Hang);
            return steps;
        }
        Some(ModelFault::CutUtf8) => {
            let mut bytes = event(json!({ "content": " — é" }), None);
            // Ends after the first of the two bytes of é.
            if let Some(at) = bytes.windows(2).position(|pair| pair == "é".as_bytes()) {
                bytes.truncate(at + 1);
            }
            send(bytes);
            steps.push_back(Step::Break);
            return steps;
        }
        Some(ModelFault::ErrorEvent) => {
            send(b"data: {\"error\":{\"message\":\"The provider stopped in the middle\",\"type\":\"server_error\"}}\n\n".to_vec());
            return steps;
        }
        Some(ModelFault::Truncated) => return steps,
        _ => {}
    }
    send(event(json!({}), Some(said.finish)));
    if has_usage {
        let chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model,
            "choices": [], "usage": said.usage(),
        });
        send(format!("data: {chunk}\n\n").into_bytes());
    }
    steps.push_back(Step::Last(Bytes::from_static(b"data: [DONE]\n\n")));
    steps
}

/// The steps as a body.
pub(crate) fn body(hub: Arc<Hub>, seq: u64, steps: VecDeque<Step>, delay_ms: u64) -> Body {
    let frames = stream::unfold(steps, move |mut steps| {
        let hub = hub.clone();
        async move {
            loop {
                match steps.pop_front()? {
                    Step::Send(bytes) => {
                        if delay_ms > 0 {
                            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                        }
                        return Some((Ok(Frame::data(bytes)), steps));
                    }
                    Step::Break => {
                        steps.clear();
                        return Some((Err(io::Error::other("cut on demand")), steps));
                    }
                    Step::Hang => std::future::pending::<()>().await,
                    Step::Last(bytes) => {
                        hub.log.finished(seq);
                        return Some((Ok(Frame::data(bytes)), steps));
                    }
                }
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(fault: Option<ModelFault>) -> (Said, Vec<u8>) {
        let messages =
            [json!({ "role": "user", "content": "Why does clay soil crack? Ångström, 3 °C." })];
        let said = reply(&messages, &json!({}), fault);
        let steps = steps(&said, "x", 1, "m", true, fault);
        let bytes = steps
            .into_iter()
            .filter_map(|step| match step {
                Step::Send(bytes) | Step::Last(bytes) => Some(bytes.to_vec()),
                _ => None,
            })
            .flatten()
            .collect();
        (said, bytes)
    }

    #[test]
    fn the_events_of_a_stream_give_the_whole_text_and_the_usage() {
        let (said, bytes) = streamed(None);
        let stream = String::from_utf8(bytes).expect("a whole stream is UTF-8");
        let mut text = String::new();
        let mut usage = Value::Null;
        for data in stream
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "))
        {
            if data == "[DONE]" {
                break;
            }
            let chunk: Value = serde_json::from_str(data).expect("each event is JSON");
            if let Some(piece) = chunk
                .pointer("/choices/0/delta/content")
                .and_then(Value::as_str)
            {
                text.push_str(piece);
            }
            if !chunk["usage"].is_null() {
                usage = chunk["usage"].clone();
            }
        }
        assert_eq!(text, said.text);
        assert!(text.contains("clay soil crack"), "{text}");
        assert_eq!(usage, said.usage());
        assert!(stream.ends_with("data: [DONE]\n\n"));
    }

    #[test]
    fn a_stream_that_is_cut_ends_inside_a_character() {
        let (_, bytes) = streamed(Some(ModelFault::CutUtf8));
        let error = String::from_utf8(bytes).expect_err("half a character is no UTF-8");
        assert_eq!(error.utf8_error().error_len(), None);
    }

    #[test]
    fn an_answer_stops_at_the_token_limit_and_says_so() {
        let messages = [json!({ "role": "user", "content": "How is rye sown?" })];
        let said = reply(&messages, &json!({ "max_tokens": 5 }), None);
        assert_eq!((said.finish, said.text.len() <= 20), ("length", true));
    }
}
