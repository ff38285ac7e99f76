//! Acts on their way to the worker, over the browser's storage: [`seedbed_outbox`] says what waits and what comes next,
//! this sends it.
//!
//! The page shows the next record before the worker has stored the last one's decision; a tab that dies in that moment
//! must not lose it.

use super::{Desk, browser};
use crate::platform::journal::Journal;
use futures::channel::oneshot;
use futures::future;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, Reply};
use seedbed_core::review::Response;
use seedbed_outbox::{Entry, Outbox, Told};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How long opening a project waits for what earlier pages have left, where the browser is slow to give it.
const OPENS_MS: u64 = 3_000;
/// How long a page waits for an act to be kept before it goes on all the same.
const KEPT_MS: u64 = 1_000;

/// What waits, for those who show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Decisions, undos and redos that are not confirmed.
    pub count: usize,
    /// This page is the only place that has some of it.
    pub is_fleeting: bool,
    /// Why the first of them could not be taken.
    pub failure: Option<Failure>,
    /// What was refused for good.
    pub refused: Vec<Entry>,
}

/// Hears what became of an act, with the answer.
pub type Listener = Rc<dyn Fn(&Entry, Told, Result<Reply, Failure>)>;

/// Handles to the boxes of this page, one a project.
#[derive(Clone, Copy)]
pub(super) struct Boxes {
    by_project: StoredValue<BTreeMap<String, Outbox>>,
    journal: StoredValue<Journal, LocalStorage>,
    waiting: RwSignal<Waiting>,
    listener: StoredValue<Option<Listener>, LocalStorage>,
    /// Wait until nothing is being sent.
    patient: StoredValue<Vec<oneshot::Sender<()>>, LocalStorage>,
}

impl Boxes {
    pub(super) fn new() -> Self {
        Self {
            by_project: StoredValue::new(BTreeMap::new()),
            journal: StoredValue::new_local(Journal::open()),
            waiting: RwSignal::new(Waiting::default()),
            listener: StoredValue::new_local(None),
            patient: StoredValue::new_local(Vec::new()),
        }
    }
}

/// Waits for `what`, at most `ms` milliseconds.
async fn within(ms: u64, what: impl Future<Output = ()>) {
    let (done, late) = oneshot::channel::<()>();
    set_timeout(move || drop(done), Duration::from_millis(ms));
    future::select(pin!(what), late).await;
}

impl Desk {
    /// The box of a project, opened if it is not yet.
    fn with_box<T>(self, project: &str, act: impl FnOnce(&mut Outbox, &Journal) -> T) -> Option<T> {
        let present = self.identity_id();
        let journal = self.outbox.journal.try_get_value()?;
        self.outbox.by_project.try_update_value(|boxes| {
            let outbox = boxes
                .entry(project.to_owned())
                .or_insert_with(|| Outbox::new(project));
            if !outbox.is_open() {
                outbox.open(&journal, &present);
            }
            act(outbox, &journal)
        })
    }

    /// What an earlier page has left on its way can be taken up. To be waited for before a project is opened.
    pub async fn outbox_ready(self) {
        if let Some(journal) = self.outbox.journal.try_get_value() {
            within(OPENS_MS, journal.opened()).await;
        }
    }

    /// What was decided so far outlives this browser, as far as that can be had soon.
    pub async fn kept(self) {
        if let Some(journal) = self.outbox.journal.try_get_value() {
            within(KEPT_MS, journal.kept()).await;
        }
    }

    /// A project was opened, with `present` as the identity that decides: what waits for it is sent, before anything
    /// that a page asks for.
    pub fn open_outbox(self, project: &str, present: &str) {
        if let Some(journal) = self.outbox.journal.try_get_value() {
            self.outbox.by_project.try_update_value(|boxes| {
                boxes
                    .entry(project.to_owned())
                    .or_insert_with(|| Outbox::new(project))
                    .open(&journal, present);
            });
        }
        self.send(project.to_owned());
    }

    /// Decides on a record with the text hash `text`, in the name of the identity that is present. Returns the id of the
    /// decision.
    pub fn decide(self, record: &str, text: &str, response: Response) -> String {
        let identity = self.identity_id();
        self.put(self.project_id(), |outbox, kept, random| {
            outbox.decide(kept, random, &identity, record, text, response)
        })
    }

    /// Keeps what `identity` has typed on a record of `project`; `None` drops it.
    pub fn keep_draft(
        self,
        project: &str,
        identity: &str,
        record: &str,
        response: Option<Response>,
    ) {
        self.put(project.to_owned(), |outbox, kept, random| {
            outbox.draft(kept, random, identity, record, response)
        });
    }

