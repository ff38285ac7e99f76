//! Replies as models give them.

#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "helpers of tests"
)]

use seedbed_core::messages::Proposal;
use seedbed_core::model::FinishReason::{ContentFilter, Length, Stop};
use seedbed_core::prompt::Cell;
use seedbed_core::seed::{Example, Seed};
use seedbed_grow::parse::{
    ListContext, ParsedList, evolved, instructions, short_list, without_reasoning,
};
use serde_json::{Value, json};

fn seed() -> Seed {
    Seed {
        domain: "farming".into(),
        topics: vec!["animal welfare".into(), "land".into()],
        perspectives: vec!["Family Farming".into()],
        examples: vec![Example {
            question: "Analyze the economic implications of going organic.".into(),
            answer: "It takes three years.".into(),
            ..Example::default()
        }],
        ..Seed::default()
    }
}

fn read(reply: &str) -> ParsedList {
    read_as(reply, Stop, 50)
}

fn read_as(reply: &str, finish: seedbed_core::model::FinishReason, count: usize) -> ParsedList {
    let seed = seed();
    let cell = Cell {
        topic: "animal welfare".into(),
        perspective: "Family Farming".into(),
    };
    instructions(
        reply,
        finish,
        count,
        &ListContext {
            seed: &seed,
            cell: Some(&cell),
        },
    )
}

const TWO: [&str; 2] = [
    "Why does clay soil crack in August?",
    "Compare drip irrigation with flood irrigation.",
];

#[test]
fn every_usual_form_of_a_list_gives_the_same_items() {
    let [a, b] = TWO;
    for reply in [
        format!("{a}\n{b}"),
        format!("{a}\n\n{b}\n"),
        format!("1. {a}\n2. {b}"),
        format!("1) {a}\r\n2) {b}\r\n"),
        format!("(1) {a}\n(2) {b}"),
        format!("[1] {a}\n[2] {b}"),
        format!("1: {a}\n2: {b}"),
        format!("1 - {a}\n2 - {b}"),
        format!("1、{a}\n2、{b}"),
        format!("① {a}\n② {b}"),
        format!("- {a}\n- {b}"),
        format!("* {a}\n* {b}"),
        format!("• {a}\n• {b}"),
        format!("•{a}\n•{b}"),
        format!("– {a}\n– {b}"),
        format!("- [ ] {a}\n- [ ] {b}"),
        format!("- 1. {a}\n- 2. {b}"),
        format!("Q1: {a}\nQ2: {b}"),
        format!("Question 1: {a}\nQuestion 2: {b}"),
        format!("Instruction 1: {a}\n\nInstruction 2: {b}"),
        format!("**Instruction 1:** {a}\n**Instruction 2:** {b}"),
        format!("**Instruction 1**: {a}\n**Instruction 2**: {b}"),
        format!("Instruction: {a}\nInstruction: {b}"),
        format!("### Instruction 1\n{a}\n\n### Instruction 2\n{b}"),
        format!("Instruction 1:\n{a}\n\nInstruction 2:\n{b}"),
        format!("**1.** {a}\n**2.** {b}"),
        format!("**1. {a}**\n**2. {b}**"),
        format!("1. **{a}**\n2. **{b}**"),
        format!("1. *{a}*\n2. *{b}*"),
        format!("1. \"{a}\"\n2. \"{b}\""),
        format!("1. “{a}”\n2. “{b}”"),
        format!("1. `{a}`\n2. `{b}`"),
        format!("\"{a}\",\n\"{b}\""),
        format!("> 1. {a}\n> 2. {b}"),
        format!("1. **Cracks in summer:** {a}\n2. **Water and money:** {b}"),
        format!("```\n{a}\n{b}\n```"),
        format!("```text\n1. {a}\n2. {b}\n```"),
        format!("Here you go:\n```markdown\n1. {a}\n2. {b}\n```\nLet me know if you need more."),
        format!("Sure! Here are 2 instructions:\n\n1. {a}\n2. {b}\n\nI hope these help!"),
        format!("Here are two instructions for family farming:\n{a}\n{b}"),
        format!("**Instructions:**\n\n1. {a}\n2. {b}"),
        format!("<think>\n1. Maybe soil?\n2. Maybe water?\n</think>\n\n1. {a}\n2. {b}"),
        format!("The person wants two.\n</think>\n1. {a}\n2. {b}"),
        format!("1. {a}\n\n---\n\n2. {b}"),
        json!([a, b]).to_string(),
        json!({ "instructions": [a, b] }).to_string(),
        json!([{ "instruction": a }, { "instruction": b }]).to_string(),
        json!([{ "id": 1, "question": a }, { "id": 2, "question": b }]).to_string(),
        format!("```json\n{}\n```", json!([a, b])),
        format!("Here is the list:\n\n{}\n\nDone.", json!([a, b])),
        format!("[\n  \"{a}\",\n  \"{b}\",\n]"),
        format!("[\"{a}\" \"{b}\"]"),
        format!(
            "{}\n{}",
            json!({ "instruction": a }),
            json!({ "instruction": b })
        ),
        "1. Why does clay soil\n   crack in August?\n2. Compare drip irrigation\nwith flood irrigation.".to_owned(),
        format!(
            "1. {a}\n   Answer: Because clay shrinks when it dries.\n   - It holds water.\n2. {b}\nAnswer: Drip \
             saves water."
        ),
        format!(
            "1. {a}\n2. {b}\n\nEach of these instructions is self-contained and relates to the topic."
        ),
    ] {
        let parsed = read(&reply);
        assert_eq!(
            parsed.items, TWO,
            "from:\n{reply}\ndropped: {:?}",
            parsed.dropped
        );
        assert_eq!(parsed.dropped, [], "from:\n{reply}");
    }
}

