//! The browser as the back end sees it. Without files everything is kept in memory, and the page is told why.

use super::locks::{self, Held, Outcome};
use super::{BUILD, RENEWAL, post, reading, storage, table};
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use gloo_timers::future::TimeoutFuture;
use seedbed_backend::platform::{Platform, TableBytes, TableJob, TableReader};
use seedbed_core::messages::{Event, Failure, FailureKind, Storage};
use seedbed_store::opfs::{self, Pool};
use seedbed_store::{Store, StoreError};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use web_sys::BroadcastChannel;

/// How often files that are held are tried again, and how long between, in milliseconds.
const HELD_TRIES: u32 = 20;
const HELD_PAUSE_MS: u32 = 150;

type OnStolen = dyn Fn(&str);

/// Files, locks and the page.
pub(crate) struct WebPlatform(Rc<Inner>);

struct Inner {
    channel: Option<BroadcastChannel>,
    /// Why there are no files; `None` inside = there are. Known after the first look.
    no_files: OnceCell<Option<String>>,
    open: RefCell<HashMap<String, Open>>,
    on_stolen: RefCell<Option<Rc<OnStolen>>>,
    /// Without files: closed projects, and what would be small files.
    closed: RefCell<HashMap<String, Store>>,
    meta: RefCell<HashMap<String, String>>,
}

/// What is held for an open project; the lock goes last.
#[derive(Default)]
struct Open {
    pool: Option<Pool>,
    _lock: Option<Held>,
}

impl WebPlatform {
    /// A platform that has not looked yet.
    pub(crate) fn new(channel: Option<BroadcastChannel>) -> Self {
        Self(Rc::new(Inner {
            channel,
            no_files: OnceCell::new(),
            open: RefCell::default(),
            on_stolen: RefCell::default(),
            closed: RefCell::default(),
            meta: RefCell::default(),
        }))
    }

    /// Whom to tell when a project's lock was taken by force.
    pub(crate) fn on_stolen(&self, tell: impl Fn(&str) + 'static) {
        *self.0.on_stolen.borrow_mut() = Some(Rc::new(tell));
    }
}

impl Inner {
    async fn no_files(&self) -> Option<String> {
        if let Some(known) = self.no_files.get() {
            return known.clone();
        }
        let found = opfs::is_available().await.err();
        self.no_files.get_or_init(|| found).clone()
    }

    async fn open(self: Rc<Self>, id: String, take_over: bool) -> Result<Opened, Failure> {
        if self.no_files().await.is_some() {
            let kept = self.closed.borrow_mut().remove(&id);
            let store = match kept {
                Some(store) => store,
                None => Store::open_memory().map_err(|error| error.failure())?,
            };
            return Ok(self.opened(id, store, Open::default()));
        }
        let stolen: Rc<dyn Fn()> = {
            let (inner, id) = (Rc::clone(&self), id.clone());
            Rc::new(move || {
                let tell = inner.on_stolen.borrow().clone();
                if let Some(tell) = tell {
                    tell(&id);
                }
            })
        };
        let channel = self.channel.as_ref();
        let (lock, was_silent) = match locks::acquire(&id, take_over, channel, stolen).await {
            Outcome::Ours(lock) => (lock, false),
            Outcome::Taken(lock) => (Some(lock), true),
            Outcome::Busy => return Err(busy()),
        };
        // Half an opening would leave files held, so it goes on even if the request is stopped; what nobody takes is
        // closed again.
        let (tell, opened) = oneshot::channel();
        wasm_bindgen_futures::spawn_local(async move {
            let result = match open_files(&id).await {
                Ok((store, pool)) => Ok(self.opened(
                    id,
                    store,
                    Open {
                        pool: Some(pool),
                        _lock: lock,
                    },
                )),
                Err(error) if is_held(&error) && was_silent => Err(silent(&error)),
                Err(error) if is_held(&error) => Err(busy().detail(error.to_string())),
                Err(error) => Err(error.failure()),
            };
            tell.send(result).ok();
        });
        opened.await.unwrap_or_else(|_gone| Err(busy()))
    }

    fn opened(self: Rc<Self>, id: String, store: Store, open: Open) -> Opened {
        self.open.borrow_mut().insert(id.clone(), open);
        Opened {
            store: Some(store),
            id,
            inner: self,
        }
    }

    /// Closes the database and frees its files, then the lock. Without files it is kept for the next opening.
    fn release(&self, id: String, store: Store) {
        let open = self.open.borrow_mut().remove(&id);
        match open.as_ref().and_then(|open| open.pool.as_ref()) {
            Some(pool) => {
                let closed = store.close().and_then(|()| pool.pause());
                if let Err(error) = closed {
                    web_sys::console::error_1(&error.to_string().into());
                }
            }
            None => {
                self.closed.borrow_mut().insert(id, store);
            }
        }
    }
}

