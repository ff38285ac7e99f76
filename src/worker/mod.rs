//! The browser side of the backend worker: messages in and out, fetch, files, locks, the parquet worker.

mod fetch;
mod locks;
mod platform;
mod storage;
mod table;

use fetch::FetchTransport;
use platform::WebPlatform;
use seedbed_backend::Backend;
use seedbed_core::messages::{Envelope, Event};
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BroadcastChannel, DedicatedWorkerGlobalScope, MessageEvent, console};

/// Build id compiled into the worker.
const BUILD: &str = match option_env!("SEEDBED_BUILD") {
    Some(build) => build,
    None => "dev",
};
/// Tabs ask each other for projects here.
const CHANNEL: &str = "seedbed";

/// The worker's global object.
fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Posts an event to the page.
fn post(event: &Event) {
    let Some(scope) = scope() else { return };
    let posted = event
        .serialize(&Serializer::json_compatible())
        .map_err(JsValue::from)
        .and_then(|value| scope.post_message(&value));
    if let Err(error) = posted {
        console::error_2(&"an event could not be posted".into(), &error);
    }
}

/// Starts the back end and listens.
pub(crate) fn start() {
    console_error_panic_hook::set_once();
    let Some(scope) = scope() else { return };
    let channel = BroadcastChannel::new(CHANNEL).ok();
    let platform = Rc::new(WebPlatform::new(channel.clone()));
    let backend = Backend::new(Rc::<WebPlatform>::clone(&platform), Rc::new(FetchTransport));
    // The lock of a frozen tab can be taken by force: then the project is lost without having been asked for.
    platform.on_stolen({
        let backend = backend.clone();
        move |project| wasm_bindgen_futures::spawn_local(backend.lose(project))
    });
    if let Some(channel) = channel {
        let backend = backend.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(project) = locks::asked_for(&message.data())
                && platform.has(&project)
            {
                wasm_bindgen_futures::spawn_local(backend.lose(&project));
            }
        });
        channel.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    }
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        match serde_wasm_bindgen::from_value::<Envelope>(message.data()) {
            Ok(envelope) => backend.handle(envelope),
            // Page and worker of two builds; the page asks for a reload when it hears the build.
            Err(error) => {
                console::error_2(&"a message could not be read".into(), &JsValue::from(error))
            }
        }
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    post(&Event::Ready {
        build: BUILD.to_owned(),
    });
}
