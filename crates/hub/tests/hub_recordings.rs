//! What this client sends is what the public clients send, field by field; the differences that are meant are listed
//! with their reasons. The answers come from the recordings too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hub_support;

use hub_support::*;
use seedbed_core::id::hex;
use seedbed_core::messages::{HubConfig, OauthPending, Step};
use seedbed_hub::transport::Transport;
use seedbed_hub::{
    CommitOutcome, CommitRequest, CreatedRepo, HubError, HubErrorKind, LargeFile, Operation, oauth,
};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

const DESCRIPTION: Meant = (
    "commit body[0].value.description",
    "always sent, as Python does; JavaScript leaves it out",
);
const NEWLINE: Meant = (
    "commit newline",
    "every line ends, as Python's do; JavaScript leaves the last end out",
);
const HASH_ALGO: Meant = (
    "batch body.hash_algo",
    "spelled as in Python and the LFS specification; JavaScript has sha_256",
);
const PUT_ID: Meant = (
    "lfs-put header.x-request-id",
    "a header that is not needed and makes browsers ask first",
);
const VERIFY_ACCEPT: Meant = (
    "lfs-verify header.accept",
    "the LFS specification asks for it",
);
const VERIFY_TYPE: Meant = (
    "lfs-verify header.content-type",
    "the LFS specification asks for it",
);
const LIMIT: Meant = (
    "call query.limit",
    "the page's size is named, not left to the Hub",
);
const ACCEPT: Meant = ("call header.accept", "the Hub answers in JSON anyway");
const FORM: [Meant; 2] = [
    ("call body", "JSON, as JavaScript; Python sends a form"),
    (
        "call header.content-type",
        "JSON, as JavaScript; Python sends a form",
    ),
];
const NO_EXPAND: Meant = (
    "call query.expand",
    "one field more costs less than a list of fields",
);
const VISIBILITY: Meant = (
    "call body.visibility",
    "always said, so that nothing depends on an account's default",
);
const AT_REVISION: Meant = (
    "call path",
    "always asked at a revision, whose head is what matters",
);

/// Plays a recorded commit.
fn committed(text: &str) -> (Rc<Replay>, CommitRequest, Result<CommitOutcome, HubError>) {
    let (replay, repo, request) = commit_of(text);
    let result = now(replay.client().commit(&repo, request.clone(), &|_| {}));
    (replay, request, result)
}

/// Its files as files that are not in memory.
fn outside(operations: &mut [Operation]) {
    for operation in operations {
        if let Operation::Add { path, bytes } = operation {
            *operation = Operation::AddLarge {
                path: std::mem::take(path),
                file: LargeFile::from(std::mem::take(bytes)),
            };
        }
    }
}

/// Plays a recorded commit that lands, with its files in memory and with files that are not.
#[track_caller]
fn lands(text: &str, meant: &[Meant]) -> CommitOutcome {
    let (replay, repo, mut request) = commit_of(text);
    outside(&mut request.operations);
    let result = now(replay.client().commit(&repo, request, &|_| {}));
    landed(text, &replay, result, meant);
    let (replay, _, result) = committed(text);
    landed(text, &replay, result, meant)
}

#[track_caller]
fn landed(
    text: &str,
    replay: &Replay,
    result: Result<CommitOutcome, HubError>,
    meant: &[Meant],
) -> CommitOutcome {
    let recorded = exchanges(text).last().unwrap()["response"]["body"]["json"].clone();
    let outcome = result.unwrap();
    replay.check(meant);
    assert_eq!(outcome.commit.as_deref(), recorded["commitOid"].as_str());
    assert_eq!(outcome.url, recorded["commitUrl"].as_str().unwrap());
    assert_eq!(
        outcome.pull_request.is_some(),
        recorded.get("pullRequestUrl").is_some()
    );
    outcome
}

#[test]
fn who_is_signed_in_is_asked_as_others_ask() {
    for text in [
        recording!("py-whoami"),
        recording!("js-whoami"),
        recording!("br-whoami"),
    ] {
        let replay = Replay::new(exchanges(text));
        let account = now(replay.client().whoami()).unwrap();
        replay.check(&[]);
        assert_eq!(account.name, "tester");
        assert_eq!(account.full_name, "Test Er");
        assert_eq!(account.namespaces, ["tester", "acme"]);
        assert!(account.can_write);
        // The Hub names its own pictures without its address; a page would look for them on itself.
        assert_eq!(
            account.avatar_url.as_deref(),
            Some("http://hub.test/avatars/x.svg")
        );
    }
}

