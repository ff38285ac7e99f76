//! A folder ready to push as a static Space.

use crate::args::Args;
use crate::shell::Shell;
use crate::site::{self, Kind};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Marks a folder as made by this command, so that it may be emptied.
const MARK: &str = "<!-- made by `cargo xtask space` -->";

const README: &str = "\
---
title: Seedbed
emoji: 🌱
colorFrom: green
colorTo: yellow
sdk: static
app_file: index.html
pinned: false
license: apache-2.0
short_description: Grow a domain-specific dataset in a browser tab
fullWidth: true
header: mini
hf_oauth: true
hf_oauth_expiration_minutes: 480
hf_oauth_scopes:
- read-repos
- write-repos
- manage-repos
- write-discussions
- inference-api
tags:
- dataset
- synthetic-data
- annotation
---

# Seedbed

Grow a domain-specific dataset in a browser tab: describe a domain, let a model draft instructions and answers, review them
by keyboard, and publish a dataset repository that `load_dataset` reads. Everything runs in the visitor's browser; nothing
is sent anywhere but to the model they choose and to their own repositories.

This folder holds the built site. Push it with

    hf upload <user>/<space> . . --repo-type space

which sends the `.wasm` files the way the Hub wants binary files. With plain git, `git lfs install` first: `.gitattributes`
here names them.
";

/// Binary files must be stored as LFS; scripts must not be: a browser refuses a worker script that comes by a redirect to
/// another host.
const ATTRIBUTES: &str = "\
*.wasm filter=lfs diff=lfs merge=lfs -text
*.png filter=lfs diff=lfs merge=lfs -text
*.ico filter=lfs diff=lfs merge=lfs -text
*.woff2 filter=lfs diff=lfs merge=lfs -text
*.js text eol=lf
*.css text eol=lf
*.html text eol=lf
";

/// `cargo xtask space`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    let folder = args.value("--out")?.unwrap_or_else(|| "space".to_owned());
    args.finish()?;
    let site = site::build(shell, Kind::Optimised)?;
    let folder = shell.root.join(PathBuf::from(folder));
    make(&site, &folder)?;
    println!("\nthe Space is in {}; push it with", folder.display());
    println!(
        "    hf upload <user>/<space> {} . --repo-type space",
        folder.display()
    );
    Ok(())
}

fn make(site: &Path, folder: &Path) -> Result<()> {
    empty(folder)?;
    copy(site, folder)?;
    fs::write(folder.join("README.md"), format!("{README}\n{MARK}\n"))?;
    fs::write(folder.join(".gitattributes"), ATTRIBUTES)?;
    let index = fs::read_to_string(folder.join("index.html"))?;
    if !index.contains("<head>") {
        bail!("index.html has no plain <head>, behind which a Space puts its variables");
    }
    Ok(())
}

/// Empties a folder that this command made before, its `.git` aside.
fn empty(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let is_empty = fs::read_dir(folder)?.next().is_none();
    let is_ours =
        fs::read_to_string(folder.join("README.md")).is_ok_and(|text| text.contains(MARK));
    if !is_empty && !is_ours {
        bail!(
            "{} has something else in it; choose another folder",
            folder.display()
        );
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{} can't be read", from.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_has_its_card_its_attributes_and_the_site_and_keeps_its_git_folder() {
        let root = std::env::temp_dir().join(format!("seedbed-space-{}", std::process::id()));
        let (site, folder) = (root.join("site"), root.join("space"));
        fs::create_dir_all(site.join("icons")).unwrap();
        fs::write(site.join("index.html"), "<html><head></head></html>").unwrap();
        fs::write(site.join("icons/a.svg"), "<svg/>").unwrap();
        make(&site, &folder).unwrap();
        fs::create_dir(folder.join(".git")).unwrap();
        fs::write(folder.join("old.js"), "").unwrap();
        make(&site, &folder).unwrap();

        let card = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(card.starts_with("---\ntitle: Seedbed\n") && card.contains("sdk: static\n"));
        assert!(folder.join("icons/a.svg").is_file() && folder.join(".git").is_dir());
        assert!(!folder.join("old.js").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn the_short_description_fits_where_the_hub_shows_it() {
        let line = README
            .lines()
            .find_map(|line| line.strip_prefix("short_description: "))
            .unwrap();
        assert!(line.chars().count() <= 60, "{line}");
    }

    #[test]
    fn a_folder_with_other_things_in_it_is_left_alone() {
        let root = std::env::temp_dir().join(format!("seedbed-other-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("letter.txt"), "dear").unwrap();
        assert!(make(&root, &root).is_err());
        assert!(root.join("letter.txt").is_file());
        fs::remove_dir_all(root).unwrap();
    }
}
