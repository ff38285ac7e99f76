//! Choosing tokens: who survives, how often each is drawn, and what is noted of it.

use super::BEFORE;
use super::support::{Numbers, bits, context};
use futures::executor::block_on;
use seedbed_engine::engine::Sampling;
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::wgsl::{RESULT_HEAD, sample, sample_lane};

/// Tokens: no number of threads divides them.
const VOCAB: usize = 777;
const STRIDE: usize = VOCAB.next_multiple_of(4);
const WORDS: usize = VOCAB.div_ceil(32);
/// Tokens that a slot's row of results has room for.
const CAPACITY: usize = 3;
const ROW: usize = CAPACITY + RESULT_HEAD;

/// A column to choose for, in a slot of its own.
#[derive(Clone)]
struct Column {
    scores: Vec<f32>,
    sampling: Sampling,
    stream: u32,
    position: u32,
    last: u32,
    is_on: bool,
    /// Tokens that occurred.
    seen: Vec<u32>,
    /// Tokens made before in this submit.
    made: usize,
}

impl Column {
    fn new(scores: &[f32]) -> Self {
        Self {
            scores: scores.to_vec(),
            sampling: Sampling::default(),
            stream: 0,
            position: 7,
            last: 1000,
            is_on: true,
            seen: Vec::new(),
            made: 0,
        }
    }
}

/// What was noted.
#[derive(Debug, Clone, PartialEq)]
struct Chosen {
    token: u32,
    /// 1: a stop token; 2: the last position.
    finished: u32,
    position: u32,
    is_broken: bool,
    /// Slot, position, token, active.
    next: [u32; 4],
    row: Vec<u32>,
    seen: Vec<u32>,
}

fn choose(context: &Context, lanes: bool, columns: &[Column], stops: &[u32]) -> Vec<Chosen> {
    let count = columns.len();
    let mut settings = Vec::new();
    let mut logits = Vec::new();
    let mut cols = Vec::new();
    let mut seen = vec![0_u32; count * WORDS];
    let mut results = vec![BEFORE; count * ROW];
    // Slots in another order than columns.
    let slot_of = |column: usize| count - 1 - column;
    for (slot, column) in columns.iter().rev().enumerate() {
        let sampling = &column.sampling;
        settings.extend([
            sampling.temperature.to_bits(),
            sampling.top_p.to_bits(),
            sampling.min_p.to_bits(),
            sampling.penalty.to_bits(),
            sampling.top_k,
            sampling.seed,
            column.stream,
            column.last,
            stops.len() as u32,
            0,
            0,
            0,
        ]);
        for token in &column.seen {
            seen[slot * WORDS + *token as usize / 32] |= 1 << (token % 32);
        }
        results[slot * ROW..][..RESULT_HEAD].fill(0);
        results[slot * ROW] = column.made as u32;
    }
    for (index, column) in columns.iter().enumerate() {
        logits.extend(bits(&column.scores));
        // What pads a row is no token.
        logits.extend(vec![f32::MAX.to_bits(); STRIDE - VOCAB]);
        cols.extend([
            slot_of(index) as u32,
            column.position,
            5,
            u32::from(column.is_on),
        ]);
    }
    let kernel = if lanes { sample_lane } else { sample }(VOCAB, STRIDE, CAPACITY);
    let stops = if stops.is_empty() { &[u32::MAX] } else { stops };
    let buffers = [settings, stops.to_vec(), logits, cols, seen, results];
    let size = if lanes { count.div_ceil(4) } else { count };
    let globals = [count as u32, 0, 0, 0];
    let out = block_on(context.run(&kernel, globals, &buffers, [size as u32, 1, 1])).unwrap();
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let slot = slot_of(index);
            let row = out[5][slot * ROW..][..ROW].to_vec();
            let next: [u32; 4] = out[3][index * 4..][..4].try_into().unwrap();
            Chosen {
                token: if column.made < CAPACITY {
                    row[RESULT_HEAD + column.made]
                } else {
                    next[2]
                },
                finished: row[1],
                position: row[2],
                is_broken: row[3] != 0,
                next,
                row,
                seen: (0..VOCAB as u32)
                    .filter(|i| out[4][slot * WORDS + *i as usize / 32] >> (i % 32) & 1 == 1)
                    .collect(),
            }
        })
        .collect()
}

