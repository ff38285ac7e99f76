//! What is done to whole columns: embedding, the norm of a branch, and packing as bytes.

use super::BEFORE;
use super::products::{TYPES, packed};
use super::support::{Numbers, assert_small, bits, context, floats, nmse, row};
use futures::executor::block_on;
use seedbed_engine::gpu::format::{Format, Packer};
use seedbed_engine::gpu::wgsl::{embed, post_norm, quantize};
use seedbed_weights::dequantize;

const WIDTH: usize = 512;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

#[test]
fn embeddings_are_rows_of_the_matrix() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(21);
    // The piece has tokens 40 to 109 of a larger matrix.
    let (first, rows) = (40, 70);
    let blocks = 70_usize.div_ceil(4);
    let tokens = [40, 41, 43, 76, 109, 39, 0, 200, 50];
    let is_here = |token: u32| (first..first + rows).contains(&(token as usize));
    for dtype in TYPES {
        let mut packer = Packer::new(dtype, WIDTH, blocks);
        let mut matrix = Vec::new();
        for at in 0..rows {
            let bytes = row(dtype, WIDTH, &mut numbers);
            packer.put(at, &bytes);
            let mut values = vec![0.0; WIDTH];
            dequantize(dtype, &bytes, &mut values).unwrap();
            matrix.push(values);
        }
        let (values, extra) = packed(packer);
        for scale in [1.0, 22.627_417_f32] {
            let next = numbers.floats(WIDTH);
            let cols: Vec<u32> = tokens.iter().flat_map(|token| [0, 0, *token, 1]).collect();
            let room = |count: usize| vec![BEFORE; tokens.len() * count];
            let buffers = [
                values.clone(),
                extra.clone(),
                cols,
                bits(&next),
                room(WIDTH),
                room(WIDTH),
                room(WIDTH / 4),
            ];
            let kernel = embed(Format::of(dtype), WIDTH, blocks, first / 4, scale);
            let size = [(WIDTH / 32).div_ceil(64) as u32, tokens.len() as u32, 1];
            let globals = [tokens.len() as u32, 0, 0, 0];
            let out = block_on(context.run(&kernel, globals, &buffers, size)).unwrap();
            for (column, token) in tokens.into_iter().enumerate() {
                let what = format!("{dtype:?}, token {token}");
                let part = |buffer: usize, width: usize| &out[buffer][column * width..][..width];
                if !is_here(token) {
                    let all = [part(4, WIDTH), part(5, WIDTH), part(6, WIDTH / 4)].concat();
                    assert!(all.iter().all(|word| *word == BEFORE), "{what} is written");
                    continue;
                }
                let h: Vec<f64> = matrix[token as usize - first]
                    .iter()
                    .map(|x| f64::from(*x) * f64::from(scale))
                    .collect();
                let xn: Vec<f64> = h
                    .iter()
                    .zip(&next)
                    .map(|(h, n)| h * f64::from(*n))
                    .collect();
                let ss: Vec<f64> = h
                    .chunks(4)
                    .map(|four| four.iter().map(|x| x * x).sum())
                    .collect();
                for (buffer, should) in [(4, h), (5, xn), (6, ss)] {
                    let is = floats(part(buffer, should.len()));
                    assert_small(
                        nmse(&is, &should),
                        1e-12,
                        &format!("{what}, buffer {buffer}"),
                    );
                }
            }
        }
    }
}

#[test]
fn a_branch_is_normed_and_added() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(22);
    for hidden in [64, 640, 1152] {
        let (columns, eps) = (5, 1e-6_f32);
        let (y, own, next) = (
            numbers.floats(columns * hidden),
            numbers.floats(hidden),
            numbers.floats(hidden),
        );
        // One column is as good as nothing: the epsilon counts.
        let y: Vec<f32> = y
            .iter()
            .enumerate()
            .map(|(i, y)| if i / hidden == 2 { y * 1e-3 } else { *y })
            .collect();
        let h = numbers.floats(columns * hidden);
        let buffers = [
            bits(&y),
            bits(&own),
            bits(&next),
            bits(&h),
            vec![BEFORE; columns * hidden],
            vec![BEFORE; columns * hidden / 4],
        ];
        let size = [1, columns as u32, 1];
        let globals = [columns as u32, 0, 0, 0];
        let out = block_on(context.run(&post_norm(hidden, eps), globals, &buffers, size)).unwrap();
        for column in 0..columns {
            let range = column * hidden..(column + 1) * hidden;
            let branch = wide(&y[range.clone()]);
            let square = branch.iter().map(|x| x * x).sum::<f64>() / hidden as f64;
            let factor = 1.0 / (square + f64::from(eps)).sqrt();
            let sum: Vec<f64> = (0..hidden)
                .map(|i| f64::from(h[range.start + i]) + branch[i] * factor * f64::from(own[i]))
                .collect();
            let xn: Vec<f64> = sum
                .iter()
                .zip(&next)
                .map(|(x, n)| x * f64::from(*n))
                .collect();
            let ss: Vec<f64> = sum
                .chunks(4)
                .map(|four| four.iter().map(|x| x * x).sum())
                .collect();
            for (buffer, should) in [(3, sum), (4, xn), (5, ss)] {
                let width = should.len();
                let is = floats(&out[buffer][column * width..(column + 1) * width]);
                assert_small(
                    nmse(&is, &should),
                    1e-11,
                    &format!("{hidden}, {column}, {buffer}"),
                );
            }
        }
    }
}

#[test]
fn packed_columns_are_near_what_they_were() {
    let Some(context) = context() else { return };
    let mut numbers = Numbers(23);
    let columns = 3;
    let groups = WIDTH / 32;
    let mut x = numbers.floats(columns * WIDTH);
    // Groups of every size: nothing, next to nothing, one large number among small ones.
    x[..32].fill(0.0);
    x[32..64].iter_mut().for_each(|x| *x *= 1e-20);
    x[70] = 1e6;
    x[96..128].fill(-0.5);
    let buffers = [bits(&x), vec![BEFORE; columns * groups * 20]];
    let size = [groups.div_ceil(64) as u32, columns as u32, 1];
    let globals = [columns as u32, 0, 0, 0];
    let out = block_on(context.run(&quantize(WIDTH), globals, &buffers, size)).unwrap();
    for (group, (words, x)) in out[1].chunks_exact(20).zip(x.chunks_exact(32)).enumerate() {
        let scale = f64::from(f32::from_bits(words[16]));
        let most = wide(x).iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        assert!(
            (scale - most / 127.0).abs() <= 1e-6 * most,
            "group {group}: {scale}"
        );
        let byte = |i: usize| f64::from((words[i / 4] >> (8 * (i % 4))) as i8);
        for (i, x) in x.iter().enumerate() {
            let is = (byte(i) + byte(32 + i) / 254.0) * scale;
            let error = (is - f64::from(*x)).abs();
            // Half of the lower byte's step.
            assert!(
                error <= most / 127.0 / 254.0 * 0.501,
                "group {group}, {i}: {error:e} of {most:e}"
            );
        }
        let sum: f64 = wide(x).iter().sum();
        let is = f64::from(f32::from_bits(words[17]));
        assert!(
            (is - sum).abs() <= 1e-5 * most,
            "group {group}: {is} for {sum}"
        );
    }
}
