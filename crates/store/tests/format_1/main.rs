//! Databases that the last build of format 1 wrote open for good. `tests/fixtures/format-1` at the top of the project
//! has them and says how they were made; `state.rs` reads what this build says of them.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::expect_used, reason = "a test stops at what it did not expect")]

mod sources;
mod state;

#[allow(dead_code, reason = "the tests of the back end use the rest")]
#[path = "../../../../tests/fixtures/format-1/compare.rs"]
mod compare;

#[path = "../../../../tests/fixtures/format-1/rules.rs"]
mod rules;

use compare::expected;
use rules::{STALE, assert_agrees_but, stale};
use serde_json::Value;

/// What stands on the Hub was a bit beside each line. For records it holds until the files that stand there are read again,
/// once; no file counts as seen, and of decisions nothing is taken for sent that may not be.
const SENT: [&str; 2] = ["/state/unsynced/decisions", "/state/hub/seen_files"];

fn assert_opens(name: &str, own: &[&str]) -> Value {
    let actual = sources::database(name, own);
    let rules: Vec<&str> = STALE.into_iter().chain(SENT).collect();
    let name = format!("store-{name}");
    assert_agrees_but(&name, &actual, &rules);
    let state = &actual["state"];
    // Of these seeds only the description was changed, which no answer was asked with.
    assert_eq!(stale(state), [""; 0]);
    assert_eq!(state["unsynced"]["decisions"], state["decisions"]["order"]);
    // What was sent stands in a part that no tree has.
    let seen = state["hub"]["seen_files"].as_array().expect("files");
    assert!(seen.iter().all(|file| file[0] == "format 1"), "{seen:?}");
    let before = expected(&name);
    for kind in ["records", "decisions"] {
        assert_eq!(state[kind]["order"], before["state"][kind]["order"]);
    }
    actual
}

#[test]
fn the_database_of_a_project_opens_with_everything_in_it() {
    assert_opens("project", &["ines"]);
}

#[test]
fn the_database_with_other_texts_opens_with_everything_in_it() {
    assert_opens("two-texts", &["Dana"]);
}

#[test]
fn the_database_of_a_guest_with_two_names_opens_with_everything_in_it() {
    assert_opens("two-names", &["Noor Example"]);
}

/// A database does not say who sat before it: names that were chosen may have come with a file.
#[test]
fn decisions_that_were_not_on_the_hub_wait_for_whoever_made_them() {
    let (_home, store) = sources::copy("project");
    let waiting = store.unclaimed_writers().expect("writers");
    assert_eq!(waiting, [("ines".to_owned(), 11)]);
    assert_eq!(store.unsent_decision_count(), Ok(23));
    assert_eq!(
        state::state(&store)["decisions"],
        expected("store-project")["state"]["decisions"]
    );
    store.set_own_writers(&["ines".to_owned()]).expect("told");
    assert_eq!(store.unclaimed_writers(), Ok(Vec::new()));
    assert_eq!(store.unsent_decision_count(), Ok(34));
}

#[test]
fn answers_of_a_migrated_project_grow_stale_with_what_they_read() {
    let (_home, store) = sources::copy("project");
    let records = |is_imported: bool| -> Vec<String> {
        let all = store.records_after(0, u32::MAX).expect("records");
        all.into_iter()
            .map(|(_, line)| line.value.record)
            .filter(|record| record.is_imported() == is_imported)
            .map(|record| record.id)
            .collect()
    };
    let stale_now = || {
        let state = state::state(&store);
        let mut ids: Vec<String> = stale(&state).into_iter().map(str::to_owned).collect();
        ids.sort();
        ids
    };
    // The text of an instruction.
    let asked = records(false)[0].clone();
    let view = store
        .record_view(&asked, "")
        .expect("a record")
        .expect("there");
    let prompt = view.record.prompt_id.expect("an instruction");
    store
        .edit_prompt(&prompt, "Another question?", "ines", "e1", 1)
        .expect("edited");
    assert_eq!(stale_now(), [asked]);
    // The words that every answer is asked with; rows of a file were asked with none.
    let mut seed = store.seed().expect("the seed");
    seed.expert_prompt.push_str(" Be brief.");
    store.save_seed(&seed, "", 1).expect("saved");
    let mut generated = records(false);
    generated.sort();
    assert_eq!(stale_now(), generated);
    assert_eq!((generated.len(), records(true).len()), (10, 3));
    store.undo_seed(1).expect("undone");
    assert_eq!(stale_now().len(), 1);
}
