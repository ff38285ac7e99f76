//! A transport on the operating system's sockets, for tests: one thread per request, plain HTTP.

use crate::http::origin;
use crate::transport::{HttpRequest, HttpResponse, Method, Transport, TransportError};
use futures::channel::{mpsc, oneshot};
use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use std::io::Read as _;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::http::Request;

/// Redirects followed at most, as in browsers.
const MOST_REDIRECTS: usize = 20;

/// Sends over sockets. Dropping an answer's body closes its connection.
pub struct NativeTransport {
    agent: Agent,
}

impl Default for NativeTransport {
    fn default() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Followed below: here another port of the same host would get the token.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Self {
            agent: Agent::new_with_config(config),
        }
    }
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    body: mpsc::UnboundedReceiver<Result<Vec<u8>, TransportError>>,
}

fn network(error: &impl std::fmt::Display) -> TransportError {
    TransportError::Network(error.to_string())
}

/// A request on its way to another thread: all of its body is in memory.
struct Sending {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Sends once.
fn once(
    agent: &Agent,
    request: &Sending,
) -> Result<ureq::http::Response<ureq::Body>, TransportError> {
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
    if matches!(request.method, Method::Get | Method::Head) {
        let request = builder.body(()).map_err(|error| network(&error))?;
        agent.run(request).map_err(|error| network(&error))
    } else {
        let request = builder
            .body(request.body.as_slice())
            .map_err(|error| network(&error))?;
        agent.run(request).map_err(|error| network(&error))
    }
}

/// Sends, and follows redirects as a browser does: the token stays with its origin.
fn follow(
    agent: &Agent,
    mut request: Sending,
) -> Result<ureq::http::Response<ureq::Body>, TransportError> {
    for _ in 0..MOST_REDIRECTS {
        let answer = once(agent, &request)?;
        let status = answer.status().as_u16();
        let location = answer
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok());
        let Some(location) = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308))
        else {
            return Ok(answer);
        };
        let url = if location.starts_with('/') && !location.starts_with("//") {
            format!("{}{location}", origin(&request.url))
        } else if location.starts_with("http://") || location.starts_with("https://") {
            location.to_owned()
        } else {
            return Err(TransportError::Network(
                "a redirect leads nowhere".to_owned(),
            ));
        };
        if origin(&url) != origin(&request.url) {
            request
                .headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        }
        if matches!(status, 301..=303) && request.method != Method::Head {
            request.method = Method::Get;
            request.body.clear();
        }
        request.url = url;
    }
    Err(TransportError::Network("too many redirects".to_owned()))
}

fn run(agent: &Agent, request: Sending, head: oneshot::Sender<Result<Head, TransportError>>) {
    let answer = match follow(agent, request) {
        Ok(answer) => answer,
        Err(error) => {
            head.send(Err(error)).ok();
            return;
        }
    };
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let (pieces, body) = mpsc::unbounded();
    let sent = head.send(Ok(Head {
        status: answer.status().as_u16(),
        headers,
        body,
    }));
    if sent.is_err() {
        return;
    }
    let mut reader = answer.into_body().into_reader();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                if pieces.unbounded_send(Ok(buffer[..n].to_vec())).is_err() {
                    return;
                }
            }
            Err(error) => {
                pieces.unbounded_send(Err(network(&error))).ok();
                return;
            }
        }
    }
}

/// Somebody to be woken.
struct Alarm {
    at: Instant,
    over: oneshot::Sender<()>,
}

/// Wakes everybody in time.
fn ring(alarms: &Receiver<Alarm>) {
    let mut waiting: Vec<Alarm> = Vec::new();
    loop {
        let next = waiting.iter().map(|alarm| alarm.at).min();
        let set = match next {
            Some(at) => alarms.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => alarms
                .recv()
                .map_err(|_closed| RecvTimeoutError::Disconnected),
        };
        match set {
            Ok(alarm) => waiting.push(alarm),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        waiting.retain(|alarm| !alarm.over.is_canceled());
        for due in waiting.extract_if(.., |alarm| alarm.at <= now) {
            due.over.send(()).ok();
        }
    }
}

impl Transport for NativeTransport {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        let agent = self.agent.clone();
        async move {
            let request = Sending {
                method: request.method,
                url: request.url,
                headers: request.headers,
                body: request.body.read().await?,
            };
            let (head, answer) = oneshot::channel();
            thread::spawn(move || run(&agent, request, head));
            let head = answer.await.map_err(|gone| {
                TransportError::Network(format!("the request's thread: {gone}"))
            })??;
            Ok(HttpResponse {
                status: head.status,
                headers: head.headers,
                body: head.body.boxed_local(),
            })
        }
        .boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        let (over, wait) = oneshot::channel();
        let at = Instant::now() + Duration::from_millis(ms);
        // Every request and every piece of an answer has its limit, and nearly all are let go: one thread wakes all.
        static ALARMS: OnceLock<Sender<Alarm>> = OnceLock::new();
        let alarms = ALARMS.get_or_init(|| {
            let (set, alarms) = channel();
            thread::spawn(move || ring(&alarms));
            set
        });
        alarms.send(Alarm { at, over }).ok();
        async move {
            wait.await.ok();
        }
        .boxed_local()
    }
}
