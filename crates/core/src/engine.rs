//! The model in this tab: what the page, the back end and the engine worker say to each other about it.
//!
//! To the rest of the app the engine is an address like any other: [`ADDRESS`] speaks the OpenAI protocol (`/models`,
//! `/chat/completions`), but its requests go to a worker instead of the network. Beside it, [`CONTROL`] loads and unloads.

use serde::{Deserialize, Serialize};

/// Base address of the model in this tab, for [`crate::model::Endpoint::base_url`].
pub const ADDRESS: &str = "tab://engine/v1";
/// Base address of what controls the engine: `/state`, `/load`, `/unload`, `/forget`, `/measure`.
pub const CONTROL: &str = "tab://engine";

/// Header by which a request says whose answer it asks for: the key of a run's row.
pub const ROW: &str = "seedbed-row";
/// Seconds between two signs of life of the engine's worker while it works.
pub const BEAT_S: u32 = 3;
/// Seconds between two looks whether it gave one.
pub const LOOK_S: u32 = 5;
/// Seconds of silence after which it is ended and started again.
pub const SILENCE_S: u32 = 60;

/// A model file and how it should run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineModel {
    /// Where the file is: an address of http(s), or one that the browser gave a picked file (`blob:`).
    pub url: String,
    /// The file's name, which is the model's name too.
    pub name: String,
    /// Its bytes, if known.
    pub bytes: Option<u64>,
    /// Its SHA-256 in hex, if known: it is verified.
    pub sha256: Option<String>,
    /// Its licence, if known.
    pub license: Option<String>,
    /// Repo on the Hub that it comes from.
    pub repo: Option<String>,
    /// All files of a model in safetensors: `config.json`, `tokenizer.json`, what goes with them, and the weights. `url` is
    /// then only what the model is known by, and `bytes` those of all files. Empty for GGUF, where `url` is the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<EngineFile>,
}

/// One file of a model in several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineFile {
    /// Where it is, as in [`EngineModel::url`].
    pub url: String,
    /// Its name, without folders.
    pub name: String,
    /// Its bytes, if known.
    pub bytes: Option<u64>,
}

/// Sizes chosen by the person; 0 lets the engine choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSizes {
    /// Tokens of a question and its answer together.
    pub context: u32,
    /// Answers at once.
    pub slots: u32,
}

/// The graphics adapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineAdapter {
    /// Name, as far as the browser tells it.
    pub name: String,
    /// It computes on the processor: slow, but right.
    pub is_software: bool,
    /// Most bytes in one piece of its memory.
    pub binding_bytes: u64,
}

/// The model that is loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineLoaded {
    /// The file.
    pub model: EngineModel,
    /// Family, such as `Llama`.
    pub family: String,
    /// Quantization of most weights, such as `Q4_1`.
    pub quantization: String,
    /// Bytes of weights on the device.
    pub weight_bytes: u64,
    /// Bytes of keys and values on the device.
    pub memory_bytes: u64,
    /// Sizes as they are.
    pub sizes: EngineSizes,
    /// Largest error of the self-test, relative to the scores' spread.
    pub self_test: f64,
    /// Seconds that loading took.
    pub seconds: f64,
    /// Its file is kept in this browser. It is not where storage is full or switched off.
    #[serde(default)]
    pub is_kept: bool,
}

/// A file that is kept in the browser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineKept {
    /// The file.
    pub model: EngineModel,
    /// Bytes that are there.
    pub have: u64,
    /// All of it is there, and verified.
    pub is_whole: bool,
}

/// How quick it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineSpeed {
    /// Tokens per second of all answers together, lately.
    pub tokens_per_second: f64,
    /// Answers being written.
    pub running: u32,
    /// Answers whose question is being read.
    #[serde(default)]
    pub reading: u32,
    /// Answers that wait.
    pub waiting: u32,
    /// Tokens made since the model was loaded.
    pub tokens: u64,
    /// Seconds that reading a token of a question took lately; 0 if not known.
    #[serde(default)]
    pub read_s: f64,
    /// Seconds that a token of every answer being written took lately; 0 if not known.
    #[serde(default)]
    pub step_s: f64,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineStep {
    /// It waits behind so many others.
    Waiting {
        /// How many.
        before: u32,
    },
    /// Its question is being read.
    Reading {
        /// Tokens read.
        read: u32,
        /// Tokens of the question.
        total: u32,
    },
    /// It is being written.
    Writing {
        /// Tokens written.
        written: u32,
        /// Most tokens.
        most: u32,
    },
}

/// An answer under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineRow {
    /// Whose: what its request said in [`ROW`].
    pub row: String,
    /// How far it is.
    pub step: EngineStep,
    /// Seconds until it is whole at most, as quick as it was lately; unknown while it waits or nothing was measured.
    pub seconds_left: Option<u64>,
}

/// Everything about the engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineState {
    /// The adapter, if there is one.
    pub adapter: Option<EngineAdapter>,
    /// Why this browser can't run a model, if it can't.
    pub trouble: Option<String>,
    /// What is loaded.
    pub loaded: Option<EngineLoaded>,
    /// What is kept, newest first.
    pub kept: Vec<EngineKept>,
    /// How quick it is.
    pub speed: EngineSpeed,
    /// Rows of a run that it answers, those that wait last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<EngineRow>,
    /// Bytes of the worker's own memory, the most it ever took. Weights are not in it: they go through to the device.
    #[serde(default)]
    pub heap_bytes: u64,
}

/// Where loading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineStage {
    /// Asking where the file is.
    #[default]
    Connecting,
    /// Reading it from the browser's storage.
    Reading,
    /// Fetching it.
    Downloading,
    /// Trying the device.
    Testing,
    /// Making room for sequences and compiling kernels.
    Preparing,
}

/// One figure of a measurement of the loaded model on its device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineFigure {
    /// What: `load`, `heap`, `copy`, `bytes_per_token`, `first_token`, `prefill`, `decode`, `dispatches`, `readbacks` or
    /// `bandwidth_share`.
    pub name: String,
    /// Answers side by side; 0 where that means nothing.
    pub at_once: u32,
    /// How much.
    pub value: f64,
    /// Of what: `MB`, `MB/s`, `GB/s`, `s`, `tokens/s`, `1/token`, or `1` for a share.
    pub unit: String,
}

/// What is told while the loaded model is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineTold {
    /// A measurement begins.
    Begins {
        /// Its name, as in [`EngineFigure::name`].
        name: String,
        /// Answers side by side; 0 where that means nothing.
        at_once: u32,
        /// Measurements done before it.
        done: u32,
        /// Measurements in all.
        total: u32,
    },
    /// A figure is there.
    Figure(EngineFigure),
    /// So many answers side by side can't be measured.
    Skipped {
        /// How many.
        at_once: u32,
        /// Why.
        reason: String,
    },
}

/// A line of what `/load` and `/measure` answer: progress, and at the end the state or a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineLine {
    /// How far it is.
    Progress {
        /// Where.
        stage: EngineStage,
        /// Bytes done.
        done: u64,
        /// Bytes in all; 0 if not known.
        total: u64,
    },
    /// News of a measurement.
    Measure(EngineTold),
    /// It is done.
    State(Box<EngineState>),
    /// It is not.
    Failed(crate::messages::Failure),
}

/// What `/load` is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineOrder {
    /// The file.
    pub model: EngineModel,
    /// The sizes.
    pub sizes: EngineSizes,
}
