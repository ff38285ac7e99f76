//! The one interface to a language model: [`ChatModel`]. Everything above it (drafting, evolving, runs) is the same
//! for the Hugging Face router, an OpenAI-compatible address and a model in the tab.

use crate::messages::Failure;
use crate::model::{FinishReason, Message, Sampling, Usage};
use futures::future::LocalBoxFuture;

/// One request to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// Model id as the endpoint knows it.
    pub model: String,
    /// The dialogue, last message from the user.
    pub messages: Vec<Message>,
    /// How to sample; `seed` already counts the sample index in.
    pub sampling: Sampling,
}

/// A whole reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReply {
    /// The text, without any reasoning.
    pub text: String,
    /// What the model thought before it answered, whether the server sends it apart or inside the text.
    pub reasoning: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Tokens; `None` when the server did not say.
    pub usage: Option<Usage>,
    /// Model that answered, as the server names it.
    pub model: Option<String>,
    /// What computed it, as the server names it (`system_fingerprint`).
    pub fingerprint: Option<String>,
}

/// What a failed request means for the run (generation rules, "Failure handling": the class decides everything).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Nothing will work until a person mends it (401, 402, 403, unknown model): pause the run, keep all rows.
    Stop,
    /// This row's request is wrong (400, 413, 422): fail it at once; five alike in a row pause the run.
    BadRequest,
    /// Too fast (429, 503 with a wait, 529): wait, send less; does not count against the row's attempts.
    SlowDown {
        /// What the server asked for, in milliseconds, where it can be read.
        wait_ms: Option<u64>,
    },
    /// May work next time (408, 409, 425, 5xx, network, timeout, cut stream).
    Transient,
    /// Stopped by us.
    Cancelled,
}

/// A request that gave no whole reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{failure}")]
pub struct ChatError {
    /// What it means for the run.
    pub class: ErrorClass,
    /// It was a network error without any answer: alone that may be "offline", several at once after success are a
    /// refusal without cross-origin headers, to be treated as [`ErrorClass::SlowDown`].
    pub is_network: bool,
    /// What it means for the person.
    pub failure: Failure,
}

/// A language model. Dropping the future stops the request.
pub trait ChatModel {
    /// Asks once. `on_delta` hears each piece of text as it comes.
    fn chat<'a>(
        &'a self,
        request: ChatRequest,
        on_delta: &'a mut dyn FnMut(&str),
    ) -> LocalBoxFuture<'a, Result<ChatReply, ChatError>>;
}
