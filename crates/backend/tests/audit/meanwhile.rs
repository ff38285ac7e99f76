//! What happens while something is under way.

use crate::common::{Browser, PROJECT, REPO, SEED, World, bad, good, numbered};
use crate::support::publishing;
use seedbed_core::messages::{FailureKind, Reply, Request};
use seedbed_core::seed::Seed;
use serde_json::{Value, json};

fn ready(world: &World, records: usize) -> Browser {
    let mut owner = world.browser();
    owner.import(&numbered(records));
    owner.accept_all();
    owner.sign_in();
    owner.create_repo();
    owner
}

fn slow(world: &World, path: &str, ms: u64) {
    world.fault(&json!({"kind": "delay", "delay_ms": ms, "path_contains": path}));
}

/// Ids of the table's rows, and ids in the list that stands beside it.
fn table_and_list(world: &World) -> (Vec<String>, Vec<String>) {
    let table = world.table().into_iter().map(|row| row.id).collect();
    let list = world.text(".seedbed/table.jsonl");
    let list = list.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["id"].as_str().unwrap().to_owned()
    });
    (table, list.collect())
}

#[test]
fn what_is_typed_into_the_seed_while_a_publish_runs_survives_the_next_sync() {
    for path in ["/preupload/", "/commit/"] {
        let world = World::new();
        let mut owner = ready(&world, 1);
        slow(&world, path, 800);
        let publish = owner.tab.send(publishing(&owner.project));
        owner.tab.run_for(400);
        let mut seed: Seed = owner.open().seed.seed;
        seed.topics.push("added while publishing".to_owned());
        owner
            .tab
            .ask(Request::SaveSeed {
                project: owner.project.clone(),
                seed: seed.clone(),
                merge_key: String::new(),
            })
            .expect("saved");
        let mut settings = owner.open().settings;
        settings.concurrency = 3;
        owner
            .tab
            .ask(Request::SaveSettings {
                project: owner.project.clone(),
                settings: settings.clone(),
                endpoint: None,
            })
            .expect("saved");
        owner.tab.answer_to(publish).expect("published");
        world.stir("a colleague's commit");
        let report = owner.tab.sync(&owner.project.clone());
        assert!(!report.seed_differs, "{report:?}");
        let view = owner.open();
        assert_eq!(view.seed.seed, seed, "{path}");
        assert_eq!(view.settings, settings, "{path}");
        owner.publish().expect("published");
        assert!(world.text(SEED).contains("added while publishing"));
    }
}

#[test]
fn decisions_made_while_the_table_goes_up_leave_table_and_list_of_one_mind() {
    let world = World::new();
    let mut owner = ready(&world, 3);
    slow(&world, "/preupload/", 800);
    let publish = owner.tab.send(publishing(&owner.project));
    owner.tab.run_for(400);
    owner.decide("answer 0", bad());
    owner.tab.answer_to(publish).expect("published");
    let (table, list) = table_and_list(&world);
    assert_eq!(table, list);
    assert_eq!(table.len(), 3, "as it was when it was sent");
    // What was decided meanwhile is not forgotten: it is the next change.
    let plan = owner.plan();
    assert_eq!((plan.rows_removed, plan.decisions), (1, 1), "{plan:?}");
    owner.publish().expect("published");
    let (table, list) = table_and_list(&world);
    assert_eq!((table.len(), list), (2, table));
}

#[test]
fn what_is_decided_before_the_table_is_read_stands_in_table_and_list_or_in_neither() {
    let world = World::new();
    let mut owner = ready(&world, 3);
    let go_on = owner.tab.hold_table();
    let publish = owner.tab.send(publishing(&owner.project));
    // The rows have been compared with what is published, and none is read yet.
    owner.tab.wait_for_table();
    owner.decide("answer 0", bad());
    owner.decide("answer 1", bad());
    owner.add_row("one more");
    go_on.send(()).expect("it waits");
    owner.tab.answer_to(publish).expect("published");
    let (table, list) = table_and_list(&world);
    assert_eq!(table, list);
    assert_eq!(world.rows(), ["answer 2", "one more"]);
    let file: Value = serde_json::from_str(&world.text(PROJECT)).unwrap();
    assert_eq!(file["table"]["rows"], 2);
    // What was noted as published is what was sent.
    let plan = owner.plan();
    let rows = (plan.rows_added, plan.rows_changed, plan.rows_removed);
    assert_eq!((plan.rows_total, rows), (2, (0, 0, 0)), "{plan:?}");
}

