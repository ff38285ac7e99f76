//! Files to keep or to take elsewhere.

use crate::pages::desk::{failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::messages::{ExportKind, Failure};

/// Files: kind, button, what it is.
const FILES: [(ExportKind, &str, &str); 5] = [
    (
        ExportKind::AcceptedRows,
        "Accepted rows",
        "JSONL: one row a line with messages, ready for a trainer",
    ),
    (
        ExportKind::AllRecords,
        "All records",
        "JSONL: every record with its state and provenance",
    ),
    (
        ExportKind::Bundle,
        "Whole project",
        "One file with everything; Seedbed opens it again",
    ),
    (
        ExportKind::Seed,
        "Seed",
        "seed_data.json, as the original tool reads it",
    ),
    (
        ExportKind::Params,
        "Run settings",
        "pipeline_params.json, as the original tool reads it",
    ),
];

/// The section.
#[component]
pub(super) fn ExportFiles() -> impl IntoView {
    let desk = use_desk();
    let busy: RwSignal<Option<ExportKind>> = RwSignal::new(None);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let save = move |kind: ExportKind| {
        if busy.get_untracked().is_some() {
            return;
        }
        busy.set(Some(kind));
        failure.set(None);
        desk.spawn(async move {
            match desk.save_file(kind).await {
                Ok(name) => desk.say(&format!("Saved {name}.")),
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            busy.try_set(None);
        });
    };
    let rows = FILES
        .iter()
        .map(|(kind, label, hint)| {
            let kind = *kind;
            let hint_id = format!("export-{kind:?}");
            view! {
                <li class="export-file">
                    <div>
                        <p class="export-name">{*label}</p>
                        <p class="muted small" id=hint_id.clone()>
                            {*hint}
                        </p>
                    </div>
                    <button
                        type="button"
                        class="btn"
                        aria-describedby=hint_id
                        aria-disabled=move || busy.get().is_some().to_string()
                        on:click=move |_| save(kind)
                    >
                        {move || if busy.get() == Some(kind) { "Writing…" } else { "Save" }}
                        <span class="sr-only">{format!(" {label}")}</span>
                    </button>
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <section class="card export" aria-labelledby="export-title">
            <h2 id="export-title" tabindex="-1">
                "Save files"
            </h2>
            <p class="muted">"No account needed. Files are made on this machine and go nowhere else."</p>
            <ul class="export-list">{rows}</ul>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
        </section>
    }
    .into_any()
}
