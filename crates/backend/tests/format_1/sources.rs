//! Opens copies of the fixtures of format 1 in a browser of its own and says what stands there, by the name of what is
//! expected. The fixtures themselves are never opened.

use crate::compare::folder;
use crate::state::{accepted, listing, plan, seed_history, state, sync, table, walk};
use crate::support::{Tab, http, hub};
use seedbed_core::messages::{ImportReport, Reply, Request};
use seedbed_hub::native::NativeTransport;
use seedbed_hub::{CommitRequest, HubClient, Operation, Token};
use seedbed_hub_local::Running;
use serde_json::{Value, json};
use std::path::Path;
use std::rc::Rc;
use tempfile::{TempDir, tempdir};

/// The repo that three reviewers published to.
pub(crate) const REPO: &str = "orchard-lab/fruit-trees";
/// The repo with rows that two people edited.
pub(crate) const MIXED: &str = "orchard-lab/mixed-edits";

/// A Hub and a browser's folder, both new and empty.
pub(crate) struct World {
    pub(crate) hub: Running,
    home: TempDir,
    _dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempdir().expect("a folder");
        let world = Self {
            hub: hub(&dir.path().join("hub")),
            home: tempdir().expect("a folder"),
            _dir: dir,
        };
        for name in ["ines", "bruno", "chen", "noor"] {
            let user = json!({"name": name, "token": format!("hf_{name}"), "role": "write", "orgs": ["orchard-lab"]});
            http(
                &world.hub.hub_url,
                "POST",
                "/__local/users",
                &user.to_string(),
            );
        }
        world
    }

    /// Puts the files below `folder` into a new repo, as one commit.
    pub(crate) fn publish(&self, repo: &str, folder: &Path) {
        let client = HubClient::new(
            Rc::new(NativeTransport::default()),
            &self.hub.hub_url,
            Token::new("hf_ines"),
        );
        let mut operations = Vec::new();
        collect(folder, "", &mut operations);
        let request = CommitRequest {
            summary: "As it stood".to_owned(),
            branch: "main".to_owned(),
            operations,
            ..CommitRequest::default()
        };
        futures::executor::block_on(async {
            client.create_dataset(repo, false).await.expect("a repo");
            client
                .commit(repo, request, &|_| {})
                .await
                .expect("a commit");
        });
    }

    /// Puts the database `name` and its listing where the browser looks for them.
    pub(crate) fn take(&self, name: &str) {
        for (from, to) in [("db", "sqlite"), ("listing.json", "json")] {
            std::fs::copy(
                folder().join(format!("{name}.{from}")),
                self.home.path().join(format!("{name}.{to}")),
            )
            .expect("copied");
        }
        let profile = folder().join(format!("{name}.profile.json"));
        std::fs::copy(profile, self.home.path().join("_profile.json")).expect("copied");
    }

    pub(crate) fn tab(&self) -> Tab {
        Tab::open(self.home.path(), &self.hub.hub_url)
    }
}

fn collect(folder: &Path, prefix: &str, operations: &mut Vec<Operation>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = format!("{prefix}{}", name.expect("a name"));
        if path.is_dir() {
            collect(&path, &format!("{name}/"), operations);
        } else {
            operations.push(Operation::Add {
                bytes: std::fs::read(&path).expect("a file"),
                path: name,
            });
        }
    }
}

pub(crate) fn open(tab: &mut Tab, project: &str) {
    tab.opened(Request::OpenProject {
        id: project.to_owned(),
        take_over: false,
    });
}

/// `project.db` as its owner finds it, signed in and without a look at the Hub.
pub(crate) fn project() -> Value {
    let world = World::new();
    world.take("project");
    let mut tab = world.tab();
    tab.sign_in("hf_ines");
    let listed = listing(&mut tab, "project");
    open(&mut tab, "project");
    json!({
        "listing": listed,
        "state": state(&mut tab, "project"),
        "walk": walk(&mut tab, "project"),
        "seed_history": seed_history(&mut tab, "project"),
    })
}

/// `project.db` and all that its records say, imported once more from a file: what that brought, and the state before and
/// after.
pub(crate) fn project_imported_again() -> (ImportReport, Value, Value) {
    let world = World::new();
    world.take("project");
    let mut tab = world.tab();
    tab.sign_in("hf_ines");
    open(&mut tab, "project");
    let before = state(&mut tab, "project");
    let records = before["records"]["by_id"].as_object().expect("records");
    let rows: Vec<String> = records
        .values()
        .filter(|record| record["provenance"]["imported_from"].is_string())
        .map(|record| {
            let (instruction, response) = (&record["instruction"], &record["response"]);
            json!({"instruction": instruction, "response": response}).to_string()
        })
        .collect();
    assert_eq!(rows.len(), 3);
    let imported = tab.import_rows("rows.jsonl", &rows.join("\n"), Some("project"));
    let Ok(Reply::Imported { report, .. }) = imported else {
        panic!("{imported:?}");
    };
    (report, before, state(&mut tab, "project"))
}

