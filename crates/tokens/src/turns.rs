//! How templates want to be spoken to, found by trying them: which messages they take, and where an answer ends.

use crate::template::{Message, Template};
use crate::{Error, Part, Tokenizer};

/// Between texts that become one message.
const BETWEEN: &str = "\n\n";
/// Roles.
const SYSTEM: &str = "system";
const USER: &str = "user";

/// Makes other messages of some.
type Form = fn(&[Message]) -> Vec<Message>;

/// What ends an answer beside the tokens that the vocabulary names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TurnEnd {
    /// Tokens.
    pub tokens: Vec<u32>,
    /// Texts, for ends of several tokens and for tokens that are text to the vocabulary.
    pub texts: Vec<String>,
}

impl Template {
    /// The text for `messages` as [`Self::render`] gives it, in a form that the template takes: as they are, else with
    /// neighbours of one role as one message, else with the system's text before that of the user who speaks next, else
    /// with both. A template that passes over the system's text does not take it.
    ///
    /// # Errors
    /// The template takes none of these forms; the reason is that of the messages as they are.
    pub fn chat(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<Part>, Error> {
        let forms: [Form; 4] = [<[Message]>::to_vec, merged, folded, |messages| {
            merged(&folded(messages))
        }];
        let words = |at: usize| format!("words number {at} of all");
        let systems: Vec<String> = (0..)
            .zip(messages)
            .filter(|(_, one)| one.role == SYSTEM && !one.content.trim().is_empty())
            .map(|(at, _)| words(at))
            .collect();
        // Texts that are found again.
        let probes: Vec<Message> = (0..)
            .zip(messages)
            .map(|(at, one)| match one.content.trim() {
                "" => one.clone(),
                _ => message(&one.role, &words(at)),
            })
            .collect();
        let mut reason = None;
        for form in forms {
            let tells_all = self
                .text(&form(&probes), add_generation_prompt)
                .map(|text| systems.iter().all(|words| text.contains(words)));
            let made = match tells_all {
                Ok(true) => self.render(&form(messages), add_generation_prompt),
                Ok(false) => Err(Error::Template(
                    "it passes over the instructions for the model (the system message)".to_owned(),
                )),
                Err(error) => Err(error),
            };
            match made {
                Ok(parts) => return Ok(parts),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        Err(reason.unwrap_or_else(|| Error::Template("it takes no messages".to_owned())))
    }

    /// How the template ends an answer, where the vocabulary does not say so. A template that takes no answer, or writes
    /// nothing after it, adds nothing.
    pub fn turn_end(&self, tokenizer: &Tokenizer) -> TurnEnd {
        const ANSWER: &str = "words of an answer";
        const NEXT: &str = "words that follow it";
        let mut chat = vec![message(USER, "words"), message("assistant", ANSWER)];
        let after = |text: String| text.rsplit_once(ANSWER).map(|(_, after)| after.to_owned());
        let Some(last) = self.text(&chat, false).ok().and_then(after) else {
            return TurnEnd::default();
        };
        chat.push(message(USER, NEXT));
        let between = self
            .text(&chat, false)
            .ok()
            .and_then(after)
            .and_then(|after| Some(after.split_once(NEXT)?.0.to_owned()));
        if !last.trim().is_empty() {
            let common = between.as_deref().map_or(last.len(), |between| {
                let same = last.chars().zip(between.chars());
                same.take_while(|(a, b)| a == b)
                    .map(|(a, _)| a.len_utf8())
                    .sum()
            });
            return end(&last, common, true, tokenizer);
        }
        // Then it is the beginning of the next turn that ends this one.
        between.map_or_else(TurnEnd::default, |between| {
            end(&between, between.len(), false, tokenizer)
        })
    }
}

/// What `text`, which follows an answer, begins with. Its first `common` bytes follow every answer.
fn end(text: &str, common: usize, is_own: bool, tokenizer: &Tokenizer) -> TurnEnd {
    let mut made = TurnEnd::default();
    let words = text.trim();
    if let Some(token) = tokenizer.mark_at(words) {
        if !tokenizer.stops().contains(&token) {
            made.tokens.push(token);
            if !tokenizer.is_special(token) {
                let text = String::from_utf8_lossy(tokenizer.token_bytes(token));
                made.texts.push(text.into_owned());
            }
        }
        return made;
    }
    if let Some(tag) = tag(words) {
        made.tokens.extend(tokenizer.id_of(tag));
        made.texts.push(tag.to_owned());
        return made;
    }
    // Words and rules may stand in an answer too: with the line break that the template puts before, and after its own.
    let shown = &text[..common];
    let line = shown.trim().lines().next().unwrap_or_default();
    let Some(at) = shown.find(line).filter(|_| line.chars().count() >= 3) else {
        return made;
    };
    let (before, after) = (&shown[..at], &shown[at + line.len()..]);
    let before = match before.contains('\n') {
        true => "\n",
        false if before.is_empty() => "",
        false => " ",
    };
    let after = if is_own && before == "\n" && after.starts_with('\n') {
        "\n"
    } else {
        ""
    };
    // Nothing tells a bare word from one of the answer's.
    if !before.is_empty() || line.chars().any(|c| !c.is_alphanumeric()) {
        made.texts
            .push(format!("{before}{}{after}", line.trim_end()));
    }
    made
}

/// A sign in brackets that `text` begins with.
pub(crate) fn tag(text: &str) -> Option<&str> {
    let close = match text.chars().next()? {
        '<' => '>',
        '[' => ']',
        '\u{ff5c}' | '|' => '|',
        _ => return None,
    };
    let end = text.char_indices().skip(1).find(|(_, c)| *c == close)?.0;
    let tag = &text[..end + close.len_utf8()];
    let is_sign = tag.chars().count() >= 3 && !tag.contains(char::is_whitespace);
    is_sign.then_some(tag)
}

fn message(role: &str, content: &str) -> Message {
    Message {
        role: role.to_owned(),
        content: content.to_owned(),
    }
}

/// Neighbours of one role are one message.
fn merged(messages: &[Message]) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::with_capacity(messages.len());
    for one in messages {
        match all.last_mut() {
            Some(last) if last.role == one.role => join(&mut last.content, &one.content),
            _ => all.push(one.clone()),
        }
    }
    all
}

/// What the system says goes before what the user says next, or after what was said last.
fn folded(messages: &[Message]) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::with_capacity(messages.len());
    let mut waiting = String::new();
    for one in messages {
        if one.role == SYSTEM {
            join(&mut waiting, &one.content);
            continue;
        }
        let mut one = one.clone();
        if one.role == USER && !waiting.is_empty() {
            let mut content = std::mem::take(&mut waiting);
            join(&mut content, &one.content);
            one.content = content;
        }
        all.push(one);
    }
    if !waiting.is_empty() {
        match all.last_mut() {
            Some(last) if last.role == USER => join(&mut last.content, &waiting),
            _ => all.push(message(USER, &waiting)),
        }
    }
    all
}

fn join(text: &mut String, more: &str) {
    if more.trim().is_empty() {
        return;
    }
    if text.trim().is_empty() {
        more.clone_into(text);
    } else {
        text.push_str(BETWEEN);
        text.push_str(more);
    }
}
