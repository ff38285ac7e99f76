//! The record of requests that tests read at `GET /__local/log`. It never holds a token, a code or a signature.

use crate::clock::now_ms;
use crate::http::Call;
use serde::Serialize;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The oldest entries go when there are more than this many.
const LIMIT: usize = 200_000;
/// Values of these query keys are left out.
const SECRET: [&str; 4] = ["code", "sig", "token", "ticket"];

/// One request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logged {
    seq: u64,
    at_ms: u64,
    /// `hub` or `storage`.
    origin: &'static str,
    method: String,
    path: String,
    query: String,
    /// Whether it carried an `Authorization` header.
    authorized: bool,
    page_origin: Option<String>,
    range: Option<String>,
    /// Bytes of its body, where it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<u64>,
    /// `null` while it is in progress, and for good when the client left or the connection was cut.
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<Chat>,
}

/// What a model was asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chat {
    /// SHA-256 of the body.
    pub(crate) body_sha256: String,
    /// SHA-256 of the messages alone, as compact JSON in the order sent.
    pub(crate) messages_sha256: String,
    pub(crate) model: String,
    pub(crate) messages: Value,
    pub(crate) seed: Option<i64>,
    pub(crate) is_streamed: bool,
    /// Whether the whole answer was handed to the connection, the end mark included.
    pub(crate) is_finished: bool,
}

/// All requests since the start or the last reset.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Mutex<Vec<Logged>>,
    next: AtomicU64,
}

impl Log {
    /// Notes that a request came; gives its number.
    pub(crate) fn begin(&self, origin: &'static str, call: &Call) -> u64 {
        let seq = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = Logged {
            seq,
            at_ms: now_ms(),
            origin,
            method: call.method.to_string(),
            path: call.path.clone(),
            query: scrubbed(&call.raw_query),
            authorized: call.headers.contains_key("authorization"),
            page_origin: call.header("origin").map(str::to_owned),
            range: call.header("range").map(str::to_owned),
            body_bytes: call
                .header("content-length")
                .and_then(|length| length.parse().ok()),
            status: None,
            chat: None,
        };
        if let Ok(mut entries) = self.entries.lock() {
            if entries.len() >= LIMIT {
                entries.drain(..LIMIT / 10);
            }
            entries.push(entry);
        }
        seq
    }

    fn edit(&self, seq: u64, change: impl FnOnce(&mut Logged)) {
        if let Ok(mut entries) = self.entries.lock()
            && let Some(entry) = entries.iter_mut().rev().find(|entry| entry.seq == seq)
        {
            change(entry);
        }
    }

    /// Notes how a request was answered.
    pub(crate) fn end(&self, seq: u64, status: u16) {
        self.edit(seq, |entry| entry.status = Some(status));
    }

    /// Notes what a model was asked.
    pub(crate) fn chat(&self, seq: u64, chat: Chat) {
        self.edit(seq, |entry| entry.chat = Some(chat));
    }

    /// Notes that a model's answer went out whole.
    pub(crate) fn finished(&self, seq: u64) {
        self.edit(seq, |entry| {
            if let Some(chat) = &mut entry.chat {
                chat.is_finished = true;
            }
        });
    }

    /// The entries after `since` whose path begins with `prefix`.
    pub(crate) fn since(&self, since: u64, prefix: &str) -> Vec<Logged> {
        self.entries
            .lock()
            .map(|entries| {
                entries
                    .iter()
                    .filter(|entry| entry.seq > since && entry.path.starts_with(prefix))
                    .cloned()
                    .collect()
            })
            .unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.clear();
        }
    }
}

fn scrubbed(query: &str) -> String {
    query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if SECRET.contains(&key) => format!("{key}=…"),
            _ => pair.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::scrubbed;

    #[test]
    fn secrets_in_a_query_are_not_kept() {
        assert_eq!(scrubbed("expires=5&sig=abc"), "expires=5&sig=…");
        assert_eq!(scrubbed("recursive=true"), "recursive=true");
        assert_eq!(scrubbed("code=x&state=y"), "code=…&state=y");
    }
}
