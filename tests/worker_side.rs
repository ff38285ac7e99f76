//! The backend worker's browser side in a real worker: fetch, locks, take-over, files, messages.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../src/worker/mod.rs"]
#[allow(dead_code, reason = "tests do not start the whole worker")]
mod worker;

use futures::future::{Either, select};
use futures::{FutureExt as _, StreamExt as _};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object, Promise, Reflect};
use seedbed_backend::platform::Platform as _;
use seedbed_core::messages::{Envelope, Event, Failure, FailureKind, HubConfig, Reply, Request};
use seedbed_core::seed::Seed;
use seedbed_hub::transport::{HttpRequest, Method, Transport as _, TransportError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::BroadcastChannel;
use worker::fetch::FetchTransport;
use worker::platform::WebPlatform;

wasm_bindgen_test_configure!(run_in_dedicated_worker);

async fn script(text: &str) -> JsValue {
    let promise: Promise = js_sys::eval(&format!("(async () => {{ {text} }})()"))
        .unwrap()
        .dyn_into()
        .unwrap();
    JsFuture::from(promise).await.unwrap()
}

async fn said(text: &str) -> String {
    script(text).await.as_string().unwrap()
}

/// A project id of its own for each run: the profile may be used again.
fn project(name: &str) -> String {
    format!("test-{name}-{}", js_sys::Date::now())
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new().into(),
    }
}

/// Puts `body` (of a function of the address and the options) in the place of fetch, and remembers the last options.
async fn fake_fetch(body: &str) {
    script(&format!(
        "globalThis.realFetch ??= globalThis.fetch;
         globalThis.fetch = (url, options) => {{ globalThis.asked = options; return (({body})(url, options)); }};"
    ))
    .await;
}

async fn real_fetch() {
    script("globalThis.fetch = globalThis.realFetch ?? globalThis.fetch;").await;
}

#[wasm_bindgen_test]
async fn an_answer_comes_with_its_status_its_headers_in_small_letters_and_all_its_bytes() {
    fake_fetch(
        "async () => new Response(new Blob([new Uint8Array([0, 255, 10]), 'zwölf']), { status: 206, headers: { 'X-Linked-ETag': 'A' } })",
    )
    .await;
    let mut request = get("https://example.test/x");
    request.method = Method::Put;
    request.headers = vec![("Authorization".to_owned(), "Bearer hf_x".to_owned())];
    request.body = vec![7, 0, 8].into();
    let mut answer = FetchTransport.send(request).await.expect("an answer");
    assert_eq!(answer.status, 206);
    let etag = ("x-linked-etag".to_owned(), "A".to_owned());
    assert!(answer.headers.contains(&etag));
    let mut bytes = Vec::new();
    while let Some(piece) = answer.body.next().await {
        bytes.extend(piece.unwrap());
    }
    assert_eq!(bytes, [&[0, 255, 10][..], "zwölf".as_bytes()].concat());
    let sent = said(
        "const o = globalThis.asked; return [o.method, o.credentials, o.cache, o.referrerPolicy, o.headers.get('authorization'), [...o.body].join()].join(' | ');",
    );
    assert_eq!(
        sent.await,
        "PUT | omit |  | no-referrer | Bearer hf_x | 7,0,8"
    );
    // Only what could come from a cache is asked not to.
    let asked = FetchTransport.send(get("https://example.test/x")).await;
    assert!(asked.is_ok());
    let sent = said("const o = globalThis.asked; return [o.method, o.cache].join(' | ');");
    assert_eq!(sent.await, "GET | no-store");
    real_fetch().await;
}

#[wasm_bindgen_test]
async fn pieces_come_as_they_are_sent_and_dropping_the_body_aborts() {
    fake_fetch(
        "async () => new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('data: 1')); } }))",
    )
    .await;
    let mut answer = FetchTransport
        .send(get("https://example.test/"))
        .await
        .unwrap();
    assert_eq!(answer.body.next().await, Some(Ok(b"data: 1".to_vec())));
    let aborted = || said("return String(globalThis.asked.signal.aborted);");
    assert_eq!(aborted().await, "false");
    drop(answer);
    assert_eq!(aborted().await, "true");
    real_fetch().await;
}

