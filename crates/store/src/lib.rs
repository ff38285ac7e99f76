//! One open project in SQLite: seed, instructions, records, the decision log, runs, and what is known of the Hub.
//!
//! One schema, natively in a file and in the browser on OPFS. Every method is one transaction: when it returns, its
//! change is durable. Whatever can be folded from the log (a record's state, its published row) is kept beside the
//! record and renewed in the same transaction, so that windows and counts are index reads.

mod backup;
mod counts;
mod decisions;
mod error;
mod instructions;
mod kept;
pub mod keys;
#[cfg(target_arch = "wasm32")]
pub mod opfs;
mod prompts;
mod records;
mod reread;
mod runs;
mod schema;
mod search;
mod seed;
mod sync;
mod window;

pub use decisions::Origin;

pub use error::{Result, StoreError};
pub use runs::{PlannedItem, RunCounts, StoredRun};
pub use schema::Renewal;
pub use sync::{Part, Problem, PublishedTable};
pub use window::Around;

use crate::schema::Found;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use seedbed_core::messages::ProjectSummary;
use seedbed_core::review::RecordState;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Memory for pages of the database, in SQLite's way of saying KiB: enough for the narrow table of 100,000 records, which a search
/// with a filter walks.
const CACHE: i32 = -32_000;
/// The same while a project is filled: ids fall anywhere into their index, and a page that was written out is soon needed again.
const DRAFT_CACHE: i32 = -48_000;

/// The open database of one project.
pub struct Store {
    connection: Connection,
    is_newer: bool,
}

/// What a merge of instructions did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeCount {
    /// Instructions that were not there.
    pub added: u32,
    /// Instructions whose text or state changed.
    pub changed: u32,
}

impl Store {
    /// Opens the file at `path`, made new if it is not there. In a browser it lies in SQLite's own files in memory, which
    /// are gone with the page; those that stay are opened on OPFS.
    pub fn open_file(path: &Path) -> Result<Self> {
        let store = Self::prepare(Connection::open(path)?, Some(Renewal::HERE))?;
        if store.outlives_backup()? {
            let mut copy = path.as_os_str().to_owned();
            copy.push(backup::SUFFIX);
            // One that can't be removed now is tried again at the next opening.
            if std::fs::remove_file(copy).is_ok() {
                store.forget_backup().ok();
            }
        }
        Ok(store)
    }

    /// A database in memory.
    pub fn open_memory() -> Result<Self> {
        Self::prepare(Connection::open_in_memory()?, None)
    }

    /// Sets the connection up and brings the schema to the present version; that of an older build only with `renewal`.
    pub(crate) fn prepare(connection: Connection, renewal: Option<Renewal>) -> Result<Self> {
        // First of all: even the journal mode is written into the file.
        let found = schema::version(&connection)?;
        connection.set_prepared_statement_cache_capacity(128);
        // Else a plan may follow what is bound, and most of the kept statements are prepared anew at each use.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", CACHE)?;
        let Found::Version(version) = found else {
            connection.pragma_update(None, "query_only", "ON")?;
            return Ok(Self {
                connection,
                is_newer: true,
            });
        };
        // The journal has to work on OPFS access handles too, where there is no shared memory for WAL; TRUNCATE is the
        // cheapest rollback journal, and one that keeps its pool slot. FULL makes a finished call durable: whatever the
        // page hears of is there after a crash.
        connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        schema::migrate(&connection, version, renewal)?;
        Ok(Self {
            connection,
            is_newer: false,
        })
    }

    /// Written by a newer build: it can be read, and every change fails with [`StoreError::ReadOnly`].
    pub fn is_newer(&self) -> bool {
        self.is_newer
    }

    /// Begins a visit: undo walks its acts first. Counts the openings since a migration.
    pub fn begin_visit(&self) -> Result<()> {
        if self.is_newer {
            return Ok(());
        }
        self.write(|tx| {
            let visit: i64 = get(tx, keys::VISIT)?.unwrap_or(0);
            put(tx, keys::VISIT, &(visit + 1))?;
            backup::opened(tx)
        })
    }

    /// Whether the copy of the database from before its migration has had its time: the project was opened twice and
    /// changed once since.
    pub fn outlives_backup(&self) -> Result<bool> {
        if self.is_newer {
            return Ok(false);
        }
        backup::is_over(&self.connection)
    }

    /// The copy was removed.
    pub fn forget_backup(&self) -> Result<()> {
        self.remove(keys::MIGRATED)
    }

    /// Closes the database; its files can then be given to another tab.
    pub fn close(self) -> Result<()> {
        self.connection.close().map_err(|(_, error)| error.into())
    }

