//! Attention: norms and rotation of queries and keys, what is stored, windows, shared beginnings, and the weighted sums.

use super::BEFORE;
use super::support::{Numbers, assert_small, bits, context, floats, nmse};
use futures::executor::block_on;
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::wgsl::{Attention, Kernel};
use seedbed_weights::{f32_to_half, half_to_f32};

/// Slots; the last one holds what others share.
const SLOTS: usize = 12;
/// Positions of a slot.
const CONTEXT: usize = 208;
const EPS: f32 = 1e-5;
/// Workgroups that share the keys where they are split.
const SPLITS: usize = 8;

fn shapes() -> Vec<Attention> {
    let base = Attention {
        heads: 4,
        kv_heads: 4,
        head_dim: 64,
        context: CONTEXT,
        qk_norm: None,
        rope: true,
        window: None,
        scale_bits: 0.125_f32.to_bits(),
        half: false,
    };
    vec![
        base,
        // SmolLM2's.
        Attention {
            heads: 9,
            kv_heads: 3,
            half: true,
            ..base
        },
        // Qwen3's.
        Attention {
            heads: 8,
            kv_heads: 2,
            head_dim: 128,
            qk_norm: Some(EPS.to_bits()),
            half: true,
            ..base
        },
        // Gemma's, with windows shorter and longer than what there is.
        Attention {
            heads: 4,
            kv_heads: 1,
            head_dim: 256,
            qk_norm: Some(EPS.to_bits()),
            window: Some(5),
            scale_bits: 0.0625_f32.to_bits(),
            ..base
        },
        Attention {
            window: Some(64),
            half: true,
            ..base
        },
        // SmolLM3's layers without positions; and widths that are no power of two.
        Attention {
            heads: 6,
            kv_heads: 2,
            head_dim: 80,
            rope: false,
            ..base
        },
        Attention {
            heads: 5,
            kv_heads: 1,
            head_dim: 12,
            qk_norm: Some(EPS.to_bits()),
            ..base
        },
    ]
}

/// A model's columns before attention, and what its slots hold.
struct Case {
    shape: Attention,
    cols: Vec<[u32; 4]>,
    /// (slot of the beginning, positions of it) of each slot.
    slots: Vec<[u32; 4]>,
    rope: Vec<f32>,
    norms: Vec<f32>,
    qkv: Vec<f32>,
    keys: Vec<u32>,
    values: Vec<u32>,
}

/// Numbers as the cache holds them, and back.
fn stored(values: &[f32], half: bool) -> Vec<u32> {
    if half {
        values
            .chunks_exact(2)
            .map(|two| u32::from(f32_to_half(two[0])) | u32::from(f32_to_half(two[1])) << 16)
            .collect()
    } else {
        bits(values)
    }
}

fn read(words: &[u32], half: bool) -> Vec<f32> {
    if half {
        words
            .iter()
            .flat_map(|word| [half_to_f32(*word as u16), half_to_f32((*word >> 16) as u16)])
            .collect()
    } else {
        floats(words)
    }
}

impl Case {
    fn new(shape: Attention, cols: Vec<[u32; 4]>, numbers: &mut Numbers) -> Self {
        let width = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
        let cells = SLOTS * CONTEXT * shape.kv_heads * shape.head_dim;
        let mut rope = Vec::new();
        for position in 0..CONTEXT {
            for pair in 0..shape.head_dim / 2 {
                let frequency = 100_f64.powf(-(pair as f64) * 2.0 / shape.head_dim as f64);
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                rope.extend([cos as f32, sin as f32]);
            }
        }
        // Some slots begin with what another holds.
        let slots = (0..SLOTS as u32)
            .map(|slot| match slot % 3 {
                1 => [SLOTS as u32 - 1, 8, 0, 0],
                2 => [SLOTS as u32 - 1, 70, 0, 0],
                _ => [slot, 0, 0, 0],
            })
            .collect();
        Self {
            rope,
            slots,
            norms: numbers.floats(2 * shape.head_dim),
            qkv: numbers
                .floats(cols.len() * width)
                .iter()
                .map(|x| 3.0 * x)
                .collect(),
            keys: stored(&numbers.floats(cells), shape.half),
            values: stored(&numbers.floats(cells), shape.half),
            cols,
            shape,
        }
    }

