//! Repositories, their commits and their discussions as they lie on disk.

use super::Words;
use crate::git;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who may see a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Visibility {
    Public,
    Private,
    /// Known on the Hub for Spaces; here it hides as `Private` does.
    Protected,
}

impl Visibility {
    pub(crate) fn is_public(self) -> bool {
        self == Self::Public
    }
}

/// What owners ask for before files can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gate {
    /// To accept terms.
    Auto,
    /// To be let in.
    Manual,
}

/// A dataset repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Repo {
    /// `namespace/name`.
    pub(crate) id: String,
    /// The Hub's own id, 24 hexadecimal digits.
    pub(crate) key: String,
    pub(crate) visibility: Visibility,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gated: Option<Gate>,
    /// Who was let in, where it is gated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) admitted: Vec<String>,
    pub(crate) created_ms: u64,
    pub(crate) modified_ms: u64,
    /// The OAuth client that made it, which `contribute-repos` lets write to it.
    pub(crate) made_by_app: Option<String>,
    /// Commit by full name: `refs/heads/main`, `refs/tags/v1`, `refs/pr/1`.
    pub(crate) refs: BTreeMap<String, String>,
    /// Discussions and pull requests; number = place + 1.
    pub(crate) discussions: Vec<Discussion>,
}

impl Repo {
    pub(crate) fn namespace(&self) -> &str {
        self.id
            .split_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    /// The full name of the reference that a revision names, if it is one.
    pub(crate) fn ref_of(&self, revision: &str) -> Option<String> {
        let revision = if revision == "HEAD" { "main" } else { revision };
        [
            format!("refs/heads/{revision}"),
            format!("refs/tags/{revision}"),
            revision.to_owned(),
        ]
        .into_iter()
        .find(|name| self.refs.contains_key(name))
    }

    pub(crate) fn discussion(&self, number: u64) -> Option<&Discussion> {
        self.discussions
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub(crate) fn discussion_mut(&mut self, number: u64) -> Option<&mut Discussion> {
        self.discussions
            .get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

/// A file in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Blob id; of the pointer for a large file.
    pub(crate) oid: String,
    /// Bytes of the file itself.
    pub(crate) size: u64,
    /// SHA-256 of a large file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lfs: Option<String>,
}

impl Entry {
    /// What clients compare: the SHA-256 of a large file, else the blob id.
    pub(crate) fn etag(&self) -> &str {
        self.lfs.as_deref().unwrap_or(&self.oid)
    }
}

/// A commit with its whole file list: repositories are small here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) parents: Vec<String>,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) author: String,
    pub(crate) at_ms: u64,
    pub(crate) files: BTreeMap<String, Entry>,
    /// Tree ids of all folders.
    pub(crate) folders: BTreeMap<String, String>,
}

impl Commit {
    /// A commit of these files, with the ids that git would give it.
    pub(crate) fn new(
        parents: Vec<String>,
        files: BTreeMap<String, Entry>,
        words: Words<'_>,
        at_ms: u64,
    ) -> Self {
        let Words {
            title,
            message,
            author,
        } = words;
        let borrowed = files
            .iter()
            .map(|(path, entry)| (path.as_str(), entry))
            .collect();
        let mut folders = BTreeMap::new();
        let tree = git::tree_oid(&borrowed, "", &mut folders);
        let text = if message.is_empty() {
            format!("{title}\n")
        } else {
            format!("{title}\n\n{message}\n")
        };
        Self {
            id: git::commit_oid(&tree, &parents, author, at_ms / 1000, &text),
            parents,
            title: title.to_owned(),
            message: message.to_owned(),
            author: author.to_owned(),
            at_ms,
            files,
            folders,
        }
    }
}

/// Where a discussion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Draft,
    Open,
    Closed,
    Merged,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }
}

/// A discussion or a pull request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Discussion {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) created_ms: u64,
    pub(crate) status: Status,
    pub(crate) is_pull_request: bool,
    /// Commit the pull request started from.
    pub(crate) base: Option<String>,
    /// Commit it was merged by.
    pub(crate) merge_commit: Option<String>,
    pub(crate) comments: Vec<Comment>,
}

/// Something that happened in a discussion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) at_ms: u64,
    pub(crate) text: String,
    /// The status it was changed to, if that is what happened.
    #[serde(default)]
    pub(crate) status: Option<Status>,
    /// How it was renamed, if that is what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rename: Option<Rename>,
}

/// Another title.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rename {
    pub(crate) from: String,
    pub(crate) to: String,
}
