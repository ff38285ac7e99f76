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

/// Somebody as the product knows her: an account, or an identity of one browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// As the product names it.
    pub(crate) id: String,
    /// Every name that it was given.
    names: BTreeSet<String>,
    /// Who it really is.
    pub(crate) person: usize,
    /// Whose decisions its are, as that person has said.
    joined: Option<usize>,
    /// She has said so, and nobody can tell whether it was heard.
    is_in_doubt: bool,
}

/// How far an act has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// In the outbox.
    Waits,
    Stored,
    /// Refused for good, and the person was told.
    Void,
}

/// An act on a record.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    /// Its id in the outbox; empty for people outside of the world's browsers.
    pub(crate) id: String,
    pub(crate) who: usize,
    /// Browser and project it was done in; none for people outside.
    pub(crate) place: Option<(usize, String)>,
    /// The texts of the record, as generated; its id may change. None while nobody can tell.
    pub(crate) record: Option<Words>,
    pub(crate) what: What,
    pub(crate) fate: Fate,
}

/// What was done.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Press {
        /// As painted when it was pressed.
        seen: Words,
        said: Said,
    },
    /// Of the act with this id, or of the last one as the product knows it.
    Undo(Option<String>),
    Redo(Option<String>),
}

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Model {
    identities: Vec<Identity>,
    acts: Vec<Act>,
    people: usize,
    /// Rows that another program put into a table.
    pub(crate) foreign: BTreeSet<Words>,
    /// Rows that a person has agreed to see gone.
    pub(crate) given_up: BTreeSet<Words>,
    /// Topics saved, by browser and project.
    topics: Vec<(usize, String, String)>,
    /// Everything that stood in a `seed_data.json` on the Hub.
    pub(crate) seeds: String,
    /// Records about which a file told what nobody can see in them, by the browser and the project that it was read into.
    silently_told: BTreeMap<(usize, String), BTreeSet<Words>>,
    /// Instructions saved, by browser and project.
    pub(crate) instructions: Vec<(usize, String, String)>,
}

impl Model {
    /// Somebody who was not here before.
    pub(crate) fn person(&mut self) -> usize {
        self.people += 1;
        self.people - 1
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.identities.iter().position(|one| one.id == id)
    }

    /// The identity that the product calls `id`; the first time it is `person`'s.
    pub(crate) fn identity(&mut self, id: &str, person: usize) -> usize {
        self.find(id).unwrap_or_else(|| {
            self.identities.push(Identity {
                id: id.to_owned(),
                names: [id.to_owned()].into(),
                person,
                ..Identity::default()
            });
            self.identities.len() - 1
        })
    }

    /// Somebody outside of the world's browsers.
    pub(crate) fn outsider(&mut self, id: &str) -> usize {
        match self.find(id) {
            Some(who) => who,
            None => {
                let person = self.person();
                self.identity(id, person)
            }
        }
    }

    pub(crate) fn get(&self, who: usize) -> &Identity {
        &self.identities[who]
    }

    /// It is shown under this name too.
    pub(crate) fn named(&mut self, who: usize, name: &str) {
        self.identities[who].names.insert(name.to_owned());
    }

    pub(crate) fn has_name(&self, who: usize, name: &str) -> bool {
        self.identities[who].names.contains(name)
    }

    /// From now on `who` is a part of `into`, unless that was not heard.
    pub(crate) fn joins(&mut self, who: usize, into: usize, is_in_doubt: bool) {
        if self.end_of(who) != self.end_of(into) {
            self.identities[who].joined = Some(into);
        }
        self.identities[who].is_in_doubt = is_in_doubt;
    }

    /// She only has another name: what is known as `who` is `before`.
    pub(crate) fn is_same(&mut self, who: usize, before: usize) {
        if who != before && self.identities[who].person == self.identities[before].person {
            self.joins(who, before, false);
        }
    }

    /// The identity that goes on for `who`.
    pub(crate) fn end_of(&self, mut who: usize) -> usize {
        while let Some(next) = self.identities[who].joined {
            who = next;
        }
        who
    }

    pub(crate) fn press(
        &mut self,
        id: &str,
        who: usize,
        place: Option<(usize, String)>,
        record: &Words,
        seen: Words,
        said: Said,
    ) {
        self.acts.push(Act {
            id: id.to_owned(),
            who,
            fate: if place.is_some() {
                Fate::Waits
            } else {
                Fate::Stored
            },
            place,
            record: Some(record.clone()),
            what: What::Press { seen, said },
        });
    }

    /// An undo or redo; `target` is the act it names.
    pub(crate) fn step(
        &mut self,
        id: &str,
        who: usize,
        place: (usize, String),
        target: Option<String>,
        is_redo: bool,
    ) {
        let known = target
            .as_ref()
            .and_then(|target| self.acts.iter().find(|act| act.id == *target));
        self.acts.push(Act {
            id: id.to_owned(),
            who,
            place: Some(place),
            record: known.and_then(|act| act.record.clone()),
            what: if is_redo {
                What::Redo(target)
            } else {
                What::Undo(target)
            },
            fate: Fate::Waits,
        });
    }

    /// What became of an act; `record` is what it was about.
    pub(crate) fn settled(&mut self, id: &str, fate: Fate, record: Option<Words>) {
        if let Some(act) = self.acts.iter_mut().find(|act| act.id == id) {
            act.fate = fate;
            if act.record.is_none() {
                act.record = record;
            }
        }
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
    }

    /// Another file was read into the project: its seed is the file's now.
    pub(crate) fn seed_replaced(&mut self, browser: usize, project: &str) {
        self.topics
            .retain(|(at, id, _)| *at != browser || id != project);
    }

