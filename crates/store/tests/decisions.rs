//! What the store keeps beside the log equals what the log alone says, after any sequence of acts.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use proptest::prelude::*;
use seedbed_core::messages::RecordFilter;
use seedbed_core::review::{
    Act, Clock, Decision, Quality, RecordState, Response, ResponseStatus, UndoStacks, fold,
    merge_logs, outcome,
};
use seedbed_core::row::TableRow;
use seedbed_store::{Store, StoreError, Synced};
use std::collections::BTreeMap;
use support::{asked, decision, good, rated, record};

const RECORDS: [&str; 3] = ["r0", "r1", "r2"];
/// Arrives only at the end.
const LATE: &str = "late";
/// Who acts here, and somebody who is only elsewhere.
const PEOPLE: [&str; 4] = ["ann", "bob", "local", "carol"];
/// Whose decisions come from elsewhere. Never the local name: only what nobody else has seen is renamed.
const ELSEWHERE: [&str; 3] = ["ann", "bob", "carol"];

#[derive(Clone, Debug)]
enum Step {
    Respond(usize, usize, Response, u64),
    Undo(usize, u64),
    Redo(usize, u64),
    Merge(Vec<Decision>),
    MarkSynced,
    SignIn,
}

fn response() -> impl Strategy<Value = Response> {
    let text = proptest::option::of("[a-c]{1,2}");
    (0..4_u8, text.clone(), text).prop_map(|(kind, instruction, response)| {
        let mut made = match kind {
            0 => rated(Quality::Good),
            1 => rated(Quality::Bad),
            2 => Response {
                status: ResponseStatus::Discarded,
                discard_reason: Some("off topic".to_owned()),
                ..Response::default()
            },
            _ => Response::default(),
        };
        made.improved_instruction = instruction;
        made.improved_response = response;
        made
    })
}

/// Events of somebody elsewhere, few, so that repeats, undos before their target and late records happen: three
/// people's responses 0..6, the undos 6..12 and the redos 12..18 of those.
fn foreign() -> impl Strategy<Value = Decision> {
    (0..18_usize).prop_map(|n| {
        let of = n % 6;
        let target = format!("f{of}");
        let act = match n / 6 {
            0 => Act::Respond {
                response: rated(if of % 2 == 0 {
                    Quality::Good
                } else {
                    Quality::Bad
                }),
            },
            1 => Act::Undo { target },
            _ => Act::Redo { target },
        };
        let record = RECORDS.get(of % 4).copied().unwrap_or(LATE);
        let ms = (n as u64 * 7) % 40;
        decision(&format!("f{n}"), ELSEWHERE[of % 3], record, ms, act)
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..3_usize, response(), 0..100_u64)
            .prop_map(|(at, who, response, now)| Step::Respond(at, who, response, now)),
        4 => (0..3_usize, 0..100_u64).prop_map(|(who, now)| Step::Undo(who, now)),
        2 => (0..3_usize, 0..100_u64).prop_map(|(who, now)| Step::Redo(who, now)),
        2 => proptest::collection::vec(foreign(), 0..5).prop_map(Step::Merge),
        1 => Just(Step::MarkSynced),
        1 => Just(Step::SignIn),
    ]
}

