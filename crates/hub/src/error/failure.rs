//! What a refusal means for the person: what happened, what it means for the work, what to do next.

use super::{HubError, HubErrorKind};
use seedbed_core::messages::{Failure, FailureKind};

/// A wait as people say it.
fn spoken(ms: u64) -> String {
    let minutes = ms.div_ceil(60_000);
    match minutes {
        0 | 1 => "a minute".to_owned(),
        2..=90 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes.div_ceil(60)),
    }
}

impl HubError {
    /// The failure as the page shows it.
    pub fn failure(&self) -> Failure {
        let doing = &self.what;
        let is_gated = self.code.as_deref() == Some("GatedRepo");
        let failure = match self.kind {
            HubErrorKind::Unauthorised | HubErrorKind::Forbidden if is_gated => Failure::new(
                FailureKind::Forbidden,
                "This dataset is gated: its owners ask you to accept their terms first.",
            )
            .next("Open the dataset's page on the Hub, accept the terms, then try again."),
            HubErrorKind::Unauthorised if self.code.as_deref() == Some("RepoNotFound") => {
                Failure::new(
                    FailureKind::Auth,
                    format!("The Hub shows no such repo to someone who is not signed in ({doing})."),
                )
                .next("Check the name. If the repo is private, sign in with an account that may see it.")
            }
            HubErrorKind::Unauthorised => Failure::new(
                FailureKind::Auth,
                format!("The Hub does not accept your sign-in for {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next("Sign in again. For a private repo, sign in with an account that may see it."),
            HubErrorKind::Forbidden if self.message.contains("resource is disabled") => {
                Failure::new(FailureKind::Forbidden, "The Hub has disabled this repo.")
                    .means("Your work is safe in this browser.")
                    .next("Use another repo, or ask the Hub's support why.")
            }
            HubErrorKind::Forbidden => Failure::new(
                FailureKind::Forbidden,
                format!("Your sign-in is not allowed to do this: {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next("Offer a pull request instead, or sign in with write access to this repo."),
            HubErrorKind::NotFound => Failure::new(
                FailureKind::NotFound,
                format!("The Hub has nothing there, or does not show it to you ({doing})."),
            )
            .next(
                "Check the name. If the repo is private, sign in with an account that may see it.",
            ),
            HubErrorKind::Busy => Failure::new(
                FailureKind::Conflict,
                "Another commit to this repo is being written right now.",
            )
            .means("Nothing of yours was committed; it is safe in this browser.")
            .next("Try again in a minute."),
            HubErrorKind::Stale => Failure::new(
                FailureKind::Conflict,
                "Someone else committed to this repo meanwhile.",
            )
            .means("Nothing of yours was committed; it is safe in this browser.")
            .next("Publish again: what they committed is merged first."),
            HubErrorKind::RateLimited => Failure::new(
                FailureKind::RateLimited,
                "The Hub asks to slow down: there were too many requests or commits.",
            )
            .means("Your work is safe in this browser.")
            .next(match self.wait_ms {
                Some(ms) => format!("Try again in about {}.", spoken(ms)),
                None => {
                    "Try again in some minutes; commits are limited to about 128 an hour.".to_owned()
                }
            }),
            HubErrorKind::Refused => Failure::new(
                FailureKind::Invalid,
                format!("The Hub refused this: {doing}."),
            )
            .means("Nothing was changed on the Hub; your work is safe in this browser.")
            .next("Read the Hub's words below, mend what they name, and try again."),
            HubErrorKind::Server => {
                Failure::new(FailureKind::Server, format!("The Hub failed at {doing}."))
                    .means("Your work is safe in this browser.")
                    .next("Try again in a minute.")
            }
            HubErrorKind::Network => Failure::new(
                FailureKind::Network,
                format!("The Hub could not be reached for {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next("Check your connection, then try again."),
            HubErrorKind::TimedOut => Failure::new(
                FailureKind::Network,
                format!("The Hub stopped answering at {doing}."),
            )
            .means("Your work is safe in this browser.")
            .next(
                "Check your connection: a network that asks you to sign in first, or a computer that slept, looks like this. Then try again.",
            ),
            HubErrorKind::Malformed => Failure::new(
                FailureKind::Server,
                format!("The Hub's answer to {doing} could not be understood."),
            )
            .means("Your work is safe in this browser.")
            .next("Try again; if it stays so, reload the page to get the newest Seedbed."),
        };
        let mut detail = self.message.clone();
        if let Some(status) = self.status {
            detail = if detail.is_empty() {
                format!("HTTP {status}, without a reason")
            } else {
                format!("HTTP {status}: {detail}")
            };
        }
        if let Some(id) = &self.request_id {
            detail = format!("{detail}\nRequest {id}");
        }
        failure.detail(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_door_is_named_for_what_it_is() {
        let failure = |status: u16, code: &str, body: &str| {
            let headers = vec![("x-error-code".to_owned(), code.to_owned())];
            HubError::answer("reading the repo", status, &headers, body.as_bytes()).failure()
        };
        // Without a token the Hub tells a missing repo by 401.
        let missing = failure(401, "RepoNotFound", "{}");
        assert_eq!(missing.kind, FailureKind::Auth);
        assert!(missing.next.contains("Check the name"));
        for status in [401, 403] {
            assert!(
                failure(status, "GatedRepo", "{}")
                    .next
                    .contains("accept the terms")
            );
        }
        let disabled = failure(
            403,
            "",
            r#"{"error":"Access to this resource is disabled."}"#,
        );
        assert!(disabled.what.contains("disabled"));
    }
}
