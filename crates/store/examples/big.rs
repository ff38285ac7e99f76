//! Fills a project with many records and prints how long a person waits, as JSON lines:
//! `cargo run --profile native -p seedbed-store --example big -- [rows] [folder]`.
//!
//! Every write waits for the disk; with a folder in memory (`/dev/shm`), what is left is the work itself.

#![allow(
    clippy::print_stdout,
    reason = "printing the figures is what it is for"
)]

use seedbed_core::id::content_id;
use seedbed_core::line::Line;
use seedbed_core::messages::{PromptFilter, RecordFilter, RunPhase};
use seedbed_core::model::{Endpoint, Message, Sampling};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use seedbed_core::record::{Fields, Inputs, Provenance, Record};
use seedbed_core::review::{Act, Clock, Decision, On, Quality, RecordState, Response};
use seedbed_core::seed::Seed;
use seedbed_store::{Origin, PlannedItem, Result, Store, StoreError, StoredRun};
use std::path::{Path, PathBuf};
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
/// Answers to one instruction.
const SAMPLES: usize = 10;

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

fn record(dice: &mut Dice, n: usize, seed_part: &str) -> (Record, Vec<Message>) {
    let instruction = asked(n / SAMPLES);
    let response = format!("{} plot{n}", dice.text(120));
    let messages = vec![
        Message::system("You are a farmer who answers from experience. ".repeat(8)),
        Message::user(instruction.clone()),
    ];
    let mut record = Record {
        key: Some(content_id(&(n, &instruction))),
        fields: Fields::of_pair(&instruction, &response),
        prompt_id: Some(format!("p{}", n / SAMPLES)),
        cell: Cell {
            topic: TOPICS[dice.roll(TOPICS.len())].to_owned(),
            perspective: VIEWS[dice.roll(VIEWS.len())].to_owned(),
        },
        inputs: Inputs {
            seed_part: if dice.roll(50) == 0 {
                "before"
            } else {
                seed_part
            }
            .to_owned(),
            ..Inputs::default()
        },
        provenance: Provenance {
            model: ["model-a", "model-b"][dice.roll(2)].to_owned(),
            ..Provenance::default()
        },
        ..Record::default()
    };
    record.id = Record::make_id(record.key.as_deref(), &record.fields);
    (record, messages)
}

/// The text of an instruction.
fn asked(n: usize) -> String {
    format!("{} {n}?", Dice(n as u64).text(12))
}

fn cell(dice: &mut Dice) -> Cell {
    Cell {
        topic: TOPICS[dice.roll(TOPICS.len())].to_owned(),
        perspective: VIEWS[dice.roll(VIEWS.len())].to_owned(),
    }
}

fn prompt(dice: &mut Dice, n: usize) -> Prompt {
    Prompt {
        id: format!("p{n}"),
        cell: cell(dice),
        text: asked(n),
        state: PromptState::Kept,
        created_ms: n as u64,
        updated_ms: n as u64,
        origin: PromptOrigin::Typed,
        original_text: None,
        seed_hash: String::new(),
    }
}

fn planned(dice: &mut Dice, n: usize) -> PlannedItem {
    let instruction = dice.text(12);
    PlannedItem {
        key: format!("planned {n}"),
        prompt_id: format!("p{n}"),
        cell: cell(dice),
        messages: vec![
            Message::system("You are a farmer who answers from experience. ".repeat(8)),
            Message::user(instruction.clone()),
        ],
        instruction,
        sample_index: 0,
        sampling: Sampling::default(),
        prompt_version: "answer/1".to_owned(),
    }
}

/// Prints the median and the 99th percentile of as many calls as there are times.
fn print(what: &str, rows: usize, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| {
        let time = times.get(times.len() * part / 100).copied();
        (time.unwrap_or_default().as_secs_f64() * 1e6).round() / 1e3
    };
    let line = serde_json::json!({
        "what": what, "rows": rows, "calls": times.len(), "p50_ms": at(50), "p99_ms": at(99),
    });
    println!("{line}");
}

fn measure(
    what: &str,
    rows: usize,
    calls: u32,
    mut act: impl FnMut(u32) -> Result<()>,
) -> Result<()> {
    let mut times = Vec::new();
    for turn in 0..calls {
        let start = Instant::now();
        act(turn)?;
        times.push(start.elapsed());
    }
    print(what, rows, times);
    Ok(())
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let rows: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let name = format!("seedbed-big-{}.sqlite", std::process::id());
    let path = folder.join(&name);
    let outcome = all(rows, &path);
    std::fs::remove_file(&path).ok();
    std::fs::remove_file(folder.join(format!("{name}-journal"))).ok();
    outcome
}

