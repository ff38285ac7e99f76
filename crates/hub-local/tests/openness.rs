//! Who is answered: programs and pages of this machine, under the names of this machine.

#![allow(
    clippy::expect_used,
    clippy::format_push_string,
    reason = "helpers of tests may panic and need not be fast"
)]

mod support;

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use support::{Folder, post, started};

/// Sends a request with these headers and no others; the head of the answer and its body.
fn raw(url: &str, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
    let address = url.strip_prefix("http://").expect("plain http");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let mut text = format!(
        "{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).expect("can be sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("can be read");
    let answer = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.get(9..12).and_then(|text| text.parse().ok());
    (
        status.expect("a status"),
        head.to_lowercase(),
        body.to_owned(),
    )
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().expect("it has a port")
}

/// Asks each way in as a page of this origin (or none) under this name; the statuses.
fn statuses(
    urls: &[(&str, &str, &str)],
    host: Option<&str>,
    origin: Option<&str>,
) -> Vec<(u16, String, String)> {
    urls.iter()
        .map(|(url, line, body)| {
            let mut headers = vec![
                ("Authorization", "Bearer hf_local"),
                ("Content-Type", "text/plain"),
                ("Access-Control-Request-Method", "DELETE"),
                ("Access-Control-Request-Private-Network", "true"),
            ];
            let host = host.map(|host| host.replace("PORT", port(url)));
            if let Some(host) = &host {
                headers.push(("Host", host));
            }
            if let Some(origin) = origin {
                headers.push(("Origin", origin));
            }
            raw(url, line, &headers, body)
        })
        .collect()
}

#[test]
fn pages_and_names_of_elsewhere_are_refused_on_every_way_in() {
    let folder = Folder::new();
    folder.write(
        "dist/index.html",
        b"<!doctype html><html><head></head></html>",
    );
    let dist = folder.0.join("dist");
    let running = started(&folder, |config| {
        config.has_scripted_model = true;
        config.app = Some(seedbed_hub_local::AppConfig {
            dir: dist,
            port: 0,
            sub_path: "/".to_owned(),
            has_space_variables: false,
        });
    });
    let hub = running.hub_url.as_str();
    let site = running.app_url.as_deref().expect("there is a site");
    let site = site.trim_end_matches('/');
    let create = json!({ "name": "secret", "type": "dataset", "visibility": "private" });
    post(&format!("{hub}/api/repos/create"), &create).expect("an answer");
    let delete = json!({ "name": "secret", "type": "dataset" }).to_string();
    let ask = json!({ "model": "scripted/farm-hand", "messages": [] }).to_string();
    let ways = [
        (hub, "OPTIONS /api/repos/delete", ""),
        (hub, "GET /api/datasets/local/secret", ""),
        (hub, "GET /__local/log", ""),
        (hub, "POST /__local/reset", ""),
        (hub, "POST /open/v1/chat/completions", &ask),
        (hub, "DELETE /api/repos/delete", &delete),
        (running.storage_url.as_str(), "GET /lfs/x", ""),
        (site, "GET /index.html", ""),
    ];
    let here = Some("127.0.0.1:PORT");
    let foreign = [
        (here, Some("https://evil.example")),
        (here, Some("http://127.0.0.1.evil.example:8600")),
        (here, Some("http://localhost@evil.example")),
        (here, Some("file://")),
        (here, Some("chrome-extension://abc")),
        (Some("evil.example:PORT"), None),
        (Some("evil.example"), None),
        (Some("127.0.0.1:1"), None),
        (Some("127.0.0.1"), None),
        (Some("127.0.0.1.evil.example:PORT"), None),
        (None, None),
    ];
    for (host, origin) in foreign {
        for ((url, line, _), (status, head, body)) in ways.iter().zip(statuses(&ways, host, origin))
        {
            let told = format!("{url} {line} as {origin:?} under {host:?}: {head}\n{body}");
            // Without any name the request is no HTTP/1.1, which is said by another status.
            assert!(status == 403 || host.is_none() && status == 400, "{told}");
            assert!(!head.contains("access-control-"), "{told}");
            if status == 403 {
                let said: Value = serde_json::from_str(&body).expect("JSON");
                let said = said["error"].as_str().expect("a reason");
                assert!(said.contains("local Hub"), "{told}");
            }
        }
    }
    // A page without a name of its own (a file, a sandboxed frame) may only read what a signed address leads to: that is
    // what a page becomes to the storage host when the Hub has sent it there.
    for ((url, line, _), (status, head, _)) in ways.iter().zip(statuses(&ways, here, Some("null")))
    {
        if *url == running.storage_url {
            assert_eq!(status, 400, "storage takes no token");
            assert!(head.contains("access-control-allow-origin: *"), "{head}");
        } else {
            assert_eq!(status, 403, "{line}");
            assert!(!head.contains("access-control-"), "{line}: {head}");
        }
    }
    let kept = raw(
        hub,
        "GET /api/datasets/local/secret",
        &[
            ("Host", hub.trim_start_matches("http://")),
            ("Authorization", "Bearer hf_local"),
        ],
        "",
    );
    assert_eq!(kept.0, 200, "nobody of elsewhere could delete it");
}

#[test]
fn pages_of_this_machine_are_answered_under_each_of_its_names() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    for host in [
        "127.0.0.1:PORT",
        "localhost:PORT",
        "LocalHost:PORT",
        "[::1]:PORT",
    ] {
        for origin in [
            None,
            Some("http://127.0.0.1:5173"),
            Some("http://localhost:8600"),
            Some("https://localhost"),
            Some("http://[::1]:3000"),
            Some(hub),
        ] {
            let ways = [
                (hub, "OPTIONS /api/whoami-v2", ""),
                (hub, "GET /api/whoami-v2", ""),
            ];
            for (status, head, body) in statuses(&ways, Some(host), origin) {
                assert!(status < 300, "{host} {origin:?}: {body}");
                if let Some(origin) = origin {
                    let allowed = format!("access-control-allow-origin: {origin}");
                    assert!(head.contains(&allowed), "{host}: {head}");
                }
            }
        }
    }
}

#[test]
fn what_only_tests_may_ask_is_closed_to_every_page() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    let host = hub.trim_start_matches("http://");
    for (name, value) in [
        ("Origin", "http://127.0.0.1:5173"),
        // A picture or a script of a page names no origin when it is read.
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "same-origin"),
    ] {
        let (status, ..) = raw(
            hub,
            "GET /__local/log",
            &[("Host", host), (name, value)],
            "",
        );
        assert_eq!(status, 403, "{name}: {value}");
    }
    let by_hand = [("Host", host), ("Sec-Fetch-Site", "none")];
    assert_eq!(raw(hub, "GET /__local/log", &by_hand, "").0, 200);
}

#[test]
fn a_person_who_says_yes_does_so_from_the_hubs_own_page() {
    let folder = Folder::new();
    let running = started(&folder, |_| {});
    let hub = running.hub_url.as_str();
    let host = hub.trim_start_matches("http://");
    let query = "client_id=seedbed-local&response_type=code&scope=openid&state=s&redirect_uri=http%3A%2F%2F127.0.0.1%3A5173%2F&code_challenge=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq&code_challenge_method=S256";
    let (status, head, page) = raw(
        hub,
        &format!("GET /oauth/authorize?{query}"),
        &[("Host", host)],
        "",
    );
    assert_eq!(status, 200, "{page}");
    // With `no-referrer` a browser would send `Origin: null` from this page's form.
    assert!(head.contains("referrer-policy: same-origin"), "{head}");
}
