//! A project in one file, and its rows as lines: what a person saves and can import again.

use crate::Result;
use crate::project::{Project, key};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::model::{Endpoint, Message};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::Prompt;
use seedbed_core::record::Record;
use seedbed_core::review::Decision;
use seedbed_core::seed::Seed;
use seedbed_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The key that tells our file from others; its value is the format's version.
pub(crate) const MARK: &str = "seedbed_bundle";
const VERSION: u32 = 1;
/// Rows read at a time.
const WINDOW: u32 = 2000;

/// A record with the messages it was asked with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordLine {
    #[serde(flatten)]
    pub(crate) record: Record,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<Message>,
}

/// Everything of a project except runs, drafts, and the link to the Hub.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bundle {
    #[serde(rename = "seedbed_bundle")]
    version: u32,
    seed: Seed,
    #[serde(default)]
    settings: RunSettings,
    #[serde(default)]
    endpoint: Option<Endpoint>,
    #[serde(default)]
    prompts: Vec<Prompt>,
    #[serde(default)]
    records: Vec<RecordLine>,
    #[serde(default)]
    decisions: Vec<Decision>,
}

impl Bundle {
    /// Reads a file; the error ends with a full stop.
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| format!("{error}."))?;
        let version = value.get(MARK).and_then(serde_json::Value::as_u64);
        if version.is_none_or(|version| version > u64::from(VERSION)) {
            return Err("it was written by a newer Seedbed. Reload the page to get it.".to_owned());
        }
        serde_json::from_value(value).map_err(|error| format!("{error}."))
    }
}

/// Puts a bundle into a project by union. Returns new and known records.
pub(crate) fn take_in(project: &Project, bundle: &Bundle, now_ms: u64) -> Result<(u32, u32)> {
    let records: Vec<(Record, Vec<Message>)> = bundle
        .records
        .iter()
        .map(|line| (line.record.clone(), line.messages.clone()))
        .collect();
    let added = project.with(|store| {
        store.save_seed(&bundle.seed, "", now_ms)?;
        store.put(key::SETTINGS, &bundle.settings)?;
        if let Some(endpoint) = &bundle.endpoint {
            store.put(key::ENDPOINT, endpoint)?;
        }
        store.merge_prompts(&bundle.prompts)?;
        let added = store.add_records(&records)?;
        store.merge_decisions(&bundle.decisions)?;
        Ok(added)
    })?;
    Ok((added, records.len() as u32 - added))
}

/// The bundle of a project as JSON.
pub(crate) fn write(project: &Project) -> Result<String> {
    let mut records = Vec::new();
    let mut after = 0;
    loop {
        let rows = project.with(|store| store.records_after(after, WINDOW))?;
        let Some((last, ..)) = rows.last() else { break };
        after = *last;
        records.extend(
            rows.into_iter()
                .map(|(_, record, messages)| RecordLine { record, messages }),
        );
    }
    let bundle = Bundle {
        version: VERSION,
        seed: project.with(Store::seed)?,
        settings: project.settings()?,
        endpoint: project.endpoint()?,
        prompts: project.with(Store::prompts)?,
        records,
        decisions: project.with(|store| store.decisions(false, None))?,
    };
    serde_json::to_string(&bundle).map_err(|error| unwritable(&error))
}

/// Accepted rows, one JSON object a line, as in the published table.
pub(crate) fn accepted_lines(project: &Project) -> Result<String> {
    let mut text = String::new();
    let mut after = Some(0);
    while let Some(seq) = after {
        let (rows, next) = project.with(|store| store.accepted_rows(seq, WINDOW))?;
        for row in &rows {
            push_line(&mut text, row)?;
        }
        after = next;
    }
    Ok(text)
}

/// All records with their state, one JSON object a line.
pub(crate) fn record_lines(project: &Project, reviewer: &str) -> Result<String> {
    let mut text = String::new();
    let mut after = 0;
    loop {
        let rows = project.with(|store| store.records_after(after, WINDOW))?;
        let Some((last, ..)) = rows.last() else { break };
        after = *last;
        for (_, record, _) in &rows {
            let view = project
                .with(|store| store.record_view(&record.id, reviewer))?
                .ok_or_else(|| Failure::new(FailureKind::Internal, "A record vanished."))?;
            let mut responses: Vec<_> = view.others;
            responses.extend(view.mine.map(|mine| (reviewer.to_owned(), mine)));
            let responses: Vec<_> = responses
                .into_iter()
                .map(|(reviewer, response)| json!({"reviewer": reviewer, "response": response}))
                .collect();
            push_line(
                &mut text,
                &json!({
                    "id": record.id, "instruction": record.instruction, "response": record.response,
                    "topic": record.cell.topic, "perspective": record.cell.perspective,
                    "model": record.provenance.model, "state": view.state, "is_stale": view.is_stale,
                    "responses": responses, "provenance": record.provenance,
                }),
            )?;
        }
    }
    Ok(text)
}

pub(crate) fn push_line(text: &mut String, value: &impl Serialize) -> Result<()> {
    text.push_str(&serde_json::to_string(value).map_err(|error| unwritable(&error))?);
    text.push('\n');
    Ok(())
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new(FailureKind::Internal, "The file could not be written.")
        .means("Nothing was changed.")
        .detail(error.to_string())
}
