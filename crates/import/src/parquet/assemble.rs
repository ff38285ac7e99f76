//! Rows, put together from the entries of their leaves.

use super::column::are_lists;
use super::cursor::Entry;
use super::error::{ParquetError, Result};
use super::schema::{Node, Shape};
use serde_json::{Map, Value};
use std::ops::Range;

/// The entries of one row, by leaf, the first one of each next.
pub(super) struct Record {
    leaves: Vec<Vec<Entry>>,
}

fn uneven() -> ParquetError {
    ParquetError::broken("the parts of a row don't fit together")
}

impl Record {
    /// Takes the entries of these leaves, of `count` that there are.
    pub(super) fn new(count: usize, leaves: impl IntoIterator<Item = (usize, Vec<Entry>)>) -> Self {
        let mut record = Self {
            leaves: vec![Vec::new(); count],
        };
        for (leaf, mut entries) in leaves {
            entries.reverse();
            if let Some(place) = record.leaves.get_mut(leaf) {
                *place = entries;
            }
        }
        record
    }

    fn entries(&mut self, leaf: usize) -> Result<&mut Vec<Entry>> {
        self.leaves.get_mut(leaf).ok_or_else(uneven)
    }

    fn peek(&mut self, leaf: usize) -> Result<Option<(u8, u8)>> {
        let entries = self.entries(leaf)?;
        Ok(entries.last().map(|entry| (entry.rep, entry.def)))
    }

    /// Takes one entry of each of these leaves: they have nothing here.
    fn pass(&mut self, leaves: Range<usize>) -> Result<()> {
        for leaf in leaves {
            self.entries(leaf)?.pop().ok_or_else(uneven)?;
        }
        Ok(())
    }

    /// The value of `node`.
    pub(super) fn value(&mut self, node: &Node) -> Result<Value> {
        if matches!(node.shape, Shape::Leaf) {
            let entry = self.entries(node.leaves.start)?.pop();
            return entry.map(|entry| entry.value).ok_or_else(uneven);
        }
        let (_, def) = self.peek(node.leaves.start)?.ok_or_else(uneven)?;
        if def < node.def {
            self.pass(node.leaves.clone())?;
            return Ok(Value::Null);
        }
        match &node.shape {
            Shape::Leaf => Err(uneven()),
            Shape::Struct(parts) => self.parts(parts),
            Shape::List { def, rep, of } => {
                let mut elements = Vec::new();
                self.each(node, *def, *rep, |record| {
                    elements.push(record.value(of)?);
                    Ok(())
                })?;
                Ok(Value::Array(elements))
            }
            Shape::Map {
                def,
                rep,
                key,
                value,
            } => {
                let mut pairs = Map::new();
                self.each(node, *def, *rep, |record| {
                    let key = record.value(key)?;
                    pairs.insert(name(key), record.value(value)?);
                    Ok(())
                })?;
                Ok(Value::Object(pairs))
            }
        }
    }

    fn each(
        &mut self,
        node: &Node,
        def: u8,
        rep: u8,
        mut take: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let first = node.leaves.start;
        let (_, here) = self.peek(first)?.ok_or_else(uneven)?;
        if here < def {
            return self.pass(node.leaves.clone());
        }
        loop {
            take(self)?;
            match self.peek(first)? {
                Some((next, _)) if next == rep => {}
                _ => return Ok(()),
            }
        }
    }

    fn parts(&mut self, parts: &[Node]) -> Result<Value> {
        let mut object = Map::new();
        for part in parts {
            object.insert(part.name.clone(), self.value(part)?);
        }
        Ok(if are_lists(parts) {
            objects(object)
        } else {
            Value::Object(object)
        })
    }

    /// Refuses a row of which something is left.
    pub(super) fn end(&self) -> Result<()> {
        let read = self.leaves.iter().all(Vec::is_empty);
        if read { Ok(()) } else { Err(uneven()) }
    }
}

fn name(key: Value) -> String {
    match key {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Lists of one length, side by side, as a list of objects; others as they are.
fn objects(lists: Map<String, Value>) -> Value {
    let lengths = lists.values().map(|list| list.as_array().map(Vec::len));
    let mut lengths = lengths.collect::<Vec<_>>();
    lengths.dedup();
    let [Some(length)] = lengths[..] else {
        return Value::Object(lists);
    };
    let mut objects = vec![Map::new(); length];
    for (name, list) in lists {
        let Value::Array(values) = list else { continue };
        for (object, value) in objects.iter_mut().zip(values) {
            object.insert(name.clone(), value);
        }
    }
    Value::Array(objects.into_iter().map(Value::Object).collect())
}
