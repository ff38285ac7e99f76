//! Parquet files of pyarrow, pandas and `datasets`, read by range. `make.py` wrote them, and what pyarrow reads.
#![cfg(feature = "parquet")]
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod faults;
mod ranges;
mod rows;

use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use seedbed_import::parquet::{Footer, ParquetError, Plan, Reader};
use seedbed_import::source::{Source, SourceError};
use seedbed_import::table::Row;
use serde_json::Value;
use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

/// A file, and which of its bytes were read.
struct Counted {
    bytes: Vec<u8>,
    read: RefCell<Vec<Range<u64>>>,
}

impl Counted {
    fn new(bytes: Vec<u8>) -> Rc<Self> {
        let read = RefCell::default();
        Rc::new(Self { bytes, read })
    }

    fn taken(&self) -> Vec<Range<u64>> {
        self.read.take()
    }
}

impl Source for Counted {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        self.read.borrow_mut().push(range.clone());
        self.bytes.read(range)
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parquet/files")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn footer(bytes: Vec<u8>) -> Result<Footer, ParquetError> {
    block_on(Footer::read(&bytes))
}

fn all(footer: &Footer) -> Vec<usize> {
    (0..footer.columns().len()).collect()
}

async fn planned(
    source: &Rc<Counted>,
    columns: Option<&[usize]>,
    rows: Range<u64>,
) -> Result<(Rc<Footer>, Plan), ParquetError> {
    let footer = Rc::new(Footer::read(&**source).await?);
    let columns = columns.map_or_else(|| all(&footer), <[usize]>::to_vec);
    let plan = footer.plan(&**source, &columns, rows).await?;
    Ok((footer, plan))
}

async fn rows_of(
    source: &Rc<Counted>,
    columns: Option<&[usize]>,
    rows: Range<u64>,
) -> Result<Vec<Row>, ParquetError> {
    let (footer, plan) = planned(source, columns, rows).await?;
    let mut reader = Reader::open(source.clone(), footer, plan);
    let mut found = Vec::new();
    while let Some(batch) = reader.next().await? {
        assert!(
            !batch.is_empty() && batch.len() <= 1000,
            "a batch of {}",
            batch.len()
        );
        found.extend(batch);
    }
    Ok(found)
}

fn read(name: &str, columns: Option<&[usize]>, rows: Range<u64>) -> Result<Vec<Row>, ParquetError> {
    block_on(rows_of(&Counted::new(file(name)), columns, rows))
}
