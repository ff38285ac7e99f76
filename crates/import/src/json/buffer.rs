//! Text that came and was not used yet.

/// Used text is dropped when it is this long at least, and longer than what is left.
const DROPPED: usize = 64 << 10;

/// The text between what was used and what has not come yet.
#[derive(Debug)]
pub(crate) struct Buffer {
    text: String,
    used: usize,
    /// Number, from 1, of the line on which the unused text begins.
    pub(crate) line: u64,
    /// No more comes.
    pub(crate) is_ended: bool,
    is_begun: bool,
    /// Bytes looked at so far, each as often as it was: reading must cost time in proportion to the text.
    pub(crate) visited: u64,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self {
            text: String::new(),
            used: 0,
            line: 1,
            is_ended: false,
            is_begun: false,
            visited: 0,
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        let text = if self.is_begun {
            text
        } else {
            text.strip_prefix('\u{feff}').unwrap_or(text)
        };
        self.is_begun |= !text.is_empty();
        if self.used >= DROPPED.max(self.text.len() / 2) {
            self.visited += (self.text.len() - self.used) as u64;
            self.text.drain(..self.used);
            self.used = 0;
        }
        self.text.push_str(text);
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.text.len()
    }

    /// What was not used yet.
    pub(crate) fn rest(&self) -> &str {
        self.text.get(self.used..).unwrap_or_default()
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.used).copied()
    }

    /// Uses `count` bytes.
    pub(crate) fn advance(&mut self, count: usize) {
        let to = (self.used + count).min(self.text.len());
        let used = self.text.as_bytes().get(self.used..to).unwrap_or_default();
        self.line += newlines(used);
        self.visited += used.len() as u64;
        self.used = to;
    }

    /// Uses spaces, line breaks, commas and the separators of JSON text sequences.
    pub(crate) fn skip_between(&mut self) {
        let count = self
            .rest()
            .bytes()
            .take_while(|byte| is_space(*byte) || matches!(byte, b',' | 0x1E))
            .count();
        self.advance(count);
    }

    /// Uses `count` bytes and gives them.
    pub(crate) fn take(&mut self, count: usize) -> String {
        let taken = self.rest().get(..count).unwrap_or_default().to_owned();
        self.visited += taken.len() as u64;
        self.advance(count);
        taken
    }

    /// All that is left.
    pub(crate) fn take_all(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        let used = std::mem::take(&mut self.used);
        match used {
            0 => text,
            _ => text.get(used..).unwrap_or_default().to_owned(),
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |count, byte| count + u64::from(*byte == b'\n'))
}

/// A space of JSON.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
