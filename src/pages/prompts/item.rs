//! One instruction: read, kept or struck, edited, evolved, with where it came from.

use super::board::{Board, Open, item_id};
use super::counts::cell_name;
use super::evolve::EvolveChoice;
use super::list::answers_text;
use crate::pages::desk::failure_view;
use crate::ui::diff::diff_view;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, PromptView, Reply, Request};
use seedbed_core::prompt::{PromptOrigin, PromptState};

/// Where an instruction came from, in words.
fn origin_text(origin: &PromptOrigin) -> String {
    match origin {
        PromptOrigin::Drafted { model, .. } => format!("Drafted by {}", short_model(model)),
        PromptOrigin::Evolved {
            evolution, model, ..
        } => format!("{}, by {}", evolution.label(), short_model(model)),
        PromptOrigin::Typed => "Typed".to_owned(),
        PromptOrigin::Imported { file } => format!("From {file}"),
        PromptOrigin::Unknown => "Made in a way of a newer version".to_owned(),
    }
}

/// A model id without its owner.
fn short_model(model: &str) -> &str {
    match model.rsplit_once('/') {
        Some((_, name)) if !name.is_empty() => name,
        _ => model,
    }
}

/// The item.
#[component]
pub(super) fn Item(board: Board, id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    let get_id = move || id.get_value();
    let row: Memo<Option<PromptView>> = Memo::new(move |_| id.with_value(|id| board.row(id)));
    let is_head = Memo::new(move |_| {
        board.cell.with(Option::is_none)
            && board.page.with(|page| {
                id.with_value(|id| {
                    let at = page.prompts.iter().position(|row| row.prompt.id == *id);
                    at.is_some_and(|at| {
                        at == 0
                            || page.prompts.get(at - 1).map(|row| &row.prompt.cell)
                                != page.prompts.get(at).map(|row| &row.prompt.cell)
                    })
                })
            })
    });
    let state = Memo::new(move |_| {
        row.with(|row| {
            row.as_ref().map_or(PromptState::Proposed, |row| {
                board.state_of(&row.prompt.id, row.prompt.state)
            })
        })
    });
    let is_current = Memo::new(move |_| {
        board
            .current
            .with(|current| id.with_value(|id| current.as_ref() == Some(id)))
    });
    let is_open = move |what: Open| {
        Memo::new(move |_| {
            board.open.with(|open| {
                id.with_value(|id| {
                    open.as_ref()
                        .is_some_and(|(own, now)| own == id && *now == what)
                })
            })
        })
    };
    let is_editing = is_open(Open::Edit);
    let is_evolving = is_open(Open::Evolve);
    let is_child = Memo::new(move |_| {
        row.with(|row| {
            row.as_ref()
                .is_some_and(|row| matches!(row.prompt.origin, PromptOrigin::Evolved { .. }))
        })
    });
    let text = Memo::new(move |_| {
        row.with(|row| {
            row.as_ref()
                .map(|row| row.prompt.text.clone())
                .unwrap_or_default()
        })
    });
    view! {
        <li
            class="prompt"
            class:current=move || is_current.get()
            class:is-kept=move || state.get() == PromptState::Kept
            class:is-struck=move || state.get() == PromptState::Struck
            class:is-child=move || is_child.get()
            on:focusin=move |_| {
                if board.chosen.with_untracked(|chosen| id.with_value(|id| chosen.as_ref() != Some(id))) {
                    board.chosen.set(Some(get_id()));
                }
            }
        >
            {move || {
                is_head
                    .get()
                    .then(|| {
                        let name = row
                            .with_untracked(|row| {
                                row.as_ref().map(|row| cell_name(&row.prompt.cell)).unwrap_or_default()
                            });
                        view! {
                            <h3 class="prompt-cell" dir="auto">
                                {name}
                            </h3>
                        }
                            .into_any()
                    })
            }}
            <div
                class="prompt-body"
                id=item_id(&id.get_value())
                tabindex=move || if is_current.get() { "0" } else { "-1" }
            >
                <div class="prompt-main">
                    {move || {
                        if is_editing.get() {
                            view! { <Editor board=board id=get_id() /> }.into_any()
                        } else {
                            view! {
                                <p class="prompt-text" dir="auto">
                                    {move || text.get()}
                                </p>
                            }
                                .into_any()
                        }
                    }}
                    {move || row.with(|row| row.as_ref().map(|row| meta_view(row, state)))}
                </div>
                <Buttons board=board id=id state=state is_current=is_current />
            </div>
            {move || {
                is_evolving
                    .get()
                    .then(|| {
                        view! {
                            <EvolveChoice
                                board=board
                                id=format!("{}-evolve", item_id(&get_id()))
                                prompts=Callback::new(move |()| vec![get_id()])
                                close=Callback::new(move |()| board.close(&get_id()))
                            />
                        }
                            .into_any()
                    })
            }}
        </li>
    }
    .into_any()
}

fn meta_view(row: &PromptView, state: Memo<PromptState>) -> AnyView {
    let lineage = row.parent_text.clone().map(|parent| {
        let text = row.prompt.text.clone();
        let round = match row.prompt.origin {
            PromptOrigin::Evolved { round, .. } if round > 1 => format!(", round {round}"),
            _ => String::new(),
        };
        change_view(format!("Evolved from another{round}"), parent, text)
    });
    let edited = row
        .prompt
        .original_text
        .clone()
        .map(|original| change_view("Edited".to_owned(), original, row.prompt.text.clone()));
    let answers = answers_text(row.records).map(|text| view! { <span>{text}</span> }.into_any());
    let origin = origin_text(&row.prompt.origin);
    view! {
        <div class="prompt-meta muted small">
            <span class=move || {
                match state.get() {
                    PromptState::Proposed => "state",
                    PromptState::Kept => "state done",
                    PromptState::Struck => "state failed",
                }
            }>
                {move || match state.get() {
                    PromptState::Proposed => "Proposed",
                    PromptState::Kept => "Kept",
                    PromptState::Struck => "Struck",
                }}
            </span>
            <span class="prompt-origin">{origin}</span>
            {answers}
            {lineage}
            {edited}
        </div>
    }
    .into_any()
}

