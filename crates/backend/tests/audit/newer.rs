//! Files of a newer build: what is not understood stays as it came, in every reader.

use crate::common::{Browser, PROJECT, SEED, World, bad, numbered};
use seedbed_core::messages::{ExportKind, FailureKind, Reply, Request};
use seedbed_core::review::RecordState;
use serde_json::{Value, json};

const RECORDS: [&str; 4] = [
    r#"{"id":"n1","key":"k1","fields":{"instruction":"How?","response":"So."},"mood":{"is":[1,2.50,null]},"provenance":{"model":"m","finish_reason":"tool_calls","energy_wh":0.5,"usage":{"prompt_tokens":5,"completion_tokens":7,"estimated":false,"cached":3}},"created_ms":1,"messages":[{"role":"user","content":"How?","name":"ann"}]}"#,
    r#"{"id":"n2","fields":{"instruction":{"kind":"scroll","text":"How?"},"response":"So.","score":4},"inputs":{"task":"t/1","on":[],"weather":"fine"},"created_ms":1}"#,
    r#"{"id":"n4","fields":{"instruction":"Look it up?","response":"So."},"created_ms":1,"messages":[{"role":"user","content":"Look it up?"},{"role":"tool","content":"3 cm"}]}"#,
    r#"{ "id": "n3", "fields": {"instruction": "With blanks?", "response": "So."}, "later": true, "created_ms": 1 }"#,
];
const DECISIONS: [&str; 5] = [
    r#"{"id":"d1","writer":"bob","on":{"record":"r0"},"clock":{"ms":1,"n":0},"act":"praise","stars":5}"#,
    r#"{"id":"d2","writer":"bob","on":{"record":"r0","span":[3,9]},"clock":{"ms":2,"n":0,"node":7},"act":"note","note":"x","colour":"red"}"#,
    r#"{"id":"d3","writer":"bob","on":{"record":"r0"},"clock":{"ms":3,"n":0},"act":"respond","status":"parked","answers":{"mood":[1,2.0]},"because":"of"}"#,
    r#"{"id":"d4","writer":"bob","on":{"page":"p1"},"clock":{"ms":4,"n":0},"act":"respond","status":"submitted","answers":{"quality":"good"}}"#,
    r#"{"id":"d5","writer":"bob","clock":{"ms":5,"n":0},"act":"name","name":"Bob","pronouns":"he"}"#,
];
const ACTS: [&str; 4] = [
    r#"{"id":"a1","writer":"bob","on":"i1","clock":{"ms":1,"n":0},"act":"translate","to":"de"}"#,
    r#"{"id":"a4","writer":"bob","on":"i3","clock":{"ms":4,"n":0},"saw":["a3"],"act":"state","state":"parked"}"#,
    r#"{"id":"a2","writer":"bob","on":"i2","clock":{"ms":2,"n":0},"act":"add","cell":{"topic":"t","perspective":"p","depth":3},"to":"Why?","state":"kept","origin":{"kind":"dreamt","by":"ann"},"votes":3}"#,
    r#"{"id":"a3","writer":"bob","on":"i3","clock":{"ms":3,"n":0},"act":"add","cell":{"topic":"t","perspective":"p"},"to":"Whence?","state":"kept","origin":{"kind":"evolved","parent":"i2","evolution":"inversion","round":1,"model":"m","prompt_version":"evolve/1"}}"#,
];
const PROMPT: &str = r#"{"id":"p1","cell":{"topic":"t","perspective":"p"},"text":"How so?","state":"kept","origin":{"kind":"evolved","parent":"p0","evolution":"inversion","round":1,"model":"m","prompt_version":"evolve/1"},"original_text":null,"seed_hash":"s","created_ms":1,"updated_ms":2,"weight":0.25}"#;

fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| (*line).to_owned() + "\n").collect()
}

/// A repo that a newer build added parts to, and somebody who holds them.
fn with_newer_parts() -> (World, Browser) {
    let world = World::new();
    let mut owner = world.published(1);
    world.put(".seedbed/records/bob/1-x.jsonl", text(&RECORDS));
    world.put(".seedbed/decisions/bob/1-x.jsonl", text(&DECISIONS));
    world.put(".seedbed/instructions/bob/1-x.jsonl", text(&ACTS));
    world.put(".seedbed/prompts.jsonl", text(&[PROMPT]));
    let report = owner.tab.sync(&owner.project.clone());
    assert_eq!(report.problems_total, 0, "{report:?}");
    (world, owner)
}

