//! The seed: what the expert says of the domain, and the original tool's `seed_data.json`.

use crate::id::content_id;
use crate::prompt::Cell;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// A question with its answer, as the expert would give it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Unknown keys of an imported example, kept verbatim.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

impl Example {
    /// Both texts are there.
    pub fn is_complete(&self) -> bool {
        !self.question.trim().is_empty() && !self.answer.trim().is_empty()
    }

    /// Neither text is there.
    pub fn is_blank(&self) -> bool {
        self.question.trim().is_empty() && self.answer.trim().is_empty()
    }
}

/// Everything the expert says of the domain. Every edit makes a new [`Seed::hash`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    /// Short name, e.g. "farming".
    pub domain: String,
    /// What the dataset is about and for; our own key `seedbed_description` in the file.
    pub description: String,
    /// Expert definition: the system prompt of the answering model.
    pub expert_prompt: String,
    /// Topics, in the person's order.
    pub topics: Vec<String>,
    /// Perspectives, in the person's order.
    pub perspectives: Vec<String>,
    /// Example pairs.
    pub examples: Vec<Example>,
    /// Unknown keys of an imported file, and derived ones that came with a text of their own, kept verbatim.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

/// Why a `seed_data.json` was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SeedError {
    /// Not JSON.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// JSON, but not an object.
    #[error("expected an object with `domain`, `topics`, `perspectives` and `examples`")]
    NotAnObject,
    /// A known key with a value of another type.
    #[error("`{key}` should be {expected}")]
    WrongType {
        /// The key, with a position for list items.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing can be generated until it is mended.
    Blocker,
    /// The dataset will be worse for it.
    Advice,
}

/// A finding of [`Seed::check`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Field: `domain`, `description`, `expert_prompt`, `topics`, `perspectives`, `examples`.
    pub field: String,
    /// Position in the list, from 0, for list fields.
    pub index: Option<usize>,
    /// How bad.
    pub severity: Severity,
    /// What is wrong and why it matters, in plain words.
    pub text: String,
}

/// Our own key for the description: the original's file has no field for it.
const DESCRIPTION_KEY: &str = "seedbed_description";
const KNOWN: [&str; 6] = [
    "domain",
    DESCRIPTION_KEY,
    "domain_expert_prompt",
    "topics",
    "perspectives",
    "examples",
];

fn text_of(map: &Map<String, Value>, key: &str) -> Result<String, SeedError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(SeedError::WrongType {
            key: key.to_owned(),
            expected: "a text",
        }),
    }
}

fn list_of(map: &Map<String, Value>, key: &str) -> Result<Vec<String>, SeedError> {
    let wrong = |position: Option<usize>| SeedError::WrongType {
        key: position.map_or_else(|| key.to_owned(), |at| format!("{key}[{at}]")),
        expected: if position.is_some() {
            "a text"
        } else {
            "a list of texts"
        },
    };
    match map.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| wrong(Some(at)))
            })
            .filter(|item| item.as_ref().map_or(true, |text| !text.trim().is_empty()))
            .collect(),
        Some(_) => Err(wrong(None)),
    }
}

impl Seed {
    /// Hash of everything that shapes prompts and answers; kept unknown keys do not count.
    pub fn hash(&self) -> String {
        let examples: Vec<(&str, &str)> = self
            .examples
            .iter()
            .filter(|example| !example.is_blank())
            .map(|example| (example.question.as_str(), example.answer.as_str()))
            .collect();
        let mut hash = content_id(&json!({
            "domain": self.domain, "description": self.description, "expert_prompt": self.expert_prompt,
            "topics": self.topics, "perspectives": self.perspectives, "examples": examples,
        }));
        hash.truncate(16);
        hash
    }

    /// Hash of what an answer reads of the seed: the expert definition, or the domain where there is none. Examples
    /// are chosen by a run and belong to its requests; topics and perspectives shape instructions, not answers.
    pub fn answer_part(&self) -> String {
        let expert = self.expert_prompt.trim();
        let domain = if expert.is_empty() {
            self.domain.trim()
        } else {
            ""
        };
        let mut hash = content_id(&("answer-part/1", expert, domain));
        hash.truncate(16);
        hash
    }

