//! The protocols of the Hugging Face Hub and of inference servers, over a [`transport::Transport`] given from outside.
//!
//! Knows nothing of browsers, storage or clocks. Requests are what the public clients send (`tests/data` holds recordings
//! of them). A token goes to the origin it belongs to and nowhere else; no error text holds one.

mod client;
mod commit;
mod error;
mod http;
pub mod model;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
pub mod native;
pub mod oauth;
pub mod retry;
mod sse;
pub mod transport;

pub use client::{
    CreatedRepo, DatasetOverview, ExistingRepo, Gate, HubClient, HubFile, Joined, PullRequest,
    RepoInfo, TreeEntry,
};
pub use commit::{
    CommitLimits, CommitOutcome, CommitPacker, CommitProgress, CommitRequest, LargeFile, Operation,
    Tries, git_blob_oid,
};
pub use error::{HubError, HubErrorKind, Token};
pub use http::{BETWEEN_CHUNKS_MS, FIRST_BYTE_MS};
pub use model::{HttpModel, list_models};
