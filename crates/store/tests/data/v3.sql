-- A project as version 3 left it: the schema of that version, word for word, and what a build of it stored: two
-- reviewers and a guest, edits, undo and redo, a draft, imported and generated records, a paused run, a clock from the
-- end of time.

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

-- Version 2: sums of tokens per run, so that a run's status needs no walk over its records. Runs of version 1 get
-- theirs from the records they made.

CREATE TABLE run_sums (run TEXT PRIMARY KEY, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO run_sums
SELECT run, sum(tokens_in), sum(tokens_out) FROM (
    SELECT json_extract(json, '$.run_id') AS run,
           coalesce(json_extract(json, '$.provenance.usage.prompt_tokens'), 0) AS tokens_in,
           coalesce(json_extract(json, '$.provenance.usage.completion_tokens'), 0) AS tokens_out
    FROM texts)
WHERE run IN (SELECT id FROM runs) GROUP BY run;

-- Version 3: every column that a filter names, in queue order. Filters on two or more of them walk this instead of
-- looking up each row of the first one.

CREATE INDEX records_narrow ON records (seq, state, topic, perspective, model);

-- Contents.
INSERT INTO kv VALUES ('clock', '{"ms":18446744073709551615,"n":4294967295}');
INSERT INTO kv VALUES ('head', '"abc"');
INSERT INTO kv VALUES ('hub_seed_hash', '"096c9bca72c22c14"');
INSERT INTO kv VALUES ('seed_step', '2');
INSERT INTO kv VALUES ('settings', '{"instructions_per_cell":2,"answers_per_instruction":1,"instruct":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"answer":{"temperature":0.7,"top_p":null,"max_tokens":2048,"seed":null},"concurrency":6,"row_cap":null,"extra":{}}');
INSERT INTO kv VALUES ('updated_ms', '1763900000123');
INSERT INTO seed_steps VALUES (1, 'ef16fa1562421ed6', '', 1000, '{"domain":"beekeeping","description":"first","expert_prompt":"A beekeeper of ten years.","topics":["bees"],"perspectives":["market","science"],"examples":[],"extra":{}}');
INSERT INTO seed_steps VALUES (2, '096c9bca72c22c14', '', 5000, '{"domain":"beekeeping","description":"first","expert_prompt":"A beekeeper of thirty years.","topics":["bees"],"perspectives":["market","science"],"examples":[],"extra":{}}');
INSERT INTO seed_steps VALUES (3, '6b02a3d9f69e8115', 'topics', 20000, '{"domain":"beekeeping","description":"first","expert_prompt":"A beekeeper of thirty years.","topics":["bees","wasps"],"perspectives":["market","science"],"examples":[],"extra":{}}');
INSERT INTO prompts VALUES ('p1', 'bees', 'market', 'kept', NULL, 3, 'When do I sell?', '{"id":"p1","cell":{"topic":"bees","perspective":"market"},"text":"When do I sell?","state":"kept","origin":{"kind":"drafted","model":"small-model","prompt_version":"self-instruct/1"},"original_text":null,"seed_hash":"096c9bca72c22c14","created_ms":3,"updated_ms":3}');
INSERT INTO prompts VALUES ('p2', 'bees', 'market', 'kept', NULL, 4, 'Who buys beeswax?', '{"id":"p2","cell":{"topic":"bees","perspective":"market"},"text":"Who buys beeswax?","state":"kept","origin":{"kind":"typed"},"original_text":"Who buys wax?","seed_hash":"096c9bca72c22c14","created_ms":4,"updated_ms":9}');
INSERT INTO prompts VALUES ('p3', 'bees', 'market', 'struck', NULL, 5, 'Is honey dear?', '{"id":"p3","cell":{"topic":"bees","perspective":"market"},"text":"Is honey dear?","state":"struck","origin":{"kind":"drafted","model":"small-model","prompt_version":"self-instruct/1"},"original_text":null,"seed_hash":"096c9bca72c22c14","created_ms":5,"updated_ms":5}');
INSERT INTO prompts VALUES ('p4', 'bees', 'market', 'proposed', NULL, 6, 'Where are bees?', '{"id":"p4","cell":{"topic":"bees","perspective":"market"},"text":"Where are bees?","state":"proposed","origin":{"kind":"drafted","model":"small-model","prompt_version":"self-instruct/1"},"original_text":null,"seed_hash":"096c9bca72c22c14","created_ms":6,"updated_ms":6}');
INSERT INTO prompts VALUES ('p5', 'bees', 'market', 'kept', 'p1', 7, replace('When do I sell in a wet year?\n', '\n', char(10)), '{"id":"p5","cell":{"topic":"bees","perspective":"market"},"text":"When do I sell in a wet year?\n","state":"kept","origin":{"kind":"evolved","parent":"p1","evolution":"constraints","round":1,"model":"small-model","prompt_version":"evolve/1"},"original_text":null,"seed_hash":"096c9bca72c22c14","created_ms":7,"updated_ms":7}');
INSERT INTO records VALUES (1, 'r1', 'accepted', 'bees', 'market', 'small-model', '096c9bca72c22c14', 'p1', 1);
INSERT INTO records VALUES (2, 'r2', 'discarded', 'bees', 'market', 'small-model', 'ef16fa1562421ed6', 'p1', 1);
INSERT INTO records VALUES (3, 'r3', 'disputed', 'bees', 'market', 'small-model', '096c9bca72c22c14', 'p2', 1);
INSERT INTO records VALUES (4, 'r4', 'accepted', 'bees', 'market', 'small-model', '096c9bca72c22c14', 'p5', 1);
INSERT INTO records VALUES (5, 'r5', 'disputed', 'bees', 'market', 'small-model', '096c9bca72c22c14', 'p5', 1);
INSERT INTO records VALUES (6, 'r6', 'accepted', 'bees', 'market', 'small-model', '096c9bca72c22c14', 'p2', 0);
INSERT INTO records VALUES (7, '1421e9ee98a1313eb7d1be49b735cd07', 'accepted', '', '', '', '', NULL, 0);
INSERT INTO texts VALUES (1, 'When do I sell?', 'Sell the honey in autumn; it''s clearer then (r1).', '{"id":"","prompt_id":"p1","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"096c9bca72c22c14","model":"small-model","provider":"localhost","sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":0,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (2, 'When do I sell?', 'Sell the honey in autumn; it''s clearer then (r2).', '{"id":"","prompt_id":"p1","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"ef16fa1562421ed6","model":"small-model","provider":"localhost","sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":1,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (3, 'Who buys wax?', 'Sell the honey in autumn; it''s clearer then (r3).', '{"id":"","prompt_id":"p2","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"096c9bca72c22c14","model":"small-model","provider":"localhost","sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":2,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (4, 'When do I sell in a wet year?', 'Sell the honey in autumn; it''s clearer then (r4).', '{"id":"","prompt_id":"p5","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"096c9bca72c22c14","model":"small-model","provider":"localhost","sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":3,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (5, 'When do I sell in a wet year?', 'Sell the honey in autumn; it''s clearer then (r5).', '{"id":"","prompt_id":"p5","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"096c9bca72c22c14","model":"small-model","provider":"localhost","sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":4,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (6, 'Who buys beeswax?', 'Sell the honey in autumn; it''s clearer then (r6).', '{"id":"","prompt_id":"p2","run_id":"run1","cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"096c9bca72c22c14","model":"small-model","provider":"localhost","sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1","sample_index":5,"finish_reason":"stop","usage":{"prompt_tokens":11,"completion_tokens":7,"estimated":false}},"created_ms":1763900000000}');
INSERT INTO texts VALUES (7, 'How heavy is a hive?', 'Up to sixty kilograms.', '{"id":"","prompt_id":null,"run_id":null,"cell":{"topic":"","perspective":""},"instruction":"","response":"","provenance":{"seed_hash":"","model":"","provider":"","prompt_version":"","sample_index":0,"finish_reason":"stop","imported_from":"rows.csv"},"created_ms":1763900000001}');
INSERT INTO asked VALUES (1, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"When do I sell?"}]');
INSERT INTO asked VALUES (2, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"When do I sell?"}]');
INSERT INTO asked VALUES (3, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"Who buys wax?"}]');
INSERT INTO asked VALUES (4, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"When do I sell in a wet year?"}]');
INSERT INTO asked VALUES (5, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"When do I sell in a wet year?"}]');
INSERT INTO asked VALUES (6, '[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"Who buys beeswax?"}]');
INSERT INTO accepted VALUES (1, 'r1', 'ecd909b1ae9c1241d2bb1464afcdf07f', '{"id":"r1","instruction":"When do I sell?","response":"In autumn.","topic":"bees","perspective":"market","model":"small-model","quality":"good","rating_count":2,"edited":true,"seed_hash":"096c9bca72c22c14","prompt_version":"answer/1","messages":[{"role":"user","content":"When do I sell?"},{"role":"assistant","content":"In autumn."}]}');
INSERT INTO accepted VALUES (4, 'r4', '2cadeaaeb1eee5b449fda4e1d06d5ac8', '{"id":"r4","instruction":"When do I sell in a wet year in Wales?","response":"In autumn.","topic":"bees","perspective":"market","model":"small-model","quality":"good","rating_count":2,"edited":true,"seed_hash":"096c9bca72c22c14","prompt_version":"answer/1","messages":[{"role":"user","content":"When do I sell in a wet year in Wales?"},{"role":"assistant","content":"In autumn."}]}');
INSERT INTO accepted VALUES (6, 'r6', 'ddbe5ab8c62a57d0afcdbd1c8a2ea889', '{"id":"r6","instruction":"Who buys beeswax?","response":"Sell the honey in autumn; it''s clearer then (r6).","topic":"bees","perspective":"market","model":"small-model","quality":"good","rating_count":1,"edited":false,"seed_hash":"096c9bca72c22c14","prompt_version":"answer/1","messages":[{"role":"user","content":"Who buys beeswax?"},{"role":"assistant","content":"Sell the honey in autumn; it''s clearer then (r6)."}]}');
INSERT INTO accepted VALUES (7, '1421e9ee98a1313eb7d1be49b735cd07', 'c1ca3453df6ac0422151ea32016d960a', '{"id":"1421e9ee98a1313eb7d1be49b735cd07","instruction":"How heavy is a hive?","response":"Up to sixty kilograms.","topic":"","perspective":"","model":"","quality":"good","rating_count":1,"edited":false,"seed_hash":"","prompt_version":"","messages":[{"role":"user","content":"How heavy is a hive?"},{"role":"assistant","content":"Up to sixty kilograms."}]}');
INSERT INTO decisions VALUES ('a1', 'ann', 'r1', 100, 0, 1, '{"id":"a1","reviewer":"ann","record_id":"r1","clock":{"ms":100,"n":0},"act":"respond","response":{"status":"submitted","quality":"good","improved_response":"In autumn."}}');
INSERT INTO decisions VALUES ('a2', 'ann', 'r4', 101, 0, 1, '{"id":"a2","reviewer":"ann","record_id":"r4","clock":{"ms":101,"n":0},"act":"respond","response":{"status":"submitted","quality":"good","improved_instruction":"When do I sell in a wet year in Wales?"}}');
INSERT INTO decisions VALUES ('b1', 'bob', 'r1', 90, 0, 1, '{"id":"b1","reviewer":"bob","record_id":"r1","clock":{"ms":90,"n":0},"act":"respond","response":{"status":"submitted","quality":"good"}}');
INSERT INTO decisions VALUES ('b2', 'bob', 'r4', 91, 0, 1, '{"id":"b2","reviewer":"bob","record_id":"r4","clock":{"ms":91,"n":0},"act":"respond","response":{"status":"submitted","quality":"good","improved_response":"In autumn."}}');
INSERT INTO decisions VALUES ('b3', 'bob', 'r3', 92, 0, 1, '{"id":"b3","reviewer":"bob","record_id":"r3","clock":{"ms":92,"n":0},"act":"respond","response":{"status":"submitted","quality":"bad"}}');
INSERT INTO decisions VALUES ('b4', 'bob', 'r6', 93, 0, 1, '{"id":"b4","reviewer":"bob","record_id":"r6","clock":{"ms":93,"n":0},"act":"respond","response":{"status":"submitted","quality":"good"}}');
INSERT INTO decisions VALUES ('b5', 'bob', 'r6', 94, 0, 1, '{"id":"b5","reviewer":"bob","record_id":"r6","clock":{"ms":94,"n":0},"act":"undo","target":"b4"}');
INSERT INTO decisions VALUES ('b6', 'bob', 'r6', 95, 0, 1, '{"id":"b6","reviewer":"bob","record_id":"r6","clock":{"ms":95,"n":0},"act":"redo","target":"b4"}');
INSERT INTO decisions VALUES ('b7', 'bob', 'nowhere', 96, 0, 1, '{"id":"b7","reviewer":"bob","record_id":"nowhere","clock":{"ms":96,"n":0},"act":"respond","response":{"status":"submitted","quality":"good"}}');
INSERT INTO decisions VALUES ('a3', 'ann', 'r2', 102, 0, 0, '{"id":"a3","reviewer":"ann","record_id":"r2","clock":{"ms":102,"n":0},"act":"respond","response":{"status":"discarded","discard_reason":"off topic"}}');
INSERT INTO decisions VALUES ('a4', 'ann', 'r3', 103, 0, 0, '{"id":"a4","reviewer":"ann","record_id":"r3","clock":{"ms":103,"n":0},"act":"respond","response":{"status":"submitted","quality":"good"}}');
INSERT INTO decisions VALUES ('a5', 'ann', 'r6', 104, 0, 0, '{"id":"a5","reviewer":"ann","record_id":"r6","clock":{"ms":104,"n":0},"act":"respond","response":{"status":"submitted","quality":"bad"}}');
INSERT INTO decisions VALUES ('a6', 'ann', 'r6', 105, 0, 0, '{"id":"a6","reviewer":"ann","record_id":"r6","clock":{"ms":105,"n":0},"act":"undo","target":"a5"}');
INSERT INTO decisions VALUES ('a7', 'ann', 'r3', 106, 0, 0, '{"id":"a7","reviewer":"ann","record_id":"r3","clock":{"ms":106,"n":0},"act":"undo","target":"a4"}');
INSERT INTO decisions VALUES ('a8', 'ann', 'r3', 107, 0, 0, '{"id":"a8","reviewer":"ann","record_id":"r3","clock":{"ms":107,"n":0},"act":"redo","target":"a4"}');
INSERT INTO decisions VALUES ('g1', 'guest-0a1b2c', '1421e9ee98a1313eb7d1be49b735cd07', 108, 0, 0, '{"id":"g1","reviewer":"guest-0a1b2c","record_id":"1421e9ee98a1313eb7d1be49b735cd07","clock":{"ms":108,"n":0},"act":"respond","response":{"status":"submitted","quality":"good"}}');
INSERT INTO decisions VALUES ('g2', 'guest-0a1b2c', 'r6', 109, 0, 0, '{"id":"g2","reviewer":"guest-0a1b2c","record_id":"r6","clock":{"ms":109,"n":0},"act":"respond","response":{"status":"discarded","discard_reason":"off topic"}}');
INSERT INTO decisions VALUES ('g3', 'guest-0a1b2c', 'r6', 110, 0, 0, '{"id":"g3","reviewer":"guest-0a1b2c","record_id":"r6","clock":{"ms":110,"n":0},"act":"undo","target":"g2"}');
INSERT INTO decisions VALUES ('e1', 'eve', 'r5', 9223372036854775807, 4294967295, 1, '{"id":"e1","reviewer":"eve","record_id":"r5","clock":{"ms":18446744073709551615,"n":4294967295},"act":"respond","response":{"status":"submitted","quality":"good"}}');
INSERT INTO decisions VALUES ('g4', 'guest-0a1b2c', 'r5', 9223372036854775807, 4294967295, 0, '{"id":"g4","reviewer":"guest-0a1b2c","record_id":"r5","clock":{"ms":18446744073709551615,"n":4294967295},"act":"respond","response":{"status":"submitted","quality":"bad"}}');
INSERT INTO steps VALUES ('ann', 0, 1, 'a1');
INSERT INTO steps VALUES ('ann', 0, 2, 'a2');
INSERT INTO steps VALUES ('ann', 0, 3, 'a3');
INSERT INTO steps VALUES ('ann', 0, 4, 'a4');
INSERT INTO steps VALUES ('ann', 1, 1, 'a5');
INSERT INTO steps VALUES ('bob', 0, 1, 'b1');
INSERT INTO steps VALUES ('bob', 0, 2, 'b2');
INSERT INTO steps VALUES ('bob', 0, 3, 'b3');
INSERT INTO steps VALUES ('bob', 0, 4, 'b4');
INSERT INTO steps VALUES ('bob', 0, 5, 'b7');
INSERT INTO steps VALUES ('eve', 0, 1, 'e1');
INSERT INTO steps VALUES ('guest-0a1b2c', 0, 1, 'g1');
INSERT INTO steps VALUES ('guest-0a1b2c', 0, 2, 'g4');
INSERT INTO drafts VALUES ('ann', 'r2', '{"status":"draft","quality":"good","improved_response":"Not yet"}');
INSERT INTO counts VALUES ('cell', '["",""]', 1);
INSERT INTO counts VALUES ('cell', '["bees","market"]', 6);
INSERT INTO counts VALUES ('cell_accepted', '["",""]', 1);
INSERT INTO counts VALUES ('cell_accepted', '["bees","market"]', 3);
INSERT INTO counts VALUES ('model', '', 1);
INSERT INTO counts VALUES ('model', 'small-model', 6);
INSERT INTO counts VALUES ('perspective', '', 1);
INSERT INTO counts VALUES ('perspective', 'market', 6);
INSERT INTO counts VALUES ('seed', '', 1);
INSERT INTO counts VALUES ('seed', '096c9bca72c22c14', 5);
INSERT INTO counts VALUES ('seed', 'ef16fa1562421ed6', 1);
INSERT INTO counts VALUES ('state', 'accepted', 4);
INSERT INTO counts VALUES ('state', 'discarded', 1);
INSERT INTO counts VALUES ('state', 'disputed', 2);
INSERT INTO counts VALUES ('state', 'pending', 0);
INSERT INTO counts VALUES ('state', 'rejected', 0);
INSERT INTO counts VALUES ('topic', '', 1);
INSERT INTO counts VALUES ('topic', 'bees', 6);
INSERT INTO counts VALUES ('total', '', 7);
INSERT INTO runs VALUES ('run1', 10, '{"id":"run1","phase":"paused","stopped_by":{"kind":"server","what":"The server failed.","means":"","next":"","detail":null},"endpoint":{"kind":"open_ai","base_url":"http://localhost:8080/v1","model":"small-model","bill_to":null,"price_in":null,"price_out":null},"settings":{"instructions_per_cell":2,"answers_per_instruction":1,"instruct":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"answer":{"temperature":0.7,"top_p":null,"max_tokens":2048,"seed":null},"concurrency":6,"row_cap":null,"extra":{}},"seed_hash":"096c9bca72c22c14","started_ms":10,"finished_ms":null}');
INSERT INTO run_items VALUES ('run1', 'r1', 'done', 1, 0, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r2', 'done', 2, 1, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r3', 'done', 3, 2, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r4', 'done', 4, 3, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r5', 'done', 5, 4, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r6', 'done', 6, 5, 1, NULL, '');
INSERT INTO run_items VALUES ('run1', 'r7', 'failed', NULL, 6, 1, '{"kind":"server","what":"The server failed.","means":"","next":"","detail":null}', '{"record_id":"r7","prompt_id":"p1","cell":{"topic":"bees","perspective":"market"},"instruction":"When do I sell?","sample_index":6,"messages":[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"When do I sell?"}],"sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1"}');
INSERT INTO run_items VALUES ('run1', 'r8', 'queued', NULL, 7, 0, NULL, '{"record_id":"r8","prompt_id":"p1","cell":{"topic":"bees","perspective":"market"},"instruction":"When do I sell?","sample_index":7,"messages":[{"role":"system","content":"You are a beekeeper."},{"role":"user","content":"When do I sell?"}],"sampling":{"temperature":0.9,"top_p":null,"max_tokens":2048,"seed":null},"prompt_version":"answer/1"}');
INSERT INTO run_sums VALUES ('run1', 66, 42);
INSERT INTO published VALUES ('r1', 'ffff');
INSERT INTO seen_files VALUES ('.seedbed/records/run1.jsonl', '1234');
INSERT INTO words (words) VALUES ('rebuild');
PRAGMA user_version = 3;
