//! The back end in the tab: answers each [`Request`] of the page with the store, the Hub client and the grow loop.
//!
//! Everything outside (clock, randomness, files, locks, HTTP) comes through [`platform::Platform`] and
//! [`seedbed_hub::transport::Transport`], so the same code runs in the worker and in native tests. A request is one
//! future; requests that only touch the store end at their first poll, and so are answered in the order they came.

mod account;
mod bundle;
mod card;
mod dataset;
mod draft;
mod engine;
mod identity;
mod import;
mod layout;
pub mod pieces;
pub mod platform;
mod project;
mod projects;
mod publish;
pub mod pulse;
mod rest;
mod run;
mod sync;

use crate::account::SignedIn;
use crate::identity::Profile;
use crate::import::OpenTable;
use crate::pieces::{Answer, Piece, Pieces};
use crate::platform::Platform;
use crate::project::{NewDecision, Project};
use crate::projects::Import;
use futures::future::{AbortHandle, LocalBoxFuture, abortable};
use futures::lock::Mutex;
use seedbed_core::messages::{
    Changed, Envelope, Event, Failure, FailureKind, HubConfig, Progress, Reply, Request, RequestId,
};
use seedbed_hub::Token;
use seedbed_hub::transport::Transport;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Result of answering a request.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// The back end. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Backend(Rc<Inner>);

/// What all clones share.
#[doc(hidden)]
pub struct Inner {
    pub(crate) platform: Rc<dyn Platform>,
    pub(crate) transport: Rc<dyn Transport>,
    pub(crate) pieces: Pieces,
    /// The pieces that are there.
    pub(crate) answers: RefCell<HashMap<Piece, Answer>>,
    pub(crate) config: RefCell<HubConfig>,
    pub(crate) projects: RefCell<HashMap<String, Rc<Project>>>,
    /// Inference keys by origin; in memory only.
    pub(crate) keys: RefCell<HashMap<String, Token>>,
    pub(crate) account: RefCell<Option<SignedIn>>,
    /// Who decides in this browser.
    pub(crate) profile: RefCell<Profile>,
    /// Files that are being read in pieces, by number.
    pub(crate) imports: RefCell<HashMap<u32, Import>>,
    pub(crate) last_import: Cell<u32>,
    /// Tables that are open, by number.
    pub(crate) tables: RefCell<HashMap<u32, Rc<Mutex<OpenTable>>>>,
    /// What tabs that died left unlisted has been looked for.
    pub(crate) has_settled: Cell<bool>,
    /// Milliseconds since 1970 at the beginning of this visit.
    pub(crate) started_ms: Cell<u64>,
    requests: RefCell<HashMap<RequestId, AbortHandle>>,
    /// Opening, closing and deleting go one at a time.
    pub(crate) gate: Mutex<()>,
}

impl std::ops::Deref for Backend {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// A request under way, for its progress.
#[derive(Clone)]
pub struct Ticket {
    id: RequestId,
    platform: Rc<dyn Platform>,
}

impl Ticket {
    pub(crate) fn progress(&self, progress: Progress) {
        self.platform.emit(Event::Progress {
            id: self.id,
            progress,
        });
    }
}

impl Backend {
    /// A back end that knows nothing yet; the first request is [`Request::Hello`].
    pub fn new(platform: Rc<dyn Platform>, transport: Rc<dyn Transport>, pieces: Pieces) -> Self {
        let started_ms = Cell::new(platform.now_ms());
        Self(Rc::new(Inner {
            platform,
            transport,
            pieces,
            answers: RefCell::default(),
            config: RefCell::default(),
            projects: RefCell::default(),
            keys: RefCell::default(),
            account: RefCell::default(),
            profile: RefCell::default(),
            imports: RefCell::default(),
            last_import: Cell::new(0),
            tables: RefCell::default(),
            has_settled: Cell::new(false),
            started_ms,
            requests: RefCell::default(),
            gate: Mutex::new(()),
        }))
    }

