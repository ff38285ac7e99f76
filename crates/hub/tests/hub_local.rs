//! The client against the local Hub, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::StreamExt as _;
use futures::executor::block_on;
use seedbed_core::id::sha256_hex;
use seedbed_core::messages::{FailureKind, HubConfig};
use seedbed_hub::native::NativeTransport;
use seedbed_hub::retry::{CommitRetry, Next};
use seedbed_hub::transport::{HttpRequest, Method, Transport};
use seedbed_hub::{
    CommitOutcome, CommitRequest, CreatedRepo, HubClient, HubError, HubErrorKind, LargeFile,
    Operation, Token, TreeEntry, Tries, git_blob_oid, oauth,
};
use seedbed_hub_local::{Config, DEFAULT_TOKEN, Running, start};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::rc::Rc;
use tempfile::TempDir;

const REPO: &str = "local/seeds";

struct Place {
    _dir: TempDir,
    running: Running,
    transport: Rc<dyn Transport>,
    hub: HubClient,
}

impl Place {
    /// A local Hub that asks for files over 100,000 bytes in parts.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(dir.path());
        config.multipart_threshold = 100_000;
        config.multipart_part_size = 60_000;
        let running = start(config).unwrap();
        let transport: Rc<dyn Transport> = Rc::new(NativeTransport::default());
        let hub = HubClient::new(
            Rc::clone(&transport),
            &running.hub_url,
            Token::new(DEFAULT_TOKEN),
        );
        Self {
            _dir: dir,
            running,
            transport,
            hub,
        }
    }

    fn with_repo() -> Self {
        let place = Self::new();
        let made = block_on(place.hub.create_dataset(REPO, true)).unwrap();
        assert_eq!(made, CreatedRepo::Created);
        place
    }

    fn as_user(&self, token: &str) -> HubClient {
        HubClient::new(
            Rc::clone(&self.transport),
            &self.running.hub_url,
            Token::new(token),
        )
    }

    /// Asks what only a local Hub has.
    fn local(&self, method: Method, path: &str, body: &Value) -> Value {
        let is_get = method == Method::Get;
        let request = HttpRequest {
            method,
            url: format!("{}/__local/{path}", self.running.hub_url),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: if is_get {
                Vec::new().into()
            } else {
                body.to_string().into_bytes().into()
            },
        };
        block_on(async {
            let mut response = self.transport.send(request).await.unwrap();
            let mut bytes = Vec::new();
            while let Some(piece) = response.body.next().await {
                bytes.extend(piece.unwrap());
            }
            assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&bytes));
            serde_json::from_slice(&bytes).unwrap()
        })
    }

    fn fault(&self, order: &Value) {
        self.local(Method::Post, "faults", order);
    }

    fn log(&self) -> Vec<Value> {
        self.local(Method::Get, "log", &Value::Null)["requests"]
            .as_array()
            .unwrap()
            .clone()
    }

    fn head(&self, revision: &str) -> String {
        block_on(self.hub.dataset_info(REPO, revision))
            .unwrap()
            .sha
            .unwrap()
    }

    fn tree(&self, revision: &str) -> Vec<TreeEntry> {
        block_on(self.hub.tree(REPO, revision, "", true)).unwrap()
    }

    fn files(&self, revision: &str) -> Vec<String> {
        let files = self
            .tree(revision)
            .into_iter()
            .filter(|entry| entry.is_file);
        files
            .map(|entry| entry.path)
            .filter(|path| path != ".gitattributes")
            .collect()
    }

    fn read(&self, revision: &str, path: &str) -> Vec<u8> {
        block_on(self.hub.read_file(REPO, revision, path)).unwrap()
    }

    fn commit(&self, request: &CommitRequest) -> Result<CommitOutcome, HubError> {
        block_on(self.hub.commit(REPO, request.clone(), &|_| {}))
    }
}

fn add(path: &str, bytes: impl AsRef<[u8]>) -> Operation {
    Operation::Add {
        path: path.to_owned(),
        bytes: bytes.as_ref().to_vec(),
    }
}

fn add_large(path: &str, bytes: Vec<u8>) -> Operation {
    Operation::AddLarge {
        path: path.to_owned(),
        file: LargeFile::from(bytes),
    }
}

