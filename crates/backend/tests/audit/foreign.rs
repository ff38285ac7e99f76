//! Data that something else put on the Hub.

use crate::common::{Browser, CARD, PROJECT, REPO, ROWS, TABLE, World, numbered};
use crate::unknown::with;
use futures::executor::block_on;
use seedbed_core::id::sha256_hex;
use seedbed_core::messages::{FailureKind, Reply, RepoOverview, Request, TableState};
use seedbed_core::row::TableRow;
use seedbed_hub::Operation;
use serde_json::json;

const FOREIGN_CARD: &str = "---\nlicense: mit\nlanguage:\n- fr\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n\
     configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n  - split: test\n    \
     path: data/test-*\n- config_name: extra\n  data_files: extra/*.parquet\n---\n\n# Farming, by hand\n\nFifty rows.\n";

/// Rows in the file that `push_to_hub` writes.
fn parquet(rows: usize) -> Vec<u8> {
    let row = |n: usize| TableRow {
        id: format!("python {n}"),
        instruction: "From Python?".to_owned(),
        response: format!("python answer {n}"),
        topic: String::new(),
        perspective: String::new(),
        model: String::new(),
        quality: "good".to_owned(),
        rating_count: 0,
        edited: false,
        seed_hash: String::new(),
        prompt_version: String::new(),
        messages: Vec::new(),
    };
    let mut writer = seedbed_table::TableWriter::new();
    writer
        .push(&(0..rows).map(row).collect::<Vec<_>>())
        .unwrap();
    writer.finish().unwrap()
}

fn add(path: &str, bytes: impl Into<Vec<u8>>) -> Operation {
    Operation::Add {
        path: path.to_owned(),
        bytes: bytes.into(),
    }
}

/// A dataset that Python made: fifty rows, a split and a config beside.
fn python_dataset(world: &World) -> Vec<u8> {
    block_on(world.client().create_dataset(REPO, false)).expect("made");
    let table = parquet(50);
    world.commit(vec![
        add(TABLE, table.clone()),
        add("data/test-00000-of-00001.parquet", parquet(5)),
        add("extra/0.parquet", parquet(3)),
        add(CARD, FOREIGN_CARD),
    ]);
    table
}

fn owner(world: &World) -> Browser {
    let mut owner = world.browser();
    owner.import(&numbered(1));
    owner.accept_all();
    owner.sign_in();
    owner
}

fn found(asked: Result<Reply, seedbed_core::messages::Failure>) -> RepoOverview {
    match asked {
        Ok(Reply::Found(overview)) => *overview,
        other => panic!("not shown: {other:?}"),
    }
}

fn link(
    browser: &mut Browser,
    is_confirmed: bool,
) -> Result<Reply, seedbed_core::messages::Failure> {
    browser.tab.ask(Request::LinkRepo {
        project: browser.project.clone(),
        repo: REPO.to_owned(),
        is_confirmed,
    })
}

fn foreign_oid(browser: &mut Browser) -> String {
    match browser.plan().table {
        TableState::Foreign { oid, .. } => oid,
        other => panic!("not foreign: {other:?}"),
    }
}

#[test]
fn a_taken_name_is_shown_for_what_it_holds_and_nothing_is_linked() {
    let world = World::new();
    let table = python_dataset(&world);
    let mut owner = owner(&world);
    let asked = owner.tab.ask(Request::CreateRepo {
        project: owner.project.clone(),
        repo: REPO.to_owned(),
        private: true,
    });
    let overview = found(asked);
    assert!(!overview.private && !overview.is_seedbed, "{overview:?}");
    let files: Vec<&str> = overview
        .data_files
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(files.contains(&TABLE), "{files:?}");
    assert_eq!(files.len(), 3, "{files:?}");
    assert_eq!(overview.configs, ["default", "extra"]);
    // Not linked: there is nothing to publish to.
    let failure = owner.publish().expect_err("not linked");
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(owner.open().hub.is_none());
    assert_eq!(world.bytes(TABLE), table);
    assert_eq!(world.text(CARD), FOREIGN_CARD);
}

