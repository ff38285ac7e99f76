//! Prompts: the grid of topics and perspectives, the instructions in it, and the choice of those that go on.
//!
//! [`counts`], [`keys`] and the texts of [`job`] are pure; [`board`] holds what is shown and what can be done; the
//! rest draws. Nothing drafted is answered, and so paid for, until a person has kept it.
// `Board` is a bundle of handles that every closure of a view needs a copy of; a reference could not be kept.
#![allow(clippy::large_types_passed_by_value)]

mod add;
mod board;
pub mod counts;
mod draft;
mod evolve;
mod grid;
mod item;
pub mod job;
pub mod keys;
mod list;

pub use job::Job;

use crate::pages::connect::TabNotice;
use crate::pages::desk::{failure_view, use_desk};
use crate::pages::generate::words::plural;
use board::Board;
use draft::DraftPanel;
use grid::GridMap;
use leptos::prelude::*;
use list::PromptList;

/// The page.
#[component]
pub fn PromptsPage() -> impl IntoView {
    let desk = use_desk();
    let board = Board::new(desk);
    board.listen();
    let has_topics = Memo::new(move |_| board.grid.with(|grid| !grid.topics.is_empty()));
    view! {
        <div class="page prompts">
            <header class="page-head">
                <h1 tabindex="-1" id="prompts-title">
                    "Prompts"
                </h1>
                <p class="lead">
                    "What will be asked, cell by cell. The model drafts, you choose: only what you keep goes on to be answered."
                </p>
            </header>
            {move || {
                board
                    .failure
                    .get()
                    .map(|failure| failure_view(&failure, Some(Callback::new(move |()| board.reload()))))
            }}
            {move || {
                if has_topics.get() {
                    view! {
                        <TabNotice then="prompts-title" />
                        <div class="prompts-grid">
                            <GridMap board=board />
                            <aside class="prompts-side" aria-label="Drafting">
                                <DraftPanel board=board />
                                <Next board=board />
                            </aside>
                            <PromptList board=board />
                        </div>
                    }
                        .into_any()
                } else {
                    view! {
                        <div class="card teach">
                            <h2>"The grid has no rows yet"</h2>
                            <p>
                                "Instructions are drafted for each topic, seen from each perspective. Name a few topics first; two or three are enough to begin."
                            </p>
                            <div class="actions">
                                <a class="btn primary" href=desk.href("seed")>
                                    "Go to the seed"
                                </a>
                            </div>
                        </div>
                    }
                        .into_any()
                }
            }}
        </div>
    }
    .into_any()
}

/// The way on, with what goes and what does not.
#[component]
fn Next(board: Board) -> impl IntoView {
    let desk = board.desk;
    let totals = Memo::new(move |_| board.grid.with(|grid| grid.totals(None)));
    view! {
        <section class="card next-card" aria-labelledby="next-title">
            <h2 id="next-title">
                {move || match totals.get().kept {
                    0 => "Nothing kept yet".to_owned(),
                    n => format!("{} kept", plural(n.into(), "instruction", "instructions")),
                }}
            </h2>
            <p class="muted small">
                {move || {
                    let totals = totals.get();
                    match (totals.kept, totals.proposed) {
                        (0, _) => {
                            "Keep an instruction and it is asked in Generate. What you do not keep costs nothing."
                                .to_owned()
                        }
                        (_, 0) => "Only these are asked. Nothing is sent before you start a run.".to_owned(),
                        (_, n) => {
                            format!(
                                "Only these are asked. {} and cost nothing until you keep them.",
                                plural(n.into(), "more is proposed", "more are proposed"),
                            )
                        }
                    }
                }}
            </p>
            <a
                class="btn next"
                class:primary=move || { totals.get().kept > 0 && totals.get().proposed == 0 }
                href=desk.href("generate")
            >
                {move || match totals.get().kept {
                    0 => "Next: Generate".to_owned(),
                    n => format!("Next: Generate with {n}"),
                }}
            </a>
        </section>
    }
    .into_any()
}
