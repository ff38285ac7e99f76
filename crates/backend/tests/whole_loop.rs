//! The whole loop natively: a real seed, the scripted model behind the real chat protocol, and the local Hub.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what it skipped"
)]

#[allow(dead_code, reason = "other tests need other parts of it")]
mod support;

use seedbed_core::messages::{
    ChangeKind, Counts, ExportKind, FailureKind, ItemState, ProjectView, PromptFilter, Reply,
    Request, RunPhase, TableState,
};
use seedbed_core::prompt::{Prompt, PromptState};
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE};
use seedbed_core::review::{Quality, RecordState, Response};
use seedbed_core::seed::Seed;
use seedbed_hub::native::NativeTransport;
use seedbed_hub::{CommitRequest, HubClient, Operation, Token};
use seedbed_hub_local::DEFAULT_TOKEN;
use seedbed_table::read;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use support::{Tab, http, hub, model, publishing};
use tempfile::tempdir;

const TABLE: &str = "data/train-00000-of-00001.parquet";
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

fn run(tab: &mut Tab, project: &str) -> seedbed_core::messages::RunStatus {
    let Ok(Reply::Run(status)) = tab.ask(Request::StartRun {
        project: project.to_owned(),
    }) else {
        panic!("not started");
    };
    tab.finish_run(&status.id)
}

fn good() -> Response {
    Response::rated(Quality::Good)
}

fn improved(question: &str, text: &str) -> Response {
    let mut response = good();
    response.set_text(question, Some(text));
    response
}

