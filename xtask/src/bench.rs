//! `cargo xtask bench`: the project's figures, as ratios where a peer exists. They are printed and written to
//! `target/bench.json` (those of the engine to `target/bench-engine.json`), never asserted: a slow machine is not a mistake
//! in the code.

use crate::args::Args;
use crate::checks::with_e2e;
use crate::shell::{self, Shell};
use crate::site::{self, Kind};
use crate::sizes::{self, Load};
use crate::tools::{self, Need};
use crate::{model, vulkan};
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// `cargo xtask bench`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    let is_quick = args.switch("--quick");
    let what = args.next_word();
    args.finish()?;
    match what.as_deref() {
        None => whole(shell, is_quick),
        Some("engine") => engine(shell, is_quick, &args.trailing),
        Some(other) => bail!("there are no figures of `{other}`, only of `engine`"),
    }
}

fn whole(shell: &Shell, is_quick: bool) -> Result<()> {
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let site = site::build(shell, Kind::Optimised)?;
    let weights = sizes::weigh(shell, &site)?;
    let mut lines = Vec::new();
    for load in Load::ALL {
        let Some(budget) = load.budget() else {
            continue;
        };
        let (_, brotli) = sizes::total(&weights, load);
        lines.push(format!(
            r#"{{"name":"{} (brotli KB)","value":{:.1},"goal":{},"ratio":{:.3},"better":"less"}}"#,
            load.name(),
            brotli as f64 / 1000.0,
            budget / 1000,
            brotli as f64 / budget as f64,
        ));
    }
    let before = shell.target_dir().join("bench-sizes.json");
    fs::create_dir_all(shell.target_dir())?;
    fs::write(&before, format!("[{}]", lines.join(",")))?;
    let mut command = shell.command("node");
    command
        .arg("tests/e2e/bench.mjs")
        .env("SEEDBED_BENCH_SIZES", before)
        .env("SEEDBED_BENCH_OUT", shell.target_dir().join("bench.json"))
        .env(
            "SEEDBED_BENCH_ROWS",
            if is_quick { "10000" } else { "100000" },
        );
    shell::run(with_e2e(shell, &mut command)?)
}

