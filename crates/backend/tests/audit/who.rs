//! Who decided: one person is one vote, and nobody speaks for another.

use crate::common::{Browser, World, bad, good, numbered};
use crate::support::new_id;
use seedbed_core::identity::Identity;
use seedbed_core::messages::{ExportKind, FailureKind, Reply, Request};
use seedbed_core::review::{RecordState, Response, ResponseStatus};
use serde_json::{Value, json};

fn guest(world: &World, records: usize) -> Browser {
    let mut browser = world.browser();
    browser.import(&numbered(records));
    browser
}

fn set_name(browser: &mut Browser, name: &str) {
    let name = name.to_owned();
    let asked = browser.tab.ask(Request::SetReviewer { name });
    assert!(matches!(asked, Ok(Reply::Identities(_))), "{asked:?}");
}

fn decide(
    browser: &mut Browser,
    id: &str,
    identity: &str,
    response: Response,
) -> Result<Reply, seedbed_core::messages::Failure> {
    let view = browser.records().remove(0);
    browser.tab.ask(Request::Respond {
        project: browser.project.clone(),
        decision: id.to_owned(),
        identity: identity.to_owned(),
        record: view.record.id.clone(),
        text: view.text,
        response,
    })
}

/// Whom the account that is signed in is asked about.
fn unclaimed(browser: &mut Browser) -> Vec<Identity> {
    let asked = browser.tab.ask(Request::ListIdentities);
    let Ok(Reply::Identities(identities)) = asked else {
        panic!("nobody: {asked:?}");
    };
    identities.unclaimed
}

/// She says that they are her.
fn claim(browser: &mut Browser, from: String) {
    let are_mine = true;
    let asked = Request::ClaimDecisions { from, are_mine };
    browser.tab.ask(asked).expect("claimed");
}

/// Lines of decisions in the project's file.
fn decisions(browser: &mut Browser) -> Vec<Value> {
    let (_, text) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["decision"].clone())
        .filter(|line| line["act"].is_string() && line["act"] != "name")
        .collect()
}

#[test]
fn a_guest_who_writes_her_name_stays_one_person() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    browser.accept_all();
    browser.close();
    // On the first page, while no project is open.
    set_name(&mut browser, "Ann");
    let view = browser.open();
    assert_eq!(view.identity.name, "Ann");
    let row = browser.records().remove(0);
    assert_eq!(row.mine, Some(good()));
    assert!(row.others.is_empty(), "{:?}", row.others);
    let changed = browser.decide("answer 0", bad());
    assert_eq!(changed.state, RecordState::Rejected, "{changed:?}");
    browser
        .tab
        .undo(&browser.project.clone())
        .expect("hers to undo");
    browser
        .tab
        .undo(&browser.project.clone())
        .expect("and the first as well");
    assert_eq!(browser.records()[0].state, RecordState::Pending);
}

#[test]
fn a_name_written_in_another_tab_or_visit_changes_the_name_only() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    browser.accept_all();
    let before = browser.tab.identity();
    // A second tab of the same browser, at the same time.
    let mut second = crate::support::Tab::open(browser.home.path(), world.url());
    assert_eq!(second.identity(), before);
    second
        .ask(Request::SetReviewer {
            name: "Ann".to_owned(),
        })
        .expect("named");
    browser.decide("answer 0", bad());
    browser.close();
    browser.tab = crate::support::Tab::open(browser.home.path(), world.url());
    assert_eq!(browser.tab.identity(), before);
    browser.open();
    let row = browser.records().remove(0);
    assert_eq!((row.mine, row.others.len()), (Some(bad()), 0));
}

#[test]
fn a_guest_is_the_account_only_when_she_says_so_and_is_then_counted_once() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    browser.accept_all();
    let guest = browser.tab.identity();
    browser.sign_in();
    assert_eq!(unclaimed(&mut browser).len(), 1);
    assert_eq!(browser.records()[0].mine, None, "nobody asked her yet");
    claim(&mut browser, guest);
    let row = browser.records().remove(0);
    assert_eq!((row.mine, row.others.len()), (Some(good()), 0));
    browser.accept_all();
    browser.create_repo();
    browser.publish().expect("published");
    assert_eq!(world.table()[0].rating_count, 1);
    // Everybody else sees one person as well.
    let row = world.colleague().records().remove(0);
    assert_eq!(
        row.others.len() + usize::from(row.mine.is_some()),
        1,
        "{row:?}"
    );
}

#[test]
fn what_a_guest_typed_is_asked_about_and_goes_along_with_her() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    let guest = browser.tab.identity();
    let view = browser.records().remove(0);
    let mut typed = good();
    typed.status = ResponseStatus::Draft;
    let asked = browser.tab.ask(Request::SaveDraft {
        project: browser.project.clone(),
        identity: guest.clone(),
        record: view.record.id,
        response: Some(typed.clone()),
    });
    assert_eq!(asked, Ok(Reply::Ok));
    browser.sign_in();
    assert_eq!(browser.records()[0].mine, None, "nobody asked her yet");
    assert_eq!(unclaimed(&mut browser).len(), 1);
    claim(&mut browser, guest);
    assert_eq!(browser.records()[0].mine, Some(typed.clone()));
    // Signed out she is the guest again, and goes on with it; also in another visit.
    assert_eq!(browser.tab.ask(Request::SignOut), Ok(Reply::Ok));
    assert_eq!(browser.records()[0].mine, Some(typed.clone()));
    browser.close();
    browser.open();
    assert_eq!(browser.records()[0].mine, Some(typed));
}

