//! The bar with the decisions: what each button does, and its key.

use super::form::REASONS;
use super::keys::{Action, Press, key_of};
use super::queue::Place;
use super::record::key_view;
use super::state::Review;
use leptos::prelude::*;
use seedbed_core::review::{Quality, ResponseStatus};

/// The bar.
#[component]
pub(super) fn DecisionBar(review: Review) -> impl IntoView {
    let is_idle = Memo::new(move |_| review.place.get() != Place::Record);
    let mine = Memo::new(move |_| {
        review.shown.with(|shown| {
            shown.as_ref().and_then(|row| {
                row.mine
                    .as_ref()
                    .filter(|mine| mine.status != ResponseStatus::Draft)
                    .map(|mine| (mine.status, mine.quality()))
            })
        })
    });
    let is_good = move || mine.get() == Some((ResponseStatus::Submitted, Some(Quality::Good)));
    let is_bad = move || mine.get() == Some((ResponseStatus::Submitted, Some(Quality::Bad)));
    let is_discarded = move || matches!(mine.get(), Some((ResponseStatus::Discarded, _)));
    view! {
        <section
            class="decide"
            class:typing=move || review.is_discarding.get() || review.editing.with(Option::is_some)
            aria-label="Decide"
        >
            {move || {
                review.is_discarding.get().then(|| view! { <Reasons review=review /> }.into_any())
            }}
            <div class="decide-row">
                <div class="decide-main">
                    <button
                        type="button"
                        class="btn verdict bad"
                        aria-pressed=move || is_bad().to_string()
                        aria-keyshortcuts=key_of(Action::Bad)
                        aria-disabled=move || is_idle.get().to_string()
                        on:click=move |_| review.act(Action::Bad)
                    >
                        {thumb(true)}
                        "Bad"
                        {key_view(review, Action::Bad)}
                    </button>
                    <button
                        type="button"
                        class="btn verdict good"
                        aria-pressed=move || is_good().to_string()
                        aria-keyshortcuts=key_of(Action::Good)
                        aria-disabled=move || is_idle.get().to_string()
                        on:click=move |_| review.act(Action::Good)
                    >
                        {thumb(false)}
                        "Good"
                        {key_view(review, Action::Good)}
                        {move || {
                            review
                                .editing
                                .with(Option::is_some)
                                .then(|| {
                                    view! {
                                        <kbd class="while-typing" aria-hidden="true">
                                            "Ctrl/⌘ Enter"
                                        </kbd>
                                    }
                                        .into_any()
                                })
                        }}
                    </button>
                </div>
                <div class="decide-more">
                    <button
                        type="button"
                        class="btn quiet"
                        aria-pressed=move || is_discarded().to_string()
                        aria-expanded=move || review.is_discarding.get().to_string()
                        aria-keyshortcuts=key_of(Action::Discard)
                        aria-disabled=move || is_idle.get().to_string()
                        on:click=move |_| review.act(Action::Discard)
                    >
                        "Discard…"
                        {key_view(review, Action::Discard)}
                    </button>
                    <button
                        type="button"
                        class="btn quiet"
                        aria-keyshortcuts="S"
                        aria-disabled=move || is_idle.get().to_string()
                        on:click=move |_| review.act(Action::Next)
                    >
                        "Skip"
                        {move || {
                            review
                                .are_keys_on
                                .get()
                                .then(|| view! { <kbd aria-hidden="true">"S"</kbd> }.into_any())
                        }}
                    </button>
                    <button
                        type="button"
                        class="btn quiet"
                        aria-keyshortcuts=key_of(Action::Undo)
                        aria-disabled=move || (!review.can_take_back(false)).to_string()
                        on:click=move |_| review.act(Action::Undo)
                    >
                        "Undo"
                        {key_view(review, Action::Undo)}
                    </button>
                    <button
                        type="button"
                        class="btn quiet"
                        aria-keyshortcuts="Shift+Z"
                        aria-disabled=move || (!review.can_take_back(true)).to_string()
                        on:click=move |_| review.act(Action::Redo)
                    >
                        "Redo"
                    </button>
                    <button
                        type="button"
                        class="btn quiet"
                        aria-haspopup="dialog"
                        aria-keyshortcuts=key_of(Action::Help)
                        on:click=move |_| review.act(Action::Help)
                    >
                        "Keys"
                        {key_view(review, Action::Help)}
                    </button>
                </div>
            </div>
            <p class="decide-said muted small">
                {move || {
                    review
                        .last_act
                        .get()
                        .map(|act| {
                            let keys = review.are_keys_on.get();
                            let is_decision = !act.starts_with("Nothing") && !act.starts_with("The ");
                            if keys && act.starts_with("Undone") && review.can_take_back(true) {
                                format!("{act} Shift Z brings the decision back.")
                            } else if keys && is_decision && !act.starts_with("Undone")
                                && review.can_take_back(false)
                            {
                                format!("{act} Z undoes it.")
                            } else {
                                act
                            }
                        })
                }}
            </p>
        </section>
    }
    .into_any()
}

