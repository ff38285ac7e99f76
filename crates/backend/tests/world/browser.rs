//! A browser: its files, its locks, its clock, and the tabs that run the product on them.

use crate::dice::Dice;
use crate::life::{self, Life};
use crate::page::{Heard, LocalStorage, Page};
use futures::channel::oneshot;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{LocalBoxFuture, pending, ready};
use futures::task::LocalSpawnExt as _;
use seedbed_backend::Backend;
use seedbed_backend::pieces::Pieces;
use seedbed_backend::platform::{Platform, TableBytes, TableJob, TableReader};
use seedbed_core::messages::{Event, Failure, FailureKind, Storage};
use seedbed_core::row::TableRow;
use seedbed_hub::LargeFile;
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use seedbed_store::Store;
use seedbed_table::TableWriter;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

/// The world begins in June 2025.
const EPOCH_MS: i64 = 1_750_000_000_000;

/// Answer of the network.
pub(crate) type Sent = Result<HttpResponse, TransportError>;

/// Something that goes on only when the world lets it.
pub(crate) enum Job {
    /// A turn of the event loop: files answer later in a browser.
    Turn(oneshot::Sender<()>),
    Http(Box<HttpRequest>, oneshot::Sender<Sent>),
}

impl Job {
    fn is_given_up(&self) -> bool {
        match self {
            Self::Turn(wait) => wait.is_canceled(),
            Self::Http(_, wait) => wait.is_canceled(),
        }
    }
}

/// What a tab waits for.
pub(crate) struct Wire {
    life: Rc<Life>,
    pub(crate) jobs: RefCell<VecDeque<Job>>,
    timers: RefCell<Vec<(u64, oneshot::Sender<()>)>>,
    /// The world's time, which never jumps.
    time: Rc<Cell<u64>>,
}

impl Wire {
    /// Forgets what nobody waits for any more.
    pub(crate) fn tidy(&self) {
        self.jobs.borrow_mut().retain(|job| !job.is_given_up());
        self.timers
            .borrow_mut()
            .retain(|(_, wait)| !wait.is_canceled());
    }

    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.timers.borrow().iter().map(|(due, _)| *due).min()
    }

    /// Rings what is due.
    pub(crate) fn ring(&self) {
        let now = self.time.get();
        let mut timers = self.timers.borrow_mut();
        let (due, later) = std::mem::take(&mut *timers)
            .into_iter()
            .partition(|(due, _)| *due <= now);
        *timers = later;
        for (_, wait) in due {
            wait.send(()).ok();
        }
    }

    fn turn(&self) -> LocalBoxFuture<'static, ()> {
        if !self.life.step() {
            return Box::pin(pending());
        }
        let (go, wait) = oneshot::channel();
        self.jobs.borrow_mut().push_back(Job::Turn(go));
        Box::pin(async move {
            if wait.await.is_err() {
                pending::<()>().await;
            }
        })
    }
}

impl Transport for Wire {
    fn send(&self, request: HttpRequest) -> LocalBoxFuture<'static, Sent> {
        if !self.life.step() {
            return Box::pin(pending());
        }
        let (answer, wait) = oneshot::channel();
        self.jobs
            .borrow_mut()
            .push_back(Job::Http(Box::new(request), answer));
        Box::pin(async move {
            match wait.await {
                Ok(sent) => sent,
                Err(oneshot::Canceled) => pending().await,
            }
        })
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        let (ring, wait) = oneshot::channel();
        self.timers
            .borrow_mut()
            .push((self.time.get().saturating_add(ms), ring));
        Box::pin(async move {
            if wait.await.is_err() {
                pending::<()>().await;
            }
        })
    }
}

/// Another tab that waits for a project's lock.
struct Wanted {
    project: String,
    is_asked: bool,
    go: oneshot::Sender<()>,
}

/// What lies in the browser, whatever tab is open.
pub(crate) struct Disk {
    dir: PathBuf,
    dice: Dice,
    time: Rc<Cell<u64>>,
    /// How far the clock is off, in milliseconds.
    pub(crate) clock_off: Cell<i64>,
    /// Which tab has which project.
    locks: RefCell<BTreeMap<String, u32>>,
    wanted: RefCell<Vec<Wanted>>,
}

/// The platform of one tab.
struct Ground {
    disk: Rc<Disk>,
    tab: u32,
    life: Rc<Life>,
    wire: Rc<Wire>,
    events: Rc<RefCell<VecDeque<Event>>>,
    spawner: LocalSpawner,
}

