//! The seed as it stands on the page, and what of it is saved: which edits wait, which are under way, and what may be
//! replaced by an answer or a change from elsewhere. Pure: sending and waiting are the editor's.

use seedbed_core::seed::{Seed, SeedError};

/// A save to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Save {
    /// The whole seed.
    pub seed: Seed,
    /// Edits with the same key within two seconds are one step of undo; empty: a step of its own.
    pub merge_key: String,
    /// Counts up.
    pub number: u32,
}

/// How far saving is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// All that is on the page is stored.
    #[default]
    Saved,
    /// The person has just typed.
    Waiting,
    /// Sent, no answer yet.
    UnderWay,
    /// The last save failed; the next one takes it along.
    Failed,
}

/// The seed on the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    seed: Seed,
    /// Merge key of the edits that were not sent yet.
    waiting: Option<String>,
    /// Number of the last save that was sent, and of the last one that was answered.
    sent: u32,
    settled: u32,
    has_failed: bool,
}

impl Draft {
    /// A page that shows `seed` as it is stored.
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// What the page shows.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// How far saving is.
    pub fn saving(&self) -> Saving {
        if self.has_failed {
            Saving::Failed
        } else if self.waiting.is_some() {
            Saving::Waiting
        } else if self.settled != self.sent {
            Saving::UnderWay
        } else {
            Saving::Saved
        }
    }

    /// Typing in the field `key`: it waits for a pause. What waits for another field has to go out first, so that each
    /// field is a step of undo of its own: that save is returned.
    pub fn type_in(&mut self, key: &str, change: impl FnOnce(&mut Seed)) -> Option<Save> {
        let mut next = self.seed.clone();
        change(&mut next);
        if next == self.seed {
            return None;
        }
        let earlier = match &self.waiting {
            Some(waiting) if waiting != key => self.take(),
            _ => None,
        };
        self.seed = next;
        self.waiting = Some(key.to_owned());
        earlier
    }

    /// An operation that is saved at once, as a step of its own, after what waits.
    pub fn act(&mut self, change: impl FnOnce(&mut Seed)) -> Vec<Save> {
        let mut next = self.seed.clone();
        change(&mut next);
        if next == self.seed {
            return Vec::new();
        }
        let mut saves: Vec<Save> = self.take().into_iter().collect();
        self.seed = next;
        self.waiting = Some(String::new());
        saves.extend(self.take());
        saves
    }

    /// The save of what waits.
    pub fn take(&mut self) -> Option<Save> {
        let merge_key = self.waiting.take()?;
        self.sent += 1;
        Some(Save {
            seed: self.seed.clone(),
            merge_key,
            number: self.sent,
        })
    }

    /// A save is stored.
    pub fn answered(&mut self, number: u32) {
        self.settled = self.settled.max(number);
        if self.settled == self.sent {
            self.has_failed = false;
        }
    }

    /// A save failed: what the page shows waits again, unless a later save already takes it along.
    pub fn failed(&mut self, number: u32) {
        self.settled = self.settled.max(number);
        if self.settled == self.sent {
            self.has_failed = true;
            self.waiting.get_or_insert_default();
        }
    }

    /// Shows a stored seed in place of the page's (undo, redo, an import), unless something typed would be lost by it.
    pub fn replace(&mut self, seed: &Seed) -> bool {
        if self.waiting.is_some() || self.sent != self.settled || self.seed == *seed {
            return false;
        }
        self.seed = seed.clone();
        true
    }
}

