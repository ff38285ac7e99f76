//! Tokens, and what the Hub refuses and why.

mod failure;

use crate::transport::TransportError;
use serde_json::Value;

/// A token or key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token from what a person pasted; `None` when nothing is left without the space around it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The token itself, for the one header it belongs into.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The class of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HubErrorKind {
    /// No or a wrong token (401).
    Unauthorised,
    /// The token may not do this (403), or the repo is gated.
    Forbidden,
    /// Not there, or not visible to this token (404).
    NotFound,
    /// Another commit is being written (409).
    Busy,
    /// The branch has moved since (412).
    Stale,
    /// Too fast (429).
    RateLimited,
    /// The request was wrong (400, 413, 422 …).
    Refused,
    /// The Hub failed; the request may have taken effect (5xx).
    Server,
    /// No answer; the request may have taken effect.
    Network,
    /// No answer, or no rest of it, for too long; the request may have taken effect.
    TimedOut,
    /// An answer that can't be understood.
    Malformed,
}

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}: {message}")]
pub struct HubError {
    /// Class.
    pub kind: HubErrorKind,
    /// What was being done, such as `reading the repo`.
    pub what: String,
    /// The Hub's own words, or the network's.
    pub message: String,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// `X-Error-Code`, where the page may see it.
    pub code: Option<String>,
    /// `X-Request-Id`, to quote in a report.
    pub request_id: Option<String>,
    /// Wait that the Hub asked for, in milliseconds, where the page may see it.
    pub wait_ms: Option<u64>,
}

/// Longest text of a server that is shown, in characters.
const MOST_SHOWN: usize = 600;

/// `text` without the secrets.
pub(crate) fn hidden(text: &str, secrets: &[Token]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(&secret.0, "…"))
}

/// A server's text, short and without anything that looks like a token.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut follows_bearer = false;
    for word in text.split_inclusive(char::is_whitespace) {
        if follows_bearer && !word.trim().is_empty() {
            follows_bearer = false;
            continue;
        }
        match word.find("hf_").or_else(|| word.find("Bearer")) {
            Some(at) => {
                out.push_str(&word[..at]);
                out.push('…');
                follows_bearer = word[at..].trim_end() == "Bearer";
            }
            None => out.push_str(word),
        }
        if out.len() > MOST_SHOWN {
            break;
        }
    }
    out.chars().take(MOST_SHOWN).collect()
}

/// What a proxy's page (`title`) or a storage's XML (`Message`) says. The rest of the markup tells nobody anything.
fn marked(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    ["title", "message"]
        .iter()
        .find_map(|name| {
            let start = lower.find(&format!("<{name}>"))? + name.len() + 2;
            let end = start + lower.get(start..)?.find(&format!("</{name}>"))?;
            text.get(start..end)
        })
        .unwrap_or_default()
        .to_owned()
}

/// The reason in an answer's body: JSON in one of the Hub's shapes, markup, or plain text.
fn reason(text: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return if text.trim_start().starts_with('<') {
            marked(text)
        } else {
            text.to_owned()
        };
    };
    let mut said = match value.get("error").or(value.get("message")) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => text.to_owned(),
    };
    // OAuth's errors are a word for programs and a sentence for people.
    if let Some(more) = value.get("error_description").and_then(Value::as_str) {
        said = format!("{said}: {more}");
    }
    said
}

/// Seconds to wait, from words such as `You can retry this action in about 1 hour`: a page sees no header that says it.
fn wait_in_words(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("retry this action in ")?;
    let rest = rest.strip_prefix("about ").unwrap_or(rest);
    let mut words = rest.split_whitespace();
    let count = match words.next()? {
        "a" | "an" | "one" => 1,
        number => number.parse::<u64>().ok()?,
    };
    let unit = words.next()?;
    let seconds = [
        ("second", 1),
        ("minute", 60),
        ("hour", 3600),
        ("day", 86_400),
    ]
    .into_iter()
    .find_map(|(name, seconds)| unit.starts_with(name).then_some(seconds))?;
    Some(count.saturating_mul(seconds))
}

impl HubError {
    pub(crate) fn network(what: &str, error: &TransportError) -> Self {
        let (kind, message) = match error {
            TransportError::TimedOut => (
                HubErrorKind::TimedOut,
                "nothing came for longer than any answer takes".to_owned(),
            ),
            other => (HubErrorKind::Network, shown(&other.to_string())),
        };
        Self {
            kind,
            what: what.to_owned(),
            message,
            status: None,
            code: None,
            request_id: None,
            wait_ms: None,
        }
    }

    pub(crate) fn malformed(what: &str, why: impl std::fmt::Display) -> Self {
        Self {
            kind: HubErrorKind::Malformed,
            what: what.to_owned(),
            message: shown(&why.to_string()),
            status: None,
            code: None,
            request_id: None,
            wait_ms: None,
        }
    }

