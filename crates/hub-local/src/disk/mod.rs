//! What the local Hub keeps, and how: content by its hash, one JSON file per commit and per repository, every file
//! written beside its place and then renamed into it, so that a killed process leaves the old state or the new one.

mod repos;
mod users;

pub(crate) use repos::{
    Comment, Commit, Discussion, Entry, Gate, Rename, Repo, Status, Visibility,
};
pub(crate) use users::{Caller, Grant, Role, User};

use crate::clock::now_ms;
use crate::git;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything on disk, with the small parts in memory.
#[derive(Debug)]
pub(crate) struct Disk {
    dir: PathBuf,
    pub(crate) repos: BTreeMap<String, Repo>,
    pub(crate) users: users::Users,
    /// Former names of datasets, with the present ones.
    pub(crate) moved: BTreeMap<String, String>,
    commits: HashMap<String, Arc<Commit>>,
}

/// What a commit says, and who says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) title: &'a str,
    /// May be empty.
    pub(crate) message: &'a str,
    pub(crate) author: &'a str,
}

/// Random bytes in hexadecimal.
pub(crate) fn random_hex(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(git::hex(&buffer))
}

impl Disk {
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let mut disk = Self {
            dir: dir.to_path_buf(),
            repos: BTreeMap::new(),
            users: users::Users::default(),
            moved: BTreeMap::new(),
            commits: HashMap::new(),
        };
        disk.make_folders()?;
        // What a killed process had not finished.
        for left_over in fs::read_dir(dir.join("tmp"))? {
            let path = left_over?.path();
            let _ = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
        }
        disk.users = match disk.read_json("users.json")? {
            Some(users) => users,
            None => users::Users::with_default(),
        };
        disk.save_users()?;
        disk.read_repos()?;
        disk.moved = disk.read_json("moved.json")?.unwrap_or_default();
        Ok(disk)
    }

    fn make_folders(&self) -> io::Result<()> {
        for folder in ["tmp", "objects", "lfs", "parts", "repos"] {
            fs::create_dir_all(self.dir.join(folder))?;
        }
        Ok(())
    }

    /// Forgets everything but the default user.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        for folder in ["objects", "lfs", "parts", "repos"] {
            let gone = self.temp_path()?;
            fs::rename(self.dir.join(folder), &gone)?;
            let _ = fs::remove_dir_all(&gone);
        }
        self.repos.clear();
        self.commits.clear();
        self.moved.clear();
        self.save_moved()?;
        self.users = users::Users::with_default();
        self.make_folders()?;
        self.save_users()
    }

    pub(crate) fn save_users(&self) -> io::Result<()> {
        self.write_json("users.json", &self.users)
    }

    /// A secret that lives as long as the folder, for signing addresses.
    pub(crate) fn secret(&self) -> io::Result<String> {
        if let Some(secret) = self.read_json("secret.json")? {
            return Ok(secret);
        }
        let secret = random_hex(32)?;
        self.write_json("secret.json", &secret)?;
        Ok(secret)
    }

    /// A path for a file that is being written.
    pub(crate) fn temp_path(&self) -> io::Result<PathBuf> {
        Ok(self.dir.join("tmp").join(random_hex(12)?))
    }

    fn write_at(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let temp = self.temp_path()?;
        fs::write(&temp, content)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&temp, path)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(value).map_err(io::Error::other)?;
        self.write_at(&self.dir.join(name), &text)
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match fs::read(self.dir.join(name)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| io::Error::other(format!("{name}: {error}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn object_path(&self, folder: &str, oid: &str) -> PathBuf {
        let (head, tail) = oid.split_at_checked(2).unwrap_or(("", oid));
        self.dir.join(folder).join(head).join(tail)
    }

    /// Where a regular file's content is; `oid` is its blob id.
    pub(crate) fn blob_path(&self, oid: &str) -> PathBuf {
        self.object_path("objects", oid)
    }

    /// Keeps a regular file's content; gives its blob id.
    pub(crate) fn put_blob(&self, content: &[u8]) -> io::Result<String> {
        let oid = git::blob_oid(content);
        let path = self.blob_path(&oid);
        if !path.exists() {
            self.write_at(&path, content)?;
        }
        Ok(oid)
    }

    /// Where a large file's content is or would be; `oid` is its SHA-256.
    pub(crate) fn lfs_path(&self, oid: &str) -> PathBuf {
        self.object_path("lfs", oid)
    }

    /// The size of a large file, if it is here.
    pub(crate) fn lfs_size(&self, oid: &str) -> Option<u64> {
        fs::metadata(self.lfs_path(oid)).ok().map(|meta| meta.len())
    }

    /// Moves a fully written file to its place.
    pub(crate) fn adopt_lfs(&self, temp: &Path, oid: &str) -> io::Result<()> {
        let path = self.lfs_path(oid);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(temp, path)
    }

    /// The folder of an upload in parts; `upload` is one of ours.
    pub(crate) fn parts_dir(&self, upload: &str) -> PathBuf {
        self.dir.join("parts").join(upload)
    }

    fn repo_name(id: &str) -> String {
        format!("repos/{id}/repo.json")
    }

    fn commit_name(id: &str, commit: &str) -> String {
        format!("repos/{id}/commits/{commit}.json")
    }

    fn read_repos(&mut self) -> io::Result<()> {
        for namespace in fs::read_dir(self.dir.join("repos"))? {
            let namespace = namespace?;
            for name in fs::read_dir(namespace.path())? {
                let id = format!(
                    "{}/{}",
                    namespace.file_name().to_string_lossy(),
                    name?.file_name().to_string_lossy()
                );
                if let Some(repo) = self.read_json::<Repo>(&Self::repo_name(&id))? {
                    self.repos.insert(id, repo);
                }
            }
        }
        Ok(())
    }

    /// Writes a repository's own file and shows the new state.
    pub(crate) fn save_repo(&mut self, repo: Repo) -> io::Result<()> {
        self.write_json(&Self::repo_name(&repo.id), &repo)?;
        self.repos.insert(repo.id.clone(), repo);
        Ok(())
    }

    pub(crate) fn delete_repo(&mut self, id: &str) -> io::Result<()> {
        let gone = self.temp_path()?;
        fs::rename(self.dir.join("repos").join(id), &gone)?;
        self.repos.remove(id);
        self.commits.clear();
        let _ = fs::remove_dir_all(&gone);
        Ok(())
    }

    pub(crate) fn save_moved(&self) -> io::Result<()> {
        self.write_json("moved.json", &self.moved)
    }

    /// Gives a repository another name, under which nothing is yet. The former one leads to it.
    pub(crate) fn move_repo(&mut self, mut repo: Repo, to: &str) -> io::Result<()> {
        let place = self.dir.join("repos").join(to);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(self.dir.join("repos").join(&repo.id), &place)?;
        self.repos.remove(&repo.id);
        self.commits.clear();
        self.moved.remove(to);
        for present in self.moved.values_mut().filter(|name| **name == repo.id) {
            to.clone_into(present);
        }
        self.moved.insert(repo.id.clone(), to.to_owned());
        to.clone_into(&mut repo.id);
        self.save_moved()?;
        self.save_repo(repo)
    }

    /// A commit of this repository.
    pub(crate) fn commit(&mut self, repo: &str, commit: &str) -> io::Result<Option<Arc<Commit>>> {
        let key = format!("{repo}@{commit}");
        if let Some(found) = self.commits.get(&key) {
            return Ok(Some(found.clone()));
        }
        if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let Some(found) = self.read_json::<Commit>(&Self::commit_name(repo, commit))? else {
            return Ok(None);
        };
        let found = Arc::new(found);
        self.commits.insert(key, found.clone());
        Ok(Some(found))
    }

    /// The only commit of this repository whose id begins so.
    pub(crate) fn commit_by_start(
        &mut self,
        repo: &str,
        start: &str,
    ) -> io::Result<Option<Arc<Commit>>> {
        if !matches!(start.len(), 5..40) || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(self.dir.join("repos").join(repo).join("commits"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(start) {
                found.extend(name.strip_suffix(".json").map(str::to_owned));
            }
        }
        match found.as_slice() {
            [one] => self.commit(repo, one),
            _ => Ok(None),
        }
    }

    /// Writes a commit; no reference points to it yet.
    pub(crate) fn put_commit(
        &mut self,
        repo: &str,
        parents: Vec<String>,
        files: BTreeMap<String, Entry>,
        words: Words<'_>,
    ) -> io::Result<Arc<Commit>> {
        let commit = Arc::new(Commit::new(parents, files, words, now_ms()));
        self.write_json(&Self::commit_name(repo, &commit.id), &*commit)?;
        self.commits
            .insert(format!("{repo}@{}", commit.id), commit.clone());
        Ok(commit)
    }
}