fn all(rows: usize, path: &Path) -> Result<()> {
    let seed = Seed {
        domain: "farming".to_owned(),
        topics: TOPICS.map(str::to_owned).to_vec(),
        perspectives: VIEWS.map(str::to_owned).to_vec(),
        ..Seed::default()
    };
    let mut dice = Dice(1);
    let store = Store::open_file(path)?;
    store.save_seed(&seed, "", 0)?;
    let seed_part = seed.answer_part();
    let prompts: Vec<_> = (0..rows / SAMPLES).map(|n| prompt(&mut dice, n)).collect();
    let ids = std::cell::Cell::new(0);
    let new_id = || {
        ids.set(ids.get() + 1);
        format!("act {}", ids.get())
    };
    store.add_prompts(&prompts, "ann", &new_id, 1)?;
    let mut times = Vec::new();
    for from in (0..rows).step_by(1000) {
        let chunk: Vec<_> = (from..rows.min(from + 1000))
            .map(|n| record(&mut dice, n, &seed_part))
            .collect();
        let start = Instant::now();
        store.add_records(&chunk)?;
        times.push(start.elapsed());
    }
    print("add 1000 records", rows, times);
    store.close()?;
    let all = RecordFilter::default();
    measure("open, first window, counts", rows, 20, |_| {
        let store = Store::open_file(path)?;
        store.records_around(&all, "ann", None, 5, 5)?;
        store.counts("ann")?;
        store.close()
    })?;
    let store = Store::open_file(path)?;
    windows(&store, rows)?;
    page(&store, rows)?;
    review(&store, rows)?;
    runs(&store, rows, &mut dice)?;
    // Every record was made under another seed now.
    let mut edited = seed.clone();
    edited.expert_prompt.push_str("changed");
    measure("save seed", rows, 20, |turn| {
        edited.expert_prompt.push('.');
        let at = u64::from(turn) * 10_000;
        store.save_seed(&edited, "expert_prompt", at).map(|_| ())
    })?;
    let stale = RecordFilter {
        stale: true,
        ..RecordFilter::default()
    };
    look(&store, rows, "stale, which all are", &stale)?;
    store.close()
}

/// Windows in the middle of what matches, and around a record in the middle of all.
fn look(store: &Store, rows: usize, name: &str, filter: &RecordFilter) -> Result<()> {
    let (total, _) = store.list_records(filter, "ann", 0, 0)?;
    measure(&format!("window: {name}"), rows, REPEATS, |_| {
        store.list_records(filter, "ann", total / 2, 20).map(|_| ())
    })?;
    measure(&format!("around: {name}"), rows, REPEATS, |turn| {
        let anchor = u64::from(rows as u32 / 2 + turn);
        store
            .records_around(filter, "ann", Some(anchor), 5, 5)
            .map(|_| ())
    })
}

fn windows(store: &Store, rows: usize) -> Result<()> {
    let all = RecordFilter::default();
    let topic = RecordFilter {
        topic: Some("soil".to_owned()),
        ..all.clone()
    };
    let view = RecordFilter {
        perspective: Some("science".to_owned()),
        ..all.clone()
    };
    let pending = RecordFilter {
        state: Some(RecordState::Pending),
        ..all.clone()
    };
    let with_state = |of: &RecordFilter| RecordFilter {
        state: pending.state,
        ..of.clone()
    };
    let with_model = |of: &RecordFilter| RecordFilter {
        model: Some("model-a".to_owned()),
        ..of.clone()
    };
    let cell = RecordFilter {
        perspective: view.perspective.clone(),
        ..topic.clone()
    };
    let search = |text: &str| RecordFilter {
        search: text.to_owned(),
        ..all.clone()
    };
    let filters = [
        ("pending of one cell", with_state(&cell)),
        ("pending of one topic", with_state(&topic)),
        ("pending of one perspective", with_state(&view)),
        ("pending of one model", with_state(&with_model(&all))),
        ("one topic of one model", with_model(&topic)),
        ("one perspective of one model", with_model(&view)),
        ("one cell", cell),
        ("all", all.clone()),
        ("one topic", topic.clone()),
        ("one perspective", view),
        ("one model", with_model(&all)),
        ("pending", pending.clone()),
        (
            "stale, which few are",
            RecordFilter {
                stale: true,
                ..all.clone()
            },
        ),
        (
            "with a draft",
            RecordFilter {
                with_draft: true,
                ..all.clone()
            },
        ),
        ("search, in every record", search("clover")),
        ("search, two words in every record", search("clover hedge ")),
        ("search, beginning of a word", search("clover plot1")),
        ("search, in one record", search("plot777")),
        (
            "search in one topic",
            RecordFilter {
                search: "clover".to_owned(),
                ..topic
            },
        ),
    ];
    for (name, filter) in &filters {
        look(store, rows, name, filter)?;
    }
    Ok(())
}

