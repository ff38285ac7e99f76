//! The plan of a publish, in words and tables.

use crate::pages::desk::Desk;
use crate::pages::generate::words::{count, plural};
use leptos::prelude::*;
use seedbed_core::messages::{
    ChangeKind, FileChange, PublishPlan, RowChange, SyncReport, TableState,
};

/// What the person has agreed to beyond the plan as it stands.
#[derive(Clone, Copy)]
pub(super) struct Consent {
    /// Rows that this browser can't account for go from the table.
    pub drops_unknown: RwSignal<bool>,
    /// A table that something else wrote is replaced.
    pub replaces_table: RwSignal<bool>,
}

impl Default for Consent {
    fn default() -> Self {
        Self {
            drops_unknown: RwSignal::new(false),
            replaces_table: RwSignal::new(false),
        }
    }
}

impl Consent {
    /// Any of them.
    pub(super) fn is_given(self) -> bool {
        self.drops_unknown.get() || self.replaces_table.get()
    }

    /// None of them.
    pub(super) fn clear(self) {
        self.drops_unknown.try_set(false);
        self.replaces_table.try_set(false);
    }
}

/// Whether the table is written, given what was agreed to.
pub(super) fn writes_table(plan: &PublishPlan, drops_unknown: bool, replaces_table: bool) -> bool {
    let is_foreign = matches!(plan.table, TableState::Foreign { .. });
    !plan.sync.needs_newer
        && ((plan.unknown_rows == 0 && plan.unknown_parts == 0) || drops_unknown)
        && (!is_foreign || replaces_table)
}

/// The plan.
pub(super) fn plan_view(
    desk: Desk,
    plan: &PublishPlan,
    consent: Consent,
    fetch: Callback<()>,
) -> AnyView {
    let sync = sync_view(&plan.sync);
    let kept = [
        foreign_view(plan, consent),
        unknown_view(plan, consent, fetch),
        unbacked_view(desk, plan),
        notes_view(plan),
    ];
    if let Some(reason) = &plan.blocked {
        return view! {
            {sync}
            {kept.into_iter().flatten().collect::<Vec<_>>()}
            <div class="notice warn" role="note">
                <p>{reason.clone()}</p>
                <div class="actions">
                    <a class="btn" href=desk.href("review")>"Go to the review"</a>
                </div>
            </div>
        }
        .into_any();
    }
    let is_held = plan.sends_parts_only;
    if plan.is_empty && is_held {
        return view! {
            {sync}
            {kept.into_iter().flatten().collect::<Vec<_>>()}
            <p class="headline">"Nothing else is new."</p>
        }
        .into_any();
    }
    if plan.is_empty {
        return view! {
            {sync}
            {kept.into_iter().flatten().collect::<Vec<_>>()}
            <p class="headline">"The Hub has everything already."</p>
            <p class="muted">
                {format!("{} in the table. Review more records, and they will show up here.", plural(plan.rows_total.into(), "row", "rows"))}
            </p>
        }
        .into_any();
    }
    let whole = plan.clone();
    let writes = Memo::new(move |_| {
        writes_table(
            &whole,
            consent.drops_unknown.get(),
            consent.replaces_table.get(),
        )
    });
    let whole = plan.clone();
    view! {
        {sync}
        {kept.into_iter().flatten().collect::<Vec<_>>()}
        {move || {
            if writes.get() {
                view! {
                    <p class="headline">{headline(&whole)}</p>
                    <p>{also(&whole, "Along with it go")}</p>
                    {rows_view(&whole.sample, &whole)}
                }
                    .into_any()
            } else {
                view! {
                    <p class="headline">"The table stays as it is."</p>
                    <p>{also(&whole, "Beside it go")}</p>
                }
                    .into_any()
            }
        }}
        {files_view(&plan.files)}
        {visibility_view(desk)}
    }
    .into_any()
}

/// A box to agree by.
fn agree_view(id: &'static str, agreed: RwSignal<bool>, label: String) -> AnyView {
    view! {
        <label class="check" for=id>
            <input
                type="checkbox"
                id=id
                prop:checked=move || agreed.get()
                on:change:target=move |event| agreed.set(event.target().checked())
            />
            <span>{label}</span>
        </label>
    }
    .into_any()
}

/// Rows of the table that nobody here can account for.
fn unknown_view(plan: &PublishPlan, consent: Consent, fetch: Callback<()>) -> Option<AnyView> {
    if plan.unknown_rows == 0 && plan.unknown_parts == 0 {
        return None;
    }
    let (headline, agreed) = if plan.unknown_rows > 0 {
        let rows = plural(plan.unknown_rows.into(), "row", "rows");
        (
            format!(
                "{rows} of the table can't be accounted for here: their records or decisions have not reached this browser."
            ),
            format!("Take the {rows} back from the table. Old versions of the repo keep them."),
        )
    } else {
        let parts = plural(plan.unknown_parts.into(), "file", "files");
        (
            format!("{parts} that the table was made from can't be read here."),
            "Write the table anew without them. Old versions of the repo keep the present one."
                .to_owned(),
        )
    };
    Some(
        view! {
            <div class="notice warn" role="note">
                <p>
                    <strong>{headline}</strong>
                </p>
                <p>
                    "Without it this browser can't tell which rows belong. The table is left as it is; only your records, instructions and decisions are sent, beside it."
                </p>
                <div class="actions">
                    <button type="button" class="btn small" on:click=move |_| fetch.run(())>
                        "Fetch what is missing"
                    </button>
                </div>
                <details class="more">
                    <summary>"They are gone for good"</summary>
                    {agree_view(
                        "drop-unknown",
                        consent.drops_unknown,
                        agreed,
                    )}
                </details>
            </div>
        }
        .into_any(),
    )
}

