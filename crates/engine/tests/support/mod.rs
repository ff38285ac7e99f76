//! What the engine's tests have in common: an adapter, invented weights, and measures of error.
#![allow(dead_code, reason = "each test file uses a part")]

#[path = "../../../../tests/support/missing.rs"]
mod missing;

use std::path::PathBuf;
use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Event, Options, Reason, Request, Sampling};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::weights::Weights;
use seedbed_engine::load;
use seedbed_weights::{DType, f32_to_half};

/// The device that `Context::open` finds. The test fails without one, or returns where the flag allows that.
pub(crate) fn context() -> Option<Context> {
    match block_on(Context::open()) {
        Ok(context) => Some(context),
        Err(error) => {
            missing::missing("adapter", &error.to_string());
            None
        }
    }
}

/// The real model's file. The test fails without one, or returns where the flag allows that.
pub(crate) fn real_model() -> Option<PathBuf> {
    let path = std::env::var_os("SEEDBED_MODEL").map(PathBuf::from);
    if path.is_none() {
        missing::missing("model", "SEEDBED_MODEL is not set");
    }
    path
}

/// A file of the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/engine"
    ))
    .join(name)
}

pub(crate) fn read_ids(name: &str) -> Vec<u32> {
    serde_json::from_str(&std::fs::read_to_string(fixture(name)).unwrap()).unwrap()
}

pub(crate) fn read_floats(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(fixture(name)).unwrap();
    bytes
        .chunks_exact(4)
        .map(|raw| f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]))
        .collect()
}

/// Squared error over squared size.
pub(crate) fn nmse(is: &[f32], should: &[f64]) -> f64 {
    assert_eq!(is.len(), should.len());
    let (mut error, mut size) = (0.0, 0.0);
    for (is, should) in is.iter().zip(should) {
        error += (f64::from(*is) - should).powi(2);
        size += should.powi(2);
    }
    error / size.max(f64::MIN_POSITIVE)
}

pub(crate) fn nmse_32(is: &[f32], should: &[f32]) -> f64 {
    let should: Vec<f64> = should.iter().copied().map(f64::from).collect();
    nmse(is, &should)
}

/// Fails for NaN too.
#[track_caller]
pub(crate) fn assert_small(error: f64, bound: f64, what: &str) {
    assert!(
        error <= bound,
        "{what}: normalised squared error {error:.2e}, more than {bound:.0e}"
    );
}

/// `SplitMix64`: the same numbers everywhere.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly in −1..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit()).collect()
    }

    /// Roughly normal, for scores.
    pub(crate) fn bell(&mut self) -> f32 {
        (0..6).map(|_| self.unit()).sum::<f32>() / std::f32::consts::SQRT_2
    }
}

/// Bytes of a row of `cols` weights in about −1..1: random codes under sane scales.
pub(crate) fn row(dtype: DType, cols: usize, numbers: &mut Numbers) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..cols / dtype.block_len() {
        let mut bytes: Vec<u8> = (0..dtype.block_bytes())
            .map(|_| numbers.next() as u8)
            .collect();
        let size = 1.0 + 0.5 * numbers.unit();
        let offset = numbers.unit();
        let mut put = |at: usize, value: f32| {
            bytes[at..at + 2].copy_from_slice(&f32_to_half(value).to_le_bytes());
        };
        match dtype {
            DType::F32 => bytes.copy_from_slice(&numbers.unit().to_le_bytes()),
            DType::F16 => put(0, numbers.unit()),
            DType::BF16 => {
                bytes.copy_from_slice(&((numbers.unit().to_bits() >> 16) as u16).to_le_bytes());
            }
            DType::Q8_0 => put(0, size / 127.0),
            DType::Q4_0 => put(0, size / 8.0),
            DType::Q5_0 => put(0, size / 16.0),
            DType::Q4_1 => {
                put(0, size / 8.0);
                put(2, offset);
            }
            DType::Q5_1 => {
                put(0, size / 16.0);
                put(2, offset);
            }
            DType::Q4K => {
                put(0, size / 512.0);
                put(2, size / 64.0);
            }
            DType::Q5K => {
                put(0, size / 1024.0);
                put(2, size / 64.0);
            }
            DType::Q6K => put(208, size / 4096.0),
        }
        out.extend(bytes);
    }
    out
}

/// Bits of floats, as the device's buffers hold them.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

pub(crate) fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|word| f32::from_bits(*word)).collect()
}

/// A fixture's model in the device's memory.
pub(crate) fn weights(context: &Context, name: &str) -> Rc<Weights> {
    Rc::new(load::model(context, &fixture(name), None).unwrap())
}

pub(crate) fn engine(context: &Rc<Context>, weights: &Rc<Weights>, options: Options) -> Engine {
    Engine::new(context.clone(), weights.clone(), options, &[]).unwrap()
}

pub(crate) fn request(id: u64, prompt: &[u32], max_tokens: usize) -> Request {
    Request {
        id,
        prompt: prompt.to_vec(),
        max_tokens,
        sampling: Sampling::default(),
        stream: 0,
    }
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) tokens: Vec<u32>,
    pub(crate) reason: Option<Reason>,
    pub(crate) broken: bool,
}

/// Adds an event to the outcome of its request, which must be among `all`.
pub(crate) fn note(all: &mut [(u64, Outcome)], event: Event) {
    let (Event::Tokens(id, _) | Event::Finished(id, _) | Event::Broken(id)) = event;
    let Some((_, outcome)) = all.iter_mut().find(|(one, _)| *one == id) else {
        panic!("{event:?} is of nobody");
    };
    assert!(
        outcome.reason.is_none() && !outcome.broken,
        "{event:?} after the end"
    );
    match event {
        Event::Tokens(_, tokens) => outcome.tokens.extend(tokens),
        Event::Finished(_, reason) => outcome.reason = Some(reason),
        Event::Broken(_) => outcome.broken = true,
    }
}

/// Runs all requests to their ends.
pub(crate) fn run(engine: &mut Engine, requests: &[Request]) -> Vec<Outcome> {
    let mut all: Vec<_> = requests
        .iter()
        .map(|one| (one.id, Outcome::default()))
        .collect();
    for one in requests {
        engine.submit(one.clone()).unwrap();
    }
    while engine.open() > 0 {
        for event in block_on(engine.advance()).unwrap() {
            note(&mut all, event);
        }
    }
    all.into_iter().map(|(_, outcome)| outcome).collect()
}
