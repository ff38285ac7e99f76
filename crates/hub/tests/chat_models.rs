//! Lists of models: the router's (recorded), OpenAI-compatible ones, Ollama's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err)]

mod chat_support;

use chat_support::*;
use futures::FutureExt;
use seedbed_core::chat::{ChatError, ErrorClass};
use seedbed_core::messages::FailureKind;
use seedbed_core::model::{Endpoint, ModelInfo, ProviderInfo};
use seedbed_hub::transport::{Method, TransportError};
use seedbed_hub::{Token, list_models};
use std::rc::Rc;

fn list(script: &Rc<Script>, endpoint: &Endpoint) -> Result<Vec<ModelInfo>, ChatError> {
    list_models(script.clone(), endpoint, Token::new(KEY))
        .now_or_never()
        .expect("nothing here has to wait")
}

fn names(body: &str) -> Vec<String> {
    let script = Script::new([Answer::new(200, body)]);
    let models = list(&script, &at("https://api.example.org/v1")).unwrap();
    models.into_iter().map(|model| model.id).collect()
}

#[test]
fn the_routers_list_gives_providers_prices_and_contexts() {
    let recorded = recording(include_str!("data/js-openai-models.json"));
    let script = Script::new([replay(&recorded)]);
    let models = list(&script, &router()).unwrap();
    assert_eq!(
        models,
        [ModelInfo {
            id: "m/x".into(),
            providers: vec![ProviderInfo {
                provider: "groq".into(),
                is_live: true,
                context_length: Some(131_072),
                price_in: Some(0.1),
                price_out: Some(0.2),
                is_free: false,
            }],
        }]
    );
    let requests = script.requests.borrow();
    let sent = requests.first().unwrap();
    assert!(matches!(sent.method, Method::Get));
    assert_eq!(sent.url, "https://router.huggingface.co/v1/models");
    assert!(
        sent.headers
            .contains(&("Authorization".into(), format!("Bearer {KEY}")))
    );
}

#[test]
fn providers_may_lack_everything_but_their_name() {
    let body = r#"{"data":[{"id":"a","providers":[{"provider":"p","status":"error"},{"status":"live"},
        {"provider":"free","status":"live","is_free":true,"pricing":{"input":"0","output":-1}}]},
        {"id":"picture","architecture":{"output_modalities":["image"]}}]}"#;
    let script = Script::new([Answer::new(200, body)]);
    let models = list(&script, &router()).unwrap();
    assert_eq!(models.len(), 1, "what makes pictures is left out");
    let providers = &models.first().unwrap().providers;
    assert_eq!(providers.len(), 2);
    assert_eq!(
        providers
            .first()
            .map(|p| (p.is_live, p.context_length, p.price_in)),
        Some((false, None, None))
    );
    assert_eq!(
        providers
            .last()
            .map(|p| (p.is_live, p.is_free, p.price_in, p.price_out)),
        Some((true, true, Some(0.0), None))
    );
}

#[test]
fn lists_of_other_servers_are_read_in_every_known_shape() {
    assert_eq!(
        names(r#"{"object":"list","data":[{"id":"b"},{"id":"a"},{"id":"b"},{"id":""},7]}"#),
        ["b", "a"]
    );
    assert_eq!(names(r#"[{"id":"a"},{"id":"b"}]"#), ["a", "b"]);
    assert_eq!(names(r#"{"models":[{"name":"a"}]}"#), ["a"]);
    assert!(names(r#"{"object":"list","data":null}"#).is_empty());
    assert!(names(r#"{"data":[{"id":"bell\u0007"}]}"#).is_empty());
}

#[test]
fn an_older_ollama_is_asked_for_its_own_list_at_the_same_origin() {
    let tags = r#"{"models":[{"name":"llama3.2:latest","model":"llama3.2:latest","size":1}]}"#;
    let script = Script::new([
        Answer::new(404, "404 page not found"),
        Answer::new(200, tags),
    ]);
    let models = list(&script, &at("http://localhost:11434/v1")).unwrap();
    assert_eq!(
        models.first().map(|model| model.id.as_str()),
        Some("llama3.2:latest")
    );
    let urls: Vec<String> = script
        .requests
        .borrow()
        .iter()
        .map(|request| request.url.clone())
        .collect();
    assert_eq!(
        urls,
        [
            "http://localhost:11434/v1/models",
            "http://localhost:11434/api/tags"
        ]
    );
}

#[test]
fn what_is_no_list_is_told_in_the_words_of_a_failure() {
    let try_with = |answers: Vec<Answer>| {
        list(&Script::new(answers), &at("https://api.example.org/v1")).unwrap_err()
    };
    let missing = try_with(vec![Answer::new(404, ""), Answer::new(404, "")]);
    assert_eq!(
        (missing.class, missing.failure.kind),
        (ErrorClass::Stop, FailureKind::NotFound)
    );
    assert!(missing.failure.next.contains("by hand"));
    let key = try_with(vec![Answer::new(401, "")]);
    assert_eq!(
        (key.class, key.failure.kind),
        (ErrorClass::Stop, FailureKind::Auth)
    );
    let page = try_with(vec![Answer::new(200, "<html></html>")]);
    assert_eq!(
        (page.class, page.failure.kind),
        (ErrorClass::Stop, FailureKind::NotFound)
    );
    for body in ["", "{", "{\"data\":[", "{}", "7", "nonsense"] {
        assert_eq!(
            try_with(vec![Answer::new(200, body)]).failure.kind,
            FailureKind::Server,
            "{body}"
        );
    }
    let offline = try_with(vec![Answer::Fails(TransportError::Network(
        "Failed to fetch".into(),
    ))]);
    assert!(offline.is_network);
    assert_eq!(
        try_with(vec![Answer::Silence]).failure.kind,
        FailureKind::Network
    );
    let wrong = list(&Script::new([]), &at("nonsense")).unwrap_err();
    assert_eq!(
        (wrong.class, wrong.failure.kind),
        (ErrorClass::Stop, FailureKind::Invalid)
    );
}
