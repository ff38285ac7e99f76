//! The app's static site below a sub-path, as a static Space serves it.

use crate::http::{ApiError, Call, Reply, bytes_reply, empty_reply, file_reply, set};
use crate::hub::Hub;
use crate::{AppConfig, CLIENT_ID};
use hyper::Request;
use hyper::body::Incoming;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// What the app may ask for when it signs in.
const SCOPES: &str =
    "openid profile read-repos write-repos manage-repos write-discussions inference-api";

/// A site and what is handed to it.
#[derive(Debug)]
pub(crate) struct Site {
    dir: PathBuf,
    sub_path: String,
    config: String,
    /// Text put right behind `<head>`.
    injected: Option<String>,
}

impl Site {
    pub(crate) fn new(app: &AppConfig, hub: &Hub) -> Self {
        let inner = app.sub_path.trim_matches('/');
        let sub_path = if inner.is_empty() {
            "/".to_owned()
        } else {
            format!("/{inner}/")
        };
        let mut config = json!({
            "hub": hub.url, "router": format!("{}/v1", hub.url), "oauth_client_id": CLIENT_ID,
        });
        let offers = hub.models.offers(&hub.url);
        if let (false, Some(object)) = (offers.is_empty(), config.as_object_mut()) {
            object.insert("models".into(), offers.into());
        }
        let injected = app.has_space_variables.then(|| {
            let variables = json!({ "OAUTH_CLIENT_ID": CLIENT_ID, "OAUTH_SCOPES": SCOPES });
            format!("<script>window.huggingface={{variables:{variables}}};</script>")
        });
        Self {
            dir: app.dir.clone(),
            sub_path,
            config: config.to_string(),
            injected,
        }
    }

    /// With a slash at both ends.
    pub(crate) fn sub_path(&self) -> &str {
        &self.sub_path
    }

    fn find(&self, call: &Call) -> Result<Reply, ApiError> {
        if call.verb() != "GET" {
            return Err(ApiError::new(405, "this site is only for reading"));
        }
        if call.path == "/" && self.sub_path != "/"
            || call.path == self.sub_path.trim_end_matches('/') && !call.path.is_empty()
        {
            let mut reply = empty_reply(302);
            set(&mut reply, "location", &self.sub_path);
            return Ok(reply);
        }
        let missing = || ApiError::new(404, "there is no such file on this site");
        let rest = call.path.strip_prefix(&self.sub_path).ok_or_else(missing)?;
        let rest = crate::text::decode(rest, false);
        if rest == "config.json" {
            return Ok(bytes_reply(200, "application/json", self.config.clone()));
        }
        let name = if rest.is_empty() { "index.html" } else { &rest };
        // The names that lead out of the folder are the ones no repository may have either, and those with a second
        // sign that parts folders on some systems.
        if !crate::names::is_file_path(name) || name.contains('\\') {
            return Err(missing());
        }
        let path = self.dir.join(name);
        let meta = fs::metadata(&path).map_err(|_missing| missing())?;
        if !meta.is_file() {
            return Err(missing());
        }
        let content_type = content_type(name);
        if let (true, Some(injected)) = (content_type.starts_with("text/html"), &self.injected) {
            let html =
                fs::read_to_string(&path)?.replacen("<head>", &format!("<head>{injected}"), 1);
            return Ok(bytes_reply(200, content_type, html));
        }
        let at = meta
            .modified()
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_nanos());
        let etag = format!("{:x}-{at:x}", meta.len());
        if call.header("if-none-match") == Some(format!("\"{etag}\"").as_str()) {
            let mut reply = empty_reply(304);
            set(&mut reply, "etag", &format!("\"{etag}\""));
            return Ok(reply);
        }
        file_reply(&path, content_type, &etag, call.header("range"))
    }
}

/// Answers a request to the site.
pub(crate) fn answer(site: &Site, request: Request<Incoming>) -> Reply {
    let call = Call::new(request);
    let mut reply = site.find(&call).unwrap_or_else(ApiError::reply);
    // Asked again each time, so that a rebuilt site is never mixed with an old one.
    set(&mut reply, "cache-control", "no-cache");
    set(&mut reply, "x-content-type-options", "nosniff");
    reply
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "csv" | "jsonl" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
