//! Example pairs: a question and the answer the expert would give. The model can draft an answer; it stands beside the
//! person's own text until the person takes it.

use super::editor::Editor;
use super::fields::{blocks, field_findings, findings_view};
use super::list::{Drag, drag_class, hold, middles};
use super::rows::{Rows, drop_place};
use super::{NoModel, has_model_or_ask};
use crate::pages::desk::failure_view;
use crate::ui::diff::diff_view;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, FailureKind, Progress, Reply, Request, RequestId};
use seedbed_core::seed::{Example, Finding};

/// The section.
#[component]
pub(super) fn Examples(editor: Editor) -> impl IntoView {
    let rows = editor.examples;
    let findings = field_findings(editor, "examples");
    let node: NodeRef<html::Ul> = NodeRef::new();
    let drag: RwSignal<Option<Drag>> = RwSignal::new(None);
    let add = move |_| {
        let mut ids = Vec::new();
        rows.update(|rows| ids = rows.insert(usize::MAX, vec![Example::default()]));
        editor.save_examples(None);
        if let Some(id) = ids.first() {
            editor.desk.focus_on(format!("example-{id}-question"));
        }
    };
    view! {
        <section class="card seed-card" aria-labelledby="examples-title">
            <div class="card-head">
                <h2 id="examples-title">"Examples"</h2>
                <span class="muted small">
                    {move || rows.with(|rows| (!rows.is_empty()).then(|| rows.len().to_string()))}
                </span>
            </div>
            <p class="hint">
                "A question someone would really ask, and the answer you would give. They show the model how deep to go and how to speak."
            </p>
            <p class="sr-only" id="examples-keys">
                "Alt with the arrow keys moves this example."
            </p>
            <div class="findings">{move || findings.with(|findings| findings_view(findings))}</div>
            <ul class="example-list" role="list" node_ref=node aria-labelledby="examples-title">
                <For
                    each=move || rows.with(Rows::ids)
                    key=|id| *id
                    children=move |id| {
                        view! { <Pair editor=editor id=id node=node drag=drag /> }
                    }
                />
            </ul>
            <div class="actions">
                <button type="button" class="btn" on:click=add>
                    "Add an example"
                </button>
            </div>
            <NoModel what="Drafting an answer" />
        </section>
    }
    .into_any()
}

