//! The line to the parquet worker: rows out, a file back. Rows travel as JSON in buffers that change hands without a copy,
//! which is quicker than an object of the browser for each. The file is the browser's, which may keep it on disk: only what
//! is sent of it passes through, and fetch takes even that as it is.

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{Either, LocalBoxFuture, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Reflect, Uint8Array};
use seedbed_backend::platform::TableJob;
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::row::TableRow;
use seedbed_hub::LargeFile;
use seedbed_hub::transport::{Source, TransportError};
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside ours.
const SCRIPT: &str = "parquet_loader.js";
/// How long it may take to be fetched and to start, in milliseconds.
const PATIENCE_MS: u32 = 60_000;

/// A file that the browser keeps.
pub(crate) struct BlobSource(Blob);

impl BlobSource {
    /// A range of it, which is no copy.
    pub(crate) fn range(&self, range: &Range<u64>) -> Result<Blob, JsValue> {
        self.0
            .slice_with_f64_and_f64(range.start as f64, range.end as f64)
    }
}

impl Source for BlobSource {
    fn size(&self) -> u64 {
        self.0.size() as u64
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        let piece = self.range(&range);
        Box::pin(async move {
            let read = async { JsFuture::from(piece?.array_buffer()).await };
            match read.await {
                Ok(buffer) => Ok(Uint8Array::new(&buffer).to_vec()),
                Err(error) => Err(TransportError::Network(format!(
                    "the browser lost the table: {error:?}"
                ))),
            }
        })
    }
}

/// The file in the worker's last answer.
fn file_of(answer: &JsValue) -> Option<LargeFile> {
    let get = |name: &str| Reflect::get(answer, &name.into()).ok();
    let sample: Uint8Array = get("sample")?.dyn_into().ok()?;
    Some(LargeFile {
        source: Rc::new(BlobSource(get("file")?.dyn_into().ok()?)),
        sha256: get("sha256")?.as_string()?,
        sample: sample.to_vec(),
    })
}

struct Job {
    worker: Worker,
    answers: UnboundedReceiver<Result<JsValue, String>>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn failed(detail: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Internal, "The table could not be written.")
        .means("Nothing was sent; your work is safe in this browser.")
        .next("Try again. If it fails again, reload the page.")
        .detail(detail)
}

fn not_loaded(detail: impl Into<String>) -> Failure {
    Failure::new(
        FailureKind::Network,
        "The part of Seedbed that writes tables could not be loaded.",
    )
    .means("Nothing was sent; your work is safe in this browser.")
    .next("Check the connection and try again.")
    .detail(detail)
}

impl Job {
    async fn answer(&mut self) -> Result<JsValue, String> {
        match self.answers.next().await {
            Some(answer) => answer,
            None => Err("the worker is gone".to_owned()),
        }
    }

    /// Sends `message` with `buffers` and waits for the answer.
    async fn ask(&mut self, message: &JsValue, buffers: &Array) -> Result<JsValue, Failure> {
        self.worker
            .post_message_with_transfer(message, buffers)
            .map_err(|error| failed(format!("{error:?}")))?;
        self.answer().await.map_err(failed)
    }
}

/// Starts the worker.
pub(crate) async fn start() -> Result<Box<dyn TableJob>, Failure> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    options.set_name("seedbed table");
    let worker = Worker::new_with_options(SCRIPT, &options)
        .map_err(|error| not_loaded(format!("{error:?}")))?;
    let (tell, answers) = unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let tell = tell.clone();
        move |message: MessageEvent| {
            let data = message.data();
            let error = Reflect::get(&data, &"error".into())
                .ok()
                .and_then(|error| error.as_string());
            tell.unbounded_send(match error {
                Some(error) => Err(error),
                None => Ok(data),
            })
            .ok();
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
    let mut job = Job { worker, answers };
    // Its first message says that it listens.
    let started = {
        let answer = pin!(job.answer());
        match select(answer, TimeoutFuture::new(PATIENCE_MS)).await {
            Either::Left((answer, _)) => answer.map(|_ready| ()),
            Either::Right(_) => Err("it did not start in time".to_owned()),
        }
    };
    started.map_err(not_loaded)?;
    Ok(Box::new(job))
}

impl TableJob for Job {
    fn push(&mut self, rows: Vec<TableRow>) -> LocalBoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let json = serde_json::to_vec(&rows).map_err(|error| failed(error.to_string()))?;
            let buffer = Uint8Array::from(json.as_slice()).buffer();
            self.ask(&buffer, &Array::of1(&buffer)).await?;
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> LocalBoxFuture<'static, Result<LargeFile, Failure>> {
        Box::pin(async move {
            let answer = self.ask(&"finish".into(), &Array::new()).await?;
            file_of(&answer).ok_or_else(|| failed(format!("no file came but {answer:?}")))
        })
    }
}
