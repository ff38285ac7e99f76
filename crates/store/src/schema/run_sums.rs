//! Version 2: the sums of tokens of the runs there are. In code, as the browser's SQLite is built without its functions
//! for JSON.

use crate::error::Result;
use crate::{from_json, int};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn sum(connection: &Connection) -> Result<()> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut statement = connection.prepare("SELECT json FROM texts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let record: Value = from_json(&row.get::<_, String>(0)?, "record")?;
        if let Some(run) = record["run_id"].as_str() {
            let usage = &record["provenance"]["usage"];
            let tokens = |name: &str| usage[name].as_u64().unwrap_or(0);
            let (tokens_in, tokens_out) = sums.entry(run.to_owned()).or_default();
            *tokens_in = tokens_in.saturating_add(tokens("prompt_tokens"));
            *tokens_out = tokens_out.saturating_add(tokens("completion_tokens"));
        }
    }
    for (run, (tokens_in, tokens_out)) in sums {
        connection
            .prepare_cached("INSERT INTO run_sums SELECT id, ?2, ?3 FROM runs WHERE id = ?1")?
            .execute(params![run, int(tokens_in), int(tokens_out)])?;
    }
    Ok(())
}
