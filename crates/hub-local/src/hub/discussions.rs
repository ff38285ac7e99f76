//! Discussions and pull requests: list, look, talk, close, merge.

use super::repos::stored;
use super::{Hub, author_json, forbidden};
use crate::clock::{iso, now_ms};
use crate::disk::{Comment, Commit, Discussion, Entry, Rename, Repo, Status, Words, random_hex};
use crate::http::{Answer, ApiError, Call, ok};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    pull_request: bool,
}

#[derive(Default, Deserialize)]
struct Talk {
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    title: Option<String>,
}

pub(crate) async fn answer(
    hub: &Arc<Hub>,
    call: &mut Call,
    verb: &str,
    id: &str,
    rest: &[&str],
) -> Answer {
    match (verb, rest) {
        ("GET", []) => list(hub, call, id),
        ("POST", []) => create(hub, call, id).await,
        ("GET", [number]) => details(hub, call, id, parse_number(number)?),
        ("POST", [number, what @ ("comment" | "status" | "title" | "merge")]) => {
            act(hub, call, id, parse_number(number)?, what).await
        }
        _ => Err(ApiError::new(404, "the local Hub has no such address")),
    }
}

fn parse_number(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_not_a_number| none(text))
}

fn none(number: impl std::fmt::Display) -> ApiError {
    ApiError::new(404, format!("there is no discussion {number}"))
}

fn summary(repo: &Repo, discussion: &Discussion) -> Value {
    json!({
        "num": discussion.number, "title": discussion.title, "status": discussion.status.name(),
        "isPullRequest": discussion.is_pull_request, "createdAt": iso(discussion.created_ms),
        "author": { "name": discussion.author, "type": "user", "avatarUrl": "/avatars/local.svg" },
        "repo": { "name": repo.id, "type": "dataset" }, "numComments": discussion.comments.len(),
        "pinned": false,
    })
}

fn list(hub: &Hub, call: &Call, id: &str) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    let kind = call.query_value("type").unwrap_or_else(|| "all".into());
    let status = call.query_value("status").unwrap_or_else(|| "all".into());
    let author = call.query_value("author");
    let page: usize = call
        .query_value("p")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let is_open =
        |discussion: &Discussion| matches!(discussion.status, Status::Open | Status::Draft);
    // Newest first, as on the Hub.
    let hits: Vec<&Discussion> = repo
        .discussions
        .iter()
        .rev()
        .filter(|discussion| match kind.as_str() {
            "pull_request" => discussion.is_pull_request,
            "discussion" => !discussion.is_pull_request,
            _ => true,
        })
        .filter(|discussion| match status.as_str() {
            "open" => is_open(discussion),
            "closed" => !is_open(discussion),
            _ => true,
        })
        .filter(|discussion| {
            author
                .as_ref()
                .is_none_or(|name| *name == discussion.author)
        })
        .collect();
    let start = page.saturating_mul(PAGE);
    let shown: Vec<Value> = hits
        .iter()
        .skip(start)
        .take(PAGE)
        .map(|discussion| summary(&repo, discussion))
        .collect();
    let closed = repo.discussions.iter().filter(|one| !is_open(one)).count();
    ok(&json!({
        "discussions": shown, "count": hits.len(), "start": start, "numClosedDiscussions": closed,
    }))
}

fn event(kind: &str, comment: &Comment, data: Value) -> Value {
    let mut author = author_json(&comment.author);
    if let Some(object) = author.as_object_mut() {
        object.insert("name".into(), comment.author.clone().into());
    }
    json!({
        "id": comment.id, "type": kind, "createdAt": iso(comment.at_ms), "author": author,
        "data": data,
    })
}

fn comment_json(comment: &Comment) -> Value {
    if let Some(Rename { from, to }) = &comment.rename {
        return event("title-change", comment, json!({ "from": from, "to": to }));
    }
    match comment.status {
        Some(status) => event(
            "status-change",
            comment,
            json!({ "status": status.name(), "reason": comment.text }),
        ),
        None => event(
            "comment",
            comment,
            json!({
                "edited": false, "hidden": false, "numEdits": 0,
                "latest": { "raw": comment.text, "html": "", "updatedAt": iso(comment.at_ms),
                            "author": { "name": comment.author } },
            }),
        ),
    }
}

fn head_of(hub: &Hub, repo: &Repo, discussion: &Discussion) -> Result<Arc<Commit>, ApiError> {
    hub.revision(repo, &format!("refs/pr/{}", discussion.number))
}

/// What a pull request changes: files by path, `None` = deleted.
fn changes(base: &Commit, head: &Commit) -> BTreeMap<String, Option<Entry>> {
    let paths: BTreeSet<&String> = base.files.keys().chain(head.files.keys()).collect();
    paths
        .into_iter()
        .filter(|path| base.files.get(*path) != head.files.get(*path))
        .map(|path| (path.clone(), head.files.get(path).cloned()))
        .collect()
}