#[wasm_bindgen_test]
async fn dropping_a_request_aborts_it_and_reading_all_of_an_answer_does_not() {
    fake_fetch("() => new Promise(() => {})").await;
    let waiting = FetchTransport.send(get("https://example.test/"));
    let mut waiting = Box::pin(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    drop(waiting);
    let aborted = || said("return String(globalThis.asked.signal.aborted);");
    assert_eq!(aborted().await, "true");
    fake_fetch("async () => new Response('all')").await;
    let answer = FetchTransport
        .send(get("https://example.test/"))
        .await
        .unwrap();
    assert_eq!(answer.body.collect::<Vec<_>>().await.len(), 1);
    assert_eq!(aborted().await, "false");
    real_fetch().await;
}

#[wasm_bindgen_test]
async fn a_stream_that_breaks_off_is_an_error_after_the_pieces_that_came() {
    fake_fetch(
        "async () => { let n = 0; return new Response(new ReadableStream({ pull(c) { n++ ? c.error(new TypeError('network error')) : c.enqueue(new Uint8Array([1])); } })); }",
    )
    .await;
    let answer = FetchTransport
        .send(get("https://example.test/"))
        .await
        .unwrap();
    let pieces: Vec<_> = answer.body.collect().await;
    let broken = Err(TransportError::Network("network error".to_owned()));
    assert_eq!(pieces, [Ok(vec![1]), broken]);
    real_fetch().await;
}

#[wasm_bindgen_test]
async fn what_no_header_can_carry_is_an_error_that_does_not_repeat_it() {
    real_fetch().await;
    for secret in ["hf_🌾secret", "hf_secret\r\nX-Evil: 1"] {
        let mut request = get("https://example.test/");
        request.headers = vec![("authorization".to_owned(), format!("Bearer {secret}"))];
        let Err(TransportError::Network(text)) = FetchTransport.send(request).await else {
            panic!("it was sent");
        };
        assert!(text.contains("authorization") && !text.contains("secret"));
    }
    // Nothing listens there, and this is no address at all.
    for url in ["http://127.0.0.1:9/", "http://[", "ftp://x/"] {
        let refused = FetchTransport.send(get(url)).await.err();
        assert!(matches!(refused, Some(TransportError::Network(_))), "{url}");
    }
}

/// A platform as one tab has it, on a channel of its own, that lets go of what it is asked for.
struct Tab {
    platform: Rc<WebPlatform>,
    open: Rc<RefCell<Option<(String, seedbed_store::Store)>>>,
    lost: Rc<Cell<u32>>,
}

fn tab(answers: bool) -> Tab {
    let channel = BroadcastChannel::new("seedbed").unwrap();
    let tab = Tab {
        platform: Rc::new(WebPlatform::new(Some(channel.clone()))),
        open: Rc::default(),
        lost: Rc::default(),
    };
    let let_go = {
        let (platform, open) = (Rc::clone(&tab.platform), Rc::clone(&tab.open));
        let lost = Rc::clone(&tab.lost);
        move |asked: &str| {
            let taken = open.borrow_mut().take_if(|(id, _)| id == asked);
            if let Some((id, store)) = taken {
                lost.set(lost.get() + 1);
                let platform = Rc::clone(&platform);
                wasm_bindgen_futures::spawn_local(async move { platform.release(id, store).await });
            }
        }
    };
    tab.platform.on_stolen(let_go.clone());
    if answers {
        let on_message = wasm_bindgen::closure::Closure::<dyn FnMut(web_sys::MessageEvent)>::new(
            move |message: web_sys::MessageEvent| {
                if let Some(asked) = worker::locks::asked_for(&message.data()) {
                    let_go(&asked);
                }
            },
        );
        channel.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    }
    tab
}

impl Tab {
    async fn open(&self, id: &str, take_over: bool) -> Result<(), FailureKind> {
        let opened = self.platform.open(id.to_owned(), take_over).await;
        let store = opened.map_err(|failure| failure.kind)?;
        *self.open.borrow_mut() = Some((id.to_owned(), store));
        Ok(())
    }

    fn rename(&self, to: &str) {
        let seed = Seed {
            domain: to.to_owned(),
            ..Seed::default()
        };
        let open = self.open.borrow();
        let (_, store) = open.as_ref().unwrap();
        store.save_seed(&seed, "", 1).unwrap();
    }

    fn name(&self) -> String {
        let open = self.open.borrow();
        open.as_ref().unwrap().1.seed().unwrap().domain
    }

    async fn close(&self) {
        let (id, store) = self.open.borrow_mut().take().unwrap();
        self.platform.release(id, store).await;
    }
}

/// Ready when nobody has the lock: the browser takes a moment to note that it was let go.
async fn unlocked(id: &str) {
    while is_locked(id).await {
        TimeoutFuture::new(5).await;
    }
}

async fn is_locked(id: &str) -> bool {
    let held = format!(
        "return String((await navigator.locks.query()).held.some((lock) => lock.name === 'seedbed:{id}'));"
    );
    said(&held).await == "true"
}

#[wasm_bindgen_test]
async fn a_second_tab_is_told_that_a_project_is_open_and_opens_it_after_the_first_closed() {
    let id = project("second");
    let (one, two) = (tab(true), tab(true));
    one.open(&id, false).await.unwrap();
    one.rename("of the first");
    assert!(is_locked(&id).await);
    assert_eq!(two.open(&id, false).await, Err(FailureKind::Busy));
    assert_eq!(one.lost.get(), 0);
    one.close().await;
    unlocked(&id).await;
    two.open(&id, false).await.unwrap();
    assert_eq!(two.name(), "of the first");
    two.close().await;
    two.platform.remove(id).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_tab_that_is_asked_lets_go_and_the_other_goes_on_with_what_it_wrote() {
    let id = project("asked");
    let (one, two) = (tab(true), tab(true));
    one.open(&id, false).await.unwrap();
    one.rename("handed over");
    two.open(&id, true).await.unwrap();
    assert_eq!(one.lost.get(), 1);
    assert_eq!(two.name(), "handed over");
    assert!(is_locked(&id).await);
    two.close().await;
    two.platform.remove(id).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_tab_that_does_not_answer_loses_its_lock_and_hears_of_it() {
    let id = project("silent");
    let (one, two) = (tab(false), tab(true));
    one.open(&id, false).await.unwrap();
    one.rename("taken");
    two.open(&id, true).await.unwrap();
    assert_eq!(one.lost.get(), 1);
    assert_eq!(two.name(), "taken");
    two.close().await;
    unlocked(&id).await;
    two.platform.remove(id).await.unwrap();
}

/// Holds the files of a project as a tab that was put to sleep would.
async fn hold_files(id: &str) {
    script(&format!(
        "const root = await navigator.storage.getDirectory();
         const create = {{ create: true }};
         const folder = await (await root.getDirectoryHandle('seedbed', create)).getDirectoryHandle('{id}', create);
         globalThis.held = await (await folder.getFileHandle('.lock', create)).createSyncAccessHandle();"
    ))
    .await;
}

/// Counts who is refused files, and lets go of the held ones at the second refusal.
async fn let_go_when_refused_twice() {
    script(
        "const files = FileSystemFileHandle.prototype;
         globalThis.realOpen = files.createSyncAccessHandle;
         globalThis.refused = 0;
         files.createSyncAccessHandle = async function (...options) {
           try {
             return await globalThis.realOpen.apply(this, options);
           } catch (error) {
             globalThis.refused += 1;
             if (globalThis.refused === 2) globalThis.held.close();
             throw error;
           }
         };",
    )
    .await;
}

#[wasm_bindgen_test]
async fn files_that_are_let_go_a_little_after_the_lock_are_waited_for() {
    let id = project("late");
    hold_files(&id).await;
    let one = tab(true);
    let_go_when_refused_twice().await;
    let opened = one.open(&id, false).await;
    let refused = said(
        "FileSystemFileHandle.prototype.createSyncAccessHandle = globalThis.realOpen;
         return String(globalThis.refused);",
    )
    .await;
    assert_eq!((opened, refused.as_str()), (Ok(()), "2"));
    one.close().await;
    one.platform.remove(id).await.unwrap();
}

#[wasm_bindgen_test]
async fn files_that_stay_held_leave_the_project_busy_and_no_lock_behind() {
    let id = project("held");
    hold_files(&id).await;
    let one = tab(true);
    assert_eq!(one.open(&id, false).await, Err(FailureKind::Busy));
    unlocked(&id).await;
    script("globalThis.held.close();").await;
    one.open(&id, false).await.unwrap();
    one.close().await;
    one.platform.remove(id).await.unwrap();
}

#[wasm_bindgen_test]
async fn an_opening_that_was_stopped_leaves_nothing_held() {
    let id = project("stopped");
    let one = tab(true);
    // Stopped after each of its first steps, whichever they are.
    for steps in [0, 1, 2, 5, 10, 20] {
        let opening = one.platform.open(id.clone(), false);
        let pause = Box::pin(async {
            for _ in 0..steps {
                TimeoutFuture::new(1).await;
            }
        });
        match select(opening, pause).await {
            Either::Left((Ok(store), _)) => one.platform.release(id.clone(), store).await,
            Either::Left((Err(failure), _)) => panic!("{failure:?}"),
            Either::Right(((), opening)) => drop(opening),
        }
        unlocked(&id).await;
    }
    one.open(&id, false).await.unwrap();
    one.rename("still sound");
    one.close().await;
    one.open(&id, false).await.unwrap();
    assert_eq!(one.name(), "still sound");
    one.close().await;
    one.platform.remove(id).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_stopped_request_for_a_take_over_takes_nothing() {
    let id = project("unasked");
    let (one, two) = (tab(false), tab(true));
    one.open(&id, false).await.unwrap();
    let asking = two.platform.open(id.clone(), true);
    let stopped = select(asking, TimeoutFuture::new(200)).await;
    assert!(matches!(stopped, Either::Right(_)));
    drop(stopped);
    // Longer than the patience of whoever asks.
    TimeoutFuture::new(9000).await;
    assert_eq!(one.lost.get(), 0);
    assert!(is_locked(&id).await);
    one.close().await;
    one.platform.remove(id).await.unwrap();
}

#[wasm_bindgen_test]
async fn without_files_projects_live_in_memory_and_the_page_hears_why() {
    script(
        "const s = navigator.storage; globalThis.directory = s.getDirectory;
         Object.defineProperty(s, 'getDirectory', { configurable: true, value: async () => { throw new DOMException('no', 'SecurityError'); } });",
    )
    .await;
    let one = tab(true);
    let storage = one.platform.storage().await;
    assert!(!storage.is_durable && !storage.is_persisted);
    assert!(storage.reason.unwrap().contains("SecurityError"));
    one.open("memory", false).await.unwrap();
    one.rename("in memory");
    one.close().await;
    one.open("memory", false).await.unwrap();
    assert_eq!(one.name(), "in memory");
    one.close().await;
    let write = one.platform.write_meta("memory".into(), "{}".into());
    write.await.unwrap();
    let listed = [("memory".to_owned(), "{}".to_owned())];
    assert_eq!(one.platform.list_meta().await, listed);
    one.platform.remove("memory".to_owned()).await.unwrap();
    assert!(one.platform.list_meta().await.is_empty());
    one.open("memory", false).await.unwrap();
    assert_eq!(one.name(), "");
    script("delete navigator.storage.getDirectory;").await;
}

#[wasm_bindgen_test]
async fn the_browser_is_asked_what_there_is_room_for() {
    let storage = tab(true).platform.persist().await;
    assert!(storage.is_durable && storage.reason.is_none());
    assert!(storage.quota_bytes.unwrap() > 0);
    assert!(storage.used_bytes.is_some());
    let mut bytes = [0; 32];
    tab(true).platform.random(&mut bytes);
    assert!(bytes.iter().any(|byte| *byte != 0));
}

#[wasm_bindgen_test]
async fn a_parquet_worker_that_can_not_be_loaded_is_told_as_such() {
    let refused = tab(true).platform.table().await.err().unwrap();
    assert_eq!(refused.kind, FailureKind::Network);
    assert!(!refused.next.is_empty());
}

/// The whole worker, with the page's end of the line in our hands.
struct Line {
    handler: Function,
}

impl Line {
    async fn start() -> Self {
        script(
            "globalThis.real = { post: self.postMessage, hear: self.onmessage };
             globalThis.posted = []; self.postMessage = (event) => globalThis.posted.push(event);",
        )
        .await;
        worker::start();
        let handler = Reflect::get(&js_sys::global(), &"onmessage".into()).unwrap();
        Self {
            handler: handler.dyn_into().unwrap(),
        }
    }

    fn send(&self, data: &JsValue) {
        let message = Object::new();
        Reflect::set(&message, &"data".into(), data).unwrap();
        self.handler.call1(&JsValue::NULL, &message).unwrap();
    }

    fn ask(&self, id: u32, request: Request) {
        let envelope = Envelope { id, request };
        self.send(&worker::wire::to_js(&envelope).unwrap());
    }

    /// The first event that `pick` takes. What is not an event is the test runner's own.
    async fn event<T>(&self, pick: impl Fn(Event) -> Option<T>) -> T {
        loop {
            let posted: Array = script("return globalThis.posted;")
                .await
                .dyn_into()
                .unwrap();
            let mut events = posted
                .iter()
                .filter_map(|event| worker::wire::from_js(event).ok());
            if let Some(picked) = events.find_map(&pick) {
                return picked;
            }
            TimeoutFuture::new(5).await;
        }
    }

    async fn reply(&self, asked: u32) -> Result<Reply, Failure> {
        self.event(|event| match event {
            Event::Done { id, reply } if id == asked => Some(Ok(reply)),
            Event::Failed { id, failure } if id == asked => Some(Err(failure)),
            _ => None,
        })
        .await
    }

    async fn end(self) {
        script("self.postMessage = globalThis.real.post; self.onmessage = globalThis.real.hear;")
            .await;
    }
}

#[wasm_bindgen_test]
async fn the_worker_greets_answers_and_gives_a_project_to_a_tab_that_asks() {
    let line = Line::start().await;
    let build = line.event(|event| match event {
        Event::Ready { build } => Some(build),
        _ => None,
    });
    let build = build.await;
    let config = HubConfig::default();
    line.ask(0, Request::Hello { build, config });
    assert!(matches!(line.reply(0).await, Ok(Reply::Hello { .. })));
    let name = "Bees \u{1F41D}".to_owned();
    line.ask(1, Request::CreateProject { name });
    let Ok(Reply::Opened(view)) = line.reply(1).await else {
        panic!("no project was made");
    };
    assert_eq!(view.seed.seed.domain, "Bees \u{1F41D}");

    // Neither a request nor of this version, but with an id that somebody waits for.
    line.send(&js_sys::JSON::parse(r#"{"id": 2, "request": {"FromTheFuture": {}}}"#).unwrap());
    assert_eq!(line.reply(2).await.unwrap_err().kind, FailureKind::Internal);
    line.send(&"no envelope".into());

    let other = BroadcastChannel::new("seedbed").unwrap();
    let ask = format!(
        r#"{{"kind": "take-over", "project": "{}"}}"#,
        view.summary.id
    );
    assert!(is_locked(&view.summary.id).await);
    other
        .post_message(&js_sys::JSON::parse(&ask).unwrap())
        .unwrap();
    let lost = line.event(|event| match event {
        Event::ProjectLost { project } => Some(project),
        _ => None,
    });
    assert_eq!(lost.await, view.summary.id);
    unlocked(&view.summary.id).await;
    line.end().await;
    let platform = tab(false).platform;
    platform.remove(view.summary.id.clone()).await.unwrap();
}
