//! Model repositories: one for each model whose files were named at the start. They can only be read, and the files stay
//! where they lie. To clients they look as on the Hub: a commit, a card with the licence, large files on the storage host.

use super::repos::{info_json, key_of, narrow, refs_of};
use super::{Hub, forbidden, no_repo, no_revision, ok_at, resolve, tree};
use crate::DEFAULT_USER;
use crate::disk::{Commit, Disk, Entry, Repo, Visibility, Words};
use crate::gguf::{self, About};
use crate::git::{self, hex};
use crate::http::{Answer, ApiError, Call, ok};
use crate::names::is_name;
use crate::text::encode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

const ATTRIBUTES: &str = "*.gguf filter=lfs diff=lfs merge=lfs -text\n";

/// All models, by the id of their repository.
#[derive(Debug, Default)]
pub(crate) struct Models {
    all: BTreeMap<String, Model>,
    /// Where a large file lies, by its SHA-256.
    files: BTreeMap<String, PathBuf>,
}

/// A model's repository.
#[derive(Debug)]
pub(crate) struct Model {
    repo: Repo,
    /// The only commit there is.
    pub(crate) head: Arc<Commit>,
    about: About,
    /// Contents of the small files.
    texts: Vec<String>,
}

/// A file as it is found.
struct Found {
    name: String,
    size: u64,
    sha256: String,
    at_ms: u64,
    about: About,
}

impl Models {
    /// Reads each file once, for its hash.
    pub(crate) fn read(paths: &[PathBuf]) -> io::Result<Self> {
        let mut repos: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        let mut files = BTreeMap::new();
        for path in paths {
            let found = found(path).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            let id = format!("{DEFAULT_USER}/{}", repo_name(&found.name));
            let here = repos.entry(id).or_default();
            if here.iter().any(|other| other.name == found.name) {
                let message = format!("there are two model files called {}", found.name);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            // A relative path must go on meaning the same.
            files.insert(found.sha256.clone(), fs::canonicalize(path)?);
            here.push(found);
        }
        let all = repos
            .into_iter()
            .map(|(id, found)| (id.clone(), Model::new(id, found)))
            .collect();
        Ok(Self { all, files })
    }

    /// Puts the small files among the others of `disk`.
    pub(crate) fn keep_texts(&self, disk: &Disk) -> io::Result<()> {
        for text in self.all.values().flat_map(|model| &model.texts) {
            disk.put_blob(text.as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Model> {
        self.all.get(id)
    }

    /// Where the model file with this SHA-256 lies.
    pub(crate) fn file(&self, sha256: &str) -> Option<&Path> {
        self.files.get(sha256).map(PathBuf::as_path)
    }

    /// What the app is told of the files, in the shape of its `EngineModel`.
    pub(crate) fn offers(&self, hub_url: &str) -> Vec<Value> {
        self.all
            .iter()
            .flat_map(|(id, model)| {
                let large = model
                    .head
                    .files
                    .iter()
                    .filter(|(_, entry)| entry.lfs.is_some());
                large.map(move |(name, entry)| {
                    json!({
                        "url": format!("{hub_url}/{id}/resolve/main/{}", encode(name, "")),
                        "name": name, "bytes": entry.size, "sha256": entry.lfs,
                        "license": model.about.license, "repo": id,
                    })
                })
            })
            .collect()
    }
}

impl Model {
    fn new(id: String, found: Vec<Found>) -> Self {
        // The same files are the same commit, from start to start.
        let at_ms = found.iter().map(|file| file.at_ms).max().unwrap_or(0);
        let mut texts = vec![ATTRIBUTES.to_owned()];
        let mut files: BTreeMap<String, Entry> = BTreeMap::new();
        let mut about = About::default();
        for file in found {
            let pointer = git::pointer(&file.sha256, file.size);
            let entry = Entry {
                oid: git::blob_oid(pointer.as_bytes()),
                size: file.size,
                lfs: Some(file.sha256),
            };
            files.insert(file.name, entry);
            about = file.about;
        }
        texts.push(card(&id, &about));
        for (name, text) in [".gitattributes", "README.md"].iter().zip(&texts) {
            let entry = Entry {
                oid: git::blob_oid(text.as_bytes()),
                size: text.len() as u64,
                lfs: None,
            };
            files.insert((*name).to_owned(), entry);
        }
        let words = Words {
            title: "Files of this machine",
            message: "",
            author: DEFAULT_USER,
        };
        let head = Arc::new(Commit::new(Vec::new(), files, words, at_ms));
        let repo = Repo {
            key: key_of(&format!("models/{id}")),
            id,
            visibility: Visibility::Public,
            gated: None,
            admitted: Vec::new(),
            created_ms: at_ms,
            modified_ms: at_ms,
            made_by_app: None,
            refs: BTreeMap::from([("refs/heads/main".to_owned(), head.id.clone())]),
            discussions: Vec::new(),
        };
        Self {
            repo,
            head,
            about,
            texts,
        }
    }

    /// The commit that `revision` names.
    fn at(&self, revision: &str) -> Result<Arc<Commit>, ApiError> {
        let is_head =
            self.repo.ref_of(revision).is_some() || self.head.id.eq_ignore_ascii_case(revision);
        is_head
            .then(|| self.head.clone())
            .ok_or_else(|| no_revision(revision))
    }

    fn info(&self, hub: &Hub, has_blobs: bool) -> Value {
        let mut info = info_json(hub, &self.repo, Some(&self.head), has_blobs);
        if let Some(object) = info.as_object_mut() {
            object.insert("modelId".into(), self.repo.id.as_str().into());
            for key in ["pipeline_tag", "library_name"] {
                if let Some(value) = object.get("cardData").and_then(|card| card.get(key)) {
                    let value = value.clone();
                    object.insert(key.into(), value);
                }
            }
            if let Some(architecture) = &self.about.architecture {
                object.insert("gguf".into(), json!({ "architecture": architecture }));
            }
        }
        info
    }
}

fn found(path: &Path) -> io::Result<Found> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| crate::names::is_file_path(name))
        .ok_or_else(|| invalid("this is no name for a file of a repository"))?
        .to_owned();
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(invalid("this is no file"));
    }
    let mut hasher = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        hasher.update(bytes);
        size += read as u64;
    }
    let at_ms = meta
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_millis() as u64);
    Ok(Found {
        name,
        size,
        sha256: hex(&hasher.finalize()),
        at_ms,
        about: gguf::about(path)?,
    })
}