/// The main branch with the changes in, or the paths that both sides changed differently.
fn merged(
    base: &Commit,
    head: &Commit,
    main: &Commit,
) -> Result<BTreeMap<String, Entry>, Vec<String>> {
    let mut files = main.files.clone();
    let mut conflicts = Vec::new();
    for (path, change) in changes(base, head) {
        let (before, now) = (base.files.get(&path), main.files.get(&path));
        if now != before && now != change.as_ref() {
            conflicts.push(path);
            continue;
        }
        match change {
            Some(entry) => files.insert(path, entry),
            None => files.remove(&path),
        };
    }
    if conflicts.is_empty() {
        Ok(files)
    } else {
        Err(conflicts)
    }
}

fn details(hub: &Hub, call: &Call, id: &str, number: u64) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    let discussion = repo.discussion(number).ok_or_else(|| none(number))?;
    let mut answer = summary(&repo, discussion);
    let events: Vec<Value> = discussion.comments.iter().map(comment_json).collect();
    let Some(object) = answer.as_object_mut() else {
        return ok(&answer);
    };
    object.insert("events".into(), events.into());
    if discussion.is_pull_request {
        let head = head_of(hub, &repo, discussion)?;
        let base = hub.revision(&repo, discussion.base.as_deref().unwrap_or("main"))?;
        let main = hub.revision(&repo, "main")?;
        let conflicts = match discussion.status {
            Status::Merged => Vec::new(),
            _ => merged(&base, &head, &main).err().unwrap_or_default(),
        };
        let changed: Vec<Value> = changes(&base, &head)
            .into_iter()
            .map(|(path, change)| json!({ "path": path, "isDeleted": change.is_none() }))
            .collect();
        object.insert("filesWithConflicts".into(), conflicts.into());
        object.insert(
            "changes".into(),
            json!({ "base": "refs/heads/main", "mergeCommitId": discussion.merge_commit }),
        );
        object.insert("changedFiles".into(), changed.into());
        object.insert("diff".into(), "".into());
    }
    ok(&answer)
}

fn comment(author: &str, text: &str, status: Option<Status>) -> Result<Comment, ApiError> {
    Ok(Comment {
        id: random_hex(12)?,
        author: author.to_owned(),
        at_ms: now_ms(),
        text: text.to_owned(),
        status,
        rename: None,
    })
}

async fn create(hub: &Arc<Hub>, call: &mut Call, id: &str) -> Answer {
    let (repo, caller) = hub.repo(call, id)?;
    let caller = caller.ok_or_else(|| ApiError::new(401, "Invalid username or password."))?;
    if !caller.can_discuss(&repo) {
        return Err(forbidden());
    }
    let wanted: New = call.json().await?;
    if wanted.title.trim().chars().count() < 3 {
        return Err(ApiError::new(400, "a title has at least 3 characters"));
    }
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    let number = repo.discussions.len() as u64 + 1;
    let head = repo.refs.get("refs/heads/main").cloned();
    let mut discussion = Discussion {
        number,
        title: wanted.title,
        author: caller.user.name.clone(),
        created_ms: now_ms(),
        status: if wanted.pull_request {
            Status::Draft
        } else {
            Status::Open
        },
        is_pull_request: wanted.pull_request,
        base: head.clone().filter(|_| wanted.pull_request),
        merge_commit: None,
        comments: Vec::new(),
    };
    if !wanted.description.is_empty() {
        let first = comment(&caller.user.name, &wanted.description, None)?;
        discussion.comments.push(first);
    }
    if let (true, Some(head)) = (wanted.pull_request, head) {
        repo.refs.insert(format!("refs/pr/{number}"), head);
    }
    let answer = summary(&repo, &discussion);
    repo.discussions.push(discussion);
    disk.save_repo(repo)?;
    ok(&answer)
}

