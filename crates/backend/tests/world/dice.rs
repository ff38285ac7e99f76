//! Random numbers that are the same for the same seed, on every machine.

use std::cell::Cell;

/// SplitMix64 (Steele et al. 2014): small, and good enough to choose acts.
#[derive(Debug)]
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In `0..below`; 0 for nothing to choose from.
    pub(crate) fn below(&self, below: usize) -> usize {
        if below == 0 {
            return 0;
        }
        (self.next() % below as u64) as usize
    }

    /// True `of` times in `all`.
    pub(crate) fn chance(&self, of: usize, all: usize) -> bool {
        self.below(all) < of
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}
