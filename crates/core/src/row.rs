//! The published table: one [`TableRow`] per accepted record, stable scalar columns plus `messages`.

use crate::model::Message;
use crate::record::{INSTRUCTION, RESPONSE, Record};
use crate::review::Accepted;
use serde::{Deserialize, Serialize};

/// Version of the columns and of how they are filled: rows made by an older one are made anew.
pub const ROW_RULE: u32 = 1;

/// Column names of the published table, in order. `messages` is a list of `{role, content}`; everything else is a
/// string except `rating_count` (int32) and `edited` (boolean).
pub const COLUMNS: [&str; 12] = [
    "id",
    "instruction",
    "response",
    "topic",
    "perspective",
    "model",
    "quality",
    "rating_count",
    "edited",
    "seed_hash",
    "prompt_version",
    "messages",
];

/// One row of the published table. `messages` is what TRL's SFT trainer reads; the rest serves viewers and filters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableRow {
    /// Record id.
    pub id: String,
    /// Final instruction (the expert's text if improved).
    pub instruction: String,
    /// Final response (the expert's text if improved).
    pub response: String,
    /// Topic of the cell.
    pub topic: String,
    /// Perspective of the cell.
    pub perspective: String,
    /// Model that generated the draft; empty for imported rows without one.
    pub model: String,
    /// Outcome of the quality question; always `good` here.
    pub quality: String,
    /// Submitted responses behind the outcome.
    pub rating_count: i32,
    /// Whether an expert changed either text.
    pub edited: bool,
    /// Hash of the seed the draft was made under.
    pub seed_hash: String,
    /// Version of the task text.
    pub prompt_version: String,
    /// user, assistant.
    pub messages: Vec<Message>,
}

impl TableRow {
    /// The row of an accepted record.
    pub fn new(record: &Record, accepted: &Accepted) -> Self {
        let text = |field: &str| {
            accepted
                .edits
                .get(field)
                .map_or_else(|| record.fields.text(field), String::as_str)
                .to_owned()
        };
        let (instruction, response) = (text(INSTRUCTION), text(RESPONSE));
        Self {
            id: record.id.clone(),
            topic: record.cell.topic.clone(),
            perspective: record.cell.perspective.clone(),
            model: record.provenance.model.clone(),
            quality: "good".to_owned(),
            rating_count: accepted.rating_count,
            edited: !accepted.edits.is_empty(),
            seed_hash: record.provenance.seed_hash.clone(),
            prompt_version: record.provenance.prompt_version.clone(),
            messages: vec![
                Message::user(instruction.clone()),
                Message::assistant(response.clone()),
            ],
            instruction,
            response,
        }
    }

    /// Hash of everything in the row: two rows with the same hash need no new commit.
    pub fn content_hash(&self) -> String {
        crate::id::content_id(self)
    }
}
