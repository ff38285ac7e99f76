//! Commits over HTTP: preupload says how each file goes, large ones go to LFS storage first, and one request commits
//! all.

mod lfs;

use crate::client::HubClient;
use crate::error::{HubError, HubErrorKind};
use crate::http::{ANSWER_BYTES, path, segment};
use crate::transport::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lfs::Large;
use seedbed_core::id::{hex, sha256_hex};
use seedbed_core::messages::Step;
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::HashMap;

/// Files of one preupload request.
const PREUPLOAD_FILES: usize = 100;
/// First bytes of a file that the Hub looks at to choose its way.
const SAMPLE_BYTES: usize = 512;

/// A change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Write a file.
    Add {
        /// Path from the root.
        path: String,
        /// Content.
        bytes: Vec<u8>,
    },
    /// Delete a file.
    Delete {
        /// Path from the root.
        path: String,
    },
    /// Delete a folder with everything in it.
    DeleteFolder {
        /// Path from the root, no slash at the end.
        path: String,
    },
}

/// A commit to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitRequest {
    /// First line of the message.
    pub summary: String,
    /// Rest of the message.
    pub description: String,
    /// Branch or ref, e.g. `main` or `refs/pr/3`.
    pub branch: String,
    /// Commit that the branch must still be at.
    pub parent: Option<String>,
    /// Open a pull request instead of moving the branch.
    pub create_pr: bool,
    /// Changes, all or none.
    pub operations: Vec<Operation>,
}

/// How far a commit is: bytes of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitProgress {
    /// The step.
    pub step: Step,
    /// Bytes or files done.
    pub done: u64,
    /// Bytes or files in all.
    pub total: u64,
}

/// A commit that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitOutcome {
    /// Its id; `None` when nothing had to change.
    pub commit: Option<String>,
    /// Address of its page; empty when nothing had to change.
    pub url: String,
    /// Number and address of the pull request.
    pub pull_request: Option<(u64, String)>,
}

/// Git's id of a file with these bytes: SHA-1 over a small header and the content.
pub fn git_blob_oid(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()).as_bytes());
    hash.update(bytes);
    hex(&hash.finalize())
}

#[derive(Deserialize)]
struct Preuploaded {
    files: Vec<PreuploadFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreuploadFile {
    path: String,
    upload_mode: String,
    #[serde(default)]
    should_ignore: bool,
    #[serde(default)]
    oid: Option<String>,
}

impl HubClient {
    /// Makes a commit. Files that stand there unchanged are left out; with nothing left, no commit is made.
    ///
    /// # Errors
    /// [`HubErrorKind::Refused`] when the repo's `.gitignore` would leave a file out; [`HubErrorKind::Stale`] when the
    /// branch is not at `parent` any more; [`HubErrorKind::Busy`] while another commit is written. After errors of the
    /// last step for which [`HubError::is_unknown`] holds, the commit may have landed all the same.
    pub async fn commit(
        &self,
        repo: &str,
        request: &CommitRequest,
        progress: &dyn Fn(CommitProgress),
    ) -> Result<CommitOutcome, HubError> {
        let files: Vec<(&str, &[u8])> = request
            .operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::Add { path, bytes } => Some((path.as_str(), bytes.as_slice())),
                _ => None,
            })
            .collect();
        let tell = |step: Step, done: usize, total: usize| {
            progress(CommitProgress {
                step,
                done: done as u64,
                total: total as u64,
            });
        };
        tell(Step::Preparing, 0, files.len());
        let modes = self.preupload(repo, request, &files, &tell).await?;
        refuse_ignored(&files, &modes)?;

