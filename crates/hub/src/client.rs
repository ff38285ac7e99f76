//! Reading and making dataset repos, and who is signed in.

use crate::error::{HubError, HubErrorKind, Token};
use crate::http::{Line, pairs, path, segment};
use crate::transport::{Method, Transport};
use seedbed_core::messages::Account;
use serde::Deserialize;
use serde_json::{Value, json};
use std::rc::Rc;

/// Bytes of a file that are read at most.
const FILE_BYTES: usize = 512 * 1024 * 1024;
/// Entries of one page of a tree.
const PAGE: &str = "1000";
/// Pages followed at most: a Hub that names itself as the next page must not hold us forever.
const MOST_PAGES: usize = 200;

/// A Hub with a token, or without one.
#[derive(Clone)]
pub struct HubClient {
    pub(crate) line: Line,
}

/// Whether a repo was made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedRepo {
    /// It is new.
    Created,
    /// It was there.
    Exists,
}

/// What the Hub says of a dataset repo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RepoInfo {
    /// `namespace/name`.
    #[serde(default)]
    pub id: String,
    /// Head of the revision asked for; absent for an empty repo.
    #[serde(default)]
    pub sha: Option<String>,
    /// Not visible to others.
    #[serde(default)]
    pub private: bool,
}

/// An entry of a repo's tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root.
    pub path: String,
    /// Git object id.
    pub oid: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content, for files in LFS.
    pub lfs_sha256: Option<String>,
    /// A file, not a folder.
    pub is_file: bool,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Number.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Still open.
    pub is_open: bool,
    /// Who opened it.
    pub author: String,
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
}

