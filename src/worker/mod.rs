//! The browser side of the backend worker: messages in and out, fetch, files, locks, the parquet worker.

pub(crate) mod engine;
pub(crate) mod fetch;
pub(crate) mod locks;
pub(crate) mod platform;
pub(crate) mod reading;
#[cfg(feature = "split")]
mod split;
pub(crate) mod storage;
pub(crate) mod table;
// The same file as the page's, so that the two can't differ.
#[allow(unreachable_pub, reason = "it is public in the page's library")]
#[path = "../platform/wire.rs"]
pub(crate) mod wire;

use engine::Ways;
use futures::future::LocalBoxFuture;
use js_sys::Reflect;
use platform::WebPlatform;
use seedbed_backend::Backend;
use seedbed_core::messages::{Envelope, Event, Failure, FailureKind};
use seedbed_store::Renewal;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BroadcastChannel, DedicatedWorkerGlobalScope, MessageEvent, console};

/// Build id compiled into the worker.
const BUILD: &str = match option_env!("SEEDBED_BUILD") {
    Some(build) => build,
    None => "dev",
};
#[cfg(feature = "split")]
use split::{PIECES, RENEWAL};
#[cfg(not(feature = "split"))]
const PIECES: seedbed_backend::pieces::Pieces = seedbed_backend::pieces::Pieces::WHOLE;
#[cfg(not(feature = "split"))]
const RENEWAL: LoadRenewal = || Box::pin(std::future::ready(Ok(Renewal::HERE)));

/// Sees to it that what reads the databases of older builds is there.
type LoadRenewal = fn() -> LocalBoxFuture<'static, Result<Renewal, Failure>>;

/// How long after the start the rest of the back end is fetched, in milliseconds: the page comes first.
const REST_AFTER_MS: u32 = 3000;

/// Tabs ask each other for projects here.
const CHANNEL: &str = "seedbed";

/// The worker's global object.
fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Posts an event to the page.
fn post(event: &Event) {
    let Some(scope) = scope() else { return };
    let try_to_post = |event: &Event| {
        let value = wire::to_js(event).map_err(|error| JsValue::from(error.to_string()))?;
        scope.post_message(&value)
    };
    let Err(error) = try_to_post(event) else {
        return;
    };
    console::error_2(&"an event could not be posted".into(), &error);
    // Whoever asked must not wait for ever.
    if let Event::Done { id, .. } | Event::Failed { id, .. } = event {
        let failure = Failure::new(
            FailureKind::Internal,
            "The answer could not be handed over.",
        )
        .means("What was asked for is done and stored.")
        .next("Reload the page to see it.");
        try_to_post(&Event::Failed { id: *id, failure }).ok();
    }
}

/// Answers a message that is none of ours: page and worker are of two builds.
fn refuse(message: &JsValue, error: &wire::Error) {
    let id = Reflect::get(message, &"id".into())
        .ok()
        .and_then(|id| id.as_f64());
    console::error_2(
        &"a message could not be read".into(),
        &error.to_string().into(),
    );
    if let Some(id) = id {
        let failure = Failure::new(
            FailureKind::Internal,
            "The page asked for something that its other half does not know.",
        )
        .means("Nothing was changed by it.")
        .next("Reload the page: the two halves are of different versions.")
        .detail(error.to_string());
        post(&Event::Failed {
            id: id as u32,
            failure,
        });
    }
}

/// Starts the back end and listens.
pub(crate) fn start() {
    console_error_panic_hook::set_once();
    let Some(scope) = scope() else { return };
    let channel = BroadcastChannel::new(CHANNEL).ok();
    let platform = Rc::new(WebPlatform::new(channel.clone()));
    let backend = Backend::new(
        Rc::<WebPlatform>::clone(&platform),
        Rc::new(Ways::default()),
        PIECES,
    );
    wasm_bindgen_futures::spawn_local({
        let backend = backend.clone();
        async move {
            gloo_timers::future::TimeoutFuture::new(REST_AFTER_MS).await;
            backend.fetch_all().await;
        }
    });
    // The lock of a frozen tab can be taken by force: then the project is lost without having been asked for.
    platform.on_stolen({
        let backend = backend.clone();
        move |project| wasm_bindgen_futures::spawn_local(backend.lose(project))
    });
    if let Some(channel) = channel {
        let backend = backend.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(project) = locks::asked_for(&message.data()) {
                wasm_bindgen_futures::spawn_local(backend.lose(&project));
            }
        });
        channel.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    }
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        if reading::take_file(&data) {
            return;
        }
        match wire::from_js::<Envelope>(data.clone()) {
            Ok(envelope) => backend.handle(envelope),
            Err(error) => refuse(&data, &error),
        }
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    post(&Event::Ready {
        build: BUILD.to_owned(),
    });
}
