//! What the shell knows: where the person is, which project is open, and what the worker said.
//!
//! [`Shell`] is a handle (`Copy`), provided as context. Changes go through its methods; pages read its signals.

mod deed;
mod projects;
mod shell;

pub use deed::Deed;
pub use projects::{Projects, enter_made};
pub use shell::{Shell, Stage, StepCounts, Toast, use_shell};