        let mut lines = vec![header(request)];
        let mut large = Vec::new();
        for (path, bytes) in files {
            let Some(mode) = modes.get(path) else {
                return Err(HubError::malformed(
                    "preparing the upload",
                    format!("no word about {path}"),
                ));
            };
            // Storage takes no empty objects.
            if mode.upload_mode == "lfs" && !bytes.is_empty() {
                let sha256 = sha256_hex(bytes);
                if mode.oid.as_deref() == Some(sha256.as_str()) {
                    continue;
                }
                lines.push(json!({"key": "lfsFile", "value": {
                    "path": path, "algo": "sha256", "oid": sha256, "size": bytes.len(),
                }}));
                large.push(Large {
                    path,
                    bytes,
                    sha256,
                });
            } else {
                if mode.oid.as_deref() == Some(git_blob_oid(bytes).as_str()) {
                    continue;
                }
                lines.push(json!({"key": "file", "value": {
                    "content": STANDARD.encode(bytes), "path": path, "encoding": "base64",
                }}));
            }
        }
        for operation in &request.operations {
            match operation {
                Operation::Delete { path } => {
                    lines.push(json!({"key": "deletedFile", "value": {"path": path}}));
                }
                Operation::DeleteFolder { path } => {
                    lines.push(json!({"key": "deletedFolder", "value": {"path": path}}));
                }
                Operation::Add { .. } => {}
            }
        }
        if lines.len() == 1 {
            return Ok(CommitOutcome::default());
        }
        if !large.is_empty() {
            self.upload(repo, request, &large, &tell).await?;
        }
        tell(Step::Committing, 0, 1);
        let outcome = self.send_commit(repo, request, &lines).await?;
        tell(Step::Committing, 1, 1);
        Ok(outcome)
    }

    async fn preupload(
        &self,
        repo: &str,
        request: &CommitRequest,
        files: &[(&str, &[u8])],
        tell: &dyn Fn(Step, usize, usize),
    ) -> Result<HashMap<String, PreuploadFile>, HubError> {
        let what = "preparing the upload";
        let url = self.line.url(&format!(
            "/api/datasets/{}/preupload/{}{}",
            path(repo),
            segment(&request.branch),
            create_pr(request)
        ));
        let mut modes = HashMap::new();
        for chunk in files.chunks(PREUPLOAD_FILES) {
            let list: Vec<Value> = chunk
                .iter()
                .map(|(path, bytes)| {
                    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
                    json!({"path": path, "sample": STANDARD.encode(sample), "size": bytes.len()})
                })
                .collect();
            let answer = self
                .line
                .post_json(what, &url, &json!({"files": list}))
                .await?;
            for file in answer.json::<Preuploaded>(what)?.files {
                modes.insert(file.path.clone(), file);
            }
            tell(Step::Preparing, modes.len(), files.len());
        }
        Ok(modes)
    }

    async fn send_commit(
        &self,
        repo: &str,
        request: &CommitRequest,
        lines: &[Value],
    ) -> Result<CommitOutcome, HubError> {
        let what = "committing";
        let url = self.line.url(&format!(
            "/api/datasets/{}/commit/{}{}",
            path(repo),
            segment(&request.branch),
            create_pr(request)
        ));
        let mut body = String::new();
        for line in lines {
            body.push_str(&line.to_string());
            body.push('\n');
        }
        let answer: Value = self
            .line
            .send(
                what,
                Method::Post,
                &url,
                &[("Content-Type", "application/x-ndjson")],
                body.into_bytes(),
                ANSWER_BYTES,
            )
            .await?
            .json(what)?;
        let text = |key: &str| {
            answer
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let commit = text("commitOid");
        if commit.is_empty() {
            return Err(HubError::malformed(what, "the answer names no commit"));
        }
        let pr = text("pullRequestUrl");
        let number = pr.rsplit('/').next().and_then(|last| last.parse().ok());
        Ok(CommitOutcome {
            commit: Some(commit),
            url: text("commitUrl"),
            pull_request: number.map(|number| (number, pr)),
        })
    }
}

/// Git clients leave ignored files out in silence. Here every file was shown as part of what is published.
fn refuse_ignored(
    files: &[(&str, &[u8])],
    modes: &HashMap<String, PreuploadFile>,
) -> Result<(), HubError> {
    let ignored: Vec<&str> = files
        .iter()
        .map(|(path, _)| *path)
        .filter(|path| modes.get(*path).is_some_and(|mode| mode.should_ignore))
        .collect();
    if ignored.is_empty() {
        return Ok(());
    }
    Err(HubError {
        kind: HubErrorKind::Refused,
        ..HubError::malformed(
            "preparing the upload",
            format!("The repo's .gitignore leaves out {}.", ignored.join(", ")),
        )
    })
}

fn create_pr(request: &CommitRequest) -> &'static str {
    if request.create_pr {
        "?create_pr=1"
    } else {
        ""
    }
}

fn header(request: &CommitRequest) -> Value {
    let mut value = json!({"summary": request.summary, "description": request.description});
    if let Some(parent) = &request.parent {
        value["parentCommit"] = json!(parent);
    }
    json!({"key": "header", "value": value})
}

#[cfg(test)]
mod tests {
    use super::git_blob_oid;

    #[test]
    fn a_blob_has_the_id_that_git_gives_it() {
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(
            git_blob_oid(b"hello\n"),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(
            git_blob_oid(b""),
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
        );
    }
}
