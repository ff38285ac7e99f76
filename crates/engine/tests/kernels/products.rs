//! Products of every storage type by every variant, and what is done to their results.

use super::BEFORE;
use super::support::{Numbers, assert_small, bits, context, floats, nmse, row};
use futures::executor::block_on;
use seedbed_engine::gpu::context::{Context, Features};
use seedbed_engine::gpu::format::{Format, Packer};
use seedbed_engine::gpu::kit::{Choice, LIMITS, candidates};
use seedbed_engine::gpu::wgsl::{Arith, Finish, Product, quantize};
use seedbed_weights::{Activation, DType, dequantize};

pub(super) const TYPES: [DType; 11] = [
    DType::F32,
    DType::F16,
    DType::BF16,
    DType::Q8_0,
    DType::Q4_0,
    DType::Q4_1,
    DType::Q5_0,
    DType::Q5_1,
    DType::Q4K,
    DType::Q5K,
    DType::Q6K,
];
/// Weights in a row: two super-blocks of the K types.
const WIDTH: usize = 512;
/// Rows: the last block is not full.
const ROWS: usize = 70;
/// Columns: no variant's number of columns divides them.
const COLUMNS: usize = 37;
const GLOBALS: [u32; 4] = [COLUMNS as u32, 0, 0, 0];
const EPS: f32 = 1e-3;

/// A matrix's buffers.
pub(super) fn packed(packer: Packer) -> (Vec<u32>, Vec<u32>) {
    let packed = packer.finish();
    let mut extra = [packed.extra, packed.supers].concat();
    extra.resize(extra.len().max(4), 0);
    (packed.values, extra)
}

/// Every choice that the device has.
fn choices(features: Features) -> Vec<Choice> {
    let mut choices = Vec::new();
    for lanes in [true, false] {
        for place in 0..LIMITS.len() {
            for choice in candidates(place, &features, lanes) {
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
        }
    }
    choices
}

/// Rows of invented weights, and what they give for columns.
struct Matrix {
    format: Format,
    values: Vec<u32>,
    extra: Vec<u32>,
    /// `[columns, rows]`
    wanted: Vec<f64>,
}

impl Matrix {
    fn new(dtype: DType, x: &[f32], numbers: &mut Numbers) -> Self {
        let mut packer = Packer::new(dtype, WIDTH, ROWS.div_ceil(4));
        let mut wanted = vec![0.0_f64; COLUMNS * ROWS];
        for at in 0..ROWS {
            let bytes = row(dtype, WIDTH, numbers);
            packer.put(at, &bytes);
            let mut values = vec![0.0; WIDTH];
            dequantize(dtype, &bytes, &mut values).unwrap();
            for (column, x) in x.chunks_exact(WIDTH).enumerate() {
                wanted[column * ROWS + at] = values
                    .iter()
                    .zip(x)
                    .map(|(w, x)| f64::from(*w) * f64::from(*x))
                    .sum();
            }
        }
        let (values, extra) = packed(packer);
        Self {
            format: Format::of(dtype),
            values,
            extra,
            wanted,
        }
    }
}

/// The columns as a product of `arith` reads them.
fn input(context: &Context, x: &[f32], arith: Arith) -> Vec<u32> {
    if arith != Arith::Packed {
        return bits(x);
    }
    let room = vec![0; COLUMNS * WIDTH / 32 * 20];
    let size = [(WIDTH / 32).div_ceil(64) as u32, COLUMNS as u32, 1];
    block_on(context.run(&quantize(WIDTH), GLOBALS, &[bits(x), room], size))
        .unwrap()
        .remove(1)
}

fn bound(arith: Arith) -> f64 {
    match arith {
        Arith::Float => 1e-11,
        Arith::Packed => 1e-7,
        Arith::Half => 1e-5,
    }
}

#[test]
fn products_are_sums() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(11);
    let blocks = ROWS.div_ceil(4);
    let x = numbers.floats(COLUMNS * WIDTH);
    for dtype in TYPES {
        let matrix = Matrix::new(dtype, &x, &mut numbers);
        for choice in choices(context.adapter.features) {
            let arith = choice.arith.of(&[matrix.format]);
            // The matrix's rows begin at the third block of a larger output.
            let stride = blocks + 5;
            let product = Product {
                format: matrix.format,
                second: matrix.format,
                spread: choice.spread,
                arith,
                columns: choice.columns,
                width: WIDTH,
                blocks,
                block0: 2,
                out_rows: stride * 4,
                hidden: WIDTH,
                eps_bits: 0,
                finish: Finish::Plain,
            };
            let output = vec![BEFORE; COLUMNS * stride * 4];
            let x = input(&context, &x, arith);
            let buffers = [matrix.values.clone(), matrix.extra.clone(), x, output];
            let size = product.workgroups(COLUMNS);
            let out = block_on(context.run(&product.kernel(), GLOBALS, &buffers, size))
                .unwrap()
                .remove(3);
            let mut is = Vec::new();
            for line in out.chunks_exact(stride * 4) {
                let (before, rest) = line.split_at(8);
                let (own, after) = rest.split_at(blocks * 4);
                assert!(
                    before.iter().chain(after).all(|word| *word == BEFORE),
                    "{dtype:?} {choice:?} writes beside its rows"
                );
                is.extend_from_slice(&floats(own)[..ROWS]);
            }
            let error = nmse(&is, &matrix.wanted);
            assert_small(error, bound(arith), &format!("{dtype:?} {choice:?}"));
        }
    }
}

