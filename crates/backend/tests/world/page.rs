//! The page's stand-in: what a person sees, what she pressed, and what the browser keeps when the page dies.
//!
//! All use of [`seedbed_core::messages`] is here, but for what the platform's trait names ([`crate::browser`]): the rest of
//! the test speaks of [`Wish`]es and [`Answer`]s.

use crate::check;
use crate::model::{Kind, Said, Words};
use seedbed_backend::Backend;
use seedbed_core::messages::{
    Changed, Envelope, Event, ExportKind, Failure, FailureKind, HubConfig, PromptFilter,
    RecordFilter, RecordView, Reply, Request, RunPhase,
};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Cell, PromptState};
use seedbed_core::review::{Quality, Response, ResponseStatus};
use seedbed_core::seed::Seed;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Where the scripted model of the world is.
pub(crate) const MODEL: &str = "http://model.test/v1";

/// What the browser keeps for the site beside its files.
pub(crate) type LocalStorage = Rc<RefCell<BTreeMap<String, String>>>;

/// When a decision leaves the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutboxRule {
    /// By a confirmation, or by a refusal that repeating can't change.
    WhenSettled,
    /// By whatever the backend answers, or fails to: as the page of 45403b9 does.
    ByAnyAnswer,
}

/// What a person asks for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Hello,
    List,
    Import { name: String, text: String },
    ImportInto { name: String, text: String },
    OpenHub { repo: String },
    Open { id: String, take_over: bool },
    Close,
    Delete { id: String },
    Save,
    Topic { topic: String },
    ChooseModel,
    AddInstruction { text: String },
    Instructions,
    EditInstruction { id: String, text: String },
    Strike { id: String },
    Run,
    Rows,
    Undo,
    Redo,
    SignIn { token: String },
    SignOut,
    Rename { name: String },
    Create { repo: String },
    Link { repo: String },
    Sync,
    Plan,
    Publish { as_pull_request: bool },
}

/// A record as it is painted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    /// As generated.
    pub(crate) words: Words,
    pub(crate) state: String,
    pub(crate) mine: Option<Said>,
    pub(crate) others: Vec<(String, Said)>,
}

/// What a plan of a publish tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) head: Option<String>,
    pub(crate) is_empty: bool,
    /// Records and decisions that are only here.
    pub(crate) only_here: u32,
}

/// What the backend answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Done,
    Project,
    Rows(Vec<Seen>),
    Decided,
    Seed,
    File(String),
    Projects(Vec<(String, bool)>),
    Synced,
    Plan(Plan),
    Published,
    /// Id, text, whether it is struck.
    Instructions(Vec<(String, String, bool)>),
    Run,
}

/// Why not.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    /// Repeating can't change it.
    pub(crate) is_final: bool,
}

/// What the page has learnt, for the world to take note of.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// The answer to a wish.
    Answer {
        id: u32,
        wish: Wish,
        answer: Result<Answer, Refusal>,
    },
    /// A decision can't be stored, and will never be.
    Void { press: usize, text: String },
    /// An undo or redo is done; it was about this record.
    Stepped { record: String, is_redo: bool },
    /// The records as they are now.
    Shown(Vec<Seen>),
    /// The topics as they are now.
    Topics(Vec<String>),
    /// The name that the page says decisions are made under now.
    Named(String),
    /// A topic is saved.
    TopicSaved(String),
    /// Another tab has the project now.
    Lost,
    /// A run is over or has stopped.
    RunOver,
    /// What the page's serializer would refuse.
    Unpaintable(String),
}

enum Pending {
    Wish(Wish),
    Respond {
        project: String,
        record: String,
        press: usize,
    },
    /// The page reads again by itself.
    Refresh,
    RefreshRows,
}

/// One page with its line to the backend.
pub(crate) struct Page {
    backend: Backend,
    hub: String,
    storage: LocalStorage,
    rule: OutboxRule,
    next: u32,
    pending: HashMap<u32, Pending>,
    /// Decisions on their way, by record.
    unsettled: HashMap<String, u32>,
    /// The open project.
    pub(crate) project: Option<String>,
    pub(crate) repo: Option<String>,
    /// The name that the page says decisions are made under.
    pub(crate) reviewer: String,
    rows: Vec<RecordView>,
    seed: Seed,
    settings: RunSettings,
    pub(crate) is_lost: bool,
}