/// `cargo xtask bench engine`.
fn engine(shell: &Shell, is_quick: bool, trailing: &[String]) -> Result<()> {
    tools::ensure(shell, &[Need::Vulkan])?;
    let model = model::ensure(shell)?;
    let drivers = [
        ("lavapipe", vulkan::lavapipe()),
        ("SwiftShader", vulkan::swiftshader()),
    ];
    let mut drivers: Vec<(&str, Option<PathBuf>)> = drivers
        .into_iter()
        .filter(|(_, driver)| driver.is_some())
        .collect();
    if drivers.is_empty() {
        drivers.push(("this machine's own", None));
    }
    let (mut natively, mut broken) = (Vec::new(), Vec::new());
    for (name, driver) in drivers {
        println!("\n━━ natively, {name}");
        let mut command = shell.cargo();
        command
            .args(["run", "--quiet", "--profile", "native"])
            .args(["--package", "seedbed-engine", "--example", "bench", "--"])
            .arg(&model);
        if is_quick {
            // Seconds for each measurement.
            command.arg("2");
        }
        command.args(trailing);
        if let Some(driver) = driver {
            vulkan::only(&mut command, &driver);
        }
        let (lines, ended) = shell::run_and_read(&mut command)?;
        let figures: Vec<String> = lines
            .into_iter()
            .filter(|line| line.starts_with('{'))
            .collect();
        // What one driver can't do says nothing of the other.
        if let Err(error) = &ended {
            println!("{name}: {error:#}");
            broken.push(name);
        }
        natively.push(format!(
            r#"{{"driver":"{name}","is_whole":{},"figures":[{}]}}"#,
            ended.is_ok(),
            figures.join(",")
        ));
    }

    let out = shell.target_dir().join("bench-engine.json");
    fs::create_dir_all(shell.target_dir())?;
    let (browser, ended) = engine_in_browser(shell, &model, is_quick)?;
    if let Err(error) = ended {
        println!("Chromium: {error:#}");
        broken.push("Chromium");
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    fs::write(
        &out,
        format!(
            "{{\"model\":\"{}\",\"cores\":{cores},\"native\":[{}],\"browser\":{browser}}}\n",
            model.file_name().unwrap_or_default().to_string_lossy(),
            natively.join(",")
        ),
    )?;
    println!("\nwritten to {}", out.display());
    if !broken.is_empty() {
        bail!("not measured to the end: {}", broken.join(", "));
    }
    Ok(())
}

/// The figures in Chromium as JSON, `null` where there are none, and how measuring ended.
fn engine_in_browser(shell: &Shell, model: &Path, is_quick: bool) -> Result<(String, Result<()>)> {
    const SCRIPT: &str = "tests/e2e/bench-engine.mjs";
    if !shell.root.join(SCRIPT).is_file() {
        return Ok(("null".to_owned(), Ok(())));
    }
    println!("\n━━ in Chromium");
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let out = shell.target_dir().join("bench-engine-browser.json");
    // What an earlier run wrote must not pass for this one's.
    let _ = fs::remove_file(&out);
    let mut command = shell.command("node");
    command
        .arg(SCRIPT)
        .env("SEEDBED_MODEL", model)
        .env("SEEDBED_BENCH_OUT", &out);
    if is_quick {
        command.env("SEEDBED_BENCH_QUICK", "1");
    }
    let ended = shell::run(with_e2e(shell, &mut command)?);
    let figures = fs::read_to_string(out).unwrap_or_else(|_missing| "null".to_owned());
    Ok((figures.trim().to_owned(), ended))
}

/// `cargo xtask real-model`.
pub(crate) fn run_real_model(shell: &Shell, args: &mut Args) -> Result<()> {
    let upstream = args.value("--upstream")?;
    args.finish()?;
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let mut command = shell.command("node");
    command.arg("tests/e2e/real-model.mjs");
    if let Some(url) = upstream {
        command.arg(url);
    }
    shell::run(with_e2e(shell, &mut command)?)
}

/// `cargo xtask large`.
pub(crate) fn run_large(shell: &Shell, args: &mut Args) -> Result<()> {
    let records = args.value("--records")?;
    args.finish()?;
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let mut command = shell.command("node");
    command.arg("tests/e2e/large.mjs");
    if let Some(records) = records {
        command.env("SEEDBED_LARGE_RECORDS", records);
    }
    with_e2e(shell, &mut command)?;
    // A gigabyte is hashed there: without optimising, that is what would be waited for.
    shell::run(command.env("SEEDBED_HUB_LOCAL", quick_hub_local(shell)?))
}

/// The local Hub's program, optimised.
fn quick_hub_local(shell: &Shell) -> Result<PathBuf> {
    shell::run(shell.cargo().args([
        "build",
        "--quiet",
        "--profile",
        "native",
        "--package",
        "seedbed-hub-local",
    ]))?;
    Ok(shell.target_dir().join("native/seedbed-hub-local"))
}

/// `cargo xtask screenshots`.
pub(crate) fn run_screenshots(shell: &Shell, args: &mut Args) -> Result<()> {
    args.finish()?;
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let mut command = shell.command("node");
    command.arg("tests/e2e/screenshots.mjs");
    shell::run(with_e2e(shell, &mut command)?)
}

/// `cargo xtask kills`.
pub(crate) fn run_kills(shell: &Shell, args: &mut Args) -> Result<()> {
    let mut command = shell.command("node");
    command.arg("tests/e2e/kills.mjs");
    for name in ["--count", "--seed", "--only"] {
        if let Some(value) = args.value(name)? {
            command.args([name, &value]);
        }
    }
    args.finish()?;
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    shell::run(with_e2e(shell, &mut command)?)
}