fn onto_main(operations: Vec<Operation>) -> CommitRequest {
    CommitRequest {
        summary: "test".to_owned(),
        branch: "main".to_owned(),
        operations,
        ..CommitRequest::default()
    }
}

/// Bytes that no sample would take for text.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * at % 251) as u8).collect()
}

#[test]
fn a_token_says_who_it_is_and_a_wrong_one_is_told() {
    let place = Place::new();
    let account = block_on(place.hub.whoami()).unwrap();
    assert_eq!(account.name, "local");
    assert!(account.can_write);
    for client in [
        place.as_user("hf_wrong_token_nobody_has"),
        HubClient::new(Rc::clone(&place.transport), &place.running.hub_url, None),
    ] {
        let error = block_on(client.whoami()).unwrap_err();
        assert_eq!(
            (error.kind, error.status()),
            (HubErrorKind::Unauthorised, Some(401))
        );
        let failure = error.failure();
        assert_eq!(failure.kind, FailureKind::Auth);
        assert!(!format!("{error:?} {failure:?}").contains("nobody_has"));
    }
    place.local(
        Method::Post,
        "users",
        &json!({"name": "eve", "token": "hf_eve", "role": "read", "orgs": ["acme"]}),
    );
    let eve = block_on(place.as_user("hf_eve").whoami()).unwrap();
    assert!(!eve.can_write);
}

#[test]
fn a_repo_is_made_once_and_listed() {
    let place = Place::with_repo();
    place
        .commit(&onto_main(vec![add("data/years.csv", "a,b\n")]))
        .unwrap();
    let head = place.head("main");
    for is_private in [true, false] {
        let again = block_on(place.hub.create_dataset(REPO, is_private)).unwrap();
        let CreatedRepo::Exists(existing) = again else {
            panic!("a name that is taken is no new repo");
        };
        assert_eq!(existing.info.id, REPO);
        assert!(existing.info.private, "nothing was changed");
        assert_eq!(existing.is_as_wished, is_private);
        assert_eq!(existing.info.sha.as_deref(), Some(head.as_str()));
    }
    assert_eq!(block_on(place.hub.list_datasets("local")).unwrap(), [REPO]);
    assert!(
        block_on(place.hub.dataset_info(REPO, "main"))
            .unwrap()
            .private
    );
    place.fault(&json!({"kind": "busy_create"}));
    let error = block_on(place.hub.create_dataset("local/other", true)).unwrap_err();
    assert_eq!(
        error.kind,
        HubErrorKind::Busy,
        "a busy Hub is not a repo that exists"
    );
    let missing = block_on(place.hub.dataset_info("local/none", "main")).unwrap_err();
    assert_eq!(missing.kind, HubErrorKind::NotFound);
}

#[test]
fn small_files_come_back_as_they_were_and_unchanged_ones_make_no_commit() {
    let place = Place::with_repo();
    let odd = "data/a b#?%2F&ü🌱.jsonl";
    let request = onto_main(vec![
        add("README.md", "# Seeds\n"),
        add(odd, "{\"x\":1}\n"),
        add("data/empty.jsonl", ""),
    ]);
    let outcome = place.commit(&request).unwrap();
    assert_eq!(outcome.commit.as_deref(), Some(place.head("main").as_str()));
    assert_eq!(place.read("main", odd), b"{\"x\":1}\n");
    assert_eq!(place.read("main", "data/empty.jsonl"), b"");
    let tree = place.tree("main");
    let entry = tree.iter().find(|entry| entry.path == odd).unwrap();
    assert_eq!(entry.oid, git_blob_oid(b"{\"x\":1}\n"));
    assert_eq!((entry.size, entry.lfs_sha256.as_deref()), (8, None));
    let paths = [odd.to_owned(), "none".to_owned()];
    assert_eq!(
        block_on(place.hub.paths_info(REPO, "main", &paths)).unwrap(),
        std::slice::from_ref(entry)
    );
    let head = place.head("main");
    assert_eq!(place.commit(&request).unwrap(), CommitOutcome::default());
    assert_eq!(place.head("main"), head);
}

