//! Records: the fields to review, with everything known of how they came to be.
//!
//! Two identities, because an answer is sampled: the **request key** ([`request_key`]) names what was asked, so that
//! nothing is asked twice; the **record id** ([`Record::make_id`]) names key and text, so that two answers to one
//! request are two records. Decisions name the text they were made on ([`Fields::text_hash`]).

use crate::id::{content_id, id_of, write_canonical, write_json};
use crate::model::{FinishReason, Message, Role, Sampling, Usage};
use crate::prompt::Cell;
use crate::turns::{self, Turn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// Field that holds the text to be answered.
pub const INSTRUCTION: &str = "instruction";
/// Field that holds the text that answers.
pub const RESPONSE: &str = "response";

/// The content of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// Plain text; a JSON string.
    Text(String),
    /// An object of a `kind`: a conversation ([`crate::turns`]), or what a later format defines, as it came.
    Other(Value),
}

impl Field {
    /// The conversation in it; `None` when it holds something else.
    pub fn turns(&self) -> Option<Vec<Turn>> {
        match self {
            Self::Text(_) => None,
            Self::Other(content) => turns::of(content),
        }
    }

    /// All words of it, those of a conversation too; none of a kind that this build does not know.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Other(_) => {
                let turns = self.turns();
                Cow::Owned(turns.map_or_else(String::new, |turns| turns::plain(&turns)))
            }
        }
    }
}

/// The fields of a record by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub BTreeMap<String, Field>);

impl Fields {
    /// The two fields of the original tool.
    pub fn of_pair(instruction: impl Into<String>, response: impl Into<String>) -> Self {
        Self(BTreeMap::from([
            (INSTRUCTION.to_owned(), Field::Text(instruction.into())),
            (RESPONSE.to_owned(), Field::Text(response.into())),
        ]))
    }

    /// The text of a field; empty when it is missing or no text.
    pub fn text(&self, id: &str) -> &str {
        match self.0.get(id) {
            Some(Field::Text(text)) => text,
            _ => "",
        }
    }

    /// An instruction and the conversation that it begins.
    pub fn of_turns(turns: &[Turn]) -> Self {
        Self(BTreeMap::from([
            (
                INSTRUCTION.to_owned(),
                Field::Text(turns::first(turns, Role::User).to_owned()),
            ),
            (RESPONSE.to_owned(), Field::Other(turns::field(turns))),
        ]))
    }

    /// The conversation in a field; `None` when it holds something else.
    pub fn turns(&self, id: &str) -> Option<Vec<Turn>> {
        self.0.get(id)?.turns()
    }

    /// All words of a field, those of a conversation too.
    pub fn words(&self, id: &str) -> Cow<'_, str> {
        self.0.get(id).map_or(Cow::Borrowed(""), Field::words)
    }

    /// Replaces a field by a text.
    pub fn set_text(&mut self, id: &str, text: impl Into<String>) {
        self.0.insert(id.to_owned(), Field::Text(text.into()));
    }

    /// Hash of all fields: what a decision names as the text it was made on. 32 hex digits.
    pub fn text_hash(&self) -> String {
        let mut json = Vec::new();
        self.write_canonical(&mut json);
        id_of(&json)
    }

    /// Writes canonical JSON: the map is in order by itself.
    fn write_canonical(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, (id, field)) in self.0.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_json(id, out);
            out.push(b':');
            match field {
                Field::Text(text) => write_json(text, out),
                Field::Other(value) => write_canonical(value, out),
            }
        }
        out.push(b'}');
    }
}

/// How a record was made. Fixed at birth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Hash of the whole seed it was made under.
    #[serde(default)]
    pub seed_hash: String,
    /// Model id as asked, without provider suffix.
    #[serde(default)]
    pub model: String,
    /// Model revision or file hash, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Quantization, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Provider or host that answered (host only, never a full address with a key in it).
    #[serde(default)]
    pub provider: String,
    /// Sampling settings as sent; absent for imported records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Version of the task text.
    #[serde(default)]
    pub prompt_version: String,
    /// Which of the answers to the same instruction this is, from 0.
    #[serde(default)]
    pub sample_index: u32,
    /// Why the reply ended.
    #[serde(default)]
    pub finish_reason: FinishReason,
    /// Tokens of the request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Flags that keep it out of the commit unless a person accepts it: `truncated`, `refusal`, `empty`, ….
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// File it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<String>,
}

/// What a record stands on. When any of it changes, the record is stale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Version of the task text; empty for imported records.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// Hash of the parts of the seed that the task reads ([`crate::seed::Seed::answer_part`]); empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seed_part: String,
    /// Ids of the instruction, passage or turn it stands on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
}