#[test]
fn a_repo_is_made_as_others_make_it() {
    let card = ("call body.files", "the card comes with the first commit");
    let license = ("call body.license", "the licence stands in the card");
    for (text, repo, private, meant) in [
        (recording!("py-create-repo"), REPO_PY, true, vec![]),
        (
            recording!("js-create-repo"),
            REPO_JS,
            true,
            vec![card, license],
        ),
        (
            recording!("br-create-repo"),
            "tester/br1",
            false,
            vec![VISIBILITY],
        ),
    ] {
        let replay = Replay::new(exchanges(text));
        assert_eq!(
            now(replay.client().create_dataset(repo, private)).unwrap(),
            CreatedRepo::Created
        );
        replay.check(&meant);
    }
}

#[test]
fn a_repo_that_is_there_is_told_with_what_the_hub_says_of_it() {
    let (py_info, js_info) = (recording!("py-repo-info"), recording!("js-dataset-info"));
    for (text, info, repo, meant) in [
        (
            recording!("py-create-repo-conflict-409"),
            py_info,
            REPO_PY,
            vec![AT_REVISION],
        ),
        (
            recording!("py-create-repo-exists-ok"),
            py_info,
            REPO_PY,
            vec![AT_REVISION],
        ),
        (
            recording!("js-create-repo-conflict-409"),
            js_info,
            REPO_JS,
            vec![AT_REVISION, NO_EXPAND],
        ),
    ] {
        let mut list = exchanges(text);
        list.extend(exchanges(info));
        let replay = Replay::new(list);
        let created = now(replay.client().create_dataset(repo, false)).unwrap();
        let CreatedRepo::Exists(existing) = created else {
            panic!("taken for a new one");
        };
        assert_eq!(existing.info.id, repo);
        assert!(existing.info.private && !existing.is_as_wished);
        replay.check(&[&[VISIBILITY], &*meant].concat());
    }
}

#[test]
fn a_repo_is_read_at_a_revision() {
    let replay = Replay::new(exchanges(recording!("js-dataset-info")));
    let info = now(replay.client().dataset_info(REPO_JS, "HEAD")).unwrap();
    replay.check(&[NO_EXPAND]);
    assert_eq!(info.id, REPO_JS);
    assert_eq!(
        info.sha.as_deref(),
        Some("debdb29f305b1b23f40720e0aaed6331be1dd2e7")
    );
    assert!(info.private);

    let replay = Replay::new(exchanges(recording!("py-repo-info")));
    let info = now(replay.client().dataset_info(REPO_PY, "main")).unwrap();
    replay.check(&[AT_REVISION]);
    assert_eq!(
        info.sha.as_deref(),
        Some("b54f018e5af58d05b1b6729612dfe1c13930600b")
    );
}

#[test]
fn files_are_listed_as_others_list_them() {
    for (text, repo, meant) in [
        (recording!("py-list-tree"), REPO_PY, vec![LIMIT]),
        (recording!("js-list-files"), REPO_JS, vec![LIMIT, ACCEPT]),
    ] {
        let replay = Replay::new(exchanges(text));
        let tree = now(replay.client().tree(repo, "main", "", true)).unwrap();
        replay.check(&meant);
        let files: Vec<&str> = tree
            .iter()
            .filter(|entry| entry.is_file)
            .map(|entry| entry.path.as_str())
            .collect();
        assert_eq!(files[..2], [".gitattributes", "README.md"]);
        assert!(
            tree.iter()
                .any(|entry| !entry.is_file && entry.path == "data")
        );
        assert_eq!(tree[0].oid, "f696d184078074c594e41d9dd049d8f6a7b65991");
        assert_eq!(tree[0].size, 21);
    }
}