/// Both kernels.
fn both(test: impl Fn(&Context, bool)) {
    let Some(context) = context() else { return };
    for lanes in [false, true] {
        test(&context, lanes);
    }
}

/// The probabilities after `transformers`' processors, in their order: repetition penalty, temperature, top-k, top-p, min-p.
fn probabilities(column: &Column) -> Vec<f64> {
    let sampling = &column.sampling;
    let mut scores: Vec<f64> = column.scores.iter().map(|x| f64::from(*x)).collect();
    for token in &column.seen {
        let score = &mut scores[*token as usize];
        let penalty = f64::from(sampling.penalty);
        *score = if *score < 0.0 {
            *score * penalty
        } else {
            *score / penalty
        };
    }
    for score in &mut scores {
        *score /= f64::from(sampling.temperature);
    }
    let softmax = |scores: &[f64]| -> Vec<f64> {
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let all: f64 = scores.iter().map(|x| (x - top).exp()).sum();
        scores.iter().map(|x| (x - top).exp() / all).collect()
    };
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    if sampling.top_k > 0 {
        for token in order.iter().skip(sampling.top_k as usize) {
            scores[*token] = f64::NEG_INFINITY;
        }
    }
    if sampling.top_p < 1.0 {
        let shares = softmax(&scores);
        let mut sum = 0.0;
        for (rank, token) in order.iter().enumerate() {
            // A token stays as long as those before it do not reach the share.
            if rank > 0 && sum >= f64::from(sampling.top_p) {
                scores[*token] = f64::NEG_INFINITY;
            }
            sum += shares[*token];
        }
    }
    if sampling.min_p > 0.0 {
        let shares = softmax(&scores);
        let least = f64::from(sampling.min_p) * shares.iter().copied().fold(0.0, f64::max);
        for (score, share) in scores.iter_mut().zip(shares) {
            if share < least {
                *score = f64::NEG_INFINITY;
            }
        }
    }
    softmax(&scores)
}

/// Pearson's statistic over tokens expected at least five times, the others taken together, and its degrees of freedom.
fn chi_square(counts: &[usize], shares: &[f64]) -> (f64, usize) {
    let all: usize = counts.iter().sum();
    let (mut sum, mut bins) = (0.0, 0);
    let mut rest = (0.0, 0.0);
    let mut add = |is: f64, should: f64| {
        sum += (is - should).powi(2) / should;
        bins += 1;
    };
    for (count, share) in counts.iter().zip(shares) {
        let (is, should) = (*count as f64, share * all as f64);
        if should >= 5.0 {
            add(is, should);
        } else {
            rest = (rest.0 + is, rest.1 + should);
        }
    }
    if rest.1 >= 5.0 {
        add(rest.0, rest.1);
    }
    (sum, bins - 1)
}

/// Scores like a model's: a few tall ones, and many that add up.
fn scores(numbers: &mut Numbers) -> Vec<f32> {
    let mut scores: Vec<f32> = (0..VOCAB).map(|_| 1.5 * numbers.bell()).collect();
    for i in 0..12 {
        scores[i * 61 + 3] += 4.0 - 0.2 * i as f32;
    }
    scores
}

