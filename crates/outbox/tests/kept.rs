//! Nothing that was decided or typed is lost, and nothing counts twice, whatever happens on the way to the backend.

// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

use proptest::prelude::*;
use seedbed_core::messages::{Failure, FailureKind, Request};
use seedbed_core::review::{Quality, Response, ResponseStatus};
use seedbed_outbox::{Act, Entry, KeptTexts, Outbox, Told};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// A storage in memory that can refuse, and that stands still once the page is dead.
#[derive(Default)]
struct Box_ {
    texts: RefCell<BTreeMap<String, String>>,
    is_full: Cell<bool>,
    /// Writes until the page dies.
    life: Cell<Option<u32>>,
}

impl Box_ {
    fn lives(&self) -> bool {
        match self.life.get() {
            None => true,
            Some(0) => false,
            Some(left) => {
                self.life.set(Some(left - 1));
                true
            }
        }
    }

    fn with(pairs: &[(&str, &str)]) -> Self {
        let kept = Self::default();
        for (key, text) in pairs {
            assert!(kept.set(key, text));
        }
        kept
    }

    fn keys(&self) -> Vec<String> {
        self.texts.borrow().keys().cloned().collect()
    }
}

impl KeptTexts for Box_ {
    fn all(&self, prefix: &str) -> Vec<(String, String)> {
        let texts = self.texts.borrow();
        let found = texts.iter().filter(|(key, _)| key.starts_with(prefix));
        found
            .map(|(key, text)| (key.clone(), text.clone()))
            .rev()
            .collect()
    }

    fn get(&self, key: &str) -> Option<String> {
        self.texts.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, text: &str) -> bool {
        let takes = self.lives() && !self.is_full.get();
        if takes {
            self.texts
                .borrow_mut()
                .insert(key.to_owned(), text.to_owned());
        }
        takes
    }

    fn remove(&self, key: &str) {
        if self.lives() {
            self.texts.borrow_mut().remove(key);
        }
    }
}

fn opened(kept: &Box_, present: &str) -> Outbox {
    let mut outbox = Outbox::new("p");
    outbox.open(kept, present);
    outbox
}

fn random(n: u8) -> [u8; 16] {
    [n; 16]
}

fn good(text: &str) -> Response {
    let mut response = Response::rated(Quality::Good);
    response.set_text("improved_response", Some(text));
    response
}

fn draft(text: &str) -> Response {
    Response {
        status: ResponseStatus::Draft,
        ..good(text)
    }
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "It could not be stored.")
}

fn sent(outbox: &mut Outbox) -> Entry {
    outbox.next_to_send().expect("something to send")
}

const KINDS: [FailureKind; 14] = [
    FailureKind::Cancelled,
    FailureKind::Busy,
    FailureKind::Auth,
    FailureKind::Forbidden,
    FailureKind::NotFound,
    FailureKind::Credits,
    FailureKind::RateLimited,
    FailureKind::Conflict,
    FailureKind::Network,
    FailureKind::Server,
    FailureKind::Content,
    FailureKind::Invalid,
    FailureKind::Storage,
    FailureKind::Internal,
];

