//! Lists of messages in every form that data sets use, as turns whose order is checked.

use seedbed_core::model::Role;
use seedbed_core::turns::Turn;
use serde_json::{Map, Value};
use std::fmt;

/// Why a list of messages is no conversation that can be reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flaw {
    /// Not a list of messages.
    NoMessages,
    /// A message names a role that is none of system, user and assistant.
    UnknownRole,
    /// A tool or a function speaks in it.
    HasTools,
    /// A message holds an image, sound or a file.
    HasMedia,
    /// A message says nothing.
    EmptyMessage,
    /// The first to speak is the assistant.
    BeginsWithAssistant,
    /// A system message stands behind others.
    SystemInside,
    /// Nobody asks anything.
    NoUser,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMessages => "not a list of messages",
            Self::UnknownRole => "a message of an unknown role",
            Self::HasTools => "a conversation with a tool, which can't be reviewed here",
            Self::HasMedia => "a message with an image, sound or file",
            Self::EmptyMessage => "a message without words",
            Self::BeginsWithAssistant => "the conversation begins with the assistant",
            Self::SystemInside => "a system message in the middle of a conversation",
            Self::NoUser => "a conversation without a user",
        })
    }
}

/// A conversation: a system message first if there is one, then user and assistant in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// In order.
    pub turns: Vec<Turn>,
    /// Reasoning beside the last message of the assistant.
    pub reasoning: String,
    /// Neighbours of one role were joined with a blank line.
    pub is_joined: bool,
}

impl Conversation {
    /// Reads `value`: a list of messages (`role`/`content`, `from`/`value`), of texts in turn, of pairs, or lists of
    /// roles and contents side by side.
    ///
    /// # Errors
    /// A [`Flaw`].
    pub fn read(value: &Value) -> Result<Self, Flaw> {
        let mut found = Self::default();
        for message in messages(value)? {
            found.push(message)?;
        }
        found.check()
    }

    /// Checks turns that were found otherwise.
    ///
    /// # Errors
    /// A [`Flaw`].
    pub fn of(turns: impl IntoIterator<Item = (Role, String)>) -> Result<Self, Flaw> {
        let mut found = Self::default();
        for (role, text) in turns {
            found.push(Spoken {
                role,
                text,
                reasoning: String::new(),
            })?;
        }
        found.check()
    }

    fn push(&mut self, spoken: Spoken) -> Result<(), Flaw> {
        let text = spoken.text.trim();
        if text.is_empty() {
            // An empty system message is how some tools write that there is none.
            return match spoken.role {
                Role::System => Ok(()),
                _ => Err(Flaw::EmptyMessage),
            };
        }
        if spoken.role == Role::Assistant {
            self.reasoning = spoken.reasoning;
        }
        match self.turns.last_mut() {
            Some(last) if last.role == spoken.role => {
                last.text.push_str("\n\n");
                last.text.push_str(text);
                self.is_joined = true;
            }
            Some(_) if spoken.role == Role::System => return Err(Flaw::SystemInside),
            _ => self.turns.push(Turn {
                role: spoken.role,
                text: text.to_owned(),
            }),
        }
        Ok(())
    }

    fn check(self) -> Result<Self, Flaw> {
        let first = self.turns.iter().find(|turn| turn.role != Role::System);
        match first.map(|turn| turn.role) {
            None => Err(Flaw::NoUser),
            Some(Role::Assistant) => Err(Flaw::BeginsWithAssistant),
            Some(_) => Ok(self),
        }
    }

    /// The first words of the user.
    pub fn question(&self) -> &str {
        self.turns
            .iter()
            .find(|turn| turn.role == Role::User)
            .map_or("", |turn| turn.text.as_str())
    }

    /// Whether the assistant has the last word.
    pub fn is_answered(&self) -> bool {
        self.turns
            .last()
            .is_some_and(|turn| turn.role == Role::Assistant)
    }

    /// A question with its answer and nothing else.
    pub fn pair(&self) -> Option<(&str, &str)> {
        match self.turns.as_slice() {
            [question, answer] if question.role == Role::User && answer.role == Role::Assistant => {
                Some((&question.text, &answer.text))
            }
            _ => None,
        }
    }