    /// Takes the last decision back, or puts the one back that was undone last. Returns the id of the act.
    pub fn take_back(self, is_redo: bool) -> String {
        let identity = self.identity_id();
        self.put(self.project_id(), |outbox, kept, random| {
            if is_redo {
                outbox.redo(kept, random, &identity)
            } else {
                outbox.undo(kept, random, &identity)
            }
        })
    }

    fn put(
        self,
        project: String,
        act: impl FnOnce(&mut Outbox, &Journal, [u8; 16]) -> String,
    ) -> String {
        let id = self
            .with_box(&project, |outbox, kept| {
                act(outbox, kept, browser::random())
            })
            .unwrap_or_default();
        self.send(project);
        id
    }

    /// Tries again to send what could not be taken.
    pub fn send_again(self) {
        let project = self.project_id();
        self.with_box(&project, |outbox, _| outbox.retry());
        self.send(project);
    }

    /// What waits and what was refused.
    pub fn waiting(self) -> RwSignal<Waiting> {
        self.outbox.waiting
    }

    /// The person has seen what was refused.
    pub fn acknowledge_refused(self) {
        let project = self.project_id();
        self.with_box(&project, Outbox::acknowledge);
        self.tell_waiting(&project);
    }

    /// A decision on the record, or an undo of one, waits.
    pub fn waits_for(self, record: &str) -> bool {
        self.with_box(&self.project_id(), |outbox, _| outbox.waits_for(record))
            .unwrap_or(false)
    }

    /// What the identity that is present has answered or typed, as far as it waits.
    pub fn unconfirmed(self, record: &str) -> Option<Response> {
        let identity = self.identity_id();
        self.with_box(&self.project_id(), |outbox, _| {
            outbox.unconfirmed(&identity, record).cloned()
        })
        .flatten()
    }

    /// A decision of this visit can be undone, or redone.
    pub fn can_take_back(self, is_redo: bool) -> bool {
        let identity = self.identity_id();
        self.with_box(&self.project_id(), |outbox, _| {
            if is_redo {
                outbox.can_redo(&identity)
            } else {
                outbox.can_undo(&identity)
            }
        })
        .unwrap_or(false)
    }

    /// From now on `listener` hears what became of acts; `None` ends it.
    pub fn hear_told(self, listener: Option<Listener>) {
        self.outbox.listener.try_set_value(listener);
    }

    /// Waits until nothing is being sent, so that what was done is told before a project is closed.
    pub async fn settled(self) {
        let is_sending = self
            .outbox
            .by_project
            .try_with_value(|boxes| boxes.values().any(Outbox::is_sending))
            .unwrap_or(false);
        if is_sending {
            let (done, wait) = oneshot::channel();
            self.outbox
                .patient
                .try_update_value(|patient| patient.push(done));
            // Dropped when nothing is being sent any more.
            let _ = wait.await;
        }
    }

    /// Sends one act after another until none is left or one can't be taken. The first one goes out at once.
    fn send(self, project: String) {
        let next = self
            .with_box(&project, |outbox, _| outbox.next_to_send())
            .flatten();
        self.tell_waiting(&project);
        let Some(first) = next else {
            return;
        };
        let mut answer = self.ask_streaming(first.request(), |_| {});
        self.spawn(async move {
            let mut entry = first;
            loop {
                let told = answer.await;
                let failure = told.as_ref().err();
                let outcome = self.with_box(&project, |outbox, kept| {
                    let outcome = outbox.told(kept, &entry.id, failure);
                    (outcome, outbox.next_to_send())
                });
                let Some((outcome, next)) = outcome else {
                    return;
                };
                let following = next.map(|next| (self.ask_streaming(next.request(), |_| {}), next));
                self.tell_waiting(&project);
                if self.project_id() == project
                    && let Some(Some(listener)) = self.outbox.listener.try_get_value()
                {
                    listener(&entry, outcome, told);
                }
                let Some((running, next)) = following else {
                    break;
                };
                (answer, entry) = (running, next);
            }
            self.outbox.patient.try_update_value(Vec::clear);
        });
    }

    fn tell_waiting(self, project: &str) {
        if self.project_id() != project {
            return;
        }
        let now = self.with_box(project, |outbox, _| Waiting {
            count: outbox.waiting(),
            is_fleeting: !outbox.is_durable(),
            failure: outbox.stopped_by().cloned(),
            refused: outbox.refused().cloned().collect(),
        });
        if let Some(now) = now
            && self.outbox.waiting.try_get_untracked().as_ref() != Some(&now)
        {
            self.outbox.waiting.try_set(now);
        }
    }
}
