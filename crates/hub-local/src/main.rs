//! `seedbed-hub-local`: the local Hub as a program.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks on its terminal"
)]

use lexopt::{Arg, Parser, ValueExt as _};
use seedbed_hub_local::{AppConfig, Config, DEFAULT_TOKEN, DEFAULT_USER, start};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
seedbed-hub-local [options]

  --dir DIR                 folder to keep everything in (default: .hub-local)
  --hub-port N              port of the Hub (default: a free one)
  --storage-port N          port of the storage host (default: a free one)
  --app DIR                 serve the static site in DIR
  --app-port N              port of the site (default: a free one)
  --app-path PATH           path the site lives below (default: /)
  --space-variables         hand the OAuth variables to the page as a static Space does
  --model-file FILE         serve this GGUF file as a model repository and offer it to the site (repeatable)
  --upstream URL            pass /v1/* on to this OpenAI-compatible base address (http only)
  --scripted-model          answer /v1/* with a scripted stand-in, which is no language model
  --model-delay-ms N        its time to the first byte (default: 0)
  --model-piece-delay-ms N  its time between the pieces of a streamed answer (default: 0)
  --multipart-threshold N   ask for uploads over N bytes in parts (default: 67108864)
  --multipart-part-size N   size of these parts in bytes (default: 16777216)

The addresses are printed as one JSON line once everything answers.
";

fn main() -> ExitCode {
    let run = || -> Result<(), Box<dyn std::error::Error>> {
        let Some(config) = config(Parser::from_env())? else {
            print!("{HELP}");
            return Ok(());
        };
        let running = start(config)?;
        let addresses = serde_json::json!({
            "hub": running.hub_url,
            "storage": running.storage_url,
            "app": running.app_url,
            "user": DEFAULT_USER,
            "token": DEFAULT_TOKEN,
        });
        println!("{addresses}");
        std::io::stdout().flush()?;
        running.wait();
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn config(mut parser: Parser) -> Result<Option<Config>, lexopt::Error> {
    let mut config = Config::new(".hub-local");
    let mut app = AppConfig {
        dir: PathBuf::new(),
        port: 0,
        sub_path: "/".to_owned(),
        has_space_variables: false,
    };
    let mut has_app = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("dir") => config.dir = parser.value()?.into(),
            Arg::Long("hub-port") => config.hub_port = parser.value()?.parse()?,
            Arg::Long("storage-port") => config.storage_port = parser.value()?.parse()?,
            Arg::Long("app") => {
                app.dir = parser.value()?.into();
                has_app = true;
            }
            Arg::Long("app-port") => app.port = parser.value()?.parse()?,
            Arg::Long("app-path") => app.sub_path = parser.value()?.string()?,
            Arg::Long("space-variables") => app.has_space_variables = true,
            Arg::Long("model-file") => config.model_files.push(parser.value()?.into()),
            Arg::Long("upstream") => config.upstream = Some(parser.value()?.string()?),
            Arg::Long("scripted-model") => config.has_scripted_model = true,
            Arg::Long("model-delay-ms") => config.model_delay_ms = parser.value()?.parse()?,
            Arg::Long("model-piece-delay-ms") => {
                config.model_piece_delay_ms = parser.value()?.parse()?;
            }
            Arg::Long("multipart-threshold") => {
                config.multipart_threshold = parser.value()?.parse()?;
            }
            Arg::Long("multipart-part-size") => {
                config.multipart_part_size = parser.value()?.parse()?;
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    config.app = has_app.then_some(app);
    Ok(Some(config))
}
