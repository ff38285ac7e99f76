//! A file can't speak in other people's names.

use crate::common::{Browser, World, bundle, good, old_decision, old_record};
use seedbed_core::messages::{ExportKind, Reply, Request};
use seedbed_core::review::RecordState;

/// A project of format 1 that somebody sent: two records that "ann" is said to have accepted.
fn sent_by_somebody(world: &World) -> Browser {
    accepted_by(world, "ann")
}

fn accepted_by(world: &World, writer: &str) -> Browser {
    let mut browser = world.browser();
    let records = [old_record("r1", "forged"), old_record("r2", "also forged")];
    let decisions = [
        old_decision("1", writer, "r1", 5),
        old_decision("2", writer, "r2", 6),
    ];
    browser.import(&bundle(&records, &decisions));
    browser
}

fn publishes_nothing_of_ann(world: &World, browser: &mut Browser) {
    let row = browser.record("forged");
    assert_eq!(row.state, RecordState::Accepted, "it counts here");
    assert!(row.others[0].is_from_file, "{row:?}");
    browser.sign_in();
    browser.create_repo();
    let plan = browser.plan();
    assert_eq!(
        (plan.rows_total, plan.unbacked_rows, plan.decisions),
        (0, 2, 0),
        "{plan:?}"
    );
    browser.publish().expect("published");
    assert!(
        world.parts("decisions").is_empty(),
        "{:?}",
        world.parts("decisions")
    );
    assert!(!world.tree().iter().any(|path| path == crate::common::TABLE));
}

#[test]
fn decisions_of_a_file_in_other_names_count_here_and_are_not_published() {
    let world = World::new();
    let mut browser = sent_by_somebody(&world);
    publishes_nothing_of_ann(&world, &mut browser);
    // With a decision of one's own the row goes out, and stands on that alone.
    browser.decide("forged", good());
    browser.publish().expect("published");
    let table = world.table();
    assert_eq!((table.len(), table[0].rating_count), (1, 1), "{table:?}");
    assert_eq!(world.lines("decisions").len(), 1);
    let row = world.colleague().record("forged");
    assert_eq!(row.others.len() + usize::from(row.mine.is_some()), 1);
}

#[test]
fn a_saved_project_of_format_2_speaks_for_nobody_else_either() {
    let world = World::new();
    let mut first = sent_by_somebody(&world);
    let (name, text) = first.tab.file(&first.project.clone(), ExportKind::Bundle);
    let mut browser = world.browser();
    let (view, _) = browser.tab.import(&name, &text, None, 1000).expect("read");
    browser.project = view.summary.id;
    publishes_nothing_of_ann(&world, &mut browser);
}

#[test]
fn a_file_brought_into_an_open_project_speaks_for_nobody_else_either() {
    let world = World::new();
    let mut first = sent_by_somebody(&world);
    let (name, text) = first.tab.file(&first.project.clone(), ExportKind::Bundle);
    let mut browser = world.browser();
    browser.import(&bundle(
        &[old_record("r1", "forged"), old_record("r2", "also forged")],
        &[],
    ));
    let project = browser.project.clone();
    browser
        .tab
        .import(&name, &text, Some(&project), 1000)
        .expect("read");
    publishes_nothing_of_ann(&world, &mut browser);
}

#[test]
fn decisions_of_a_file_that_a_person_claims_are_published_as_hers() {
    let world = World::new();
    let mut browser = accepted_by(&world, "guest-c29b43");
    browser.sign_in();
    let Ok(Reply::Identities(identities)) = browser.tab.ask(Request::ListIdentities) else {
        panic!("nobody");
    };
    let names: Vec<&str> = identities
        .unclaimed
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(names, ["guest-c29b43"]);
    browser
        .tab
        .ask(Request::ClaimDecisions {
            from: "guest-c29b43".to_owned(),
            are_mine: true,
        })
        .expect("claimed");
    browser.create_repo();
    assert_eq!(browser.plan().unbacked_rows, 0);
    browser.publish().expect("published");
    assert_eq!(world.table().len(), 2);
    let row = world.colleague().record("forged");
    assert_eq!((row.mine, row.others.len()), (Some(good()), 0));
}

#[test]
fn the_decisions_of_an_account_can_never_be_claimed_by_another() {
    let world = World::new();
    let mut browser = sent_by_somebody(&world);
    browser.sign_in();
    let Ok(Reply::Identities(identities)) = browser.tab.ask(Request::ListIdentities) else {
        panic!("nobody");
    };
    assert_eq!(identities.unclaimed, [], "ann may be an account");
    browser
        .tab
        .ask(Request::ClaimDecisions {
            from: "ann".to_owned(),
            are_mine: true,
        })
        .expect_err("two accounts are never joined");
    browser.create_repo();
    assert_eq!(browser.plan().unbacked_rows, 2);
}

#[test]
fn decisions_of_a_file_that_come_by_the_hub_too_are_as_good_as_any() {
    let world = World::new();
    world.user("ann");
    let mut ann = world.browser();
    ann.sign_in_as("ann");
    ann.import(&bundle(&[old_record("r1", "true")], &[]));
    ann.accept_all();
    let (name, text) = ann.tab.file(&ann.project.clone(), ExportKind::Bundle);
    let mut bob = world.browser();
    let (view, _) = bob.tab.import(&name, &text, None, 1000).expect("read");
    bob.project = view.summary.id;
    bob.sign_in();
    ann.create_repo();
    ann.publish().expect("published");
    bob.link();
    assert_eq!(bob.plan().unbacked_rows, 0);
    let row = bob.record("true");
    assert!(!row.others[0].is_from_file, "{row:?}");
    bob.publish().expect("published");
    assert_eq!(world.rows(), ["true"]);
}
