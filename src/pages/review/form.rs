//! The reviewer's answers to one record while they are being given, before they become a [`Response`].
//!
//! An edited text that equals the generated one is no edit. A form knows whether it holds something that is not
//! stored yet, so that leaving a record saves a draft only when there is one.
//!
//! Of a conversation each turn is a text. What is stored is its whole content, in which the edited texts are replaced:
//! what else is known of the turns stays.

use seedbed_core::messages::RecordView;
use seedbed_core::model::Role;
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE, QUALITY};
use seedbed_core::record::{Field as Content, INSTRUCTION, RESPONSE, Record};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_core::turns::{self, Turn};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reasons that fit most discards.
pub const REASONS: [&str; 6] = [
    "Wrong or made up",
    "Off topic",
    "Incomplete",
    "Repeats another record",
    "Unsafe or private",
    "Instruction makes no sense",
];

/// Answers in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The record.
    pub record: String,
    /// The identity that answers.
    pub identity: String,
    /// Chosen quality.
    pub quality: Option<Quality>,
    /// Edited instruction, if it differs from the generated one.
    pub instruction: Option<String>,
    /// Edited answer, if it differs from the generated one.
    pub response: Option<String>,
    /// Content of the conversation with edited turns, if any differs from what was generated.
    pub chat: Option<Value>,
    /// Reason of a discard.
    pub reason: String,
    /// Answers to questions that are not shown here; they stay as they are.
    pub rest: BTreeMap<String, Value>,
    /// Holds something that is not stored.
    pub is_dirty: bool,
}

/// Which text of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The instruction.
    Instruction,
    /// The answer.
    Response,
    /// A turn of a conversation, from 0.
    Turn(usize),
}

impl Field {
    /// The generated text.
    pub fn generated(self, record: &Record) -> &str {
        match self {
            Self::Instruction => record.instruction(),
            Self::Response => record.response(),
            Self::Turn(at) => content_of(record).map_or("", |content| turn_text(content, at)),
        }
    }

    /// What it is called.
    pub fn label(self) -> Cow<'static, str> {
        match self {
            Self::Instruction => "instruction".into(),
            Self::Response => "answer".into(),
            Self::Turn(at) => format!("turn {}", at + 1).into(),
        }
    }

    /// The text that takes its place in `record`: of a conversation the first turn of the user, or the last answer.
    pub fn in_record(self, record: &Record) -> Self {
        let Some(turns) = record.fields.turns(RESPONSE) else {
            return self;
        };
        match self {
            Self::Instruction => Self::Turn(first_asked(&turns)),
            Self::Response => Self::Turn(last_answered(&turns)),
            Self::Turn(_) => self,
        }
    }
}

/// The turn in which the user speaks first.
pub fn first_asked(turns: &[Turn]) -> usize {
    let found = turns.iter().position(|turn| turn.role == Role::User);
    found.unwrap_or(0)
}

/// The turn in which the assistant speaks last.
pub fn last_answered(turns: &[Turn]) -> usize {
    let found = turns.iter().rposition(|turn| turn.role == Role::Assistant);
    found.unwrap_or(turns.len().saturating_sub(1))
}

/// The content of the answer, if it is no text.
fn content_of(record: &Record) -> Option<&Value> {
    match record.fields.0.get(RESPONSE) {
        Some(Content::Other(content)) => Some(content),
        _ => None,
    }
}

fn turn_text(content: &Value, at: usize) -> &str {
    content
        .get("turns")
        .and_then(|turns| turns.get(at)?.get("text")?.as_str())
        .unwrap_or_default()
}

impl Form {
    /// The form of a record as stored: the response or draft of `identity`, else empty.
    pub fn of(row: &RecordView, identity: &str) -> Self {
        Self::filled(
            &row.record.id,
            identity,
            &row.mine.clone().unwrap_or_default(),
        )
    }

    /// The form that `response` came from.
    pub fn filled(record: &str, identity: &str, response: &Response) -> Self {
        let text = |question| response.text(question).map(str::to_owned);
        let mut rest = response.answers.clone();
        for question in [QUALITY, IMPROVED_INSTRUCTION] {
            rest.remove(question);
        }
        // An answer of a kind that a newer build knows stays with the rest.
        let chat = rest
            .get(IMPROVED_RESPONSE)
            .filter(|content| turns::of(content).is_some())
            .cloned();
        if chat.is_some() || response.improved_response().is_some() {
            rest.remove(IMPROVED_RESPONSE);
        }
        Self {
            record: record.to_owned(),
            identity: identity.to_owned(),
            quality: response.quality(),
            instruction: text(IMPROVED_INSTRUCTION),
            response: text(IMPROVED_RESPONSE),
            chat,
            reason: response.reason.clone().unwrap_or_default(),
            rest,
            is_dirty: false,
        }
    }