#[test]
fn the_commit_that_changed_a_file_last_is_told() {
    let place = Place::with_repo();
    let commit = |files| {
        let outcome = place.commit(&onto_main(files)).unwrap();
        outcome.commit.unwrap()
    };
    let both = commit(vec![add("a", "1"), add("b", "1")]);
    let one = commit(vec![add("b", "2")]);
    let paths = ["a", "b", "none"].map(str::to_owned);
    let last = |revision| block_on(place.hub.last_commits(REPO, revision, &paths)).unwrap();
    let named = |a: &str, b: &str| {
        let pairs = [("a", a), ("b", b)];
        pairs.map(|(path, commit)| (path.to_owned(), commit.to_owned()))
    };
    assert_eq!(last("main"), named(&both, &one).into());
    assert_eq!(last(&both), named(&both, &both).into());
}

#[test]
fn what_a_repo_holds_is_seen_before_anything_is_done_with_it() {
    let place = Place::with_repo();
    let empty = block_on(place.hub.dataset_overview(REPO, "main")).unwrap();
    assert_eq!(empty.data_files().count(), 0);
    assert_eq!(empty.card, None);
    assert!(empty.file(".gitattributes").is_some());

    let table = noise(5000);
    let card = b"---\nconfigs:\n- config_name: default\n---\n\xff\n";
    let mut files = vec![
        add("README.md", card),
        add("data/train-00000-of-00001.parquet", &table),
        add("Data/Old.CSV", "a\n"),
        add(".hidden/x.csv", "a\n"),
        add("notes.md", "n\n"),
    ];
    // More than one page of the tree.
    files.extend((0..1100).map(|at| add(&format!(".seedbed/records/{at}.jsonl"), at.to_string())));
    place.commit(&onto_main(files)).unwrap();
    let full = block_on(place.hub.dataset_overview(REPO, "main")).unwrap();
    assert_eq!(full.files.len(), 1106);
    assert_eq!(full.info.sha, Some(place.head("main")));
    assert_eq!(full.card.as_deref(), Some(card.as_slice()));
    let data: Vec<&str> = full.data_files().map(|entry| &*entry.path).collect();
    assert_eq!(data, ["Data/Old.CSV", "data/train-00000-of-00001.parquet"]);
    let entry = full.file("data/train-00000-of-00001.parquet").unwrap();
    assert_eq!(entry.lfs_sha256, Some(sha256_hex(&table)));
    // Somebody else's table under the same name is told by the same field.
    let other = noise(5001);
    place
        .commit(&onto_main(vec![add(&entry.path, &other)]))
        .unwrap();
    let later = block_on(place.hub.dataset_overview(REPO, "main")).unwrap();
    let later = later.file(&entry.path).unwrap().lfs_sha256.clone();
    assert_eq!(later, Some(sha256_hex(&other)));

    // A repo that was deleted and made again under its name is another one.
    assert!(!full.info.key.is_empty());
    let delete = HttpRequest {
        method: Method::Delete,
        url: format!("{}/api/repos/delete", place.running.hub_url),
        headers: vec![(
            "Authorization".to_owned(),
            format!("Bearer {DEFAULT_TOKEN}"),
        )],
        body: json!({"name": "seeds", "type": "dataset"})
            .to_string()
            .into_bytes()
            .into(),
    };
    assert_eq!(block_on(place.transport.send(delete)).unwrap().status, 200);
    block_on(place.hub.create_dataset(REPO, true)).unwrap();
    let again = block_on(place.hub.dataset_info(REPO, "main")).unwrap();
    assert_ne!(again.key, full.info.key);
}

#[test]
fn more_files_than_one_request_asks_about_are_all_committed() {
    let place = Place::with_repo();
    let many: Vec<Operation> = (0..230)
        .map(|at| add(&format!("decisions/{at:03}.jsonl"), format!("{at}\n")))
        .collect();
    place.commit(&onto_main(many)).unwrap();
    assert_eq!(place.files("main").len(), 230);
    assert_eq!(place.read("main", "decisions/229.jsonl"), b"229\n");
}

