//! What happened, as a bystander would note it down: who saw which words, what she pressed, and what other programs did.
//!
//! Nothing here knows how the product folds, merges or publishes; what follows from the list is decided here anew.

use std::collections::{BTreeMap, BTreeSet};

/// The texts of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Words {
    pub(crate) instruction: String,
    pub(crate) response: String,
}

impl std::fmt::Display for Words {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?} / {:?}", self.instruction, self.response)
    }
}

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    Bad,
    Discard,
}

/// A decision with the words that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) kind: Kind,
    pub(crate) words: Words,
}

impl std::fmt::Display for Said {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?} on {}", self.kind, self.words)
    }
}

/// Somebody as the product could know her: an account, or a guest of one browser until she signs in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// Every name that it was shown under.
    names: BTreeSet<String>,
    /// What it became a part of.
    joined: Option<usize>,
}

/// An act on a record.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) who: usize,
    /// Browser and project it was done in; none for people outside of the world's browsers.
    pub(crate) place: Option<(usize, String)>,
    pub(crate) record: String,
    pub(crate) what: What,
}

/// What was done.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Press {
        /// As painted when it was pressed.
        seen: Words,
        said: Said,
        /// Refused for good, and the person was told.
        is_void: bool,
    },
    Undo,
    Redo,
}

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Model {
    identities: Vec<Identity>,
    acts: Vec<Act>,
    /// Undos and redos of which nobody can tell whether they were done: browser, project, is it a redo.
    doubts: Vec<(usize, String, bool)>,
    /// Rows that another program put into a table.
    pub(crate) foreign: BTreeSet<Words>,
    /// Topics saved, by browser and project.
    topics: Vec<(usize, String, String)>,
    /// Everything that stood in a `seed_data.json` on the Hub.
    pub(crate) seeds: String,
    /// Instructions saved, by browser and project.
    pub(crate) instructions: Vec<(usize, String, String)>,
}

impl Model {
    pub(crate) fn identity(&mut self, name: &str) -> usize {
        self.identities.push(Identity {
            names: [name.to_owned()].into(),
            joined: None,
        });
        self.identities.len() - 1
    }

    /// It is shown under this name too.
    pub(crate) fn named(&mut self, who: usize, name: &str) {
        if !name.is_empty() {
            self.identities[who].names.insert(name.to_owned());
        }
    }

    /// From now on `who` is a part of `into`.
    pub(crate) fn joined(&mut self, who: usize, into: usize) {
        if self.end_of(who) != self.end_of(into) {
            self.identities[who].joined = Some(into);
        }
    }

    pub(crate) fn is_joined(&self, who: usize) -> bool {
        self.identities[who].joined.is_some()
    }

    fn end_of(&self, mut who: usize) -> usize {
        while let Some(next) = self.identities[who].joined {
            who = next;
        }
        who
    }

    fn may_be_called(&self, mut who: usize, name: &str) -> bool {
        loop {
            let identity = &self.identities[who];
            if identity.names.contains(name) {
                return true;
            }
            match identity.joined {
                Some(next) => who = next,
                None => return false,
            }
        }
    }

    pub(crate) fn has_pressed(&self, who: usize) -> bool {
        self.acts.iter().any(|act| act.who == who)
    }

    pub(crate) fn press(
        &mut self,
        who: usize,
        place: Option<(usize, String)>,
        record: &str,
        seen: Words,
        said: Said,
    ) -> usize {
        self.acts.push(Act {
            who,
            place,
            record: record.to_owned(),
            what: What::Press {
                seen,
                said,
                is_void: false,
            },
        });
        self.acts.len() - 1
    }

    pub(crate) fn void(&mut self, press: usize) {
        if let Some(Act {
            what: What::Press { is_void, .. },
            ..
        }) = self.acts.get_mut(press)
        {
            *is_void = true;
        }
    }

    pub(crate) fn stepped(
        &mut self,
        who: usize,
        place: (usize, String),
        record: &str,
        is_redo: bool,
    ) {
        self.acts.push(Act {
            who,
            place: Some(place),
            record: record.to_owned(),
            what: if is_redo { What::Redo } else { What::Undo },
        });
    }

    pub(crate) fn doubt(&mut self, browser: usize, project: &str, is_redo: bool) {
        self.doubts.push((browser, project.to_owned(), is_redo));
    }

    /// Whatever was in doubt here shows by now.
    pub(crate) fn clear_doubts(&mut self, browser: usize, project: &str) {
        self.doubts
            .retain(|(at, id, _)| *at != browser || id != project);
    }

    pub(crate) fn topic(&mut self, browser: usize, project: &str, topic: &str) {
        let topic = (browser, project.to_owned(), topic.to_owned());
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
    }

    /// A topic that was saved here, was never on the Hub, and is not among these.
    pub(crate) fn lost_topic(
        &self,
        browser: usize,
        project: &str,
        topics: &[String],
    ) -> Option<&str> {
        self.topics
            .iter()
            .filter(|(at, id, _)| *at == browser && id == project)
            .map(|(.., topic)| topic.as_str())
            .find(|topic| !topics.iter().any(|t| t == topic) && !self.seeds.contains(*topic))
    }

