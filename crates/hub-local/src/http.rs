//! Requests and replies: reading bodies within limits, queries, ranges, errors as the Hub words them.

use crate::text::{decode, pairs};
use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// A reply's body.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
/// A whole reply.
pub(crate) type Reply = Response<Body>;

/// The connection is to be cut without an answer.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the connection was cut on demand")
    }
}

impl std::error::Error for Cut {}

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    /// `X-Error-Code`.
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Cut the connection instead of answering.
    pub(crate) is_cut: bool,
}

impl ApiError {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            code: None,
            message: message.into(),
            headers: Vec::new(),
            is_cut: false,
        }
    }

    pub(crate) fn coded(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::new(status, message)
        }
    }

    pub(crate) fn cut() -> Self {
        Self {
            is_cut: true,
            ..Self::new(500, "cut")
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer: JSON with `error`, and the code and message again as headers.
    pub(crate) fn reply(self) -> Reply {
        let mut reply = json_reply(self.status, &json!({ "error": self.message }));
        if let Some(code) = self.code {
            set(&mut reply, "x-error-code", code);
        }
        set(&mut reply, "x-error-message", &self.message);
        for (name, value) in self.headers {
            set(&mut reply, name, &value);
        }
        reply
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        Self::new(
            500,
            format!("the local Hub could not use its disk: {error}"),
        )
    }
}

/// What a handler gives.
pub(crate) type Answer = Result<Reply, ApiError>;

/// Sets a header; a value that cannot stand in one is left out.
pub(crate) fn set(reply: &mut Reply, name: &'static str, value: &str) {
    // Header values are ASCII here, so that no client has to guess an encoding.
    let value: String = value
        .chars()
        .map(|c| {
            if c == ' ' || c.is_ascii_graphic() {
                c
            } else {
                '?'
            }
        })
        .collect();
    if let Ok(value) = HeaderValue::from_str(&value) {
        reply
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
}

/// A reply of bytes.
pub(crate) fn bytes_reply(status: u16, content_type: &str, bytes: impl Into<Bytes>) -> Reply {
    let body = Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut reply, "content-type", content_type);
    reply
}

/// A reply of JSON.
pub(crate) fn json_reply(status: u16, value: &Value) -> Reply {
    bytes_reply(status, "application/json; charset=utf-8", value.to_string())
}

/// 200 with JSON.
#[allow(clippy::unnecessary_wraps, reason = "it ends handlers")]
pub(crate) fn ok(value: &Value) -> Answer {
    Ok(json_reply(200, value))
}

/// A reply without content.
pub(crate) fn empty_reply(status: u16) -> Reply {
    bytes_reply(status, "text/plain; charset=utf-8", Bytes::new())
}

/// A part of a file, read piece by piece while it is sent.
pub(crate) fn file_body(path: &Path, start: u64, length: u64) -> io::Result<Body> {
    const PIECE: u64 = 256 << 10;
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let pieces = stream::unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let mut piece = vec![0; PIECE.min(left) as usize];
        Some(match file.read_exact(&mut piece) {
            Ok(()) => {
                let left = left - piece.len() as u64;
                (Ok(Frame::data(Bytes::from(piece))), (file, left))
            }
            Err(error) => (Err(error), (file, 0)),
        })
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}

/// A file or the range of it that was asked for: 200, 206 or 416.
pub(crate) fn file_reply(
    path: &Path,
    content_type: &str,
    etag: &str,
    range: Option<&str>,
) -> Answer {
    let size = std::fs::metadata(path)?.len();
    let asked = range.map_or(Range::Whole, |text| Range::parse(text, size));
    let (status, start, length) = match asked {
        Range::Whole => (200, 0, size),
        Range::Part { first, last } => (206, first, last - first + 1),
        Range::Unsatisfiable => {
            let mut reply = ApiError::new(416, "Range not satisfiable").reply();
            set(&mut reply, "content-range", &format!("bytes */{size}"));
            return Ok(reply);
        }
    };
    let mut reply = bytes_reply(status, content_type, Bytes::new());
    *reply.body_mut() = file_body(path, start, length)?;
    set(&mut reply, "content-length", &length.to_string());
    set(&mut reply, "accept-ranges", "bytes");
    set(&mut reply, "etag", &format!("\"{etag}\""));
    if status == 206 {
        let last = start + length - 1;
        set(
            &mut reply,
            "content-range",
            &format!("bytes {start}-{last}/{size}"),
        );
    }
    Ok(reply)
}

/// What a `Range` header asks of something of a known size.
#[derive(Debug, PartialEq)]
pub(crate) enum Range {
    /// Everything: no range, one that is not understood, or several.
    Whole,
    /// From byte `first` to byte `last`, both included.
    Part { first: u64, last: u64 },
    /// Nothing of it exists: 416.
    Unsatisfiable,
}

impl Range {
    pub(crate) fn parse(header: &str, size: u64) -> Self {
        let Some((first, last)) = header
            .trim()
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Self::Whole;
        };
        let part = |first: u64, last: u64| {
            if first >= size || last < first {
                Self::Unsatisfiable
            } else {
                Self::Part {
                    first,
                    last: last.min(size - 1),
                }
            }
        };
        match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
            (Ok(first), Ok(last)) if last < first => Self::Whole,
            (Ok(first), Ok(last)) => part(first, last),
            (Ok(first), Err(_)) if last.trim().is_empty() => part(first, u64::MAX),
            (Err(_), Ok(length)) if first.trim().is_empty() => {
                if length == 0 {
                    Self::Unsatisfiable
                } else {
                    part(size.saturating_sub(length), u64::MAX)
                }
            }
            _ => Self::Whole,
        }
    }
}

