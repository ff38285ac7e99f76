//! Datasets of the Hub that were not made here: what they offer without a download, and their files as tables.

use crate::platform::TableBytes;
use crate::{Backend, Result, layout};
use seedbed_card::Stated;
use seedbed_core::import::{
    ConfigLook, DataFile, DatasetLook, FileKind, SplitLook, TableSource, ViewerCopy,
};
use seedbed_core::messages::{Failure, FailureKind, Reply};
use seedbed_core::packed::Packed;
use seedbed_hub::transport::Source;
use seedbed_hub::{Gate, HubClient, HubError, HubErrorKind, HubFile, Joined, RepoInfo, TreeEntry};
use std::collections::HashMap;
use std::rc::Rc;

/// Larger cards are not read, in bytes.
const CARD_BYTES: u64 = 4 << 20;
/// The branch in which the Hub keeps the Parquet that it makes for its viewer.
const COPY: &str = "refs/convert/parquet";
/// Bytes of the beginning of a text by which its encoding is told.
pub(crate) const MOST_SCANNED: u64 = 2 << 20;
/// How a file begins that stands in git for one in LFS, and its size at most.
const POINTER: (&[u8], u64) = (b"version https://git-lfs.github.com/spec/v1", 1024);
/// Files of one table at most.
const MOST_FILES: usize = 10_000;
/// Files at most that are told of a split that can't be taken, which may be very many pictures.
const MOST_SHOWN: usize = 100;
/// Files that say nothing of what a dataset holds.
const ASIDE: [&str; 6] = [
    "readme.md",
    "license",
    "license.md",
    "license.txt",
    ".gitattributes",
    ".gitignore",
];

/// Files of the Hub that a table is read from.
#[derive(Default)]
pub(crate) struct Remote {
    repo: String,
    url: String,
    gate: Gate,
    files: Vec<(String, HubFile)>,
}

impl Remote {
    /// Names and sizes.
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        self.files
            .iter()
            .map(|(path, file)| (path.clone(), file.size()))
            .collect()
    }

    /// Why bytes did not come, if they did not.
    pub(crate) fn failure(&self, backend: &Backend) -> Option<Failure> {
        let (path, error) = self
            .files
            .iter()
            .find_map(|(path, file)| Some((path, file.take_failure()?)))?;
        Some(backend.why_closed(&self.repo, &self.url, self.gate, path, &error))
    }
}

/// What is told of a dataset from its files and its card.
struct Found<'a> {
    info: &'a RepoInfo,
    files: &'a [TreeEntry],
    stated: &'a Stated,
}