    /// Puts a system message in front, unless there is one.
    pub fn with_system(mut self, system: &str) -> Self {
        let has_one = self
            .turns
            .first()
            .is_some_and(|turn| turn.role == Role::System);
        if !has_one && !system.trim().is_empty() {
            let text = system.trim().to_owned();
            self.turns.insert(
                0,
                Turn {
                    role: Role::System,
                    text,
                },
            );
        }
        self
    }
}

/// The text of a message of the assistant that stands alone, as completions and answers to compare are kept; `None` for
/// anything else.
pub fn lone_answer(value: &Value) -> Option<Result<String, Flaw>> {
    let only = match value {
        Value::Array(items) if items.len() == 1 => items.first()?,
        Value::Object(_) => value,
        _ => return None,
    };
    match message(only) {
        Ok(spoken) => (spoken.role == Role::Assistant).then_some(Ok(spoken.text)),
        Err(Flaw::NoMessages) => None,
        Err(flaw) => Some(Err(flaw)),
    }
}

struct Spoken {
    role: Role,
    text: String,
    reasoning: String,
}

fn messages(value: &Value) -> Result<Vec<Spoken>, Flaw> {
    match value {
        Value::Array(items) if items.is_empty() => Err(Flaw::NoMessages),
        Value::Array(items) => {
            if items.iter().all(Value::is_string) {
                return Ok(in_turn(items.iter().filter_map(Value::as_str)));
            }
            if let Some(pairs) = pairs(items) {
                return Ok(in_turn(pairs.into_iter()));
            }
            items.iter().map(message).collect()
        }
        // Lists side by side, as `datasets` keeps a sequence of structs.
        Value::Object(columns) => {
            let lists: Map<String, Value> = columns
                .iter()
                .filter(|(_, value)| value.is_array())
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            let length = lists
                .values()
                .filter_map(|list| list.as_array().map(Vec::len))
                .max()
                .ok_or(Flaw::NoMessages)?;
            (0..length)
                .map(|at| {
                    let one = lists
                        .iter()
                        .filter_map(|(name, list)| Some((name.clone(), list.get(at)?.clone())))
                        .collect();
                    message(&Value::Object(one))
                })
                .collect()
        }
        _ => Err(Flaw::NoMessages),
    }
}

/// Texts of user and assistant in turn.
fn in_turn<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Spoken> {
    texts
        .zip([Role::User, Role::Assistant].into_iter().cycle())
        .map(|(text, role)| Spoken {
            role,
            text: text.to_owned(),
            reasoning: String::new(),
        })
        .collect()
}

/// Texts of a list of `[question, answer]`, as histories are kept.
fn pairs(items: &[Value]) -> Option<Vec<&str>> {
    let mut texts = Vec::new();
    for item in items {
        let [question, answer] = item.as_array()?.as_slice() else {
            return None;
        };
        texts.push(question.as_str()?);
        texts.push(answer.as_str()?);
    }
    Some(texts)
}

fn named<'a>(message: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .filter_map(|name| message.get(*name))
        .find(|value| !value.is_null())
}

fn message(value: &Value) -> Result<Spoken, Flaw> {
    let message = value.as_object().ok_or(Flaw::NoMessages)?;
    let who = named(message, &["role", "from", "speaker", "author"])
        .and_then(Value::as_str)
        .ok_or(Flaw::NoMessages)?;
    let role = match who.trim().to_ascii_lowercase().as_str() {
        "system" | "developer" => Role::System,
        "user" | "human" | "prompter" | "student" | "customer" => Role::User,
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" | "ai" | "bing" | "bard" | "teacher" => {
            Role::Assistant
        }
        "tool" | "function" | "observation" | "function_call" | "function_response"
        | "tool_call" | "tool_response" | "ipython" => return Err(Flaw::HasTools),
        _ => return Err(Flaw::UnknownRole),
    };
    let calls = named(message, &["tool_calls", "function_call"]);
    if calls.is_some_and(|calls| !calls.as_array().is_some_and(Vec::is_empty)) {
        return Err(Flaw::HasTools);
    }
    let text = named(message, &["content", "value", "text", "message"])
        .map_or(Ok(String::new()), content)?;
    let reasoning = named(
        message,
        &["reasoning_content", "reasoning", "thinking", "thought"],
    )
    .and_then(Value::as_str)
    .unwrap_or_default()
    .trim()
    .to_owned();
    Ok(Spoken {
        role,
        text,
        reasoning,
    })
}

