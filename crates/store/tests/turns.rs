//! Conversations among records: stored, found, decided and published whole.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use seedbed_core::messages::RecordFilter;
use seedbed_core::model::Role;
use seedbed_core::question::IMPROVED_RESPONSE;
use seedbed_core::record::{Fields, Record};
use seedbed_core::review::Quality;
use seedbed_core::turns::{self, Turn};
use seedbed_store::Store;
use serde_json::json;
use support::{rated, record, respond};

#[test]
fn a_conversation_is_found_by_any_of_its_words_and_published_as_it_was_edited() {
    let said = [
        (Role::System, "Be brief."),
        (Role::User, "How deep are peas sown?"),
        (Role::Assistant, "2 cm."),
        (Role::User, "Why?"),
        (Role::Assistant, "Because of frost."),
    ]
    .map(|(role, text)| Turn {
        role,
        text: text.to_owned(),
    });
    let conversation = Record {
        fields: Fields::of_turns(&said),
        reasoning: "Frost lifts shallow seeds.".to_owned(),
        metadata: json!({"url": "https://a.example"})
            .as_object()
            .cloned()
            .unwrap_or_default(),
        ..record("r", "", "")
    };
    let store = Store::open_memory().unwrap();
    store
        .add_records(&[(conversation.clone(), Vec::new())])
        .unwrap();
    for (search, hits) in [("frost", 1), ("peas", 1), ("brief", 1), ("assistant", 0)] {
        let filter = RecordFilter {
            search: search.to_owned(),
            ..RecordFilter::default()
        };
        let (total, rows) = store.list_records(&filter, "ann", 0, 10).unwrap();
        assert_eq!(total, hits, "{search}");
        if let Some(row) = rows.first() {
            assert_eq!(row.record, conversation);
        }
    }

    let mut response = rated(Quality::Good);
    let content = turns::field(&said);
    response.answers.insert(
        IMPROVED_RESPONSE.to_owned(),
        turns::with_text(&content, 2, "About 2 cm."),
    );
    respond(&store, "r", "ann", &response, "d", 1).unwrap();
    let (rows, _) = store.accepted_rows(0, 10).unwrap();
    let texts: Vec<&str> = rows[0]
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "Be brief.",
            "How deep are peas sown?",
            "About 2 cm.",
            "Why?",
            "Because of frost."
        ]
    );
    assert!(rows[0].edited);
}
