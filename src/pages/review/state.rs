//! What happens on the review page: steps, decisions, drafts, undo. Nothing but an undo waits for the backend.
//!
//! A decision goes to the worker by way of the desk's box of acts that are not confirmed, and the next record is shown as soon
//! as the browser has kept the act: a millisecond later, whatever the worker is at. While one can't be stored, that is
//! said and it waits; if it is refused for good, its record comes back with what was typed and the reason.

use super::form::{Field, Form, said, said_after};
use super::keys::{Action, Focus, Press, action};
use super::queue::{Fetch, Moved, Place, Places, Queue, answered};
use crate::pages::desk::{Debounce, Desk};
use crate::ui::formula::Mode;
use leptos::ev;
use leptos::prelude::*;
use seedbed_core::messages::{Counts, Failure, RecordFilter, RecordView, Reply, Request};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_outbox::{Act, Entry, Told};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

/// Key of the stored switch for single keys.
const KEYS_SWITCH: &str = "seedbed:review-keys";

/// Key of the stored choice which formulas of a project are typeset.
fn formulas_key(project: &str) -> String {
    format!("seedbed:formulas:{project}")
}

/// The page's state. Copy: it is handles only.
#[derive(Clone, Copy)]
pub(super) struct Review {
    pub desk: Desk,
    /// The project; the page is made anew for another.
    project: StoredValue<String>,
    queue: StoredValue<Queue>,
    places: StoredValue<Places>,
    /// What stood before a decision that is not confirmed, by the decision's id.
    before: StoredValue<HashMap<String, (Arc<RecordView>, Form)>>,
    /// A decision that is shown as soon as it is kept.
    deciding: StoredValue<Option<Deciding>>,
    /// What was pressed meanwhile.
    pressed: StoredValue<Vec<Action>>,
    /// Undos and redos whose record is shown once they are confirmed.
    awaited: StoredValue<HashSet<String>>,
    /// The record that is shown.
    pub shown: RwSignal<Option<Arc<RecordView>>>,
    pub place: RwSignal<Place>,
    /// Position and total.
    pub position: RwSignal<(u32, u32)>,
    pub has_previous: RwSignal<bool>,
    pub filter: RwSignal<RecordFilter>,
    pub form: RwSignal<Form>,
    pub counts: RwSignal<Counts>,
    pub has_counts: RwSignal<bool>,
    /// The editor that is open.
    pub editing: RwSignal<Option<Field>>,
    /// The reasons for a discard are open.
    pub is_discarding: RwSignal<bool>,
    pub details_open: RwSignal<bool>,
    pub is_plain: RwSignal<bool>,
    /// Which formulas are typeset.
    pub formulas: RwSignal<Mode>,
    pub help_open: RwSignal<bool>,
    pub are_keys_on: RwSignal<bool>,
    pub panel_open: RwSignal<bool>,
    /// A failure that came back with its record.
    pub notice: RwSignal<Option<Failure>>,
    pub fetch_failure: RwSignal<Option<Failure>>,
    /// What a screen reader hears.
    pub said: RwSignal<String>,
    /// What the line above the buttons says of the last act.
    pub last_act: RwSignal<Option<String>>,
    pub draft_saved: RwSignal<bool>,
    draft_timer: Debounce,
}

/// A decision that is on its way and not shown yet.
struct Deciding {
    /// When its key was pressed ([`Desk::mark_start`]).
    started: f64,
    act: String,
    row: Arc<RecordView>,
    response: Response,
    /// An editor was open.
    was_editing: bool,
}

/// The queue one starts with.
pub(super) fn waiting() -> RecordFilter {
    RecordFilter {
        state: Some(RecordState::Pending),
        ..RecordFilter::default()
    }
}