/// `project.db` and the Hub as it stood: nothing is new there, and what would go up.
pub(crate) fn project_with_its_repo() -> Value {
    let world = World::new();
    world.publish(REPO, &folder().join("repo"));
    world.take("project");
    let mut tab = world.tab();
    tab.sign_in("hf_ines");
    open(&mut tab, "project");
    let before = state(&mut tab, "project");
    let report = sync(&mut tab, "project");
    let after = state(&mut tab, "project");
    assert_eq!(before, after, "a sync with nothing new changed something");
    json!({"sync": report, "plan": plan(&mut tab, "project")})
}

/// `bundle.seedbed.json` as somebody else takes it in.
pub(crate) fn bundle() -> Value {
    let world = World::new();
    let mut tab = world.tab();
    let text = std::fs::read_to_string(folder().join("bundle.seedbed.json")).expect("a file");
    let view = tab.opened(Request::ImportProject {
        name: "bundle.seedbed.json".to_owned(),
        text,
    });
    json!({"state": state(&mut tab, &view.summary.id)})
}

/// The rows that the same file gives to the person who saved it: before, and after her repo was read.
pub(crate) fn bundle_of_its_owner() -> (Value, Value) {
    let world = World::new();
    world.publish(REPO, &folder().join("repo"));
    let mut tab = world.tab();
    tab.sign_in("hf_ines");
    let text = std::fs::read_to_string(folder().join("bundle.seedbed.json")).expect("a file");
    let view = tab.opened(Request::ImportProject {
        name: "bundle.seedbed.json".to_owned(),
        text,
    });
    let project = view.summary.id;
    let alone = accepted(&mut tab, &project);
    let linked = tab.ask(Request::LinkRepo {
        project: project.clone(),
        repo: REPO.to_owned(),
        is_confirmed: true,
    });
    assert!(matches!(linked, Ok(Reply::Linked(_))), "{linked:?}");
    sync(&mut tab, &project);
    (alone, accepted(&mut tab, &project))
}

/// `repo/` as somebody opens it who is not signed in.
pub(crate) fn repo() -> Value {
    clone(REPO, "repo")
}

/// `mixed-edits/` as somebody opens it who is not signed in.
pub(crate) fn mixed_edits() -> Value {
    clone(MIXED, "mixed-edits")
}

fn clone(repo: &str, files: &str) -> Value {
    let world = World::new();
    world.publish(repo, &folder().join(files));
    let mut tab = world.tab();
    let view = tab.opened(Request::OpenHub {
        repo: repo.to_owned(),
    });
    let parquet = folder()
        .join(files)
        .join("data/train-00000-of-00001.parquet");
    json!({
        "state": state(&mut tab, &view.summary.id),
        "table": table(&std::fs::read(parquet).expect("a table")),
        "plan": plan(&mut tab, &view.summary.id),
    })
}

/// `two-texts.db` before it hears of the others' answers.
pub(crate) fn two_texts() -> Value {
    let world = World::new();
    world.take("two-texts");
    let mut tab = world.tab();
    open(&mut tab, "two-texts");
    json!({"state": state(&mut tab, "two-texts"), "walk": walk(&mut tab, "two-texts")})
}

/// `two-texts.db` once it has read `repo/`, which has other texts under the same ids.
pub(crate) fn two_texts_with_the_repo() -> Value {
    let world = World::new();
    world.publish(REPO, &folder().join("repo"));
    world.take("two-texts");
    let mut tab = world.tab();
    open(&mut tab, "two-texts");
    let report = sync(&mut tab, "two-texts");
    json!({
        "sync": report,
        "state": state(&mut tab, "two-texts"),
        "plan": plan(&mut tab, "two-texts"),
        "walk": walk(&mut tab, "two-texts"),
    })
}

/// `two-names.db` as the person finds it who was a guest first and then wrote her name.
pub(crate) fn two_names() -> Value {
    let world = World::new();
    world.take("two-names");
    let mut tab = world.tab();
    open(&mut tab, "two-names");
    json!({"state": state(&mut tab, "two-names"), "walk": walk(&mut tab, "two-names")})
}

/// The same when she signs in and says that both names are hers: whom she was asked about, and what stands there then.
pub(crate) fn two_names_of_one_account() -> (Vec<String>, Value) {
    let world = World::new();
    world.take("two-names");
    let mut tab = world.tab();
    open(&mut tab, "two-names");
    tab.sign_in("hf_noor");
    let asked = tab.ask(Request::ListIdentities);
    let Ok(Reply::Identities(identities)) = asked else {
        panic!("nobody: {asked:?}");
    };
    let mut offered: Vec<String> = identities.unclaimed.into_iter().map(|one| one.id).collect();
    offered.sort();
    for from in &offered {
        let claimed = tab.ask(Request::ClaimDecisions {
            from: from.clone(),
            are_mine: true,
        });
        let Ok(Reply::Identities(identities)) = claimed else {
            panic!("not claimed: {claimed:?}");
        };
        assert!(identities.unclaimed.iter().all(|one| one.id != *from));
    }
    let state = state(&mut tab, "two-names");
    (
        offered,
        json!({"state": state, "walk": walk(&mut tab, "two-names")}),
    )
}
