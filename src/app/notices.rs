//! Notices that concern everything: the worker is gone, work is kept in memory only, a newer build wrote the repo, signing in
//! failed, what an import brought.

use super::header::save_copy;
use crate::pages::desk::failure_view;
use crate::platform::page;
use crate::state::{Shell, use_shell};
use leptos::prelude::*;
use seedbed_core::messages::{Failure, ImportReport, Storage};

/// All that apply.
#[component]
pub(super) fn Notices() -> impl IntoView {
    let shell = use_shell();
    let volatile = Memo::new(move |_| {
        shell.storage.with(|storage| {
            storage
                .as_ref()
                .filter(|storage| !storage.is_durable)
                .cloned()
        })
    });
    let has_project = Memo::new(move |_| shell.project.with(Option::is_some));
    let needs_newer = Memo::new(move |_| {
        let hub = shell.desk.hub();
        hub.with(|hub| hub.as_ref().is_some_and(|hub| hub.needs_newer))
    });
    view! {
        <div class="notices">
            {move || shell.dead.get().map(|failure| dead_view(&failure))}
            {move || (shell.is_slow.get() && shell.dead.with(Option::is_none)).then(slow_view)}
            {move || {
                volatile.get().map(|storage| volatile_view(shell, &storage, has_project.get()))
            }}
            {move || shell.desk.read_only().get().map(|failure| read_only_view(shell, &failure))}
            {move || needs_newer.get().then(newer_repo_view)}
            {move || shell.sign_in_failure.get().map(|failure| sign_in_view(shell, &failure))}
            {move || shell.import_report.get().map(|report| report_view(shell, &report))}
        </div>
    }
    .into_any()
}

fn reload_action(class: &'static str) -> AnyView {
    view! {
        <div class="actions">
            <button type="button" class=class on:click=|_| page::reload()>
                "Reload the page"
            </button>
        </div>
    }
    .into_any()
}

fn dead_view(failure: &Failure) -> AnyView {
    view! {
        <div class="dead">
            {failure_view(failure, None)} {reload_action("btn primary")}
        </div>
    }
    .into_any()
}

fn slow_view() -> AnyView {
    view! {
        <div class="notice warn" role="status">
            <p>
                <strong>"Seedbed takes long to start."</strong>
            </p>
            <p>"It may be the connection. If nothing happens, reload the page."</p>
            {reload_action("btn small")}
        </div>
    }
    .into_any()
}

fn volatile_view(shell: Shell, storage: &Storage, has_project: bool) -> AnyView {
    let reason = storage.reason.clone().unwrap_or_default();
    view! {
        <div class="notice warn" role="note">
            <p>
                <strong>"Work is kept in this tab's memory only."</strong>
                " Closing or reloading the tab loses it. "
                {reason}
            </p>
            {has_project
                .then(|| {
                    view! {
                        <div class="actions">
                            <button
                                type="button"
                                class="btn small"
                                on:click=move |_| save_copy(shell)
                            >
                                "Save the project as a file"
                            </button>
                        </div>
                    }
                })}
        </div>
    }
    .into_any()
}

fn read_only_view(shell: Shell, failure: &Failure) -> AnyView {
    // What a newer build wrote stays as it is, and nothing is wrong with its seed.
    let is_newer = shell.project.with_untracked(|project| {
        project
            .as_ref()
            .is_some_and(|project| project.summary.is_newer_format)
    });
    let has_step = shell
        .desk
        .seed()
        .with(|seed| seed.as_ref().is_some_and(|seed| seed.can_undo));
    let can_undo = has_step && !is_newer;
    view! {
        <div>
            {failure_view(failure, None)} <div class="actions">
                <button type="button" class="btn small" on:click=move |_| save_copy(shell)>
                    "Save as a file"
                </button>
                {can_undo
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn small"
                                on:click=move |_| shell.undo_seed()
                            >
                                "Undo the last change of the seed"
                            </button>
                        }
                    })}
            </div>
        </div>
    }
    .into_any()
}

fn newer_repo_view() -> AnyView {
    view! {
        <div class="notice" role="note">
            <p>
                <strong>"A newer Seedbed wrote this project's repo. "</strong>
                "You can review here, and publish what you decide; the table and the card are left as they are. Reload the page to get the newer one."
            </p>
            {reload_action("btn small")}
        </div>
    }
    .into_any()
}

fn sign_in_view(shell: Shell, failure: &Failure) -> AnyView {
    view! {
        <div class="dismissable">
            {failure_view(failure, None)}
            {dismiss(Callback::new(move |()| shell.sign_in_failure.set(None)))}
        </div>
    }
    .into_any()
}

fn report_view(shell: Shell, report: &ImportReport) -> AnyView {
    let skipped = (report.skipped_total > 0).then(|| {
        let rest =
            report.skipped_total as usize - report.skipped.len().min(report.skipped_total as usize);
        let lines = report
            .skipped
            .iter()
            .map(|line| view! { <li>{line.clone()}</li> })
            .collect::<Vec<_>>();
        view! {
            <details class="more">
                <summary>{format!("{} left out", rows(report.skipped_total))}</summary>
                <ul>
                    {lines}
                    {(rest > 0).then(|| view! { <li>{format!("and {rest} more")}</li> })}
                </ul>
            </details>
        }
        .into_any()
    });
    view! {
        <div class="dismissable">
            <div class="notice" role="status">
                <p>{said_of(report)}</p>
                {skipped}
            </div>
            {dismiss(Callback::new(move |()| shell.import_report.set(None)))}
        </div>
    }
    .into_any()
}

fn dismiss(act: Callback<()>) -> AnyView {
    view! {
        <button type="button" class="btn quiet icon" aria-label="Dismiss" on:click=move |_| act.run(())>
            <span aria-hidden="true">"×"</span>
        </button>
    }
    .into_any()
}

fn rows(count: u32) -> String {
    if count == 1 {
        "1 row".to_owned()
    } else {
        format!("{count} rows")
    }
}

fn said_of(report: &ImportReport) -> String {
    let mut text = format!("Imported as {}.", report.kind);
    if report.rows > 0 {
        text = format!(
            "Imported as {}: {} taken in.",
            report.kind,
            rows(report.rows)
        );
    }
    if report.instructions > 0 {
        text.push(' ');
        text.push_str(&rows(report.instructions));
        text.push_str(if report.instructions == 1 {
            " without an answer became an instruction."
        } else {
            " without an answer became instructions."
        });
    }
    if report.known > 0 {
        text.push(' ');
        text.push_str(&rows(report.known));
        text.push_str(" were there already.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_says_what_came_and_what_was_known() {
        let mut report = ImportReport {
            kind: "a seed".into(),
            ..ImportReport::default()
        };
        assert_eq!(said_of(&report), "Imported as a seed.");
        report.kind = "rows (JSONL)".into();
        report.rows = 1;
        report.known = 3;
        assert_eq!(
            said_of(&report),
            "Imported as rows (JSONL): 1 row taken in. 3 rows were there already."
        );
    }
}
