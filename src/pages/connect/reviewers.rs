//! Who reviews in this browser: the name on decisions, somebody else at the same machine, and whether what a guest decided
//! is the account's.

use crate::pages::desk::{Debounce, Desk, use_desk};
use leptos::prelude::*;
use seedbed_core::identity::Identity;
use seedbed_core::messages::Request;

fn change(desk: Desk, request: Request) {
    desk.spawn(desk.change_identities(request));
}

/// The name on decisions while nobody is signed in, and the way to others who review here.
#[component]
pub(super) fn Reviewers() -> impl IntoView {
    let desk = use_desk();
    let save = Debounce::new(400);
    let is_adding = RwSignal::new(false);
    desk.spawn(desk.read_identities());
    let name = Memo::new(move |_| desk.identity().with(|identity| identity.name.clone()));
    let others = move || {
        let known = desk.identities().get();
        known
            .known
            .into_iter()
            .filter(|other| other.id != known.present.id && !other.is_account)
            .map(|other| {
                view! {
                    <button
                        type="button"
                        class="btn quiet small"
                        on:click=move |_| {
                            save.cancel();
                            change(desk, Request::UseReviewer { id: other.id.clone() });
                        }
                    >
                        {format!("I am {}", other.name)}
                    </button>
                }
                .into_any()
            })
            .collect::<Vec<_>>()
    };
    view! {
        <div class="field reviewer">
            <label for="reviewer-name">"Or stay signed out, and review as"</label>
            <input
                id="reviewer-name"
                type="text"
                autocomplete="nickname"
                maxlength="64"
                aria-describedby="reviewer-hint"
                prop:value=move || name.get()
                on:input:target=move |event| {
                    let name = event.target().value().trim().to_owned();
                    if !name.is_empty() {
                        save.run(move || change(desk, Request::SetReviewer { name }));
                    }
                }
            />
            <p class="hint" id="reviewer-hint">
                "Your name on all decisions you made here and will make; it is published with them."
            </p>
            <div class="actions">
                {others}
                <button
                    type="button"
                    class="btn quiet small"
                    aria-expanded=move || is_adding.get().to_string()
                    on:click=move |_| {
                        is_adding.update(|is_adding| *is_adding = !*is_adding);
                        desk.focus_soon("new-reviewer");
                    }
                >
                    "Somebody else reviews here"
                </button>
            </div>
            {move || {
                is_adding
                    .get()
                    .then(|| view! { <NewReviewer is_adding=is_adding /> }.into_any())
            }}
        </div>
    }
    .into_any()
}

#[component]
fn NewReviewer(is_adding: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let name = RwSignal::new(String::new());
    view! {
        <form
            class="field-row"
            on:submit=move |event| {
                event.prevent_default();
                let name = name.get_untracked().trim().to_owned();
                if !name.is_empty() {
                    is_adding.set(false);
                    change(desk, Request::NewReviewer { name });
                    desk.focus_soon("reviewer-name");
                }
            }
        >
            <input
                id="new-reviewer"
                type="text"
                autocomplete="off"
                maxlength="64"
                aria-label="Name of the other person"
                placeholder="Name of the other person"
                prop:value=move || name.get()
                on:input:target=move |event| name.set(event.target().value())
            />
            <button type="submit" class="btn">
                "Begin"
            </button>
        </form>
    }
    .into_any()
}

/// Asks of each local identity that decided here whether it is the account that is signed in.
#[component]
pub(super) fn Claims() -> impl IntoView {
    let desk = use_desk();
    desk.spawn(desk.read_identities());
    move || {
        let unclaimed = desk.identities().with(|known| known.unclaimed.clone());
        unclaimed
            .into_iter()
            .map(|identity| claim_view(desk, identity))
            .collect::<Vec<_>>()
    }
}

fn claim_view(desk: Desk, identity: Identity) -> AnyView {
    let label = format!("Decisions of {}", identity.name);
    let id = identity.id;
    let answer = move |are_mine| {
        let from = id.clone();
        change(desk, Request::ClaimDecisions { from, are_mine });
    };
    let refuse = answer.clone();
    view! {
        <div class="notice" role="group" aria-label=label>
            <p>
                "Decisions or drafts were made in this browser as " <strong>{identity.name}</strong>
                ". Are they yours?"
            </p>
            <div class="actions">
                <button type="button" class="btn small" on:click=move |_| answer(true)>
                    "Yes, they are mine"
                </button>
                <button type="button" class="btn quiet small" on:click=move |_| refuse(false)>
                    "No, somebody else\u{2019}s"
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// After signing in: reads who reviews here. True if there is something to ask.
pub(super) async fn has_claims(desk: Desk) -> bool {
    desk.read_identities().await;
    desk.identities()
        .try_with_untracked(|known| !known.unclaimed.is_empty())
        .unwrap_or(false)
}
