//! Sending: licence, languages, summary, the commit or pull request, and what came of it.

use super::plan::{Consent, writes_table};
use super::steps::{Steps, steps_view};
use crate::pages::connect::use_connect;
use crate::pages::desk::{failure_of, failure_view, use_desk};
use crate::pages::generate::words::plural;
use leptos::prelude::*;
use seedbed_core::messages::{
    Failure, FailureKind, Progress, PublishPlan, Published, Reply, Request, TableState,
};

/// Licences that datasets often carry: id, name.
const LICENCES: [(&str, &str); 10] = [
    ("", "Not stated"),
    ("cc-by-4.0", "CC BY 4.0 (with attribution)"),
    ("cc-by-sa-4.0", "CC BY-SA 4.0 (share alike)"),
    ("cc0-1.0", "CC0 1.0 (no conditions)"),
    ("cc-by-nc-4.0", "CC BY-NC 4.0 (not for profit)"),
    ("apache-2.0", "Apache 2.0"),
    ("mit", "MIT"),
    ("odc-by", "ODC-By 1.0"),
    ("openrail", "OpenRAIL"),
    ("other", "Another one"),
];

/// The last publish of this visit, kept while the pages change.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The project.
    pub project: String,
    /// What the backend says of it.
    pub published: Published,
}

/// Language codes from typed text, and what was not understood. What the card states already is taken as it is.
fn languages(text: &str, stated: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for word in text.split([',', ' ', ';']).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let is_code =
            (2..=3).contains(&lower.len()) && lower.bytes().all(|b| b.is_ascii_lowercase());
        let code = match stated.iter().find(|code| *code == word) {
            Some(code) => code.clone(),
            None if is_code => lower,
            None => {
                bad.push(word.to_owned());
                continue;
            }
        };
        if !good.contains(&code) {
            good.push(code);
        }
    }
    (good, bad)
}

/// The licences to choose from, the one that the card states among them.
fn licences(stated: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = LICENCES
        .iter()
        .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()))
        .collect();
    if all.iter().all(|(id, _)| id != stated) {
        all.push((stated.to_owned(), stated.to_owned()));
    }
    all
}

