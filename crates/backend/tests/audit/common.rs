//! People, programs and a Hub for the tests of this folder.

use crate::support::{Tab, http, hub};
use futures::executor::block_on;
use seedbed_core::messages::{Failure, PublishPlan, Published, RecordView, Reply, Request};
use seedbed_core::review::{Quality, Response};
use seedbed_core::row::TableRow;
use seedbed_hub::native::NativeTransport;
use seedbed_hub::{CommitRequest, HubClient, Operation, PullRequest, Token};
use seedbed_hub_local::{Config, DEFAULT_TOKEN, Running};
use serde_json::{Value, json};
use std::rc::Rc;
use tempfile::{TempDir, tempdir};

pub(crate) const REPO: &str = "local/ds";
pub(crate) const TABLE: &str = "data/train-00000-of-00001.parquet";
pub(crate) const PROJECT: &str = ".seedbed/project.json";
pub(crate) const ROWS: &str = ".seedbed/table.jsonl";
pub(crate) const CARD: &str = "README.md";
pub(crate) const SEED: &str = "seed_data.json";

/// A local Hub, with what other programs do to it.
pub(crate) struct World {
    _dir: TempDir,
    running: Running,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempdir().unwrap();
        let running = hub(&dir.path().join("hub"));
        Self { _dir: dir, running }
    }

    /// With a model that takes so long before it answers.
    pub(crate) fn with_slow_model(model_delay_ms: u64) -> Self {
        let dir = tempdir().unwrap();
        let mut config = Config::new(dir.path().join("hub"));
        config.has_scripted_model = true;
        config.model_delay_ms = model_delay_ms;
        let running = seedbed_hub_local::start(config).unwrap();
        Self { _dir: dir, running }
    }

    pub(crate) fn url(&self) -> &str {
        &self.running.hub_url
    }

    pub(crate) fn client(&self) -> HubClient {
        let transport = Rc::new(NativeTransport::default());
        HubClient::new(transport, self.url(), Token::new(DEFAULT_TOKEN))
    }

    pub(crate) fn commit(&self, operations: Vec<Operation>) {
        let request = CommitRequest {
            summary: "Somebody else's commit".to_owned(),
            branch: "main".to_owned(),
            operations,
            ..CommitRequest::default()
        };
        block_on(self.client().commit(REPO, request, &|_| {})).expect("a commit");
    }

    /// Another program writes a file.
    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.commit(vec![Operation::Add {
            path: path.to_owned(),
            bytes: bytes.into(),
        }]);
    }

    pub(crate) fn delete_folder(&self, path: &str) {
        let path = path.to_owned();
        self.commit(vec![Operation::DeleteFolder { path }]);
    }

    /// Moves the head without touching anything of ours.
    pub(crate) fn stir(&self, note: &str) {
        self.put("notes.txt", note);
    }

    pub(crate) fn tree(&self) -> Vec<String> {
        let client = self.client();
        let info = block_on(client.dataset_info(REPO, "main")).unwrap();
        let Some(sha) = info.sha else {
            return Vec::new();
        };
        let tree = block_on(client.tree(REPO, &sha, "", true)).unwrap();
        tree.into_iter()
            .filter(|entry| entry.is_file)
            .map(|entry| entry.path)
            .collect()
    }

    pub(crate) fn parts(&self, folder: &str) -> Vec<String> {
        let folder = format!(".seedbed/{folder}/");
        let mut tree = self.tree();
        tree.retain(|path| path.starts_with(&folder));
        tree
    }

    /// All lines of the parts in a folder of `.seedbed/`.
    pub(crate) fn lines(&self, folder: &str) -> Vec<String> {
        let parts = self.parts(folder);
        let texts = parts
            .iter()
            .map(|path| String::from_utf8_lossy(&self.bytes(path)).into_owned());
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        block_on(self.client().read_file(REPO, "main", path)).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).unwrap()
    }

    pub(crate) fn table(&self) -> Vec<TableRow> {
        seedbed_table::read(&self.bytes(TABLE)).unwrap()
    }

    /// Responses of the published rows, sorted.
    pub(crate) fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.table().into_iter().map(|row| row.response).collect();
        rows.sort();
        rows
    }

    pub(crate) fn pull_requests(&self) -> Vec<PullRequest> {
        block_on(self.client().pull_requests(REPO)).unwrap()
    }

    pub(crate) fn fault(&self, order: &Value) {
        http(self.url(), "POST", "/__local/faults", &order.to_string());
    }

    pub(crate) fn user(&self, name: &str) {
        let user =
            json!({"name": name, "token": token_of(name), "role": "write", "orgs": ["local"]});
        http(self.url(), "POST", "/__local/users", &user.to_string());
    }

    /// A browser of its own.
    pub(crate) fn browser(&self) -> Browser {
        let home = tempdir().unwrap();
        let tab = Tab::open(home.path(), self.url());
        Browser {
            home,
            tab,
            project: String::new(),
        }
    }

    /// The owner: so many records, each accepted, all published.
    pub(crate) fn published(&self, records: usize) -> Browser {
        let mut owner = self.browser();
        owner.import(&numbered(records));
        owner.accept_all();
        owner.sign_in();
        owner.create_repo();
        owner.publish().expect("published");
        owner
    }

    /// A colleague who opens the repo in a browser of her own.
    pub(crate) fn colleague(&self) -> Browser {
        let mut browser = self.browser();
        let view = browser.tab.opened(Request::OpenHub {
            repo: REPO.to_owned(),
        });
        browser.project = view.summary.id;
        browser.sign_in();
        browser
    }
}

