//! The storage origin: signed addresses for large files. A token sent here is refused, as presigned storage does.

use crate::faults::Struck;
use crate::git::hex;
use crate::http::{Answer, ApiError, Call, Cut, Reply, bytes_reply, empty_reply, file_reply, set};
use crate::hub::{Hub, lfs};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Method, Request};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Answers a request to the storage origin.
pub(crate) async fn answer(hub: Arc<Hub>, request: Request<Incoming>) -> Result<Reply, Cut> {
    let mut call = Call::new(request);
    if call.method == Method::OPTIONS {
        return Ok(preflight(&call));
    }
    call.seq = hub.log.begin("storage", &call);
    let mut has_cors = true;
    let answer = match hub.faults.strike("storage", &call).await {
        Ok(()) => route(&hub, &mut call).await,
        Err(Struck::Cut) => return Err(Cut),
        Err(Struck::Answer {
            reply,
            without_cors,
        }) => {
            has_cors = !without_cors;
            let status = reply.status().as_u16();
            Err(ApiError::new(status, "SlowDown"))
        }
    };
    let mut reply = answer.unwrap_or_else(|error| xml_error(&error));
    hub.log.end(call.seq, reply.status().as_u16());
    if has_cors {
        set(&mut reply, "access-control-allow-origin", "*");
        set(
            &mut reply,
            "access-control-expose-headers",
            "ETag,Content-Range,Accept-Ranges",
        );
    }
    Ok(reply)
}

/// Uploads are open to pages; reading allows only what needs no preflight, as the CDN does.
fn preflight(call: &Call) -> Reply {
    if call.header("access-control-request-method") != Some("PUT") {
        return xml_error(&ApiError::new(403, "AccessForbidden"));
    }
    let mut reply = empty_reply(204);
    set(&mut reply, "access-control-allow-origin", "*");
    set(&mut reply, "access-control-allow-methods", "PUT");
    set(&mut reply, "access-control-max-age", "86400");
    if let Some(wanted) = call.header("access-control-request-headers") {
        set(&mut reply, "access-control-allow-headers", wanted);
    }
    reply
}

/// Errors in the shape of object storage.
fn xml_error(error: &ApiError) -> Reply {
    let message = crate::text::escape_html(&error.message);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{message}</Code><Message>{message}</Message></Error>"
    );
    bytes_reply(error.status, "application/xml", text)
}

async fn route(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    if call.headers.contains_key("authorization") {
        return Err(ApiError::new(
            400,
            "Only one auth mechanism allowed: the address is signed, so Authorization must not be sent",
        ));
    }
    if !hub.is_signed(call) {
        return Err(ApiError::new(
            403,
            "AccessDenied: the address is not signed or has expired",
        ));
    }
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.verb(), path.as_slice()) {
        ("GET", ["lfs", oid]) if lfs::is_oid(oid) => {
            let file = match hub.models.file(oid) {
                Some(file) => file.to_path_buf(),
                None => hub.disk().lfs_path(oid),
            };
            if !file.exists() {
                return Err(ApiError::new(404, "NoSuchKey"));
            }
            let range = call.header("range").map(str::to_owned);
            let mut reply = file_reply(&file, "application/octet-stream", oid, range.as_deref())?;
            if let Some(name) = call.query_value("filename") {
                let name = crate::text::encode(&name, "");
                let disposition = format!("inline; filename*=UTF-8''{name}");
                set(&mut reply, "content-disposition", &disposition);
            }
            Ok(reply)
        }
        ("PUT", ["lfs-put", oid, size]) if lfs::is_oid(oid) => {
            let temp = hub.disk().temp_path()?;
            let (sha256, length) = receive(call, &temp).await?;
            if sha256 != *oid || length.to_string() != *size {
                let _ = std::fs::remove_file(&temp);
                return Err(ApiError::new(
                    400,
                    "BadDigest: these are not the announced bytes",
                ));
            }
            hub.disk().adopt_lfs(&temp, oid)?;
            Ok(stored(&sha256))
        }
        ("PUT", ["lfs-part", upload, number]) => {
            let (folder, temp) = {
                let disk = hub.disk();
                (disk.parts_dir(upload), disk.temp_path()?)
            };
            let (sha256, _) = receive(call, &temp).await?;
            std::fs::rename(&temp, folder.join(number))
                .map_err(|error| ApiError::new(404, format!("NoSuchUpload: {error}")))?;
            Ok(stored(&sha256))
        }
        _ => Err(ApiError::new(404, "NoSuchKey")),
    }
}

fn stored(sha256: &str) -> Reply {
    let mut reply = empty_reply(200);
    set(
        &mut reply,
        "etag",
        &format!("\"{}\"", lfs::part_etag(sha256)),
    );
    reply
}

/// Writes a body to a file as it comes; gives its SHA-256 and length.
async fn receive(call: &mut Call, temp: &Path) -> Result<(String, u64), ApiError> {
    let mut body = call.take_body()?;
    let mut file = File::create(temp)?;
    let mut hasher = Sha256::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let _ = std::fs::remove_file(temp);
            ApiError::new(400, format!("IncompleteBody: {error}"))
        })?;
        if let Ok(piece) = frame.into_data() {
            length += piece.len() as u64;
            hasher.update(&piece);
            file.write_all(&piece)?;
        }
    }
    Ok((hex(&hasher.finalize()), length))
}
