//! What a file is, by all of its bytes.

use super::binary::{self, Foreign};
use super::guess;
use super::pages::Encoding;
use super::utf8::{Utf8, Utf8Verdict};
use crate::places::LineCount;
use std::fmt;

/// First and last bytes that are kept.
const ENDS: usize = 64 << 10;
/// Lines beyond ASCII that are kept to guess by, in bytes all together.
const SAMPLE: usize = 1 << 20;
/// What is kept of one line.
const LINE: usize = 64 << 10;
/// Lines in a preview.
const PREVIEW: usize = 6;

/// Reads over all bytes of a file once, in pieces cut anywhere, before they are decoded.
#[derive(Default)]
pub struct Scan {
    hint: Option<String>,
    size: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    /// NULs by place in groups of four.
    nuls: [u64; 4],
    first_nul: Option<u64>,
    utf8: Utf8,
    lines: LineCount,
    /// Of the line that is being read, if it isn't too long already.
    line: Vec<u8>,
    sample: Vec<(u64, Vec<u8>)>,
    sampled: usize,
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A text.
    Text(TextFile),
    /// A table of Parquet, which has a reader of its own.
    Parquet,
    /// Nothing that can be read.
    Refused(Refusal),
}

/// How a text is written.
#[derive(Clone, Debug, PartialEq)]
pub struct TextFile {
    /// The encoding to read it with, unless a person chooses another.
    pub encoding: Encoding,
    /// Whether a person should look at the preview.
    pub certainty: Certainty,
    /// Others in which the text can be read, the likely ones first. None when it is certain.
    pub alternatives: Vec<Encoding>,
    /// Lines with bytes beyond ASCII (for UTF-16 the beginning of the file), as they stand.
    sample: Vec<(u64, Vec<u8>)>,
}

/// How sure an encoding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Certainty {
    /// A byte order mark says so, or all of the file is UTF-8.
    Certain,
    /// The most likely one.
    Guess,
}

/// A line, decoded in one of the encodings that come into question.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Preview {
    /// Its number, from 1.
    pub line: u64,
    /// The part of it around its first letter beyond ASCII.
    pub text: String,
}

/// Why a file can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Nothing in it.
    Empty,
    /// A known kind of file that is no text.
    Foreign(Foreign),
    /// UTF-32, which nobody's table should be in.
    Utf32,
    /// Bytes that no text holds.
    NotText {
        /// The line with the first of them, from 1.
        line: u64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("The file is empty, so nothing was taken. Choose another file."),
            Self::Foreign(kind) => kind.fmt(f),
            Self::Utf32 => f.write_str(
                "The file is a text in UTF-32, which can't be read here. Nothing was taken. Save it as UTF-8, and choose that file.",
            ),
            Self::NotText { line } => write!(
                f,
                "The file is no text: line {line} holds bytes that stand for no letter. Nothing was taken. Export the table as CSV, JSON lines or Parquet, and choose that file."
            ),
        }
    }
}

impl Scan {
    /// A scan that has seen nothing yet. `language` is the user's, as browsers name it (`de`, `zh-TW`): it decides where
    /// the bytes alone do not.
    pub fn new(language: Option<&str>) -> Self {
        Self {
            hint: language.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = ENDS.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        if self.head.starts_with(b"PK") {
            self.keep_tail(bytes);
        }
        if bytes.contains(&0) {
            self.count_nuls(bytes);
        }
        self.utf8.push(bytes);
        self.read_lines(bytes);
        self.size += bytes.len() as u64;
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(ENDS);
        self.tail.extend_from_slice(&bytes[from..]);
        let surplus = self.tail.len().saturating_sub(ENDS);
        self.tail.drain(..surplus);
    }

    fn count_nuls(&mut self, bytes: &[u8]) {
        let mut lines = self.lines.clone();
        for (place, byte) in (self.size..).zip(bytes) {
            if *byte == 0 {
                self.nuls[(place % 4) as usize] += 1;
                self.first_nul.get_or_insert(lines.line);
            }
            lines.pass(*byte);
        }
    }

    fn read_lines(&mut self, bytes: &[u8]) {
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let number = self.lines.line;
            if self.lines.pass(*byte) {
                self.finish_line(number, &bytes[start..at]);
                start = at + 1;
            } else if *byte == b'\n' {
                // The second half of a line end.
                start = at + 1;
            }
        }
        self.keep(self.lines.line, &bytes[start..]);
    }

