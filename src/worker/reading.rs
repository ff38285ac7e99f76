//! The line to the import worker: questions out, answers back. One worker reads one table, and ends with it; so the
//! memory that a table took is free again.

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{Either, LocalBoxFuture, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Object, Reflect, Uint8Array};
use seedbed_backend::platform::{TableBytes, TableReader};
use seedbed_core::import::{Ask, Told};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::packed::Packed;
use seedbed_hub::transport::Source;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{File, MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside ours.
const SCRIPT: &str = "import_loader.js";
/// How long it may take to be fetched and to start, in milliseconds.
const PATIENCE_MS: u32 = 60_000;

thread_local! {
    /// Files that the page has handed over and nobody has opened.
    static FILES: RefCell<HashMap<u32, File>> = RefCell::default();
}

/// Keeps a file that the page hands over; `false` when the message is about something else.
pub(crate) fn take_file(message: &JsValue) -> bool {
    let get = |name: &str| Reflect::get(message, &name.into()).ok();
    let Some(file) = get("file").and_then(|file| file.dyn_into::<File>().ok()) else {
        return false;
    };
    let number = get("number").and_then(|number| number.as_f64());
    FILES.with_borrow_mut(|files| files.insert(number.unwrap_or_default() as u32, file));
    true
}

struct Reader {
    worker: Worker,
    /// Where bytes come from that don't lie in a file of the person.
    far: Option<Rc<dyn Source>>,
    answers: UnboundedReceiver<Result<JsValue, String>>,
    last: u32,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn failed(detail: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Internal, "The table could not be read.")
        .means("What was stored of it before is in the project; nothing else was changed.")
        .next("Choose it again. If it fails again, take a part of its rows.")
        .detail(detail)
}

fn not_loaded(detail: impl Into<String>) -> Failure {
    Failure::new(
        FailureKind::Network,
        "The part of Seedbed that reads tables could not be loaded.",
    )
    .means("Nothing was taken in.")
    .next("Check the connection and try again.")
    .detail(detail)
}

fn message(entries: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        // A fresh plain object takes every property.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

impl Reader {
    async fn next(&mut self) -> Result<JsValue, String> {
        match self.answers.next().await {
            Some(answer) => answer,
            None => Err("the worker is gone".to_owned()),
        }
    }
}

impl Reader {
    /// Gets bytes for the worker. Several pieces are under way at once.
    fn fetch(&self, piece: f64, range: Range<u64>) {
        let Some(far) = &self.far else { return };
        let (worker, read) = (self.worker.clone(), far.read(range));
        wasm_bindgen_futures::spawn_local(async move {
            let posted = match read.await {
                Ok(bytes) => {
                    let buffer = Uint8Array::from(bytes.as_slice()).buffer();
                    worker.post_message_with_transfer(
                        &message(&[("piece", piece.into()), ("bytes", buffer.clone().into())]),
                        &Array::of1(&buffer),
                    )
                }
                Err(error) => worker.post_message(&message(&[
                    ("piece", piece.into()),
                    ("error", error.to_string().into()),
                ])),
            };
            if let Err(why) = posted {
                web_sys::console::error_1(&why);
            }
        });
    }
}

/// Starts a worker for a table.
pub(crate) async fn start(bytes: TableBytes) -> Result<Box<dyn TableReader>, Failure> {
    let (first, far) = match bytes {
        TableBytes::File(number) => {
            let file = FILES
                .with_borrow_mut(|files| files.remove(&number))
                .ok_or_else(|| {
                    Failure::new(FailureKind::NotFound, "The file is not at hand any more.")
                        .means("Nothing was taken in.")
                        .next("Choose it again.")
                })?;
            (message(&[("file", file.into())]), None)
        }
        TableBytes::Remote(source) => {
            let size = source.size() as f64;
            (message(&[("size", size.into())]), Some(source))
        }
    };
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    options.set_name("seedbed import");
    let worker = Worker::new_with_options(SCRIPT, &options)
        .map_err(|error| not_loaded(format!("{error:?}")))?;
    let (tell, answers) = unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let tell = tell.clone();
        move |message: MessageEvent| {
            tell.unbounded_send(Ok(message.data())).ok();
        }
    });
    worker.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        let text = Reflect::get(&event, &"message".into())
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_else(|| "no script came".to_owned());
        tell.unbounded_send(Err(text)).ok();
    });
    worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
    let mut reader = Reader {
        worker,
        far,
        answers,
        last: 0,
    };
    // Its first message says that it listens.
    let started = {
        let ready = pin!(reader.next());
        match select(ready, TimeoutFuture::new(PATIENCE_MS)).await {
            Either::Left((answer, _)) => answer.map(|_ready| ()),
            Either::Right(_) => Err("it did not start in time".to_owned()),
        }
    };
    started.map_err(not_loaded)?;
    reader
        .worker
        .post_message(&first)
        .map_err(|error| failed(format!("{error:?}")))?;
    Ok(Box::new(reader))
}

impl TableReader for Reader {
    fn ask(
        &mut self,
        ask: Packed<Ask>,
        progress: Box<dyn Fn(u64)>,
    ) -> LocalBoxFuture<'_, Result<Packed<Told>, Failure>> {
        Box::pin(async move {
            self.last += 1;
            let id = f64::from(self.last);
            let json = ask.into_json();
            self.worker
                .post_message(&message(&[("id", id.into()), ("ask", json.into())]))
                .map_err(|error| failed(format!("{error:?}")))?;
            loop {
                let answer = self.next().await.map_err(failed)?;
                let get = |name: &str| Reflect::get(&answer, &name.into()).ok();
                if let Some(piece) = get("piece").and_then(|piece| piece.as_f64()) {
                    let end = |name| get(name).and_then(|end| end.as_f64()).unwrap_or_default();
                    self.fetch(piece, end("from") as u64..end("to") as u64);
                    continue;
                }
                // What an earlier question was answered, which was cancelled.
                if get("id").and_then(|id| id.as_f64()) != Some(id) {
                    continue;
                }
                if let Some(seen) = get("seen").and_then(|seen| seen.as_f64()) {
                    progress(seen as u64);
                    continue;
                }
                let told = get("told").unwrap_or_default();
                let json = Uint8Array::new(&told).to_vec();
                return String::from_utf8(json)
                    .map(Packed::from_json)
                    .map_err(|error| failed(error.to_string()));
            }
        })
    }
}
