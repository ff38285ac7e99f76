//! Columns of data sets as people and tools name them: what is guessed, and the records that come of it.

use seedbed_core::import::{Answer, InputPlace, Mapping, Shaped, Target};
use seedbed_core::model::Role::{Assistant, System, User};
use seedbed_core::turns::Turn;
use seedbed_import::guess::{Guess, guess};
use seedbed_import::shape::{Shaper, Unfit};
use seedbed_import::table::Row;
use serde_json::{Value, json};

/// A table of objects that all have the keys of the first.
fn table(rows: &[Value]) -> (Vec<String>, Vec<Row>) {
    let Value::Object(first) = &rows[0] else {
        panic!("rows are objects");
    };
    let columns: Vec<String> = first.keys().cloned().collect();
    let rows = rows
        .iter()
        .enumerate()
        .map(|(at, row)| Row {
            number: at as u64 + 1,
            cells: columns
                .iter()
                .map(|name| row.get(name).cloned().unwrap_or_default())
                .collect(),
        })
        .collect();
    (columns, rows)
}

fn guessed(rows: &[Value]) -> Guess {
    let (columns, rows) = table(rows);
    guess(&columns, &rows)
}

/// The records of a table by what is guessed.
fn shaped(rows: &[Value]) -> Vec<Result<Shaped, Unfit>> {
    by(rows, &guessed(rows).mapping)
}

fn by(rows: &[Value], mapping: &Mapping) -> Vec<Result<Shaped, Unfit>> {
    let (columns, rows) = table(rows);
    let shaper = Shaper::new(&columns, mapping);
    rows.iter().flat_map(|row| shaper.shape(row)).collect()
}

fn pair(instruction: &str, answer: &str) -> Shaped {
    Shaped {
        instruction: instruction.to_owned(),
        answer: match answer {
            "" => Answer::None,
            answer => Answer::Text(answer.to_owned()),
        },
        ..Shaped::default()
    }
}

fn turns(turns: &[(seedbed_core::model::Role, &str)]) -> Answer {
    let turn = |(role, text): &(_, &str)| Turn {
        role: *role,
        text: (*text).to_owned(),
    };
    Answer::Turns(turns.iter().map(turn).collect())
}

/// The uses of the columns that have one.
fn uses(guess: &Guess) -> Vec<(&str, Target)> {
    guess
        .mapping
        .columns
        .iter()
        .filter(|(_, target)| *target != Target::Unused)
        .map(|(name, target)| (name.as_str(), *target))
        .collect()
}

#[test]
fn known_shapes_go_through_without_a_question() {
    let good = pair("How deep?", "2 cm.");
    for (row, expected) in [
        (
            json!({"instruction": "How deep?", "response": "2 cm."}),
            good.clone(),
        ),
        (
            json!({"Question": "How deep?", "Answer": "2 cm."}),
            good.clone(),
        ),
        (
            json!({"prompt": "How deep?", "completion": "2 cm."}),
            good.clone(),
        ),
        (
            json!({"query": "How deep?", "answer": "2 cm.", "lang": "en"}),
            good.clone(),
        ),
        (
            json!({"problem": "How deep?", "solution": "2 cm.", "level": 3}),
            good.clone(),
        ),
        (
            json!({"input": "How deep?", "output": "2 cm."}),
            good.clone(),
        ),
        (
            json!({"instruction": "How deep?", "input": "", "output": "2 cm."}),
            good.clone(),
        ),
        (
            json!({"instruction": "How", "input": "deep?", "output": "2 cm."}),
            pair("How\n\ndeep?", "2 cm."),
        ),
        (
            json!({"instruction": "How?", "context": "Peas.", "response": "2 cm.", "category": "qa"}),
            pair("How?\n\nPeas.", "2 cm."),
        ),
        (
            json!({"id": 7, "question": "How deep?", "answer": "2 cm.", "input_length": 9}),
            good.clone(),
        ),
        (json!({"问题": "How deep?", "答案": "2 cm."}), good.clone()),
        (
            json!({"question": "How many?", "answer": 4}),
            pair("How many?", "4"),
        ),
        (
            json!({"messages": [{"role": "user", "content": "How deep?"}, {"role": "assistant", "content": "2 cm."}]}),
            good.clone(),
        ),
        (
            json!({"id": "x", "conversations": [{"from": "human", "value": "How deep?"}, {"from": "gpt", "value": "2 cm."}]}),
            good.clone(),
        ),
        (
            json!({"prompt": "How deep?", "prompt_id": "1", "messages": [{"role": "user", "content": "How deep?"}, {"role": "assistant", "content": "2 cm."}]}),
            good.clone(),
        ),
        (
            json!({"messages": "[{\"role\": \"user\", \"content\": \"How deep?\"}, {\"role\": \"assistant\", \"content\": \"2 cm.\"}]"}),
            good.clone(),
        ),
        (
            json!({"prompt": [{"role": "user", "content": "How deep?"}], "completion": [{"role": "assistant", "content": "2 cm."}]}),
            good.clone(),
        ),
        (
            json!({"text": "### Instruction:\nHow deep?\n\n### Response:\n2 cm."}),
            good.clone(),
        ),
        (
            json!({"text": "<|im_start|>user\nHow deep?<|im_end|>\n<|im_start|>assistant\n2 cm.<|im_end|>"}),
            good.clone(),
        ),
    ] {
        let rows = [row];
        let guess = guessed(&rows);
        assert!(guess.is_sure, "{rows:?}: {guess:?}");
        assert_eq!(shaped(&rows), [Ok(expected)], "{rows:?}");
    }
}