    /// Runs `act` as one transaction, or as a part of the one that [`Store::together`] or [`Store::begin_draft`] has begun.
    pub(crate) fn write<T>(&self, act: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.is_writable()?;
        if self.connection.is_autocommit() {
            let transaction =
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            let value = act(&transaction)?;
            transaction.commit()?;
            return Ok(value);
        }
        self.connection.execute_batch("SAVEPOINT part")?;
        let value = act(&self.connection);
        let end = if value.is_ok() {
            "RELEASE part"
        } else {
            "ROLLBACK TO part; RELEASE part"
        };
        match self.connection.execute_batch(end) {
            Ok(()) => value,
            // A full disk has taken back the whole transaction already; what `act` says is the better error.
            Err(error) => value.and(Err(error.into())),
        }
    }

    /// Also a change that would change nothing is refused: whoever asks for one has to know.
    fn is_writable(&self) -> Result<()> {
        if self.is_newer {
            return Err(StoreError::ReadOnly);
        }
        Ok(())
    }

    /// Runs the queries of one call as one transaction: each alone would lock the file, and look for a journal.
    pub(crate) fn read<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let transaction = if self.connection.is_autocommit() {
            Some(Transaction::new_unchecked(
                &self.connection,
                TransactionBehavior::Deferred,
            )?)
        } else {
            None
        };
        let value = act()?;
        if let Some(transaction) = transaction {
            transaction.commit()?;
        }
        Ok(value)
    }

    /// Makes all calls in `act` durable at once, or none of them: each call alone would wait for the disk.
    pub fn together<T>(&self, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.write(|_| act(self))
    }

    /// From now on nothing is durable before [`Self::end_draft`]: of a project that is being filled for the first time,
    /// half is worth nothing, and a database that grows in one transaction is written a third as often.
    pub fn begin_draft(&self) -> Result<()> {
        self.is_writable()?;
        self.connection
            .pragma_update(None, "cache_size", DRAFT_CACHE)?;
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Makes all durable since [`Self::begin_draft`], `last` with it. Fails before `last` if a full disk has taken back what
    /// was there: what came afterwards is only a part.
    pub fn end_draft(&self, last: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        if self.connection.is_autocommit() {
            return Err(StoreError::Full);
        }
        last(self)?;
        self.connection.execute_batch("COMMIT")?;
        Ok(self.connection.pragma_update(None, "cache_size", CACHE)?)
    }

    /// The value kept under `key`. A value of another type counts as none.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        get(&self.connection, key)
    }

    /// Keeps `value` under `key`.
    pub fn put<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        put(&self.connection, key, value)
    }

    /// Forgets what is kept under `key`.
    pub fn remove(&self, key: &str) -> Result<()> {
        self.connection
            .prepare_cached("DELETE FROM kv WHERE key = ?1")?
            .execute([key])?;
        Ok(())
    }

    /// Whether nothing was ever put into it.
    pub fn is_untouched(&self) -> Result<bool> {
        let has_any = self
            .connection
            .prepare_cached(
                "SELECT 1 FROM seed_steps UNION ALL SELECT 1 FROM records UNION ALL SELECT 1 FROM decisions
                 UNION ALL SELECT 1 FROM instruction_acts UNION ALL SELECT 1 FROM drafts
                 UNION ALL SELECT 1 FROM runs LIMIT 1",
            )?
            .exists([])?;
        Ok(!has_any)
    }

    /// Counts of the project for the list of projects; `updated_ms` from the key of that name.
    pub fn summary(&self, id: &str) -> Result<ProjectSummary> {
        self.read(|| {
            // A project whose seed can't be read is listed too.
            let seed = self.seed().unwrap_or_default();
            let prompts = self
                .connection
                .prepare_cached("SELECT count(*) FROM prompts WHERE state = 'kept'")?
                .query_row([], |row| row.get(0))?;
            Ok(ProjectSummary {
                id: id.to_owned(),
                name: seed.domain,
                description: seed.description,
                updated_ms: self.get(keys::UPDATED)?.unwrap_or(0),
                prompts,
                records: counts::of(&self.connection, counts::TOTAL, "")?,
                accepted: counts::of(
                    &self.connection,
                    counts::STATE,
                    RecordState::Accepted.as_str(),
                )?,
                ..ProjectSummary::default()
            })
        })
    }
}

pub(crate) fn get<T: DeserializeOwned>(connection: &Connection, key: &str) -> Result<Option<T>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT value FROM kv WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

pub(crate) fn put<T: Serialize>(connection: &Connection, key: &str, value: &T) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO kv VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key, to_json(value)?])?;
    Ok(())
}

