//! The shell in a browser, over a scripted backend: addresses, tabs that want the same project, deleting and undo.
#![cfg(target_arch = "wasm32")]
// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

use leptos::mount::mount_to;
use leptos::prelude::*;
use seedbed::app::App;
use seedbed::app::pieces::Pieces;
use seedbed::pages::desk::{Backend, Running, Site};
use seedbed::platform::link::Heard;
use seedbed::state::Shell;
use seedbed_core::identity::Identity;
use seedbed_core::messages::{
    Account, Counts, Event, Failure, FailureKind, FilePiece, HubLink, Progress, ProjectSummary,
    ProjectView, PublishPlan, Published, Reply, RepoOverview, Request, RequestId, SeedView,
    TableState, Unsaved,
};
use seedbed_core::params::RunSettings;
use seedbed_core::seed::Seed;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Document, Element, HtmlElement};

wasm_bindgen_test_configure!(run_in_browser);

/// Projects in memory, and what was asked for.
#[derive(Default)]
struct Script {
    projects: RefCell<Vec<ProjectSummary>>,
    /// Another tab has these.
    busy: RefCell<Vec<String>>,
    /// Opening these takes a while.
    slow: RefCell<Vec<String>>,
    opened: RefCell<Vec<String>>,
    closed: RefCell<Vec<String>>,
    is_signed_in: RefCell<bool>,
    /// Repos that were downloaded.
    downloaded: RefCell<Vec<String>>,
    /// Why projects can't be changed, until the seed is undone.
    read_only: RefCell<Option<Failure>>,
    /// Work that a saved file makes safe.
    unsaved: RefCell<Unsaved>,
    hub: RefCell<Option<HubLink>>,
    plan: RefCell<PublishPlan>,
    /// What changes something, as it came.
    acts: RefCell<Vec<Request>>,
}

impl Script {
    fn view(&self, id: &str) -> Option<Reply> {
        let projects = self.projects.borrow();
        let summary = projects.iter().find(|project| project.id == id)?.clone();
        self.opened.borrow_mut().push(id.to_owned());
        Some(Reply::Opened(Box::new(ProjectView {
            summary,
            seed: SeedView {
                seed: Seed::default(),
                hash: String::new(),
                can_undo: self.read_only.borrow().is_some(),
                can_redo: false,
                stale_records: 0,
            },
            settings: RunSettings::default(),
            endpoint: None,
            hub: self.hub.borrow().clone(),
            run: None,
            identity: Identity::account("ann"),
            read_only: self.read_only.borrow().clone(),
            unsaved: *self.unsaved.borrow(),
        })))
    }

    fn mark(&self, id: &str, deleted_ms: Option<u64>) -> Reply {
        for project in self.projects.borrow_mut().iter_mut() {
            if project.id == id {
                project.deleted_ms = deleted_ms;
            }
        }
        Reply::Ok
    }

    fn act(&self, request: Request) -> Result<Reply, Failure> {
        let found = |repo: String| {
            Ok(Reply::Found(Box::new(RepoOverview {
                repo,
                data_files: vec![("data/test.csv".into(), 2048)],
                size_bytes: 2048,
                ..RepoOverview::default()
            })))
        };
        match request {
            Request::UndoSeed { .. } => {
                self.read_only.take();
                Ok(Reply::Ok)
            }
            Request::CreateRepo { repo, .. }
            | Request::LinkRepo {
                repo,
                is_confirmed: false,
                ..
            } => found(repo),
            Request::LinkRepo { repo, .. } => Ok(Reply::Linked(HubLink {
                repo,
                ..HubLink::default()
            })),
            Request::Publish { .. } => Ok(Reply::Published(Published::default())),
            _ => Err(Failure::new(FailureKind::Internal, "Not in this script.")),
        }
    }

    fn sign_in(&self, page: &Page) {
        *self.is_signed_in.borrow_mut() = true;
        page.shell.desk.set_account(Some(Account {
            name: "ann".into(),
            ..Account::default()
        }));
    }

