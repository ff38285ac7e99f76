//! Drafting: for which cells, how many, by which model; then how far it is and what came of it.

use super::board::Board;
use super::counts::{Grid, cell_name};
use super::job::{self, Job, Phase, Task, forecast};
use crate::pages::connect::catalog::endpoint_name;
use crate::pages::connect::use_connect;
use crate::pages::desk::{Desk, failure_view};
use crate::pages::generate::settings::{Knob, KnobField, settings_saver};
use crate::pages::generate::words::{count, plural};
use crate::pages::seed::{ImportFile, has_model_or_ask};
use leptos::prelude::*;
use seedbed_core::messages::{Dropped, FailedCell, Failure};
use seedbed_core::prompt::Cell;
use seedbed_core::seed::Seed;

const PER_CELL: Knob = Knob {
    id: "per-cell",
    label: "Instructions per cell",
    hint: "Few at first: look, adjust the seed, draft more.",
    min: 1.0,
    max: 50.0,
    step: "1",
    is_whole: true,
    is_optional: false,
    get: |s| Some(f64::from(s.instructions_per_cell)),
    set: |s, v| {
        if let Some(v) = v {
            s.instructions_per_cell = v as u32;
        }
    },
};

const MORE: [Knob; 2] = [
    Knob {
        id: "draft-temperature",
        label: "Temperature of drafting",
        hint: "Higher brings more variety, and more that has to be struck.",
        min: 0.0,
        max: 2.0,
        step: "0.1",
        is_whole: false,
        is_optional: false,
        get: |s| Some(s.instruct.temperature),
        set: |s, v| {
            if let Some(v) = v {
                s.instruct.temperature = v;
            }
        },
    },
    Knob {
        id: "draft-max-tokens",
        label: "Longest draft of a cell, in tokens",
        hint: "All instructions of a cell come in one reply; one that is cut off is left out.",
        min: 1.0,
        max: 131_072.0,
        step: "1",
        is_whole: true,
        is_optional: false,
        get: |s| Some(f64::from(s.instruct.max_tokens)),
        set: |s, v| {
            if let Some(v) = v {
                s.instruct.max_tokens = v as u32;
            }
        },
    },
];

/// For which cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Cell,
    Empty,
    All,
}

/// What is drafted for this project, or was drafted last.
fn own_job(desk: Desk) -> Memo<Option<Job>> {
    Memo::new(move |_| {
        desk.job()
            .get()
            .filter(|job| job.project == desk.project_id())
    })
}

/// What came of the last drafting, until it is dismissed.
#[component]
pub(super) fn Outcome(desk: Desk) -> impl IntoView {
    let job = own_job(desk);
    view! {
        {move || {
            job.with(|job| {
                job.as_ref()
                    .filter(|job| !job.is_active())
                    .map(|job| outcome_view(desk, job))
            })
        }}
    }
    .into_any()
}

/// The panel.
#[component]
pub(super) fn DraftPanel(board: Board) -> impl IntoView {
    let desk = board.desk;
    let job = own_job(desk);
    let is_active = Memo::new(move |_| job.with(|job| job.as_ref().is_some_and(Job::is_active)));
    view! {
        <section class="card draft-card" aria-labelledby="draft-title">
            <h2 id="draft-title">"Draft instructions"</h2>
            {move || {
                if is_active.get() {
                    view! { <Progress job=job desk=desk /> }.into_any()
                } else {
                    view! { <Choice board=board /> }.into_any()
                }
            }}
        </section>
    }
    .into_any()
}

