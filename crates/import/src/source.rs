//! Where bytes come from.

use futures::future::LocalBoxFuture;
use std::ops::Range;
use std::rc::Rc;

/// Bytes that can be read by range.
pub trait Source {
    /// How many there are.
    fn size(&self) -> u64;
    /// The bytes of `range`, all of them.
    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>>;
}

/// Bytes could not be read: the file was moved, the network failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Bytes at hand.
impl Source for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        let piece = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok())
            .and_then(|(from, to)| self.get(from..to))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| SourceError(format!("there are no bytes {range:?}")));
        Box::pin(std::future::ready(piece))
    }
}

/// A part of a source: one of several files that lie in it one after another.
pub struct Slice {
    source: Rc<dyn Source>,
    from: u64,
    size: u64,
}

impl Slice {
    /// `size` bytes of `source` from `from` on.
    pub fn new(source: Rc<dyn Source>, from: u64, size: u64) -> Self {
        Self { source, from, size }
    }
}

impl Source for Slice {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        if range.start > range.end || range.end > self.size {
            let none = SourceError(format!("there are no bytes {range:?}"));
            return Box::pin(std::future::ready(Err(none)));
        }
        self.source
            .read(self.from + range.start..self.from + range.end)
    }
}
