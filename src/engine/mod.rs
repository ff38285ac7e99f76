//! The engine worker's browser side: messages in and out, files, fetching, and the loop that lets sequences advance.
//!
//! It answers as a small HTTP server would ([`seedbed_core::engine`]): `/state`, `/load`, `/unload`, `/forget`,
//! `/measure`, and the OpenAI protocol under `/v1`. A message is `{id, method, path, body}`; an answer `{id, status}`, any number of
//! `{id, bytes}`, and `{id}`; `{id, died}` says that the device failed and the answer is lost. `{id, stop}` says that nobody
//! waits any more. While somebody waits, `{beat}` says every few seconds that the worker lives.

mod chats;
mod early;
mod files;
mod kits;
mod load;
mod measure;
mod opfs;
mod parity;

use futures::channel::mpsc::UnboundedSender;
use js_sys::{Object, Reflect, Uint8Array};
use seedbed_core::engine::{BEAT_S, EngineLine, EngineOrder, EngineRow, EngineState};
use seedbed_core::messages::{Failure, FailureKind};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, console};

/// What the worker knows.
#[derive(Default)]
pub(crate) struct Host {
    /// The device, once it was opened.
    pub(crate) context: RefCell<Option<Rc<seedbed_engine::gpu::context::Context>>>,
    /// Why there is none.
    pub(crate) trouble: RefCell<Option<String>>,
    /// What is loaded, for the page.
    pub(crate) loaded: RefCell<Option<seedbed_core::engine::EngineLoaded>>,
    /// Turns on their way to the loop that runs the model.
    pub(crate) inbox: RefCell<Option<UnboundedSender<chats::Work>>>,
    /// Its weights, as long as the loop has them.
    pub(crate) weights: RefCell<Weak<seedbed_engine::gpu::weights::Weights>>,
    /// How quick it is.
    pub(crate) speed: RefCell<seedbed_core::engine::EngineSpeed>,
    /// Rows that are being answered.
    pub(crate) rows: RefCell<Vec<EngineRow>>,
    /// Since when a step has been under way, in milliseconds since 1970.
    pub(crate) step_since: Cell<Option<f64>>,
    /// (seconds, tokens made until then), of the last seconds.
    pub(crate) marks: RefCell<std::collections::VecDeque<(f64, u64)>>,
    /// What was loaded and how, for after a device was lost.
    pub(crate) order: RefCell<Option<EngineOrder>>,
    /// A model is being loaded; others wait.
    pub(crate) loading: futures::lock::Mutex<()>,
    /// Requests that somebody waits for.
    open: RefCell<HashMap<u32, Rc<Cell<bool>>>>,
}

/// Longest time of a step, in milliseconds. What a slow processor has to do in one takes seconds.
const STUCK_MS: f64 = 5.0 * 60_000.0;

/// What a request says beside what it asks.
pub(crate) struct From {
    /// The run's row that it is for.
    pub(crate) row: String,
    /// What was loaded last, be it by a worker before this one.
    pub(crate) order: Option<EngineOrder>,
}

/// One request's way back.
#[derive(Clone)]
pub(crate) struct Out {
    id: u32,
    /// Set when nobody waits any more.
    pub(crate) is_stopped: Rc<Cell<bool>>,
    /// Nothing is sent: the request is answered by something else.
    pub(crate) is_silent: bool,
}

fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

fn post(fields: &[(&str, JsValue)]) {
    let message = Object::new();
    for (name, value) in fields {
        // A fresh plain object takes every property.
        let _ = Reflect::set(&message, &(*name).into(), value);
    }
    if let Some(Err(error)) = scope().map(|scope| scope.post_message(&message)) {
        console::error_1(&error);
    }
}

impl Out {
    /// For what nobody waits for.
    pub(crate) fn nobody() -> Self {
        Self {
            id: 0,
            is_stopped: Rc::default(),
            is_silent: true,
        }
    }

