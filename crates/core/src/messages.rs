//! The messages between the page and its backend worker.
//!
//! The page sends an [`Envelope`] with a [`Request`]; the worker answers each with exactly one [`Event::Done`] or
//! [`Event::Failed`] that carries the request's id, and may send [`Event::Progress`] with that id before. Everything
//! else the page hears ([`Event::Changed`], [`Event::Run`], [`Event::ProjectLost`]) is unasked for. Cancel is a message
//! like any other. Whatever an event reports as made is already durable.

use crate::engine::{EngineOrder, EngineStage, EngineState, EngineTold};
use crate::identity::Identity;
use crate::import::{DatasetLook, Look, OwnFile, Preview, TableCall};
use crate::model::{Endpoint, Message, ModelInfo};
use crate::packed::Packed;
use crate::params::RunSettings;
use crate::prompt::{Cell, EvolutionKind, Prompt, PromptState};
use crate::record::Record;
use crate::review::{RecordState, Response};
use crate::seed::Seed;
use serde::{Deserialize, Serialize};

/// Names a request for its answer, its progress and its cancellation. Unique per page.
pub type RequestId = u32;

/// A request with its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Chosen by the page.
    pub id: RequestId,
    /// What is asked.
    pub request: Request,
}

/// What the page asks of the backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// First message: the page's build id and its configuration. → [`Reply::Hello`]
    Hello {
        /// Build id compiled into the page.
        build: String,
        /// Addresses of the Hub and the router.
        config: HubConfig,
    },
    /// Stop the request `target`; it then fails with [`FailureKind::Cancelled`] unless it was done. → [`Reply::Ok`]
    Cancel {
        /// The request to stop.
        target: RequestId,
    },
    /// Ask the browser to keep the storage. → [`Reply::Storage`]
    Persist,

    /// All projects, last changed first, deleted ones included with their mark. → [`Reply::Projects`]
    ListProjects,
    /// A new, empty project; it is opened. → [`Reply::Opened`]
    CreateProject {
        /// Name; becomes the seed's domain.
        name: String,
    },
    /// A fresh copy of the example project; it is opened. → [`Reply::Opened`]
    CreateExample,
    /// A new project from a file: the original's `seed_data.json`, a project saved by a build of format 1, or rows
    /// (JSONL, CSV); it is opened. → [`Reply::Imported`]
    ImportProject {
        /// File name, for the extension and the messages.
        name: String,
        /// Its text.
        text: String,
    },
    /// Rows (JSONL, CSV), a seed or run settings into the open project. → [`Reply::Imported`]
    ImportInto {
        /// The project.
        project: String,
        /// File name.
        name: String,
        /// Its text.
        text: String,
    },
    /// A project from a Hub dataset repo, or the existing local one linked to it, synced; it is opened.
    /// → [`Reply::Opened`]
    OpenHub {
        /// `namespace/name`, or a full address of the repo.
        repo: String,
    },
    /// Open for writing. Fails with [`FailureKind::Busy`] when another tab has it. → [`Reply::Opened`]
    OpenProject {
        /// The project.
        id: String,
        /// Ask the tab that has it to let go first.
        take_over: bool,
    },
    /// The page left the project; it stays open while a run is active. → [`Reply::Ok`]
    CloseProject {
        /// The project.
        id: String,
    },
    /// Mark as deleted; purged after a week. → [`Reply::Ok`]
    DeleteProject {
        /// The project.
        id: String,
    },
    /// Undo of [`Request::DeleteProject`]. → [`Reply::Ok`]
    RestoreProject {
        /// The project.
        id: String,
    },
    /// A piece of a file of the project to save; the first one without `after`, the next ones with what the one before
    /// said. → [`Reply::File`]
    Export {
        /// The project.
        project: String,
        /// Which file.
        kind: ExportKind,
        /// [`FilePiece::next`] of the piece before.
        after: Option<String>,
    },
    /// All pieces of a saved project were written to a file. → [`Reply::Ok`]
    Exported {
        /// The project.
        project: String,
    },
    /// What a dataset on the Hub offers to be taken, before anything of it is downloaded. → [`Reply::Tables`]
    ListTables {
        /// `namespace/name`, a name of old without an owner, or a full address.
        repo: String,
    },
    /// About a table that somebody brings: see [`TableCall`] for the answers.
    Table {
        /// What is asked.
        call: Packed<TableCall>,
        /// The open project that rows are taken into.
        into: Option<String>,
    },
    /// Begins to read a project that Seedbed saved as lines, into a new project or an open one.
    /// → [`Reply::Importing`]
    BeginImport {
        /// File name.
        name: String,
        /// The open project; `None` for a new one.
        into: Option<String>,
    },
    /// The next piece of the file, cut anywhere between two characters. → [`Reply::Ok`]
    ImportPiece {
        /// As [`Reply::Importing`] said.
        import: u32,
        /// The text.
        text: String,
    },
    /// The file is at its end, or nobody wants it any more: a new project is removed again then.
    /// → [`Reply::Imported`], or [`Reply::Ok`] when it is given up
    EndImport {
        /// As [`Reply::Importing`] said.
        import: u32,
        /// Nobody wants it any more.
        gives_up: bool,
    },

    /// Save an edit of the seed. Edits with the same non-empty `merge_key` within two seconds of each other are one
    /// step of undo. → [`Reply::Seed`]
    SaveSeed {
        /// The project.
        project: String,
        /// The whole new seed.
        seed: Seed,
        /// E.g. `description`; typing in one field merges, list operations send an empty key.
        merge_key: String,
    },
    /// One step back in the seed's history; survives reload. → [`Reply::Seed`]
    UndoSeed {
        /// The project.
        project: String,
    },
    /// One step forward. → [`Reply::Seed`]
    RedoSeed {
        /// The project.
        project: String,
    },
    /// Save run settings and the chosen model. → [`Reply::Ok`]
    SaveSettings {
        /// The project.
        project: String,
        /// Run settings.
        settings: RunSettings,
        /// Chosen model.
        endpoint: Option<Endpoint>,
    },
    /// The model proposes more topics or perspectives. → [`Reply::Texts`]
    Propose {
        /// The project.
        project: String,
        /// What to propose.
        what: Proposal,
        /// How many.
        count: u32,
    },
    /// The model drafts an answer to an example question, as the expert. Streams [`Progress::Text`]. → [`Reply::Texts`]
    DraftAnswer {
        /// The project.
        project: String,
        /// The question.
        question: String,
    },

    /// Instructions of the grid and counts per cell. → [`Reply::Prompts`]
    ListPrompts {
        /// The project.
        project: String,
        /// Which.
        filter: PromptFilter,
        /// First row, from 0.
        offset: u32,
        /// Rows at most.
        limit: u32,
    },
    /// The model drafts instructions for each cell. Streams [`Progress::Cells`]; what is drafted stays on cancel.
    /// → [`Reply::Drafted`]
    DraftPrompts {
        /// The project.
        project: String,
        /// The cells.
        cells: Vec<Cell>,
        /// Instructions per cell.
        per_cell: u32,
    },
    /// The model evolves instructions. Streams [`Progress::Cells`]. → [`Reply::Drafted`]
    EvolvePrompts {
        /// The project.
        project: String,
        /// Parents.
        prompts: Vec<String>,
        /// How; `None` picks a kind per parent from its id.
        evolution: Option<EvolutionKind>,
    },
    /// Add an instruction by hand; it is kept at once. → [`Reply::Prompt`]
    AddPrompt {
        /// The project.
        project: String,
        /// Cell.
        cell: Cell,
        /// Text.
        text: String,
    },
    /// Change the text. → [`Reply::Prompt`]
    EditPrompt {
        /// The project.
        project: String,
        /// The prompt.
        id: String,
        /// New text.
        text: String,
    },
    /// Keep, strike, or put back to proposed. → [`Reply::Ok`]
    SetPromptState {
        /// The project.
        project: String,
        /// The prompts.
        ids: Vec<String>,
        /// The new state.
        state: PromptState,
    },

    /// Key for an inference address, kept in the worker's memory only; empty removes it. → [`Reply::Ok`]
    SetKey {
        /// Base address of the endpoint; the key goes to that origin only.
        base_url: String,
        /// The key.
        key: String,
    },
    /// Models that an address offers. → [`Reply::Models`]
    ListModels {
        /// Kind and address; the model may be empty.
        endpoint: Endpoint,
    },
    /// One tiny request to see that the model answers. → [`Reply::Tested`]
    TestEndpoint {
        /// The endpoint.
        endpoint: Endpoint,
    },

    /// The model in this tab: what runs, what is kept, what this device can. → [`Reply::Engine`]
    EngineState,
    /// Loads a model into this tab, with progress; cancelling keeps what has arrived. → [`Reply::Engine`]
    EngineLoad(Box<EngineOrder>),
    /// Frees the device; the file is kept. → [`Reply::Engine`]
    EngineUnload,
    /// Deletes a kept file. → [`Reply::Engine`]
    EngineForget {
        /// Its address, as in [`EngineModel::url`](crate::engine::EngineModel::url).
        url: String,
    },
    /// Measures how quick the loaded model is, with [`Progress::Measure`]. → [`Reply::Engine`]
    EngineMeasure,

    /// What a run would ask for now. → [`Reply::Forecast`]
    Forecast {
        /// The project.
        project: String,
    },
    /// Start a run with the project's settings and model over all kept instructions. → [`Reply::Run`]
    StartRun {
        /// The project.
        project: String,
    },
    /// Stop admitting requests; those in flight land. → [`Reply::Run`]
    PauseRun {
        /// The project.
        project: String,
        /// The run.
        run: String,
    },
    /// Go on where it stopped. → [`Reply::Run`]
    ResumeRun {
        /// The project.
        project: String,
        /// The run.
        run: String,
    },
    /// Queue the failed rows again and go on. → [`Reply::Run`]
    RetryFailed {
        /// The project.
        project: String,
        /// The run.
        run: String,
    },
    /// Rows of a run's plan: done first as they finished, then in flight, failed, queued. → [`Reply::RunItems`]
    RunItems {
        /// The project.
        project: String,
        /// The run.
        run: String,
        /// Only these.
        state: Option<ItemState>,
        /// First row, from 0.
        offset: u32,
        /// Rows at most.
        limit: u32,
    },

    /// Records around one, for reading on without waiting. → [`Reply::Around`]
    RecordsAround {
        /// The project.
        project: String,
        /// Which.
        filter: RecordFilter,
        /// `seq` of the current record; `None` = start of the queue.
        anchor: Option<u64>,
        /// Records before the anchor at most.
        before: u32,
        /// Records after the anchor at most.
        after: u32,
    },
    /// Counts per state, cell and model, for the filters. → [`Reply::Counts`]
    RecordCounts {
        /// The project.
        project: String,
    },
    /// Decide on a record; the same decision told twice counts once. → [`Reply::Decided`]
    Respond {
        /// The project.
        project: String,
        /// Id of the decision, chosen by the page.
        decision: String,
        /// The identity that decided, as [`ProjectView::identity`] said when it did.
        identity: String,
        /// The record.
        record: String,
        /// [`RecordView::text`] as it was shown; empty for what format 1's page left unconfirmed: then the present one.
        text: String,
        /// The response; never a draft.
        response: Response,
    },
    /// Keep a draft beside the log, or drop it. → [`Reply::Ok`]
    SaveDraft {
        /// The project.
        project: String,
        /// The identity that writes it.
        identity: String,
        /// The record.
        record: String,
        /// The draft; `None` drops it.
        response: Option<Response>,
    },
    /// Take back a decision; told twice it counts once. → [`Reply::Decided`]
    UndoDecision {
        /// The project.
        project: String,
        /// Id of this act, chosen by the page.
        decision: String,
        /// The identity that takes it back.
        identity: String,
        /// The decision to take back; `None` = the last one: of this visit first, then of all.
        target: Option<String>,
    },
    /// Put an undone decision back; told twice it counts once. → [`Reply::Decided`]
    RedoDecision {
        /// The project.
        project: String,
        /// Id of this act, chosen by the page.
        decision: String,
        /// The identity that puts it back.
        identity: String,
        /// The decision to put back; `None` = the one undone last.
        target: Option<String>,
    },

    /// Where to send the person to sign in. → [`Reply::OauthStart`]
    OauthStart {
        /// OAuth client id.
        client_id: String,
        /// Address of this page without query and hash.
        redirect_uri: String,
        /// Scopes, space separated, without `openid profile`.
        scopes: String,
    },
    /// Back from the Hub. → [`Reply::SignedIn`]
    OauthFinish {
        /// What [`Reply::OauthStart`] said to keep.
        pending: OauthPending,
        /// `state` of the address.
        state: String,
        /// `code` of the address.
        code: String,
    },
    /// Sign in by a token: pasted, or from the page's session storage. → [`Reply::SignedIn`]
    SignIn {
        /// The token.
        token: String,
    },
    /// Forget the token. → [`Reply::Ok`]
    SignOut,
    /// Another name for the present local identity. → [`Reply::Identities`]
    SetReviewer {
        /// The name.
        name: String,
    },
    /// Somebody else reviews here: another local identity, from now on the present one. → [`Reply::Identities`]
    NewReviewer {
        /// The name.
        name: String,
    },
    /// An identity of this browser is the present one from now on. → [`Reply::Identities`]
    UseReviewer {
        /// Its id.
        id: String,
    },
    /// Whether the decisions that a local identity made here are those of the account that is signed in; asked once an
    /// identity. → [`Reply::Identities`]
    ClaimDecisions {
        /// The local identity.
        from: String,
        /// They are.
        are_mine: bool,
    },
    /// Who reviews in this browser. → [`Reply::Identities`]
    ListIdentities,
    /// Dataset repos that the signed-in person can choose. → [`Reply::Repos`]
    ListRepos,
    /// Create a dataset repo and link the project to it. → [`Reply::Linked`], or [`Reply::Found`] when the name is taken
    CreateRepo {
        /// The project.
        project: String,
        /// `namespace/name`.
        repo: String,
        /// Not visible to others.
        private: bool,
    },
    /// Link the project to an existing dataset repo. → [`Reply::Linked`], or [`Reply::Found`] when what it holds has to
    /// be confirmed
    LinkRepo {
        /// The project.
        project: String,
        /// `namespace/name`.
        repo: String,
        /// The person has seen [`Reply::Found`].
        is_confirmed: bool,
    },
    /// Take over what others committed: union of records, prompts and decisions. → [`Reply::Synced`]
    Sync {
        /// The project.
        project: String,
    },
    /// What a publish would change; syncs first. → [`Reply::PublishPlan`]
    PlanPublish {
        /// The project.
        project: String,
    },
    /// Commit, or offer a pull request. Streams [`Progress::Step`]. → [`Reply::Published`]
    Publish {
        /// The project.
        project: String,
        /// First line of the commit message.
        summary: String,
        /// Licence id for the card, e.g. `cc-by-4.0`; empty leaves it out.
        license: String,
        /// Language codes for the card, e.g. `en`.
        languages: Vec<String>,
        /// Offer a pull request instead of committing to `main`.
        as_pull_request: bool,
        /// Take rows out of the table that this browser can't account for: the person has seen a plan with this
        /// [`PublishPlan::unknown`] and says that they are gone for good. If others are by now, nothing is sent.
        drops_unknown: Option<String>,
        /// Replace the table with this object id, which something else wrote: the person has seen
        /// [`TableState::Foreign`].
        replaces_table: Option<String>,
    },
}