/// An open project on its way to whoever asked; released if nobody takes it.
struct Opened {
    store: Option<Store>,
    id: String,
    inner: Rc<Inner>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            self.inner.release(std::mem::take(&mut self.id), store);
        }
    }
}

/// Opens the files; those of a tab that has just ended or is letting go are free a little after its lock. What reads
/// those of an older build is fetched first.
async fn open_files(id: &str) -> Result<(Store, Pool), StoreError> {
    let mut tries = 0;
    let mut renewal = None;
    loop {
        match opfs::open(id, renewal).await {
            Err(StoreError::Older) if renewal.is_none() => {
                let Ok(fetched) = RENEWAL().await else {
                    return Err(StoreError::Older);
                };
                renewal = Some(fetched);
            }
            Err(error) if is_held(&error) && tries < HELD_TRIES => {
                tries += 1;
                TimeoutFuture::new(HELD_PAUSE_MS).await;
            }
            result => return result,
        }
    }
}

/// Whether another tab holds the files.
fn is_held(error: &StoreError) -> bool {
    matches!(error, StoreError::Sql(text) if text.contains("NoModificationAllowed"))
}

fn silent(error: &StoreError) -> Failure {
    Failure::new(
        FailureKind::Storage,
        "Another tab has this project and does not answer.",
    )
    .means("The browser has put that tab to sleep, with the project's files open. Nothing is lost.")
    .next("Go to that tab or close it, then open the project here again.")
    .detail(error.to_string())
}

fn busy() -> Failure {
    Failure::new(
        FailureKind::Busy,
        "This project is open in another tab or window.",
    )
    .means("Only one tab at a time can change a project, so that nothing is overwritten.")
    .next("Go on in the other tab, or open it here instead: the other tab then lets go of it.")
}

impl Platform for WebPlatform {
    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    fn random(&self, bytes: &mut [u8]) {
        let crypto = super::scope().and_then(|scope| scope.crypto().ok());
        let filled = crypto.map(|crypto| crypto.get_random_values_with_u8_array(bytes));
        if !matches!(filled, Some(Ok(_))) {
            // No browser that can start this worker lacks it; ids still have to differ if one does.
            for byte in bytes {
                *byte = (js_sys::Math::random() * 256.0) as u8;
            }
        }
    }

    fn build(&self) -> String {
        BUILD.to_owned()
    }

    fn emit(&self, event: Event) {
        post(&event);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn storage(&self) -> LocalBoxFuture<'static, Storage> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move { storage::look(inner.no_files().await, false).await })
    }

    fn persist(&self) -> LocalBoxFuture<'static, Storage> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move { storage::look(inner.no_files().await, true).await })
    }

    fn list_meta(&self) -> LocalBoxFuture<'static, Vec<(String, String)>> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            if inner.no_files().await.is_none() {
                return opfs::read_meta().await;
            }
            let meta = inner.meta.borrow();
            meta.iter()
                .map(|(id, json)| (id.clone(), json.clone()))
                .collect()
        })
    }

    fn stored(&self) -> LocalBoxFuture<'static, Vec<String>> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            if inner.no_files().await.is_none() {
                return opfs::stored().await;
            }
            Vec::new()
        })
    }

    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            if inner.no_files().await.is_none() {
                return opfs::write_meta(&id, &json)
                    .await
                    .map_err(|error| error.failure());
            }
            inner.meta.borrow_mut().insert(id, json);
            Ok(())
        })
    }

    fn open(&self, id: String, take_over: bool) -> LocalBoxFuture<'static, Result<Store, Failure>> {
        let opened = Rc::clone(&self.0).open(id, take_over);
        Box::pin(async move {
            let store = opened.await?.store.take();
            store.ok_or_else(busy)
        })
    }

    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()> {
        // At once, so that stopping the request leaves nothing half closed.
        self.0.release(id, store);
        Box::pin(std::future::ready(()))
    }

    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            if inner.no_files().await.is_none() {
                return opfs::remove(&id).await.map_err(|error| error.failure());
            }
            inner.closed.borrow_mut().remove(&id);
            inner.meta.borrow_mut().remove(&id);
            Ok(())
        })
    }

    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>> {
        Box::pin(table::start())
    }

    fn read_table(
        &self,
        bytes: TableBytes,
    ) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
        Box::pin(reading::start(bytes))
    }
}
