//! Scores and greedy tokens of a checkpoint, to be compared with another implementation's.
//!
//! `parity --model FILE [--config FILE] --ids ids.json --out logits.f32` writes `[T, V]` little-endian f32 scores;
//! `--greedy N` prints the N tokens that follow as JSON. `--half` keeps keys and values as halves, as the app does;
//! `--lanes` and `--groups` choose the kernels, which otherwise the adapter does; `--self-test` compares the device with
//! the CPU first.

#[cfg(not(target_arch = "wasm32"))]
mod tool;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    tool::main()
}

/// A browser has no command line.
#[cfg(target_arch = "wasm32")]
fn main() {}
