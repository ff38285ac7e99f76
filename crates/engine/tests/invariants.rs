//! What must not matter: who else is decoded beside a sequence, how its prompt is cut, how many steps go out at once,
//! which slot it has, and whether its beginning is shared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

use std::collections::HashMap;
use std::rc::Rc;

use futures::executor::block_on;
use seedbed_engine::engine::{Engine, Event, Options, Reason, Request, Sampling, Stage, warm};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::weights::Weights;
use seedbed_engine::load;
use support::{Numbers, Outcome, context, fixture, nmse_32, request, run, weights};

/// A model with bias, one with norms of queries and keys, and one that is quantized.
const MODELS: [&str; 3] = [
    "llama/model-Q4_1.gguf",
    "qwen2/model-F16.gguf",
    "qwen3/model-Q8_0.gguf",
];

fn options(slots: usize, lanes: bool) -> Options {
    Options {
        slots,
        context: 160,
        half_kv: false,
        lanes: Some(lanes),
        ..Options::default()
    }
}

fn engine(context: &Rc<Context>, weights: &Rc<Weights>, options: Options) -> Engine {
    Engine::new(context.clone(), weights.clone(), options, &[]).unwrap()
}

/// Prompts of different lengths; tokens 3 to 255.
fn prompts(count: usize) -> Vec<Vec<u32>> {
    let mut numbers = Numbers(7);
    (0..count)
        .map(|_| {
            let length = 2 + numbers.below(40);
            (0..length).map(|_| 3 + numbers.below(253) as u32).collect()
        })
        .collect()
}

/// Each by itself, in an engine of one slot.
fn alone(
    context: &Rc<Context>,
    weights: &Rc<Weights>,
    lanes: bool,
    requests: &[Request],
) -> Vec<Outcome> {
    let mut one = engine(context, weights, options(1, lanes));
    requests
        .iter()
        .map(|request| run(&mut one, std::slice::from_ref(request)).remove(0))
        .collect()
}

fn each(check: impl Fn(&Rc<Context>, &Rc<Weights>, bool, &str)) {
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    for model in MODELS {
        let weights = weights(&context, model);
        for lanes in [true, false] {
            check(
                &context,
                &weights,
                lanes,
                &format!("{model}, lanes {lanes}"),
            );
        }
    }
}

/// Ten requests of different lengths go through three slots (and five, where the kernels for many columns begin): each
/// gets what it gets alone, whoever is beside it and whatever slot was free.
#[test]
fn a_sequence_beside_others_is_the_sequence_alone() {
    each(|context, weights, lanes, what| {
        let requests: Vec<Request> = prompts(10)
            .iter()
            .enumerate()
            .map(|(id, prompt)| request(id as u64, prompt, 3 + id * 2))
            .collect();
        let wanted = alone(context, weights, lanes, &requests);
        for slots in [3, 6] {
            let found = run(
                &mut engine(context, weights, options(slots, lanes)),
                &requests,
            );
            assert_eq!(found, wanted, "{what}, {slots} slots");
        }
    });
}

/// A prompt prefilled in pieces of any size is the prompt prefilled at once.
#[test]
fn a_prompt_may_be_cut_anywhere() {
    each(|context, weights, lanes, what| {
        let prompt: Vec<u32> = prompts(4).concat();
        let scores = |chunk: usize| {
            let options = Options {
                chunk,
                ..options(1, lanes)
            };
            let mut one = engine(context, weights, options);
            let scores = block_on(one.score(&prompt)).unwrap();
            (scores, run(&mut one, &[request(1, &prompt, 12)]).remove(0))
        };
        let (wanted, tokens) = scores(64);
        for chunk in [1, 3, 7] {
            let (found, made) = scores(chunk);
            assert!(
                nmse_32(&found, &wanted) < 1e-10,
                "{what}, pieces of {chunk}"
            );
            assert_eq!(made, tokens, "{what}, pieces of {chunk}");
        }
    });
}