#[test]
fn instructions_that_people_wrote_survive_every_form() {
    let all: Vec<String> =
        serde_json::from_str(include_str!("data/self-instruct-instructions.json")).unwrap();
    // What is dropped even from a plain JSON array breaks a rule by its content; the forms are not to blame.
    let usable: Vec<String> = all
        .chunks(20)
        .flat_map(|chunk| read(&json!(chunk).to_string()).items)
        // Bold is taken off on purpose, and half a pair of quotes within quotes can't be told apart.
        .filter(|text| !text.contains(['“', '”']) && !text.contains("**"))
        .collect();
    assert!(
        usable.len() * 10 >= all.len() * 9,
        "{} of {}",
        usable.len(),
        all.len()
    );
    type Form = fn(usize, &str) -> String;
    let forms: [(&str, Form); 6] = [
        ("numbered", |n, text| format!("{n}. {text}\n")),
        ("brackets", |n, text| format!("{n}) {text}\n")),
        ("bullets", |_, text| format!("- {text}\n")),
        ("quoted", |n, text| format!("{n}. “{text}”\n")),
        ("labelled", |n, text| {
            format!("**Instruction {n}:** {text}\n\n")
        }),
        ("spaced", |n, text| format!("{n}. {text}\n\n")),
    ];
    for (name, form) in forms {
        for chunk in usable.chunks(20) {
            let reply: String = chunk
                .iter()
                .enumerate()
                .map(|(at, text)| form(at + 1, text))
                .collect();
            let parsed = read(&reply);
            assert_eq!(parsed.items, chunk, "{name}, dropped: {:?}", parsed.dropped);
        }
    }
}

#[test]
fn the_original_librarys_cases_are_read_better_than_it_reads_them() {
    let fixture: Value = serde_json::from_str(include_str!("data/distilabel-parse.json")).unwrap();
    let cases = fixture["self_instruct"].as_array().unwrap();
    let wanted: [&[&str]; 6] = [
        &["What is soil?", "Detail how rain moves."],
        &[
            "First question here?",
            "Second question here?",
            "Third question here?",
            "Fourth question here?",
        ],
        &["What is soil?"],
        &[],
        &[],
        &[],
    ];
    assert_eq!(cases.len(), wanted.len());
    for (case, wanted) in cases.iter().zip(wanted) {
        let raw = case["raw"].as_str().unwrap();
        assert_eq!(read(raw).items, wanted, "{raw}");
    }
    // "One?" and "Two?" are too short to be instructions, and say so.
    assert_eq!(read("1. One?\n\n\n2. Two?").dropped.len(), 2);

    for case in fixture["evol_instruct"].as_array().unwrap() {
        let (raw, expected) = (
            case["raw"].as_str().unwrap(),
            case["evolved"].as_str().unwrap(),
        );
        let mine = evolved(raw, Stop, "parent");
        if expected.is_empty() {
            assert!(mine.is_err());
        } else {
            assert_eq!(mine.as_deref(), Ok(expected), "{raw}");
        }
    }
}

