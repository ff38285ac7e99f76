//! Brand, the open project with the way to others, the steps, and who is signed in.

use crate::pages::connect::AccountMenu;
use crate::pages::home::words::counted;
use crate::platform::page;
use crate::route::{Route, Step};
use crate::state::{Shell, Toast, use_shell};
use crate::ui::icon::{Icon, icon};
use leptos::prelude::*;
use seedbed_core::messages::{ExportKind, PromptFilter, Request, RunPhase, Unsaved};

const MENU: &str = "project-menu";
const ONLY_HERE: &str = "only-here";
/// Other projects in the menu at most.
const RECENT: usize = 6;

/// The header.
#[component]
pub(super) fn Header() -> impl IntoView {
    let shell = use_shell();
    // Only another project draws this part anew, not each of its changes.
    let open = Memo::new(move |_| {
        shell
            .project
            .with(|project| project.as_ref().map(|project| project.summary.id.clone()))
    });
    view! {
        <header class="top" class:has-project=move || open.with(Option::is_some)>
            <div class="top-in">
                <a class="brand" href="#/" aria-label="All projects of Seedbed">
                    {icon(Icon::Sprout)}
                    <span class="brand-name">"Seedbed"</span>
                </a>
                {move || {
                    open.with(Option::is_some)
                        .then(|| view! { <ProjectMenu /> }.into_any())
                }}
                {move || open.get().map(|id| view! { <Steps id=id /> }.into_any())}
                <div class="top-end">
                    {move || open.get().map(|id| view! { <OnlyHere id=id /> }.into_any())}
                    <AccountMenu />
                </div>
            </div>
        </header>
    }
    .into_any()
}