fn prompts(tab: &mut Tab, project: &str) -> Vec<Prompt> {
    let Ok(Reply::Prompts(page)) = tab.ask(Request::ListPrompts {
        project: project.to_owned(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 1000,
    }) else {
        panic!("no instructions");
    };
    page.prompts.into_iter().map(|view| view.prompt).collect()
}

/// What two browsers have to say alike of one project: everything but the order in which it came, and who looks.
fn shared(tab: &mut Tab, project: &str) -> Value {
    let records: BTreeMap<String, Value> = tab
        .records(project)
        .into_iter()
        .map(|view| {
            let told = json!([
                view.record,
                view.text,
                view.state,
                view.is_stale,
                view.messages
            ]);
            (view.record.id, told)
        })
        .collect();
    let prompts = prompts(tab, project);
    let lines = |text: String| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let accepted = lines(tab.file(project, ExportKind::AcceptedRows).1);
    let saved = tab.file(project, ExportKind::Bundle).1;
    // Its first line has the chosen model too, which is nobody else's.
    let saved = lines(saved.lines().skip(1).collect::<Vec<_>>().join("\n"));
    json!({"records": records, "instructions": prompts, "accepted": accepted, "saved": saved})
}

/// Says the first place where two states differ, not all of both.
fn assert_same(one: &Value, other: &Value) {
    fn differ(place: &str, one: &Value, other: &Value) -> Option<String> {
        match (one, other) {
            (Value::Object(one), Value::Object(other)) => one
                .keys()
                .chain(other.keys())
                .find_map(|key| differ(&format!("{place}/{key}"), one.get(key)?, other.get(key)?)),
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
                .iter()
                .zip(other)
                .enumerate()
                .find_map(|(at, (one, other))| differ(&format!("{place}/{at}"), one, other)),
            _ => (one != other).then(|| format!("{place}\n  {one}\n  {other}")),
        }
    }
    if one != other {
        let place = differ("", one, other).unwrap_or_else(|| "a key is missing".to_owned());
        panic!("{place}");
    }
}

fn client(hub: &str, token: Option<Token>) -> HubClient {
    HubClient::new(Rc::new(NativeTransport::default()), hub, token)
}

/// A file of a repo as it stands.
fn there(hub: &str, repo: &str, path: &str) -> Vec<u8> {
    let client = client(hub, None);
    futures::executor::block_on(client.read_file(repo, "main", path)).expect("a file")
}

fn state_count(counts: &Counts, wanted: RecordState) -> u32 {
    counts
        .states
        .iter()
        .find(|(state, _)| *state == wanted)
        .map_or(0, |(_, n)| *n)
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
    let rows = tab.records(&id);
    assert_eq!(rows.len(), 25);
    assert!(rows.iter().all(|row| row.record.response().len() > 20));
    assert!(rows.iter().all(|row| !row.is_stale));

    // What was answered is not asked for again.
    let Err(failure) = tab.ask(Request::StartRun {
        project: id.clone(),
    }) else {
        panic!("started again");
    };
    assert_eq!(failure.kind, FailureKind::Invalid);

    for row in &rows[..7] {
        tab.respond(&id, row, good());
    }
    let better = improved(IMPROVED_RESPONSE, "A better answer with é and 🌾.");
    tab.respond(&id, &rows[7], better);
    tab.respond(&id, &rows[8], Response::rated(Quality::Bad));
    let decided = tab.respond(&id, &rows[9], Response::discard(Some("off topic")));
    assert_eq!(state_count(&decided.counts, RecordState::Accepted), 8);
    assert_eq!(state_count(&decided.counts, RecordState::Pending), 15);

    // Undo and redo, and undo again: the log grows, the state follows.
    let undone = tab.undo(&id).expect("undone");
    assert_eq!(undone.record.state, RecordState::Pending);
    let redone = tab.redo(&id).expect("redone");
    assert_eq!(redone.record.state, RecordState::Discarded);
    let guest = tab.identity();

    tab.sign_in(DEFAULT_TOKEN);
    let created = tab.ask(Request::CreateRepo {
        project: id.clone(),
        repo: "local/farming".to_owned(),
        private: false,
    });
    assert!(matches!(created, Ok(Reply::Linked(_))), "{created:?}");
    let plan = tab.plan(&id);
    assert_eq!((plan.rows_total, plan.rows_added), (8, 8));
    // The guest's name goes with what the guest decided, and is no decision.
    assert_eq!((plan.records, plan.decisions), (25, 12));
    assert_eq!(plan.can_write, Some(true));
    assert!(!plan.sends_parts_only);
    let published = tab.publish(&id).expect("published");
    assert!(published.commit.is_some());
    let plan = tab.plan(&id);
    assert!(plan.is_empty, "{:?}", plan.files);

    // The table, read with the writer's reader; Python reads it in the journeys.
    let table = read(&there(&hub.hub_url, "local/farming", TABLE)).expect("rows");
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
    assert_eq!(there.unsaved, seedbed_core::messages::Unsaved::default());
    let there = there.summary.id;
    assert_same(&shared(&mut other, &there), &shared(&mut tab, &id));
    let theirs = other.records(&there);
    assert!(theirs.iter().all(|row| row.mine.is_none()));
    let writers: BTreeSet<&str> = theirs
        .iter()
        .flat_map(|row| &row.others)
        .map(|one| one.writer.as_str())
        .collect();
    assert_eq!(writers, BTreeSet::from([guest.as_str()]));
    assert_eq!(prompts(&mut other, &there).len() as u32, 25 + evolved.made);

    // Work of both merges: the first browser gets what the second one decides, and the other way round.
    other.sign_in(DEFAULT_TOKEN);
    other.respond(&there, &theirs[20], good());
    tab.respond(&id, &rows[21], good());
    other.publish(&there).expect("published by the other");
    assert_eq!(tab.publish(&id).expect("published").rows, 10);
    other.sync(&there);
    assert_same(&shared(&mut other, &there), &shared(&mut tab, &id));
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
        assert_eq!(tab.records(&id).len() as u32, finished);
        tab.ask(Request::ResumeRun {
            project: id.clone(),
            run: run.id,
        })
        .expect("resumed");
    }
    let end = tab.finish_run(&started.id);
    assert_eq!((end.done, end.failed), (planned, 0));
    assert_eq!(tab.records(&id).len() as u32, planned);
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
    let rows = tab.records(&id);
    assert!(!rows.is_empty(), "the example has something to review");
    tab.respond(&id, &rows[0], good());
    let edited = improved(
        IMPROVED_INSTRUCTION,
        "Which crops can I sow after \"oats\" – früh?",
    );
    tab.respond(&id, &rows[1], edited);
    tab.respond(&id, &rows[2], Response::rated(Quality::Bad));
    tab.undo(&id).expect("undone");
    let prompt = prompts(&mut tab, &id)[0].id.clone();
    tab.ask(Request::EditPrompt {
        project: id.clone(),
        id: prompt,
        text: "Was säe ich nach Hafer?\n\u{2028}Und wann?".to_owned(),
    })
    .expect("edited");
    let (name, text) = tab.file(&id, ExportKind::Bundle);
    assert!(name.ends_with(".seedbed.jsonl"), "{name}");
    let mine = shared(&mut tab, &id);
    let mut copies = Vec::new();
    for characters in [1, 7, 1000, usize::MAX] {
        let read = tab.import(&name, &text, None, characters);
        let (copy, report) = read.expect("read back");
        assert_ne!(copy.summary.id, id);
        assert_eq!(report.skipped, [] as [String; 0]);
        assert_eq!(report.rows as usize, rows.len());
        assert_eq!(copy.seed.seed, example.seed.seed);
        assert_same(&shared(&mut tab, &copy.summary.id), &mine);
        let (_, again) = tab.file(&copy.summary.id, ExportKind::Bundle);
        assert!(again == text, "cut after {characters}, it is another file");
        copies.push(copy.summary.id);
    }
    // Read into itself it changes nothing.
    let (_, report) = tab.import(&name, &text, Some(&id), 50).expect("read back");
    assert_eq!((report.rows, report.known as usize), (0, rows.len()));
    assert!(tab.file(&id, ExportKind::Bundle).1 == text);
    // One that is given up leaves no project behind.
    let Ok(Reply::Importing(import)) = tab.ask(Request::BeginImport {
        name: name.clone(),
        into: None,
    }) else {
        panic!("not begun");
    };
    tab.ask(Request::ImportPiece {
        import,
        text: text[..text.len() / 2].to_owned(),
    })
    .expect("a piece");
    tab.ask(Request::EndImport {
        import,
        gives_up: true,
    })
    .expect("given up");

    let rows = tab.file(&id, ExportKind::AcceptedRows).1;
    assert_eq!(rows.lines().count(), 2);
    let unsaved = |tab: &mut Tab| {
        tab.opened(Request::OpenProject {
            id: id.clone(),
            take_over: false,
        })
        .unsaved
    };
    assert!(unsaved(&mut tab).decisions > 0);
    tab.ask(Request::Exported {
        project: id.clone(),
    })
    .expect("told");
    assert_eq!(
        unsaved(&mut tab),
        seedbed_core::messages::Unsaved::default()
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
    assert_eq!(back.summary.accepted, 2);
    let Ok(Reply::Projects(list)) = tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert_eq!(list.len(), 1 + copies.len());
}

#[test]
fn a_farming_seed_keeps_every_key_on_the_way_through() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    let view = farming(&mut tab, &hub.hub_url);
    let (_, text) = tab.file(&view.summary.id, ExportKind::Seed);
    let before: Value = serde_json::from_str(FARMING).expect("JSON");
    let after: Value = serde_json::from_str(&text).expect("JSON");
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

/// Two people with accounts in one organisation.
fn people(hub: &str) {
    for name in ["ann", "bob"] {
        let user = json!({"name": name, "token": format!("hf_{name}"), "role": "write", "orgs": ["grove"]});
        http(hub, "POST", "/__local/users", &user.to_string());
    }
}

fn create_repo(tab: &mut Tab, project: &str, repo: &str) {
    let created = tab.ask(Request::CreateRepo {
        project: project.to_owned(),
        repo: repo.to_owned(),
        private: false,
    });
    assert!(matches!(created, Ok(Reply::Linked(_))), "{created:?}");
}

#[test]
fn two_browsers_that_edit_and_decide_at_once_come_to_the_same() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    people(&hub.hub_url);
    let homes = [tempdir().expect("a folder"), tempdir().expect("a folder")];
    let mut ann = Tab::open(homes[0].path(), &hub.hub_url);
    ann.sign_in("hf_ann");
    let a = ann.opened(Request::CreateExample).summary.id;
    create_repo(&mut ann, &a, "grove/fields");
    let rows = ann.records(&a);
    ann.respond(&a, &rows[0], good());
    ann.respond(&a, &rows[1], good());
    ann.publish(&a).expect("published");

    let mut bob = Tab::open(homes[1].path(), &hub.hub_url);
    bob.sign_in("hf_bob");
    let b = bob.opened(Request::OpenHub {
        repo: "grove/fields".to_owned(),
    });
    let b = b.summary.id;
    assert_same(&shared(&mut bob, &b), &shared(&mut ann, &a));

    // Without a look at each other's work: instructions edited and struck, and answers of two minds.
    let list = prompts(&mut ann, &a);
    let asked = rows[0].record.prompt_id.clone().expect("an instruction");
    let edit = |tab: &mut Tab, project: &str, id: &str, text: &str| {
        tab.ask(Request::EditPrompt {
            project: project.to_owned(),
            id: id.to_owned(),
            text: text.to_owned(),
        })
        .expect("edited");
    };
    let strike = |tab: &mut Tab, project: &str, id: &str| {
        tab.ask(Request::SetPromptState {
            project: project.to_owned(),
            ids: vec![id.to_owned()],
            state: PromptState::Struck,
        })
        .expect("struck");
    };
    edit(&mut ann, &a, &asked, "What would Ann ask?");
    strike(&mut bob, &b, &asked);
    let second = list.iter().find(|one| one.id != asked).expect("another");
    edit(&mut bob, &b, &second.id, "What would Bob ask?");
    edit(&mut ann, &a, &second.id, "What would Ann ask first?");
    edit(&mut ann, &a, &second.id, "What would Ann ask then?");
    ann.respond(&a, &rows[2], improved(IMPROVED_RESPONSE, "Ann's words."));
    bob.respond(&b, &rows[2], improved(IMPROVED_RESPONSE, "Bob's words."));
    bob.respond(&b, &rows[1], Response::rated(Quality::Bad));
    bob.respond(
        &b,
        &rows[3],
        improved(IMPROVED_INSTRUCTION, "Bob's question?"),
    );
    ann.respond(&a, &rows[3], good());
    ann.respond(&a, &rows[4], good());
    ann.undo(&a).expect("undone");

    ann.publish(&a).expect("published");
    bob.publish(&b).expect("published");
    ann.sync(&a);
    let told = shared(&mut ann, &a);
    assert_same(&shared(&mut bob, &b), &told);
    for (tab, project) in [(&mut ann, &a), (&mut bob, &b)] {
        let plan = tab.plan(project);
        assert!(plan.is_empty, "{:?}", plan.files);
        assert_eq!(plan.sync.problems, [] as [String; 0]);
        let views = tab.records(project);
        assert_eq!(
            [0, 1, 2, 3, 4].map(|at: usize| views[at].state),
            [
                RecordState::Accepted,
                RecordState::Disputed,
                RecordState::Disputed,
                RecordState::Accepted,
                RecordState::Pending,
            ]
        );
        assert!(views[0].is_stale, "its instruction has another text");
        let struck = prompts(tab, project);
        let struck = struck.iter().find(|one| one.id == asked).expect("there");
        assert_eq!(
            (struck.text.as_str(), struck.state),
            ("What would Ann ask?", PromptState::Struck)
        );
    }
    let table = read(&there(&hub.hub_url, "grove/fields", TABLE)).expect("rows");
    let of = |row: &seedbed_core::row::TableRow| (row.id.clone(), row.instruction.clone());
    assert_eq!(
        table.iter().map(of).collect::<BTreeMap<_, _>>(),
        BTreeMap::from([
            (
                rows[0].record.id.clone(),
                rows[0].record.instruction().to_owned()
            ),
            (rows[3].record.id.clone(), "Bob's question?".to_owned()),
        ])
    );

    // A third browser that has only the repo.
    let home = tempdir().expect("a folder");
    let mut fresh = Tab::open(home.path(), &hub.hub_url);
    let copy = fresh.opened(Request::OpenHub {
        repo: "grove/fields".to_owned(),
    });
    assert_same(&shared(&mut fresh, &copy.summary.id), &told);
}

