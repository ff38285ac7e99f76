//! The way out to the network, given from outside: fetch in the browser, a socket or a script natively. Nothing else in
//! this crate knows where it runs.
//!
//! Dropping a future or a body stops the request. A transport follows redirects itself and must drop `Authorization`
//! when one leads to another origin, as browsers do.

use futures::future::{LocalBoxFuture, ready};
use futures::stream::LocalBoxStream;
use std::any::Any;
use std::ops::Range;
use std::rc::Rc;

/// HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Do, create.
    Post,
    /// Store.
    Put,
    /// Remove.
    Delete,
    /// Read the head only.
    Head,
}

/// Bytes that are kept outside of this program's memory, such as a file of the browser. They never change.
pub trait Source: Any {
    /// How many there are.
    fn size(&self) -> u64;

    /// Reads a range of them.
    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>>;
}

/// What is kept in memory can be sent as if it were outside.
impl Source for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        let piece = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok())
            .and_then(|(start, end)| self.get(start..end))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| TransportError::Network("a range beyond the end".to_owned()));
        Box::pin(ready(piece))
    }
}

/// The body of a request.
#[derive(Clone)]
pub enum Body {
    /// Bytes; none for no body.
    Bytes(Vec<u8>),
    /// A range of what is kept outside. A transport that knows the kind of source hands it on unread; any other reads it.
    Range(Rc<dyn Source>, Range<u64>),
}

impl Body {
    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Range(_, range) => range.end - range.start,
        }
    }

    /// Its bytes, as far as they are in memory.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Range(..) => &[],
        }
    }

    /// All of it in memory.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn read(self) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Range(source, range) => source.read(range).await,
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// A request. Not `Debug`: its headers may hold a token.
#[derive(Clone)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Absolute address.
    pub url: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Body,
}

/// The head of an answer, with its body to be read.
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// Headers; names are lower case. A page sees only those that the server exposes.
    pub headers: Vec<(String, String)>,
    /// Pieces of the body as they come.
    pub body: LocalBoxStream<'static, Result<Vec<u8>, TransportError>>,
}

/// No answer, or an answer that broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Offline, unreachable, refused across origins; the browser's or system's words.
    #[error("network: {0}")]
    Network(String),
    /// Stopped by us.
    #[error("stopped")]
    Aborted,
    /// Too slow.
    #[error("timed out")]
    TimedOut,
}

/// Sends requests.
pub trait Transport {
    /// Sends; ready when the head of the answer is there.
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>>;

    /// Ready after `ms` milliseconds.
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()>;
}
