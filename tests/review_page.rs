//! The review page in a browser, over a scripted backend: keys, typed text, failed saves, hostile text.
#![cfg(target_arch = "wasm32")]
// Helpers stand outside of test functions, where clippy does not see that this is a test.
#![allow(clippy::expect_used)]

use leptos::mount::mount_to;
use leptos::prelude::*;
use seedbed::pages::connect::provide_connect;
use seedbed::pages::desk::{Backend, Desk, Running, Site};
use seedbed::pages::review::ReviewPage;
use seedbed_core::messages::{
    Counts, Decided, Failure, FailureKind, Progress, ProjectSummary, ProjectView, RecordView,
    Reply, Request, RequestId, SeedView,
};
use seedbed_core::params::RunSettings;
use seedbed_core::record::Record;
use seedbed_core::review::{Quality, RecordState, Response, ResponseStatus};
use seedbed_core::seed::Seed;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    Document, Element, HtmlElement, HtmlTextAreaElement, KeyboardEvent, KeyboardEventInit,
};

wasm_bindgen_test_configure!(run_in_browser);

/// Records in memory; every decision is kept, or refused when `is_failing`.
#[derive(Default)]
struct Script {
    rows: RefCell<Vec<RecordView>>,
    sent: RefCell<Vec<(String, Response)>>,
    is_failing: RefCell<bool>,
}

impl Script {
    fn counts(&self) -> Counts {
        let rows = self.rows.borrow();
        Counts {
            total: rows.len() as u32,
            states: RecordState::ALL
                .into_iter()
                .map(|state| {
                    let count = rows.iter().filter(|row| row.state == state).count();
                    (state, count as u32)
                })
                .collect(),
            can_undo: !self.sent.borrow().is_empty(),
            ..Counts::default()
        }
    }

    fn answer(&self, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::RecordsAround {
                filter,
                anchor,
                before,
                after,
                ..
            } => {
                let rows = self.rows.borrow();
                let anchor = anchor.unwrap_or(0);
                let matching: Vec<&RecordView> = rows
                    .iter()
                    .filter(|row| filter.state.is_none_or(|state| state == row.state))
                    .collect();
                let end = matching.partition_point(|row| row.seq < anchor);
                let start = matching.partition_point(|row| row.seq <= anchor);
                let from = end.saturating_sub(before as usize);
                let to = (start + after as usize).min(matching.len());
                let mut window: Vec<RecordView> = matching[from..end]
                    .iter()
                    .map(|row| (*row).clone())
                    .collect();
                window.extend(rows.iter().find(|row| row.seq == anchor).cloned());
                window.extend(matching[start..to].iter().map(|row| (*row).clone()));
                Ok(Reply::Around {
                    total: matching.len() as u32,
                    position: from as u32,
                    rows: window,
                })
            }
            Request::RecordCounts { .. } => Ok(Reply::Counts(self.counts())),
            Request::Respond {
                record, response, ..
            } => {
                if *self.is_failing.borrow() {
                    return Err(Failure::new(FailureKind::Storage, "The storage is full."));
                }
                let row = self.change(&record, |row| {
                    if response.status != ResponseStatus::Draft {
                        row.state = RecordState::Accepted;
                    }
                    row.mine = Some(response.clone());
                });
                self.sent.borrow_mut().push((record, response));
                Ok(decided(row, self.counts()))
            }
            Request::UndoDecision { .. } => {
                let (record, _) = self.sent.borrow_mut().pop().expect("something was sent");
                let row = self.change(&record, |row| {
                    row.state = RecordState::Pending;
                    row.mine = None;
                });
                Ok(decided(row, self.counts()))
            }
            _ => Ok(Reply::Ok),
        }
    }

    fn change(&self, record: &str, change: impl FnOnce(&mut RecordView)) -> RecordView {
        let mut rows = self.rows.borrow_mut();
        let row = rows
            .iter_mut()
            .find(|row| row.record.id == record)
            .expect("the page names a record it was given");
        change(row);
        row.clone()
    }
}

fn decided(record: RecordView, counts: Counts) -> Reply {
    Reply::Decided(Box::new(Decided { record, counts }))
}

struct Wire(Rc<Script>);

