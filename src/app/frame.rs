//! Skip link, header, notices, the page, dialogs, and the message at the foot.

use super::header::Header;
use super::notices::Notices;
use super::pieces::{Piece, Pieces};
use crate::pages::connect::use_connect;
use crate::pages::desk::failure_view;
use crate::pages::home::HomePage;
use crate::platform::page;
use crate::route::{Route, Step};
use crate::state::{Shell, Stage, use_shell};
use leptos::html;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, FailureKind, Offer};

/// What the main part shows. Equal values mean that nothing is drawn anew.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Home,
    Measure,
    Unknown,
    Opening(String),
    Asking(String),
    /// Visit, step, and whether nothing can be changed.
    Page(u32, Step, bool),
    Busy(String),
    Failed(Failure),
}

impl Shown {
    fn of(stage: Stage, route: &Route, is_read_only: bool) -> Self {
        match stage {
            Stage::Home => Self::Home,
            Stage::Measure => Self::Measure,
            Stage::Unknown => Self::Unknown,
            Stage::Opening(name) => Self::Opening(name),
            Stage::Asking(repo) => Self::Asking(repo),
            Stage::Open(visit) => {
                Self::Page(visit, route.step().unwrap_or(Step::Seed), is_read_only)
            }
            Stage::Busy(id) => Self::Busy(id),
            Stage::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// Everything on the page.
#[component]
pub(super) fn Frame(
    /// The large parts.
    pieces: Pieces,
) -> impl IntoView {
    let shell = use_shell();
    let connect = use_connect();
    // Once they have been open, the dialogs stay.
    let has_dialogs = Memo::new(move |before: Option<&bool>| {
        before == Some(&true) || connect.is_open() || shell.desk.tables().is_needed()
    });
    let is_read_only = Memo::new(move |_| shell.desk.read_only().with(Option::is_some));
    let shown = Memo::new(move |_| {
        shell
            .route
            .with(|route| Shown::of(shell.stage.get(), route, is_read_only.get()))
    });
    Effect::new(move |before: Option<Option<Shown>>| {
        let now = shown.get();
        let name = shell.project.with(|project| {
            project
                .as_ref()
                .map(|project| project.summary.name.clone())
                .unwrap_or_default()
        });
        page::set_title(&title(&now, &name));
        // On load the focus stays where the browser puts it; what is being opened then is a part of loading.
        if matches!(now, Shown::Opening(_)) {
            return before.flatten();
        }
        if before.flatten().is_some_and(|before| before != now) {
            page::begin_at_heading();
        }
        Some(now)
    });
    view! {
        <a
            class="skip"
            href="#main"
            on:click=move |event| {
                event.prevent_default();
                page::skip_to_main();
            }
        >
            "Skip to the content"
        </a>
        <Header />
        <main id="main" tabindex="-1">
            <Notices />
            {move || match shown.get() {
                Shown::Home => view! { <HomePage /> }.into_any(),
                Shown::Measure => view! { <Piece load=pieces.measure /> }.into_any(),
                Shown::Unknown => unknown_view(),
                Shown::Opening(name) => opening_view(&name),
                Shown::Asking(repo) => asking_view(shell, repo),
                // Reading goes on where there is something to read; forms have nothing to offer.
                Shown::Page(_, step @ (Step::Seed | Step::Prompts | Step::Generate), true) => {
                    view! {
                        <fieldset class="read-only" disabled=true>
                            <Piece load=pieces.step(step) />
                        </fieldset>
                    }
                        .into_any()
                }
                Shown::Page(_, step, _) => {
                    view! { <Piece load=pieces.step(step) /> }.into_any()
                }
                Shown::Busy(id) => busy_view(shell, id),
                Shown::Failed(failure) => failed_view(shell, &failure),
            }}
        </main>
        {move || {
            has_dialogs
                .get()
                .then(|| view! { <Piece load=pieces.dialogs is_quiet=true /> }.into_any())
        }}
        <LostDialog />
        <ToastPlace />
    }
    .into_any()
}

fn title(shown: &Shown, project: &str) -> String {
    match shown {
        Shown::Home => "Seedbed: grow a dataset from what you know".to_owned(),
        Shown::Measure => "Measure this device · Seedbed".to_owned(),
        Shown::Unknown => "No such page · Seedbed".to_owned(),
        Shown::Opening(_) => "Opening… · Seedbed".to_owned(),
        Shown::Asking(repo) => format!("Open {repo}? · Seedbed"),
        Shown::Page(_, step, _) => format!("{} · {project} · Seedbed", step.name()),
        Shown::Busy(_) => "Open in another tab · Seedbed".to_owned(),
        Shown::Failed(_) => "Not opened · Seedbed".to_owned(),
    }
}

fn unknown_view() -> AnyView {
    view! {
        <div class="page place">
            <h1 tabindex="-1">"There is no such page"</h1>
            <p class="lead">
                "The link may be cut off or from another version. Your projects are where they were."
            </p>
            <div class="actions">
                <a class="btn primary" href="#/">"All projects"</a>
            </div>
        </div>
    }
    .into_any()
}

fn opening_view(name: &str) -> AnyView {
    let heading = if name.is_empty() {
        "Opening the project".to_owned()
    } else {
        format!("Opening {name}")
    };
    let is_hub = !name.is_empty();
    view! {
        <div class="page place opening" aria-busy="true">
            <h1 tabindex="-1">{heading}</h1>
            <p class="lead" role="status">
                {if is_hub {
                    "Reading the seed, the records and everyone's decisions from the Hub…"
                } else {
                    "One moment…"
                }}
            </p>
            <div class="wait-bar" aria-hidden="true"></div>
            {is_hub
                .then(|| {
                    view! {
                        <div class="actions">
                            <a class="btn" href="#/">"Stop"</a>
                        </div>
                    }
                })}
        </div>
    }
    .into_any()
}

/// A link leads to a repo that is not here: what opening it does, before it is done.
fn asking_view(shell: Shell, repo: String) -> AnyView {
    let there = format!("{}/datasets/{repo}", shell.desk.hub_address());
    let heading = format!("Open {repo}?");
    let open = move |_| {
        let step = shell.route.with_untracked(Route::step);
        shell.open_repo(repo.clone(), step.unwrap_or(Step::Seed));
    };
    view! {
        <div class="page place">
            <h1 tabindex="-1">{heading}</h1>
            <p class="lead">
                "It will be downloaded to this browser: the seed, the records and everyone's decisions. If you are signed in, it is read with your account. Nothing of yours is sent there."
            </p>
            <div class="actions">
                <button type="button" class="btn primary" on:click=open>
                    "Open it"
                </button>
                <a class="btn" href=there target="_blank" rel="noopener">
                    "Look at it on the Hub"
                </a>
                <a class="btn quiet" href="#/">
                    "All projects"
                </a>
            </div>
        </div>
    }
    .into_any()
}

fn busy_view(shell: Shell, id: String) -> AnyView {
    view! {
        <div class="page place">
            <h1 tabindex="-1">"This project is open in another tab"</h1>
            <p class="lead">
                "Only one tab at a time writes to a project, so that nothing gets lost. If you open it here, the other tab stores what it has and lets go."
            </p>
            <div class="actions">
                <button
                    type="button"
                    class="btn primary"
                    on:click=move |_| shell.open(id.clone(), true)
                >
                    "Open here instead"
                </button>
                <a class="btn" href="#/">"All projects"</a>
            </div>
        </div>
    }
    .into_any()
}

fn failed_view(shell: Shell, failure: &Failure) -> AnyView {
    let connect = use_connect();
    let is_hub = shell
        .route
        .with_untracked(|route| matches!(route, Route::Hub { .. }));
    let may_need_account = is_hub
        && matches!(
            failure.kind,
            FailureKind::Auth | FailureKind::Forbidden | FailureKind::NotFound
        )
        && failure.offer.is_none()
        && shell.desk.account().with_untracked(Option::is_none);
    let offers_rows = is_hub && failure.offer == Some(Offer::ImportDataset);
    // Then the notice above says why, and only loading the page again helps.
    let is_dead = shell.dead.with_untracked(Option::is_some);
    let may_help = is_hub || failure.kind != FailureKind::NotFound;
    if may_need_account {
        // Signed in meanwhile: what was refused may be allowed now.
        Effect::new(move |before: Option<bool>| {
            let is_signed_in = shell.desk.account().with(Option::is_some);
            if before == Some(false) && is_signed_in {
                shell.retry();
            }
            is_signed_in
        });
    }
    view! {
        <div class="page place">
            <h1 tabindex="-1">"The project could not be opened"</h1>
            {(!is_dead).then(|| failure_view(failure, None))}
            <div class="actions" hidden=is_dead>
                {offers_rows
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn primary"
                                on:click=move |_| {
                                    let repo = shell
                                        .route
                                        .with_untracked(|route| match route {
                                            Route::Hub { repo, .. } => Some(repo.clone()),
                                            _ => None,
                                        });
                                    if let Some(repo) = repo {
                                        shell.desk.tables().open_dataset(repo);
                                    }
                                }
                            >
                                "Choose rows of it"
                            </button>
                        }
                    })}
                {may_need_account
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn primary"
                                on:click=move |_| connect.open_sign_in()
                            >
                                "Sign in"
                            </button>
                        }
                    })}
                {may_help
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn"
                                class:primary=!may_need_account
                                on:click=move |_| shell.retry()
                            >
                                "Try again"
                            </button>
                        }
                    })}
                <a class="btn" class:primary=!may_help href="#/">
                    "All projects"
                </a>
            </div>
        </div>
    }
    .into_any()
}