/// Several steps in one submission are the same steps one by one.
#[test]
fn steps_may_go_out_together() {
    each(|context, weights, lanes, what| {
        let requests: Vec<Request> = prompts(2)
            .iter()
            .zip(0..)
            .map(|(prompt, id)| request(id, prompt, 21))
            .collect();
        let made = |steps: usize| {
            let options = Options {
                steps,
                ..options(2, lanes)
            };
            run(&mut engine(context, weights, options), &requests)
        };
        let wanted = made(1);
        assert_eq!(wanted[0].tokens.len(), 21);
        for steps in [2, 5, 16, 64] {
            assert_eq!(made(steps), wanted, "{what}, {steps} steps");
        }
    });
}

/// Prompts that begin alike read the keys and values of their beginning from one place, and get what they get alone.
#[test]
fn a_shared_beginning_changes_nothing() {
    each(|context, weights, lanes, what| {
        let beginning: Vec<u32> = prompts(3).concat();
        let requests: Vec<Request> = prompts(8)
            .iter()
            .zip(0..)
            .map(|(end, id)| request(id, &[&beginning[..], end].concat(), 9))
            .collect();
        let mut shared = engine(context, weights, options(3, lanes));
        let found = run(&mut shared, &requests);
        assert!(
            shared.shared_tokens() >= beginning.len(),
            "{what}: nothing was shared"
        );
        assert_eq!(found, alone(context, weights, lanes, &requests), "{what}");
        // Another beginning afterwards takes its place.
        let other: Vec<Request> = requests
            .iter()
            .map(|one| Request {
                prompt: one.prompt.iter().rev().copied().collect(),
                ..one.clone()
            })
            .collect();
        assert_eq!(
            run(&mut shared, &other),
            alone(context, weights, lanes, &other),
            "{what}, reversed"
        );
    });
}

/// A long context's keys are spread over workgroups from some length on; that changes nothing but the order of sums.
#[test]
fn attention_may_be_spread() {
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    for model in MODELS {
        let weights = weights(&context, model);
        let prompt: Vec<u32> = prompts(6).concat().into_iter().take(120).collect();
        let made = |long: usize| {
            let options = Options {
                long,
                ..options(1, false)
            };
            run(
                &mut engine(&context, &weights, options),
                &[request(1, &prompt, 16)],
            )
            .remove(0)
        };
        assert_eq!(made(100), made(100_000), "{model}");
    }
}

/// What is drawn depends on seed and stream, not on neighbours, order or slot.
#[test]
fn draws_do_not_depend_on_the_batch() {
    each(|context, weights, lanes, what| {
        let sampling = Sampling {
            temperature: 0.9,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.01,
            penalty: 1.1,
            seed: 5,
        };
        let requests: Vec<Request> = prompts(6)
            .iter()
            .zip(0..)
            .map(|(prompt, id)| Request {
                sampling,
                stream: id as u32,
                ..request(id, prompt, 10)
            })
            .collect();
        let wanted = alone(context, weights, lanes, &requests);
        let mut backwards = requests.clone();
        backwards.reverse();
        let mut found = run(&mut engine(context, weights, options(4, lanes)), &backwards);
        found.reverse();
        assert_eq!(found, wanted, "{what}");
        // The same prompt in another stream, and with another seed, becomes something else.
        let other = |stream: u32, seed: u32| Request {
            sampling: Sampling { seed, ..sampling },
            stream,
            ..requests[0].clone()
        };
        let variants = alone(
            context,
            weights,
            lanes,
            &[other(0, 5), other(1, 5), other(0, 6)],
        );
        assert_eq!(variants[0], wanted[0], "{what}");
        assert!(
            variants[1] != variants[0] && variants[2] != variants[0],
            "{what}: always the same draw"
        );
    });
}

