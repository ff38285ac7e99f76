//! Instructions: what will be asked of the answering model, one per [`Prompt`], placed in a cell of the
//! topic × perspective grid, with the lineage of how each came to be.

use crate::id::content_id;
use serde::{Deserialize, Serialize};

/// One field of the topic × perspective grid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// The topic, as the seed spells it.
    pub topic: String,
    /// The perspective, as the seed spells it.
    pub perspective: String,
}

impl Cell {
    /// The seed term of the original tool: "TOPIC from a PERSPECTIVE perspective".
    pub fn term(&self) -> String {
        format!("{} from a {} perspective", self.topic, self.perspective)
    }
}

/// Whether an instruction will be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptState {
    /// Drafted, not yet looked at.
    #[default]
    Proposed,
    /// The person wants it answered.
    Kept,
    /// The person does not want it; stays in the list so that it is not drafted again.
    Struck,
}

impl PromptState {
    /// The name used in the store and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Kept => "kept",
            Self::Struck => "struck",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Proposed, Self::Kept, Self::Struck]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// The ways to evolve an instruction (Evol-Instruct, Xu et al. 2023, without "complicate input").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvolutionKind {
    /// Adds a constraint or requirement.
    Constraints,
    /// Asks for more depth and breadth of the same question.
    Deepening,
    /// Replaces general notions by specific ones.
    Concretizing,
    /// Asks for explicit multi-step reasoning.
    ReasoningSteps,
    /// A new, rarer instruction of the same domain and length.
    Breadth,
    /// A kind of a newer build.
    #[serde(other)]
    Unknown,
}

impl EvolutionKind {
    /// All kinds, in the order the app shows them.
    pub const ALL: [Self; 5] = [
        Self::Constraints,
        Self::Deepening,
        Self::Concretizing,
        Self::ReasoningSteps,
        Self::Breadth,
    ];

    /// The label a person sees.
    pub fn label(self) -> &'static str {
        match self {
            Self::Constraints => "Add a constraint",
            Self::Deepening => "Go deeper",
            Self::Concretizing => "Make it concrete",
            Self::ReasoningSteps => "More reasoning steps",
            Self::Breadth => "Something rarer",
            Self::Unknown => "In a newer way",
        }
    }
}

/// Where an instruction came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PromptOrigin {
    /// Drafted by a model for its cell.
    Drafted {
        /// Model id that drafted it.
        model: String,
        /// Version of the task text ([`crate::model`] consumers name it, e.g. `self-instruct/1`).
        prompt_version: String,
    },
    /// Evolved by a model from `parent`.
    Evolved {
        /// Id of the parent prompt.
        parent: String,
        /// How it was evolved.
        evolution: EvolutionKind,
        /// 1 for a child of a drafted or typed instruction, 2 for its child, …
        round: u32,
        /// Model id that evolved it.
        model: String,
        /// Version of the task text.
        prompt_version: String,
    },
    /// Typed by a person.
    Typed,
    /// Came with an imported file.
    Imported {
        /// File name.
        file: String,
    },
    /// A way of a newer build.
    #[serde(other)]
    Unknown,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// [`Prompt::make_id`] of the first text; editing the text keeps the id.
    pub id: String,
    /// Its place in the grid.
    pub cell: Cell,
    /// The instruction.
    pub text: String,
    /// Kept, struck or not yet decided.
    pub state: PromptState,
    /// Lineage.
    pub origin: PromptOrigin,
    /// The text before a person edited it, if one did.
    pub original_text: Option<String>,
    /// Seed hash at the time it was made.
    pub seed_hash: String,
    /// Milliseconds since 1970 of its making.
    pub created_ms: u64,
    /// Milliseconds since 1970 of the last change of text or state; the later one wins a merge.
    pub updated_ms: u64,
}

impl Prompt {
    /// The id of an instruction with this first text in this cell: a draft repeated word for word is the same prompt.
    pub fn make_id(cell: &Cell, text: &str) -> String {
        content_id(&("prompt/1", &cell.topic, &cell.perspective, text.trim()))
    }
}
