//! What the store keeps beside the log equals what the log alone says, after any sequence of acts.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/model.rs"]
mod model;
mod support;

use model::Model;
use proptest::prelude::*;
use seedbed_core::line::{Line, RecordLine};
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE};
use seedbed_core::record::Record;
use seedbed_core::review::{
    Act, CLOCK_END_MS, Clock, Decision, Quality, RecordState, Response, ResponseStatus,
};
use seedbed_store::{Origin, Store, StoreError};
use std::collections::BTreeMap;
use support::{asked, decision, good, lines, log, of_identity, rated, record, respond};

const RECORDS: [&str; 3] = ["r0", "r1", "r2"];
/// Arrives only at the end, with three texts.
const LATE: &str = "late";
/// Who acts here, and somebody who is only elsewhere.
const PEOPLE: [&str; 4] = ["ann", "bob", "guest", "carol"];
/// What foreign decisions are called.
const FOREIGN: usize = 24;

#[derive(Clone, Debug)]
enum Step {
    Respond(usize, usize, Response, u64),
    Draft(usize, usize, Option<Response>),
    /// With an index into what can be undone, or the next one.
    Undo(usize, Option<usize>, u64),
    Redo(usize, Option<usize>, u64),
    Merge(Vec<Decision>, Origin),
    /// All that may be published was.
    Sent,
    /// Whether the guest joins Ann, or Ann adopts the guest.
    Identity(bool),
    Visit,
}

fn response() -> impl Strategy<Value = Response> {
    let text = proptest::option::of("[a-c]{1,2}");
    (0..3_u8, text.clone(), text).prop_map(|(kind, instruction, response)| {
        let mut made = match kind {
            0 => rated(Quality::Good),
            1 => rated(Quality::Bad),
            _ => Response::discard(Some("off topic")),
        };
        made.set_text(IMPROVED_INSTRUCTION, instruction.as_deref());
        made.set_text(IMPROVED_RESPONSE, response.as_deref());
        made
    })
}

/// The texts under which [`LATE`] arrives: one from here, then two of the Hub.
fn late(text: &str) -> Record {
    record(LATE, "q", text)
}

/// Decisions of somebody elsewhere, few, so that repeats, undos before their target, other contents under one key and
/// late records happen: of each six, responses, then the undos and the redos of those, then acts on identities.
fn foreign_of(n: usize, variant: usize) -> Decision {
    let of = n % 6;
    let id = format!("f{n}");
    let ms = (n as u64 * 7) % 40;
    let name = |name: &str| Act::Name {
        name: format!("{name} {variant}"),
    };
    let join = |into: &str| Act::Join { into: into.into() };
    let adopt = |from: &str| Act::Adopt { from: from.into() };
    if n >= 18 {
        let (writer, act) = match of {
            0 => ("ann", name("Ann")),
            1 => ("bob", adopt("carol")),
            2 => ("carol", join(["bob", "ann"][variant % 2])),
            3 => ("guest", join("ann")),
            4 => ("ann", adopt("guest")),
            _ => ("bob", name("Bob")),
        };
        return of_identity(&id, writer, ms, act);
    }
    let batch = (of > 3).then(|| "batch".to_owned());
    let target = if of == 5 {
        "batch".to_owned()
    } else {
        format!("f{of}")
    };
    let act = match n / 6 {
        0 if of.is_multiple_of(2) => Act::Respond(rated(Quality::Good)),
        0 => Act::Respond(rated(Quality::Bad)),
        1 => Act::Undo { target },
        _ => Act::Redo { target },
    };
    let about = RECORDS.get(of % 4).copied().unwrap_or(LATE);
    let ms = if of == 1 && variant == 1 {
        CLOCK_END_MS + ms
    } else {
        ms
    };
    let mut made = decision(&id, PEOPLE[of % 4], about, ms, act);
    made.batch = batch.filter(|_| n < 6);
    made.text = match variant {
        0 => None,
        // The text that is here, or the first of those of the late one.
        1 => Some(record(about, "q", "a").fields.text_hash()),
        _ => Some(late("b").fields.text_hash()),
    };
    made
}

fn foreign() -> impl Strategy<Value = Decision> {
    (0..FOREIGN, 0..3_usize).prop_map(|(n, variant)| foreign_of(n, variant))
}

