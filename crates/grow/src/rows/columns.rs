//! Which columns hold what.

use super::dialogue::{self, Dialogue};
use super::{ImportedRow, MAX_TEXT_CHARS};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Names for what was asked, the likeliest first.
const INSTRUCTION: [&str; 5] = ["instruction", "prompt", "question", "query", "input"];
/// Names for what was answered, the likeliest first.
const RESPONSE: [&str; 6] = [
    "response",
    "completion",
    "output",
    "answer",
    "generation",
    "chosen",
];
/// Names for what belongs to the instruction.
const CONTEXT: [&str; 2] = ["input", "context"];
/// Names for whole dialogues.
const DIALOGUE: [&str; 3] = ["messages", "conversations", "conversation"];
/// The list of input/output pairs in the files of Self-Instruct.
const INSTANCES: &str = "instances";
const TOPIC: [&str; 1] = ["topic"];
const PERSPECTIVE: [&str; 1] = ["perspective"];
const MODEL: [&str; 3] = ["model", "model_name", "generation_model"];

/// What is recognised, for a message.
pub(super) const EXPECTED: &str = "`instruction` and `response`, `prompt` and `completion`, `question` and `answer`, \
     `instruction`, `input` and `output`, `messages`, or `conversations`";

/// Why an object gave no row.
pub(super) enum Refusal {
    /// None of its columns is known.
    UnknownColumns,
    /// Known columns, but nothing to use in them.
    Unusable(String),
}

/// Reads objects and remembers which columns it used.
#[derive(Default)]
pub(super) struct Reader {
    layouts: BTreeSet<String>,
    shortened: usize,
    without_system: usize,
}

type RowOrReason = Result<ImportedRow, String>;
type Object = Map<String, Value>;

/// The column called `name`, without regard to case, blanks and dashes.
fn find<'a>(object: &'a Object, name: &str) -> Option<(&'a str, &'a Value)> {
    object
        .get_key_value(name)
        .or_else(|| object.iter().find(|(key, _)| is_named(key, name)))
        .map(|(key, value)| (key.as_str(), value))
}

fn is_named(key: &str, name: &str) -> bool {
    let plain = key.trim().chars().map(|c| match c {
        ' ' | '-' => '_',
        c => c.to_ascii_lowercase(),
    });
    plain.eq(name.chars())
}

/// Whether a header names this column's role; used to tell delimiters apart.
pub(super) fn is_known(key: &str) -> bool {
    [
        &INSTRUCTION[..],
        &RESPONSE,
        &CONTEXT,
        &DIALOGUE,
        &TOPIC,
        &PERSPECTIVE,
        &MODEL,
    ]
    .into_iter()
    .flatten()
    .any(|name| is_named(key, name))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The first of `names` with something in it, else the first that is there at all.
fn pick<'a>(object: &'a Object, names: &[&str]) -> Option<(&'a str, &'a Value)> {
    let mut there = names.iter().filter_map(|name| find(object, name));
    let first = there.next()?;
    if is_blank(first.1) {
        Some(there.find(|(_, value)| !is_blank(value)).unwrap_or(first))
    } else {
        Some(first)
    }
}

/// A scalar as text; `None` for lists and objects.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A short text beside the row, e.g. its topic; a list of one counts as its item.
fn label(object: &Object, names: &[&str]) -> String {
    let Some((_, value)) = pick(object, names) else {
        return String::new();
    };
    let value = match value {
        Value::Array(items) => items.first().unwrap_or(&Value::Null),
        value => value,
    };
    let text = scalar(value).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A list of messages, also when a table holds it as JSON text.
fn as_list(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items.clone()),
        Value::String(text) if text.trim_start().starts_with('[') => {
            serde_json::from_str(text).ok()
        }
        _ => None,
    }
}

impl Reader {
    /// The rows of one object: one, or one per instance.
    pub(super) fn rows(&mut self, object: &Object) -> Result<Vec<RowOrReason>, Refusal> {
        let instruction = pick(object, &INSTRUCTION);
        if let (Some((_, text)), Some((_, Value::Array(instances)))) =
            (instruction, find(object, INSTANCES))
        {
            return self.instances(object, text, instances);
        }
        let response = pick(object, &RESPONSE);
        if let (Some((asked_in, asked)), Some((answered_in, answered))) = (instruction, response) {
            return Ok(vec![self.pair(
                object,
                (asked_in, asked),
                (answered_in, answered),
            )]);
        }
        if let Some((column, value)) = pick(object, &DIALOGUE) {
            return Ok(vec![self.dialogue(object, column, value)]);
        }
        Err(Refusal::UnknownColumns)
    }

