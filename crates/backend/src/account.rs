//! Who is here and with which keys: sign-in, inference keys, models, dataset repos.
//!
//! Tokens and keys live in this worker's memory only. A key goes to the origin it was given for, the Hub token to the
//! Hub and to the configured router.

use crate::draft::clip;
use crate::project::not_open;
use crate::{Backend, OrFail as _, Result};
use seedbed_core::chat::{ChatModel, ChatRequest};
use seedbed_core::messages::{
    Account, Failure, FailureKind, HubConfig, HubLink, OauthPending, Reply,
};
use seedbed_core::model::{Endpoint, EndpointKind, FinishReason, Message, Sampling, origin};
use seedbed_grow::quality;
use seedbed_hub::{CreatedRepo, HttpModel, HubClient, Token, oauth};
use std::rc::Rc;

/// Tokens of the answer to a test at most.
const TEST_TOKENS: u32 = 32;

pub(crate) struct SignedIn {
    pub(crate) token: Token,
    pub(crate) account: Account,
}

impl Backend {
    pub(crate) async fn hello(&self, config: HubConfig) -> Result<Reply> {
        *self.config.borrow_mut() = config;
        self.load_profile().await;
        Ok(Reply::Hello {
            build: self.platform.build(),
            storage: self.platform.storage().await,
        })
    }

    pub(crate) fn token(&self) -> Option<Token> {
        self.account
            .borrow()
            .as_ref()
            .map(|signed_in| signed_in.token.clone())
    }

    pub(crate) fn hub(&self) -> HubClient {
        HubClient::new(
            Rc::clone(&self.transport),
            &self.config.borrow().hub,
            self.token(),
        )
    }

    /// A Hub client, or the request to sign in.
    pub(crate) fn signed_in_hub(&self) -> Result<HubClient> {
        if self.account.borrow().is_none() {
            return Err(
                Failure::new(FailureKind::Auth, "You are not signed in to the Hub.")
                    .means("Your work is safe in this browser.")
                    .next("Sign in, then try again."),
            );
        }
        Ok(self.hub())
    }

    pub(crate) fn set_key(&self, base_url: &str, key: &str) -> Result<Reply> {
        let origin = origin(base_url);
        if !origin.starts_with("http://") && !origin.starts_with("https://") {
            return Err(
                Failure::new(FailureKind::Invalid, "This is not an address of a server.").next(
                    "Write it with http:// or https://, for example http://localhost:11434/v1.",
                ),
            );
        }
        let mut keys = self.keys.borrow_mut();
        match Token::new(key) {
            Some(token) => keys.insert(origin, token),
            None => keys.remove(&origin),
        };
        Ok(Reply::Ok)
    }

    fn key_for(&self, endpoint: &Endpoint) -> Option<Token> {
        let origin_of_endpoint = origin(&endpoint.base_url);
        if let Some(key) = self.keys.borrow().get(&origin_of_endpoint) {
            return Some(key.clone());
        }
        let is_router = endpoint.kind == EndpointKind::HuggingFace
            && origin_of_endpoint == origin(&self.config.borrow().router);
        if is_router { self.token() } else { None }
    }

    pub(crate) fn model(&self, endpoint: &Endpoint) -> Rc<dyn ChatModel> {
        Rc::new(self.model_by(Rc::clone(&self.transport), endpoint))
    }

    /// The same by another way.
    pub(crate) fn model_by(
        &self,
        way: Rc<dyn seedbed_hub::transport::Transport>,
        endpoint: &Endpoint,
    ) -> HttpModel {
        HttpModel::new(way, endpoint, self.key_for(endpoint))
    }

    pub(crate) async fn list_models(&self, endpoint: &Endpoint) -> Result<Reply> {
        seedbed_hub::list_models(Rc::clone(&self.transport), endpoint, self.key_for(endpoint))
            .await
            .map(Reply::Models)
            .map_err(|error| error.failure)
    }