/// Addresses of the services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubConfig {
    /// The Hub, no trailing slash.
    pub hub: String,
    /// The inference router up to `/v1`.
    pub router: String,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            hub: "https://huggingface.co".into(),
            router: "https://router.huggingface.co/v1".into(),
        }
    }
}

/// What to propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposal {
    /// Topics.
    Topics,
    /// Perspectives.
    Perspectives,
}

/// Files that can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportKind {
    /// The original's `seed_data.json`.
    Seed,
    /// The original's `pipeline_params.json`.
    Params,
    /// Accepted rows as JSONL.
    AcceptedRows,
    /// All records with their state as JSONL.
    AllRecords,
    /// Everything of the project as JSON lines that can be imported again.
    Bundle,
}

/// Which instructions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PromptFilter {
    /// Only this cell.
    pub cell: Option<Cell>,
    /// Only this state.
    pub state: Option<PromptState>,
    /// Only texts with these words.
    pub search: String,
}

/// Which records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordFilter {
    /// Only this state.
    pub state: Option<RecordState>,
    /// Only with a draft of mine.
    pub with_draft: bool,
    /// Only this topic.
    pub topic: Option<String>,
    /// Only this perspective.
    pub perspective: Option<String>,
    /// Only this model.
    pub model: Option<String>,
    /// Only records of which something they stand on has changed.
    pub stale: bool,
    /// Full-text search over instruction and response; any text is allowed, it is not query syntax.
    pub search: String,
}

