//! Tables that people bring, from bytes to records, instructions and a report.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test may panic and say why"
)]

#[allow(dead_code, reason = "each test file uses a part")]
mod support;

use seedbed_core::import::{Choice, Scope, TableCall, Target};
use seedbed_core::messages::{
    Failure, FailureKind, ImportReport, ProjectView, PromptFilter, Reply, Request,
};
use seedbed_core::prompt::{Prompt, PromptOrigin, PromptState};
use seedbed_core::record::RESPONSE;
use support::{Tab, hub, reading};
use tempfile::{TempDir, tempdir};

struct World {
    _dir: TempDir,
    hub: seedbed_hub_local::Running,
    _home: TempDir,
    tab: Tab,
}

fn world() -> World {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let tab = Tab::open(home.path(), &hub.hub_url);
    World {
        _dir: dir,
        hub,
        _home: home,
        tab,
    }
}

fn imported(answer: Result<Reply, Failure>) -> (ProjectView, ImportReport) {
    match answer {
        Ok(Reply::Imported { project, report }) => (*project, report),
        other => panic!("not imported: {other:?}"),
    }
}

#[test]
fn answers_become_records_and_rows_without_one_instructions() {
    let mut world = world();
    let text = "question,answer,topic\nHow deep?,2 cm.,peas\nWhy?,,peas\nWhy?,,peas\n,lost,\nWhen?,In March.,beans\n";
    let (project, report) = imported(world.tab.import_rows("My garden.csv", text, None));
    assert_eq!(project.seed.seed.domain, "My garden");
    assert_eq!(
        project.seed.seed.topics,
        ["peas"],
        "where the instruction is shown"
    );
    assert_eq!((report.rows, report.known, report.instructions), (2, 0, 1));
    assert_eq!(report.skipped_total, 1);
    assert_eq!(report.skipped, ["1 row: no text in `question` (5)"]);
    let id = project.summary.id;
    let records = world.tab.records(&id);
    let record = &records[0].record;
    assert_eq!(
        (record.instruction(), record.response()),
        ("How deep?", "2 cm.")
    );
    assert_eq!(record.cell.topic, "peas");
    assert_eq!(
        (record.source[0].name.as_str(), record.source[0].row),
        ("My garden.csv", Some(0))
    );
    assert!(record.has_own_id() && record.is_imported());
    let asked = world.tab.ask(Request::ListPrompts {
        project: id.clone(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 10,
    });
    let Ok(Reply::Prompts(page)) = asked else {
        panic!("no instructions: {asked:?}");
    };
    let prompts: Vec<Prompt> = page.prompts.into_iter().map(|view| view.prompt).collect();
    assert_eq!(prompts.len(), 1);
    assert_eq!(
        (prompts[0].text.as_str(), prompts[0].state),
        ("Why?", PromptState::Kept)
    );
    assert!(
        matches!(&prompts[0].origin, PromptOrigin::Imported { file } if file == "My garden.csv")
    );
    // The same table again is known.
    let (_, report) = imported(world.tab.import_rows("other.csv", text, Some(&id)));
    assert_eq!((report.rows, report.known, report.instructions), (0, 2, 0));
}

#[test]
fn conversations_and_compared_answers_keep_what_they_are() {
    let mut world = world();
    let chats = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."},{"role":"user","content":"Why?"},{"role":"assistant","content":"So."}],"url":"https://a.example"}"#;
    let (project, report) = imported(world.tab.import_rows("chats.jsonl", chats, None));
    assert_eq!(report.rows, 1);
    let records = world.tab.records(&project.summary.id);
    let turns = records[0].record.fields.turns(RESPONSE).expect("turns");
    assert_eq!(turns.len(), 4);

    let pair = r#"{"prompt":"How deep?","chosen":"2 cm.","rejected":"20 cm."}"#;
    let (project, report) = imported(world.tab.import_rows("pairs.jsonl", pair, None));
    assert_eq!(report.rows, 2);
    let records = world.tab.records(&project.summary.id);
    let parts: Vec<(&str, Option<&str>)> = records
        .iter()
        .map(|view| {
            (
                view.record.response(),
                view.record.source[0].part.as_deref(),
            )
        })
        .collect();
    assert!(
        parts.contains(&("2 cm.", Some("chosen"))) && parts.contains(&("20 cm.", Some("rejected")))
    );
    assert_eq!(records[0].record.inputs.on, records[1].record.inputs.on);
    assert_eq!(records[0].record.inputs.on.len(), 1);
}

#[test]
fn a_table_that_gives_nothing_makes_no_project_and_says_why() {
    let mut world = world();
    let text = "question,answer\n,2 cm.\n,Frost.\n";
    let failure = match world.tab.import_rows("empty.csv", text, None) {
        Err(failure) => failure,
        other => panic!("{other:?}"),
    };
    assert!(failure.what.contains("empty.csv"), "{failure:?}");
    let means = failure.means;
    assert!(
        means.contains("2 rows: no text in `question` (2, 3)"),
        "{means}"
    );
    for (name, text) in [
        ("none.csv", ""),
        ("none.json", "[]"),
        ("half.json", "{\"a\""),
    ] {
        assert!(world.tab.import_rows(name, text, None).is_err(), "{name}");
    }
    let Ok(Reply::Projects(list)) = world.tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert!(list.is_empty(), "{list:?}");
}

#[test]
fn a_person_may_read_a_table_in_another_way_and_choose_its_columns() {
    let mut world = world();
    let opened = world.tab.ask(reading::open_table(
        "bare.csv",
        "left,right\nWhy so?,Frost.\n",
    ));
    let Ok(Reply::Look(look)) = opened else {
        panic!("{opened:?}");
    };
    let look = look.open().expect("a look");
    assert!(!look.is_sure);
    let choice = Choice {
        has_header: Some(false),
        ..Choice::default()
    };
    let table = look.table;
    let again = world.tab.ask(TableCall::ReadAs { table, choice }.request());
    let Ok(Reply::Look(look)) = again else {
        panic!("{again:?}");
    };
    let look = look.open().expect("a look");
    assert_eq!(look.table, table);
    assert_eq!(look.rows, Some(2));
    let mut mapping = look.mapping.clone();
    mapping.set("column 1", Target::Response);
    mapping.set("column 2", Target::Instruction);
    let preview = world.tab.ask(
        TableCall::Preview {
            table,
            mapping: mapping.clone(),
            scope: Scope::default(),
        }
        .request(),
    );
    let Ok(Reply::TablePreview(preview)) = preview else {
        panic!("{preview:?}");
    };
    let preview = preview.open().expect("a preview");
    assert_eq!(preview.tally.records, 2);
    assert_eq!(preview.records[1].instruction, "Frost.");
    let taken = world.tab.ask(
        TableCall::Take {
            table,
            mapping: mapping.clone(),
            scope: Scope {
                from: 1,
                ..Scope::default()
            },
            into: None,
        }
        .request(),
    );
    let (_, report) = imported(taken);
    assert_eq!(report.rows, 1);
    // It is closed now.
    let choice = Choice::default();
    let closed = world.tab.ask(TableCall::ReadAs { table, choice }.request());
    assert!(closed.is_err_and(|failure| failure.kind == FailureKind::NotFound));
}

#[test]
fn a_published_conversation_names_what_a_build_needs_to_rewrite_it() {
    let mut world = world();
    world.tab.sign_in(seedbed_hub_local::DEFAULT_TOKEN);
    let pair = r#"{"question":"How deep?","answer":"2 cm."}"#;
    let (project, _) = imported(world.tab.import_rows("pair.jsonl", pair, None));
    let id = project.summary.id;
    let asked = world.tab.ask(Request::CreateRepo {
        project: id.clone(),
        repo: "local/talk".to_owned(),
        private: false,
    });
    assert!(matches!(asked, Ok(Reply::Linked(_))), "{asked:?}");
    let needs = |world: &mut World| {
        for record in world.tab.records(&id) {
            let good = seedbed_core::review::Response::rated(seedbed_core::review::Quality::Good);
            world.tab.respond(&id, &record, good);
        }
        world.tab.publish(&id).expect("published");
        let transport = std::rc::Rc::new(seedbed_hub::native::NativeTransport::default());
        let client = seedbed_hub::HubClient::new(transport, &world.hub.hub_url, None);
        let text = futures::executor::block_on(client.read_file(
            "local/talk",
            "main",
            ".seedbed/project.json",
        ));
        let file: serde_json::Value = serde_json::from_slice(&text.expect("a file")).expect("JSON");
        file["needs"].clone()
    };
    assert_eq!(needs(&mut world), serde_json::json!([]));
    let chat = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."},{"role":"user","content":"Why?"},{"role":"assistant","content":"So."}]}"#;
    imported(world.tab.import_rows("chat.jsonl", chat, Some(&id)));
    assert_eq!(needs(&mut world), serde_json::json!(["turns"]));
    // This build has it.
    assert!(!world.tab.plan(&id).sync.needs_newer);
}
