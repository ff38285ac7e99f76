//! The same lines give the same project, whatever the order and the grouping in which they come.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/model.rs"]
mod model;
mod support;

use model::Model;
use proptest::prelude::*;
use seedbed_core::line::{Line, RecordLine};
use seedbed_core::messages::RecordFilter;
use seedbed_core::record::{Fields, Record};
use seedbed_core::review::{Act, CLOCK_END_MS, Decision, Quality, RecordState};
use seedbed_store::{Origin, Store};
use std::collections::BTreeMap;
use support::{asked, cell, decision, good, lines, log, of_identity, rated, record};

const PEOPLE: [&str; 4] = ["ann", "bob", "carol", "guest"];

/// Something that comes to a browser.
#[derive(Clone, Debug)]
enum Told {
    /// A record, of the Hub or known here alone.
    Record(Box<Record>, bool),
    Decision(Box<Decision>, Origin),
}

fn of_key(key: &str, id: Option<&str>, text: &str) -> Record {
    let mut made = record("", "q", text);
    made.key = Some(key.to_owned());
    made.id = id.map_or_else(
        || Record::make_id(made.key.as_deref(), &made.fields),
        str::to_owned,
    );
    made
}

fn own_id(key: &str, text: &str) -> String {
    of_key(key, None, text).id
}

/// Texts that claim one id, the same texts under ids of their own, and lines that claim the own id of another text;
/// each in three provenances.
fn some_record() -> impl Strategy<Value = Told> {
    (0..9_usize, 0..3_u8, any::<bool>()).prop_map(|(n, variant, is_on_hub)| {
        let mut made = match n {
            0..3 => of_key("k1", Some("k1"), ["a", "b", "c"][n]),
            3..5 => of_key("k1", None, ["a", "b"][n - 3]),
            5 => of_key("k2", Some("k2"), "a"),
            6 => of_key("k2", Some("k1"), "d"),
            7 => of_key("liar", Some(&own_id("k1", "a")), "z"),
            _ => of_key("liar", Some(&own_id("k1", "b")), "y"),
        };
        made.provenance.model = format!("model {variant}");
        made.cell = cell(["soil", "bees"][usize::from(variant % 2)], "science");
        made.created_ms = u64::from(variant);
        Told::Record(Box::new(made), is_on_hub)
    })
}

fn some_decision() -> impl Strategy<Value = Told> {
    let about = prop_oneof![
        3 => Just("k1".to_owned()),
        1 => Just("k2".to_owned()),
        1 => Just(own_id("k1", "a")),
        1 => Just(own_id("k1", "b")),
    ];
    let text = proptest::sample::select(vec![None, Some("a"), Some("b"), Some("c"), Some("z")]);
    (0..12_usize, 0..4_usize, about, text, 0..9_u64, 0..6_u8).prop_map(
        |(n, who, about, text, ms, kind)| {
            let target = ["batch".to_owned(), format!("{}", n / 2), format!("{n}")];
            let target = target[ms as usize % 3].clone();
            let act = match kind {
                0..3 => Act::Respond(rated(if n % 3 == 0 {
                    Quality::Bad
                } else {
                    Quality::Good
                })),
                3..5 => Act::Undo { target },
                _ => Act::Redo { target },
            };
            let ms = if ms == 8 { CLOCK_END_MS + 1 } else { ms };
            let mut made = decision(&n.to_string(), PEOPLE[who], &about, ms, act);
            // As somebody writes it who wants no act to be later.
            if ms == 7 {
                (made.clock.ms, made.clock.n) = (CLOCK_END_MS - 1, u32::MAX);
            }
            made.text = text.map(|text| Fields::of_pair("q", text).text_hash());
            made.batch = (n % 4 == 0).then(|| "batch".to_owned());
            // What a file says has ids of its own: who else could have written them?
            let origin = if n == 11 { Origin::File } else { Origin::Hub };
            Told::Decision(Box::new(made), origin)
        },
    )
}