#[test]
fn draws_follow_the_distribution_that_the_settings_leave() {
    let mut numbers = Numbers(31);
    let scores = scores(&mut numbers);
    let base = Sampling {
        temperature: 1.0,
        seed: 99,
        ..Sampling::default()
    };
    let settings = [
        base,
        Sampling {
            temperature: 0.6,
            ..base
        },
        Sampling {
            temperature: 1.7,
            ..base
        },
        Sampling { top_k: 1, ..base },
        Sampling { top_k: 7, ..base },
        Sampling {
            top_k: 100,
            temperature: 1.4,
            ..base
        },
        Sampling {
            top_k: VOCAB as u32 + 5,
            ..base
        },
        Sampling { top_p: 0.9, ..base },
        Sampling { top_p: 0.5, ..base },
        Sampling {
            top_p: 0.01,
            ..base
        },
        Sampling { min_p: 0.1, ..base },
        Sampling {
            min_p: 0.002,
            temperature: 1.3,
            ..base
        },
        Sampling { min_p: 1.0, ..base },
        Sampling {
            top_k: 30,
            top_p: 0.8,
            min_p: 0.03,
            temperature: 0.9,
            ..base
        },
        Sampling {
            penalty: 1.3,
            ..base
        },
        Sampling {
            penalty: 0.8,
            top_p: 0.7,
            ..base
        },
    ];
    both(|context, lanes| {
        for sampling in settings {
            let mut column = Column::new(&scores);
            column.sampling = sampling;
            if sampling.penalty != 1.0 {
                // Tall ones and negative ones.
                column.seen = vec![3, 64, 125, 500, 501, 502, 503];
                assert!(column.scores[500..504].iter().any(|score| *score < 0.0));
            }
            let shares = probabilities(&column);
            let columns: Vec<Column> = (0..2000)
                .map(|stream| Column {
                    stream,
                    ..column.clone()
                })
                .collect();
            let mut counts = vec![0; VOCAB];
            for chosen in choose(context, lanes, &columns, &[]) {
                let share = shares[chosen.token as usize];
                assert!(
                    share > 0.0,
                    "lanes {lanes} {sampling:?}: {} was left out",
                    chosen.token
                );
                counts[chosen.token as usize] += 1;
            }
            for (token, share) in shares.iter().enumerate() {
                // e^−20 is the chance that one of them is missing by chance.
                assert!(
                    share * 2000.0 < 20.0 || counts[token] > 0,
                    "lanes {lanes} {sampling:?}: {token} is never drawn"
                );
            }
            let (sum, free) = chi_square(&counts, &shares);
            let most = free as f64 + 4.0 * (2.0 * free as f64).sqrt() + 1e-9;
            assert!(
                sum <= most,
                "lanes {lanes} {sampling:?}: {sum} for {free} degrees of freedom"
            );
        }
    });
}

#[test]
fn a_draw_depends_on_seed_stream_and_position_only() {
    let mut numbers = Numbers(32);
    let (mine, other) = (scores(&mut numbers), scores(&mut numbers));
    let column = |seed: u32, stream: u32, position: u32| {
        let mut column = Column::new(&mine);
        column.sampling = Sampling {
            temperature: 1.5,
            seed,
            ..Sampling::default()
        };
        (column.stream, column.position) = (stream, position);
        column
    };
    let keys: Vec<(u32, u32, u32)> = (0..64).map(|i| (i % 4, i / 4 % 4, i / 16)).collect();
    let mut drawn = Vec::new();
    both(|context, lanes| {
        let together: Vec<Column> = keys.iter().map(|(a, b, c)| column(*a, *b, *c)).collect();
        let tokens: Vec<u32> = choose(context, lanes, &together, &[])
            .iter()
            .map(|one| one.token)
            .collect();
        for (at, key) in keys.iter().enumerate().step_by(7) {
            // Among others and in another place.
            let alone = [
                Column::new(&other),
                column(key.0, key.1, key.2),
                Column::new(&other),
            ];
            assert_eq!(
                choose(context, lanes, &alone, &[])[1].token,
                tokens[at],
                "lanes {lanes} {key:?}"
            );
        }
        // All keys are different ones.
        let mut kinds = tokens.clone();
        kinds.sort_unstable();
        kinds.dedup();
        assert!(kinds.len() > 20, "lanes {lanes}: {tokens:?}");
    });
    // Both kernels draw alike.
    let Some(context) = context() else { return };
    for lanes in [false, true] {
        let columns: Vec<Column> = (0..500).map(|i| column(i, i * 7, i % 13)).collect();
        let chosen = choose(&context, lanes, &columns, &[]);
        drawn.push(chosen.iter().map(|one| one.token).collect::<Vec<_>>());
    }
    assert_eq!(drawn[0], drawn[1]);
}

