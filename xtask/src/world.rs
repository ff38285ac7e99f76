//! `cargo xtask world`: the world test (`crates/backend/tests/world`) with more seeds than the tests play, and whether it
//! finds the faults that it is there to find.

use crate::args::Args;
use crate::shell::{self, Shell};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seeds of `cargo xtask world`, if it is not told how many.
const SEEDS: &str = "2000";
/// Seeds within which each fault has to be found.
const FAULT_SEEDS: &str = "200";
/// Faults as patches against the sources.
const PATCHES: &str = "crates/backend/tests/world/patches";
/// Begins the line of a patch that names the invariants by which it shows.
const FOUND_AS: &str = "Found as: ";

/// `cargo xtask world [faults [NAME]]`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    let seeds = args.value("--seeds")?;
    let from = args.value("--from")?;
    let command = args.next_word().unwrap_or_default();
    let name = args.next_word().unwrap_or_default();
    args.finish()?;
    match command.as_str() {
        "" => {
            let mut test = test(shell, &shell.root);
            test.env("WORLD_SEEDS", seeds.as_deref().unwrap_or(SEEDS));
            if let Some(from) = from {
                test.env("WORLD_FROM", from);
            }
            shell::run(&mut test)
        }
        "faults" => faults(shell, &name, seeds.as_deref().unwrap_or(FAULT_SEEDS)),
        other => bail!("there is no `world {other}`; there is: world, world faults"),
    }
}

/// The test, in the tree `root`, by the profile of native tools: thousands of seeds are worth its longer build.
fn test(shell: &Shell, root: &Path) -> Command {
    let mut command = shell.cargo();
    command.current_dir(root).args([
        "test",
        "--quiet",
        "--profile",
        "native",
        "--package",
        "seedbed-backend",
        "--test",
        "world",
    ]);
    command
}

/// The faults as files, in order.
fn patches(shell: &Shell) -> Result<Vec<PathBuf>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(shell.root.join(PATCHES))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "patch") {
            patches.push(path);
        }
    }
    patches.sort();
    Ok(patches)
}

/// Whether every fault can still be put back; each that can't is told at once.
pub(crate) fn check_patches(shell: &Shell) -> Result<()> {
    let patches = patches(shell)?;
    if patches.is_empty() {
        bail!("there are no faults in {PATCHES}");
    }
    let mut stale = Vec::new();
    for patch in &patches {
        let mut check = shell.command("git");
        check.args(["apply", "--check"]).arg(patch);
        // In a repository around the project git would skip the patch and say nothing.
        if let Some(above) = shell.root.parent() {
            check.env("GIT_CEILING_DIRECTORIES", above);
        }
        if shell::run(&mut check).is_err() {
            let name = patch.file_name().unwrap_or_default().to_string_lossy();
            println!(
                "✗ {name}: the sources that it changes have changed, so this fault can't be put back to see whether the \
                 world test finds it. Make the patch anew: the same fault in the present sources."
            );
            stale.push(name.into_owned());
        }
    }
    if !stale.is_empty() {
        bail!("patches in {PATCHES} no longer apply: {}", stale.join(", "));
    }
    Ok(())
}

/// Puts each fault back in a copy of the sources, and shows that it is found.
fn faults(shell: &Shell, name: &str, seeds: &str) -> Result<()> {
    let patches: Vec<PathBuf> = patches(shell)?
        .into_iter()
        .filter(|path| {
            path.file_name()
                .is_some_and(|file| file.to_string_lossy().contains(name))
        })
        .collect();
    if patches.is_empty() {
        bail!("no fault in {PATCHES} is called `{name}`");
    }
    let copy = Copy::make(shell)?;
    let mut missed = Vec::new();
    for patch in &patches {
        let title = patch.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(patch)?;
        let rules = text
            .lines()
            .find_map(|line| line.strip_prefix(FOUND_AS))
            .with_context(|| format!("{title} does not say what it is found as"))?;
        println!("\n━━ {title}");
        shell::run(copy.git(shell).arg("apply").arg(patch))
            .context("The sources have changed: the patch has to be made anew.")?;
        let found = copy.finds(shell, rules, seeds);
        shell::run(copy.git(shell).args(["apply", "-R"]).arg(patch))?;
        if let Some(first) = found? {
            println!("✓ {title}: found by {first}");
        } else {
            println!("✗ {title}: not found within {seeds} seeds");
            missed.push(title.into_owned());
        }
    }
    if !missed.is_empty() {
        bail!("not found: {}", missed.join(", "));
    }
    Ok(())
}

/// A copy of the sources as they are, changes that are not committed included.
struct Copy {
    root: PathBuf,
    main: PathBuf,
}

impl Copy {
    fn make(shell: &Shell) -> Result<Self> {
        let root = shell.target_dir().join("world-faults");
        let copy = Self {
            main: shell.root.clone(),
            root,
        };
        copy.remove();
        let git =
            |args: &[&str]| shell::output(Command::new("git").current_dir(&shell.root).args(args));
        let now = git(&["stash", "create"]).filter(|id| !id.is_empty());
        let now = now.unwrap_or_else(|| "HEAD".to_owned());
        shell::run(
            Command::new("git")
                .current_dir(&shell.root)
                .args(["worktree", "add", "--quiet", "--detach", "--force"])
                .arg(&copy.root)
                .arg(now),
        )?;
        Ok(copy)
    }

    fn remove(&self) {
        // It is not there the first time.
        let _ = shell::output(
            Command::new("git")
                .current_dir(&self.main)
                .args(["worktree", "remove", "--force"])
                .arg(&self.root),
        );
    }

    fn git(&self, shell: &Shell) -> Command {
        let mut command = shell.command("git");
        command.current_dir(&self.root);
        command
    }

    /// The test in the copy. It has its own build folder: cargo can't tell the packages of two trees apart.
    fn test(&self, shell: &Shell) -> Command {
        let mut command = test(shell, &self.root);
        command.env("CARGO_TARGET_DIR", shell.target_dir().join("world"));
        command
    }

    /// The seed by which the test fails by one of these invariants, as the test writes it.
    fn finds(&self, shell: &Shell, rules: &str, seeds: &str) -> Result<Option<String>> {
        shell::run(self.test(shell).arg("--no-run"))?;
        let mut test = self.test(shell);
        test.args(["--", "--nocapture", "nothing_is_lost"])
            .env("WORLD_SEEDS", seeds)
            .env("WORLD_ONLY", rules)
            .env("WORLD_FIRST", "1")
            .env("RUST_BACKTRACE", "0");
        let output = test.output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let told: Vec<&str> = text.lines().filter(|line| line.starts_with('✘')).collect();
        for line in &told {
            println!("{line}");
        }
        if output.status.success() || told.is_empty() {
            return Ok(None);
        }
        // Begins the story of the first one.
        let first = text.lines().find(|line| line.starts_with("seed "));
        let first = first.context("the world test did not say which seed it was")?;
        Ok(Some(first.trim_end_matches(':').to_owned()))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}
