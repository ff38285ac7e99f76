//! Tables that people bring. What stands here comes with the page; the rest is fetched when there is a table.

mod columns;
mod dataset;
mod dialog;
mod reading;
mod take;
mod words;

pub use dialog::TableDialog;
use take::Offer;

use futures::channel::oneshot;
use leptos::prelude::*;
use seedbed_core::import::TableSource;
use seedbed_core::messages::{Failure, FailureKind, Reply};

/// A table that somebody brings.
struct Brought {
    source: TableSource,
    into: Option<String>,
    answer: oneshot::Sender<Result<Option<Reply>, Failure>>,
}

/// Where a table waits for the dialog.
#[derive(Clone, Copy)]
pub struct Tables {
    /// What was brought and nobody has looked at.
    brought: StoredValue<Option<Brought>, LocalStorage>,
    /// Counts up with each.
    count: RwSignal<u32>,
    offer: StoredValue<Option<Offer>, LocalStorage>,
    /// A dataset of the Hub of which something may be taken.
    dataset: RwSignal<Option<String>>,
    /// The request that takes rows in.
    under_way: StoredValue<Option<u32>>,
    /// Counts up when a table waits.
    turn: RwSignal<u32>,
    open: RwSignal<bool>,
}

impl Tables {
    /// The code for tables is needed.
    pub fn is_needed(self) -> bool {
        self.open.get() || self.count.get() > 0
    }

    /// Takes the table in `source` into the open project `into` or a new one: at once where it is clear what is what, else
    /// as the person says. `None` when it is no table but a file of ours.
    ///
    /// # Errors
    /// What is wrong with the table, or that nobody wanted it in the end.
    pub async fn take_in(
        self,
        source: TableSource,
        into: Option<String>,
    ) -> Result<Option<Reply>, Failure> {
        let (answer, answered) = oneshot::channel();
        self.brought.set_value(Some(Brought {
            source,
            into,
            answer,
        }));
        self.count.update(|count| *count += 1);
        answered.await.unwrap_or_else(|_gone| Err(cancelled()))
    }

    /// Closes the dialog.
    pub fn close(self) {
        self.open.set(false);
    }

    /// Shows what a dataset of the Hub offers.
    pub fn open_dataset(self, repo: String) {
        self.dataset.set(Some(repo));
        self.open.set(true);
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            brought: StoredValue::new_local(None),
            count: RwSignal::new(0),
            offer: StoredValue::new_local(None),
            dataset: RwSignal::new(None),
            under_way: StoredValue::new(None),
            turn: RwSignal::new(0),
            open: RwSignal::new(false),
        }
    }
}

fn cancelled() -> Failure {
    Failure::new(FailureKind::Cancelled, "The import was stopped.").means(
        "Of a new project nothing is kept; rows that came into an open one before stay in it.",
    )
}
