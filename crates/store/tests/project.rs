//! Seed, instructions, runs, and what is known of the Hub.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use seedbed_core::line::{Line, RecordLine};
use seedbed_core::messages::{Failure, FailureKind, ItemState, PromptFilter, RunPhase};
use seedbed_core::model::{Endpoint, Message, Sampling, Usage};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{EvolutionKind, Prompt, PromptOrigin, PromptState};
use seedbed_core::question::IMPROVED_RESPONSE;
use seedbed_core::record::Record;
use seedbed_core::review::Quality;
use seedbed_core::seed::Seed;
use seedbed_store::{
    MergeCount, Origin, PlannedItem, Problem, PublishedTable, RunCounts, Store, StoreError,
    StoredRun, keys,
};
use std::cell::Cell as Counter;
use std::collections::{BTreeSet, HashMap, HashSet};
use support::{asked, cell, rated, record, respond};

fn seed(description: &str) -> Seed {
    Seed {
        domain: "farming".to_owned(),
        description: description.to_owned(),
        topics: vec!["soil".to_owned(), "bees".to_owned()],
        perspectives: vec!["science".to_owned(), "market".to_owned()],
        ..Seed::default()
    }
}

#[test]
fn typing_in_one_field_is_one_step_and_a_pause_or_another_field_begins_a_new_one() {
    let store = Store::open_memory().unwrap();
    assert_eq!(store.seed().unwrap(), Seed::default());
    assert!(!store.seed_view().unwrap().can_undo);
    store.save_seed(&seed(""), "", 0).unwrap();
    for (at, text) in [(1000, "h"), (1500, "ho"), (3400, "hon")] {
        store.save_seed(&seed(text), "description", at).unwrap();
    }
    store
        .save_seed(&seed("honey"), "description", 5401)
        .unwrap();
    let mut other = seed("honey");
    other.domain = "bees".to_owned();
    store.save_seed(&other, "domain", 5402).unwrap();
    let same = store.save_seed(&other, "domain", 9999).unwrap();
    assert!(same.can_undo && !same.can_redo);
    let mut back = Vec::new();
    loop {
        let view = store.undo_seed(10_000).unwrap();
        back.push(view.seed.description.clone());
        if !view.can_undo {
            break;
        }
    }
    assert_eq!(back, ["honey", "hon", ""]);
    assert_eq!(store.undo_seed(10_000).unwrap().seed, seed(""));
    assert_eq!(store.redo_seed(10_000).unwrap().seed, seed("hon"));
}

#[test]
fn an_edit_after_undo_drops_what_was_undone_and_never_merges_into_the_step_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sqlite");
    let store = Store::open_file(&path).unwrap();
    store.save_seed(&seed("a"), "description", 0).unwrap();
    store.save_seed(&seed("b"), "description", 5000).unwrap();
    store.undo_seed(5001).unwrap();
    store.close().unwrap();
    let store = Store::open_file(&path).unwrap();
    let view = store.seed_view().unwrap();
    assert_eq!(
        (view.seed, view.can_undo, view.can_redo),
        (seed("a"), false, true)
    );
    let view = store.save_seed(&seed("c"), "description", 100).unwrap();
    assert!(view.can_undo && !view.can_redo);
    assert_eq!(view.hash, seed("c").hash());
    assert_eq!(store.undo_seed(101).unwrap().seed, seed("a"));
}

fn prompt(id: &str, topic: &str, view: &str, at: u64) -> Prompt {
    Prompt {
        id: id.to_owned(),
        cell: cell(topic, view),
        text: format!("Text of {id}"),
        state: PromptState::Proposed,
        origin: PromptOrigin::Typed,
        original_text: None,
        seed_hash: String::new(),
        created_ms: at,
        updated_ms: at,
    }
}

fn child(id: &str, of: &str, topic: &str, view: &str, at: u64) -> Prompt {
    Prompt {
        origin: PromptOrigin::Evolved {
            parent: of.to_owned(),
            evolution: EvolutionKind::Deepening,
            round: 1,
            model: "m".to_owned(),
            prompt_version: "evolve/1".to_owned(),
        },
        ..prompt(id, topic, view, at)
    }
}

/// Ids that differ within a test.
fn new_ids(name: &str) -> impl Fn() -> String {
    let last = Counter::new(0);
    move || {
        last.set(last.get() + 1);
        format!("{name} {}", last.get())
    }
}