/// A content: a text, or a list of parts that are texts.
fn content(value: &Value) -> Result<String, Flaw> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().map(part).collect::<Result<_, _>>()?;
            Ok(texts.join("\n"))
        }
        Value::Object(_) => part(value).map(str::to_owned),
        Value::Bool(_) => Err(Flaw::NoMessages),
    }
}

fn part(part: &Value) -> Result<&str, Flaw> {
    if let Value::String(text) = part {
        return Ok(text);
    }
    let object = part.as_object().ok_or(Flaw::NoMessages)?;
    let kind = object.get("type").and_then(Value::as_str);
    if !matches!(kind, None | Some("text" | "input_text" | "output_text")) {
        return Err(Flaw::HasMedia);
    }
    named(object, &["text", "value", "content"])
        .and_then(Value::as_str)
        .ok_or(Flaw::HasMedia)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn turns(value: &Value) -> Vec<(Role, String)> {
        Conversation::read(value)
            .unwrap()
            .turns
            .into_iter()
            .map(|turn| (turn.role, turn.text))
            .collect()
    }

    fn said(texts: &[(Role, &str)]) -> Vec<(Role, String)> {
        texts
            .iter()
            .map(|(role, text)| (*role, (*text).to_owned()))
            .collect()
    }

    #[test]
    fn every_form_of_a_conversation_gives_the_same_turns() {
        use Role::{Assistant, System, User};
        let plain = said(&[(User, "How deep?"), (Assistant, "2 cm.")]);
        for value in [
            json!([{"role": "user", "content": "How deep?"}, {"role": "assistant", "content": " 2 cm.\n"}]),
            json!([{"from": "human", "value": "How deep?"}, {"from": "gpt", "value": "2 cm."}]),
            json!([{"role": "user", "content": [{"type": "text", "text": "How deep?"}]},
                   {"role": "assistant", "content": [{"type": "text", "value": "2 cm."}]}]),
            json!(["How deep?", "2 cm."]),
            json!([["How deep?", "2 cm."]]),
            json!({"role": ["user", "assistant"], "content": ["How deep?", "2 cm."]}),
            json!([{"role": "system", "content": ""}, {"role": "User", "content": "How deep?", "tool_calls": []},
                   {"role": "assistant", "content": "2 cm.", "tool_calls": null}]),
        ] {
            assert_eq!(turns(&value), plain, "{value}");
        }
        assert_eq!(
            turns(&json!([
                {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                {"role": "user", "content": "How deep?"}, {"role": "assistant", "content": "2 cm."}
            ])),
            said(&[
                (System, "Be brief."),
                (User, "Hi\n\nHow deep?"),
                (Assistant, "2 cm.")
            ])
        );
    }

    #[test]
    fn what_can_not_be_reviewed_as_a_conversation_says_why() {
        let user = json!({"role": "user", "content": "Hi"});
        let assistant = json!({"role": "assistant", "content": "Hello"});
        for (value, flaw) in [
            (json!([]), Flaw::NoMessages),
            (json!("Hi"), Flaw::NoMessages),
            (json!([1, 2]), Flaw::NoMessages),
            (json!([{"text": "Hi"}]), Flaw::NoMessages),
            (
                json!([{"role": "narrator", "content": "Once"}]),
                Flaw::UnknownRole,
            ),
            (
                json!([user, {"role": "tool", "content": "4"}]),
                Flaw::HasTools,
            ),
            (
                json!([user, {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}]),
                Flaw::HasTools,
            ),
            (
                json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
                Flaw::HasMedia,
            ),
            (
                json!([user, {"role": "assistant", "content": " "}]),
                Flaw::EmptyMessage,
            ),
            (json!([assistant, user]), Flaw::BeginsWithAssistant),
            (
                json!([user, {"role": "system", "content": "Be brief."}, assistant]),
                Flaw::SystemInside,
            ),
            (
                json!([{"role": "system", "content": "Be brief."}]),
                Flaw::NoUser,
            ),
        ] {
            assert_eq!(Conversation::read(&value), Err(flaw), "{value}");
        }
    }

    #[test]
    fn reasoning_is_that_of_the_last_answer() {
        let read = Conversation::read(&json!([
            {"role": "user", "content": "1?"}, {"role": "assistant", "content": "1", "reasoning_content": "a"},
            {"role": "user", "content": "2?"}, {"role": "assistant", "content": "2", "thinking": " b "},
        ]));
        assert_eq!(read.unwrap().reasoning, "b");
    }
}
