//! Which of the files that a person picked together make a model that runs in this tab.

use super::gguf::check_name;
use serde_json::Value;

/// Weights.
const WEIGHTS: &str = ".safetensors";
/// What says which weights are in which file.
const INDEX: &str = ".safetensors.index.json";
/// Without these a model in safetensors can't be run.
const NEEDED: [&str; 2] = ["config.json", "tokenizer.json"];
/// These are used if they are there.
const USED: [&str; 3] = [
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
];

/// What was picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// A GGUF file, which holds everything.
    Gguf,
    /// The files of a model in safetensors: their places among what was picked.
    Checkpoint(Vec<usize>),
}

/// What the files called `names` are together.
///
/// # Errors
/// What is missing or too much, in plain words.
pub fn picked(names: &[String]) -> Result<Picked, String> {
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let count = |end: &str| lower.iter().filter(|name| name.ends_with(end)).count();
    let weights = count(WEIGHTS);
    if count(".gguf") > 0 && names.len() > 1 {
        return Err("A GGUF file holds everything. Choose it alone.".to_owned());
    }
    if let ([name], true) = (names, weights == 0 && count(".json") == 0) {
        return check_name(name)
            .map(|()| Picked::Gguf)
            .map_err(str::to_owned);
    }
    let mut missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| !lower.iter().any(|other| other == name))
        .collect();
    if weights == 0 {
        missing.push("the .safetensors files");
    } else if weights > 1 && count(INDEX) == 0 {
        missing.push("model.safetensors.index.json");
    }
    if let Some((last, others)) = missing.split_last() {
        let list = match others {
            [] => (*last).to_owned(),
            others => format!("{} and {last}", others.join(", ")),
        };
        return Err(format!(
            "Choose {list} too: all files of a model in safetensors are chosen at once."
        ));
    }
    let is_used = |name: &String| {
        let name = name.as_str();
        NEEDED.contains(&name)
            || USED.contains(&name)
            || name.ends_with(WEIGHTS)
            || (name.ends_with(INDEX) && weights > 1)
    };
    let places = lower.iter().enumerate().filter(|(_, name)| is_used(name));
    Ok(Picked::Checkpoint(places.map(|(at, _)| at).collect()))
}

/// A name for a model in safetensors: that of its weights, or what its config.json calls it.
pub fn checkpoint_name(config: &str, names: &[String]) -> String {
    let weights = names.iter().find_map(|name| name.strip_suffix(WEIGHTS));
    // What everybody's weights are called says nothing.
    let own = weights.filter(|stem| *stem != "model" && !stem.starts_with("model-0"));
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let text = |key: &str| {
        let last = config[key].as_str()?.rsplit(['/', '\\']).next()?;
        (!last.is_empty() && last != ".").then_some(last)
    };
    let name = own
        .or_else(|| text("_name_or_path"))
        .or_else(|| text("model_type"))
        .unwrap_or("model");
    format!("{name}{WEIGHTS}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_gguf_file_is_chosen_alone() {
        assert_eq!(picked(&names(&["m.GGUF"])), Ok(Picked::Gguf));
        assert!(
            picked(&names(&["m.gguf", "config.json"]))
                .unwrap_err()
                .contains("alone")
        );
        assert!(picked(&names(&["m.bin"])).unwrap_err().contains("GGUF"));
    }

    #[test]
    fn the_files_of_a_checkpoint_are_told_from_what_lies_beside_them() {
        let all = [
            "README.md",
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "vocab.json",
            "chat_template.jinja",
        ];
        assert_eq!(
            picked(&names(&all)),
            Ok(Picked::Checkpoint(vec![1, 2, 3, 5]))
        );
        let shards = [
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
        ];
        assert_eq!(
            picked(&names(&shards)),
            Ok(Picked::Checkpoint(vec![0, 1, 2, 3, 4]))
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (all, word) in [
            (&["model.safetensors"][..], "config.json and tokenizer.json"),
            (
                &["config.json"],
                "tokenizer.json and the .safetensors files",
            ),
            (&["config.json", "tokenizer.json"], "the .safetensors files"),
            (
                &[
                    "config.json",
                    "tokenizer.json",
                    "a.safetensors",
                    "b.safetensors",
                ],
                "index.json",
            ),
        ] {
            let error = picked(&names(all)).unwrap_err();
            assert!(error.contains(word), "{all:?}: {error}");
        }
    }

    #[test]
    fn a_checkpoint_has_a_name_that_says_something() {
        let config = r#"{"_name_or_path": "org/Small-1B", "model_type": "llama"}"#;
        let plain = names(&["config.json", "model.safetensors"]);
        assert_eq!(checkpoint_name(config, &plain), "Small-1B.safetensors");
        let own = names(&["mine.safetensors"]);
        assert_eq!(checkpoint_name(config, &own), "mine.safetensors");
        let tuned = r#"{"_name_or_path": "", "model_type": "llama"}"#;
        assert_eq!(checkpoint_name(tuned, &plain), "llama.safetensors");
        assert_eq!(checkpoint_name("no JSON", &plain), "model.safetensors");
    }
}