impl Found<'_> {
    /// Rows that the card tells of a split.
    fn rows(&self, config: &str, split: &str) -> Option<u64> {
        let infos = &self.stated.infos;
        let info = infos
            .iter()
            .find(|info| info.config == config)
            .or_else(|| {
                let is_only = infos.len() == 1 && self.stated.configs.len() <= 1;
                infos
                    .first()
                    .filter(|info| is_only && info.config == "default")
            })?;
        let (_, rows) = info.splits.iter().find(|(name, _)| name == split)?;
        *rows
    }

    fn configs(&self) -> (Vec<ConfigLook>, bool) {
        let paths: Vec<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        let loaded = seedbed_card::loaded(&self.stated.configs, &paths);
        let is_declared = loaded.iter().any(|config| config.is_declared);
        let sizes: HashMap<&str, u64> = self
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.size))
            .collect();
        let data_file = |path: String| DataFile {
            bytes: sizes.get(path.as_str()).copied().unwrap_or_default(),
            kind: FileKind::of(&path),
            path,
        };
        let configs = loaded
            .into_iter()
            .map(|config| ConfigLook {
                splits: config
                    .splits
                    .into_iter()
                    .map(|(name, paths)| {
                        let mut split = SplitLook {
                            rows: self.rows(&config.name, &name),
                            files: paths.into_iter().map(data_file).collect(),
                            name,
                        };
                        if !split.is_table() {
                            split.files.truncate(MOST_SHOWN);
                        }
                        split
                    })
                    .collect(),
                is_default: config.is_default,
                name: config.name,
            })
            .collect();
        (configs, is_declared)
    }

    /// Why none of these configs can be taken; `None` when some split can.
    fn lack(&self, repo: &str, configs: &[ConfigLook], has_copy: bool) -> Option<Failure> {
        let mut splits = configs.iter().flat_map(|config| &config.splits);
        if splits.any(SplitLook::is_table) {
            return None;
        }
        let lack = |what: String| {
            Failure::new(FailureKind::Content, what).means("Nothing was downloaded.")
        };
        let next = |failure: Failure, without: &str| {
            failure.next(if has_copy {
                "Take the rows of the viewer's copy: the Hub has made Parquet of this dataset."
            } else {
                without
            })
        };
        let name = |file: &TreeEntry| file.path.to_ascii_lowercase();
        let is_aside = |file: &&TreeEntry| ASIDE.contains(&name(file).as_str());
        if self.files.iter().all(|file| is_aside(&file)) {
            return Some(lack(format!("{repo} is empty: it has no data file.")).next(
                "Look at its page on the Hub: its data may be elsewhere, or not be there yet.",
            ));
        }
        let is_script = |file: &&TreeEntry| {
            let name = name(file);
            let ending = name.rsplit_once('.').map(|(_, ending)| ending);
            !name.contains('/') && ending == Some("py")
        };
        let is_loaded = !configs.is_empty();
        if let (false, Some(script)) = (is_loaded, self.files.iter().find(is_script)) {
            return Some(next(
                lack(format!(
                    "{repo} has no rows of its own: a program in it, {}, fetches them from elsewhere.",
                    script.path
                )),
                "Seedbed does not run programs of others. Look on the dataset's page where its rows come from, and open that file.",
            ));
        }
        let kinds: Vec<FileKind> = if is_loaded {
            let splits = configs.iter().flat_map(|config| &config.splits);
            splits
                .flat_map(|split| split.files.iter().map(|file| file.kind))
                .collect()
        } else {
            let data = self.files.iter().filter(|file| !is_aside(file));
            data.map(|file| FileKind::of(&file.path)).collect()
        };
        let is_all = |wanted: FileKind| kinds.iter().all(|kind| *kind == wanted);
        let (what, without) = if is_all(FileKind::Media) {
            (
                "holds only pictures, sound or video",
                "Seedbed works with texts. Choose a dataset that has some.",
            )
        } else if is_all(FileKind::Packed) {
            (
                "holds only packed files, which can't be read in part",
                "Download and unpack them, then open the file that is in them.",
            )
        } else if is_loaded {
            (
                "has no split whose files are all tables of one kind",
                "Seedbed reads Parquet, JSON, JSON lines and CSV. Download a file of it and open that.",
            )
        } else {
            (
                "has no file that is a table",
                "Seedbed reads Parquet, JSON, JSON lines and CSV.",
            )
        };
        Some(next(lack(format!("{repo} {what}.")), without))
    }
}

/// The viewer's copy has a folder for each config, and in it one for each split.
fn copy_of(revision: String, files: &[TreeEntry]) -> Option<ViewerCopy> {
    let mut copy = ViewerCopy {
        revision,
        ..ViewerCopy::default()
    };
    for file in files {
        let parts: Vec<&str> = file.path.split('/').collect();
        let [config, split, name] = parts.as_slice() else {
            continue;
        };
        if FileKind::of(name) != FileKind::Parquet {
            continue;
        }
        let (split, is_partial) = match split.strip_prefix("partial-") {
            Some(split) => (split, true),
            None => (*split, false),
        };
        copy.is_partial |= is_partial;
        if copy.configs.last().is_none_or(|last| last.name != *config) {
            copy.configs.push(ConfigLook {
                name: (*config).to_owned(),
                is_default: *config == "default",
                ..ConfigLook::default()
            });
        }
        let splits = &mut copy.configs.last_mut()?.splits;
        if splits.last().is_none_or(|last| last.name != split) {
            splits.push(SplitLook {
                name: split.to_owned(),
                ..SplitLook::default()
            });
        }
        splits.last_mut()?.files.push(DataFile {
            path: file.path.clone(),
            bytes: file.size,
            kind: FileKind::Parquet,
        });
    }
    copy.configs.sort_by_key(|config| !config.is_default);
    (!copy.configs.is_empty()).then_some(copy)
}

