//! Numbers of a run in plain words: counts, tokens, money, time, and what a screen reader hears while rows arrive.

use seedbed_core::engine::{ADDRESS, EngineRow, EngineSpeed, EngineState, EngineStep};
use seedbed_core::messages::{Forecast, RunPhase, RunStatus};

/// 12,345.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 answer`, `2 answers`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// Estimated tokens: `about 12,000`; small numbers are rounded less.
pub fn about_tokens(n: u64) -> String {
    let step = match n {
        0..=99 => 1,
        100..=999 => 10,
        1_000..=9_999 => 100,
        10_000..=99_999 => 1_000,
        100_000..=999_999 => 10_000,
        _ => 100_000,
    };
    let rounded = (n + step / 2) / step * step;
    format!("about {}", count(rounded))
}

/// USD with as many digits as say something: `$0.0004`, `$0.13`, `$12.50`.
pub fn usd(amount: f64) -> String {
    if !amount.is_finite() || amount < 0.0 {
        return "unknown".to_owned();
    }
    if amount == 0.0 {
        return "$0".to_owned();
    }
    if amount < 0.0001 {
        return "under $0.0001".to_owned();
    }
    if amount < 0.01 {
        return format!("${amount:.4}");
    }
    if amount < 1_000.0 {
        return format!("${amount:.2}");
    }
    format!("${}", count(amount.round() as u64))
}

/// The line on cost. A price that is not known is never called free.
pub fn cost(forecast: &Forecast) -> String {
    match (forecast.cost, forecast.cost_worst) {
        (Some(likely), Some(worst)) if worst > likely => {
            format!("about {}, at most {}", usd(likely), usd(worst))
        }
        (Some(likely), _) => format!("about {}", usd(likely)),
        (None, Some(worst)) => format!("at most {}", usd(worst)),
        (None, None) => "not known: no price is set for this model".to_owned(),
    }
}

/// Seconds in words: `under a minute`, `4 min`, `2 h 05 min`.
pub fn time_left(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    match minutes {
        0 | 1 if seconds < 60 => "under a minute".to_owned(),
        0..=59 => format!("{minutes} min"),
        60..=1_439 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} days {} h", minutes / 1_440, minutes % 1_440 / 60),
    }
}

/// Rows a minute: `3.5 a minute`, `120 a minute`.
pub fn rate(rows_per_minute: f64) -> String {
    if !rows_per_minute.is_finite() || rows_per_minute <= 0.0 {
        "–".to_owned()
    } else if rows_per_minute < 10.0 {
        format!("{rows_per_minute:.1} a minute")
    } else {
        format!("{} a minute", count(rows_per_minute.round() as u64))
    }
}

/// Tokens per second: `7.5 tokens a second`, `120 tokens a second`.
pub fn pace(tokens_per_second: f64) -> String {
    if !tokens_per_second.is_finite() || tokens_per_second <= 0.0 {
        "–".to_owned()
    } else if tokens_per_second < 10.0 {
        format!("{tokens_per_second:.1} tokens a second")
    } else {
        format!(
            "{} tokens a second",
            count(tokens_per_second.round() as u64)
        )
    }
}

/// The run asks the model in a tab.
pub fn is_in_tab(status: &RunStatus) -> bool {
    ADDRESS
        .split(['/', ':'])
        .filter(|part| !part.is_empty())
        .nth(1)
        == Some(status.host.as_str())
}

/// How far the model in this tab is with a row: `reading 340 of 900 tokens · at most 4 min left`.
pub fn step(row: &EngineRow) -> String {
    let text = match row.step {
        EngineStep::Waiting { before: 0 } => "waiting, next in line".to_owned(),
        EngineStep::Waiting { before } => format!("waiting, {} before it", count(before.into())),
        EngineStep::Reading { read, total } => format!(
            "reading {} of {} tokens",
            count(read.into()),
            count(total.into())
        ),
        EngineStep::Writing { written, most } => format!(
            "writing, {} of at most {} tokens",
            count(written.into()),
            count(most.into())
        ),
    };
    match row.seconds_left {
        Some(seconds) if seconds < 60 => format!("{text} · under a minute left"),
        Some(seconds) => format!("{text} · at most {} left", time_left(seconds)),
        None => text,
    }
}