#[test]
fn only_a_confirmation_or_a_refusal_that_repeating_cannot_change_empties_the_box() {
    for kind in KINDS {
        let kept = Box_::default();
        let mut outbox = opened(&kept, "ann");
        let id = outbox.decide(&kept, random(1), "ann", "r", "t", good("an hour of work"));
        assert_eq!(sent(&mut outbox).id, id);
        let told = outbox.told(&kept, &id, Some(&failure(kind)));
        let is_final = matches!(kind, FailureKind::Invalid | FailureKind::NotFound);
        assert_eq!(told == Told::Refused, is_final, "{kind:?}");
        assert_eq!(outbox.waiting(), usize::from(!is_final), "{kind:?}");
        // After a crash: it is sent again, or what was typed in it can still be shown.
        let mut outbox = opened(&kept, "bob");
        if is_final {
            assert!(outbox.next_to_send().is_none());
            let refused: Vec<_> = outbox.refused().cloned().collect();
            assert_eq!(refused[0].response(), Some(&good("an hour of work")));
            outbox.acknowledge(&kept);
        } else {
            let entry = sent(&mut outbox);
            assert_eq!(
                (entry.id.as_str(), entry.identity.as_str()),
                (id.as_str(), "ann")
            );
            assert_eq!(outbox.told(&kept, &id, None), Told::Confirmed);
        }
        assert_eq!(kept.keys(), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn what_could_not_be_taken_holds_back_what_was_made_after_it_until_there_is_a_reason_to_try() {
    let kept = Box_::default();
    let mut outbox = opened(&kept, "ann");
    let first = outbox.decide(&kept, random(1), "ann", "r", "t", good("a"));
    sent(&mut outbox);
    outbox.undo(&kept, random(2), "ann");
    outbox.told(&kept, &first, Some(&failure(FailureKind::Storage)));
    assert!(outbox.next_to_send().is_none());
    assert!(outbox.stopped_by().is_some());
    outbox.retry();
    assert_eq!(sent(&mut outbox).id, first);
    outbox.told(&kept, &first, Some(&failure(FailureKind::Storage)));
    outbox.decide(&kept, random(3), "ann", "s", "t", good("b"));
    assert_eq!(sent(&mut outbox).id, first);
}

#[test]
fn an_undo_takes_back_the_acts_of_this_visit_first_and_only_ones_own() {
    let kept = Box_::default();
    let mut outbox = opened(&kept, "ann");
    let one = outbox.decide(&kept, random(1), "ann", "r", "t", good("a"));
    let two = outbox.decide(&kept, random(2), "ann", "s", "t", good("b"));
    outbox.decide(&kept, random(3), "bob", "s", "t", good("c"));
    for n in 4..7 {
        outbox.undo(&kept, random(n), "ann");
    }
    outbox.redo(&kept, random(7), "ann");
    outbox.redo(&kept, random(8), "ann");
    let mut targets = Vec::new();
    while let Some(entry) = outbox.next_to_send() {
        match &entry.act {
            Act::Undo { target } | Act::Redo { target } => targets.push(target.clone()),
            _ => {}
        }
        outbox.told(&kept, &entry.id, None);
    }
    let wanted = [Some(two), Some(one.clone()), None, None, Some(one)];
    assert_eq!(targets, wanted);
}

#[test]
fn a_refused_decision_takes_its_undo_along() {
    let kept = Box_::default();
    let mut outbox = opened(&kept, "ann");
    let id = outbox.decide(&kept, random(1), "ann", "r", "t", good("a"));
    sent(&mut outbox);
    outbox.undo(&kept, random(2), "ann");
    outbox.told(&kept, &id, Some(&failure(FailureKind::Invalid)));
    assert!(outbox.next_to_send().is_none());
    assert!(!outbox.can_undo("ann") && !outbox.can_redo("ann"));
}

#[test]
fn the_last_draft_is_sent_and_a_decision_covers_it() {
    let kept = Box_::default();
    let mut outbox = opened(&kept, "ann");
    outbox.draft(&kept, random(1), "ann", "r", Some(draft("a")));
    outbox.draft(&kept, random(2), "ann", "r", Some(draft("ab")));
    assert_eq!(kept.keys().len(), 1);
    let entry = sent(&mut outbox);
    assert_eq!(entry.response(), Some(&draft("ab")));
    // While it is on its way more is typed, and then decided.
    outbox.draft(&kept, random(3), "ann", "r", Some(draft("abc")));
    let decision = outbox.decide(&kept, random(4), "ann", "r", "t", good("abc"));
    outbox.told(&kept, &entry.id, None);
    assert_eq!(sent(&mut outbox).id, decision);
    outbox.told(&kept, &decision, None);
    assert_eq!(kept.keys(), Vec::<String>::new());
}

#[test]
fn a_draft_that_a_refused_decision_would_have_covered_is_sent_after_all() {
    let kept = Box_::default();
    let mut outbox = opened(&kept, "ann");
    outbox.draft(&kept, random(1), "ann", "r", Some(draft("a")));
    let decision = outbox.decide(&kept, random(2), "ann", "r", "t", good("a"));
    assert_eq!(sent(&mut outbox).id, decision);
    outbox.told(&kept, &decision, Some(&failure(FailureKind::Invalid)));
    assert_eq!(sent(&mut outbox).response(), Some(&draft("a")));
}

#[test]
fn a_storage_that_refuses_is_said_and_the_act_is_sent_all_the_same() {
    let kept = Box_::default();
    let mut outbox = opened(&kept, "ann");
    kept.is_full.set(true);
    let id = outbox.decide(&kept, random(1), "ann", "r", "t", good("a"));
    assert!(!outbox.is_durable());
    assert_eq!(sent(&mut outbox).id, id);
    outbox.told(&kept, &id, None);
    assert!(outbox.is_durable());
}

const OLD: &str = r#"{"r1":{"status":"submitted","quality":"good","improved_response":"Sow in May."},"r2":{"status":"draft","quality":null,"improved_instruction":"When?"}}"#;

#[test]
fn entries_of_format_1_are_sent_once_under_ids_of_their_content() {
    let send = |kept: &Box_| {
        let mut outbox = opened(kept, "ann");
        let mut requests = Vec::new();
        while let Some(entry) = outbox.next_to_send() {
            requests.push(entry.request());
            outbox.told(kept, &entry.id, None);
        }
        requests
    };
    let kept = Box_::with(&[("seedbed:outbox:p", OLD), ("seedbed:outbox:other", OLD)]);
    let requests = send(&kept);
    assert_eq!(kept.keys(), ["seedbed:outbox:other"]);
    let [
        Request::Respond {
            decision,
            identity,
            record,
            text,
            response,
            ..
        },
        Request::SaveDraft { .. },
    ] = &requests[..]
    else {
        panic!("{requests:?}");
    };
    assert_eq!(
        (identity.as_str(), record.as_str(), text.as_str()),
        ("ann", "r1", "")
    );
    assert_eq!(response.improved_response(), Some("Sow in May."));
    // A page that died before it could clear the storage sends the same ids again.
    let again = send(&Box_::with(&[("seedbed:outbox:p", OLD)]));
    assert!(matches!(&again[0], Request::Respond { decision: id, .. } if id == decision));
}

#[test]
fn entries_of_format_1_stay_where_they_are_while_the_storage_is_full() {
    let kept = Box_::with(&[("seedbed:outbox:p", OLD)]);
    kept.is_full.set(true);
    let mut outbox = opened(&kept, "ann");
    assert_eq!(kept.keys(), ["seedbed:outbox:p"]);
    while let Some(entry) = outbox.next_to_send() {
        outbox.told(&kept, &entry.id, None);
    }
    assert_eq!(kept.keys(), Vec::<String>::new());
}

#[test]
fn what_another_version_wrote_is_kept() {
    for text in ["[1,2]", "{\"r1\":{\"mood\":1}}", "not json"] {
        let kept = Box_::with(&[("seedbed:outbox:p", text)]);
        assert!(opened(&kept, "ann").next_to_send().is_none());
        assert_eq!(kept.texts.borrow().values().collect::<Vec<_>>(), [text]);
        assert_ne!(kept.keys(), ["seedbed:outbox:p"]);
    }
    let key = "seedbed:outbox-act:p:000000000000:x";
    let newer = r#"{"v":3,"seq":0,"id":"x","project":"p","identity":"ann","act":{"praise":{}}}"#;
    let kept = Box_::with(&[(key, newer)]);
    let mut outbox = opened(&kept, "ann");
    assert!(outbox.next_to_send().is_none());
    outbox.decide(&kept, random(1), "ann", "r", "t", good("a"));
    let entry = sent(&mut outbox);
    outbox.told(&kept, &entry.id, None);
    assert_eq!(
        kept.texts.borrow().get(key).map(String::as_str),
        Some(newer)
    );
}

#[test]
fn what_another_tab_has_left_is_sent_before_what_is_made_later() {
    let kept = Box_::default();
    let mut old = opened(&kept, "ann");
    let mut new = opened(&kept, "ann");
    // The project is open in the new tab by now: the old one's decision waits.
    let first = old.decide(&kept, random(1), "ann", "r", "t", good("first"));
    let second = new.decide(&kept, random(2), "ann", "r", "t", good("second"));
    let entry = sent(&mut new);
    assert_eq!(entry.id, first);
    assert_eq!(new.told(&kept, &first, None), Told::Confirmed);
    assert_eq!(sent(&mut new).id, second);
}

#[test]
fn what_another_tab_has_taken_care_of_is_not_sent_again() {
    let kept = Box_::default();
    let mut here = opened(&kept, "ann");
    here.draft(&kept, random(1), "ann", "r", Some(draft("old")));
    let entry = sent(&mut here);
    here.told(&kept, &entry.id, Some(&failure(FailureKind::Busy)));
    // Taken over: the other tab sends it, and what is typed there later.
    let mut there = opened(&kept, "ann");
    for text in ["old", "new"] {
        there.draft(&kept, random(2), "ann", "r", Some(draft(text)));
        let entry = sent(&mut there);
        there.told(&kept, &entry.id, None);
    }
    // And taken back.
    here.open(&kept, "ann");
    assert!(here.next_to_send().is_none());
}

/// What stands in the backend, written for these tests only.
#[derive(Default)]
struct Backend {
    /// Id, who, what; in the order of arrival, each id once.
    log: Vec<(String, String, Act)>,
    drafts: BTreeMap<(String, String), Response>,
    /// Acts that came again under their id.
    repeats: u32,
}

impl Backend {
    /// Decisions of `who` that count, and those that are undone, latest last.
    fn stacks(&self, who: &str) -> (Vec<&str>, Vec<&str>) {
        let (mut done, mut undone): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (id, _, act) in self.log.iter().filter(|(_, by, _)| by == who) {
            match act {
                Act::Respond { .. } => {
                    done.push(id);
                    undone.clear();
                }
                Act::Undo { target } => {
                    let target = target.as_deref().unwrap_or_default();
                    done.retain(|id| *id != target);
                    undone.push(target);
                }
                Act::Redo { target } => {
                    let target = target.as_deref().unwrap_or_default();
                    undone.retain(|id| *id != target);
                    done.push(target);
                }
                Act::Draft { .. } => {}
            }
        }
        (done, undone)
    }

    fn take(&mut self, entry: &Entry) -> Result<(), Failure> {
        if self.log.iter().any(|(id, ..)| *id == entry.id) {
            self.repeats += 1;
            return Ok(());
        }
        let who = entry.identity.clone();
        let resolve = |wanted: &Option<String>, own: Option<&&str>| {
            wanted
                .clone()
                .or_else(|| own.map(|id| (*id).to_owned()))
                .ok_or_else(|| failure(FailureKind::Invalid))
        };
        let act = match &entry.act {
            Act::Respond { record, .. } | Act::Draft { record, .. } if record == "gone" => {
                return Err(failure(FailureKind::NotFound));
            }
            Act::Draft { record, response } => {
                let key = (who, record.clone());
                match response {
                    Some(response) => self.drafts.insert(key, response.clone()),
                    None => self.drafts.remove(&key),
                };
                return Ok(());
            }
            Act::Respond { record, .. } => {
                self.drafts.remove(&(who.clone(), record.clone()));
                entry.act.clone()
            }
            Act::Undo { target } => Act::Undo {
                target: Some(resolve(target, self.stacks(&who).0.last())?),
            },
            Act::Redo { target } => Act::Redo {
                target: Some(resolve(target, self.stacks(&who).1.last())?),
            },
        };
        self.log.push((entry.id.clone(), who, act));
        Ok(())
    }
}

/// What a person believes to have done.
#[derive(Default)]
struct Person {
    done: Vec<String>,
    undone: Vec<String>,
    drafts: BTreeMap<String, Response>,
}

#[derive(Clone, Debug)]
enum Step {
    Decide(u8),
    Type(u8),
    Undo,
    Redo,
    /// Another person sits down.
    Turn,
    /// The backend answers the next act.
    Answer,
    /// The backend has it, and its answer is lost with the page.
    AnswerLost,
    /// The backend can't take it now.
    Refuse(u8),
    Retry,
    /// The page dies after so many more writes, and is opened again.
    Crash(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..5).prop_map(Step::Decide),
        4 => (0_u8..5).prop_map(Step::Type),
        4 => Just(Step::Undo),
        3 => Just(Step::Redo),
        1 => Just(Step::Turn),
        8 => Just(Step::Answer),
        1 => Just(Step::AnswerLost),
        1 => any::<u8>().prop_map(Step::Refuse),
        2 => Just(Step::Retry),
        1 => (0_u8..4).prop_map(Step::Crash),
    ];
    prop::collection::vec(step, 1..60)
}

const RECORDS: [&str; 5] = ["a", "b", "c", "d", "gone"];
const PEOPLE: [&str; 2] = ["ann", "bob"];

struct World {
    kept: Box_,
    outbox: Outbox,
    backend: Backend,
    people: [Person; 2],
    present: usize,
    count: u8,
    /// Decisions that were painted.
    painted: BTreeSet<String>,
    refused: BTreeSet<String>,
}

impl World {
    fn new() -> Self {
        let kept = Box_::default();
        Self {
            outbox: opened(&kept, PEOPLE[0]),
            kept,
            backend: Backend::default(),
            people: Default::default(),
            present: 0,
            count: 0,
            painted: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    fn random(&mut self) -> [u8; 16] {
        self.count += 1;
        random(self.count)
    }

    fn step(&mut self, step: &Step) {
        let who = PEOPLE[self.present];
        match step {
            Step::Decide(at) => {
                let record = RECORDS[usize::from(*at)];
                let random = self.random();
                let response = good(&self.count.to_string());
                let id = self
                    .outbox
                    .decide(&self.kept, random, who, record, "t", response);
                let person = &mut self.people[self.present];
                person.done.push(id.clone());
                person.undone.clear();
                person.drafts.remove(record);
                self.painted.insert(id);
            }
            Step::Type(at) => {
                let record = RECORDS[usize::from(*at)];
                let random = self.random();
                let response = draft(&self.count.to_string());
                let typed = Some(response.clone());
                self.outbox.draft(&self.kept, random, who, record, typed);
                let person = &mut self.people[self.present];
                person.drafts.insert(record.to_owned(), response);
            }
            // The page offers them only while there is something to take back.
            Step::Undo => {
                if let Some(id) = self.people[self.present].done.pop() {
                    let random = self.random();
                    self.outbox.undo(&self.kept, random, who);
                    self.people[self.present].undone.push(id);
                }
            }
            Step::Redo => {
                if let Some(id) = self.people[self.present].undone.pop() {
                    let random = self.random();
                    self.outbox.redo(&self.kept, random, who);
                    self.people[self.present].done.push(id);
                }
            }
            Step::Turn => self.present = 1 - self.present,
            Step::Answer => self.answer(None),
            Step::AnswerLost => {
                if let Some(entry) = self.outbox.next_to_send() {
                    let _ = self.backend.take(&entry);
                }
                self.reopen();
            }
            Step::Refuse(kind) => {
                let kind = KINDS[usize::from(*kind) % KINDS.len()];
                if !matches!(kind, FailureKind::Invalid | FailureKind::NotFound) {
                    self.answer(Some(kind));
                }
            }
            Step::Retry => self.outbox.retry(),
            Step::Crash(writes) => {
                self.kept.life.set(Some((*writes).into()));
                for _ in 0..4 {
                    self.answer(None);
                }
                self.kept.life.set(None);
                self.reopen();
            }
        }
    }

    fn reopen(&mut self) {
        self.outbox = opened(&self.kept, PEOPLE[self.present]);
        self.see();
    }

    fn answer(&mut self, kind: Option<FailureKind>) {
        let Some(entry) = self.outbox.next_to_send() else {
            return;
        };
        let failure = match kind {
            Some(kind) => Some(failure(kind)),
            None => self.backend.take(&entry).err(),
        };
        self.outbox.told(&self.kept, &entry.id, failure.as_ref());
        self.see();
    }

    /// The people hear of what was refused, unless the page is dead.
    fn see(&mut self) {
        if self.kept.life.get().is_some() {
            return;
        }
        for entry in self.outbox.refused() {
            self.refused.insert(entry.id.clone());
            let person = &mut self.people[usize::from(entry.identity == PEOPLE[1])];
            person.done.retain(|id| *id != entry.id);
            person.undone.retain(|id| *id != entry.id);
        }
    }

    /// All is sent; then the backend has what the people believe to have done.
    fn check(&mut self) {
        for _ in 0..300 {
            self.outbox.retry();
            self.answer(None);
        }
        assert_eq!(self.outbox.waiting(), 0);
        assert!(self.outbox.next_to_send().is_none());
        let ids: Vec<&String> = self.backend.log.iter().map(|(id, ..)| id).collect();
        assert_eq!(
            ids.len(),
            ids.iter().collect::<BTreeSet<_>>().len(),
            "twice"
        );
        for id in &self.painted {
            let is_there = ids.contains(&id);
            assert_ne!(is_there, self.refused.contains(id), "{id}");
        }
        for id in &self.refused {
            if self.painted.contains(id) {
                assert!(self.outbox.refused().any(|entry| entry.id == *id), "{id}");
            }
        }
        // Nothing stays behind that would be sent at another time.
        assert_eq!(self.kept.keys().len(), self.outbox.refused().count());
        self.outbox.acknowledge(&self.kept);
        assert_eq!(self.kept.keys(), Vec::<String>::new());
        for (name, person) in PEOPLE.iter().zip(&self.people) {
            let (done, _) = self.backend.stacks(name);
            assert_eq!(done, person.done, "{name}");
            for record in RECORDS.iter().filter(|record| **record != "gone") {
                let key = ((*name).to_owned(), (*record).to_owned());
                assert_eq!(
                    self.backend.drafts.get(&key),
                    person.drafts.get(*record),
                    "{key:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_counts_twice(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.check();
    }
}