    fn answer(&self, request: Request) -> Result<Reply, Failure> {
        let not_found = || Failure::new(FailureKind::NotFound, "There is no such project.");
        match request {
            Request::ListProjects => Ok(Reply::Projects(self.projects.borrow().clone())),
            Request::OpenProject { id, take_over } => {
                if take_over {
                    self.busy.borrow_mut().retain(|busy| *busy != id);
                } else if self.busy.borrow().contains(&id) {
                    return Err(Failure::new(FailureKind::Busy, "Another tab has it."));
                }
                self.view(&id).ok_or_else(not_found)
            }
            Request::OpenHub { .. } if !*self.is_signed_in.borrow() => Err(not_found()),
            Request::OpenHub { repo } => {
                self.downloaded.borrow_mut().push(repo);
                self.view("bees").ok_or_else(not_found)
            }
            Request::CloseProject { id } => {
                self.closed.borrow_mut().push(id);
                Ok(Reply::Ok)
            }
            Request::DeleteProject { id } => Ok(self.mark(&id, Some(1))),
            Request::RestoreProject { id } => Ok(self.mark(&id, None)),
            Request::RecordCounts { .. } => Ok(Reply::Counts(Counts {
                unsaved: *self.unsaved.borrow(),
                ..Counts::default()
            })),
            Request::Export { .. } => Ok(Reply::File {
                name: "bees.json".into(),
                mime: "application/json".into(),
                piece: FilePiece {
                    text: "{}".into(),
                    next: None,
                },
            }),
            Request::Exported { .. } => {
                self.unsaved.take();
                Ok(Reply::Ok)
            }
            Request::PlanPublish { .. } => Ok(Reply::PublishPlan(self.plan.borrow().clone())),
            Request::UndoSeed { .. }
            | Request::SaveSeed { .. }
            | Request::CreateRepo { .. }
            | Request::LinkRepo { .. }
            | Request::Sync { .. }
            | Request::Publish { .. } => {
                self.acts.borrow_mut().push(request.clone());
                self.act(request)
            }
            _ => Err(Failure::new(FailureKind::Internal, "Not in this script.")),
        }
    }
}

/// The shell overhears every answer, as over the real line.
struct Wire(Rc<Script>, Rc<RefCell<Option<Shell>>>);

impl Backend for Wire {
    fn ask(&self, request: Request, _: Box<dyn Fn(Progress)>) -> Running {
        let script = Rc::clone(&self.0);
        let shell = Rc::clone(&self.1);
        let is_slow = match &request {
            Request::OpenProject { id, .. } => script.slow.borrow().contains(id),
            _ => false,
        };
        Running::new(1, async move {
            // A worker is never done within the same turn of the page.
            let wait_ms = if is_slow { 200 } else { 5 };
            gloo_timers::future::TimeoutFuture::new(wait_ms).await;
            let answer = script.answer(request);
            let shell = *shell.borrow();
            if let (Ok(reply), Some(shell)) = (&answer, shell) {
                shell.hear(Heard::Reply(reply));
            }
            answer
        })
    }

    fn cancel(&self, _: RequestId) {}
}

fn document() -> Document {
    web_sys::window()
        .and_then(|window| window.document())
        .expect("a page")
}

fn set_hash(hash: &str) {
    let location = web_sys::window().expect("a page").location();
    location.set_hash(hash).expect("a hash");
}

fn hash() -> String {
    let location = web_sys::window().expect("a page").location();
    location.hash().expect("a hash")
}

/// The app, mounted; unmounted when dropped.
struct Page {
    script: Rc<Script>,
    shell: Shell,
    root: Element,
    _mounted: Box<dyn std::any::Any>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.root.remove();
    }
}

impl Page {
    fn open(at: &str, prepare: impl FnOnce(&Script)) -> Self {
        set_hash(at);
        let script = Rc::new(Script::default());
        *script.projects.borrow_mut() = ["bees", "cows"]
            .map(|id| ProjectSummary {
                id: id.into(),
                name: format!("About {id}"),
                ..ProjectSummary::default()
            })
            .to_vec();
        prepare(&script);
        let root = document().create_element("div").expect("an element");
        document()
            .body()
            .expect("a body")
            .append_child(&root)
            .expect("appended");
        let place: Rc<RefCell<Option<Shell>>> = Rc::default();
        let mounted = mount_to(root.clone().unchecked_into::<HtmlElement>(), {
            let (script, place) = (Rc::clone(&script), Rc::clone(&place));
            move || {
                let shell = Shell::new(Rc::new(Wire(script, Rc::clone(&place))), Site::default());
                *place.borrow_mut() = Some(shell);
                view! { <App shell=shell pieces=Pieces::WHOLE /> }
            }
        });
        let shell = place.borrow().expect("a shell");
        Self {
            script,
            shell,
            root,
            _mounted: Box::new(mounted),
        }
    }