#[derive(Deserialize)]
struct RawLfs {
    oid: String,
    #[serde(default)]
    size: u64,
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

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The address in a `Link` header with `rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (url, rest) = part.trim().strip_prefix('<')?.split_once('>')?;
        rest.contains("rel=\"next\"").then_some(url)
    })
}

/// Who the answer of `whoami-v2` names, and where that person may write.
fn account(value: &Value) -> Account {
    let name = text(value, "name");
    let mut namespaces = vec![name.clone()];
    for org in value
        .get("orgs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let role = text(org, "roleInOrg");
        // Readers of an organisation can't commit to its repos.
        if role != "read" && !text(org, "name").is_empty() {
            namespaces.push(text(org, "name"));
        }
    }
    let token = value
        .get("auth")
        .and_then(|auth| auth.get("accessToken"))
        .cloned()
        .unwrap_or(Value::Null);
    let can_write = match token.get("role").and_then(Value::as_str) {
        Some("read") => false,
        // A fine-grained token can write where one of its scopes says so.
        Some("fineGrained") => token
            .get("fineGrained")
            .is_some_and(|rights| rights.to_string().contains("repo.write")),
        _ => true,
    };
    Account {
        full_name: text(value, "fullname"),
        avatar_url: Some(text(value, "avatarUrl")).filter(|url| !url.is_empty()),
        namespaces,
        scopes: Vec::new(),
        can_write,
        name,
    }
}

impl HubClient {
    /// A client for the Hub at `base`.
    pub fn new(transport: Rc<dyn Transport>, base: &str, token: Option<Token>) -> Self {
        Self {
            line: Line::new(transport, base, token),
        }
    }

    /// Who the token belongs to.
    ///
    /// # Errors
    /// [`HubErrorKind::Unauthorised`] for a token that the Hub does not know.
    pub async fn whoami(&self) -> Result<Account, HubError> {
        let what = "signing in";
        let answer = self
            .line
            .get(what, &self.line.url("/api/whoami-v2"))
            .await?;
        let mut account = account(&answer.json::<Value>(what)?);
        // The Hub names its own pictures without its address; the page would look for them on itself.
        account.avatar_url = account.avatar_url.map(|url| {
            if url.starts_with('/') && !url.starts_with("//") {
                self.line.url(&url)
            } else {
                url
            }
        });
        if account.name.is_empty() {
            return Err(HubError::malformed(what, "the answer names nobody"));
        }
        Ok(account)
    }

    /// Dataset repos of a user or organisation, newest change first.
    pub async fn list_datasets(&self, author: &str) -> Result<Vec<String>, HubError> {
        let what = "listing your datasets";
        let query = pairs(&[
            ("author", author),
            ("limit", "100"),
            ("sort", "lastModified"),
            ("direction", "-1"),
        ]);
        let url = self.line.url(&format!("/api/datasets?{query}"));
        let answer = self.line.get(what, &url).await?;
        let list: Vec<RepoInfo> = answer.json(what)?;
        Ok(list
            .into_iter()
            .map(|info| info.id)
            .filter(|id| !id.is_empty())
            .collect())
    }

    /// Makes a dataset repo `namespace/name`.
    ///
    /// # Errors
    /// [`HubErrorKind::Forbidden`] without the right to; a name that is taken is no error.
    pub async fn create_dataset(&self, repo: &str, private: bool) -> Result<CreatedRepo, HubError> {
        let what = "creating the repo";
        let (organization, name) = repo.split_once('/').unwrap_or(("", repo));
        let mut body = json!({
            "name": name, "type": "dataset", "visibility": if private { "private" } else { "public" },
        });
        if !organization.is_empty() {
            body["organization"] = json!(organization);
        }
        let url = self.line.url("/api/repos/create");
        match self.line.post_json(what, &url, &body).await {
            Ok(_) => Ok(CreatedRepo::Created),
            Err(error)
                if error.kind == HubErrorKind::Busy
                    && error.message.to_lowercase().contains("already") =>
            {
                Ok(CreatedRepo::Exists)
            }
            Err(error) => Err(error),
        }
    }

    /// What the Hub says of a repo at a revision.
    pub async fn dataset_info(&self, repo: &str, revision: &str) -> Result<RepoInfo, HubError> {
        let what = "reading the repo";
        let url = self.line.url(&format!(
            "/api/datasets/{}/revision/{}",
            path(repo),
            segment(revision)
        ));
        self.line.get(what, &url).await?.json(what)
    }

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
        let mut url = self.line.url(&format!(
            "/api/datasets/{}/tree/{}{below}?{query}",
            path(repo),
            segment(revision)
        ));
        let mut entries = Vec::new();
        for _ in 0..MOST_PAGES {
            let answer = self.line.get(what, &url).await?;
            let page: Vec<RawEntry> = answer.json(what)?;
            entries.extend(page.into_iter().map(TreeEntry::from));
            match answer.header("link").and_then(next_page) {
                Some(next) if next.starts_with('/') => url = self.line.url(next),
                Some(next) => next.clone_into(&mut url),
                None => return Ok(entries),
            }
        }
        Err(HubError::malformed(what, "the list of files does not end"))
    }

    /// The entries of these paths; those that are missing are absent.
    pub async fn paths_info(
        &self,
        repo: &str,
        revision: &str,
        paths: &[String],
    ) -> Result<Vec<TreeEntry>, HubError> {
        let what = "reading the repo's files";
        let url = self.line.url(&format!(
            "/api/datasets/{}/paths-info/{}",
            path(repo),
            segment(revision)
        ));
        let mut entries = Vec::new();
        for chunk in paths.chunks(500) {
            let body = json!({"paths": chunk, "expand": false});
            let page: Vec<RawEntry> = self.line.post_json(what, &url, &body).await?.json(what)?;
            entries.extend(page.into_iter().map(TreeEntry::from));
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

    /// Pull requests of a repo, newest first.
    pub async fn pull_requests(&self, repo: &str) -> Result<Vec<PullRequest>, HubError> {
        let what = "reading the pull requests";
        let url = self
            .line
            .url(&format!("/api/datasets/{}/discussions?p=0", path(repo)));
        let answer: Value = self.line.get(what, &url).await?.json(what)?;
        let list = answer
            .get("discussions")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Ok(list
            .iter()
            .filter(|item| item.get("isPullRequest").and_then(Value::as_bool) == Some(true))
            .filter_map(|item| {
                Some(PullRequest {
                    number: item.get("num")?.as_u64()?,
                    title: text(item, "title"),
                    is_open: matches!(text(item, "status").as_str(), "open" | "draft"),
                    author: item
                        .get("author")
                        .map(|author| text(author, "name"))
                        .unwrap_or_default(),
                })
            })
            .collect())
    }

    /// Merges a pull request.
    pub async fn merge_pull_request(
        &self,
        repo: &str,
        number: u64,
        comment: &str,
    ) -> Result<(), HubError> {
        let url = self.line.url(&format!(
            "/api/datasets/{}/discussions/{number}/merge",
            path(repo)
        ));
        self.line
            .post_json(
                "merging the pull request",
                &url,
                &json!({"comment": comment}),
            )
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_so_named() {
        let link = "<https://h/a?cursor=1>; rel=\"prev\", </api/b?cursor=2>; rel=\"next\"";
        assert_eq!(next_page(link), Some("/api/b?cursor=2"));
        assert_eq!(next_page("<https://h/a>; rel=\"xet-auth\""), None);
    }

    #[test]
    fn a_token_writes_where_its_role_says() {
        let who = |auth: Value| {
            account(&json!({
                "name": "me", "auth": auth,
                "orgs": [{"name": "team", "roleInOrg": "write"}, {"name": "club", "roleInOrg": "read"}],
            }))
        };
        let write = who(json!({"accessToken": {"role": "write"}}));
        assert_eq!(write.namespaces, ["me", "team"]);
        assert!(write.can_write);
        assert!(!who(json!({"accessToken": {"role": "read"}})).can_write);
        assert!(who(json!({"type": "oauth"})).can_write);
        let fine = json!({"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": [{"permissions": ["repo.write"]}]}}});
        assert!(who(fine).can_write);
    }
}
