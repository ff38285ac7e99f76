//! Databases of older, newer and foreign make.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rusqlite::Connection;
use seedbed_core::messages::{FailureKind, PromptFilter, RecordFilter, RunPhase};
use seedbed_core::review::{RecordState, ResponseStatus};
use seedbed_store::{RunCounts, Store, StoreError};
use std::path::{Path, PathBuf};
use support::{asked, record};
use tempfile::TempDir;

const V1: &str = include_str!("data/v1.sql");

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
        (false, true, 3)
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
    assert_eq!(store.unsynced_records(10).unwrap().len(), 2);
    assert_eq!(store.decisions(true, None).unwrap().len(), 2);
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
        store.redo_decision("ann", "again", 30).unwrap().as_deref(),
        Some("r2")
    );
    store
        .item_done("run1", &record("r3", "q", "a"), &[])
        .unwrap();
    assert_eq!(store.run_counts("run1").unwrap().tokens_in, 32);
    let summary = store.summary("id").unwrap();
    assert_eq!(
        (summary.name.as_str(), summary.records, summary.accepted),
        ("beekeeping", 4, 1)
    );
    assert_eq!(summary.updated_ms, 1_763_900_000_123);
}

#[test]
fn every_older_version_ends_with_the_schema_of_a_new_database() {
    let (_new, new) = database("");
    Store::open_file(&new).unwrap().close().unwrap();
    for older in ["", V1] {
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
    let (_, read, _) = store.records_after(0, 10).unwrap().remove(0);
    assert_eq!(read.response, "kept");
    store
        .add_records(&[asked(&record("r1", "after", "after"))])
        .unwrap();
    assert_eq!(store.record_count().unwrap(), 2);
}
