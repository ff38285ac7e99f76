//! HTTP by fetch. Dropping a request or the rest of an answer's body aborts it.

use futures::future::LocalBoxFuture;
use futures::stream;
use futures::{FutureExt as _, StreamExt as _};
use gloo_net::http::{Headers, RequestBuilder};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Reflect, Uint8Array};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Method, Transport, TransportError};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache, RequestCredentials,
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

fn text_of(value: &JsValue) -> String {
    let property = |name: &str| {
        Reflect::get(value, &name.into())
            .ok()
            .and_then(|value| value.as_string())
    };
    property("message").unwrap_or_else(|| format!("{value:?}"))
}

fn method(method: Method) -> gloo_net::http::Method {
    match method {
        Method::Get => gloo_net::http::Method::GET,
        Method::Post => gloo_net::http::Method::POST,
        Method::Put => gloo_net::http::Method::PUT,
        Method::Delete => gloo_net::http::Method::DELETE,
        Method::Head => gloo_net::http::Method::HEAD,
    }
}

async fn send(request: HttpRequest) -> Result<HttpResponse, TransportError> {
    let network = |error: gloo_net::Error| TransportError::Network(error.to_string());
    let controller =
        AbortController::new().map_err(|error| TransportError::Network(text_of(&error)))?;
    let signal = controller.signal();
    let mut guard = Guard {
        controller,
        is_over: false,
    };
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.append(name, value);
    }
    let builder = RequestBuilder::new(&request.url)
        .method(method(request.method))
        .headers(headers)
        // Tokens travel in a header of ours, never in cookies, and no address tells where we come from.
        .credentials(RequestCredentials::Omit)
        .referrer_policy(ReferrerPolicy::NoReferrer)
        .cache(RequestCache::NoStore)
        .abort_signal(Some(&signal));
    let built = if request.body.is_empty() {
        builder.build()
    } else {
        builder.body(Uint8Array::from(request.body.as_slice()))
    };
    let response = built.map_err(network)?.send().await.map_err(network)?;
    let status = response.status();
    let headers = response
        .headers()
        .entries()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let body = match response.body() {
        Some(body) => {
            let reader: ReadableStreamDefaultReader = body
                .get_reader()
                .dyn_into()
                .map_err(|_| TransportError::Network("the answer has no reader".to_owned()))?;
            stream::unfold(Some((reader, guard)), |state| async move {
                let (reader, mut guard) = state?;
                let piece = JsFuture::from(reader.read()).await;
                let piece = match piece {
                    Ok(piece) => piece,
                    Err(error) => {
                        return Some((Err(TransportError::Network(text_of(&error))), None));
                    }
                };
                let is_done =
                    Reflect::get(&piece, &"done".into()).is_ok_and(|done| done.is_truthy());
                if is_done {
                    guard.is_over = true;
                    return None;
                }
                match Reflect::get(&piece, &"value".into())
                    .ok()
                    .and_then(|value| value.dyn_into::<Uint8Array>().ok())
                {
                    Some(bytes) => Some((Ok(bytes.to_vec()), Some((reader, guard)))),
                    None => Some((
                        Err(TransportError::Network("a piece without bytes".to_owned())),
                        None,
                    )),
                }
            })
            .boxed_local()
        }
        None => {
            guard.is_over = true;
            stream::empty().boxed_local()
        }
    };
    Ok(HttpResponse {
        status,
        headers,
        body,
    })
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
