//! Lists of pages, which some files have (`OffsetIndex`).

use super::error::Result;
use super::footer::Chunk;
use super::plan::{NEAR, length, merge};
use super::thrift::{Fault, Thrift};
use crate::source::Source;
use std::collections::BTreeMap;
use std::ops::Range;

/// The lists of the pages of a row group may be this long.
const LONGEST_INDEX: u64 = 16 << 20;

/// Pages of a chunk: where they are and with which row they begin.
pub(super) type Index = Vec<(Range<u64>, u64)>;

/// The lists of the pages of these chunks, as far as the file has them.
pub(super) async fn indexes(
    source: &dyn Source,
    chunks: &[(usize, &Chunk)],
) -> Result<BTreeMap<usize, Index>> {
    let mut found = BTreeMap::new();
    let listed = chunks.iter().filter_map(|(_, chunk)| chunk.index.clone());
    let ranges = merge(
        listed.filter(|range| range.end <= source.size()).collect(),
        NEAR,
    );
    if ranges.iter().map(length).sum::<u64>() > LONGEST_INDEX {
        return Ok(found);
    }
    for range in ranges {
        let bytes = source.read(range.clone()).await?;
        for (leaf, chunk) in chunks {
            let Some(place) = chunk
                .index
                .as_ref()
                .filter(|place| place.start >= range.start && place.end <= range.end)
            else {
                continue;
            };
            let (from, to) = (place.start - range.start, place.end - range.start);
            let bytes = bytes.get(from as usize..to as usize).unwrap_or_default();
            // One that contradicts the chunk is as good as none.
            if let Ok(index) = index(bytes)
                && fits(&index, chunk)
            {
                found.insert(*leaf, index);
            }
        }
    }
    Ok(found)
}

fn index(bytes: &[u8]) -> std::result::Result<Index, Fault> {
    let mut thrift = Thrift::new(bytes);
    let mut index = Vec::new();
    let mut last = 0;
    while let Some((number, kind)) = thrift.field(&mut last)? {
        if number != 1 {
            thrift.skip(kind)?;
            continue;
        }
        for _ in 0..thrift.structs(kind)? {
            let (mut start, mut size, mut row) = (0_u64, 0, 0);
            let mut last = 0;
            while let Some((number, kind)) = thrift.field(&mut last)? {
                match number {
                    1 => start = thrift.count(kind)?,
                    2 => size = thrift.count(kind)?,
                    3 => row = thrift.count(kind)?,
                    _ => thrift.skip(kind)?,
                }
            }
            index.push((start..start.checked_add(size).ok_or(Fault::Broken)?, row));
        }
    }
    Ok(index)
}

fn fits(index: &Index, chunk: &Chunk) -> bool {
    let inside = |(range, _): &(Range<u64>, u64)| {
        range.start >= chunk.bytes.start && range.end <= chunk.bytes.end && range.start < range.end
    };
    let ordered = index.is_sorted_by(|a, b| a.0.end <= b.0.start && a.1 <= b.1);
    index.first().is_some_and(|(_, row)| *row == 0) && ordered && index.iter().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::codec::Codec;

    #[test]
    fn a_list_of_pages_that_contradicts_its_column_is_not_used() {
        let chunk = Chunk {
            bytes: 100..200,
            data: 110,
            codec: Codec::None,
            index: None,
            encrypted: false,
        };
        let good = vec![(110..150, 0), (150..200, 7)];
        assert!(fits(&good, &chunk));
        let with = |at: usize, page: (Range<u64>, u64)| {
            let mut index = good.clone();
            index[at] = page;
            fits(&index, &chunk)
        };
        assert!(!with(0, (110..150, 1)), "the first row is missing");
        assert!(!with(0, (90..150, 0)), "a page before the column");
        assert!(!with(1, (150..201, 7)), "a page behind it");
        assert!(!with(1, (140..200, 7)), "pages in one another");
        assert!(!with(0, (110..110, 0)), "a page of no bytes");
        assert!(
            !fits(&vec![(110..150, 0), (150..160, 9), (160..200, 7)], &chunk),
            "rows that go back"
        );
        assert!(!fits(&Vec::new(), &chunk));
    }
}
