//! Our keys in a card's front matter, among those of people and other tools.

use crate::files;
use crate::parts::Wrote;
use crate::yaml::{Node, Problem};
use crate::{Facts, How, Note, Placed, Refusal, Table};
use std::collections::HashSet;

/// Stands behind `viewer: false` of ours, so that a reader of the card knows why.
pub(crate) const VIEWER_COMMENT: &str = "until the first row is accepted (Seedbed)";
/// Keys of `dataset_info` that were measured of a table.
const MEASURED: [&str; 4] = ["features", "splits", "download_size", "dataset_size"];
/// What the first format wrote whoever made the rows.
const FORMER_TAGS: [&str; 3] = ["seedbed", "synthetic", "human-feedback"];
const SIZES: [(usize, &str); 7] = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (usize::MAX, "100M<n<1B"),
];

pub(crate) struct Edit {
    pub(crate) wrote: Wrote,
    pub(crate) placed: Vec<Placed>,
    pub(crate) notes: Vec<Note>,
}

/// Changes the front matter's tree. `before` is what the last publish wrote, `is_first_format` whether a part of the first
/// format stands in the card, `had_comment` whether our comment stands behind `viewer`.
pub(crate) fn edit(
    root: &mut Node,
    facts: &Facts<'_>,
    before: &Wrote,
    is_first_format: bool,
    had_comment: bool,
) -> Result<Edit, Refusal> {
    let mut notes = Vec::new();
    // A key without a value says nothing; ours takes its place.
    if let Some(license) = facts.license.filter(|license| !license.is_empty())
        && root
            .get("license")
            .is_none_or(|known| known.as_texts() != [license])
    {
        root.set("license", Node::text(license));
    }
    if !facts.languages.is_empty() {
        let known: HashSet<&str> = root
            .get("language")
            .map(Node::as_texts)
            .unwrap_or_default()
            .into_iter()
            .collect();
        if known != facts.languages.iter().map(String::as_str).collect() {
            root.set("language", Node::texts(facts.languages));
        }
    }
    let mut wrote = before.clone();
    title(root, facts.title.trim(), &mut wrote);
    tags(root, facts, &mut wrote, is_first_format);
    if root.get("task_categories").is_none() && !wrote.task {
        root.set("task_categories", Node::texts(&["text-generation"]));
        wrote.task = true;
    }
    let placed = configs(root, facts, &mut notes)?;
    size(root, facts, &mut wrote, is_first_format);
    viewer(root, facts, &mut wrote, had_comment, &mut notes);
    Ok(Edit {
        wrote,
        placed,
        notes,
    })
}

fn title(root: &mut Node, title: &str, wrote: &mut Wrote) {
    let known = root.get("pretty_name").and_then(Node::as_text);
    let is_ours = match (&wrote.pretty_name, known) {
        // Taken out by a person, it stays out.
        (before, None) => before.is_none(),
        (Some(before), Some(known)) => before == known,
        (None, Some(_)) => false,
    };
    if is_ours && !title.is_empty() {
        root.set("pretty_name", Node::text(title));
        wrote.pretty_name = Some(title.to_owned());
    }
}

fn tags(root: &mut Node, facts: &Facts<'_>, wrote: &mut Wrote, is_first_format: bool) {
    let known: Vec<String> = root
        .get("tags")
        .map(Node::as_texts)
        .unwrap_or_default()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    if is_first_format && known == FORMER_TAGS {
        wrote.tags.clone_from(&known);
    }
    let true_tags: Vec<&str> = [
        ("seedbed", true),
        ("synthetic", facts.generated > 0),
        ("human-feedback", facts.reviewers > 0),
    ]
    .into_iter()
    .filter_map(|(tag, is_true)| is_true.then_some(tag))
    .collect();
    let gone: Vec<String> = wrote
        .tags
        .iter()
        .filter(|tag| !true_tags.contains(&tag.as_str()))
        .cloned()
        .collect();
    let added: Vec<&str> = true_tags
        .iter()
        .copied()
        .filter(|tag| !known.iter().any(|k| k == tag) && !wrote.tags.iter().any(|w| w == tag))
        .collect();
    wrote.tags.retain(|tag| !gone.contains(tag));
    wrote.tags.extend(added.iter().map(|&tag| tag.to_owned()));
    if added.is_empty() && !known.iter().any(|tag| gone.contains(tag)) {
        return;
    }
    // A single tag may stand without a list.
    if let Some(value) = root.get("tags")
        && value.as_text().is_some()
    {
        let value = value.clone();
        root.set("tags", Node::seq(vec![value]));
    }
    if root.get("tags").is_none() {
        root.set("tags", Node::texts(&added));
        return;
    }
    // Of another shape, it is not ours to mend.
    if let Some(items) = root.get_mut("tags").and_then(Node::items_mut) {
        items.retain(|item| {
            item.as_text()
                .is_none_or(|tag| !gone.iter().any(|g| g == tag))
        });
        items.extend(added.iter().map(|tag| Node::text(tag)));
        if items.is_empty() {
            root.remove("tags");
        }
    }
}

