//! The browser's lasting storage for acts that are on their way: `localStorage`, with a copy in IndexedDB.
//!
//! `localStorage` answers at once and is written even while a page is being closed, but reaches the disk seconds later, and a
//! browser that is killed takes those along. A transaction of IndexedDB that has finished outlives it; that takes about a
//! millisecond, which is waited for before an act is shown as done ([`Journal::kept`]).

use js_sys::{Array, Promise};
use seedbed_outbox::KeptTexts;
use seedbed_outbox::copy::{ACTS, Texts, is_copied, repair};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{IdbDatabase, IdbRequest, IdbTransactionMode, Storage};

const DATABASE: &str = "seedbed-acts";
const STORE: &str = "acts";

/// See the text of the module.
#[derive(Clone)]
pub struct Journal {
    inner: Rc<Inner>,
}

struct Inner {
    copy: RefCell<Copy>,
    /// The copy was opened and the two were brought in line, or that has failed.
    opened: RefCell<Option<Promise>>,
    /// The last transaction has ended. They end in the order in which they began.
    last: RefCell<Option<Promise>>,
    /// What the copy had and `localStorage` refused to take.
    aside: RefCell<Texts>,
}

enum Copy {
    /// Texts to write once it is open.
    Opening(Vec<(String, String)>),
    Open(IdbDatabase),
    /// The browser has none for this page.
    Missing,
}

impl Journal {
    /// The journal of this browser; its copy is opened meanwhile.
    pub fn open() -> Self {
        let journal = Self {
            inner: Rc::new(Inner {
                copy: RefCell::new(Copy::Opening(Vec::new())),
                opened: RefCell::new(None),
                last: RefCell::new(None),
                aside: RefCell::new(BTreeMap::new()),
            }),
        };
        let opening = journal.clone();
        let opened = future_to_promise(async move {
            opening.open_copy().await;
            Ok(JsValue::UNDEFINED)
        });
        journal.inner.opened.replace(Some(opened));
        journal
    }

    async fn open_copy(&self) {
        let database = database().await;
        let copied = match &database {
            Some(database) => texts(database).await,
            None => None,
        };
        let (Some(database), Some(copied)) = (database, copied) else {
            self.inner.copy.replace(Copy::Missing);
            return;
        };
        let closing = database.clone();
        let close = Closure::once_into_js(move || closing.close());
        // Another page wants to delete or to change the database.
        database.set_onversionchange(Some(close.unchecked_ref()));
        let since = match self.inner.copy.replace(Copy::Open(database)) {
            Copy::Opening(since) => since,
            _ => Vec::new(),
        };
        let first: Texts = self.all(ACTS).into_iter().collect();
        let repair = repair(&first, copied, &since);
        for (key, text) in repair.put {
            if !set(&key, &text) {
                self.inner.aside.borrow_mut().insert(key, text);
            }
        }
        for key in repair.remove {
            remove(&key);
        }
        for (key, text) in repair.copy {
            self.write(&key, Some(&text));
        }
        for key in repair.forget {
            self.write(&key, None);
        }
    }

    /// What an earlier page has left can be read.
    pub async fn opened(&self) {
        let opened = self.inner.opened.borrow().clone();
        if let Some(opened) = opened {
            let _ = JsFuture::from(opened).await;
        }
    }

    /// All that was put so far outlives this browser, as far as the browser can do that.
    pub async fn kept(&self) {
        self.opened().await;
        let last = self.inner.last.borrow().clone();
        if let Some(last) = last {
            let _ = JsFuture::from(last).await;
        }
    }

    /// Puts a text into the copy; `None` forgets the key.
    fn write(&self, key: &str, text: Option<&str>) {
        let mut copy = self.inner.copy.borrow_mut();
        match &mut *copy {
            Copy::Opening(waiting) => {
                waiting.push((key.to_owned(), text.unwrap_or_default().to_owned()));
            }
            Copy::Open(database) => match transaction(database, key, text) {
                Ok(ended) => {
                    self.inner.last.replace(Some(ended));
                }
                // The browser has closed the database.
                Err(_) => *copy = Copy::Missing,
            },
            Copy::Missing => {}
        }
    }
}

