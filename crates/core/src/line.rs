//! Lines of a repo's parts and of a saved project, read at the border: limits are checked, format 1 is converted, and
//! what this build does not understand is kept beside what it does.

use crate::id::content_id;
use crate::instruction::{Change, InstructionAct};
use crate::model::Message;
use crate::prompt::{Cell, Prompt, PromptState};
use crate::record::{Fields, INSTRUCTION, Inputs, Provenance, RESPONSE, Record};
use crate::review::{Act, Clock, Decision, On, Response, ResponseStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Version of the readers of this module. Raised when they understand what older ones kept without understanding it:
/// such lines are then read again.
pub const READER: u32 = 2;
/// Largest integer that every boundary can carry: JavaScript's 2^53 − 1.
pub const MOST_NUMBER: u64 = (1 << 53) - 1;
/// Levels of nesting at most.
pub const MOST_DEPTH: usize = 64;
/// Bytes of a line at most.
pub const MOST_LINE: usize = 2 * 1024 * 1024;
/// Characters of one text at most: what one person can still read, and a page can still show.
pub const MOST_TEXT: usize = 100_000;
/// Bytes of an id or a name at most.
const MOST_NAME: usize = 512;

/// What was read from a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<T> {
    /// The part that this build understands.
    pub value: T,
    /// The line as it came, where `value` does not hold all of it.
    pub raw: Option<String>,
}

impl<T: Serialize> Line<T> {
    /// A line made here.
    pub fn new(value: T) -> Self {
        Self { value, raw: None }
    }

    /// The line to write: as it came, else from the value.
    pub fn text(&self) -> String {
        self.raw
            .clone()
            .unwrap_or_else(|| serde_json::to_string(&self.value).unwrap_or_default())
    }

    /// Hash of everything in the line: of two lines under one key the smaller counts, in every browser.
    pub fn content_hash(&self) -> String {
        let raw: Option<Value> = self
            .raw
            .as_ref()
            .and_then(|raw| serde_json::from_str(raw).ok());
        raw.map_or_else(|| content_id(&self.value), |raw| content_id(&raw))
    }
}

/// A record with the messages it was asked with, as written to `.seedbed/records/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RecordLine {
    /// The record.
    #[serde(flatten)]
    pub record: Record,
    /// Request messages, as far as this build knows who said them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
}

impl RecordLine {
    /// Reads the two parts of a line one after the other: `flatten` would read every field of a record by a second
    /// program, of 20 KB.
    fn of(value: &Value) -> Result<Self, String> {
        let messages = match value.get("messages") {
            Some(messages) => known(messages).map_err(|error| error.to_string())?,
            None => Vec::new(),
        };
        Ok(Self {
            record: parse(value)?,
            messages,
        })
    }
}

/// The items that can be read.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Value>::deserialize(from)?;
    let known = items
        .into_iter()
        .filter_map(|item| T::deserialize(item).ok());
    Ok(known.collect())
}

/// Reads a line of a record part, of format 2 or 1.
///
/// # Errors
/// What is wrong with the line, for its list of problems.
pub fn record(text: &str) -> Result<Line<RecordLine>, String> {
    let value = checked(text)?;
    let (line, is_whole) = if value.get("fields").is_some() {
        let mut line = RecordLine::of(&value)?;
        let is_bounded = bound(&mut line.record);
        let is_whole = holds(&line, &value);
        (line, is_whole && !is_bounded)
    } else {
        let old: OldRecord = parse(&value)?;
        let is_whole = holds(&old, &value);
        let mut line = old.into_line();
        let is_bounded = bound(&mut line.record);
        (line, is_whole && !is_bounded)
    };
    let record = &line.record;
    name(&record.id, "id")?;
    for id in [
        &record.key,
        &record.prompt_id,
        &record.run_id,
        &record.extends,
    ]
    .into_iter()
    .flatten()
    {
        name(id, "id")?;
    }
    length(&record.cell.topic)?;
    length(&record.cell.perspective)?;
    length(&record.reasoning)?;
    for (id, field) in &record.fields.0 {
        name(id, "field")?;
        if let crate::record::Field::Text(text) = field {
            length(text)?;
        }
    }
    for message in &line.messages {
        length(&message.content)?;
    }
    Ok(Line {
        value: line,
        raw: (!is_whole).then(|| text.to_owned()),
    })
}

