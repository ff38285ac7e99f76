//! Cells as pandas, NumPy and people write them.

use super::{LiteralError, Nested, nested, parse, parse_nested};
use proptest::prelude::*;
use serde_json::{Value, json};

const ORACLE: &str = include_str!("../../tests/data/json/literals.json");

fn cases(name: &str) -> Vec<Value> {
    let oracle: Value = serde_json::from_str(ORACLE).unwrap();
    oracle[name].as_array().unwrap().clone()
}

/// Numbers count by their value: `1.0` and `1` are one.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| is_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, value)| right.get(name).is_some_and(|other| is_same(value, other)))
        }
        _ => left == right,
    }
}

#[test]
fn what_python_and_numpy_print_and_what_python_reads_are_the_same_values_here() {
    for (group, count) in [("printed", 50), ("source", 18)] {
        let cases = cases(group);
        assert!(cases.len() >= count, "{group}: {}", cases.len());
        for case in cases {
            let text = case["text"].as_str().unwrap();
            match parse(text) {
                Ok(value) => assert!(
                    is_same(&value, &case["value"]),
                    "{text}: {value} for {}",
                    case["value"]
                ),
                Err(fault) => panic!("{text}: {fault}"),
            }
        }
    }
}

#[test]
fn what_numpy_left_out_is_said_to_be_lost() {
    let cut = cases("cut");
    assert_eq!(cut.len(), 3);
    for text in &cut {
        assert_eq!(
            parse(text.as_str().unwrap()),
            Err(LiteralError::Cut),
            "{text}"
        );
    }
    assert_eq!(parse("['a' ... 'z']"), Err(LiteralError::Cut));
    assert_eq!(parse("[1, 2, ..., 9]"), Err(LiteralError::Cut));
    assert_eq!(parse("[1 2 3 ... 9]"), Err(LiteralError::Cut));
    assert!(LiteralError::Cut.to_string().contains("lost"));
    assert_eq!(parse("['a ... b']"), Ok(json!(["a ... b"])));
}

#[test]
fn texts_beside_each_other_are_items_in_numpys_brackets_and_one_text_elsewhere() {
    for (text, value) in [
        ("['a' 'b']", json!(["a", "b"])),
        ("['a'\n 'b']", json!(["a", "b"])),
        ("['a' \"b's\"]", json!(["a", "b's"])),
        ("['a''b']", json!(["ab"])),
        ("['a' 'b', 'c']", json!(["ab", "c"])),
        ("['a', 'b' 'c']", json!(["a", "bc"])),
        ("('a' 'b')", json!("ab")),
        ("'a' 'b'", json!("ab")),
        ("{'k': 'a' 'b'}", json!({"k": "ab"})),
        ("[{'r': 1} {'r': 2}]", json!([{"r": 1}, {"r": 2}])),
        ("[{'r': 1}\n {'r': 2}]", json!([{"r": 1}, {"r": 2}])),
        ("[None 'a' True]", json!([null, "a", true])),
        ("[[1 2] [3 4]]", json!([[1, 2], [3, 4]])),
        ("[ 1. -2.5]", json!([1.0, -2.5])),
    ] {
        assert_eq!(parse(text), Ok(value), "{text}");
    }
    // With commas nothing else may stand so.
    assert!(parse("[1 2, 3]").is_err());
}

#[test]
fn calls_and_strange_numbers_are_kept_as_text() {
    for (text, value) in [
        ("Decimal('1')", json!("Decimal('1')")),
        (
            "[datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)]",
            json!(["datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)"]),
        ),
        ("array(['a', 'b'], dtype=object)", json!(["a", "b"])),
        ("array([], dtype=float64)", json!([])),
        ("set()", json!([])),
        ("np.float64(1.5)", json!(1.5)),
        (
            "defaultdict(list, {'a': 1})",
            json!("defaultdict(list, {'a': 1})"),
        ),
        ("-0x10", json!(-16)),
        ("1_0.5_0", json!(10.5)),
        ("10L", json!(10)),
        ("1e999", json!("1e999")),
        ("-99999999999999999999", json!("-99999999999999999999")),
        ("[-inf, nan, +Infinity]", json!([null, null, null])),
    ] {
        assert_eq!(parse(text), Ok(value), "{text}");
    }
}

