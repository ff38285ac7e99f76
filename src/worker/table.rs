//! The line to the parquet worker: rows out, a file back.

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::LocalBoxFuture;
use js_sys::{ArrayBuffer, Reflect, Uint8Array};
use seedbed_backend::platform::TableJob;
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::row::TableRow;
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside ours.
const SCRIPT: &str = "parquet_loader.js";

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

impl Job {
    async fn answer(&mut self) -> Result<JsValue, Failure> {
        match self.answers.next().await {
            Some(Ok(value)) => Ok(value),
            Some(Err(detail)) => Err(failed(detail)),
            None => Err(failed("the worker is gone")),
        }
    }

    fn post(&self, value: &JsValue) -> Result<(), Failure> {
        self.worker
            .post_message(value)
            .map_err(|error| failed(format!("{error:?}")))
    }
}

/// Starts the worker.
pub(crate) async fn start() -> Result<Box<dyn TableJob>, Failure> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker =
        Worker::new_with_options(SCRIPT, &options).map_err(|error| failed(format!("{error:?}")))?;
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
            .unwrap_or_else(|| "the worker could not be loaded".to_owned());
        tell.unbounded_send(Err(text)).ok();
    });
    worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
    let mut job = Job { worker, answers };
    // Its first message says that it listens.
    job.answer().await?;
    Ok(Box::new(job))
}

impl TableJob for Job {
    fn push(&mut self, rows: Vec<TableRow>) -> LocalBoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let value = rows
                .serialize(&Serializer::json_compatible())
                .map_err(|error| failed(error.to_string()))?;
            self.post(&value)?;
            self.answer().await?;
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> LocalBoxFuture<'static, Result<Vec<u8>, Failure>> {
        Box::pin(async move {
            self.post(&"finish".into())?;
            let buffer: ArrayBuffer = self
                .answer()
                .await?
                .dyn_into()
                .map_err(|_| failed("no file came"))?;
            Ok(Uint8Array::new(&buffer).to_vec())
        })
    }
}
