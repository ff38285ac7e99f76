//! Databases of older, newer and foreign make.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rusqlite::Connection;
use seedbed_core::line::{Line, RecordLine};
use seedbed_core::messages::{FailureKind, PromptFilter, RecordFilter, RunPhase};
use seedbed_core::prompt::PromptState;
use seedbed_core::review::{Act, Quality, RecordState, ResponseStatus};
use seedbed_core::seed::Seed;
use seedbed_store::{Origin, RunCounts, Store, StoreError, keys};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use support::{asked, good, lines, log, rated, record, respond};
use tempfile::TempDir;

const V1: &str = include_str!("data/v1.sql");
const V3: &str = include_str!("data/v3.sql");
/// The imported record of [`V3`].
const HIVE: &str = "1421e9ee98a1313eb7d1be49b735cd07";
/// The guest of [`V3`].
const GUEST: &str = "guest-0a1b2c";

fn database(sql: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sqlite");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    (folder, path)
}

fn schema(path: &Path) -> Vec<(String, String, Option<String>)> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn version(path: &Path) -> u32 {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

#[test]
fn a_project_of_version_1_opens_with_everything_in_it() {
    let (_folder, path) = database(V1);
    let store = Store::open_file(&path).unwrap();
    store.recover().unwrap();
    let seed = store.seed_view().unwrap();
    assert_eq!(seed.seed.description, "first");
    assert_eq!(
        (seed.can_undo, seed.can_redo, seed.stale_records),
        // The seed that its records were made under is not known, and what it said even less; but the instruction of
        // two of them has another text now.
        (false, true, 2)
    );
    assert_eq!(seed.hash, seed.seed.hash());
    let page = store.prompt_page(&PromptFilter::default(), 0, 10).unwrap();
    assert_eq!(
        (
            page.prompts[0].records,
            page.cells[0].records,
            page.cells[0].accepted
        ),
        (2, 3, 1)
    );
    let search = RecordFilter {
        search: "honey".to_owned(),
        ..RecordFilter::default()
    };
    let (total, rows) = store.list_records(&search, "ann", 0, 10).unwrap();
    assert_eq!(total, 3);
    assert_eq!(rows[1].record.id, "r1");
    assert_eq!(rows[1].state, RecordState::Accepted);
    assert_eq!(rows[1].messages.len(), 2);
    let draft = rows[2].mine.as_ref().unwrap();
    assert_eq!(
        (draft.status, rows[2].state),
        (ResponseStatus::Draft, RecordState::Pending)
    );
    assert_eq!(
        store.accepted_rows(0, 10).unwrap().0[0].response,
        "In autumn."
    );
    // Of the three r1 was noted as sent.
    assert_eq!(store.unsent_record_count().unwrap(), 2);
    store.set_own_writers(&["ann".to_owned()]).unwrap();
    assert_eq!(store.unsent_decision_count().unwrap(), 3);
    let counts = RunCounts {
        planned: 3,
        done: 2,
        queued: 1,
        tokens_in: 22,
        tokens_out: 14,
        ..RunCounts::default()
    };
    assert_eq!(store.run_counts("run1").unwrap(), counts);
    assert_eq!(
        store.run("run1").unwrap().unwrap().phase,
        RunPhase::Interrupted
    );
    assert_eq!(
        store
            .redo_decision("ann", "again", None, 30)
            .unwrap()
            .as_deref(),
        Some("r2")
    );
    store
        .item_done("run1", "r3", &record("r3", "q", "a"), &[])
        .unwrap();
    assert_eq!(store.run_counts("run1").unwrap().tokens_in, 32);
    let summary = store.summary("id").unwrap();
    assert_eq!(
        (summary.name.as_str(), summary.records, summary.accepted),
        ("beekeeping", 4, 1)
    );
    assert_eq!(summary.updated_ms, 1_763_900_000_123);
}

fn undo_all(store: &Store, who: &str) -> Vec<String> {
    let mut undone = Vec::new();
    while store
        .undo_decision(who, &format!("{who} {}", undone.len()), None, 200)
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

#[test]
fn a_project_of_version_3_opens_with_everything_in_it() {
    let (_folder, path) = database(V3);
    let store = Store::open_file(&path).unwrap();
    let seed = store.seed_view().unwrap();
    assert_eq!(seed.seed.expert_prompt, "A beekeeper of thirty years.");
    assert_eq!((seed.can_undo, seed.can_redo), (true, true));
    let prompts: Vec<_> = store
        .prompts()
        .unwrap()
        .into_iter()
        .map(|prompt| (prompt.id, prompt.text, prompt.state, prompt.original_text))
        .collect();
    let prompt = |id: &str, text: &str, state, original: Option<&str>| {
        (
            id.to_owned(),
            text.to_owned(),
            state,
            original.map(str::to_owned),
        )
    };
    let expected = [
        prompt("p1", "When do I sell?", PromptState::Kept, None),
        prompt(
            "p5",
            "When do I sell in a wet year?\n",
            PromptState::Kept,
            None,
        ),
        prompt(
            "p2",
            "Who buys beeswax?",
            PromptState::Kept,
            Some("Who buys wax?"),
        ),
        prompt("p3", "Is honey dear?", PromptState::Struck, None),
        prompt("p4", "Where are bees?", PromptState::Proposed, None),
    ];
    assert_eq!(prompts, expected);
    assert_eq!(store.unsent_instruction_acts(0, 10).unwrap().len(), 5);

    let (_, all) = store
        .list_records(&RecordFilter::default(), "ann", 0, 10)
        .unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|view| (view.record.id.as_str(), view.state, view.is_stale))
        .collect();
    let expected = [
        ("r1", RecordState::Accepted, false),
        ("r2", RecordState::Discarded, true),
        // Its instruction was edited after it was answered, which format 1 did not see.
        ("r3", RecordState::Disputed, true),
        // Two people accepted it in different words, which format 1 mixed.
        ("r4", RecordState::Disputed, false),
        // Format 1 counted a decision from the end of time.
        ("r5", RecordState::Rejected, false),
        ("r6", RecordState::Accepted, false),
        (HIVE, RecordState::Accepted, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(seed.stale_records, 2);
    assert_eq!(store.counts("ann").unwrap().stale, 2);
    let r1 = &all[0].record;
    assert_eq!(
        r1.response(),
        "Sell the honey in autumn; it's clearer then (r1)."
    );
    assert_eq!(r1.key.as_deref(), Some("r1"));
    assert_eq!(r1.inputs.task, "answer/1");
    assert_eq!(r1.inputs.seed_part, seed.seed.answer_part());
    assert_eq!(r1.provenance.usage.unwrap().prompt_tokens, 11);
    assert_eq!(all[0].messages.len(), 2);
    let hive = &all[6].record;
    assert_eq!((hive.key.as_deref(), hive.is_imported()), (None, true));
    assert_eq!(hive.inputs.seed_part, "");
    let others: Vec<_> = all[0].others.iter().map(|other| &other.name).collect();
    assert_eq!(others, ["bob"]);
    let draft = all[1].mine.as_ref().unwrap();
    assert_eq!(draft.status, ResponseStatus::Draft);
    assert_eq!(draft.improved_response(), Some("Not yet"));
    assert_eq!(
        store.answered(["r6", "r8", HIVE]).unwrap(),
        HashSet::from(["r6".to_owned()])
    );
    let mixed = &all[3];
    assert_eq!(
        mixed.mine.as_ref().unwrap().improved_instruction(),
        Some("When do I sell in a wet year in Wales?")
    );
    assert_eq!(
        mixed.others[0].response.improved_response(),
        Some("In autumn.")
    );
    let search = RecordFilter {
        search: "kilo".to_owned(),
        ..RecordFilter::default()
    };
    assert_eq!(store.list_records(&search, "ann", 0, 10).unwrap().0, 1);

    let counts = RunCounts {
        planned: 8,
        done: 6,
        failed: 1,
        queued: 1,
        tokens_in: 66,
        tokens_out: 42,
        ..RunCounts::default()
    };
    assert_eq!(store.run_counts("run1").unwrap(), counts);
    let run = store.run("run1").unwrap().unwrap();
    assert_eq!(run.phase, RunPhase::Paused);
    assert_eq!(run.stopped_by.unwrap().what, "The server failed.");
    let next = store.item("run1", "r8").unwrap().unwrap();
    assert_eq!((next.key.as_str(), next.messages.len()), ("r8", 2));
    assert_eq!(
        store.published().unwrap(),
        [("r1".to_owned(), "ffff".to_owned())].into()
    );
    assert_eq!(store.summary("id").unwrap().accepted, 3);
}

#[test]
fn what_version_3_noted_as_sent_is_no_work_that_exists_only_here_until_the_tree_says_so() {
    let (_folder, path) = database(V3);
    let store = Store::open_file(&path).unwrap();
    let only_here = |store: &Store| {
        let records = store.unsaved().unwrap().records;
        assert_eq!(store.unsent_record_count().unwrap(), records);
        records
    };
    assert_eq!(only_here(&store), 2);
    // The note was made once and never taken back: what is not in the tree is not there.
    let tree: HashMap<String, String> = [("README.md".to_owned(), "1".to_owned())]
        .into_iter()
        .collect();
    store.set_tree(&tree).unwrap();
    assert_eq!(only_here(&store), 7);
    let part = store.begin_part(".seedbed/records/ann/1-x.jsonl").unwrap();
    let (r1, messages) = {
        let view = store.record_view("r1", "ann").unwrap().unwrap();
        (view.record, view.messages)
    };
    let line = Line::new(RecordLine {
        record: r1,
        messages,
    });
    store.merge_records(&[line], Some(part)).unwrap();
    store.end_part(part, "oid", &[]).unwrap();
    store.recount_unsaved().unwrap();
    assert_eq!(only_here(&store), 6);
    // With another repo, or none, the same.
    let (_folder, path) = database(V3);
    let store = Store::open_file(&path).unwrap();
    store.forget_hub().unwrap();
    assert_eq!(only_here(&store), 7);
}

#[test]
fn decisions_of_version_3_keep_their_names_and_what_is_published_of_them() {
    let (_folder, path) = database(V3);
    let store = Store::open_file(&path).unwrap();
    assert_eq!(log(&store).len(), 20);
    // A name that was typed may be of a file; one that was drawn is of this browser. Whose either is, a person says.
    assert_eq!(
        store.unclaimed_writers(),
        Ok(vec![("ann".to_owned(), 6), (GUEST.to_owned(), 4)])
    );
    assert_eq!(store.unsaved().unwrap().decisions, 4);
    let rows = |store: &Store| -> Vec<(String, String)> {
        let (rows, _) = store.accepted_rows(0, 10).unwrap();
        rows.into_iter().map(|row| (row.id, row.response)).collect()
    };
    let row = |id: &str, text: &str| (id.to_owned(), text.to_owned());
    let expected = [
        row("r1", "In autumn."),
        row("r6", "Sell the honey in autumn; it's clearer then (r6)."),
        row(HIVE, "Up to sixty kilograms."),
    ];
    // Bob rejected r3; Ann's other view of it is her own only once it is known that she is of this browser.
    assert_eq!(rows(&store), expected);
    let own = ["ann", GUEST].map(str::to_owned);
    store.set_own_writers(&own).unwrap();
    assert_eq!(rows(&store), expected);
    assert_eq!(store.unclaimed_writers(), Ok(Vec::new()));
    assert_eq!(store.unsaved().unwrap().decisions, 10);
    // What was not published names the text that was shown.
    for decision in log(&store) {
        let is_published = decision.writer == "bob"
            || decision.writer == "eve"
            || ["a1", "a2"].contains(&decision.id.as_str());
        assert_eq!(decision.text.is_none(), is_published, "{decision:?}");
    }
    assert_eq!(undo_all(&store, "ann"), ["a4", "a3", "a2", "a1"]);
    assert_eq!(undo_all(&store, "bob"), ["b7", "b4", "b3", "b2", "b1"]);
    assert_eq!(undo_all(&store, GUEST), ["g4", "g1"]);
    assert_eq!(undo_all(&store, "eve"), Vec::<String>::new());
    let (_folder, path) = database(V3);
    let store = Store::open_file(&path).unwrap();
    let redone = store.redo_decision("ann", "again", None, 200).unwrap();
    assert_eq!(redone.as_deref(), Some("r6"));
    // The clock that somebody had pushed is one's own again.
    respond(&store, "r5", "ann", &rated(Quality::Bad), "mine", 200).unwrap();
    let last = log(&store).pop().unwrap();
    assert_eq!(last.clock.ms, 200);
    let view = store.record_view("r5", "ann").unwrap().unwrap();
    assert_eq!(view.mine, Some(rated(Quality::Bad)));
}

/// Every table with its rows.
fn content(path: &Path) -> Vec<(String, Vec<String>)> {
    let connection = Connection::open(path).unwrap();
    let tables: Vec<String> = schema(path)
        .into_iter()
        .filter(|(kind, ..)| kind == "table")
        .map(|(_, name, _)| name)
        .collect();
    let rows = |table: &String| {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table}"))
            .unwrap();
        let columns = statement.column_count();
        let rows = statement
            .query_map([], |row| {
                let values: Vec<rusqlite::types::Value> =
                    (0..columns).map(|at| row.get(at).unwrap()).collect();
                Ok(format!("{values:?}"))
            })
            .unwrap();
        rows.map(Result::unwrap).collect()
    };
    tables
        .iter()
        .map(|table| (table.clone(), rows(table)))
        .collect()
}

fn copy_of(path: &Path) -> PathBuf {
    path.with_file_name("p.sqlite.before-format-2")
}

fn open_for_a_visit(path: &Path) -> Store {
    let store = Store::open_file(path).unwrap();
    store.begin_visit().unwrap();
    store
}

#[test]
fn the_old_database_is_kept_until_the_project_was_opened_twice_and_changed_once() {
    for (visits_before, visits_after) in [(1, 2), (2, 1), (3, 1)] {
        let (_folder, path) = database(V3);
        let old = content(&path);
        let copy = copy_of(&path);
        for _ in 0..visits_before {
            open_for_a_visit(&path).close().unwrap();
            assert_eq!(content(&copy), old);
            assert_eq!(version(&copy), 3);
        }
        let store = Store::open_file(&path).unwrap();
        store.put(keys::UPDATED, &1_763_900_000_124_u64).unwrap();
        store.close().unwrap();
        for _ in 1..visits_after {
            assert!(copy.exists());
            open_for_a_visit(&path).close().unwrap();
        }
        assert!(copy.exists(), "it goes when the project is opened");
        let store = Store::open_file(&path).unwrap();
        assert!(!copy.exists());
        assert_eq!(store.outlives_backup(), Ok(false));
    }
    // Opened often, and changed never.
    let (_folder, path) = database(V3);
    for _ in 0..4 {
        open_for_a_visit(&path).close().unwrap();
    }
    assert!(copy_of(&path).exists());
}

#[test]
fn a_new_project_has_no_copy() {
    let (_folder, path) = database("");
    for at in 0..3_u64 {
        let store = open_for_a_visit(&path);
        store.put(keys::UPDATED, &at).unwrap();
        assert_eq!(store.outlives_backup(), Ok(false));
        store.close().unwrap();
        assert!(!copy_of(&path).exists());
    }
}

#[test]
fn a_copy_that_was_cut_off_is_made_anew() {
    let (_folder, path) = database(V3);
    let old = content(&path);
    std::fs::write(copy_of(&path), "the beginning of a database").unwrap();
    Store::open_file(&path).unwrap().close().unwrap();
    assert_eq!(content(&copy_of(&path)), old);
    assert_eq!(version(&path), 4);
}

#[test]
fn a_migration_that_fails_in_the_middle_leaves_everything_as_it_was() {
    for fault in [
        "UPDATE texts SET json = '{\"half' WHERE seq = 7",
        "UPDATE decisions SET json = '{}' WHERE id = 'g4'",
        "UPDATE drafts SET json = '?'",
        "UPDATE prompts SET json = '[]' WHERE id = 'p5'",
        // What the last part of the step wants to make is there.
        "CREATE TABLE records_by_part (x)",
    ] {
        let (_folder, path) = database(V3);
        Connection::open(&path)
            .unwrap()
            .execute_batch(fault)
            .unwrap();
        let old = content(&path);
        assert!(Store::open_file(&path).is_err(), "{fault}");
        assert_eq!(version(&path), 3);
        assert_eq!(content(&path), old);
    }
    // And what is mended opens.
    let (_folder, path) = database(V3);
    let break_it = "ALTER TABLE drafts RENAME TO away";
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(break_it).unwrap();
    assert!(Store::open_file(&path).is_err());
    let mend_it = "ALTER TABLE away RENAME TO drafts";
    connection.execute_batch(mend_it).unwrap();
    drop(connection);
    let store = Store::open_file(&path).unwrap();
    assert_eq!(store.record_count(), Ok(7));
}

/// A project as a newer build keeps it, which says from which version on it can be read.
fn newer(readable_by: Option<u32>, mode: &str) -> (TempDir, PathBuf) {
    let (folder, path) = database(V3);
    Store::open_file(&path).unwrap().close().unwrap();
    let connection = Connection::open(&path).unwrap();
    if let Some(oldest) = readable_by {
        connection
            .execute(
                "INSERT INTO kv VALUES ('readable_by', ?1)",
                [oldest.to_string()],
            )
            .unwrap();
    }
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE future (x); ALTER TABLE records ADD COLUMN mood TEXT;
             ALTER TABLE texts ADD COLUMN mood TEXT; ALTER TABLE decisions ADD COLUMN mood TEXT;
             PRAGMA user_version = 900;"
        ))
        .unwrap();
    (folder, path)
}