async fn act(hub: &Arc<Hub>, call: &mut Call, id: &str, number: u64, what: &str) -> Answer {
    let (repo, caller) = hub.repo(call, id)?;
    let caller = caller.ok_or_else(|| ApiError::new(401, "Invalid username or password."))?;
    let discussion = repo.discussion(number).ok_or_else(|| none(number))?;
    let is_own = discussion.author == caller.user.name;
    let may = match what {
        "comment" => caller.can_discuss(&repo),
        "merge" => caller.can_write(&repo),
        _ => caller.can_write(&repo) || is_own && caller.can_discuss(&repo),
    };
    if !may {
        return Err(forbidden());
    }
    let wanted: Talk = call.json().await?;
    if what == "merge" {
        return merge(
            hub,
            id,
            number,
            &caller.user.name,
            wanted.comment.as_deref(),
        );
    }
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    let discussion = repo.discussion_mut(number).ok_or_else(|| none(number))?;
    let text = wanted.comment.unwrap_or_default();
    let answer = match what {
        "comment" => {
            let new = comment(&caller.user.name, &text, None)?;
            let answer = json!({ "newMessage": comment_json(&new) });
            discussion.comments.push(new);
            answer
        }
        "status" => {
            let status = wanted
                .status
                .filter(|status| matches!(status, Status::Open | Status::Closed))
                .ok_or_else(|| ApiError::new(400, "status is open or closed"))?;
            if discussion.status == Status::Merged {
                return Err(ApiError::new(400, "it has been merged"));
            }
            discussion.status = status;
            let new = comment(&caller.user.name, &text, Some(status))?;
            let answer = json!({ "newStatus": comment_json(&new) });
            discussion.comments.push(new);
            answer
        }
        _ => {
            let title = wanted.title.unwrap_or_default();
            if title.trim().chars().count() < 3 {
                return Err(ApiError::new(400, "a title has at least 3 characters"));
            }
            let from = std::mem::replace(&mut discussion.title, title.clone());
            let mut new = comment(&caller.user.name, "", None)?;
            new.rename = Some(Rename { from, to: title });
            let answer = json!({ "newTitle": comment_json(&new) });
            discussion.comments.push(new);
            answer
        }
    };
    disk.save_repo(repo)?;
    ok(&answer)
}

fn merge(hub: &Arc<Hub>, id: &str, number: u64, who: &str, text: Option<&str>) -> Answer {
    let _busy = hub.hold(id).ok_or_else(|| {
        ApiError::new(
            409,
            "Another commit operation is in progress for this repository. Please try again later.",
        )
    })?;
    let repo = stored(hub.disk().repos.get(id))?;
    let discussion = repo.discussion(number).ok_or_else(|| none(number))?;
    if !discussion.is_pull_request {
        return Err(ApiError::new(
            400,
            "this is a discussion, not a pull request",
        ));
    }
    if !matches!(discussion.status, Status::Open | Status::Draft) {
        let message = format!("this pull request is {}", discussion.status.name());
        return Err(ApiError::new(400, message));
    }
    let head = head_of(hub, &repo, discussion)?;
    let base = hub.revision(&repo, discussion.base.as_deref().unwrap_or("main"))?;
    let main = hub.revision(&repo, "main")?;
    let files = merged(&base, &head, &main).map_err(|conflicts| {
        ApiError::new(
            409,
            format!(
                "This pull request conflicts with main in: {}",
                conflicts.join(", ")
            ),
        )
    })?;
    let mut disk = hub.disk();
    let title = format!("{} (#{number})", discussion.title);
    let commit = disk.put_commit(
        id,
        vec![main.id.clone(), head.id.clone()],
        files,
        Words {
            title: &title,
            message: text.unwrap_or_default(),
            author: who,
        },
    )?;
    let mut repo = stored(disk.repos.get(id))?;
    let change = comment(who, text.unwrap_or_default(), Some(Status::Merged))?;
    let discussion = repo.discussion_mut(number).ok_or_else(|| none(number))?;
    discussion.status = Status::Merged;
    discussion.merge_commit = Some(commit.id.clone());
    discussion.comments.push(change);
    repo.refs
        .insert("refs/heads/main".to_owned(), commit.id.clone());
    repo.modified_ms = now_ms();
    disk.save_repo(repo)?;
    ok(&json!({ "success": true, "mergeCommitId": commit.id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(files: &[(&str, &str)]) -> Commit {
        Commit {
            id: String::new(),
            parents: Vec::new(),
            title: String::new(),
            message: String::new(),
            author: String::new(),
            at_ms: 0,
            files: files
                .iter()
                .map(|(path, oid)| {
                    let entry = Entry {
                        oid: (*oid).to_owned(),
                        size: 1,
                        lfs: None,
                    };
                    ((*path).to_owned(), entry)
                })
                .collect(),
            folders: BTreeMap::new(),
        }
    }

    #[test]
    fn a_merge_keeps_what_main_gained_and_brings_what_the_request_changed() {
        let base = commit(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let head = commit(&[("a", "2"), ("c", "1"), ("new", "1")]);
        let main = commit(&[("a", "1"), ("b", "1"), ("c", "9"), ("other", "1")]);
        let files = merged(&base, &head, &main).expect("no path was changed twice");
        assert_eq!(
            files,
            commit(&[("a", "2"), ("c", "9"), ("new", "1"), ("other", "1")]).files
        );
    }

    #[test]
    fn a_path_changed_on_both_sides_is_a_conflict_unless_the_change_is_the_same() {
        let base = commit(&[("a", "1"), ("b", "1")]);
        let head = commit(&[("a", "2"), ("b", "2")]);
        let main = commit(&[("a", "3"), ("b", "2")]);
        assert_eq!(merged(&base, &head, &main), Err(vec!["a".to_owned()]));
    }
}
