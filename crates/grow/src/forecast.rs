//! What a run would ask for: rows, tokens and money, before anything is sent.
//!
//! Tokens of a text are an estimate by script (no tokenizer of the model at hand): a quarter of a token per character
//! for Latin letters, half a token for other alphabets, one per character for scripts without spaces; a request adds
//! four tokens per message and two for the reply's start. An unknown price gives no cost: never "free".

use crate::plan::PlannedRow;
use seedbed_core::messages::Forecast;
use seedbed_core::model::{Endpoint, Message};
use seedbed_core::params::RunSettings;
use std::collections::HashSet;
use std::hash::BuildHasher;

/// What earlier replies of the same model measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Mean tokens written per reply.
    pub mean_tokens_out: f64,
}

/// Estimated tokens of a text.
pub fn estimate_tokens(text: &str) -> u64 {
    let quarters: u64 = text.chars().map(quarters_of_a_token).sum();
    quarters.div_ceil(4)
}

/// Estimated tokens of a request: its messages with their overhead.
pub fn estimate_request(messages: &[Message]) -> u64 {
    let content: u64 = messages
        .iter()
        .map(|message| estimate_tokens(&message.content) + 4)
        .sum();
    content + 2
}

/// Money for tokens in USD, `None` when a price is not known.
pub fn cost(endpoint: &Endpoint, tokens_in: u64, tokens_out: u64) -> Option<f64> {
    let total = endpoint.price_in? * tokens_in as f64 + endpoint.price_out? * tokens_out as f64;
    Some(total / 1e6)
}

fn quarters_of_a_token(character: char) -> u64 {
    match u32::from(character) {
        // Latin with its supplements, combining marks, general punctuation.
        0..0x300 | 0x1E00..0x1F00 | 0x2000..0x2070 => 1,
        // Thai to Khmer, Hangul, kana and everything Han; symbols and emoji cost about as much.
        0x0E00..0x1000
        | 0x1100..0x1200
        | 0x1780..0x1800
        | 0x2600..0x2800
        | 0x2E80..0xA4D0
        | 0xA960..0xA980
        | 0xAC00..0xD800
        | 0xF900..0xFB00
        | 0xFE30..0xFE50
        | 0xFF00..0x10000
        | 0x1F000.. => 4,
        _ => 2,
    }
}

/// What a run over `rows` would ask for. `done` holds the keys of requests that were answered.
///
/// Output tokens per row: the measured mean if there is one (at most the limit), else a quarter of the limit.
pub fn forecast<S: BuildHasher>(
    rows: &[PlannedRow],
    done: &HashSet<String, S>,
    settings: &RunSettings,
    endpoint: Option<&Endpoint>,
    history: Option<History>,
) -> Forecast {
    let prompts: HashSet<&str> = rows.iter().map(|row| row.prompt_id.as_str()).collect();
    let open: Vec<&PlannedRow> = rows.iter().filter(|row| !row.is_done(done)).collect();
    let cap = settings.row_cap.map_or(usize::MAX, |cap| cap as usize);
    let asked = open.get(..cap).unwrap_or(&open);

    let tokens_in = asked.iter().map(|row| row.tokens_in).sum();
    let tokens_out_worst: u64 = asked
        .iter()
        .map(|row| u64::from(row.sampling.max_tokens))
        .sum();
    let tokens_out = match history.map(|history| history.mean_tokens_out) {
        Some(mean) if mean.is_finite() && mean > 0.0 => asked
            .iter()
            .map(|row| mean.min(f64::from(row.sampling.max_tokens)))
            .sum::<f64>()
            .round() as u64,
        _ => tokens_out_worst / 4,
    };
    let endpoint = endpoint.filter(|endpoint| !endpoint.model.trim().is_empty());
    Forecast {
        prompts: prompts.len() as u32,
        rows: rows.len() as u32,
        done: (rows.len() - open.len()) as u32,
        to_ask: asked.len() as u32,
        tokens_in,
        tokens_out,
        tokens_out_worst,
        cost: endpoint.and_then(|endpoint| cost(endpoint, tokens_in, tokens_out)),
        cost_worst: endpoint.and_then(|endpoint| cost(endpoint, tokens_in, tokens_out_worst)),
        blocked: blocked(rows.len(), open.len(), cap, endpoint).map(str::to_owned),
    }
}