/// State of a row of a run's plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Not asked yet.
    #[default]
    Queued,
    /// Asked, no full answer yet.
    InFlight,
    /// Stored.
    Done,
    /// Given up; see the error.
    Failed,
}

impl ItemState {
    /// The name used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InFlight => "in_flight",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::InFlight, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What the backend says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The worker runs and listens.
    Ready {
        /// Build id compiled into the worker.
        build: String,
    },
    /// The answer to a request.
    Done {
        /// The request.
        id: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// A request failed.
    Failed {
        /// The request.
        id: RequestId,
        /// Why, and what to do.
        failure: Failure,
    },
    /// A request is under way.
    Progress {
        /// The request.
        id: RequestId,
        /// How far.
        progress: Progress,
    },
    /// Something of the project changed by other means than this page's request (a run, a sync).
    Changed {
        /// The project.
        project: String,
        /// What.
        what: Vec<Changed>,
    },
    /// A run moved on; at most a few a second.
    Run {
        /// The project.
        project: String,
        /// Its state now.
        status: RunStatus,
    },
    /// Another tab took the project over; this page can no longer write to it.
    ProjectLost {
        /// The project.
        project: String,
    },
}

/// What to read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Seed or settings.
    Seed,
    /// Instructions.
    Prompts,
    /// Records or their states.
    Records,
    /// Runs.
    Runs,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Progress {
    /// More text of a streamed answer.
    Text {
        /// The piece.
        delta: String,
    },
    /// Cells (or parents) worked on.
    Cells {
        /// Finished.
        done: u32,
        /// All.
        total: u32,
        /// New instructions so far.
        made: u32,
    },
    /// Loading a model into this tab.
    Engine {
        /// Where it is.
        stage: EngineStage,
        /// Bytes done.
        done: u64,
        /// Bytes in all; 0 if not known.
        total: u64,
    },
    /// Measuring the model in this tab.
    Measure(EngineTold),
    /// Rows of a table came in.
    Rows {
        /// Rows that were stored, known ones among them.
        rows: u64,
        /// Bytes of the table that were read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A step of a publish or sync.
    Step {
        /// The step.
        step: Step,
        /// Bytes or rows done, where it is countable.
        done: u64,
        /// Bytes or rows in all.
        total: u64,
    },
}

/// Steps of a publish, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Reading what stands on the Hub.
    Reading,
    /// Writing the table.
    Table,
    /// Asking how to send each file.
    Preparing,
    /// Sending files.
    Uploading,
    /// Committing.
    Committing,
    /// Waiting: the Hub asked to slow down or another commit is running.
    Waiting,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Done, nothing to say.
    Ok,
    /// To [`Request::Hello`].
    Hello {
        /// Build id compiled into the worker; another one than the page's asks for a reload.
        build: String,
        /// Where work is kept.
        storage: Storage,
    },
    /// Where work is kept.
    Storage(Storage),
    /// The model in this tab.
    Engine(Box<EngineState>),
    /// Projects.
    Projects(Vec<ProjectSummary>),
    /// A project, open for writing.
    Opened(Box<ProjectView>),
    /// A file was taken in.
    Imported {
        /// The project, open for writing.
        project: Box<ProjectView>,
        /// What came in and what did not, in words.
        report: ImportReport,
    },
    /// What a dataset on the Hub offers.
    Tables(Packed<DatasetLook>),
    /// What a table looks like.
    Look(Packed<Look>),
    /// The file is none, but one that is read as text.
    OwnFile(OwnFile),
    /// What a mapping makes of a table.
    TablePreview(Packed<Preview>),
    /// A file to save, or a piece of it.
    File {
        /// Name.
        name: String,
        /// MIME type.
        mime: String,
        /// Its text, or a part of it.
        piece: FilePiece,
    },
    /// A file is being read: name it by this number.
    Importing(u32),
    /// The seed as saved.
    Seed(Box<SeedView>),
    /// Texts that a model wrote.
    Texts(Vec<String>),
    /// A window of instructions.
    Prompts(PromptPage),
    /// Result of drafting or evolving.
    Drafted(DraftReport),
    /// One instruction.
    Prompt(Box<Prompt>),
    /// Models.
    Models(Vec<ModelInfo>),
    /// The endpoint answered.
    Tested {
        /// What it said.
        text: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A forecast.
    Forecast(Forecast),
    /// A run.
    Run(RunStatus),
    /// Rows of a run's plan.
    RunItems {
        /// Rows that match in all.
        total: u32,
        /// The window.
        items: Vec<RunItem>,
    },
    /// Records around an anchor.
    Around {
        /// Records that match in all.
        total: u32,
        /// How many matching records stand before `rows[0]`.
        position: u32,
        /// In queue order; the anchor itself is among them if it matches or not, as long as it exists.
        rows: Vec<RecordView>,
    },
    /// Counts.
    Counts(Counts),
    /// A decision was stored.
    Decided(Box<Decided>),
    /// Where to go to sign in.
    OauthStart {
        /// The address to navigate to.
        url: String,
        /// Keep in session storage for [`Request::OauthFinish`].
        pending: OauthPending,
    },
    /// Signed in.
    SignedIn {
        /// Who.
        account: Account,
        /// The token, so that the page can keep it for the tab if the person chooses so.
        token: String,
    },
    /// Who reviews in this browser.
    Identities(Identities),
    /// Dataset repos to choose from, `namespace/name`.
    Repos(Vec<String>),
    /// A repo that is there already, before anything is linked.
    Found(Box<RepoOverview>),
    /// The project is linked to a repo.
    Linked(HubLink),
    /// What a sync brought.
    Synced(SyncReport),
    /// What a publish would change.
    PublishPlan(PublishPlan),
    /// Published.
    Published(Published),
}

/// Where work is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    /// Files of the browser (`true`), or memory of this tab only.
    pub is_durable: bool,
    /// Why it is memory only, in plain words.
    pub reason: Option<String>,
    /// The browser promised not to evict it.
    pub is_persisted: bool,
    /// Bytes used by this site, if the browser says.
    pub used_bytes: Option<u64>,
    /// Bytes it may use, if the browser says.
    pub quota_bytes: Option<u64>,
}

/// A project in the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectSummary {
    /// Id.
    pub id: String,
    /// Name: the seed's domain, else "Untitled".
    pub name: String,
    /// The seed's description.
    pub description: String,
    /// Milliseconds since 1970 of the last change.
    pub updated_ms: u64,
    /// Instructions kept.
    pub prompts: u32,
    /// Records.
    pub records: u32,
    /// Records accepted.
    pub accepted: u32,
    /// Repo it is linked to.
    pub repo: Option<String>,
    /// Marked as deleted at this time.
    pub deleted_ms: Option<u64>,
    /// Made from the built-in example.
    pub is_example: bool,
    /// Written by a newer Seedbed than this; it can be looked at, and is left as it is.
    pub is_newer_format: bool,
    /// Open for writing somewhere when this was written: the figures may be older than the project.
    #[serde(default)]
    pub is_open: bool,
}

