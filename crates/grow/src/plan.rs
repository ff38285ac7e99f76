//! The plan of a run: which rows will be asked for, under which id, in which order.
//!
//! A plan is a pure function of seed, kept instructions, settings and model, so that a rerun, a second tab and a
//! resumed run name the same rows alike and nothing finished is asked twice. Rows go round the cells of the grid, first
//! answers before second ones: a run that is stopped early has touched the whole grid.

use crate::tasks;
use seedbed_core::id::content_id;
use seedbed_core::model::{Endpoint, Message, Sampling};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Cell, EvolutionKind, Prompt, PromptState};
use seedbed_core::record::{RecordKey, record_id};
use seedbed_core::seed::Seed;
use std::collections::{HashMap, HashSet};

/// The pipeline stage that goes into the ids of answers.
pub const STAGE: &str = "answer";

/// One row to ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRow {
    /// Id of the record it makes.
    pub record_id: String,
    /// The instruction's prompt.
    pub prompt_id: String,
    /// Its cell.
    pub cell: Cell,
    /// The instruction.
    pub instruction: String,
    /// Which of the answers to the same instruction, from 0.
    pub sample_index: u32,
    /// The request messages.
    pub messages: Vec<Message>,
    /// Sampling as sent: a set seed already counts the sample index in.
    pub sampling: Sampling,
    /// Version of the task text.
    pub prompt_version: String,
}

/// Plans the answers to all kept instructions: `settings.answers_per_instruction` rows each.
///
/// Cells come in seed order, then cells that are no longer in the seed in order of their names; within a cell the
/// older instruction comes first. Two instructions with the same text (in two cells) would make the same record: the
/// first one makes it. Instructions without text are left out.
pub fn plan(
    seed: &Seed,
    prompts: &[Prompt],
    settings: &RunSettings,
    endpoint: &Endpoint,
) -> Vec<PlannedRow> {
    let columns = columns(seed, prompts);
    let rounds = columns.iter().map(Vec::len).max().unwrap_or(0);
    let in_order: Vec<(&Prompt, Vec<Message>)> = (0..rounds)
        .flat_map(|round| columns.iter().filter_map(move |column| column.get(round)))
        .map(|prompt| (*prompt, tasks::answer(seed, &prompt.text)))
        .collect();

    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    for sample_index in 0..settings.answers_per_instruction {
        let sampling = Sampling {
            seed: settings
                .answer
                .seed
                .map(|seed| seed.wrapping_add(u64::from(sample_index))),
            ..settings.answer.clone()
        };
        for (prompt, messages) in &in_order {
            let record_id = record_id(&RecordKey {
                stage: STAGE,
                model: &endpoint.model,
                sampling: &sampling,
                prompt_version: tasks::ANSWER,
                messages,
                sample_index,
            });
            if seen.insert(record_id.clone()) {
                rows.push(PlannedRow {
                    record_id,
                    prompt_id: prompt.id.clone(),
                    cell: prompt.cell.clone(),
                    instruction: prompt.text.clone(),
                    sample_index,
                    messages: messages.clone(),
                    sampling: sampling.clone(),
                    prompt_version: tasks::ANSWER.to_owned(),
                });
            }
        }
    }
    rows
}

/// Kept instructions by cell, cells in the order of the grid.
fn columns<'a>(seed: &Seed, prompts: &'a [Prompt]) -> Vec<Vec<&'a Prompt>> {
    let mut by_cell: HashMap<&Cell, Vec<&Prompt>> = HashMap::new();
    for prompt in prompts {
        if prompt.state == PromptState::Kept && !prompt.text.trim().is_empty() {
            by_cell.entry(&prompt.cell).or_default().push(prompt);
        }
    }
    let mut columns: Vec<Vec<&Prompt>> = seed
        .cells()
        .iter()
        .filter_map(|cell| by_cell.remove(cell))
        .collect();
    let mut elsewhere: Vec<_> = by_cell.into_iter().collect();
    elsewhere.sort_unstable_by_key(|(cell, _)| *cell);
    columns.extend(elsewhere.into_iter().map(|(_, column)| column));
    for column in &mut columns {
        column.sort_by_key(|prompt| (prompt.created_ms, &prompt.id));
    }
    columns
}

