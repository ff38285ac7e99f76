//! The commit: read line by line, checked as a whole, landed in one step.

use super::lines::{Operation, parse};
use super::preupload::text_at;
use super::repos::stored;
use super::{Busy, Hub, forbidden};
use crate::attributes::{REGULAR_LIMIT, is_lfs};
use crate::clock::now_ms;
use crate::disk::{Caller, Discussion, Entry, Grant, Repo, Role, Status, Words};
use crate::faults::{CommitFault, Kind};
use crate::git;
use crate::http::{Answer, ApiError, Call, ok};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The largest commit body.
const BODY_LIMIT: usize = 200 << 20;
const STALE: &str =
    "The branch was updated since you opened this page. Please refresh and try again.";
const BUSY: &str =
    "Another commit operation is in progress for this repository. Please try again later.";

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
            Operation::Delete { path } if files.remove(path).is_some() => {}
            // A file that is a folder: clients that do not know better mean the folder.
            Operation::Delete { path } | Operation::DeleteFolder { path } => {
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
