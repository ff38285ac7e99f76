//! The page's stand-in: what a person sees, what she pressed, and what the browser keeps when the page dies. Decisions go
//! through the product's own outbox, as its page sends them.
//!
//! All use of [`seedbed_core::messages`] is here, but for what the platform's trait names ([`crate::browser`]): the rest of
//! the test speaks of [`Wish`]es and [`Answer`]s.

use crate::check;
use crate::dice::Dice;
use crate::life::Life;
use crate::model::{Kind, Said, Words};
use seedbed_backend::Backend;
use seedbed_core::identity::Identity;
use seedbed_core::messages::{
    Changed, Envelope, Event, ExportKind, Failure, FailureKind, HubConfig, Identities,
    PromptFilter, RecordFilter, RecordView, Reply, Request, RunPhase, TableState,
};
use seedbed_core::model::{Endpoint, EndpointKind};
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Cell, PromptState};
use seedbed_core::question::{IMPROVED_INSTRUCTION, IMPROVED_RESPONSE};
use seedbed_core::review::{Quality, Response, ResponseStatus};
use seedbed_core::seed::Seed;
use seedbed_outbox::{Entry, KeptTexts, Outbox, Told};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Where the scripted model of the world is.
pub(crate) const MODEL: &str = "http://model.test/v1";
/// Characters of a file that are handed on at once.
const PIECE: usize = 1500;

/// What the browser keeps for the site beside its files.
pub(crate) type LocalStorage = Rc<RefCell<BTreeMap<String, String>>>;

/// The storage as one page writes it: a page that is gone writes nothing.
#[derive(Clone)]
struct Kept {
    texts: LocalStorage,
    life: Rc<Life>,
}

impl KeptTexts for Kept {
    fn all(&self, prefix: &str) -> Vec<(String, String)> {
        let texts = self.texts.borrow();
        let found = texts.iter().filter(|(key, _)| key.starts_with(prefix));
        found
            .map(|(key, text)| (key.clone(), text.clone()))
            .collect()
    }

    fn get(&self, key: &str) -> Option<String> {
        self.texts.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, text: &str) -> bool {
        if self.life.step() {
            self.texts.borrow_mut().insert(key.into(), text.into());
        }
        true
    }

    fn remove(&self, key: &str) {
        if self.life.step() {
            self.texts.borrow_mut().remove(key);
        }
    }
}

/// What a person asks for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Hello,
    List,
    Import {
        name: String,
        text: String,
    },
    ImportInto {
        name: String,
        text: String,
    },
    ReadBack {
        name: String,
        text: String,
        is_into: bool,
    },
    OpenHub {
        repo: String,
    },
    Open {
        id: String,
        take_over: bool,
    },
    Close,
    Delete {
        id: String,
    },
    Save,
    Topic {
        topic: String,
    },
    ChooseModel,
    AddInstruction {
        text: String,
    },
    Instructions,
    EditInstruction {
        id: String,
        text: String,
    },
    Strike {
        id: String,
    },
    Run,
    Rows,
    SignIn {
        token: String,
    },
    SignOut,
    Identities,
    Rename {
        name: String,
    },
    NewPerson {
        name: String,
    },
    SitDown {
        id: String,
    },
    Claim {
        from: String,
        are_mine: bool,
    },
    Create {
        repo: String,
    },
    Link {
        repo: String,
        is_confirmed: bool,
    },
    Sync,
    Plan,
    Publish {
        as_pull_request: bool,
        drops_unknown: Option<String>,
        replaces_table: Option<String>,
    },
}

impl Wish {
    /// A publish without any consent.
    pub(crate) fn publish(as_pull_request: bool) -> Self {
        Self::Publish {
            as_pull_request,
            drops_unknown: None,
            replaces_table: None,
        }
    }

    /// Who decides may be another after it.
    fn moves_identity(&self) -> bool {
        matches!(
            self,
            Self::Hello
                | Self::SignIn { .. }
                | Self::SignOut
                | Self::Rename { .. }
                | Self::NewPerson { .. }
                | Self::SitDown { .. }
                | Self::Claim { .. }
        )
    }
}

