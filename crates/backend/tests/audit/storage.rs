//! A storage that refuses, a clock that jumps, a tab that dies: nothing is lost, and the way out stays open.

use crate::common::{Browser, World, good, numbered};
use crate::place::{DAY, Place, Seat};
use crate::support::{model, new_id};
use seedbed_core::messages::{
    ExportKind, Failure, FailureKind, ItemState, PromptFilter, RecordFilter, Reply, Request,
    RunPhase,
};
use seedbed_core::prompt::Cell;
use serde_json::json;

/// Everything that is written to.
const TABLES: [&str; 14] = [
    "kv",
    "seed_steps",
    "prompts",
    "records",
    "texts",
    "asked",
    "accepted",
    "decisions",
    "steps",
    "drafts",
    "counts",
    "runs",
    "run_items",
    "instruction_acts",
];

/// The storage refuses every change, as a full disk does.
fn refuse(database: &rusqlite::Connection) {
    for table in TABLES {
        for act in ["INSERT", "UPDATE", "DELETE"] {
            database
                .execute_batch(&format!(
                    "CREATE TRIGGER refuses_{table}_{act} BEFORE {act} ON {table}
                     BEGIN SELECT RAISE(ABORT, 'no room'); END"
                ))
                .expect("refusing");
        }
    }
}

fn take(database: &rusqlite::Connection) {
    for table in TABLES {
        for act in ["INSERT", "UPDATE", "DELETE"] {
            database
                .execute_batch(&format!("DROP TRIGGER refuses_{table}_{act}"))
                .expect("taking again");
        }
    }
}

fn cell(topic: &str) -> Cell {
    Cell {
        topic: topic.to_owned(),
        perspective: String::new(),
    }
}

/// A project with so many kept instructions and the scripted model.
fn with_instructions(world: &World, count: usize) -> Browser {
    let mut browser = world.browser();
    browser.import(&numbered(0));
    for n in 0..count {
        browser
            .tab
            .ask(Request::AddPrompt {
                project: browser.project.clone(),
                cell: cell("t"),
                text: format!("Question {n}: how deep?"),
            })
            .expect("added");
    }
    let settings = browser.open().settings;
    browser
        .tab
        .ask(Request::SaveSettings {
            project: browser.project.clone(),
            settings,
            endpoint: Some(model(world.url())),
        })
        .expect("saved");
    browser
}

#[test]
fn a_run_whose_storage_failed_finishes_all_its_rows_when_there_is_room_again() {
    let world = World::with_slow_model(300);
    let mut browser = with_instructions(&world, 12);
    let project = browser.project.clone();
    // Some answers fail for now, so that rows have to wait again while nothing can be noted.
    world.fault(&json!({"kind": "model", "mode": "overloaded", "times": 4}));
    let asked = browser.tab.ask(Request::StartRun {
        project: project.clone(),
    });
    let Ok(Reply::Run(run)) = asked else {
        panic!("{asked:?}");
    };
    browser.tab.run_for(200);
    let database = browser.database();
    refuse(&database);
    let status = browser.tab.finish_run(&run.id);
    assert_eq!(status.phase, RunPhase::Paused, "{status:?}");
    assert_eq!(
        status.stopped_by.map(|failure| failure.kind),
        Some(FailureKind::Storage)
    );
    browser.tab.run_for(500);
    take(&database);
    browser.tab.forget_events();
    browser
        .tab
        .ask(Request::ResumeRun {
            project: project.clone(),
            run: run.id.clone(),
        })
        .expect("goes on");
    let status = browser.tab.finish_run(&run.id);
    assert_eq!(
        (status.phase, status.planned, status.done, status.failed),
        (RunPhase::Finished, 12, 12, 0),
        "{status:?}"
    );
    assert_eq!(browser.records().len(), 12);
    let asked = browser.tab.ask(Request::RunItems {
        project,
        run: run.id,
        state: Some(ItemState::InFlight),
        offset: 0,
        limit: 5,
    });
    assert!(
        matches!(asked, Ok(Reply::RunItems { total: 0, .. })),
        "{asked:?}"
    );
}