fn identity_act() -> impl Strategy<Value = Told> {
    (0..6_usize, 0..3_u64).prop_map(|(n, ms)| {
        let join = |into: &str| Act::Join { into: into.into() };
        let adopt = |from: &str| Act::Adopt { from: from.into() };
        let (writer, act) = match n {
            0 => ("guest", join("ann")),
            1 => ("ann", adopt("guest")),
            2 => ("carol", join("guest")),
            3 => ("guest", adopt("carol")),
            4 => ("bob", join("carol")),
            _ => (
                "ann",
                Act::Name {
                    name: format!("Ann {ms}"),
                },
            ),
        };
        let act = of_identity(&format!("i{n}"), writer, ms, act);
        Told::Decision(Box::new(act), Origin::Hub)
    })
}

fn told() -> impl Strategy<Value = Vec<Told>> {
    let one = prop_oneof![3 => some_record(), 5 => some_decision(), 1 => identity_act()];
    proptest::collection::vec(one, 1..30)
}

/// Takes everything in, cut into groups that come in one call each where they are of one kind.
fn tell(told: &[Told], cuts: &[bool]) -> Store {
    let store = Store::open_memory().unwrap();
    let mut at = 0;
    while at < told.len() {
        let mut end = at + 1;
        let kind = |told: &Told| match told {
            Told::Record(_, is_on_hub) => (true, *is_on_hub),
            Told::Decision(_, origin) => (false, *origin == Origin::Hub),
        };
        while end < told.len()
            && kind(&told[end]) == kind(&told[at])
            && !cuts.get(end).copied().unwrap_or_default()
        {
            end += 1;
        }
        let (is_record, is_on_hub) = kind(&told[at]);
        let part = is_on_hub.then(|| store.begin_part(&format!("part {at}")).unwrap());
        let (mut records, mut decisions) = (Vec::new(), Vec::new());
        for one in &told[at..end] {
            match one {
                Told::Record(record, _) => {
                    let (record, messages) = asked(record);
                    records.push(Line::new(RecordLine { record, messages }));
                }
                Told::Decision(decision, _) => {
                    decisions.push(Line::new(Decision::clone(decision)));
                }
            }
        }
        if is_record {
            store.merge_records(&records, part).unwrap();
        } else {
            let origin = if is_on_hub { Origin::Hub } else { Origin::File };
            store.merge_decisions(&decisions, origin, part).unwrap();
        }
        at = end;
    }
    store
}

/// Everything that people see, and what would be sent, in an order of its own.
#[derive(Debug, PartialEq)]
struct Seen {
    records: Vec<String>,
    accepted: Vec<(String, String)>,
    unsent: Vec<(String, String)>,
    counts: Vec<String>,
    reviewers: Vec<String>,
    undone: Vec<Vec<String>>,
}

