//! The other side of `reading.rs`: holds one table and answers what is asked of it, one question at a time.
//!
//! Messages in: `{file}` first, then `{id, ask}` with JSON in a text. Messages out: `"ready"`, `{id, seen}` for bytes that
//! were looked at, `{id, told}` with JSON in a buffer that changes hands without a copy.

use futures::StreamExt as _;
use futures::channel::mpsc::unbounded;
use futures::future::LocalBoxFuture;
use js_sys::{Array, Object, Reflect, Uint8Array};
use seedbed_core::import::{Ask, Told};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_import::serve::Server;
use seedbed_import::source::{Source, SourceError};
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

/// A file of the person, read where it lies.
struct FileSource(Blob);

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.0.size() as u64
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        let piece = self
            .0
            .slice_with_f64_and_f64(range.start as f64, range.end as f64);
        Box::pin(async move {
            let read = async { JsFuture::from(piece?.array_buffer()).await };
            match read.await {
                Ok(buffer) => Ok(Uint8Array::new(&buffer).to_vec()),
                Err(error) => Err(SourceError(format!("{error:?}"))),
            }
        })
    }
}

fn field(message: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(message, &name.into())
        .ok()
        .filter(|value| !value.is_undefined())
}

fn message(entries: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        // A fresh plain object takes every property.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

fn misread(detail: String) -> Told {
    Told::Failed(Box::new(
        Failure::new(
            FailureKind::Internal,
            "The part of Seedbed that reads tables was asked for something that it does not know.",
        )
        .means("Nothing was taken in.")
        .next("Reload the page: its parts are of different versions.")
        .detail(detail),
    ))
}

/// Answers in the order in which was asked.
async fn answer(server: &mut Server, scope: &DedicatedWorkerGlobalScope, asked: &JsValue) {
    let id = field(asked, "id").unwrap_or_default();
    let ask = field(asked, "ask").and_then(|ask| ask.as_string());
    let told = match serde_json::from_str::<Ask>(&ask.unwrap_or_default()) {
        Ok(ask) => {
            let progress = |bytes: u64| {
                let seen = message(&[("id", id.clone()), ("seen", (bytes as f64).into())]);
                // Only the bar is missing.
                let _ = scope.post_message(&seen);
            };
            server.answer(ask, &progress).await
        }
        Err(error) => misread(error.to_string()),
    };
    let json =
        serde_json::to_vec(&told).or_else(|error| serde_json::to_vec(&misread(error.to_string())));
    let buffer = Uint8Array::from(json.unwrap_or_default().as_slice()).buffer();
    let posted = scope.post_message_with_transfer(
        &message(&[("id", id), ("told", buffer.clone().into())]),
        &Array::of1(&buffer),
    );
    if let Err(why) = posted {
        web_sys::console::error_1(&why);
    }
}

/// Starts to listen.
pub(crate) fn start() {
    console_error_panic_hook::set_once();
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        return;
    };
    let (tell, mut told) = unbounded::<JsValue>();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        tell.unbounded_send(message.data()).ok();
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    if let Err(why) = scope.post_message(&"ready".into()) {
        web_sys::console::error_1(&why);
    }
    wasm_bindgen_futures::spawn_local(async move {
        let mut server = None;
        while let Some(data) = told.next().await {
            if let Some(file) = field(&data, "file").and_then(|file| file.dyn_into().ok()) {
                server = Some(Server::new(Rc::new(FileSource(file))));
            } else if let Some(server) = &mut server {
                answer(server, &scope, &data).await;
            }
        }
    });
}
