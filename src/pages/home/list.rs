//! The projects on this machine.

use super::words::{ago, counted, days_left};
use crate::pages::desk::failure_view;
use crate::platform::page;
use crate::route::{Route, Step};
use crate::state::{Shell, use_shell};
use crate::ui::icon::{Icon, icon};
use leptos::prelude::*;
use seedbed_core::messages::ProjectSummary;

/// The list, or its place while it is read.
#[component]
pub(super) fn ProjectList() -> impl IntoView {
    let shell = use_shell();
    view! {
        <section class="projects" aria-labelledby="projects-title">
            <h2 id="projects-title">"Your projects"</h2>
            {move || {
                shell
                    .projects
                    .list()
                    .with(|list| match list {
                        None => {
                            view! {
                                <div class="projects-wait" aria-busy="true">
                                    <span class="sr-only">"Reading the list…"</span>
                                </div>
                            }
                                .into_any()
                        }
                        Some(Err(failure)) => {
                            failure_view(
                                failure,
                                Some(Callback::new(move |()| shell.projects.reload(shell))),
                            )
                        }
                        Some(Ok(projects)) => {
                            let rows = projects
                                .iter()
                                .filter(|project| project.deleted_ms.is_none())
                                .map(|project| row_view(shell, project))
                                .collect::<Vec<_>>();
                            view! { <ul class="project-list">{rows}</ul> }.into_any()
                        }
                    })
            }}
        </section>
    }
    .into_any()
}

fn row_view(shell: Shell, project: &ProjectSummary) -> AnyView {
    let name = name_of(project);
    // Where there are records, reading them is what one comes back for.
    let step = if project.records > 0 {
        Step::Review
    } else {
        Step::Seed
    };
    let title = view! {
        <a class="project-name" href=Route::project(&project.id, step).to_string()>
            {name.clone()}
        </a>
    };
    let about = if project.is_newer_format {
        "Written by a newer Seedbed. It can be looked at, and nothing in it is changed. Reload the page to get the newer one.".to_owned()
    } else {
        project.description.clone()
    };
    let repo = project
        .repo
        .clone()
        .map(|repo| view! { <span class="project-repo">{repo}</span> }.into_any());
    let facts =
        (!project.is_newer_format).then(|| view! { <span>{facts(project)}</span> }.into_any());
    let share = (project.records > 0).then(|| {
        let percent = u64::from(project.accepted) * 100 / u64::from(project.records);
        view! {
            <span class="project-share" aria-hidden="true">
                <span style:width=format!("{percent}%")></span>
            </span>
        }
        .into_any()
    });
    let delete = {
        let id = project.id.clone();
        let name = name.clone();
        move |_| {
            shell.projects.delete(shell, id.clone(), name.clone());
            // The row goes away with its button.
            page::focus_soon("#projects-title");
        }
    };
    view! {
        <li class="project" class:newer=project.is_newer_format>
            <div class="project-main">
                <p class="project-line">
                    {title}
                    {project
                        .is_example
                        .then(|| view! { <span class="tag">"Example"</span> }.into_any())}
                </p>
                {(!about.is_empty()).then(|| view! { <p class="project-about">{about}</p> })}
                <p class="project-facts">
                    {facts}
                    {repo}
                    <span>{format!("Changed {}", ago(project.updated_ms, page::now_ms() as u64))}</span>
                </p>
                {share}
            </div>
            {(!project.is_newer_format)
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="btn quiet icon project-delete"
                            aria-label=format!("Delete {name}")
                            title="Delete"
                            on:click=delete
                        >
                            {icon(Icon::Bin)}
                        </button>
                    }
                })}
        </li>
    }
    .into_any()
}

fn name_of(project: &ProjectSummary) -> String {
    match project.name.trim() {
        "" => "Untitled".to_owned(),
        name => name.to_owned(),
    }
}

/// What is in it, in one line.
fn facts(project: &ProjectSummary) -> String {
    if project.records == 0 {
        if project.prompts == 0 {
            return "Nothing generated yet".to_owned();
        }
        return format!(
            "{} kept, no answers yet",
            counted(project.prompts, "instruction", "instructions")
        );
    }
    let text = format!(
        "{} of {} accepted",
        project.accepted,
        counted(project.records, "record", "records")
    );
    if project.is_open {
        // Whoever has it open, or was closed in that moment, may be further.
        format!("{text}, or more by now")
    } else {
        text
    }
}

/// Deleted ones that can still be had back.
#[component]
pub(super) fn DeletedProjects() -> impl IntoView {
    let shell = use_shell();
    let deleted = Memo::new(move |_| {
        shell.projects.list().with(|list| match list {
            Some(Ok(projects)) => projects
                .iter()
                .filter_map(|project| {
                    let deleted_ms = project.deleted_ms?;
                    Some((project.id.clone(), name_of(project), deleted_ms))
                })
                .collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    });
    view! {
        {move || {
            let deleted = deleted.get();
            (!deleted.is_empty())
                .then(|| {
                    let count = deleted.len();
                    let rows = deleted
                        .into_iter()
                        .map(|(id, name, deleted_ms)| {
                            let left = days_left(deleted_ms, page::now_ms() as u64);
                            let label = format!("Restore {name}");
                            view! {
                                <li class="deleted-row">
                                    <span class="deleted-name">{name}</span>
                                    <span class="muted small">
                                        {if left == 1 {
                                            "gone for good within a day".to_owned()
                                        } else {
                                            format!("gone for good in {left} days")
                                        }}
                                    </span>
                                    <button
                                        type="button"
                                        class="btn small"
                                        aria-label=label
                                        on:click=move |_| {
                                            shell.projects.restore(shell, id.clone());
                                        }
                                    >
                                        "Restore"
                                    </button>
                                </li>
                            }
                                .into_any()
                        })
                        .collect::<Vec<_>>();
                    view! {
                        <details class="more deleted">
                            <summary>{format!("Recently deleted ({count})")}</summary>
                            <ul>{rows}</ul>
                        </details>
                    }
                        .into_any()
                })
        }}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_says_how_far_it_is() {
        let mut project = ProjectSummary::default();
        assert_eq!(facts(&project), "Nothing generated yet");
        assert_eq!(name_of(&project), "Untitled");
        project.prompts = 25;
        assert_eq!(facts(&project), "25 instructions kept, no answers yet");
        project.records = 25;
        project.accepted = 8;
        assert_eq!(facts(&project), "8 of 25 records accepted");
        project.is_open = true;
        assert_eq!(facts(&project), "8 of 25 records accepted, or more by now");
    }
}