/// What it was before, folded, as a word diff.
fn change_view(title: String, old: String, new: String) -> AnyView {
    let is_open = RwSignal::new(false);
    view! {
        <details
            class="prompt-change"
            on:toggle:target=move |event| is_open.set(event.target().open())
        >
            <summary>{title}</summary>
            // A diff of each row of a long list would be made for nobody.
            <div class="diff" dir="auto">
                {move || is_open.get().then(|| diff_view(&old, &new))}
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn Buttons(
    board: Board,
    id: StoredValue<String>,
    state: Memo<PromptState>,
    is_current: Memo<bool>,
) -> impl IntoView {
    // Only the current instruction's buttons are stops of the Tab key: J and K lead to the others.
    let tabindex = move || if is_current.get() { "0" } else { "-1" };
    let set = move |to: PromptState| board.set_state(vec![id.get_value()], to);
    let name = move || {
        id.with_value(|id| {
            board
                .row(id)
                .map(|row| row.prompt.text.chars().take(60).collect::<String>())
                .unwrap_or_default()
        })
    };
    let button = move |label: &'static str, key: &'static str, act: Callback<()>| {
        view! {
            <button
                type="button"
                class="btn small"
                tabindex=tabindex
                aria-keyshortcuts=key
                on:click=move |_| act.run(())
            >
                {label}
                <span class="sr-only">{move || format!(": {}", name())}</span>
                <kbd aria-hidden="true">{key}</kbd>
            </button>
        }
        .into_any()
    };
    view! {
        <div class="prompt-actions">
            {move || {
                let keep = button("Keep", "A", Callback::new(move |()| set(PromptState::Kept)));
                let strike = button("Strike", "X", Callback::new(move |()| set(PromptState::Struck)));
                let back = button("Put back", "U", Callback::new(move |()| set(PromptState::Proposed)));
                match state.get() {
                    PromptState::Proposed => [keep, strike],
                    PromptState::Kept => [back, strike],
                    PromptState::Struck => [keep, back],
                }
            }}
            {move || {
                (state.get() != PromptState::Struck)
                    .then(|| {
                        view! {
                            {button(
                                "Edit",
                                "E",
                                Callback::new(move |()| board.toggle(&id.get_value(), Open::Edit)),
                            )}
                            {button(
                                "Evolve",
                                "V",
                                Callback::new(move |()| board.toggle(&id.get_value(), Open::Evolve)),
                            )}
                        }
                            .into_any()
                    })
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Editor(board: Board, id: String) -> impl IntoView {
    let desk = board.desk;
    let before = untrack(|| board.row(&id))
        .map(|row| row.prompt.text)
        .unwrap_or_default();
    let text = RwSignal::new(before.clone());
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let input_id = format!("{}-text", item_id(&id));
    let id = StoredValue::new(id);
    let close = move || board.close(&id.get_value());
    let save = {
        move || {
            let typed = text.with_untracked(|text| text.trim().to_owned());
            if typed.is_empty() || typed == before.trim() {
                close();
                return;
            }
            desk.spawn(async move {
                let request = Request::EditPrompt {
                    project: desk.project_id(),
                    id: id.try_get_value().unwrap_or_default(),
                    text: typed,
                };
                match desk.ask(request).await {
                    Ok(Reply::Prompt(_)) => {
                        desk.prompts_changed();
                        desk.say("Saved.");
                        if let Some(id) = id.try_get_value() {
                            board.close(&id);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        failure.try_set(Some(error));
                    }
                }
            });
        }
    };
    let save_by_key = save.clone();
    view! {
        <div class="prompt-edit">
            <textarea
                id=input_id
                class="grow"
                rows="3"
                dir="auto"
                aria-label="Edit the instruction"
                prop:value=move || text.get()
                on:input:target=move |event| text.set(event.target().value())
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        event.prevent_default();
                        close();
                    } else if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                        event.prevent_default();
                        save_by_key();
                    }
                }
            ></textarea>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button type="button" class="btn small primary" on:click=move |_| save()>
                    "Save"
                    <kbd aria-hidden="true">"Ctrl ⏎"</kbd>
                </button>
                <button type="button" class="btn quiet small" on:click=move |_| close()>
                    "Cancel"
                    <kbd aria-hidden="true">"Esc"</kbd>
                </button>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::prompt::EvolutionKind;

    #[test]
    fn an_instruction_says_where_it_came_from() {
        let drafted = PromptOrigin::Drafted {
            model: "HuggingFaceTB/SmolLM3-3B".into(),
            prompt_version: "self-instruct/1".into(),
        };
        assert_eq!(origin_text(&drafted), "Drafted by SmolLM3-3B");
        let evolved = PromptOrigin::Evolved {
            parent: "p".into(),
            evolution: EvolutionKind::Deepening,
            round: 1,
            model: "qwen".into(),
            prompt_version: "evolve/1".into(),
        };
        assert_eq!(origin_text(&evolved), "Go deeper, by qwen");
        assert_eq!(short_model("odd/"), "odd/");
    }
}