#[test]
fn an_item_that_the_token_limit_cut_is_dropped() {
    let parsed = read_as(
        "1. Why does clay soil crack in August?\n2. Compare drip irrigation with flo",
        Length,
        5,
    );
    assert_eq!(parsed.items, [TWO[0]]);
    assert!(
        parsed.dropped[0].1.contains("Cut off"),
        "{:?}",
        parsed.dropped
    );
    let parsed = read_as(
        "[\"Why does clay soil crack in August?\", \"Compare drip irrigation with flo",
        Length,
        5,
    );
    assert_eq!(parsed.items, [TWO[0]]);
    assert!(
        parsed.dropped[0].1.contains("Cut off"),
        "{:?}",
        parsed.dropped
    );
    // A closed array is whole, whatever came after it.
    assert_eq!(read_as(&json!(TWO).to_string(), Length, 5).items, TWO);
    assert_eq!(
        read_as(
            "<think>I should first consider what 1. farmers ask",
            Length,
            5
        ),
        ParsedList::default()
    );
    assert_eq!(
        read_as("1. Why does clay soil crack in August?", ContentFilter, 5).items,
        [""; 0]
    );
}

#[test]
fn what_is_no_instruction_is_dropped_with_its_reason() {
    for (line, reason) in [
        ("Soil cracks", "Too short"),
        ("土壤为什么", "Too short"),
        ("I'm sorry, but I can't help with that request.", "declined"),
        ("Topic: animal welfare", "repeats the task"),
        ("Perspective: Family Farming and more", "repeats the task"),
        (
            "Animal welfare from a family farming perspective",
            "names the cell",
        ),
        (
            "analyze the economic implications of going organic",
            "examples",
        ),
        ("Why does clay soil crack in August", "twice"),
        (
            "Explain what [insert crop] needs to grow well.",
            "placeholder",
        ),
        (
            "Summarise the following text about soil in three sentences.",
            "not there",
        ),
    ] {
        let parsed = read(&format!("1. {}\n2. {line}", TWO[0]));
        assert_eq!(parsed.items, [TWO[0]], "{line}");
        assert_eq!(parsed.dropped.len(), 1, "{line}");
        assert!(
            parsed.dropped[0].1.contains(reason),
            "{line}: {}",
            parsed.dropped[0].1
        );
    }
    let long = format!("1. {}", "word ".repeat(151));
    assert!(read(&long).dropped[0].1.contains("150 words"));
}

#[test]
fn what_a_very_small_model_writes_instead_of_instructions_is_dropped() {
    // Items that SmolLM2-135M-Instruct gave.
    for (line, reason) in [
        (
            "The use of tools is very important. The use of tools is very important.",
            "states",
        ),
        (
            "The expert has asked you to find information on family farming.",
            "about the task",
        ),
        (
            "The expert's own example: \"How often should I look into my hives in May?\"",
            "about the task",
        ),
        (
            "This is the first response that you will receive.",
            "about the task",
        ),
        (
            "I'm a small assistant that helps at the hive: practical, honest about risks, and clear about what \
             depends on the place.",
            "what the seed says",
        ),
    ] {
        let seed = seedbed_core::example::example(0).seed;
        let reply = format!("1. How do I prepare my hive for winter?\n2. {line}");
        let parsed = instructions(
            &reply,
            Stop,
            5,
            &ListContext {
                seed: &seed,
                cell: None,
            },
        );
        assert_eq!(
            parsed.items,
            ["How do I prepare my hive for winter?"],
            "{line}"
        );
        assert!(
            parsed.dropped[0].1.contains(reason),
            "{line}: {:?}",
            parsed.dropped
        );
    }
    let statement_first = "The hive weighs 28 kg in October. Work out how much food it holds.";
    assert_eq!(
        read(&format!("1. {statement_first}")).items,
        [statement_first]
    );
}

#[test]
fn more_than_asked_for_is_cut_and_said() {
    let reply =
        "1. Why does clay soil crack?\n2. When is rye sown here?\n3. Who pays for drainage?";
    let parsed = read_as(reply, Stop, 2);
    assert_eq!(parsed.items.len(), 2);
    assert!(
        parsed.dropped[0].1.contains("More than the 2"),
        "{:?}",
        parsed.dropped
    );
}

#[test]
fn figures_at_the_beginning_of_an_item_are_no_marks() {
    let wanted = [
        "3 of my 12 hens limp since Monday. What should I look at first?",
        "1.5 tonnes of manure per hectare: is that enough for rye?",
        "10:30 is when the heat begins. When should I irrigate?",
    ];
    assert_eq!(read(&wanted.join("\n")).items, wanted);
    let numbered: String = wanted
        .iter()
        .enumerate()
        .map(|(at, text)| format!("{}. {text}\n", at + 1))
        .collect();
    assert_eq!(read(&numbered).items, wanted);
}