fn look(store: &Store) -> Seen {
    let (_, all) = store
        .list_records(&RecordFilter::default(), "ann", 0, 100)
        .unwrap();
    let mut records: Vec<String> = all
        .into_iter()
        .map(|mut view| {
            view.seq = 0;
            format!("{view:?}")
        })
        .collect();
    records.sort();
    let mut accepted = store.accepted_hashes().unwrap();
    accepted.sort();
    let unsent = store.unsent_records(0, 100).unwrap().into_iter();
    let mut unsent: Vec<_> = unsent
        .map(|(_, line)| {
            let record = line.value.record;
            (record.id.clone(), record.response().to_owned())
        })
        .collect();
    unsent.sort();
    let counts = PEOPLE.map(|who| format!("{:?}", store.counts(who).unwrap().states));
    let counts = counts
        .into_iter()
        .chain([format!("{:?}", store.counts("ann").unwrap().topics)])
        .chain([format!("{:?}", store.counts("ann").unwrap().models)])
        .chain([format!(
            "{:?}",
            store
                .prompt_page(&seedbed_core::messages::PromptFilter::default(), 0, 0)
                .unwrap()
                .cells
        )])
        .collect();
    let reviewers = store.reviewers().unwrap();
    let undone = PEOPLE.map(|who| {
        let mut targets = Vec::new();
        while let Ok(Some(_)) =
            store.undo_decision(who, &format!("{who} {}", targets.len()), None, 100)
        {
            if let Some(Act::Undo { target }) = log(store).pop().map(|last| last.act) {
                targets.push(target);
            }
        }
        targets
    });
    Seen {
        records,
        accepted,
        unsent,
        counts,
        reviewers,
        undone: undone.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_lines_in_any_order_and_grouping_give_the_same_project(
        (one, other) in told().prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
        cuts in proptest::collection::vec(any::<bool>(), 30),
    ) {
        let (first, second) = (tell(&one, &[]), tell(&other, &cuts));
        let mut model = Model::default();
        for told in &one {
            match told {
                Told::Record(record, is_on_hub) => model.record(record, *is_on_hub),
                Told::Decision(decision, origin) => model.decision(decision, *origin, None),
            }
        }
        model.check(&first, &PEOPLE, &BTreeMap::new());
        model.check(&second, &PEOPLE, &BTreeMap::new());
        prop_assert_eq!(look(&first), look(&second));
    }
}

/// The states of all records as `writer` sees them, in their order.
fn states_for(store: &Store, writer: &str) -> Vec<RecordState> {
    let (_, all) = store
        .list_records(&RecordFilter::default(), writer, 0, 9)
        .unwrap();
    all.iter().map(|view| view.state).collect()
}

fn hub(store: &Store, record: &Record) {
    let part = store.begin_part(&format!("{:?}", record.fields)).unwrap();
    let (record, messages) = asked(record);
    store
        .merge_records(&[Line::new(RecordLine { record, messages })], Some(part))
        .unwrap();
}

#[test]
fn of_texts_that_claim_one_id_one_of_the_hub_keeps_it_and_the_smallest_of_several() {
    let texts = ["a", "b", "c"];
    let smallest = |of: &[&'static str]| {
        let of = of.iter().copied();
        of.min_by_key(|text| Fields::of_pair("q", *text).text_hash())
            .unwrap()
    };
    let keeper = |store: &Store| {
        let view = store.record_view("k1", "ann").unwrap().unwrap();
        view.record.response().to_owned()
    };
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let store = Store::open_memory().unwrap();
        let [local, first, second] = order.map(|at| texts[at]);
        store
            .add_records(&[asked(&of_key("k1", Some("k1"), local))])
            .unwrap();
        assert_eq!(keeper(&store), local);
        hub(&store, &of_key("k1", Some("k1"), first));
        assert_eq!(keeper(&store), first);
        hub(&store, &of_key("k1", Some("k1"), second));
        assert_eq!(keeper(&store), smallest(&[first, second]));
        assert_eq!(store.record_count(), Ok(3));
        let sent = store.unsent_records(0, 9).unwrap().remove(0).1;
        assert_eq!(sent.value.record.id, own_id("k1", local));
    }
}

#[test]
fn a_decision_of_format_1_on_an_id_with_two_texts_on_the_hub_counts_for_none() {
    let store = Store::open_memory().unwrap();
    hub(&store, &of_key("k1", Some("k1"), "a"));
    let old = lines(&[good("1", "ann", "k1", 1)]);
    let part = store.begin_part("decisions").unwrap();
    store
        .merge_decisions(&old, Origin::Hub, Some(part))
        .unwrap();
    let states = || states_for(&store, "ann");
    assert_eq!(states(), [RecordState::Accepted]);
    // A text that only this browser has says nothing of what she saw.
    store
        .add_records(&[asked(&of_key("k1", Some("k1"), "c"))])
        .unwrap();
    assert_eq!(states(), [RecordState::Accepted, RecordState::Pending]);
    hub(&store, &of_key("k1", Some("k1"), "b"));
    assert_eq!(states(), [RecordState::Pending; 3]);
    assert_eq!(store.accepted_row_count(), Ok(0));
    // The other one is gone from the Hub: then it can be told again.
    let keep = store.parts().unwrap().into_iter();
    let gone = format!("{:?}", Fields::of_pair("q", "b"));
    let tree = keep
        .filter(|(path, _)| *path != gone)
        .map(|(path, part)| (path, part.oid))
        .collect();
    store.set_tree(&tree).unwrap();
    assert_eq!(states()[0], RecordState::Accepted);
}