#[test]
fn a_list_of_files_goes_on_where_the_hub_says() {
    for next in [
        "/api/datasets/tester/ds1/tree/main?cursor=a%3D",
        "http://hub.test/api/datasets/tester/ds1/tree/main?cursor=a%3D",
    ] {
        let first = exchanges(recording!("py-list-tree")).remove(0);
        let all = first["response"]["body"]["json"]
            .as_array()
            .unwrap()
            .clone();
        let mut second = first.clone();
        let mut first = first;
        first["response"]["body"]["json"] = json!(all[..2]);
        first["response"]["headers"]["Link"] = json!(format!("<{next}>; rel=\"next\""));
        second["response"]["body"]["json"] = json!(all[2..]);
        second["url"] = json!("/api/datasets/tester/ds1/tree/main?cursor=a%3D");
        let replay = Replay::new(vec![first, second]);
        let tree = now(replay.client().tree(REPO_PY, "main", "", true)).unwrap();
        replay.check(&[LIMIT]);
        assert_eq!(tree.len(), all.len());
    }
}

#[test]
fn a_list_that_leads_to_another_origin_is_followed_without_the_token() {
    let mut first = exchanges(recording!("py-list-tree")).remove(0);
    let mut second = first.clone();
    first["response"]["headers"]["Link"] = json!("<http://cdn.test/list?cursor=1>; rel=\"next\"");
    second["url"] = json!("/list?cursor=1");
    second["to"] = json!("elsewhere");
    second["headers"] = json!({});
    let replay = Replay::new(vec![first, second]);
    now(replay.client().tree(REPO_PY, "main", "", true)).unwrap();
    replay.check(&[LIMIT]);
}

#[test]
fn a_list_that_never_ends_is_given_up() {
    let mut page = exchanges(recording!("py-list-tree")).remove(0);
    page["response"]["headers"]["Link"] =
        json!("</api/datasets/tester/ds1/tree/main>; rel=\"next\"");
    let replay = Replay::new(vec![page; 1000]);
    let error = now(replay.client().tree(REPO_PY, "main", "", true)).unwrap_err();
    assert_eq!(error.kind, HubErrorKind::Malformed);
}

#[test]
fn paths_are_looked_up_and_missing_ones_are_absent() {
    let expand = (
        "call body.expand",
        "the last commit of each file is not needed",
    );
    let replay = Replay::new(exchanges(recording!("js-paths-info")));
    let paths = ["README.md".to_owned(), "nope".to_owned()];
    let found = now(replay.client().paths_info(REPO_JS, "main", &paths)).unwrap();
    replay.check(&[expand, ACCEPT]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].oid, "ac3e6daf176fafe73609fd000cd188e4472010fb");

    let replay = Replay::new(exchanges(recording!("py-paths-info")));
    let paths = ["data/a.jsonl".to_owned(), "nope".to_owned()];
    let found = now(replay.client().paths_info(REPO_PY, "main", &paths)).unwrap();
    replay.check(&FORM);
    assert_eq!(found.len(), 1);
}

#[test]
fn small_files_are_committed_as_others_commit_them() {
    lands(recording!("py-commit-small"), &[]);
    lands(recording!("js-commit-small"), &[NEWLINE]);
    lands(recording!("br-commit-small"), &[DESCRIPTION, NEWLINE]);
    lands(recording!("py-commit-empty-file"), &[]);
}

#[test]
fn a_commit_onto_a_parent_names_it() {
    lands(recording!("py-commit-parent-ok"), &[]);
    lands(recording!("js-commit-parent-ok"), &[DESCRIPTION, NEWLINE]);
}

#[test]
fn a_branch_that_moved_and_a_busy_repo_are_told_apart() {
    for (text, kind, status, meant) in [
        (
            recording!("py-commit-parent-conflict-412"),
            HubErrorKind::Stale,
            412,
            vec![],
        ),
        (
            recording!("js-commit-parent-conflict-412"),
            HubErrorKind::Stale,
            412,
            vec![DESCRIPTION, NEWLINE],
        ),
        (
            recording!("py-commit-busy-409"),
            HubErrorKind::Busy,
            409,
            vec![],
        ),
        (
            recording!("js-commit-busy-409"),
            HubErrorKind::Busy,
            409,
            vec![DESCRIPTION, NEWLINE],
        ),
    ] {
        let said = exchanges(text).last().unwrap()["response"]["body"]["json"]["error"].clone();
        let (replay, _, result) = committed(text);
        replay.check(&meant);
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.status()), (kind, Some(status)));
        assert_eq!(said, error.message);
        assert!(error.failure().detail.unwrap().contains(&error.message));
        assert!(
            !error.is_unknown(),
            "the Hub answered: nothing was committed"
        );
    }
}

