//! The copy of what waits, in a storage that reaches the disk sooner.
//!
//! A browser that is killed loses what it had not written of its first storage yet: Chromium writes `localStorage` seconds
//! later, while a finished transaction of IndexedDB has been handed to the system. But only the first can be asked at once, and
//! written by a page that is being closed. So each act goes into both, and this brings them in line at the start.
//!
//! What was removed from the copy leaves an empty text: the first storage may come back as it was before the removal, and
//! a draft from then would be sent over what was typed since.

pub use crate::entry::ACTS;

use std::collections::BTreeMap;

/// Texts by key.
pub type Texts = BTreeMap<String, String>;

/// What brings the two in line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Goes into the first storage.
    pub put: Vec<(String, String)>,
    /// Leaves the first storage.
    pub remove: Vec<String>,
    /// Goes into the copy.
    pub copy: Vec<(String, String)>,
    /// Leaves the copy.
    pub forget: Vec<String>,
}

/// The copy has a key of this name.
pub fn is_copied(key: &str) -> bool {
    key.starts_with(ACTS)
}

/// What to do when the browser was started anew. The copy is right where the two differ: it is written first.
///
/// `since` is what the page has put (an empty text: removed) since it stands, in order, and the copy does not have yet.
pub fn repair(first: &Texts, mut copy: Texts, since: &[(String, String)]) -> Repair {
    let mut repair = Repair::default();
    copy.extend(since.iter().cloned());
    for (key, text) in copy.iter().filter(|(key, _)| is_copied(key)) {
        match (text.is_empty(), first.get(key)) {
            // Removed for good: the first storage was read from the disk without it.
            (true, None) => repair.forget.push(key.clone()),
            (true, Some(_)) => repair.remove.push(key.clone()),
            (false, found) if found != Some(text) => repair.put.push((key.clone(), text.clone())),
            (false, _) => {}
        }
    }
    // The copy could not be written, or the page died before it was asked to.
    repair.copy = first
        .iter()
        .filter(|(key, _)| is_copied(key) && !copy.contains_key(*key))
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect();
    // In order, and last: a mark of what was removed stays for the next start.
    repair.copy.extend(since.iter().cloned());
    repair
        .forget
        .retain(|key| !since.iter().any(|(other, _)| other == key));
    repair
}