#[test]
fn what_is_doubtful_is_asked() {
    let long = "A long text about peas and how they are sown in the garden.";
    for row in [
        // Names that nobody knows.
        json!({"left": "How deep?", "right": long}),
        // Answers of two kinds.
        json!({"question": "How deep?", "answer": "2 cm.", "response": "About 2 cm."}),
        json!({"prompt": "How deep?", "instruction": "Why so deep?", "response": "2 cm."}),
        // Instructions alone, beside a text that could be their answer.
        json!({"question": "How deep?", "body": long}),
        // Only a part of the name is known.
        json!({"my question": "How deep?", "the answer given": "2 cm."}),
    ] {
        let guess = guessed(std::slice::from_ref(&row));
        assert!(!guess.is_sure, "{row}: {guess:?}");
        assert!(guess.mapping.lack().is_none(), "{row}: {guess:?}");
    }
}

#[test]
fn values_decide_where_names_do_not() {
    let rows = [
        json!({"left": "2 cm is enough for them.", "right": "How deep are peas sown?"}),
        json!({"left": "In March, if it is dry.", "right": "When are they sown?"}),
    ];
    let guess = guessed(&rows);
    assert_eq!(
        uses(&guess),
        [("left", Target::Response), ("right", Target::Instruction)]
    );
    // A length is no instruction, whatever it is called.
    let guess = guessed(&[json!({"input_length": 12, "label": 1})]);
    assert_eq!(uses(&guess), []);
    assert!(!guess.is_sure);
}

#[test]
fn rows_without_an_answer_become_instructions() {
    for row in [
        json!({"question": "How deep?"}),
        json!({"instruction": "How deep?", "response": ""}),
        json!({"instruction": "How deep?", "response": null}),
        json!({"messages": [{"role": "user", "content": "How deep?"}]}),
        json!({"prompt": [{"role": "user", "content": "How deep?"}]}),
    ] {
        let rows = [row];
        assert_eq!(shaped(&rows), [Ok(pair("How deep?", ""))], "{rows:?}");
    }
}

#[test]
fn conversations_stay_whole() {
    let conversation = json!([
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "How deep?"},
        {"role": "assistant", "content": "2 cm."}, {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Frost."}
    ]);
    let whole = turns(&[
        (System, "Be brief."),
        (User, "How deep?"),
        (Assistant, "2 cm."),
        (User, "Why?"),
        (Assistant, "Frost."),
    ]);
    let expected = |answer| Shaped {
        instruction: "How deep?".to_owned(),
        answer,
        ..Shaped::default()
    };
    assert_eq!(
        shaped(&[json!({"messages": conversation})]),
        [Ok(expected(whole.clone()))]
    );
    // A prompt of several turns with its completion.
    let prompt: Vec<Value> = conversation.as_array().unwrap()[..4].to_vec();
    assert_eq!(
        shaped(&[json!({"prompt": prompt, "completion": "Frost."})]),
        [Ok(expected(whole))]
    );
    // A system message beside the pair.
    assert_eq!(
        shaped(&[json!({"system": "Be brief.", "question": "How deep?", "response": "2 cm."})]),
        [Ok(expected(turns(&[
            (System, "Be brief."),
            (User, "How deep?"),
            (Assistant, "2 cm.")
        ])))]
    );
}

