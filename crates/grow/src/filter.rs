//! Which instructions are worth keeping: novelty against everything there is (Self-Instruct, Wang et al. 2023), and the
//! elimination rules for evolved ones that need no model (Evol-Instruct, Xu et al. 2023).

use crate::metrics::{is_spaceless, lcs, rouge_l, tokens};
use crate::quality::is_refusal;
use std::collections::{HashMap, HashSet};

/// ROUGE-L F above which an instruction is too close to another one.
pub const NOVELTY_THRESHOLD: f64 = 0.7;

/// Words of an instruction at least (letters for scripts without spaces: twice as many).
pub const FEWEST_WORDS: usize = 3;
/// Words of an instruction at most.
pub const MOST_WORDS: usize = 150;

/// A text is too close to one that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    /// The nearest text.
    pub of: String,
    /// Its ROUGE-L F.
    pub score: f64,
}

/// The texts that a new one is compared with.
///
/// A text with F > t shares more than t·(|a|+|b|)/2 tokens with the other, so it must hold one of the query's rarest
/// tokens: only texts that do are looked at, then by the bound on shared tokens, then by the exact measure.
#[derive(Clone, Debug, Default)]
pub struct NoveltyIndex {
    ids: HashMap<String, u32>,
    texts: Vec<Entry>,
    /// Positions in `texts` by token.
    holders: Vec<Vec<u32>>,
}

#[derive(Clone, Debug)]
struct Entry {
    text: String,
    tokens: Vec<u32>,
    sorted: Vec<u32>,
}

/// F > 0.7, in whole numbers: the threshold itself must not depend on rounding.
fn is_over(shared: usize, sum: usize) -> bool {
    20 * shared > 7 * sum
}

impl NoveltyIndex {
    /// Takes a text in.
    pub fn add(&mut self, text: &str) {
        let position = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let mut ids = Vec::new();
        for token in tokens(text) {
            let next = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
            let id = *self.ids.entry(token).or_insert(next);
            if id == next {
                self.holders.push(Vec::new());
            }
            if let Some(holders) = self.holders.get_mut(id as usize)
                && holders.last() != Some(&position)
            {
                holders.push(position);
            }
            ids.push(id);
        }
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        self.texts.push(Entry {
            text: text.trim().to_owned(),
            tokens: ids,
            sorted,
        });
    }

    /// Texts taken in.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Nothing was taken in.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Compares with every text taken in.
    ///
    /// # Errors
    /// The nearest text, when its ROUGE-L F is over [`NOVELTY_THRESHOLD`].
    pub fn check(&self, text: &str) -> Result<(), Duplicate> {
        self.nearest(text, |_| true)
    }

    /// Compares with every text taken in except `parent`, which an evolved text may stay close to.
    ///
    /// # Errors
    /// The nearest text, when its ROUGE-L F is over [`NOVELTY_THRESHOLD`].
    pub fn check_against_others(&self, text: &str, parent: &str) -> Result<(), Duplicate> {
        let parent = tokens(parent);
        let parent: Vec<Option<u32>> = parent
            .iter()
            .map(|token| self.ids.get(token).copied())
            .collect();
        self.nearest(text, |entry| {
            entry.tokens.len() != parent.len()
                || entry
                    .tokens
                    .iter()
                    .zip(&parent)
                    .any(|(mine, theirs)| Some(*mine) != *theirs)
        })
    }

    fn nearest(&self, text: &str, counts: impl Fn(&Entry) -> bool) -> Result<(), Duplicate> {
        // Unknown tokens match nothing; they get ids beyond all known ones.
        let mut fresh = self.holders.len();
        let ids: Vec<u32> = tokens(text)
            .iter()
            .map(|token| {
                self.ids.get(token).copied().unwrap_or_else(|| {
                    fresh += 1;
                    u32::try_from(fresh).unwrap_or(u32::MAX)
                })
            })
            .collect();
        let size = ids.len();
        let mut sorted = ids.clone();
        sorted.sort_unstable();

        // The fewest tokens that can be shared: with a text that is nothing but these, F is over the threshold.
        let fewest = (1..=size)
            .find(|shared| is_over(*shared, size + shared))
            .unwrap_or(size + 1);
        let spread = |id: &u32| self.holders.get(*id as usize).map_or(0, Vec::len);
        let mut rarest = ids.clone();
        rarest.sort_by_key(spread);
        rarest.truncate((size + 1).saturating_sub(fewest));
        rarest.dedup();

        let mut seen = HashSet::new();
        let mut best: Option<(usize, &Entry)> = None;
        for position in rarest
            .iter()
            .filter_map(|id| self.holders.get(*id as usize))
            .flatten()
        {
            if !seen.insert(*position) {
                continue;
            }
            let Some(entry) = self.texts.get(*position as usize) else {
                continue;
            };
            let sum = size + entry.tokens.len();
            if !is_over(size.min(entry.tokens.len()), sum)
                || !is_over(shared(&sorted, &entry.sorted), sum)
                || !counts(entry)
            {
                continue;
            }
            let common = lcs(&entry.tokens, &ids);
            let is_better = best.is_none_or(|(best_common, best_entry)| {
                common * (size + best_entry.tokens.len()) > best_common * sum
            });
            if is_over(common, sum) && is_better {
                best = Some((common, entry));
            }
        }
        match best {
            None => Ok(()),
            Some((common, entry)) => Err(Duplicate {
                of: entry.text.clone(),
                score: 2.0 * common as f64 / (size + entry.tokens.len()) as f64,
            }),
        }
    }
}

