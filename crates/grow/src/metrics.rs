//! Measures of likeness and repetition between texts: ROUGE (Lin 2004), distinct-n (Li et al. 2016), share of repeated
//! n-grams. Words are cut by [`tokens`]; [`ascii_tokens`] is the rule of the `rouge-score` package, for comparing.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Precision, recall and their harmonic mean, each 0..=1; all 0 when either text has no unit to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Share of the candidate's units that the reference has.
    pub precision: f64,
    /// Share of the reference's units that the candidate has.
    pub recall: f64,
    /// 2PR / (P + R).
    pub f: f64,
}

impl Score {
    fn new(shared: usize, reference: usize, candidate: usize) -> Self {
        if shared == 0 || reference == 0 || candidate == 0 {
            return Self::default();
        }
        let shared = shared as f64;
        Self {
            precision: shared / candidate as f64,
            recall: shared / reference as f64,
            // The same as 2PR / (P + R), with one rounding instead of three.
            f: 2.0 * shared / (reference + candidate) as f64,
        }
    }
}

/// Letters that stand as words of their own, since their scripts put no spaces between words.
pub(crate) fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF      // Thai, Lao
        | 0x1000..=0x109F    // Myanmar
        | 0x1780..=0x17FF    // Khmer
        | 0x3040..=0x30FF    // Hiragana, Katakana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF) // Han
}

/// Lower-case words of any script; of scripts without spaces, letters. Equals [`ascii_tokens`] on ASCII text.
pub fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() && !is_spaceless(c) {
            word.extend(c.to_lowercase());
            continue;
        }
        // A combining mark or a mark within a word (decomposed accents) must not split it.
        if ('\u{300}'..='\u{36f}').contains(&c) && !word.is_empty() {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            out.push(c.to_string());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// Runs of a–z and 0–9 of the lower-case text, as `rouge-score` 0.1.2 cuts it. Accents split words, CJK vanishes.
pub fn ascii_tokens(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Length of the longest common subsequence. O(|a|·|b|) time, O(|b|) memory.
pub fn lcs<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0_usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        let mut left = 0;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            *cell = if x == y {
                diagonal + 1
            } else {
                above.max(left)
            };
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// ROUGE-L of two token lists.
pub fn rouge_l<T: PartialEq>(reference: &[T], candidate: &[T]) -> Score {
    Score::new(lcs(reference, candidate), reference.len(), candidate.len())
}

/// ROUGE-n of two token lists; `n` ≥ 1.
pub fn rouge_n<T: Eq + Hash>(reference: &[T], candidate: &[T], n: usize) -> Score {
    let n = n.max(1);
    let mut counts: HashMap<&[T], usize> = HashMap::new();
    for gram in reference.windows(n) {
        *counts.entry(gram).or_default() += 1;
    }
    let shared = candidate
        .windows(n)
        .filter(|gram| match counts.get_mut(gram) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
        .count();
    let grams = |of: &[T]| (of.len() + 1).saturating_sub(n);
    Score::new(shared, grams(reference), grams(candidate))
}

/// distinct-n of a corpus: unique n-grams over all n-grams, none across rows; 0 when there are none.
pub fn distinct_n<T: Eq + Hash>(rows: &[Vec<T>], n: usize) -> f64 {
    let mut unique: HashSet<&[T]> = HashSet::new();
    let mut all = 0_usize;
    for gram in rows.iter().flat_map(|row| row.windows(n.max(1))) {
        unique.insert(gram);
        all += 1;
    }
    if all == 0 {
        0.0
    } else {
        unique.len() as f64 / all as f64
    }
}

/// Share of the n-grams of one text that stood before in it, 0..=1; 0 when there are none.
pub fn repeated_share<T: Eq + Hash>(tokens: &[T], n: usize) -> f64 {
    let mut seen: HashSet<&[T]> = HashSet::new();
    let (mut all, mut repeated) = (0_usize, 0_usize);
    for gram in tokens.windows(n.max(1)) {
        all += 1;
        if !seen.insert(gram) {
            repeated += 1;
        }
    }
    if all == 0 {
        0.0
    } else {
        repeated as f64 / all as f64
    }
}
