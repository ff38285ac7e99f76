//! What the back end needs of the place it runs in, apart from HTTP: clock, randomness, files, locks, the page.

use futures::future::LocalBoxFuture;
use seedbed_core::import::{Ask, Told};
use seedbed_core::messages::{Event, Failure, Storage};
use seedbed_core::packed::Packed;
use seedbed_core::row::TableRow;
use seedbed_hub::LargeFile;
use seedbed_hub::transport::Source;
use seedbed_store::Store;
use std::rc::Rc;

/// The place the back end runs in: a worker of the browser, or a test.
pub trait Platform {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Fills `bytes` with randomness fit for secrets.
    fn random(&self, bytes: &mut [u8]);
    /// Build id compiled into the worker.
    fn build(&self) -> String;
    /// Tells the page.
    fn emit(&self, event: Event);
    /// Runs `task` on this thread, after what was spawned before.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
    /// Where work is kept.
    fn storage(&self) -> LocalBoxFuture<'static, Storage>;
    /// Asks the browser to keep the storage; says what it answered.
    fn persist(&self) -> LocalBoxFuture<'static, Storage>;
    /// The small files that list projects: `(id, JSON)`. Ids are opaque; one of them is no project's.
    fn list_meta(&self) -> LocalBoxFuture<'static, Vec<(String, String)>>;
    /// Ids of the projects that have files here, listed or not.
    fn stored(&self) -> LocalBoxFuture<'static, Vec<String>>;
    /// Writes one of them.
    fn write_meta(&self, id: String, json: String) -> LocalBoxFuture<'static, Result<(), Failure>>;
    /// Locks and opens a project's database, made new if it is not there. Without `take_over` it fails with
    /// [`FailureKind::Busy`](seedbed_core::messages::FailureKind::Busy) when another tab has it.
    fn open(&self, id: String, take_over: bool) -> LocalBoxFuture<'static, Result<Store, Failure>>;
    /// Closes the database, frees its files and the lock.
    fn release(&self, id: String, store: Store) -> LocalBoxFuture<'static, ()>;
    /// Removes a project's files for good.
    fn remove(&self, id: String) -> LocalBoxFuture<'static, Result<(), Failure>>;
    /// Begins to write a table; in the browser this starts the worker that can.
    fn table(&self) -> LocalBoxFuture<'static, Result<Box<dyn TableJob>, Failure>>;
    /// Begins to read a table that somebody brings; in the browser this starts the worker that can.
    fn read_table(
        &self,
        bytes: TableBytes,
    ) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>>;
}

/// Where the bytes of a table are.
pub enum TableBytes {
    /// A file that the page has handed over under this number.
    File(u32),
    /// Elsewhere, read by range: files of a dataset on the Hub, one after another.
    Remote(Rc<dyn Source>),
}

/// A table being read.
pub trait TableReader {
    /// Asks, one question at a time. `progress` hears how many bytes were looked at while it is opened.
    fn ask(
        &mut self,
        ask: Packed<Ask>,
        progress: Box<dyn Fn(u64)>,
    ) -> LocalBoxFuture<'_, Result<Packed<Told>, Failure>>;
}

/// A table being written.
pub trait TableJob {
    /// Appends rows.
    fn push(&mut self, rows: Vec<TableRow>) -> LocalBoxFuture<'_, Result<(), Failure>>;
    /// The Parquet file, kept outside of the back end's memory where the place can.
    fn finish(self: Box<Self>) -> LocalBoxFuture<'static, Result<LargeFile, Failure>>;
}