    /// Vector `head` of a column (queries, keys, then values), normed and rotated unless it is a value.
    fn turned(&self, column: usize, head: usize) -> Vec<f64> {
        let Attention {
            heads,
            kv_heads,
            head_dim,
            qk_norm,
            rope,
            ..
        } = self.shape;
        let at = (column * (heads + 2 * kv_heads) + head) * head_dim;
        let raw: Vec<f64> = self.qkv[at..at + head_dim]
            .iter()
            .map(|x| f64::from(*x))
            .collect();
        if head >= heads + kv_heads {
            return raw;
        }
        let is_key = head >= heads;
        let mut out = raw.clone();
        if let Some(eps) = qk_norm {
            let square = raw.iter().map(|x| x * x).sum::<f64>() / head_dim as f64;
            let factor = 1.0 / (square + f64::from(f32::from_bits(eps))).sqrt();
            for (i, x) in out.iter_mut().enumerate() {
                let norm = self.norms[usize::from(is_key) * head_dim + i];
                *x *= factor * f64::from(norm);
            }
        }
        if rope {
            let position = self.cols[column][1] as usize;
            for pair in 0..head_dim / 2 {
                let at = position * head_dim + 2 * pair;
                let (cos, sin) = (f64::from(self.rope[at]), f64::from(self.rope[at + 1]));
                let (x, y) = (out[2 * pair], out[2 * pair + 1]);
                out[2 * pair] = x * cos - y * sin;
                out[2 * pair + 1] = y * cos + x * sin;
            }
        }
        out
    }

    /// Where a key or value lies in the cache.
    fn cell(&self, slot: usize, position: usize, kv: usize) -> usize {
        ((slot * CONTEXT + position) * self.shape.kv_heads + kv) * self.shape.head_dim
    }

    /// What attention gives for a column: `[heads · head_dim]`. `own`: the column's key and value are not in the cache yet.
    fn attended(&self, column: usize, (keys, values): (&[f32], &[f32]), own: bool) -> Vec<f64> {
        let shape = &self.shape;
        let [slot, position, ..] = self.cols[column].map(|x| x as usize);
        let [base, shared, ..] = self.slots[slot].map(|x| x as usize);
        let first = shape
            .window
            .map_or(0, |window| (position + 1).saturating_sub(window));
        let scale = f64::from(f32::from_bits(shape.scale_bits));
        let mut out = Vec::new();
        for head in 0..shape.heads {
            let kv = head * shape.kv_heads / shape.heads;
            let query = self.turned(column, head);
            let mut terms = Vec::new();
            for j in first..=position {
                let (key, value) = if own && j == position {
                    (
                        self.turned(column, shape.heads + kv),
                        self.turned(column, shape.heads + shape.kv_heads + kv),
                    )
                } else {
                    let at = self.cell(if j < shared { base } else { slot }, j, kv);
                    let wide = |all: &[f32]| -> Vec<f64> {
                        all[at..at + shape.head_dim]
                            .iter()
                            .map(|x| f64::from(*x))
                            .collect()
                    };
                    (wide(keys), wide(values))
                };
                let score: f64 = query.iter().zip(&key).map(|(q, k)| q * k).sum();
                terms.push((score * scale, value));
            }
            let top = terms
                .iter()
                .map(|(score, _)| *score)
                .fold(f64::MIN, f64::max);
            let all: f64 = terms.iter().map(|(score, _)| (score - top).exp()).sum();
            for i in 0..shape.head_dim {
                out.push(
                    terms
                        .iter()
                        .map(|(score, value)| (score - top).exp() * value[i])
                        .sum::<f64>()
                        / all,
                );
            }
        }
        out
    }

    /// Runs a kernel with what it binds, and gives the buffers back.
    fn run(
        &self,
        context: &Context,
        kernel: &Kernel,
        buffers: &[Vec<u32>],
        size: [u32; 3],
    ) -> Vec<Vec<u32>> {
        let globals = [self.cols.len() as u32, 0, 0, 0];
        block_on(context.run(kernel, globals, buffers, size)).unwrap()
    }

    /// Keys and values of active columns are in `keys` and `values` and nothing else has changed.
    fn assert_stored(&self, what: &str, keys: &[u32], values: &[u32]) {
        let Attention {
            heads,
            kv_heads,
            head_dim,
            half,
            ..
        } = self.shape;
        for (name, before, after, first) in [
            ("keys", &self.keys, keys, heads),
            ("values", &self.values, values, heads + kv_heads),
        ] {
            let (before, after) = (read(before, half), read(after, half));
            let mut rest = after.clone();
            let (mut is, mut should) = (Vec::new(), Vec::new());
            for (column, col) in self.cols.iter().enumerate().filter(|(_, col)| col[3] != 0) {
                for kv in 0..kv_heads {
                    let at = self.cell(col[0] as usize, col[1] as usize, kv);
                    is.extend_from_slice(&after[at..at + head_dim]);
                    should.extend(self.turned(column, first + kv));
                    rest[at..at + head_dim].copy_from_slice(&before[at..at + head_dim]);
                }
            }
            assert!(rest == before, "{what}: {name} of others have changed");
            // A half has 11 bits.
            let bound = if half { 1e-7 } else { 1e-12 };
            assert_small(nmse(&is, &should), bound, &format!("{what}: {name}"));
        }
    }

