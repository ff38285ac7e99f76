//! The real back end under a page: a browser in memory with its tabs, a model that says what it is told to, a line that
//! can fail, and answers given in place of those that need the Hub.
#![allow(dead_code, reason = "each page uses a part")]

pub(crate) mod reading;

use futures::StreamExt as _;
use futures::channel::{mpsc, oneshot};
use futures::future::{LocalBoxFuture, ready};
use futures::stream;
use gloo_timers::future::TimeoutFuture;
use seedbed::pages::desk::{Backend as Way, Running};
use seedbed::platform::link::Heard;
use seedbed::state::Shell;
use seedbed_backend::Backend;
use seedbed_backend::pieces::Pieces;
use seedbed_backend::platform::{Platform, TableBytes, TableJob, TableReader};
use seedbed_core::messages::{
    Envelope, Event, Failure, FailureKind, HubConfig, HubLink, Progress, ProjectView, RecordFilter,
    Reply, Request, RequestId, Storage,
};
use seedbed_core::params::RunSettings;
use seedbed_core::review::{Quality, Response};
use seedbed_core::seed::Seed;
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use seedbed_store::Store;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

/// A worker is never done within the same turn of the page.
const WAY_MS: u32 = 20;
/// Where the model answers.
pub(crate) const MODEL: &str = "http://model.test/v1";

/// What becomes of a request that is not handed to the back end as it came.
pub(crate) enum Instead {
    /// It is answered so. For what needs the Hub.
    Answer(Result<Reply, Failure>),
    /// The back end is asked this.
    Ask(Request),
    /// It comes to the back end so many milliseconds late.
    Late(u32),
}

type Rule = Box<dyn Fn(&Request) -> Option<Instead>>;

/// A worker of the page, without the worker: one tab of a browser.
pub(crate) struct Worker {
    backend: Backend,
    tab: u32,
    browser: Rc<Browser>,
    line: Rc<Line>,
    next: Cell<RequestId>,
    rules: RefCell<Vec<Rule>>,
    asked: RefCell<Vec<Request>>,
    /// The model at [`MODEL`].
    pub(crate) model: Rc<Model>,
    /// What saves, acts on decisions and drafts are answered with in place of what the backend would say.
    pub(crate) fault: RefCell<Option<Failure>>,
}

impl Worker {
    /// The back end of the only tab of a new browser, greeted.
    pub(crate) async fn start() -> Rc<Self> {
        Self::open_tab(Rc::default()).await
    }

    /// The back end of another tab of the same browser.
    pub(crate) async fn beside(&self) -> Rc<Self> {
        Self::open_tab(Rc::clone(&self.browser)).await
    }

    async fn open_tab(browser: Rc<Browser>) -> Rc<Self> {
        let (events, mut told) = mpsc::unbounded();
        let tab = browser.last_tab.get() + 1;
        browser.last_tab.set(tab);
        let platform = Rc::new(Tab {
            number: tab,
            browser: Rc::clone(&browser),
            events,
        });
        let model = Rc::new(Model::default());
        let network = Rc::new(Network(Rc::clone(&model)));
        let worker = Rc::new(Self {
            backend: Backend::new(platform, network, Pieces::WHOLE),
            tab,
            browser,
            line: Rc::default(),
            next: Cell::new(1),
            rules: RefCell::default(),
            asked: RefCell::default(),
            model,
            fault: RefCell::default(),
        });
        let tabs = &worker.browser.tabs;
        tabs.borrow_mut().insert(tab, worker.backend.clone());
        let line = Rc::clone(&worker.line);
        spawn_local(async move {
            while let Some(event) = told.next().await {
                line.tell(event);
            }
        });
        let hello = Request::Hello {
            build: "test".to_owned(),
            config: HubConfig::default(),
        };
        worker.ask(hello).await.expect("a greeting");
        worker
    }

