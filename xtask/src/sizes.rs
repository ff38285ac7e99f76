//! What the site weighs, raw and as brotli, against the budget.

use crate::shell::{Shell, output};
use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// When a file is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Load {
    /// Before the visitor sees the first page.
    First,
    /// The backend worker, after first paint.
    Worker,
    /// When it is needed, such as for publishing.
    Later,
}

impl Load {
    pub(crate) const ALL: [Self; 3] = [Self::First, Self::Worker, Self::Later];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::First => "page and shell",
            Self::Worker => "backend worker",
            Self::Later => "on demand",
        }
    }

    /// Brotli bytes at most.
    pub(crate) fn budget(self) -> Option<u64> {
        match self {
            Self::First => Some(250_000),
            Self::Worker => Some(600_000),
            Self::Later => None,
        }
    }

    fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit('.').next().unwrap_or_default();
        match extension {
            "js" | "wasm" if name.starts_with("worker") => Self::Worker,
            "js" | "wasm"
                if ["engine", "parquet", "import", "piece-", "sw.js"]
                    .iter()
                    .any(|start| name.starts_with(start)) =>
            {
                Self::Later
            }
            "html" | "css" | "js" | "wasm" => Self::First,
            // The one icon that a tab shows.
            "svg" if name.contains("icon") => Self::First,
            _ => Self::Later,
        }
    }
}

/// A file of the site.
pub(crate) struct Weight {
    pub(crate) path: String,
    pub(crate) load: Load,
    pub(crate) raw: u64,
    pub(crate) brotli: u64,
}

/// Weighs every file below `folder`.
pub(crate) fn weigh(shell: &Shell, folder: &Path) -> Result<Vec<Weight>> {
    let mut command = shell.command("node");
    command.arg("xtask/src/sizes.mjs").arg(folder);
    let text = output(&mut command).context("the sizes could not be read (is node there?)")?;
    let mut weights = text
        .lines()
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let raw = words.next()?.parse().ok()?;
            let brotli = words.next()?.parse().ok()?;
            let path = words.next()?.to_owned();
            let load = Load::of(&path);
            Some(Weight {
                path,
                load,
                raw,
                brotli,
            })
        })
        .collect::<Option<Vec<_>>>()
        .context("the sizes could not be understood")?;
    weights.sort_by(|a, b| b.brotli.cmp(&a.brotli).then_with(|| a.path.cmp(&b.path)));
    Ok(weights)
}

/// Brotli bytes of everything loaded at that time.
pub(crate) fn total(weights: &[Weight], load: Load) -> (u64, u64) {
    weights
        .iter()
        .filter(|weight| weight.load == load)
        .fold((0, 0), |(raw, brotli), weight| {
            (raw + weight.raw, brotli + weight.brotli)
        })
}

/// Prints each file and the totals.
pub(crate) fn print(weights: &[Weight]) {
    println!("\n{:>10} {:>10}  file", "raw KB", "brotli KB");
    for load in Load::ALL {
        println!("{}", load.name());
        for weight in weights.iter().filter(|weight| weight.load == load) {
            println!(
                "{:>10} {:>10}  {}",
                kilobytes(weight.raw),
                kilobytes(weight.brotli),
                weight.path
            );
        }
        let (raw, brotli) = total(weights, load);
        let budget = load.budget().map_or(String::new(), |budget| {
            format!(" of {} KB allowed", budget / 1000)
        });
        println!(
            "{:>10} {:>10}  = {}{budget}",
            kilobytes(raw),
            kilobytes(brotli),
            load.name()
        );
    }
}

/// An error when something is over its budget, or when a part is not there at all.
pub(crate) fn check(weights: &[Weight]) -> Result<()> {
    for load in Load::ALL {
        let (raw, brotli) = total(weights, load);
        let Some(budget) = load.budget() else {
            continue;
        };
        if raw == 0 {
            bail!("the site has no file for: {}", load.name());
        }
        if brotli > budget {
            bail!(
                "{} weighs {} KB as brotli, {} KB are allowed",
                load.name(),
                kilobytes(brotli),
                budget / 1000
            );
        }
    }
    Ok(())
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_visitor_loads_counts() {
        for (path, load) in [
            ("index.html", Load::First),
            ("seedbed-12ab_bg.wasm", Load::First),
            ("worker-34cd_bg.wasm", Load::Worker),
            ("worker_loader.js", Load::Worker),
            ("engine-34cd.js", Load::Later),
            ("engine-34cd_bg.wasm", Load::Later),
            ("engine_loader.js", Load::Later),
            ("parquet-34cd_bg.wasm", Load::Later),
            ("import-34cd_bg.wasm", Load::Later),
            ("import_loader.js", Load::Later),
            ("piece-work-12ab.wasm", Load::Later),
        ] {
            assert_eq!(Load::of(path), load, "{path}");
        }
    }
}
