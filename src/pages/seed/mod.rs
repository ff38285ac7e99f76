//! Seed: what the expert says of the domain, saved as it is typed.
//!
//! [`draft`] and [`rows`] are the pure parts, [`editor`] sends and hears; the rest draws.
// `Editor` is a bundle of handles that every closure of a view needs a copy of; a reference could not be kept.
#![allow(clippy::large_types_passed_by_value)]

pub mod draft;
mod editor;
mod examples;
mod fields;
mod file;
mod list;
mod proposals;
pub mod rows;
mod side;

pub(crate) use file::ImportFile;

use crate::pages::connect::{TabNotice, use_connect};
use crate::pages::desk::{Desk, failure_view, use_desk};
use draft::Saving;
use editor::Editor;
use examples::Examples;
use fields::TextField;
use file::FileView;
use leptos::prelude::*;
use list::{PERSPECTIVES, TOPICS, TextList};
use side::Side;

/// The page.
#[component]
pub fn SeedPage() -> impl IntoView {
    let editor = Editor::new(use_desk());
    editor.listen();
    let is_file = RwSignal::new(false);
    view! {
        <div class="page seed">
            <header class="page-head">
                <h1 tabindex="-1" id="seed-title">
                    "Seed"
                </h1>
                <p class="lead">
                    "What you know of your domain. Every instruction and every answer grows from this page."
                </p>
            </header>
            <Toolbar editor=editor is_file=is_file />
            <TabNotice then="seed-title" />
            {move || {
                editor
                    .failure
                    .get()
                    .map(|failure| {
                        failure_view(&failure, Some(Callback::new(move |()| editor.flush())))
                    })
            }}
            {move || {
                if is_file.get() {
                    view! { <FileView editor=editor /> }.into_any()
                } else {
                    view! { <Form editor=editor /> }.into_any()
                }
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Toolbar(editor: Editor, is_file: RwSignal<bool>) -> impl IntoView {
    let can = move |redo: bool| {
        let is_waiting = !redo && editor.saving.get() == Saving::Waiting;
        is_waiting
            || editor.desk.seed().with(|seed| {
                seed.as_ref()
                    .is_some_and(|seed| if redo { seed.can_redo } else { seed.can_undo })
            })
    };
    let tab = move |file: bool, label: &'static str| {
        view! {
            <button
                type="button"
                class="seg"
                aria-pressed=move || (is_file.get() == file).to_string()
                on:click=move |_| is_file.set(file)
            >
                {label}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="seed-bar">
            <div class="seed-bar-group">
                <button
                    type="button"
                    class="btn small"
                    title="Undo (Ctrl/⌘ Z outside a field)"
                    aria-keyshortcuts="Control+Z Meta+Z"
                    aria-disabled=move || (!can(false)).to_string()
                    on:click=move |_| editor.undo(false)
                >
                    <span aria-hidden="true">"↶"</span>
                    "Undo"
                </button>
                <button
                    type="button"
                    class="btn small"
                    title="Redo (Ctrl/⌘ Shift Z outside a field)"
                    aria-keyshortcuts="Control+Shift+Z Meta+Shift+Z"
                    aria-disabled=move || (!can(true)).to_string()
                    on:click=move |_| editor.undo(true)
                >
                    <span aria-hidden="true">"↷"</span>
                    "Redo"
                </button>
                <span class="seed-saved muted small">
                    {move || match editor.saving.get() {
                        Saving::Saved => "Saved",
                        Saving::Waiting | Saving::UnderWay => "Saving…",
                        Saving::Failed => "Not saved",
                    }}
                </span>
            </div>
            <div class="segments" role="group" aria-label="Show as">
                {tab(false, "Form")} {tab(true, "File")}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Form(editor: Editor) -> impl IntoView {
    view! {
        <div class="seed-grid">
            <div class="seed-main">
                <section class="card seed-card" aria-labelledby="seed-domain-title">
                    <h2 id="seed-domain-title">"Domain and expert"</h2>
                    <TextField
                        editor=editor
                        field="domain"
                        label="Domain"
                        hint="A short name. Prompts say “in the domain of …”, and the project is called so."
                        get=|seed| &seed.domain
                        set=|seed, text| seed.domain = text
                    />
                    <TextField
                        editor=editor
                        field="description"
                        label="What the dataset is for"
                        hint="A sentence or two for people. It opens the dataset's card on the Hub."
                        lines=2
                        get=|seed| &seed.description
                        set=|seed, text| seed.description = text
                    />
                    <TextField
                        editor=editor
                        field="expert_prompt"
                        label="The expert"
                        hint="Who answers: what they know from experience, how they speak, what they would never say. The answering model gets this word for word as its standing instruction."
                        lines=6
                        get=|seed| &seed.expert_prompt
                        set=|seed, text| seed.expert_prompt = text
                    />
                </section>
                <div class="seed-lists">
                    <TextList editor=editor kind=&TOPICS />
                    <TextList editor=editor kind=&PERSPECTIVES />
                </div>
                <Examples editor=editor />
            </div>
            <Side editor=editor />
        </div>
    }
    .into_any()
}

/// Whether a model can be asked. If none is chosen, the choice is opened; if the one in this tab is not loaded, the focus
/// goes to the notice that says so.
pub(crate) fn has_model_or_ask(desk: Desk) -> bool {
    let connect = use_connect();
    if desk.endpoint().with_untracked(Option::is_none) {
        desk.say("Choose a model first.");
        connect.open_models();
        return false;
    }
    if !untrack(|| connect.tab().is_missing(desk)) {
        return true;
    }
    if connect.tab().loading().with_untracked(Option::is_some) {
        desk.say("The model is still being loaded.");
    } else {
        desk.say("Load the model first.");
        desk.focus_soon("tab-notice");
    }
    false
}

/// Says that no model is chosen, with the way to choose one; nothing when one is.
#[component]
pub(crate) fn NoModel(
    /// What needs one.
    what: &'static str,
) -> impl IntoView {
    let desk = use_desk();
    let connect = use_connect();
    view! {
        {move || {
            desk.endpoint()
                .with(Option::is_none)
                .then(|| {
                    view! {
                        <p class="muted small no-model">
                            {what} " needs a model, and none is chosen yet. "
                            <button type="button" class="link" on:click=move |_| connect.open_models()>
                                "Choose a model"
                            </button>
                        </p>
                    }
                        .into_any()
                })
        }}
    }
    .into_any()
}
