//! A transport that answers from a recording, and notes in which fields our request differs from the recorded one.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use seedbed_core::id::{hex, sha256_hex};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Method, Transport, TransportError};
use seedbed_hub::{CommitRequest, HubClient, Operation, Token};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// The token of the recordings.
pub const TOKEN: &str = "hf_xxx";
pub const HUB: &str = "http://hub.test";
pub const REPO_PY: &str = "tester/ds1";
pub const REPO_JS: &str = "tester/js1";

#[macro_export]
macro_rules! recording {
    ($name:literal) => {
        include_str!(concat!("data/", $name, ".json"))
    };
}

/// A difference that is meant, and why.
pub type Meant = (&'static str, &'static str);

/// Plays a recording.
pub struct Replay {
    pub exchanges: RefCell<VecDeque<Value>>,
    pub requests: RefCell<Vec<HttpRequest>>,
    differences: RefCell<BTreeSet<String>>,
}

/// The exchanges of a recording, preflights left out: a browser makes them, not this client.
pub fn exchanges(text: &str) -> Vec<Value> {
    let recording: Value = serde_json::from_str(text).unwrap();
    let all = recording["exchanges"].as_array().unwrap();
    let kept: Vec<Value> = all
        .iter()
        .filter(|exchange| exchange["method"] != "OPTIONS")
        .cloned()
        .collect();
    assert!(!kept.is_empty());
    kept
}

impl Replay {
    pub fn new(exchanges: Vec<Value>) -> Rc<Self> {
        Rc::new(Self {
            exchanges: RefCell::new(exchanges.into()),
            requests: RefCell::default(),
            differences: RefCell::default(),
        })
    }

    pub fn client(self: &Rc<Self>) -> HubClient {
        HubClient::new(Rc::<Self>::clone(self), HUB, Token::new(TOKEN))
    }

    /// All requests were made, and they differ in exactly these fields.
    #[track_caller]
    pub fn check(&self, meant: &[Meant]) {
        assert!(
            self.exchanges.borrow().is_empty(),
            "recorded requests were not made: {:?}",
            self.exchanges.borrow()
        );
        self.check_made(meant);
    }

    /// The requests that were made differ in exactly these fields.
    #[track_caller]
    pub fn check_made(&self, meant: &[Meant]) {
        let meant: BTreeSet<String> = meant.iter().map(|(field, _)| (*field).to_owned()).collect();
        assert_eq!(
            *self.differences.borrow(),
            meant,
            "ours is left, what is meant is right"
        );
    }

    fn play(&self, mut request: HttpRequest) -> HttpResponse {
        loop {
            let exchange = self.exchanges.borrow_mut().pop_front();
            let exchange = exchange.unwrap_or_else(|| panic!("not recorded: {}", request.url));
            compare(&request, &exchange, &mut self.differences.borrow_mut());
            self.requests.borrow_mut().push(request.clone());
            let response = &exchange["response"];
            let headers: Vec<(String, String)> = response["headers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
                .collect();
            let location = headers.iter().find(|(name, _)| name == "location");
            if let Some((_, location)) = location {
                // As browsers do: the token stays with its origin.
                if location.starts_with('/') {
                    request.url = format!("{HUB}{location}");
                } else {
                    request.url.clone_from(location);
                    request
                        .headers
                        .retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
                }
                continue;
            }
            let bytes = bytes_of(&response["body"]);
            return HttpResponse {
                status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
                headers,
                body: stream::iter([Ok(bytes)]).boxed_local(),
            };
        }
    }
}

impl Transport for Replay {
    fn send(
        &self,
        mut request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        // What a source reads is at hand here, so that nothing has to be waited for.
        request.body = request.body.read().now_or_never().unwrap().unwrap().into();
        let response = self.play(request);
        async move { Ok(response) }.boxed_local()
    }

    fn sleep(&self, _: u64) -> LocalBoxFuture<'static, ()> {
        async {}.boxed_local()
    }
}

/// Runs a future that has nothing to wait for.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here has to wait")
}

