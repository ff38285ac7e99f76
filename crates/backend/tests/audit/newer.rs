//! Files of a newer build: what is not understood stays as it came, in every reader.

use crate::common::{Browser, PROJECT, ROWS, SEED, World, bad, good, numbered};
use seedbed_core::messages::{ExportKind, FailureKind, ImportReport, Reply, Request};
use seedbed_core::question::IMPROVED_RESPONSE;
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
fn the_list_of_rows_keeps_keys_of_a_newer_build_when_it_is_rewritten() {
    let world = World::new();
    let mut owner = world.published(3);
    let list = world.text(ROWS);
    let newer = list.lines().enumerate().map(|(n, line)| {
        let row = line.strip_suffix('}').unwrap();
        format!("{row},\"group\": {{\"n\": [{n}, 1.50]}}}}\n")
    });
    let newer = newer.collect::<Vec<_>>().concat();
    world.put(ROWS, newer.clone());
    let mut colleague = world.colleague();
    // One row stays as it is, one is another one, one goes, one comes.
    let (stays, changes, goes) = (
        owner.record("answer 0").record.id,
        owner.record("answer 1").record.id,
        owner.record("answer 2").record.id,
    );
    let mut edited = good();
    edited.set_text(IMPROVED_RESPONSE, Some("answer one"));
    owner.decide("answer 1", edited);
    owner.decide("answer 2", bad());
    owner.add_row("one more");
    owner.publish().expect("published");
    let line_of = |list: &str, id: &str| {
        let line = list.lines().find(|line| line.contains(id));
        line.map(str::to_owned)
    };
    let after = world.text(ROWS);
    assert_eq!(line_of(&after, &stays), line_of(&newer, &stays));
    let row = |text: Option<String>| -> Value { serde_json::from_str(&text.unwrap()).unwrap() };
    let (was, is) = (
        row(line_of(&newer, &changes)),
        row(line_of(&after, &changes)),
    );
    assert_ne!(was["hash"], is["hash"]);
    assert_eq!(was["group"], is["group"]);
    assert_eq!(line_of(&after, &goes), None);
    assert_eq!(after.lines().count(), 3, "{after}");
    // Once more by her, who has not read the list since, and by another who does not know the changes.
    for browser in [&mut owner, &mut colleague] {
        browser.add_row(&format!("more of {}", browser.project.clone()));
        browser.publish().expect("published");
        let then = world.text(ROWS);
        assert_eq!(line_of(&then, &stays), line_of(&after, &stays));
        assert_eq!(line_of(&then, &changes), line_of(&after, &changes));
    }
    assert_eq!(world.text(ROWS).lines().count(), 5);
}

#[test]
fn a_list_of_rows_nested_too_deep_or_with_too_much_unknown_keeps_the_table_from_being_rewritten() {
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let large = format!("\"{}\"", "x".repeat(1_900_000));
    for (more, times) in [(deep, 1), (large, 9)] {
        let world = World::new();
        let mut owner = world.published(1);
        let row = world.text(ROWS);
        let row = row.trim_end().strip_suffix('}').unwrap();
        let list = format!("{row},\"more\":{more}}}\n").repeat(times);
        world.put(ROWS, list.clone());
        owner.add_row("one more");
        let plan = owner.plan();
        assert!(plan.sends_parts_only, "{plan:?}");
        assert_eq!(plan.sync.problems_total, 1, "{plan:?}");
        owner.publish().expect("published");
        assert_eq!(world.text(ROWS), list);
    }
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
}

/// A saved project with two records, to be changed as a newer build would have written it.
fn saved(world: &World) -> (Browser, String, String) {
    let mut browser = world.browser();
    browser.import(&numbered(2));
    let (name, text) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    (browser, name, text)
}

/// What is saved of a project that was read from `text`, and what the reading told.
fn saved_again(browser: &mut Browser, name: &str, text: &str) -> (String, ImportReport) {
    let (view, report) = browser.tab.import(name, text, None, 1000).expect("read");
    browser.project = view.summary.id;
    let (_, again) = browser
        .tab
        .file(&browser.project.clone(), ExportKind::Bundle);
    (again, report)
}

