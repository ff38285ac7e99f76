//! The engine worker: a language model on this device's graphics adapter. Started only when one is chosen.

#[cfg(target_arch = "wasm32")]
#[path = "../engine/mod.rs"]
mod engine;

#[cfg(target_arch = "wasm32")]
fn main() {
    engine::start();
}

/// It lives in a browser only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
