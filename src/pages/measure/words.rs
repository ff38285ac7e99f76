//! Figures of a measurement in words and units, and what they say of the device.

use crate::pages::generate::words::count;
use seedbed_core::engine::EngineFigure;
use std::fmt::Write as _;

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it means; may be empty.
    pub about: String,
    /// The number with its unit.
    pub value: String,
}

/// Two or three digits that count: `4.5`, `41`, `1,234`, `0.031`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        size if size < 10.0 && size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 99.5 => count(value.round().max(0.0) as u64),
        size if size >= 9.95 => format!("{value:.0}"),
        size if size >= 0.0995 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// A number with its unit, as people read it.
pub fn value(figure: &EngineFigure) -> String {
    let size = figure.value;
    match figure.unit.as_str() {
        "1" => format!("{} %", number(size * 100.0)),
        "1/token" => number(size),
        "tokens/s" => format!("{} tokens/s", number(size)),
        "GB/s" if size < 1.0 => format!("{} MB/s", number(size * 1000.0)),
        "MB/s" if size >= 1000.0 => format!("{} GB/s", number(size / 1000.0)),
        "MB" if size >= 1000.0 => format!("{} GB", number(size / 1000.0)),
        unit => format!("{} {unit}", number(size)),
    }
}

/// Value of a figure by name, and answers side by side.
pub fn find(figures: &[EngineFigure], name: &str, at_once: u32) -> Option<f64> {
    figures
        .iter()
        .find(|figure| figure.name == name && figure.at_once == at_once)
        .map(|figure| figure.value)
}

/// How the device writes with `n` answers.
fn writing(n: u32) -> String {
    match n {
        1 => "Writing one answer".to_owned(),
        n => format!("Writing {n} answers at once"),
    }
}

/// Name of what is being measured.
pub fn part(name: &str, at_once: u32) -> String {
    match name {
        "copy" => "Copying in the device's memory".to_owned(),
        "prefill" => "Reading a long question".to_owned(),
        "decode" => writing(at_once),
        other => other.to_owned(),
    }
}

/// The figures as rows, the ones a person asks for first. What is the same for every number of answers comes once.
pub fn rows(figures: &[EngineFigure]) -> Vec<Row> {
    const ORDER: [&str; 10] = [
        "decode",
        "first_token",
        "prefill",
        "copy",
        "bandwidth_share",
        "bytes_per_token",
        "dispatches",
        "readbacks",
        "load",
        "heap",
    ];
    let alone = find(figures, "decode", 1);
    ORDER
        .iter()
        .flat_map(|name| figures.iter().filter(move |figure| figure.name == *name))
        .filter(|figure| figure.name == "decode" || figure.at_once <= 1)
        .map(|figure| {
            let (what, about) = match figure.name.as_str() {
                "decode" => (
                    writing(figure.at_once),
                    match alone {
                        Some(alone) if figure.at_once > 1 && alone > 0.0 => {
                            format!(
                                "all together; {} times one alone",
                                number(figure.value / alone)
                            )
                        }
                        _ => String::new(),
                    },
                ),
                "first_token" => (
                    "Until the first word".to_owned(),
                    "of an answer to 64 tokens".to_owned(),
                ),
                "prefill" => (
                    "Reading a question".to_owned(),
                    "its tokens side by side".to_owned(),
                ),
                "bandwidth_share" => (
                    "Of it, used for reading weights".to_owned(),
                    "writing one answer; at 100 % nothing else would take time".to_owned(),
                ),
                "copy" => (
                    "Speed of the device's memory".to_owned(),
                    "when copying, bytes read and written".to_owned(),
                ),
                "bytes_per_token" => ("Weights read for a token".to_owned(), String::new()),
                "dispatches" => (
                    "Kernels started for a token".to_owned(),
                    "writing one answer".to_owned(),
                ),
                "readbacks" => (
                    "Waits for the device, per token".to_owned(),
                    "writing one answer".to_owned(),
                ),
                "load" => (
                    "Loading, as it was done here".to_owned(),
                    "from the network or from storage, with the self-test".to_owned(),
                ),
                _ => (
                    "Memory of the worker, at most".to_owned(),
                    "without the weights, which are on the device".to_owned(),
                ),
            };
            Row {
                what,
                about,
                value: value(figure),
            }
        })
        .collect()
}

