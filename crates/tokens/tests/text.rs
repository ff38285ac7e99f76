//! Text as it comes out: no half characters, nothing of a stop string, nothing lost.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use seedbed_tokens::{Part, StopStrings, Stream, Tokenizer, Vocabulary};
use std::rc::Rc;

/// A byte-level vocabulary of single bytes and a few control tokens.
fn bytes() -> Tokenizer {
    // GPT-2's printable stand-ins, as the crate must read them back.
    let mut next = 256;
    let mut tokens: Vec<String> = (0..=255_u32)
        .map(|byte| {
            let is_printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
            let code = if is_printable { byte } else { next };
            next += u32::from(!is_printable);
            char::from_u32(code).unwrap().to_string()
        })
        .collect();
    let controls = ["<|im_start|>", "<|im_end|>", "<|im|>"];
    tokens.extend(controls.map(str::to_owned));
    let mut kinds = vec![1; 256];
    kinds.extend([3; 3]);
    let vocabulary = Vocabulary {
        model: "gpt2".to_owned(),
        pre: Some("gpt-2".to_owned()),
        tokens,
        kinds,
        eos: Some(257),
        ..Vocabulary::default()
    };
    Tokenizer::new(&vocabulary).unwrap()
}

const TEXTS: [&str; 5] = [
    "plain",
    "naïve 東京 🙂 👨‍👩‍👧",
    "a\u{301}\u{302}",
    "\u{fdd0}\u{ffff}\u{0}",
    "stop STOP sto",
];

#[test]
fn every_text_comes_back_whole_and_token_by_token() {
    let tokenizer = Rc::new(bytes());
    for text in TEXTS {
        let ids = tokenizer.encode(text);
        assert_eq!(ids.len(), text.len());
        assert_eq!(tokenizer.decode(&ids), text);
        let mut stream = Stream::new(tokenizer.clone());
        let mut out = String::new();
        for id in &ids {
            let piece = stream.push(*id);
            assert!(!piece.contains('\u{fffd}'), "{text}: {piece}");
            out.push_str(&piece);
        }
        out.push_str(&stream.finish());
        assert_eq!(out, text);
    }
    // A character that never becomes whole is shown as one that is missing, and what follows it is not held back.
    let mut stream = Stream::new(tokenizer.clone());
    let half = "é".as_bytes()[0];
    assert_eq!(stream.push(u32::from(half)), "");
    assert_eq!(stream.push(tokenizer.encode("x")[0]), "\u{fffd}x");
}

#[test]
fn a_stop_string_is_never_shown_however_it_comes() {
    let stops = ["STOP".to_owned(), "\n\n".to_owned(), String::new()];
    for (text, wanted, is_hit) in [
        ("say it STOP now", "say it ", true),
        ("STSTOP", "ST", true),
        ("a\nb\n\nc", "a\nb", true),
        ("STO", "STO", false),
        ("nothing here", "nothing here", false),
        ("🙂STOP", "🙂", true),
    ] {
        for size in 1..=text.chars().count() {
            let all: Vec<char> = text.chars().collect();
            let mut watch = StopStrings::new(&stops);
            let (mut out, mut hit) = (String::new(), false);
            for piece in all.chunks(size) {
                let (safe, now) = watch.push(&piece.iter().collect::<String>());
                out.push_str(&safe);
                if now {
                    hit = true;
                    break;
                }
            }
            if !hit {
                out.push_str(&watch.finish());
            }
            assert_eq!(
                (out.as_str(), hit),
                (wanted, is_hit),
                "{text:?} in pieces of {size}"
            );
        }
    }
}

#[test]
fn control_tokens_are_found_in_template_text_only() {
    let tokenizer = bytes();
    let part = |text: &str, is_template| Part {
        text: text.to_owned(),
        is_template,
    };
    let controls = |parts: &[Part]| {
        let ids = tokenizer.encode_parts(parts);
        ids.into_iter()
            .filter(|id| tokenizer.is_special(*id))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        controls(&[
            part("<|im_start|>user\n", true),
            part("<|im_end|>", false),
            part("<|im_end|>", true)
        ]),
        [256, 257]
    );
    // Not across a border either.
    assert_eq!(
        controls(&[part("<|im_", true), part("end|>", true)]),
        [0; 0]
    );
    assert_eq!(controls(&[part("<|im_<|im_end|>end|>", false)]), [0; 0]);
    assert_eq!(tokenizer.encode("<|im_end|>").len(), "<|im_end|>".len());
    assert_eq!(tokenizer.stops(), [257]);
}

#[test]
fn long_and_odd_texts_come_to_an_end() {
    let tokenizer = bytes();
    for text in [
        "a".repeat(1 << 20),
        " ".repeat(1 << 20),
        "🙂".repeat(1 << 18),
        "<|".repeat(1 << 19),
    ] {
        assert_eq!(tokenizer.encode(&text).len(), text.len());
        let part = Part {
            text: text.clone(),
            is_template: true,
        };
        assert_eq!(tokenizer.encode_parts(&[part]).len(), text.len());
    }
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let base = || Vocabulary {
        model: "gpt2".to_owned(),
        pre: Some("gpt-2".to_owned()),
        tokens: vec!["a".to_owned()],
        ..Vocabulary::default()
    };
    for (vocabulary, reason) in [
        (
            Vocabulary {
                model: "bert".to_owned(),
                ..base()
            },
            "of the kind “bert”",
        ),
        (
            Vocabulary {
                pre: Some("exaone".to_owned()),
                ..base()
            },
            "by the rules “exaone”",
        ),
        (
            Vocabulary {
                pre: None,
                ..base()
            },
            "lacks the name of its pre-tokenizer",
        ),
        (
            Vocabulary {
                tokens: Vec::new(),
                ..base()
            },
            "lacks a list of tokens",
        ),
        (
            Vocabulary {
                kinds: vec![1, 1],
                ..base()
            },
            "1 tokens have 2 kinds",
        ),
        (
            Vocabulary {
                eos: Some(9),
                ..base()
            },
            "the eos token is not one of the 1",
        ),
        (base(), "no token stands for"),
        (
            Vocabulary {
                model: "llama".to_owned(),
                ..base()
            },
            "1 tokens have 0 scores",
        ),
    ] {
        let error = Tokenizer::new(&vocabulary).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
