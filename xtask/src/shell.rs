//! Starting other programs: always from the project's root, with the project's own tools first on the path.

use anyhow::{Context as _, Result, bail};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the project is and how its programs are found.
pub(crate) struct Shell {
    /// The project's root.
    pub(crate) root: PathBuf,
    path: OsString,
}

impl Shell {
    /// The shell of the project this tool was compiled in.
    pub(crate) fn new() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lives in a folder of the project")?
            .to_path_buf();
        let own = [root.join(".tools/bin"), root.join("node_modules/.bin")];
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&inherited)))
            .context("the project's folder name cannot stand in PATH")?;
        Ok(Self { root, path })
    }

    /// A command in the root.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", &self.path);
        command
    }

    /// A cargo command in the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command("cargo");
        // Set by the cargo that runs this tool; they would make the inner cargo see another package as its own.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Where a program of this name is, if it is on the path.
    pub(crate) fn which(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    }

    /// The folder cargo builds into.
    pub(crate) fn target_dir(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.root.join(folder),
            None => self.root.join("target"),
        }
    }
}

/// Runs a command to its end; an exit status other than 0 is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = display(command);
    let status = command
        .status()
        .with_context(|| format!("`{text}` could not be started"))?;
    if !status.success() {
        bail!("`{text}` failed ({status})");
    }
    Ok(())
}

/// Runs a command to its end, shows each line it writes, and gives those lines beside how it ended.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(Vec<String>, Result<()>)> {
    let text = display(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{text}` could not be started"))?;
    let mut lines = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            lines.push(line);
        }
    }
    let status = child.wait()?;
    let ended = if status.success() {
        Ok(())
    } else {
        Err(anyhow::anyhow!("`{text}` failed ({status})"))
    };
    Ok((lines, ended))
}

/// Runs a command silently and gives what it wrote to standard output; `None` when it failed or is not there.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as a person would type it.
pub(crate) fn display(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
