//! Single kernels against plain sums on the CPU: products of every storage type by every variant.
#![allow(clippy::unwrap_used)]

mod support;

use futures::executor::block_on;
use seedbed_engine::gpu::format::{Format, Packer};
use seedbed_engine::gpu::kit::{LIMITS, candidates};
use seedbed_engine::gpu::wgsl::{Arith, Finish, Product, quantize};
use seedbed_weights::{DType, dequantize};
use support::{Numbers, bits, context, floats, nmse, row};

const TYPES: [DType; 11] = [
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
/// What outputs hold before, to see what is written.
const BEFORE: u32 = 0x4640_e400;

#[test]
fn products_are_sums() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(11);
    let blocks = ROWS.div_ceil(4);
    let x: Vec<f32> = (0..COLUMNS * WIDTH).map(|_| numbers.unit()).collect();
    let mut choices = Vec::new();
    for lanes in [true, false] {
        for place in 0..LIMITS.len() {
            for choice in candidates(place, &context.adapter.features, lanes) {
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
        }
    }
    for dtype in TYPES {
        let mut packer = Packer::new(dtype, WIDTH, blocks);
        let mut wanted = vec![0.0_f64; COLUMNS * ROWS];
        for at in 0..ROWS {
            let bytes = row(dtype, WIDTH, &mut numbers);
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
        let packed = packer.finish();
        let mut extra = [packed.extra, packed.supers].concat();
        extra.resize(extra.len().max(4), 0);
        let format = Format::of(dtype);
        for choice in &choices {
            let arith = choice.arith.of(&[format]);
            // The matrix's rows begin at the third block of a larger output.
            let stride = blocks + 5;
            let product = Product {
                format,
                second: format,
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
            let globals = [COLUMNS as u32, 0, 0, 0];
            let mut input = bits(&x);
            if arith == Arith::Packed {
                let room = vec![0; COLUMNS * WIDTH / 32 * 20];
                let groups = (WIDTH / 32).div_ceil(64) as u32;
                let size = [groups, COLUMNS as u32, 1];
                input = block_on(context.run(&quantize(WIDTH), globals, &[input, room], size))
                    .unwrap()
                    .remove(1);
            }
            let output = vec![BEFORE; COLUMNS * stride * 4];
            let buffers = [packed.values.clone(), extra.clone(), input, output];
            let size = product.workgroups(COLUMNS);
            let out = block_on(context.run(&product.kernel(), globals, &buffers, size))
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
            let bound = match arith {
                Arith::Float => 1e-11,
                Arith::Packed => 1e-7,
                Arith::Half => 1e-5,
            };
            let error = nmse(&is, &wanted);
            assert!(error <= bound, "{dtype:?} {choice:?}: {error:e}");
        }
    }
}