/// The kind of evolution for a parent when the person leaves the choice to us: drawn from its id, so that trying again
/// asks the same.
pub fn evolution_for(prompt_id: &str) -> EvolutionKind {
    let digest = content_id(&("evolution/1", prompt_id));
    let drawn = digest
        .get(..8)
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .unwrap_or(0);
    EvolutionKind::ALL[drawn % EvolutionKind::ALL.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::prompt::PromptOrigin;

    fn seed() -> Seed {
        Seed {
            domain: "farming".into(),
            expert_prompt: "You farm.".into(),
            topics: vec!["soil".into(), "water".into()],
            perspectives: vec!["small".into(), "large".into()],
            ..Seed::default()
        }
    }

    fn prompt(topic: &str, perspective: &str, text: &str, created_ms: u64) -> Prompt {
        let cell = Cell {
            topic: topic.into(),
            perspective: perspective.into(),
        };
        Prompt {
            id: Prompt::make_id(&cell, text),
            cell,
            text: text.into(),
            state: PromptState::Kept,
            origin: PromptOrigin::Typed,
            original_text: None,
            seed_hash: String::new(),
            created_ms,
            updated_ms: created_ms,
        }
    }

    fn endpoint(model: &str) -> Endpoint {
        Endpoint {
            model: model.into(),
            ..Endpoint::default()
        }
    }

    fn texts(rows: &[PlannedRow]) -> Vec<(&str, u32)> {
        rows.iter()
            .map(|row| (row.instruction.as_str(), row.sample_index))
            .collect()
    }

    #[test]
    fn rows_go_round_the_grid_and_first_answers_come_first() {
        let prompts = [
            prompt("water", "large", "wl1", 1),
            prompt("soil", "small", "ss2", 9),
            prompt("soil", "small", "ss1", 2),
            prompt("gone", "cell", "gc1", 3),
            prompt("soil", "large", "sl1", 4),
        ];
        let settings = RunSettings {
            answers_per_instruction: 2,
            ..RunSettings::default()
        };
        let rows = plan(&seed(), &prompts, &settings, &endpoint("m"));
        let round = ["ss1", "sl1", "wl1", "gc1", "ss2"];
        let expected: Vec<(&str, u32)> = (0..2)
            .flat_map(|sample| round.iter().map(move |text| (*text, sample)))
            .collect();
        assert_eq!(texts(&rows), expected);
        let mut shuffled = prompts.to_vec();
        shuffled.reverse();
        assert_eq!(plan(&seed(), &shuffled, &settings, &endpoint("m")), rows);
    }

    #[test]
    fn only_kept_instructions_with_text_are_planned_and_one_text_makes_one_record() {
        let mut struck = prompt("soil", "small", "struck", 1);
        struck.state = PromptState::Struck;
        let mut proposed = prompt("soil", "small", "proposed", 1);
        proposed.state = PromptState::Proposed;
        let prompts = [
            struck,
            proposed,
            prompt("soil", "small", "  ", 1),
            prompt("soil", "small", "same", 1),
            prompt("water", "small", "same", 1),
        ];
        let rows = plan(&seed(), &prompts, &RunSettings::default(), &endpoint("m"));
        assert_eq!(texts(&rows), [("same", 0)]);
        assert_eq!(rows[0].cell.topic, "soil");
    }

    #[test]
    fn ids_change_with_what_shapes_the_text_and_with_nothing_else() {
        let prompts = [prompt("soil", "small", "How deep?", 1)];
        let id = |seed: &Seed, settings: &RunSettings, model: &str| {
            plan(seed, &prompts, settings, &endpoint(model))[0]
                .record_id
                .clone()
        };
        let settings = RunSettings::default();
        let base = id(&seed(), &settings, "m:fast");
        assert_ne!(base, id(&seed(), &settings, "m:cheap"));
        let mut warmer = settings.clone();
        warmer.answer.temperature = 1.1;
        assert_ne!(base, id(&seed(), &warmer, "m:fast"));
        let mut other_expert = seed();
        other_expert.expert_prompt = "You farm by the sea.".into();
        assert_ne!(base, id(&other_expert, &settings, "m:fast"));
        // More answers, another address, other drafting settings and more in flight leave the first row alone.
        let mut more = settings.clone();
        more.answers_per_instruction = 4;
        more.concurrency = 1;
        more.instruct.temperature = 0.1;
        more.row_cap = Some(1);
        assert_eq!(base, id(&seed(), &more, "m:fast"));
    }

    #[test]
    fn a_set_seed_counts_up_with_the_sample_and_an_unset_one_stays_unset() {
        let prompts = [prompt("soil", "small", "How deep?", 1)];
        let mut settings = RunSettings {
            answers_per_instruction: 3,
            ..RunSettings::default()
        };
        let seeds = |settings: &RunSettings| -> Vec<Option<u64>> {
            plan(&seed(), &prompts, settings, &endpoint("m"))
                .iter()
                .map(|row| row.sampling.seed)
                .collect()
        };
        assert_eq!(seeds(&settings), [None, None, None]);
        settings.answer.seed = Some(u64::MAX);
        assert_eq!(seeds(&settings), [Some(u64::MAX), Some(0), Some(1)]);
        let rows = plan(&seed(), &prompts, &settings, &endpoint("m"));
        let ids: HashSet<_> = rows.iter().map(|row| &row.record_id).collect();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn the_drawn_evolution_is_stable_and_reaches_every_kind() {
        let drawn: Vec<EvolutionKind> = (0..200)
            .map(|n| evolution_for(&format!("prompt {n}")))
            .collect();
        let again: Vec<EvolutionKind> = (0..200)
            .map(|n| evolution_for(&format!("prompt {n}")))
            .collect();
        assert_eq!(drawn, again);
        for kind in EvolutionKind::ALL {
            let share = drawn.iter().filter(|one| **one == kind).count();
            assert!((20..=60).contains(&share), "{kind:?}: {share} of 200");
        }
    }
}
