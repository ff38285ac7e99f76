//! The accept loop: one task per connection, one function per origin. A function that fails cuts its connection.
//!
//! Every request passes [`Gate`] first. Any page of the web can send requests to loopback, and the token is known to
//! everybody: so only the names of this machine are answered to, and only its pages.

use crate::http::{ApiError, Cut, Reply};
use futures::future::Either;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HOST, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::{Future, ready};
use std::io;
use std::net::TcpListener;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The names of this machine that lead to it from nowhere else.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Who is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    port: u16,
    /// Whether a page without an origin of its own is answered. A page is one to the storage host when the Hub has sent
    /// it there; else it is a file or a sandboxed frame, which can be anybody's.
    is_open_to_null: bool,
}

/// The port after a name of this machine: `Some(None)` without one, `None` for other names.
fn loopback(authority: &str) -> Option<Option<u16>> {
    LOOPBACK.iter().find_map(|name| {
        let (head, rest) = authority.split_at_checked(name.len())?;
        if !head.eq_ignore_ascii_case(name) {
            return None;
        }
        match rest.strip_prefix(':') {
            None if rest.is_empty() => Some(None),
            None => None,
            Some(port) => port.parse().ok().map(Some),
        }
    })
}

impl Gate {
    /// The gate of a listener on this port.
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            is_open_to_null: false,
        }
    }

    /// Open to pages that were sent here from another origin.
    pub(crate) fn open_to_null(self) -> Self {
        Self {
            is_open_to_null: true,
            ..self
        }
    }

    fn knows(self, authority: &str) -> bool {
        loopback(authority).is_some_and(|port| port.unwrap_or(80) == self.port)
    }

    fn welcomes(self, origin: &str) -> bool {
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        match authority {
            Some(authority) => loopback(authority).is_some(),
            None => origin == "null" && self.is_open_to_null,
        }
    }

    /// The refusal of a request that comes under another machine's name or from another machine's page.
    fn check<B>(self, request: &Request<B>) -> Result<(), ApiError> {
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let mut hosts = request.headers().get_all(HOST).iter();
        let (host, more) = (hosts.next().map(text), hosts.next());
        let named = request
            .uri()
            .authority()
            .map(hyper::http::uri::Authority::as_str);
        let is_known = host.as_deref().is_some_and(|host| self.knows(host));
        if !is_known || more.is_some() || !named.is_none_or(|name| self.knows(name)) {
            let host = host.unwrap_or_default();
            let port = self.port;
            return Err(ApiError::new(
                403,
                format!(
                    "This local Hub does not answer under the name {host:?}. Ask it as http://127.0.0.1:{port} or http://localhost:{port}."
                ),
            ));
        }
        for origin in request.headers().get_all(ORIGIN) {
            let origin = text(origin);
            if !self.welcomes(&origin) {
                return Err(ApiError::new(
                    403,
                    format!(
                        "This local Hub answers pages of this machine only, and {origin:?} is none. Serve the page from http://127.0.0.1 or http://localhost."
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Serves `listener` with `answer` until the runtime ends.
pub(crate) fn spawn<A, F>(
    runtime: &Runtime,
    listener: TcpListener,
    gate: Gate,
    answer: A,
) -> io::Result<()>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Cut>> + Send + 'static,
{
    let listener = {
        let _guard = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    runtime.spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of file handles, most likely: give the others time to end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            // Small streamed pieces should arrive when they are written.
            let _ = stream.set_nodelay(true);
            let answer = answer.clone();
            let service = service_fn(move |request| match gate.check(&request) {
                Ok(()) => Either::Left(answer(request)),
                Err(refusal) => Either::Right(ready(Ok(refusal.reply()))),
            });
            tokio::spawn(async move {
                // Browsers drop connections at will, and a cut one is an error too: neither needs a word.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(())
}
