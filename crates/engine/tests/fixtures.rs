//! Checkpoints of every family and storage type against `transformers`: the scores of every position, and greedy text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Options, Reason};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::{load, selftest};
use seedbed_weights::{DType, Header, Part, Role};
use support::{
    assert_small, context, fixture, nmse_32, read_floats, read_ids, request, run, weights,
};

/// Every simple type. The first two are large files, which only Llama has: its products are everyone's.
const TYPES: [&str; 8] = ["F32", "BF16", "F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"];
/// Squared error over squared scores; the fixtures' own precision is f32.
const BOUND: f64 = 1e-9;
/// The same with keys and values rounded to 11 bits.
const HALF_BOUND: f64 = 1e-6;

/// Holds a checkpoint to its reference with both sets of kernels, and keys and values as floats and as halves.
fn check(context: &Rc<Context>, model: &str, reference: &str) {
    let ids = read_ids(&format!("{reference}/ids.json"));
    let scores = read_floats(&format!("{reference}/logits.f32"));
    let greedy = read_ids(&format!("{reference}/greedy.json"));
    let weights = weights(context, model);
    for (lanes, half_kv) in [(true, false), (false, false), (true, true), (false, true)] {
        let what = format!("{model}, lanes {lanes}, halves {half_kv}");
        let options = Options {
            context: 64,
            half_kv,
            lanes: Some(lanes),
            ..Options::default()
        };
        let mut engine = support::engine(context, &weights, options);
        let error = nmse_32(&block_on(engine.score(&ids)).unwrap(), &scores);
        eprintln!("{what}: {error:.1e}");
        assert_small(error, if half_kv { HALF_BOUND } else { BOUND }, &what);
        if !half_kv {
            let made = run(&mut engine, &[request(1, &ids, greedy.len())]).remove(0);
            assert_eq!(made.tokens, greedy, "{what}");
            assert_eq!(made.reason, Some(Reason::Length), "{what}");
        }
    }
}

fn check_types(family: &str, types: &[&str]) {
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    for kind in types {
        check(
            &context,
            &format!("{family}/model-{kind}.gguf"),
            &format!("{family}/ref-{kind}"),
        );
    }
}

fn check_safetensors(family: &str) {
    let Some(context) = context() else { return };
    check(
        &Rc::new(context),
        &format!("{family}/model.safetensors"),
        &format!("{family}/ref"),
    );
}

/// Llama in all eight simple types, with the permuted rows of GGUF.
#[test]
fn llama_in_every_type() {
    check_types("llama", &TYPES);
}

/// Qwen2 in six types: biases of queries, keys and values.
#[test]
fn qwen2_in_halves_and_every_quantized_type() {
    check_types("qwen2", &TYPES[2..]);
}

/// Qwen3 in six types: norms of queries and keys.
#[test]
fn qwen3_in_halves_and_every_quantized_type() {
    check_types("qwen3", &TYPES[2..]);
}

/// Q4_K beside Q6_K: queries, keys and values are several matrices.
#[test]
fn llama_in_q4_k_m() {
    let Some(context) = context() else { return };
    check(
        &Rc::new(context),
        "llama-Q4_K_M/model.gguf",
        "llama-Q4_K_M/ref",
    );
}

/// Q5_K under an embedding of Q8_0.
#[test]
fn llama_in_q5_k() {
    let Some(context) = context() else { return };
    check(&Rc::new(context), "llama-Q5_K/model.gguf", "llama-Q5_K/ref");
}

/// Safetensors keep the rows of heads in Hugging Face's order.
#[test]
fn llama_from_safetensors() {
    check_safetensors("llama");
}

/// Biases are reordered with their rows.
#[test]
fn qwen2_from_safetensors() {
    check_safetensors("qwen2");
}

/// Norms of heads are reordered with their rows.
#[test]
fn qwen3_from_safetensors() {
    check_safetensors("qwen3");
}

/// A layer without rotation.
#[test]
fn smollm3_from_safetensors() {
    check_safetensors("smollm3");
}

/// Four norms, GELU, a window of eight keys, two rotary tables, scaled embeddings, norms stored less one.
#[test]
fn gemma3_from_safetensors() {
    check_safetensors("gemma3");
}

