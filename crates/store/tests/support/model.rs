//! What lines say, worked out anew from all of them: nothing is kept, nothing depends on the order in which they came.
#![allow(dead_code, reason = "each test file uses a part")]

use seedbed_core::line::Line;
use seedbed_core::messages::{OtherResponse, RecordFilter};
use seedbed_core::record::Record;
use seedbed_core::review::{
    Act, Clock, Decision, Joins, RecordState, Response, UndoStacks, fold, outcome,
};
use seedbed_core::row::TableRow;
use seedbed_store::{Origin, Store};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A decision as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) decision: Decision,
    pub(crate) origin: Origin,
    /// The visit it was made in, if here.
    pub(crate) visit: Option<u32>,
    hash: String,
}

/// A text with the ids that lines give it.
#[derive(Clone, Debug)]
struct Text {
    record: Record,
    own_id: String,
    hash: String,
    /// Ids that lines of the Hub claim for it, and those that only lines known here claim.
    on_hub: BTreeSet<String>,
    here: BTreeSet<String>,
}

/// Everything that was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    texts: Vec<Text>,
    pub(crate) log: BTreeMap<(String, String), Known>,
}

impl Model {
    pub(crate) fn record(&mut self, record: &Record, is_on_hub: bool) {
        let own_id = Record::make_id(record.key.as_deref(), &record.fields);
        let at = match self.texts.iter().position(|text| text.own_id == own_id) {
            Some(at) => at,
            None => {
                self.texts.push(Text {
                    record: record.clone(),
                    own_id,
                    hash: record.fields.text_hash(),
                    on_hub: BTreeSet::new(),
                    here: BTreeSet::new(),
                });
                self.texts.len() - 1
            }
        };
        let text = &mut self.texts[at];
        if is_on_hub {
            text.on_hub.insert(record.id.clone());
        } else {
            text.here.insert(record.id.clone());
        }
    }

    /// Of two contents under one key, one that may be published counts before one of a file, then the smaller hash.
    pub(crate) fn decision(&mut self, decision: &Decision, origin: Origin, visit: Option<u32>) {
        let new = Known {
            hash: Line::new(decision.clone()).content_hash(),
            decision: decision.clone(),
            origin,
            visit,
        };
        let key = (decision.writer.clone(), decision.id.clone());
        let rank = |known: &Known| (known.origin == Origin::File, known.hash.clone());
        match self.log.get_mut(&key) {
            Some(known) if rank(known) <= rank(&new) => {}
            Some(known) => *known = new,
            None => {
                self.log.insert(key, new);
            }
        }
    }

    fn credible(&self) -> Vec<&Known> {
        let mut log: Vec<&Known> = self
            .log
            .values()
            .filter(|known| known.decision.clock.is_credible())
            .collect();
        log.sort_by_key(|known| {
            let decision = &known.decision;
            (decision.clock, decision.writer.clone(), decision.id.clone())
        });
        log
    }

    pub(crate) fn joins(&self) -> Joins {
        Joins::of(self.credible().into_iter().map(|known| &known.decision))
    }

    fn names(&self) -> HashMap<String, String> {
        let mut names = HashMap::new();
        for known in self.credible() {
            if let (Act::Name { name }, None) = (&known.decision.act, known.decision.record()) {
                names.insert(known.decision.writer.clone(), name.clone());
            }
        }
        names
    }

    /// The id that the text is known by: one that a line claims, if no other text has a better right to it.
    fn id_of(&self, text: &Text) -> String {
        let claimed = Self::claimed(text);
        // It follows from another text.
        let is_anothers = self
            .texts
            .iter()
            .any(|other| other.own_id == claimed && other.own_id != text.own_id);
        let rank = |of: &Text| (of.own_id != claimed, of.on_hub.is_empty(), of.hash.clone());
        let is_first = self
            .texts
            .iter()
            .filter(|other| Self::claimed(other) == claimed)
            .all(|other| rank(text) <= rank(other));
        if is_first && !is_anothers {
            claimed
        } else {
            text.own_id.clone()
        }
    }

    /// The id that lines claim for a text: another one than its own, if any does; the smallest of several.
    fn claimed(text: &Text) -> String {
        let claims = if text.on_hub.is_empty() {
            &text.here
        } else {
            &text.on_hub
        };
        claims
            .iter()
            .min_by_key(|id| (**id == text.own_id, (*id).clone()))
            .cloned()
            .unwrap_or_default()
    }

    /// The decisions that count for a text.
    fn of(&self, text: &Text) -> Vec<&Known> {
        let id = self.id_of(text);
        let claimed = Self::claimed(text);
        let claiming = |is_on_hub: bool| {
            let texts = self.texts.iter();
            texts
                .filter(|other| other.on_hub.is_empty() != is_on_hub)
                .filter(|other| Self::claimed(other) == claimed)
                .count()
        };
        // What only this browser has says nothing, unless there is nothing else.
        let rivals = match claiming(true) {
            0 => claiming(false),
            on_hub => on_hub,
        };
        // Nor does a file say where its lines stand.
        let all = self.texts.iter();
        let all = all
            .filter(|other| other.on_hub.contains(&claimed) || other.here.contains(&claimed))
            .count();
        self.credible()
            .into_iter()
            .filter(|known| {
                let Some(about) = known.decision.record() else {
                    return false;
                };
                match &known.decision.text {
                    Some(named) => {
                        *named == text.hash
                            && (about == text.own_id
                                || text.on_hub.contains(about)
                                || text.here.contains(about))
                    }
                    // An id that follows from a text can be about no other one.
                    None if known.origin == Origin::File => {
                        about == id && (id == text.own_id || (id == claimed && all < 2))
                    }
                    None => about == id && (id == text.own_id || (id == claimed && rivals < 2)),
                }
            })
            .collect()
    }

