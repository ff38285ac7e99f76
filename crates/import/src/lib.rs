//! Tables that people bring: from bytes of any dialect to rows of a project.
//!
//! A [`source::Source`] gives bytes by range: a file that a person chose, a file on the Hub, a buffer in a test. Readers
//! of a format know neither browser nor network: those of texts take what was decoded piece by piece ([`table::Rows`]),
//! that of Parquet says which ranges it needs. Nothing here holds a whole file, except where its layout leaves no choice
//! (JSON by column), and then up to a bound.

pub mod conversation;
pub mod delimited;
pub mod encoding;
pub mod guess;
pub mod json;
pub mod literal;
pub mod marks;
pub mod open;

pub mod parquet;
pub mod places;
pub mod series;
pub mod serve;
pub mod shape;
pub mod source;
pub mod structure;
pub mod table;
pub mod take;
