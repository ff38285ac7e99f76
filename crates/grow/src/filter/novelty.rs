//! Novelty: how near a text comes to those that are there, by ROUGE-L.

use crate::metrics::{lcs, tokens};
use std::collections::HashMap;

/// ROUGE-L F above which an instruction is too close to another one.
pub const NOVELTY_THRESHOLD: f64 = 0.7;

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

        let mut seen = vec![false; self.texts.len()];
        let mut best: Option<(usize, &Entry)> = None;
        for position in rarest
            .iter()
            .filter_map(|id| self.holders.get(*id as usize))
            .flatten()
        {
            let (Some(entry), Some(was_seen)) = (
                self.texts.get(*position as usize),
                seen.get_mut(*position as usize),
            ) else {
                continue;
            };
            if std::mem::replace(was_seen, true) {
                continue;
            }
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