/// What holds the device back, in plain words; `None` before there is enough to tell.
pub fn limit(figures: &[EngineFigure], is_software: bool) -> Option<String> {
    let share = find(figures, "bandwidth_share", 1)?;
    let percent = number(share * 100.0);
    let mut text = if is_software {
        format!(
            "The processor computes here, and computing is what limits it: the weights are read at {percent} % of the speed of its memory. A computer with a graphics card is quicker, and so is a smaller model."
        )
    } else if share >= 0.5 {
        format!(
            "Memory limits it: one answer reads the weights at {percent} % of the speed of copying. Only a smaller file is much quicker."
        )
    } else {
        format!(
            "Memory does not limit it: one answer reads the weights at {percent} % of the speed of copying. Computing, and starting one kernel after another, take the rest."
        )
    };
    let alone = find(figures, "decode", 1).unwrap_or(0.0);
    let best = figures
        .iter()
        .filter(|figure| figure.name == "decode" && figure.at_once > 1)
        .max_by(|a, b| a.value.total_cmp(&b.value));
    if let Some(best) = best
        && alone > 0.0
        && best.value / alone >= 1.3
    {
        // Writing to a string can't fail.
        let _ = write!(
            text,
            " {} answers at once come {} times as fast as one alone.",
            best.at_once,
            number(best.value / alone)
        );
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, at_once: u32, value: f64, unit: &str) -> EngineFigure {
        EngineFigure {
            name: name.to_owned(),
            at_once,
            value,
            unit: unit.to_owned(),
        }
    }

    #[test]
    fn a_figure_has_the_digits_that_count() {
        for (size, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.0312, "0.031"),
            (4.46, "4.5"),
            (41.3, "41"),
            (99.6, "100"),
            (1234.5, "1,235"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(size), text);
        }
    }

    #[test]
    fn units_are_those_that_people_read() {
        for (unit, size, text) in [
            ("1", 0.042, "4.2 %"),
            ("1/token", 153.0, "153"),
            ("GB/s", 0.5, "500 MB/s"),
            ("MB/s", 1400.0, "1.4 GB/s"),
            ("s", 3.01, "3.0 s"),
        ] {
            assert_eq!(value(&figure("x", 1, size, unit)), text);
        }
    }

    #[test]
    fn writing_comes_first_and_the_rest_once() {
        let figures = [
            figure("load", 0, 25.0, "MB/s"),
            figure("decode", 1, 4.0, "tokens/s"),
            figure("dispatches", 1, 153.0, "1/token"),
            figure("decode", 4, 6.0, "tokens/s"),
            figure("dispatches", 4, 38.25, "1/token"),
        ];
        let rows = rows(&figures);
        let whats: Vec<&str> = rows.iter().map(|row| row.what.as_str()).collect();
        assert_eq!(
            whats,
            [
                "Writing one answer",
                "Writing 4 answers at once",
                "Kernels started for a token",
                "Loading, as it was done here",
            ]
        );
        assert_eq!(rows[1].about, "all together; 1.5 times one alone");
        assert_eq!(rows[2].value, "153");
    }

    #[test]
    fn what_limits_follows_from_the_figures() {
        let figures = |share: f64, four: f64| {
            [
                figure("decode", 1, 10.0, "tokens/s"),
                figure("bandwidth_share", 1, share, "1"),
                figure("decode", 4, four, "tokens/s"),
            ]
        };
        assert_eq!(limit(&[], false), None);
        let text = |share, four, is_software| limit(&figures(share, four), is_software).unwrap();
        assert!(text(0.7, 11.0, false).starts_with("Memory limits it"));
        assert!(text(0.2, 11.0, false).starts_with("Memory does not limit it"));
        assert!(text(0.7, 11.0, true).starts_with("The processor computes here"));
        assert!(!text(0.2, 11.0, false).contains("at once"));
        assert!(text(0.2, 38.0, false).contains("4 answers at once come 3.8 times"));
    }
}
