//! Takes a leading `<think>…</think>` block out of a reply while it streams: many servers leave the reasoning of a model
//! inside its text.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Nothing but blanks and the beginning of [`OPEN`] so far.
    #[default]
    Before,
    /// Inside the block.
    Inside,
    /// Right after the block; blanks are passed over.
    After,
    /// The text itself: everything counts as text from here on, tags too.
    Text,
}

/// Splits a streamed reply into text and reasoning.
#[derive(Debug, Default)]
pub(super) struct ThinkSplitter {
    place: Place,
    /// What can't be told yet: blanks at the start, a part of a tag.
    held: String,
}

impl ThinkSplitter {
    /// Takes the next piece in. `text` hears what is surely text; reasoning is appended.
    pub(super) fn push(&mut self, piece: &str, text: &mut dyn FnMut(&str), reasoning: &mut String) {
        if self.place == Place::Text {
            if !piece.is_empty() {
                text(piece);
            }
            return;
        }
        self.held.push_str(piece);
        loop {
            match self.place {
                Place::Before => {
                    let start = self.held.trim_start();
                    if let Some(inside) = start.strip_prefix(OPEN) {
                        self.held = inside.to_owned();
                        self.place = Place::Inside;
                    } else if OPEN.starts_with(start) {
                        return;
                    } else {
                        self.place = Place::Text;
                    }
                }
                Place::Inside => {
                    let Some((thought, after)) = self.held.split_once(CLOSE) else {
                        let keep = part_of_close(&self.held);
                        let (thought, tail) = self.held.split_at(self.held.len() - keep);
                        reasoning.push_str(thought);
                        self.held = tail.to_owned();
                        return;
                    };
                    reasoning.push_str(thought);
                    self.held = after.to_owned();
                    self.place = Place::After;
                }
                Place::After => {
                    self.held = self.held.trim_start().to_owned();
                    if self.held.is_empty() {
                        return;
                    }
                    self.place = Place::Text;
                }
                Place::Text => {
                    let held = std::mem::take(&mut self.held);
                    if !held.is_empty() {
                        text(&held);
                    }
                    return;
                }
            }
        }
    }

    /// The reply is over: what was held is told now.
    pub(super) fn finish(self, text: &mut dyn FnMut(&str), reasoning: &mut String) {
        match self.place {
            Place::Inside => reasoning.push_str(&self.held),
            Place::Before if !self.held.is_empty() => text(&self.held),
            Place::Before | Place::After | Place::Text => {}
        }
    }
}

/// Length of the longest end of `text` that begins [`CLOSE`].
fn part_of_close(text: &str) -> usize {
    (1..CLOSE.len())
        .rev()
        .find(|length| {
            CLOSE
                .get(..*length)
                .is_some_and(|part| text.ends_with(part))
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut text, mut reasoning) = (String::new(), String::new());
        let mut splitter = ThinkSplitter::default();
        for piece in pieces {
            splitter.push(piece, &mut |part| text.push_str(part), &mut reasoning);
        }
        splitter.finish(&mut |part| text.push_str(part), &mut reasoning);
        (text, reasoning)
    }

    #[test]
    fn a_leading_block_is_reasoning_wherever_the_reply_is_cut() {
        let cases = [
            (
                "<think>\nWhy? 1 < 2 </thin\n</think>\n\nBecause.",
                "Because.",
                "\nWhy? 1 < 2 </thin\n",
            ),
            ("\n <think></think>Hello", "Hello", ""),
            (
                "Use <think>tags</think> here",
                "Use <think>tags</think> here",
                "",
            ),
            ("  indented", "  indented", ""),
            ("<thinking>no</thinking>", "<thinking>no</thinking>", ""),
            (
                "<think>a</think>b</think><think>c</think>",
                "b</think><think>c</think>",
                "a",
            ),
            ("<think>never ended </", "", "never ended </"),
            ("<thi", "<thi", ""),
            ("<think>é🌱</think>🌱 é", "🌱 é", "é🌱"),
            ("", "", ""),
        ];
        for (reply, text, reasoning) in cases {
            let wanted = (text.to_owned(), reasoning.to_owned());
            assert_eq!(split(&[reply]), wanted, "{reply:?}");
            let characters: Vec<String> = reply.chars().map(String::from).collect();
            let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
            assert_eq!(split(&characters), wanted, "{reply:?} by characters");
            for (cut, _) in reply.char_indices() {
                let (head, tail) = reply.split_at(cut);
                assert_eq!(split(&[head, tail]), wanted, "{reply:?} at {cut}");
            }
        }
    }
}
