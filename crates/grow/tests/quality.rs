//! Flags on answers.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use seedbed_core::chat::ChatReply;
use seedbed_core::example::example;
use seedbed_core::model::FinishReason;
use seedbed_grow::quality::{flags, is_refusal};
use serde_json::Value;

fn reply(text: &str) -> ChatReply {
    ChatReply {
        text: text.to_owned(),
        ..ChatReply::default()
    }
}

#[test]
fn answers_that_people_wrote_have_no_flag() {
    for line in include_str!("data/gsm8k-200.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let found = flags(
            row["question"].as_str().unwrap(),
            &reply(row["answer"].as_str().unwrap()),
        );
        // A worked calculation may say the same sentence for several people.
        assert!(
            found.iter().all(|flag| flag == "repetitive"),
            "{found:?}: {line}"
        );
    }
    let project = example(0);
    for (record, _) in &project.records {
        assert_eq!(
            flags(record.instruction(), &reply(record.response())),
            [""; 0],
            "{}",
            record.instruction()
        );
    }
    for pair in &project.seed.examples {
        assert_eq!(
            flags(&pair.question, &reply(&pair.answer)),
            [""; 0],
            "{}",
            pair.question
        );
    }
}

#[test]
fn worked_calculations_are_rarely_called_repetitive() {
    let rows: Vec<Value> = include_str!("data/gsm8k-200.jsonl")
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let flagged = rows
        .iter()
        .filter(|row| !flags("Q", &reply(row["answer"].as_str().unwrap())).is_empty())
        .count();
    assert!(flagged * 20 <= rows.len(), "{flagged} of {}", rows.len());
}

#[test]
fn refusals_are_known_in_many_languages() {
    for text in [
        "I'm sorry, but I can't help with that request.",
        "I’m sorry, but I cannot assist with that.",
        "Sorry, I'm not able to provide medical advice.",
        "As an AI language model, I cannot provide personal opinions.",
        "I cannot fulfill this request. It would be unsafe.",
        "\"I can't help with that.\"",
        "Unfortunately, I am unable to answer this question.",
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
        "Je suis désolé, mais je ne peux pas répondre à cette question.",
        "Lo siento, pero no puedo ayudar con eso.",
        "Desculpe, mas não posso ajudar com isso.",
        "Mi dispiace, ma non posso aiutarti.",
        "Het spijt me, maar ik kan je niet helpen met dat verzoek.",
        "Przepraszam, ale nie mogę pomóc w tej sprawie.",
        "Извините, но я не могу помочь с этим.",
        "抱歉,我无法提供这方面的帮助。",
        "申し訳ありませんが、そのご質問にはお答えできません。",
        "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    ] {
        assert!(is_refusal(text), "{text}");
    }
}

#[test]
fn talk_of_regret_or_of_what_cannot_be_done_is_no_refusal_by_itself() {
    for text in [
        "I'm sorry to hear that your hens died. First look for mites on the perches at night.",
        "You can't help a colony without a queen by feeding it.",
        "Unfortunately, rye can't be sown after frost sets in.",
        "Leider blühte der Raps dieses Jahr zu früh. Schau dir zuerst die Vorräte an.",
        "Malheureusement, le gel arrive tôt. Semez en septembre.",
        "Bees that cannot fly are a sign of disease. I am sorry for the loss, but look at the brood first.",
    ] {
        assert!(!is_refusal(text), "{text}");
    }
}

#[test]
fn each_fault_has_its_flag() {
    let of = |text: &str, finish_reason| {
        flags(
            "Why does clay soil crack in August?",
            &ChatReply {
                finish_reason,
                ..reply(text)
            },
        )
    };
    let good = "Clay shrinks when it dries, and the dry top layer tears.";
    assert_eq!(of(good, FinishReason::Stop), [""; 0]);
    assert_eq!(of(good, FinishReason::Length), ["truncated"]);
    assert_eq!(of(good, FinishReason::ContentFilter), ["filtered"]);
    assert_eq!(of("  \n", FinishReason::Stop), ["empty"]);
    assert_eq!(of("…", FinishReason::Stop), ["empty"]);
    assert_eq!(
        of("<think>The person asks about clay", FinishReason::Length),
        ["truncated", "empty"]
    );
    assert_eq!(
        of("Why does clay soil crack in August?", FinishReason::Stop),
        ["echo"]
    );
    assert_eq!(
        of(
            "why does clay soil crack in august, please",
            FinishReason::Stop
        ),
        ["echo"]
    );
    let again = "The soil is dry and it cracks. ".repeat(12);
    assert_eq!(of(&again, FinishReason::Stop), ["repetitive"]);
    let lines =
        "Water it well.\nMulch it.\nWater it well.\nWait.\nWater it well.\nDig.\nWater it well.";
    assert_eq!(of(lines, FinishReason::Stop), ["repetitive"]);
    let table = "| a | b |\n|---|---|\n| clay | cracks |\n\n---\n\n---\n\n---\n\n---\n\nThe table says all.";
    assert_eq!(of(table, FinishReason::Stop), [""; 0]);
}
