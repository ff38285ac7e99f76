//! Review: one record after another, read and decided by keyboard or pointer.
//!
//! [`state`] holds what happens (steps, decisions, drafts, undo), [`queue`], [`form`] and [`keys`] its pure parts;
//! the rest draws it.
// `Review` is a bundle of handles that every closure of a view needs a copy of; a reference could not be kept.
#![allow(clippy::large_types_passed_by_value)]

mod decide;
mod filters;
pub mod form;
pub mod keys;
pub mod queue;
mod record;
mod state;

use crate::pages::desk::{Desk, Dialog, failure_view, use_desk};
use crate::pages::generate::words::{count, plural};
use decide::DecisionBar;
use filters::QueuePanel;
use keys::{Action, SHORTCUTS};
use leptos::prelude::*;
use queue::Place;
use record::RecordArticle;
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE};
use seedbed_core::review::Response;
use seedbed_core::turns;
use seedbed_outbox::Entry;
use state::Review;

/// The page.
#[component]
pub fn ReviewPage() -> impl IntoView {
    let desk = use_desk();
    let review = Review::new(desk);
    review.start();
    review.listen_to_keys();
    let place = review.place;
    view! {
        <div
            class="page review"
            class:no-records=move || {
                review.has_counts.get() && review.counts.with(|counts| counts.total == 0)
            }
        >
            <header class="review-head">
                <h1 tabindex="-1">"Review"</h1>
                <Position review=review />
            </header>
            <div class="review-grid">
                <QueuePanel review=review />
                <div class="review-main">
                    {move || {
                        review
                            .notice
                            .get()
                            .map(|failure| {
                                view! {
                                    <div class="review-notice" id="review-notice" tabindex="-1">
                                        {failure_view(&failure, None)}
                                        <button
                                            type="button"
                                            class="btn small"
                                            on:click=move |_| review.got_it()
                                        >
                                            "Got it"
                                        </button>
                                    </div>
                                }
                                    .into_any()
                            })
                    }}
                    <NotStored review=review />
                    {move || match place.get() {
                        Place::Record => view! { <RecordArticle review=review /> }.into_any(),
                        Place::Loading => {
                            view! { <p class="muted review-wait" aria-busy="true">"Fetching records…"</p> }
                                .into_any()
                        }
                        Place::Failed => failed_view(review),
                        Place::Empty => empty_view(desk, review),
                        Place::End => end_view(desk, review),
                    }}
                </div>
            </div>
            <DecisionBar review=review />
            <p class="sr-only" role="status" aria-live="polite">
                {move || review.said.get()}
            </p>
            <KeyHelp review=review />
        </div>
    }
    .into_any()
}

/// What was painted as done and is not stored, and what was refused at an earlier visit.
#[component]
fn NotStored(review: Review) -> impl IntoView {
    let desk = review.desk;
    let waiting = Memo::new(move |_| {
        desk.waiting().with(|waiting| {
            let failure = waiting.failure.clone()?;
            Some((waiting.count, waiting.is_fleeting, failure))
        })
    });
    let refused = Memo::new(move |_| {
        desk.waiting()
            .with(|waiting| refused_texts(&waiting.refused))
    });
    view! {
        {move || {
            waiting
                .get()
                .map(|(count, is_fleeting, failure)| {
                    view! {
                        <div class="notice warn" role="status">
                            <p>
                                <strong>{not_stored(count)}</strong>
                                " "
                                {failure.what}
                            </p>
                            <p>{kept_where(is_fleeting)}</p>
                            <div class="actions">
                                <button
                                    type="button"
                                    class="btn small"
                                    on:click=move |_| desk.send_again()
                                >
                                    "Try again"
                                </button>
                            </div>
                        </div>
                    }
                        .into_any()
                })
        }}
        {move || {
            let texts = refused.get();
            (!texts.is_empty() && review.notice.with(Option::is_none))
                .then(|| {
                    let texts = texts
                        .into_iter()
                        .map(|(reason, text)| {
                            view! {
                                <li>
                                    {reason}
                                    <p class="plain small" dir="auto">
                                        {text}
                                    </p>
                                </li>
                            }
                                .into_any()
                        })
                        .collect::<Vec<_>>();
                    view! {
                        <div class="notice warn" role="note">
                            <p>
                                <strong>"Answers of yours could not be taken."</strong>
                                " Copy what you want to keep."
                            </p>
                            <ul>{texts}</ul>
                            <div class="actions">
                                <button
                                    type="button"
                                    class="btn small"
                                    on:click=move |_| review.got_it()
                                >
                                    "Got it"
                                </button>
                            </div>
                        </div>
                    }
                        .into_any()
                })
        }}
    }
    .into_any()
}

fn not_stored(count: usize) -> String {
    match count {
        0 => "What you typed is not stored yet.".to_owned(),
        1 => "Your last decision is not stored yet.".to_owned(),
        more => format!("Your last {more} decisions are not stored yet."),
    }
}

fn kept_where(is_fleeting: bool) -> &'static str {
    if is_fleeting {
        "This browser can't keep it meanwhile: leave this page open until it is stored."
    } else {
        "This browser keeps it meanwhile. It is sent again when you go on, and when you open the project the next time."
    }
}

/// Reason and words of what was refused.
fn refused_texts(refused: &[Entry]) -> Vec<(String, String)> {
    refused
        .iter()
        .map(|entry| {
            let words = entry.response().map(|response| {
                [
                    words_of(response, IMPROVED_INSTRUCTION),
                    words_of(response, IMPROVED_RESPONSE),
                    response.reason.clone(),
                ]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n\n")
            });
            let reason = entry.refused.clone().unwrap_or_default();
            (reason, words.unwrap_or_default())
        })
        .collect()
}

