//! Ids of real tokenizers (tests/data/make_ids.py). Their files are large and under their models' terms, so
//! `SEEDBED_TOKENIZERS` names a folder with FAMILY/tokenizer.json and FAMILY/tokenizer_config.json.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use seedbed_tokens::{Message, Stream, Template, Tokenizer, Vocabulary};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const FAMILIES: [&str; 5] = ["gemma3", "gpt2", "llama3_2", "qwen2_5", "qwen3"];

/// The folder with the tokenizers; `None`, and said so, without one.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDBED_TOKENIZERS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SKIPPED: SEEDBED_TOKENIZERS names no folder with tokenizers");
    }
    folder
}

/// One family's vocabulary; `None`, and said so, if it is not there.
fn vocabulary(folder: &Path, family: &str) -> Option<Vocabulary> {
    let read = |name: &str| std::fs::read_to_string(folder.join(family).join(name));
    let Ok(tokenizer) = read("tokenizer.json") else {
        eprintln!("SKIPPED: {} has no {family}", folder.display());
        return None;
    };
    let config = read("tokenizer_config.json").unwrap();
    Some(Vocabulary::from_tokenizer_json(&tokenizer, Some(&config)).unwrap())
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
    let Some(folder) = folder() else { return };
    let expected = expected();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for family in FAMILIES {
        let Some(vocabulary) = vocabulary(&folder, family) else {
            continue;
        };
        let ids: Vec<Option<Vec<u32>>> =
            serde_json::from_value(expected["families"][family]["ids"].clone()).unwrap();
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
    assert!(count > 0, "the folder has none of them");
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
    let Some(folder) = folder() else { return };
    let expected = expected();
    for family in FAMILIES {
        let Some(vocabulary) = vocabulary(&folder, family) else {
            continue;
        };
        let Some(source) = vocabulary.chat_template.as_deref() else {
            continue;
        };
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
    let Some(folder) = folder() else { return };
    for family in FAMILIES {
        let Some(vocabulary) = vocabulary(&folder, family) else {
            continue;
        };
        let Some(source) = vocabulary.chat_template.as_deref() else {
            continue;
        };
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

/// A thousand ways to write much that merges badly; quadratic work would take minutes.
#[test]
fn long_hostile_texts_are_read_at_once() {
    let Some(folder) = folder() else { return };
    for family in ["gemma3", "qwen3"] {
        let Some(vocabulary) = vocabulary(&folder, family) else {
            continue;
        };
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
            let text = unit.repeat((1 << 18) / unit.len());
            let message = Message {
                role: "user".to_owned(),
                content: text.clone(),
            };
            let begin = std::time::Instant::now();
            assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), text);
            let parts = template.render(&[message], true).unwrap();
            // Line breaks alone are trimmed by Gemma's template.
            let count = tokenizer.encode_parts(&parts).len();
            assert!(count > 100 || unit == "\n", "{family} {unit:?}: {count}");
            let took = begin.elapsed();
            assert!(took.as_secs() < 20, "{family} {unit:?}: {took:?}");
        }
    }
}
