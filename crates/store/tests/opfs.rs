//! The store on the Origin Private File System of a real browser.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use js_sys::Promise;
use seedbed_core::messages::{FailureKind, RecordFilter};
use seedbed_core::review::{Quality, RecordState};
use seedbed_core::seed::Seed;
use seedbed_store::{Renewal, StoreError, opfs};
use support::{asked, rated, record, respond};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Brings databases of older builds to this one.
const RENEWAL: Option<Renewal> = Some(Renewal::HERE);

/// A project id of its own for each run: the profile may be used again.
fn project(name: &str) -> String {
    format!("test-{name}-{}", js_sys::Date::now())
}

async fn script(text: &str) -> String {
    let promise: Promise = js_sys::eval(text).unwrap().dyn_into().unwrap();
    JsFuture::from(promise).await.unwrap().as_string().unwrap()
}

/// As another tab would: tries to get hold of the project's lock file.
async fn try_from_outside(id: &str) -> String {
    script(&format!(
        "(async () => {{
            const root = await navigator.storage.getDirectory();
            const folder = await (await root.getDirectoryHandle('seedbed')).getDirectoryHandle('{id}');
            const file = await folder.getFileHandle('.lock');
            try {{ (await file.createSyncAccessHandle()).close(); return 'free'; }}
            catch (error) {{ return error.name; }}
        }})()"
    ))
    .await
}

#[wasm_bindgen_test]
async fn what_was_written_is_there_after_closing_pausing_and_opening_again() {
    assert_eq!(opfs::is_available().await, Ok(()));
    let id = project("again");
    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    let seed = Seed {
        domain: "farming".to_owned(),
        ..Seed::default()
    };
    store.save_seed(&seed, "", 1).unwrap();
    let rows: Vec<_> = (0..500)
        .map(|n| {
            asked(&record(
                &format!("r{n}"),
                &format!("question {n}"),
                "Honey, of course.",
            ))
        })
        .collect();
    assert_eq!(store.add_records(&rows).unwrap(), 500);
    respond(&store, "r7", "ann", &rated(Quality::Good), "d", 1).unwrap();
    assert_ne!(try_from_outside(&id).await, "free");
    store.close().unwrap();
    pool.pause().unwrap();
    assert_eq!(try_from_outside(&id).await, "free");

    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    assert_eq!(store.seed().unwrap(), seed);
    let counts = store.counts("ann").unwrap();
    assert_eq!((counts.total, counts.can_undo), (500, true));
    let filter = RecordFilter {
        search: "hon 499".to_owned(),
        ..RecordFilter::default()
    };
    assert_eq!(store.list_records(&filter, "ann", 0, 10).unwrap().0, 0);
    let filter = RecordFilter {
        search: "honey quest".to_owned(),
        state: Some(RecordState::Accepted),
        ..RecordFilter::default()
    };
    let (total, rows) = store.list_records(&filter, "ann", 0, 10).unwrap();
    assert_eq!((total, rows[0].record.id.as_str()), (1, "r7"));
    let filter = RecordFilter {
        state: Some(RecordState::Pending),
        model: Some("model".to_owned()),
        ..RecordFilter::default()
    };
    let around = store.records_around(&filter, "ann", Some(8), 1, 1).unwrap();
    let seqs: Vec<u64> = around.rows.iter().map(|view| view.seq).collect();
    assert_eq!((around.total, around.position), (499, 6));
    assert_eq!(seqs, [7, 8, 9]);
    store.close().unwrap();
    pool.pause().unwrap();
    opfs::remove(&id).await.unwrap();
}

/// As another tab that has the project open: holds its lock file until [`let_go`].
async fn hold_from_outside(id: &str) {
    let held = script(&format!(
        "(async () => {{
            const root = await navigator.storage.getDirectory();
            const create = {{ create: true }};
            const folder = await (await root.getDirectoryHandle('seedbed', create)).getDirectoryHandle('{id}', create);
            const file = await folder.getFileHandle('.lock', create);
            globalThis.held = await file.createSyncAccessHandle();
            return 'held';
        }})()"
    ))
    .await;
    assert_eq!(held, "held");
}

async fn let_go() {
    script("(async () => { globalThis.held.close(); return 'free'; })()").await;
}

