//! The page.

#[cfg(all(feature = "split", target_arch = "wasm32"))]
mod split;

#[cfg(all(feature = "split", target_arch = "wasm32"))]
use split::PIECES;

#[cfg(not(all(feature = "split", target_arch = "wasm32")))]
const PIECES: seedbed::app::pieces::Pieces = seedbed::app::pieces::Pieces::WHOLE;

fn main() {
    seedbed::app::start(PIECES);
}