#[test]
fn large_files_go_to_storage_and_the_token_does_not() {
    let place = Place::with_repo();
    let (whole, parts) = (noise(50_000), noise(150_001));
    let request = onto_main(vec![
        add("data/whole.parquet", &whole),
        add("data/parts.parquet", &parts),
        add("a.txt", "a"),
    ]);
    place.commit(&request).unwrap();
    assert_eq!(place.read("main", "data/whole.parquet"), whole);
    assert_eq!(place.read("main", "data/parts.parquet"), parts);
    let tree = place.tree("main");
    for (path, bytes) in [
        ("data/whole.parquet", &whole),
        ("data/parts.parquet", &parts),
    ] {
        let entry = tree.iter().find(|entry| entry.path == path).unwrap();
        assert_eq!(
            entry.lfs_sha256.as_deref(),
            Some(sha256_hex(bytes).as_str())
        );
        assert_eq!(entry.size, bytes.len() as u64);
    }
    assert_eq!(
        place.commit(&request).unwrap(),
        CommitOutcome::default(),
        "nothing changed"
    );

    let log = place.log();
    let storage: Vec<&Value> = log
        .iter()
        .filter(|entry| entry["origin"] == "storage")
        .collect();
    let count = |method: &str| {
        storage
            .iter()
            .filter(|entry| entry["method"] == method)
            .count()
    };
    assert_eq!(
        count("PUT"),
        1 + 3,
        "one whole file, and one in three parts"
    );
    assert_eq!(count("GET"), 2);
    for entry in storage {
        assert_eq!(entry["authorized"], false, "{entry}");
        assert!(entry["status"].as_u64().unwrap() < 300, "{entry}");
    }
    let hub = log.iter().filter(|entry| {
        entry["origin"] == "hub" && entry["path"].as_str().unwrap().contains("/commit/")
    });
    assert!(hub.map(|entry| &entry["authorized"]).eq([&json!(true)]));
}

#[test]
fn a_commit_onto_an_old_head_is_refused_whole() {
    let place = Place::with_repo();
    let old = place.head("main");
    let mut request = onto_main(vec![add("a.txt", "a")]);
    request.parent = Some(old.clone());
    place.commit(&request).unwrap();
    request.operations = vec![
        add("b.txt", "b"),
        Operation::Delete {
            path: "a.txt".to_owned(),
        },
    ];
    let error = place.commit(&request).unwrap_err();
    assert_eq!(
        (error.kind, error.status()),
        (HubErrorKind::Stale, Some(412))
    );
    assert_eq!(error.failure().kind, FailureKind::Conflict);
    assert_eq!(place.files("main"), ["a.txt"]);
    let mut retry = CommitRetry::default();
    assert_eq!(
        retry.on(&error, Some(place.head("main") != old)),
        Next::Remerge
    );
    request.parent = Some(place.head("main"));
    place.commit(&request).unwrap();
    assert_eq!(place.files("main"), ["b.txt"]);
}

#[test]
fn a_pull_request_is_opened_extended_and_merged() {
    let place = Place::with_repo();
    let head = place.head("main");
    let mut request = onto_main(vec![
        add("data/p.jsonl", "1\n"),
        add("data/t.parquet", noise(3000)),
    ]);
    request.create_pr = true;
    request.parent = Some(head.clone());
    let (number, url) = place.commit(&request).unwrap().pull_request.unwrap();
    assert!(url.ends_with(&format!("/discussions/{number}")));
    assert_eq!(place.head("main"), head);

    let branch = format!("refs/pr/{number}");
    let mut more = onto_main(vec![add("data/p2.jsonl", "2\n")]);
    more.branch.clone_from(&branch);
    more.parent = Some(place.head(&branch));
    assert_eq!(place.commit(&more).unwrap().pull_request, None);
    assert_eq!(
        place.files(&branch),
        ["data/p.jsonl", "data/p2.jsonl", "data/t.parquet"]
    );
    assert_eq!(place.read(&branch, "data/p2.jsonl"), b"2\n");

    let open = block_on(place.hub.pull_requests(REPO)).unwrap();
    assert_eq!(open.len(), 1);
    assert!(open[0].number == number && open[0].is_open && open[0].author == "local");
    assert_eq!(open[0].title, "test");
    block_on(place.hub.merge_pull_request(REPO, number, "thanks")).unwrap();
    assert_eq!(
        place.files("main"),
        ["data/p.jsonl", "data/p2.jsonl", "data/t.parquet"]
    );
    assert!(!block_on(place.hub.pull_requests(REPO)).unwrap()[0].is_open);
}

