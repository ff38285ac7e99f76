//! Small parts of several pages: a failure that says what to do, a dialog, a delay.

use leptos::html;
use leptos::prelude::*;
use seedbed_core::messages::Failure;
use std::time::Duration;

/// A failure: what happened, what it means, what to do; the technical text folds open. With `retry`, a button.
pub fn failure_view(failure: &Failure, retry: Option<Callback<()>>) -> AnyView {
    let part =
        |text: &str| (!text.is_empty()).then(|| view! { <p>{text.to_owned()}</p> }.into_any());
    let detail = failure.detail.clone().map(|detail| {
        view! {
            <details class="more">
                <summary>"Technical details"</summary>
                <pre class="snippet" tabindex="0" role="group" aria-label="Technical details">
                    {detail}
                </pre>
            </details>
        }
        .into_any()
    });
    let retry = retry.map(|retry| {
        view! {
            <div class="actions">
                <button type="button" class="btn small" on:click=move |_| retry.run(())>
                    "Try again"
                </button>
            </div>
        }
        .into_any()
    });
    view! {
        <div class="notice failure" role="alert">
            <p>
                <strong>{failure.what.clone()}</strong>
            </p>
            {part(&failure.means)}
            {part(&failure.next)}
            {detail}
            {retry}
        </div>
    }
    .into_any()
}

/// A modal dialog. Its content is made when it opens and dropped when it closes; Esc and the cross close it, and the
/// focus goes back to where it was (the browser does that for modal dialogs).
#[component]
pub fn Dialog(
    /// Whether it is open; closing sets it to false.
    open: RwSignal<bool>,
    /// Its title.
    title: &'static str,
    /// Prefix of its element ids.
    id: &'static str,
    /// Wider than usual.
    #[prop(default = false)]
    is_wide: bool,
    /// Its content.
    children: ChildrenFn,
) -> impl IntoView {
    let node: NodeRef<html::Dialog> = NodeRef::new();
    Effect::new(move |_| {
        let is_open = open.get();
        if let Some(dialog) = node.get() {
            if is_open && !dialog.open() {
                // Fails only when it is open already or not in the document.
                let _ = dialog.show_modal();
            } else if !is_open && dialog.open() {
                dialog.close();
            }
        }
    });
    view! {
        <dialog
            node_ref=node
            class="dialog"
            class:wide=is_wide
            aria-labelledby=format!("{id}-title")
            on:close=move |_| open.set(false)
        >
            <div class="dialog-head">
                <h2 id=format!("{id}-title")>{title}</h2>
                <button
                    type="button"
                    class="btn icon"
                    aria-label="Close"
                    on:click=move |_| open.set(false)
                >
                    <span aria-hidden="true">"×"</span>
                </button>
            </div>
            <div class="dialog-body">{move || open.get().then(|| children())}</div>
        </dialog>
    }
    .into_any()
}

/// Runs something once nothing new has come for a while.
#[derive(Clone, Copy)]
pub struct Debounce {
    delay_ms: u64,
    handle: StoredValue<Option<TimeoutHandle>>,
}

impl Debounce {
    /// A delay of `delay_ms` milliseconds.
    pub fn new(delay_ms: u64) -> Self {
        Self {
            delay_ms,
            handle: StoredValue::new(None),
        }
    }

    /// Runs `act` after the delay, in place of what was waiting.
    pub fn run(self, act: impl FnOnce() + 'static) {
        self.cancel();
        let handle = set_timeout_with_handle(act, Duration::from_millis(self.delay_ms)).ok();
        self.handle.try_set_value(handle);
    }

    /// Runs `act` after the delay, unless something waits already: what comes again and again does not put it off.
    pub fn run_soon(self, act: impl FnOnce() + 'static) {
        let is_waiting = self.handle.try_with_value(Option::is_some).unwrap_or(true);
        if !is_waiting {
            self.run(move || {
                self.handle.try_set_value(None);
                act();
            });
        }
    }

    /// Drops what is waiting.
    pub fn cancel(self) {
        if let Some(Some(handle)) = self.handle.try_update_value(Option::take) {
            handle.clear();
        }
    }
}
