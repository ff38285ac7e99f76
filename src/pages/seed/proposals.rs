//! Topics and perspectives that the model proposes: shown to be ticked, added only then.

use super::has_model_or_ask;
use super::list::List;
use super::rows::{Rows, fresh};
use crate::pages::desk::failure_view;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, FailureKind, Reply, Request, RequestId};

/// How many to ask for.
const ASK_FOR: u32 = 8;

/// How far a proposal is.
#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    Idle,
    Asking(RequestId),
    /// Texts with their ticks; those that are in the list already are left out.
    Chips(Vec<(String, bool)>),
    Failed(Failure),
}

/// The button, and the chips.
#[component]
pub(super) fn Proposals(list: List) -> impl IntoView {
    let desk = list.editor.desk;
    let state = RwSignal::new(State::Idle);
    let ask = move || {
        if matches!(state.get_untracked(), State::Asking(_)) || !has_model_or_ask(desk) {
            return;
        }
        // The model is to see what the page shows.
        list.editor.flush();
        let running = desk.ask_streaming(
            Request::Propose {
                project: desk.project_id(),
                what: list.kind.what,
                count: ASK_FOR,
            },
            |_| {},
        );
        state.set(State::Asking(running.id()));
        desk.spawn(async move {
            let next = match running.await {
                Ok(Reply::Texts(texts)) => {
                    let present = list
                        .rows
                        .try_with_untracked(Rows::items)
                        .unwrap_or_default();
                    let (new, _) = fresh(texts, &present);
                    desk.say(&match new.len() {
                        0 => "Nothing new was proposed.".to_owned(),
                        n => format!("{n} proposed. Tick what you want."),
                    });
                    State::Chips(new.into_iter().map(|text| (text, false)).collect())
                }
                Err(failure) if failure.kind != FailureKind::Cancelled => State::Failed(failure),
                _ => State::Idle,
            };
            state.try_set(next);
        });
    };
    on_cleanup(move || {
        if let Some(State::Asking(id)) = state.try_get_untracked() {
            desk.cancel(id);
        }
    });
    view! {
        <div class="proposals">
            {move || match state.get() {
                State::Idle => {
                    view! {
                        <button type="button" class="btn small" on:click=move |_| ask()>
                            {format!("Propose {}", list.kind.many)}
                        </button>
                    }
                        .into_any()
                }
                State::Asking(id) => {
                    view! {
                        <div class="actions">
                            <p class="muted small" aria-busy="true">"The model is thinking…"</p>
                            <button type="button" class="btn small" on:click=move |_| desk.cancel(id)>
                                "Stop"
                            </button>
                        </div>
                    }
                        .into_any()
                }
                State::Failed(failure) => {
                    failure_view(&failure, Some(Callback::new(move |()| {
                        state.set(State::Idle);
                        ask();
                    })))
                }
                State::Chips(chips) if chips.is_empty() => {
                    view! {
                        <div class="actions">
                            <p class="muted small">
                                "The model proposed nothing that is not in the list already."
                            </p>
                            <button type="button" class="btn small" on:click=move |_| ask()>
                                "Ask again"
                            </button>
                            <button
                                type="button"
                                class="btn quiet small"
                                on:click=move |_| state.set(State::Idle)
                            >
                                "Close"
                            </button>
                        </div>
                    }
                        .into_any()
                }
                State::Chips(chips) => chips_view(list, state, &chips, ask),
            }}
        </div>
    }
    .into_any()
}

fn chips_view(
    list: List,
    state: RwSignal<State>,
    chips: &[(String, bool)],
    ask: impl Fn() + Copy + 'static,
) -> AnyView {
    // The chips are made once per answer; ticks live in signals of their own, so that no chip loses the focus.
    let chips: Vec<(String, RwSignal<bool>)> = chips
        .iter()
        .map(|(text, is_on)| (text.clone(), RwSignal::new(*is_on)))
        .collect();
    let chips = StoredValue::new(chips);
    let ticked = Memo::new(move |_| {
        chips.with_value(|chips| chips.iter().filter(|(_, is_on)| is_on.get()).count())
    });
    let items = chips.with_value(|chips| {
        chips
            .iter()
            .map(|(text, is_on)| {
                let is_on = *is_on;
                view! {
                    <label class="chip" class:on=move || is_on.get()>
                        <input
                            type="checkbox"
                            prop:checked=move || is_on.get()
                            on:change:target=move |event| is_on.set(event.target().checked())
                        />
                        <span dir="auto">{text.clone()}</span>
                    </label>
                }
                .into_any()
            })
            .collect::<Vec<_>>()
    });
    let tick_all = move |on: bool| {
        chips.with_value(|chips| {
            for (_, is_on) in chips {
                is_on.set(on);
            }
        });
    };
    let is_all = move || ticked.get() == chips.with_value(Vec::len);
    let add = move |_| {
        let texts: Vec<String> = chips.with_value(|chips| {
            chips
                .iter()
                .filter(|(_, is_on)| is_on.get_untracked())
                .map(|(text, _)| text.clone())
                .collect()
        });
        if !texts.is_empty() {
            list.add(texts, usize::MAX);
            state.set(State::Idle);
        }
    };
    view! {
        <fieldset class="chips">
            <legend class="small">"Proposed by the model. Tick what you want."</legend>
            {items}
        </fieldset>
        <div class="actions">
            <button
                type="button"
                class="btn small primary"
                aria-disabled=move || (ticked.get() == 0).to_string()
                on:click=add
            >
                {move || match ticked.get() {
                    0 => "Add the ticked ones".to_owned(),
                    n => format!("Add {n}"),
                }}
            </button>
            <button type="button" class="btn small" on:click=move |_| tick_all(!is_all())>
                {move || if is_all() { "Tick none" } else { "Tick all" }}
            </button>
            <button type="button" class="btn quiet small" on:click=move |_| ask()>
                "Ask for others"
            </button>
            <button type="button" class="btn quiet small" on:click=move |_| state.set(State::Idle)>
                "Close"
            </button>
        </div>
    }
    .into_any()
}
