//! What every call needs: addresses with safe segments, JSON bodies, answers sorted into success and error, and an end
//! to waiting.
//!
//! The limits are of silence, not of the whole: a slow line may take as long as it needs while something comes. A page
//! can't see how far an upload is, so a request with a body gets the time that the slowest usable line would need.

use crate::error::{HubError, HubErrorKind, Token, hidden};
use crate::transport::{Body, HttpRequest, HttpResponse, Method, Transport, TransportError};
use futures::StreamExt as _;
use futures::future::{Either, select};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Write as _;
use std::rc::Rc;

/// Longest wait for an answer to begin, in milliseconds, beside the time that the request's body needs. The Hub itself
/// gives a commit up after a minute.
pub const FIRST_BYTE_MS: u64 = 90_000;
/// Longest silence within an answer, in milliseconds.
pub const BETWEEN_CHUNKS_MS: u64 = 60_000;
/// Longest time for reading what a refusal says, in milliseconds: that it is one is known already.
const REFUSAL_MS: u64 = 10_000;
/// Bytes in a millisecond that the slowest usable line sends: 128 kbit/s.
const SLOWEST_LINE: u64 = 16;
/// Bytes of an error's body that are read.
const ERROR_BYTES: usize = 64 * 1024;
/// Bytes of an ordinary answer that are read.
pub(crate) const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What must not come out in an error.
    secrets: Vec<Token>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T, HubError> {
        // The parser's error quotes what it did not expect.
        serde_json::from_slice(&self.body)
            .map_err(|error| HubError::malformed(what, hidden(&error.to_string(), &self.secrets)))
    }
}

/// Scheme and authority of an address.
pub(crate) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    &url[..end]
}

