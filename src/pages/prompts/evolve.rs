//! The ways to evolve instructions, to choose from.

use super::board::Board;
use super::job::{self, Job, Task};
use crate::pages::generate::words::plural;
use crate::pages::seed::has_model_or_ask;
use leptos::prelude::*;
use seedbed_core::prompt::EvolutionKind;

/// What each way does, for the button's title.
fn hint(kind: EvolutionKind) -> &'static str {
    match kind {
        EvolutionKind::Constraints => "One more condition that the answer has to meet",
        EvolutionKind::Deepening => "More depth and breadth of the same question",
        EvolutionKind::Concretizing => "A particular case in place of a general one",
        EvolutionKind::ReasoningSteps => "A question that takes several steps to answer",
        EvolutionKind::Breadth => "Another, rarer question of the same kind",
        EvolutionKind::Unknown => "A way of a newer version",
    }
}

/// The choice. Variants come as proposed; the instruction itself stays.
#[component]
pub(super) fn EvolveChoice(
    board: Board,
    /// Id of the element, for the focus.
    id: String,
    /// The parents.
    prompts: Callback<(), Vec<String>>,
    /// Closes the choice.
    close: Callback<()>,
) -> impl IntoView {
    let desk = board.desk;
    let is_busy = Memo::new(move |_| {
        desk.job()
            .with(|job| job.as_ref().is_some_and(Job::is_active))
    });
    let start = move |evolution: Option<EvolutionKind>| {
        if is_busy.get_untracked() {
            desk.say("Something is being drafted already. Wait for it, or stop it.");
            return;
        }
        if has_model_or_ask(desk) {
            job::start(
                desk,
                Task::Evolve {
                    prompts: untrack(|| prompts.run(())),
                    evolution,
                },
            );
            close.run(());
        }
    };
    let kinds = EvolutionKind::ALL
        .into_iter()
        .enumerate()
        .map(|(index, kind)| {
            view! {
                <button
                    type="button"
                    // The focus goes here when the choice opens.
                    id=(index == 0).then(|| id.clone())
                    class="btn small"
                    title=hint(kind)
                    on:click=move |_| start(Some(kind))
                >
                    {kind.label()}
                </button>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <div
            class="evolve"
            role="group"
            aria-label="How to evolve"
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.prevent_default();
                    close.run(());
                }
            }
        >
            <p class="muted small">
                {move || {
                    let n = prompts.run(()).len() as u64;
                    format!(
                        "{}. What comes is proposed beside the original, which stays as it is.",
                        plural(n, "request", "requests"),
                    )
                }}
            </p>
            <div class="actions">
                {kinds}
                <button type="button" class="btn small" on:click=move |_| start(None)>
                    "Surprise me"
                </button>
                <button type="button" class="btn quiet small" on:click=move |_| close.run(())>
                    "Cancel"
                </button>
            </div>
        </div>
    }
    .into_any()
}