fn step() -> impl Strategy<Value = Step> {
    let origin = prop_oneof![3 => Just(Origin::Hub), 1 => Just(Origin::File)];
    let at = || proptest::option::weighted(0.2, 0..5_usize);
    prop_oneof![
        6 => (0..3_usize, 0..3_usize, response(), 0..100_u64)
            .prop_map(|(at, who, response, now)| Step::Respond(at, who, response, now)),
        1 => (0..3_usize, 0..3_usize, proptest::option::of(response()))
            .prop_map(|(at, who, draft)| Step::Draft(at, who, draft)),
        4 => (0..3_usize, at(), 0..100_u64).prop_map(|(who, at, now)| Step::Undo(who, at, now)),
        3 => (0..3_usize, at(), 0..100_u64).prop_map(|(who, at, now)| Step::Redo(who, at, now)),
        3 => (proptest::collection::vec(foreign(), 0..5), origin)
            .prop_map(|(decisions, origin)| Step::Merge(decisions, origin)),
        1 => Just(Step::Sent),
        1 => any::<bool>().prop_map(Step::Identity),
        1 => Just(Step::Visit),
    ]
}

fn merge(store: &Store, decisions: &[Decision], origin: Origin) -> u32 {
    let part = (origin == Origin::Hub).then(|| store.begin_part("part").unwrap());
    store
        .merge_decisions(&lines(decisions), origin, part)
        .unwrap()
}

fn merge_hub_record(store: &Store, record: &Record) {
    let part = store.begin_part("records").unwrap();
    let (record, messages) = asked(record);
    let line = Line::new(RecordLine { record, messages });
    store.merge_records(&[line], Some(part)).unwrap();
}

/// Plays the steps in a new store, and compares after each.
fn play(steps: &[Step]) -> (Store, Model) {
    let store = Store::open_memory().unwrap();
    let mut model = Model::default();
    let rows: Vec<_> = RECORDS.map(|id| asked(&record(id, "q", "a"))).to_vec();
    store.add_records(&rows).unwrap();
    for (record, _) in &rows {
        model.record(record, false);
    }
    let mut drafts = BTreeMap::new();
    let mut visit = 0;
    for (n, step) in steps.iter().enumerate() {
        let before = model.log.len();
        let id = format!("d{n}");
        // Who acts, what is expected.
        let mut own: Option<(&str, Act)> = None;
        match step {
            Step::Respond(at, who, response, now) => {
                let (at, who) = (RECORDS[*at], PEOPLE[*who]);
                let about = respond(&store, at, who, response, &id, *now);
                assert_eq!(about.as_deref(), Ok(at));
                drafts.remove(&(at.to_owned(), who.to_owned()));
                own = Some((who, Act::Respond(response.clone())));
            }
            Step::Draft(at, who, draft) => {
                let key = (RECORDS[*at].to_owned(), PEOPLE[*who].to_owned());
                store.save_draft(&key.0, &key.1, draft.as_ref()).unwrap();
                match draft.clone() {
                    Some(draft) => {
                        let status = ResponseStatus::Draft;
                        drafts.insert(key, Response { status, ..draft });
                    }
                    None => {
                        drafts.remove(&key);
                    }
                }
            }
            Step::Undo(who, at, now) | Step::Redo(who, at, now) => {
                let who = PEOPLE[*who];
                let is_undo = matches!(step, Step::Undo(..));
                let stacks = model.stacks(who);
                let stack = if is_undo { stacks.undo } else { stacks.redo };
                let named = at.and_then(|at| stack.get(at).cloned());
                let act = if is_undo {
                    Store::undo_decision
                } else {
                    Store::redo_decision
                };
                let done = act(&store, who, &id, named.as_deref(), *now).unwrap();
                let target = named.or_else(|| model.next(who, is_undo, visit));
                assert_eq!(done.is_some(), target.is_some());
                own = target.map(|target| {
                    let act = if is_undo {
                        Act::Undo { target }
                    } else {
                        Act::Redo { target }
                    };
                    (who, act)
                });
            }
            Step::Merge(decisions, origin) => {
                let added = merge(&store, decisions, *origin) as usize;
                for decision in decisions {
                    model.decision(decision, *origin, None);
                }
                assert_eq!(added, model.log.len() - before);
            }
            Step::Sent => {
                let unsent = store.unsent_decisions(0, 1000).unwrap();
                let seqs: Vec<u64> = unsent.iter().map(|(seq, _)| *seq).collect();
                store.set_sent("sent", "oid", &[], &seqs, &[]).unwrap();
                assert_eq!(store.unsent_decision_count(), Ok(0));
            }
            Step::Identity(is_join) => {
                let (who, act) = if *is_join {
                    ("guest", Act::Join { into: "ann".into() })
                } else {
                    let from = "guest".into();
                    ("ann", Act::Adopt { from })
                };
                store.identity_act(who, act.clone(), &id, 50).unwrap();
                own = Some((who, act));
            }
            Step::Visit => {
                store.begin_visit().unwrap();
                visit += 1;
            }
        }
        let after = log(&store);
        if let Some((who, act)) = own {
            let latest = after.last().unwrap();
            assert_eq!((&latest.id, &latest.act), (&id, &act));
            let joins = model.joins();
            let largest = model
                .log
                .values()
                .map(|known| &known.decision)
                .filter(|known| joins.root(&known.writer) == joins.root(who))
                .map(|known| known.clock)
                .filter(|clock| clock.is_credible())
                .max();
            assert!(largest.is_none_or(|largest| latest.clock > largest));
            assert!(latest.clock.is_credible());
            let is_about = latest.record().is_some();
            model.decision(latest, Origin::Here, is_about.then_some(visit));
        }
        assert_eq!(after.len(), model.log.len());
        model.check(&store, &PEOPLE, &drafts);
    }
    let here = late("a");
    store.add_records(&[asked(&here)]).unwrap();
    model.record(&here, false);
    model.check(&store, &PEOPLE, &drafts);
    for text in ["b", "c"] {
        merge_hub_record(&store, &late(text));
        model.record(&late(text), true);
        // What only this browser knows of its text goes along to its new id.
        model.check(&store, &PEOPLE, &drafts);
    }
    (store, model)
}