    /// Takes the words of another response, all of them.
    pub fn use_words(&mut self, other: &Response, record: &Record) {
        let edits = other.edits(&record.fields);
        match edits.get(INSTRUCTION) {
            Some(Content::Text(text)) => self.edit(Field::Instruction, text, record),
            _ => self.reset(Field::Instruction, record),
        }
        let (mut response, mut chat) = (None, None);
        match edits.get(RESPONSE) {
            Some(Content::Text(text)) => response = Some(text.clone()),
            Some(Content::Other(content)) => chat = Some(content.clone()),
            None => {}
        }
        if (&self.response, &self.chat) != (&response, &chat) {
            (self.response, self.chat) = (response, chat);
            self.is_dirty = true;
        }
    }

    /// The conversation as it stands: edited or generated; `None` for a record that holds none.
    pub fn turns(&self, record: &Record) -> Option<Vec<Turn>> {
        let generated = record.fields.turns(RESPONSE)?;
        let edited = self.chat.as_ref().and_then(turns::of);
        Some(edited.unwrap_or(generated))
    }

    /// Nothing was answered or typed.
    pub fn is_blank(&self) -> bool {
        self.quality.is_none()
            && self.instruction.is_none()
            && self.response.is_none()
            && self.chat.is_none()
            && self.reason.trim().is_empty()
            && self.rest.is_empty()
    }

    /// The text as it stands: edited or generated.
    pub fn text<'a>(&'a self, field: Field, record: &'a Record) -> &'a str {
        self.edited(field, record)
            .unwrap_or_else(|| field.generated(record))
    }

    /// The edited text, if there is one.
    pub fn edited(&self, field: Field, record: &Record) -> Option<&str> {
        match field {
            Field::Instruction => self.instruction.as_deref(),
            Field::Response => self.response.as_deref(),
            Field::Turn(at) => {
                let text = turn_text(self.chat.as_ref()?, at);
                (text != field.generated(record)).then_some(text)
            }
        }
    }

    /// Takes a typed text.
    pub fn edit(&mut self, field: Field, text: &str, record: &Record) {
        let generated = field.generated(record);
        // Editors hand line ends back as `\n` whatever came.
        let is_same = text == generated || text == generated.replace("\r\n", "\n");
        let edited = (!is_same).then(|| text.to_owned());
        let slot = match field {
            Field::Instruction => &mut self.instruction,
            Field::Response => &mut self.response,
            Field::Turn(at) => {
                let text = if is_same { generated } else { text };
                self.edit_turn(at, text, record);
                return;
            }
        };
        if *slot != edited {
            *slot = edited;
            self.is_dirty = true;
        }
    }

    fn edit_turn(&mut self, at: usize, text: &str, record: &Record) {
        let Some(generated) = content_of(record) else {
            return;
        };
        let now = self.chat.as_ref().unwrap_or(generated);
        let edited = turns::with_text(now, at, text);
        let edited = (edited != *generated).then_some(edited);
        if self.chat != edited {
            self.chat = edited;
            // A text in place of the conversation would hide it.
            self.response = None;
            self.is_dirty = true;
        }
    }

    /// Back to the generated text.
    pub fn reset(&mut self, field: Field, record: &Record) {
        let generated = field.generated(record).to_owned();
        self.edit(field, &generated, record);
    }

    /// Why this can't be submitted as good, in plain words.
    pub fn blocked(&self, record: &Record) -> Option<String> {
        if let Some(turns) = self.turns(record) {
            let empty = turns.iter().position(|turn| turn.text.trim().is_empty())?;
            return Some(format!(
                "Turn {} of the conversation is empty. Write it, reset it, or discard the record.",
                empty + 1
            ));
        }
        if content_of(record).is_some() {
            return Some(
                "This answer is of a kind that only a newer Seedbed can show. Reload the page for a newer version, or skip the record.".to_owned(),
            );
        }
        if self.text(Field::Instruction, record).trim().is_empty() {
            Some("The instruction is empty. Write one, or reset it.".to_owned())
        } else if self.text(Field::Response, record).trim().is_empty() {
            Some("The answer is empty. Write one, or discard the record.".to_owned())
        } else {
            None
        }
    }

    fn response(&self, status: ResponseStatus) -> Response {
        let reason = self.reason.trim();
        let mut response = Response {
            status,
            answers: self.rest.clone(),
            reason: (status != ResponseStatus::Submitted && !reason.is_empty())
                .then(|| reason.to_owned()),
        };
        response.set_quality(self.quality);
        response.set_text(IMPROVED_INSTRUCTION, self.instruction.as_deref());
        if let Some(text) = &self.response {
            response.set_text(IMPROVED_RESPONSE, Some(text));
        } else if let Some(content) = &self.chat {
            response
                .answers
                .insert(IMPROVED_RESPONSE.to_owned(), content.clone());
        }
        response
    }

