//! The rows of a run: a window of the plan that follows the run while it goes.

use super::words::{count, is_in_tab, step};
use crate::pages::connect::use_connect;
use crate::pages::desk::{failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::engine::{EngineRow, EngineStep};
use seedbed_core::messages::{ItemState, Reply, Request, RunItem};

/// Rows of a window.
const WINDOW: u32 = 25;

/// Filters: label, state.
const FILTERS: [(&str, Option<ItemState>); 5] = [
    ("All", None),
    ("Stored", Some(ItemState::Done)),
    ("Under way", Some(ItemState::InFlight)),
    ("Failed", Some(ItemState::Failed)),
    ("Waiting", Some(ItemState::Queued)),
];

/// The table.
#[component]
pub fn RunItems() -> impl IntoView {
    let desk = use_desk();
    let state: RwSignal<Option<ItemState>> = RwSignal::new(None);
    let offset = RwSignal::new(0_u32);
    let run = Memo::new(move |_| {
        desk.run()
            .with(|run| run.as_ref().map(|run| run.id.clone()))
    });
    let counts = Memo::new(move |_| {
        desk.run().with(|run| {
            run.as_ref().map_or([0; 5], |run| {
                let queued = run
                    .planned
                    .saturating_sub(run.done + run.failed + run.in_flight);
                [run.planned, run.done, run.in_flight, run.failed, queued]
            })
        })
    });
    let items = desk.live(
        move || {
            counts.track();
            run.get().map(|run| Request::RunItems {
                project: desk.project_id(),
                run,
                state: state.get(),
                offset: offset.get(),
                limit: WINDOW,
            })
        },
        |reply| match reply {
            Reply::RunItems { total, items } => Some((total, items)),
            _ => None,
        },
    );
    let total = Memo::new(move |_| {
        items.with(|items| match items {
            Some(Ok((total, _))) => *total,
            _ => 0,
        })
    });
    let rows = Memo::new(move |_| {
        items.with(|items| match items {
            Some(Ok((_, rows))) => rows.clone(),
            _ => Vec::new(),
        })
    });
    let tab = move |(index, (label, filter)): (usize, (&'static str, Option<ItemState>))| {
        view! {
            <button
                type="button"
                class="seg"
                aria-pressed=move || (state.get() == filter).to_string()
                on:click=move |_| {
                    state.set(filter);
                    offset.set(0);
                }
            >
                {label}
                <span class="seg-count">
                    {move || counts.with(|counts| counts.get(index).copied().map(|n| count(n.into())))}
                </span>
            </button>
        }
        .into_any()
    };
    view! {
        <section class="items" aria-labelledby="items-title">
            <div class="card-head">
                <h2 id="items-title">"Rows of this run"</h2>
            </div>
            <div class="segments" role="group" aria-label="Show">
                {FILTERS.into_iter().enumerate().map(tab).collect::<Vec<_>>()}
            </div>
            <table class="items-table" aria-labelledby="items-title" aria-rowcount=move || total.get().to_string()>
                <colgroup>
                    <col class="col-state" />
                    <col />
                </colgroup>
                <thead class="sr-only">
                    <tr>
                        <th scope="col">"State"</th>
                        <th scope="col">"Instruction and answer"</th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || rows.get().into_iter().enumerate()
                        key=|(index, item)| {
                            (*index, item.record.clone(), item.state, item.attempts, item.failure.is_some())
                        }
                        children=move |(index, item)| row_view(offset.get_untracked() + index as u32, &item)
                    />
                </tbody>
            </table>
            {move || {
                items
                    .with(|state| match state {
                        Some(Err(failure)) => {
                            Some(failure_view(failure, Some(Callback::new(move |()| items.reload()))))
                        }
                        _ => None,
                    })
            }}
            {move || {
                (items.with(|items| matches!(items, Some(Ok(_)))) && total.get() == 0)
                    .then(|| view! { <p class="muted">"No rows here."</p> }.into_any())
            }}
            <Pager offset=offset total=total />
        </section>
    }
    .into_any()
}

fn row_view(index: u32, item: &RunItem) -> AnyView {
    let (class, label) = match item.state {
        ItemState::Done if !item.flags.is_empty() => ("state flagged", "Flagged"),
        ItemState::Done => ("state done", "Stored"),
        ItemState::InFlight => ("state flight", "Under way"),
        ItemState::Failed => ("state failed", "Failed"),
        ItemState::Queued => ("state queued", "Waiting"),
    };
    let step = (item.state == ItemState::InFlight).then(|| step_view(item.record.clone()));
    let tries = (item.attempts > 1).then(|| format!(" · {} tries", item.attempts));
    let answer = item
        .response
        .clone()
        .map(|text| view! { <p class="item-answer" dir="auto">{text}</p> }.into_any());
    let flags = (!item.flags.is_empty())
        .then(|| view! { <p class="item-flags">{flags_text(&item.flags)}</p> }.into_any());
    let failure = item.failure.as_ref().map(|failure| {
        view! {
            <details class="item-failure">
                <summary>{failure.what.clone()}</summary>
                {failure_view(failure, None)}
            </details>
        }
        .into_any()
    });
    view! {
        <tr aria-rowindex=(index + 1).to_string()>
            <td class="item-state">
                <span class=class>{label}</span>
            </td>
            <td>
                <p class="item-instruction" dir="auto">
                    {item.instruction.clone()}
                </p>
                <p class="item-cell">
                    {format!("{} · {}", item.cell.topic, item.cell.perspective)}
                    {tries}
                </p>
                {step}
                {answer}
                {flags}
                {failure}
            </td>
        </tr>
    }
    .into_any()
}

/// How far the model in this tab is with a row. It changes every second, so no one is told of it unasked.
fn step_view(key: String) -> AnyView {
    let desk = use_desk();
    let state = use_connect().tab().state();
    let row = Memo::new(move |_| {
        let is_ours = desk.run().with(|run| run.as_ref().is_some_and(is_in_tab));
        state.with(|state| {
            let rows = is_ours.then_some(&state.as_ref()?.rows)?;
            rows.iter().find(|row| row.row == key).cloned()
        })
    });
    let bar = move |row: &EngineRow| {
        let (done, of) = match row.step {
            EngineStep::Waiting { .. } => return None,
            EngineStep::Reading { read, total } => (read, total),
            EngineStep::Writing { written, most } => (written, most),
        };
        let share = f64::from(done.min(of)) * 100.0 / f64::from(of.max(1));
        // The words say the same.
        Some(
            view! {
                <span class="bar" aria-hidden="true">
                    <span class="bar-done" style:width=format!("{share:.1}%")></span>
                </span>
            }
            .into_any(),
        )
    };
    view! {
        {move || {
            row.get()
                .map(|row| {
                    view! {
                        <p class="item-step">{step(&row)}</p>
                        {bar(&row)}
                    }
                        .into_any()
                })
        }}
    }
    .into_any()
}

/// Flags in words.
pub fn flags_text(flags: &[String]) -> String {
    flags
        .iter()
        .map(|flag| match flag.as_str() {
            "truncated" => "cut off at the token limit",
            "refusal" => "looks like a refusal",
            "empty" => "empty",
            "repetitive" => "repeats itself",
            "filtered" => "withheld by the server's filter",
            "echo" => "repeats the question",
            other => other,
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[component]
fn Pager(offset: RwSignal<u32>, total: Memo<u32>) -> impl IntoView {
    let last = move || (offset.get() + WINDOW).min(total.get());
    let can_back = move || offset.get() > 0;
    let can_forward = move || offset.get() + WINDOW < total.get();
    view! {
        {move || {
            (total.get() > WINDOW)
                .then(|| {
                    view! {
                        <nav class="pager" aria-label="Rows">
                            <button
                                type="button"
                                class="btn quiet"
                                aria-disabled=move || (!can_back()).to_string()
                                on:click=move |_| offset.update(|offset| *offset = offset.saturating_sub(WINDOW))
                            >
                                "Earlier"
                            </button>
                            <span class="muted">
                                {move || {
                                    format!(
                                        "{}–{} of {}",
                                        count(u64::from(offset.get()) + 1),
                                        count(last().into()),
                                        count(total.get().into()),
                                    )
                                }}
                            </span>
                            <button
                                type="button"
                                class="btn quiet"
                                aria-disabled=move || (!can_forward()).to_string()
                                on:click=move |_| {
                                    if offset.get_untracked() + WINDOW < total.get_untracked() {
                                        offset.update(|offset| *offset += WINDOW);
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
