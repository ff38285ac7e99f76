//! SmolLM2-135M-Instruct (Q4_1; its file comes from `SEEDBED_MODEL`) against `transformers` in f32 on the same weights:
//! forced decoding, so that one different token does not hide all that follow, and greedy text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

use std::path::PathBuf;
use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Options, Reason};
use seedbed_engine::load;
use serde_json::Value;
use support::{context, fixture, nmse, request, run, skipped};

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn the_real_model_scores_and_writes_as_the_reference() {
    let Ok(path) = std::env::var("SEEDBED_MODEL") else {
        assert!(
            std::env::var("SEEDBED_NEED_ADAPTER").is_err(),
            "SEEDBED_MODEL is not set"
        );
        skipped("SEEDBED_MODEL names no model file");
        return;
    };
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    let weights = Rc::new(load::model(&context, &PathBuf::from(path), None).unwrap());
    let all: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("smollm2-135m-q4_1.json")).unwrap())
            .unwrap();
    let sampled = ids(&all["sample_ids"]);
    for (half_kv, bound) in [(false, 1e-6), (true, 1e-4)] {
        let options = Options {
            context: 128,
            half_kv,
            chunk: 16,
            ..Options::default()
        };
        let mut engine = Engine::new(context.clone(), weights.clone(), options, &[2]).unwrap();
        for (number, case) in all["cases"].as_array().unwrap().iter().enumerate() {
            let (prompt, greedy) = (ids(&case["prompt_ids"]), ids(&case["greedy_ids"]));
            let forced = [&prompt[..], &greedy[..greedy.len() - 1]].concat();
            let scores = block_on(engine.score(&forced)).unwrap();
            let vocab = scores.len() / forced.len();
            let (mut is, mut should, mut largest) = (Vec::new(), Vec::new(), 0.0_f64);
            for (step, wanted) in case["positions"].as_array().unwrap().iter().enumerate() {
                let at = (prompt.len() - 1 + step) * vocab;
                let row = &scores[at..at + vocab];
                let best = (0..vocab)
                    .max_by(|a, b| row[*a].total_cmp(&row[*b]))
                    .unwrap();
                assert_eq!(
                    best as u64,
                    wanted["top"][0][0].as_u64().unwrap(),
                    "case {number}, step {step}"
                );
                let tops = wanted["top"].as_array().unwrap().iter();
                let tops =
                    tops.map(|one| (one[0].as_u64().unwrap() as usize, one[1].as_f64().unwrap()));
                let samples = wanted["sample"].as_array().unwrap().iter();
                let samples = sampled
                    .iter()
                    .map(|id| *id as usize)
                    .zip(samples.map(|one| one.as_f64().unwrap()));
                for (id, value) in tops.chain(samples) {
                    is.push(row[id]);
                    should.push(value);
                    largest = largest.max((f64::from(row[id]) - value).abs());
                }
            }
            let error = nmse(&is, &should);
            eprintln!(
                "case {number}, halves {half_kv}: {error:.1e}, largest difference {largest:.1e}"
            );
            assert!(error <= bound, "case {number}, halves {half_kv}: {error}");
            let made = run(&mut engine, &[request(1, &prompt, greedy.len())]).remove(0);
            let wanted = greedy.strip_suffix(&[2]).unwrap_or(&greedy);
            assert_eq!(made.tokens, wanted, "case {number}, halves {half_kv}");
            let reason = if wanted.len() < greedy.len() {
                Reason::Stop
            } else {
                Reason::Length
            };
            assert_eq!(made.reason, Some(reason));
        }
    }
}
