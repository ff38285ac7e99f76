//! Text of bytes that come in pieces.

use super::pages::{Encoding, Page};
use crate::places::{LineCount, Places};
use encoding_rs::DecoderResult;

/// Letters that are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Losses {
    /// Bytes that stand for nothing in the chosen encoding, each read as U+FFFD.
    pub undecodable: Places,
    /// U+FFFD that the file itself holds: another program lost these letters before.
    pub earlier: Places,
}

/// Decodes the bytes of a file. A byte order mark at the beginning is left out.
pub struct Decoder {
    web: Option<encoding_rs::Decoder>,
    letters: Vec<char>,
    lines: LineCount,
    losses: Losses,
}

impl Decoder {
    /// A decoder at the beginning of a file.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            web: match encoding.page() {
                Page::Web(page) => Some(page.new_decoder_with_bom_removal()),
                Page::Dos(..) => None,
            },
            letters: encoding.high_letters().unwrap_or_default(),
            lines: LineCount::default(),
            losses: Losses::default(),
        }
    }

    /// Takes bytes, cut anywhere; gives the text that is whole.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.decode(bytes, false)
    }

    /// The rest, after the last bytes. Nothing may be pushed behind it.
    pub fn end(&mut self) -> String {
        self.decode(b"", true)
    }

    /// What was lost so far.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    fn decode(&mut self, mut bytes: &[u8], last: bool) -> String {
        let mut text = String::new();
        let Some(mut web) = self.web.take() else {
            text.extend(bytes.iter().map(|byte| self.letter(*byte)));
            self.read(&text);
            return text;
        };
        loop {
            let room = web.max_utf8_buffer_length_without_replacement(bytes.len());
            text.reserve(room.unwrap_or(bytes.len()));
            let from = text.len();
            let (result, read) = web.decode_to_string_without_replacement(bytes, &mut text, last);
            bytes = &bytes[read..];
            self.read(&text[from..]);
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    text.push('\u{fffd}');
                    self.losses.undecodable.note(self.lines.line);
                }
            }
        }
        self.web = Some(web);
        text
    }

    fn letter(&self, byte: u8) -> char {
        match byte.checked_sub(0x80) {
            Some(high) => self
                .letters
                .get(usize::from(high))
                .copied()
                .unwrap_or('\u{fffd}'),
            None => char::from(byte),
        }
    }

    /// Counts lines, and the letters that were lost before.
    fn read(&mut self, text: &str) {
        if !text.contains('\u{fffd}') {
            text.bytes().for_each(|byte| {
                self.lines.pass(byte);
            });
            return;
        }
        for c in text.chars() {
            if c == '\u{fffd}' {
                self.losses.earlier.note(self.lines.line);
            }
            self.lines.pass(u8::try_from(c).unwrap_or(b'x'));
        }
    }
}