    /// Asks for the test: the page hears nothing of it.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.send(self.next_id(), request, Box::new(|_| {})).await
    }

    /// What the page has asked and `pick` takes, in order.
    pub(crate) fn asked<T>(&self, pick: impl Fn(&Request) -> Option<T>) -> Vec<T> {
        self.asked.borrow().iter().filter_map(pick).collect()
    }

    /// Treats the page's requests that `rule` knows as it says; the first rule that does counts.
    pub(crate) fn instead(&self, rule: impl Fn(&Request) -> Option<Instead> + 'static) {
        self.rules.borrow_mut().push(Box::new(rule));
    }

    /// The shell that hears events and every answer to the page, as over the real line.
    pub(crate) fn set_shell(&self, shell: Shell) {
        *self.line.shell.borrow_mut() = Some(shell);
    }

    fn next_id(&self) -> RequestId {
        self.next.replace(self.next.get() + 1)
    }

    async fn send(
        &self,
        id: RequestId,
        request: Request,
        on_progress: Box<dyn Fn(Progress)>,
    ) -> Result<Reply, Failure> {
        let (answer, told) = oneshot::channel();
        let pending = Pending {
            answer,
            on_progress,
        };
        self.line.pending.borrow_mut().insert(id, pending);
        self.backend.handle(Envelope { id, request });
        told.await.expect("one answer to each request")
    }

    fn rule(&self, request: &Request) -> Option<Instead> {
        self.rules.borrow().iter().find_map(|rule| rule(request))
    }

    async fn answer(
        &self,
        id: RequestId,
        request: Request,
        on_progress: Box<dyn Fn(Progress)>,
    ) -> Result<Reply, Failure> {
        let fault = self.fault.borrow().clone();
        if let Some(failure) = fault.filter(|_| is_work(&request)) {
            return Err(failure);
        }
        let request = match self.rule(&request) {
            Some(Instead::Answer(answer)) => return answer,
            Some(Instead::Ask(other)) => other,
            Some(Instead::Late(ms)) => {
                TimeoutFuture::new(ms).await;
                request
            }
            None => request,
        };
        self.send(id, request, on_progress).await
    }

    /// A project with these instructions and answers.
    pub(crate) async fn project(&self, rows: &[(&str, &str)]) -> ProjectView {
        self.project_of_lines(&lines(rows)).await
    }

    /// A project with these lines of JSON, a row each.
    pub(crate) async fn project_of_lines(&self, text: &str) -> ProjectView {
        match self.import_rows(text, None).await {
            Ok(Reply::Imported { project, report }) => {
                let rows = text.lines().count();
                assert_eq!(report.rows as usize, rows, "{:?}", report.skipped);
                *project
            }
            other => panic!("not imported: {other:?}"),
        }
    }

    /// A saved project with these lines of records.
    pub(crate) async fn project_of_records(&self, records: &[serde_json::Value]) -> ProjectView {
        let seed = Seed {
            domain: "Records".to_owned(),
            ..Seed::default()
        };
        let header =
            json!({"seedbed_project": 2, "seed": seed, "settings": RunSettings::default()});
        let lines = records.iter().map(|record| json!({"record": record}));
        let text: Vec<String> = std::iter::once(header)
            .chain(lines)
            .map(|line| line.to_string())
            .collect();
        let begin = Request::BeginImport {
            name: "records.jsonl".to_owned(),
            into: None,
        };
        let import = match self.ask(begin).await {
            Ok(Reply::Importing(import)) => import,
            other => panic!("not begun: {other:?}"),
        };
        let text = text.join("\n");
        let piece = Request::ImportPiece { import, text };
        self.ask(piece).await.expect("a piece");
        let end = Request::EndImport {
            import,
            gives_up: false,
        };
        match self.ask(end).await {
            Ok(Reply::Imported { project, report }) => {
                assert_eq!(report.rows as usize, records.len(), "{:?}", report.skipped);
                *project
            }
            other => panic!("not imported: {other:?}"),
        }
    }

    /// Takes instructions and answers into an open project.
    pub(crate) async fn add_rows(&self, project: &str, rows: &[(&str, &str)]) {
        let into = Some(project.to_owned());
        self.import_rows(&lines(rows), into)
            .await
            .expect("imported");
    }

    async fn import_rows(&self, text: &str, into: Option<String>) -> Result<Reply, Failure> {
        let number = self.next_id();
        let opened = self
            .ask(reading::open_table(number, "rows.jsonl", text))
            .await?;
        let Reply::Look(look) = opened else {
            panic!("no table: {opened:?}");
        };
        let look = look.open()?;
        self.ask(reading::take_table(&look, into)).await
    }

    /// Accepts the first records of an open project.
    pub(crate) async fn accept(&self, project: &ProjectView, count: u32) {
        let around = Request::RecordsAround {
            project: project.summary.id.clone(),
            filter: RecordFilter::default(),
            anchor: None,
            before: 0,
            after: count - 1,
        };
        let Ok(Reply::Around { rows, .. }) = self.ask(around).await else {
            panic!("no records");
        };
        assert_eq!(rows.len(), count as usize);
        for (n, row) in rows.into_iter().enumerate() {
            let respond = Request::Respond {
                project: project.summary.id.clone(),
                decision: format!("accepted{n}"),
                identity: project.identity.id.clone(),
                record: row.record.id,
                text: row.text,
                response: Response::rated(Quality::Good),
            };
            self.ask(respond).await.expect("accepted");
        }
    }

    /// A new project, open.
    pub(crate) async fn create(&self, name: &str) -> ProjectView {
        let name = name.to_owned();
        self.opened(Request::CreateProject { name }).await
    }

    /// The project that `request` opens.
    pub(crate) async fn opened(&self, request: Request) -> ProjectView {
        match self.ask(request).await {
            Ok(Reply::Opened(project)) => *project,
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Opens a project in this tab.
    pub(crate) async fn open(&self, project: &str) -> ProjectView {
        self.opened(opening(project, false)).await
    }

    /// Closes a project of this tab.
    pub(crate) async fn close(&self, project: &str) {
        let id = project.to_owned();
        let closed = self.ask(Request::CloseProject { id }).await;
        closed.expect("closed");
    }

    /// Whether a project is open in this tab.
    pub(crate) async fn has_open(&self, project: &str) -> bool {
        let project = project.to_owned();
        self.ask(Request::RecordCounts { project }).await.is_ok()
    }

    /// Makes a closed project one that was linked to a repo of the Hub on another day.
    pub(crate) fn link(&self, project: &str, repo: &str) {
        let link = HubLink {
            repo: repo.to_owned(),
            ..HubLink::default()
        };
        let store = Store::open_file(&self.closed_file(project)).expect("a database");
        store.put("hub_link", &link).expect("linked");
        store.close().expect("closed");
        // Listed as one that a tab left open, it is listed anew.
        let mut list = self.browser.list.borrow_mut();
        let listing = list.get_mut(project).expect("a listing");
        let open = listing.replace("\"is_open\":false", "\"is_open\":true");
        assert_ne!(open, *listing);
        *listing = open;
    }

    fn closed_file(&self, project: &str) -> PathBuf {
        let holder = self.browser.holders.borrow().get(project).copied();
        assert_eq!(holder, None, "the project is open");
        file(project)
    }

    /// Does something to the database of a closed project that no build of ours does.
    pub(crate) fn spoil(&self, project: &str, sql: &str) {
        let file = self.closed_file(project);
        let database = rusqlite::Connection::open(file).expect("a database");
        database.execute_batch(sql).expect("spoilt");
        database.close().expect("closed");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The tab's back end knows the browser.
        self.browser.tabs.borrow_mut().remove(&self.tab);
    }
}

/// What the person makes: everything that [`Worker::fault`] refuses.
fn is_work(request: &Request) -> bool {
    matches!(
        request,
        Request::SaveSeed { .. }
            | Request::Respond { .. }
            | Request::SaveDraft { .. }
            | Request::UndoDecision { .. }
            | Request::RedoDecision { .. }
    )
}

/// A request to open a project.
pub(crate) fn opening(project: &str, take_over: bool) -> Request {
    Request::OpenProject {
        id: project.to_owned(),
        take_over,
    }
}

fn lines(rows: &[(&str, &str)]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|(instruction, response)| {
            json!({"instruction": instruction, "response": response}).to_string()
        })
        .collect();
    lines.join("\n")
}

