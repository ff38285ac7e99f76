//! The record that is read: instruction and answer, or the turns of a conversation, each with its editor and live
//! diff; colleagues' answers, provenance.

use super::form::{Field, first_asked, last_answered, state_label};
use super::keys::{Action, key_of};
use super::state::{Review, editor_id};
use crate::pages::desk::Desk;
use crate::pages::generate::words::{count, plural};
use crate::ui::diff::diff_view;
use crate::ui::formula::Mode;
use crate::ui::formula::find::cut;
use crate::ui::markdown::parse;
use leptos::prelude::*;
use leptos::tachys::view::keyed::keyed;
use seedbed_core::messages::{OtherResponse, RecordView};
use seedbed_core::model::{FinishReason, Role};
use seedbed_core::record::{Field as Content, Source};
use seedbed_core::record::{INSTRUCTION, RESPONSE};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_core::turns::Turn;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a text of the record looks like now.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    generated: String,
    edited: Option<String>,
    /// What was generated is no text, and nothing that this build can show.
    is_unknown: bool,
}

/// The article.
#[component]
pub(super) fn RecordArticle(review: Review) -> impl IntoView {
    view! {
        <article class="record" id="record" tabindex="-1" aria-label="Record">
            {move || review.shown.get().map(|row| head_view(&row))}
            <Parts review=review />
            {move || review.shown.get().and_then(|row| others_view(review, &row))}
            <Provenance review=review />
        </article>
    }
    .into_any()
}