fn first_line(text: &str) -> Value {
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn a_saved_project_keeps_what_a_newer_build_wrote_into_its_header() {
    let world = World::new();
    let (mut browser, name, text) = saved(&world);
    let mut header = first_line(&text);
    header["mood"] = json!({"is": [1, {"of": null}]});
    header["settings"]["judge"] = json!({"model": "org/judge"});
    header["settings"]["answer"]["min_p"] = json!(0.05);
    header["endpoint"] = json!({"kind": "telepathy", "reach": 3});
    let rest: String = text.lines().skip(1).flat_map(|l| [l, "\n"]).collect();
    let (again, report) = saved_again(&mut browser, &name, &format!("{header}\n{rest}"));
    assert_eq!(report.skipped_total, 0, "{report:?}");
    assert!(again.starts_with("{\"seedbed_project\":2,"), "{again}");
    assert_eq!(first_line(&again), header);
    // Brought into a project, and from there into the next file.
    let project = browser.project.clone();
    let less = text.replacen(
        "\"seedbed_project\":2",
        "\"seedbed_project\":2,\"tide\":\"low\"",
        1,
    );
    let into = browser.tab.import(&name, &less, Some(&project), 1000);
    into.expect("read");
    let (_, text) = browser.tab.file(&project, ExportKind::Bundle);
    let after = first_line(&text);
    assert_eq!(
        (&after["mood"], &after["tide"]),
        (&header["mood"], &json!("low"))
    );
    // The model that she chooses since is hers; the other settings keep what they do not know.
    let mine = json!({"kind": "open_ai", "base_url": "http://localhost/v1", "model": "m"});
    let settings = browser.open().settings;
    browser
        .tab
        .ask(Request::SaveSettings {
            project: project.clone(),
            settings,
            endpoint: Some(serde_json::from_value(mine).unwrap()),
        })
        .expect("saved");
    let (_, text) = browser.tab.file(&project, ExportKind::Bundle);
    let after = first_line(&text);
    assert_eq!(after["endpoint"].get("reach"), None, "{after}");
    assert_eq!(after["settings"]["judge"], header["settings"]["judge"]);
}

#[test]
fn a_header_with_more_than_can_be_kept_says_so_and_the_rest_comes_in() {
    let world = World::new();
    let (mut browser, name, text) = saved(&world);
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let large = format!("\"{}\"", "x".repeat(2 * 1024 * 1024));
    for more in [deep, large] {
        let text = text.replacen('{', &format!("{{\"more\":{more},"), 1);
        let (again, report) = saved_again(&mut browser, &name, &text);
        assert_eq!((report.rows, report.skipped_total), (2, 1), "{report:?}");
        assert!(report.skipped[0].contains("not kept"), "{report:?}");
        assert_eq!(first_line(&again).get("more"), None);
    }
}

#[test]
fn lines_of_a_kind_to_come_are_told_kept_and_saved_again_word_for_word() {
    let world = World::new();
    let (mut browser, name, text) = saved(&world);
    let record = text
        .lines()
        .find(|line| line.starts_with("{\"record\""))
        .unwrap();
    let beside = record.replacen("{\"record\"", "{ \"mood\": 1, \"record\"", 1);
    let beside = beside
        .replace("answer 0", "answer 9")
        .replace("\"r0\"", "\"r9\"");
    let newer = [
        r#"{"verdict":{"id":"v1","score":1.50}}"#,
        r#"{"record":{"id":"x","fields":"later"}}"#,
        r#"{ "claim" : {"id":"c1"} }"#,
        &beside,
    ];
    let lines = format!("{text}{}{}", self::text(&newer), self::text(&newer[..1]));
    let (again, report) = saved_again(&mut browser, &name, &lines);
    assert_eq!((report.rows, report.skipped_total), (3, 4), "{report:?}");
    assert!(report.skipped[0].contains("does not know"), "{report:?}");
    assert_eq!(browser.records().len(), 3);
    browser.record("answer 9");
    let kept: Vec<&str> = again.lines().filter(|line| newer.contains(line)).collect();
    assert_eq!(kept, newer, "{again}");
    // And from there on and on.
    let (third, _) = saved_again(&mut browser, &name, &again);
    assert_eq!(third, again);
    // What is no line of anything is told, and not kept.
    let broken = format!("{text}{{\"verdict\":\nnothing\n[1]\n");
    let (again, report) = saved_again(&mut browser, &name, &broken);
    assert_eq!((report.rows, report.skipped_total), (2, 3), "{report:?}");
    assert_eq!(again, text);
}