/// The name of a file's repository: its own, without the quantization, so that all of a model's files lie together.
fn repo_name(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let is_quantization = |text: &str| {
        let text = text.to_ascii_lowercase();
        let digits = text.strip_prefix("iq").or_else(|| text.strip_prefix('q'));
        digits.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            || ["f16", "f32", "bf16", "fp16", "fp32"].contains(&text.as_str())
    };
    let model = match stem.rsplit_once(['.', '-']) {
        Some((model, last)) if is_quantization(last) => model,
        _ => stem,
    };
    let mut name = String::new();
    for c in model.chars().take(80) {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') {
            c
        } else {
            '-'
        };
        if !(matches!(c, '-' | '.') && name.ends_with(['-', '.'])) {
            name.push(c);
        }
    }
    let name = format!("{}-GGUF", name.trim_matches(['-', '.']));
    if is_name(&name) {
        name
    } else {
        "model-GGUF".to_owned()
    }
}

fn card(id: &str, about: &About) -> String {
    let name = about.name.as_deref().unwrap_or(id);
    let name = name.replace(['\n', '\r'], " ");
    // Only what needs no quoting, as every licence's identifier.
    let license = about.license.as_deref().filter(|license| is_name(license));
    let license = license.map_or(String::new(), |license| format!("license: {license}\n"));
    format!(
        "---\n{license}library_name: gguf\npipeline_tag: text-generation\ntags:\n- gguf\n---\n\n# {name}\n\nA file of this machine, served by a local Hub.\n"
    )
}

/// The model that is called `id`; a token that is not known is refused here as everywhere.
fn model<'a>(hub: &'a Hub, call: &Call, id: &str) -> Result<&'a Model, ApiError> {
    let caller = hub.caller(call)?;
    hub.models.get(id).ok_or_else(|| no_repo(caller.as_ref()))
}

