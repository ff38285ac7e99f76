//! What names a request, what makes an answer stale, and what a plan of a publish shows.

use crate::common::{Browser, World, bad, good, numbered};
use crate::support::model;
use seedbed_core::messages::{Forecast, ProjectView, Reply, Request};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::prompt::{Cell, Prompt};
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE};
use seedbed_core::seed::Seed;
use serde_json::json;

/// A project with one kept instruction that was answered by the scripted model.
fn answered(world: &World) -> (Browser, Prompt) {
    let mut browser = world.browser();
    browser.import(&numbered(0));
    let asked = browser.tab.ask(Request::AddPrompt {
        project: browser.project.clone(),
        cell: Cell {
            topic: "t".to_owned(),
            perspective: String::new(),
        },
        text: "How deep do I sow barley?".to_owned(),
    });
    let Ok(Reply::Prompt(prompt)) = asked else {
        panic!("{asked:?}");
    };
    choose(&mut browser, model(world.url()));
    let Ok(Reply::Run(run)) = browser.tab.ask(Request::StartRun {
        project: browser.project.clone(),
    }) else {
        panic!("not started");
    };
    assert_eq!(browser.tab.finish_run(&run.id).done, 1);
    (browser, *prompt)
}

fn choose(browser: &mut Browser, endpoint: Endpoint) {
    let settings = browser.open().settings;
    browser
        .tab
        .ask(Request::SaveSettings {
            project: browser.project.clone(),
            settings,
            endpoint: Some(endpoint),
        })
        .expect("chosen");
}

