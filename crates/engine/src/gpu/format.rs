//! How a matrix lies in GPU memory: groups of 32 weights, four rows side by side, values and scales apart.
//!
//! A file's blocks have sizes such as 18, 22 or 210 bytes, which a shader can only read through shifts. They are repacked
//! once at load, without rounding anything:
//!
//! - *values*: for each block of four rows, for each group of 32 columns, for each of the four rows, [`Format::vectors`]
//!   vectors of 16 bytes. One thread reads a group of four rows as neighbouring vectors.
//! - *extra*: for each block and group [`Format::extra_words`] words (high bits, scales), then, for the K types, for each
//!   block and eight groups [`Format::super_words`] words.
//!
//! Every quantized weight is `scale · q + offset`, with `q` a small integer; Q4_0 is Q4_1 with an offset of −8 · scale,
//! which is exact in half precision.

use seedbed_weights::{DType, Error, dequantize, f32_to_half, half_to_f32};

/// Weights in a group: a quantized block of the 32-weight types, a sub-block of the K types.
pub const GROUP: usize = 32;
/// Rows that lie side by side.
pub const ROWS: usize = 4;

/// The layout of a matrix on the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// f32 as it is.
    F32,
    /// Halves, two in a word.
    F16,
    /// Upper halves of f32, two in a word.
    BF16,
    /// Signed bytes and a half-precision scale (Q8_0).
    Q8,
    /// Four bits with half-precision scale and offset (Q4_0, Q4_1).
    Q4,
    /// Five bits with half-precision scale and offset (Q5_0, Q5_1).
    Q5,
    /// Four bits with 6-bit scale and offset under a super-block (Q4_K).
    Q4K,
    /// Five bits with 6-bit scale and offset under a super-block (Q5_K).
    Q5K,
    /// Six bits with two 8-bit scales under a super-block (Q6_K).
    Q6K,
}

impl Format {
    /// The layout that holds weights of `dtype`.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Self::F32,
            DType::F16 => Self::F16,
            DType::BF16 => Self::BF16,
            DType::Q8_0 => Self::Q8,
            DType::Q4_0 | DType::Q4_1 => Self::Q4,
            DType::Q5_0 | DType::Q5_1 => Self::Q5,
            DType::Q4K => Self::Q4K,
            DType::Q5K => Self::Q5K,
            DType::Q6K => Self::Q6K,
        }
    }

    /// Vectors of 16 bytes for a group of one row.
    pub const fn vectors(self) -> usize {
        match self {
            Self::F32 => 8,
            Self::F16 | Self::BF16 => 4,
            Self::Q8 => 2,
            Self::Q4 | Self::Q5 | Self::Q4K | Self::Q5K | Self::Q6K => 1,
        }
    }

    /// Words beside the values for a group of four rows.
    pub const fn extra_words(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 0,
            Self::Q8 | Self::Q4K => 2,
            Self::Q4 => 4,
            Self::Q5 => 8,
            Self::Q5K => 6,
            Self::Q6K => 10,
        }
    }

    /// Words for eight groups (256 weights) of four rows.
    pub const fn super_words(self) -> usize {
        match self {
            Self::Q4K | Self::Q5K => 4,
            Self::Q6K => 2,
            _ => 0,
        }
    }

    /// Bytes of one row of `cols` weights on the GPU.
    pub const fn row_bytes(self, cols: usize) -> usize {
        let groups = cols / GROUP;
        groups * (self.vectors() * 16 + self.extra_words()) + groups / 8 * self.super_words()
    }
}

/// A run of row blocks, packed: what is written to the GPU.
#[derive(Debug, Default)]
pub struct Packed {
    /// Values.
    pub values: Vec<u32>,
    /// Scales and high bits by group.
    pub extra: Vec<u32>,
    /// Scales by super-block.
    pub supers: Vec<u32>,
}

/// Packs rows into blocks of four.
pub struct Packer {
    dtype: DType,
    format: Format,
    groups: usize,
    packed: Packed,
    /// The integers (or bit patterns) of one row.
    codes: Vec<u8>,
}

