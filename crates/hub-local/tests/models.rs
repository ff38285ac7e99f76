//! Model files as repositories: what a page and a client see of them.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    reason = "helpers of tests may panic and need not be fast"
)]

mod support;

use seedbed_core::engine::EngineModel;
use seedbed_hub_local::{AppConfig, DEFAULT_TOKEN, Running};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::{Answer, Folder, get, post, send, started};

const ID: &str = "local/Tiny-1M-Instruct-GGUF";
const FILE: &str = "Tiny-1M-Instruct.Q4_1.gguf";
/// The page's origin.
const ORIGIN: (&str, &str) = ("Origin", "http://127.0.0.1:9");

/// A header that names a licence, and some bytes after it.
fn model() -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(2u64.to_le_bytes());
    for (key, value) in [
        ("general.architecture", "llama"),
        ("general.license", "apache-2.0"),
    ] {
        bytes.extend((key.len() as u64).to_le_bytes());
        bytes.extend(key.as_bytes());
        bytes.extend(8u32.to_le_bytes());
        bytes.extend((value.len() as u64).to_le_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes.extend((0..700_000u32).map(|n| (n % 251) as u8));
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn hub(folder: &Folder) -> Running {
    folder.write(FILE, &model());
    folder.write("dist/index.html", b"<html><head></head></html>");
    started(folder, |config| {
        config.model_files.push(folder.0.join(FILE));
        config.app = Some(AppConfig {
            dir: folder.0.join("dist"),
            port: 0,
            sub_path: "/".to_owned(),
            has_space_variables: false,
        });
    })
}

fn get_with(url: &str, headers: &[(&str, &str)]) -> Answer {
    send(url, "GET", headers, b"").expect("an answer")
}

/// Where `resolve` leads.
fn storage(hub: &Running) -> String {
    let answer = get(&format!("{}/{ID}/resolve/main/{FILE}", hub.hub_url));
    answer.header("location").expect("a redirect").to_owned()
}

#[test]
fn the_site_is_told_of_each_file_as_the_engine_wants_it() {
    let folder = Folder::new();
    let hub = hub(&folder);
    let app = hub.app_url.as_deref().expect("there is a site");
    let config = get(&format!("{app}config.json")).json();
    let bytes = model();
    let model = EngineModel {
        url: format!("{}/{ID}/resolve/main/{FILE}", hub.hub_url),
        name: FILE.to_owned(),
        bytes: Some(bytes.len() as u64),
        sha256: Some(sha256(&bytes)),
        license: Some("apache-2.0".to_owned()),
        repo: Some(ID.to_owned()),
        files: Vec::new(),
    };
    assert_eq!(config["models"], json!([model]));
}

#[test]
fn resolve_says_what_the_file_is_and_leads_to_the_storage_host() {
    let folder = Folder::new();
    let hub = hub(&folder);
    let (bytes, origin) = (model(), &hub.hub_url);
    let head = get(&format!("{origin}/api/models/{ID}")).json()["sha"]
        .as_str()
        .expect("a commit")
        .to_owned();
    for revision in ["main", "HEAD", "refs%2Fheads%2Fmain", &head] {
        let url = format!("{origin}/{ID}/resolve/{revision}/{FILE}");
        for method in ["GET", "HEAD"] {
            let answer = send(&url, method, &[ORIGIN], b"").expect("an answer");
            assert_eq!(answer.status, 302, "{method} {revision}");
            let size = bytes.len().to_string();
            assert_eq!(answer.header("x-linked-size"), Some(size.as_str()));
            let etag = format!("\"{}\"", sha256(&bytes));
            assert_eq!(answer.header("x-linked-etag"), Some(etag.as_str()));
            assert_eq!(answer.header("x-repo-commit"), Some(head.as_str()));
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN.1));
            let exposed = answer
                .header("access-control-expose-headers")
                .expect("some headers may be read");
            for name in ["X-Linked-Size", "X-Linked-ETag", "X-Repo-Commit", "ETag"] {
                assert!(exposed.split(',').any(|one| one == name), "{name}");
            }
            let location = answer.header("location").expect("a redirect");
            assert!(location.starts_with(&hub.storage_url), "{location}");
        }
    }
    let missing = |path: &str, code: &str| {
        let answer = get(&format!("{origin}{path}"));
        assert_eq!(answer.header("x-error-code"), Some(code), "{path}");
        answer.status
    };
    let entry = format!("/{ID}/resolve/main/none.gguf");
    assert_eq!(missing(&entry, "EntryNotFound"), 404);
    let revision = format!("/{ID}/resolve/v2/{FILE}");
    assert_eq!(missing(&revision, "RevisionNotFound"), 404);
    let repo = format!("/local/none/resolve/main/{FILE}");
    assert_eq!(missing(&repo, "RepoNotFound"), 401);
    let url = format!("{origin}/{ID}/resolve/main/{FILE}");
    let wrong = get_with(&url, &[("Authorization", "Bearer hf_nobody")]);
    assert_eq!(wrong.status, 401);
    // A dataset of the same name is something else.
    assert_eq!(get(&format!("{origin}/api/datasets/{ID}")).status, 401);
}

