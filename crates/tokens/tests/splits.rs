//! Where text is cut, against Python's `tokenizers` (tests/data/make_splits.py).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use seedbed_tokens::Splitter;
use serde_json::Value;

#[test]
fn text_is_cut_as_the_reference_cuts_it() {
    let all: Value = serde_json::from_str(include_str!("data/splits.json")).unwrap();
    let texts: Vec<String> = serde_json::from_value(all["texts"].clone()).unwrap();
    assert!(texts.len() > 100);
    let mut wrong = Vec::new();
    for (name, pieces) in all["pieces"].as_object().unwrap() {
        let splitter = Splitter::named(name).unwrap();
        let pieces: Vec<Vec<String>> = serde_json::from_value(pieces.clone()).unwrap();
        for (text, wanted) in texts.iter().zip(pieces) {
            let found = splitter.split(text);
            assert_eq!(found.concat(), *text);
            if found != wanted {
                wrong.push(format!(
                    "{name} {text:?}:\n  is     {found:?}\n  should {wanted:?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