fn assert_all_in(lines: &[String], wanted: &[&str]) {
    for line in wanted {
        assert!(
            lines.iter().any(|known| known == line),
            "{line}\nin {lines:#?}"
        );
    }
}

#[test]
fn lines_of_a_newer_build_are_sent_again_word_for_word() {
    let (world, mut owner) = with_newer_parts();
    for folder in ["records", "decisions", "instructions"] {
        world.delete_folder(&format!(".seedbed/{folder}"));
    }
    world.commit(vec![seedbed_hub::Operation::Delete {
        path: ".seedbed/prompts.jsonl".to_owned(),
    }]);
    owner.publish().expect("published");
    assert_all_in(&world.lines("records"), &RECORDS);
    assert_all_in(&world.lines("decisions"), &DECISIONS);
    let acts = world.lines("instructions");
    assert_all_in(&acts, &ACTS);
    // A line of format 1 is inside of an act now, as it came.
    let was = acts
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let was: Vec<Value> = was.filter(|act| act["act"] == "was").collect();
    let prompt: Value = serde_json::from_str(PROMPT).unwrap();
    assert_eq!(was.len(), 1, "{acts:#?}");
    assert_eq!(was[0]["prompt"], prompt);
    // And the next browser takes the same from there.
    let mut other = world.colleague();
    assert_eq!(other.tab.sync(&other.project.clone()).problems_total, 0);
    assert_eq!(other.records().len(), 5);
}

