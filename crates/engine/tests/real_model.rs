//! SmolLM2-135M-Instruct (Q4_1; its file comes from `SEEDBED_MODEL`) against `transformers` in f32 on the same weights:
//! forced decoding, so that one different token does not hide all that follow, and greedy text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Options, Reason};
use seedbed_engine::gpu::kit::{Kit, LIMITS, candidates};
use seedbed_engine::gpu::wgsl::Arith;
use seedbed_engine::load;
use serde_json::Value;
use support::{context, fixture, nmse, real_model, request, run};

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn the_real_model_scores_and_writes_as_the_reference() {
    let Some(path) = real_model() else { return };
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    let weights = Rc::new(load::model(&context, &path, None).unwrap());
    let all: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("smollm2-135m-q4_1.json")).unwrap())
            .unwrap();
    let sampled = ids(&all["sample_ids"]);
    let features = context.adapter.features;
    let with = |arith: Arith| {
        let mut kits = (0..LIMITS.len()).filter_map(|place| {
            candidates(place, &features, false)
                .into_iter()
                .rfind(|choice| choice.arith == arith)
        });
        kits.next().map(Kit::only)
    };
    // Keys and values, variant, bound, and whether it also writes.
    let mut cases = vec![(false, None, 1e-6, true), (true, None, 1e-4, true)];
    cases.extend(with(Arith::Packed).map(|kit| (false, Some(kit), 1e-5, true)));
    // Tiles with one column are too slow here to write with.
    cases.extend(with(Arith::Half).map(|kit| (false, Some(kit), 1e-4, false)));
    assert_eq!(cases.len(), 3 + usize::from(features.half));
    for (half_kv, kit, bound, writes) in cases {
        let name = kit.as_ref().map_or("base".to_owned(), Kit::text);
        let options = Options {
            context: 128,
            half_kv,
            chunk: 16,
            lanes: kit.as_ref().map(|_| false),
            kit,
            ..Options::default()
        };
        let mut engine = Engine::new(context.clone(), weights.clone(), options, &[2]).unwrap();
        // Positions at which another token is the most likely one.
        let mut missed = Vec::new();
        let mut positions = 0;
        for (number, case) in all["cases"].as_array().unwrap().iter().enumerate() {
            let (prompt, greedy) = (ids(&case["prompt_ids"]), ids(&case["greedy_ids"]));
            let forced = [&prompt[..], &greedy[..greedy.len() - 1]].concat();
            let scores = block_on(engine.score(&forced)).unwrap();
            let vocab = scores.len() / forced.len();
            let (mut is, mut should, mut largest) = (Vec::new(), Vec::new(), 0.0_f64);
            for (step, wanted) in case["positions"].as_array().unwrap().iter().enumerate() {
                positions += 1;
                let at = (prompt.len() - 1 + step) * vocab;
                let row = &scores[at..at + vocab];
                let best = (0..vocab)
                    .max_by(|a, b| row[*a].total_cmp(&row[*b]))
                    .unwrap();
                if best as u64 != wanted["top"][0][0].as_u64().unwrap() {
                    missed.push((number, step));
                }
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
                "case {number}, {name}, halves {half_kv}: {error:.1e}, largest difference {largest:.1e}"
            );
            assert!(
                error <= bound,
                "case {number}, {name}, halves {half_kv}: {error}"
            );
            if !writes {
                continue;
            }
            let made = run(&mut engine, &[request(1, &prompt, greedy.len())]).remove(0);
            let wanted = greedy.strip_suffix(&[2]).unwrap_or(&greedy);
            assert_eq!(
                made.tokens, wanted,
                "case {number}, {name}, halves {half_kv}"
            );
            let reason = if wanted.len() < greedy.len() {
                Reason::Stop
            } else {
                Reason::Length
            };
            assert_eq!(made.reason, Some(reason));
        }
        // Halves may decide a near tie otherwise: one of a hundred (facts of the fixture's study).
        let is_near = !writes && missed.len() * 100 <= positions;
        assert!(
            missed.is_empty() || is_near,
            "{name}: {missed:?} of {positions}"
        );
    }
}
