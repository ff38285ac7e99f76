//! Byte-level BPE and SentencePiece BPE.

use crate::marks::Marks;
use crate::split::Splitter;
use crate::turns::tag;
use crate::{Error, Part, Vocabulary};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// Kinds of tokens, as `tokenizer.ggml.token_type` numbers them.
const NORMAL: u8 = 1;
const UNKNOWN: u8 = 2;
pub(crate) const CONTROL: u8 = 3;
pub(crate) const USER_DEFINED: u8 = 4;
const BYTE: u8 = 6;
/// What SentencePiece writes for a space.
const BLANK: char = '\u{2581}';
/// Tokens that end a turn in the families this crate knows, if they are control tokens.
const ENDS: [&str; 9] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
    "<|return|>",
];

#[derive(Debug)]
enum Model {
    Bytes {
        splitter: Splitter,
        /// The token of each byte. Some vocabularies lack a few control characters; the reference drops those.
        bytes: Vec<Option<u32>>,
        /// Pair of tokens → (rank, what they become).
        merges: HashMap<(u32, u32), (u32, u32)>,
    },
    Sentence {
        /// Scores of the tokens that text may become; control tokens and byte tokens have none.
        scores: Vec<Option<f32>>,
        bytes: Vec<Option<u32>>,
        unknown: u32,
        prefix: bool,
    },
}

/// Text to tokens and back.
#[derive(Debug)]
pub struct Tokenizer {
    model: Model,
    ids: HashMap<String, u32>,
    /// What each token stands for.
    texts: Vec<Vec<u8>>,
    special: Vec<bool>,
    /// Tokens matched in template text only.
    marks: Marks,
    /// User-defined tokens of blanks or a single character: taken whole wherever they stand, as nothing can be feigned
    /// with them.
    plain: Marks,
    stops: Vec<u32>,
    bos: Option<u32>,
}

/// The printable character that stands for a byte in byte-level vocabularies (GPT-2's `bytes_to_unicode`).
fn printable(byte: u8) -> char {
    let is_printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
    if is_printable {
        return char::from(byte);
    }
    // The others follow from U+0100 on, in order.
    let before = (0..byte)
        .filter(|b| !matches!(b, 33..=126 | 161..=172 | 174..=255))
        .count();
    char::from_u32(256 + before as u32).unwrap_or('\u{fffd}')
}

/// Whether a token is matched in template text only: it means something there, and a message must not contain it. A single
/// character is not matched at all, as it can't be told from what people write.
pub(crate) fn is_mark(kind: u8, text: &str) -> bool {
    match kind {
        CONTROL => text.chars().nth(1).is_some(),
        USER_DEFINED => !is_plain(text),
        _ => false,
    }
}

/// Blanks or a single character.
fn is_plain(text: &str) -> bool {
    text.chars().nth(1).is_none() || text.chars().all(|c| c == BLANK || c.is_whitespace())
}

/// Kinds of all tokens. Files have signs typed as normal text; llama.cpp corrects those it knows. Here those that begin and
/// end texts are control tokens, as they are to `transformers`, and those that the template writes are user-defined, if text
/// can't become them by merges.
pub(crate) fn kinds(vocabulary: &Vocabulary) -> Vec<u8> {
    let mut kinds = vocabulary.kinds.clone();
    kinds.resize(vocabulary.tokens.len(), NORMAL);
    let is_sign = |text: &str| tag(text).is_some_and(|sign| sign == text);
    let ends = [vocabulary.bos, vocabulary.eos, vocabulary.eot];
    for id in ends.into_iter().flatten() {
        let id = id as usize;
        if let (Some(kind), Some(text)) = (kinds.get_mut(id), vocabulary.tokens.get(id))
            && is_sign(text)
        {
            *kind = CONTROL;
        }
    }
    let template = vocabulary.chat_template.as_deref().unwrap_or_default();
    let mut written: HashMap<&str, usize> = vocabulary
        .tokens
        .iter()
        .enumerate()
        .filter(|(id, text)| kinds[*id] == NORMAL && is_sign(text) && template.contains(*text))
        .map(|(id, text)| (text.as_str(), id))
        .collect();
    if !written.is_empty() {
        for merge in &vocabulary.merges {
            written.remove(merge.replacen(' ', "", 1).as_str());
        }
    }
    for id in written.into_values() {
        kinds[id] = USER_DEFINED;
    }
    kinds
}