/// An open project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectView {
    /// As in the list.
    pub summary: ProjectSummary,
    /// Seed with its history and findings.
    pub seed: SeedView,
    /// Run settings.
    pub settings: RunSettings,
    /// Chosen model.
    pub endpoint: Option<Endpoint>,
    /// Repo it is linked to.
    pub hub: Option<HubLink>,
    /// The run that is active or was interrupted, if any.
    pub run: Option<RunStatus>,
    /// Who decides here now.
    pub identity: Identity,
    /// Why nothing can be changed, if so: a part that can't be shown, or a newer format.
    pub read_only: Option<Failure>,
    /// Work that exists only in this browser.
    pub unsaved: Unsaved,
}

/// Work that exists only in this browser: neither on the Hub nor in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsaved {
    /// Decisions since the last publish or file.
    pub decisions: u32,
    /// Records since the last publish or file.
    pub records: u32,
}

/// Who reviews in this browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identities {
    /// Who decides now.
    pub present: Identity,
    /// All of this browser, the present one among them.
    pub known: Vec<Identity>,
    /// Local identities with decisions in this browser, about which the account that is signed in has not said whether
    /// they are its own.
    pub unclaimed: Vec<Identity>,
}

/// What stands in a repo of the Hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoOverview {
    /// `namespace/name` as the Hub spells it.
    pub repo: String,
    /// Not visible to others.
    pub private: bool,
    /// A Seedbed project was published to it.
    pub is_seedbed: bool,
    /// Its format is newer than this build.
    pub is_newer: bool,
    /// The seed in it is another one than the project's.
    pub seed_differs: bool,
    /// Name of the seed in it.
    pub domain: String,
    /// Files of data that are not ours: path and bytes.
    pub data_files: Vec<(String, u64)>,
    /// Names of the configs that its card declares.
    pub configs: Vec<String>,
    /// Bytes of all files.
    pub size_bytes: u64,
}