#[test]
fn a_dataset_of_somebody_else_is_shown_before_it_is_linked_and_its_table_stays() {
    let world = World::new();
    let table = python_dataset(&world);
    let mut owner = owner(&world);
    let overview = found(link(&mut owner, false));
    assert_eq!(overview.data_files.len(), 3);
    assert!(owner.open().hub.is_none(), "linked before a person said so");
    assert!(matches!(link(&mut owner, true), Ok(Reply::Linked(_))));
    let plan = owner.plan();
    let oid = sha256_hex(&table);
    assert_eq!(
        plan.table,
        TableState::Foreign {
            oid: oid.clone(),
            size_bytes: table.len() as u64
        }
    );
    assert!(plan.sends_parts_only, "{plan:?}");
    owner.publish().expect("published");
    assert_eq!(world.bytes(TABLE), table);
    assert_eq!(world.text(CARD), FOREIGN_CARD);
    assert_eq!(world.lines("records").len(), 1);
    // A yes to another table is none to this one.
    let other = with(&owner.project.clone(), None, Some("00".repeat(32)));
    assert!(owner.tab.ask(other).is_ok());
    assert_eq!(world.bytes(TABLE), table);
    let yes = with(&owner.project.clone(), None, Some(oid));
    let asked = owner.tab.ask(yes);
    assert!(matches!(asked, Ok(Reply::Published(_))), "{asked:?}");
    assert_eq!(world.rows(), ["answer 0"]);
    // What else stood there is there, and the card still says so.
    let card = world.text(CARD);
    assert!(card.contains("data/test-"), "{card}");
    assert!(card.contains("config_name: extra"), "{card}");
    assert!(card.contains("Fifty rows."), "{card}");
    assert!(world.tree().iter().any(|path| path == "extra/0.parquet"));
    assert_eq!(owner.plan().table, TableState::Ours);
}

#[test]
fn a_table_that_python_pushed_between_two_publishes_is_left_alone() {
    let world = World::new();
    let mut owner = world.published(2);
    let pushed = parquet(7);
    world.put(TABLE, pushed.clone());
    owner.add_row("a third answer");
    let oid = foreign_oid(&mut owner);
    assert_eq!(oid, sha256_hex(&pushed));
    owner.publish().expect("published");
    assert_eq!(world.bytes(TABLE), pushed);
    assert_eq!(world.lines("records").len(), 3, "parts go all the same");
    let yes = with(&owner.project.clone(), None, Some(oid));
    assert!(owner.tab.ask(yes).is_ok());
    assert_eq!(world.rows().len(), 3);
    assert_eq!(owner.plan().table, TableState::Ours);
}

#[test]
fn a_table_that_changes_after_the_person_said_yes_to_it_is_another_one() {
    let world = World::new();
    let mut owner = world.published(2);
    world.put(TABLE, parquet(7));
    owner.add_row("a third answer");
    let oid = foreign_oid(&mut owner);
    let newer = parquet(8);
    world.put(TABLE, newer.clone());
    let yes = with(&owner.project.clone(), None, Some(oid));
    assert!(owner.tab.ask(yes).is_ok());
    assert_eq!(world.bytes(TABLE), newer);
}

#[test]
fn a_table_that_changes_while_a_publish_is_under_way_is_left_alone() {
    let world = World::new();
    let mut owner = world.published(2);
    owner.add_row("a third answer");
    world.fault(&json!({"kind": "delay", "delay_ms": 900, "path_contains": "/preupload/"}));
    let id = owner.tab.send(crate::support::publishing(&owner.project));
    owner.tab.run_for(500);
    let pushed = parquet(7);
    world.put(TABLE, pushed.clone());
    owner.tab.answer_to(id).expect("published");
    assert_eq!(world.bytes(TABLE), pushed);
    assert_eq!(world.lines("records").len(), 3);
}

#[test]
fn a_table_deleted_by_hand_is_made_again() {
    let world = World::new();
    let mut owner = world.published(2);
    world.commit(vec![Operation::Delete {
        path: TABLE.to_owned(),
    }]);
    let plan = owner.plan();
    assert_eq!(plan.table, TableState::Absent);
    assert!(!plan.is_empty, "{plan:?}");
    owner.publish().expect("published");
    assert_eq!(world.rows().len(), 2);
}

