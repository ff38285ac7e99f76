//! Many texts looked for at once, in one pass however many there are.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Texts with their tokens, found by how they begin. Gemma has thousands that begin with `<`: trying each at every place
/// would make a long message of `<` a way to stop the tab.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    tokens: HashMap<Box<[u8]>, u32>,
    /// Lengths of the texts that begin with two bytes, longest first.
    lengths: HashMap<[u8; 2], Vec<usize>>,
    /// Tokens of texts of one byte.
    single: HashMap<u8, u32>,
}

impl Marks {
    /// Of equal texts the first counts; empty ones are left out.
    pub(crate) fn new<'a>(all: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut made = Self::default();
        for (text, token) in all {
            match *text.as_bytes() {
                [] => {}
                [one] => {
                    made.single.entry(one).or_insert(token);
                }
                [first, second, ..] => {
                    made.tokens.entry(text.as_bytes().into()).or_insert(token);
                    let lengths = made.lengths.entry([first, second]).or_default();
                    if let Err(at) = lengths
                        .binary_search_by_key(&Reverse(text.len()), |length| Reverse(*length))
                    {
                        lengths.insert(at, text.len());
                    }
                }
            }
        }
        made
    }

    /// Nothing is looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.single.is_empty()
    }

    /// The longest that `text` begins with: its length and token.
    fn first(&self, text: &[u8]) -> Option<(usize, u32)> {
        if let Some(lengths) = text.first_chunk().and_then(|two| self.lengths.get(two)) {
            for length in lengths {
                if let Some(token) = text.get(..*length).and_then(|text| self.tokens.get(text)) {
                    return Some((*length, *token));
                }
            }
        }
        self.single.get(text.first()?).map(|token| (1, *token))
    }

    /// The first place from `from` on where one stands: where, how long, which. Of several at one place the longest.
    pub(crate) fn next(&self, text: &str, from: usize) -> Option<(usize, usize, u32)> {
        if self.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        (from..bytes.len()).find_map(|at| {
            self.first(&bytes[at..])
                .map(|(length, token)| (at, length, token))
        })
    }
}