    /// From an answer that is no success.
    #[cfg(test)]
    pub(crate) fn answer(
        what: &str,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Self {
        Self::answer_hiding(what, status, headers, body, &[])
    }

    /// From an answer that is no success and may repeat what is secret.
    pub(crate) fn answer_hiding(
        what: &str,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &[Token],
    ) -> Self {
        let hide = |text: &str| hidden(text, secrets);
        let header = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let said = reason(&hide(&String::from_utf8_lossy(body)));
        let message = match header("x-error-message") {
            Some(message) if said.trim().is_empty() => message.to_owned(),
            _ => said,
        };
        let wait_s = header("retry-after")
            .and_then(|text| text.trim().parse::<u64>().ok())
            .or_else(|| {
                // Every answer tells how long the present window lasts; only a refusal makes that a wait.
                header("ratelimit")
                    .filter(|_| status == 429)?
                    .split(';')
                    .find_map(|part| part.trim().strip_prefix("t="))
                    .and_then(|text| text.parse().ok())
            })
            .or_else(|| (status == 429).then(|| wait_in_words(&message)).flatten());
        let kind = match status {
            401 => HubErrorKind::Unauthorised,
            403 => HubErrorKind::Forbidden,
            404 => HubErrorKind::NotFound,
            409 => HubErrorKind::Busy,
            412 => HubErrorKind::Stale,
            429 => HubErrorKind::RateLimited,
            500.. => HubErrorKind::Server,
            _ => HubErrorKind::Refused,
        };
        Self {
            kind,
            what: what.to_owned(),
            message: shown(hide(&message).trim()),
            status: Some(status),
            code: header("x-error-code").map(|text| shown(&hide(text))),
            request_id: header("x-request-id").map(|text| shown(&hide(text))),
            wait_ms: wait_s.map(|seconds| seconds.saturating_mul(1000)),
        }
    }

    /// HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the request may have taken effect although it failed.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self.kind,
            HubErrorKind::Server | HubErrorKind::Network | HubErrorKind::TimedOut
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_ever_shown() {
        let token = Token::new(" hf_abcdefgh ").expect("a token");
        assert_eq!(token.secret(), "hf_abcdefgh");
        assert!(!format!("{token:?}").contains("abc"));
        let error = HubError::answer(
            "reading the repo",
            401,
            &[],
            br#"{"error":"bad token hf_abcdefgh given as Bearer xyz"}"#,
        );
        assert!(!format!("{error:?} {:?}", error.failure()).contains("abcdefgh"));
    }

    #[test]
    fn a_reason_is_found_in_whatever_shape_it_comes() {
        let said = |body: &str| HubError::answer("x", 504, &[], body.as_bytes()).message;
        assert_eq!(said(r#"{"error":"too many files"}"#), "too many files");
        assert_eq!(
            said(r#"{"error":"invalid_grant","error_description":"the code is too old"}"#),
            "invalid_grant: the code is too old"
        );
        assert_eq!(
            said("<html><head><TITLE>504 Gateway Time-out</TITLE></head><body><h1>x</h1>"),
            "504 Gateway Time-out"
        );
        assert_eq!(said("<html><script>alert(1)</script>"), "");
        assert_eq!(
            said(
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            ),
            "Request has expired"
        );
        assert_eq!(said("upstream timed out"), "upstream timed out");
        let failure = HubError::answer("x", 504, &[], b"").failure();
        assert_eq!(
            failure.detail.as_deref(),
            Some("HTTP 504, without a reason")
        );
    }

    #[test]
    fn a_wait_is_read_from_either_header() {
        let headers = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let error = HubError::answer("x", 429, &headers("retry-after", "7"), b"");
        assert_eq!(
            (error.kind, error.wait_ms),
            (HubErrorKind::RateLimited, Some(7000))
        );
        let error = HubError::answer("x", 429, &headers("ratelimit", "\"api\";r=0;t=55"), b"");
        assert_eq!(error.wait_ms, Some(55_000));
        let error = HubError::answer("x", 504, &headers("ratelimit", "\"api\";r=499;t=55"), b"");
        assert_eq!(error.wait_ms, None, "it did not ask to wait");
    }

    #[test]
    fn a_wait_that_no_header_tells_is_read_from_the_words() {
        // As public logs have it.
        let body = br#"{"error":"You have exceeded the rate limit for repository commits (128 per hour). You can retry this action in about 1 hour."}"#;
        let error = HubError::answer("committing", 429, &[], body);
        assert_eq!(error.wait_ms, Some(3_600_000));
        assert_eq!(error.failure().next, "Try again in about 60 minutes.");
        let said = |status, text: &str| HubError::answer("x", status, &[], text.as_bytes()).wait_ms;
        assert_eq!(
            said(429, "retry this action in 20 minutes"),
            Some(1_200_000)
        );
        assert_eq!(said(429, "retry this action in a day."), Some(86_400_000));
        assert_eq!(said(429, "retry this action in due time"), None);
        assert_eq!(said(429, "retry this action in "), None);
        assert_eq!(said(500, "retry this action in 20 minutes"), None);
    }
}