#[test]
fn nobody_takes_the_decisions_of_another_by_saying_so_alone() {
    let world = World::new();
    world.user("ann");
    let mut ann = guest(&world, 1);
    ann.sign_in_as("ann");
    ann.accept_all();
    ann.create_repo();
    ann.publish().expect("published");
    // Bob says that Ann's decisions are his, that he is Ann, and takes hers back in his own folder.
    let clock = |n: u32| json!({"ms": 9_999_999_999_u64, "n": n});
    let of_ann: Value = serde_json::from_str(&world.lines("decisions")[0]).unwrap();
    let lines = [
        json!({"id": "b1", "writer": "bob", "clock": clock(0), "act": "adopt", "from": "ann"}),
        json!({"id": "b2", "writer": "bob", "clock": clock(1), "act": "join", "into": "ann"}),
        json!({"id": "b3", "writer": "bob", "on": {"record": "r0"}, "text": of_ann["text"], "clock": clock(2),
            "act": "undo", "target": of_ann["id"]}),
        json!({"id": "b4", "writer": "bob", "on": {"record": "r0"}, "text": of_ann["text"], "clock": clock(3),
            "act": "respond", "status": "submitted", "answers": {"quality": "bad"}}),
    ];
    let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    world.put(".seedbed/decisions/bob/1-x.jsonl", text);
    ann.tab.sync(&ann.project.clone());
    let row = ann.records().remove(0);
    assert_eq!(row.mine, Some(good()), "{row:?}");
    assert_eq!(row.others.len(), 1, "{row:?}");
    assert_eq!(row.state, RecordState::Disputed);
    // A line in Ann's name in Bob's folder is a problem, and counts for nothing.
    let forged =
        json!({"id": "b5", "writer": "ann", "clock": clock(4), "act": "join", "into": "bob"});
    world.put(".seedbed/decisions/bob/2-x.jsonl", format!("{forged}\n"));
    let report = ann.tab.sync(&ann.project.clone());
    assert_eq!(report.problems_total, 1, "{report:?}");
    assert_eq!(ann.records()[0].mine, Some(good()));
}

#[test]
fn the_same_decision_told_twice_counts_once() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    let identity = browser.tab.identity();
    let id = new_id();
    for _ in 0..2 {
        let asked = decide(&mut browser, &id, &identity, good());
        assert!(matches!(asked, Ok(Reply::Decided(_))), "{asked:?}");
    }
    assert_eq!(decisions(&mut browser).len(), 1);
    let undo = new_id();
    for _ in 0..2 {
        let asked = browser.tab.ask(Request::UndoDecision {
            project: browser.project.clone(),
            decision: undo.clone(),
            identity: identity.clone(),
            target: Some(id.clone()),
        });
        assert!(matches!(asked, Ok(Reply::Decided(_))), "{asked:?}");
    }
    // The page, started anew, tells what it does not know to have arrived: what was undone stays undone.
    decide(&mut browser, &id, &identity, good()).expect("told again");
    assert_eq!(browser.records()[0].state, RecordState::Pending);
    assert_eq!(decisions(&mut browser).len(), 2);
    let redo = new_id();
    for _ in 0..2 {
        let asked = browser.tab.ask(Request::RedoDecision {
            project: browser.project.clone(),
            decision: redo.clone(),
            identity: identity.clone(),
            target: Some(id.clone()),
        });
        assert!(matches!(asked, Ok(Reply::Decided(_))), "{asked:?}");
    }
    assert_eq!(browser.records()[0].state, RecordState::Accepted);
    assert_eq!(decisions(&mut browser).len(), 3);
}

#[test]
fn a_decision_is_that_of_the_identity_that_made_it_whoever_is_here_now() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    let guest = browser.tab.identity();
    let id = new_id();
    // Made as a guest, told after she signed in.
    browser.sign_in();
    decide(&mut browser, &id, &guest, good()).expect("decided");
    let told = decisions(&mut browser);
    assert_eq!(told[0]["writer"], json!(guest));
    let row = browser.records().remove(0);
    assert_eq!((row.mine, row.others.len()), (None, 1));
}

#[test]
fn what_is_decided_in_a_project_that_is_not_open_is_refused_as_busy_and_nothing_is_kept() {
    let world = World::new();
    let mut browser = guest(&world, 1);
    let identity = browser.tab.identity();
    let view = browser.records().remove(0);
    browser.close();
    let asked = browser.tab.ask(Request::Respond {
        project: browser.project.clone(),
        decision: new_id(),
        identity,
        record: view.record.id,
        text: view.text,
        response: good(),
    });
    assert_eq!(asked.expect_err("not open").kind, FailureKind::Busy);
    browser.open();
    assert_eq!(browser.records()[0].state, RecordState::Pending);
    assert!(decisions(&mut browser).is_empty());
}

#[test]
fn undo_takes_back_what_was_decided_at_this_machine_first() {
    let world = World::new();
    let mut home = guest(&world, 3);
    home.sign_in();
    home.create_repo();
    home.publish().expect("published");
    let mut work = world.colleague();
    home.decide("answer 0", good());
    work.decide("answer 1", good());
    work.publish().expect("published");
    home.tab.sync(&home.project.clone());
    assert_eq!(home.record("answer 1").state, RecordState::Accepted);
    let project = home.project.clone();
    let undone = home.tab.undo(&project).expect("undone");
    assert_eq!(undone.record.record.response(), "answer 0");
    // Then what she did elsewhere, for it is hers.
    let undone = home.tab.undo(&project).expect("undone");
    assert_eq!(undone.record.record.response(), "answer 1");
    let redone = home.tab.redo(&project).expect("redone");
    assert_eq!(redone.record.state, RecordState::Accepted);
}
