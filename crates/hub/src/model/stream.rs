//! Puts a chat reply together from the bytes of its body, whether the server streams it as events or, though asked to
//! stream, sends one JSON object. Which of the two is told by the first character: proxies get the content type wrong.

use super::halves::{self, Halves};
use super::said::{self, Said};
use crate::sse::{SseEvent, SseParser};
use seedbed_core::chat::ChatReply;
use seedbed_core::model::{FinishReason, Usage};
use seedbed_core::reasoning::Splitter;
use serde_json::Value;

/// Longest body that is taken in. No reply is that long; a server gone wild is.
pub(super) const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of plain text that say something; less is the beginning of a stream that was cut.
const LEAST_STRAY: usize = 8;

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
    splitter: Splitter,
    has_text: bool,
    thought: String,
    /// Of the text and of the reasoning.
    halves: [Halves; 2],
    /// What the server said beside the reply, for when no reply comes.
    aside: Option<Said>,
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
            let mut seen = std::mem::take(start);
            self.form = match first_byte(&seen) {
                None => {
                    // Blanks say nothing, however many come.
                    seen.retain(|byte| !byte.is_ascii_whitespace());
                    Form::Unknown(seen)
                }
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
            Form::Events(mut parser) => {
                // Some servers leave out the last blank line. A torn event does not parse and is passed over.
                if let Some(event) = parser.finish()
                    && !parts.is_done
                    && (event.data == "[DONE]"
                        || event.event == "error"
                        || halves::read(&event.data).is_ok())
                {
                    parts.take_event(&event, on_text)?;
                }
                let is_over = parts.is_done || parts.finish.is_some();
                if !parts.has_text && parts.thought.is_empty() {
                    let stray = parser.stray();
                    let said = parts.aside.take().or_else(|| {
                        (stray.len() >= LEAST_STRAY).then(|| Said::from_body(stray.as_bytes()))
                    });
                    if let Some(said) = said {
                        return Err(Broken::Said(Box::new(said)));
                    }
                }
                if !is_over {
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
        match halves::read(data) {
            Ok(chunk) => self.take_chunk(chunk, "delta", on_text),
            Err(error)
                if data.starts_with(['{', '['])
                    && matches!(event.event.as_str(), "" | "message") =>
            {
                Err(Broken::Unreadable(format!(
                    "A part of the answer is not JSON: {error}."
                )))
            }
            // Words of a server or a proxy: a reason if no reply comes.
            Err(_) => {
                self.aside
                    .get_or_insert_with(|| Said::from_body(data.as_bytes()));
                Ok(())
            }
        }
    }

    fn take_whole(&mut self, body: &[u8], on_text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let reply = halves::read(&String::from_utf8_lossy(body)).map_err(|error| {
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
            return Err(if said::words(&reply).is_some() {
                Broken::Said(Box::new(Said::from_json(reply)))
            } else {
                Broken::Unreadable("The answer holds no message of the model.".to_owned())
            });
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
            if said::tells_failure(&chunk) {
                return Err(Broken::Said(Box::new(Said::from_json(chunk))));
            }
            if said::words(&chunk).is_some() {
                self.aside.get_or_insert_with(|| Said::from_json(chunk));
            }
            return Ok(());
        };
        if choice.get("index").and_then(Value::as_u64).unwrap_or(0) != 0 {
            return Ok(());
        }
        let delta = choice.get(part).filter(|delta| delta.is_object());
        let error = [Some(choice), delta]
            .into_iter()
            .flatten()
            .filter_map(|holder| holder.get("error"))
            .find(|error| is_something(error));
        let reason = choice.get("finish_reason").and_then(Value::as_str);
        if error.is_some() || reason == Some("error") {
            // Without an error of its own, the text is what the server says.
            let error = error.or_else(|| delta?.get("content")).cloned();
            return Err(Broken::Said(Box::new(Said::from_json(
                error.unwrap_or_default(),
            ))));
        }
        if let Some(delta) = delta {
            self.take_delta(delta, on_text);
        } else if let Some(text) = choice.get("text").and_then(Value::as_str) {
            self.take_text(text, on_text);
        }
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(finish_reason(reason));
        }
        Ok(())
    }

    fn take_delta(&mut self, delta: &Value, on_text: &mut dyn FnMut(&str)) {
        // Several names for one thing; where more than one comes, they hold the same.
        let thought = THOUGHTS
            .iter()
            .filter_map(|name| delta.get(*name).map(plain))
            .find(|text| !text.is_empty());
        self.take_thought(&thought.unwrap_or_default());
        match delta.get("content") {
            Some(Value::String(text)) => self.take_text(text, on_text),
            // A list of parts: {type: "text", text} and {type: "thinking", thinking: [{text}]}.
            Some(Value::Array(parts)) => {
                for part in parts {
                    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                    if kind.contains("think") || kind.contains("reason") {
                        self.take_thought(&plain(part));
                    } else if let Some(thought) = THOUGHTS.iter().find_map(|name| part.get(*name)) {
                        self.take_thought(&plain(thought));
                    } else {
                        self.take_text(&plain(part.get("text").unwrap_or(part)), on_text);
                    }
                }
            }
            _ => {}
        }
        if let Some(refusal) = delta.get("refusal").and_then(Value::as_str) {
            self.take_text(refusal, on_text);
        }
    }

    fn take_thought(&mut self, piece: &str) {
        let [_, halves] = &mut self.halves;
        self.thought.push_str(&halves.join(piece));
    }

    fn take_text(&mut self, piece: &str, on_text: &mut dyn FnMut(&str)) {
        let [halves, _] = &mut self.halves;
        self.has_text |= !piece.trim().is_empty();
        self.splitter.push(&halves.join(piece), on_text);
    }

    fn into_reply(self, on_text: &mut dyn FnMut(&str)) -> ChatReply {
        let (text, inside) = self.splitter.finish(on_text);
        let thought = self.thought + &inside;
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
    value.get("error").is_some_and(is_something)
        || value.get("object").and_then(Value::as_str) == Some("error")
        || value
            .as_array()
            .and_then(|list| list.first())
            .is_some_and(is_error)
}

/// Not one of the ways to say that there is nothing.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

/// Fields of a message, or of a part of one, that hold reasoning.
const THOUGHTS: [&str; 4] = [
    "reasoning_content",
    "reasoning",
    "thinking",
    "reasoning_details",
];

/// The text of a part, of parts and of parts of parts.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(object) => ["text", "thinking", "reasoning", "content", "summary"]
            .iter()
            .find_map(|name| object.get(*name))
            .map(plain)
            .unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_before_a_reply_are_not_looked_at_again() {
        let mut decoder = Decoder::new();
        for _ in 0..10_000 {
            let progress = decoder.push(b" \r\n\t", &mut |_| {});
            assert_eq!(progress, Ok(Progress::More));
        }
        assert!(matches!(&decoder.form, Form::Unknown(kept) if kept.is_empty()));
        // Cut inside the byte order mark, which may stand before the reply.
        for piece in [b"\xef".as_slice(), b"\xbb", b"\xbf", b"data: [DONE]\n\n"] {
            assert!(decoder.push(piece, &mut |_| {}).is_ok());
        }
        assert_eq!(decoder.end(&mut |_| {}), Ok(ChatReply::default()));
    }
}
