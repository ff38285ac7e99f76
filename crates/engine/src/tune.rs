//! Which variants of the kernels are quickest on this device for this model: a short measurement before the first use.
//!
//! What a device is good at can't be told from its name: packed bytes are several times quicker on one and slower on the
//! next. So each candidate runs the products of the first two layers, with the real weights, and the quickest is taken. A
//! candidate must also compute what the base set does; a driver that miscompiles one variant costs speed, not rows.

use std::rc::Rc;

use crate::engine::{Engine, Options};
use crate::gpu::context::Context;
use crate::gpu::kit::{Choice, Kit, candidates};
use crate::gpu::weights::Weights;
use crate::gpu::wgsl::Arith;
use crate::{Error, now};

/// Seconds of work that a candidate is timed for, at least, if it is not far behind anyway.
const WORK: f64 = 0.02;
/// How much quicker than the base set a candidate must be: a tie stays with what needs nothing optional.
const GAIN: f64 = 0.9;
/// Seconds after which no more is tried: what is left keeps the base set.
const PATIENCE: f64 = 3.0;
/// The same where a processor computes: it also compiles, and its base set is seldom beaten.
const LANES_PATIENCE: f64 = 1.0;

/// One candidate, measured.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Columns it ran.
    pub columns: usize,
    /// The candidate.
    pub choice: Choice,
    /// Seconds for the products of two layers.
    pub seconds: f64,
    /// Squared error against the base set, over squared size.
    pub error: f64,
    /// It was taken.
    pub is_taken: bool,
}

/// Largest error accepted.
fn bound(arith: Arith) -> f64 {
    match arith {
        Arith::Float => 1e-9,
        Arith::Packed => 1e-6,
        Arith::Half => 1e-4,
    }
}

/// The kit for a device and a model, and what was measured. Only the numbers of columns that `options` lead to are tried:
/// one to all slots, and a prompt's chunk. Takes a second or two, and hardly more than three.
///
/// # Errors
/// The device failed.
pub async fn tune(
    context: &Rc<Context>,
    weights: &Rc<Weights>,
    options: &Options,
) -> Result<(Kit, Vec<Trial>), Error> {
    let lanes = options.lanes.unwrap_or(context.adapter.is_software);
    // Keys and values are not what is measured.
    let small = Options {
        context: 16,
        kit: None,
        ..options.clone()
    };
    let mut engine = Engine::new(context.clone(), weights.clone(), small, &[])?;
    let base = engine.kit.clone();
    let mut kit = base.clone();
    let mut trials = Vec::new();
    let slots = engine.options().slots;
    // Half a chunk shows what a whole one would.
    let chunk = engine.options().chunk.min(32);
    let mut places: Vec<(usize, usize)> = Vec::new();
    // A place is tried with the most columns that come to it.
    // The ones most used come first.
    for columns in [1, slots, chunk].into_iter().chain(1..=slots) {
        let place = Kit::place(columns);
        match places.iter_mut().find(|one| one.0 == place) {
            Some(one) => one.1 = one.1.max(columns),
            None => places.push((place, columns)),
        }
    }
    let patience = if lanes { LANES_PATIENCE } else { PATIENCE };
    let started = now();
    for (place, columns) in places {
        if now() - started > patience {
            break;
        }
        let wanted = engine.branch(place, base.at(place), columns).await?;
        let size: f64 = wanted.iter().map(|x| f64::from(*x).powi(2)).sum();
        let first = time(&mut engine, place, base.at(place), columns, None).await?;
        let mut best = (base.at(place), first);
        trials.push(Trial {
            columns,
            choice: base.at(place),
            seconds: first,
            error: 0.0,
            is_taken: false,
        });
        for choice in candidates(place, &context.adapter.features, lanes) {
            if choice == base.at(place) || now() - started > patience {
                continue;
            }
            let is = engine.branch(place, choice, columns).await?;
            let error: f64 = is
                .iter()
                .zip(&wanted)
                .map(|(is, should)| f64::from(is - should).powi(2))
                .sum::<f64>()
                / size.max(f64::MIN_POSITIVE);
            let seconds = time(&mut engine, place, choice, columns, Some(best.1)).await?;
            trials.push(Trial {
                columns,
                choice,
                seconds,
                error,
                is_taken: false,
            });
            // NaN is not within any bound.
            if error <= bound(choice.arith) && seconds < best.1.min(GAIN * first) {
                best = (choice, seconds);
            }
        }
        kit.set(place, best.0);
        if let Some(trial) = trials
            .iter_mut()
            .rev()
            .find(|trial| trial.columns == columns && trial.choice == best.0)
        {
            trial.is_taken = true;
        }
    }
    Ok((kit, trials))
}

/// What a kit is measured for: device, engine, and the shapes and types of the model's products. One line without tabs.
pub fn key(context: &Context, weights: &Weights, options: &Options) -> String {
    let adapter = &context.adapter;
    let spec = &weights.spec;
    let formats: Vec<String> = weights
        .layers
        .first()
        .map(|layer| {
            let qkv = layer.qkv.iter().map(|placed| &placed.matrix);
            qkv.chain([&layer.out, &layer.gate, &layer.up, &layer.down])
                .map(|matrix| format!("{:?}", matrix.format))
                .collect()
        })
        .unwrap_or_default();
    format!(
        "{} | {} | {} | {:?} | {} {} {} {} {} | {} | {} {}",
        env!("CARGO_PKG_VERSION"),
        adapter.name,
        adapter.driver,
        adapter.features,
        spec.hidden,
        spec.ffn,
        spec.heads,
        spec.kv_heads,
        spec.head_dim,
        formats.join(" "),
        options.slots,
        options.chunk,
    )
    .replace(['\t', '\n', '\r'], " ")
}

/// Seconds that a candidate takes, the best of some runs; given up early when it takes more than twice `best`.
async fn time(
    engine: &mut Engine,
    place: usize,
    choice: Choice,
    columns: usize,
    best: Option<f64>,
) -> Result<f64, Error> {
    // The first run compiles.
    engine.products(place, choice, columns, 1).await?;
    let started = now();
    engine.products(place, choice, columns, 1).await?;
    // A browser answers a tenth of a millisecond to some milliseconds late, which many rounds make small.
    let once = (now() - started).max(1e-5);
    if best.is_some_and(|best| once > 2.0 * best && once > WORK) {
        return Ok(once);
    }
    let rounds = ((WORK / once) as usize).clamp(1, 64);
    let mut least = f64::INFINITY;
    for _ in 0..2 {
        let started = now();
        engine.products(place, choice, columns, rounds).await?;
        least = least.min((now() - started) / rounds as f64);
    }
    Ok(least)
}
