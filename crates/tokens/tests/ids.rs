//! Ids of real tokenizers. They are large, so `SEEDBED_TOKENIZERS` names a folder with what tests/data/make_ids.py made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use seedbed_tokens::{Tokenizer, Vocabulary};
use serde_json::Value;

#[test]
fn ids_are_those_of_the_real_tokenizers() {
    let Ok(folder) = std::env::var("SEEDBED_TOKENIZERS") else {
        eprintln!("SKIPPED: SEEDBED_TOKENIZERS names no folder");
        return;
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let all: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let vocabulary = Vocabulary {
            model: all["model"].as_str().unwrap().to_owned(),
            pre: Some(all["pre"].as_str().unwrap().to_owned()),
            tokens: serde_json::from_value(all["tokens"].clone()).unwrap(),
            merges: serde_json::from_value(all["merges"].clone()).unwrap(),
            kinds: serde_json::from_value(all["kinds"].clone()).unwrap(),
            scores: serde_json::from_value(all["scores"].clone()).unwrap(),
            add_bos: Some(false),
            add_space_prefix: Some(false),
            ..Vocabulary::default()
        };
        let tokenizer = Tokenizer::new(&vocabulary).unwrap();
        let texts: Vec<String> = serde_json::from_value(all["texts"].clone()).unwrap();
        let ids: Vec<Vec<u32>> = serde_json::from_value(all["ids"].clone()).unwrap();
        for (text, wanted) in texts.iter().zip(ids) {
            count += 1;
            let found = tokenizer.encode(text);
            if found != wanted {
                wrong.push(format!(
                    "{} {text:?}:\n  is     {found:?}\n  should {wanted:?}",
                    path.display()
                ));
            }
            // Some texts come back composed.
            let back = tokenizer.decode(&found);
            assert!(
                back == *text || tokenizer.encode(&back) == found,
                "{} {text:?}",
                path.display()
            );
        }
    }
    assert!(count > 0, "the folder is empty");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
