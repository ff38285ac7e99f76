//! Answers that follow what they were asked about.

use super::Desk;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, Reply, Request};

/// The answer of a request that is sent again when its inputs change; `None` until the first answer. One request is
/// under way at a time: changes meanwhile are put together into one more.
pub struct Live<T: Send + Sync + 'static> {
    value: RwSignal<Option<Result<T, Failure>>>,
    is_loading: RwSignal<bool>,
    again: RwSignal<u32>,
}

impl<T: Send + Sync + 'static> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Live<T> {}

impl<T: Clone + Send + Sync + 'static> Live<T> {
    pub(super) fn new(
        desk: Desk,
        request: impl Fn() -> Option<Request> + 'static,
        pick: fn(Reply) -> Option<T>,
    ) -> Self {
        let live = Self {
            value: RwSignal::new(None),
            is_loading: RwSignal::new(false),
            again: RwSignal::new(0),
        };
        let waiting: StoredValue<Option<Request>> = StoredValue::new(None);
        Effect::new(move |_| {
            live.again.track();
            let Some(request) = request() else {
                live.value.set(None);
                return;
            };
            waiting.set_value(Some(request));
            if live.is_loading.get_untracked() {
                return;
            }
            live.is_loading.set(true);
            desk.spawn(async move {
                while let Some(Some(request)) = waiting.try_update_value(Option::take) {
                    let answer = desk.ask(request.clone()).await;
                    // An answer to what is no longer asked is dropped; the same question asked again still counts,
                    // or a busy run would never show.
                    let is_current = waiting
                        .try_with_value(|next| next.as_ref().is_none_or(|next| *next == request));
                    if is_current == Some(true) {
                        live.value.try_set(match answer {
                            Ok(reply) => pick(reply).map(Ok),
                            Err(failure) => Some(Err(failure)),
                        });
                    }
                }
                live.is_loading.try_set(false);
            });
        });
        live
    }

    /// The answer.
    pub fn get(self) -> Option<Result<T, Failure>> {
        self.value.get()
    }

    /// Looks at the answer.
    pub fn with<R>(self, look: impl FnOnce(&Option<Result<T, Failure>>) -> R) -> R {
        self.value.with(look)
    }

    /// Asks again.
    pub fn reload(self) {
        self.again.update(|again| *again += 1);
    }

    /// A request is under way.
    pub fn is_loading(self) -> bool {
        self.is_loading.get()
    }
}