/// Over everything when another tab has taken the project: what is below can't be saved any more.
#[component]
fn LostDialog() -> impl IntoView {
    let shell = use_shell();
    let node: NodeRef<html::Dialog> = NodeRef::new();
    Effect::new(move |_| {
        let is_lost = shell.is_lost.get();
        if let Some(dialog) = node.get() {
            if is_lost && !dialog.open() {
                // Fails only when it is open already or not in the document.
                let _ = dialog.show_modal();
            } else if !is_lost && dialog.open() {
                dialog.close();
            }
        }
    });
    view! {
        <dialog
            node_ref=node
            class="dialog"
            aria-labelledby="lost-title"
            on:cancel=|event: leptos::ev::Event| event.prevent_default()
        >
            <div class="dialog-head">
                <h2 id="lost-title">"Opened in another tab"</h2>
            </div>
            <div class="dialog-body">
                <p>
                    "This project was taken over by another tab, and only one at a time can write to it. Everything that was confirmed here is stored."
                </p>
                <div class="actions">
                    <button
                        type="button"
                        class="btn primary"
                        on:click=move |_| {
                            let id = shell.desk.project_id();
                            shell.open(id, true);
                        }
                    >
                        "Open here instead"
                    </button>
                    <a class="btn" href="#/">"All projects"</a>
                </div>
            </div>
        </dialog>
    }
    .into_any()
}