#[test]
fn a_decision_of_format_1_on_an_id_with_two_texts_counts_for_none_when_the_repo_is_gone() {
    let store = Store::open_memory().unwrap();
    for text in ["a", "b"] {
        hub(&store, &of_key("k1", Some("k1"), text));
    }
    let old = lines(&[good("1", "ann", "k1", 1)]);
    let part = store.begin_part("decisions").unwrap();
    store
        .merge_decisions(&old, Origin::Hub, Some(part))
        .unwrap();
    let states = || states_for(&store, "ann");
    assert_eq!(states(), [RecordState::Pending; 2]);
    // Nothing is told by that which of them she saw; both are sent again, as they stood.
    store.set_tree(&std::collections::HashMap::new()).unwrap();
    assert_eq!(states(), [RecordState::Pending; 2]);
    assert_eq!(store.accepted_row_count(), Ok(0));
}

#[test]
fn a_decision_of_format_1_in_a_file_that_has_two_texts_for_its_id_counts_for_none() {
    let store = Store::open_memory().unwrap();
    hub(&store, &of_key("k1", Some("k1"), "a"));
    // Whoever saved it knew two texts on the Hub, of which one was not read here yet.
    let (record, messages) = asked(&of_key("k1", Some("k1"), "b"));
    store
        .merge_records(&[Line::new(RecordLine { record, messages })], None)
        .unwrap();
    let old = lines(&[good("1", "ann", "k1", 1)]);
    store.merge_decisions(&old, Origin::File, None).unwrap();
    let states = || states_for(&store, "bob");
    assert_eq!(states(), [RecordState::Pending; 2]);
    // The Hub says it too, and has one text: what only this browser has says nothing of what she saw.
    let part = store.begin_part("decisions").unwrap();
    store
        .merge_decisions(&old, Origin::Hub, Some(part))
        .unwrap();
    assert_eq!(states(), [RecordState::Accepted, RecordState::Pending]);
}

#[test]
fn a_decision_without_a_text_on_the_id_of_an_imported_row_counts_for_that_row_whoever_else_claims_the_id()
 {
    let row = |text: &str| Record {
        id: Record::make_id(None, &Fields::of_pair("q", "a")),
        key: None,
        ..of_key("k1", None, text)
    };
    let (mine, liar) = (row("a"), row("b"));
    let old = lines(&[good("1", "ann", &mine.id, 1)]);
    for origin in [Origin::Hub, Origin::File] {
        for order in [[&mine, &liar], [&liar, &mine]] {
            let store = Store::open_memory().unwrap();
            for record in order {
                hub(&store, record);
            }
            let part = (origin == Origin::Hub).then(|| store.begin_part("decisions").unwrap());
            store.merge_decisions(&old, origin, part).unwrap();
            let seen = |id: &str| {
                let view = store.record_view(id, "bob").unwrap().unwrap();
                (view.record.response().to_owned(), view.state)
            };
            assert_eq!(seen(&mine.id), ("a".to_owned(), RecordState::Accepted));
            let other = Record::make_id(None, &liar.fields);
            assert_eq!(seen(&other), ("b".to_owned(), RecordState::Pending));
        }
    }
}

#[test]
fn one_text_with_two_provenances_has_the_same_one_everywhere() {
    let with = |model: &str| {
        let mut made = of_key("k1", None, "a");
        model.clone_into(&mut made.provenance.model);
        made
    };
    let of = |store: &Store| store.counts("ann").unwrap().models;
    let here = Store::open_memory().unwrap();
    here.add_records(&[asked(&with("mine"))]).unwrap();
    hub(&here, &with("theirs"));
    assert_eq!(of(&here), [("theirs".to_owned(), 1)]);
    assert_eq!(here.unsent_record_count(), Ok(0));
    let [one, two] = [["x", "y"], ["y", "x"]].map(|order| {
        let store = Store::open_memory().unwrap();
        for model in order {
            hub(&store, &with(model));
        }
        of(&store)
    });
    assert_eq!(one, two);
}