/// What somebody else said of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Other {
    pub(crate) writer: String,
    pub(crate) name: String,
    pub(crate) is_from_file: bool,
    pub(crate) said: Said,
}

/// A record as it is painted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    /// As generated.
    pub(crate) words: Words,
    pub(crate) state: String,
    pub(crate) mine: Option<Said>,
    pub(crate) others: Vec<Other>,
}

/// What a plan of a publish tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) head: Option<String>,
    pub(crate) is_empty: bool,
    /// Records and decisions that are only here.
    pub(crate) only_here: u32,
    /// The table of another program that stands there.
    pub(crate) foreign_table: Option<String>,
    /// What is to be given up.
    pub(crate) unknown: Option<String>,
    pub(crate) sends_parts_only: bool,
}

/// What the backend answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Done,
    Project,
    Rows(Vec<Seen>),
    Seed,
    File(String),
    Projects(Vec<(String, bool)>),
    Synced,
    Plan(Plan),
    Published,
    /// A repo stands under that name already.
    Found,
    Linked,
    /// Ids of local identities whose decisions nobody has claimed or disowned.
    Identities(Vec<String>),
    /// Id, text, whether it is struck.
    Instructions(Vec<(String, String, bool)>),
    Run,
}

/// Why not.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) text: String,
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
    /// An act with this id is stored; it was about the record with these texts.
    Stored { act: String, about: Option<Words> },
    /// An act with this id can't be stored, and will never be.
    Void { act: String, text: String },
    /// The records as they are now; whether it is certain whose decisions are shown as one's own.
    Shown { rows: Vec<Seen>, is_certain: bool },
    /// The topics as they are now.
    Topics(Vec<String>),
    /// An identity of this browser with the name it is shown under, whether it is the one that decides now.
    Known {
        id: String,
        name: String,
        is_present: bool,
    },
    /// A topic is saved.
    TopicSaved(String),
    /// Another tab has the project now.
    Lost,
    /// A run is over or has stopped.
    RunOver,
    /// What the page's serializer would refuse.
    Unpaintable(String),
}

/// A wish that takes several requests.
enum Chain {
    Saving(String),
    Looking,
    Reading { import: u32, rest: String },
    Ending,
}

enum Pending {
    Wish(Wish),
    Chain {
        first: u32,
        wish: Wish,
        chain: Chain,
    },
    Act {
        project: String,
        entry: Box<Entry>,
    },
    /// The page reads again by itself.
    Refresh,
    RefreshRows,
}

/// One page with its line to the backend.
pub(crate) struct Page {
    backend: Backend,
    hub: String,
    kept: Kept,
    dice: Dice,
    next: u32,
    pending: HashMap<u32, Pending>,
    boxes: BTreeMap<String, Outbox>,
    /// The open project.
    pub(crate) project: Option<String>,
    pub(crate) repo: Option<String>,
    /// Who decides, as far as the page knows.
    pub(crate) identity: Identity,
    rows: Vec<RecordView>,
    seed: Seed,
    settings: RunSettings,
    pub(crate) is_lost: bool,
    /// The last act, as it lies in the outbox.
    act: Option<Value>,
}

fn words_of(row: &RecordView, response: &Response) -> Words {
    let text = |improved: Option<&str>, generated: &str| improved.unwrap_or(generated).to_owned();
    Words {
        instruction: text(response.improved_instruction(), row.record.instruction()),
        response: text(response.improved_response(), row.record.response()),
    }
}

fn said(row: &RecordView, response: &Response) -> Option<Said> {
    let kind = match (response.status, response.quality()) {
        (ResponseStatus::Draft | ResponseStatus::Unknown, _) => return None,
        (ResponseStatus::Discarded, _) => Kind::Discard,
        (ResponseStatus::Submitted, Some(Quality::Good)) => Kind::Good,
        (ResponseStatus::Submitted, _) => Kind::Bad,
    };
    Some(Said {
        kind,
        words: words_of(row, response),
    })
}

fn refusal(failure: &Failure) -> Refusal {
    Refusal {
        text: format!(
            "{:?}: {} {} {}",
            failure.kind,
            failure.what,
            failure.means,
            failure.detail.as_deref().unwrap_or_default()
        ),
    }
}