fn grid() -> Store {
    let store = Store::open_memory().unwrap();
    store.save_seed(&seed(""), "", 0).unwrap();
    let prompts = [
        prompt("old", "gone", "science", 1),
        prompt("b1", "bees", "science", 2),
        prompt("s2", "soil", "science", 9),
        prompt("s1", "soil", "science", 3),
        child("s1c2", "s1", "soil", "science", 8),
        child("s1c1", "s1", "soil", "science", 7),
        child("s1c1c", "s1c1", "soil", "science", 20),
        child("moved", "s1", "soil", "market", 1),
        child("orphan", "nobody", "bees", "science", 4),
        child("ring1", "ring2", "bees", "market", 5),
        child("ring2", "ring1", "bees", "market", 6),
    ];
    let merged = store.add_prompts(&prompts, "ann", &new_ids("add"), 0);
    let expected = MergeCount {
        added: 11,
        changed: 0,
    };
    assert_eq!(merged, Ok(expected));
    store
}

#[test]
fn instructions_come_by_cell_in_seed_order_by_age_and_children_follow_their_parent() {
    let store = grid();
    let order: Vec<String> = store
        .prompts()
        .unwrap()
        .into_iter()
        .map(|prompt| prompt.id)
        .collect();
    let expected = [
        "s1", "s1c1", "s1c1c", "s1c2", "s2", "moved", "b1", "orphan", "old", "ring1", "ring2",
    ];
    assert_eq!(order, expected);
    let mut paged = Vec::new();
    for offset in (0..).step_by(3) {
        let page = store
            .prompt_page(&PromptFilter::default(), offset, 3)
            .unwrap();
        assert_eq!(page.total, 11);
        if page.prompts.is_empty() {
            break;
        }
        paged.extend(page.prompts.into_iter().map(|view| view.prompt.id));
    }
    assert_eq!(paged, expected);
}