    fn pair(
        &mut self,
        object: &Object,
        (asked_in, asked): (&str, &Value),
        (answered_in, answered): (&str, &Value),
    ) -> RowOrReason {
        let mut used = vec![
            format!("{asked_in} → instruction"),
            format!("{answered_in} → response"),
        ];
        let mut instruction = if let Some(text) = scalar(asked) {
            text
        } else {
            let prompt = as_list(asked)
                .and_then(|items| Dialogue::of(&items))
                .ok_or_else(|| format!("`{asked_in}` is neither a text nor a dialogue"))?;
            prompt
                .only_question()
                .ok_or("the prompt is a dialogue of several turns; a row holds one question")?
        };
        for name in CONTEXT {
            let Some((column, value)) = find(object, name) else {
                continue;
            };
            let context = scalar(value).unwrap_or_default();
            if column != asked_in && !context.trim().is_empty() {
                instruction = with_context(&instruction, &context);
                used.insert(1, format!("{column} → instruction"));
            }
        }
        let response = match scalar(answered) {
            Some(text) => text,
            None => as_list(answered)
                .and_then(|items| Dialogue::of(&items))
                .and_then(|dialogue| dialogue.last_answer())
                .ok_or_else(|| format!("`{answered_in}` is neither a text nor a dialogue"))?,
        };
        let row = row(object, &instruction, &response, asked_in, answered_in)?;
        self.layouts.insert(used.join(", "));
        Ok(row)
    }

    fn dialogue(&mut self, object: &Object, column: &str, value: &Value) -> RowOrReason {
        let dialogue = as_list(value)
            .and_then(|items| Dialogue::of(&items))
            .ok_or_else(|| format!("`{column}` is not a list of messages"))?;
        let exchange = dialogue.first_exchange().map_err(|fault| match fault {
            dialogue::Fault::NoQuestion => format!("`{column}` has no message of a user"),
            dialogue::Fault::NoAnswer => format!("`{column}` has no answer in words"),
        })?;
        let row = row(object, &exchange.question, &exchange.answer, column, column)?;
        self.shortened += usize::from(exchange.is_shortened);
        self.without_system += usize::from(exchange.had_system);
        self.layouts
            .insert(format!("{column} → instruction, response"));
        Ok(row)
    }

    /// Self-Instruct: an instruction with a list of input/output pairs.
    fn instances(
        &mut self,
        object: &Object,
        instruction: &Value,
        instances: &[Value],
    ) -> Result<Vec<RowOrReason>, Refusal> {
        let instruction = scalar(instruction)
            .ok_or_else(|| Refusal::Unusable("`instruction` is not a text".into()))?;
        if instances.is_empty() {
            return Err(Refusal::Unusable("`instances` is empty".into()));
        }
        let rows = instances
            .iter()
            .map(|instance| {
                let Value::Object(instance) = instance else {
                    return Err("an instance is not an object".to_owned());
                };
                let (_, output) = pick(instance, &RESPONSE).ok_or("an instance has no `output`")?;
                let input = pick(instance, &CONTEXT)
                    .and_then(|(_, value)| scalar(value))
                    .unwrap_or_default();
                let asked = if input.trim().is_empty() {
                    instruction.clone()
                } else {
                    with_context(&instruction, &input)
                };
                let output = scalar(output).ok_or("an instance's `output` is not a text")?;
                row(object, &asked, &output, "instruction", "output")
            })
            .collect();
        self.layouts
            .insert("instruction, instances → instruction, response".into());
        Ok(rows)
    }

    /// The columns that were read.
    pub(super) fn layout(&self) -> String {
        let layouts: Vec<&str> = self.layouts.iter().map(String::as_str).collect();
        layouts.join("; ")
    }

    /// What a person should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.shortened > 0 {
            notes.push(format!(
                "{} had more than one turn: only the first question and answer were taken.",
                dialogues(self.shortened)
            ));
        }
        if self.without_system > 0 {
            notes.push(format!(
                "{} had a system message, which was left out.",
                dialogues(self.without_system)
            ));
        }
        notes
    }
}

fn dialogues(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} dialogue{plural}")
}

fn with_context(instruction: &str, context: &str) -> String {
    format!("{}\n\n{}", instruction.trim_end(), context.trim())
}

fn row(
    object: &Object,
    instruction: &str,
    response: &str,
    asked_in: &str,
    answered_in: &str,
) -> RowOrReason {
    // Blank lines around a text carry nothing, but the indent of its first line may.
    let instruction = instruction.trim();
    let response = response.trim_end().trim_start_matches(['\n', '\r']);
    for (text, column) in [(instruction, asked_in), (response, answered_in)] {
        if text.trim().is_empty() {
            return Err(format!("no text in `{}`", super::clip(column)));
        }
        // Bytes bound characters from above, so most texts are never counted.
        if text.len() > MAX_TEXT_CHARS && text.chars().count() > MAX_TEXT_CHARS {
            return Err(format!(
                "the text in `{}` has more than {MAX_TEXT_CHARS} characters",
                super::clip(column)
            ));
        }
    }
    let nested = |name: &str| match find(object, name) {
        Some((_, Value::Object(inner))) => Some(inner),
        _ => None,
    };
    // Our own files of all records keep these one level down.
    let or_in = |own: String, outer: &str, names: &[&str]| {
        if own.is_empty() {
            nested(outer).map_or(own, |inner| label(inner, names))
        } else {
            own
        }
    };
    Ok(ImportedRow {
        instruction: instruction.to_owned(),
        response: response.to_owned(),
        topic: or_in(label(object, &TOPIC), "cell", &TOPIC),
        perspective: or_in(label(object, &PERSPECTIVE), "cell", &PERSPECTIVE),
        model: or_in(label(object, &MODEL), "provenance", &MODEL),
    })
}
