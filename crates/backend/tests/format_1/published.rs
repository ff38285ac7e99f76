//! What was published by format 1, published again by this build.

use crate::compare::{expected, folder};
use crate::sources::{REPO, World, open};
use crate::state::{state, table};
use crate::support::Tab;
use seedbed_core::messages::Request;
use seedbed_hub::HubClient;
use seedbed_hub::native::NativeTransport;
use seedbed_store::Store;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

const TABLE: &str = "data/train-00000-of-00001.parquet";

/// Every file of the repo, by path.
fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let client = HubClient::new(
        Rc::new(NativeTransport::default()),
        &world.hub.hub_url,
        None,
    );
    futures::executor::block_on(async {
        let mut files = BTreeMap::new();
        for entry in client.tree(REPO, "main", "", true).await.expect("a tree") {
            if entry.is_file {
                let bytes = client.read_file(REPO, "main", &entry.path).await;
                files.insert(entry.path, bytes.expect("a file"));
            }
        }
        files
    })
}

/// How many records, decisions and acts on instructions stand in no part of the Hub.
fn unsent(tab: &Tab, project: &str) -> (u32, u32, u32) {
    let store = Store::open_file(&tab.dir.join(format!("{project}.sqlite"))).expect("a store");
    (
        store.unsent_record_count().expect("records"),
        store.unsent_decision_count().expect("decisions"),
        store.unsent_instruction_act_count().expect("acts"),
    )
}

/// The parts of the repo that were not there before, with their lines.
fn new_parts(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<Value>> {
    let is_part = |path: &str| path.starts_with(".seedbed/") && path.matches('/').count() == 3;
    after
        .iter()
        .filter(|(path, _)| is_part(path) && !before.contains_key(*path))
        .map(|(path, bytes)| {
            let text = std::str::from_utf8(bytes).expect("UTF-8");
            let lines = text.lines();
            let lines = lines.map(|line| serde_json::from_str(line).expect("JSON"));
            (path.clone(), lines.collect())
        })
        .collect()
}

/// Whatever format 1 wrote in parts, its instructions too, stands there byte for byte.
fn assert_parts_stay(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) {
    let folders = [
        ".seedbed/records/",
        ".seedbed/decisions/",
        ".seedbed/prompts.jsonl",
    ];
    let mut parts = 0;
    for (path, bytes) in before {
        if folders.iter().any(|folder| path.starts_with(folder)) {
            assert_eq!(after.get(path), Some(bytes), "{path}");
            parts += 1;
        }
    }
    assert_eq!(parts, 6);
}

/// Says the first place where two states differ.
fn assert_same(one: &Value, other: &Value) {
    for (key, value) in one.as_object().expect("a state") {
        assert_eq!(Some(value), other.get(key), "{key}");
    }
}

fn fresh_state(world: &World, token: &str) -> Value {
    let home = tempfile::tempdir().expect("a folder");
    let mut tab = Tab::open(home.path(), &world.hub.hub_url);
    tab.sign_in(token);
    let view = tab.opened(Request::OpenHub {
        repo: REPO.to_owned(),
    });
    let id = view.summary.id;
    assert_eq!(unsent(&tab, &id), (0, 0, 0));
    let plan = tab.plan(&id);
    assert!(plan.is_empty, "{:?}", plan.files);
    state(&mut tab, &id)
}

/// `repo/`, opened by one of its reviewers, who edits an instruction and publishes.
pub(crate) fn a_repo() {
    let world = World::new();
    world.publish(REPO, &folder().join("repo"));
    let before = files(&world);
    let mut tab = world.tab();
    tab.sign_in("hf_ines");
    let view = tab.opened(Request::OpenHub {
        repo: REPO.to_owned(),
    });
    let id = view.summary.id;
    assert_eq!(unsent(&tab, &id), (0, 0, 0));
    let known = expected("repo");
    let prompt = known["state"]["instructions"]["order"][0].as_str();
    let prompt = prompt.expect("an instruction").to_owned();
    tab.ask(Request::EditPrompt {
        project: id.clone(),
        id: prompt.clone(),
        text: "Which pear do I prune first?".to_owned(),
    })
    .expect("edited");
    assert_eq!(unsent(&tab, &id), (0, 0, 1));
    let published = tab.publish(&id).expect("published");
    assert_eq!(published.rows, 5);

    let after = files(&world);
    assert_parts_stay(&before, &after);
    assert_eq!(table(&after[TABLE]), known["table"]);
    assert_eq!(
        after[TABLE], before[TABLE],
        "nothing of the table has changed"
    );
    let new = new_parts(&before, &after);
    assert_eq!(new.len(), 1, "{:?}", new.keys());
    let (path, lines) = new.first_key_value().expect("a part");
    assert!(path.starts_with(".seedbed/instructions/ines/"), "{path}");
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["on"], &lines[0]["act"]),
        (&json!(prompt), &json!("edit"))
    );
    let parse = |files: &BTreeMap<String, Vec<u8>>| -> Value {
        serde_json::from_slice(&files[".seedbed/project.json"]).expect("JSON")
    };
    let (old, new) = (parse(&before), parse(&after));
    assert_eq!(new["format"], 2);
    for key in ["seed_hash", "settings"] {
        assert_eq!(new[key], old[key], "{key}");
    }
    let named = new["table"]["parts"].as_array().expect("parts").len();
    assert_eq!((named, &new["table"]["rows"]), (7, &json!(5)));

    assert_eq!(unsent(&tab, &id), (0, 0, 0));
    tab.sync(&id);
    assert_eq!(unsent(&tab, &id), (0, 0, 0));
    let plan = tab.plan(&id);
    assert!(plan.is_empty, "{:?}", plan.files);
    assert_same(&state(&mut tab, &id), &fresh_state(&world, "hf_ines"));
}

