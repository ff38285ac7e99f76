//! Windows of records: by position, and around one. Filters that have an index read nothing but it.

use crate::error::Result;
use crate::records::{COLUMNS, Stored, view};
use crate::{Store, counts};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, params, params_from_iter};
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

/// A filter as SQL.
struct Condition {
    sql: String,
    values: Vec<Value>,
    /// A counter that holds the number of matching records, where there is one.
    counter: Option<(&'static str, String)>,
    /// Nothing can match.
    is_never: bool,
}

impl Condition {
    fn of(filter: &RecordFilter, reviewer: &str, seed_hash: &str) -> Self {
        let mut parts: Vec<String> = Vec::new();
        let mut values = Vec::new();
        let mut counter = Some((counts::TOTAL, String::new()));
        let mut only = |kind: &'static str, name: &str| {
            // One counted filter alone has its counter.
            counter = match counter.take() {
                Some((counts::TOTAL, _)) => Some((kind, name.to_owned())),
                _ => None,
            };
        };
        let columns = [
            (
                "state",
                counts::STATE,
                filter.state.map(|state| state.as_str().to_owned()),
            ),
            ("topic", counts::TOPIC, filter.topic.clone()),
            (
                "perspective",
                counts::PERSPECTIVE,
                filter.perspective.clone(),
            ),
            ("model", counts::MODEL, filter.model.clone()),
        ];
        for (column, kind, wanted) in columns {
            if let Some(wanted) = wanted {
                only(kind, &wanted);
                parts.push(format!("{column} = ?"));
                values.push(Value::Text(wanted));
            }
        }
        let mut is_never = false;
        if filter.with_draft {
            only("", "");
            only("", "");
            parts.push("id IN (SELECT record_id FROM drafts WHERE reviewer = ?)".to_owned());
            values.push(Value::Text(reviewer.to_owned()));
        }
        if filter.stale {
            only("", "");
            only("", "");
            parts.push("seed_hash <> ? AND seed_hash <> ''".to_owned());
            values.push(Value::Text(seed_hash.to_owned()));
        }
        if let Some(query) = Store::match_query(&filter.search) {
            only("", "");
            only("", "");
            match query {
                Some(query) => {
                    parts.push("seq IN (SELECT rowid FROM words WHERE words MATCH ?)".to_owned());
                    values.push(Value::Text(query));
                }
                None => is_never = true,
            }
        }
        Self {
            sql: if parts.is_empty() {
                "1".to_owned()
            } else {
                parts.join(" AND ")
            },
            values,
            counter,
            is_never,
        }
    }

    fn is_all(&self) -> bool {
        self.values.is_empty() && !self.is_never
    }
}

impl Store {
    fn condition(&self, filter: &RecordFilter, reviewer: &str) -> Result<(Condition, String)> {
        let hash = self.seed()?.hash();
        Ok((Condition::of(filter, reviewer, &hash), hash))
    }

    fn total(&self, condition: &Condition) -> Result<u32> {
        if condition.is_never {
            return Ok(0);
        }
        if let Some((kind, name)) = &condition.counter {
            return counts::of(&self.connection, kind, name);
        }
        self.count(condition, "")
    }

    fn count(&self, condition: &Condition, and: &str) -> Result<u32> {
        let sql = format!("SELECT count(*) FROM records WHERE {}{and}", condition.sql);
        Ok(self
            .connection
            .prepare_cached(&sql)?
            .query_row(params_from_iter(&condition.values), |row| row.get(0))?)
    }

    /// Matching records before `seq`.
    fn position(&self, condition: &Condition, seq: u64) -> Result<u32> {
        if condition.is_never {
            return Ok(0);
        }
        if condition.is_all() {
            return Ok(u32::try_from(seq.saturating_sub(1)).unwrap_or(u32::MAX));
        }
        self.count(condition, &format!(" AND seq < {seq}"))
    }

    /// `seq`s of a window. First the ids by index alone, then the wide rows one by one.
    fn seqs(&self, condition: &Condition, and: &str) -> Result<Vec<u64>> {
        if condition.is_never {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT seq FROM records WHERE {}{and}", condition.sql);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(&condition.values), |row| row.get(0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    fn views(&self, seqs: &[u64], reviewer: &str, hash: &str) -> Result<Vec<RecordView>> {
        let mut views = Vec::with_capacity(seqs.len());
        for seq in seqs {
            let stored = self
                .connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM records WHERE seq = ?1"))?
                .query_row([seq], Stored::read)
                .optional()?
                .transpose()?;
            if let Some(stored) = stored {
                views.push(view(&self.connection, stored, reviewer, hash)?);
            }
        }
        Ok(views)
    }

    /// A window by position: how many match in all, and the rows.
    pub fn list_records(
        &self,
        filter: &RecordFilter,
        reviewer: &str,
        offset: u32,
        limit: u32,
    ) -> Result<(u32, Vec<RecordView>)> {
        let (condition, hash) = self.condition(filter, reviewer)?;
        let seqs = if condition.is_all() {
            // Without gaps, a position is a `seq`.
            self.seqs(
                &condition,
                &format!(" AND seq > {offset} ORDER BY seq LIMIT {limit}"),
            )?
        } else {
            self.seqs(
                &condition,
                &format!(" ORDER BY seq LIMIT {limit} OFFSET {offset}"),
            )?
        };
        Ok((self.total(&condition)?, self.views(&seqs, reviewer, &hash)?))
    }

    /// Records around the one with `seq` = `anchor`, or from the start of the queue.
    pub fn records_around(
        &self,
        filter: &RecordFilter,
        reviewer: &str,
        anchor: Option<u64>,
        before: u32,
        after: u32,
    ) -> Result<Around> {
        let (condition, hash) = self.condition(filter, reviewer)?;
        let total = self.total(&condition)?;
        let anchor = match anchor {
            Some(seq) => self
                .connection
                .prepare_cached("SELECT seq FROM records WHERE seq = ?1")?
                .query_row(params![seq], |row| row.get::<_, u64>(0))
                .optional()?,
            None => None,
        };
        let mut seqs = Vec::new();
        match anchor {
            Some(anchor) => {
                seqs = self.seqs(
                    &condition,
                    &format!(" AND seq < {anchor} ORDER BY seq DESC LIMIT {before}"),
                )?;
                seqs.reverse();
                seqs.push(anchor);
                seqs.extend(self.seqs(
                    &condition,
                    &format!(" AND seq > {anchor} ORDER BY seq LIMIT {after}"),
                )?);
            }
            None => {
                let limit = after.saturating_add(1);
                seqs.extend(self.seqs(&condition, &format!(" ORDER BY seq LIMIT {limit}"))?);
            }
        }
        let position = match seqs.first() {
            Some(first) => self.position(&condition, *first)?,
            None => 0,
        };
        Ok(Around {
            total,
            position,
            rows: self.views(&seqs, reviewer, &hash)?,
        })
    }
}