#[test]
fn a_pull_request_is_opened_and_committed_to() {
    for (text, meant) in [
        (recording!("py-commit-pr"), vec![]),
        (recording!("js-commit-pr"), vec![DESCRIPTION, NEWLINE]),
    ] {
        let (number, url) = lands(text, &meant).pull_request.unwrap();
        assert_eq!(number, 1);
        assert!(url.ends_with("/discussions/1"));
    }
    assert_eq!(
        lands(recording!("py-commit-to-pr-ref"), &[]).pull_request,
        None
    );
    lands(recording!("js-commit-to-pr-ref"), &[DESCRIPTION, NEWLINE]);
}

#[test]
fn files_and_folders_are_deleted_without_asking_how_to_upload() {
    lands(recording!("py-delete-file"), &[]);
    lands(recording!("js-delete-file"), &[DESCRIPTION, NEWLINE]);
    lands(recording!("py-delete-folder"), &[]);
}

#[test]
fn nothing_is_committed_when_nothing_changed() {
    let replay = Replay::new(exchanges(recording!("py-commit-small-unchanged-noop")));
    let request = CommitRequest {
        summary: "again".to_owned(),
        branch: "main".to_owned(),
        operations: vec![Operation::Add {
            path: "data/a.jsonl".to_owned(),
            bytes: b"{\"x\":1}\n".to_vec(),
        }],
        ..CommitRequest::default()
    };
    let outcome = now(replay.client().commit(REPO_PY, request.clone(), &|_| {})).unwrap();
    assert_eq!(outcome, CommitOutcome::default());
    replay.check_made(&[]);
    // Python reads the head after that, to answer with it.
    assert_eq!(replay.exchanges.borrow().len(), 1);
    assert_eq!(replay.requests.borrow().len(), 1);
}

#[test]
fn large_files_go_to_storage_whole() {
    lands(
        recording!("py-commit-big-lfs-basic"),
        &[VERIFY_ACCEPT, VERIFY_TYPE],
    );
    lands(
        recording!("js-commit-big-lfs-basic"),
        &[DESCRIPTION, NEWLINE, HASH_ALGO, PUT_ID],
    );
    lands(
        recording!("br-lfs-basic"),
        &[DESCRIPTION, NEWLINE, HASH_ALGO, PUT_ID],
    );
}

#[test]
fn large_files_go_to_storage_in_parts() {
    lands(recording!("py-commit-big-lfs-multipart"), &[]);
    lands(
        recording!("js-commit-big-lfs-multipart"),
        &[DESCRIPTION, NEWLINE, HASH_ALGO],
    );
    lands(
        recording!("br-lfs-multipart"),
        &[DESCRIPTION, NEWLINE, HASH_ALGO],
    );
}

#[test]
fn a_file_that_storage_has_is_not_sent_again() {
    lands(recording!("py-commit-lfs-already-there"), &[]);
}

#[test]
fn a_large_commit_tells_how_far_it_is() {
    let (replay, repo, request) = commit_of(recording!("js-commit-big-lfs-multipart"));
    let told = RefCell::new(Vec::new());
    now(replay.client().commit(&repo, request.clone(), &|progress| {
        told.borrow_mut().push(progress);
    }))
    .unwrap();
    let uploading: Vec<u64> = told
        .borrow()
        .iter()
        .filter(|p| p.step == Step::Uploading)
        .map(|p| p.done)
        .collect();
    assert_eq!(uploading, [0, 100_000, 200_000, 250_000, 250_000]);
    assert!(
        told.borrow()
            .iter()
            .all(|progress| progress.done <= progress.total)
    );
    assert_eq!(told.borrow().last().unwrap().step, Step::Committing);
}

