//! Clocks, ids and folders of others: none of them moves what somebody else decided.

use crate::common::{Browser, World, bad, good, numbered, old_decision};
use seedbed_core::messages::{ExportKind, PromptFilter, Reply, Request};
use seedbed_core::prompt::{Cell, Prompt, PromptState};
use seedbed_core::review::{CLOCK_END_MS, CLOCK_ROOM_MS, RecordState};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

/// Changes her mind on every record, and undoes and redoes on every record: whatever was last counts.
fn changes_count(browser: &mut Browser) {
    let project = browser.project.clone();
    for view in browser.records() {
        browser.tab.respond(&project, &view, good());
        let decided = browser.tab.respond(&project, &view, bad());
        assert_eq!(decided.record.mine, Some(bad()), "{}", view.record.id);
        browser.tab.undo(&project).expect("undone");
        let decided = browser.tab.redo(&project).expect("redone");
        assert_eq!(decided.record.mine, Some(bad()), "{}", view.record.id);
    }
}

/// Times of the decisions in the project's file.
fn times(browser: &mut Browser, writer: &str) -> Vec<u64> {
    let (_, text) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["decision"].clone())
        .filter(|line| line["writer"] == writer)
        .map(|line| line["clock"]["ms"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_clock_at_the_end_of_time_is_a_problem_and_moves_nobodys() {
    let world = World::new();
    let mut owner = world.published(12);
    let mut late = old_decision("z1", "bob", "r0", u64::MAX);
    late["clock"]["n"] = json!(u32::MAX);
    let beyond = json!({"id": "z2", "writer": "bob", "on": {"record": "r1"}, "clock": {"ms": CLOCK_END_MS, "n": 0},
        "act": "respond", "status": "submitted", "answers": {"quality": "bad"}});
    world.put(
        ".seedbed/decisions/bob/1-x.jsonl",
        format!("{late}\n{beyond}\n"),
    );
    let report = owner.tab.sync(&owner.project.clone());
    assert_eq!(report.problems_total, 2, "{report:?}");
    changes_count(&mut owner);
    owner.publish().expect("published");
    let mut clone = world.colleague();
    changes_count(&mut clone);
}

#[test]
fn a_clock_just_before_its_end_counts_and_moves_nobodys() {
    let world = World::new();
    let mut owner = world.published(3);
    let mut last = old_decision("z1", "bob", "r0", CLOCK_END_MS - 1);
    last["clock"]["n"] = json!(u32::MAX);
    world.put(".seedbed/decisions/bob/1-x.jsonl", format!("{last}\n"));
    let report = owner.tab.sync(&owner.project.clone());
    assert_eq!(
        (report.problems_total, report.decisions),
        (0, 1),
        "{report:?}"
    );
    changes_count(&mut owner);
    let mine = times(&mut owner, "local");
    assert!(mine.iter().all(|ms| *ms < now_ms() + 60_000), "{mine:?}");
    let mut clone = world.colleague();
    changes_count(&mut clone);
}

#[test]
fn a_decision_of_mine_from_a_wrong_clock_elsewhere_does_not_outlive_a_later_one() {
    let world = World::new();
    let mut owner = world.published(2);
    let ahead = now_ms() + 40 * 365 * 24 * 3_600_000;
    let text = owner.record("answer 0").text;
    let mine = json!({"id": "w1", "writer": "local", "on": {"record": "r0"}, "text": text,
        "clock": {"ms": ahead, "n": 0}, "act": "respond", "status": "submitted", "answers": {"quality": "bad"}});
    world.put(".seedbed/decisions/local/9-x.jsonl", format!("{mine}\n"));
    owner.tab.sync(&owner.project.clone());
    assert_eq!(owner.record("answer 0").mine, Some(bad()));
    assert_eq!(owner.accept("answer 0").mine, Some(good()));
}

/// What somebody writes into the owner's folder who wants that she can say nothing after it.
fn forged(world: &World, clocks: &[(u64, u32)]) {
    let lines: Vec<Value> = clocks
        .iter()
        .enumerate()
        .map(|(n, (ms, counter))| {
            let mut line = old_decision(&format!("forged{n}"), "local", "r0", *ms);
            line["clock"]["n"] = json!(counter);
            line
        })
        .collect();
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    world.put(".seedbed/decisions/local/9-x.jsonl", lines.concat());
    let act = json!({"id": "forged", "writer": "local", "on": "i1", "clock": {"ms": CLOCK_END_MS - 1, "n": u32::MAX},
        "act": "add", "cell": {"topic": "t", "perspective": "p"}, "to": "Forged?", "state": "kept",
        "origin": {"kind": "typed"}});
    world.put(".seedbed/instructions/local/9-x.jsonl", format!("{act}\n"));
}

#[test]
fn a_line_forged_at_the_last_place_of_time_does_not_stop_the_one_in_whose_name_it_is() {
    let last = (CLOCK_END_MS - 1, u32::MAX);
    let cases = [
        vec![last],
        vec![(CLOCK_END_MS - 1, u32::MAX - 1), last],
        // The last one that moves a clock, too.
        vec![(CLOCK_ROOM_MS - 1, u32::MAX), (CLOCK_ROOM_MS, 0), last],
    ];
    for clocks in cases {
        let world = World::new();
        let mut owner = world.published(3);
        let known = times(&mut owner, "local").len();
        forged(&world, &clocks);
        let report = owner.tab.sync(&owner.project.clone());
        assert_eq!(report.problems_total, 0, "{report:?}");
        changes_count(&mut owner);
        // The instruction as well, whoever said last what it is.
        let prompt = instruction(&mut owner);
        assert_eq!(prompt.text, "Forged?");
        for text in ["Mine?", "Mine, once more?"] {
            owner
                .tab
                .ask(Request::EditPrompt {
                    project: owner.project.clone(),
                    id: prompt.id.clone(),
                    text: text.to_owned(),
                })
                .expect("edited");
            assert_eq!(instruction(&mut owner).text, text);
        }
        let mine = times(&mut owner, "local");
        assert!(mine.len() > known + clocks.len() + 9, "{mine:?}");
        assert!(mine.iter().all(|ms| *ms < CLOCK_END_MS), "{mine:?}");
        owner.close();
        owner.open();
        for view in owner.records() {
            assert_eq!(view.mine, Some(bad()), "{clocks:?}: {}", view.record.id);
        }
        // Whoever reads it all sees what she decided, and in the other browser she goes on from there.
        owner.publish().expect("published");
        let mut clone = world.colleague();
        for view in clone.records() {
            assert_eq!(view.mine, Some(bad()), "{clocks:?}: {}", view.record.id);
        }
        assert_eq!(instruction(&mut clone).text, "Mine, once more?");
        changes_count(&mut clone);
    }
}

#[test]
fn an_id_that_somebody_uses_again_is_another_decision() {
    let world = World::new();
    let mut owner = world.browser();
    owner.import(&numbered(2));
    owner.sign_in();
    owner.decide("answer 0", bad());
    owner.create_repo();
    owner.publish().expect("published");
    let of_owner: Value = serde_json::from_str(&world.lines("decisions")[0]).unwrap();
    let mut same = old_decision("x", "aaa", "r1", 5);
    same["id"] = of_owner["id"].clone();
    world.put(".seedbed/decisions/aaa/1-x.jsonl", format!("{same}\n"));
    owner.tab.sync(&owner.project.clone());
    for browser in [&mut owner, &mut world.colleague()] {
        assert_eq!(browser.record("answer 0").state, RecordState::Rejected);
        assert_eq!(browser.record("answer 1").state, RecordState::Accepted);
    }
}

#[test]
fn of_two_contents_under_one_key_every_browser_takes_the_same() {
    let world = World::new();
    let mut owner = world.published(1);
    let text = owner.record("answer 0").text;
    let line = |quality: &str| {
        json!({"id": "d", "writer": "bob", "on": {"record": "r0"}, "text": text, "clock": {"ms": 5, "n": 0},
            "act": "respond", "status": "submitted", "answers": {"quality": quality}})
    };
    let path = |n: u32| format!(".seedbed/decisions/bob/{n}-x.jsonl");
    // One browser sees the one first, another the other, a third both at once.
    world.put(&path(1), format!("{}\n", line("good")));
    owner.tab.sync(&owner.project.clone());
    world.put(&path(1), format!("{}\n", line("bad")));
    let mut second = world.colleague();
    world.put(&path(2), format!("{}\n", line("good")));
    let mut third = world.colleague();
    owner.tab.sync(&owner.project.clone());
    second.tab.sync(&second.project.clone());
    let mut seen = Vec::new();
    for browser in [&mut owner, &mut second, &mut third] {
        let row = browser.record("answer 0");
        let of_bob = row.others.iter().find(|other| other.writer == "bob");
        seen.push(of_bob.expect("Bob").response.clone());
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

fn instruction(browser: &mut Browser) -> Prompt {
    let asked = browser.tab.ask(Request::ListPrompts {
        project: browser.project.clone(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 5,
    });
    match asked {
        Ok(Reply::Prompts(page)) => page.prompts[0].prompt.clone(),
        other => panic!("no instructions: {other:?}"),
    }
}

fn set_state(browser: &mut Browser, state: PromptState) {
    let ids = vec![instruction(browser).id];
    let project = browser.project.clone();
    let request = Request::SetPromptState {
        project,
        ids,
        state,
    };
    browser.tab.ask(request).expect("changed");
}

#[test]
fn a_struck_instruction_with_the_last_possible_time_can_be_kept_again() {
    for updated_ms in [u64::MAX, CLOCK_END_MS - 1] {
        let world = World::new();
        let mut owner = world.published(1);
        owner
            .tab
            .ask(Request::AddPrompt {
                project: owner.project.clone(),
                cell: Cell::default(),
                text: "Why?".to_owned(),
            })
            .expect("added");
        owner.publish().expect("published");
        let mut theirs = instruction(&mut owner);
        theirs.state = PromptState::Struck;
        theirs.updated_ms = updated_ms;
        let line = serde_json::to_string(&theirs).unwrap();
        world.put(".seedbed/prompts.jsonl", format!("{line}\n"));
        owner.tab.sync(&owner.project.clone());
        if updated_ms < CLOCK_END_MS {
            assert_eq!(instruction(&mut owner).state, PromptState::Struck);
        }
        set_state(&mut owner, PromptState::Kept);
        assert_eq!(instruction(&mut owner).state, PromptState::Kept);
        owner.publish().expect("published");
        // Format 1 rewrites its file as it is; nothing changes for anybody.
        world.put(".seedbed/prompts.jsonl", format!("{line}\n\n"));
        owner.tab.sync(&owner.project.clone());
        assert_eq!(instruction(&mut owner).state, PromptState::Kept);
        assert_eq!(instruction(&mut world.colleague()).state, PromptState::Kept);
        // And it can be struck and kept as often as one likes.
        set_state(&mut owner, PromptState::Struck);
        assert_eq!(instruction(&mut owner).state, PromptState::Struck);
    }
}

#[test]
fn names_that_look_alike_as_folders_are_two_writers() {
    let world = World::new();
    let mut owner = world.published(1);
    let text = owner.record("answer 0").text;
    let forged = json!({"id": "u1", "writer": "Ösé", "on": {"record": "r0"}, "text": text,
        "clock": {"ms": 5, "n": 0}, "act": "respond", "status": "submitted", "answers": {"quality": "bad"}});
    let join = json!({"id": "u2", "writer": "Ösé", "clock": {"ms": 5, "n": 0}, "act": "join", "into": "local"});
    for folder in ["Üsà", "_s_", "%C3%9Cs%C3%A0", "%c3%96s%c3%a9", ".", "Ösé/x"] {
        let path = format!(".seedbed/decisions/{folder}/1-x.jsonl");
        if try_put(&world, &path, &format!("{forged}\n{join}\n")).is_err() {
            continue;
        }
        let report = owner.tab.sync(&owner.project.clone());
        assert_eq!(report.decisions, 0, "{folder}: {report:?}");
        assert_eq!(owner.records()[0].state, RecordState::Accepted, "{folder}");
    }
    world.put(
        ".seedbed/decisions/%C3%96s%C3%A9/1-x.jsonl",
        format!("{forged}\n"),
    );
    let report = owner.tab.sync(&owner.project.clone());
    assert_eq!(report.decisions, 1, "{report:?}");
}

/// Writes a part, unless the Hub takes no such path.
fn try_put(world: &World, path: &str, text: &str) -> Result<(), seedbed_hub::HubError> {
    let request = seedbed_hub::CommitRequest {
        summary: "x".to_owned(),
        branch: "main".to_owned(),
        operations: vec![seedbed_hub::Operation::Add {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }],
        ..seedbed_hub::CommitRequest::default()
    };
    let client = world.client();
    futures::executor::block_on(client.commit(crate::common::REPO, request, &|_| {})).map(|_| ())
}