    pub(crate) async fn test_endpoint(&self, endpoint: &Endpoint) -> Result<Reply> {
        let started = self.now();
        let request = ChatRequest {
            model: endpoint.model.clone(),
            messages: vec![Message::user(
                "Say that you are ready, in one short sentence.",
            )],
            sampling: Sampling {
                temperature: 0.0,
                max_tokens: TEST_TOKENS,
                ..Sampling::default()
            },
        };
        let reply = self
            .model(endpoint)
            .chat(request, &mut |_| {})
            .await
            .map_err(|error| error.failure)?;
        let mut text = reply.text.trim().to_owned();
        if text.is_empty() {
            // So few tokens are not enough for a model that thinks first; that it thinks shows that it answers.
            let is_cut = reply.finish_reason == FinishReason::Length;
            if reply.reasoning.trim().is_empty()
                && !is_cut
                && let Some(error) = quality::unanswered(&reply, TEST_TOKENS)
            {
                return Err(error.failure);
            }
            text = format!("({}…)", clip(reply.reasoning.trim()));
        }
        Ok(Reply::Tested {
            text,
            took_ms: self.now().saturating_sub(started),
        })
    }

    pub(crate) fn oauth_start(&self, client_id: &str, redirect_uri: &str, scopes: &str) -> Reply {
        let mut random = [0; 32];
        self.platform.random(&mut random);
        let (url, pending) = oauth::start(
            &self.config.borrow(),
            client_id,
            redirect_uri,
            scopes,
            random,
        );
        Reply::OauthStart { url, pending }
    }

    pub(crate) async fn oauth_finish(
        &self,
        pending: &OauthPending,
        state: &str,
        code: &str,
    ) -> Result<Reply> {
        let config = self.config.borrow().clone();
        let (token, scopes) = oauth::finish(&self.transport, &config, pending, state, code)
            .await
            .or_fail()?;
        self.adopt(token, scopes).await
    }

    pub(crate) async fn sign_in(&self, token: &str) -> Result<Reply> {
        let Some(token) = Token::new(token) else {
            return Err(Failure::new(FailureKind::Invalid, "The token is empty.")
                .next("Paste a token from your Hub settings; it begins with hf_."));
        };
        self.adopt(token, Vec::new()).await
    }

    /// Asks the Hub whose token this is, and signs in as that person.
    async fn adopt(&self, token: Token, scopes: Vec<String>) -> Result<Reply> {
        let base = self.config.borrow().hub.clone();
        let client = HubClient::new(Rc::clone(&self.transport), &base, Some(token.clone()));
        let mut account = client.whoami().await.or_fail()?;
        if !scopes.is_empty() {
            account.can_write = scopes.iter().any(|scope| {
                matches!(
                    scope.as_str(),
                    "write-repos" | "manage-repos" | "contribute-repos"
                )
            });
            account.scopes = scopes;
        }
        let text = token.secret().to_owned();
        *self.account.borrow_mut() = Some(SignedIn {
            token,
            account: account.clone(),
        });
        self.know_account(&account.name).await?;
        Ok(Reply::SignedIn {
            account,
            token: text,
        })
    }

    pub(crate) fn sign_out(&self) -> Reply {
        *self.account.borrow_mut() = None;
        // A project that can't be written to now is told when it is opened next.
        self.tell_own_writers().ok();
        Reply::Ok
    }

    pub(crate) async fn list_repos(&self) -> Result<Reply> {
        let client = self.signed_in_hub()?;
        let namespaces = match self.account.borrow().as_ref() {
            Some(signed_in) => signed_in.account.namespaces.clone(),
            None => return Err(not_open()),
        };
        let mut repos = Vec::new();
        let mut refused = None;
        for namespace in namespaces {
            // An organisation that keeps its list to itself must not hide the others.
            match client.list_datasets(&namespace).await {
                Ok(found) => repos.extend(found),
                Err(error) => refused = Some(error),
            }
        }
        if let (true, Some(error)) = (repos.is_empty(), refused) {
            return Err(error.failure());
        }
        repos.dedup();
        Ok(Reply::Repos(repos))
    }

    pub(crate) async fn create_repo(&self, id: &str, repo: &str, private: bool) -> Result<Reply> {
        let client = self.signed_in_hub()?;
        let repo = self.repo_id(repo)?;
        match client.create_dataset(&repo, private).await.or_fail()? {
            CreatedRepo::Created => self.link(id, &client, &repo, true).await,
            // A name that is taken is an answer of its own: what stands there is shown first.
            CreatedRepo::Exists(_) => {
                let project = self.project(id)?;
                let overview = self.overview(&project, &client, &repo).await?;
                Ok(Reply::Found(Box::new(overview)))
            }
        }
    }