#[test]
fn a_row_accepted_and_taken_back_around_an_upload_is_not_left_in_the_table() {
    let world = World::new();
    let mut owner = ready(&world, 2);
    owner.decide("answer 0", bad());
    owner.publish().expect("published");
    assert_eq!(world.rows(), ["answer 1"]);
    owner.decide("answer 0", good());
    // The guest who accepted all is another person than the account: two for it now.
    slow(&world, "/commit/", 800);
    let publish = owner.tab.send(publishing(&owner.project));
    owner.tab.run_for(400);
    owner.tab.undo(&owner.project.clone()).expect("undone");
    owner.tab.answer_to(publish).expect("published");
    assert_eq!(world.rows().len(), 2);
    let plan = owner.plan();
    assert!(!plan.is_empty, "{plan:?}");
    assert_eq!(plan.rows_removed, 1);
    owner.publish().expect("published");
    assert_eq!(world.rows(), ["answer 1"]);
}

#[test]
fn a_lost_answer_of_a_pull_request_leaves_one_pull_request() {
    for mode in ["land_then_cut", "land_then_504", "land_then_500"] {
        let world = World::new();
        let mut owner = ready(&world, 1);
        world.stir("so that there is a branch");
        world.fault(&json!({"kind": "commit", "mode": mode}));
        let asked = owner.tab.ask(pull_request(&owner.project));
        let Ok(Reply::Published(published)) = asked else {
            panic!("{mode}: {asked:?}");
        };
        let open = world.pull_requests();
        assert_eq!(open.len(), 1, "{mode}: {open:?}");
        assert_eq!(published.pull_request, Some(open[0].number));
        // More of the same goes to the same one.
        owner.add_row("another answer");
        let asked = owner.tab.ask(pull_request(&owner.project));
        assert!(
            matches!(asked, Ok(Reply::Published(_))),
            "{mode}: {asked:?}"
        );
        assert_eq!(world.pull_requests().len(), 1, "{mode}");
    }
}

fn pull_request(project: &str) -> Request {
    let mut request = publishing(project);
    if let Request::Publish {
        as_pull_request, ..
    } = &mut request
    {
        *as_pull_request = true;
    }
    request
}

#[test]
fn a_lost_answer_of_a_commit_is_found_to_have_landed() {
    for mode in ["land_then_cut", "land_then_504", "land_then_500"] {
        let world = World::new();
        let mut owner = ready(&world, 1);
        owner.publish().expect("published");
        owner.add_row("another answer");
        world.fault(&json!({"kind": "commit", "mode": mode}));
        owner.publish().expect("published");
        assert_eq!(world.rows().len(), 2, "{mode}");
        assert_eq!(world.lines("records").len(), 2, "{mode}: sent once");
        assert!(owner.plan().is_empty, "{mode}");
    }
}

#[test]
fn stopping_the_opening_of_a_repo_leaves_nothing_behind() {
    let world = World::new();
    let _owner = world.published(3);
    let mut browser = world.browser();
    for (path, skip) in [
        ("/revision/", 0),
        ("/tree/", 0),
        ("/resolve/", 0),
        ("/resolve/", 3),
    ] {
        world.fault(
            &json!({"kind": "delay", "delay_ms": 1500, "path_contains": path, "skip": skip}),
        );
        let opening = browser.tab.send(Request::OpenHub {
            repo: REPO.to_owned(),
        });
        browser.tab.run_for(500);
        browser
            .tab
            .ask(Request::Cancel { target: opening })
            .expect("stopped");
        let failure = browser.tab.answer_to(opening).expect_err("stopped");
        assert_eq!(failure.kind, FailureKind::Cancelled, "{path}");
        browser.tab.run_for(200);
        let Ok(Reply::Projects(list)) = browser.tab.ask(Request::ListProjects) else {
            panic!("no list");
        };
        assert!(list.is_empty(), "{path}: {list:?}");
        let left: Vec<_> = std::fs::read_dir(browser.home.path())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .filter(|name| name.to_string_lossy().ends_with(".sqlite"))
            .collect();
        assert!(left.is_empty(), "{path}: {left:?}");
        crate::support::http(world.url(), "DELETE", "/__local/faults", "");
    }
    // And it can be opened afterwards.
    let view = browser.tab.opened(Request::OpenHub {
        repo: REPO.to_owned(),
    });
    assert_eq!(view.summary.records, 3);
}

#[test]
fn leaving_a_project_while_it_is_published_does_not_cut_the_publish_off() {
    let world = World::new();
    let mut owner = ready(&world, 2);
    slow(&world, "/preupload/", 600);
    let publish = owner.tab.send(publishing(&owner.project));
    owner.tab.run_for(300);
    owner.close();
    let answer = owner.tab.answer_to(publish);
    assert!(matches!(answer, Ok(Reply::Published(_))), "{answer:?}");
    assert_eq!(world.rows().len(), 2);
    // What landed is known to have landed, and the project was closed after it.
    owner.tab.run_for(100);
    let asked = owner.tab.ask(Request::RecordCounts {
        project: owner.project.clone(),
    });
    assert_eq!(asked.expect_err("closed").kind, FailureKind::Busy);
    let view = owner.open();
    assert_eq!((view.unsaved.decisions, view.unsaved.records), (0, 0));
    let plan = owner.plan();
    assert!(plan.is_empty, "{plan:?}");
}
