//! Instructions are acts: whatever the order in which they come, the same instructions come out.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use proptest::prelude::*;
use seedbed_core::instruction::{Change, InstructionAct};
use seedbed_core::line::{self, Line};
use seedbed_core::messages::{FailureKind, PromptFilter, RecordFilter};
use seedbed_core::prompt::{Prompt, PromptOrigin, PromptState};
use seedbed_core::review::{CLOCK_END_MS, Clock};
use seedbed_core::seed::Seed;
use seedbed_store::{MergeCount, Origin, Store};
use std::collections::BTreeMap;
use support::{asked, cell, record};

const IDS: [&str; 3] = ["p0", "p1", "p2"];

fn prompt(id: &str, text: &str) -> Prompt {
    Prompt {
        id: id.to_owned(),
        cell: cell("soil", "science"),
        text: text.to_owned(),
        state: PromptState::Proposed,
        origin: PromptOrigin::Typed,
        original_text: None,
        seed_hash: String::new(),
        created_ms: 1,
        updated_ms: 1,
    }
}

fn acts(store: &Store) -> Vec<Line<InstructionAct>> {
    let acts = store.instruction_acts_after(0, u32::MAX).unwrap();
    acts.into_iter().map(|(_, line)| line).collect()
}

/// One record to each instruction, answered with the text `a`.
fn empty() -> Store {
    let store = Store::open_memory().unwrap();
    let rows = IDS.map(|id| {
        let mut made = record(&format!("r {id}"), "a", "answer");
        made.prompt_id = Some(id.to_owned());
        made.inputs.seed_part = Seed::default().answer_part();
        asked(&made)
    });
    store.add_records(&rows).unwrap();
    store
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize, String, u64),
    Edit(usize, String, u64),
    State(usize, PromptState, u64),
    /// Takes in what the other one has.
    Exchange,
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let states = [
        PromptState::Proposed,
        PromptState::Kept,
        PromptState::Struck,
    ];
    let state = proptest::sample::select(states.to_vec());
    let step = prop_oneof![
        3 => (0..3_usize, "[ab]", 0..50_u64).prop_map(|(at, text, now)| Step::Add(at, text, now)),
        4 => (0..3_usize, "[a-c]", 0..50_u64).prop_map(|(at, text, now)| Step::Edit(at, text, now)),
        4 => (0..3_usize, state, 0..50_u64).prop_map(|(at, state, now)| Step::State(at, state, now)),
        2 => Just(Step::Exchange),
    ];
    (any::<bool>(), step)
}

/// Acts of somebody elsewhere: two contents under each key, some on another instruction, some from the end of time,
/// and lines of format 1.
fn foreign() -> impl Strategy<Value = Line<InstructionAct>> {
    (0..6_usize, 0..3_usize, 0..4_u8, "[a-c]", 0..9_u64).prop_map(|(n, on, kind, text, ms)| {
        if kind == 3 {
            return Line::new(InstructionAct::was(Prompt {
                updated_ms: ms,
                state: PromptState::Kept,
                ..prompt(IDS[on], &text)
            }));
        }
        let ms = if ms == 8 { CLOCK_END_MS } else { ms };
        Line::new(InstructionAct {
            id: format!("f{n}"),
            writer: "eve".to_owned(),
            on: IDS[on].to_owned(),
            clock: Clock { ms, n: 0 },
            saw: vec![format!("f{}", (n + 1) % 6)],
            change: match kind {
                0 => Change::Add {
                    cell: cell("bees", "market"),
                    to: text,
                    state: PromptState::Proposed,
                    origin: PromptOrigin::Typed,
                    seed_hash: String::new(),
                    created_ms: 0,
                },
                1 => Change::Edit { to: text },
                _ => Change::State {
                    state: PromptState::Struck,
                },
            },
        })
    })
}