/// The line of a record as it came, under the id that it claims by now: what its text lost to another one must not be
/// claimed again. One of format 1 becomes one of format 2, where its key is not its id.
pub fn record_under_id(raw: String, id: &str) -> String {
    let Ok(mut keys) = serde_json::from_str::<Map<String, Value>>(&raw) else {
        return raw;
    };
    if keys.get("id").and_then(Value::as_str) == Some(id) {
        return raw;
    }
    if !keys.contains_key("fields") {
        let old: Result<OldRecord, _> = parse(&Value::Object(keys.clone()));
        let new =
            old.and_then(|old| serde_json::to_value(old.into_line()).map_err(|e| e.to_string()));
        if let Ok(Value::Object(mut new)) = new {
            for moved in [INSTRUCTION, RESPONSE, "key", "inputs", "source", "extends"] {
                keys.remove(moved);
            }
            // What both formats call alike, and what this build does not know, stays as it came.
            new.extend(keys);
            keys = new;
        }
    }
    keys.insert("id".to_owned(), Value::from(id));
    Value::Object(keys).to_string()
}

/// Bounds the numbers that are shown and counted with; tells whether one was beyond.
fn bound(record: &mut Record) -> bool {
    let provenance = &mut record.provenance;
    let usage = provenance.usage.iter_mut();
    let numbers = usage.flat_map(|usage| [&mut usage.prompt_tokens, &mut usage.completion_tokens]);
    let mut is_beyond = false;
    for number in numbers.chain([&mut record.created_ms]) {
        is_beyond |= *number > MOST_NUMBER;
        *number = (*number).min(MOST_NUMBER);
    }
    is_beyond
}

/// Reads a line of a decision part, of format 2 or 1.
///
/// # Errors
/// What is wrong with the line, for its list of problems.
pub fn decision(text: &str) -> Result<Line<Decision>, String> {
    let value = checked(text)?;
    let (decision, is_whole) = if value.get("reviewer").is_some() && value.get("writer").is_none() {
        let old: OldDecision = parse(&value)?;
        let is_whole = holds(&old, &value);
        (old.into_decision(), is_whole)
    } else {
        let decision: Decision = parse(&value)?;
        let is_whole = holds(&decision, &value);
        (decision, is_whole)
    };
    name(&decision.id, "id")?;
    name(&decision.writer, "writer")?;
    clock(decision.clock)?;
    if let Act::Respond(response) = &decision.act {
        for answer in response.answers.values() {
            if let Some(text) = answer.as_str() {
                length(text)?;
            }
        }
    }
    Ok(Line {
        value: decision,
        raw: (!is_whole).then(|| text.to_owned()),
    })
}

/// Reads a line of an instruction part.
///
/// # Errors
/// What is wrong with the line, for its list of problems.
pub fn instruction(text: &str) -> Result<Line<InstructionAct>, String> {
    let value = checked(text)?;
    let mut act: InstructionAct = match value.get("state").and_then(Value::as_str) {
        // A state of a newer build: the act is kept, and not counted.
        Some(state) if PromptState::parse(state).is_none() => {
            let mut other = value.clone();
            other["act"] = Value::from("other");
            parse(&other)?
        }
        _ => parse(&value)?,
    };
    match &mut act.change {
        Change::Add {
            cell,
            to,
            created_ms,
            ..
        } => {
            length(to)?;
            length(&cell.topic)?;
            length(&cell.perspective)?;
            *created_ms = (*created_ms).min(MOST_NUMBER);
        }
        Change::Edit { to } => length(to)?,
        Change::Was { prompt } => was(prompt)?,
        Change::State { .. } | Change::Other => {}
    }
    // What was bounded is not as it came.
    let is_whole = holds(&act, &value);
    name(&act.id, "id")?;
    name(&act.writer, "writer")?;
    name(&act.on, "instruction")?;
    clock(act.clock)?;
    Ok(Line {
        value: act,
        raw: (!is_whole).then(|| text.to_owned()),
    })
}

