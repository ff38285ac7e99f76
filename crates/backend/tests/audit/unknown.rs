//! What a browser does not have is unknown to it, not removed.

use crate::common::{Browser, PROJECT, REPO, ROWS, TABLE, World, good};
use crate::support::publishing;
use seedbed_core::messages::{Failure, FailureKind, PublishPlan, Reply, Request};
use seedbed_core::question::IMPROVED_RESPONSE;
use seedbed_core::review::RecordState;
use serde_json::{Value, json};

/// The colleague accepts a row of her own and publishes as if nothing were wrong.
fn publishes_beside(colleague: &mut Browser) {
    colleague.add_row("her answer");
    let plan = colleague.plan();
    assert!(plan.sends_parts_only, "{plan:?}");
    assert!(plan.unknown_rows + plan.unknown_parts > 0, "{plan:?}");
    colleague.publish().expect("her parts are published");
}

/// Nothing of the table moved, and her row is on the Hub all the same.
fn only_parts_were_sent(world: &World, before: &[u8]) {
    assert_eq!(world.bytes(TABLE), before);
    let records = world.lines("records");
    assert!(records.iter().any(|line| line.contains("her answer")));
    let decisions = world.lines("decisions");
    assert!(!decisions.is_empty());
}

/// Does `damage` to the repo, and lets a colleague publish.
fn rows_survive(damage: impl FnOnce(&World)) -> (World, Browser, Browser) {
    let world = World::new();
    let owner = world.published(5);
    damage(&world);
    let before = world.bytes(TABLE);
    let mut colleague = world.colleague();
    publishes_beside(&mut colleague);
    only_parts_were_sent(&world, &before);
    assert_eq!(world.rows().len(), 5);
    (world, owner, colleague)
}

/// Makes a part unreadable. The colleague is told which before she publishes and after.
fn rows_survive_unreadable(part: impl FnOnce(&World) -> String) -> World {
    let mut path = String::new();
    let (world, _owner, mut colleague) = rows_survive(|world| path = part(world));
    let told = colleague.plan().sync.problems;
    assert!(told.iter().any(|one| one.starts_with(&path)), "{told:?}");
    world
}

fn record_part(world: &World) -> String {
    world.parts("records").remove(0)
}

#[test]
fn a_record_with_a_value_of_a_newer_build_is_read_and_its_row_stays() {
    let world = World::new();
    let _owner = world.published(5);
    let part = record_part(&world);
    let newer = world.text(&part).replace(
        r#""finish_reason":"stop""#,
        r#""finish_reason":"tool_calls""#,
    );
    assert!(newer.contains("tool_calls"));
    world.put(&part, newer);
    let mut colleague = world.colleague();
    assert_eq!(colleague.records().len(), 5);
    colleague.add_row("her answer");
    let plan = colleague.plan();
    assert!(!plan.sends_parts_only, "{plan:?}");
    assert_eq!(
        (plan.rows_total, plan.rows_added, plan.rows_removed),
        (6, 1, 0)
    );
    colleague.publish().expect("published");
    assert_eq!(world.rows().len(), 6);
}

#[test]
fn a_row_whose_record_lost_a_byte_stays_in_the_table() {
    let world = rows_survive_unreadable(|world| {
        let part = record_part(world);
        let text = world.text(&part);
        world.put(&part, text.replacen("{\"id\"", "\"id\"", 2));
        part
    });
    assert_eq!(world.rows().len(), 5);
}

#[test]
fn rows_of_a_part_that_is_not_utf_8_stay_in_the_table() {
    rows_survive_unreadable(|world| {
        let part = record_part(world);
        let mut bytes = world.bytes(&part);
        bytes[10] = 0xff;
        world.put(&part, bytes);
        part
    });
}

#[test]
fn rows_of_a_part_that_is_too_large_stay_in_the_table() {
    rows_survive_unreadable(|world| {
        let part = record_part(world);
        let mut bytes = world.bytes(&part);
        bytes.resize(65 * 1024 * 1024, b'\n');
        world.put(&part, bytes);
        part
    });
}

#[test]
fn rows_whose_decisions_cannot_be_read_stay_in_the_table() {
    rows_survive_unreadable(|world| {
        let part = world.parts("decisions").remove(0);
        let text = world.text(&part);
        world.put(&part, text.replace("\"clock\"", "\"watch\""));
        part
    });
}