fn page(store: &Store, rows: usize) -> Result<()> {
    let half = (rows / SAMPLES) as u32 / 2;
    measure("page of instructions", rows, 50, |_| {
        let filter = PromptFilter::default();
        store.prompt_page(&filter, half, 20).map(|_| ())
    })?;
    measure("page of one cell's instructions", rows, 50, |_| {
        let filter = PromptFilter {
            cell: Some(Cell {
                topic: "soil".to_owned(),
                perspective: "science".to_owned(),
            }),
            ..PromptFilter::default()
        };
        store.prompt_page(&filter, 0, 20).map(|_| ())
    })?;
    measure("summary", rows, REPEATS, |_| {
        store.summary("id").map(|_| ())
    })
}

fn review(store: &Store, rows: usize) -> Result<()> {
    let pending = RecordFilter {
        state: Some(RecordState::Pending),
        ..RecordFilter::default()
    };
    let response = Response::rated(Quality::Good);
    let (_, queue) = store.list_records(&pending, "ann", 0, REPEATS)?;
    let record = |turn: u32| {
        let seen = queue.get(turn as usize);
        seen.map(|view| (view.record.id.as_str(), view.text.as_str()))
            .ok_or_else(|| StoreError::Missing("a record".to_owned()))
    };
    let calls = queue.len() as u32;
    measure("respond", rows, calls, |turn| {
        let (id, at) = (format!("d{turn}"), u64::from(turn));
        let (record, text) = record(turn)?;
        store
            .respond(record, text, "ann", &response, &id, at)
            .map(|_| ())
    })?;
    measure("undo", rows, calls, |turn| {
        store
            .undo_decision("ann", &format!("u{turn}"), None, 1000)
            .map(|_| ())
    })?;
    measure("redo", rows, calls, |turn| {
        store
            .redo_decision("ann", &format!("r{turn}"), None, 1000)
            .map(|_| ())
    })?;
    measure("next record, counts", rows, calls, |turn| {
        store.record_view(record(turn)?.0, "ann")?;
        store.counts("ann").map(|_| ())
    })?;
    measure("counts", rows, REPEATS, |_| store.counts("ann").map(|_| ()))?;
    // A colleague's work of weeks, and then one decision more.
    let decision = |n: usize, record: &str, text: &str| {
        Line::new(Decision {
            id: format!("theirs {n}"),
            writer: "bob".to_owned(),
            on: On::record(record),
            text: Some(text.to_owned()),
            clock: Clock { ms: n as u64, n: 0 },
            batch: None,
            act: Act::Respond(response.clone()),
        })
    };
    let read = store.records_after(0, rows as u32 / SAMPLES as u32)?;
    let theirs: Vec<_> = read
        .iter()
        .enumerate()
        .map(|(n, (_, line))| {
            let record = &line.value.record;
            decision(n, &record.id, &record.fields.text_hash())
        })
        .collect();
    let what = format!("merge {} decisions", theirs.len());
    measure(&what, rows, 1, |_| {
        store
            .merge_decisions(&theirs, Origin::Hub, None)
            .map(|_| ())
    })?;
    measure("merge 1 decision more", rows, 20, |turn| {
        let (record, text) = record(turn)?;
        let more = decision(rows + turn as usize, record, text);
        store
            .merge_decisions(&[more], Origin::Hub, None)
            .map(|_| ())
    })
}

fn runs(store: &Store, rows: usize, dice: &mut Dice) -> Result<()> {
    let run = StoredRun {
        id: "run".to_owned(),
        phase: RunPhase::Running,
        stopped_by: None,
        endpoint: Endpoint::default(),
        settings: RunSettings::default(),
        seed_hash: String::new(),
        seed_part: String::new(),
        started_ms: 1,
        finished_ms: None,
    };
    let plan: Vec<_> = (0..rows).map(|n| planned(dice, n)).collect();
    measure("plan a run", rows, 1, |_| store.create_run(&run, &plan))?;
    let answered: Vec<_> = (0..REPEATS as usize)
        .map(|n| record(dice, rows + n, "seed"))
        .collect();
    measure("ask and store one row", rows, REPEATS, |turn| {
        let Some((record, messages)) = answered.get(turn as usize) else {
            return Ok(());
        };
        let key = format!("planned {turn}");
        let mut made = Record {
            key: Some(key.clone()),
            ..record.clone()
        };
        made.id = Record::make_id(made.key.as_deref(), &made.fields);
        store.item_sent("run", &key)?;
        store.item_done("run", &key, &made, messages)
    })?;
    measure("status of a run", rows, REPEATS, |_| {
        store.run_counts("run").map(|_| ())
    })?;
    measure("rows of a run", rows, REPEATS, |_| {
        let half = rows as u32 / 2;
        store.run_items("run", None, half, 20).map(|_| ())
    })?;
    measure("queue of a run", rows, 20, |_| {
        store.queued_items("run").map(|_| ())
    })?;
    measure("recover", rows, 20, |_| store.recover())
}