    fn heading(&self) -> String {
        self.text("main h1")
    }

    fn text(&self, selector: &str) -> String {
        self.root
            .query_selector(selector)
            .ok()
            .flatten()
            .and_then(|element| element.text_content())
            .unwrap_or_default()
    }

    /// Clicks the button or link with this text or label.
    fn click(&self, name: &str) {
        let found = self.root.query_selector_all("button, a").expect("a list");
        let element = (0..found.length())
            .filter_map(|at| found.get(at)?.dyn_into::<HtmlElement>().ok())
            .find(|element| {
                element.get_attribute("aria-label").as_deref() == Some(name)
                    || element.text_content().as_deref() == Some(name)
            });
        element.expect(name).click();
    }

    /// Waits for a state; the runner's own limit ends a wait that never does.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            if is_so(self) {
                return;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        panic!("never so: {what}; the heading is {:?}", self.heading());
    }

    async fn shows(&self, heading: &str) {
        self.until(heading, |page| page.heading() == heading).await;
    }
}

#[wasm_bindgen_test]
async fn an_address_opens_its_project_and_going_home_closes_it() {
    let page = Page::open("#/p/bees/generate", |_| {});
    page.shows("Generate").await;
    page.until("the title", |_| {
        document().title() == "Generate · About bees · Seedbed"
    })
    .await;
    assert_eq!(page.text("[aria-current=page]"), "Generate");
    set_hash("#/p/bees/publish");
    page.shows("Publish").await;
    page.until("the focus on the heading", |_| {
        document()
            .active_element()
            .is_some_and(|element| element.tag_name() == "H1")
    })
    .await;
    assert_eq!(*page.script.opened.borrow(), ["bees"]);
    set_hash("#/");
    page.until("it is closed", |page| {
        *page.script.closed.borrow() == ["bees"]
    })
    .await;
    page.until("the list", |page| {
        page.text(".project-list").contains("About cows")
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_project_that_another_tab_has_is_taken_over_when_the_person_says_so() {
    let page = Page::open("#/p/bees/generate", |script| {
        script.busy.borrow_mut().push("bees".into());
    });
    page.shows("This project is open in another tab").await;
    page.click("Open here instead");
    page.shows("Generate").await;
}

#[wasm_bindgen_test]
async fn a_project_that_is_taken_away_covers_the_page_until_it_is_taken_back() {
    let page = Page::open("#/p/bees/generate", |_| {});
    page.shows("Generate").await;
    let is_covered = |page: &Page| {
        let dialog = page.root.query_selector("dialog[open]").ok().flatten();
        dialog.is_some_and(|dialog| {
            dialog
                .text_content()
                .is_some_and(|text| text.contains("another tab"))
        })
    };
    let lost = |project: &str| {
        Heard::Event(Event::ProjectLost {
            project: project.to_owned(),
        })
    };
    page.shell.hear(lost("cows"));
    gloo_timers::future::TimeoutFuture::new(50).await;
    assert!(!is_covered(&page), "that was another project");
    page.shell.hear(lost("bees"));
    page.until("it is covered", is_covered).await;
    page.click("Open here instead");
    page.until("it is free again", |page| {
        !is_covered(page) && page.heading() == "Generate"
    })
    .await;
    assert_eq!(*page.script.opened.borrow(), ["bees", "bees"]);
}

#[wasm_bindgen_test]
async fn a_project_that_is_left_while_it_opens_is_closed_again() {
    let page = Page::open("#/p/bees/generate", |script| {
        script.slow.borrow_mut().push("bees".into());
    });
    page.until("the first is asked for", |page| {
        page.heading().starts_with("Opening")
    })
    .await;
    set_hash("#/p/cows/publish");
    page.shows("Publish").await;
    page.until("the first is closed", |page| {
        *page.script.closed.borrow() == ["bees"]
    })
    .await;
    assert_eq!(page.shell.desk.project_name(), "About cows");
}

#[wasm_bindgen_test]
async fn a_deleted_project_comes_back_by_undo() {
    let page = Page::open("#/", |_| {});
    page.until("the list", |page| {
        page.text(".project-list").contains("About bees")
    })
    .await;
    page.click("Delete About bees");
    page.until("it is gone", |page| {
        !page.text(".project-list").contains("About bees")
    })
    .await;
    assert!(page.text(".deleted").contains("About bees"));
    page.until("the offer", |page| {
        page.text("[role=status]").contains("Undo")
    })
    .await;
    page.click("Undo");
    page.until("it is back", |page| {
        page.text(".project-list").contains("About bees")
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_private_repo_opens_once_the_person_has_signed_in() {
    let page = Page::open("#/hub/ann/bees/publish", |_| {});
    page.shows("Open ann/bees?").await;
    page.click("Open it");
    page.shows("The project could not be opened").await;
    page.script.sign_in(&page);
    page.shows("Publish").await;
    assert_eq!(hash(), "#/p/bees/publish");
}

#[wasm_bindgen_test]
async fn a_link_to_a_repo_downloads_nothing_until_the_person_says_so() {
    let page = Page::open("#/hub/ann/bees/publish", |script| {
        *script.is_signed_in.borrow_mut() = true;
        // A project of another repo, and one of this that was deleted.
        let mut projects = script.projects.borrow_mut();
        projects[0].repo = Some("ann/bees2".into());
        projects[1].repo = Some("ann/bees".into());
        projects[1].deleted_ms = Some(1);
    });
    page.shows("Open ann/bees?").await;
    gloo_timers::future::TimeoutFuture::new(50).await;
    assert!(page.script.downloaded.borrow().is_empty());
    assert_eq!(hash(), "#/hub/ann/bees/publish");
    page.click("Open it");
    page.shows("Publish").await;
    assert_eq!(*page.script.downloaded.borrow(), ["ann/bees"]);
}

#[wasm_bindgen_test]
async fn a_link_to_a_repo_whose_project_is_here_opens_it_at_once() {
    let page = Page::open("#/hub/ann/Bees/publish", |script| {
        *script.is_signed_in.borrow_mut() = true;
        script.projects.borrow_mut()[0].repo = Some("ann/bees".into());
    });
    page.shows("Publish").await;
    assert_eq!(*page.script.downloaded.borrow(), ["ann/Bees"]);
}

#[wasm_bindgen_test]
async fn a_project_that_can_not_be_shown_opens_to_be_saved_and_mended() {
    let page = Page::open("#/p/bees/generate", |script| {
        *script.read_only.borrow_mut() = Some(Failure::new(
            FailureKind::Content,
            "The seed of this project can't be shown.",
        ));
    });
    page.shows("Generate").await;
    assert!(
        page.text(".notices")
            .contains("The seed of this project can't be shown.")
    );
    assert!(page.text(".notices").contains("Save as a file"));
    let is_shut = |page: &Page| {
        let shut = page.root.query_selector("main fieldset:disabled").ok();
        shut.flatten().is_some()
    };
    assert!(is_shut(&page));
    // What would change something is refused before it leaves the page, with the same words.
    let edit = Request::SaveSeed {
        project: "bees".into(),
        seed: Seed::default(),
        merge_key: String::new(),
    };
    let refused = page.shell.desk.ask(edit).await.expect_err("read only");
    assert_eq!(refused.kind, FailureKind::Content);
    assert!(page.script.acts.borrow().is_empty());
    page.click("Undo the last change of the seed");
    page.until("it can be changed", |page| !is_shut(page)).await;
    assert!(!page.text(".notices").contains("can't be shown"));
    assert_eq!(page.heading(), "Generate");
}

#[wasm_bindgen_test]
async fn the_header_says_what_exists_only_here_until_a_file_holds_it() {
    let page = Page::open("#/p/bees/generate", |script| {
        *script.unsaved.borrow_mut() = Unsaved {
            decisions: 2,
            records: 41,
        };
    });
    page.shows("Generate").await;
    page.until("the mark", |page| page.text(".only-here") == "43 only here")
        .await;
    let told = page.text("#only-here");
    assert!(told.contains("2 decisions and 41 records"), "{told}");
    assert!(told.contains("Publish") && told.contains("Save a copy as a file"));
    let save = "#only-here button";
    let button = page.root.query_selector(save).ok().flatten().expect(save);
    button.unchecked_into::<HtmlElement>().click();
    page.until("it is safe", |page| page.text(".only-here").is_empty())
        .await;
}

#[wasm_bindgen_test]
async fn a_name_that_is_taken_is_shown_and_linked_only_when_the_person_says_so() {
    let page = Page::open("#/p/bees/publish", |_| {});
    page.shows("Publish").await;
    page.script.sign_in(&page);
    page.until("the forms", |page| page.text("main").contains("A new repo"))
        .await;
    page.click("Create the repo");
    page.until("what is there", |page| {
        page.text("#found-title") == "The name ann/about-bees is taken"
    })
    .await;
    assert!(
        page.text(".found")
            .contains("1 data file that Seedbed did not write")
    );
    assert_eq!(page.script.acts.borrow().len(), 1);
    page.click("Use this repo");
    page.until("the plan", |page| {
        page.text("main").contains("What will change")
    })
    .await;
    let linked = page.script.acts.borrow()[1].clone();
    assert_eq!(
        linked,
        Request::LinkRepo {
            project: "bees".into(),
            repo: "ann/about-bees".into(),
            is_confirmed: true,
        }
    );
}

#[wasm_bindgen_test]
async fn rows_and_a_table_of_others_are_touched_only_by_consent() {
    let page = Page::open("#/p/bees/publish", |script| {
        *script.hub.borrow_mut() = Some(HubLink {
            repo: "ann/bees".into(),
            ..HubLink::default()
        });
        *script.plan.borrow_mut() = PublishPlan {
            rows_total: 1,
            rows_added: 1,
            decisions: 1,
            unknown_rows: 5,
            table: TableState::Foreign {
                oid: "abc".into(),
                size_bytes: 4096,
            },
            license: "gpl-3.0".into(),
            languages: vec!["de".into()],
            ..PublishPlan::default()
        };
    });
    page.shows("Publish").await;
    page.script.sign_in(&page);
    page.until("the plan", |page| {
        page.text(".headline")
            .starts_with("The table stays as it is")
    })
    .await;
    assert!(
        page.text(".plan")
            .contains("5 rows of the table can't be accounted for")
    );
    page.click("Commit to the Hub");
    page.until("it was sent", |page| page.script.acts.borrow().len() == 1)
        .await;
    let sent = |at: usize| match page.script.acts.borrow()[at].clone() {
        Request::Publish {
            license,
            languages,
            drops_unknown,
            replaces_table,
            ..
        } => (license, languages.join(" "), drops_unknown, replaces_table),
        other => panic!("{other:?}"),
    };
    let stated = || ("gpl-3.0".to_owned(), "de".to_owned());
    let (license, languages) = stated();
    assert_eq!(sent(0), (license, languages, false, None));
    for id in ["#drop-unknown", "#replace-table"] {
        let input = page.root.query_selector(id).ok().flatten().expect(id);
        input.unchecked_into::<HtmlElement>().click();
    }
    page.until("it says so", |page| {
        page.text(".headline") == "The table will hold 1 row: 1 new."
    })
    .await;
    page.click("Commit, and replace the table");
    page.until("it was sent", |page| page.script.acts.borrow().len() == 2)
        .await;
    let (license, languages) = stated();
    assert_eq!(sent(1), (license, languages, true, Some("abc".to_owned())));
}

#[wasm_bindgen_test]
async fn an_address_that_is_no_page_says_so() {
    let page = Page::open("#/p/bees/nowhere", |_| {});
    page.shows("There is no such page").await;
    page.click("All projects");
    page.until("home", |page| page.heading().starts_with("Grow"))
        .await;
}