#[test]
fn points_below_an_item_belong_to_it_and_questions_below_a_title_stand_alone() {
    let parsed = read(
        "1. Compare two ways to store hay:\n   - in the barn\n   - in wrapped bales\n2. Why does hay heat up after \
         baling?",
    );
    assert_eq!(
        parsed.items,
        [
            "Compare two ways to store hay: in the barn; in wrapped bales",
            "Why does hay heat up after baling?"
        ]
    );
    let parsed = read(
        "1. Hay and straw\n   - Why does hay heat up after baling?\n   - When is straw dry enough?\n2. Fences and \
         gates\n   - How deep do posts go?",
    );
    assert_eq!(
        parsed.items,
        [
            "Why does hay heat up after baling?",
            "When is straw dry enough?",
            "How deep do posts go?"
        ]
    );
}

#[test]
fn other_languages_and_scripts_are_read() {
    let parsed = read(
        "Hier sind zwei Fragen:\n\n1. Wie viel Futter braucht ein Bienenvolk für den Winter?\n2. Worauf achte ich \
         bei der Völkerdurchsicht im Mai?",
    );
    assert_eq!(parsed.items.len(), 2, "{parsed:?}");
    assert_eq!(
        read("1. 农民如何在干旱期间保护土壤?\n2. 什么时候播种黑麦最合适?")
            .items
            .len(),
        2
    );
    assert_eq!(
        read("1. ¿Cómo protege la agroforestería el suelo?").items,
        ["¿Cómo protege la agroforestería el suelo?"]
    );
}

/// What holds for any reply: texts are there and short lists short, what is not taken has its reason, and an end by
/// length evolves nothing.
fn sound(reply: &str, finish: seedbed_core::model::FinishReason) -> ParsedList {
    let parsed = read_as(reply, finish, 3);
    assert!(parsed.items.len() <= 3, "{reply}: {parsed:?}");
    assert!(
        parsed.items.iter().all(|item| !item.trim().is_empty()),
        "{reply}: {parsed:?}"
    );
    assert!(
        parsed.dropped.iter().all(|(_, reason)| !reason.is_empty()),
        "{reply}: {parsed:?}"
    );
    for parent in ["Why does clay soil crack?", reply] {
        match evolved(reply, finish, parent) {
            Ok(text) => assert!(finish == Stop && !text.trim().is_empty(), "{reply}: {text}"),
            Err(reason) => assert!(!reason.is_empty(), "{reply}"),
        }
    }
    let names = short_list(reply, finish, 3, &seed(), Proposal::Topics);
    assert!(names.len() <= 3, "{reply}: {names:?}");
    for name in &names {
        assert!(!name.trim().is_empty(), "{reply}: {names:?}");
        assert!(!seed().topics.contains(name), "{reply}: {names:?}");
    }
    parsed
}

#[test]
fn hostile_and_broken_replies_give_nothing_or_whole_texts() {
    for reply in [
        "",
        "\n\n\n",
        "1.",
        "1. ",
        "- ",
        "****",
        "[",
        "[\"",
        "{",
        "{}",
        "[]",
        "[1, 2]",
        "null",
        "```",
        "```json\n[",
        "\"",
        "<think>",
        "</think>",
        "１．",
        "①",
        "(",
        "(1",
        "Q",
        "Q1",
        "İ: x",
        "ẞ Instruction:",
        "\u{feff}1. x y z",
        "[\"\\",
        "[\"\\u12\"]",
    ] {
        for finish in [Stop, Length] {
            let parsed = sound(reply, finish);
            assert!(parsed.items.len() <= 1, "{reply}: {parsed:?}");
        }
    }
    // Any cut of a reply, at any character.
    let whole = "<think>hm</think>Sure:\n```json\n[\"Why does “clay” soil crack?\", \"Was kostet 1 t \
     Öl?\"]\n```\n**2.** İstanbul’da ne ekilir?";
    let all = read(whole).items;
    for (at, _) in whole.char_indices() {
        // What was cut is never taken for a whole one.
        let cut = sound(&whole[..at], Length);
        assert!(
            cut.items.iter().all(|item| all.contains(item)),
            "{}: {cut:?}",
            &whole[..at]
        );
        sound(&whole[at..], Stop);
    }
    // Markup of models goes through as text; the page never reads it as HTML.
    let parsed = read("1. What does <img src=x onerror=alert(1)> do to my page?");
    assert_eq!(
        parsed.items,
        ["What does <img src=x onerror=alert(1)> do to my page?"]
    );
}