/// Undoes all that can be, and says what that was, in order.
fn undo_all(store: &Store, who: &str) -> Vec<String> {
    let mut undone = Vec::new();
    while store
        .undo_decision(
            who,
            &format!("last {who} {}", undone.len()),
            None,
            1_000_000,
        )
        .unwrap()
        .is_some()
    {
        match &log(store).last().unwrap().act {
            Act::Undo { target } => undone.push(target.clone()),
            other => panic!("{other:?}"),
        }
    }
    undone
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_derived_equals_the_fold_of_the_log_after_any_acts(
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        play(&steps);
    }

    #[test]
    fn two_copies_that_exchange_their_logs_in_any_order_agree(
        left in proptest::collection::vec(step(), 0..12),
        right in proptest::collection::vec(step(), 0..12),
    ) {
        // What files say stays where it is.
        let shared = |steps: Vec<Step>| -> Vec<Step> {
            steps.into_iter().filter(|step| !matches!(step, Step::Merge(_, Origin::File))).collect()
        };
        let (left, right) = (play(&shared(left)).0, play(&shared(right)).0);
        // Ids of own decisions are random in life; here they only need to differ.
        let renamed: Vec<Decision> = log(&right).into_iter().map(|mut event| {
            let rename = |id: &mut String| if id.starts_with('d') { id.insert(0, 'x') };
            rename(&mut event.id);
            if let Act::Undo { target } | Act::Redo { target } = &mut event.act { rename(target); }
            event
        }).collect();
        let copy = Store::open_memory().unwrap();
        let rows: Vec<_> = RECORDS.iter().map(|id| asked(&record(id, "q", "a"))).chain([asked(&late("a"))]).collect();
        copy.add_records(&rows).unwrap();
        for text in ["c", "b"] {
            merge_hub_record(&copy, &late(text));
        }
        merge(&copy, &renamed, Origin::Hub);
        merge(&copy, &log(&left), Origin::Hub);
        merge(&left, &renamed, Origin::Hub);
        left.begin_visit().unwrap();
        let sorted = |store: &Store| {
            let mut log = log(store);
            log.sort_by(|a, b| (&a.writer, &a.id).cmp(&(&b.writer, &b.id)));
            log
        };
        prop_assert_eq!(sorted(&left), sorted(&copy));
        let mut hashes = [&left, &copy].map(|store| store.accepted_hashes().unwrap());
        for hashes in &mut hashes {
            hashes.sort();
        }
        prop_assert_eq!(&hashes[0], &hashes[1]);
        prop_assert_eq!(left.reviewers(), copy.reviewers());
        for person in PEOPLE {
            let (mut a, mut b) = (left.counts(person).unwrap(), copy.counts(person).unwrap());
            // Drafts are nobody else's, and what is not saved is each one's own.
            (a.drafts, b.drafts, a.unsaved, b.unsaved) = (0, 0, b.unsaved, b.unsaved);
            prop_assert_eq!(a, b);
            prop_assert_eq!(left.name_of(person), copy.name_of(person));
        }
        for person in PEOPLE {
            // Acts of other visits, and of elsewhere, in the order of the log.
            prop_assert_eq!(undo_all(&left, person), undo_all(&copy, person));
        }
    }
}

