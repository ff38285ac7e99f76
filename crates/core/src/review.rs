//! Review: responses, and the append-only decision log.
//!
//! The one idea: the log is the truth. Every act of a reviewer is a [`Decision`] that is never changed; undo and redo
//! are decisions too. The state of a record is a fold over the log ([`fold`], [`outcome`]), and merging two logs is the
//! union of their decisions by (writer, id), so merge is commutative, associative and idempotent. A decision counts
//! only for the text that it names. Drafts stay local and are not part of the log.

use crate::question::{BAD, GOOD, IMPROVED_INSTRUCTION, IMPROVED_RESPONSE, QUALITY};
use crate::record::{Field, Fields, INSTRUCTION, RESPONSE};
use crate::turns;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// 2100-01-01 in milliseconds since 1970: a clock from then on is a fault of its writer, and does not count.
pub const CLOCK_END_MS: u64 = 4_102_444_800_000;

/// The day before [`CLOCK_END_MS`]: a clock from then on counts and moves nobody's. Whatever somebody writes into another's
/// name, there is a place behind it that no wall clock and no line of others takes.
pub const CLOCK_ROOM_MS: u64 = CLOCK_END_MS - 24 * 3_600_000;

/// Hybrid logical clock (Kulkarni et al. 2014) of one writer: wall time that never runs backwards, with a counter for
/// ties. It is never joined with another person's, so that nobody can push it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Clock {
    /// Milliseconds since 1970, the largest that its writer has seen.
    pub ms: u64,
    /// Counter among events of the same millisecond.
    pub n: u32,
}

impl Clock {
    /// The next value after `self`, the writer's own last, at wall time `now_ms`. A wall clock from the end of time
    /// does not move it.
    pub fn tick(self, now_ms: u64) -> Self {
        if now_ms > self.ms && now_ms < CLOCK_ROOM_MS {
            return Self { ms: now_ms, n: 0 };
        }
        match self.n.checked_add(1) {
            Some(n) => Self { ms: self.ms, n },
            None => Self {
                ms: self.ms.saturating_add(1),
                n: 0,
            },
        }
    }

    /// Whether the writer's next act goes behind it.
    pub fn leaves_room(self) -> bool {
        self.ms < CLOCK_ROOM_MS
    }