/// Where an imported record comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// File name, or `namespace/name` of a dataset.
    #[serde(default)]
    pub name: String,
    /// Revision of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Config of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Its split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Row or line in it, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Which of two answers that were compared there: `chosen` or `rejected`.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// One record, as stored and as written to `.seedbed/records/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`Record::make_id`]; ids of format 1 stay as they are.
    pub id: String,
    /// The request that it answers ([`request_key`]); absent for imported records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it stands on.
    #[serde(default)]
    pub inputs: Inputs,
    /// What is reviewed.
    pub fields: Fields,
    /// What the model thought before it answered, where it tells, or an imported column. Nobody reviews it, and no id depends on it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// The record that this one extends, e.g. by a field a custom stage made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Where it was imported from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<Source>,
    /// The instruction it answers; absent for imported rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// The run that made it; absent for imported rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Its cell.
    #[serde(default)]
    pub cell: Cell,
    /// How it was made.
    #[serde(default)]
    pub provenance: Provenance,
    /// Other columns of the table that it was imported from, by wish.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Milliseconds since 1970 when it was stored first.
    #[serde(default)]
    pub created_ms: u64,
}

impl Record {
    /// The id of the record with these fields that answers `key`.
    pub fn make_id(key: Option<&str>, fields: &Fields) -> String {
        id_of(&id_json(key, fields).0)
    }

    /// [`Self::make_id`] and [`Fields::text_hash`]: both read the fields, which are long.
    pub fn hashes(key: Option<&str>, fields: &Fields) -> (String, String) {
        let (json, text) = id_json(key, fields);
        let text = id_of(&json[text]);
        (id_of(&json), text)
    }

    /// Whether the id follows from key and fields, so that no other text can claim it.
    pub fn has_own_id(&self) -> bool {
        self.id == Self::make_id(self.key.as_deref(), &self.fields)
    }

    /// Field `instruction`.
    pub fn instruction(&self) -> &str {
        self.fields.text(INSTRUCTION)
    }

    /// Field `response`, as generated.
    pub fn response(&self) -> &str {
        self.fields.text(RESPONSE)
    }

    /// Came with a file instead of from a model.
    pub fn is_imported(&self) -> bool {
        self.provenance.imported_from.is_some() || !self.source.is_empty()
    }
}

/// What a record's id is the content id of, version, key and fields, and where in it the fields stand.
fn id_json(key: Option<&str>, fields: &Fields) -> (Vec<u8>, Range<usize>) {
    let mut json = b"[2,".to_vec();
    write_json(&key, &mut json);
    json.push(b',');
    let from = json.len();
    fields.write_canonical(&mut json);
    let text = from..json.len();
    json.push(b']');
    (json, text)
}

/// What names a request: everything that decides the text of its answer, and nothing else. Never a counter, never a
/// time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestKey<'a> {
    /// Pipeline stage, e.g. `answer`.
    pub stage: &'a str,
    /// Model id with provider suffix, as sent.
    pub model: &'a str,
    /// What tells two models of one name apart: the origin of an OpenAI-compatible address, the hash of a file in the
    /// tab. Absent on the router, whose model ids are global.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'a str>,
    /// Sampling settings as sent.
    pub sampling: &'a Sampling,
    /// Version of the task text.
    pub prompt_version: &'a str,
    /// The full request messages.
    pub messages: &'a [Message],
    /// Which sample of the same request, from 0.
    pub sample_index: u32,
}

/// The key of a request. Without an origin it is the id that format 1 gave to the record.
pub fn request_key(key: &RequestKey<'_>) -> String {
    content_id(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_answers_to_one_request_are_two_records() {
        let id =
            |response: &str| Record::make_id(Some("k"), &Fields::of_pair("How deep?", response));
        assert_ne!(id("2 cm"), id("20 cm"));
        assert_eq!(id("2 cm"), id("2 cm"));
    }

    #[test]
    fn an_id_is_the_content_id_of_version_key_and_fields() {
        let fields = Fields(BTreeMap::from([
            ("b".to_owned(), Field::Other(json!({"z": [1.5], "a": "\n"}))),
            ("\"a".to_owned(), Field::Text("So \u{e9}.".to_owned())),
        ]));
        for key in [None, Some("k\"")] {
            let hashes = (content_id(&(2, key, &fields)), content_id(&fields));
            assert_eq!(Record::hashes(key, &fields), hashes);
        }
    }

    #[test]
    fn a_field_of_an_unknown_kind_comes_back_as_it_was() {
        let text = r#"{"response":{"kind":"turns","turns":[{"role":"user","text":"hi"}]}}"#;
        let fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(fields.text(RESPONSE), "");
        assert_eq!(serde_json::to_string(&fields).unwrap(), text);
    }

    #[test]
    fn a_key_without_origin_is_the_id_of_format_1() {
        let sampling = Sampling::default();
        let messages = [Message::user("How deep?")];
        let key = |origin| {
            request_key(&RequestKey {
                stage: "answer",
                model: "m",
                origin,
                sampling: &sampling,
                prompt_version: "answer/1",
                messages: &messages,
                sample_index: 0,
            })
        };
        let old = content_id(&json!({
            "stage": "answer", "model": "m", "sampling": sampling, "prompt_version": "answer/1",
            "messages": messages, "sample_index": 0,
        }));
        assert_eq!(key(None), old);
        assert_ne!(key(Some("http://localhost:11434")), old);
    }
}
