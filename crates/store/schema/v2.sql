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