/// Tokens that two sorted lists share, counted with repetition: no common subsequence is longer.
fn shared(a: &[u32], b: &[u32]) -> usize {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut count = 0;
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => {
                a.next();
            }
            std::cmp::Ordering::Greater => {
                b.next();
            }
            std::cmp::Ordering::Equal => {
                count += 1;
                a.next();
                b.next();
            }
        }
    }
    count
}

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

/// Words that carry no content of their own.
const STOP_WORDS: [&str; 96] = [
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but",
    "by", "can", "could", "did", "do", "does", "else", "for", "from", "get", "had", "has", "have",
    "he", "her", "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just",
    "like", "may", "me", "might", "more", "most", "much", "must", "my", "no", "not", "now", "of",
    "on", "one", "only", "or", "other", "our", "please", "shall", "she", "should", "so", "some",
    "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "to", "too", "us", "very", "was", "we", "were", "what", "when", "where", "which",
    "who", "why", "will", "with", "would", "you", "your",
];

fn is_content(token: &str) -> bool {
    !STOP_WORDS.contains(&token)
}

/// Words of rewriting tasks, ours and others', that leak into replies.
const TASK_WORDS: [&str; 19] = [
    "given prompt",
    "given instruction",
    "rewritten prompt",
    "rewritten instruction",
    "created prompt",
    "created instruction",
    "new prompt",
    "new instruction",
    "original prompt",
    "original instruction",
    "the instruction below",
    "the prompt below",
    "evolved instruction",
    "evolved prompt",
    "prompt rewriter",
    "self-contained and natural",
    "an expert of the domain",
    "more demanding instruction",
    "rewrite the instruction",
];

/// What an assistant says about itself.
const ASSISTANT_TALK: [&str; 8] = [
    "how can i assist",
    "how can i help you",
    "as an ai",
    "ai assistant",
    "ai language model",
    "language model, i",
    "i'm here to help",
    "i'd be happy to",
];

/// Says whether an evolved instruction is worth keeping beside its parent, by the elimination rules of Evol-Instruct
/// that need no model.
///
/// # Errors
/// The reason against it, in plain words.
pub fn evolution_verdict(parent: &str, text: &str) -> Result<(), String> {
    let (old, new) = (tokens(parent), tokens(text));
    let refuse = |reason: &str| Err(reason.to_owned());
    if new.is_empty() || !new.iter().any(|token| is_content(token)) {
        return refuse("It has no content words");
    }
    if old == new {
        return refuse("It is the same as the instruction it came from");
    }
    if let Some(problem) = length_problem(text, MOST_WORDS.max(old.len() + 60)) {
        return Err(problem);
    }
    let lower = plain_quotes(&text.to_lowercase());
    let old_lower = plain_quotes(&parent.to_lowercase());
    let leaked = |phrases: &[&str]| {
        phrases
            .iter()
            .any(|phrase| lower.contains(phrase) && !old_lower.contains(phrase))
    };
    if leaked(&TASK_WORDS) || (lower.contains("#prompt") && !old_lower.contains("#prompt")) {
        return refuse("It repeats words of the task instead of asking something");
    }
    if leaked(&ASSISTANT_TALK) {
        return refuse("It is assistant talk, not an instruction");
    }
    if (lower.contains("sorry") && text.chars().count() < 400 && !old_lower.contains("sorry"))
        || (is_refusal(text) && !is_refusal(parent))
    {
        return refuse("The model declined to rewrite it");
    }
    let breaks = text.trim().matches('\n').count();
    let spaces = text.matches(' ').count();
    let is_spaced = !text.chars().any(is_spaceless);
    if is_spaced && breaks > 2 * spaces {
        return refuse("It is a column of words, not an instruction");
    }
    if list_items(text) > 10 && list_items(parent) <= 10 {
        return refuse("It is a long list, not an instruction");
    }
    let known: HashSet<&String> = old.iter().collect();
    let fresh: HashSet<&String> = new
        .iter()
        .filter(|token| is_content(token) && !known.contains(token))
        .collect();
    if fresh.is_empty() {
        return refuse("It adds nothing to the instruction it came from");
    }
    if fresh.len() < 3 && rouge_l(&old, &new).f >= 0.95 {
        return refuse("It is nearly the same as the instruction it came from");
    }
    Ok(())
}

fn list_items(text: &str) -> usize {
    text.lines()
        .filter(|line| {
            let line = line.trim_start();
            line.starts_with(['-', '*', '•'])
                || line
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .strip_prefix(['.', ')'])
                    .is_some_and(|rest| rest.len() + 1 < line.len())
        })
        .count()
}

pub(crate) fn plain_quotes(text: &str) -> String {
    text.replace(['\u{2019}', '\u{2018}', '\u{2bc}', '`', '\u{b4}'], "'")
        .replace(['\u{201c}', '\u{201d}', '\u{201e}'], "\"")
}
