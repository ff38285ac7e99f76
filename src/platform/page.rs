//! The document: its title, its address, where the focus is, and what a crash leaves on the screen.

use js_sys::{Function, Object, Promise, Reflect};
use leptos::prelude::{on_cleanup, request_animation_frame, window_event_listener_untyped};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Element, FocusOptions, HtmlElement, Window};

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}

fn element(selector: &str) -> Option<Element> {
    document()?.query_selector(selector).ok().flatten()
}

/// Hash of the address, with `#`.
pub fn hash() -> String {
    window()
        .and_then(|window| window.location().hash().ok())
        .unwrap_or_default()
}

/// Goes to a hash; the way back leads to where the person is now.
pub fn go(hash: &str) {
    if let Some(window) = window() {
        let _ = window.location().set_hash(hash);
    }
}

/// Goes to a hash in place of the present one.
pub fn go_instead(hash: &str) {
    let Some(window) = window() else {
        return;
    };
    let is_replaced = window.history().is_ok_and(|history| {
        history
            .replace_state_with_url(&JsValue::NULL, "", Some(hash))
            .is_ok()
    });
    if !is_replaced {
        go(hash);
    } else if let Ok(event) = web_sys::Event::new("hashchange") {
        // `replaceState` tells nobody.
        let _ = window.dispatch_event(&event);
    }
}

/// Calls `hear` with the new hash whenever it changes, for as long as the component that asks for it stands.
pub fn on_hash_change(hear: impl Fn(String) + 'static) {
    let listener = window_event_listener_untyped("hashchange", move |_| hear(hash()));
    on_cleanup(move || listener.remove());
}

/// Loads the page again.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

/// Sets the title.
pub fn set_title(title: &str) {
    if let Some(document) = document() {
        document.set_title(title);
    }
}

fn focus_element(element: Element) {
    let Ok(element) = element.dyn_into::<HtmlElement>() else {
        return;
    };
    if element.tab_index() < 0 && !element.has_attribute("tabindex") {
        let _ = element.set_attribute("tabindex", "-1");
    }
    let options = FocusOptions::new();
    options.set_prevent_scroll(true);
    let _ = element.focus_with_options(&options);
}

/// Once the new page is drawn: its top is shown and its heading has the focus, so that reading and tabbing begin there.
pub fn begin_at_heading() {
    if let Some(window) = window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
    // A page whose code is still on its way has its heading some frames later; about ten seconds are waited for it.
    focus_heading_within(600);
}

fn focus_heading_within(frames: u32) {
    request_animation_frame(move || match element("main h1") {
        Some(heading) => focus_element(heading),
        None if frames > 0 => focus_heading_within(frames - 1),
        None => {}
    });
}

/// Moves the focus to the main content; for the skip link, whose hash would be taken for a route.
pub fn skip_to_main() {
    if let Some(main) = element("main") {
        focus_element(main);
    }
}

/// Moves the focus to an element once it stands.
pub fn focus_soon(selector: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = element(selector) {
            focus_element(element);
        }
    });
}

/// Closes an open popover.
pub fn hide_popover(id: &str) {
    // By name: not every browser that is supported has it, and then there is nothing to close.
    if let Some(element) = document().and_then(|document| document.get_element_by_id(id))
        && let Ok(hide) = Reflect::get(&element, &"hidePopover".into())
        && let Ok(hide) = hide.dyn_into::<Function>()
    {
        let _ = hide.call0(&element);
    }
}

/// Removes what `index.html` shows while the app loads.
pub fn remove_skeleton() {
    if let Some(skeleton) = element("#skeleton") {
        skeleton.remove();
    }
}

/// Shows the part of `index.html` that is there for a crash of the page, with the technical text.
pub fn show_crash(detail: &str) {
    if let Some(text) = element("#crash pre") {
        text.set_text_content(Some(detail));
    }
    if let Some(crash) = element("#crash") {
        let _ = crash.remove_attribute("hidden");
    }
}

/// Puts a text on the clipboard; false if the browser does not let it.
pub async fn copy(text: &str) -> bool {
    let Some(window) = window() else {
        return false;
    };
    let navigator = Reflect::get(&window, &"navigator".into()).unwrap_or_default();
    let clipboard = Reflect::get(&navigator, &"clipboard".into()).unwrap_or_default();
    let written = Reflect::get(&clipboard, &"writeText".into())
        .and_then(wasm_bindgen::JsCast::dyn_into::<Function>)
        .and_then(|write| write.call1(&clipboard, &text.into()))
        .and_then(wasm_bindgen::JsCast::dyn_into::<Promise>);
    match written {
        Ok(promise) => JsFuture::from(promise).await.is_ok(),
        Err(_) => false,
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A date in the person's own format.
pub fn date_text(ms: u64) -> String {
    let options = Object::new();
    let _ = Reflect::set(&options, &"dateStyle".into(), &"medium".into());
    let date = js_sys::Date::new(&JsValue::from_f64(ms as f64));
    Reflect::get(&date, &"toLocaleDateString".into())
        .ok()
        .and_then(|format| format.dyn_into::<Function>().ok())
        .and_then(|format| format.call2(&date, &JsValue::UNDEFINED, &options).ok())
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

/// Asks the browser not to clear away what this site keeps. Only a page may ask; what came of it, the worker can see.
pub async fn persist() {
    let asked = || {
        let navigator = Reflect::get(window()?.as_ref(), &"navigator".into()).ok()?;
        let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
        let persist: Function = Reflect::get(&storage, &"persist".into())
            .ok()?
            .dyn_into()
            .ok()?;
        persist.call0(&storage).ok()?.dyn_into::<Promise>().ok()
    };
    if let Some(asked) = asked() {
        // Refused or not: whoever wants to know looks at the storage.
        JsFuture::from(asked).await.ok();
    }
}