/// The seed with what the page shows around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedView {
    /// The seed.
    pub seed: Seed,
    /// Its hash.
    pub hash: String,
    /// There is a step back.
    pub can_undo: bool,
    /// There is a step forward.
    pub can_redo: bool,
    /// Records of which something they stand on has changed.
    pub stale_records: u32,
}

/// The repo of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubLink {
    /// `namespace/name`.
    pub repo: String,
    /// Address of the repo's page.
    pub url: String,
    /// Head of `main` as last seen.
    pub revision: Option<String>,
    /// Not visible to others.
    pub private: bool,
    /// The signed-in person may commit; `None` = not known yet.
    pub can_write: Option<bool>,
    /// Open pull request of ours, if one stands.
    pub pull_request: Option<u64>,
    /// A newer build wrote it in a way that this one reads and adds to, and never rewrites.
    #[serde(default)]
    pub needs_newer: bool,
}

/// A part of a file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePiece {
    /// The text.
    pub text: String,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// What the file was taken for.
    pub kind: String,
    /// Rows taken in.
    pub rows: u32,
    /// Rows that were there already.
    pub known: u32,
    /// Rows without an answer, which are instructions now.
    #[serde(default)]
    pub instructions: u32,
    /// Rows left out, the first few with line and reason.
    pub skipped: Vec<String>,
    /// Rows left out in all.
    pub skipped_total: u32,
}