    /// Keeps a part of a line; what gets too long is looked at in pieces.
    fn keep(&mut self, number: u64, mut part: &[u8]) {
        while !part.is_empty() {
            let room = (LINE - self.line.len()).min(part.len());
            self.line.extend_from_slice(&part[..room]);
            part = &part[room..];
            if self.line.len() == LINE {
                // No letter of several bytes may be cut: none has a byte below 0x30 behind its first.
                let whole = self.line.iter().rposition(|byte| *byte < 0x30).unwrap_or(0);
                let rest = self.line.split_off(if whole > 0 { whole } else { LINE });
                let piece = std::mem::replace(&mut self.line, rest);
                self.take_sample(number, piece);
            }
        }
    }

    fn finish_line(&mut self, number: u64, end: &[u8]) {
        if self.line.is_empty() && !tells(end) {
            return;
        }
        self.keep(number, end);
        let line = std::mem::take(&mut self.line);
        self.take_sample(number, line);
    }

    /// Takes a line into the sample if it says something about the encoding.
    fn take_sample(&mut self, number: u64, line: Vec<u8>) {
        if self.sampled < SAMPLE && tells(&line) {
            self.sampled += line.len();
            self.sample.push((number, line));
        }
    }

    /// Says what the bytes are.
    pub fn finish(mut self) -> Found {
        self.finish_line(self.lines.line, b"");
        if self.size == 0 {
            return Found::Refused(Refusal::Empty);
        }
        if self.head.starts_with(b"\xff\xfe\0\0") || self.head.starts_with(b"\0\0\xfe\xff") {
            return Found::Refused(Refusal::Utf32);
        }
        for encoding in [Encoding::UTF_16LE, Encoding::UTF_16BE] {
            if self.head.starts_with(encoding.mark()) {
                return self.utf16(encoding, Certainty::Certain);
            }
        }
        if binary::is_parquet(&self.head) && self.utf8.has_faults_or(self.first_nul.is_some()) {
            return Found::Parquet;
        }
        if let Some(kind) = binary::foreign(&self.head, &self.tail) {
            return Found::Refused(Refusal::Foreign(kind));
        }
        if let Some(line) = self.first_nul {
            return self.with_nuls(line);
        }
        if let Some(line) = self.controls() {
            return Found::Refused(Refusal::NotText { line });
        }
        self.text()
    }

    /// A text without byte order mark whose NULs all stand at even or all at odd places is UTF-16.
    fn with_nuls(self, line: u64) -> Found {
        let [a, b, c, d] = self.nuls;
        let refused = Found::Refused(Refusal::NotText { line });
        let (even, odd) = (a + c, b + d);
        let units = self.size / 2;
        // Of ordinary text in UTF-32 more than half of all bytes are NUL.
        if even + odd > units && self.size.is_multiple_of(4) {
            return Found::Refused(Refusal::Utf32);
        }
        let (encoding, nuls, others) = if odd > even {
            (Encoding::UTF_16LE, odd, even)
        } else {
            (Encoding::UTF_16BE, even, odd)
        };
        if others * 3 > nuls || nuls * 100 < units || !self.size.is_multiple_of(2) {
            return refused;
        }
        let whole = self.head.len() & !1;
        let (text, good) = encoding.decode(&self.head[..whole]);
        // A pair of surrogates may be cut at the end of what was kept.
        let good = good || text.trim_end_matches('\u{fffd}').len() + 3 >= text.len();
        if !good
            || text.chars().any(is_no_text)
            || text.trim_end_matches('\u{fffd}').contains('\u{fffd}')
        {
            return refused;
        }
        self.utf16(encoding, Certainty::Guess)
    }

    fn utf16(self, encoding: Encoding, certainty: Certainty) -> Found {
        Found::Text(TextFile {
            encoding,
            certainty,
            alternatives: match certainty {
                Certainty::Certain => Vec::new(),
                Certainty::Guess => [Encoding::UTF_16LE, Encoding::UTF_16BE]
                    .into_iter()
                    .filter(|other| *other != encoding)
                    .collect(),
            },
            sample: vec![(1, self.head)],
        })
    }

