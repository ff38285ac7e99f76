//! Numbers and times in words.

use crate::platform::page::date_text;

/// How long ago `then_ms` was at `now_ms` (both milliseconds since 1970).
pub fn ago(then_ms: u64, now_ms: u64) -> String {
    let minutes = now_ms.saturating_sub(then_ms) / 60_000;
    let of = |count: u64, one: &str, many: &str| {
        if count == 1 {
            format!("{one} ago")
        } else {
            format!("{count} {many} ago")
        }
    };
    match minutes {
        0 => "just now".to_owned(),
        1..60 => of(minutes, "a minute", "minutes"),
        60..1440 => of(minutes / 60, "an hour", "hours"),
        1440..10_080 => of(minutes / 1440, "a day", "days"),
        _ => date_text(then_ms),
    }
}

/// Days until something deleted at `deleted_ms` is gone for good, from 1 to 7.
pub fn days_left(deleted_ms: u64, now_ms: u64) -> u64 {
    let passed = now_ms.saturating_sub(deleted_ms) / 86_400_000;
    7_u64.saturating_sub(passed).max(1)
}

/// `1 record`, `2 records`.
pub fn counted(count: u32, one: &str, many: &str) -> String {
    let word = if count == 1 { one } else { many };
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_times_are_said_in_words() {
        let now = 1_800_000_000_000;
        for (minutes, text) in [
            (0, "just now"),
            (1, "a minute ago"),
            (59, "59 minutes ago"),
            (60, "an hour ago"),
            (60 * 23, "23 hours ago"),
            (60 * 24, "a day ago"),
            (60 * 24 * 6, "6 days ago"),
        ] {
            assert_eq!(ago(now - minutes * 60_000, now), text);
        }
        assert_eq!(ago(now + 5000, now), "just now");
    }

    #[test]
    fn a_deleted_project_has_a_week() {
        let day = 86_400_000;
        assert_eq!(days_left(0, 0), 7);
        assert_eq!(days_left(0, 3 * day), 4);
        assert_eq!(days_left(0, 30 * day), 1);
    }

    #[test]
    fn large_counts_are_grouped() {
        assert_eq!(counted(1, "record", "records"), "1 record");
        assert_eq!(counted(0, "record", "records"), "0 records");
        assert_eq!(counted(1_234_567, "record", "records"), "1,234,567 records");
    }
}
