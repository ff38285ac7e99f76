//! What the last build of format 1 wrote opens for good: the same records, outcomes, undo steps and published rows.
//!
//! `tests/fixtures/format-1` at the top of the project has the files and says how they were made; `state.rs` reads what
//! this build says of them, and is the one file to change when types do.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what it was"
)]

mod sources;
mod state;

#[path = "../../../../tests/fixtures/format-1/compare.rs"]
mod compare;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use compare::{assert_agrees, at_wrong_places};

#[test]
fn a_project_opens_with_everything_in_it() {
    assert_agrees("project", &sources::project());
}

#[test]
fn a_project_finds_its_repo_as_it_left_it() {
    assert_agrees("project-with-its-repo", &sources::project_with_its_repo());
}

#[test]
fn a_saved_project_comes_back_whole() {
    assert_agrees("bundle", &sources::bundle());
}

#[test]
fn a_repo_of_three_reviewers_opens_with_everything_in_it() {
    assert_agrees("repo", &sources::repo());
}

#[test]
fn another_text_under_a_known_id_is_there_before_the_repo_is_read() {
    assert_agrees("two-texts", &sources::two_texts());
}

#[test]
fn two_texts_under_one_id_change_nothing_else() {
    assert_agrees(
        "two-texts-with-the-repo",
        &sources::two_texts_with_the_repo(),
    );
}

#[test]
fn edits_of_two_people_change_nothing_else() {
    assert_agrees("mixed-edits", &sources::mixed_edits());
}

#[test]
fn the_two_names_of_a_guest_change_nothing_else() {
    assert_agrees("two-names", &sources::two_names());
}

/// Turn this round, place by place, when a later format says what is right.
#[test]
fn where_format_1_was_wrong_this_build_still_is() {
    for (name, actual) in [
        (
            "two-texts-with-the-repo",
            sources::two_texts_with_the_repo(),
        ),
        ("mixed-edits", sources::mixed_edits()),
        ("two-names", sources::two_names()),
    ] {
        let places = at_wrong_places(name, &actual);
        assert!(!places.is_empty(), "{name}");
        for (place, then, now) in places {
            assert!(then.is_some(), "{name}: {place} is nowhere");
            assert_eq!(then, now, "{name}: {place}");
        }
    }
}
