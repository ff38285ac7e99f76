//! A browser whose clock, storage and locks a test decides about, with several tabs.

use crate::common::World;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{LocalBoxFuture, ready};
use futures::task::LocalSpawnExt as _;
use seedbed_backend::Backend;
use seedbed_backend::pieces::Pieces;
use seedbed_backend::platform::{Platform, TableBytes, TableJob, TableReader};
use seedbed_core::messages::{
    Envelope, Event, Failure, FailureKind, HubConfig, ProjectSummary, Reply, Request, Storage,
};
use seedbed_hub::native::NativeTransport;
use seedbed_store::Store;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::{TempDir, tempdir};

/// Milliseconds of a day.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// What the tabs of one browser share.
pub(crate) struct Place {
    dir: TempDir,
    pub(crate) now_ms: Cell<u64>,
    pub(crate) listings: RefCell<BTreeMap<String, String>>,
    open: RefCell<HashSet<String>>,
    pub(crate) removed: RefCell<Vec<String>>,
}

impl Place {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            dir: tempdir().unwrap(),
            now_ms: Cell::new(1_790_000_000_000),
            listings: RefCell::default(),
            open: RefCell::default(),
            removed: RefCell::default(),
        })
    }

    pub(crate) fn later(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    pub(crate) fn tab(self: &Rc<Self>, world: &World) -> Seat {
        Seat::open(self, world.url())
    }

    pub(crate) fn databases(&self) -> Vec<String> {
        crate::support::databases(self.dir.path())
    }

    pub(crate) fn database(&self, id: &str) -> std::path::PathBuf {
        self.dir.path().join(format!("{id}.sqlite"))
    }
}

struct At {
    place: Rc<Place>,
    events: Rc<RefCell<Vec<Event>>>,
    spawner: LocalSpawner,
}

impl Platform for At {
    fn now_ms(&self) -> u64 {
        self.place.now_ms.get()
    }

    fn random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }

    fn build(&self) -> String {
        "test".to_owned()
    }

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.spawner.spawn_local(task).unwrap();
    }

    fn storage(&self) -> LocalBoxFuture<'static, Storage> {
        Box::pin(ready(Storage::default()))
    }

    fn persist(&self) -> LocalBoxFuture<'static, Storage> {
        self.storage()
    }

    fn list_meta(&self) -> LocalBoxFuture<'static, Vec<(String, String)>> {
        let list = self.place.listings.borrow().clone();
        Box::pin(ready(list.into_iter().collect()))
    }

    fn stored(&self) -> LocalBoxFuture<'static, Vec<String>> {
        Box::pin(ready(crate::support::databases(self.place.dir.path())))
    }

    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        self.place.listings.borrow_mut().insert(id, json);
        Box::pin(ready(Ok(())))
    }

    fn open(&self, id: String, _: bool) -> LocalBoxFuture<'static, Result<Store, Failure>> {
        if !self.place.open.borrow_mut().insert(id.clone()) {
            let busy = Failure::new(FailureKind::Busy, "Another tab has it.");
            return Box::pin(ready(Err(busy)));
        }
        let store = Store::open_file(&self.place.database(&id)).map_err(|error| error.failure());
        if store.is_err() {
            self.place.open.borrow_mut().remove(&id);
        }
        Box::pin(ready(store))
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        store.close().unwrap();
        self.place.open.borrow_mut().remove(&id);
        Box::pin(ready(()))
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        assert!(
            !self.place.open.borrow().contains(&id),
            "removed under somebody's hands"
        );
        self.place.listings.borrow_mut().remove(&id);
        std::fs::remove_file(self.place.database(&id)).ok();
        self.place.removed.borrow_mut().push(id);
        Box::pin(ready(Ok(())))
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        let none = Failure::new(FailureKind::Internal, "No table is written here.");
        Box::pin(ready(Err(none)))
    }

    fn read_table(
        &self,
        bytes: TableBytes,
    ) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
        crate::support::reading::read_table(bytes)
    }
}

/// A tab.
pub(crate) struct Seat {
    place: Rc<Place>,
    pool: LocalPool,
    backend: Backend,
    events: Rc<RefCell<Vec<Event>>>,
    next: u32,
}

impl Seat {
    fn open(place: &Rc<Place>, hub: &str) -> Self {
        let pool = LocalPool::new();
        let events = Rc::new(RefCell::new(Vec::new()));
        let platform = Rc::new(At {
            place: Rc::clone(place),
            events: Rc::clone(&events),
            spawner: pool.spawner(),
        });
        let backend = Backend::new(platform, Rc::new(NativeTransport::default()), Pieces::WHOLE);
        let place = Rc::clone(place);
        let mut seat = Self {
            place,
            pool,
            backend,
            events,
            next: 0,
        };
        let config = HubConfig {
            hub: hub.to_owned(),
            router: format!("{hub}/v1"),
        };
        let build = "test".to_owned();
        seat.ask(Request::Hello { build, config }).unwrap();
        seat
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        self.next += 1;
        let wanted = self.next;
        self.backend.handle(Envelope {
            id: wanted,
            request,
        });
        let started = Instant::now();
        loop {
            // No further than to the answer: a tab can die right after it.
            let answer = self.events.borrow().iter().find_map(|event| match event {
                Event::Done { id, reply } if *id == wanted => Some(Ok(reply.clone())),
                Event::Failed { id, failure } if *id == wanted => Some(Err(failure.clone())),
                _ => None,
            });
            if let Some(answer) = answer {
                return answer;
            }
            if !self.pool.try_run_one() {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(started.elapsed() < Duration::from_mins(1), "no answer");
        }
    }

    pub(crate) fn import(&mut self, bundle: &str) -> String {
        match self.ask(Request::ImportProject {
            name: "b.json".to_owned(),
            text: bundle.to_owned(),
        }) {
            Ok(Reply::Imported { project, .. }) => project.summary.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn list(&mut self) -> Vec<ProjectSummary> {
        match self.ask(Request::ListProjects) {
            Ok(Reply::Projects(list)) => list,
            other => panic!("{other:?}"),
        }
    }

    /// The tab is gone from one moment to the next: its locks are free, and nothing more is written.
    pub(crate) fn dies(self) {
        self.place.open.borrow_mut().clear();
    }
}
