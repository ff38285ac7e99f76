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
use seedbed::ui::formula::Typeset;
use seedbed::ui::formula::typeset::typeset;

macro_rules! piece {
    ($file:ident, $name:ident, $what:expr, $type:ty) => {
        #[wasm_split($file, wasm_split_path = ::leptos::wasm_split, fallible)]
        fn $name() -> Result<$type, SplitLoaderError> {
            Ok($what)
        }
    };
}

piece!(work, seed, make_seed, Make);
piece!(work, prompts, make_prompts, Make);
piece!(work, generate, make_generate, Make);
piece!(review, review, make_review, Make);
piece!(work, publish, make_publish, Make);
piece!(work, dialogs, make_dialogs, Make);
piece!(work, measure, make_measure, Make);
// Fetched with the worker: nothing can be read before there is one.
piece!(reader, reader, read_event, Reader);
// Fetched when a text holds a formula.
piece!(formula, formula, typeset, Typeset);

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
    formula: load!(formula),
};