#[test]
fn a_page_of_instructions_tells_parents_answers_and_counts_per_cell() {
    let store = grid();
    let new_id = new_ids("state");
    for (ids, state) in [
        (vec!["s1".to_owned(), "b1".to_owned()], PromptState::Kept),
        (vec!["s2".to_owned()], PromptState::Struck),
    ] {
        store
            .set_prompt_state(&ids, state, "ann", &new_id, 50)
            .unwrap();
    }
    let mut answer = record("r", "q", "a");
    answer.prompt_id = Some("s1c1".to_owned());
    store.add_records(&[asked(&answer)]).unwrap();
    respond(&store, "r", "ann", &rated(Quality::Good), "d", 1).unwrap();
    let filter = PromptFilter {
        cell: Some(cell("soil", "science")),
        state: Some(PromptState::Proposed),
        search: "TEXT s1c1".to_owned(),
    };
    let page = store.prompt_page(&filter, 0, 10).unwrap();
    let seen: Vec<_> = page
        .prompts
        .iter()
        .map(|view| {
            (
                view.prompt.id.as_str(),
                view.parent_text.as_deref(),
                view.records,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("s1c1", Some("Text of s1"), 1),
            ("s1c1c", Some("Text of s1c1"), 0)
        ]
    );
    let cells: Vec<_> = page
        .cells
        .iter()
        .map(|of| {
            (
                of.cell.topic.as_str(),
                of.cell.perspective.as_str(),
                of.proposed,
                of.kept,
                of.struck,
                of.records,
                of.accepted,
            )
        })
        .collect();
    let expected = [
        ("soil", "science", 3, 1, 1, 1, 1),
        ("soil", "market", 1, 0, 0, 0, 0),
        ("bees", "science", 1, 1, 0, 0, 0),
        ("bees", "market", 2, 0, 0, 0, 0),
        ("gone", "science", 1, 0, 0, 0, 0),
    ];
    assert_eq!(cells, expected);
    let none = PromptFilter {
        search: "?!".to_owned(),
        ..PromptFilter::default()
    };
    assert_eq!(store.prompt_page(&none, 0, 10).unwrap().total, 0);
    assert_eq!(store.summary("p").unwrap().prompts, 2);
}

fn item(n: usize) -> PlannedItem {
    PlannedItem {
        key: format!("key of r{n}"),
        prompt_id: format!("p{n}"),
        cell: cell("soil", "science"),
        instruction: format!("question {n}"),
        sample_index: 0,
        messages: vec![Message::user(format!("question {n}"))],
        sampling: Sampling::default(),
        prompt_version: "answer/1".to_owned(),
    }
}

fn run(id: &str, at: u64) -> StoredRun {
    StoredRun {
        id: id.to_owned(),
        phase: RunPhase::Running,
        stopped_by: None,
        endpoint: Endpoint::default(),
        settings: RunSettings::default(),
        seed_hash: "seed".to_owned(),
        seed_part: "part".to_owned(),
        started_ms: at,
        finished_ms: None,
    }
}

#[test]
fn a_run_goes_on_after_a_crash_without_asking_for_a_finished_row_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sqlite");
    let store = Store::open_file(&path).unwrap();
    let items: Vec<_> = (0..6).map(item).collect();
    store.create_run(&run("run", 7), &items).unwrap();
    assert_eq!(store.item("run", "key of r3").unwrap(), Some(item(3)));
    for at in [0, 1, 2, 3] {
        store.item_sent("run", &format!("key of r{at}")).unwrap();
    }
    let long = "ä".repeat(1000);
    for (id, response) in [("r2", "two"), ("r0", long.as_str())] {
        let mut made = record(id, "question", response);
        made.provenance.flags = vec!["truncated".to_owned()];
        for _ in 0..2 {
            store
                .item_done("run", &format!("key of {id}"), &made, &item(0).messages)
                .unwrap();
        }
    }
    let failure = Failure::new(FailureKind::Server, "The server failed.");
    store.item_failed("run", "key of r1", &failure).unwrap();
    // The tab is killed: nothing is closed in order.
    drop(store);
    let store = Store::open_file(&path).unwrap();
    store.recover().unwrap();
    assert_eq!(
        store.run("run").unwrap().unwrap().phase,
        RunPhase::Interrupted
    );
    let counts = RunCounts {
        planned: 6,
        done: 2,
        failed: 1,
        queued: 3,
        in_flight: 0,
        tokens_in: 20,
        tokens_out: 40,
    };
    assert_eq!(store.run_counts("run").unwrap(), counts);
    let queued = [("r3", 1), ("r4", 0), ("r5", 0)].map(|(id, n)| (format!("key of {id}"), n));
    assert_eq!(store.queued_items("run").unwrap(), queued);
    assert_eq!(
        store.item("run", "key of r0").unwrap(),
        None,
        "a done row has nothing left to ask"
    );
    // What comes late for a row that is done changes nothing.
    store.item_requeued("run", "key of r0", true).unwrap();
    store.item_failed("run", "key of r2", &failure).unwrap();
    assert_eq!(store.run_counts("run").unwrap(), counts);
    store.item_sent("run", "key of r4").unwrap();

    let (total, rows) = store.run_items("run", None, 0, 10).unwrap();
    assert_eq!(total, 6);
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.record.as_str(), row.state, row.attempts))
        .collect();
    let expected = [
        ("r2", ItemState::Done, 1),
        ("r0", ItemState::Done, 1),
        ("key of r4", ItemState::InFlight, 1),
        ("key of r1", ItemState::Failed, 1),
        ("key of r3", ItemState::Queued, 1),
        ("key of r5", ItemState::Queued, 0),
    ];
    assert_eq!(seen, expected);
    assert_eq!(rows[0].flags, ["truncated"]);
    assert_eq!(rows[0].response.as_deref(), Some("two"));
    assert!(
        rows[1]
            .response
            .as_deref()
            .is_some_and(|text| text.chars().count() < 1000)
    );
    assert_eq!(rows[3].failure, Some(failure));
    assert_eq!(rows[5].instruction, "question 5");
    for offset in 0..7 {
        for limit in 0..4 {
            let (total, window) = store.run_items("run", None, offset, limit).unwrap();
            assert_eq!(total, 6);
            let expected: Vec<_> = rows
                .iter()
                .skip(offset as usize)
                .take(limit as usize)
                .cloned()
                .collect();
            assert_eq!(window, expected, "{limit} from {offset}");
        }
    }
    let (total, done) = store.run_items("run", Some(ItemState::Done), 1, 5).unwrap();
    assert_eq!((total, done.len(), done[0].record.as_str()), (2, 1, "r0"));

    assert_eq!(store.requeue_failed("run").unwrap(), 1);
    store.item_requeued("run", "key of r4", false).unwrap();
    let queued =
        [("r1", 0), ("r3", 1), ("r4", 0), ("r5", 0)].map(|(id, n)| (format!("key of {id}"), n));
    assert_eq!(store.queued_items("run").unwrap(), queued);
}

