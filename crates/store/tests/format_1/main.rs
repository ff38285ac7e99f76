//! Databases that the last build of format 1 wrote open for good. `tests/fixtures/format-1` at the top of the project
//! has them and says how they were made; `state.rs` reads what this build says of them.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::expect_used, reason = "a test stops at what it did not expect")]

mod sources;
mod state;

#[allow(dead_code, reason = "the tests of the back end use the rest")]
#[path = "../../../../tests/fixtures/format-1/compare.rs"]
mod compare;

use compare::assert_agrees;

#[test]
fn the_database_of_a_project_opens_with_everything_in_it() {
    assert_agrees("store-project", &sources::database("project"));
}

#[test]
fn the_database_with_other_texts_opens_with_everything_in_it() {
    assert_agrees("store-two-texts", &sources::database("two-texts"));
}

#[test]
fn the_database_of_a_guest_with_two_names_opens_with_everything_in_it() {
    assert_agrees("store-two-names", &sources::database("two-names"));
}