fn head_view(row: &RecordView) -> AnyView {
    let cell = &row.record.cell;
    let place = [cell.topic.as_str(), cell.perspective.as_str()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" · ");
    let mine = row.mine.as_ref().map(|mine| {
        let (class, text) = my_mark(mine);
        view! { <span class=format!("mark {class}")>{text}</span> }.into_any()
    });
    let state = (!row.others.is_empty() || row.mine.is_none()).then(|| {
        let class = format!("mark state-{}", row.state.as_str());
        view! { <span class=class>{state_label(row.state)}</span> }.into_any()
    });
    let stale = row.is_stale.then(|| {
        view! {
            <span class="mark stale" title="The seed has changed since this was generated">
                "Older seed"
            </span>
        }
        .into_any()
    });
    let flags = row
        .record
        .provenance
        .flags
        .iter()
        .map(|flag| {
            let text = crate::pages::generate::flags_text(std::slice::from_ref(flag));
            view! { <span class="mark flag">{text}</span> }.into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <div class="record-head">
            <p class="record-cell">{place}</p>
            <p class="record-marks">{mine} {state} {stale} {flags}</p>
        </div>
    }
    .into_any()
}

fn my_mark(mine: &Response) -> (&'static str, String) {
    match (mine.status, mine.quality()) {
        (ResponseStatus::Draft, _) => ("draft", "Your draft".to_owned()),
        (ResponseStatus::Discarded, _) => (
            "discarded",
            match &mine.reason {
                Some(reason) => format!("You discarded it: {reason}"),
                None => "You discarded it".to_owned(),
            },
        ),
        (ResponseStatus::Submitted, Some(Quality::Good)) => ("good", "You: good".to_owned()),
        (ResponseStatus::Submitted, _) => ("bad", "You: bad".to_owned()),
        (ResponseStatus::Unknown, _) => ("draft", "You answered in a newer Seedbed".to_owned()),
    }
}

/// Instruction and answer, or the turns of a conversation: the instruction is one of them.
#[component]
fn Parts(review: Review) -> impl IntoView {
    let roles = Memo::new(move |_| {
        review.shown.with(|shown| {
            let row = shown.as_ref()?;
            let turns = review.form.with(|form| {
                if form.record == row.record.id {
                    form.turns(&row.record)
                } else {
                    row.record.fields.turns(RESPONSE)
                }
            })?;
            Some(turns.iter().map(|turn| turn.role).collect::<Vec<_>>())
        })
    });
    (move || match roles.get() {
        None => view! {
            <TextPart review=review part=Part::of(Field::Instruction) />
            <TextPart review=review part=Part::of(Field::Response) />
        }
        .into_any(),
        Some(roles) => turns_view(review, &roles),
    })
    .into_any()
}

/// A conversation, a turn after another.
fn turns_view(review: Review, roles: &[Role]) -> AnyView {
    // Where the keys lead that edit the instruction and the answer of other records.
    let turns: Vec<Turn> = roles
        .iter()
        .map(|role| Turn {
            role: *role,
            text: String::new(),
        })
        .collect();
    let (asked, answered) = (first_asked(&turns), last_answered(&turns));
    let parts = roles
        .iter()
        .enumerate()
        .map(|(at, role)| {
            let part = Part {
                field: Field::Turn(at),
                title: role_name(*role),
                of: Some(roles.len()),
                role: Some(*role),
                key: if at == answered {
                    Some(Action::EditResponse)
                } else if at == asked {
                    Some(Action::EditInstruction)
                } else {
                    None
                },
            };
            view! {
                <li>
                    <TextPart review=review part=part />
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <section class="part" aria-labelledby="part-turns">
            <div class="part-head">
                <h2 id="part-turns">"Conversation"</h2>
                <span class="muted small">{plural(roles.len() as u64, "turn", "turns")}</span>
                <span class="part-tools">{plain_button(review)}</span>
            </div>
            // Without its marks a list is none to some screen readers, unless it says so.
            <ol class="turns" role="list">
                {parts}
            </ol>
        </section>
    }
    .into_any()
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "System",
        Role::User => "User",
        Role::Assistant => "Assistant",
    }
}

fn plain_button(review: Review) -> AnyView {
    view! {
        <button
            type="button"
            class="btn quiet small"
            aria-pressed=move || review.is_plain.get().to_string()
            aria-keyshortcuts=key_of(Action::Plain)
            on:click=move |_| review.act(Action::Plain)
        >
            "Plain text"
            {key_view(review, Action::Plain)}
        </button>
    }
    .into_any()
}

/// What a part of a record is.
#[derive(Clone, Copy)]
struct Part {
    field: Field,
    title: &'static str,
    /// The turns of its conversation.
    of: Option<usize>,
    /// Who speaks, in a conversation.
    role: Option<Role>,
    /// The key that edits it.
    key: Option<Action>,
}

impl Part {
    fn of(field: Field) -> Self {
        let (title, key) = match field {
            Field::Instruction => ("Instruction", Action::EditInstruction),
            Field::Response | Field::Turn(_) => ("Answer", Action::EditResponse),
        };
        Self {
            field,
            title,
            of: None,
            role: None,
            key: Some(key),
        }
    }

    fn class(self) -> &'static str {
        match (self.role, self.field) {
            (Some(Role::System), _) => "part turn turn-system",
            (Some(Role::User), _) => "part turn turn-user",
            (Some(Role::Assistant), _) => "part turn turn-assistant",
            (None, Field::Instruction) => "part part-instruction",
            (None, _) => "part part-answer",
        }
    }

    fn title_id(self) -> String {
        match self.field {
            Field::Instruction => "part-instruction".to_owned(),
            Field::Response => "part-answer".to_owned(),
            Field::Turn(at) => format!("part-turn-{at}"),
        }
    }

    fn title_view(self) -> AnyView {
        let id = self.title_id();
        match (self.of, self.field) {
            (Some(of), Field::Turn(at)) => view! {
                <h3 id=id>
                    {self.title} <span class="sr-only">{format!(", turn {} of {of}", at + 1)}</span>
                </h3>
            }
            .into_any(),
            _ => view! { <h2 id=id>{self.title}</h2> }.into_any(),
        }
    }

    /// A model writes Markdown. What a person asks is a short plain text; Markdown in it is part of what is reviewed.
    fn is_markdown(self) -> bool {
        match self.role {
            Some(role) => role == Role::Assistant,
            None => self.field == Field::Response,
        }
    }
}

/// A text with its editor.
#[component]
fn TextPart(review: Review, part: Part) -> impl IntoView {
    let field = part.field;
    let is_editing = Memo::new(move |_| review.editing.get() == Some(field));
    let text = Memo::new(move |_| {
        review.shown.with(|shown| {
            let row = shown.as_ref()?;
            Some(Shown {
                generated: field.generated(&row.record).to_owned(),
                edited: review.form.with(|form| {
                    (form.record == row.record.id)
                        .then(|| form.edited(field, &row.record).map(str::to_owned))
                        .flatten()
                }),
                is_unknown: field == Field::Response
                    && matches!(row.record.fields.0.get(RESPONSE), Some(Content::Other(_))),
            })
        })
    });
    let is_edited = Memo::new(move |_| {
        text.with(|text| text.as_ref().is_some_and(|text| text.edited.is_some()))
    });
    view! {
        <section class=part.class() aria-labelledby=part.title_id()>
            <div class="part-head">
                {part.title_view()}
                {move || {
                    is_edited.get().then(|| view! { <span class="mark edited">"Edited"</span> }.into_any())
                }}
                <span class="part-tools">
                    {part.is_markdown().then(|| formulas_view(review, text))}
                    {(field == Field::Response).then(|| plain_button(review))}
                    {move || {
                        is_edited
                            .get()
                            .then(|| {
                                view! {
                                    <button
                                        type="button"
                                        class="btn quiet small"
                                        on:click=move |_| review.reset(field)
                                    >
                                        "Reset"
                                        <span class="sr-only">{format!(" the {}", field.label())}</span>
                                    </button>
                                }
                                    .into_any()
                            })
                    }}
                    {move || {
                        if is_editing.get() {
                            view! {
                                <button
                                    type="button"
                                    class="btn small"
                                    aria-keyshortcuts="Escape"
                                    on:click=move |_| review.leave_editor()
                                >
                                    "Done"
                                    <kbd aria-hidden="true">"Esc"</kbd>
                                </button>
                            }
                                .into_any()
                        } else {
                            view! {
                                <button
                                    type="button"
                                    class="btn quiet small"
                                    aria-keyshortcuts=part.key.map(key_of)
                                    on:click=move |_| review.edit(field)
                                >
                                    "Edit"
                                    <span class="sr-only">{format!(" the {}", field.label())}</span>
                                    {part.key.map(|key| key_view(review, key))}
                                </button>
                            }
                                .into_any()
                        }
                    }}
                </span>
            </div>
            {move || {
                if is_editing.get() {
                    view! { <Editor review=review field=field /> }.into_any()
                } else {
                    let (is_plain, mode) = (review.is_plain.get(), review.formulas.get());
                    text.with(|text| {
                        text.as_ref().map(|text| reading_view(text, part, is_plain, mode))
                    })
                        .into_any()
                }
            }}
            {move || {
                text.with(|text| {
                    let text = text.as_ref()?;
                    let edited = text.edited.as_ref()?;
                    Some(
                        view! {
                            <div class="changes" role="group" aria-label=format!("Changes to the {}", field.label())>
                                <p class="changes-title">"Changes"</p>
                                <div class="diff" dir="auto">
                                    {diff_view(&text.generated, edited)}
                                </div>
                            </div>
                        }
                            .into_any(),
                    )
                })
            }}
        </section>
    }
    .into_any()
}

/// The key on a button, unless single keys are off.
pub(super) fn key_view(review: Review, action: Action) -> AnyView {
    (move || {
        review
            .are_keys_on
            .get()
            .then(|| view! { <kbd aria-hidden="true">{key_of(action)}</kbd> }.into_any())
    })
    .into_any()
}

fn reading_view(text: &Shown, part: Part, is_plain: bool, mode: Mode) -> AnyView {
    let shown = text.edited.as_deref().unwrap_or(&text.generated);
    if shown.trim().is_empty() {
        let told = if text.is_unknown {
            "This answer is of a kind that only a newer Seedbed can show. It is kept as it is."
                .to_owned()
        } else {
            format!("This {} is empty.", part.field.label())
        };
        return view! { <p class="muted">{told}</p> }.into_any();
    }
    if is_plain || !part.is_markdown() {
        return view! {
            <p class="plain" dir="auto">
                {shown.to_owned()}
            </p>
        }
        .into_any();
    }
    // Below the heading of the part.
    let heading = if part.role.is_some() { 4 } else { 3 };
    // Another text is other nodes: those of a formula are none that could be brought up to date.
    let text = [shown.to_owned()];
    let drawn = keyed(
        text,
        move |text| (text.clone(), mode.name()),
        move |_, text: String| (|_| {}, parse(&text).view(heading, mode)),
    );
    view! { <div class="md">{drawn}</div> }.into_any()
}

/// Which formulas are typeset; shown where there is one.
fn formulas_view(review: Review, text: Memo<Option<Shown>>) -> AnyView {
    let has_some = Memo::new(move |_| {
        text.with(|text| {
            text.as_ref().is_some_and(|text| {
                let shown = text.edited.as_deref().unwrap_or(&text.generated);
                !cut(shown).formulas.is_empty()
            })
        })
    });
    (move || {
        (has_some.get() && !review.is_plain.get()).then(|| {
            let options = Mode::ALL
                .iter()
                .map(|(mode, name)| {
                    let label = match mode {
                        Mode::Auto => "Formulas: all",
                        Mode::Marked => "Formulas: only \\( \\)",
                        Mode::Off => "Formulas: off",
                    };
                    let is_chosen = review.formulas.get_untracked() == *mode;
                    view! {
                        <option value=*name selected=is_chosen>
                            {label}
                        </option>
                    }
                    .into_any()
                })
                .collect::<Vec<_>>();
            view! {
                <select
                    class="formulas-mode"
                    aria-label="Which formulas are typeset"
                    on:change:target=move |event| {
                        let name = event.target().value();
                        review.set_formulas(Mode::named(Some(&name)));
                    }
                >
                    {options}
                </select>
            }
            .into_any()
        })
    })
    .into_any()
}

#[component]
fn Editor(review: Review, field: Field) -> impl IntoView {
    let value = move || {
        review.shown.with(|shown| {
            shown
                .as_ref()
                .map(|row| {
                    review
                        .form
                        .with(|form| form.text(field, &row.record).to_owned())
                })
                .unwrap_or_default()
        })
    };
    let rows = match field {
        Field::Instruction => "3",
        Field::Response => "12",
        Field::Turn(_) => "5",
    };
    view! {
        <textarea
            id=editor_id(field)
            class="editor"
            data-editor="record"
            dir="auto"
            rows=rows
            aria-label=format!("Edit the {}", field.label())
            aria-describedby="editor-hint"
            prop:value=value
            on:input:target=move |event| review.typed(field, &event.target().value())
        ></textarea>
        <p class="hint" id="editor-hint">
            "Saved as a draft while you type. "
            <kbd>"Ctrl/⌘ Enter"</kbd>
            " takes it as good, "
            <kbd>"Esc"</kbd>
            " leaves the editor. "
            <span role="status">
                {move || review.draft_saved.get().then_some("Draft saved.")}
            </span>
        </p>
    }
    .into_any()
}

/// Colleagues' answers, once one has given one's own.
fn others_view(review: Review, row: &Arc<RecordView>) -> Option<AnyView> {
    if row.others.is_empty() {
        return None;
    }
    let has_answered = row
        .mine
        .as_ref()
        .is_some_and(|mine| mine.status != ResponseStatus::Draft);
    let many = plural(row.others.len() as u64, "colleague", "colleagues");
    if !has_answered {
        return Some(
            view! {
                <p class="others-hidden muted">
                    {format!("{many} answered already. Shown once you have.")}
                </p>
            }
            .into_any(),
        );
    }
    let rows = row
        .others
        .iter()
        .map(|other| other_view(review, row, other))
        .collect::<Vec<_>>();
    Some(
        view! {
            <section class="others" aria-labelledby="others-title">
                <h2 id="others-title">{format!("{many} answered too")}</h2>
                <ul>{rows}</ul>
            </section>
        }
        .into_any(),
    )
}

fn other_view(review: Review, row: &Arc<RecordView>, other: &OtherResponse) -> AnyView {
    let response = &other.response;
    let verdict = match (response.status, response.quality()) {
        (ResponseStatus::Discarded, _) => match &response.reason {
            Some(reason) => format!("discarded it: {reason}"),
            None => "discarded it".to_owned(),
        },
        (_, Some(Quality::Good)) => "rated it good".to_owned(),
        (_, Some(Quality::Bad)) => "rated it bad".to_owned(),
        (_, None) => "answered".to_owned(),
    };
    let edits = response.edits(&row.record.fields);
    // To be chosen from: then the words are what matters.
    let is_open = row.state == RecordState::Disputed;
    let changed = changes_of(row, &edits)
        .into_iter()
        .map(|(title, old, new)| {
            view! {
                <details class="other-change" open=is_open>
                    <summary>{format!("{title}, as they changed it")}</summary>
                    <div class="diff" dir="auto">
                        {diff_view(&old, &new)}
                    </div>
                </details>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let choose = (!edits.is_empty()).then(|| choose_view(review, row, other.clone()));
    let file = other
        .is_from_file
        .then(|| view! { <span class="muted">" (from a file)"</span> }.into_any());
    view! {
        <li>
            <strong>{other.name.clone()}</strong>
            {file}
            " "
            {verdict}
            {changed}
            {choose}
        </li>
    }
    .into_any()
}

/// What `edits` change: title, text before, text after; a line for each turn of a conversation.
fn changes_of(
    row: &RecordView,
    edits: &BTreeMap<String, Content>,
) -> Vec<(String, String, String)> {
    let mut changes = Vec::new();
    for (title, id) in [("Instruction", INSTRUCTION), ("Answer", RESPONSE)] {
        let Some(new) = edits.get(id) else {
            continue;
        };
        let (Some(before), Some(after)) = (row.record.fields.turns(id), new.turns()) else {
            let old = row.record.fields.words(id).into_owned();
            changes.push((title.to_owned(), old, new.words().into_owned()));
            continue;
        };
        for at in 0..before.len().max(after.len()) {
            let text = |turns: &[Turn]| turns.get(at).map_or("", |turn| &turn.text).to_owned();
            let (old, new) = (text(&before), text(&after));
            let turn = after.get(at).or(before.get(at));
            if let Some(turn) = turn.filter(|_| old != new) {
                let title = format!("Turn {}, {}", at + 1, role_name(turn.role).to_lowercase());
                changes.push((title, old, new));
            }
        }
    }
    changes
}

/// The button that takes a colleague's words over, while they are others than one's own.
fn choose_view(review: Review, row: &Arc<RecordView>, other: OtherResponse) -> AnyView {
    let record = Arc::clone(row);
    let is_same = Memo::new({
        let other = other.response.clone();
        move |_| {
            review.form.with(|form| {
                let mine = form.draft().edits(&record.record.fields);
                mine == other.edits(&record.record.fields)
            })
        }
    });
    let other = StoredValue::new(other);
    (move || {
        if is_same.get() {
            view! { <p class="muted small">"The same words stand in your form."</p> }.into_any()
        } else {
            let name = other.with_value(|other| other.name.clone());
            view! {
                <button
                    type="button"
                    class="btn small"
                    on:click=move |_| other.with_value(|other| review.use_words(&other.response))
                >
                    "Use these words"
                    <span class="sr-only">{format!(", those of {name}")}</span>
                </button>
            }
            .into_any()
        }
    })
    .into_any()
}

/// How the record was made, on demand.
#[component]
fn Provenance(review: Review) -> impl IntoView {
    let open = review.details_open;
    view! {
        <section class="provenance">
            <button
                type="button"
                class="btn quiet small disclose"
                aria-expanded=move || open.get().to_string()
                aria-controls="provenance"
                on:click=move |_| review.act(Action::Details)
            >
                <span class="caret" aria-hidden="true"></span>
                "How it was made"
                {key_view(review, Action::Details)}
            </button>
            <div id="provenance">
                {move || {
                    // Drawn only when open: it costs nothing while one reads on.
                    open.get()
                        .then(|| review.shown.get().map(|row| provenance_view(review.desk, &row)))
                        .flatten()
                }}
            </div>
        </section>
    }
    .into_any()
}

fn provenance_view(desk: Desk, row: &RecordView) -> AnyView {
    let record = &row.record;
    let made = &record.provenance;
    let mut facts: Vec<(&str, String)> = Vec::new();
    let mut add = |label: &'static str, value: String| {
        if !value.is_empty() {
            facts.push((label, value));
        }
    };
    add("Model", made.model.clone());
    add("Answered by", made.provider.clone());
    add("Revision", made.revision.clone().unwrap_or_default());
    add(
        "Quantization",
        made.quantization.clone().unwrap_or_default(),
    );
    if let Some(sampling) = &made.sampling {
        let mut text = format!(
            "temperature {}, at most {} tokens",
            sampling.temperature,
            count(sampling.max_tokens.into())
        );
        if let Some(top_p) = sampling.top_p {
            text.push_str(", top-p ");
            text.push_str(&top_p.to_string());
        }
        if let Some(seed) = sampling.seed {
            text.push_str(", random seed ");
            text.push_str(&seed.to_string());
        }
        add("Sampling", text);
        add(
            "Ended",
            match made.finish_reason {
                FinishReason::Stop => "when the model was done",
                FinishReason::Length => "cut off at the token limit",
                FinishReason::ContentFilter => "withheld by the server's filter",
                FinishReason::Other => "for another reason",
            }
            .to_owned(),
        );
    }
    if let Some(usage) = made.usage {
        add(
            "Tokens",
            format!(
                "{} read, {} written{}",
                count(usage.prompt_tokens),
                count(usage.completion_tokens),
                if usage.estimated { " (estimated)" } else { "" }
            ),
        );
    }
    if made.sample_index > 0 {
        add("Answer no.", (made.sample_index + 1).to_string());
    }
    add(
        "Imported from",
        made.imported_from.clone().unwrap_or_default(),
    );
    for source in &record.source {
        add("Source", source_text(source));
    }
    add("Task text", made.prompt_version.clone());
    add(
        "Seed",
        if row.is_stale {
            format!("{} (changed since)", short_id(&made.seed_hash))
        } else {
            short_id(&made.seed_hash)
        },
    );
    add("Stored", desk.time_text(record.created_ms));
    add("Record id", record.id.clone());
    let facts = facts
        .into_iter()
        .map(|(label, value)| {
            view! {
                <div>
                    <dt>{label}</dt>
                    <dd>{value}</dd>
                </div>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let messages = (!row.messages.is_empty()).then(|| {
        let messages = row
            .messages
            .iter()
            .map(|message| {
                view! {
                    <li>
                        <p class="message-role">{role_name(message.role)}</p>
                        <p class="plain small" dir="auto">
                            {message.content.clone()}
                        </p>
                    </li>
                }
                .into_any()
            })
            .collect::<Vec<_>>();
        view! {
            <details class="more">
                <summary>"The request, word for word"</summary>
                <ol class="messages">{messages}</ol>
            </details>
        }
        .into_any()
    });
    let reasoning = (!record.reasoning.trim().is_empty()).then(|| {
        view! {
            <details class="more">
                <summary>"The reasoning before the answer"</summary>
                <p class="plain small" dir="auto">
                    {record.reasoning.clone()}
                </p>
            </details>
        }
        .into_any()
    });
    let metadata = (!record.metadata.is_empty()).then(|| {
        let rows = record
            .metadata
            .iter()
            .map(|(name, value)| {
                let text = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                view! {
                    <div>
                        <dt dir="auto">{name.clone()}</dt>
                        <dd class="plain" dir="auto">
                            {text}
                        </dd>
                    </div>
                }
                .into_any()
            })
            .collect::<Vec<_>>();
        view! {
            <details class="more">
                <summary>"Other columns it came with"</summary>
                <dl class="facts wide">{rows}</dl>
            </details>
        }
        .into_any()
    });
    view! {
        <dl class="facts wide">{facts}</dl>
        {reasoning}
        {metadata}
        {messages}
    }
    .into_any()
}

/// "owner/dataset, row 8, revision 0a1b, as chosen".
fn source_text(source: &Source) -> String {
    // A person counts from 1.
    let row = source.row.map(|row| format!("row {}", count(row + 1)));
    let revision = source.revision.as_deref();
    let parts = [
        Some(source.name.clone()),
        row,
        revision.map(|revision| format!("revision {}", short_id(revision))),
        source.part.as_deref().map(|part| format!("as {part}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

fn short_id(id: &str) -> String {
    id.chars().take(12).collect()
}
