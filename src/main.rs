//! The page.

fn main() {
    seedbed::app::start();
}
