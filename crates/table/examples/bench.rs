//! Times writing the published table beside pyarrow, in the same run, and prints JSON lines:
//! `cargo run --profile native -p seedbed-table --example bench -- [rows] [python]`.
//!
//! pyarrow is given the same table ready in its own memory, so that what is compared is the writing alone; ours begins
//! with rows, as the app has them.

#![allow(
    clippy::print_stdout,
    reason = "printing the figures is what it is for"
)]

use seedbed_core::model::Message;
use seedbed_core::row::TableRow;
use seedbed_table::TableWriter;
use serde_json::json;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const TOPICS: [&str; 5] = ["soil", "pests", "water", "animals", "machines"];
const VIEWS: [&str; 5] = [
    "family farm",
    "science",
    "permaculture",
    "market",
    "history",
];
const SYLLABLES: [&str; 16] = [
    "so", "il", "clo", "ver", "ro", "ta", "tion", "drain", "age", "ma", "nure", "pas", "ture",
    "har", "vest", "rye",
];
/// Words of the language that the texts are in.
const VOCABULARY: usize = 4096;
/// Rows handed over at once, as the app does.
const CHUNK: usize = 2000;
/// The best of these counts: a busy machine only ever makes a run slower.
const RUNS: usize = 5;

/// Times the same table, written with the same choices.
const PEER: &str = r#"
import io, sys, time
import pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
best = float("inf")
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    pq.write_table(table, io.BytesIO(), compression="snappy", row_group_size=20000, write_page_index=True)
    best = min(best, time.perf_counter() - start)
print(best)
"#;

/// Numbers that are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    /// Words of which few are frequent and many are rare, as in prose: it compresses like prose, too.
    fn text(&mut self, words: usize) -> String {
        let mut text = String::new();
        for _ in 0..words {
            let most = self.roll(VOCABULARY) + 1;
            let mut word = self.roll(most);
            for _ in 0..=word % 3 {
                text.push_str(SYLLABLES[word % 16]);
                word /= 16;
            }
            text.push(' ');
        }
        text
    }
}

fn row(dice: &mut Dice, n: usize) -> TableRow {
    let instruction = format!("How do {}work together?", dice.text(12));
    let response = dice.text(140);
    TableRow {
        id: format!("{:032x}", u128::from(dice.0) * 3),
        topic: TOPICS[n % 5].to_owned(),
        perspective: VIEWS[n / 5 % 5].to_owned(),
        model: "example/model-8b".to_owned(),
        quality: "good".to_owned(),
        rating_count: 1 + (n % 3) as i32,
        edited: n.is_multiple_of(4),
        seed_hash: "3f1c9a7e5d2b4860".to_owned(),
        prompt_version: "answer/1".to_owned(),
        messages: vec![
            Message::user(instruction.clone()),
            Message::assistant(response.clone()),
        ],
        instruction,
        response,
    }
}

fn write(rows: &[TableRow]) -> seedbed_table::Result<Vec<u8>> {
    let mut writer = TableWriter::new();
    for chunk in rows.chunks(CHUNK) {
        writer.push(chunk)?;
    }
    writer.finish()
}

/// Seconds that pyarrow needs.
fn peer(python: &str, table: &Path) -> Result<f64, Box<dyn Error>> {
    let output = Command::new(python)
        .args(["-c", PEER])
        .arg(table)
        .arg(RUNS.to_string())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let count = args
        .next()
        .map_or(Ok(100_000), |text| text.parse::<usize>())?;
    let python = args.next().unwrap_or_else(|| "python3".to_owned());
    let mut dice = Dice(1);
    let rows: Vec<TableRow> = (0..count).map(|n| row(&mut dice, n)).collect();
    let mut best = f64::INFINITY;
    let mut bytes = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        bytes = write(&rows)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    let megabytes = bytes.len() as f64 / 1e6;
    println!(
        "{}",
        json!({"name": format!("{count} rows to Parquet (s; {megabytes:.1} MB)"), "value": best, "goal": 2, "better": "less"})
    );
    let table = std::env::temp_dir().join(format!("seedbed-bench-{}.parquet", std::process::id()));
    std::fs::write(&table, &bytes)?;
    let seconds = peer(&python, &table);
    std::fs::remove_file(&table)?;
    let ratio = seconds? / best;
    println!(
        "{}",
        json!({"name": "… rows/s of pyarrow's in the same run", "value": ratio, "goal": 0.5, "better": "more", "ratio": ratio})
    );
    Ok(())
}