/// The first line of the commit, unless the person writes one.
fn default_summary(plan: &PublishPlan, writes_table: bool) -> String {
    let mut parts = Vec::new();
    let rows = [
        (plan.rows_added, "Add"),
        (plan.rows_changed, "change"),
        (plan.rows_removed, "remove"),
    ];
    for (n, word) in rows.into_iter().filter(|_| writes_table) {
        if n > 0 {
            parts.push(format!("{word} {}", plural(n.into(), "row", "rows")));
        }
    }
    let text = if !parts.is_empty() {
        parts.join(", ")
    } else if plan.decisions > 0 {
        format!(
            "Add {}",
            plural(plan.decisions.into(), "decision", "decisions")
        )
    } else {
        "Update the project files".to_owned()
    };
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// The table that something else wrote, as the person saw it.
fn foreign_table(plan: Memo<Option<PublishPlan>>) -> Option<String> {
    plan.with_untracked(|plan| match &plan.as_ref()?.table {
        TableState::Foreign { oid, .. } => Some(oid.clone()),
        _ => None,
    })
}

/// What this browser can't account for, as the person saw it.
fn unknown(plan: Memo<Option<PublishPlan>>) -> Option<String> {
    plan.with_untracked(|plan| plan.as_ref()?.unknown.clone())
}

/// The form and the progress.
#[component]
pub(super) fn SendForm(
    /// There is no write access.
    only_pull_request: bool,
    /// The plan.
    plan: Memo<Option<PublishPlan>>,
    /// What was agreed to beyond it.
    consent: Consent,
    /// After a publish.
    on_done: Callback<()>,
) -> impl IntoView {
    let desk = use_desk();
    // As the card has them: whoever publishes next must not change what the others stated.
    let (stated_licence, stated_languages) = plan.with_untracked(|plan| {
        plan.as_ref()
            .map(|plan| (plan.license.clone(), plan.languages.clone()))
            .unwrap_or_default()
    });
    let licence = RwSignal::new(stated_licence.clone());
    let language_text = RwSignal::new(stated_languages.join(", "));
    let stated_languages = StoredValue::new(stated_languages);
    let read_languages =
        move |text: &str| stated_languages.with_value(|stated| languages(text, stated));
    let typed_summary: RwSignal<Option<String>> = RwSignal::new(None);
    let wants_pull_request = RwSignal::new(only_pull_request);
    let steps: RwSignal<Option<Steps>> = RwSignal::new(None);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let task = StoredValue::new(None);
    let bad_languages = Memo::new(move |_| language_text.with(|text| read_languages(text).1));
    let summary = Memo::new(move |_| {
        typed_summary.get().unwrap_or_else(|| {
            let agreed = (consent.drops_unknown.get(), consent.replaces_table.get());
            plan.with(|plan| {
                plan.as_ref()
                    .map(|plan| default_summary(plan, writes_table(plan, agreed.0, agreed.1)))
                    .unwrap_or_default()
            })
        })
    });
    let is_busy = Memo::new(move |_| steps.with(Option::is_some));
    let send = Callback::new(move |()| {
        if is_busy.get_untracked() || bad_languages.with_untracked(|bad| !bad.is_empty()) {
            return;
        }
        let languages = language_text.with_untracked(|text| read_languages(text).0);
        failure.set(None);
        // What was published before is no news beside what becomes of this.
        desk.publish_outcome().set(None);
        steps.set(Some(Steps::default()));
        let project = desk.project_id();
        let request = Request::Publish {
            project: project.clone(),
            summary: summary.get_untracked(),
            license: licence.get_untracked(),
            languages,
            as_pull_request: wants_pull_request.get_untracked(),
            drops_unknown: unknown(plan).filter(|_| consent.drops_unknown.get_untracked()),
            replaces_table: foreign_table(plan).filter(|_| consent.replaces_table.get_untracked()),
        };
        let running = desk.ask_streaming(request, move |progress| {
            if let Progress::Step { step, done, total } = progress {
                steps.try_update(|steps| {
                    if let Some(steps) = steps {
                        steps.hear(step, done, total);
                    }
                });
            }
        });
        task.set_value(Some(running.id()));
        desk.focus_soon("publish-steps");
        desk.spawn(async move {
            match running.await {
                Ok(Reply::Published(published)) => {
                    desk.publish_outcome()
                        .set(Some(Outcome { project, published }));
                    desk.say("Published.");
                    desk.focus_soon("published-title");
                    consent.clear();
                    on_done.try_run(());
                }
                Ok(_) => {
                    failure.try_set(Some(failure_of(
                        "The worker gave another answer than asked for.",
                    )));
                }
                Err(error) => {
                    let is_about_old_plan = error.kind == FailureKind::Conflict;
                    failure.try_set(Some(error));
                    if is_about_old_plan {
                        consent.clear();
                        on_done.try_run(());
                    }
                }
            }
            steps.try_set(None);
        });
    });
    let label = move || match (wants_pull_request.get(), consent.replaces_table.get()) {
        (true, _) => "Offer as a pull request",
        (false, true) => "Commit, and replace the table",
        (false, false) if consent.drops_unknown.get() => "Commit, and take the rows back",
        (false, false) => "Commit to the Hub",
    };
    view! {
        <form
            class="card send"
            aria-labelledby="send-title"
            on:submit=move |event| {
                event.prevent_default();
                send.run(());
            }
        >
            <h2 id="send-title">"Send it"</h2>
            <div class="field">
                <label for="send-summary">"Summary"</label>
                <input
                    id="send-summary"
                    type="text"
                    maxlength="200"
                    autocomplete="off"
                    prop:value=move || summary.get()
                    on:input:target=move |event| {
                        let text = event.target().value();
                        typed_summary.set((!text.trim().is_empty()).then_some(text));
                    }
                />
            </div>
            <div class="field-pair">
                <div class="field">
                    <label for="send-licence">"Licence"</label>
                    <select
                        id="send-licence"
                        aria-describedby="send-licence-hint"
                        on:change:target=move |event| licence.set(event.target().value())
                    >
                        {licences(&stated_licence)
                            .into_iter()
                            .map(|(id, name)| {
                                let selected = licence.with_untracked(|now| *now == id);
                                view! {
                                    <option value=id selected=selected>
                                        {name}
                                    </option>
                                }
                                    .into_any()
                            })
                            .collect::<Vec<_>>()}
                    </select>
                    <p class="hint" id="send-licence-hint">
                        "Without one, nobody knows whether they may use it. Mind the terms of the model that wrote the drafts."
                    </p>
                </div>
                <div class="field" class:invalid=move || bad_languages.with(|bad| !bad.is_empty())>
                    <label for="send-languages">"Languages"</label>
                    <input
                        id="send-languages"
                        type="text"
                        autocomplete="off"
                        spellcheck="false"
                        aria-describedby="send-languages-hint"
                        aria-invalid=move || bad_languages.with(|bad| !bad.is_empty()).to_string()
                        prop:value=move || language_text.get()
                        on:input:target=move |event| language_text.set(event.target().value())
                    />
                    <p id="send-languages-hint" class:hint=move || bad_languages.with(Vec::is_empty) class:error=move || bad_languages.with(|bad| !bad.is_empty())>
                        {move || {
                            bad_languages
                                .with(|bad| {
                                    if bad.is_empty() {
                                        "Two-letter codes of the languages the rows are in, for example en, de. Empty states none.".to_owned()
                                    } else {
                                        format!("Not a language code: {}.", bad.join(", "))
                                    }
                                })
                        }}
                    </p>
                </div>
            </div>
            {if only_pull_request {
                view! {
                    <p class="notice" role="note">
                        "You can't write to this repo. Your work is offered as a pull request; its owners decide."
                    </p>
                }
                    .into_any()
            } else {
                view! {
                    <label class="check">
                        <input
                            type="checkbox"
                            prop:checked=move || wants_pull_request.get()
                            on:change:target=move |event| wants_pull_request.set(event.target().checked())
                        />
                        <span>"Offer it as a pull request instead of committing right away"</span>
                    </label>
                }
                    .into_any()
            }}
            {move || {
                steps
                    .get()
                    .map(|steps| {
                        view! {
                            <div id="publish-steps" tabindex="-1" role="status" aria-live="polite">
                                {steps_view(steps)}
                            </div>
                        }
                            .into_any()
                    })
            }}
            {move || {
                failure
                    .get()
                    .map(|failure| publish_failure_view(&failure, wants_pull_request, send))
            }}
            <div class="actions">
                <button type="submit" class="btn primary big" aria-disabled=move || is_busy.get().to_string()>
                    {move || if is_busy.get() { "Sending…" } else { label() }}
                </button>
                {move || {
                    is_busy
                        .get()
                        .then(|| {
                            view! {
                                <button
                                    type="button"
                                    class="btn quiet"
                                    on:click=move |_| {
                                        if let Some(Some(id)) = task.try_get_value() {
                                            desk.cancel(id);
                                        }
                                    }
                                >
                                    "Stop"
                                </button>
                            }
                                .into_any()
                        })
                }}
            </div>
        </form>
    }
    .into_any()
}

fn publish_failure_view(
    failure: &Failure,
    wants_pull_request: RwSignal<bool>,
    send: Callback<()>,
) -> AnyView {
    let connect = use_connect();
    if failure.kind == FailureKind::Cancelled {
        return view! {
            <div class="notice" role="note">
                <p>"Stopped. If the commit had gone out already, “Look again” will show it."</p>
            </div>
        }
        .into_any();
    }
    let more = match failure.kind {
        FailureKind::Auth => Some(
            view! {
                <button type="button" class="btn" on:click=move |_| connect.open_sign_in()>
                    "Sign in again"
                </button>
            }
            .into_any(),
        ),
        FailureKind::Forbidden if !wants_pull_request.get_untracked() => Some(
            view! {
                <button
                    type="button"
                    class="btn"
                    on:click=move |_| {
                        wants_pull_request.set(true);
                        send.run(());
                    }
                >
                    "Offer a pull request instead"
                </button>
            }
            .into_any(),
        ),
        _ => None,
    };
    view! {
        {failure_view(failure, Some(send))}
        {more.map(|more| view! { <div class="actions">{more}</div> })}
    }
    .into_any()
}

/// What the last publish of this visit did.
#[component]
pub(super) fn LastResult() -> impl IntoView {
    let desk = use_desk();
    view! {
        {move || {
            desk.publish_outcome()
                .get()
                .filter(|outcome| outcome.project == desk.project_id())
                .map(|outcome| result_view(&outcome))
        }}
    }
    .into_any()
}

/// Title, what was done, and the name of the link.
fn said(published: &Published) -> (&'static str, String, &'static str) {
    let rows = plural(published.rows.into(), "row", "rows");
    match (published.pull_request, &published.commit) {
        (Some(number), _) => {
            let holds = if published.keeps_table {
                "It leaves the table as it is.".to_owned()
            } else {
                format!("The table in it holds {rows}.")
            };
            (
                "Offered",
                format!("Pull request #{number} waits for the owners. {holds}"),
                "See the pull request",
            )
        }
        (None, Some(commit)) => {
            let commit = commit.chars().take(7).collect::<String>();
            let holds = if published.keeps_table {
                "The table stays as it was.".to_owned()
            } else {
                format!("The table holds {rows} now.")
            };
            (
                "Published",
                format!("Commit {commit}. {holds}"),
                "See the commit",
            )
        }
        (None, None) => (
            "Nothing to commit",
            format!("The Hub had everything already: {rows}."),
            "See the repo",
        ),
    }
}

fn result_view(outcome: &Outcome) -> AnyView {
    let published = &outcome.published;
    let (title, text, link) = said(published);
    let url = published.url.clone();
    // What is offered is not there yet.
    let loading = published
        .loading
        .as_ref()
        .filter(|_| published.pull_request.is_none());
    let python_view = loading.map(|line| {
        let python = format!("from datasets import load_dataset\n\n{line}");
        view! {
            <p class="small">"Anyone with access loads it so:"</p>
            <pre class="snippet" tabindex="0" role="group" aria-label="Python">
                <code>{python}</code>
            </pre>
        }
        .into_any()
    });
    view! {
        <section class="card result" aria-labelledby="published-title">
            <h2 id="published-title" tabindex="-1">
                {title}
            </h2>
            <p>{text}</p>
            {python_view}
            <div class="actions">
                <a class="btn" href=url target="_blank" rel="noopener">
                    {link}
                </a>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_in_any_way_of_listing() {
        assert_eq!(languages("en, DE fr;en", &[]).0, ["en", "de", "fr"]);
        assert_eq!(languages("english e1", &[]).1, ["english", "e1"]);
        assert_eq!(languages(" , ", &[]).0, Vec::<String>::new());
    }

    #[test]
    fn what_the_card_states_is_kept_as_it_is() {
        let stated = ["zh-Hant".to_owned(), "de".to_owned()];
        let (good, bad) = languages("zh-Hant, de, EN", &stated);
        assert_eq!((good.join(" "), bad.len()), ("zh-Hant de en".to_owned(), 0));
        let has =
            |list: &[(String, String)], id: &str| list.iter().filter(|(at, _)| at == id).count();
        let list = licences("gpl-3.0");
        assert_eq!((has(&list, "gpl-3.0"), has(&list, "")), (1, 1));
        assert_eq!(has(&licences("mit"), "mit"), 1);
    }

    #[test]
    fn what_was_published_is_told_as_it_is_there() {
        let mut published = Published {
            commit: Some("0123456789".into()),
            rows: 1,
            ..Published::default()
        };
        assert_eq!(
            said(&published).1,
            "Commit 0123456. The table holds 1 row now."
        );
        published.keeps_table = true;
        assert_eq!(
            said(&published).1,
            "Commit 0123456. The table stays as it was."
        );
        published.pull_request = Some(3);
        assert!(
            said(&published)
                .1
                .ends_with("It leaves the table as it is.")
        );
    }

    #[test]
    fn the_summary_says_what_changes() {
        let plan = PublishPlan {
            rows_changed: 1,
            rows_removed: 2,
            ..PublishPlan::default()
        };
        assert_eq!(default_summary(&plan, true), "Change 1 row, remove 2 rows");
        let beside = PublishPlan {
            decisions: 3,
            ..plan
        };
        assert_eq!(default_summary(&beside, false), "Add 3 decisions");
        assert_eq!(
            default_summary(&PublishPlan::default(), true),
            "Update the project files"
        );
    }
}
