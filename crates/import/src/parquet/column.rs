//! What the columns hold, as far as the footer tells.

use super::footer::Group;
use super::schema::{Leaf, Meaning, Node, Schema, Shape, Stored};
use serde_json::Value;

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Bytes that it takes in the file.
    pub bytes: u64,
    /// Something to know before it is taken, in a few words.
    pub note: Option<&'static str>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Numbers. Those with a fixed point are given as texts, whole.
    Number,
    /// Yes or no.
    Bool,
    /// A number of these names; its values are given by name.
    Label(Vec<String>),
    /// Days, times or moments, given as texts.
    Date,
    /// Lists of texts.
    Texts,
    /// Lists of messages: objects that have a role and a content, under whatever name.
    Messages,
    /// Other lists.
    List,
    /// Objects.
    Struct,
    /// Bytes. Those that are text are given as such, others as null.
    Binary,
    /// Pictures or sound: given as null.
    Media,
    /// Nothing but nulls.
    Nothing,
}

/// Describes the columns, and notes the names of labels at their leaves.
pub(super) fn columns(schema: &mut Schema, groups: &[Group], features: &Value) -> Vec<Column> {
    let Schema { columns, leaves } = schema;
    let mut found: Vec<Column> = Vec::new();
    for node in columns.iter() {
        label(
            node,
            features.get(&node.name).unwrap_or(&Value::Null),
            leaves,
        );
        let kind = kind(node, leaves);
        let note = match &kind {
            _ if node.name.starts_with("__index_level_") => Some("the index of a pandas table"),
            Kind::Media => Some("pictures or sound: left out"),
            Kind::Binary => Some("bytes: only those that are text are taken"),
            _ => None,
        };
        found.push(Column {
            name: node.name.clone(),
            kind,
            bytes: 0,
            note,
        });
    }
    for chunk in groups
        .iter()
        .flat_map(|group| group.chunks.iter().zip(leaves.iter()))
    {
        if let Some(column) = found.get_mut(chunk.1.column) {
            column.bytes += chunk.0.bytes.end - chunk.0.bytes.start;
        }
    }
    found
}

/// Carries the names of `ClassLabel`s from the features to the leaves.
fn label(node: &Node, feature: &Value, leaves: &mut [Leaf]) {
    match &node.shape {
        Shape::Leaf => {
            let names = feature.get("names").and_then(Value::as_array);
            let leaf = leaves.get_mut(node.leaves.start);
            if let Some((names, leaf)) = names.zip(leaf)
                && feature.get("_type").and_then(Value::as_str) == Some("ClassLabel")
                && matches!(leaf.stored, Stored::I32 | Stored::I64)
            {
                let names = names
                    .iter()
                    .map(|name| name.as_str().unwrap_or_default().to_owned());
                leaf.meaning = Meaning::Label(names.collect::<Vec<_>>().into());
            }
        }
        Shape::Struct(parts) => {
            // `Sequence({…})` is written as lists, one for each part.
            let feature = match feature.get("feature") {
                Some(inner) if feature.get("_type").is_some_and(Value::is_string) => inner,
                _ => feature,
            };
            for part in parts {
                label(
                    part,
                    feature.get(&part.name).unwrap_or(&Value::Null),
                    leaves,
                );
            }
        }
        Shape::List { of, .. } => {
            // A list is written as `[feature]`, or as `{"feature": …, "_type": "Sequence"}`, by whatever version.
            let inner = feature.get(0).or_else(|| feature.get("feature"));
            label(of, inner.unwrap_or(feature), leaves);
        }
        Shape::Map { value, .. } => label(value, &Value::Null, leaves),
    }
}

fn kind(node: &Node, leaves: &[Leaf]) -> Kind {
    match &node.shape {
        Shape::Leaf => leaves
            .get(node.leaves.start)
            .map_or(Kind::Nothing, leaf_kind),
        Shape::List { of, .. } => match (kind(of, leaves), &of.shape) {
            (Kind::Text, _) => Kind::Texts,
            (Kind::Media, _) => Kind::Media,
            (_, Shape::Struct(parts)) if is_message(parts) => Kind::Messages,
            _ => Kind::List,
        },
        Shape::Struct(parts) if is_media(parts, leaves) => Kind::Media,
        Shape::Struct(parts) if are_lists(parts) && is_message(parts) => Kind::Messages,
        Shape::Struct(parts) if are_lists(parts) => Kind::List,
        Shape::Struct(_) | Shape::Map { .. } => Kind::Struct,
    }
}

fn leaf_kind(leaf: &Leaf) -> Kind {
    match (&leaf.meaning, leaf.stored) {
        (Meaning::Label(names), _) => Kind::Label(names.to_vec()),
        (Meaning::Text | Meaning::Json | Meaning::Uuid, _) => Kind::Text,
        (Meaning::Date | Meaning::Time { .. } | Meaning::Moment { .. }, _) | (_, Stored::I96) => {
            Kind::Date
        }
        (Meaning::Nothing, _) => Kind::Nothing,
        (_, Stored::Bool) => Kind::Bool,
        (Meaning::Plain | Meaning::Unsigned, Stored::Bytes | Stored::Fixed(_)) => Kind::Binary,
        _ => Kind::Number,
    }
}

/// Whether all parts are lists: a list of objects that is written part by part.
pub(super) fn are_lists(parts: &[Node]) -> bool {
    !parts.is_empty()
        && parts
            .iter()
            .all(|part| matches!(part.shape, Shape::List { .. }))
}

fn is_message(parts: &[Node]) -> bool {
    let has = |names: &[&str]| parts.iter().any(|part| names.contains(&part.name.as_str()));
    has(&["role", "from", "speaker", "author"]) && has(&["content", "value", "text", "message"])
}

/// Bytes beside a path: how `datasets` writes pictures and sound.
fn is_media(parts: &[Node], leaves: &[Leaf]) -> bool {
    let named = |name: &str| parts.iter().find(|part| part.name == name);
    let bytes = named("bytes").map(|part| kind(part, leaves));
    parts.len() == 2 && bytes == Some(Kind::Binary) && named("path").is_some()
}
