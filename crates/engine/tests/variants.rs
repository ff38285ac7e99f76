//! Every variant of the matrix kernels computes what the base set does, in whole models.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use futures::executor::block_on;
use seedbed_engine::engine::Options;
use seedbed_engine::gpu::kit::{Kit, LIMITS, candidates};
use seedbed_engine::gpu::wgsl::Arith;
use std::rc::Rc;
use support::{context, engine, nmse_32, request, run, weights};

/// One file for each layout of weights; biases, norms of queries, and norms after branches among them.
const MODELS: [&str; 8] = [
    "llama/model-Q8_0.gguf",
    "llama/model-Q5_1.gguf",
    "llama-Q4_K_M/model.gguf",
    "llama-Q5_K/model.gguf",
    "qwen2/model-Q4_0.gguf",
    "qwen3/model-Q4_1.gguf",
    "qwen3/model-F16.gguf",
    "gemma3/model.safetensors",
];

#[test]
fn every_variant_scores_as_the_base_set_does() {
    let Some(context) = context().map(Rc::new) else {
        return;
    };
    println!("{:?}", context.adapter);
    let ids: Vec<u32> = (0..21).map(|i| (i * 37 + 5) % 256).collect();
    let mut all = Vec::new();
    for lanes in [true, false] {
        for place in 0..LIMITS.len() {
            for choice in candidates(place, &context.adapter.features, lanes) {
                if !all.iter().any(|(_, other)| *other == choice) {
                    all.push((lanes, choice));
                }
            }
        }
    }
    for name in MODELS {
        let weights = weights(&context, name);
        let base = Options {
            context: 64,
            half_kv: false,
            ..Options::default()
        };
        let wanted = block_on(engine(&context, &weights, base.clone()).score(&ids)).unwrap();
        for (lanes, choice) in &all {
            let options = Options {
                lanes: Some(*lanes),
                kit: Some(Kit::only(*choice)),
                ..base.clone()
            };
            let mut engine = engine(&context, &weights, options);
            let scores = block_on(engine.score(&ids)).unwrap();
            let error = nmse_32(&scores, &wanted);
            let bound = match choice.arith {
                Arith::Float => 1e-11,
                Arith::Packed => 1e-6,
                Arith::Half => 1e-5,
            };
            assert!(error <= bound, "{name} {choice:?}: {error:e}");
            // Decoding has kernels of its own; a score next to the best is as right as the best.
            let chosen = &run(&mut engine, &[request(0, &ids, 1)])[0].tokens;
            let last = &wanted[wanted.len() - engine.weights.spec.vocab..];
            let best = last.iter().copied().fold(f32::MIN, f32::max);
            assert!(
                best - last[chosen[0] as usize] < 1e-2,
                "{name} {choice:?}: {chosen:?}"
            );
        }
    }
    let features = context.adapter.features;
    for (arith, is_there) in [
        (Arith::Float, true),
        (Arith::Packed, features.packed),
        (Arith::Half, features.half),
    ] {
        assert_eq!(
            all.iter().any(|(_, choice)| choice.arith == arith),
            is_there
        );
    }
}
