//! The schema and its migrations, one step per version. A step once published is never changed.
//!
//! The one idea: `records` is narrow, so that filters, positions and counts read few pages; what is wide lies beside it
//! under the same `seq` (`texts`, `asked`, `accepted`). Records are never removed, so `seq` runs from 1 without gaps.

mod format_2;

use crate::error::{Result, StoreError};
use crate::{backup, decisions, get, keys, put, reread};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use seedbed_core::line::READER;
use seedbed_core::review::OUTCOME_RULE;
use seedbed_core::row::ROW_RULE;

/// How to come to the next version.
enum Step {
    Sql(&'static str),
    Code(fn(&Connection) -> Result<()>),
}

/// Each step brings the database from its position to the next version.
const STEPS: [Step; 4] = [
    Step::Sql(include_str!("../schema/v1.sql")),
    Step::Sql(include_str!("../schema/v2.sql")),
    Step::Sql(include_str!("../schema/v3.sql")),
    Step::Code(format_2::convert),
];

/// The newest version.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// What the version of a database means for this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Ours, or one that can be brought to it.
    Version(u32),
    /// A newer one, made such that this build can still read it.
    Newer,
}

/// Reads the version. Nothing is written, so that a newer database stays as it is.
pub(crate) fn version(connection: &Connection) -> Result<Found> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Ok(found) = u32::try_from(found) else {
        return Err(StoreError::Corrupt(format!("the format number is {found}")));
    };
    if found <= VERSION {
        return Ok(Found::Version(found));
    }
    // A newer build that only added to the schema says who can still read it.
    match get::<u32>(connection, keys::READABLE_BY) {
        Ok(Some(oldest)) if oldest <= VERSION => Ok(Found::Newer),
        _ => Err(StoreError::NewerFormat {
            found,
            known: VERSION,
        }),
    }
}

/// Whether the database will be migrated when it is opened.
#[cfg(target_arch = "wasm32")]
pub(crate) fn is_older(connection: &Connection) -> bool {
    matches!(version(connection), Ok(Found::Version(found)) if found < VERSION)
}

/// Brings the database from version `found` to [`VERSION`].
pub(crate) fn migrate(connection: &Connection, found: u32) -> Result<()> {
    for (at, step) in STEPS.iter().enumerate().skip(found as usize) {
        let version = at + 1;
        // If a step fails, the transaction is dropped, and that rolls it back.
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        match step {
            Step::Sql(sql) => transaction.execute_batch(sql)?,
            Step::Code(convert) => convert(&transaction)?,
        }
        if found > 0 && version == STEPS.len() {
            backup::made(&transaction)?;
        }
        transaction.execute_batch(&format!("PRAGMA user_version = {version}"))?;
        transaction.commit()?;
    }
    renew(connection)
}

/// Derives anew what an older rule derived.
fn renew(connection: &Connection) -> Result<()> {
    let rules = (OUTCOME_RULE, ROW_RULE, READER);
    if get::<(u32, u32, u32)>(connection, keys::RULES)? == Some(rules) {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    reread::all(&transaction)?;
    decisions::refold_all(&transaction)?;
    put(&transaction, keys::RULES, &rules)?;
    transaction.commit()?;
    Ok(())
}
