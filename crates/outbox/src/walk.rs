//! Which decision an undo or redo is about: the acts of this visit by one identity, latest first.

use crate::entry::{Act, Entry};

/// A decision by its id; `None` = one that only the backend knows.
type Known = Option<String>;

/// See the text of the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    undo: Vec<Known>,
    redo: Vec<Known>,
}

impl Walk {
    /// The decision to take back next; of before this visit if there is none.
    pub(crate) fn to_undo(&self) -> Known {
        self.undo.last().cloned().flatten()
    }

    /// The decision to put back next.
    pub(crate) fn to_redo(&self) -> Known {
        self.redo.last().cloned().flatten()
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Takes an act in.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        match &entry.act {
            Act::Respond { .. } => {
                self.undo.push(Some(entry.id.clone()));
                self.redo.clear();
            }
            Act::Undo { target } => {
                take(&mut self.undo, target);
                self.redo.push(target.clone());
            }
            Act::Redo { target } => {
                take(&mut self.redo, target);
                self.undo.push(target.clone());
            }
            Act::Draft { .. } => {}
        }
    }

    /// An act that was taken in did not come about.
    pub(crate) fn refused(&mut self, entry: &Entry) {
        match &entry.act {
            Act::Respond { .. } => {
                let id = Some(entry.id.clone());
                take(&mut self.undo, &id);
                take(&mut self.redo, &id);
            }
            Act::Undo { target } => take(&mut self.redo, target),
            Act::Redo { target } => take(&mut self.undo, target),
            Act::Draft { .. } => {}
        }
    }
}

/// Removes the last one that is `wanted`, if any.
fn take(from: &mut Vec<Known>, wanted: &Known) {
    if let Some(index) = from.iter().rposition(|known| known == wanted) {
        from.remove(index);
    }
}
