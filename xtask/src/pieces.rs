//! Cutting the wasm of the page and of the backend worker into what is needed at once and what comes when it is wanted.
//!
//! Trunk knows nothing of this: it leaves files that lack their pieces. They are cut from the same wasm here, before
//! `wasm-bindgen` has seen it, and what trunk wrote is replaced. `src/split.rs` and `src/worker/split.rs` say where to cut.

use crate::shell::{self, Shell};
use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeSet, HashMap};
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
    let first = site.join(format!("{stem}_bg.wasm"));
    optimise(shell, &glue.join(format!("{stem}_bg.wasm")), &first)?;

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
    let (main, bytes) = with_even_names(&main, &fs::read(&first)?)?;
    fs::write(&first, bytes)?;
    fs::write(site.join(format!("{stem}.js")), without_layout(&main)?)?;
    println!("{binary} is in {count} pieces besides what stands first");
    Ok(())
}

/// Gives the functions that the wasm imports from its script names with counters in the place of `wasm-bindgen`'s hashes:
/// there are hundreds, they stand in both files, and nothing compresses a hash. A counter is as long as a hash, so that
/// no length in the wasm changes.
fn with_even_names(script: &str, wasm: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let mut even: HashMap<&[u8], String> = HashMap::new();
    for name in hashed_names(script.as_bytes()).collect::<BTreeSet<_>>() {
        let name = std::str::from_utf8(name)?;
        let base = &name[..name.len() - HASH];
        let count = counts.entry(base).or_default();
        even.insert(name.as_bytes(), format!("{base}{count:016x}"));
        *count += 1;
    }
    if even.is_empty() {
        bail!("no name in the generated script has a hash; its maker has changed");
    }
    let replaced = |from: &[u8]| {
        let mut to = from.to_vec();
        let mut count = 0;
        for name in hashed_names(from) {
            if let Some(even) = even.get(name) {
                let at = name.as_ptr().addr() - from.as_ptr().addr();
                to[at..at + name.len()].copy_from_slice(even.as_bytes());
                count += 1;
            }
        }
        (to, count)
    };
    let (wasm, count) = replaced(wasm);
    if count != even.len() {
        bail!("{count} of {} names are in the wasm", even.len());
    }
    let (script, _) = replaced(script.as_bytes());
    Ok((String::from_utf8(script)?, wasm))
}

const PREFIX: &[u8] = b"__wbg_";
/// Digits of a hash.
const HASH: usize = 16;

/// Every `__wbg_<name>_<hash>`. In the wasm the length stands before it, which may be a letter too.
fn hashed_names(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    bytes.split(move |byte| !is_part(byte)).filter_map(|word| {
        let start = word.windows(PREFIX.len()).position(|part| part == PREFIX)?;
        let name = &word[start..];
        let (base, hash) = name.split_at_checked(name.len().checked_sub(HASH)?)?;
        (base.ends_with(b"_") && hash.iter().all(u8::is_ascii_hexdigit)).then_some(name)
    })
}

/// A generated script without its comments on functions and its indentation.
fn without_layout(script: &str) -> Result<String> {
    let mut lines = Vec::new();
    let mut is_comment = false;
    for line in script.lines() {
        if line.matches('`').count() % 2 == 1 {
            bail!("the generated script has a text of several lines: {line}");
        }
        let line = line.trim();
        is_comment |= line.starts_with("/**");
        if !is_comment && !line.is_empty() {
            lines.push(line);
        }
        is_comment &= !line.ends_with("*/");
    }
    Ok(lines.join("\n"))
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
    fn names_with_hashes_become_even_in_both_files_and_keep_their_length() {
        let script =
            "__wbg_get_00112233445566ff: f, __wbg_get_ff112233445566ff: g, __wbg_get_old: h";
        let wasm = b"\x1a__wbg_get_ff112233445566ff\0\x01\x03wbg0__wbg_get_00112233445566ff\0";
        let (even, bytes) = with_even_names(script, wasm).unwrap();
        assert_eq!(
            even,
            "__wbg_get_0000000000000000: f, __wbg_get_0000000000000001: g, __wbg_get_old: h"
        );
        assert_eq!(
            bytes,
            b"\x1a__wbg_get_0000000000000001\0\x01\x03wbg0__wbg_get_0000000000000000\0"
        );
        assert!(with_even_names(script, b"\x1a__wbg_get_ff112233445566ff\0").is_err());
        assert!(with_even_names("none", wasm).is_err());
    }

    #[test]
    fn a_script_loses_its_layout_and_none_of_its_code() {
        let script = "/**\n * @param {any} a\n */\nfunction f(a) {\n\n    return `a ${a}`;\n}\n/** x */\nf(1);\n";
        assert_eq!(
            without_layout(script).unwrap(),
            "function f(a) {\nreturn `a ${a}`;\n}\nf(1);"
        );
        assert!(without_layout("`a\n b`").is_err());
    }

    #[test]
    fn a_script_without_the_expected_name_is_refused() {
        assert_eq!(replaced("a \"./b\"", "./b", "./c").unwrap(), "a \"./c\"");
        assert!(replaced("a", "./b", "./c").is_err());
    }
}
