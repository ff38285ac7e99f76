//! Reading files: `resolve` sends regular ones on to `resolve-cache` and large ones to the storage host, `raw` gives what
//! git holds.

use super::Hub;
use crate::disk::{Caller, Commit, Entry, Repo};
use crate::git;
use crate::http::{Answer, ApiError, Call, Reply, bytes_reply, file_reply, set};
use crate::text::encode;
use std::sync::Arc;

fn entry<'a>(commit: &'a Commit, path: &str) -> Result<&'a Entry, ApiError> {
    commit.files.get(path).ok_or_else(|| {
        ApiError::coded(404, "EntryNotFound", "Entry not found")
            .with("x-repo-commit", commit.id.clone())
    })
}

/// A commit of a dataset that the caller may read.
fn commit(hub: &Hub, call: &Call, id: &str, revision: &str) -> Result<Arc<Commit>, ApiError> {
    let (repo, caller) = hub.repo(call, id)?;
    pass(hub, &repo, caller.as_ref())?;
    hub.revision(&repo, revision)
}

/// Refuses whom the owners have not let in.
fn pass(hub: &Hub, repo: &Repo, caller: Option<&Caller>) -> Result<(), ApiError> {
    if repo.gated.is_none() || caller.is_some_and(|caller| caller.may_pass(repo)) {
        return Ok(());
    }
    let id = &repo.id;
    Err(match caller {
        None => ApiError::coded(
            401,
            "GatedRepo",
            format!(
                "Access to dataset {id} is restricted. You must have access to it and be authenticated to access it. Please log in."
            ),
        ),
        Some(_) => ApiError::coded(
            403,
            "GatedRepo",
            format!(
                "Access to dataset {id} is restricted and you are not in the authorized list. Visit {}/datasets/{id} to ask for access.",
                hub.url
            ),
        ),
    })
}

fn redirect(status: u16, location: &str, commit: &Commit, entry: &Entry) -> Reply {
    let text = if status == 307 {
        "Temporary Redirect"
    } else {
        "Found. Redirecting"
    };
    let mut reply = bytes_reply(status, "text/plain; charset=utf-8", text);
    set(&mut reply, "location", location);
    set(&mut reply, "x-repo-commit", &commit.id);
    set(&mut reply, "accept-ranges", "bytes");
    set(&mut reply, "x-linked-size", &entry.size.to_string());
    set(
        &mut reply,
        "x-linked-etag",
        &format!("\"{}\"", entry.etag()),
    );
    reply
}

pub(crate) fn resolve(hub: &Hub, call: &Call, id: &str, revision: &str, path: &str) -> Answer {
    let commit = commit(hub, call, id, revision)?;
    resolve_at(hub, call, &format!("datasets/{id}"), &commit, path)
}

/// `place` is `datasets/` or `models/` with the id.
pub(super) fn resolve_at(
    hub: &Hub,
    call: &Call,
    place: &str,
    commit: &Commit,
    path: &str,
) -> Answer {
    let entry = entry(commit, path)?;
    let name = encode(path.rsplit('/').next().unwrap_or(path), "");
    Ok(match &entry.lfs {
        Some(sha256) => {
            let stored = format!("/lfs/{sha256}");
            let location = format!(
                "{}{stored}?{}&filename={name}",
                hub.storage_url,
                hub.sign("GET", &stored)
            );
            redirect(302, &location, commit, entry)
        }
        None => {
            let location = format!(
                "/api/resolve-cache/{place}/{}/{}?{}=&etag={}",
                commit.id,
                encode(path, "/"),
                encode(&call.path, ""),
                encode(&format!("\"{}\"", entry.oid), ""),
            );
            redirect(307, &location, commit, entry)
        }
    })
}

/// The content of a regular file at a commit.
pub(crate) fn cached(hub: &Hub, call: &Call, id: &str, sha: &str, path: &str) -> Answer {
    cached_at(hub, call, &*commit(hub, call, id, sha)?, path)
}

pub(super) fn cached_at(hub: &Hub, call: &Call, commit: &Commit, path: &str) -> Answer {
    let entry = entry(commit, path)?;
    if entry.lfs.is_some() {
        return Err(ApiError::coded(404, "EntryNotFound", "Entry not found"));
    }
    let blob = hub.disk().blob_path(&entry.oid);
    let mut reply = file_reply(
        &blob,
        "text/plain; charset=utf-8",
        &entry.oid,
        call.header("range"),
    )?;
    set(&mut reply, "x-repo-commit", &commit.id);
    let name = encode(path.rsplit('/').next().unwrap_or(path), "");
    let disposition = format!("inline; filename*=UTF-8''{name}");
    set(&mut reply, "content-disposition", &disposition);
    set(
        &mut reply,
        "content-security-policy",
        "default-src 'none'; sandbox",
    );
    set(&mut reply, "x-content-type-options", "nosniff");
    Ok(reply)
}

pub(crate) fn raw(hub: &Hub, call: &Call, id: &str, revision: &str, path: &str) -> Answer {
    raw_at(hub, call, &*commit(hub, call, id, revision)?, path)
}

pub(super) fn raw_at(hub: &Hub, call: &Call, commit: &Commit, path: &str) -> Answer {
    let entry = entry(commit, path)?;
    let mut reply = match &entry.lfs {
        Some(sha256) => bytes_reply(
            200,
            "text/plain; charset=utf-8",
            git::pointer(sha256, entry.size),
        ),
        None => {
            let blob = hub.disk().blob_path(&entry.oid);
            file_reply(
                &blob,
                "text/plain; charset=utf-8",
                &entry.oid,
                call.header("range"),
            )?
        }
    };
    set(&mut reply, "x-repo-commit", &commit.id);
    set(
        &mut reply,
        "content-security-policy",
        "default-src 'none'; sandbox",
    );
    set(&mut reply, "x-content-type-options", "nosniff");
    Ok(reply)
}