    pub(crate) async fn link_repo(
        &self,
        id: &str,
        repo: &str,
        is_confirmed: bool,
    ) -> Result<Reply> {
        let client = self.hub();
        let repo = self.repo_id(repo)?;
        if !is_confirmed {
            let project = self.project(id)?;
            let overview = self.overview(&project, &client, &repo).await?;
            let is_plain = overview.data_files.is_empty()
                && overview.configs.is_empty()
                && !overview.is_newer
                && !overview.is_seedbed;
            if !is_plain {
                return Ok(Reply::Found(Box::new(overview)));
            }
        }
        self.link(id, &client, &repo, false).await
    }

    async fn link(
        &self,
        id: &str,
        client: &HubClient,
        repo: &str,
        is_created_here: bool,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let info = client.dataset_info(repo, "main").await.or_fail()?;
        let link = HubLink {
            repo: repo.to_owned(),
            url: self.repo_url(repo),
            revision: info.sha,
            private: info.private,
            can_write: if is_created_here {
                Some(true)
            } else {
                self.can_write(repo)
            },
            ..HubLink::default()
        };
        // Another repo knows nothing of what was sent to the one before.
        if project.link()?.is_some_and(|before| before.repo != repo) {
            project.with(seedbed_store::Store::forget_hub)?;
        }
        project.save_link(&link)?;
        self.touched(&project);
        Ok(Reply::Linked(link))
    }

    /// Address of a dataset repo's page.
    pub(crate) fn repo_url(&self, repo: &str) -> String {
        format!("{}/datasets/{repo}", self.config.borrow().hub)
    }

    /// Whether the signed-in person may commit to `repo`, as far as the account says.
    pub(crate) fn can_write(&self, repo: &str) -> Option<bool> {
        let namespace = repo.split('/').next().unwrap_or_default();
        let account = self.account.borrow();
        let account = &account.as_ref()?.account;
        let is_member = account.namespaces.iter().any(|name| name == namespace);
        // `contribute-repos` lets in only what this app created, and the Hub does not tell which repos those are.
        let is_for_own_repos_only = !account.scopes.is_empty()
            && !account
                .scopes
                .iter()
                .any(|scope| scope == "write-repos" || scope == "manage-repos");
        if is_member && account.can_write && is_for_own_repos_only {
            return None;
        }
        Some(account.can_write && is_member)
    }

    /// The path that names a dataset, from what a person may paste: a name, an address, with or without `datasets/`.
    fn dataset_path<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let hub = self.config.borrow().hub.clone();
        let mut rest = text.trim().trim_end_matches('/');
        for prefix in [
            hub.as_str(),
            "https://huggingface.co",
            "huggingface.co",
            "https://hf.co",
            "hf.co",
        ] {
            if let Some(stripped) = rest.strip_prefix(prefix) {
                rest = stripped;
                break;
            }
        }
        let rest = rest.trim_start_matches('/');
        let rest = rest.strip_prefix("datasets/").unwrap_or(rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        rest.trim_end_matches('/').split('/').collect()
    }

    /// The name of a dataset to read. Some of old have no owner; the Hub knows where those are by now.
    pub(crate) fn dataset_name(&self, text: &str) -> Result<String> {
        match self.dataset_path(text).as_slice() {
            [name] if is_name(name) => Ok((*name).to_owned()),
            [name, place, ..] if is_name(name) && is_place(place) => Ok((*name).to_owned()),
            _ => self.repo_id(text),
        }
    }

    /// `namespace/name` from what a person may paste.
    pub(crate) fn repo_id(&self, text: &str) -> Result<String> {
        match self.dataset_path(text).as_slice() {
            [namespace, name, tail @ ..]
                if is_name(namespace)
                    && is_name(name)
                    && tail.first().is_none_or(|place| is_place(place)) =>
            {
                Ok(format!("{namespace}/{name}"))
            }
            _ => Err(Failure::new(
                FailureKind::Invalid,
                format!("“{}” is not the name of a dataset repo.", text.trim()),
            )
            .next("Write it as owner/name, or paste the address of its page. Names have letters, digits, -, _ and .")),
        }
    }
}

/// A part of a repo's name.
fn is_name(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 96
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !part.starts_with(['-', '.'])
        && !part.ends_with(['-', '.'])
        && !part.contains("..")
        && !part.contains("--")
}

/// What follows on a repo's name in an address of one of its pages.
fn is_place(part: &str) -> bool {
    matches!(part, "tree" | "blob" | "viewer" | "resolve")
}
