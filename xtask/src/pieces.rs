//! Cutting the wasm of the page and of the backend worker into what is needed at once and what comes when it is wanted.
//!
//! Trunk knows nothing of this: it leaves files that lack their pieces. They are cut from the same wasm here, before
//! `wasm-bindgen` has seen it, and what trunk wrote is replaced. `src/split.rs` and `src/worker/split.rs` say where to cut.

use crate::shell::{self, Shell};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;

/// Replaces the page in `site` by one in pieces.
pub(crate) fn cut_page(shell: &Shell, site: &Path) -> Result<()> {
    // `seedbed-<hash>`, as trunk named it.
    let stem = fs::read_dir(site)?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find_map(|name| {
            name.strip_suffix("_bg.wasm")
                .filter(|stem| stem.starts_with("seedbed-"))
                .map(str::to_owned)
        })
        .context("trunk wrote no page")?;
    cut(shell, site, "seedbed", &stem, "piece")
}

/// Replaces the backend worker in `site` by one in pieces, whose files carry the build: trunk gives a worker no hash, and
/// a browser must not join a cached file of one build to a file of another.
pub(crate) fn cut_worker(shell: &Shell, site: &Path, build: &str) -> Result<()> {
    let stem = format!("worker-{build}");
    cut(shell, site, "worker", &stem, "piece-worker")?;
    for name in ["worker.js", "worker_bg.wasm"] {
        fs::remove_file(site.join(name))?;
    }
    point_loader(site, "worker", &stem)
}

/// Gives the files of a worker that stays whole the build's name, for the same reason.
pub(crate) fn name_worker(site: &Path, binary: &str, build: &str) -> Result<()> {
    let stem = format!("{binary}-{build}");
    let (script, wasm) = (format!("{binary}.js"), format!("{binary}_bg.wasm"));
    let text = fs::read_to_string(site.join(&script))?;
    let text = replaced(&text, &wasm, &format!("{stem}_bg.wasm"))?;
    fs::write(site.join(format!("{stem}.js")), text)?;
    fs::remove_file(site.join(script))?;
    fs::rename(site.join(wasm), site.join(format!("{stem}_bg.wasm")))?;
    point_loader(site, binary, &stem)
}

/// Lets a worker's loader, whose name stays, load the files called `stem`.
fn point_loader(site: &Path, binary: &str, stem: &str) -> Result<()> {
    let loader = site.join(format!("{binary}_loader.js"));
    let text = fs::read_to_string(&loader)?;
    let text = replaced(&text, &format!("./{binary}.js"), &format!("./{stem}.js"))?;
    fs::write(loader, text)?;
    Ok(())
}

/// Cuts the wasm of `binary` and writes what stands first as `stem` and the pieces as `prefix` with their names.
fn cut(shell: &Shell, site: &Path, binary: &str, stem: &str, prefix: &str) -> Result<()> {
    let work = shell.target_dir().join("pieces").join(binary);
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let whole = shell
        .target_dir()
        .join("wasm32-unknown-unknown/release")
        .join(format!("{binary}.wasm"));
    shell::run(
        shell
            .command("wasm-split-cli")
            .arg(&whole)
            .arg(&work)
            .args(["--target", "web", "--out-name", stem])
            // Otherwise it tells of sections that it does not need.
            .env("RUST_LOG", "error"),
    )?;
    let glue = work.join("glue");
    shell::run(
        shell
            .command("wasm-bindgen")
            .arg(work.join(format!("{stem}.wasm")))
            .args(["--target", "web", "--no-typescript", "--keep-lld-exports"])
            .args(["--out-name", stem, "--out-dir"])
            .arg(&glue),
    )?;
    optimise(
        shell,
        &glue.join(format!("{stem}_bg.wasm")),
        &site.join(format!("{stem}_bg.wasm")),
    )?;

    let links = format!("{stem}-pieces.js");
    let mut text = fs::read_to_string(work.join("__wasm_split.js"))?;
    let mut count = 0;
    for entry in fs::read_dir(&work)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let is_piece =
            path.extension().is_some_and(|ending| ending == "wasm") && !name.starts_with(stem);
        if is_piece {
            let piece = piece_name(prefix, stem, name);
            optimise(shell, &path, &site.join(&piece))?;
            text = replaced(&text, &format!("\"./{name}\""), &format!("\"./{piece}\""))?;
            count += 1;
        }
    }
    if count == 0 {
        bail!("nothing was cut off {binary}");
    }
    fs::write(site.join(&links), text)?;
    // Where it is fetched from; the name that the wasm knows it by stays.
    let main = fs::read_to_string(glue.join(format!("{stem}.js")))?;
    let main = replaced(
        &main,
        "from \"./__wasm_split.js\"",
        &format!("from \"./{links}\""),
    )?;
    fs::write(site.join(format!("{stem}.js")), main)?;
    println!("{binary} is in {count} pieces besides what stands first");
    Ok(())
}