/// Rows of somebody else, of about so many bytes each.
fn rows(count: usize, size: usize) -> String {
    let filler = "barley ".repeat(size / 7);
    (0..count)
        .map(|n| {
            json!({"instruction": format!("Question {n}?"), "response": format!("{n} {filler}")})
                .to_string()
                + "\n"
        })
        .collect()
}

#[test]
fn a_large_project_goes_up_in_commits_of_bounded_size_the_table_last() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    tab.sign_in(DEFAULT_TOKEN);
    let imported = tab.import_rows("rows.jsonl", &rows(450, 90_000), None);
    let Ok(Reply::Imported { project: view, .. }) = imported else {
        panic!("not imported: {imported:?}");
    };
    let id = view.summary.id;
    let shown = tab.records(&id);
    assert_eq!(shown.len(), 450);
    tab.respond(&id, &shown[7], good());
    create_repo(&mut tab, &id, "local/large");
    let published = tab.publish(&id).expect("published");
    assert_eq!(published.rows, 1);
    assert!(tab.plan(&id).is_empty);

    let history = http(
        &hub.hub_url,
        "GET",
        "/api/datasets/local/large/commits/main?limit=100",
        "",
    );
    let history: Value = serde_json::from_str(&history).expect("JSON");
    let mut commits: Vec<String> = history
        .as_array()
        .expect("commits")
        .iter()
        .map(|commit| commit["id"].as_str().expect("an id").to_owned())
        .collect();
    commits.reverse();
    assert_eq!(commits.last(), published.commit.as_ref());
    let client = client(&hub.hub_url, None);
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut sizes = Vec::new();
    for (at, commit) in commits.iter().enumerate() {
        let tree = client.tree("local/large", commit, "", true);
        let tree = futures::executor::block_on(tree).expect("a tree");
        let new: Vec<_> = tree
            .iter()
            .filter(|entry| entry.is_file && known.get(&entry.path) != Some(&entry.oid))
            .collect();
        assert!(new.len() <= 100, "{}", new.len());
        sizes.push(new.iter().map(|entry| entry.size).sum::<u64>());
        let is_last = at + 1 == commits.len();
        assert_eq!(new.iter().any(|entry| entry.path == TABLE), is_last);
        let new: Vec<_> = new
            .iter()
            .map(|entry| (entry.path.clone(), entry.oid.clone()))
            .collect();
        known.extend(new);
    }
    assert!(sizes.iter().all(|size| *size <= 17 << 20), "{sizes:?}");
    assert!(
        sizes.iter().filter(|size| **size > 8 << 20).count() >= 2,
        "{sizes:?}"
    );

    // The project file names the table and every part that it stands on.
    let file = there(&hub.hub_url, "local/large", ".seedbed/project.json");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    let named: BTreeSet<&str> = file["table"]["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let parts: BTreeSet<&str> = known
        .keys()
        .map(String::as_str)
        .filter(|path| path.starts_with(".seedbed/") && path.matches('/').count() == 3)
        .collect();
    assert_eq!(named, parts);
    assert!(parts.len() > 8, "{parts:?}");

    let second = tempdir().expect("a folder");
    let mut other = Tab::open(second.path(), &hub.hub_url);
    let copy = other.opened(Request::OpenHub {
        repo: "local/large".to_owned(),
    });
    assert_eq!(copy.summary.records, 450);
    assert_eq!(other.records(&copy.summary.id)[7].text, shown[7].text);
}

