//! Files of a repo that are read by range, and not as a whole.
//!
//! A range is asked for by `bytes=a-b` only: any other form, and any other header, makes a browser ask the storage for
//! leave first, which it does not give. What comes is checked: a server that ignores the range would send everything.

use super::HubClient;
use crate::error::{HubError, HubErrorKind};
use crate::http::{Line, path, segment};
use crate::transport::{HttpResponse, Method, Source, TransportError};
use futures::future::LocalBoxFuture;
use std::cell::{RefCell, RefMut};
use std::ops::Range;
use std::rc::Rc;

/// A file of at most so many bytes may come whole where a part was asked for.
const WHOLE: u64 = 16 << 20;
/// Bytes of the beginning that are kept: whoever opens a table reads them several times.
const HEAD: u64 = 4 << 20;
/// Bytes that are asked for at once, at most, where one range follows on another.
const AHEAD: u64 = 8 << 20;
/// Tries of a request.
const TRIES: u32 = 4;
/// Longest wait between two tries, in milliseconds; a longer one is left to the person.
const LONGEST_MS: u64 = 60_000;

/// What was read of a file.
#[derive(Default)]
struct Kept {
    /// From the first byte on.
    head: Vec<u8>,
    /// What was read last, and where it begins.
    last: (u64, Vec<u8>),
    /// Bytes to ask for where the next range follows on the last.
    ahead: u64,
}

impl Kept {
    /// The bytes of a range, if all of them are here.
    fn get(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        let cut = |from: u64, bytes: &[u8]| {
            let start = usize::try_from(range.start.checked_sub(from)?).ok()?;
            let end = usize::try_from(range.end - from).ok()?;
            bytes.get(start..end).map(<[u8]>::to_vec)
        };
        cut(0, &self.head).or_else(|| cut(self.last.0, &self.last.1))
    }

    /// What is asked for so that `range` is here, of a file that is read from the beginning on.
    fn wanted(&mut self, range: &Range<u64>, size: u64) -> Range<u64> {
        let (from, bytes) = (self.last.0, self.last.1.len() as u64);
        let length = range.end - range.start;
        let follows = bytes > 0 && (from..=from + bytes).contains(&range.start);
        self.ahead = if follows {
            (2 * self.ahead.max(length)).min(AHEAD)
        } else {
            0
        };
        range.start..range.end.max(range.start + self.ahead).min(size)
    }

    fn keep(&mut self, from: u64, bytes: Vec<u8>) {
        if from <= self.head.len() as u64 && from < HEAD {
            let known = (self.head.len() as u64 - from) as usize;
            let room = (HEAD - self.head.len() as u64) as usize;
            let new = bytes.get(known..).unwrap_or_default();
            self.head.extend(new.iter().take(room));
        }
        self.last = (from, bytes);
    }
}

/// What was read of one of several files: the one that was read last.
#[derive(Default)]
struct Shelf {
    file: usize,
    kept: Kept,
}

struct Shared {
    line: Line,
    url: String,
    what: String,
    size: u64,
    /// Its readers go from the beginning on, and not from place to place.
    is_in_order: bool,
    /// Which of the files on the shelf it is.
    place: usize,
    shelf: Rc<RefCell<Shelf>>,
    fetched: RefCell<u64>,
    failure: RefCell<Option<HubError>>,
}

/// A file of a dataset repo at a commit. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct HubFile(Rc<Shared>);

impl HubClient {
    /// A file of `size` bytes, as the tree of the commit says.
    pub fn file(&self, repo: &str, commit: &str, file: &str, size: u64) -> HubFile {
        self.on_shelf(repo, commit, (file, size), 0, &Rc::default())
    }

    /// Several files with their sizes. What is kept of them in memory is no more than of one, so they are best read one
    /// after another.
    pub fn files(&self, repo: &str, commit: &str, files: &[(&str, u64)]) -> Vec<HubFile> {
        let shelf = Rc::default();
        let files = files.iter().enumerate();
        files
            .map(|(place, file)| self.on_shelf(repo, commit, *file, place, &shelf))
            .collect()
    }

