//! Where byte-level tokenizers cut text before they merge: the patterns of the reference tokenizers, written out.
//!
//! Sources: the `pre_tokenizer` sections of the models' `tokenizer.json`; llama.cpp's `llama-vocab.cpp` names them.

use unicode_general_category::{GeneralCategory as G, get_general_category};

/// A known pre-tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Splitter {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    /// Every digit by itself, then as [`Self::Gpt2`].
    Smollm,
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    Qwen2,
    /// As [`Self::Qwen2`] with `\p{N}{1,3}`.
    Llama3,
}

impl Splitter {
    /// The one that a file names (`tokenizer.ggml.pre`).
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gpt-2" | "gpt2" => Self::Gpt2,
            "smollm" => Self::Smollm,
            "qwen2" | "deepseek-r1-qwen" => Self::Qwen2,
            "llama-bpe" | "llama3" | "llama-v3" | "smaug-bpe" => Self::Llama3,
            _ => return None,
        })
    }

    /// The pieces of `text`, which put together are `text`.
    pub fn split(self, text: &str) -> Vec<&str> {
        let mut out = Vec::new();
        if self == Self::Smollm {
            let mut start = 0;
            for (at, c) in text.char_indices() {
                // Asked of std, as the reference does here; its table may be newer than that of the patterns.
                if c.is_numeric() {
                    gpt2(&text[start..at], &mut out);
                    let end = at + c.len_utf8();
                    out.push(&text[at..end]);
                    start = end;
                }
            }
            gpt2(&text[start..], &mut out);
        } else if self == Self::Gpt2 {
            gpt2(text, &mut out);
        } else {
            modern(text, if self == Self::Qwen2 { 1 } else { 3 }, &mut out);
        }
        out
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            _ if c.is_whitespace() => Class::Space,
            _ => Class::Other,
        };
    }
    match get_general_category(c) {
        G::UppercaseLetter
        | G::LowercaseLetter
        | G::TitlecaseLetter
        | G::ModifierLetter
        | G::OtherLetter => Class::Letter,
        G::DecimalNumber | G::LetterNumber | G::OtherNumber => Class::Number,
        _ if c.is_whitespace() => Class::Space,
        _ => Class::Other,
    }
}

/// Characters of a text with their classes.
struct Chars {
    all: Vec<(usize, char, Class)>,
    end: usize,
}

impl Chars {
    fn new(text: &str) -> Self {
        Self {
            all: text
                .char_indices()
                .map(|(at, c)| (at, c, class(c)))
                .collect(),
            end: text.len(),
        }
    }

    fn class(&self, i: usize) -> Option<Class> {
        self.all.get(i).map(|one| one.2)
    }

    fn char(&self, i: usize) -> Option<char> {
        self.all.get(i).map(|one| one.1)
    }

    fn byte(&self, i: usize) -> usize {
        self.all.get(i).map_or(self.end, |one| one.0)
    }

    /// The end of the run of `class` that begins at `i`.
    fn run(&self, mut i: usize, class: Class) -> usize {
        while self.class(i) == Some(class) {
            i += 1;
        }
        i
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d` at `i`: its length.
    fn contraction(&self, i: usize, any_case: bool) -> Option<usize> {
        if self.char(i) != Some('\'') {
            return None;
        }
        let letter = |at: usize| {
            let c = self.char(at)?;
            Some(match c {
                // The only other letter that folds to one of these.
                'ſ' if any_case => 's',
                _ if any_case => c.to_ascii_lowercase(),
                _ => c,
            })
        };
        match (letter(i + 1)?, letter(i + 2)) {
            ('s' | 't' | 'm' | 'd', _) => Some(2),
            ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
            _ => None,
        }
    }

    /// `\s+(?!\S)|\s+` at `i`, a space: the end. The last of several spaces is left to what follows.
    fn spaces(&self, i: usize) -> usize {
        let end = self.run(i, Class::Space);
        if end < self.all.len() && end - i > 1 {
            end - 1
        } else {
            end
        }
    }
}

fn gpt2<'a>(text: &'a str, out: &mut Vec<&'a str>) {
    let chars = Chars::new(text);
    let mut i = 0;
    while let Some(first) = chars.class(i) {
        let end = if let Some(length) = chars.contraction(i, false) {
            i + length
        } else {
            let after = if chars.char(i) == Some(' ') {
                chars.class(i + 1)
            } else {
                None
            };
            match (first, after) {
                (_, Some(class)) if class != Class::Space => chars.run(i + 1, class),
                (Class::Space, _) => chars.spaces(i),
                (class, _) => chars.run(i, class),
            }
        };
        out.push(&text[chars.byte(i)..chars.byte(end)]);
        i = end;
    }
}

fn modern<'a>(text: &'a str, digits: usize, out: &mut Vec<&'a str>) {
    let chars = Chars::new(text);
    let is_break = |i: usize| matches!(chars.char(i), Some('\r' | '\n'));
    let mut i = 0;
    while let Some(first) = chars.class(i) {
        let end = if let Some(length) = chars.contraction(i, true) {
            i + length
        } else if first == Class::Letter {
            chars.run(i, Class::Letter)
        } else if first != Class::Number
            && !is_break(i)
            && chars.class(i + 1) == Some(Class::Letter)
        {
            chars.run(i + 1, Class::Letter)
        } else if first == Class::Number {
            chars.run(i, Class::Number).min(i + digits)
        } else {
            let other = if chars.char(i) == Some(' ') { i + 1 } else { i };
            if chars.class(other) == Some(Class::Other) {
                let mut end = chars.run(other, Class::Other);
                while is_break(end) {
                    end += 1;
                }
                end
            } else {
                // Only spaces are left. The last line break among them ends the piece, if there is one.
                let end = chars.run(i, Class::Space);
                match (i..end).rev().find(|at| is_break(*at)) {
                    Some(at) => at + 1,
                    None => chars.spaces(i),
                }
            }
        };
        out.push(&text[chars.byte(i)..chars.byte(end)]);
        i = end;
    }
}