    /// Answers `envelope` by events: exactly one [`Event::Done`] or [`Event::Failed`] with its id.
    pub fn handle(&self, envelope: Envelope) {
        let Envelope { id, request } = envelope;
        if let Request::Cancel { target } = request {
            if let Some(work) = self.requests.borrow_mut().remove(&target) {
                work.abort();
            }
            self.platform.emit(Event::Done {
                id,
                reply: Reply::Ok,
            });
            return;
        }
        let ticket = Ticket {
            id,
            platform: Rc::clone(&self.platform),
        };
        let backend = self.clone();
        let (work, handle) = abortable(async move { backend.answer(ticket, request).await });
        self.requests.borrow_mut().insert(id, handle);
        let backend = self.clone();
        self.spawn(async move {
            let event = match work.await {
                Ok(Ok(reply)) => Event::Done { id, reply },
                Ok(Err(failure)) => Event::Failed { id, failure },
                Err(futures::future::Aborted) => Event::Failed {
                    id,
                    failure: Failure::new(FailureKind::Cancelled, "This was stopped."),
                },
            };
            backend.requests.borrow_mut().remove(&id);
            backend.platform.emit(event);
        });
    }

    /// Another tab asks for `project`: stops its run, closes it, frees its files and tells the page.
    pub fn lose(&self, project: &str) -> LocalBoxFuture<'static, ()> {
        let backend = self.clone();
        let id = project.to_owned();
        Box::pin(async move {
            if backend.release(&id).await {
                backend.platform.emit(Event::ProjectLost { project: id });
            }
        })
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.platform.spawn(Box::pin(task));
    }

    pub(crate) fn now(&self) -> u64 {
        self.platform.now_ms()
    }

    /// `bytes` random bytes as lower-case hex.
    pub(crate) fn random_id(&self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        self.platform.random(&mut buffer);
        seedbed_core::id::hex(&buffer)
    }

