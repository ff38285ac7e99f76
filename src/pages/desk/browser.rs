//! The browser, as far as the pages touch it. Nothing here panics: a blocked storage, a missing window and a refused
//! call are ordinary cases.

use crate::pages::review::keys::Focus;
use js_sys::{Array, Date, Function, Object, Reflect};
use leptos::ev::KeyboardEvent;
use seedbed_core::messages::{Failure, FailureKind};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    Blob, BlobPropertyBag, Document, Element, File, FocusOptions, HtmlAnchorElement, HtmlElement,
    Storage, Url, Window,
};

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}

/// Puts the focus on the element with `id`, if it stands. The record keeps its scroll position.
pub(super) fn focus(id: &str) {
    let Some(element) = document()
        .and_then(|document| document.get_element_by_id(id))
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
    else {
        return;
    };
    let options = FocusOptions::new();
    options.set_prevent_scroll(id == "record");
    let _ = element.focus_with_options(&options);
}

pub(super) fn scroll_to_top() {
    if let Some(window) = window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// Milliseconds since the page was loaded.
pub(super) fn now() -> f64 {
    window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now())
}

/// `performance.measure(name, {start, end})`.
pub(super) fn measure(name: &str, start: f64, end: f64) {
    let Some(performance) = window().and_then(|window| window.performance()) else {
        return;
    };
    let options = Object::new();
    let is_set = Reflect::set(&options, &"start".into(), &start.into()).is_ok()
        && Reflect::set(&options, &"end".into(), &end.into()).is_ok();
    // web-sys has only the form with the names of two marks.
    if is_set
        && let Ok(measure) = Reflect::get(&performance, &"measure".into())
        && let Ok(measure) = measure.dyn_into::<Function>()
    {
        let _ = measure.call2(&performance, &JsValue::from_str(name), &options);
    }
}

/// Where a key press fell.
pub(super) fn focus_kind(event: &KeyboardEvent) -> Focus {
    let is_dialog_open = document()
        .and_then(|document| document.query_selector("dialog[open]").ok().flatten())
        .is_some();
    if is_dialog_open {
        return Focus::Dialog;
    }
    let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return Focus::Page;
    };
    if target.has_attribute("data-editor") {
        return Focus::Editor;
    }
    let is_field = matches!(
        target.tag_name().as_str(),
        "INPUT" | "TEXTAREA" | "SELECT" | "OPTION"
    ) || target
        .dyn_ref::<HtmlElement>()
        .is_some_and(HtmlElement::is_content_editable);
    if is_field { Focus::Field } else { Focus::Page }
}

pub(super) fn local() -> Option<Storage> {
    window()?.local_storage().ok().flatten()
}

pub(super) fn session() -> Option<Storage> {
    window()?.session_storage().ok().flatten()
}

pub(super) fn get(storage: Storage, key: &str) -> Option<String> {
    storage.get_item(key).ok().flatten()
}

pub(super) fn set(storage: Option<Storage>, key: &str, value: &str) -> bool {
    storage.is_some_and(|storage| storage.set_item(key, value).is_ok())
}

pub(super) fn remove(storage: Option<Storage>, key: &str) {
    if let Some(storage) = storage {
        let _ = storage.remove_item(key);
    }
}

/// Random bytes, for ids.
pub(super) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    let is_filled = window()
        .and_then(|window| window.crypto().ok())
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !is_filled {
        // Unlikely to meet another id all the same.
        bytes = std::array::from_fn(|_| (js_sys::Math::random() * 256.0) as u8);
    }
    bytes
}

pub(super) fn origin() -> String {
    window()
        .and_then(|window| window.location().origin().ok())
        .unwrap_or_default()
}

pub(super) fn address() -> String {
    let path = window()
        .and_then(|window| window.location().pathname().ok())
        .unwrap_or_default();
    format!("{}{path}", origin())
}

pub(super) fn hash() -> String {
    window()
        .and_then(|window| window.location().hash().ok())
        .unwrap_or_default()
}

pub(super) fn query() -> String {
    window()
        .and_then(|window| window.location().search().ok())
        .unwrap_or_default()
}

pub(super) fn strip_query(new_hash: &str) {
    let Some(window) = window() else {
        return;
    };
    let before = hash();
    let after = if new_hash.is_empty() {
        before.clone()
    } else {
        new_hash.to_owned()
    };
    let url = format!(
        "{}{after}",
        window.location().pathname().unwrap_or_default()
    );
    if let Ok(history) = window.history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
    }
    // `replaceState` tells nobody; the router listens to changes of the hash.
    if after != before
        && let Ok(event) = web_sys::Event::new("hashchange")
    {
        let _ = window.dispatch_event(&event);
    }
}

pub(super) fn leave_for(url: &str) {
    if let Some(window) = window() {
        let _ = window.location().assign(url);
    }
}

/// The language of the browser.
pub(super) fn language() -> Option<String> {
    window()?.navigator().language()
}

pub(super) fn is_framed() -> bool {
    let Some(window) = window() else {
        return false;
    };
    // Reading `top` may be refused, which answers the question too.
    match window.top() {
        Ok(Some(top)) => !Object::is(&top, &window),
        Ok(None) => false,
        Err(_) => true,
    }
}

pub(super) fn time_text(ms: u64) -> String {
    let options = Object::new();
    let _ = Reflect::set(&options, &"dateStyle".into(), &"medium".into());
    let _ = Reflect::set(&options, &"timeStyle".into(), &"short".into());
    let date = Date::new(&JsValue::from_f64(ms as f64));
    Reflect::get(&date, &"toLocaleString".into())
        .ok()
        .and_then(|format| format.dyn_into::<Function>().ok())
        .and_then(|format| format.call2(&date, &JsValue::UNDEFINED, &options).ok())
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

pub(super) fn object_url(file: &File) -> Option<String> {
    Url::create_object_url_with_blob(file).ok()
}

pub(super) fn drop_object_url(url: &str) {
    let _ = Url::revoke_object_url(url);
}

/// Offers a text to be saved.
pub(super) fn download(name: &str, mime: &str, parts: &Array) -> Result<(), Failure> {
    let failed = not_saved;
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let blob = Blob::new_with_blob_sequence_and_options(parts, &options).map_err(failed)?;
    let url = Url::create_object_url_with_blob(&blob).map_err(failed)?;
    let link = document()
        .and_then(|document| document.create_element("a").ok())
        .and_then(|element| element.dyn_into::<HtmlAnchorElement>().ok())
        .ok_or_else(|| failed(JsValue::from_str("no document")))?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser takes the content when the click is handled; later is soon enough to let go of it.
    leptos::prelude::set_timeout(
        move || {
            let _ = Url::revoke_object_url(&url);
        },
        std::time::Duration::from_mins(1),
    );
    Ok(())
}

/// The browser did not let a file be saved.
pub(super) fn not_saved(error: JsValue) -> Failure {
    Failure::new(
        FailureKind::Storage,
        "The browser did not let the file be saved.",
    )
    .means("Your work is as it was.")
    .next("Try again; if Seedbed stands inside another page, open it in its own tab.")
    .detail(format!("{error:?}"))
}
