//! Commits over HTTP: preupload says how each file goes, large ones go to LFS storage first, and one request commits
//! all.
//!
//! A commit takes what it sends: each file's bytes are gone as soon as they are in the request or in storage, so that it
//! needs little more memory than the request itself. [`CommitPacker`] keeps that request small. A [`LargeFile`] never is
//! in memory as a whole.

mod large;
mod lfs;
mod offer;
mod pack;

use crate::client::HubClient;
use crate::error::{HubError, HubErrorKind};
use crate::http::{ANSWER_BYTES, path, segment};
use crate::transport::{Body, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use large::LargeFile;
use lfs::Upload;
pub use offer::Tries;
pub use pack::{CommitLimits, CommitPacker};
use seedbed_core::id::{hex, sha256_hex};
use seedbed_core::messages::Step;
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::ops::Range;

/// Files of one preupload request.
const PREUPLOAD_FILES: usize = 100;
/// First bytes of a file that the Hub looks at to choose its way.
const SAMPLE_BYTES: usize = 512;
const PREPARING: &str = "preparing the upload";

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
    /// Write a file that is not in memory.
    AddLarge {
        /// Path from the root.
        path: String,
        /// Content.
        file: LargeFile,
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
    /// Open a pull request instead of moving the branch. What may have to be tried again goes through
    /// [`HubClient::offer`].
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
    let mut hash = blob_hash(bytes.len() as u64);
    hash.update(bytes);
    hex(&hash.finalize())
}

/// The beginning of the hash of a file of this size.
fn blob_hash(size: u64) -> Sha1 {
    let mut hash = Sha1::new();
    hash.update(format!("blob {size}\0").as_bytes());
    hash
}

/// Content of a file to write.
enum Content {
    Bytes(Vec<u8>),
    Large(LargeFile),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Large(file) => file.size(),
        }
    }

    fn sha256(&self) -> String {
        match self {
            Self::Bytes(bytes) => sha256_hex(bytes),
            Self::Large(file) => file.sha256.clone(),
        }
    }

    /// All of it as the body of a request.
    fn into_body(self) -> Body {
        match self {
            Self::Bytes(bytes) => Body::Bytes(bytes),
            Self::Large(file) => file.range(0..file.size()),
        }
    }

    /// A range of it as the body of a request.
    fn range(&self, range: Range<u64>) -> Body {
        match self {
            // Bytes in memory can't be more than an index counts.
            Self::Bytes(bytes) => {
                Body::Bytes(bytes[range.start as usize..range.end as usize].to_vec())
            }
            Self::Large(file) => file.range(range),
        }
    }
}

/// What the Hub is asked about a file before it is sent.
struct Asked<'a> {
    path: &'a str,
    sample: &'a [u8],
    size: u64,
}

impl<'a> Asked<'a> {
    fn of(operation: &'a Operation) -> Option<Self> {
        match operation {
            Operation::Add { path, bytes } => Some(Self {
                path,
                sample: &bytes[..bytes.len().min(SAMPLE_BYTES)],
                size: bytes.len() as u64,
            }),
            Operation::AddLarge { path, file } => Some(Self {
                path,
                sample: &file.sample,
                size: file.size(),
            }),
            Operation::Delete { .. } | Operation::DeleteFolder { .. } => None,
        }
    }
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

/// A change that the commit's request tells.
enum CommitLine {
    /// A file within the request.
    File { path: String, bytes: Vec<u8> },
    /// A file in LFS storage.
    Large {
        path: String,
        sha256: String,
        size: u64,
    },
    /// A file to delete.
    Delete { path: String },
    /// A folder to delete.
    DeleteFolder { path: String },
}

impl CommitLine {
    fn push_to(self, body: &mut String) {
        let value = match self {
            Self::File { path, bytes } => {
                body.push_str("{\"key\":\"file\",\"value\":{\"content\":\"");
                STANDARD.encode_string(&bytes, body);
                body.push_str("\",\"path\":");
                body.push_str(&Value::from(path).to_string());
                body.push_str(",\"encoding\":\"base64\"}}\n");
                return;
            }
            Self::Large { path, sha256, size } => json!({"key": "lfsFile", "value": {
                "path": path, "algo": "sha256", "oid": sha256, "size": size,
            }}),
            Self::Delete { path } => json!({"key": "deletedFile", "value": {"path": path}}),
            Self::DeleteFolder { path } => {
                json!({"key": "deletedFolder", "value": {"path": path}})
            }
        };
        body.push_str(&value.to_string());
        body.push('\n');
    }

