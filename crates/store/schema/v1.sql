-- Version 1. Never changed once published; see schema.rs.

-- Single values as JSON.
CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The seed's history; the key `seed_step` says which step counts.
CREATE TABLE seed_steps (
    step INTEGER PRIMARY KEY, hash TEXT NOT NULL, merge_key TEXT NOT NULL, at_ms INTEGER NOT NULL, seed TEXT NOT NULL);

CREATE TABLE prompts (
    id TEXT PRIMARY KEY, topic TEXT NOT NULL, perspective TEXT NOT NULL, state TEXT NOT NULL, parent TEXT,
    created_ms INTEGER NOT NULL, text TEXT NOT NULL, json TEXT NOT NULL);
CREATE INDEX prompts_by_cell ON prompts (topic, perspective, state);

-- `seed_hash` is empty for imported records: they belong to no seed and never grow stale.
CREATE TABLE records (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'pending', topic TEXT NOT NULL,
    perspective TEXT NOT NULL, model TEXT NOT NULL, seed_hash TEXT NOT NULL, prompt_id TEXT,
    is_synced INTEGER NOT NULL DEFAULT 0);
-- Each ends in the implicit `seq`, so one filter in queue order reads nothing but its index.
CREATE INDEX records_by_state ON records (state);
CREATE INDEX records_by_state_topic ON records (state, topic);
CREATE INDEX records_by_topic ON records (topic);
CREATE INDEX records_by_cell ON records (topic, perspective);
CREATE INDEX records_by_perspective ON records (perspective);
CREATE INDEX records_by_model ON records (model);
CREATE INDEX records_by_seed ON records (seed_hash);
CREATE INDEX records_by_prompt ON records (prompt_id) WHERE prompt_id IS NOT NULL;
CREATE INDEX records_unsynced ON records (seq) WHERE is_synced = 0;

-- What is wide: the fields, the rest of the record as JSON, the request, the published row with its hash.
CREATE TABLE texts (seq INTEGER PRIMARY KEY, instruction TEXT NOT NULL, response TEXT NOT NULL, json TEXT NOT NULL);
CREATE TABLE asked (seq INTEGER PRIMARY KEY, messages TEXT NOT NULL);
CREATE TABLE accepted (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, hash TEXT NOT NULL, row TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (
    instruction, response, content = 'texts', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2');

-- The log, and what is made of it for quick undo: the ids that a reviewer would undo and redo, last first.
CREATE TABLE decisions (
    id TEXT PRIMARY KEY, reviewer TEXT NOT NULL, record_id TEXT NOT NULL, ms INTEGER NOT NULL, n INTEGER NOT NULL,
    is_synced INTEGER NOT NULL DEFAULT 0, json TEXT NOT NULL);
CREATE INDEX decisions_by_record ON decisions (record_id);
CREATE INDEX decisions_by_reviewer ON decisions (reviewer, ms, n, id);
CREATE INDEX decisions_unsynced ON decisions (ms) WHERE is_synced = 0;
CREATE TABLE steps (
    reviewer TEXT NOT NULL, is_undone INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (reviewer, is_undone, place)) WITHOUT ROWID;
CREATE TABLE drafts (
    reviewer TEXT NOT NULL, record_id TEXT NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (reviewer, record_id)) WITHOUT ROWID;

-- Counters, kept by the code in the transaction that changes what they count.
CREATE TABLE counts (
    kind TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;

CREATE TABLE runs (id TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, json TEXT NOT NULL);
-- `finished` is the `seq` of the record, for the order of the rows that are done.
CREATE TABLE run_items (
    run TEXT NOT NULL, record_id TEXT NOT NULL, state TEXT NOT NULL, finished INTEGER, place INTEGER NOT NULL,
    attempts INTEGER NOT NULL, failure TEXT, item TEXT NOT NULL, PRIMARY KEY (run, record_id));
CREATE INDEX run_items_by_state ON run_items (run, state, finished, place);

-- What stands on the Hub at the last seen head.
CREATE TABLE published (id TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE seen_files (path TEXT PRIMARY KEY, oid TEXT NOT NULL) WITHOUT ROWID;
