//! The whole loop natively: a real seed, the scripted model behind the real chat protocol, and the local Hub.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what it skipped"
)]

mod support;

use seedbed_core::messages::{
    Counts, ExportKind, FailureKind, ItemState, ProjectView, PromptFilter, RecordFilter, Reply,
    Request, RunPhase,
};
use seedbed_core::prompt::PromptState;
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_core::seed::Seed;
use seedbed_table::read;
use std::collections::BTreeMap;
use support::{Tab, hub, model};
use tempfile::tempdir;

const FARMING: &str = include_str!("../../core/tests/data/farming-seed_data.json");

fn farming(tab: &mut Tab, hub: &str) -> ProjectView {
    let view = tab.opened(Request::ImportProject {
        name: "farming-seed_data.json".to_owned(),
        text: FARMING.to_owned(),
    });
    tab.ask(Request::SaveSettings {
        project: view.summary.id.clone(),
        settings: view.settings.clone(),
        endpoint: Some(model(hub)),
    })
    .expect("settings");
    view
}

fn draft_and_keep(tab: &mut Tab, project: &str, seed: &Seed, per_cell: u32) -> Vec<String> {
    let Ok(Reply::Drafted(report)) = tab.ask(Request::DraftPrompts {
        project: project.to_owned(),
        cells: seed.cells(),
        per_cell,
    }) else {
        panic!("not drafted");
    };
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    tab.ask(Request::SetPromptState {
        project: project.to_owned(),
        ids: report.ids.clone(),
        state: PromptState::Kept,
    })
    .expect("kept");
    report.ids
}

fn records(tab: &mut Tab, project: &str) -> Vec<seedbed_core::messages::RecordView> {
    let Ok(Reply::Records { rows, .. }) = tab.ask(Request::ListRecords {
        project: project.to_owned(),
        filter: RecordFilter::default(),
        offset: 0,
        limit: 1000,
    }) else {
        panic!("no records");
    };
    rows
}

fn run(tab: &mut Tab, project: &str) -> seedbed_core::messages::RunStatus {
    let Ok(Reply::Run(status)) = tab.ask(Request::StartRun {
        project: project.to_owned(),
    }) else {
        panic!("not started");
    };
    tab.finish_run(&status.id)
}

fn respond(tab: &mut Tab, project: &str, record: &str, response: Response) -> Counts {
    match tab.ask(Request::Respond {
        project: project.to_owned(),
        record: record.to_owned(),
        response,
    }) {
        Ok(Reply::Decided(decided)) => decided.counts,
        other => panic!("not decided: {other:?}"),
    }
}

fn good() -> Response {
    Response {
        status: ResponseStatus::Submitted,
        quality: Some(Quality::Good),
        ..Response::default()
    }
}

fn state_count(counts: &Counts, wanted: RecordState) -> u32 {
    counts
        .states
        .iter()
        .find(|(state, _)| *state == wanted)
        .map_or(0, |(_, n)| *n)
}

fn sign_in(tab: &mut Tab) {
    tab.ask(Request::SignIn {
        token: seedbed_hub_local::DEFAULT_TOKEN.to_owned(),
    })
    .expect("signed in");
}

fn publish(tab: &mut Tab, project: &str) -> Result<Reply, seedbed_core::messages::Failure> {
    tab.ask(Request::Publish {
        project: project.to_owned(),
        summary: String::new(),
        license: "cc-by-4.0".to_owned(),
        languages: vec!["en".to_owned()],
        as_pull_request: false,
    })
}