/// Name of the project; opens the way to others and a copy to keep.
#[component]
fn ProjectMenu() -> impl IntoView {
    let shell = use_shell();
    let name = Memo::new(move |_| {
        shell.project.with(|project| {
            project
                .as_ref()
                .map(|project| match project.summary.name.trim() {
                    "" => "Untitled".to_owned(),
                    name => name.to_owned(),
                })
                .unwrap_or_default()
        })
    });
    let others = move || {
        let open = shell.desk.project_id();
        shell.projects.list().with(|list| match list {
            Some(Ok(projects)) => projects
                .iter()
                .filter(|project| project.deleted_ms.is_none() && project.id != open)
                .take(RECENT)
                .map(|project| {
                    view! {
                        <li>
                            <a
                                class="menu-item"
                                href=Route::project(&project.id, Step::Seed).to_string()
                                on:click=|_| page::hide_popover(MENU)
                            >
                                {project.name.clone()}
                            </a>
                        </li>
                    }
                    .into_any()
                })
                .collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    };
    view! {
        <div class="crumb">
            <span class="crumb-line" aria-hidden="true"></span>
            <button
                type="button"
                class="crumb-name"
                popovertarget=MENU
                aria-label=move || format!("Project {}, switch", name.get())
                on:click=move |_| shell.projects.reload(shell)
            >
                <span class="crumb-text">{move || name.get()}</span>
                {icon(Icon::Chevron)}
            </button>
            <div id=MENU class="menu" popover="auto">
                <ul>{others}</ul>
                <ul class="menu-foot">
                    <li>
                        <a class="menu-item" href="#/" on:click=|_| page::hide_popover(MENU)>
                            "All projects"
                        </a>
                    </li>
                    <li>
                        <button
                            type="button"
                            class="menu-item"
                            on:click=move |_| {
                                page::hide_popover(MENU);
                                save_copy(shell);
                            }
                        >
                            "Save a copy as a file"
                        </button>
                    </li>
                </ul>
            </div>
        </div>
    }
    .into_any()
}

/// Says how much work exists only in this browser, with the two ways out; nothing when there is none.
#[component]
fn OnlyHere(id: String) -> impl IntoView {
    let shell = use_shell();
    let unsaved = shell.unsaved;
    let publish = StoredValue::new(Route::project(&id, Step::Publish).to_string());
    let is_shown = Memo::new(move |_| unsaved.get() != Unsaved::default());
    let is_kept = move || {
        shell
            .storage
            .with(|storage| storage.as_ref().is_some_and(|storage| storage.is_persisted))
    };
    let view = move || {
        view! {
            <button
                type="button"
                class="btn quiet small only-here"
                class:at-risk=move || !is_kept()
                popovertarget=ONLY_HERE
                title="Work that exists only in this browser"
            >
                {move || short(unsaved.get().decisions.saturating_add(unsaved.get().records))}
                <span class="only-here-word">" only here"</span>
            </button>
            <div id=ONLY_HERE class="menu end" popover="auto">
                <p>{move || only_here(unsaved.get(), is_kept())}</p>
                <ul class="menu-foot">
                    <li>
                        <a
                            class="menu-item"
                            href=publish.get_value()
                            on:click=|_| page::hide_popover(ONLY_HERE)
                        >
                            "Publish"
                        </a>
                    </li>
                    <li>
                        <button
                            type="button"
                            class="menu-item"
                            on:click=move |_| {
                                page::hide_popover(ONLY_HERE);
                                save_copy(shell);
                            }
                        >
                            "Save a copy as a file"
                        </button>
                    </li>
                </ul>
            </div>
        }
    };
    move || is_shown.get().then(|| view().into_any())
}

/// What exists only here, and how safe it is.
fn only_here(unsaved: Unsaved, is_kept: bool) -> String {
    let parts: Vec<_> = [
        (unsaved.decisions, "decision", "decisions"),
        (unsaved.records, "record", "records"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| counted(count, one, many))
    .collect();
    let what = parts.join(" and ");
    let risk = if is_kept {
        "The browser has promised not to clear them away by itself."
    } else {
        "The browser has not promised to keep them, and may clear them away when space gets short."
    };
    format!("Only in this browser, since the last publish or file: {what}. {risk}")
}

/// Offers everything of the open project as one file.
pub(super) fn save_copy(shell: Shell) {
    let desk = shell.desk;
    desk.spawn(async move {
        let saved = desk.save_file(ExportKind::Bundle).await;
        shell.show_toast(match saved {
            Ok(name) => Toast::say(&format!("Saved {name}.")),
            Err(failure) => Toast::say(&failure.to_string()),
        });
    });
}

/// The steps, with numbers where there is something to do.
#[component]
fn Steps(id: String) -> impl IntoView {
    let shell = use_shell();
    let desk = shell.desk;
    // The answers are overheard by the shell like those to the pages.
    let _prompts = desk.live(
        move || {
            desk.prompts_revision().track();
            Some(Request::ListPrompts {
                project: desk.project_id(),
                filter: PromptFilter::default(),
                offset: 0,
                limit: 0,
            })
        },
        |_| None::<()>,
    );
    let _records = desk.live(
        move || {
            desk.records_revision().track();
            Some(Request::RecordCounts {
                project: desk.project_id(),
            })
        },
        |_| None::<()>,
    );
    let current = Memo::new(move |_| shell.route.with(Route::step));
    let links = Step::ALL
        .into_iter()
        .map(|step| {
            let number = Memo::new(move |_| number(shell, step));
            view! {
                <li>
                    <a
                        class="step-link"
                        href=Route::project(&id, step).to_string()
                        aria-current=move || (current.get() == Some(step)).then_some("page")
                        on:click=move |_| {
                            // The address stays as it is, and so would the focus.
                            if current.get_untracked() == Some(step) {
                                page::begin_at_heading();
                            }
                        }
                    >
                        <span class="step-name">{step.name()}</span>
                        {move || {
                            number
                                .get()
                                .map(|(text, meaning)| {
                                    view! {
                                        <span class="step-count" aria-hidden="true">
                                            {text}
                                        </span>
                                        <span class="sr-only">{format!(", {meaning}")}</span>
                                    }
                                })
                        }}
                    </a>
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <nav class="steps-nav" aria-label="Steps">
            <ol>{links}</ol>
        </nav>
    }
    .into_any()
}

/// A short number for the eye and what it means for the ear.
fn number(shell: Shell, step: Step) -> Option<(String, String)> {
    let counts = shell.counts.get();
    match step {
        Step::Prompts => counts
            .kept
            .filter(|kept| *kept > 0)
            .map(|kept| (short(kept), format!("{kept} kept"))),
        Step::Generate => shell.desk.run().with(|run| {
            run.as_ref()
                .filter(|run| matches!(run.phase, RunPhase::Running | RunPhase::Pausing))
                .map(|run| {
                    let done = u64::from(run.done + run.failed);
                    let percent = (done * 100)
                        .checked_div(u64::from(run.planned))
                        .unwrap_or(0);
                    (format!("{percent} %"), format!("run at {percent} percent"))
                })
        }),
        Step::Review => counts
            .pending
            .filter(|pending| *pending > 0)
            .map(|pending| (short(pending), format!("{pending} to decide"))),
        Step::Seed | Step::Publish => None,
    }
}

/// At most four characters.
fn short(count: u32) -> String {
    match count {
        0..1000 => count.to_string(),
        1000..10_000 => format!("{}.{}k", count / 1000, count % 1000 / 100),
        10_000..1_000_000 => format!("{}k", count / 1000),
        _ => format!("{}M", count / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::{only_here, short};
    use seedbed_core::messages::Unsaved;

    #[test]
    fn what_exists_only_here_is_named_with_how_safe_it_is() {
        let unsaved = |decisions, records| Unsaved { decisions, records };
        assert_eq!(
            only_here(unsaved(1, 2000), true),
            "Only in this browser, since the last publish or file: 1 decision and 2,000 records. \
             The browser has promised not to clear them away by itself."
        );
        let text = only_here(unsaved(0, 1), false);
        assert!(text.contains(": 1 record. ") && text.contains("has not promised"));
    }

    #[test]
    fn large_numbers_stay_short() {
        let shown = [0, 999, 1000, 9999, 10_000, 100_000, 2_500_000].map(short);
        assert_eq!(shown, ["0", "999", "1.0k", "9.9k", "10k", "100k", "2M"]);
    }
}