#[test]
fn a_table_of_somebody_else_is_left_alone_until_a_person_says_so() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    tab.sign_in(DEFAULT_TOKEN);
    let id = tab.opened(Request::CreateExample).summary.id;
    create_repo(&mut tab, &id, "local/fields");
    let rows = tab.records(&id);
    tab.respond(&id, &rows[0], good());
    tab.publish(&id).expect("published");

    // As a script that pushes a table of its own under the same path.
    let theirs = b"PAR1 of another program PAR1".to_vec();
    let client = client(&hub.hub_url, Token::new(DEFAULT_TOKEN));
    let request = CommitRequest {
        summary: "Push".to_owned(),
        branch: "main".to_owned(),
        operations: vec![Operation::Add {
            path: TABLE.to_owned(),
            bytes: theirs.clone(),
        }],
        ..CommitRequest::default()
    };
    futures::executor::block_on(client.commit("local/fields", request, &|_| {})).expect("pushed");

    tab.respond(&id, &rows[1], good());
    let plan = tab.plan(&id);
    assert!(plan.sends_parts_only && !plan.is_empty);
    let TableState::Foreign { oid, size_bytes } = plan.table.clone() else {
        panic!("{:?}", plan.table);
    };
    assert_eq!(size_bytes, theirs.len() as u64);
    assert!(
        plan.files
            .iter()
            .all(|file| file.change == ChangeKind::Added)
    );
    let published = tab.publish(&id).expect("published");
    assert!(published.commit.is_some());
    assert_eq!(there(&hub.hub_url, "local/fields", TABLE), theirs);
    let plan = tab.plan(&id);
    assert_eq!((plan.decisions, plan.records), (0, 0));
    assert!(plan.is_empty && plan.sends_parts_only, "{:?}", plan.files);

    let said = |oid: &str| match publishing(&id) {
        Request::Publish {
            project,
            summary,
            license,
            languages,
            as_pull_request,
            drops_unknown,
            ..
        } => Request::Publish {
            project,
            summary,
            license,
            languages,
            as_pull_request,
            drops_unknown,
            replaces_table: Some(oid.to_owned()),
        },
        other => other,
    };
    // Said of another table than the one that stands there, it counts for nothing.
    tab.ask(said("0000")).expect("published");
    assert_eq!(there(&hub.hub_url, "local/fields", TABLE), theirs);
    tab.ask(said(&oid)).expect("published");
    let table = read(&there(&hub.hub_url, "local/fields", TABLE)).expect("rows");
    assert_eq!(table.len(), 2);
    assert_eq!(tab.plan(&id).table, TableState::Ours);
}