/// What a finish makes of a product's result, and the buffers it binds after the columns.
struct Finished {
    finish: Finish,
    before: Vec<Vec<u32>>,
    /// Which of `before` should hold what afterwards, `[columns, rows or rows/4]`.
    wanted: Vec<(usize, Vec<f64>)>,
}

/// Squares of the residual stream, four rows at a time, and the factors of the norm that come of them.
fn squares(numbers: &mut Numbers) -> (Vec<f32>, Vec<f64>) {
    let ss: Vec<f32> = (0..COLUMNS * WIDTH / 4)
        // Sizes differ from column to column; gates come to be about one.
        .map(|i| numbers.unit().abs() * 480.0 * 0.25_f32.powi((i / (WIDTH / 4) % 4) as i32))
        .collect();
    let factors = ss
        .chunks(WIDTH / 4)
        .map(|one| {
            let sum: f64 = one.iter().map(|x| f64::from(*x)).sum();
            1.0 / (sum / WIDTH as f64 + f64::from(EPS)).sqrt()
        })
        .collect();
    (ss, factors)
}

/// `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, and `x / (1 + e^−x)`.
fn act(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            0.5 * x * (1.0 + (root * (x + 0.044_715 * x.powi(3))).tanh())
        }
    }
}

fn finishes(
    first: &Matrix,
    second: &Matrix,
    out_rows: usize,
    numbers: &mut Numbers,
) -> Vec<Finished> {
    let (ss, factors) = squares(numbers);
    let room = || vec![BEFORE; COLUMNS * out_rows];
    let bias = numbers.floats(out_rows);
    let h = numbers.floats(COLUMNS * out_rows);
    let next = numbers.floats(out_rows);
    let each = |f: &dyn Fn(usize, usize, usize) -> f64| -> Vec<f64> {
        (0..COLUMNS * ROWS)
            .map(|i| f(i, i / ROWS, i % ROWS))
            .collect()
    };
    let mut all = Vec::new();
    for has_bias in [false, true] {
        let mut before = vec![bits(&ss), room()];
        if has_bias {
            before.push(bits(&bias));
        }
        let wanted = each(&|i, column, row| {
            let bias = if has_bias {
                f64::from(bias[BLOCK0 * 4 + row])
            } else {
                0.0
            };
            first.wanted[i] * factors[column] + bias
        });
        all.push(Finished {
            finish: Finish::Scale { bias: has_bias },
            before,
            wanted: vec![(1, wanted)],
        });
    }
    let sum = each(&|i, column, row| {
        f64::from(h[column * out_rows + BLOCK0 * 4 + row]) + first.wanted[i]
    });
    let normed = each(&|i, _, row| sum[i] * f64::from(next[BLOCK0 * 4 + row]));
    // The last block has two rows: those that are not there are none of the sum's.
    let square = (0..COLUMNS)
        .flat_map(|column| sum[column * ROWS..(column + 1) * ROWS].chunks(4))
        .map(|four| four.iter().map(|x| x * x).sum())
        .collect();
    all.push(Finished {
        finish: Finish::Residual,
        before: vec![
            bits(&h),
            bits(&next),
            room(),
            vec![BEFORE; COLUMNS * out_rows / 4],
        ],
        wanted: vec![(0, sum), (2, normed), (3, square)],
    });
    for activation in [Activation::Silu, Activation::GeluTanh] {
        let wanted = each(&|i, column, _| {
            act(activation, first.wanted[i] * factors[column]) * second.wanted[i] * factors[column]
        });
        all.push(Finished {
            finish: Finish::Glu(activation),
            before: vec![bits(&ss), room()],
            wanted: vec![(1, wanted)],
        });
    }
    all
}

