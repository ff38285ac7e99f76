//! Passing requests on to an upstream as they are, and its answers back piece by piece. The Hub's token stays here.

use crate::http::{Answer, ApiError, Call, bytes_reply};
use crate::hub::Hub;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Headers of an answer that belong to one connection or are set here.
const OWN: [&str; 4] = [
    "connection",
    "transfer-encoding",
    "keep-alive",
    "access-control-allow-origin",
];

pub(crate) async fn pass_on(
    hub: &Arc<Hub>,
    upstream: &str,
    call: &Call,
    rest: &[&str],
    body: Bytes,
) -> Answer {
    let unreachable =
        |error: &dyn std::fmt::Display| ApiError::new(502, format!("the upstream model: {error}"));
    let address = upstream
        .strip_prefix("http://")
        .ok_or_else(|| unreachable(&"its address has to begin with http://"))?;
    let (authority, base) = address.split_once('/').unwrap_or((address, ""));
    let target = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let stream = TcpStream::connect(&target)
        .await
        .map_err(|error| unreachable(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(&error))?;
    tokio::spawn(async move {
        // How it ended is told by the body's own error.
        let _ = connection.await;
    });
    let base = base.trim_end_matches('/');
    let slash = if base.is_empty() { "" } else { "/" };
    let mut path = format!("/{base}{slash}{}", rest.join("/"));
    if !call.raw_query.is_empty() {
        path = format!("{path}?{}", call.raw_query);
    }
    let request = Request::builder()
        .method(&call.method)
        .uri(path)
        .header(HOST, authority)
        .header(
            CONTENT_TYPE,
            call.header("content-type").unwrap_or("application/json"),
        )
        .header(ACCEPT, call.header("accept").unwrap_or("*/*"))
        .body(Full::new(body))
        .map_err(|error| unreachable(&error))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| unreachable(&error))?;
    let (parts, incoming) = response.into_parts();
    let mut reply = bytes_reply(parts.status.as_u16(), "application/json", "");
    for (name, value) in &parts.headers {
        if !OWN.contains(&name.as_str()) {
            reply.headers_mut().insert(name, value.clone());
        }
    }
    *reply.body_mut() = StreamBody::new(relay(hub.clone(), call.seq, incoming)).boxed_unsync();
    Ok(reply)
}

/// The upstream's frames; the end is noted in the log.
fn relay(
    hub: Arc<Hub>,
    seq: u64,
    incoming: Incoming,
) -> impl futures::Stream<Item = io::Result<hyper::body::Frame<Bytes>>> {
    stream::unfold(Some(incoming), move |state| {
        let hub = hub.clone();
        async move {
            let mut incoming = state?;
            match incoming.frame().await {
                None => {
                    hub.log.finished(seq);
                    None
                }
                Some(Ok(frame)) => {
                    // With a known length nobody asks for the end.
                    if incoming.is_end_stream() {
                        hub.log.finished(seq);
                    }
                    Some((Ok(frame), Some(incoming)))
                }
                Some(Err(error)) => Some((Err(io::Error::other(error.to_string())), None)),
            }
        }
    })
}