/// Everything that is derived from the acts, from the acts alone.
fn check(store: &Store) {
    let mut by_id: BTreeMap<String, Vec<InstructionAct>> = BTreeMap::new();
    for line in acts(store) {
        by_id
            .entry(line.value.on.clone())
            .or_default()
            .push(line.value);
    }
    let (_, views) = store
        .list_records(&RecordFilter::default(), "ann", 0, 10)
        .unwrap();
    let mut outdated = 0;
    for id in IDS {
        let acts = by_id.remove(id).unwrap_or_default();
        let expected = seedbed_core::instruction::fold(&acts);
        assert_eq!(store.prompt(id).unwrap(), expected);
        let is_outdated = expected.is_some_and(|prompt| prompt.text != "a");
        outdated += u32::from(is_outdated);
        let view = views
            .iter()
            .find(|view| view.record.prompt_id.as_deref() == Some(id))
            .unwrap();
        assert_eq!(view.is_stale, is_outdated, "{id}");
    }
    assert_eq!(store.counts("ann").unwrap().stale, outdated);
    let filter = RecordFilter {
        stale: true,
        ..RecordFilter::default()
    };
    assert_eq!(
        store.list_records(&filter, "ann", 0, 0).unwrap().0,
        outdated
    );
    assert_eq!(
        store.list_records(&filter, "ann", 0, 9).unwrap().1.len(),
        outdated as usize
    );
}

fn sorted(store: &Store) -> Vec<String> {
    let mut lines: Vec<String> = acts(store).iter().map(Line::text).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_stores_that_exchange_acts_in_any_order_agree(
        steps in proptest::collection::vec(step(), 1..25),
        (once, again) in proptest::collection::vec(foreign(), 0..12)
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        seed in any::<u64>(),
    ) {
        let stores = [empty(), empty()];
        for (n, (is_second, step)) in steps.iter().enumerate() {
            let at = usize::from(*is_second);
            let (store, who) = (&stores[at], ["ann", "bob"][at]);
            let new_id = || format!("{who} {n}");
            match step {
                Step::Add(at, text, now) => {
                    store.add_prompts(&[prompt(IDS[*at], text)], who, &new_id, *now).unwrap();
                }
                Step::Edit(at, text, now) => {
                    let before = store.prompt(IDS[*at]).unwrap();
                    let edited = store.edit_prompt(IDS[*at], text, who, &new_id(), *now);
                    prop_assert_eq!(edited.is_ok(), before.is_some());
                    if let Ok(edited) = edited {
                        // Whoever acts having seen all that is here wins, whatever the clocks say.
                        prop_assert_eq!(&edited.text, text);
                    }
                }
                Step::State(at, state, now) => {
                    let id = IDS[*at].to_owned();
                    if store.set_prompt_state(&[id], *state, who, &new_id, *now).is_ok() {
                        prop_assert_eq!(store.prompt(IDS[*at]).unwrap().unwrap().state, *state);
                    }
                }
                Step::Exchange => {
                    store.merge_instructions(&acts(&stores[1 - at]), Origin::Hub, None).unwrap();
                }
            }
            check(store);
        }
        let [one, two] = &stores;
        for line in &once {
            one.merge_instructions(std::slice::from_ref(line), Origin::Hub, None).unwrap();
            check(one);
        }
        two.merge_instructions(&again, Origin::Hub, None).unwrap();
        check(two);
        let (of_one, mut of_two) = (acts(one), acts(two));
        one.merge_instructions(&of_two, Origin::Hub, None).unwrap();
        // In some other order, one by one, and twice.
        of_two.sort_by_key(|line| seedbed_core::id::content_id(&(seed, line.text())));
        two.merge_instructions(&of_one, Origin::Hub, None).unwrap();
        let third = empty();
        for line in of_two.iter().chain(of_one.iter().rev()).chain(&of_two) {
            third.merge_instructions(std::slice::from_ref(line), Origin::Hub, None).unwrap();
        }
        for store in [one, two, &third] {
            check(store);
            prop_assert_eq!(sorted(store), sorted(one));
            prop_assert_eq!(store.prompts().unwrap(), one.prompts().unwrap());
        }
    }
}

