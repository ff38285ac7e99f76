//! Whatever comes in is checked where it comes in, and opening a project depends on none of it.

use crate::common::{Browser, SEED, World, numbered, old_record};
use seedbed_core::line;
use seedbed_core::messages::{ExportKind, PromptFilter, RecordFilter, Reply, Request};
use seedbed_core::prompt::Cell;
use serde_json::json;

/// Beyond what JavaScript's numbers hold.
const SNOWFLAKE: &str = "1234567890123456789";

/// Levels around the limits of the border, of `serde_json`, and far beyond.
const DEPTHS: [usize; 12] = [1, 40, 61, 62, 63, 64, 65, 100, 124, 126, 128, 400];

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Everything the page asks when a project is shown: each answer comes, and can be read back from JSON.
pub(crate) fn shows_all(browser: &mut Browser) {
    let project = browser.project.clone();
    let requests = [
        Request::OpenProject {
            id: project.clone(),
            take_over: false,
        },
        Request::ListProjects,
        Request::RecordsAround {
            project: project.clone(),
            filter: RecordFilter::default(),
            anchor: None,
            before: 0,
            after: 100,
        },
        Request::RecordCounts {
            project: project.clone(),
        },
        Request::ListPrompts {
            project: project.clone(),
            filter: PromptFilter::default(),
            offset: 0,
            limit: 100,
        },
        Request::Forecast { project },
    ];
    for request in requests {
        let reply = browser
            .tab
            .ask(request.clone())
            .unwrap_or_else(|failure| panic!("{request:?}: {failure:?}"));
        let text = serde_json::to_string(&reply).expect("it can be told");
        let again: Reply = serde_json::from_str(&text).expect("it can be read");
        assert_eq!(again, reply);
    }
}

/// A saved project comes back as it was.
fn survives_a_file(browser: &mut Browser) {
    let project = browser.project.clone();
    let (name, text) = browser.tab.file(&project, ExportKind::Bundle);
    let records = browser.records().len();
    let (view, report) = browser
        .tab
        .import(&name, &text, None, 100_000)
        .expect("read back");
    assert_eq!(
        (report.rows as usize, report.skipped_total),
        (records, 0),
        "{report:?}"
    );
    let (_, again) = browser.tab.file(&view.summary.id, ExportKind::Bundle);
    assert_eq!(again, text);
}

#[test]
fn a_seed_with_numbers_beyond_javascript_opens_and_is_kept_digit_by_digit() {
    let world = World::new();
    let mut browser = world.browser();
    let text = format!(
        r#"{{"domain":"d","topics":["t"],"source_id":{SNOWFLAKE},"deep":[{{"id":{SNOWFLAKE}}}]}}"#
    );
    let view = browser.tab.opened(Request::ImportProject {
        name: SEED.to_owned(),
        text,
    });
    browser.project = view.summary.id;
    browser.close();
    browser.open();
    shows_all(&mut browser);
    survives_a_file(&mut browser);
    let (_, exported) = browser.tab.file(&browser.project.clone(), ExportKind::Seed);
    assert_eq!(exported.matches(SNOWFLAKE).count(), 2, "{exported}");
    // Through the Hub and back.
    browser.sign_in();
    browser.create_repo();
    browser.publish().expect("published");
    let mut other = world.colleague();
    shows_all(&mut other);
    let (_, exported) = other.tab.file(&other.project.clone(), ExportKind::Seed);
    assert_eq!(exported.matches(SNOWFLAKE).count(), 2, "{exported}");
}