#[component]
fn Choice(board: Board) -> impl IntoView {
    let desk = board.desk;
    let connect = use_connect();
    let wish = RwSignal::new(Scope::All);
    // Choosing a cell in the grid is choosing it for drafting too.
    Effect::new(move |_| {
        let has_cell = board.cell.with(Option::is_some);
        wish.update(|wish| match (has_cell, *wish) {
            (true, _) => *wish = Scope::Cell,
            (false, Scope::Cell) => *wish = Scope::All,
            _ => {}
        });
    });
    let cells = move |scope: Scope| -> Vec<Cell> {
        match scope {
            Scope::Cell => board.cell.get().into_iter().collect(),
            Scope::Empty => board.grid.with(Grid::empty_cells),
            Scope::All => board.grid.with(Grid::cells),
        }
    };
    let size = Memo::new(move |_| cells(wish.get()).len() as u32);
    let per_cell = Memo::new(move |_| desk.settings().with(|s| s.instructions_per_cell));
    let radio = move |scope: Scope, text: Signal<String>| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="draft-scope"
                    prop:checked=move || wish.get() == scope
                    on:change=move |_| wish.set(scope)
                />
                <span dir="auto">{move || text.get()}</span>
            </label>
        }
        .into_any()
    };
    let all = Signal::derive(move || {
        let n = board.grid.with(|grid| grid.cells().len());
        match n {
            1 => "The one cell".to_owned(),
            n => format!("All {n} cells"),
        }
    });
    let empty = Memo::new(move |_| {
        board
            .grid
            .with(|grid| (grid.empty_cells().len(), grid.cells().len()))
    });
    let problem = Memo::new(move |_| {
        desk.seed()
            .with(|seed| seed.as_ref().and_then(|seed| first_blocker(&seed.seed)))
    });
    let saved = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let change = settings_saver(desk, saved, failure);
    let start = move |_| {
        if size.get_untracked() == 0 || !has_model_or_ask(desk) {
            return;
        }
        job::start(
            desk,
            Task::Draft {
                cells: untrack(|| cells(wish.get())),
                per_cell: per_cell.get_untracked(),
            },
        );
        desk.focus_soon("draft-stop");
    };
    view! {
        <fieldset class="draft-scope">
            <legend>"For"</legend>
            {move || {
                board
                    .cell
                    .get()
                    .map(|cell| {
                        radio(Scope::Cell, Signal::derive(move || format!("Only “{}”", cell_name(&cell))))
                    })
            }}
            {move || {
                let (n, of) = empty.get();
                (n > 0 && n < of)
                    .then(|| {
                        radio(
                            Scope::Empty,
                            Signal::derive(move || {
                                format!("The {}", plural(empty.get().0 as u64, "empty cell", "empty cells"))
                            }),
                        )
                    })
            }}
            {radio(Scope::All, all)}
        </fieldset>
        <KnobField knob=&PER_CELL change=change />
        <p class="draft-forecast">{move || forecast(size.get(), per_cell.get())}</p>
        {move || match (problem.get(), desk.endpoint().get()) {
            (Some(reason), _) => {
                view! {
                    <div class="notice warn" role="note">
                        <p>{reason}</p>
                        <div class="actions">
                            <a class="btn small" href=desk.href("seed")>
                                "Go to the seed"
                            </a>
                        </div>
                    </div>
                }
                    .into_any()
            }
            (None, None) => {
                view! {
                    <p class="muted small">"No model is chosen yet. Drafting is what a model does first."</p>
                    <button type="button" class="btn primary" on:click=move |_| connect.open_models()>
                        "Choose a model"
                    </button>
                }
                    .into_any()
            }
            (None, Some(endpoint)) => {
                let (model, place) = endpoint_name(&endpoint);
                view! {
                    <button
                        type="button"
                        class="btn primary"
                        aria-disabled=move || (size.get() == 0).to_string()
                        on:click=start
                    >
                        {move || {
                            format!(
                                "Draft {}",
                                plural(
                                    u64::from(size.get()) * u64::from(per_cell.get()),
                                    "instruction",
                                    "instructions",
                                ),
                            )
                        }}
                    </button>
                    <p class="muted small draft-model">
                        {format!("By {model} · {place} ")}
                        <button type="button" class="link" on:click=move |_| connect.open_models()>
                            "Change"
                            <span class="sr-only">" the model"</span>
                        </button>
                    </p>
                }
                    .into_any()
            }
        }}
        <details class="more">
            <summary>"More settings"</summary>
            <div class="draft-more">
                {MORE
                    .iter()
                    .map(|knob| view! { <KnobField knob=knob change=change /> }.into_any())
                    .collect::<Vec<_>>()}
                <div>
                    <ImportFile label="Import pipeline_params.json" accept=".json,application/json" />
                    <p class="hint">
                        "Settings of the original tool. Publish saves them in the same form."
                    </p>
                </div>
            </div>
        </details>
        {move || failure.get().map(|failure| failure_view(&failure, None))}
    }
    .into_any()
}

/// What in the seed keeps instructions from being drafted.
fn first_blocker(seed: &Seed) -> Option<String> {
    if seed.is_ready() {
        return None;
    }
    let finding = seed.check().into_iter().next()?;
    Some(format!("The seed is not ready: {}", finding.text))
}

