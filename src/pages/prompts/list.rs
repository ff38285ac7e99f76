//! The instructions as a list: narrowed, searched, a window at a time.

use super::add::AddForm;
use super::board::{Board, WINDOW};
use super::counts::{Totals, cell_name};
use super::draft::Outcome;
use super::evolve::EvolveChoice;
use super::item::Item;
use super::keys::KEYS;
use crate::pages::desk::{Debounce, failure_view};
use crate::pages::generate::words::{count, plural};
use leptos::prelude::*;
use seedbed_core::prompt::PromptState;

const STATES: [(&str, Option<PromptState>); 4] = [
    ("All", None),
    ("Proposed", Some(PromptState::Proposed)),
    ("Kept", Some(PromptState::Kept)),
    ("Struck", Some(PromptState::Struck)),
];

/// The section.
#[component]
pub(super) fn PromptList(board: Board) -> impl IntoView {
    let total = Memo::new(move |_| board.page.with(|page| page.total));
    let has_answer = Memo::new(move |_| board.live.with(Option::is_some));
    view! {
        <section class="prompt-section" aria-labelledby="list-title">
            <div class="list-head">
                <h2 id="list-title" tabindex="-1">
                    "Instructions"
                    {move || {
                        board
                            .cell
                            .get()
                            .map(|cell| {
                                view! {
                                    <span class="list-cell" dir="auto">
                                        {format!(" in {}", cell_name(&cell))}
                                    </span>
                                }
                            })
                    }}
                </h2>
                <Search board=board />
            </div>
            <Outcome desk=board.desk />
            <div class="list-bar">
                <States board=board />
                <Bulk board=board />
            </div>
            {move || board.is_adding.get().then(|| view! { <AddForm board=board /> }.into_any())}
            {move || {
                board
                    .is_evolving_all
                    .get()
                    .then(|| {
                        view! {
                            <EvolveChoice
                                board=board
                                id="evolve-all".to_owned()
                                prompts=Callback::new(move |()| board.shown_in(PromptState::Kept))
                                close=Callback::new(move |()| board.is_evolving_all.set(false))
                            />
                        }
                            .into_any()
                    })
            }}
            {move || {
                board
                    .live
                    .with(|answer| match answer {
                        Some(Err(failure)) => {
                            Some(failure_view(failure, Some(Callback::new(move |()| board.reload()))))
                        }
                        _ => None,
                    })
            }}
            <ol class="prompt-list" role="list" aria-labelledby="list-title">
                <For
                    each=move || board.ids()
                    key=String::clone
                    children=move |id| view! { <Item board=board id=id /> }
                />
            </ol>
            {move || {
                (has_answer.get() && total.get() == 0).then(|| empty_view(board))
            }}
            <Pager board=board total=total />
            <Keys board=board />
        </section>
    }
    .into_any()
}

#[component]
fn Search(board: Board) -> impl IntoView {
    let pause = Debounce::new(200);
    view! {
        <div class="list-search">
            <label class="sr-only" for="prompt-search">
                "Search instructions"
            </label>
            <input
                id="prompt-search"
                type="search"
                autocomplete="off"
                placeholder="Search"
                prop:value=move || board.search.get()
                on:input:target=move |event| {
                    let text = event.target().value();
                    pause
                        .run(move || {
                            board.search.try_set(text);
                            board.offset.try_set(0);
                            board.chosen.try_set(None);
                        });
                }
            />
        </div>
    }
    .into_any()
}

#[component]
fn States(board: Board) -> impl IntoView {
    let totals: Memo<Totals> = Memo::new(move |_| {
        board
            .grid
            .with(|grid| board.cell.with(|cell| grid.totals(cell.as_ref())))
    });
    let tab = move |(label, state): (&'static str, Option<PromptState>)| {
        view! {
            <button
                type="button"
                class="seg"
                aria-pressed=move || (board.state.get() == state).to_string()
                on:click=move |_| board.choose_state(state)
            >
                {label}
                " "
                <span class="seg-count">{move || count(totals.get().of(state).into())}</span>
            </button>
        }
        .into_any()
    };
    view! {
        <div class="segments" role="group" aria-label="Show">
            {STATES.into_iter().map(tab).collect::<Vec<_>>()}
        </div>
    }
    .into_any()
}

