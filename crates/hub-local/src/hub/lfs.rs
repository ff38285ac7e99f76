//! LFS: where to send large files, whole or in parts, and whether they arrived.

use super::{Hub, forbidden};
use crate::disk::random_hex;
use crate::git::hex;
use crate::http::{Answer, ApiError, Call, bytes_reply, ok};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

const LFS_TYPE: &str = "application/vnd.git-lfs+json";

#[derive(Deserialize)]
struct Batch {
    operation: String,
    #[serde(default)]
    transfers: Vec<String>,
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    #[serde(default)]
    size: u64,
}

/// Whether this is a SHA-256 in lower-case hexadecimal, as it stands in addresses.
pub(crate) fn is_oid(oid: &str) -> bool {
    oid.len() == 64
        && oid
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

pub(crate) async fn batch(hub: &Arc<Hub>, call: &mut Call, id: &str) -> Answer {
    let (repo, caller) = hub.repo(call, id)?;
    let wanted: Batch = call.json().await?;
    let is_upload = match wanted.operation.as_str() {
        "upload" => true,
        "download" => false,
        other => return Err(ApiError::new(400, format!("unknown operation {other:?}"))),
    };
    if is_upload {
        // Whoever may open a pull request may upload what it will hold.
        let caller = caller.ok_or_else(|| ApiError::new(401, "Invalid username or password."))?;
        if !caller.can_write(&repo) && !caller.can_discuss(&repo) {
            return Err(forbidden());
        }
    }
    let offers = |name: &str| wanted.transfers.iter().any(|transfer| transfer == name);
    let largest = wanted.objects.iter().map(|object| object.size).max();
    let is_multipart = is_upload
        && offers("multipart")
        && largest.is_some_and(|size| size > hub.config.multipart_threshold);
    let objects: Vec<Value> = wanted
        .objects
        .iter()
        .map(|object| object_json(hub, object, is_upload, is_multipart))
        .collect::<Result<_, ApiError>>()?;
    let transfer = if is_multipart { "multipart" } else { "basic" };
    let answer = json!({ "transfer": transfer, "objects": objects, "hash_algo": "sha256" });
    Ok(bytes_reply(200, LFS_TYPE, answer.to_string()))
}

fn object_json(
    hub: &Hub,
    object: &Object,
    is_upload: bool,
    is_multipart: bool,
) -> Result<Value, ApiError> {
    let (oid, size) = (&object.oid, object.size);
    if !is_oid(oid) {
        let error = json!({ "code": 422, "message": "the oid is no SHA-256" });
        return Ok(json!({ "oid": oid, "size": size, "error": error }));
    }
    let there = hub.disk().lfs_size(oid);
    let base = json!({ "oid": oid, "size": size, "authenticated": true });
    let with = |key: &str, value: Value| {
        let mut object = base.clone();
        if let Some(map) = object.as_object_mut() {
            map.insert(key.to_owned(), value);
        }
        object
    };
    if !is_upload {
        return Ok(match there {
            None => with(
                "error",
                json!({ "code": 404, "message": "Object does not exist" }),
            ),
            Some(_) => {
                let path = format!("/lfs/{oid}");
                let href = format!("{}{path}?{}", hub.storage_url, hub.sign("GET", &path));
                with("actions", json!({ "download": { "href": href } }))
            }
        });
    }
    if there.is_some() {
        return Ok(base);
    }
    let verify = json!({ "href": format!("{}/api/lfs-verify", hub.url) });
    if !is_multipart {
        let path = format!("/lfs-put/{oid}/{size}");
        let href = format!("{}{path}?{}", hub.storage_url, hub.sign("PUT", &path));
        return Ok(with(
            "actions",
            json!({ "upload": { "href": href }, "verify": verify }),
        ));
    }
    let upload = random_hex(16)?;
    std::fs::create_dir_all(hub.disk().parts_dir(&upload))?;
    let part_size = hub.config.multipart_part_size.max(1);
    let mut header = Map::new();
    header.insert("chunk_size".into(), part_size.to_string().into());
    for number in 1..=size.div_ceil(part_size).max(1) {
        let path = format!("/lfs-part/{upload}/{number}");
        let href = format!("{}{path}?{}", hub.storage_url, hub.sign("PUT", &path));
        header.insert(format!("{number:05}"), href.into());
    }
    let path = "/api/complete_multipart";
    let href = format!(
        "{}{path}?uploadId={upload}&{}",
        hub.url,
        hub.sign("POST", path)
    );
    Ok(with(
        "actions",
        json!({ "upload": { "href": href, "header": header }, "verify": verify }),
    ))
}

#[derive(Deserialize)]
struct Completion {
    oid: String,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    part_number: u64,
    etag: String,
}

/// Joins the parts of an upload, after which it counts as stored.
pub(crate) async fn complete(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    if !hub.is_signed(call) {
        return Err(ApiError::new(
            403,
            "this upload address is not valid any more",
        ));
    }
    let upload = call.query_value("uploadId").unwrap_or_default();
    if upload.len() != 32 || !upload.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ApiError::new(400, "uploadId is not one of ours"));
    }
    let wanted: Completion = call.json().await?;
    if !is_oid(&wanted.oid) {
        return Err(ApiError::new(400, "the oid is no SHA-256"));
    }
    let (folder, temp) = {
        let disk = hub.disk();
        (disk.parts_dir(&upload), disk.temp_path()?)
    };
    let mut out = File::create(&temp)?;
    let mut whole = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    for (at, part) in wanted.parts.iter().enumerate() {
        if part.part_number != at as u64 + 1 {
            return Err(ApiError::new(
                400,
                "parts have to be numbered from 1 without gaps",
            ));
        }
        let mut file =
            File::open(folder.join(part.part_number.to_string())).map_err(|_missing| {
                ApiError::new(400, format!("part {} was not uploaded", part.part_number))
            })?;
        let mut own = Sha256::new();
        loop {
            let read = file.read(&mut buffer)?;
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            own.update(piece);
            whole.update(piece);
            out.write_all(piece)?;
        }
        if part_etag(&hex(&own.finalize())) != part.etag.trim_matches('"') {
            return Err(ApiError::new(
                400,
                format!("part {} is not the one that was uploaded", part.part_number),
            ));
        }
    }
    drop(out);
    if hex(&whole.finalize()) != wanted.oid {
        let _ = std::fs::remove_file(&temp);
        return Err(ApiError::new(
            400,
            "the parts do not give the SHA-256 that was named",
        ));
    }
    hub.disk().adopt_lfs(&temp, &wanted.oid)?;
    let _ = std::fs::remove_dir_all(&folder);
    ok(&json!({ "success": true }))
}

/// The `ETag` of an uploaded part: as long as the MD5 that storage hosts send, and made of its SHA-256.
pub(crate) fn part_etag(sha256: &str) -> &str {
    sha256.get(..32).unwrap_or(sha256)
}

pub(crate) async fn verify(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    hub.signed_in(call)?;
    let wanted: Object = call.json().await?;
    if is_oid(&wanted.oid) && hub.disk().lfs_size(&wanted.oid) == Some(wanted.size) {
        ok(&json!({ "message": "success" }))
    } else {
        Err(ApiError::new(404, "Object does not exist"))
    }
}