fn size(root: &mut Node, facts: &Facts<'_>, wrote: &mut Wrote, is_first_format: bool) {
    let known = root.get("size_categories").map(|value| {
        value
            .as_texts()
            .into_iter()
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    });
    let is_ours = match (&wrote.size, &known) {
        (before, None) => before.is_none(),
        (Some(before), Some(known)) => known.len() == 1 && known[0] == *before,
        // The first format always wrote it anew.
        (None, Some(known)) => {
            is_first_format && known.len() == 1 && SIZES.iter().any(|(_, size)| *size == known[0])
        }
    };
    if !is_ours {
        return;
    }
    // Of a dataset that has more than our tables, nothing is known.
    let is_all = facts.others.is_empty()
        && root.get("configs").is_none_or(|configs| {
            configs
                .items()
                .iter()
                .all(|entry| parts(entry).iter().all(|part| part.names(facts.tables)))
        });
    if facts.rows() == 0 || !is_all {
        root.remove("size_categories");
        wrote.size = None;
        return;
    }
    let size = SIZES
        .iter()
        .find(|(limit, _)| facts.rows() < *limit)
        .map_or("n>1T", |(_, size)| *size);
    if known.as_deref() != Some(&[size.to_owned()]) {
        root.set("size_categories", Node::texts(&[size]));
    }
    wrote.size = Some(size.to_owned());
}

fn viewer(
    root: &mut Node,
    facts: &Facts<'_>,
    wrote: &mut Wrote,
    had_comment: bool,
    notes: &mut Vec<Note>,
) {
    let is_off = root.get("viewer").and_then(Node::as_bool) == Some(false);
    let is_ours = is_off && (wrote.viewer_off || had_comment);
    let has_data =
        !facts.tables.is_empty() || !facts.others.is_empty() || root.get("configs").is_some();
    if has_data {
        if is_ours {
            root.remove("viewer");
        } else if is_off {
            notes.push(Note::ViewerIsOff);
        }
        wrote.viewer_off = false;
    } else if root.get("viewer").is_none() && !wrote.viewer_off {
        root.set("viewer", Node::plain(false).with_comment(VIEWER_COMMENT));
        wrote.viewer_off = true;
    } else {
        // Turned on by a person since, it stays on.
        wrote.viewer_off |= is_ours;
    }
}

/// What an entry of `configs` names for one split.
pub(crate) struct Part {
    pub(crate) split: String,
    pub(crate) paths: Vec<String>,
}

