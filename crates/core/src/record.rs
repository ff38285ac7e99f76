//! Records: one instruction with one generated response, and everything known of how it was made.

use crate::id::content_id;
use crate::model::{FinishReason, Message, Sampling, Usage};
use crate::prompt::Cell;
use serde::{Deserialize, Serialize};

/// How a record was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Hash of the seed it was made under.
    pub seed_hash: String,
    /// Model id as asked, without provider suffix.
    pub model: String,
    /// Model revision or file hash, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Quantization, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Provider or host that answered (host only, never a full address with a key in it).
    pub provider: String,
    /// Sampling settings as sent; absent for imported records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Version of the task text.
    pub prompt_version: String,
    /// Which of the answers to the same instruction this is, from 0.
    pub sample_index: u32,
    /// Why the reply ended.
    pub finish_reason: FinishReason,
    /// Tokens of the request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Flags that keep it out of the commit unless a person accepts it: `truncated`, `refusal`, `empty`, ….
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// File it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<String>,
}

/// One record, as stored and as written to `.seedbed/records/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Content id ([`record_id`]).
    pub id: String,
    /// The prompt it answers; absent for imported rows.
    pub prompt_id: Option<String>,
    /// The run that made it; absent for imported rows.
    pub run_id: Option<String>,
    /// Its cell.
    pub cell: Cell,
    /// Field `instruction`.
    pub instruction: String,
    /// Field `response`, as generated.
    pub response: String,
    /// How it was made.
    pub provenance: Provenance,
    /// Milliseconds since 1970 when it was stored first.
    pub created_ms: u64,
}

/// What names a record: everything that decides its text, and nothing else. Never a counter, never a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordKey<'a> {
    /// Pipeline stage, e.g. `answer`.
    pub stage: &'a str,
    /// Model id with provider suffix, as sent.
    pub model: &'a str,
    /// Sampling settings as sent.
    pub sampling: &'a Sampling,
    /// Version of the task text.
    pub prompt_version: &'a str,
    /// The full request messages.
    pub messages: &'a [Message],
    /// Which sample of the same request, from 0.
    pub sample_index: u32,
}

/// The id of the record that `key` will produce.
pub fn record_id(key: &RecordKey<'_>) -> String {
    content_id(key)
}

/// The id of an imported row: the same text from two files is one record.
pub fn imported_record_id(instruction: &str, response: &str) -> String {
    content_id(&("import/1", instruction, response))
}
