//! The built-in example project: beekeeping through the year in a temperate climate.
//!
//! Everything in it was written by hand and is meant to be true, so that a newcomer has real questions to draft from
//! and real answers to review before any model is chosen. One of the answers is of no use on purpose: it is there to be
//! improved or turned down.

mod answers;

use crate::model::Message;
use crate::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use crate::record::{Fields, Provenance, Record};
use crate::seed::{Example, Seed};
use answers::{ANSWERED, OPEN, PAIRS};

/// What stands for a model on answers that a person wrote.
pub const WRITTEN_BY_HAND: &str = "written by hand";

/// Everything of the example project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExampleProject {
    /// Its seed.
    pub seed: Seed,
    /// Instructions: kept ones, each with a record, and some left to decide.
    pub prompts: Vec<Prompt>,
    /// Records to review, with their messages.
    pub records: Vec<(Record, Vec<Message>)>,
}

const TOPICS: [&str; 6] = [
    "spring build-up",
    "swarm prevention",
    "varroa and brood disease",
    "honey harvest",
    "preparing for winter",
    "forage and pollination",
];

const PERSPECTIVES: [&str; 5] = [
    "first-year beekeeper",
    "sideline honey seller",
    "bee inspector",
    "fruit grower",
    "neighbour",
];

const DESCRIPTION: &str = "Questions and answers for people who keep honey bees (Apis mellifera) in a temperate \
climate of the northern hemisphere, from the first look into the hive in spring to the winter treatment. They are to \
teach a small assistant that helps at the hive: practical, honest about risks, and clear about what depends on the \
place.";

const EXPERT: &str = "You have kept honey bees for twenty-five years in a temperate climate of the northern \
hemisphere, and you teach beginners at a local association. Answer from practice: first what to do, then why. Name \
the season, amounts, and the signs to look for. Say when advice depends on climate, type of hive or local law, and \
when experienced beekeepers disagree. Treatments against varroa and honey sold as food are regulated: point to the \
product's label and the local rules instead of inventing doses. Say so when you do not know. Use metric units and \
plain words, and a short list or table where it helps.";

/// The same for everyone: only the times depend on `now_ms` (milliseconds since 1970), ids do not.
pub fn example(now_ms: u64) -> ExampleProject {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let seed = Seed {
        domain: "beekeeping through the year".to_owned(),
        description: DESCRIPTION.to_owned(),
        expert_prompt: EXPERT.to_owned(),
        topics: own(&TOPICS),
        perspectives: own(&PERSPECTIVES),
        examples: PAIRS
            .iter()
            .map(|(question, answer)| Example {
                question: (*question).to_owned(),
                answer: (*answer).to_owned(),
                ..Example::default()
            })
            .collect(),
        ..Seed::default()
    };
    let seed_hash = seed.hash();
    // A millisecond apart, so that sorting by age keeps their order.
    let count = ANSWERED.len() + OPEN.len();
    let time = |at: usize| now_ms.saturating_sub((count - at) as u64);
    let prompt = |at: usize, topic: &str, perspective: &str, text: &str, state| {
        let cell = Cell {
            topic: topic.to_owned(),
            perspective: perspective.to_owned(),
        };
        Prompt {
            id: Prompt::make_id(&cell, text),
            cell,
            text: text.to_owned(),
            state,
            origin: PromptOrigin::Typed,
            original_text: None,
            seed_hash: seed_hash.clone(),
            created_ms: time(at),
            updated_ms: time(at),
        }
    };

    let (mut prompts, mut records) = (Vec::new(), Vec::new());
    for (at, (topic, perspective, instruction, response)) in ANSWERED.iter().enumerate() {
        let kept = prompt(at, topic, perspective, instruction, PromptState::Kept);
        let fields = Fields::of_pair(kept.text.clone(), *response);
        let record = Record {
            id: Record::make_id(None, &fields),
            prompt_id: Some(kept.id.clone()),
            cell: kept.cell.clone(),
            fields,
            provenance: Provenance {
                seed_hash: seed_hash.clone(),
                model: WRITTEN_BY_HAND.to_owned(),
                ..Provenance::default()
            },
            created_ms: kept.created_ms,
            ..Record::default()
        };
        let messages = vec![Message::user(record.instruction())];
        records.push((record, messages));
        prompts.push(kept);
    }
    for (at, (topic, perspective, text)) in OPEN.iter().enumerate() {
        prompts.push(prompt(
            ANSWERED.len() + at,
            topic,
            perspective,
            text,
            PromptState::Proposed,
        ));
    }
    ExampleProject {
        seed,
        prompts,
        records,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nothing_is_left_to_say_about_its_seed() {
        assert_eq!(example(0).seed.check(), []);
    }

    #[test]
    fn every_instruction_stands_in_a_cell_of_the_grid_and_differs_from_the_examples() {
        let project = example(1_000);
        let cells: HashSet<Cell> = project.seed.cells().into_iter().collect();
        assert_eq!(cells.len(), TOPICS.len() * PERSPECTIVES.len());
        for prompt in &project.prompts {
            assert!(cells.contains(&prompt.cell), "{:?}", prompt.cell);
            assert!(
                project
                    .seed
                    .examples
                    .iter()
                    .all(|pair| pair.question != prompt.text)
            );
        }
    }

    #[test]
    fn every_record_answers_a_kept_instruction() {
        let project = example(1_000);
        for (record, messages) in &project.records {
            let prompt = project
                .prompts
                .iter()
                .find(|prompt| Some(&prompt.id) == record.prompt_id.as_ref())
                .unwrap();
            assert_eq!(prompt.state, PromptState::Kept);
            assert_eq!(prompt.text, record.instruction());
            assert_eq!(messages.as_slice(), [Message::user(prompt.text.clone())]);
        }
    }

    #[test]
    fn ids_are_distinct_and_do_not_depend_on_the_time() {
        let ids = |now| {
            let project = example(now);
            let mut ids: Vec<String> = project
                .prompts
                .into_iter()
                .map(|prompt| prompt.id)
                .collect();
            ids.extend(project.records.into_iter().map(|(record, _)| record.id));
            ids
        };
        assert_eq!(ids(0), ids(1_800_000_000_000));
        assert_eq!(ids(0).iter().collect::<HashSet<_>>().len(), ids(0).len());
    }
}