#[test]
fn a_newer_database_that_can_be_read_is_read_and_left_as_it_is() {
    for mode in ["DELETE", "WAL"] {
        let (_folder, path) = newer(Some(4), mode);
        let before = std::fs::read(&path).unwrap();
        let store = Store::open_file(&path).unwrap();
        assert!(store.is_newer());
        store.begin_visit().unwrap();
        let search = RecordFilter {
            search: "honey".to_owned(),
            ..RecordFilter::default()
        };
        assert_eq!(store.list_records(&search, "ann", 0, 10).unwrap().0, 6);
        let around = store.records_around(&search, "ann", Some(3), 1, 1).unwrap();
        assert_eq!(around.rows.len(), 3);
        assert!(store.record_view("r1", "ann").unwrap().is_some());
        assert_eq!(store.counts("ann").unwrap().total, 7);
        assert_eq!(store.prompts().unwrap().len(), 5);
        assert_eq!(store.seed_view().unwrap().stale_records, 2);
        assert_eq!(store.run_items("run1", None, 0, 10).unwrap().0, 8);
        assert_eq!(store.records_after(0, 10).unwrap().len(), 7);
        assert_eq!(log(&store).len(), 20);
        assert_eq!(store.accepted_rows(0, 10).unwrap().0.len(), 3);
        assert_eq!(store.summary("id").unwrap().records, 7);
        assert_eq!(store.problems(1), Ok((Vec::new(), 0)));

        let new_id = || "new".to_owned();
        let run = store.run("run1").unwrap().unwrap();
        let seed = store.seed().unwrap();
        let rows = [asked(&record("x", "q", "a"))];
        let response = rated(Quality::Good);
        let kept = ["p3".to_owned()];
        let refused: Vec<Result<(), StoreError>> = vec![
            store.add_records(&rows).map(|_| ()),
            store.add_records(&[]).map(|_| ()),
            respond(&store, "r1", "ann", &response, "n", 1).map(|_| ()),
            store.undo_decision("ann", "n", None, 1).map(|_| ()),
            store.redo_decision("ann", "n", None, 1).map(|_| ()),
            store.undo_decision("nobody", "n", None, 1).map(|_| ()),
            store.save_draft("r1", "ann", Some(&response)),
            store.save_draft("r1", "ann", None),
            store.identity_act("ann", Act::Name { name: "Ann".into() }, "n", 1),
            store
                .merge_decisions(&lines(&[good("n", "bob", "r1", 1)]), Origin::Hub, None)
                .map(|_| ()),
            store.set_own_writers(&["ann".to_owned()]),
            store.add_prompts(&[], "ann", &new_id, 1).map(|_| ()),
            store.edit_prompt("p1", "New", "ann", "n", 1).map(|_| ()),
            store.set_prompt_state(&kept, PromptState::Kept, "ann", &new_id, 1),
            store.save_seed(&Seed::default(), "", 1).map(|_| ()),
            store.save_seed(&seed, "", 1).map(|_| ()),
            store.undo_seed(1).map(|_| ()),
            store.create_run(&run, &[]),
            store.save_run(&run),
            store.item_sent("run1", "r8"),
            store.item_done("run1", "r8", &rows[0].0, &[]),
            store.item_answered("run1", "r8"),
            store.requeue_failed("run1").map(|_| ()),
            store.recover(),
            store.put("name", &1),
            store.remove("settings"),
            store.set_published(&[]),
            store.begin_part("part").map(|_| ()),
            store.end_part(1, "oid", &[]),
            store.set_tree(&HashMap::new()),
            store.set_sent("part", "oid", &[], &[], &[]),
            store.set_filed(),
            store.recount_unsaved(),
            store.set_published_table(None),
            store.forget_hub(),
            store.together(|_| Ok(())),
        ];
        for (at, refused) in refused.into_iter().enumerate() {
            assert_eq!(refused, Err(StoreError::ReadOnly), "{at}");
        }
        assert!(StoreError::ReadOnly.failure().what.contains("newer"));
        store.close().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before, "{mode}");
    }
}

