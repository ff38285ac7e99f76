//! Installing what is missing. Programs already on the path are taken when their version fits; what has to be compiled
//! goes into `.tools/`, what Debian has comes by apt when we are root, and elsewhere the person is told what to install.

use crate::args::Args;
use crate::shell::{self, Shell, output};
use crate::{model, tokenizers, vulkan};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Newer ones ask for a newer compiler than the project does.
const TRUNK: &str = "0.21.14";
/// Goes with the macros that leptos brings.
const WASM_SPLIT: &str = "0.2.4";

/// What a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// rustfmt and clippy.
    Lints,
    /// The wasm target and a C compiler that knows it (for SQLite).
    Wasm,
    /// Trunk and the `wasm-bindgen` command of the version the app is built with.
    Trunk,
    /// What cuts the page into pieces.
    WasmSplit,
    /// `wasm-bindgen-test-runner`.
    WasmTests,
    /// Node with npm, and no packages.
    Npm,
    /// Node with the packages of `package.json`, `wasm-opt` among them.
    Node,
    /// Chromium and its driver.
    Browser,
    /// Python with the packages of `tests/clients/requirements.txt` in `.venv`.
    Python,
    /// Mesa's Vulkan driver that computes on the processor.
    Vulkan,
}

/// `cargo xtask tools`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    args.finish()?;
    ensure(
        shell,
        &[
            Need::Lints,
            Need::Wasm,
            Need::Trunk,
            Need::WasmSplit,
            Need::WasmTests,
            Need::Node,
            Need::Browser,
            Need::Python,
            Need::Vulkan,
        ],
    )?;
    println!("the model is in {}", model::ensure(shell)?.display());
    println!(
        "the tokenizers are in {}",
        tokenizers::ensure(shell)?.display()
    );
    Ok(())
}

/// Sees to it that everything in `needs` is there.
pub(crate) fn ensure(shell: &Shell, needs: &[Need]) -> Result<()> {
    let needs_any = |wanted: &[Need]| wanted.iter().any(|need| needs.contains(need));
    let mut packages = Vec::new();
    let mut package = |is_missing: bool, names: &[&'static str]| {
        if is_missing {
            packages.extend_from_slice(names);
        }
    };
    package(
        needs_any(&[Need::Wasm]) && shell.which("clang").is_none(),
        &["clang"],
    );
    package(
        needs_any(&[Need::Node, Need::Npm])
            && (shell.which("node").is_none() || shell.which("npm").is_none()),
        &["nodejs", "npm"],
    );
    package(
        needs_any(&[Need::Browser]) && chromium(shell).is_none(),
        &["chromium"],
    );
    package(
        needs_any(&[Need::Browser]) && shell.which("chromedriver").is_none(),
        &["chromium-driver"],
    );
    package(
        needs_any(&[Need::Python]) && !has_python_venv(shell),
        &["python3", "python3-venv"],
    );
    package(
        needs_any(&[Need::Vulkan]) && cfg!(target_os = "linux") && vulkan::lavapipe().is_none(),
        &["mesa-vulkan-drivers"],
    );
    install_packages(shell, &packages)?;

    if needs.contains(&Need::Lints) {
        ensure_components(shell)?;
    }
    if needs.contains(&Need::Wasm) {
        ensure_wasm_target(shell)?;
    }
    if needs.contains(&Need::Trunk) {
        ensure_trunk(shell)?;
    }
    if needs_any(&[Need::Trunk, Need::WasmTests]) {
        ensure_wasm_bindgen(shell)?;
    }
    if needs.contains(&Need::WasmSplit) {
        ensure_wasm_split(shell)?;
    }
    if needs.contains(&Need::Node) {
        ensure_node_packages(shell)?;
    }
    if needs.contains(&Need::Python) {
        ensure_venv(shell)?;
    }
    Ok(())
}

/// The browser: `CHROMIUM`, else the first of the usual names on the path.
pub(crate) fn chromium(shell: &Shell) -> Option<PathBuf> {
    std::env::var_os("CHROMIUM").map(PathBuf::from).or_else(|| {
        ["chromium", "chromium-browser", "google-chrome", "chrome"]
            .iter()
            .find_map(|name| shell.which(name))
    })
}

/// Python of the project's own environment.
pub(crate) fn python(shell: &Shell) -> PathBuf {
    shell.root.join(".venv/bin/python")
}

/// A Python for scripts that need no packages.
pub(crate) fn any_python(shell: &Shell) -> PathBuf {
    let own = python(shell);
    if own.is_file() {
        own
    } else {
        PathBuf::from("python3")
    }
}

/// A Python with pip: that of the project's environment, which is made if need be, but without its packages.
pub(crate) fn python_with_pip(shell: &Shell) -> Result<PathBuf> {
    let own = python(shell);
    if output(shell.command(&own).args(["-m", "pip", "--version"])).is_none() {
        if !has_python_venv(shell) {
            install_packages(shell, &["python3", "python3-venv"])?;
        }
        // Without a stamp; who needs the packages makes it again.
        make_venv(shell)?;
    }
    Ok(own)
}

fn make_venv(shell: &Shell) -> Result<()> {
    shell::run(
        shell
            .command("python3")
            .args(["-m", "venv", "--clear", ".venv"]),
    )
}