    /// The grid, topics outer, perspectives inner; without perspectives each topic is one cell.
    pub fn cells(&self) -> Vec<Cell> {
        let perspectives: &[String] = if self.perspectives.is_empty() {
            &[String::new()]
        } else {
            &self.perspectives
        };
        self.topics
            .iter()
            .flat_map(|topic| {
                perspectives.iter().map(|perspective| Cell {
                    topic: topic.clone(),
                    perspective: perspective.clone(),
                })
            })
            .collect()
    }

    /// The original's `seed_terms`: topics outer loop, perspectives inner loop.
    pub fn seed_terms(&self) -> Vec<String> {
        self.topics
            .iter()
            .flat_map(|topic| {
                self.perspectives
                    .iter()
                    .map(move |perspective| format!("{topic} from a {perspective} perspective"))
            })
            .collect()
    }

    /// The derived `application_instruction`: domain, expert prompt and each complete example once.
    pub fn application_instruction(&self) -> String {
        let mut text = format!("An assistant for the domain of {}.", self.domain.trim());
        if !self.expert_prompt.trim().is_empty() {
            text.push_str("\nThe expert it speaks as:\n");
            text.push_str(self.expert_prompt.trim());
        }
        let complete: Vec<&Example> = self
            .examples
            .iter()
            .filter(|example| example.is_complete())
            .collect();
        if !complete.is_empty() {
            text.push_str("\nExamples:");
            for example in complete {
                text.push_str("\nQuestion: ");
                text.push_str(example.question.trim());
                text.push_str("\nAnswer: ");
                text.push_str(example.answer.trim());
            }
        }
        text
    }

