//! What is known of the Hub: which part each line stands in, what could not be understood, what is only here.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use seedbed_core::line::{Line, RecordLine};
use seedbed_core::messages::Unsaved;
use seedbed_core::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use seedbed_core::review::{Act, Quality};
use seedbed_store::{Origin, Part, Problem, Store};
use std::collections::HashMap;
use support::{asked, good, lines, of_identity, rated, record, respond};

const NOTHING: [Vec<u64>; 3] = [Vec::new(), Vec::new(), Vec::new()];

fn prompt(id: &str) -> Prompt {
    Prompt {
        id: id.to_owned(),
        cell: Cell::default(),
        text: format!("Text of {id}"),
        state: PromptState::Kept,
        origin: PromptOrigin::Typed,
        original_text: None,
        seed_hash: String::new(),
        created_ms: 1,
        updated_ms: 1,
    }
}

fn tree(paths: &[&str]) -> HashMap<String, String> {
    let oid = |path: &&str| ((*path).to_owned(), format!("oid of {path}"));
    paths.iter().map(oid).collect()
}

fn problem(path: &str, line: u32) -> Problem {
    Problem {
        path: path.to_owned(),
        line,
        reason: "no JSON".to_owned(),
    }
}

/// Two records, two decisions and two acts, none of them sent.
fn store() -> Store {
    let store = Store::open_memory().unwrap();
    let rows = ["a", "b"].map(|id| asked(&record(id, "q", "a")));
    store.add_records(&rows).unwrap();
    for (id, record) in [("1", "a"), ("2", "b")] {
        respond(&store, record, "ann", &rated(Quality::Good), id, 1).unwrap();
    }
    for id in ["p1", "p2"] {
        store
            .add_prompts(&[prompt(id)], "ann", &|| format!("add {id}"), 1)
            .unwrap();
    }
    store
}

/// What is to be sent: records, decisions and acts by `seq`.
fn unsent(store: &Store) -> [Vec<u64>; 3] {
    fn seqs<T>(list: Vec<(u64, T)>) -> Vec<u64> {
        list.into_iter().map(|(seq, _)| seq).collect()
    }
    let found = [
        seqs(store.unsent_records(0, 10).unwrap()),
        seqs(store.unsent_decisions(0, 10).unwrap()),
        seqs(store.unsent_instruction_acts(0, 10).unwrap()),
    ];
    assert_eq!(
        store.unsent_record_count().unwrap() as usize,
        found[0].len()
    );
    assert_eq!(
        store.unsent_decision_count().unwrap() as usize,
        found[1].len()
    );
    found
}

#[test]
fn lines_of_a_part_that_vanished_from_the_tree_are_to_be_sent_again() {
    let store = store();
    assert_eq!(unsent(&store), [vec![1, 2], vec![1, 2], vec![1, 2]]);
    store
        .set_sent("one", "oid of one", &[1], &[1], &[1])
        .unwrap();
    store
        .set_sent("two", "oid of two", &[2], &[2], &[2])
        .unwrap();
    assert_eq!(unsent(&store), NOTHING);
    store.set_tree(&tree(&["one", "two", "README.md"])).unwrap();
    assert_eq!(unsent(&store), NOTHING);
    store.set_tree(&tree(&["one"])).unwrap();
    assert_eq!(unsent(&store), [vec![2], vec![2], vec![2]]);
    // Its lines are here all the same.
    assert_eq!(oids(&store), [("one", "oid of one"), ("two", "")].map(own));
    // It is back, as a person restores a file: what is read there need not be sent.
    let part = store.begin_part("two").unwrap();
    let of_record = store.unsent_records(0, 1).unwrap().remove(0).1;
    let decision = store.unsent_decisions(0, 1).unwrap().remove(0).1;
    let act = store.unsent_instruction_acts(0, 1).unwrap().remove(0).1;
    assert_eq!(store.merge_records(&[of_record], Some(part)), Ok(0));
    assert_eq!(
        store.merge_decisions(&[decision], Origin::Hub, Some(part)),
        Ok(0)
    );
    store
        .merge_instructions(&[act], Origin::Hub, Some(part))
        .unwrap();
    store.end_part(part, "oid of two", &[]).unwrap();
    assert_eq!(unsent(&store), NOTHING);
    store.set_tree(&HashMap::new()).unwrap();
    assert_eq!(unsent(&store), [vec![1, 2], vec![1, 2], vec![1, 2]]);
    assert_eq!(oids(&store), [("one", ""), ("two", "")].map(own));
}