    /// Evenly distributed in `0.0..1.0`.
    pub(crate) fn random_unit(&self) -> f64 {
        let mut bytes = [0; 4];
        self.platform.random(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }

    pub(crate) fn changed(&self, project: &Project, what: &[Changed]) {
        self.platform.emit(Event::Changed {
            project: project.id.clone(),
            what: what.to_vec(),
        });
    }

    async fn answer(&self, ticket: Ticket, request: Request) -> Result<Reply> {
        match request {
            Request::Hello { build: _, config } => self.hello(config).await,
            // Handled before it came here.
            Request::Cancel { .. } => Ok(Reply::Ok),
            Request::Persist => Ok(Reply::Storage(self.platform.persist().await)),

            Request::ListProjects => Ok(Reply::Projects(self.list_projects().await)),
            Request::CreateProject { name } => self.create_project(&name).await,
            Request::OpenProject { id, take_over } => self.open_project(&id, take_over).await,
            Request::CloseProject { id } => self.close_project(&id).await,
            Request::DeleteProject { id } => self.delete_project(&id).await,
            Request::RestoreProject { id } => self.restore_project(&id).await,

            Request::SaveSeed {
                project,
                seed,
                merge_key,
            } => self.change_seed(&project, |store, now| {
                store.save_seed(&seed, &merge_key, now)
            }),
            Request::UndoSeed { project } => {
                self.change_seed(&project, seedbed_store::Store::undo_seed)
            }
            Request::RedoSeed { project } => {
                self.change_seed(&project, seedbed_store::Store::redo_seed)
            }
            Request::SaveSettings {
                project,
                settings,
                endpoint,
            } => self.save_settings(&project, &settings, endpoint.as_ref()),

            Request::SetKey { base_url, key } => self.set_key(&base_url, &key),

            Request::RecordsAround {
                project,
                filter,
                anchor,
                before,
                after,
            } => {
                let reviewer = self.reviewer();
                let around = self.project(&project)?.with(|store| {
                    store.records_around(&filter, &reviewer, anchor, before, after)
                })?;
                Ok(Reply::Around {
                    total: around.total,
                    position: around.position,
                    rows: around.rows,
                })
            }
            Request::RecordCounts { project } => {
                let reviewer = self.reviewer();
                self.project(&project)?
                    .with(|store| store.counts(&reviewer))
                    .map(Reply::Counts)
            }
            Request::Respond {
                project,
                decision,
                identity,
                record,
                text,
                response,
            } => {
                let decision = NewDecision {
                    project: &project,
                    id: &decision,
                    identity: &identity,
                    record: &record,
                    text: &text,
                };
                self.respond(&decision, &response)
            }
            Request::SaveDraft {
                project,
                identity,
                record,
                response,
            } => self.save_draft(&project, &identity, &record, response.as_ref()),
            Request::UndoDecision {
                project,
                decision,
                identity,
                target,
            } => self.step_decision(&project, &identity, &decision, target.as_deref(), true),
            Request::RedoDecision {
                project,
                decision,
                identity,
                target,
            } => self.step_decision(&project, &identity, &decision, target.as_deref(), false),

            Request::OauthStart {
                client_id,
                redirect_uri,
                scopes,
            } => Ok(self.oauth_start(&client_id, &redirect_uri, &scopes)),
            Request::SignOut => Ok(self.sign_out()),

            request @ (Request::CreateExample
            | Request::ImportProject { .. }
            | Request::ImportInto { .. }
            | Request::Table { .. }
            | Request::BeginImport { .. }
            | Request::ImportPiece { .. }
            | Request::EndImport { .. }
            | Request::Export { .. }
            | Request::Exported { .. }) => self.hand_on(Piece::Files, ticket, request).await,
            request @ (Request::ListPrompts { .. }
            | Request::AddPrompt { .. }
            | Request::EditPrompt { .. }
            | Request::SetPromptState { .. }
            | Request::RunItems { .. }
            | Request::Propose { .. }
            | Request::DraftAnswer { .. }
            | Request::DraftPrompts { .. }
            | Request::EvolvePrompts { .. }
            | Request::ListModels { .. }
            | Request::TestEndpoint { .. }
            | Request::EngineState
            | Request::EngineLoad(_)
            | Request::EngineUnload
            | Request::EngineForget { .. }
            | Request::EngineMeasure
            | Request::Forecast { .. }
            | Request::StartRun { .. }
            | Request::PauseRun { .. }
            | Request::ResumeRun { .. }
            | Request::RetryFailed { .. }) => self.hand_on(Piece::Models, ticket, request).await,
            request @ (Request::OpenHub { .. }
            | Request::ListTables { .. }
            | Request::OauthFinish { .. }
            | Request::SetReviewer { .. }
            | Request::NewReviewer { .. }
            | Request::UseReviewer { .. }
            | Request::ClaimDecisions { .. }
            | Request::ListIdentities
            | Request::SignIn { .. }
            | Request::ListRepos
            | Request::CreateRepo { .. }
            | Request::LinkRepo { .. }
            | Request::Sync { .. }
            | Request::PlanPublish { .. }
            | Request::Publish { .. }) => self.hand_on(Piece::Hub, ticket, request).await,
        }
    }
}

/// Turns errors of the crates below into what a page can show.
pub(crate) trait OrFail<T> {
    fn or_fail(self) -> Result<T>;
}

impl<T> OrFail<T> for std::result::Result<T, seedbed_store::StoreError> {
    fn or_fail(self) -> Result<T> {
        self.map_err(|error| error.failure())
    }
}

impl<T> OrFail<T> for std::result::Result<T, seedbed_hub::HubError> {
    fn or_fail(self) -> Result<T> {
        self.map_err(|error| error.failure())
    }
}
