//! The built-in example project.

use crate::prompt::Prompt;
use crate::record::Record;
use crate::review::Decision;
use crate::seed::Seed;

/// Everything of the example project. Pure data: the same for everyone, so ids are stable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExampleProject {
    /// Its seed.
    pub seed: Seed,
    /// Instructions, kept ones and some left to decide.
    pub prompts: Vec<Prompt>,
    /// Records, written by a person as sample answers.
    pub records: Vec<Record>,
    /// Some decisions, so that every state can be seen.
    pub decisions: Vec<Decision>,
}

/// The example project.
pub fn example_project() -> ExampleProject {
    ExampleProject::default()
}
