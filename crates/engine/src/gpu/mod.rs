//! What runs on the GPU: memory layouts, kernels, and the device they run on.

pub mod context;
pub mod format;
pub mod kit;
#[cfg(target_arch = "wasm32")]
mod subgroups;
pub mod weights;
pub mod wgsl;
