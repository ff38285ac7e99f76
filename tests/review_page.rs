//! The review page in a browser, over the real back end in memory: keys, typed text, saves that fail, people who differ,
//! conversations, hostile text.
#![cfg(target_arch = "wasm32")]
// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

mod support;

use leptos::mount::mount_to;
use leptos::prelude::*;
use seedbed::app::pieces::Pieces;
use seedbed::pages::connect::provide_connect;
use seedbed::pages::desk::{Desk, Site};
use seedbed::pages::review::ReviewPage;
use seedbed::ui::formula::Typesetter;
use seedbed_core::messages::{
    Failure, FailureKind, ProjectView, RecordFilter, RecordView, Reply, Request,
};
use seedbed_core::question::IMPROVED_RESPONSE;
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;
use support::{Wire, Worker};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    Document, Element, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement,
    KeyboardEvent, KeyboardEventInit,
};

wasm_bindgen_test_configure!(run_in_browser);

/// The page, mounted; unmounted when dropped.
struct Page {
    worker: Rc<Worker>,
    project: ProjectView,
    desk: Desk,
    root: Element,
    _mounted: Box<dyn std::any::Any>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.root.remove();
    }
}

fn document() -> Document {
    web_sys::window()
        .and_then(|window| window.document())
        .expect("a page")
}

/// What of the acts of a project lies in the browser's storage.
fn kept(project: &str) -> Vec<String> {
    let storage = web_sys::window()
        .and_then(|window| window.local_storage().ok().flatten())
        .expect("a storage");
    (0..storage.length().expect("a length"))
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.contains("outbox") && key.contains(project))
        .filter_map(|key| storage.get_item(&key).ok().flatten())
        .collect()
}

impl Page {
    async fn open(texts: &[(&str, &str)]) -> Self {
        let worker = Worker::start().await;
        let project = worker.project(texts).await;
        let page = Self::show(worker, project);
        page.until("the first record stands", |page| {
            page.text().contains(texts[0].0)
        })
        .await;
        page
    }

    /// A page of records as they are stored.
    async fn open_records(records: &[Value]) -> Self {
        let worker = Worker::start().await;
        let project = worker.project_of_records(records).await;
        let page = Self::show(worker, project);
        page.until("a record stands", |page| {
            page.find(".record .part").is_some()
        })
        .await;
        page
    }

    /// A page of the rows of a file.
    async fn open_lines(text: &str) -> Self {
        let worker = Worker::start().await;
        let project = worker.project_of_lines(text).await;
        let page = Self::show(worker, project);
        page.until("a record stands", |page| page.find(".record .md").is_some())
            .await;
        page
    }

    /// A page that has just been loaded.
    fn show(worker: Rc<Worker>, project: ProjectView) -> Self {
        let root = document().create_element("div").expect("an element");
        document()
            .body()
            .expect("a body")
            .append_child(&root)
            .expect("appended");
        let wire = Rc::new(Wire(Rc::clone(&worker)));
        let place: Rc<RefCell<Option<Desk>>> = Rc::default();
        let made = Rc::clone(&place);
        let view = project.clone();
        let mounted = mount_to(root.clone().unchecked_into::<HtmlElement>(), move || {
            let (id, present) = (view.summary.id.clone(), view.identity.id.clone());
            let desk = Desk::new(
                wire,
                Site::default(),
                RwSignal::new(Some(view)),
                RwSignal::new(None),
            );
            provide_context(desk);
            provide_context(Typesetter(Pieces::WHOLE.formula));
            provide_connect();
            desk.open_outbox(&id, &present);
            *made.borrow_mut() = Some(desk);
            view! { <ReviewPage /> }
        });
        let desk = place.borrow_mut().take().expect("a desk");
        Self {
            worker,
            project,
            desk,
            root,
            _mounted: Box::new(mounted),
        }
    }

    /// The tab dies, and the page is loaded again; the back end has what it had.
    fn reload(self) -> Self {
        let (worker, project) = (Rc::clone(&self.worker), self.project.clone());
        drop(self);
        *worker.fault.borrow_mut() = None;
        Self::show(worker, project)
    }

