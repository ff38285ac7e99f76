//! The page's side of decisions: what was decided, undone, redone or typed, until the backend has confirmed it.
//!
//! The one idea: an act is put into [`KeptTexts`] (the browser's lasting storage) before it is sent, and leaves it only when the
//! backend has confirmed it, or has refused it for a reason that repeating can't change. Acts are sent one after
//! another in the order in which they were made; what is found in the storage when a project is opened is sent again. An
//! act carries the id under which the backend counts it, so that an act that is sent twice counts once, and the identity
//! that made it, whoever is present when it is sent.
//!
//! There is one key an act, so that two tabs never write over each other. What another version wrote stays under its
//! key, for that version to read.
//!
//! Nothing here touches a browser, a clock or a source of randomness.

pub mod copy;
mod entry;
mod walk;

pub use entry::{Act, Entry};

use entry::{key_of, old_entries, old_key, prefix, read};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::review::Response;
use std::collections::BTreeMap;
use walk::Walk;

/// Where acts wait: the browser's lasting storage. All of it may fail.
pub trait KeptTexts {
    /// Keys that begin with `prefix`, with their texts, in any order.
    fn all(&self, prefix: &str) -> Vec<(String, String)>;
    /// The text under a key.
    fn get(&self, key: &str) -> Option<String>;
    /// Puts a text under a key; false if the storage refuses.
    fn set(&self, key: &str, text: &str) -> bool;
    /// Removes a key.
    fn remove(&self, key: &str);
}

/// What became of an act that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The backend has it.
    Confirmed,
    /// It could not be taken now; it waits, and so does all that was made after it.
    Kept,
    /// It will never be taken. What was typed in it is in [`Outbox::refused`] until [`Outbox::acknowledge`].
    Refused,
}

/// Acts of one project on their way. See the text of the crate.
#[derive(Debug, Default)]
pub struct Outbox {
    project: String,
    /// In the order in which they were made.
    entries: Vec<Entry>,
    /// The one that was sent and not answered.
    in_flight: Option<String>,
    /// Why the first one could not be taken.
    stopped_by: Option<Failure>,
    next_seq: u64,
    /// Acts of this visit, by identity.
    walks: BTreeMap<String, Walk>,
    is_old_left: bool,
    is_open: bool,
}

impl Outbox {
    /// The box of a project, not opened yet.
    pub fn new(project: &str) -> Self {
        Self {
            project: project.to_owned(),
            ..Self::default()
        }
    }

    /// Takes up what waits in the storage, when the project is opened; `present` is the identity that old entries, which
    /// name none, are ascribed to.
    ///
    /// Opened again in the same page, entries that another tab has taken care of meanwhile are dropped.
    pub fn open(&mut self, kept: &impl KeptTexts, present: &str) {
        self.take_up(kept);
        self.open_old(kept, present);
        self.stopped_by = None;
        self.is_open = true;
    }

    /// Takes up what other pages have left, and drops what they have taken care of.
    fn take_up(&mut self, kept: &impl KeptTexts) {
        let found: Vec<Entry> = kept
            .all(&prefix(&self.project))
            .into_iter()
            .filter_map(|(key, text)| read(&self.project, &key, &text))
            .collect();
        self.entries.retain(|entry| {
            !entry.is_durable
                || self.in_flight.as_ref() == Some(&entry.id)
                || found.iter().any(|other| other.id == entry.id)
        });
        for entry in &mut self.entries {
            if let Some(other) = found.iter().find(|other| other.id == entry.id) {
                entry.refused.clone_from(&other.refused);
            }
        }
        let mut new: Vec<Entry> = found
            .into_iter()
            .filter(|entry| self.find(&entry.id).is_none())
            .collect();
        new.sort_by(|a, b| (a.seq, &a.id).cmp(&(b.seq, &b.id)));
        let new_ids: Vec<String> = new.iter().map(|entry| entry.id.clone()).collect();
        self.entries.append(&mut new);
        self.entries.sort_by_key(|entry| entry.seq);
        self.drop_aimless(kept);
        for entry in &self.entries {
            self.next_seq = self.next_seq.max(entry.seq.saturating_add(1));
            if new_ids.contains(&entry.id) {
                walked(&mut self.walks, entry);
            }
        }
    }

    /// Entries as format 1 kept them. They name no text: the backend takes the one that the record has.
    fn open_old(&mut self, kept: &impl KeptTexts, present: &str) {
        let key = old_key(&self.project);
        let Some(text) = kept.get(&key) else {
            return;
        };
        let (old, is_whole) = old_entries(&self.project, present, &text);
        self.is_old_left = true;
        let mut is_safe = is_whole || kept.set(&entry::aside_key(&self.project, &text), &text);
        for mut entry in old {
            if self.find(&entry.id).is_none() {
                entry.seq = self.next_seq;
                self.next_seq += 1;
                entry.is_durable = put(kept, &entry);
                is_safe &= entry.is_durable;
                self.take(entry);
            }
        }
        if is_safe {
            kept.remove(&key);
            self.is_old_left = false;
        }
    }

