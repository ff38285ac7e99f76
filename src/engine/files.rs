//! Model files that are kept in the browser: beside each stands a small file that says what it is.

use super::opfs;
use seedbed_core::engine::{EngineKept, EngineModel};
use seedbed_tokens::Vocabulary;
use seedbed_weights::part_names;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
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
    /// Key of the model that this file is a part of.
    #[serde(default)]
    pub(crate) part_of: Option<String>,
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

/// Key of a part of the model kept under `whole`.
pub(crate) fn part_key(whole: &str, name: &str) -> String {
    hex(&Sha256::digest(format!("{whole}:{name}").as_bytes())[..16])
}

async fn notes() -> Result<Vec<(String, Note)>, String> {
    let mut notes = Vec::new();
    for name in opfs::names().await? {
        let Some(key) = name.strip_suffix(".json") else {
            continue;
        };
        if let Some(note) = note(key).await {
            notes.push((key.to_owned(), note));
        }
    }
    Ok(notes)
}

/// All models, the last used first.
pub(crate) async fn list() -> Vec<EngineKept> {
    let (parts, mut models): (Vec<_>, Vec<_>) = notes()
        .await
        .unwrap_or_default()
        .into_iter()
        .partition(|(_, note)| note.part_of.is_some());
    models.sort_by(|a, b| b.1.used_ms.total_cmp(&a.1.used_ms));
    let mut list = Vec::with_capacity(models.len());
    for (key, note) in models {
        // A note outlives its file when the browser takes back storage.
        let mut have = opfs::size(&data_name(&key)).await;
        let mut is_whole =
            note.is_whole && (!note.model.files.is_empty() || note.model.bytes == Some(have));
        let mut lacking = match part_names(&note.model.name) {
            _ if !note.model.files.is_empty() => note.model.files.len(),
            Some(names) => names.len() - 1,
            None => 0,
        };
        for (part_key, part) in &parts {
            if part.part_of.as_ref() == Some(&key) {
                let size = opfs::size(&data_name(part_key)).await;
                is_whole &= part.is_whole && part.model.bytes == Some(size);
                lacking = lacking.saturating_sub(1);
                have += size;
            }
        }
        list.push(EngineKept {
            model: note.model,
            have,
            is_whole: is_whole && lacking == 0,
        });
    }
    list
}

/// Deletes what is kept under `key`, its parts included.
pub(crate) async fn remove(key: &str) -> Result<(), String> {
    let parts = notes()
        .await?
        .into_iter()
        .filter(|(one, note)| one != key && note.part_of.as_deref() == Some(key));
    for one in parts.map(|(one, _)| one).chain([key.to_owned()]) {
        // First the bytes: a note without them is harmless, bytes without a note are never found again.
        opfs::remove(&data_name(&one)).await?;
        opfs::remove(&note_name(&one)).await?;
    }
    Ok(())
}

/// Deletes the model that came from `url`.
pub(crate) async fn forget(url: &str) -> Result<(), String> {
    for (key, note) in notes().await? {
        if note.part_of.is_none() && note.model.url == url {
            remove(&key).await?;
        }
    }
    Ok(())
}

/// The tokenizer and template of a model in safetensors, from the texts of its files by name.
///
/// # Errors
/// What is missing or can't be read.
pub(crate) fn vocabulary(texts: &BTreeMap<String, String>) -> Result<Vocabulary, String> {
    let text = |name: &str| texts.get(name).map(String::as_str);
    let tokenizer = text("tokenizer.json").ok_or("Its tokenizer.json is missing.")?;
    let mut vocabulary = Vocabulary::from_tokenizer_json(tokenizer, text("tokenizer_config.json"))
        .map_err(|error| error.to_string())?;
    // Newer models have their template in a file of its own, which then counts.
    if let Some(template) = text("chat_template.jinja") {
        vocabulary.chat_template = Some(template.to_owned());
    }
    // One token, or a list of them. Those with a well-known text are found by the tokenizer anyway.
    let generation: serde_json::Value = text("generation_config.json")
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| format!("generation_config.json can't be read: {error}"))?
        .unwrap_or_default();
    let ends = &generation["eos_token_id"];
    let ends: Vec<u32> = ends
        .as_array()
        .map_or(std::slice::from_ref(ends), Vec::as_slice)
        .iter()
        .filter_map(|id| u32::try_from(id.as_u64()?).ok())
        .collect();
    vocabulary.eos = vocabulary.eos.or(ends.first().copied());
    vocabulary.eot = ends.into_iter().find(|id| Some(*id) != vocabulary.eos);
    Ok(vocabulary)
}
