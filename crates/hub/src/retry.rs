//! What to do after a commit that did not succeed, as a state machine with caps.
//!
//! A 412 or a moved head asks to merge and build again; a 409 to wait, since the other commit has not landed yet; a 429
//! and failures of the Hub to wait longer. After a failure without an answer the commit may have landed: the caller
//! reads the head before the next try, which is what `Remerge` means. A 412 while the head did not move is the Hub's way
//! to tell a token that may only open pull requests.

use crate::error::{HubError, HubErrorKind};
use seedbed_core::messages::{Failure, FailureKind};

/// Merges at most.
const MERGES: u32 = 5;
/// Waits for another commit at most.
const BUSY: u32 = 8;
/// Waits for a slow or failing Hub at most.
const SLOW: u32 = 4;
/// Longest wait, in milliseconds; a longer one is left to the person.
const LONGEST_MS: u64 = 90_000;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Wait, then read, merge and commit again.
    Wait {
        /// Milliseconds.
        ms: u64,
    },
    /// Read, merge and commit again at once.
    Remerge,
    /// Stop, and tell the person.
    GiveUp(Failure),
}

/// Counts tries of one publish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitRetry {
    merges: u32,
    unmoved: u32,
    busy: u32,
    slow: u32,
}

impl CommitRetry {
    /// What to do after `error`; `head_moved` says whether the branch is elsewhere than where we committed onto, `None`
    /// when that could not be read.
    pub fn on(&mut self, error: &HubError, head_moved: Option<bool>) -> Next {
        match error.kind {
            HubErrorKind::Stale => {
                if head_moved == Some(false) {
                    self.unmoved += 1;
                    // Once may be a race with a commit that was taken back.
                    if self.unmoved >= 2 {
                        return Next::GiveUp(
                            Failure::new(
                                FailureKind::Forbidden,
                                "Your sign-in may not commit to this repo directly.",
                            )
                            .means("Nothing was sent; your work is safe in this browser.")
                            .next("Offer a pull request instead.")
                            .detail(error.message.clone()),
                        );
                    }
                    return Next::Wait { ms: 1000 };
                }
                self.merge(error)
            }
            HubErrorKind::Busy => {
                self.busy += 1;
                if self.busy > BUSY {
                    Next::GiveUp(error.failure())
                } else {
                    Next::Wait {
                        ms: (500 << self.busy.min(6)).min(LONGEST_MS),
                    }
                }
            }
            HubErrorKind::RateLimited
            | HubErrorKind::Server
            | HubErrorKind::Network
            | HubErrorKind::TimedOut => {
                if head_moved == Some(true) {
                    // It may be ours that landed; merging finds out.
                    return self.merge(error);
                }
                self.slow += 1;
                let ms = error.wait_ms.unwrap_or(2000 << self.slow.min(5));
                if self.slow > SLOW || ms > LONGEST_MS {
                    Next::GiveUp(error.failure())
                } else {
                    Next::Wait { ms }
                }
            }
            _ => Next::GiveUp(error.failure()),
        }
    }

    fn merge(&mut self, error: &HubError) -> Next {
        self.merges += 1;
        if self.merges > MERGES {
            Next::GiveUp(error.failure().next(
                "Others commit to this repo very often right now. Try again in a minute, or offer a pull request.",
            ))
        } else {
            Next::Remerge
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16) -> HubError {
        HubError::answer("committing", status, &[], b"{\"error\":\"x\"}")
    }

    #[test]
    fn a_moved_head_is_merged_and_not_forever() {
        let mut retry = CommitRetry::default();
        for _ in 0..MERGES {
            assert_eq!(retry.on(&error(412), Some(true)), Next::Remerge);
        }
        assert!(matches!(retry.on(&error(412), Some(true)), Next::GiveUp(_)));
    }

    #[test]
    fn a_stale_answer_without_a_move_means_no_right_to_write() {
        let mut retry = CommitRetry::default();
        assert!(matches!(
            retry.on(&error(412), Some(false)),
            Next::Wait { .. }
        ));
        let Next::GiveUp(failure) = retry.on(&error(412), Some(false)) else {
            panic!("went on");
        };
        assert_eq!(failure.kind, FailureKind::Forbidden);
        assert!(failure.next.contains("pull request"));
    }

    #[test]
    fn a_busy_repo_is_waited_for_though_its_head_has_not_moved() {
        let mut retry = CommitRetry::default();
        let mut waited = 0;
        while let Next::Wait { ms } = retry.on(&error(409), Some(false)) {
            waited += ms;
        }
        assert!(waited > 30_000, "gave up after {waited} ms");
    }

    #[test]
    fn a_lost_answer_is_looked_for_and_a_long_wait_is_the_persons() {
        let mut retry = CommitRetry::default();
        assert_eq!(retry.on(&error(504), Some(true)), Next::Remerge);
        assert!(matches!(
            retry.on(&error(504), Some(false)),
            Next::Wait { .. }
        ));
        let hourly = HubError {
            wait_ms: Some(3_600_000),
            ..error(429)
        };
        assert!(matches!(retry.on(&hourly, Some(false)), Next::GiveUp(_)));
        assert!(matches!(retry.on(&error(403), None), Next::GiveUp(_)));
    }
}
