//! Measures against figures of the packages that define them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use seedbed_grow::filter::NoveltyIndex;
use seedbed_grow::metrics::{
    Score, ascii_tokens, distinct_n, lcs, repeated_share, rouge_l, rouge_n, tokens,
};
use serde_json::Value;

fn rouge() -> Value {
    serde_json::from_str(include_str!("data/rouge.json")).unwrap()
}

fn docs(value: &Value) -> Vec<String> {
    value["docs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|doc| doc.as_str().unwrap().to_owned())
        .collect()
}

fn agrees(score: Score, expected: &Value, what: &str) {
    for (name, mine) in [("p", score.precision), ("r", score.recall), ("f", score.f)] {
        let theirs = expected[name].as_f64().unwrap();
        assert!(
            (mine - theirs).abs() < 1e-6,
            "{what} {name}: {mine} instead of {theirs}"
        );
    }
}

#[test]
fn ascii_tokens_are_those_of_the_rouge_package() {
    let fixture = rouge();
    for (doc, expected) in docs(&fixture)
        .iter()
        .zip(fixture["tokens"].as_array().unwrap())
    {
        let expected: Vec<&str> = expected
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t.as_str().unwrap())
            .collect();
        assert_eq!(ascii_tokens(doc), expected, "{doc}");
        if doc.is_ascii() {
            assert_eq!(tokens(doc), expected, "{doc}");
        }
    }
}

#[test]
fn rouge_scores_are_those_of_the_rouge_package() {
    let fixture = rouge();
    let tokens: Vec<Vec<String>> = docs(&fixture).iter().map(|doc| ascii_tokens(doc)).collect();
    let pairs = fixture["pairs"].as_array().unwrap();
    assert!(pairs.len() >= 16);
    for pair in pairs {
        let target = &tokens[pair["target"].as_u64().unwrap() as usize];
        let prediction = &tokens[pair["prediction"].as_u64().unwrap() as usize];
        agrees(
            rouge_n(target, prediction, 1),
            &pair["rouge1"],
            &format!("ROUGE-1 {pair}"),
        );
        agrees(
            rouge_n(target, prediction, 2),
            &pair["rouge2"],
            &format!("ROUGE-2 {pair}"),
        );
        agrees(
            rouge_l(target, prediction),
            &pair["rougeL"],
            &format!("ROUGE-L {pair}"),
        );
    }
}

#[test]
fn the_novelty_walk_keeps_what_the_rouge_package_keeps() {
    let fixture = rouge();
    let docs = docs(&fixture);
    let mut index = NoveltyIndex::default();
    for decision in fixture["novelty_filter"]["decisions"].as_array().unwrap() {
        let doc = &docs[decision["doc"].as_u64().unwrap() as usize];
        let verdict = index.check(doc);
        assert_eq!(
            verdict.is_ok(),
            decision["kept"].as_bool().unwrap(),
            "{doc}: {verdict:?}"
        );
        match verdict {
            Ok(()) => index.add(doc),
            Err(duplicate) => {
                let nearest = &docs[decision["nearest_kept"].as_u64().unwrap() as usize];
                assert_eq!(&duplicate.of, nearest);
                assert!(
                    (duplicate.score - decision["max_rougeL_f"].as_f64().unwrap()).abs() < 1e-6
                );
            }
        }
    }
}

#[test]
fn distinct_n_counts_no_ngram_across_rows() {
    let fixture: Value = serde_json::from_str(include_str!("data/distinct.json")).unwrap();
    for corpus in fixture["corpora"].as_object().unwrap().values() {
        let rows: Vec<Vec<String>> = docs(corpus)
            .iter()
            .map(|doc| {
                doc.to_lowercase()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect()
            })
            .collect();
        for (n, expected) in corpus["distinct_n_per_doc_lower_ws"].as_object().unwrap() {
            let mine = distinct_n(&rows, n.parse().unwrap());
            assert!(
                (mine - expected["distinct"].as_f64().unwrap()).abs() < 1e-6,
                "{n}: {mine}"
            );
        }
    }
}

#[test]
fn words_of_any_script_are_told_apart() {
    assert_eq!(
        tokens("¿Cómo protege la agroforestería?"),
        ["cómo", "protege", "la", "agroforestería"]
    );
    assert_eq!(tokens("土壤 pH 7"), ["土", "壤", "ph", "7"]);
    // Decomposed accents stay within their word.
    assert_eq!(tokens("Co\u{301}mo va"), ["co\u{301}mo", "va"]);
    assert_eq!(
        tokens("Почему пчёлы роятся?"),
        ["почему", "пчёлы", "роятся"]
    );
    assert!(tokens(" ?! — ").is_empty());
}

#[test]
fn the_common_subsequence_of_two_lists_is_as_long_either_way_round() {
    let rows: Vec<Vec<String>> = include_str!("data/gsm8k-200.jsonl")
        .lines()
        .map(|line| {
            tokens(
                serde_json::from_str::<Value>(line).unwrap()["question"]
                    .as_str()
                    .unwrap(),
            )
        })
        .collect();
    for pair in rows.windows(2) {
        let both = lcs(&pair[0], &pair[1]);
        assert_eq!(both, lcs(&pair[1], &pair[0]));
        assert_eq!(lcs(&pair[0], &pair[0]), pair[0].len());
        assert!(both <= pair[0].len().min(pair[1].len()));
    }
}

#[test]
fn repetition_is_the_share_of_ngrams_that_stood_before() {
    let words = |text: &str| tokens(text);
    assert_eq!(repeated_share(&words("a b c d e f g"), 4), 0.0);
    // Five 4-grams, the last is the first again.
    assert!((repeated_share(&words("a b c d a b c d"), 4) - 0.2).abs() < 1e-12);
    assert_eq!(repeated_share(&words("too short"), 4), 0.0);
}