    /// The response that counts, with the texts as edited.
    pub fn submit(&self, quality: Quality) -> Response {
        let mut response = self.response(ResponseStatus::Submitted);
        response.set_quality(Some(quality));
        response
    }

    /// The response that throws the record out; edits are kept with it.
    pub fn discard(&self, reason: &str) -> Response {
        let mut form = self.clone();
        reason.clone_into(&mut form.reason);
        form.quality = None;
        form.response(ResponseStatus::Discarded)
    }

    /// What is saved while nothing is decided.
    pub fn draft(&self) -> Response {
        self.response(ResponseStatus::Draft)
    }
}

/// What to say after a decision on a record that is no longer in sight, e.g. "Accepted."
pub fn said(response: &Response) -> &'static str {
    match (response.status, response.quality()) {
        (ResponseStatus::Discarded, _) => "Discarded.",
        (ResponseStatus::Submitted, Some(Quality::Good))
            if response.answers.contains_key(IMPROVED_INSTRUCTION)
                || response.answers.contains_key(IMPROVED_RESPONSE) =>
        {
            "Rated good, with your edits."
        }
        (ResponseStatus::Submitted, Some(Quality::Good)) => "Rated good.",
        (ResponseStatus::Submitted, _) => "Rated bad.",
        _ => "Draft saved.",
    }
}

/// What to say after an undo or redo, given the record as it is now.
pub fn said_after(row: &RecordView, is_redo: bool) -> String {
    let act = if is_redo { "Redone" } else { "Undone" };
    let now = match row.mine.as_ref().map(|mine| mine.status) {
        Some(ResponseStatus::Submitted | ResponseStatus::Discarded) => {
            format!(
                "this record is {} again",
                state_label(row.state).to_lowercase()
            )
        }
        Some(ResponseStatus::Draft) => "your draft is back".to_owned(),
        _ => "you have not answered this record".to_owned(),
    };
    format!("{act}: {now}.")
}

