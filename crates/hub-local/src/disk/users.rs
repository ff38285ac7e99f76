//! Users, their tokens, and what a token may do.

use super::{Repo, Visibility, random_hex};
use crate::clock::now_s;
use crate::{DEFAULT_TOKEN, DEFAULT_USER};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::{fmt, io};

/// All users and all tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Users {
    pub(crate) users: BTreeMap<String, User>,
    tokens: Vec<Token>,
}

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) fullname: String,
    /// Organisations the person may write to.
    #[serde(default)]
    pub(crate) orgs: Vec<String>,
}

/// What a personal token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Read,
    Write,
    /// Fine-grained: may open pull requests only.
    PullRequest,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::PullRequest => "fineGrained",
        }
    }
}

/// Where a token's rights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grant {
    Role(Role),
    Oauth {
        client_id: String,
        scopes: Vec<String>,
        expires_s: u64,
    },
}

/// A token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    secret: String,
    user: String,
    grant: Grant,
    created_s: u64,
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Token of {}", self.user)
    }
}

/// Whoever sent a request with a valid token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: User,
    pub(crate) grant: Grant,
    pub(crate) created_s: u64,
}

impl Users {
    pub(crate) fn with_default() -> Self {
        let mut users = Self::default();
        let user = User {
            name: DEFAULT_USER.to_owned(),
            fullname: "Local User".to_owned(),
            orgs: Vec::new(),
        };
        users.put(user, DEFAULT_TOKEN, Grant::Role(Role::Write));
        users
    }

    /// Adds or replaces a user and one of its tokens; other tokens stay.
    pub(crate) fn put(&mut self, user: User, secret: &str, grant: Grant) {
        self.tokens.retain(|token| token.secret != secret);
        self.tokens.push(Token {
            secret: secret.to_owned(),
            user: user.name.clone(),
            grant,
            created_s: now_s(),
        });
        self.users.insert(user.name.clone(), user);
    }

    /// Makes an OAuth access token.
    pub(crate) fn grant_oauth(
        &mut self,
        user: &str,
        client_id: &str,
        scopes: &[String],
        lifetime_s: u64,
    ) -> io::Result<String> {
        let secret = format!("hf_oauth_{}", random_hex(24)?);
        let now = now_s();
        self.tokens.retain(
            |token| !matches!(token.grant, Grant::Oauth { expires_s, .. } if expires_s < now),
        );
        self.tokens.push(Token {
            secret: secret.clone(),
            user: user.to_owned(),
            grant: Grant::Oauth {
                client_id: client_id.to_owned(),
                scopes: scopes.to_vec(),
                expires_s: now + lifetime_s,
            },
            created_s: now,
        });
        Ok(secret)
    }

    /// Makes a token worthless.
    pub(crate) fn revoke(&mut self, secret: &str) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.secret != secret);
        self.tokens.len() < before
    }

    /// Whose token this is, unless it is unknown or has run out.
    pub(crate) fn caller(&self, secret: &str) -> Option<Caller> {
        let token = self.tokens.iter().find(|token| token.secret == secret)?;
        if matches!(token.grant, Grant::Oauth { expires_s, .. } if expires_s <= now_s()) {
            return None;
        }
        Some(Caller {
            user: self.users.get(&token.user)?.clone(),
            grant: token.grant.clone(),
            created_s: token.created_s,
        })
    }
}

impl Caller {
    fn has_scope(&self, wanted: &[&str]) -> bool {
        match &self.grant {
            Grant::Role(_) => false,
            Grant::Oauth { scopes, .. } => {
                scopes.iter().any(|scope| wanted.contains(&scope.as_str()))
            }
        }
    }

    fn is_writer(&self) -> bool {
        self.grant == Grant::Role(Role::Write)
    }

    /// Whether the person belongs to a namespace.
    pub(crate) fn is_in(&self, namespace: &str) -> bool {
        self.user.name == namespace || self.user.orgs.iter().any(|org| org == namespace)
    }

    fn made(&self, repo: &Repo) -> bool {
        match &self.grant {
            Grant::Oauth { client_id, .. } => {
                self.has_scope(&["contribute-repos"])
                    && repo.made_by_app.as_deref() == Some(client_id.as_str())
            }
            Grant::Role(_) => false,
        }
    }

    pub(crate) fn can_read(&self, repo: &Repo) -> bool {
        repo.visibility == Visibility::Public
            || self.is_in(repo.namespace())
                && (matches!(self.grant, Grant::Role(_))
                    || self.has_scope(&["read-repos", "write-repos", "manage-repos"])
                    || self.made(repo))
    }

    /// Whether the person may pass the gate of a repository that can be seen.
    pub(crate) fn may_pass(&self, repo: &Repo) -> bool {
        self.is_in(repo.namespace())
            || repo.admitted.contains(&self.user.name)
                && (matches!(self.grant, Grant::Role(_)) || self.has_scope(&["gated-repos"]))
    }

    pub(crate) fn can_write(&self, repo: &Repo) -> bool {
        self.is_in(repo.namespace())
            && (self.is_writer()
                || self.has_scope(&["write-repos", "manage-repos"])
                || self.made(repo))
    }

    pub(crate) fn can_create_in(&self, namespace: &str) -> bool {
        self.is_in(namespace)
            && (self.is_writer() || self.has_scope(&["manage-repos", "contribute-repos"]))
    }

    pub(crate) fn can_delete(&self, repo: &Repo) -> bool {
        self.is_in(repo.namespace()) && (self.is_writer() || self.has_scope(&["manage-repos"]))
    }

    /// Whether the token may open pull requests and discussions where it may read.
    pub(crate) fn can_discuss(&self, repo: &Repo) -> bool {
        self.can_read(repo)
            && (matches!(self.grant, Grant::Role(_))
                || self.has_scope(&["write-discussions"])
                || self.can_write(repo))
    }

    /// Whether the token may ask models.
    pub(crate) fn can_infer(&self) -> bool {
        matches!(self.grant, Grant::Role(_)) || self.has_scope(&["inference-api"])
    }

    /// The OAuth client, when the token is one of OAuth.
    pub(crate) fn app(&self) -> Option<&str> {
        match &self.grant {
            Grant::Oauth { client_id, .. } => Some(client_id),
            Grant::Role(_) => None,
        }
    }
}