#[test]
fn a_page_reads_the_whole_file_or_any_range_of_it() {
    let folder = Folder::new();
    let hub = hub(&folder);
    let (bytes, url) = (model(), storage(&hub));
    let size = bytes.len();
    // After a redirect to another host browsers name no origin.
    let ask = |range: &str| get_with(&url, &[("Origin", "null"), ("Range", range)]);
    let whole = get_with(&url, &[("Origin", "null")]);
    assert_eq!(whole.status, 200);
    assert!(whole.body == bytes);
    assert_eq!(
        whole.header("content-length"),
        Some(size.to_string().as_str())
    );
    for (range, first, last) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=0-".to_owned(), 0, size - 1),
        (format!("bytes=262143-{}", 600_000), 262_143, 600_000),
        (format!("bytes={}-", size - 1), size - 1, size - 1),
        (format!("bytes=5-{}", size * 2), 5, size - 1),
        ("bytes=-7".to_owned(), size - 7, size - 1),
    ] {
        let part = ask(&range);
        assert_eq!(part.status, 206, "{range}");
        assert!(part.body == bytes[first..=last], "{range}");
        let place = format!("bytes {first}-{last}/{size}");
        assert_eq!(part.header("content-range"), Some(place.as_str()));
        let length = (last - first + 1).to_string();
        assert_eq!(part.header("content-length"), Some(length.as_str()));
        let etag = format!("\"{}\"", sha256(&bytes));
        assert_eq!(part.header("etag"), Some(etag.as_str()));
        assert_eq!(part.header("accept-ranges"), Some("bytes"));
        assert_eq!(part.header("access-control-allow-origin"), Some("*"));
        let exposed = part.header("access-control-expose-headers");
        assert_eq!(exposed, Some("ETag,Content-Range,Accept-Ranges"));
    }
    let beyond = ask(&format!("bytes={size}-"));
    assert_eq!(beyond.status, 416);
    let place = format!("bytes */{size}");
    assert_eq!(beyond.header("content-range"), Some(place.as_str()));
    assert_eq!(beyond.header("access-control-allow-origin"), Some("*"));
    // The address is signed, so it takes no token, and none without the signature.
    let token = format!("Bearer {DEFAULT_TOKEN}");
    assert_eq!(get_with(&url, &[("Authorization", &token)]).status, 400);
    let (unsigned, _) = url.split_once('?').expect("a signature");
    assert_eq!(get(unsigned).status, 403);
}