impl Tokenizer {
    /// Reads a vocabulary.
    ///
    /// # Errors
    /// The kind of tokenizer is unknown, or its parts contradict each other.
    pub fn new(vocabulary: &Vocabulary) -> Result<Self, Error> {
        let count = vocabulary.tokens.len();
        if count == 0 {
            return Err(Error::Missing("a list of tokens"));
        }
        if !vocabulary.kinds.is_empty() && vocabulary.kinds.len() != count {
            return Err(Error::Contradiction(format!(
                "{count} tokens have {} kinds",
                vocabulary.kinds.len()
            )));
        }
        for (name, id) in [
            ("bos", vocabulary.bos),
            ("eos", vocabulary.eos),
            ("eot", vocabulary.eot),
            ("unknown", vocabulary.unknown),
        ] {
            if id.is_some_and(|id| id as usize >= count) {
                return Err(Error::Contradiction(format!(
                    "the {name} token is not one of the {count}"
                )));
            }
        }
        let kinds = kinds(vocabulary);
        let kind = |id: usize| kinds.get(id).copied().unwrap_or(NORMAL);
        let mut ids = HashMap::with_capacity(count);
        for (id, token) in vocabulary.tokens.iter().enumerate() {
            // Of two tokens with one text the first is used, as the reference does.
            ids.entry(token.clone()).or_insert(id as u32);
        }
        let special: Vec<bool> = (0..count)
            .map(|id| matches!(kind(id), CONTROL | USER_DEFINED))
            .collect();
        let all = || vocabulary.tokens.iter().zip(0_u32..);
        let marks = Marks::new(
            all()
                .filter(|(text, id)| is_mark(kind(*id as usize), text))
                .map(|(text, id)| (text.as_str(), id)),
        );
        // Files made by llama.cpp have spaces in these where the model's own list has U+2581.
        let blanks: Vec<(String, u32)> = all()
            .filter(|(text, id)| kind(*id as usize) == USER_DEFINED && is_plain(text))
            .map(|(text, id)| (text.replace(BLANK, " "), id))
            .collect();
        let plain = Marks::new(blanks.iter().map(|(text, id)| (text.as_str(), *id)));
        let (model, texts) = match vocabulary.model.as_str() {
            "gpt2" => byte_level(vocabulary, &ids, &special)?,
            "llama" => sentence_piece(vocabulary, &kinds, &ids)?,
            "" => {
                return Err(Error::Missing(
                    "the kind of its tokenizer (tokenizer.ggml.model)",
                ));
            }
            other => return Err(Error::UnknownTokenizer(other.to_owned())),
        };
        let mut stops: Vec<u32> = [vocabulary.eos, vocabulary.eot]
            .into_iter()
            .flatten()
            .collect();
        stops.extend(
            ENDS.iter()
                .filter_map(|text| ids.get(*text))
                .copied()
                .filter(|id| kind(*id as usize) == CONTROL),
        );
        stops.sort_unstable();
        stops.dedup();
        // Without the flag, only SentencePiece models begin with one.
        let adds_bos = vocabulary.add_bos.unwrap_or(vocabulary.model == "llama");
        Ok(Self {
            model,
            ids,
            texts,
            // Text of user-defined tokens is text when a model writes it.
            special: kinds.iter().map(|kind| *kind == CONTROL).collect(),
            marks,
            plain,
            stops,
            bos: vocabulary.bos.filter(|_| adds_bos),
        })
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary_len(&self) -> usize {
        self.texts.len()
    }

    /// Tokens that end a reply.
    pub fn stops(&self) -> &[u32] {
        &self.stops
    }

    /// Makes more tokens end a reply.
    pub fn stop_at(&mut self, tokens: &[u32]) {
        self.stops.extend(tokens);
        self.stops.sort_unstable();
        self.stops.dedup();
    }

    /// The token, of those that are matched in template text, that `text` begins with.
    pub(crate) fn mark_at(&self, text: &str) -> Option<u32> {
        self.marks
            .next(text, 0)
            .filter(|(at, ..)| *at == 0)
            .map(|(_, _, token)| token)
    }

    /// It is a control token, which is no text.
    pub fn is_special(&self, token: u32) -> bool {
        self.special.get(token as usize).copied().unwrap_or(false)
    }

    /// The bytes a token stands for; none for one that does not exist.
    pub fn token_bytes(&self, token: u32) -> &[u8] {
        self.texts.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// The token with this text.
    pub fn id_of(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// Texts begin with a space that is not part of them (SentencePiece's prefix).
    pub(crate) fn has_prefix(&self) -> bool {
        matches!(self.model, Model::Sentence { prefix: true, .. })
    }

    /// Text of tokens, without control tokens.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .filter(|token| !self.is_special(**token))
            .flat_map(|token| self.token_bytes(*token))
            .copied()
            .collect();
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if self.has_prefix() && text.starts_with(' ') {
            text.remove(0);
        }
        text
    }

    /// Tokens of plain text: what looks like a control token is only text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        if !text.is_empty() {
            self.plain(text, true, &mut out);
        }
        out
    }

