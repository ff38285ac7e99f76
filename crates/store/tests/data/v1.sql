-- A project as version 1 left it: the schema of that version, word for word, and a run cut off in the middle.

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

-- Contents.
INSERT INTO kv VALUES ('clock', '{"ms":22,"n":0}');
INSERT INTO kv VALUES ('head', '"abc"');
INSERT INTO kv VALUES ('seed_step', '1');
INSERT INTO kv VALUES ('settings', '{"instructions_per_cell":2,"answers_per_instruction":1,"instruct":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"answer":{"temperature":0.7,"top_p":null,"max_tokens":2048,"seed":null},"concurrency":6,"row_cap":null,"extra":{}}');
INSERT INTO kv VALUES ('updated_ms', '1763900000123');
INSERT INTO seed_steps VALUES (1, '7707889cbba7ed18', '', 1, '{"domain":"beekeeping","description":"first","expert_prompt":"A beekeeper of thirty years.","topics":["bees"],"perspectives":["market"],"examples":[],"extra":{}}');
INSERT INTO seed_steps VALUES (2, '20907981873c3a28', '', 5000, '{"domain":"beekeeping","description":"second","expert_prompt":"A beekeeper of thirty years.","topics":["bees"],"perspectives":["market"],"examples":[],"extra":{}}');
INSERT INTO prompts VALUES ('p1', 'bees', 'market', 'kept', NULL, 3, 'When do I sell?', '{"id":"p1","cell":{"topic":"bees","perspective":"market"},"text":"When do I sell?","state":"kept","origin":{"kind":"typed"},"original_text":null,"seed_hash":"0123456789abcdef","created_ms":3,"updated_ms":4}');
INSERT INTO records VALUES (1, 'imported', 'pending', 'bees', 'market', 'small-model', '0123456789abcdef', NULL, 0);
INSERT INTO records VALUES (2, 'r1', 'accepted', 'bees', 'market', 'small-model', '0123456789abcdef', 'p1', 1);
INSERT INTO records VALUES (3, 'r2', 'pending', 'bees', 'market', 'small-model', '0123456789abcdef', 'p1', 0);
INSERT INTO texts VALUES (1, 'Question of imported?', 'Sell the honey in autumn; it''s clearer then.', '{"id":"","prompt_id":null,"run_id":null,"cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"0123456789abcdef","model":"small-model","provider":"localhost","prompt_version":"answer/1","sample_index":0,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (2, 'Question of r1?', 'Sell the honey in autumn; it''s clearer then.', '{"id":"","prompt_id":"p1","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"0123456789abcdef","model":"small-model","provider":"localhost","prompt_version":"answer/1","sample_index":0,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (3, 'Question of r2?', 'Sell the honey in autumn; it''s clearer then.', '{"id":"","prompt_id":"p1","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"0123456789abcdef","model":"small-model","provider":"localhost","prompt_version":"answer/1","sample_index":0,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO asked VALUES (1, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"Question of imported?"}]');
INSERT INTO asked VALUES (2, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"Question of r1?"}]');
INSERT INTO asked VALUES (3, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"Question of r2?"}]');
INSERT INTO accepted VALUES (2, 'r1', '3d19d6bfaea798c45ab0088f1df6793c', '{"id":"r1","instruction":"Question of r1?","response":"In autumn.","topic":"bees","perspective":"market","model":"small-model","quality":"good","rating_count":1,"edited":true,"seed_hash":"0123456789abcdef","prompt_version":"answer/1","messages":[{"role":"user","content":"Question of r1?"},{"role":"assistant","content":"In autumn."}]}');
INSERT INTO decisions VALUES ('d1', 'ann', 'r1', 20, 0, 1, '{"id":"d1","reviewer":"ann","record_id":"r1","clock":{"ms":20,"n":0},"act":"respond","response":{"status":"submitted","quality":"good","improved_response":"In autumn."}}');
INSERT INTO decisions VALUES ('d2', 'ann', 'r2', 21, 0, 0, '{"id":"d2","reviewer":"ann","record_id":"r2","clock":{"ms":21,"n":0},"act":"respond","response":{"status":"discarded","discard_reason":"off topic"}}');
INSERT INTO decisions VALUES ('d3', 'ann', 'r2', 22, 0, 0, '{"id":"d3","reviewer":"ann","record_id":"r2","clock":{"ms":22,"n":0},"act":"undo","target":"d2"}');
INSERT INTO steps VALUES ('ann', 0, 1, 'd1');
INSERT INTO steps VALUES ('ann', 1, 1, 'd2');
INSERT INTO drafts VALUES ('ann', 'r2', '{"status":"draft","quality":"good"}');
INSERT INTO counts VALUES ('cell', '["bees","market"]', 3);
INSERT INTO counts VALUES ('cell_accepted', '["bees","market"]', 1);
INSERT INTO counts VALUES ('model', 'small-model', 3);
INSERT INTO counts VALUES ('perspective', 'market', 3);
INSERT INTO counts VALUES ('seed', '0123456789abcdef', 3);
INSERT INTO counts VALUES ('state', 'accepted', 1);
INSERT INTO counts VALUES ('state', 'discarded', 0);
INSERT INTO counts VALUES ('state', 'pending', 2);
INSERT INTO counts VALUES ('topic', 'bees', 3);
INSERT INTO counts VALUES ('total', '', 3);
INSERT INTO runs VALUES ('run1', 10, '{"id":"run1","phase":"running","stopped_by":null,"endpoint":{"kind":"open_ai","base_url":"http://localhost:8080/v1","model":"small-model","bill_to":null,"price_in":null,"price_out":null},"settings":{"instructions_per_cell":2,"answers_per_instruction":1,"instruct":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"answer":{"temperature":0.7,"top_p":null,"max_tokens":2048,"seed":null},"concurrency":6,"row_cap":null,"extra":{}},"seed_hash":"0123456789abcdef","started_ms":10,"finished_ms":null}');
INSERT INTO run_items VALUES ('run1', 'r1', 'done', 2, 0, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r2', 'done', 3, 1, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r3', 'in_flight', NULL, 2, 1, NULL, '{"record_id":"r3","prompt_id":"p1","cell":{"topic":"bees","perspective":"market"},"instruction":"When do I sell?","sample_index":0,"messages":[{"role":"user","content":"When do I sell?"}],"sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1"}');
INSERT INTO published VALUES ('r1', 'ffff');
INSERT INTO seen_files VALUES ('README.md', '1234');
INSERT INTO words (words) VALUES ('rebuild');
PRAGMA user_version = 1;
