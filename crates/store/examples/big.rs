//! Fills a project with many records and prints how long a reviewer waits:
//! `cargo run --profile native -p seedbed-store --example big -- [rows] [file]`.

#![allow(
    clippy::print_stdout,
    reason = "printing the figures is what it is for"
)]

use seedbed_core::messages::RecordFilter;
use seedbed_core::model::Message;
use seedbed_core::prompt::Cell;
use seedbed_core::record::{Provenance, Record, imported_record_id};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_core::seed::Seed;
use seedbed_store::{Result, Store, StoreError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const WORDS: [&str; 24] = [
    "soil", "hedge", "clover", "harvest", "rain", "compost", "meadow", "beetle", "pollen", "root",
    "fallow", "frost", "manure", "orchard", "graft", "seedling", "furrow", "thistle", "barley",
    "lime", "drainage", "mulch", "aphid", "rotation",
];
const TOPICS: [&str; 5] = ["soil", "pests", "water", "animals", "machines"];
const VIEWS: [&str; 5] = [
    "family farm",
    "science",
    "permaculture",
    "market",
    "history",
];
const REPEATS: u32 = 200;

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

    fn text(&mut self, words: usize) -> String {
        let words: Vec<&str> = (0..words).map(|_| WORDS[self.roll(WORDS.len())]).collect();
        words.join(" ")
    }
}

fn record(dice: &mut Dice, n: usize, seed_hash: &str) -> (Record, Vec<Message>) {
    let instruction = format!("{} {n}?", dice.text(12));
    let response = format!("{} plot{n}", dice.text(120));
    let messages = vec![
        Message::system("You are a farmer who answers from experience. ".repeat(8)),
        Message::user(instruction.clone()),
    ];
    let record = Record {
        id: imported_record_id(&instruction, &response),
        cell: Cell {
            topic: TOPICS[dice.roll(TOPICS.len())].to_owned(),
            perspective: VIEWS[dice.roll(VIEWS.len())].to_owned(),
        },
        provenance: Provenance {
            seed_hash: if dice.roll(50) == 0 {
                "before"
            } else {
                seed_hash
            }
            .to_owned(),
            model: ["model-a", "model-b"][dice.roll(2)].to_owned(),
            ..Provenance::default()
        },
        instruction,
        response,
        ..Record::default()
    };
    (record, messages)
}

/// Prints the median and the slowest of many.
fn measure(name: &str, mut act: impl FnMut(u32) -> Result<()>) -> Result<()> {
    let mut times = Vec::new();
    for turn in 0..REPEATS {
        let start = Instant::now();
        act(turn)?;
        times.push(start.elapsed());
    }
    times.sort();
    let at = |part: usize| ms(times.get(times.len() * part / 100).copied());
    println!(
        "{name:<34} median {:>8.3} ms   p99 {:>8.3} ms",
        at(50),
        at(99)
    );
    Ok(())
}

fn ms(time: Option<Duration>) -> f64 {
    time.unwrap_or_default().as_secs_f64() * 1000.0
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let rows: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let path = args.next().map_or_else(
        || std::env::temp_dir().join(format!("seedbed-big-{}.sqlite", std::process::id())),
        PathBuf::from,
    );
    let seed = Seed {
        domain: "farming".to_owned(),
        topics: TOPICS.map(str::to_owned).to_vec(),
        perspectives: VIEWS.map(str::to_owned).to_vec(),
        ..Seed::default()
    };
    let mut dice = Dice(1);
    let start = Instant::now();
    let store = Store::open_file(&path)?;
    let seed_hash = store.save_seed(&seed, "", 0)?.hash;
    for from in (0..rows).step_by(5000) {
        let chunk: Vec<_> = (from..rows.min(from + 5000))
            .map(|n| record(&mut dice, n, &seed_hash))
            .collect();
        store.add_records(&chunk)?;
    }
    println!(
        "{:<34} {:>15.0} ms",
        format!("write {rows} records"),
        ms(Some(start.elapsed()))
    );
    store.close()?;

    let start = Instant::now();
    let store = Store::open_file(&path)?;
    let all = RecordFilter::default();
    store.records_around(&all, "ann", None, 5, 5)?;
    store.counts("ann")?;
    println!(
        "{:<34} {:>15.3} ms",
        "open, first window, counts",
        ms(Some(start.elapsed()))
    );

    let half = rows as u32 / 2;
    let topic = RecordFilter {
        topic: Some("soil".to_owned()),
        ..all.clone()
    };
    let pending = RecordFilter {
        state: Some(RecordState::Pending),
        ..all.clone()
    };
    let cell = RecordFilter {
        perspective: Some("science".to_owned()),
        ..topic.clone()
    };
    let pending_topic = RecordFilter {
        state: pending.state,
        ..topic.clone()
    };
    let stale = RecordFilter {
        stale: true,
        ..all.clone()
    };
    let search = |text: &str| RecordFilter {
        search: text.to_owned(),
        ..all.clone()
    };
    let searched_topic = RecordFilter {
        search: "clover".to_owned(),
        ..topic.clone()
    };
    let filters = [
        ("all", all.clone()),
        ("one topic", topic),
        ("pending", pending.clone()),
        ("stale", stale),
        ("one cell", cell),
        ("pending of one topic", pending_topic),
        ("search, in every record", search("clover")),
        ("search, beginning of a word", search("clover plot1")),
        ("search, in one record", search("plot777")),
        ("search in one topic", searched_topic),
    ];
    for (name, filter) in &filters {
        measure(&format!("window: {name}"), |_| {
            store.list_records(filter, "ann", half, 20).map(|_| ())
        })?;
        measure(&format!("around: {name}"), |turn| {
            let anchor = u64::from(half + turn);
            store
                .records_around(filter, "ann", Some(anchor), 5, 5)
                .map(|_| ())
        })?;
    }
    let response = Response {
        status: ResponseStatus::Submitted,
        quality: Some(Quality::Good),
        ..Response::default()
    };
    measure("respond, next record, counts", |turn| {
        let around = store.records_around(&pending, "ann", Some(u64::from(turn) + 1), 0, 2)?;
        let row = around
            .rows
            .first()
            .ok_or_else(|| StoreError::Missing("a record".to_owned()))?;
        store.respond(
            &row.record.id,
            "ann",
            &response,
            &format!("d{turn}"),
            u64::from(turn),
        )?;
        store.record_view(&row.record.id, "ann")?;
        store.counts("ann").map(|_| ())
    })?;
    measure("counts", |_| store.counts("ann").map(|_| ()))?;
    store.close()?;
    if let Ok(size) = std::fs::metadata(&path) {
        println!("{:<34} {:>15} MB", "size", size.len() / 1_000_000);
    }
    std::fs::remove_file(&path).ok();
    Ok(())
}
