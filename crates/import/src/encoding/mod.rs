//! Bytes of a text file in whatever code page, to letters.
//!
//! A [`Scan`] is fed with the whole file first and says what it is ([`Found`]); a [`Decoder`] then gives its text. What
//! cannot be decoded and what was damaged before is counted with its lines, so that nobody stores it unknowing; text that
//! was decoded wrongly once before ("Ã¼") is found by a [`Damage`] and mended by the [`Mender`] it gives.

mod binary;
mod decoder;
mod guess;
mod mend;
mod pages;
mod scan;
mod utf8;

pub use binary::Foreign;
pub use decoder::{Decoder, Losses};
pub use mend::{Damage, Mender, Mistake, Verdict, mend};
pub use pages::Encoding;
pub use scan::{Certainty, Found, Preview, Refusal, Scan, TextFile};