    /// What was saved of `from` is read into `to`. A response that only a file tells is shown as one; one that a file says
    /// is taken back leaves nothing to show.
    pub(crate) fn file_read(&mut self, from: &(usize, String), to: &(usize, String)) {
        let mut records = self.silently_told(from);
        let acts = self.acts.iter();
        records.extend(
            acts.filter(|act| act.place.as_ref() == Some(from))
                .filter(|act| matches!(act.what, What::Undo(_) | What::Redo(_)))
                .filter_map(|act| act.record.clone()),
        );
        let known = self.silently_told.entry(to.clone()).or_default();
        known.extend(records);
    }

    /// See [`Model::file_read`].
    pub(crate) fn silently_told(&self, place: &(usize, String)) -> BTreeSet<Words> {
        self.silently_told.get(place).cloned().unwrap_or_default()
    }

    fn presses(&self) -> impl Iterator<Item = (&Act, &Words, &Said)> {
        self.acts.iter().filter_map(|act| match &act.what {
            What::Press { seen, said } if act.fate != Fate::Void => Some((act, seen, said)),
            _ => None,
        })
    }

    /// Somebody accepted exactly these words.
    pub(crate) fn is_accepted(&self, words: &Words) -> bool {
        self.presses()
            .any(|(_, _, said)| said.kind == Kind::Good && said.words == *words)
    }

    /// Everybody who accepted exactly these words is known to have taken it back since, and nothing that she did there
    /// (`out`: browsers with their projects) is left to be published.
    pub(crate) fn is_taken_back(&self, words: &Words, out: &BTreeSet<(usize, String)>) -> bool {
        let mut accepts = self
            .presses()
            .filter(|(_, _, said)| said.kind == Kind::Good && said.words == *words)
            .peekable();
        accepts.peek().is_some()
            && accepts.all(|(act, _, said)| {
                let (Some(place), Some(record)) = (&act.place, &act.record) else {
                    return false;
                };
                let (browser, project) = place;
                out.contains(place)
                    && self
                        .standing(act.who, *browser, project)
                        .get(record)
                        .is_some_and(|now| now.as_ref() != Some(said))
            })
    }

    /// This person decided exactly so.
    pub(crate) fn has_said(&self, who: usize, wanted: &Said) -> bool {
        let end = self.end_of(who);
        self.presses()
            .any(|(act, _, said)| said == wanted && self.end_of(act.who) == end)
    }

    /// A person's act that is a reason for the row with these words to leave the table.
    pub(crate) fn has_reason_to_go(&self, words: &Words) -> bool {
        if self.given_up.contains(words) {
            return true;
        }
        let records: BTreeSet<&Words> = self
            .presses()
            .filter(|(_, _, said)| said.words == *words)
            .filter_map(|(act, ..)| act.record.as_ref())
            .collect();
        self.acts
            .iter()
            .filter(|act| act.fate != Fate::Void)
            .filter(|act| {
                act.record
                    .as_ref()
                    .is_none_or(|record| records.contains(record))
            })
            .any(|act| match &act.what {
                What::Press { said, .. } => said.kind != Kind::Good || said.words != *words,
                What::Undo(_) | What::Redo(_) => true,
            })
    }

    /// What `who` said last about each record in this browser's project, and which she took back: record → her word.
    /// Records that she also decided on elsewhere are left out, because there the product orders by clocks, and so is
    /// everything about which nobody can tell yet.
    pub(crate) fn standing(
        &self,
        who: usize,
        browser: usize,
        project: &str,
    ) -> BTreeMap<Words, Option<Said>> {
        let end = self.end_of(who);
        let here = Some((browser, project.to_owned()));
        let mut stacks: BTreeMap<&Words, Stack> = BTreeMap::new();
        let mut unclear = BTreeSet::new();
        for act in self.acts.iter().filter(|act| self.end_of(act.who) == end) {
            let is_in_doubt = self.identities[act.who].is_in_doubt;
            let Some(record) = &act.record else {
                if act.place == here && act.fate == Fate::Waits {
                    return BTreeMap::new();
                }
                continue;
            };
            if act.place != here || is_in_doubt {
                unclear.insert(record);
            } else if act.fate != Fate::Void {
                stacks.entry(record).or_default().take(act);
            }
        }
        stacks
            .into_iter()
            .filter(|(record, _)| !unclear.contains(record))
            .map(|(record, stack)| (record.clone(), stack.now()))
            .collect()
    }
}

/// What one person did with one record: each decision with whether it is taken back.
#[derive(Debug, Default)]
struct Stack {
    done: Vec<(String, Said, bool)>,
    /// Taken back, the last one last.
    undone: Vec<String>,
}

impl Stack {
    fn take(&mut self, act: &Act) {
        match &act.what {
            What::Press { said, .. } => self.done.push((act.id.clone(), said.clone(), false)),
            What::Undo(target) => {
                let last = self.done.iter_mut().rfind(|(id, _, is_undone)| {
                    !is_undone && target.as_ref().is_none_or(|target| target == id)
                });
                if let Some((id, _, is_undone)) = last {
                    *is_undone = true;
                    self.undone.push(id.clone());
                }
            }
            What::Redo(target) => {
                let last = target.clone().or_else(|| self.undone.last().cloned());
                if let Some(last) = last {
                    self.undone.retain(|id| *id != last);
                    for (id, _, is_undone) in &mut self.done {
                        *is_undone &= *id != last;
                    }
                }
            }
        }
    }

    fn now(&self) -> Option<Said> {
        let last = self.done.iter().rfind(|(.., is_undone)| !is_undone);
        last.map(|(_, said, _)| said.clone())
    }
}
