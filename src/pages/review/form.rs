//! The reviewer's answers to one record while they are being given, before they become a [`Response`].
//!
//! An edited text that equals the generated one is no edit. A form knows whether it holds something that is not
//! stored yet, so that leaving a record saves a draft only when there is one.

use seedbed_core::messages::RecordView;
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE, QUALITY};
use seedbed_core::record::{Field as Content, INSTRUCTION, RESPONSE, Record};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
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
    /// Reason of a discard.
    pub reason: String,
    /// Answers to questions that are not shown here; they stay as they are.
    pub rest: BTreeMap<String, serde_json::Value>,
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
}

impl Field {
    /// The generated text.
    pub fn generated(self, record: &Record) -> &str {
        match self {
            Self::Instruction => record.instruction(),
            Self::Response => record.response(),
        }
    }

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Instruction => "instruction",
            Self::Response => "answer",
        }
    }
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
        for question in [QUALITY, IMPROVED_INSTRUCTION, IMPROVED_RESPONSE] {
            rest.remove(question);
        }
        Self {
            record: record.to_owned(),
            identity: identity.to_owned(),
            quality: response.quality(),
            instruction: text(IMPROVED_INSTRUCTION),
            response: text(IMPROVED_RESPONSE),
            reason: response.reason.clone().unwrap_or_default(),
            rest,
            is_dirty: false,
        }
    }

    /// Takes the words of another response, all of them.
    pub fn use_words(&mut self, other: &Response, record: &Record) {
        let edits = other.edits(&record.fields);
        for (field, id) in [
            (Field::Instruction, INSTRUCTION),
            (Field::Response, RESPONSE),
        ] {
            match edits.get(id) {
                Some(Content::Text(text)) => self.edit(field, text, record),
                _ => self.reset(field, record),
            }
        }
    }

    /// Nothing was answered or typed.
    pub fn is_blank(&self) -> bool {
        self.quality.is_none()
            && self.instruction.is_none()
            && self.response.is_none()
            && self.reason.trim().is_empty()
            && self.rest.is_empty()
    }

    /// The text as it stands: edited or generated.
    pub fn text<'a>(&'a self, field: Field, record: &'a Record) -> &'a str {
        self.edited(field)
            .unwrap_or_else(|| field.generated(record))
    }

    /// The edited text, if there is one.
    pub fn edited(&self, field: Field) -> Option<&str> {
        match field {
            Field::Instruction => self.instruction.as_deref(),
            Field::Response => self.response.as_deref(),
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
        };
        if *slot != edited {
            *slot = edited;
            self.is_dirty = true;
        }
    }

    /// Back to the generated text.
    pub fn reset(&mut self, field: Field, record: &Record) {
        let generated = field.generated(record).to_owned();
        self.edit(field, &generated, record);
    }

    /// Why this can't be submitted as good, in plain words.
    pub fn blocked(&self, record: &Record) -> Option<&'static str> {
        if self.text(Field::Instruction, record).trim().is_empty() {
            Some("The instruction is empty. Write one, or reset it.")
        } else if self.text(Field::Response, record).trim().is_empty() {
            Some("The answer is empty. Write one, or discard the record.")
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
        response.set_text(IMPROVED_RESPONSE, self.response.as_deref());
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
            if response.improved_instruction().is_some()
                || response.improved_response().is_some() =>
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
        assert_eq!(form.edited(Field::Response), None);
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
}