/// The name carries the hash of what it belongs to, so that this never meets the pieces of another build.
fn piece_name(prefix: &str, stem: &str, name: &str) -> String {
    let hash = stem.rsplit('-').next().unwrap_or(stem);
    let what = name
        .trim_start_matches("split_")
        .trim_end_matches(".wasm")
        .replace('_', "-");
    format!("{prefix}-{what}-{hash}.wasm")
}

fn optimise(shell: &Shell, from: &Path, to: &Path) -> Result<()> {
    let answer = shell
        .command("wasm-opt")
        .arg("-Oz")
        .arg(from)
        .arg("-o")
        .arg(to)
        .output()
        .context("wasm-opt could not be started")?;
    // It warns of names it does not know, for each piece; that is of interest only when it fails.
    if !answer.status.success() {
        bail!(
            "wasm-opt refused {}:\n{}",
            from.display(),
            String::from_utf8_lossy(&answer.stderr)
        );
    }
    Ok(())
}

fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    if !text.contains(from) {
        bail!("`{from}` is not in the generated script; its maker has changed");
    }
    Ok(text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_named_after_its_page_and_its_build() {
        assert_eq!(
            piece_name("piece", "seedbed-12ab", "split_review.wasm"),
            "piece-review-12ab.wasm"
        );
        assert_eq!(
            piece_name("piece-worker", "worker-12ab", "chunk_3.wasm"),
            "piece-worker-chunk-3-12ab.wasm"
        );
    }

    #[test]
    fn a_whole_worker_is_named_after_its_build() {
        let site = std::env::temp_dir().join(format!("seedbed-pieces-{}", std::process::id()));
        fs::create_dir_all(&site).unwrap();
        let write = |name: &str, text: &str| fs::write(site.join(name), text).unwrap();
        write(
            "engine_loader.js",
            "import init from './engine.js';await init();",
        );
        write("engine.js", "new URL('engine_bg.wasm', import.meta.url)");
        write("engine_bg.wasm", "wasm");
        name_worker(&site, "engine", "12ab").unwrap();
        let read = |name: &str| fs::read_to_string(site.join(name)).unwrap();
        assert_eq!(
            read("engine_loader.js"),
            "import init from './engine-12ab.js';await init();"
        );
        assert_eq!(
            read("engine-12ab.js"),
            "new URL('engine-12ab_bg.wasm', import.meta.url)"
        );
        assert_eq!(read("engine-12ab_bg.wasm"), "wasm");
        assert_eq!(fs::read_dir(&site).unwrap().count(), 3);
        fs::remove_dir_all(site).unwrap();
    }

    #[test]
    fn a_script_without_the_expected_name_is_refused() {
        assert_eq!(replaced("a \"./b\"", "./b", "./c").unwrap(), "a \"./c\"");
        assert!(replaced("a", "./b", "./c").is_err());
    }
}
