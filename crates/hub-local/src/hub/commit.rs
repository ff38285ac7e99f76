//! The commit: read line by line, checked as a whole, landed in one step.

use super::preupload::text_at;
use super::repos::stored;
use super::{Busy, Hub, forbidden};
use crate::attributes::{REGULAR_LIMIT, is_lfs};
use crate::clock::now_ms;
use crate::disk::{Caller, Discussion, Entry, Grant, Repo, Role, Status, Words};
use crate::faults::{CommitFault, Kind};
use crate::git;
use crate::http::{Answer, ApiError, Call, ok};
use crate::names::is_file_path;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The largest commit body.
const BODY_LIMIT: usize = 200 << 20;
const STALE: &str = "A commit has happened since. Please refresh and try again.";
const BUSY: &str =
    "Another commit operation is in progress for this repository. Please try again later.";

#[derive(Deserialize)]
struct Line {
    key: String,
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    summary: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parent_commit: Option<String>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    content: String,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct LfsFile {
    path: String,
    oid: String,
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Deleted {
    path: String,
}

#[derive(Debug, PartialEq)]
enum Operation {
    Put {
        path: String,
        content: Vec<u8>,
    },
    Lfs {
        path: String,
        oid: String,
        size: Option<u64>,
    },
    Delete {
        path: String,
    },
    DeleteFolder {
        path: String,
    },
}

/// A commit that was asked for.
struct Plan {
    id: String,
    revision: String,
    title: String,
    message: String,
    parent: Option<String>,
    operations: Vec<Operation>,
    opens_pr: bool,
    author: String,
}

struct Landed {
    commit: String,
    pull_request: Option<u64>,
}

fn parse(body: &[u8]) -> Result<(Header, Vec<Operation>), ApiError> {
    fn value<T: serde::de::DeserializeOwned>(line: Line, number: usize) -> Result<T, ApiError> {
        serde_json::from_value(line.value)
            .map_err(|error| ApiError::new(400, format!("line {number}: {error}")))
    }
    let path = |path: String, number: usize| {
        if is_file_path(&path) {
            Ok(path)
        } else {
            Err(ApiError::new(
                400,
                format!("line {number}: no file can lie at {path:?}"),
            ))
        }
    };
    let mut header = None;
    let mut operations = Vec::new();
    for (at, text) in body.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line: Line = serde_json::from_slice(text)
            .map_err(|error| ApiError::new(400, format!("line {number}: {error}")))?;
        match (line.key.as_str(), &header) {
            ("header", None) => header = Some(value::<Header>(line, number)?),
            ("header", Some(_)) => {
                return Err(ApiError::new(
                    400,
                    format!("line {number}: a second header"),
                ));
            }
            (_, None) => return Err(ApiError::new(400, "the first line has to be the header")),
            ("file", _) => {
                let file: File = value(line, number)?;
                let content = match file.encoding.as_deref() {
                    Some("base64") => STANDARD
                        .decode(&file.content)
                        .map_err(|error| ApiError::new(400, format!("line {number}: {error}")))?,
                    None | Some("utf-8") => file.content.into_bytes(),
                    Some(other) => {
                        let message = format!("line {number}: unknown encoding {other:?}");
                        return Err(ApiError::new(400, message));
                    }
                };
                let path = path(file.path, number)?;
                operations.push(Operation::Put { path, content });
            }
            ("lfsFile", _) => {
                let file: LfsFile = value(line, number)?;
                let is_sha256 =
                    file.oid.len() == 64 && file.oid.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !is_sha256 {
                    return Err(ApiError::new(
                        400,
                        format!("line {number}: oid is no SHA-256"),
                    ));
                }
                operations.push(Operation::Lfs {
                    path: path(file.path, number)?,
                    oid: file.oid.to_ascii_lowercase(),
                    size: file.size,
                });
            }
            ("deletedFile", _) => {
                let path = path(value::<Deleted>(line, number)?.path, number)?;
                operations.push(Operation::Delete { path });
            }
            ("deletedFolder", _) => {
                let deleted: Deleted = value(line, number)?;
                let path = path(deleted.path.trim_end_matches('/').to_owned(), number)?;
                operations.push(Operation::DeleteFolder { path });
            }
            (other, _) => {
                return Err(ApiError::new(
                    400,
                    format!("line {number}: unknown key {other:?}"),
                ));
            }
        }
    }
    let header = header.ok_or_else(|| ApiError::new(400, "the first line has to be the header"))?;
    if header.summary.trim().is_empty() {
        return Err(ApiError::new(400, "a commit needs a summary"));
    }
    if let Some(parent) = &header.parent_commit
        && !(matches!(parent.len(), 5..=40) && parent.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(ApiError::new(400, "parentCommit has to be a commit id"));
    }
    Ok((header, operations))
}

/// Whether the caller may do this; a token that may only open pull requests hears 412 when it names a parent, as
/// happens on the Hub.
fn check_rights(caller: &Caller, repo: &Repo, plan: &Plan) -> Result<(), ApiError> {
    if caller.can_write(repo) {
        return Ok(());
    }
    if plan.opens_pr && caller.can_discuss(repo) {
        return Ok(());
    }
    let own_pr = plan
        .revision
        .strip_prefix("refs/pr/")
        .and_then(|number| repo.discussion(number.parse().ok()?))
        .is_some_and(|pr| pr.author == caller.user.name);
    if own_pr && caller.can_discuss(repo) {
        return Ok(());
    }
    if caller.grant == Grant::Role(Role::PullRequest) && plan.parent.is_some() {
        return Err(ApiError::new(412, STALE));
    }
    Err(forbidden())
}

pub(crate) async fn commit(hub: &Arc<Hub>, call: &mut Call, id: &str, revision: &str) -> Answer {
    let (repo, caller) = hub.repo(call, id)?;
    let Some(caller) = caller else {
        return Err(ApiError::new(401, "Invalid username or password."));
    };
    let body = call.bytes(BODY_LIMIT).await?;
    let (header, operations) = parse(&body)?;
    drop(body);
    let plan = Plan {
        id: id.to_owned(),
        revision: revision.to_owned(),
        title: header.summary,
        message: header.description.unwrap_or_default(),
        parent: header
            .parent_commit
            .map(|parent| parent.to_ascii_lowercase()),
        operations,
        opens_pr: call.query_flag("create_pr"),
        author: caller.user.name.clone(),
    };
    check_rights(&caller, &repo, &plan)?;
    if plan.operations.is_empty() && !plan.opens_pr {
        return Err(ApiError::new(400, "a commit needs at least one operation"));
    }

    let is_busy = |kind: &Kind| matches!(kind, Kind::BusyCommit).then_some(());
    if hub.faults.take("hub", call, is_busy).is_some() {
        return Err(ApiError::new(409, BUSY));
    }
    let busy = hub.hold(id).ok_or_else(|| ApiError::new(409, BUSY))?;
    let wanted = |kind: &Kind| match kind {
        Kind::Commit { mode, delay_ms } => Some((*mode, *delay_ms)),
        _ => None,
    };
    let Some((mode, delay_ms)) = hub.faults.take("hub", call, wanted) else {
        // Landing is not broken off when the client leaves: it is one step without a pause.
        return answer(hub, &plan, &land(hub, &plan)?);
    };
    let timeout = || ApiError::new(504, "Gateway Timeout");
    let later = {
        let hub = hub.clone();
        // On a task of its own, so that a client that goes away does not stop it.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            let landed = land(&hub, &plan);
            release(busy);
            landed.map(|landed| (plan, landed))
        })
    };
    if mode == CommitFault::AnswerThenLand {
        return Err(timeout());
    }
    let (plan, landed) = later
        .await
        .map_err(|error| ApiError::new(500, format!("the commit broke off: {error}")))??;
    match mode {
        CommitFault::Slow | CommitFault::AnswerThenLand => answer(hub, &plan, &landed),
        CommitFault::LandThen504 => Err(timeout()),
        CommitFault::LandThen500 => Err(ApiError::new(500, "Internal Server Error")),
        CommitFault::LandThenCut => Err(ApiError::cut()),
    }
}

