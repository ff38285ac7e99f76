-- Version 2: sums of tokens per run, so that a run's status needs no walk over its records. Runs of version 1 get
-- theirs from the records they made (`schema/run_sums.rs`).

CREATE TABLE run_sums (run TEXT PRIMARY KEY, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL) WITHOUT ROWID;