#[test]
fn rows_stay_when_a_folder_was_deleted_and_the_owner_sends_it_again() {
    for folder in ["records", "decisions"] {
        let (world, mut owner, mut colleague) =
            rows_survive(|world| world.delete_folder(&format!(".seedbed/{folder}")));
        let plan = owner.plan();
        assert!(plan.records + plan.decisions >= 5, "{plan:?}");
        owner.publish().expect("the owner publishes");
        assert_eq!(world.lines("records").len(), 6, "{folder}");
        // Now the colleague has it all, and may write the table.
        colleague.tab.sync(&colleague.project.clone());
        assert_eq!(colleague.records().len(), 6);
        colleague.add_row("her second answer");
        let plan = colleague.plan();
        assert!(!plan.sends_parts_only, "{folder}: {plan:?}");
        assert_eq!(plan.rows_removed, 0);
        colleague.publish().expect("published");
        assert_eq!(world.rows().len(), 7, "{folder}");
    }
}

#[test]
fn what_comes_back_to_the_hub_exists_not_only_here_any_more() {
    let world = World::new();
    let mut owner = world.published(3);
    let project = owner.project.clone();
    let unsaved = |owner: &mut Browser| {
        owner.tab.sync(&project);
        let unsaved = owner.open().unsaved;
        (unsaved.records, unsaved.decisions)
    };
    assert_eq!(unsaved(&mut owner), (0, 0));
    let parts: Vec<(String, String)> = ["records", "decisions"]
        .into_iter()
        .flat_map(|folder| world.parts(folder))
        .map(|path| (path.clone(), world.text(&path)))
        .collect();
    lose_parts(&world);
    assert_eq!(unsaved(&mut owner), (3, 3));
    for (path, text) in parts {
        world.put(&path, text);
    }
    assert_eq!(unsaved(&mut owner), (0, 0));
}

#[test]
fn a_repo_that_was_made_again_gets_everything_again() {
    let world = World::new();
    let mut owner = world.published(3);
    delete_repo(&world);
    owner.create_repo();
    let plan = owner.plan();
    // The name that she gave herself goes along, and is no decision.
    assert_eq!((plan.records, plan.decisions), (3, 3), "{plan:?}");
    owner.publish().expect("published");
    assert_eq!(world.rows().len(), 3);
    let mut colleague = world.colleague();
    let states: Vec<RecordState> = colleague.records().iter().map(|row| row.state).collect();
    assert_eq!(states, [RecordState::Accepted; 3]);
    colleague.add_row("her answer");
    colleague.publish().expect("published");
    assert_eq!(world.rows().len(), 4);
}

#[test]
fn a_repo_that_was_made_again_by_hand_gets_everything_again() {
    let world = World::new();
    let mut owner = world.published(3);
    delete_repo(&world);
    futures::executor::block_on(world.client().create_dataset(REPO, false)).expect("made again");
    owner.publish().expect("published");
    assert_eq!(world.rows().len(), 3);
    assert_eq!(
        (world.lines("records").len(), world.lines("decisions").len()),
        (3, 4)
    );
}

#[test]
fn problems_are_told_by_every_sync_and_plan_until_they_are_gone() {
    let world = World::new();
    let mut owner = world.published(1);
    let bad = "{\"not\":\"yet known\"}\n";
    world.put(".seedbed/records/bob/1-x.jsonl", bad);
    let project = owner.project.clone();
    let first = owner.tab.sync(&project);
    assert_eq!(first.problems_total, 1, "{first:?}");
    assert!(
        first.problems[0].contains(".seedbed/records/bob/1-x.jsonl, line 1"),
        "{first:?}"
    );
    world.stir("x");
    let told = first.problems;
    assert_eq!(owner.tab.sync(&project).problems, told);
    assert_eq!(owner.plan().sync.problems, told);
    owner.close();
    owner.open();
    assert_eq!(owner.tab.sync(&project).problems, told, "after a reload");
    // Whoever opens the repo hears of it as well.
    assert_eq!(world.colleague().plan().sync.problems, told);
    let mended = crate::common::old_record("r9", "mended");
    world.put(".seedbed/records/bob/1-x.jsonl", format!("{mended}\n"));
    let report = owner.tab.sync(&project);
    assert_eq!((report.problems_total, report.records), (0, 1));
    owner.accept("mended");
}

