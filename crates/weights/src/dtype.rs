//! How weights are stored, and exact dequantization. The block layouts are those of ggml (`ggml-common.h`,
//! `ggml-quants.c`); the tests hold every formula to the Python `gguf` package, bit for bit.

use crate::Error;

/// How the weights of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an IEEE single.
    BF16,
    /// Blocks of 32: scale, 32 signed bytes.
    Q8_0,
    /// Blocks of 32: scale, 4-bit values around 8.
    Q4_0,
    /// Blocks of 32: scale, minimum, 4-bit values.
    Q4_1,
    /// Blocks of 32: scale, 5-bit values around 16.
    Q5_0,
    /// Blocks of 32: scale, minimum, 5-bit values.
    Q5_1,
    /// Blocks of 256: eight groups of 32 with 6-bit scale and minimum, 4-bit values.
    Q4K,
    /// Blocks of 256: eight groups of 32 with 6-bit scale and minimum, 5-bit values.
    Q5K,
    /// Blocks of 256: sixteen groups of 16 with 8-bit scale, 6-bit values around 32.
    Q6K,
}

impl DType {
    /// Every type, for tables and tests.
    pub const ALL: [Self; 11] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Weights of one block.
    pub fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => 32,
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of one block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of a row of `cols` weights; none when the row is not made of whole blocks, or is too long to count.
    pub fn row_bytes(self, cols: usize) -> Option<usize> {
        if !cols.is_multiple_of(self.block_len()) {
            return None;
        }
        (cols / self.block_len()).checked_mul(self.block_bytes())
    }

    /// The name people know, such as `Q4_K`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// The type with this number in `ggml_type`; else the name of the type that we do not read.
    pub(crate) fn from_ggml(id: u32) -> Result<Self, &'static str> {
        const OTHERS: [(u32, &str); 23] = [
            (9, "Q8_1"),
            (10, "Q2_K"),
            (11, "Q3_K"),
            (15, "Q8_K"),
            (16, "IQ2_XXS"),
            (17, "IQ2_XS"),
            (18, "IQ3_XXS"),
            (19, "IQ1_S"),
            (20, "IQ4_NL"),
            (21, "IQ3_S"),
            (22, "IQ2_S"),
            (23, "IQ4_XS"),
            (24, "I8"),
            (25, "I16"),
            (26, "I32"),
            (27, "I64"),
            (28, "F64"),
            (29, "IQ1_M"),
            (34, "TQ1_0"),
            (35, "TQ2_0"),
            (39, "MXFP4"),
            (40, "NVFP4"),
            (41, "Q1_0"),
        ];
        Ok(match id {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            30 => Self::BF16,
            // Early 4-bit types, and layouts of Q4_0 and IQ4_NL for certain machines.
            4 | 5 | 31..=33 | 36..=38 => return Err("a type that was removed from the format"),
            _ => {
                let name = OTHERS.iter().find(|(other, _)| *other == id);
                return Err(name.map_or("unknown", |(_, name)| name));
            }
        })
    }
}