#[test]
fn rows_that_could_not_be_noted_as_waiting_are_asked_for_when_the_run_goes_on() {
    let world = World::with_slow_model(1000);
    let mut browser = with_instructions(&world, 6);
    let project = browser.project.clone();
    // All that is under way fails for now, and that cannot be noted; what is known of the run itself still can.
    world.fault(&json!({"kind": "model", "mode": "truncated", "times": 6}));
    let asked = browser.tab.ask(Request::StartRun {
        project: project.clone(),
    });
    let Ok(Reply::Run(run)) = asked else {
        panic!("{asked:?}");
    };
    let database = browser.database();
    let in_flight = || -> u32 {
        database
            .query_row(
                "SELECT count(*) FROM run_items WHERE state = 'in_flight'",
                [],
                |row| row.get(0),
            )
            .expect("rows")
    };
    while in_flight() < 6 {
        browser.tab.run_for(5);
    }
    database
        .execute_batch(
            "CREATE TRIGGER refuses BEFORE UPDATE ON run_items
             BEGIN SELECT RAISE(ABORT, 'no room'); END",
        )
        .expect("refusing");
    let status = browser.tab.finish_run(&run.id);
    assert_eq!(status.phase, RunPhase::Paused, "{status:?}");
    database
        .execute_batch("DROP TRIGGER refuses")
        .expect("taking again");
    assert_eq!(in_flight(), 6, "not under way, and not noted as waiting");
    browser.tab.forget_events();
    browser
        .tab
        .ask(Request::ResumeRun {
            project,
            run: run.id.clone(),
        })
        .expect("goes on");
    let status = browser.tab.finish_run(&run.id);
    assert_eq!(
        (status.phase, status.planned, status.done, status.failed),
        (RunPhase::Finished, 6, 6, 0),
        "{status:?}"
    );
    assert_eq!(browser.records().len(), 6);
}

#[test]
fn a_project_opens_and_is_saved_as_a_file_while_the_storage_is_full() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(2));
    browser.accept_all();
    browser.close();
    // Somebody is signed in, as at most openings.
    browser.sign_in();
    refuse(&browser.database());
    let view = browser.open();
    assert_eq!(view.summary.accepted, 2);
    assert_eq!(browser.records().len(), 2);
    let (_, text) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    let (view, report) = browser
        .tab
        .import("x.seedbed.jsonl", &text, None, 500)
        .expect("a copy");
    assert_eq!((report.rows, view.summary.records), (2, 2));
    // A change is refused in words, and the next one works when there is room.
    let row = browser.records().remove(0);
    let identity = browser.tab.identity();
    let respond = Request::Respond {
        project: browser.project.clone(),
        decision: new_id(),
        identity,
        record: row.record.id,
        text: row.text,
        response: crate::common::bad(),
    };
    let failure = browser.tab.ask(respond.clone()).expect_err("no room");
    assert_eq!(failure.kind, FailureKind::Storage);
    take(&browser.database());
    assert!(browser.tab.ask(respond).is_ok());
}

