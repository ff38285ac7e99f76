//! Cards as people, `push_to_hub` and the Hub's own forms leave them, written over and read by a second YAML reader.

use super::*;
use crate::yaml::{self, Node};
use serde_yaml_ng::Value;

const TABLE: &str = "data/train-00000-of-00001.parquet";
const COLUMNS: [&str; 3] = ["id", "instruction", "response"];
const BEGIN: &str = "<!-- seedbed:begin";
const END: &str = "<!-- seedbed:end -->";

fn table(rows: usize) -> Table<'static> {
    Table {
        path: TABLE,
        config: "default",
        split: "train",
        rows,
        bytes: 0,
        columns: &COLUMNS,
    }
}

fn with_rows<'a>(tables: &'a [Table<'a>]) -> Facts<'a> {
    Facts {
        repo: "me/bees",
        title: "Bees",
        description: "What beekeepers ask.",
        tables,
        generated: tables.iter().map(|table| table.rows).sum(),
        reviewers: 1,
        records: 9,
        reviewed: 5,
        ..Facts::default()
    }
}

fn without_rows() -> Facts<'static> {
    Facts {
        gone: &[TABLE],
        ..with_rows(&[])
    }
}

/// Writes with three rows; a second writing changes nothing.
fn written(card: &str) -> Written {
    let tables = [table(3)];
    steady(&with_rows(&tables), card)
}

fn steady(facts: &Facts<'_>, card: &str) -> Written {
    let first = write(facts, Some(card.as_bytes())).unwrap();
    let second = write(facts, Some(first.text.as_bytes())).unwrap();
    assert_eq!(second.text, first.text, "written again it changes");
    first
}

/// The front matter as the second reader finds it, by the Hub's rule.
fn front(card: &str) -> Value {
    serde_yaml_ng::from_str(front_text(card)).unwrap()
}

fn front_text(card: &str) -> &str {
    let inner = card
        .trim_start()
        .strip_prefix("---\n")
        .or_else(|| card.trim_start().strip_prefix("---\r\n"))
        .expect("no front matter");
    let end = inner
        .find("\n---\n")
        .or_else(|| inner.find("\r\n---\r\n"))
        .expect("no end");
    &inner[..end]
}