#[wasm_bindgen_test]
async fn a_project_held_elsewhere_does_not_open_until_it_is_let_go_and_loses_nothing() {
    let id = project("held");
    // Never opened here: the folder is found held on the first opening.
    hold_from_outside(&id).await;
    let refused = opfs::open(&id, RENEWAL).await.err().unwrap();
    assert_eq!(refused.failure().kind, FailureKind::Storage);
    let_go().await;
    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    store.put("name", &"kept").unwrap();
    store.close().unwrap();
    pool.pause().unwrap();
    // Given away after it was open here, and taken back.
    hold_from_outside(&id).await;
    for _ in 0..2 {
        assert!(opfs::open(&id, RENEWAL).await.is_err());
    }
    let_go().await;
    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    let name: Option<String> = store.get("name").unwrap();
    assert_eq!(name.as_deref(), Some("kept"));
    store.close().unwrap();
    pool.pause().unwrap();
    opfs::remove(&id).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_removed_project_leaves_no_files() {
    let id = project("removed");
    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    store.put("name", &"old").unwrap();
    store.close().unwrap();
    pool.pause().unwrap();
    opfs::write_meta(&id, "{}").await.unwrap();
    assert!(opfs::stored().await.contains(&id));
    opfs::remove(&id).await.unwrap();
    let left = script(&format!(
        "(async () => {{
            const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('seedbed');
            try {{ await folder.getDirectoryHandle('{id}'); return 'there'; }} catch (error) {{ return error.name; }}
        }})()"
    ))
    .await;
    assert_eq!(left, "NotFoundError");
    let stored = opfs::stored().await;
    assert!(!stored.contains(&id) && !stored.contains(&"list".to_owned()));
    assert!(opfs::read_meta().await.iter().all(|(name, _)| *name != id));
}

#[wasm_bindgen_test]
async fn projects_are_open_side_by_side_and_keep_apart() {
    let (one, two) = (project("one"), project("two"));
    let (first, first_pool) = opfs::open(&one, RENEWAL).await.unwrap();
    let (second, second_pool) = opfs::open(&two, RENEWAL).await.unwrap();
    first.put("name", &"first").unwrap();
    second.put("name", &"second").unwrap();
    first.close().unwrap();
    first_pool.pause().unwrap();
    assert_eq!(
        second.get::<String>("name").unwrap().as_deref(),
        Some("second")
    );
    let (first, first_pool) = opfs::open(&one, RENEWAL).await.unwrap();
    assert_eq!(
        first.get::<String>("name").unwrap().as_deref(),
        Some("first")
    );
    for (store, pool, id) in [(first, first_pool, one), (second, second_pool, two)] {
        store.close().unwrap();
        pool.pause().unwrap();
        opfs::remove(&id).await.unwrap();
    }
}

#[wasm_bindgen_test]
async fn the_list_of_projects_is_written_replaced_and_removed() {
    let id = project("list");
    opfs::write_meta(&id, "{\"long\":\"first text\"}")
        .await
        .unwrap();
    opfs::write_meta(&id, "{\"x\":\"ö\"}").await.unwrap();
    let ours = |list: Vec<(String, String)>| list.into_iter().find(|(name, _)| *name == id);
    assert_eq!(ours(opfs::read_meta().await).unwrap().1, "{\"x\":\"ö\"}");
    opfs::remove(&id).await.unwrap();
    assert_eq!(ours(opfs::read_meta().await), None);
    opfs::remove(&id).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_browser_without_streams_to_files_keeps_the_list_too() {
    let id = project("plain");
    let hidden = script(
        "(async () => { const p = FileSystemFileHandle.prototype; globalThis.kept = p.createWritable; delete p.createWritable; return 'ok'; })()",
    );
    assert_eq!(hidden.await, "ok");
    opfs::write_meta(&id, "a longer text").await.unwrap();
    opfs::write_meta(&id, "short").await.unwrap();
    script("(async () => { FileSystemFileHandle.prototype.createWritable = globalThis.kept; return 'ok'; })()").await;
    let list = opfs::read_meta().await;
    assert!(list.contains(&(id.clone(), "short".to_owned())));
    opfs::remove(&id).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_full_disk_is_told_as_such_and_loses_nothing_that_was_there() {
    let id = project("full");
    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    store
        .add_records(&[asked(&record("r0", "before", "kept"))])
        .unwrap();
    script(
        "(async () => { const p = FileSystemSyncAccessHandle.prototype; globalThis.write = p.write;
           p.write = function () { throw new DOMException('no room', 'QuotaExceededError'); }; return 'ok'; })()",
    )
    .await;
    let refused = store.add_records(&[asked(&record("r1", "after", "lost"))]);
    script("(async () => { FileSystemSyncAccessHandle.prototype.write = globalThis.write; return 'ok'; })()").await;
    assert_eq!(refused, Err(StoreError::Full));
    assert_eq!(StoreError::Full.failure().kind, FailureKind::Storage);
    assert_eq!(store.record_count().unwrap(), 1);
    store
        .add_records(&[asked(&record("r1", "after", "room again"))])
        .unwrap();
    store.close().unwrap();
    pool.pause().unwrap();
    let (store, pool) = opfs::open(&id, RENEWAL).await.unwrap();
    assert_eq!(store.record_count().unwrap(), 2);
    store.close().unwrap();
    pool.pause().unwrap();
    opfs::remove(&id).await.unwrap();
}
