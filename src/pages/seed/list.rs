//! Topics and perspectives: lists that are typed, pasted, reordered by pointer and keyboard, and proposed by the model.

use super::editor::Editor;
use super::fields::{blocks, field_findings, findings_view};
use super::proposals::Proposals;
use super::rows::{Rows, drop_place, fresh, pasted};
use crate::pages::generate::words::{count, plural};
use leptos::ev::{ClipboardEvent, KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use seedbed_core::messages::Proposal;
use seedbed_core::seed::{Finding, Seed};
use wasm_bindgen::JsCast as _;
use web_sys::Element;

/// One of the two lists.
pub(super) struct Kind {
    /// Name in [`Finding::field`], and prefix of element ids.
    pub field: &'static str,
    pub title: &'static str,
    /// One of them, as in a sentence.
    pub one: &'static str,
    pub many: &'static str,
    pub hint: &'static str,
    pub what: Proposal,
    pub set: fn(&mut Seed, Vec<String>),
    pub rows: fn(Editor) -> RwSignal<Rows<String>>,
}

pub(super) const TOPICS: Kind = Kind {
    field: "topics",
    title: "Topics",
    one: "topic",
    many: "topics",
    hint: "What questions are about: the rows of the grid.",
    what: Proposal::Topics,
    set: |seed, items| seed.topics = items,
    rows: |editor| editor.topics,
};

pub(super) const PERSPECTIVES: Kind = Kind {
    field: "perspectives",
    title: "Perspectives",
    one: "perspective",
    many: "perspectives",
    hint: "From where one looks at a topic: the columns of the grid.",
    what: Proposal::Perspectives,
    set: |seed, items| seed.perspectives = items,
    rows: |editor| editor.perspectives,
};

/// A list with what can be done to it.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub editor: Editor,
    pub kind: &'static Kind,
    pub rows: RwSignal<Rows<String>>,
}

impl List {
    fn save(self) {
        let items = self.rows.with_untracked(Rows::items);
        self.editor.act(|seed| (self.kind.set)(seed, items));
    }

    fn input_id(self, id: u32) -> String {
        format!("{}-{id}", self.kind.field)
    }

    fn add_id(self) -> String {
        format!("{}-add", self.kind.field)
    }

    fn focus(self, index: usize) {
        let id = self.rows.with_untracked(|rows| {
            rows.at(index)
                .or_else(|| rows.at(rows.len().checked_sub(1)?))
        });
        self.editor
            .desk
            .focus_on(id.map_or_else(|| self.add_id(), |id| self.input_id(id)));
    }

    /// Adds what is not there yet, before the row at `at`; what happened, in words.
    pub(super) fn add(self, texts: Vec<String>, at: usize) -> String {
        let present = self.rows.with_untracked(Rows::items);
        let single = match texts.as_slice() {
            [text] => Some(text.clone()),
            _ => None,
        };
        let (new, known) = fresh(texts, &present);
        let added = new.len();
        if added > 0 {
            self.rows.update(|rows| {
                rows.insert(at, new);
            });
            self.save();
        }
        let said = match (single, added, known) {
            (Some(text), 0, _) => format!("“{text}” is in the list already."),
            (Some(text), ..) => format!("Added “{text}”."),
            (None, 0, _) => format!("All of these {} are in the list already.", self.kind.many),
            (None, _, 0) => format!("Added {}.", self.counted(added)),
            (None, ..) => format!(
                "Added {}; {} there already.",
                self.counted(added),
                plural(known as u64, "was", "were"),
            ),
        };
        self.editor.desk.say(&said);
        said
    }

    fn counted(self, n: usize) -> String {
        plural(n as u64, self.kind.one, self.kind.many)
    }

    fn remove(self, id: u32) {
        let text = self
            .rows
            .with_untracked(|rows| rows.get(id).cloned())
            .unwrap_or_default();
        if let Some(Some(at)) = self.rows.try_update(|rows| rows.remove(id)) {
            self.save();
            self.editor
                .desk
                .say(&format!("Removed “{text}”. Undo brings it back."));
            self.focus(at);
        }
    }

