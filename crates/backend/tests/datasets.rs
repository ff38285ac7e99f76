//! Datasets of the Hub that were not made here: listed, opened, looked at and taken in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test may panic and say why"
)]

#[allow(dead_code, reason = "each test file uses a part")]
mod support;

use futures::executor::block_on;
use seedbed_core::import::{
    Choice, DatasetLook, Look, Mapping, Preview, Scope, TableCall, TableSource,
};
use seedbed_core::messages::{
    Event, Failure, FailureKind, ImportReport, Offer, Progress, ProjectView, Reply, Request,
};
use seedbed_hub::native::NativeTransport;
use seedbed_hub::{CommitRequest, HubClient, LargeFile, Operation, Token};
use seedbed_hub_local::{DEFAULT_TOKEN, Running};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{Tab, http, hub};
use tempfile::{TempDir, tempdir};

const REPO: &str = "local/garden";
const GROUPS: &[u8] = include_bytes!("../../import/tests/parquet/files/groups.parquet");
const SNAPPY: &[u8] = include_bytes!("../../import/tests/parquet/files/snappy-v1.parquet");
const GROUP: &[u8] = include_bytes!("../../import/tests/parquet/files/group-indexed.parquet");

struct World {
    _dir: TempDir,
    home: TempDir,
    hub: Running,
    client: HubClient,
}

impl World {
    fn new() -> Self {
        let dir = tempdir().expect("a folder");
        let hub = hub(&dir.path().join("hub"));
        let transport = Rc::new(NativeTransport::default());
        let client = HubClient::new(transport, &hub.hub_url, Token::new(DEFAULT_TOKEN));
        block_on(client.create_dataset(REPO, false)).expect("a repo");
        Self {
            _dir: dir,
            home: tempdir().expect("a folder"),
            hub,
            client,
        }
    }

    fn with(files: &[(&str, &[u8])]) -> Self {
        let world = Self::new();
        world.put(files);
        world
    }

    fn commit(&self, branch: &str, operations: Vec<Operation>) {
        let request = CommitRequest {
            summary: "Data".to_owned(),
            branch: branch.to_owned(),
            operations,
            ..CommitRequest::default()
        };
        block_on(self.client.commit(REPO, request, &|_| {})).expect("a commit");
    }

    fn put(&self, files: &[(&str, &[u8])]) {
        self.put_in("main", files);
    }

    fn put_in(&self, branch: &str, files: &[(&str, &[u8])]) {
        let operations = files.iter().map(|(path, bytes)| Operation::Add {
            path: (*path).to_owned(),
            bytes: bytes.to_vec(),
        });
        self.commit(branch, operations.collect());
    }

    /// What the Hub makes for its viewer.
    fn put_copy(&self, files: &[(&str, &[u8])]) {
        let path = format!("/api/datasets/{REPO}/branch/copy");
        self.asked("POST", &path, &json!({ "emptyBranch": true }));
        self.put_in("copy", files);
        let body = json!({ "repo": REPO, "branch": "copy" });
        self.asked("POST", "/__local/converted", &body);
    }

    fn asked(&self, method: &str, path: &str, body: &Value) {
        let answer = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.hub.hub_url))
            .header("Authorization", format!("Bearer {DEFAULT_TOKEN}"))
            .header("Content-Type", "application/json")
            .body(body.to_string())
            .expect("a request");
        let answer = ureq::Agent::new_with_defaults().run(answer);
        answer.expect("an answer that is a success");
    }

    fn tab(&self) -> Tab {
        Tab::open(self.home.path(), &self.hub.hub_url)
    }

    fn fault(&self, order: &Value) {
        http(
            &self.hub.hub_url,
            "POST",
            "/__local/faults",
            &order.to_string(),
        );
    }

    fn forget_log(&self) {
        http(&self.hub.hub_url, "DELETE", "/__local/log", "");
    }

    fn log(&self) -> Vec<Value> {
        let text = http(&self.hub.hub_url, "GET", "/__local/log", "");
        let log: Value = serde_json::from_str(&text).expect("JSON");
        log["requests"].as_array().expect("a list").clone()
    }

    /// Bytes that were asked for by range, and answered.
    fn bytes_read(&self) -> u64 {
        let log = self.log();
        let parts = log.iter().filter(|request| request["status"] == 206);
        parts
            .map(|request| {
                let range = request["range"].as_str().expect("a range");
                let (first, last) = range["bytes=".len()..].split_once('-').expect("two ends");
                last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() + 1
            })
            .sum()
    }
}