/// Lets the next commit in.
fn release(busy: Busy) {
    drop(busy);
}

fn answer(hub: &Hub, plan: &Plan, landed: &Landed) -> Answer {
    let page = format!("{}/datasets/{}", hub.url, plan.id);
    let mut answer = json!({
        "success": true, "commitOid": landed.commit,
        "commitUrl": format!("{page}/commit/{}", landed.commit), "hookOutput": "",
    });
    if let (Some(number), Some(object)) = (landed.pull_request, answer.as_object_mut()) {
        let url = format!("{page}/discussions/{number}");
        object.insert("pullRequestUrl".into(), url.into());
    }
    ok(&answer)
}

fn no_entry(path: &str) -> ApiError {
    ApiError::coded(
        404,
        "EntryNotFound",
        format!("A file with this name doesn't exist: {path}"),
    )
}

/// Carries the plan out: all of it or nothing.
fn land(hub: &Hub, plan: &Plan) -> Result<Landed, ApiError> {
    let repo = stored(hub.disk().repos.get(&plan.id))?;
    let full = repo
        .ref_of(&plan.revision)
        .filter(|name| !name.starts_with("refs/tags/"));
    let Some(full) = full else {
        return Err(ApiError::coded(
            404,
            "RevisionNotFound",
            format!("Invalid rev id: {}", plan.revision),
        ));
    };
    let head = hub.revision(&repo, &full)?;
    let is_head = |parent: &String| head.id.starts_with(parent.as_str());
    let base = match &plan.parent {
        // A pull request may start from an older commit.
        Some(parent) if plan.opens_pr && !is_head(parent) => hub.revision(&repo, parent)?,
        Some(parent) if !is_head(parent) => return Err(ApiError::new(412, STALE)),
        _ => head,
    };

    // Rules that come with the commit count for it, as clients that send them beforehand expect.
    let attributes = plan
        .operations
        .iter()
        .find_map(|operation| match operation {
            Operation::Put { path, content } if path == ".gitattributes" => {
                Some(String::from_utf8_lossy(content).into_owned())
            }
            _ => None,
        })
        .unwrap_or_else(|| text_at(hub, &base, ".gitattributes"));
    let mut files = base.files.clone();
    let mut disk = hub.disk();
    for operation in &plan.operations {
        match operation {
            Operation::Put { path, content } => {
                let size = content.len() as u64;
                if size > REGULAR_LIMIT || size > 0 && is_lfs(&attributes, path) {
                    return Err(ApiError::new(
                        400,
                        format!("{path} has to be uploaded through LFS, not inside the commit"),
                    ));
                }
                let oid = disk.put_blob(content)?;
                files.insert(
                    path.clone(),
                    Entry {
                        oid,
                        size,
                        lfs: None,
                    },
                );
            }
            Operation::Lfs { path, oid, size } => {
                let there = disk.lfs_size(oid);
                let Some(stored) = there.filter(|there| size.is_none_or(|size| size == *there))
                else {
                    return Err(ApiError::new(
                        400,
                        format!("{path}: the LFS object {oid} was not uploaded"),
                    ));
                };
                let pointer = git::pointer(oid, stored);
                files.insert(
                    path.clone(),
                    Entry {
                        oid: git::blob_oid(pointer.as_bytes()),
                        size: stored,
                        lfs: Some(oid.clone()),
                    },
                );
            }
            Operation::Delete { path } => {
                files.remove(path).ok_or_else(|| no_entry(path))?;
            }
            Operation::DeleteFolder { path } => {
                let prefix = format!("{path}/");
                let before = files.len();
                files.retain(|file, _| !file.starts_with(&prefix));
                if files.len() == before {
                    return Err(no_entry(path));
                }
            }
        }
    }
    check_layout(&files)?;

    let now = now_ms();
    let commit = disk.put_commit(
        &plan.id,
        vec![base.id.clone()],
        files,
        Words {
            title: &plan.title,
            message: &plan.message,
            author: &plan.author,
        },
    )?;
    let mut repo = stored(disk.repos.get(&plan.id))?;
    let pull_request = plan.opens_pr.then(|| {
        let number = repo.discussions.len() as u64 + 1;
        repo.discussions.push(Discussion {
            number,
            title: plan.title.clone(),
            author: plan.author.clone(),
            created_ms: now,
            status: Status::Open,
            is_pull_request: true,
            base: Some(base.id.clone()),
            merge_commit: None,
            comments: Vec::new(),
        });
        number
    });
    let target = pull_request.map_or(full, |number| format!("refs/pr/{number}"));
    repo.refs.insert(target, commit.id.clone());
    repo.modified_ms = now;
    disk.save_repo(repo)?;
    Ok(Landed {
        commit: commit.id.clone(),
        pull_request,
    })
}

