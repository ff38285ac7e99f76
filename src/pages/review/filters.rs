//! Which records are read: queue, narrowing, search, and how far the project is.

use super::form::state_label;
use super::queue::{is_narrowed, whole};
use super::state::Review;
use crate::pages::connect::use_connect;
use crate::pages::desk::Debounce;
use crate::pages::generate::words::{count, plural};
use leptos::prelude::*;
use seedbed_core::messages::RecordFilter;
use seedbed_core::review::RecordState;

/// A queue to choose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pick {
    State(RecordState),
    Drafts,
    All,
}

/// The panel beside the record; folded behind a button on narrow screens.
#[component]
pub(super) fn QueuePanel(review: Review) -> impl IntoView {
    let desk = review.desk;
    let connect = use_connect();
    let queue_name = move || {
        review.filter.with(|filter| {
            let mut name = if filter.with_draft {
                "My drafts".to_owned()
            } else {
                filter.state.map_or("All records", queue_label).to_owned()
            };
            if is_narrowed(filter) {
                name.push_str(", narrowed");
            }
            name
        })
    };
    view! {
        <aside class="queue" aria-label="Queue">
            <button
                type="button"
                class="btn queue-toggle"
                aria-expanded=move || review.panel_open.get().to_string()
                aria-controls="queue-panel"
                on:click=move |_| review.panel_open.update(|open| *open = !*open)
            >
                {queue_name}
                <span class="caret" aria-hidden="true"></span>
            </button>
            <div id="queue-panel" class="queue-panel" class:open=move || review.panel_open.get()>
                <ProgressBar review=review />
                <div class="queue-list" role="group" aria-label="Queues">
                    {pick_button(review, Pick::State(RecordState::Pending))}
                    {pick_button(review, Pick::Drafts)}
                    {pick_button(review, Pick::State(RecordState::Accepted))}
                    {pick_button(review, Pick::State(RecordState::Rejected))}
                    {pick_button(review, Pick::State(RecordState::Discarded))}
                    {pick_button(review, Pick::State(RecordState::Disputed))}
                    {pick_button(review, Pick::All)}
                </div>
                <Search review=review />
                <Narrow
                    review=review
                    id="filter-topic"
                    label="Topic"
                    options=|counts| &counts.topics
                    get=|filter| &filter.topic
                    set=|filter, value| filter.topic = value
                />
                <Narrow
                    review=review
                    id="filter-perspective"
                    label="Perspective"
                    options=|counts| &counts.perspectives
                    get=|filter| &filter.perspective
                    set=|filter, value| filter.perspective = value
                />
                <Narrow
                    review=review
                    id="filter-model"
                    label="Model"
                    options=|counts| &counts.models
                    get=|filter| &filter.model
                    set=|filter, value| filter.model = value
                />
                {move || {
                    let (stale, is_on) = (
                        review.counts.with(|counts| counts.stale),
                        review.filter.with(|filter| filter.stale),
                    );
                    (stale > 0 || is_on)
                        .then(|| {
                            view! {
                                <label class="check">
                                    <input
                                        type="checkbox"
                                        prop:checked=is_on
                                        on:change:target=move |event| {
                                            let on = event.target().checked();
                                            change(review, |filter| filter.stale = on);
                                        }
                                    />
                                    <span>{format!("Only from an older seed ({})", count(stale.into()))}</span>
                                </label>
                            }
                                .into_any()
                        })
                }}
                {move || {
                    review
                        .filter
                        .with(is_narrowed)
                        .then(|| {
                            view! {
                                <button
                                    type="button"
                                    class="btn quiet small"
                                    on:click=move |_| {
                                        change(review, |filter| *filter = whole(filter));
                                    }
                                >
                                    "Clear what narrows it down"
                                </button>
                            }
                                .into_any()
                        })
                }}
                <p class="reviewing-as muted small">
                    "Reviewing as "
                    <button type="button" class="link" on:click=move |_| connect.open_sign_in()>
                        {move || desk.identity().get().name}
                    </button>
                </p>
            </div>
        </aside>
    }
    .into_any()
}

fn queue_label(state: RecordState) -> &'static str {
    match state {
        RecordState::Pending => "Waiting for review",
        other => state_label(other),
    }
}

fn change(review: Review, change: impl FnOnce(&mut RecordFilter)) {
    let mut filter = review.filter.get_untracked();
    change(&mut filter);
    review.narrow(filter);
}