#[test]
fn undo_goes_back_through_every_decision_and_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sqlite");
    let store = Store::open_file(&path).unwrap();
    let rows: Vec<_> = (0..30)
        .map(|n| asked(&record(&format!("r{n}"), "q", "a")))
        .collect();
    store.add_records(&rows).unwrap();
    for n in 0..30 {
        let (id, at) = (format!("r{n}"), format!("d{n}"));
        respond(&store, &id, "ann", &rated(Quality::Good), &at, n).unwrap();
    }
    store.close().unwrap();
    let store = Store::open_file(&path).unwrap();
    for n in (0..30).rev() {
        let undone = store
            .undo_decision("ann", &format!("u{n}"), None, 100)
            .unwrap();
        assert_eq!(undone, Some(format!("r{n}")));
    }
    assert_eq!(store.undo_decision("ann", "more", None, 100).unwrap(), None);
    assert_eq!(store.accepted_hashes().unwrap(), []);
    store.close().unwrap();
    let store = Store::open_file(&path).unwrap();
    for n in 0..30 {
        let back = store
            .redo_decision("ann", &format!("o{n}"), None, 100)
            .unwrap();
        assert_eq!(back, Some(format!("r{n}")));
    }
    assert_eq!(store.accepted_hashes().unwrap().len(), 30);
}