impl Packer {
    /// For `blocks` blocks of four rows with `cols` weights each; rows that are never put stay zero.
    pub fn new(dtype: DType, cols: usize, blocks: usize) -> Self {
        let format = Format::of(dtype);
        let groups = cols / GROUP;
        let packed = Packed {
            values: vec![0; blocks * groups * ROWS * format.vectors() * 4],
            extra: vec![0; blocks * groups * format.extra_words()],
            supers: vec![0; blocks * (groups / 8) * format.super_words()],
        };
        Self {
            dtype,
            format,
            groups,
            packed,
            codes: vec![0; cols],
        }
    }

    /// Puts the bytes of one row of the file at `row`, counted from the first block.
    pub fn put(&mut self, row: usize, bytes: &[u8]) {
        let (block, lane) = (row / ROWS, row % ROWS);
        match self.dtype {
            DType::F32 | DType::F16 | DType::BF16 => self.dense(block, lane, bytes),
            DType::Q8_0 => {
                for (group, raw) in bytes.chunks_exact(34).enumerate() {
                    let at = self.value_at(block, group, lane);
                    words(&mut self.packed.values[at..at + 8], &raw[2..]);
                    let at = (block * self.groups + group) * 2 + lane / 2;
                    self.packed.extra[at] |= u32::from(half(raw, 0)) << (lane % 2 * 16);
                }
            }
            DType::Q4_0 | DType::Q4_1 => {
                let is_offset = self.dtype == DType::Q4_1;
                let size = self.dtype.block_bytes();
                for (group, raw) in bytes.chunks_exact(size).enumerate() {
                    let scale = half(raw, 0);
                    let offset = if is_offset {
                        half(raw, 2)
                    } else {
                        times(scale, -8.0)
                    };
                    let at = self.value_at(block, group, lane);
                    words(&mut self.packed.values[at..at + 4], &raw[size - 16..]);
                    let at = (block * self.groups + group) * 4 + lane;
                    self.packed.extra[at] = pair(scale, offset);
                }
            }
            DType::Q5_0 | DType::Q5_1 => {
                let is_offset = self.dtype == DType::Q5_1;
                let size = self.dtype.block_bytes();
                for (group, raw) in bytes.chunks_exact(size).enumerate() {
                    let scale = half(raw, 0);
                    let offset = if is_offset {
                        half(raw, 2)
                    } else {
                        times(scale, -16.0)
                    };
                    let at = self.value_at(block, group, lane);
                    words(&mut self.packed.values[at..at + 4], &raw[size - 16..]);
                    let at = (block * self.groups + group) * 8 + lane;
                    self.packed.extra[at] = pair(scale, offset);
                    words(
                        &mut self.packed.extra[at + 4..at + 5],
                        &raw[size - 20..size - 16],
                    );
                }
            }
            DType::Q4K | DType::Q5K => self.four_or_five_k(block, lane, bytes),
            DType::Q6K => self.six_k(block, lane, bytes),
        }
    }

    /// What was packed.
    pub fn finish(self) -> Packed {
        self.packed
    }

    fn value_at(&self, block: usize, group: usize, lane: usize) -> usize {
        ((block * self.groups + group) * ROWS + lane) * self.format.vectors() * 4
    }

    fn dense(&mut self, block: usize, lane: usize, bytes: &[u8]) {
        let size = self.dtype.block_bytes() * GROUP;
        for (group, raw) in bytes.chunks_exact(size).enumerate() {
            let at = self.value_at(block, group, lane);
            words(&mut self.packed.values[at..at + size / 4], raw);
        }
    }

