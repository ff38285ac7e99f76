//! Windows and counts equal what a walk over all records gives, for any filter.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use proptest::prelude::*;
use seedbed_core::messages::{RecordFilter, RecordView};
use seedbed_core::prompt::{Prompt, PromptOrigin, PromptState};
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_core::seed::Seed;
use seedbed_store::Store;
use support::{asked, cell, rated, record, respond};

const TOPICS: [&str; 3] = ["soil", "bees", "Böden"];
const VIEWS: [&str; 2] = ["science", ""];
const MODELS: [&str; 3] = ["m1", "m2", ""];
const WORDS: [&str; 6] = ["honey", "honeycomb", "hive", "loam", "Größe", "naïve"];

fn seed(topic: usize) -> Seed {
    Seed {
        domain: "farming".to_owned(),
        expert_prompt: format!("Somebody who knows {}.", TOPICS[topic]),
        topics: vec![TOPICS[topic].to_owned(), "unused".to_owned()],
        ..Seed::default()
    }
}

#[derive(Clone, Debug)]
struct Row {
    topic: usize,
    view: usize,
    model: usize,
    seed: usize,
    is_imported: bool,
    /// Its instruction was edited after it was answered.
    is_outdated: bool,
    words: Vec<usize>,
    /// Index into what is done with it.
    act: u8,
}

fn row() -> impl Strategy<Value = Row> {
    let words = proptest::collection::vec(0..WORDS.len(), 0..4);
    (
        0..3_usize,
        0..2_usize,
        0..3_usize,
        0..3_usize,
        any::<bool>(),
        proptest::bool::weighted(0.2),
        words,
        0..6_u8,
    )
        .prop_map(
            |(topic, view, model, seed, is_imported, is_outdated, words, act)| Row {
                topic,
                view,
                model,
                seed,
                is_imported,
                is_outdated,
                words,
                act,
            },
        )
}

fn filter() -> impl Strategy<Value = RecordFilter> {
    use proptest::option::weighted;
    let search = prop_oneof![
        3 => Just(String::new()),
        1 => Just("  ".to_owned()),
        1 => Just("?!".to_owned()),
        4 => proptest::collection::vec((0..WORDS.len(), 1..9_usize), 1..3).prop_map(|words| {
            words
                .iter()
                .map(|(at, keep)| WORDS[*at].chars().take(*keep).collect::<String>())
                .collect::<Vec<_>>()
                .join(" ")
        }),
    ];
    (
        weighted(0.3, 0..5_usize),
        weighted(0.3, 0..3_usize),
        weighted(0.2, 0..2_usize),
        weighted(0.2, 0..3_usize),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
        search,
    )
        .prop_map(
            |(state, topic, view, model, stale, with_draft, search)| RecordFilter {
                state: state.map(|at| RecordState::ALL[at]),
                topic: topic.map(|at| TOPICS[at].to_owned()),
                perspective: view.map(|at| VIEWS[at].to_owned()),
                model: model.map(|at| MODELS[at].to_owned()),
                stale,
                with_draft,
                search,
            },
        )
}

/// As the tokenizer of the index sees a word: lower case, without diacritics.
fn plain(word: &str) -> String {
    word.to_lowercase().replace('ö', "o").replace('ï', "i")
}

fn matches(filter: &RecordFilter, view: &RecordView) -> bool {
    let same = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|w| w == has);
    let text = format!("{} {}", view.record.instruction(), view.record.response());
    let tokens: Vec<String> = text.split_whitespace().map(plain).collect();
    let wanted: Vec<String> = filter.search.split_whitespace().map(plain).collect();
    let is_found = filter.search != "?!"
        && wanted.iter().enumerate().all(|(at, word)| {
            tokens.iter().any(|token| {
                if at + 1 == wanted.len() {
                    token.starts_with(word)
                } else {
                    token == word
                }
            })
        });
    let has_draft = view
        .mine
        .as_ref()
        .is_some_and(|mine| mine.status == ResponseStatus::Draft);
    filter.state.is_none_or(|state| state == view.state)
        && same(&filter.topic, &view.record.cell.topic)
        && same(&filter.perspective, &view.record.cell.perspective)
        && same(&filter.model, &view.record.provenance.model)
        && (!filter.stale || view.is_stale)
        && (!filter.with_draft || has_draft)
        && is_found
}