fn token_of(name: &str) -> String {
    format!("hf_{name}")
}

/// A browser with one project.
pub(crate) struct Browser {
    pub(crate) home: TempDir,
    pub(crate) tab: Tab,
    pub(crate) project: String,
}

impl Browser {
    pub(crate) fn import(&mut self, bundle: &str) {
        let view = self.tab.opened(Request::ImportProject {
            name: "b.json".to_owned(),
            text: bundle.to_owned(),
        });
        self.project = view.summary.id;
    }

    pub(crate) fn sign_in(&mut self) {
        self.tab.sign_in(DEFAULT_TOKEN);
    }

    pub(crate) fn sign_in_as(&mut self, name: &str) {
        self.tab.sign_in(&token_of(name));
    }

    pub(crate) fn create_repo(&mut self) {
        let asked = self.tab.ask(Request::CreateRepo {
            project: self.project.clone(),
            repo: REPO.to_owned(),
            private: false,
        });
        assert!(matches!(asked, Ok(Reply::Linked(_))), "{asked:?}");
    }

    pub(crate) fn link(&mut self) {
        let asked = self.tab.ask(Request::LinkRepo {
            project: self.project.clone(),
            repo: REPO.to_owned(),
            is_confirmed: true,
        });
        assert!(matches!(asked, Ok(Reply::Linked(_))), "{asked:?}");
    }

    pub(crate) fn records(&mut self) -> Vec<RecordView> {
        self.tab.records(&self.project)
    }

    /// The record with this answer.
    pub(crate) fn record(&mut self, response: &str) -> RecordView {
        let rows = self.records();
        let found = rows.iter().find(|view| view.record.response() == response);
        found
            .unwrap_or_else(|| panic!("no {response:?} in {rows:?}"))
            .clone()
    }

    pub(crate) fn decide(&mut self, response: &str, with: Response) -> RecordView {
        let view = self.record(response);
        self.tab.respond(&self.project, &view, with).record
    }

    pub(crate) fn accept(&mut self, response: &str) -> RecordView {
        self.decide(response, good())
    }

    pub(crate) fn accept_all(&mut self) {
        for view in self.records() {
            self.tab.respond(&self.project, &view, good());
        }
    }

    /// A row of her own: imported and accepted.
    pub(crate) fn add_row(&mut self, response: &str) {
        let row = json!({"instruction": "A question of mine?", "response": response});
        self.import_into("x.jsonl", &format!("{row}\n"))
            .expect("imported");
        self.accept(response);
    }

    pub(crate) fn import_into(&mut self, name: &str, text: &str) -> Result<Reply, Failure> {
        if name != "seed_data.json" {
            return self.tab.import_rows(name, text, Some(&self.project));
        }
        self.tab.ask(Request::ImportInto {
            project: self.project.clone(),
            name: name.to_owned(),
            text: text.to_owned(),
        })
    }

    pub(crate) fn plan(&mut self) -> PublishPlan {
        self.tab.plan(&self.project)
    }

    pub(crate) fn publish(&mut self) -> Result<Published, Failure> {
        self.tab.publish(&self.project)
    }

    pub(crate) fn close(&mut self) {
        let id = self.project.clone();
        self.tab.ask(Request::CloseProject { id }).expect("closed");
    }

    pub(crate) fn open(&mut self) -> seedbed_core::messages::ProjectView {
        self.tab.opened(Request::OpenProject {
            id: self.project.clone(),
            take_over: false,
        })
    }

    /// The project's database while nobody has it open, as an accident or another build may change it.
    pub(crate) fn spoil(&mut self, sql: &str) {
        self.close();
        self.database().execute_batch(sql).expect("spoilt");
    }

    pub(crate) fn database(&self) -> rusqlite::Connection {
        let file = self.home.path().join(format!("{}.sqlite", self.project));
        rusqlite::Connection::open(file).expect("its database")
    }
}

/// A record as builds of format 1 write it.
pub(crate) fn old_record(id: &str, response: &str) -> Value {
    json!({"id": id, "prompt_id": null, "run_id": "run1", "cell": {"topic": "t", "perspective": "p"},
        "instruction": "How deep to sow?", "response": response,
        "provenance": {"seed_hash": "s", "model": "m", "provider": "h", "prompt_version": "answer/1",
            "sample_index": 0, "finish_reason": "stop"},
        "created_ms": 1, "messages": []})
}

/// A decision as builds of format 1 write it.
pub(crate) fn old_decision(id: &str, reviewer: &str, record: &str, ms: u64) -> Value {
    json!({"id": id, "reviewer": reviewer, "record_id": record, "clock": {"ms": ms, "n": 0}, "act": "respond",
        "response": {"status": "submitted", "quality": "good"}})
}

/// A project saved by a build of format 1.
pub(crate) fn bundle(records: &[Value], decisions: &[Value]) -> String {
    json!({"seedbed_bundle": 1, "records": records, "decisions": decisions,
        "seed": {"domain": "d", "description": "", "expert_prompt": "", "topics": ["t"], "perspectives": [],
            "examples": []}})
    .to_string()
}

/// A project with so many records: `answer 0`, `answer 1`, …
pub(crate) fn numbered(records: usize) -> String {
    let records: Vec<Value> = (0..records)
        .map(|n| old_record(&format!("r{n}"), &format!("answer {n}")))
        .collect();
    bundle(&records, &[])
}

pub(crate) fn good() -> Response {
    Response::rated(Quality::Good)
}

pub(crate) fn bad() -> Response {
    Response::rated(Quality::Bad)
}