impl Part {
    fn names(&self, tables: &[Table<'_>]) -> bool {
        !self.paths.is_empty()
            && self
                .paths
                .iter()
                .all(|path| tables.iter().any(|table| files::is_same(path, table.path)))
    }
}

fn part(node: &Node) -> Part {
    match node.as_text() {
        Some(path) => Part {
            split: "train".to_owned(),
            paths: vec![path.to_owned()],
        },
        None => Part {
            split: node
                .get("split")
                .and_then(Node::as_text)
                .unwrap_or("train")
                .to_owned(),
            paths: node
                .get("path")
                .map(Node::as_texts)
                .unwrap_or_default()
                .into_iter()
                .map(ToOwned::to_owned)
                .collect(),
        },
    }
}

/// The parts of an entry of `configs`, in any of the shapes that loaders take.
pub(crate) fn parts(entry: &Node) -> Vec<Part> {
    match entry.get("data_files") {
        Some(files) if files.as_text().is_some() => vec![part(files)],
        Some(files) if files.is_map() => files
            .pairs()
            .iter()
            .map(|(split, paths)| Part {
                split: split.as_text().unwrap_or("train").to_owned(),
                paths: paths
                    .as_texts()
                    .into_iter()
                    .map(ToOwned::to_owned)
                    .collect(),
            })
            .collect(),
        Some(files) => files.items().iter().map(part).collect(),
        None => Vec::new(),
    }
}

fn name(entry: &Node) -> Option<&str> {
    entry.get("config_name").and_then(Node::as_text)
}

fn declared(split: &str, path: &str) -> Node {
    Node::map(vec![
        ("split", Node::text(split)),
        ("path", Node::text(path)),
    ])
}

fn entry(config: &str, parts: Vec<Node>) -> Node {
    Node::map(vec![
        ("config_name", Node::text(config)),
        ("data_files", Node::seq(parts)),
    ])
}

fn configs(
    root: &mut Node,
    facts: &Facts<'_>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Placed>, Refusal> {
    if let Some(configs) = root.get("configs")
        && !(matches!(configs.kind, crate::yaml::Kind::Seq(_))
            && configs.items().iter().all(Node::is_map))
    {
        return Err(Refusal::Configs);
    }
    let had_any = root
        .get("configs")
        .is_some_and(|configs| !configs.items().is_empty());
    let mut entries: Vec<Node> = root
        .get("configs")
        .map(|configs| configs.items().to_vec())
        .unwrap_or_default();
    take_out(root, &mut entries, facts, notes);
    // Loaders that were left to guess see only what is declared, once something is.
    if !had_any
        && !facts.others.is_empty()
        && let Some(guess) = files::guessed(facts.others)
        && (!facts.tables.is_empty() || guess.is_disturbed)
    {
        let parts = guess
            .splits
            .iter()
            .map(|(split, paths)| match paths.as_slice() {
                [path] => declared(split, path),
                _ => Node::map(vec![
                    ("split", Node::text(split)),
                    ("path", Node::texts(paths)),
                ]),
            })
            .collect();
        entries.push(entry("default", parts));
        notes.push(Note::DeclaredOthers(facts.others.len()));
    }
    let mut placed = Vec::new();
    for table in facts.tables {
        placed.push(place(root, &mut entries, table, facts, notes));
    }
    if entries.is_empty() {
        if had_any {
            root.remove("configs");
        }
    } else if root.get("configs").is_some() {
        if let Some(items) = root.get_mut("configs").and_then(Node::items_mut) {
            *items = entries;
        }
    } else {
        root.set("configs", Node::seq(entries));
    }
    let first = root
        .get("configs")
        .and_then(|configs| configs.items().first())
        .map(parts);
    let format = first
        .iter()
        .flatten()
        .flat_map(|part| &part.paths)
        .find_map(|path| files::loader(path));
    if format.is_some_and(|format| format != "parquet") {
        for placed in &mut placed {
            placed.is_apart = true;
            notes.push(Note::OtherFormat(placed.config.clone()));
        }
    }
    for (table, placed) in facts.tables.iter().zip(&placed) {
        describe(root, table, placed, facts, notes);
    }
    Ok(placed)
}

/// Takes out what names tables of ours that are no more.
fn take_out(root: &mut Node, entries: &mut Vec<Node>, facts: &Facts<'_>, notes: &mut Vec<Note>) {
    let is_gone = |part: &Part| {
        !part.paths.is_empty()
            && part.paths.iter().all(|path| {
                facts.gone.iter().any(|gone| files::is_same(path, gone))
                    && !facts
                        .tables
                        .iter()
                        .any(|table| files::is_same(path, table.path))
            })
    };
    let mut left = Vec::new();
    for mut entry in std::mem::take(entries) {
        let parts = parts(&entry);
        let gone: Vec<String> = parts
            .iter()
            .filter(|part| is_gone(part))
            .map(|part| part.split.clone())
            .collect();
        if gone.is_empty() {
            left.push(entry);
            continue;
        }
        let config = name(&entry).unwrap_or("default").to_owned();
        let is_whole = gone.len() == parts.len();
        if !is_whole && let Some(files) = entry.get_mut("data_files") {
            match files.items_mut() {
                Some(items) => items.retain(|item| !is_gone(&part(item))),
                None => {
                    for split in &gone {
                        files.remove(split);
                    }
                }
            }
        }
        if !is_whole {
            left.push(entry);
        }
        info(root, &config, |info| {
            if is_whole {
                return take_measured(info);
            }
            let Some(splits) = info.get_mut("splits").and_then(Node::items_mut) else {
                return false;
            };
            let before = splits.len();
            splits.retain(|item| {
                item.get("name")
                    .and_then(Node::as_text)
                    .is_none_or(|name| !gone.iter().any(|gone| gone == name))
            });
            let is_changed = splits.len() < before;
            if is_changed {
                take(info, "download_size");
                take(info, "dataset_size");
            }
            is_changed
        })
        .then(|| notes.push(Note::InfoCorrected(config)));
    }
    *entries = left;
}

fn take(node: &mut Node, key: &str) -> bool {
    let had = node.get(key).is_some();
    if had {
        node.remove(key);
    }
    had
}

fn take_measured(info: &mut Node) -> bool {
    let had = MEASURED.iter().any(|key| info.get(key).is_some());
    for key in MEASURED {
        info.remove(key);
    }
    had
}

/// Changes the entry of `dataset_info` about a config; says whether anything changed. An entry that says nothing any more
/// goes.
fn info(root: &mut Node, config: &str, change: impl FnOnce(&mut Node) -> bool) -> bool {
    let is_about = |info: &Node| info.is_map() && name(info).unwrap_or("default") == config;
    let is_empty = |info: &Node| {
        info.pairs()
            .iter()
            .all(|(key, _)| key.as_text() == Some("config_name"))
    };
    let Some(value) = root.get_mut("dataset_info") else {
        return false;
    };
    let (changed, is_over) = if is_about(value) {
        (change(value), is_empty(value))
    } else if let Some(items) = value.items_mut()
        && let Some(at) = items.iter().position(is_about)
    {
        let changed = change(&mut items[at]);
        if changed && is_empty(&items[at]) {
            items.remove(at);
        }
        (changed, items.is_empty())
    } else {
        return false;
    };
    if changed && is_over {
        root.remove("dataset_info");
    }
    changed
}

fn place(
    root: &Node,
    entries: &mut Vec<Node>,
    table: &Table<'_>,
    facts: &Facts<'_>,
    notes: &mut Vec<Note>,
) -> Placed {
    let placed = |config: &str, split: &str, how| Placed {
        path: table.path.to_owned(),
        config: config.to_owned(),
        split: split.to_owned(),
        how,
        is_apart: false,
    };
    for entry in entries.iter() {
        let Some(config) = name(entry) else { continue };
        if entry.get("data_dir").is_some() {
            continue;
        }
        for part in parts(entry) {
            if part.names(std::slice::from_ref(table)) {
                return placed(config, &part.split, How::Stands);
            }
        }
    }
    for entry in entries.iter() {
        let Some(config) = name(entry) else { continue };
        for part in parts(entry) {
            let Some(pattern) = part
                .paths
                .iter()
                .find(|path| files::matches(path, table.path))
            else {
                continue;
            };
            let has_more = part.paths.len() > 1
                || facts
                    .others
                    .iter()
                    .any(|other| files::matches(pattern, other));
            if !has_more {
                return placed(config, &part.split, How::Stands);
            }
            notes.push(Note::Mixed {
                config: config.to_owned(),
                pattern: pattern.clone(),
            });
        }
    }
    let wanted = table.config;
    let has_default = entries
        .iter()
        .any(|entry| entry.get("default").and_then(Node::as_bool) == Some(true));
    let is_taken = entries.iter().any(|entry| name(entry) == Some(wanted))
        || (wanted == "default" && has_default);
    if !is_taken {
        entries.push(entry(wanted, vec![declared(table.split, table.path)]));
        return placed(wanted, table.split, How::Added);
    }
    // In one config all splits have the same columns, or none of them loads.
    let has_our_columns = known_columns(root, wanted).is_some_and(|columns| {
        columns.len() == table.columns.len()
            && table.columns.iter().all(|column| columns.contains(column))
    });
    if has_our_columns
        && let Some(entry) = entries.iter_mut().find(|entry| name(entry) == Some(wanted))
        && entry.get("data_dir").is_none()
        && !parts(entry).iter().any(|part| part.split == table.split)
        && let Some(items) = entry.get_mut("data_files").and_then(Node::items_mut)
        && items.iter().all(Node::is_map)
    {
        items.push(declared(table.split, table.path));
        return placed(wanted, table.split, How::Joined);
    }
    let own = (1..=entries.len() + 1)
        .map(|n| match (wanted, n) {
            ("default", 1) => "seedbed".to_owned(),
            ("default", n) => format!("seedbed-{n}"),
            (wanted, 1) => format!("seedbed-{wanted}"),
            (wanted, n) => format!("seedbed-{wanted}-{n}"),
        })
        .find(|own| !entries.iter().any(|entry| name(entry) == Some(own)))
        .unwrap_or_default();
    entries.push(entry(&own, vec![declared(table.split, table.path)]));
    placed(&own, table.split, How::UnderAnotherName)
}

fn known_columns<'a>(root: &'a Node, config: &str) -> Option<Vec<&'a str>> {
    let value = root.get("dataset_info")?;
    let is_about = |info: &&Node| info.is_map() && name(info).unwrap_or("default") == config;
    let info = Some(value)
        .filter(is_about)
        .or_else(|| value.items().iter().find(is_about))?;
    Some(
        info.get("features")?
            .items()
            .iter()
            .filter_map(|feature| feature.get("name").and_then(Node::as_text))
            .collect(),
    )
}