    /// The line of the first control character, if there are more than a text has.
    fn controls(&self) -> Option<u64> {
        let mut lines = LineCount::default();
        let mut first = None;
        let mut count = 0;
        for byte in &self.head {
            // Of Hive (1), of the ends of old files (26), of ISO 2022 (14, 15, 27), separators (28–31).
            if matches!(byte, 0x02..=0x08 | 0x10..=0x19 | 0x7f) {
                count += 1;
                first.get_or_insert(lines.line);
            }
            lines.pass(*byte);
        }
        first.filter(|_| count * 100 > self.head.len())
    }

    fn text(self) -> Found {
        let marked = self.head.starts_with(Encoding::UTF_8.mark());
        let escapes = self.sample.iter().any(|(_, line)| line.contains(&0x1b));
        let utf8 = match self.utf8.verdict() {
            // With a mark, bytes that are not UTF-8 are damage.
            _ if marked => Some(Certainty::Certain),
            Utf8Verdict::Ascii if escapes => None,
            Utf8Verdict::Ascii | Utf8Verdict::Valid => Some(Certainty::Certain),
            Utf8Verdict::Nearly => Some(Certainty::Guess),
            Utf8Verdict::No => None,
        };
        let guessed = guess::ranked(&self.sample, self.hint.as_deref());
        let (encoding, certainty) = match (utf8, guessed.first()) {
            (Some(certainty), _) => (Encoding::UTF_8, certainty),
            (None, Some(best)) if *best == Encoding::UTF_8 => (*best, Certainty::Certain),
            (None, Some(best)) => (*best, Certainty::Guess),
            (None, None) => (Encoding::WINDOWS_1252, Certainty::Guess),
        };
        let alternatives = match certainty {
            Certainty::Certain => Vec::new(),
            Certainty::Guess => guessed
                .into_iter()
                .filter(|other| *other != encoding)
                .collect(),
        };
        Found::Text(TextFile {
            encoding,
            certainty,
            alternatives,
            sample: self.sample.into_iter().take(PREVIEW).collect(),
        })
    }
}

/// Bytes beyond ASCII, or an escape sequence.
fn tells(part: &[u8]) -> bool {
    !part.is_ascii() || part.contains(&0x1b)
}

/// A character that stands in no text.
fn is_no_text(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1a}' | '\u{80}'..='\u{84}' | '\u{fffe}' | '\u{ffff}')
}

impl TextFile {
    /// The first lines with letters beyond ASCII, as they read in `encoding`.
    pub fn preview(&self, encoding: Encoding) -> Vec<Preview> {
        if self.encoding.is_utf16() {
            return self.preview_of_head(encoding);
        }
        self.sample
            .iter()
            .map(|(line, bytes)| Preview {
                line: *line,
                text: around(encoding.decode(bytes).0.trim_start_matches('\u{feff}')),
            })
            .collect()
    }

    /// Lines of UTF-16 can't be told by bytes.
    fn preview_of_head(&self, encoding: Encoding) -> Vec<Preview> {
        let head = self.sample.first().map_or(&[][..], |(_, head)| head);
        let (text, _) = encoding.decode(&head[..head.len() & !1]);
        let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
        lines
            .filter(|(_, line)| !line.is_ascii())
            .take(PREVIEW)
            .map(|(line, text)| Preview {
                line,
                text: around(text),
            })
            .collect()
    }
}

/// A part of a line that shows its first letters beyond ASCII.
fn around(line: &str) -> String {
    const BEFORE: usize = 60;
    const SHOWN: usize = 160;
    let first = line.chars().position(|c| !c.is_ascii()).unwrap_or(0);
    let from = first.saturating_sub(BEFORE);
    let mut part: String = if from > 0 {
        "…".into()
    } else {
        String::new()
    };
    part.extend(
        line.chars()
            .skip(from)
            .take(SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c }),
    );
    if line.chars().count() > from + SHOWN {
        part.push('…');
    }
    part
}
