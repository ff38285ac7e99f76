//! An instruction typed by hand.

use super::board::Board;
use crate::pages::desk::failure_view;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, Reply, Request};
use seedbed_core::prompt::Cell;

/// The form.
#[component]
pub(super) fn AddForm(board: Board) -> impl IntoView {
    let desk = board.desk;
    let (topics, perspectives) = board
        .grid
        .with_untracked(|grid| (grid.topics.clone(), grid.perspectives.clone()));
    let first = board.cell.get_untracked().unwrap_or_else(|| Cell {
        topic: topics.first().cloned().unwrap_or_default(),
        perspective: perspectives.first().cloned().unwrap_or_default(),
    });
    let cell = RwSignal::new(first);
    // A cell chosen in the grid is meant here too.
    Effect::new(move |_| {
        if let Some(chosen) = board.cell.get() {
            cell.set(chosen);
        }
    });
    let text = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let add = move || {
        let typed = text.with_untracked(|text| text.trim().to_owned());
        if typed.is_empty() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        desk.spawn(async move {
            let request = Request::AddPrompt {
                project: desk.project_id(),
                cell: cell.get_untracked(),
                text: typed,
            };
            match desk.ask(request).await {
                Ok(Reply::Prompt(prompt)) => {
                    text.try_set(String::new());
                    desk.say("Added and kept.");
                    board.chosen.try_set(Some(prompt.id));
                    desk.prompts_changed();
                    desk.focus_soon("add-text");
                }
                Ok(_) => {}
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            busy.try_set(false);
        });
    };
    let options = |names: Vec<String>,
                   id: &'static str,
                   label: &'static str,
                   get: fn(&Cell) -> &str,
                   set: fn(&mut Cell, String)| {
        let items = names
            .into_iter()
            .map(|name| {
                let own = name.clone();
                view! {
                    <option
                        value=name.clone()
                        prop:selected=move || cell.with(|cell| get(cell) == own)
                    >
                        {name.clone()}
                    </option>
                }
                .into_any()
            })
            .collect::<Vec<_>>();
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <select
                    id=id
                    on:change:target=move |event| {
                        let value = event.target().value();
                        cell.update(|cell| set(cell, value));
                    }
                >
                    {items}
                </select>
            </div>
        }
        .into_any()
    };
    let has_columns = perspectives.iter().any(|name| !name.is_empty());
    view! {
        <form
            class="card add-form"
            aria-label="Add an instruction"
            on:submit=move |event| {
                event.prevent_default();
                add();
            }
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    board.is_adding.set(false);
                    desk.focus_soon("add-open");
                } else if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                    event.prevent_default();
                    add();
                }
            }
        >
            <div class="field-pair">
                {options(topics, "add-topic", "Topic", |cell| &cell.topic, |cell, name| cell.topic = name)}
                {has_columns
                    .then(|| {
                        options(
                            perspectives,
                            "add-perspective",
                            "Perspective",
                            |cell| &cell.perspective,
                            |cell, name| cell.perspective = name,
                        )
                    })}
            </div>
            <div class="field">
                <label for="add-text">"Instruction"</label>
                <textarea
                    id="add-text"
                    class="grow"
                    rows="3"
                    dir="auto"
                    aria-describedby="add-hint"
                    prop:value=move || text.get()
                    on:input:target=move |event| text.set(event.target().value())
                ></textarea>
                <p class="hint" id="add-hint">
                    "As a person would ask it, complete in itself. It is kept at once."
                </p>
            </div>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button
                    type="submit"
                    class="btn primary"
                    aria-disabled=move || {
                        (busy.get() || text.with(|text| text.trim().is_empty())).to_string()
                    }
                >
                    "Add and keep"
                    <kbd>"Ctrl ⏎"</kbd>
                </button>
                <button type="button" class="btn quiet" on:click=move |_| board.is_adding.set(false)>
                    "Close"
                </button>
            </div>
        </form>
    }
    .into_any()
}
