//! The import worker: reads tables that people bring. Started only for one.

#[cfg(target_arch = "wasm32")]
#[path = "../worker/import.rs"]
mod import;

#[cfg(target_arch = "wasm32")]
fn main() {
    import::start();
}

/// It lives in a browser only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
