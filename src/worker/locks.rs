//! One writing tab per project, by Web Locks, and the honest way to take a project over: ask, wait, and only then take.

use futures::channel::oneshot;
use js_sys::{Function, Object, Promise, Reflect};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, BroadcastChannel};

/// How long the tab that has a project may take to let go, in milliseconds.
const PATIENCE_MS: u32 = 8000;
/// How long a lock is waited for before its project counts as open elsewhere: a page that is loaded again asks for it
/// while the browser is still ending the worker that had it.
const LINGERING_MS: u32 = 500;

/// A lock that is held until this is dropped.
pub(crate) struct Held(Function);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.call0(&JsValue::UNDEFINED).ok();
    }
}

/// How to ask for a lock.
enum Way {
    /// Only if it is free.
    IfFree,
    /// Wait for it so many milliseconds.
    Wait(u32),
    /// Take it from whoever has it.
    Steal,
}

fn manager() -> Option<JsValue> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    (!locks.is_undefined()).then_some(locks)
}

fn set(object: &Object, key: &str, value: &JsValue) {
    // A fresh plain object takes every property.
    let _ = Reflect::set(object, &key.into(), value);
}

/// Asks for the lock; `None` when it is not to be had that way. `on_stolen` is called when it is taken from us later.
async fn request(locks: &JsValue, name: &str, way: Way, on_stolen: Rc<dyn Fn()>) -> Option<Held> {
    // The lock itself goes through here: if nobody waits for it any more, it is let go with the message.
    let (tell, granted) = oneshot::channel::<Option<Held>>();
    let tell = Rc::new(RefCell::new(Some(tell)));
    let on_grant = {
        let tell = Rc::clone(&tell);
        Closure::once_into_js(move |lock: JsValue| -> JsValue {
            let Some(tell) = tell.borrow_mut().take() else {
                return JsValue::UNDEFINED;
            };
            if lock.is_null() || lock.is_undefined() {
                tell.send(None).ok();
                return JsValue::UNDEFINED;
            }
            // The lock is held until this promise is resolved.
            let mut release = None;
            let held = Promise::new(&mut |resolve, _reject| release = Some(resolve));
            tell.send(release.map(Held)).ok();
            held.into()
        })
    };
    let options = Object::new();
    match way {
        Way::IfFree => set(&options, "ifAvailable", &JsValue::TRUE),
        Way::Wait(ms) => set(
            &options,
            "signal",
            &AbortSignal::timeout_with_u32(ms).into(),
        ),
        Way::Steal => set(&options, "steal", &JsValue::TRUE),
    }
    let ask: Function = Reflect::get(locks, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let end: Promise = ask
        .call3(locks, &name.into(), &options, &on_grant)
        .ok()?
        .dyn_into()
        .ok()?;
    wasm_bindgen_futures::spawn_local(async move {
        if JsFuture::from(end).await.is_err() {
            match tell.borrow_mut().take() {
                // Never granted: the wait is over.
                Some(tell) => {
                    tell.send(None).ok();
                }
                // It was ours and was stolen.
                None => on_stolen(),
            }
        }
    });
    granted.await.ok().flatten()
}

/// The name of a project's lock.
fn name_of(project: &str) -> String {
    format!("seedbed:{project}")
}

/// What became of asking for a project.
pub(crate) enum Outcome {
    /// It is ours while this is kept. `None` where the browser has no locks.
    Ours(Option<Held>),
    /// The tab that had it did not answer, so it was taken.
    Taken(Held),
    /// Another tab has it.
    Busy,
}

/// Asks for a project's lock; with `take_over`, asks the tab that has it to let go, and takes it if that tab is silent.
pub(crate) async fn acquire(
    project: &str,
    take_over: bool,
    channel: Option<&BroadcastChannel>,
    on_stolen: Rc<dyn Fn()>,
) -> Outcome {
    let Some(locks) = manager() else {
        return Outcome::Ours(None);
    };
    let name = name_of(project);
    if let Some(held) = request(&locks, &name, Way::IfFree, Rc::clone(&on_stolen)).await {
        return Outcome::Ours(Some(held));
    }
    if !take_over {
        let way = Way::Wait(LINGERING_MS);
        return match request(&locks, &name, way, on_stolen).await {
            Some(held) => Outcome::Ours(Some(held)),
            None => Outcome::Busy,
        };
    }
    if let Some(channel) = channel {
        let message = Object::new();
        set(&message, "kind", &"take-over".into());
        set(&message, "project", &project.into());
        channel.post_message(&message).ok();
    }
    if let Some(held) = request(&locks, &name, Way::Wait(PATIENCE_MS), Rc::clone(&on_stolen)).await
    {
        return Outcome::Ours(Some(held));
    }
    match request(&locks, &name, Way::Steal, on_stolen).await {
        Some(held) => Outcome::Taken(held),
        None => Outcome::Busy,
    }
}

/// The project that a message of another tab asks for.
pub(crate) fn asked_for(message: &JsValue) -> Option<String> {
    let text = |key: &str| Reflect::get(message, &key.into()).ok()?.as_string();
    (text("kind")? == "take-over").then(|| text("project"))?
}