/// One segment of a path, with everything but unreserved characters escaped.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A path with its slashes kept.
pub(crate) fn path(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A form or query of pairs.
pub(crate) fn pairs(list: &[(&str, &str)]) -> String {
    list.iter()
        .map(|(name, value)| format!("{}={}", segment(name), segment(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Whether an address has a segment that goes up or stays. Such segments can't be escaped: every client resolves them,
/// and the request would go elsewhere with the token.
fn has_dots(path: &str) -> bool {
    path.split(['?', '#'])
        .next()
        .unwrap_or_default()
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
}

/// How long the answer to a request with a body of `bytes` is waited for, in milliseconds.
fn patience_ms(bytes: u64) -> u64 {
    FIRST_BYTE_MS + bytes / SLOWEST_LINE
}

/// Reads a body up to `most` bytes, as long as no piece is waited for longer than [`BETWEEN_CHUNKS_MS`].
async fn read_body(
    transport: &dyn Transport,
    response: &mut HttpResponse,
    most: usize,
) -> Result<Vec<u8>, TransportError> {
    let mut bytes = Vec::new();
    loop {
        let patience = transport.sleep(BETWEEN_CHUNKS_MS);
        match select(response.body.next(), patience).await {
            Either::Left((None, _)) => return Ok(bytes),
            Either::Left((Some(piece), _)) => bytes.extend_from_slice(&piece?),
            Either::Right(_) => return Err(TransportError::TimedOut),
        }
        if bytes.len() > most {
            return Err(TransportError::Network(
                "the answer is too large".to_owned(),
            ));
        }
    }
}

/// Reads what a refusal says, as far as it comes.
async fn read_refusal(transport: &dyn Transport, response: &mut HttpResponse) -> Vec<u8> {
    let mut patience = transport.sleep(REFUSAL_MS);
    let mut bytes = Vec::new();
    while bytes.len() < ERROR_BYTES {
        match select(response.body.next(), &mut patience).await {
            Either::Left((Some(Ok(piece)), _)) => bytes.extend_from_slice(&piece),
            Either::Left((Some(Err(_)) | None, _)) | Either::Right(_) => break,
        }
    }
    bytes.truncate(ERROR_BYTES);
    bytes
}

/// Sends requests to one Hub; the token goes to its origin only.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) transport: Rc<dyn Transport>,
    pub(crate) base: String,
    token: Option<Token>,
    /// What must not come out in an error: the token, and what a form holds.
    secrets: Vec<Token>,
}

impl Line {
    pub(crate) fn new(transport: Rc<dyn Transport>, base: &str, token: Option<Token>) -> Self {
        Self {
            transport,
            base: base.trim_end_matches('/').to_owned(),
            secrets: token.iter().cloned().collect(),
            token,
        }
    }

    /// Keeps these out of errors too.
    pub(crate) fn hiding(mut self, secrets: &[&str]) -> Self {
        self.secrets
            .extend(secrets.iter().filter_map(|secret| Token::new(secret)));
        self
    }

    pub(crate) async fn send(
        &self,
        what: &str,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
        most: usize,
    ) -> Result<Answer, HubError> {
        let mut response = self.begin(what, method, url, headers, body).await?;
        Ok(Answer {
            body: self.rest(what, &mut response, most).await?,
            headers: response.headers,
            secrets: self.secrets.clone(),
        })
    }

    /// Reads the body of an answer up to `most` bytes.
    pub(crate) async fn rest(
        &self,
        what: &str,
        response: &mut HttpResponse,
        most: usize,
    ) -> Result<Vec<u8>, HubError> {
        read_body(self.transport.as_ref(), response, most)
            .await
            .map_err(|error| HubError::network(what, &error))
    }

    /// Sends, and gives the head of an answer that is a success.
    pub(crate) async fn begin(
        &self,
        what: &str,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Result<HttpResponse, HubError> {
        if url.strip_prefix(&self.base).is_some_and(has_dots) {
            return Err(HubError {
                kind: HubErrorKind::Refused,
                ..HubError::malformed(what, "no name on the Hub has \".\" or \"..\" as a part")
            });
        }
        let mut list: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if let Some(token) = &self.token
            && origin(url) == origin(&self.base)
        {
            list.push((
                "Authorization".to_owned(),
                format!("Bearer {}", token.secret()),
            ));
        }
        let request = HttpRequest {
            method,
            url: url.to_owned(),
            headers: list,
            body: body.into(),
        };
        let transport = self.transport.as_ref();
        let patience = transport.sleep(patience_ms(request.body.size()));
        let mut response = match select(transport.send(request), patience).await {
            Either::Left((response, _)) => response,
            Either::Right(_) => Err(TransportError::TimedOut),
        }
        .map_err(|error| HubError::network(what, &error))?;
        if !(200..300).contains(&response.status) {
            let body = read_refusal(transport, &mut response).await;
            return Err(HubError::answer_hiding(
                what,
                response.status,
                &response.headers,
                &body,
                &self.secrets,
            ));
        }
        Ok(response)
    }

    pub(crate) async fn get(&self, what: &str, url: &str) -> Result<Answer, HubError> {
        self.send(what, Method::Get, url, &[], Vec::new(), ANSWER_BYTES)
            .await
    }

    pub(crate) async fn post_json(
        &self,
        what: &str,
        url: &str,
        body: &Value,
    ) -> Result<Answer, HubError> {
        self.send(
            what,
            Method::Post,
            url,
            &[("Content-Type", "application/json")],
            body.to_string().into_bytes(),
            ANSWER_BYTES,
        )
        .await
    }

    /// The address of `path` on this Hub.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_ends_where_the_path_begins() {
        assert_eq!(
            origin("https://hub.test/api?x=https://evil"),
            "https://hub.test"
        );
        assert_eq!(origin("https://hub.test.evil/x"), "https://hub.test.evil");
        assert_eq!(origin("https://hub.test"), "https://hub.test");
    }

    #[test]
    fn segments_can_not_leave_their_place() {
        assert_eq!(segment("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(path("a b/ü?.json"), "a%20b/%C3%BC%3F.json");
    }
}
