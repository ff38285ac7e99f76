//! The schema and its migrations, one step per version. A step once published is never changed.

use crate::error::{Result, StoreError};
use rusqlite::Connection;

/// Each step brings the database from its position to the next version.
const STEPS: [&str; 2] = [V1, V2];

const V1: &str = "
CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE seed_steps (step INTEGER PRIMARY KEY, seed TEXT NOT NULL, merge_key TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE prompts (
    id TEXT PRIMARY KEY, topic TEXT NOT NULL, perspective TEXT NOT NULL, state TEXT NOT NULL, parent TEXT,
    created_ms INTEGER NOT NULL, text TEXT NOT NULL, json TEXT NOT NULL);
CREATE INDEX prompts_by_cell ON prompts (topic, perspective, state);
CREATE TABLE records (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, prompt_id TEXT, topic TEXT NOT NULL, perspective TEXT NOT NULL,
    model TEXT NOT NULL, seed_hash TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
    is_synced INTEGER NOT NULL DEFAULT 0, instruction TEXT NOT NULL, response TEXT NOT NULL, json TEXT NOT NULL);
CREATE INDEX records_by_state ON records (state, seq);
CREATE INDEX records_by_topic ON records (topic, seq);
CREATE INDEX records_by_perspective ON records (perspective, seq);
CREATE INDEX records_by_model ON records (model, seq);
CREATE INDEX records_by_seed ON records (seed_hash, seq);
CREATE INDEX records_by_prompt ON records (prompt_id) WHERE prompt_id IS NOT NULL;
CREATE INDEX records_unsynced ON records (seq) WHERE is_synced = 0;
CREATE TABLE asked (seq INTEGER PRIMARY KEY, messages TEXT NOT NULL);
CREATE TABLE accepted (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, hash TEXT NOT NULL, row TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (instruction, response, content = 'records', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE decisions (
    id TEXT PRIMARY KEY, reviewer TEXT NOT NULL, record_id TEXT NOT NULL, ms INTEGER NOT NULL, n INTEGER NOT NULL,
    is_synced INTEGER NOT NULL DEFAULT 0, json TEXT NOT NULL);
CREATE INDEX decisions_by_record ON decisions (record_id);
CREATE INDEX decisions_by_reviewer ON decisions (reviewer, ms, n, id);
CREATE INDEX decisions_unsynced ON decisions (ms) WHERE is_synced = 0;
CREATE TABLE steps (reviewer TEXT NOT NULL, is_undone INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (reviewer, is_undone, place)) WITHOUT ROWID;
CREATE TABLE drafts (record_id TEXT NOT NULL, reviewer TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (record_id, reviewer)) WITHOUT ROWID;
CREATE TABLE counts (kind TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE runs (id TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, json TEXT NOT NULL);
CREATE TABLE run_items (
    run TEXT NOT NULL, place INTEGER NOT NULL, record_id TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    finished INTEGER, item TEXT NOT NULL, failure TEXT, PRIMARY KEY (run, record_id));
CREATE INDEX run_items_by_state ON run_items (run, state, place);
CREATE TABLE published (id TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE seen_files (path TEXT PRIMARY KEY, oid TEXT NOT NULL) WITHOUT ROWID;
";

/// Sums of tokens per run, so that a status needs no scan over the records.
const V2: &str = "
CREATE TABLE run_sums (run TEXT PRIMARY KEY, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL) WITHOUT ROWID;
";

/// The newest version.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// Brings the database to [`VERSION`].
pub(crate) fn migrate(connection: &Connection) -> Result<()> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::NewerFormat {
            found,
            known: VERSION,
        });
    }
    for (at, step) in STEPS.iter().enumerate().skip(found as usize) {
        let version = at + 1;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {step} PRAGMA user_version = {version}; COMMIT;"
        ))?;
    }
    Ok(())
}