/// The words of an answer, those of a conversation too.
fn words_of(response: &Response, question: &str) -> Option<String> {
    let content = response.answers.get(question)?;
    match content.as_str() {
        Some(text) => Some(text.to_owned()),
        None => turns::of(content).map(|turns| turns::plain(&turns)),
    }
}

/// "12 of 340" with the two arrows.
#[component]
fn Position(review: Review) -> impl IntoView {
    let at = review.position;
    view! {
        <nav class="position" aria-label="Records">
            <button
                type="button"
                class="btn icon"
                aria-label="Previous record"
                aria-keyshortcuts="ArrowLeft"
                title="Previous record (←)"
                aria-disabled=move || (!review.has_previous.get()).to_string()
                on:click=move |_| review.act(Action::Previous)
            >
                <span aria-hidden="true">"←"</span>
            </button>
            <p class="position-text">
                {move || {
                    let (position, total) = at.get();
                    if review.place.get() == Place::Record && total > 0 {
                        format!("{} of {}", count(position.into()), count(total.into()))
                    } else {
                        "–".to_owned()
                    }
                }}
            </p>
            <button
                type="button"
                class="btn icon"
                aria-label="Next record"
                aria-keyshortcuts="ArrowRight"
                title="Next record (→)"
                aria-disabled=move || (review.place.get() != Place::Record).to_string()
                on:click=move |_| review.act(Action::Next)
            >
                <span aria-hidden="true">"→"</span>
            </button>
        </nav>
    }
    .into_any()
}

fn failed_view(review: Review) -> AnyView {
    view! {
        <div class="review-place">
            {move || {
                review
                    .fetch_failure
                    .get()
                    .map(|failure| {
                        failure_view(&failure, Some(Callback::new(move |()| review.retry())))
                    })
            }}
        </div>
    }
    .into_any()
}

fn empty_view(desk: Desk, review: Review) -> AnyView {
    let total = review.counts.with(|counts| counts.total);
    if total == 0 {
        return view! {
            <div class="review-place teach">
                <h2>"Nothing to review yet"</h2>
                <p>
                    "Here you read one record at a time: an instruction and the answer a model gave. You say whether it is good, mend either text, or throw it out. What you accept becomes the dataset."
                </p>
                <div class="actions">
                    <a class="btn primary" href=desk.href("generate")>
                        "Generate answers"
                    </a>
                    <a class="btn quiet" href=desk.href("prompts")>
                        "Look at the instructions"
                    </a>
                </div>
            </div>
        }
        .into_any();
    }
    if review.is_plain_queue() {
        return end_view(desk, review);
    }
    view! {
        <div class="review-place teach">
            <h2>"No record matches"</h2>
            <p>{format!("None of the {} fits what you chose.", plural(total.into(), "record", "records"))}</p>
            <div class="actions">
                <button type="button" class="btn primary" on:click=move |_| review.clear_filters()>
                    "Show what waits for review"
                </button>
                <button type="button" class="btn quiet" on:click=move |_| review.show_all()>
                    "Show all records"
                </button>
            </div>
        </div>
    }
    .into_any()
}

fn end_view(desk: Desk, review: Review) -> AnyView {
    let summary = move || {
        review.counts.with(|counts| {
            let of = |wanted| {
                counts
                    .states
                    .iter()
                    .find(|(state, _)| *state == wanted)
                    .map_or(0, |(_, n)| *n)
            };
            use seedbed_core::review::RecordState::{Accepted, Disputed, Pending};
            let mut parts = vec![format!(
                "{} of {} accepted.",
                count(of(Accepted).into()),
                plural(counts.total.into(), "record", "records")
            )];
            if of(Pending) > 0 {
                parts.push(format!("{} still waiting.", count(of(Pending).into())));
            }
            if of(Disputed) > 0 {
                let disputed = count(of(Disputed).into());
                parts.push(format!("{disputed} disputed: a further voice decides."));
            }
            parts.join(" ")
        })
    };
    view! {
        <div class="review-place teach">
            <h2>"That was the last one here"</h2>
            <p>{summary}</p>
            <div class="actions">
                <a class="btn primary" href=desk.href("publish")>
                    "Publish what was accepted"
                </a>
                <button type="button" class="btn quiet" on:click=move |_| review.show_all()>
                    "Read all records again"
                </button>
                <a class="btn quiet" href=desk.href("prompts")>
                    "Grow more"
                </a>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn KeyHelp(review: Review) -> impl IntoView {
    view! {
        <Dialog open=review.help_open title="Keys" id="review-keys">
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || review.are_keys_on.get()
                    on:change:target=move |event| review.set_keys(event.target().checked())
                />
                <span>
                    "Single keys " <small class="muted">"(off: only the buttons, and keys with Ctrl or ⌘)"</small>
                </span>
            </label>
            <table class="keys">
                <thead class="sr-only">
                    <tr>
                        <th scope="col">"Keys"</th>
                        <th scope="col">"What they do"</th>
                    </tr>
                </thead>
                <tbody>
                    {SHORTCUTS
                        .iter()
                        .map(|shortcut| {
                            let keys = shortcut
                                .keys
                                .iter()
                                .map(|key| view! { <kbd>{*key}</kbd> }.into_any())
                                .collect::<Vec<_>>();
                            view! {
                                <tr>
                                    <td class="keys-keys">{keys}</td>
                                    <td>{shortcut.label}</td>
                                </tr>
                            }
                                .into_any()
                        })
                        .collect::<Vec<_>>()}
                </tbody>
            </table>
            <p class="muted small">"Keys are silent while you type in a field."</p>
        </Dialog>
    }
    .into_any()
}