fn yaml_of(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_sequence()
        .map(|items| items.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

fn body(card: &str) -> &str {
    let at = card
        .find("\n---\n")
        .or_else(|| card.find("\n---\r\n"))
        .unwrap();
    &card[at + 1..]
}

const GLOSSARY: &str = "---
license: cc-by-4.0
language:
- en
pretty_name: Orchard questions
# the glossary is maintained by hand, see CONTRIBUTING
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-00000-of-00001.parquet
- config_name: glossary
  # kept by the orchard group
  data_files:
  - split: train
    path: glossary/terms.csv
annotations_creators:
- expert-generated
---

# Orchard questions

Written by our orchard group. The glossary explains the terms.
";

// What others wrote.

#[test]
fn a_second_config_of_a_person_stays_with_its_comments() {
    let card = written(GLOSSARY);
    let after = front(&card.text);
    assert_eq!(after["configs"], front(GLOSSARY)["configs"]);
    assert_eq!(
        after["annotations_creators"],
        front(GLOSSARY)["annotations_creators"]
    );
    assert_eq!(after["pretty_name"], "Orchard questions");
    for comment in [
        "# the glossary is maintained by hand, see CONTRIBUTING\nconfigs:",
        "  # kept by the orchard group\n  data_files:",
    ] {
        assert!(card.text.contains(comment), "{comment}");
    }
    assert!(card.text.contains("Written by our orchard group."));
    assert_eq!(card.tables[0].how, How::Stands);
    assert!(card.notes.is_empty());
}

#[test]
fn only_lines_of_ours_are_added_to_a_card_of_a_person() {
    let card = written(GLOSSARY);
    let mut rest = card.text.lines();
    for line in GLOSSARY.lines() {
        assert!(rest.any(|found| found == line), "{line} is gone or moved");
    }
}

#[test]
fn front_matter_of_any_shape_keeps_its_keys() {
    let long = format!("---\n{{? {} : x, y: z}}\n---\n", "k".repeat(1500));
    let cards = [
        (
            "indented keys",
            "---\n  license: mit\n  thumbnail: x.png\n---\n",
        ),
        (
            "blank lines before",
            "\n\n---\nlicense: mit\nthumbnail: x.png\n---\ntext\n",
        ),
        (
            "a byte order mark",
            "\u{feff}---\nlicense: mit\nthumbnail: x.png\n---\n",
        ),
        (
            "braces",
            "---\n{license: mit, thumbnail: x.png, tags: [a, \"b\"]}\n---\n",
        ),
        (
            "braces over lines",
            "---\n{\n  license: mit, # why\n  thumbnail: x.png\n}\n---\n",
        ),
        (
            "comments",
            "---\n# For reference: the docs\n# Doc / guide\n\nlicense: mit\n# between\nthumbnail: x.png # behind\n# end\n---\n",
        ),
        (
            "quoted keys",
            "---\n\"license\": 'mit'\n'thumbnail': \"x.png\"\n'foo bar': 1\n---\n",
        ),
        (
            "lines of text",
            "---\nlicense: mit\nextra_gated_prompt: >-\n  By clicking\n\n  you agree: all\ndescription: |\n  # no comment\n  a: b\n\n---\n",
        ),
        (
            "kept line breaks at the end",
            "---\nlicense: mit\ndescription: |+\n  a\n\n\n---\n",
        ),
        (
            "quotes over lines",
            "---\nlicense: mit\nx: \"a\n  b\\\n  c\"\ny: 'd\n\n  e'\nz: f\n  g\n---\n",
        ),
        (
            "anchors",
            "---\nx: &a\n- one\ny: *a\nbase: &b {k: v}\nz: *b\n---\n",
        ),
        (
            "an anchor on a list of ours",
            "---\ntags: &t\n- a\n- b\nkeywords: *t\n---\n",
        ),
        (
            "an alias in a list of ours",
            "---\nkeywords: &t [a, b]\ntags: *t\n---\n",
        ),
        (
            "line breaks of Windows",
            "---\r\nlicense: mit\r\ntags:\r\n- a\r\nthumbnail: x.png\r\n---\r\ntext\r\n",
        ),
        (
            "dots at the end inside",
            "---\nlicense: mit\nthumbnail: x.png\n...\n---\ntext\n",
        ),
        (
            "explicit keys",
            "---\n? license\n: mit\n? thumbnail\n: x.png\n---\n",
        ),
        (
            "keys of all kinds",
            "---\n1: a\ntrue: b\n~: c\n? [d, e]\n: f\n---\n",
        ),
        ("tags of YAML", "---\nx: !!str 1\ny: !own {a: b}\n---\n"),
        ("only a comment", "---\n# nothing yet\n---\ntext\n"),
        (
            "a key without a value",
            "---\nlicense:\ntags:\nconfigs:\nthumbnail:\n---\n",
        ),
        (
            "empty lists",
            "---\ntags: []\nconfigs: []\nx: []\ny: {}\n---\n",
        ),
        ("an empty one", "---\n---\n# Title\n"),
        ("no fence at the end", "---\nlicense: mit\n---"),
        ("a long key", long.as_str()),
        (
            "nested lists",
            "---\nx:\n- - a\n  - b\n-\n  - c\ntrain-eval-index:\n- config: default\n  col_mapping:\n    text: text\n---\n",
        ),
        (
            "one tag without a list",
            "---\ntags: audio # mine\nx: y\n---\n",
        ),
        (
            "a tab behind a value",
            "---\nlicense: mit\t\nx: y\t# c\n---\n",
        ),
        (
            "Norwegian",
            "---\nlanguage: no\nlanguages: [no, \"no\"]\nx: 012\ny: 1e3\nz: 12:30\n---\n",
        ),
    ];
    for (name, card) in cards {
        let after = written(card);
        let plain = card.trim_start_matches('\u{feff}').to_owned() + "\n";
        let before = if plain.contains("---\n---") {
            Value::Null
        } else {
            front(&plain)
        };
        let after_front = front(&after.text);
        for (key, value) in before.as_mapping().into_iter().flatten() {
            let is_ours = key.as_str().is_some_and(|key| {
                matches!(key, "tags" | "configs" | "license")
                    && (value.is_null() || key != "license")
            });
            if is_ours {
                for tag in texts(value) {
                    assert!(texts(&after_front[key]).contains(&tag), "{name}: tag {tag}");
                }
                continue;
            }
            assert_eq!(
                after_front.as_mapping().unwrap().get(key),
                Some(value),
                "{name}: {key:?}"
            );
        }
        assert!(after_front["configs"].is_sequence(), "{name}");
        for line in card.lines().filter(|line| line.starts_with('#')) {
            assert!(after.text.contains(line), "{name}: {line}");
        }
        for line in after.text.lines().filter(|_| card.contains('\r')) {
            assert!(
                after.text.contains(&format!("{line}\r\n")),
                "{name}: {line}"
            );
        }
    }
}

#[test]
fn a_card_in_lines_is_not_written_anew_but_one_in_braces_is() {
    let lines = written("---\n# top\n\"tags\":   [ a,b ]\nx:   'y'\n---\n");
    assert!(lines.text.starts_with(
        "---\n# top\n\"tags\":   [ a,b, seedbed, synthetic, human-feedback ]\nx:   'y'\n"
    ));
    assert!(lines.notes.is_empty());
    let braces = written("---\n{tags: [a], x: y} # mine\n---\n");
    assert!(
        braces
            .text
            .starts_with("---\n# mine\ntags:\n- a\n- seedbed\n")
    );
    assert_eq!(braces.notes, [Note::Rewritten]);
}

#[test]
fn what_was_meant_as_front_matter_is_taken_even_where_the_hub_finds_none() {
    for card in [
        "--- \nlicense: mit\nx: y\n---\n\ntext\n",
        "---\nlicense: mit\nx: y\n...\n\ntext\n",
        "---\nlicense: mit\nx: y\n...\n\ntext\n\n---\n\nmore\n",
    ] {
        let after = front(&written(card).text);
        assert_eq!(after["license"], "mit", "{card}");
        assert_eq!(after["x"], "y");
    }
}

#[test]
fn a_rule_at_the_beginning_of_a_text_is_no_front_matter() {
    let card = written("---\n\nJust a text.\n");
    assert!(card.text.contains("---\n\nJust a text.\n"));
    assert_eq!(front(&card.text)["pretty_name"], "Bees");
    let empty = written("---\n---\n\n# Title\n\n---\n\nmore\n");
    assert!(body(&empty.text).contains("# Title\n\n---\n\nmore\n"));
}

#[test]
fn a_card_that_cannot_be_read_is_left_alone_and_the_reason_names_the_place() {
    let refused = |card: &[u8]| {
        let tables = [table(3)];
        write(&with_rows(&tables), Some(card)).unwrap_err()
    };
    let at = |line, problem: &str| {
        let card = format!("---\nlicense: mit\n{problem}\n---\ntext\n");
        match refused(card.as_bytes()) {
            Refusal::Yaml { line: found, .. } => assert_eq!(found, line, "{problem}"),
            other => panic!("{problem}: {other:?}"),
        }
    };
    at(4, "x: {a: b");
    at(3, "x: a: b");
    at(3, "x: [a]]");
    assert_eq!(
        refused(b"---\nlicense: mit\nx: 1\nlicense: cc0-1.0\n---\n"),
        Refusal::DuplicateKey("license".to_owned())
    );
    assert_eq!(
        refused(b"---\nx:\n  a: 1\n  a: 2\n---\n"),
        Refusal::DuplicateKey("a".to_owned())
    );
    assert!(matches!(
        refused(b"---\n- a\n- b\n---\n"),
        Refusal::Yaml { line: 2, .. }
    ));
    assert!(matches!(
        refused(b"---\njust words\n---\n"),
        Refusal::Yaml { .. }
    ));
    assert_eq!(
        refused(b"---\nlicense: mit\n---\ncaf\xe9\n"),
        Refusal::NotUtf8
    );
    assert_eq!(refused(b"\xff\xfe-\0-\0"), Refusal::NotUtf8);
    assert_eq!(refused(b"---\nconfigs: data.csv\n---\n"), Refusal::Configs);
    let deep = format!("---\nx: {}{}\n---\n", "[".repeat(100), "]".repeat(100));
    assert_eq!(refused(deep.as_bytes()), Refusal::TooMuch);
    let laughs = (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let alias = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", [alias.as_str(); 10].join(","))
    });
    assert_eq!(
        refused(format!("---\n{laughs}---\n").as_bytes()),
        Refusal::TooMuch
    );
    for refusal in [
        Refusal::NotUtf8,
        Refusal::Unsafe,
        Refusal::TooMuch,
        Refusal::Configs,
    ] {
        assert!(refusal.to_string().contains("left as it is"));
    }
}

#[test]
fn where_readers_differ_about_line_ends_nothing_is_written_anew() {
    let tables = [table(3)];
    // In braces all would be written anew; U+0085 ends a line to YAML 1.1 only.
    assert_eq!(
        write(
            &with_rows(&tables),
            Some("---\n{x: 'a\u{85} b'}\n---\n".as_bytes())
        ),
        Err(Refusal::Unsafe)
    );
    let kept = written("---\nx: 'a\u{2028}b'\n---\n");
    assert!(kept.text.contains("x: 'a\u{2028}b'\n"));
}

// Keys of a person.

#[test]
fn licence_languages_title_and_lists_of_a_person_stand() {
    let card = "---\nlicense: mit\nlanguage: de\npretty_name: Mine\nsize_categories:\n- 10K<n<100K\ntask_categories:\n- question-answering\ntags:\n- bees\n---\n";
    let after = front(&written(card).text);
    assert_eq!(after["license"], "mit");
    assert_eq!(after["language"], "de");
    assert_eq!(after["pretty_name"], "Mine");
    assert_eq!(texts(&after["size_categories"]), ["10K<n<100K"]);
    assert_eq!(texts(&after["task_categories"]), ["question-answering"]);
    assert_eq!(
        texts(&after["tags"]),
        ["bees", "seedbed", "synthetic", "human-feedback"]
    );
}

#[test]
fn what_a_person_chose_in_the_app_replaces_the_card() {
    let tables = [table(3)];
    let languages = ["de".to_owned(), "no".to_owned()];
    let facts = Facts {
        license: Some("cc-by-4.0"),
        languages: &languages,
        ..with_rows(&tables)
    };
    let after = steady(
        &facts,
        "---\nlicense: mit # old\nlanguage: [en]\nx: y\n---\n",
    );
    assert_eq!(front(&after.text)["license"], "cc-by-4.0");
    assert_eq!(texts(&front(&after.text)["language"]), ["de", "no"]);
    assert!(after.text.contains("# old"));
    // A comment in what is replaced stays where it was.
    let inside = steady(&facts, "---\nlanguage:\n- en # spoken\n- fr\nx: y\n---\n");
    assert!(
        inside
            .text
            .contains("language:\n- de\n- \"no\"\n# spoken\nx: y\n")
    );
    assert!(inside.notes.is_empty());
    // The same in another order or shape is no change.
    let same = steady(
        &facts,
        "---\nlicense: 'cc-by-4.0'\nlanguage: [\"no\", de]\n---\n",
    );
    assert!(
        same.text
            .contains("license: 'cc-by-4.0'\nlanguage: [\"no\", de]\n")
    );
}

#[test]
fn keys_of_ours_follow_the_facts_until_a_person_changes_them() {
    let small = [table(3)];
    let large = [table(2_000_000)];
    let first = write(&with_rows(&small), None).unwrap().text;
    assert_eq!(texts(&front(&first)["size_categories"]), ["n<1K"]);
    let renamed = Facts {
        title: "All about bees",
        ..with_rows(&large)
    };
    let second = steady(&renamed, &first).text;
    assert_eq!(front(&second)["pretty_name"], "All about bees");
    assert_eq!(texts(&front(&second)["size_categories"]), ["1M<n<10M"]);
    let theirs = second
        .replace("pretty_name: \"All about bees\"", "pretty_name: Hives")
        .replace("- \"1M<n<10M\"", "- other")
        .replace("- synthetic\n", "")
        .replace("task_categories:\n- text-generation\n", "");
    let third = front(&steady(&with_rows(&small), &theirs).text);
    assert_eq!(third["pretty_name"], "Hives");
    assert_eq!(texts(&third["size_categories"]), ["other"]);
    // What they took out stays out.
    assert_eq!(texts(&third["tags"]), ["seedbed", "human-feedback"]);
    assert!(third.get("task_categories").is_none());
    let untitled = second.replace("pretty_name: \"All about bees\"\n", "");
    assert!(
        front(&steady(&renamed, &untitled).text)
            .get("pretty_name")
            .is_none()
    );
}

// Only what is true.

#[test]
fn nothing_is_stated_that_nobody_said_and_no_tag_that_does_not_hold() {
    let tables = [table(3)];
    let imported = Facts {
        generated: 0,
        imported: 3,
        reviewers: 0,
        title: "",
        ..with_rows(&tables)
    };
    let card = write(&imported, None).unwrap().text;
    let after = front(&card);
    for key in ["language", "license", "pretty_name"] {
        assert!(after.get(key).is_none(), "{key}");
    }
    assert_eq!(texts(&after["tags"]), ["seedbed"]);
    assert!(card.contains("\nEvery row was imported.\n"));
    assert!(!card.contains("drafted by a language model"));
    assert!(card.contains("\n# bees\n"));
    // Once a model drafted one and a person decided, both are said; and no longer when it is gone.
    let mixed = Facts {
        generated: 1,
        imported: 2,
        reviewers: 1,
        ..imported
    };
    let second = steady(&mixed, &card).text;
    assert_eq!(
        texts(&front(&second)["tags"]),
        ["seedbed", "synthetic", "human-feedback"]
    );
    assert!(second.contains(
        "1 row was drafted by a language model and 2 rows were imported; each was then accepted by a person."
    ));
    let third = steady(&imported, &second).text;
    assert_eq!(texts(&front(&third)["tags"]), ["seedbed"]);
}

#[test]
fn tags_of_the_first_format_are_put_right() {
    let card = format!(
        "---\nlicense: mit\npretty_name: Bees\ntask_categories:\n- text-generation\ntags:\n- seedbed\n- synthetic\n- human-feedback\nsize_categories:\n- n<1K\nconfigs:\n- config_name: default\n  default: true\n  data_files:\n  - split: train\n    path: {TABLE}\n---\n\n# Bees\n\n{BEGIN} (this part is written by Seedbed; write your own above or below) -->\n\nEvery row was drafted by a language model or imported, and then accepted by a person.\n{END}\n\nMine.\n"
    );
    let tables = [table(1500)];
    let imported = Facts {
        generated: 0,
        imported: 1500,
        ..with_rows(&tables)
    };
    let after = steady(&imported, &card);
    assert_eq!(
        texts(&front(&after.text)["tags"]),
        ["seedbed", "human-feedback"]
    );
    assert_eq!(texts(&front(&after.text)["size_categories"]), ["1K<n<10K"]);
    assert_eq!(front(&after.text)["configs"], front(&card)["configs"]);
    assert!(after.text.contains("\nMine.\n"));
    assert_eq!(after.text.matches(END).count(), 1);
    assert!(
        !after
            .text
            .contains("drafted by a language model or imported")
    );
}

#[test]
fn before_the_first_row_no_table_is_declared_and_the_viewer_is_off() {
    let first = write(&without_rows(), None).unwrap();
    let before = front(&first.text);
    assert_eq!(before["viewer"], false);
    for key in ["configs", "size_categories", "dataset_info"] {
        assert!(before.get(key).is_none(), "{key}");
    }
    assert!(!first.text.contains("load_dataset"));
    assert!(first.text.contains("No row has been accepted yet."));
    assert!(first.tables.is_empty());
    steady(&without_rows(), &first.text);
    // With rows both turn, and back again.
    let second = written(&first.text);
    assert!(front(&second.text).get("viewer").is_none());
    assert_eq!(
        front(&second.text)["configs"][0]["data_files"][0]["path"],
        TABLE
    );
    let third = steady(&without_rows(), &second.text);
    assert_eq!(front(&third.text)["viewer"], false);
    assert!(front(&third.text).get("configs").is_none());
}

#[test]
fn the_viewer_of_a_person_is_respected() {
    let off = written("---\nviewer: false\n---\n");
    assert_eq!(front(&off.text)["viewer"], false);
    assert_eq!(off.notes, [Note::ViewerIsOff]);
    let on = steady(&without_rows(), "---\nviewer: true\n---\n");
    assert_eq!(front(&on.text)["viewer"], true);
    // Turned on by hand after we turned it off, it stays on.
    let first = write(&without_rows(), None).unwrap().text;
    let turned = first.replace(
        "viewer: false # until the first row is accepted (Seedbed)\n",
        "",
    );
    assert_ne!(turned, first);
    assert!(
        front(&steady(&without_rows(), &turned).text)
            .get("viewer")
            .is_none()
    );
}

#[test]
fn our_viewer_line_is_known_after_another_tool_rewrote_the_front_matter() {
    let first = write(&without_rows(), None).unwrap().text;
    // `push_to_hub` drops comments; a person may drop our part.
    let without_comment = first.replace(" # until the first row is accepted (Seedbed)", "");
    let without_part = &first[..first.find(BEGIN).unwrap()];
    for card in [without_comment.as_str(), without_part] {
        assert!(front(&written(card).text).get("viewer").is_none(), "{card}");
    }
}

#[test]
fn the_viewer_stays_on_where_others_have_data() {
    let configs = "---\nconfigs:\n- config_name: glossary\n  data_files: glossary/terms.csv\n---\n";
    assert!(
        front(&steady(&without_rows(), configs).text)
            .get("viewer")
            .is_none()
    );
    let others = Facts {
        others: &["test.csv"],
        ..without_rows()
    };
    let card = steady(&others, "text\n");
    assert!(front(&card.text).get("viewer").is_none());
    assert!(front(&card.text).get("configs").is_none());
}

// Tables among those of others.

const PUSHED: &str = "---
dataset_info:
  features:
  - name: question
    dtype: string
  splits:
  - name: test
    num_bytes: 1200
    num_examples: 50
  download_size: 900
  dataset_size: 1200
configs:
- config_name: default
  data_files:
  - split: test
    path: data/test-*
---
";

#[test]
fn a_split_of_others_with_other_columns_keeps_its_config_to_itself() {
    let after = written(PUSHED);
    let configs = &front(&after.text)["configs"];
    assert_eq!(configs[0], front(PUSHED)["configs"][0]);
    assert_eq!(configs[1]["config_name"], "seedbed");
    assert_eq!(configs[1]["data_files"][0]["path"], TABLE);
    assert_eq!(
        front(&after.text)["dataset_info"],
        front(PUSHED)["dataset_info"]
    );
    assert_eq!(after.tables[0].how, How::UnderAnotherName);
    assert!(
        after
            .text
            .contains("load_dataset(\"me/bees\", \"seedbed\", split=\"train\")")
    );
    // A size is not told of a dataset that has more than our table.
    assert!(front(&after.text).get("size_categories").is_none());
}

#[test]
fn a_split_of_others_with_our_columns_shares_its_config() {
    let card = PUSHED.replace(
        "  - name: question\n    dtype: string\n",
        "  - name: id\n    dtype: string\n  - name: instruction\n    dtype: string\n  - name: response\n    dtype: string\n",
    );
    let after = written(&card);
    assert_eq!(after.tables[0].how, How::Joined);
    assert_eq!(
        front(&after.text)["configs"],
        yaml_of(&format!(
            "[{{config_name: default, data_files: [{{split: test, path: data/test-*}}, {{split: train, path: {TABLE}}}]}}]"
        ))
    );
    // Loaders compare the number of rows of every split.
    let info = &front(&after.text)["dataset_info"];
    assert_eq!(
        info["splits"],
        yaml_of(
            "[{name: test, num_bytes: 1200, num_examples: 50}, {name: train, num_bytes: 0, num_examples: 3}]"
        )
    );
    assert_eq!(info["features"], front(&card)["dataset_info"]["features"]);
    assert!(info.get("dataset_size").is_none());
    assert_eq!(after.notes, [Note::InfoCorrected("default".to_owned())]);
    // With more rows the number follows; without rows our split goes and theirs stays.
    let more = [table(7)];
    let more = steady(&with_rows(&more), &after.text);
    assert_eq!(
        front(&more.text)["dataset_info"]["splits"][1]["num_examples"],
        7
    );
    let none = steady(&without_rows(), &more.text);
    assert_eq!(front(&none.text)["configs"], front(&card)["configs"]);
    assert_eq!(
        front(&none.text)["dataset_info"]["splits"],
        front(&card)["dataset_info"]["splits"]
    );
}

#[test]
fn a_train_split_of_others_is_not_mixed_with_our_table() {
    let card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: their/*.csv\n- config_name: seedbed\n  data_files: other.csv\n---\n";
    let after = written(card);
    let configs = front(&after.text)["configs"].clone();
    assert_eq!(configs[0], front(card)["configs"][0]);
    assert_eq!(configs[1], front(card)["configs"][1]);
    assert_eq!(configs[2]["config_name"], "seedbed-2");
}

#[test]
fn only_one_config_is_the_default() {
    let card = "---\nconfigs:\n- config_name: main\n  default: true\n  data_files: a.csv\n---\n";
    let after = written(card);
    assert_eq!(front(&after.text)["configs"][1]["config_name"], "seedbed");
    let other = written("---\nconfigs:\n- config_name: glossary\n  data_files: a.csv\n---\n");
    assert_eq!(front(&other.text)["configs"][1]["config_name"], "default");
}

#[test]
fn sizes_of_our_table_that_another_tool_measured_go_and_its_own_words_stay() {
    let card = format!(
        "---\ndataset_info:\n- config_name: default\n  features:\n  - name: id\n    dtype: string\n  splits:\n  - name: train\n    num_bytes: 5\n    num_examples: 99\n  download_size: 1\n  dataset_size: 5\n  citation: Us, 2026\n- config_name: glossary\n  splits:\n  - name: train\n    num_bytes: 1\n    num_examples: 1\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {TABLE}\n- config_name: glossary\n  data_files: glossary/terms.csv\n---\n"
    );
    let after = written(&card);
    let info = front(&after.text)["dataset_info"].clone();
    assert_eq!(
        info[0],
        yaml_of("{config_name: default, citation: 'Us, 2026'}")
    );
    assert_eq!(info[1], front(&card)["dataset_info"][1]);
    // Nothing but measures: the whole goes.
    let alone = PUSHED
        .replace("name: test", "name: train")
        .replace("split: test", "split: train")
        .replace("data/test-*", TABLE);
    assert!(front(&written(&alone).text).get("dataset_info").is_none());
}

#[test]
fn files_of_others_that_loaders_found_by_guessing_stay_loadable() {
    let tables = [table(3)];
    let configs = |others: &[&str], facts: &Facts<'_>| {
        let facts = Facts { others, ..*facts };
        let card = steady(&facts, "text\n");
        front(&card.text)
            .get("configs")
            .cloned()
            .unwrap_or_default()
    };
    let rows = with_rows(&tables);
    let found = configs(&["test.csv", "train.csv"], &rows);
    assert_eq!(
        found[0],
        yaml_of(
            "{config_name: default, data_files: [{split: train, path: train.csv}, {split: test, path: test.csv}]}"
        )
    );
    assert_eq!(found[1]["config_name"], "seedbed");
    let found = configs(
        &[
            "data/test-00000-of-00002.parquet",
            "data/test-00001-of-00002.parquet",
        ],
        &rows,
    );
    assert_eq!(
        found[0]["data_files"],
        yaml_of("[{split: test, path: data/test-*}]")
    );
    // Without words to go by a loader would read our own JSON files too, even before there are rows.
    let found = configs(&["a.csv", "b.csv", "notes.txt"], &without_rows());
    assert_eq!(
        found,
        yaml_of("[{config_name: default, data_files: [{split: train, path: [a.csv, b.csv]}]}]")
    );
    assert!(configs(&["train.csv"], &without_rows()).is_null());
}

#[test]
fn a_few_notes_and_pictures_beside_the_card_are_no_dataset() {
    let tables = [table(3)];
    let rows = with_rows(&tables);
    let own = yaml_of(&format!(
        "[{{config_name: default, data_files: [{{split: train, path: {TABLE}}}]}}]"
    ));
    let of = |others: &[&str], facts: &Facts<'_>| steady(&Facts { others, ..*facts }, "text\n");
    let loose = ["LICENSE.txt", "logo.png", "manual.pdf", "notes.txt"];
    for others in [&loose[..], &loose[..1], &loose[3..]] {
        let card = of(others, &rows);
        assert_eq!(front(&card.text)["configs"], own, "{others:?}");
        assert_eq!(card.notes, [], "{others:?}");
        assert!(!card.tables[0].is_apart);
        let card = of(others, &without_rows());
        assert!(front(&card.text)["configs"].is_null(), "{others:?}");
    }
    // With data among them that is what loaders find; many of a kind, or in folders, are a dataset of theirs.
    let first = |others: &[&str]| {
        let card = of(others, &rows);
        assert_eq!(card.tables[0].config, "seedbed", "{others:?}");
        front(&card.text)["configs"][0]["data_files"][0].clone()
    };
    assert_eq!(
        first(&["a.csv", "LICENSE.txt", "logo.png", "notes.txt"]),
        yaml_of("{split: train, path: a.csv}")
    );
    let corpus = ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"];
    assert_eq!(
        first(&corpus),
        yaml_of("{split: train, path: [a.txt, b.txt, c.txt, d.txt, e.txt]}")
    );
    assert_eq!(
        first(&["texts/a.txt"]),
        yaml_of("{split: train, path: texts/a.txt}")
    );
    assert_eq!(
        first(&["train.txt"]),
        yaml_of("{split: train, path: train.txt}")
    );
}

#[test]
fn beside_a_first_config_of_another_format_the_card_tells_the_path() {
    let card = "---\nconfigs:\n- config_name: glossary\n  data_files: terms.csv\n---\n";
    let after = written(card);
    assert!(after.tables[0].is_apart);
    assert_eq!(after.notes, [Note::OtherFormat("default".to_owned())]);
    assert!(after.text.contains(
        "rows = load_dataset(\"parquet\", data_files={\"train\": \"hf://datasets/me/bees/data/train-00000-of-00001.parquet\"}, split=\"train\")"
    ));
    assert!(!written(GLOSSARY).tables[0].is_apart);
}

#[test]
fn a_pattern_of_others_that_takes_our_table_is_reported() {
    let card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n---\n";
    // Alone in it, our table is declared so: `push_to_hub` leaves it like this.
    assert_eq!(written(card).tables[0].how, How::Stands);
    let tables = [table(3)];
    let facts = Facts {
        others: &["data/train-00001-of-00002.parquet"],
        ..with_rows(&tables)
    };
    let after = steady(&facts, card);
    assert_eq!(
        after.notes,
        [Note::Mixed {
            config: "default".to_owned(),
            pattern: "data/train-*".to_owned()
        }]
    );
    assert_eq!(after.tables[0].config, "seedbed");
}

#[test]
fn only_files_that_a_loader_would_read_count_as_data() {
    for path in [
        "a.csv",
        "x/b.JSONL",
        "data/c.parquet",
        "d.json.gz",
        "img/e.png",
    ] {
        assert!(is_data_file(path), "{path}");
    }
    for path in [
        "README.md",
        "seed_data.json",
        "pipeline_params.json",
        ".seedbed/records/a.jsonl",
        "a.py",
        "__x/a.csv",
        "csv",
    ] {
        assert!(!is_data_file(path), "{path}");
    }
}

// The page.

#[test]
fn text_around_our_part_stays_and_our_part_is_renewed() {
    let first = write(&without_rows(), None).unwrap().text;
    let edited = first
        .replace("\n# Bees\n", "\nMy own words.\n\n# Bees, mine\n")
        .replace(END, &format!("{END}\n\nMore of my own.  \n"));
    let second = written(&edited).text;
    for kept in ["\nMy own words.\n\n# Bees, mine\n", "\nMore of my own.  \n"] {
        assert!(second.contains(kept), "{kept}");
    }
    assert_eq!(second.matches(END).count(), 1);
    assert!(second.contains("| rows | 3 |") && !second.contains("| rows | 0 |"));
}

#[test]
fn where_a_mark_was_deleted_nothing_that_a_person_wrote_is_ever_lost() {
    let first = write(&without_rows(), None).unwrap().text;
    let begin_line = first.lines().find(|line| line.starts_with(BEGIN)).unwrap();
    let wrote_line = first
        .lines()
        .find(|line| line.starts_with("<!-- seedbed:wrote"))
        .unwrap();
    let base = first
        .replace("\n# Bees\n", "\nAbove.\n")
        .replace(END, &format!("{END}\n\nBelow.\n"));
    let cases = [
        ("end", base.replace(&format!("{END}\n"), "")),
        ("begin", base.replace(&format!("{begin_line}\n"), "")),
        (
            "begin and what was written",
            base.replace(&format!("{begin_line}\n"), "")
                .replace(&format!("{wrote_line}\n"), ""),
        ),
        (
            "all",
            base.replace(&format!("{begin_line}\n"), "")
                .replace(&format!("{wrote_line}\n"), "")
                .replace(&format!("{END}\n"), ""),
        ),
        (
            "end, with words typed into our part",
            base.replace(&format!("{END}\n"), "")
                .replace("No row has been accepted yet.", "Inside."),
        ),
        (
            "end of the first format",
            base.replace(&format!("{wrote_line}\n"), "")
                .replace(&format!("{END}\n"), ""),
        ),
        (
            "words behind the end mark",
            base.replace(END, &format!("{END} Behind.")),
        ),
    ];
    for (name, card) in cases {
        let tables = [table(3)];
        let mut text = card.clone();
        for n in 0..4 {
            text = write(&with_rows(&tables), Some(text.as_bytes()))
                .unwrap()
                .text;
            for words in ["Above.", "Below.", "Inside.", "Behind."] {
                assert!(
                    !card.contains(words) || text.contains(words),
                    "{name}, publish {n}: {words} is lost in\n{text}"
                );
            }
            // The other mark goes too, after a publish.
            if n == 1 {
                text = text.replace(begin_line, "");
            }
            if n == 2 {
                text = text.replace(&format!("{END}\n"), "");
            }
        }
        assert!(text.contains("| rows | 3 |"));
    }
}

#[test]
fn a_mark_without_its_counterpart_never_pairs_with_one_of_a_later_part() {
    // Our part of the first format, its end mark deleted, and words below it.
    let card = format!("# Bees\n\n{BEGIN} (x) -->\n\nold figures\n\nMy words.\n");
    let first = written(&card).text;
    assert_eq!(first.matches(BEGIN).count(), 1);
    // Then the head of the new part goes too: only its end is left, below the words.
    let kept: Vec<&str> = first
        .lines()
        .filter(|line| !line.starts_with(BEGIN) && !line.starts_with("<!-- seedbed:wrote"))
        .collect();
    assert!(written(&kept.join("\n")).text.contains("My words."));
    // Two begins before one end: what stands between them is a person's.
    let part = &first[first.find(BEGIN).unwrap()..];
    let twice = written(&format!("{BEGIN} (x) -->\nMy words.\n{part}"));
    assert!(twice.text.contains("My words."));
}

#[test]
fn a_byte_order_mark_does_not_end_up_inside() {
    assert!(!written("\u{feff}Just a text.\n").text.contains('\u{feff}'));
}

#[test]
fn an_untouched_part_is_found_again_without_its_end_mark() {
    let first = write(&without_rows(), None).unwrap().text;
    let card = first.replace(&format!("{END}\n"), "") + "\nBelow.\n";
    let after = written(&card);
    assert!(
        !after.text.contains("| rows | 0 |"),
        "old figures stay:\n{}",
        after.text
    );
    assert!(after.text.ends_with("\nBelow.\n"));
    assert_eq!(after.notes, [Note::LostMark]);
}

#[test]
fn a_part_that_stands_twice_is_written_once() {
    let first = write(&without_rows(), None).unwrap().text;
    let part = &first[first.find(BEGIN).unwrap()..];
    let after = written(&format!("{first}\nBetween.\n\n{part}\nBelow.\n"));
    assert_eq!(after.text.matches(BEGIN).count(), 1);
    assert!(after.text.contains("Between.") && after.text.contains("Below."));
}

#[test]
fn words_typed_into_our_part_are_reported() {
    let first = write(&without_rows(), None).unwrap().text;
    let after = written(&first.replace("No row has been accepted yet.", "My words."));
    assert_eq!(after.notes, [Note::OwnPartEdited]);
    assert!(written(&first).notes.is_empty());
}

#[test]
fn titles_and_descriptions_of_any_characters_make_yaml_that_every_reader_takes() {
    let hostile = "a\u{7f}b\u{85}c\u{9f}d\u{2028}e\u{2029}f\u{feff}g\u{fffd}h\u{ffff}i\u{0}j\u{1b}k\"l\\m\u{a0}n --> o: #p\n---\nq 🐝";
    let tables = [table(1)];
    let facts = Facts {
        title: hostile,
        description: hostile,
        ..with_rows(&tables)
    };
    let card = write(&facts, None).unwrap().text;
    assert_eq!(front(&card)["pretty_name"], hostile);
    let yaml = front_text(&card);
    assert!(
        yaml.chars().all(|c| c == '\n'
            || (' '..='~').contains(&c)
            || (c > '\u{a0}'
                && !matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ))),
        "{yaml:?}"
    );
    assert!(!body(&card).chars().any(|c| c.is_control() && c != '\n'));
    // It is remembered as it is: a publish later it is still ours.
    let later = Facts {
        title: "Bees",
        ..facts
    };
    assert_eq!(front(&steady(&later, &card).text)["pretty_name"], "Bees");
    for word in [
        "no",
        "Yes",
        "1.0",
        "~",
        "null",
        "- a",
        "a: b",
        "#a",
        "",
        "2026-01-01",
    ] {
        let title = Facts {
            title: word,
            ..facts
        };
        let card = write(&title, None).unwrap().text;
        assert_eq!(
            front(&card).get("pretty_name").and_then(Value::as_str),
            Some(word).filter(|word| !word.is_empty())
        );
    }
}

#[test]
fn texts_of_the_seed_make_no_markup() {
    assert_eq!(
        text::plain("1. a\n<b> | [c](d) *e*"),
        "1\\. a \\<b\\> \\| \\[c\\](d) \\*e\\*"
    );
    assert_eq!(text::plain("- a"), "\\- a");
    assert_eq!(text::plain("=== --- $x$"), "\\=== --- \\$x\\$");
}

// Reading.

#[test]
fn a_card_is_read_for_what_it_states() {
    let stated = read(GLOSSARY.as_bytes()).unwrap();
    assert_eq!(stated.license, ["cc-by-4.0"]);
    assert_eq!(stated.languages, ["en"]);
    assert_eq!(stated.pretty_name.as_deref(), Some("Orchard questions"));
    assert_eq!(stated.configs.len(), 2);
    assert!(stated.configs[0].is_default && !stated.configs[1].is_default);
    assert_eq!(
        stated.configs[1].splits,
        [("train".to_owned(), vec!["glossary/terms.csv".to_owned()])]
    );
    assert!(!stated.has_our_part);
    let stated = read(PUSHED.as_bytes()).unwrap();
    assert_eq!(
        stated.infos,
        [Info {
            config: "default".to_owned(),
            columns: vec!["question".to_owned()],
            splits: vec![("test".to_owned(), Some(50))]
        }]
    );
    let stated = read(
        "\u{feff}\n---\n{license: [mit, other], language: no, viewer: false}\n---\n".as_bytes(),
    )
    .unwrap();
    assert_eq!(stated.license, ["mit", "other"]);
    assert_eq!(stated.languages, ["no"]);
    assert_eq!(stated.viewer, Some(false));
    let merged = read(b"---\nbase: &b\n  license: mit\n<<: *b\n---\n").unwrap();
    assert_eq!(merged.license, ["mit"]);
    assert_eq!(read(b"no card").unwrap(), Stated::default());
    assert!(
        read(&write(&without_rows(), None).unwrap().text.into_bytes())
            .unwrap()
            .has_our_part
    );
    assert_eq!(read(b"\xff"), Err(Refusal::NotUtf8));
}

// Any card.

mod any {
    use super::*;
    use proptest::prelude::*;

    fn scalar() -> impl Strategy<Value = String> + Clone {
        prop_oneof![
            "[a-z]{1,6}",
            Just("no".to_owned()),
            Just("1.0".to_owned()),
            Just("true".to_owned()),
            Just("null".to_owned()),
            Just("'it''s'".to_owned()),
            Just("\"a\\tb # c\"".to_owned()),
            Just("a b:c".to_owned()),
            Just("日本 🐝".to_owned()),
            Just("[a, {b: c}]".to_owned()),
            Just("{a: [1, 2], 'b': \"c\"}".to_owned()),
            Just("[]".to_owned()),
            Just(String::new()),
        ]
    }

    /// A value behind `key:`, as lines below a key at column 0.
    fn value() -> impl Strategy<Value = String> {
        let line = scalar();
        prop_oneof![
            line.clone().prop_map(|text| format!(" {text}")),
            line.clone().prop_map(|text| format!(" {text} # behind")),
            proptest::collection::vec(line.clone(), 1..4).prop_map(|items| {
                items
                    .iter()
                    .fold(String::new(), |text, item| format!("{text}\n- {item}"))
            }),
            proptest::collection::vec(line.clone(), 1..4).prop_map(|items| {
                items.iter().fold(String::new(), |text, item| {
                    format!("{text}\n  # c\n  -   {item}")
                })
            }),
            proptest::collection::vec(line, 1..4).prop_map(|items| {
                items
                    .iter()
                    .enumerate()
                    .fold(String::new(), |text, (n, item)| {
                        format!("{text}\n    k{n}: {item}")
                    })
            }),
            "[|>][+-]?".prop_map(|mark| format!(
                " {mark}\n    lines\n   # no comment\n\n   more: x\n"
            )
            .replace("   ", "  ")
            .replace("    lines", "  lines")),
            Just(" \"two\n  lines\"".to_owned()),
            Just(" plain\n  lines".to_owned()),
            Just(" &a x".to_owned()),
        ]
    }

    fn entry() -> impl Strategy<Value = String> {
        ("(default|glossary|seedbed|[a-z]{3})", "(train|test)", "(data/train-\\*|x.csv|data/train-00000-of-00001.parquet|t/\\*\\*)", any::<bool>())
            .prop_map(|(name, split, path, is_short)| if is_short {
                format!("- config_name: {name}\n  data_files: {path}\n")
            } else {
                format!("- data_files:\n    - path: {path} # c\n      split: {split}\n  config_name: \"{name}\"\n")
            })
    }

    fn front_matter() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            "[a-z_]{2,8}",
            "'[a-z ]{2,6}'",
            Just("\"x: y\"".to_owned()),
            Just("tags".to_owned()),
            Just("license".to_owned())
        ];
        let pairs = proptest::collection::btree_map(key, value(), 0..6);
        let entries = proptest::collection::vec(entry(), 0..3);
        (pairs, entries, any::<bool>(), 0..3_usize).prop_map(
            |(pairs, entries, has_comments, indent)| {
                let mut text = String::new();
                for (key, value) in pairs {
                    if has_comments {
                        text.push_str("# about the next\n");
                    }
                    text.extend([key.as_str(), ":", value.as_str(), "\n"]);
                }
                if !entries.is_empty() {
                    text.push_str("configs:\n");
                    text.push_str(&entries.concat());
                }
                let indent = " ".repeat(indent);
                text.lines()
                    .map(|line| {
                        if line.is_empty() {
                            "\n".to_owned()
                        } else {
                            format!("{indent}{line}\n")
                        }
                    })
                    .collect()
            },
        )
    }

    fn page() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[A-Za-z #*-]{0,12}",
            Just("---".to_owned()),
            Just(format!("{BEGIN} (x) -->")),
            Just(END.to_owned()),
            Just("<!-- seedbed:wrote {\"lines\":1,\"sum\":\"0\"} -->".to_owned()),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_card_holds_the_keys_and_words_of_others_are_kept(
            front_matter in front_matter(),
            page in page(),
            has_rows: bool,
            is_windows: bool,
        ) {
            let mut card = format!("---\n{front_matter}---\n{page}");
            if is_windows {
                card = card.replace('\n', "\r\n");
            }
            let tables = [table(3)];
            let facts = if has_rows { with_rows(&tables) } else { without_rows() };
            let source = front_matter.trim_end_matches('\n');
            let before: Result<Value, _> = serde_yaml_ng::from_str(source);
            let Ok(after) = write(&facts, Some(card.as_bytes())) else {
                // Left alone; a card that both readers can read is.
                let is_unique = before.as_ref().is_ok_and(Value::is_mapping);
                prop_assert!(!is_unique || front_matter.contains("configs"), "refused\n{card}");
                return Ok(());
            };
            let again = write(&facts, Some(after.text.as_bytes())).unwrap();
            prop_assert_eq!(&again.text, &after.text);
            let Ok(before) = before else { return Ok(()) };
            let now: Value = serde_yaml_ng::from_str(front_text(&after.text).replace("\r\n", "\n").as_str()).unwrap();
            for (key, value) in before.as_mapping().into_iter().flatten() {
                let is_ours = matches!(key.as_str(), Some("tags" | "configs" | "viewer"))
                    || (value.is_null() && key == "license");
                if !is_ours {
                    prop_assert_eq!(now.as_mapping().unwrap().get(key), Some(value), "{:?} in\n{}", key, after.text);
                }
            }
            for entry in before["configs"].as_sequence().into_iter().flatten() {
                let is_kept = now["configs"].as_sequence().is_some_and(|entries| entries.contains(entry));
                let text = serde_yaml_ng::to_string(entry).unwrap();
                prop_assert!(is_kept || text.contains(TABLE), "{text} is gone in\n{}", after.text);
            }
            for line in front_matter.lines().filter(|line| line.trim_start().starts_with("# about")) {
                prop_assert!(after.text.contains(line.trim()));
            }
            // Each line of words outside a whole part is there.
            let mut is_open = false;
            for line in page.lines() {
                is_open |= line.starts_with(BEGIN);
                let is_word = !line.starts_with("<!--") && !line.trim().is_empty();
                if is_word && !is_open {
                    prop_assert!(after.text.lines().any(|kept| kept == line), "{line} is gone in\n{}", after.text);
                }
                is_open &= line != END;
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(card in "(---\n)?[-a-c:#|>&*{}\\[\\], \n'\"é\u{2028}]{0,60}(\n---\n)?[a-c\n]{0,5}") {
            let tables = [table(3)];
            if let Ok(first) = write(&with_rows(&tables), Some(card.as_bytes())) {
                let second = write(&with_rows(&tables), Some(first.text.as_bytes())).unwrap();
                prop_assert_eq!(second.text, first.text);
            }
            let _ = read(card.as_bytes());
        }

        #[test]
        fn an_edited_tree_is_written_so_that_it_reads_back(front_matter in front_matter(), title in any::<String>()) {
            if let Ok(Some(doc)) = yaml::parse(&front_matter) {
                prop_assume!(doc.root.is_map());
                let mut root = doc.root.clone();
                root.set("pretty_name", Node::text(&title));
                root.remove("tags");
                let text = match yaml::edited(&front_matter, Some(&doc), &root, "", "\n") {
                    Edited::InPlace(text) | Edited::Anew(text) => text,
                    Edited::Failed => return Err(TestCaseError::fail("can't be edited")),
                };
                let again = yaml::parse(&text).unwrap().unwrap();
                prop_assert!(yaml::same(&again.root, &root), "{text}");
            }
        }
    }
}
