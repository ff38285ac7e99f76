//! Filters on instructions that people wrote.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use seedbed_grow::filter::{NOVELTY_THRESHOLD, NoveltyIndex, evolution_verdict};
use seedbed_grow::metrics::{rouge_l, tokens};
use serde_json::Value;

fn questions() -> Vec<String> {
    include_str!("data/gsm8k-200.jsonl")
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["question"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn instructions() -> Vec<String> {
    serde_json::from_str(include_str!("data/self-instruct-instructions.json")).unwrap()
}

/// The nearest text by comparing with all of them.
fn nearest(all: &[Vec<String>], text: &str) -> Option<f64> {
    let mine = tokens(text);
    all.iter()
        .map(|other| rouge_l(other, &mine).f)
        .filter(|f| *f > NOVELTY_THRESHOLD + 1e-9)
        .max_by(f64::total_cmp)
}

#[test]
fn the_index_finds_what_comparing_with_every_text_finds() {
    let all: Vec<String> = questions()
        .into_iter()
        .take(80)
        .chain(instructions())
        .collect();
    let mut index = NoveltyIndex::default();
    for text in &all {
        index.add(text);
    }
    let words_of_all: Vec<Vec<String>> = all.iter().map(|text| tokens(text)).collect();
    let (mut near, mut far) = (0, 0);
    for text in all.iter().step_by(5) {
        let words: Vec<&str> = text.split_whitespace().collect();
        for (keep, of) in [(9, 10), (2, 3), (1, 2)] {
            // The beginning of a text, and the text without every `of`-th word: near, less near, far.
            let start = words[..words.len() * keep / of].join(" ");
            let thinned: Vec<&str> = words
                .iter()
                .enumerate()
                .filter(|(at, _)| at % of != 1)
                .map(|(_, word)| *word)
                .collect();
            for text in [start, thinned.join(" ")] {
                let expected = nearest(&words_of_all, &text);
                let mine = index.check(&text).err().map(|duplicate| duplicate.score);
                assert_eq!(
                    mine.is_some(),
                    expected.is_some(),
                    "{text}: {mine:?}, {expected:?}"
                );
                match (mine, expected) {
                    (Some(mine), Some(expected)) => {
                        assert!(
                            (mine - expected).abs() < 1e-9,
                            "{text}: {mine} instead of {expected}"
                        );
                        near += 1;
                    }
                    _ => far += 1,
                }
            }
        }
    }
    assert!(near > 100 && far > 100, "{near} near, {far} far");
}

#[test]
fn different_questions_are_all_new() {
    let mut index = NoveltyIndex::default();
    for question in questions() {
        assert_eq!(index.check(&question), Ok(()));
        index.add(&question);
    }
    assert_eq!(index.len(), questions().len());
}

#[test]
fn case_and_punctuation_do_not_make_a_text_new() {
    let mut index = NoveltyIndex::default();
    index.add("How do I keep bees from swarming in May?");
    let duplicate = index
        .check("how do I keep BEES from swarming, in may")
        .unwrap_err();
    assert_eq!(duplicate.of, "How do I keep bees from swarming in May?");
    assert_eq!(duplicate.score, 1.0);
}

#[test]
fn repeated_texts_of_scripts_without_spaces_are_found() {
    let mut index = NoveltyIndex::default();
    index.add("农民如何在干旱期间保护土壤?");
    assert!(index.check("农民如何在干旱期间保护土壤").is_err());
    assert!(index.check("养蜂人什么时候喂糖浆?").is_ok());
}

#[test]
fn texts_without_words_are_never_duplicates() {
    let mut index = NoveltyIndex::default();
    assert!(index.is_empty());
    for text in ["", "?", "…"] {
        assert_eq!(index.check(text), Ok(()));
        index.add(text);
    }
    assert_eq!(index.check(""), Ok(()));
}

#[test]
fn an_evolved_text_may_stay_near_its_parent_but_not_near_its_siblings() {
    let parent = "How do I keep bees from swarming in May without cutting out queen cells?";
    let child = "How do I keep bees from swarming in May without cutting out queen cells, with only one spare hive?";
    let mut index = NoveltyIndex::default();
    index.add(parent);
    assert!(index.check(child).is_err());
    assert_eq!(index.check_against_others(child, parent), Ok(()));
    index.add(child);
    let again = "How do I keep bees from swarming in May without cutting out queen cells, with just one spare hive?";
    assert_eq!(
        index.check_against_others(again, parent).unwrap_err().of,
        child
    );
}

const PARENT: &str = "How much food does a colony of bees need for the winter?";

#[test]
fn real_evolutions_pass() {
    for text in [
        "How much food does a colony of bees need for the winter at 900 metres, if the last syrup has to be fed by \
         mid-September?",
        "A colony weighs 28 kg in October. Work out how much food it has and whether that lasts until the willows \
         flower.",
        "How much food does a colony of Buckfast bees in a twelve-frame Dadant hive need for the winter?",
        "Which signs on the floor board tell in January that a colony is running short?",
    ] {
        assert_eq!(evolution_verdict(PARENT, text), Ok(()), "{text}");
    }
}

#[test]
fn evolutions_that_bring_nothing_are_refused() {
    for (text, reason) in [
        (
            "how much food does a colony of bees need for the winter",
            "same",
        ),
        (
            "How much food does a colony need for the winter?",
            "adds nothing",
        ),
        ("", "content words"),
        ("?!", "content words"),
        ("What should it be and why?", "content words"),
        ("Winter food", "Too short"),
    ] {
        let verdict = evolution_verdict(PARENT, text).unwrap_err();
        assert!(verdict.contains(reason), "{text}: {verdict}");
    }
}

#[test]
fn evolutions_that_copy_the_task_or_talk_are_refused() {
    for text in [
        "The given prompt asks how much food a colony needs, which can be made harder by naming a region.",
        "#Rewritten Prompt#: How much food does a colony need in a cold winter at high altitude?",
        "Rewritten instruction: how much sugar must be fed in autumn to a weak colony?",
        "I'm sorry, but I can't rewrite this question about bees in winter.",
        "Hello! How can I assist you with feeding your colony in the cold season today?",
        "The weight of the hive in autumn is the best sign of enough sugar.",
        "The expert who answered said it depends on the height of the hive in winter.",
        "As an AI I have no hives, yet I can tell how much sugar a colony consumes.",
    ] {
        assert!(evolution_verdict(PARENT, text).is_err(), "{text}");
    }
}

#[test]
fn words_that_the_parent_has_itself_are_no_leak() {
    let parent = "Explain why my model repeats the given prompt and says sorry.";
    let text = "Explain, for a llama.cpp server with a 2048 token window, why my model repeats the given prompt and \
     says sorry.";
    assert_eq!(evolution_verdict(parent, text), Ok(()));
}

#[test]
fn evolutions_that_run_away_are_refused() {
    let long = format!(
        "{PARENT} {}",
        "Consider another hive with different frames and honey. ".repeat(30)
    );
    assert!(
        evolution_verdict(PARENT, &long)
            .unwrap_err()
            .contains("150 words")
    );
    let column = "winter\nfood\ncolony\nsugar\nweight\nhive\nframes";
    assert!(
        evolution_verdict(PARENT, column)
            .unwrap_err()
            .contains("column")
    );
    let list: Vec<String> = (1..=12)
        .map(|n| format!("{n}. Say how much sugar is needed for hive number {n}."))
        .collect();
    let list = list.join("\n");
    assert!(
        evolution_verdict(PARENT, &list)
            .unwrap_err()
            .contains("list")
    );
}

#[test]
fn instructions_of_people_pass_as_evolutions_of_each_other() {
    let all = instructions();
    let refused: Vec<_> = all
        .windows(2)
        .filter_map(|pair| {
            evolution_verdict(&pair[0], &pair[1])
                .err()
                .map(|reason| (&pair[1], reason))
        })
        .collect();
    // Two short commands may share all their content words; nearly all others must pass.
    assert!(refused.len() * 50 <= all.len(), "{refused:#?}");
}
