//! What of an object is rows.

use super::names;

/// Which objects are entered and which lists are taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// How many names deep lists of rows stand; 0 where no object is entered.
    pub(crate) depth: usize,
    /// Lists that were seen to hold rows.
    pub(crate) paths: Vec<Vec<String>>,
    /// Whether a list at the top holds rows, or is one.
    pub(crate) is_list: bool,
}

impl Wanted {
    /// Whether the object at this path is looked into.
    pub(crate) fn is_entered(&self, path: &[String]) -> bool {
        path.len() < self.depth
            || (path.len() < 3 && path.iter().all(|name| names::is_sure_container(name)))
    }

    /// Of lists inside inner objects only those are taken that stand beside one that was seen, or have its name.
    fn is_like_seen(&self, path: &[String]) -> bool {
        let is_like = |seen: &Vec<String>| match (seen.split_last(), path.split_last()) {
            (Some((name, parents)), Some((other, others))) => name == other || parents == others,
            _ => false,
        };
        path.len() == self.depth && (self.depth == 1 || self.paths.iter().any(is_like))
    }

    /// Whether the list at this path, whose first item begins so, holds rows.
    pub(crate) fn is_taken(&self, path: &[String], first: u8) -> bool {
        let Some(name) = path.last() else {
            return true;
        };
        if self.paths.iter().any(|seen| seen == path) {
            return true;
        }
        let is_place =
            self.is_like_seen(path) || path.iter().all(|name| names::is_sure_container(name));
        let is_kind = match first {
            b'{' | b'[' => !names::is_beside(name) && !names::is_value(name),
            b'"' => names::is_container(name),
            _ => false,
        };
        is_place && is_kind
    }
}
