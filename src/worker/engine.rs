//! The line to the engine worker. To the back end it is a transport: requests to `tab://engine` go to the worker, which is
//! started by the first of them, and everything else goes to the network.

use super::fetch::FetchTransport;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use gloo_timers::callback::Interval;
use js_sys::{Object, Reflect, Uint8Array};
use seedbed_backend::pulse::Pulse;
use seedbed_core::engine::{CONTROL, LOOK_S, ROW, SILENCE_S};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Method, Transport, TransportError};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Event, MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside ours.
const SCRIPT: &str = "engine_loader.js";

/// The network, and the engine.
#[derive(Default)]
pub(crate) struct Ways {
    engine: Rc<Port>,
}

enum Answer {
    Head(u16),
    Piece(Vec<u8>),
    End,
}

type Answers = Result<Answer, String>;

#[derive(Default)]
struct Port {
    worker: RefCell<Option<Worker>>,
    waiting: RefCell<HashMap<u32, UnboundedSender<Answers>>>,
    last: Cell<u32>,
    /// It listens.
    is_ready: Cell<bool>,
    /// What was said before it did.
    early: RefCell<Vec<Object>>,
    /// Whether it still lives.
    pulse: Pulse,
    watch: RefCell<Option<Interval>>,
    /// What was loaded last, as it was asked: another worker loads it in the same sizes.
    order: RefCell<String>,
}

fn broken(text: impl Into<String>) -> TransportError {
    TransportError::Network(text.into())
}

fn number(data: &JsValue, name: &str) -> Option<f64> {
    Reflect::get(data, &name.into()).ok()?.as_f64()
}

impl Port {
    /// Starts the worker if it does not run.
    fn start(self: &Rc<Self>) -> Result<Worker, TransportError> {
        if let Some(worker) = self.worker.borrow().as_ref() {
            return Ok(worker.clone());
        }
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("seedbed engine");
        let worker = Worker::new_with_options(SCRIPT, &options)
            .map_err(|error| broken(format!("{error:?}")))?;
        let port = Rc::downgrade(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
            let port = port.clone();
            move |message: MessageEvent| {
                if let Some(port) = port.upgrade() {
                    port.take(&message.data());
                }
            }
        });
        worker.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
        let on_error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            // Else it counts as an error of ours, and the page would take the whole back end for crashed.
            event.prevent_default();
            let text = Reflect::get(&event, &"message".into())
                .ok()
                .and_then(|text| text.as_string())
                .unwrap_or_else(|| "its script did not come".to_owned());
            if let Some(port) = port.upgrade() {
                port.fail(&text);
            }
        });
        worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
        *self.worker.borrow_mut() = Some(worker.clone());
        let port = Rc::downgrade(self);
        self.watch.borrow_mut().get_or_insert_with(|| {
            Interval::new(LOOK_S * 1000, move || {
                if let Some(port) = port.upgrade() {
                    port.look();
                }
            })
        });
        Ok(worker)
    }

    /// Ends the worker if it was silent for too long. Until it listens the network decides, which tells by itself.
    fn look(&self) {
        let is_asked = self.is_ready.get() && !self.waiting.borrow().is_empty();
        if self.pulse.is_over(is_asked) {
            self.fail(&format!("it was silent for {SILENCE_S} seconds"));
        }
    }

    /// The worker is of no use any more: everyone who waits hears it, and the next request starts another.
    fn fail(&self, text: &str) {
        if let Some(worker) = self.worker.borrow_mut().take() {
            worker.terminate();
        }
        self.pulse.heard();
        self.is_ready.set(false);
        self.early.borrow_mut().clear();
        for (_, tell) in self.waiting.borrow_mut().drain() {
            tell.unbounded_send(Err(text.to_owned())).ok();
        }
    }

    fn take(&self, data: &JsValue) {
        self.pulse.heard();
        if Reflect::has(data, &"beat".into()).unwrap_or_default() {
            return;
        }
        let Some(id) = number(data, "id") else {
            // Its first message says that it listens.
            self.is_ready.set(true);
            if let Some(worker) = self.worker.borrow().as_ref() {
                for message in self.early.borrow_mut().drain(..) {
                    worker.post_message(&message).ok();
                }
            }
            return;
        };
        let id = id as u32;
        if let Some(why) = Reflect::get(data, &"died".into())
            .ok()
            .and_then(|why| why.as_string())
        {
            if let Some(tell) = self.waiting.borrow_mut().remove(&id) {
                tell.unbounded_send(Err(why)).ok();
            }
            return;
        }
        let answer = if let Some(status) = number(data, "status") {
            Answer::Head(status as u16)
        } else if let Ok(bytes) = Reflect::get(data, &"bytes".into())
            .and_then(wasm_bindgen::JsCast::dyn_into::<Uint8Array>)
        {
            Answer::Piece(bytes.to_vec())
        } else {
            Answer::End
        };
        let is_end = matches!(answer, Answer::End);
        let mut waiting = self.waiting.borrow_mut();
        if let Some(tell) = waiting.get(&id) {
            tell.unbounded_send(Ok(answer)).ok();
        }
        if is_end {
            waiting.remove(&id);
        }
    }

    fn post(&self, fields: &[(&str, JsValue)]) -> Result<(), JsValue> {
        let message = Object::new();
        for (name, value) in fields {
            Reflect::set(&message, &(*name).into(), value)?;
        }
        match self.worker.borrow().as_ref() {
            Some(worker) if self.is_ready.get() => worker.post_message(&message),
            Some(_) => {
                self.early.borrow_mut().push(message);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Tells the worker when nobody waits for an answer any more.
struct Guard {
    port: Rc<Port>,
    id: u32,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.port.waiting.borrow_mut().remove(&self.id).is_some() {
            self.port
                .post(&[("id", self.id.into()), ("stop", JsValue::TRUE)])
                .ok();
        }
    }
}

async fn next(answers: &mut UnboundedReceiver<Answers>) -> Result<Answer, TransportError> {
    match answers.next().await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(text)) => Err(broken(text)),
        None => Err(broken("the engine is gone")),
    }
}