/// Reads a line of format 1's `prompts.jsonl`.
///
/// # Errors
/// What is wrong with the line, for its list of problems.
pub fn prompt(text: &str) -> Result<Line<InstructionAct>, String> {
    let value = checked(text)?;
    let mut prompt: Prompt = parse(&value)?;
    was(&mut prompt)?;
    let is_whole = holds(&prompt, &value);
    let act = InstructionAct::was(prompt);
    // The act has the line inside.
    let raw = (!is_whole).then(|| {
        let mut whole = serde_json::to_value(&act).unwrap_or_default();
        if let Some(inner) = whole.get_mut("prompt") {
            *inner = value;
        }
        whole.to_string()
    });
    Ok(Line { value: act, raw })
}

/// Checks an instruction of format 1.
fn was(prompt: &mut Prompt) -> Result<(), String> {
    name(&prompt.id, "id")?;
    length(&prompt.text)?;
    length(prompt.original_text.as_deref().unwrap_or_default())?;
    length(&prompt.cell.topic)?;
    length(&prompt.cell.perspective)?;
    prompt.created_ms = prompt.created_ms.min(MOST_NUMBER);
    clock(Clock {
        ms: prompt.updated_ms,
        n: 0,
    })
}

/// The value of a line within all limits, whatever it says.
///
/// # Errors
/// What is wrong with the line, for its list of problems.
pub fn checked(text: &str) -> Result<Value, String> {
    if text.len() > MOST_LINE {
        return Err(format!("longer than {} MB", MOST_LINE / 1024 / 1024));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if !value.is_object() {
        return Err("not an object".to_owned());
    }
    if depth(&value) > MOST_DEPTH {
        return Err(format!("nested more than {MOST_DEPTH} deep"));
    }
    Ok(value)
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

fn name(text: &str, what: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("an empty {what}"));
    }
    if text.len() > MOST_NAME {
        return Err(format!("an overlong {what}"));
    }
    Ok(())
}

fn length(text: &str) -> Result<(), String> {
    // Bytes first: counting is for those that may be too long.
    if text.len() > MOST_TEXT && text.chars().count() > MOST_TEXT {
        return Err(format!("a text of more than {MOST_TEXT} characters"));
    }
    Ok(())
}

fn clock(clock: Clock) -> Result<(), String> {
    if clock.is_credible() {
        Ok(())
    } else {
        Err("a time after the year 2100".to_owned())
    }
}

/// Levels of nesting of a value; a scalar has none.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether `ours` written again says everything that `theirs` says.
fn holds<T: Serialize>(ours: &T, theirs: &Value) -> bool {
    serde_json::to_value(ours).is_ok_and(|ours| covers(&ours, theirs))
}

fn covers(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => theirs.iter().all(|(key, theirs)| {
            match ours.get(key) {
                Some(ours) => covers(ours, theirs),
                // What is left out when it says nothing.
                None => match theirs {
                    Value::Null => true,
                    Value::Array(items) => items.is_empty(),
                    Value::Object(map) => map.is_empty(),
                    _ => false,
                },
            }
        }),
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| covers(ours, theirs))
        }
        (Value::Number(ours), Value::Number(theirs)) => {
            ours == theirs || ours.as_f64() == theirs.as_f64()
        }
        _ => ours == theirs,
    }
}

/// A record of format 1.
#[derive(Serialize, Deserialize)]
struct OldRecord {
    id: String,
    #[serde(default)]
    prompt_id: Option<String>,
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default)]
    cell: Cell,
    instruction: String,
    response: String,
    #[serde(default)]
    provenance: Provenance,
    #[serde(default)]
    created_ms: u64,
    #[serde(default, deserialize_with = "known")]
    messages: Vec<Message>,
}

impl OldRecord {
    fn into_line(self) -> RecordLine {
        let is_imported = self.provenance.imported_from.is_some();
        RecordLine {
            record: Record {
                // The id of format 1 is the key of the request.
                key: (!is_imported).then(|| self.id.clone()),
                id: self.id,
                inputs: Inputs {
                    task: self.provenance.prompt_version.clone(),
                    // Which parts of the seed it read is not known.
                    seed_part: String::new(),
                    on: self.prompt_id.iter().cloned().collect(),
                },
                fields: Fields::of_pair(self.instruction, self.response),
                reasoning: String::new(),
                extends: None,
                source: Vec::new(),
                prompt_id: self.prompt_id,
                run_id: self.run_id,
                cell: self.cell,
                provenance: self.provenance,
                metadata: Map::new(),
                created_ms: self.created_ms,
            },
            messages: self.messages,
        }
    }
}