#[test]
fn a_seed_of_any_depth_is_taken_in_whole_or_refused_and_the_project_opens_all_the_same() {
    let world = World::new();
    let mut browser = world.browser();
    browser.import(&numbered(1));
    browser.accept_all();
    let mut taken = 0;
    for depth in DEPTHS {
        let text = format!(r#"{{"domain":"d","topics":["t"],"x":{}}}"#, nested(depth));
        let before = browser.open().seed.hash;
        let is_taken = browser.import_into(SEED, &text).is_ok();
        taken += usize::from(is_taken);
        browser.close();
        let view = browser.open();
        assert!(
            view.read_only.is_none(),
            "depth {depth}: {:?}",
            view.read_only
        );
        assert_eq!(view.seed.hash, before, "extra keys are no part of it");
        shows_all(&mut browser);
        survives_a_file(&mut browser);
        let made = browser.tab.ask(Request::ImportProject {
            name: SEED.to_owned(),
            text,
        });
        assert_eq!(made.is_ok(), is_taken, "depth {depth}");
    }
    assert!((3..DEPTHS.len()).contains(&taken), "{taken}");
}

#[test]
fn a_seed_of_any_depth_on_the_hub_locks_nobody_out() {
    let world = World::new();
    let mut owner = world.published(1);
    let project = owner.project.clone();
    for depth in DEPTHS {
        let text = format!(
            r#"{{"domain":"deep {depth}","topics":["t"],"x":{}}}"#,
            nested(depth)
        );
        world.put(SEED, text);
        let report = owner.tab.sync(&project);
        owner.close();
        let view = owner.open();
        assert!(view.read_only.is_none(), "depth {depth}");
        let is_taken = view.seed.seed.domain == format!("deep {depth}");
        assert_eq!(
            report.problems_total == 0,
            is_taken,
            "depth {depth}: {report:?}"
        );
        shows_all(&mut owner);
        survives_a_file(&mut owner);
        if !is_taken {
            assert!(report.problems[0].starts_with(SEED), "{report:?}");
        }
    }
}

#[test]
fn a_seed_that_is_no_seed_is_a_problem_and_not_overwritten() {
    let world = World::new();
    let mut owner = world.published(1);
    for text in ["[1]", "{\"topics\": 5}", "{", ""] {
        world.put(SEED, text);
        let report = owner.tab.sync(&owner.project.clone());
        assert_eq!(report.problems_total, 1, "{text:?}: {report:?}");
        owner.publish().expect("published");
        assert_eq!(world.text(SEED), text, "somebody's work in progress");
    }
}

#[test]
fn lines_of_any_depth_never_stop_a_sync() {
    let world = World::new();
    let mut owner = world.published(1);
    let decision = |n: usize, x: &str| {
        format!(
            r#"{{"id":"d{n}","writer":"bob","on":{{"record":"r0"}},"clock":{{"ms":{n},"n":0}},"act":"note","note":"n","x":{x}}}"#
        )
    };
    let act = |n: usize, x: &str| {
        format!(
            r#"{{"id":"a{n}","writer":"bob","on":"i{n}","clock":{{"ms":{n},"n":0}},"act":"add","cell":{{"topic":"t","perspective":"p"}},"to":"How {n}?","state":"kept","origin":{{"kind":"typed"}},"x":{x}}}"#
        )
    };
    let record = |n: usize, x: &str| {
        let line = old_record(&format!("deep{n}"), &format!("deep {n}")).to_string();
        format!("{},\"x\":{x}}}", &line[..line.len() - 1])
    };
    for folder in ["records", "decisions", "instructions"] {
        let line = |n: usize| match folder {
            "records" => record(n, &nested(n)),
            "decisions" => decision(n, &nested(n)),
            _ => act(n, &nested(n)),
        };
        let lines: Vec<String> = DEPTHS.iter().map(|n| line(*n)).collect();
        let path = format!(".seedbed/{folder}/bob/1-x.jsonl");
        world.put(&path, lines.join("\n"));
        let report = owner.tab.sync(&owner.project.clone());
        let refused = DEPTHS
            .iter()
            .filter(|depth| **depth + 1 > line::MOST_DEPTH)
            .count();
        assert_eq!(
            report.problems_total as usize, refused,
            "{folder}: {report:?}"
        );
        shows_all(&mut owner);
        survives_a_file(&mut owner);
        world.delete_folder(&format!(".seedbed/{folder}/bob"));
    }
    // What was understood is held here, and is sent again as it came.
    owner.tab.sync(&owner.project.clone());
    owner.publish().expect("published");
    let sent = world.lines("records");
    let deep = record(62, &nested(62));
    assert!(sent.contains(&deep), "{sent:?}");
}

#[test]
fn a_record_with_numbers_beyond_javascript_is_shown_and_stays_as_it_came() {
    let world = World::new();
    let mut owner = world.published(1);
    let mut record = old_record("big", "with large numbers");
    let most = u64::MAX;
    record["created_ms"] = json!(most);
    record["provenance"]["usage"] =
        json!({"prompt_tokens": most, "completion_tokens": most, "estimated": false});
    record["provenance"]["sampling"] =
        json!({"temperature": 0.5, "top_p": null, "max_tokens": 5, "seed": most});
    let line = record.to_string();
    world.put(".seedbed/records/bob/1-x.jsonl", format!("{line}\n"));
    let act = format!(
        r#"{{"id":"a","writer":"bob","on":"i","clock":{{"ms":5,"n":0}},"act":"add","cell":{{"topic":"t","perspective":"p"}},"to":"How?","state":"kept","origin":{{"kind":"typed"}},"seed_hash":"","created_ms":{most}}}"#
    );
    world.put(".seedbed/instructions/bob/1-x.jsonl", format!("{act}\n"));
    let report = owner.tab.sync(&owner.project.clone());
    assert_eq!(report.problems_total, 0, "{report:?}");
    shows_all(&mut owner);
    let view = owner.record("with large numbers").record;
    assert!(view.created_ms <= line::MOST_NUMBER);
    assert!(view.provenance.usage.unwrap().prompt_tokens <= line::MOST_NUMBER);
    let Ok(Reply::Prompts(page)) = owner.tab.ask(Request::ListPrompts {
        project: owner.project.clone(),
        filter: PromptFilter::default(),
        offset: 0,
        limit: 5,
    }) else {
        panic!("no instructions");
    };
    assert!(page.prompts[0].prompt.created_ms <= line::MOST_NUMBER);
    // Somebody deletes the parts: whoever holds the lines sends them as they were.
    world.delete_folder(".seedbed/records");
    world.delete_folder(".seedbed/instructions");
    owner.publish().expect("published");
    assert!(
        world.lines("records").contains(&line),
        "{:?}",
        world.lines("records")
    );
    assert!(
        world.lines("instructions").contains(&act),
        "{:?}",
        world.lines("instructions")
    );
}

#[test]
fn a_project_opens_whatever_of_it_cannot_be_read() {
    for sql in [
        "UPDATE texts SET json = '{'",
        "UPDATE decisions SET json = '{}'",
        "UPDATE kv SET value = '{' WHERE key NOT IN ('seed_step', 'rules')",
        "UPDATE seed_steps SET seed = '[1]'",
        "UPDATE prompts SET json = '7'",
        "UPDATE instruction_acts SET json = '7'",
        "UPDATE accepted SET row = '7'",
        "INSERT INTO runs VALUES ('r', 1, '{\"phase\":\"daydreaming\"}')",
        "DELETE FROM counts",
        "UPDATE drafts SET json = '7'",
    ] {
        let world = World::new();
        let mut browser = world.browser();
        browser.import(&numbered(2));
        browser.accept_all();
        browser
            .tab
            .ask(Request::AddPrompt {
                project: browser.project.clone(),
                cell: Cell::default(),
                text: "Why?".to_owned(),
            })
            .expect("added");
        let identity = browser.tab.identity();
        browser
            .tab
            .ask(Request::SaveDraft {
                project: browser.project.clone(),
                identity,
                record: "r1".to_owned(),
                response: Some(crate::common::bad()),
            })
            .expect("kept");
        browser.spoil(sql);
        let asked = browser.tab.ask(Request::OpenProject {
            id: browser.project.clone(),
            take_over: false,
        });
        assert!(matches!(asked, Ok(Reply::Opened(_))), "{sql}: {asked:?}");
    }
}