#[test]
fn drafts_of_other_cells_are_kept_when_one_finds_no_room() {
    let world = World::new();
    let mut browser = with_instructions(&world, 0);
    browser
        .database()
        .execute_batch(
            "CREATE TRIGGER refuses BEFORE INSERT ON instruction_acts WHEN NEW.json LIKE '%\"topic\":\"full\"%'
             BEGIN SELECT RAISE(ABORT, 'no room'); END",
        )
        .expect("refusing");
    let asked = browser.tab.ask(Request::DraftPrompts {
        project: browser.project.clone(),
        cells: ["full", "barley", "rye", "oats"].map(cell).to_vec(),
        per_cell: 2,
    });
    let Ok(Reply::Drafted(report)) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(report.failed.len(), 1, "{report:?}");
    assert_eq!(report.failed[0].cell, cell("full"));
    assert_eq!(report.failed[0].failure.kind, FailureKind::Storage);
    let asked = browser.tab.ask(Request::ListPrompts {
        project: browser.project.clone(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 100,
    });
    let Ok(Reply::Prompts(page)) = asked else {
        panic!("{asked:?}");
    };
    for topic in ["barley", "rye", "oats"] {
        let kept = page
            .prompts
            .iter()
            .filter(|view| view.prompt.cell.topic == topic);
        assert!(kept.count() > 0, "{topic}: {page:?}");
    }
    assert_eq!(page.total, report.made);
}

fn delete(seat: &mut Seat, id: &str) -> Result<Reply, Failure> {
    seat.ask(Request::DeleteProject { id: id.to_owned() })
}

fn is_listed(seat: &mut Seat, id: &str) -> bool {
    seat.list().iter().any(|project| project.id == id)
}

#[test]
fn a_deleted_project_can_be_restored_for_a_week_by_any_clock() {
    let world = World::new();
    let place = Place::new();
    let mut seat = place.tab(&world);
    let id = seat.import(&numbered(1));
    delete(&mut seat, &id).expect("deleted");
    // Within one visit a week has not gone by, whatever the clock says.
    place.later(400 * DAY);
    assert!(is_listed(&mut seat, &id));
    place.now_ms.set(place.now_ms.get() - 400 * DAY);
    place.later(6 * DAY);
    seat.dies();
    let mut seat = place.tab(&world);
    assert!(is_listed(&mut seat, &id));
    seat.ask(Request::RestoreProject { id: id.clone() })
        .expect("restored");
    delete(&mut seat, &id).expect("deleted");
    place.later(8 * DAY);
    seat.dies();
    let mut seat = place.tab(&world);
    assert!(!is_listed(&mut seat, &id), "it had its week");
    assert_eq!(*place.removed.borrow(), [id]);
}

#[test]
fn a_project_deleted_by_a_clock_that_was_wrong_is_not_purged_at_once() {
    for wrong in [5 * DAY, 4_000_000_000_000] {
        let world = World::new();
        let place = Place::new();
        let mut seat = place.tab(&world);
        let id = seat.import(&numbered(1));
        let right = place.now_ms.get();
        place.now_ms.set(wrong);
        delete(&mut seat, &id).expect("deleted");
        seat.dies();
        place.now_ms.set(right);
        let mut seat = place.tab(&world);
        assert!(is_listed(&mut seat, &id), "{wrong}");
        assert!(place.removed.borrow().is_empty());
        seat.ask(Request::RestoreProject { id }).expect("restored");
        assert_eq!(seat.list()[0].records, 1);
    }
}

#[test]
fn a_project_that_another_tab_has_is_neither_deleted_nor_purged() {
    let world = World::new();
    let place = Place::new();
    let mut first = place.tab(&world);
    let id = first.import(&numbered(1));
    let mut second = place.tab(&world);
    let failure = delete(&mut second, &id).expect_err("the first tab has it");
    assert_eq!(failure.kind, FailureKind::Busy);
    // Marked long ago by a build that did not ask: still nobody takes it out of the first tab's hands.
    let listing = place.listings.borrow()[&id].clone();
    let mut listing: serde_json::Value = serde_json::from_str(&listing).unwrap();
    listing["deleted_ms"] = json!(place.now_ms.get());
    listing["updated_ms"] = json!(1);
    place
        .listings
        .borrow_mut()
        .insert(id.clone(), listing.to_string());
    place.later(30 * DAY);
    let mut third = place.tab(&world);
    assert!(is_listed(&mut third, &id));
    assert!(place.removed.borrow().is_empty());
}

#[test]
fn the_list_is_right_after_a_tab_that_died_within_the_second() {
    let world = World::new();
    let place = Place::new();
    let mut seat = place.tab(&world);
    let id = seat.import(&numbered(8));
    seat.ask(Request::CloseProject { id: id.clone() })
        .expect("closed");
    seat.ask(Request::OpenProject {
        id: id.clone(),
        take_over: false,
    })
    .expect("opened");
    let Ok(Reply::Around { rows, .. }) = seat.ask(Request::RecordsAround {
        project: id.clone(),
        filter: RecordFilter::default(),
        anchor: None,
        before: 0,
        after: 1,
    }) else {
        panic!("no records");
    };
    let Ok(Reply::Identities(identities)) = seat.ask(Request::ListIdentities) else {
        panic!("nobody");
    };
    let respond = Request::Respond {
        project: id.clone(),
        decision: new_id(),
        identity: identities.present.id,
        record: rows[0].record.id.clone(),
        text: rows[0].text.clone(),
        response: good(),
    };
    seat.ask(respond).expect("decided");
    seat.dies();
    let mut seat = place.tab(&world);
    let list = seat.list();
    assert_eq!((list[0].accepted, list[0].records), (1, 8), "{list:?}");
}

#[test]
fn a_list_in_one_tab_is_right_while_another_tab_works() {
    let world = World::new();
    let place = Place::new();
    let mut first = place.tab(&world);
    let id = first.import(&numbered(3));
    let mut second = place.tab(&world);
    let list = second.list();
    assert!(list[0].is_open, "its figures may be old: {list:?}");
    first.ask(Request::CloseProject { id }).expect("closed");
    assert!(!second.list()[0].is_open);
}

/// A saved project with three records.
fn saved_file(world: &World) -> String {
    let mut browser = world.browser();
    browser.import(&numbered(3));
    let project = browser.project.clone();
    browser.tab.file(&project, ExportKind::Bundle).1
}

/// Begins to read a file, as far as it is given.
fn begins_import(tab: &mut Seat, text: &str) -> u32 {
    let begun = tab.ask(Request::BeginImport {
        name: "b.jsonl".to_owned(),
        into: None,
    });
    let Ok(Reply::Importing(import)) = begun else {
        panic!("not begun: {begun:?}");
    };
    let text = text.to_owned();
    tab.ask(Request::ImportPiece { import, text })
        .expect("read");
    import
}

#[test]
fn what_a_tab_that_died_had_read_of_a_file_is_found_and_removed() {
    let world = World::new();
    let text = saved_file(&world);
    let place = Place::new();
    let mut tab = place.tab(&world);
    let kept = tab.import(&numbered(2));
    tab.ask(Request::CloseProject { id: kept.clone() })
        .expect("closed");
    begins_import(&mut tab, &text);
    // Another tab looks at its list while the file is being read: that is somebody's.
    let mut other = place.tab(&world);
    assert_eq!(other.list().len(), 1);
    assert_eq!(*place.removed.borrow(), Vec::<String>::new());
    drop(other);
    tab.dies();
    let mut tab = place.tab(&world);
    let ids: Vec<String> = tab.list().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, std::slice::from_ref(&kept));
    assert_eq!(place.removed.borrow().len(), 1);
    assert_eq!(place.databases(), [kept]);
}