#[test]
fn an_act_told_twice_is_done_once() {
    let store = Store::open_memory().unwrap();
    let rows = ["a", "b"].map(|id| asked(&record(id, "q", "a")));
    store.add_records(&rows).unwrap();
    let say = |record: &str, id: &str| {
        respond(&store, record, "ann", &rated(Quality::Good), id, 1).unwrap();
    };
    say("a", "1");
    say("b", "2");
    say("b", "2");
    for _ in 0..2 {
        let undone = store.undo_decision("ann", "3", None, 2).unwrap();
        assert_eq!(undone.as_deref(), Some("b"));
    }
    let accepted = |store: &Store| -> Vec<String> {
        let hashes = store.accepted_hashes().unwrap();
        hashes.into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(accepted(&store), ["a"]);
    for _ in 0..2 {
        let redone = store.redo_decision("ann", "4", None, 3).unwrap();
        assert_eq!(redone.as_deref(), Some("b"));
    }
    assert_eq!(accepted(&store), ["a", "b"]);
    assert_eq!(log(&store).len(), 4);
    for (id, expected) in [("5", Some("b")), ("6", Some("a")), ("7", None)] {
        let undone = store.undo_decision("ann", id, None, 4).unwrap();
        assert_eq!(undone.as_deref(), expected);
    }
}

#[test]
fn undo_knows_what_the_same_person_did_elsewhere_earlier_and_later() {
    let store = Store::open_memory().unwrap();
    let rows = ["a", "b", "c"].map(|id| asked(&record(id, "q", "a")));
    store.add_records(&rows).unwrap();
    let act = |id: &str, record: &str, ms, act| decision(id, "ann", record, ms, act);
    let target = || "5".to_owned();
    // Later than all that is known, out of order; then earlier.
    let later = [
        act("7", "b", 7, Act::Redo { target: target() }),
        act("6", "b", 6, Act::Undo { target: target() }),
        good("5", "ann", "b", 5),
        good("4", "ann", "a", 4),
    ];
    let more = [act("8", "b", 8, Act::Undo { target: target() })];
    let earlier = [good("1", "ann", "c", 1)];
    for (part, can_redo) in [(&later[..], false), (&more[..], true), (&earlier[..], true)] {
        merge(&store, part, Origin::Hub);
        assert_eq!(store.counts("ann").unwrap().can_redo, can_redo);
    }
    let redone = store.redo_decision("ann", "9", None, 9).unwrap();
    assert_eq!(redone.as_deref(), Some("b"));
    for (id, expected) in [("10", Some("b")), ("11", Some("a")), ("12", Some("c"))] {
        let undone = store.undo_decision("ann", id, None, 10).unwrap();
        assert_eq!(undone.as_deref(), expected);
    }
    // A response made elsewhere ends what can be redone here.
    merge(&store, &[good("20", "ann", "a", 20)], Origin::Hub);
    assert!(!store.counts("ann").unwrap().can_redo);
    assert_eq!(store.redo_decision("ann", "21", None, 21).unwrap(), None);
}

#[test]
fn undo_walks_the_acts_of_this_visit_first_and_redo_goes_back_the_way_it_came() {
    let store = Store::open_memory().unwrap();
    let rows = ["old", "new", "elsewhere"].map(|id| asked(&record(id, "q", "a")));
    store.add_records(&rows).unwrap();
    store.begin_visit().unwrap();
    respond(&store, "old", "ann", &rated(Quality::Good), "1", 1).unwrap();
    store.begin_visit().unwrap();
    respond(&store, "new", "ann", &rated(Quality::Good), "2", 2).unwrap();
    // At home she decided later than here.
    merge(&store, &[good("h", "ann", "elsewhere", 500)], Origin::Hub);
    let step = |is_undo, id: &str| {
        let act = if is_undo {
            Store::undo_decision
        } else {
            Store::redo_decision
        };
        act(&store, "ann", id, None, 3).unwrap()
    };
    let order = ["new", "elsewhere", "old"];
    for (at, record) in order.iter().enumerate() {
        assert_eq!(step(true, &format!("u{at}")).as_deref(), Some(*record));
    }
    for (at, record) in order.iter().rev().enumerate() {
        assert_eq!(step(false, &format!("o{at}")).as_deref(), Some(*record));
    }
    assert_eq!(step(true, "again").as_deref(), Some("new"));
}

#[test]
fn two_contents_under_one_key_are_one_decision_and_the_smaller_hash_counts_in_any_order() {
    let rows = ["a", "b"].map(|id| asked(&record(id, "q", "a")));
    let (on_a, on_b) = (good("1", "ann", "a", 1), good("1", "ann", "b", 1));
    let small = lines(&[on_a.clone(), on_b.clone()])
        .into_iter()
        .min_by_key(Line::content_hash)
        .unwrap();
    let accepted = small.value.record().unwrap().to_owned();
    for order in [[&on_a, &on_b], [&on_b, &on_a]] {
        let store = Store::open_memory().unwrap();
        store.add_records(&rows).unwrap();
        for decision in order {
            merge(&store, std::slice::from_ref(decision), Origin::Hub);
        }
        // Under another name it is another decision, whatever its id.
        merge(&store, &[good("1", "eve", "a", 9)], Origin::File);
        assert_eq!(log(&store).len(), 2);
        let hashes = store.accepted_hashes().unwrap();
        assert_eq!(hashes.len(), 1);
        assert_eq!(hashes[0].0, accepted);
        assert_eq!(store.reviewers().unwrap(), ["ann", "eve"]);
    }
}

#[test]
fn what_is_here_and_counts_is_sent_although_the_hub_has_other_content_under_its_key() {
    let pair = lines(&[good("1", "ann", "a", 1), good("1", "ann", "b", 1)]);
    let (small, large) = if pair[0].content_hash() < pair[1].content_hash() {
        (&pair[0], &pair[1])
    } else {
        (&pair[1], &pair[0])
    };
    let store = Store::open_memory().unwrap();
    store.set_own_writers(&["ann".to_owned()]).unwrap();
    let of = |line: &Line<Decision>| std::slice::from_ref(line).to_vec();
    store
        .merge_decisions(&of(small), Origin::File, None)
        .unwrap();
    let part = store.begin_part("part").unwrap();
    store
        .merge_decisions(&of(large), Origin::Hub, Some(part))
        .unwrap();
    assert_eq!(store.unsent_decisions(0, 9).unwrap()[0].1, *small);
    store
        .merge_decisions(&of(small), Origin::Hub, Some(part))
        .unwrap();
    assert_eq!(store.unsent_decision_count(), Ok(0));
    // And the other way round.
    let store = Store::open_memory().unwrap();
    let part = store.begin_part("part").unwrap();
    store.set_own_writers(&["ann".to_owned()]).unwrap();
    store
        .merge_decisions(&of(large), Origin::Hub, Some(part))
        .unwrap();
    store
        .merge_decisions(&of(small), Origin::File, None)
        .unwrap();
    assert_eq!(store.unsent_decisions(0, 9).unwrap()[0].1, *small);
}

#[test]
fn telling_again_who_decides_here_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("project.sqlite");
    let own = ["ann".to_owned(), "guest".to_owned()];
    let store = Store::open_file(&file).unwrap();
    store
        .add_records(&[asked(&record("r0", "q", "a"))])
        .unwrap();
    respond(&store, "r0", "ann", &rated(Quality::Good), "d1", 1).unwrap();
    store.set_own_writers(&own).unwrap();
    store.close().unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    for table in ["kv", "decisions", "steps", "counts", "accepted", "records"] {
        for act in ["INSERT", "UPDATE", "DELETE"] {
            let sql = format!(
                "CREATE TRIGGER refuses_{table}_{act} BEFORE {act} ON {table}
                 BEGIN SELECT RAISE(ABORT, 'no room'); END"
            );
            database.execute_batch(&sql).unwrap();
        }
    }
    drop(database);
    let store = Store::open_file(&file).unwrap();
    assert_eq!(store.set_own_writers(&own), Ok(()));
    assert!(
        store.set_own_writers(&own[..1]).is_err(),
        "it would be seen"
    );
}

