//! The way out to the network, given from outside: fetch in the browser, a socket or a script natively. Nothing else in
//! this crate knows where it runs.
//!
//! Dropping a future or a body stops the request. A transport follows redirects itself and must drop `Authorization`
//! when one leads to another origin, as browsers do.

use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;

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
    pub body: Vec<u8>,
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
