//! What the last build of format 1 wrote opens for good: the same records, outcomes, undo steps and published rows.
//!
//! `tests/fixtures/format-1` at the top of the project has the files and says how they were made; `state.rs` reads what
//! this build says of them, and is the one file to change when types do; `right.rs` says what is right where format 1 was
//! wrong.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what it was"
)]

mod published;
mod right;
mod sources;
mod state;

#[path = "../../../../tests/fixtures/format-1/compare.rs"]
mod compare;
#[path = "../../../../tests/fixtures/format-1/rules.rs"]
mod rules;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use compare::{assert_agrees, at_wrong_places, expected};
use rules::{STALE, assert_agrees_but, stale};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn a_project_opens_with_everything_in_it() {
    let actual = sources::project();
    assert_agrees_but("project", &actual, &STALE);
    // Only the description was changed, which no answer was asked with.
    assert_eq!(stale(&actual["state"]), [""; 0]);
}

/// Their ids are made otherwise by now.
#[test]
fn rows_that_format_1_imported_are_known_when_they_are_imported_again() {
    let (report, before, after) = sources::project_imported_again();
    assert_eq!((report.rows, report.known), (0, 3));
    for part in ["records", "accepted", "decisions"] {
        assert_eq!(before[part], after[part], "{part}");
    }
}

#[test]
fn a_project_finds_its_repo_as_it_left_it() {
    assert_agrees("project-with-its-repo", &sources::project_with_its_repo());
}

/// A file can say anything in anybody's name: what it says is shown and counted, and not published. Prices are asked of
/// the router.
#[test]
fn a_saved_project_comes_back_whole() {
    let actual = sources::bundle();
    let mut rules = STALE.to_vec();
    rules.extend([
        "/state/accepted/order",
        "/state/accepted/by_id/*",
        "/state/endpoint/price_in",
        "/state/endpoint/price_out",
    ]);
    assert_agrees_but("bundle", &actual, &rules);
    assert_eq!(stale(&actual["state"]), [""; 0]);
    assert_eq!(actual["state"]["accepted"]["order"], json!([]));
    assert_eq!(actual["state"]["endpoint"]["price_in"], Value::Null);
}

#[test]
fn a_saved_project_is_published_by_whoever_saved_it_once_the_repo_confirms_the_others() {
    let (alone, confirmed) = sources::bundle_of_its_owner();
    // Rows that stand on her own word alone.
    let rows = expected("bundle")["state"]["accepted"].clone();
    assert!(!alone["order"].as_array().expect("rows").is_empty());
    assert_ne!(alone, rows);
    assert_eq!(confirmed, rows);
}

#[test]
fn a_repo_of_three_reviewers_opens_with_everything_in_it() {
    assert_agrees("repo", &sources::repo());
}

#[test]
fn another_text_under_a_known_id_is_there_before_the_repo_is_read() {
    assert_agrees("two-texts", &sources::two_texts());
}

/// One of Dana's answers is the same as on the Hub. Format 1 kept it as hers; now its run and time are the Hub's, so that
/// its row is one row whoever publishes it.
#[test]
fn two_texts_under_one_id_change_nothing_else() {
    let actual = sources::two_texts_with_the_repo();
    let shared = "/state/records/by_id/db853452d9abf172e351dfe3611e12e6";
    let told = ["run_id", "created_ms"].map(|key| format!("{shared}/{key}"));
    let rules: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_agrees_but("two-texts-with-the-repo", &actual, &rules);
    let there = expected("repo");
    for place in rules {
        assert_eq!(actual.pointer(place), there.pointer(place), "{place}");
    }
}

#[test]
fn edits_of_two_people_change_nothing_else() {
    assert_agrees("mixed-edits", &sources::mixed_edits());
}

/// Every place in `wrong.json` has a value in `right.rs`, and this build says it there.
fn assert_right(name: &str, actual: &Value, right: &BTreeMap<String, Value>) {
    let places = at_wrong_places(name, actual);
    assert!(!places.is_empty(), "{name}");
    for (place, _, now) in places {
        let right = right.get(&place);
        let right = right.unwrap_or_else(|| panic!("{name}: nothing is right at {place}"));
        assert_eq!(&now.unwrap_or_default(), right, "{name}: {place}");
    }
}

#[test]
fn a_row_is_never_mixed_from_two_peoples_edits() {
    assert_right(
        "mixed-edits",
        &sources::mixed_edits(),
        &right::mixed_edits(),
    );
}

#[test]
fn the_hubs_text_keeps_the_id_and_the_other_one_takes_its_unsent_decisions_along() {
    let actual = sources::two_texts_with_the_repo();
    let right = right::two_texts();
    assert_right("two-texts-with-the-repo", &actual, &right.at);
    let records = actual["state"]["records"]["by_id"].as_object();
    let records = records.expect("records");
    assert_eq!(records.len(), 15);
    for (id, record) in &right.new_records {
        assert_eq!(records.get(id), Some(record), "{id}");
    }
    let rows = &actual["state"]["accepted"]["by_id"];
    for (id, row) in &right.new_rows {
        assert_eq!(rows.get(id), Some(row), "{id}");
    }
    assert_eq!(rows.as_object().map(serde_json::Map::len), Some(7));
}

/// Nobody but the person can say that both names are hers: until then both stay, and nothing of either is lost.
#[test]
fn the_two_names_of_a_guest_stay_until_a_person_says_whose_they_are() {
    let actual = sources::two_names();
    assert_agrees("two-names", &actual);
    for (place, then, now) in at_wrong_places("two-names", &actual) {
        assert!(then.is_some(), "{place} is nowhere");
        assert_eq!(then, now, "{place}");
    }
}

#[test]
fn an_account_that_says_both_names_are_its_own_has_one_answer_a_record() {
    let (offered, actual) = sources::two_names_of_one_account();
    assert_eq!(offered, ["Noor Example", "guest-15cbd8"]);
    assert_right("two-names", &actual, &right::two_names());
    assert_eq!(
        actual["state"]["decisions"]["joins"],
        json!({"Noor Example": "noor", "guest-15cbd8": "noor"})
    );
    // Nothing else of the log has changed.
    let before = &expected("two-names")["state"]["decisions"];
    for key in ["order", "by_id"] {
        assert_eq!(actual["state"]["decisions"][key], before[key]);
    }
}

#[test]
fn a_repo_of_format_1_is_published_with_its_parts_as_they_are() {
    published::a_repo();
}

#[test]
fn a_project_of_format_1_sends_only_what_its_repo_does_not_have() {
    published::a_project();
}

#[test]
fn two_texts_under_one_id_are_published_as_two_records_with_their_own_decisions() {
    published::other_texts();
}
