//! What each refusal means for a run and for the person.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chat_support;

use chat_support::*;
use seedbed_core::chat::{ChatError, ErrorClass};
use seedbed_core::messages::FailureKind;
use seedbed_hub::transport::TransportError;

const STOP: ErrorClass = ErrorClass::Stop;
const BAD: ErrorClass = ErrorClass::BadRequest;
const AGAIN: ErrorClass = ErrorClass::Transient;

fn slow(wait_ms: impl Into<Option<u64>>) -> ErrorClass {
    ErrorClass::SlowDown {
        wait_ms: wait_ms.into(),
    }
}

/// Every failure can be shown, and holds no key.
fn check_words(error: &ChatError) {
    let failure = &error.failure;
    for part in [&failure.what, &failure.means] {
        assert!(part.ends_with('.'), "{failure:?}");
    }
    if failure.kind != FailureKind::Cancelled {
        assert!(failure.next.ends_with('.'), "{failure:?}");
    }
    assert!(
        failure
            .detail
            .as_ref()
            .is_none_or(|detail| detail.chars().count() <= 720)
    );
    assert!(
        !format!("{error:?}{error}").contains("0123456789"),
        "{failure:?}"
    );
}

#[test]
fn recorded_refusals_have_the_class_that_the_rules_give_them() {
    for (text, class, kind) in [
        (
            include_str!("data/js-chat-err-402.json"),
            STOP,
            FailureKind::Credits,
        ),
        (
            include_str!("data/py-chat-err-402.json"),
            STOP,
            FailureKind::Credits,
        ),
        (
            include_str!("data/js-chat-err-429.json"),
            slow(1_000),
            FailureKind::RateLimited,
        ),
        (
            include_str!("data/py-chat-err-429.json"),
            slow(1_000),
            FailureKind::RateLimited,
        ),
        (
            include_str!("data/py-chat-err-503.json"),
            slow(20_000),
            FailureKind::Server,
        ),
    ] {
        let error = answered(replay(&recording(text))).unwrap_err();
        assert_eq!((error.class, error.failure.kind), (class, kind));
        assert!(!error.is_network);
        check_words(&error);
    }
}