impl KeptTexts for Journal {
    fn all(&self, prefix: &str) -> Vec<(String, String)> {
        let mut found: Texts = self.inner.aside.borrow().clone();
        found.retain(|key, _| key.starts_with(prefix));
        let storage = local();
        let count = storage
            .as_ref()
            .and_then(|storage| storage.length().ok())
            .unwrap_or(0);
        found.extend((0..count).filter_map(|index| {
            let storage = storage.as_ref()?;
            let key = storage.key(index).ok().flatten()?;
            let text = key
                .starts_with(prefix)
                .then(|| storage.get_item(&key).ok().flatten())??;
            Some((key, text))
        }));
        found.into_iter().collect()
    }

    fn get(&self, key: &str) -> Option<String> {
        local()?.get_item(key).ok().flatten()
    }

    fn set(&self, key: &str, text: &str) -> bool {
        if is_copied(key) {
            self.write(key, Some(text));
        }
        set(key, text)
    }

    fn remove(&self, key: &str) {
        self.inner.aside.borrow_mut().remove(key);
        remove(key);
        if is_copied(key) {
            self.write(key, Some(""));
        }
    }
}

fn local() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn set(key: &str, text: &str) -> bool {
    local().is_some_and(|storage| storage.set_item(key, text).is_ok())
}

fn remove(key: &str) {
    if let Some(storage) = local() {
        let _ = storage.remove_item(key);
    }
}

async fn database() -> Option<IdbDatabase> {
    let factory = web_sys::window()?.indexed_db().ok().flatten()?;
    let request = factory.open_with_u32(DATABASE, 1).ok()?;
    let making = request.clone();
    let make = Closure::once_into_js(move || {
        if let Ok(made) = making.result() {
            let made: IdbDatabase = made.unchecked_into();
            let _ = made.create_object_store(STORE);
        }
    });
    request.set_onupgradeneeded(Some(make.unchecked_ref()));
    let opened = JsFuture::from(answered(&request)).await.ok();
    opened.and(request.result().ok())?.dyn_into().ok()
}

/// All that the copy holds.
async fn texts(database: &IdbDatabase) -> Option<Texts> {
    let store = database
        .transaction_with_str(STORE)
        .and_then(|reading| reading.object_store(STORE))
        .ok()?;
    let (keys, texts) = (store.get_all_keys().ok()?, store.get_all().ok()?);
    // Both are heard before the first is waited for.
    let (keys_read, texts_read) = (answered(&keys), answered(&texts));
    JsFuture::from(keys_read).await.ok()?;
    JsFuture::from(texts_read).await.ok()?;
    let (keys, texts) = (keys.result().ok()?, texts.result().ok()?);
    let (keys, texts) = (Array::from(&keys), Array::from(&texts));
    Some(
        keys.iter()
            .zip(texts.iter())
            .filter_map(|(key, text)| Some((key.as_string()?, text.as_string()?)))
            .collect(),
    )
}

fn answered(request: &IdbRequest) -> Promise {
    Promise::new(&mut |done, failed| {
        request.set_onsuccess(Some(&done));
        request.set_onerror(Some(&failed));
    })
}

/// Writes one text, or forgets it, in a transaction of its own. The promise is kept when that has ended, well or not.
// `commit` is marked so without a word on why; browsers have had it for years.
#[expect(deprecated)]
fn transaction(database: &IdbDatabase, key: &str, text: Option<&str>) -> Result<Promise, JsValue> {
    let writing = database.transaction_with_str_and_mode(STORE, IdbTransactionMode::Readwrite)?;
    let store = writing.object_store(STORE)?;
    match text {
        Some(text) => store.put_with_key(&text.into(), &key.into())?,
        None => store.delete(&key.into())?,
    };
    // A page that is being closed hears no event any more: the browser is told now that nothing follows.
    writing.commit()?;
    Ok(Promise::new(&mut |done, _| {
        writing.set_oncomplete(Some(&done));
        writing.set_onabort(Some(&done));
    }))
}
