//! The record that is read: instruction, answer, editors with live diff, colleagues' answers, provenance.

use super::form::{Field, state_label};
use super::keys::{Action, key_of};
use super::state::{Review, editor_id};
use crate::pages::desk::Desk;
use crate::pages::generate::words::{count, plural};
use crate::ui::diff::diff_view;
use crate::ui::markdown::parse;
use leptos::prelude::*;
use seedbed_core::messages::{OtherResponse, RecordView};
use seedbed_core::model::{FinishReason, Role};
use seedbed_core::record::{INSTRUCTION, RESPONSE};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use std::sync::Arc;

/// What a text of the record looks like now.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    generated: String,
    edited: Option<String>,
}

/// The article.
#[component]
pub(super) fn RecordArticle(review: Review) -> impl IntoView {
    view! {
        <article class="record" id="record" tabindex="-1" aria-label="Record">
            {move || review.shown.get().map(|row| head_view(&row))}
            <TextPart review=review field=Field::Instruction title="Instruction" />
            <TextPart review=review field=Field::Response title="Answer" />
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

/// A text with its editor.
#[component]
fn TextPart(review: Review, field: Field, title: &'static str) -> impl IntoView {
    let is_editing = Memo::new(move |_| review.editing.get() == Some(field));
    let text = Memo::new(move |_| {
        review.shown.with(|shown| {
            let row = shown.as_ref()?;
            Some(Shown {
                generated: field.generated(&row.record).to_owned(),
                edited: review.form.with(|form| {
                    (form.record == row.record.id)
                        .then(|| form.edited(field).map(str::to_owned))
                        .flatten()
                }),
            })
        })
    });
    let action = match field {
        Field::Instruction => Action::EditInstruction,
        Field::Response => Action::EditResponse,
    };
    let class = match field {
        Field::Instruction => "part part-instruction",
        Field::Response => "part part-answer",
    };
    let title_id = match field {
        Field::Instruction => "part-instruction",
        Field::Response => "part-answer",
    };
    let is_edited = Memo::new(move |_| {
        text.with(|text| text.as_ref().is_some_and(|text| text.edited.is_some()))
    });
    view! {
        <section class=class aria-labelledby=title_id>
            <div class="part-head">
                <h2 id=title_id>{title}</h2>
                {move || {
                    is_edited.get().then(|| view! { <span class="mark edited">"Edited"</span> }.into_any())
                }}
                <span class="part-tools">
                    {(field == Field::Response)
                        .then(|| {
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
                        })}
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
                                    aria-keyshortcuts=key_of(action)
                                    on:click=move |_| review.act(action)
                                >
                                    "Edit"
                                    <span class="sr-only">{format!(" the {}", field.label())}</span>
                                    {key_view(review, action)}
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
                    let is_plain = review.is_plain.get();
                    text.with(|text| {
                        text.as_ref().map(|text| reading_view(text, field, is_plain))
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

fn reading_view(text: &Shown, field: Field, is_plain: bool) -> AnyView {
    let shown = text.edited.as_deref().unwrap_or(&text.generated);
    if shown.trim().is_empty() {
        return view! {
            <p class="muted">{format!("This {} is empty.", field.label())}</p>
        }
        .into_any();
    }
    // An instruction is a short plain text; Markdown in it is part of what is reviewed.
    if is_plain || field == Field::Instruction {
        return view! {
            <p class="plain" dir="auto">
                {shown.to_owned()}
            </p>
        }
        .into_any();
    }
    view! {
        <div class="md" dir="auto">
            {parse(shown).view(3)}
        </div>
    }
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
    let changed = [("Instruction", INSTRUCTION), ("Answer", RESPONSE)]
        .into_iter()
        .filter_map(|(title, id)| {
            let new = edits.get(id)?;
            Some(
                view! {
                    <details class="other-change" open=is_open>
                        <summary>{format!("{title}, as they changed it")}</summary>
                        <div class="diff" dir="auto">
                            {diff_view(&row.record.fields.words(id), &new.words())}
                        </div>
                    </details>
                }
                .into_any(),
            )
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
                let role = match message.role {
                    Role::System => "System",
                    Role::User => "User",
                    Role::Assistant => "Assistant",
                };
                view! {
                    <li>
                        <p class="message-role">{role}</p>
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
    view! {
        <dl class="facts wide">{facts}</dl>
        {messages}
    }
    .into_any()
}

fn short_id(id: &str) -> String {
    id.chars().take(12).collect()
}
