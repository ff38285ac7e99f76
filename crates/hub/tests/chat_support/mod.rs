//! A transport that answers from a list, and the recordings. Everything is ready at once; silence makes every sleep end
//! at once, so nothing here depends on time.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::result_large_err
)]

use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt, stream};
use seedbed_core::chat::{ChatError, ChatModel, ChatReply, ChatRequest};
use seedbed_core::model::{Endpoint, EndpointKind, Message, Sampling};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use seedbed_hub::{HttpModel, Token};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

pub const KEY: &str = "hf_0123456789abcdefghij";

/// A piece of a body.
pub enum Piece {
    Bytes(Vec<u8>),
    Fails(TransportError),
    Silence,
}

/// What the transport does with a request.
pub enum Answer {
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        pieces: Vec<Piece>,
    },
    Fails(TransportError),
    Silence,
}

impl Answer {
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::pieces(status, vec![Piece::Bytes(body.as_ref().to_vec())])
    }

    pub fn pieces(status: u16, pieces: Vec<Piece>) -> Self {
        Self::Reply {
            status,
            headers: vec![("content-type".into(), "text/event-stream".into())],
            pieces,
        }
    }

    pub fn chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::pieces(
            200,
            chunks
                .into_iter()
                .map(|chunk| Piece::Bytes(chunk.to_vec()))
                .collect(),
        )
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }
}

/// Answers requests in turn and keeps them.
#[derive(Default)]
pub struct Script {
    pub answers: RefCell<VecDeque<Answer>>,
    pub requests: RefCell<Vec<HttpRequest>>,
    pub sleeps: RefCell<Vec<u64>>,
}

impl Script {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Rc<Self> {
        Rc::new(Self {
            answers: RefCell::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    pub fn bodies(&self) -> Vec<Value> {
        let requests = self.requests.borrow();
        requests
            .iter()
            .map(|request| serde_json::from_slice(request.body.bytes()).unwrap())
            .collect()
    }
}

impl Transport for Script {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        self.requests.borrow_mut().push(request);
        let answer = self
            .answers
            .borrow_mut()
            .pop_front()
            .expect("one request too many");
        async move {
            match answer {
                Answer::Fails(error) => Err(error),
                Answer::Silence => futures::future::pending().await,
                Answer::Reply {
                    status,
                    headers,
                    pieces,
                } => {
                    let body = stream::iter(pieces).then(|piece| async move {
                        match piece {
                            Piece::Bytes(bytes) => Ok(bytes),
                            Piece::Fails(error) => Err(error),
                            Piece::Silence => futures::future::pending().await,
                        }
                    });
                    Ok(HttpResponse {
                        status,
                        headers,
                        body: body.boxed_local(),
                    })
                }
            }
        }
        .boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.sleeps.borrow_mut().push(ms);
        async {}.boxed_local()
    }
}

pub fn router() -> Endpoint {
    Endpoint {
        kind: EndpointKind::HuggingFace,
        base_url: "https://router.huggingface.co/v1".into(),
        model: "m/x".into(),
        ..Endpoint::default()
    }
}

pub fn at(base_url: &str) -> Endpoint {
    Endpoint {
        base_url: base_url.into(),
        model: "m/x".into(),
        ..Endpoint::default()
    }
}

pub fn request(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.into(),
        messages: vec![Message::user("hi")],
        sampling: Sampling::default(),
    }
}

/// Asks once; what was told piece by piece comes with the result.
pub fn ask(model: &HttpModel, request: ChatRequest) -> (Result<ChatReply, ChatError>, String) {
    let mut told = String::new();
    let result = model
        .chat(request, &mut |piece| told.push_str(piece))
        .now_or_never()
        .expect("nothing here has to wait");
    (result, told)
}

/// Asks the router with a key and this one answer.
pub fn answered(answer: Answer) -> Result<ChatReply, ChatError> {
    answered_at(&router(), Some(KEY), answer)
}

pub fn answered_at(
    endpoint: &Endpoint,
    key: Option<&str>,
    answer: Answer,
) -> Result<ChatReply, ChatError> {
    let model = HttpModel::new(Script::new([answer]), endpoint, key.and_then(Token::new));
    ask(&model, request("m/x")).0
}

/// The chat exchange of a recording (the last one: preflights come first).
pub fn recording(text: &str) -> Value {
    let recording: Value = serde_json::from_str(text).unwrap();
    recording["exchanges"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone()
}

/// The recorded answer, played again.
pub fn replay(exchange: &Value) -> Answer {
    let response = &exchange["response"];
    let body = match response["body"]["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => response["body"]["json"].to_string().into_bytes(),
    };
    let pieces = vec![Piece::Bytes(body)];
    let headers = response["headers"].as_object().unwrap();
    Answer::Reply {
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
            .collect(),
        pieces,
    }
}

/// An event with this chunk.
pub fn event(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

/// A chunk with this delta.
pub fn delta(delta: &Value) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }))
}

/// The chunk that ends a reply.
pub fn ending(reason: &str) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }))
}

/// The end of a stream.
pub const DONE: &str = "data: [DONE]\n\n";