/// The page's way to a [`Worker`].
pub(crate) struct Wire(pub(crate) Rc<Worker>);

impl Way for Wire {
    fn ask(&self, request: Request, on_progress: Box<dyn Fn(Progress)>) -> Running {
        let worker = Rc::clone(&self.0);
        worker.asked.borrow_mut().push(request.clone());
        let id = worker.next_id();
        let (tell, told) = oneshot::channel();
        // What was sent is done, whether somebody waits for the answer or not.
        spawn_local(async move {
            TimeoutFuture::new(WAY_MS).await;
            let answer = worker.answer(id, request, on_progress).await;
            if let Ok(reply) = &answer {
                worker.line.hear(Heard::Reply(reply));
            }
            tell.send(answer).ok();
        });
        Running::new(id, async move { told.await.expect("an answer") })
    }

    fn cancel(&self, target: RequestId) {
        let worker = Rc::clone(&self.0);
        spawn_local(async move {
            TimeoutFuture::new(WAY_MS).await;
            worker.ask(Request::Cancel { target }).await.ok();
        });
    }

    fn hand_over(&self, file: &web_sys::File) -> u32 {
        let number = self.0.next_id();
        reading::hand_over(number, file);
        number
    }
}

/// What comes back from a back end.
#[derive(Default)]
struct Line {
    pending: RefCell<HashMap<RequestId, Pending>>,
    shell: RefCell<Option<Shell>>,
}

struct Pending {
    answer: oneshot::Sender<Result<Reply, Failure>>,
    on_progress: Box<dyn Fn(Progress)>,
}