/// A half-precision number as a single; exact.
pub fn half_to_f32(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10 & 31);
    let fraction = u32::from(half & 0x3ff);
    match (exponent, fraction) {
        (0, _) => {
            // Subnormal: a multiple of 2⁻²⁴, which a single holds exactly.
            let size = fraction as f32 * f32::from_bits(103 << 23);
            f32::from_bits(sign | size.to_bits())
        }
        (31, _) => f32::from_bits(sign | 255 << 23 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// A single as a half: nearest, ties to even; what is too large becomes infinite.
pub fn f32_to_half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let size = bits & 0x7fff_ffff;
    if size > 0x7f80_0000 {
        // Stays "not a number", and quiet.
        return sign | 0x7e00 | (size >> 13) as u16 & 0x3ff;
    }
    if size >= 0x4780_0000 {
        // From 65536 on, and infinity.
        return sign | 0x7c00;
    }
    if size < 0x3880_0000 {
        // Below 2⁻¹⁴ the result is subnormal. Adding 0.5 makes the unit in the last place 2⁻²⁴, so the adder rounds.
        let rounded = f32::from_bits(size) + 0.5;
        return sign | (rounded.to_bits() - 0.5f32.to_bits()) as u16;
    }
    // Rebias the exponent, add just under half a unit (plus one for an odd last bit), and cut. A carry may reach infinity.
    let odd = size >> 13 & 1;
    let rounded = size - (112 << 23) + 0xfff + odd;
    sign | (rounded >> 13) as u16
}

fn half(bytes: &[u8]) -> f32 {
    half_to_f32(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn upper_half(bytes: &[u8]) -> f32 {
    f32::from_bits(u32::from_le_bytes([0, 0, bytes[0], bytes[1]]))
}

/// Exact dequantization of whole blocks.
///
/// # Errors
/// When `bytes` are not whole blocks, or `out` has not as many places as they hold weights.
pub fn dequantize(dtype: DType, bytes: &[u8], out: &mut [f32]) -> Result<(), Error> {
    let whole = bytes.len().is_multiple_of(dtype.block_bytes());
    let blocks = bytes.len() / dtype.block_bytes();
    if !whole || blocks.checked_mul(dtype.block_len()) != Some(out.len()) {
        let (from, to) = (bytes.len(), out.len());
        return Err(Error::malformed(
            "",
            format!("{from} bytes of {} are not {to} weights", dtype.name()),
        ));
    }
    let each = Each { dtype, bytes, out };
    match dtype {
        DType::F32 => each.block(|b, y| y[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        DType::F16 => each.block(|b, y| y[0] = half(b)),
        DType::BF16 => each.block(|b, y| y[0] = upper_half(b)),
        DType::Q8_0 => each.block(q8_0),
        DType::Q4_0 => each.block(|b, y| q4(half(b), None, &b[2..], y)),
        DType::Q4_1 => each.block(|b, y| q4(half(b), Some(half(&b[2..])), &b[4..], y)),
        DType::Q5_0 => each.block(|b, y| q5(half(b), None, &b[2..], y)),
        DType::Q5_1 => each.block(|b, y| q5(half(b), Some(half(&b[2..])), &b[4..], y)),
        DType::Q4K => each.block(|b, y| k45(b, None, &b[16..], y)),
        DType::Q5K => each.block(|b, y| k45(b, Some(&b[16..48]), &b[48..], y)),
        DType::Q6K => each.block(q6_k),
    }
    Ok(())
}

/// Blocks and the places for their weights, of matching lengths.
struct Each<'a> {
    dtype: DType,
    bytes: &'a [u8],
    out: &'a mut [f32],
}

impl Each<'_> {
    /// A loop of its own for each type: a call through a pointer for each single weight would be slow.
    fn block(self, one: impl Fn(&[u8], &mut [f32])) {
        let blocks = self.bytes.chunks_exact(self.dtype.block_bytes());
        let weights = self.out.chunks_exact_mut(self.dtype.block_len());
        for (block, weights) in blocks.zip(weights) {
            one(block, weights);
        }
    }
}

fn q8_0(block: &[u8], out: &mut [f32]) {
    let scale = half(block);
    for (weight, byte) in out.iter_mut().zip(&block[2..]) {
        *weight = scale * f32::from(byte.cast_signed());
    }
}

/// 32 nibbles, low halves first; `high` has the fifth bits. Without a minimum the values lie around their middle.
fn nibbles(scale: f32, min: Option<f32>, high: u32, middle: f32, bytes: &[u8], out: &mut [f32]) {
    for (i, byte) in bytes[..16].iter().enumerate() {
        for (at, nibble) in [(i, byte & 15), (i + 16, byte >> 4)] {
            let value = f32::from(nibble | ((high >> at & 1) as u8) << 4);
            out[at] = match min {
                Some(min) => scale * value + min,
                None => scale * (value - middle),
            };
        }
    }
}

fn q4(scale: f32, min: Option<f32>, bytes: &[u8], out: &mut [f32]) {
    nibbles(scale, min, 0, 8.0, bytes, out);
}

fn q5(scale: f32, min: Option<f32>, bytes: &[u8], out: &mut [f32]) {
    let high = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    nibbles(scale, min, high, 16.0, &bytes[4..], out);
}

/// Q4_K and Q5_K: the 12 bytes after the two halves pack a 6-bit scale and a 6-bit minimum for each of 8 groups.
fn k45(block: &[u8], high: Option<&[u8]>, nibbles: &[u8], out: &mut [f32]) {
    let (scale, min, packed) = (half(block), half(&block[2..]), &block[4..16]);
    for (j, group) in out.chunks_exact_mut(32).enumerate() {
        let (s, m) = if j < 4 {
            (packed[j] & 63, packed[j + 4] & 63)
        } else {
            (
                packed[j + 4] & 15 | packed[j - 4] >> 6 << 4,
                packed[j + 4] >> 4 | packed[j] >> 6 << 4,
            )
        };
        let (scale, min) = (scale * f32::from(s), min * f32::from(m));
        for (l, weight) in group.iter_mut().enumerate() {
            let byte = nibbles[32 * (j / 2) + l];
            let nibble = if j % 2 == 0 { byte & 15 } else { byte >> 4 };
            let fifth = high.map_or(0, |high| (high[l] >> j & 1) << 4);
            *weight = scale * f32::from(nibble | fifth) - min;
        }
    }
}

fn q6_k(block: &[u8], out: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half(&block[208..]);
    for (e, weight) in out.iter_mut().enumerate() {
        let (part, quad, l) = (e / 128, e % 128 / 32, e % 32);
        let byte = low[64 * part + 32 * (quad & 1) + l];
        let four = if quad < 2 { byte & 15 } else { byte >> 4 };
        let two = high[32 * part + l] >> (2 * quad) & 3;
        let value = f32::from(four | two << 4) - 32.0;
        *weight = scale * f32::from(scales[e / 16].cast_signed()) * value;
    }
}
