//! The schema and its migrations, one step per version. What a step once published makes is never changed.
//!
//! The one idea: `records` is narrow, so that filters, positions and counts read few pages; what is wide lies beside it
//! under the same `seq` (`texts`, `asked`, `accepted`). Records are never removed, so `seq` runs from 1 without gaps.

mod format_2;
mod run_sums;

use crate::error::{Result, StoreError};
use crate::{backup, counts, decisions, get, keys, put, reread};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use seedbed_core::line::READER;
use seedbed_core::review::OUTCOME_RULE;
use seedbed_core::row::ROW_RULE;

/// How to come to the next version.
enum Step {
    Sql(&'static str),
    Code(fn(&Connection) -> Result<()>),
    /// The SQL alone makes the place in a new database.
    SqlAndCode(&'static str, fn(&Connection) -> Result<()>),
}

/// Each step brings the database from its position to the next version.
const STEPS: [Step; 4] = [
    Step::Sql(include_str!("../schema/v1.sql")),
    Step::SqlAndCode(include_str!("../schema/v2.sql"), run_sums::sum),
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

/// Brings the database of an older build to what this one keeps. Reading all that was ever stored takes much code, and
/// few openings need it, so it is handed in: the browser fetches it apart.
#[derive(Clone, Copy)]
pub struct Renewal(fn(&Connection, u32) -> Result<()>);

impl Renewal {
    /// It is at hand.
    pub const HERE: Self = Self(renew);
}

/// Brings the database from version `found` to what this build keeps.
pub(crate) fn migrate(connection: &Connection, found: u32, renewal: Option<Renewal>) -> Result<()> {
    if found == 0 {
        return create(connection);
    }
    if found == VERSION && has_present_rules(connection)? {
        return Ok(());
    }
    let Renewal(renew) = renewal.ok_or(StoreError::Older)?;
    renew(connection, found)
}

/// Makes a new database: as the steps would, without what they convert.
fn create(connection: &Connection) -> Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for step in &STEPS {
        if let Step::Sql(sql) | Step::SqlAndCode(sql, _) = step {
            transaction.execute_batch(sql)?;
        }
    }
    transaction.execute_batch(format_2::BEGIN)?;
    transaction.execute_batch(format_2::END)?;
    transaction.execute_batch(format_2::RECOUNT_SEEDS)?;
    counts::recount_unsaved(&transaction)?;
    put(&transaction, keys::RULES, &RULES)?;
    transaction.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
    transaction.commit()?;
    Ok(())
}

/// Takes the steps from version `found` on, then derives anew what an older rule derived.
fn renew(connection: &Connection, found: u32) -> Result<()> {
    if found > 0 && found < VERSION {
        backup::make(connection)?;
    }
    for (at, step) in STEPS.iter().enumerate().skip(found as usize) {
        let version = at + 1;
        // If a step fails, the transaction is dropped, and that rolls it back.
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        match step {
            Step::Sql(sql) => transaction.execute_batch(sql)?,
            Step::Code(convert) => convert(&transaction)?,
            Step::SqlAndCode(sql, convert) => {
                transaction.execute_batch(sql)?;
                convert(&transaction)?;
            }
        }
        if found > 0 && version == STEPS.len() {
            backup::made(&transaction)?;
        }
        transaction.execute_batch(&format!("PRAGMA user_version = {version}"))?;
        transaction.commit()?;
    }
    if has_present_rules(connection)? {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    reread::all(&transaction)?;
    decisions::refold_all(&transaction)?;
    put(&transaction, keys::RULES, &RULES)?;
    transaction.commit()?;
    Ok(())
}

/// The rules by which this build derives what is kept beside the log.
const RULES: (u32, u32, u32) = (OUTCOME_RULE, ROW_RULE, READER);

fn has_present_rules(connection: &Connection) -> Result<bool> {
    Ok(get::<(u32, u32, u32)>(connection, keys::RULES)? == Some(RULES))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything in the database: what was created, and what is in it.
    fn everything(connection: &Connection) -> Vec<String> {
        let mut rows = Vec::new();
        let mut tables = Vec::new();
        let mut statement = connection
            .prepare(
                "SELECT name, type, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY name",
            )
            .unwrap();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let text = |at| row.get::<_, String>(at).unwrap();
            if text(1) == "table" {
                tables.push(text(0));
            }
            rows.push([text(0), text(1), text(2), text(3)].join("|"));
        }
        for table in tables {
            let mut statement = connection
                .prepare(&format!("SELECT * FROM \"{table}\""))
                .unwrap();
            let columns = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                let values: Vec<_> = (0..columns)
                    .map(|at| format!("{:?}", row.get_ref(at).unwrap()))
                    .collect();
                rows.push(format!("{table}: {}", values.join("|")));
            }
        }
        rows
    }

    #[test]
    fn a_new_database_is_what_all_steps_would_have_made() {
        let stepped = Connection::open_in_memory().unwrap();
        renew(&stepped, 0).unwrap();
        let created = Connection::open_in_memory().unwrap();
        migrate(&created, 0, None).unwrap();
        let everything_created = everything(&created);
        assert!(everything_created.len() > 20);
        assert_eq!(everything_created, everything(&stepped));
        assert_eq!(version(&created), Ok(Found::Version(VERSION)));
    }

    #[test]
    fn an_older_database_waits_for_its_renewal() {
        let connection = Connection::open_in_memory().unwrap();
        let Step::Sql(first) = STEPS[0] else { return };
        connection.execute_batch(first).unwrap();
        assert_eq!(migrate(&connection, 1, None), Err(StoreError::Older));
        assert_eq!(migrate(&connection, 1, Some(Renewal::HERE)), Ok(()));
        assert_eq!(migrate(&connection, VERSION, None), Ok(()));
        // Of an older rule.
        put(&connection, keys::RULES, &(0, 0, 0)).unwrap();
        assert_eq!(migrate(&connection, VERSION, None), Err(StoreError::Older));
    }
}