#[test]
fn a_newer_build_reads_a_part_again_that_an_older_one_could_not_read() {
    let world = World::new();
    let mut owner = world.published(1);
    let line = crate::common::old_record("r9", "of a newer build");
    world.put(".seedbed/records/bob/1-x.jsonl", format!("{line}\n"));
    let project = owner.project.clone();
    owner.tab.sync(&project);
    assert_eq!(owner.records().len(), 2);
    // As an older build leaves it: the line was not understood, and the head has been seen.
    owner.spoil(
        "UPDATE parts SET is_whole = 0 WHERE path LIKE '%bob%';
         INSERT INTO problems VALUES ('.seedbed/records/bob/1-x.jsonl', 1, 'not understood');
         UPDATE kv SET value = '0' WHERE key = 'reader';",
    );
    owner.open();
    let report = owner.tab.sync(&project);
    assert_eq!(report.problems_total, 0, "{report:?}");
    assert!(!owner.plan().sends_parts_only);
}

#[test]
fn a_repo_that_needs_a_newer_build_is_read_and_added_to_but_not_rewritten() {
    for (key, value) in [("format", json!(3)), ("needs", json!(["quorum"]))] {
        let world = World::new();
        let _owner = world.published(2);
        let mut file: Value = serde_json::from_str(&world.text(PROJECT)).unwrap();
        file[key] = value;
        file["weather"] = json!({"is": "fine"});
        world.put(PROJECT, file.to_string());
        let shared = [
            PROJECT,
            TABLE,
            "README.md",
            "seed_data.json",
            ".seedbed/table.jsonl",
        ];
        let before: Vec<Vec<u8>> = shared.iter().map(|path| world.bytes(path)).collect();
        let mut colleague = world.colleague();
        assert_eq!(colleague.records().len(), 2);
        // Said as soon as it is opened.
        let view = colleague.tab.opened(Request::OpenProject {
            id: colleague.project.clone(),
            take_over: false,
        });
        assert!(view.hub.is_some_and(|hub| hub.needs_newer));
        colleague.add_row("her answer");
        let plan = colleague.plan();
        assert!(plan.sync.needs_newer && plan.sends_parts_only, "{plan:?}");
        colleague.publish().expect("published");
        let after: Vec<Vec<u8>> = shared.iter().map(|path| world.bytes(path)).collect();
        assert_eq!(after, before, "{key}");
        assert_eq!(world.lines("records").len(), 3);
        // Not even if she says that what is unknown is gone for good.
        let all = plan.unknown.or_else(|| Some("all".to_owned()));
        let asked = colleague
            .tab
            .ask(with(&colleague.project.clone(), all, None));
        assert!(asked.is_ok(), "{asked:?}");
        assert_eq!(world.bytes(TABLE), before[1]);
    }
}

#[test]
fn rows_that_are_gone_for_good_are_taken_out_by_a_person_who_says_so() {
    let world = World::new();
    let _owner = world.published(3);
    world.delete_folder(".seedbed/records");
    world.delete_folder(".seedbed/decisions");
    let mut colleague = world.colleague();
    colleague.add_row("her answer");
    let plan = colleague.plan();
    assert_eq!((plan.unknown_rows, plan.rows_removed), (3, 0), "{plan:?}");
    let asked = drops(&mut colleague, &plan);
    assert!(matches!(asked, Ok(Reply::Published(_))), "{asked:?}");
    assert_eq!(world.rows(), ["her answer"]);
    assert_eq!(colleague.plan().unknown, None);
}

/// Publishes as somebody who has read `plan` and gives up what it names.
fn drops(browser: &mut Browser, plan: &PublishPlan) -> Result<Reply, Failure> {
    assert!(plan.unknown.is_some(), "{plan:?}");
    let yes = with(&browser.project.clone(), plan.unknown.clone(), None);
    browser.tab.ask(yes)
}

