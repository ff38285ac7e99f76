//! What no public client covers: the static site, the upstream slot, faults on the wire, and the folder on disk.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

mod support;

use seedbed_hub_local::{AppConfig, DEFAULT_TOKEN, SCRIPTED_MODEL};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use support::{Answer, Folder, get, post, send, started};

fn site(folder: &Folder, has_space_variables: bool) -> AppConfig {
    folder.write(
        "dist/index.html",
        b"<!doctype html><html><head><title>x</title></head></html>",
    );
    folder.write("dist/app_bg.wasm", b"\0asm\x01\0\0\0");
    folder.write("dist/app.js", b"export {};");
    folder.write("secret.txt", b"outside");
    AppConfig {
        dir: folder.0.join("dist"),
        port: 0,
        sub_path: "spaces/demo".to_owned(),
        has_space_variables,
    }
}

#[test]
fn the_site_lies_below_its_path_with_the_right_types() {
    let folder = Folder::new();
    let app = site(&folder, false);
    let running = started(&folder, |config| {
        config.app = Some(app);
        config.has_scripted_model = true;
    });
    let url = running.app_url.clone().expect("there is a site");
    assert!(url.ends_with("/spaces/demo/"));
    let page = get(&url);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert!(!String::from_utf8_lossy(&page.body).contains("huggingface"));
    let wasm = get(&format!("{url}app_bg.wasm"));
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));
    assert_eq!(wasm.body, b"\0asm\x01\0\0\0");
    let script = get(&format!("{url}app.js"));
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let etag = script.header("etag").expect("files have one");
    let again = send(
        &format!("{url}app.js"),
        "GET",
        &[("If-None-Match", etag)],
        b"",
    );
    assert_eq!(again.expect("an answer").status, 304);

    let config = get(&format!("{url}config.json")).json();
    assert_eq!(config["hub"], running.hub_url);
    assert_eq!(config["router"], format!("{}/v1", running.hub_url));
    assert_eq!(config.get("models"), None);

    let origin = url.trim_end_matches("/spaces/demo/");
    assert_eq!(get(origin).header("location"), Some("/spaces/demo/"));
    for outside in [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "none.js",
        ".git/x",
    ] {
        assert_eq!(get(&format!("{url}{outside}")).status, 404, "{outside}");
    }
    assert_eq!(get(&format!("{origin}/app.js")).status, 404);
}

#[test]
fn a_space_hands_its_variables_to_the_page_right_behind_head() {
    let folder = Folder::new();
    let app = site(&folder, true);
    let running = started(&folder, |config| config.app = Some(app));
    let page = get(running.app_url.as_deref().expect("there is a site"));
    let html = String::from_utf8(page.body).expect("HTML is text");
    assert!(
        html.contains("<head><script>window.huggingface={variables:{"),
        "{html}"
    );
    assert!(
        html.contains("\"OAUTH_CLIENT_ID\":\"seedbed-local\""),
        "{html}"
    );
}

#[test]
fn the_upstream_gets_the_request_without_the_hubs_token_and_its_answer_comes_through() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = upstream.local_addr().expect("it is bound");
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = upstream.accept().expect("the Hub calls");
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while !bytes.ends_with(b"}") {
            let read = stream.read(&mut buffer).expect("the request comes");
            bytes.extend_from_slice(&buffer[..read]);
        }
        let events = "data: {\"choices\":[]}\n\ndata: [DONE]\n\n";
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n{events}",
            events.len()
        );
        stream.write_all(answer.as_bytes()).expect("the Hub reads");
        String::from_utf8(bytes).expect("the request is text")
    });
    let folder = Folder::new();
    let running = started(&folder, |config| {
        config.upstream = Some(format!("http://{address}/base/v1/"));
    });
    let url = format!("{}/v1/chat/completions", running.hub_url);
    let answer = post(&url, &json!({ "model": "any" })).expect("an answer");
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert!(answer.header("access-control-allow-origin").is_some());
    assert!(String::from_utf8_lossy(&answer.body).contains("data: [DONE]"));
    let request = seen
        .join()
        .expect("the upstream saw a request")
        .to_lowercase();
    assert!(
        request.starts_with("post /base/v1/chat/completions "),
        "{request}"
    );
    assert!(!request.contains("authorization") && !request.contains(DEFAULT_TOKEN));
    let log = get(&format!("{}/__local/log", running.hub_url)).json();
    assert_eq!(log["requests"][0]["chat"]["is_finished"], true);
}

