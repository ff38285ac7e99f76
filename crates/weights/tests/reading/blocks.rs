//! Dequantization and halves, against numbers by others: see `tests/data/make_blocks.py`.

use seedbed_weights::{DType, dequantize, f32_to_half, half_to_f32};

const BLOCKS: &[u8] = include_bytes!("../data/blocks.bin");
const HALVES: &[u8] = include_bytes!("../data/halves.bin");

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The same number, to the bit; which "not a number" it is does not matter.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn every_block_is_exact() {
    let numbers = [
        (0, DType::F32),
        (1, DType::F16),
        (30, DType::BF16),
        (8, DType::Q8_0),
        (2, DType::Q4_0),
        (3, DType::Q4_1),
        (6, DType::Q5_0),
        (7, DType::Q5_1),
        (12, DType::Q4K),
        (13, DType::Q5K),
        (14, DType::Q6K),
    ];
    let mut at = 0;
    for (number, dtype) in numbers {
        assert_eq!(u32_at(BLOCKS, at), number);
        let blocks = u32_at(BLOCKS, at + 4) as usize;
        at += 8;
        let bytes = &BLOCKS[at..at + blocks * dtype.block_bytes()];
        at += bytes.len();
        let mut weights = vec![0.0; blocks * dtype.block_len()];
        dequantize(dtype, bytes, &mut weights).unwrap();
        for (i, weight) in weights.iter().enumerate() {
            let wanted = f32::from_bits(u32_at(BLOCKS, at + 4 * i));
            let block = i / dtype.block_len();
            assert!(
                same(*weight, wanted),
                "{dtype:?}, block {block}, weight {i}: {weight} and not {wanted}"
            );
        }
        at += 4 * weights.len();
    }
    assert_eq!(at, BLOCKS.len());
}

#[test]
fn only_whole_blocks() {
    for dtype in DType::ALL {
        let (bytes, len) = (dtype.block_bytes(), dtype.block_len());
        let block = vec![0; 2 * bytes];
        for (from, to) in [
            (bytes, 2 * len),
            (bytes - 1, len),
            (2 * bytes, len),
            (0, len),
        ] {
            let error = dequantize(dtype, &block[..from], &mut vec![0.0; to]).unwrap_err();
            assert!(error.to_string().contains("are not"), "{error}");
        }
        dequantize(dtype, &[], &mut []).unwrap();
        assert_eq!(dtype.row_bytes(3 * len), Some(3 * bytes));
        assert_eq!(dtype.row_bytes(3 * len + 1).is_some(), len == 1);
        let longest = dtype.row_bytes(usize::MAX / 256 * 256);
        assert_eq!(longest.is_some(), bytes <= len, "{dtype:?}");
    }
}

#[test]
fn halves_to_singles_are_exact() {
    for half in 0..=u16::MAX {
        let (exponent, fraction) = (i32::from(half >> 10 & 31), f64::from(half & 0x3ff));
        let size = match exponent {
            0 => fraction * 2f64.powi(-24),
            31 if fraction == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
        };
        let wanted = if half >> 15 == 1 { -size } else { size } as f32;
        let got = half_to_f32(half);
        assert!(same(got, wanted), "{half:#06x}: {got} and not {wanted}");
        if !got.is_nan() {
            assert_eq!(f32_to_half(got), half, "there and back");
        }
    }
}

#[test]
fn singles_to_halves_round_like_numpy() {
    for pair in HALVES.chunks_exact(8) {
        let value = f32::from_bits(u32_at(pair, 0));
        let wanted = u32_at(pair, 4) as u16;
        let got = f32_to_half(value);
        if value.is_nan() {
            assert!(half_to_f32(got).is_nan());
        } else {
            assert_eq!(got, wanted, "{value:e}: {got:#06x} and not {wanted:#06x}");
        }
    }
}
