//! How long to wait before trying again.

/// Longest own wait, in milliseconds.
const LONGEST_MS: u64 = 60_000;

/// Doubles `first_ms` `times` times, up to [`LONGEST_MS`].
fn doubled(first_ms: u64, times: u32) -> u64 {
    first_ms
        .saturating_mul(1_u64.checked_shl(times.min(32)).unwrap_or(u64::MAX))
        .min(LONGEST_MS)
}

/// A random number as a share of 0..=1, whatever the caller's source gave.
fn share(random: f64) -> f64 {
    if random.is_finite() {
        random.clamp(0.0, 1.0)
    } else {
        0.5
    }
}

/// Full jitter: uniform between 0 and min(60 s, 0.5 s · 2^attempt), in milliseconds; `attempt` counts from 1.
pub(super) fn after_failure(attempt: u32, random: f64) -> u64 {
    (doubled(500, attempt) as f64 * share(random)) as u64
}

/// Wait after a "slow down" that names no time: 2 s doubling to 60 s with each burst in vain, the lower half of it
/// certain so that a refusing server is never asked again at once. In milliseconds; `round` counts from 1.
pub(super) fn after_slow_down(round: u32, random: f64) -> u64 {
    let top = doubled(2_000, round.saturating_sub(1));
    top / 2 + (top as f64 / 2.0 * share(random)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_jitter_spans_from_nothing_to_the_doubled_limit() {
        assert_eq!(after_failure(1, 0.0), 0);
        assert_eq!(after_failure(1, 1.0), 1_000);
        assert_eq!(after_failure(4, 1.0), 8_000);
        assert_eq!(after_failure(4, 0.5), 4_000);
        assert_eq!(after_failure(60, 1.0), 60_000);
        assert_eq!(after_failure(u32::MAX, f64::NAN), 30_000);
    }

    #[test]
    fn a_slow_down_never_waits_less_than_half_its_span() {
        assert_eq!(after_slow_down(1, 0.0), 1_000);
        assert_eq!(after_slow_down(1, 1.0), 2_000);
        assert_eq!(after_slow_down(3, 0.0), 4_000);
        assert_eq!(after_slow_down(40, 1.0), 60_000);
    }
}
