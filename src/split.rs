//! The pieces of the app as files of their own: each function here marks a place where `cargo xtask dist` cuts.
//!
//! What shares a name ends up in one file; with a name each there would be dozens of small ones for what pages share.
//!
//! It belongs to the page's binary and not to the library, because what is marked stays in every binary it is linked
//! into, the workers among them.
// The attribute writes the calls over the boundary between two wasm modules.
#![allow(unsafe_code)]

use leptos::wasm_split::{SplitLoaderError, wasm_split};
use seedbed::app::pieces::{
    Make, Pieces, make_dialogs, make_generate, make_measure, make_prompts, make_publish,
    make_review, make_seed, not_fetched,
};
use seedbed::platform::link::{Reader, read_event};

macro_rules! piece {
    ($file:ident, $name:ident, $make:ident) => {
        #[wasm_split($file, wasm_split_path = ::leptos::wasm_split, fallible)]
        fn $name() -> Result<Make, SplitLoaderError> {
            Ok($make)
        }
    };
}

piece!(work, seed, make_seed);
piece!(work, prompts, make_prompts);
piece!(work, generate, make_generate);
piece!(review, review, make_review);
piece!(work, publish, make_publish);
piece!(work, dialogs, make_dialogs);
piece!(work, measure, make_measure);

/// Fetched with the worker: nothing can be read before there is one.
#[wasm_split(reader, wasm_split_path = ::leptos::wasm_split, fallible)]
fn reader() -> Result<Reader, SplitLoaderError> {
    Ok(read_event)
}

macro_rules! load {
    ($name:ident) => {
        || Box::pin(async { $name().await.map_err(|_| not_fetched()) })
    };
}

/// Each is fetched when it is wanted.
pub(crate) const PIECES: Pieces = Pieces {
    seed: load!(seed),
    prompts: load!(prompts),
    generate: load!(generate),
    review: load!(review),
    publish: load!(publish),
    dialogs: load!(dialogs),
    measure: load!(measure),
    reader: load!(reader),
};