#[test]
fn greedy_takes_the_first_of_the_largest_and_refuses_what_is_no_number() {
    let mut numbers = Numbers(33);
    let base = scores(&mut numbers);
    let with = |changes: &[(usize, f32)]| {
        let mut column = Column::new(&base);
        for (at, value) in changes {
            column.scores[*at] = *value;
        }
        column
    };
    let low = |value: f32| Column::new(&vec![value; VOCAB]);
    let tied: Vec<(usize, f32)> = [700, 410, 154].map(|at| (at, 50.0)).into();
    let columns = [
        with(&[(0, 50.0)]),
        with(&[(VOCAB - 1, 50.0)]),
        with(&tied),
        low(-3.0e37),
        with(&[(256, f32::INFINITY)]),
        // Single ones are passed over.
        with(&[(0, f32::NAN), (300, 60.0)]),
        with(&[(0, f32::NEG_INFINITY), (5, f32::NAN), (VOCAB - 1, 61.0)]),
        // Nothing that is a number.
        low(f32::NAN),
        low(f32::NEG_INFINITY),
    ];
    let wanted = [0, VOCAB - 1, 154, 0, 256, 300, VOCAB - 1];
    both(|context, lanes| {
        for temperature in [0.0, 1.0] {
            let columns: Vec<Column> = columns
                .iter()
                .cloned()
                .map(|mut column| {
                    column.sampling.temperature = temperature;
                    column
                })
                .collect();
            let chosen = choose(context, lanes, &columns, &[]);
            for (index, one) in chosen.iter().enumerate() {
                assert_eq!(
                    one.is_broken,
                    index >= wanted.len(),
                    "lanes {lanes} {index}: {one:?}"
                );
                if let (Some(wanted), 0.0) = (wanted.get(index), temperature) {
                    assert_eq!(one.token as usize, *wanted, "lanes {lanes} {index}");
                }
            }
        }
    });
}

#[test]
fn what_was_chosen_is_noted() {
    let mut numbers = Numbers(34);
    let base = scores(&mut numbers);
    let tall = |token: usize| {
        let mut column = Column::new(&base);
        column.scores[token] = 90.0;
        column
    };
    let columns = [
        tall(31),
        tall(32),
        Column {
            position: 1000,
            ..tall(40)
        },
        Column {
            position: 999,
            ..tall(40)
        },
        // A stop token at the last position is a stop.
        Column {
            position: 1000,
            ..tall(64)
        },
        tall(63),
        Column {
            made: 2,
            seen: vec![1, 776],
            ..tall(50)
        },
        Column {
            made: CAPACITY,
            ..tall(51)
        },
        Column {
            is_on: false,
            ..tall(52)
        },
    ];
    let stops = [64, 63, 64];
    both(|context, lanes| {
        let chosen = choose(context, lanes, &columns, &stops);
        let finished = [0, 0, 2, 0, 1, 1, 0, 0];
        for (index, (column, one)) in columns.iter().zip(&chosen).enumerate() {
            let what = format!("lanes {lanes} {index}: {one:?}");
            let slot = (columns.len() - 1 - index) as u32;
            if !column.is_on {
                assert_eq!(one.next, [slot, column.position, 5, 0], "{what}");
                assert_eq!(one.row[..RESULT_HEAD], [0; RESULT_HEAD], "{what}");
                assert!(
                    one.row[RESULT_HEAD..].iter().all(|word| *word == BEFORE),
                    "{what}"
                );
                assert!(one.seen.is_empty(), "{what}");
                continue;
            }
            let token = column
                .scores
                .iter()
                .position(|score| *score == 90.0)
                .unwrap() as u32;
            assert_eq!(one.token, token, "{what}");
            assert_eq!(one.finished, finished[index], "{what}");
            assert_eq!(one.position, column.position + 1, "{what}");
            let is_on = u32::from(finished[index] == 0);
            assert_eq!(
                one.next,
                [slot, column.position + 1, token, is_on],
                "{what}"
            );
            assert_eq!(one.row[0] as usize, column.made + 1, "{what}");
            for (at, word) in one.row[RESULT_HEAD..].iter().enumerate() {
                assert_eq!(
                    *word,
                    if at == column.made { token } else { BEFORE },
                    "{what}"
                );
            }
            let mut seen = column.seen.clone();
            seen.push(token);
            seen.sort_unstable();
            assert_eq!(one.seen, seen, "{what}");
            assert!(!one.is_broken, "{what}");
        }
    });
}
