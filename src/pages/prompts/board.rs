//! What the page shows of the instructions, and what can be done with them.

use super::counts::{Grid, neighbour};
use super::keys::{Action, action};
use crate::pages::desk::{Desk, Live};
use crate::pages::generate::words::plural;
use crate::pages::review::keys::Press;
use leptos::ev;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, PromptFilter, PromptPage, PromptView, Reply, Request};
use seedbed_core::prompt::{Cell, PromptState};
use std::collections::HashMap;

/// Rows of a window.
pub(super) const WINDOW: u32 = 40;
/// The person's switch for single keys, shared with the review page.
const KEYS_SWITCH: &str = "seedbed:review-keys";

/// What is open on one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Edit,
    Evolve,
}

/// States before a change, to put them back.
type Step = Vec<(String, PromptState)>;

/// Handles to what the page shows.
#[derive(Clone, Copy)]
pub(super) struct Board {
    pub desk: Desk,
    pub grid: Memo<Grid>,
    /// The window as it was read last.
    pub page: Memo<PromptPage>,
    pub live: Live<PromptPage>,
    pub cell: RwSignal<Option<Cell>>,
    pub state: RwSignal<Option<PromptState>>,
    pub search: RwSignal<String>,
    pub offset: RwSignal<u32>,
    /// Where the keys act; may name one that is no longer shown.
    pub chosen: RwSignal<Option<String>>,
    pub current: Memo<Option<String>>,
    pub open: RwSignal<Option<(String, Open)>>,
    pub is_adding: RwSignal<bool>,
    pub is_evolving_all: RwSignal<bool>,
    pub failure: RwSignal<Option<Failure>>,
    pub are_keys_on: RwSignal<bool>,
    /// States that were chosen and not yet read back.
    ahead: RwSignal<HashMap<String, PromptState>>,
    under_way: StoredValue<u32>,
    steps: RwSignal<Vec<Step>>,
}

impl Board {
    pub(super) fn new(desk: Desk) -> Self {
        let cell = RwSignal::new(None);
        let state = RwSignal::new(None);
        let search = RwSignal::new(String::new());
        let offset = RwSignal::new(0);
        let live = desk.live(
            move || {
                desk.prompts_revision().track();
                Some(Request::ListPrompts {
                    project: desk.project_id(),
                    filter: PromptFilter {
                        cell: cell.get(),
                        state: state.get(),
                        search: search.with(|text| text.trim().to_owned()),
                    },
                    offset: offset.get(),
                    limit: WINDOW,
                })
            },
            |reply| match reply {
                Reply::Prompts(page) => Some(page),
                _ => None,
            },
        );
        let page = Memo::new(move |before: Option<&PromptPage>| {
            live.with(|answer| match answer {
                Some(Ok(page)) => page.clone(),
                // A failure is shown beside what was read before.
                _ => before.cloned().unwrap_or_default(),
            })
        });
        let grid = Memo::new(move |_| {
            desk.seed().with(|seed| {
                page.with(|page| {
                    seed.as_ref()
                        .map(|seed| Grid::new(&seed.seed, &page.cells))
                        .unwrap_or_default()
                })
            })
        });
        let chosen: RwSignal<Option<String>> = RwSignal::new(None);
        let current = Memo::new(move |_| {
            page.with(|page| {
                chosen.with(|chosen| {
                    let is_shown =
                        |id: &String| page.prompts.iter().any(|row| row.prompt.id == *id);
                    chosen
                        .clone()
                        .filter(is_shown)
                        .or_else(|| page.prompts.first().map(|row| row.prompt.id.clone()))
                })
            })
        });
        Self {
            desk,
            grid,
            page,
            live,
            cell,
            state,
            search,
            offset,
            chosen,
            current,
            open: RwSignal::new(None),
            is_adding: RwSignal::new(false),
            is_evolving_all: RwSignal::new(false),
            failure: RwSignal::new(None),
            are_keys_on: RwSignal::new(desk.local_get(KEYS_SWITCH).as_deref() != Some("off")),
            ahead: RwSignal::new(HashMap::new()),
            under_way: StoredValue::new(0),
            steps: RwSignal::new(Vec::new()),
        }
    }