    fn fail(&self, kind: FailureKind) {
        let failure = Failure::new(kind, "The storage is full.");
        *self.worker.fault.borrow_mut() = Some(failure);
    }

    fn mend(&self) {
        *self.worker.fault.borrow_mut() = None;
    }

    /// All records as the back end has them.
    async fn stored(&self) -> Vec<RecordView> {
        let request = Request::RecordsAround {
            project: self.project.summary.id.clone(),
            filter: RecordFilter::default(),
            anchor: None,
            before: 0,
            after: 40,
        };
        match self.worker.ask(request).await {
            Ok(Reply::Around { rows, .. }) => rows,
            other => panic!("no records: {other:?}"),
        }
    }

    /// Waits until the back end has something.
    async fn until_stored(&self, what: &str, is_so: impl Fn(&[RecordView]) -> bool) {
        for _ in 0..500 {
            if is_so(&self.stored().await) {
                return;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        panic!("never stored: {what}; {:?}", self.stored().await);
    }

    fn notice(&self) -> String {
        self.root
            .query_selector_all(".notice")
            .ok()
            .map(|notices| {
                (0..notices.length())
                    .filter_map(|index| notices.item(index)?.text_content())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Presses the button with this text.
    fn click(&self, text: &str) {
        let buttons = self.root.query_selector_all("button").expect("a selector");
        let button = (0..buttons.length())
            .filter_map(|index| buttons.item(index))
            .find(|button| {
                button
                    .text_content()
                    .is_some_and(|label| label.contains(text))
            })
            .unwrap_or_else(|| panic!("no button {text:?}"));
        button.unchecked_into::<HtmlElement>().click();
    }

    fn text(&self) -> String {
        self.root
            .query_selector(".record")
            .ok()
            .flatten()
            .and_then(|element| element.text_content())
            .unwrap_or_default()
    }

    fn find(&self, selector: &str) -> Option<Element> {
        self.root.query_selector(selector).ok().flatten()
    }

    fn press(&self, key: &str) {
        self.press_at(key, "");
    }

    /// Presses the key at a place, which types `key`.
    fn press_at(&self, key: &str, code: &str) {
        let init = KeyboardEventInit::new();
        init.set_key(key);
        init.set_code(code);
        init.set_bubbles(true);
        init.set_cancelable(true);
        let event =
            KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).expect("an event");
        let target = document()
            .active_element()
            .unwrap_or_else(|| self.root.clone());
        target.dispatch_event(&event).expect("dispatched");
    }

    /// Lets the page draw.
    async fn tick(&self) {
        gloo_timers::future::TimeoutFuture::new(0).await;
    }

    /// Waits for a state; the runner's own limit ends a wait that never does.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            if is_so(self) {
                return;
            }
            gloo_timers::future::TimeoutFuture::new(10).await;
        }
        panic!("never so: {what}; the record is {:?}", self.text());
    }

    async fn type_into_answer(&self, text: &str) {
        self.press("e");
        self.until_editing("#edit-response").await;
        self.type_on(text);
        self.tick().await;
    }

    async fn until_editing(&self, editor: &str) {
        self.until("the editor has the focus", |page| {
            let editor = page.find(editor);
            editor.is_some() && editor == document().active_element()
        })
        .await;
    }

    /// Texts of all elements, in order.
    fn texts(&self, selector: &str) -> Vec<String> {
        let found = self.root.query_selector_all(selector).expect("a selector");
        (0..found.length())
            .filter_map(|index| found.item(index)?.text_content())
            .collect()
    }

    /// Something is typed in the open editor, which has `text` then.
    fn type_on(&self, text: &str) {
        let editor: HtmlTextAreaElement = self
            .find("textarea.editor")
            .expect("an editor")
            .unchecked_into();
        editor.set_value(text);
        let event = web_sys::Event::new("input").expect("an event");
        editor.dispatch_event(&event).expect("dispatched");
    }
}

#[wasm_bindgen_test]
async fn a_key_shows_the_next_record_and_the_answer_is_stored() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.press("1");
    page.until("the next record", |page| page.text().contains("Second"))
        .await;
    page.until_stored("the answer", |rows| {
        rows[0].state == RecordState::Accepted
            && rows[0].mine.as_ref().and_then(Response::quality) == Some(Quality::Good)
    })
    .await;
    page.until("nothing waits", |page| {
        kept(&page.project.summary.id).is_empty()
    })
    .await;
}

