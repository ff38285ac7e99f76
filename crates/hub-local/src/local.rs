//! `/__local/*`: what only a local Hub has. Tests order faults, read the log, add users and start over here.

use crate::disk::{Grant, Role, User};
use crate::faults::Fault;
use crate::http::{Answer, ApiError, Call, ok};
use crate::hub::Hub;
use crate::names::is_name;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(untagged)]
enum Orders {
    Many(Vec<Fault>),
    One(Box<Fault>),
}

#[derive(Deserialize)]
struct NewUser {
    name: String,
    token: String,
    #[serde(default)]
    fullname: Option<String>,
    role: Role,
    #[serde(default)]
    orgs: Vec<String>,
}

#[derive(Deserialize)]
struct Revoke {
    token: String,
}

/// A dataset had another name, which may be one without an owner, as those of old have.
#[derive(Deserialize)]
struct Renamed {
    from: String,
    to: String,
}

/// What lies in a branch is what the Hub makes of the dataset for its viewer.
#[derive(Deserialize)]
struct Converted {
    repo: String,
    branch: String,
}

pub(crate) async fn answer(hub: &Arc<Hub>, call: &mut Call, rest: &[&str]) -> Answer {
    // Browsers name the page's origin on everything that could change something, and say of all the rest that a page
    // asked: no page may order or read anything here.
    let is_by_page = call
        .header("sec-fetch-site")
        .is_some_and(|site| site != "none");
    if is_by_page || call.headers.contains_key("origin") {
        return Err(ApiError::new(403, "these addresses are not for pages"));
    }
    match (call.verb(), rest) {
        ("GET", ["health"]) => ok(&json!({ "ok": true })),
        ("POST", ["faults"]) => {
            let more = match call.json().await? {
                Orders::Many(many) => many,
                Orders::One(one) => vec![*one],
            };
            hub.faults.add(more);
            ok(&json!({ "faults": hub.faults.open() }))
        }
        ("GET", ["faults"]) => ok(&json!({ "faults": hub.faults.open() })),
        ("DELETE", ["faults"]) => {
            hub.faults.clear();
            ok(&json!({ "faults": [] }))
        }
        ("GET", ["log"]) => {
            let since = call
                .query_value("since")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let prefix = call.query_value("path").unwrap_or_default();
            ok(&json!({ "requests": hub.log.since(since, &prefix) }))
        }
        ("DELETE", ["log"]) => {
            hub.log.clear();
            ok(&json!({ "requests": [] }))
        }
        ("POST", ["users"]) => {
            let user: NewUser = call.json().await?;
            for name in user.orgs.iter().chain([&user.name]) {
                if !is_name(name) {
                    return Err(ApiError::new(
                        400,
                        format!("no user can be called {name:?}"),
                    ));
                }
            }
            if !user.token.starts_with("hf_") {
                return Err(ApiError::new(400, "a token begins with hf_"));
            }
            let mut disk = hub.disk();
            disk.users.put(
                User {
                    fullname: user.fullname.unwrap_or_else(|| user.name.clone()),
                    name: user.name.clone(),
                    orgs: user.orgs,
                },
                &user.token,
                Grant::Role(user.role),
            );
            disk.save_users()?;
            ok(&json!({ "name": user.name }))
        }
        ("POST", ["revoke"]) => {
            let revoke: Revoke = call.json().await?;
            let mut disk = hub.disk();
            let was_known = disk.users.revoke(&revoke.token);
            disk.save_users()?;
            ok(&json!({ "revoked": was_known }))
        }
        ("POST", ["renamed"]) => {
            let renamed: Renamed = call.json().await?;
            let mut disk = hub.disk();
            disk.moved.insert(renamed.from, renamed.to);
            disk.save_moved()?;
            ok(&json!({}))
        }
        ("POST", ["converted"]) => {
            let converted: Converted = call.json().await?;
            let mut disk = hub.disk();
            let repo = disk.repos.get(&converted.repo).cloned();
            let commit = repo
                .as_ref()
                .and_then(|repo| repo.refs.get(&format!("refs/heads/{}", converted.branch)));
            let (Some(commit), Some(mut repo)) = (commit.cloned(), repo.clone()) else {
                return Err(ApiError::new(404, "no such branch"));
            };
            repo.refs.insert("refs/convert/parquet".to_owned(), commit);
            disk.save_repo(repo)?;
            ok(&json!({}))
        }
        ("POST", ["reset"]) => {
            hub.reset()?;
            ok(&json!({ "ok": true }))
        }
        _ => Err(ApiError::new(404, "the local Hub has no such address")),
    }
}