#[test]
fn a_file_cannot_take_the_place_of_what_the_hub_says() {
    let store = Store::open_memory().unwrap();
    store.add_records(&[asked(&record("a", "q", "a"))]).unwrap();
    merge(&store, &[good("1", "ann", "a", 1)], Origin::Hub);
    // Somebody looks for contents until the hash is smaller.
    for ms in 2..40 {
        let response = Act::Respond(rated(Quality::Bad));
        merge(
            &store,
            &[decision("1", "ann", "a", ms, response)],
            Origin::File,
        );
    }
    assert_eq!(log(&store), [good("1", "ann", "a", 1)]);
    assert_eq!(store.accepted_row_count(), Ok(1));
}

#[test]
fn decisions_of_a_file_count_here_and_back_a_published_row_only_once_the_hub_has_them() {
    let store = Store::open_memory().unwrap();
    store.add_records(&[asked(&record("a", "q", "a"))]).unwrap();
    let theirs = [good("1", "ann", "a", 1)];
    merge(&store, &theirs, Origin::File);
    let view = store.record_view("a", "bob").unwrap().unwrap();
    assert_eq!(view.state, RecordState::Accepted);
    assert!(view.others[0].is_from_file);
    assert_eq!(store.accepted_row_count(), Ok(0));
    assert_eq!(store.unsent_decision_count(), Ok(0));
    assert_eq!(store.unclaimed_writers(), Ok(vec![("ann".to_owned(), 1)]));
    merge(&store, &theirs, Origin::Hub);
    let view = store.record_view("a", "bob").unwrap().unwrap();
    assert!(!view.others[0].is_from_file);
    assert_eq!(store.accepted_row_count(), Ok(1));
    assert_eq!(store.unclaimed_writers(), Ok(Vec::new()));
}