/// No path can be a file and a folder at once.
fn check_layout(files: &BTreeMap<String, Entry>) -> Result<(), ApiError> {
    for path in files.keys() {
        for (at, _) in path.match_indices('/') {
            if path
                .get(..at)
                .is_some_and(|above| files.contains_key(above))
            {
                return Err(ApiError::new(
                    400,
                    format!("{path} lies below a file, not a folder"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_real_clients_are_understood_with_and_without_the_last_newline() {
        let text = concat!(
            r#"{"key":"header","value":{"summary":"pr","description":""}}"#,
            "\n",
            r#"{"key":"file","value":{"content":"eyJ4Ijo0fQo=","path":"data/pr.jsonl","encoding":"base64"}}"#,
        );
        for body in [text.to_owned(), format!("{text}\n")] {
            let (header, operations) = parse(body.as_bytes()).expect("both forms are fine");
            assert_eq!(header.summary, "pr");
            let put = Operation::Put {
                path: "data/pr.jsonl".to_owned(),
                content: b"{\"x\":4}\n".to_vec(),
            };
            assert_eq!(operations, [put]);
        }
    }

    #[test]
    fn a_malformed_line_is_refused_with_its_number() {
        let header = r#"{"key":"header","value":{"summary":"s"}}"#;
        for (second, said) in [
            ("not json", "line 2"),
            (
                r#"{"key":"file","value":{"path":"../x","content":""}}"#,
                "line 2",
            ),
            (r#"{"key":"surprise","value":{}}"#, "surprise"),
            (
                r#"{"key":"lfsFile","value":{"path":"a","oid":"12"}}"#,
                "SHA-256",
            ),
            (
                r#"{"key":"file","value":{"path":"a","content":"*","encoding":"base64"}}"#,
                "line 2",
            ),
        ] {
            let error = parse(format!("{header}\n{second}").as_bytes()).expect_err(second);
            assert_eq!(error.status, 400);
            assert!(error.message.contains(said), "{}", error.message);
        }
        assert_eq!(parse(b"").expect_err("no header").status, 400);
    }
}
