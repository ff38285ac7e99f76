//! What a browser keeps beside its projects: who is here, the list, and databases of other builds.

use crate::common::{Browser, World, numbered};
use crate::support::Tab;
use seedbed_core::messages::{ExportKind, FailureKind, Reply, Request};
use serde_json::{Value, json};

fn profile_path(browser: &Browser) -> std::path::PathBuf {
    browser.home.path().join("_profile.json")
}

fn profile(browser: &Browser) -> Value {
    serde_json::from_str(&std::fs::read_to_string(profile_path(browser)).unwrap()).unwrap()
}

fn begin_again(browser: &mut Browser, world: &World) {
    browser.close();
    browser.tab = Tab::open(browser.home.path(), world.url());
}

fn name(browser: &mut Browser, name: &str) {
    let name = name.to_owned();
    browser
        .tab
        .ask(Request::SetReviewer { name })
        .expect("named");
    browser.tab.run_for(20);
}

#[test]
fn the_profile_keeps_what_a_newer_build_wrote_into_it() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(1));
    browser.accept_all();
    let me = browser.tab.identity();
    let mut stored = profile(&browser);
    stored["theme"] = json!({"dark": true});
    std::fs::write(profile_path(&browser), stored.to_string()).unwrap();
    begin_again(&mut browser, &world);
    name(&mut browser, "Ann");
    let after = profile(&browser);
    assert_eq!(after["theme"], json!({"dark": true}), "{after}");
    assert_eq!(after["present"], json!(me));
}

#[test]
fn a_part_of_the_profile_that_cannot_be_read_makes_nobody_a_stranger() {
    for (key, value) in [
        ("claims", json!({"ann": {"~x": "perhaps"}})),
        ("claims", json!(7)),
        ("have_decided", json!({"since": 5})),
    ] {
        let world = World::new();
        let mut browser = world.browser();
        browser.import(&numbered(1));
        browser.accept_all();
        let me = browser.tab.identity();
        let mut stored = profile(&browser);
        stored[key] = value.clone();
        std::fs::write(profile_path(&browser), stored.to_string()).unwrap();
        begin_again(&mut browser, &world);
        assert_eq!(browser.tab.identity(), me, "{key}: {value}");
        browser.open();
        let row = browser.records().remove(0);
        assert!(
            row.mine.is_some() && row.others.is_empty(),
            "{key}: {row:?}"
        );
    }
}

#[test]
fn one_identity_that_cannot_be_read_leaves_the_others() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(1));
    browser.accept_all();
    let me = browser.tab.identity();
    let mut stored = profile(&browser);
    let newer = json!({"id": {"kind": "passkey"}, "name": "x"});
    stored["identities"]
        .as_array_mut()
        .unwrap()
        .insert(0, newer);
    std::fs::write(profile_path(&browser), stored.to_string()).unwrap();
    begin_again(&mut browser, &world);
    assert_eq!(browser.tab.identity(), me);
}

#[test]
fn a_listing_of_a_newer_build_is_named_and_left_as_it_is() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(1));
    browser.close();
    let path = browser
        .home
        .path()
        .join(format!("{}.json", browser.project));
    let newer =
        json!({"id": browser.project, "name": "Of tomorrow", "records": {"open": 3}, "mood": 5});
    std::fs::write(&path, newer.to_string()).unwrap();
    let Ok(Reply::Projects(list)) = browser.tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert_eq!(
        (list[0].name.as_str(), list[0].is_newer_format),
        ("Of tomorrow", true)
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer.to_string());
}

fn bytes(browser: &Browser) -> Vec<u8> {
    let file = browser
        .home
        .path()
        .join(format!("{}.sqlite", browser.project));
    std::fs::read(file).unwrap()
}

#[test]
fn a_database_of_a_newer_build_is_left_as_it_is() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(1));
    browser.spoil("PRAGMA user_version = 99");
    let before = bytes(&browser);
    let failure = browser
        .tab
        .ask(Request::OpenProject {
            id: browser.project.clone(),
            take_over: false,
        })
        .expect_err("newer");
    assert!(failure.what.contains("newer version"), "{failure:?}");
    assert_eq!(bytes(&browser), before);
}

#[test]
fn a_database_that_a_newer_build_only_added_to_can_be_looked_at_and_saved() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(2));
    browser.accept_all();
    browser.sign_in();
    browser.spoil(
        "INSERT INTO kv VALUES ('readable_by', '4');
         ALTER TABLE records ADD COLUMN mood TEXT;
         CREATE TABLE verdicts (id TEXT);
         INSERT INTO verdicts VALUES ('v1');
         PRAGMA user_version = 99",
    );
    let before = bytes(&browser);
    let view = browser.open();
    assert!(
        view.read_only.is_some() && view.summary.is_newer_format,
        "{view:?}"
    );
    let rows = browser.records();
    assert_eq!(rows.len(), 2);
    let identity = browser.tab.identity();
    let asked = browser.tab.ask(Request::Respond {
        project: browser.project.clone(),
        decision: crate::support::new_id(),
        identity,
        record: rows[0].record.id.clone(),
        text: rows[0].text.clone(),
        response: crate::common::bad(),
    });
    assert_eq!(
        asked.expect_err("only to look at").kind,
        FailureKind::Invalid
    );
    assert_eq!(
        browser.publish().expect_err("only to look at").kind,
        FailureKind::Invalid
    );
    let (_, text) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    browser
        .tab
        .ask(Request::Exported {
            project: browser.project.clone(),
        })
        .expect("saved");
    let (view, report) = browser
        .tab
        .import("x.seedbed.jsonl", &text, None, 99)
        .expect("read");
    assert_eq!((report.rows, view.summary.accepted), (2, 2));
    browser.close();
    assert_eq!(bytes(&browser), before);
    let Ok(Reply::Projects(list)) = browser.tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    let newer = list
        .iter()
        .find(|project| project.id == browser.project)
        .unwrap();
    assert!(newer.is_newer_format, "{newer:?}");
}
