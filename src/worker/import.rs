//! The other side of `reading.rs`: holds one table and answers what is asked of it, one question at a time.
//!
//! Messages in: `{file}` or `{size}` first, then `{id, ask}` with JSON in a text, and `{piece, bytes}` or `{piece, error}` for
//! what was needed. Messages out: `"ready"`, `{id, seen}` for bytes that were looked at, `{id, told}` with JSON in a buffer that
//! changes hands without a copy, `{piece, from, to}` for bytes that lie elsewhere: who asks the Hub for them, and with what
//! token, is no business of this worker.

use futures::StreamExt as _;
use futures::channel::mpsc::unbounded;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use js_sys::{Array, Object, Reflect, Uint8Array};
use seedbed_core::packed::Packed;
use seedbed_import::serve::Server;
use seedbed_import::source::{Source, SourceError};
use std::cell::RefCell;
use std::collections::HashMap;
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

/// Bytes that the back end fetches.
struct FarSource {
    size: u64,
    scope: DedicatedWorkerGlobalScope,
}

type Piece = oneshot::Sender<Result<Vec<u8>, SourceError>>;

thread_local! {
    /// Pieces that were asked for, by number.
    static PIECES: RefCell<(u32, HashMap<u32, Piece>)> = RefCell::default();
}

impl Source for FarSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        let (tell, told) = oneshot::channel();
        let number = PIECES.with_borrow_mut(|(last, pieces)| {
            *last += 1;
            pieces.insert(*last, tell);
            *last
        });
        let asked = self.scope.post_message(&message(&[
            ("piece", number.into()),
            ("from", (range.start as f64).into()),
            ("to", (range.end as f64).into()),
        ]));
        Box::pin(async move {
            asked.map_err(|why| SourceError(format!("{why:?}")))?;
            told.await
                .unwrap_or_else(|_gone| Err(SourceError("nobody answered".to_owned())))
        })
    }
}

/// Hands on a piece that has come; `false` when the message is about something else.
fn take_piece(data: &JsValue) -> bool {
    let Some(number) = field(data, "piece").and_then(|number| number.as_f64()) else {
        return false;
    };
    let piece = match field(data, "bytes") {
        Some(bytes) => Ok(Uint8Array::new(&bytes).to_vec()),
        None => Err(SourceError(
            field(data, "error")
                .and_then(|error| error.as_string())
                .unwrap_or_default(),
        )),
    };
    let tell = PIECES.with_borrow_mut(|(_, pieces)| pieces.remove(&(number as u32)));
    if let Some(tell) = tell {
        // Whoever asked may have been cancelled.
        tell.send(piece).ok();
    }
    true
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

/// Answers in the order in which was asked.
async fn answer(server: &mut Server, scope: &DedicatedWorkerGlobalScope, asked: &JsValue) {
    let id = field(asked, "id").unwrap_or_default();
    let ask = field(asked, "ask").and_then(|ask| ask.as_string());
    let progress = |bytes: u64| {
        let seen = message(&[("id", id.clone()), ("seen", (bytes as f64).into())]);
        // Only the bar is missing.
        let _ = scope.post_message(&seen);
    };
    let ask = Packed::from_json(ask.unwrap_or_default());
    let told = server.answer_packed(&ask, &progress).await.into_json();
    let buffer = Uint8Array::from(told.as_bytes()).buffer();
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
        let data = message.data();
        // What is awaited while a question is answered can't stand behind the next one.
        if !take_piece(&data) {
            tell.unbounded_send(data).ok();
        }
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
            } else if let Some(size) = field(&data, "size").and_then(|size| size.as_f64()) {
                let size = size as u64;
                let scope = scope.clone();
                server = Some(Server::new(Rc::new(FarSource { size, scope })));
            } else if let Some(server) = &mut server {
                answer(server, &scope, &data).await;
            }
        }
    });
}