async fn send(port: Rc<Port>, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    port.start()?;
    let id = port.last.get().wrapping_add(1);
    port.last.set(id);
    let (tell, mut answers) = unbounded();
    port.waiting.borrow_mut().insert(id, tell);
    let guard = Guard {
        port: Rc::clone(&port),
        id,
    };
    let method = if request.method == Method::Get {
        "GET"
    } else {
        "POST"
    };
    let path = &request.url[CONTROL.len()..];
    let body = String::from_utf8_lossy(request.body.bytes());
    if path == "/load" {
        *port.order.borrow_mut() = body.clone().into_owned();
    }
    let row = request.headers.iter().find(|(name, _)| name == ROW);
    port.post(&[
        ("id", id.into()),
        ("method", method.into()),
        ("path", path.into()),
        ("body", body.as_ref().into()),
        ("row", row.map_or("", |(_, row)| row.as_str()).into()),
        ("order", port.order.borrow().as_str().into()),
    ])
    .map_err(|error| broken(format!("{error:?}")))?;
    let Answer::Head(status) = next(&mut answers).await? else {
        return Err(broken("the engine answered without a head"));
    };
    let body = stream::unfold(Some((answers, guard)), |state| async move {
        let (mut answers, guard) = state?;
        match next(&mut answers).await {
            Ok(Answer::Piece(bytes)) => Some((Ok(bytes), Some((answers, guard)))),
            Ok(_) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
        body: body.boxed_local(),
    })
}

impl Transport for Ways {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        if request.url.starts_with(CONTROL) {
            return send(Rc::clone(&self.engine), request).boxed_local();
        }
        FetchTransport.send(request)
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        FetchTransport.sleep(ms)
    }
}