#[test]
fn a_refused_object_stops_before_the_commit() {
    let (replay, repo, request) = commit_of(recording!("js-commit-big-lfs-basic"));
    let mut list: Vec<Value> = replay.exchanges.borrow().iter().cloned().collect();
    let object = &mut list[1]["response"]["body"]["json"]["objects"][0];
    object["error"] = json!({"code": 422, "message": "storage limit reached"});
    let replay = Replay::new(list);
    let error = now(replay.client().commit(&repo, request.clone(), &|_| {})).unwrap_err();
    assert_eq!(error.kind, HubErrorKind::Refused);
    assert!(
        error
            .failure()
            .detail
            .unwrap()
            .contains("storage limit reached")
    );
    assert_eq!(
        replay.requests.borrow().len(),
        2,
        "neither storage nor the commit was reached"
    );
}

#[test]
fn a_transfer_that_was_not_offered_is_not_guessed_at() {
    let (replay, repo, request) = commit_of(recording!("js-commit-big-lfs-basic"));
    let mut list: Vec<Value> = replay.exchanges.borrow().iter().cloned().collect();
    list[1]["response"]["body"]["json"]["transfer"] = json!("xet");
    let replay = Replay::new(list);
    let error = now(replay.client().commit(&repo, request.clone(), &|_| {})).unwrap_err();
    assert_eq!(error.kind, HubErrorKind::Malformed);
    assert!(error.message.contains("xet"), "{error}");
    assert_eq!(replay.requests.borrow().len(), 2, "storage was not reached");
}

#[test]
fn parts_that_can_not_be_joined_any_more_are_sent_again() {
    let (replay, repo, request) = commit_of(recording!("js-commit-big-lfs-multipart"));
    let mut list: Vec<Value> = replay.exchanges.borrow().iter().cloned().collect();
    let joining = list
        .iter_mut()
        .find(|exchange| {
            exchange["url"]
                .as_str()
                .unwrap()
                .contains("complete_multipart")
        })
        .unwrap();
    joining["response"]["status"] = json!(403);
    joining["response"]["body"] =
        json!({"text": "<Error><Message>Request has expired</Message></Error>"});
    let replay = Replay::new(list);
    let error = now(replay.client().commit(&repo, request.clone(), &|_| {})).unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert_eq!(
        error.kind,
        HubErrorKind::Server,
        "the address is too old; no right is missing"
    );
}

#[test]
fn the_same_content_in_two_places_is_sent_once() {
    let (replay, repo, mut request) = commit_of(recording!("js-commit-big-lfs-basic"));
    let mut list: Vec<Value> = replay.exchanges.borrow().iter().cloned().collect();
    let files = list[0]["response"]["body"]["json"]["files"]
        .as_array_mut()
        .unwrap();
    let mut copy = files[0].clone();
    copy["path"] = json!("data/copy.parquet");
    files.push(copy);
    let Operation::Add { bytes, .. } = request.operations[0].clone() else {
        panic!("not a file");
    };
    request.operations.push(Operation::Add {
        path: "data/copy.parquet".to_owned(),
        bytes,
    });
    let count = list.len();
    let replay = Replay::new(list);
    now(replay.client().commit(&repo, request.clone(), &|_| {})).unwrap();
    let requests = replay.requests.borrow();
    assert_eq!(requests.len(), count);
    let batch: Value = serde_json::from_slice(requests[1].body.bytes()).unwrap();
    assert_eq!(batch["objects"].as_array().unwrap().len(), 1);
    let commit = String::from_utf8(requests[count - 1].body.bytes().to_vec()).unwrap();
    assert_eq!(commit.matches("lfsFile").count(), 2);
}

#[test]
fn a_file_that_the_repo_ignores_is_not_left_out_in_silence() {
    let (replay, repo, request) = commit_of(recording!("py-commit-small"));
    let mut list: Vec<Value> = replay.exchanges.borrow().iter().cloned().collect();
    let file = &mut list[0]["response"]["body"]["json"]["files"][0];
    file["shouldIgnore"] = json!(true);
    let path = file["path"].as_str().unwrap().to_owned();
    let replay = Replay::new(list);
    let error = now(replay.client().commit(&repo, request.clone(), &|_| {})).unwrap_err();
    assert_eq!(error.kind, HubErrorKind::Refused);
    assert!(error.message.contains(&path), "{error}");
    assert_eq!(replay.requests.borrow().len(), 1, "nothing was committed");
}

