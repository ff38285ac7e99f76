//! Lists of messages, in the newer form (`role`, `content`) and the older one (`from`, `value`).

use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    System,
    User,
    Assistant,
    /// Tools and whatever else.
    Other,
}

/// A dialogue in order.
pub(super) struct Dialogue {
    turns: Vec<(Speaker, String)>,
}

/// The first question with its answer.
pub(super) struct Exchange {
    pub(super) question: String,
    pub(super) answer: String,
    /// The dialogue goes on after it.
    pub(super) is_shortened: bool,
    /// A system message stood before it.
    pub(super) had_system: bool,
}

/// Why there is no exchange.
pub(super) enum Fault {
    NoQuestion,
    NoAnswer,
}

fn text_at<'a>(message: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| message.get(*name))
}

/// A content: a text, or a list of parts of which the texts count.
fn content(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

impl Dialogue {
    /// `None` when an item is not a message.
    pub(super) fn of(items: &[Value]) -> Option<Self> {
        let turns = items
            .iter()
            .map(|item| {
                let message = item.as_object()?;
                let who = text_at(message, &["role", "from"])?.as_str()?;
                let speaker = match who.trim().to_ascii_lowercase().as_str() {
                    "system" | "developer" => Speaker::System,
                    "user" | "human" | "prompter" => Speaker::User,
                    "assistant" | "gpt" | "model" | "bot" | "chatgpt" => Speaker::Assistant,
                    _ => Speaker::Other,
                };
                let said =
                    text_at(message, &["content", "value"]).map_or_else(String::new, content);
                Some((speaker, said))
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Self { turns })
    }

    /// What the user said before the first answer in words, and that answer.
    pub(super) fn first_exchange(&self) -> Result<Exchange, Fault> {
        let mut question: Vec<&str> = Vec::new();
        for (at, (speaker, text)) in self.turns.iter().enumerate() {
            let text = text.trim();
            match speaker {
                Speaker::User if !text.is_empty() => question.push(text),
                Speaker::Assistant if !text.is_empty() && !question.is_empty() => {
                    let rest = self.turns.get(at + 1..).unwrap_or_default();
                    return Ok(Exchange {
                        question: question.join("\n\n"),
                        answer: text.to_owned(),
                        is_shortened: rest.iter().any(|(_, text)| !text.trim().is_empty()),
                        had_system: self.has_system(),
                    });
                }
                _ => {}
            }
        }
        Err(if question.is_empty() {
            Fault::NoQuestion
        } else {
            Fault::NoAnswer
        })
    }

    /// The user's words when nobody has answered yet.
    pub(super) fn only_question(&self) -> Option<String> {
        let mut question: Vec<&str> = Vec::new();
        for (speaker, text) in &self.turns {
            match speaker {
                Speaker::User => question.push(text.trim()),
                Speaker::System => {}
                Speaker::Assistant | Speaker::Other => return None,
            }
        }
        (!question.is_empty()).then(|| question.join("\n\n"))
    }

    /// The last words of the assistant.
    pub(super) fn last_answer(&self) -> Option<String> {
        self.turns
            .iter()
            .rev()
            .find(|(speaker, text)| *speaker == Speaker::Assistant && !text.trim().is_empty())
            .map(|(_, text)| text.clone())
    }

    fn has_system(&self) -> bool {
        self.turns
            .iter()
            .any(|(speaker, text)| *speaker == Speaker::System && !text.trim().is_empty())
    }
}
