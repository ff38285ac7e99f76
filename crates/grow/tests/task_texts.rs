//! Each version of each task's text, as a file of `task_texts/`: a text that changes needs a new version, since the
//! version is what tells one request from another in stored provenance.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use seedbed_core::messages::Proposal;
use seedbed_core::model::{Message, Role};
use seedbed_core::prompt::{Cell, EvolutionKind};
use seedbed_core::seed::{Example, Seed};
use seedbed_grow::tasks;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/task_texts");

/// A seed of its own, so that no other change touches these texts.
fn full() -> Seed {
    let example = |question: &str, answer: &str| Example {
        question: question.to_owned(),
        answer: answer.to_owned(),
        ..Example::default()
    };
    Seed {
        domain: "keeping ducks".into(),
        description: "Answers for people who keep a few ducks in a garden,\nwith figures where there are some.".into(),
        expert_prompt: "You have kept ducks for thirty years.\n\nYou answer briefly.".into(),
        topics: vec!["feed".into(), "water".into()],
        perspectives: vec!["beginner".into(), "vet".into()],
        examples: vec![
            example("How much water does a duck drink?", "About half a litre a day."),
            example("When do ducks lay?", "From March on.\n\nSome breeds earlier."),
            example("Which plants are poisonous to ducks?", "Yew and foxglove, among others."),
            example("A fourth, which is not shown?", "No."),
        ],
        ..Seed::default()
    }
}

fn bare() -> Seed {
    Seed {
        domain: "keeping ducks".into(),
        ..Seed::default()
    }
}

/// A version and what its task asks in every case in which the text is another.
type Task = (&'static str, Vec<(String, Vec<Message>)>);

fn all() -> Vec<Task> {
    let (full, bare) = (full(), bare());
    let cell = Cell {
        topic: "feed".into(),
        perspective: "vet".into(),
    };
    let topic = Cell {
        topic: "feed".into(),
        perspective: String::new(),
    };
    let kept = ["Which grain do ducks like best?", "Is bread\nharmful?"];
    let question = "How many ducks fit into a garden?";
    let case = |name: &str, messages: Vec<Message>| (name.to_owned(), messages);
    let no_domain = Seed::default();
    let evolutions = EvolutionKind::ALL
        .into_iter()
        .map(|kind| case(&format!("{kind:?}"), tasks::evolve(&full, question, kind)))
        .chain([case(
            "a bare seed",
            tasks::evolve(&bare, question, EvolutionKind::Breadth),
        )]);
    let proposals = [Proposal::Topics, Proposal::Perspectives]
        .into_iter()
        .flat_map(|what| {
            [
                case(&format!("{what:?}"), tasks::propose(&full, what, 4)),
                case(&format!("one of {what:?}"), tasks::propose(&full, what, 1)),
                case(
                    &format!("{what:?} of a bare seed"),
                    tasks::propose(&bare, what, 4),
                ),
            ]
        });
    vec![
        (
            tasks::SELF_INSTRUCT,
            vec![
                case("a full seed", tasks::self_instruct(&full, &cell, 5, &[])),
                case("kept ones", tasks::self_instruct(&full, &cell, 5, &kept)),
                case("one", tasks::self_instruct(&full, &topic, 1, &kept)),
                case("a bare seed", tasks::self_instruct(&bare, &topic, 5, &[])),
            ],
        ),
        (tasks::EVOLVE, evolutions.collect()),
        (
            tasks::ANSWER,
            vec![
                case("a full seed", tasks::answer(&full, question)),
                case("a bare seed", tasks::answer(&bare, question)),
                case("an empty seed", tasks::answer(&no_domain, question)),
            ],
        ),
        (
            tasks::DRAFT_ANSWER,
            vec![
                case("a full seed", tasks::draft_answer(&full, question)),
                case("a bare seed", tasks::draft_answer(&bare, question)),
            ],
        ),
        (tasks::PROPOSE, proposals.collect()),
    ]
}

/// As a person reads it.
fn text((version, cases): &Task) -> String {
    let mut out = version.to_string();
    out.push('\n');
    for (name, messages) in cases {
        write!(out, "\n==== {name}\n").unwrap();
        for message in messages {
            let role = match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            write!(out, "---- {role}\n{}\n", message.content).unwrap();
        }
    }
    out
}

fn file(version: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{}.txt", version.replace('/', "-")))
}

/// The only way to a new file is a new version: `SEEDBED_WRITE_TASK_TEXTS=1` writes what is not there yet.
#[test]
fn a_text_that_changed_has_a_new_version() {
    for task in all() {
        let (version, _) = task;
        let (file, now) = (file(version), text(&task));
        if !file.exists() && std::env::var_os("SEEDBED_WRITE_TASK_TEXTS").is_some() {
            std::fs::write(&file, &now).unwrap();
        }
        let then = std::fs::read_to_string(&file).unwrap_or_else(|_| {
            panic!(
                "{version} has no file yet. If the text is as you want it, keep it by\n\n    \
                 SEEDBED_WRITE_TASK_TEXTS=1 cargo test -p seedbed-grow --test task_texts\n"
            )
        });
        if let Some((at, (was, is))) = then
            .lines()
            .chain(std::iter::repeat("(the end)"))
            .zip(now.lines().chain(std::iter::repeat("(the end)")))
            .enumerate()
            .take(then.lines().count().max(now.lines().count()))
            .find(|(_, (was, is))| was != is)
        {
            panic!(
                "the text of {version} is not what it was; raise the version in crates/grow/src/tasks.rs.\n\
                 {}:{}\n  was: {was}\n  is:  {is}",
                file.display(),
                at + 1
            );
        }
        assert_eq!(then, now, "{version}");
    }
}

/// Files of earlier versions stay: what was asked then can be read, and no number is used twice.
#[test]
fn every_version_up_to_the_present_one_has_its_file_and_nothing_else_does() {
    let mut wanted = BTreeSet::new();
    for (version, _) in all() {
        let (name, number) = version.split_once('/').unwrap();
        for number in 1..=number.parse::<u32>().unwrap() {
            wanted.insert(format!("{name}-{number}.txt"));
        }
    }
    let found: BTreeSet<String> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, wanted);
}
