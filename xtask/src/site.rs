//! Building the site: the optimised one in `dist/`, and a quick one for `serve`. A site whose inputs have not changed is
//! not built again.

use crate::args::Args;
use crate::pieces;
use crate::shell::{self, Shell, output};
use crate::sizes;
use crate::tools::{self, Need};
use anyhow::{Context as _, Result};
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

/// Which build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Small and fast, slow to build: `dist/`.
    Optimised,
    /// Quick to build, for `serve`.
    Quick,
}

/// `cargo xtask dist`.
pub(crate) fn run_dist(shell: &Shell, args: &mut Args) -> Result<()> {
    let is_checked = args.switch("--check");
    args.finish()?;
    let site = build(shell, Kind::Optimised)?;
    let weights = sizes::weigh(shell, &site)?;
    sizes::print(&weights);
    println!("\nthe site is in {}", site.display());
    if is_checked {
        sizes::check(&weights)?;
    }
    Ok(())
}

/// Builds the site if anything it is made from has changed, and says where it is.
pub(crate) fn build(shell: &Shell, kind: Kind) -> Result<PathBuf> {
    let (folder, profile) = match kind {
        Kind::Optimised => (shell.root.join("dist"), "release"),
        Kind::Quick => (shell.target_dir().join("site"), "serve"),
    };
    let mut needs = vec![Need::Wasm, Need::Trunk];
    if kind == Kind::Optimised {
        needs.extend([Need::Node, Need::WasmSplit]);
    }
    tools::ensure(shell, &needs)?;

    let build = build_id(shell)?;
    // Beside the site, not in it: what is in the folder is what gets published.
    let stamp = shell.target_dir().join(format!("{profile}.site-stamp"));
    if folder.join("index.html").is_file() && fs::read_to_string(&stamp).is_ok_and(|id| id == build)
    {
        println!("the site in {} is up to date", folder.display());
        return Ok(folder);
    }
    let mut command = shell.command("trunk");
    command
        .args(["build", "--skip-version-check", "--dist"])
        .arg(&folder)
        .env("SEEDBED_BUILD", &build)
        // Set to 1 by some terminals and CI systems; trunk takes only true and false.
        .env_remove("NO_COLOR");
    match kind {
        Kind::Optimised => command
            .args(["--release", "--features", "split"])
            // Cutting needs the names; what is written in the end has none.
            .env("CARGO_PROFILE_RELEASE_STRIP", "none"),
        Kind::Quick => command.args(["--cargo-profile", profile]),
    };
    shell::run(&mut command).context("the site was not built")?;
    if kind == Kind::Optimised {
        pieces::cut(shell, &folder).context("the page was not cut into pieces")?;
    }
    fs::create_dir_all(shell.target_dir())?;
    fs::write(stamp, build)?;
    Ok(folder)
}

/// Names what the site is made from: a hash of every file that goes into it. The page and its workers carry it, so that a
/// page can tell when a browser hands it a worker of another build.
pub(crate) fn build_id(shell: &Shell) -> Result<String> {
    let mut files = Vec::new();
    for name in [
        "src",
        "public",
        "crates",
        "build.rs",
        "index.html",
        "Trunk.toml",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        let path = shell.root.join(name);
        if path.exists() {
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let name = file.strip_prefix(&shell.root).unwrap_or(&file);
        // The local Hub and the tests are not in the site.
        let is_part = !name.starts_with("crates/hub-local")
            && !name.components().any(|part| {
                ["tests", "examples", "benches"]
                    .map(AsRef::as_ref)
                    .contains(&part.as_os_str())
            });
        if is_part {
            hasher.write(name.as_os_str().as_encoded_bytes());
            hasher.write(&fs::read(&file)?);
        }
    }
    let compiler = output(shell.command("rustc").arg("--version")).unwrap_or_default();
    hasher.write(compiler.as_bytes());
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_path_buf());
    }
    Ok(())
}
