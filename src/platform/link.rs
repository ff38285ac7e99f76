//! The line to the backend worker: requests go out under an id, and answers, progress and events come back.
//!
//! Requests wait until the worker runs and has answered `Hello`. When the worker can't be started, belongs to another
//! build, or dies, every open and every further request fails with words for it, and the shell is told once.

use super::{BUILD, wire};
use crate::pages::desk::{Backend, Running};
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use js_sys::{Object, Reflect};
use leptos::prelude::set_timeout;
use seedbed_core::messages::{
    Envelope, Event, Failure, FailureKind, HubConfig, Progress, Reply, Request, RequestId, Storage,
};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::Duration;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside the page.
const SCRIPT: &str = "worker_loader.js";
/// The script's address; it names the build, so that no cache answers with an older one.
fn script() -> String {
    format!("{SCRIPT}?{BUILD}")
}

/// After this the person is told that starting takes long; it may still come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads what the worker says.
pub type Reader = fn(JsValue) -> Result<Event, wire::Error>;
/// Sees to it that the reader is there.
pub type LoadReader = fn() -> LocalBoxFuture<'static, Result<Reader, Failure>>;

/// The reader of everything that a worker can say: much code, which nobody needs before there is a worker.
///
/// # Errors
/// The message is none of ours.
pub fn read_event(data: JsValue) -> Result<Event, wire::Error> {
    wire::from_js(data)
}

/// What the shell hears besides the answers to its own requests.
#[derive(Debug)]
// A few a second, each used up at once.
#[allow(clippy::large_enum_variant)]
pub enum Heard<'a> {
    /// The worker is up.
    Ready(Storage),
    /// An event that nobody asked for.
    Event(Event),
    /// A request of any page was answered.
    Reply(&'a Reply),
    /// The worker takes long to start.
    Slow,
    /// The line is dead. Only loading the page again helps.
    Dead(Failure),
}

/// The line. There is one for the life of the page.
pub struct Link {
    inner: Rc<Inner>,
}

struct Inner {
    config: HubConfig,
    hear: Box<dyn Fn(Heard<'_>)>,
    state: RefCell<State>,
    next_id: Cell<RequestId>,
    pending: RefCell<HashMap<RequestId, Pending>>,
    ear: RefCell<Ear>,
}

/// What the worker says, on its way in.
enum Ear {
    /// The reader is being fetched; these wait for it.
    Waiting(Vec<JsValue>),
    Open(Reader),
}

enum State {
    /// The worker is not up; these wait for it.
    Starting(Option<Worker>, Vec<Waiting>),
    Ready(Worker),
    Dead(Failure),
}

/// What waits for the worker.
enum Waiting {
    Request(Box<Envelope>),
    File(JsValue),
}

struct Pending {
    answer: oneshot::Sender<Result<Reply, Failure>>,
    on_progress: Rc<dyn Fn(Progress)>,
}

impl Link {
    /// A line that is not connected yet.
    pub fn new(config: HubConfig, hear: impl Fn(Heard<'_>) + 'static) -> Self {
        Self {
            inner: Rc::new(Inner {
                config,
                hear: Box::new(hear),
                state: RefCell::new(State::Starting(None, Vec::new())),
                next_id: Cell::new(1),
                pending: RefCell::new(HashMap::new()),
                ear: RefCell::new(Ear::Waiting(Vec::new())),
            }),
        }
    }

    /// Starts the worker, and fetches what reads its messages meanwhile.
    pub fn start(&self, load: LoadReader) {
        let inner = &self.inner;
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("seedbed");
        let worker = match Worker::new_with_options(&script(), &options) {
            Ok(worker) => worker,
            Err(error) => {
                inner.die(did_not_start(&text_of(&error)));
                return;
            }
        };
        let weak = Rc::downgrade(inner);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
            let weak = weak.clone();
            move |message: MessageEvent| {
                if let Some(inner) = Weak::upgrade(&weak) {
                    inner.hear_message(message.data());
                }
            }
        });
        worker.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
        let on_error = Closure::<dyn FnMut(JsValue)>::new({
            let weak = weak.clone();
            move |event: JsValue| {
                if let Some(inner) = Weak::upgrade(&weak) {
                    inner.hear_error(&event);
                }
            }
        });
        worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
        let reading = weak.clone();
        wasm_bindgen_futures::spawn_local(async move {
            let reader = load().await;
            if let Some(inner) = Weak::upgrade(&reading) {
                inner.open_ear(reader);
            }
        });
        if let State::Starting(place, _) = &mut *inner.state.borrow_mut() {
            *place = Some(worker);
        }
        set_timeout(
            move || {
                if let Some(inner) = Weak::upgrade(&weak) {
                    let is_starting = matches!(&*inner.state.borrow(), State::Starting(..));
                    if is_starting {
                        (inner.hear)(Heard::Slow);
                    }
                }
            },
            PATIENCE,
        );
    }
}

