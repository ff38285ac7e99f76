//! The seed and prompts pages in a browser, over the real back end in memory: what is saved when, what is never
//! overwritten, and that only what is shown is kept.
#![cfg(target_arch = "wasm32")]
// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

mod support;

use leptos::mount::mount_to;
use leptos::prelude::*;
use seedbed::pages::connect::provide_connect;
use seedbed::pages::desk::{Desk, Site};
use seedbed::pages::prompts::PromptsPage;
use seedbed::pages::seed::SeedPage;
use seedbed_core::messages::{
    Failure, FailureKind, ProjectView, PromptFilter, Reply, Request, SeedView,
};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::prompt::PromptState;
use seedbed_core::seed::{Example, Seed};
use std::rc::Rc;
use support::{MODEL, Wire, Worker};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    Document, Element, Event, EventInit, HtmlElement, HtmlInputElement, HtmlTextAreaElement,
    KeyboardEvent, KeyboardEventInit,
};

wasm_bindgen_test_configure!(run_in_browser);

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

fn document() -> Document {
    web_sys::window()
        .and_then(|window| window.document())
        .expect("a page")
}

/// A project with [`seed`] and the model.
async fn farming(worker: &Worker) -> ProjectView {
    let project = worker.create("farming").await.summary.id;
    let save = Request::SaveSeed {
        project: project.clone(),
        seed: seed(),
        merge_key: String::new(),
    };
    worker.ask(save).await.expect("saved");
    let settings = Request::SaveSettings {
        project: project.clone(),
        settings: worker.open(&project).await.settings,
        endpoint: Some(Endpoint {
            kind: EndpointKind::OpenAi,
            base_url: MODEL.into(),
            model: "m".into(),
            ..Endpoint::default()
        }),
    };
    worker.ask(settings).await.expect("saved");
    worker.open(&project).await
}

/// Proposes instructions for the first cell.
async fn propose(worker: &Worker, project: &str, count: usize, text: &str) {
    let [cell, _] = <[_; 2]>::try_from(seed().cells()).expect("two cells");
    let mut ids = Vec::new();
    for index in 0..count {
        let add = Request::AddPrompt {
            project: project.to_owned(),
            cell: cell.clone(),
            text: format!("{text} {index}"),
        };
        match worker.ask(add).await {
            Ok(Reply::Prompt(prompt)) => ids.push(prompt.id),
            other => panic!("not added: {other:?}"),
        }
    }
    let put_back = Request::SetPromptState {
        project: project.to_owned(),
        ids,
        state: PromptState::Proposed,
    };
    worker.ask(put_back).await.expect("proposed");
}

/// A page, mounted; unmounted when dropped.
struct Page {
    worker: Rc<Worker>,
    project: String,
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
    fn open(
        worker: Rc<Worker>,
        project: ProjectView,
        view: impl Fn() -> AnyView + 'static,
    ) -> Self {
        let root = document().create_element("div").expect("an element");
        document()
            .body()
            .expect("a body")
            .append_child(&root)
            .expect("appended");
        let wire = Rc::new(Wire(Rc::clone(&worker)));
        let id = project.summary.id.clone();
        let mounted = mount_to(root.clone().unchecked_into::<HtmlElement>(), move || {
            let project = RwSignal::new(Some(project));
            provide_context(Desk::new(
                wire,
                Site::default(),
                project,
                RwSignal::new(None),
            ));
            provide_connect();
            view()
        });
        Self {
            worker,
            project: id,
            root,
            mounted: Some(Box::new(mounted)),
        }
    }

    async fn seed() -> Self {
        let worker = Worker::start().await;
        let project = farming(&worker).await;
        Self::open(worker, project, || view! { <SeedPage /> }.into_any())
    }

    /// The prompts page with instructions that begin so.
    async fn prompts(count: usize, text: &str) -> Self {
        let worker = Worker::start().await;
        let project = farming(&worker).await;
        propose(&worker, &project.summary.id, count, text).await;
        Self::open(worker, project, || view! { <PromptsPage /> }.into_any())
    }

