//! Names in the source that no compiler looks after: public ones that nothing uses (whatever a library makes public counts
//! as used), and the keys of a project's single values.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What declares a name.
const KINDS: [&str; 8] = [
    "fn", "struct", "enum", "trait", "type", "static", "const", "union",
];
/// What may stand between `pub` and that.
const BEFORE: [&str; 6] = ["crate", "super", "self", "async", "unsafe", "const"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The words of a file, without its comments.
fn words(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
        .collect()
}

/// The names that these words declare as public.
fn declared<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let starts = words.iter().enumerate().filter(|(_, word)| **word == "pub");
    starts
        .filter_map(|(at, _)| {
            let mut rest = words[at + 1..].iter().copied().peekable();
            let mut kind = rest.next()?;
            while BEFORE.contains(&kind) && rest.peek().is_some_and(|next| is_before_name(next)) {
                kind = rest.next()?;
            }
            KINDS.contains(&kind).then(|| rest.next()).flatten()
        })
        .collect()
}

fn is_before_name(word: &str) -> bool {
    KINDS.contains(&word) || BEFORE.contains(&word)
}

#[test]
fn declarations_of_every_kind_are_found() {
    let text = "pub fn a() {}\npub(crate) async fn b() {}\npub const C: u8 = 1;\npub const fn d() {}\n// pub fn e() {}\n\
                pub(super) struct F { pub g: u8 }\npub mod h;\npub use i::j;\nfn k() {}\npub unsafe fn l() {}";
    assert_eq!(declared(&words(text)), ["a", "b", "C", "d", "F", "l"]);
}

#[test]
fn nothing_public_is_without_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["src", "tests", "crates", "xtask/src"] {
        sources(&root.join(folder), &mut files);
    }
    let texts: Vec<(&PathBuf, String)> = files
        .iter()
        .map(|file| (file, fs::read_to_string(file).unwrap_or_default()))
        .collect();
    assert!(texts.len() > 200, "only {} files were found", texts.len());
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for word in texts.iter().flat_map(|(_, text)| words(text)) {
        *uses.entry(word).or_default() += 1;
    }
    let mut unused = Vec::new();
    for (file, text) in &texts {
        for name in declared(&words(text)) {
            if uses.get(name) == Some(&1) {
                unused.push(format!("{name} in {}", file.display()));
            }
        }
    }
    assert!(unused.is_empty(), "nothing uses {unused:#?}");
}

/// Where a text is given as the key of a single value: behind these, up to the bracket, no text may begin.
const KEYED: [&str; 7] = [
    "store.get",
    "store.put",
    "store.remove",
    " get(tx, ",
    " put(tx, ",
    " get(connection, ",
    " put(connection, ",
];

#[test]
fn a_key_of_a_single_value_is_spelt_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut files = Vec::new();
    for name in ["store", "backend"] {
        sources(&root.join(name).join("src"), &mut files);
    }
    let mut spelt = Vec::new();
    let mut keys = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().map(str::trim) {
            let is_literal = KEYED.iter().any(|call| {
                line.split(call).skip(1).any(|rest| {
                    // Past the type that is read.
                    let rest = rest.split_once(">(").map_or(rest, |(_, rest)| rest);
                    rest.trim_start_matches('(').starts_with('"')
                })
            });
            let is_sql = line.contains(" kv ") && line.contains('\'');
            if is_literal || is_sql {
                spelt.push(format!("{}: {line}", file.display()));
            }
            let is_home =
                file.ends_with("store/src/keys.rs") || file.ends_with("backend/src/project.rs");
            if let (true, Some((_, value))) = (is_home, line.split_once(": &str = ")) {
                keys.push(value.to_owned());
            }
        }
    }
    assert!(spelt.is_empty(), "keys without a name: {spelt:#?}");
    let count = keys.len();
    assert!(count > 20, "only {keys:?} were found");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "one key with two names: {keys:?}");
}
