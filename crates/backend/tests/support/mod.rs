//! A browser's worth of platform, natively: a folder for files, a vector for the page's events, and the real local Hub.

use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{LocalBoxFuture, ready};
use futures::task::LocalSpawnExt as _;
use seedbed_backend::Backend;
use seedbed_backend::pieces::Pieces;
use seedbed_backend::platform::{Platform, TableJob};
use seedbed_core::messages::{
    Envelope, Event, Failure, FailureKind, HubConfig, ProjectView, Reply, Request, RunPhase,
    RunStatus, Storage,
};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::row::TableRow;
use seedbed_hub::native::NativeTransport;
use seedbed_hub_local::{Config, Running};
use seedbed_store::Store;
use seedbed_table::TableWriter;
use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_mins(1);

struct Folder {
    dir: PathBuf,
    events: Rc<RefCell<Vec<Event>>>,
    spawner: LocalSpawner,
    open: RefCell<HashSet<String>>,
}

impl Platform for Folder {
    fn now_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_millis() as u64)
    }

    fn random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has randomness");
    }

    fn build(&self) -> String {
        "test".to_owned()
    }

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.spawner.spawn_local(task).expect("the pool lives");
    }

    fn storage(&self) -> LocalBoxFuture<'static, Storage> {
        Box::pin(ready(Storage {
            is_durable: true,
            ..Storage::default()
        }))
    }

    fn persist(&self) -> LocalBoxFuture<'static, Storage> {
        self.storage()
    }

    fn list_meta(&self) -> LocalBoxFuture<'static, Vec<(String, String)>> {
        let mut list = Vec::new();
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "json")
                && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
            {
                list.push((
                    id.to_owned(),
                    std::fs::read_to_string(&path).unwrap_or_default(),
                ));
            }
        }
        Box::pin(ready(list))
    }

    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        let written = std::fs::write(self.dir.join(format!("{id}.json")), json)
            .map_err(|error| Failure::new(FailureKind::Storage, error.to_string()));
        Box::pin(ready(written))
    }

    fn open(
        &self,
        id: String,
        _take_over: bool,
    ) -> LocalBoxFuture<'static, Result<Store, Failure>> {
        if !self.open.borrow_mut().insert(id.clone()) {
            return Box::pin(ready(Err(Failure::new(
                FailureKind::Busy,
                "open elsewhere",
            ))));
        }
        let store = Store::open_file(&self.dir.join(format!("{id}.sqlite")))
            .map_err(|error| error.failure());
        Box::pin(ready(store))
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        store.close().expect("a database that closes");
        self.open.borrow_mut().remove(&id);
        Box::pin(ready(()))
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        for extension in ["json", "sqlite"] {
            std::fs::remove_file(self.dir.join(format!("{id}.{extension}"))).ok();
        }
        Box::pin(ready(Ok(())))
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        let job: Box<dyn TableJob> = Box::new(InProcess(TableWriter::new()));
        Box::pin(ready(Ok(job)))
    }
}

struct InProcess(TableWriter);

impl TableJob for InProcess {
    fn push(&mut self, rows: Vec<TableRow>) -> LocalBoxFuture<'_, Result<(), Failure>> {
        let pushed = self
            .0
            .push(&rows)
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()));
        Box::pin(ready(pushed))
    }

    fn finish(self: Box<Self>) -> LocalBoxFuture<'static, Result<Vec<u8>, Failure>> {
        let bytes = self
            .0
            .finish()
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()));
        Box::pin(ready(bytes))
    }
}

/// A browser with one tab on `dir`.
pub(crate) struct Tab {
    pool: LocalPool,
    backend: Backend,
    events: Rc<RefCell<Vec<Event>>>,
    next: u32,
}

impl Tab {
    pub(crate) fn open(dir: &Path, hub: &str) -> Self {
        let pool = LocalPool::new();
        let events = Rc::new(RefCell::new(Vec::new()));
        let platform = Rc::new(Folder {
            dir: dir.to_owned(),
            events: Rc::clone(&events),
            spawner: pool.spawner(),
            open: RefCell::default(),
        });
        let backend = Backend::new(platform, Rc::new(NativeTransport::default()), Pieces::WHOLE);
        let mut tab = Self {
            pool,
            backend,
            events,
            next: 0,
        };
        tab.ask(Request::Hello {
            build: "test".to_owned(),
            config: HubConfig {
                hub: hub.to_owned(),
                router: format!("{hub}/v1"),
            },
        })
        .expect("a greeting");
        tab
    }

    /// Sends a request and returns its id.
    pub(crate) fn send(&mut self, request: Request) -> u32 {
        self.next += 1;
        self.backend.handle(Envelope {
            id: self.next,
            request,
        });
        self.next
    }

    /// Runs tasks until `found` finds what it looks for among the events.
    pub(crate) fn wait<T>(&mut self, what: &str, found: impl Fn(&[Event]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            self.pool.run_until_stalled();
            if let Some(value) = found(&self.events.borrow()) {
                return value;
            }
            assert!(started.elapsed() < PATIENCE, "waited too long for {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Runs tasks for a while.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(ms) {
            self.pool.run_until_stalled();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn answer_to(&mut self, wanted: u32) -> Result<Reply, Failure> {
        self.wait("an answer", |events| {
            events.iter().find_map(|event| match event {
                Event::Done { id, reply } if *id == wanted => Some(Ok(reply.clone())),
                Event::Failed { id, failure } if *id == wanted => Some(Err(failure.clone())),
                _ => None,
            })
        })
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        let shown = format!("{request:?}");
        let id = self.send(request);
        let answer = self.answer_to(id);
        if let Err(failure) = &answer {
            eprintln!("{}: {failure:?}", &shown[..shown.len().min(120)]);
        }
        answer
    }

    pub(crate) fn opened(&mut self, request: Request) -> ProjectView {
        match self.ask(request) {
            Ok(Reply::Opened(view)) => *view,
            Ok(Reply::Imported { project, .. }) => *project,
            other => panic!("not opened: {other:?}"),
        }
    }

    pub(crate) fn finish_run(&mut self, run: &str) -> RunStatus {
        self.wait("the end of the run", |events| {
            events.iter().rev().find_map(|event| match event {
                Event::Run { status, .. }
                    if status.id == run
                        && matches!(status.phase, RunPhase::Finished | RunPhase::Paused) =>
                {
                    Some(status.clone())
                }
                _ => None,
            })
        })
    }

    pub(crate) fn forget_events(&self) {
        self.events.borrow_mut().clear();
    }
}

/// The local Hub with its scripted model.
pub(crate) fn hub(dir: &Path) -> Running {
    let mut config = Config::new(dir);
    config.has_scripted_model = true;
    seedbed_hub_local::start(config).expect("the local Hub starts")
}

/// The scripted model at the address that asks for no key.
pub(crate) fn model(hub: &str) -> Endpoint {
    Endpoint {
        kind: EndpointKind::OpenAi,
        base_url: format!("{hub}/open/v1"),
        model: "scripted/farm-hand".to_owned(),
        ..Endpoint::default()
    }
}
