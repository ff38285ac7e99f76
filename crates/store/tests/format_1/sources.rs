//! Opens copies of the databases of format 1 and says what stands there. The fixtures themselves are never opened.

use super::compare::folder;
use super::state::{seed_history, state, walk};
use seedbed_store::Store;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

pub(crate) fn copy(name: &str) -> (TempDir, Store) {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("p.sqlite");
    std::fs::copy(folder().join(format!("{name}.db")), &path).expect("copied");
    let store = Store::open_file(&path).expect("a store");
    (home, store)
}

/// A copy whose names that were chosen are told to be those of its own browser.
fn own_copy(name: &str, own: &[&str]) -> (TempDir, Store) {
    let (home, store) = copy(name);
    let own: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
    store.set_own_writers(&own).expect("told");
    (home, store)
}

/// What the database says as it lies there, after the recovery of an opening, and at each step of undo.
pub(crate) fn database(name: &str, own: &[&str]) -> Value {
    let (_home, store) = own_copy(name, own);
    let as_left = state(&store)["runs"].clone();
    store.recover().expect("recovered");
    let opened = state(&store);
    let mut walks = Map::new();
    for reviewer in store.reviewers().expect("reviewers") {
        let (_home, store) = own_copy(name, own);
        store.recover().expect("recovered");
        walks.insert(reviewer.clone(), walk(&store, &reviewer));
    }
    let (_home, store) = own_copy(name, own);
    json!({
        "runs_as_left": as_left,
        "state": opened,
        "walks": walks,
        "seed_history": seed_history(&store),
    })
}