    /// Tokens of a rendered template. Control tokens are matched within template parts only, so that nothing a person or
    /// a model wrote can end a turn or begin another. Text between control tokens is read as one, wherever parts end in
    /// it: parts change what is matched, not how words are cut.
    pub fn encode_parts(&self, parts: &[Part]) -> Vec<u32> {
        let mut out = Vec::new();
        let mut text = String::new();
        let mut is_first = true;
        let mut has_bos = false;
        for part in parts {
            let mut from = 0;
            if part.is_template {
                while let Some((at, length, id)) = self.marks.next(&part.text, from) {
                    text.push_str(&part.text[from..at]);
                    // Blanks before it are as the template wants them.
                    has_bos |= out.is_empty() && text.trim().is_empty() && self.is_bos(id);
                    if !text.is_empty() {
                        self.plain(&text, is_first, &mut out);
                        text.clear();
                    }
                    // SentencePiece's prefix is put after every control token, as the reference does.
                    is_first = true;
                    out.push(id);
                    from = at + length;
                }
            }
            text.push_str(&part.text[from..]);
        }
        if !text.is_empty() {
            self.plain(&text, is_first, &mut out);
        }
        match self.bos {
            Some(bos) if !has_bos && out.first() != Some(&bos) => {
                out.insert(0, bos);
                out
            }
            _ => out,
        }
    }

    /// It begins texts, or has the text of the one that does.
    fn is_bos(&self, token: u32) -> bool {
        self.bos.is_some_and(|bos| {
            bos == token || self.texts.get(bos as usize) == self.texts.get(token as usize)
        })
    }

    fn plain(&self, text: &str, is_first: bool, out: &mut Vec<u32>) {
        let prefixed: String;
        let text = if is_first && self.has_prefix() {
            prefixed = format!(" {text}");
            &prefixed
        } else {
            text
        };
        let mut from = 0;
        while let Some((at, length, id)) = self.plain.next(text, from) {
            self.words(&text[from..at], out);
            out.push(id);
            from = at + length;
        }
        self.words(&text[from..], out);
    }

    fn words(&self, text: &str, out: &mut Vec<u32>) {
        if text.is_empty() {
            return;
        }
        match &self.model {
            Model::Bytes {
                splitter,
                bytes,
                merges,
            } => {
                // Qwen's tokenizers compose letters and accents first.
                let composed: String;
                let text = if *splitter == Splitter::Qwen2 && !is_nfc(text) {
                    composed = text.nfc().collect();
                    &composed
                } else {
                    text
                };
                for piece in splitter.split(text) {
                    if *splitter == Splitter::Llama3 {
                        let token: String = piece.bytes().map(printable).collect();
                        if let Some(id) = self.ids.get(&token).filter(|id| !self.is_special(**id)) {
                            out.push(*id);
                            continue;
                        }
                    }
                    let symbols: Vec<u32> = piece
                        .bytes()
                        .filter_map(|byte| bytes[byte as usize])
                        .collect();
                    merge(symbols, out, |left, right| {
                        merges.get(&(left, right)).copied()
                    });
                }
            }
            Model::Sentence { .. } => {
                let mut blank = [0; 4];
                self.sentence(&text.replace(' ', BLANK.encode_utf8(&mut blank)), out);
            }
        }
    }