#[test]
fn every_refusal_has_its_class_and_its_words() {
    let quota = r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let context = r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    let unsupported = r#"{"error":{"message":"The requested model 'm/x' is not supported by any provider you have enabled.","type":"invalid_request_error","param":"model","code":"model_not_supported"}}"#;
    let rate = r#"{"error":{"message":"Rate limit reached for m/x. Please try again in 120ms.","type":"tokens","code":"rate_limit_exceeded"}}"#;
    let gemini = r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 34.07s.","status":"RESOURCE_EXHAUSTED"}}]"#;
    let filtered = r#"{"error":{"message":"The response was filtered","code":"content_filter"}}"#;
    let page = "<html><head><title>502 Bad Gateway</title></head><body>hf_0123456789abcdefghij</body></html>";
    for (status, body, class, kind) in [
        (
            400,
            r#"{"error":"temperature must be below 2"}"#,
            BAD,
            FailureKind::Invalid,
        ),
        (400, context, BAD, FailureKind::Invalid),
        (400, filtered, BAD, FailureKind::Content),
        (400, unsupported, STOP, FailureKind::NotFound),
        (
            400,
            r#"{"error":{"message":"API key not valid. Please pass a valid API key."}}"#,
            STOP,
            FailureKind::Auth,
        ),
        (
            400,
            r#"{"error":{"message":"Your credit balance is too low"}}"#,
            STOP,
            FailureKind::Credits,
        ),
        (
            401,
            r#"{"error":"Invalid token hf_0123456789abcdefghij"}"#,
            STOP,
            FailureKind::Auth,
        ),
        (
            402,
            r#"{"error":"You have exceeded your monthly included credits"}"#,
            STOP,
            FailureKind::Credits,
        ),
        (
            403,
            r#"{"error":"This model is gated"}"#,
            STOP,
            FailureKind::Forbidden,
        ),
        (
            403,
            r#"{"error":"insufficient credits"}"#,
            STOP,
            FailureKind::Credits,
        ),
        (
            404,
            r#"{"detail":"Not Found"}"#,
            STOP,
            FailureKind::NotFound,
        ),
        (405, "", STOP, FailureKind::NotFound),
        (408, "", AGAIN, FailureKind::Server),
        (409, "", AGAIN, FailureKind::Server),
        (413, "", BAD, FailureKind::Invalid),
        (
            422,
            r#"{"detail":[{"loc":["body","top_p"],"msg":"must be positive"}]}"#,
            BAD,
            FailureKind::Invalid,
        ),
        (425, "", AGAIN, FailureKind::Server),
        (429, "", slow(None), FailureKind::RateLimited),
        (429, rate, slow(120), FailureKind::RateLimited),
        (429, quota, STOP, FailureKind::Credits),
        (429, gemini, slow(34_070), FailureKind::RateLimited),
        (500, "", AGAIN, FailureKind::Server),
        (502, page, AGAIN, FailureKind::Server),
        (503, r#"{"error":"overloaded"}"#, AGAIN, FailureKind::Server),
        (
            503,
            r#"{"error":"Model is loading","estimated_time":2.0}"#,
            slow(2_000),
            FailureKind::Server,
        ),
        (504, "", AGAIN, FailureKind::Server),
        (
            529,
            r#"{"error":{"message":"overloaded"}}"#,
            slow(None),
            FailureKind::Server,
        ),
        (308, "", STOP, FailureKind::Invalid),
        (418, "", BAD, FailureKind::Invalid),
    ] {
        for endpoint in [
            router(),
            at("https://api.example.org/v1"),
            at("http://localhost:11434/v1"),
        ] {
            let error = answered_at(&endpoint, Some(KEY), Answer::new(status, body)).unwrap_err();
            assert_eq!(
                (error.class, error.failure.kind),
                (class, kind),
                "{status} {body}"
            );
            check_words(&error);
            let detail = error.failure.detail.unwrap();
            assert!(detail.starts_with(&format!("HTTP {status}")), "{detail}");
        }
    }
}

#[test]
fn the_servers_own_words_and_its_request_id_stand_in_the_detail_without_the_key() {
    let answer = Answer::new(401, format!(r#"{{"error":"Invalid token {KEY}"}}"#))
        .header("x-request-id", "Root=1-abc");
    let error = answered(answer).unwrap_err();
    assert_eq!(
        error.failure.detail.as_deref(),
        Some("HTTP 401 · Invalid token [key] · Root=1-abc")
    );
}

#[test]
fn a_wait_is_read_from_the_headers_before_the_words() {
    let body = r#"{"error":"Please try again in 9s"}"#;
    for (headers, wait) in [
        (
            &[("retry-after-ms", "1500"), ("retry-after", "7")][..],
            Some(1_500),
        ),
        (&[("retry-after", "7")][..], Some(7_000)),
        (&[("retry-after", "0.5")][..], Some(500)),
        (&[("ratelimit", "\"api\";r=0;t=12")][..], Some(13_000)),
        // Requests are left in this window: another limit refused.
        (&[("ratelimit", "\"api\";r=400;t=250")][..], Some(9_000)),
        // A date can't be turned into a wait without a clock.
        (
            &[("retry-after", "Mon, 23 Nov 2026 15:00:00 GMT")][..],
            Some(9_000),
        ),
        (&[("retry-after", "-3")][..], Some(9_000)),
        (&[("retry-after", "NaN")][..], Some(9_000)),
        (&[][..], Some(9_000)),
    ] {
        let answer = headers
            .iter()
            .fold(Answer::new(429, body), |answer, (name, value)| {
                answer.header(name, value)
            });
        assert_eq!(
            answered(answer).unwrap_err().class,
            slow(wait),
            "{headers:?}"
        );
    }
    let long = Answer::new(429, "").header("retry-after", "3600");
    let error = answered(long).unwrap_err();
    assert_eq!(error.class, slow(3_600_000));
    assert!(
        error.failure.next.contains("60 minutes"),
        "a wait this long has to be told"
    );
}

#[test]
fn no_answer_at_all_says_what_can_be_done_at_this_address() {
    let lost = |base: &str| {
        let failed = Answer::Fails(TransportError::Network("Failed to fetch".into()));
        let error = answered_at(&at(base), None, failed).unwrap_err();
        assert!(error.is_network);
        assert_eq!(
            (error.class, error.failure.kind),
            (AGAIN, FailureKind::Network)
        );
        assert_eq!(error.failure.detail.as_deref(), Some("Failed to fetch"));
        check_words(&error);
        error.failure.next
    };
    assert!(lost("http://localhost:11434/v1").contains("OLLAMA_ORIGINS"));
    assert!(lost("http://192.168.1.7:8000/v1").contains("mixed content"));
    assert!(lost("https://api.example.org/v1").contains("CORS"));
}

#[test]
fn stopping_and_timing_out_are_told_apart_from_failing() {
    let stopped = answered(Answer::Fails(TransportError::Aborted)).unwrap_err();
    assert_eq!(
        (stopped.class, stopped.failure.kind),
        (ErrorClass::Cancelled, FailureKind::Cancelled)
    );
    check_words(&stopped);
    let late = answered(Answer::Fails(TransportError::TimedOut)).unwrap_err();
    assert_eq!((late.class, late.is_network), (AGAIN, false));
    check_words(&late);
    let pieces = vec![
        Piece::Bytes(b"data: {}\n\n".to_vec()),
        Piece::Fails(TransportError::Aborted),
    ];
    assert_eq!(
        answered(Answer::pieces(200, pieces)).unwrap_err().class,
        ErrorClass::Cancelled
    );
}

#[test]
fn a_web_page_in_place_of_an_answer_means_that_the_address_is_wrong() {
    let page = "<!doctype html><title>Welcome</title>";
    let missing = answered(Answer::new(404, page)).unwrap_err();
    let error = answered(Answer::new(200, page)).unwrap_err();
    assert_eq!(
        (missing.class, &missing.failure.what),
        (STOP, &error.failure.what)
    );
    assert_eq!(
        (error.class, error.failure.kind),
        (STOP, FailureKind::NotFound)
    );
    assert!(error.failure.next.contains("/v1"));
    assert_eq!(error.failure.detail.as_deref(), Some("Welcome"));
    check_words(&error);
}
