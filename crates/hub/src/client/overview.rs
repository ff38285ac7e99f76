//! What a dataset repo holds, before anything is done with it.

use super::{HubClient, RepoInfo, TreeEntry};
use crate::error::{HubError, HubErrorKind};

const CARD: &str = "README.md";
/// Bytes of a card that are read at most.
const CARD_BYTES: u64 = 4 << 20;
/// Ends of names that loaders of datasets take for data, and those of archives.
const DATA: [&str; 14] = [
    ".parquet", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".arrow", ".txt", ".zip", ".tar",
    ".gz", ".zst", ".xz", ".bz2",
];

/// A repo as it stands at one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetOverview {
    /// What the Hub says of it.
    pub info: RepoInfo,
    /// All files at [`RepoInfo::sha`]; none for a repo without a commit.
    pub files: Vec<TreeEntry>,
    /// The bytes of its card, which need not be text.
    pub card: Option<Vec<u8>>,
}

impl DatasetOverview {
    /// The file at this path.
    pub fn file(&self, path: &str) -> Option<&TreeEntry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// Files that a loader would take for data, or would find data in.
    pub fn data_files(&self) -> impl Iterator<Item = &TreeEntry> {
        self.files.iter().filter(|entry| {
            let name = entry.path.to_ascii_lowercase();
            let is_hidden = name.split('/').any(|part| part.starts_with('.'));
            !is_hidden && DATA.iter().any(|end| name.ends_with(end))
        })
    }
}

impl HubClient {
    /// What a repo holds at a revision, all of it at one commit.
    ///
    /// # Errors
    /// [`HubErrorKind::Refused`] for a card that is too large for one.
    pub async fn dataset_overview(
        &self,
        repo: &str,
        revision: &str,
    ) -> Result<DatasetOverview, HubError> {
        let info = self.dataset_info(repo, revision).await?;
        let Some(sha) = info.sha.clone() else {
            return Ok(DatasetOverview {
                info,
                ..DatasetOverview::default()
            });
        };
        let mut files = self.tree(repo, &sha, "", true).await?;
        files.retain(|entry| entry.is_file);
        let mut overview = DatasetOverview {
            info,
            files,
            card: None,
        };
        if let Some(card) = overview.file(CARD) {
            if card.size > CARD_BYTES {
                return Err(HubError {
                    kind: HubErrorKind::Refused,
                    ..HubError::malformed(
                        "reading the dataset card",
                        format!("{CARD} has {} bytes, more than any card", card.size),
                    )
                });
            }
            overview.card = Some(self.read_file(repo, &sha, CARD).await?);
        }
        Ok(overview)
    }
}