/// A window of instructions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PromptPage {
    /// Instructions that match in all.
    pub total: u32,
    /// The window: by cell in seed order, then by age; children follow their parent.
    pub prompts: Vec<PromptView>,
    /// Counts of every cell of the grid, and of cells that are no longer in the seed.
    pub cells: Vec<CellCount>,
}

/// An instruction with what is known of its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptView {
    /// The instruction.
    pub prompt: Prompt,
    /// Text of the parent, for evolved ones.
    pub parent_text: Option<String>,
    /// Records that answer it.
    pub records: u32,
}

/// Counts of one cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellCount {
    /// The cell.
    pub cell: Cell,
    /// Instructions proposed.
    pub proposed: u32,
    /// Instructions kept.
    pub kept: u32,
    /// Instructions struck.
    pub struck: u32,
    /// Records.
    pub records: u32,
    /// Records accepted.
    pub accepted: u32,
}

/// Result of drafting or evolving.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DraftReport {
    /// New instructions.
    pub made: u32,
    /// Ids of the new instructions.
    pub ids: Vec<String>,
    /// Texts that were dropped, with the reason in plain words.
    pub dropped: Vec<Dropped>,
    /// Cells or parents that failed altogether.
    pub failed: Vec<FailedCell>,
}

/// A text that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Where.
    pub cell: Cell,
    /// The text.
    pub text: String,
    /// Why not.
    pub reason: String,
}

/// A cell that gave nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedCell {
    /// The cell.
    pub cell: Cell,
    /// Why.
    pub failure: Failure,
}

/// What a run would ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Kept instructions.
    pub prompts: u32,
    /// Rows when all is answered.
    pub rows: u32,
    /// Rows that are there already.
    pub done: u32,
    /// Rows that would be asked for (after the cap).
    pub to_ask: u32,
    /// Input tokens, estimated.
    pub tokens_in: u64,
    /// Output tokens, estimated.
    pub tokens_out: u64,
    /// Output tokens if every answer used its limit.
    pub tokens_out_worst: u64,
    /// USD, when prices are known.
    pub cost: Option<f64>,
    /// USD at the worst, when prices are known.
    pub cost_worst: Option<f64>,
    /// What keeps a run from starting, in plain words.
    pub blocked: Option<String>,
}

