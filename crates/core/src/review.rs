//! Review: questions, responses, and the append-only decision log.
//!
//! The one idea: the log is the truth. Every act of a reviewer is a [`Decision`] that is never changed; undo and redo
//! are decisions too. The state of a record is a fold over the log ([`fold`]), and merging two reviewers' logs is the
//! union of their decisions by id, so merge is commutative, associative and idempotent. Drafts stay local and are not
//! part of the log.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Hybrid logical clock (Kulkarni et al. 2014): wall time that never runs backwards, with a counter for ties.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Clock {
    /// Milliseconds since 1970, the largest seen so far.
    pub ms: u64,
    /// Counter among events of the same millisecond.
    pub n: u32,
}

impl Clock {
    /// The next value after `self` at wall time `now_ms`.
    pub fn tick(self, now_ms: u64) -> Self {
        if now_ms > self.ms {
            Self { ms: now_ms, n: 0 }
        } else {
            Self {
                ms: self.ms,
                n: self.n.saturating_add(1),
            }
        }
    }

    /// The larger of the two: call it with every clock that is read from elsewhere.
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Status of a response, in the field's standard words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// Saved locally, not counted.
    #[default]
    Draft,
    /// Answered.
    Submitted,
    /// The reviewer does not want this record in the dataset.
    Discarded,
}

/// Answer to the question `quality`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// 👍
    Good,
    /// 👎
    Bad,
}

/// One person's answers to one record: the original tool's three questions, and a reason for a discard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Draft, submitted or discarded.
    pub status: ResponseStatus,
    /// Question `quality`; required for a submit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Question `improved_instruction`; `None` = as generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub improved_instruction: Option<String>,
    /// Question `improved_response`; `None` = as generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub improved_response: Option<String>,
    /// Why it was discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discard_reason: Option<String>,
}

/// What a decision does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Sets the reviewer's response to the record (the whole response; the last one counts).
    Respond {
        /// The response; never a draft.
        response: Response,
    },
    /// Takes back the decision `target` of the same reviewer.
    Undo {
        /// Id of a `Respond` decision.
        target: String,
    },
    /// Puts the undone decision `target` back.
    Redo {
        /// Id of a `Respond` decision.
        target: String,
    },
}

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Unique id (random).
    pub id: String,
    /// Who decided: Hub user name, or a local name before sign-in.
    pub reviewer: String,
    /// The record.
    pub record_id: String,
    /// When, by the hybrid logical clock.
    pub clock: Clock,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

impl Decision {
    fn order(&self) -> (Clock, &str, &str) {
        (self.clock, &self.reviewer, &self.id)
    }
}

/// Sorts by clock, then reviewer, then id, and drops repeated ids: the canonical form of a log.
pub fn merge_logs(logs: impl IntoIterator<Item = Decision>) -> Vec<Decision> {
    let mut seen = HashSet::new();
    let mut merged: Vec<Decision> = logs
        .into_iter()
        .filter(|event| seen.insert(event.id.clone()))
        .collect();
    merged.sort_by(|a, b| a.order().cmp(&b.order()));
    merged
}

/// The active responses to **one** record, by reviewer, from that record's decisions in any order.
///
/// A `Respond` counts unless the last `Undo`/`Redo` that names it is an undo; among the counting ones of a reviewer
/// the latest wins.
pub fn fold<'a>(
    decisions: impl IntoIterator<Item = &'a Decision>,
) -> BTreeMap<String, (Clock, Response)> {
    let mut events: Vec<&Decision> = decisions.into_iter().collect();
    events.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut undone: HashMap<(&str, &str), bool> = HashMap::new();
    for event in &events {
        match &event.act {
            Act::Undo { target } => {
                undone.insert((&event.reviewer, target), true);
            }
            Act::Redo { target } => {
                undone.insert((&event.reviewer, target), false);
            }
            Act::Respond { .. } => {}
        }
    }
    let mut active = BTreeMap::new();
    for event in &events {
        if let Act::Respond { response } = &event.act
            && !undone
                .get(&(event.reviewer.as_str(), event.id.as_str()))
                .copied()
                .unwrap_or(false)
        {
            active.insert(event.reviewer.clone(), (event.clock, response.clone()));
        }
    }
    active
}