/// Makes the present step of the seed's history unreadable.
fn spoil_seed(tab: &Tab, project: &str) {
    let database =
        rusqlite::Connection::open(tab.dir.join(format!("{project}.sqlite"))).expect("a database");
    let changed = database
        .execute(
            "UPDATE seed_steps SET seed = '{\"topics\": 7, half' WHERE step = (SELECT max(step) FROM seed_steps)",
            [],
        )
        .expect("changed");
    assert_eq!(changed, 1);
}

#[test]
fn a_project_whose_seed_cannot_be_read_opens_is_saved_and_mended_by_undo() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &hub.hub_url);
    let example = tab.opened(Request::CreateExample);
    let id = example.summary.id.clone();
    let rows = tab.records(&id);
    tab.respond(&id, &rows[0], good());
    let mut seed = example.seed.seed.clone();
    seed.topics.push("Hops".to_owned());
    tab.ask(Request::SaveSeed {
        project: id.clone(),
        seed,
        merge_key: String::new(),
    })
    .expect("saved");
    let before = shared(&mut tab, &id)["records"].clone();
    tab.ask(Request::CloseProject { id: id.clone() })
        .expect("closed");
    spoil_seed(&tab, &id);

    let open = Request::OpenProject {
        id: id.clone(),
        take_over: false,
    };
    let view = tab.opened(open.clone());
    let why = view.read_only.expect("it can only be looked at");
    assert!(!why.means.is_empty() && !why.next.is_empty());
    assert!(view.seed.can_undo);
    assert_eq!(view.summary.records as usize, rows.len());
    let shown = tab.records(&id);
    assert_eq!(shown.len(), rows.len());
    assert_eq!(shown[0].state, RecordState::Accepted);
    // Saved as a file, with the seed as it lies there.
    let (name, text) = tab.file(&id, ExportKind::Bundle);
    assert!(text.contains("topics") && text.lines().count() > rows.len());
    assert_eq!(tab.file(&id, ExportKind::AcceptedRows).1.lines().count(), 1);
    let Err(failure) = tab.import(&name, &text, None, 100) else {
        panic!("a seed that is none was taken in");
    };
    assert!(failure.what.contains("seed"), "{failure:?}");
    let Ok(Reply::Projects(list)) = tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert_eq!(list.len(), 1, "{list:?}");

    let Ok(Reply::Seed(mended)) = tab.ask(Request::UndoSeed {
        project: id.clone(),
    }) else {
        panic!("not undone");
    };
    assert_eq!(mended.seed, example.seed.seed);
    let view = tab.opened(open);
    assert_eq!(view.read_only, None);
    assert_eq!(shared(&mut tab, &id)["records"], before);
}