/// One that is cancelled, while it waits or runs, is never heard of again and changes nothing for the others.
#[test]
fn cancelling_one_leaves_the_others() {
    each(|context, weights, lanes, what| {
        let requests: Vec<Request> = prompts(5)
            .iter()
            .zip(0..)
            .map(|(prompt, id)| request(id, prompt, 12))
            .collect();
        let wanted = alone(context, weights, lanes, &requests);
        let options = Options {
            steps: 2,
            ..options(2, lanes)
        };
        let mut two = engine(context, weights, options);
        for one in &requests {
            two.submit(one.clone()).unwrap();
        }
        let mut all: Vec<(u64, Outcome)> = requests
            .iter()
            .map(|one| (one.id, Outcome::default()))
            .collect();
        let mut rounds = 0;
        while two.open() > 0 {
            for event in block_on(two.advance()).unwrap() {
                let (Event::Tokens(id, _) | Event::Finished(id, _) | Event::Broken(id)) = event;
                assert!(
                    rounds < 2 || (id != 0 && id != 4),
                    "{what}: {id} was cancelled"
                );
                support::note(&mut all, event);
            }
            rounds += 1;
            if rounds == 2 {
                assert!(two.cancel(0) && two.cancel(4), "{what}");
                assert!(!two.cancel(9), "{what}");
            }
        }
        for id in [1, 2, 3] {
            assert_eq!(all[id].1, wanted[id], "{what}, {id}");
        }
    });
}

/// A reply ends at its limit, at a stop token (which is not part of it), and when the context is full.
#[test]
fn replies_end_for_a_reason() {
    each(|context, weights, lanes, what| {
        let prompt = prompts(1).remove(0);
        let free = alone(context, weights, lanes, &[request(1, &prompt, 20)]).remove(0);
        assert_eq!(
            (free.tokens.len(), free.reason),
            (20, Some(Reason::Length)),
            "{what}"
        );
        let stop = free.tokens[7];
        let first = free.tokens.iter().position(|token| *token == stop).unwrap();
        let mut stopping = Engine::new(
            context.clone(),
            weights.clone(),
            options(1, lanes),
            &[1, stop],
        )
        .unwrap();
        let stopped = run(&mut stopping, &[request(1, &prompt, 20)]).remove(0);
        assert_eq!(
            (&stopped.tokens[..], stopped.reason),
            (&free.tokens[..first], Some(Reason::Stop)),
            "{what}"
        );
        let small = Options {
            context: prompt.len() + 5,
            ..options(1, lanes)
        };
        let room = small.context.max(16) - prompt.len() + 1;
        let full = run(
            &mut engine(context, weights, small),
            &[request(1, &prompt, 500)],
        )
        .remove(0);
        assert_eq!(
            (full.tokens.len(), full.reason),
            (room, Some(Reason::Length)),
            "{what}"
        );
    });
}

