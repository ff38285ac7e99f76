//! Tokens, and what the Hub refuses and why.

use crate::transport::TransportError;
use seedbed_core::messages::{Failure, FailureKind};
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

impl HubError {
    pub(crate) fn network(what: &str, error: &TransportError) -> Self {
        Self {
            kind: HubErrorKind::Network,
            what: what.to_owned(),
            message: shown(&error.to_string()),
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
                header("ratelimit")?
                    .split(';')
                    .find_map(|part| part.trim().strip_prefix("t="))
                    .and_then(|text| text.parse().ok())
            });
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
        matches!(self.kind, HubErrorKind::Server | HubErrorKind::Network)
    }

    /// The failure as the page shows it.
    pub fn failure(&self) -> Failure {
        let doing = &self.what;
        let is_gated = self.code.as_deref() == Some("GatedRepo");
        let failure = match self.kind {
            HubErrorKind::Unauthorised => Failure::new(
                FailureKind::Auth,
                format!("The Hub does not accept your sign-in for {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next("Sign in again. For a private repo, sign in with an account that may see it."),
            HubErrorKind::Forbidden if is_gated => Failure::new(
                FailureKind::Forbidden,
                "This dataset is gated: its owners ask you to accept their terms first.",
            )
            .next("Open the dataset's page on the Hub, accept the terms, then try again."),
            HubErrorKind::Forbidden => Failure::new(
                FailureKind::Forbidden,
                format!("Your sign-in is not allowed to do this: {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next("Offer a pull request instead, or sign in with write access to this repo."),
            HubErrorKind::NotFound => Failure::new(
                FailureKind::NotFound,
                format!("The Hub has nothing there, or does not show it to you ({doing})."),
            )
            .next(
                "Check the name. If the repo is private, sign in with an account that may see it.",
            ),
            HubErrorKind::Busy => Failure::new(
                FailureKind::Conflict,
                "Another commit to this repo is being written right now.",
            )
            .means("Nothing of yours was sent; it is safe in this browser.")
            .next("Try again in a minute."),
            HubErrorKind::Stale => Failure::new(
                FailureKind::Conflict,
                "Someone else committed to this repo meanwhile.",
            )
            .means("Nothing of yours was sent; it is safe in this browser.")
            .next("Publish again: what they committed is merged first."),
            HubErrorKind::RateLimited => Failure::new(
                FailureKind::RateLimited,
                "The Hub asks to slow down: there were too many requests or commits.",
            )
            .means("Your work is safe in this browser.")
            .next("Try again in some minutes; commits are limited to about 128 an hour."),
            HubErrorKind::Refused => Failure::new(
                FailureKind::Invalid,
                format!("The Hub refused this: {doing}."),
            )
            .means("Nothing was changed on the Hub; your work is safe in this browser.")
            .next("Read the Hub's words below, mend what they name, and try again."),
            HubErrorKind::Server => {
                Failure::new(FailureKind::Server, format!("The Hub failed at {doing}."))
                    .means("Your work is safe in this browser.")
                    .next("Try again in a minute.")
            }
            HubErrorKind::Network => Failure::new(
                FailureKind::Network,
                format!("The Hub could not be reached for {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next("Check your connection, then try again."),
            HubErrorKind::Malformed => Failure::new(
                FailureKind::Server,
                format!("The Hub's answer to {doing} could not be understood."),
            )
            .means("Your work is safe in this browser.")
            .next("Try again; if it stays so, reload the page to get the newest Seedbed."),
        };
        let mut detail = self.message.clone();
        if let Some(status) = self.status {
            detail = if detail.is_empty() {
                format!("HTTP {status}, without a reason")
            } else {
                format!("HTTP {status}: {detail}")
            };
        }
        if let Some(id) = &self.request_id {
            detail = format!("{detail}\nRequest {id}");
        }
        failure.detail(detail)
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
    }
}
