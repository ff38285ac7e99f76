//! The log of instructions: adding, editing, keeping and striking are acts, and an instruction is the fold over them.
//!
//! An act names the acts it stands on (`saw`), so that whoever acts later, having seen the earlier act, wins whatever
//! the clocks say. Only acts that did not know of each other are ordered by clock.

use crate::id::content_id;
use crate::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use crate::review::Clock;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// Writer of the acts that stand for what a build of format 1 stored.
pub const FORMAT_1: &str = "format-1";

/// What an act does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Change {
    /// The instruction comes to be.
    Add {
        /// Its place in the grid.
        cell: Cell,
        /// Its first text.
        to: String,
        /// Its first state.
        state: PromptState,
        /// Lineage.
        origin: PromptOrigin,
        /// Hash of the seed at that time.
        #[serde(default)]
        seed_hash: String,
        /// Milliseconds since 1970 by which it is sorted among those of its cell; 0 = those of the clock.
        #[serde(default)]
        created_ms: u64,
    },
    /// Another text.
    Edit {
        /// The new text.
        to: String,
    },
    /// Kept, struck, or put back.
    State {
        /// The new state.
        state: PromptState,
    },
    /// The instruction as a build of format 1 stored it.
    Was {
        /// The line of `prompts.jsonl`.
        prompt: Box<Prompt>,
    },
    /// An act of a newer build: kept as it came, and not counted.
    #[serde(other)]
    Other,
}

/// One event of the log of instructions, as written to `.seedbed/instructions/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstructionAct {
    /// Unique (random; for [`Change::Was`] the hash of the line).
    pub id: String,
    /// The identity that acted.
    pub writer: String,
    /// Id of the instruction.
    pub on: String,
    /// When, by the writer's clock.
    pub clock: Clock,
    /// Ids of the acts on the same instruction that it replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saw: Vec<String>,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

impl InstructionAct {
    /// A line of format 1's `prompts.jsonl` as an act.
    pub fn was(prompt: Prompt) -> Self {
        Self {
            id: content_id(&("was/1", &prompt)),
            writer: FORMAT_1.to_owned(),
            on: prompt.id.clone(),
            clock: Clock {
                ms: prompt.updated_ms,
                n: 0,
            },
            saw: Vec::new(),
            change: Change::Was {
                prompt: Box::new(prompt),
            },
        }
    }

    /// Sets the text.
    fn text(&self) -> Option<&str> {
        match &self.change {
            Change::Add { to, .. } | Change::Edit { to } => Some(to),
            Change::Was { prompt } => Some(&prompt.text),
            Change::State { .. } | Change::Other => None,
        }
    }

    /// Sets the state.
    fn state(&self) -> Option<PromptState> {
        match &self.change {
            Change::Add { state, .. } | Change::State { state } => Some(*state),
            Change::Was { prompt } => Some(prompt.state),
            Change::Edit { .. } | Change::Other => None,
        }
    }

    fn begins(&self) -> bool {
        matches!(self.change, Change::Add { .. } | Change::Was { .. })
    }

    fn order(&self) -> (Clock, &str, &str) {
        (self.clock, &self.writer, &self.id)
    }
}

/// The latest act that sets something and that no other such act replaces.
fn winner<'a>(
    acts: &[&'a InstructionAct],
    sets: impl Fn(&InstructionAct) -> bool,
) -> Option<&'a InstructionAct> {
    let setting: Vec<&InstructionAct> = acts.iter().copied().filter(|act| sets(act)).collect();
    let replaced: HashSet<&str> = setting
        .iter()
        .flat_map(|act| {
            act.saw
                .iter()
                .map(String::as_str)
                .filter(|id| *id != act.id)
        })
        .collect();
    let last = |open: &mut dyn Iterator<Item = &'a InstructionAct>| {
        open.max_by(|a, b| a.order().cmp(&b.order()))
    };
    last(
        &mut setting
            .iter()
            .copied()
            .filter(|act| !replaced.contains(act.id.as_str())),
    )
    // Acts that replace each other in a ring, from a file of someone else.
    .or_else(|| last(&mut setting.iter().copied()))
}

