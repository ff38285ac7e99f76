//! The Hub's own origin: who may do what, and which address leads where.

mod card;
mod commit;
mod consent;
mod cors;
mod discussions;
mod history;
pub(crate) mod lfs;
mod lines;
mod models;
mod oauth;
mod pages;
mod preupload;
mod repos;
mod resolve;
mod tree;

use crate::Config;
use crate::clock::now_s;
use crate::disk::{Caller, Commit, Disk, Repo, random_hex};
use crate::faults::{Faults, Struck};
use crate::http::{Answer, ApiError, Call, Cut, Reply, json_reply, set};
use crate::log::Log;
use crate::{git, local, model};
use hyper::body::Incoming;
use hyper::{Method, Request};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests per five minutes that the `RateLimit` headers speak of; only ordered faults enforce anything.
const QUOTA: u64 = 1000;

/// Everything the origins share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) config: Config,
    /// Address of the Hub.
    pub(crate) url: String,
    /// Address of the storage host.
    pub(crate) storage_url: String,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) models: models::Models,
    disk: Mutex<Disk>,
    /// Repositories that a commit is being written to.
    busy: Mutex<HashSet<String>>,
    oauth: Mutex<oauth::Pending>,
    secret: String,
    requests: AtomicU64,
}

/// Holds a repository for one commit.
#[derive(Debug)]
pub(crate) struct Busy {
    hub: Arc<Hub>,
    repo: String,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.hub
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.repo);
    }
}

impl Hub {
    pub(crate) fn open(config: Config, url: String, storage_url: String) -> io::Result<Self> {
        let disk = Disk::open(&config.dir)?;
        let secret = disk.secret()?;
        let models = models::Models::read(&config.model_files)?;
        models.keep_texts(&disk)?;
        Ok(Self {
            config,
            url,
            storage_url,
            faults: Faults::default(),
            log: Log::default(),
            models,
            disk: Mutex::new(disk),
            busy: Mutex::default(),
            oauth: Mutex::default(),
            secret,
            requests: AtomicU64::new(0),
        })
    }

    /// The disk; work on it is short, so a plain lock does.
    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        // A panic elsewhere cannot leave half a state: what is on disk is replaced whole.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is only in memory.
    fn forget(&self) {
        self.faults.clear();
        self.log.clear();
        *self.oauth.lock().unwrap_or_else(PoisonError::into_inner) = oauth::Pending::default();
    }

    /// Forgets everything but the default user and the models.
    pub(crate) fn reset(&self) -> io::Result<()> {
        {
            let mut disk = self.disk();
            disk.reset()?;
            self.models.keep_texts(&disk)?;
        }
        self.forget();
        Ok(())
    }

