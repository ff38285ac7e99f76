//! The model in this tab, which answers at an address of its own ([`seedbed_core::engine`]). The transport leads there.

use crate::{Backend, Result, Ticket};
use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use seedbed_core::chat::{ChatError, ChatReply, ErrorClass};
use seedbed_core::engine::{ADDRESS, CONTROL, EngineLine, EngineOrder, EngineState, ROW};
use seedbed_core::messages::{Failure, FailureKind, Progress, Reply};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Method, Transport, TransportError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

fn unreachable(detail: impl ToString) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "The part of Seedbed that runs a model in this tab could not be started.",
    )
    .means("No model runs here; your work is not touched.")
    .next("Check the connection and try again, or choose a model elsewhere.")
    .detail(detail.to_string())
}

fn stopped(error: &TransportError) -> Failure {
    match error {
        TransportError::Aborted => Failure::new(FailureKind::Network, "Loading was stopped.")
            .means("What has arrived is kept.")
            .next("Load it again to go on from there."),
        other => unreachable(other),
    }
}

/// Whether `endpoint` is the model in this tab.
pub(crate) fn is_here(endpoint: &Endpoint) -> bool {
    endpoint.kind == EndpointKind::Tab && endpoint.base_url.trim_end_matches('/') == ADDRESS
}

/// What came of asking a model for a row.
pub(crate) enum Landed {
    /// It answered.
    Answer(ChatReply),
    /// It did not.
    Failed(ChatError),
    /// The engine's worker ended, or its device did, and all that it was doing is lost; why.
    Died(String),
}

impl From<std::result::Result<ChatReply, ChatError>> for Landed {
    fn from(result: std::result::Result<ChatReply, ChatError>) -> Self {
        match result {
            Ok(reply) => Self::Answer(reply),
            Err(error) => Self::Failed(error),
        }
    }
}

/// The way to the engine for one row: it says whose answer is asked for, and sees what is no matter of a network.
pub(crate) struct RowWay {
    way: Rc<dyn Transport>,
    row: String,
    seen: Rc<Seen>,
}

/// What it saw.
#[derive(Default)]
struct Seen {
    died: RefCell<Option<String>>,
    /// The engine has no model and could not load one.
    is_unloaded: Cell<bool>,
}

impl RowWay {
    pub(crate) fn new(way: Rc<dyn Transport>, row: &str) -> Self {
        Self {
            way,
            row: row.to_owned(),
            seen: Rc::default(),
        }
    }

    /// What a result means, after what was seen.
    pub(crate) fn landed(&self, result: std::result::Result<ChatReply, ChatError>) -> Landed {
        match (result, self.seen.died.take()) {
            (Err(_), Some(why)) => Landed::Died(why),
            (Err(error), None) if self.seen.is_unloaded.get() => Landed::Failed(ChatError {
                class: ErrorClass::Stop,
                is_network: false,
                failure: Failure {
                    detail: error.failure.detail,
                    ..Failure::new(
                        FailureKind::NotFound,
                        "The model could not be loaded into this tab again.",
                    )
                    .means("The run is paused. Finished rows are kept, and the rows left stay in the queue.")
                    .next("Load it, or choose another model, then go on with the run.")
                },
            }),
            (result, _) => result.into(),
        }
    }
}

impl Seen {
    fn note(&self, error: &TransportError) {
        if let TransportError::Network(why) = error {
            *self.died.borrow_mut() = Some(why.clone());
        }
    }
}

impl Transport for RowWay {
    fn send(
        &self,
        mut request: HttpRequest,
    ) -> LocalBoxFuture<'static, std::result::Result<HttpResponse, TransportError>> {
        request.headers.push((ROW.to_owned(), self.row.clone()));
        let (sent, seen) = (self.way.send(request), Rc::clone(&self.seen));
        async move {
            let mut response = sent.await.inspect_err(|error| seen.note(error))?;
            seen.is_unloaded.set(response.status == 503);
            let body = response.body.inspect(move |piece| {
                if let Err(error) = piece {
                    seen.note(error);
                }
            });
            response.body = body.boxed_local();
            Ok(response)
        }
        .boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.way.sleep(ms)
    }
}

impl Backend {
    /// Answers that the engine makes side by side, if it has loaded this model.
    pub(crate) async fn engine_slots(&self, model: &str) -> Option<u32> {
        let Ok(Reply::Engine(state)) = self.engine_state().await else {
            return None;
        };
        let loaded = state.loaded.filter(|loaded| loaded.model.name == model)?;
        Some(loaded.sizes.slots)
    }

    async fn engine_ask(&self, method: Method, path: &str, body: Vec<u8>) -> Result<HttpResponse> {
        let request = HttpRequest {
            method,
            url: format!("{CONTROL}{path}"),
            headers: Vec::new(),
            body: body.into(),
        };
        self.transport
            .send(request)
            .await
            .map_err(|error| stopped(&error))
    }

    /// The engine's answer: a state, or a failure that it put into words itself.
    async fn engine_reply(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply> {
        let mut response = self.engine_ask(method, path, body).await?;
        let mut all = Vec::new();
        while let Some(piece) = response.body.next().await {
            all.extend(piece.map_err(|error| stopped(&error))?);
        }
        let line: EngineLine = serde_json::from_slice(&all).map_err(unreachable)?;
        match line {
            EngineLine::State(state) => Ok(Reply::Engine(state)),
            EngineLine::Failed(failure) => Err(failure),
            EngineLine::Progress { .. } | EngineLine::Measure(_) => {
                Err(unreachable("progress without an end"))
            }
        }
    }

    pub(crate) async fn engine_state(&self) -> Result<Reply> {
        self.engine_reply(Method::Get, "/state", Vec::new()).await
    }

    pub(crate) async fn engine_unload(&self) -> Result<Reply> {
        self.engine_reply(Method::Post, "/unload", Vec::new()).await
    }

    pub(crate) async fn engine_forget(&self, url: &str) -> Result<Reply> {
        self.engine_reply(Method::Post, "/forget", url.as_bytes().to_vec())
            .await
    }

    pub(crate) async fn engine_load(&self, ticket: &Ticket, order: &EngineOrder) -> Result<Reply> {
        let body = serde_json::to_vec(order).map_err(unreachable)?;
        self.engine_follow(ticket, "/load", body).await
    }

    pub(crate) async fn engine_measure(&self, ticket: &Ticket) -> Result<Reply> {
        self.engine_follow(ticket, "/measure", Vec::new()).await
    }

    /// Hands on what is told until the state or a failure comes.
    async fn engine_follow(&self, ticket: &Ticket, path: &str, body: Vec<u8>) -> Result<Reply> {
        let mut response = self.engine_ask(Method::Post, path, body).await?;
        let mut rest = Vec::new();
        let mut state: Option<Box<EngineState>> = None;
        while let Some(piece) = response.body.next().await {
            rest.extend(piece.map_err(|error| stopped(&error))?);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                match serde_json::from_slice(&line).map_err(unreachable)? {
                    EngineLine::Progress { stage, done, total } => {
                        ticket.progress(Progress::Engine { stage, done, total });
                    }
                    EngineLine::Measure(told) => ticket.progress(Progress::Measure(told)),
                    EngineLine::State(loaded) => state = Some(loaded),
                    EngineLine::Failed(failure) => return Err(failure),
                }
            }
        }
        state
            .map(Reply::Engine)
            .ok_or_else(|| unreachable("it ended without a word"))
    }
}