/// What can't be continued is refused with the reason, and nothing else suffers.
#[test]
fn impossible_requests_are_refused() {
    let Some(context) = context() else { return };
    let context = Rc::new(context);
    let weights = weights(&context, MODELS[0]);
    let mut one = engine(&context, &weights, options(1, true));
    for (prompt, tokens, reason) in [
        (vec![], 5, "empty"),
        (vec![3; 160], 5, "The prompt has 160 tokens; 159 fit"),
        (vec![3, 256], 5, "Token 256 is not one of the model's 256"),
        (vec![3], 0, "No tokens"),
    ] {
        let error = one
            .submit(request(1, &prompt, tokens))
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(one.open(), 0);
    assert_eq!(run(&mut one, &[request(2, &[5, 6], 3)])[0].tokens.len(), 3);
}

#[test]
fn kernels_are_there_before_the_weights() {
    let Some(context) = context().map(Rc::new) else {
        return;
    };
    let header = load::gguf(&context, &fixture("qwen2/model-Q5_1.gguf"))
        .unwrap()
        .1;
    let options = Options {
        slots: 2,
        context: 64,
        chunk: 8,
        ..Options::default()
    };
    let before = context.kernels();
    let outline = Weights::outline(&context, &header).unwrap();
    warm(&context, Rc::new(outline), &options).unwrap();
    let warmed = context.kernels();
    assert!(warmed > before);
    // A whole chunk and the last token, one sequence and two.
    let weights = weights(&context, "qwen2/model-Q5_1.gguf");
    let mut engine = engine(&context, &weights, options);
    let prompt: Vec<u32> = (3..12).collect();
    run(&mut engine, &[request(0, &prompt, 3)]);
    let other: Vec<u32> = (13..22).collect();
    run(
        &mut engine,
        &[request(1, &prompt, 3), request(2, &other, 3)],
    );
    assert_eq!(context.kernels(), warmed);
}

/// A prompt that comes while another sequence writes is read in pieces between its tokens, whatever is shared; both get
/// what they get alone, and how far each is can be told.
#[test]
fn a_prompt_is_read_between_the_tokens_of_others() {
    each(|context, weights, lanes, what| {
        let long: Vec<u32> = prompts(6).concat().into_iter().take(100).collect();
        // The last has nothing of its own to read.
        for shared in [0, 60, long.len()] {
            let beginning = &long[..shared];
            let other: Vec<u32> = long.iter().rev().copied().skip(shared).collect();
            let short: Vec<u32> = prompts(2).remove(1);
            let requests = [
                request(0, &short, 40),
                request(1, &long, 9),
                request(2, &[beginning, &other].concat(), 9),
            ];
            let wanted = alone(context, weights, lanes, &requests);
            let options = Options {
                chunk: 8,
                steps: 1,
                patience: 0.0,
                ..options(3, lanes)
            };
            let mut three = engine(context, weights, options);
            let mut all: Vec<(u64, Outcome)> = requests
                .iter()
                .map(|one| (one.id, Outcome::default()))
                .collect();
            three.submit(requests[0].clone()).unwrap();
            let mut read = Vec::new();
            let mut meanwhile = 0;
            while three.open() > 0 {
                let events = block_on(three.advance()).unwrap();
                let stages: HashMap<u64, Stage> = three.stages().into_iter().collect();
                let is_reading = stages
                    .values()
                    .any(|stage| matches!(stage, Stage::Reading { .. }));
                for event in events {
                    meanwhile += usize::from(is_reading && matches!(event, Event::Tokens(0, _)));
                    support::note(&mut all, event);
                }
                if let Some(Stage::Reading { read: now, total }) = stages.get(&1) {
                    assert_eq!(*total, long.len(), "{what}");
                    read.push(*now);
                }
                if all[0].1.tokens.len() == 2 && three.open() == 1 {
                    three.submit(requests[1].clone()).unwrap();
                    three.submit(requests[2].clone()).unwrap();
                    assert!(three.stages().contains(&(2, Stage::Waiting(1))), "{what}");
                }
            }
            assert!(meanwhile > 0, "{what}: the one that writes had to wait");
            assert!(
                read.len() > 1 && read.is_sorted() && read[0] < *read.last().unwrap(),
                "{what}: {read:?}"
            );
            assert_eq!(three.unread(), 0, "{what}");
            let found: Vec<Outcome> = all.into_iter().map(|(_, outcome)| outcome).collect();
            assert_eq!(found, wanted, "{what}, {shared} shared");
        }
    });
}

/// Who is cancelled while its prompt is read leaves nothing behind, be it the one whose beginning others share.
#[test]
fn a_prompt_may_be_given_up_while_it_is_read() {
    each(|context, weights, lanes, what| {
        let beginning: Vec<u32> = prompts(6).concat().into_iter().take(90).collect();
        let requests: Vec<Request> = prompts(4)
            .iter()
            .zip(0..)
            .map(|(end, id)| {
                let end: Vec<u32> = end.iter().copied().take(12).collect();
                request(id, &[&beginning[..], &end].concat(), 9)
            })
            .collect();
        let wanted = alone(context, weights, lanes, &requests);
        let options = Options {
            chunk: 4,
            patience: 0.0,
            ..options(2, lanes)
        };
        let mut two = engine(context, weights, options);
        for one in &requests[..2] {
            two.submit(one.clone()).unwrap();
        }
        assert!(block_on(two.advance()).unwrap().is_empty(), "{what}");
        assert!(two.unread() > 0, "{what}");
        assert!(two.cancel(0) && two.cancel(1), "{what}");
        assert_eq!(run(&mut two, &requests[2..]), wanted[2..], "{what}");
    });
}
