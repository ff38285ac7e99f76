//! Pieces of a file: fetched ahead, a few at once, and let go when they were read.

use super::error::Result;
use super::plan::{SMALL, length};
use crate::source::{Source, SourceError};
use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

/// Requests at once.
const AT_ONCE: usize = 4;
/// A request that wasn't planned asks for this much at least.
const LEAST: u64 = 64 << 10;

/// A range that is fetched at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Range<u64>,
    /// The row group that needs it.
    pub(super) group: usize,
    /// The leaf that needs it; none for one that several need.
    pub(super) leaf: Option<usize>,
}

/// Who reads: a leaf of a row group.
#[derive(Clone, Copy, Debug)]
pub(super) struct For {
    pub(super) group: usize,
    pub(super) leaf: usize,
    /// End of the range that it may read.
    pub(super) limit: u64,
}

type Answer = (Piece, std::result::Result<Vec<u8>, SourceError>);

/// Fetches pieces and holds them.
pub(super) struct Fetcher {
    source: Rc<dyn Source>,
    planned: VecDeque<Piece>,
    flying: FuturesUnordered<LocalBoxFuture<'static, Answer>>,
    asked: Vec<Range<u64>>,
    held: BTreeMap<u64, (Piece, Vec<u8>)>,
}

impl Fetcher {
    /// Fetches these pieces in their order, whatever is needed first before them.
    pub(super) fn new(source: Rc<dyn Source>, planned: VecDeque<Piece>) -> Self {
        Self {
            source,
            planned,
            flying: FuturesUnordered::new(),
            asked: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    /// The bytes of `range`.
    pub(super) async fn bytes(&mut self, range: Range<u64>, by: For) -> Result<Vec<u8>> {
        while let Some(at) = self.missing(&range) {
            if !self.asked.iter().any(|asked| asked.contains(&at)) {
                let piece = self.piece(at, &range, by);
                self.ask(piece);
            }
            self.ahead();
            if let Some((piece, answer)) = self.flying.next().await {
                self.asked.retain(|asked| *asked != piece.range);
                let bytes = answer?;
                if bytes.len() as u64 != length(&piece.range) {
                    return Err(
                        SourceError("fewer bytes came than were asked for".to_owned()).into(),
                    );
                }
                self.held.insert(piece.range.start, (piece, bytes));
            }
        }
        self.ahead();
        Ok(self.copy(&range))
    }

    /// Lets go of what the leaf has read: all before `at`.
    pub(super) fn release(&mut self, by: For, at: u64) {
        let read = |piece: &Piece| {
            piece.group == by.group && piece.leaf == Some(by.leaf) && piece.range.end <= at
        };
        self.held.retain(|_, (piece, _)| !read(piece));
    }

    /// Lets go of what a row group needed.
    pub(super) fn release_group(&mut self, group: usize) {
        self.held.retain(|_, (piece, _)| piece.group > group);
        self.planned.retain(|piece| piece.group > group);
    }

    fn covering(&self, at: u64) -> Option<&(Piece, Vec<u8>)> {
        let (_, held) = self.held.range(..=at).next_back()?;
        held.0.range.contains(&at).then_some(held)
    }

    /// The first byte that isn't held.
    fn missing(&self, range: &Range<u64>) -> Option<u64> {
        let mut at = range.start;
        while at < range.end {
            match self.covering(at) {
                Some((piece, _)) => at = piece.range.end,
                None => return Some(at),
            }
        }
        None
    }

    /// The piece that holds the byte at `at`: a planned one, or one made for it.
    fn piece(&mut self, at: u64, range: &Range<u64>, by: For) -> Piece {
        let planned = self
            .planned
            .iter()
            .position(|piece| piece.range.contains(&at));
        if let Some(piece) = planned.and_then(|place| self.planned.remove(place)) {
            return piece;
        }
        let end = at.saturating_add(LEAST).min(by.limit).max(range.end);
        Piece {
            range: at..end,
            group: by.group,
            leaf: Some(by.leaf),
        }
    }

    fn ask(&mut self, piece: Piece) {
        let answer = self.source.read(piece.range.clone());
        self.asked.push(piece.range.clone());
        self.flying
            .push(Box::pin(async move { (piece, answer.await) }));
    }

    /// Asks for what comes next, up to a bound.
    fn ahead(&mut self) {
        let held = self.held.values().map(|(piece, _)| length(&piece.range));
        let mut weight = held.sum::<u64>() + self.asked.iter().map(length).sum::<u64>();
        while self.flying.len() < AT_ONCE
            && let Some(piece) = self
                .planned
                .pop_front_if(|piece| weight + length(&piece.range) <= SMALL)
        {
            weight += length(&piece.range);
            self.ask(piece);
        }
    }

    fn copy(&self, range: &Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at = range.start;
        while let Some((piece, held)) = self.covering(at).filter(|_| at < range.end) {
            let end = piece.range.end.min(range.end);
            let (from, to) = (
                (at - piece.range.start) as usize,
                (end - piece.range.start) as usize,
            );
            bytes.extend_from_slice(held.get(from..to).unwrap_or_default());
            at = end;
        }
        bytes
    }
}
