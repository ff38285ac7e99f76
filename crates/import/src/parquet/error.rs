//! What can go wrong, in words for the person who brought the file.

use crate::source::SourceError;

/// A Parquet file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParquetError {
    /// The bytes could not be got.
    #[error("The file could not be read: {0}. Try again, or choose the file anew.")]
    Source(#[from] SourceError),
    /// Something else under this name.
    #[error(
        "This is not a Parquet file. Look whether it is the right one; CSV, JSON and JSON Lines are read, too."
    )]
    NotParquet,
    /// Its first bytes are those of Parquet, its last ones aren't.
    #[error(
        "This Parquet file is cut off: its end is missing, and with it the list of its columns. Download it again."
    )]
    CutOff,
    /// Encrypted, wholly or in the columns that are wanted.
    #[error(
        "This Parquet file is encrypted and can't be read here. Save it without encryption first."
    )]
    Encrypted,
    /// A codec that isn't read here.
    #[error(
        "The column \"{column}\" is packed with {codec}, which can't be read here. Save the file with Snappy, gzip or \
         Zstandard; for a file on the Hub, take the viewer's copy of the dataset."
    )]
    Codec {
        /// Name of the column.
        column: String,
        /// Name of the codec.
        codec: String,
    },
    /// An encoding of values that isn't read here.
    #[error(
        "The column \"{column}\" is written in an encoding that can't be read here ({encoding}). Leave it out, or save \
         the file anew, e.g. with pandas."
    )]
    Encoding {
        /// Name of the column.
        column: String,
        /// Number or name of the encoding.
        encoding: String,
    },
    /// The file contradicts itself.
    #[error("This Parquet file is damaged ({0}). Download it again, or save it anew.")]
    Broken(String),
    /// Something in it is larger than can be held.
    #[error(
        "{what} is larger than {most} MB, more than can be held here. Save the file with smaller row groups and pages."
    )]
    TooLarge {
        /// What.
        what: String,
        /// The bound in megabytes.
        most: u64,
    },
}

impl ParquetError {
    /// A contradiction, e.g. "a page ends early".
    pub(super) fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }
}

/// A result of this module.
pub(super) type Result<T> = std::result::Result<T, ParquetError>;
