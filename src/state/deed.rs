//! Something a person set going: whether it is under way, and why it failed.

use leptos::prelude::*;
use seedbed_core::messages::Failure;
use std::future::Future;

/// At most one at a time.
#[derive(Clone, Copy)]
pub struct Deed {
    is_busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
}

impl Default for Deed {
    fn default() -> Self {
        Self {
            is_busy: RwSignal::new(false),
            failure: RwSignal::new(None),
        }
    }
}

impl Deed {
    /// It is under way.
    pub fn is_busy(self) -> bool {
        self.is_busy.get()
    }

    /// Why it failed last.
    pub fn failure(self) -> Option<Failure> {
        self.failure.get()
    }

    /// Says that it can't be done.
    pub fn refuse(self, failure: Failure) {
        self.failure.set(Some(failure));
    }

    /// Forgets the last failure.
    pub fn clear(self) {
        self.failure.set(None);
    }

    /// Sets it going, unless it already is.
    pub fn run(self, act: impl Future<Output = Result<(), Failure>> + 'static) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        self.failure.set(None);
        leptos::task::spawn_local(async move {
            if let Err(failure) = act.await {
                self.failure.try_set(Some(failure));
            }
            self.is_busy.try_set(false);
        });
    }
}
