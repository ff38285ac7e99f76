//! Where a step's time goes on this machine's adapter: `profile MODEL.gguf COLUMNS [--lanes | --groups] [CONTEXT]`.

use std::path::Path;
use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Options};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::kit::{Kit, LIMITS, candidates};
use seedbed_engine::load;

#[allow(clippy::print_stdout, reason = "this is a command-line tool")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments
        .first()
        .ok_or("usage: profile MODEL.gguf COLUMNS [--lanes | --groups]")?;
    let columns: usize = arguments
        .get(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let lanes = arguments.iter().find_map(|text| match text.as_str() {
        "--lanes" => Some(true),
        "--groups" => Some(false),
        _ => None,
    });
    let context = Rc::new(block_on(Context::open())?);
    println!("{:?}", context.adapter);
    let weights = Rc::new(load::model(&context, Path::new(path), None)?);
    let options = Options {
        slots: columns,
        lanes,
        ..Options::default()
    };
    let started = std::time::Instant::now();
    let (kit, trials) = block_on(seedbed_engine::tune::tune(&context, &weights, &options))?;
    for trial in trials {
        println!("{trial:?}");
    }
    println!("{} in {:?}", kit.text(), started.elapsed());
    let place = Kit::place(columns);
    let is_lane = lanes.unwrap_or(context.adapter.is_software);
    for choice in candidates(place, &context.adapter.features, is_lane) {
        println!("{} columns, {choice:?}", LIMITS[place]);
        let options = Options {
            slots: columns,
            context: 256,
            lanes,
            kit: Some(Kit::only(choice)),
            ..Options::default()
        };
        let mut engine = Engine::new(context.clone(), weights.clone(), options, &[])?;
        let mut total = 0.0;
        for (name, count, seconds) in block_on(engine.profile(columns, 2))? {
            println!("  {name:24} {count:4}  {:8.2} ms", seconds * 1e3);
            total += seconds;
        }
        println!("  {:24}       {:8.2} ms", "all", total * 1e3);
    }
    Ok(())
}
