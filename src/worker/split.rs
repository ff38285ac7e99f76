//! The pieces of the back end as files of their own, as `src/split.rs` has those of the page.
// The attribute writes the calls over the boundary between two wasm modules.
#![allow(unsafe_code)]

use leptos::wasm_split::{SplitLoaderError, wasm_split};
use seedbed_backend::pieces::{
    Answer, Pieces, answer_files, answer_hub, answer_models, not_fetched,
};
use seedbed_store::Renewal;

macro_rules! piece {
    ($file:ident, $name:ident, $what:expr, $type:ty) => {
        #[wasm_split($file, wasm_split_path = ::leptos::wasm_split, fallible)]
        fn $name() -> Result<$type, SplitLoaderError> {
            Ok($what)
        }
    };
}

piece!(files, files, answer_files, Answer);
piece!(models, models, answer_models, Answer);
piece!(hub, hub, answer_hub, Answer);
// In the file of what reads other files of older builds.
piece!(files, renewal, Renewal::HERE, Renewal);

macro_rules! load {
    ($name:ident) => {
        || Box::pin(async { $name().await.map_err(|_| not_fetched()) })
    };
}

/// Each is fetched when it is wanted.
pub(crate) const PIECES: Pieces = Pieces {
    files: load!(files),
    models: load!(models),
    hub: load!(hub),
};

/// Brings the databases of older builds to this one.
pub(crate) const RENEWAL: super::LoadRenewal = load!(renewal);
