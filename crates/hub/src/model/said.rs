//! What a server said in a refusal, whatever its shape: the message, codes, a wait.

use serde_json::Value;

/// Waits beyond a day are not taken for waits.
const LONGEST_WAIT_MS: f64 = 86_400_000.0;

/// What a refusal says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    /// The server's words, not yet fit to be shown: see [`redact`](super::redact).
    pub(super) message: String,
    /// `type` and `code` of the error, each in lower case.
    pub(super) codes: Vec<String>,
    /// The parameter that the error names.
    pub(super) param: Option<String>,
    /// A wait that the body names, in milliseconds.
    pub(super) wait_ms: Option<u64>,
    /// The body is a web page: this is hardly the address of a model.
    pub(super) is_page: bool,
    /// The body, if it is JSON.
    pub(super) json: Option<Value>,
}

impl Said {
    /// Reads the body of a refusal: `{"error": text | {message, type, param, code}}`, `{"message"}`, `{"detail"}`, a list
    /// of these, plain text, a web page.
    pub(super) fn from_body(body: &[u8]) -> Self {
        if let Ok(json) = serde_json::from_slice::<Value>(body) {
            return Self::from_json(json);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let is_page = text.starts_with('<');
        let message = if is_page {
            title(text)
        } else {
            text.to_owned()
        };
        Self {
            wait_ms: wait_in(&message),
            message,
            is_page,
            ..Self::default()
        }
    }

    /// Reads an error object, or a body that holds one.
    pub(super) fn from_json(json: Value) -> Self {
        let top = match &json {
            Value::Array(list) => list.first().unwrap_or(&Value::Null),
            other => other,
        };
        let error = top
            .get("error")
            .filter(|error| !error.is_null())
            .unwrap_or(top);
        let message = words(error).or_else(|| words(top)).unwrap_or_else(|| {
            if error.is_null() {
                String::new()
            } else {
                error.to_string()
            }
        });
        let codes = [error, top]
            .iter()
            .flat_map(|object| {
                ["type", "code", "status", "error_type"].map(|name| object.get(name))
            })
            .flatten()
            .filter_map(|code| match code {
                Value::String(text) => Some(text.to_lowercase()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect();
        let seconds = ["estimated_time", "retry_after", "retryDelay"]
            .iter()
            .find_map(|name| find(top, name, 4))
            .and_then(|value| match value {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.trim().trim_end_matches('s').parse().ok(),
                _ => None,
            });
        let wait_ms = seconds
            .and_then(|seconds| millis(seconds * 1000.0))
            .or_else(|| wait_in(&message));
        Self {
            codes,
            param: error
                .get("param")
                .and_then(Value::as_str)
                .map(str::to_lowercase),
            wait_ms,
            message,
            is_page: false,
            json: Some(json),
        }
    }

    /// The HTTP status that an error inside a stream names, if it names one.
    pub(super) fn status(&self) -> Option<u16> {
        let named = |code: &String| {
            Some(match code.as_str() {
                "rate_limit" | "rate_limit_error" | "rate_limit_exceeded" | "too_many_requests" => {
                    429
                }
                "insufficient_quota" => 402,
                "overloaded_error" | "overloaded" => 529,
                "authentication_error" | "invalid_api_key" => 401,
                "permission_error" => 403,
                "invalid_request_error" | "badrequesterror" => 400,
                "not_found_error" | "model_not_found" => 404,
                _ => return None,
            })
        };
        let number = |code: &String| {
            code.parse::<u16>()
                .ok()
                .filter(|status| (400..600).contains(status))
        };
        self.codes
            .iter()
            .find_map(number)
            .or_else(|| self.codes.iter().find_map(named))
    }

    /// Whether one of the codes is `code`.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known == code)
    }

    /// Whether the message holds one of `parts`, upper and lower case alike.
    pub(super) fn mentions(&self, parts: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        parts.iter().any(|part| message.contains(part))
    }
}

/// The text of an error value: itself, or its `message`, `detail`, `msg`, `error_description`, `errors`.
pub(super) fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(list) => {
            let all: Vec<String> = list.iter().take(4).filter_map(words).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(object) => {
            let text = [
                "message",
                "detail",
                "msg",
                "error_description",
                "error",
                "errors",
            ]
            .iter()
            .find_map(|name| object.get(*name).and_then(words))?;
            // Routers say "Provider returned error" and pass the provider's words on behind it.
            let raw = object.get("metadata").and_then(|more| more.get("raw"));
            let text = match raw.and_then(Value::as_str) {
                Some(raw) if !raw.trim().is_empty() => format!("{text}: {raw}"),
                _ => text,
            };
            let place = object.get("loc").and_then(Value::as_array).map(|parts| {
                let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                parts.join(".")
            });
            Some(match place {
                Some(place) if !place.is_empty() => format!("{place}: {text}"),
                _ => text,
            })
        }
        _ => None,
    }
}

/// Whether a part of a stream that holds nothing of a reply tells of a failure, not of a state.
pub(super) fn tells_failure(value: &Value) -> bool {
    let says = |name: &str| value.get(name).filter(|said| words(said).is_some());
    let is_failed = value.get("success") == Some(&Value::Bool(false))
        || ["code", "status"].iter().any(|name| {
            value.get(*name).is_some_and(|code| match code {
                Value::Number(number) => number.as_u64().is_some_and(|code| code >= 400),
                Value::String(text) => text.to_lowercase().contains("error"),
                _ => false,
            })
        })
        || value
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.to_lowercase().contains("error"));
    says("detail").is_some() || says("errors").is_some() || (is_failed && words(value).is_some())
}

/// The first value named `name`, at most `depth` levels down.
fn find<'a>(value: &'a Value, name: &str, depth: u8) -> Option<&'a Value> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(object) => object
            .get(name)
            .or_else(|| object.values().find_map(|inner| find(inner, name, depth))),
        Value::Array(list) => list.iter().find_map(|inner| find(inner, name, depth)),
        _ => None,
    }
}