impl Backend for Link {
    fn ask(&self, request: Request, on_progress: Box<dyn Fn(Progress)>) -> Running {
        let (id, answer) = self.inner.register(Rc::from(on_progress));
        self.inner.send(Envelope { id, request });
        Running::new(id, async move {
            answer.await.unwrap_or_else(|_gone| {
                Err(Failure::new(
                    FailureKind::Cancelled,
                    "The page was left before the answer came.",
                ))
            })
        })
    }

    fn hand_over(&self, file: &web_sys::File) -> u32 {
        let number = self.inner.next_id.get();
        self.inner.next_id.set(number.wrapping_add(1).max(1));
        let message = Object::new();
        // A fresh plain object takes every property.
        let _ = Reflect::set(&message, &"file".into(), file);
        let _ = Reflect::set(&message, &"number".into(), &number.into());
        self.inner.hand_over(message.into());
        number
    }

    fn cancel(&self, id: RequestId) {
        if self.inner.pending.borrow().contains_key(&id) {
            let (cancel, _ignored) = self.inner.register(Rc::new(|_| {}));
            self.inner.send(Envelope {
                id: cancel,
                request: Request::Cancel { target: id },
            });
        }
    }
}

impl Inner {
    fn register(
        &self,
        on_progress: Rc<dyn Fn(Progress)>,
    ) -> (RequestId, oneshot::Receiver<Result<Reply, Failure>>) {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1).max(1));
        let (answer, receiver) = oneshot::channel();
        self.pending.borrow_mut().insert(
            id,
            Pending {
                answer,
                on_progress,
            },
        );
        (id, receiver)
    }

    /// What asks for the file fails if it can't be handed over.
    fn hand_over(&self, message: JsValue) {
        match &mut *self.state.borrow_mut() {
            State::Starting(_, waiting) => waiting.push(Waiting::File(message)),
            State::Ready(worker) => {
                worker.post_message(&message).ok();
            }
            State::Dead(_) => {}
        }
    }

    fn send(&self, envelope: Envelope) {
        let refusal = match &mut *self.state.borrow_mut() {
            State::Starting(_, waiting) => {
                waiting.push(Waiting::Request(Box::new(envelope)));
                return;
            }
            State::Ready(worker) => match post(worker, &envelope) {
                Ok(()) => return,
                Err(failure) => failure,
            },
            State::Dead(failure) => failure.clone(),
        };
        self.answer(envelope.id, Err(refusal));
    }

    fn answer(&self, id: RequestId, answer: Result<Reply, Failure>) {
        let pending = self.pending.borrow_mut().remove(&id);
        if let Some(pending) = pending {
            if let Ok(reply) = &answer {
                (self.hear)(Heard::Reply(reply));
            }
            // Nobody waits any more: the page was left.
            let _ = pending.answer.send(answer);
        }
    }

    /// Reads what has come so far, in order.
    fn open_ear(&self, reader: Result<Reader, Failure>) {
        let reader = match reader {
            Ok(reader) => reader,
            Err(failure) => {
                self.die(failure);
                return;
            }
        };
        let Ear::Waiting(waiting) = self.ear.replace(Ear::Open(reader)) else {
            return;
        };
        for data in waiting {
            self.hear_message(data);
        }
    }

    fn hear_message(&self, data: JsValue) {
        let read = match &mut *self.ear.borrow_mut() {
            Ear::Waiting(waiting) => {
                waiting.push(data);
                return;
            }
            Ear::Open(reader) => *reader,
        };
        let event = match read(data) {
            Ok(event) => event,
            Err(error) => {
                self.die(other_build(&format!(
                    "a message could not be read: {error}"
                )));
                return;
            }
        };
        match event {
            Event::Ready { build } => self.greet(&build),
            // `Hello` is the only request that is sent under the id 0.
            Event::Done {
                id: 0,
                reply: Reply::Hello { build, storage },
            } => {
                if build == BUILD {
                    self.open_gate(storage);
                } else {
                    self.die(other_build(&format!("page {BUILD}, worker {build}")));
                }
            }
            Event::Failed { id: 0, failure } => self.die(failure),
            Event::Done { id, reply } => self.answer(id, Ok(reply)),
            Event::Failed { id, failure } => self.answer(id, Err(failure)),
            Event::Progress { id, progress } => {
                let on_progress = self
                    .pending
                    .borrow()
                    .get(&id)
                    .map(|pending| pending.on_progress.clone());
                if let Some(on_progress) = on_progress {
                    on_progress(progress);
                }
            }
            Event::Changed { .. } | Event::Run { .. } | Event::ProjectLost { .. } => {
                (self.hear)(Heard::Event(event));
            }
        }
    }

    fn greet(&self, build: &str) {
        if build != BUILD {
            self.die(other_build(&format!("page {BUILD}, worker {build}")));
            return;
        }
        let hello = Envelope {
            id: 0,
            request: Request::Hello {
                build: BUILD.to_owned(),
                config: self.config.clone(),
            },
        };
        let posted = match &*self.state.borrow() {
            State::Starting(Some(worker), _) => post(worker, &hello),
            _ => Ok(()),
        };
        if let Err(failure) = posted {
            self.die(failure);
        }
    }

    /// Lets what has waited through.
    fn open_gate(&self, storage: Storage) {
        let waiting = {
            let mut state = self.state.borrow_mut();
            let State::Starting(Some(worker), waiting) = &mut *state else {
                return;
            };
            let (worker, waiting) = (worker.clone(), std::mem::take(waiting));
            *state = State::Ready(worker);
            waiting
        };
        (self.hear)(Heard::Ready(storage));
        for one in waiting {
            match one {
                Waiting::Request(envelope) => self.send(*envelope),
                Waiting::File(message) => self.hand_over(message),
            }
        }
    }

    fn hear_error(&self, event: &JsValue) {
        let detail = Reflect::get(event, &"message".into())
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default();
        let is_ready = matches!(&*self.state.borrow(), State::Ready(_));
        self.die(if is_ready {
            Failure::new(
                FailureKind::Internal,
                "The part of Seedbed that keeps your work has crashed.",
            )
            .means("Everything it had confirmed is stored. Answers that were on their way are not.")
            .next("Reload the page to go on.")
            .detail(detail)
        } else {
            did_not_start(&detail)
        });
    }

    fn die(&self, failure: Failure) {
        {
            let state = &mut *self.state.borrow_mut();
            match state {
                State::Dead(_) => return,
                State::Starting(worker, _) => {
                    if let Some(worker) = worker {
                        worker.terminate();
                    }
                }
                State::Ready(worker) => worker.terminate(),
            }
            *state = State::Dead(failure.clone());
        }
        (self.hear)(Heard::Dead(failure.clone()));
        let pending: Vec<Pending> = self
            .pending
            .borrow_mut()
            .drain()
            .map(|(_, pending)| pending)
            .collect();
        for pending in pending {
            let _ = pending.answer.send(Err(failure.clone()));
        }
    }
}

fn post(worker: &Worker, envelope: &Envelope) -> Result<(), Failure> {
    let failed = |detail: String| {
        Failure::new(
            FailureKind::Internal,
            "A request could not be handed to the part of Seedbed that keeps your work.",
        )
        .means("Nothing was changed by it.")
        .next("Reload the page and try again.")
        .detail(detail)
    };
    let value = wire::to_js(envelope).map_err(|error| failed(error.to_string()))?;
    worker
        .post_message(&value)
        .map_err(|error| failed(text_of(&error)))
}

fn did_not_start(detail: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "The part of Seedbed that keeps your work did not start.",
    )
    .means("Projects on this machine are untouched.")
    .next("Check the connection and reload. If a blocker is active on this page, allow it to start workers.")
    .detail(detail)
}

fn other_build(detail: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "A newer version of Seedbed is there, and this page is still the old one.",
    )
    .means("Your work is stored as it was.")
    .next("Reload the page to use the new version.")
    .detail(detail)
}

fn text_of(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}
