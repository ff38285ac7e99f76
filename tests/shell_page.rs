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
use seedbed_core::messages::{
    Account, Event, Failure, FailureKind, Progress, ProjectSummary, ProjectView, Reply, Request,
    RequestId, SeedView,
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
                can_undo: false,
                can_redo: false,
                stale_records: 0,
            },
            settings: RunSettings::default(),
            endpoint: None,
            hub: None,
            run: None,
            reviewer: "ann".into(),
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
            Request::OpenHub { .. } => self.view("bees").ok_or_else(not_found),
            Request::CloseProject { id } => {
                self.closed.borrow_mut().push(id);
                Ok(Reply::Ok)
            }
            Request::DeleteProject { id } => Ok(self.mark(&id, Some(1))),
            Request::RestoreProject { id } => Ok(self.mark(&id, None)),
            _ => Err(Failure::new(FailureKind::Internal, "Not in this script.")),
        }
    }
}

struct Wire(Rc<Script>);

impl Backend for Wire {
    fn ask(&self, request: Request, _: Box<dyn Fn(Progress)>) -> Running {
        let script = Rc::clone(&self.0);
        let is_slow = match &request {
            Request::OpenProject { id, .. } => script.slow.borrow().contains(id),
            _ => false,
        };
        Running::new(1, async move {
            // A worker is never done within the same turn of the page.
            let wait_ms = if is_slow { 200 } else { 5 };
            gloo_timers::future::TimeoutFuture::new(wait_ms).await;
            script.answer(request)
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
                let shell = Shell::new(Rc::new(Wire(script)), Site::default());
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
    page.shows("The project could not be opened").await;
    *page.script.is_signed_in.borrow_mut() = true;
    page.shell.desk.set_account(Some(Account {
        name: "ann".into(),
        ..Account::default()
    }));
    page.shows("Publish").await;
    assert_eq!(hash(), "#/p/bees/publish");
}

#[wasm_bindgen_test]
async fn an_address_that_is_no_page_says_so() {
    let page = Page::open("#/p/bees/nowhere", |_| {});
    page.shows("There is no such page").await;
    page.click("All projects");
    page.until("home", |page| page.heading().starts_with("Grow"))
        .await;
}