/// The title of a web page, which is all of it that says anything.
fn title(page: &str) -> String {
    // Lower case of ASCII only keeps the byte positions.
    let lower = page.to_ascii_lowercase();
    let inside = lower.find("<title").and_then(|at| {
        let start = at + lower.get(at..)?.find('>')? + 1;
        let end = start + lower.get(start..)?.find('<')?;
        page.get(start..end)
    });
    inside.unwrap_or_default().trim().to_owned()
}

/// Whole milliseconds, if this is a wait at all.
pub(super) fn millis(ms: f64) -> Option<u64> {
    (ms.is_finite() && (0.0..=LONGEST_WAIT_MS).contains(&ms)).then(|| ms.ceil() as u64)
}

/// A wait named in a sentence, in milliseconds: "try again in 1m30.5s", "retry after 20 seconds".
pub(super) fn wait_in(text: &str) -> Option<u64> {
    const LEADS: [&str; 6] = [
        "try again in ",
        "retry in ",
        "retry after ",
        "try again after ",
        "again in ",
        "wait ",
    ];
    let lower = text.to_lowercase();
    LEADS.iter().find_map(|lead| {
        let (_, after) = lower.split_once(lead)?;
        duration(
            after.trim_start_matches(|c: char| {
                !c.is_ascii_digit() && !c.is_alphabetic() || c == '~'
            }),
        )
    })
}

/// A run of numbers with units at the start of `text`, in milliseconds.
fn duration(text: &str) -> Option<u64> {
    let mut rest = text.trim_start_matches("about ").trim_start();
    let mut total = None;
    loop {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let Ok(number) = number.trim_end_matches('.').parse::<f64>() else {
            break;
        };
        let tail = tail.trim_start();
        let letters = tail
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(letters);
        let factor = match unit {
            "ms" | "millisecond" | "milliseconds" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
            "h" | "hour" | "hours" => 3_600_000.0,
            _ => break,
        };
        total = Some(total.unwrap_or(0.0) + number * factor);
        rest = after.trim_start_matches([' ', ',']);
    }
    total.and_then(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_shape_of_an_error_gives_its_message() {
        let cases = [
            (
                r#"{"error":"Model is loading","estimated_time":20.0}"#,
                "Model is loading",
            ),
            (
                r#"{"error":{"message":"rate limited","type":"rate_limit"}}"#,
                "rate limited",
            ),
            (
                r#"[{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}]"#,
                "Quota exceeded",
            ),
            (
                r#"{"object":"error","message":"no such model","type":"NotFoundError","code":404}"#,
                "no such model",
            ),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}"#,
                "body.seed: Extra inputs are not permitted",
            ),
            ("plain words\n", "plain words"),
            (
                "<html><head><TITLE>502 Bad Gateway</TITLE></head></html>",
                "502 Bad Gateway",
            ),
            ("", ""),
            ("null", ""),
        ];
        for (body, message) in cases {
            assert_eq!(Said::from_body(body.as_bytes()).message, message, "{body}");
        }
        assert!(Said::from_body(b" <!doctype html>").is_page);
    }

    #[test]
    fn waits_are_read_from_fields_and_sentences() {
        let cases = [
            (
                r#"{"error":"Model is loading","estimated_time":20.25}"#,
                Some(20_250),
            ),
            (
                r#"{"error":{"message":"slow","details":[{"retryDelay":"34s"}]}}"#,
                Some(34_000),
            ),
            (
                r#"{"error":{"message":"Please try again in 120ms. Visit"}}"#,
                Some(120),
            ),
            (
                r#"{"error":{"message":"Please try again in 20s."}}"#,
                Some(20_000),
            ),
            (
                r#"{"error":{"message":"Please try again in 1m. Contact"}}"#,
                Some(60_000),
            ),
            (
                r#"{"error":{"message":"Please try again in 1m30.5s."}}"#,
                Some(90_500),
            ),
            (
                r#"{"error":{"message":"Please retry in 34.074824224s."}}"#,
                Some(34_075),
            ),
            (
                r#"{"error":{"message":"Retry after 2 minutes"}}"#,
                Some(120_000),
            ),
            (
                r#"{"error":{"message":"please wait 3 seconds"}}"#,
                Some(3_000),
            ),
            (r#"{"error":{"message":"try again later"}}"#, None),
            (r#"{"error":{"message":"try again in 3 weeks"}}"#, None),
            (r#"{"error":"x","estimated_time":1e300}"#, None),
        ];
        for (body, wait) in cases {
            assert_eq!(Said::from_body(body.as_bytes()).wait_ms, wait, "{body}");
        }
    }
}