#[test]
fn a_line_of_a_newer_build_whose_text_lost_its_id_is_sent_under_its_own() {
    let store = Store::open_memory().unwrap();
    let take = |path: &str, response: &str, more: &str| {
        let text = format!(
            r#"{{"id":"x","fields":{{"instruction":"q","response":"{response}"}},"created_ms":1{more}}}"#
        );
        let part = store.begin_part(path).unwrap();
        let line = seedbed_core::line::record(&text).unwrap();
        store.merge_records(&[line], Some(part)).unwrap();
        store.end_part(part, path, &[]).unwrap();
    };
    take("theirs", "a", r#","heard_from":"the village""#);
    // The part is deleted, and another text claims the id.
    store.set_tree(&std::collections::HashMap::new()).unwrap();
    take("another", "b", "");
    let unsent = store.unsent_records(0, 9).unwrap();
    let [(_, line)] = unsent.as_slice() else {
        panic!("not one line: {unsent:?}");
    };
    let own = Record::make_id(None, &Fields::of_pair("q", "a"));
    let sent: serde_json::Value = serde_json::from_str(&line.text()).unwrap();
    assert_eq!(sent["id"], own.as_str());
    assert_eq!(sent["heard_from"], "the village");
}

/// A text of this browser lost its id to one of the Hub.
fn with_a_loser(text: &str, winner: &str) -> Store {
    let store = Store::open_memory().unwrap();
    store
        .add_records(&[asked(&of_key("k1", Some("k1"), text))])
        .unwrap();
    hub(&store, &of_key("k1", Some("k1"), winner));
    store
}

fn on_text(id: &str, text: &str) -> Decision {
    let mut made = good(id, "ann", "k1", 1);
    made.text = Some(Fields::of_pair("q", text).text_hash());
    made
}

#[test]
fn what_a_file_says_in_another_name_stays_as_it_was_written_whatever_id_its_text_goes_by() {
    let line = lines(&[on_text("1", "a")]);
    let before = Store::open_memory().unwrap();
    before
        .add_records(&[asked(&of_key("k1", Some("k1"), "a"))])
        .unwrap();
    before.merge_decisions(&line, Origin::File, None).unwrap();
    hub(&before, &of_key("k1", Some("k1"), "b"));
    let after = with_a_loser("a", "b");
    after.merge_decisions(&line, Origin::File, None).unwrap();
    for store in [before, after] {
        assert_eq!(log(&store), [line[0].value.clone()]);
        let view = store.record_view(&own_id("k1", "a"), "ann").unwrap();
        assert_eq!(view.unwrap().state, RecordState::Accepted);
    }
}

#[test]
fn own_decisions_of_a_file_are_sent_under_the_id_that_their_text_goes_by() {
    let line = lines(&[on_text("1", "a")]);
    let own = ["ann".to_owned()];
    let known_before = with_a_loser("a", "b");
    known_before.set_own_writers(&own).unwrap();
    known_before
        .merge_decisions(&line, Origin::File, None)
        .unwrap();
    let told_later = with_a_loser("a", "b");
    told_later
        .merge_decisions(&line, Origin::File, None)
        .unwrap();
    told_later.set_own_writers(&own).unwrap();
    for store in [known_before, told_later] {
        // The file comes once more.
        store.merge_decisions(&line, Origin::File, None).unwrap();
        let sent = store.unsent_decisions(0, 9).unwrap();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].1.value.record(), Some(own_id("k1", "a").as_str()));
        assert_eq!(store.accepted_hashes().unwrap()[0].0, own_id("k1", "a"));
    }
}