#[test]
fn lines_of_a_newer_build_are_in_a_saved_file_word_for_word_and_come_back_from_it() {
    let (world, mut owner) = with_newer_parts();
    let (name, saved) = owner.tab.file(&owner.project.clone(), ExportKind::Bundle);
    let wrapped = |kind: &str, lines: &[&str]| -> Vec<String> {
        lines
            .iter()
            .map(|line| format!("{{\"{kind}\":{line}}}"))
            .collect()
    };
    let lines: Vec<String> = saved.lines().map(str::to_owned).collect();
    for (kind, wanted) in [
        ("record", &RECORDS[..]),
        ("decision", &DECISIONS[..]),
        ("instruction", &ACTS[..]),
    ] {
        let wanted = wrapped(kind, wanted);
        assert_all_in(
            &lines,
            &wanted.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    let mut other = world.browser();
    let (view, report) = other.tab.import(&name, &saved, None, 777).expect("read");
    assert_eq!(report.skipped_total, 0, "{report:?}");
    let (_, again) = other.tab.file(&view.summary.id, ExportKind::Bundle);
    assert_eq!(again, saved);
}

#[test]
fn publishing_leaves_the_parts_of_a_newer_build_and_folders_it_does_not_know_alone() {
    let (world, mut owner) = with_newer_parts();
    world.put(".seedbed/verdicts/bob/1-x.jsonl", "{\"id\":\"v1\"}\n");
    world.put(".seedbed/anything.bin", vec![0_u8, 255, 1]);
    let before: Vec<(String, Vec<u8>)> = world
        .tree()
        .into_iter()
        .filter(|path| {
            path.contains("/bob/") || path.contains("prompts") || path.contains("anything")
        })
        .map(|path| (path.clone(), world.bytes(&path)))
        .collect();
    assert_eq!(before.len(), 6);
    owner.decide("answer 0", bad());
    owner.add_row("one more");
    owner.publish().expect("published");
    for (path, bytes) in before {
        assert_eq!(world.bytes(&path), bytes, "{path}");
    }
}

#[test]
fn what_a_newer_build_says_of_a_record_is_not_counted_and_not_lost() {
    let (_world, mut owner) = with_newer_parts();
    let row = owner.record("answer 0");
    assert_eq!(row.state, RecordState::Accepted, "{row:?}");
    let bob = row.others.iter().find(|other| other.writer == "bob");
    assert!(
        bob.is_none_or(|bob| bob.response.quality().is_none()),
        "{row:?}"
    );
}

#[test]
fn a_line_that_an_older_build_kept_is_understood_once_the_build_is_newer() {
    let world = World::new();
    let mut owner = world.published(1);
    let text = owner.record("answer 0").text;
    let line = format!(
        r#"{{"id":"d1","writer":"bob","on":{{"record":"r0"}},"text":"{text}","clock":{{"ms":1,"n":0}},"act":"respond","status":"submitted","answers":{{"quality":"bad"}}}}"#
    );
    world.put(".seedbed/decisions/bob/1-x.jsonl", format!("{line}\n"));
    owner.tab.sync(&owner.project.clone());
    assert_eq!(owner.record("answer 0").state, RecordState::Disputed);
    // As a build left it that did not know this act: the line beside what it understood of it.
    let other =
        r#"{"id":"d1","writer":"bob","on":{"record":"r0"},"clock":{"ms":1,"n":0},"act":"other"}"#;
    owner.spoil(&format!(
        "UPDATE decisions SET json = '{other}', text = NULL, raw = '{line}' WHERE writer = 'bob';
         UPDATE kv SET value = '[1,1]' WHERE key = 'rules';"
    ));
    owner.open();
    let row = owner.record("answer 0");
    assert_eq!(row.state, RecordState::Disputed);
    let of_bob = row.others.iter().find(|other| other.writer == "bob");
    assert_eq!(of_bob.map(|bob| &bob.response), Some(&bad()), "{row:?}");
}

#[test]
fn the_project_file_keeps_keys_of_a_newer_build_at_every_level() {
    let world = World::new();
    let mut owner = world.published(1);
    let mut file: Value = serde_json::from_str(&world.text(PROJECT)).unwrap();
    file["quorum"] = json!({"of": 3});
    file["settings"]["judge"] = json!({"model": "org/judge"});
    file["settings"]["answer"]["min_p"] = json!(0.05);
    file["settings_history"] = json!([{"at": 1}]);
    world.put(PROJECT, file.to_string());
    owner.add_row("one more");
    owner.publish().expect("published");
    let after: Value = serde_json::from_str(&world.text(PROJECT)).unwrap();
    assert_eq!(after["quorum"], file["quorum"]);
    assert_eq!(after["settings"]["judge"], file["settings"]["judge"]);
    assert_eq!(after["settings"]["answer"]["min_p"], json!(0.05));
    assert_eq!(after["settings_history"], file["settings_history"]);
    assert_eq!(after["table"]["rows"], 2);
}

#[test]
fn a_project_file_that_cannot_be_read_keeps_the_table_from_being_rewritten() {
    for text in [
        "{",
        "[1]",
        "{\"format\": \"two\"}",
        "{\"needs\": 5}",
        "{\"table\": {\"rows\": \"many\"}}",
    ] {
        let world = World::new();
        let mut owner = world.published(1);
        world.put(PROJECT, text);
        owner.add_row("one more");
        let plan = owner.plan();
        assert!(plan.sends_parts_only, "{text}: {plan:?}");
        assert_eq!(plan.sync.problems_total, 1, "{text}");
        owner.publish().expect("published");
        assert_eq!(world.text(PROJECT), text);
        assert_eq!(world.rows().len(), 1);
    }
}

#[test]
fn the_list_of_rows_is_read_with_keys_of_a_newer_build() {
    let world = World::new();
    let mut owner = world.published(2);
    let list = world.text(".seedbed/table.jsonl");
    let newer = list.replace("}\n", ",\"split\":\"train\"}\n");
    assert_ne!(newer, list);
    world.put(".seedbed/table.jsonl", newer);
    let plan = owner.plan();
    assert_eq!(plan.sync.problems_total, 0, "{plan:?}");
    assert_eq!(
        (plan.rows_added, plan.rows_removed, plan.unknown_rows),
        (0, 0, 0)
    );
    world.put(".seedbed/table.jsonl", format!("{list}{{\"row\": 3}}\n"));
    assert!(owner.plan().sends_parts_only);
}

#[test]
fn seed_and_parameters_keep_keys_that_somebody_wrote_on_the_hub() {
    let world = World::new();
    let mut owner = world.published(1);
    let mut seed: Value = serde_json::from_str(&world.text(SEED)).unwrap();
    seed["glossary"] = json!({"till": "to plough", "n": 1_234_567_890_123_456_789_u64});
    let params = "pipeline_params.json";
    let mut settings: Value = serde_json::from_str(&world.text(params)).unwrap();
    settings["argilla_api_url"] = json!("https://example.org");
    world.put(SEED, seed.to_string());
    world.put(params, settings.to_string());
    let report = owner.tab.sync(&owner.project.clone());
    assert!(!report.seed_differs, "{report:?}");
    // Something of one's own to write into both.
    let mut mine = owner.open().seed.seed;
    mine.topics.push("of mine".to_owned());
    owner
        .tab
        .ask(Request::SaveSeed {
            project: owner.project.clone(),
            seed: mine,
            merge_key: String::new(),
        })
        .expect("saved");
    let mut changed = owner.open().settings;
    changed.instructions_per_cell = 9;
    owner
        .tab
        .ask(Request::SaveSettings {
            project: owner.project.clone(),
            settings: changed,
            endpoint: None,
        })
        .expect("saved");
    owner.publish().expect("published");
    let after: Value = serde_json::from_str(&world.text(SEED)).unwrap();
    assert_eq!(after["glossary"], seed["glossary"]);
    assert_eq!(after["topics"], json!(["t", "of mine"]));
    let after: Value = serde_json::from_str(&world.text(params)).unwrap();
    assert_eq!(after["argilla_api_url"], settings["argilla_api_url"]);
    assert_eq!(after["self_instruct_num_generations"], 9);
}

#[test]
fn keys_written_on_the_hub_while_the_seed_was_edited_here_are_kept_too() {
    let world = World::new();
    let mut owner = world.published(1);
    let mut mine = owner.open().seed.seed;
    mine.topics.push("of mine".to_owned());
    owner
        .tab
        .ask(Request::SaveSeed {
            project: owner.project.clone(),
            seed: mine,
            merge_key: String::new(),
        })
        .expect("saved");
    let mut seed: Value = serde_json::from_str(&world.text(SEED)).unwrap();
    seed["glossary"] = json!({"till": "to plough"});
    world.put(SEED, seed.to_string());
    owner.publish().expect("published");
    let after: Value = serde_json::from_str(&world.text(SEED)).unwrap();
    assert_eq!(after["glossary"], seed["glossary"]);
    assert_eq!(after["topics"], json!(["t", "of mine"]));
    owner.publish().expect("nothing to change");
    assert!(owner.plan().is_empty);
}

#[test]
fn a_saved_project_of_a_newer_build_is_refused_in_words_and_nothing_is_left_of_it() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(2));
    let (name, text) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    let newer = text.replacen("\"seedbed_project\":2", "\"seedbed_project\":3", 1);
    assert_ne!(newer, text);
    let failure = browser
        .tab
        .import(&name, &newer, None, 100)
        .expect_err("refused");
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.what.contains("newer Seedbed"), "{failure:?}");
    browser.tab.run_for(100);
    let Ok(Reply::Projects(list)) = browser.tab.ask(Request::ListProjects) else {
        panic!("no list");
    };
    assert_eq!(list.len(), 1, "{list:?}");
    // A model of a kind to come is left out, and nothing else.
    let newer = text.replacen(
        "\"seedbed_project\":2",
        "\"seedbed_project\":2,\"mood\":1,\"endpoint\":{\"kind\":\"telepathy\"}",
        1,
    );
    let (_, report) = browser.tab.import(&name, &newer, None, 100).expect("read");
    assert_eq!((report.rows, report.skipped_total), (2, 0), "{report:?}");
    // Lines of a kind to come are told one by one; the rest comes in.
    let more = format!("{text}{{\"verdict\":{{\"id\":\"v1\"}}}}\n");
    let (_, report) = browser.tab.import(&name, &more, None, 100).expect("read");
    assert_eq!((report.rows, report.skipped_total), (2, 1), "{report:?}");
    assert!(report.skipped[0].contains("does not know"), "{report:?}");
}