/// Ids of the acts that a new act of either kind replaces: those that set the present text, or the present state.
pub fn present(acts: &[InstructionAct]) -> (Vec<String>, Vec<String>) {
    let credible: Vec<&InstructionAct> = acts.iter().collect();
    let open = |sets: &dyn Fn(&InstructionAct) -> bool| -> Vec<String> {
        let setting: Vec<&&InstructionAct> = credible.iter().filter(|act| sets(act)).collect();
        let replaced: HashSet<&str> = setting
            .iter()
            .flat_map(|act| act.saw.iter().map(String::as_str))
            .collect();
        setting
            .iter()
            .filter(|act| !replaced.contains(act.id.as_str()))
            .map(|act| act.id.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    (
        open(&|act| act.text().is_some()),
        open(&|act| act.state().is_some()),
    )
}

/// The instruction after all acts on it, in any order; `None` while nobody has added it.
pub fn fold(acts: &[InstructionAct]) -> Option<Prompt> {
    let credible: Vec<&InstructionAct> =
        acts.iter().filter(|act| act.clock.is_credible()).collect();
    let first = credible
        .iter()
        .filter(|act| act.begins())
        .min_by(|a, b| a.order().cmp(&b.order()))?;
    let mut prompt = match &first.change {
        Change::Was { prompt } => (**prompt).clone(),
        Change::Add {
            cell,
            to,
            state,
            origin,
            seed_hash,
            created_ms,
        } => Prompt {
            id: first.on.clone(),
            cell: cell.clone(),
            text: to.clone(),
            state: *state,
            origin: origin.clone(),
            original_text: None,
            seed_hash: seed_hash.clone(),
            created_ms: if *created_ms == 0 {
                first.clock.ms
            } else {
                *created_ms
            },
            updated_ms: first.clock.ms,
        },
        _ => return None,
    };
    prompt.id.clone_from(&first.on);
    let original = prompt
        .original_text
        .take()
        .unwrap_or_else(|| prompt.text.clone());
    if let Some(act) = winner(&credible, |act| act.text().is_some()) {
        act.text().unwrap_or_default().clone_into(&mut prompt.text);
        prompt.updated_ms = prompt.updated_ms.max(act.clock.ms);
    }
    if let Some(act) = winner(&credible, |act| act.state().is_some()) {
        prompt.state = act.state().unwrap_or_default();
        prompt.updated_ms = prompt.updated_ms.max(act.clock.ms);
    }
    prompt.original_text = (original != prompt.text).then_some(original);
    Some(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(id: &str, writer: &str, ms: u64, saw: &[&str], change: Change) -> InstructionAct {
        InstructionAct {
            id: id.into(),
            writer: writer.into(),
            on: "i".into(),
            clock: Clock { ms, n: 0 },
            saw: saw.iter().map(|id| (*id).to_owned()).collect(),
            change,
        }
    }

    fn add(ms: u64) -> InstructionAct {
        act(
            "add",
            "ann",
            ms,
            &[],
            Change::Add {
                cell: Cell::default(),
                to: "first".into(),
                state: PromptState::Proposed,
                origin: PromptOrigin::Typed,
                seed_hash: String::new(),
                created_ms: 0,
            },
        )
    }

    fn edit(id: &str, writer: &str, ms: u64, saw: &[&str], to: &str) -> InstructionAct {
        act(id, writer, ms, saw, Change::Edit { to: to.into() })
    }

    fn state(id: &str, ms: u64, saw: &[&str], state: PromptState) -> InstructionAct {
        act(id, "bob", ms, saw, Change::State { state })
    }

    #[test]
    fn an_edit_and_a_strike_of_two_people_both_count_in_any_order() {
        let acts = [
            add(1),
            edit("e", "ann", 2, &["add"], "second"),
            state("s", 2, &["add"], PromptState::Struck),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let acts: Vec<_> = order.iter().map(|at: &usize| acts[*at].clone()).collect();
            let prompt = fold(&acts).unwrap();
            assert_eq!(prompt.text, "second");
            assert_eq!(prompt.state, PromptState::Struck);
            assert_eq!(prompt.original_text.as_deref(), Some("first"));
        }
    }

    #[test]
    fn whoever_has_seen_an_act_wins_over_it_whatever_its_clock_says() {
        let mut acts = vec![
            add(1),
            state("far", 4_000_000_000_000, &[], PromptState::Struck),
        ];
        let (_, seen) = present(&acts);
        assert_eq!(seen, ["add", "far"]);
        let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
        acts.push(state("mine", 5, &seen, PromptState::Kept));
        assert_eq!(fold(&acts).unwrap().state, PromptState::Kept);
    }

    #[test]
    fn an_act_from_the_end_of_time_counts_for_nothing() {
        let acts = [
            add(1),
            state("far", u64::MAX, &["add"], PromptState::Struck),
        ];
        assert_eq!(fold(&acts).unwrap().state, PromptState::Proposed);
    }

    #[test]
    fn acts_that_replace_each_other_still_give_an_instruction() {
        let acts = [
            add(1),
            edit("a", "ann", 2, &["b", "add"], "A"),
            edit("b", "bob", 3, &["a"], "B"),
        ];
        assert_eq!(fold(&acts).unwrap().text, "B");
    }

    #[test]
    fn what_format_1_stored_later_wins_until_somebody_acts_on_it() {
        let prompt = |text: &str, updated_ms| Prompt {
            id: "i".into(),
            cell: Cell::default(),
            text: text.into(),
            state: PromptState::Kept,
            origin: PromptOrigin::Typed,
            original_text: Some("first".into()),
            seed_hash: String::new(),
            created_ms: 1,
            updated_ms,
        };
        let mut acts = vec![
            InstructionAct::was(prompt("newer", 9)),
            InstructionAct::was(prompt("older", 4)),
        ];
        assert_eq!(fold(&acts).unwrap().text, "newer");
        let (saw, _) = present(&acts);
        let saw: Vec<&str> = saw.iter().map(String::as_str).collect();
        acts.push(edit("e", "ann", 5, &saw, "mine"));
        let folded = fold(&acts).unwrap();
        assert_eq!(folded.text, "mine");
        assert_eq!(folded.original_text.as_deref(), Some("first"));
    }

    #[test]
    fn acts_survive_json() {
        let text = r#"{"id":"e","writer":"ann","on":"i","clock":{"ms":2,"n":0},"saw":["add"],"act":"edit","to":"second"}"#;
        let act: InstructionAct = serde_json::from_str(text).unwrap();
        assert_eq!(act, edit("e", "ann", 2, &["add"], "second"));
        assert_eq!(serde_json::to_string(&act).unwrap(), text);
    }
}