impl Page {
    pub(crate) fn new(
        backend: Backend,
        hub: &str,
        texts: LocalStorage,
        life: Rc<Life>,
        dice: Dice,
    ) -> Self {
        Self {
            backend,
            hub: hub.to_owned(),
            kept: Kept { texts, life },
            dice,
            next: 0,
            pending: HashMap::new(),
            boxes: BTreeMap::new(),
            project: None,
            repo: None,
            identity: Identity::default(),
            rows: Vec::new(),
            seed: Seed::default(),
            settings: RunSettings::default(),
            is_lost: false,
            act: None,
        }
    }

    /// Nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// The records as they are painted.
    pub(crate) fn painted(&self) -> Vec<Seen> {
        self.rows.iter().map(|row| self.seen(row)).collect()
    }

    fn seen(&self, row: &RecordView) -> Seen {
        let mine = self.unconfirmed(row).or(row.mine.as_ref());
        Seen {
            id: row.record.id.clone(),
            words: words_of(row, &Response::default()),
            state: row.state.as_str().to_owned(),
            mine: mine.and_then(|mine| said(row, mine)),
            others: row
                .others
                .iter()
                .filter_map(|other| {
                    Some(Other {
                        writer: other.writer.clone(),
                        name: other.name.clone(),
                        is_from_file: other.is_from_file,
                        said: said(row, &other.response)?,
                    })
                })
                .collect(),
        }
    }

