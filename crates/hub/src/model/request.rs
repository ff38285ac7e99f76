//! The body of a chat request, and what a server is known not to take of it.

use super::said::Said;
use seedbed_core::chat::ChatRequest;
use serde_json::{Map, Value, json};

/// How the limit of the reply's length is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Limit {
    #[default]
    MaxTokens,
    /// The newer name; some models refuse the older one.
    MaxCompletionTokens,
    Left,
}

/// What a server takes for a model. Learned from refusals that name a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Habits {
    leaves_stream_options: bool,
    leaves_seed: bool,
    limit: Limit,
}

impl Habits {
    /// Whether the random seed is sent.
    pub(super) fn takes_seed(self) -> bool {
        !self.leaves_seed
    }

    /// What to send next after this refusal; `None` when it is about something else. Only what changes no text in a
    /// way that its author chose is left out: with another temperature the record would not be what it says.
    pub(super) fn after(self, said: &Said, request: &ChatRequest) -> Option<Self> {
        let mut next = self;
        if !self.leaves_stream_options && said.names("stream_options") {
            next.leaves_stream_options = true;
        } else if !self.leaves_seed && request.sampling.seed.is_some() && said.refuses("seed") {
            next.leaves_seed = true;
        } else if self.limit == Limit::MaxTokens && said.refuses("max_tokens") {
            next.limit = Limit::MaxCompletionTokens;
        } else if self.limit == Limit::MaxCompletionTokens && said.refuses("max_completion_tokens")
        {
            next.limit = Limit::Left;
        } else {
            return None;
        }
        Some(next)
    }
}