    /// Merges the neighbours whose joined text has the best score.
    fn sentence(&self, text: &str, out: &mut Vec<u32>) {
        let Model::Sentence {
            scores,
            bytes,
            unknown,
            ..
        } = &self.model
        else {
            return;
        };
        let token = |text: &str| {
            let id = *self.ids.get(text)?;
            Some((id, (*scores.get(id as usize)?)?))
        };
        // A character that is no token can still be part of one, so places stand for themselves until the end.
        let chars: Vec<&str> = text
            .char_indices()
            .map(|(at, c)| &text[at..at + c.len_utf8()])
            .collect();
        let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        starts.push(text.len());
        let mut next: Vec<usize> = (1..=chars.len()).collect();
        let mut before: Vec<usize> = (0..chars.len()).map(|i| i.wrapping_sub(1)).collect();
        let mut end: Vec<usize> = (1..=chars.len()).collect();
        let mut alive = vec![true; chars.len()];
        let mut heap = BinaryHeap::new();
        let offer = |heap: &mut BinaryHeap<_>, left: usize, right: usize, to: usize| {
            let joined = &text[starts[left]..starts[to]];
            if let Some((_, score)) = token(joined) {
                heap.push((Order(score), Reverse(left), right, to));
            }
        };
        for i in 1..chars.len() {
            offer(&mut heap, i - 1, i, i + 1);
        }
        while let Some((_, Reverse(left), right, to)) = heap.pop() {
            // What was offered may be gone or longer by now.
            if !alive[left]
                || right >= chars.len()
                || !alive[right]
                || next[left] != right
                || end[right] != to
            {
                continue;
            }
            alive[right] = false;
            end[left] = to;
            next[left] = next[right];
            if next[left] < chars.len() {
                before[next[left]] = left;
                offer(&mut heap, left, next[left], end[next[left]]);
            }
            if left > 0 && before[left] < chars.len() {
                offer(&mut heap, before[left], left, to);
            }
        }
        let mut at = 0;
        while at < chars.len() {
            let piece = &text[starts[at]..starts[end[at]]];
            match token(piece) {
                Some((id, _)) => out.push(id),
                None => out.extend(
                    piece
                        .bytes()
                        .map(|byte| bytes[byte as usize].unwrap_or(*unknown)),
                ),
            }
            at = next[at];
        }
    }
}

/// A score that can be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order(f32);

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Merges neighbours, lowest rank first and of equal ones the left one, until none can be.
fn merge(mut symbols: Vec<u32>, out: &mut Vec<u32>, rank: impl Fn(u32, u32) -> Option<(u32, u32)>) {
    let count = symbols.len();
    if count < 2 {
        out.extend(symbols);
        return;
    }
    let mut next: Vec<usize> = (1..=count).collect();
    let mut before: Vec<usize> = (0..count).map(|i| i.wrapping_sub(1)).collect();
    let mut alive = vec![true; count];
    let mut heap = BinaryHeap::new();
    let offer = |heap: &mut BinaryHeap<_>, symbols: &[u32], left: usize, right: usize| {
        if let Some((rank, id)) = rank(symbols[left], symbols[right]) {
            heap.push(Reverse((
                rank,
                left,
                right,
                symbols[left],
                symbols[right],
                id,
            )));
        }
    };
    for i in 1..count {
        offer(&mut heap, &symbols, i - 1, i);
    }
    while let Some(Reverse((_, left, right, a, b, id))) = heap.pop() {
        if !alive[left]
            || !alive[right]
            || next[left] != right
            || symbols[left] != a
            || symbols[right] != b
        {
            continue;
        }
        symbols[left] = id;
        alive[right] = false;
        next[left] = next[right];
        if next[left] < count {
            before[next[left]] = left;
            offer(&mut heap, &symbols, left, next[left]);
        }
        if before[left] < count {
            offer(&mut heap, &symbols, before[left], left);
        }
    }
    out.extend(
        symbols
            .into_iter()
            .zip(alive)
            .filter(|one| one.1)
            .map(|one| one.0),
    );
}