/// Reads the edited text of the file view. Derived keys that the person left as they were are derived anew, else they
/// would stay behind as texts of their own when topics change.
///
/// # Errors
/// [`SeedError`] as [`Seed::import`] has it.
pub fn read_file(before: &Seed, text: &str) -> Result<Seed, SeedError> {
    let mut seed = Seed::import(text)?;
    let derived = [
        (
            "application_instruction",
            serde_json::json!(before.application_instruction()),
        ),
        ("seed_terms", serde_json::json!(before.seed_terms())),
    ];
    for (key, value) in derived {
        if !before.extra.contains_key(key) && seed.extra.get(key) == Some(&value) {
            seed.extra.shift_remove(key);
        }
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> impl FnOnce(&mut Seed) {
        let text = text.to_owned();
        move |seed| seed.domain = text
    }

    #[test]
    fn typing_in_one_field_is_one_save_and_another_field_sends_it_first() {
        let mut draft = Draft::new(Seed::default());
        assert_eq!(draft.type_in("domain", domain("f")), None);
        assert_eq!(draft.type_in("domain", domain("farming")), None);
        assert_eq!(draft.saving(), Saving::Waiting);
        let first = draft
            .type_in("description", |seed| seed.description = "d".into())
            .unwrap();
        assert_eq!(
            (
                first.merge_key.as_str(),
                first.seed.domain.as_str(),
                first.seed.description.as_str()
            ),
            ("domain", "farming", "")
        );
        let second = draft.take().unwrap();
        assert_eq!(
            (second.merge_key.as_str(), second.seed.description.as_str()),
            ("description", "d")
        );
        assert_eq!(draft.take(), None);
        draft.answered(first.number);
        assert_eq!(draft.saving(), Saving::UnderWay);
        draft.answered(second.number);
        assert_eq!(draft.saving(), Saving::Saved);
    }

    #[test]
    fn an_operation_goes_out_at_once_behind_what_waits() {
        let mut draft = Draft::new(Seed::default());
        draft.type_in("domain", domain("farming"));
        let saves = draft.act(|seed| seed.topics.push("soil".into()));
        let keys: Vec<&str> = saves.iter().map(|save| save.merge_key.as_str()).collect();
        assert_eq!(keys, ["domain", ""]);
        assert!(saves[0].seed.topics.is_empty());
        assert_eq!(saves[1].seed.topics, ["soil"]);
    }

    #[test]
    fn nothing_is_saved_when_nothing_changed() {
        let mut draft = Draft::new(Seed::default());
        assert_eq!(draft.type_in("domain", domain("")), None);
        assert!(draft.act(|_| {}).is_empty());
        assert_eq!(draft.saving(), Saving::Saved);
    }

    #[test]
    fn what_the_person_typed_meanwhile_is_never_overwritten() {
        let mut draft = Draft::new(Seed::default());
        let stored = Seed {
            domain: "from elsewhere".into(),
            ..Seed::default()
        };
        draft.type_in("domain", domain("mine"));
        assert!(!draft.replace(&stored));
        let save = draft.take().unwrap();
        assert!(!draft.replace(&stored), "the save is under way");
        draft.answered(save.number);
        assert_eq!(draft.seed().domain, "mine");
        assert!(draft.replace(&stored));
        assert_eq!(draft.seed().domain, "from elsewhere");
    }

    #[test]
    fn a_failed_save_goes_along_with_the_next_one() {
        let mut draft = Draft::new(Seed::default());
        draft.type_in("domain", domain("farming"));
        let save = draft.take().unwrap();
        draft.failed(save.number);
        assert_eq!(draft.saving(), Saving::Failed);
        let again = draft.take().unwrap();
        assert_eq!(again.seed.domain, "farming");
        draft.answered(again.number);
        assert_eq!(draft.saving(), Saving::Saved);
    }

    #[test]
    fn a_failed_save_that_a_later_one_took_along_is_no_failure() {
        let mut draft = Draft::new(Seed::default());
        draft.type_in("domain", domain("farming"));
        let first = draft.take().unwrap();
        draft.type_in("domain", domain("farms"));
        let second = draft.take().unwrap();
        draft.failed(first.number);
        assert_eq!(draft.saving(), Saving::UnderWay);
        draft.answered(second.number);
        assert_eq!(draft.saving(), Saving::Saved);
    }

    #[test]
    fn topics_edited_in_the_file_bring_no_old_terms_along() {
        let before = Seed {
            domain: "farming".into(),
            topics: vec!["soil".into()],
            perspectives: vec!["economic".into()],
            ..Seed::default()
        };
        let edited = before.export().replace("\"soil\"", "\"water\"");
        let after = read_file(&before, &edited).unwrap();
        assert_eq!(after.topics, ["water"]);
        assert!(after.extra.is_empty(), "{:?}", after.extra);
        // A text of the author's own stays.
        let own = before.export().replace(
            "An assistant for the domain of farming.",
            "Answer in verse.",
        );
        let after = read_file(&before, &own).unwrap();
        assert_eq!(after.extra["application_instruction"], "Answer in verse.");
        assert!(read_file(&before, "{").is_err());
    }
}