#[test]
fn an_upstream_that_is_not_there_is_a_502_and_no_model_is_a_404() {
    let folder = Folder::new();
    let gone = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port that is free again");
    let running = started(&folder, |config| {
        config.upstream = Some(format!("http://{gone}"));
    });
    assert_eq!(get(&format!("{}/v1/models", running.hub_url)).status, 502);
    drop(running);
    let running = started(&folder, |_| {});
    assert_eq!(get(&format!("{}/v1/models", running.hub_url)).status, 404);
}

#[test]
fn faults_hit_the_requests_they_name_as_often_as_ordered() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = &running.hub_url;
    let orders = json!([
        { "kind": "status", "status": 503, "path_prefix": "/api/datasets", "skip": 1, "times": 2, "without_cors": true },
        { "kind": "cut", "method": "POST", "path_prefix": "/api/repos/create" },
    ]);
    assert_eq!(
        post(&format!("{hub}/__local/faults"), &orders)
            .expect("an answer")
            .status,
        200
    );
    let answers: Vec<Answer> = (0..4)
        .map(|_| get(&format!("{hub}/api/datasets")))
        .collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert!(answers[1].header("access-control-allow-origin").is_none());
    assert!(answers[3].header("access-control-allow-origin").is_some());
    let create = json!({ "name": "x", "type": "dataset" });
    assert!(post(&format!("{hub}/api/repos/create"), &create).is_none());
    assert_eq!(
        post(&format!("{hub}/api/repos/create"), &create)
            .expect("an answer")
            .status,
        200
    );
    assert_eq!(
        get(&format!("{hub}/__local/faults")).json()["faults"],
        json!([])
    );
}

#[test]
fn hostile_text_comes_as_a_list_when_a_list_was_asked_for() {
    let folder = Folder::new();
    let running = started(&folder, |config| config.has_scripted_model = true);
    let hub = &running.hub_url;
    let order = json!({ "kind": "model", "mode": "hostile", "times": 0 });
    post(&format!("{hub}/__local/faults"), &order).expect("an answer");
    let ask = |content: &str| {
        let body = json!({
            "model": format!("{SCRIPTED_MODEL}:cheapest"),
            "messages": [{ "role": "user", "content": content }],
        });
        let answer = post(&format!("{hub}/v1/chat/completions"), &body).expect("an answer");
        answer.json()["choices"][0]["message"]["content"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let list = ask("Write 3 instructions, one per line.");
    assert_eq!(list.lines().count(), 3);
    assert!(list.lines().all(|line| line.contains("<script>")), "{list}");
    assert!(ask("Why?").contains("onerror="));
}

fn files_below(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries
            .flatten()
            .map(|entry| {
                if entry.path().is_dir() {
                    files_below(&entry.path())
                } else {
                    1
                }
            })
            .sum()
    })
}

#[test]
fn what_a_killed_process_left_half_written_is_swept_and_the_rest_is_there() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let create = json!({ "name": "kept", "type": "dataset" });
    post(&format!("{}/api/repos/create", running.hub_url), &create).expect("an answer");
    drop(running);
    folder.write("hub/tmp/half", b"{\"id\":\"lo");
    // A commit that no reference points to, as when the process ended between the two writes.
    folder.write("hub/repos/local/kept/commits/stray.json", b"{}");
    // A repository whose own file was never written.
    std::fs::create_dir_all(folder.0.join("hub/repos/local/never")).expect("can be made");
    let running = started(&folder, |_| {});
    assert_eq!(files_below(&folder.0.join("hub/tmp")), 0);
    let list = get(&format!("{}/api/datasets?author=local", running.hub_url)).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(list[0]["id"], "local/kept");
}