/// Answers `/api/models/{id}` and what is below it.
pub(crate) async fn answer(
    hub: &Arc<Hub>,
    call: &mut Call,
    verb: &str,
    id: &str,
    rest: &[&str],
) -> Answer {
    let model = model(hub, call, id)?;
    let info = |revision: &str| -> Answer {
        let commit = model.at(revision)?;
        let mut info = model.info(hub, call.query_flag("blobs"));
        narrow(call, &mut info);
        Ok(ok_at(&commit, &info))
    };
    match (verb, rest) {
        ("GET", []) => info("main"),
        ("GET", ["revision", revision]) => info(revision),
        ("GET", ["refs"]) => refs_of(call, &model.repo),
        ("GET", ["tree", revision, path @ ..]) => {
            let find = |revision: &str| model.at(revision);
            tree::list_of(hub, call, id, revision, &path.join("/"), find)
        }
        ("POST", ["paths-info", revision]) => {
            let commit = model.at(revision)?;
            tree::paths_info_at(hub, call, id, &commit).await
        }
        ("GET", _) => Err(ApiError::new(404, "the local Hub has no such address")),
        _ => Err(forbidden()),
    }
}

/// `/api/models`: those that fit `author`, `search` and the tags of `filter`.
pub(crate) fn list(hub: &Hub, call: &Call) -> Answer {
    hub.caller(call)?;
    let author = call.query_value("author");
    let search = call.query_value("search").map(|text| text.to_lowercase());
    let tags: Vec<Value> = call
        .query()
        .into_iter()
        .filter(|(key, _)| key == "filter")
        .flat_map(|(_, value)| value.split(',').map(Value::from).collect::<Vec<_>>())
        .collect();
    let limit = call.query_value("limit").and_then(|text| text.parse().ok());
    let items: Vec<Value> = hub
        .models
        .all
        .iter()
        .filter(|(id, model)| {
            author
                .as_deref()
                .is_none_or(|author| model.repo.namespace() == author)
                && search
                    .as_ref()
                    .is_none_or(|text| id.to_lowercase().contains(text))
        })
        .map(|(_, model)| model.info(hub, false))
        .filter(|info| {
            let has = info.get("tags").and_then(Value::as_array);
            tags.iter()
                .all(|tag| has.is_some_and(|has| has.contains(tag)))
        })
        .map(|mut info| {
            if let Some(object) = info.as_object_mut() {
                object.shift_remove("siblings");
            }
            info
        })
        .take(limit.unwrap_or(1000))
        .collect();
    ok(&items.into())
}

pub(crate) fn resolve(hub: &Hub, call: &Call, id: &str, revision: &str, path: &str) -> Answer {
    let commit = model(hub, call, id)?.at(revision)?;
    resolve::resolve_at(hub, call, &format!("models/{id}"), &commit, path)
}

pub(crate) fn cached(hub: &Hub, call: &Call, id: &str, sha: &str, path: &str) -> Answer {
    let commit = model(hub, call, id)?.at(sha)?;
    resolve::cached_at(hub, call, &commit, path)
}

pub(crate) fn raw(hub: &Hub, call: &Call, id: &str, revision: &str, path: &str) -> Answer {
    let commit = model(hub, call, id)?.at(revision)?;
    resolve::raw_at(hub, call, &commit, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_quantizations_of_a_model_lie_in_one_repository() {
        for (file, name) in [
            (
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                "SmolLM2-135M-Instruct-GGUF",
            ),
            ("Qwen3-0.6B-Q4_K_M.gguf", "Qwen3-0.6B-GGUF"),
            ("Qwen3-0.6B-Q8_0.gguf", "Qwen3-0.6B-GGUF"),
            ("Qwen3-0.6B-bf16.gguf", "Qwen3-0.6B-GGUF"),
            ("Qwen3-0.6B.gguf", "Qwen3-0.6B-GGUF"),
            ("my model--(new)..gguf", "my-model-new-GGUF"),
            ("….gguf", "model-GGUF"),
        ] {
            assert_eq!(repo_name(file), name, "{file}");
            assert!(is_name(&repo_name(file)));
        }
    }
}
