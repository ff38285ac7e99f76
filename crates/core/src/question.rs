//! Questions as data. A project's questions have ids that never change; options and questions are retired, not
//! deleted, so that every answer given keeps its meaning.

use crate::record::{INSTRUCTION, RESPONSE};
use serde::{Deserialize, Serialize};

/// Question of the original tool: is the record good or bad?
pub const QUALITY: &str = "quality";
/// Question of the original tool: a better instruction.
pub const IMPROVED_INSTRUCTION: &str = "improved_instruction";
/// Question of the original tool: a better response.
pub const IMPROVED_RESPONSE: &str = "improved_response";
/// Option of [`QUALITY`]: 👍.
pub const GOOD: &str = "good";
/// Option of [`QUALITY`]: 👎.
pub const BAD: &str = "bad";

/// What kind of answer a question takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QuestionKind {
    /// One of the options.
    Label,
    /// A text; with `improves` it stands for that field in the published row.
    Text {
        /// Id of the field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        improves: Option<String>,
    },
    /// A kind that this build does not know: its answers are kept, and shown as they are.
    #[serde(other)]
    Unknown,
}

/// One choice of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionOption {
    /// Never changes.
    pub id: String,
    /// What a person reads.
    pub title: String,
    /// No longer offered; answers that chose it stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// One question of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Never changes.
    pub id: String,
    /// What a person reads.
    pub title: String,
    /// Kind of answer.
    #[serde(flatten)]
    pub kind: QuestionKind,
    /// Choices, for kinds that have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<QuestionOption>,
    /// A submit needs an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Help beneath the title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// No longer asked; answers stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// The original tool's three questions, the default of every project.
pub fn original_three() -> Vec<Question> {
    let text = |id: &str, title: &str, field: &str| Question {
        id: id.to_owned(),
        title: title.to_owned(),
        kind: QuestionKind::Text {
            improves: Some(field.to_owned()),
        },
        options: Vec::new(),
        required: false,
        description: String::new(),
        retired: false,
    };
    let option = |id: &str, title: &str| QuestionOption {
        id: id.to_owned(),
        title: title.to_owned(),
        retired: false,
    };
    vec![
        Question {
            id: QUALITY.to_owned(),
            title: "Is the response good?".to_owned(),
            kind: QuestionKind::Label,
            options: vec![option(GOOD, "Good"), option(BAD, "Bad")],
            required: true,
            description: String::new(),
            retired: false,
        },
        text(
            IMPROVED_INSTRUCTION,
            "A better instruction, if you can improve it",
            INSTRUCTION,
        ),
        text(
            IMPROVED_RESPONSE,
            "A better response, if you can improve it",
            RESPONSE,
        ),
    ]
}

/// The question whose answer stands for `field` in the published row.
pub fn improving<'a>(questions: &'a [Question], field: &str) -> Option<&'a Question> {
    questions.iter().find(|question| {
        matches!(&question.kind, QuestionKind::Text { improves: Some(improved) } if improved == field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_an_unknown_kind_can_be_read() {
        let text = r#"{"id":"spans","title":"Mark","kind":"span","overlap":true}"#;
        let question: Question = serde_json::from_str(text).unwrap();
        assert_eq!(question.kind, QuestionKind::Unknown);
        assert_eq!(question.id, "spans");
    }

    #[test]
    fn the_three_questions_survive_json() {
        let questions = original_three();
        let text = serde_json::to_string(&questions).unwrap();
        assert_eq!(
            serde_json::from_str::<Vec<Question>>(&text).unwrap(),
            questions
        );
        assert_eq!(
            improving(&questions, RESPONSE).map(|question| question.id.as_str()),
            Some(IMPROVED_RESPONSE)
        );
    }
}
