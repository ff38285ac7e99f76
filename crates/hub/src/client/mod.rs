//! Reading and making dataset repos, and who is signed in.

mod account;
mod files;
mod overview;
mod pulls;
mod ranged;

pub use files::TreeEntry;
pub use overview::DatasetOverview;
pub use pulls::PullRequest;
pub use ranged::{HubFile, Joined};

use crate::error::{HubError, HubErrorKind, Token};
use crate::http::{Line, pairs, path, segment};
use crate::transport::Transport;
use seedbed_core::messages::Account;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::rc::Rc;

/// Pages of a tree or of pull requests that are followed at most: a Hub that names itself as the next page must not
/// hold us forever.
const MOST_PAGES: usize = 200;
/// Pages of a namespace's datasets that are read at most; nobody chooses from more.
const DATASET_PAGES: usize = 10;

/// A Hub with a token, or without one.
#[derive(Clone)]
pub struct HubClient {
    pub(crate) line: Line,
}

/// What became of the wish for a new repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatedRepo {
    /// It is new and as it was wished.
    Created,
    /// The name is taken: nothing was made or changed. Whoever goes on with it has to know what it holds
    /// ([`HubClient::dataset_overview`]).
    Exists(ExistingRepo),
}

/// A repo that was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingRepo {
    /// What the Hub says of it.
    pub info: RepoInfo,
    /// Whether it is private or public as was wished. It is not changed.
    pub is_as_wished: bool,
}

/// What the Hub says of a dataset repo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RepoInfo {
    /// `namespace/name`, as the Hub writes it.
    #[serde(default)]
    pub id: String,
    /// The Hub's own id: another one under the same name is another repo.
    #[serde(default, rename = "_id")]
    pub key: String,
    /// Head of the revision asked for; absent for an empty repo.
    #[serde(default)]
    pub sha: Option<String>,
    /// Not visible to others.
    #[serde(default)]
    pub private: bool,
    /// Who may read its files besides the owners.
    #[serde(default)]
    pub gated: Gate,
    /// What its card says, as the Hub read it; absent where it could not, or there is none.
    #[serde(default, rename = "cardData")]
    pub card: Value,
}

/// Whether the owners of a repo ask for something before its files can be read. The rest of it is open to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    #[default]
    None,
    /// To accept their terms.
    Terms,
    /// To be let in by them, one by one.
    Manual,
}

impl<'de> Deserialize<'de> for Gate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `false`, `"auto"` or `"manual"`.
        Ok(match Value::deserialize(deserializer)? {
            Value::String(word) if word == "manual" => Self::Manual,
            Value::String(_) | Value::Bool(true) => Self::Terms,
            _ => Self::None,
        })
    }
}

/// A text of an answer; empty when it is not there.
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
        let mut account = account::account(&answer.json::<Value>(what)?);
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

    /// Dataset repos of a user or organisation, newest change first; of very many the first thousand.
    pub async fn list_datasets(&self, author: &str) -> Result<Vec<String>, HubError> {
        let query = pairs(&[
            ("author", author),
            ("limit", "100"),
            ("sort", "lastModified"),
            ("direction", "-1"),
        ]);
        let url = self.line.url(&format!("/api/datasets?{query}"));
        let (list, _) = self
            .pages::<RepoInfo>("listing your datasets", url, DATASET_PAGES)
            .await?;
        Ok(list
            .into_iter()
            .map(|info| info.id)
            .filter(|id| !id.is_empty())
            .collect())
    }

    /// The entries of a list from `url` on, over at most `most` pages, and whether that is all of them.
    async fn pages<T: DeserializeOwned>(
        &self,
        what: &str,
        mut url: String,
        most: usize,
    ) -> Result<(Vec<T>, bool), HubError> {
        let mut entries = Vec::new();
        for _ in 0..most {
            let answer = self.line.get(what, &url).await?;
            entries.extend(answer.json::<Vec<T>>(what)?);
            match answer.header("link").and_then(next_page) {
                Some(next) if next.starts_with('/') => url = self.line.url(next),
                Some(next) => next.clone_into(&mut url),
                None => return Ok((entries, true)),
            }
        }
        Ok((entries, false))
    }

    /// Makes a dataset repo `namespace/name`. A name that is taken is no error, and no success either.
    ///
    /// # Errors
    /// [`HubErrorKind::Forbidden`] without the right to.
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
                let info = self.dataset_info(repo, "main").await?;
                Ok(CreatedRepo::Exists(ExistingRepo {
                    is_as_wished: info.private == private,
                    info,
                }))
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
}