    fn assert_attended(
        &self,
        what: &str,
        out: &[u32],
        (keys, values): (&[u32], &[u32]),
        own: bool,
    ) {
        let width = self.shape.heads * self.shape.head_dim;
        let half = self.shape.half;
        let (keys, values) = (read(keys, half), read(values, half));
        for (column, is) in out.chunks_exact(width).enumerate() {
            let what = format!("{what}, column {column} at {:?}", self.cols[column]);
            if self.cols[column][3] == 0 {
                assert!(is.iter().all(|word| *word == BEFORE), "{what} is written");
                continue;
            }
            let should = self.attended(column, (&keys, &values), own);
            assert_small(nmse(&floats(is), &should), 1e-11, &what);
        }
    }
}

fn flat(rows: &[[u32; 4]]) -> Vec<u32> {
    rows.concat()
}

#[test]
fn decoding_attends_to_what_each_sequence_has() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(5);
    for shape in shapes() {
        // A sequence each, at the edges of what is read at once; one has ended.
        let positions = [5, 1, 15, 16, 207, 63, 17, 65, 199, 64, 0];
        let cols: Vec<[u32; 4]> = positions
            .iter()
            .enumerate()
            // What is shared is shorter than the sequence.
            .map(|(slot, position)| {
                let shared = [0, 8, 70][slot % 3];
                [
                    slot as u32,
                    (*position).max(shared),
                    0,
                    u32::from(slot != 6),
                ]
            })
            .collect();
        let case = Case::new(shape, cols, &mut numbers);
        let count = case.cols.len();
        let room = count * shape.heads * shape.head_dim;
        let parts = count * shape.heads * SPLITS * (shape.head_dim + 4);
        for (lanes, splits) in [(false, 1), (true, 1), (false, SPLITS), (true, SPLITS)] {
            let what = format!("{shape:?}, lanes {lanes}, splits {splits}");
            let kernel = if lanes {
                shape.attend_lane(true, splits)
            } else {
                shape.attend_split(true, splits)
            };
            let buffers = [
                flat(&case.cols),
                flat(&case.slots),
                bits(&case.rope),
                bits(&case.norms),
                bits(&case.qkv),
                case.keys.clone(),
                case.values.clone(),
                vec![BEFORE; if splits == 1 { room } else { parts }],
            ];
            let heads = if lanes {
                shape.heads.div_ceil(4)
            } else {
                shape.heads
            };
            let size = [heads as u32, count as u32, splits as u32];
            let mut out = case.run(&context, &kernel, &buffers, size);
            let mut attended = out.pop().unwrap();
            let (values, keys) = (out.pop().unwrap(), out.pop().unwrap());
            case.assert_stored(&what, &keys, &values);
            if splits > 1 {
                let buffers = [flat(&case.cols), attended, vec![BEFORE; room]];
                let groups = (shape.heads * shape.head_dim / 4).div_ceil(64) as u32;
                let size = [groups, count as u32, 1];
                attended = case
                    .run(&context, &shape.merge(splits), &buffers, size)
                    .remove(2);
            }
            case.assert_attended(&what, &attended, (&case.keys, &case.values), true);
        }
    }
}

#[test]
fn prompts_attend_to_themselves_and_what_was_before() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(6);
    for shape in shapes() {
        // Two prompts' pieces; the last column is one of padding.
        let mut cols: Vec<[u32; 4]> = (0..21).map(|i| [3, 37 + i, 0, 1]).collect();
        cols.extend((0..9).map(|i| [4, 8 + i, 0, 1]));
        cols.extend((0..3).map(|i| [6, i, 0, 1]));
        cols.push([7, 90, 0, 0]);
        let case = Case::new(shape, cols, &mut numbers);
        let count = case.cols.len();
        let buffers = [
            flat(&case.cols),
            bits(&case.rope),
            bits(&case.norms),
            bits(&case.qkv),
            case.keys.clone(),
            case.values.clone(),
        ];
        let size = [
            (shape.heads + shape.kv_heads).div_ceil(64) as u32,
            count as u32,
            1,
        ];
        let mut out = case.run(&context, &shape.place(), &buffers, size);
        let (values, keys, qkv) = (out.pop().unwrap(), out.pop().unwrap(), out.pop().unwrap());
        let what = format!("{shape:?}");
        case.assert_stored(&what, &keys, &values);
        for lanes in [false, true] {
            let what = format!("{what}, lanes {lanes}");
            let kernel = if lanes {
                shape.attend_lane(false, 1)
            } else {
                shape.attend(false)
            };
            let buffers = [
                flat(&case.cols),
                flat(&case.slots),
                qkv.clone(),
                keys.clone(),
                values.clone(),
                vec![BEFORE; count * shape.heads * shape.head_dim],
            ];
            let heads = if lanes {
                shape.heads.div_ceil(4)
            } else {
                shape.heads
            };
            let out = case.run(&context, &kernel, &buffers, [heads as u32, count as u32, 1]);
            case.assert_attended(&what, &out[5], (&keys, &values), false);
        }
    }
}
