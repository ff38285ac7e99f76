//! Files that are too large for this program's memory.

use super::{SAMPLE_BYTES, blob_hash};
use crate::error::HubError;
use crate::transport::{Body, Source, TransportError};
use seedbed_core::id::{hex, sha256_hex};
use sha1::Digest as _;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

/// Bytes that are read of a file at once where it has to be looked at.
const PIECE_BYTES: u64 = 1 << 20;

/// A file that is kept outside of this program's memory, with what the Hub asks of it before it is sent.
#[derive(Clone)]
pub struct LargeFile {
    /// Its bytes.
    pub source: Rc<dyn Source>,
    /// Their SHA-256.
    pub sha256: String,
    /// The first [`LargeFile::SAMPLE_BYTES`] of them, or all if it is shorter.
    pub sample: Vec<u8>,
}

impl LargeFile {
    /// First bytes of a file that the Hub looks at to choose its way.
    pub const SAMPLE_BYTES: usize = SAMPLE_BYTES;

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// All of it in memory.
    pub(super) async fn read(&self, what: &str) -> Result<Vec<u8>, HubError> {
        self.source
            .read(0..self.size())
            .await
            .map_err(|error| HubError::network(what, &error))
    }

    /// A range of it to send.
    pub(super) fn range(&self, range: Range<u64>) -> Body {
        Body::Range(Rc::clone(&self.source), range)
    }

    /// Git's id of it, as of a file that is not in LFS storage.
    pub(super) async fn git_blob_oid(&self) -> Result<String, TransportError> {
        let mut hash = blob_hash(self.size());
        let mut at = 0;
        while at < self.size() {
            let end = self.size().min(at + PIECE_BYTES);
            hash.update(self.source.read(at..end).await?);
            at = end;
        }
        Ok(hex(&hash.finalize()))
    }
}

/// What is in memory already, for where it is small or nothing else is at hand.
impl From<Vec<u8>> for LargeFile {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            sha256: sha256_hex(&bytes),
            sample: bytes[..bytes.len().min(SAMPLE_BYTES)].to_vec(),
            source: Rc::new(bytes),
        }
    }
}

/// The content decides, wherever it is kept.
impl PartialEq for LargeFile {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Eq for LargeFile {}

impl fmt::Debug for LargeFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LargeFile")
            .field("size", &self.size())
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}
