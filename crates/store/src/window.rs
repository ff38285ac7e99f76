//! Windows of records: by position, and around one. A window is two steps: the `seq`s, read from an index or from the
//! narrow table alone, then the wide rows one by one.

use crate::error::Result;
use crate::records::{Stored, view};
use crate::{Store, counts, search, seed};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, params_from_iter};
use seedbed_core::messages::{RecordFilter, RecordView};

/// Records around an anchor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Around {
    /// Records that match in all.
    pub total: u32,
    /// Matching records before `rows[0]`.
    pub position: u32,
    /// In queue order; the anchor is among them if it exists, whether it matches or not.
    pub rows: Vec<RecordView>,
}

/// Where the number of matching records stands without counting them.
enum Counter {
    Of(&'static str, String),
    Stale,
}

/// How stale records are best found.
#[derive(Clone, Copy)]
enum Stale {
    /// None is outdated: by the index of the parts of the seed.
    BySeed,
    /// By two indices, and then in order.
    Few,
    /// In order, leaving out those that are not.
    Many,
}

/// A filter as SQL.
struct Condition {
    from: &'static str,
    /// The column that is `seq`.
    key: &'static str,
    parts: Vec<&'static str>,
    values: Vec<Value>,
    counter: Option<Counter>,
}

impl Condition {
    fn of(filter: &RecordFilter, writer: &str, seed_part: &str, stale: Stale) -> Self {
        let mut parts = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        let mut counters = Vec::new();
        let columns = [
            (
                counts::STATE,
                "records.state = ?",
                filter.state.map(|state| state.as_str().to_owned()),
            ),
            (counts::TOPIC, "records.topic = ?", filter.topic.clone()),
            (
                counts::PERSPECTIVE,
                "records.perspective = ?",
                filter.perspective.clone(),
            ),
            (counts::MODEL, "records.model = ?", filter.model.clone()),
        ];
        for (kind, part, wanted) in columns {
            if let Some(wanted) = wanted {
                parts.push(part);
                values.push(Value::Text(wanted.clone()));
                counters.push(Some(Counter::Of(kind, wanted)));
            }
        }
        // One column, a cell, and a state of a topic have indices of their own. With other combinations, SQLite would
        // use only that of one column, and look up each of its rows.
        let is_cell = filter.topic.is_some() && filter.perspective.is_some();
        let is_topic_state = filter.topic.is_some() && filter.state.is_some() && parts.len() == 2;
        let has_index = parts.len() < 2 || is_cell || is_topic_state;
        let is_narrow = !has_index && !filter.stale && !filter.with_draft;
        if filter.stale {
            // By name of the other parts, of which there are few, so that the index serves; those that are outdated
            // have one of their own.
            parts.push(match stale {
                Stale::BySeed => {
                    "records.seed_part IN
                      (SELECT name FROM counts WHERE kind = 'seed' AND name <> ? AND name <> '')"
                }
                Stale::Few => {
                    "records.seq IN (SELECT seq FROM records WHERE is_outdated = 1 UNION
                      SELECT seq FROM records WHERE seed_part IN
                      (SELECT name FROM counts WHERE kind = 'seed' AND name <> ? AND name <> ''))"
                }
                Stale::Many => {
                    "(records.is_outdated = 1 OR records.seed_part IN
                      (SELECT name FROM counts WHERE kind = 'seed' AND name <> ? AND name <> ''))"
                }
            });
            values.push(Value::Text(seed_part.to_owned()));
            counters.push(Some(Counter::Stale));
        }
        if filter.with_draft {
            parts.push("records.id IN (SELECT record_id FROM drafts WHERE reviewer = ?)");
            values.push(Value::Text(writer.to_owned()));
            counters.push(None);
        }
        let records = if is_narrow {
            "records INDEXED BY records_narrow"
        } else {
            "records"
        };
        let (mut from, mut key) = (records, "records.seq");
        if let Some(query) = search::query(&filter.search) {
            // The index of words gives its rows by `seq`; CROSS keeps it the outer loop.
            from = if parts.is_empty() {
                "words"
            } else {
                "words CROSS JOIN records ON records.seq = words.rowid"
            };
            key = "words.rowid";
            parts.push("words MATCH ?");
            values.push(Value::Text(query));
            counters.push(None);
        }
        let counter = match counters.len() {
            0 => Some(Counter::Of(counts::TOTAL, String::new())),
            1 => counters.pop().flatten(),
            _ => None,
        };
        Self {
            from,
            key,
            parts,
            values,
            counter,
        }
    }

    fn is_all(&self) -> bool {
        self.parts.is_empty()
    }

    /// `SELECT what FROM … WHERE …` with `and` as one more condition on the key; `and` is like `< ?`.
    fn select(&self, what: &str, and: &str, tail: &str) -> String {
        let mut parts: Vec<String> = self.parts.iter().map(|part| (*part).to_owned()).collect();
        if !and.is_empty() {
            parts.push(format!("{} {and}", self.key));
        }
        let clause = if parts.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", parts.join(" AND "))
        };
        format!("SELECT {what} FROM {}{clause}{tail}", self.from)
    }

    fn bound(&self, more: &[u64]) -> Vec<Value> {
        let mut values = self.values.clone();
        values.extend(more.iter().map(|value| Value::Integer(crate::int(*value))));
        values
    }
}

