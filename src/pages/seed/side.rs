//! Beside the form: whether the seed is ready, how large the grid is, and the way on.

use super::editor::Editor;
use super::fields::blocks;
use crate::pages::generate::words::plural;
use leptos::prelude::*;
use seedbed_core::seed::{Finding, Seed, Severity};

/// `5 topics × 5 perspectives`, and the number of cells.
fn grid_size(seed: &Seed) -> (String, usize) {
    let cells = seed.cells().len();
    let topics = plural(seed.topics.len() as u64, "topic", "topics");
    let text = if seed.perspectives.is_empty() {
        topics
    } else {
        format!(
            "{topics} × {}",
            plural(
                seed.perspectives.len() as u64,
                "perspective",
                "perspectives"
            )
        )
    };
    (text, cells)
}

/// What a field is called.
fn field_name(field: &str) -> &'static str {
    match field {
        "domain" => "Domain",
        "description" => "What the dataset is for",
        "expert_prompt" => "The expert",
        "topics" => "Topics",
        "perspectives" => "Perspectives",
        _ => "Examples",
    }
}

/// Where the focus goes to mend a finding.
fn target(editor: Editor, finding: &Finding) -> String {
    let row = |rows: Option<u32>, field: &str| {
        rows.map_or_else(|| format!("{field}-add"), |id| format!("{field}-{id}"))
    };
    match finding.field.as_str() {
        "topics" => row(
            finding
                .index
                .and_then(|at| editor.topics.with_untracked(|rows| rows.at(at))),
            "topics",
        ),
        "perspectives" => row(
            finding
                .index
                .and_then(|at| editor.perspectives.with_untracked(|rows| rows.at(at))),
            "perspectives",
        ),
        "examples" => finding
            .index
            .and_then(|at| editor.examples.with_untracked(|rows| rows.at(at)))
            .map_or_else(
                || "examples-title".to_owned(),
                |id| format!("example-{id}-question"),
            ),
        field => format!("seed-{field}"),
    }
}

/// The panel.
#[component]
pub(super) fn Side(editor: Editor) -> impl IntoView {
    let desk = editor.desk;
    let size = Memo::new(move |_| editor.draft.with(|draft| grid_size(draft.seed())));
    let hash = Memo::new(move |_| {
        desk.seed().with(|seed| {
            seed.as_ref()
                .map(|seed| seed.hash.chars().take(8).collect::<String>())
                .unwrap_or_default()
        })
    });
    let stale = Memo::new(move |_| {
        desk.seed()
            .with(|seed| seed.as_ref().map_or(0, |seed| seed.stale_records))
    });
    let is_ready = Memo::new(move |_| editor.findings.with(|findings| !blocks(findings)));
    view! {
        <aside class="seed-side" aria-label="State of the seed">
            <section class="card seed-card" aria-labelledby="seed-ready-title">
                <h2 id="seed-ready-title">
                    {move || if is_ready.get() { "Ready for instructions" } else { "Before you go on" }}
                </h2>
                {move || editor.findings.with(|findings| checklist(editor, findings))}
                <p class="grid-size">
                    {move || size.with(|(text, _)| text.clone())}
                    <strong>
                        {move || size.with(|(_, cells)| format!(" = {}", plural(*cells as u64, "cell", "cells")))}
                    </strong>
                </p>
                <a
                    class="btn next"
                    class:primary=move || is_ready.get()
                    href=desk.href("prompts")
                >
                    "Next: Prompts"
                </a>
                <p class="muted small">
                    {move || {
                        if is_ready.get() {
                            "There the model drafts instructions for each cell, and you choose."
                        } else {
                            "You can look ahead; drafting waits for what is needed here."
                        }
                    }}
                </p>
            </section>
            {move || {
                let stale = stale.get();
                (stale > 0)
                    .then(|| {
                        view! {
                            <div class="notice" role="note">
                                <p>
                                    {format!(
                                        "Of {}, something they stand on has changed since. They stay as they are; Review can show only those.",
                                        plural(stale.into(), "answer", "answers"),
                                    )}
                                </p>
                            </div>
                        }
                            .into_any()
                    })
            }}
            <p class="muted small seed-hash">
                "Seed "
                <code title="A fingerprint of everything that shapes prompts and answers. Each answer keeps the one it was made under.">
                    {move || hash.get()}
                </code>
            </p>
        </aside>
    }
    .into_any()
}

fn checklist(editor: Editor, findings: &[Finding]) -> AnyView {
    let items = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Blocker)
        .take(6)
        .map(|finding| {
            let target = target(editor, finding);
            view! {
                <li>
                    <button
                        type="button"
                        class="link"
                        on:click=move |_| editor.desk.focus_on(target.clone())
                    >
                        {field_name(&finding.field)}
                    </button>
                    <span class="muted small" dir="auto">{finding.text.clone()}</span>
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let tips = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Advice)
        .count();
    let tips = (tips > 0).then(|| {
        view! {
            <p class="muted small">
                {format!("{} beside the fields.", plural(tips as u64, "tip", "tips"))}
            </p>
        }
        .into_any()
    });
    let list = (!items.is_empty())
        .then(|| view! { <ul class="checklist" role="list">{items}</ul> }.into_any());
    view! {
        {list}
        {tips}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_sized_with_and_without_perspectives() {
        let mut seed = Seed {
            topics: vec!["soil".into(), "water".into()],
            ..Seed::default()
        };
        assert_eq!(grid_size(&seed), ("2 topics".to_owned(), 2));
        seed.perspectives = vec!["economic".into()];
        assert_eq!(grid_size(&seed), ("2 topics × 1 perspective".to_owned(), 2));
    }
}