/// `project.db` with its repo: its owner publishes what she had not.
pub(crate) fn a_project() {
    let world = World::new();
    world.publish(REPO, &folder().join("repo"));
    world.take("project");
    let before = files(&world);
    let mut tab = world.tab();
    tab.sign_in("hf_ines");
    open(&mut tab, "project");
    tab.sync("project");
    // Instructions that are not as they stand in the repo.
    let (mine, there) = (expected("project"), expected("repo"));
    let there = &there["state"]["instructions"]["by_id"];
    let mut changed = mine["state"]["instructions"]["by_id"]
        .as_object()
        .expect("some")
        .clone();
    // What is counted or looked up beside an instruction is no part of it.
    let bare = |prompt: &Value| {
        let mut prompt = prompt.clone();
        for key in ["records", "parent_text"] {
            prompt.as_object_mut().map(|prompt| prompt.remove(key));
        }
        prompt
    };
    changed.retain(|id, prompt| there.get(id).map(bare) != Some(bare(prompt)));
    assert_eq!(unsent(&tab, "project"), (2, 11, changed.len() as u32));
    tab.publish("project").expect("published");

    let after = files(&world);
    assert_parts_stay(&before, &after);
    let rows = table(&after[TABLE]);
    assert_eq!(rows, mine["state"]["accepted"]);
    let new = new_parts(&before, &after);
    let lines = |folder: &str| -> usize {
        new.iter()
            .filter(|(path, _)| path.starts_with(&format!(".seedbed/{folder}/ines/")))
            .map(|(_, lines)| lines.len())
            .sum()
    };
    assert_eq!(
        (lines("records"), lines("decisions"), lines("instructions")),
        (2, 11, changed.len())
    );
    assert_eq!(new.len(), 3, "{:?}", new.keys());
    assert_eq!(unsent(&tab, "project"), (0, 0, 0));

    // A fresh clone says the same of all that is published.
    let (here, fresh) = (state(&mut tab, "project"), fresh_state(&world, "hf_ines"));
    for key in ["seed", "instructions", "accepted", "decisions", "settings"] {
        assert_eq!(here[key], fresh[key], "{key}");
    }
    let (here, fresh) = (&here["records"]["by_id"], &fresh["records"]["by_id"]);
    for (id, record) in here.as_object().expect("records") {
        let mut record = record.clone();
        // Her draft is nobody else's.
        if record["mine"]["status"] == "draft" {
            record["mine"] = fresh[id]["mine"].clone();
        }
        assert_eq!(record, fresh[id], "{id}");
    }
}

/// `two-texts.db` once it has read the repo: published, both texts are there for everybody, each with its own decisions.
pub(crate) fn other_texts() {
    let world = World::new();
    world.publish(REPO, &folder().join("repo"));
    world.take("two-texts");
    let before = files(&world);
    let mut tab = world.tab();
    open(&mut tab, "two-texts");
    // Her decisions are in the name she chose, whoever's account sends them.
    tab.sign_in("hf_bruno");
    tab.sync("two-texts");
    let plan = tab.plan("two-texts");
    assert_eq!((plan.records, plan.decisions, plan.rows_total), (4, 5, 7));
    tab.publish("two-texts").expect("published");
    let after = files(&world);
    assert_parts_stay(&before, &after);
    let parts: Vec<(String, usize)> = new_parts(&before, &after)
        .into_iter()
        .map(|(path, lines)| {
            (
                path.rsplit_once('/').expect("a folder").0.to_owned(),
                lines.len(),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            (".seedbed/decisions/Dana".to_owned(), 5),
            (".seedbed/records/bruno".to_owned(), 4)
        ]
    );
    let (here, fresh) = (
        state(&mut tab, "two-texts"),
        fresh_state(&world, "hf_bruno"),
    );
    for key in ["instructions", "decisions"] {
        assert_eq!(here[key], fresh[key], "{key}");
    }
    for kind in ["records", "accepted"] {
        assert_same(&here[kind]["by_id"], &fresh[kind]["by_id"]);
        assert_same(&fresh[kind]["by_id"], &here[kind]["by_id"]);
    }
    assert_eq!(table(&after[TABLE])["by_id"], here["accepted"]["by_id"]);
}