impl Review {
    pub fn new(desk: Desk) -> Self {
        let filter = waiting();
        Self {
            desk,
            project: StoredValue::new(desk.project_id()),
            queue: StoredValue::new(Queue::new(filter.clone(), None)),
            places: StoredValue::new(Places::default()),
            before: StoredValue::new(HashMap::new()),
            deciding: StoredValue::new(None),
            pressed: StoredValue::new(Vec::new()),
            awaited: StoredValue::new(HashSet::new()),
            shown: RwSignal::new(None),
            place: RwSignal::new(Place::Loading),
            position: RwSignal::new((0, 0)),
            has_previous: RwSignal::new(false),
            filter: RwSignal::new(filter),
            form: RwSignal::new(Form::default()),
            counts: RwSignal::new(Counts::default()),
            has_counts: RwSignal::new(false),
            editing: RwSignal::new(None),
            is_discarding: RwSignal::new(false),
            details_open: RwSignal::new(false),
            is_plain: RwSignal::new(false),
            formulas: RwSignal::new(Mode::named(
                desk.local_get(&formulas_key(&desk.project_id())).as_deref(),
            )),
            help_open: RwSignal::new(false),
            are_keys_on: RwSignal::new(desk.local_get(KEYS_SWITCH).as_deref() != Some("off")),
            panel_open: RwSignal::new(false),
            notice: RwSignal::new(None),
            fetch_failure: RwSignal::new(None),
            said: RwSignal::new(String::new()),
            last_act: RwSignal::new(None),
            draft_saved: RwSignal::new(false),
            draft_timer: Debounce::new(600),
        }
    }

    /// First window and counts, and both again whenever records change by other means.
    pub fn start(self) {
        let revision = self.desk.records_revision();
        Effect::new(move |before: Option<()>| {
            revision.track();
            untrack(|| {
                if before.is_some() {
                    self.with_queue(Queue::outdate);
                }
                self.sync();
                self.count();
            });
        });
        let desk = self.desk;
        Effect::new(move |before: Option<String>| {
            let identity = desk.identity().with(|identity| identity.id.clone());
            if before.is_some_and(|before| before != identity) {
                untrack(|| self.turn());
            }
            identity
        });
        desk.hear_told(Some(Rc::new(move |entry, told, answer| {
            self.hear_told(entry, told, answer);
        })));
        // A tab in the background may end without another word.
        let handles = [
            window_event_listener_untyped("pagehide", move |_| self.save_draft()),
            window_event_listener_untyped("visibilitychange", move |_| self.save_draft()),
        ];
        let leaving = window_event_listener(ev::beforeunload, move |event| {
            if desk.waiting().with_untracked(|waiting| waiting.is_fleeting) {
                event.prevent_default();
            }
        });
        on_cleanup(move || {
            leaving.remove();
            self.save_draft();
            desk.hear_told(None);
            for handle in handles {
                handle.remove();
            }
        });
    }

    /// Somebody else answers from now on.
    fn turn(self) {
        self.save_draft();
        self.editing.set(None);
        self.is_discarding.set(false);
        self.draft_saved.set(false);
        self.last_act.set(None);
        self.awaited.update_value(HashSet::clear);
        self.deciding.set_value(None);
        self.pressed.update_value(Vec::clear);
        // All is read again: what stands here are the other one's answers.
        self.form.set(Form::default());
        self.with_queue(|queue| {
            let filter = queue.filter().clone();
            queue.set_filter(filter, true);
        });
        self.sync();
    }

    fn with_queue<T>(self, change: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        self.queue.try_update_value(change)
    }