#[test]
fn an_edited_instruction_keeps_its_id_and_its_first_text_and_its_answers_become_stale() {
    let store = empty();
    let new_id = || "add".to_owned();
    store
        .add_prompts(&[prompt("p0", "a")], "ann", &new_id, 5)
        .unwrap();
    check(&store);
    let edited = store.edit_prompt("p0", "New", "ann", "e1", 0).unwrap();
    assert_eq!(
        (edited.text.as_str(), edited.original_text.as_deref()),
        ("New", Some("a"))
    );
    check(&store);
    assert_eq!(store.seed_view().unwrap().stale_records, 1);
    let same = store.edit_prompt("p0", "New", "ann", "e2", 9).unwrap();
    assert_eq!(same, edited);
    let back = store.edit_prompt("p0", "a", "ann", "e3", 70).unwrap();
    assert_eq!(back.original_text, None);
    assert_eq!(acts(&store).len(), 3, "the same text again is no act");
    check(&store);
    assert_eq!(store.seed_view().unwrap().stale_records, 0);
    let missing = store
        .edit_prompt("nobody", "x", "ann", "e4", 1)
        .unwrap_err();
    assert_eq!(missing.failure().kind, FailureKind::NotFound);
    assert_eq!(
        missing.failure().what,
        "This instruction is not in this project any more."
    );
    let again = store.add_prompts(&[prompt("p0", "other")], "ann", &new_id, 80);
    assert_eq!(again, Ok(MergeCount::default()));
}

#[test]
fn lines_of_format_1_come_again_and_again_as_the_newest_of_them_until_somebody_acts() {
    let was = |text: &str, at: u64, state: &str| {
        let text = format!(
            r#"{{"id":"p0","cell":{{"topic":"soil","perspective":""}},"text":"{text}","state":"{state}","origin":{{"kind":"typed"}},"original_text":null,"seed_hash":"","created_ms":1,"updated_ms":{at},"colour":"green"}}"#
        );
        line::prompt(&text).unwrap()
    };
    let (older, newer) = (was("older", 4, "kept"), was("newer", 9, "proposed"));
    let orders = [
        vec![&older, &newer, &older],
        vec![&newer, &older, &newer],
        vec![&newer, &newer, &older],
    ];
    for order in orders {
        let store = empty();
        let mut counts = Vec::new();
        for line in order {
            let lines = std::slice::from_ref(line);
            counts.push(store.merge_instructions(lines, Origin::Hub, None).unwrap());
        }
        let total = counts.iter().map(|count| count.added).sum::<u32>();
        assert_eq!((total, acts(&store).len()), (1, 2));
        let prompt = store.prompt("p0").unwrap().unwrap();
        assert_eq!(
            (prompt.text.as_str(), prompt.state),
            ("newer", PromptState::Proposed)
        );
        let kept = store.set_prompt_state(
            &["p0".to_owned()],
            PromptState::Kept,
            "ann",
            &|| "k".to_owned(),
            2,
        );
        assert_eq!(kept, Ok(()));
        // The file is still there, and is read at each sync.
        for line in [&older, &newer] {
            let lines = std::slice::from_ref(line);
            let count = store.merge_instructions(lines, Origin::Hub, None);
            assert_eq!(count, Ok(MergeCount::default()));
        }
        let prompt = store.prompt("p0").unwrap().unwrap();
        assert_eq!(prompt.state, PromptState::Kept);
        let page = store.prompt_page(&PromptFilter::default(), 0, 9).unwrap();
        assert_eq!(page.total, 1);
        let colours = acts(&store)
            .iter()
            .filter(|line| line.text().contains("green"))
            .count();
        assert_eq!(colours, 2, "what was not understood is kept");
    }
}

#[test]
fn an_act_that_comes_before_its_instruction_waits_for_it() {
    let store = empty();
    let made = Store::open_memory().unwrap();
    let new_id = || "add".to_owned();
    made.add_prompts(&[prompt("p1", "a")], "ann", &new_id, 1)
        .unwrap();
    made.edit_prompt("p1", "b", "ann", "edit", 2).unwrap();
    let [add, edit] = <[_; 2]>::try_from(acts(&made)).unwrap();
    let count = store.merge_instructions(&[edit], Origin::Hub, None);
    assert_eq!(
        (count, store.prompt("p1")),
        (Ok(MergeCount::default()), Ok(None))
    );
    store.merge_instructions(&[add], Origin::Hub, None).unwrap();
    assert_eq!(store.prompt("p1"), made.prompt("p1"));
    assert_eq!(
        store.prompt("p1").unwrap().unwrap().cell,
        cell("soil", "science")
    );
    check(&store);
}