    /// Bytes it takes in the request, about: a path may need escapes.
    fn room(&self) -> usize {
        match self {
            Self::File { path, bytes } => bytes.len().div_ceil(3) * 4 + path.len() + 80,
            Self::Large { path, .. } | Self::Delete { path } | Self::DeleteFolder { path } => {
                path.len() + 200
            }
        }
    }
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
        mut request: CommitRequest,
        progress: &dyn Fn(CommitProgress),
    ) -> Result<CommitOutcome, HubError> {
        let operations = std::mem::take(&mut request.operations);
        let files: Vec<Asked<'_>> = operations.iter().filter_map(Asked::of).collect();
        let tell = |step: Step, done: u64, total: u64| {
            progress(CommitProgress { step, done, total });
        };
        tell(Step::Preparing, 0, files.len() as u64);
        let modes = self.preupload(repo, &request, &files, &tell).await?;
        refuse_ignored(&files, &modes)?;

        let mut lines = Vec::new();
        let mut large = Vec::new();
        let mut gone = Vec::new();
        for operation in operations {
            let (path, content) = match operation {
                Operation::Add { path, bytes } => (path, Content::Bytes(bytes)),
                Operation::AddLarge { path, file } => (path, Content::Large(file)),
                Operation::Delete { path } => {
                    gone.push(CommitLine::Delete { path });
                    continue;
                }
                Operation::DeleteFolder { path } => {
                    gone.push(CommitLine::DeleteFolder { path });
                    continue;
                }
            };
            let Some(mode) = modes.get(&path) else {
                return Err(HubError::malformed(
                    PREPARING,
                    format!("no word about {path}"),
                ));
            };
            // Storage takes no empty objects.
            if mode.upload_mode == "lfs" && content.size() > 0 {
                let sha256 = content.sha256();
                if mode.oid.as_deref() == Some(sha256.as_str()) {
                    continue;
                }
                lines.push(CommitLine::Large {
                    path: path.clone(),
                    sha256: sha256.clone(),
                    size: content.size(),
                });
                large.push(Upload {
                    path,
                    content,
                    sha256,
                });
            } else {
                let bytes = match content {
                    Content::Bytes(bytes) => bytes,
                    Content::Large(file) => file.read(PREPARING).await?,
                };
                let there = mode.oid.as_deref();
                if there.is_some_and(|oid| oid == git_blob_oid(&bytes)) {
                    continue;
                }
                lines.push(CommitLine::File { path, bytes });
            }
        }
        lines.append(&mut gone);
        if lines.is_empty() {
            return Ok(CommitOutcome::default());
        }
        if !large.is_empty() {
            self.upload(repo, &request, large, &tell).await?;
        }
        tell(Step::Committing, 0, 1);
        let outcome = self.send_commit(repo, &request, lines).await?;
        tell(Step::Committing, 1, 1);
        Ok(outcome)
    }

    async fn preupload(
        &self,
        repo: &str,
        request: &CommitRequest,
        files: &[Asked<'_>],
        tell: &dyn Fn(Step, u64, u64),
    ) -> Result<HashMap<String, PreuploadFile>, HubError> {
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
                .map(|Asked { path, sample, size }| {
                    json!({"path": path, "sample": STANDARD.encode(sample), "size": size})
                })
                .collect();
            let answer = self
                .line
                .post_json(PREPARING, &url, &json!({"files": list}))
                .await?;
            for file in answer.json::<Preuploaded>(PREPARING)?.files {
                modes.insert(file.path.clone(), file);
            }
            tell(Step::Preparing, modes.len() as u64, files.len() as u64);
        }
        Ok(modes)
    }

    async fn send_commit(
        &self,
        repo: &str,
        request: &CommitRequest,
        lines: Vec<CommitLine>,
    ) -> Result<CommitOutcome, HubError> {
        let what = "committing";
        let url = self.line.url(&format!(
            "/api/datasets/{}/commit/{}{}",
            path(repo),
            segment(&request.branch),
            create_pr(request)
        ));
        let mut body = header(request).to_string();
        body.push('\n');
        // A body that grows would be there twice each time.
        body.reserve(lines.iter().map(CommitLine::room).sum());
        for line in lines {
            line.push_to(&mut body);
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
    files: &[Asked<'_>],
    modes: &HashMap<String, PreuploadFile>,
) -> Result<(), HubError> {
    let ignored: Vec<&str> = files
        .iter()
        .map(|file| file.path)
        .filter(|path| modes.get(*path).is_some_and(|mode| mode.should_ignore))
        .collect();
    if ignored.is_empty() {
        return Ok(());
    }
    Err(HubError {
        kind: HubErrorKind::Refused,
        ..HubError::malformed(
            PREPARING,
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
