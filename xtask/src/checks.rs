//! `cargo xtask test`: every check there is, each also a command of its own. A failing check does not stop those after
//! it, so that one run tells everything.

use crate::args::Args;
use crate::serve::hub_local;
use crate::shell::{self, Shell};
use crate::site::{self, Kind};
use crate::sizes;
use crate::tools::{self, Need, chromium, python};
use crate::{missing, model, tokenizers, vulkan, world};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A check with its name.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Shell, &[String]) -> Result<()>,
}

/// In the order in which a mistake is found soonest.
const STEPS: [Step; 10] = [
    Step {
        name: "fmt",
        what: "Rust code is formatted",
        run: fmt,
    },
    Step {
        name: "clippy-native",
        what: "lints of everything, natively",
        run: clippy_native,
    },
    Step {
        name: "clippy-wasm",
        what: "lints of what runs in a browser, for wasm",
        run: clippy_wasm,
    },
    Step {
        name: "native",
        what: "unit, property and whole-loop tests, natively; the faults for the world test can be put back",
        run: native,
    },
    Step {
        name: "engine",
        what: "the engine's crates, with a real model on a Vulkan that needs no graphics card",
        run: engine,
    },
    Step {
        name: "clients",
        what: "Python and Node clients against the local Hub",
        run: clients,
    },
    Step {
        name: "web",
        what: "storage and worker tests in headless Chromium",
        run: web,
    },
    Step {
        name: "dist",
        what: "the optimised site is built and keeps its size budget",
        run: dist,
    },
    Step {
        name: "space",
        what: "the static Space is put together",
        run: space,
    },
    Step {
        name: "e2e",
        what: "journeys in headless Chromium on the optimised site",
        run: e2e,
    },
];

/// `cargo xtask test`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    let filter = args.next_word().unwrap_or_default();
    args.finish()?;
    missing::check().map_err(anyhow::Error::msg)?;
    let steps: Vec<&Step> = match STEPS.iter().find(|step| step.name == filter) {
        Some(step) => vec![step],
        None => STEPS
            .iter()
            .filter(|step| step.name.contains(&filter))
            .collect(),
    };
    if steps.is_empty() {
        let names = STEPS.map(|step| step.name).join(", ");
        bail!("there is no step `{filter}`; there are: {names}");
    }
    let mut results = Vec::new();
    for step in steps {
        println!("\n━━ {} — {}", step.name, step.what);
        let start = Instant::now();
        let result = (step.run)(shell, &args.trailing);
        if let Err(error) = &result {
            println!("✗ {}: {error:#}", step.name);
        }
        results.push((step.name, start.elapsed(), result.is_ok()));
    }
    report(&results)
}

fn report(results: &[(&str, Duration, bool)]) -> Result<()> {
    println!();
    for (name, took, is_ok) in results {
        let mark = if *is_ok { '✓' } else { '✗' };
        println!("{mark} {name:<14} {:>7.1} s", took.as_secs_f64());
    }
    let all: Duration = results.iter().map(|(_, took, _)| *took).sum();
    println!("  {:<14} {:>7.1} s\n", "all", all.as_secs_f64());
    let failed = results.iter().filter(|(_, _, is_ok)| !is_ok).count();
    println!("{} passed, {failed} failed", results.len() - failed);
    if failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn fmt(shell: &Shell, _: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Lints])?;
    shell::run(shell.cargo().args(["fmt", "--all", "--check"]))
}

fn clippy_native(shell: &Shell, _: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Lints])?;
    shell::run(shell.cargo().args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Crates that never run in a browser.
const NATIVE_ONLY: [&str; 2] = ["seedbed-hub-local", "xtask"];

fn clippy_wasm(shell: &Shell, _: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Lints, Need::Wasm])?;
    let mut command = shell.cargo();
    command.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--target",
        "wasm32-unknown-unknown",
    ]);
    for name in NATIVE_ONLY {
        command.args(["--exclude", name]);
    }
    shell::run(command.args(["--", "-D", "warnings"]))?;
    // What is tested in a browser; the tests of other crates need what no browser has.
    let mut command = shell.cargo();
    command.args(["clippy", "--quiet", "--tests"]);
    command.args(["--target", "wasm32-unknown-unknown"]);
    for name in ["seedbed", "seedbed-store"] {
        command.args(["--package", name]);
    }
    shell::run(command.args(["--", "-D", "warnings"]))
}

fn native(shell: &Shell, trailing: &[String]) -> Result<()> {
    let patches = world::check_patches(shell);
    let mut command = shell.cargo();
    // One run tells of everything that fails.
    command.args(["test", "--quiet", "--workspace", "--no-fail-fast"]);
    for name in ENGINE {
        command.args(["--exclude", name]);
    }
    if !trailing.is_empty() {
        command.arg("--").args(trailing);
    }
    let tests = shell::run(&mut command);
    patches.and(tests)
}

/// Crates whose tests want an adapter and a model.
const ENGINE: [&str; 3] = ["seedbed-weights", "seedbed-tokens", "seedbed-engine"];

fn engine(shell: &Shell, trailing: &[String]) -> Result<()> {
    let mut command = shell.cargo();
    command.args(["test", "--quiet", "--no-fail-fast"]);
    // What can't be had is left to the tests: those that need it fail, or say that they did not run.
    if let Some(file) = had("model", model::ensure(shell)) {
        command.env("SEEDBED_MODEL", file);
    }
    if let Some(folder) = had("tokenizers", tokenizers::ensure(shell)) {
        command.env("SEEDBED_TOKENIZERS", folder);
    }
    let driver = tools::ensure(shell, &[Need::Vulkan])
        .and_then(|()| vulkan::with_lavapipe(&mut command).map(drop));
    had("adapter", driver);
    for name in ENGINE {
        command.args(["--package", name]);
    }
    if !trailing.is_empty() {
        command.arg("--").args(trailing);
    }
    shell::run(&mut command)
}