/// A decision of format 1.
#[derive(Serialize, Deserialize)]
struct OldDecision {
    id: String,
    reviewer: String,
    record_id: String,
    clock: Clock,
    #[serde(flatten)]
    act: OldAct,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
enum OldAct {
    Respond {
        response: OldResponse,
    },
    Undo {
        target: String,
    },
    Redo {
        target: String,
    },
    #[serde(other)]
    Other,
}

/// A response of format 1, also that of a stored draft.
#[derive(Serialize, Deserialize)]
struct OldResponse {
    status: ResponseStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quality: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    improved_instruction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    improved_response: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discard_reason: Option<String>,
}

impl OldResponse {
    fn into_response(self) -> Response {
        let mut response = Response {
            status: self.status,
            reason: self.discard_reason,
            ..Response::default()
        };
        use crate::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE, QUALITY};
        for (question, answer) in [
            (QUALITY, self.quality),
            (IMPROVED_INSTRUCTION, self.improved_instruction),
            (IMPROVED_RESPONSE, self.improved_response),
        ] {
            response.set_text(question, answer.as_deref());
        }
        response
    }
}

impl OldDecision {
    fn into_decision(self) -> Decision {
        Decision {
            id: self.id,
            writer: self.reviewer,
            on: On::record(self.record_id),
            text: None,
            clock: self.clock,
            batch: None,
            act: match self.act {
                OldAct::Respond { response } => Act::Respond(response.into_response()),
                OldAct::Undo { target } => Act::Undo { target },
                OldAct::Redo { target } => Act::Redo { target },
                OldAct::Other => Act::Other,
            },
        }
    }
}

/// Reads a record as format 1 stored it, without the limits of the border.
///
/// # Errors
/// What is wrong with it.
pub fn stored_record(value: Value) -> Result<Record, String> {
    parse::<OldRecord>(&value).map(|old| old.into_line().record)
}

/// Reads a decision as format 1 stored it, without the limits of the border.
///
/// # Errors
/// What is wrong with it.
pub fn stored_decision(text: &str) -> Result<Decision, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    parse::<OldDecision>(&value).map(OldDecision::into_decision)
}

