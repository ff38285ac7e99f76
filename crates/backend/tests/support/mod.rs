//! A browser's worth of platform, natively: a folder for files, a vector for the page's events, and the real local Hub.

pub(crate) mod reading;

use futures::channel::oneshot;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{LocalBoxFuture, ready};
use futures::task::LocalSpawnExt as _;
use seedbed_backend::Backend;
use seedbed_backend::pieces::Pieces;
use seedbed_backend::platform::{Platform, TableBytes, TableJob, TableReader};
use seedbed_core::messages::{
    Decided, Envelope, Event, ExportKind, Failure, FailureKind, HubConfig, ImportReport,
    ProjectView, PublishPlan, Published, RecordFilter, RecordView, Reply, Request, RunPhase,
    RunStatus, Storage, SyncReport,
};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::review::Response;
use seedbed_core::row::TableRow;
use seedbed_hub::LargeFile;
use seedbed_hub::native::NativeTransport;
use seedbed_hub::transport::Transport;
use seedbed_hub_local::{Config, Running};
use seedbed_store::Store;
use seedbed_table::TableWriter;
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{Read as _, Write as _};
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
    table_waits: TableWaits,
}

/// What the next table waits for before its first row is read.
type TableWaits = Rc<RefCell<Option<oneshot::Receiver<()>>>>;

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

    fn stored(&self) -> LocalBoxFuture<'static, Vec<String>> {
        Box::pin(ready(databases(&self.dir)))
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
        if store.is_err() {
            self.open.borrow_mut().remove(&id);
        }
        Box::pin(ready(store))
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        store.close().expect("a database that closes");
        self.open.borrow_mut().remove(&id);
        Box::pin(ready(()))
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        for extension in ["json", "sqlite", "sqlite.before-format-2"] {
            std::fs::remove_file(self.dir.join(format!("{id}.{extension}"))).ok();
        }
        Box::pin(ready(Ok(())))
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        let waits = self.table_waits.borrow_mut().take();
        Box::pin(async move {
            if let Some(waits) = waits {
                waits.await.ok();
            }
            let job: Box<dyn TableJob> = Box::new(InProcess(TableWriter::new()));
            Ok(job)
        })
    }

    fn read_table(
        &self,
        bytes: TableBytes,
    ) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
        reading::read_table(bytes)
    }
}

/// Ids of the projects that have a database in a folder.
pub(crate) fn databases(dir: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "sqlite")
            && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
        {
            ids.push(id.to_owned());
        }
    }
    ids.sort();
    ids
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

    fn finish(self: Box<Self>) -> LocalBoxFuture<'static, Result<LargeFile, Failure>> {
        let bytes = self
            .0
            .finish()
            .map(LargeFile::from)
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()));
        Box::pin(ready(bytes))
    }
}

/// A browser with one tab on `dir`.
pub(crate) struct Tab {
    pool: LocalPool,
    backend: Backend,
    events: Rc<RefCell<Vec<Event>>>,
    table_waits: TableWaits,
    next: u32,
    /// Where its files are.
    pub(crate) dir: PathBuf,
}

impl Tab {
    pub(crate) fn open(dir: &Path, hub: &str) -> Self {
        Self::open_by(dir, hub, Rc::new(NativeTransport::default()))
    }