/// A thumb, up or down.
fn thumb(is_down: bool) -> AnyView {
    view! {
        <svg
            class="thumb"
            class:down=is_down
            viewBox="0 0 24 24"
            width="20"
            height="20"
            fill="none"
            stroke="currentColor"
            stroke-width="1.8"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d="M7 11v9H4a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h3z"></path>
            <path d="M7 11l4.2-7.4a.8.8 0 0 1 .9-.4c1.4.4 2.2 1.8 1.8 3.3L13.2 9.5H19a2 2 0 0 1 2 2.4l-1.3 6.5a2 2 0 0 1-2 1.6H7"></path>
        </svg>
    }
    .into_any()
}

/// The reasons for a discard; a digit or a click discards at once.
#[component]
fn Reasons(review: Review) -> impl IntoView {
    let text = RwSignal::new(review.form.with_untracked(|form| form.reason.clone()));
    let close = move || {
        review.is_discarding.set(false);
        review.desk.focus_soon("record");
    };
    let buttons = REASONS
        .iter()
        .enumerate()
        .map(|(index, reason)| {
            view! {
                <button
                    type="button"
                    class="btn small"
                    id=(index == 0).then_some("discard-first")
                    on:click=move |_| {
                        review.discard(reason);
                        review.desk.focus_soon("record");
                    }
                >
                    {*reason}
                    {move || {
                        review
                            .are_keys_on
                            .get()
                            .then(|| view! { <kbd aria-hidden="true">{index + 1}</kbd> }.into_any())
                    }}
                </button>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <form
            class="reasons"
            aria-label="Why discard it?"
            on:submit=move |event| {
                event.prevent_default();
                review.discard(&text.get_untracked());
                review.desk.focus_soon("record");
            }
            on:keydown=move |event| {
                let key = event.key();
                if key == "Escape" {
                    event.prevent_default();
                    event.stop_propagation();
                    close();
                    return;
                }
                let is_typing = review.desk.is_text_field(&event);
                let is_plain = !event.ctrl_key() && !event.meta_key() && !event.alt_key()
                    && !event.is_composing() && !event.repeat();
                if is_typing || !is_plain || !review.are_keys_on.get_untracked() {
                    return;
                }
                let code = event.code();
                let press = Press {
                    key: &key,
                    code: &code,
                    is_shift: event.shift_key(),
                    ..Press::default()
                };
                if let Some(reason) = press
                    .text()
                    .parse::<usize>()
                    .ok()
                    .and_then(|n| n.checked_sub(1))
                    .and_then(|n| REASONS.get(n))
                {
                    event.prevent_default();
                    event.stop_propagation();
                    review.discard(reason);
                    review.desk.focus_soon("record");
                }
            }
        >
            <p class="reasons-title">"Why discard it?"</p>
            <div class="reasons-list">{buttons}</div>
            <div class="field-row">
                <input
                    type="text"
                    aria-label="Another reason, or none"
                    placeholder="Another reason, or none"
                    maxlength="300"
                    autocomplete="off"
                    prop:value=move || text.get()
                    on:input:target=move |event| text.set(event.target().value())
                />
                <button type="submit" class="btn">
                    "Discard"
                </button>
                <button type="button" class="btn quiet" on:click=move |_| close()>
                    "Cancel"
                </button>
            </div>
        </form>
    }
    .into_any()
}