#[test]
fn runs_come_newest_first_and_sums_survive_a_server_that_counts_nonsense() {
    let store = Store::open_memory().unwrap();
    store.create_run(&run("a", 1), &[item(0), item(1)]).unwrap();
    store.create_run(&run("b", 2), &[item(0)]).unwrap();
    let ids: Vec<_> = store
        .runs()
        .unwrap()
        .into_iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(ids, ["b", "a"]);
    for id in ["r0", "r1"] {
        let mut made = record(id, "q", "a");
        made.provenance.usage = Some(Usage {
            prompt_tokens: u64::MAX,
            completion_tokens: u64::MAX,
            estimated: false,
        });
        store
            .item_done("a", &format!("key of {id}"), &made, &[])
            .unwrap();
    }
    assert_eq!(store.run_counts("a").unwrap().done, 2);
    // The other run finds its request answered: it paid nothing for it.
    store.item_answered("b", "key of r0").unwrap();
    let counts = store.run_counts("b").unwrap();
    assert_eq!((counts.done, counts.tokens_in), (1, 0));
    let (_, rows) = store.run_items("b", None, 0, 10).unwrap();
    assert_eq!(rows[0].response.as_deref(), Some("a"));
    let missing = store.item_sent("b", "key of r9").unwrap_err();
    assert!(matches!(missing, StoreError::Missing(_)));
}

#[test]
fn two_answers_to_one_request_are_two_records_and_both_are_paid_for() {
    let store = Store::open_memory().unwrap();
    store.create_run(&run("a", 1), &[item(0)]).unwrap();
    store.create_run(&run("b", 2), &[item(0)]).unwrap();
    for (at, answer) in [("a", "one"), ("b", "two")] {
        let mut made = record("", "q", answer);
        made.id = Record::make_id(made.key.as_deref(), &made.fields);
        store.item_done(at, "key of r0", &made, &[]).unwrap();
        assert_eq!(store.run_counts(at).unwrap().tokens_in, 10);
        let (_, rows) = store.run_items(at, None, 0, 10).unwrap();
        assert_eq!(rows[0].response.as_deref(), Some(answer));
    }
    assert_eq!(store.record_count(), Ok(2));
}

#[test]
fn a_record_is_stored_once_and_read_back_whole() {
    let store = Store::open_memory().unwrap();
    let rows = ["a", "b", "a"].map(|id| asked(&record(id, "q", "x\0y\u{feff}")));
    assert_eq!(store.add_records(&rows).unwrap(), 2);
    assert_eq!(store.add_records(&rows).unwrap(), 0);
    let line = |(record, messages): &(Record, Vec<Message>)| {
        Line::new(RecordLine {
            record: record.clone(),
            messages: messages.clone(),
        })
    };
    let expected: Vec<_> = [1, 2].into_iter().zip(rows.iter().map(line)).collect();
    assert_eq!(store.records_after(0, 10).unwrap(), expected);
    assert_eq!(store.records_after(1, 10).unwrap(), expected[1..]);
    assert!(store.has_record("a").unwrap() && !store.has_record("c").unwrap());
    assert_eq!(
        store.answered(["key of b", "key of c"]).unwrap(),
        HashSet::from(["key of b".to_owned()])
    );
    assert_eq!(store.unsent_records(0, 1).unwrap(), expected[..1]);
    store.set_sent("part", "oid", &[1], &[], &[]).unwrap();
    assert_eq!(store.unsent_records(0, 10).unwrap(), expected[1..]);
    assert_eq!(store.unsent_record_count(), Ok(1));
}

