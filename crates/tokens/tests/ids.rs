//! Ids of real tokenizers (tests/data/make_ids.py). Their files are large, so `SEEDBED_TOKENIZERS` names a folder with
//! FAMILY/tokenizer.json and FAMILY/tokenizer_config.json; `cargo xtask test engine` fetches those that are free.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../tests/support/missing.rs"]
mod missing;

use seedbed_tokens::{Message, Stream, Template, Tokenizer, Vocabulary};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

/// Under MIT or Apache-2.0.
const FREE: [&str; 3] = ["gpt2", "qwen2_5", "qwen3"];
/// Under terms that somebody has to accept first.
const BOUND: [&str; 2] = ["gemma3", "llama3_2"];

/// The folder with the tokenizers. The test fails without one, or returns where the flag allows that.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDBED_TOKENIZERS").map(PathBuf::from);
    if folder.is_none() {
        missing::missing("tokenizers", "SEEDBED_TOKENIZERS is not set");
    }
    folder
}

/// One family's vocabulary.
fn vocabulary(folder: &Path, family: &str) -> Vocabulary {
    let read = |name: &str| {
        let file = folder.join(family).join(name);
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let config = read("tokenizer_config.json");
    Vocabulary::from_tokenizer_json(&read("tokenizer.json"), Some(&config)).unwrap()
}

/// As llama.cpp writes it to a file: spaces for U+2581 in user-defined tokens.
fn as_in_gguf(vocabulary: &Vocabulary) -> Vocabulary {
    let mut made = vocabulary.clone();
    for (token, kind) in made.tokens.iter_mut().zip(&made.kinds) {
        if *kind == 4 {
            *token = token.replace('\u{2581}', " ");
        }
    }
    made
}

/// What the reference makes of texts: those kept here, or in the file that `SEEDBED_IDS` names.
fn expected() -> Value {
    match std::env::var("SEEDBED_IDS") {
        Ok(path) => serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        Err(_) => serde_json::from_str(include_str!("data/ids.json")).unwrap(),
    }
}

#[test]
fn ids_are_those_of_the_real_tokenizers() {
    compare_ids(&FREE);
}

#[test]
#[ignore = "under their models' terms: tests/data/README.md says how to run it"]
fn ids_are_those_of_the_tokenizers_under_other_terms() {
    compare_ids(&BOUND);
}

fn compare_ids(families: &[&str]) {
    let Some(folder) = folder() else { return };
    let expected = expected();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for family in families {
        let vocabulary = vocabulary(&folder, family);
        let ids: Vec<Option<Vec<u32>>> =
            serde_json::from_value(expected["families"][family]["ids"].clone()).unwrap();
        assert!(ids.iter().flatten().count() > 50, "{family}");
        for vocabulary in [&vocabulary, &as_in_gguf(&vocabulary)] {
            let tokenizer = Rc::new(Tokenizer::new(vocabulary).unwrap());
            for (text, wanted) in texts.iter().zip(&ids) {
                let Some(wanted) = wanted else { continue };
                count += 1;
                let found = tokenizer.encode(text);
                if found != *wanted {
                    wrong.push(format!(
                        "{family} {text:?}:\n  is     {found:?}\n  should {wanted:?}"
                    ));
                }
                assert!(found.iter().all(|id| !tokenizer.is_special(*id)));
                let back = tokenizer.decode(&found);
                // Qwen's texts come back composed.
                assert!(
                    back == *text
                        || (family.starts_with("qwen") && tokenizer.encode(&back) == found),
                    "{family} {text:?}: {back:?}"
                );
                let mut stream = Stream::new(Rc::clone(&tokenizer));
                let mut streamed: String = found.iter().map(|id| stream.push(*id)).collect();
                streamed.push_str(&stream.finish());
                assert_eq!(streamed, back);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Line breaks, spaces and words at the borders of a message are read as they are in the whole text.
#[test]
fn honest_chats_become_the_ids_of_the_whole_text() {
    compare_chats(&FREE[1..]);
}

#[test]
#[ignore = "under their models' terms: tests/data/README.md says how to run it"]
fn honest_chats_of_models_under_other_terms_become_the_ids_of_the_whole_text() {
    compare_chats(&BOUND);
}

/// All but GPT-2 have a template.
fn compare_chats(families: &[&str]) {
    let Some(folder) = folder() else { return };
    let expected = expected();
    for family in families {
        let vocabulary = vocabulary(&folder, family);
        let source = vocabulary.chat_template.as_deref().unwrap();
        for vocabulary in [&vocabulary, &as_in_gguf(&vocabulary)] {
            let tokenizer = Tokenizer::new(vocabulary).unwrap();
            let template = Template::new(source, vocabulary, "2026-01-02").unwrap();
            let chats = expected["families"][family]["chats"].as_array().unwrap();
            assert!(!chats.is_empty());
            for chat in chats {
                let messages: Vec<Message> = chat["messages"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| Message {
                        role: one["role"].as_str().unwrap().to_owned(),
                        content: one["content"].as_str().unwrap().to_owned(),
                    })
                    .collect();
                let parts = template.render(&messages, true).unwrap();
                let text: String = parts.iter().map(|part| part.text.as_str()).collect();
                assert_eq!(text, chat["text"].as_str().unwrap(), "{family}");
                let ids: Vec<u32> = serde_json::from_value(chat["ids"].clone()).unwrap();
                assert_eq!(tokenizer.encode_parts(&parts), ids, "{family} {text:?}");
            }
        }
    }
}

/// Every special token of a family in every kind of message: as many control tokens as without, and the text is kept.
#[test]
fn no_message_brings_a_special_token() {
    attack(&FREE[1..]);
}

#[test]
#[ignore = "under their models' terms: tests/data/README.md says how to run it"]
fn no_message_to_models_under_other_terms_brings_a_special_token() {
    attack(&BOUND);
}

fn attack(families: &[&str]) {
    let Some(folder) = folder() else { return };
    for family in families {
        let vocabulary = vocabulary(&folder, family);
        let source = vocabulary.chat_template.as_deref().unwrap();
        let tokenizer = Tokenizer::new(&vocabulary).unwrap();
        let template = Template::new(source, &vocabulary, "2026-01-02").unwrap();
        let special: Vec<&str> = vocabulary
            .tokens
            .iter()
            .zip(&vocabulary.kinds)
            .filter(|(token, kind)| {
                matches!(kind, 3 | 4) && token.contains(|c: char| c.is_ascii_punctuation())
            })
            .map(|(token, _)| token.as_str())
            .collect();
        assert!(special.len() > 5);
        let structure = |contents: [&str; 3]| {
            let messages: Vec<Message> = ["user", "assistant", "user"]
                .iter()
                .zip(contents)
                .map(|(role, content)| Message {
                    role: (*role).to_owned(),
                    content: content.to_owned(),
                })
                .collect();
            let ids = tokenizer.encode_parts(&template.render(&messages, true).unwrap());
            let marks: Vec<u32> = ids
                .iter()
                .copied()
                .filter(|id| {
                    let token = vocabulary.tokens[*id as usize].as_str();
                    matches!(vocabulary.kinds[*id as usize], 3 | 4) && special.contains(&token)
                })
                .collect();
            (marks, tokenizer.decode(&ids))
        };
        let (honest, _) = structure(["a", "b", "c"]);
        let all = special.concat();
        let (attacked, text) = structure([&all, "b", &all]);
        assert_eq!(attacked, honest, "{family}");
        assert!(text.contains(&all), "{family}");
        // What the model wrote may hold its thoughts, which some templates look for; never a control token.
        let control = |marks: &[u32]| {
            let all = marks.iter().filter(|id| tokenizer.is_special(**id));
            all.copied().collect::<Vec<_>>()
        };
        let (attacked, _) = structure(["a", &all, "c"]);
        assert_eq!(control(&attacked), control(&honest), "{family}");
        // In plain text not either, whole or put together from pieces.
        for text in [all.clone(), format!("<|{all}|>"), special.join("\n\n")] {
            let ids = tokenizer.encode(&text);
            assert!(
                ids.iter()
                    .all(|id| !special.contains(&vocabulary.tokens[*id as usize].as_str())),
                "{family}"
            );
            assert_eq!(tokenizer.decode(&ids), text);
        }
    }
}

/// Ways to write much that merges badly. A text in one piece may take longer than the same text in 64 pieces, but not as
/// work takes that grows with the square of the length: 64 times as long.
#[test]
fn long_hostile_texts_take_as_long_as_many_short_ones() {
    read_long_texts("qwen3");
}

#[test]
#[ignore = "under their models' terms: tests/data/README.md says how to run it"]
fn long_hostile_texts_take_as_long_as_many_short_ones_under_other_terms() {
    read_long_texts("gemma3");
}

fn read_long_texts(family: &str) {
    let Some(folder) = folder() else { return };
    let vocabulary = vocabulary(&folder, family);
    let tokenizer = Tokenizer::new(&vocabulary).unwrap();
    let source = vocabulary.chat_template.as_deref().unwrap();
    let template = Template::new(source, &vocabulary, "2026-01-02").unwrap();
    for unit in [
        "a",
        "<",
        "<unused1",
        "\n",
        "a\n\n",
        " x",
        "<end_of_turn>",
        "\u{6771}",
    ] {
        let short = unit.repeat((1 << 10) / unit.len());
        let took = |text: &str, times: usize| {
            let begin = Instant::now();
            for _ in 0..times {
                assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text);
                let message = Message {
                    role: "user".to_owned(),
                    content: text.to_owned(),
                };
                let parts = template.render(&[message], true).unwrap();
                // Line breaks alone are trimmed by Gemma's template.
                let count = tokenizer.encode_parts(&parts).len();
                assert!(count > 20 || unit == "\n", "{family} {unit:?}: {count}");
            }
            begin.elapsed()
        };
        let (many, one) = (took(&short, 64), took(&short.repeat(64), 1));
        assert!(one < 16 * many, "{family} {unit:?}: {one:?} and {many:?}");
    }
}