    /// The same with another way to the network.
    pub(crate) fn open_by(dir: &Path, hub: &str, way: Rc<dyn Transport>) -> Self {
        let pool = LocalPool::new();
        let events = Rc::new(RefCell::new(Vec::new()));
        let table_waits = TableWaits::default();
        let platform = Rc::new(Folder {
            dir: dir.to_owned(),
            events: Rc::clone(&events),
            spawner: pool.spawner(),
            open: RefCell::default(),
            table_waits: Rc::clone(&table_waits),
        });
        let backend = Backend::new(platform, way, Pieces::WHOLE);
        let mut tab = Self {
            pool,
            backend,
            events,
            table_waits,
            next: 0,
            dir: dir.to_owned(),
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

    /// The next table waits before its first row is read, until what is given back is sent or dropped.
    pub(crate) fn hold_table(&self) -> oneshot::Sender<()> {
        let (go_on, waits) = oneshot::channel();
        *self.table_waits.borrow_mut() = Some(waits);
        go_on
    }

    /// Runs tasks until a table that is held is about to be written.
    pub(crate) fn wait_for_table(&mut self) {
        let table_waits = Rc::clone(&self.table_waits);
        self.wait("a table", |_| table_waits.borrow().is_none().then_some(()));
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

    /// The identity that decides now.
    pub(crate) fn identity(&mut self) -> String {
        match self.ask(Request::ListIdentities) {
            Ok(Reply::Identities(identities)) => identities.present.id,
            other => panic!("nobody is here: {other:?}"),
        }
    }

    pub(crate) fn sign_in(&mut self, token: &str) {
        self.ask(Request::SignIn {
            token: token.to_owned(),
        })
        .expect("signed in");
    }

    /// All records, in order.
    pub(crate) fn records(&mut self, project: &str) -> Vec<RecordView> {
        let asked = self.ask(Request::RecordsAround {
            project: project.to_owned(),
            filter: RecordFilter::default(),
            anchor: None,
            before: 0,
            after: u32::MAX - 1,
        });
        let Ok(Reply::Around { total, rows, .. }) = asked else {
            panic!("no records: {asked:?}");
        };
        assert_eq!(total as usize, rows.len());
        rows
    }

    /// Decides as whoever is here, on the record as it is shown.
    pub(crate) fn respond(
        &mut self,
        project: &str,
        view: &RecordView,
        response: Response,
    ) -> Decided {
        let identity = self.identity();
        let asked = self.ask(Request::Respond {
            project: project.to_owned(),
            decision: new_id(),
            identity,
            record: view.record.id.clone(),
            text: view.text.clone(),
            response,
        });
        match asked {
            Ok(Reply::Decided(decided)) => *decided,
            other => panic!("not decided: {other:?}"),
        }
    }

    /// Takes the last decision of whoever is here back.
    pub(crate) fn undo(&mut self, project: &str) -> Result<Decided, Failure> {
        let identity = self.identity();
        let asked = self.ask(Request::UndoDecision {
            project: project.to_owned(),
            decision: new_id(),
            identity,
            target: None,
        });
        decided(asked)
    }

    /// Puts the decision that whoever is here took back last in its place again.
    pub(crate) fn redo(&mut self, project: &str) -> Result<Decided, Failure> {
        let identity = self.identity();
        let asked = self.ask(Request::RedoDecision {
            project: project.to_owned(),
            decision: new_id(),
            identity,
            target: None,
        });
        decided(asked)
    }

    /// A file of the project, all its pieces, with its name.
    pub(crate) fn file(&mut self, project: &str, kind: ExportKind) -> (String, String) {
        let (mut text, mut after) = (String::new(), None);
        loop {
            let asked = self.ask(Request::Export {
                project: project.to_owned(),
                kind,
                after: after.clone(),
            });
            let Ok(Reply::File { name, piece, .. }) = asked else {
                panic!("no file: {asked:?}");
            };
            text.push_str(&piece.text);
            after = piece.next;
            if after.is_none() {
                return (name, text);
            }
        }
    }

    /// Takes rows in as a person does who takes a table as it is guessed.
    pub(crate) fn import_rows(
        &mut self,
        name: &str,
        text: &str,
        into: Option<&str>,
    ) -> Result<Reply, Failure> {
        let opened = self.ask(reading::open_table(name, text))?;
        let Reply::Look(look) = opened else {
            panic!("no table: {opened:?}");
        };
        let look = look.open()?;
        self.ask(reading::take_table(&look, into.map(str::to_owned)))
    }

    /// Reads a saved project in pieces of so many characters.
    pub(crate) fn import(
        &mut self,
        name: &str,
        text: &str,
        into: Option<&str>,
        characters: usize,
    ) -> Result<(ProjectView, ImportReport), Failure> {
        let begun = self.ask(Request::BeginImport {
            name: name.to_owned(),
            into: into.map(str::to_owned),
        })?;
        let Reply::Importing(import) = begun else {
            panic!("not begun: {begun:?}");
        };
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest
                .char_indices()
                .nth(characters)
                .map_or(rest.len(), |(at, _)| at);
            let (piece, left) = rest.split_at(end);
            rest = left;
            let text = piece.to_owned();
            let asked = self.send(Request::ImportPiece { import, text });
            self.answer_to(asked)?;
            // Thousands of them would be looked through for each answer.
            self.forget_events();
        }
        let gives_up = false;
        match self.ask(Request::EndImport { import, gives_up })? {
            Reply::Imported { project, report } => Ok((*project, report)),
            other => panic!("not imported: {other:?}"),
        }
    }

    pub(crate) fn sync(&mut self, project: &str) -> SyncReport {
        let asked = self.ask(Request::Sync {
            project: project.to_owned(),
        });
        match asked {
            Ok(Reply::Synced(report)) => report,
            other => panic!("not synced: {other:?}"),
        }
    }

    pub(crate) fn plan(&mut self, project: &str) -> PublishPlan {
        let asked = self.ask(Request::PlanPublish {
            project: project.to_owned(),
        });
        match asked {
            Ok(Reply::PublishPlan(plan)) => plan,
            other => panic!("no plan: {other:?}"),
        }
    }

    /// Commits to `main`, with no say on what is unknown or somebody else's.
    pub(crate) fn publish(&mut self, project: &str) -> Result<Published, Failure> {
        match self.ask(publishing(project))? {
            Reply::Published(published) => Ok(published),
            other => panic!("not published: {other:?}"),
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

fn decided(asked: Result<Reply, Failure>) -> Result<Decided, Failure> {
    match asked? {
        Reply::Decided(decided) => Ok(*decided),
        other => panic!("not decided: {other:?}"),
    }
}

/// A plain publish to `main`.
pub(crate) fn publishing(project: &str) -> Request {
    Request::Publish {
        project: project.to_owned(),
        summary: String::new(),
        license: "cc-by-4.0".to_owned(),
        languages: vec!["en".to_owned()],
        as_pull_request: false,
        drops_unknown: None,
        replaces_table: None,
    }
}

/// An id as a page chooses it for a decision.
pub(crate) fn new_id() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    seedbed_core::id::hex(&bytes)
}

/// Asks the local Hub without any client of ours.
pub(crate) fn http(hub: &str, method: &str, path: &str, body: &str) -> String {
    let host = hub.strip_prefix("http://").expect("http");
    let mut line = std::net::TcpStream::connect(host).expect("the local Hub");
    let length = body.len();
    write!(
        line,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.starts_with("HTTP/1.1 200"),
        "{method} {path}: {answer}"
    );
    body.to_owned()
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
