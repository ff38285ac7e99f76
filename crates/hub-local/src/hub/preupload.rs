//! Before a commit: which files go inline and which to LFS, and what is there already.

use super::lines::path_status;
use super::{Hub, forbidden, ok_at};
use crate::attributes::{REGULAR_LIMIT, is_binary, is_ignored, is_lfs};
use crate::disk::{Commit, Entry};
use crate::http::{Answer, ApiError, Call};
use crate::names::is_file_path;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    files: Vec<File>,
    #[serde(default)]
    git_attributes: Option<String>,
    #[serde(default)]
    git_ignore: Option<String>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    size: u64,
    #[serde(default)]
    sample: Option<String>,
}

/// A text file of a commit, empty when missing.
pub(crate) fn text_at(hub: &Hub, commit: &Commit, path: &str) -> String {
    commit
        .files
        .get(path)
        .filter(|entry| entry.lfs.is_none())
        .and_then(|entry| std::fs::read_to_string(hub.disk().blob_path(&entry.oid)).ok())
        .unwrap_or_default()
}

pub(crate) async fn preupload(hub: &Arc<Hub>, call: &mut Call, id: &str, revision: &str) -> Answer {
    let (repo, caller) = hub.repo(call, id)?;
    let is_new_pr = call.query_flag("create_pr");
    match caller {
        None => return Err(ApiError::new(401, "Invalid username or password.")),
        Some(caller) => {
            let is_pr = is_new_pr || revision.starts_with("refs/pr/");
            let may = caller.can_write(&repo) || is_pr && caller.can_discuss(&repo);
            if !may {
                return Err(forbidden());
            }
        }
    }
    let commit = hub.revision(&repo, revision)?;
    let wanted: Wanted = call.json().await?;
    if wanted.files.len() > 1000 {
        return Err(ApiError::new(413, "too many files: at most 1000 at a time"));
    }
    let attributes = wanted
        .git_attributes
        .unwrap_or_else(|| text_at(hub, &commit, ".gitattributes"));
    let ignore = wanted
        .git_ignore
        .unwrap_or_else(|| text_at(hub, &commit, ".gitignore"));
    let files: Vec<Value> = wanted
        .files
        .iter()
        .map(|file| {
            if !is_file_path(&file.path) {
                return Err(ApiError::new(
                    path_status(&file.path),
                    format!("no file can lie at {:?}", file.path),
                ));
            }
            let sample = match &file.sample {
                Some(text) => STANDARD.decode(text).map_err(|error| {
                    ApiError::new(400, format!("sample of {}: {error}", file.path))
                })?,
                None => Vec::new(),
            };
            let to_lfs =
                file.size > REGULAR_LIMIT || is_lfs(&attributes, &file.path) || is_binary(&sample);
            Ok(json!({
                "path": file.path,
                "uploadMode": if to_lfs { "lfs" } else { "regular" },
                "shouldIgnore": is_ignored(&ignore, &file.path),
                "oid": commit.files.get(&file.path).map(Entry::etag),
            }))
        })
        .collect::<Result<_, ApiError>>()?;
    Ok(ok_at(
        &commit,
        &json!({ "files": files, "commitOid": commit.id }),
    ))
}
