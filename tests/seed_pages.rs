//! The seed and prompts pages in a browser, over a scripted backend: what is saved when, what is never overwritten, and
//! that only what is shown is kept.
#![cfg(target_arch = "wasm32")]
// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

use leptos::mount::mount_to;
use leptos::prelude::*;
use seedbed::pages::connect::provide_connect;
use seedbed::pages::desk::{Backend, Desk, Running, Site};
use seedbed::pages::prompts::PromptsPage;
use seedbed::pages::seed::SeedPage;
use seedbed_core::identity::Identity;
use seedbed_core::messages::{
    Failure, FailureKind, Progress, ProjectSummary, ProjectView, PromptPage, PromptView, Reply,
    Request, RequestId, SeedView, Unsaved,
};
use seedbed_core::model::Endpoint;
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Prompt, PromptOrigin, PromptState};
use seedbed_core::seed::{Example, Seed};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    Document, Element, Event, EventInit, HtmlElement, HtmlInputElement, HtmlTextAreaElement,
    KeyboardEvent, KeyboardEventInit,
};

wasm_bindgen_test_configure!(run_in_browser);

/// A project in memory.
#[derive(Default)]
struct Script {
    seed: RefCell<Seed>,
    saves: RefCell<Vec<(String, Seed)>>,
    prompts: RefCell<Vec<Prompt>>,
    kept: RefCell<Vec<Vec<String>>>,
    is_failing: RefCell<bool>,
}

impl Script {
    fn view(&self) -> SeedView {
        let seed = self.seed.borrow().clone();
        SeedView {
            hash: seed.hash(),
            seed,
            can_undo: !self.saves.borrow().is_empty(),
            can_redo: false,
            stale_records: 0,
        }
    }

    fn answer(&self, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::SaveSeed {
                seed, merge_key, ..
            } => {
                if *self.is_failing.borrow() {
                    return Err(Failure::new(FailureKind::Storage, "The storage is full."));
                }
                self.saves.borrow_mut().push((merge_key, seed.clone()));
                *self.seed.borrow_mut() = seed;
                Ok(Reply::Seed(Box::new(self.view())))
            }
            Request::DraftAnswer { .. } => Ok(Reply::Texts(vec!["A drafted answer.".to_owned()])),
            Request::ListPrompts { offset, limit, .. } => {
                let prompts = self.prompts.borrow();
                Ok(Reply::Prompts(PromptPage {
                    total: prompts.len() as u32,
                    prompts: prompts
                        .iter()
                        .skip(offset as usize)
                        .take(limit as usize)
                        .map(|prompt| PromptView {
                            prompt: prompt.clone(),
                            parent_text: None,
                            records: 0,
                        })
                        .collect(),
                    cells: Vec::new(),
                }))
            }
            Request::SetPromptState { ids, state, .. } => {
                for prompt in self.prompts.borrow_mut().iter_mut() {
                    if ids.contains(&prompt.id) {
                        prompt.state = state;
                    }
                }
                self.kept.borrow_mut().push(ids);
                Ok(Reply::Ok)
            }
            _ => Ok(Reply::Ok),
        }
    }
}

struct Wire(Rc<Script>);

impl Backend for Wire {
    fn ask(&self, request: Request, _: Box<dyn Fn(Progress)>) -> Running {
        let script = Rc::clone(&self.0);
        Running::new(1, async move {
            // A worker is never done within the same turn of the page.
            gloo_timers::future::TimeoutFuture::new(10).await;
            script.answer(request)
        })
    }

    fn cancel(&self, _: RequestId) {}
}

fn seed() -> Seed {
    Seed {
        domain: "farming".into(),
        expert_prompt: "A farmer of thirty years who answers plainly and with numbers.".into(),
        topics: vec!["soil".into(), "water".into()],
        examples: vec![Example {
            question: "When is soil ready?".into(),
            answer: "My own words.".into(),
            ..Example::default()
        }],
        ..Seed::default()
    }
}

fn prompts(count: usize, text: &str) -> Vec<Prompt> {
    let [cell, _] = <[_; 2]>::try_from(seed().cells()).expect("two cells");
    (0..count)
        .map(|index| Prompt {
            id: format!("prompt{index}"),
            cell: cell.clone(),
            text: format!("{text} {index}"),
            state: PromptState::Proposed,
            origin: PromptOrigin::Typed,
            original_text: None,
            seed_hash: String::new(),
            created_ms: index as u64,
            updated_ms: index as u64,
        })
        .collect()
}

