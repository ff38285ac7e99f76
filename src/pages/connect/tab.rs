//! The model in this tab, as the page knows it: what the engine said last, what is being loaded, how quick it was. It
//! outlives the dialog, so that loading goes on when that is closed.

use super::gguf::{Loading, is_picked};
use crate::pages::desk::{Desk, failure_of};
use leptos::prelude::*;
use seedbed_core::engine::{EngineKept, EngineLoaded, EngineModel, EngineOrder, EngineState};
use seedbed_core::messages::{Failure, FailureKind, Progress, Reply, Request, RequestId, RunPhase};
use seedbed_core::model::EndpointKind;

/// Key of the browser's lasting storage that holds how quick which model was.
const PACE: &str = "seedbed:tab-pace";

/// How quick a model was when it was last busy.
#[derive(Clone, Debug, PartialEq)]
struct Pace {
    model: String,
    tokens_per_second: f64,
}

/// Handles to it.
#[derive(Clone, Copy)]
pub struct Tab {
    state: RwSignal<Option<EngineState>>,
    /// Why the engine can't be asked.
    problem: RwSignal<Option<Failure>>,
    loading: RwSignal<Option<Loading>>,
    /// What came of the last loading, unloading or deleting, if it failed.
    failure: RwSignal<Option<Failure>>,
    /// What was done last, for who can't see it: the app's own messages are out of reach while a dialog is open.
    said: RwSignal<String>,
    pace: RwSignal<Option<Pace>>,
    is_asking: StoredValue<bool>,
    task: StoredValue<Option<RequestId>>,
    order: StoredValue<Option<EngineOrder>>,
}

impl Tab {
    pub(super) fn new() -> Self {
        Self {
            state: RwSignal::new(None),
            problem: RwSignal::new(None),
            loading: RwSignal::new(None),
            failure: RwSignal::new(None),
            said: RwSignal::new(String::new()),
            pace: RwSignal::new(None),
            is_asking: StoredValue::new(false),
            task: StoredValue::new(None),
            order: StoredValue::new(None),
        }
    }

    /// What the engine said last.
    pub fn state(self) -> RwSignal<Option<EngineState>> {
        self.state
    }

    /// Why the engine can't be asked.
    pub fn problem(self) -> RwSignal<Option<Failure>> {
        self.problem
    }

    /// What is being loaded.
    pub fn loading(self) -> RwSignal<Option<Loading>> {
        self.loading
    }

    /// What failed last.
    pub fn failure(self) -> RwSignal<Option<Failure>> {
        self.failure
    }

    /// What was done last.
    pub(super) fn said(self) -> RwSignal<String> {
        self.said
    }

    fn say(self, desk: Desk, text: String) {
        desk.say(&text);
        self.said.set(text);
    }

    /// What is loaded; `None` also while that is not known.
    pub fn loaded(self) -> Option<EngineLoaded> {
        self.state
            .with(|state| state.as_ref().and_then(|state| state.loaded.clone()))
    }

    /// Asks the engine. The first time that starts it.
    pub fn refresh(self, desk: Desk) {
        if self.is_asking.get_value() {
            return;
        }
        self.is_asking.set_value(true);
        desk.spawn(async move {
            let answer = desk.ask(Request::EngineState).await;
            self.is_asking.set_value(false);
            match answer {
                Err(failure) => {
                    self.state.set(None);
                    self.problem.set(Some(failure));
                }
                answer => self.hear(desk, answer),
            }
        });
    }

    fn hear(self, desk: Desk, answer: Result<Reply, Failure>) {
        match answer {
            Ok(Reply::Engine(state)) => {
                self.problem.set(None);
                self.keep_pace(desk, &state);
                if self
                    .state
                    .with_untracked(|now| now.as_ref() != Some(&*state))
                {
                    self.state.set(Some(*state));
                }
            }
            Ok(_) => self.failure.set(Some(failure_of(
                "The worker gave another answer than asked for.",
            ))),
            Err(failure) => self.failure.set(Some(failure)),
        }
    }

    /// Loads a model. When it is there, the focus goes to the element with the id `then`, if it stands.
    pub fn load(self, desk: Desk, order: EngineOrder, then: &'static str) {
        if self.loading.with_untracked(Option::is_some) {
            return;
        }
        self.failure.set(None);
        self.said.set(String::new());
        self.order.set_value(Some(order.clone()));
        self.loading.set(Some(Loading::new(&order.model)));
        let model = order.model.clone();
        let running = desk.ask_streaming(Request::EngineLoad(Box::new(order)), move |progress| {
            if let Progress::Engine { stage, done, total } = progress {
                let now = desk.mark_start();
                self.loading.update(|loading| {
                    if let Some(loading) = loading {
                        loading.hear(stage, done, total, now);
                    }
                });
            }
        });
        self.task.set_value(Some(running.id()));
        desk.spawn(async move {
            let answer = running.await;
            self.task.set_value(None);
            self.loading.set(None);
            match answer {
                Ok(reply) => {
                    if is_picked(&model) {
                        desk.drop_object_url(&model.url);
                        for file in &model.files {
                            desk.drop_object_url(&file.url);
                        }
                    }
                    self.order.set_value(None);
                    self.hear(desk, Ok(reply));
                    let is_kept = untrack(|| self.loaded()).is_none_or(|loaded| loaded.is_kept);
                    self.say(
                        desk,
                        if is_kept {
                            format!("{} is loaded.", model.name)
                        } else {
                            format!("{} is loaded, but could not be kept.", model.name)
                        },
                    );
                    desk.focus_soon(then);
                    return;
                }
                Err(failure) if failure.kind == FailureKind::Cancelled => {
                    self.say(desk, "Stopped. What has arrived is kept.".to_owned());
                    // The button is gone; one of these stands and can take the focus.
                    desk.focus_soon("tab-notice");
                    desk.focus_soon("tab-model");
                }
                Err(failure) => self.failure.set(Some(failure)),
            }
            // What has arrived is listed, and a model that made room is gone.
            self.refresh(desk);
        });
    }

