//! Files that can't be read, and broken ones.

use super::*;
use serde_json::json;

#[test]
fn what_cannot_be_read_is_said_with_a_way_out() {
    let fault = |bytes: Vec<u8>| footer(bytes).expect_err("no footer");
    assert_eq!(
        fault(b"a,b\n1,2\n3,4\n5,6\n".to_vec()),
        ParquetError::NotParquet
    );
    assert_eq!(fault(Vec::new()), ParquetError::NotParquet);
    assert_eq!(fault(b"PAR1".to_vec()), ParquetError::CutOff);
    let mut cut = file("types.parquet");
    cut.truncate(5000);
    assert_eq!(fault(cut), ParquetError::CutOff);
    assert_eq!(fault(file("encrypted.parquet")), ParquetError::Encrypted);
    let brotli = read("brotli-v1.parquet", None, 0..1).expect_err("not read");
    assert!(
        brotli.to_string().contains("\"id\" is packed with Brotli"),
        "{brotli}"
    );
    assert!(brotli.to_string().contains("viewer's copy"), "{brotli}");
    // A column in clear beside one that isn't.
    assert_eq!(
        read("encrypted-column.parquet", Some(&[0]), 0..2),
        Err(ParquetError::Encrypted)
    );
    let open = read("encrypted-column.parquet", Some(&[1]), 0..2).expect("rows");
    assert_eq!(
        open.iter().map(|row| &row.cells[0]).collect::<Vec<_>>(),
        [&json!("a"), &json!("b")]
    );
}

#[test]
fn a_footer_that_is_said_to_be_longer_than_the_file_is_refused() {
    let mut bytes = file("types.parquet");
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let fault = footer(bytes).expect_err("no footer");
    assert!(
        matches!(&fault, ParquetError::Broken(what) if what.contains("longer than the file")),
        "{fault}"
    );
}

#[test]
fn a_source_that_fails_is_said() {
    struct Lost(u64);
    impl Source for Lost {
        fn size(&self) -> u64 {
            self.0
        }

        fn read(&self, _: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
            Box::pin(async { Err(SourceError("the network is gone".to_owned())) })
        }
    }
    let fault = block_on(Footer::read(&Lost(1 << 40))).expect_err("no footer");
    assert!(fault.to_string().contains("the network is gone"), "{fault}");
}

#[test]
fn columns_beyond_the_end_of_a_file_are_a_fault_of_its_footer() {
    let whole = file("types.parquet");
    let start = whole.len() - 8 - footer_length(&whole);
    let fault = footer([&whole[..4], &whole[start..]].concat()).expect_err("no footer");
    assert!(fault.to_string().contains("beyond the end"), "{fault}");
}

#[test]
fn nothing_is_read_after_a_fault() {
    let mut bytes = file("groups.parquet");
    bytes[4..40].fill(0);
    let source = Counted::new(bytes);
    let (footer, plan) = block_on(planned(&source, None, 0..999)).expect("a plan");
    let mut reader = Reader::open(source, footer, plan);
    assert!(matches!(
        block_on(reader.next()),
        Err(ParquetError::Broken(_))
    ));
    assert_eq!(block_on(reader.next()), Ok(None));
}

fn footer_length(bytes: &[u8]) -> usize {
    let length = bytes[bytes.len() - 8..][..4]
        .try_into()
        .expect("four bytes");
    u32::from_le_bytes(length) as usize
}

/// Numbers that look random, the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Reads all that can be read; panics of the reader are told with what was changed.
fn survives(name: &str, bytes: Vec<u8>, changed: &dyn std::fmt::Debug) -> bool {
    let read = move || block_on(rows_of(&Counted::new(bytes), None, 0..3000)).is_ok();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| panic!("{name} with {changed:?}"))
}

#[test]
fn broken_files_are_faults_and_no_panics() {
    let names = [
        "types.parquet",
        "types-v2.parquet",
        "nested.parquet",
        "nested-v2.parquet",
        "int96.parquet",
        "datasets.parquet",
        "group-indexed.parquet",
        "delta-numbers.parquet",
        "delta-lengths.parquet",
        "delta-prefixes.parquet",
        "split.parquet",
        "bools.parquet",
        "gzip-v1.parquet",
        "zstd-v2.parquet",
        "lz4-v1.parquet",
        "snappy-v1.parquet",
        "none-v2.parquet",
    ];
    let mut dice = Dice(0x5eed_bed0_0110_0001);
    let (mut fine, mut broken) = (0, 0);
    for name in names {
        let whole = file(name);
        let length = footer_length(&whole);
        for round in 0..rounds() {
            let mut bytes = whole.clone();
            let changes: Vec<(usize, u8)> = (0..=dice.roll(3))
                .map(|_| {
                    // Half of them in the footer.
                    let near = if round % 2 == 0 {
                        length + 8
                    } else {
                        bytes.len()
                    };
                    let value = [0, 0xff, 0x7f, 0x80, 1, dice.roll(256) as u8][dice.roll(6)];
                    (bytes.len() - 1 - dice.roll(near), value)
                })
                .collect();
            for (at, value) in &changes {
                bytes[*at] = *value;
            }
            *(if survives(name, bytes, &changes) {
                &mut fine
            } else {
                &mut broken
            }) += 1;
        }
    }
    // Neither is everything refused, nor nothing.
    assert!(
        fine > broken / 10 && broken > fine / 10,
        "{fine} fine, {broken} broken"
    );
}

/// How many broken files are made of each; more of them by `SEEDBED_PARQUET_ROUNDS`.
fn rounds() -> usize {
    let set = std::env::var("SEEDBED_PARQUET_ROUNDS");
    set.map_or(100, |rounds| rounds.parse().expect("a number"))
}

#[test]
fn files_that_are_cut_within_are_faults_and_no_panics() {
    let whole = file("nested-v2.parquet");
    let footer = whole.len() - 8 - footer_length(&whole);
    for cut in (4..footer).step_by(97) {
        // The pages behind the cut are missing; the footer is whole.
        let bytes = [&whole[..cut], &whole[footer..]].concat();
        assert!(!survives("nested-v2.parquet", bytes, &cut), "{cut}");
        assert!(
            !survives("nested-v2.parquet", whole[..cut].to_vec(), &cut),
            "{cut}"
        );
    }
}
