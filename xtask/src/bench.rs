//! `cargo xtask bench`: the project's figures, as ratios where a peer exists. They are printed and written to
//! `target/bench.json`, never asserted: a slow machine is not a mistake in the code.

use crate::args::Args;
use crate::checks::with_e2e;
use crate::shell::{self, Shell};
use crate::site::{self, Kind};
use crate::sizes::{self, Load};
use crate::tools::{self, Need};
use anyhow::Result;
use std::fs;

/// `cargo xtask bench`.
pub(crate) fn run(shell: &Shell, args: &mut Args) -> Result<()> {
    let is_quick = args.switch("--quick");
    args.finish()?;
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

/// `cargo xtask screenshots`.
pub(crate) fn run_screenshots(shell: &Shell, args: &mut Args) -> Result<()> {
    args.finish()?;
    tools::ensure(shell, &[Need::Node, Need::Browser, Need::Python])?;
    let mut command = shell.command("node");
    command.arg("tests/e2e/screenshots.mjs");
    shell::run(with_e2e(shell, &mut command)?)
}
