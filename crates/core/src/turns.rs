//! A conversation as the content of a field: `{"kind":"turns","turns":[{"role":"user","text":"Hi"}, …]}`.

use crate::model::{Message, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Value of `kind`.
const KIND: &str = "turns";

/// A turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// The content of a field that holds `turns`.
pub fn field(turns: &[Turn]) -> Value {
    json!({"kind": KIND, "turns": turns})
}

/// The turns in the content of a field; `None` when it is something else, or a role is of a newer build.
pub fn of(content: &Value) -> Option<Vec<Turn>> {
    if content.get("kind")?.as_str()? != KIND {
        return None;
    }
    let turns: Vec<Turn> = Vec::deserialize(content.get("turns")?).ok()?;
    (!turns.is_empty()).then_some(turns)
}

/// The content with another text in the turn at `at`. What else is known of the turns stays.
pub fn with_text(content: &Value, at: usize, text: &str) -> Value {
    let mut content = content.clone();
    let place = content
        .get_mut("turns")
        .and_then(|turns| turns.get_mut(at)?.get_mut("text"));
    if let Some(place) = place {
        *place = Value::from(text);
    }
    content
}

/// All that is said, a paragraph for each turn: for search, and where a text is wanted.
pub fn plain(turns: &[Turn]) -> String {
    let texts: Vec<&str> = turns.iter().map(|turn| turn.text.as_str()).collect();
    texts.join("\n\n")
}

/// As chat templates take it.
pub fn messages(turns: &[Turn]) -> Vec<Message> {
    turns
        .iter()
        .map(|turn| Message {
            role: turn.role,
            content: turn.text.clone(),
        })
        .collect()
}

/// The first text of a role.
pub fn first(turns: &[Turn], role: Role) -> &str {
    turns
        .iter()
        .find(|turn| turn.role == role)
        .map_or("", |turn| turn.text.as_str())
}

/// The last text of a role.
pub fn last(turns: &[Turn], role: Role) -> &str {
    turns
        .iter()
        .rfind(|turn| turn.role == role)
        .map_or("", |turn| turn.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_turn_keeps_what_else_is_known_of_it() {
        let content = json!({"kind": "turns", "lang": "en",
            "turns": [{"id": "a", "role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello.", "train": false}]});
        let edited = with_text(&content, 1, "Good morning.");
        assert_eq!(
            edited,
            json!({"kind": "turns", "lang": "en", "turns": [{"id": "a", "role": "user", "text": "Hi"},
                {"role": "assistant", "text": "Good morning.", "train": false}]})
        );
        let turns = of(&edited).unwrap();
        assert_eq!(plain(&turns), "Hi\n\nGood morning.");
        assert_eq!(last(&turns, Role::Assistant), "Good morning.");
        assert_eq!(with_text(&content, 7, "x"), content);
    }

    #[test]
    fn what_is_no_conversation_of_this_build_is_none() {
        for content in [
            json!("Hi"),
            json!({"kind": "passage", "turns": [{"role": "user", "text": "Hi"}]}),
            json!({"kind": "turns", "turns": []}),
            json!({"kind": "turns", "turns": [{"role": "narrator", "text": "Once"}]}),
        ] {
            assert_eq!(of(&content), None, "{content}");
        }
    }
}
