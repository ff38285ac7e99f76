//! The tool itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Event, Options, Request, Sampling};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::{load, selftest};

const USAGE: &str = "usage: parity --model FILE [--config FILE] --ids ids.json [--out logits.f32] [--greedy N] [--half] [--long N] [--self-test] [--lanes | --groups]";

#[derive(Default)]
struct Arguments {
    model: Option<PathBuf>,
    config: Option<PathBuf>,
    ids: Option<PathBuf>,
    out: Option<PathBuf>,
    greedy: Option<usize>,
    half: bool,
    long: Option<usize>,
    self_test: bool,
    lanes: Option<bool>,
}

#[allow(clippy::print_stderr, reason = "this is a command-line tool")]
pub(crate) fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments() -> Result<Arguments, String> {
    let mut all = Arguments::default();
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || {
            given
                .next()
                .ok_or_else(|| format!("{name} needs a value\n{USAGE}"))
        };
        match name.as_str() {
            "--model" => all.model = Some(value()?.into()),
            "--config" => all.config = Some(value()?.into()),
            "--ids" => all.ids = Some(value()?.into()),
            "--out" => all.out = Some(value()?.into()),
            "--greedy" => {
                let count = value()?;
                all.greedy = Some(
                    count
                        .parse()
                        .map_err(|error| format!("{count} is no number: {error}"))?,
                );
            }
            "--self-test" => all.self_test = true,
            "--long" => {
                let count = value()?;
                all.long = Some(
                    count
                        .parse()
                        .map_err(|error| format!("{count} is no number: {error}"))?,
                );
            }
            "--half" => all.half = true,
            "--lanes" => all.lanes = Some(true),
            "--groups" => all.lanes = Some(false),
            other => return Err(format!("{other} is not known\n{USAGE}")),
        }
    }
    Ok(all)
}

#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command-line tool"
)]
fn run() -> Result<(), String> {
    let arguments = read_arguments()?;
    let (Some(model), Some(ids)) = (&arguments.model, &arguments.ids) else {
        return Err(USAGE.to_owned());
    };
    let text =
        std::fs::read_to_string(ids).map_err(|error| format!("{}: {error}", ids.display()))?;
    let ids: Vec<u32> =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", ids.display()))?;
    let context = Rc::new(block_on(Context::open()).map_err(|error| error.to_string())?);
    eprintln!("on {} ({})", context.adapter.name, context.adapter.driver);
    if arguments.self_test {
        let (_, header) = load::gguf(&context, model).map_err(|error| error.to_string())?;
        let error =
            block_on(selftest::run(&context, &header)).map_err(|error| error.to_string())?;
        eprintln!("self-test: off by {error:.2e} of the spread");
    }
    let weights = load::model(&context, model, arguments.config.as_deref())
        .map_err(|error| error.to_string())?;
    let options = Options {
        context: ids.len() + arguments.greedy.unwrap_or(0) + 1,
        half_kv: arguments.half,
        lanes: arguments.lanes,
        long: arguments.long.unwrap_or(512),
        ..Options::default()
    };
    let mut engine =
        Engine::new(context, Rc::new(weights), options, &[]).map_err(|error| error.to_string())?;
    if let Some(out) = &arguments.out {
        let scores = block_on(engine.score(&ids)).map_err(|error| error.to_string())?;
        std::fs::write(out, bytemuck::cast_slice(&scores))
            .map_err(|error| format!("{}: {error}", out.display()))?;
    }
    if let Some(count) = arguments.greedy.filter(|count| *count > 0) {
        let request = Request {
            id: 0,
            prompt: ids,
            max_tokens: count,
            sampling: Sampling::default(),
            stream: 0,
        };
        engine.submit(request).map_err(|error| error.to_string())?;
        let mut made = Vec::new();
        while engine.open() > 0 {
            for event in block_on(engine.advance()).map_err(|error| error.to_string())? {
                match event {
                    Event::Tokens(_, tokens) => made.extend(tokens),
                    Event::Finished(..) => {}
                    Event::Broken(_) => {
                        return Err("the device computed something that is not a number".to_owned());
                    }
                }
            }
        }
        println!(
            "{}",
            serde_json::to_string(&made).map_err(|error| error.to_string())?
        );
    }
    Ok(())
}