/// What can be undone and redone by `reviewer`, oldest first; the last of each list is next.
/// A new response empties the redo list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoStacks {
    /// Ids of `Respond` decisions that count.
    pub undo: Vec<String>,
    /// Ids of undone `Respond` decisions that can come back.
    pub redo: Vec<String>,
}

impl UndoStacks {
    /// Builds the stacks from a reviewer's whole log in clock order.
    pub fn from_log<'a>(decisions: impl IntoIterator<Item = &'a Decision>, reviewer: &str) -> Self {
        let mut stacks = Self::default();
        for event in decisions
            .into_iter()
            .filter(|event| event.reviewer == reviewer)
        {
            stacks.apply(event);
        }
        stacks
    }

    /// Takes one more decision of the same reviewer into account.
    pub fn apply(&mut self, event: &Decision) {
        match &event.act {
            Act::Respond { .. } => {
                self.undo.push(event.id.clone());
                self.redo.clear();
            }
            Act::Undo { target } => {
                if let Some(position) = self.undo.iter().rposition(|id| id == target) {
                    let id = self.undo.remove(position);
                    self.redo.push(id);
                }
            }
            Act::Redo { target } => {
                if let Some(position) = self.redo.iter().rposition(|id| id == target) {
                    let id = self.redo.remove(position);
                    self.undo.push(id);
                }
            }
        }
    }
}

/// Where a record stands after everyone's responses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// Nobody answered.
    #[default]
    Pending,
    /// More people want it in than out: it goes into the published table.
    Accepted,
    /// More people want it out than in, and at least one rated it bad.
    Rejected,
    /// More people want it out than in, by discards alone.
    Discarded,
    /// As many for as against: somebody has to adjudicate.
    Disputed,
}

impl RecordState {
    /// All states in the order the app shows them.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Accepted,
        Self::Rejected,
        Self::Discarded,
        Self::Disputed,
    ];

    /// The name used in the store and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Discarded => "discarded",
            Self::Disputed => "disputed",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The expert's texts of an accepted record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Improved instruction, if any.
    pub instruction: Option<String>,
    /// Improved response, if any.
    pub response: Option<String>,
    /// Submitted responses behind the outcome.
    pub rating_count: i32,
}

