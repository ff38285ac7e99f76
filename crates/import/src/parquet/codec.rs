//! Unpacks pages. Every codec here is Rust: the browser build needs no other compiler, and broken input is an error.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// How the pages of a column are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Zstd,
    Lz4,
    Lz4Raw,
    /// One that isn't read.
    Other(&'static str),
}

impl Codec {
    /// The codec that the format gives this number.
    pub(super) fn of(number: i64) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Snappy,
            2 => Self::Gzip,
            3 => Self::Other("LZO"),
            4 => Self::Other("Brotli"),
            5 => Self::Lz4,
            6 => Self::Zstd,
            7 => Self::Lz4Raw,
            _ => Self::Other("a codec that is unknown here"),
        }
    }

    /// How many bytes one byte can give, at most.
    fn ratio(self) -> usize {
        match self {
            Self::None | Self::Other(_) => 1,
            Self::Snappy => 32,
            Self::Lz4 | Self::Lz4Raw => 256,
            Self::Gzip => 1040,
            // A block of 128 KB of one byte takes four.
            Self::Zstd => 1 << 15,
        }
    }

    /// Unpacks `packed`, which must give `size` bytes; `None` when it doesn't.
    pub(super) fn unpack(self, packed: &[u8], size: usize) -> Option<Vec<u8>> {
        if self == Self::None {
            return (packed.len() == size).then(|| packed.to_vec());
        }
        if size == 0 {
            return Some(Vec::new());
        }
        // Nothing is allocated for what so few bytes can't give.
        if size / self.ratio() > packed.len() {
            return None;
        }
        let mut out = vec![0; size];
        let written = match self {
            Self::Snappy => snappy(packed, &mut out),
            Self::Gzip => gzip(packed, &mut out),
            Self::Zstd => zstd(packed, &mut out),
            Self::Lz4Raw => lz4(packed, &mut out),
            // The old framing of Hadoop; some writers left it out under the same name.
            Self::Lz4 => lz4_framed(packed, &mut out).or_else(|| lz4(packed, &mut out)),
            Self::None | Self::Other(_) => None,
        }?;
        (written == size).then_some(out)
    }
}

fn snappy(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    snap::raw::Decoder::new().decompress(packed, out).ok()
}

fn zstd(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    ruzstd::decoding::FrameDecoder::new()
        .decode_all(packed, out)
        .ok()
}

fn lz4(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    lz4_flex::block::decompress_into(packed, out).ok()
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

/// Blocks, each after the sizes that it has and will have.
fn lz4_framed(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut at, mut written) = (0, 0);
    while at < packed.len() {
        let (unpacked, length) = (number(packed, at)?, number(packed, at + 4)?);
        let block = packed.get(at + 8..)?.get(..length)?;
        let space = out.get_mut(written..)?.get_mut(..unpacked)?;
        written += lz4(block, space).filter(|count| *count == unpacked)?;
        at += 8 + length;
    }
    Some(written)
}

/// Members of a gzip file, one after another.
fn gzip(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut rest, mut written) = (packed, 0);
    while !rest.is_empty() && written < out.len() {
        rest = rest.get(gzip_header(rest)?..)?;
        let mut inflater = DecompressorOxide::new();
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, count) = decompress(&mut inflater, rest, out, written, flags);
        if status != TINFLStatus::Done {
            return None;
        }
        written += count;
        // Checksum and length.
        rest = rest.get(read + 8..)?;
    }
    Some(written)
}

/// Length of a member's header.
fn gzip_header(bytes: &[u8]) -> Option<usize> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    if bytes.get(..3)? != [0x1f, 0x8b, 8] {
        return None;
    }
    let flags = *bytes.get(3)?;
    let mut at = 10;
    if flags & EXTRA != 0 {
        let length = [*bytes.get(at)?, *bytes.get(at + 1)?];
        at += 2 + usize::from(u16::from_le_bytes(length));
    }
    for part in [NAME, COMMENT] {
        if flags & part != 0 {
            at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & CHECKSUM != 0 {
        at += 2;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "seed" as a block of LZ4: four letters as they are.
    const SEED: [u8; 5] = [0x40, b's', b'e', b'e', b'd'];

    #[test]
    fn the_old_lz4_is_read_with_its_frames_and_without() {
        let frame = [&[0, 0, 0, 4, 0, 0, 0, 5][..], &SEED].concat();
        let two = [&frame[..], &frame].concat();
        assert_eq!(
            Codec::Lz4.unpack(&two, 8).as_deref(),
            Some(&b"seedseed"[..])
        );
        assert_eq!(Codec::Lz4.unpack(&SEED, 4).as_deref(), Some(&b"seed"[..]));
        assert_eq!(Codec::Lz4.unpack(&two[..20], 8), None);
    }

    #[test]
    fn members_of_gzip_follow_one_another_whatever_their_headers_hold() {
        // Stored, not packed: "seed", with an extra field, a name, a comment and a checksum of the header.
        let plain = [
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..],
            &[1, 4, 0, 0xfb, 0xff],
            b"seed",
            &[0; 8],
        ]
        .concat();
        let head = [
            &[0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3][..],
            &[2, 0, 9, 9],
            b"n\0c\0",
            &[7, 7],
        ]
        .concat();
        let all = [&plain[..], &head, &plain[10..]].concat();
        assert_eq!(
            Codec::Gzip.unpack(&all, 8).as_deref(),
            Some(&b"seedseed"[..])
        );
        assert_eq!(Codec::Gzip.unpack(&all, 9), None);
        assert_eq!(Codec::Gzip.unpack(&all[..30], 8), None);
    }

    #[test]
    fn what_so_few_bytes_cannot_give_is_refused_before_it_is_allocated() {
        for codec in [
            Codec::Snappy,
            Codec::Gzip,
            Codec::Zstd,
            Codec::Lz4Raw,
            Codec::None,
        ] {
            assert_eq!(codec.unpack(&SEED, usize::MAX), None);
        }
    }
}
