//! What files a repo holds, and what is in them.

use super::{HubClient, MOST_PAGES};
use crate::error::HubError;
use crate::http::{pairs, path, segment};
use crate::transport::Method;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// Bytes of a file that are read at most.
const FILE_BYTES: usize = 512 * 1024 * 1024;
/// Entries of one page of a tree.
const PAGE: &str = "1000";

/// An entry of a repo's tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root.
    pub path: String,
    /// Git object id; for a file in LFS that of its pointer.
    pub oid: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content, for files in LFS: what `git_blob_oid` is for the others. Two trees with the same one hold
    /// the same bytes.
    pub lfs_sha256: Option<String>,
    /// A file, not a folder.
    pub is_file: bool,
}

#[derive(Deserialize)]
struct RawEntry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    oid: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    lfs: Option<RawLfs>,
    /// Only where it was asked for.
    #[serde(default, rename = "lastCommit")]
    last_commit: Option<RawCommit>,
}

#[derive(Deserialize)]
struct RawLfs {
    oid: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct RawCommit {
    id: String,
}

impl From<RawEntry> for TreeEntry {
    fn from(raw: RawEntry) -> Self {
        Self {
            is_file: raw.kind == "file",
            path: raw.path,
            oid: raw.oid,
            size: raw
                .lfs
                .as_ref()
                .map_or(raw.size, |lfs| lfs.size.max(raw.size)),
            lfs_sha256: raw.lfs.map(|lfs| lfs.oid),
        }
    }
}

impl HubClient {
    /// Entries below `folder` (empty for the root), page by page. Pages of a moving branch need a commit as revision.
    pub async fn tree(
        &self,
        repo: &str,
        revision: &str,
        folder: &str,
        recursive: bool,
    ) -> Result<Vec<TreeEntry>, HubError> {
        let what = "reading the repo's files";
        let mut below = path(folder);
        if !below.is_empty() {
            below.insert(0, '/');
        }
        let query = pairs(&[
            ("recursive", if recursive { "true" } else { "false" }),
            ("expand", "false"),
            ("limit", PAGE),
        ]);
        let url = self.line.url(&format!(
            "/api/datasets/{}/tree/{}{below}?{query}",
            path(repo),
            segment(revision)
        ));
        match self.pages::<RawEntry>(what, url, MOST_PAGES).await? {
            (entries, true) => Ok(entries.into_iter().map(TreeEntry::from).collect()),
            (_, false) => Err(HubError::malformed(what, "the list of files does not end")),
        }
    }

    /// The entries of these paths; those that are missing are absent.
    pub async fn paths_info(
        &self,
        repo: &str,
        revision: &str,
        paths: &[String],
    ) -> Result<Vec<TreeEntry>, HubError> {
        let entries = self.raw_paths_info(repo, revision, paths, false).await?;
        Ok(entries.into_iter().map(TreeEntry::from).collect())
    }

    /// The commit that changed each of these paths last, as of `revision`; those that are missing are absent.
    pub async fn last_commits(
        &self,
        repo: &str,
        revision: &str,
        paths: &[String],
    ) -> Result<HashMap<String, String>, HubError> {
        let entries = self.raw_paths_info(repo, revision, paths, true).await?;
        Ok(entries
            .into_iter()
            .filter_map(|entry| Some((entry.path, entry.last_commit?.id)))
            .collect())
    }

    async fn raw_paths_info(
        &self,
        repo: &str,
        revision: &str,
        paths: &[String],
        expand: bool,
    ) -> Result<Vec<RawEntry>, HubError> {
        let what = "reading the repo's files";
        let url = self.line.url(&format!(
            "/api/datasets/{}/paths-info/{}",
            path(repo),
            segment(revision)
        ));
        let mut entries = Vec::new();
        for chunk in paths.chunks(500) {
            let body = json!({"paths": chunk, "expand": expand});
            let page: Vec<RawEntry> = self.line.post_json(what, &url, &body).await?.json(what)?;
            entries.extend(page);
        }
        Ok(entries)
    }

    /// A file's bytes at a revision.
    pub async fn read_file(
        &self,
        repo: &str,
        revision: &str,
        file: &str,
    ) -> Result<Vec<u8>, HubError> {
        let url = self.line.url(&format!(
            "/datasets/{}/resolve/{}/{}",
            path(repo),
            segment(revision),
            path(file)
        ));
        let answer = self
            .line
            .send(
                "reading a file",
                Method::Get,
                &url,
                &[],
                Vec::new(),
                FILE_BYTES,
            )
            .await?;
        Ok(answer.body)
    }
}