    /// Whether a decision with this clock counts.
    pub fn is_credible(self) -> bool {
        self.ms < CLOCK_END_MS
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
    /// A status of a newer build; counts for nothing.
    #[serde(other)]
    Unknown,
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

/// One person's answers to a record, by question id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Draft, submitted or discarded.
    pub status: ResponseStatus,
    /// Answers by question id; a question without an answer is absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, Value>,
    /// Why it was discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Response {
    /// A submitted answer to `quality`.
    pub fn rated(quality: Quality) -> Self {
        let mut response = Self {
            status: ResponseStatus::Submitted,
            ..Self::default()
        };
        response.set_quality(Some(quality));
        response
    }

    /// A discard.
    pub fn discard(reason: Option<&str>) -> Self {
        Self {
            status: ResponseStatus::Discarded,
            reason: reason.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Answer to [`QUALITY`].
    pub fn quality(&self) -> Option<Quality> {
        match self.text(QUALITY) {
            Some(GOOD) => Some(Quality::Good),
            Some(BAD) => Some(Quality::Bad),
            _ => None,
        }
    }

    /// Sets or clears the answer to [`QUALITY`].
    pub fn set_quality(&mut self, quality: Option<Quality>) {
        self.set_text(
            QUALITY,
            quality.map(|quality| match quality {
                Quality::Good => GOOD,
                Quality::Bad => BAD,
            }),
        );
    }

    /// An answer that is a text.
    pub fn text(&self, question: &str) -> Option<&str> {
        self.answers.get(question).and_then(Value::as_str)
    }

    /// Sets or clears an answer that is a text.
    pub fn set_text(&mut self, question: &str, text: Option<&str>) {
        match text {
            Some(text) => {
                self.answers
                    .insert(question.to_owned(), Value::String(text.to_owned()));
            }
            None => {
                self.answers.remove(question);
            }
        }
    }

    /// Answer to [`IMPROVED_INSTRUCTION`]; `None` = as generated.
    pub fn improved_instruction(&self) -> Option<&str> {
        self.text(IMPROVED_INSTRUCTION)
    }

    /// Answer to [`IMPROVED_RESPONSE`]; `None` = as generated.
    pub fn improved_response(&self) -> Option<&str> {
        self.text(IMPROVED_RESPONSE)
    }

    /// The fields that this response gives another content than `fields` has.
    pub fn edits(&self, fields: &Fields) -> BTreeMap<String, Field> {
        [
            (INSTRUCTION, IMPROVED_INSTRUCTION),
            (RESPONSE, IMPROVED_RESPONSE),
        ]
        .into_iter()
        .filter_map(|(field, question)| {
            let edited = match self.answers.get(question)? {
                Value::String(text) => Field::Text(text.clone()),
                content => {
                    turns::of(content)?;
                    Field::Other(content.clone())
                }
            };
            let is_other = match fields.0.get(field) {
                Some(generated) => *generated != edited,
                None => edited != Field::Text(String::new()),
            };
            is_other.then(|| (field.to_owned(), edited))
        })
        .collect()
    }
}

/// What a decision is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct On {
    /// One record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Several answers to one instruction, compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}

impl On {
    /// About the record `id`.
    pub fn record(id: impl Into<String>) -> Self {
        Self {
            record: Some(id.into()),
            group: None,
        }
    }
}

/// Answers that were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Id of the instruction.
    pub instruction: String,
    /// Ids of the records as they were shown, in order.
    #[serde(default)]
    pub shown: Vec<String>,
}

/// What a decision does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Sets the writer's response (the whole response; the last one counts).
    Respond(Response),
    /// Takes back a decision, or a batch of them, of the same writer.
    Undo {
        /// Id of a `Respond` decision or of a batch.
        target: String,
    },
    /// Puts an undone decision or batch back.
    Redo {
        /// Id of a `Respond` decision or of a batch.
        target: String,
    },
    /// Settles a dispute. Kept, and not yet counted by this build.
    Adjudicate {
        /// Values by question id.
        #[serde(default)]
        answers: BTreeMap<String, Value>,
        /// Ids of the decisions that were seen.
        #[serde(default)]
        saw: Vec<String>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A remark; counts for nothing.
    Note {
        /// The remark.
        note: String,
    },
    /// Ends this identity: its decisions are those of `into`, once `into` says so too by [`Act::Adopt`].
    Join {
        /// The identity that goes on.
        into: String,
    },
    /// Takes the decisions of `from` as one's own, once `from` says so too by [`Act::Join`].
    Adopt {
        /// The identity that ends.
        from: String,
    },
    /// The name to show for this writer from now on.
    Name {
        /// The name.
        name: String,
    },
    /// An act of a newer build: kept as it came, and not counted.
    #[serde(other)]
    Other,
}

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Unique per writer (random).
    pub id: String,
    /// The identity that decided: a Hub user name, or a local one.
    pub writer: String,
    /// What it is about; empty for acts on identities.
    #[serde(default)]
    pub on: On,
    /// [`Fields::text_hash`] of what was shown. Absent in decisions of format 1, which count for the record that keeps
    /// the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When, by the writer's clock.
    pub clock: Clock,
    /// Decisions made by one gesture share it, and are undone together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

impl Decision {
    fn order(&self) -> (Clock, &str, &str) {
        (self.clock, &self.writer, &self.id)
    }

    /// The record it is about.
    pub fn record(&self) -> Option<&str> {
        self.on.record.as_deref()
    }

    /// Whether it counts for a record with this text; `keeps_id` for the record that format 1 knew under the id.
    pub fn counts_for(&self, text_hash: &str, keeps_id: bool) -> bool {
        self.text
            .as_deref()
            .map_or(keeps_id, |text| text == text_hash)
    }
}

/// Which identities are one person: those that ended, with the one that goes on.
///
/// Needs both sides ([`Act::Join`] and [`Act::Adopt`]), so that nobody can put decisions into another's mouth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joins(HashMap<String, String>);

impl Joins {
    /// Collects them from all acts on identities, in any order.
    pub fn of<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> Self {
        let (mut joins, mut adopts) = (Vec::new(), Vec::new());
        for decision in decisions {
            match &decision.act {
                Act::Join { into } => joins.push((decision.writer.as_str(), into.as_str())),
                Act::Adopt { from } => adopts.push((from.as_str(), decision.writer.as_str())),
                _ => {}
            }
        }
        let mut map = HashMap::new();
        joins.sort_unstable();
        for pair @ (from, into) in joins {
            // An identity ends once; of two that adopted it, the smaller name has it in every browser.
            if from != into && adopts.contains(&pair) {
                map.entry(from.to_owned())
                    .or_insert_with(|| into.to_owned());
            }
        }
        Self(map)
    }

    /// The identity that goes on for `writer`.
    pub fn root<'a>(&'a self, writer: &'a str) -> &'a str {
        let mut at = writer;
        // A ring of joins ends where it began; more steps than identities are a ring.
        for _ in 0..=self.0.len() {
            match self.0.get(at) {
                Some(next) => at = next,
                None => return at,
            }
        }
        writer
    }

    /// The identities whose decisions are `root`'s, itself included.
    pub fn members<'a>(&'a self, root: &'a str) -> Vec<&'a str> {
        let mut members = vec![root];
        members.extend(
            self.0
                .keys()
                .map(String::as_str)
                .filter(|writer| self.root(writer) == root),
        );
        members
    }
}

/// The active responses to **one** text, by identity, from its decisions in any order.
///
/// A `Respond` counts unless the last `Undo`/`Redo` that names it (or its batch) is an undo; among the counting ones
/// of an identity the latest wins.
pub fn fold<'a>(
    decisions: impl IntoIterator<Item = &'a Decision>,
    joins: &Joins,
) -> BTreeMap<String, (Clock, Response)> {
    let mut events: Vec<&Decision> = decisions
        .into_iter()
        .filter(|event| event.clock.is_credible())
        .collect();
    events.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut undone: HashMap<(&str, &str), (usize, bool)> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        let (target, is_undo) = match &event.act {
            Act::Undo { target } => (target, true),
            Act::Redo { target } => (target, false),
            _ => continue,
        };
        undone.insert((joins.root(&event.writer), target), (at, is_undo));
    }
    let mut active = BTreeMap::new();
    for event in &events {
        let Act::Respond(response) = &event.act else {
            continue;
        };
        let who = joins.root(&event.writer);
        let last = [Some(event.id.as_str()), event.batch.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|target| undone.get(&(who, target)))
            .max();
        if last.is_none_or(|(_, is_undone)| !is_undone) {
            active.insert(who.to_owned(), (event.clock, response.clone()));
        }
    }
    active
}

