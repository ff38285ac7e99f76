//! The network: one request at a time, each a step that the world orders.

use futures::future::{LocalBoxFuture, ready};
use futures::{FutureExt as _, StreamExt as _, stream};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Method, Transport, TransportError};
use std::rc::Rc;
use ureq::Agent;
use ureq::http::Request;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Plain {
    /// As the product reads it.
    pub(crate) fn response(self) -> HttpResponse {
        HttpResponse {
            status: self.status,
            headers: self.headers,
            body: stream::iter([Ok(self.body)]).boxed_local(),
        }
    }
}

fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}

/// Connections to the local Hub.
pub(crate) struct Net {
    agent: Agent,
}

impl Net {
    pub(crate) fn new() -> Rc<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A repo is deleted by a DELETE with a body.
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Rc::new(Self {
            agent: Agent::new_with_config(config),
        })
    }

    fn once(&self, request: &HttpRequest) -> Result<Plain, TransportError> {
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
        };
        let mut builder = Request::builder().method(method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let network = |error: &dyn std::fmt::Display| TransportError::Network(error.to_string());
        let has_body = matches!(request.method, Method::Post | Method::Put | Method::Delete);
        let answer = if has_body {
            // What a test sends is in memory.
            let body =
                futures::FutureExt::now_or_never(request.body.clone().read()).expect("at hand")?;
            let request = builder.body(body).map_err(|error| network(&error))?;
            self.agent.run(request)
        } else {
            let request = builder.body(()).map_err(|error| network(&error))?;
            self.agent.run(request)
        };
        let mut answer = answer.map_err(|error| network(&error))?;
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        Ok(Plain {
            status: answer.status().as_u16(),
            headers,
            body: answer
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_vec()
                .map_err(|error| network(&error))?,
        })
    }

    /// Sends, and follows redirects as a browser does: the token stays with its origin.
    pub(crate) fn call(&self, mut request: HttpRequest) -> Result<Plain, TransportError> {
        for _ in 0..10 {
            let answer = self.once(&request)?;
            let to = answer
                .headers
                .iter()
                .find(|(name, _)| name == "location")
                .map(|(_, value)| value.clone());
            let Some(to) = to.filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308))
            else {
                return Ok(answer);
            };
            let url = if to.starts_with('/') {
                format!("{}{to}", origin(&request.url))
            } else {
                to
            };
            if origin(&url) != origin(&request.url) {
                request
                    .headers
                    .retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            }
            request.url = url;
        }
        Err(TransportError::Network("too many redirects".to_owned()))
    }
}

/// The way of those who are not a browser of the world: at once.
pub(crate) struct Direct(pub(crate) Rc<Net>);

impl Transport for Direct {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        ready(self.0.call(request).map(Plain::response)).boxed_local()
    }

    fn sleep(&self, _: u64) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }
}
