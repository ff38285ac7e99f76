//! Speed of the engine on this machine's adapter, as JSON lines: `bench MODEL.gguf [TOKENS] [--lanes | --groups]`.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Event, Options, Request, Sampling};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::load;
use serde_json::json;

#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command-line tool"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments
        .first()
        .ok_or("usage: bench MODEL.gguf [TOKENS] [--lanes | --groups]")?;
    let tokens: usize = arguments
        .get(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(24);
    let lanes = arguments.iter().find_map(|text| match text.as_str() {
        "--lanes" => Some(true),
        "--groups" => Some(false),
        _ => None,
    });
    let context = Rc::new(block_on(Context::open())?);
    let started = Instant::now();
    let weights = Rc::new(load::model(&context, Path::new(path), None)?);
    let bytes = weights.bytes_per_token();
    let load = started.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({ "adapter": context.adapter, "load_mb_s": weights.bytes() as f64 / 1e6 / load, "bytes_per_token": bytes })
    );
    let bandwidth = block_on(context.copy_bandwidth())?;
    println!("{}", json!({ "copy_gb_s": bandwidth / 1e9 }));
    let prompt: Vec<u32> = (0..64).map(|i| 500 + i * 7).collect();
    for batch in [1, 2, 4, 8, 16] {
        let options = Options {
            slots: batch,
            context: 64 + tokens + 40,
            lanes,
            ..Options::default()
        };
        let mut engine = Engine::new(context.clone(), weights.clone(), options, &[])?;
        let dispatches = engine.dispatches(batch);
        let mut runs = Vec::new();
        // The first run compiles.
        for run in 0..2 {
            for id in 0..batch {
                engine.submit(Request {
                    id: id as u64,
                    prompt: prompt
                        .iter()
                        .map(|token| token + id as u32 + 100 * run)
                        .collect(),
                    max_tokens: if run == 0 { 2 } else { tokens },
                    sampling: Sampling::default(),
                    stream: id as u32,
                })?;
            }
            let started = Instant::now();
            let mut first = None;
            let (mut made, mut reads) = (0, 0);
            while engine.open() > 0 {
                let events = block_on(engine.advance())?;
                reads += 1;
                for event in events {
                    if let Event::Tokens(_, tokens) = event {
                        made += tokens.len();
                    }
                }
                if first.is_none() {
                    first = Some((started.elapsed().as_secs_f64(), made));
                }
            }
            let all = started.elapsed().as_secs_f64();
            let (first, early) = first.unwrap_or_default();
            runs.push((first, (made - early) as f64 / (all - first), made, reads));
        }
        let (first, speed, made, reads) = runs[1];
        println!(
            "{}",
            json!({
                "batch": batch, "tokens_per_second": speed, "first_token_s": first, "prefill_tokens_s": (batch * 63) as f64 / first,
                "dispatches": dispatches, "readbacks_per_token": f64::from(reads) * batch as f64 / made as f64,
                "share_of_copy": bytes as f64 * speed / batch as f64 / bandwidth,
            })
        );
    }
    Ok(())
}