    pub(crate) fn head(&self, status: u16) {
        post(&[("id", self.id.into()), ("status", status.into())]);
    }

    pub(crate) fn piece(&self, bytes: &[u8]) {
        if self.is_silent {
            return;
        }
        post(&[
            ("id", self.id.into()),
            ("bytes", Uint8Array::from(bytes).into()),
        ]);
    }

    pub(crate) fn end(&self) {
        post(&[("id", self.id.into())]);
    }

    /// The answer is lost, as everything is that is on this device.
    pub(crate) fn died(&self, why: &str) {
        post(&[("id", self.id.into()), ("died", why.into())]);
    }

    /// A line of progress or an outcome.
    pub(crate) fn line(&self, line: &EngineLine) {
        let mut bytes = serde_json::to_vec(line).unwrap_or_default();
        bytes.push(b'\n');
        self.piece(&bytes);
    }

    /// A whole answer.
    pub(crate) fn whole(&self, status: u16, body: &[u8]) {
        self.head(status);
        self.piece(body);
        self.end();
    }
}

/// A failure in the words of the engine's crates.
pub(crate) fn failure(what: &str, error: impl ToString) -> Failure {
    Failure::new(FailureKind::Invalid, what)
        .means("No model runs in this tab; your work is not touched.")
        .next(error.to_string())
}

impl Host {
    /// Opens the device, if that was not done.
    pub(crate) async fn context(
        &self,
    ) -> Result<Rc<seedbed_engine::gpu::context::Context>, String> {
        let known = self.context.borrow().clone();
        if let Some(context) = known.filter(|context| context.lost().is_none()) {
            return Ok(context);
        }
        let opened = if has_webgpu() {
            seedbed_engine::gpu::context::Context::open()
                .await
                .map_err(|error| error.to_string())
        } else {
            Err(
                "This browser has no WebGPU. A recent Chrome, Edge, Safari or Firefox has it."
                    .to_owned(),
            )
        };
        match opened {
            Ok(context) => {
                let context = Rc::new(context);
                *self.context.borrow_mut() = Some(context.clone());
                *self.trouble.borrow_mut() = None;
                Ok(context)
            }
            Err(text) => {
                *self.trouble.borrow_mut() = Some(text.clone());
                Err(text)
            }
        }
    }

    pub(crate) async fn state(&self) -> EngineState {
        let adapter =
            self.context()
                .await
                .ok()
                .map(|context| seedbed_core::engine::EngineAdapter {
                    name: context.adapter.name.clone(),
                    is_software: context.adapter.is_software,
                    binding_bytes: context.adapter.binding_bytes,
                });
        let kept = files::list().await;
        EngineState {
            adapter,
            trouble: self.trouble.borrow().clone(),
            loaded: self.loaded.borrow().clone(),
            kept,
            speed: *self.speed.borrow(),
            rows: self.rows.borrow().clone(),
            heap_bytes: heap_bytes(),
        }
    }

    /// Frees the model.
    pub(crate) fn unload(&self) {
        *self.inbox.borrow_mut() = None;
        *self.loaded.borrow_mut() = None;
        *self.speed.borrow_mut() = seedbed_core::engine::EngineSpeed::default();
        self.rows.borrow_mut().clear();
    }

    /// Tells that the worker lives, if somebody waits. A step that takes longer than any device needs is no life.
    fn beat(&self) {
        let is_stuck = self
            .step_since
            .get()
            .is_some_and(|since| js_sys::Date::now() - since > STUCK_MS);
        let is_asked = || {
            let open = self.open.borrow();
            open.values().any(|flag| Rc::strong_count(flag) > 1)
        };
        if !is_stuck && is_asked() {
            post(&[("beat", JsValue::TRUE)]);
        }
    }