#[test]
fn a_seed_grows_into_a_published_dataset_that_another_browser_opens() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let first = tempdir().expect("a folder");
    let mut tab = Tab::open(first.path(), &hub.hub_url);
    let view = farming(&mut tab, &hub.hub_url);
    let id = view.summary.id.clone();
    let seed = view.seed.seed.clone();
    assert_eq!(seed.cells().len(), 25);

    let kept = draft_and_keep(&mut tab, &id, &seed, 1);
    assert_eq!(kept.len(), 25);
    let Ok(Reply::Drafted(evolved)) = tab.ask(Request::EvolvePrompts {
        project: id.clone(),
        prompts: kept[..2].to_vec(),
        evolution: None,
    }) else {
        panic!("not evolved");
    };
    assert_eq!(
        evolved.made + evolved.dropped.len() as u32,
        2,
        "{evolved:?}"
    );

    let Ok(Reply::Forecast(forecast)) = tab.ask(Request::Forecast {
        project: id.clone(),
    }) else {
        panic!("no forecast");
    };
    assert_eq!((forecast.to_ask, forecast.blocked), (25, None));
    let status = run(&mut tab, &id);
    assert_eq!(
        (status.phase, status.done, status.failed, status.in_flight),
        (RunPhase::Finished, 25, 0, 0)
    );
    let rows = records(&mut tab, &id);
    assert_eq!(rows.len(), 25);
    assert!(rows.iter().all(|row| row.record.response.len() > 20));

    // What was answered is not asked for again.
    let Err(failure) = tab.ask(Request::StartRun {
        project: id.clone(),
    }) else {
        panic!("started again");
    };
    assert_eq!(failure.kind, FailureKind::Invalid);

    for row in &rows[..7] {
        respond(&mut tab, &id, &row.record.id, good());
    }
    let improved = Response {
        improved_response: Some("A better answer with é and 🌾.".to_owned()),
        ..good()
    };
    respond(&mut tab, &id, &rows[7].record.id, improved);
    let bad = Response {
        quality: Some(Quality::Bad),
        ..good()
    };
    respond(&mut tab, &id, &rows[8].record.id, bad);
    let discard = Response {
        status: ResponseStatus::Discarded,
        discard_reason: Some("off topic".to_owned()),
        ..Response::default()
    };
    let counts = respond(&mut tab, &id, &rows[9].record.id, discard);
    assert_eq!(state_count(&counts, RecordState::Accepted), 8);
    assert_eq!(state_count(&counts, RecordState::Pending), 15);

    // Undo and redo, and undo again: the log grows, the state follows.
    tab.ask(Request::UndoDecision {
        project: id.clone(),
    })
    .expect("undone");
    let Ok(Reply::Decided(decided)) = tab.ask(Request::RedoDecision {
        project: id.clone(),
    }) else {
        panic!("not redone");
    };
    assert_eq!(decided.record.state, RecordState::Discarded);

    sign_in(&mut tab);
    tab.ask(Request::CreateRepo {
        project: id.clone(),
        repo: "local/farming".to_owned(),
        private: false,
    })
    .expect("a repo");
    let Ok(Reply::PublishPlan(plan)) = tab.ask(Request::PlanPublish {
        project: id.clone(),
    }) else {
        panic!("no plan");
    };
    assert_eq!((plan.rows_total, plan.rows_added), (8, 8));
    assert_eq!((plan.records, plan.decisions), (25, 12));
    assert_eq!(plan.can_write, Some(true));
    let Ok(Reply::Published(published)) = publish(&mut tab, &id) else {
        panic!("not published");
    };
    assert!(published.commit.is_some());
    let Ok(Reply::PublishPlan(plan)) = tab.ask(Request::PlanPublish {
        project: id.clone(),
    }) else {
        panic!("no plan");
    };
    assert!(plan.is_empty, "{:?}", plan.files);

    // The table, read with the writer's reader; Python reads it in the journeys.
    let client = seedbed_hub::HubClient::new(
        std::rc::Rc::new(seedbed_hub::native::NativeTransport::default()),
        &hub.hub_url,
        None,
    );
    let bytes = futures::executor::block_on(client.read_file(
        "local/farming",
        "main",
        "data/train-00000-of-00001.parquet",
    ))
    .expect("the table");
    let table = read(&bytes).expect("rows");
    assert_eq!(table.len(), 8);
    assert!(
        table
            .iter()
            .any(|row| row.edited && row.response.contains("🌾"))
    );

    // Another browser, nobody signed in.
    let second = tempdir().expect("a folder");
    let mut other = Tab::open(second.path(), &hub.hub_url);
    let there = other.opened(Request::OpenHub {
        repo: format!("{}/datasets/local/farming", hub.hub_url),
    });
    assert_eq!(there.seed.hash, view.seed.hash);
    let theirs = records(&mut other, &there.summary.id);
    let states = |rows: &[seedbed_core::messages::RecordView]| {
        rows.iter()
            .map(|row| (row.record.id.clone(), row.state))
            .collect::<BTreeMap<_, _>>()
    };
    let mine = records(&mut tab, &id);
    assert_eq!(states(&theirs), states(&mine));
    assert!(theirs.iter().all(|row| row.mine.is_none()));
    let Ok(Reply::Prompts(prompts)) = other.ask(Request::ListPrompts {
        project: there.summary.id.clone(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 100,
    }) else {
        panic!("no prompts");
    };
    assert_eq!(prompts.total, 25 + evolved.made);

    // Work of both merges: the first browser gets what the second one decides, and the other way round.
    sign_in(&mut other);
    respond(&mut other, &there.summary.id, &theirs[20].record.id, good());
    respond(&mut tab, &id, &mine[21].record.id, good());
    publish(&mut other, &there.summary.id).expect("published by the other");
    let Ok(Reply::Published(second_publish)) = publish(&mut tab, &id) else {
        panic!("not published");
    };
    assert_eq!(second_publish.rows, 10);
}