#[test]
fn a_line_of_a_newer_build_is_handed_on_as_it_came() {
    let store = Store::open_memory().unwrap();
    let text = r#"{"id":"r","fields":{"instruction":"q","response":"a","talk":{"kind":"turns","turns":[{"role":"user","text":"hi"}]}},"mood":"sunny","cell":{"topic":"t","perspective":"","shade":3}}"#;
    let line = seedbed_core::line::record(text).unwrap();
    store
        .merge_records(std::slice::from_ref(&line), None)
        .unwrap();
    assert_eq!(store.unsent_records(0, 1).unwrap(), [(1, line)]);
    assert_eq!(store.records_after(0, 1).unwrap()[0].1.text(), text);
    let text = r#"{"id":"d","writer":"ann","on":{"record":"r","span":[1,2]},"clock":{"ms":1,"n":0},"act":"praise","stars":5}"#;
    let line = seedbed_core::line::decision(text).unwrap();
    store.merge_decisions(&[line], Origin::Hub, None).unwrap();
    assert_eq!(store.decisions_after(0, 1).unwrap()[0].1.text(), text);
    let text =
        r#"{"id":"e","writer":"ann","on":"i","clock":{"ms":2,"n":0},"act":"translate","to":"de"}"#;
    let line = seedbed_core::line::instruction(text).unwrap();
    store
        .merge_instructions(&[line], Origin::Hub, None)
        .unwrap();
    assert_eq!(
        store.instruction_acts_after(0, 1).unwrap()[0].1.text(),
        text
    );
}

#[test]
fn linking_to_another_repo_forgets_everything_known_of_the_first() {
    let store = Store::open_memory().unwrap();
    store.add_records(&[asked(&record("r", "q", "a"))]).unwrap();
    respond(&store, "r", "ann", &rated(Quality::Good), "d", 1).unwrap();
    store.set_sent("part", "oid", &[1], &[1], &[]).unwrap();
    assert_eq!(store.unsent_decision_count(), Ok(0));
    let pair = |id: &str, hash: &str| (id.to_owned(), hash.to_owned());
    store.set_published(&[pair("x", "1")]).unwrap();
    store
        .set_published(&[pair("r", "1"), pair("r", "2")])
        .unwrap();
    assert_eq!(store.published().unwrap(), HashMap::from([pair("r", "2")]));
    let table = PublishedTable {
        oid: "t".to_owned(),
        rows: 1,
        parts: BTreeSet::from(["part".to_owned()]),
    };
    store.set_published_table(Some(&table)).unwrap();
    assert_eq!(store.published_table(), Ok(Some(table)));
    let broken = store.begin_part("broken").unwrap();
    let problem = Problem {
        path: "broken".to_owned(),
        line: 1,
        reason: "no JSON".to_owned(),
    };
    store.end_part(broken, "1", &[problem]).unwrap();
    store.put(keys::HEAD, &"abc").unwrap();
    store.put("settings", &RunSettings::default()).unwrap();
    store.forget_hub().unwrap();
    assert!(store.published().unwrap().is_empty() && store.parts().unwrap().is_empty());
    assert_eq!(store.problems(10), Ok((Vec::new(), 0)));
    assert_eq!(store.get::<String>(keys::HEAD).unwrap(), None);
    assert_eq!(store.published_table(), Ok(None));
    assert_eq!(store.unsent_record_count(), Ok(1));
    assert_eq!(store.unsent_decisions(0, 10).unwrap().len(), 1);
    assert_eq!(store.get("settings").unwrap(), Some(RunSettings::default()));
    store.remove("settings").unwrap();
    assert_eq!(store.get::<RunSettings>("settings").unwrap(), None);
}

#[test]
fn accepted_rows_come_in_pages_with_the_experts_texts() {
    let store = Store::open_memory().unwrap();
    let rows: Vec<_> = (0..5)
        .map(|n| asked(&record(&format!("r{n}"), "q", "a")))
        .collect();
    store.add_records(&rows).unwrap();
    for (n, quality) in [
        (0, Quality::Good),
        (2, Quality::Bad),
        (3, Quality::Good),
        (4, Quality::Good),
    ] {
        let mut response = rated(quality);
        response.set_text(IMPROVED_RESPONSE, Some(&format!("better {n}")));
        let (id, at) = (format!("r{n}"), format!("d{n}"));
        respond(&store, &id, "ann", &response, &at, n).unwrap();
    }
    let (first, next) = store.accepted_rows(0, 2).unwrap();
    let (second, end) = store.accepted_rows(next.unwrap(), 2).unwrap();
    let texts: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|row| row.response.as_str())
        .collect();
    assert_eq!(
        (texts.as_slice(), end),
        (["better 0", "better 3", "better 4"].as_slice(), None)
    );
    let hashes: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|row| (row.id.clone(), row.content_hash()))
        .collect();
    assert_eq!(store.accepted_hashes().unwrap(), hashes);
}
