//! The line to the parquet worker: rows out, a file back. Both travel as buffers that change hands without a copy; rows
//! are JSON in them, which is quicker than an object of the browser for each.

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{Either, LocalBoxFuture, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use seedbed_backend::platform::TableJob;
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::row::TableRow;
use std::pin::pin;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside ours.
const SCRIPT: &str = "parquet_loader.js";
/// How long it may take to be fetched and to start, in milliseconds.
const PATIENCE_MS: u32 = 60_000;

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

    fn finish(mut self: Box<Self>) -> LocalBoxFuture<'static, Result<Vec<u8>, Failure>> {
        Box::pin(async move {
            let buffer: ArrayBuffer = self
                .ask(&"finish".into(), &Array::new())
                .await?
                .dyn_into()
                .map_err(|answer| failed(format!("no file came but {answer:?}")))?;
            Ok(Uint8Array::new(&buffer).to_vec())
        })
    }
}