fn pick_button(review: Review, pick: Pick) -> AnyView {
    let is_on = move || {
        review.filter.with(|filter| match pick {
            Pick::State(state) => filter.state == Some(state) && !filter.with_draft,
            Pick::Drafts => filter.with_draft,
            Pick::All => filter.state.is_none() && !filter.with_draft,
        })
    };
    let number = move || {
        review.counts.with(|counts| match pick {
            Pick::State(wanted) => counts
                .states
                .iter()
                .find(|(state, _)| *state == wanted)
                .map_or(0, |(_, n)| *n),
            Pick::Drafts => counts.drafts,
            Pick::All => counts.total,
        })
    };
    let label = match pick {
        Pick::State(state) => queue_label(state),
        Pick::Drafts => "My drafts",
        Pick::All => "All records",
    };
    // A queue that has never held anything is noise.
    let is_hidden = move || {
        matches!(
            pick,
            Pick::Drafts | Pick::State(RecordState::Disputed | RecordState::Discarded)
        ) && number() == 0
            && !is_on()
    };
    view! {
        <button
            type="button"
            class="queue-pick"
            class:hidden=is_hidden
            aria-pressed=move || is_on().to_string()
            on:click=move |_| {
                let mut filter = review.filter.get_untracked();
                filter.with_draft = pick == Pick::Drafts;
                filter.state = match pick {
                    Pick::State(state) => Some(state),
                    Pick::Drafts | Pick::All => None,
                };
                if is_narrowed(&filter) {
                    review.narrow(filter);
                } else {
                    review.go(filter);
                }
                review.panel_open.set(false);
            }
        >
            <span>{label}</span>
            <span class="queue-count">{move || count(number().into())}</span>
        </button>
    }
    .into_any()
}

#[component]
fn ProgressBar(review: Review) -> impl IntoView {
    let numbers = Memo::new(move |_| {
        review.counts.with(|counts| {
            let of = |wanted| {
                counts
                    .states
                    .iter()
                    .find(|(state, _)| *state == wanted)
                    .map_or(0, |(_, n)| *n)
            };
            (
                counts.total,
                of(RecordState::Pending),
                of(RecordState::Accepted),
            )
        })
    });
    let text = move || {
        let (total, pending, accepted) = numbers.get();
        format!(
            "{} of {} reviewed, {} accepted",
            count((total - pending.min(total)).into()),
            plural(total.into(), "record", "records"),
            count(accepted.into())
        )
    };
    let share = move |accepted: bool| {
        move || {
            let (total, pending, good) = numbers.get();
            let part = if accepted {
                good
            } else {
                total.saturating_sub(pending).saturating_sub(good)
            };
            format!("{:.3}%", f64::from(part) * 100.0 / f64::from(total.max(1)))
        }
    };
    view! {
        <div class="queue-progress">
            <div
                class="bar"
                role="progressbar"
                aria-label="Reviewed"
                aria-valuemin="0"
                aria-valuemax=move || numbers.get().0.to_string()
                aria-valuenow=move || {
                    let (total, pending, _) = numbers.get();
                    (total - pending.min(total)).to_string()
                }
                aria-valuetext=text
            >
                <span class="bar-done" style:width=share(true)></span>
                <span class="bar-other" style:width=share(false)></span>
            </div>
            <p class="muted small">{text}</p>
        </div>
    }
    .into_any()
}

#[component]
fn Search(review: Review) -> impl IntoView {
    let timer = Debounce::new(200);
    view! {
        <div class="field">
            <label for="review-search">
                "Search "
                {super::record::key_view(review, super::keys::Action::Search)}
            </label>
            <input
                id="review-search"
                type="search"
                autocomplete="off"
                aria-keyshortcuts="/"
                prop:value=move || review.filter.with(|filter| filter.search.clone())
                on:input:target=move |event| {
                    let text = event.target().value();
                    timer
                        .run(move || {
                            let text = text.trim().to_owned();
                            change(
                                review,
                                |filter| {
                                    if !text.is_empty() && filter.search.is_empty()
                                        && filter.state == Some(RecordState::Pending)
                                    {
                                        // Who searches looks for a record, whatever became of it.
                                        filter.state = None;
                                    }
                                    filter.search = text;
                                },
                            );
                        });
                }
            />
        </div>
    }
    .into_any()
}

/// A menu that narrows the queue down; drawn only when there is a choice.
#[component]
fn Narrow(
    review: Review,
    id: &'static str,
    label: &'static str,
    options: fn(&seedbed_core::messages::Counts) -> &Vec<(String, u32)>,
    get: fn(&RecordFilter) -> &Option<String>,
    set: fn(&mut RecordFilter, Option<String>),
) -> impl IntoView {
    let choices = Memo::new(move |_| review.counts.with(|counts| options(counts).clone()));
    let chosen = Memo::new(move |_| review.filter.with(|filter| get(filter).clone()));
    view! {
        {move || {
            let choices = choices.get();
            if choices.len() < 2 && chosen.with(Option::is_none) {
                return None;
            }
            let now = chosen.get();
            let mut items = vec![
                view! {
                    <option value="" selected=now.is_none()>
                        "Any"
                    </option>
                }
                    .into_any(),
            ];
            for (index, (name, number)) in choices.iter().enumerate() {
                let text = format!("{} ({})", if name.is_empty() { "none" } else { name }, count((*number).into()));
                items
                    .push(
                        view! {
                            <option value=index.to_string() selected=now.as_ref() == Some(name)>
                                {text}
                            </option>
                        }
                            .into_any(),
                    );
            }
            Some(
                view! {
                    <div class="field">
                        <label for=id>{label}</label>
                        <select
                            id=id
                            on:change:target=move |event| {
                                let value = event
                                    .target()
                                    .value()
                                    .parse::<usize>()
                                    .ok()
                                    .and_then(|index| choices.get(index).map(|(name, _)| name.clone()));
                                change(review, |filter| set(filter, value));
                            }
                        >
                            {items}
                        </select>
                    </div>
                }
                    .into_any(),
            )
        }}
    }
    .into_any()
}
