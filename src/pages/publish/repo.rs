//! Which dataset repo the project goes to.

use super::found::{Asked, found_view};
use super::plan::sync_view;
use crate::pages::desk::{Desk, failure_of, failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::messages::{Failure, Reply, RepoOverview, Request, SyncReport};

/// Why `name` can't be the name of a repo, by the Hub's rules.
pub(super) fn name_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("Give it a name.");
    }
    if name.len() > 96 {
        return Some("At most 96 characters.");
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        return Some("Only letters without accents, digits, and - _ . in between.");
    }
    if name.contains("--") || name.contains("..") {
        return Some("No -- and no .. in it.");
    }
    if name.starts_with(['-', '.']) || name.ends_with(['-', '.']) {
        return Some("It can't begin or end with - or a dot.");
    }
    if name.to_ascii_lowercase().ends_with(".git") {
        return Some("It can't end with .git.");
    }
    None
}

/// A name from a text: `Dairy farming` → `dairy-farming`.
pub(super) fn name_from(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 60 {
            break;
        }
    }
    out.trim_matches('-').to_owned()
}

/// Choosing the repo: what the forms share.
#[derive(Clone, Copy)]
pub(super) struct Chooser {
    pub desk: Desk,
    is_choosing: RwSignal<bool>,
    pub busy: RwSignal<bool>,
    pub failure: RwSignal<Option<Failure>>,
    /// A repo that is there already, and how it was come upon.
    pub found: RwSignal<Option<(RepoOverview, Asked)>>,
}

impl Chooser {
    /// Asks for a repo: the project is linked to it, or it is shown first.
    pub(super) fn ask(self, request: Request, asked: Asked) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.failure.set(None);
        self.desk.spawn(async move {
            match self.desk.ask(request).await {
                Ok(Reply::Linked(link)) => {
                    self.is_choosing.try_set(false);
                    self.desk.set_hub(Some(link));
                    self.desk.focus_soon("plan-title");
                }
                Ok(Reply::Found(repo)) => {
                    self.found.try_set(Some((*repo, asked)));
                    self.desk.focus_soon("found-title");
                }
                Ok(_) => {
                    self.failure.try_set(Some(failure_of(
                        "The worker gave another answer than asked for.",
                    )));
                }
                Err(error) => {
                    self.failure.try_set(Some(error));
                }
            }
            self.busy.try_set(false);
        });
    }
}

/// Create a repo, or choose one.
#[component]
pub(super) fn RepoChooser(is_choosing: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let chooser = || Chooser {
        desk,
        is_choosing,
        busy: RwSignal::new(false),
        failure: RwSignal::new(None),
        found: RwSignal::new(None),
    };
    // Each form says what became of what was asked there.
    let (create, link) = (chooser(), chooser());
    let cancel = move || {
        desk.hub().with(Option::is_some).then(|| {
            view! {
                <button type="button" class="btn quiet" on:click=move |_| is_choosing.set(false)>
                    "Keep the present one"
                </button>
            }
            .into_any()
        })
    };
    view! {
        <section class="card" aria-labelledby="repo-title">
            <div class="card-head">
                <h2 id="repo-title">"Where should it go?"</h2>
                {cancel}
            </div>
            {move || {
                let found = [create, link]
                    .into_iter()
                    .find_map(|chooser| Some((chooser, chooser.found.get()?)));
                match found {
                    Some((chooser, (repo, asked))) => found_view(chooser, &repo, asked),
                    None => {
                        view! {
                            <div class="two-ways">
                                <CreateRepo chooser=create />
                                <LinkRepo chooser=link />
                            </div>
                        }
                            .into_any()
                    }
                }
            }}
        </section>
    }
    .into_any()
}

