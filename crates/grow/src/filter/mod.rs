//! Which instructions are worth keeping: novelty against everything there is (Self-Instruct, Wang et al. 2023), and the
//! elimination rules for evolved ones that need no model (Evol-Instruct, Xu et al. 2023).

mod evolution;
mod novelty;
mod talk;

use crate::metrics::{is_spaceless, tokens};
pub use evolution::evolution_verdict;
pub use novelty::{Duplicate, NOVELTY_THRESHOLD, NoveltyIndex};
pub(crate) use talk::{is_meta, is_statement};

/// Words of an instruction at least (letters for scripts without spaces: twice as many).
pub const FEWEST_WORDS: usize = 3;
/// Words of an instruction at most.
pub const MOST_WORDS: usize = 150;

/// Why an instruction is too short or too long, if it is.
pub(crate) fn length_problem(text: &str, most_words: usize) -> Option<String> {
    let words = tokens(text);
    let letters = text.chars().filter(|c| is_spaceless(*c)).count();
    // A text of a script without spaces has a token for each letter.
    let is_short = if letters * 2 > words.len() {
        words.len() < FEWEST_WORDS * 2
    } else {
        words.len() < FEWEST_WORDS
    };
    let most = if letters * 2 > words.len() {
        most_words * 4
    } else {
        most_words
    };
    if is_short {
        Some("Too short to be an instruction".to_owned())
    } else if words.len() > most {
        Some(format!("Longer than {most_words} words"))
    } else {
        None
    }
}

pub(crate) fn plain_quotes(text: &str) -> String {
    text.replace(['\u{2019}', '\u{2018}', '\u{2bc}', '`', '\u{b4}'], "'")
        .replace(['\u{201c}', '\u{201d}', '\u{201e}'], "\"")
}
