//! The published table: one [`TableRow`] per accepted record, stable scalar columns plus `messages`.

use crate::model::{Message, Role};
use crate::record::{INSTRUCTION, RESPONSE, Record};
use crate::review::Accepted;
use crate::turns;
use serde::{Deserialize, Serialize};

/// Version of the columns and of how they are filled: rows made by an older one are made anew.
pub const ROW_RULE: u32 = 2;

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
    /// Who said what; user and assistant, or the turns of a conversation.
    pub messages: Vec<Message>,
}

impl TableRow {
    /// The row of an accepted record.
    pub fn new(record: &Record, accepted: &Accepted) -> Self {
        let mut fields = record.fields.clone();
        fields.0.extend(accepted.edits.clone());
        let (instruction, response, messages) = match fields.turns(RESPONSE) {
            // The last answer is the one that a reader of two columns looks for; `messages` has them all.
            Some(turns) => (
                turns::first(&turns, Role::User).to_owned(),
                turns::last(&turns, Role::Assistant).to_owned(),
                turns::messages(&turns),
            ),
            None => {
                let text = |field| fields.text(field).to_owned();
                let (instruction, response) = (text(INSTRUCTION), text(RESPONSE));
                let messages = vec![
                    Message::user(instruction.clone()),
                    Message::assistant(response.clone()),
                ];
                (instruction, response, messages)
            }
        };
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
            messages,
            instruction,
            response,
        }
    }

    /// Hash of everything in the row: two rows with the same hash need no new commit.
    pub fn content_hash(&self) -> String {
        crate::id::content_id(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Field, Fields};
    use crate::turns::Turn;

    #[test]
    fn a_conversation_is_published_whole_with_its_first_question_and_its_last_answer() {
        let turns = [
            (Role::System, "Be brief."),
            (Role::User, "How deep?"),
            (Role::Assistant, "2 cm."),
            (Role::User, "Why?"),
            (Role::Assistant, "Frost."),
        ]
        .map(|(role, text)| Turn {
            role,
            text: text.to_owned(),
        });
        let record = Record {
            fields: Fields::of_turns(&turns),
            ..Record::default()
        };
        let row = TableRow::new(&record, &Accepted::default());
        assert_eq!(
            (row.instruction.as_str(), row.response.as_str()),
            ("How deep?", "Frost.")
        );
        assert_eq!(row.messages, turns::messages(&turns));
        assert!(!row.edited);

        let edited = turns::with_text(&turns::field(&turns), 2, "About 2 cm.");
        let accepted = Accepted {
            edits: [(RESPONSE.to_owned(), Field::Other(edited))].into(),
            rating_count: 1,
        };
        let row = TableRow::new(&record, &accepted);
        assert_eq!(row.messages[2].content, "About 2 cm.");
        assert_eq!(row.response, "Frost.");
        assert!(row.edited);
    }
}
