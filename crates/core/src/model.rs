//! Models as the app addresses them: endpoints, chat messages, sampling, usage, prices.

use serde::{Deserialize, Serialize};

/// Who said a chat message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing instruction.
    System,
    /// The asker.
    User,
    /// The model.
    Assistant,
}

/// One chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// The text.
    pub content: String,
}

impl Message {
    /// A system message.
    pub fn system(content: impl Into<String>) -> Self {
        Self {
            role: Role::System,
            content: content.into(),
        }
    }

    /// A user message.
    pub fn user(content: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            content: content.into(),
        }
    }

    /// An assistant message.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
        }
    }
}

/// The protocol behind an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// The Hugging Face router; authorised by the Hub token or an own token.
    HuggingFace,
    /// Any OpenAI-compatible address (Ollama, llama.cpp, vLLM, …); key optional.
    #[default]
    OpenAi,
    /// The model in this tab ([`crate::engine`]).
    Tab,
}

/// A model at an address. Holds no key: keys live in memory only, per address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The protocol.
    pub kind: EndpointKind,
    /// Base address up to and including the version, e.g. `http://localhost:11434/v1`, no trailing slash.
    pub base_url: String,
    /// Model id; with the router a `:provider` suffix or policy is allowed.
    pub model: String,
    /// Organisation that pays (router only, header `X-HF-Bill-To`).
    pub bill_to: Option<String>,
    /// Price in USD per million input tokens, if known.
    pub price_in: Option<f64>,
    /// Price in USD per million output tokens, if known.
    pub price_out: Option<f64>,
    /// SHA-256 of the model's file, for a model in the tab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Endpoint {
    /// What tells this model apart from another one of the same name: the hash of its file, or the origin of its
    /// address. The router's model ids are global.
    pub fn origin(&self) -> Option<String> {
        match self.kind {
            EndpointKind::HuggingFace => None,
            EndpointKind::OpenAi => Some(origin(&self.base_url)),
            EndpointKind::Tab => Some(format!("tab:{}", self.file.as_deref().unwrap_or_default())),
        }
    }
}

/// Scheme, host and port of an address, in lower case; an address without a scheme is taken whole.
pub fn origin(address: &str) -> String {
    let address = address.trim().to_ascii_lowercase();
    let Some((scheme, rest)) = address.split_once("://") else {
        return address;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// How to sample. Everything here changes the text and so is part of a record's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Softmax temperature, 0..=2.
    pub temperature: f64,
    /// Nucleus mass, 0..=1, if set.
    pub top_p: Option<f64>,
    /// Longest reply in tokens.
    pub max_tokens: u32,
    /// Random seed sent to the server, if set; sample `i` of an instruction sends `seed + i`.
    pub seed: Option<u64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.9,
            top_p: None,
            max_tokens: 2048,
            seed: None,
        }
    }
}

/// Tokens that a reply cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// The server did not say; these are our estimate.
    #[serde(default)]
    pub estimated: bool,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    #[default]
    Stop,
    /// The token limit cut it.
    Length,
    /// A filter withheld it.
    ContentFilter,
    /// Something else (tool calls and the like).
    #[serde(other)]
    Other,
}

/// A model in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Model id.
    pub id: String,
    /// Providers that serve it (router only).
    pub providers: Vec<ProviderInfo>,
}

/// One provider of a model on the router.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// Provider name, usable as `:suffix`.
    pub provider: String,
    /// Whether it answers now.
    pub is_live: bool,
    /// Longest context in tokens.
    pub context_length: Option<u64>,
    /// USD per million input tokens.
    pub price_in: Option<f64>,
    /// USD per million output tokens.
    pub price_out: Option<f64>,
    /// Costs nothing at present.
    pub is_free: bool,
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_has_no_path_and_no_user() {
        assert_eq!(
            origin("HTTPS://me:pw@API.example.com:8443/v1?x#y"),
            "https://api.example.com:8443"
        );
        assert_eq!(
            origin("http://localhost:11434/v1"),
            "http://localhost:11434"
        );
        assert_ne!(
            origin("https://example.com.evil.net/v1"),
            origin("https://example.com/v1")
        );
    }
}
