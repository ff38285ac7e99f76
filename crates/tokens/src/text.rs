//! Text as it comes out of a model: whole characters only, and nothing that may be the beginning of a stop string.

use crate::Tokenizer;
use std::rc::Rc;

/// Turns tokens into text as they come; bytes of a character that is not complete wait.
#[derive(Debug)]
pub struct Stream {
    tokenizer: Rc<Tokenizer>,
    held: Vec<u8>,
    /// The next text is the first, whose leading space may be SentencePiece's prefix.
    is_first: bool,
}

impl Stream {
    /// For one reply.
    pub fn new(tokenizer: Rc<Tokenizer>) -> Self {
        Self {
            is_first: tokenizer.has_prefix(),
            tokenizer,
            held: Vec::new(),
        }
    }

    /// The text that is complete with this token. Control tokens are no text.
    pub fn push(&mut self, token: u32) -> String {
        if self.tokenizer.is_special(token) {
            return String::new();
        }
        let mut bytes = self.tokenizer.token_bytes(token);
        if self.is_first && !bytes.is_empty() {
            self.is_first = false;
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        self.held.extend(bytes);
        let mut out = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(text) => {
                    out.push_str(text);
                    self.held.clear();
                    return out;
                }
                Err(error) => {
                    let good = error.valid_up_to();
                    out.push_str(&String::from_utf8_lossy(&self.held[..good]));
                    match error.error_len() {
                        // It may become a character yet.
                        None => {
                            self.held.drain(..good);
                            return out;
                        }
                        Some(bad) => {
                            out.push('\u{fffd}');
                            self.held.drain(..good + bad);
                        }
                    }
                }
            }
        }
    }

    /// What is left, with a sign in place of half a character.
    pub fn finish(&mut self) -> String {
        let rest = String::from_utf8_lossy(&self.held).into_owned();
        self.held.clear();
        rest
    }
}

/// Ends a reply at the first of some texts that is complete; it is not part of the reply.
#[derive(Debug)]
pub struct StopStrings {
    stops: Vec<String>,
    held: String,
}

impl StopStrings {
    /// For one reply. Empty texts are left out.
    pub fn new(stops: &[String]) -> Self {
        Self {
            stops: stops
                .iter()
                .filter(|stop| !stop.is_empty())
                .cloned()
                .collect(),
            held: String::new(),
        }
    }

    /// Text that is safe to show, and whether a stop string came.
    pub fn push(&mut self, text: &str) -> (String, bool) {
        if self.stops.is_empty() {
            return (text.to_owned(), false);
        }
        self.held.push_str(text);
        // The one that is complete first, as if the text came letter by letter: so its pieces make no difference.
        let first = self
            .stops
            .iter()
            .filter_map(|stop| {
                let at = self.held.find(stop.as_str())?;
                Some((at + stop.len(), at))
            })
            .min();
        if let Some((_, at)) = first {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        // The longest end that a stop string begins with has to wait.
        let keep = self
            .held
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| {
                self.stops
                    .iter()
                    .any(|stop| stop.starts_with(&self.held[*at..]))
            })
            .unwrap_or(self.held.len());
        let rest = self.held.split_off(keep);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What waited, once nothing more comes.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}
