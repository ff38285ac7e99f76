//! What a dataset of the Hub offers to be taken: its configs and splits, and the rest a person should know.

use super::take::take_in;
use super::words;
use crate::pages::desk::{failure_of, failure_view, use_desk};
use crate::pages::generate::words::plural;
use crate::state::{enter_made, use_shell};
use leptos::prelude::*;
use seedbed_core::import::{ConfigLook, DatasetLook, SplitLook, TableSource};
use seedbed_core::messages::{Failure, FailureKind, Reply, Request};

/// The list, and the way to a table.
#[component]
pub(super) fn DatasetView(repo: String) -> impl IntoView {
    let desk = use_desk();
    let look: RwSignal<Option<Result<DatasetLook, Failure>>> = RwSignal::new(None);
    let name = repo.clone();
    let list = Callback::new(move |()| {
        let request = Request::ListTables { repo: repo.clone() };
        look.set(None);
        desk.spawn(async move {
            let answer = match desk.ask(request).await {
                Ok(Reply::Tables(found)) => found.open(),
                Ok(_) => Err(failure_of("The worker gave another answer than asked for.")),
                Err(failure) => Err(failure),
            };
            look.try_set(Some(answer));
        });
    });
    list.run(());
    view! {
        <p class="table-name" dir="auto">
            <strong>{name}</strong>
        </p>
        {move || match look.get() {
            None => view! { <p class="muted" role="status">"Looking at what it holds…"</p> }.into_any(),
            Some(Err(failure)) => failure_view(&failure, Some(list)),
            Some(Ok(look)) => view! { <Offered look=look /> }.into_any(),
        }}
    }
    .into_any()
}

/// A split that can be chosen.
#[derive(Clone)]
struct Choice {
    source: TableSource,
    label: String,
}

#[component]
fn Offered(look: DatasetLook) -> impl IntoView {
    let desk = use_desk();
    let shell = use_shell();
    let is_one_config = look.configs.len() == 1;
    let choices: Vec<Choice> = look
        .configs
        .iter()
        .flat_map(|config| config.splits.iter().map(move |split| (config, split)))
        .filter(|(_, split)| split.is_table())
        .map(|(config, split)| choice(&look, config, split, is_one_config))
        .collect();
    let chosen = RwSignal::new(0_usize);
    let is_busy = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let radios = choices
        .iter()
        .enumerate()
        .map(|(at, choice)| {
            view! {
                <label class="check">
                    <input
                        type="radio"
                        name="dataset-split"
                        prop:checked=move || chosen.get() == at
                        on:change=move |_| chosen.set(at)
                    />
                    <span dir="auto">{choice.label.clone()}</span>
                </label>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let has_any = !choices.is_empty();
    let choices = StoredValue::new(choices);
    let go_on = move |_| {
        let source = choices.with_value(|choices| {
            let choice = choices.get(chosen.get_untracked())?;
            Some(choice.source.clone())
        });
        let Some(source) = source.filter(|_| !is_busy.get_untracked()) else {
            return;
        };
        is_busy.set(true);
        failure.set(None);
        // What comes of it outlives this list, which the table's own questions replace.
        desk.spawn(async move {
            let taken = match take_in(desk, source, None).await {
                Ok(Some(reply)) => {
                    shell.desk.tables().close();
                    enter_made(shell, reply, None)
                }
                Ok(None) => Err(failure_of("This file is no table.")),
                Err(failure) => Err(failure),
            };
            is_busy.try_set(false);
            if let Err(why) = taken
                && why.kind != FailureKind::Cancelled
            {
                failure.try_set(Some(why));
            }
        });
    };
    let about = about(&look);
    let notes = look
        .notes
        .iter()
        .map(|note| view! { <li dir="auto">{note.clone()}</li> }.into_any())
        .collect::<Vec<_>>();
    view! {
        <p class="muted" dir="auto">{about}</p>
        {(!notes.is_empty()).then(|| view! { <ul class="notice small table-notes">{notes}</ul> }.into_any())}
        {look.lack.as_ref().map(|lack| failure_view(lack, None))}
        {has_any
            .then(|| {
                view! {
                    <fieldset class="table-question">
                        <legend>"Which part"</legend>
                        {radios}
                    </fieldset>
                    <div class="actions table-foot">
                        <button
                            type="button"
                            class="btn primary"
                            aria-disabled=move || is_busy.get().to_string()
                            on:click=go_on
                        >
                            {move || if is_busy.get() { "Looking at its rows…" } else { "Look at its rows" }}
                        </button>
                    </div>
                }
                    .into_any()
            })}
        {move || failure.get().map(|failure| failure_view(&failure, None))}
    }
    .into_any()
}

fn choice(
    look: &DatasetLook,
    config: &ConfigLook,
    split: &SplitLook,
    is_one_config: bool,
) -> Choice {
    let name = if is_one_config {
        split.name.clone()
    } else {
        format!("{} · {}", config.name, split.name)
    };
    let rows = split
        .rows
        .map(|rows| format!("{}, ", plural(rows, "row", "rows")))
        .unwrap_or_default();
    Choice {
        label: format!("{name} ({rows}{})", words::size(split.bytes())),
        source: TableSource::Hub {
            repo: look.repo.clone(),
            revision: look.revision.clone(),
            paths: split.files.iter().map(|file| file.path.clone()).collect(),
            config: if is_one_config {
                String::new()
            } else {
                config.name.clone()
            },
            split: split.name.clone(),
            title: look.title.clone().unwrap_or_default(),
        },
    }
}

fn about(look: &DatasetLook) -> String {
    let mut parts = Vec::new();
    if let Some(title) = &look.title {
        parts.push(title.clone());
    }
    parts.push(match look.licenses.as_slice() {
        [] => "It states no licence.".to_owned(),
        licences => format!("Licence: {}.", licences.join(", ")),
    });
    if let Some(before) = &look.renamed_from {
        parts.push(format!("{before} is called {} now.", look.repo));
    }
    if look.private {
        parts.push("Others can't see it.".to_owned());
    }
    parts.join(" ")
}