#[test]
fn a_newer_database_that_this_build_cannot_read_is_refused() {
    for readable_by in [None, Some(5), Some(900)] {
        let (_folder, path) = newer(readable_by, "DELETE");
        let before = std::fs::read(&path).unwrap();
        let refused = Store::open_file(&path).err();
        assert!(matches!(
            refused,
            Some(StoreError::NewerFormat { found: 900, .. })
        ));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn the_copy_that_a_newer_build_keeps_is_not_removed_by_this_one() {
    let (_folder, path) = newer(Some(4), "DELETE");
    let since = r#"{"opened":9,"updated_ms":1}"#;
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE kv SET value = ?1 WHERE key = 'migrated'", [since])
        .unwrap();
    Store::open_file(&path).unwrap().close().unwrap();
    assert!(copy_of(&path).exists());
}

#[test]
fn every_older_version_ends_with_the_schema_of_a_new_database() {
    let (_new, new) = database("");
    Store::open_file(&new).unwrap().close().unwrap();
    for older in ["", V1, V3] {
        let (_folder, path) = database(older);
        Store::open_file(&path).unwrap().close().unwrap();
        assert_eq!(version(&path), version(&new));
        assert_eq!(schema(&path), schema(&new));
        // A second opening changes nothing.
        Store::open_file(&path).unwrap().close().unwrap();
        assert_eq!(schema(&path), schema(&new));
    }
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    // Its journal mode is in the file, and a newer build may have chosen another one than ours.
    for mode in ["DELETE", "WAL"] {
        let (folder, path) = database(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE future (x); PRAGMA user_version = 900;"
        ));
        let before = std::fs::read(&path).unwrap();
        let error = Store::open_file(&path).err().unwrap();
        assert!(matches!(error, StoreError::NewerFormat { found: 900, known } if known < 900));
        assert!(error.failure().what.contains("newer"));
        assert_eq!(std::fs::read(&path).unwrap(), before, "{mode}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_step_that_fails_is_rolled_back_whole() {
    // Something else has a table of that name: the second half of the step can't be done.
    let (_folder, path) = database("CREATE TABLE runs (x); INSERT INTO runs VALUES (7);");
    let before = schema(&path);
    assert!(Store::open_file(&path).is_err());
    assert_eq!(schema(&path), before);
    assert_eq!(version(&path), 0);
}

#[test]
fn a_file_that_is_no_database_is_told_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sqlite");
    let text = "This is a letter, and it is long enough to be a page of something. ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let error = Store::open_file(&path).err().unwrap();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert_eq!(error.failure().kind, FailureKind::Storage);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_commit_cut_off_by_a_crash_is_undone_on_the_next_opening() {
    let (_folder, path) = database("");
    let store = Store::open_file(&path).unwrap();
    store
        .add_records(&[asked(&record("r0", "kept", "kept"))])
        .unwrap();
    store.close().unwrap();
    // A writer that dies: its pages are in the file, its journal says how to take them back.
    let dying = Connection::open(&path).unwrap();
    dying
        .execute_batch(
            "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; UPDATE texts SET response = 'lost';
             INSERT INTO asked SELECT value + 10, hex(randomblob(2000)) FROM
             (WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n WHERE value < 300) SELECT value FROM n);",
        )
        .unwrap();
    let journal = path.with_file_name("p.sqlite-journal");
    let copy = path.with_file_name("copy.sqlite");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(&journal, copy.with_file_name("copy.sqlite-journal")).unwrap();
    assert!(
        std::fs::metadata(&copy).unwrap().len() > 600_000,
        "pages were spilt"
    );
    drop(dying);
    let store = Store::open_file(&copy).unwrap();
    let (_, read) = store.records_after(0, 10).unwrap().remove(0);
    assert_eq!(read.value.record.response(), "kept");
    store
        .add_records(&[asked(&record("r1", "after", "after"))])
        .unwrap();
    assert_eq!(store.record_count().unwrap(), 2);
}