impl Store {
    fn condition(&self, filter: &RecordFilter, writer: &str) -> Result<(Condition, String)> {
        let part = seed::part(&self.connection)?;
        let of = |kind| counts::of(&self.connection, kind, "");
        let stale = if !filter.stale || of(counts::OUTDATED)? == 0 {
            Stale::BySeed
        } else if counts::stale(&self.connection, &part)? < of(counts::TOTAL)? / 8 {
            Stale::Few
        } else {
            Stale::Many
        };
        let condition = Condition::of(filter, writer, &part, stale);
        Ok((condition, part))
    }

    fn total(&self, condition: &Condition, seed_part: &str) -> Result<u32> {
        match &condition.counter {
            Some(Counter::Of(kind, name)) => counts::of(&self.connection, kind, name),
            Some(Counter::Stale) => counts::stale(&self.connection, seed_part),
            None => self.count(&condition.select("count(*)", "", ""), &condition.bound(&[])),
        }
    }

    fn count(&self, sql: &str, values: &[Value]) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached(sql)?
            .query_row(params_from_iter(values), |row| row.get(0))?)
    }

    /// Matching records in all, and those before `seq`.
    fn total_and_position(
        &self,
        condition: &Condition,
        seed_part: &str,
        seq: u64,
    ) -> Result<(u32, u32)> {
        if condition.counter.is_none() {
            // Both in one walk over what matches.
            let what = format!("count(*), count(*) FILTER (WHERE {} < ?)", condition.key);
            let mut values = vec![Value::Integer(crate::int(seq))];
            values.extend(condition.bound(&[]));
            return Ok(self
                .connection
                .prepare_cached(&condition.select(&what, "", ""))?
                .query_row(params_from_iter(values), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?);
        }
        let position = if condition.is_all() {
            u32::try_from(seq.saturating_sub(1)).unwrap_or(u32::MAX)
        } else {
            self.count(
                &condition.select("count(*)", "< ?", ""),
                &condition.bound(&[seq]),
            )?
        };
        Ok((self.total(condition, seed_part)?, position))
    }

    fn seqs(
        &self,
        condition: &Condition,
        and: &str,
        tail: &str,
        values: &[u64],
    ) -> Result<Vec<u64>> {
        let tail = format!(" ORDER BY {}{tail}", condition.key);
        let mut statement =
            self.connection
                .prepare_cached(&condition.select(condition.key, and, &tail))?;
        let rows =
            statement.query_map(params_from_iter(condition.bound(values)), |row| row.get(0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    fn views(&self, seqs: &[u64], writer: &str, part: &str) -> Result<Vec<RecordView>> {
        let mut views = Vec::with_capacity(seqs.len());
        for seq in seqs {
            if let Some(stored) = Stored::by_seq(&self.connection, *seq)? {
                views.push(view(&self.connection, stored, writer, part)?);
            }
        }
        Ok(views)
    }

    /// A window by position: how many match in all, and the rows.
    pub fn list_records(
        &self,
        filter: &RecordFilter,
        writer: &str,
        offset: u32,
        limit: u32,
    ) -> Result<(u32, Vec<RecordView>)> {
        self.read(|| {
            let (condition, part) = self.condition(filter, writer)?;
            let (offset, limit) = (u64::from(offset), u64::from(limit));
            let seqs = if condition.is_all() {
                // Without gaps, a position is a `seq`.
                self.seqs(&condition, "> ?", " LIMIT ?", &[offset, limit])?
            } else {
                self.seqs(&condition, "", " LIMIT ? OFFSET ?", &[limit, offset])?
            };
            let total = self.total(&condition, &part)?;
            Ok((total, self.views(&seqs, writer, &part)?))
        })
    }

    /// Records around the one with `seq` = `anchor`, or from the start of the queue.
    pub fn records_around(
        &self,
        filter: &RecordFilter,
        writer: &str,
        anchor: Option<u64>,
        before: u32,
        after: u32,
    ) -> Result<Around> {
        self.read(|| {
            let (condition, part) = self.condition(filter, writer)?;
            let (before, after) = (u64::from(before), u64::from(after));
            let anchor = match anchor {
                Some(seq) => self
                    .connection
                    .prepare_cached("SELECT seq FROM records WHERE seq = ?1")?
                    .query_row([crate::int(seq)], |row| row.get::<_, u64>(0))
                    .optional()?,
                None => None,
            };
            let seqs = match anchor {
                Some(anchor) => {
                    let mut seqs =
                        self.seqs(&condition, "< ?", " DESC LIMIT ?", &[anchor, before])?;
                    seqs.reverse();
                    seqs.push(anchor);
                    seqs.extend(self.seqs(&condition, "> ?", " LIMIT ?", &[anchor, after])?);
                    seqs
                }
                None => self.seqs(&condition, "", " LIMIT ?", &[after.saturating_add(1)])?,
            };
            let (total, position) = match seqs.first() {
                Some(first) => self.total_and_position(&condition, &part, *first)?,
                None => (self.total(&condition, &part)?, 0),
            };
            Ok(Around {
                total,
                position,
                rows: self.views(&seqs, writer, &part)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::review::RecordState;

    /// How SQLite reads the queues that a filter makes, with few and with many stale records.
    fn plans(filter: &RecordFilter) -> Vec<String> {
        let store = Store::open_memory().unwrap();
        let mut plans = Vec::new();
        for stale in [Stale::BySeed, Stale::Few] {
            let condition = Condition::of(filter, "ann", "part", stale);
            let tail = format!(" ORDER BY {} LIMIT 20", condition.key);
            for (what, and, tail, more) in [
                (condition.key, "> ?", tail.as_str(), &[1_u64][..]),
                ("count(*)", "", "", &[]),
            ] {
                let sql = condition.select(what, and, tail);
                let mut statement = store
                    .connection
                    .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                    .unwrap();
                let steps = statement
                    .query_map(params_from_iter(condition.bound(more)), |row| {
                        row.get::<_, String>(3)
                    })
                    .unwrap();
                plans.extend(steps.map(|step| step.unwrap()));
            }
        }
        plans
    }

    #[test]
    fn no_filter_reads_the_records_one_by_one() {
        let text = |text: &str| Some(text.to_owned());
        let all = RecordFilter::default();
        let stale = RecordFilter {
            stale: true,
            ..all.clone()
        };
        let filters = [
            RecordFilter {
                state: Some(RecordState::Pending),
                ..all.clone()
            },
            RecordFilter {
                topic: text("t"),
                ..all.clone()
            },
            RecordFilter {
                model: text("m"),
                state: Some(RecordState::Pending),
                ..all.clone()
            },
            RecordFilter {
                with_draft: true,
                ..all.clone()
            },
            RecordFilter {
                search: "honey".to_owned(),
                topic: text("t"),
                ..all
            },
            RecordFilter {
                topic: text("t"),
                ..stale.clone()
            },
            stale,
        ];
        for filter in &filters {
            for step in plans(filter) {
                // A walk over an index that holds all that is asked for is none over the table.
                let is_walk = step.starts_with("SCAN records") && !step.contains("INDEX");
                assert!(!is_walk, "{filter:?}: {step}");
            }
        }
    }
}