#[test]
fn linking_asks_when_the_seed_in_the_repo_is_another_one() {
    let world = World::new();
    let _first = world.published(2);
    let mut other = world.browser();
    let seed = json!({"domain": "bees", "topics": ["hives"]});
    let view = other.tab.opened(Request::ImportProject {
        name: "seed_data.json".to_owned(),
        text: seed.to_string(),
    });
    other.project = view.summary.id;
    other.sign_in();
    let overview = found(link(&mut other, false));
    assert!(overview.is_seedbed && overview.seed_differs, "{overview:?}");
    assert_eq!(overview.domain, "d");
    assert!(overview.data_files.is_empty(), "ours are not somebody's");
    assert!(other.open().hub.is_none());
    assert!(other.records().is_empty(), "nothing came in");
    // And with the same seed it is known as the same.
    let mut same = world.browser();
    same.import(&numbered(1));
    same.sign_in();
    let overview = found(link(&mut same, false));
    assert!(!overview.seed_differs, "{overview:?}");
}

/// Format 1 writes its own project file, and the table and the list as it knows them: the first rows.
fn overwritten_by_format_1(world: &World, rows: usize) {
    let first = &world.table()[..rows];
    let mut writer = seedbed_table::TableWriter::new();
    writer.push(first).unwrap();
    let list = world.text(ROWS);
    let list: String = list.lines().take(rows).flat_map(|l| [l, "\n"]).collect();
    world.commit(vec![
        add(TABLE, writer.finish().unwrap()),
        add(ROWS, list),
        add(PROJECT, "{\"format\": 1}\n"),
    ]);
}

#[test]
fn a_table_that_python_pushed_onto_what_format_1_rewrote_is_left_alone() {
    let world = World::new();
    let mut owner = world.published(2);
    overwritten_by_format_1(&world, 1);
    let pushed = parquet(7);
    world.put(TABLE, pushed.clone());
    owner.add_row("a third answer");
    assert_eq!(foreign_oid(&mut owner), sha256_hex(&pushed));
    owner.publish().expect("published");
    assert_eq!(world.bytes(TABLE), pushed);
    assert_eq!(world.lines("records").len(), 3, "parts go all the same");
    // Nor is it one because a build of format 1 then writes the list in another order.
    world.commit(vec![
        add(ROWS, format!("{}\n", world.text(ROWS))),
        add(PROJECT, "{\"format\": 1, \"again\": 1}\n"),
    ]);
    let oid = foreign_oid(&mut owner);
    let yes = with(&owner.project.clone(), None, Some(oid));
    assert!(owner.tab.ask(yes).is_ok());
    assert_eq!(world.rows().len(), 3);
    assert_eq!(owner.plan().table, TableState::Ours);
}

#[test]
fn a_table_of_format_1_is_ours_when_the_list_was_put_in_another_order_since() {
    let world = World::new();
    let mut owner = world.published(3);
    overwritten_by_format_1(&world, 2);
    let list = world.text(ROWS);
    let turned: String = list.lines().rev().flat_map(|l| [l, "\n"]).collect();
    assert_ne!(turned, list);
    world.put(ROWS, turned);
    assert_eq!(owner.plan().table, TableState::Ours);
    owner.publish().expect("published");
    assert_eq!(world.rows().len(), 3);
}

#[test]
fn a_repo_that_a_build_of_format_1_overwrote_is_noticed_and_made_anew_from_the_parts() {
    let world = World::new();
    let mut owner = world.published(3);
    overwritten_by_format_1(&world, 1);
    let plan = owner.plan();
    assert!(plan.was_overwritten, "{plan:?}");
    assert_eq!((plan.rows_total, plan.rows_added), (3, 2));
    owner.publish().expect("published");
    assert_eq!(world.rows().len(), 3);
    assert!(!owner.plan().was_overwritten);
    // A record that only this old list names would be unknown, not removed.
    let mut newcomer = world.colleague();
    assert_eq!(newcomer.plan().rows_removed, 0);
    assert_eq!(newcomer.records().len(), 3);
}