#[component]
fn CreateRepo(chooser: Chooser) -> impl IntoView {
    let Chooser {
        desk,
        busy,
        failure,
        ..
    } = chooser;
    let namespaces = Memo::new(move |_| {
        desk.account().with(|account| {
            account.as_ref().map_or_else(Vec::new, |account| {
                if account.namespaces.is_empty() {
                    vec![account.name.clone()]
                } else {
                    account.namespaces.clone()
                }
            })
        })
    });
    let namespace =
        RwSignal::new(namespaces.with_untracked(|all| all.first().cloned().unwrap_or_default()));
    let name = RwSignal::new(name_from(&desk.project_name()));
    let is_private = RwSignal::new(true);
    let problem = Memo::new(move |_| name.with(|name| name_problem(name.trim())));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if problem.with_untracked(Option::is_some) {
            return;
        }
        let private = is_private.get_untracked();
        let repo = format!(
            "{}/{}",
            namespace.get_untracked(),
            name.get_untracked().trim()
        );
        let project = desk.project_id();
        chooser.ask(
            Request::CreateRepo {
                project,
                repo,
                private,
            },
            Asked::New { private },
        );
    };
    view! {
        <form on:submit=submit class="way">
            <h3>"A new repo"</h3>
            <div class="field">
                <label for="repo-namespace">"Owner"</label>
                <select
                    id="repo-namespace"
                    on:change:target=move |event| namespace.set(event.target().value())
                >
                    {move || {
                        namespaces
                            .get()
                            .into_iter()
                            .map(|name| view! { <option value=name.clone()>{name.clone()}</option> }.into_any())
                            .collect::<Vec<_>>()
                    }}
                </select>
            </div>
            <div class="field" class:invalid=move || problem.with(Option::is_some)>
                <label for="repo-name">"Name"</label>
                <input
                    id="repo-name"
                    type="text"
                    autocomplete="off"
                    spellcheck="false"
                    aria-invalid=move || problem.with(Option::is_some).to_string()
                    aria-describedby="repo-name-problem"
                    prop:value=move || name.get()
                    on:input:target=move |event| name.set(event.target().value())
                />
                <p class="error" id="repo-name-problem">
                    {move || problem.get()}
                </p>
            </div>
            <fieldset class="choices slim">
                <legend>"Who can read it"</legend>
                <label class="choice" class:chosen=move || is_private.get()>
                    <input
                        type="radio"
                        name="repo-visibility"
                        prop:checked=move || is_private.get()
                        on:change=move |_| is_private.set(true)
                    />
                    <span class="choice-text">
                        <strong>"Private"</strong>
                        <span class="muted small">"You, and people you give access. Can be opened up later on the Hub."</span>
                    </span>
                </label>
                <label class="choice" class:chosen=move || !is_private.get()>
                    <input
                        type="radio"
                        name="repo-visibility"
                        prop:checked=move || !is_private.get()
                        on:change=move |_| is_private.set(false)
                    />
                    <span class="choice-text">
                        <strong>"Public"</strong>
                        <span class="muted small">"Anyone, from the first commit on."</span>
                    </span>
                </label>
            </fieldset>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button type="submit" class="btn primary" aria-disabled=move || busy.get().to_string()>
                    {move || if busy.get() { "Creating…" } else { "Create the repo" }}
                </button>
            </div>
            <p class="hint">"It starts empty. Nothing of your data goes there until you commit."</p>
        </form>
    }
    .into_any()
}

#[component]
fn LinkRepo(chooser: Chooser) -> impl IntoView {
    let Chooser {
        desk,
        busy,
        failure,
        ..
    } = chooser;
    let repos = desk.live(
        move || {
            desk.account()
                .with(Option::is_some)
                .then_some(Request::ListRepos)
        },
        |reply| match reply {
            Reply::Repos(repos) => Some(repos),
            _ => None,
        },
    );
    let name = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let repo = name.get_untracked().trim().to_owned();
        if repo.is_empty() {
            return;
        }
        let project = desk.project_id();
        chooser.ask(
            Request::LinkRepo {
                project,
                repo,
                is_confirmed: false,
            },
            Asked::This,
        );
    };
    view! {
        <form on:submit=submit class="way">
            <h3>"One that exists"</h3>
            <div class="field">
                <label for="repo-existing">"Repo"</label>
                <input
                    id="repo-existing"
                    type="text"
                    list="repo-list"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="owner/name"
                    aria-describedby="repo-existing-hint"
                    prop:value=move || name.get()
                    on:input:target=move |event| name.set(event.target().value())
                />
                <datalist id="repo-list">
                    {move || {
                        repos
                            .with(|repos| match repos {
                                Some(Ok(repos)) => {
                                    repos
                                        .iter()
                                        .map(|repo| {
                                            view! { <option value=repo.clone()></option> }.into_any()
                                        })
                                        .collect::<Vec<_>>()
                                }
                                _ => Vec::new(),
                            })
                    }}
                </datalist>
                <p class="hint" id="repo-existing-hint">
                    "Yours, your organisation's, or a colleague's. Without write access you can offer a pull request."
                </p>
            </div>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button type="submit" class="btn" aria-disabled=move || busy.get().to_string()>
                    {move || if busy.get() { "Looking…" } else { "Use this repo" }}
                </button>
            </div>
        </form>
    }
    .into_any()
}

