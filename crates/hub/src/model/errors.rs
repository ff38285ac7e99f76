//! Sorts what can go wrong with a model by what it means for a run ([`ErrorClass`]); the words are in `wording`.

use super::address::Address;
use super::redact::shown;
use super::said::{Said, millis, wait_in};
use super::stream::Broken;
use super::wording::KEPT;
use crate::transport::TransportError;
use seedbed_core::chat::{ChatError, ErrorClass};
use seedbed_core::messages::{Failure, FailureKind};

/// A status, the headers and what was said: a refusal in full.
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a [(String, String)],
    pub(super) said: &'a Said,
}

/// Where a request went and what it asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) address: &'a Address,
    /// Model id; empty for the list of models.
    pub(super) model: &'a str,
}

/// An error that a person has to mend before anything works.
pub(super) fn stop(failure: Failure) -> ChatError {
    ChatError {
        class: ErrorClass::Stop,
        is_network: false,
        failure,
    }
}

impl Asked<'_> {
    /// Sorts an answer that is no success.
    pub(super) fn refused(self, refusal: &Refusal<'_>) -> ChatError {
        let said = refusal.said;
        let wait_ms = wait(refusal);
        match refusal.status {
            401 | 407 => self.stop_at(refusal, self.unknown_key()),
            402 => self.stop_at(refusal, self.no_credits()),
            403 if is_about_money(said) => self.stop_at(refusal, self.no_credits()),
            403 => self.stop_at(refusal, self.forbidden()),
            404 | 405 if said.is_page && !self.model.is_empty() => {
                self.stop_at(refusal, self.no_model_here())
            }
            404 | 405 | 410 => self.stop_at(refusal, self.not_found()),
            429 if said.has_code("insufficient_quota")
                || (is_about_money(said) && wait_ms.is_none()) =>
            {
                self.stop_at(refusal, self.no_credits())
            }
            429 => self.class(
                refusal,
                ErrorClass::SlowDown { wait_ms },
                self.too_fast(wait_ms),
            ),
            503 if wait_ms.is_some() => self.class(
                refusal,
                ErrorClass::SlowDown { wait_ms },
                self.overloaded(wait_ms),
            ),
            529 => self.class(
                refusal,
                ErrorClass::SlowDown { wait_ms },
                self.overloaded(wait_ms),
            ),
            408 | 409 | 425 | 500..=599 => {
                self.class(refusal, ErrorClass::Transient, self.server_failed())
            }
            300..=399 => self.stop_at(refusal, self.moved()),
            _ => self.bad_request(refusal),
        }
    }

    /// 400, 413, 422 and what is left: the request is at fault, unless the text tells that the model or the key is.
    fn bad_request(self, refusal: &Refusal<'_>) -> ChatError {
        let said = refusal.said;
        let is_unknown_model = [
            "model_not_supported",
            "model_not_found",
            "model_not_available",
        ]
        .iter()
        .any(|code| said.has_code(code));
        if is_unknown_model
            || (said.param.as_deref() == Some("model")
                && said.mentions(&["exist", "not found", "support"]))
        {
            return self.stop_at(refusal, self.not_found());
        }
        if said.has_code("invalid_api_key")
            || said.mentions(&["api key not valid", "incorrect api key", "invalid api key"])
        {
            return self.stop_at(refusal, self.unknown_key());
        }
        if said.mentions(&[
            "credit balance",
            "insufficient credit",
            "insufficient_quota",
        ]) {
            return self.stop_at(refusal, self.no_credits());
        }
        let place = self.address.name();
        let (kind, what, next) = if ["content_filter", "content_policy_violation"]
            .iter()
            .any(|code| said.has_code(code))
        {
            (
                FailureKind::Content,
                format!("{place} withheld the answer by its content filter."),
                "Change the wording of the instruction, or choose another model.",
            )
        } else if refusal.status == 413
            || said.has_code("context_length_exceeded")
            || said.has_code("exceed_context_size_error")
            || said.mentions(&[
                "context length",
                "context window",
                "maximum context",
                "too many tokens",
                "prompt is too long",
            ])
        {
            (
                FailureKind::Invalid,
                format!(
                    "The question with its examples is too long for {}.",
                    self.model_name()
                ),
                "Shorten the description or the examples, lower the longest reply, or choose a model with a longer context.",
            )
        } else {
            (
                FailureKind::Invalid,
                format!("{place} could not use the request."),
                "Read the server's words below: they usually name the setting to change.",
            )
        };
        let failure = Failure::new(kind, what)
            .means("This row has no answer; asking the same again would not help.")
            .next(next);
        self.class(refusal, ErrorClass::BadRequest, failure)
    }

    /// Sorts a request that got no answer, or an answer that broke off (`had_answer`).
    pub(super) fn lost(self, error: &TransportError, had_answer: bool) -> ChatError {
        match error {
            TransportError::Aborted => ChatError {
                class: ErrorClass::Cancelled,
                is_network: false,
                failure: Failure::new(FailureKind::Cancelled, "The request was stopped.")
                    .means(KEPT),
            },
            TransportError::TimedOut => self.too_slow(had_answer),
            TransportError::Network(text) if had_answer => self.cut(text),
            TransportError::Network(text) => ChatError {
                class: ErrorClass::Transient,
                is_network: true,
                failure: self.unreachable().detail(self.detail(text)),
            },
        }
    }

    /// Nothing came for too long.
    pub(super) fn too_slow(self, had_answer: bool) -> ChatError {
        let place = self.address.name();
        let (kind, what) = if had_answer {
            (
                FailureKind::Server,
                format!("{place} stopped in the middle of its answer."),
            )
        } else {
            (
                FailureKind::Network,
                format!("{place} did not answer in time."),
            )
        };
        ChatError {
            class: ErrorClass::Transient,
            is_network: false,
            failure: Failure::new(kind, what)
                .means("The answer is not kept, since it is not whole.")
                .next("Try again; if it happens often, send fewer requests at once or choose a faster model."),
        }
    }

    /// Something came again and again, but the whole did not.
    pub(super) fn too_long(self) -> ChatError {
        let place = self.address.name();
        let minutes = super::WHOLE_ANSWER_MS / 60_000;
        ChatError {
            class: ErrorClass::Transient,
            is_network: false,
            failure: Failure::new(
                FailureKind::Server,
                format!("{place} did not finish its answer within {minutes} minutes."),
            )
            .means("The answer is not kept, since it is not whole.")
            .next(
                "Lower the longest reply, send fewer requests at once, or choose a faster model.",
            ),
        }
    }

    /// Sorts an answer that began well.
    pub(super) fn broken(self, broken: Broken) -> ChatError {
        match broken {
            Broken::Said(said) => match said.status() {
                Some(status) => self.refused(&Refusal {
                    status,
                    headers: &[],
                    said: &said,
                }),
                None => ChatError {
                    class: ErrorClass::Transient,
                    is_network: false,
                    failure: self.server_failed().detail(self.detail(&said.message)),
                },
            },
            Broken::Cut => self.cut(""),
            Broken::Page(title) => stop(self.no_model_here().detail(self.detail(&title))),
            Broken::Unreadable(why) => ChatError {
                class: ErrorClass::Transient,
                is_network: false,
                failure: Failure::new(
                    FailureKind::Server,
                    format!("{} sent an answer that can't be read.", self.address.name()),
                )
                .means("The answer is not kept.")
                .next("Try again; if it happens again, check that the address speaks the OpenAI chat protocol.")
                .detail(self.detail(&why)),
            },
        }
    }

    fn cut(self, detail: &str) -> ChatError {
        let failure = Failure::new(
            FailureKind::Server,
            format!("The answer of {} was cut off.", self.model_name()),
        )
        .means("The part that came is not kept, since nobody could tell that it is a part.")
        .next("Try again.");
        ChatError {
            class: ErrorClass::Transient,
            is_network: false,
            failure: if detail.is_empty() {
                failure
            } else {
                failure.detail(self.detail(detail))
            },
        }
    }

    fn stop_at(self, refusal: &Refusal<'_>, failure: Failure) -> ChatError {
        self.class(refusal, ErrorClass::Stop, failure)
    }

    fn class(self, refusal: &Refusal<'_>, class: ErrorClass, failure: Failure) -> ChatError {
        let id = header(refusal.headers, "x-request-id").unwrap_or_default();
        let id: String = id.chars().take(100).collect();
        let mut detail = format!("HTTP {}", refusal.status);
        for part in [self.detail(&refusal.said.message), self.detail(&id)] {
            if !part.is_empty() {
                detail.push_str(" · ");
                detail.push_str(&part);
            }
        }
        ChatError {
            class,
            is_network: false,
            failure: failure.detail(detail),
        }
    }

    fn detail(self, text: &str) -> String {
        shown(text, self.address.key())
    }
}