    fn unconfirmed(&self, row: &RecordView) -> Option<&Response> {
        self.boxes
            .get(self.project.as_ref()?)?
            .unconfirmed(&self.identity.id, &row.record.id)
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

    #[allow(clippy::too_many_lines, reason = "one arm a wish")]
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
            Wish::ImportInto { name, text } => crate::reading::open_table(&name, &text),
            Wish::ReadBack { name, is_into, .. } => Request::BeginImport {
                name,
                into: is_into.then_some(project),
            },
            Wish::OpenHub { repo } => Request::OpenHub { repo },
            Wish::Open { id, take_over } => Request::OpenProject { id, take_over },
            Wish::Close => Request::CloseProject { id: project },
            Wish::Delete { id } => Request::DeleteProject { id },
            Wish::Save => export(project, None),
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
            Wish::SignIn { token } => Request::SignIn { token },
            Wish::SignOut => Request::SignOut,
            Wish::Identities => Request::ListIdentities,
            Wish::Rename { name } => Request::SetReviewer { name },
            Wish::NewPerson { name } => Request::NewReviewer { name },
            Wish::SitDown { id } => Request::UseReviewer { id },
            Wish::Claim { from, are_mine } => Request::ClaimDecisions { from, are_mine },
            Wish::Create { repo } => Request::CreateRepo {
                project,
                repo,
                private: false,
            },
            Wish::Link { repo, is_confirmed } => Request::LinkRepo {
                project,
                repo,
                is_confirmed,
            },
            Wish::Sync => Request::Sync { project },
            Wish::Plan => Request::PlanPublish { project },
            Wish::Publish {
                as_pull_request,
                drops_unknown,
                replaces_table,
            } => Request::Publish {
                project,
                summary: String::new(),
                license: "cc-by-4.0".to_owned(),
                languages: vec!["en".to_owned()],
                as_pull_request,
                drops_unknown,
                replaces_table,
            },
        }
    }

    // ---- decisions ----

    /// What a press on the painted `record` would decide: the texts as they stand in its form, with `edit` typed over
    /// the answer.
    pub(crate) fn form(&self, record: &str, kind: Kind, edit: &Edit) -> Option<Said> {
        let (row, response) = self.filled(record, kind, edit)?;
        said(row, &response)
    }

    fn filled(&self, record: &str, kind: Kind, edit: &Edit) -> Option<(&RecordView, Response)> {
        let row = self.rows.iter().find(|row| row.record.id == record)?;
        let mine = self.unconfirmed(row).or(row.mine.as_ref());
        let mut response = match kind {
            Kind::Good => Response::rated(Quality::Good),
            Kind::Bad => Response::rated(Quality::Bad),
            Kind::Discard => Response::discard(Some("off topic")),
        };
        let before = |question: &str| mine.and_then(|mine| mine.text(question)).map(str::to_owned);
        for (question, typed) in [
            (IMPROVED_INSTRUCTION, &edit.instruction),
            (IMPROVED_RESPONSE, &edit.response),
        ] {
            let text = typed.clone().or_else(|| before(question));
            response.set_text(question, text.as_deref());
        }
        Some((row, response))
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.dice.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.dice.next().to_be_bytes());
        bytes
    }

    /// Decides: into the outbox, and off to the backend if the page still lives. Returns the id of the act.
    pub(crate) fn press(&mut self, record: &str, kind: Kind, edit: &Edit) -> Option<String> {
        let (row, response) = self.filled(record, kind, edit)?;
        let text = row.text.clone();
        let (random, identity) = (self.random(), self.identity.id.clone());
        self.put(|outbox, kept| outbox.decide(kept, random, &identity, record, &text, response))
    }

    /// Takes the last decision back, or puts the one back that was undone last. Returns the id of the act and of the
    /// decision it names, if it names one.
    pub(crate) fn take_back(&mut self, is_redo: bool) -> Option<(String, Option<String>)> {
        let (random, identity) = (self.random(), self.identity.id.clone());
        let act = self.put(|outbox, kept| {
            if is_redo {
                outbox.redo(kept, random, &identity)
            } else {
                outbox.undo(kept, random, &identity)
            }
        })?;
        let named = self.act.take()?;
        let target = ["undo", "redo"]
            .iter()
            .find_map(|kind| named["act"][kind]["target"].as_str());
        Some((act, target.map(str::to_owned)))
    }

    /// An act into the outbox; none if the page died before it was there.
    fn put(&mut self, act: impl FnOnce(&mut Outbox, &Kept) -> String) -> Option<String> {
        let project = self.project.clone()?;
        let kept = self.kept.clone();
        let id = act(self.outbox(&project), &kept);
        let all = kept.all("seedbed:outbox-act:");
        let (_, text) = all.into_iter().find(|(key, _)| key.ends_with(&id))?;
        self.act = serde_json::from_str(&text).ok();
        if kept.life.step() {
            self.pump(&project);
        }
        Some(id)
    }

    fn outbox(&mut self, project: &str) -> &mut Outbox {
        let present = self.identity.id.clone();
        let outbox = self
            .boxes
            .entry(project.to_owned())
            .or_insert_with(|| Outbox::new(project));
        if !outbox.is_open() {
            outbox.open(&self.kept, &present);
        }
        outbox
    }

    /// Sends the next act, if none is on its way.
    fn pump(&mut self, project: &str) {
        if let Some(entry) = self.outbox(project).next_to_send() {
            let pending = Pending::Act {
                project: project.to_owned(),
                entry: Box::new(entry.clone()),
            };
            self.send(entry.request(), pending);
        }
    }

    /// A person asks to try again what could not be stored.
    pub(crate) fn try_again(&mut self) {
        if let Some(project) = self.project.clone() {
            self.outbox(&project).retry();
            self.pump(&project);
        }
    }

    fn told(
        &mut self,
        project: &str,
        entry: &Entry,
        outcome: Result<Reply, Failure>,
        heard: &mut Vec<Heard>,
    ) {
        let kept = self.kept.clone();
        let failure = outcome.as_ref().err().cloned();
        let told = self
            .outbox(project)
            .told(&kept, &entry.id, failure.as_ref());
        match (told, outcome) {
            (Told::Confirmed, Ok(reply)) => {
                let about = match reply {
                    Reply::Decided(decided) => {
                        let about = words_of(&decided.record, &Response::default());
                        if self.project.as_deref() == Some(project) {
                            self.put_row(decided.record);
                        }
                        Some(about)
                    }
                    _ => None,
                };
                heard.push(Heard::Stored {
                    act: entry.id.clone(),
                    about,
                });
            }
            (Told::Refused, Err(failure)) => heard.push(Heard::Void {
                act: entry.id.clone(),
                text: refusal(&failure).text,
            }),
            _ => {}
        }
        self.pump(project);
    }

    // ---- hearing ----

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
                    self.read_project(&project);
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

    fn read_project(&mut self, project: &str) {
        let request = Request::OpenProject {
            id: project.to_owned(),
            take_over: false,
        };
        self.send(request, Pending::Refresh);
    }

    fn answered(&mut self, id: u32, outcome: Result<Reply, Failure>, heard: &mut Vec<Heard>) {
        match self.pending.remove(&id) {
            None => {}
            Some(Pending::Act { project, entry }) => self.told(&project, &entry, outcome, heard),
            Some(Pending::Refresh | Pending::RefreshRows) => {
                if let Ok(reply) = outcome {
                    self.paint(&reply, heard);
                }
            }
            Some(Pending::Wish(wish)) => {
                let chain = match (&wish, &outcome) {
                    (Wish::Save, Ok(_)) => Some(Chain::Saving(String::new())),
                    (Wish::ImportInto { .. }, Ok(Reply::Look(_))) => Some(Chain::Looking),
                    (Wish::ReadBack { text, .. }, Ok(Reply::Importing(import))) => {
                        Some(Chain::Reading {
                            import: *import,
                            rest: text.clone(),
                        })
                    }
                    _ => None,
                };
                match chain {
                    Some(chain) => self.go_on(id, wish, chain, outcome, heard),
                    None => self.finish(id, wish, outcome, heard),
                }
            }
            Some(Pending::Chain { first, wish, chain }) => {
                self.go_on(first, wish, chain, outcome, heard);
            }
        }
    }

    /// The next request of a wish that takes several.
    fn go_on(
        &mut self,
        first: u32,
        wish: Wish,
        chain: Chain,
        outcome: Result<Reply, Failure>,
        heard: &mut Vec<Heard>,
    ) {
        let (request, chain) = match (chain, &outcome) {
            (Chain::Saving(mut text), Ok(Reply::File { piece, .. })) => {
                text.push_str(&piece.text);
                let Some(next) = piece.next.clone() else {
                    heard.push(Heard::Answer {
                        id: first,
                        wish,
                        answer: Ok(Answer::File(text)),
                    });
                    return;
                };
                let project = self.project.clone().unwrap_or_default();
                (export(project, Some(next)), Chain::Saving(text))
            }
            (Chain::Looking, Ok(Reply::Look(look))) => {
                let look = look.open().expect("a look");
                let project = self.project.clone();
                (crate::reading::take_table(&look, project), Chain::Ending)
            }
            (Chain::Reading { import, rest }, Ok(_)) => {
                if rest.is_empty() {
                    let gives_up = false;
                    (Request::EndImport { import, gives_up }, Chain::Ending)
                } else {
                    let mut end = PIECE.min(rest.len());
                    while !rest.is_char_boundary(end) {
                        end += 1;
                    }
                    let (text, rest) = rest.split_at(end);
                    let (text, rest) = (text.to_owned(), rest.to_owned());
                    (
                        Request::ImportPiece { import, text },
                        Chain::Reading { import, rest },
                    )
                }
            }
            _ => {
                self.finish(first, wish, outcome, heard);
                return;
            }
        };
        self.send(request, Pending::Chain { first, wish, chain });
    }

    fn finish(
        &mut self,
        id: u32,
        wish: Wish,
        outcome: Result<Reply, Failure>,
        heard: &mut Vec<Heard>,
    ) {
        if let Ok(reply) = &outcome {
            self.paint(reply, heard);
        }
        self.note(&wish, &outcome, heard);
        let answer = outcome
            .map(|reply| self.read(reply))
            .map_err(|failure| refusal(&failure));
        heard.push(Heard::Answer { id, wish, answer });
    }

    fn put_row(&mut self, row: RecordView) {
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
            Reply::Around { rows, .. } => {
                self.rows.clone_from(rows);
                let is_moving = self.pending.values().any(|pending| match pending {
                    Pending::Wish(wish) => wish.moves_identity(),
                    _ => false,
                });
                heard.push(Heard::Shown {
                    rows: self.painted(),
                    is_certain: !is_moving && !self.identity.id.is_empty(),
                });
                return;
            }
            Reply::Identities(identities) => {
                self.meet(identities, heard);
                return;
            }
            Reply::SignedIn { account, .. } => {
                self.is_now(Identity::account(&account.name), heard);
                return;
            }
            _ => return,
        };
        self.is_now(view.identity.clone(), heard);
        if self.project.as_ref() != Some(&view.summary.id) {
            self.open(&view.summary.id);
        }
        self.repo = view.hub.as_ref().map(|link| link.repo.clone());
        self.seed = view.seed.seed.clone();
        self.settings = view.settings.clone();
        heard.push(Heard::Topics(self.seed.topics.clone()));
    }

    fn is_now(&mut self, identity: Identity, heard: &mut Vec<Heard>) {
        heard.push(Heard::Known {
            id: identity.id.clone(),
            name: identity.name.clone(),
            is_present: true,
        });
        self.identity = identity;
    }

    fn meet(&mut self, identities: &Identities, heard: &mut Vec<Heard>) {
        for one in &identities.known {
            heard.push(Heard::Known {
                id: one.id.clone(),
                name: one.name.clone(),
                is_present: false,
            });
        }
        self.is_now(identities.present.clone(), heard);
    }

    /// Another project is on the page: what waits for it is told again, before anything else.
    fn open(&mut self, project: &str) {
        self.project = Some(project.to_owned());
        self.is_lost = false;
        self.rows.clear();
        let (kept, present) = (self.kept.clone(), self.identity.id.clone());
        self.boxes
            .entry(project.to_owned())
            .or_insert_with(|| Outbox::new(project))
            .open(&kept, &present);
        self.pump(project);
        self.send(list_rows(project.to_owned()), Pending::RefreshRows);
    }

    fn note(&mut self, wish: &Wish, outcome: &Result<Reply, Failure>, heard: &mut Vec<Heard>) {
        let Ok(reply) = outcome else {
            return;
        };
        match wish {
            Wish::Topic { topic } => heard.push(Heard::TopicSaved(topic.clone())),
            Wish::Close => {
                self.project = None;
                self.rows.clear();
            }
            Wish::Create { .. } | Wish::Link { .. } => {
                if let Reply::Linked(link) = reply {
                    self.repo = Some(link.repo.clone());
                }
            }
            _ => {}
        }
        if matches!(wish, Wish::SignOut) {
            self.identity = Identity::default();
        }
        // The page asks again whose decisions these are.
        if wish.moves_identity() {
            self.send(Request::ListIdentities, Pending::Refresh);
            if let Some(id) = self.project.clone() {
                self.read_project(&id);
                self.send(list_rows(id), Pending::RefreshRows);
            }
        }
    }

    fn read(&self, reply: Reply) -> Answer {
        match reply {
            Reply::Opened(_) | Reply::Imported { .. } => Answer::Project,
            Reply::Around { .. } => Answer::Rows(self.painted()),
            Reply::Seed(_) => Answer::Seed,
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
                foreign_table: match plan.table {
                    TableState::Foreign { oid, .. } => Some(oid),
                    TableState::Absent | TableState::Ours => None,
                },
                unknown: plan.unknown,
                sends_parts_only: plan.sends_parts_only,
            }),
            Reply::Published(_) => Answer::Published,
            Reply::Found(_) => Answer::Found,
            Reply::Linked(_) => Answer::Linked,
            Reply::Identities(identities) => {
                Answer::Identities(identities.unclaimed.into_iter().map(|one| one.id).collect())
            }
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

fn export(project: String, after: Option<String>) -> Request {
    Request::Export {
        project,
        kind: ExportKind::Bundle,
        after,
    }
}

fn list_rows(project: String) -> Request {
    Request::RecordsAround {
        project,
        filter: RecordFilter::default(),
        anchor: None,
        before: 0,
        after: 1000,
    }
}

/// What is typed over the texts of a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    pub(crate) instruction: Option<String>,
    pub(crate) response: Option<String>,
}