#[component]
fn Progress(job: Memo<Option<Job>>, desk: Desk) -> impl IntoView {
    let total = move || job.with(|job| job.as_ref().map_or(1, |job| job.task.requests()));
    let done = move || job.with(|job| job.as_ref().map_or(0, |job| job.done));
    let text = move || job.with(|job| job.as_ref().map(Job::progress_text).unwrap_or_default());
    let is_stopping = Memo::new(move |_| {
        job.with(|job| job.as_ref().is_some_and(|job| job.phase == Phase::Stopping))
    });
    view! {
        <div
            class="bar"
            role="progressbar"
            aria-label="Drafting"
            aria-valuemin="0"
            aria-valuemax=move || total().to_string()
            aria-valuenow=move || done().to_string()
            aria-valuetext=text
        >
            <span
                class="bar-done"
                style:width=move || {
                    format!("{:.2}%", f64::from(done()) * 100.0 / f64::from(total().max(1)))
                }
            ></span>
        </div>
        <p class="small">{text}</p>
        <p class="muted small">
            "What is drafted is stored at once and shown below. You can go elsewhere meanwhile."
        </p>
        <div class="actions">
            <button
                type="button"
                id="draft-stop"
                class="btn"
                aria-disabled=move || is_stopping.get().to_string()
                on:click=move |_| job::stop(desk)
            >
                {move || if is_stopping.get() { "Stopping…" } else { "Stop" }}
            </button>
        </div>
    }
    .into_any()
}

fn outcome_view(desk: Desk, job: &Job) -> AnyView {
    let rest = job.rest();
    let again = move || {
        rest.clone().map(|task| {
            view! {
                <button
                    type="button"
                    class="btn small"
                    on:click=move |_| {
                        if has_model_or_ask(desk) {
                            job::start(desk, task.clone());
                        }
                    }
                >
                    "Ask these again"
                </button>
            }
            .into_any()
        })
    };
    let body = match &job.phase {
        Phase::Failed(failure) => failure_view(failure, None),
        Phase::Done(report) => {
            let dropped = (!report.dropped.is_empty()).then(|| dropped_view(&report.dropped));
            let failed = (!report.failed.is_empty()).then(|| failed_view(&report.failed, again()));
            view! {
                <p>{job.outcome_text()}</p>
                {dropped}
                {failed}
            }
            .into_any()
        }
        _ => view! { <p>{job.outcome_text()}</p> }.into_any(),
    };
    view! {
        <div class="draft-outcome">
            {body}
            <button
                type="button"
                class="btn icon quiet draft-dismiss"
                aria-label="Dismiss the report"
                on:click=move |_| {
                    desk.job().set(None);
                }
            >
                <span aria-hidden="true">"×"</span>
            </button>
        </div>
    }
    .into_any()
}

fn dropped_view(dropped: &[Dropped]) -> AnyView {
    let items = dropped
        .iter()
        .map(|dropped| {
            view! {
                <li>
                    <p dir="auto">{dropped.text.clone()}</p>
                    <p class="muted small">
                        {format!("{}. {}", cell_name(&dropped.cell), dropped.reason)}
                    </p>
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <details class="more">
            <summary>
                {format!("What was left out, and why ({})", count(dropped.len() as u64))}
            </summary>
            <ul class="dropped" role="list" tabindex="0" aria-label="Left out">
                {items}
            </ul>
        </details>
    }
    .into_any()
}

fn failed_view(failed: &[FailedCell], again: Option<AnyView>) -> AnyView {
    // Most often all failed for the same reason: say it once.
    let first = failed.first().map(|failed| &failed.failure);
    let is_same = failed
        .iter()
        .all(|failed| Some(&failed.failure.what) == first.map(|first| &first.what));
    let names = failed
        .iter()
        .map(|failed| {
            let why = (!is_same).then(|| format!(": {}", failed.failure.what));
            view! { <li dir="auto">{cell_name(&failed.cell)} {why}</li> }.into_any()
        })
        .collect::<Vec<_>>();
    let reason = first
        .filter(|_| is_same)
        .map(|failure| failure_view(failure, None));
    view! {
        {reason}
        <details class="more">
            <summary>{format!("Which got none ({})", count(failed.len() as u64))}</summary>
            <ul class="small">{names}</ul>
        </details>
        <div class="actions">{again}</div>
    }
    .into_any()
}
