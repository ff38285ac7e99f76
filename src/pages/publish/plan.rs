//! The plan of a publish, in words and tables.

use crate::pages::desk::Desk;
use crate::pages::generate::words::{count, plural};
use leptos::prelude::*;
use seedbed_core::messages::{ChangeKind, FileChange, PublishPlan, RowChange, SyncReport};

/// The plan.
pub(super) fn plan_view(desk: Desk, plan: &PublishPlan) -> AnyView {
    let sync = sync_view(&plan.sync);
    if let Some(reason) = &plan.blocked {
        return view! {
            {sync}
            <div class="notice warn" role="note">
                <p>{reason.clone()}</p>
                <div class="actions">
                    <a class="btn" href=desk.href("review")>"Go to the review"</a>
                </div>
            </div>
        }
        .into_any();
    }
    if plan.is_empty {
        return view! {
            {sync}
            <p class="headline">"The Hub has everything already."</p>
            <p class="muted">
                {format!("{} in the table. Review more records, and they will show up here.", plural(plan.rows_total.into(), "row", "rows"))}
            </p>
        }
        .into_any();
    }
    view! {
        {sync}
        <p class="headline">{headline(plan)}</p>
        <p>{also(plan)}</p>
        {rows_view(&plan.sample, plan)}
        {files_view(&plan.files)}
        {visibility_view(desk)}
    }
    .into_any()
}

fn headline(plan: &PublishPlan) -> String {
    let mut parts = Vec::new();
    if plan.rows_added > 0 {
        parts.push(format!("{} new", count(plan.rows_added.into())));
    }
    if plan.rows_changed > 0 {
        parts.push(format!("{} changed", count(plan.rows_changed.into())));
    }
    if plan.rows_removed > 0 {
        parts.push(format!("{} removed", count(plan.rows_removed.into())));
    }
    let total = plural(plan.rows_total.into(), "row", "rows");
    if parts.is_empty() {
        format!("The table keeps its {total}.")
    } else {
        format!("The table will hold {total}: {}.", parts.join(", "))
    }
}

fn also(plan: &PublishPlan) -> String {
    let mut parts = Vec::new();
    if plan.records > 0 {
        parts.push(plural(
            plan.records.into(),
            "generated record",
            "generated records",
        ));
    }
    if plan.decisions > 0 {
        parts.push(plural(
            plan.decisions.into(),
            "decision of yours",
            "decisions of yours",
        ));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("Along with it go {}.", parts.join(" and "))
    }
}

/// What the sync before the plan brought.
pub(super) fn sync_view(sync: &SyncReport) -> Option<AnyView> {
    let mut came = Vec::new();
    if sync.records > 0 {
        came.push(plural(sync.records.into(), "record", "records"));
    }
    if sync.decisions > 0 {
        came.push(plural(sync.decisions.into(), "decision", "decisions"));
    }
    if sync.prompts > 0 {
        came.push(plural(sync.prompts.into(), "instruction", "instructions"));
    }
    let came = (!came.is_empty()).then(|| {
        view! { <p>{format!("Others had added {}; they are here now.", came.join(", "))}</p> }
            .into_any()
    });
    let people = (sync.reviewers.len() > 1).then(|| {
        view! { <p class="muted small">{format!("Reviewers so far: {}", sync.reviewers.join(", "))}</p> }
            .into_any()
    });
    let differs = sync.seed_differs.then(|| {
        view! {
            <p>
                "The seed on the Hub is another one than yours. Yours was kept, and will replace it with the next commit."
            </p>
        }
        .into_any()
    });
    let problems = (!sync.problems.is_empty()).then(|| {
        let lines = sync
            .problems
            .iter()
            .map(|line| view! { <li>{line.clone()}</li> }.into_any())
            .collect::<Vec<_>>();
        view! {
            <details class="more">
                <summary>
                    {plural(sync.problems.len() as u64, "line could not be read", "lines could not be read")}
                </summary>
                <ul>{lines}</ul>
            </details>
        }
        .into_any()
    });
    if came.is_none() && people.is_none() && differs.is_none() && problems.is_none() {
        return None;
    }
    Some(
        view! {
            <div class="notice" role="note">
                {came} {differs} {people} {problems}
            </div>
        }
        .into_any(),
    )
}

