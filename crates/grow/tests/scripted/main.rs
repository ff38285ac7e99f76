//! The local Hub's scripted model understands our tasks, and we understand its replies. Its sources are taken in by
//! path, so that this needs no server.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../../hub-local/src/model/phrases.rs"]
mod phrases;
#[path = "../../../hub-local/src/model/words.rs"]
mod words;

use seedbed_core::chat::ChatReply;
use seedbed_core::example::example;
use seedbed_core::messages::Proposal;
use seedbed_core::model::{FinishReason, Message, Role};
use seedbed_core::prompt::EvolutionKind;
use seedbed_core::seed::Seed;
use seedbed_grow::filter::{NoveltyIndex, evolution_verdict};
use seedbed_grow::{parse, quality, tasks};

/// As the local Hub asks it: the last system and the last user message.
fn ask(messages: &[Message], number: u64) -> String {
    let of = |role| {
        messages
            .iter()
            .rfind(|message| message.role == role)
            .map(|message| message.content.as_str())
            .unwrap_or_default()
    };
    words::answer(
        of(Role::System),
        of(Role::User),
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    )
}

fn seeds() -> [Seed; 2] {
    [
        Seed::import(include_str!(
            "../../../core/tests/data/farming-seed_data.json"
        ))
        .unwrap(),
        example(0).seed,
    ]
}

#[test]
fn every_cell_gets_the_instructions_asked_for_and_nearly_all_are_new() {
    for seed in seeds() {
        let mut index = NoveltyIndex::default();
        let (mut asked, mut new) = (0, 0);
        for (at, cell) in seed.cells().iter().enumerate() {
            for count in [1, 2, 5] {
                let text = ask(
                    &tasks::self_instruct(&seed, cell, count, &["How is rye sown?"]),
                    (at * 10 + count) as u64,
                );
                let context = parse::ListContext {
                    seed: &seed,
                    cell: Some(cell),
                };
                let parsed = parse::instructions(&text, FinishReason::Stop, count, &context);
                assert_eq!(parsed.items.len(), count, "{text}\n{:?}", parsed.dropped);
                for item in parsed.items {
                    assert!(
                        item.to_lowercase().contains(&cell.topic.to_lowercase()),
                        "{item}"
                    );
                    asked += 1;
                    if index.check(&item).is_ok() {
                        index.add(&item);
                        new += 1;
                    }
                }
            }
        }
        assert!(new * 10 >= asked * 8, "{new} of {asked}");
    }
}

#[test]
fn evolved_instructions_keep_their_parent_and_pass_the_rules() {
    for seed in seeds() {
        for (at, kind) in EvolutionKind::ALL.into_iter().enumerate() {
            let parent = "Why does clay soil crack in August?";
            let reply = ask(&tasks::evolve(&seed, parent, kind), at as u64);
            let text = parse::evolved(&reply, FinishReason::Stop, parent).unwrap();
            assert!(
                text.starts_with("Why does clay soil crack in August "),
                "{text}"
            );
            assert_eq!(evolution_verdict(parent, &text), Ok(()), "{text}");
        }
    }
}

#[test]
fn proposals_bring_new_names() {
    for seed in seeds() {
        for what in [Proposal::Topics, Proposal::Perspectives] {
            for count in [1, 3, 5] {
                let text = ask(&tasks::propose(&seed, what, count), count as u64);
                let names = parse::short_list(&text, FinishReason::Stop, count, &seed, what);
                // The stand-in does not look at what is there already.
                let known = text
                    .lines()
                    .filter(|line| {
                        seed.perspectives.iter().chain(&seed.topics).any(|name| {
                            line.to_lowercase()
                                .ends_with(&format!(". {}", name.to_lowercase()))
                        })
                    })
                    .count();
                assert_eq!(names.len() + known, count, "{what:?}: {text}");
            }
        }
    }
}

#[test]
fn answers_are_answers_and_have_no_flags() {
    for seed in seeds() {
        for (at, prompt) in example(0).prompts.iter().enumerate() {
            for messages in [
                tasks::answer(&seed, &prompt.text),
                tasks::draft_answer(&seed, &prompt.text),
            ] {
                let text = ask(&messages, at as u64);
                assert!(text.contains("scripted stand-in"), "{text}");
                let reply = ChatReply {
                    text,
                    ..ChatReply::default()
                };
                assert_eq!(
                    quality::flags(&prompt.text, &reply),
                    [""; 0],
                    "{}",
                    reply.text
                );
            }
        }
    }
}
