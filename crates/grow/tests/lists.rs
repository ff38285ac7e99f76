//! Replies that hold a list, in every form that models give them: `lists/cases.json`, frozen before the parser was run.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and tells all that is wrong"
)]

use seedbed_core::model::FinishReason;
use seedbed_core::seed::Seed;
use seedbed_grow::parse::{ListContext, instructions};
use serde::Deserialize;
use std::fmt::Write as _;

#[derive(Deserialize)]
struct Case {
    name: String,
    source: String,
    reply: String,
    want: Vec<String>,
    #[serde(default)]
    finish: FinishReason,
    count: Option<usize>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("lists/cases.json")).unwrap()
}

/// More of them, written when the parser was known.
fn later() -> Vec<Case> {
    serde_json::from_str(include_str!("lists/later.json")).unwrap()
}

fn read(reply: &str, finish: FinishReason, count: usize) -> Vec<String> {
    let seed = Seed::default();
    let ctx = ListContext {
        seed: &seed,
        cell: None,
    };
    let parsed = instructions(reply, finish, count, &ctx);
    // Blanks and line breaks count alike.
    let texts = parsed.items.iter();
    texts
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The text is a piece of data or markup: judged here anew, not by the parser's own rule.
fn is_syntax(text: &str) -> bool {
    let begins = [
        "{", "}", "[", "]", "<", "|", "```", ",", ";", ")", "\\\"", "//",
    ];
    let ends = [
        "\",", "\"]", "\"}", "};", "];", ");", "{", "[", "</", "/>", "|",
    ];
    let holds = [
        "\": \"",
        "\":\"",
        "\", \"",
        "\",\"",
        "', '",
        "\":[",
        "\": [",
        "</item",
        "</li",
        "</instr",
        "```",
        "<|",
        "</think",
        "console.log",
        "print(",
    ];
    let is_program = [
        "const ", "let ", "def ", "return ", "import ", "var ", "for p in", "SELECT ",
    ]
    .iter()
    .any(|word| text.starts_with(word));
    is_program
        || begins.iter().any(|part| text.starts_with(part))
        || ends.iter().any(|part| text.ends_with(part))
        || holds.iter().any(|part| text.contains(part))
}

/// How many are read wrong; tells all of them.
fn wrong(cases: &[Case]) -> usize {
    let (mut wrong, mut syntax) = (0, 0);
    let mut told = String::new();
    for case in cases {
        let got = read(&case.reply, case.finish, case.count.unwrap_or(50));
        let strange = got
            .iter()
            .filter(|text| is_syntax(text) && !case.want.contains(text))
            .count();
        syntax += strange;
        if got != case.want || strange > 0 {
            wrong += 1;
            writeln!(
                told,
                "{} ({}):\n  {:?}\n  want {:#?}\n  got {got:#?}",
                case.name, case.source, case.reply, case.want
            )
            .unwrap();
        }
    }
    eprintln!(
        "{told}{wrong} of {} wrong, {syntax} texts are syntax",
        cases.len()
    );
    assert_eq!(syntax, 0);
    wrong
}

#[test]
fn lists_are_read_whatever_form_they_come_in_and_syntax_is_no_instruction() {
    let cases = cases();
    let wrong = wrong(&cases);
    assert!(wrong * 20 <= cases.len(), "{wrong} of {}", cases.len());
    let of = |source: &str| cases.iter().filter(|case| case.source == source).count();
    assert!(
        of("tests") >= 40 && of("facts") >= 40,
        "as many as were promised"
    );
}

#[test]
fn lists_of_kinds_found_later_are_read_too() {
    assert_eq!(wrong(&later()), 0);
}

#[test]
fn no_cut_of_any_reply_makes_an_instruction_of_syntax() {
    for case in cases().into_iter().chain(later()) {
        for (cut, _) in case.reply.char_indices() {
            let got = read(&case.reply[..cut], FinishReason::Length, 50);
            for text in got {
                assert!(
                    !is_syntax(&text) || case.want.iter().any(|want| want.starts_with(&text)),
                    "{}: {text:?} of {:?}",
                    case.name,
                    &case.reply[..cut]
                );
            }
        }
    }
}

/// Texts that make trouble in some form or other.
const TEXTS: [&str; 22] = [
    "Explain why clay soil holds water longer than sand.",
    "What does \"heirloom\" mean on a seed packet?",
    "Define \"loam\", \"silt\" and \"clay\" for a newcomer",
    "Write a note that begins with \"Dear neighbour, the ditch is full\".",
    "Describe the farmer's first day, and the cows' second one.",
    "Compare these: oats, rye; wheat (winter) and {spelt}.",
    "Is 5% nitrogen enough, or do I need 10% / 12%?",
    "Sort [a, b, c] by yield: which comes first?",
    "Why does $\\frac{1}{2}$ of $\\beta$ grow with $\\theta$ and $\\nu$?",
    "Show that \\(\\rho = \\frac{m}{V}\\) holds for a sack of grain.",
    "Is $5 a kilo or $9 a box the better price?",
    "请解释为什么黏土比沙土更能保水。",
    "Warum ist „Boden“ nicht gleich Erde?",
    "Что значит «пар» в севообороте?",
    "Name the file C:\\farm\\notes.txt and say what it holds.",
    "Explain https://example.org/soil?a=1&b=2 // to a beginner.",
    "Use the word \"fallow\" twice: once as verb, once as noun.",
    "List 3 tools — spade, fork, hoe — and their uses...",
    "How do I turn 1.5 kg into 3 lb 5 oz?",
    "A cow has four stomachs. Explain each of them",
    "Explain # of seeds per m² and the * in the table.",
    "Translate “Guten Morgen” and 'good night' into Dutch.",
];

/// How a list of texts is written in one form or another.
type Form = (&'static str, fn(&[&str]) -> String);

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn each(texts: &[&str], between: &str, write: impl Fn(usize, &str) -> String) -> String {
    let all: Vec<String> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| write(at, text))
        .collect();
    all.join(between)
}

/// The text in single quotes, as Python writes it.
fn python(text: &str) -> String {
    if text.contains('\'') && !text.contains('"') {
        return format!("\"{}\"", text.replace('\\', "\\\\"));
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

const FORMS: [Form; 34] = [
    ("array", |texts| {
        format!("[{}]", each(texts, ", ", |_, text| json(text)))
    }),
    ("array by line", |texts| {
        format!(
            "```json\n[\n  {}\n]\n```",
            each(texts, ",\n  ", |_, text| json(text))
        )
    }),
    ("trailing comma", |texts| {
        format!("[\n  {},\n]", each(texts, ",\n  ", |_, text| json(text)))
    }),
    ("no commas by line", |texts| {
        format!("[\n  {}\n]", each(texts, "\n  ", |_, text| json(text)))
    }),
    ("not closed", |texts| {
        format!("Sure!\n[\n  {}", each(texts, ",\n  ", |_, text| json(text)))
    }),
    ("python", |texts| {
        format!(
            "instructions = [{}]",
            each(texts, ", ", |_, text| python(text))
        )
    }),
    ("tuple", |texts| {
        format!("({})", each(texts, ", ", |_, text| python(text)))
    }),
    ("set", |texts| {
        format!("{{{}}}", each(texts, ", ", |_, text| python(text)))
    }),
    ("constant", |texts| {
        format!(
            "const list = [\n  {},\n];\nconsole.log(list);",
            each(texts, ",\n  ", |_, text| json(text))
        )
    }),
    ("objects", |texts| {
        format!(
            "[{}]",
            each(texts, ", ", |at, text| format!(
                "{{\"id\": {at}, \"instruction\": {}}}",
                json(text)
            ))
        )
    }),
    ("objects with topics", |texts| {
        format!(
            "[\n{}\n]",
            each(texts, ",\n", |_, text| format!(
                "  {{\n    \"topic\": \"soil and water in spring\",\n    \"instruction\": {}\n  }}",
                json(text)
            ))
        )
    }),
    ("objects without commas", |texts| {
        format!(
            "[\n{}\n]",
            each(texts, "\n", |_, text| format!(
                "  {{\"instruction\": {} \"done\": False}}",
                json(text)
            ))
        )
    }),
    ("bare keys", |texts| {
        format!(
            "[{}]",
            each(texts, ", ", |_, text| format!(
                "{{instruction: {}, answer: undefined}}",
                json(text)
            ))
        )
    }),
    ("lines of objects", |texts| {
        each(texts, "\n", |_, text| {
            format!(
                "{{\"question\": {}, \"answer\": \"Because of the weather.\"}}",
                json(text)
            )
        })
    }),
    ("wrapped", |texts| {
        format!(
            "{{\"instructions\": [{}]}}",
            each(texts, ", ", |_, text| json(text))
        )
    }),
    ("wrapped twice", |texts| {
        format!(
            "{{\"result\": {{\"count\": 3, \"items\": [{}]}}}}",
            each(texts, ", ", |_, text| format!(
                "{{\"text\": {}}}",
                json(text)
            ))
        )
    }),
    ("messages", |texts| {
        format!(
            "[{}]",
            each(texts, ", ", |_, text| format!(
                "{{\"role\": \"user\", \"content\": {}}}",
                json(text)
            ))
        )
    }),
    ("numbered keys", |texts| {
        format!(
            "{{{}}}",
            each(texts, ", ", |at, text| format!(
                "\"{}\": {}",
                at + 1,
                json(text)
            ))
        )
    }),
    ("comments", |texts| {
        format!(
            "[\n{}\n]",
            each(texts, "\n", |at, text| format!(
                "  {}, // number {at}",
                json(text)
            ))
        )
    }),
    ("a text of an array", |texts| {
        json(&format!("[{}]", each(texts, ", ", |_, text| json(text))))
    }),
    ("a list in a text", |texts| {
        format!(
            "{{\"instructions\": {}}}",
            json(&each(texts, "\n", |at, text| format!("{}. {text}", at + 1)))
        )
    }),
    ("numbers", |texts| {
        each(texts, "\n", |at, text| format!("{}. {text}", at + 1))
    }),
    ("bold numbers", |texts| {
        each(texts, "\n\n", |at, text| format!("**{}.** {text}", at + 1))
    }),
    ("letters", |texts| {
        each(texts, "\n", |at, text| {
            format!("{}) {text}", char::from(b'a' + u8::try_from(at).unwrap()))
        })
    }),
    ("roman", |texts| {
        each(texts, "\n", |at, text| {
            format!("{}. {text}", ["i", "ii", "iii", "iv"][at])
        })
    }),
    ("bullets", |texts| {
        format!(
            "Here you go:\n{}\n\nEnjoy!",
            each(texts, "\n", |_, text| format!("- {text}"))
        )
    }),
    ("quoted", |texts| {
        each(texts, "\n", |_, text| format!("> {text}"))
    }),
    ("labels", |texts| {
        each(texts, "\n\n", |at, text| {
            format!("Instruction {}: {text}", at + 1)
        })
    }),
    ("titles", |texts| {
        each(texts, "\n\n", |at, text| {
            format!("### {}. Title\n{text}", at + 1)
        })
    }),
    ("bold titles", |texts| {
        each(texts, "\n\n", |at, text| {
            format!("**Instruction {}: Soil**\n{text}", at + 1)
        })
    }),
    ("items", |texts| {
        each(texts, "\n", |_, text| {
            format!(
                "<item>{}</item>",
                text.replace('&', "&amp;").replace('<', "&lt;")
            )
        })
    }),
    ("instructions", |texts| {
        format!(
            "<instructions>\n{}\n</instructions>",
            each(texts, "\n", |at, text| format!(
                "  <instruction n=\"{at}\">\n{}\n</instruction>",
                text.replace('&', "&amp;")
            ))
        )
    }),
    ("table", |texts| {
        format!(
            "| # | Instruction | Topic |\n|---|:---|---|\n{}",
            each(texts, "\n", |at, text| format!(
                "| {} | {} | soil |",
                at + 1,
                text.replace('|', "\\|")
            ))
        )
    }),
    ("table of one column", |texts| {
        format!(
            "Here:\n\n| Instruction |\n|---|\n{}\n\nDone.",
            each(texts, "\n", |_, text| format!("| {text} |"))
        )
    }),
];

#[test]
fn a_list_gives_its_texts_back_from_every_form() {
    let (mut wrong, mut all) = (0, 0);
    for (name, write) in FORMS {
        for at in 0..TEXTS.len() {
            let texts = [
                TEXTS[at],
                TEXTS[(at + 5) % TEXTS.len()],
                TEXTS[(at + 9) % TEXTS.len()],
            ];
            let reply = write(&texts);
            let got = read(&reply, FinishReason::Stop, 50);
            all += 1;
            if got != texts {
                wrong += 1;
                eprintln!("{name}:\n{reply}\n{got:#?}");
            }
        }
    }
    eprintln!("{wrong} of {all} wrong");
    assert_eq!(wrong, 0, "of {all}");
}

#[test]
fn quotes_that_nobody_escaped_stay_in_the_text() {
    let (mut wrong, mut all) = (0, 0);
    for first in TEXTS {
        for second in TEXTS {
            // What needs an escape of another kind is no matter of quotes.
            if first == second || [first, second].iter().any(|text| text.contains('\\')) {
                continue;
            }
            let texts = [first, second];
            for (open, between, close) in [
                ("[\"", "\", \"", "\"]"),
                ("[\n  \"", "\",\n  \"", "\"\n]"),
                ("[{\"instruction\": \"", "\"}, {\"instruction\": \"", "\"}]"),
                (
                    "[{\"instruction\": \"",
                    "\", \"topic\": \"soil\"}, {\"instruction\": \"",
                    "\", \"topic\": \"soil\"}]",
                ),
                ("{\"questions\": [\"", "\", \"", "\"]}"),
            ] {
                all += 1;
                let reply = format!("{open}{}{close}", texts.join(between));
                let got = read(&reply, FinishReason::Stop, 50);
                if got != texts {
                    wrong += 1;
                    eprintln!("{reply}\n{got:#?}");
                }
            }
        }
    }
    eprintln!("{wrong} of {all} wrong");
    assert!(wrong * 50 <= all, "{wrong} of {all}");
}