/// What the model in this tab does at once: `1 being read, 3 being written, 2 waiting`.
pub fn at_once(speed: EngineSpeed) -> String {
    let parts = [
        (speed.reading, "being read"),
        (speed.running, "being written"),
        (speed.waiting, "waiting"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", count(n.into())))
        .collect();
    if parts.is_empty() {
        "nothing at this moment".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Seconds until a run in this tab is done at most, if every answer has `longest` tokens; unknown until reading and writing
/// were measured.
pub fn tab_seconds_left(status: &RunStatus, engine: &EngineState, longest: u32) -> Option<u64> {
    let speed = engine.speed;
    let slots = engine.loaded.as_ref()?.sizes.slots.max(1);
    if speed.read_s <= 0.0 || speed.step_s <= 0.0 {
        return None;
    }
    let under_way = engine.rows.iter().filter_map(|row| row.seconds_left).max();
    let begun = engine
        .rows
        .iter()
        .filter(|row| !matches!(row.step, EngineStep::Waiting { .. }));
    let settled = status.done + status.failed + begun.count() as u32;
    let rest = f64::from(status.planned.saturating_sub(settled));
    // What questions have in common is read once, so this is more than it will be.
    let question = engine.rows.iter().find_map(|row| match row.step {
        EngineStep::Reading { total, .. } => Some(f64::from(total)),
        _ => None,
    });
    let question = question
        .or_else(|| (status.done > 0).then(|| status.tokens_in as f64 / f64::from(status.done)))
        .unwrap_or(0.0);
    let each = question * speed.read_s + f64::from(longest) * speed.step_s / f64::from(slots);
    Some(under_way.unwrap_or(0) + (rest * each).ceil() as u64)
}

/// What a person should know of a model that had to be started again.
pub fn restarted(times: u32) -> String {
    let times = match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{} times", count(times.into())),
    };
    format!(
        "The model in this tab stopped working {times} and was started again. What it was writing is written anew; no row lost a try by it."
    )
}

/// How long a model takes that writes this many tokens a second: likely, and if every answer used its limit.
pub fn writing_time(forecast: &Forecast, tokens_per_second: f64) -> (String, String) {
    let time = |tokens: u64| time_left((tokens as f64 / tokens_per_second.max(0.01)).ceil() as u64);
    (time(forecast.tokens_out), time(forecast.tokens_out_worst))
}

/// What the phase means, as a heading.
pub fn phase(status: &RunStatus) -> &'static str {
    match status.phase {
        RunPhase::Running => "Answers are coming in",
        RunPhase::Pausing => "Pausing: the requests under way still land",
        RunPhase::Paused if status.stopped_by.is_some() => "The run stopped",
        RunPhase::Paused => "Paused",
        RunPhase::Interrupted => "This run was interrupted",
        RunPhase::Finished if status.failed > 0 => "Finished, with gaps",
        RunPhase::Finished => "Finished",
    }
}

/// What a screen reader hears of a run: each change of phase, and each tenth of the way, not each row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcer {
    run: String,
    phase: Option<RunPhase>,
    tenth: u32,
}

impl Announcer {
    /// The text to announce after `status`, if it is time for one.
    pub fn hear(&mut self, status: &RunStatus) -> Option<String> {
        let settled = status.done + status.failed;
        let tenth = (u64::from(settled) * 10)
            .checked_div(u64::from(status.planned))
            .unwrap_or(0) as u32;
        let is_new = self.run != status.id || self.phase != Some(status.phase);
        if !is_new && self.tenth == tenth {
            return None;
        }
        *self = Self {
            run: status.id.clone(),
            phase: Some(status.phase),
            tenth,
        };
        let mut text = format!(
            "{}. {} of {} done",
            phase(status),
            count(status.done.into()),
            plural(status.planned.into(), "answer", "answers"),
        );
        if status.failed > 0 {
            text.push_str(", ");
            text.push_str(&count(status.failed.into()));
            text.push_str(" failed");
        }
        text.push('.');
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separators() {
        assert_eq!(
            [0, 7, 999, 1_000, 1_234_567].map(count),
            ["0", "7", "999", "1,000", "1,234,567"]
        );
        assert_eq!(plural(1, "answer", "answers"), "1 answer");
    }

    #[test]
    fn an_unknown_price_is_never_called_free() {
        let unknown = cost(&Forecast::default());
        assert!(unknown.contains("not known"), "{unknown}");
        assert!(!unknown.contains('0') && !unknown.contains("free"));
        let known = Forecast {
            cost: Some(0.013),
            cost_worst: Some(0.09),
            ..Forecast::default()
        };
        assert_eq!(cost(&known), "about $0.01, at most $0.09");
    }

    #[test]
    fn small_amounts_do_not_round_to_nothing() {
        assert_eq!(usd(0.000_03), "under $0.0001");
        assert_eq!(usd(0.0013), "$0.0013");
        assert_eq!(usd(12.5), "$12.50");
        assert_eq!(usd(f64::NAN), "unknown");
    }

    #[test]
    fn times_are_rounded_up_and_readable() {
        assert_eq!(time_left(5), "under a minute");
        assert_eq!(time_left(60), "1 min");
        assert_eq!(time_left(61), "2 min");
        assert_eq!(time_left(2 * 3600 + 5 * 60), "2 h 05 min");
        assert_eq!(time_left(200_000), "2 days 7 h");
    }

    #[test]
    fn a_model_in_this_tab_costs_time_only() {
        let forecast = Forecast {
            tokens_out: 12_000,
            tokens_out_worst: 60_000,
            ..Forecast::default()
        };
        assert_eq!(
            writing_time(&forecast, 50.0),
            ("4 min".to_owned(), "20 min".to_owned())
        );
        assert_eq!(pace(7.46), "7.5 tokens a second");
        assert_eq!(pace(1_234.0), "1,234 tokens a second");
        assert_eq!(pace(0.0), "–");
        let mut status = RunStatus::default();
        assert!(!is_in_tab(&status));
        status.host = "engine".into();
        assert!(is_in_tab(&status));
    }

    #[test]
    fn a_row_in_this_tab_says_what_is_done_for_it_and_how_long_that_takes() {
        let row = |step, seconds_left| {
            super::step(&EngineRow {
                row: "k".into(),
                step,
                seconds_left,
            })
        };
        let reading = EngineStep::Reading {
            read: 340,
            total: 1_900,
        };
        let writing = EngineStep::Writing {
            written: 12,
            most: 96,
        };
        assert_eq!(row(reading, None), "reading 340 of 1,900 tokens");
        assert_eq!(
            row(reading, Some(200)),
            "reading 340 of 1,900 tokens · at most 4 min left"
        );
        assert_eq!(
            row(writing, Some(20)),
            "writing, 12 of at most 96 tokens · under a minute left"
        );
        let waiting = |before| row(EngineStep::Waiting { before }, None);
        assert_eq!(waiting(0), "waiting, next in line");
        assert_eq!(waiting(2), "waiting, 2 before it");
        let speed = EngineSpeed {
            reading: 1,
            running: 3,
            ..EngineSpeed::default()
        };
        assert_eq!(at_once(speed), "1 being read, 3 being written");
        assert_eq!(at_once(EngineSpeed::default()), "nothing at this moment");
        assert!(restarted(1).contains("stopped working once and was started again"));
    }

    #[test]
    fn the_time_of_a_run_in_this_tab_is_known_before_its_first_answer() {
        let status = RunStatus {
            planned: 8,
            ..RunStatus::default()
        };
        let rows = [
            (
                EngineStep::Writing {
                    written: 50,
                    most: 100,
                },
                Some(60),
            ),
            (
                EngineStep::Reading {
                    read: 30,
                    total: 900,
                },
                Some(100),
            ),
            (EngineStep::Waiting { before: 0 }, None),
        ];
        let mut engine = EngineState {
            loaded: Some(seedbed_core::engine::EngineLoaded::default()),
            rows: rows
                .into_iter()
                .map(|(step, seconds_left)| EngineRow {
                    row: String::new(),
                    step,
                    seconds_left,
                })
                .collect(),
            ..EngineState::default()
        };
        assert_eq!(tab_seconds_left(&status, &engine, 100), None);
        engine.speed.read_s = 0.01;
        engine.speed.step_s = 0.2;
        if let Some(loaded) = &mut engine.loaded {
            loaded.sizes.slots = 4;
        }
        // Two are begun; six are left with 9 s of reading and a fourth of 20 s of writing each.
        assert_eq!(tab_seconds_left(&status, &engine, 100), Some(100 + 6 * 14));
    }

    #[test]
    fn a_screen_reader_hears_tenths_and_phases_only() {
        let mut announcer = Announcer::default();
        let mut status = RunStatus {
            id: "r".into(),
            planned: 1_000,
            ..RunStatus::default()
        };
        let mut heard = 0;
        for done in 0..=1_000 {
            status.done = done;
            heard += usize::from(announcer.hear(&status).is_some());
        }
        assert_eq!(heard, 11);
        status.phase = RunPhase::Finished;
        assert_eq!(
            announcer.hear(&status).as_deref(),
            Some("Finished. 1,000 of 1,000 answers done.")
        );
        assert_eq!(announcer.hear(&status), None);
    }
}