impl Line {
    fn tell(&self, event: Event) {
        let (id, answer) = match event {
            Event::Done { id, reply } => (id, Ok(reply)),
            Event::Failed { id, failure } => (id, Err(failure)),
            Event::Progress { id, progress } => {
                if let Some(pending) = self.pending.borrow().get(&id) {
                    (pending.on_progress)(progress);
                }
                return;
            }
            event => return self.hear(Heard::Event(event)),
        };
        let pending = self.pending.borrow_mut().remove(&id);
        if let Some(pending) = pending {
            // Nobody waits any more: the test is over.
            pending.answer.send(answer).ok();
        }
    }

    fn hear(&self, heard: Heard<'_>) {
        let shell = *self.shell.borrow();
        if let Some(shell) = shell {
            shell.hear(heard);
        }
    }
}

/// What the tabs of a browser have in common. The databases are SQLite's own files in memory.
#[derive(Default)]
struct Browser {
    list: RefCell<HashMap<String, String>>,
    /// The tab that has a project open.
    holders: RefCell<HashMap<String, u32>>,
    tabs: RefCell<HashMap<u32, Backend>>,
    last_tab: Cell<u32>,
}

/// Where the database of a project lies. Ids are random, so browsers do not meet.
fn file(project: &str) -> PathBuf {
    PathBuf::from(format!("{project}.sqlite"))
}

/// One tab of a browser, for its back end.
struct Tab {
    number: u32,
    browser: Rc<Browser>,
    events: mpsc::UnboundedSender<Event>,
}

impl Platform for Tab {
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
        // Heard in a turn of its own, like a message.
        self.events.unbounded_send(event).ok();
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        spawn_local(task);
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
        let list = self.browser.list.borrow();
        let list = list.iter().map(|(id, text)| (id.clone(), text.clone()));
        Box::pin(ready(list.collect()))
    }

    fn stored(&self) -> LocalBoxFuture<'static, Vec<String>> {
        // A tab that dies here leaves nothing unlisted: no file is read in pieces.
        let list = self.browser.list.borrow();
        Box::pin(ready(list.keys().cloned().collect()))
    }

    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        self.browser.list.borrow_mut().insert(id, json);
        Box::pin(ready(Ok(())))
    }

    fn open(&self, id: String, take_over: bool) -> LocalBoxFuture<'static, Result<Store, Failure>> {
        let (browser, tab) = (Rc::clone(&self.browser), self.number);
        Box::pin(async move {
            let holder = browser.holders.borrow().get(&id).copied();
            if let Some(holder) = holder {
                if !take_over {
                    return Err(Failure::new(FailureKind::Busy, "Another tab has it."));
                }
                let holder = browser.tabs.borrow().get(&holder).cloned();
                if let Some(holder) = holder {
                    holder.lose(&id).await;
                }
            }
            let store = Store::open_file(&file(&id)).map_err(|error| error.failure())?;
            browser.holders.borrow_mut().insert(id, tab);
            Ok(store)
        })
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        store.close().expect("a database that closes");
        self.browser.holders.borrow_mut().remove(&id);
        Box::pin(ready(()))
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        // The database is gone with the test; nothing else has its name.
        self.browser.list.borrow_mut().remove(&id);
        Box::pin(ready(Ok(())))
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        Box::pin(ready(Err(Failure::new(
            FailureKind::Internal,
            "Tables are not written here.",
        ))))
    }

    fn read_table(
        &self,
        bytes: TableBytes,
    ) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
        reading::read_table(bytes)
    }
}

/// A model that says what it is told to.
#[derive(Default)]
pub(crate) struct Model {
    /// Its answer to whatever it is asked, in pieces.
    pub(crate) says: RefCell<Vec<&'static str>>,
    /// What it was asked, as JSON.
    pub(crate) asked: RefCell<Vec<String>>,
}

/// Nothing is reached but the model.
struct Network(Rc<Model>);

impl Transport for Network {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        if request.url != format!("{MODEL}/chat/completions") {
            let offline = TransportError::Network("offline".to_owned());
            return Box::pin(ready(Err(offline)));
        }
        let asked = String::from_utf8_lossy(request.body.bytes()).into_owned();
        self.0.asked.borrow_mut().push(asked);
        let event = |delta: serde_json::Value, end: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": end});
            format!("data: {}\n\n", json!({"choices": [choice]}))
        };
        let said = self.0.says.borrow();
        let mut events: Vec<String> = said
            .iter()
            .map(|piece| event(json!({"content": piece}), None))
            .collect();
        events.push(event(json!({}), Some("stop")));
        events.push("data: [DONE]\n\n".to_owned());
        let pieces = events.into_iter().map(|event| Ok(event.into_bytes()));
        Box::pin(ready(Ok(HttpResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
            body: stream::iter(pieces).boxed_local(),
        })))
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(TimeoutFuture::new(ms as u32))
    }
}