/// Everything derived, from the log alone.
fn check(store: &Store, drafts: &BTreeMap<(usize, usize), Response>) {
    let log = store.decisions(false, None).unwrap();
    assert_eq!(
        merge_logs(log.clone()),
        log,
        "the log comes in its canonical order"
    );
    let mut states: BTreeMap<RecordState, u32> = BTreeMap::new();
    let mut rows = Vec::new();
    let (_, all) = store
        .list_records(&RecordFilter::default(), "nobody", 0, 100)
        .unwrap();
    for seen in &all {
        let id = &seen.record.id;
        let active = fold(log.iter().filter(|event| event.record_id == *id));
        let (state, accepted) = outcome(&active);
        *states.entry(state).or_default() += 1;
        assert_eq!(seen.state, state);
        rows.extend(accepted.map(|accepted| TableRow::new(&seen.record, &accepted)));
        for (who, name) in PEOPLE.iter().enumerate() {
            let view = store.record_view(id, name).unwrap().unwrap();
            let at = RECORDS.iter().position(|known| known == id);
            let draft = at.and_then(|at| drafts.get(&(at, who)));
            let mine = draft.or(active.get(*name).map(|(_, response)| response));
            assert_eq!(view.mine.as_ref(), mine);
            let others: Vec<_> = active
                .iter()
                .filter(|(other, _)| other != name)
                .map(|(other, (_, response))| (other.clone(), response.clone()))
                .collect();
            assert_eq!(view.others, others);
        }
    }
    let hashes: Vec<_> = rows
        .iter()
        .map(|row| (row.id.clone(), row.content_hash()))
        .collect();
    assert_eq!(store.accepted_hashes().unwrap(), hashes);
    assert_eq!(store.accepted_rows(0, 100).unwrap(), (rows, None));
    for (who, name) in PEOPLE.iter().enumerate() {
        let counts = store.counts(name).unwrap();
        assert_eq!(counts.total as usize, all.len());
        for (state, n) in counts.states {
            assert_eq!(n, states.get(&state).copied().unwrap_or(0), "{state:?}");
        }
        let of_mine = drafts.keys().filter(|(_, person)| *person == who).count();
        assert_eq!(counts.drafts as usize, of_mine);
        let stacks = UndoStacks::from_log(&log, name);
        assert_eq!(counts.can_undo, !stacks.undo.is_empty());
        assert_eq!(counts.can_redo, !stacks.redo.is_empty());
    }
}

