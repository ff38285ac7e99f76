//! A language model on WebGPU.
//!
//! [`gpu`] holds memory layouts, kernels and the device; [`engine`] the sequences that are decoded side by side;
//! [`load`] reads model files into an engine.

pub mod chat;
pub mod engine;
pub mod figures;
pub mod gpu;
#[cfg(not(target_arch = "wasm32"))]
pub mod load;
pub mod reference;
pub mod selftest;
pub mod tune;

/// What went wrong, in words for the person who chose the model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// WebGPU is there, but offers no adapter.
    #[error("No graphics adapter is available: {0}")]
    NoAdapter(String),
    /// The device refused or was lost.
    #[error("The graphics device failed: {0}")]
    Device(String),
    /// The model or the request asks for what the engine does not have.
    #[error("{0}")]
    Unsupported(String),
    /// The file is damaged or not a model this engine reads.
    #[error("{0}")]
    File(String),
}

impl From<seedbed_weights::Error> for Error {
    fn from(error: seedbed_weights::Error) -> Self {
        Self::File(error.to_string())
    }
}

/// Seconds, for differences.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now() -> f64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn now() -> f64 {
    js_sys::Date::now() / 1000.0
}