    /// The project is deleted by a person: nothing of it is expected any more.
    pub(crate) fn deleted(&mut self, browser: usize, project: &str) {
        self.topics
            .retain(|(at, id, _)| *at != browser || id != project);
        self.instructions
            .retain(|(at, id, _)| *at != browser || id != project);
        self.clear_doubts(browser, project);
    }

    fn presses(&self) -> impl Iterator<Item = (&Act, &Words, &Said)> {
        self.acts.iter().filter_map(|act| match &act.what {
            What::Press {
                seen,
                said,
                is_void: false,
            } => Some((act, seen, said)),
            _ => None,
        })
    }

    /// Somebody accepted exactly these words.
    pub(crate) fn is_accepted(&self, words: &Words) -> bool {
        self.presses()
            .any(|(_, _, said)| said.kind == Kind::Good && said.words == *words)
    }

    /// Everybody who accepted exactly these words is known to have taken it back since.
    pub(crate) fn is_taken_back(&self, words: &Words) -> bool {
        let mut accepts = self
            .presses()
            .filter(|(_, _, said)| said.kind == Kind::Good && said.words == *words)
            .peekable();
        accepts.peek().is_some()
            && accepts.all(|(act, _, said)| {
                act.place.as_ref().is_some_and(|(browser, project)| {
                    self.standing(act.who, *browser, project)
                        .get(&act.record)
                        .is_some_and(|now| now.as_ref() != Some(said))
                })
            })
    }

    /// Somebody of this name decided exactly so.
    pub(crate) fn has_said(&self, name: &str, wanted: &Said) -> bool {
        self.presses()
            .any(|(act, _, said)| said == wanted && self.may_be_called(act.who, name))
    }

    /// This person decided exactly so.
    pub(crate) fn has_said_as(&self, who: usize, wanted: &Said) -> bool {
        let end = self.end_of(who);
        self.presses()
            .any(|(act, _, said)| said == wanted && self.end_of(act.who) == end)
    }

    /// A person's act that is a reason for the row with these words to leave the table.
    pub(crate) fn has_reason_to_go(&self, id: &str, words: &Words) -> bool {
        let about: BTreeSet<&str> = self
            .presses()
            .filter(|(_, _, said)| said.words == *words)
            .map(|(act, ..)| act.record.as_str())
            .chain([id])
            .collect();
        self.acts
            .iter()
            .filter(|act| about.contains(act.record.as_str()))
            .any(|act| match &act.what {
                What::Press { said, is_void, .. } => {
                    !is_void && (said.kind != Kind::Good || said.words != *words)
                }
                What::Undo | What::Redo => true,
            })
    }

    /// What `who` said last about each record in this browser's project, and which she took back: record → her word.
    /// Records that she also decided on elsewhere are left out: there the product orders by clocks.
    pub(crate) fn standing(
        &self,
        who: usize,
        browser: usize,
        project: &str,
    ) -> BTreeMap<String, Option<Said>> {
        let end = self.end_of(who);
        let here = Some((browser, project.to_owned()));
        let mut stacks: BTreeMap<&str, Stack> = BTreeMap::new();
        let mut elsewhere = BTreeSet::new();
        for act in self.acts.iter().filter(|act| self.end_of(act.who) == end) {
            if act.place != here {
                elsewhere.insert(act.record.as_str());
                continue;
            }
            stacks
                .entry(act.record.as_str())
                .or_default()
                .take(&act.what);
        }
        stacks
            .into_iter()
            .filter(|(record, _)| !elsewhere.contains(record))
            .map(|(record, stack)| (record.to_owned(), stack.done.last().cloned()))
            .collect()
    }

    /// If an undo or redo is in doubt here, and it would explain that `who` now stands at `now` on `record`, it was done.
    pub(crate) fn settle_doubt(
        &mut self,
        who: usize,
        browser: usize,
        project: &str,
        record: &str,
        now: Option<&Said>,
    ) -> bool {
        let end = self.end_of(who);
        let mut stack = Stack::default();
        for act in self.acts.iter().filter(|act| {
            act.record == record
                && self.end_of(act.who) == end
                && act.place.as_ref().is_some_and(|place| place.0 == browser)
        }) {
            stack.take(&act.what);
        }
        for at in 0..self.doubts.len() {
            let (b, p, is_redo) = &self.doubts[at];
            if *b != browser || p != project {
                continue;
            }
            let mut then = stack.clone();
            then.take(if *is_redo { &What::Redo } else { &What::Undo });
            if then.done.last() == now {
                let (_, project, is_redo) = self.doubts.remove(at);
                self.stepped(who, (browser, project), record, is_redo);
                return true;
            }
        }
        false
    }
}

/// What one person did with one record.
#[derive(Clone, Debug, Default)]
struct Stack {
    done: Vec<Said>,
    undone: Vec<Said>,
}

impl Stack {
    fn take(&mut self, what: &What) {
        match what {
            What::Press { is_void: true, .. } => {}
            What::Press { said, .. } => self.done.push(said.clone()),
            What::Undo => self.undone.extend(self.done.pop()),
            What::Redo => self.done.extend(self.undone.pop()),
        }
    }
}
