//! Run settings, and the original tool's `pipeline_params.json`.

use crate::model::Sampling;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Settings of drafting and answering; they live with the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Instructions to draft per cell, 1..=50.
    pub instructions_per_cell: u32,
    /// Answers to ask per instruction, 1..=10.
    pub answers_per_instruction: u32,
    /// Sampling of drafting and evolving.
    pub instruct: Sampling,
    /// Sampling of answering.
    pub answer: Sampling,
    /// Requests in flight at most, 1..=16.
    pub concurrency: u32,
    /// Rows to ask for at most in one run, if capped.
    pub row_cap: Option<u32>,
    /// Keys of an imported `pipeline_params.json` that Seedbed does not use, kept verbatim.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            instructions_per_cell: 2,
            answers_per_instruction: 1,
            instruct: Sampling::default(),
            answer: Sampling {
                temperature: 0.7,
                ..Sampling::default()
            },
            concurrency: 6,
            row_cap: None,
            extra: Map::new(),
        }
    }
}

/// Why a `pipeline_params.json` was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// Not JSON.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// JSON, but not an object.
    #[error("expected an object with the run settings")]
    NotAnObject,
    /// A known key with a value of the wrong type.
    #[error("`{key}` should be a number, but is `{found}`")]
    NotANumber {
        /// The key.
        key: &'static str,
        /// Its value as JSON.
        found: String,
    },
}

/// The key the original reads and the misspelt one its form writes; a file may hold either or both.
const INSTRUCTIONS: [&str; 2] = [
    "self_instruct_num_generations",
    "self_intruct_num_generations",
];
const ANSWERS: &str = "domain_expert_num_generations";
const TEMPERATURES: [&str; 2] = ["self_instruct_temperature", "domain_expert_temperature"];
const MAX_TOKENS: [&str; 2] = [
    "self_instruct_max_new_tokens",
    "domain_expert_max_new_tokens",
];

fn number(map: &Map<String, Value>, key: &'static str) -> Result<Option<f64>, ParamsError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
            .map(Some)
            .ok_or_else(|| ParamsError::NotANumber {
                key,
                found: value.to_string(),
            }),
    }
}

impl RunSettings {
    /// Reads the original's file over `self`: keys it lacks keep their value, keys unknown to Seedbed are kept.
    ///
    /// # Errors
    /// [`ParamsError`] when it is no JSON object or a known key holds no number; `self` is then unchanged.
    pub fn import_pipeline_params(&self, text: &str) -> Result<Self, ParamsError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| ParamsError::Json(error.to_string()))?;
        let Value::Object(map) = value else {
            return Err(ParamsError::NotAnObject);
        };
        let mut next = self.clone();
        // The correctly spelt key wins: it is the one the original's runner reads.
        for key in INSTRUCTIONS.into_iter().rev() {
            if let Some(count) = number(&map, key)? {
                next.instructions_per_cell = (count as u32).clamp(1, 50);
            }
        }
        if let Some(count) = number(&map, ANSWERS)? {
            next.answers_per_instruction = (count as u32).clamp(1, 10);
        }
        if let Some(value) = number(&map, TEMPERATURES[0])? {
            next.instruct.temperature = value.clamp(0.0, 2.0);
        }
        if let Some(value) = number(&map, TEMPERATURES[1])? {
            next.answer.temperature = value.clamp(0.0, 2.0);
        }
        if let Some(value) = number(&map, MAX_TOKENS[0])? {
            next.instruct.max_tokens = (value as u32).max(1);
        }
        if let Some(value) = number(&map, MAX_TOKENS[1])? {
            next.answer.max_tokens = (value as u32).max(1);
        }
        next.extra = map;
        for key in INSTRUCTIONS
            .iter()
            .chain([&ANSWERS])
            .chain(&TEMPERATURES)
            .chain(&MAX_TOKENS)
        {
            next.extra.shift_remove(*key);
        }
        Ok(next)
    }

    /// Writes the original's file: both spellings of the misspelt key, and every unknown key as it came.
    pub fn export_pipeline_params(&self) -> String {
        let mut map = self.extra.clone();
        for key in INSTRUCTIONS {
            map.insert(key.to_owned(), json!(self.instructions_per_cell));
        }
        map.insert(ANSWERS.to_owned(), json!(self.answers_per_instruction));
        map.insert(TEMPERATURES[0].to_owned(), json!(self.instruct.temperature));
        map.insert(TEMPERATURES[1].to_owned(), json!(self.answer.temperature));
        map.insert(MAX_TOKENS[0].to_owned(), json!(self.instruct.max_tokens));
        map.insert(MAX_TOKENS[1].to_owned(), json!(self.answer.max_tokens));
        let mut text = serde_json::to_string_pretty(&Value::Object(map)).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_spelling_is_read_and_both_are_written() {
        let misspelt = RunSettings::default()
            .import_pipeline_params(
                r#"{"self_intruct_num_generations": 7, "argilla_api_url": "https://x", "n": null}"#,
            )
            .unwrap();
        assert_eq!(misspelt.instructions_per_cell, 7);
        let written: Value = serde_json::from_str(&misspelt.export_pipeline_params()).unwrap();
        assert_eq!(written["self_instruct_num_generations"], 7);
        assert_eq!(written["self_intruct_num_generations"], 7);
        assert_eq!(written["argilla_api_url"], "https://x");
        assert!(written.get("n").is_some_and(Value::is_null));
        let both = RunSettings::default()
            .import_pipeline_params(
                r#"{"self_intruct_num_generations": 7, "self_instruct_num_generations": 3}"#,
            )
            .unwrap();
        assert_eq!(both.instructions_per_cell, 3);
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let error = RunSettings::default()
            .import_pipeline_params(r#"{"domain_expert_temperature": []}"#)
            .unwrap_err();
        assert!(
            error.to_string().contains("domain_expert_temperature"),
            "{error}"
        );
    }
}