    fn on_shelf(
        &self,
        repo: &str,
        commit: &str,
        (file, size): (&str, u64),
        place: usize,
        shelf: &Rc<RefCell<Shelf>>,
    ) -> HubFile {
        HubFile(Rc::new(Shared {
            line: self.line.clone(),
            url: self.line.url(&format!(
                "/datasets/{}/resolve/{}/{}",
                path(repo),
                segment(commit),
                path(file)
            )),
            what: format!("reading {file} of {repo}"),
            size,
            is_in_order: !file.to_ascii_lowercase().ends_with(".parquet"),
            place,
            shelf: Rc::clone(shelf),
            fetched: RefCell::default(),
            failure: RefCell::default(),
        }))
    }
}

/// First byte, last byte and size in `Content-Range`.
fn content_range(response: &HttpResponse) -> Option<(u64, u64, Option<u64>)> {
    let (_, value) = response
        .headers
        .iter()
        .find(|(name, _)| name == "content-range")?;
    let (range, size) = value.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, size.parse().ok()))
}

impl Shared {
    /// What was read of this file.
    fn kept(&self) -> RefMut<'_, Kept> {
        let mut shelf = self.shelf.borrow_mut();
        if shelf.file != self.place {
            *shelf = Shelf {
                file: self.place,
                ..Shelf::default()
            };
        }
        RefMut::map(shelf, |shelf| &mut shelf.kept)
    }

    fn refused(&self, why: impl Into<String>) -> HubError {
        HubError {
            kind: HubErrorKind::Malformed,
            ..HubError::malformed(&self.what, why.into())
        }
    }

    /// Asks once.
    async fn once(&self, range: &Range<u64>) -> Result<(u64, Vec<u8>), HubError> {
        let what = &self.what;
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let headers = [("Range", header.as_str())];
        let mut response = self
            .line
            .begin(what, Method::Get, &self.url, &headers, Vec::new())
            .await?;
        let (from, to) = match response.status {
            206 => {
                // Storage that does not let a page see the header has sent what was asked for, or another number of bytes.
                if let Some((first, last, size)) = content_range(&response) {
                    if size.is_some_and(|size| size != self.size) {
                        return Err(self.refused(format!(
                            "the Hub's list says {} bytes, its storage {}",
                            self.size,
                            size.unwrap_or_default()
                        )));
                    }
                    if first != range.start || last.checked_add(1) != Some(range.end) {
                        return Err(self.refused(format!(
                            "asked for {header}, and bytes {first}-{last} came"
                        )));
                    }
                }
                (range.start, range.end)
            }
            200 if self.size <= WHOLE => (0, self.size),
            status => {
                return Err(self.refused(format!(
                    "asked for a part of {} bytes, and the answer is the whole file (HTTP {status})",
                    self.size
                )));
            }
        };
        let length = (to - from) as usize;
        let bytes = self.line.rest(what, &mut response, length).await?;
        if bytes.len() != length {
            // A connection that ends early looks like that, too.
            return Err(HubError {
                kind: HubErrorKind::Network,
                ..HubError::malformed(
                    what,
                    format!("{length} bytes were announced, and {} came", bytes.len()),
                )
            });
        }
        *self.fetched.borrow_mut() += bytes.len() as u64;
        Ok((from, bytes))
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Vec<u8>, HubError> {
        if range.end > self.size || range.start > range.end {
            return Err(self.refused(format!("there are no bytes {range:?}")));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(bytes) = self.kept().get(&range) {
            return Ok(bytes);
        }
        let wanted = if self.is_in_order {
            self.kept().wanted(&range, self.size)
        } else {
            range.clone()
        };
        let mut tries = 0;
        let (from, bytes) = loop {
            tries += 1;
            let error = match self.once(&wanted).await {
                Ok(read) => break read,
                Err(error) => error,
            };
            // Reading twice does no harm.
            let may_pass = error.is_unknown() || error.kind == HubErrorKind::RateLimited;
            let ms = error.wait_ms.unwrap_or(500 << tries);
            if !may_pass || tries >= TRIES || ms > LONGEST_MS {
                return Err(error);
            }
            self.line.transport.sleep(ms).await;
        };
        let start = (range.start - from) as usize;
        let end = (range.end - from) as usize;
        let asked = bytes.get(start..end).map(<[u8]>::to_vec);
        if self.is_in_order || from == 0 {
            self.kept().keep(from, bytes);
        }
        asked.ok_or_else(|| self.refused("fewer bytes came than were asked for"))
    }
}

impl HubFile {
    /// Why bytes could not be read the last time that they could not; told once.
    pub fn take_failure(&self) -> Option<HubError> {
        self.0.failure.borrow_mut().take()
    }

    /// Bytes that came over the line so far.
    pub fn fetched(&self) -> u64 {
        *self.0.fetched.borrow()
    }
}

impl Source for HubFile {
    fn size(&self) -> u64 {
        self.0.size
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        let shared = Rc::clone(&self.0);
        Box::pin(async move {
            let read = shared.fetch(range).await;
            read.map_err(|error| {
                let told = TransportError::Network(error.to_string());
                *shared.failure.borrow_mut() = Some(error);
                told
            })
        })
    }
}

/// Several sources as one, one after another.
pub struct Joined(Vec<Rc<dyn Source>>);

impl Joined {
    /// All of them in this order.
    pub fn new(sources: Vec<Rc<dyn Source>>) -> Self {
        Self(sources)
    }
}

impl Source for Joined {
    fn size(&self) -> u64 {
        self.0.iter().map(|source| source.size()).sum()
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        let mut from = 0;
        let mut parts = Vec::new();
        for source in &self.0 {
            let size = source.size();
            let start = range.start.clamp(from, from + size) - from;
            let end = range.end.clamp(from, from + size) - from;
            if start < end {
                parts.push(source.read(start..end));
            }
            from += size;
        }
        let is_beyond = range.end > from;
        Box::pin(async move {
            if is_beyond {
                return Err(TransportError::Network("a range beyond the end".to_owned()));
            }
            let mut bytes = Vec::new();
            for part in parts {
                let mut read = part.await?;
                if bytes.is_empty() {
                    bytes = read;
                } else {
                    bytes.append(&mut read);
                }
            }
            Ok(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_not_asked_for_again_and_a_reader_in_a_row_gets_more_at_once() {
        let mut kept = Kept::default();
        assert_eq!(kept.wanted(&(0..10), 1000), 0..10);
        kept.keep(0, (0..10).collect());
        assert_eq!(kept.get(&(2..5)), Some(vec![2, 3, 4]));
        assert_eq!(kept.get(&(2..11)), None);
        assert_eq!(kept.wanted(&(10..20), 1000), 10..30);
        kept.keep(10, (10..30).collect());
        assert_eq!(kept.wanted(&(30..40), 1000), 30..70);
        // The beginning is kept when something else was read.
        kept.keep(900, vec![0; 10]);
        assert_eq!(kept.get(&(9..12)), Some(vec![9, 10, 11]));
        assert_eq!(kept.wanted(&(500..510), 1000), 500..510);
        assert_eq!(kept.wanted(&(910..995), 1000), 910..1000);
    }

    #[test]
    fn several_sources_read_as_one() {
        let of = |bytes: &[u8]| -> Rc<dyn Source> { Rc::new(bytes.to_vec()) };
        let joined = Joined::new(vec![of(b"abc"), of(b""), of(b"defg")]);
        assert_eq!(joined.size(), 7);
        let read = |range| futures::executor::block_on(joined.read(range));
        assert_eq!(read(0..7), Ok(b"abcdefg".to_vec()));
        assert_eq!(read(2..4), Ok(b"cd".to_vec()));
        assert_eq!(read(3..3), Ok(Vec::new()));
        assert_eq!(read(6..7), Ok(b"g".to_vec()));
        assert!(read(6..8).is_err());
    }
}
