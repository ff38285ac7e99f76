//! Model files that are kept in the browser: beside each stands a small file that says what it is.

use super::opfs;
use seedbed_core::engine::{EngineKept, EngineModel};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What is known of a kept file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) model: EngineModel,
    /// The server's name for this version of the file, so that parts of two versions are never put together.
    pub(crate) version: Option<String>,
    pub(crate) is_whole: bool,
    /// When it was last loaded, in milliseconds since 1970.
    pub(crate) used_ms: f64,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a file is kept under. The address of a picked file changes each time; its name and size do not.
pub(crate) fn key(model: &EngineModel) -> String {
    let text = if model.url.starts_with("blob:") {
        format!("picked:{}:{:?}", model.name, model.bytes)
    } else {
        model.url.clone()
    };
    hex(&Sha256::digest(text.as_bytes())[..16])
}

pub(crate) fn data_name(key: &str) -> String {
    format!("{key}.gguf")
}

fn note_name(key: &str) -> String {
    format!("{key}.json")
}

pub(crate) async fn note(key: &str) -> Option<Note> {
    serde_json::from_str(&opfs::read(&note_name(key)).await.ok()?).ok()
}

pub(crate) async fn write_note(key: &str, note: &Note) -> Result<(), String> {
    let text = serde_json::to_string(note).map_err(|error| error.to_string())?;
    opfs::write(&note_name(key), &text).await
}

/// All files, the last used first.
pub(crate) async fn list() -> Vec<EngineKept> {
    let mut notes = Vec::new();
    for name in opfs::names().await.unwrap_or_default() {
        let Some(key) = name.strip_suffix(".json") else {
            continue;
        };
        if let Some(note) = note(key).await {
            notes.push((note, opfs::size(&data_name(key)).await));
        }
    }
    notes.sort_by(|a, b| b.0.used_ms.total_cmp(&a.0.used_ms));
    notes
        .into_iter()
        .map(|(note, have)| EngineKept {
            is_whole: note.is_whole && note.model.bytes.is_none_or(|bytes| bytes == have),
            model: note.model,
            have,
        })
        .collect()
}

/// Deletes the file that came from `url`.
pub(crate) async fn forget(url: &str) -> Result<(), String> {
    for name in opfs::names().await? {
        let Some(key) = name.strip_suffix(".json") else {
            continue;
        };
        if note(key).await.is_some_and(|note| note.model.url == url) {
            opfs::remove(&data_name(key)).await?;
            opfs::remove(&name).await?;
        }
    }
    Ok(())
}
