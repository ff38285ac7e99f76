//! The page's seed and its way to the worker: autosave, undo, and changes from elsewhere.

use super::draft::{Draft, Save, Saving};
use super::rows::Rows;
use crate::pages::desk::{Debounce, Desk};
use crate::pages::review::keys::Focus;
use leptos::ev;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, Reply, Request};
use seedbed_core::seed::{Example, Finding, Seed};

/// A pause in typing of this length saves.
const PAUSE_MS: u64 = 400;

/// Handles to the seed on the page.
#[derive(Clone, Copy)]
pub(super) struct Editor {
    pub desk: Desk,
    pub draft: RwSignal<Draft>,
    /// The lists as rows with names; `draft` holds the same items.
    pub topics: RwSignal<Rows<String>>,
    pub perspectives: RwSignal<Rows<String>>,
    pub examples: RwSignal<Rows<Example>>,
    /// What [`Seed::check`] finds in what the page shows.
    pub findings: Memo<Vec<Finding>>,
    pub saving: Memo<Saving>,
    /// Why the last save failed.
    pub failure: RwSignal<Option<Failure>>,
    project: StoredValue<String>,
    pause: Debounce,
}

impl Editor {
    pub(super) fn new(desk: Desk) -> Self {
        let seed = desk
            .seed()
            .get_untracked()
            .map(|view| view.seed)
            .unwrap_or_default();
        let topics = RwSignal::new(Rows::new(&seed.topics));
        let perspectives = RwSignal::new(Rows::new(&seed.perspectives));
        let examples = RwSignal::new(Rows::new(&seed.examples));
        let draft = RwSignal::new(Draft::new(seed));
        Self {
            desk,
            draft,
            topics,
            perspectives,
            examples,
            findings: Memo::new(move |_| draft.with(|draft| draft.seed().check())),
            saving: Memo::new(move |_| draft.with(Draft::saving)),
            failure: RwSignal::new(None),
            project: StoredValue::new(desk.project_id()),
            pause: Debounce::new(PAUSE_MS),
        }
    }

    /// Hears of changes from elsewhere, of keys, and of the page being left.
    pub(super) fn listen(self) {
        Effect::new(move |_| {
            if let Some(view) = self.desk.seed().get() {
                untrack(|| self.show(&view.seed));
            }
        });
        let keys = window_event_listener(ev::keydown, move |event| {
            let is_command = (event.ctrl_key() || event.meta_key()) && !event.alt_key();
            // In a field these belong to its text.
            if !is_command || self.desk.focus_kind(&event) != Focus::Page {
                return;
            }
            let redo = match event.key().as_str() {
                "z" | "Z" => event.shift_key(),
                "y" | "Y" => true,
                _ => return,
            };
            event.prevent_default();
            self.undo(redo);
        });
        let hide = window_event_listener_untyped("pagehide", move |_| self.flush());
        on_cleanup(move || {
            keys.remove();
            hide.remove();
            self.flush();
        });
    }

    /// Typing in a field.
    pub(super) fn type_in(self, key: &str, change: impl FnOnce(&mut Seed)) {
        let earlier = self.draft.try_update(|draft| draft.type_in(key, change));
        if let Some(Some(save)) = earlier {
            self.send(save);
        }
        self.pause.run(move || self.flush());
    }

    /// An operation that is a step of undo of its own.
    pub(super) fn act(self, change: impl FnOnce(&mut Seed)) {
        self.pause.cancel();
        for save in self
            .draft
            .try_update(|draft| draft.act(change))
            .unwrap_or_default()
        {
            self.send(save);
        }
    }

    /// [`Self::act`] with a whole seed.
    pub(super) fn put(self, seed: Seed) {
        self.follow(&seed);
        self.act(move |own| *own = seed);
    }

    /// Saves what waits.
    pub(super) fn flush(self) {
        self.pause.cancel();
        if let Some(Some(save)) = self.draft.try_update(Draft::take) {
            self.send(save);
        }
    }

    fn send(self, save: Save) {
        let Some(project) = self.project.try_get_value() else {
            return;
        };
        let number = save.number;
        let request = Request::SaveSeed {
            project: project.clone(),
            seed: save.seed,
            merge_key: save.merge_key,
        };
        // Sent now and not when the task is first polled: the page may be closing.
        let answer = self.desk.ask_streaming(request, |_| {});
        self.desk.spawn(async move {
            match answer.await {
                Ok(Reply::Seed(view)) => {
                    self.draft.try_update(|draft| draft.answered(number));
                    self.failure.try_set(None);
                    self.desk.set_seed(&project, *view);
                }
                Ok(_) => {}
                Err(failure) => {
                    self.draft.try_update(|draft| draft.failed(number));
                    self.failure.try_set(Some(failure));
                }
            }
        });
    }

    /// A step back or forward in the seed's history.
    pub(super) fn undo(self, redo: bool) {
        self.flush();
        let can = self.saving.get_untracked() != Saving::Saved
            || self.desk.seed().with_untracked(|seed| {
                seed.as_ref()
                    .is_some_and(|seed| if redo { seed.can_redo } else { seed.can_undo })
            });
        let Some(project) = self.project.try_get_value().filter(|_| can) else {
            return;
        };
        let request = if redo {
            Request::RedoSeed {
                project: project.clone(),
            }
        } else {
            Request::UndoSeed {
                project: project.clone(),
            }
        };
        let answer = self.desk.ask_streaming(request, |_| {});
        self.desk.spawn(async move {
            match answer.await {
                Ok(Reply::Seed(view)) => {
                    self.show(&view.seed);
                    self.desk.set_seed(&project, *view);
                    self.desk.say(if redo { "Redone." } else { "Undone." });
                }
                Ok(_) => {}
                Err(failure) => {
                    self.failure.try_set(Some(failure));
                }
            }
        });
    }

    /// Shows a stored seed, unless that would lose something typed.
    fn show(self, seed: &Seed) {
        // Looked at first: an update would redraw even where nothing changed.
        let differs = self
            .draft
            .try_with_untracked(|draft| draft.seed() != seed)
            .unwrap_or(false);
        if differs && self.draft.try_update(|draft| draft.replace(seed)) == Some(true) {
            self.follow(seed);
        }
    }

    fn follow(self, seed: &Seed) {
        self.topics.try_update(|rows| rows.follow(&seed.topics));
        self.perspectives
            .try_update(|rows| rows.follow(&seed.perspectives));
        self.examples.try_update(|rows| rows.follow(&seed.examples));
    }

    /// Puts the example rows into the seed, as typing under `key` or as an operation.
    pub(super) fn save_examples(self, key: Option<String>) {
        let items = self.examples.with_untracked(Rows::items);
        match key {
            Some(key) => self.type_in(&key, |seed| seed.examples = items),
            None => self.act(|seed| seed.examples = items),
        }
    }
}
