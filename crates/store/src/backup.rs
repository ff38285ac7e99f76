//! The copy of a database from before its migration. It is kept until the project has been opened twice and changed once
//! since, so that a fault of a migration is noticed while there is a way back.

use crate::error::Result;
use crate::{get, keys, put};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// What the copy's name ends in.
pub(crate) const SUFFIX: &str = ".before-format-2";

/// What has happened since the migration.
#[derive(Default, Serialize, Deserialize)]
struct Since {
    opened: u32,
    /// When the project had been changed last at the migration.
    updated_ms: Option<u64>,
}

/// Copies the database beside itself. A database in memory has nothing to go back to.
pub(crate) fn make(connection: &Connection) -> Result<()> {
    let Some(path) = connection.path().filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let copy = format!("{path}{SUFFIX}");
    // VACUUM INTO wants a file that is not there; an attempt that was cut off left one. In the browser whoever opens
    // the pool has removed it.
    #[cfg(not(target_arch = "wasm32"))]
    std::fs::remove_file(&copy).ok();
    connection.execute("VACUUM INTO ?1", [&copy])?;
    Ok(())
}

/// The migration is done: a part of it, so that no copy is forgotten when what follows fails.
pub(crate) fn made(connection: &Connection) -> Result<()> {
    let since = Since {
        opened: 0,
        updated_ms: get(connection, keys::UPDATED)?,
    };
    put(connection, keys::MIGRATED, &since)
}

/// The project was opened.
pub(crate) fn opened(connection: &Connection) -> Result<()> {
    if let Some(mut since) = get::<Since>(connection, keys::MIGRATED)? {
        since.opened += 1;
        put(connection, keys::MIGRATED, &since)?;
    }
    Ok(())
}

/// Whether the copy has had its time.
pub(crate) fn is_over(connection: &Connection) -> Result<bool> {
    let Some(since) = get::<Since>(connection, keys::MIGRATED)? else {
        return Ok(false);
    };
    Ok(since.opened >= 2 && get::<u64>(connection, keys::UPDATED)? != since.updated_ms)
}