    /// Tries what failed once more.
    pub fn load_again(self, desk: Desk, then: &'static str) {
        if let Some(Some(order)) = self.order.try_get_value() {
            self.load(desk, order, then);
        } else {
            self.failure.set(None);
            self.refresh(desk);
        }
    }

    /// Stops loading; what has arrived is kept.
    pub fn stop(self, desk: Desk) {
        if let Some(Some(id)) = self.task.try_get_value() {
            desk.cancel(id);
        }
    }

    /// Frees the device.
    pub fn unload(self, desk: Desk) {
        let is_kept = untrack(|| self.loaded()).is_none_or(|loaded| loaded.is_kept);
        let done = if is_kept {
            "Unloaded. Its file is kept."
        } else {
            "Unloaded."
        };
        self.send(desk, Request::EngineUnload, done.to_owned());
    }

    /// Deletes a kept file.
    pub fn forget(self, desk: Desk, model: &EngineModel) {
        let request = Request::EngineForget {
            url: model.url.clone(),
        };
        self.send(desk, request, format!("{} is deleted.", model.name));
    }

    fn send(self, desk: Desk, request: Request, done: String) {
        self.failure.set(None);
        self.order.set_value(None);
        desk.spawn(async move {
            let answer = desk.ask(request).await;
            if answer.is_ok() {
                self.say(desk, done);
            }
            self.hear(desk, answer);
        });
    }

    fn keep_pace(self, desk: Desk, state: &EngineState) {
        let Some(loaded) = &state.loaded else {
            return;
        };
        let speed = state.speed;
        // While questions are read, it writes slower than it can.
        if speed.running == 0 || speed.reading > 0 || speed.tokens_per_second <= 0.0 {
            return;
        }
        let model = loaded.model.name.clone();
        let tokens_per_second = speed.tokens_per_second;
        desk.local_set(PACE, &format!("{tokens_per_second:.1}|{model}"));
        self.pace.set(Some(Pace {
            model,
            tokens_per_second,
        }));
    }

    /// Tokens per second of `model` when it was last busy in this browser.
    pub fn pace_of(self, desk: Desk, model: &str) -> Option<f64> {
        let pace = self
            .pace
            .get()
            .or_else(|| read_pace(&desk.local_get(PACE)?))?;
        (pace.model == model).then_some(pace.tokens_per_second)
    }

    /// The project's model is to run in this tab.
    pub fn is_chosen(desk: Desk) -> bool {
        desk.endpoint().with(|endpoint| {
            endpoint
                .as_ref()
                .is_some_and(|endpoint| endpoint.kind == EndpointKind::Tab)
        })
    }

    /// The project's model is to run in this tab, and does not: it is another one, none, or can't be asked.
    pub fn is_missing(self, desk: Desk) -> bool {
        let Some(wanted) = wanted(desk) else {
            return false;
        };
        self.problem.with(Option::is_some)
            || self.state.with(|state| {
                state.as_ref().is_some_and(|state| {
                    state
                        .loaded
                        .as_ref()
                        .is_none_or(|loaded| !wanted.is(&loaded.model))
                })
            })
    }

    /// The whole kept file of the project's model.
    pub fn kept_file(self, desk: Desk) -> Option<EngineKept> {
        let wanted = wanted(desk)?;
        self.state.with(|state| {
            let kept = &state.as_ref()?.kept;
            kept.iter()
                .find(|file| file.is_whole && wanted.is(&file.model))
                .cloned()
        })
    }

    /// A run writes with the model in this tab.
    pub fn is_in_use(desk: Desk) -> bool {
        Self::is_chosen(desk)
            && desk.run().with(|run| {
                run.as_ref()
                    .is_some_and(|run| matches!(run.phase, RunPhase::Running | RunPhase::Pausing))
            })
    }
}

/// A model that is to run in this tab: two files of one name are told apart by their hash, where it is known.
pub(super) struct Wanted {
    pub(super) name: String,
    file: Option<String>,
}

impl Wanted {
    /// Whether it is this one.
    fn is(&self, model: &EngineModel) -> bool {
        let is_file = match (&self.file, &model.sha256) {
            (Some(wanted), Some(file)) => wanted.eq_ignore_ascii_case(file),
            _ => true,
        };
        model.name == self.name && is_file
    }
}

/// The project's model, if it is to run in this tab.
pub(super) fn wanted(desk: Desk) -> Option<Wanted> {
    desk.endpoint().with(|endpoint| {
        endpoint
            .as_ref()
            .filter(|endpoint| endpoint.kind == EndpointKind::Tab)
            .map(|endpoint| Wanted {
                name: endpoint.model.clone(),
                file: endpoint.file.clone(),
            })
    })
}

fn read_pace(text: &str) -> Option<Pace> {
    let (number, model) = text.split_once('|')?;
    let tokens_per_second = number
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number > 0.0)?;
    Some(Pace {
        model: model.to_owned(),
        tokens_per_second,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_pace_is_read_back_and_a_broken_one_is_none() {
        let pace = read_pace("34.5|m|1.gguf").unwrap();
        assert_eq!(
            (pace.tokens_per_second, pace.model.as_str()),
            (34.5, "m|1.gguf")
        );
        for broken in ["", "x|m", "0|m", "-1|m", "NaN|m", "12"] {
            assert_eq!(read_pace(broken), None, "{broken}");
        }
    }
}
