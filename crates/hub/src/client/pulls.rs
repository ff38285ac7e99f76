//! Pull requests: the way in for those who may not commit.

use super::{HubClient, MOST_PAGES, text};
use crate::error::HubError;
use crate::http::{pairs, path};
use serde::Deserialize;
use serde_json::{Value, json};

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

/// One page of the list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    discussions: Vec<Value>,
    #[serde(default)]
    count: usize,
    #[serde(default)]
    start: usize,
}

fn pull_request(item: &Value) -> Option<PullRequest> {
    if item.get("isPullRequest").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    Some(PullRequest {
        number: item.get("num")?.as_u64()?,
        title: text(item, "title"),
        is_open: matches!(text(item, "status").as_str(), "open" | "draft"),
        author: item
            .get("author")
            .map(|author| text(author, "name"))
            .unwrap_or_default(),
    })
}

impl HubClient {
    /// Pull requests of a repo, newest first.
    pub async fn pull_requests(&self, repo: &str) -> Result<Vec<PullRequest>, HubError> {
        let mut list = Vec::new();
        for number in 0..MOST_PAGES {
            let query = [("p", &*number.to_string()), ("type", "pull_request")];
            let (page, is_last) = self.pull_requests_page(repo, &query).await?;
            list.extend(page);
            if is_last {
                break;
            }
        }
        Ok(list)
    }

    /// One page of the list, and whether it is the last.
    pub(crate) async fn pull_requests_page(
        &self,
        repo: &str,
        query: &[(&str, &str)],
    ) -> Result<(Vec<PullRequest>, bool), HubError> {
        let what = "reading the pull requests";
        let query = pairs(query);
        let url = self
            .line
            .url(&format!("/api/datasets/{}/discussions?{query}", path(repo)));
        let page: Page = self.line.get(what, &url).await?.json(what)?;
        let is_last = page.discussions.is_empty()
            || page.start.saturating_add(page.discussions.len()) >= page.count;
        let pulls = page.discussions.iter().filter_map(pull_request).collect();
        Ok((pulls, is_last))
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
