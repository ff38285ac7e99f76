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

/// Repeatable chance (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
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

/// Whatever the pieces, the reply is the same: stops within stops, and beginnings of one within another.
#[test]
fn stop_strings_do_not_depend_on_the_pieces() {
    let mut chance = Chance(11);
    for _ in 0..3000 {
        let mut word = |most: usize| -> String {
            let count = chance.below(most) + 1;
            (0..count)
                .map(|_| ['a', 'b', 'é'][chance.below(3)])
                .collect()
        };
        let stops = [word(4), word(3), word(5)];
        let text = word(24);
        let run = |sizes: &mut dyn FnMut() -> usize| {
            let mut watch = StopStrings::new(&stops);
            let mut out = String::new();
            let all: Vec<char> = text.chars().collect();
            let mut rest = all.as_slice();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(sizes().min(rest.len()));
                rest = after;
                let (safe, hit) = watch.push(&piece.iter().collect::<String>());
                out.push_str(&safe);
                if hit {
                    return (out, true);
                }
            }
            out.push_str(&watch.finish());
            (out, false)
        };
        let whole = run(&mut || usize::MAX);
        assert_eq!(run(&mut || 1), whole, "{text} {stops:?}");
        assert_eq!(run(&mut || chance.below(4) + 1), whole, "{text} {stops:?}");
        assert!(stops.iter().all(|stop| !whole.0.contains(stop.as_str())));
        assert!(text.starts_with(&whole.0) && (whole.1 || text == whole.0));
    }
}

#[test]
fn random_texts_come_back_whole_and_token_by_token() {
    let tokenizer = Rc::new(bytes());
    let mut chance = Chance(5);
    for _ in 0..500 {
        let text: String = (0..chance.below(40))
            .filter_map(|_| {
                let bits = [7, 11, 16, 21][chance.below(4)];
                char::from_u32(chance.below(1 << bits) as u32)
            })
            .collect();
        let ids = tokenizer.encode(&text);
        assert_eq!(tokenizer.decode(&ids), text);
        let mut stream = Stream::new(Rc::clone(&tokenizer));
        let mut out: String = ids.iter().map(|id| stream.push(*id)).collect();
        out.push_str(&stream.finish());
        assert_eq!(out, text);
        // Any tokens at all: the stream shows what the whole would.
        let ids: Vec<u32> = (0..chance.below(30))
            .map(|_| chance.below(300) as u32)
            .collect();
        let mut stream = Stream::new(Rc::clone(&tokenizer));
        let mut out: String = ids.iter().map(|id| stream.push(*id)).collect();
        out.push_str(&stream.finish());
        assert_eq!(out, tokenizer.decode(&ids));
    }
}

/// A SentencePiece vocabulary: some words, bytes, and pieces that would grow into control tokens.
fn sentence(prefix: bool) -> Tokenizer {
    let mut tokens: Vec<(String, u8, f32)> = vec![
        ("<unk>".to_owned(), 2, 0.0),
        ("<s>".to_owned(), 3, 0.0),
        ("</s>".to_owned(), 3, 0.0),
    ];
    tokens.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), 6, 0.0)));
    let words = [
        "\u{2581}",
        "h",
        "i",
        "hi",
        "\u{2581}hi",
        "<",
        "s",
        ">",
        "/",
        "<s",
        "s>",
        "</",
        "/s",
        "0",
        "x",
        "A",
        "<0",
        "xA",
    ];
    tokens.extend(
        words
            .iter()
            .zip(0_i16..)
            .map(|(word, rank)| ((*word).to_owned(), 1, -f32::from(rank))),
    );
    // As llama.cpp writes them: spaces, not U+2581.
    tokens.extend(["  ", "   ", "\n", "\n\n", "<b>"].map(|text| (text.to_owned(), 4, 0.0)));
    let vocabulary = Vocabulary {
        model: "llama".to_owned(),
        scores: tokens.iter().map(|one| one.2).collect(),
        kinds: tokens.iter().map(|one| one.1).collect(),
        tokens: tokens.into_iter().map(|one| one.0).collect(),
        bos: Some(1),
        eos: Some(2),
        unknown: Some(0),
        add_space_prefix: Some(prefix),
        ..Vocabulary::default()
    };
    Tokenizer::new(&vocabulary).unwrap()
}

#[test]
fn sentence_piece_text_holds_no_control_tokens_and_keeps_its_spaces() {
    for prefix in [false, true] {
        let tokenizer = Rc::new(sentence(prefix));
        for text in [
            "",
            "hi",
            " hi",
            "hi hi",
            "   hi",
            "hi  hi    hi",
            "<s></s>hi<unk>",
            "<0xA0>",
            "<b>",
            "a\n\n\nb",
            "東🙂\t",
        ] {
            let ids = tokenizer.encode(text);
            assert!(
                ids.iter().all(|id| *id > 2 && !tokenizer.is_special(*id)),
                "{text:?}: {ids:?}"
            );
            assert_eq!(tokenizer.decode(&ids), text);
            let mut stream = Stream::new(Rc::clone(&tokenizer));
            let mut out: String = ids.iter().map(|id| stream.push(*id)).collect();
            out.push_str(&stream.finish());
            assert_eq!(out, text);
        }
        let id = |text: &str| tokenizer.id_of(text).unwrap();
        let first = if prefix { "\u{2581}hi" } else { "hi" };
        assert_eq!(tokenizer.encode("hi"), [id(first)]);
        assert_eq!(
            tokenizer.encode("hi     hi"),
            [id(first), id("   "), id("  "), id("hi")]
        );
        // Control tokens and user-defined ones in templates; the space comes back after each, the first token only once.
        let part = |text: &str| Part {
            text: text.to_owned(),
            is_template: true,
        };
        assert_eq!(
            tokenizer.encode_parts(&[part("<s>hi</s>hi<b>")]),
            [1, id(first), 2, id(first), id("<b>")]
        );
        assert_eq!(tokenizer.encode_parts(&[part("hi")]), [1, id(first)]);
        // Line breaks on both sides of a border are one token, as they are in the whole text.
        assert_eq!(
            tokenizer.encode_parts(&[part("<s>hi\n"), part("\n</s>")]),
            [1, id(first), id("\n\n"), 2]
        );
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
                kinds: vec![1],
                ..base()
            },
            "1 tokens have 0 scores",
        ),
        (
            Vocabulary {
                model: "llama".to_owned(),
                ..base()
            },
            "lacks the kinds of its tokens",
        ),
    ] {
        let error = Tokenizer::new(&vocabulary).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
