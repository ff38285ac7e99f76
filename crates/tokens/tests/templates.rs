//! Chat templates against Jinja2 as `transformers` sets it up (tests/data/make_templates.py), and hostile ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use seedbed_tokens::{Error, Message, Template, Vocabulary};
use serde_json::Value;

fn vocabulary(bos: &str, eos: &str) -> Vocabulary {
    Vocabulary {
        tokens: vec![bos.to_owned(), eos.to_owned()],
        kinds: vec![3, 3],
        bos: Some(0),
        eos: Some(1),
        ..Vocabulary::default()
    }
}

fn message(role: &str, content: &str) -> Message {
    Message {
        role: role.to_owned(),
        content: content.to_owned(),
    }
}

fn check(text: &str) -> usize {
    let all: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut count = 0;
    for one in &all {
        let get = |name: &str| one[name].as_str().unwrap();
        let template = Template::new(
            get("source"),
            &vocabulary(get("bos"), get("eos")),
            "2026-01-02",
        )
        .unwrap();
        for case in one["renders"].as_array().unwrap() {
            let messages: Vec<Message> = case["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| {
                    message(
                        one["role"].as_str().unwrap(),
                        one["content"].as_str().unwrap(),
                    )
                })
                .collect();
            let made = template.render(&messages, case["start"].as_bool().unwrap());
            let made = made.ok().map(|parts| {
                parts
                    .iter()
                    .map(|part| part.text.as_str())
                    .collect::<String>()
            });
            assert_eq!(
                made.as_deref(),
                case["text"].as_str(),
                "{} {messages:?}",
                get("name")
            );
            count += 1;
        }
    }
    count
}

#[test]
fn templates_give_the_reference_texts() {
    assert_eq!(check(include_str!("data/templates.json")), 30);
    match std::env::var("SEEDBED_TEMPLATES") {
        Ok(path) => assert!(check(&std::fs::read_to_string(path).unwrap()) > 0),
        Err(_) => {
            eprintln!("SKIPPED: SEEDBED_TEMPLATES names no file with templates under other terms");
        }
    }
}

#[test]
fn hostile_templates_end_with_a_reason() {
    let render = |source: &str| {
        Template::new(source, &vocabulary("<s>", "</s>"), "2026-01-02")?
            .render(&[message("user", "Hi")], true)
    };
    for (source, reason) in [
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "does not come to an end",
        ),
        (
            "{{ raise_exception('Roles must alternate') }}",
            "Roles must alternate",
        ),
        ("{% for m in messages %}", "syntax error"),
        ("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", ""),
        ("{{ range(10 ** 12) | list }}", ""),
        ("{{ messages[0].nothing.at.all }}", ""),
        ("{{ 'a' * 300000000 }}", ""),
    ] {
        match render(source) {
            Err(Error::Template(text)) => assert!(text.contains(reason), "{source}: {text}"),
            other => panic!("{source}: {other:?}"),
        }
    }
}
