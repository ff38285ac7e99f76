//! Large files: the Hub names an address in its storage for each, whole or in parts, and they go there without the
//! token.

use super::{CommitRequest, Content};
use crate::client::HubClient;
use crate::error::{HubError, HubErrorKind};
use crate::http::{ANSWER_BYTES, Answer, Line, path};
use crate::transport::{Body, Method};
use seedbed_core::messages::Step;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::rc::Rc;

/// Files of one batch request.
const BATCH_FILES: usize = 100;
const LFS_JSON: &str = "application/vnd.git-lfs+json";
const WHAT: &str = "uploading the table";

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    transfer: Option<String>,
    objects: Vec<BatchObject>,
}

#[derive(Deserialize)]
struct BatchObject {
    oid: String,
    #[serde(default)]
    actions: Option<Actions>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Actions {
    #[serde(default)]
    upload: Option<Action>,
    #[serde(default)]
    verify: Option<Action>,
}

#[derive(Deserialize)]
struct Action {
    href: String,
    #[serde(default)]
    header: Option<Map<String, Value>>,
}

/// A file for LFS storage.
pub(super) struct Upload {
    pub(super) path: String,
    pub(super) content: Content,
    pub(super) sha256: String,
}

impl HubClient {
    /// Brings files into storage; those with the same content once.
    pub(super) async fn upload(
        &self,
        repo: &str,
        request: &CommitRequest,
        mut files: Vec<Upload>,
        tell: &dyn Fn(Step, u64, u64),
    ) -> Result<(), HubError> {
        let mut seen = HashSet::new();
        files.retain(|file| seen.insert(file.sha256.clone()));
        let total: u64 = files.iter().map(|file| file.content.size()).sum();
        let mut done = 0;
        tell(Step::Uploading, 0, total);
        while !files.is_empty() {
            let rest = files.split_off(files.len().min(BATCH_FILES));
            let batch = self.batch(repo, request, &files).await?;
            for file in files {
                let size = file.content.size();
                self.upload_one(file, &batch, &|at| tell(Step::Uploading, done + at, total))
                    .await?;
                done += size;
                tell(Step::Uploading, done, total);
            }
            files = rest;
        }
        Ok(())
    }

    /// Asks where these files go.
    async fn batch(
        &self,
        repo: &str,
        request: &CommitRequest,
        files: &[Upload],
    ) -> Result<Batch, HubError> {
        let objects: Vec<Value> = files
            .iter()
            .map(|file| json!({"oid": file.sha256, "size": file.content.size()}))
            .collect();
        // Without `xet` in the list the Hub takes the classic way.
        let mut body = json!({
            "operation": "upload", "transfers": ["basic", "multipart"], "objects": objects, "hash_algo": "sha256",
        });
        if !request.create_pr {
            body["ref"] = json!({"name": request.branch});
        }
        let url = self.line.url(&format!(
            "/datasets/{}.git/info/lfs/objects/batch",
            path(repo)
        ));
        post(&self.line, &url, &body).await?.json(WHAT)
    }

    async fn upload_one(
        &self,
        file: Upload,
        batch: &Batch,
        tell: &dyn Fn(u64),
    ) -> Result<(), HubError> {
        let Some(object) = batch
            .objects
            .iter()
            .find(|object| object.oid == file.sha256)
        else {
            return Err(HubError::malformed(
                WHAT,
                format!("no word about {}", file.path),
            ));
        };
        if let Some(error) = &object.error {
            return Err(HubError {
                kind: HubErrorKind::Refused,
                ..HubError::malformed(WHAT, error)
            });
        }
        // Nothing to do: the storage has it.
        let Some(actions) = &object.actions else {
            return Ok(());
        };
        let size = file.content.size();
        if let Some(action) = &actions.upload {
            match batch.transfer.as_deref() {
                None | Some("basic") => self.upload_whole(file.content.into_body(), action).await?,
                Some("multipart") => {
                    self.upload_parts(&file.sha256, file.content, action, tell)
                        .await?;
                }
                Some(other) => {
                    return Err(HubError::malformed(
                        WHAT,
                        format!("the Hub wants the transfer {other:?}, which was not offered"),
                    ));
                }
            }
        }
        if let Some(verify) = &actions.verify {
            let body = json!({"oid": file.sha256, "size": size});
            post(&self.line, &verify.href, &body).await?;
        }
        Ok(())
    }

    /// Signed addresses have their own token in the query and must not get ours, wherever they point.
    fn anonymous(&self) -> Line {
        Line::new(Rc::clone(&self.line.transport), &self.line.base, None)
    }

    async fn upload_whole(&self, body: Body, action: &Action) -> Result<(), HubError> {
        let headers: Vec<(&str, &str)> = action
            .header
            .iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
            .collect();
        self.anonymous()
            .send(
                WHAT,
                Method::Put,
                &action.href,
                &headers,
                body,
                ANSWER_BYTES,
            )
            .await
            .map_err(by_storage)?;
        Ok(())
    }

    async fn upload_parts(
        &self,
        sha256: &str,
        content: Content,
        action: &Action,
        tell: &dyn Fn(u64),
    ) -> Result<(), HubError> {
        let header = action.header.clone().unwrap_or_default();
        let chunk_size = header
            .get("chunk_size")
            .and_then(|value| match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_u64(),
            })
            .filter(|size: &u64| *size > 0)
            .ok_or_else(|| HubError::malformed(WHAT, "no size for the parts"))?;
        let mut parts = Vec::new();
        let mut at = 0;
        while at < content.size() {
            let end = content.size().min(at.saturating_add(chunk_size));
            let number = parts.len() + 1;
            let href = header
                .get(&format!("{number:05}"))
                .or_else(|| header.get(&number.to_string()))
                .and_then(Value::as_str)
                .ok_or_else(|| {
                    HubError::malformed(WHAT, format!("no address for part {number}"))
                })?;
            let answer = self
                .anonymous()
                .send(
                    WHAT,
                    Method::Put,
                    href,
                    &[],
                    content.range(at..end),
                    ANSWER_BYTES,
                )
                .await
                .map_err(by_storage)?;
            let etag = answer
                .header("etag")
                .ok_or_else(|| HubError::malformed(WHAT, "the storage names no part"))?;
            parts.push(json!({"partNumber": number, "etag": etag}));
            tell(end);
            at = end;
        }
        drop(content);
        let body = json!({"oid": sha256, "parts": parts});
        post(&self.anonymous(), &action.href, &body)
            .await
            .map_err(by_storage)?;
        Ok(())
    }
}

/// Posts in the words of LFS.
async fn post(line: &Line, url: &str, body: &Value) -> Result<Answer, HubError> {
    line.send(
        WHAT,
        Method::Post,
        url,
        &[("Accept", LFS_JSON), ("Content-Type", LFS_JSON)],
        body.to_string().into_bytes(),
        ANSWER_BYTES,
    )
    .await
}

/// Storage refuses a signed address that is too old: no right is missing, and the next try gets a new address.
fn by_storage(error: HubError) -> HubError {
    match error.kind {
        HubErrorKind::Unauthorised | HubErrorKind::Forbidden | HubErrorKind::NotFound => HubError {
            kind: HubErrorKind::Server,
            ..error
        },
        _ => error,
    }
}