    /// Facts: eight sub-blocks of 32 with 6-bit scales and minima; `w = d·s·q − dmin·m`.
    fn four_or_five_k(&mut self, block: usize, lane: usize, bytes: &[u8]) {
        let is_five = self.dtype == DType::Q5K;
        for (index, raw) in bytes.chunks_exact(self.dtype.block_bytes()).enumerate() {
            let scales = &raw[4..16];
            let (high, low) = if is_five {
                (&raw[16..48], &raw[48..])
            } else {
                (&raw[..0], &raw[16..])
            };
            let at = (block * (self.groups / 8) + index) * 4 + lane;
            self.packed.supers[at] = pair(half(raw, 0), half(raw, 2));
            for sub in 0..8 {
                let group = index * 8 + sub;
                let codes = &mut self.codes[..GROUP];
                for (l, code) in codes.iter_mut().enumerate() {
                    *code = (low[32 * (sub / 2) + l] >> (sub % 2 * 4)) & 15;
                }
                let at = self.value_at(block, group, lane);
                nibbles(&mut self.packed.values[at..at + 4], &self.codes);
                let (scale, min) = if sub < 4 {
                    (scales[sub] & 63, scales[sub + 4] & 63)
                } else {
                    (
                        (scales[sub + 4] & 15) | (scales[sub - 4] >> 6 << 4),
                        (scales[sub + 4] >> 4) | (scales[sub] >> 6 << 4),
                    )
                };
                let at = (block * self.groups + group) * self.format.extra_words();
                self.packed.extra[at + lane / 2] |=
                    (u32::from(scale) | u32::from(min) << 8) << (lane % 2 * 16);
                if is_five {
                    self.packed.extra[at + 2 + lane] = high
                        .iter()
                        .enumerate()
                        .fold(0, |word, (l, byte)| word | u32::from(byte >> sub & 1) << l);
                }
            }
        }
    }

    /// Facts: sixteen sub-blocks of 16 with 8-bit scales; `w = d·scale·(q − 32)`.
    fn six_k(&mut self, block: usize, lane: usize, bytes: &[u8]) {
        for (index, raw) in bytes.chunks_exact(210).enumerate() {
            let (low, high, scales) = (&raw[..128], &raw[128..192], &raw[192..208]);
            let at = (block * (self.groups / 8) + index) * 2 + lane / 2;
            self.packed.supers[at] |= u32::from(half(raw, 208)) << (lane % 2 * 16);
            for sub in 0..8 {
                let group = index * 8 + sub;
                let (side, quad) = (sub / 4, sub % 4);
                let mut highs = [0_u32; 2];
                for l in 0..GROUP {
                    let byte = low[64 * side + 32 * (quad & 1) + l];
                    self.codes[l] = if quad < 2 { byte & 15 } else { byte >> 4 };
                    highs[l / 16] |=
                        u32::from(high[32 * side + l] >> (2 * quad) & 3) << (l % 16 * 2);
                }
                let at = self.value_at(block, group, lane);
                nibbles(&mut self.packed.values[at..at + 4], &self.codes);
                let at = (block * self.groups + group) * 10;
                let both = u32::from(scales[2 * sub]) | u32::from(scales[2 * sub + 1]) << 8;
                self.packed.extra[at + lane / 2] |= both << (lane % 2 * 16);
                self.packed.extra[at + 2 + 2 * lane] = highs[0];
                self.packed.extra[at + 3 + 2 * lane] = highs[1];
            }
        }
    }
}

/// Codes 0..16 in the low nibbles of four words, 16..32 in the high ones (the order of Q4_0).
fn nibbles(out: &mut [u32], codes: &[u8]) {
    for (j, word) in out.iter_mut().enumerate() {
        *word = (0..4).fold(0, |word, k| {
            let both = codes[4 * j + k] | codes[16 + 4 * j + k] << 4;
            word | u32::from(both) << (8 * k)
        });
    }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn pair(low: u16, high: u16) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

/// A half times a power of two: exact as long as it does not overflow, which only a broken file could want.
fn times(value: u16, factor: f32) -> u16 {
    f32_to_half(half_to_f32(value) * factor)
}

fn words(out: &mut [u32], bytes: &[u8]) {
    for (word, raw) in out.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]);
    }
}

/// One tensor's bytes as numbers: norms, biases and other vectors, which are small.
pub fn vector(dtype: DType, bytes: &[u8], len: usize) -> Result<Vec<f32>, Error> {
    let mut out = vec![0.0; len];
    dequantize(dtype, bytes, &mut out)?;
    Ok(out)
}