/// What was got; `None`, and said so, where it was not.
fn had<T>(thing: &str, got: Result<T>) -> Option<T> {
    got.inspect_err(|error| println!("GOING ON WITHOUT {}: {error:#}", thing.to_uppercase()))
        .ok()
}

fn clients(shell: &Shell, trailing: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Node, Need::Python])?;
    let hub = hub_local(shell)?;
    let folder = shell.root.join("tests/clients");
    let both = [
        shell::run(
            shell
                .command(python(shell))
                .current_dir(&folder)
                .args(["-m", "pytest", "--quiet"])
                .args(trailing)
                .env("SEEDBED_HUB_LOCAL", &hub),
        ),
        shell::run(
            shell
                .command("node")
                .current_dir(&folder)
                .args(["--test", "--test-reporter=spec"])
                .env("SEEDBED_HUB_LOCAL", &hub),
        ),
    ];
    both.into_iter().collect()
}

fn web(shell: &Shell, trailing: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Wasm, Need::WasmTests, Need::Browser])?;
    let tests = web_tests(&shell.root)?;
    if tests.is_empty() {
        bail!("there are no browser tests to run");
    }
    let mut failed = Vec::new();
    for (package, test) in tests {
        let mut command = shell.cargo();
        command
            // Not `--quiet`: cargo would hand it on to the runner, which does not know it.
            .args(["test", "--target", "wasm32-unknown-unknown"])
            .args(["--package", &package, "--test", &test]);
        if !trailing.is_empty() {
            command.arg("--").args(trailing);
        }
        if shell::run(with_webdriver(shell, &mut command)?).is_err() {
            failed.push(format!("{package}/{test}"));
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn with_webdriver<'a>(shell: &Shell, command: &'a mut Command) -> Result<&'a mut Command> {
    let browser = chromium(shell).context("Chromium is not there")?;
    let driver = shell
        .which("chromedriver")
        .context("chromedriver is not there")?;
    // A file, because the runner takes the browser's arguments from nowhere else.
    let file = shell.target_dir().join("webdriver.json");
    fs::create_dir_all(shell.target_dir())?;
    fs::write(
        &file,
        format!(
            r#"{{"goog:chromeOptions":{{"binary":"{}","args":["--headless=new","--no-sandbox","--disable-dev-shm-usage","--disable-gpu","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"]}}}}"#,
            browser.display()
        ),
    )?;
    Ok(command
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            "wasm-bindgen-test-runner",
        )
        .env("CHROMEDRIVER", driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", file)
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120"))
}

/// Every test file of the workspace that is written for a browser, as package and test name.
fn web_tests(root: &Path) -> Result<Vec<(String, String)>> {
    let mut folders = vec![root.to_path_buf()];
    for entry in fs::read_dir(root.join("crates"))? {
        folders.push(entry?.path());
    }
    let mut tests = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(folder.join("tests")) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "rs")
                || !fs::read_to_string(&path)?.contains("wasm_bindgen_test_configure!")
            {
                continue;
            }
            let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
            let package = manifest
                .lines()
                .skip_while(|line| *line != "[package]")
                .find_map(|line| line.strip_prefix("name = \""))
                .and_then(|rest| rest.strip_suffix('"'))
                .with_context(|| format!("{} names no package", folder.display()))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            tests.push((package.to_owned(), name.into_owned()));
        }
    }
    tests.sort();
    Ok(tests)
}

fn dist(shell: &Shell, _: &[String]) -> Result<()> {
    let site = site::build(shell, Kind::Optimised)?;
    let weights = sizes::weigh(shell, &site)?;
    sizes::print(&weights);
    sizes::check(&weights)
}

fn space(shell: &Shell, _: &[String]) -> Result<()> {
    let mut args = Args::none();
    crate::space::run(shell, &mut args)
}

fn e2e(shell: &Shell, trailing: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let mut command = shell.command("node");
    // One file at a time: each journey starts browsers, and two cores are soon busy.
    command.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    // What a failed journey leaves open must not keep the others waiting; and nothing waits for ever.
    command.args(["--test-force-exit", "--test-timeout=600000"]);
    if !trailing.is_empty() {
        command.args(["--test-name-pattern", &trailing.join(" ")]);
    }
    let mut files: Vec<_> = fs::read_dir(shell.root.join("tests/e2e"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("there are no journeys to run");
    }
    // The other journeys don't need it.
    if let Some(file) = had("model", model::ensure(shell)) {
        command.env("SEEDBED_MODEL", file);
    }
    shell::run(with_e2e(shell, command.args(files))?)
}

/// Tells a journey what it needs: the site, the local Hub, the browser and Python.
pub(crate) fn with_e2e<'a>(shell: &Shell, command: &'a mut Command) -> Result<&'a mut Command> {
    Ok(command
        .env("SEEDBED_SITE", site::build(shell, Kind::Optimised)?)
        .env("SEEDBED_HUB_LOCAL", hub_local(shell)?)
        .env("SEEDBED_PYTHON", python(shell))
        .env(
            "CHROMIUM",
            chromium(shell).context("Chromium is not there")?,
        ))
}