#[test]
fn two_answers_that_were_compared_stay_a_pair() {
    let expected = Shaped {
        rejected: Some(Answer::Text("20 cm.".to_owned())),
        ..pair("How deep?", "2 cm.")
    };
    let user = json!({"role": "user", "content": "How deep?"});
    let chosen = json!({"role": "assistant", "content": "2 cm."});
    let rejected = json!({"role": "assistant", "content": "20 cm."});
    for row in [
        json!({"prompt": "How deep?", "chosen": "2 cm.", "rejected": "20 cm."}),
        json!({"question": "How deep?", "chosen_response": "2 cm.", "rejected_response": "20 cm."}),
        json!({"chosen": [user, chosen], "rejected": [user, rejected]}),
        json!({"prompt": "How deep?", "chosen": [user, chosen], "rejected": [user, rejected], "score_chosen": 8.5}),
        json!({"prompt": [user], "chosen": [chosen], "rejected": [rejected]}),
        json!({"conversations": [{"from": "human", "value": "How deep?"}],
               "chosen": {"from": "gpt", "value": "2 cm."}, "rejected": {"from": "gpt", "value": "20 cm."}}),
        json!({"chosen": "\n\nHuman: How deep?\n\nAssistant: 2 cm.", "rejected": "\n\nHuman: How deep?\n\nAssistant: 20 cm."}),
    ] {
        let rows = [row];
        assert!(guessed(&rows).is_sure, "{rows:?}");
        assert_eq!(shaped(&rows), [Ok(expected.clone())], "{rows:?}");
    }
    assert_eq!(
        shaped(&[json!({"prompt": "How deep?", "chosen": "2 cm.", "rejected": "2 cm."})]),
        [Err(Unfit::SameAnswers)]
    );
    assert_eq!(
        shaped(&[json!({"chosen": [user, chosen],
            "rejected": [{"role": "user", "content": "Why?"}, rejected]})]),
        [Err(Unfit::OtherQuestion)]
    );
    // Without the other, the chosen answer is an answer.
    assert_eq!(
        shaped(&[json!({"prompt": "How deep?", "chosen": "2 cm."})]),
        [Ok(pair("How deep?", "2 cm."))]
    );
}

#[test]
fn self_instruct_gives_a_row_for_each_instance() {
    assert_eq!(
        shaped(&[
            json!({"id": "t1", "instruction": "Name a bird.", "instances": [
            {"input": "", "output": "Wren"}, {"input": "A big one.", "output": "Heron"}]})
        ]),
        [
            Ok(pair("Name a bird.", "Wren")),
            Ok(pair("Name a bird.\n\nA big one.", "Heron"))
        ]
    );
}

#[test]
fn what_stands_beside_the_texts_comes_along() {
    let row = json!({"instruction": "How deep?", "response": "2 cm.", "topic": [" soil\n"], "perspective": "beginner",
        "model_name": "m", "reasoning": " thin ", "source_url": "https://a.example", "tags": ["x"]});
    let mut mapping = guessed(std::slice::from_ref(&row)).mapping;
    mapping.set("source_url", Target::Metadata);
    mapping.set("tags", Target::Metadata);
    let expected = Shaped {
        topic: "soil".to_owned(),
        perspective: "beginner".to_owned(),
        model: "m".to_owned(),
        reasoning: "thin".to_owned(),
        metadata: json!({"source_url": "https://a.example", "tags": ["x"]})
            .as_object()
            .unwrap()
            .clone(),
        ..pair("How deep?", "2 cm.")
    };
    assert_eq!(by(&[row], &mapping), [Ok(expected)]);
    // Our own files of all records keep them one level down.
    assert_eq!(
        shaped(&[
            json!({"instruction": "How deep?", "response": "2 cm.", "cell": {"topic": "soil", "perspective": "p"},
            "provenance": {"model": "m"}})
        ]),
        [Ok(Shaped {
            topic: "soil".to_owned(),
            perspective: "p".to_owned(),
            model: "m".to_owned(),
            ..pair("How deep?", "2 cm.")
        })]
    );
}

#[test]
fn a_passage_can_stand_before_its_question() {
    let row = json!({"question": "Why?", "passage": "Peas freeze.", "answer": "Frost."});
    let mut mapping = guessed(std::slice::from_ref(&row)).mapping;
    assert_eq!(mapping.target("passage"), Target::Input);
    mapping.input = InputPlace::Before;
    assert_eq!(
        by(&[row], &mapping),
        [Ok(pair("Peas freeze.\n\nWhy?", "Frost."))]
    );
}

#[test]
fn rows_that_give_nothing_say_why() {
    let no_text = |column: &str| Unfit::NoText {
        column: column.to_owned(),
    };
    let good = json!({"instruction": "How deep?", "response": "2 cm."});
    for (row, unfit) in [
        (
            json!({"instruction": " ", "response": "2 cm."}),
            no_text("instruction"),
        ),
        (
            json!({"instruction": "How deep?", "response": {"a": 1}}),
            Unfit::NotText {
                column: "response".to_owned(),
            },
        ),
        (
            json!({"instruction": "How?", "response": "x".repeat(100_001)}),
            Unfit::TooLong {
                column: "response".to_owned(),
            },
        ),
        (
            json!({"instruction": "Wie tief s\u{fffd}t man?", "response": "2 cm."}),
            Unfit::Damaged {
                column: "instruction".to_owned(),
            },
        ),
    ] {
        let rows = [good.clone(), row];
        assert_eq!(shaped(&rows)[1], Err(unfit.clone()), "{}", rows[1]);
        assert!(!unfit.to_string().is_empty());
    }
    let talk = json!({"messages": [{"role": "user", "content": "How deep?"}, {"role": "assistant", "content": "2 cm."},
        {"role": "user", "content": "Why?"}]});
    assert_eq!(
        shaped(&[talk]),
        [Err(Unfit::Unanswered {
            column: "messages".to_owned()
        })]
    );
}
