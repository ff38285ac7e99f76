//! What a pause says to the person.

use seedbed_core::chat::ChatError;
use seedbed_core::messages::{Failure, FailureKind};

const KEPT: &str =
    "The run is paused. Finished rows are kept, and the rows left stay in the queue.";

/// The error's own words, with what a pause means where they say nothing of it.
pub(super) fn needs_a_person(failure: &Failure) -> Failure {
    let mut failure = failure.clone();
    if failure.means.is_empty() {
        failure.means = KEPT.into();
    }
    if failure.next.is_empty() {
        failure.next = "Mend what is wrong, then resume the run.".into();
    }
    failure
}

/// A row that was tried in vain until its attempts were used up.
pub(super) fn after_attempts(failure: &Failure, attempts: u32) -> Failure {
    let mut failure = failure.clone();
    if failure.means.is_empty() {
        let times = if attempts == 1 { "time" } else { "times" };
        failure.means = format!("The row was tried {attempts} {times} and is given up for now.");
    }
    if failure.next.is_empty() {
        failure.next = "Retry the failed rows later.".into();
    }
    failure
}

/// A row that was being written each time the model's worker ended.
pub(super) fn died(times: u32, reason: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("The model in this tab stopped working {times} times while it had this row: {reason}."),
    )
    .means("The row is given up for now; the others go on.")
    .next("Ask again for it later; a smaller model, or a shorter longest answer, needs less of this device.")
}

/// The model's worker ends again and again, and nothing comes of it.
pub(super) fn dies_in_vain(times: u32, reason: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!(
            "The model in this tab stopped working {times} times without one whole answer: {reason}."
        ),
    )
    .means(KEPT)
    .next("Close what else needs this device, or load a smaller model, then resume the run.")
}

/// The same bad request over and over.
pub(super) fn alike(failure: &Failure, count: u32) -> Failure {
    Failure {
        kind: failure.kind,
        what: format!(
            "{count} rows in a row were refused for the same reason: {}",
            failure.what
        ),
        means: format!("{KEPT} The refused rows are marked as failed."),
        next: if failure.next.is_empty() {
            "Check the model and the run settings, resume, then retry the failed rows.".into()
        } else {
            failure.next.clone()
        },
        detail: failure.detail.clone(),
        offer: None,
    }
}

/// Too many rows fail for the run to go on.
pub(super) fn mostly_failing(last: &Failure, failed: usize, of: usize) -> Failure {
    Failure {
        kind: last.kind,
        what: format!(
            "{failed} of the last {of} rows failed; the last one: {}",
            last.what
        ),
        means: KEPT.into(),
        next: if last.next.is_empty() {
            "Check the model and the run settings, resume, then retry the failed rows.".into()
        } else {
            last.next.clone()
        },
        detail: last.detail.clone(),
        offer: None,
    }
}

/// The server's wait is too long to sit out.
pub(super) fn long_wait(failure: &Failure, wait_ms: u64) -> Failure {
    Failure {
        kind: FailureKind::RateLimited,
        what: format!("The server asks to wait {}.", duration(wait_ms)),
        means: KEPT.into(),
        next: "Resume the run after that time, or choose another model or provider.".into(),
        detail: Some(
            failure
                .detail
                .clone()
                .unwrap_or_else(|| failure.what.clone()),
        ),
        offer: None,
    }
}

/// Waited and asked again for long, in vain.
pub(super) fn out_of_patience(error: &ChatError, waited_ms: u64) -> Failure {
    let time = duration(waited_ms);
    let (kind, what, next) = if error.is_network {
        (
            FailureKind::Network,
            format!("No answer came for {time}, although earlier requests worked."),
            "Check the connection and the server, then resume the run.",
        )
    } else {
        (
            FailureKind::RateLimited,
            format!("The server has asked to slow down for {time} without answering once."),
            "Resume the run later, send fewer requests at once, or choose another model or provider.",
        )
    };
    Failure {
        kind,
        what,
        means: KEPT.into(),
        next: next.into(),
        detail: Some(
            error
                .failure
                .detail
                .clone()
                .unwrap_or_else(|| error.failure.what.clone()),
        ),
        offer: None,
    }
}

/// A length of time in words, rounded up.
fn duration(ms: u64) -> String {
    let (count, unit) = match ms {
        0..120_000 => (ms.div_ceil(1_000), "second"),
        120_000..7_200_000 => (ms.div_ceil(60_000), "minute"),
        _ => (ms.div_ceil(3_600_000), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// What makes two refusals alike: class and words, not the ids and numbers in them.
pub(super) fn likeness(failure: &Failure) -> String {
    let words = format!(
        "{:?} {} {}",
        failure.kind,
        failure.what,
        failure.detail.as_deref().unwrap_or_default()
    );
    words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.contains(|c: char| c.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_alike_when_only_ids_and_numbers_differ() {
        let refusal = |detail: &str| {
            Failure::new(FailureKind::Invalid, "The server refused the request.").detail(detail)
        };
        let first = refusal(r#"{"error":"`max_tokens` must be <= 4096","request_id":"a1b2-77"}"#);
        let second = refusal(r#"{"error":"`max_tokens` must be <= 8192","request_id":"99ff"}"#);
        let other = refusal(r#"{"error":"unknown field `top_p`","request_id":"99ff"}"#);
        assert_eq!(likeness(&first), likeness(&second));
        assert_ne!(likeness(&first), likeness(&other));
    }

    #[test]
    fn a_wait_is_said_in_words_a_person_uses() {
        assert_eq!(duration(1_000), "1 second");
        assert_eq!(duration(119_001), "120 seconds");
        assert_eq!(duration(125_000), "3 minutes");
        assert_eq!(duration(7_200_000), "2 hours");
    }
}