    /// Takes a repository for a commit, unless another commit has it.
    fn hold(self: &Arc<Self>, repo: &str) -> Option<Busy> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(repo.to_owned()).then(|| Busy {
            hub: self.clone(),
            repo: repo.to_owned(),
        })
    }

    fn signature(&self, method: &str, path: &str, expires: u64) -> String {
        git::sha256_hex(format!("{}\n{method}\n{path}\n{expires}", self.secret).as_bytes())
    }

    /// The query that lets whoever has it send `method` to `path` for an hour.
    pub(crate) fn sign(&self, method: &str, path: &str) -> String {
        let expires = now_s() + 3600;
        format!(
            "expires={expires}&sig={}",
            self.signature(method, path, expires)
        )
    }

    /// Whether a request carries the query that [`Self::sign`] made for it.
    pub(crate) fn is_signed(&self, call: &Call) -> bool {
        let expires: u64 = call
            .query_value("expires")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        expires > now_s()
            && call.query_value("sig").as_deref()
                == Some(self.signature(call.verb(), &call.path, expires).as_str())
    }

    /// Who sent this; `None` without a token.
    pub(crate) fn caller(&self, call: &Call) -> Result<Option<Caller>, ApiError> {
        match call.bearer() {
            None => Ok(None),
            Some(token) => match self.disk().users.caller(token) {
                Some(caller) => Ok(Some(caller)),
                None => Err(ApiError::new(401, "Invalid username or password.")),
            },
        }
    }

    /// Who sent this; without a token 401.
    pub(crate) fn signed_in(&self, call: &Call) -> Result<Caller, ApiError> {
        self.caller(call)?
            .ok_or_else(|| ApiError::new(401, "Invalid username or password."))
    }

    /// The id of a dataset, as it is kept: addresses may write it in letters of another case.
    pub(crate) fn dataset_id(&self, owner: &str, name: &str) -> String {
        let id = id(owner, name);
        let disk = self.disk();
        if disk.repos.contains_key(&id) {
            return id;
        }
        let mut known = disk.repos.keys();
        known
            .find(|known| known.eq_ignore_ascii_case(&id))
            .cloned()
            .unwrap_or(id)
    }

    /// A repository the caller may read. What may not be seen is answered as what is not there.
    fn repo(&self, call: &Call, id: &str) -> Result<(Repo, Option<Caller>), ApiError> {
        let caller = self.caller(call)?;
        let repo = self.disk().repos.get(id).cloned();
        match (repo, caller) {
            (Some(repo), caller)
                if repo.visibility.is_public()
                    || caller.as_ref().is_some_and(|caller| caller.can_read(&repo)) =>
            {
                Ok((repo, caller))
            }
            (_, caller) => Err(no_repo(caller.as_ref())),
        }
    }

    /// A repository the caller may write to.
    fn writable(&self, call: &Call, id: &str) -> Result<(Repo, Caller), ApiError> {
        match self.repo(call, id)? {
            (repo, Some(caller)) if caller.can_write(&repo) => Ok((repo, caller)),
            (_, Some(_)) => Err(forbidden()),
            (_, None) => Err(ApiError::new(401, "Invalid username or password.")),
        }
    }

    /// The commit a revision of this repository names.
    fn revision(&self, repo: &Repo, revision: &str) -> Result<Arc<Commit>, ApiError> {
        let id = repo
            .ref_of(revision)
            .and_then(|name| repo.refs.get(&name).cloned())
            .unwrap_or_else(|| revision.to_ascii_lowercase());
        let mut disk = self.disk();
        match disk.commit(&repo.id, &id)? {
            Some(commit) => Some(commit),
            None => disk.commit_by_start(&repo.id, &id)?,
        }
        .ok_or_else(|| no_revision(revision))
    }
}

/// What someone is told of a repository that is not there, or not for them.
fn no_repo(caller: Option<&Caller>) -> ApiError {
    match caller {
        Some(_) => ApiError::coded(404, "RepoNotFound", "Repository not found"),
        None => ApiError::coded(401, "RepoNotFound", "Invalid username or password."),
    }
}

fn no_revision(revision: &str) -> ApiError {
    ApiError::coded(
        404,
        "RevisionNotFound",
        format!("Invalid rev id: {revision}"),
    )
}

/// The refusal of someone who may not write.
fn forbidden() -> ApiError {
    ApiError::new(
        403,
        "Forbidden: you don't have the rights to write to this repository with this token.",
    )
}

/// Answers a request to the Hub's origin.
pub(crate) async fn answer(hub: Arc<Hub>, request: Request<Incoming>) -> Result<Reply, Cut> {
    let mut call = Call::new(request);
    let origin = call.header("origin").map(str::to_owned);
    if call.method == Method::OPTIONS {
        return Ok(cors::preflight(&call, origin.as_deref()));
    }
    // What tests ask of the stand-in itself is neither logged nor hit by faults.
    let is_local = call.path.starts_with("/__local/");
    let mut has_cors = true;
    let mut reply = if is_local {
        route(&hub, &mut call).await
    } else {
        call.seq = hub.log.begin("hub", &call);
        match hub.faults.strike("hub", &call).await {
            Ok(()) => route(&hub, &mut call).await,
            Err(Struck::Cut) => Err(ApiError::cut()),
            Err(Struck::Answer {
                reply,
                without_cors,
            }) => {
                has_cors = !without_cors;
                Ok(reply)
            }
        }
    }
    .or_else(|error| {
        if error.is_cut {
            Err(Cut)
        } else {
            Ok(error.reply())
        }
    })?;

    if !is_local {
        hub.log.end(call.seq, reply.status().as_u16());
        let count = hub.requests.fetch_add(1, Ordering::Relaxed);
        if !reply.headers().contains_key("ratelimit") {
            let (left, wait) = (QUOTA - 1 - count % QUOTA, 300 - now_s() % 300);
            set(
                &mut reply,
                "ratelimit",
                &format!("\"api\";r={left};t={wait}"),
            );
        }
        let policy = format!("\"fixed window\";\"api\";q={QUOTA};w=300");
        set(&mut reply, "ratelimit-policy", &policy);
    }
    let id = random_hex(8).unwrap_or_default();
    set(&mut reply, "x-request-id", &format!("Root=1-local-{id}"));
    let is_page = reply
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if has_cors && !is_page {
        cors::allow(&mut reply, origin.as_deref());
    }
    Ok(reply)
}