#[test]
fn a_killed_tab_keeps_every_finished_row_and_asks_for_none_again() {
    let dir = tempdir().expect("a folder");
    let mut config = seedbed_hub_local::Config::new(dir.path().join("hub"));
    config.has_scripted_model = true;
    config.model_delay_ms = 100;
    let hub = seedbed_hub_local::start(config).expect("the local Hub");
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    let view = farming(&mut tab, &hub.hub_url);
    let id = view.summary.id.clone();
    draft_and_keep(&mut tab, &id, &view.seed.seed, 2);
    let Ok(Reply::Run(started)) = tab.ask(Request::StartRun {
        project: id.clone(),
    }) else {
        panic!("not started");
    };
    let planned = started.planned;
    let mut finished = 0;
    for _ in 0..3 {
        tab.run_for(150);
        // As a killed tab: no goodbye.
        drop(tab);
        tab = Tab::open(home.path(), &hub.hub_url);
        let view = tab.opened(Request::OpenProject {
            id: id.clone(),
            take_over: false,
        });
        let run = view.run.expect("an interrupted run");
        assert_eq!(run.phase, RunPhase::Interrupted);
        assert_eq!(run.in_flight, 0);
        assert!(run.done >= finished);
        finished = run.done;
        assert_eq!(records(&mut tab, &id).len() as u32, finished);
        tab.ask(Request::ResumeRun {
            project: id.clone(),
            run: run.id,
        })
        .expect("resumed");
    }
    let end = tab.finish_run(&started.id);
    assert_eq!((end.done, end.failed), (planned, 0));
    assert_eq!(records(&mut tab, &id).len() as u32, planned);
}

#[test]
fn pausing_lets_what_is_under_way_land_and_going_on_finishes_the_rest() {
    let dir = tempdir().expect("a folder");
    let mut config = seedbed_hub_local::Config::new(dir.path().join("hub"));
    config.has_scripted_model = true;
    config.model_delay_ms = 50;
    let hub = seedbed_hub_local::start(config).expect("the local Hub");
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    let view = farming(&mut tab, &hub.hub_url);
    let id = view.summary.id.clone();
    draft_and_keep(&mut tab, &id, &view.seed.seed, 1);
    let Ok(Reply::Run(started)) = tab.ask(Request::StartRun {
        project: id.clone(),
    }) else {
        panic!("not started");
    };
    tab.run_for(80);
    tab.ask(Request::PauseRun {
        project: id.clone(),
        run: started.id.clone(),
    })
    .expect("pausing");
    let paused = tab.finish_run(&started.id);
    assert_eq!(paused.phase, RunPhase::Paused);
    assert_eq!(paused.in_flight, 0);
    assert!(paused.done < paused.planned);
    let Ok(Reply::RunItems { total, .. }) = tab.ask(Request::RunItems {
        project: id.clone(),
        run: started.id.clone(),
        state: Some(ItemState::Queued),
        offset: 0,
        limit: 1,
    }) else {
        panic!("no items");
    };
    assert_eq!(total, paused.planned - paused.done);
    tab.forget_events();
    tab.ask(Request::ResumeRun {
        project: id.clone(),
        run: started.id.clone(),
    })
    .expect("going on");
    let end = tab.finish_run(&started.id);
    assert_eq!((end.phase, end.done), (RunPhase::Finished, end.planned));
}