impl Backend for Wire {
    fn ask(&self, request: Request, _: Box<dyn Fn(Progress)>) -> Running {
        let script = Rc::clone(&self.0);
        Running::new(1, async move {
            // A worker is never done within the same turn of the page.
            gloo_timers::future::TimeoutFuture::new(30).await;
            script.answer(request)
        })
    }

    fn cancel(&self, _: RequestId) {}
}

fn rows(texts: &[(&str, &str)]) -> Vec<RecordView> {
    texts
        .iter()
        .enumerate()
        .map(|(index, (instruction, response))| RecordView {
            seq: index as u64 + 1,
            record: Record {
                id: format!("record-{index}"),
                instruction: (*instruction).to_owned(),
                response: (*response).to_owned(),
                ..Record::default()
            },
            state: RecordState::Pending,
            mine: None,
            others: Vec::new(),
            is_stale: false,
            messages: Vec::new(),
        })
        .collect()
}

/// The page, mounted; unmounted when dropped.
struct Page {
    script: Rc<Script>,
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

impl Page {
    async fn open(texts: &[(&str, &str)]) -> Self {
        let script = Rc::new(Script::default());
        *script.rows.borrow_mut() = rows(texts);
        let root = document().create_element("div").expect("an element");
        document()
            .body()
            .expect("a body")
            .append_child(&root)
            .expect("appended");
        let wire = Wire(Rc::clone(&script));
        let mounted = mount_to(root.clone().unchecked_into::<HtmlElement>(), move || {
            let project = RwSignal::new(Some(ProjectView {
                summary: ProjectSummary {
                    id: "p".into(),
                    ..ProjectSummary::default()
                },
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
            }));
            let desk = Desk::new(Rc::new(wire), Site::default(), project, RwSignal::new(None));
            provide_context(desk);
            provide_connect();
            view! { <ReviewPage /> }
        });
        let page = Self {
            script,
            root,
            _mounted: Box::new(mounted),
        };
        page.until("the first record stands", |page| {
            page.text().contains(texts[0].0)
        })
        .await;
        page
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
        let init = KeyboardEventInit::new();
        init.set_key(key);
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
        self.until("the editor has the focus", |_| {
            document()
                .active_element()
                .is_some_and(|element| element.id() == "edit-response")
        })
        .await;
        let editor: HtmlTextAreaElement = self
            .find("#edit-response")
            .expect("an editor")
            .unchecked_into();
        editor.set_value(text);
        let event = web_sys::Event::new("input").expect("an event");
        editor.dispatch_event(&event).expect("dispatched");
        self.tick().await;
    }
}

#[wasm_bindgen_test]
async fn a_key_shows_the_next_record_before_the_answer_is_stored() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.press("1");
    page.tick().await;
    assert!(page.text().contains("Second"));
    page.until("the answer is stored", |page| {
        !page.script.sent.borrow().is_empty()
    })
    .await;
    let (record, response) = page.script.sent.borrow()[0].clone();
    assert_eq!(record, "record-0");
    assert_eq!(response.quality, Some(Quality::Good));
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
    assert!(
        page.script
            .sent
            .borrow()
            .iter()
            .all(|(_, response)| response.status == ResponseStatus::Draft)
    );
    assert!(page.find(".diff ins").is_some_and(|ins| {
        ins.text_content()
            .is_some_and(|text| text.contains("better"))
    }));
}

#[wasm_bindgen_test]
async fn a_failed_save_comes_back_with_what_was_typed() {
    let page = Page::open(&[("First", "a"), ("Second", "b"), ("Third", "c")]).await;
    page.type_into_answer("typed with care").await;
    *page.script.is_failing.borrow_mut() = true;
    page.press("Escape");
    page.tick().await;
    page.press("1");
    page.until("the next record stands", |page| {
        page.text().contains("Second")
    })
    .await;
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
    *page.script.is_failing.borrow_mut() = false;
    page.press("1");
    page.until("it is stored now", |page| {
        page.script.sent.borrow().iter().any(|(record, response)| {
            record == "record-0"
                && response.status == ResponseStatus::Submitted
                && response.improved_response.as_deref() == Some("typed with care")
        })
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
    page.tick().await;
    assert!(page.text().contains("Third"));
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