#[test]
fn what_a_file_says_in_the_names_of_this_browser_is_theirs() {
    let store = Store::open_memory().unwrap();
    store.add_records(&[asked(&record("a", "q", "a"))]).unwrap();
    merge(&store, &[good("1", "ann", "a", 1)], Origin::File);
    store.set_own_writers(&["ann".to_owned()]).unwrap();
    assert_eq!(store.accepted_row_count(), Ok(1));
    assert_eq!(store.unsaved().unwrap().decisions, 1);
    merge(&store, &[good("2", "ann", "a", 2)], Origin::File);
    assert_eq!(store.unsent_decision_count(), Ok(2));
    assert_eq!(store.unsaved().unwrap().decisions, 2);
}

#[test]
fn what_only_a_newer_build_understands_is_no_reason_to_take_a_row_out() {
    let store = Store::open_memory().unwrap();
    store
        .add_records(&[asked(&record("r", "q", "2 cm"))])
        .unwrap();
    let deferred = Response {
        status: ResponseStatus::Unknown,
        ..Response::default()
    };
    let newer = [
        decision("1", "nia", "r", 1, Act::Respond(deferred)),
        decision("2", "nia", "r", 2, Act::Other),
    ];
    merge(&store, &newer, Origin::Hub);
    assert!(!store.has_decisions_about("r").unwrap());
    merge(&store, &[good("3", "ann", "r", 3)], Origin::Hub);
    assert!(store.has_decisions_about("r").unwrap());
}

