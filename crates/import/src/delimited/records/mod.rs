//! Text that comes piece by piece, split into rows of values.

mod escapes;
mod quoted;

use super::{Dialect, Escape, LineEnds};

/// A value that is none, where backslashes stand for characters.
pub(super) const NULL_CODE: &str = "\\N";

/// What was split off.
pub(super) enum Event {
    Record(Record),
    /// A row beyond the bound was passed over.
    TooLong {
        line: u64,
    },
}

/// One row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Record {
    /// Line where it begins, from 1.
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
    /// Those of them that are no value (where backslashes stand for characters).
    pub(super) none: Vec<usize>,
    /// How many cells were quoted.
    pub(super) quoted: u32,
    /// Quotation marks inside a quoted value that are neither doubled nor escaped.
    pub(super) strays: u32,
    /// A quotation mark was never closed.
    pub(super) unclosed: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    CellStart,
    Plain,
    Quoted,
}

/// What the splitter came upon.
enum Outcome {
    NeedMore,
    Done,
    /// The value that is open can't be: its first quotation mark belongs to the text.
    Unclosed,
}

/// Where a row could end.
enum LineEnd {
    Unknown,
    /// After so many bytes.
    After(usize),
    /// It is a part of the value.
    None,
}

/// The row that stands in the only value of another one, if it has as many values as it should.
pub(super) fn unwrap(record: &Record, dialect: &Dialect) -> Option<Record> {
    let [text] = record.cells.as_slice() else {
        return None;
    };
    if record.quoted != 1 {
        return None;
    }
    let mut records = Records::new(dialect, text.len() + 1);
    records.push(text);
    records.end();
    let Some(Event::Record(inner)) = records.next() else {
        return None;
    };
    let fits = records.next().is_none() && inner.cells.len() == dialect.width;
    fits.then_some(Record {
        line: record.line,
        ..inner
    })
}

/// The splitter.
pub(super) struct Records {
    delimiter: Option<char>,
    quote: Option<u8>,
    escape: Escape,
    any_cr: bool,
    padded: bool,
    most: usize,
    /// Columns that rows should have.
    width: usize,
    buffer: String,
    begun: bool,
    ended: bool,
    /// Where the row begins, and where reading goes on.
    start: usize,
    at: usize,
    line: u64,
    state: State,
    cell: String,
    record: Record,
    /// Where the value begins, from the beginning of the row.
    cell_from: usize,
    /// The quotation mark that opened the value, from the beginning of the row.
    opened: usize,
    /// Such marks that are read as they stand, because they are never closed.
    literal: Vec<usize>,
    /// The open value goes over a line end.
    broken: bool,
    /// How often the open value was doubted.
    doubts: u8,
    /// The row that began on this line is too long: it is read to its end and not kept.
    dropping: Option<u64>,
}