fn document() -> Document {
    web_sys::window()
        .and_then(|window| window.document())
        .expect("a page")
}

/// A page, mounted; unmounted when dropped.
struct Page {
    script: Rc<Script>,
    root: Element,
    mounted: Option<Box<dyn std::any::Any>>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.mounted = None;
        self.root.remove();
    }
}

impl Page {
    fn open(script: Script, view: impl Fn() -> AnyView + 'static) -> Self {
        *script.seed.borrow_mut() = seed();
        let script = Rc::new(script);
        let root = document().create_element("div").expect("an element");
        document()
            .body()
            .expect("a body")
            .append_child(&root)
            .expect("appended");
        let wire = Wire(Rc::clone(&script));
        let seed = script.view();
        let mounted = mount_to(root.clone().unchecked_into::<HtmlElement>(), move || {
            let project = RwSignal::new(Some(ProjectView {
                summary: ProjectSummary {
                    id: "p".into(),
                    ..ProjectSummary::default()
                },
                seed,
                settings: RunSettings::default(),
                endpoint: Some(Endpoint {
                    model: "m".into(),
                    ..Endpoint::default()
                }),
                hub: None,
                run: None,
                identity: Identity::account("ann"),
                read_only: None,
                unsaved: Unsaved::default(),
            }));
            let desk = Desk::new(Rc::new(wire), Site::default(), project, RwSignal::new(None));
            provide_context(desk);
            provide_connect();
            view()
        });
        Self {
            script,
            root,
            mounted: Some(Box::new(mounted)),
        }
    }

    fn seed() -> Self {
        Self::open(Script::default(), || view! { <SeedPage /> }.into_any())
    }

    fn find(&self, selector: &str) -> Element {
        self.root
            .query_selector(selector)
            .ok()
            .flatten()
            .expect(selector)
    }

    fn count(&self, selector: &str) -> u32 {
        self.root
            .query_selector_all(selector)
            .map_or(0, |nodes| nodes.length())
    }

    fn text(&self) -> String {
        self.root.text_content().unwrap_or_default()
    }

    /// The button whose text begins so.
    fn button(&self, label: &str) -> HtmlElement {
        let buttons = self.root.query_selector_all("button").expect("a query");
        (0..buttons.length())
            .filter_map(|index| buttons.item(index))
            .find(|button| {
                let text = button.text_content().unwrap_or_default();
                text.trim().starts_with(label)
            })
            .expect(label)
            .unchecked_into()
    }

    fn type_into(&self, selector: &str, text: &str) {
        let field = self.find(selector);
        if let Some(input) = field.dyn_ref::<HtmlInputElement>() {
            input.set_value(text);
        } else if let Some(area) = field.dyn_ref::<HtmlTextAreaElement>() {
            area.set_value(text);
        }
        let init = EventInit::new();
        init.set_bubbles(true);
        let event = Event::new_with_event_init_dict("input", &init).expect("an event");
        field.dispatch_event(&event).expect("dispatched");
    }

    fn press(&self, selector: &str, key: &str, is_alt: bool) {
        let init = KeyboardEventInit::new();
        init.set_key(key);
        init.set_alt_key(is_alt);
        init.set_bubbles(true);
        init.set_cancelable(true);
        let event =
            KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).expect("an event");
        self.find(selector)
            .dispatch_event(&event)
            .expect("dispatched");
    }

    fn value(&self, selector: &str) -> String {
        let field = self.find(selector);
        field
            .dyn_ref::<HtmlTextAreaElement>()
            .map(HtmlTextAreaElement::value)
            .or_else(|| field.dyn_ref().map(HtmlInputElement::value))
            .unwrap_or_default()
    }

    /// Waits until something holds.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..400 {
            if holds(self) {
                return;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        unreachable!(
            "waited in vain until {what}; the page says: {}",
            self.text()
        );
    }

    fn keys(&self) -> Vec<String> {
        self.script
            .saves
            .borrow()
            .iter()
            .map(|(key, _)| key.clone())
            .collect()
    }
}

