//! Publish: what would change on the Hub, plainly, and then the commit or the pull request; and files to keep.

mod export;
mod found;
mod plan;
mod repo;
mod send;
mod steps;

use crate::pages::connect::use_connect;
use crate::pages::desk::{failure_view, use_desk};
use export::ExportFiles;
use leptos::prelude::*;
use plan::{Consent, plan_view};
use repo::{RepoChooser, RepoLine};
use seedbed_core::messages::{FailureKind, PublishPlan, Reply, Request};
pub use send::Outcome;
use send::SendForm;

/// The page.
#[component]
pub fn PublishPage() -> impl IntoView {
    let desk = use_desk();
    let is_signed_in = Memo::new(move |_| desk.account().with(Option::is_some));
    let is_linked = Memo::new(move |_| desk.hub().with(Option::is_some));
    let is_choosing = RwSignal::new(false);
    view! {
        <div class="page publish">
            <header class="page-head">
                <h1 tabindex="-1">"Publish"</h1>
                <p class="lead">
                    "Put the accepted records into a dataset repo on Hugging Face, with the seed, the instructions and every decision behind them."
                </p>
            </header>
            {move || {
                if desk.read_only().with(Option::is_some) {
                    // The notice above says why.
                    ().into_any()
                } else if !is_signed_in.get() {
                    signed_out_view()
                } else if !is_linked.get() || is_choosing.get() {
                    view! { <RepoChooser is_choosing=is_choosing /> }.into_any()
                } else {
                    view! { <Linked is_choosing=is_choosing /> }.into_any()
                }
            }}
            <ExportFiles />
        </div>
    }
    .into_any()
}

fn signed_out_view() -> AnyView {
    let connect = use_connect();
    view! {
        <section class="card teach" aria-labelledby="publish-sign-in">
            <h2 id="publish-sign-in">"Sign in to publish"</h2>
            <p>
                "Everything so far is on this machine only. To publish, Seedbed needs to act for you on the Hub: create one dataset repo, or write to one you choose. Before anything is sent you see every file and row that would change."
            </p>
            <div class="actions">
                <button type="button" class="btn primary" on:click=move |_| connect.open_sign_in()>
                    "Sign in with Hugging Face"
                </button>
                <a class="btn quiet" href="#export-title" on:click=move |event| {
                    // A hash is a route here; move there by hand.
                    event.prevent_default();
                    use_desk().focus_soon("export-title");
                }>
                    "Or save files"
                </a>
            </div>
        </section>
    }
    .into_any()
}

/// Repo, plan, and the way out.
#[component]
fn Linked(is_choosing: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let repo = Memo::new(move |_| {
        desk.hub()
            .with(|hub| hub.as_ref().map(|hub| hub.repo.clone()))
    });
    let plan = desk.live(
        move || {
            repo.get().map(|_| Request::PlanPublish {
                project: desk.project_id(),
            })
        },
        |reply| match reply {
            Reply::PublishPlan(plan) => Some(plan),
            _ => None,
        },
    );
    let ready: Memo<Option<PublishPlan>> = Memo::new(move |_| {
        plan.with(|plan| match plan {
            Some(Ok(plan)) => Some(plan.clone()),
            _ => None,
        })
    });
    let consent = Consent::default();
    // What was agreed to is about one plan.
    Effect::new(move |_| {
        ready.track();
        consent.clear();
    });
    // Whether there is something to send, and if so, whether as a pull request only. The form outlives a new plan.
    let way_out = Memo::new(move |_| {
        ready.with(|plan| {
            let plan = plan.as_ref()?;
            let is_worth_it = plan.blocked.is_none() && (!plan.is_empty || consent.is_given());
            is_worth_it.then_some(plan.can_write == Some(false))
        })
    });
    let is_fetching = RwSignal::new(false);
    let fetch_failure = RwSignal::new(None);
    let fetch = Callback::new(move |()| {
        if is_fetching.get_untracked() {
            return;
        }
        is_fetching.set(true);
        fetch_failure.set(None);
        desk.spawn(async move {
            let project = desk.project_id();
            match desk.ask(Request::Sync { project }).await {
                Ok(_) => plan.reload(),
                Err(failure) => {
                    fetch_failure.try_set(Some(failure));
                }
            }
            is_fetching.try_set(false);
        });
    });
    view! {
        <RepoLine is_choosing=is_choosing />
        <section class="card plan" aria-labelledby="plan-title" aria-busy=move || plan.is_loading().to_string()>
            <div class="card-head">
                <h2 id="plan-title" tabindex="-1">
                    "What will change"
                </h2>
                <button
                    type="button"
                    class="btn quiet small"
                    aria-disabled=move || plan.is_loading().to_string()
                    on:click=move |_| plan.reload()
                >
                    {move || if plan.is_loading() { "Looking at the Hub…" } else { "Look again" }}
                </button>
            </div>
            {move || {
                plan.with(|state| match state {
                    None => {
                        view! {
                            <p class="muted" role="status">
                                "Reading what stands on the Hub, and comparing it row by row…"
                            </p>
                        }
                            .into_any()
                    }
                    Some(Err(failure)) => {
                        let mend = (failure.kind == FailureKind::Auth)
                            .then(|| {
                                let connect = use_connect();
                                view! {
                                    <button
                                        type="button"
                                        class="btn"
                                        on:click=move |_| connect.open_sign_in()
                                    >
                                        "Account"
                                    </button>
                                }
                                    .into_any()
                            });
                        view! {
                            {failure_view(failure, Some(Callback::new(move |()| plan.reload())))}
                            {mend}
                        }
                            .into_any()
                    }
                    Some(Ok(plan)) => plan_view(desk, plan, consent, fetch),
                })
            }}
            {move || fetch_failure.get().map(|failure| failure_view(&failure, Some(fetch)))}
        </section>
        {move || {
            way_out
                .get()
                .map(|only_pull_request| {
                    view! {
                        <SendForm
                            only_pull_request=only_pull_request
                            plan=ready
                            consent=consent
                            on_done=Callback::new(move |()| plan.reload())
                        />
                    }
                        .into_any()
                })
        }}
        <send::LastResult />
    }
    .into_any()
}
