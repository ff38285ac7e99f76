//! Names that try to leave their place in an address or a line, and answers that repeat the token.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use proptest::prelude::*;
use seedbed_core::messages::{HubConfig, OauthPending};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use seedbed_hub::{CommitRequest, HubClient, HubError, HubErrorKind, Operation, Token, oauth};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

const HUB: &str = "https://hub.test";

type Reply = (u16, Vec<(String, String)>, Vec<u8>);

/// Answers by a function of the request.
struct Answering<F> {
    answer: F,
    requests: RefCell<Vec<HttpRequest>>,
}

impl<F: Fn(&HttpRequest) -> Reply> Transport for Answering<F> {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        let (status, headers, body) = (self.answer)(&request);
        self.requests.borrow_mut().push(request);
        let body = stream::iter([Ok(body)]).boxed_local();
        async move {
            Ok(HttpResponse {
                status,
                headers,
                body,
            })
        }
        .boxed_local()
    }

    fn sleep(&self, _: u64) -> LocalBoxFuture<'static, ()> {
        async {}.boxed_local()
    }
}

fn answering<F: Fn(&HttpRequest) -> Reply + 'static>(answer: F) -> Rc<Answering<F>> {
    Rc::new(Answering {
        answer,
        requests: RefCell::default(),
    })
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here has to wait")
}

/// Says of every file that it goes into the commit itself, and takes every commit.
fn willing(request: &HttpRequest) -> Reply {
    let answer = if request.url.contains("/preupload/") {
        let asked: Value = serde_json::from_slice(request.body.bytes()).unwrap();
        let files: Vec<Value> = asked["files"].as_array().unwrap().iter()
            .map(|file| json!({"path": file["path"], "uploadMode": "regular", "shouldIgnore": false, "oid": null}))
            .collect();
        json!({"files": files})
    } else {
        json!({"success": true, "commitOid": "0".repeat(40), "commitUrl": "u"})
    };
    (200, Vec::new(), answer.to_string().into_bytes())
}

