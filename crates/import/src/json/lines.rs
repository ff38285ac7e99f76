//! Cuts lines.

use super::buffer::Buffer;
use super::scan::MAX_ROW;
use super::walk::Piece;

/// A search for the end of the line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    searched: usize,
    is_dropped: bool,
}

impl Lines {
    /// The next line that holds anything; `None` when more text is needed, or after the end.
    pub(crate) fn next(&mut self, text: &mut Buffer) -> Option<Piece> {
        loop {
            let rest = text.rest();
            let found = rest
                .get(self.searched..)
                .unwrap_or_default()
                .find('\n')
                .map(|at| self.searched + at);
            text.visited += (found.unwrap_or(text.rest().len()) - self.searched) as u64;
            let end = match found {
                Some(end) => end,
                None if text.is_ended && (!text.rest().is_empty() || self.is_dropped) => {
                    text.rest().len()
                }
                None => {
                    self.wait(text);
                    return None;
                }
            };
            let line = text.line;
            let is_last = found.is_none();
            let taken = text.take(end);
            let is_long = std::mem::take(&mut self.is_dropped) || end > MAX_ROW;
            self.searched = 0;
            text.advance(1);
            if is_long {
                return Some(Piece {
                    line,
                    text: None,
                    part: 0,
                    is_last,
                });
            }
            if !is_empty(&taken) {
                return Some(Piece {
                    line,
                    text: Some(taken),
                    part: 0,
                    is_last,
                });
            }
        }
    }

    fn wait(&mut self, text: &mut Buffer) {
        self.searched = text.rest().len();
        if self.searched > MAX_ROW {
            text.advance(self.searched);
            self.searched = 0;
            self.is_dropped = true;
        }
    }
}

/// A line without a value: blank, or the bracket or comma of a list that was written by line.
fn is_empty(line: &str) -> bool {
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{1e}' | '\u{feff}'))
        .trim_matches([',', '[', ']'])
        .trim()
        .is_empty()
}
