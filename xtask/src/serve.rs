//! The whole loop on one machine: the app, a local Hub, and a model.

use crate::args::Args;
use crate::model;
use crate::shell::{self, Shell};
use crate::site::{self, Kind};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the app lives: a sub-path, as on many static hosts, so that one is always being tried.
const SUB_PATH: &str = "/seedbed/";

/// `cargo xtask serve`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    let port: u16 = match args.value("--port")? {
        Some(text) => text
            .parse()
            .with_context(|| format!("`{text}` is not a port"))?,
        None => 8600,
    };
    let upstream = args.value("--upstream")?;
    let opens_browser = args.switch("--open");
    let is_fresh = args.switch("--fresh");
    let has_model = !args.switch("--no-model");
    let mut files = Vec::new();
    while let Some(file) = args.value("--model-file")? {
        // As the person's shell sees it; the local Hub is started from the project's root.
        let file = fs::canonicalize(&file).with_context(|| format!("`{file}` can't be read"))?;
        files.push(file);
    }
    args.finish()?;

    let folder = shell.target_dir().join("local-hub");
    if is_fresh && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let site = site::build(shell, Kind::Quick)?;
    if has_model {
        match model::ensure(shell) {
            Ok(file) => files.insert(0, file),
            Err(error) => println!("going on without a model for the tab: {error:#}"),
        }
    }
    let mut command = shell.command(hub_local(shell)?);
    command
        .arg("--dir")
        .arg(folder)
        .arg("--app")
        .arg(site)
        .args(["--app-path", SUB_PATH, "--app-port"])
        .arg(port.to_string())
        // The Hub's address is part of what a browser remembers, so it stays the same from start to start.
        .args(["--hub-port", &(port + 1).to_string()])
        .args(["--storage-port", &(port + 2).to_string()]);
    match &upstream {
        Some(url) => command.args(["--upstream", url]),
        None => command.arg("--scripted-model"),
    };
    for file in &files {
        command.arg("--model-file").arg(file);
    }
    let names: Vec<_> = files
        .iter()
        .filter_map(|file| file.file_name())
        .map(|name| name.to_string_lossy())
        .collect();
    let in_tab = if names.is_empty() {
        "no model here; a file on this computer or a link can be taken".to_owned()
    } else {
        names.join(", ")
    };
    start(
        shell,
        &mut command,
        upstream.as_deref(),
        &in_tab,
        opens_browser,
    )
}

fn start(
    shell: &Shell,
    command: &mut Command,
    upstream: Option<&str>,
    in_tab: &str,
    opens_browser: bool,
) -> Result<()> {
    // Ctrl-C in a terminal reaches both of us, so the Hub ends with this tool.
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` could not be started", shell::display(command)))?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    if line.is_empty() {
        child.wait()?;
        bail!("the local Hub did not start; is another one running? `--port` chooses other ports");
    }
    let address = |key: &str| text_value(&line, key).unwrap_or_default();
    let app = address("app");
    let model = match upstream {
        Some(url) => format!("the server at {url}"),
        None => {
            "a scripted stand-in, which is no language model (use --upstream URL for a real one)"
                .to_owned()
        }
    };
    println!(
        "
  Seedbed    {app}
  Hub        {}   sign in there as `{}`, or paste the token `{}`
  Model      {model}
  In the tab {in_tab}

  Open the first address, take the example project, and follow the steps at the top:
  Seed, Prompts, Generate, Review, Publish. Ctrl-C stops everything.
",
        address("hub"),
        address("user"),
        address("token"),
    );
    if opens_browser {
        let opener = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        if shell.command(opener).arg(&app).spawn().is_err() {
            println!("  (no `{opener}` here: please open the address yourself)");
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the local Hub ended ({status})");
    }
    Ok(())
}

/// Builds the local Hub if needed and says where it is.
pub(crate) fn hub_local(shell: &Shell) -> Result<PathBuf> {
    // `--workspace` so that its dependencies are built with the same features as by the tests, once.
    shell::run(shell.cargo().args([
        "build",
        "--quiet",
        "--workspace",
        "--bin",
        "seedbed-hub-local",
    ]))?;
    Ok(shell.target_dir().join("debug/seedbed-hub-local"))
}

/// The text under `key` in one line of flat JSON without escapes, which is what the local Hub prints.
fn text_value(json: &str, key: &str) -> Option<String> {
    let (_, rest) = json.split_once(&format!("\"{key}\":\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_the_line_of_the_hub() {
        let line = r#"{"app":"http://127.0.0.1:8600/seedbed/","hub":"http://127.0.0.1:8601","user":"local"}"#;
        assert_eq!(text_value(line, "hub").unwrap(), "http://127.0.0.1:8601");
        assert_eq!(text_value(line, "storage"), None);
    }
}
