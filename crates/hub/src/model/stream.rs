//! Puts a chat reply together from the bytes of its body, whether the server streams it as events or, though asked to
//! stream, sends one JSON object. Which of the two is told by the first character: proxies get the content type wrong.

use super::said::Said;
use super::think::ThinkSplitter;
use crate::sse::{SseEvent, SseParser};
use seedbed_core::chat::ChatReply;
use seedbed_core::model::{FinishReason, Usage};
use serde_json::Value;

/// Longest body that is taken in. No reply is that long; a server gone wild is.
pub(super) const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// How far a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More has to come.
    More,
    /// The model was done; only the count of tokens may follow.
    Ended,
    /// `[DONE]` was seen: nothing follows.
    Done,
}

/// Why no reply came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Broken {
    /// The server told of an error inside its answer.
    Said(Box<Said>),
    /// It ended in the middle.
    Cut,
    /// A web page came.
    Page(String),
    /// It can't be read; why.
    Unreadable(String),
}

#[derive(Debug)]
enum Form {
    /// Only blanks so far.
    Unknown(Vec<u8>),
    Events(SseParser),
    Json(Vec<u8>),
    Page(Vec<u8>),
}

/// Takes in the body of an answer.
pub(super) struct Decoder {
    form: Form,
    taken: usize,
    parts: Parts,
}

/// What of the reply is there.
#[derive(Default)]
struct Parts {
    splitter: ThinkSplitter,
    text: String,
    thought: String,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    model: Option<String>,
    fingerprint: Option<String>,
    is_done: bool,
}

impl Decoder {
    /// At the start of a body.
    pub(super) fn new() -> Self {
        Self {
            form: Form::Unknown(Vec::new()),
            taken: 0,
            parts: Parts::default(),
        }
    }

    /// Takes the next bytes in; `on_text` hears each piece of text.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Progress, Broken> {
        self.taken = self.taken.saturating_add(bytes.len());
        if self.taken > MAX_BODY_BYTES {
            return Err(Broken::Unreadable(format!(
                "The answer is longer than {MAX_BODY_BYTES} bytes."
            )));
        }
        if let Form::Unknown(start) = &mut self.form {
            start.extend_from_slice(bytes);
            let seen = std::mem::take(start);
            self.form = match first_byte(&seen) {
                None => Form::Unknown(seen),
                Some(b'{' | b'[') => Form::Json(seen),
                Some(b'<') => Form::Page(seen),
                Some(_) => {
                    self.form = Form::Events(SseParser::new());
                    return self.read_events(&seen, on_text);
                }
            };
            return Ok(Progress::More);
        }
        match &mut self.form {
            Form::Events(_) => self.read_events(bytes, on_text),
            Form::Json(body) | Form::Page(body) | Form::Unknown(body) => {
                body.extend_from_slice(bytes);
                Ok(Progress::More)
            }
        }
    }

    fn read_events(
        &mut self,
        bytes: &[u8],
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Progress, Broken> {
        let Form::Events(parser) = &mut self.form else {
            return Ok(Progress::More);
        };
        let events = parser
            .push(bytes)
            .map_err(|error| Broken::Unreadable(error.to_string()))?;
        for event in events {
            if self.parts.is_done {
                break;
            }
            self.parts.take_event(&event, on_text)?;
        }
        Ok(if self.parts.is_done {
            Progress::Done
        } else if self.parts.finish.is_some() {
            Progress::Ended
        } else {
            Progress::More
        })
    }

    /// The body is over.
    pub(super) fn end(self, on_text: &mut dyn FnMut(&str)) -> Result<ChatReply, Broken> {
        let mut parts = self.parts;
        match self.form {
            Form::Unknown(_) => return Err(Broken::Cut),
            Form::Page(body) => return Err(Broken::Page(Said::from_body(&body).message)),
            Form::Json(body) => parts.take_whole(&body, on_text)?,
            Form::Events(parser) => {
                // Some servers leave out the last blank line. A torn event does not parse and is passed over.
                if let Some(event) = parser.finish()
                    && !parts.is_done
                    && (event.data == "[DONE]"
                        || serde_json::from_str::<Value>(&event.data).is_ok())
                {
                    parts.take_event(&event, on_text)?;
                }
                if !parts.is_done && parts.finish.is_none() {
                    return Err(Broken::Cut);
                }
            }
        }
        Ok(parts.into_reply(on_text))
    }
}

impl Parts {
    fn take_event(
        &mut self,
        event: &SseEvent,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<(), Broken> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        if event.event == "error" {
            return Err(Broken::Said(Box::new(Said::from_body(data.as_bytes()))));
        }
        let chunk: Value = serde_json::from_str(data).map_err(|error| {
            Broken::Unreadable(format!("A part of the answer is not JSON: {error}."))
        })?;
        self.take_chunk(chunk, "delta", on_text)
    }

