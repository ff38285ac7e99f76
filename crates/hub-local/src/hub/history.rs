//! The list of commits, branches, tags and squashing.

use super::repos::stored;
use super::{Hub, author_json, ok_at, set_next};
use crate::clock::{iso, now_ms};
use crate::disk::{Commit, Disk, Words};
use crate::http::{Answer, ApiError, Call, ok, set};
use crate::names::is_ref_name;
use crate::text::escape_html;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// A commit and its first parents, newest first.
pub(crate) fn line(
    disk: &mut Disk,
    repo: &str,
    head: &Arc<Commit>,
) -> io::Result<Vec<Arc<Commit>>> {
    let mut line = vec![head.clone()];
    let mut next = head.parents.first().cloned();
    while let Some(id) = next {
        let Some(commit) = disk.commit(repo, &id)? else {
            break;
        };
        next = commit.parents.first().cloned();
        line.push(commit);
    }
    Ok(line)
}

pub(crate) fn commits(hub: &Hub, call: &Call, id: &str, revision: &str) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    let head = hub.revision(&repo, revision)?;
    let line = line(&mut hub.disk(), id, &head)?;
    let number = |key: &str| call.query_value(key).and_then(|text| text.parse().ok());
    let limit: usize = number("limit").unwrap_or(50).clamp(1, 1000);
    let page: usize = number("p").unwrap_or(0);
    let is_formatted = call
        .query()
        .iter()
        .any(|(key, value)| matches!(key.as_str(), "expand" | "expand[]") && value == "formatted");
    let items: Vec<Value> = line
        .iter()
        .skip(page.saturating_mul(limit))
        .take(limit)
        .map(|commit| {
            let mut item = json!({
                "id": commit.id, "title": commit.title, "message": commit.message,
                "authors": [author_json(&commit.author)], "date": iso(commit.at_ms),
            });
            if is_formatted && let Some(object) = item.as_object_mut() {
                let html = |text: &str| format!("<p>{}</p>", escape_html(text));
                let formatted = json!({
                    "title": html(&commit.title), "message": html(&commit.message),
                });
                object.insert("formatted".into(), formatted);
            }
            item
        })
        .collect();
    let has_more = page.saturating_add(1).saturating_mul(limit) < line.len();
    let mut reply = ok_at(&head, &items.into());
    set(&mut reply, "x-total-count", &line.len().to_string());
    if has_more {
        set_next(&mut reply, hub, call, &[("p", &(page + 1).to_string())]);
    }
    Ok(reply)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewBranch {
    #[serde(default)]
    starting_point: Option<String>,
    #[serde(default)]
    empty_branch: bool,
    #[serde(default)]
    overwrite: bool,
}

pub(crate) async fn create_branch(hub: &Arc<Hub>, call: &mut Call, id: &str, name: &str) -> Answer {
    let (repo, caller) = hub.writable(call, id)?;
    let wanted: NewBranch = call.json().await?;
    if !is_ref_name(name) {
        return Err(ApiError::new(
            400,
            format!("no branch can be called {name:?}"),
        ));
    }
    let start = hub.revision(&repo, wanted.starting_point.as_deref().unwrap_or("main"))?;
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    let full = format!("refs/heads/{name}");
    if repo.refs.contains_key(&full) && !wanted.overwrite {
        return Err(ApiError::new(
            409,
            format!("Reference {full} already exists"),
        ));
    }
    let target = if wanted.empty_branch {
        let author = &caller.user.name;
        disk.put_commit(
            id,
            Vec::new(),
            std::collections::BTreeMap::new(),
            Words {
                title: "initial commit",
                message: "",
                author,
            },
        )?
        .id
        .clone()
    } else {
        start.id.clone()
    };
    repo.refs.insert(full, target);
    disk.save_repo(repo)?;
    ok(&json!({}))
}

#[derive(Deserialize)]
struct NewTag {
    tag: String,
}

pub(crate) async fn create_tag(
    hub: &Arc<Hub>,
    call: &mut Call,
    id: &str,
    revision: &str,
) -> Answer {
    let (repo, _) = hub.writable(call, id)?;
    let wanted: NewTag = call.json().await?;
    let target = hub.revision(&repo, revision)?;
    if !is_ref_name(&wanted.tag) {
        return Err(ApiError::new(
            400,
            format!("no tag can be called {:?}", wanted.tag),
        ));
    }
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    let full = format!("refs/tags/{}", wanted.tag);
    if repo.refs.contains_key(&full) {
        return Err(ApiError::new(409, "Tag reference exists already"));
    }
    repo.refs.insert(full, target.id.clone());
    disk.save_repo(repo)?;
    ok(&json!({}))
}

pub(crate) fn delete_ref(hub: &Hub, call: &Call, id: &str, full: &str) -> Answer {
    hub.writable(call, id)?;
    if full == "refs/heads/main" {
        return Err(ApiError::new(403, format!("Cannot delete {full}")));
    }
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    if repo.refs.remove(full).is_none() {
        return Err(ApiError::coded(
            404,
            "RevisionNotFound",
            format!("Invalid rev id: {full}"),
        ));
    }
    disk.save_repo(repo)?;
    ok(&json!({}))
}

#[derive(Deserialize)]
struct Squash {
    #[serde(default)]
    message: Option<String>,
}

pub(crate) async fn squash(hub: &Arc<Hub>, call: &mut Call, id: &str, branch: &str) -> Answer {
    let (repo, caller) = hub.writable(call, id)?;
    let wanted: Squash = call.json().await?;
    let head = hub.revision(&repo, branch)?;
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    let Some(full) = repo.ref_of(branch) else {
        return Err(ApiError::coded(
            404,
            "RevisionNotFound",
            format!("Invalid rev id: {branch}"),
        ));
    };
    let title = wanted
        .message
        .unwrap_or_else(|| format!("Super-squash branch '{branch}'"));
    let commit = disk.put_commit(
        id,
        Vec::new(),
        head.files.clone(),
        Words {
            title: &title,
            message: "",
            author: &caller.user.name,
        },
    )?;
    repo.refs.insert(full, commit.id.clone());
    repo.modified_ms = now_ms();
    disk.save_repo(repo)?;
    ok(&json!({ "commitId": commit.id }))
}
