//! Names of the single values that a project keeps (table `kv`). Keys with a colon are those of [`crate::Store::keep_lines`].

/// The step of the seed's history that counts.
pub const SEED_STEP: &str = "seed_step";
/// Largest clock of the acts made in this browser.
pub const CLOCK: &str = "clock";
/// How often the project was opened here: names a visit.
pub const VISIT: &str = "visit";
/// Milliseconds since 1970 of the last change.
pub const UPDATED: &str = "updated_ms";
/// Versions of the rules that derived data was made by.
pub const RULES: &str = "rules";
/// Identities of this browser.
pub const OWN_WRITERS: &str = "own_writers";
/// What became of the copy of the database before its migration.
pub const MIGRATED: &str = "migrated";
/// Oldest build's schema version that can read this database.
pub const READABLE_BY: &str = "readable_by";
/// Highest `seq` of decisions and records that a saved file holds.
pub const FILED: &str = "filed";
/// Head of `main` that was read last.
pub const HEAD: &str = "head";
/// Hash of the seed that stood on the Hub when it was read or written last.
pub const HUB_SEED: &str = "hub_seed_hash";
/// Lines of the list of the table's rows that say more than this build understands, by record id.
pub const ROW_LINES: &str = "row_lines";
/// What the repo's project file says of the table ([`crate::PublishedTable`]).
pub const TABLE: &str = "table";
