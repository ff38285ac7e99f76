//! Nothing is made in one piece that grows with the project.

use crate::common::{World, numbered};
use crate::support::http;
use seedbed_core::messages::{ExportKind, Reply, Request};
use serde_json::{Value, json};

/// Records, each of this many bytes, as lines of a file of rows.
fn rows(count: usize, size: usize) -> String {
    (0..count)
        .map(|n| {
            let row = json!({"instruction": format!("Question {n}?"), "response": format!("{n} {}", "x".repeat(size))});
            row.to_string() + "\n"
        })
        .collect()
}

fn posts(world: &World, part: &str) -> usize {
    let log = http(world.url(), "GET", "/__local/log", "");
    let log: Value = serde_json::from_str(&log).unwrap();
    let requests = log["requests"].as_array().unwrap().iter();
    requests
        .filter(|request| {
            request["method"] == "POST" && request["path"].as_str().unwrap().contains(part)
        })
        .count()
}

#[test]
fn many_small_records_go_up_in_few_commits_and_few_requests() {
    let world = World::new();
    let mut owner = world.browser();
    owner.import(&numbered(0));
    owner
        .import_into("x.jsonl", &rows(3000, 300))
        .expect("imported");
    owner.sign_in();
    owner.create_repo();
    http(world.url(), "DELETE", "/__local/log", "");
    owner.publish().expect("published");
    assert_eq!(
        (posts(&world, "/commit/"), posts(&world, "/preupload/")),
        (1, 1)
    );
    assert_eq!(world.lines("records").len(), 3000);
    // A little more is a little more to send.
    owner.add_row("one more");
    owner.publish().expect("published");
    assert_eq!(posts(&world, "/commit/"), 2);
    let parts = world.parts("records");
    let sizes: Vec<usize> = parts.iter().map(|path| world.bytes(path).len()).collect();
    assert_eq!(sizes.len(), 2, "{parts:?}");
    assert!(sizes.iter().any(|size| *size < 2000), "{sizes:?}");
}

#[test]
fn parts_stay_below_five_megabytes_and_commits_below_twenty() {
    let world = World::new();
    let mut owner = world.browser();
    owner.import(&numbered(0));
    owner
        .import_into("x.jsonl", &rows(500, 50_000))
        .expect("imported");
    owner.sign_in();
    owner.create_repo();
    http(world.url(), "DELETE", "/__local/log", "");
    owner.publish().expect("published");
    let parts = world.parts("records");
    let sizes: Vec<usize> = parts.iter().map(|path| world.bytes(path).len()).collect();
    assert!(sizes.iter().all(|size| *size < 5_000_000), "{sizes:?}");
    let total: usize = sizes.iter().sum();
    let commits = posts(&world, "/commit/");
    assert!(
        (total / 20_000_000 + 1..=total / 8_000_000 + 1).contains(&commits),
        "{commits} for {total}"
    );
}

#[test]
fn a_saved_project_comes_in_pieces_of_bounded_size() {
    let world = World::new();
    let mut owner = world.browser();
    owner.import(&numbered(0));
    owner
        .import_into("x.jsonl", &rows(120, 90_000))
        .expect("imported");
    owner.accept_all();
    for kind in [
        ExportKind::Bundle,
        ExportKind::AllRecords,
        ExportKind::AcceptedRows,
    ] {
        let (mut pieces, mut after, mut total) = (0, None, 0);
        loop {
            let asked = owner.tab.ask(Request::Export {
                project: owner.project.clone(),
                kind,
                after,
            });
            let Ok(Reply::File { piece, .. }) = asked else {
                panic!("{asked:?}");
            };
            owner.tab.forget_events();
            pieces += 1;
            total += piece.text.len();
            assert!(
                piece.text.len() < 3_000_000,
                "{kind:?}: {}",
                piece.text.len()
            );
            after = piece.next;
            if after.is_none() {
                break;
            }
        }
        assert!(
            total > 10_000_000 && pieces > 4,
            "{kind:?}: {pieces} pieces, {total}"
        );
    }
}