impl Platform for Ground {
    fn now_ms(&self) -> u64 {
        let now = EPOCH_MS + self.disk.time.get() as i64 + self.disk.clock_off.get();
        u64::try_from(now).unwrap_or(0)
    }

    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.disk.dice.next() & 0xff) as u8;
        }
    }

    fn build(&self) -> String {
        "test".to_owned()
    }

    fn emit(&self, event: Event) {
        if !self.life.is_over() {
            self.events.borrow_mut().push_back(event);
        }
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.spawner.spawn_local(task).ok();
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
        let turn = self.wire.turn();
        let disk = Rc::clone(&self.disk);
        Box::pin(async move {
            turn.await;
            let mut list = Vec::new();
            for entry in std::fs::read_dir(&disk.dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|e| e == "json")
                    && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
                {
                    let text = std::fs::read_to_string(&path).unwrap_or_default();
                    list.push((id.to_owned(), text));
                }
            }
            list.sort();
            list
        })
    }

    fn stored(&self) -> LocalBoxFuture<'static, Vec<String>> {
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.disk.dir)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "sqlite")
                && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
            {
                ids.push(id.to_owned());
            }
        }
        ids.sort();
        Box::pin(ready(ids))
    }

    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        let turn = self.wire.turn();
        let (disk, life) = (Rc::clone(&self.disk), Rc::clone(&self.life));
        Box::pin(async move {
            turn.await;
            if life.is_over() {
                return pending().await;
            }
            std::fs::write(disk.dir.join(format!("{id}.json")), json)
                .map_err(|error| Failure::new(FailureKind::Storage, error.to_string()))
        })
    }

    fn open(&self, id: String, take_over: bool) -> LocalBoxFuture<'static, Result<Store, Failure>> {
        let turn = self.wire.turn();
        let (disk, tab, life) = (Rc::clone(&self.disk), self.tab, Rc::clone(&self.life));
        Box::pin(async move {
            turn.await;
            loop {
                if life.is_over() {
                    return pending().await;
                }
                let is_taken = disk.locks.borrow().contains_key(&id);
                if !is_taken {
                    break;
                }
                if !take_over {
                    return Err(Failure::new(FailureKind::Busy, "open elsewhere"));
                }
                let (go, wait) = oneshot::channel();
                disk.wanted.borrow_mut().push(Wanted {
                    project: id.clone(),
                    is_asked: false,
                    go,
                });
                if wait.await.is_err() {
                    return pending().await;
                }
            }
            disk.locks.borrow_mut().insert(id.clone(), tab);
            let store = Store::open_file(&disk.dir.join(format!("{id}.sqlite")));
            if store.is_err() {
                disk.locks.borrow_mut().remove(&id);
            }
            store.map_err(|error| error.failure())
        })
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        let turn = self.wire.turn();
        let disk = Rc::clone(&self.disk);
        Box::pin(async move {
            turn.await;
            store.close().ok();
            disk.locks.borrow_mut().remove(&id);
        })
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        let turn = self.wire.turn();
        let (disk, life) = (Rc::clone(&self.disk), Rc::clone(&self.life));
        Box::pin(async move {
            turn.await;
            if life.is_over() {
                return pending().await;
            }
            for extension in ["json", "sqlite"] {
                std::fs::remove_file(disk.dir.join(format!("{id}.{extension}"))).ok();
            }
            Ok(())
        })
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        let turn = self.wire.turn();
        let wire = Rc::clone(&self.wire);
        Box::pin(async move {
            turn.await;
            let job: Box<dyn TableJob> = Box::new(Table {
                wire,
                writer: TableWriter::new(),
            });
            Ok(job)
        })
    }

    fn read_table(
        &self,
        bytes: TableBytes,
    ) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
        crate::reading::read_table(bytes)
    }
}

struct Table {
    wire: Rc<Wire>,
    writer: TableWriter,
}

impl TableJob for Table {
    fn push(&mut self, rows: Vec<TableRow>) -> LocalBoxFuture<'_, Result<(), Failure>> {
        let turn = self.wire.turn();
        Box::pin(async move {
            turn.await;
            self.writer
                .push(&rows)
                .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
        })
    }

    fn finish(self: Box<Self>) -> LocalBoxFuture<'static, Result<LargeFile, Failure>> {
        let turn = self.wire.turn();
        Box::pin(async move {
            turn.await;
            self.writer
                .finish()
                .map(LargeFile::from)
                .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
        })
    }
}

/// A tab of a browser.
pub(crate) struct Tab {
    pub(crate) serial: u32,
    pub(crate) page: Page,
    pub(crate) wire: Rc<Wire>,
    pub(crate) life: Rc<Life>,
    events: Rc<RefCell<VecDeque<Event>>>,
    pool: LocalPool,
    /// When its life ends, only its worker ends; the page hears of it.
    pub(crate) is_only_worker: bool,
}

