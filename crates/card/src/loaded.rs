//! What loaders find in a repo: configs and their splits with the files of each, as the card says or as they guess.

use crate::files;
use crate::read::Config;
use std::collections::HashSet;

/// A config with the files of its splits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Its name; `default` where the card names none.
    pub name: String,
    /// Whether loaders take it when none is named.
    pub is_default: bool,
    /// The card declares it; else it was guessed from the names of the files.
    pub is_declared: bool,
    /// Splits with their files, those without any left out.
    pub splits: Vec<(String, Vec<String>)>,
}

/// Files that loaders pass over unless they are named.
fn is_hidden(path: &str) -> bool {
    path.split('/')
        .any(|part| part.starts_with('.') || part.starts_with("__"))
}

fn owned(splits: Vec<(String, Vec<&str>)>) -> Vec<(String, Vec<String>)> {
    splits
        .into_iter()
        .map(|(split, files)| (split, files.into_iter().map(str::to_owned).collect()))
        .collect()
}

/// Folder and name as one path, without `./` and doubled slashes.
fn joined(folder: &str, name: &str) -> String {
    format!("{folder}/{name}")
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect::<Vec<_>>()
        .join("/")
}

/// The files that guessing finds below a folder, which is empty for all.
fn guessed(folder: &str, paths: &[&str]) -> Vec<(String, Vec<String>)> {
    let prefix = match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let below: Vec<&str> = paths
        .iter()
        .filter_map(|path| path.strip_prefix(&prefix))
        .filter(|path| files::is_data_file(path))
        .collect();
    let divided = files::divided(&below).map_or_else(Vec::new, |divided| divided.splits);
    owned(divided)
        .into_iter()
        .map(|(split, files)| {
            let whole = files.iter().map(|file| format!("{prefix}{file}")).collect();
            (split, whole)
        })
        .collect()
}

/// The configs of a repo with these files, the default one first. None when there is nothing that a loader would take.
pub fn loaded(declared: &[Config], paths: &[&str]) -> Vec<Loaded> {
    let mut found: Vec<Loaded> = Vec::new();
    for config in declared {
        let folder = joined("", config.data_dir.as_deref().unwrap_or_default());
        let mut splits: Vec<(String, Vec<String>)> = Vec::new();
        let mut known: HashSet<(&str, &str)> = HashSet::new();
        if config.splits.is_empty() {
            splits = guessed(&folder, paths);
        }
        for (split, patterns) in &config.splits {
            for pattern in patterns {
                let pattern = joined(&folder, pattern);
                let asks_hidden = is_hidden(&pattern);
                let taken = paths.iter().filter(|path| {
                    files::matches(&pattern, path)
                        && (asks_hidden || !is_hidden(path))
                        && files::loader(path).is_some()
                });
                let at = match splits.iter().position(|(known, _)| known == split) {
                    Some(at) => at,
                    None => {
                        splits.push((split.clone(), Vec::new()));
                        splits.len() - 1
                    }
                };
                for path in taken {
                    if known.insert((split, path)) {
                        splits[at].1.push((*path).to_owned());
                    }
                }
            }
        }
        splits.retain(|(_, files)| !files.is_empty());
        found.push(Loaded {
            name: match config.name.as_str() {
                "" => "default".to_owned(),
                name => name.to_owned(),
            },
            is_default: config.is_default,
            is_declared: true,
            splits,
        });
    }
    found.retain(|config| !config.splits.is_empty());
    if found.is_empty() {
        let splits = guessed("", paths);
        if !splits.is_empty() {
            found.push(Loaded {
                name: "default".to_owned(),
                is_default: true,
                is_declared: false,
                splits,
            });
        }
    }
    found.sort_by_key(|config| !config.is_default);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    fn found(card: &str, paths: &[&str]) -> Vec<(String, String, Vec<String>)> {
        let stated = read(card.as_bytes()).unwrap_or_default();
        loaded(&stated.configs, paths)
            .into_iter()
            .flat_map(|config| {
                let name = config.name;
                config
                    .splits
                    .into_iter()
                    .map(move |(split, files)| (name.clone(), split, files))
            })
            .collect()
    }

    fn one(config: &str, split: &str, files: &[&str]) -> (String, String, Vec<String>) {
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        (config.to_owned(), split.to_owned(), files)
    }

    #[test]
    fn declared_configs_take_their_patterns_in_every_form() {
        let paths = [
            "README.md",
            "en/a.jsonl",
            "en/b.jsonl",
            "en/.hidden.jsonl",
            "de/test.csv",
            "de/train.csv",
            "fr/deep/x/1.parquet",
        ];
        let card = "---\nconfigs:\n- config_name: de\n  data_dir: de\n- config_name: en\n  default: true\n  data_files: en/*.jsonl\n\
                    - config_name: fr\n  data_files:\n  - split: train\n    path:\n    - fr/**/*.parquet\n    - nothing/*.parquet\n\
                    - config_name: gone\n  data_files: gone/*\n---\n";
        assert_eq!(
            found(card, &paths),
            [
                one("en", "train", &["en/a.jsonl", "en/b.jsonl"]),
                one("de", "train", &["de/train.csv"]),
                one("de", "test", &["de/test.csv"]),
                one("fr", "train", &["fr/deep/x/1.parquet"]),
            ]
        );
        // A list of paths without splits, and classes of letters.
        let card = "---\nconfigs:\n- config_name: a\n  data_files: ['en/[!b].jsonl', ./de/train.csv]\n---\n";
        assert_eq!(
            found(card, &paths),
            [one("a", "train", &["en/a.jsonl", "de/train.csv"])]
        );
    }

    #[test]
    fn files_that_no_card_declares_are_divided_by_their_names() {
        assert_eq!(
            found(
                "# x\n",
                &[
                    "data/train-00000-of-00002.parquet",
                    "data/train-00001-of-00002.parquet",
                    "data/test-00000-of-00001.parquet",
                    "notes/x.csv",
                ]
            ),
            [
                one(
                    "default",
                    "train",
                    &[
                        "data/train-00000-of-00002.parquet",
                        "data/train-00001-of-00002.parquet"
                    ]
                ),
                one("default", "test", &["data/test-00000-of-00001.parquet"]),
            ]
        );
        assert_eq!(
            found("", &["README.md", "rows.jsonl", "more.jsonl", "script.py"]),
            [one("default", "train", &["rows.jsonl", "more.jsonl"])]
        );
        assert_eq!(
            found("", &["dev.csv", "my_test.csv"]),
            [
                one("default", "validation", &["dev.csv"]),
                one("default", "test", &["my_test.csv"])
            ]
        );
        assert!(found("", &["README.md", ".gitattributes", "load.py"]).is_empty());
    }

    #[test]
    fn a_card_whose_patterns_find_nothing_does_not_hide_what_is_there() {
        let card = "---\nconfigs:\n- config_name: a\n  data_files: moved/*.csv\n---\n";
        let there = found(card, &["rows.csv"]);
        assert_eq!(there, [one("default", "train", &["rows.csv"])]);
    }
}