/// The name of a state.
pub fn state_label(state: RecordState) -> &'static str {
    match state {
        RecordState::Pending => "Waiting",
        RecordState::Accepted => "Accepted",
        RecordState::Rejected => "Rejected",
        RecordState::Discarded => "Discarded",
        RecordState::Disputed => "Disputed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::record::Fields;

    fn record() -> Record {
        Record {
            id: "r".into(),
            fields: Fields::of_pair("When to sow barley?", "In May.\r\nOr later."),
            ..Record::default()
        }
    }

    #[test]
    fn a_text_typed_back_to_the_generated_one_is_no_edit() {
        let record = record();
        let mut form = Form::default();
        form.edit(Field::Response, "In April.", &record);
        assert_eq!(form.text(Field::Response, &record), "In April.");
        form.edit(Field::Response, "In May.\nOr later.", &record);
        assert_eq!(form.edited(Field::Response, &record), None);
        assert_eq!(form.submit(Quality::Good).improved_response(), None);
    }

    #[test]
    fn nothing_typed_is_nothing_to_save() {
        let record = record();
        let mut form = Form::default();
        form.edit(Field::Instruction, "When to sow barley?", &record);
        assert!(!form.is_dirty);
        form.edit(Field::Instruction, "When is barley sown?", &record);
        assert!(form.is_dirty);
    }

    #[test]
    fn a_discard_keeps_the_edits_and_drops_the_quality() {
        let record = record();
        let mut form = Form {
            quality: Some(Quality::Good),
            ..Form::default()
        };
        form.edit(Field::Response, "No.", &record);
        let response = form.discard("  Off topic ");
        assert_eq!(response.status, ResponseStatus::Discarded);
        assert_eq!(response.reason.as_deref(), Some("Off topic"));
        assert_eq!(response.improved_response(), Some("No."));
        assert_eq!(response.quality(), None);
        assert_eq!(form.discard("").reason, None);
    }

    #[test]
    fn a_submit_never_carries_a_discard_reason() {
        let form = Form {
            reason: "Off topic".into(),
            ..Form::default()
        };
        assert_eq!(form.submit(Quality::Bad).reason, None);
        assert_eq!(form.draft().reason.as_deref(), Some("Off topic"));
    }

    #[test]
    fn the_words_of_another_are_taken_whole() {
        let record = record();
        let mut other = Response::rated(Quality::Good);
        other.set_text(IMPROVED_INSTRUCTION, Some("When is barley sown?"));
        let mut form = Form::default();
        form.edit(Field::Response, "In April.", &record);
        form.use_words(&other, &record);
        // Two people's edits are never mixed into one text.
        let mine = form.submit(Quality::Good);
        assert_eq!(mine.edits(&record.fields), other.edits(&record.fields));
    }

    #[test]
    fn answers_to_questions_of_a_newer_build_stay() {
        let mut response = Response::rated(Quality::Bad);
        response
            .answers
            .insert("spans".into(), serde_json::json!([[1, 2]]));
        let form = Form::filled("r", "ann", &response);
        assert_eq!(form.submit(Quality::Bad), response);
    }

    #[test]
    fn an_empty_text_cannot_be_accepted() {
        let record = record();
        let mut form = Form::default();
        assert_eq!(form.blocked(&record), None);
        form.edit(Field::Response, "  ", &record);
        assert!(form.blocked(&record).is_some());
    }

    fn chat() -> Record {
        let content = serde_json::json!({"kind": "turns", "lang": "en", "turns": [
            {"role": "system", "text": "Be brief."},
            {"id": "a", "role": "user", "text": "When to sow\r\nbarley?"},
            {"role": "assistant", "text": "In May.", "train": false},
            {"role": "user", "text": "And rye?"},
            {"role": "assistant", "text": "In autumn."}]});
        let mut record = record();
        record
            .fields
            .0
            .insert(RESPONSE.to_owned(), Content::Other(content));
        record
    }

    #[test]
    fn an_edited_turn_is_stored_as_the_whole_conversation_with_what_else_is_known() {
        let record = chat();
        let mut form = Form::default();
        assert_eq!(
            Field::Response.in_record(&record),
            Field::Turn(4),
            "the last answer"
        );
        assert_eq!(Field::Instruction.in_record(&record), Field::Turn(1));
        form.edit(Field::Turn(2), "In April.", &record);
        let response = form.submit(Quality::Good);
        let content = &response.answers[IMPROVED_RESPONSE];
        assert_eq!(content["lang"], "en");
        assert_eq!(content["turns"][1]["id"], "a");
        assert_eq!(content["turns"][2]["train"], false);
        assert_eq!(content["turns"][2]["text"], "In April.");
        assert_eq!(said(&response), "Rated good, with your edits.");
        let again = Form::filled("r", "ann", &response);
        assert_eq!(again.text(Field::Turn(2), &record), "In April.");
        assert_eq!(again.edited(Field::Turn(4), &record), None);
        assert_eq!(again.submit(Quality::Good), response);
    }

    #[test]
    fn each_turn_is_reset_by_itself_and_the_last_reset_leaves_no_edit() {
        let record = chat();
        let mut form = Form::default();
        form.edit(Field::Turn(2), "In April.", &record);
        form.edit(Field::Turn(4), "In October.", &record);
        form.reset(Field::Turn(4), &record);
        assert_eq!(form.edited(Field::Turn(2), &record), Some("In April."));
        assert_eq!(form.edited(Field::Turn(4), &record), None);
        // As an editor hands it back.
        form.edit(Field::Turn(1), "When to sow\nbarley?", &record);
        form.reset(Field::Turn(2), &record);
        assert_eq!(form.chat, None);
        assert!(form.is_blank());
    }

    #[test]
    fn an_empty_turn_cannot_be_accepted_and_is_named() {
        let record = chat();
        let mut form = Form::default();
        assert_eq!(form.blocked(&record), None);
        form.edit(Field::Turn(3), " \n", &record);
        assert!(form.blocked(&record).unwrap().starts_with("Turn 4 "));
    }

    #[test]
    fn the_conversation_of_another_is_taken_whole() {
        let record = chat();
        let mut theirs = Form::default();
        theirs.edit(Field::Turn(2), "In April.", &record);
        let other = theirs.submit(Quality::Good);
        let mut form = Form::default();
        form.edit(Field::Turn(4), "In October.", &record);
        form.use_words(&other, &record);
        let mine = form.submit(Quality::Good);
        assert_eq!(mine.edits(&record.fields), other.edits(&record.fields));
        form.use_words(&Response::rated(Quality::Good), &record);
        assert_eq!(form.chat, None);
    }

    #[test]
    fn an_answer_of_a_kind_of_a_newer_build_stays_and_is_not_called_empty() {
        let mut record = record();
        let content = serde_json::json!({"kind": "table", "cells": []});
        record
            .fields
            .0
            .insert(RESPONSE.to_owned(), Content::Other(content.clone()));
        assert!(Form::default().blocked(&record).unwrap().contains("newer"));
        let mut response = Response::rated(Quality::Bad);
        response
            .answers
            .insert(IMPROVED_RESPONSE.to_owned(), content);
        let form = Form::filled("r", "ann", &response);
        assert_eq!(form.submit(Quality::Bad), response);
    }
}
