//! HTTP by fetch. Dropping a request or the rest of an answer's body aborts it.

use super::table::BlobSource;
use futures::future::LocalBoxFuture;
use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt as _, StreamExt as _};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Reflect, Uint8Array};
use seedbed_hub::transport::{Body, HttpRequest, HttpResponse, Method, Transport, TransportError};
use std::any::Any;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, Response,
};

/// Sends by the worker's fetch.
pub(crate) struct FetchTransport;

/// Aborts its request unless it is told that all is read.
struct Guard {
    controller: AbortController,
    is_over: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_over {
            self.controller.abort();
        }
    }
}

fn network(text: impl Into<String>) -> TransportError {
    TransportError::Network(text.into())
}

/// What fetch throws. A refusal across origins, a broken line and a wrong address are all the same `TypeError`.
fn of_js(error: &JsValue) -> TransportError {
    let text = |name: &str| Reflect::get(error, &name.into()).ok()?.as_string();
    match text("name").as_deref() {
        Some("AbortError") => TransportError::Aborted,
        Some("TimeoutError") => TransportError::TimedOut,
        _ => network(text("message").unwrap_or_else(|| format!("{error:?}"))),
    }
}

fn name_of(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    }
}

/// A body as fetch takes it: what the browser keeps is handed on unread.
async fn body_of(body: Body) -> Result<JsValue, TransportError> {
    if let Body::Range(source, range) = &body {
        let source: &dyn Any = source.as_ref();
        if let Some(blob) = source.downcast_ref::<BlobSource>() {
            return blob
                .range(range)
                .map(JsValue::from)
                .map_err(|error| of_js(&error));
        }
    }
    Ok(Uint8Array::from(body.read().await?.as_slice()).into())
}

async fn send(request: HttpRequest) -> Result<HttpResponse, TransportError> {
    let scope = super::scope().ok_or_else(|| network("there is no fetch here"))?;
    let headers = Headers::new().map_err(|error| of_js(&error))?;
    for (name, value) in &request.headers {
        // Not the browser's words: they could repeat the value, and that may be a token.
        if headers.append(name, value).is_err() {
            return Err(network(format!(
                "the header {name} would hold letters that no header can carry"
            )));
        }
    }
    let mut guard = Guard {
        controller: AbortController::new().map_err(|error| of_js(&error))?,
        is_over: false,
    };
    let init = RequestInit::new();
    init.set_method(name_of(request.method));
    init.set_headers(&headers);
    init.set_signal(Some(&guard.controller.signal()));
    // Tokens travel in a header of ours, never in cookies, and no address tells where we come from.
    init.set_credentials(RequestCredentials::Omit);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    // What is posted is never answered from a cache; asking for that all the same would make the browser forget that it
    // has asked this host for leave, and ask again before every request.
    if matches!(request.method, Method::Get | Method::Head) {
        init.set_cache(RequestCache::NoStore);
    }
    if request.body.size() > 0 {
        init.set_body(&body_of(request.body).await?);
    }
    // The browser has its own copy of the body.
    let sent = scope.fetch_with_str_and_init(&request.url, &init);
    let response: Response = JsFuture::from(sent)
        .await
        .map_err(|error| of_js(&error))?
        .dyn_into()
        .map_err(|answer| of_js(&answer))?;
    let body = match response.body() {
        Some(body) => pieces(
            body.get_reader()
                .dyn_into()
                .map_err(|reader| of_js(&reader))?,
            guard,
        ),
        None => {
            guard.is_over = true;
            stream::empty().boxed_local()
        }
    };
    Ok(HttpResponse {
        status: response.status(),
        headers: headers_of(&response),
        body,
    })
}

fn headers_of(response: &Response) -> Vec<(String, String)> {
    response
        .headers()
        .entries()
        .into_iter()
        .filter_map(|entry| {
            let entry: Array = entry.ok()?.dyn_into().ok()?;
            let name = entry.get(0).as_string()?.to_ascii_lowercase();
            Some((name, entry.get(1).as_string()?))
        })
        .collect()
}

fn pieces(
    reader: ReadableStreamDefaultReader,
    guard: Guard,
) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
    stream::unfold(Some((reader, guard)), |state| async move {
        let (reader, mut guard) = state?;
        let piece = match JsFuture::from(reader.read()).await {
            Ok(piece) => piece,
            Err(error) => return Some((Err(of_js(&error)), None)),
        };
        if Reflect::get(&piece, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            guard.is_over = true;
            return None;
        }
        let bytes = Reflect::get(&piece, &"value".into())
            .ok()
            .and_then(|value| value.dyn_into::<Uint8Array>().ok());
        Some(match bytes {
            Some(bytes) => (Ok(bytes.to_vec()), Some((reader, guard))),
            None => (Err(network("a piece without bytes")), None),
        })
    })
    .boxed_local()
}

impl Transport for FetchTransport {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        send(request).boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        // Longer than a timer can count is as good as for ever.
        TimeoutFuture::new(u32::try_from(ms).unwrap_or(u32::MAX).min(i32::MAX as u32)).boxed_local()
    }
}
