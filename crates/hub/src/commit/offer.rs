//! A pull request that is opened once, however often its commit has to be tried: when only the answer was lost, the
//! pull request is there.

use super::{CommitOutcome, CommitProgress, CommitRequest, LargeFile, Operation, git_blob_oid};
use crate::client::{HubClient, PullRequest, TreeEntry};
use crate::error::HubError;
use crate::http::{pairs, path, segment};
use crate::transport::TransportError;
use seedbed_core::id::sha256_hex;
use serde::Deserialize;
use std::collections::HashMap;

/// Pull requests of the same title that are looked at, from the newest on.
const MOST_LOOKED_AT: usize = 5;

const LOOKING: &str = "reading the pull request";

/// Tries to open one pull request whose answers were lost. Kept by the caller from the first try on.
#[derive(Debug, Default)]
pub struct Tries(Vec<Try>);

/// What was sent.
#[derive(Debug)]
struct Try {
    title: String,
    parent: Option<String>,
    files: Vec<(String, Content)>,
}

/// What stands at a path after a try.
#[derive(Debug)]
enum Content {
    File { oid: String, sha256: String },
    Large(LargeFile),
    Nothing,
}

impl Try {
    fn of(request: &CommitRequest) -> Self {
        let files = request.operations.iter().map(|operation| match operation {
            Operation::Add { path, bytes } => {
                let content = Content::File {
                    oid: git_blob_oid(bytes),
                    sha256: sha256_hex(bytes),
                };
                (path.clone(), content)
            }
            Operation::AddLarge { path, file } => (path.clone(), Content::Large(file.clone())),
            Operation::Delete { path } | Operation::DeleteFolder { path } => {
                (path.clone(), Content::Nothing)
            }
        });
        Self {
            title: request.summary.trim().to_owned(),
            parent: request.parent.clone(),
            files: files.collect(),
        }
    }

    /// Whether these entries are what it sent.
    async fn is_in(&self, entries: &[TreeEntry]) -> Result<bool, TransportError> {
        let there: HashMap<&str, &TreeEntry> = entries
            .iter()
            .map(|entry| (entry.path.as_str(), entry))
            .collect();
        for (path, content) in &self.files {
            let is_same = match (there.get(path.as_str()), content) {
                (None, Content::Nothing) => true,
                (Some(entry), Content::File { oid, sha256 }) => match &entry.lfs_sha256 {
                    Some(known) => known == sha256,
                    None => entry.oid == *oid,
                },
                (Some(entry), Content::Large(file)) => match &entry.lfs_sha256 {
                    Some(known) => *known == file.sha256,
                    None => entry.size == file.size() && entry.oid == file.git_blob_oid().await?,
                },
                _ => false,
            };
            if !is_same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// An open pull request and where it stands.
struct Offered {
    number: u64,
    head: String,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

impl HubClient {
    /// As [`HubClient::commit`], for a commit that may have to be tried again. A pull request that an earlier try has
    /// opened is found by its person, its title, its parent and what it holds, and this commit goes on with it. Only one
    /// that lands between looking and committing is missed; so leave time between tries.
    ///
    /// # Errors
    /// Those of [`HubClient::commit`], and those of looking for the pull request.
    pub async fn offer(
        &self,
        repo: &str,
        mut request: CommitRequest,
        tries: &mut Tries,
        progress: &dyn Fn(CommitProgress),
    ) -> Result<CommitOutcome, HubError> {
        if !request.create_pr {
            return self.commit(repo, request, progress).await;
        }
        if let Some(offered) = self.offered(repo, tries).await? {
            request.branch = format!("refs/pr/{}", offered.number);
            request.create_pr = false;
            request.parent = None;
            let mut outcome = self.commit(repo, request, progress).await?;
            let page = |below: String| self.line.url(&format!("/datasets/{}/{below}", path(repo)));
            if outcome.commit.is_none() {
                outcome.url = page(format!("commit/{}", offered.head));
                outcome.commit = Some(offered.head);
            }
            let url = page(format!("discussions/{}", offered.number));
            outcome.pull_request = Some((offered.number, url));
            return Ok(outcome);
        }
        let this = Try::of(&request);
        let result = self.commit(repo, request, progress).await;
        if result.as_ref().is_err_and(HubError::is_unknown) {
            tries.0.push(this);
        }
        result
    }

    /// The newest open pull request that one of these tries has opened.
    async fn offered(&self, repo: &str, tries: &Tries) -> Result<Option<Offered>, HubError> {
        if tries.0.is_empty() {
            return Ok(None);
        }
        // The first page: a lost one is among the newest.
        let query = [("p", "0"), ("type", "pull_request"), ("status", "open")];
        let (open, _) = self.pull_requests_page(repo, &query).await?;
        let is_alike = |pull: &PullRequest| {
            let mut titles = tries.0.iter().map(|one| one.title.as_str());
            pull.is_open && titles.any(|title| title == pull.title.trim())
        };
        let alike: Vec<PullRequest> = open
            .into_iter()
            .filter(is_alike)
            .take(MOST_LOOKED_AT)
            .collect();
        if alike.is_empty() {
            return Ok(None);
        }
        let me = self.whoami().await?.name;
        for pull in alike.into_iter().filter(|pull| pull.author == me) {
            let (head, parent) = self.ends(repo, pull.number).await?;
            for one in &tries.0 {
                let began_there = match (&one.parent, &parent) {
                    (Some(ours), Some(its)) => ours == its,
                    _ => true,
                };
                if !began_there || one.title != pull.title.trim() {
                    continue;
                }
                let paths: Vec<String> = one.files.iter().map(|(path, _)| path.clone()).collect();
                let entries = self.paths_info(repo, &head, &paths).await?;
                let is_there = one.is_in(&entries).await;
                if is_there.map_err(|error| HubError::network(LOOKING, &error))? {
                    let number = pull.number;
                    return Ok(Some(Offered { number, head }));
                }
            }
        }
        Ok(None)
    }

    /// The last commit of a pull request, and the commit before it.
    async fn ends(&self, repo: &str, number: u64) -> Result<(String, Option<String>), HubError> {
        let what = LOOKING;
        let url = self.line.url(&format!(
            "/api/datasets/{}/commits/{}?{}",
            path(repo),
            segment(&format!("refs/pr/{number}")),
            pairs(&[("limit", "2")])
        ));
        let commits: Vec<Commit> = self.line.get(what, &url).await?.json(what)?;
        let mut ids = commits.into_iter().map(|commit| commit.id);
        let head = ids
            .next()
            .ok_or_else(|| HubError::malformed(what, "it has no commit"))?;
        Ok((head, ids.next()))
    }
}
