//! Language models over HTTP: the Hugging Face router and every address that speaks the OpenAI chat protocol.
//!
//! [`HttpModel`] asks once per call and sorts what went wrong; waiting and asking again is the scheduler's matter. The
//! one exception is a field that the server says it does not take (`stream_options`, `seed`, `max_tokens`): the request
//! is sent again without it, and the model remembers. So keep one [`HttpModel`] for a run.
//!
//! Servers are waited for within limits. The model in this tab is not: it may have to load first and to make others'
//! answers, it can't be lost on the way, and its worker tells when it fails.

mod address;
mod errors;
mod halves;
mod list;
mod redact;
mod request;
mod said;
mod stream;
mod wording;

use crate::Token;
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use address::Address;
use errors::{Asked, Refusal, stop};
use futures::future::{Either, LocalBoxFuture, pending, select};
use futures::{FutureExt, StreamExt};
pub use list::list_models;
use request::Habits;
use said::Said;
use seedbed_core::chat::{ChatError, ChatModel, ChatReply, ChatRequest};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::model::Endpoint;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use stream::{Decoder, Progress};

/// Longest wait for the first byte of an answer, in milliseconds. Local servers load the model first, and servers that
/// do not stream send nothing until the whole answer is there.
pub const FIRST_BYTE_MS: u64 = 120_000;
/// Longest silence within an answer, in milliseconds.
pub const BETWEEN_CHUNKS_MS: u64 = 60_000;
/// Longest time for one answer from the first request on, in milliseconds: a server that sends a byte a minute is never
/// silent, and holds a place of the run for ever.
pub const WHOLE_ANSWER_MS: u64 = 30 * 60_000;
/// Longest wait for the count of tokens once the text is whole, in milliseconds.
pub const AFTER_END_MS: u64 = 10_000;
/// Longest time for reading the body of a refusal, in milliseconds.
const REFUSAL_MS: u64 = 10_000;
/// How much of a refusal is read, in bytes.
const REFUSAL_BYTES: usize = 64 * 1024;
/// Requests for one answer at most: each refusal of a field leads to one more.
const MAX_SENDS: u32 = 5;

/// A model at an address.
pub struct HttpModel {
    transport: Rc<dyn Transport>,
    address: Result<Address, Failure>,
    /// What was learned, by model.
    habits: RefCell<HashMap<String, Habits>>,
}

impl HttpModel {
    /// A model at `endpoint`. The key goes to the endpoint's own origin only. An unusable address is told by
    /// [`ChatModel::chat`].
    pub fn new(transport: Rc<dyn Transport>, endpoint: &Endpoint, key: Option<Token>) -> Self {
        Self {
            transport,
            address: Address::new(endpoint, key),
            habits: RefCell::default(),
        }
    }

    async fn ask(
        &self,
        request: &ChatRequest,
        on_delta: &mut dyn FnMut(&str),
    ) -> Result<ChatReply, ChatError> {
        let address = self
            .address
            .as_ref()
            .map_err(|failure| stop(failure.clone()))?;
        if request.model.trim().is_empty() {
            return Err(stop(
                Failure::new(FailureKind::Invalid, "No model is chosen.")
                    .means("Nothing was asked.")
                    .next("Choose a model first."),
            ));
        }
        let asked = Asked {
            address,
            model: &request.model,
        };
        let mut habits = self
            .habits
            .borrow()
            .get(&request.model)
            .copied()
            .unwrap_or_default();
        let transport = self.transport.as_ref();
        let mut sends = 0;
        let whole = wait(transport, asked, WHOLE_ANSWER_MS);
        let mut patience = Patience {
            whole,
            next: wait(transport, asked, FIRST_BYTE_MS),
        };
        loop {
            sends += 1;
            let http = address.chat(request::body(request, habits));
            let response = send(transport, http, &mut patience, asked).await?;
            if (200..300).contains(&response.status) {
                self.habits
                    .borrow_mut()
                    .insert(request.model.clone(), habits);
                return self.read(response, patience, asked, on_delta).await;
            }
            let refusal = read_refusal(transport, response, asked).await;
            let next = match refusal.status {
                400 | 422 if sends < MAX_SENDS => habits.after(&refusal.said, request),
                _ => None,
            };
            match next {
                Some(next) => habits = next,
                None => return Err(asked.refused(&refusal.as_ref())),
            }
            patience.next = wait(transport, asked, FIRST_BYTE_MS);
        }
    }