#[wasm_bindgen_test]
async fn letters_typed_in_the_editor_decide_nothing() {
    let page = Page::open(&[("First", "a"), ("Second", "b")]).await;
    page.type_into_answer("better").await;
    for key in ["1", "2", "x", "z", "ArrowRight"] {
        page.press(key);
    }
    page.tick().await;
    assert!(page.text().contains("First"));
    page.until_stored("the draft", |rows| {
        rows[0]
            .mine
            .as_ref()
            .is_some_and(|mine| mine.status == ResponseStatus::Draft)
    })
    .await;
    let rows = page.stored().await;
    assert!(rows.iter().all(|row| row.state == RecordState::Pending));
    assert!(page.find(".diff ins").is_some_and(|ins| {
        ins.text_content()
            .is_some_and(|text| text.contains("better"))
    }));
}

#[wasm_bindgen_test]
async fn a_draft_is_stored_while_the_typing_goes_on() {
    let page = Page::open(&[("First", "a"), ("Second", "b")]).await;
    let mut typed = "better".to_owned();
    page.type_into_answer(&typed).await;
    // Never a pause that is long enough to be one.
    for _ in 0..200 {
        typed.push('!');
        page.type_on(&typed);
        gloo_timers::future::TimeoutFuture::new(20).await;
        if page.stored().await[0].mine.is_some() {
            return;
        }
    }
    panic!("nothing was stored while somebody typed");
}

#[wasm_bindgen_test]
async fn a_decision_that_cannot_be_stored_now_says_so_and_waits() {
    for kind in [
        FailureKind::Storage,
        FailureKind::Busy,
        FailureKind::Internal,
    ] {
        let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
        page.type_into_answer("typed with care").await;
        page.press("Escape");
        page.fail(kind);
        page.tick().await;
        page.press("1");
        page.until("it is said", |page| {
            page.notice().contains("not stored yet") && page.notice().contains("storage is full")
        })
        .await;
        // Shown before it is stored.
        assert!(page.text().contains("Second"));
        page.mend();
        page.click("Try again");
        page.until_stored("the answer", |rows| {
            rows[0].state == RecordState::Accepted
                && rows[0]
                    .mine
                    .as_ref()
                    .is_some_and(|mine| mine.improved_response() == Some("typed with care"))
        })
        .await;
        page.until("the notice is gone", |page| page.notice().is_empty())
            .await;
    }
}

#[wasm_bindgen_test]
async fn a_tab_that_dies_loses_no_decision_and_sends_none_twice() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.fail(FailureKind::Internal);
    page.press("1");
    page.until("the second record", |page| page.text().contains("Second"))
        .await;
    page.press("2");
    page.until("the third record", |page| page.text().contains("Third"))
        .await;
    page.press("z");
    page.tick().await;
    let page = page.reload();
    page.until_stored("the first answer, and not the one taken back", |rows| {
        rows[0].state == RecordState::Accepted && rows[1].state == RecordState::Pending
    })
    .await;
    page.until("nothing waits", |page| {
        kept(&page.project.summary.id).is_empty()
    })
    .await;
    // One step is left to undo.
    page.press("z");
    page.until_stored("the undo", |rows| rows[0].state == RecordState::Pending)
        .await;
}