    /// Reads the original's `seed_data.json`. Unknown keys are kept; a pair of empty strings is ignored.
    ///
    /// # Errors
    /// [`SeedError`] naming the key that is wrong.
    pub fn import(text: &str) -> Result<Self, SeedError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| SeedError::Json(error.to_string()))?;
        let Value::Object(map) = value else {
            return Err(SeedError::NotAnObject);
        };
        let mut examples = Vec::new();
        match map.get("examples") {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    let Value::Object(pair) = item else {
                        return Err(SeedError::WrongType {
                            key: format!("examples[{at}]"),
                            expected: "an object with `question` and `answer`",
                        });
                    };
                    let mut extra = pair.clone();
                    extra.shift_remove("question");
                    extra.shift_remove("answer");
                    let example = Example {
                        question: text_of(pair, "question")?,
                        answer: text_of(pair, "answer")?,
                        extra,
                    };
                    if !example.is_blank() || !example.extra.is_empty() {
                        examples.push(example);
                    }
                }
            }
            Some(_) => {
                return Err(SeedError::WrongType {
                    key: "examples".into(),
                    expected: "a list",
                });
            }
        }
        let mut seed = Self {
            domain: text_of(&map, "domain")?,
            description: text_of(&map, DESCRIPTION_KEY)?,
            expert_prompt: text_of(&map, "domain_expert_prompt")?,
            topics: list_of(&map, "topics")?,
            perspectives: list_of(&map, "perspectives")?,
            examples,
            extra: map,
        };
        for key in KNOWN {
            seed.extra.shift_remove(key);
        }
        // A derived list that equals what we would derive need not be kept; another text is the author's own.
        let derived = seed.seed_terms();
        if seed.extra.get("seed_terms") == Some(&json!(derived)) {
            seed.extra.shift_remove("seed_terms");
        }
        if seed.extra.get("application_instruction") == Some(&json!(seed.application_instruction()))
        {
            seed.extra.shift_remove("application_instruction");
        }
        Ok(seed)
    }

    /// Writes the original's `seed_data.json`: its key names, every kept unknown key, derived keys where none came.
    pub fn export(&self) -> String {
        let mut map = Map::new();
        map.insert("domain".into(), json!(self.domain));
        map.insert("perspectives".into(), json!(self.perspectives));
        map.insert("topics".into(), json!(self.topics));
        let examples: Vec<Value> = self
            .examples
            .iter()
            .filter(|example| !example.is_blank() || !example.extra.is_empty())
            .map(|example| {
                let mut pair = Map::new();
                pair.insert("question".into(), json!(example.question));
                pair.insert("answer".into(), json!(example.answer));
                pair.extend(example.extra.clone());
                Value::Object(pair)
            })
            .collect();
        map.insert("examples".into(), Value::Array(examples));
        map.insert("domain_expert_prompt".into(), json!(self.expert_prompt));
        if !self.description.is_empty() {
            map.insert(DESCRIPTION_KEY.into(), json!(self.description));
        }
        map.insert(
            "application_instruction".into(),
            json!(self.application_instruction()),
        );
        map.insert("seed_terms".into(), json!(self.seed_terms()));
        map.extend(self.extra.clone());
        let mut text = serde_json::to_string_pretty(&Value::Object(map)).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What stands in the way of a good dataset, blockers first.
    pub fn check(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut add = |field: &str, index: Option<usize>, severity, text: String| {
            found.push(Finding {
                field: field.to_owned(),
                index,
                severity,
                text,
            });
        };
        if self.domain.trim().is_empty() {
            add(
                "domain",
                None,
                Severity::Blocker,
                "Give the domain a short name: every prompt mentions it.".into(),
            );
        } else if self.domain.chars().count() > 80 {
            add(
                "domain",
                None,
                Severity::Advice,
                "A short name reads better in prompts; put the rest into the description.".into(),
            );
        }
        if self.description.trim().is_empty() {
            add(
                "description",
                None,
                Severity::Advice,
                "Say what the dataset is for; it becomes the opening of the dataset card.".into(),
            );
        }
        if self.expert_prompt.trim().is_empty() {
            add(
                "expert_prompt",
                None,
                Severity::Blocker,
                "Describe the expert: without it the answers come from nobody in particular."
                    .into(),
            );
        } else if self.expert_prompt.split_whitespace().count() < 8 {
            add("expert_prompt", None, Severity::Advice, "A sentence or two about the expert's experience and manner makes the answers sound like one.".into());
        }
        if self.topics.is_empty() {
            add(
                "topics",
                None,
                Severity::Blocker,
                "Add at least one topic: topics are the rows of the grid.".into(),
            );
        }
        if self.perspectives.is_empty() {
            add(
                "perspectives",
                None,
                Severity::Advice,
                "Perspectives multiply the variety: each topic is asked from each of them.".into(),
            );
        }
        for (field, items) in [
            ("topics", &self.topics),
            ("perspectives", &self.perspectives),
        ] {
            let mut seen = HashSet::new();
            for (at, item) in items.iter().enumerate() {
                if item.trim().is_empty() {
                    add(
                        field,
                        Some(at),
                        Severity::Blocker,
                        "This one is empty: fill it in or remove it.".into(),
                    );
                } else if !seen.insert(item.trim().to_lowercase()) {
                    add(
                        field,
                        Some(at),
                        Severity::Blocker,
                        format!(
                            "“{}” is here twice; its cells would be asked twice.",
                            item.trim()
                        ),
                    );
                } else if item.chars().count() > 120 {
                    add(
                        field,
                        Some(at),
                        Severity::Advice,
                        "This is long for a cell name; a few words work best.".into(),
                    );
                }
            }
        }
        if !self.examples.iter().any(Example::is_complete) {
            add(
                "examples",
                None,
                Severity::Advice,
                "One or two complete examples show the model the depth and tone you want.".into(),
            );
        }
        let mut questions = HashSet::new();
        for (at, example) in self.examples.iter().enumerate() {
            if example.is_blank() {
                continue;
            }
            if !example.is_complete() {
                let missing = if example.question.trim().is_empty() {
                    "question"
                } else {
                    "answer"
                };
                add(
                    "examples",
                    Some(at),
                    Severity::Advice,
                    format!(
                        "The {missing} is missing; incomplete examples are left out of prompts."
                    ),
                );
            } else if !questions.insert(example.question.trim().to_lowercase()) {
                add(
                    "examples",
                    Some(at),
                    Severity::Advice,
                    "The same question stands in another example.".into(),
                );
            }
        }
        found.sort_by_key(|finding| finding.severity == Severity::Advice);
        found
    }

    /// Whether instructions can be drafted.
    pub fn is_ready(&self) -> bool {
        self.check()
            .iter()
            .all(|finding| finding.severity != Severity::Blocker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FARMING: &str = include_str!("../tests/data/farming-seed_data.json");

    #[test]
    fn the_original_seed_keeps_every_key_and_value_on_a_round_trip() {
        let before: Map<String, Value> = serde_json::from_str(FARMING).unwrap();
        let after: Map<String, Value> =
            serde_json::from_str(&Seed::import(FARMING).unwrap().export()).unwrap();
        for (key, value) in &before {
            assert_eq!(after.get(key), Some(value), "key {key}");
        }
    }

    #[test]
    fn unknown_and_misspelt_keys_come_back() {
        let text = r#"{"domain":"x","topcis":["a"],"seed_terms":["mine"],"examples":[{"question":"q","answer":"a","sorce":"b"},{"question":"","answer":""}]}"#;
        let seed = Seed::import(text).unwrap();
        assert_eq!(seed.examples.len(), 1);
        let again: Value = serde_json::from_str(&seed.export()).unwrap();
        assert_eq!(again["topcis"], json!(["a"]));
        assert_eq!(again["seed_terms"], json!(["mine"]));
        assert_eq!(again["examples"][0]["sorce"], "b");
    }

    #[test]
    fn derived_keys_are_computed_when_absent() {
        let seed = Seed {
            topics: vec!["soil".into()],
            perspectives: vec!["permaculture".into()],
            ..Seed::default()
        };
        let file: Value = serde_json::from_str(&seed.export()).unwrap();
        assert_eq!(
            file["seed_terms"],
            json!(["soil from a permaculture perspective"])
        );
    }

    #[test]
    fn the_hash_follows_content_only() {
        let seed = Seed::import(FARMING).unwrap();
        let mut other = seed.clone();
        other.extra.insert("note".into(), json!(1));
        other.examples.push(Example::default());
        assert_eq!(seed.hash(), other.hash());
        other.topics.reverse();
        assert_ne!(seed.hash(), other.hash());
    }

    #[test]
    fn an_answer_stands_on_the_expert_and_not_on_the_topics() {
        let seed = Seed::import(FARMING).unwrap();
        let mut other = seed.clone();
        other.topics.push("one more".into());
        other.domain.push_str(" and more");
        assert_eq!(seed.answer_part(), other.answer_part());
        other.expert_prompt.push_str(" Be brief.");
        assert_ne!(seed.answer_part(), other.answer_part());
        other.expert_prompt.clear();
        let unnamed = other.answer_part();
        other.domain.push('!');
        assert_ne!(unnamed, other.answer_part());
    }

    #[test]
    fn a_wrong_type_names_its_place() {
        let error = Seed::import(r#"{"topics":["a",3]}"#).unwrap_err();
        assert_eq!(error.to_string(), "`topics[1]` should be a text");
    }

    #[test]
    fn blockers_come_first_and_duplicates_are_found_without_case() {
        let seed = Seed {
            topics: vec!["Soil".into(), "soil ".into()],
            ..Seed::default()
        };
        let found = seed.check();
        assert_eq!(found[0].severity, Severity::Blocker);
        assert!(
            found
                .iter()
                .any(|finding| finding.field == "topics" && finding.index == Some(1))
        );
        assert!(!seed.is_ready());
    }
}