/// Reads a draft as format 1 stored it.
///
/// # Errors
/// What is wrong with it.
pub fn old_draft(text: &str) -> Result<Response, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    parse::<OldResponse>(&value).map(OldResponse::into_response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Quality;

    const OLD_RECORD: &str = r#"{"id":"r1","prompt_id":"p1","run_id":"u1","cell":{"topic":"soil","perspective":"small"},"instruction":"How?","response":"So.","provenance":{"seed_hash":"s","model":"m","provider":"h","sampling":{"temperature":0.7,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":0,"finish_reason":"stop","usage":{"prompt_tokens":5,"completion_tokens":7,"estimated":false}},"created_ms":9,"messages":[{"role":"user","content":"How?"}]}"#;
    const OLD_DECISION: &str = r#"{"id":"1","reviewer":"ann","record_id":"r1","clock":{"ms":1,"n":0},"act":"respond","response":{"status":"submitted","quality":"good","improved_response":"So!"}}"#;

    #[test]
    fn a_record_of_format_1_keeps_its_id_as_id_and_key() {
        let line = record(OLD_RECORD).unwrap();
        assert_eq!(line.raw, None);
        let record = &line.value.record;
        assert_eq!(
            (record.id.as_str(), record.key.as_deref()),
            ("r1", Some("r1"))
        );
        assert_eq!((record.instruction(), record.response()), ("How?", "So."));
        assert_eq!(line.value.messages, [Message::user("How?")]);
        // Written as format 2 it reads the same.
        let again = super::record(&line.text()).unwrap();
        assert_eq!(again, line);
    }

    #[test]
    fn a_line_of_format_1_under_another_id_keeps_its_key_and_what_is_not_known() {
        let known = r#""id":"r1","#;
        let unknown = r#""id":"r1","weather":{"is":"fine"},"#;
        let raw = OLD_RECORD
            .replace(known, unknown)
            .replace(r#""provider":"h""#, r#""provider":"h","rain":2"#);
        let came = record(&raw).unwrap();
        assert_eq!(came.raw.as_deref(), Some(raw.as_str()));
        assert_eq!(record_under_id(raw.clone(), "r1"), raw);
        let own_id = Record::make_id(Some("r1"), &came.value.record.fields);
        let again = record(&record_under_id(raw, &own_id)).unwrap();
        assert!(again.value.record.has_own_id());
        let mut expected = came.value;
        expected.record.id.clone_from(&own_id);
        assert_eq!(again.value, expected);
        let raw = again.raw.unwrap();
        assert!(raw.contains(r#""weather":{"is":"fine"}"#) && raw.contains(r#""rain":2"#));
        // Of format 2 by now: another id changes only the id.
        assert_eq!(record_under_id(raw.clone(), "x"), raw.replace(&own_id, "x"));
    }

    #[test]
    fn a_decision_of_format_1_names_no_text() {
        let line = decision(OLD_DECISION).unwrap();
        assert_eq!(line.raw, None);
        assert_eq!(line.value.text, None);
        let Act::Respond(response) = &line.value.act else {
            panic!("{:?}", line.value.act);
        };
        assert_eq!(response.quality(), Some(Quality::Good));
        assert_eq!(response.improved_response(), Some("So!"));
        assert_eq!(decision(&line.text()).unwrap(), line);
    }

    #[test]
    fn what_is_not_understood_stays_with_the_line() {
        let newer = OLD_RECORD
            .replace(
                r#""finish_reason":"stop""#,
                r#""finish_reason":"tool_calls""#,
            )
            .replace(
                r#""created_ms":9"#,
                r#""created_ms":9,"mood":{"is":"good"}"#,
            );
        let line = record(&newer).unwrap();
        assert_eq!(line.value.record.response(), "So.");
        assert_eq!(line.text(), newer);
        for text in [
            r#"{"id":"1","writer":"ann","on":{"record":"r"},"clock":{"ms":1,"n":0},"act":"praise","stars":5}"#,
            r#"{"id":"1","writer":"ann","on":{"record":"r"},"clock":{"ms":1,"n":0},"act":"note","note":"x","colour":"red"}"#,
            r#"{"id":"1","writer":"ann","on":{"record":"r"},"clock":{"ms":1,"n":0},"act":"respond","status":"parked","answers":{"mood":[1,2]}}"#,
        ] {
            assert_eq!(decision(text).unwrap().text(), text);
        }
    }

    #[test]
    fn lines_beyond_the_limits_are_problems() {
        let deep = format!("{}{}{}", "[".repeat(80), "1", "]".repeat(80));
        let deep = OLD_RECORD.replace(
            r#""created_ms":9"#,
            &format!(r#""created_ms":9,"x":{deep}"#),
        );
        assert!(record(&deep).unwrap_err().contains("nested"));
        let long = OLD_RECORD.replace("So.", &"x".repeat(MOST_TEXT + 1));
        assert!(record(&long).unwrap_err().contains("characters"));
        let late = OLD_DECISION.replace(r#""ms":1"#, r#""ms":4102444800000"#);
        assert!(decision(&late).unwrap_err().contains("2100"));
        assert!(record("[]").is_err());
        assert!(record(&OLD_RECORD.replace(r#""id":"r1""#, r#""id":"""#)).is_err());
    }

    #[test]
    fn numbers_beyond_javascript_are_bounded_and_the_line_stays_as_it_came() {
        let big = OLD_RECORD
            .replace(
                r#""prompt_tokens":5"#,
                r#""prompt_tokens":18446744073709551615"#,
            )
            .replace(r#""created_ms":9"#, r#""created_ms":18446744073709551615"#);
        let line = record(&big).unwrap();
        let usage = line.value.record.provenance.usage.unwrap();
        assert_eq!(usage.prompt_tokens, MOST_NUMBER);
        assert_eq!(line.value.record.created_ms, MOST_NUMBER);
        assert_eq!(line.text(), big);
    }

    #[test]
    fn two_contents_under_one_id_are_told_apart_by_their_hash() {
        let one = decision(OLD_DECISION).unwrap();
        let other = decision(&OLD_DECISION.replace("So!", "No!")).unwrap();
        assert_ne!(one.content_hash(), other.content_hash());
        let again = decision(&one.text()).unwrap();
        assert_eq!(one.content_hash(), again.content_hash());
    }
}
