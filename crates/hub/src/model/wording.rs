//! The plain words for what can go wrong with a model: what happened, what it means for the work, what to do now.

use super::errors::Asked;
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::model::EndpointKind;

/// What stays true whatever happens to one request.
pub(super) const KEPT: &str = "Everything made so far is kept.";

impl Asked<'_> {
    pub(super) fn unreachable(self) -> Failure {
        let address = self.address;
        let host = &address.host;
        let failure =
            Failure::new(FailureKind::Network, format!("No answer from {host}.")).means(KEPT);
        if address.kind == EndpointKind::Tab {
            Failure::new(
                FailureKind::Network,
                "The model in this tab did not answer.",
            )
            .means(KEPT)
            .next("Open “Choose a model” and load it again, or choose another one.")
        } else if address.is_loopback {
            failure.next(format!(
                "Check that the server runs and listens at {host}. It must also allow this page: with Ollama, set \
                 OLLAMA_ORIGINS to the address of this page and start it again; with LM Studio, switch on CORS. If the \
                 browser asks whether the page may reach this computer, allow it."
            ))
        } else if address.is_plain_http {
            failure.next(format!(
                "A page that came by https can't reach an http address on another computer: browsers refuse mixed \
                 content. Give {host} an https address, or run the model on this computer. Otherwise check that the \
                 server runs and allows other pages (CORS)."
            ))
        } else if address.kind == EndpointKind::HuggingFace {
            failure.next("Check that this computer is online, then try again.")
        } else {
            failure.next(
                "Check that this computer is online and the address is right. If both are, the server does not allow \
                 requests from other pages (CORS); then only its operator can change that.",
            )
        }
    }

    pub(super) fn unknown_key(self) -> Failure {
        let is_router = self.address.kind == EndpointKind::HuggingFace;
        let place = self.address.name();
        let (what, next) = match (self.address.key().is_some(), is_router) {
            (true, true) => (
                "Hugging Face did not accept the token.".to_owned(),
                "Sign in again, or enter a token that may call inference providers.",
            ),
            (false, true) => (
                "Hugging Face wants to know who asks.".to_owned(),
                "Sign in, or enter a token that may call inference providers.",
            ),
            (true, false) => (
                format!("{place} did not accept the key."),
                "Check the key and enter it again.",
            ),
            (false, false) => (
                format!("{place} asks for a key."),
                "Enter the key for this address.",
            ),
        };
        Failure::new(FailureKind::Auth, what)
            .means(format!("No text can be made until then. {KEPT}"))
            .next(next)
    }

    pub(super) fn no_credits(self) -> Failure {
        let (what, next) = match self.address.kind {
            EndpointKind::HuggingFace => (
                "The credits for inference providers are used up.".to_owned(),
                "Buy credits or subscribe to PRO on Hugging Face, let an organisation pay, use a key of your own at \
                 another provider, or run a model on this computer.",
            ),
            EndpointKind::OpenAi | EndpointKind::Tab => (
                format!(
                    "{} says that the credit or quota is used up.",
                    self.address.name()
                ),
                "Add credit there, or choose another model.",
            ),
        };
        Failure::new(FailureKind::Credits, what)
            .means(format!(
                "No more text can be made with this account. {KEPT}"
            ))
            .next(next)
    }

    pub(super) fn forbidden(self) -> Failure {
        let next = match self.address.kind {
            EndpointKind::HuggingFace => {
                "Accept the model's conditions on its page, or sign in with the right to call inference providers."
            }
            EndpointKind::OpenAi if self.address.is_loopback => {
                "With Ollama, set OLLAMA_ORIGINS to the address of this page and start it again. Otherwise check the key."
            }
            EndpointKind::OpenAi | EndpointKind::Tab => {
                "Check what the key may do, or choose another model."
            }
        };
        Failure::new(
            FailureKind::Forbidden,
            format!(
                "{} does not allow the use of {}.",
                self.address.name(),
                self.model_name()
            ),
        )
        .means(format!("No text can be made until then. {KEPT}"))
        .next(next)
    }

    pub(super) fn not_found(self) -> Failure {
        let place = self.address.name();
        if self.model.is_empty() {
            return Failure::new(
                FailureKind::NotFound,
                format!("{place} has no list of models."),
            )
            .means("Its models can't be shown.")
            .next(
                "Check the address, which usually ends in /v1, or write the model's name by hand.",
            );
        }
        let next = match self.address.kind {
            EndpointKind::HuggingFace => {
                "Choose another model, or switch on a provider that serves this one in your Hugging Face settings."
            }
            EndpointKind::Tab => "Open “Choose a model” and load it into this tab.",
            EndpointKind::OpenAi => {
                "Check the model's name and the address, which usually ends in /v1. With Ollama, pull the model first."
            }
        };
        let what = if self.address.kind == EndpointKind::Tab {
            format!("{} is not loaded in this tab.", self.model)
        } else {
            format!("{place} does not know the model {}.", self.model)
        };
        Failure::new(FailureKind::NotFound, what)
            .means(format!("No text can be made with it. {KEPT}"))
            .next(next)
    }

    pub(super) fn no_model_here(self) -> Failure {
        Failure::new(
            FailureKind::NotFound,
            format!("{} answered with a web page.", self.address.name()),
        )
        .means(format!(
            "There seems to be no model at this address. {KEPT}"
        ))
        .next("Check the address; it usually ends in /v1.")
    }

    pub(super) fn moved(self) -> Failure {
        Failure::new(
            FailureKind::Invalid,
            format!("{} answers at another address.", self.address.name()),
        )
        .means(format!(
            "The key is not sent on to another address, so the model was not asked. {KEPT}"
        ))
        .next("Enter the new address of the model.")
    }

    pub(super) fn too_fast(self, wait_ms: Option<u64>) -> Failure {
        Failure::new(
            FailureKind::RateLimited,
            format!("{} asks to slow down.", self.address.name()),
        )
        .means(KEPT)
        .next(waiting(wait_ms))
    }

    pub(super) fn overloaded(self, wait_ms: Option<u64>) -> Failure {
        Failure::new(
            FailureKind::Server,
            format!(
                "{} is overloaded or still loading the model.",
                self.address.name()
            ),
        )
        .means(KEPT)
        .next(waiting(wait_ms))
    }

    pub(super) fn server_failed(self) -> Failure {
        Failure::new(
            FailureKind::Server,
            format!("{} failed.", self.address.name()),
        )
        .means("This answer is missing; everything made so far is kept.")
        .next("Try again; if it goes on, choose another model or provider.")
    }

    pub(super) fn model_name(self) -> String {
        if self.model.is_empty() {
            self.address.name()
        } else {
            self.model.to_owned()
        }
    }
}

fn waiting(wait_ms: Option<u64>) -> String {
    match wait_ms {
        Some(ms) if ms >= 120_000 => {
            format!("It can go on in about {} minutes.", ms.div_ceil(60_000))
        }
        Some(ms) if ms > 1_000 => format!("It can go on in {} seconds.", ms.div_ceil(1_000)),
        Some(_) => "It can go on at once.".to_owned(),
        None => "Wait a little, then try again with fewer requests at once.".to_owned(),
    }
}