/// Gives rows up, but before she does, `change` happens to the repo: nothing is sent, and the new plan is another one.
fn consent_lapses(damage: impl FnOnce(&World), change: impl FnOnce(&World, &mut Browser)) {
    let world = World::new();
    let mut owner = world.published(3);
    damage(&world);
    let mut colleague = world.colleague();
    colleague.add_row("her answer");
    let seen = colleague.plan();
    change(&world, &mut owner);
    let (tree, before) = (world.tree(), world.bytes(TABLE));
    let failure = drops(&mut colleague, &seen).expect_err("she gave up other rows");
    assert_eq!(failure.kind, FailureKind::Conflict, "{failure:?}");
    assert_eq!((world.tree(), world.bytes(TABLE)), (tree, before));
    let plan = colleague.plan();
    assert_ne!(plan.unknown, seen.unknown);
    assert!(plan.records > 0, "hers wait: {plan:?}");
    let asked = drops(&mut colleague, &plan);
    assert!(matches!(asked, Ok(Reply::Published(_))), "{asked:?}");
    assert_eq!(colleague.plan().unknown, None);
}

fn lose_parts(world: &World) {
    world.delete_folder(".seedbed/records");
    world.delete_folder(".seedbed/decisions");
}

#[test]
fn a_yes_to_losing_rows_is_none_to_losing_more_of_them() {
    consent_lapses(lose_parts, |world, owner| {
        owner.add_row("a fourth answer");
        owner.publish().expect("published");
        assert_eq!(world.rows().len(), 4);
        lose_parts(world);
    });
}

#[test]
fn a_yes_to_losing_rows_is_none_to_losing_what_they_became() {
    consent_lapses(lose_parts, |world, owner| {
        let list = world.text(ROWS);
        let before = world.rows();
        let mut edited = good();
        edited.set_text(IMPROVED_RESPONSE, Some("answer one"));
        owner.decide("answer 1", edited);
        owner.publish().expect("published");
        assert_ne!((world.rows(), world.text(ROWS)), (before, list));
        lose_parts(world);
    });
}

#[test]
fn a_yes_to_a_file_that_cannot_be_read_is_none_to_another_one() {
    let spoiled = |text: &str| format!("{text}{{\"not\": \"yet known\"}}\n");
    let damage = |world: &World| {
        let part = record_part(world);
        world.put(&part, spoiled(&world.text(&part)));
    };
    consent_lapses(damage, |world, _| {
        let part = record_part(world);
        world.put(&part, spoiled(&world.text(&part)));
    });
}

#[test]
fn a_yes_to_losing_rows_needs_none_when_they_are_back() {
    let world = World::new();
    let mut owner = world.published(3);
    lose_parts(&world);
    let mut colleague = world.colleague();
    colleague.add_row("her answer");
    let seen = colleague.plan();
    owner.publish().expect("published again");
    let asked = drops(&mut colleague, &seen);
    assert!(matches!(asked, Ok(Reply::Published(_))), "{asked:?}");
    assert_eq!(world.rows().len(), 4);
}

#[test]
fn a_row_that_was_decided_away_is_removed_and_counted_as_such() {
    let world = World::new();
    let mut owner = world.published(2);
    owner.decide("answer 0", crate::common::bad());
    let plan = owner.plan();
    assert_eq!((plan.rows_removed, plan.unknown_rows), (1, 0));
    assert!(!plan.sends_parts_only, "{plan:?}");
    owner.publish().expect("published");
    assert_eq!(world.rows(), ["answer 1"]);
    owner.decide("answer 0", good());
    owner.publish().expect("published");
    assert_eq!(world.rows().len(), 2);
}

pub(crate) fn with(project: &str, drops: Option<String>, replaces: Option<String>) -> Request {
    match publishing(project) {
        Request::Publish {
            project,
            summary,
            license,
            languages,
            as_pull_request,
            ..
        } => Request::Publish {
            project,
            summary,
            license,
            languages,
            as_pull_request,
            drops_unknown: drops,
            replaces_table: replaces,
        },
        other => other,
    }
}

/// Deletes the repo as its owner can on the Hub.
fn delete_repo(world: &World) {
    use std::io::{Read as _, Write as _};
    let host = world.url().strip_prefix("http://").unwrap();
    let body = json!({"type": "dataset", "name": "ds", "organization": "local"}).to_string();
    let mut line = std::net::TcpStream::connect(host).unwrap();
    write!(
        line,
        "DELETE /api/repos/delete HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        seedbed_hub_local::DEFAULT_TOKEN,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