    fn take(&mut self, entry: Entry) {
        walked(&mut self.walks, &entry);
        self.entries.push(entry);
    }

    /// Whether [`Self::open`] was called.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// A decision on a record whose text has the hash `text`. Returns its id.
    pub fn decide(
        &mut self,
        kept: &impl KeptTexts,
        random: [u8; 16],
        identity: &str,
        record: &str,
        text: &str,
        response: Response,
    ) -> String {
        let act = Act::Respond {
            record: record.to_owned(),
            text: text.to_owned(),
            response,
        };
        self.add(kept, random, identity, act)
    }

    /// Takes the last decision of this identity back: of this visit first; then the backend knows which.
    pub fn undo(&mut self, kept: &impl KeptTexts, random: [u8; 16], identity: &str) -> String {
        let target = self.walks.get(identity).and_then(Walk::to_undo);
        self.add(kept, random, identity, Act::Undo { target })
    }

    /// Puts the decision back that was undone last.
    pub fn redo(&mut self, kept: &impl KeptTexts, random: [u8; 16], identity: &str) -> String {
        let target = self.walks.get(identity).and_then(Walk::to_redo);
        self.add(kept, random, identity, Act::Redo { target })
    }

    /// What was typed and not decided; `None` drops the draft. A later text takes the place of an earlier one that has
    /// not been sent.
    pub fn draft(
        &mut self,
        kept: &impl KeptTexts,
        random: [u8; 16],
        identity: &str,
        record: &str,
        response: Option<Response>,
    ) -> String {
        let place = self
            .entries
            .iter()
            .rposition(|entry| {
                !entry.act.is_draft()
                    || (entry.act.record() == Some(record) && entry.identity == identity)
            })
            .filter(|index| {
                let entry = &self.entries[*index];
                entry.act.is_draft()
                    && entry.refused.is_none()
                    && self.in_flight.as_ref() != Some(&entry.id)
            });
        let act = Act::Draft {
            record: record.to_owned(),
            response,
        };
        let Some(index) = place else {
            return self.add(kept, random, identity, act);
        };
        self.stopped_by = None;
        let entry = &mut self.entries[index];
        entry.act = act;
        entry.is_durable = put(kept, entry);
        entry.id.clone()
    }

    fn add(&mut self, kept: &impl KeptTexts, random: [u8; 16], identity: &str, act: Act) -> String {
        if self.is_open {
            // What another tab has made and could not send any more was made before this, and is sent before it.
            self.take_up(kept);
        }
        let mut entry = Entry::new(&self.project, self.next_seq, random, identity, act);
        self.next_seq += 1;
        entry.is_durable = put(kept, &entry);
        let id = entry.id.clone();
        self.take(entry);
        // A new act is a reason to try again.
        self.stopped_by = None;
        id
    }

    /// The act to send now, if any; from then on the box waits for [`Self::told`].
    pub fn next_to_send(&mut self) -> Option<Entry> {
        if self.in_flight.is_some() || self.stopped_by.is_some() {
            return None;
        }
        let index = (0..self.entries.len())
            .find(|index| self.entries[*index].refused.is_none() && !self.is_superseded(*index))?;
        let entry = self.entries[index].clone();
        self.in_flight = Some(entry.id.clone());
        Some(entry)
    }

    /// A draft that a later act on the same record covers need not be sent. It stays until that act is confirmed.
    fn is_superseded(&self, index: usize) -> bool {
        let entry = &self.entries[index];
        entry.act.is_draft()
            && self.entries[index + 1..]
                .iter()
                .any(|later| later.refused.is_none() && later.is_on_same(entry))
    }

    /// Takes the backend's answer to the act `id` in.
    pub fn told(&mut self, kept: &impl KeptTexts, id: &str, failure: Option<&Failure>) -> Told {
        if self.in_flight.as_deref() == Some(id) {
            self.in_flight = None;
        }
        let told = match failure {
            None => Told::Confirmed,
            Some(failure) if is_final(failure.kind) => Told::Refused,
            Some(_) => Told::Kept,
        };
        let Some(index) = self.entries.iter().position(|entry| entry.id == id) else {
            return told;
        };
        match (told, failure) {
            (Told::Refused, Some(failure)) => self.refuse(kept, index, failure),
            (Told::Kept, Some(failure)) => self.stopped_by = Some(failure.clone()),
            _ => self.confirm(kept, index),
        }
        self.drop_old(kept);
        told
    }