/// The same weights as GGUF has them: norms with the one added, windows by a pattern.
#[test]
fn gemma3_from_gguf() {
    let Some(context) = context() else { return };
    check(
        &Rc::new(context),
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gemma3.gguf"),
        "gemma3/ref",
    );
}

/// A device that binds little holds each matrix in several buffers; the scores are the same.
#[test]
fn matrices_in_several_pieces() {
    let Some(mut context) = context() else { return };
    let all = context.adapter.binding_bytes;
    // Four rows of 160 floats fit: the smallest limit at which these models can be held.
    context.adapter.binding_bytes = 3000;
    let models = [
        "llama/model-F32.gguf",
        "qwen2/model-Q4_0.gguf",
        "qwen3/model-Q5_1.gguf",
    ];
    let held: Vec<_> = models.iter().map(|name| weights(&context, name)).collect();
    context.adapter.binding_bytes = all;
    let context = Rc::new(context);
    for (name, weights) in models.iter().zip(held) {
        let reference = name.replace("model-", "ref-").replace(".gguf", "");
        let ids = read_ids(&format!("{reference}/ids.json"));
        for lanes in [true, false] {
            let options = Options {
                context: 64,
                half_kv: false,
                lanes: Some(lanes),
                ..Options::default()
            };
            let mut engine = support::engine(&context, &weights, options);
            // Each of the 3 layers has 5 products, none of which fits whole; embedding, attention, head and sampling.
            assert!(engine.dispatches(1) > 30, "{name} is not in pieces");
            let scores = block_on(engine.score(&ids)).unwrap();
            assert_small(
                nmse_32(&scores, &read_floats(&format!("{reference}/logits.f32"))),
                BOUND,
                name,
            );
            let greedy = read_ids(&format!("{reference}/greedy.json"));
            assert_eq!(
                run(&mut engine, &[request(1, &ids, greedy.len())])[0].tokens,
                greedy,
                "{name}"
            );
        }
    }
}

/// A matrix none of whose rows fits a buffer is refused in words.
#[test]
fn rows_too_large_for_the_device() {
    let Some(mut context) = context() else { return };
    context.adapter.binding_bytes = 100;
    let error = load::model(&context, &fixture("llama/model-F32.gguf"), None)
        .err()
        .unwrap();
    assert!(error.to_string().contains("do not fit"), "{error}");
}

fn header(context: &Context, name: &str) -> Header {
    load::gguf(context, &fixture(name)).unwrap().1
}

/// The self-test that runs before a model is used accepts this device, for each family and type.
#[test]
fn self_test_accepts_every_family_and_type() {
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    for name in [
        "llama/model-Q4_0.gguf",
        "qwen2/model-Q8_0.gguf",
        "qwen3/model-F16.gguf",
        "llama-Q4_K_M/model.gguf",
    ] {
        let error = block_on(selftest::run(&context, &header(&context, name))).unwrap();
        // Keys and values are halves there.
        assert!(error < 1e-3, "{name}: {error}");
    }
}

/// Files mix types as they like, also within a layer and between the two halves of its feed-forward; in several pieces
/// too, where the halves' pieces have to begin at the same rows.
#[test]
fn types_mixed_within_a_layer() {
    let Some(mut context) = context() else { return };
    let mut mixed = header(&context, "llama/model-Q4_0.gguf");
    for tensor in &mut mixed.tensors {
        let Role::Layer(layer, part) = tensor.role else {
            continue;
        };
        tensor.dtype = match (part, layer % 2) {
            (Part::Q, _) => DType::Q5K,
            (Part::K, 0) | (Part::Gate, 1) => DType::F32,
            (Part::V, _) | (Part::Down, 0) => DType::Q6K,
            (Part::Gate, 0) => DType::BF16,
            (Part::Up, _) => DType::Q4_1,
            _ => tensor.dtype,
        };
    }
    // 16 blocks of four rows of floats; 32 KB is also what the self-test's keys need.
    let all = context.adapter.binding_bytes;
    for binding_bytes in [all, 64 << 10] {
        context.adapter.binding_bytes = binding_bytes;
        let shared = Rc::new(context);
        let error = block_on(selftest::run(&shared, &mixed)).unwrap();
        assert!(error < 1e-3, "{error}");
        context = Rc::into_inner(shared).unwrap();
    }
}