    /// Hears of keys, and of answers.
    pub(super) fn listen(self) {
        Effect::new(move |_| {
            // Read back: what was shown ahead of its storing is now shown as stored.
            if !self.live.is_loading() && self.under_way.get_value() == 0 {
                let has_some = self.ahead.with_untracked(|ahead| !ahead.is_empty());
                if has_some {
                    self.ahead.update(HashMap::clear);
                }
            }
        });
        Effect::new(move |_| {
            // A window that has emptied (all of its rows were kept, say) goes back to the last one that has rows.
            let total = self.page.with(|page| page.total);
            if total > 0 && self.offset.get_untracked() >= total {
                self.offset.set((total - 1) / WINDOW * WINDOW);
            }
        });
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
            let focus = self.desk.focus_kind(&event);
            if let Some(action) = action(&press, focus, self.are_keys_on.get_untracked()) {
                event.prevent_default();
                self.act(action);
            }
        });
        on_cleanup(move || handle.remove());
    }

    /// Switches single keys on or off, for this browser.
    pub(super) fn set_keys(self, on: bool) {
        self.are_keys_on.set(on);
        self.desk
            .local_set(KEYS_SWITCH, if on { "on" } else { "off" });
    }

    /// Reads everything again.
    pub(super) fn reload(self) {
        self.failure.set(None);
        self.live.reload();
    }

    /// Ids of the window.
    pub(super) fn ids(self) -> Vec<String> {
        self.page.with(|page| {
            page.prompts
                .iter()
                .map(|row| row.prompt.id.clone())
                .collect()
        })
    }

    /// The instruction `id` of the window.
    pub(super) fn row(self, id: &str) -> Option<PromptView> {
        self.page
            .with(|page| page.prompts.iter().find(|row| row.prompt.id == id).cloned())
    }

    /// State of an instruction, as the person chose it last.
    pub(super) fn state_of(self, id: &str, stored: PromptState) -> PromptState {
        self.ahead
            .with(|ahead| ahead.get(id).copied())
            .unwrap_or(stored)
    }

    /// Ids of the window in a state.
    pub(super) fn shown_in(self, wanted: PromptState) -> Vec<String> {
        self.page.with(|page| {
            page.prompts
                .iter()
                .filter(|row| self.state_of(&row.prompt.id, row.prompt.state) == wanted)
                .map(|row| row.prompt.id.clone())
                .collect()
        })
    }

    /// Shows a cell, or all.
    pub(super) fn choose_cell(self, cell: Option<Cell>) {
        self.cell.set(cell);
        self.offset.set(0);
        self.chosen.set(None);
        self.open.set(None);
    }

    /// Shows a state, or all.
    pub(super) fn choose_state(self, state: Option<PromptState>) {
        self.state.set(state);
        self.offset.set(0);
        self.chosen.set(None);
        self.open.set(None);
    }

    /// There is something to take back.
    pub(super) fn can_undo(self) -> bool {
        self.steps.with(|steps| !steps.is_empty())
    }

    fn send(self, ids: Vec<String>, state: PromptState) {
        self.ahead.update(|ahead| {
            for id in &ids {
                ahead.insert(id.clone(), state);
            }
        });
        self.under_way.update_value(|n| *n += 1);
        let request = Request::SetPromptState {
            project: self.desk.project_id(),
            ids,
            state,
        };
        let answer = self.desk.ask_streaming(request, |_| {});
        self.desk.spawn(async move {
            let outcome = answer.await;
            self.under_way
                .try_update_value(|n| *n = n.saturating_sub(1));
            match outcome {
                Ok(_) => {
                    self.failure.try_set(None);
                }
                Err(failure) => {
                    // What is shown ahead of its storing has not happened.
                    self.ahead.try_update(HashMap::clear);
                    self.failure.try_set(Some(failure));
                }
            }
            self.desk.prompts_changed();
        });
    }

    /// Keeps, strikes or puts back. The former states can be had back by [`Self::undo`].
    pub(super) fn set_state(self, ids: Vec<String>, state: PromptState) {
        let before: Step = untrack(|| {
            ids.iter()
                .filter_map(|id| {
                    let now = self.state_of(id, self.row(id)?.prompt.state);
                    (now != state).then(|| (id.clone(), now))
                })
                .collect()
        });
        if before.is_empty() {
            return;
        }
        let ids: Vec<String> = before.iter().map(|(id, _)| id.clone()).collect();
        let what = match state {
            PromptState::Kept => "Kept",
            PromptState::Struck => "Struck",
            PromptState::Proposed => "Put back",
        };
        self.desk.say(&match ids.len() {
            1 => format!("{what}."),
            n => format!(
                "{what}: {}.",
                plural(n as u64, "instruction", "instructions")
            ),
        });
        self.steps.update(|steps| steps.push(before));
        self.send(ids, state);
    }

    /// Takes the last change of states back.
    pub(super) fn undo(self) {
        let Some(Some(step)) = self.steps.try_update(Vec::pop) else {
            self.desk.say("Nothing to undo.");
            return;
        };
        self.desk.say("Undone.");
        for state in [
            PromptState::Proposed,
            PromptState::Kept,
            PromptState::Struck,
        ] {
            let ids: Vec<String> = step
                .iter()
                .filter(|(_, before)| *before == state)
                .map(|(id, _)| id.clone())
                .collect();
            if !ids.is_empty() {
                self.send(ids, state);
            }
        }
        if let [(id, _)] = step.as_slice() {
            self.chosen.set(Some(id.clone()));
        }
    }

    /// Changes the state of one and goes on to the next, as keys do.
    pub(super) fn decide(self, id: &str, state: PromptState) {
        let next = untrack(|| neighbour(&self.ids(), id));
        self.set_state(vec![id.to_owned()], state);
        if let Some(next) = next {
            self.go_to(next);
        }
    }

    /// Makes an instruction the current one and shows it.
    pub(super) fn go_to(self, id: String) {
        self.desk.focus_on(item_id(&id));
        self.chosen.set(Some(id));
    }

    fn step(self, forward: bool) {
        let (ids, chosen, current) =
            untrack(|| (self.ids(), self.chosen.get(), self.current.get()));
        let Some(at) = current.and_then(|id| ids.iter().position(|own| *own == id)) else {
            return;
        };
        let is_first_touch = chosen.is_none();
        let to = match (forward, is_first_touch) {
            (_, true) => at,
            (true, _) => at + 1,
            (false, _) => at.wrapping_sub(1),
        };
        match ids.get(to) {
            Some(id) => self.go_to(id.clone()),
            None => self.desk.say(if forward {
                "This is the last one shown."
            } else {
                "This is the first one shown."
            }),
        }
    }

    /// Opens or closes something on an instruction.
    pub(super) fn toggle(self, id: &str, what: Open) {
        let value = Some((id.to_owned(), what));
        if self.open.get_untracked() == value {
            self.close(id);
        } else {
            self.chosen.set(Some(id.to_owned()));
            self.open.set(value);
            self.desk.focus_on(match what {
                Open::Edit => format!("{}-text", item_id(id)),
                Open::Evolve => format!("{}-evolve", item_id(id)),
            });
        }
    }

    /// Closes what is open and goes back to the instruction.
    pub(super) fn close(self, id: &str) {
        self.open.set(None);
        self.desk.focus_on(item_id(id));
    }

    /// Carries a key out.
    pub(super) fn act(self, action: Action) {
        let current = self.current.get_untracked();
        match (action, current) {
            (Action::Next, _) => self.step(true),
            (Action::Previous, _) => self.step(false),
            (Action::Undo, _) => self.undo(),
            (Action::Search, _) => self.desk.focus_soon("prompt-search"),
            (Action::Add, _) => {
                self.is_adding.set(true);
                self.desk.focus_soon("add-text");
            }
            (Action::Keep, Some(id)) => self.decide(&id, PromptState::Kept),
            (Action::Strike, Some(id)) => self.decide(&id, PromptState::Struck),
            (Action::PutBack, Some(id)) => self.set_state(vec![id], PromptState::Proposed),
            (Action::Edit, Some(id)) => self.toggle(&id, Open::Edit),
            (Action::Evolve, Some(id)) => self.toggle(&id, Open::Evolve),
            (_, None) => {}
        }
    }
}

/// Id of the element of an instruction.
pub(super) fn item_id(id: &str) -> String {
    format!("prompt-{id}")
}