#[component]
fn Bulk(board: Board) -> impl IntoView {
    let proposed = Memo::new(move |_| board.shown_in(PromptState::Proposed).len());
    let kept = Memo::new(move |_| board.shown_in(PromptState::Kept).len());
    view! {
        <div class="actions list-actions">
            <button
                type="button"
                class="btn small"
                aria-disabled=move || (proposed.get() == 0).to_string()
                title="Keeps every proposed instruction that you see in this window of the list"
                on:click=move |_| {
                    board.set_state(untrack(|| board.shown_in(PromptState::Proposed)), PromptState::Kept);
                }
            >
                {move || match proposed.get() {
                    0 => "Keep all shown".to_owned(),
                    n => format!("Keep all {n} shown"),
                }}
            </button>
            <button
                type="button"
                class="btn small"
                aria-disabled=move || (!board.can_undo()).to_string()
                title="Takes the last keep, strike or put-back back"
                on:click=move |_| {
                    if untrack(|| board.can_undo()) {
                        board.undo();
                    }
                }
            >
                "Undo"
                <kbd aria-hidden="true">"Z"</kbd>
            </button>
            {move || {
                (kept.get() > 1)
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn small"
                                aria-expanded=move || board.is_evolving_all.get().to_string()
                                on:click=move |_| {
                                    board.is_evolving_all.update(|open| *open = !*open);
                                    board.desk.focus_soon("evolve-all");
                                }
                            >
                                {move || format!("Evolve the {} kept", kept.get())}
                            </button>
                        }
                            .into_any()
                    })
            }}
            <button
                type="button"
                id="add-open"
                class="btn small"
                aria-expanded=move || board.is_adding.get().to_string()
                on:click=move |_| {
                    board.is_adding.update(|open| *open = !*open);
                    board.desk.focus_soon("add-text");
                }
            >
                "Add by hand"
                <kbd aria-hidden="true">"N"</kbd>
            </button>
        </div>
    }
    .into_any()
}

fn empty_view(board: Board) -> AnyView {
    let is_searched = board.search.with(|text| !text.trim().is_empty());
    let has_any = board.grid.with(|grid| grid.totals(None).of(None) > 0);
    let (title, text) = if is_searched {
        ("Nothing matches", "No instruction here has these words.")
    } else if !has_any {
        (
            "No instructions yet",
            "Let the model draft a few for each cell, or add your own. They wait here as proposed until you keep or strike them.",
        )
    } else if board.state.with(Option::is_some) {
        (
            "None in this state",
            "Choose another state above to see the others.",
        )
    } else {
        (
            "This cell is empty",
            "Draft some for it, or add one by hand.",
        )
    };
    view! {
        <div class="teach prompts-empty">
            <h3>{title}</h3>
            <p class="muted">{text}</p>
        </div>
    }
    .into_any()
}

#[component]
fn Pager(board: Board, total: Memo<u32>) -> impl IntoView {
    let offset = board.offset;
    let go = move |to: u32| {
        offset.set(to);
        board.chosen.set(None);
        board.desk.focus_soon("list-title");
    };
    view! {
        {move || {
            (total.get() > WINDOW)
                .then(|| {
                    view! {
                        <nav class="pager" aria-label="Instructions">
                            <button
                                type="button"
                                class="btn quiet"
                                aria-disabled=move || (offset.get() == 0).to_string()
                                on:click=move |_| {
                                    let at = offset.get_untracked();
                                    if at > 0 {
                                        go(at.saturating_sub(WINDOW));
                                    }
                                }
                            >
                                "Earlier"
                            </button>
                            <span class="muted">
                                {move || {
                                    format!(
                                        "{}–{} of {}",
                                        count(u64::from(offset.get()) + 1),
                                        count((offset.get() + WINDOW).min(total.get()).into()),
                                        count(total.get().into()),
                                    )
                                }}
                            </span>
                            <button
                                type="button"
                                class="btn quiet"
                                aria-disabled=move || (offset.get() + WINDOW >= total.get()).to_string()
                                on:click=move |_| {
                                    let next = offset.get_untracked() + WINDOW;
                                    if next < total.get_untracked() {
                                        go(next);
                                    }
                                }
                            >
                                "Later"
                            </button>
                        </nav>
                    }
                        .into_any()
                })
        }}
    }
    .into_any()
}

/// The keys, and their switch.
#[component]
fn Keys(board: Board) -> impl IntoView {
    let keys = KEYS
        .into_iter()
        .map(|(key, _, label)| {
            view! {
                <li>
                    <kbd>{key}</kbd>
                    " "
                    {label}
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <details class="more prompt-keys">
            <summary>"Keys"</summary>
            <ul role="list">{keys}</ul>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || board.are_keys_on.get()
                    on:change:target=move |event| board.set_keys(event.target().checked())
                />
                <span>"Single keys, here and in Review"</span>
            </label>
        </details>
    }
    .into_any()
}

/// Answers to an instruction, in words.
pub(super) fn answers_text(n: u32) -> Option<String> {
    (n > 0).then(|| plural(n.into(), "answer", "answers"))
}
