//! Accounts and repositories: whoami, create, delete, settings, info, list, refs.

use super::{Hub, card, forbidden, ok_at};
use crate::attributes;
use crate::clock::{iso, now_ms};
use crate::disk::{Caller, Commit, Entry, Gate, Grant, Repo, Visibility, Words, random_hex};
use crate::faults::Kind;
use crate::http::{Answer, ApiError, Call, ok};
use crate::names::{is_file_path, is_name};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stable id of 24 hexadecimal digits for a name.
pub(crate) fn key_of(name: &str) -> String {
    let mut key = crate::git::sha256_hex(name.as_bytes());
    key.truncate(24);
    key
}

/// Organisations in the shape of whoami.
pub(crate) fn whoami(hub: &Hub, call: &Call) -> Answer {
    let caller = hub.signed_in(call)?;
    let orgs: Vec<Value> = caller
        .user
        .orgs
        .iter()
        .map(|org| {
            json!({
                "type": "org", "id": key_of(org), "name": org, "fullname": org, "email": null,
                "canPay": false, "periodEnd": null, "avatarUrl": "/avatars/local.svg",
                "roleInOrg": "write", "isEnterprise": false,
            })
        })
        .collect();
    let mut auth = Map::new();
    match &caller.grant {
        Grant::Role(role) => {
            auth.insert("type".into(), "access_token".into());
            auth.insert(
                "accessToken".into(),
                json!({
                    "displayName": "local", "role": role.name(),
                    "createdAt": iso(caller.created_s * 1000),
                }),
            );
        }
        Grant::Oauth { expires_s, .. } => {
            auth.insert("type".into(), "oauth".into());
            auth.insert("expiresAt".into(), iso(expires_s * 1000).into());
        }
    }
    ok(&json!({
        "type": "user", "id": key_of(&caller.user.name), "name": caller.user.name,
        "fullname": caller.user.fullname, "isPro": false, "canPay": false, "periodEnd": null,
        "avatarUrl": "/avatars/local.svg", "orgs": orgs, "auth": auth,
    }))
}

#[derive(Deserialize)]
struct NewRepo {
    name: String,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    visibility: Option<Visibility>,
    #[serde(default)]
    private: Option<bool>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    files: Vec<NewFile>,
}

#[derive(Deserialize)]
struct NewFile {
    path: String,
    #[serde(default)]
    encoding: Option<String>,
    content: String,
}

/// The repository a body names: `name` may carry the namespace, else `organization` or the caller's own.
fn repo_id(name: &str, organization: Option<&str>, caller: &Caller) -> Result<String, ApiError> {
    let (namespace, name) = match (name.split_once('/'), organization) {
        (Some(both), _) => both,
        (None, Some(organization)) => (organization, name),
        (None, None) => (caller.user.name.as_str(), name),
    };
    if !is_name(namespace) || !is_name(name) {
        return Err(ApiError::new(
            400,
            "Invalid repo name: use letters, digits, '-', '_' and '.', at most 96, without '--' and '..', not beginning or ending with '-' or '.'",
        ));
    }
    Ok(format!("{namespace}/{name}"))
}

fn only_datasets(kind: Option<&str>) -> Result<(), ApiError> {
    if kind == Some("dataset") {
        Ok(())
    } else {
        Err(ApiError::new(400, "this local Hub keeps datasets only"))
    }
}