impl Backend {
    /// What a dataset offers to be taken.
    pub(crate) async fn list_tables(&self, text: &str) -> Result<Reply> {
        let asked = self.dataset_name(text)?;
        let client = self.hub();
        let info = match client.dataset_info(&asked, "main").await {
            Ok(info) => info,
            // Nothing was ever committed to it.
            Err(error) if error.code.as_deref() == Some("RevisionNotFound") => RepoInfo {
                id: asked.clone(),
                ..RepoInfo::default()
            },
            Err(error) => return Err(self.why_not_there(&asked, &error)),
        };
        let repo = match info.id.as_str() {
            "" => asked.clone(),
            id => id.to_owned(),
        };
        let url = self.repo_url(&repo);
        let revision = info.sha.clone().unwrap_or_default();
        let mut lack = None;
        let mut files = Vec::new();
        if !revision.is_empty() {
            match client.tree(&repo, &revision, "", true).await {
                Ok(found) => files = found,
                Err(error) if info.gate_holds(&error) => {
                    lack = Some(self.why_closed(&repo, &url, info.gated, "its files", &error));
                }
                Err(error) => return Err(error.failure().means("Nothing was downloaded.")),
            }
        }
        files.retain(|file| file.is_file);
        let mut notes = Vec::new();
        let stated = self
            .stated(&client, &repo, &info, &files, &mut notes)
            .await?;
        let found = Found {
            info: &info,
            files: &files,
            stated: &stated,
        };
        let (configs, is_declared) = found.configs();
        let has = |path: &str| files.iter().any(|file| file.path == path);
        let is_seedbed = has(layout::SEED) && (has(layout::PROJECT) || has(layout::ROWS));
        let copy = if is_seedbed || revision.is_empty() {
            None
        } else {
            self.copy(&client, &repo).await
        };
        if lack.is_none() && found.info.gated != Gate::None {
            lack = self.knock(&client, &repo, &found).await?;
        }
        let lack = lack.or_else(|| found.lack(&repo, &configs, copy.is_some()));
        Ok(Reply::Tables(Packed::of(&DatasetLook {
            renamed_from: (!asked.eq_ignore_ascii_case(&repo)).then_some(asked),
            url,
            revision,
            private: info.private,
            is_gated: info.gated != Gate::None,
            title: stated.pretty_name.filter(|name| !name.trim().is_empty()),
            licenses: stated.license,
            is_seedbed,
            configs,
            is_declared,
            copy,
            notes,
            lack,
            repo,
        })))
    }

    /// What the card says; where it can't be read, what the Hub read of it.
    async fn stated(
        &self,
        client: &HubClient,
        repo: &str,
        info: &RepoInfo,
        files: &[TreeEntry],
        notes: &mut Vec<String>,
    ) -> Result<Stated> {
        let card = files.iter().find(|file| file.path == layout::CARD);
        let Some(card) = card else {
            return Ok(Stated::default());
        };
        let revision = info.sha.as_deref().unwrap_or_default();
        let mut why = None;
        if card.size > CARD_BYTES {
            why = Some("it is too large".to_owned());
        } else {
            match client.read_file(repo, revision, &card.path).await {
                Ok(bytes) => match seedbed_card::read(&bytes) {
                    Ok(stated) => return Ok(stated),
                    Err(refusal) => why = Some(told(&refusal)),
                },
                Err(error) if info.gate_holds(&error) => {}
                Err(error) => return Err(error.failure().means("Nothing was downloaded.")),
            }
        }
        // JSON is YAML, too.
        let of_hub = info.card.is_object().then(|| {
            let card = format!("---\n{}\n---\n", info.card);
            seedbed_card::read(card.as_bytes()).ok()
        });
        if let Some(why) = why {
            notes.push(format!(
                "The dataset's card (README.md) can't be read: {why}. Its files were sorted by their names."
            ));
        }
        Ok(of_hub.flatten().unwrap_or_default())
    }