fn forecast(browser: &mut Browser) -> Forecast {
    match browser.tab.ask(Request::Forecast {
        project: browser.project.clone(),
    }) {
        Ok(Reply::Forecast(forecast)) => forecast,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_of_the_same_name_elsewhere_is_another_model() {
    let world = World::new();
    let (mut browser, _) = answered(&world);
    let here = forecast(&mut browser);
    assert_eq!((here.rows, here.done, here.to_ask), (1, 1, 0));
    let mut elsewhere = model(world.url());
    elsewhere.base_url = "http://other.example:11434/v1".to_owned();
    choose(&mut browser, elsewhere);
    assert_eq!(forecast(&mut browser).to_ask, 1);
    // Two files of one name in the tab are two models as well.
    let in_tab = |file: &str| Endpoint {
        kind: EndpointKind::Tab,
        model: "scripted/farm-hand".to_owned(),
        file: Some(file.to_owned()),
        ..Endpoint::default()
    };
    for file in ["aa", "bb"] {
        choose(&mut browser, in_tab(file));
        assert_eq!(forecast(&mut browser).to_ask, 1, "{file}");
    }
    // The same address written otherwise is the same.
    let mut same = model(world.url());
    same.base_url = format!(
        "{}/",
        same.base_url.to_uppercase().replace("/OPEN/V1", "/open/v1")
    );
    choose(&mut browser, same);
    assert_eq!(forecast(&mut browser).to_ask, 0);
}

#[test]
fn what_format_1_was_answered_is_not_asked_again() {
    let world = World::new();
    let (mut browser, _) = answered(&world);
    // The same request, as format 1 named it: without the address.
    let old = browser.records().remove(0);
    let key = old.record.key.clone().unwrap();
    browser.spoil("UPDATE records SET key = NULL");
    browser.open();
    assert_eq!(forecast(&mut browser).to_ask, 1);
    browser.spoil(&format!("UPDATE records SET key = '{key}'"));
    browser.open();
    assert_eq!(forecast(&mut browser).to_ask, 0);
}

fn save_seed(browser: &mut Browser, change: impl FnOnce(&mut Seed)) -> u32 {
    let mut seed = browser.open().seed.seed;
    change(&mut seed);
    let asked = browser.tab.ask(Request::SaveSeed {
        project: browser.project.clone(),
        seed,
        merge_key: String::new(),
    });
    let Ok(Reply::Seed(view)) = asked else {
        panic!("{asked:?}");
    };
    let stale = browser.records().iter().filter(|row| row.is_stale).count();
    assert_eq!(view.stale_records as usize, stale);
    view.stale_records
}

#[test]
fn an_answer_is_stale_when_what_it_stands_on_changed_and_by_nothing_else() {
    let world = World::new();
    let (mut browser, prompt) = answered(&world);
    assert_eq!(
        save_seed(&mut browser, |seed| seed.topics.push("more".to_owned())),
        0
    );
    assert_eq!(
        save_seed(&mut browser, |seed| seed.description = "of what".to_owned()),
        0
    );
    assert_eq!(
        save_seed(&mut browser, |seed| seed
            .perspectives
            .push("of whom".to_owned())),
        0
    );
    // Its request is the same, so it is not asked again.
    assert_eq!(forecast(&mut browser).to_ask, 0);
    assert_eq!(
        save_seed(&mut browser, |seed| seed.expert_prompt =
            "You plough.".to_owned()),
        1
    );
    assert_eq!(forecast(&mut browser).to_ask, 1);
    assert_eq!(
        save_seed(&mut browser, |seed| seed.expert_prompt.clear()),
        0
    );
    browser
        .tab
        .ask(Request::EditPrompt {
            project: browser.project.clone(),
            id: prompt.id,
            text: "How deep do I sow rye?".to_owned(),
        })
        .expect("edited");
    let view: ProjectView = browser.open();
    assert_eq!(view.seed.stale_records, 1);
}

#[test]
fn a_plan_shows_rows_as_they_will_stand() {
    let world = World::new();
    let mut owner = world.published(1);
    // A colleague's edit came in by a merged pull request, and nobody has made the table anew since.
    let text = owner.record("answer 0").text;
    let edit = json!({"id": "c1", "writer": "cat", "on": {"record": "r0"}, "text": text, "clock": {"ms": 9, "n": 0},
        "act": "respond", "status": "submitted",
        "answers": {"quality": "good", IMPROVED_RESPONSE: "two centimetres", IMPROVED_INSTRUCTION: "In words?"}});
    world.put(".seedbed/decisions/cat/1-x.jsonl", format!("{edit}\n"));
    // Mine is a draft first, and then a thumbs down: neither is what will stand there.
    let identity = owner.tab.identity();
    let mut draft = good();
    draft.set_text(IMPROVED_RESPONSE, Some("a draft of mine"));
    let save = Request::SaveDraft {
        project: owner.project.clone(),
        identity,
        record: "r0".to_owned(),
        response: Some(draft),
    };
    owner.tab.ask(save).expect("kept");
    for against in [None, Some(bad())] {
        if let Some(mut against) = against {
            against.set_text(IMPROVED_RESPONSE, Some("what I would rather read"));
            owner.decide("answer 0", against);
        }
        let plan = owner.plan();
        assert_eq!(plan.sample.len(), 1, "{plan:?}");
        let row = &plan.sample[0];
        assert_eq!(
            (row.instruction.as_str(), row.response.as_str()),
            ("In words?", "two centimetres")
        );
    }
    owner.publish().expect("published");
    assert_eq!(world.rows(), ["two centimetres"]);
}

#[test]
fn a_row_made_by_an_older_rule_is_made_anew() {
    let world = World::new();
    let mut owner = world.published(2);
    owner.spoil(
        "UPDATE accepted SET row = '{\"id\":\"r0\"}', hash = 'old';
         UPDATE kv SET value = '[1,0]' WHERE key = 'rules';",
    );
    owner.open();
    let (_, rows) = owner.tab.file(
        &owner.project.clone(),
        seedbed_core::messages::ExportKind::AcceptedRows,
    );
    assert_eq!(rows.lines().count(), 2);
    let plan = owner.plan();
    assert_eq!((plan.rows_total, plan.rows_changed), (2, 0), "{plan:?}");
}