/// The message at the foot: read out politely, gone after a while.
#[component]
fn ToastPlace() -> impl IntoView {
    let shell = use_shell();
    view! {
        <div class="toast-place" role="status" aria-live="polite">
            {move || {
                shell
                    .toast
                    .get()
                    .map(|toast| {
                        let action = toast
                            .action
                            .map(|(label, act)| {
                                view! {
                                    <button
                                        type="button"
                                        class="btn small"
                                        on:click=move |_| {
                                            shell.toast.set(None);
                                            act.run(());
                                        }
                                    >
                                        {label}
                                    </button>
                                }
                            });
                        view! {
                            <div class="toast">
                                <p>{toast.text}</p>
                                {action}
                            </div>
                        }
                    })
            }}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_project_shows_the_step_of_the_address_and_is_drawn_anew_when_reopened() {
        let route = Route::project("a", Step::Review);
        let of = |visit, is_read_only| Shown::of(Stage::Open(visit), &route, is_read_only);
        let first = of(1, false);
        assert_eq!(first, Shown::Page(1, Step::Review, false));
        assert_eq!(title(&first, "Farming"), "Review · Farming · Seedbed");
        assert_ne!(first, of(2, false));
        assert_ne!(first, of(1, true));
    }

    #[test]
    fn while_a_project_is_opened_its_pages_are_not_shown() {
        let route = Route::project("a", Step::Seed);
        assert_eq!(
            Shown::of(Stage::Opening(String::new()), &route, false),
            Shown::Opening(String::new())
        );
        assert_eq!(
            Shown::of(Stage::Busy("a".into()), &route, false),
            Shown::Busy("a".into())
        );
    }
}
