//! The plan of a run: which rows will be asked for, under which id, in which order.
//!
//! A plan is a pure function of seed, kept instructions, settings and model, so that a rerun, a second tab and a
//! resumed run name the same rows alike and nothing finished is asked twice. Rows go round the cells of the grid, first
//! answers before second ones: a run that is stopped early has touched the whole grid.

use crate::forecast::estimate_request;
use crate::tasks;
use seedbed_core::id::content_id;
use seedbed_core::model::{Endpoint, Sampling};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Cell, EvolutionKind, Prompt, PromptState};
use seedbed_core::record::{RequestKey, request_key};
use seedbed_core::seed::Seed;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

/// The pipeline stage that goes into the ids of answers.
pub const STAGE: &str = "answer";

/// One row to ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRow {
    /// Names the request.
    pub key: String,
    /// The key that format 1 gave to the request, where it is another one.
    pub old_key: Option<String>,
    /// The instruction's prompt.
    pub prompt_id: String,
    /// Its cell.
    pub cell: Cell,
    /// The instruction.
    pub instruction: String,
    /// Which of the answers to the same instruction, from 0.
    pub sample_index: u32,
    /// Tokens of the request, estimated. The messages are made from seed and instruction when they are needed
    /// ([`tasks::answer`]): a plan of many rows would hold the expert definition many times.
    pub tokens_in: u64,
    /// Sampling as sent: a set seed already counts the sample index in.
    pub sampling: Sampling,
    /// Version of the task text.
    pub prompt_version: String,
}

impl PlannedRow {
    /// Whether its request was answered: by a record with its key, or with the one of format 1.
    pub fn is_done<S: BuildHasher>(&self, answered: &HashSet<String, S>) -> bool {
        answered.contains(&self.key)
            || self
                .old_key
                .as_ref()
                .is_some_and(|key| answered.contains(key))
    }
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
    let in_order: Vec<&Prompt> = (0..rounds)
        .flat_map(|round| columns.iter().filter_map(move |column| column.get(round)))
        .copied()
        .collect();
    let origin = endpoint.origin();

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
        for prompt in &in_order {
            let messages = tasks::answer(seed, &prompt.text);
            let key = |origin| {
                request_key(&RequestKey {
                    stage: STAGE,
                    model: &endpoint.model,
                    origin,
                    sampling: &sampling,
                    prompt_version: tasks::ANSWER,
                    messages: &messages,
                    sample_index,
                })
            };
            let row_key = key(origin.as_deref());
            if seen.insert(row_key.clone()) {
                rows.push(PlannedRow {
                    key: row_key,
                    old_key: origin.as_ref().map(|_| key(None)),
                    prompt_id: prompt.id.clone(),
                    cell: prompt.cell.clone(),
                    instruction: prompt.text.clone(),
                    sample_index,
                    tokens_in: estimate_request(&messages),
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
/// asks the same. Each kind draws a number for itself and the highest wins, so that a new kind takes some parents from
/// the others and changes nothing else.
pub fn evolution_for(prompt_id: &str) -> EvolutionKind {
    draw(prompt_id, &EvolutionKind::ALL)
}

fn draw(prompt_id: &str, kinds: &[EvolutionKind]) -> EvolutionKind {
    kinds
        .iter()
        .copied()
        .max_by_key(|kind| content_id(&("evolution/2", prompt_id, kind)))
        .unwrap_or(EvolutionKind::Deepening)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::model::EndpointKind;
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
                .key
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
        let ids: HashSet<_> = rows.iter().map(|row| &row.key).collect();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn a_new_kind_of_evolution_leaves_what_other_parents_draw() {
        let [.., new] = EvolutionKind::ALL;
        let before = &EvolutionKind::ALL[..EvolutionKind::ALL.len() - 1];
        for n in 0..200 {
            let id = format!("prompt {n}");
            let now = evolution_for(&id);
            assert!(now == new || now == draw(&id, before), "{id}");
        }
    }

    #[test]
    fn two_servers_with_a_model_of_one_name_are_asked_apart() {
        let prompts = [prompt("soil", "small", "How deep?", 1)];
        let row = |endpoint: &Endpoint| {
            plan(&seed(), &prompts, &RunSettings::default(), endpoint).remove(0)
        };
        let at = |base_url: &str| Endpoint {
            base_url: base_url.into(),
            ..endpoint("llama3")
        };
        let (here, there) = (
            row(&at("http://localhost:1/v1")),
            row(&at("http://localhost:2/v1")),
        );
        assert_ne!(here.key, there.key);
        assert_eq!(row(&at("http://localhost:1/v2")).key, here.key);
        // What format 1 asked either of them counts as answered.
        assert_eq!(here.old_key, there.old_key);
        assert!(here.is_done(&HashSet::from([here.old_key.clone().unwrap()])));
        let file = |hash: &str| Endpoint {
            kind: EndpointKind::Tab,
            file: Some(hash.into()),
            ..endpoint("model.gguf")
        };
        assert_ne!(row(&file("a")).key, row(&file("b")).key);
        let router = row(&Endpoint {
            kind: EndpointKind::HuggingFace,
            ..endpoint("org/llama3")
        });
        assert_eq!(router.old_key, None);
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