/// Makes `dataset_info` say of our table what is true: loaders refuse a table of another size than is written there.
fn describe(
    root: &mut Node,
    table: &Table<'_>,
    placed: &Placed,
    facts: &Facts<'_>,
    notes: &mut Vec<Note>,
) {
    let is_alone = root.get("configs").is_some_and(|configs| {
        configs
            .items()
            .iter()
            .filter(|entry| name(entry) == Some(&placed.config))
            .all(|entry| {
                parts(entry)
                    .iter()
                    .all(|part| part.names(facts.tables) || part.split == placed.split)
            })
    });
    let columns = known_columns(root, &placed.config).map(|columns| {
        columns.len() == table.columns.len()
            && table.columns.iter().all(|column| columns.contains(column))
    });
    let is_changed = info(root, &placed.config, |info| {
        if is_alone {
            return take_measured(info);
        }
        let mut is_changed = false;
        if columns == Some(false) && !table.columns.is_empty() {
            is_changed |= take(info, "features");
        }
        let rows = table.rows.to_string();
        let Some(splits) = info.get_mut("splits").and_then(Node::items_mut) else {
            return is_changed;
        };
        let measured = || {
            Node::map(vec![
                ("name", Node::text(&placed.split)),
                ("num_bytes", Node::plain(table.bytes)),
                ("num_examples", Node::plain(table.rows)),
            ])
        };
        match splits
            .iter_mut()
            .find(|item| item.get("name").and_then(Node::as_text) == Some(&placed.split))
        {
            Some(item) if item.get("num_examples").and_then(Node::as_text) == Some(&rows) => {
                return is_changed;
            }
            Some(item) => {
                item.set("num_bytes", Node::plain(table.bytes));
                item.set("num_examples", Node::plain(table.rows));
            }
            None => splits.push(measured()),
        }
        take(info, "download_size");
        take(info, "dataset_size");
        true
    });
    if is_changed {
        notes.push(Note::InfoCorrected(placed.config.clone()));
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Syntax(line, problem) => Self::Yaml { line, problem },
            Problem::Documents => Self::Yaml {
                line: 1,
                problem: "it holds more than one document".to_owned(),
            },
            Problem::Duplicate(key) => Self::DuplicateKey(key),
            Problem::TooMuch => Self::TooMuch,
        }
    }
}