impl Tab {
    /// Runs what can run, and lets the page hear what was said.
    pub(crate) fn run(&mut self) -> Vec<Heard> {
        let (pool, page, events) = (&mut self.pool, &mut self.page, &self.events);
        life::within(&self.life, || {
            let mut heard = Vec::new();
            loop {
                pool.run_until_stalled();
                let said: Vec<Event> = events.borrow_mut().drain(..).collect();
                if said.is_empty() {
                    return heard;
                }
                heard.extend(said.into_iter().flat_map(|event| page.hear(event)));
            }
        })
    }

    fn lose(&mut self, project: &str) {
        let task = self.page.lose(project);
        self.pool.spawner().spawn_local(task).ok();
    }
}

/// Who sits at a browser.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// Who presses the keys, in the model.
    pub(crate) person: usize,
    /// Name of the account that is signed in.
    pub(crate) account: Option<String>,
    /// What the tab keeps so that she stays signed in.
    pub(crate) token: Option<String>,
}

/// A browser of the world.
pub(crate) struct Browser {
    pub(crate) disk: Rc<Disk>,
    pub(crate) tabs: Vec<Tab>,
    storage: LocalStorage,
    pub(crate) seat: Seat,
    /// The project that is on the page, or was when it died.
    pub(crate) project: Option<String>,
    /// Local identities that have decided here.
    pub(crate) guests: Vec<String>,
    next_tab: u32,
    /// The line fails at this request from now: before it is sent, or after it has landed.
    pub(crate) cut: Option<(u32, bool)>,
}

impl Browser {
    pub(crate) fn new(dir: PathBuf, seed: u64, time: Rc<Cell<u64>>, person: usize) -> Self {
        std::fs::create_dir_all(&dir).expect("a folder for the browser");
        Self {
            disk: Rc::new(Disk {
                dir,
                dice: Dice::new(seed),
                time,
                clock_off: Cell::new(0),
                locks: RefCell::default(),
                wanted: RefCell::default(),
            }),
            tabs: Vec::new(),
            storage: LocalStorage::default(),
            seat: Seat {
                person,
                account: None,
                token: None,
            },
            project: None,
            guests: Vec::new(),
            next_tab: 0,
            cut: None,
        }
    }

    /// Opens a tab. It has said nothing yet.
    pub(crate) fn open_tab(&mut self, hub: &str) {
        let pool = LocalPool::new();
        let events = Rc::new(RefCell::new(VecDeque::new()));
        let life = Rc::new(Life::default());
        let wire = Rc::new(Wire {
            life: Rc::clone(&life),
            jobs: RefCell::default(),
            timers: RefCell::default(),
            time: Rc::clone(&self.disk.time),
        });
        self.next_tab += 1;
        let ground = Ground {
            disk: Rc::clone(&self.disk),
            tab: self.next_tab,
            life: Rc::clone(&life),
            wire: Rc::clone(&wire),
            events: Rc::clone(&events),
            spawner: pool.spawner(),
        };
        let transport: Rc<dyn Transport> = wire.clone();
        let backend = Backend::new(Rc::new(ground), transport, Pieces::WHOLE);
        let storage = Rc::clone(&self.storage);
        let dice = Dice::new(self.disk.dice.next());
        self.tabs.push(Tab {
            serial: self.next_tab,
            page: Page::new(backend, hub, storage, Rc::clone(&life), dice),
            wire,
            life,
            events,
            pool,
            is_only_worker: false,
        });
    }

    /// Takes a tab away, with everything that it had locked.
    pub(crate) fn close_tab(&mut self, at: usize) -> Tab {
        let tab = self.tabs.remove(at);
        self.disk
            .locks
            .borrow_mut()
            .retain(|_, owner| *owner != tab.serial);
        tab
    }

    /// Asks tabs for what others want, and hands on what they let go. True if something moved.
    pub(crate) fn hand_over(&mut self) -> bool {
        let mut has_moved = false;
        let wanted = std::mem::take(&mut *self.disk.wanted.borrow_mut());
        for mut wish in wanted {
            if wish.go.is_canceled() {
                continue;
            }
            let owner = self.disk.locks.borrow().get(&wish.project).copied();
            let Some(owner) = owner else {
                wish.go.send(()).ok();
                has_moved = true;
                continue;
            };
            if !wish.is_asked
                && let Some(tab) = self.tabs.iter_mut().find(|tab| tab.serial == owner)
            {
                tab.lose(&wish.project);
                wish.is_asked = true;
                has_moved = true;
            }
            self.disk.wanted.borrow_mut().push(wish);
        }
        has_moved
    }
}