    fn fold(&self, text: &Text, of_files: bool) -> BTreeMap<String, (Clock, Response)> {
        let log = self.of(text);
        let log = log
            .iter()
            .filter(|known| of_files || known.origin != Origin::File)
            .map(|known| &known.decision);
        fold(log, &self.joins())
    }

    fn log_of(&self, root: &str) -> Vec<&Known> {
        let joins = self.joins();
        self.credible()
            .into_iter()
            .filter(|known| joins.root(&known.decision.writer) == root)
            .collect()
    }

    pub(crate) fn stacks(&self, writer: &str) -> UndoStacks {
        let joins = self.joins();
        let log = self.log_of(joins.root(writer));
        UndoStacks::from_log(log.iter().map(|known| &known.decision))
    }

    /// What undo, or redo, takes next: of this visit first.
    pub(crate) fn next(&self, writer: &str, is_undo: bool, visit: u32) -> Option<String> {
        let stacks = self.stacks(writer);
        let joins = self.joins();
        let log = self.log_of(joins.root(writer));
        let made_in = |id: &String| {
            log.iter()
                .rev()
                .find(|known| match &known.decision.act {
                    Act::Respond(_) => is_undo && known.decision.id == *id,
                    Act::Undo { target } => !is_undo && target == id,
                    _ => false,
                })
                .and_then(|known| known.visit)
        };
        let stack = if is_undo { stacks.undo } else { stacks.redo };
        let of_visit = stack.iter().rev().find(|id| made_in(id) == Some(visit));
        of_visit.or(stack.last()).cloned()
    }

    /// Compares everything that the store derives; `people` with the records on which they have a draft, by id.
    pub(crate) fn check(
        &self,
        store: &Store,
        people: &[&str],
        drafts: &BTreeMap<(String, String), Response>,
    ) {
        let filter = RecordFilter::default();
        let (_, all) = store.list_records(&filter, "nobody", 0, 1000).unwrap();
        let by_id: BTreeMap<String, &Text> = self
            .texts
            .iter()
            .map(|text| (self.id_of(text), text))
            .collect();
        assert_eq!(by_id.len(), self.texts.len(), "ids are unique");
        let ids: BTreeSet<&String> = all.iter().map(|view| &view.record.id).collect();
        assert_eq!(ids, by_id.keys().collect());
        let (joins, names) = (self.joins(), self.names());
        let mut states: BTreeMap<RecordState, u32> = BTreeMap::new();
        let mut rows = Vec::new();
        for seen in &all {
            let id = &seen.record.id;
            let text = by_id[id];
            assert_eq!(seen.record.fields, text.record.fields);
            let active = self.fold(text, true);
            let published = self.fold(text, false);
            let (state, _) = outcome(&seen.record.fields, &active);
            *states.entry(state).or_default() += 1;
            assert_eq!(seen.state, state, "{id}");
            let (_, accepted) = outcome(&seen.record.fields, &published);
            rows.extend(accepted.map(|accepted| TableRow::new(&seen.record, &accepted)));
            for name in people {
                let view = store.record_view(id, name).unwrap().unwrap();
                let draft = drafts.get(&(id.clone(), (*name).to_owned()));
                let root = joins.root(name);
                let mine = draft.or(active.get(root).map(|(_, response)| response));
                assert_eq!(view.mine.as_ref(), mine);
                let others: Vec<_> = active
                    .iter()
                    .filter(|(other, _)| *other != root)
                    .map(|(other, (clock, response))| OtherResponse {
                        writer: other.clone(),
                        name: names.get(other).unwrap_or(other).clone(),
                        is_from_file: published.get(other) != Some(&(*clock, response.clone())),
                        response: response.clone(),
                    })
                    .collect();
                assert_eq!(view.others, others);
            }
        }
        let hashes: Vec<_> = rows
            .iter()
            .map(|row| (row.id.clone(), row.content_hash()))
            .collect();
        assert_eq!(store.accepted_hashes().unwrap(), hashes);
        assert_eq!(store.accepted_row_count().unwrap() as usize, rows.len());
        assert_eq!(store.accepted_rows(0, 1000).unwrap(), (rows, None));
        for name in people {
            let counts = store.counts(name).unwrap();
            assert_eq!(counts.total as usize, all.len());
            for (state, n) in counts.states {
                assert_eq!(n, states.get(&state).copied().unwrap_or(0), "{state:?}");
            }
            let of_mine = drafts.keys().filter(|(_, who)| who == name).count();
            assert_eq!(counts.drafts as usize, of_mine);
            let stacks = self.stacks(name);
            assert_eq!(counts.can_undo, !stacks.undo.is_empty(), "{name}");
            assert_eq!(counts.can_redo, !stacks.redo.is_empty(), "{name}");
        }
        let roots: BTreeSet<&str> = self
            .log
            .values()
            .filter(|known| known.decision.record().is_some())
            .map(|known| joins.root(&known.decision.writer))
            .collect();
        let reviewers: Vec<String> = roots
            .into_iter()
            .map(|root| {
                names
                    .get(root)
                    .map_or_else(|| root.to_owned(), Clone::clone)
            })
            .collect();
        assert_eq!(store.reviewers().unwrap(), reviewers);
    }
}
