//! Dataset cards: the YAML between the two marks at the top of README.md, read and checked.

use crate::http::{Answer, Call, json_reply};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

const SIZES: [&str; 11] = [
    "n<1K",
    "1K<n<10K",
    "10K<n<100K",
    "100K<n<1M",
    "1M<n<10M",
    "10M<n<100M",
    "100M<n<1B",
    "1B<n<10B",
    "10B<n<100B",
    "100B<n<1T",
    "n>1T",
];

/// The YAML of a card, if it has any.
fn front_matter(card: &str) -> Option<&str> {
    let rest = card.trim_start_matches('\u{feff}').strip_prefix("---")?;
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))?;
    if rest.starts_with("---") {
        return Some("");
    }
    rest.find("\n---").and_then(|end| rest.get(..=end))
}

fn to_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Real(text) => text
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or_else(|| text.clone().into(), Value::Number),
        Yaml::Integer(number) => (*number).into(),
        Yaml::String(text) => text.clone().into(),
        Yaml::Boolean(flag) => (*flag).into(),
        Yaml::Array(items) => items.iter().map(to_json).collect(),
        Yaml::Hash(pairs) => pairs
            .iter()
            .map(|(key, value)| {
                let key = match to_json(key) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (key, to_json(value))
            })
            .collect::<Map<String, Value>>()
            .into(),
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => Value::Null,
    }
}

fn parse(yaml: &str) -> Result<Value, (String, usize)> {
    let documents = YamlLoader::load_from_str(yaml)
        .map_err(|error| (error.info().to_owned(), error.marker().line()))?;
    Ok(documents.first().map_or(Value::Null, to_json))
}

/// A card's metadata as JSON; `None` without any or with broken ones.
pub(crate) fn metadata(card: &str) -> Option<Value> {
    parse(front_matter(card)?).ok().filter(Value::is_object)
}

#[derive(Deserialize)]
struct Wanted {
    content: String,
}

pub(crate) async fn validate(call: &mut Call) -> Answer {
    let wanted: Wanted = call.json().await?;
    let (errors, warnings) = check(&wanted.content);
    // The Python client looks at the errors of a 400 only.
    let status = if errors.is_empty() { 200 } else { 400 };
    Ok(json_reply(
        status,
        &json!({ "errors": errors, "warnings": warnings }),
    ))
}

fn said(message: impl Into<String>) -> Value {
    json!({ "message": message.into() })
}

/// Errors and warnings in the Hub's shape.
fn check(card: &str) -> (Vec<Value>, Vec<Value>) {
    let Some(yaml) = front_matter(card) else {
        return (
            Vec::new(),
            vec![said("empty or missing yaml metadata in repo card")],
        );
    };
    let metadata = match parse(yaml) {
        Err((message, line)) => {
            // The marks' own line comes before the first of the YAML.
            let error = json!({ "message": message, "line": line + 1 });
            return (vec![error], Vec::new());
        }
        Ok(Value::Null) => {
            return (
                Vec::new(),
                vec![said("empty or missing yaml metadata in repo card")],
            );
        }
        Ok(Value::Object(map)) => map,
        Ok(_) => {
            return (
                vec![said("the metadata have to be keys with values")],
                Vec::new(),
            );
        }
    };
    let mut errors = Vec::new();
    for key in [
        "tags",
        "task_categories",
        "size_categories",
        "language",
        "license",
    ] {
        let is_fine = match metadata.get(key) {
            None | Some(Value::Null | Value::String(_)) => true,
            Some(Value::Array(items)) => items.iter().all(Value::is_string),
            Some(_) => false,
        };
        if !is_fine {
            errors.push(said(format!(
                "\"{key}\" must be a string or a list of strings"
            )));
        }
    }
    let sizes = match metadata.get("size_categories") {
        Some(Value::String(size)) => vec![size.as_str()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for size in sizes.into_iter().filter(|size| !SIZES.contains(size)) {
        errors.push(said(format!("\"size_categories\" knows no {size:?}")));
    }
    match metadata.get("dataset_info") {
        None | Some(Value::Null | Value::Object(_) | Value::Array(_)) => {}
        Some(_) => errors.push(said(
            "\"dataset_info\" must be an object or a list of objects",
        )),
    }
    check_configs(metadata.get("configs"), &mut errors);
    (errors, Vec::new())
}

fn check_configs(configs: Option<&Value>, errors: &mut Vec<Value>) {
    let Some(configs) = configs.filter(|configs| !configs.is_null()) else {
        return;
    };
    let Some(configs) = configs.as_array() else {
        errors.push(said("\"configs\" must be an array"));
        return;
    };
    let mut names = Vec::new();
    for (at, config) in configs.iter().enumerate() {
        match config.get("config_name").and_then(Value::as_str) {
            None => errors.push(said(format!("\"configs[{at}].config_name\" is required"))),
            Some(name) if names.contains(&name) => {
                errors.push(said(format!(
                    "\"configs[{at}].config_name\" is used twice: {name:?}"
                )));
            }
            Some(name) => names.push(name),
        }
        let is_path = |value: &Value| {
            value.is_string()
                || value
                    .as_array()
                    .is_some_and(|paths| paths.iter().all(Value::is_string))
        };
        let is_fine = match config.get("data_files") {
            None => true,
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {
                items.iter().all(|item| {
                    item.get("split").is_some_and(Value::is_string)
                        && item.get("path").is_some_and(is_path)
                })
            }
            Some(other) => is_path(other),
        };
        if !is_fine {
            errors.push(said(format!(
                "\"configs[{at}].data_files\" must be paths, or splits with a path each"
            )));
        }
    }
    let defaults = configs
        .iter()
        .filter(|config| config.get("default").and_then(Value::as_bool) == Some(true))
        .count();
    if defaults > 1 {
        errors.push(said("only one of \"configs\" can be the default"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_card_has_no_errors_and_reads_as_json() {
        let card = "---\nlicense: mit\nsize_categories: n<1K\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*.parquet\n---\n# x\n";
        assert_eq!(check(card), (Vec::new(), Vec::new()));
        let metadata = metadata(card).expect("there is YAML");
        assert_eq!(metadata["configs"][0]["data_files"][0]["split"], "train");
    }

    #[test]
    fn broken_yaml_and_wrong_configs_are_errors_with_a_place() {
        let (errors, _) = check("---\nlicense: [mit\ntags: x\n---\n");
        assert!(errors[0]["line"].is_number(), "{errors:?}");
        for wrong in [
            "configs: default",
            "configs:\n- data_files: a.parquet",
            "configs:\n- config_name: a\n  data_files:\n  - split: train",
            "configs:\n- config_name: a\n- config_name: a",
            "size_categories: n<2K",
            "tags: 5",
        ] {
            let (errors, _) = check(&format!("---\n{wrong}\n---\n"));
            assert_eq!(errors.len(), 1, "{wrong}: {errors:?}");
        }
    }

    #[test]
    fn a_card_without_metadata_is_warned_about() {
        for card in ["# Title\n", "", "---\n---\n# x\n"] {
            let (errors, warnings) = check(card);
            assert!(errors.is_empty());
            assert_eq!(warnings.len(), 1, "{card:?}");
        }
    }
}
