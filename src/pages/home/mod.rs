//! Home: what Seedbed is in a glance, the projects on this machine, and the ways to begin one.

mod begin;
mod list;
pub mod words;

pub use begin::import_file;

use crate::route::Step;
use crate::state::use_shell;
use crate::ui::icon::{Icon, icon};
use begin::{BeginFromFile, BeginFromHub, BeginNew, ExampleCard};
use leptos::prelude::*;
use list::{DeletedProjects, ProjectList};

/// Says that there were projects at the last visit, so that their place is kept while the list is read.
const HAS_PROJECTS: &str = "seedbed:has-projects";

/// The page.
#[component]
pub fn HomePage() -> impl IntoView {
    let shell = use_shell();
    let expects_projects = shell
        .desk
        .local_get(HAS_PROJECTS)
        .is_some_and(|mark| !mark.is_empty());
    // How many there are; `None` while that is not known.
    let count = Memo::new(move |_| {
        shell.projects.list().with(|list| match list {
            None => None,
            Some(Ok(projects)) => Some(
                projects
                    .iter()
                    .filter(|project| project.deleted_ms.is_none())
                    .count(),
            ),
            Some(Err(_)) => Some(0),
        })
    });
    Effect::new(move |_| {
        if let Some(count) = count.get() {
            shell
                .desk
                .local_set(HAS_PROJECTS, if count > 0 { "1" } else { "" });
        }
    });
    let is_returning = Memo::new(move |_| count.get().map_or(expects_projects, |count| count > 0));
    let has_example = Memo::new(move |_| shell.projects.example().is_some());
    view! {
        <div class="page home" class:returning=move || is_returning.get()>
            <header class="hero">
                <h1 tabindex="-1">"Grow a dataset from what you know"</h1>
                <p class="lead">
                    "Describe your field, and a model drafts questions and answers as your expert. You read, mend and decide. What you accept becomes a dataset on Hugging Face."
                </p>
                <p class="hero-note">"Everything runs in this tab. No account needed to begin."</p>
            </header>
            {move || is_returning.get().then(|| view! { <ProjectList /> }.into_any())}
            <section class="begin" aria-labelledby="begin-title">
                <h2 id="begin-title">
                    {move || if is_returning.get() { "Begin another" } else { "Begin" }}
                </h2>
                <div class="begin-grid">
                    {move || (!has_example.get()).then(|| view! { <ExampleCard /> }.into_any())}
                    <BeginNew />
                    <BeginFromFile />
                    <BeginFromHub />
                </div>
            </section>
            {move || (!is_returning.get()).then(how_view)}
            <DeletedProjects />
            <DropHint />
        </div>
    }
    .into_any()
}

/// The five steps.
fn how_view() -> AnyView {
    let steps = [
        (Icon::Seed, Step::Seed, "Say what an expert of your field knows: topics, points of view, a few good answers."),
        (Icon::Grid, Step::Prompts, "A model drafts questions for each topic and view. Keep the ones that deserve an answer."),
        (Icon::Answer, Step::Generate, "The model you choose answers them. See cost and time before anything is asked."),
        (Icon::Check, Step::Review, "Read one after another, mend the wording, accept or discard, by keyboard if you like."),
        (Icon::Upload, Step::Publish, "One commit puts the rows you accepted on the Hub, ready for training."),
    ]
    .into_iter()
    .map(|(mark, step, text)| {
        view! {
            <li>
                <span class="how-mark">{icon(mark)}</span>
                <h3>{step.name()}</h3>
                <p>{text}</p>
            </li>
        }
        .into_any()
    })
    .collect::<Vec<_>>();
    view! {
        <section class="how" aria-labelledby="how-title">
            <h2 id="how-title">"How it goes"</h2>
            <ol class="how-list">{steps}</ol>
        </section>
    }
    .into_any()
}

/// Shown while a file is held over the page.
#[component]
fn DropHint() -> impl IntoView {
    let shell = use_shell();
    view! {
        {move || {
            shell
                .is_dragging
                .get()
                .then(|| {
                    view! {
                        <div class="drop-hint" aria-hidden="true">
                            <p>{icon(Icon::File)} "Drop the file to begin a project from it"</p>
                        </div>
                    }
                })
        }}
    }
    .into_any()
}
