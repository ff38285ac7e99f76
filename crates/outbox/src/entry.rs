//! One act on its way, and how it is written.

use seedbed_core::line::old_draft;
use seedbed_core::messages::Request;
use seedbed_core::review::{Response, ResponseStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Version of [`Entry`] as it is written.
const VERSION: u32 = 2;
/// Beginning of the ids of entries that format 1 wrote.
const OLD_MARK: &str = "old-";
/// Beginning of the keys of all entries.
pub const ACTS: &str = "seedbed:outbox-act:";

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A record was decided.
    Respond {
        /// The record.
        record: String,
        /// Hash of its text as it was shown; empty if that is not known.
        text: String,
        /// The response.
        response: Response,
    },
    /// A decision was taken back.
    Undo {
        /// Its id; `None` = the last one, as the backend knows it.
        target: Option<String>,
    },
    /// An undone decision was put back.
    Redo {
        /// Its id; `None` = the one undone last, as the backend knows it.
        target: Option<String>,
    },
    /// Something was typed, and not decided.
    Draft {
        /// The record.
        record: String,
        /// The draft; `None` drops it.
        response: Option<Response>,
    },
}

impl Act {
    /// The record, where the act names one.
    pub fn record(&self) -> Option<&str> {
        match self {
            Self::Respond { record, .. } | Self::Draft { record, .. } => Some(record),
            _ => None,
        }
    }

    /// The decision it takes or puts back, where it is known.
    pub(crate) fn target(&self) -> Option<&String> {
        match self {
            Self::Undo { target } | Self::Redo { target } => target.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn is_draft(&self) -> bool {
        matches!(self, Self::Draft { .. })
    }
}

/// One act on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version it was written by.
    v: u32,
    /// Place in the order of acts.
    pub seq: u64,
    /// Id under which the backend counts it.
    pub id: String,
    /// The project.
    pub project: String,
    /// The identity that did it.
    pub identity: String,
    /// What.
    pub act: Act,
    /// Why it was refused for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// It would outlive this page.
    #[serde(skip)]
    pub is_durable: bool,
}

impl Entry {
    pub(crate) fn new(project: &str, seq: u64, random: [u8; 16], identity: &str, act: Act) -> Self {
        Self {
            v: VERSION,
            seq,
            id: format!("{:032x}", u128::from_be_bytes(random)),
            project: project.to_owned(),
            identity: identity.to_owned(),
            act,
            refused: None,
            is_durable: false,
        }
    }

    /// What to ask of the backend.
    pub fn request(&self) -> Request {
        let (project, decision, identity) =
            (self.project.clone(), self.id.clone(), self.identity.clone());
        match self.act.clone() {
            Act::Respond {
                record,
                text,
                response,
            } => Request::Respond {
                project,
                decision,
                identity,
                record,
                text,
                response,
            },
            Act::Undo { target } => Request::UndoDecision {
                project,
                decision,
                identity,
                target,
            },
            Act::Redo { target } => Request::RedoDecision {
                project,
                decision,
                identity,
                target,
            },
            Act::Draft { record, response } => Request::SaveDraft {
                project,
                identity,
                record,
                response,
            },
        }
    }

    /// The response in it, if it has one.
    pub fn response(&self) -> Option<&Response> {
        match &self.act {
            Act::Respond { response, .. } => Some(response),
            Act::Draft { response, .. } => response.as_ref(),
            _ => None,
        }
    }

    /// Something a person gave would go with it.
    pub(crate) fn has_text(&self) -> bool {
        self.response().is_some()
    }

    /// Written by format 1.
    pub(crate) fn is_old(&self) -> bool {
        self.id.starts_with(OLD_MARK)
    }

    /// By the same identity on the same record.
    pub(crate) fn is_on_same(&self, other: &Self) -> bool {
        self.act.record().is_some()
            && self.act.record() == other.act.record()
            && self.identity == other.identity
    }
}

/// Beginning of the keys of a project's entries.
pub(crate) fn prefix(project: &str) -> String {
    format!("{ACTS}{project}:")
}

/// The key of an entry.
pub(crate) fn key_of(entry: &Entry) -> String {
    format!("{}{:012}:{}", prefix(&entry.project), entry.seq, entry.id)
}

/// The key under which format 1 kept all entries of a project.
pub(crate) fn old_key(project: &str) -> String {
    format!("seedbed:outbox:{project}")
}

/// The key for a text under [`old_key`] that can't be read.
pub(crate) fn aside_key(project: &str, text: &str) -> String {
    format!("seedbed:outbox-aside:{project}:{:016x}", fingerprint(text))
}

/// Reads an entry; what another version wrote is left alone.
pub(crate) fn read(project: &str, key: &str, text: &str) -> Option<Entry> {
    let mut entry: Entry = serde_json::from_str(text).ok()?;
    entry.is_durable = true;
    (entry.v == VERSION && entry.project == project && key_of(&entry) == key).then_some(entry)
}

/// The entries of format 1: responses by record. False if not all of it could be read.
///
/// They had no ids. An id that follows from the content makes the same entry count once, however often the page is
/// closed before it is confirmed.
pub(crate) fn old_entries(project: &str, present: &str, text: &str) -> (Vec<Entry>, bool) {
    let Ok(waiting) = serde_json::from_str::<BTreeMap<String, Value>>(text) else {
        return (Vec::new(), false);
    };
    let count = waiting.len();
    let entries: Vec<Entry> = waiting
        .into_iter()
        .filter_map(|(record, value)| {
            let value = value.to_string();
            let response = old_draft(&value).ok()?;
            let id = format!(
                "{OLD_MARK}{:016x}",
                fingerprint(&format!("{project}\n{record}\n{value}"))
            );
            let act = if response.status == ResponseStatus::Draft {
                Act::Draft {
                    record,
                    response: Some(response),
                }
            } else {
                Act::Respond {
                    record,
                    text: String::new(),
                    response,
                }
            };
            let mut entry = Entry::new(project, 0, [0; 16], present, act);
            entry.id = id;
            Some(entry)
        })
        .collect();
    let is_whole = entries.len() == count;
    (entries, is_whole)
}

/// FNV-1a: tells texts apart, and guards against nothing.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
