//! The schema and its migrations, one step per version. A step once published is never changed.
//!
//! The one idea: `records` is narrow, so that filters, positions and counts read few pages; what is wide lies beside it
//! under the same `seq` (`texts`, `asked`, `accepted`). Records are never removed, so `seq` runs from 1 without gaps.

use crate::error::{Result, StoreError};
use rusqlite::Connection;

/// Each step brings the database from its position to the next version.
const STEPS: [&str; 3] = [V1, V2, V3];

const V1: &str = include_str!("../schema/v1.sql");
const V2: &str = include_str!("../schema/v2.sql");
const V3: &str = include_str!("../schema/v3.sql");

/// The newest version.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// The version of the database, which is one that this build knows. Nothing is written, so that a newer one stays as
/// it is.
pub(crate) fn version(connection: &Connection) -> Result<u32> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Ok(found) = u32::try_from(found) else {
        return Err(StoreError::Corrupt(format!("the format number is {found}")));
    };
    if found > VERSION {
        return Err(StoreError::NewerFormat {
            found,
            known: VERSION,
        });
    }
    Ok(found)
}

/// Brings the database from version `found` to [`VERSION`].
pub(crate) fn migrate(connection: &Connection, found: u32) -> Result<()> {
    for (at, step) in STEPS.iter().enumerate().skip(found as usize) {
        let version = at + 1;
        // If a step fails, the connection is dropped, and that rolls it back.
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {step} PRAGMA user_version = {version}; COMMIT;"
        ))?;
    }
    Ok(())
}