#[test]
fn a_pull_request_is_found_below_many_others() {
    let place = Place::with_repo();
    let offer = |at: usize| {
        let mut request = onto_main(vec![add(&format!("{at}.txt"), "x")]);
        request.create_pr = true;
        place.commit(&request).unwrap().pull_request.unwrap().0
    };
    let numbers: Vec<u64> = (0..60).map(offer).collect();
    let listed: Vec<u64> = block_on(place.hub.pull_requests(REPO))
        .unwrap()
        .iter()
        .map(|pull| pull.number)
        .collect();
    let newest_first: Vec<u64> = numbers.into_iter().rev().collect();
    assert_eq!(listed, newest_first);
}

#[test]
fn a_lost_answer_makes_no_second_pull_request() {
    for fault in [
        json!({"kind": "commit", "mode": "land_then_cut"}),
        json!({"kind": "commit", "mode": "land_then_504"}),
        json!({"kind": "commit", "mode": "answer_then_land", "delay_ms": 200}),
    ] {
        let place = Place::with_repo();
        let head = place.head("main");
        let mut request = onto_main(vec![
            add("data/p.jsonl", "1\n"),
            // In LFS storage, and not, of files that are not in memory.
            add_large("data/t.parquet", noise(3000)),
            add_large("data/r.jsonl", b"3\n".to_vec()),
        ]);
        request.create_pr = true;
        request.parent = Some(head.clone());
        let mut tries = Tries::default();
        let mut offer = |request: &CommitRequest| {
            block_on(place.hub.offer(REPO, request.clone(), &mut tries, &|_| {}))
        };
        // Another one of the same person with the same title and parent is not it.
        let mut other = request.clone();
        other.operations = vec![add("data/p.jsonl", "0\n")];
        let (first, _) = place.commit(&other).unwrap().pull_request.unwrap();
        place.fault(&fault);
        let error = offer(&request).unwrap_err();
        assert!(error.is_unknown(), "{error}");
        // Meanwhile main has moved and a decision was made: what is sent now is not what was sent.
        if fault["mode"] == "land_then_504" {
            place.commit(&onto_main(vec![add("m.txt", "m")])).unwrap();
            request.parent = Some(place.head("main"));
            request.operations.push(add("data/q.jsonl", "2\n"));
        }
        // The answer may come before the commit lands.
        while block_on(place.hub.pull_requests(REPO)).unwrap().len() < 2 {}
        let outcome = offer(&request).unwrap();
        let (number, url) = outcome.pull_request.unwrap();
        assert_eq!(number, first + 1, "{fault}");
        assert!(url.ends_with(&format!("/datasets/{REPO}/discussions/{number}")));
        let branch = format!("refs/pr/{number}");
        assert_eq!(outcome.commit, Some(place.head(&branch)));
        assert!(outcome.url.ends_with(&place.head(&branch)));
        assert_eq!(block_on(place.hub.pull_requests(REPO)).unwrap().len(), 2);
        let has_more = place.files(&branch).contains(&"data/q.jsonl".to_owned());
        assert_eq!(has_more, fault["mode"] == "land_then_504");
    }
}

#[test]
fn a_pull_request_of_others_or_one_that_is_closed_is_not_taken_for_the_lost_one() {
    let place = Place::new();
    block_on(place.hub.create_dataset(REPO, false)).unwrap();
    place.local(
        Method::Post,
        "users",
        &json!({"name": "eve", "token": "hf_eve", "role": "write"}),
    );
    let eve = place.as_user("hf_eve");
    let mut request = onto_main(vec![add("a.txt", "a")]);
    request.create_pr = true;
    request.parent = Some(place.head("main"));
    let mut tries = Tries::default();
    place.fault(&json!({"kind": "cut", "path_contains": "/commit/"}));
    block_on(eve.offer(REPO, request.clone(), &mut tries, &|_| {})).unwrap_err();
    // The very same change, of somebody else and then her own that was merged.
    place.commit(&request).unwrap();
    let mut other = Tries::default();
    let own = block_on(eve.offer(REPO, request.clone(), &mut other, &|_| {})).unwrap();
    assert_eq!(own.pull_request.unwrap().0, 2);
    block_on(place.hub.merge_pull_request(REPO, 2, "")).unwrap();
    request.operations.push(add("b.txt", "b"));
    let outcome = block_on(eve.offer(REPO, request.clone(), &mut tries, &|_| {})).unwrap();
    assert_eq!(outcome.pull_request.unwrap().0, 3);
}