/// The repo of the project, with sync and the way to another one.
#[component]
pub(super) fn RepoLine(is_choosing: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let busy = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let report: RwSignal<Option<SyncReport>> = RwSignal::new(None);
    let sync = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        report.set(None);
        desk.spawn(async move {
            let request = Request::Sync {
                project: desk.project_id(),
            };
            match desk.ask(request).await {
                Ok(Reply::Synced(synced)) => {
                    report.try_set(Some(synced));
                }
                Ok(_) => {}
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            busy.try_set(false);
        });
    };
    view! {
        <section class="card repo-line" aria-label="Dataset repo">
            {move || {
                desk.hub()
                    .get()
                    .map(|hub| {
                        let revision = hub
                            .revision
                            .as_ref()
                            .map_or_else(
                                || "empty so far".to_owned(),
                                |revision| format!("at {}", revision.chars().take(7).collect::<String>()),
                            );
                        let write = match hub.can_write {
                            Some(false) => " · you can offer pull requests",
                            _ => "",
                        };
                        let pull = hub
                            .pull_request
                            .map(|number| {
                                let url = format!("{}/discussions/{number}", hub.url);
                                view! {
                                    <p class="small">
                                        "Your pull request "
                                        <a href=url target="_blank" rel="noopener">
                                            {format!("#{number}")}
                                        </a>
                                        " is open."
                                    </p>
                                }
                                    .into_any()
                            });
                        view! {
                            <div>
                                <p class="repo-name">
                                    <a href=hub.url.clone() target="_blank" rel="noopener">
                                        {hub.repo.clone()}
                                    </a>
                                    <span class="mark">
                                        {if hub.private { "Private" } else { "Public" }}
                                    </span>
                                </p>
                                <p class="muted small">{format!("{revision}{write}")}</p>
                                {pull}
                            </div>
                        }
                            .into_any()
                    })
            }}
            <div class="actions">
                <button
                    type="button"
                    class="btn"
                    aria-disabled=move || busy.get().to_string()
                    on:click=sync
                >
                    {move || if busy.get() { "Fetching…" } else { "Take over others' work" }}
                </button>
                <button type="button" class="btn quiet" on:click=move |_| is_choosing.set(true)>
                    "Another repo"
                </button>
            </div>
            <div role="status" class="repo-status">
                {move || failure.get().map(|failure| failure_view(&failure, None))}
                {move || {
                    report
                        .get()
                        .map(|report| {
                            sync_view(&report)
                                .unwrap_or_else(|| {
                                    view! { <p class="muted">"Nothing new there."</p> }.into_any()
                                })
                        })
                }}
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repo_names_follow_the_rules_of_the_hub() {
        for good in ["a", "dairy-farming", "Farm_2.0", "0"] {
            assert_eq!(name_problem(good), None, "{good}");
        }
        for bad in [
            "", "a b", "-a", "a-", ".a", "a--b", "a..b", "müsli", "x.git", "a/b",
        ] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
        assert!(name_problem(&"a".repeat(97)).is_some());
    }

    #[test]
    fn a_name_made_from_a_text_is_a_good_name_or_empty() {
        for text in [
            "Dairy farming",
            "  Käse & Milch! ",
            "水田",
            "--",
            "A.B..C",
            &"long ".repeat(40),
        ] {
            let name = name_from(text);
            assert!(name.is_empty() || name_problem(&name).is_none(), "{name}");
        }
        assert_eq!(name_from("Dairy farming"), "dairy-farming");
    }
}