#[wasm_bindgen_test]
async fn typing_is_saved_after_a_pause_and_at_once_when_another_field_is_typed_in() {
    let page = Page::seed();
    page.type_into("#seed-domain", "farms");
    page.type_into("#seed-domain", "small farms");
    page.type_into("#seed-description", "Questions of beginners.");
    page.until("both are saved", |page| page.keys().len() == 2)
        .await;
    assert_eq!(page.keys(), ["domain", "description"]);
    let saves = page.script.saves.borrow();
    assert_eq!(saves[0].1.domain, "small farms");
    assert_eq!(
        saves[0].1.description, "",
        "each field is a step of undo of its own"
    );
    assert_eq!(saves[1].1.description, "Questions of beginners.");
}

#[wasm_bindgen_test]
async fn what_was_typed_just_before_the_page_is_left_is_saved() {
    let mut page = Page::seed();
    page.type_into("#seed-domain", "typed and gone");
    page.mounted = None;
    page.until("it is saved", |page| !page.keys().is_empty())
        .await;
    assert_eq!(page.script.seed.borrow().domain, "typed and gone");
}

#[wasm_bindgen_test]
async fn a_failed_save_is_said_and_what_was_typed_stays_and_is_saved_later() {
    let page = Page::seed();
    *page.script.is_failing.borrow_mut() = true;
    page.type_into("#seed-domain", "precious");
    page.until("the failure is said", |page| {
        page.text().contains("The storage is full.")
    })
    .await;
    assert_eq!(page.value("#seed-domain"), "precious");
    *page.script.is_failing.borrow_mut() = false;
    page.button("Try again").click();
    page.until("it is saved", |page| {
        page.script.seed.borrow().domain == "precious"
    })
    .await;
    page.until("the failure is gone", |page| {
        !page.text().contains("The storage is full.")
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_row_moved_by_keyboard_keeps_its_field_and_is_one_step_of_undo() {
    let page = Page::seed();
    page.press("#topics-0", "ArrowDown", true);
    page.until("it is saved", |page| page.keys() == [""]).await;
    assert_eq!(page.script.seed.borrow().topics, ["water", "soil"]);
    assert_eq!(page.value("#topics-0"), "soil");
    page.press("#topics-0", "ArrowDown", true);
    page.type_into("#topics-add", "SOIL");
    page.press("#topics-add", "Enter", false);
    page.until("the second one is refused", |page| {
        page.text().contains("in the list already")
    })
    .await;
    assert_eq!(page.keys(), [""], "what changes nothing is not saved");
}

#[wasm_bindgen_test]
async fn a_drafted_answer_waits_beside_the_persons_own_until_it_is_taken() {
    let page = Page::seed();
    page.button("Draft an answer").click();
    page.until("the draft stands", |page| {
        page.count("#example-0-draft") == 1
    })
    .await;
    assert_eq!(page.value("#example-0-answer"), "My own words.");
    assert!(page.keys().is_empty());
    page.type_into("#example-0-draft", "A drafted answer, mended.");
    page.button("Replace my answer").click();
    page.until("it is saved", |page| page.keys() == [""]).await;
    assert_eq!(page.value("#example-0-answer"), "A drafted answer, mended.");
}

#[wasm_bindgen_test]
async fn keeping_all_keeps_only_what_is_shown() {
    let script = Script {
        prompts: RefCell::new(prompts(70, "Ask")),
        ..Script::default()
    };
    let page = Page::open(script, || view! { <PromptsPage /> }.into_any());
    page.until("the list stands", |page| page.count(".prompt") > 0)
        .await;
    let shown = page.count(".prompt");
    assert!(shown < 70, "the list is a window");
    page.button("Keep all").click();
    page.until("they are kept", |page| {
        !page.script.kept.borrow().is_empty()
    })
    .await;
    assert_eq!(page.script.kept.borrow()[0].len() as u32, shown);
    page.until("the page says so", |page| {
        page.count(".prompt.is-kept") == shown
    })
    .await;
    page.button("Undo").click();
    page.until("they are proposed again", |page| {
        page.count(".prompt.is-kept") == 0
    })
    .await;
}

#[wasm_bindgen_test]
async fn hostile_text_of_a_model_stays_text() {
    let script = Script {
        prompts: RefCell::new(prompts(
            2,
            "<img src=x onerror=\"window.__xss=1\"><script>1</script>",
        )),
        ..Script::default()
    };
    let page = Page::open(script, || view! { <PromptsPage /> }.into_any());
    page.until("the list stands", |page| page.count(".prompt") == 2)
        .await;
    assert_eq!(page.count("img, .prompt script"), 0);
    assert!(page.text().contains("<img src=x"));
}