fn byte_level(
    vocabulary: &Vocabulary,
    ids: &HashMap<String, u32>,
    special: &[bool],
) -> Result<(Model, Vec<Vec<u8>>), Error> {
    let name = vocabulary.pre.as_deref().ok_or(Error::Missing(
        "the name of its pre-tokenizer (tokenizer.ggml.pre)",
    ))?;
    let splitter =
        Splitter::named(name).ok_or_else(|| Error::UnknownPreTokenizer(name.to_owned()))?;
    let letters: Vec<char> = (0..=255).map(printable).collect();
    let byte_of: HashMap<char, u8> = letters
        .iter()
        .enumerate()
        .map(|(byte, c)| (*c, byte as u8))
        .collect();
    let bytes: Vec<Option<u32>> = letters
        .iter()
        .map(|c| ids.get(c.encode_utf8(&mut [0; 4]) as &str).copied())
        .collect();
    // What every text is made of has to be there.
    if let Some(byte) = (b' '..=b'~').find(|byte| bytes[*byte as usize].is_none()) {
        return Err(Error::Contradiction(format!(
            "no token stands for {:?}",
            char::from(byte)
        )));
    }
    let mut merges = HashMap::with_capacity(vocabulary.merges.len());
    for (rank, line) in vocabulary.merges.iter().enumerate() {
        let wrong =
            || Error::Contradiction(format!("merge {rank} ({line:?}) is not made of tokens"));
        let (left, right) = line.split_once(' ').ok_or_else(wrong)?;
        let of = |text: &str| ids.get(text).copied();
        let (Some(a), Some(b), Some(joined)) = (of(left), of(right), of(&format!("{left}{right}")))
        else {
            return Err(wrong());
        };
        merges.entry((a, b)).or_insert((rank as u32, joined));
    }
    let texts = vocabulary
        .tokens
        .iter()
        .zip(special)
        .map(|(token, is_special)| {
            if *is_special {
                return token.clone().into_bytes();
            }
            let decoded: Option<Vec<u8>> =
                token.chars().map(|c| byte_of.get(&c).copied()).collect();
            // Some vocabularies hold plain text beside.
            decoded.unwrap_or_else(|| token.clone().into_bytes())
        })
        .collect();
    Ok((
        Model::Bytes {
            splitter,
            bytes,
            merges,
        },
        texts,
    ))
}

fn sentence_piece(
    vocabulary: &Vocabulary,
    kinds: &[u8],
    ids: &HashMap<String, u32>,
) -> Result<(Model, Vec<Vec<u8>>), Error> {
    let count = vocabulary.tokens.len();
    if vocabulary.kinds.is_empty() {
        // Without them, `<0x0A>` and `<eos>` would be text.
        return Err(Error::Missing(
            "the kinds of its tokens (tokenizer.ggml.token_type)",
        ));
    }
    if vocabulary.scores.len() != count {
        return Err(Error::Contradiction(format!(
            "{count} tokens have {} scores",
            vocabulary.scores.len()
        )));
    }
    let bytes: Vec<Option<u32>> = (0..=255_u32)
        .map(|byte| ids.get(&format!("<0x{byte:02X}>")).copied())
        .collect();
    let unknown = vocabulary.unknown.or_else(|| ids.get("<unk>").copied());
    let unknown = match unknown {
        Some(unknown) => unknown,
        None if bytes.iter().all(Option::is_some) => 0,
        None => return Err(Error::Missing("a token for unknown text")),
    };
    let scores = vocabulary
        .tokens
        .iter()
        .zip(kinds)
        .zip(&vocabulary.scores)
        .map(|((token, kind), score)| {
            let is_text = !matches!(*kind, UNKNOWN | BYTE) && !is_mark(*kind, token);
            is_text.then_some(*score)
        })
        .collect();
    let texts = vocabulary
        .tokens
        .iter()
        .enumerate()
        .map(|(id, token)| {
            if kinds.get(id) == Some(&BYTE) {
                let byte = token
                    .get(3..5)
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                return byte.map_or_else(Vec::new, |byte| vec![byte]);
            }
            if kinds.get(id) == Some(&CONTROL) {
                return token.clone().into_bytes();
            }
            token.replace(BLANK, " ").into_bytes()
        })
        .collect();
    Ok((
        Model::Sentence {
            scores,
            bytes,
            unknown,
            prefix: vocabulary.add_space_prefix.unwrap_or(true),
        },
        texts,
    ))
}