fn blocked(
    rows: usize,
    open: usize,
    cap: usize,
    endpoint: Option<&Endpoint>,
) -> Option<&'static str> {
    if rows == 0 {
        Some("No instruction is kept yet. Keep at least one on the Prompts page.")
    } else if endpoint.is_none() {
        Some("No model is chosen yet. Choose the model that should answer.")
    } else if open == 0 {
        Some(
            "Every kept instruction has its answers already. Keep more instructions, or ask for more answers \
             per instruction.",
        )
    } else if cap == 0 {
        Some("The cap on rows is 0. Raise it, or remove it.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::model::Sampling;
    use seedbed_core::prompt::Cell;

    fn row(n: u32) -> PlannedRow {
        PlannedRow {
            key: format!("r{n}"),
            old_key: None,
            prompt_id: format!("p{}", n / 2),
            cell: Cell::default(),
            instruction: "Why?".into(),
            sample_index: n % 2,
            // 4 + 3 tokens, 4 + 1 tokens, 2 for the start of the reply.
            tokens_in: estimate_request(&[Message::system("abcdefghij"), Message::user("Why?")]),
            sampling: Sampling {
                max_tokens: 100,
                ..Sampling::default()
            },
            prompt_version: "answer/1".into(),
        }
    }

    fn endpoint() -> Endpoint {
        Endpoint {
            model: "m".into(),
            price_in: Some(0.15),
            price_out: Some(0.6),
            ..Endpoint::default()
        }
    }

    #[test]
    fn tokens_are_estimated_by_script() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("abcd"), 1);
        assert_eq!(estimate_tokens("abcde"), 2);
        assert_eq!(estimate_tokens("Straße naïve"), 3);
        assert_eq!(estimate_tokens("土壤很肥沃"), 5);
        assert_eq!(estimate_tokens("почва"), 3);
    }

    #[test]
    fn done_rows_and_the_cap_shrink_what_is_asked() {
        let rows: Vec<_> = (0..10).map(row).collect();
        let done: HashSet<String> = ["r0", "r3", "elsewhere"].map(str::to_owned).into();
        let settings = RunSettings::default();
        let all = forecast(&rows, &done, &settings, Some(&endpoint()), None);
        assert_eq!((all.prompts, all.rows, all.done, all.to_ask), (5, 10, 2, 8));
        assert_eq!(all.blocked, None);
        let capped = RunSettings {
            row_cap: Some(3),
            ..settings
        };
        let some = forecast(&rows, &done, &capped, Some(&endpoint()), None);
        assert_eq!(some.to_ask, 3);
        assert_eq!(some.tokens_in, 3 * 14);
        assert_eq!(some.tokens_out, 75);
        assert_eq!(some.tokens_out_worst, 300);
        let expected = (42.0 * 0.15 + 75.0 * 0.6) / 1e6;
        assert!((some.cost.unwrap() - expected).abs() < 1e-12);
        assert!(some.cost_worst.unwrap() > some.cost.unwrap());
    }

    #[test]
    fn measured_replies_win_over_the_quarter_of_the_limit_but_never_pass_the_limit() {
        let rows: Vec<_> = (0..4).map(row).collect();
        let out = |mean_tokens_out| {
            forecast(
                &rows,
                &HashSet::new(),
                &RunSettings::default(),
                Some(&endpoint()),
                Some(History { mean_tokens_out }),
            )
            .tokens_out
        };
        assert_eq!(out(61.5), 246);
        assert_eq!(out(1e9), 400);
        assert_eq!(out(f64::NAN), 100);
    }

    #[test]
    fn an_unknown_price_gives_no_cost() {
        let mut unpriced = endpoint();
        unpriced.price_out = None;
        let found = forecast(
            &[row(0)],
            &HashSet::new(),
            &RunSettings::default(),
            Some(&unpriced),
            None,
        );
        assert_eq!((found.cost, found.cost_worst), (None, None));
    }

    #[test]
    fn what_blocks_a_run_is_said_in_order_of_what_to_do_first() {
        let settings = RunSettings::default();
        let none = HashSet::new();
        let why = |rows: &[PlannedRow], done: &HashSet<String>, endpoint: Option<&Endpoint>| {
            forecast(rows, done, &settings, endpoint, None)
                .blocked
                .unwrap()
        };
        assert!(why(&[], &none, None).contains("No instruction is kept"));
        assert!(why(&[row(0)], &none, None).contains("No model"));
        assert!(why(&[row(0)], &none, Some(&Endpoint::default())).contains("No model"));
        let done: HashSet<String> = ["r0".to_owned()].into();
        assert!(why(&[row(0)], &done, Some(&endpoint())).contains("already"));
        let capped = RunSettings {
            row_cap: Some(0),
            ..settings.clone()
        };
        let found = forecast(&[row(0)], &none, &capped, Some(&endpoint()), None);
        assert!(found.blocked.unwrap().contains("cap"));
    }
}