fn bytes_of(body: &Value) -> Vec<u8> {
    if let Some(text) = body["text"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(count) = body["binary_bytes"].as_u64() {
        let mut bytes = unhex(body["first_64_hex"].as_str().unwrap());
        bytes.resize(usize::try_from(count).unwrap(), 0);
        return bytes;
    }
    match body.get("json") {
        Some(value) => value.to_string().into_bytes(),
        None => Vec::new(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// What a call is, for the names of its fields.
fn role(url: &str) -> &'static str {
    [
        "preupload",
        "batch",
        "lfs-put",
        "lfs-part",
        "lfs-verify",
        "complete_multipart",
        "commit/",
        "oauth/token",
    ]
    .into_iter()
    .find(|role| url.contains(role))
    .map_or("call", |role| role.trim_end_matches('/'))
}

fn fields(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields
            .entry(name.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    fields
}

fn compare_fields(ours: &str, theirs: &str, at: &str, out: &mut BTreeSet<String>) {
    let (ours, theirs) = (fields(ours), fields(theirs));
    for name in ours.keys().chain(theirs.keys()) {
        if ours.get(name) != theirs.get(name) {
            out.insert(format!("{at}{name}"));
        }
    }
}

fn compare_values(ours: &Value, theirs: &Value, at: &str, out: &mut BTreeSet<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for name in ours.keys().chain(theirs.keys()) {
                let at = format!("{at}.{name}");
                match (ours.get(name), theirs.get(name)) {
                    (Some(ours), Some(theirs)) => compare_values(ours, theirs, &at, out),
                    _ => {
                        out.insert(at);
                    }
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare_values(ours, theirs, &format!("{at}[{number}]"), out);
            }
        }
        (Value::String(ours), Value::String(theirs)) if is_cut(theirs).is_some() => {
            let (start, length) = is_cut(theirs).unwrap();
            if !ours.starts_with(start) || ours.len() != length {
                out.insert(at.to_owned());
            }
        }
        _ if ours == theirs => {}
        _ => {
            out.insert(at.to_owned());
        }
    }
}

/// Long texts are cut in the recordings: their start, and how long they were.
fn is_cut(text: &str) -> Option<(&str, usize)> {
    let (start, rest) = text.rsplit_once("...[")?;
    Some((start, rest.strip_suffix(" chars]")?.parse().ok()?))
}

fn compare(ours: &HttpRequest, exchange: &Value, out: &mut BTreeSet<String>) {
    let recorded = exchange["url"].as_str().unwrap();
    let role = role(recorded);
    let mut differ = BTreeSet::new();
    let method = match ours.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    };
    if exchange["method"] != method {
        differ.insert("method".to_owned());
    }
    let base = if exchange["to"] == "hub" {
        HUB
    } else {
        "http://cdn.test"
    };
    match ours.url.strip_prefix(base) {
        None => {
            differ.insert("origin".to_owned());
        }
        Some(url) => {
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let (their_path, their_query) = recorded.split_once('?').unwrap_or((recorded, ""));
            if path != their_path {
                differ.insert("path".to_owned());
            }
            compare_fields(query, their_query, "query.", &mut differ);
        }
    }
    // Whatever accepts everything is what is sent anyway; the other two are the browser's.
    let kept = |name: &str, value: &str| {
        !(matches!(name, "origin" | "referer") || (name == "accept" && value == "*/*"))
    };
    let our_headers: BTreeMap<String, String> = ours
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .filter(|(name, value)| kept(name, value))
        .collect();
    assert_eq!(
        our_headers.len(),
        ours.headers.len(),
        "a header twice, or one of the browser's"
    );
    let their_headers: BTreeMap<String, String> = exchange["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
        .filter(|(name, value)| kept(name, value))
        .collect();
    for name in our_headers.keys().chain(their_headers.keys()) {
        if our_headers.get(name) != their_headers.get(name) {
            differ.insert(format!("header.{name}"));
        }
    }
    let body = &exchange["body"];
    if let Some(theirs) = body.get("ndjson") {
        let text = std::str::from_utf8(ours.body.bytes()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        compare_values(&Value::from(lines), theirs, "body", &mut differ);
        if body["ends_with_newline"] != text.ends_with('\n') {
            differ.insert("newline".to_owned());
        }
    } else if let Some(theirs) = body.get("json") {
        match serde_json::from_slice(ours.body.bytes()) {
            Ok(value) => compare_values(&value, theirs, "body", &mut differ),
            Err(_) => {
                differ.insert("body".to_owned());
            }
        }
    } else if let Some(theirs) = body["text"].as_str() {
        let text = std::str::from_utf8(ours.body.bytes()).unwrap();
        if text.starts_with('{') {
            differ.insert("body".to_owned());
        } else {
            compare_fields(text, theirs, "body.", &mut differ);
        }
    } else if let Some(count) = body["binary_bytes"].as_u64() {
        let start = hex(&ours.body.bytes()[..ours.body.bytes().len().min(64)]);
        if ours.body.bytes().len() as u64 != count || body["first_64_hex"] != start.as_str() {
            differ.insert("body".to_owned());
        }
    } else if !ours.body.bytes().is_empty() {
        differ.insert("body".to_owned());
    }
    out.extend(differ.into_iter().map(|field| format!("{role} {field}")));
}

/// A large file that begins, in each of its parts, as the recorded one. The rest was not recorded.
fn large_file(exchanges: &[Value], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for exchange in exchanges {
        if exchange["to"] != "hub" {
            bytes.extend(bytes_of(&exchange["body"]));
        }
    }
    bytes.resize(size, 0);
    let sample = exchanges[0]["body"]["json"]["files"][0]["sample"]
        .as_str()
        .unwrap();
    let (start, _) = is_cut(sample).unwrap();
    let mut start = start.to_owned();
    while !start.len().is_multiple_of(4) {
        start.push('A');
    }
    let start = STANDARD.decode(start).unwrap();
    bytes[..start.len()].copy_from_slice(&start);
    bytes
}

/// The commit that the recording is of, and the recording with the hash of our large file in place of theirs.
pub fn commit_of(text: &str) -> (Rc<Replay>, String, CommitRequest) {
    let mut list = exchanges(text);
    let commit = list
        .iter()
        .find(|exchange| role(exchange["url"].as_str().unwrap()) == "commit");
    let commit = commit.unwrap().clone();
    let url = commit["url"].as_str().unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (repo, branch) = path
        .strip_prefix("/api/datasets/")
        .unwrap()
        .split_once("/commit/")
        .unwrap();
    let mut request = CommitRequest {
        branch: branch.replace("%2F", "/"),
        create_pr: query == "create_pr=1",
        ..CommitRequest::default()
    };
    for line in commit["body"]["ndjson"].as_array().unwrap() {
        let value = &line["value"];
        let path = value["path"].as_str().unwrap_or_default().to_owned();
        match line["key"].as_str().unwrap() {
            "header" => {
                let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
                request.summary = text("summary");
                request.description = text("description");
                request.parent = value["parentCommit"].as_str().map(str::to_owned);
            }
            "file" => request.operations.push(Operation::Add {
                path,
                bytes: STANDARD
                    .decode(unpadded(value["content"].as_str().unwrap()))
                    .unwrap(),
            }),
            "lfsFile" => {
                let bytes = large_file(
                    &list,
                    usize::try_from(value["size"].as_u64().unwrap()).unwrap(),
                );
                let recorded = json!(list).to_string();
                let ours = recorded.replace(value["oid"].as_str().unwrap(), &sha256_hex(&bytes));
                assert_ne!(ours, recorded);
                list = serde_json::from_str(&ours).unwrap();
                request.operations.push(Operation::Add { path, bytes });
            }
            "deletedFile" => request.operations.push(Operation::Delete { path }),
            "deletedFolder" => request.operations.push(Operation::DeleteFolder { path }),
            other => panic!("unknown line {other}"),
        }
    }
    (Replay::new(list), repo.to_owned(), request)
}

fn unpadded(text: &str) -> String {
    let mut text = text.to_owned();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}