fn listed(tab: &mut Tab, repo: &str) -> DatasetLook {
    let repo = repo.to_owned();
    match tab.ask(Request::ListTables { repo }) {
        Ok(Reply::Tables(look)) => look.open().expect("a look"),
        other => panic!("not listed: {other:?}"),
    }
}

/// A split of a listed dataset.
fn split(look: &DatasetLook, config: &str, split: &str) -> TableSource {
    let config = look.configs.iter().find(|one| one.name == config);
    let config = config.expect("the config");
    let files = config.splits.iter().find(|one| one.name == split);
    TableSource::Hub {
        repo: look.repo.clone(),
        revision: look.revision.clone(),
        paths: files
            .expect("the split")
            .files
            .iter()
            .map(|file| file.path.clone())
            .collect(),
        config: config.name.clone(),
        split: split.to_owned(),
        title: String::new(),
    }
}

fn files(look: &DatasetLook, paths: &[&str]) -> TableSource {
    TableSource::Hub {
        repo: look.repo.clone(),
        revision: look.revision.clone(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        config: String::new(),
        split: String::new(),
        title: String::new(),
    }
}

fn open(tab: &mut Tab, source: TableSource) -> Result<Look, Failure> {
    let asked = tab.ask(
        TableCall::Open {
            source: source.clone(),
            choice: Choice::default(),
            language: None,
        }
        .request(),
    );
    match asked? {
        Reply::Look(look) => look.open(),
        other => panic!("no table: {other:?}"),
    }
}

fn preview(tab: &mut Tab, look: &Look, scope: &Scope) -> Preview {
    let asked = tab.ask(
        TableCall::Preview {
            table: look.table,
            mapping: look.mapping.clone(),
            scope: scope.clone(),
        }
        .request(),
    );
    match asked {
        Ok(Reply::TablePreview(preview)) => preview.open().expect("a preview"),
        other => panic!("no preview: {other:?}"),
    }
}

fn taking(look: &Look, mapping: &Mapping, scope: &Scope, into: Option<&str>) -> Request {
    TableCall::Take {
        table: look.table,
        mapping: mapping.clone(),
        scope: scope.clone(),
        into: into.map(str::to_owned),
    }
    .request()
}

fn take(
    tab: &mut Tab,
    look: &Look,
    scope: &Scope,
    into: Option<&str>,
) -> Result<(ProjectView, ImportReport), Failure> {
    match tab.ask(taking(look, &look.mapping, scope, into))? {
        Reply::Imported { project, report } => Ok((*project, report)),
        other => panic!("not imported: {other:?}"),
    }
}

fn first(most: u64) -> Scope {
    Scope {
        most: Some(most),
        ..Scope::default()
    }
}

fn lines(range: std::ops::Range<u64>) -> String {
    range
        .map(|n| format!("{{\"question\":\"Why {n}?\",\"answer\":\"So {n}.\"}}\n"))
        .collect::<Vec<String>>()
        .concat()
}

/// What is told of a dataset that nothing can be taken of.
fn lack(look: DatasetLook) -> Failure {
    look.lack.expect("nothing can be taken")
}

const CARD: &str = "---\npretty_name: The garden's answers\nlicense: [cc-by-4.0]\nconfigs:\n- config_name: de\n  data_files: de/*.csv\n\
- config_name: en\n  default: true\n  data_files:\n  - split: train\n    path: en/train-*.parquet\n  - split: test\n    path: en/test.jsonl\n\
dataset_info:\n- config_name: en\n  splits:\n  - name: train\n    num_examples: 4321\n---\n# Garden\n";

#[test]
fn a_foreign_dataset_is_listed_opened_and_taken_with_its_source_named() {
    let test = lines(0..3);
    let world = World::with(&[
        ("README.md", CARD.as_bytes()),
        ("en/train-0.parquet", GROUPS),
        ("en/train-1.parquet", SNAPPY),
        ("en/test.jsonl", test.as_bytes()),
        ("de/a.csv", "frage;antwort\nWie tief?;2 cm.\n".as_bytes()),
    ]);
    let mut tab = world.tab();
    tab.sign_in(DEFAULT_TOKEN);
    world.forget_log();
    let url = format!(
        "{}/datasets/{REPO}/viewer/en/train?row=3",
        world.hub.hub_url
    );
    let look = listed(&mut tab, &url);
    assert_eq!(look.repo, REPO);
    assert_eq!(look.title.as_deref(), Some("The garden's answers"));
    assert_eq!(look.licenses, ["cc-by-4.0"]);
    assert_eq!(look.revision.len(), 40);
    assert!(look.is_declared && !look.private && !look.is_gated && !look.is_seedbed);
    assert_eq!((&look.lack, &look.copy), (&None, &None));
    assert_eq!(look.renamed_from, None);
    let shown: Vec<(&str, &str, usize, Option<u64>)> = look
        .configs
        .iter()
        .flat_map(|config| {
            let splits = config.splits.iter();
            splits.map(|split| {
                assert!(split.is_table());
                let rows = (split.files.len(), split.rows);
                (config.name.as_str(), split.name.as_str(), rows.0, rows.1)
            })
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("en", "train", 2, Some(4321)),
            ("en", "test", 1, None),
            ("de", "train", 1, None)
        ]
    );
    // Nothing of the data was read.
    assert_eq!(world.bytes_read(), 0);

    let table = open(&mut tab, split(&look, "en", "train")).expect("a table");
    assert_eq!(table.name, REPO);
    assert_eq!(table.bytes, (GROUPS.len() + SNAPPY.len()) as u64);
    let shown = preview(&mut tab, &table, &first(5));
    assert_eq!((shown.records.len(), shown.tally.rows), (3, 5));
    let alone = open(&mut tab, files(&look, &["en/train-0.parquet"])).expect("a table");
    let in_first = alone.rows.expect("Parquet says how many");
    let (project, report) = take(&mut tab, &table, &Scope::default(), None).expect("rows");
    assert_eq!(project.seed.seed.domain, "garden");
    assert_eq!((report.known, report.skipped_total), (0, 0), "{report:?}");
    let records = tab.records(&project.summary.id);
    let mut rows: Vec<u64> = records
        .iter()
        .map(|view| {
            let source = &view.record.source[0];
            assert_eq!(source.name, REPO);
            assert_eq!(source.revision.as_deref(), Some(look.revision.as_str()));
            let place = (source.config.as_deref(), source.split.as_deref());
            assert_eq!(place, (Some("en"), Some("train")));
            source.row.expect("a row")
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(
        rows.len(),
        records.len(),
        "rows are numbered over both files"
    );
    assert!(rows.last().is_some_and(|last| *last >= in_first));

    // Another split into the same project.
    let table = open(&mut tab, split(&look, "en", "test")).expect("a table");
    let id = project.summary.id;
    let (_, report) = take(&mut tab, &table, &Scope::default(), Some(&id)).expect("rows");
    assert_eq!(report.rows, 3);

    // The storage never got the token, the Hub always.
    let log = world.log();
    let stored = log.iter().filter(|request| request["origin"] == "storage");
    let asked_storage = stored
        .inspect(|request| assert_eq!(request["authorized"], false))
        .count();
    assert!(asked_storage > 0);
    for request in log.iter().filter(|request| request["origin"] == "hub") {
        let path = request["path"].as_str().expect("a path");
        assert!(path.starts_with("/__local/") || request["authorized"] == true);
    }
}

#[test]
fn the_pieces_of_a_table_are_of_one_commit() {
    let world = World::with(&[("rows.jsonl", lines(0..3).as_bytes())]);
    let mut tab = world.tab();
    let look = listed(&mut tab, REPO);
    world.put(&[("rows.jsonl", lines(100..101).as_bytes())]);
    let table = open(&mut tab, split(&look, "default", "train")).expect("a table");
    world.put(&[("rows.jsonl", b"")]);
    let (project, report) = take(&mut tab, &table, &Scope::default(), None).expect("rows");
    assert_eq!(report.rows, 3);
    // A branch is pinned, too.
    let source = TableSource::Hub {
        repo: REPO.to_owned(),
        revision: "main".to_owned(),
        paths: vec!["rows.jsonl".to_owned()],
        config: String::new(),
        split: String::new(),
        title: "Peas".to_owned(),
    };
    assert!(open(&mut tab, source.clone()).is_err(), "it is empty now");
    world.put(&[("rows.jsonl", lines(7..8).as_bytes())]);
    let table = open(&mut tab, source).expect("a table");
    let (named, _) = take(&mut tab, &table, &Scope::default(), None).expect("rows");
    assert_eq!(named.seed.seed.domain, "Peas");
    let source = tab.records(&named.summary.id)[0].record.source[0].clone();
    let head = block_on(world.client.dataset_info(REPO, "main")).expect("a head");
    assert_eq!((source.revision, source.config), (head.sha, None));
    assert_ne!(project.summary.id, named.summary.id);
}

#[test]
fn the_first_rows_of_a_long_file_cost_a_part_of_it() {
    let world = World::new();
    let long = "long, so that a row has some weight. ".repeat(30);
    let text = (0..12_000)
        .map(|n| format!("{{\"question\":\"Why {n}?\",\"answer\":\"{long}\"}}\n"))
        .collect::<Vec<String>>()
        .concat();
    let size = text.len() as u64;
    assert!(size > 12 << 20);
    let file = LargeFile::from(text.into_bytes());
    world.commit(
        "main",
        vec![Operation::AddLarge {
            path: "rows.jsonl".to_owned(),
            file,
        }],
    );
    let mut tab = world.tab();
    let look = listed(&mut tab, REPO);
    world.forget_log();
    let table = open(&mut tab, split(&look, "default", "train")).expect("a table");
    let shown = preview(&mut tab, &table, &first(100));
    assert_eq!((shown.tally.rows, shown.is_whole), (100, true));
    let (_, report) = take(&mut tab, &table, &first(100), None).expect("rows");
    assert_eq!(report.rows, 100);
    let read = world.bytes_read();
    assert!(read <= 4 << 20, "{read} bytes of {size} were read");
    assert!(world.log().iter().all(|request| {
        let is_file = request["path"]
            .as_str()
            .is_some_and(|path| path.contains("/lfs/"));
        !is_file || request["range"].is_string()
    }));
}

#[test]
fn only_columns_that_are_wanted_are_read_of_parquet() {
    let world = World::with(&[("data/train-00000-of-00001.parquet", GROUP)]);
    let mut tab = world.tab();
    let look = listed(&mut tab, REPO);
    let table = open(&mut tab, split(&look, "default", "train")).expect("a table");
    world.forget_log();
    let (_, report) = take(&mut tab, &table, &first(3), None).expect("rows");
    assert!(report.rows > 0);
    let read = world.bytes_read();
    assert!(read < GROUP.len() as u64 / 2, "{read} of {}", GROUP.len());
}

#[test]
fn who_may_not_read_a_gated_dataset_is_told_how_to_get_in() {
    let world = World::with(&[
        ("README.md", CARD.as_bytes()),
        ("en/train-0.parquet", GROUPS),
    ]);
    let settings = format!("/api/datasets/{REPO}/settings");
    world.asked("PUT", &settings, &json!({ "gated": "auto" }));
    let user = json!({ "name": "guest", "token": "hf_guest", "role": "read" });
    world.asked("POST", "/__local/users", &user);
    let mut tab = world.tab();
    let look = listed(&mut tab, REPO);
    assert!(look.is_gated);
    // The card can't be read; the Hub told what it says.
    assert_eq!(look.configs[0].name, "en");
    assert_eq!(look.title.as_deref(), Some("The garden's answers"));
    let page = format!("{}/datasets/{REPO}", world.hub.hub_url);
    let told = lack(look);
    assert_eq!(told.kind, FailureKind::Auth);
    assert!(told.what.contains("accept their terms"), "{told:?}");
    assert!(told.next.contains("Sign in") && told.next.contains(&page));

    tab.sign_in("hf_guest");
    world.asked("PUT", &settings, &json!({ "gated": "manual" }));
    let look = listed(&mut tab, REPO);
    let source = split(&look, "en", "train");
    let told = lack(look);
    assert_eq!(told.kind, FailureKind::Forbidden);
    assert!(told.what.contains("let in") && told.next.contains("ask for access"));
    assert!(told.next.contains(&page));
    let refused = open(&mut tab, source.clone()).expect_err("closed");
    assert_eq!((refused.kind, &refused.what), (told.kind, &told.what));

    let grant = format!("/api/datasets/{REPO}/user-access-request/grant");
    world.asked("POST", &grant, &json!({ "user": "guest" }));
    let look = listed(&mut tab, REPO);
    assert_eq!((look.lack, look.is_gated), (None, true));
    assert!(open(&mut tab, source).is_ok());
}

#[test]
fn who_may_not_see_a_dataset_is_told_to_check_the_name_or_sign_in() {
    let world = World::with(&[("rows.jsonl", lines(0..2).as_bytes())]);
    let settings = format!("/api/datasets/{REPO}/settings");
    world.asked("PUT", &settings, &json!({ "visibility": "private" }));
    let mut tab = world.tab();
    for repo in [REPO, "local/nothing"] {
        let repo = repo.to_owned();
        let failure = tab.ask(Request::ListTables { repo: repo.clone() });
        let failure = failure.expect_err("it is not shown");
        assert_eq!(failure.kind, FailureKind::Auth);
        assert!(failure.what.contains(&repo) && failure.next.contains("sign in"));
    }
    tab.sign_in(DEFAULT_TOKEN);
    let look = listed(&mut tab, REPO);
    assert!(look.private && look.lack.is_none());
    let table = open(&mut tab, split(&look, "default", "train")).expect("a table");
    assert_eq!(table.name, REPO);
    let repo = "local/nothing".to_owned();
    let failure = tab.ask(Request::ListTables { repo });
    let failure = failure.expect_err("it is not there");
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert!(failure.next.contains("Check the name"));
    let repo = "not a name".to_owned();
    let failure = tab.ask(Request::ListTables { repo });
    assert!(failure.is_err_and(|failure| failure.kind == FailureKind::Invalid));
}

#[test]
fn a_renamed_dataset_is_found_under_its_new_name() {
    let world = World::with(&[("rows.jsonl", lines(0..2).as_bytes())]);
    let body = json!({ "fromRepo": REPO, "toRepo": "local/orchard", "type": "dataset" });
    world.asked("POST", "/api/repos/move", &body);
    let body = json!({ "from": "garden", "to": "local/orchard" });
    world.asked("POST", "/__local/renamed", &body);
    let mut tab = world.tab();
    for asked in [
        REPO,
        "garden",
        "https://huggingface.co/datasets/garden/viewer",
    ] {
        let look = listed(&mut tab, asked);
        assert_eq!(look.repo, "local/orchard");
        let before = if asked == REPO { REPO } else { "garden" };
        assert_eq!(look.renamed_from.as_deref(), Some(before));
        assert!(look.url.ends_with("/datasets/local/orchard"));
        let table = open(&mut tab, split(&look, "default", "train")).expect("a table");
        assert_eq!(table.name, "local/orchard");
    }
    // Letters of another case are the same name.
    assert_eq!(listed(&mut tab, "Local/Orchard").renamed_from, None);
}

#[test]
fn a_dataset_without_rows_says_what_it_holds_instead() {
    for (files, what, next) in [
        (&[][..], "is empty", "its page"),
        (&[("README.md", &b"# x\n"[..])], "is empty", "its page"),
        (
            &[("garden.py", b"import datasets\n"), ("README.md", b"# x\n")],
            "a program in it, garden.py",
            "does not run programs",
        ),
        (
            &[("a.png", b"1"), ("b.png", b"2")],
            "only pictures",
            "texts",
        ),
        (&[("data/train.jsonl.gz", b"1")], "packed", "unpack"),
        (&[("data.arrow", b"1")], "no split whose files", "Parquet"),
        (
            &[("weights.bin", b"1")],
            "no file that is a table",
            "Parquet",
        ),
    ] {
        let world = World::with(files);
        let told = lack(listed(&mut world.tab(), REPO));
        assert!(told.what.contains(what), "{told:?}");
        assert!(told.next.contains(next), "{told:?}");
        assert!(!told.means.is_empty());
    }
}

#[test]
fn the_viewers_copy_is_offered_and_can_be_taken() {
    let world = World::with(&[("garden.py", b"import datasets\n")]);
    world.put_copy(&[
        ("default/train/0000.parquet", GROUPS),
        ("default/train/0001.parquet", GROUP),
        ("more/partial-test/0000.parquet", GROUP),
    ]);
    let mut tab = world.tab();
    let mut look = listed(&mut tab, REPO);
    assert!(
        look.lack
            .as_ref()
            .is_some_and(|told| told.next.contains("viewer's copy"))
    );
    let copy = look.copy.take().expect("a copy");
    assert!(copy.is_partial);
    assert_ne!(copy.revision, look.revision);
    (look.revision, look.configs) = (copy.revision, copy.configs);
    let shown = |config: &str| {
        split(
            &look,
            config,
            if config == "more" { "test" } else { "train" },
        )
    };
    let table = open(&mut tab, shown("default")).expect("a table");
    assert_eq!(table.bytes, (GROUPS.len() + GROUP.len()) as u64);
    let table = open(&mut tab, shown("more")).expect("a table");
    let (project, _) = take(&mut tab, &table, &first(2), None).expect("rows");
    let source = &tab.records(&project.summary.id)[0].record.source[0];
    assert_eq!(source.revision.as_ref(), Some(&look.revision));
    assert_eq!(source.config.as_deref(), Some("more"));
}

#[test]
fn a_card_that_can_not_be_read_is_told_and_the_names_of_files_count() {
    for card in [
        "---\nconfigs: [a\nlicense: mit\n---\n".as_bytes(),
        b"---\nlicense: \xff\n---\n",
    ] {
        let world = World::with(&[
            ("README.md", card),
            ("train.jsonl", lines(0..2).as_bytes()),
            ("test.jsonl", lines(2..3).as_bytes()),
        ]);
        let look = listed(&mut world.tab(), REPO);
        assert_eq!(look.notes.len(), 1, "{:?}", look.notes);
        assert!(look.notes[0].contains("README.md"));
        assert!(!look.is_declared);
        let splits: Vec<&str> = look.configs[0]
            .splits
            .iter()
            .map(|split| split.name.as_str())
            .collect();
        assert_eq!(splits, ["train", "test"]);
    }
}

#[test]
fn content_that_was_never_uploaded_is_told_apart_from_a_table() {
    let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1234567\n".as_bytes();
    let world = World::with(&[("rows.csv", pointer), ("data/x.parquet", GROUPS)]);
    let mut tab = world.tab();
    let look = listed(&mut tab, REPO);
    let failure = open(&mut tab, files(&look, &["rows.csv"])).expect_err("no table");
    assert!(failure.what.contains("only a pointer"), "{failure:?}");
    // The storage has lost it.
    let lost = json!({ "kind": "status", "status": 404, "origin": "storage", "times": 0 });
    world.fault(&lost);
    let failure = open(&mut tab, files(&look, &["data/x.parquet"])).expect_err("no table");
    assert!(failure.what.contains("data/x.parquet"), "{failure:?}");
    assert!(failure.what.contains("content is not there"), "{failure:?}");
    let failure = open(&mut tab, files(&look, &["gone.csv"])).expect_err("no file");
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert!(failure.what.contains("gone.csv"));
}

#[test]
fn a_network_that_fails_on_the_way_keeps_what_came_and_says_so() {
    let (a, b) = (lines(0..40), lines(40..80));
    let world = World::with(&[("a.jsonl", a.as_bytes()), ("b.jsonl", b.as_bytes())]);
    let mut tab = world.tab();
    let project = tab.opened(Request::CreateProject {
        name: "Peas".to_owned(),
    });
    let id = project.summary.id;
    let look = listed(&mut tab, REPO);
    let table = open(&mut tab, files(&look, &["a.jsonl", "b.jsonl"])).expect("a table");
    // Once or twice is nobody's business.
    world.fault(&json!([
        { "kind": "cut", "path_contains": "/b.jsonl", "times": 1 },
        { "kind": "status", "status": 403, "message": "Forbidden", "path_contains": "/b.jsonl", "skip": 1, "times": 0 },
    ]));
    let failure = take(&mut tab, &table, &Scope::default(), Some(&id)).expect_err("it broke");
    assert_eq!(failure.kind, FailureKind::Forbidden, "{failure:?}");
    assert!(failure.means.contains("first 40 rows"), "{failure:?}");
    assert_eq!(tab.records(&id).len(), 40);
    // The same again takes the rest.
    http(&world.hub.hub_url, "DELETE", "/__local/faults", "");
    let (_, report) = take(&mut tab, &table, &Scope::default(), Some(&id)).expect("rows");
    assert_eq!((report.rows, report.known), (40, 40));
    // Of a new project nothing stays.
    let table = open(&mut tab, files(&look, &["a.jsonl", "b.jsonl"])).expect("a table");
    world.fault(
        &json!({ "kind": "status", "status": 403, "path_contains": "/b.jsonl", "times": 0 }),
    );
    let failure = take(&mut tab, &table, &Scope::default(), None).expect_err("it broke");
    assert_eq!(failure.means, "No project was made.");
}

#[test]
fn a_long_download_can_be_stopped_and_keeps_what_came_into_an_open_project() {
    let (a, b) = (lines(0..40), lines(40..80));
    let world = World::with(&[("a.jsonl", a.as_bytes()), ("b.jsonl", b.as_bytes())]);
    let mut tab = world.tab();
    let project = tab.opened(Request::CreateProject {
        name: "Peas".to_owned(),
    });
    let id = project.summary.id;
    let look = listed(&mut tab, REPO);
    let table = open(&mut tab, files(&look, &["a.jsonl", "b.jsonl"])).expect("a table");
    world.fault(
        &json!({ "kind": "delay", "delay_ms": 600_000, "path_contains": "/b.jsonl", "times": 0 }),
    );
    let asked = tab.send(taking(&table, &table.mapping, &Scope::default(), Some(&id)));
    tab.wait("the first rows", |events| {
        events.iter().find_map(|event| match event {
            Event::Progress {
                progress: Progress::Rows { rows, .. },
                ..
            } => Some(*rows),
            _ => None,
        })
    });
    tab.ask(Request::Cancel { target: asked }).expect("heard");
    let stopped = tab.answer_to(asked).expect_err("stopped");
    assert_eq!(stopped.kind, FailureKind::Cancelled);
    assert_eq!(tab.records(&id).len(), 40);
}

#[test]
fn a_dataset_that_was_not_made_here_is_offered_to_be_imported() {
    let world = World::with(&[("rows.jsonl", lines(0..2).as_bytes())]);
    let mut tab = world.tab();
    let failure = tab.ask(Request::OpenHub {
        repo: REPO.to_owned(),
    });
    let failure = failure.expect_err("no project");
    assert_eq!(failure.offer, Some(Offer::ImportDataset));
    assert!(failure.next.contains("right here"), "{failure:?}");
    let Ok(Reply::Projects(list)) = tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert!(list.is_empty());
    // What was made here is known for it.
    world.put(&[
        (
            "seed_data.json",
            br#"{"domain":"Peas","topics":[],"examples":[]}"#,
        ),
        (".seedbed/project.json", b"{}"),
    ]);
    assert!(listed(&mut tab, REPO).is_seedbed);
    let look = listed(&mut tab, REPO);
    let failure = open(&mut tab, files(&look, &["seed_data.json"])).expect_err("no table");
    assert!(failure.next.contains("as a project"), "{failure:?}");
}