/// A number of someone else as SQLite can hold it.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(crate) fn from_json<T: DeserializeOwned>(json: &str, what: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::messages::RecordFilter;
    use seedbed_core::record::{Fields, Record};

    fn rows(from: u32, to: u32) -> Vec<(Record, Vec<seedbed_core::model::Message>)> {
        let row = |n| Record {
            id: format!("r{n}"),
            fields: Fields::of_pair("", format!("word{n} ").repeat(200)),
            ..Record::default()
        };
        (from..to).map(|n| (row(n), Vec::new())).collect()
    }

    #[test]
    fn a_full_disk_takes_nothing_of_a_call_and_the_next_one_works_when_there_is_room() {
        let store = Store::open_memory().unwrap();
        store.add_records(&rows(0, 10)).unwrap();
        let pages: u32 = store
            .connection
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        let limit = |pages: u32| {
            store
                .connection
                .pragma_update(None, "max_page_count", pages)
                .unwrap();
        };
        limit(pages + 3);
        assert_eq!(store.add_records(&rows(10, 100)), Err(StoreError::Full));
        assert_eq!(store.record_count().unwrap(), 10);
        let search = |word: &str| {
            let filter = RecordFilter {
                search: word.to_owned(),
                ..RecordFilter::default()
            };
            store.list_records(&filter, "ann", 0, 5).unwrap().0
        };
        assert_eq!((search("word3"), search("word50")), (1, 0));
        limit(pages * 100);
        assert_eq!(store.add_records(&rows(10, 100)), Ok(90));
        assert_eq!((search("word3 "), search("word50")), (1, 1));
    }

    #[test]
    fn a_kept_statement_is_prepared_once_whatever_is_bound() {
        let store = Store::open_memory().unwrap();
        store.add_records(&rows(0, 3)).unwrap();
        for sql in [
            "SELECT json FROM records CROSS JOIN texts ON texts.seq = records.seq WHERE id = ?1",
            "SELECT seq FROM records WHERE topic = ?1 ORDER BY seq",
        ] {
            let mut times = 0;
            for value in ["", "r0", "r1", "r2"] {
                let mut statement = store.connection.prepare_cached(sql).unwrap();
                statement.exists([value]).unwrap();
                times += statement.get_status(rusqlite::StatementStatus::RePrepare);
            }
            assert_eq!(times, 0, "{sql}");
        }
    }

    #[test]
    fn the_answer_to_a_request_is_found_by_an_index() {
        let store = Store::open_memory().unwrap();
        let sql = format!("SELECT min(seq) FROM records WHERE {}", records::HAS_KEY);
        let plan: String = store
            .connection
            .query_row(&format!("EXPLAIN QUERY PLAN {sql}"), ["k"], |row| {
                row.get(3)
            })
            .unwrap();
        assert!(
            plan.starts_with("SEARCH records USING INDEX records_by_key"),
            "{plan}"
        );
    }

    #[test]
    fn calls_made_together_are_there_together_or_not_at_all() {
        let store = Store::open_memory().unwrap();
        let stored = store.together(|store| {
            store.add_records(&rows(0, 3))?;
            store.put("a", &1)
        });
        assert_eq!(stored, Ok(()));
        assert_eq!(store.record_count(), Ok(3));
        let failed: Result<()> = store.together(|store| {
            store.add_records(&rows(3, 6))?;
            store.write(|_| Err(StoreError::Missing("x".to_owned())))
        });
        assert!(failed.is_err());
        assert_eq!(store.record_count(), Ok(3));
        // A part that fails takes only itself back, if the whole goes on without it.
        let stored = store.together(|store| {
            let part: Result<()> = store.write(|tx| {
                put(tx, "b", &2)?;
                Err(StoreError::Missing("x".to_owned()))
            });
            assert!(part.is_err());
            store.put("c", &3)
        });
        assert_eq!(stored, Ok(()));
        assert_eq!(store.get::<u32>("b"), Ok(None));
        assert_eq!(store.get::<u32>("c"), Ok(Some(3)));
    }

    #[test]
    fn a_call_that_fails_in_the_middle_leaves_nothing() {
        let store = Store::open_memory().unwrap();
        let failed: Result<()> = store.write(|tx| {
            put(tx, "a", &1)?;
            Err(StoreError::Missing("x".to_owned()))
        });
        assert!(failed.is_err());
        assert_eq!(store.get::<u32>("a").unwrap(), None);
        store.put("a", &2).unwrap();
        assert_eq!(store.get::<String>("a").unwrap(), None, "of another type");
    }

    // Files of a browser live in the worker's OPFS only.
    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn a_draft_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("draft.sqlite");
        let open = || Store::open_file(&file).unwrap();
        let kept = || open().get::<u32>("filled").unwrap();

        let store = open();
        store.begin_draft().unwrap();
        store.put("filled", &1).unwrap();
        // The tab is closed, or killed.
        drop(store);
        assert_eq!(kept(), None);

        let store = open();
        store.begin_draft().unwrap();
        store.together(|store| store.put("filled", &2)).unwrap();
        store.end_draft(|store| store.put("last", &true)).unwrap();
        drop(store);
        assert_eq!(kept(), Some(2));

        // A full disk takes the whole transaction back, in the middle of an import that goes on.
        let store = open();
        store.begin_draft().unwrap();
        store
            .connection
            .pragma_update(None, "max_page_count", 1)
            .unwrap();
        let long = "long ".repeat(1_000_000);
        assert_eq!(store.put("filled", &long), Err(StoreError::Full));
        store.put("filled", &3).ok();
        let mut is_last = false;
        let ended = store.end_draft(|_| {
            is_last = true;
            Ok(())
        });
        assert_eq!((ended, is_last), (Err(StoreError::Full), false));
    }
}