/// The outcome of a record: its state and, if accepted, the texts to publish.
///
/// One vote a reviewer: good counts for, bad and discard against. Texts come from the latest good response that
/// improved them.
pub fn outcome(active: &BTreeMap<String, (Clock, Response)>) -> (RecordState, Option<Accepted>) {
    let mut good: Vec<(Clock, &Response)> = Vec::new();
    let (mut bad, mut discarded) = (0_usize, 0_usize);
    for (clock, response) in active.values() {
        match (response.status, response.quality) {
            (ResponseStatus::Discarded, _) => discarded += 1,
            (ResponseStatus::Submitted, Some(Quality::Good)) => good.push((*clock, response)),
            (ResponseStatus::Submitted, Some(Quality::Bad)) => bad += 1,
            _ => {}
        }
    }
    let against = bad + discarded;
    let state = match (good.len(), against) {
        (0, 0) => RecordState::Pending,
        (for_it, against) if for_it > against => RecordState::Accepted,
        (for_it, against) if for_it == against => RecordState::Disputed,
        _ if bad == 0 => RecordState::Discarded,
        _ => RecordState::Rejected,
    };
    if state != RecordState::Accepted {
        return (state, None);
    }
    good.sort_by_key(|(clock, _)| *clock);
    let latest = |pick: fn(&Response) -> Option<&String>| {
        good.iter()
            .rev()
            .find_map(|(_, response)| pick(response).cloned())
    };
    let accepted = Accepted {
        instruction: latest(|response| response.improved_instruction.as_ref()),
        response: latest(|response| response.improved_response.as_ref()),
        rating_count: i32::try_from(good.len() + bad).unwrap_or(i32::MAX),
    };
    (state, Some(accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(id: &str, reviewer: &str, ms: u64, quality: Quality) -> Decision {
        Decision {
            id: id.into(),
            reviewer: reviewer.into(),
            record_id: "r".into(),
            clock: Clock { ms, n: 0 },
            act: Act::Respond {
                response: Response {
                    status: ResponseStatus::Submitted,
                    quality: Some(quality),
                    ..Response::default()
                },
            },
        }
    }

    fn act(id: &str, reviewer: &str, ms: u64, act: Act) -> Decision {
        Decision {
            id: id.into(),
            reviewer: reviewer.into(),
            record_id: "r".into(),
            clock: Clock { ms, n: 0 },
            act,
        }
    }

    #[test]
    fn a_clock_that_runs_backwards_still_ticks_forwards() {
        let start = Clock { ms: 100, n: 0 };
        assert!(start.tick(50) > start);
        assert_eq!(start.tick(50).tick(200), Clock { ms: 200, n: 0 });
    }

    #[test]
    fn the_last_response_of_a_reviewer_counts_and_undo_brings_back_the_one_before() {
        let log = [
            respond("1", "ann", 1, Quality::Good),
            respond("2", "ann", 2, Quality::Bad),
            act("3", "ann", 3, Act::Undo { target: "2".into() }),
        ];
        assert_eq!(fold(&log[..2])["ann"].1.quality, Some(Quality::Bad));
        assert_eq!(fold(&log)["ann"].1.quality, Some(Quality::Good));
        let again = act("4", "ann", 4, Act::Redo { target: "2".into() });
        assert_eq!(
            fold(log.iter().chain([&again]))["ann"].1.quality,
            Some(Quality::Bad)
        );
    }

    #[test]
    fn nobody_can_undo_anothers_decision() {
        let log = [
            respond("1", "ann", 1, Quality::Good),
            act("2", "bob", 2, Act::Undo { target: "1".into() }),
        ];
        assert_eq!(outcome(&fold(&log)).0, RecordState::Accepted);
    }

    #[test]
    fn merge_is_a_union_in_any_order() {
        let a = vec![
            respond("1", "ann", 1, Quality::Good),
            respond("3", "ann", 3, Quality::Bad),
        ];
        let b = vec![
            respond("2", "bob", 2, Quality::Good),
            respond("1", "ann", 1, Quality::Good),
        ];
        let ab = merge_logs(a.iter().chain(&b).cloned());
        let ba = merge_logs(b.iter().chain(&a).cloned());
        assert_eq!(ab, ba);
        assert_eq!(ab.len(), 3);
        assert_eq!(merge_logs(ab.iter().chain(&ab).cloned()), ab);
    }

    #[test]
    fn a_tie_is_disputed_and_a_majority_decides() {
        let tie = [
            respond("1", "ann", 1, Quality::Good),
            respond("2", "bob", 2, Quality::Bad),
        ];
        assert_eq!(outcome(&fold(&tie)).0, RecordState::Disputed);
        let third = respond("3", "cy", 3, Quality::Good);
        let (state, accepted) = outcome(&fold(tie.iter().chain([&third])));
        assert_eq!(state, RecordState::Accepted);
        assert_eq!(accepted.map(|texts| texts.rating_count), Some(3));
    }

    #[test]
    fn a_new_response_empties_the_redo_list() {
        let mut stacks = UndoStacks::default();
        stacks.apply(&respond("1", "ann", 1, Quality::Good));
        stacks.apply(&act("2", "ann", 2, Act::Undo { target: "1".into() }));
        assert_eq!((stacks.undo.len(), stacks.redo.len()), (0, 1));
        stacks.apply(&respond("3", "ann", 3, Quality::Good));
        assert_eq!((stacks.undo.len(), stacks.redo.len()), (1, 0));
    }

    #[test]
    fn decisions_survive_json() {
        let event = respond("1", "ann", 1, Quality::Good);
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"id":"1","reviewer":"ann","record_id":"r","clock":{"ms":1,"n":0},"act":"respond","response":{"status":"submitted","quality":"good"}}"#
        );
        assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), event);
    }
}