pub(crate) async fn create(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    let caller = hub.signed_in(call)?;
    let wanted: NewRepo = call.json().await?;
    only_datasets(wanted.kind.as_deref())?;
    let id = repo_id(&wanted.name, wanted.organization.as_deref(), &caller)?;
    let is_busy = |kind: &Kind| matches!(kind, Kind::BusyCreate).then_some(());
    if hub.faults.take("hub", call, is_busy).is_some() {
        return Err(ApiError::new(
            409,
            "Cannot create repo: another conflicting operation is in progress",
        ));
    }
    let namespace = id.split_once('/').map_or("", |(namespace, _)| namespace);
    if !caller.can_create_in(namespace) {
        return Err(ApiError::new(
            403,
            format!(
                "You don't have the rights to create a dataset under the namespace \"{namespace}\""
            ),
        ));
    }
    let url = format!("{}/datasets/{id}", hub.url);
    let mut disk = hub.disk();
    // Disks that fold case must not mix two repositories.
    if let Some(there) = disk
        .repos
        .keys()
        .find(|known| known.eq_ignore_ascii_case(&id))
    {
        let url = format!("{}/datasets/{there}", hub.url);
        let message = "You already created this dataset repo";
        let mut reply = crate::http::json_reply(409, &json!({ "error": message, "url": url }));
        crate::http::set(&mut reply, "x-error-message", message);
        return Ok(reply);
    }
    let mut files = BTreeMap::new();
    let mut add = |path: &str, content: &[u8]| -> Result<(), ApiError> {
        let oid = disk.put_blob(content)?;
        let size = content.len() as u64;
        files.insert(
            path.to_owned(),
            Entry {
                oid,
                size,
                lfs: None,
            },
        );
        Ok(())
    };
    add(".gitattributes", attributes::DEFAULT.as_bytes())?;
    if let Some(license) = &wanted.license {
        add(
            "README.md",
            format!("---\nlicense: {license}\n---\n").as_bytes(),
        )?;
    }
    for file in &wanted.files {
        if !is_file_path(&file.path) {
            return Err(ApiError::new(
                400,
                format!("no file can lie at {:?}", file.path),
            ));
        }
        let content = match file.encoding.as_deref() {
            Some("base64") => STANDARD
                .decode(&file.content)
                .map_err(|error| ApiError::new(400, format!("{}: {error}", file.path)))?,
            _ => file.content.clone().into_bytes(),
        };
        add(&file.path, &content)?;
    }
    let now = now_ms();
    let commit = disk.put_commit(
        &id,
        Vec::new(),
        files,
        Words {
            title: "initial commit",
            message: "",
            author: &caller.user.name,
        },
    )?;
    let key = random_hex(12)?;
    disk.save_repo(Repo {
        id: id.clone(),
        key: key.clone(),
        visibility: wanted
            .visibility
            .unwrap_or(if wanted.private == Some(true) {
                Visibility::Private
            } else {
                Visibility::Public
            }),
        gated: None,
        admitted: Vec::new(),
        created_ms: now,
        modified_ms: now,
        made_by_app: caller.app().map(str::to_owned),
        refs: BTreeMap::from([("refs/heads/main".to_owned(), commit.id.clone())]),
        discussions: Vec::new(),
    })?;
    ok(&json!({ "url": url, "name": id, "id": key }))
}

