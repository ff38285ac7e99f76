//! `tokenizer.json`: small ones in full, and what must be refused by name.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use seedbed_tokens::{Tokenizer, Vocabulary};
use serde_json::{Value, json};

const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A byte-level file: printable ASCII, the space's stand-in, one word, one control and one user-defined token.
fn bytes() -> Value {
    let mut vocab: serde_json::Map<String, Value> = (b'!'..=b'~')
        .chain([0])
        .enumerate()
        .map(|(id, byte)| {
            let c = if byte == 0 { 'Ġ' } else { char::from(byte) };
            (c.to_string(), json!(id))
        })
        .collect();
    for word in ["hi", "Ġhi"] {
        let id = vocab.len();
        vocab.insert(word.to_owned(), json!(id));
    }
    let count = vocab.len();
    json!({
        "added_tokens": [
            {"id": count, "content": "<|end|>", "special": true, "lstrip": false, "rstrip": false, "single_word": false},
            {"id": count + 2, "content": "<think>", "special": false},
        ],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": ["h i", ["Ġ", "hi"]], "unk_token": null},
    })
}

/// A SentencePiece-like file.
fn sentence() -> Value {
    let mut vocab: serde_json::Map<String, Value> = ["<unk>", "<s>", "\u{2581}", "h", "i", "hi"]
        .iter()
        .zip(0..)
        .map(|(text, id)| ((*text).to_owned(), json!(id)))
        .collect();
    for byte in 0..=255 {
        let id = vocab.len();
        vocab.insert(format!("<0x{byte:02X}>"), json!(id));
    }
    json!({
        "added_tokens": [
            {"id": 0, "content": "<unk>", "special": false},
            {"id": 1, "content": "<s>", "special": true},
        ],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u{2581}"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"},
        ]},
        "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]},
        "model": {"type": "BPE", "vocab": vocab, "merges": ["h i"], "unk_token": "<unk>", "byte_fallback": true},
    })
}

fn read(file: &Value) -> Result<Vocabulary, String> {
    Vocabulary::from_tokenizer_json(&file.to_string(), None).map_err(|error| error.to_string())
}

#[test]
fn a_byte_level_file_becomes_a_tokenizer() {
    let config = json!({
        "eos_token": {"content": "<|end|>"}, "bos_token": null, "add_bos_token": false,
        "chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "y"}],
    });
    let vocabulary =
        Vocabulary::from_tokenizer_json(&bytes().to_string(), Some(&config.to_string())).unwrap();
    assert_eq!(vocabulary.pre.as_deref(), Some("gpt-2"));
    assert_eq!(vocabulary.merges, ["h i", "Ġ hi"]);
    assert_eq!(vocabulary.chat_template.as_deref(), Some("y"));
    assert_eq!(vocabulary.kinds[97..], [3, 5, 4]);
    let tokenizer = Tokenizer::new(&vocabulary).unwrap();
    assert_eq!(tokenizer.stops(), [97]);
    assert_eq!(
        tokenizer.encode("hi hi"),
        [
            tokenizer.id_of("hi").unwrap(),
            tokenizer.id_of("Ġhi").unwrap()
        ]
    );
    assert!(!tokenizer.encode("<|end|>").contains(&97));
}

#[test]
fn a_sentence_piece_file_becomes_a_tokenizer() {
    let vocabulary = read(&sentence()).unwrap();
    assert_eq!(vocabulary.model, "llama");
    assert_eq!(vocabulary.add_space_prefix, Some(true));
    assert_eq!((vocabulary.bos, vocabulary.add_bos), (Some(1), Some(true)));
    assert_eq!(vocabulary.unknown, Some(0));
    let tokenizer = Tokenizer::new(&vocabulary).unwrap();
    assert_eq!(tokenizer.encode("hi"), [2, 5]);
    assert_eq!(tokenizer.decode(&tokenizer.encode("hi é\n")), "hi é\n");
}

#[test]
fn each_pattern_is_known_by_its_whole_text() {
    let with = |pattern: &str, normalizer: Value, whole: bool| {
        let mut file = bytes();
        file["normalizer"] = normalizer;
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]});
        file["model"]["ignore_merges"] = json!(whole);
        read(&file).map(|made| made.pre.unwrap())
    };
    let llama = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|");
    let nfc = || json!({"type": "NFC"});
    assert_eq!(with(QWEN2, nfc(), false).unwrap(), "qwen2");
    assert_eq!(with(&llama, Value::Null, true).unwrap(), "llama-bpe");
    for (pattern, normalizer, whole, reason) in [
        (QWEN2.to_owned(), Value::Null, false, "a normaliser (null)"),
        (llama.clone(), nfc(), true, "a normaliser"),
        (llama.clone(), Value::Null, false, "words whole (false)"),
        (QWEN2.replace("'d", ""), nfc(), false, "a pre-tokenizer"),
    ] {
        let error = with(&pattern, normalizer, whole).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    let mut digits = bytes();
    digits["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": true},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    ]});
    assert_eq!(read(&digits).unwrap().pre.as_deref(), Some("smollm"));
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let change = |mut file: Value, path: &str, value: Value| {
        *file.pointer_mut(path).unwrap() = value;
        read(&file).and_then(|made| {
            Tokenizer::new(&made).map_err(|error| error.to_string())?;
            Ok(())
        })
    };
    for (made, reason) in [
        (
            change(bytes(), "/model/type", json!("WordPiece")),
            "of the kind “WordPiece”",
        ),
        (
            change(
                bytes(),
                "/model",
                json!({"type": "Unigram", "vocab": [["a", 0.0]]}),
            ),
            "of the kind “Unigram”",
        ),
        (
            change(bytes(), "/pre_tokenizer", json!({"type": "Whitespace"})),
            "a pre-tokenizer ({\"type\":\"Whitespace\"})",
        ),
        (
            change(bytes(), "/pre_tokenizer", Value::Null),
            "a pre-tokenizer (null)",
        ),
        (
            change(bytes(), "/normalizer", json!({"type": "Lowercase"})),
            "a normaliser",
        ),
        (
            change(bytes(), "/added_tokens/0/rstrip", json!(true)),
            "the space beside it",
        ),
        (
            change(bytes(), "/added_tokens/0/id", json!(4_000_000_000_u32)),
            "is 4000000000",
        ),
        (
            change(bytes(), "/added_tokens/0/id", json!(3)),
            "two tokens have the number 3",
        ),
        (
            change(bytes(), "/model/merges/0", json!("hi")),
            "merge 0 is not a pair",
        ),
        (
            change(bytes(), "/model/merges/0", json!("h zz")),
            "merge 0 (\"h zz\") is not made of tokens",
        ),
        (
            change(bytes(), "/model/merges/0", json!(3)),
            "can't be read",
        ),
        (
            change(bytes(), "/model/vocab", json!({"a": -1})),
            "can't be read",
        ),
        (
            change(sentence(), "/normalizer", json!({"type": "NFKC"})),
            "a normaliser",
        ),
        (
            change(sentence(), "/model/merges/0", json!("h zz")),
            "makes \"hzz\", which is no token",
        ),
    ] {
        let error = made.unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    assert!(read(&json!([])).is_err());
    assert!(Vocabulary::from_tokenizer_json("{", None).is_err());
    assert!(Vocabulary::from_tokenizer_json(&bytes().to_string(), Some("{")).is_err());
    let config = json!({"eos_token": "<nothing>"}).to_string();
    let error = Vocabulary::from_tokenizer_json(&bytes().to_string(), Some(&config)).unwrap_err();
    assert!(error.to_string().contains("eos_token"), "{error}");
}