#[test]
fn a_project_that_lost_its_place_in_the_list_is_listed_again_and_nothing_of_it_is_removed() {
    let world = World::new();
    let text = saved_file(&world);
    let place = Place::new();
    let mut tab = place.tab(&world);
    // Finished, and the tab died before it was listed; and one with nothing but a name.
    let import = begins_import(&mut tab, &text);
    let ended = tab.ask(Request::EndImport {
        import,
        gives_up: false,
    });
    assert!(matches!(ended, Ok(Reply::Imported { .. })), "{ended:?}");
    let named = tab.ask(Request::CreateProject {
        name: "Bees".to_owned(),
    });
    assert!(matches!(named, Ok(Reply::Opened(_))), "{named:?}");
    tab.dies();
    place.listings.borrow_mut().clear();
    // Nothing, not even a name: made the moment before.
    let empty = "00000000000000aa";
    // And a folder that a newer build has beside the projects.
    for id in [empty, "models"] {
        let store = seedbed_store::Store::open_file(&place.database(id)).expect("a store");
        store.close().expect("closed");
    }
    // What can't be read is somebody's too.
    std::fs::write(place.database("00000000000000bb"), "no database").expect("written");
    let mut tab = place.tab(&world);
    let mut found: Vec<(String, u32)> = tab
        .list()
        .into_iter()
        .map(|one| (one.name, one.records))
        .collect();
    found.sort();
    assert_eq!(found, [("Bees".to_owned(), 0), ("d".to_owned(), 3)]);
    assert_eq!(*place.removed.borrow(), [empty]);
    assert!(place.database("models").exists());
    assert!(place.database("00000000000000bb").exists());
    // And each opens.
    for project in tab.list() {
        let (id, take_over) = (project.id, false);
        let opened = tab.ask(Request::OpenProject { id, take_over });
        assert!(matches!(opened, Ok(Reply::Opened(_))), "{opened:?}");
    }
}