#[test]
fn a_saved_project_comes_back_whole_and_a_deleted_one_can_be_restored() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    let example = tab.opened(Request::CreateExample);
    let id = example.summary.id.clone();
    let rows = records(&mut tab, &id);
    assert!(!rows.is_empty(), "the example has something to review");
    respond(&mut tab, &id, &rows[0].record.id, good());
    let Ok(Reply::File { text, name, .. }) = tab.ask(Request::Export {
        project: id.clone(),
        kind: ExportKind::Bundle,
    }) else {
        panic!("no file");
    };
    let copy = tab.opened(Request::ImportProject { name, text });
    assert_ne!(copy.summary.id, id);
    assert_eq!(copy.seed.seed, example.seed.seed);
    let copied = records(&mut tab, &copy.summary.id);
    assert_eq!(
        copied
            .iter()
            .map(|row| (&row.record, row.state))
            .collect::<Vec<_>>(),
        records(&mut tab, &id)
            .iter()
            .map(|row| (&row.record, row.state))
            .collect::<Vec<_>>()
    );

    tab.ask(Request::DeleteProject { id: id.clone() })
        .expect("deleted");
    let Err(failure) = tab.ask(Request::OpenProject {
        id: id.clone(),
        take_over: false,
    }) else {
        panic!("a deleted project opened");
    };
    assert_eq!(failure.kind, FailureKind::NotFound);
    tab.ask(Request::RestoreProject { id: id.clone() })
        .expect("restored");
    let back = tab.opened(Request::OpenProject {
        id: id.clone(),
        take_over: false,
    });
    assert_eq!(back.seed.hash, example.seed.hash);
    assert_eq!(back.summary.accepted, 1);
    let Ok(Reply::Projects(list)) = tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert_eq!(list.len(), 2);
}

#[test]
fn a_farming_seed_keeps_every_key_on_the_way_through() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    let view = farming(&mut tab, &hub.hub_url);
    let Ok(Reply::File { text, .. }) = tab.ask(Request::Export {
        project: view.summary.id,
        kind: ExportKind::Seed,
    }) else {
        panic!("no file");
    };
    let before: serde_json::Value = serde_json::from_str(FARMING).expect("JSON");
    let after: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (key, value) in before.as_object().expect("an object") {
        if key == "examples" {
            continue; // Pairs of empty strings are left out.
        }
        assert_eq!(after.get(key), Some(value), "{key}");
    }
}

#[test]
fn broken_files_and_unknown_projects_are_refused_in_words_and_change_nothing() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    for text in ["", "{", "[1,2]", "a,b\n1,2\n", r#"{"seedbed_bundle":99}"#] {
        let Err(failure) = tab.ask(Request::ImportProject {
            name: "x.json".to_owned(),
            text: text.to_owned(),
        }) else {
            panic!("took in {text:?}");
        };
        assert!(!failure.what.is_empty() && !failure.next.is_empty());
    }
    for repo in ["", "no-owner", "a/b/c", "../x", "local/none"] {
        let Err(failure) = tab.ask(Request::OpenHub {
            repo: repo.to_owned(),
        }) else {
            panic!("opened {repo:?}");
        };
        assert!(!failure.what.is_empty());
    }
    let Ok(Reply::Projects(list)) = tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert!(list.is_empty(), "{list:?}");
}
