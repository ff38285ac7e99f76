//! The parquet worker: writes the published table. Started only to publish, because the format is heavy.

#[cfg(target_arch = "wasm32")]
#[path = "../worker/parquet.rs"]
mod parquet;

#[cfg(target_arch = "wasm32")]
fn main() {
    parquet::start();
}

/// It lives in a browser only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