    fn confirm(&mut self, kept: &impl KeptTexts, index: usize) {
        let done = self.entries.remove(index);
        // What it covers goes first: a draft that is left alone would come back over the decision.
        let mut at = 0;
        self.entries.retain(|entry| {
            let is_before = at < index;
            at += 1;
            let is_covered = is_before
                && entry.is_on_same(&done)
                && (entry.act.is_draft() || entry.refused.is_some());
            if is_covered {
                kept.remove(&key_of(entry));
            }
            !is_covered
        });
        kept.remove(&key_of(&done));
    }

    fn refuse(&mut self, kept: &impl KeptTexts, index: usize, failure: &Failure) {
        let identity = self.entries[index].identity.clone();
        if let Some(walk) = self.walks.get_mut(&identity) {
            walk.refused(&self.entries[index]);
        }
        if !self.entries[index].has_text() {
            let entry = self.entries.remove(index);
            kept.remove(&key_of(&entry));
            return;
        }
        let entry = &mut self.entries[index];
        entry.refused = Some(failure.what.clone());
        entry.is_durable = put(kept, entry);
        self.drop_aimless(kept);
    }

    /// What takes a refused decision back, or puts it back, has nothing to act on.
    fn drop_aimless(&mut self, kept: &impl KeptTexts) {
        let refused: Vec<String> = self.refused().map(|entry| entry.id.clone()).collect();
        self.entries.retain(|entry| {
            let is_aimless = entry
                .act
                .target()
                .is_some_and(|target| refused.contains(target));
            if is_aimless {
                kept.remove(&key_of(entry));
            }
            !is_aimless
        });
    }

    /// Entries of format 1 that could not be written anew stay where they were until all are answered.
    fn drop_old(&mut self, kept: &impl KeptTexts) {
        if self.is_old_left && !self.entries.iter().any(Entry::is_old) {
            kept.remove(&old_key(&self.project));
            self.is_old_left = false;
        }
    }

    /// Lets [`Self::next_to_send`] try again what could not be taken.
    pub fn retry(&mut self) {
        self.stopped_by = None;
    }

    /// Why the first act could not be taken when it was sent last.
    pub fn stopped_by(&self) -> Option<&Failure> {
        self.stopped_by.as_ref()
    }

    /// Decisions, undos and redos that wait; drafts are not counted.
    pub fn waiting(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.refused.is_none() && !entry.act.is_draft())
            .count()
    }

    /// A decision on `record`, or an act on a decision on it, waits.
    pub fn waits_for(&self, record: &str) -> bool {
        self.entries.iter().any(|entry| {
            entry.refused.is_none()
                && !entry.act.is_draft()
                && (entry.act.record() == Some(record)
                    || entry
                        .act
                        .target()
                        .and_then(|id| self.find(id))
                        .is_some_and(|target| target.act.record() == Some(record)))
        })
    }

    /// What `identity` has answered or typed on `record` and is not confirmed: the last of it that is not taken back.
    pub fn unconfirmed(&self, identity: &str, record: &str) -> Option<&Response> {
        let is_taken_back = |id: &String| {
            self.entries
                .iter()
                .rfind(|entry| entry.act.target() == Some(id))
                .is_some_and(|entry| matches!(entry.act, Act::Undo { .. }))
        };
        self.entries
            .iter()
            .rfind(|entry| {
                entry.refused.is_none()
                    && entry.identity == identity
                    && entry.act.record() == Some(record)
                    && !is_taken_back(&entry.id)
            })
            .and_then(Entry::response)
    }

    /// An act was sent and not answered.
    pub fn is_sending(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Everything that waits would outlive this page.
    pub fn is_durable(&self) -> bool {
        self.entries.iter().all(|entry| entry.is_durable)
    }

    /// A decision that is not confirmed yet, or of this visit, can be taken back.
    pub fn can_undo(&self, identity: &str) -> bool {
        self.walks.get(identity).is_some_and(Walk::can_undo)
    }

    /// A decision undone in this visit can be put back.
    pub fn can_redo(&self, identity: &str) -> bool {
        self.walks.get(identity).is_some_and(Walk::can_redo)
    }

    /// What was refused for good and has not been acknowledged, with the reason in [`Entry::refused`].
    pub fn refused(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.refused.is_some())
    }

    /// The person has seen what was refused.
    pub fn acknowledge(&mut self, kept: &impl KeptTexts) {
        self.entries.retain(|entry| {
            if entry.refused.is_some() {
                kept.remove(&key_of(entry));
            }
            entry.refused.is_none()
        });
        self.drop_old(kept);
    }
}

fn walked(walks: &mut BTreeMap<String, Walk>, entry: &Entry) {
    if entry.refused.is_none() {
        let walk = walks.entry(entry.identity.clone()).or_default();
        walk.apply(entry);
    }
}

/// Whether a refusal of this kind will be the same however often it is asked.
fn is_final(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Invalid | FailureKind::NotFound)
}

fn put(kept: &impl KeptTexts, entry: &Entry) -> bool {
    serde_json::to_string(entry).is_ok_and(|text| kept.set(&key_of(entry), &text))
}