fn has_python_venv(shell: &Shell) -> bool {
    python(shell).is_file()
        || output(
            shell
                .command("python3")
                .args(["-c", "import ensurepip, venv"]),
        )
        .is_some()
}

fn install_packages(shell: &Shell, packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let is_root = output(shell.command("id").arg("-u")).as_deref() == Some("0");
    if shell.which("apt-get").is_none() {
        bail!("please install these and start again (named as on Debian): {list}");
    }
    if !is_root {
        bail!("please run this and start again:\n\n    sudo apt-get install {list}");
    }
    println!("installing {list} by apt");
    let apt = || {
        let mut command = shell.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    shell::run(apt().arg("update"))?;
    shell::run(
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

fn ensure_components(shell: &Shell) -> Result<()> {
    let missing: Vec<&str> = [("cargo-clippy", "clippy"), ("cargo-fmt", "rustfmt")]
        .into_iter()
        .filter(|(program, _)| output(shell.command(program).arg("--version")).is_none())
        .map(|(_, component)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    shell::run(
        shell
            .command("rustup")
            .args(["component", "add"])
            .args(missing),
    )
}

fn ensure_wasm_target(shell: &Shell) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let libdir =
        output(
            shell
                .command("rustc")
                .args(["--print", "target-libdir", "--target", TARGET]),
        );
    if libdir.is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    shell::run(shell.command("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("the {TARGET} target of Rust is missing"))
}

fn ensure_trunk(shell: &Shell) -> Result<()> {
    if output(shell.command("trunk").arg("--version")) == Some(format!("trunk {TRUNK}")) {
        return Ok(());
    }
    println!("building trunk {TRUNK} into .tools/ (once, some minutes)");
    shell::run(
        install(shell)
            .args(["trunk", "--version", TRUNK, "--locked"])
            // Without its update check it compiles faster, and it need not phone home.
            .args(["--no-default-features", "--features", "rustls"]),
    )
}

fn ensure_wasm_bindgen(shell: &Shell) -> Result<()> {
    let version = locked_version(&shell.root, "wasm-bindgen")?;
    let fits = ["wasm-bindgen", "wasm-bindgen-test-runner"]
        .iter()
        .all(|name| {
            output(shell.command(name).arg("--version"))
                .is_some_and(|text| text.split(' ').nth(1) == Some(&version))
        });
    if fits {
        return Ok(());
    }
    println!("building wasm-bindgen {version} into .tools/ (once, some minutes)");
    // Not `--locked`: its lock file names a dependency version that was withdrawn.
    shell::run(install(shell).args(["wasm-bindgen-cli", "--version", &version]))
}

fn ensure_wasm_split(shell: &Shell) -> Result<()> {
    // It does not say its version.
    let stamp = shell.root.join(".tools/wasm-split-version");
    let is_there = shell.which("wasm-split-cli").is_some();
    if is_there && fs::read_to_string(&stamp).is_ok_and(|version| version == WASM_SPLIT) {
        return Ok(());
    }
    println!("building wasm-split {WASM_SPLIT} into .tools/ (once, a minute or two)");
    shell::run(
        install(shell)
            .args([
                "wasm_split_cli_support",
                "--version",
                WASM_SPLIT,
                "--locked",
            ])
            .args(["--features", "build-binary"]),
    )?;
    fs::write(stamp, WASM_SPLIT)?;
    Ok(())
}

/// `cargo install` into `.tools`, compiled for a short build rather than for speed.
fn install(shell: &Shell) -> std::process::Command {
    let mut command = shell.cargo();
    command
        .args(["install", "--quiet", "--force", "--root", ".tools"])
        .env("CARGO_TARGET_DIR", shell.root.join(".tools/build"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_STRIP", "none");
    command
}

/// The version of a package in `Cargo.lock`.
fn locked_version(root: &Path, package: &str) -> Result<String> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("Cargo.lock can't be read")?;
    let mut lines = lock.lines();
    let wanted = format!("name = \"{package}\"");
    lines
        .find(|line| *line == wanted)
        .and_then(|_| lines.next())
        .and_then(|line| line.strip_prefix("version = \""))
        .and_then(|line| line.strip_suffix('"'))
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock does not name {package}"))
}

fn ensure_node_packages(shell: &Shell) -> Result<()> {
    for folder in [".", "tests/clients"] {
        let folder = shell.root.join(folder);
        let Ok(lock) = fs::read_to_string(folder.join("package-lock.json")) else {
            continue;
        };
        let stamp = folder.join("node_modules/.seedbed-stamp");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == lock) {
            continue;
        }
        println!("installing node packages in {}", folder.display());
        shell::run(shell.command("npm").current_dir(&folder).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]))?;
        fs::write(stamp, lock)?;
    }
    Ok(())
}

fn ensure_venv(shell: &Shell) -> Result<()> {
    let requirements = shell.root.join("tests/clients/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("{} can't be read", requirements.display()))?;
    let stamp = shell.root.join(".venv/.seedbed-stamp");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    println!("installing Python packages into .venv");
    make_venv(shell)?;
    shell::run(
        shell
            .command(python(shell))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&requirements),
    )?;
    fs::write(stamp, wanted)?;
    Ok(())
}