#[test]
fn the_hub_tells_the_same_of_the_repository_in_every_way() {
    let folder = Folder::new();
    let hub = hub(&folder);
    let (bytes, api) = (model(), format!("{}/api/models", hub.hub_url));
    let (size, sha256) = (bytes.len(), sha256(&bytes));
    let pointer = 125 + size.to_string().len();

    let info = get(&format!("{api}/{ID}?blobs=true")).json();
    assert_eq!(info["id"], ID);
    assert_eq!(info["modelId"], ID);
    assert_eq!(info["cardData"]["license"], "apache-2.0");
    assert_eq!(info["pipeline_tag"], "text-generation");
    assert_eq!(info["gguf"]["architecture"], "llama");
    let tags = info["tags"].as_array().expect("tags");
    assert!(tags.contains(&json!("license:apache-2.0")) && tags.contains(&json!("gguf")));
    let find = |list: &Value, key: &str| -> Value {
        list.as_array()
            .and_then(|list| list.iter().find(|entry| entry[key] == FILE))
            .cloned()
            .expect("the file is listed")
    };
    let sibling = find(&info["siblings"], "rfilename");
    assert_eq!(sibling["lfs"]["sha256"], sha256);
    assert_eq!(sibling["size"], size);
    let short = get(&format!("{api}/{ID}?expand=sha")).json();
    assert_eq!(short["sha"], info["sha"]);
    assert_eq!(short.get("siblings"), None);

    let entry = find(&get(&format!("{api}/{ID}/tree/main")).json(), "path");
    let lfs = json!({ "oid": sha256, "size": size, "pointerSize": pointer });
    assert_eq!(entry["lfs"], lfs);
    assert_eq!(entry["type"], "file");
    let url = format!("{api}/{ID}/paths-info/main");
    let wanted = json!({ "paths": [FILE, "none.gguf"] });
    let infos = post(&url, &wanted).expect("an answer").json();
    assert_eq!(infos, json!([entry]));

    let found = get(&format!("{api}?search=tiny&filter=gguf")).json();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["id"], ID);
    let none = get(&format!("{api}?filter=mlx")).json();
    assert_eq!(none, json!([]));

    // A model can only be read.
    let branch = format!("{api}/{ID}/branch/new");
    assert_eq!(post(&branch, &json!({})).expect("an answer").status, 403);
}

#[test]
fn the_card_is_a_regular_file_and_outlives_a_reset() {
    let folder = Folder::new();
    let hub = hub(&folder);
    let origin = &hub.hub_url;
    let reset = format!("{origin}/__local/reset");
    assert_eq!(post(&reset, &json!({})).expect("an answer").status, 200);
    let answer = get(&format!("{origin}/{ID}/resolve/main/README.md"));
    assert_eq!(answer.status, 307);
    let location = answer.header("location").expect("a redirect");
    let card = get(&format!("{origin}{location}"));
    assert_eq!(card.status, 200);
    assert!(card.body.starts_with(b"---\nlicense: apache-2.0\n"));
    let pointer = get(&format!("{origin}/{ID}/raw/main/{FILE}"));
    assert!(pointer.body.starts_with(b"version https://git-lfs"));
    assert_eq!(get(&storage(&hub)).status, 200);
    assert_eq!(get(&format!("{origin}/{ID}")).status, 200);
}

#[test]
fn the_same_file_is_the_same_commit_and_a_missing_one_is_named() {
    let folder = Folder::new();
    let sha =
        |hub: &Running| get(&format!("{}/api/models/{ID}", hub.hub_url)).json()["sha"].clone();
    let first = hub(&folder);
    let before = sha(&first);
    drop(first);
    let path = folder.0.join(FILE);
    let second = started(&folder, |config| config.model_files.push(path));
    assert_eq!(sha(&second), before);
    let mut config = seedbed_hub_local::Config::new(folder.0.join("other"));
    config.model_files.push(folder.0.join("none.gguf"));
    let error = seedbed_hub_local::start(config).expect_err("there is no such file");
    assert!(error.to_string().contains("none.gguf"), "{error}");
}
