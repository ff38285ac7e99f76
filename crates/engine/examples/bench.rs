//! Speed of the engine on this machine's adapter, as JSON lines:
//! `bench MODEL.gguf [SECONDS] [--lanes | --groups]`, with so many seconds for each measurement.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use futures::executor::block_on;
use seedbed_engine::engine::Options;
use seedbed_engine::figures::{Plan, Told, measure};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::load;
use seedbed_engine::tune::tune;
use serde_json::{Value, json};

#[allow(clippy::print_stdout, reason = "this is a command-line tool")]
fn say(line: &Value) {
    println!("{line}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments
        .first()
        .ok_or("usage: bench MODEL.gguf [SECONDS] [--lanes | --groups]")?;
    let seconds: f64 = arguments
        .get(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(5.0);
    let lanes = arguments.iter().find_map(|text| match text.as_str() {
        "--lanes" => Some(true),
        "--groups" => Some(false),
        _ => None,
    });
    let context = Rc::new(block_on(Context::open())?);
    let started = Instant::now();
    let weights = Rc::new(load::model(&context, Path::new(path), None)?);
    let load = weights.bytes() as f64 / 1e6 / started.elapsed().as_secs_f64();
    let adapter = &context.adapter;
    say(
        &json!({ "adapter": adapter.name, "driver": adapter.driver, "is_software": adapter.is_software }),
    );
    say(&json!({ "name": "load", "at_once": 0, "value": load, "unit": "MB/s" }));
    let mut options = Options {
        lanes,
        ..Options::default()
    };
    // As the app does it.
    options.kit = Some(block_on(tune(&context, &weights, &options))?.0);
    let plan = Plan {
        seconds,
        ..Plan::new(options)
    };
    let tell = &mut |told| {
        match told {
            Some(Told::Figure(figure)) => say(&json!(figure)),
            Some(Told::Skipped(at_once, reason)) => {
                say(&json!({ "skipped": at_once, "reason": reason }));
            }
            Some(Told::Begins(..)) | None => {}
        }
        true
    };
    block_on(measure(&context, &weights, &plan, tell))?;
    Ok(())
}