/// Where the rows begin in a finish's output.
const BLOCK0: usize = 3;

#[test]
fn results_are_normed_gated_and_added() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(12);
    let blocks = ROWS.div_ceil(4);
    let out_rows = (blocks + BLOCK0 + 2) * 4;
    let x = numbers.floats(COLUMNS * WIDTH);
    // Gates and ups of one type, of two kinds of blocks, and of which only one can be packed.
    for (one, other) in [
        (DType::Q4_1, DType::Q4_1),
        (DType::Q4K, DType::Q6K),
        (DType::Q5_0, DType::F16),
    ] {
        let first = Matrix::new(one, &x, &mut numbers);
        let second = Matrix::new(other, &x, &mut numbers);
        let finishes = finishes(&first, &second, out_rows, &mut numbers);
        for choice in choices(context.adapter.features) {
            for Finished {
                finish,
                before,
                wanted,
            } in &finishes
            {
                let is_gated = matches!(finish, Finish::Glu(_));
                // Types are another test's; here only those matter that come in pairs.
                if one != other && *finish != Finish::Glu(Activation::Silu) {
                    continue;
                }
                let formats = [first.format, second.format];
                let arith = choice.arith.of(&formats[..if is_gated { 2 } else { 1 }]);
                let what = format!("{one:?} {other:?} {choice:?} {finish:?}");
                let product = Product {
                    format: first.format,
                    second: if is_gated {
                        second.format
                    } else {
                        first.format
                    },
                    spread: choice.spread,
                    arith,
                    columns: choice.columns,
                    width: WIDTH,
                    blocks,
                    block0: BLOCK0,
                    out_rows,
                    hidden: WIDTH,
                    eps_bits: EPS.to_bits(),
                    finish: *finish,
                };
                let mut buffers = vec![
                    first.values.clone(),
                    first.extra.clone(),
                    input(&context, &x, arith),
                ];
                if is_gated {
                    buffers.extend([second.values.clone(), second.extra.clone()]);
                }
                let offset = buffers.len();
                buffers.extend(before.iter().cloned());
                let size = product.workgroups(COLUMNS);
                let out =
                    block_on(context.run(&product.kernel(), GLOBALS, &buffers, size)).unwrap();
                for (index, wanted) in wanted {
                    let (is, was) = (&out[offset + index], &before[*index]);
                    // Squares are of four rows.
                    let share = COLUMNS * out_rows / is.len();
                    let rows = ROWS.div_ceil(share);
                    let mut own = Vec::new();
                    for (column, line) in is.chunks_exact(out_rows / share).enumerate() {
                        let was = &was[column * line.len()..][..line.len()];
                        let begin = BLOCK0 * 4 / share;
                        let end = begin + blocks * 4 / share;
                        assert!(
                            line[..begin] == was[..begin] && line[end..] == was[end..],
                            "{what} writes beside its rows"
                        );
                        own.extend_from_slice(&floats(&line[begin..begin + rows]));
                    }
                    let (mut own, mut wanted) = (own, wanted.clone());
                    if share > 1 {
                        // In the model a row is never short.
                        let is_whole = |i: usize| i % rows < ROWS / 4;
                        own = own
                            .into_iter()
                            .enumerate()
                            .filter(|(i, _)| is_whole(*i))
                            .map(|(_, x)| x)
                            .collect();
                        wanted = wanted
                            .into_iter()
                            .enumerate()
                            .filter(|(i, _)| is_whole(*i))
                            .map(|(_, x)| x)
                            .collect();
                    }
                    // Activations of large gates multiply what they are off by.
                    let bound = 4.0 * bound(arith);
                    assert_small(
                        nmse(&own, &wanted),
                        bound,
                        &format!("{what}, buffer {index}"),
                    );
                }
            }
        }
    }
}