#[test]
fn escapes_give_their_letters_and_lone_halves_none() {
    for (text, value) in [
        (
            r"'\N{BULLET} \q \
x'",
            r"\N{BULLET} \q x",
        ),
        (r"'\ud83c\udf31|\ud83c|\udf31'", "🌱||"),
        (r"'\ud83c x \udf31'", " x "),
        (r"'\u00fc\xfc\374\U0001F331'", "üüü🌱"),
        (r"b'\xc3\xbc\u0041'", r"ü\u0041"),
        (r"b'\xff'", r"b'\xff'"),
        (r"rb'\n'", r"\n"),
        (r"'''it's ''quoted'' \''''", "it's ''quoted'' '"),
        (r#""""a "b" c""""#, r#"a "b" c"#),
        ("''", ""),
        ("U'ä'", "ä"),
    ] {
        assert_eq!(parse(text), Ok(json!(value)), "{text}");
    }
}

#[test]
fn json_is_tried_first_and_other_texts_are_refused_in_words() {
    assert_eq!(
        parse(" {\"a\": [1, null, true]} "),
        Ok(json!({"a": [1, null, true]}))
    );
    for text in [
        "",
        "hello",
        "[see below]",
        "(see below)",
        "{x}",
        "[1",
        "{'a': 1",
        "'a",
        "{'a': 1, 'b'}",
        "['a' b]",
        "[,]",
        "[1,,2]",
        "f'x'",
        "1 2",
        "[1]]",
        "a.b",
        "__import__('os')x",
        "'\\x4'",
        "lambda: 1",
        "(",
        "{1: 2, 3}",
        "x (",
    ] {
        assert!(parse(text).is_err(), "{text} {:?}", parse(text));
    }
    assert_eq!(parse("['a', Tru"), Err(LiteralError::EndsEarly));
    for open in ["[", "(", "{'a':", "f(", "{"] {
        assert_eq!(
            parse(&open.repeat(100_000)),
            Err(LiteralError::TooDeep),
            "{open}"
        );
    }
}

#[test]
fn a_column_is_nested_when_nearly_all_its_texts_are_of_one_kind() {
    let chat = "[{'role': 'user', 'content': 'hi'}]";
    let json = r#"[{"role":"user"}]"#;
    assert_eq!(nested([chat, json, "[]", " "]), Some(Nested::Objects));
    assert_eq!(nested(["['a' 'b']", "[]"]), Some(Nested::Lists));
    assert_eq!(nested(["{'a': 1}", "{}"]), Some(Nested::Object));
    assert_eq!(nested(["[0 1 ... 9]"]), Some(Nested::Lists));
    for texts in [
        vec![],
        vec!["", " "],
        vec!["plain"],
        vec!["1", "2"],
        vec!["'a'"],
        vec!["[]"],
        vec![chat, "{'a': 1}"],
        vec!["(1)"],
    ] {
        assert!(!parse_nested(texts.clone()), "{texts:?}");
    }
    let share = |good: usize| {
        let texts = std::iter::repeat_n(chat, good).chain(std::iter::repeat_n("plain", 100 - good));
        parse_nested(texts)
    };
    assert!(share(95));
    assert!(!share(94));
    // Only the first texts are looked at.
    assert!(parse_nested(
        std::iter::repeat_n(chat, 200).chain(std::iter::repeat_n("plain", 1000))
    ));
}

#[test]
fn long_texts_are_read_to_their_end() {
    // Read again for every item, each would take hours.
    let length = |text: &str| parse(text).map(|value| value.as_array().map_or(0, Vec::len));
    let count = 100_000;
    for item in ["1 ", "'a', ", "(1,) ", "x(1), ", "'a' ", "{'k': b'v'} "] {
        assert_eq!(
            length(&format!("[{}]", item.repeat(count))),
            Ok(count),
            "{item}"
        );
    }
    assert_eq!(length(&format!("[{}]", "''".repeat(count))), Ok(1));
    let text = format!("'{}'", "\\x41".repeat(count));
    assert_eq!(parse(&text), Ok(json!("A".repeat(count))));
    let nested = format!("{}{}", "x(".repeat(30), "1,".repeat(count));
    assert_eq!(parse(&nested), Err(LiteralError::EndsEarly));
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in "[\\[\\](){}'\",:\\\\ \\nabrux01._e+-]{0,40}") {
        let _either = parse(&text);
    }

    #[test]
    fn texts_come_back_from_how_python_writes_them(texts in prop::collection::vec(any::<String>(), 0..4)) {
        // Python's repr of letters that can be printed, and of those that can't.
        let written: Vec<String> = texts.iter().map(|text| {
            let inside: String = text.chars().map(|c| match c {
                '\\' => "\\\\".to_owned(),
                '\'' => "\\'".to_owned(),
                '\n' => "\\n".to_owned(),
                c if c.is_ascii() && !c.is_control() => c.to_string(),
                c if (c as u32) < 0x100 => format!("\\x{:02x}", c as u32),
                c if (c as u32) < 0x1_0000 => format!("\\u{:04x}", c as u32),
                c => format!("\\U{:08x}", c as u32),
            }).collect();
            format!("'{inside}'")
        }).collect();
        prop_assert_eq!(parse(&format!("[{}]", written.join(", "))), Ok(json!(texts)));
        prop_assert_eq!(parse(&format!("[{}]", written.join("\n "))), Ok(json!(texts)));
    }
}