#[test]
fn a_decision_on_another_text_does_not_count_until_that_text_comes() {
    let store = Store::open_memory().unwrap();
    store
        .add_records(&[asked(&record("r", "q", "20 cm"))])
        .unwrap();
    let other = record("r", "q", "2 cm");
    let mut theirs = good("1", "ann", "r", 1);
    theirs.text = Some(other.fields.text_hash());
    merge(&store, &[theirs], Origin::Hub);
    let view = store.record_view("r", "bob").unwrap().unwrap();
    assert_eq!(
        (view.state, view.others),
        (RecordState::Pending, Vec::new())
    );
    assert!(!store.has_decisions_about("r").unwrap());
    merge_hub_record(&store, &other);
    let (_, all) = store
        .list_records(
            &seedbed_core::messages::RecordFilter::default(),
            "bob",
            0,
            9,
        )
        .unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|view| (view.record.id.as_str(), view.record.response(), view.state))
        .collect();
    let own = record("r", "q", "20 cm");
    let own = Record::make_id(own.key.as_deref(), &own.fields);
    let expected = [
        (own.as_str(), "20 cm", RecordState::Pending),
        ("r", "2 cm", RecordState::Accepted),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_decision_told_on_a_text_that_lost_its_id_meanwhile_is_about_that_text() {
    let store = Store::open_memory().unwrap();
    let mine = record("r", "q", "mine");
    store.add_records(&[asked(&mine)]).unwrap();
    let text = mine.fields.text_hash();
    let say = |id: &str| {
        store
            .respond("r", &text, "ann", &rated(Quality::Good), id, 1)
            .unwrap()
    };
    store
        .save_draft("r", "ann", Some(&rated(Quality::Bad)))
        .unwrap();
    assert_eq!(say("1"), "r");
    store
        .save_draft("r", "bob", Some(&rated(Quality::Bad)))
        .unwrap();
    merge_hub_record(&store, &record("r", "q", "theirs"));
    let own = Record::make_id(mine.key.as_deref(), &mine.fields);
    // The page still knows it by its first id, and tells the second one twice.
    for _ in 0..2 {
        assert_eq!(say("2"), own);
    }
    let view = store.record_view(&own, "bob").unwrap().unwrap();
    assert_eq!(view.record.response(), "mine");
    assert_eq!(view.state, RecordState::Accepted);
    assert_eq!(
        view.mine.map(|draft| draft.status),
        Some(ResponseStatus::Draft)
    );
    let named: Vec<_> = log(&store)
        .into_iter()
        .map(|decision| decision.on.record.unwrap())
        .collect();
    assert_eq!(named, [own.clone(), own.clone()]);
    // It is sent under the id of its own, since the Hub has the other one.
    let sent = store.unsent_records(0, 9).unwrap();
    assert_eq!(sent[0].1.value.record.id, own);
    let undone = store.undo_decision("ann", "3", None, 5).unwrap();
    assert_eq!(undone.as_deref(), Some(own.as_str()));
}

#[test]
fn a_guest_that_joined_is_one_person_with_one_vote_and_one_undo_list() {
    for adopt_first in [false, true] {
        let store = Store::open_memory().unwrap();
        let rows = ["a", "b"].map(|id| asked(&record(id, "q", "a")));
        store.add_records(&rows).unwrap();
        // The guest's clock is ahead.
        respond(&store, "a", "guest", &rated(Quality::Bad), "1", 900).unwrap();
        respond(&store, "b", "guest", &rated(Quality::Good), "2", 901).unwrap();
        let there = Store::open_memory().unwrap();
        there.add_records(&rows).unwrap();
        merge(&there, &log(&store), Origin::Hub);
        let acts = [
            of_identity("j", "guest", 902, Act::Join { into: "ann".into() }),
            of_identity(
                "k",
                "ann",
                3,
                Act::Adopt {
                    from: "guest".into(),
                },
            ),
        ];
        let (first, second) = if adopt_first { (1, 0) } else { (0, 1) };
        merge(&there, &acts[first..=first], Origin::Hub);
        assert!(
            !there.counts("ann").unwrap().can_undo,
            "one side is not enough"
        );
        merge(&there, &acts[second..=second], Origin::Hub);
        assert_eq!(there.reviewers().unwrap(), ["ann"]);
        respond(&there, "a", "ann", &rated(Quality::Good), "3", 10).unwrap();
        let view = there.record_view("a", "ann").unwrap().unwrap();
        assert_eq!(view.state, RecordState::Accepted, "she changed her mind");
        assert_eq!(there.accepted_hashes().unwrap().len(), 2);
        for (id, expected) in [
            ("4", Some("a")),
            ("5", Some("b")),
            ("6", Some("a")),
            ("7", None),
        ] {
            let undone = there.undo_decision("ann", id, None, 10).unwrap();
            assert_eq!(undone.as_deref(), expected);
        }
        assert_eq!(there.accepted_hashes().unwrap(), []);
    }
}

#[test]
fn a_decision_that_comes_before_its_record_counts_when_the_record_comes() {
    let store = Store::open_memory().unwrap();
    assert_eq!(merge(&store, &[good("1", "ann", "r", 1)], Origin::Hub), 1);
    assert_eq!(store.counts("ann").unwrap().total, 0);
    store.add_records(&[asked(&record("r", "q", "a"))]).unwrap();
    let view = store.record_view("r", "bob").unwrap().unwrap();
    assert_eq!(view.state, RecordState::Accepted);
    assert_eq!(store.accepted_rows(0, 10).unwrap().0[0].id, "r");
}

#[test]
fn clocks_from_the_end_of_time_neither_fail_nor_stop_ours() {
    let store = Store::open_memory().unwrap();
    store.add_records(&[asked(&record("r", "q", "a"))]).unwrap();
    let mut hostile = good("1", "eve", "r", u64::MAX);
    hostile.clock = Clock {
        ms: u64::MAX,
        n: u32::MAX - 5,
    };
    merge(&store, &[hostile], Origin::Hub);
    respond(&store, "r", "ann", &rated(Quality::Bad), "2", 10).unwrap();
    store.undo_decision("ann", "3", None, 10).unwrap();
    let view = store.record_view("r", "ann").unwrap().unwrap();
    assert_eq!((view.mine, view.state), (None, RecordState::Pending));
    // Not even one's own: a machine whose clock was wrong.
    let mut own = good("4", "ann", "r", u64::MAX);
    own.clock.n = u32::MAX;
    merge(&store, &[own], Origin::Hub);
    assert!(!store.counts("ann").unwrap().can_undo);
    respond(&store, "r", "ann", &rated(Quality::Good), "5", 20).unwrap();
    let view = store.record_view("r", "ann").unwrap().unwrap();
    assert_eq!(view.state, RecordState::Accepted);
    let undone = store.undo_decision("ann", "6", None, 20).unwrap();
    assert_eq!(undone.as_deref(), Some("r"));
}

#[test]
fn a_response_to_a_record_that_is_not_there_is_refused() {
    let store = Store::open_memory().unwrap();
    let refused = respond(&store, "r", "ann", &rated(Quality::Good), "d", 1);
    assert_eq!(refused, Err(StoreError::Missing("this record".to_owned())));
    assert_eq!(log(&store), []);
}
