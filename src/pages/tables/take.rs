//! What goes through by itself, and what has to be asked.

use super::{Tables, cancelled};
use crate::pages::desk::{Desk, failure_of};
use futures::channel::oneshot;
use leptos::prelude::*;
use seedbed_core::import::{Choice, Look, Mapping, Scope, TableCall, TableSource};
use seedbed_core::messages::{Failure, Reply};

/// Tables below this are taken before anybody could read of it.
const QUICK_BYTES: u64 = 2 << 20;
/// Mappings that a person chose, by the fingerprint of their columns.
const REMEMBERED: &str = "seedbed:columns:";

/// A table that waits for an answer of the person.
pub(super) struct Offer {
    pub(super) look: Look,
    pub(super) into: Option<String>,
    /// Nothing has to be asked: it is taken at once, with its progress in sight.
    pub(super) is_sure: bool,
    pub(super) answer: oneshot::Sender<Result<Reply, Failure>>,
}

/// Takes what is brought, one table after another.
pub(super) fn take_what_comes(desk: Desk, tables: Tables) {
    Effect::new(move |_| {
        tables.count.track();
        let brought = tables.brought.try_update_value(Option::take).flatten();
        if let Some(brought) = brought {
            desk.spawn(async move {
                let taken = take_in(desk, brought.source, brought.into).await;
                // Whoever brought it may have left.
                brought.answer.send(taken).ok();
            });
        }
    });
}

/// Takes the table in `source` into the open project `into` or a new one: at once where it is clear what is what, else
/// as the person says. `None` when it is no table but a file of ours.
///
/// # Errors
/// What is wrong with the table, or that nobody wanted it in the end.
pub(super) async fn take_in(
    desk: Desk,
    source: TableSource,
    into: Option<String>,
) -> Result<Option<Reply>, Failure> {
    let open = TableCall::Open {
        source: source.clone(),
        choice: Choice::default(),
        language: desk.language(),
    }
    .request();
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
        let take = TableCall::Take {
            table: look.table,
            mapping: look.mapping.clone(),
            scope: Scope::default(),
            into,
        }
        .request();
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
pub(super) fn remember(desk: Desk, fingerprint: &str, mapping: &Mapping) {
    if let Ok(text) = serde_json::to_string(mapping) {
        // A browser without storage asks again.
        desk.local_set(&format!("{REMEMBERED}{fingerprint}"), &text);
    }
}