#[derive(Deserialize)]
struct OldRepo {
    name: String,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

pub(crate) async fn delete(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    let caller = hub.signed_in(call)?;
    let wanted: OldRepo = call.json().await?;
    only_datasets(wanted.kind.as_deref())?;
    let id = repo_id(&wanted.name, wanted.organization.as_deref(), &caller)?;
    let (owner, name) = id.split_once('/').unwrap_or_default();
    let (repo, _) = hub.repo(call, &hub.dataset_id(owner, name))?;
    if !caller.can_delete(&repo) {
        return Err(forbidden());
    }
    hub.disk().delete_repo(&repo.id)?;
    ok(&json!({ "success": true }))
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    visibility: Option<Visibility>,
    #[serde(default)]
    private: Option<bool>,
    /// `false`, `"auto"` or `"manual"`.
    #[serde(default)]
    gated: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    from_repo: String,
    to_repo: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// Gives a dataset another name.
pub(crate) async fn rename(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    let wanted: Move = call.json().await?;
    only_datasets(wanted.kind.as_deref())?;
    let (repo, caller) = hub.writable(call, &wanted.from_repo)?;
    let to = repo_id(&wanted.to_repo, None, &caller)?;
    let namespace = to.split_once('/').map_or("", |(namespace, _)| namespace);
    if !caller.can_create_in(namespace) {
        return Err(forbidden());
    }
    let mut disk = hub.disk();
    if disk.repos.contains_key(&to) {
        return Err(ApiError::new(409, format!("{to} exists already")));
    }
    disk.move_repo(repo, &to)?;
    ok(&json!({ "success": true }))
}

#[derive(Deserialize)]
struct Admission {
    user: String,
}

/// Lets someone read the files of a gated dataset.
pub(crate) async fn admit(hub: &Arc<Hub>, call: &mut Call, id: &str) -> Answer {
    hub.writable(call, id)?;
    let wanted: Admission = call.json().await?;
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    if !disk.users.users.contains_key(&wanted.user) {
        return Err(ApiError::new(404, "User not found"));
    }
    if !repo.admitted.contains(&wanted.user) {
        repo.admitted.push(wanted.user);
    }
    disk.save_repo(repo)?;
    ok(&json!({}))
}

pub(crate) async fn settings(hub: &Arc<Hub>, call: &mut Call, id: &str) -> Answer {
    hub.writable(call, id)?;
    let wanted: Settings = call.json().await?;
    let visibility = wanted.visibility.or(wanted.private.map(|is_private| {
        if is_private {
            Visibility::Private
        } else {
            Visibility::Public
        }
    }));
    let mut disk = hub.disk();
    let mut repo = stored(disk.repos.get(id))?;
    if let Some(visibility) = visibility {
        repo.visibility = visibility;
    }
    if let Some(gated) = wanted.gated {
        repo.gated = match gated {
            Value::Bool(false) => None,
            gated => Some(
                serde_json::from_value::<Gate>(gated)
                    .map_err(|error| ApiError::new(400, format!("\"gated\": {error}")))?,
            ),
        };
    }
    let answer = json!({
        "visibility": repo.visibility, "private": !repo.visibility.is_public(),
    });
    disk.save_repo(repo)?;
    ok(&answer)
}

/// A repository read again under the lock; it may have gone meanwhile.
pub(crate) fn stored(repo: Option<&Repo>) -> Result<Repo, ApiError> {
    repo.cloned()
        .ok_or_else(|| ApiError::coded(404, "RepoNotFound", "Repository not found"))
}

fn card_of(hub: &Hub, commit: &Commit) -> Option<Value> {
    let entry = commit.files.get("README.md")?;
    let path = hub.disk().blob_path(&entry.oid);
    card::metadata(&std::fs::read_to_string(path).ok()?)
}

fn tags_of(card: Option<&Value>) -> Vec<String> {
    let Some(card) = card else { return Vec::new() };
    let texts = |key: &str| -> Vec<String> {
        match card.get(key) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    };
    ["task_categories", "language", "license", "size_categories"]
        .into_iter()
        .flat_map(|key| {
            texts(key)
                .into_iter()
                .map(move |text| format!("{key}:{text}"))
        })
        .chain(texts("tags"))
        .collect()
}

pub(super) fn info_json(hub: &Hub, repo: &Repo, commit: Option<&Commit>, has_blobs: bool) -> Value {
    let mut info = json!({
        "_id": repo.key, "id": repo.id, "author": repo.namespace(),
        "sha": commit.map(|commit| &commit.id), "lastModified": iso(repo.modified_ms),
        "private": !repo.visibility.is_public(), "visibility": repo.visibility,
        "gated": repo.gated.map_or(json!(false), |gate| json!(gate)), "disabled": false, "downloads": 0, "downloadsAllTime": 0, "likes": 0,
        "createdAt": iso(repo.created_ms), "description": "", "tags": [],
    });
    let (Some(commit), Some(object)) = (commit, info.as_object_mut()) else {
        return info;
    };
    let card = card_of(hub, commit);
    object.insert("tags".into(), tags_of(card.as_ref()).into());
    if let Some(card) = card {
        object.insert("cardData".into(), card);
    }
    let used: u64 = commit.files.values().map(|entry| entry.size).sum();
    object.insert("usedStorage".into(), used.into());
    let siblings: Vec<Value> = commit
        .files
        .iter()
        .map(|(path, entry)| {
            if !has_blobs {
                return json!({ "rfilename": path });
            }
            let mut file = json!({ "rfilename": path, "size": entry.size, "blobId": entry.oid });
            if let (Some(sha256), Some(file)) = (&entry.lfs, file.as_object_mut()) {
                let pointer = crate::git::pointer(sha256, entry.size).len();
                file.insert(
                    "lfs".into(),
                    json!({ "sha256": sha256, "size": entry.size, "pointerSize": pointer }),
                );
            }
            file
        })
        .collect();
    object.insert("siblings".into(), siblings.into());
    info
}

pub(crate) fn info(hub: &Hub, call: &Call, id: &str, revision: &str) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    let commit = hub.revision(&repo, revision)?;
    let mut info = info_json(hub, &repo, Some(&commit), call.query_flag("blobs"));
    narrow(call, &mut info);
    Ok(ok_at(&commit, &info))
}

/// Leaves what `expand` asks for, if it asks.
pub(super) fn narrow(call: &Call, info: &mut Value) {
    let wanted: Vec<String> = call
        .query()
        .into_iter()
        .filter(|(key, _)| matches!(key.as_str(), "expand" | "expand[]"))
        .map(|(_, value)| value)
        .collect();
    if !wanted.is_empty()
        && let Some(object) = info.as_object_mut()
    {
        object.retain(|key, _| matches!(key.as_str(), "_id" | "id") || wanted.contains(key));
    }
}

pub(crate) fn list(hub: &Hub, call: &Call) -> Answer {
    let caller = hub.caller(call)?;
    let author = call.query_value("author");
    let search = call.query_value("search").map(|text| text.to_lowercase());
    let limit: usize = call
        .query_value("limit")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    let cursor = call.query_value("cursor");
    let mut seen: Vec<Repo> = hub
        .disk()
        .repos
        .values()
        .filter(|repo| {
            author
                .as_deref()
                .is_none_or(|author| repo.namespace() == author)
                && search
                    .as_ref()
                    .is_none_or(|text| repo.id.to_lowercase().contains(text))
                && cursor.as_ref().is_none_or(|last| &repo.id > last)
                && (repo.visibility.is_public()
                    || caller.as_ref().is_some_and(|caller| caller.can_read(repo)))
        })
        .cloned()
        .collect();
    let has_more = seen.len() > limit;
    seen.truncate(limit);
    let items: Vec<Value> = seen
        .iter()
        .map(|repo| {
            let head = hub.revision(repo, "main").ok();
            let mut info = info_json(hub, repo, head.as_deref(), false);
            if let Some(object) = info.as_object_mut() {
                object.shift_remove("siblings");
            }
            info
        })
        .collect();
    let mut reply = crate::http::json_reply(200, &items.into());
    if let (true, Some(last)) = (has_more, seen.last()) {
        super::set_next(&mut reply, hub, call, &[("cursor", &last.id)]);
    }
    Ok(reply)
}

pub(crate) fn refs(hub: &Hub, call: &Call, id: &str) -> Answer {
    let (repo, _) = hub.repo(call, id)?;
    refs_of(call, &repo)
}

pub(super) fn refs_of(call: &Call, repo: &Repo) -> Answer {
    let below = |prefix: &str, is_whole_name: bool| -> Vec<Value> {
        repo.refs
            .iter()
            .filter_map(|(name, commit)| {
                let short = name.strip_prefix(prefix)?;
                let shown = if is_whole_name { name } else { short };
                Some(json!({ "name": shown, "ref": name, "targetCommit": commit }))
            })
            .collect()
    };
    let mut refs = json!({
        "branches": below("refs/heads/", false), "converts": below("refs/convert/", false), "tags": below("refs/tags/", false),
    });
    if let (true, Some(object)) = (call.query_flag("include_prs"), refs.as_object_mut()) {
        object.insert("pullRequests".into(), below("refs/pr/", true).into());
    }
    ok(&refs)
}