/// One request, taken apart.
#[derive(Debug)]
pub(crate) struct Call {
    /// GET also stands for HEAD: the server leaves the body out by itself.
    pub(crate) method: Method,
    /// The path as it came, still encoded.
    pub(crate) path: String,
    /// The query as it came.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    /// Number of this request in the log.
    pub(crate) seq: u64,
    body: Option<Incoming>,
}

impl Call {
    pub(crate) fn new(request: Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            raw_query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            seq: 0,
            body: Some(body),
        }
    }

    /// The method to route by.
    pub(crate) fn verb(&self) -> &str {
        if self.method == Method::HEAD {
            "GET"
        } else {
            self.method.as_str()
        }
    }

    /// The decoded parts of the path, empty ones left out.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| decode(part, false))
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of `Authorization: Bearer …`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    pub(crate) fn query(&self) -> Vec<(String, String)> {
        pairs(&self.raw_query)
    }

    /// The first value of a query key.
    pub(crate) fn query_value(&self, key: &str) -> Option<String> {
        self.query()
            .into_iter()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// Whether a query key is there with a value that means yes.
    pub(crate) fn query_flag(&self, key: &str) -> bool {
        self.query_value(key)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true"))
    }

    /// The body as a stream; it can be taken once.
    pub(crate) fn take_body(&mut self) -> Result<Incoming, ApiError> {
        self.body
            .take()
            .ok_or_else(|| ApiError::new(500, "the body was read before"))
    }

    /// The whole body, of at most `limit` bytes.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Result<Bytes, ApiError> {
        let body = self.take_body()?;
        Limited::new(body, limit)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    ApiError::new(413, format!("the body is over {limit} bytes"))
                } else {
                    ApiError::new(400, format!("the body broke off: {error}"))
                }
            })
    }

    /// The body as JSON of a known shape; an empty one reads as `{}`.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let bytes = self.bytes(32 << 20).await?;
        let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
        serde_json::from_slice(text)
            .map_err(|error| ApiError::new(400, format!("the body is not as expected: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let part = |first, last| Range::Part { first, last };
        assert_eq!(Range::parse("bytes=0-0", 10), part(0, 0));
        assert_eq!(Range::parse("bytes=2-5", 10), part(2, 5));
        assert_eq!(Range::parse("bytes=2-", 10), part(2, 9));
        assert_eq!(Range::parse("bytes=-3", 10), part(7, 9));
        assert_eq!(Range::parse("bytes=-30", 10), part(0, 9));
        assert_eq!(Range::parse("bytes=5-99", 10), part(5, 9));
        assert_eq!(Range::parse("bytes=10-", 10), Range::Unsatisfiable);
        assert_eq!(Range::parse("bytes=-0", 10), Range::Unsatisfiable);
        assert_eq!(Range::parse("bytes=0-", 0), Range::Unsatisfiable);
        // Not understood or several at once: the whole, which every client has to accept.
        for text in ["bytes=5-2", "bytes=a-b", "lines=0-1", "bytes=0-1,4-5"] {
            assert_eq!(Range::parse(text, 10), Range::Whole, "{text}");
        }
    }
}
