//! Runs that ask the model in this tab: its worker may end, and no row suffers.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what failed"
)]

#[allow(dead_code, reason = "other tests need other parts of it")]
mod support;

use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use seedbed_core::engine::{
    ADDRESS, CONTROL, EngineLine, EngineLoaded, EngineModel, EngineSizes, EngineState, ROW,
};
use seedbed_core::messages::{Reply, Request, RunItem, RunPhase, RunStatus};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::prompt::PromptState;
use seedbed_hub::native::NativeTransport;
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use support::{Tab, hub, model};
use tempfile::tempdir;

const MODEL: &str = "small.gguf";
const SLOTS: u32 = 2;
const FARMING: &str = include_str!("../../core/tests/data/farming-seed_data.json");

/// An engine that ends at the requests it is told to, and with it all that is in flight; everything else goes to the
/// network.
#[derive(Default)]
struct Engine {
    network: NativeTransport,
    dies_at: Vec<u32>,
    /// From this request on it has no model and finds none.
    is_lost_from: Option<u32>,
    asked: Cell<u32>,
    life: Cell<u32>,
    in_flight: Cell<u32>,
    most_in_flight: Cell<u32>,
    rows: RefCell<BTreeSet<String>>,
}

fn answer(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse {
        status,
        headers: Vec::new(),
        body: stream::iter([Ok(body)]).boxed_local(),
    }
}

fn state() -> HttpResponse {
    let loaded = EngineLoaded {
        model: EngineModel {
            name: MODEL.to_owned(),
            ..EngineModel::default()
        },
        sizes: EngineSizes {
            context: 2048,
            slots: SLOTS,
        },
        ..EngineLoaded::default()
    };
    let state = EngineState {
        loaded: Some(loaded),
        ..EngineState::default()
    };
    let line = EngineLine::State(Box::new(state));
    answer(200, serde_json::to_vec(&line).expect("JSON"))
}

fn text() -> Vec<u8> {
    let event = json!({
        "choices": [{"index": 0, "delta": {"content": "Sow in spring."}, "finish_reason": "stop"}]
    });
    format!("data: {event}\n\ndata: [DONE]\n\n").into_bytes()
}

/// Handed from the back end's transport to the engine that the test keeps.
struct Way(Rc<Engine>);

impl Transport for Way {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        let engine = Rc::clone(&self.0);
        if !request.url.starts_with(CONTROL) {
            return engine.network.send(request);
        }
        if request.url.ends_with("/state") {
            return async { Ok(state()) }.boxed_local();
        }
        assert!(request.url.ends_with("/v1/chat/completions"));
        let row = request.headers.iter().find(|(name, _)| name == ROW);
        let row = row.expect("a row asks").1.clone();
        engine.rows.borrow_mut().insert(row);
        let number = engine.asked.get() + 1;
        engine.asked.set(number);
        engine.in_flight.set(engine.in_flight.get() + 1);
        engine
            .most_in_flight
            .set(engine.most_in_flight.get().max(engine.in_flight.get()));
        async move {
            let life = engine.life.get();
            engine.network.sleep(30).await;
            if engine.dies_at.contains(&number) {
                engine.life.set(engine.life.get() + 1);
            }
            engine.network.sleep(30).await;
            engine.in_flight.set(engine.in_flight.get() - 1);
            if engine.life.get() != life {
                return Err(TransportError::Network("it was silent".to_owned()));
            }
            if engine.is_lost_from.is_some_and(|from| number >= from) {
                let body = json!({"error": {"message": "The storage is full."}});
                return Ok(answer(503, body.to_string().into_bytes()));
            }
            Ok(answer(200, text()))
        }
        .boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.0.network.sleep(ms)
    }
}

/// A run over four rows.
fn run(engine: &Rc<Engine>) -> (RunStatus, Vec<RunItem>) {
    let dir = tempdir().expect("a folder");
    let hub = hub(&dir.path().join("hub"));
    let home = tempdir().expect("a folder");
    let way = Rc::new(Way(Rc::clone(engine)));
    let mut tab = Tab::open_by(home.path(), &hub.hub_url, way);
    let view = tab.opened(Request::ImportProject {
        name: "farming-seed_data.json".to_owned(),
        text: FARMING.to_owned(),
    });
    let project = view.summary.id.clone();
    let mut settings = view.settings.clone();
    settings.row_cap = Some(4);
    let mut save = |endpoint: Endpoint| {
        tab.ask(Request::SaveSettings {
            project: project.clone(),
            settings: settings.clone(),
            endpoint: Some(endpoint),
        })
        .expect("settings");
    };
    save(model(&hub.hub_url));
    let Ok(Reply::Drafted(report)) = tab.ask(Request::DraftPrompts {
        project: project.clone(),
        cells: view.seed.seed.cells().into_iter().take(4).collect(),
        per_cell: 1,
    }) else {
        panic!("not drafted");
    };
    tab.ask(Request::SetPromptState {
        project: project.clone(),
        ids: report.ids,
        state: PromptState::Kept,
    })
    .expect("kept");
    tab.ask(Request::SaveSettings {
        project: project.clone(),
        settings,
        endpoint: Some(Endpoint {
            kind: EndpointKind::Tab,
            base_url: ADDRESS.to_owned(),
            model: MODEL.to_owned(),
            ..Endpoint::default()
        }),
    })
    .expect("settings");
    let Ok(Reply::Run(status)) = tab.ask(Request::StartRun {
        project: project.clone(),
    }) else {
        panic!("not started");
    };
    let status = tab.finish_run(&status.id);
    let Ok(Reply::RunItems { items, .. }) = tab.ask(Request::RunItems {
        project,
        run: status.id.clone(),
        state: None,
        offset: 0,
        limit: 100,
    }) else {
        panic!("no rows");
    };
    (status, items)
}

#[test]
fn rows_in_flight_when_the_engine_ends_are_asked_again_and_lose_no_try() {
    let engine = Rc::new(Engine {
        dies_at: vec![2],
        ..Engine::default()
    });
    let (status, items) = run(&engine);
    assert_eq!(status.phase, RunPhase::Finished);
    assert_eq!((status.planned, status.done, status.failed), (4, 4, 0));
    assert_eq!(status.restarts, 1);
    assert!(items.iter().all(|item| item.attempts == 1), "{items:?}");
    // Two were lost at the one end, and asked for again.
    assert_eq!(engine.asked.get(), 6);
    assert_eq!(engine.most_in_flight.get(), SLOTS);
    assert_eq!(engine.rows.borrow().len(), 4);
}

#[test]
fn a_model_that_cannot_be_loaded_again_pauses_the_run_and_fails_no_row() {
    let engine = Rc::new(Engine {
        dies_at: vec![1],
        is_lost_from: Some(3),
        ..Engine::default()
    });
    let (status, items) = run(&engine);
    assert_eq!(status.phase, RunPhase::Paused);
    assert_eq!((status.done, status.failed), (0, 0));
    let failure = status.stopped_by.expect("words");
    assert!(failure.what.contains("could not be loaded"), "{failure:?}");
    assert!(
        failure
            .detail
            .as_deref()
            .is_some_and(|detail| detail.contains("The storage is full.")),
        "{failure:?}"
    );
    assert!(items.iter().all(|item| item.attempts == 0), "{items:?}");
}
