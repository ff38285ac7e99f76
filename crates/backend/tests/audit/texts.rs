//! One request, several answers: a decision counts for the text that it was made on.

use crate::common::{Browser, World, bundle, good, old_decision, old_record};
use crate::support::new_id;
use seedbed_core::messages::{Reply, Request};
use seedbed_core::record::{Fields, Record};
use seedbed_core::review::RecordState;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const RIGHT: &str = "SOW AT 2 CM";
const WRONG: &str = "SOW AT 20 CM (wrong)";

fn states(browser: &mut Browser) -> BTreeMap<String, (String, RecordState)> {
    let rows = browser.records().into_iter();
    rows.map(|view| {
        let response = view.record.response().to_owned();
        (response, (view.record.id.clone(), view.state))
    })
    .collect()
}

/// A reviewer who holds this text under the id `r1`.
fn holds(world: &World, name: &str, response: &str) -> Browser {
    world.user(name);
    let mut browser = world.browser();
    browser.import(&bundle(&[old_record("r1", response)], &[]));
    browser.sign_in_as(name);
    browser
}

/// Ann accepts the right text and publishes; Bob holds another text under the same id and links his project.
fn two_texts(world: &World, bob_accepts: bool) -> (Browser, Browser) {
    let mut ann = holds(world, "ann", RIGHT);
    ann.accept(RIGHT);
    ann.create_repo();
    ann.publish().expect("published");
    assert_eq!(world.rows(), [RIGHT]);
    let mut bob = holds(world, "bob", WRONG);
    if bob_accepts {
        bob.accept(WRONG);
    }
    bob.link();
    bob.tab.sync(&bob.project.clone());
    (ann, bob)
}

#[test]
fn what_was_accepted_on_one_answer_does_not_count_for_another() {
    let world = World::new();
    let (mut ann, mut bob) = two_texts(&world, false);
    let seen = states(&mut bob);
    assert_eq!(seen[RIGHT], ("r1".to_owned(), RecordState::Accepted));
    assert_eq!(seen[WRONG].1, RecordState::Pending);
    let plan = bob.plan();
    assert_eq!((plan.rows_changed, plan.rows_total), (0, 1), "{plan:?}");
    bob.publish().expect("published");
    assert_eq!(world.rows(), [RIGHT]);
    // Ann sees the same, and so does anybody who comes later.
    ann.tab.sync(&ann.project.clone());
    assert_eq!(states(&mut ann), seen);
    assert_eq!(states(&mut world.colleague()), seen);
    ann.publish().expect("nothing to change");
    assert_eq!(world.rows(), [RIGHT]);
}

#[test]
fn a_text_that_lost_its_id_takes_along_what_was_decided_on_it() {
    let world = World::new();
    let (mut ann, mut bob) = two_texts(&world, true);
    let seen = states(&mut bob);
    assert_eq!(seen[RIGHT], ("r1".to_owned(), RecordState::Accepted));
    assert_eq!(seen[WRONG].1, RecordState::Accepted);
    assert_ne!(seen[WRONG].0, "r1");
    bob.publish().expect("published");
    assert_eq!(world.rows(), [RIGHT, WRONG]);
    let ids: Vec<String> = world.table().into_iter().map(|row| row.id).collect();
    assert!(ids.contains(&seen[WRONG].0), "{ids:?}");
    ann.tab.sync(&ann.project.clone());
    assert_eq!(states(&mut ann), seen);
    assert_eq!(states(&mut world.colleague()), seen);
    // He can take it back, and only his goes.
    bob.tab.undo(&bob.project.clone()).expect("undone");
    bob.publish().expect("published");
    assert_eq!(world.rows(), [RIGHT]);
}

#[test]
fn every_published_row_is_found_among_the_records_in_these_words() {
    let world = World::new();
    let (_ann, mut bob) = two_texts(&world, true);
    bob.publish().expect("published");
    let records: Vec<Value> = world
        .lines("records")
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for row in world.table() {
        let of_row = |record: &&Value| {
            record["id"] == *row.id && record["fields"]["response"] == *row.response
        };
        assert!(
            records.iter().any(|record| of_row(&record)),
            "{row:?} in {records:?}"
        );
    }
}