    /// The Parquet that the Hub made of a dataset. It lies in the same repo, so no other host is asked.
    async fn copy(&self, client: &HubClient, repo: &str) -> Option<ViewerCopy> {
        let revision = client.dataset_info(repo, COPY).await.ok()?.sha?;
        let mut files = client.tree(repo, &revision, "", true).await.ok()?;
        files.retain(|file| file.is_file);
        copy_of(revision, &files)
    }

    /// Tries to read a byte of a gated dataset; says why it could not be.
    async fn knock(
        &self,
        client: &HubClient,
        repo: &str,
        found: &Found<'_>,
    ) -> Result<Option<Failure>> {
        let is_data = |file: &&TreeEntry| file.size > 0 && FileKind::of(&file.path).is_table();
        let Some(file) = found.files.iter().find(is_data) else {
            return Ok(None);
        };
        let revision = found.info.sha.as_deref().unwrap_or_default();
        let door = client.file(repo, revision, &file.path, file.size);
        if door.read(0..1).await.is_ok() {
            return Ok(None);
        }
        let Some(error) = door.take_failure() else {
            return Ok(None);
        };
        let url = self.repo_url(repo);
        let failure = self.why_closed(repo, &url, found.info.gated, &file.path, &error);
        if found.info.gate_holds(&error) {
            Ok(Some(failure))
        } else {
            Err(failure)
        }
    }

    /// The files of a table on the Hub, with sizes as its commit has them.
    pub(crate) async fn remote(&self, source: &mut TableSource) -> Result<(Remote, TableBytes)> {
        let TableSource::Hub {
            repo,
            revision,
            paths,
            ..
        } = source
        else {
            return Err(no_file("No dataset was named."));
        };
        if paths.is_empty() || paths.len() > MOST_FILES {
            return Err(no_file(&format!(
                "{} files of {repo} were named to be read as one table.",
                paths.len()
            )));
        }
        let client = self.hub();
        let info = client.dataset_info(repo, revision).await;
        let info = info.map_err(|error| self.why_not_there(repo, &error))?;
        // All pieces are read of one commit, whatever is committed meanwhile.
        if let Some(commit) = info.sha {
            *revision = commit;
        }
        let url = self.repo_url(repo);
        let entries = client.paths_info(repo, revision, paths).await;
        let entries = entries
            .map_err(|error| self.why_closed(repo, &url, info.gated, "its files", &error))?;
        let entries: HashMap<&str, &TreeEntry> = entries
            .iter()
            .map(|entry| (entry.path.as_str(), entry))
            .collect();
        let mut remote = Remote {
            repo: repo.clone(),
            url,
            gate: info.gated,
            files: Vec::new(),
        };
        let mut sizes = Vec::new();
        let mut in_git = Vec::new();
        for path in paths.iter() {
            let Some(entry) = entries.get(path.as_str()) else {
                return Err(no_file(&format!("There is no {path} in {repo}.")));
            };
            sizes.push((path.as_str(), entry.size));
            in_git.push(entry.lfs_sha256.is_none());
        }
        let files = client.files(repo, revision, &sizes);
        for ((path, file), is_in_git) in paths.iter().zip(files).zip(in_git) {
            if is_in_git && file.size() <= POINTER.1 {
                let beginning = file.read(0..file.size()).await;
                if beginning.is_ok_and(|bytes| bytes.starts_with(POINTER.0)) {
                    return Err(only_pointer(repo, path));
                }
            }
            remote.files.push((path.clone(), file));
        }
        if let Some(failure) = remote.failure(self) {
            return Err(failure);
        }
        let sources = remote
            .files
            .iter()
            .map(|(_, file)| -> Rc<dyn Source> { Rc::new(file.clone()) });
        let bytes = TableBytes::Remote(Rc::new(Joined::new(sources.collect())));
        Ok((remote, bytes))
    }

    fn is_signed_in(&self) -> bool {
        self.account.borrow().is_some()
    }