#[test]
fn one_answer_of_two_runs_is_one_row_whoever_publishes_it() {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    people(&hub.hub_url);
    let homes = [tempdir().expect("a folder"), tempdir().expect("a folder")];
    let mut ann = Tab::open(homes[0].path(), &hub.hub_url);
    ann.sign_in("hf_ann");
    let view = farming(&mut ann, &hub.hub_url);
    let a = view.summary.id.clone();
    draft_and_keep(&mut ann, &a, &view.seed.seed, 1);
    create_repo(&mut ann, &a, "grove/fields");
    ann.publish(&a).expect("published");
    let mut bob = Tab::open(homes[1].path(), &hub.hub_url);
    bob.sign_in("hf_bob");
    let there = bob.opened(Request::OpenHub {
        repo: "grove/fields".to_owned(),
    });
    let b = there.summary.id.clone();
    let mut seed = there.seed.seed.clone();
    seed.description = "Words that no answer is asked with.".to_owned();
    bob.ask(Request::SaveSeed {
        project: b.clone(),
        seed,
        merge_key: String::new(),
    })
    .expect("saved");
    bob.ask(Request::SaveSettings {
        project: b.clone(),
        settings: there.settings.clone(),
        endpoint: Some(model(&hub.hub_url)),
    })
    .expect("settings");
    run(&mut ann, &a);
    run(&mut bob, &b);
    let (hers, his) = (ann.records(&a), bob.records(&b));
    let ids = |rows: &[seedbed_core::messages::RecordView]| {
        rows.iter()
            .map(|row| row.record.id.clone())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&hers), ids(&his), "the model says the same again");
    ann.respond(&a, &hers[0], good());
    // Each in the order in which the answers came.
    let another = his.iter().find(|row| row.record.id != hers[0].record.id);
    bob.respond(&b, another.expect("another"), good());
    ann.publish(&a).expect("published");
    bob.publish(&b).expect("published");
    ann.sync(&a);
    for (tab, project) in [(&mut ann, &a), (&mut bob, &b)] {
        let plan = tab.plan(project);
        assert_eq!((plan.rows_total, plan.rows_changed), (2, 0));
        assert!(plan.is_empty, "{:?}", plan.files);
    }
    assert_same(&shared(&mut ann, &a), &shared(&mut bob, &b));
}
