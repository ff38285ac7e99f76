//! What a card states, to show a repo for what it is and to begin a form with.

use crate::yaml::Node;
use crate::{LIMIT, Refusal, front_matter, parts};

/// A config of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name; empty if the entry has none.
    pub name: String,
    /// Whether loaders take it when none is named.
    pub is_default: bool,
    /// Splits with their paths or patterns.
    pub splits: Vec<(String, Vec<String>)>,
    /// The folder, if one is named instead of files.
    pub data_dir: Option<String>,
}

/// What `dataset_info` says of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The config.
    pub config: String,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Splits, with their number of rows if it is told.
    pub splits: Vec<(String, Option<u64>)>,
}

/// What a card states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Licences; mostly one.
    pub license: Vec<String>,
    /// Languages.
    pub languages: Vec<String>,
    /// The name to show.
    pub pretty_name: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// `configs`.
    pub configs: Vec<Config>,
    /// `dataset_info`.
    pub infos: Vec<Info>,
    /// `viewer`, if it is there.
    pub viewer: Option<bool>,
    /// Whether a part of ours stands in it.
    pub has_our_part: bool,
}

/// Reads a card.
pub fn read(card: &[u8]) -> Result<Stated, Refusal> {
    if card.len() > LIMIT {
        return Err(Refusal::TooMuch);
    }
    let card = std::str::from_utf8(card).map_err(|_not_utf8| Refusal::NotUtf8)?;
    let split = parts::split(card)?;
    let mut stated = Stated {
        has_our_part: parts::body(split.body).has_part,
        ..Stated::default()
    };
    let Some(doc) = split.doc else {
        return Ok(stated);
    };
    let root = &doc.root;
    let texts = |key: &str| -> Vec<String> {
        root.get(key)
            .map(|value| {
                value
                    .as_texts()
                    .into_iter()
                    .map(ToOwned::to_owned)
                    .collect()
            })
            .unwrap_or_default()
    };
    stated.license = texts("license");
    stated.languages = texts("language");
    stated.tags = texts("tags");
    stated.pretty_name = root
        .get("pretty_name")
        .and_then(Node::as_text)
        .map(ToOwned::to_owned);
    stated.viewer = root.get("viewer").and_then(Node::as_bool);
    if let Some(configs) = root.get("configs") {
        let is_only = configs.items().len() == 1;
        stated.configs = configs
            .items()
            .iter()
            .filter(|entry| entry.is_map())
            .map(|entry| {
                let text = |key| {
                    entry
                        .get(key)
                        .and_then(Node::as_text)
                        .map(ToOwned::to_owned)
                };
                let name = text("config_name").unwrap_or_default();
                Config {
                    is_default: is_only
                        || name == "default"
                        || entry.get("default").and_then(Node::as_bool) == Some(true),
                    name,
                    splits: front_matter::parts(entry)
                        .into_iter()
                        .map(|part| (part.split, part.paths))
                        .collect(),
                    data_dir: text("data_dir"),
                }
            })
            .collect();
    }
    if let Some(info) = root.get("dataset_info") {
        let entries = if info.is_map() {
            std::slice::from_ref(info)
        } else {
            info.items()
        };
        stated.infos = entries
            .iter()
            .filter(|entry| entry.is_map())
            .map(|entry| {
                let named = |key: &str| entry.get(key).map(Node::items).unwrap_or_default();
                let name_of = |item: &Node| {
                    item.get("name")
                        .and_then(Node::as_text)
                        .map(ToOwned::to_owned)
                };
                Info {
                    config: entry
                        .get("config_name")
                        .and_then(Node::as_text)
                        .unwrap_or("default")
                        .to_owned(),
                    columns: named("features").iter().filter_map(name_of).collect(),
                    splits: named("splits")
                        .iter()
                        .filter_map(|item| {
                            let rows = item
                                .get("num_examples")
                                .and_then(Node::as_text)
                                .and_then(|rows| rows.parse().ok());
                            Some((name_of(item)?, rows))
                        })
                        .collect(),
                }
            })
            .collect();
    }
    Ok(stated)
}
