//! Faults that tests order over `POST /__local/faults`.

use crate::http::{ApiError, Call, Reply, set};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// One order: what goes wrong, for which requests, how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// Only this method.
    #[serde(default)]
    method: Option<String>,
    /// Only paths that begin so (as sent, that is, percent-encoded).
    #[serde(default)]
    path_prefix: Option<String>,
    /// Only paths that contain this.
    #[serde(default)]
    path_contains: Option<String>,
    /// `hub` or `storage`; both when left out.
    #[serde(default)]
    origin: Option<String>,
    /// How many matching requests go well before the first that does not.
    #[serde(default)]
    skip: u32,
    /// How often it happens; 0 = until cleared.
    #[serde(default = "once")]
    times: u32,
    #[serde(flatten)]
    pub(crate) kind: Kind,
}

fn once() -> u32 {
    1
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The request is answered with this status and not carried out.
    Status {
        status: u16,
        #[serde(default)]
        message: Option<String>,
        /// Seconds for `Retry-After` and for the `t` of `RateLimit`.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Answer as an edge proxy would: without CORS headers.
        #[serde(default)]
        without_cors: bool,
    },
    /// The request is carried out after a while.
    Delay { delay_ms: u64 },
    /// The connection is cut before any answer.
    Cut,
    /// A commit goes another way than it should.
    Commit {
        mode: CommitFault,
        #[serde(default)]
        delay_ms: u64,
    },
    /// Another commit is in progress: 409.
    BusyCommit,
    /// Another operation is in progress while a repository is made: 409.
    BusyCreate,
    /// The scripted model misbehaves.
    Model {
        mode: ModelFault,
        #[serde(default)]
        retry_after: Option<u64>,
    },
}

/// How a commit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CommitFault {
    /// Takes `delay_ms` while the repository counts as busy, then lands and is answered.
    Slow,
    /// Lands after `delay_ms`, then is answered with 504.
    #[serde(rename = "land_then_504")]
    LandThen504,
    /// Is answered with 504 at once and lands `delay_ms` later; until then the repository is busy.
    AnswerThenLand,
    /// Lands after `delay_ms`, then the connection is cut.
    LandThenCut,
    /// Lands, then is answered with 500.
    #[serde(rename = "land_then_500")]
    LandThen500,
}

/// How the scripted model misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelFault {
    /// 429 with `Retry-After`.
    RateLimit,
    /// 402: the monthly credits are used up.
    Credits,
    /// 503: loading.
    Overloaded,
    /// 400 with code `model_not_supported`.
    Unsupported,
    /// The stream is cut inside a character of several bytes.
    CutUtf8,
    /// The stream ends properly as HTTP, but without finish reason and `[DONE]`.
    Truncated,
    /// An error event after some text.
    ErrorEvent,
    /// Nothing comes after the first piece.
    Hang,
    /// Not even headers come.
    HangAtOnce,
    /// HTML and Markdown that would run scripts if shown raw.
    Hostile,
    /// Finish reason `length` in the middle of a sentence.
    Length,
    /// A refusal instead of an answer.
    Refusal,
    /// An empty answer.
    Empty,
}

/// All orders that are still open.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, mut more: Vec<Fault>) {
        if let Ok(mut all) = self.0.lock() {
            all.append(&mut more);
        }
    }

    pub(crate) fn clear(&self) {
        if let Ok(mut all) = self.0.lock() {
            all.clear();
        }
    }

    pub(crate) fn open(&self) -> Vec<Fault> {
        self.0.lock().map(|all| all.clone()).unwrap_or_default()
    }

    /// The first order for this request that `wants` takes, counted down.
    pub(crate) fn take<T>(
        &self,
        origin: &str,
        call: &Call,
        wants: impl Fn(&Kind) -> Option<T>,
    ) -> Option<T> {
        let mut all = self.0.lock().ok()?;
        for at in 0..all.len() {
            let Some(fault) = all.get_mut(at) else { break };
            let Some(taken) = wants(&fault.kind) else {
                continue;
            };
            if !fault.concerns(origin, call.verb(), &call.path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            match fault.times {
                0 => {}
                1 => {
                    all.remove(at);
                }
                _ => fault.times -= 1,
            }
            return Some(taken);
        }
        None
    }

    /// The faults that concern any request: waits, and gives the error to answer with.
    pub(crate) async fn strike(&self, origin: &str, call: &Call) -> Result<(), Struck> {
        let general = |kind: &Kind| match kind {
            Kind::Status { .. } | Kind::Delay { .. } | Kind::Cut => Some(kind.clone()),
            _ => None,
        };
        while let Some(kind) = self.take(origin, call, general) {
            match kind {
                Kind::Delay { delay_ms } => {
                    tokio::time::sleep(std::time::Duration::from_millis(delay_ms)).await;
                }
                Kind::Status {
                    status,
                    message,
                    retry_after,
                    without_cors,
                } => {
                    let message = message.unwrap_or_else(|| default_message(status).to_owned());
                    let mut reply = ApiError::new(status, message).reply();
                    if let Some(seconds) = retry_after {
                        set(&mut reply, "retry-after", &seconds.to_string());
                    }
                    if status == 429 {
                        let wait = retry_after.unwrap_or(1);
                        set(&mut reply, "ratelimit", &format!("\"api\";r=0;t={wait}"));
                    }
                    return Err(Struck::Answer {
                        reply,
                        without_cors,
                    });
                }
                _ => return Err(Struck::Cut),
            }
        }
        Ok(())
    }
}

/// What a general fault does to a request.
#[derive(Debug)]
pub(crate) enum Struck {
    /// It is answered so.
    Answer { reply: Reply, without_cors: bool },
    /// Its connection is cut.
    Cut,
}

impl Fault {
    fn concerns(&self, origin: &str, method: &str, path: &str) -> bool {
        let fits = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(test)
        };
        fits(&self.origin, &|wanted| wanted == origin)
            && fits(&self.method, &|wanted| wanted.eq_ignore_ascii_case(method))
            && fits(&self.path_prefix, &|wanted| path.starts_with(wanted))
            && fits(&self.path_contains, &|wanted| path.contains(wanted))
    }
}

fn default_message(status: u16) -> &'static str {
    match status {
        401 => "Invalid username or password.",
        402 => {
            "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get more monthly included credits."
        }
        403 => "Forbidden",
        404 => "Not Found",
        409 => {
            "Another commit operation is in progress for this repository. Please try again later."
        }
        412 => "The branch was updated since you opened this page. Please refresh and try again.",
        413 => "Payload Too Large",
        429 => {
            "We had to rate limit you, you hit the quota of 1000 api requests per 5 minutes period."
        }
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}