/// The parts that the store knows, each with the object id it has on the Hub; none if it is not there.
fn oids(store: &Store) -> Vec<(String, String)> {
    let mut oids: Vec<_> = store
        .parts()
        .unwrap()
        .into_iter()
        .map(|(path, part)| (path, part.oid))
        .collect();
    oids.sort();
    oids
}

fn own((path, oid): (&str, &str)) -> (String, String) {
    (path.to_owned(), oid.to_owned())
}

#[test]
fn what_others_wrote_is_sent_again_too_when_its_part_is_gone_but_not_what_a_file_says() {
    let store = store();
    let part = store.begin_part("theirs").unwrap();
    let row = asked(&record("c", "q", "a"));
    let line = RecordLine {
        record: row.0,
        messages: row.1,
    };
    store.merge_records(&[Line::new(line)], Some(part)).unwrap();
    let theirs = lines(&[good("3", "bob", "a", 1)]);
    store
        .merge_decisions(&theirs, Origin::Hub, Some(part))
        .unwrap();
    let of_file = lines(&[good("4", "bob", "b", 1)]);
    store.merge_decisions(&of_file, Origin::File, None).unwrap();
    assert_eq!(unsent(&store)[..2], [vec![1, 2], vec![1, 2]]);
    store.set_tree(&HashMap::new()).unwrap();
    assert_eq!(unsent(&store)[..2], [vec![1, 2, 3], vec![1, 2, 3]]);
}

#[test]
fn a_part_is_whole_once_all_of_it_was_read_and_nothing_was_wrong() {
    let store = Store::open_memory().unwrap();
    let part = |path: &str| store.parts().unwrap().remove(path).unwrap();
    let is_whole = |path: &str| part(path).is_whole;
    let number = store.begin_part("p").unwrap();
    assert!(!is_whole("p"), "a tab that is closed here reads it again");
    assert_eq!(part("p").oid, "");
    store.end_part(number, "1", &[]).unwrap();
    let expected = Part {
        number,
        oid: "1".to_owned(),
        is_whole: true,
    };
    assert_eq!(part("p"), expected);
    // Read again, as it was changed by somebody.
    assert_eq!(store.begin_part("p").unwrap(), number);
    assert!(!is_whole("p"));
    let problems = [problem("p", 3), problem("p", 7)];
    store.end_part(number, "2", &problems).unwrap();
    assert!(!is_whole("p"));
    assert_eq!(store.problems(10), Ok((problems.to_vec(), 2)));
    assert_eq!(store.problems(1), Ok((problems[..1].to_vec(), 2)));
    // Another file, too large to read.
    let other = store.begin_part("other").unwrap();
    store.end_part(other, "9", &[problem("other", 0)]).unwrap();
    assert_eq!(store.problems(0).unwrap().1, 3);
    // A newer build understands all of it.
    store.begin_part("p").unwrap();
    assert_eq!(store.problems(10), Ok((vec![problem("other", 0)], 1)));
    store.end_part(number, "2", &[]).unwrap();
    assert!(is_whole("p"));
}