    async fn answer(self: Rc<Self>, out: Out, path: &str, body: String, from: From) {
        let state = |state: EngineState| {
            serde_json::to_vec(&EngineLine::State(Box::new(state))).unwrap_or_default()
        };
        match path {
            "/state" => out.whole(200, &state(self.state().await)),
            "/load" => {
                out.head(200);
                match load::load(&self, &out, &body).await {
                    Ok(()) => out.line(&EngineLine::State(Box::new(self.state().await))),
                    Err(failure) => out.line(&EngineLine::Failed(failure)),
                }
                out.end();
            }
            "/measure" => measure::answer(&self, &out, &body).await,
            "/parity" => match parity::parity(&self, &body).await {
                Ok(bytes) => out.whole(200, &bytes),
                Err(failure) => out.whole(400, failure.what.as_bytes()),
            },
            "/unload" => {
                self.unload();
                out.whole(200, &state(self.state().await));
            }
            "/forget" => {
                let answer = match files::forget(&body).await {
                    Ok(()) => EngineLine::State(Box::new(self.state().await)),
                    Err(error) => {
                        EngineLine::Failed(failure("The file could not be deleted.", error))
                    }
                };
                out.whole(200, &serde_json::to_vec(&answer).unwrap_or_default());
            }
            "/v1/models" => {
                let names: Vec<_> = self
                    .loaded
                    .borrow()
                    .iter()
                    .map(|loaded| serde_json::json!({ "id": loaded.model.name, "object": "model", "owned_by": "this tab" }))
                    .collect();
                let body = serde_json::json!({ "object": "list", "data": names });
                out.whole(200, body.to_string().as_bytes());
            }
            "/v1/chat/completions" => chats::answer(&self, out, &body, from).await,
            _ => out.whole(404, br#"{"error":{"message":"no such path"}}"#),
        }
    }

    fn take(self: &Rc<Self>, data: &JsValue) {
        let text = |name: &str| {
            Reflect::get(data, &name.into())
                .ok()
                .and_then(|value| value.as_string())
                .unwrap_or_default()
        };
        let Some(id) = Reflect::get(data, &"id".into())
            .ok()
            .and_then(|id| id.as_f64())
        else {
            return;
        };
        let id = id as u32;
        if Reflect::get(data, &"stop".into()).is_ok_and(|stop| stop.is_truthy()) {
            if let Some(flag) = self.open.borrow_mut().remove(&id) {
                flag.set(true);
            }
            return;
        }
        let (path, body) = (text("path"), text("body"));
        let from = From {
            row: text("row"),
            order: serde_json::from_str(&text("order")).ok(),
        };
        let flag = Rc::new(Cell::new(false));
        let mut open = self.open.borrow_mut();
        // Whoever still answers holds the flag, be it long after this request was handed on.
        open.retain(|_, flag| Rc::strong_count(flag) > 1);
        open.insert(id, flag.clone());
        drop(open);
        let host = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            let out = Out {
                id,
                is_stopped: flag,
                is_silent: false,
            };
            host.answer(out, &path, body, from).await;
        });
    }
}

/// Bytes of this module's memory, which never shrinks.
fn heap_bytes() -> u64 {
    let buffer = Reflect::get(&wasm_bindgen::memory(), &"buffer".into()).unwrap_or_default();
    Reflect::get(&buffer, &"byteLength".into())
        .ok()
        .and_then(|length| length.as_f64())
        .map_or(0, |length| length as u64)
}

fn has_webgpu() -> bool {
    let gpu = scope().and_then(|scope| Reflect::get(&scope.navigator(), &"gpu".into()).ok());
    gpu.is_some_and(|gpu| gpu.is_truthy())
}

/// Starts to listen.
pub(crate) fn start() {
    console_error_panic_hook::set_once();
    let Some(scope) = scope() else { return };
    let host = Rc::new(Host::default());
    let beats = host.clone();
    gloo_timers::callback::Interval::new(BEAT_S * 1000, move || beats.beat()).forget();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        host.take(&message.data());
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    post(&[("ready", JsValue::TRUE)]);
}
