//! The model in this tab, which answers at an address of its own ([`seedbed_core::engine`]). The transport leads there.

use crate::{Backend, Result, Ticket};
use futures::StreamExt as _;
use seedbed_core::engine::{CONTROL, EngineLine, EngineOrder, EngineState};
use seedbed_core::messages::{Failure, FailureKind, Progress, Reply};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Method, TransportError};

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

impl Backend {
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
