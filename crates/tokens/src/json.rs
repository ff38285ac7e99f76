//! Hugging Face's `tokenizer.json` as a [`Vocabulary`].

use crate::tokenizer::{CONTROL, USER_DEFINED};
use crate::{Error, Vocabulary};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::HashMap;

/// Patterns of the models' own files. They are compared as text, as two that differ may cut alike or not.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Kinds that have no name elsewhere.
const NORMAL: u8 = 1;
const UNKNOWN: u8 = 2;
const UNUSED: u8 = 5;
const BYTE: u8 = 6;
/// A token that no pair becomes is never merged into.
const NEVER: f32 = -1e9;

/// What decides how the rest is read.
#[derive(Deserialize)]
struct Head {
    model: Kind,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: Option<String>,
    merges: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    model: Bpe,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
}

#[derive(Deserialize)]
struct Bpe {
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    dropout: Option<f64>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Line(String),
    Pair(String, String),
}

impl Merge {
    fn pair(&self) -> Option<(&str, &str)> {
        match self {
            Self::Line(line) => line.split_once(' '),
            Self::Pair(left, right) => Some((left, right)),
        }
    }
}

/// What the sections around the model say.
enum Family {
    /// By the name of its pre-tokenizer.
    Bytes(&'static str),
    Sentence {
        prefix: bool,
    },
}

pub(crate) fn read(tokenizer: &str, config: Option<&str>) -> Result<Vocabulary, Error> {
    let damaged = |error: serde_json::Error| Error::Json(error.to_string());
    let head: Head = serde_json::from_str(tokenizer).map_err(damaged)?;
    // Old files do not name the kind; only this one has merges.
    match head.model.kind.as_deref() {
        Some("BPE") => {}
        None if head.model.merges.is_some() => {}
        other => {
            return Err(Error::UnknownTokenizer(
                other.unwrap_or("unnamed").to_owned(),
            ));
        }
    }
    let file: File = serde_json::from_str(tokenizer).map_err(damaged)?;
    let config: Value = config
        .map(serde_json::from_str)
        .transpose()
        .map_err(damaged)?
        .unwrap_or_default();
    let model = &file.model;
    let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if is_set(&model.continuing_subword_prefix) || is_set(&model.end_of_word_suffix) {
        return Err(Error::Unsupported("signs at the ends of words".to_owned()));
    }
    if model.dropout.is_some_and(|part| part > 0.0) {
        return Err(Error::Unsupported("merges by chance".to_owned()));
    }
    let family = family(&file)?;
    let (tokens, mut kinds) = tokens(&file)?;
    let mut vocabulary = Vocabulary {
        chat_template: template(&config)?,
        ..Vocabulary::default()
    };
    match family {
        Family::Bytes(pre) => {
            "gpt2".clone_into(&mut vocabulary.model);
            vocabulary.pre = Some(pre.to_owned());
            for (rank, merge) in model.merges.iter().enumerate() {
                let (left, right) = pair(rank, merge)?;
                if left.contains(' ') || right.contains(' ') {
                    return Err(Error::Contradiction(format!(
                        "merge {rank} ({left:?} and {right:?}) is not made of tokens"
                    )));
                }
                vocabulary.merges.push(format!("{left} {right}"));
            }
        }
        Family::Sentence { prefix } => {
            "llama".clone_into(&mut vocabulary.model);
            vocabulary.add_space_prefix = Some(prefix);
            // The list came from scores: all pairs that make a token stand where the token's score put them.
            vocabulary.scores = vec![NEVER; tokens.len()];
            for (rank, merge) in model.merges.iter().enumerate() {
                let (left, right) = pair(rank, merge)?;
                let joined = format!("{left}{right}");
                let score = model
                    .vocab
                    .get(&joined)
                    .and_then(|id| vocabulary.scores.get_mut(*id as usize))
                    .ok_or_else(|| {
                        Error::Contradiction(format!(
                            "merge {rank} makes {joined:?}, which is no token"
                        ))
                    })?;
                if *score == NEVER {
                    *score = -(rank as f32);
                }
            }
            for byte in 0..=255_u8 {
                let kind = model
                    .vocab
                    .get(&format!("<0x{byte:02X}>"))
                    .and_then(|id| kinds.get_mut(*id as usize))
                    .ok_or_else(|| {
                        Error::Contradiction(format!("no token stands for byte {byte}"))
                    })?;
                *kind = BYTE;
            }
        }
    }
    let id_of = |text: &str| {
        file.added_tokens
            .iter()
            .find(|one| one.content == text)
            .map(|one| one.id)
            .or_else(|| model.vocab.get(text).copied())
    };
    vocabulary.unknown = model.unk_token.as_deref().and_then(id_of);
    if let Some(kind) = vocabulary
        .unknown
        .and_then(|id| kinds.get_mut(id as usize))
        .filter(|kind| **kind == NORMAL)
    {
        *kind = UNKNOWN;
    }
    let first = first_token(&file.post_processor);
    let named = |key: &str| -> Result<Option<u32>, Error> {
        let Some(text) = text_of(&config[key]) else {
            return Ok(None);
        };
        id_of(text)
            .map(Some)
            .ok_or_else(|| Error::Contradiction(format!("{key} is {text:?}, which is no token")))
    };
    vocabulary.bos = match named("bos_token")? {
        None => first.and_then(id_of),
        some => some,
    };
    vocabulary.eos = named("eos_token")?;
    vocabulary.add_bos = Some(match config["add_bos_token"].as_bool() {
        Some(adds) => adds,
        None => first.is_some_and(|text| id_of(text) == vocabulary.bos),
    });
    vocabulary.tokens = tokens;
    vocabulary.kinds = kinds;
    Ok(vocabulary)
}

fn pair(rank: usize, merge: &Merge) -> Result<(&str, &str), Error> {
    merge
        .pair()
        .ok_or_else(|| Error::Contradiction(format!("merge {rank} is not a pair")))
}

/// A token is given as its text, or as an object with it.
fn text_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

/// Tokens by id, with their kinds.
fn tokens(file: &File) -> Result<(Vec<String>, Vec<u8>), Error> {
    let vocab = &file.model.vocab;
    let all = || {
        vocab
            .iter()
            .map(|(text, id)| (text, *id, NORMAL))
            .chain(file.added_tokens.iter().map(|one| {
                let kind = if one.special { CONTROL } else { USER_DEFINED };
                (&one.content, one.id, kind)
            }))
    };
    let named = vocab.len() + file.added_tokens.len();
    let count = all().map(|(_, id, _)| id as usize + 1).max().unwrap_or(0);
    if count > 2 * named + 1024 {
        return Err(Error::Contradiction(format!(
            "the highest of {named} tokens is {}",
            count - 1
        )));
    }
    let mut tokens: Vec<Option<String>> = vec![None; count];
    let mut kinds = vec![UNUSED; count];
    for (text, id, kind) in all() {
        let at = id as usize;
        if tokens[at].as_ref().is_some_and(|old| old != text) {
            return Err(Error::Contradiction(format!(
                "two tokens have the number {id}"
            )));
        }
        tokens[at] = Some(text.clone());
        kinds[at] = kind;
    }
    let tokens = tokens
        .into_iter()
        .enumerate()
        .map(|(id, text)| text.unwrap_or_else(|| format!("[PAD{id}]")))
        .collect();
    Ok((tokens, kinds))
}

/// The steps of a section, out of the sequences they may be in.
fn steps(section: &Value) -> Vec<&Value> {
    match (
        section["type"].as_str(),
        &section["pretokenizers"],
        &section["normalizers"],
    ) {
        (None, ..) => Vec::new(),
        (Some("Sequence"), Value::Array(all), _) | (Some("Sequence"), _, Value::Array(all)) => {
            all.iter().flat_map(steps).collect()
        }
        _ => vec![section],
    }
}

fn kind(step: &Value) -> &str {
    step["type"].as_str().unwrap_or_default()
}

/// Which of the known tokenizers it is.
fn family(file: &File) -> Result<Family, Error> {
    if let Some(one) = file
        .added_tokens
        .iter()
        .find(|one| one.single_word || one.lstrip || one.rstrip)
    {
        return Err(Error::Unsupported(format!(
            "the token {:?} to take the space beside it",
            one.content
        )));
    }
    let normal = steps(&file.normalizer);
    let cuts = steps(&file.pre_tokenizer);
    let is =
        |value: &Value, key: &str, wanted: bool| value[key].as_bool().unwrap_or(false) == wanted;
    // ByteLevel's flags are true where they are not given.
    let is_bytes = |step: &Value, by_regex: bool| {
        kind(step) == "ByteLevel"
            && !step["add_prefix_space"].as_bool().unwrap_or(true)
            && step["use_regex"].as_bool().unwrap_or(true) == by_regex
    };
    if file.model.byte_fallback {
        let blanks = |step: &Value| {
            kind(step) == "Replace"
                && step["pattern"]["String"] == " "
                && step["content"] == "\u{2581}"
        };
        let prefix = match normal.as_slice() {
            [replace] if blanks(replace) => false,
            [prepend, replace]
                if kind(prepend) == "Prepend"
                    && prepend["prepend"] == "\u{2581}"
                    && blanks(replace) =>
            {
                true
            }
            _ => return Err(unknown("a normaliser", &file.normalizer)),
        };
        // Gemma cuts at spaces, of which its normaliser leaves none.
        return match cuts.as_slice() {
            [] => Ok(Family::Sentence { prefix }),
            [cut] if kind(cut) == "Split" && cut["pattern"]["String"] == " " => {
                Ok(Family::Sentence { prefix })
            }
            _ => Err(unknown("a pre-tokenizer", &file.pre_tokenizer)),
        };
    }
    let pre = match cuts.as_slice() {
        [bytes] if is_bytes(bytes, true) => "gpt-2",
        [digits, bytes]
            if kind(digits) == "Digits"
                && is(digits, "individual_digits", true)
                && is_bytes(bytes, true) =>
        {
            "smollm"
        }
        [cut, bytes]
            if kind(cut) == "Split"
                && cut["behavior"] == "Isolated"
                && is(cut, "invert", false)
                && is_bytes(bytes, false) =>
        {
            match cut["pattern"]["Regex"].as_str() {
                Some(QWEN2) => "qwen2",
                Some(LLAMA3) => "llama-bpe",
                _ => return Err(unknown("a pre-tokenizer", &file.pre_tokenizer)),
            }
        }
        _ => return Err(unknown("a pre-tokenizer", &file.pre_tokenizer)),
    };
    let is_normal = match normal.as_slice() {
        [] => pre != "qwen2",
        [one] => pre == "qwen2" && kind(one) == "NFC",
        _ => false,
    };
    if !is_normal {
        return Err(unknown("a normaliser", &file.normalizer));
    }
    if file.model.ignore_merges != (pre == "llama-bpe") {
        return Err(Error::Unsupported(format!(
            "words whole ({}) with the pre-tokenizer {pre}",
            file.model.ignore_merges
        )));
    }
    Ok(Family::Bytes(pre))
}

/// Names a section by its beginning.
fn unknown(what: &str, section: &Value) -> Error {
    let text: String = section.to_string().chars().take(200).collect();
    Error::Unsupported(format!("{what} ({text})"))
}

/// The token that texts begin with.
fn first_token(section: &Value) -> Option<&str> {
    match section["type"].as_str()? {
        "Sequence" => section["processors"]
            .as_array()?
            .iter()
            .find_map(first_token),
        "TemplateProcessing" => section["single"][0]["SpecialToken"]["id"].as_str(),
        _ => None,
    }
}

/// The template, or of several the default one.
fn template(config: &Value) -> Result<Option<String>, Error> {
    match &config["chat_template"] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Array(all) => Ok(all
            .iter()
            .find(|one| one["name"] == "default")
            .and_then(|one| one["template"].as_str())
            .map(str::to_owned)),
        _ => Err(Error::Json("chat_template is no text".to_owned())),
    }
}