fn change_view(change: ChangeKind) -> AnyView {
    let (class, label) = match change {
        ChangeKind::Added => ("mark added", "New"),
        ChangeKind::Changed => ("mark changed", "Changed"),
        ChangeKind::Removed => ("mark removed", "Removed"),
    };
    view! { <span class=class>{label}</span> }.into_any()
}

fn rows_view(sample: &[RowChange], plan: &PublishPlan) -> Option<AnyView> {
    if sample.is_empty() {
        return None;
    }
    let all = plan.rows_added + plan.rows_changed + plan.rows_removed;
    let title = if sample.len() as u32 >= all {
        format!("The {}", plural(all.into(), "row", "rows"))
    } else {
        format!("{} of {} rows", sample.len(), count(all.into()))
    };
    let rows = sample
        .iter()
        .map(|row| {
            view! {
                <li class="row-change">
                    {change_view(row.change)}
                    <div class="row-texts">
                        <p class="row-instruction" dir="auto">
                            {row.instruction.clone()}
                        </p>
                        <p class="row-response" dir="auto">
                            {row.response.clone()}
                        </p>
                    </div>
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    Some(
        view! {
            <details class="more" open=true>
                <summary>{title}</summary>
                <ul class="row-changes">{rows}</ul>
            </details>
        }
        .into_any(),
    )
}

fn files_view(files: &[FileChange]) -> AnyView {
    let rows = files
        .iter()
        .map(|file| {
            view! {
                <tr>
                    <td>{change_view(file.change)}</td>
                    <td>
                        <code>{file.path.clone()}</code>
                        <span class="file-what">{file.what.clone()}</span>
                    </td>
                    <td class="file-size">{file.size_bytes.map(size_text)}</td>
                </tr>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <details class="more">
            <summary>{plural(files.len() as u64, "file", "files")}</summary>
            <table class="files">
                <thead class="sr-only">
                    <tr>
                        <th scope="col">"Change"</th>
                        <th scope="col">"File"</th>
                        <th scope="col">"Size"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </details>
    }
    .into_any()
}

/// Bytes for people.
pub(super) fn size_text(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}

/// Who will be able to read what.
fn visibility_view(desk: Desk) -> AnyView {
    let is_private = desk
        .hub()
        .with(|hub| hub.as_ref().is_some_and(|hub| hub.private));
    let name = desk
        .account()
        .with(|account| account.as_ref().map(|account| account.name.clone()))
        .unwrap_or_default();
    if is_private {
        return view! {
            <div class="notice" role="note">
                <p>
                    <strong>"Private repo. "</strong>
                    "Only you and the people you give access can read it."
                </p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="notice warn" role="note">
            <p>
                <strong>"Public repo. "</strong>
                {format!(
                    "Anyone can read all of it, and old versions stay readable: the accepted rows, \
                     the seed with your expert definition, all instructions and generated records (rejected ones too), \
                     and every decision with the name {name}. Keys and tokens are never part of it, drafts neither.",
                )}
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_names_only_what_changes() {
        let plan = PublishPlan {
            rows_total: 24,
            rows_added: 10,
            rows_removed: 1,
            ..PublishPlan::default()
        };
        assert_eq!(
            headline(&plan),
            "The table will hold 24 rows: 10 new, 1 removed."
        );
        let same = PublishPlan {
            rows_total: 1,
            decisions: 2,
            ..PublishPlan::default()
        };
        assert_eq!(headline(&same), "The table keeps its 1 row.");
        assert_eq!(also(&same), "Along with it go 2 decisions of yours.");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(
            [10, 2_000, 5_400_000].map(size_text),
            ["10 bytes", "2 KB", "5.1 MB"]
        );
    }
}