fn fill(rows: &[Row], present: usize) -> (Store, Vec<RecordView>) {
    let store = Store::open_memory().unwrap();
    let present = store
        .save_seed(&seed(present), "", 0)
        .unwrap()
        .seed
        .answer_part();
    let records: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(n, row)| {
            let words: Vec<&str> = row.words.iter().map(|at| WORDS[*at]).collect();
            let (left, right) = words.split_at(words.len() / 2);
            let mut made = record(&format!("r{n}"), &left.join(" "), &right.join(" "));
            made.cell = cell(TOPICS[row.topic], VIEWS[row.view]);
            MODELS[row.model].clone_into(&mut made.provenance.model);
            if row.is_imported {
                made.provenance.imported_from = Some("rows.csv".to_owned());
            } else {
                made.inputs.seed_part = seed(row.seed).answer_part();
            }
            made
        })
        .collect();
    store
        .add_records(&records.iter().map(asked).collect::<Vec<_>>())
        .unwrap();
    let edited: Vec<Prompt> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.is_outdated)
        .map(|(n, _)| Prompt {
            id: format!("prompt of r{n}"),
            cell: cell("elsewhere", ""),
            text: "Edited?".to_owned(),
            state: PromptState::Kept,
            origin: PromptOrigin::Typed,
            original_text: None,
            seed_hash: String::new(),
            created_ms: 1,
            updated_ms: 1,
        })
        .collect();
    let ids = std::cell::Cell::new(0);
    let new_id = || {
        ids.set(ids.get() + 1);
        format!("act {}", ids.get())
    };
    store.add_prompts(&edited, "ann", &new_id, 1).unwrap();
    for (n, row) in rows.iter().enumerate() {
        let (id, at) = (format!("r{n}"), n as u64);
        let say = |who: &str, response: &Response| {
            if response.status == ResponseStatus::Draft {
                store.save_draft(&id, who, Some(response)).unwrap();
            } else {
                respond(&store, &id, who, response, &format!("{who} {n}"), at).unwrap();
            }
        };
        match row.act {
            0 => say("ann", &rated(Quality::Good)),
            1 => say("bob", &rated(Quality::Bad)),
            2 => {
                say("ann", &rated(Quality::Good));
                say("bob", &rated(Quality::Bad));
                say("ann", &Response::default());
            }
            3 => say("ann", &Response::default()),
            4 => say("bob", &Response::default()),
            _ => {}
        }
    }
    let all: Vec<_> = records
        .into_iter()
        .enumerate()
        .map(|(n, record)| {
            let view = store.record_view(&format!("r{n}"), "ann").unwrap().unwrap();
            assert_eq!(view.seq, n as u64 + 1);
            assert_eq!(view.record, record);
            assert_eq!(view.messages, asked(&record).1);
            let part = &record.inputs.seed_part;
            let is_stale = rows[n].is_outdated || (!part.is_empty() && *part != present);
            assert_eq!(view.is_stale, is_stale);
            view
        })
        .collect();
    (store, all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_window_of_any_filter_is_the_one_of_a_walk_over_all(
        rows in proptest::collection::vec(row(), 0..40),
        present in 0..3_usize,
        filters in proptest::collection::vec((filter(), 0..12_u32, 0..6_u32, 0..50_u64, 0..4_u32), 12),
    ) {
        let (store, all) = fill(&rows, present);
        for (filter, offset, limit, anchor, before) in filters {
            let found: Vec<&RecordView> = all.iter().filter(|view| matches(&filter, view)).collect();
            let (total, window) = store.list_records(&filter, "ann", offset, limit).unwrap();
            prop_assert_eq!(total as usize, found.len(), "{:?}", filter);
            let expected: Vec<RecordView> = found.iter().skip(offset as usize).take(limit as usize)
                .map(|view| (*view).clone()).collect();
            prop_assert_eq!(&window, &expected, "{:?}", filter);

            let around = store.records_around(&filter, "ann", Some(anchor), before, limit).unwrap();
            prop_assert_eq!(around.total as usize, found.len());
            let mut expected: Vec<u64> = found.iter().map(|view| view.seq).filter(|seq| *seq < anchor).collect();
            let is_there = all.iter().any(|view| view.seq == anchor);
            if is_there {
                let from = expected.len().saturating_sub(before as usize);
                prop_assert_eq!(around.position as usize, from, "{:?}", filter);
                expected.drain(..from);
                expected.push(anchor);
                expected.extend(found.iter().map(|view| view.seq).filter(|seq| *seq > anchor).take(limit as usize));
            } else {
                prop_assert_eq!(around.position, 0);
                expected = found.iter().map(|view| view.seq).take(limit as usize + 1).collect();
            }
            let seqs: Vec<u64> = around.rows.iter().map(|view| view.seq).collect();
            prop_assert_eq!(seqs, expected, "{:?}", filter);
        }
    }

    #[test]
    fn counts_are_those_of_a_walk_over_all(rows in proptest::collection::vec(row(), 0..40), present in 0..3_usize) {
        let (store, all) = fill(&rows, present);
        let counts = store.counts("ann").unwrap();
        let count = |pick: &dyn Fn(&RecordView) -> bool| all.iter().filter(|view| pick(view)).count() as u32;
        prop_assert_eq!(counts.total as usize, all.len());
        prop_assert_eq!(store.record_count().unwrap() as usize, all.len());
        prop_assert_eq!(counts.stale, count(&|view| view.is_stale));
        prop_assert_eq!(store.seed_view().unwrap().stale_records, counts.stale);
        for (state, n) in &counts.states {
            prop_assert_eq!(*n, count(&|view| view.state == *state));
        }
        for (topic, n) in &counts.topics {
            prop_assert_eq!(*n, count(&|view| view.record.cell.topic == *topic));
        }
        if let Some(first) = counts.topics.first().filter(|(topic, _)| topic != TOPICS[present]) {
            prop_assert!(counts.topics.iter().all(|(topic, _)| topic != TOPICS[present]), "{first:?} stands before");
        }
        let named = |list: &[(String, u32)]| list.iter().map(|(_, n)| n).sum::<u32>();
        prop_assert_eq!(named(&counts.topics), counts.total);
        prop_assert_eq!(named(&counts.perspectives), count(&|view| !view.record.cell.perspective.is_empty()));
        prop_assert_eq!(named(&counts.models), count(&|view| !view.record.provenance.model.is_empty()));
        let page = store.prompt_page(&seedbed_core::messages::PromptFilter::default(), 0, 10).unwrap();
        for of in page.cells.iter().filter(|of| of.cell.topic != "elsewhere") {
            prop_assert_eq!(of.records, count(&|view| view.record.cell == of.cell));
            prop_assert_eq!(of.accepted, count(&|view| view.record.cell == of.cell && view.state == RecordState::Accepted));
        }
    }

    #[test]
    fn no_search_text_is_query_syntax_or_an_error(text in ".{0,40}", spice in "[\"*(){}:^+\\-a-c ]{0,20}|NEAR(/2)?|(a )?(AND|OR|NOT)( b)?|instruction ?: ?a") {
        let store = Store::open_memory().unwrap();
        store.add_records(&[asked(&record("r", "alpha", "beta"))]).unwrap();
        for search in [text.clone(), spice.clone(), format!("{text}{spice}"), format!("{spice} {text}")] {
            let filter = RecordFilter { search, ..RecordFilter::default() };
            let (total, rows) = store.list_records(&filter, "ann", 0, 10).unwrap();
            prop_assert_eq!(total as usize, rows.len());
        }
    }
}