fn words_of(row: &RecordView, response: &Response) -> Words {
    Words {
        instruction: response
            .improved_instruction
            .clone()
            .unwrap_or_else(|| row.record.instruction.clone()),
        response: response
            .improved_response
            .clone()
            .unwrap_or_else(|| row.record.response.clone()),
    }
}

fn said(row: &RecordView, response: &Response) -> Option<Said> {
    let kind = match (response.status, response.quality) {
        (ResponseStatus::Draft, _) => return None,
        (ResponseStatus::Discarded, _) => Kind::Discard,
        (ResponseStatus::Submitted, Some(Quality::Good)) => Kind::Good,
        (ResponseStatus::Submitted, _) => Kind::Bad,
    };
    Some(Said {
        kind,
        words: words_of(row, response),
    })
}

fn seen(row: &RecordView) -> Seen {
    Seen {
        id: row.record.id.clone(),
        words: Words {
            instruction: row.record.instruction.clone(),
            response: row.record.response.clone(),
        },
        state: row.state.as_str().to_owned(),
        mine: row.mine.as_ref().and_then(|mine| said(row, mine)),
        others: row
            .others
            .iter()
            .filter_map(|(name, response)| Some((name.clone(), said(row, response)?)))
            .collect(),
    }
}

fn refusal(failure: &Failure) -> Refusal {
    Refusal {
        text: format!("{:?}: {}", failure.kind, failure.what),
        is_final: matches!(failure.kind, FailureKind::Invalid | FailureKind::NotFound),
    }
}

fn outbox_key(project: &str) -> String {
    format!("seedbed:outbox:{project}")
}

/// A decision in the outbox. The number of the press is the world's own note; the page of the product has none.
type Waiting = BTreeMap<String, (Response, usize)>;

impl Page {
    pub(crate) fn new(
        backend: Backend,
        hub: &str,
        storage: LocalStorage,
        rule: OutboxRule,
    ) -> Self {
        Self {
            backend,
            hub: hub.to_owned(),
            storage,
            rule,
            next: 0,
            pending: HashMap::new(),
            unsettled: HashMap::new(),
            project: None,
            repo: None,
            reviewer: String::new(),
            rows: Vec::new(),
            seed: Seed::default(),
            settings: RunSettings::default(),
            is_lost: false,
        }
    }

    /// Nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Undos and redos on their way: true = redo.
    pub(crate) fn steps_pending(&self) -> Vec<bool> {
        self.pending
            .values()
            .filter_map(|pending| match pending {
                Pending::Wish(Wish::Undo) => Some(false),
                Pending::Wish(Wish::Redo) => Some(true),
                _ => None,
            })
            .collect()
    }

    /// Decisions wait in the outbox that nobody is telling the backend of.
    pub(crate) fn is_stuck(&self) -> bool {
        let project = self.project.clone().unwrap_or_default();
        self.unsettled.is_empty() && !self.waiting(&project).is_empty()
    }

    /// The records as they are painted.
    pub(crate) fn painted(&self) -> Vec<Seen> {
        self.rows.iter().map(seen).collect()
    }

