//! Writes rows, given as JSON lines on standard input, to a Parquet file:
//! `cargo run -p seedbed-table --example write -- OUT.parquet < rows.jsonl`. What the Python clients read in the tests.

use seedbed_core::row::TableRow;
use seedbed_table::TableWriter;
use std::error::Error;
use std::io::BufRead as _;

/// Rows handed over at once, as the app does.
const CHUNK: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args_os()
        .nth(1)
        .ok_or("the file to write is missing")?;
    let rows = std::io::stdin()
        .lock()
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<Vec<TableRow>, Box<dyn Error>>>()?;
    let mut writer = TableWriter::new();
    for chunk in rows.chunks(CHUNK) {
        writer.push(chunk)?;
    }
    std::fs::write(out, writer.finish()?)?;
    Ok(())
}
