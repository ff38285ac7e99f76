//! Plain pages for people who follow a link to this Hub.

use super::Hub;
use crate::disk::Commit;
use crate::http::{Answer, ApiError, Call, Reply, bytes_reply};
use crate::text::{encode, escape_html};
use std::fmt::Write as _;

fn html(title: &str, body: &str) -> Reply {
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{title}</title><style>body{{font:1rem/1.5 system-ui;max-width:46rem;margin:3rem auto;padding:0 1rem}}\
         code{{background:#8882;padding:.1em .3em}}:root{{color-scheme:light dark}}</style>{body}",
        title = escape_html(title),
    );
    bytes_reply(200, "text/html; charset=utf-8", page)
}

/// A plain page for the links that commits and pull requests answer with.
pub(crate) fn page(hub: &Hub, call: &Call, id: &str, path: &[&str]) -> Answer {
    // A browser that follows a link carries no token; the page of a private repository says no more than its name.
    let is_known = hub.disk().repos.contains_key(id);
    if !is_known {
        return Err(ApiError::coded(404, "RepoNotFound", "Repository not found"));
    }
    let name = escape_html(id);
    let rest = path.get(3..).unwrap_or_default().join("/");
    let mut body = format!("<h1>{name}</h1><p>A dataset on a local Hub.");
    if !rest.is_empty() {
        let _ = write!(body, " You asked for <code>{}</code>.", escape_html(&rest));
    }
    if let Ok((repo, _)) = hub.repo(call, id)
        && let Ok(commit) = hub.revision(&repo, "main")
    {
        add_files(&mut body, &format!("/datasets/{name}"), &commit);
    }
    Ok(html(id, &body))
}

/// The same for a model.
pub(crate) fn model_page(hub: &Hub, id: &str) -> Answer {
    let model = hub
        .models
        .get(id)
        .ok_or_else(|| ApiError::coded(404, "RepoNotFound", "Repository not found"))?;
    let name = escape_html(id);
    let mut body = format!("<h1>{name}</h1><p>A model on a local Hub.");
    add_files(&mut body, &format!("/{name}"), &model.head);
    Ok(html(id, &body))
}

fn add_files(body: &mut String, place: &str, commit: &Commit) {
    let _ = write!(
        body,
        "<p>Head <code>{}</code>: {}<ul>",
        commit.id,
        escape_html(&commit.title)
    );
    for (path, entry) in &commit.files {
        let href = encode(path, "/");
        let _ = write!(
            body,
            "<li><a href=\"{place}/resolve/main/{href}\">{}</a> ({} bytes)",
            escape_html(path),
            entry.size
        );
    }
    body.push_str("</ul>");
}

pub(crate) fn front_page(hub: &Hub) -> Reply {
    let mut repos = String::new();
    for repo in hub.disk().repos.values() {
        if repo.visibility.is_public() {
            let id = escape_html(&repo.id);
            let _ = write!(repos, "<li><a href=\"/datasets/{id}\">{id}</a>");
        }
    }
    let mut models = String::new();
    for id in hub.models.ids() {
        let id = escape_html(id);
        let _ = write!(models, "<li><a href=\"/{id}\">{id}</a>");
    }
    if !models.is_empty() {
        models = format!("<p>Models:<ul>{models}</ul>");
    }
    html(
        "Local Hub",
        &format!(
            "<h1>Local Hub</h1><p>A stand-in for development and tests; nothing here leaves this machine. \
             Public datasets:<ul>{repos}</ul>{models}"
        ),
    )
}
