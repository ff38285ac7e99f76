//! What a back end says of a project, as JSON. All use of the messages' types is here.

use crate::support::Tab;
use seedbed_core::line;
use seedbed_core::messages::{
    ExportKind, PromptFilter, RecordView, Reply, Request, RunItem, SyncReport,
};
use seedbed_core::params::RunSettings;
use seedbed_core::review::{Act, Decision, Response};
use seedbed_core::row::TableRow;
use seedbed_core::seed::Seed;
use seedbed_store::Store;
use serde_json::{Map, Value, json};

/// Everything that the pages show of a project that is open, without changing it.
pub(crate) fn state(tab: &mut Tab, project: &str) -> Value {
    let view = tab.opened(Request::OpenProject {
        id: project.to_owned(),
        take_over: false,
    });
    let seed = &view.seed;
    let summary = &view.summary;
    json!({
        "seed": seed_json(&seed.seed),
        "seed_hash": seed.hash,
        "can_undo_seed": seed.can_undo,
        "can_redo_seed": seed.can_redo,
        "stale_records": seed.stale_records,
        "settings": settings_json(&view.settings),
        "endpoint": view.endpoint,
        "repo": view.hub.as_ref().map(|link| &link.repo),
        "summary": {
            "name": summary.name, "description": summary.description, "prompts": summary.prompts,
            "records": summary.records, "accepted": summary.accepted, "is_example": summary.is_example,
        },
        "open_run": view.run.as_ref().map(|run| (&run.id, run.phase)),
        "instructions": instructions(tab, project),
        "records": records(tab, project),
        "counts": counts(tab, project),
        "accepted": accepted(tab, project),
        "decisions": decisions(tab, project),
        "runs": runs(tab, project),
    })
}

fn seed_json(seed: &Seed) -> Value {
    json!({
        "domain": seed.domain, "description": seed.description, "expert_prompt": seed.expert_prompt,
        "topics": seed.topics, "perspectives": seed.perspectives, "examples": seed.examples, "extra": seed.extra,
    })
}

fn settings_json(settings: &RunSettings) -> Value {
    json!({
        "instructions_per_cell": settings.instructions_per_cell,
        "answers_per_instruction": settings.answers_per_instruction,
        "instruct": settings.instruct, "answer": settings.answer, "concurrency": settings.concurrency,
        "row_cap": settings.row_cap, "extra": settings.extra,
    })
}

fn response_json(response: &Response) -> Value {
    json!({
        "status": response.status, "quality": response.quality(),
        "improved_instruction": response.improved_instruction(), "improved_response": response.improved_response(),
        "discard_reason": response.reason,
    })
}

