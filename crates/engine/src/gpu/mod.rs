//! What runs on the GPU: memory layouts, kernels, and the device they run on.

pub mod context;
pub mod format;
pub mod weights;
pub mod wgsl;