    /// Why a dataset is not shown.
    fn why_not_there(&self, repo: &str, error: &HubError) -> Failure {
        let failure = match error.kind {
            HubErrorKind::Unauthorised if !self.is_signed_in() => Failure::new(
                FailureKind::Auth,
                format!("The Hub shows no dataset “{repo}” to someone who is not signed in."),
            )
            .next("Check the name. If the dataset is private, sign in with an account that may see it."),
            HubErrorKind::NotFound => Failure::new(
                FailureKind::NotFound,
                format!("There is no dataset “{repo}” on the Hub, or your sign-in may not see it."),
            )
            .next("Check the name. If the dataset is private, sign in with an account that may see it."),
            _ => error.failure(),
        };
        failure
            .means("Nothing was downloaded.")
            .detail(error.failure().detail.unwrap_or_default())
    }

    /// Why a file of a dataset can't be read.
    fn why_closed(
        &self,
        repo: &str,
        url: &str,
        gate: Gate,
        path: &str,
        error: &HubError,
    ) -> Failure {
        let is_refused = matches!(
            error.kind,
            HubErrorKind::Unauthorised | HubErrorKind::Forbidden
        );
        let is_gated =
            is_refused && (error.code.as_deref() == Some("GatedRepo") || gate != Gate::None);
        let failure = if is_gated {
            let (whom, how) = match gate {
                Gate::Manual => (
                    "let its files be read only by those whom they let in",
                    "ask for access there; they decide themselves, which may take days",
                ),
                Gate::Terms | Gate::None => (
                    "let its files be read only by those who accept their terms",
                    "accept the terms there",
                ),
            };
            let what = format!("{repo} is gated: its owners {whom}.");
            if self.is_signed_in() {
                Failure::new(FailureKind::Forbidden, what).next(format!(
                    "Open {url} and {how}. If you were let in already, your sign-in lacks the right to read gated datasets: sign in again with one that has it. Then try again."
                ))
            } else {
                Failure::new(FailureKind::Auth, what).next(format!(
                    "Sign in. If you were not let in yet, open {url} and {how}. Then try again."
                ))
            }
        } else {
            match error.kind {
                // Only the storage says so without a reason.
                HubErrorKind::NotFound if error.code.is_none() => only_pointer(repo, path),
                HubErrorKind::NotFound => no_file(&format!("There is no {path} in {repo}.")),
                _ => error.failure(),
            }
        };
        let failure = failure.means("Nothing was taken in.");
        match error.failure().detail {
            Some(detail) => failure.detail(detail),
            None => failure,
        }
    }
}

/// What is wrong with a card.
fn told(refusal: &seedbed_card::Refusal) -> String {
    use seedbed_card::Refusal;
    match refusal {
        Refusal::NotUtf8 => "it is not UTF-8 text".to_owned(),
        Refusal::Yaml { line, problem } => format!("line {line}: {problem}"),
        Refusal::DuplicateKey(key) => format!("the key `{key}` stands twice in it"),
        Refusal::Configs => "`configs` is no list of entries".to_owned(),
        Refusal::TooMuch | Refusal::Unsafe => "it is too large or too deeply nested".to_owned(),
    }
}

fn no_file(what: &str) -> Failure {
    Failure::new(FailureKind::NotFound, what)
        .means("Nothing was taken in.")
        .next("Look at the dataset again: its files may have changed.")
}

fn only_pointer(repo: &str, path: &str) -> Failure {
    Failure::new(
        FailureKind::Content,
        format!("{repo} lists {path}, but its content is not there: only a pointer to it (Git LFS) was ever uploaded."),
    )
    .means("Nothing was taken in.")
    .next("Choose another file or split, or tell the dataset's authors on its page.")
}

/// What gates refuse.
trait Gated {
    /// It is the gate that refused this.
    fn gate_holds(&self, error: &HubError) -> bool;
}

impl Gated for RepoInfo {
    fn gate_holds(&self, error: &HubError) -> bool {
        let is_refused = matches!(
            error.kind,
            HubErrorKind::Unauthorised | HubErrorKind::Forbidden
        );
        is_refused && (self.gated != Gate::None || error.code.as_deref() == Some("GatedRepo"))
    }
}
