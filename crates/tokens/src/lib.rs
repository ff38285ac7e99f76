//! Tokenizers, chat templates and stop rules of language models, from the metadata of their files.
//!
//! What people and models write is hostile: [`Tokenizer::encode`] and [`Tokenizer::encode_parts`] never take a control
//! token from it, and templates ([`Template`]) have a limit on work. A kind of tokenizer that is not known is an error,
//! never a default: ids that are nearly right give text that is nearly right, and nobody sees why.

mod jinja;
mod json;
mod marks;
mod split;
mod template;
mod text;
mod tokenizer;
mod turns;

pub use split::Splitter;
pub use template::{Message, Template};
pub use text::{StopStrings, Stream};
pub use tokenizer::Tokenizer;
pub use turns::TurnEnd;

/// A tokenizer as a model file describes it (GGUF keys `tokenizer.ggml.*`).
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// `gpt2` for byte-level BPE, `llama` for SentencePiece BPE.
    pub model: String,
    /// Name of the pre-tokenizer.
    pub pre: Option<String>,
    /// Text of each token.
    pub tokens: Vec<String>,
    /// Pairs that are merged, first to last: two tokens with a space between.
    pub merges: Vec<String>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub kinds: Vec<u8>,
    /// Scores of SentencePiece tokens.
    pub scores: Vec<f32>,
    /// Begins a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// Ends a turn.
    pub eot: Option<u32>,
    /// Stands for what has no token.
    pub unknown: Option<u32>,
    /// Whether texts begin with `bos`.
    pub add_bos: Option<bool>,
    /// Whether a space is put before the first word.
    pub add_space_prefix: Option<bool>,
    /// The chat template.
    pub chat_template: Option<String>,
}

impl Vocabulary {
    /// Reads Hugging Face's `tokenizer.json`, and the template and flags of `tokenizer_config.json`. What its sections
    /// say is compared with what is known, whole: a pattern that differs in one letter is an error.
    ///
    /// # Errors
    /// The text is no such file, or the tokenizer is of a kind that is not known.
    pub fn from_tokenizer_json(
        tokenizer_json: &str,
        tokenizer_config_json: Option<&str>,
    ) -> Result<Self, Error> {
        json::read(tokenizer_json, tokenizer_config_json)
    }
}

/// A stretch of a rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Control tokens may be in it.
    pub is_template: bool,
}

/// Why a tokenizer or template can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A kind that is not known.
    #[error(
        "The model's tokenizer is of the kind “{0}”, which this engine does not have. Choose a model of the Llama, Qwen, SmolLM or Gemma 3 family."
    )]
    UnknownTokenizer(String),
    /// A pre-tokenizer that is not known.
    #[error(
        "The model's text is cut by the rules “{0}”, which this engine does not have. Choose a model of the Llama 3, Qwen, SmolLM or Gemma 3 family."
    )]
    UnknownPreTokenizer(String),
    /// Something is not there.
    #[error("The model file lacks {0}. Choose another file of this model.")]
    Missing(&'static str),
    /// Parts do not fit together.
    #[error("The model's tokenizer is damaged: {0}. Download the file again or choose another.")]
    Contradiction(String),
    /// `tokenizer.json` or `tokenizer_config.json` is not what it should be.
    #[error(
        "The model's tokenizer file can't be read: {0}. Download the file again or choose another model."
    )]
    Json(String),
    /// It does something that is not known.
    #[error(
        "The model's tokenizer file asks for {0}, which this engine does not have. Choose a model of the Llama 3, Qwen, SmolLM or Gemma 3 family."
    )]
    Unsupported(String),
    /// A template that does not take the messages, in its own words.
    #[error(
        "The model's chat template does not take these messages. It says: “{0}”. Change who speaks when, or choose another model."
    )]
    Refused(String),
    /// A template that can't be rendered.
    #[error(
        "The model's chat template can't be used here: {0}. Choose another file of this model, or another model."
    )]
    Template(String),
}