#[test]
fn a_record_of_somebody_cannot_take_the_id_of_another_text() {
    let world = World::new();
    let (_ann, mut bob) = two_texts(&world, false);
    bob.publish().expect("published");
    // A record of format 2 has an id that follows from its text; one that claims it for another text loses.
    let fields = Fields::of_pair("How deep to sow?", "of format 2");
    let own = Record::make_id(Some("k"), &fields);
    let honest = json!({"id": own, "key": "k", "fields": fields, "created_ms": 1});
    let liar = json!({"id": own, "key": "k", "fields": Fields::of_pair("How deep to sow?", "a lie"), "created_ms": 1});
    for (order, lines) in [("aaa", [&liar, &honest]), ("zzz", [&honest, &liar])] {
        let text = format!("{}\n{}\n", lines[0], lines[1]);
        world.put(&format!(".seedbed/records/{order}/1-x.jsonl"), text);
        let mut reader = world.colleague();
        let seen = states(&mut reader);
        assert_eq!(seen["of format 2"].0, own, "{order}");
        assert_ne!(seen["a lie"].0, own, "{order}");
        world.delete_folder(&format!(".seedbed/records/{order}"));
    }
}

#[test]
fn a_decision_of_format_1_counts_for_neither_of_two_texts_on_the_hub() {
    let world = World::new();
    let (mut ann, _bob) = two_texts(&world, false);
    let line = |value: Value| format!("{value}\n");
    // Builds of format 1 sent both texts under one id, and a decision that says not which.
    world.put(
        ".seedbed/records/run-a.jsonl",
        line(old_record("r9", RIGHT)),
    );
    world.put(
        ".seedbed/records/run-b.jsonl",
        line(old_record("r9", WRONG)),
    );
    world.put(
        ".seedbed/decisions/cat/1-x.jsonl",
        line(old_decision("d1", "cat", "r9", 5)),
    );
    ann.tab.sync(&ann.project.clone());
    let rows = ann.records();
    let of_cat = rows
        .iter()
        .filter(|row| row.record.key.as_deref() == Some("r9"));
    let states: Vec<RecordState> = of_cat.map(|row| row.state).collect();
    assert_eq!(states, [RecordState::Pending; 2]);
}

#[test]
fn another_text_that_took_an_id_of_format_1_does_not_take_its_row() {
    let world = World::new();
    let mut ann = holds(&world, "ann", RIGHT);
    ann.accept(RIGHT);
    ann.create_repo();
    let line = |value: Value| format!("{value}\n");
    world.put(
        ".seedbed/records/run-a.jsonl",
        line(old_record("r9", "cat's")),
    );
    world.put(
        ".seedbed/decisions/cat/1-x.jsonl",
        line(old_decision("d1", "cat", "r9", 5)),
    );
    ann.tab.sync(&ann.project.clone());
    ann.publish().expect("published");
    assert_eq!(world.rows(), [RIGHT, "cat's"]);
    // Of two texts the one with the smaller hash keeps the id.
    let hash = |text: &str| Fields::of_pair("How deep to sow?", text).text_hash();
    let other = (0..1000)
        .map(|n| format!("another's {n}"))
        .find(|text| hash(text) < hash("cat's"))
        .expect("a text");
    world.put(
        ".seedbed/records/run-b.jsonl",
        line(old_record("r9", &other)),
    );
    ann.tab.sync(&ann.project.clone());
    ann.accept(&other);
    assert_eq!(states(&mut ann)[&other].0, "r9");
    let plan = ann.plan();
    assert_eq!((plan.unknown_rows, plan.rows_changed), (1, 0), "{plan:?}");
    assert!(plan.sends_parts_only, "{plan:?}");
    ann.publish().expect("her decision is published");
    assert_eq!(world.rows(), [RIGHT, "cat's"]);
}

#[test]
fn a_decision_names_the_text_that_was_shown() {
    let world = World::new();
    let mut ann = holds(&world, "ann", RIGHT);
    let view = ann.record(RIGHT);
    let identity = ann.tab.identity();
    // The page showed a text that this record does not have: the decision is kept, and does not count for it.
    let asked = ann.tab.ask(Request::Respond {
        project: ann.project.clone(),
        decision: new_id(),
        identity,
        record: view.record.id.clone(),
        text: Fields::of_pair("How deep to sow?", WRONG).text_hash(),
        response: good(),
    });
    assert!(
        !matches!(&asked, Ok(Reply::Decided(decided)) if decided.record.state == RecordState::Accepted),
        "{asked:?}"
    );
    assert_eq!(ann.record(RIGHT).state, RecordState::Pending);
    let decided = ann.accept(RIGHT);
    assert_eq!(decided.state, RecordState::Accepted);
}