/// The body for a request.
pub(super) fn body(request: &ChatRequest, habits: Habits) -> Vec<u8> {
    let sampling = &request.sampling;
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    body.insert("messages".into(), json!(request.messages));
    body.insert("stream".into(), json!(true));
    if !habits.leaves_stream_options {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    let limit = match habits.limit {
        Limit::MaxTokens => Some("max_tokens"),
        Limit::MaxCompletionTokens => Some("max_completion_tokens"),
        Limit::Left => None,
    };
    if let Some(name) = limit
        && sampling.max_tokens > 0
    {
        body.insert(name.into(), json!(sampling.max_tokens));
    }
    if sampling.temperature.is_finite() {
        body.insert("temperature".into(), json!(sampling.temperature));
    }
    if let Some(top_p) = sampling.top_p.filter(|top_p| top_p.is_finite()) {
        body.insert("top_p".into(), json!(top_p));
    }
    if let Some(seed) = sampling.seed
        && habits.takes_seed()
    {
        body.insert("seed".into(), json!(seed));
    }
    Value::Object(body).to_string().into_bytes()
}

impl Said {
    /// Whether the refusal names a field at all.
    fn names(&self, field: &str) -> bool {
        self.param.as_deref() == Some(field)
            || located(self.json.as_ref(), field)
            || word_at(&self.message, field).is_some()
    }

    /// Whether the refusal says that a field is not taken, as opposed to a value of it that is too large.
    fn refuses(&self, field: &str) -> bool {
        const VALUE: [&str; 10] = [
            "too large",
            "too big",
            "too high",
            "exceed",
            "at most",
            "at least",
            "less than",
            "greater than",
            "between",
            "out of range",
        ];
        const CODES: [&str; 3] = [
            "unsupported_parameter",
            "unknown_parameter",
            "extra_forbidden",
        ];
        if CODES.iter().any(|code| self.has_code(code)) && self.param.as_deref() == Some(field) {
            return true;
        }
        if self.mentions(&VALUE) {
            return false;
        }
        let says_no = says_unsupported(&self.message);
        if says_no && (self.param.as_deref() == Some(field) || located(self.json.as_ref(), field)) {
            return true;
        }
        // In bare text the field must be named as a field and the refusal stand close by: the text may repeat the
        // question, and a question may well be about seed.
        word_at(&self.message, field).is_some_and(|at| {
            let (before, after) = self.message.split_at(at);
            let near: Vec<char> = before.chars().rev().take(60).collect();
            let near: String = near
                .into_iter()
                .rev()
                .chain(after.chars().take(60 + field.len()))
                .collect();
            is_naming(before) && says_unsupported(&near)
        })
    }
}

/// Whether the word after this text is the name of a field.
fn is_naming(before: &str) -> bool {
    const WORDS: [&str; 6] = [
        "field",
        "parameter",
        "argument",
        "property",
        "option",
        "key",
    ];
    let before = before.trim_end().to_lowercase();
    let is_mark = |c: char| matches!(c, '"' | '\'' | '`' | ':' | ',' | '[' | '(' | '.');
    before.is_empty()
        || before.ends_with(is_mark)
        || WORDS.iter().any(|word| before.ends_with(word))
}

fn says_unsupported(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "unsupported",
        "not support",
        "n't support",
        "unknown",
        "unrecognized",
        "unrecognised",
        "unexpected",
        "extra ",
        "not permitted",
        "not allowed",
        "forbidden",
        "not implemented",
    ];
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// Where `word` stands as a word of its own.
fn word_at(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|head| head.chars().next_back());
        let after = text
            .get(at + word.len()..)
            .and_then(|tail| tail.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether some object in the refusal has a `loc` that ends in `field` (servers built on pydantic).
fn located(value: Option<&Value>, field: &str) -> bool {
    match value {
        Some(Value::Object(object)) => {
            object
                .get("loc")
                .and_then(Value::as_array)
                .and_then(|loc| loc.last())
                .and_then(Value::as_str)
                == Some(field)
                || object
                    .iter()
                    .filter(|(name, _)| name.as_str() != "input")
                    .any(|(_, inner)| located(Some(inner), field))
        }
        Some(Value::Array(list)) => list.iter().any(|inner| located(Some(inner), field)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::model::{Message, Sampling};

    fn request() -> ChatRequest {
        ChatRequest {
            model: "m/x".into(),
            messages: vec![Message::user("hi")],
            sampling: Sampling {
                seed: Some(7),
                ..Sampling::default()
            },
        }
    }

    #[test]
    fn a_refusal_is_about_a_field_only_when_it_says_that_the_field_is_not_taken() {
        let cases = [
            (
                "seed",
                r#"{"error":{"message":"Unrecognized request argument supplied: seed","type":"invalid_request_error","param":null,"code":null}}"#,
                true,
            ),
            (
                "seed",
                r#"{"error":{"message":"property 'seed' is unsupported"}}"#,
                true,
            ),
            (
                "seed",
                r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted","input":7}]}}"#,
                true,
            ),
            (
                "seed",
                "Failed to deserialize: unknown field `seed`, expected one of `model`, `messages`",
                true,
            ),
            (
                "seed",
                r#"{"error":"Unknown problem with: How do I keep seed corn dry through the winter in a barn that is not heated at all, please?"}"#,
                false,
            ),
            (
                "seed",
                r#"{"detail":[{"type":"string_type","loc":["body","messages"],"msg":"Input should be a valid string","input":{"loc":["seed"]}}]}"#,
                false,
            ),
            (
                "max_tokens",
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
                true,
            ),
            (
                "max_tokens",
                r#"{"error":{"message":"max_tokens is too large: 50000. This model supports at most 16384 completion tokens, unsupported.","type":"invalid_request_error","param":"max_tokens","code":null}}"#,
                false,
            ),
            (
                "max_tokens",
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens_x'"}}"#,
                false,
            ),
        ];
        for (field, body, is_refused) in cases {
            assert_eq!(
                Said::from_body(body.as_bytes()).refuses(field),
                is_refused,
                "{field}: {body}"
            );
        }
    }

    #[test]
    fn each_refused_field_is_given_up_once_and_the_limit_is_tried_under_its_newer_name() {
        let refuse = |text: &str| Said::from_body(text.as_bytes());
        let first = Habits::default();
        let no_options = first.after(&refuse("stream_options is unknown"), &request());
        assert_eq!(
            no_options
                .and_then(|habits| habits.after(&refuse("stream_options is unknown"), &request())),
            None
        );
        let newer = first.after(&refuse("unsupported: max_tokens"), &request());
        assert_eq!(
            newer.map(|habits| habits.limit),
            Some(Limit::MaxCompletionTokens)
        );
        let left = newer.and_then(|habits| {
            habits.after(&refuse("unsupported: max_completion_tokens"), &request())
        });
        assert_eq!(left.map(|habits| habits.limit), Some(Limit::Left));
        assert_eq!(
            first.after(&refuse("unsupported value: temperature"), &request()),
            None
        );
        let without = ChatRequest {
            sampling: Sampling::default(),
            ..request()
        };
        assert_eq!(first.after(&refuse("unknown field seed"), &without), None);
    }
}