#[test]
fn problems_go_with_their_file_and_with_nothing_else() {
    let store = Store::open_memory().unwrap();
    for path in ["one", "two"] {
        let part = store.begin_part(path).unwrap();
        store.end_part(part, "x", &[problem(path, 1)]).unwrap();
    }
    // Of a file that is no part.
    let part = store.begin_part("seed_data.json").unwrap();
    let of_seed = problem("seed_data.json", 0);
    store
        .end_part(part, "x", std::slice::from_ref(&of_seed))
        .unwrap();
    store
        .set_tree(&tree(&["one", "two", "seed_data.json"]))
        .unwrap();
    assert_eq!(store.problems(10).unwrap().1, 3);
    store.set_tree(&tree(&["two", "seed_data.json"])).unwrap();
    assert_eq!(
        store.problems(10),
        Ok((vec![of_seed, problem("two", 1)], 2))
    );
    store.set_tree(&HashMap::new()).unwrap();
    assert_eq!(store.problems(10), Ok((Vec::new(), 0)));
}

#[test]
fn work_that_exists_only_here_is_counted_until_it_is_sent_or_in_a_file() {
    let store = store();
    let unsaved = |decisions, records| Ok(Unsaved { decisions, records });
    assert_eq!(store.unsaved(), unsaved(2, 2));
    // What comes from elsewhere is somewhere else.
    let part = store.begin_part("theirs").unwrap();
    let theirs = lines(&[good("1", "bob", "a", 1)]);
    store
        .merge_decisions(&theirs, Origin::Hub, Some(part))
        .unwrap();
    let of_file = lines(&[good("1", "cy", "a", 1)]);
    store.merge_decisions(&of_file, Origin::File, None).unwrap();
    assert_eq!(store.unsaved(), unsaved(2, 2));
    // Told twice, counted once; an undo is work too, a name that a guest is given is not.
    respond(&store, "a", "ann", &rated(Quality::Good), "1", 1).unwrap();
    assert_eq!(store.unsaved(), unsaved(2, 2));
    store.undo_decision("ann", "3", None, 2).unwrap();
    let name = Act::Name { name: "Ann".into() };
    store.identity_act("ann", name, "4", 3).unwrap();
    assert_eq!(store.unsaved(), unsaved(3, 2));

    store.set_sent("one", "1", &[1], &[1], &[]).unwrap();
    store.recount_unsaved().unwrap();
    assert_eq!(store.unsaved(), unsaved(2, 1));
    assert_eq!(
        store.counts("ann").unwrap().unsaved,
        store.unsaved().unwrap()
    );
    store.set_filed().unwrap();
    assert_eq!(store.unsaved(), unsaved(0, 0));
    respond(&store, "a", "ann", &rated(Quality::Bad), "5", 4).unwrap();
    store.add_records(&[asked(&record("d", "q", "a"))]).unwrap();
    assert_eq!(store.unsaved(), unsaved(1, 1));
    // What is in the file is there, whatever becomes of the repo.
    store.set_tree(&HashMap::new()).unwrap();
    assert_eq!(store.unsaved(), unsaved(1, 1));
    // What was sent after the file is not.
    store.set_sent("two", "2", &[3], &[7], &[]).unwrap();
    store.recount_unsaved().unwrap();
    assert_eq!(store.unsaved(), unsaved(0, 0));
    store.set_tree(&HashMap::new()).unwrap();
    assert_eq!(store.unsaved(), unsaved(1, 1));
}

#[test]
fn another_content_under_a_key_counts_as_work_of_whoever_wrote_it() {
    let pair = lines(&[good("1", "ann", "a", 1), good("1", "ann", "b", 1)]);
    let (small, large) = if pair[0].content_hash() < pair[1].content_hash() {
        (0, 1)
    } else {
        (1, 0)
    };
    let store = Store::open_memory().unwrap();
    let own = lines(&[pair[large].value.clone()]);
    store.merge_decisions(&own, Origin::Here, None).unwrap();
    let name = Act::Name { name: "Ann".into() };
    let named = lines(&[of_identity("2", "ann", 2, name)]);
    store.merge_decisions(&named, Origin::Here, None).unwrap();
    assert_eq!(store.unsaved().unwrap().decisions, 1);
    let part = store.begin_part("part").unwrap();
    let theirs = lines(&[pair[small].value.clone()]);
    store
        .merge_decisions(&theirs, Origin::Hub, Some(part))
        .unwrap();
    assert_eq!(store.unsaved().unwrap().decisions, 0);
}