#[test]
fn files_and_folders_are_deleted() {
    let place = Place::with_repo();
    place
        .commit(&onto_main(vec![
            add("a.txt", "a"),
            add("b.txt", "b"),
            add("d/1.txt", "1"),
            add("d/e/2.txt", "2"),
        ]))
        .unwrap();
    let gone = vec![
        Operation::Delete {
            path: "a.txt".to_owned(),
        },
        Operation::DeleteFolder {
            path: "d".to_owned(),
        },
    ];
    place.commit(&onto_main(gone)).unwrap();
    assert_eq!(place.files("main"), ["b.txt"]);
    let error = block_on(place.hub.read_file(REPO, "main", "a.txt")).unwrap_err();
    assert_eq!(error.kind, HubErrorKind::NotFound);
}

#[test]
fn rights_decide_who_may_commit() {
    let place = Place::new();
    block_on(place.hub.create_dataset(REPO, false)).unwrap();
    place.local(
        Method::Post,
        "users",
        &json!({"name": "eve", "token": "hf_eve", "role": "read"}),
    );
    place.local(
        Method::Post,
        "users",
        &json!({"name": "pat", "token": "hf_pat", "role": "pull-request"}),
    );
    let request = onto_main(vec![add("a.txt", "a")]);
    let error = block_on(
        place
            .as_user("hf_eve")
            .commit(REPO, request.clone(), &|_| {}),
    )
    .unwrap_err();
    assert_eq!(
        (error.kind, error.failure().kind),
        (HubErrorKind::Forbidden, FailureKind::Forbidden)
    );

    // A token for pull requests only is told that the branch moved, which it did not.
    let pat = place.as_user("hf_pat");
    let head = place.head("main");
    let mut retry = CommitRetry::default();
    let mut onto_head = request.clone();
    onto_head.parent = Some(head.clone());
    let mut last = None;
    for _ in 0..2 {
        let error = block_on(pat.commit(REPO, onto_head.clone(), &|_| {})).unwrap_err();
        last = Some(retry.on(&error, Some(place.head("main") != head)));
    }
    let Some(Next::GiveUp(failure)) = last else {
        panic!("goes on: {last:?}")
    };
    assert!(failure.next.contains("pull request"));
    let offered = CommitRequest {
        create_pr: true,
        ..onto_head
    };
    assert!(
        block_on(pat.commit(REPO, offered.clone(), &|_| {}))
            .unwrap()
            .pull_request
            .is_some()
    );
}

