//! What a store says of a project, as JSON. All use of the store's types is here.

use seedbed_core::messages::{HubLink, PromptFilter, RunItem};
use seedbed_core::model::Endpoint;
use seedbed_core::params::RunSettings;
use seedbed_core::review::{Act, Decision, Response, ResponseStatus, UndoStacks};
use seedbed_core::seed::Seed;
use seedbed_store::Store;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Everything, without changing it.
pub(crate) fn state(store: &Store) -> Value {
    let seed = store.seed_view().expect("the seed");
    json!({
        "seed": seed_json(&seed.seed),
        "seed_hash": seed.hash,
        "can_undo_seed": seed.can_undo,
        "can_redo_seed": seed.can_redo,
        "stale_records": seed.stale_records,
        "settings": settings_json(&store.get("settings").expect("settings").unwrap_or_default()),
        "endpoint": endpoint(store),
        "link": link(store),
        "summary": summary(store),
        "instructions": instructions(store),
        "records": records(store),
        "accepted": accepted(store),
        "decisions": log_json(&log(store)),
        "unsynced": unsynced(store),
        "steps": steps(store),
        "runs": runs(store),
        "hub": hub(store),
    })
}

pub(crate) fn seed_json(seed: &Seed) -> Value {
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

/// The log in its canonical order.
fn log(store: &Store) -> Vec<Decision> {
    let lines = store.decisions_after(0, u32::MAX).expect("decisions");
    let mut log: Vec<Decision> = lines.into_iter().map(|(_, line)| line.value).collect();
    log.sort_by(|a, b| (a.clock, &a.writer, &a.id).cmp(&(b.clock, &b.writer, &b.id)));
    log
}

/// The log by id, in its canonical order.
fn log_json(log: &[Decision]) -> Value {
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
    json!({"order": order, "by_id": by_id})
}

fn endpoint(store: &Store) -> Value {
    let endpoint: Option<Endpoint> = store.get("endpoint").expect("a model");
    json!(endpoint)
}

fn link(store: &Store) -> Value {
    let link: Option<HubLink> = store.get("hub_link").expect("a link");
    link.map_or(Value::Null, |link| {
        json!({"repo": link.repo, "url": link.url, "private": link.private, "can_write": link.can_write,
               "pull_request": link.pull_request})
    })
}

fn summary(store: &Store) -> Value {
    let summary = store.summary("id").expect("a summary");
    json!({"name": summary.name, "description": summary.description, "prompts": summary.prompts,
           "records": summary.records, "accepted": summary.accepted})
}

fn instructions(store: &Store) -> Value {
    let page = store
        .prompt_page(&PromptFilter::default(), 0, u32::MAX)
        .expect("instructions");
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

fn records(store: &Store) -> Value {
    let all = store.records_after(0, u32::MAX).expect("records");
    let reviewers = store.reviewers().expect("reviewers");
    let order: Vec<&str> = all
        .iter()
        .map(|(_, line)| line.value.record.id.as_str())
        .collect();
    let mut by_id = Map::new();
    for (seq, line) in &all {
        let (record, messages) = (&line.value.record, &line.value.messages);
        // Nobody's name: then every response is another's.
        let view = store
            .record_view(&record.id, "")
            .expect("a record")
            .expect("it is there");
        let responses: Map<String, Value> = view
            .others
            .iter()
            .map(|other| (other.writer.clone(), response_json(&other.response)))
            .collect();
        let drafts: Map<String, Value> = reviewers
            .iter()
            .filter_map(|name| {
                let view = store.record_view(&record.id, name).expect("a record")?;
                let draft = view.mine?;
                (draft.status == ResponseStatus::Draft)
                    .then(|| (name.clone(), response_json(&draft)))
            })
            .collect();
        let value = json!({
            "seq": seq, "instruction": record.instruction(), "response": record.response(),
            "topic": record.cell.topic, "perspective": record.cell.perspective,
            "prompt_id": record.prompt_id, "run_id": record.run_id, "created_ms": record.created_ms,
            "provenance": record.provenance, "messages": messages, "state": view.state,
            "is_stale": view.is_stale, "responses": responses, "drafts": drafts,
        });
        by_id.insert(record.id.clone(), value);
    }
    json!({"order": order, "by_id": by_id})
}

fn accepted(store: &Store) -> Value {
    let (rows, _) = store.accepted_rows(0, u32::MAX).expect("rows");
    let order: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let by_id: Map<String, Value> = rows
        .iter()
        .map(|row| (row.id.clone(), json!(row)))
        .collect();
    json!({"order": order, "by_id": by_id})
}

fn unsynced(store: &Store) -> Value {
    let records = store.unsent_records(0, u32::MAX).expect("records");
    let decisions = store.unsent_decisions(0, u32::MAX).expect("decisions");
    json!({
        "records": records.iter().map(|(_, line)| &line.value.record.id).collect::<Vec<_>>(),
        "decisions": decisions.iter().map(|(_, line)| &line.value.id).collect::<Vec<_>>(),
    })
}

/// What each reviewer could undo and redo, oldest first, from the log.
fn steps(store: &Store) -> Value {
    let log = log(store);
    let by_name: Map<String, Value> = store
        .reviewers()
        .expect("reviewers")
        .into_iter()
        .map(|name| {
            let stacks = UndoStacks::from_log(log.iter().filter(|one| one.writer == name));
            let value = json!({"undo": stacks.undo, "redo": stacks.redo});
            (name, value)
        })
        .collect();
    Value::Object(by_name)
}

fn item_json(item: &RunItem) -> Value {
    json!({
        "record": item.record, "topic": item.cell.topic, "perspective": item.cell.perspective,
        "instruction": item.instruction, "state": item.state, "attempts": item.attempts,
        "response": item.response, "flags": item.flags, "failure": item.failure,
    })
}

fn runs(store: &Store) -> Value {
    let runs = store.runs().expect("runs");
    runs.iter()
        .map(|run| {
            let counts = store.run_counts(&run.id).expect("counts");
            let (_, items) = store.run_items(&run.id, None, 0, u32::MAX).expect("rows");
            let queue = store.queued_items(&run.id).expect("the queue");
            json!({
                "id": run.id, "phase": run.phase, "stopped_by": run.stopped_by,
                "endpoint": run.endpoint, "settings": settings_json(&run.settings),
                "seed_hash": run.seed_hash, "started_ms": run.started_ms, "finished_ms": run.finished_ms,
                "planned": counts.planned, "done": counts.done, "failed": counts.failed,
                "queued": counts.queued, "in_flight": counts.in_flight,
                "tokens_in": counts.tokens_in, "tokens_out": counts.tokens_out,
                "items": items.iter().map(item_json).collect::<Vec<_>>(),
                "queue": queue,
            })
        })
        .collect()
}

fn hub(store: &Store) -> Value {
    let mut published: Vec<_> = store.published().expect("rows").into_iter().collect();
    published.sort();
    let parts = store.parts().expect("parts");
    let seen: BTreeMap<_, _> = parts.iter().map(|(path, part)| (path, &part.oid)).collect();
    let seed: Option<String> = store.get("hub_seed_hash").expect("a hash");
    json!({"published": published, "seen_files": seen.into_iter().collect::<Vec<_>>(), "seed_hash": seed})
}

/// What undoing and redoing as `reviewer` to the end says, step by step. Changes the project.
pub(crate) fn walk(store: &Store, reviewer: &str) -> Value {
    let mut at = 4_000_000_000_000;
    let mut all = |is_undo: bool| -> Vec<Value> {
        let mut steps = Vec::new();
        loop {
            at += 1;
            let id = format!("walk-{at}");
            let done = if is_undo {
                store.undo_decision(reviewer, &id, None, at)
            } else {
                store.redo_decision(reviewer, &id, None, at)
            };
            let Some(record) = done.expect("a step") else {
                return steps;
            };
            let view = store.record_view(&record, reviewer).expect("a record");
            let state = view.map(|view| view.state);
            steps.push(json!({"record": record, "state": state}));
        }
    };
    json!({"redo_first": all(false), "undo": all(true), "redo": all(false)})
}

/// Every step of the seed's history, oldest first, and which one counts. Changes the project.
pub(crate) fn seed_history(store: &Store) -> Value {
    let mut back = 0;
    while store.seed_view().expect("the seed").can_undo {
        store.undo_seed(0).expect("a step back");
        back += 1;
    }
    let mut seeds = vec![seed_json(&store.seed().expect("the seed"))];
    while store.seed_view().expect("the seed").can_redo {
        store.redo_seed(0).expect("a step on");
        seeds.push(seed_json(&store.seed().expect("the seed")));
    }
    json!({"present": back, "seeds": seeds})
}