/// A table that something else wrote.
fn foreign_view(plan: &PublishPlan, consent: Consent) -> Option<AnyView> {
    let TableState::Foreign { size_bytes, .. } = &plan.table else {
        return None;
    };
    let what = format!(
        "The table that stands there ({}) is not the one that Seedbed wrote last.",
        size_text(*size_bytes)
    );
    Some(
        view! {
            <div class="notice warn" role="note">
                <p>
                    <strong>{what}</strong>
                </p>
                <p>
                    "A script or a person has put it there. It is left alone; only your records, instructions and decisions are sent, beside it."
                </p>
                <details class="more">
                    <summary>"It may be replaced"</summary>
                    {agree_view(
                        "replace-table",
                        consent.replaces_table,
                        format!(
                            "Replace it by the table of this project, with {}. Old versions of the repo keep the present one.",
                            plural(plan.rows_total.into(), "row", "rows"),
                        ),
                    )}
                </details>
            </div>
        }
        .into_any(),
    )
}

/// Rows accepted by decisions of a file.
fn unbacked_view(desk: Desk, plan: &PublishPlan) -> Option<AnyView> {
    if plan.unbacked_rows == 0 {
        return None;
    }
    let text = if plan.unbacked_rows == 1 {
        "1 row is accepted only by decisions that came with a file, and nobody can tell who wrote them. It is not published. Accept it yourself, and it will be.".to_owned()
    } else {
        format!(
            "{} rows are accepted only by decisions that came with a file, and nobody can tell who wrote them. They are not published. Accept them yourself, and they will be.",
            count(plan.unbacked_rows.into())
        )
    };
    Some(
        view! {
            <div class="notice" role="note">
                <p>{text}</p>
                <div class="actions">
                    <a class="btn small" href=desk.href("review")>"Go to the review"</a>
                </div>
            </div>
        }
        .into_any(),
    )
}

/// What is good to know about the card, and about a repo that an older build rewrote.
fn notes_view(plan: &PublishPlan) -> Option<AnyView> {
    let mut notes = plan.card_notes.clone();
    if plan.was_overwritten {
        notes.push(
            "An older Seedbed has rewritten this repo since. Nothing in its parts is lost; what it left out is written anew with the next commit."
                .to_owned(),
        );
    }
    if notes.is_empty() {
        return None;
    }
    let lines = notes
        .into_iter()
        .map(|note| view! { <p>{note}</p> }.into_any())
        .collect::<Vec<_>>();
    Some(view! { <div class="notice" role="note">{lines}</div> }.into_any())
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

fn also(plan: &PublishPlan, begin: &str) -> String {
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
        format!("{begin} {}.", parts.join(" and "))
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
        let total = sync.problems_total.max(sync.problems.len() as u32);
        let rest = total - sync.problems.len() as u32;
        let lines = sync
            .problems
            .iter()
            .map(|line| view! { <li>{line.clone()}</li> }.into_any())
            .collect::<Vec<_>>();
        view! {
            <details class="more">
                <summary>
                    {plural(total.into(), "thing there could not be read", "things there could not be read")}
                </summary>
                <ul>
                    {lines}
                    {(rest > 0).then(|| view! { <li>{format!("and {} more", count(rest.into()))}</li> })}
                </ul>
                <p class="small">
                    "They are left as they are, and are read again each time. If a newer Seedbed wrote them, reload the page to get it."
                </p>
            </details>
        }
        .into_any()
    });
    let newer = sync.needs_newer.then(|| {
        view! {
            <p>
                <strong>"A newer Seedbed wrote this repo. "</strong>
                "This one reads it and adds records and decisions, and rewrites nothing there. Reload the page to get the newer one."
            </p>
        }
        .into_any()
    });
    let all: Vec<_> = [came, newer, differs, people, problems]
        .into_iter()
        .flatten()
        .collect();
    let is_warning = sync.needs_newer || !sync.problems.is_empty();
    (!all.is_empty()).then(|| {
        view! {
            <div class="notice" class:warn=is_warning role="note">
                {all}
            </div>
        }
        .into_any()
    })
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
        assert_eq!(
            also(&same, "Along with it go"),
            "Along with it go 2 decisions of yours."
        );
    }

    #[test]
    fn a_table_that_is_not_wholly_ours_is_written_only_by_consent() {
        let mut plan = PublishPlan::default();
        assert!(writes_table(&plan, false, false));
        plan.unknown_rows = 5;
        assert!(!writes_table(&plan, false, true));
        assert!(writes_table(&plan, true, false));
        plan.table = TableState::Foreign {
            oid: "a".into(),
            size_bytes: 1,
        };
        assert!(!writes_table(&plan, true, false));
        assert!(writes_table(&plan, true, true));
        plan.sync.needs_newer = true;
        assert!(!writes_table(&plan, true, true));
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(
            [10, 2_000, 5_400_000].map(size_text),
            ["10 bytes", "2 KB", "5.1 MB"]
        );
    }
}
