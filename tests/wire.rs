//! What crosses the line between page and worker comes out equal, whatever people's files hold.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use js_sys::{Function, Reflect};
use seedbed::platform::wire::{from_js, to_js};
use seedbed_core::messages::{
    Counts, Decided, Envelope, Event, OtherResponse, Progress, RecordView, Reply, Request,
    RunStatus, SeedView,
};
use seedbed_core::model::Usage;
use seedbed_core::prompt::{EvolutionKind, PromptOrigin};
use seedbed_core::record::{Field, Fields, Record};
use seedbed_core::review::{Quality, RecordState, Response};
use seedbed_core::seed::{Example, Seed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// There and back, with the copy that `postMessage` makes.
fn across<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let clone: Function = Reflect::get(&js_sys::global(), &"structuredClone".into())
        .unwrap()
        .dyn_into()
        .unwrap();
    let copy = clone.call1(&JsValue::NULL, &to_js(value).unwrap()).unwrap();
    from_js(copy).unwrap()
}

fn nested(depth: u32) -> Value {
    (0..depth).fold(json!("bottom"), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({ "in": inner }),
    })
}

/// Values that an object of JavaScript would change or refuse.
fn hostile() -> Map<String, Value> {
    let text = r#"{
        "most": 18446744073709551615, "least": -9223372036854775808, "id": 1234567890123456789,
        "edge": 9007199254740991, "past": 9007199254740992, "below": -9007199254740993,
        "__proto__": {"polluted": true, "__proto__": null}, "constructor": 1, "toString": "x", "": "nameless",
        "tiny": 5e-324, "huge": 1.7976931348623157e308, "third": 0.3333333333333333,
        "large": 1e20, "null": null, "list": [null, true, [], {}, 2, "2"], "10": "ten", "9": "nine",
        "text": "\u0000 \ud83c\udf3e \u2028"
    }"#;
    let mut map: Map<String, Value> = serde_json::from_str(text).unwrap();
    map.insert("deep".into(), nested(100));
    map
}

fn hostile_seed() -> Seed {
    Seed {
        domain: "Bees".into(),
        examples: vec![Example {
            question: "?".into(),
            answer: "!".into(),
            extra: hostile(),
        }],
        extra: hostile(),
        ..Seed::default()
    }
}

#[wasm_bindgen_test]
fn a_seed_with_any_json_in_it_comes_back_as_it_was_in_both_directions() {
    let seed = hostile_seed();
    // As text too: equality of maps does not see the order of their keys, and that of numbers not the sign of a zero.
    let text = serde_json::to_string(&seed).unwrap();
    let asked = Envelope {
        id: 7,
        request: Request::SaveSeed {
            project: "p".into(),
            seed: seed.clone(),
            merge_key: String::new(),
        },
    };
    let heard = across(&asked);
    assert_eq!(heard, asked);
    let Request::SaveSeed { seed: came, .. } = heard.request else {
        panic!("another request");
    };
    assert_eq!(serde_json::to_string(&came).unwrap(), text);

    let event = Event::Done {
        id: 7,
        reply: Reply::Seed(Box::new(SeedView {
            seed,
            hash: "h".into(),
            can_undo: true,
            can_redo: false,
            stale_records: u32::MAX,
        })),
    };
    assert_eq!(across(&event), event);
    let Event::Done {
        reply: Reply::Seed(view),
        ..
    } = across(&event)
    else {
        panic!("another event");
    };
    assert_eq!(serde_json::to_string(&view.seed).unwrap(), text);
}

#[wasm_bindgen_test]
fn a_record_with_nonsense_of_a_server_and_fields_of_a_newer_build_comes_back_as_it_was() {
    let mut fields = Fields::of_pair("__proto__", "\u{1F41D}");
    fields
        .0
        .insert("turns".into(), Field::Other(Value::Object(hostile())));
    fields
        .0
        .insert("__proto__".into(), Field::Text("kept".into()));
    let mut mine = Response::rated(Quality::Good);
    mine.answers
        .insert("later".into(), Value::Object(hostile()));
    let mut record = Record {
        id: "r".into(),
        fields,
        created_ms: u64::MAX,
        ..Record::default()
    };
    record.provenance.usage = Some(Usage {
        prompt_tokens: u64::MAX,
        completion_tokens: (1 << 53) + 1,
        ..Usage::default()
    });
    let decided = Event::Done {
        id: u32::MAX,
        reply: Reply::Decided(Box::new(Decided {
            record: RecordView {
                seq: u64::MAX,
                state: RecordState::Disputed,
                mine: Some(mine.clone()),
                others: vec![OtherResponse {
                    response: mine,
                    ..OtherResponse::default()
                }],
                text: record.fields.text_hash(),
                record,
                is_stale: false,
                messages: Vec::new(),
            },
            counts: Counts::default(),
        })),
    };
    assert_eq!(across(&decided), decided);
}

#[wasm_bindgen_test]
fn numbers_that_json_has_no_word_for_do_not_end_the_line() {
    let run = |rows_per_minute| Event::Run {
        project: "p".into(),
        status: RunStatus {
            rows_per_minute,
            cost: Some(0.0),
            ..RunStatus::default()
        },
    };
    for number in [f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, -0.0] {
        assert_eq!(across(&run(number)), run(number));
    }
    let Event::Run { status, .. } = across(&run(f64::NAN)) else {
        panic!("another event");
    };
    assert!(status.rows_per_minute.is_nan());
    assert_eq!(status.cost, Some(0.0));
}

#[wasm_bindgen_test]
fn enums_in_all_their_forms_come_back() {
    let evolved = PromptOrigin::Evolved {
        parent: "a".into(),
        evolution: EvolutionKind::Breadth,
        round: 3,
        model: "m".into(),
        prompt_version: "1".into(),
    };
    assert_eq!(across(&evolved), evolved);
    assert_eq!(across(&Reply::Ok), Reply::Ok);
    assert_eq!(across(&Request::ListProjects), Request::ListProjects);
    let texts = Reply::Texts(vec![String::new(), "__proto__".into()]);
    assert_eq!(across(&texts), texts);
    let progress = Progress::Cells {
        done: 1,
        total: u32::MAX,
        made: 0,
    };
    assert_eq!(across(&progress), progress);
    // Nothing and a missing key are one for a field that may be absent.
    let read: Counts = from_js(
        js_sys::JSON::parse(
            r#"{"total":1,"states":[["pending",1]],"drafts":0,"stale":0,"topics":[],"perspectives":[],"models":[],
                "can_undo":false,"can_redo":false,"unsaved":{"decisions":1,"records":2},"from_the_future":{"a":[1]}}"#,
        )
        .unwrap(),
    )
    .unwrap();
    assert_eq!(read.states, [(RecordState::Pending, 1)]);
    assert_eq!(read.unsaved.records, 2);
}

#[wasm_bindgen_test]
fn what_is_no_message_is_refused_with_words() {
    for text in [
        "null",
        "[]",
        "3",
        r#""Ready""#,
        r#"{"Ready":{}}"#,
        r#"{"Done":{"id":-1,"reply":"Ok"}}"#,
        r#"{"FromTheFuture":{}}"#,
        r#"{"Ready":{"build":"a"},"Changed":1}"#,
    ] {
        let value = js_sys::JSON::parse(text).unwrap();
        let refused = from_js::<Event>(value).unwrap_err();
        assert!(!refused.to_string().is_empty(), "{text}");
    }
}