#[test]
fn a_rate_limit_and_a_busy_repo_pass() {
    let place = Place::with_repo();
    let request = onto_main(vec![add("a.txt", "a")]);
    place.fault(&json!({
        "kind": "status", "status": 429, "retry_after": 7, "path_contains": "/preupload/", "message": "slow down",
    }));
    let error = place.commit(&request).unwrap_err();
    assert_eq!(
        (error.kind, error.wait_ms),
        (HubErrorKind::RateLimited, Some(7000))
    );
    assert_eq!(error.message, "slow down");
    assert_eq!(
        CommitRetry::default().on(&error, Some(false)),
        Next::Wait { ms: 7000 }
    );
    place.fault(&json!({"kind": "busy_commit"}));
    let error = place.commit(&request).unwrap_err();
    assert_eq!(
        (error.kind, error.status()),
        (HubErrorKind::Busy, Some(409))
    );
    place.commit(&request).unwrap();
    assert_eq!(place.files("main"), ["a.txt"]);
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_on_the_branch() {
    for mode in [
        "land_then_504",
        "land_then_500",
        "land_then_cut",
        "answer_then_land",
    ] {
        let place = Place::with_repo();
        let head = place.head("main");
        let mut request = onto_main(vec![add("a.txt", "a")]);
        request.parent = Some(head.clone());
        place.fault(&json!({"kind": "commit", "mode": mode, "delay_ms": 100}));
        let error = place.commit(&request).unwrap_err();
        assert!(error.is_unknown(), "{mode}: {error}");
        // It lands, however late; the bound only keeps a broken one from hanging.
        let has_landed = (0..2000).any(|_| {
            block_on(place.transport.sleep(10));
            place.head("main") != head
        });
        assert!(has_landed, "{mode}");
        assert_eq!(CommitRetry::default().on(&error, Some(true)), Next::Remerge);
        // Reading again shows that it was ours: nothing is left to commit, and nothing is committed twice.
        request.parent = Some(place.head("main"));
        assert_eq!(
            place.commit(&request).unwrap(),
            CommitOutcome::default(),
            "{mode}"
        );
    }
}

#[test]
fn a_slow_commit_is_waited_for() {
    let place = Place::with_repo();
    place.fault(&json!({"kind": "commit", "mode": "slow", "delay_ms": 200}));
    let outcome = place.commit(&onto_main(vec![add("a.txt", "a")])).unwrap();
    assert_eq!(outcome.commit, Some(place.head("main")));
}

#[test]
fn a_hub_that_fails_or_is_gone_is_no_refusal() {
    let place = Place::with_repo();
    place.fault(&json!({"kind": "cut", "path_contains": "/revision/"}));
    let error = block_on(place.hub.dataset_info(REPO, "main")).unwrap_err();
    assert_eq!((error.kind, error.status()), (HubErrorKind::Network, None));
    place.fault(&json!({"kind": "status", "status": 403, "origin": "storage"}));
    let error = place
        .commit(&onto_main(vec![add("t.parquet", noise(2000))]))
        .unwrap_err();
    assert_eq!(
        error.status(),
        Some(403),
        "storage refuses addresses that are too old"
    );
    assert!(
        matches!(
            CommitRetry::default().on(&error, Some(false)),
            Next::Wait { .. }
        ),
        "the next try gets new addresses"
    );
    assert!(place.files("main").is_empty());
}

/// Sends a form and gives the address that the answer leads to. A page would be led there.
fn led_to(hub: &str, path: &str, form: &str) -> String {
    let host = hub.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = form.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let location = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    location.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn signing_in_gives_a_token_with_the_scopes_that_were_granted() {
    let place = Place::new();
    let base = &place.running.hub_url;
    let config = HubConfig {
        hub: base.clone(),
        ..HubConfig::default()
    };
    let signing_in = |granted: &str, seed: u8| {
        let (url, pending) = oauth::start(
            &config,
            "seedbed-local",
            "http://127.0.0.1:9/app/?x=1",
            "write-repos inference-api",
            [seed; 32],
        );
        let page = block_on(async {
            let request = HttpRequest {
                method: Method::Get,
                url,
                headers: Vec::new(),
                body: Vec::new().into(),
            };
            let mut response = place.transport.send(request).await.unwrap();
            let mut bytes = Vec::new();
            while let Some(piece) = response.body.next().await {
                bytes.extend(piece.unwrap());
            }
            assert_eq!(response.status, 200);
            String::from_utf8(bytes).unwrap()
        });
        let (_, rest) = page.split_once("name=ticket value=\"").unwrap();
        let (ticket, _) = rest.split_once('"').unwrap();
        let form = format!("ticket={ticket}&decision=allow&user=local{granted}");
        let location = led_to(base, "/oauth/authorize", &form);
        let query = location
            .strip_prefix("http://127.0.0.1:9/app/?x=1&")
            .unwrap()
            .to_owned();
        let value = |key: &str| {
            let pair = query
                .split('&')
                .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
            pair.unwrap().to_owned()
        };
        (pending, value("code"), value("state"))
    };
    let (pending, code, state) = signing_in("&scope=write-repos", 1);
    let finish = |pending, state: &str, code: &str| {
        block_on(oauth::finish(
            &place.transport,
            &config,
            pending,
            state,
            code,
        ))
    };
    let (token, scopes) = finish(&pending, &state, &code).unwrap();
    assert_eq!(
        scopes,
        ["openid", "profile", "write-repos"],
        "one was not granted"
    );
    let signed_in = HubClient::new(Rc::clone(&place.transport), base, Some(token));
    assert_eq!(block_on(signed_in.whoami()).unwrap().name, "local");
    let used = finish(&pending, &state, &code).unwrap_err();
    assert_eq!(used.kind, HubErrorKind::Refused);
    assert!(used.message.contains("used or too old"), "{used}");

    let (pending, code, state) = signing_in("", 2);
    let (other, _, _) = signing_in("", 3);
    let stolen = seedbed_core::messages::OauthPending {
        state: state.clone(),
        ..other
    };
    let error = finish(&stolen, &state, &code).unwrap_err();
    assert!(error.message.contains("code_verifier"), "{error}");
    assert!(
        !format!("{error:?}").contains(&code) && !format!("{error:?}").contains(&pending.verifier)
    );
}