#[test]
fn names_are_read_without_their_explanations_and_without_known_ones() {
    let topics = |reply: &str| short_list(reply, Stop, 3, &seed(), Proposal::Topics);
    let wanted = ["soil health", "crop rotation", "water rights"];
    for reply in [
        "1. soil health\n2. crop rotation\n3. water rights",
        "1. soil health\n2. Animal Welfare\n3. crop rotation\n4. water rights\n5. seeds",
        "Here are 3 new topics:\n\n1. **soil health**: what keeps soil alive\n2. **crop rotation** – why it pays\n3. \
         **water rights**",
        "- soil health.\n- crop rotation.\n- Soil Health\n- water rights.",
        "soil health, crop rotation, water rights",
        "[\"soil health\", \"crop rotation\", \"water rights\"]",
        "{\"topics\": [\"soil health\", \"crop rotation\", \"water rights\"]}",
        "Topic 1: soil health\nTopic 2: crop rotation\nTopic 3: water rights",
        "a) soil health\nb) crop rotation\nc) water rights",
        "['soil health', 'crop rotation', 'water rights',]",
        "{'soil health', 'crop rotation', 'water rights'}",
        "<topic>soil health</topic>\n<topic>crop rotation</topic>\n<topic>water rights</topic>",
        "| Topic |\n|---|\n| soil health |\n| crop rotation |\n| water rights |",
        "[{\"name\": \"soil health\", \"text\": \"What keeps soil alive.\"}, {\"name\": \"crop rotation\", \"text\": \
         \"Why it pays.\"}, {\"name\": \"water rights\", \"text\": \"Who may draw water.\"}]",
    ] {
        assert_eq!(topics(reply), wanted, "{reply}");
    }
    assert_eq!(
        topics("<html><body><h1>Bad gateway</h1></body></html>"),
        [""; 0]
    );
    assert_eq!(
        short_list(
            "1. Young farmer perspective\n2. family farming\n3. Vet",
            Stop,
            5,
            &seed(),
            Proposal::Perspectives
        ),
        ["Young farmer", "Vet"]
    );
    assert!(topics("I'm sorry, but I can't help with that.").is_empty());
    assert_eq!(
        short_list(
            "1. soil health\n2. crop rot",
            Length,
            3,
            &seed(),
            Proposal::Topics
        ),
        ["soil health"]
    );
}

#[test]
fn an_evolved_instruction_comes_out_of_what_models_put_around_it() {
    let parent = "Why does clay soil crack?";
    let wanted = "Why does clay soil crack in August although it rained in July?";
    for reply in [
        wanted.to_owned(),
        format!("Rewritten instruction: {wanted}"),
        format!("**Rewritten instruction:** {wanted}"),
        format!("#Rewritten Prompt#:\n{wanted}"),
        format!("Instruction: {parent}\n\nRewritten instruction: {wanted}"),
        format!("\"{wanted}\""),
        format!("“{wanted}”"),
        format!("1. {wanted}"),
        format!("```\n{wanted}\n```"),
        format!("Sure! Here is a more demanding version:\n\n{wanted}"),
        format!("{wanted}\n\nThis version adds a season and a condition."),
        format!("{wanted}\n\n(Note: I added a constraint.)"),
        format!("{wanted}\n\n**Explanation:** it is harder now."),
        format!("<think>Let me think.\n\nOk.</think>\n{wanted}"),
        json!({ "instruction": wanted }).to_string(),
        format!("New instruction:\n{wanted}\r\n"),
    ] {
        assert_eq!(
            evolved(&reply, Stop, parent).as_deref(),
            Ok(wanted),
            "from:\n{reply}"
        );
    }
    assert!(
        evolved(wanted, Length, parent)
            .unwrap_err()
            .contains("Cut off")
    );
    for nothing in [
        " \n",
        "1.",
        "1.\n2.",
        "Q1:",
        "- 1)",
        "**Instruction:**",
        "①",
    ] {
        for parent in [parent, nothing, "1. Why?"] {
            assert_eq!(
                evolved(nothing, Stop, parent),
                Err("The model gave no text".to_owned()),
                "{nothing} from {parent}"
            );
        }
    }
    for short in ["42", "1.5", "1.\n2. Why?"] {
        assert!(evolved(short, Stop, "1. Why?").is_ok(), "{short}");
    }
    let table =
        "Explain this recipe:\n- 2 kg of sugar\n- 1 l of water\n\nHow much syrup does it give?";
    assert_eq!(evolved(table, Stop, parent).as_deref(), Ok(table));
}

#[test]
fn reasoning_is_taken_off_an_answer() {
    assert_eq!(
        without_reasoning("<think>\nhm\n</think>\n\nClay shrinks."),
        "Clay shrinks."
    );
    assert_eq!(
        without_reasoning("hm</think>Clay shrinks."),
        "Clay shrinks."
    );
    assert_eq!(without_reasoning("<think>never ends"), "");
    assert_eq!(without_reasoning("Use `<b>` here."), "Use `<b>` here.");
}