fn unescaped(segment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Any text, with the characters that mean something in addresses and lines more often than chance has it.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        3 => prop::sample::select(vec![
            "..", ".", "/", "//", "\\", "?", "#", "%", "%2e%2e", "%2F", "@", ":", "&", "=", "+", " ", "\n", "\r\n",
            "\u{2028}", "\u{0}", "\"", "{\"key\":\"deletedFolder\"}", "https://evil.test", "ü", "🌱", "a",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_stays_in_its_place_of_an_address(file in hostile(), revision in hostile()) {
        let transport = answering(|_| (200, Vec::new(), Vec::new()));
        let client = HubClient::new(Rc::<Answering<_>>::clone(&transport), HUB, Token::new("hf_abcdefgh"));
        let result = now(client.read_file("me/set", &revision, &file));
        let requests = transport.requests.borrow();
        let leaves = [".", ".."];
        if leaves.contains(&revision.as_str()) || file.split('/').any(|part| leaves.contains(&part)) {
            prop_assert_eq!(result.unwrap_err().kind, HubErrorKind::Refused);
            prop_assert!(requests.is_empty());
        } else {
            prop_assert!(result.is_ok());
            let url = &requests[0].url;
            let path = url.strip_prefix("https://hub.test/datasets/me/set/resolve/").unwrap();
            prop_assert!(path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%/".contains(&b)), "{}", url);
            let parts: Option<Vec<String>> = path.split('/').map(unescaped).collect();
            let parts = parts.unwrap();
            let mut expected = vec![revision.clone()];
            expected.extend(file.split('/').map(str::to_owned));
            prop_assert_eq!(parts, expected);
        }
    }

    #[test]
    fn a_name_stays_in_its_line_of_a_commit(
        files in prop::collection::btree_map(hostile(), any::<Vec<u8>>(), 0..5),
        gone in prop::collection::vec(hostile(), 1..4),
        summary in hostile(),
    ) {
        let mut operations: Vec<Operation> = files.iter()
            .map(|(path, bytes)| Operation::Add { path: path.clone(), bytes: bytes.clone() })
            .collect();
        operations.extend(gone.iter().map(|path| Operation::Delete { path: path.clone() }));
        let request = CommitRequest {
            summary: summary.clone(), branch: "main".to_owned(), operations, ..CommitRequest::default()
        };
        let transport = answering(willing);
        let client = HubClient::new(Rc::<Answering<_>>::clone(&transport), HUB, None);
        now(client.commit("me/set", request.clone(), &|_| {})).unwrap();
        let requests = transport.requests.borrow();
        let body = std::str::from_utf8(requests.last().unwrap().body.bytes()).unwrap();
        prop_assert!(body.ends_with('\n'));
        let lines = body.trim_end_matches('\n').split('\n');
        let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines.len(), 1 + files.len() + gone.len());
        prop_assert_eq!(lines[0]["value"]["summary"].as_str().unwrap(), summary);
        let paths: Vec<&str> = lines[1..].iter().map(|line| line["value"]["path"].as_str().unwrap()).collect();
        let expected: Vec<&str> = files.keys().chain(&gone).map(String::as_str).collect();
        prop_assert_eq!(paths, expected);
        let keys = lines[1..].iter().filter(|line| line["key"] == "deletedFile").count();
        prop_assert_eq!(keys, gone.len());
    }

    #[test]
    fn no_error_holds_the_token(
        token in prop_oneof![
            "hf_[a-zA-Z]{20,40}", "hf_oauth_[a-zA-Z0-9.-]{20,80}", "[a-z0-9]{16,40}",
            "ey[a-zA-Z0-9_-]{30}\\.[a-zA-Z0-9_-]{30}",
        ],
        status in prop_oneof![Just(200_u16), 300_u16..600],
        before in "[a-z {}\"<>\u{e9}]{0,700}",
        shape in 0..9,
    ) {
        let said = format!("{before}{token} and Authorization: Bearer {token}");
        let body = match shape {
            0 => json!({"error": said}).to_string(),
            1 => json!({"error": {"message": said}}).to_string(),
            2 => json!({"message": said, "error_description": token}).to_string(),
            3 => json!({"error": "invalid", "error_description": said}).to_string(),
            4 => format!("<html><title>{said}</title><body>{token}"),
            5 => said.clone(),
            6 => String::new(),
            // Right but for a type, which a parser quotes; the second says the token in escapes.
            7 => json!({"id": "x", "private": token, "name": ""}).to_string(),
            _ => {
                let escaped: Vec<String> = token.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
                let escaped = escaped.concat();
                let before = before.replace('"', "");
                format!("{{\"error\":\"{before}{escaped}\",\"private\":\"{escaped}\"}}")
            }
        };
        let headers = vec![
            ("x-error-message".to_owned(), said.clone()),
            ("x-error-code".to_owned(), said.clone()),
            ("x-request-id".to_owned(), format!("id-{token}")),
        ];
        let answer: Reply = (status, headers, body.into_bytes());
        let transport: Rc<dyn Transport> = answering(move |_| answer.clone());
        let client = HubClient::new(Rc::clone(&transport), HUB, Token::new(&token));
        let request = CommitRequest {
            branch: "main".to_owned(),
            operations: vec![Operation::Delete { path: "a".to_owned() }],
            ..CommitRequest::default()
        };
        let pending = OauthPending {
            verifier: token.clone(),
            state: "s".to_owned(),
            redirect_uri: "https://app.test/".to_owned(),
            client_id: "me".to_owned(),
        };
        let config = HubConfig { hub: HUB.to_owned(), ..HubConfig::default() };
        let errors: Vec<Option<HubError>> = vec![
            now(client.whoami()).err(),
            now(client.dataset_info("me/set", "main")).err(),
            now(client.create_dataset("me/set", true)).err(),
            now(client.tree("me/set", "main", "", true)).err(),
            now(client.commit("me/set", request.clone(), &|_| {})).err(),
            now(client.merge_pull_request("me/set", 1, "")).err(),
            now(oauth::finish(&transport, &config, &pending, "s", &token)).err(),
        ];
        if status != 200 {
            // A name that is taken is the one refusal that is none.
            prop_assert!(errors.iter().filter(|error| error.is_none()).count() <= usize::from(status == 409));
        }
        for error in errors.into_iter().flatten() {
            let told = format!("{error} {error:?} {:?}", error.failure());
            prop_assert!(!told.contains(&token), "{}", told);
            prop_assert!(!told.contains(&token[..14]), "a part of it: {}", told);
        }
    }
}
