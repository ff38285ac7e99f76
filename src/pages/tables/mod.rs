//! Tables that people bring: what goes through by itself, and the dialog that asks where it doesn't.

mod columns;
mod dataset;
mod dialog;
mod reading;
mod words;

pub use dialog::TableDialog;

use crate::pages::desk::{Desk, failure_of};
use futures::channel::oneshot;
use leptos::prelude::*;
use seedbed_core::import::{Choice, Look, Mapping, Scope, TableSource};
use seedbed_core::messages::{Failure, FailureKind, Reply, Request};
use seedbed_core::packed::Packed;

/// Tables below this are taken before anybody could read of it.
const QUICK_BYTES: u64 = 2 << 20;
/// Mappings that a person chose, by the fingerprint of their columns.
const REMEMBERED: &str = "seedbed:columns:";

/// A table that waits for an answer of the person.
pub struct Offer {
    look: Look,
    into: Option<String>,
    /// Nothing has to be asked: it is taken at once, with its progress in sight.
    is_sure: bool,
    answer: oneshot::Sender<Result<Reply, Failure>>,
}

/// Where a table waits for the dialog.
#[derive(Clone, Copy)]
pub struct Tables {
    offer: StoredValue<Option<Offer>, LocalStorage>,
    /// A dataset of the Hub of which something may be taken.
    dataset: RwSignal<Option<String>>,
    /// Counts up when a table waits.
    turn: RwSignal<u32>,
    open: RwSignal<bool>,
}

impl Tables {
    /// The dialog is open.
    pub fn is_open(self) -> bool {
        self.open.get()
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
            offer: StoredValue::new_local(None),
            dataset: RwSignal::new(None),
            turn: RwSignal::new(0),
            open: RwSignal::new(false),
        }
    }
}

fn cancelled() -> Failure {
    Failure::new(FailureKind::Cancelled, "Nothing was taken in.")
}

/// Takes the table in `source` into the open project `into` or a new one: at once where it is clear what is what, else
/// as the person says. `None` when it is no table but a file of ours.
///
/// # Errors
/// What is wrong with the table, or that nobody wanted it in the end.
pub async fn take_in(
    desk: Desk,
    source: TableSource,
    into: Option<String>,
) -> Result<Option<Reply>, Failure> {
    let open = Request::OpenTable {
        source: Packed::of(&source),
        choice: Packed::of(&Choice::default()),
        language: desk.language(),
    };
    let mut look = match desk.ask(open).await? {
        Reply::Look(look) => look.open()?,
        Reply::OwnFile(_) => return Ok(None),
        _ => return Err(failure_of("The worker gave another answer than asked for.")),
    };
    let mut is_sure = look.is_sure;
    if let Some(mapping) = remembered(desk, &look) {
        // Only the columns were answered before; an encoding or a header is a question of this file.
        let asks_else = look.is_header_doubtful
            || !look.parts.is_empty()
            || look.encoding.as_ref().is_some_and(|one| !one.is_certain)
            || look.damage.as_ref().is_some_and(|one| !one.is_certain);
        is_sure = !asks_else;
        look.mapping = mapping;
    }
    if is_sure && look.bytes < QUICK_BYTES {
        let take = Request::TakeTable {
            table: look.table,
            mapping: Packed::of(&look.mapping),
            scope: Packed::of(&Scope::default()),
            into,
        };
        return desk.ask(take).await.map(Some);
    }
    let (answer, answered) = oneshot::channel();
    let tables = desk.tables();
    tables.offer.set_value(Some(Offer {
        look,
        into,
        is_sure,
        answer,
    }));
    tables.turn.update(|turn| *turn += 1);
    tables.open.set(true);
    match answered.await {
        Ok(answer) => answer.map(Some),
        Err(_closed) => Err(cancelled()),
    }
}

/// The mapping that was chosen for these columns before.
fn remembered(desk: Desk, look: &Look) -> Option<Mapping> {
    let text = desk.local_get(&format!("{REMEMBERED}{}", look.fingerprint))?;
    let mapping: Mapping = serde_json::from_str(&text).ok()?;
    // A build that knew other uses may have written it.
    mapping.lack().is_none().then_some(mapping)
}

/// Remembers what was chosen for these columns.
fn remember(desk: Desk, fingerprint: &str, mapping: &Mapping) {
    if let Ok(text) = serde_json::to_string(mapping) {
        // A browser without storage asks again.
        desk.local_set(&format!("{REMEMBERED}{fingerprint}"), &text);
    }
}
