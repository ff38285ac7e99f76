//! Backslashes.

use super::{Outcome, Records};
use crate::delimited::Escape;

impl Records {
    /// A backslash.
    pub(super) fn escaped(&mut self) -> Option<Outcome> {
        if self.escape == Escape::BackslashQuote {
            return self.escaped_quote();
        }
        let Some(next) = self.buffer[self.at + 1..].chars().next() else {
            if !self.ended {
                return Some(Outcome::NeedMore);
            }
            self.take_char();
            return None;
        };
        let stands = matches!(next, '\\' | '\n' | '\r')
            || Some(next) == self.delimiter
            || Some(next) == self.quote.map(char::from);
        let code = match next {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            '0' => Some('\0'),
            'b' => Some('\u{8}'),
            'Z' => Some('\u{1a}'),
            _ => None,
        };
        match code {
            _ if stands => self.cell.push(next),
            Some(code) if self.escape == Escape::Codes => self.cell.push(code),
            _ => self.cell.extend(['\\', next]),
        }
        self.at += 1 + next.len_utf8();
        None
    }

    /// Backslashes, which count only before a quotation mark.
    fn escaped_quote(&mut self) -> Option<Outcome> {
        let mut behind = self.at;
        while self.byte(behind) == Some(b'\\') {
            behind += 1;
        }
        let count = behind - self.at;
        let next = self.byte(behind);
        if next.is_none() && !self.ended {
            return Some(Outcome::NeedMore);
        }
        let before_quote = next.is_some() && next == self.quote;
        let kept = if before_quote { count / 2 } else { count };
        self.cell.extend(std::iter::repeat_n('\\', kept));
        self.at = behind;
        if before_quote && count % 2 == 1 {
            self.take_char();
        }
        None
    }
}
