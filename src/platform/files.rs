//! Files that a person chooses or drops on the page.

use js_sys::Uint8Array;
use leptos::prelude::{on_cleanup, window_event_listener};
use seedbed_core::messages::{Failure, FailureKind};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DragEvent, File, HtmlInputElement};

/// Files that can be imported, for a file input.
pub const TABLES: &str = ".csv,.tsv,.txt,.json,.jsonl,.ndjson,.parquet,text/csv,application/json";

/// What is larger would not fit a tab several times over, which reading and storing it needs.
const MOST_BYTES: f64 = 400_000_000.0;

/// The chosen file of a file input, which is emptied so that the same file can be chosen again.
pub fn take_chosen(event: &web_sys::Event) -> Option<File> {
    let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = input.files()?.get(0);
    input.set_value("");
    file
}

/// All chosen files of a file input, which is emptied.
pub fn take_all_chosen(event: &web_sys::Event) -> Vec<File> {
    let input = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    let files = input.as_ref().and_then(HtmlInputElement::files);
    let all = files.map_or_else(Vec::new, |files| {
        (0..files.length()).filter_map(|at| files.get(at)).collect()
    });
    if let Some(input) = input {
        input.set_value("");
    }
    all
}

/// The first of the files that a drop brings.
fn file_of(event: &DragEvent) -> Option<File> {
    event.data_transfer()?.files()?.get(0)
}

/// What is dragged holds a file.
fn has_file(event: &DragEvent) -> bool {
    event.data_transfer().is_some_and(|data| {
        data.types()
            .iter()
            .any(|kind| kind.as_string().as_deref() == Some("Files"))
    })
}

/// Reads a file as text.
pub async fn read_text(file: &File) -> Result<String, Failure> {
    let name = file.name();
    let refuse =
        |what: String| Failure::new(FailureKind::Invalid, what).means("Nothing was imported.");
    if file.size() > MOST_BYTES {
        return Err(refuse(format!("{name} is too large for a browser tab."))
            .next("Split it, or import a part of its rows."));
    }
    let text = JsFuture::from(file.text())
        .await
        .map_err(|error| unreadable(&name, &error))?;
    text.as_string()
        .ok_or_else(|| refuse(format!("{name} is not a text file.")))
}

/// The bytes of a piece of a file.
pub async fn bytes_of(piece: &Blob, name: &str) -> Result<Vec<u8>, Failure> {
    let buffer = JsFuture::from(piece.array_buffer())
        .await
        .map_err(|error| unreadable(name, &error))?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The browser did not give the content of a file.
pub fn unreadable(name: &str, error: &JsValue) -> Failure {
    Failure::new(
        FailureKind::Invalid,
        format!("The browser could not read {name}."),
    )
    .means("Nothing was imported.")
    .next("Choose the file again; it may have been moved or changed meanwhile.")
    .detail(format!("{error:?}"))
}

/// Hears of files that are dragged over the page (`Some(true)`), away from it, and dropped, for as
/// long as the component that asks for it stands. Where nobody takes a dropped
/// file, the browser would leave the page to show it; that never happens here.
pub fn on_drag(hover: impl Fn(bool) + Clone + 'static, drop: impl Fn(File) + 'static) {
    use leptos::ev;
    let over = hover.clone();
    let left = hover.clone();
    let dragover = window_event_listener(ev::dragover, move |event| {
        if has_file(&event) && !event.default_prevented() {
            event.prevent_default();
            over(true);
        }
    });
    let dragleave = window_event_listener(ev::dragleave, move |event| {
        // Without a related target the pointer has left the window; else it only moved to another element.
        if event.related_target().is_none() {
            left(false);
        }
    });
    let dropped = window_event_listener(ev::drop, move |event| {
        hover(false);
        if has_file(&event) && !event.default_prevented() {
            event.prevent_default();
            if let Some(file) = file_of(&event) {
                drop(file);
            }
        }
    });
    on_cleanup(move || {
        for listener in [dragover, dragleave, dropped] {
            listener.remove();
        }
    });
}
