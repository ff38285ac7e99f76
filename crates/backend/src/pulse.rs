//! Whether the engine's worker still lives.

use seedbed_core::engine::{LOOK_S, SILENCE_S};
use std::cell::Cell;

/// Counts looks in vain instead of seconds: while a computer sleeps or a tab is frozen, neither the worker nor whoever
/// looks after it runs, and the silence of that time means nothing.
#[derive(Debug, Default)]
pub struct Pulse {
    silent: Cell<u32>,
}

impl Pulse {
    /// The worker said something.
    pub fn heard(&self) {
        self.silent.set(0);
    }

    /// A look, every [`LOOK_S`] seconds. `true` = it has been silent for [`SILENCE_S`] seconds though it is asked.
    pub fn is_over(&self, is_asked: bool) -> bool {
        if !is_asked {
            self.heard();
            return false;
        }
        self.silent.set(self.silent.get() + 1);
        self.silent.get() * LOOK_S > SILENCE_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_is_asked_and_says_nothing_for_a_minute_is_over() {
        let pulse = Pulse::default();
        let looks = (1..100).find(|_| pulse.is_over(true));
        // The first look may come right after it was asked.
        assert_eq!(looks, Some(13));
    }

    #[test]
    fn whatever_it_says_is_life_and_one_that_nobody_asks_may_be_silent() {
        let pulse = Pulse::default();
        for look in 0..100 {
            assert!(!pulse.is_over(true));
            if look % 12 == 11 {
                pulse.heard();
            }
        }
        for _ in 0..100 {
            assert!(!pulse.is_over(false));
        }
        for _ in 0..12 {
            assert!(!pulse.is_over(true));
        }
        assert!(pulse.is_over(true));
    }
}
