//! Places of a file where something was noticed.

/// How often, and on which lines first.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Places {
    /// How often.
    pub count: u64,
    /// The first lines, from 1, each once.
    pub lines: Vec<u64>,
}

impl Places {
    /// Lines that are kept.
    pub const KEPT: usize = 10;

    /// Those of another file, too.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        let room = Self::KEPT.saturating_sub(self.lines.len());
        self.lines.extend(other.lines.iter().take(room));
    }

    /// Notes one more, on `line`.
    pub fn note(&mut self, line: u64) {
        self.count += 1;
        if self.lines.len() < Self::KEPT && self.lines.last() != Some(&line) {
            self.lines.push(line);
        }
    }

    /// Nothing was noticed.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Line ends of all kinds in text that comes piece by piece: `\n`, `\r\n`, a lone `\r`.
#[derive(Clone, Debug)]
pub(crate) struct LineCount {
    /// The line that is being read, from 1.
    pub(crate) line: u64,
    after_cr: bool,
}

impl Default for LineCount {
    fn default() -> Self {
        Self {
            line: 1,
            after_cr: false,
        }
    }
}

impl LineCount {
    /// Passes one byte of an ASCII-compatible text; `true` when a line ended with it.
    pub(crate) fn pass(&mut self, byte: u8) -> bool {
        let ends = byte == b'\r' || (byte == b'\n' && !self.after_cr);
        self.after_cr = byte == b'\r';
        self.line += u64::from(ends);
        ends
    }
}
