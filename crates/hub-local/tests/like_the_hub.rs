//! Where answers have to be those of the Hub itself. The clients of others check the same in `tests/clients`.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

mod support;

use seedbed_hub_local::DEFAULT_TOKEN;
use serde_json::{Value, json};
use support::{Answer, Folder, post, send, started};

fn call(hub: &str, method: &str, path: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {DEFAULT_TOKEN}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    send(&format!("{hub}{path}"), method, &headers, body.as_bytes()).expect("an answer")
}

fn read(hub: &str, path: &str) -> Answer {
    call(hub, "GET", path, &Value::Null)
}

fn said(answer: &Answer) -> String {
    answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Commits these lines to `main`.
fn commit(hub: &str, repo: &str, lines: &[Value]) -> Answer {
    let header = json!({ "key": "header", "value": { "summary": "s < t" } });
    let mut body = format!("{header}\n");
    for line in lines {
        body.push_str(&line.to_string());
        body.push('\n');
    }
    let authorization = format!("Bearer {DEFAULT_TOKEN}");
    let headers = [("Authorization", authorization.as_str())];
    let url = format!("{hub}/api/datasets/{repo}/commit/main");
    send(&url, "POST", &headers, body.as_bytes()).expect("an answer")
}

fn file(path: &str) -> Value {
    json!({ "key": "file", "value": { "path": path, "content": path } })
}

fn paths(hub: &str, repo: &str) -> Vec<String> {
    let tree = read(
        hub,
        &format!("/api/datasets/{repo}/tree/main?recursive=true"),
    )
    .json();
    let files = tree.as_array().expect("a list").iter();
    files
        .filter(|entry| entry["type"] == "file")
        .map(|entry| entry["path"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn repositories_answer_in_any_case_and_one_without_an_owner_is_not_there() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    let create = json!({ "name": "Farm-Hands", "type": "dataset" });
    post(&format!("{hub}/api/repos/create"), &create).expect("an answer");
    let info = read(hub, "/api/datasets/LOCAL/farm-hands");
    assert_eq!(info.json()["id"], "local/Farm-Hands");
    assert_eq!(commit(hub, "local/FARM-hands", &[file("a")]).status, 200);
    assert_eq!(paths(hub, "local/farm-hands"), [".gitattributes", "a"]);
    let bare = read(hub, "/api/datasets/Farm-Hands");
    assert_eq!(bare.status, 404);
    assert_eq!(bare.header("x-error-code"), Some("RepoNotFound"));
    let stranger = send(&format!("{hub}/api/datasets/Farm-Hands"), "GET", &[], b"");
    assert_eq!(stranger.expect("an answer").status, 401);
}

#[test]
fn a_folder_goes_as_a_file_and_odd_paths_are_told_apart() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    let create = json!({ "name": "x", "type": "dataset" });
    post(&format!("{hub}/api/repos/create"), &create).expect("an answer");
    let files = [file("d/1"), file("d/e/2"), file("dd/3"), file("a\\b")];
    assert_eq!(commit(hub, "local/x", &files).status, 200);
    let gone = json!({ "key": "deletedFile", "value": { "path": "d" } });
    assert_eq!(
        commit(hub, "local/x", std::slice::from_ref(&gone)).status,
        200
    );
    assert_eq!(paths(hub, "local/x"), [".gitattributes", "a\\b", "dd/3"]);
    assert_eq!(commit(hub, "local/x", &[gone]).status, 404);
    for (path, status) in [("..\\c", 422), ("c\\..\\..\\d", 422), ("../c", 400)] {
        assert_eq!(
            commit(hub, "local/x", &[file(path)]).status,
            status,
            "{path}"
        );
        let files = json!({ "files": [{ "path": path, "size": 1 }] });
        let asked = call(hub, "POST", "/api/datasets/local/x/preupload/main", &files);
        assert_eq!(asked.status, status, "{path}");
    }
}

#[test]
fn branches_tags_and_titles_are_told_in_the_hubs_words() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    let create = json!({ "name": "x", "type": "dataset" });
    post(&format!("{hub}/api/repos/create"), &create).expect("an answer");
    let first = read(hub, "/api/datasets/local/x").json()["sha"].clone();
    let first = first.as_str().expect("a commit");
    commit(hub, "local/x", &[file("a")]);

    let at = "/api/datasets/local/x";
    let none = json!({});
    let exists = call(hub, "POST", &format!("{at}/branch/main"), &none);
    assert_eq!(
        (exists.status, said(&exists).as_str()),
        (409, "Reference refs/heads/main already exists")
    );
    let kept = call(hub, "DELETE", &format!("{at}/branch/main"), &none);
    assert_eq!(said(&kept), "Cannot delete refs/heads/main");
    let missing = call(hub, "DELETE", &format!("{at}/branch/none"), &none);
    assert_eq!(missing.status, 404);
    assert!(said(&missing).starts_with("Invalid rev id"));

    let tag = |revision: &str, name: &str| {
        let wanted = json!({ "tag": name });
        call(hub, "POST", &format!("{at}/tag/{revision}"), &wanted)
    };
    assert_eq!(tag(&first[..7], "v1").status, 200);
    let tagged = read(hub, &format!("{at}/revision/v1")).json()["sha"].clone();
    assert_eq!(tagged, first);
    let unknown = tag("none", "no tag is called so");
    assert_eq!(unknown.header("x-error-code"), Some("RevisionNotFound"));
    assert_eq!(tag("main", "no tag is called so").status, 400);

    let plain = read(hub, &format!("{at}/commits/main")).json();
    assert_eq!(plain[0].get("formatted"), None);
    let formatted = read(hub, &format!("{at}/commits/main?expand%5B%5D=formatted")).json();
    assert_eq!(formatted[0]["title"], "s < t");
    assert_eq!(formatted[0]["formatted"]["title"], "<p>s &lt; t</p>");

    let stale = json!({ "key": "header", "value": { "summary": "s", "parentCommit": first } });
    let authorization = format!("Bearer {DEFAULT_TOKEN}");
    let refused = send(
        &format!("{hub}{at}/commit/main"),
        "POST",
        &[("Authorization", &authorization)],
        format!("{stale}\n{}\n", file("b")).as_bytes(),
    )
    .expect("an answer");
    assert_eq!(refused.status, 412);
    assert_eq!(
        said(&refused),
        "The branch was updated since you opened this page. Please refresh and try again."
    );
}

#[test]
fn a_renamed_discussion_keeps_the_event() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    let create = json!({ "name": "x", "type": "dataset" });
    post(&format!("{hub}/api/repos/create"), &create).expect("an answer");
    let at = "/api/datasets/local/x/discussions";
    call(hub, "POST", at, &json!({ "title": "Before" }));
    let answer = call(
        hub,
        "POST",
        &format!("{at}/1/title"),
        &json!({ "title": "After" }),
    );
    let told = answer.json()["newTitle"].clone();
    assert_eq!(told["data"], json!({ "from": "Before", "to": "After" }));
    let details = read(hub, &format!("{at}/1")).json();
    assert_eq!(details["title"], "After");
    assert_eq!(details["events"], json!([told]));
}

