//! Quoted values; marks that are never closed are told by the lines behind them.

use super::{LineEnd, Outcome, Records, State};
use crate::delimited::Escape;

impl Records {
    pub(super) fn quoted(&mut self) -> Option<Outcome> {
        let quote = self.quote;
        let escapes = self.escape != Escape::Doubled;
        let from = self.at;
        let byte = self.run(|byte| Some(*byte) == quote || (escapes && *byte == b'\\'));
        self.broken = self.broken || self.buffer[from..self.at].contains(['\n', '\r']);
        let Some(byte) = byte else {
            return Some(self.open_at_end());
        };
        if byte == b'\\' && Some(byte) != quote {
            return self.escaped();
        }
        match self.byte(self.at + 1) {
            None if !self.ended => return Some(Outcome::NeedMore),
            next if next == quote => {
                self.at += 1;
                self.take_char();
                return None;
            }
            _ => {}
        }
        // Blanks may stand between the mark and the separator.
        let blank = |byte: u8| byte == b' ' || (byte == b'\t' && self.delimiter != Some('\t'));
        let mut behind = self.at + 1;
        while self.byte(behind).is_some_and(blank) {
            behind += 1;
        }
        let closes = match self.byte(behind) {
            None if !self.ended => return Some(Outcome::NeedMore),
            None => true,
            Some(b'\n' | b'\r') => match self.line_end(behind) {
                LineEnd::Unknown => return Some(Outcome::NeedMore),
                LineEnd::After(_) => true,
                LineEnd::None => false,
            },
            Some(_) => self.is_delimiter(behind),
        };
        if closes {
            self.at = behind;
            self.state = State::Plain;
            return None;
        }
        if self.opens_another() {
            // The whole line says more, and the same wherever the text is cut.
            let rest = &self.buffer[self.at..];
            let Some(end) = rest.find('\n').or(self.ended.then_some(rest.len())) else {
                return Some(Outcome::NeedMore);
            };
            self.doubts += 1;
            if self.seems_unclosed(self.at + end) {
                return Some(Outcome::Unclosed);
            }
        }
        self.record.strays += 1;
        self.take_char();
        None
    }

    /// The text ended inside a quoted value.
    fn open_at_end(&mut self) -> Outcome {
        if !self.ended {
            return Outcome::NeedMore;
        }
        if self.dropping.is_none() && self.seems_unclosed(self.buffer.len()) {
            return Outcome::Unclosed;
        }
        self.record.unclosed = true;
        self.close_cell();
        Outcome::Done
    }

    /// The mark that is read stands where a value begins, some lines behind the one that opened the value.
    fn opens_another(&self) -> bool {
        const MOST_DOUBTS: u8 = 50;
        if self.dropping.is_some() || !self.broken || self.width < 2 || self.doubts >= MOST_DOUBTS {
            return false;
        }
        let value = &self.buffer[self.start + self.opened..self.at];
        value.ends_with(['\n', '\r'])
            || self
                .delimiter
                .is_some_and(|delimiter| value.ends_with(delimiter))
    }

    /// Most lines behind the first one of the open value, up to `end`, are rows for themselves.
    pub(super) fn seems_unclosed(&self, end: usize) -> bool {
        const LOOKED_AT: usize = 20;
        let end = self.buffer.floor_char_boundary(end);
        let from = (self.start + self.opened + 1).min(end);
        let value = &self.buffer[from..end];
        let lines = value
            .split(if self.any_cr {
                ['\n', '\r']
            } else {
                ['\n', '\n']
            })
            .skip(1)
            .map(|line| line.trim_end_matches('\r'))
            .filter(|line| !line.is_empty());
        let (mut rows, mut all) = (0, 0);
        for line in lines.take(LOOKED_AT) {
            all += 1;
            rows += usize::from(self.values(line) == self.width);
        }
        all > 0 && rows * 2 > all
    }

    /// Values of one line.
    fn values(&self, line: &str) -> usize {
        let mut quoted = false;
        let mut values = 1;
        for c in line.chars() {
            if Some(c) == self.quote.map(char::from) {
                quoted = !quoted;
            } else if !quoted && Some(c) == self.delimiter {
                values += 1;
            }
        }
        values
    }
}
