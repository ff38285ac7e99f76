//! Whether a device computes what it should: before a model writes a row, a small one of the same family, with the same
//! storage types and invented weights, is scored on the device and on the CPU.
//!
//! There are devices and drivers that compute wrongly without an error, so nothing but comparing numbers will do.

use std::rc::Rc;

use seedbed_weights::{DType, Header, Part, Role, Rows, Spec, Tensor, dequantize, f32_to_half};

use crate::Error;
use crate::engine::{Engine, Event, Options, Request, Sampling};
use crate::gpu::context::Context;
use crate::gpu::weights::Builder;
use crate::reference::{self, Tensors};

/// Tokens of the test.
const IDS: [u32; 13] = [3, 250, 17, 96, 201, 5, 64, 128, 33, 77, 180, 9, 142];
/// Largest error accepted, relative to the scores' spread (root of the mean square).
const LIMIT: f64 = 5e-3;

/// A counter-based generator: the same numbers everywhere.
struct Numbers(u64);

impl Numbers {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly in −1..1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// Bytes of one block with weights of about `scale`.
fn block(dtype: DType, scale: f32, numbers: &mut Numbers, out: &mut Vec<u8>) {
    let start = out.len();
    for _ in 0..dtype.block_bytes() {
        out.push(numbers.next() as u8);
    }
    let bytes = &mut out[start..];
    let mut put = |at: usize, value: f32| {
        bytes[at..at + 2].copy_from_slice(&f32_to_half(value).to_le_bytes());
    };
    let jitter = 1.0 + 0.5 * numbers.unit();
    match dtype {
        DType::F32 => bytes.copy_from_slice(&(numbers.unit() * scale).to_le_bytes()),
        DType::F16 => put(0, numbers.unit() * scale),
        DType::BF16 => {
            bytes.copy_from_slice(&((numbers.unit() * scale).to_bits() >> 16).to_le_bytes()[..2]);
        }
        DType::Q8_0 => put(0, scale * jitter / 127.0),
        DType::Q4_0 => put(0, scale * jitter / 8.0),
        DType::Q5_0 => put(0, scale * jitter / 16.0),
        DType::Q4_1 => {
            put(0, scale * jitter / 8.0);
            put(2, -scale);
        }
        DType::Q5_1 => {
            put(0, scale * jitter / 16.0);
            put(2, -scale);
        }
        DType::Q4K => {
            put(0, scale * jitter / 256.0);
            put(2, scale * jitter / 32.0);
        }
        DType::Q5K => {
            put(0, scale * jitter / 512.0);
            put(2, scale * jitter / 32.0);
        }
        DType::Q6K => put(208, scale * jitter / 2048.0),
    }
}

/// The small model's description: the real one's switches, with little of everything.
fn small(spec: &Spec) -> (Spec, Vec<usize>) {
    // Layers that differ from each other, and the last.
    let mut picked: Vec<usize> = Vec::new();
    for (index, layer) in spec.layers.iter().enumerate() {
        if picked.len() < 3 && !picked.iter().any(|other| spec.layers[*other] == *layer) {
            picked.push(index);
        }
    }
    if spec.layers.len() > 1 && !picked.contains(&(spec.layers.len() - 1)) {
        picked.push(spec.layers.len() - 1);
    }
    let heads = (2..=64)
        .map(|half| 2 * half)
        .find(|heads| (heads * spec.head_dim).is_multiple_of(256))
        .unwrap_or(4);
    let small = Spec {
        layers: picked
            .iter()
            .map(|index| {
                let mut layer = spec.layers[*index];
                layer.window = layer.window.map(|_| 5);
                layer
            })
            .collect(),
        hidden: 256,
        heads,
        kv_heads: if spec.kv_heads == spec.heads {
            heads
        } else {
            2
        },
        ffn: 512,
        vocab: 256,
        context: 64,
        neighbour_rope: true,
        norm_plus_one: false,
        ..spec.clone()
    };
    (small, picked)
}

/// Scores a small model like `header`'s on the device and on the CPU; the error relative to the spread.
///
/// # Errors
/// The device failed, or computes something else than the CPU.
pub async fn run(context: &Rc<Context>, header: &Header) -> Result<f64, Error> {
    let (spec, picked) = small(&header.spec);
    let (q_rows, kv_rows) = (spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim);
    let mut numbers = Numbers(2026);
    let mut tensors = Vec::new();
    let mut contents = Vec::new();
    let mut plain = Tensors::new();
    let mut offset = 0;
    for tensor in &header.tensors {
        let role = match tensor.role {
            Role::Layer(layer, part) => match picked.iter().position(|one| *one == layer) {
                Some(index) => Role::Layer(index, part),
                None => continue,
            },
            role => role,
        };
        let (rows, cols) = match role {
            Role::Embedding | Role::Head => (spec.vocab, spec.hidden),
            Role::OutputNorm => (1, spec.hidden),
            Role::RopeFactors => (1, spec.head_dim / 2),
            Role::Layer(_, part) => match part {
                Part::Q => (q_rows, spec.hidden),
                Part::K | Part::V => (kv_rows, spec.hidden),
                Part::AttnOut => (spec.hidden, q_rows),
                Part::Gate | Part::Up => (spec.ffn, spec.hidden),
                Part::Down => (spec.hidden, spec.ffn),
                Part::QBias => (1, q_rows),
                Part::KBias | Part::VBias => (1, kv_rows),
                Part::QNorm | Part::KNorm => (1, spec.head_dim),
                Part::AttnNorm | Part::FfnNorm | Part::PostAttnNorm | Part::PostFfnNorm => {
                    (1, spec.hidden)
                }
            },
        };
        let count = rows * cols;
        let mut bytes = Vec::new();
        if rows == 1 {
            let centre = if matches!(
                role,
                Role::Layer(_, Part::QBias | Part::KBias | Part::VBias)
            ) {
                0.0
            } else {
                1.0
            };
            for _ in 0..count {
                bytes.extend((centre + 0.2 * numbers.unit()).to_le_bytes());
            }
        } else {
            // So that a product is about as large as what goes in.
            let scale = if role == Role::Embedding {
                1.0
            } else {
                1.7 / (cols as f32).sqrt()
            };
            for _ in 0..count / tensor.dtype.block_len() {
                block(tensor.dtype, scale, &mut numbers, &mut bytes);
            }
        }
        let dtype = if rows == 1 { DType::F32 } else { tensor.dtype };
        let mut values = vec![0.0; count];
        dequantize(dtype, &bytes, &mut values)?;
        plain.insert(role, values);
        tensors.push(Tensor {
            name: tensor.name.clone(),
            role,
            dtype,
            rows,
            cols,
            file: 0,
            offset,
            bytes: bytes.len() as u64,
        });
        offset += bytes.len() as u64;
        contents.push(bytes);
    }
    let header = Header {
        spec: spec.clone(),
        tensors,
        total_bytes: offset,
        data_offset: 0,
        split: None,
        complete: true,
        ..header.clone()
    };
    let mut builder = Builder::new(&spec)?;
    for (index, bytes) in contents.iter().enumerate() {
        builder.rows(
            context,
            &Rows {
                header: &header,
                tensor: index,
                first_row: 0,
                rows: header.tensors[index].rows,
                bytes,
            },
        )?;
    }
    let weights = Rc::new(builder.finish(context)?);
    let wanted = reference::score(&spec, &plain, &IDS)
        .ok_or_else(|| Error::Unsupported("The model misses a tensor.".to_owned()))?;
    let options = Options {
        context: 64,
        ..Options::default()
    };
    let mut engine = Engine::new(context.clone(), weights, options, &[])?;
    let scores = engine.score(&IDS).await?;
    let (mut error, mut spread) = (0.0_f64, 0.0_f64);
    for (is, should) in scores.iter().zip(wanted.iter().flatten()) {
        error += f64::from(is - should).powi(2);
        spread += f64::from(*should).powi(2);
    }
    let relative = (error / spread.max(f64::MIN_POSITIVE)).sqrt();
    // Decoding has kernels of its own.
    engine.submit(Request {
        id: 0,
        prompt: IDS.to_vec(),
        max_tokens: 1,
        sampling: Sampling::default(),
        stream: 0,
    })?;
    let mut chosen = None;
    while engine.open() > 0 {
        for event in engine.advance().await? {
            if let Event::Tokens(_, tokens) = event {
                chosen = tokens.first().copied();
            }
        }
    }
    let last = wanted.last().map(Vec::as_slice).unwrap_or_default();
    let best = last.iter().copied().fold(f32::MIN, f32::max);
    let deviation = (spread / (IDS.len() * spec.vocab) as f64).sqrt();
    let is_right = chosen
        .and_then(|token| last.get(token as usize))
        .is_some_and(|score| f64::from(best - score) <= 10.0 * LIMIT * deviation);
    // NaN is greater than nothing, so the question is put this way round.
    if relative <= LIMIT && is_right {
        Ok(relative)
    } else {
        Err(Error::Device(format!(
            "the self-test's scores are off by {:.2} %, so this device or its driver computes wrongly. Another browser may work.",
            relative * 100.0
        )))
    }
}
