//! The real back end under a page: projects in memory, no network, and a line that can fail.

use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, ready};
use gloo_timers::future::TimeoutFuture;
use seedbed::pages::desk::{Backend as Way, Running};
use seedbed_backend::Backend;
use seedbed_backend::pieces::Pieces;
use seedbed_backend::platform::{Platform, TableJob};
use seedbed_core::messages::{
    Envelope, Event, Failure, FailureKind, HubConfig, Progress, ProjectView, Reply, Request,
    RequestId, Storage,
};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use seedbed_store::Store;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// A worker is never done within the same turn of the page.
const WAY_MS: u32 = 20;

type Answer = oneshot::Sender<Result<Reply, Failure>>;

/// A worker of the page, without the worker.
pub(crate) struct Worker {
    backend: Backend,
    pending: Rc<RefCell<HashMap<RequestId, Answer>>>,
    next: Cell<RequestId>,
    /// What acts on decisions and drafts are answered with in place of what the backend would say.
    pub(crate) fault: RefCell<Option<Failure>>,
}

impl Worker {
    /// A back end that has been greeted.
    pub(crate) async fn start() -> Rc<Self> {
        let pending: Rc<RefCell<HashMap<RequestId, Answer>>> = Rc::default();
        let memory = Rc::new(Memory {
            pending: Rc::clone(&pending),
            closed: RefCell::default(),
            meta: RefCell::default(),
        });
        let worker = Rc::new(Self {
            backend: Backend::new(memory, Rc::new(NoNetwork), Pieces::WHOLE),
            pending,
            next: Cell::new(1),
            fault: RefCell::new(None),
        });
        let hello = Request::Hello {
            build: "test".to_owned(),
            config: HubConfig::default(),
        };
        worker.ask(hello).await.expect("a greeting");
        worker
    }

    /// Asks as the page does.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.send(request)
            .1
            .await
            .expect("one answer to each request")
    }

    fn send(&self, request: Request) -> (RequestId, oneshot::Receiver<Result<Reply, Failure>>) {
        let id = self.next.get();
        self.next.set(id + 1);
        let (answer, receiver) = oneshot::channel();
        self.pending.borrow_mut().insert(id, answer);
        self.backend.handle(Envelope { id, request });
        (id, receiver)
    }

    /// A project with these instructions and answers.
    pub(crate) async fn project(&self, rows: &[(&str, &str)]) -> ProjectView {
        let lines: Vec<String> = rows
            .iter()
            .map(|(instruction, response)| {
                serde_json::json!({"instruction": instruction, "response": response}).to_string()
            })
            .collect();
        let request = Request::ImportProject {
            name: "rows.jsonl".to_owned(),
            text: lines.join("\n"),
        };
        match self.ask(request).await {
            Ok(Reply::Imported { project, report }) => {
                assert_eq!(report.rows as usize, rows.len(), "{:?}", report.skipped);
                *project
            }
            other => panic!("not imported: {other:?}"),
        }
    }
}

/// The page's way to a [`Worker`].
pub(crate) struct Wire(pub(crate) Rc<Worker>);

impl Way for Wire {
    fn ask(&self, request: Request, _: Box<dyn Fn(Progress)>) -> Running {
        let worker = Rc::clone(&self.0);
        Running::new(1, async move {
            TimeoutFuture::new(WAY_MS).await;
            let fault = worker.fault.borrow().clone();
            let is_act = matches!(
                request,
                Request::Respond { .. }
                    | Request::SaveDraft { .. }
                    | Request::UndoDecision { .. }
                    | Request::RedoDecision { .. }
            );
            match fault.filter(|_| is_act) {
                Some(failure) => Err(failure),
                None => worker.ask(request).await,
            }
        })
    }

    fn cancel(&self, _: RequestId) {}
}

/// A browser whose files are maps.
struct Memory {
    pending: Rc<RefCell<HashMap<RequestId, Answer>>>,
    closed: RefCell<HashMap<String, Store>>,
    meta: RefCell<HashMap<String, String>>,
}

impl Platform for Memory {
    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (js_sys::Math::random() * 256.0) as u8;
        }
    }

    fn build(&self) -> String {
        "test".to_owned()
    }

    fn emit(&self, event: Event) {
        let (id, answer) = match event {
            Event::Done { id, reply } => (id, Ok(reply)),
            Event::Failed { id, failure } => (id, Err(failure)),
            _ => return,
        };
        if let Some(waiting) = self.pending.borrow_mut().remove(&id) {
            // Nobody waits any more: the page was left.
            let _ = waiting.send(answer);
        }
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn storage(&self) -> LocalBoxFuture<'static, Storage> {
        Box::pin(ready(Storage::default()))
    }

    fn persist(&self) -> LocalBoxFuture<'static, Storage> {
        self.storage()
    }

    fn list_meta(&self) -> LocalBoxFuture<'static, Vec<(String, String)>> {
        let meta = self.meta.borrow();
        let list = meta.iter().map(|(id, text)| (id.clone(), text.clone()));
        Box::pin(ready(list.collect()))
    }

    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        self.meta.borrow_mut().insert(id, json);
        Box::pin(ready(Ok(())))
    }

    fn open(&self, id: String, _: bool) -> LocalBoxFuture<'static, Result<Store, Failure>> {
        let store = match self.closed.borrow_mut().remove(&id) {
            Some(store) => Ok(store),
            None => Store::open_memory().map_err(|error| error.failure()),
        };
        Box::pin(ready(store))
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        self.closed.borrow_mut().insert(id, store);
        Box::pin(ready(()))
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        self.closed.borrow_mut().remove(&id);
        self.meta.borrow_mut().remove(&id);
        Box::pin(ready(Ok(())))
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        Box::pin(ready(Err(Failure::new(
            FailureKind::Internal,
            "Tables are not written here.",
        ))))
    }
}

/// Offline.
struct NoNetwork;

impl Transport for NoNetwork {
    fn send(
        &self,
        _: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        Box::pin(ready(Err(TransportError::Network("offline".to_owned()))))
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(TimeoutFuture::new(ms as u32))
    }
}