async fn route(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let verb = call.verb().to_owned();
    if let Some(reply) = moved(hub, call, &path) {
        return Ok(reply);
    }
    match (verb.as_str(), path.as_slice()) {
        (_, ["__local", rest @ ..]) => local::answer(hub, call, rest).await,
        (_, ["v1", rest @ ..]) => model::answer(hub, call, rest, true).await,
        (_, ["open", "v1", rest @ ..]) => model::answer(hub, call, rest, false).await,

        ("GET", ["api", "whoami-v2"]) => repos::whoami(hub, call),
        ("POST", ["api", "repos", "create"]) => repos::create(hub, call).await,
        ("DELETE", ["api", "repos", "delete"]) => repos::delete(hub, call).await,
        ("POST", ["api", "repos", "move"]) => repos::rename(hub, call).await,
        ("POST", ["api", "validate-yaml"]) => card::validate(call).await,
        ("GET", ["api", "datasets"]) => repos::list(hub, call),
        ("POST", ["api", "complete_multipart"]) => lfs::complete(hub, call).await,
        ("POST", ["api", "lfs-verify"]) => lfs::verify(hub, call).await,
        (
            "GET",
            [
                "api",
                "resolve-cache",
                "datasets",
                owner,
                name,
                sha,
                file @ ..,
            ],
        ) => resolve::cached(
            hub,
            call,
            &hub.dataset_id(owner, name),
            sha,
            &file.join("/"),
        ),
        // No dataset of this Hub goes without its owner; clients ask all the same before they make one.
        (_, ["api", "datasets", _]) => Err(no_repo(hub.caller(call)?.as_ref())),
        (_, ["api", "datasets", owner, name, rest @ ..]) => {
            dataset(hub, call, &verb, &hub.dataset_id(owner, name), rest).await
        }
        (
            "GET",
            [
                "api",
                "resolve-cache",
                "models",
                owner,
                name,
                sha,
                file @ ..,
            ],
        ) => models::cached(hub, call, &id(owner, name), sha, &file.join("/")),
        ("GET", ["api", "models"]) => models::list(hub, call),
        (_, ["api", "models", owner, name, rest @ ..]) => {
            models::answer(hub, call, &verb, &id(owner, name), rest).await
        }

        ("POST", ["datasets", owner, name, "info", "lfs", "objects", "batch"]) => {
            let name = name.strip_suffix(".git").unwrap_or(name);
            lfs::batch(hub, call, &hub.dataset_id(owner, name)).await
        }
        ("GET", ["datasets", owner, name, "resolve", revision, file @ ..]) => resolve::resolve(
            hub,
            call,
            &hub.dataset_id(owner, name),
            revision,
            &file.join("/"),
        ),
        ("GET", ["datasets", owner, name, "raw", revision, file @ ..]) => resolve::raw(
            hub,
            call,
            &hub.dataset_id(owner, name),
            revision,
            &file.join("/"),
        ),

        ("GET", [".well-known", "openid-configuration"]) => oauth::configuration(hub),
        ("GET", ["oauth", "authorize"]) => oauth::authorize(hub, call),
        ("POST", ["oauth", "authorize"]) => oauth::decide(hub, call).await,
        ("POST", ["oauth", "token"]) => oauth::token(hub, call).await,
        ("GET", ["oauth", "userinfo"]) => oauth::user_info(hub, call),

        ("GET", ["datasets", owner, name, ..]) => {
            pages::page(hub, call, &hub.dataset_id(owner, name), &path)
        }
        // Models stand at the root, so every other address goes first.
        ("GET", [owner, name, "resolve", revision, file @ ..]) => {
            models::resolve(hub, call, &id(owner, name), revision, &file.join("/"))
        }
        ("GET", [owner, name, "raw", revision, file @ ..]) => {
            models::raw(hub, call, &id(owner, name), revision, &file.join("/"))
        }
        ("GET", [owner, name, ..]) if hub.models.get(&id(owner, name)).is_some() => {
            pages::model_page(hub, &id(owner, name))
        }
        ("GET", []) => Ok(pages::front_page(hub)),
        _ => Err(ApiError::new(
            404,
            "Sorry, we can't find the page you are looking for.",
        )),
    }
}