/// State of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Asking.
    #[default]
    Running,
    /// Letting the requests in flight land.
    Pausing,
    /// By the person, or by itself: see [`RunStatus::stopped_by`].
    Paused,
    /// The tab was closed or crashed while it ran; resume goes on.
    Interrupted,
    /// Every row is done or failed.
    Finished,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// Id.
    pub id: String,
    /// State.
    pub phase: RunPhase,
    /// Why it paused by itself.
    pub stopped_by: Option<Failure>,
    /// Model asked.
    pub model: String,
    /// Host asked.
    pub host: String,
    /// Rows planned.
    pub planned: u32,
    /// Rows stored.
    pub done: u32,
    /// Rows given up.
    pub failed: u32,
    /// Requests in flight.
    pub in_flight: u32,
    /// Rows a minute, over the last minute.
    pub rows_per_minute: f64,
    /// Seconds left at that rate.
    pub eta_s: Option<u64>,
    /// The server asked to wait until then (milliseconds since 1970).
    pub waiting_until_ms: Option<u64>,
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// USD spent, when prices are known.
    pub cost: Option<f64>,
    /// How often the model in this tab stopped working and was started again, since the run was started or resumed.
    #[serde(default)]
    pub restarts: u32,
    /// Milliseconds since 1970 of its start.
    pub started_ms: u64,
    /// Milliseconds since 1970 of its end.
    pub finished_ms: Option<u64>,
}

/// A row of a run's plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunItem {
    /// Id of the record it made; the key of its request while there is none.
    pub record: String,
    /// Cell.
    pub cell: Cell,
    /// Instruction.
    pub instruction: String,
    /// State.
    pub state: ItemState,
    /// Requests made for it.
    pub attempts: u32,
    /// Beginning of the answer, when done.
    pub response: Option<String>,
    /// Flags of the record.
    pub flags: Vec<String>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
}

/// A record as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordView {
    /// Position in the project's order; keys windows, grows with time.
    pub seq: u64,
    /// The record.
    pub record: Record,
    /// State after everyone's responses.
    pub state: RecordState,
    /// My response or draft.
    pub mine: Option<Response>,
    /// Others' responses, by name.
    pub others: Vec<OtherResponse>,
    /// [`Fields::text_hash`](crate::record::Fields::text_hash): what a decision about it names.
    pub text: String,
    /// What it stands on has changed since.
    pub is_stale: bool,
    /// The full request messages, as sent.
    pub messages: Vec<Message>,
}

/// The response of someone else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OtherResponse {
    /// The identity.
    pub writer: String,
    /// The name to show.
    pub name: String,
    /// Known from a file only: it counts here, and is not published.
    pub is_from_file: bool,
    /// The response.
    pub response: Response,
}

/// Counts for the filters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// All records.
    pub total: u32,
    /// Per state, all states named.
    pub states: Vec<(RecordState, u32)>,
    /// With a draft of mine.
    pub drafts: u32,
    /// Made under another seed.
    pub stale: u32,
    /// Per topic, in seed order.
    pub topics: Vec<(String, u32)>,
    /// Per perspective, in seed order.
    pub perspectives: Vec<(String, u32)>,
    /// Per model.
    pub models: Vec<(String, u32)>,
    /// A decision of mine can be undone.
    pub can_undo: bool,
    /// A decision of mine can be redone.
    pub can_redo: bool,
    /// Work that exists only in this browser.
    pub unsaved: Unsaved,
}

/// A stored decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// The record it was about, as it is now.
    pub record: RecordView,
    /// Counts now.
    pub counts: Counts,
}

/// What to keep between [`Request::OauthStart`] and [`Request::OauthFinish`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OauthPending {
    /// PKCE verifier.
    pub verifier: String,
    /// Expected `state`.
    pub state: String,
    /// Redirect address as sent.
    pub redirect_uri: String,
    /// Client id as sent.
    pub client_id: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User name.
    pub name: String,
    /// Display name.
    pub full_name: String,
    /// Picture, if any.
    pub avatar_url: Option<String>,
    /// Namespaces the person can choose for a repo, own first.
    pub namespaces: Vec<String>,
    /// Scopes granted, for OAuth.
    pub scopes: Vec<String>,
    /// The token can write somewhere, as far as the Hub says.
    pub can_write: bool,
}

/// What a sync brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncReport {
    /// Head it read.
    pub revision: String,
    /// New records.
    pub records: u32,
    /// New decisions.
    pub decisions: u32,
    /// New or newer instructions.
    pub prompts: u32,
    /// Reviewers whose decisions are there now.
    pub reviewers: Vec<String>,
    /// Files and lines that could not be read, with the reason, until they are gone.
    pub problems: Vec<String>,
    /// How many there are in all.
    pub problems_total: u32,
    /// The repo needs a newer build: nothing of it is rewritten.
    pub needs_newer: bool,
    /// The seed on the Hub is another one than here; the local one was kept.
    pub seed_differs: bool,
}

