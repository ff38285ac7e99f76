//! The seed as the file that the original tool reads and writes, and files that are taken in.

use super::draft::read_file;
use super::editor::Editor;
use crate::pages::desk::{Desk, failure_of, failure_view, use_desk};
use crate::pages::generate::words::{count, plural};
use crate::platform::files::take_chosen;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, ImportReport, Reply};

/// Name of the file.
const NAME: &str = "seed_data.json";

/// The text of the file, to be read, edited and applied.
#[component]
pub(super) fn FileView(editor: Editor) -> impl IntoView {
    let desk = editor.desk;
    let exported = Memo::new(move |_| editor.draft.with(|draft| draft.seed().export()));
    let text = RwSignal::new(exported.get_untracked());
    let is_edited = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    // Changes from elsewhere (undo) show, but never over something typed.
    Effect::new(move |_| {
        let exported = exported.get();
        if !is_edited.get_untracked() {
            text.set(exported);
        }
    });
    let error = Memo::new(move |_| {
        if !is_edited.get() {
            return None;
        }
        editor
            .draft
            .with(|draft| text.with(|text| read_file(draft.seed(), text)))
            .err()
            .map(|error| error.to_string())
    });
    let apply = move |_| {
        let read = editor
            .draft
            .with_untracked(|draft| text.with_untracked(|text| read_file(draft.seed(), text)));
        if let (true, Ok(seed)) = (is_edited.get_untracked(), read) {
            editor.put(seed);
            is_edited.set(false);
            text.set(exported.get_untracked());
            desk.say("Applied. Undo brings the former seed back.");
        }
    };
    let save = move |_| {
        let outcome = desk.save_text(NAME, "application/json", &exported.get_untracked());
        match outcome {
            Ok(()) => desk.say("Saved seed_data.json."),
            Err(error) => failure.set(Some(error)),
        }
    };
    view! {
        <section class="card seed-card" aria-labelledby="file-title">
            <div class="card-head">
                <h2 id="file-title">{NAME}</h2>
                <div class="actions">
                    <button type="button" class="btn small" on:click=save>
                        "Download"
                    </button>
                    <ImportFile
                        label="Import a file"
                        accept=crate::platform::files::TABLES
                        before=Callback::new(move |()| editor.flush())
                    />
                </div>
            </div>
            <p class="hint" id="file-hint">
                "The seed in the form the original tool reads and writes. Keys that Seedbed does not know are kept as they came."
            </p>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <textarea
                class="seed-file"
                aria-labelledby="file-title"
                aria-describedby="file-hint file-error"
                aria-invalid=move || error.with(Option::is_some).to_string()
                spellcheck="false"
                autocomplete="off"
                rows="24"
                prop:value=move || text.get()
                on:input:target=move |event| {
                    text.set(event.target().value());
                    is_edited.set(true);
                }
            ></textarea>
            <p class="error" id="file-error">
                {move || error.get().map(|error| format!("This can't be applied: {error}."))}
            </p>
            <div class="actions">
                <button
                    type="button"
                    class="btn primary"
                    aria-disabled=move || {
                        (!is_edited.get() || error.with(Option::is_some)).to_string()
                    }
                    on:click=apply
                >
                    "Apply"
                </button>
                <button
                    type="button"
                    class="btn quiet"
                    aria-disabled=move || (!is_edited.get()).to_string()
                    on:click=move |_| {
                        is_edited.set(false);
                        text.set(exported.get_untracked());
                    }
                >
                    "Put back"
                </button>
                <p class="muted small">
                    {move || is_edited.get().then_some("Not applied yet.")}
                </p>
            </div>
        </section>
    }
    .into_any()
}

/// What an import did, in a sentence.
fn report_text(report: &ImportReport) -> String {
    let mut parts = vec![format!("Taken in as {}.", report.kind)];
    if report.rows > 0 {
        let rows = plural(report.rows.into(), "row", "rows");
        parts.push(format!("{rows} added."));
    }
    if report.known > 0 {
        let known = plural(report.known.into(), "row was", "rows were");
        parts.push(format!("{known} there already."));
    }
    if report.instructions > 0 {
        let rows = plural(
            report.instructions.into(),
            "row has no answer: it is an instruction now.",
            "rows have no answer: they are instructions now.",
        );
        parts.push(rows);
    }
    if report.skipped_total > 0 {
        parts.push(format!("{} left out.", count(report.skipped_total.into())));
    }
    parts.join(" ")
}

/// How far an import is.
#[derive(Clone, Debug, Default, PartialEq)]
enum Import {
    #[default]
    None,
    Reading,
    Done(ImportReport),
    Failed(Failure),
}

async fn import(desk: Desk, file: web_sys::File) -> Result<ImportReport, Failure> {
    match desk.read_file(&file, Some(desk.project_id())).await? {
        Reply::Imported { project, report } => {
            desk.set_project(*project);
            desk.prompts_changed();
            Ok(report)
        }
        _ => Err(failure_of("The worker gave another answer than asked for.")),
    }
}

/// A button that takes a file into the open project, and what came of it.
#[component]
pub(crate) fn ImportFile(
    /// On the button.
    label: &'static str,
    /// What the file dialog offers.
    accept: &'static str,
    /// Runs first, so that what was typed is saved before it may be replaced.
    #[prop(default = Callback::new(|()| {}))]
    before: Callback<()>,
) -> impl IntoView {
    let desk = use_desk();
    let state = RwSignal::new(Import::None);
    view! {
        <label class="btn small file-button">
            {move || if state.get() == Import::Reading { "Reading…" } else { label }}
            <input
                type="file"
                class="sr-only"
                accept=accept
                on:change=move |event| {
                    let Some(file) = take_chosen(&event) else {
                        return;
                    };
                    before.run(());
                    state.set(Import::Reading);
                    desk.spawn(async move {
                        let next = match import(desk, file).await {
                            Ok(report) => {
                                desk.say(&report_text(&report));
                                Import::Done(report)
                            }
                            Err(failure) => Import::Failed(failure),
                        };
                        state.try_set(next);
                    });
                }
            />
        </label>
        {move || match state.get() {
            Import::Done(report) => {
                let skipped = (!report.skipped.is_empty())
                    .then(|| {
                        let lines = report
                            .skipped
                            .iter()
                            .map(|line| view! { <li dir="auto">{line.clone()}</li> }.into_any())
                            .collect::<Vec<_>>();
                        view! {
                            <details class="more">
                                <summary>"What was left out"</summary>
                                <ul class="small">{lines}</ul>
                            </details>
                        }
                            .into_any()
                    });
                Some(
                    view! {
                        <div class="notice import-report">
                            <p>{report_text(&report)}</p>
                            {skipped}
                        </div>
                    }
                        .into_any(),
                )
            }
            Import::Failed(failure) => Some(failure_view(&failure, None)),
            Import::None | Import::Reading => None,
        }}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_says_what_came_in_and_what_did_not() {
        let seed = ImportReport {
            kind: "a seed".into(),
            ..ImportReport::default()
        };
        assert_eq!(report_text(&seed), "Taken in as a seed.");
        let rows = ImportReport {
            kind: "rows".into(),
            rows: 1_200,
            known: 1,
            instructions: 412,
            skipped: vec!["line 3: no answer".into()],
            skipped_total: 7,
        };
        assert_eq!(
            report_text(&rows),
            "Taken in as rows. 1,200 rows added. 1 row was there already. 412 rows have no answer: they are instructions now. 7 left out."
        );
    }
}
