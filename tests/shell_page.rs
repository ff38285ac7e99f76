//! The shell in a browser, over the real back end in memory: addresses, tabs that want the same project, deleting and
//! undo, projects that can only be looked at. What the Hub would say is given.
#![cfg(target_arch = "wasm32")]
// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

mod support;

use leptos::mount::mount_to;
use leptos::prelude::*;
use seedbed::app::App;
use seedbed::app::pieces::Pieces;
use seedbed::pages::desk::Site;
use seedbed::state::Shell;
use seedbed_core::messages::{
    Account, Failure, FailureKind, HubLink, PublishPlan, Published, Reply, RepoOverview, Request,
    TableState, Unsaved,
};
use seedbed_core::seed::Seed;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use support::{Instead, Wire, Worker, opening};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Document, Element, HtmlElement, HtmlInputElement};

wasm_bindgen_test_configure!(run_in_browser);

/// A browser with two projects, as earlier days left it.
struct Home {
    worker: Rc<Worker>,
    bees: String,
    cows: String,
}

impl Home {
    async fn new() -> Self {
        let worker = Worker::start().await;
        let bees = worker.create("About bees").await.summary.id;
        let cows = worker.create("About cows").await.summary.id;
        for id in [&bees, &cows] {
            worker.close(id).await;
        }
        Self { worker, bees, cows }
    }
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
    home: Home,
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
    /// The app at an address, in which `{bees}` stands for the id of that project.
    async fn open(at: &str) -> Self {
        Self::show(Home::new().await, at)
    }

    fn show(home: Home, at: &str) -> Self {
        set_hash(&at.replace("{bees}", &home.bees));
        let root = document().create_element("div").expect("an element");
        document()
            .body()
            .expect("a body")
            .append_child(&root)
            .expect("appended");
        let place: Rc<RefCell<Option<Shell>>> = Rc::default();
        let mounted = mount_to(root.clone().unchecked_into::<HtmlElement>(), {
            let (worker, place) = (Rc::clone(&home.worker), Rc::clone(&place));
            move || {
                let shell = Shell::new(Rc::new(Wire(Rc::clone(&worker))), Site::default());
                worker.set_shell(shell);
                *place.borrow_mut() = Some(shell);
                view! { <App shell=shell pieces=Pieces::WHOLE /> }
            }
        });
        let shell = place.borrow().expect("a shell");
        Self {
            home,
            shell,
            root,
            _mounted: Box::new(mounted),
        }
    }

    /// The Hub says who is here.
    fn sign_in(&self) {
        self.shell.desk.set_account(Some(Account {
            name: "ann".into(),
            ..Account::default()
        }));
    }

    /// Projects that the page has asked to open, in order.
    fn opened(&self) -> Vec<String> {
        self.home.worker.asked(|request| match request {
            Request::OpenProject { id, .. } => Some(id.clone()),
            _ => None,
        })
    }

    /// Projects that the page has asked to close, in order.
    fn closed(&self) -> Vec<String> {
        self.home.worker.asked(|request| match request {
            Request::CloseProject { id } => Some(id.clone()),
            _ => None,
        })
    }

    /// Repos that the page has asked to download, in order.
    fn downloaded(&self) -> Vec<String> {
        self.home.worker.asked(|request| match request {
            Request::OpenHub { repo } => Some(repo.clone()),
            _ => None,
        })
    }

    /// What the page has asked to change here or on the Hub, in order.
    fn acts(&self) -> Vec<Request> {
        self.home.worker.asked(|request| {
            let is_act = matches!(
                request,
                Request::UndoSeed { .. }
                    | Request::SaveSeed { .. }
                    | Request::CreateRepo { .. }
                    | Request::LinkRepo { .. }
                    | Request::Sync { .. }
                    | Request::Publish { .. }
            );
            is_act.then(|| request.clone())
        })
    }

    /// How often the page has asked for the plan of a publish.
    fn plans(&self) -> usize {
        let plans = self
            .home
            .worker
            .asked(|request| matches!(request, Request::PlanPublish { .. }).then_some(()));
        plans.len()
    }