    fn take_whole(&mut self, body: &[u8], on_text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let reply: Value = serde_json::from_slice(body).map_err(|error| {
            if error.is_eof() {
                Broken::Cut
            } else {
                Broken::Unreadable(format!("The answer is not JSON: {error}."))
            }
        })?;
        let has_choice = reply
            .get("choices")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        if !has_choice && !is_error(&reply) {
            return Err(Broken::Unreadable(
                "The answer holds no message of the model.".to_owned(),
            ));
        }
        self.take_chunk(reply, "message", on_text)
    }

    /// Takes in a chunk of a stream (`part` is `delta`) or a whole reply (`message`).
    fn take_chunk(
        &mut self,
        chunk: Value,
        part: &str,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<(), Broken> {
        if is_error(&chunk) {
            return Err(Broken::Said(Box::new(Said::from_json(chunk))));
        }
        if let Some(model) = chunk
            .get("model")
            .and_then(Value::as_str)
            .filter(|model| !model.is_empty())
        {
            self.model = Some(model.chars().take(300).collect());
        }
        if let Some(text) = chunk.get("system_fingerprint").and_then(Value::as_str) {
            self.fingerprint = Some(text.chars().take(300).collect());
        }
        if let Some(usage) = chunk.get("usage").and_then(usage) {
            self.usage = Some(usage);
        }
        // One choice was asked for; the chunk with the count of tokens has none.
        let Some(choice) = chunk
            .get("choices")
            .and_then(Value::as_array)
            .and_then(|list| list.first())
        else {
            return Ok(());
        };
        if choice.get("index").and_then(Value::as_u64).unwrap_or(0) != 0 {
            return Ok(());
        }
        if let Some(delta) = choice.get(part).filter(|delta| delta.is_object()) {
            self.take_delta(delta, on_text);
        } else if let Some(text) = choice.get("text").and_then(Value::as_str) {
            self.take_text(text, on_text);
        }
        match choice.get("finish_reason").and_then(Value::as_str) {
            None | Some("") => Ok(()),
            Some("error") => {
                let error = choice.get("error").cloned().unwrap_or(Value::Null);
                Err(Broken::Said(Box::new(Said::from_json(error))))
            }
            Some(reason) => {
                self.finish = Some(finish_reason(reason));
                Ok(())
            }
        }
    }

    fn take_delta(&mut self, delta: &Value, on_text: &mut dyn FnMut(&str)) {
        // Two names for one thing; where both come, they hold the same.
        let thought = ["reasoning_content", "reasoning"].iter().find_map(|name| {
            delta
                .get(*name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        });
        self.thought.push_str(thought.unwrap_or_default());
        match delta.get("content") {
            Some(Value::String(text)) => self.take_text(text, on_text),
            // A list of parts: {type: "text", text} and {type: "thinking", thinking: [{text}]}.
            Some(Value::Array(parts)) => {
                for part in parts {
                    if let Some(thinking) = part.get("thinking") {
                        self.thought.push_str(&plain(thinking));
                    } else {
                        self.take_text(&plain(part), on_text);
                    }
                }
            }
            _ => {}
        }
        if let Some(refusal) = delta.get("refusal").and_then(Value::as_str) {
            self.take_text(refusal, on_text);
        }
    }

    fn take_text(&mut self, piece: &str, on_text: &mut dyn FnMut(&str)) {
        let Self {
            splitter,
            text,
            thought,
            ..
        } = self;
        splitter.push(
            piece,
            &mut |part| {
                text.push_str(part);
                on_text(part);
            },
            thought,
        );
    }

    fn into_reply(self, on_text: &mut dyn FnMut(&str)) -> ChatReply {
        let (mut text, mut thought) = (self.text, self.thought);
        self.splitter.finish(
            &mut |part| {
                text.push_str(part);
                on_text(part);
            },
            &mut thought,
        );
        ChatReply {
            text,
            reasoning: thought.trim().to_owned(),
            finish_reason: self.finish.unwrap_or_default(),
            usage: self.usage,
            model: self.model,
            fingerprint: self.fingerprint,
        }
    }
}

fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes
        .iter()
        .copied()
        .find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf))
}

fn is_error(value: &Value) -> bool {
    value.get("error").is_some_and(|error| !error.is_null())
        || value.get("object").and_then(Value::as_str) == Some("error")
        || value
            .as_array()
            .and_then(|list| list.first())
            .is_some_and(is_error)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(object) => object.get("text").map(plain).unwrap_or_default(),
        _ => String::new(),
    }
}

fn usage(value: &Value) -> Option<Usage> {
    let count = |name: &str| {
        let number = value.get(name)?;
        number.as_u64().or_else(|| {
            number
                .as_f64()
                .filter(|count| *count >= 0.0)
                .map(|count| count as u64)
        })
    };
    let prompt_tokens = count("prompt_tokens");
    let completion_tokens = count("completion_tokens");
    (prompt_tokens.is_some() || completion_tokens.is_some()).then(|| Usage {
        prompt_tokens: prompt_tokens.unwrap_or(0),
        completion_tokens: completion_tokens.unwrap_or(0),
        estimated: false,
    })
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "content_filter" | "safety" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}