#[component]
fn Pair(
    editor: Editor,
    id: u32,
    node: NodeRef<html::Ul>,
    drag: RwSignal<Option<Drag>>,
) -> impl IntoView {
    let rows = editor.examples;
    let at = Memo::new(move |_| rows.with(|rows| rows.position(id)));
    let number = move || at.get().unwrap_or(0) + 1;
    let class =
        Memo::new(move |_| rows.with(|rows| drag_class(drag.get(), id, at.get(), &rows.ids())));
    let findings: Memo<Vec<Finding>> = Memo::new(move |_| {
        let at = at.get();
        editor.findings.with(|findings| {
            findings
                .iter()
                .filter(|finding| finding.field == "examples" && finding.index.is_some())
                .filter(|finding| finding.index == at)
                .cloned()
                .collect()
        })
    });
    let say_place = move |to: usize| {
        let len = rows.with_untracked(Rows::len);
        editor
            .desk
            .say(&format!("The example is now {} of {len}.", to + 1));
    };
    let shift = move |by: isize| match rows.try_update(|rows| rows.shift(id, by)).flatten() {
        Some(to) => {
            editor.save_examples(None);
            say_place(to);
        }
        None => editor.desk.say(if by < 0 {
            "This is the first one already."
        } else {
            "This is the last one already."
        }),
    };
    let remove = move |_| {
        if let Some(Some(at)) = rows.try_update(|rows| rows.remove(id)) {
            editor.save_examples(None);
            editor.desk.say("Removed the example. Undo brings it back.");
            let next =
                rows.with_untracked(|rows| rows.at(at).or_else(|| rows.at(at.checked_sub(1)?)));
            if let Some(next) = next {
                editor.desk.focus_on(format!("example-{next}-question"));
            }
        }
    };
    let drop_row = move || {
        if let Some(Some(dropped)) = drag.try_update(Option::take)
            && let Some(Some(to)) = rows.try_update(|rows| rows.move_to(dropped.id, dropped.to))
        {
            editor.save_examples(None);
            say_place(to);
        }
    };
    let is_first = move || at.get() == Some(0);
    let is_last = move || rows.with(|rows| at.get().is_some_and(|at| at + 1 == rows.len()));
    let findings_id = format!("example-{id}-findings");
    let part = move |name: &'static str, label: &'static str, lines: &'static str| {
        let pick = move |example: &Example| {
            if name == "question" {
                example.question.clone()
            } else {
                example.answer.clone()
            }
        };
        let text = Memo::new(move |_| rows.with(|rows| rows.get(id).map(pick).unwrap_or_default()));
        let input_id = format!("example-{id}-{name}");
        let focus_id = input_id.clone();
        view! {
            <div class="field">
                <label for=input_id.clone()>
                    {label}
                    <span class="sr-only">{move || format!(" of example {}", number())}</span>
                </label>
                <textarea
                    id=input_id
                    class="grow"
                    rows=lines
                    style:min-height=format!("calc({lines}lh + 16px)")
                    dir="auto"
                    aria-describedby=format!("example-{id}-findings examples-keys")
                    prop:value=move || text.get()
                    on:input:target=move |event| {
                        let typed = event.target().value();
                        rows.update(|rows| {
                            rows.change(
                                id,
                                |example| {
                                    if name == "question" {
                                        example.question = typed;
                                    } else {
                                        example.answer = typed;
                                    }
                                },
                            );
                        });
                        editor.save_examples(Some(format!("examples:{id}:{name}")));
                    }
                    on:keydown=move |event: KeyboardEvent| {
                        let by = match (event.key().as_str(), event.alt_key()) {
                            ("ArrowUp", true) => -1,
                            ("ArrowDown", true) => 1,
                            _ => return,
                        };
                        event.prevent_default();
                        shift(by);
                        editor.desk.focus_on(focus_id.clone());
                    }
                    on:blur=move |_| editor.flush()
                ></textarea>
            </div>
        }
        .into_any()
    };
    view! {
        <li class=move || format!("example {}", class.get())>
            <div class="example-head">
                <span
                    class="grip"
                    aria-hidden="true"
                    title="Drag to move"
                    on:pointerdown=move |event| {
                        if hold(&event) {
                            drag.set(at.get_untracked().map(|to| Drag { id, to }));
                        }
                    }
                    on:pointermove=move |event| {
                        let (Some(held), Some(list)) = (drag.get_untracked(), node.get_untracked()) else {
                            return;
                        };
                        let from = at.get_untracked().unwrap_or(0);
                        let to = drop_place(&middles(&list, from), f64::from(event.client_y()));
                        if to != held.to {
                            drag.set(Some(Drag { id, to }));
                        }
                    }
                    on:pointerup=move |_| drop_row()
                    on:pointercancel=move |_| drag.set(None)
                ></span>
                <h3>{move || format!("Example {}", number())}</h3>
                <button
                    type="button"
                    class="btn icon quiet"
                    tabindex="-1"
                    title="Move up (Alt ↑)"
                    aria-label=move || format!("Move example {} up", number())
                    aria-disabled=move || is_first().to_string()
                    on:click=move |_| shift(-1)
                >
                    <span aria-hidden="true">"↑"</span>
                </button>
                <button
                    type="button"
                    class="btn icon quiet"
                    tabindex="-1"
                    title="Move down (Alt ↓)"
                    aria-label=move || format!("Move example {} down", number())
                    aria-disabled=move || is_last().to_string()
                    on:click=move |_| shift(1)
                >
                    <span aria-hidden="true">"↓"</span>
                </button>
                <button
                    type="button"
                    class="btn icon quiet"
                    title="Remove"
                    aria-label=move || format!("Remove example {}", number())
                    on:click=remove
                >
                    <span aria-hidden="true">"×"</span>
                </button>
            </div>
            {part("question", "Question", "2")} {part("answer", "Answer", "3")}
            <div class="findings" id=findings_id class:wrong=move || findings.with(|f| blocks(f))>
                {move || findings.with(|findings| findings_view(findings))}
            </div>
            <Suggest editor=editor id=id />
        </li>
    }
    .into_any()
}

/// How far a drafted answer is.
#[derive(Clone, Debug, Default, PartialEq)]
enum Suggestion {
    #[default]
    None,
    Writing(RequestId),
    Ready,
    Failed(Failure),
}

