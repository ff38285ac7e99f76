//! The dataset card: what a project's state says to [`seedbed_card`], which writes it.

use crate::layout;
use seedbed_card::{Refusal, Table, Written};
use seedbed_core::messages::Counts;
use seedbed_core::review::RecordState;
use seedbed_core::row::COLUMNS;
use seedbed_core::seed::Seed;

/// What the card tells.
pub(crate) struct Facts<'a> {
    pub(crate) repo: &'a str,
    pub(crate) seed: &'a Seed,
    /// As the person chose them; empty if nothing was stated.
    pub(crate) license: &'a str,
    pub(crate) languages: &'a [String],
    /// Rows of the table.
    pub(crate) rows: usize,
    /// Rows of the table per topic, model, …
    pub(crate) topics: Vec<(String, usize)>,
    pub(crate) models: Vec<(String, usize)>,
    pub(crate) edited: usize,
    /// Rows of the table that were imported.
    pub(crate) imported: usize,
    pub(crate) counts: &'a Counts,
    pub(crate) reviewers: usize,
    /// Files of the repo.
    pub(crate) files: Vec<&'a str>,
}

/// The card's text, with what others wrote into `existing` kept; or why it is left alone.
pub(crate) fn write(facts: &Facts<'_>, existing: Option<&[u8]>) -> Result<Written, Refusal> {
    let state = |wanted: RecordState| {
        facts
            .counts
            .states
            .iter()
            .find(|(state, _)| *state == wanted)
            .map_or(0, |(_, n)| *n as usize)
    };
    let records = facts.counts.total as usize;
    let table = [Table {
        path: layout::TABLE,
        config: "default",
        split: "train",
        rows: facts.rows,
        bytes: 0,
        columns: &COLUMNS,
    }];
    let has_rows = facts.rows > 0;
    let others: Vec<&str> = facts
        .files
        .iter()
        .copied()
        .filter(|path| *path != layout::TABLE && seedbed_card::is_data_file(path))
        .collect();
    seedbed_card::write(
        &seedbed_card::Facts {
            repo: facts.repo,
            title: facts.seed.domain.trim(),
            description: &facts.seed.description,
            perspectives: &facts.seed.perspectives,
            license: Some(facts.license).filter(|license| !license.is_empty()),
            languages: facts.languages,
            tables: if has_rows { &table } else { &[] },
            gone: if has_rows { &[] } else { &[layout::TABLE] },
            others: &others,
            generated: facts.rows - facts.imported,
            imported: facts.imported,
            edited: facts.edited,
            topics: &facts.topics,
            models: &facts.models,
            reviewers: facts.reviewers,
            records,
            reviewed: records - state(RecordState::Pending),
            states: &[
                ("rejected", state(RecordState::Rejected)),
                ("discarded", state(RecordState::Discarded)),
                ("disputed", state(RecordState::Disputed)),
            ],
        },
        existing,
    )
}
