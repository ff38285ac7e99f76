-- The end of version 4; see v4_begin.sql.

DROP INDEX records_by_seed;
DROP INDEX records_unsynced;
ALTER TABLE records DROP COLUMN seed_hash;
ALTER TABLE records DROP COLUMN is_synced;
-- Most records have one id, that of their text: these are for the others.
CREATE UNIQUE INDEX records_by_text ON records (claimed, text_hash) WHERE claimed <> own_id;
CREATE INDEX records_by_own_id ON records (own_id) WHERE own_id <> id;
-- Of the key, only its beginning: it is a hash, and the whole of it would double what adding a record writes at random.
CREATE INDEX records_by_key ON records (substr(key, 1, 8)) WHERE key IS NOT NULL;
CREATE INDEX records_by_seed ON records (seed_part);
CREATE INDEX records_outdated ON records (seq) WHERE is_outdated = 1;
CREATE INDEX records_unsent ON records (seq) WHERE part IS NULL;
CREATE INDEX records_by_part ON records (part) WHERE part IS NOT NULL;

DROP TABLE decisions;
ALTER TABLE log RENAME TO decisions;
CREATE INDEX decisions_by_record ON decisions (record);
CREATE INDEX decisions_by_writer ON decisions (writer, ms, n, id);
CREATE INDEX decisions_unsent ON decisions (seq) WHERE part IS NULL;
CREATE INDEX decisions_by_part ON decisions (part) WHERE part IS NOT NULL;
CREATE INDEX decisions_of_files ON decisions (writer) WHERE origin = 2;

-- What an identity would undo and redo, last first, rebuilt from the log at migration.
DROP TABLE steps;
CREATE TABLE steps (
    writer TEXT NOT NULL, is_undone INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, visit INTEGER,
    PRIMARY KEY (writer, is_undone, place)) WITHOUT ROWID;
CREATE INDEX steps_by_id ON steps (writer, id);
CREATE INDEX steps_by_visit ON steps (writer, is_undone, visit, place);

-- Parts are read again once, to learn what stands in which.
DROP TABLE seen_files;
DELETE FROM kv WHERE key IN ('head', 'clock');
