//! What lies in a commit: the tree in pages, and single paths.

use super::{Hub, history, ok_at, set_next};
use crate::clock::iso;
use crate::disk::{Commit, Entry};
use crate::git;
use crate::http::{Answer, ApiError, Call};
use crate::text::pairs;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

fn file_json(path: &str, entry: &Entry) -> Value {
    let mut file = json!({ "type": "file", "oid": entry.oid, "size": entry.size, "path": path });
    if let (Some(sha256), Some(object)) = (&entry.lfs, file.as_object_mut()) {
        let pointer = git::pointer(sha256, entry.size).len();
        object.insert(
            "lfs".into(),
            json!({ "oid": sha256, "size": entry.size, "pointerSize": pointer }),
        );
    }
    file
}

fn folder_json(path: &str, oid: &str) -> Value {
    json!({ "type": "directory", "oid": oid, "size": 0, "path": path })
}

/// A path's entry: a file, or a folder that has files below it.
fn entry_json(commit: &Commit, path: &str) -> Option<Value> {
    commit
        .files
        .get(path)
        .map(|entry| file_json(path, entry))
        .or_else(|| commit.folders.get(path).map(|oid| folder_json(path, oid)))
}

/// Adds the commit that last changed each entry.
fn expand(
    hub: &Hub,
    repo: &str,
    head: &Arc<Commit>,
    entries: &mut [Value],
) -> Result<(), ApiError> {
    let line = history::line(&mut hub.disk(), repo, head)?;
    let oid_at = |commit: &Commit, path: &str| -> Option<String> {
        commit
            .files
            .get(path)
            .map(|entry| entry.oid.clone())
            .or_else(|| commit.folders.get(path).cloned())
    };
    let mut found: HashMap<String, &Arc<Commit>> = HashMap::new();
    for (at, commit) in line.iter().enumerate() {
        let before = line.get(at + 1);
        for entry in entries.iter() {
            let Some(path) = entry.get("path").and_then(Value::as_str) else {
                continue;
            };
            if found.contains_key(path) {
                continue;
            }
            let is_changed =
                before.is_none_or(|before| oid_at(before, path) != oid_at(commit, path));
            if is_changed {
                found.insert(path.to_owned(), commit);
            }
        }
        if found.len() == entries.len() {
            break;
        }
    }
    for entry in entries {
        let path = entry
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let (Some(commit), Some(object)) = (found.get(&path), entry.as_object_mut()) else {
            continue;
        };
        object.insert(
            "lastCommit".into(),
            json!({ "id": commit.id, "title": commit.title, "date": iso(commit.at_ms) }),
        );
        if object.get("type").and_then(Value::as_str) == Some("file") {
            let unscanned = json!({ "status": "unscanned" });
            object.insert(
                "securityFileStatus".into(),
                json!({
                    "status": "safe", "avScan": unscanned, "pickleImportScan": unscanned,
                    "jFrogScan": unscanned, "protectAiScan": unscanned, "virusTotalScan": unscanned,
                }),
            );
        }
    }
    Ok(())
}

/// The entries at or below a folder, in the order of the list.
fn listing(commit: &Commit, folder: &str, is_recursive: bool) -> Vec<Value> {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let is_listed = |path: &str| {
        path.strip_prefix(prefix.as_str())
            .is_some_and(|rest| !rest.is_empty() && (is_recursive || !rest.contains('/')))
    };
    let folders = commit
        .folders
        .iter()
        .filter(|(path, _)| is_listed(path))
        .map(|(path, oid)| (path.as_str(), folder_json(path, oid)));
    let files = commit
        .files
        .iter()
        .filter(|(path, _)| is_listed(path))
        .map(|(path, entry)| (path.as_str(), file_json(path, entry)));
    let mut all: Vec<(&str, Value)> = folders.chain(files).collect();
    if is_recursive {
        all.sort_by(|a, b| a.0.cmp(b.0));
    }
    all.into_iter().map(|(_, entry)| entry).collect()
}

/// How many entries were given, and of which commit.
fn parse_cursor(cursor: &str) -> Option<(usize, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (start, commit) = text.split_once(':')?;
    Some((start.parse().ok()?, commit.to_owned()))
}

pub(crate) fn list(hub: &Hub, call: &Call, id: &str, revision: &str, folder: &str) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    list_of(hub, call, id, revision, folder, |revision| {
        hub.revision(&repo, revision)
    })
}

/// The same for whatever `find` finds commits in.
pub(super) fn list_of(
    hub: &Hub,
    call: &Call,
    id: &str,
    revision: &str,
    folder: &str,
    find: impl FnOnce(&str) -> Result<Arc<Commit>, ApiError>,
) -> Answer {
    // A cursor names the commit it began with, so that the pages fit together when the branch moves meanwhile.
    let cursor = match call.query_value("cursor") {
        None => None,
        Some(cursor) => {
            Some(parse_cursor(&cursor).ok_or_else(|| ApiError::new(400, "Invalid cursor"))?)
        }
    };
    let (start, revision) = match &cursor {
        None => (0, revision),
        Some((start, commit)) => (*start, commit.as_str()),
    };
    let commit = find(revision)?;
    if !folder.is_empty() && !commit.folders.contains_key(folder) {
        return Err(ApiError::coded(
            404,
            "EntryNotFound",
            format!("{folder} does not exist on \"{revision}\""),
        )
        .with("x-repo-commit", commit.id.clone()));
    }
    let is_expanded = call.query_flag("expand");
    let limit: usize = call
        .query_value("limit")
        .and_then(|text| text.parse().ok())
        .unwrap_or(if is_expanded { 50 } else { 1000 })
        .clamp(1, 1000);
    let all = listing(&commit, folder, call.query_flag("recursive"));
    let total = all.len();
    let mut page: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    if is_expanded {
        expand(hub, id, &commit, &mut page)?;
    }
    let mut reply = ok_at(&commit, &page.into());
    let next = start.saturating_add(limit);
    if next < total {
        let cursor = URL_SAFE_NO_PAD.encode(format!("{next}:{}", commit.id));
        set_next(&mut reply, hub, call, &[("cursor", &cursor)]);
    }
    Ok(reply)
}

#[derive(Default, Deserialize)]
struct Paths {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    expand: bool,
}

pub(crate) async fn paths_info(
    hub: &Arc<Hub>,
    call: &mut Call,
    id: &str,
    revision: &str,
) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    let commit = hub.revision(&repo, revision)?;
    paths_info_at(hub, call, id, &commit).await
}

pub(super) async fn paths_info_at(
    hub: &Arc<Hub>,
    call: &mut Call,
    id: &str,
    commit: &Arc<Commit>,
) -> Answer {
    let is_form = call
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let wanted = if is_form {
        let bytes = call.bytes(8 << 20).await?;
        let mut wanted = Paths::default();
        for (key, value) in pairs(&String::from_utf8_lossy(&bytes)) {
            match key.as_str() {
                "paths" | "paths[]" => wanted.paths.push(value),
                "expand" => wanted.expand = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        wanted
    } else {
        call.json().await?
    };
    if wanted.paths.len() > 1000 {
        return Err(ApiError::new(413, "too many paths: at most 1000 at a time"));
    }
    let mut entries: Vec<Value> = wanted
        .paths
        .iter()
        .filter_map(|path| entry_json(commit, path.trim_end_matches('/')))
        .collect();
    if wanted.expand {
        expand(hub, id, commit, &mut entries)?;
    }
    Ok(ok_at(commit, &entries.into()))
}