fn instructions(tab: &mut Tab, project: &str) -> Value {
    let Ok(Reply::Prompts(page)) = tab.ask(Request::ListPrompts {
        project: project.to_owned(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 1000,
    }) else {
        panic!("no instructions");
    };
    let order: Vec<&str> = page
        .prompts
        .iter()
        .map(|view| view.prompt.id.as_str())
        .collect();
    let by_id: Map<String, Value> = page
        .prompts
        .iter()
        .map(|view| {
            let prompt = &view.prompt;
            let value = json!({
                "topic": prompt.cell.topic, "perspective": prompt.cell.perspective, "text": prompt.text,
                "state": prompt.state, "origin": prompt.origin, "original_text": prompt.original_text,
                "seed_hash": prompt.seed_hash, "created_ms": prompt.created_ms, "updated_ms": prompt.updated_ms,
                "parent_text": view.parent_text, "records": view.records,
            });
            (prompt.id.clone(), value)
        })
        .collect();
    json!({"order": order, "by_id": by_id, "cells": page.cells})
}

fn record_json(view: &RecordView) -> Value {
    let record = &view.record;
    let others: Map<String, Value> = view
        .others
        .iter()
        .map(|other| (other.writer.clone(), response_json(&other.response)))
        .collect();
    json!({
        "instruction": record.instruction(), "response": record.response(),
        "topic": record.cell.topic, "perspective": record.cell.perspective,
        "prompt_id": record.prompt_id, "run_id": record.run_id, "created_ms": record.created_ms,
        "provenance": record.provenance, "messages": view.messages, "state": view.state,
        "is_stale": view.is_stale, "mine": view.mine.as_ref().map(response_json), "others": others,
    })
}

fn records(tab: &mut Tab, project: &str) -> Value {
    let rows = tab.records(project);
    let order: Vec<&str> = rows.iter().map(|view| view.record.id.as_str()).collect();
    let by_id: Map<String, Value> = rows
        .iter()
        .map(|view| (view.record.id.clone(), record_json(view)))
        .collect();
    json!({"order": order, "by_id": by_id})
}

fn counts(tab: &mut Tab, project: &str) -> Value {
    let Ok(Reply::Counts(counts)) = tab.ask(Request::RecordCounts {
        project: project.to_owned(),
    }) else {
        panic!("no counts");
    };
    let states: Map<String, Value> = counts
        .states
        .iter()
        .map(|(state, n)| (state.as_str().to_owned(), json!(n)))
        .collect();
    json!({
        "total": counts.total, "states": states, "drafts": counts.drafts, "stale": counts.stale,
        "topics": counts.topics, "perspectives": counts.perspectives, "models": counts.models,
        "can_undo": counts.can_undo, "can_redo": counts.can_redo,
    })
}

/// The rows that a publish would write, as lines.
pub(crate) fn accepted(tab: &mut Tab, project: &str) -> Value {
    let (_, text) = tab.file(project, ExportKind::AcceptedRows);
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect();
    by_id(&rows)
}

fn by_id(rows: &[Value]) -> Value {
    let id = |row: &Value| row["id"].as_str().expect("an id").to_owned();
    let order: Vec<String> = rows.iter().map(id).collect();
    let by_id: Map<String, Value> = rows.iter().map(|row| (id(row), row.clone())).collect();
    json!({"order": order, "by_id": by_id})
}

/// The rows of a published table.
pub(crate) fn table(parquet: &[u8]) -> Value {
    let rows: Vec<TableRow> = seedbed_table::read(parquet).expect("a table");
    let rows: Vec<Value> = rows.iter().map(|row| json!(row)).collect();
    by_id(&rows)
}

/// The log by id, in its canonical order, from the project saved as a file.
fn decisions(tab: &mut Tab, project: &str) -> Value {
    let (_, text) = tab.file(project, ExportKind::Bundle);
    let mut log: Vec<Decision> = text
        .lines()
        .filter_map(|line| line.strip_prefix("{\"decision\":")?.strip_suffix('}'))
        .map(|line| line::decision(line).expect("a decision").value)
        .collect();
    log.sort_by(|a, b| (a.clock, &a.writer, &a.id).cmp(&(b.clock, &b.writer, &b.id)));
    // Format 1 had no acts on identities.
    let joins: Map<String, Value> = log
        .iter()
        .filter_map(|decision| match &decision.act {
            Act::Join { into } => Some((decision.writer.clone(), json!(into))),
            _ => None,
        })
        .collect();
    log.retain(|decision| !matches!(decision.act, Act::Join { .. } | Act::Adopt { .. }));
    let order: Vec<&str> = log.iter().map(|decision| decision.id.as_str()).collect();
    let by_id: Map<String, Value> = log
        .iter()
        .map(|decision| {
            let (act, response, target) = match &decision.act {
                Act::Respond(response) => ("respond", Some(response_json(response)), None),
                Act::Undo { target } => ("undo", None, Some(target)),
                Act::Redo { target } => ("redo", None, Some(target)),
                other => panic!("format 1 had no {other:?}"),
            };
            let value = json!({
                "reviewer": decision.writer, "record": decision.record(), "ms": decision.clock.ms,
                "n": decision.clock.n, "act": act, "response": response, "target": target,
            });
            (decision.id.clone(), value)
        })
        .collect();
    let mut log = json!({"order": order, "by_id": by_id});
    if !joins.is_empty() {
        log["joins"] = Value::Object(joins);
    }
    log
}

fn item_json(item: &RunItem) -> Value {
    json!({
        "record": item.record, "topic": item.cell.topic, "perspective": item.cell.perspective,
        "instruction": item.instruction, "state": item.state, "attempts": item.attempts,
        "response": item.response, "flags": item.flags, "failure": item.failure,
    })
}

/// The runs as they are stored: the page lists only the one that is open.
fn runs(tab: &mut Tab, project: &str) -> Value {
    let store = Store::open_file(&tab.dir.join(format!("{project}.sqlite"))).expect("a store");
    let mut list = Vec::new();
    for run in store.runs().expect("runs") {
        let Ok(Reply::RunItems { items, .. }) = tab.ask(Request::RunItems {
            project: project.to_owned(),
            run: run.id.clone(),
            state: None,
            offset: 0,
            limit: 1000,
        }) else {
            panic!("no rows of a run");
        };
        let counts = store.run_counts(&run.id).expect("counts");
        let endpoint = &run.endpoint;
        let cost = endpoint
            .price_in
            .zip(endpoint.price_out)
            .map(|(read, written)| {
                (counts.tokens_in as f64 * read + counts.tokens_out as f64 * written) / 1e6
            });
        let host = endpoint.base_url.split('/').nth(2);
        list.push(json!({
            "id": run.id, "phase": run.phase, "stopped_by": run.stopped_by, "model": endpoint.model, "host": host,
            "planned": counts.planned, "done": counts.done, "failed": counts.failed, "in_flight": counts.in_flight,
            "tokens_in": counts.tokens_in, "tokens_out": counts.tokens_out, "cost": cost,
            "started_ms": run.started_ms, "finished_ms": run.finished_ms,
            "items": items.iter().map(item_json).collect::<Vec<_>>(),
        }));
    }
    Value::Array(list)
}

/// What the list of projects says of a project that is not open.
pub(crate) fn listing(tab: &mut Tab, project: &str) -> Value {
    let Ok(Reply::Projects(list)) = tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    let summary = list.iter().find(|summary| summary.id == project);
    let summary = summary.expect("it is listed");
    json!({
        "name": summary.name, "description": summary.description, "updated_ms": summary.updated_ms,
        "prompts": summary.prompts, "records": summary.records, "accepted": summary.accepted,
        "repo": summary.repo, "is_example": summary.is_example, "is_newer_format": summary.is_newer_format,
    })
}

fn report_json(report: &SyncReport) -> Value {
    json!({
        "records": report.records, "decisions": report.decisions, "prompts": report.prompts,
        "reviewers": report.reviewers, "problems": report.problems, "seed_differs": report.seed_differs,
    })
}

/// Takes over what others committed, and says what came.
pub(crate) fn sync(tab: &mut Tab, project: &str) -> Value {
    report_json(&tab.sync(project))
}

/// What a publish would change: rows, decisions and records, not the files.
pub(crate) fn plan(tab: &mut Tab, project: &str) -> Value {
    let plan = tab.plan(project);
    let sample: Map<String, Value> = plan
        .sample
        .iter()
        .map(|row| {
            let value = json!({"change": row.change, "instruction": row.instruction, "response": row.response});
            (row.id.clone(), value)
        })
        .collect();
    json!({
        "repo": plan.repo, "rows_total": plan.rows_total, "rows_added": plan.rows_added,
        "rows_changed": plan.rows_changed, "rows_removed": plan.rows_removed, "rows": sample,
        "decisions": plan.decisions, "records": plan.records, "is_empty": plan.is_empty,
        "sync": report_json(&plan.sync),
    })
}

/// What undoing and redoing to the end as the person here says, step by step. Changes the project.
pub(crate) fn walk(tab: &mut Tab, project: &str) -> Value {
    let mut all = |is_undo: bool| -> Vec<Value> {
        let mut steps = Vec::new();
        loop {
            let step = if is_undo {
                tab.undo(project)
            } else {
                tab.redo(project)
            };
            let Ok(decided) = step else {
                return steps;
            };
            let view = &decided.record;
            steps.push(json!({
                "record": view.record.id, "state": view.state, "mine": view.mine.as_ref().map(response_json),
            }));
        }
    };
    json!({"redo_first": all(false), "undo": all(true), "redo": all(false)})
}

/// Every step of the seed's history, oldest first, and which one counts. Changes the project.
pub(crate) fn seed_history(tab: &mut Tab, project: &str) -> Value {
    let project = project.to_owned();
    let view = tab.opened(Request::OpenProject {
        id: project.clone(),
        take_over: false,
    });
    let mut view = view.seed;
    let mut go = |request: Request| match tab.ask(request) {
        Ok(Reply::Seed(view)) => *view,
        other => panic!("no step: {other:?}"),
    };
    let mut back = 0;
    while view.can_undo {
        view = go(Request::UndoSeed {
            project: project.clone(),
        });
        back += 1;
    }
    let mut seeds = vec![seed_json(&view.seed)];
    while view.can_redo {
        view = go(Request::RedoSeed {
            project: project.clone(),
        });
        seeds.push(seed_json(&view.seed));
    }
    json!({"present": back, "seeds": seeds})
}