    /// Brings the signals in line with the queue and starts the fetch that is due.
    fn sync(self) {
        let Some((row, place, position, has_previous, fetch)) = self.with_queue(|queue| {
            let fetch = queue.due();
            (
                queue.current().cloned(),
                queue.place(),
                (queue.position(), queue.total()),
                queue.has_previous(),
                fetch,
            )
        }) else {
            return;
        };
        if let Some(row) = &row {
            let is_other = self
                .form
                .try_with_untracked(|form| form.record != row.record.id)
                .unwrap_or(false);
            if is_other {
                self.form.set(self.form_of(row));
                self.editing.set(None);
                self.is_discarding.set(false);
                self.draft_saved.set(false);
            }
        }
        let is_same = self
            .shown
            .try_with_untracked(|shown| match (shown, &row) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            })
            .unwrap_or(true);
        if !is_same {
            self.shown.set(row);
        }
        set_if_other(self.place, place);
        set_if_other(self.position, position);
        set_if_other(self.has_previous, has_previous);
        if let Some(fetch) = fetch {
            self.fetch(fetch);
        }
    }

    /// The form of a record, with what is not confirmed yet.
    fn form_of(self, row: &RecordView) -> Form {
        let identity = self.desk.identity_id();
        match self.desk.unconfirmed(&row.record.id) {
            Some(response) => Form::filled(&row.record.id, &identity, &response),
            None => Form::of(row, &identity),
        }
    }

    fn fetch(self, fetch: Fetch) {
        let desk = self.desk;
        desk.spawn(async move {
            let request = Request::RecordsAround {
                project: desk.project_id(),
                filter: self.filter.try_get_untracked().unwrap_or_default(),
                anchor: fetch.anchor,
                before: fetch.before,
                after: fetch.after,
            };
            match desk.ask(request).await {
                Ok(Reply::Around {
                    total,
                    position,
                    rows,
                }) => {
                    self.with_queue(|queue| {
                        queue.arrived(fetch.token, total, position, rows);
                        queue.paint(|record| desk.unconfirmed(record));
                    });
                    self.sync();
                }
                Ok(_) => {}
                Err(failure) => {
                    self.with_queue(|queue| queue.fetch_failed(fetch.token));
                    self.fetch_failure.try_set(Some(failure));
                    self.sync();
                }
            }
        });
    }

    /// Fetches again after a failure.
    pub fn retry(self) {
        self.fetch_failure.set(None);
        self.with_queue(Queue::retry);
        self.sync();
    }

    fn count(self) {
        let desk = self.desk;
        desk.spawn(async move {
            let request = Request::RecordCounts {
                project: desk.project_id(),
            };
            if let Ok(Reply::Counts(counts)) = desk.ask(request).await {
                self.set_counts(counts);
            }
        });
    }

    fn set_counts(self, counts: Counts) {
        if self.counts.try_get_untracked().as_ref() != Some(&counts) {
            self.counts.try_set(counts);
        }
        self.has_counts.try_set(true);
    }

    /// Narrows the queue down, or less; where nothing does any more, one is back where one was before.
    pub fn narrow(self, wanted: RecordFilter) {
        if self.filter.with_untracked(|now| *now == wanted) {
            return;
        }
        let here = self.with_queue(|queue| queue.here()).flatten();
        let now = self.filter.get_untracked();
        let found = self
            .places
            .try_update_value(|places| places.narrow(&now, here, wanted));
        if let Some((filter, place)) = found {
            self.read_on(filter, place);
        }
    }

    /// Another queue, at the place where one has left it.
    pub fn go(self, wanted: RecordFilter) {
        let here = self.with_queue(|queue| queue.here()).flatten();
        let now = self.filter.get_untracked();
        let place = self
            .places
            .try_update_value(|places| places.go(&now, here, &wanted));
        self.read_on(wanted, place.flatten());
    }

    fn read_on(self, filter: RecordFilter, place: Option<u64>) {
        self.save_draft();
        self.filter.set(filter.clone());
        self.fetch_failure.set(None);
        self.with_queue(|queue| queue.resume(filter, place));
        self.sync();
    }

    /// Back to what waits for review.
    pub fn clear_filters(self) {
        self.go(waiting());
    }

    /// All records, from the first one.
    pub fn show_all(self) {
        self.read_on(RecordFilter::default(), None);
    }

    /// The queue is what waits for review, with nothing narrowed down.
    pub fn is_plain_queue(self) -> bool {
        self.filter.with(|filter| *filter == waiting())
    }

    /// Listens to keys while the page stands.
    pub fn listen_to_keys(self) {
        let handle = window_event_listener(ev::keydown, move |event| {
            let (key, code) = (event.key(), event.code());
            let press = Press {
                key: &key,
                code: &code,
                is_command: event.ctrl_key() || event.meta_key(),
                is_alt: event.alt_key(),
                is_shift: event.shift_key(),
                is_composing: event.is_composing() || event.key_code() == 229,
                is_repeat: event.repeat(),
            };
            let mut focus = self.desk.focus_kind(&event);
            if self.is_discarding.get_untracked() && focus == Focus::Page {
                focus = Focus::Field;
            }
            if let Some(action) = action(&press, focus, self.are_keys_on.get_untracked()) {
                event.prevent_default();
                self.act(action);
            }
        });
        on_cleanup(move || handle.remove());
    }

    /// Switches single keys on or off, for this browser.
    pub fn set_keys(self, on: bool) {
        self.are_keys_on.set(on);
        self.desk
            .local_set(KEYS_SWITCH, if on { "on" } else { "off" });
    }

    /// Chooses which formulas are typeset, for this project in this browser.
    pub fn set_formulas(self, mode: Mode) {
        self.formulas.set(mode);
        if let Some(project) = self.project.try_get_value() {
            self.desk.local_set(&formulas_key(&project), mode.name());
        }
    }

    /// Carries an action out, after what was decided before it.
    pub fn act(self, action: Action) {
        if self.deciding.with_value(Option::is_some) {
            self.pressed.update_value(|pressed| pressed.push(action));
            return;
        }
        match action {
            Action::Next => self.step(true),
            Action::Previous => self.step(false),
            Action::Good => self.rate(Quality::Good),
            Action::Bad => self.rate(Quality::Bad),
            Action::Discard => {
                if self.shown.with_untracked(Option::is_some) {
                    self.is_discarding.update(|open| *open = !*open);
                    if self.is_discarding.get_untracked() {
                        self.desk.focus_soon("discard-first");
                    }
                }
            }
            Action::EditResponse => self.edit(Field::Response),
            Action::EditInstruction => self.edit(Field::Instruction),
            Action::LeaveEditor => self.leave_editor(),
            Action::Undo => self.undo(false),
            Action::Redo => self.undo(true),
            Action::Details => self.details_open.update(|open| *open = !*open),
            Action::Plain => self.is_plain.update(|plain| *plain = !*plain),
            Action::Search => {
                self.panel_open.set(true);
                self.desk.focus_soon("review-search");
            }
            Action::Help => self.help_open.set(true),
        }
    }

    fn step(self, forward: bool) {
        let started = self.desk.mark_start();
        self.save_draft();
        let moved = self.with_queue(|queue| {
            if forward {
                queue.forward()
            } else {
                queue.back()
            }
        });
        self.last_act.set(None);
        self.sync();
        if moved == Some(Moved::Shown) {
            self.tell_place(None);
            self.desk.scroll_to_top();
            self.desk.mark_painted("seedbed:next", started);
        }
    }

    /// Says where one is now, after `act`.
    fn tell_place(self, act: Option<&str>) {
        let place = match self.place.get_untracked() {
            Place::Record => {
                let (position, total) = self.position.get_untracked();
                let text = self.form.with_untracked(|form| {
                    self.shown.with_untracked(|shown| {
                        shown
                            .as_ref()
                            .map(|row| {
                                form.text(Field::Instruction, &row.record)
                                    .chars()
                                    .take(160)
                                    .collect::<String>()
                            })
                            .unwrap_or_default()
                    })
                });
                format!("Record {position} of {total}. {text}")
            }
            Place::End => "That was the last one here.".to_owned(),
            _ => String::new(),
        };
        self.said.set(match act {
            Some(act) => format!("{act} {place}"),
            None => place,
        });
    }

    fn rate(self, quality: Quality) {
        let blocked = self.shown.with_untracked(|shown| {
            let row = shown.as_ref()?;
            self.form.with_untracked(|form| form.blocked(&row.record))
        });
        if let (Quality::Good, Some(reason)) = (quality, blocked) {
            self.last_act.set(Some(reason.clone()));
            self.said.set(reason);
            return;
        }
        self.decide(self.form.with_untracked(|form| form.submit(quality)));
    }

    /// Discards with a reason, which may be empty.
    pub fn discard(self, reason: &str) {
        self.is_discarding.set(false);
        self.decide(self.form.with_untracked(|form| form.discard(reason)));
    }

    /// Decides on the record that is shown, and shows the next one as soon as that outlives the browser.
    fn decide(self, response: Response) {
        let started = self.desk.mark_start();
        let is_free = self.place.get_untracked() == Place::Record
            && self.deciding.with_value(Option::is_none);
        let row = self
            .with_queue(|queue| queue.undecided().cloned())
            .flatten();
        let Some(row) = row.filter(|_| is_free) else {
            return;
        };
        self.draft_timer.cancel();
        let form = self.form.get_untracked();
        self.form.update_untracked(|form| form.is_dirty = false);
        let act = self
            .desk
            .decide(&row.record.id, &row.text, response.clone());
        self.before.update_value(|all| {
            all.insert(act.clone(), (Arc::clone(&row), form));
        });
        // What is typed from now on would belong to nothing.
        let was_editing = self.editing.get_untracked().is_some();
        self.editing.set(None);
        self.deciding.set_value(Some(Deciding {
            started,
            act,
            row,
            response,
            was_editing,
        }));
        self.desk.spawn(async move {
            self.desk.kept().await;
            self.show_decided();
        });
    }

    /// Shows what was decided last as decided, and goes on with what was pressed meanwhile.
    fn show_decided(self) {
        let deciding = self.deciding.try_update_value(Option::take).flatten();
        let Some(Deciding {
            started,
            row,
            response,
            was_editing,
            ..
        }) = deciding
        else {
            return;
        };
        self.with_queue(|queue| {
            let is_shown = queue
                .current()
                .is_some_and(|now| now.record.id == row.record.id);
            queue.decide(&row, &response);
            if is_shown {
                queue.forward();
            }
        });
        self.notice.try_set(None);
        let act = said(&response);
        self.last_act.try_set(Some(act.to_owned()));
        self.editing.try_set(None);
        self.sync();
        self.tell_place(Some(act));
        self.desk.scroll_to_top();
        if was_editing {
            // The editor is gone; keys should go on working.
            self.desk.focus_soon("record");
        }
        self.desk.mark_painted("seedbed:next", started);
        for action in self
            .pressed
            .try_update_value(std::mem::take)
            .unwrap_or_default()
        {
            self.act(action);
        }
    }

    /// What became of an act.
    fn hear_told(self, entry: &Entry, told: Told, answer: Result<Reply, Failure>) {
        let is_deciding = self
            .deciding
            .try_with_value(|deciding| deciding.as_ref().is_some_and(|now| now.act == entry.id));
        if is_deciding == Some(true) {
            // The worker was quicker, or has refused it.
            self.show_decided();
        }
        let decided = match answer {
            Ok(Reply::Decided(decided)) => Some(*decided),
            Ok(_) => None,
            Err(failure) => {
                if told == Told::Refused {
                    self.refused(entry, failure);
                }
                return;
            }
        };
        self.before.try_update_value(|all| all.remove(&entry.id));
        let is_awaited = self
            .awaited
            .try_update_value(|awaited| awaited.remove(&entry.id))
            .unwrap_or(false);
        match (&entry.act, decided) {
            (Act::Draft { record, response }, _) => self.draft_stored(record, response.as_ref()),
            (act, Some(decided)) => {
                self.set_counts(decided.counts);
                if is_awaited {
                    let is_redo = matches!(act, Act::Redo { .. });
                    self.taken_back(decided.record, is_redo);
                } else if !self.desk.waits_for(&decided.record.record.id) {
                    self.with_queue(|queue| queue.put(Arc::new(decided.record)));
                    self.sync();
                }
            }
            _ => {}
        }
    }

    /// An act will never be stored. The record of a decision is shown again, with everything that was typed.
    fn refused(self, entry: &Entry, failure: Failure) {
        self.awaited
            .try_update_value(|awaited| awaited.remove(&entry.id));
        let before = self
            .before
            .try_update_value(|all| all.remove(&entry.id))
            .flatten();
        let mut text = failure.to_string();
        if let Some((row, form)) = before {
            self.save_draft();
            self.with_queue(|queue| queue.show(RecordView::clone(&row)));
            self.form.try_set(Form {
                is_dirty: true,
                ..form
            });
            self.sync();
            self.last_act.try_set(None);
            text = format!("Your answer could not be saved. Its record is shown again. {failure}");
            self.desk.focus_soon("review-notice");
        }
        self.said.try_set(text);
        self.notice.try_set(Some(failure));
    }

    fn draft_stored(self, record: &str, response: Option<&Response>) {
        let row = self
            .with_queue(|queue| queue.find(record).cloned())
            .flatten();
        if response.is_none() {
            // What stands under the draft is known to the backend.
            self.with_queue(Queue::outdate);
        } else if let Some(row) = row
            && !self.desk.waits_for(record)
            && let Some(response) = response
        {
            let was_draft = row
                .mine
                .as_ref()
                .is_some_and(|mine| mine.status == ResponseStatus::Draft);
            self.with_queue(|queue| queue.put(Arc::new(answered(&row, response))));
            if !was_draft {
                self.count();
            }
        }
        let is_shown = self
            .form
            .try_with_untracked(|form| form.record == record && !form.is_dirty)
            .unwrap_or(false);
        if is_shown {
            self.draft_saved.try_set(true);
        }
        self.sync();
    }

    fn taken_back(self, record: RecordView, is_redo: bool) {
        self.save_draft();
        let text = said_after(&record, is_redo);
        let form = self.form_of(&record);
        self.with_queue(|queue| queue.show(record));
        self.form.try_set(form);
        self.sync();
        self.last_act.try_set(Some(text.clone()));
        self.tell_place(Some(&text));
        self.desk.scroll_to_top();
    }

    /// There is a decision to undo, or to redo.
    pub fn can_take_back(self, is_redo: bool) -> bool {
        self.desk.waiting().track();
        let is_stored = self.counts.with(|counts| {
            if is_redo {
                counts.can_redo
            } else {
                counts.can_undo
            }
        });
        is_stored || self.desk.can_take_back(is_redo)
    }

    fn undo(self, is_redo: bool) {
        if !untrack(|| self.can_take_back(is_redo)) {
            let text = if is_redo {
                "Nothing to redo."
            } else {
                "Nothing to undo."
            };
            self.last_act.set(Some(text.to_owned()));
            self.said.set(text.to_owned());
            return;
        }
        self.save_draft();
        let act = self.desk.take_back(is_redo);
        self.awaited.update_value(|awaited| {
            awaited.insert(act);
        });
    }

    /// The person has seen what was refused.
    pub fn got_it(self) {
        self.notice.set(None);
        self.desk.acknowledge_refused();
    }

    /// Takes the words of a colleague into the form; they count once they are rated good.
    pub fn use_words(self, other: &Response) {
        self.shown.with_untracked(|shown| {
            if let Some(row) = shown {
                self.form.update(|form| form.use_words(other, &row.record));
            }
        });
        self.save_draft();
        let text = "These words stand in your form now. Rate the record good to take them.";
        self.last_act.set(Some(text.to_owned()));
        self.said.set(text.to_owned());
    }

    /// Opens the editor of a text.
    pub fn edit(self, field: Field) {
        let field = self
            .shown
            .with_untracked(|shown| shown.as_ref().map(|shown| field.in_record(&shown.record)));
        let Some(field) = field.filter(|_| self.deciding.with_value(Option::is_none)) else {
            return;
        };
        self.editing.set(Some(field));
        self.desk.focus_on(editor_id(field));
    }

    /// Closes the editor; what was typed stays as a draft.
    pub fn leave_editor(self) {
        self.save_draft();
        self.editing.set(None);
        self.desk.focus_soon("record");
    }

    /// A text was typed.
    pub fn typed(self, field: Field, text: &str) {
        self.shown.with_untracked(|shown| {
            if let Some(row) = shown {
                self.form.update(|form| form.edit(field, text, &row.record));
            }
        });
        self.draft_saved.set(false);
        self.draft_timer.run_soon(move || self.save_draft());
    }

    /// Back to the generated text.
    pub fn reset(self, field: Field) {
        self.shown.with_untracked(|shown| {
            if let Some(row) = shown {
                self.form.update(|form| form.reset(field, &row.record));
            }
        });
        self.draft_timer.run_soon(move || self.save_draft());
    }

    /// Stores what was typed and not decided, if anything.
    fn save_draft(self) {
        self.draft_timer.cancel();
        let Some(form) = self.form.try_get_untracked() else {
            return;
        };
        if !form.is_dirty {
            return;
        }
        self.form.update_untracked(|form| form.is_dirty = false);
        let response = (!form.is_blank()).then(|| form.draft());
        if let Some(project) = self.project.try_get_value() {
            self.desk
                .keep_draft(&project, &form.identity, &form.record, response);
        }
    }
}

/// The element id of an editor.
pub(super) fn editor_id(field: Field) -> String {
    match field {
        Field::Instruction => "edit-instruction".to_owned(),
        Field::Response => "edit-response".to_owned(),
        Field::Turn(at) => format!("edit-turn-{at}"),
    }
}

fn set_if_other<T: PartialEq + Copy + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.try_get_untracked().is_some_and(|now| now != value) {
        signal.set(value);
    }
}