/// What a publish would change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PublishPlan {
    /// The repo.
    pub repo: String,
    /// Head it was compared with; `None` for an empty repo.
    pub revision: Option<String>,
    /// Files.
    pub files: Vec<FileChange>,
    /// Rows of the table after it.
    pub rows_total: u32,
    /// Rows that come.
    pub rows_added: u32,
    /// Rows whose content changes.
    pub rows_changed: u32,
    /// Rows that go.
    pub rows_removed: u32,
    /// Some of the rows, changed and removed ones first.
    pub sample: Vec<RowChange>,
    /// Own decisions that go up.
    pub decisions: u32,
    /// Records that go up.
    pub records: u32,
    /// The person may commit; else a pull request is offered. `None` = not known.
    pub can_write: Option<bool>,
    /// Nothing to publish.
    pub is_empty: bool,
    /// What keeps it from going out, in plain words.
    pub blocked: Option<String>,
    /// Published rows that this browser can't account for. While there are any, only parts are sent.
    pub unknown_rows: u32,
    /// Parts that the last table was made from and that this browser does not hold whole. While there are any, only
    /// parts are sent.
    pub unknown_parts: u32,
    /// Stands for exactly these rows and parts, so that an answer to this plan is none to another; `None` without any.
    pub unknown: Option<String>,
    /// Only parts would be sent: the table stays as it is, for one of the reasons here.
    pub sends_parts_only: bool,
    /// A build of format 1 rewrote the repo since; publishing writes it anew from the parts.
    pub was_overwritten: bool,
    /// Accepted by decisions that are known from a file only; they are not published.
    pub unbacked_rows: u32,
    /// The table that stands there.
    pub table: TableState,
    /// What there is to know about the dataset card: what of others' it keeps, or why it is left alone.
    pub card_notes: Vec<String>,
    /// Licence and languages, as the card on the Hub states them or as chosen last.
    pub license: String,
    /// Language codes.
    pub languages: Vec<String>,
    /// What the sync before it brought.
    pub sync: SyncReport,
}

/// The table that stands on the Hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    /// None.
    #[default]
    Absent,
    /// The one that Seedbed wrote last.
    Ours,
    /// Something else wrote it: it is left alone until the person decides.
    Foreign {
        /// Its object id.
        oid: String,
        /// Its size in bytes.
        size_bytes: u64,
    },
}

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Was not there.
    Added,
    /// Other content.
    Changed,
    /// Goes.
    Removed,
}

/// A file of a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path in the repo.
    pub path: String,
    /// Kind of change.
    pub change: ChangeKind,
    /// What it is, in plain words.
    pub what: String,
    /// Size in bytes, where known before writing.
    pub size_bytes: Option<u64>,
}

/// A row of a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Record id.
    pub id: String,
    /// Kind of change.
    pub change: ChangeKind,
    /// Instruction as it will stand (or stood).
    pub instruction: String,
    /// Response as it will stand (or stood).
    pub response: String,
}

/// A finished publish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Commit id; `None` when nothing had to be committed.
    pub commit: Option<String>,
    /// Address of the commit or pull request.
    pub url: String,
    /// Number of the pull request, if it is one.
    pub pull_request: Option<u64>,
    /// Rows of the table.
    pub rows: u32,
    /// The table was left as it stood; `rows` is what it would hold.
    pub keeps_table: bool,
    /// The line of Python that loads the table, where its card has one.
    pub loading: Option<String>,
}

/// The class of a failure: what the page can offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The person or the page stopped it.
    Cancelled,
    /// Another tab writes to the project: offer to take over.
    Busy,
    /// Sign in, or sign in again.
    Auth,
    /// The token may not do this.
    Forbidden,
    /// Not there (or not visible).
    NotFound,
    /// Credits are used up.
    Credits,
    /// Slow down.
    RateLimited,
    /// Someone else changed it meanwhile.
    Conflict,
    /// No answer: offline, refused across origins, or an unreachable address.
    Network,
    /// The server failed.
    Server,
    /// The model's answer could not be used.
    Content,
    /// What was asked for can't be done with what was given.
    #[default]
    Invalid,
    /// The browser's storage failed or is full.
    Storage,
    /// A bug of ours.
    Internal,
}

/// A failure, ready to be shown: what happened, what it means for the work, what to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Class.
    pub kind: FailureKind,
    /// What happened, one sentence.
    pub what: String,
    /// What it means for the person's work; may be empty.
    pub means: String,
    /// What to do now; may be empty.
    pub next: String,
    /// Technical text to fold open and copy; never holds a token.
    pub detail: Option<String>,
    /// Something that the page can do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
}

/// What the page can do instead of what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// List what the dataset that was to be opened holds, and take rows of it ([`Request::ListTables`]).
    ImportDataset,
}

impl Failure {
    /// A failure with its class and what happened.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            ..Self::default()
        }
    }

    /// Says what it means for the work.
    pub fn means(mut self, text: impl Into<String>) -> Self {
        self.means = text.into();
        self
    }

    /// Says what to do now.
    pub fn next(mut self, text: impl Into<String>) -> Self {
        self.next = text.into();
        self
    }

    /// Says what the page can do instead.
    pub fn offer(mut self, offer: Offer) -> Self {
        self.offer = Some(offer);
        self
    }

    /// Adds the technical text.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        for part in [&self.means, &self.next] {
            if !part.is_empty() {
                write!(f, " {part}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