    fn say_place(self, id: u32, to: usize) {
        let (text, len) = self
            .rows
            .with_untracked(|rows| (rows.get(id).cloned().unwrap_or_default(), rows.len()));
        self.editor
            .desk
            .say(&format!("“{text}” is now {} of {len}.", to + 1));
    }

    fn shift(self, id: u32, by: isize) {
        match self.rows.try_update(|rows| rows.shift(id, by)).flatten() {
            Some(to) => {
                self.save();
                self.say_place(id, to);
            }
            None => self.editor.desk.say(if by < 0 {
                "This is the first one already."
            } else {
                "This is the last one already."
            }),
        }
    }

    fn move_to(self, id: u32, to: usize) {
        if let Some(Some(to)) = self.rows.try_update(|rows| rows.move_to(id, to)) {
            self.save();
            self.say_place(id, to);
        }
    }

    fn edit(self, id: u32, text: String) {
        self.rows
            .update(|rows| rows.change(id, |own| own.clone_from(&text)));
        let items = self.rows.with_untracked(Rows::items);
        let key = format!("{}:{id}", self.kind.field);
        self.editor
            .type_in(&key, |seed| (self.kind.set)(seed, items));
    }
}

/// A row under the pointer, and where it would land.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Drag {
    pub id: u32,
    pub to: usize,
}

/// Middles of the rows of a list other than the one at `without`.
pub(super) fn middles(list: &Element, without: usize) -> Vec<f64> {
    let children = list.children();
    (0..children.length())
        .filter(|index| *index as usize != without)
        .filter_map(|index| children.item(index))
        .map(|row| {
            let rect = row.get_bounding_client_rect();
            rect.top() + rect.height() / 2.0
        })
        .collect()
}

/// Keeps the pointer with the grip until it is released.
pub(super) fn hold(event: &PointerEvent) -> bool {
    if event.button() != 0 {
        return false;
    }
    event.prevent_default();
    event
        .current_target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|grip| grip.set_pointer_capture(event.pointer_id()).is_ok())
}

/// Class of a row while one is dragged: the dragged one, and the edge where it would land.
pub(super) fn drag_class(
    drag: Option<Drag>,
    id: u32,
    at: Option<usize>,
    ids: &[u32],
) -> &'static str {
    let (Some(drag), Some(at)) = (drag, at) else {
        return "";
    };
    if drag.id == id {
        return "dragging";
    }
    let from = ids.iter().position(|own| *own == drag.id).unwrap_or(0);
    // Places are counted with the dragged row taken out.
    let own = if at > from { at - 1 } else { at };
    let rest = ids.len().saturating_sub(1);
    if drag.to == from {
        ""
    } else if own == drag.to {
        "land-before"
    } else if drag.to >= rest && own + 1 == rest {
        "land-after"
    } else {
        ""
    }
}

fn pasted_lines(event: &ClipboardEvent) -> Option<Vec<String>> {
    let text = event.clipboard_data()?.get_data("text").ok()?;
    let lines = pasted(&text);
    let is_list = text.trim().contains('\n') || lines.len() > 1;
    (is_list && !lines.is_empty()).then_some(lines)
}