    /// Reads the body of a good answer. `patience` still runs for its first byte.
    async fn read(
        &self,
        response: HttpResponse,
        mut patience: Patience,
        asked: Asked<'_>,
        on_delta: &mut dyn FnMut(&str),
    ) -> Result<ChatReply, ChatError> {
        let mut body = response.body;
        let mut decoder = Decoder::new();
        let mut progress = Progress::More;
        let mut has_begun = false;
        while progress != Progress::Done {
            let chunk = match patience.within(body.next()).await {
                Ok(chunk) => chunk,
                // The text is whole; only the count of tokens is lost.
                Err(_) if progress == Progress::Ended => break,
                Err(Over::Silence) => Some(Err(TransportError::TimedOut)),
                Err(Over::Whole) => return Err(asked.too_long()),
            };
            match chunk {
                Some(Ok(bytes)) => {
                    has_begun |= !bytes.is_empty();
                    progress = decoder
                        .push(&bytes, on_delta)
                        .map_err(|broken| asked.broken(broken))?;
                }
                None => break,
                Some(Err(TransportError::Aborted)) => {
                    return Err(asked.lost(&TransportError::Aborted, true));
                }
                Some(Err(_)) if progress == Progress::Ended => break,
                Some(Err(TransportError::TimedOut)) => return Err(asked.too_slow(has_begun)),
                Some(Err(error)) => return Err(asked.lost(&error, true)),
            }
            let next = match progress {
                Progress::Ended => AFTER_END_MS,
                Progress::More | Progress::Done => BETWEEN_CHUNKS_MS,
            };
            patience.next = wait(self.transport.as_ref(), asked, next);
        }
        decoder.end(on_delta).map_err(|broken| asked.broken(broken))
    }
}

impl ChatModel for HttpModel {
    fn chat<'a>(
        &'a self,
        request: ChatRequest,
        on_delta: &'a mut dyn FnMut(&str),
    ) -> LocalBoxFuture<'a, Result<ChatReply, ChatError>> {
        async move { self.ask(&request, on_delta).await }.boxed_local()
    }
}

/// Ready after `ms` milliseconds; never for the model in this tab.
fn wait(transport: &dyn Transport, asked: Asked<'_>, ms: u64) -> LocalBoxFuture<'static, ()> {
    if asked.address.is_tab {
        pending().boxed_local()
    } else {
        transport.sleep(ms)
    }
}

/// What is over.
enum Over {
    /// Nothing came for too long.
    Silence,
    /// The whole took too long.
    Whole,
}

/// How long an answer is waited for.
struct Patience {
    /// Until it is there.
    whole: LocalBoxFuture<'static, ()>,
    /// Until its next piece is there.
    next: LocalBoxFuture<'static, ()>,
}

impl Patience {
    async fn within<T>(&mut self, future: impl Future<Output = T> + Unpin) -> Result<T, Over> {
        match select(future, select(&mut self.next, &mut self.whole)).await {
            Either::Left((value, _)) => Ok(value),
            Either::Right((Either::Left(_), _)) => Err(Over::Silence),
            Either::Right((Either::Right(_), _)) => Err(Over::Whole),
        }
    }
}

/// Sends a request and waits for the head of its answer while `patience` lasts.
async fn send(
    transport: &dyn Transport,
    request: HttpRequest,
    patience: &mut Patience,
    asked: Asked<'_>,
) -> Result<HttpResponse, ChatError> {
    match patience.within(transport.send(request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(asked.lost(&error, false)),
        Err(Over::Silence) => Err(asked.too_slow(false)),
        Err(Over::Whole) => Err(asked.too_long()),
    }
}

/// A refusal that was read.
struct Refused {
    status: u16,
    headers: Vec<(String, String)>,
    said: Said,
}

impl Refused {
    fn as_ref(&self) -> Refusal<'_> {
        Refusal {
            status: self.status,
            headers: &self.headers,
            said: &self.said,
        }
    }
}

/// Reads what a refusal says, as far as it comes.
async fn read_refusal(
    transport: &dyn Transport,
    response: HttpResponse,
    asked: Asked<'_>,
) -> Refused {
    let HttpResponse {
        status,
        headers,
        mut body,
    } = response;
    let mut patience = wait(transport, asked, REFUSAL_MS);
    let mut bytes = Vec::new();
    while bytes.len() < REFUSAL_BYTES {
        match select(body.next(), &mut patience).await {
            Either::Left((Some(Ok(chunk)), _)) => bytes.extend_from_slice(&chunk),
            Either::Left((Some(Err(_)) | None, _)) | Either::Right(_) => break,
        }
    }
    bytes.truncate(REFUSAL_BYTES);
    Refused {
        status,
        headers,
        said: Said::from_body(&bytes),
    }
}
