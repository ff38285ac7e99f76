//! The backend worker: `crates/backend` on the browser's files, locks and network.

#[cfg(target_arch = "wasm32")]
#[path = "../worker/mod.rs"]
mod worker;

#[cfg(target_arch = "wasm32")]
fn main() {
    worker::start();
}

/// It lives in a browser only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