/// A list.
#[component]
pub(super) fn TextList(editor: Editor, kind: &'static Kind) -> impl IntoView {
    let rows = (kind.rows)(editor);
    let list = List { editor, kind, rows };
    let node: NodeRef<html::Ul> = NodeRef::new();
    let drag: RwSignal<Option<Drag>> = RwSignal::new(None);
    let findings = field_findings(editor, kind.field);
    let typed = RwSignal::new(String::new());
    let note = RwSignal::new(String::new());
    let add = move || {
        let text = typed.with_untracked(|typed| typed.trim().to_owned());
        if text.is_empty() {
            return;
        }
        let before = rows.with_untracked(Rows::len);
        let said = list.add(vec![text], usize::MAX);
        if rows.with_untracked(Rows::len) > before {
            typed.set(String::new());
            note.set(String::new());
        } else {
            note.set(said);
        }
    };
    let title_id = format!("{}-title", kind.field);
    let hint_id = format!("{}-hint", kind.field);
    let keys_id = format!("{}-keys", kind.field);
    let row_keys = keys_id.clone();
    view! {
        <section class="card seed-card seed-list-card" aria-labelledby=title_id.clone()>
            <div class="card-head">
                <h2 id=title_id.clone()>{kind.title}</h2>
                <span class="muted small">
                    {move || rows.with(|rows| (!rows.is_empty()).then(|| count(rows.len() as u64)))}
                </span>
            </div>
            <p class="hint" id=hint_id.clone()>
                {kind.hint}
            </p>
            <p class="sr-only" id=keys_id>
                "Alt with the arrow keys moves this one. Alt with Delete removes it."
            </p>
            <ul class="seed-list" role="list" node_ref=node aria-labelledby=title_id.clone()>
                <For
                    each=move || rows.with(Rows::ids)
                    key=|id| *id
                    children=move |id| {
                        view! { <Row list=list id=id node=node drag=drag keys_id=row_keys.clone() /> }
                    }
                />
            </ul>
            <div class="findings">{move || findings.with(|findings| findings_view(findings))}</div>
            <div class="field-row seed-add">
                <input
                    id=list.add_id()
                    type="text"
                    dir="auto"
                    autocomplete="off"
                    aria-label=format!("Add a {}", kind.one)
                    aria-describedby=hint_id
                    placeholder="Add one, or paste a list"
                    prop:value=move || typed.get()
                    on:input:target=move |event| {
                        typed.set(event.target().value());
                        note.set(String::new());
                    }
                    on:keydown=move |event| {
                        if event.key() == "Enter" && !event.is_composing() {
                            event.prevent_default();
                            add();
                        }
                    }
                    on:paste=move |event| {
                        if let Some(lines) = pasted_lines(&event) {
                            event.prevent_default();
                            note.set(list.add(lines, usize::MAX));
                        }
                    }
                    // What is typed and left is meant.
                    on:blur=move |_| add()
                />
                <button
                    type="button"
                    class="btn"
                    on:click=move |_| {
                        add();
                        editor.desk.focus_on(list.add_id());
                    }
                >
                    "Add"
                    <span class="sr-only">{format!(" the {}", kind.one)}</span>
                </button>
            </div>
            {move || {
                let note = note.get();
                (!note.is_empty()).then(|| view! { <p class="muted small">{note}</p> }.into_any())
            }}
            <Proposals list=list />
        </section>
    }
    .into_any()
}