#[test]
fn a_former_name_leads_to_the_present_one() {
    let folder = Folder::new();
    let running = started(&folder, |_| ());
    let hub = &running.hub_url;
    let body = json!({ "name": "seeds", "type": "dataset" });
    assert_eq!(call(hub, "POST", "/api/repos/create", &body).status, 200);
    assert_eq!(commit(hub, "local/seeds", &[file("a b.txt")]).status, 200);
    let body = json!({ "fromRepo": "local/seeds", "toRepo": "local/peas", "type": "dataset" });
    assert_eq!(call(hub, "POST", "/api/repos/move", &body).status, 200);
    let answer = read(hub, "/api/datasets/local/seeds/tree/main?recursive=true");
    assert_eq!(answer.status, 307);
    let location = answer.header("location");
    assert_eq!(
        location,
        Some("/api/datasets/local/peas/tree/main?recursive=true")
    );
    let answer = read(hub, "/datasets/local/seeds/resolve/main/a%20b.txt");
    let location = answer.header("location");
    assert_eq!(
        location,
        Some("/datasets/local/peas/resolve/main/a%20b.txt")
    );
    assert_eq!(paths(hub, "local/peas"), [".gitattributes", "a b.txt"]);
    // A name of old without an owner.
    let body = json!({ "from": "peas", "to": "local/peas" });
    assert!(post(&format!("{hub}/__local/renamed"), &body).is_some_and(|told| told.status == 200));
    let location = read(hub, "/api/datasets/peas/revision/main");
    assert_eq!(
        location.header("location"),
        Some("/api/datasets/local/peas/revision/main")
    );
}

#[test]
fn a_gate_closes_files_and_leaves_the_rest_open() {
    let folder = Folder::new();
    let running = started(&folder, |_| ());
    let hub = &running.hub_url;
    let body = json!({ "name": "seeds", "type": "dataset" });
    assert_eq!(call(hub, "POST", "/api/repos/create", &body).status, 200);
    assert_eq!(commit(hub, "local/seeds", &[file("a.txt")]).status, 200);
    let body = json!({ "gated": "manual" });
    let closed = call(hub, "PUT", "/api/datasets/local/seeds/settings", &body);
    assert_eq!(closed.status, 200);
    let user = json!({ "name": "guest", "token": "hf_guest", "role": "read" });
    assert!(post(&format!("{hub}/__local/users"), &user).is_some_and(|told| told.status == 200));
    let file = format!("{hub}/datasets/local/seeds/resolve/main/a.txt");
    let guest = [("Authorization", "Bearer hf_guest")];
    let info = send(&format!("{hub}/api/datasets/local/seeds"), "GET", &[], b"");
    assert_eq!(info.expect("an answer").json()["gated"], "manual");
    for (headers, status) in [(&[][..], 401), (&guest[..], 403)] {
        let answer = send(&file, "GET", headers, b"").expect("an answer");
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-error-code"), Some("GatedRepo"));
    }
    assert_eq!(
        read(hub, "/datasets/local/seeds/resolve/main/a.txt").status,
        307
    );
    let body = json!({ "user": "guest" });
    let path = "/api/datasets/local/seeds/user-access-request/grant";
    assert_eq!(call(hub, "POST", path, &body).status, 200);
    let answer = send(&file, "GET", &guest, b"").expect("an answer");
    assert_eq!(answer.status, 307);
}
