//! Text fields of the seed, and what is found wrong beside them.

use super::editor::Editor;
use leptos::prelude::*;
use seedbed_core::seed::{Finding, Seed, Severity};

/// Findings of one field; blockers and advice look different and say which they are.
pub(super) fn findings_view(findings: &[Finding]) -> AnyView {
    findings
        .iter()
        .map(|finding| {
            let (class, kind) = match finding.severity {
                Severity::Blocker => ("finding blocker", "Needed"),
                Severity::Advice => ("finding advice", "Tip"),
            };
            view! {
                <p class=class>
                    <span class="finding-kind">{kind}</span>
                    " "
                    {finding.text.clone()}
                </p>
            }
            .into_any()
        })
        .collect::<Vec<_>>()
        .into_any()
}

/// Findings of the field as a whole.
pub(super) fn field_findings(editor: Editor, field: &'static str) -> Memo<Vec<Finding>> {
    Memo::new(move |_| {
        editor.findings.with(|findings| {
            findings
                .iter()
                .filter(|finding| finding.field == field && finding.index.is_none())
                .cloned()
                .collect()
        })
    })
}

/// Whether one of them blocks.
pub(super) fn blocks(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Blocker)
}

/// A text of the seed.
#[component]
pub(super) fn TextField(
    editor: Editor,
    /// Name in [`Finding::field`]; merge key of its saves.
    field: &'static str,
    label: &'static str,
    hint: &'static str,
    /// Lines of a large field; a single line else.
    #[prop(default = 1)]
    lines: u32,
    get: fn(&Seed) -> &str,
    set: fn(&mut Seed, String),
) -> impl IntoView {
    let id = format!("seed-{field}");
    let value = Memo::new(move |_| editor.draft.with(|draft| get(draft.seed()).to_owned()));
    let findings = field_findings(editor, field);
    let type_in = move |text: String| editor.type_in(field, |seed| set(seed, text));
    let described = format!("{id}-hint {id}-findings");
    let is_wrong = move || findings.with(|findings| blocks(findings)).to_string();
    let input = if lines > 1 {
        view! {
            <textarea
                id=id.clone()
                class="grow"
                rows=lines.to_string()
                style:min-height=format!("calc({lines}lh + 16px)")
                dir="auto"
                aria-describedby=described
                aria-invalid=is_wrong
                prop:value=move || value.get()
                on:input:target=move |event| type_in(event.target().value())
                on:blur=move |_| editor.flush()
            ></textarea>
        }
        .into_any()
    } else {
        view! {
            <input
                id=id.clone()
                type="text"
                dir="auto"
                autocomplete="off"
                aria-describedby=described
                aria-invalid=is_wrong
                prop:value=move || value.get()
                on:input:target=move |event| type_in(event.target().value())
                on:blur=move |_| editor.flush()
            />
        }
        .into_any()
    };
    view! {
        <div class="field" class:invalid=move || findings.with(|findings| blocks(findings))>
            <label for=id.clone()>{label}</label>
            {input}
            <p class="hint" id=format!("{id}-hint")>
                {hint}
            </p>
            <div class="findings" id=format!("{id}-findings")>
                {move || findings.with(|findings| findings_view(findings))}
            </div>
        </div>
    }
    .into_any()
}
