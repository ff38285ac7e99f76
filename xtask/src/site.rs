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
        pieces::cut_page(shell, &folder).context("the page was not cut into pieces")?;
        pieces::cut_worker(shell, &folder, &build).context("the worker was not cut into pieces")?;
        for binary in ["engine", "parquet", "import"] {
            pieces::name_worker(&folder, binary, &build)
                .with_context(|| format!("the worker {binary} was not named"))?;
        }
        let index = folder.join("index.html");
        fs::write(&index, with_head(&fs::read_to_string(&index)?)?)?;
    }
    fs::create_dir_all(shell.target_dir())?;
    fs::write(stamp, build)?;
    Ok(folder)
}

/// Puts back the `<head>` that trunk's minifier leaves out as needless: a static Space writes its variables behind it,
/// ahead of the policy that would forbid their script.
fn with_head(index: &str) -> Result<String> {
    if index.contains("<head>") {
        return Ok(index.to_owned());
    }
    let at = index
        .find("<html")
        .and_then(|start| Some(start + index[start..].find('>')? + 1))
        .context("index.html has no <html>")?;
    let (before, after) = index.split_at(at);
    Ok(format!("{before}<head>{after}"))
}

/// Names what the site is made from: a hash of every file that goes into it. The page and its workers carry it, so that a
/// page can tell when a browser hands it a worker of another build.
pub(crate) fn build_id(shell: &Shell) -> Result<String> {
    let mut files = Vec::new();
    for name in [
        "src",
        "public",
        "crates",
        ".cargo/config.toml",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_takes_code_styles_and_pictures_from_its_own_origin_only() {
        let index = include_str!("../../index.html");
        let (_, rest) = index
            .split_once(r#"http-equiv="Content-Security-Policy" content=""#)
            .unwrap();
        let (policy, _) = rest.split_once('"').unwrap();
        let directives = policy.split(';').map(|directive| {
            let mut words = directive.split_whitespace();
            (words.next().unwrap(), words.collect::<Vec<_>>())
        });
        let mut given = Vec::new();
        for (name, sources) in directives {
            let allowed: &[&str] = match name {
                // Models and Hubs answer wherever a person says; what is asked is the code's to say.
                "connect-src" => &["'self'", "http:", "https:", "blob:"],
                "script-src" => &["'self'", "'wasm-unsafe-eval'"],
                "default-src" | "base-uri" | "form-action" => &["'none'"],
                _ => &["'self'"],
            };
            assert!(!sources.is_empty(), "{name}");
            for source in sources {
                assert!(allowed.contains(&source), "{name} {source}");
            }
            given.push(name);
        }
        // Those for which the default does not stand.
        for name in ["default-src", "base-uri", "form-action"] {
            assert!(given.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_head_is_put_back_where_it_was_left_out() {
        let minified = "<!doctype html><html lang=en><meta charset=utf-8><title>x</title>";
        let index = with_head(minified).unwrap();
        assert_eq!(
            index,
            "<!doctype html><html lang=en><head><meta charset=utf-8><title>x</title>"
        );
        assert_eq!(with_head(&index).unwrap(), index);
        assert!(with_head("<p>no page</p>").is_err());
    }
}
