//! The world test: three browsers, two accounts and a guest, one Hub, and everything that can happen to them, in an order
//! drawn from a seed. After each act it is asked whether anything was lost, overwritten or passed off as something else.
//!
//! Each browser runs the product's back end over real SQLite files; the Hub is the local one. Requests, files and timers
//! go on only when the world lets them, so a seed plays the same each time. A browser dies between any two steps towards
//! its files, its databases (before each commit) and the network. What people saw and pressed is kept in a list
//! ([`model`]) that shares nothing with the product.
//!
//! `WORLD_SEED=7` plays one seed and tells its story; `WORLD_SEEDS=1000` plays so many; `WORLD_FROM` begins elsewhere;
//! `WORLD_STEPS` sets the acts of each. `WORLD_WITHOUT=cut,i8-card-overwritten` leaves acts and invariants out,
//! `WORLD_ONLY=press,publish,i2-row-gone` keeps to these. `WORLD_FIRST=1` ends with the first finding.
//! `cargo xtask world` plays thousands; `cargo xtask world faults` puts the faults in `patches/` back, one at a time, and
//! shows that each is found.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a test stops at what it did not expect, and tells the story"
)]

mod acts;
mod browser;
mod check;
mod dice;
mod life;
mod model;
mod net;
mod others;
mod page;
#[path = "../support/reading.rs"]
mod reading;
mod world;

use crate::check::Violation;
use crate::world::{Rules, World};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds played when nothing else is said.
const SEEDS: u64 = 200;
/// Acts of each.
const STEPS: usize = 40;

/// What is not played, with the reason; said before each game.
const LEFT_OUT: [&str; 6] = [
    "drafts: no act types one and leaves it",
    "undo and redo of the seed",
    "runs that are paused and gone on with by hand",
    "a full disk, and parts above 64 MB",
    "a saved file that somebody has changed to speak in other people's names",
    "an order among the decisions of one person in several browsers: the product has their clocks, the model has none",
];

fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn list(name: &str) -> Vec<String> {
    let text: String = setting(name).unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn rules() -> Rules {
    let rules = Rules {
        without: list("WORLD_WITHOUT"),
        only: list("WORLD_ONLY"),
    };
    for name in rules.only.iter().chain(&rules.without) {
        let is_known = acts::names()
            .chain(check::rule::ALL)
            .any(|known| known == name);
        assert!(is_known, "no act or invariant is called {name}");
    }
    rules
}

/// How a seed went.
struct Told {
    seed: u64,
    /// The act after which something was wrong.
    step: usize,
    found: Vec<Violation>,
    log: Vec<String>,
}

fn play(seed: u64, rules: Rules, steps: usize) -> Told {
    let mut world = World::new(seed, rules);
    let mut step = 0;
    let played = catch_unwind(AssertUnwindSafe(|| {
        acts::begin(&mut world);
        while world.found.is_empty() && step < steps {
            step += 1;
            world.say(format!("{step}."));
            acts::step(&mut world);
        }
        if world.found.is_empty() {
            acts::end(&mut world);
        }
    }));
    if let Err(panic) = played {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let found = check::violation(check::rule::PANICS, text.unwrap_or_default());
        world.report([found]);
    }
    Told {
        seed,
        step,
        found: std::mem::take(&mut world.found),
        log: std::mem::take(&mut world.log),
    }
}

fn story(told: &Told) -> String {
    let mut text = format!("seed {}, {} acts:\n", told.seed, told.step);
    for line in &told.log {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    for violation in &told.found {
        text.push_str(&format!("✘ {}: {}\n", violation.rule, violation.what));
    }
    text
}

/// Plays seeds on as many threads as there are cores; a seed stays on one.
fn play_all(seeds: std::ops::Range<u64>, rules: &Rules, steps: usize) -> Vec<Told> {
    let next = AtomicU64::new(seeds.start);
    let bad = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let told = play(seed, rules.clone(), steps);
                    if !told.found.is_empty() {
                        if setting::<u8>("WORLD_FIRST") == Some(1) {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                        bad.lock().expect("no thread failed").push(told);
                    }
                }
            });
        }
    });
    let mut bad = bad.into_inner().expect("no thread failed");
    bad.sort_by_key(|told| told.seed);
    bad
}

#[test]
fn nothing_is_lost_overwritten_or_passed_off_as_something_else() {
    let rules = rules();
    for what in LEFT_OUT {
        eprintln!("not played: {what}");
    }
    for name in &rules.without {
        eprintln!("left out by WORLD_WITHOUT: {name}");
    }
    let steps = setting("WORLD_STEPS").unwrap_or(STEPS);
    if let Some(seed) = setting("WORLD_SEED") {
        let told = play(seed, rules, steps);
        eprintln!("{}", story(&told));
        assert!(told.found.is_empty(), "seed {seed} found something");
        return;
    }
    let from = setting("WORLD_FROM").unwrap_or(0);
    let seeds = from..from + setting("WORLD_SEEDS").unwrap_or(SEEDS);
    let count = seeds.end - seeds.start;
    let bad = play_all(seeds, &rules, steps);
    let Some(first) = bad.first() else {
        return;
    };
    let mut kinds: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for told in &bad {
        for violation in told.found.iter().take(1) {
            kinds.entry(violation.rule).or_default().push(told);
        }
    }
    eprintln!("{}", story(first));
    for (rule, told) in &kinds {
        eprintln!("{rule}: {} seeds", told.len());
        for told in told.iter().take(3) {
            eprintln!(
                "  WORLD_SEED={} (act {}): {}",
                told.seed, told.step, told.found[0].what
            );
        }
    }
    panic!("{} of {count} seeds found something", bad.len());
}

#[test]
fn a_seed_plays_the_same_each_time() {
    for seed in 1..9 {
        let play = || story(&play(seed, rules(), STEPS));
        assert_eq!(play(), play(), "seed {seed}");
    }
}