#[test]
fn files_are_read_through_the_redirects() {
    let replay = Replay::new(exchanges(recording!("br-resolve-small")));
    let bytes = now(replay.client().read_file("tester/br1", "main", "a.jsonl")).unwrap();
    replay.check(&[]);
    assert_eq!(bytes, b"{}\n");

    let replay = Replay::new(exchanges(recording!("py-download-lfs-redirect")));
    let bytes = now(replay
        .client()
        .read_file(REPO_PY, "main", "data/lfs1.parquet"))
    .unwrap();
    replay.check(&[
        (
            "call method",
            "the size is known from the tree; Python asks for the head first",
        ),
        (
            "call header.x-hf-download-counter",
            "a header that is not needed and makes browsers ask first",
        ),
    ]);
    assert_eq!(bytes.len(), 300_000);
    assert_eq!(hex(&bytes[..4]), "fd3feb3c");
}

#[test]
fn a_missing_repo_is_told_as_such() {
    for (text, repo) in [
        (recording!("py-repo-missing"), "tester/nope"),
        (recording!("js-repo-missing"), "tester/none"),
    ] {
        let replay = Replay::new(exchanges(text));
        let error = now(replay.client().dataset_info(repo, "main")).unwrap_err();
        replay.check(&[AT_REVISION]);
        assert_eq!(
            (error.kind, error.status()),
            (HubErrorKind::NotFound, Some(404))
        );
        assert_eq!(error.code.as_deref(), Some("RepoNotFound"));
        assert_eq!(error.message, "Repository not found");
    }
}

#[test]
fn a_rate_limit_tells_how_long_to_wait() {
    let replay = Replay::new(exchanges(recording!("py-ratelimit-429")));
    let error = now(replay.client().dataset_info(REPO_PY, "main")).unwrap_err();
    assert_eq!(
        (error.kind, error.wait_ms),
        (HubErrorKind::RateLimited, Some(1000))
    );
    assert!(error.message.contains("1000 api requests"));
    assert_eq!(
        replay.requests.borrow().len(),
        1,
        "when to ask again is the caller's"
    );
}

#[test]
fn signing_in_begins_where_the_hub_says() {
    let list = exchanges(recording!("js-oauth-login-url"));
    let endpoint = list[0]["response"]["body"]["json"]["authorization_endpoint"]
        .as_str()
        .unwrap();
    let config = HubConfig {
        hub: HUB.to_owned(),
        ..HubConfig::default()
    };
    let (url, _) = oauth::start(
        &config,
        "me",
        "https://tester-app.static.hf.space/",
        "write-repos",
        [1; 32],
    );
    assert!(url.starts_with(&format!("{endpoint}?")), "{url}");
}

#[test]
fn the_code_is_traded_as_others_trade_it() {
    let list = exchanges(recording!("js-oauth-token"));
    let replay = Replay::new(vec![list[1].clone()]);
    let pending = OauthPending {
        verifier: "df109d1e-25d7-4f9a-ab7e-d63ca15bcd75b6586286-9940-4a61-83f6-572c39b8d413"
            .to_owned(),
        state: "s".to_owned(),
        redirect_uri: "https://tester-app.static.hf.space/".to_owned(),
        client_id: "me".to_owned(),
    };
    let transport: Rc<dyn Transport> = Rc::<Replay>::clone(&replay);
    let config = HubConfig {
        hub: HUB.to_owned(),
        ..HubConfig::default()
    };
    let foreign = now(oauth::finish(&transport, &config, &pending, "t", "abc")).unwrap_err();
    assert_eq!(foreign.kind, HubErrorKind::Refused);
    assert!(
        replay.requests.borrow().is_empty(),
        "an answer to another sign-in is not followed"
    );
    let (token, scopes) = now(oauth::finish(&transport, &config, &pending, "s", "abc")).unwrap();
    replay.check(&[(
        "oauth/token body.client_id",
        "public clients name themselves (RFC 6749, 4.1.3)",
    )]);
    assert_eq!(token.secret(), "hf_oauth_xxx");
    assert_eq!(
        scopes,
        ["openid", "profile", "write-repos", "inference-api"]
    );
}