#[component]
fn Row(
    list: List,
    id: u32,
    node: NodeRef<html::Ul>,
    drag: RwSignal<Option<Drag>>,
    keys_id: String,
) -> impl IntoView {
    let rows = list.rows;
    let text = Memo::new(move |_| rows.with(|rows| rows.get(id).cloned().unwrap_or_default()));
    let at = Memo::new(move |_| rows.with(|rows| rows.position(id)));
    let findings: Memo<Vec<Finding>> = Memo::new(move |_| {
        let at = at.get();
        list.editor.findings.with(|findings| {
            findings
                .iter()
                .filter(|finding| finding.field == list.kind.field && finding.index.is_some())
                .filter(|finding| finding.index == at)
                .cloned()
                .collect()
        })
    });
    let class =
        Memo::new(move |_| rows.with(|rows| drag_class(drag.get(), id, at.get(), &rows.ids())));
    let input_id = list.input_id(id);
    let findings_id = format!("{input_id}-findings");
    let keydown = move |event: KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        let here = at.get_untracked().unwrap_or(0);
        match (event.key().as_str(), event.alt_key()) {
            ("ArrowUp", true) => {
                list.shift(id, -1);
                list.editor.desk.focus_on(list.input_id(id));
            }
            ("ArrowDown", true) => {
                list.shift(id, 1);
                list.editor.desk.focus_on(list.input_id(id));
            }
            ("Delete", true) => list.remove(id),
            ("Backspace", false) if !event.repeat() && text.with_untracked(String::is_empty) => {
                list.remove(id);
                list.focus(here.saturating_sub(1));
            }
            ("Enter", false) => {
                list.editor.flush();
                if here + 1 < rows.with_untracked(Rows::len) {
                    list.focus(here + 1);
                } else {
                    list.editor.desk.focus_on(list.add_id());
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let drop_row = move || {
        if let Some(Some(dropped)) = drag.try_update(Option::take) {
            list.move_to(dropped.id, dropped.to);
        }
    };
    let name = move || {
        text.with(|text| {
            if text.is_empty() {
                "empty".to_owned()
            } else {
                text.clone()
            }
        })
    };
    let is_first = move || at.get() == Some(0);
    let is_last = move || rows.with(|rows| at.get().is_some_and(|at| at + 1 == rows.len()));
    view! {
        <li
            class=move || format!("seed-row {}", class.get())
            class:wrong=move || findings.with(|findings| blocks(findings))
        >
            <div class="seed-row-line">
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
                <input
                    id=input_id
                    type="text"
                    dir="auto"
                    autocomplete="off"
                    aria-label=move || {
                        format!(
                            "{} {} of {}",
                            list.kind.one,
                            at.get().unwrap_or(0) + 1,
                            rows.with(Rows::len),
                        )
                    }
                    aria-describedby=format!("{findings_id} {keys_id}")
                    aria-invalid=move || findings.with(|findings| blocks(findings)).to_string()
                    prop:value=move || text.get()
                    on:input:target=move |event| list.edit(id, event.target().value())
                    on:keydown=keydown
                    on:blur=move |_| list.editor.flush()
                    on:paste=move |event| {
                        if let Some(lines) = pasted_lines(&event).filter(|lines| lines.len() > 1) {
                            event.prevent_default();
                            let is_empty = text.with_untracked(String::is_empty);
                            let here = at.get_untracked().unwrap_or(0);
                            list.add(lines, here + 1);
                            if is_empty {
                                list.remove(id);
                            }
                        }
                    }
                />
                // The same by keyboard: Alt with the arrows in the field. Left out of the tab order so that a list
                // of ten is not forty stops.
                <span class="row-buttons">
                    <button
                        type="button"
                        class="btn icon quiet move"
                        tabindex="-1"
                        title="Move up (Alt ↑)"
                        aria-label=move || format!("Move “{}” up", name())
                        aria-disabled=move || is_first().to_string()
                        on:click=move |_| list.shift(id, -1)
                    >
                        <span aria-hidden="true">"↑"</span>
                    </button>
                    <button
                        type="button"
                        class="btn icon quiet move"
                        tabindex="-1"
                        title="Move down (Alt ↓)"
                        aria-label=move || format!("Move “{}” down", name())
                        aria-disabled=move || is_last().to_string()
                        on:click=move |_| list.shift(id, 1)
                    >
                        <span aria-hidden="true">"↓"</span>
                    </button>
                    <button
                        type="button"
                        class="btn icon quiet"
                        title="Remove (Alt Delete)"
                        aria-label=move || format!("Remove “{}”", name())
                        on:click=move |_| list.remove(id)
                    >
                        <span aria-hidden="true">"×"</span>
                    </button>
                </span>
            </div>
            <div class="findings" id=findings_id>
                {move || findings.with(|findings| findings_view(findings))}
            </div>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes of all rows while row 1 of four is dragged to `to`.
    fn classes(to: usize) -> Vec<&'static str> {
        let ids = [0, 1, 2, 3];
        ids.iter()
            .map(|id| drag_class(Some(Drag { id: 1, to }), *id, Some(*id as usize), &ids))
            .collect()
    }

    #[test]
    fn while_a_row_is_dragged_exactly_the_edge_where_it_lands_is_marked() {
        assert_eq!(classes(0), ["land-before", "dragging", "", ""]);
        assert_eq!(classes(1), ["", "dragging", "", ""], "back to where it was");
        assert_eq!(classes(2), ["", "dragging", "", "land-before"]);
        assert_eq!(classes(3), ["", "dragging", "", "land-after"]);
        assert_eq!(drag_class(None, 1, Some(1), &[0, 1]), "");
    }
}
