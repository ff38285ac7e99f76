//! Where a model is: a checked base address and what may be sent there. The key of an endpoint is attached here and
//! nowhere else, so it goes to no other origin. (Should the server redirect to another origin, dropping the header is
//! the transport's matter; browsers do.)

use crate::Token;
use crate::transport::{HttpRequest, Method};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::model::{Endpoint, EndpointKind};

/// A checked endpoint.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) kind: EndpointKind,
    /// The model in this tab, which no network lies before.
    pub(super) is_tab: bool,
    /// Up to and including the version, no trailing slash.
    base: String,
    /// Host and port, as people write them.
    pub(super) host: String,
    /// The host is this computer.
    pub(super) is_loopback: bool,
    /// `http`, not `https`.
    pub(super) is_plain_http: bool,
    bill_to: Option<String>,
    key: Option<Token>,
}

impl Address {
    /// Checks an endpoint and its key.
    ///
    /// # Errors
    /// What is wrong with the address, the organisation's name or the key.
    pub(super) fn new(endpoint: &Endpoint, key: Option<Token>) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            Failure::new(FailureKind::Invalid, what)
                .means("No model can be asked there.")
                .next("Correct the address of the model, for example http://localhost:11434/v1.")
        };
        let base = endpoint.base_url.trim().trim_end_matches('/');
        // People paste the full address from a server's manual.
        let base = base
            .strip_suffix("/chat/completions")
            .unwrap_or(base)
            .trim_end_matches('/');
        if base.is_empty() {
            return Err(wrong("The address of the model is missing."));
        }
        let (scheme, rest) = base.split_once("://").unwrap_or_default();
        let is_tab = endpoint.kind == EndpointKind::Tab && base == seedbed_core::engine::ADDRESS;
        let is_plain_http = scheme.eq_ignore_ascii_case("http");
        if !is_tab && !is_plain_http && !scheme.eq_ignore_ascii_case("https") {
            return Err(wrong(
                "The address of the model does not begin with https:// or http://.",
            ));
        }
        let host = rest.split('/').next().unwrap_or_default().to_lowercase();
        if host.contains('@') {
            return Err(wrong(
                "The address of the model holds a user name or password; browsers refuse such addresses.",
            ));
        }
        let is_host =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '?' | '#');
        if host.is_empty() || !host.chars().all(is_host) || rest.contains(is_odd) {
            return Err(wrong("The address of the model can't be read."));
        }
        let bill_to = endpoint
            .bill_to
            .as_deref()
            .map(str::trim)
            .filter(|name| !name.is_empty());
        if bill_to.is_some_and(|name| !is_header_text(name)) {
            return Err(Failure::new(
                FailureKind::Invalid,
                "The name of the paying organisation can't be sent.",
            )
            .means("The model was not asked.")
            .next("Write the organisation's name as it stands in its address on the Hub."));
        }
        if key
            .as_ref()
            .is_some_and(|key| !is_header_text(key.secret()))
        {
            return Err(Failure::new(
                FailureKind::Auth,
                "The key holds characters that no key has.",
            )
            .means("The model was not asked.")
            .next("Copy the key again, without spaces or quotation marks, and enter it anew."));
        }
        Ok(Self {
            kind: endpoint.kind,
            base: base.to_owned(),
            is_tab,
            is_loopback: is_tab || is_loopback(&host),
            host,
            is_plain_http,
            // Elsewhere an unknown header would only fail the browser's preflight.
            bill_to: bill_to
                .filter(|_| endpoint.kind == EndpointKind::HuggingFace)
                .map(str::to_owned),
            key,
        })
    }

    /// How the place is called in a sentence.
    pub(super) fn name(&self) -> String {
        match self.kind {
            EndpointKind::HuggingFace => "The Hugging Face router".to_owned(),
            EndpointKind::OpenAi => format!("The server at {}", self.host),
            EndpointKind::Tab => "The model in this tab".to_owned(),
        }
    }

    /// The key, for taking it out of texts.
    pub(super) fn key(&self) -> Option<&Token> {
        self.key.as_ref()
    }

    /// A chat request with this body.
    pub(super) fn chat(&self, body: Vec<u8>) -> HttpRequest {
        let mut headers = self.headers();
        headers.push(("Content-Type".into(), "application/json".into()));
        HttpRequest {
            method: Method::Post,
            url: format!("{}/chat/completions", self.base),
            headers,
            body: body.into(),
        }
    }

    /// The request for the list of models.
    pub(super) fn models(&self) -> HttpRequest {
        self.get(format!("{}/models", self.base))
    }

    /// The request for Ollama's own list of models, which stands beside `/v1`.
    pub(super) fn tags(&self) -> HttpRequest {
        let root = self.base.strip_suffix("/v1").unwrap_or(&self.base);
        self.get(format!("{root}/api/tags"))
    }

    fn get(&self, url: String) -> HttpRequest {
        let mut headers = self.headers();
        headers.push(("Accept".into(), "application/json".into()));
        HttpRequest {
            method: Method::Get,
            url,
            headers,
            body: Vec::new().into(),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let key = self
            .key
            .iter()
            .map(|key| ("Authorization".into(), format!("Bearer {}", key.secret())));
        let payer = self
            .bill_to
            .iter()
            .map(|name| ("X-HF-Bill-To".into(), name.clone()));
        key.chain(payer).collect()
    }
}

fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") || name == "::1"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(base_url: &str) -> Result<Address, Failure> {
        let endpoint = Endpoint {
            base_url: base_url.into(),
            ..Endpoint::default()
        };
        Address::new(&endpoint, None)
    }

    #[test]
    fn an_address_is_taken_as_people_paste_it() {
        for pasted in [
            "http://localhost:11434/v1",
            " http://localhost:11434/v1/ ",
            "http://localhost:11434/v1/chat/completions",
        ] {
            let address = at(pasted).unwrap();
            assert_eq!(
                address.chat(Vec::new()).url,
                "http://localhost:11434/v1/chat/completions"
            );
            assert_eq!(address.models().url, "http://localhost:11434/v1/models");
            assert_eq!(address.tags().url, "http://localhost:11434/api/tags");
            assert_eq!(address.host, "localhost:11434");
        }
    }

    #[test]
    fn only_this_computer_counts_as_this_computer() {
        for here in [
            "http://127.0.0.1:8080",
            "http://[::1]:1/v1",
            "http://LOCALHOST",
            "https://a.localhost/v1",
        ] {
            assert!(at(here).unwrap().is_loopback, "{here}");
        }
        for there in [
            "http://localhost.example.org",
            "http://192.168.1.7:11434/v1",
            "https://[::2]/v1",
        ] {
            assert!(!at(there).unwrap().is_loopback, "{there}");
        }
    }

    #[test]
    fn addresses_that_could_carry_a_key_elsewhere_are_refused() {
        for wrong in [
            "",
            "localhost:11434",
            "ftp://a/v1",
            "https://",
            "https:///v1",
            "https://good.org@evil.org/v1",
            "https://good.org\\@evil.org/v1",
            "https://a.org/v1?x=",
            "https://a.org/v1#",
            "https://a b/v1",
        ] {
            assert_eq!(at(wrong).unwrap_err().kind, FailureKind::Invalid, "{wrong}");
        }
    }

    #[test]
    fn a_key_that_would_break_a_header_is_refused_with_words_that_do_not_repeat_it() {
        let endpoint = Endpoint {
            base_url: "https://a.org/v1".into(),
            ..Endpoint::default()
        };
        let failure = Address::new(&endpoint, Token::new("ab\r\ncd")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth);
        assert!(!format!("{failure:?}").contains("cd\""));
    }
}
