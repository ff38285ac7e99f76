//! Object ids exactly as git computes them, because clients compare them with their own.

use crate::disk::Entry;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// SHA-256 in hexadecimal: the id of an LFS object.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn object(kind: &str, content: &[u8]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", content.len()));
    hasher.update(content);
    hasher.finalize().into()
}

/// The id of a file's content: SHA-1 of `blob <len>\0<bytes>`.
pub(crate) fn blob_oid(content: &[u8]) -> String {
    hex(&object("blob", content))
}

/// What git keeps in place of an LFS object.
pub(crate) fn pointer(sha256: &str, size: u64) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n")
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .filter_map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect()
}

/// The id of a folder, from its files by path relative to it; folders below are collected into `folders` when given.
pub(crate) fn tree_oid(
    files: &BTreeMap<&str, &Entry>,
    prefix: &str,
    folders: &mut BTreeMap<String, String>,
) -> String {
    // Git orders a folder's members as if folders ended in a slash.
    let mut members: BTreeMap<String, (&'static str, String)> = BTreeMap::new();
    let mut below: BTreeMap<&str, BTreeMap<&str, &Entry>> = BTreeMap::new();
    for (path, entry) in files {
        match path.split_once('/') {
            None => {
                members.insert((*path).to_owned(), ("100644", entry.oid.clone()));
            }
            Some((folder, rest)) => {
                below.entry(folder).or_default().insert(rest, entry);
            }
        }
    }
    for (folder, files) in below {
        let path = format!("{prefix}{folder}");
        let oid = tree_oid(&files, &format!("{path}/"), folders);
        folders.insert(path, oid.clone());
        members.insert(format!("{folder}/"), ("40000", oid));
    }
    let mut content = Vec::new();
    for (name, (mode, oid)) in &members {
        content.extend_from_slice(format!("{mode} {}\0", name.trim_end_matches('/')).as_bytes());
        content.extend_from_slice(&unhex(oid));
    }
    hex(&object("tree", &content))
}

/// The id of a commit.
pub(crate) fn commit_oid(
    tree: &str,
    parents: &[String],
    author: &str,
    at_s: u64,
    message: &str,
) -> String {
    let mut text = format!("tree {tree}\n");
    for parent in parents {
        let _ = writeln!(text, "parent {parent}");
    }
    let who = format!("{author} <{author}@users.noreply.hub.local> {at_s} +0000");
    let _ = write!(text, "author {who}\ncommitter {who}\n\n{message}");
    hex(&object("commit", text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_ids_equal_those_of_git() {
        // `git hash-object`, and the ids that recorded clients were told.
        assert_eq!(blob_oid(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(
            blob_oid(b"{}\n"),
            "0967ef424bce6791893e9a57bb952f80fd536e93"
        );
        assert_eq!(
            blob_oid(b"{\"x\":1}\n"),
            "c0c1bfafb32310f0585d0c510ff440ab0259a5c1"
        );
    }

    #[test]
    fn tree_and_commit_ids_equal_those_of_git() {
        let entry = |content: &[u8]| Entry {
            oid: blob_oid(content),
            size: content.len() as u64,
            lfs: None,
        };
        // Made with git itself: a folder `a`, beside `a.txt` (which sorts before `a/`), holding an empty file.
        let (text, empty) = (entry(b"{}\n"), entry(b""));
        let files = BTreeMap::from([("a/b", &empty), ("a.txt", &text)]);
        let mut folders = BTreeMap::new();
        let tree = tree_oid(&files, "", &mut folders);
        assert_eq!(tree, "dac31729a8f884352d17309992c80830c4824582");
        assert_eq!(folders["a"], "4277b6e69d25e5efa77c455340557b384a4c018a");
        assert_eq!(
            commit_oid(&tree, &[], "local", 1_700_000_000, "first\n"),
            "d7aa7ebb9ab18e729085d4796206900b445e5d9a"
        );
    }

    #[test]
    fn an_lfs_pointer_has_the_length_clients_are_told() {
        let oid = "8f267bd2d4db5f01a3a3c9c256d2e5789c59c8acffb4847c0c82a7555318a4bb";
        assert_eq!(pointer(oid, 3_000_000).len(), 132);
    }
}
