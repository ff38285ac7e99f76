-- Version 3: every column that a filter names, in queue order. Filters on two or more of them walk this instead of
-- looking up each row of the first one.

CREATE INDEX records_narrow ON records (seq, state, topic, perspective, model);