/// What can be undone and redone by one identity, oldest first; the last of each list is next.
/// A new response empties the redo list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoStacks {
    /// Ids of `Respond` decisions that count.
    pub undo: Vec<String>,
    /// Ids of undone `Respond` decisions that can come back.
    pub redo: Vec<String>,
}

impl UndoStacks {
    /// Builds the stacks from an identity's whole log in clock order.
    pub fn from_log<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> Self {
        let mut stacks = Self::default();
        for event in decisions {
            stacks.apply(event);
        }
        stacks
    }

    /// Takes one more decision of the same identity into account.
    pub fn apply(&mut self, event: &Decision) {
        match &event.act {
            Act::Respond(_) => {
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
            _ => {}
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
    /// As many for as against, or accepted in different words: somebody has to choose.
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

/// What an accepted record is published with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The fields that were edited, by field id; all of them from one response.
    pub edits: BTreeMap<String, Field>,
    /// Submitted responses behind the outcome.
    pub rating_count: i32,
}

/// Version of the rule of [`outcome`]: what was derived by an older one is derived anew.
pub const OUTCOME_RULE: u32 = 4;

/// The outcome of a record with these fields: its state and, if accepted, what to publish.
///
/// One vote an identity: good counts for, bad and discard against. The published texts come whole from one response:
/// those of whoever edited, else as generated. Two that accept it in different words are a dispute.
pub fn outcome(
    fields: &Fields,
    active: &BTreeMap<String, (Clock, Response)>,
) -> (RecordState, Option<Accepted>) {
    let (mut good, mut bad, mut discarded) = (0_usize, 0_usize, 0_usize);
    let mut edits: Vec<BTreeMap<String, Field>> = Vec::new();
    for (_, response) in active.values() {
        match (response.status, response.quality()) {
            (ResponseStatus::Discarded, _) => discarded += 1,
            (ResponseStatus::Submitted, Some(Quality::Good)) => {
                good += 1;
                let edited = response.edits(fields);
                if !edited.is_empty() && !edits.contains(&edited) {
                    edits.push(edited);
                }
            }
            (ResponseStatus::Submitted, Some(Quality::Bad)) => bad += 1,
            _ => {}
        }
    }
    let against = bad + discarded;
    let state = match (good, against) {
        (0, 0) => RecordState::Pending,
        (good, against) if good > against && edits.len() > 1 => RecordState::Disputed,
        (good, against) if good > against => RecordState::Accepted,
        (good, against) if good == against => RecordState::Disputed,
        _ if bad == 0 => RecordState::Discarded,
        _ => RecordState::Rejected,
    };
    let accepted = (state == RecordState::Accepted).then(|| Accepted {
        edits: edits.pop().unwrap_or_default(),
        rating_count: i32::try_from(good + bad).unwrap_or(i32::MAX),
    });
    (state, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;
    use crate::turns::Turn;

    fn decision(id: &str, writer: &str, ms: u64, act: Act) -> Decision {
        Decision {
            id: id.into(),
            writer: writer.into(),
            on: On::record("r"),
            text: None,
            clock: Clock { ms, n: 0 },
            batch: None,
            act,
        }
    }

    fn respond(id: &str, writer: &str, ms: u64, quality: Quality) -> Decision {
        decision(id, writer, ms, Act::Respond(Response::rated(quality)))
    }

    fn undo(id: &str, writer: &str, ms: u64, target: &str) -> Decision {
        let target = target.into();
        decision(id, writer, ms, Act::Undo { target })
    }

    fn state_of<'a>(log: impl IntoIterator<Item = &'a Decision>) -> RecordState {
        outcome(&Fields::default(), &fold(log, &Joins::default())).0
    }

    #[test]
    fn a_clock_that_runs_backwards_still_ticks_forwards() {
        let start = Clock { ms: 100, n: 0 };
        assert!(start.tick(50) > start);
        assert_eq!(start.tick(50).tick(200), Clock { ms: 200, n: 0 });
    }

    #[test]
    fn a_full_counter_and_a_wall_clock_from_the_end_of_time_still_tick_forwards() {
        let full = Clock {
            ms: 100,
            n: u32::MAX,
        };
        assert_eq!(full.tick(50), Clock { ms: 101, n: 0 });
        let start = Clock { ms: 100, n: 0 };
        assert_eq!(start.tick(CLOCK_ROOM_MS), start.tick(0));
        let next = start.tick(u64::MAX);
        assert!(next > start && next.is_credible());
    }

    #[test]
    fn the_last_response_of_a_writer_counts_and_undo_brings_back_the_one_before() {
        let log = [
            respond("1", "ann", 1, Quality::Good),
            respond("2", "ann", 2, Quality::Bad),
            undo("3", "ann", 3, "2"),
        ];
        let quality = |log: &[Decision]| fold(log, &Joins::default())["ann"].1.quality();
        assert_eq!(quality(&log[..2]), Some(Quality::Bad));
        assert_eq!(quality(&log), Some(Quality::Good));
        let mut again = log.to_vec();
        again.push(decision("4", "ann", 4, Act::Redo { target: "2".into() }));
        assert_eq!(quality(&again), Some(Quality::Bad));
    }

    #[test]
    fn a_batch_is_undone_by_its_name() {
        let mut log = vec![
            respond("1", "ann", 1, Quality::Good),
            respond("2", "ann", 2, Quality::Bad),
        ];
        log[1].batch = Some("b".into());
        log.push(undo("3", "ann", 3, "b"));
        assert_eq!(state_of(&log), RecordState::Accepted);
    }

    #[test]
    fn nobody_can_undo_anothers_decision() {
        let log = [
            respond("1", "ann", 1, Quality::Good),
            undo("2", "bob", 2, "1"),
        ];
        assert_eq!(state_of(&log), RecordState::Accepted);
    }

    #[test]
    fn an_identity_joins_another_only_if_both_say_so() {
        let votes = [
            respond("1", "guest", 1, Quality::Good),
            respond("2", "ann", 2, Quality::Bad),
        ];
        let join = decision("3", "guest", 3, Act::Join { into: "ann".into() });
        let adopt = decision(
            "4",
            "ann",
            4,
            Act::Adopt {
                from: "guest".into(),
            },
        );
        let active = |joins: &[&Decision]| fold(&votes, &Joins::of(joins.iter().copied()));
        assert_eq!(active(&[&join]).len(), 2);
        assert_eq!(active(&[&adopt]).len(), 2);
        let joined = active(&[&join, &adopt]);
        assert_eq!(joined.keys().collect::<Vec<_>>(), ["ann"]);
        assert_eq!(joined["ann"].1.quality(), Some(Quality::Bad));
    }

    #[test]
    fn identities_that_join_in_a_ring_stay_apart() {
        let ring = [
            decision("1", "a", 1, Act::Join { into: "b".into() }),
            decision("2", "b", 1, Act::Adopt { from: "a".into() }),
            decision("3", "b", 1, Act::Join { into: "a".into() }),
            decision("4", "a", 1, Act::Adopt { from: "b".into() }),
        ];
        let joins = Joins::of(&ring);
        assert_ne!(joins.root("a"), joins.root("b"));
    }

    #[test]
    fn a_tie_is_disputed_and_a_majority_decides() {
        let tie = [
            respond("1", "ann", 1, Quality::Good),
            respond("2", "bob", 2, Quality::Bad),
        ];
        assert_eq!(state_of(&tie), RecordState::Disputed);
        let third = respond("3", "cy", 3, Quality::Good);
        let active = fold(tie.iter().chain([&third]), &Joins::default());
        let (state, accepted) = outcome(&Fields::default(), &active);
        assert_eq!(state, RecordState::Accepted);
        assert_eq!(accepted.map(|texts| texts.rating_count), Some(3));
    }

    #[test]
    fn two_edits_are_never_mixed_into_a_text_that_nobody_accepted() {
        let edit = |id: &str, writer: &str, question: &str, text: &str| {
            let mut response = Response::rated(Quality::Good);
            response.set_text(question, Some(text));
            decision(id, writer, 1, Act::Respond(response))
        };
        let fields = Fields::of_pair("i", "r");
        let of = |log: &[Decision]| outcome(&fields, &fold(log, &Joins::default()));
        let ann = edit("1", "ann", IMPROVED_INSTRUCTION, "I");
        let bob = edit("2", "bob", IMPROVED_RESPONSE, "R");
        let (state, accepted) = of(&[ann.clone(), bob]);
        assert_eq!((state, accepted), (RecordState::Disputed, None));
        // Whoever accepts it as generated, or in the same words, agrees with the edit.
        let same = edit("3", "cy", IMPROVED_INSTRUCTION, "I");
        let (state, accepted) = of(&[ann, same, respond("4", "di", 9, Quality::Good)]);
        assert_eq!(state, RecordState::Accepted);
        assert_eq!(
            accepted.map(|accepted| accepted.edits),
            Some(BTreeMap::from([(
                INSTRUCTION.to_owned(),
                Field::Text("I".to_owned())
            )]))
        );
    }

    #[test]
    fn an_edited_turn_is_an_edit_of_the_conversation() {
        let turns = |answer: &str| {
            [(Role::User, "How deep?"), (Role::Assistant, answer)].map(|(role, text)| Turn {
                role,
                text: text.to_owned(),
            })
        };
        let fields = Fields::of_turns(&turns("2 cm"));
        let edits = |content: Value| {
            let mut response = Response::rated(Quality::Good);
            response
                .answers
                .insert(IMPROVED_RESPONSE.to_owned(), content);
            response.edits(&fields)
        };
        assert!(edits(turns::field(&turns("2 cm"))).is_empty());
        let edited = turns::field(&turns("20 cm"));
        assert_eq!(
            edits(edited.clone()),
            BTreeMap::from([(RESPONSE.to_owned(), Field::Other(edited))])
        );
        // What this build does not understand is no text that anybody could accept.
        assert!(edits(serde_json::json!({"kind": "passage", "document": "d"})).is_empty());
    }

    #[test]
    fn a_new_response_empties_the_redo_list() {
        let mut stacks = UndoStacks::default();
        stacks.apply(&respond("1", "ann", 1, Quality::Good));
        stacks.apply(&undo("2", "ann", 2, "1"));
        assert_eq!((stacks.undo.len(), stacks.redo.len()), (0, 1));
        stacks.apply(&respond("3", "ann", 3, Quality::Good));
        assert_eq!((stacks.undo.len(), stacks.redo.len()), (1, 0));
    }

    #[test]
    fn decisions_survive_json() {
        let mut event = respond("1", "ann", 1, Quality::Good);
        event.text = Some("t".into());
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"id":"1","writer":"ann","on":{"record":"r"},"text":"t","clock":{"ms":1,"n":0},"act":"respond","status":"submitted","answers":{"quality":"good"}}"#
        );
        assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), event);
    }

    #[test]
    fn an_act_of_a_newer_build_can_be_read_and_counts_for_nothing() {
        let text = r#"{"id":"1","writer":"ann","on":{"record":"r","span":[1,2]},"clock":{"ms":1,"n":0},"act":"praise","stars":5}"#;
        let event: Decision = serde_json::from_str(text).unwrap();
        assert_eq!(event.act, Act::Other);
        assert_eq!(state_of([&event]), RecordState::Pending);
    }
}