    /// Texts of the instructions that the back end has as kept.
    async fn kept(&self) -> Vec<String> {
        let list = Request::ListPrompts {
            project: self.project.clone(),
            filter: PromptFilter {
                state: Some(PromptState::Kept),
                ..PromptFilter::default()
            },
            offset: 0,
            limit: 100,
        };
        match self.worker.ask(list).await {
            Ok(Reply::Prompts(page)) => page
                .prompts
                .into_iter()
                .map(|row| row.prompt.text)
                .collect(),
            other => panic!("no list: {other:?}"),
        }
    }

    /// Waits until the back end has so many instructions as kept.
    async fn until_kept(&self, count: u32) -> Vec<String> {
        for _ in 0..400 {
            let kept = self.kept().await;
            if kept.len() == count as usize {
                return kept;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        panic!("never {count} kept: {:?}", self.kept().await);
    }

    /// Asks the back end for the seed by a request that is answered with it.
    async fn read_seed(&self, request: fn(String) -> Request) -> SeedView {
        match self.worker.ask(request(self.project.clone())).await {
            Ok(Reply::Seed(view)) => *view,
            other => panic!("no seed: {other:?}"),
        }
    }

    /// The seeds that undo leads through in the back end, from the one that the test began with to the present one.
    async fn steps(&self) -> Vec<Seed> {
        let mut back = Vec::new();
        let mut view = self.stored().await;
        while view.seed != seed() {
            assert!(view.can_undo, "the seed of the beginning is gone");
            back.push(view.seed);
            view = self
                .read_seed(|project| Request::UndoSeed { project })
                .await;
        }
        for _ in &back {
            self.read_seed(|project| Request::RedoSeed { project })
                .await;
        }
        back.push(view.seed);
        back.reverse();
        back
    }

    /// The seed as the back end has it.
    async fn stored(&self) -> SeedView {
        self.worker.open(&self.project).await.seed
    }

    /// Waits until the back end has a seed like this.
    async fn until_stored(&self, what: &str, holds: impl Fn(&Seed) -> bool) {
        for _ in 0..400 {
            if holds(&self.stored().await.seed) {
                return;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        panic!("never stored: {what}; {:?}", self.stored().await);
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
        panic!(
            "waited in vain until {what}; the page says: {}",
            self.text()
        );
    }

    /// Under which keys the page asked to save.
    fn keys(&self) -> Vec<String> {
        self.worker.asked(|request| match request {
            Request::SaveSeed { merge_key, .. } => Some(merge_key.clone()),
            _ => None,
        })
    }
}

#[wasm_bindgen_test]
async fn typing_is_saved_after_a_pause_and_at_once_when_another_field_is_typed_in() {
    let page = Page::seed().await;
    page.type_into("#seed-domain", "farms");
    page.type_into("#seed-domain", "small farms");
    page.type_into("#seed-description", "Questions of beginners.");
    page.until_stored("both", |seed| {
        seed.domain == "small farms" && seed.description == "Questions of beginners."
    })
    .await;
    assert_eq!(page.keys(), ["domain", "description"]);
    let steps = page.steps().await;
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[1].domain, "small farms");
    assert_eq!(
        steps[1].description, "",
        "each field is a step of undo of its own"
    );
    assert_eq!(steps[2].description, "Questions of beginners.");
}

#[wasm_bindgen_test]
async fn what_was_typed_just_before_the_page_is_left_is_saved() {
    let mut page = Page::seed().await;
    page.type_into("#seed-domain", "typed and gone");
    page.mounted = None;
    page.until_stored("it", |seed| seed.domain == "typed and gone")
        .await;
}

#[wasm_bindgen_test]
async fn a_failed_save_is_said_and_what_was_typed_stays_and_is_saved_later() {
    let page = Page::seed().await;
    let full = Failure::new(FailureKind::Storage, "The storage is full.");
    *page.worker.fault.borrow_mut() = Some(full);
    page.type_into("#seed-domain", "precious");
    page.until("the failure is said", |page| {
        page.text().contains("The storage is full.") && page.text().contains("Not saved")
    })
    .await;
    assert_eq!(page.value("#seed-domain"), "precious");
    assert_eq!(page.stored().await.seed, seed());
    *page.worker.fault.borrow_mut() = None;
    page.button("Try again").click();
    page.until_stored("it", |seed| seed.domain == "precious")
        .await;
    page.until("the failure is gone", |page| {
        !page.text().contains("The storage is full.")
    })
    .await;
    assert_eq!(page.steps().await.len(), 2);
}

#[wasm_bindgen_test]
async fn a_row_moved_by_keyboard_keeps_its_field_and_is_one_step_of_undo() {
    let page = Page::seed().await;
    page.press("#topics-0", "ArrowDown", true);
    page.until_stored("it", |seed| seed.topics == ["water", "soil"])
        .await;
    assert_eq!(page.value("#topics-0"), "soil");
    page.press("#topics-0", "ArrowDown", true);
    page.type_into("#topics-add", "SOIL");
    page.press("#topics-add", "Enter", false);
    page.until("the second one is refused", |page| {
        page.text().contains("in the list already")
    })
    .await;
    assert_eq!(page.keys(), [""], "what changes nothing is not saved");
    let steps = page.steps().await;
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[1].topics, ["water", "soil"]);
}

#[wasm_bindgen_test]
async fn undo_and_redo_walk_the_stored_steps() {
    let page = Page::seed().await;
    page.type_into("#seed-domain", "small farms");
    page.until_stored("it", |seed| seed.domain == "small farms")
        .await;
    page.until("it can be undone", |page| page.text().contains("Saved"))
        .await;
    page.button("↶").click();
    page.until("the former text", |page| {
        page.value("#seed-domain") == "farming"
    })
    .await;
    assert_eq!(page.stored().await.seed, seed());
    page.button("↷").click();
    page.until("the later text", |page| {
        page.value("#seed-domain") == "small farms"
    })
    .await;
    assert_eq!(page.stored().await.seed.domain, "small farms");
}

#[wasm_bindgen_test]
async fn a_drafted_answer_waits_beside_the_persons_own_until_it_is_taken() {
    let page = Page::seed().await;
    *page.worker.model.says.borrow_mut() = vec!["A drafted ", "answer."];
    page.button("Draft an answer").click();
    page.until("the draft stands", |page| {
        page.count("#example-0-draft") == 1 && page.value("#example-0-draft") == "A drafted answer."
    })
    .await;
    let asked = page.worker.model.asked.borrow().concat();
    assert!(asked.contains("When is soil ready?"), "{asked}");
    assert_eq!(page.value("#example-0-answer"), "My own words.");
    assert!(page.keys().is_empty());
    assert_eq!(page.stored().await.seed, seed());
    page.type_into("#example-0-draft", "A drafted answer, mended.");
    page.button("Replace my answer").click();
    page.until_stored("it", |seed| {
        seed.examples[0].answer == "A drafted answer, mended."
    })
    .await;
    assert_eq!(page.keys(), [""]);
    assert_eq!(page.value("#example-0-answer"), "A drafted answer, mended.");
    assert_eq!(page.steps().await.len(), 2);
}

#[wasm_bindgen_test]
async fn keeping_all_keeps_only_what_is_shown() {
    let page = Page::prompts(70, "Ask").await;
    page.until("the list stands", |page| page.count(".prompt") > 0)
        .await;
    let shown = page.count(".prompt");
    assert!(shown < 70, "the list is a window");
    assert!(page.kept().await.is_empty());
    page.button("Keep all").click();
    page.until("the page says so", |page| {
        page.count(".prompt.is-kept") == shown
    })
    .await;
    let kept = page.until_kept(shown).await;
    let rows = page.root.query_selector_all(".prompt").expect("a list");
    for (index, text) in (0..shown).zip(&kept) {
        let row = rows.item(index).and_then(|row| row.text_content());
        assert!(row.expect("a row").contains(text));
    }
    let sent = page.worker.asked(|request| match request {
        Request::SetPromptState { ids, .. } => Some(ids.len() as u32),
        _ => None,
    });
    assert_eq!(sent, [shown]);
    page.button("Undo").click();
    page.until("they are proposed again", |page| {
        page.count(".prompt.is-kept") == 0
    })
    .await;
    page.until_kept(0).await;
}

#[wasm_bindgen_test]
async fn hostile_text_of_a_model_stays_text() {
    let hostile = "<img src=x onerror=\"window.__xss=1\"><script>1</script>";
    let page = Page::prompts(2, hostile).await;
    page.until("the list stands", |page| page.count(".prompt") == 2)
        .await;
    assert_eq!(page.count("img, .prompt script"), 0);
    assert!(page.text().contains("<img src=x"));
    assert!(page.text().contains(hostile));
}