    /// Another tab asks for the project.
    pub(crate) fn lose(&self, project: &str) -> futures::future::LocalBoxFuture<'static, ()> {
        self.backend.lose(project)
    }

    fn send(&mut self, request: Request, pending: Pending) -> u32 {
        self.next += 1;
        self.pending.insert(self.next, pending);
        self.backend.handle(Envelope {
            id: self.next,
            request,
        });
        self.next
    }

    /// Asks; the answer comes as [`Heard::Answer`] with this id.
    pub(crate) fn ask(&mut self, wish: Wish) -> u32 {
        let request = self.request(&wish);
        self.send(request, Pending::Wish(wish))
    }

    fn request(&self, wish: &Wish) -> Request {
        let project = self.project.clone().unwrap_or_default();
        match wish.clone() {
            Wish::Hello => Request::Hello {
                build: "test".to_owned(),
                config: HubConfig {
                    hub: self.hub.clone(),
                    router: format!("{}/v1", self.hub),
                },
            },
            Wish::List => Request::ListProjects,
            Wish::Import { name, text } => Request::ImportProject { name, text },
            Wish::ImportInto { name, text } => Request::ImportInto {
                project,
                name,
                text,
            },
            Wish::OpenHub { repo } => Request::OpenHub { repo },
            Wish::Open { id, take_over } => Request::OpenProject { id, take_over },
            Wish::Close => Request::CloseProject { id: project },
            Wish::Delete { id } => Request::DeleteProject { id },
            Wish::Save => Request::Export {
                project,
                kind: ExportKind::Bundle,
            },
            Wish::Topic { topic } => {
                let mut seed = self.seed.clone();
                seed.topics.push(topic);
                Request::SaveSeed {
                    project,
                    seed,
                    merge_key: String::new(),
                }
            }
            Wish::ChooseModel => Request::SaveSettings {
                project,
                settings: self.settings.clone(),
                endpoint: Some(Endpoint {
                    kind: EndpointKind::OpenAi,
                    base_url: MODEL.to_owned(),
                    model: "oracle".to_owned(),
                    ..Endpoint::default()
                }),
            },
            Wish::AddInstruction { text } => Request::AddPrompt {
                project,
                cell: Cell {
                    topic: "soil".to_owned(),
                    perspective: "farmer".to_owned(),
                },
                text,
            },
            Wish::Instructions => Request::ListPrompts {
                project,
                filter: PromptFilter::default(),
                offset: 0,
                limit: 500,
            },
            Wish::EditInstruction { id, text } => Request::EditPrompt { project, id, text },
            Wish::Strike { id } => Request::SetPromptState {
                project,
                ids: vec![id],
                state: PromptState::Struck,
            },
            Wish::Run => Request::StartRun { project },
            Wish::Rows => list_rows(project),
            Wish::Undo => Request::UndoDecision { project },
            Wish::Redo => Request::RedoDecision { project },
            Wish::SignIn { token } => Request::SignIn { token },
            Wish::SignOut => Request::SignOut,
            Wish::Rename { name } => Request::SetReviewer { name },
            Wish::Create { repo } => Request::CreateRepo {
                project,
                repo,
                private: false,
            },
            Wish::Link { repo } => Request::LinkRepo { project, repo },
            Wish::Sync => Request::Sync { project },
            Wish::Plan => Request::PlanPublish { project },
            Wish::Publish { as_pull_request } => Request::Publish {
                project,
                summary: String::new(),
                license: "cc-by-4.0".to_owned(),
                languages: vec!["en".to_owned()],
                as_pull_request,
            },
        }
    }

    fn waiting(&self, project: &str) -> Waiting {
        self.storage
            .borrow()
            .get(&outbox_key(project))
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    fn keep(&self, project: &str, waiting: &Waiting) {
        let text = serde_json::to_string(waiting).expect("an outbox is JSON");
        let mut storage = self.storage.borrow_mut();
        if waiting.is_empty() {
            storage.remove(&outbox_key(project));
        } else {
            storage.insert(outbox_key(project), text);
        }
    }

    fn leave_outbox(&self, project: &str, record: &str) {
        let mut waiting = self.waiting(project);
        if waiting.remove(record).is_some() {
            self.keep(project, &waiting);
        }
    }

    /// What a press on the painted `record` would decide: the texts as they stand in its form, with `edit` typed over
    /// the answer.
    pub(crate) fn form(&self, record: &str, kind: Kind, edit: &Edit) -> Option<Said> {
        let (row, response) = self.filled(record, kind, edit)?;
        said(row, &response)
    }

    fn filled(&self, record: &str, kind: Kind, edit: &Edit) -> Option<(&RecordView, Response)> {
        let row = self.rows.iter().find(|row| row.record.id == record)?;
        let mine = row.mine.clone().unwrap_or_default();
        let mut response = Response {
            status: if kind == Kind::Discard {
                ResponseStatus::Discarded
            } else {
                ResponseStatus::Submitted
            },
            quality: match kind {
                Kind::Good => Some(Quality::Good),
                Kind::Bad => Some(Quality::Bad),
                Kind::Discard => None,
            },
            improved_instruction: mine.improved_instruction,
            improved_response: mine.improved_response,
            discard_reason: (kind == Kind::Discard).then(|| "off topic".to_owned()),
        };
        if let Some(text) = &edit.instruction {
            response.improved_instruction = Some(text.clone());
        }
        if let Some(text) = &edit.response {
            response.improved_response = Some(text.clone());
        }
        Some((row, response))
    }

    /// Decides: into the outbox, the next record is painted, and off to the backend. `lives` = the page is still there
    /// after the outbox was written.
    pub(crate) fn press(
        &mut self,
        record: &str,
        kind: Kind,
        edit: &Edit,
        press: usize,
        lives: impl FnOnce() -> bool,
    ) {
        let (Some(project), Some((_, response))) =
            (self.project.clone(), self.filled(record, kind, edit))
        else {
            return;
        };
        let mut waiting = self.waiting(&project);
        waiting.insert(record.to_owned(), (response.clone(), press));
        self.keep(&project, &waiting);
        if let Some(row) = self.rows.iter_mut().find(|row| row.record.id == record) {
            row.mine = Some(response.clone());
        }
        if lives() {
            self.respond(project, record, response, press);
        }
    }

    fn respond(&mut self, project: String, record: &str, response: Response, press: usize) {
        *self.unsettled.entry(record.to_owned()).or_default() += 1;
        let request = Request::Respond {
            project: project.clone(),
            record: record.to_owned(),
            response,
        };
        let pending = Pending::Respond {
            project,
            record: record.to_owned(),
            press,
        };
        self.send(request, pending);
    }

    /// The worker is gone: everything on its way fails.
    pub(crate) fn worker_died(&mut self) -> Vec<Heard> {
        let gone = Failure::new(FailureKind::Internal, "The worker has stopped.");
        let mut ids: Vec<u32> = self.pending.keys().copied().collect();
        ids.sort_unstable();
        ids.into_iter()
            .flat_map(|id| {
                self.hear(Event::Failed {
                    id,
                    failure: gone.clone(),
                })
            })
            .collect()
    }

    /// Takes an event in.
    pub(crate) fn hear(&mut self, event: Event) -> Vec<Heard> {
        let mut heard = Vec::new();
        match serde_json::to_value(&event) {
            Ok(value) => heard.extend(check::unpaintable(&value).map(Heard::Unpaintable)),
            Err(error) => heard.push(Heard::Unpaintable(error.to_string())),
        }
        match event {
            Event::Done { id, reply } => self.answered(id, Ok(reply), &mut heard),
            Event::Failed { id, failure } => self.answered(id, Err(failure), &mut heard),
            Event::Changed { project, what } if Some(&project) == self.project.as_ref() => {
                if what.contains(&Changed::Seed) {
                    let request = Request::OpenProject {
                        id: project.clone(),
                        take_over: false,
                    };
                    self.send(request, Pending::Refresh);
                }
                if what.contains(&Changed::Records) {
                    self.send(list_rows(project), Pending::RefreshRows);
                }
            }
            Event::Run { status, .. }
                if matches!(status.phase, RunPhase::Finished | RunPhase::Paused) =>
            {
                heard.push(Heard::RunOver);
            }
            Event::ProjectLost { project } if Some(&project) == self.project.as_ref() => {
                self.is_lost = true;
                heard.push(Heard::Lost);
            }
            _ => {}
        }
        heard
    }

    fn answered(&mut self, id: u32, outcome: Result<Reply, Failure>, heard: &mut Vec<Heard>) {
        match self.pending.remove(&id) {
            None => {}
            Some(Pending::Respond {
                project,
                record,
                press,
            }) => self.responded(&project, &record, press, outcome, heard),
            Some(Pending::Refresh | Pending::RefreshRows) => {
                if let Ok(reply) = outcome {
                    self.paint(&reply, heard);
                }
            }
            Some(Pending::Wish(wish)) => {
                if let Ok(reply) = &outcome {
                    self.paint(reply, heard);
                }
                self.note(&wish, &outcome, heard);
                let answer = outcome
                    .map(|reply| self.read(reply))
                    .map_err(|failure| refusal(&failure));
                heard.push(Heard::Answer { id, wish, answer });
            }
        }
    }

    fn responded(
        &mut self,
        project: &str,
        record: &str,
        press: usize,
        outcome: Result<Reply, Failure>,
        heard: &mut Vec<Heard>,
    ) {
        let left = self.unsettled.entry(record.to_owned()).or_insert(1);
        *left -= 1;
        let is_last = *left == 0;
        if is_last {
            self.unsettled.remove(record);
        }
        let is_settled = match &outcome {
            Ok(_) => true,
            Err(failure) => refusal(failure).is_final,
        };
        if is_last && (is_settled || self.rule == OutboxRule::ByAnyAnswer) {
            self.leave_outbox(project, record);
        }
        match outcome {
            Ok(Reply::Decided(decided)) => {
                if is_last {
                    self.put(decided.record);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                let refusal = refusal(&failure);
                if refusal.is_final {
                    heard.push(Heard::Void {
                        press,
                        text: refusal.text,
                    });
                }
            }
        }
    }

    fn put(&mut self, row: RecordView) {
        match self
            .rows
            .iter_mut()
            .find(|known| known.record.id == row.record.id)
        {
            Some(known) => *known = row,
            None => self.rows.push(row),
        }
    }

    /// Shows what an answer brings.
    fn paint(&mut self, reply: &Reply, heard: &mut Vec<Heard>) {
        let view = match reply {
            Reply::Opened(view) => view,
            Reply::Imported { project, .. } => project,
            Reply::Seed(view) => {
                self.seed = view.seed.clone();
                heard.push(Heard::Topics(self.seed.topics.clone()));
                return;
            }
            Reply::Records { rows, .. } => {
                self.rows.clone_from(rows);
                heard.push(Heard::Shown(self.painted()));
                return;
            }
            _ => return,
        };
        if self.project.as_ref() != Some(&view.summary.id) {
            self.open(&view.summary.id);
        }
        self.repo = view.hub.as_ref().map(|link| link.repo.clone());
        self.reviewer.clone_from(&view.reviewer);
        self.seed = view.seed.seed.clone();
        self.settings = view.settings.clone();
        heard.push(Heard::Named(self.reviewer.clone()));
        heard.push(Heard::Topics(self.seed.topics.clone()));
    }

    /// Another project is on the page: what waits for it is told again, before anything else.
    fn open(&mut self, project: &str) {
        self.project = Some(project.to_owned());
        self.is_lost = false;
        self.rows.clear();
        for (record, (response, press)) in self.waiting(project) {
            self.respond(project.to_owned(), &record, response, press);
        }
        self.send(list_rows(project.to_owned()), Pending::RefreshRows);
    }

    fn note(&mut self, wish: &Wish, outcome: &Result<Reply, Failure>, heard: &mut Vec<Heard>) {
        match (wish, outcome) {
            (Wish::Undo | Wish::Redo, Ok(Reply::Decided(decided))) => {
                let record = decided.record.record.id.clone();
                self.put(decided.record.clone());
                heard.push(Heard::Stepped {
                    record,
                    is_redo: matches!(wish, Wish::Redo),
                });
            }
            (Wish::Topic { topic }, Ok(_)) => heard.push(Heard::TopicSaved(topic.clone())),
            (Wish::Close, Ok(_)) => {
                self.project = None;
                self.rows.clear();
            }
            (Wish::Create { .. } | Wish::Link { .. }, Ok(Reply::Linked(link))) => {
                self.repo = Some(link.repo.clone());
            }
            // The page asks again whose decisions these are.
            (Wish::SignIn { .. } | Wish::SignOut | Wish::Rename { .. }, Ok(_)) => {
                if let Some(id) = self.project.clone() {
                    let request = Request::OpenProject {
                        id: id.clone(),
                        take_over: false,
                    };
                    self.send(request, Pending::Refresh);
                    self.send(list_rows(id), Pending::RefreshRows);
                }
            }
            _ => {}
        }
    }

    fn read(&self, reply: Reply) -> Answer {
        match reply {
            Reply::Opened(_) | Reply::Imported { .. } => Answer::Project,
            Reply::Records { .. } => Answer::Rows(self.painted()),
            Reply::Decided(_) => Answer::Decided,
            Reply::Seed(_) => Answer::Seed,
            Reply::File { text, .. } => Answer::File(text),
            Reply::Projects(list) => Answer::Projects(
                list.into_iter()
                    .map(|summary| (summary.id, summary.deleted_ms.is_some()))
                    .collect(),
            ),
            Reply::Synced(_) => Answer::Synced,
            Reply::PublishPlan(plan) => Answer::Plan(Plan {
                head: plan.revision,
                is_empty: plan.is_empty,
                only_here: plan.records + plan.decisions,
            }),
            Reply::Published(_) => Answer::Published,
            Reply::Prompts(page) => Answer::Instructions(
                page.prompts
                    .into_iter()
                    .map(|view| {
                        let is_struck = view.prompt.state == PromptState::Struck;
                        (view.prompt.id, view.prompt.text, is_struck)
                    })
                    .collect(),
            ),
            Reply::Run(_) => Answer::Run,
            _ => Answer::Done,
        }
    }
}

fn list_rows(project: String) -> Request {
    Request::ListRecords {
        project,
        filter: RecordFilter::default(),
        offset: 0,
        limit: 1000,
    }
}

/// What is typed over the texts of a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    pub(crate) instruction: Option<String>,
    pub(crate) response: Option<String>,
}