/// Whether a refusal is about credit or quota rather than speed.
fn is_about_money(said: &Said) -> bool {
    said.has_code("insufficient_quota")
        || said.mentions(&[
            "insufficient credit",
            "insufficient quota",
            "insufficient balance",
            "insufficient funds",
            "insufficient_quota",
            "exceeded your current quota",
            "exceeded your monthly",
            "credit balance",
            "out of credits",
            "billing details",
            "payment required",
        ])
}

/// What the server asked to wait: its headers where a page may read them, else its words.
fn wait(refusal: &Refusal<'_>) -> Option<u64> {
    let number =
        |name: &str| header(refusal.headers, name).and_then(|text| text.trim().parse::<f64>().ok());
    number("retry-after-ms")
        .and_then(millis)
        .or_else(|| number("retry-after").and_then(|seconds| millis(seconds * 1000.0)))
        .or_else(|| header(refusal.headers, "ratelimit").and_then(window_end))
        .or(refusal.said.wait_ms)
        .or_else(|| wait_in(&refusal.said.message))
}

/// The wait of `RateLimit: "api";r=0;t=12`, one second more as the Hub's own client does. With requests left in the
/// window (`r` > 0) it was another limit that refused.
fn window_end(text: &str) -> Option<u64> {
    let parameter = |name: &str| {
        text.split(';')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(known, _)| known.trim() == name)
            .and_then(|(_, value)| value.trim().parse::<f64>().ok())
    };
    if parameter("r").is_some_and(|left| left > 0.0) {
        return None;
    }
    parameter("t").and_then(|seconds| millis((seconds + 1.0) * 1000.0))
}

/// A header's value; names are lower case.
fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