impl Records {
    pub(super) fn new(dialect: &Dialect, most: usize) -> Self {
        Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote.and_then(|quote| u8::try_from(quote).ok()),
            escape: dialect.escape,
            any_cr: dialect.line_ends == LineEnds::Any,
            padded: dialect.padded,
            most,
            width: dialect.width,
            buffer: String::new(),
            begun: false,
            ended: false,
            start: 0,
            at: 0,
            line: 1,
            state: State::CellStart,
            cell: String::new(),
            record: Record::default(),
            cell_from: 0,
            opened: 0,
            literal: Vec::new(),
            broken: false,
            doubts: 0,
            dropping: None,
        }
    }

    /// Rows should have so many values.
    pub(super) fn expect(&mut self, width: usize) {
        self.width = width;
    }

    pub(super) fn push(&mut self, text: &str) {
        let text = if self.begun {
            text
        } else {
            text.trim_start_matches('\u{feff}')
        };
        self.begun |= !text.is_empty();
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
        }
        self.buffer.push_str(text);
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Bytes that belong to no row yet.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Passes over a line whatever it holds; `None` when it isn't whole.
    pub(super) fn skip_line(&mut self) -> Option<String> {
        let rest = &self.buffer.as_bytes()[self.start..];
        let ends = |from: usize| match self.line_end(self.start + from) {
            LineEnd::After(length) => Some((from, length)),
            _ => None,
        };
        let candidates = (0..rest.len()).filter(|at| matches!(rest[*at], b'\r' | b'\n'));
        let (length, end) = match candidates.into_iter().find_map(ends) {
            Some(found) => found,
            None if self.ended => (rest.len(), 0),
            None => return None,
        };
        let line = self.buffer[self.start..self.start + length].to_owned();
        self.start += length + end;
        self.at = self.start;
        self.line += 1;
        Some(line)
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            let outcome = self.split();
            if self.dropping.is_some() {
                self.forget();
            } else if self.at - self.start > self.most && !matches!(outcome, Outcome::Unclosed) {
                if self.state == State::Quoted && self.seems_unclosed(self.start + self.most) {
                    self.reread();
                    continue;
                }
                self.dropping = Some(self.line);
            }
            match outcome {
                Outcome::NeedMore => return None,
                Outcome::Done => return Some(self.finish()),
                Outcome::Unclosed => self.reread(),
            }
        }
    }

    /// Leaves out what was read of a row that is too long.
    fn forget(&mut self) {
        self.line += self.lines(self.start, self.at);
        self.start = self.at;
        self.cell.clear();
        self.record.cells.clear();
    }

    /// Reads the row from its beginning, the mark that opened the last value as a part of it.
    fn reread(&mut self) {
        self.literal.push(self.opened);
        self.at = self.start;
        self.state = State::CellStart;
        self.cell.clear();
        self.record = Record {
            unclosed: true,
            ..Record::default()
        };
    }

    fn finish(&mut self) -> Event {
        let line = self.line;
        self.line += self.lines(self.start, self.at);
        self.start = self.at;
        self.state = State::CellStart;
        self.literal.clear();
        let mut record = std::mem::take(&mut self.record);
        record.line = line;
        if let Some(line) = self.dropping.take() {
            return Event::TooLong { line };
        }
        Event::Record(record)
    }

    /// Line ends between two places, where rows begin or end.
    fn lines(&self, from: usize, to: usize) -> u64 {
        let feeds = self.buffer[from..to].matches('\n').count();
        let bytes = &self.buffer.as_bytes()[from..to];
        let returns = if self.any_cr {
            let lone = |at: &usize| bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
            (0..bytes.len()).filter(lone).count()
        } else {
            0
        };
        (feeds + returns) as u64
    }

    fn split(&mut self) -> Outcome {
        loop {
            let more = match self.state {
                State::CellStart => self.cell_start(),
                State::Plain => self.plain(),
                State::Quoted => self.quoted(),
            };
            if let Some(outcome) = more {
                return outcome;
            }
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.buffer.as_bytes().get(at).copied()
    }

    fn cell_start(&mut self) -> Option<Outcome> {
        let Some(byte) = self.byte(self.at) else {
            if self.ended && self.at > self.start {
                self.close_cell();
                return Some(Outcome::Done);
            }
            return Some(Outcome::NeedMore);
        };
        if self.padded && byte == b' ' {
            self.at += 1;
            return None;
        }
        let place = self.at - self.start;
        self.cell_from = place;
        if Some(byte) == self.quote && !self.literal.contains(&place) {
            self.opened = place;
            self.broken = false;
            self.doubts = 0;
            self.at += 1;
            self.record.quoted += 1;
            self.state = State::Quoted;
        } else {
            self.state = State::Plain;
        }
        None
    }

    fn plain(&mut self) -> Option<Outcome> {
        let lead = self.delimiter_lead();
        let escapes = matches!(self.escape, Escape::Backslash | Escape::Codes);
        let special = |byte: &u8| {
            Some(*byte) == lead || matches!(byte, b'\n' | b'\r') || (escapes && *byte == b'\\')
        };
        let Some(byte) = self.run(special) else {
            if !self.ended {
                return Some(Outcome::NeedMore);
            }
            self.close_cell();
            return Some(Outcome::Done);
        };
        if self.is_delimiter(self.at) {
            self.close_cell();
            self.at += self.delimiter.map_or(0, char::len_utf8);
            return None;
        }
        match byte {
            b'\n' | b'\r' => self.at_line_end(),
            b'\\' => self.escaped(),
            _ => {
                self.take_char();
                None
            }
        }
    }

    fn at_line_end(&mut self) -> Option<Outcome> {
        match self.line_end(self.at) {
            LineEnd::Unknown => Some(Outcome::NeedMore),
            LineEnd::None => {
                self.take_char();
                None
            }
            LineEnd::After(length) => {
                self.close_cell();
                self.at += length;
                Some(Outcome::Done)
            }
        }
    }

    /// Takes characters up to one that may mean something, and gives its first byte.
    fn run(&mut self, special: impl Fn(&u8) -> bool) -> Option<u8> {
        let rest = &self.buffer.as_bytes()[self.at..];
        let length = rest.iter().position(special);
        let end = self.at + length.unwrap_or(rest.len());
        self.cell.push_str(&self.buffer[self.at..end]);
        self.at = end;
        self.byte(end)
    }

    fn take_char(&mut self) {
        if let Some(c) = self.buffer[self.at..].chars().next() {
            self.cell.push(c);
            self.at += c.len_utf8();
        }
    }

    fn close_cell(&mut self) {
        let written = self.buffer.get(self.start + self.cell_from..self.at);
        if self.escape == Escape::Codes && written == Some(NULL_CODE) {
            self.record.none.push(self.record.cells.len());
        }
        self.record.cells.push(std::mem::take(&mut self.cell));
        self.state = State::CellStart;
    }

    fn delimiter_lead(&self) -> Option<u8> {
        let mut bytes = [0; 4];
        self.delimiter
            .and_then(|c| c.encode_utf8(&mut bytes).bytes().next())
    }

    fn is_delimiter(&self, at: usize) -> bool {
        self.delimiter
            .is_some_and(|delimiter| self.buffer[at..].starts_with(delimiter))
    }

    fn line_end(&self, at: usize) -> LineEnd {
        match (self.byte(at), self.byte(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => LineEnd::After(2),
            (Some(b'\r'), None) if !self.ended => LineEnd::Unknown,
            (Some(b'\n'), _) | (Some(b'\r'), None) => LineEnd::After(1),
            // Windows wrote line ends of its own for line ends of Windows.
            (Some(b'\r'), Some(b'\r')) if self.byte(at + 2) == Some(b'\n') => LineEnd::After(3),
            (Some(b'\r'), Some(b'\r')) if !self.ended && self.byte(at + 2).is_none() => {
                LineEnd::Unknown
            }
            (Some(b'\r'), _) if self.any_cr => LineEnd::After(1),
            _ => LineEnd::None,
        }
    }
}