/// Leads to the dataset's present name, if the address has a former one.
fn moved(hub: &Hub, call: &Call, path: &[&str]) -> Option<Reply> {
    let (before, rest) = match path {
        ["api", "datasets", rest @ ..] => ("/api/datasets/", rest),
        ["datasets", rest @ ..] => ("/datasets/", rest),
        _ => return None,
    };
    let disk = hub.disk();
    // Datasets of old have no owner.
    let (name, parts) = [2, 1].into_iter().find_map(|parts| {
        let name = rest.get(..parts)?.join("/");
        let is_there = disk.repos.contains_key(&name);
        disk.moved
            .get(&name)
            .filter(|_| !is_there)
            .map(|name| (name, parts))
    })?;
    let skipped = before.matches('/').count() - 1 + parts;
    let tail = call.path.split('/').filter(|part| !part.is_empty());
    let tail: Vec<&str> = tail.skip(skipped).collect();
    let mut location = format!("{before}{name}");
    for part in tail {
        location.push('/');
        location.push_str(part);
    }
    if !call.raw_query.is_empty() {
        location.push('?');
        location.push_str(&call.raw_query);
    }
    let mut reply = crate::http::bytes_reply(
        307,
        "text/plain; charset=utf-8",
        format!("Temporary Redirect. Redirecting to {location}"),
    );
    set(&mut reply, "location", &location);
    Some(reply)
}

async fn dataset(hub: &Arc<Hub>, call: &mut Call, verb: &str, id: &str, rest: &[&str]) -> Answer {
    match (verb, rest) {
        ("GET", []) => repos::info(hub, call, id, "main"),
        ("GET", ["revision", revision]) => repos::info(hub, call, id, revision),
        ("PUT", ["settings"]) => repos::settings(hub, call, id).await,
        ("POST", ["user-access-request", "grant"]) => repos::admit(hub, call, id).await,
        ("GET", ["refs"]) => repos::refs(hub, call, id),
        ("GET", ["commits", revision]) => history::commits(hub, call, id, revision),
        ("GET", ["tree", revision, path @ ..]) => {
            tree::list(hub, call, id, revision, &path.join("/"))
        }
        ("POST", ["paths-info", revision]) => tree::paths_info(hub, call, id, revision).await,
        ("POST", ["preupload", revision]) => preupload::preupload(hub, call, id, revision).await,
        ("POST", ["commit", revision]) => commit::commit(hub, call, id, revision).await,
        ("POST", ["branch", name @ ..]) => {
            history::create_branch(hub, call, id, &name.join("/")).await
        }
        ("DELETE", ["branch", name @ ..]) => {
            history::delete_ref(hub, call, id, &format!("refs/heads/{}", name.join("/")))
        }
        ("POST", ["tag", revision]) => history::create_tag(hub, call, id, revision).await,
        ("DELETE", ["tag", name @ ..]) => {
            history::delete_ref(hub, call, id, &format!("refs/tags/{}", name.join("/")))
        }
        ("POST", ["super-squash", branch]) => history::squash(hub, call, id, branch).await,
        (_, ["discussions", rest @ ..]) => discussions::answer(hub, call, verb, id, rest).await,
        _ => Err(ApiError::new(404, "the local Hub has no such address")),
    }
}

fn id(owner: &str, name: &str) -> String {
    format!("{owner}/{name}")
}

/// Adds `Link: <…>; rel="next"` that repeats this request with other query values.
fn set_next(reply: &mut Reply, hub: &Hub, call: &Call, changes: &[(&str, &str)]) {
    let mut pairs = call.query();
    pairs.retain(|(key, _)| !changes.iter().any(|(name, _)| name == key));
    pairs.extend(
        changes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    let query = pairs
        .iter()
        .map(|(key, value)| {
            format!(
                "{}={}",
                crate::text::encode(key, ""),
                crate::text::encode(value, "")
            )
        })
        .collect::<Vec<_>>()
        .join("&");
    let link = format!("<{}{}?{query}>; rel=\"next\"", hub.url, call.path);
    set(reply, "link", &link);
}

/// 200 with JSON and the commit it speaks of.
fn ok_at(commit: &Commit, value: &Value) -> Reply {
    let mut reply = json_reply(200, value);
    set(&mut reply, "x-repo-commit", &commit.id);
    reply
}

fn author_json(name: &str) -> Value {
    json!({ "user": name, "avatar": "/avatars/local.svg" })
}
