//! What can go wrong with a database, and what a person can do about it.

use rusqlite::ErrorCode;
use seedbed_core::messages::{Failure, FailureKind};

/// Result of a store call.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a store call failed. Nothing of the call was kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// There is no room left.
    #[error("the storage is full")]
    Full,
    /// A newer Seedbed wrote this database.
    #[error("format {found} is newer than {known}")]
    NewerFormat {
        /// Version of the database.
        found: u32,
        /// Newest version that we know.
        known: u32,
    },
    /// An older Seedbed wrote this database, and what brings it to this one was not at hand.
    #[error("the format is older")]
    Older,
    /// Nothing can be written to this database.
    #[error("the database can only be read")]
    ReadOnly,
    /// What was asked for is not there; the text names it in plain words.
    #[error("{0} is not there")]
    Missing(String),
    /// What was read can't be understood.
    #[error("unreadable: {0}")]
    Corrupt(String),
    /// Anything else that SQLite or the file system said.
    #[error("{0}")]
    Sql(String),
}

impl StoreError {
    /// The failure as the page shows it.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Full => Failure::new(
                FailureKind::Storage,
                "The browser has no storage space left for this site.",
            )
            .means("Everything saved before is safe; the last step was not saved.")
            .next("Free some disk space or delete projects you do not need, then try again. You can also save the project as a file now."),
            Self::NewerFormat { .. } => Failure::new(
                FailureKind::Invalid,
                "This project was saved by a newer version of Seedbed.",
            )
            .means("It was left as it is.")
            .next("Reload the page to get the newer version."),
            Self::Older => Failure::new(
                FailureKind::Storage,
                "This project was saved by an older version of Seedbed, and the part that reads it could not be loaded.",
            )
            .means("It was left as it is.")
            .next("Check the connection and try again. If it keeps failing, reload the page."),
            Self::ReadOnly => Failure::new(
                FailureKind::Invalid,
                "This project can only be looked at here: a newer version of Seedbed saved it.",
            )
            .means("Nothing was changed.")
            .next("Reload the page to get the newer version, or save the project as a file."),
            Self::Missing(what) => Failure::new(
                FailureKind::NotFound,
                format!("{} is not in this project any more.", capitalised(what)),
            )
            .next("Reload the page to see the present state."),
            Self::Corrupt(detail) => Failure::new(
                FailureKind::Storage,
                "A part of this project can't be read.",
            )
            .means("It was left as it is.")
            .next("Save the project as a file, and open its dataset repo from the Hub if it has one.")
            .detail(detail.clone()),
            Self::Sql(detail) => Failure::new(
                FailureKind::Storage,
                "The browser's storage did not take the change.",
            )
            .means("Everything saved before is safe; the last step was not saved.")
            .next("Try again. If it happens again, reload the page.")
            .detail(detail.clone()),
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.to_string())
            }
            // On OPFS a write beyond the quota is an I/O error of the file system.
            Some(ErrorCode::SystemIoFailure) => {
                let text = error.to_string();
                if text.to_lowercase().contains("quota") || text.contains("full") {
                    Self::Full
                } else {
                    Self::Sql(text)
                }
            }
            _ => Self::Sql(error.to_string()),
        }
    }
}