    /// Waits until the tab's back end has let go of a project.
    async fn until_closed(&self, project: &str) {
        for _ in 0..500 {
            if !self.home.worker.has_open(project).await {
                return;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        panic!("never closed; the heading is {:?}", self.heading());
    }

    /// Whether the back end lists a project as deleted.
    async fn is_deleted(&self, project: &str) -> bool {
        match self.home.worker.ask(Request::ListProjects).await {
            Ok(Reply::Projects(list)) => list
                .iter()
                .any(|summary| summary.id == project && summary.deleted_ms.is_some()),
            other => panic!("no list: {other:?}"),
        }
    }

    fn has(&self, selector: &str) -> bool {
        self.root.query_selector(selector).ok().flatten().is_some()
    }

    fn input(&self, selector: &str) -> HtmlInputElement {
        let input = self.root.query_selector(selector).ok().flatten();
        input.expect(selector).unchecked_into()
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
    let page = Page::open("#/p/{bees}/generate").await;
    let bees = page.home.bees.clone();
    page.shows("Generate").await;
    page.until("the title", |_| {
        document().title() == "Generate · About bees · Seedbed"
    })
    .await;
    assert_eq!(page.text("[aria-current=page]"), "Generate");
    assert!(page.home.worker.has_open(&bees).await);
    set_hash(&format!("#/p/{bees}/publish"));
    page.shows("Publish").await;
    page.until("the focus on the heading", |_| {
        document()
            .active_element()
            .is_some_and(|element| element.tag_name() == "H1")
    })
    .await;
    assert_eq!(page.opened(), [bees.as_str()]);
    assert!(page.closed().is_empty());
    set_hash("#/");
    page.until_closed(&bees).await;
    assert_eq!(page.closed(), [bees.as_str()]);
    page.until("the list", |page| {
        page.text(".project-list").contains("About cows")
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_project_that_another_tab_has_is_taken_over_when_the_person_says_so() {
    let home = Home::new().await;
    let other = home.worker.beside().await;
    other.open(&home.bees).await;
    let page = Page::show(home, "#/p/{bees}/generate");
    page.shows("This project is open in another tab").await;
    assert!(other.has_open(&page.home.bees).await);
    page.click("Open here instead");
    page.shows("Generate").await;
    assert!(!other.has_open(&page.home.bees).await);
    assert!(page.home.worker.has_open(&page.home.bees).await);
}

#[wasm_bindgen_test]
async fn a_project_that_is_taken_away_covers_the_page_until_it_is_taken_back() {
    let home = Home::new().await;
    let (bees, cows) = (home.bees.clone(), home.cows.clone());
    // Left open, as one with a run is.
    home.worker.open(&cows).await;
    let other = home.worker.beside().await;
    let page = Page::show(home, "#/p/{bees}/generate");
    page.shows("Generate").await;
    let is_covered = |page: &Page| page.text("dialog[open]").contains("another tab");
    other.opened(opening(&cows, true)).await;
    gloo_timers::future::TimeoutFuture::new(50).await;
    assert!(!page.home.worker.has_open(&cows).await);
    assert!(!is_covered(&page), "that was another project");
    other.opened(opening(&bees, true)).await;
    page.until("it is covered", is_covered).await;
    page.click("Open here instead");
    page.until("it is free again", |page| {
        !is_covered(page) && page.heading() == "Generate"
    })
    .await;
    assert_eq!(page.opened(), [bees.as_str(), &bees]);
    assert!(!other.has_open(&bees).await);
}

#[wasm_bindgen_test]
async fn a_project_that_is_left_while_it_opens_is_closed_again() {
    let home = Home::new().await;
    let (bees, cows) = (home.bees.clone(), home.cows.clone());
    let slow = bees.clone();
    home.worker.instead(move |request| match request {
        Request::OpenProject { id, .. } if *id == slow => Some(Instead::Late(200)),
        _ => None,
    });
    let page = Page::show(home, "#/p/{bees}/generate");
    page.until("the first is asked for", |page| {
        page.heading().starts_with("Opening") && page.opened() == [bees.as_str()]
    })
    .await;
    set_hash(&format!("#/p/{cows}/publish"));
    page.shows("Publish").await;
    page.until_closed(&bees).await;
    assert_eq!(page.closed(), [bees.as_str()]);
    assert_eq!(page.shell.desk.project_name(), "About cows");
}

#[wasm_bindgen_test]
async fn a_deleted_project_comes_back_by_undo() {
    let page = Page::open("#/").await;
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
    assert!(page.is_deleted(&page.home.bees).await);
    page.until("the offer", |page| {
        page.text("[role=status]").contains("Undo")
    })
    .await;
    page.click("Undo");
    page.until("it is back", |page| {
        page.text(".project-list").contains("About bees")
    })
    .await;
    assert!(!page.is_deleted(&page.home.bees).await);
}

#[wasm_bindgen_test]
async fn a_private_repo_opens_once_the_person_has_signed_in() {
    let home = Home::new().await;
    let bees = home.bees.clone();
    let is_signed_in: Rc<Cell<bool>> = Rc::default();
    let knows = Rc::clone(&is_signed_in);
    home.worker.instead(move |request| match request {
        Request::OpenHub { .. } if knows.get() => Some(Instead::Ask(opening(&bees, false))),
        Request::OpenHub { .. } => Some(Instead::Answer(Err(Failure::new(
            FailureKind::NotFound,
            "There is no such repo.",
        )))),
        _ => None,
    });
    let page = Page::show(home, "#/hub/ann/bees/publish");
    page.shows("Open ann/bees?").await;
    page.click("Open it");
    page.shows("The project could not be opened").await;
    is_signed_in.set(true);
    page.sign_in();
    page.shows("Publish").await;
    assert_eq!(hash(), format!("#/p/{}/publish", page.home.bees));
}

#[wasm_bindgen_test]
async fn a_link_to_a_repo_downloads_nothing_until_the_person_says_so() {
    let home = Home::new().await;
    // A project of another repo, and one of this that was deleted.
    home.worker.link(&home.bees, "ann/bees2");
    home.worker.link(&home.cows, "ann/bees");
    let delete = Request::DeleteProject {
        id: home.cows.clone(),
    };
    home.worker.ask(delete).await.expect("deleted");
    let clone = home.bees.clone();
    home.worker.instead(move |request| match request {
        Request::OpenHub { .. } => Some(Instead::Ask(opening(&clone, false))),
        _ => None,
    });
    let page = Page::show(home, "#/hub/ann/bees/publish");
    page.shows("Open ann/bees?").await;
    gloo_timers::future::TimeoutFuture::new(50).await;
    assert!(page.downloaded().is_empty());
    assert_eq!(hash(), "#/hub/ann/bees/publish");
    page.click("Open it");
    page.shows("Publish").await;
    assert_eq!(page.downloaded(), ["ann/bees"]);
}

#[wasm_bindgen_test]
async fn a_link_to_a_repo_whose_project_is_here_opens_it_at_once() {
    let home = Home::new().await;
    home.worker.link(&home.bees, "ann/bees");
    let here = home.bees.clone();
    home.worker.instead(move |request| match request {
        Request::OpenHub { .. } => Some(Instead::Ask(opening(&here, false))),
        _ => None,
    });
    let page = Page::show(home, "#/hub/ann/Bees/publish");
    page.shows("Publish").await;
    assert_eq!(page.downloaded(), ["ann/Bees"]);
}

#[wasm_bindgen_test]
async fn a_project_that_can_not_be_shown_opens_to_be_saved_and_mended() {
    let home = Home::new().await;
    let bees = home.bees.clone();
    home.worker.open(&bees).await;
    home.worker.add_rows(&bees, &[("First", "a")]).await;
    let save = |topic: &str| Request::SaveSeed {
        project: bees.clone(),
        seed: Seed {
            domain: "About bees".into(),
            topics: vec![topic.to_owned()],
            ..Seed::default()
        },
        merge_key: String::new(),
    };
    home.worker.ask(save("hives")).await.expect("saved");
    home.worker.close(&bees).await;
    home.worker.spoil(
        &bees,
        "UPDATE seed_steps SET seed = '{\"topics\": 7, half'
         WHERE step = (SELECT max(step) FROM seed_steps)",
    );
    let page = Page::show(home, "#/p/{bees}/generate");
    page.shows("Generate").await;
    let told = page.text(".notices");
    for words in [
        "The seed of this project can't be shown.",
        "Everything in the project is kept as it is",
        "Undo the last change of the seed, or save the project as a file.",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let is_shut = |page: &Page| page.has("main fieldset:disabled");
    assert!(is_shut(&page));
    // What would change something is refused before it leaves the page, with the same words.
    let refused = page.shell.desk.ask(save("honey")).await;
    let refused = refused.expect_err("read only");
    assert_eq!(refused.kind, FailureKind::Storage);
    assert!(told.contains(&refused.what));
    assert!(page.acts().is_empty());
    // Reading goes on.
    set_hash(&format!("#/p/{bees}/review"));
    page.until("the record", |page| page.text(".record").contains("First"))
        .await;
    page.click("Save as a file");
    page.until("it is saved", |page| {
        page.text(".toast").contains("Saved ") && page.text(".toast").contains(".seedbed.jsonl")
    })
    .await;
    set_hash(&format!("#/p/{bees}/generate"));
    page.shows("Generate").await;
    assert!(is_shut(&page));
    page.click("Undo the last change of the seed");
    page.until("it can be changed", |page| !is_shut(page)).await;
    assert!(!page.text(".notices").contains("can't be shown"));
    assert_eq!(page.heading(), "Generate");
    let mended = page.home.worker.open(&bees).await;
    assert_eq!(mended.read_only, None);
    assert_eq!(mended.seed.seed.domain, "About bees");
    assert!(mended.seed.seed.topics.is_empty());
    page.shell.desk.ask(save("honey")).await.expect("saved");
}

#[wasm_bindgen_test]
async fn a_project_of_a_newer_build_can_be_saved_and_offers_no_undo() {
    let home = Home::new().await;
    let bees = home.bees.clone();
    home.worker.open(&bees).await;
    let save = Request::SaveSeed {
        project: bees.clone(),
        seed: Seed {
            domain: "About honey".into(),
            ..Seed::default()
        },
        merge_key: String::new(),
    };
    home.worker.ask(save).await.expect("saved");
    home.worker.close(&bees).await;
    home.worker.spoil(
        &bees,
        "INSERT INTO kv SELECT 'readable_by', user_version FROM pragma_user_version;
         PRAGMA user_version = 99",
    );
    let page = Page::show(home, "#/p/{bees}/generate");
    page.shows("Generate").await;
    let told = page.text(".notices");
    assert!(
        told.contains("a newer version of Seedbed saved it"),
        "{told}"
    );
    assert!(!told.contains("Undo the last change"), "{told}");
    assert!(page.has("main fieldset:disabled"));
    page.click("Save as a file");
    page.until("it is saved", |page| {
        page.text(".toast")
            .contains("Saved about-honey.seedbed.jsonl")
    })
    .await;
}

#[wasm_bindgen_test]
async fn the_header_says_what_exists_only_here_until_a_file_holds_it() {
    let home = Home::new().await;
    let bees = home.bees.clone();
    let view = home.worker.open(&bees).await;
    let rows: Vec<String> = (0..41).map(|row| format!("Question {row}")).collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|row| (row.as_str(), "answer")).collect();
    home.worker.add_rows(&bees, &rows).await;
    home.worker.accept(&view, 2).await;
    let page = Page::show(home, "#/p/{bees}/generate");
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
    let unsaved = page.home.worker.open(&bees).await.unsaved;
    assert_eq!(unsaved, Unsaved::default());
}

#[wasm_bindgen_test]
async fn a_name_that_is_taken_is_shown_and_linked_only_when_the_person_says_so() {
    let home = Home::new().await;
    home.worker.instead(|request| {
        let reply = match request {
            Request::ListRepos => Reply::Repos(Vec::new()),
            Request::CreateRepo { repo, .. }
            | Request::LinkRepo {
                repo,
                is_confirmed: false,
                ..
            } => Reply::Found(Box::new(RepoOverview {
                repo: repo.clone(),
                data_files: vec![("data/test.csv".into(), 2048)],
                size_bytes: 2048,
                ..RepoOverview::default()
            })),
            Request::LinkRepo { repo, .. } => Reply::Linked(HubLink {
                repo: repo.clone(),
                ..HubLink::default()
            }),
            Request::PlanPublish { .. } => Reply::PublishPlan(PublishPlan::default()),
            _ => return None,
        };
        Some(Instead::Answer(Ok(reply)))
    });
    let page = Page::show(home, "#/p/{bees}/publish");
    page.shows("Publish").await;
    page.sign_in();
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
    assert_eq!(page.acts().len(), 1);
    page.click("Use this repo");
    page.until("the plan", |page| {
        page.text("main").contains("What will change")
    })
    .await;
    assert_eq!(page.acts().len(), 2);
    assert_eq!(
        page.acts()[1],
        Request::LinkRepo {
            project: page.home.bees.clone(),
            repo: "ann/about-bees".into(),
            is_confirmed: true,
        }
    );
}

#[wasm_bindgen_test]
async fn rows_and_a_table_of_others_are_touched_only_by_consent() {
    let home = Home::new().await;
    home.worker.link(&home.bees, "ann/bees");
    // Rows of the table that can't be accounted for, and what a consent to lose them names.
    let unknown = Rc::new(Cell::new((5, "five")));
    let now = Rc::clone(&unknown);
    home.worker.instead(move |request| {
        let (rows, name) = now.get();
        let reply = match request {
            Request::PlanPublish { .. } => Reply::PublishPlan(PublishPlan {
                rows_total: 1,
                rows_added: 1,
                decisions: 1,
                unknown_rows: rows,
                unknown: Some(name.into()),
                table: TableState::Foreign {
                    oid: "abc".into(),
                    size_bytes: 4096,
                },
                license: "gpl-3.0".into(),
                languages: vec!["de".into()],
                ..PublishPlan::default()
            }),
            Request::Publish {
                drops_unknown: Some(agreed),
                ..
            } if agreed != name => {
                let failure = Failure::new(FailureKind::Conflict, "Other rows by now.");
                return Some(Instead::Answer(Err(failure)));
            }
            Request::Publish { .. } => Reply::Published(Published::default()),
            _ => return None,
        };
        Some(Instead::Answer(Ok(reply)))
    });
    let page = Page::show(home, "#/p/{bees}/publish");
    page.shows("Publish").await;
    page.sign_in();
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
    page.until("it was sent", |page| page.acts().len() == 1)
        .await;
    let sent = |at: usize| match page.acts()[at].clone() {
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
    assert_eq!(sent(0), (license, languages, None, None));
    page.until("the next plan", |page| {
        page.has("#published-title") && page.plans() == 2 && page.has(".plan[aria-busy=false]")
    })
    .await;
    for id in ["#drop-unknown", "#replace-table"] {
        page.input(id).click();
    }
    page.until("it says so", |page| {
        page.text(".headline") == "The table will hold 1 row: 1 new."
    })
    .await;
    page.click("Commit, and replace the table");
    page.until("it was sent", |page| page.acts().len() == 2)
        .await;
    let (license, languages) = stated();
    let agreed = |to: &str| Some(to.to_owned());
    assert_eq!(sent(1), (license, languages, agreed("five"), agreed("abc")));
    // After it the plan is read again, and nobody has agreed to anything yet.
    page.until("the plan is read again", |page| {
        page.has(".plan[aria-busy=false]") && page.text(".headline") == "The table stays as it is."
    })
    .await;
    page.input("#drop-unknown").click();
    page.until("she agrees", |page| {
        page.text(".send")
            .contains("Commit, and take the rows back")
    })
    .await;
    unknown.set((6, "six"));
    page.click("Commit, and take the rows back");
    page.until("the plan of now is shown", |page| {
        page.text(".plan")
            .contains("6 rows of the table can't be accounted for")
    })
    .await;
    assert!(page.text(".send").contains("Other rows by now."));
    page.until("what she agreed to was another plan", |page| {
        !page.input("#drop-unknown").checked()
    })
    .await;
}

#[wasm_bindgen_test]
async fn an_address_that_is_no_page_says_so() {
    let page = Page::open("#/p/{bees}/nowhere").await;
    page.shows("There is no such page").await;
    page.click("All projects");
    page.until("home", |page| page.heading().starts_with("Grow"))
        .await;
}

#[wasm_bindgen_test]
async fn a_repo_of_a_newer_build_is_named_as_soon_as_its_project_is_open() {
    let home = Home::new().await;
    home.worker.link(&home.bees, "ann/bees");
    home.worker.spoil(
        &home.bees,
        "INSERT INTO kv VALUES ('lacks', '[\"quorum\"]')",
    );
    let page = Page::show(home, "#/p/{bees}/seed");
    page.until("the notice", |page| {
        page.text(".notices")
            .contains("A newer Seedbed wrote this project's repo.")
    })
    .await;
}