#[wasm_bindgen_test]
async fn what_was_typed_last_is_kept_when_the_tab_is_hidden() {
    let page = Page::open(&[("First", "a"), ("Second", "b")]).await;
    page.fail(FailureKind::Internal);
    page.type_into_answer("the last words").await;
    let event = web_sys::Event::new("pagehide").expect("an event");
    web_sys::window()
        .expect("a window")
        .dispatch_event(&event)
        .expect("dispatched");
    let texts = kept(&page.project.summary.id);
    assert!(texts.iter().any(|text| text.contains("the last words")));
    let page = page.reload();
    page.until("they are back", |page| {
        page.text().contains("the last words")
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_decision_that_is_refused_for_good_comes_back_with_what_was_typed() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.type_into_answer("typed with care").await;
    page.press("Escape");
    page.until_stored("the draft", |rows| rows[0].mine.is_some())
        .await;
    page.fail(FailureKind::Invalid);
    page.press("1");
    page.until("the notice stands", |page| {
        page.find(".review-notice").is_some_and(|notice| {
            notice
                .text_content()
                .is_some_and(|text| text.contains("The storage is full."))
        })
    })
    .await;
    page.until("the record is back", |page| page.text().contains("First"))
        .await;
    assert!(page.text().contains("typed with care"));
    page.mend();
    page.press("1");
    page.until_stored("the answer", |rows| {
        rows[0].state == RecordState::Accepted
            && rows[0]
                .mine
                .as_ref()
                .is_some_and(|mine| mine.improved_response() == Some("typed with care"))
    })
    .await;
}

#[wasm_bindgen_test]
async fn an_answer_keeps_its_reviewer_though_somebody_else_sits_down_before_it_is_stored() {
    let page = Page::open(&[("First", "a"), ("Second", "b")]).await;
    let ann = page.project.identity.id.clone();
    page.fail(FailureKind::Storage);
    page.press("1");
    page.tick().await;
    page.desk
        .change_identities(Request::NewReviewer { name: "Bob".into() })
        .await;
    page.mend();
    page.desk.send_again();
    page.until_stored("it is hers", |rows| {
        rows[0].mine.is_none() && rows[0].others.iter().any(|other| other.writer == ann)
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_dispute_over_words_ends_when_one_uses_the_words_of_the_other() {
    let page = Page::open(&[("First", "a"), ("Second", "b")]).await;
    page.type_into_answer("her words").await;
    page.press("Escape");
    page.tick().await;
    page.press("1");
    page.until_stored("her answer", |rows| rows[0].state == RecordState::Accepted)
        .await;
    page.desk
        .change_identities(Request::NewReviewer { name: "Bob".into() })
        .await;
    page.until("his view of the queue", |page| {
        page.text().contains("Second")
    })
    .await;
    page.press("ArrowLeft");
    page.until("the first record", |page| page.text().contains("First"))
        .await;
    page.type_into_answer("his words").await;
    page.press("Escape");
    page.tick().await;
    page.press("1");
    page.until_stored("a dispute", |rows| rows[0].state == RecordState::Disputed)
        .await;
    page.press("ArrowLeft");
    page.until("both are shown", |page| {
        page.text().contains("her words") && page.text().contains("Disputed")
    })
    .await;
    page.click("Use these words");
    page.tick().await;
    page.press("1");
    page.until_stored("an agreement", |rows| {
        rows[0].state == RecordState::Accepted
            && rows[0]
                .mine
                .as_ref()
                .is_some_and(|mine| mine.improved_response() == Some("her words"))
    })
    .await;
}

#[wasm_bindgen_test]
async fn undo_goes_back_to_the_record_it_is_about() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.press("1");
    page.until("the undo can be asked", |page| {
        page.find(".decide button[aria-keyshortcuts=Z]")
            .is_some_and(|button| button.get_attribute("aria-disabled").as_deref() == Some("false"))
    })
    .await;
    page.press("ArrowRight");
    page.until("the third record", |page| page.text().contains("Third"))
        .await;
    page.press("z");
    page.until("the first record is back", |page| {
        page.text().contains("First")
    })
    .await;
}

#[wasm_bindgen_test]
async fn hostile_text_stays_text() {
    let hostile = "<script>window.hit=1</script><img src=x onerror=\"window.hit=1\">\n\n\
                   <iframe src=\"javascript:window.hit=1\"></iframe>\n\n\
                   [link](javascript:window.hit=1) ![i](https://tracker.invalid/p.png) <svg/onload=window.hit=1>";
    let page = Page::open(&[(hostile, hostile), ("Second", "b")]).await;
    let bad = page
        .root
        .query_selector_all(".record script, .record img, .record iframe, .record [onerror], .record [onload], .record a[href^=javascript]")
        .expect("a selector");
    assert_eq!(bad.length(), 0);
    assert!(page.text().contains("<script>window.hit=1</script>"));
    let window = web_sys::window().expect("a window");
    assert!(js_sys::Reflect::get(&window, &"hit".into()).is_ok_and(|hit| hit.is_undefined()));
}

/// A conversation of five turns, with what a newer build may know of one, and one of another order.
fn chats() -> [Value; 2] {
    [
        json!({"id": "c1", "created_ms": 1, "reasoning": "They ask twice.", "metadata": {"url": "https://a.example/7"},
            "source": [{"name": "owner/chats", "row": 7}],
            "fields": {"instruction": "When is barley sown?", "response": {"kind": "turns", "turns": [
                {"role": "system", "text": "Be *brief*."},
                {"role": "user", "text": "When is **barley** sown?"},
                {"role": "assistant", "text": "In **May**.", "train": false},
                {"role": "user", "text": "And rye?"},
                {"role": "assistant", "text": "In *autumn*."}]}}}),
        json!({"id": "c2", "created_ms": 2, "fields": {"instruction": "Hi", "response": {"kind": "turns", "turns": [
            {"role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello."}]}}}),
    ]
}

#[wasm_bindgen_test]
async fn a_conversation_is_shown_turn_by_turn_and_each_can_be_edited() {
    let page = Page::open_records(&chats()).await;
    assert_eq!(
        page.texts(".turn h3"),
        [
            "System, turn 1 of 5",
            "User, turn 2 of 5",
            "Assistant, turn 3 of 5",
            "User, turn 4 of 5",
            "Assistant, turn 5 of 5"
        ]
    );
    // Markdown for what a model said, letter by letter for the others, and the instruction is one of the turns.
    assert_eq!(
        page.texts(".turn .md strong, .turn .md em"),
        ["May", "autumn"]
    );
    assert_eq!(page.texts(".turn > .plain")[1], "When is **barley** sown?");
    assert!(page.find(".part-instruction, .part-answer").is_none());
    page.press("e");
    page.until_editing("#edit-turn-4").await;
    page.type_on("In October.");
    page.tick().await;
    assert_eq!(page.texts(".turn .diff ins"), ["added: October"]);
    page.press("Escape");
    page.tick().await;
    let edit: HtmlElement = page
        .find(".turns > li:nth-child(3) .part-tools button")
        .expect("a button to edit it")
        .unchecked_into();
    assert!(edit.tab_index() >= 0);
    edit.click();
    page.until_editing("#edit-turn-2").await;
    page.type_on("In April.");
    page.until_stored("a draft", |rows| rows[0].mine.is_some())
        .await;
    let page = page.reload();
    page.until("both edits are back", |page| {
        page.texts(".turn .mark.edited").len() == 2
    })
    .await;
    // The last turn goes back to what it was.
    let reset = page
        .find(".turns > li:nth-child(5) .part-tools button")
        .expect("a button to reset it");
    assert!(
        reset
            .text_content()
            .is_some_and(|text| text.starts_with("Reset"))
    );
    reset.unchecked_into::<HtmlElement>().click();
    page.tick().await;
    page.press("1");
    page.until("the other conversation", |page| {
        page.texts(".turn h3").len() == 2
    })
    .await;
    page.until_stored("the answer", |rows| {
        let mut expected = chats()[0]["fields"]["response"].clone();
        expected["turns"][2]["text"] = "In April.".into();
        rows[0].state == RecordState::Accepted
            && rows[0]
                .mine
                .as_ref()
                .is_some_and(|mine| mine.answers.get(IMPROVED_RESPONSE) == Some(&expected))
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_conversation_with_an_empty_turn_is_not_taken() {
    let page = Page::open_records(&chats()).await;
    page.press("e");
    page.until_editing("#edit-turn-4").await;
    page.type_on(" ");
    page.press("Escape");
    page.tick().await;
    page.press("1");
    page.until("it is said", |page| {
        page.texts(".decide-said")[0].starts_with("Turn 5 of the conversation is empty.")
    })
    .await;
    assert_eq!(page.texts(".turn").len(), 5);
}

#[wasm_bindgen_test]
async fn turns_that_a_colleague_changed_are_shown_and_can_be_taken() {
    let page = Page::open_records(&chats()).await;
    page.press("e");
    page.until_editing("#edit-turn-4").await;
    page.type_on("In October.");
    page.press("Escape");
    page.tick().await;
    page.press("1");
    page.until_stored("her answer", |rows| rows[0].state == RecordState::Accepted)
        .await;
    page.desk
        .change_identities(Request::NewReviewer { name: "Bob".into() })
        .await;
    page.until("his view of the queue", |page| {
        page.texts(".turn").len() == 2
    })
    .await;
    page.press("ArrowLeft");
    page.until("the first record", |page| page.texts(".turn").len() == 5)
        .await;
    page.press("2");
    page.tick().await;
    page.press("ArrowLeft");
    page.until("what she changed", |page| {
        page.texts(".other-change summary") == ["Turn 5, assistant, as they changed it"]
            && page.texts(".other-change ins") == ["added: October"]
    })
    .await;
    page.click("Use these words");
    page.tick().await;
    page.press("1");
    page.until_stored("an agreement", |rows| {
        rows[0].state == RecordState::Accepted
            && rows[0].mine.as_ref().is_some_and(|mine| {
                mine.answers[IMPROVED_RESPONSE]["turns"][4]["text"] == "In October."
            })
    })
    .await;
}

#[wasm_bindgen_test]
async fn how_a_record_was_made_has_its_reasoning_its_source_and_the_other_columns() {
    let page = Page::open_records(&chats()).await;
    page.press("d");
    page.tick().await;
    let made = page.texts("#provenance").concat();
    for text in [
        "owner/chats, row 8",
        "They ask twice.",
        "https://a.example/7",
    ] {
        assert!(made.contains(text), "{text:?} is not in {made:?}");
    }
    assert!(page.find("#provenance details[open]").is_none());
}

/// A report: forty rows whose topics alternate.
const ORCHARD: &str = include_str!("fixtures/review/orchard-40.jsonl");

#[wasm_bindgen_test]
async fn a_filter_or_a_search_that_is_cleared_leads_back_to_the_record_from_before() {
    let page = Page::open_lines(ORCHARD).await;
    for _ in 1..25 {
        page.press("ArrowRight");
    }
    page.until("the 25th", |page| page.text().contains("Question 25:"))
        .await;
    let position = |page: &Page| page.texts(".position-text").concat();
    page.until("all are counted", |page| position(page) == "25 of 40")
        .await;
    let topic: HtmlSelectElement = page.find("#filter-topic").expect("topics").unchecked_into();
    let index = (0..topic.length())
        .find(|index| {
            let option = topic.item(*index).and_then(|option| option.text_content());
            option.is_some_and(|text| text.starts_with("storage"))
        })
        .expect("the topic");
    topic.set_selected_index(index as i32);
    let event = web_sys::Event::new("change").expect("an event");
    topic.dispatch_event(&event).expect("dispatched");
    page.until("the first of the topic", |page| {
        page.text().contains("Question 03:")
    })
    .await;
    page.press("ArrowRight");
    page.click("Clear what narrows it down");
    page.until("the record from before the filter", |page| {
        page.text().contains("Question 25:") && position(page) == "25 of 40"
    })
    .await;
    let search = |text: &str| {
        let field: HtmlInputElement = page
            .find("#review-search")
            .expect("a search")
            .unchecked_into();
        field.set_value(text);
        let event = web_sys::Event::new("input").expect("an event");
        field.dispatch_event(&event).expect("dispatched");
    };
    search("codling");
    page.until("the first hit", |page| page.text().contains("Question 04:"))
        .await;
    search("");
    page.until("the record from before the search", |page| {
        page.text().contains("Question 25:") && position(page) == "25 of 40"
    })
    .await;
}

#[wasm_bindgen_test]
async fn keys_work_under_a_layout_of_another_script() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.press_at("ф", "KeyA");
    page.until("the next record", |page| page.text().contains("Second"))
        .await;
    page.press_at("ч", "KeyX");
    page.until("the reasons", |page| page.find(".reasons").is_some())
        .await;
    // French: the digit is typed with Shift only.
    page.press_at("&", "Digit1");
    page.until("the third record", |page| page.text().contains("Third"))
        .await;
    page.until_stored("both", |rows| {
        rows[0].state == RecordState::Accepted
            && rows[1].state == RecordState::Discarded
            && rows[1]
                .mine
                .as_ref()
                .is_some_and(|mine| mine.reason.as_deref() == Some("Wrong or made up"))
    })
    .await;
}

/// A report: an answer with formulas, of which Markdown would eat the marks.
const DRIP: &str = include_str!("fixtures/review/drip.jsonl");

#[wasm_bindgen_test]
async fn formulas_are_typeset_and_what_cannot_be_is_shown_letter_by_letter() {
    let row: Value = serde_json::from_str(DRIP).expect("a row");
    let answer = row["response"].as_str().expect("a text");
    let second = "It is $12 or \\(\\nosuch x\\), so $x^2$, `$y^2$` and \\(z";
    let page = Page::open(&[("First", answer), ("Second", second)]).await;
    page.until("all are typeset", |page| {
        page.texts(".formula math").len() == 5
    })
    .await;
    let math = page.find(".formula math mfrac").expect("a fraction");
    assert_eq!(
        math.namespace_uri().as_deref(),
        Some("http://www.w3.org/1998/Math/MathML")
    );
    let sources: Vec<_> = (1..=5)
        .filter_map(|at| {
            let formulas = page.root.query_selector_all(".formula math").ok()?;
            formulas
                .item(at - 1)?
                .unchecked_into::<Element>()
                .get_attribute("alttext")
        })
        .collect();
    assert_eq!(
        sources,
        ["Q = \\frac{V}{t}", "V", "L", "Q_L = n \\cdot q", "n"]
    );
    assert!(page.find(".formula.display math[display=block]").is_some());
    // The record itself stays.
    page.press("e");
    page.until_editing("#edit-response").await;
    let editor: HtmlTextAreaElement = page.find("textarea").expect("an editor").unchecked_into();
    assert_eq!(editor.value(), answer);
    page.press("Escape");
    page.tick().await;
    page.press("ArrowRight");
    page.until("the other one", |page| {
        page.texts(".formula math").len() == 1 && page.texts(".formula code").len() == 1
    })
    .await;
    let shown = page.texts(".part-answer .md").concat();
    for text in ["It is $12 or \\(\\nosuch x\\), so ", "$y^2$ and \\(z"] {
        assert!(shown.contains(text), "{text:?} is not in {shown:?}");
    }
    let failed = page.find(".formula code").expect("a source");
    assert_eq!(
        failed.get_attribute("title").as_deref(),
        Some("Not rendered as a formula")
    );
}

#[wasm_bindgen_test]
async fn which_formulas_are_typeset_is_chosen_for_each_project() {
    let page = Page::open(&[("First", "\\(a\\) and $b^2$"), ("Second", "plain")]).await;
    let choose = |page: &Page, name: &str| {
        let menu: HtmlSelectElement = page
            .find(".formulas-mode")
            .expect("a menu")
            .unchecked_into();
        menu.set_value(name);
        let event = web_sys::Event::new("change").expect("an event");
        menu.dispatch_event(&event).expect("dispatched");
    };
    page.until("both", |page| page.texts(".formula math").len() == 2)
        .await;
    choose(&page, "marked");
    page.until("the one with marks", |page| {
        page.texts(".formula math").len() == 1
            && page
                .texts(".part-answer .md")
                .concat()
                .ends_with(" and $b^2$")
    })
    .await;
    choose(&page, "off");
    page.until("none", |page| {
        page.texts(".formula math").is_empty()
            && page.texts(".part-answer .md") == ["\\(a\\) and $b^2$"]
    })
    .await;
    let page = page.reload();
    page.until("the page", |page| page.find(".formulas-mode").is_some())
        .await;
    page.tick().await;
    assert!(page.texts(".formula math").is_empty());
    page.press("ArrowRight");
    page.until("no menu where there is no formula", |page| {
        page.text().contains("Second") && page.find(".formulas-mode").is_none()
    })
    .await;
}

/// The styles of the app, while a test stands.
struct Styles(Element);

impl Styles {
    fn put() -> Self {
        let style = document().create_element("style").expect("an element");
        style.set_text_content(Some(concat!(
            include_str!("../public/css/base.css"),
            include_str!("../public/css/shell.css"),
            include_str!("../public/css/review.css"),
            // As where scrollbars take room.
            "html { overflow-y: scroll; } ::-webkit-scrollbar { width: 15px; height: 15px; }",
        )));
        let head = document().head().expect("a head");
        head.append_child(&style).expect("appended");
        Self(style)
    }
}

impl Drop for Styles {
    fn drop(&mut self) {
        self.0.remove();
    }
}

fn style_of(element: &Element, property: &str) -> String {
    web_sys::window()
        .and_then(|window| window.get_computed_style(element).ok().flatten())
        .and_then(|style| style.get_property_value(property).ok())
        .unwrap_or_default()
}

#[wasm_bindgen_test]
async fn every_block_has_its_own_direction_and_code_none() {
    let _styles = Styles::put();
    let answer = "שלום עולם\n\nhello\n\n- שלום\n- `x` ואז\n\n| a | ב |\n|---|---|\n| א | b |\n\n# כותרת\n\n`code`\n\n```\ncode\n```\n\n> ציטוט";
    let page = Page::open(&[("First", answer)]).await;
    let answer = page.find(".part-answer .md").expect("an answer");
    let directions = |selector: &str| -> Vec<String> {
        let found = answer.query_selector_all(selector).expect("a selector");
        (0..found.length())
            .filter_map(|at| found.item(at))
            .map(|node| style_of(&node.unchecked_into(), "direction"))
            .collect()
    };
    for (selector, expected) in [
        ("p", vec!["rtl", "ltr", "ltr", "rtl"]),
        ("ul, li", vec!["rtl", "rtl", "rtl"]),
        ("th, td", vec!["ltr", "rtl", "rtl", "ltr"]),
        ("h3", vec!["rtl"]),
        ("code, pre", vec!["ltr", "ltr", "ltr", "ltr"]),
        ("blockquote", vec!["rtl"]),
    ] {
        assert_eq!(directions(selector), expected, "{selector}");
    }
    // A change says "removed", which is no reason to turn the text around it.
    page.type_into_answer("ברוך עולם").await;
    let diff = page.find(".diff").expect("a diff");
    assert_eq!(style_of(&diff, "direction"), "rtl");
}

#[wasm_bindgen_test]
async fn the_bar_of_decisions_does_not_make_the_page_wider_where_scrollbars_take_room() {
    let _styles = Styles::put();
    let page = Page::open(&[("First", &"long text\n\n".repeat(200)), ("Second", "b")]).await;
    let whole = document().document_element().expect("a root");
    let window = web_sys::window().expect("a window");
    let width = window.inner_width().ok().and_then(|width| width.as_f64());
    assert!(
        f64::from(whole.client_width()) < width.expect("a width"),
        "the scrollbar takes no room: nothing is tested"
    );
    assert!(page.find(".decide").is_some());
    assert_eq!(whole.scroll_width(), whole.client_width());
}