fn found(store: &Store, search: &str) -> Vec<String> {
    let filter = RecordFilter {
        search: search.to_owned(),
        ..RecordFilter::default()
    };
    let (total, rows) = store.list_records(&filter, "ann", 0, 100).unwrap();
    assert_eq!(total as usize, rows.len());
    rows.into_iter().map(|view| view.record.id).collect()
}

#[test]
fn a_search_finds_what_a_person_means() {
    let store = Store::open_memory().unwrap();
    let rows = [
        record(
            "hive",
            "How do I open a bee-hive?",
            "Don't hurry. Use smoke (little).",
        ),
        record(
            "soil",
            "What is pH?",
            "Soil AND water: NOT near \"acid\" 100%…",
        ),
        record("cafe", "Cafe\u{301} or café?", "Ärger über GRÖSSE"),
        record("cjk", "土壌の酸性度", "хлеб и мёд"),
    ];
    store.add_records(&rows.each_ref().map(asked)).unwrap();
    let cases: &[(&str, &[&str])] = &[
        ("bee-hive", &["hive"]),
        ("hive-bee", &[]),
        ("don't", &["hive"]),
        ("smo", &["hive"]),
        ("smo ", &[]),
        ("open smoke", &["hive"]),
        ("open acid", &[]),
        ("(little)", &["hive"]),
        ("\"acid\"", &["soil"]),
        ("soil AND water", &["soil"]),
        ("water NOT near", &["soil"]),
        ("hive OR soil", &[]),
        ("100%", &["soil"]),
        ("cafe", &["cafe"]),
        ("cafe\u{301}", &["cafe"]),
        ("arger grosse", &["cafe"]),
        ("土壌", &["cjk"]),
        ("ХЛЕБ мё", &["cjk"]),
        ("*", &[]),
        ("\"", &[]),
        ("…", &[]),
        ("🐝", &[]),
        ("smoke 🐝", &["hive"]),
        ("smoke \0", &["hive"]),
        ("instruction:open", &[]),
    ];
    for (search, expected) in cases {
        assert_eq!(found(&store, search), *expected, "{search:?}");
    }
    assert_eq!(found(&store, "").len(), 4);
    assert_eq!(found(&store, &"a ".repeat(100_000)), ["hive"]);
    assert_eq!(found(&store, &"a".repeat(1_000_000)), Vec::<String>::new());
}