/// "Draft an answer", and what comes of it. The person's own answer changes only when they take the draft.
#[component]
fn Suggest(editor: Editor, id: u32) -> impl IntoView {
    let desk = editor.desk;
    let rows = editor.examples;
    let state = RwSignal::new(Suggestion::None);
    let text = RwSignal::new(String::new());
    let question = move || {
        rows.with_untracked(|rows| {
            rows.get(id)
                .map(|example| example.question.trim().to_owned())
                .unwrap_or_default()
        })
    };
    let own = Memo::new(move |_| {
        rows.with(|rows| {
            rows.get(id)
                .map(|example| example.answer.clone())
                .unwrap_or_default()
        })
    });
    let has_question = Memo::new(move |_| {
        rows.with(|rows| {
            rows.get(id)
                .is_some_and(|example| !example.question.trim().is_empty())
        })
    });
    let ask = move || {
        if matches!(state.get_untracked(), Suggestion::Writing(_)) {
            return;
        }
        let question = question();
        if question.is_empty() {
            desk.say("Write the question first.");
            desk.focus_on(format!("example-{id}-question"));
            return;
        }
        if !has_model_or_ask(desk) {
            return;
        }
        editor.flush();
        text.set(String::new());
        let running = desk.ask_streaming(
            Request::DraftAnswer {
                project: desk.project_id(),
                question,
            },
            move |progress| {
                if let Progress::Text { delta } = progress {
                    text.try_update(|text| text.push_str(&delta));
                }
            },
        );
        state.set(Suggestion::Writing(running.id()));
        desk.spawn(async move {
            let next = match running.await {
                Ok(Reply::Texts(texts)) => {
                    if let Some(whole) = texts.into_iter().next() {
                        text.try_set(whole);
                    }
                    desk.say("A draft of the answer is there. Read it, and take it or leave it.");
                    Suggestion::Ready
                }
                Err(failure) if failure.kind != FailureKind::Cancelled => {
                    Suggestion::Failed(failure)
                }
                // Stopped: what came so far can still be of use.
                _ if text.try_with_untracked(|text| !text.trim().is_empty()) == Some(true) => {
                    Suggestion::Ready
                }
                _ => Suggestion::None,
            };
            state.try_set(next);
        });
    };
    on_cleanup(move || {
        if let Some(Suggestion::Writing(id)) = state.try_get_untracked() {
            desk.cancel(id);
        }
    });
    let take = move |_| {
        let answer = text.get_untracked().trim().to_owned();
        rows.update(|rows| rows.change(id, |example| example.answer = answer));
        editor.save_examples(None);
        state.set(Suggestion::None);
        desk.say("Taken as the answer. Undo brings the former one back.");
        desk.focus_on(format!("example-{id}-answer"));
    };
    let has_own = Memo::new(move |_| own.with(|own| !own.trim().is_empty()));
    view! {
        <div class="suggest">
            {move || match state.get() {
                Suggestion::None => {
                    view! {
                        <button
                            type="button"
                            class="btn small"
                            aria-disabled=move || (!has_question.get()).to_string()
                            title=move || (!has_question.get()).then_some("Write the question first")
                            on:click=move |_| ask()
                        >
                            "Draft an answer"
                        </button>
                    }
                        .into_any()
                }
                Suggestion::Writing(request) => {
                    view! {
                        <div class="suggestion" role="group" aria-label="Drafted answer" aria-busy="true">
                            <p class="suggestion-head muted small">"The model is writing a draft…"</p>
                            <p class="plain" dir="auto">
                                {move || text.get()}
                            </p>
                            <div class="actions">
                                <button type="button" class="btn small" on:click=move |_| desk.cancel(request)>
                                    "Stop"
                                </button>
                            </div>
                        </div>
                    }
                        .into_any()
                }
                Suggestion::Ready => {
                    view! {
                        <div class="suggestion" role="group" aria-label="Drafted answer">
                            <div class="field">
                                <label for=format!("example-{id}-draft")>
                                    "Draft by the model, yours to change"
                                </label>
                                <textarea
                                    id=format!("example-{id}-draft")
                                    class="grow"
                                    rows="4"
                                    dir="auto"
                                    prop:value=move || text.get()
                                    on:input:target=move |event| text.set(event.target().value())
                                ></textarea>
                            </div>
                            {move || {
                                has_own
                                    .get()
                                    .then(|| {
                                        view! {
                                            <details class="more">
                                                <summary>"Compare with your answer"</summary>
                                                <div class="diff" dir="auto">
                                                    {move || {
                                                        own.with(|own| text.with(|text| diff_view(own, text)))
                                                    }}
                                                </div>
                                            </details>
                                        }
                                            .into_any()
                                    })
                            }}
                            <div class="actions">
                                <button type="button" class="btn small primary" on:click=take>
                                    {move || {
                                        if has_own.get() { "Replace my answer" } else { "Use as the answer" }
                                    }}
                                </button>
                                <button type="button" class="btn small" on:click=move |_| ask()>
                                    "Draft another"
                                </button>
                                <button
                                    type="button"
                                    class="btn quiet small"
                                    on:click=move |_| state.set(Suggestion::None)
                                >
                                    "Dismiss"
                                </button>
                            </div>
                        </div>
                    }
                        .into_any()
                }
                Suggestion::Failed(failure) => {
                    failure_view(&failure, Some(Callback::new(move |()| {
                        state.set(Suggestion::None);
                        ask();
                    })))
                }
            }}
        </div>
    }
    .into_any()
}