fn play(steps: &[Step]) -> Store {
    let store = Store::open_memory().unwrap();
    let rows: Vec<_> = RECORDS
        .iter()
        .map(|id| asked(&record(id, "q", "a")))
        .collect();
    store.add_records(&rows).unwrap();
    let mut drafts = BTreeMap::new();
    for (n, step) in steps.iter().enumerate() {
        let before = store.decisions(false, None).unwrap();
        let id = format!("d{n}");
        let mut own: Option<Act> = None;
        match step {
            Step::Respond(at, who, response, now) => {
                store
                    .respond(RECORDS[*at], PEOPLE[*who], response, &id, *now)
                    .unwrap();
                if response.status == ResponseStatus::Draft {
                    drafts.insert((*at, *who), response.clone());
                } else {
                    drafts.remove(&(*at, *who));
                    own = Some(Act::Respond {
                        response: response.clone(),
                    });
                }
            }
            Step::Undo(who, now) => {
                let target = UndoStacks::from_log(&before, PEOPLE[*who]).undo.pop();
                let done = store.undo_decision(PEOPLE[*who], &id, *now).unwrap();
                assert_eq!(done.is_some(), target.is_some());
                own = target.map(|target| Act::Undo { target });
            }
            Step::Redo(who, now) => {
                let target = UndoStacks::from_log(&before, PEOPLE[*who]).redo.pop();
                let done = store.redo_decision(PEOPLE[*who], &id, *now).unwrap();
                assert_eq!(done.is_some(), target.is_some());
                own = target.map(|target| Act::Redo { target });
            }
            Step::Merge(decisions) => {
                let added = store.merge_decisions(decisions).unwrap() as usize;
                let union = merge_logs(before.iter().chain(decisions).cloned());
                let after = store.decisions(false, None).unwrap();
                assert_eq!(added, after.len() - before.len());
                assert_eq!(after.len(), union.len());
            }
            Step::MarkSynced => {
                let ids: Vec<_> = before.iter().map(|event| event.id.clone()).collect();
                store.mark_synced(Synced::Decisions, &ids).unwrap();
                assert_eq!(store.decisions(true, None).unwrap(), []);
            }
            Step::SignIn => {
                store.rename_reviewer("local", "ann").unwrap();
                for at in 0..RECORDS.len() {
                    if let Some(draft) = drafts.remove(&(at, 2)) {
                        drafts.insert((at, 0), draft);
                    }
                }
            }
        }
        let after = store.decisions(false, None).unwrap();
        match own {
            Some(act) => {
                let latest = after.last().unwrap();
                assert_eq!((&latest.id, &latest.act), (&id, &act));
                let largest = before.iter().map(|event| event.clock).max();
                assert!(largest.is_none_or(|largest| latest.clock > largest));
            }
            None if !matches!(step, Step::Merge(_)) => assert_eq!(after.len(), before.len()),
            None => {}
        }
        check(&store, &drafts);
    }
    store
        .add_records(&[asked(&record(LATE, "q", "a"))])
        .unwrap();
    check(&store, &drafts);
    store
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
        let (left, right) = (play(&left), play(&right));
        // Ids of own decisions are random in life; here they only need to differ.
        let renamed: Vec<Decision> = right.decisions(false, None).unwrap().into_iter().map(|mut event| {
            let rename = |id: &mut String| if id.starts_with('d') { id.insert(0, 'x') };
            rename(&mut event.id);
            if let Act::Undo { target } | Act::Redo { target } = &mut event.act { rename(target); }
            event
        }).collect();
        let copy = Store::open_memory().unwrap();
        let rows: Vec<_> = RECORDS.iter().chain([&LATE]).map(|id| asked(&record(id, "q", "a"))).collect();
        copy.add_records(&rows).unwrap();
        copy.merge_decisions(&renamed).unwrap();
        copy.merge_decisions(&left.decisions(false, None).unwrap()).unwrap();
        left.merge_decisions(&renamed).unwrap();
        prop_assert_eq!(left.decisions(false, None).unwrap(), copy.decisions(false, None).unwrap());
        prop_assert_eq!(left.accepted_hashes().unwrap(), copy.accepted_hashes().unwrap());
        for person in PEOPLE {
            let (mut a, mut b) = (left.counts(person).unwrap(), copy.counts(person).unwrap());
            // Drafts are nobody else's.
            (a.drafts, b.drafts) = (0, 0);
            prop_assert_eq!(a, b);
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
        store
            .respond(&id, "ann", &rated(Quality::Good), &at, n)
            .unwrap();
    }
    store.close().unwrap();
    let store = Store::open_file(&path).unwrap();
    for n in (0..30).rev() {
        let undone = store.undo_decision("ann", &format!("u{n}"), 100).unwrap();
        assert_eq!(undone, Some(format!("r{n}")));
    }
    assert_eq!(store.undo_decision("ann", "more", 100).unwrap(), None);
    assert_eq!(store.accepted_hashes().unwrap(), []);
    store.close().unwrap();
    let store = Store::open_file(&path).unwrap();
    for n in 0..30 {
        let back = store.redo_decision("ann", &format!("o{n}"), 100).unwrap();
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
        store
            .respond(record, "ann", &rated(Quality::Good), id, 1)
            .unwrap();
    };
    say("a", "1");
    say("b", "2");
    say("b", "2");
    for _ in 0..2 {
        let undone = store.undo_decision("ann", "3", 2).unwrap();
        assert_eq!(undone.as_deref(), Some("b"));
    }
    let accepted = |store: &Store| -> Vec<String> {
        let hashes = store.accepted_hashes().unwrap();
        hashes.into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(accepted(&store), ["a"]);
    for _ in 0..2 {
        let redone = store.redo_decision("ann", "4", 3).unwrap();
        assert_eq!(redone.as_deref(), Some("b"));
    }
    assert_eq!(accepted(&store), ["a", "b"]);
    assert_eq!(store.decisions(false, None).unwrap().len(), 4);
    for (id, expected) in [("5", Some("b")), ("6", Some("a")), ("7", None)] {
        let undone = store.undo_decision("ann", id, 4).unwrap();
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
    for part in [&later[..], &more[..], &earlier[..]] {
        store.merge_decisions(part).unwrap();
        let log = store.decisions(false, None).unwrap();
        let stacks = UndoStacks::from_log(&log, "ann");
        let counts = store.counts("ann").unwrap();
        assert_eq!(counts.can_redo, !stacks.redo.is_empty());
    }
    let redone = store.redo_decision("ann", "9", 9).unwrap();
    assert_eq!(redone.as_deref(), Some("b"));
    for (id, expected) in [("10", Some("b")), ("11", Some("a")), ("12", Some("c"))] {
        let undone = store.undo_decision("ann", id, 10).unwrap();
        assert_eq!(undone.as_deref(), expected);
    }
    // A response made elsewhere ends what can be redone here.
    store
        .merge_decisions(&[good("20", "ann", "a", 20)])
        .unwrap();
    assert!(!store.counts("ann").unwrap().can_redo);
    assert_eq!(store.redo_decision("ann", "21", 21).unwrap(), None);
}

#[test]
fn a_known_decision_that_comes_again_with_other_content_changes_nothing() {
    let store = Store::open_memory().unwrap();
    let rows = ["a", "b"].map(|id| asked(&record(id, "q", "a")));
    store.add_records(&rows).unwrap();
    let first = good("1", "ann", "a", 1);
    store.merge_decisions(std::slice::from_ref(&first)).unwrap();
    let others = [good("1", "eve", "a", 9), good("1", "ann", "b", 1)];
    assert_eq!(store.merge_decisions(&others).unwrap(), 0);
    assert_eq!(store.decisions(false, None).unwrap(), [first]);
    assert_eq!(store.accepted_hashes().unwrap().len(), 1);
    assert_eq!(store.reviewers().unwrap(), ["ann"]);
}

#[test]
fn a_decision_that_comes_before_its_record_counts_when_the_record_comes() {
    let store = Store::open_memory().unwrap();
    assert_eq!(
        store.merge_decisions(&[good("1", "ann", "r", 1)]).unwrap(),
        1
    );
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
    store.merge_decisions(&[hostile]).unwrap();
    store
        .respond("r", "ann", &rated(Quality::Bad), "2", 10)
        .unwrap();
    store.undo_decision("ann", "3", 10).unwrap();
    let view = store.record_view("r", "ann").unwrap().unwrap();
    assert_eq!((view.mine, view.state), (None, RecordState::Accepted));
}

#[test]
fn a_response_to_a_record_that_is_not_there_is_refused() {
    let store = Store::open_memory().unwrap();
    let refused = store.respond("r", "ann", &rated(Quality::Good), "d", 1);
    assert_eq!(refused, Err(StoreError::Missing("this record".to_owned())));
    assert_eq!(store.decisions(false, None).unwrap(), []);
}

#[test]
fn decisions_on_the_hub_keep_their_name_when_the_person_signs_in() {
    let store = Store::open_memory().unwrap();
    let rows: Vec<_> = ["a", "b"].map(|id| asked(&record(id, "q", "a"))).to_vec();
    store.add_records(&rows).unwrap();
    store
        .respond("a", "me", &rated(Quality::Good), "1", 1)
        .unwrap();
    store
        .mark_synced(Synced::Decisions, &["1".to_owned()])
        .unwrap();
    store
        .respond("b", "me", &rated(Quality::Good), "2", 2)
        .unwrap();
    store.undo_decision("me", "3", 3).unwrap();
    store.undo_decision("me", "4", 4).unwrap();
    // The undo of "1" stays with the name that made "1".
    assert_eq!(store.rename_reviewer("me", "ann").unwrap(), 2);
    let names: Vec<_> = store
        .decisions(false, None)
        .unwrap()
        .into_iter()
        .map(|event| (event.id, event.reviewer))
        .collect();
    let expected = [("1", "me"), ("2", "ann"), ("3", "ann"), ("4", "me")];
    assert_eq!(
        names,
        expected.map(|(id, name)| (id.to_owned(), name.to_owned()))
    );
    assert_eq!(store.accepted_hashes().unwrap(), []);
    assert_eq!(store.reviewers().unwrap(), ["ann", "me"]);
}
