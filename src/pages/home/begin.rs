//! The ways to begin: the example, a name, a file, a repo on the Hub.

use crate::pages::desk::failure_view;
use crate::platform::files;
use crate::route::{Route, Step};
use crate::state::{Deed, Shell, use_shell};
use crate::ui::icon::{Icon, icon};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, FailureKind, Request};

fn failure_of_deed(deed: Deed) -> impl Fn() -> Option<AnyView> {
    move || deed.failure().map(|failure| failure_view(&failure, None))
}

/// The example, ready to be touched.
#[component]
pub(super) fn ExampleCard() -> impl IntoView {
    let shell = use_shell();
    let deed = Deed::default();
    let open = move |_| {
        deed.run(async move {
            shell
                .projects
                .make(shell, Request::CreateExample, Some(Step::Seed))
                .await
        });
    };
    view! {
        <section class="card begin-card example-card" aria-labelledby="begin-example">
            <div class="example-text">
                <h3 id="begin-example">"Look at an example first"</h3>
                <p>
                    "A little project with a seed, instructions, and answers that wait for your decisions. Change whatever you like; it is your own copy."
                </p>
                {failure_of_deed(deed)}
                <div class="actions">
                    <button
                        type="button"
                        class="btn primary big"
                        aria-disabled=move || deed.is_busy().to_string()
                        on:click=open
                    >
                        {move || if deed.is_busy() { "Opening…" } else { "Open the example" }}
                        {icon(Icon::Arrow)}
                    </button>
                </div>
            </div>
            {bed_view()}
        </section>
    }
    .into_any()
}

/// A picture of what grows: a bed of topics by perspectives, some cells with more in them than others.
fn bed_view() -> AnyView {
    const ROWS: [&str; 5] = ["23123", "31232", "12313", "32021", "20310"];
    let cells = ROWS
        .iter()
        .enumerate()
        .flat_map(|(row, levels)| {
            levels.bytes().enumerate().map(move |(column, level)| {
                let class = match level {
                    b'3' => "bed-3",
                    b'2' => "bed-2",
                    b'1' => "bed-1",
                    _ => "bed-0",
                };
                view! {
                    <rect
                        class=class
                        x=(column * 24 + 2).to_string()
                        y=(row * 24 + 2).to_string()
                        width="20"
                        height="20"
                        rx="5"
                    />
                }
                .into_any()
            })
        })
        .collect::<Vec<_>>();
    view! {
        <svg class="bed" viewBox="0 0 120 120" aria-hidden="true" focusable="false">
            {cells}
        </svg>
    }
    .into_any()
}

/// A new, empty project.
#[component]
pub(super) fn BeginNew() -> impl IntoView {
    let shell = use_shell();
    let deed = Deed::default();
    let name = RwSignal::new(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        if name.is_empty() {
            deed.refuse(Failure::new(
                FailureKind::Invalid,
                "A project needs the name of its field, for example “Beekeeping”.",
            ));
            crate::platform::page::focus_soon("#new-name");
            return;
        }
        deed.run(async move {
            shell
                .projects
                .make(shell, Request::CreateProject { name }, Some(Step::Seed))
                .await
        });
    };
    view! {
        <section class="card begin-card" aria-labelledby="begin-new">
            <span class="begin-mark">{icon(Icon::Plus)}</span>
            <h3 id="begin-new">"Start from nothing"</h3>
            <p>"Name your field; everything else can be filled in and changed as you go."</p>
            <form class="begin-form" on:submit=submit>
                <div class="field">
                    <label for="new-name">"Name of the field"</label>
                    <input
                        id="new-name"
                        type="text"
                        maxlength="120"
                        autocomplete="off"
                        placeholder="Alpine dairy farming"
                        prop:value=move || name.get()
                        on:input:target=move |event| {
                            name.set(event.target().value());
                            deed.clear();
                        }
                    />
                </div>
                <button type="submit" class="btn" aria-disabled=move || deed.is_busy().to_string()>
                    {move || if deed.is_busy() { "Making it…" } else { "Create the project" }}
                </button>
            </form>
            {failure_of_deed(deed)}
        </section>
    }
    .into_any()
}

/// Begins a project from a file.
pub fn import_file(shell: Shell, file: web_sys::File) {
    shell.import.run(async move {
        let reply = shell.desk.read_file(&file, None).await?;
        crate::state::enter_made(shell, reply, None)
    });
}

/// A project from a file.
#[component]
pub(super) fn BeginFromFile() -> impl IntoView {
    let shell = use_shell();
    let deed = shell.import;
    deed.clear();
    view! {
        <section class="card begin-card" aria-labelledby="begin-file">
            <span class="begin-mark">{icon(Icon::File)}</span>
            <h3 id="begin-file">"From a file"</h3>
            <p>"A table (CSV, JSON, Parquet), a seed_data.json, or a project saved here."</p>
            <label class="file-drop" class:busy=move || deed.is_busy()>
                <input
                    type="file"
                    class="sr-only"
                    accept=files::TABLES
                    aria-label="Choose a file to import"
                    on:change=move |event| {
                        if let Some(file) = files::take_chosen(&event) {
                            import_file(shell, file);
                        }
                    }
                />
                <span class="btn" aria-hidden="true">
                    {move || if deed.is_busy() { "Reading…" } else { "Choose a file" }}
                </span>
                <span class="muted small">"or drop it anywhere on this page"</span>
            </label>
            {failure_of_deed(deed)}
        </section>
    }
    .into_any()
}

/// A project from a dataset repo.
#[component]
pub(super) fn BeginFromHub() -> impl IntoView {
    let shell = use_shell();
    let text = RwSignal::new(String::new());
    let deed = Deed::default();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        match Route::repo_of(&text.get_untracked()) {
            Some(repo) => shell.open_repo(repo, Step::Seed),
            None => {
                deed.refuse(Failure::new(
                    FailureKind::Invalid,
                    "That is not the name of a dataset repo. It looks like owner/name, or paste the address of its page.",
                ));
                crate::platform::page::focus_soon("#hub-repo");
            }
        }
    };
    view! {
        <section class="card begin-card" aria-labelledby="begin-hub">
            <span class="begin-mark">{icon(Icon::Download)}</span>
            <h3 id="begin-hub">"From the Hub"</h3>
            <p>
                "Go on with a dataset that was published from Seedbed: seed, answers and everyone's decisions come with it."
            </p>
            <form class="begin-form" on:submit=submit>
                <div class="field">
                    <label for="hub-repo">"Dataset repo or link"</label>
                    <input
                        id="hub-repo"
                        type="text"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        placeholder="owner/name"
                        prop:value=move || text.get()
                        on:input:target=move |event| {
                            text.set(event.target().value());
                            deed.clear();
                        }
                    />
                </div>
                <button type="submit" class="btn">"Open the repo"</button>
            </form>
            {failure_of_deed(deed)}
        </section>
    }
    .into_any()
}
