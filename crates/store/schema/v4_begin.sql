-- Version 4, format 2 of a project's data: what a decision was made on, who wrote what, and where each line stands on
-- the Hub. This part makes room; then schema.rs converts what was there; then v4_end.sql takes away what is over.

-- Files of the Hub at the last seen head: parts that were read or written whole, or not. `is_whole` = everything in it
-- was understood and is here.
CREATE TABLE parts (n INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, oid TEXT NOT NULL, is_whole INTEGER NOT NULL);
CREATE TABLE problems (
    path TEXT NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (path, line)) WITHOUT ROWID;

-- `id` names the record here; `claimed` is the id in its line, `own_id` follows from key and text. They differ where
-- two texts claim one id. `part` is where its line stands on the Hub; none = only here.
-- Nearly always all three are one: the two are stored where they are not `id`, so that the table stays narrow.
ALTER TABLE records ADD COLUMN claimed_else TEXT;
ALTER TABLE records ADD COLUMN own_else TEXT;
ALTER TABLE records ADD COLUMN claimed TEXT AS (coalesce(claimed_else, id));
ALTER TABLE records ADD COLUMN own_id TEXT AS (coalesce(own_else, id));
ALTER TABLE records ADD COLUMN text_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN key TEXT;
-- Hash of what its task read of the seed, empty when unknown: then it never grows stale. `is_outdated` = the instruction
-- it answers has another text now.
ALTER TABLE records ADD COLUMN seed_part TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN is_outdated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN part INTEGER;
-- Further ids that lines gave to the text of a record: decisions that name one of them and the text are about it.
CREATE TABLE aliases (claimed TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (claimed, seq)) WITHOUT ROWID;
CREATE INDEX aliases_by_seq ON aliases (seq);
-- The line as it came, where it holds more than this build understands.
ALTER TABLE texts ADD COLUMN raw TEXT;
ALTER TABLE seed_steps ADD COLUMN part TEXT NOT NULL DEFAULT '';

-- `origin`: 0 = made here, 1 = from the Hub, 2 = from a file. `visit` = when it was made here.
CREATE TABLE log (
    seq INTEGER PRIMARY KEY, writer TEXT NOT NULL, id TEXT NOT NULL, record TEXT, text TEXT, ms INTEGER NOT NULL,
    n INTEGER NOT NULL, hash TEXT NOT NULL, origin INTEGER NOT NULL, part INTEGER, visit INTEGER,
    json TEXT NOT NULL, raw TEXT, UNIQUE (writer, id));
CREATE TABLE instruction_acts (
    seq INTEGER PRIMARY KEY, writer TEXT NOT NULL, id TEXT NOT NULL, instruction TEXT NOT NULL, hash TEXT NOT NULL,
    origin INTEGER NOT NULL, part INTEGER, json TEXT NOT NULL, raw TEXT, UNIQUE (writer, id));
CREATE INDEX acts_by_instruction ON instruction_acts (instruction);
CREATE INDEX acts_unsent ON instruction_acts (seq) WHERE part IS NULL;
CREATE INDEX acts_by_part ON instruction_acts (part) WHERE part IS NOT NULL;
