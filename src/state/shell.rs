//! The shell's state and its rules: which project is open, when one is opened and closed, what is shown meanwhile.

use super::{Deed, Projects};
use crate::pages::desk::{Backend, Desk, Site};
use crate::platform::link::{Heard, Link, LoadReader};
use crate::platform::page;
use crate::route::{Route, Step};
use futures::lock::Mutex;
use leptos::prelude::*;
use seedbed_core::messages::{
    Changed, Counts, Event, Failure, FailureKind, HubConfig, ImportReport, ProjectView, Reply,
    Request, RequestId, Storage, Unsaved,
};
use seedbed_core::review::RecordState;
use std::rc::Rc;
use std::time::Duration;

/// What the main part of the page shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The projects.
    Home,
    /// How quick the model in this tab is.
    Measure,
    /// No such page.
    Unknown,
    /// A project is on its way; the text names it.
    Opening(String),
    /// A link leads to this repo, and nothing of it is here yet.
    Asking(String),
    /// A project is open. The number grows each time one is opened, so that pages are made anew.
    Open(u32),
    /// Another tab has the project.
    Busy(String),
    /// It could not be opened.
    Failed(Failure),
}

/// Numbers beside the steps; `None` = not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// Instructions kept.
    pub kept: Option<u32>,
    /// Records nobody has decided on.
    pub pending: Option<u32>,
}

/// A short message at the foot of the page.
#[derive(Clone)]
pub struct Toast {
    /// What happened.
    pub text: String,
    /// What can be done about it.
    pub action: Option<(&'static str, Callback<()>)>,
}

impl Toast {
    /// Only a text.
    pub fn say(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            action: None,
        }
    }
}

/// What the route asks to be open.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Home,
    Measure,
    Unknown,
    Project(String),
    Hub(String),
}

/// Handles to the shell's state. See the module's text.
#[derive(Clone, Copy)]
pub struct Shell {
    /// What the pages work with.
    pub desk: Desk,
    /// Where the person is.
    pub route: RwSignal<Route>,
    /// The open project.
    pub project: RwSignal<Option<ProjectView>>,
    /// What is shown.
    pub stage: RwSignal<Stage>,
    /// The projects on this machine.
    pub projects: Projects,
    /// Where work is kept; `None` until the worker has said so.
    pub storage: RwSignal<Option<Storage>>,
    /// The worker can't be used any more.
    pub dead: RwSignal<Option<Failure>>,
    /// The worker takes long to start.
    pub is_slow: RwSignal<bool>,
    /// Another tab took the project over.
    pub is_lost: RwSignal<bool>,
    /// Numbers beside the steps.
    pub counts: RwSignal<StepCounts>,
    /// Work of the open project that exists only in this browser.
    pub unsaved: RwSignal<Unsaved>,
    /// The message at the foot.
    pub toast: RwSignal<Option<Toast>>,
    /// A file is being imported as a project.
    pub import: Deed,
    /// A file is dragged over the page.
    pub is_dragging: RwSignal<bool>,
    /// What the last import did.
    pub import_report: RwSignal<Option<ImportReport>>,
    /// Signing in by redirect failed.
    pub sign_in_failure: RwSignal<Option<Failure>>,
    /// It is known whether somebody is signed in, so that what needs it can be asked for.
    pub is_account_known: RwSignal<bool>,
    target: StoredValue<Option<Target>>,
    /// The repo that the person has said may be opened.
    wanted: StoredValue<String>,
    /// The request that opens a project from the Hub.
    opening: StoredValue<Option<RequestId>>,
    /// Grows with everything that is opened; an answer that comes for an older one is dropped.
    visit: StoredValue<u32>,
    /// Opening and closing happen one after another.
    turn: StoredValue<Rc<Mutex<()>>, LocalStorage>,
    has_asked_to_keep: StoredValue<bool>,
    toast_timer: StoredValue<Option<TimeoutHandle>>,
}

/// The shell's state.
pub fn use_shell() -> Shell {
    expect_context()
}

impl Shell {
    /// The state over a line to the worker, with the function that starts the worker.
    pub fn connect(site: Site, reader: LoadReader) -> (Self, impl FnOnce()) {
        // The line is made before the state it reports to.
        let place: StoredValue<Option<Shell>> = StoredValue::new(None);
        let config = HubConfig {
            hub: site.hub.clone(),
            router: site.router.clone(),
        };
        let link = Rc::new(Link::new(config, move |heard| {
            if let Some(Some(shell)) = place.try_get_value() {
                shell.hear(heard);
            }
        }));
        let shell = Self::new(link.clone(), site);
        place.set_value(Some(shell));
        (shell, move || link.start(reader))
    }

    /// The state over any backend.
    pub fn new(backend: Rc<dyn Backend>, site: Site) -> Self {
        let project = RwSignal::new(None);
        let account = RwSignal::new(None);
        Self {
            desk: Desk::new(backend, site, project, account),
            route: RwSignal::new(Route::parse(&page::hash())),
            project,
            stage: RwSignal::new(Stage::Home),
            projects: Projects::default(),
            storage: RwSignal::new(None),
            dead: RwSignal::new(None),
            is_slow: RwSignal::new(false),
            is_lost: RwSignal::new(false),
            counts: RwSignal::new(StepCounts::default()),
            unsaved: RwSignal::new(Unsaved::default()),
            toast: RwSignal::new(None),
            import: Deed::default(),
            is_dragging: RwSignal::new(false),
            import_report: RwSignal::new(None),
            sign_in_failure: RwSignal::new(None),
            is_account_known: RwSignal::new(false),
            target: StoredValue::new(None),
            wanted: StoredValue::new(String::new()),
            opening: StoredValue::new(None),
            visit: StoredValue::new(0),
            turn: StoredValue::new_local(Rc::new(Mutex::new(()))),
            has_asked_to_keep: StoredValue::new(false),
            toast_timer: StoredValue::new(None),
        }
    }

    /// Takes in what comes over the line.
    pub fn hear(self, heard: Heard<'_>) {
        match heard {
            Heard::Ready(storage) => {
                self.is_slow.set(false);
                self.storage.set(Some(storage));
            }
            Heard::Slow => self.is_slow.set(true),
            Heard::Dead(failure) => self.dead.set(Some(failure)),
            Heard::Reply(reply) => self.overhear(reply),
            Heard::Event(Event::Run { project, status }) => {
                if self.is_open_now(&project) {
                    if status.done > 0 {
                        self.keep_storage();
                    }
                    self.desk.set_run(status);
                }
            }
            Heard::Event(Event::Changed { project, what }) => {
                if self.is_open_now(&project) {
                    self.desk.changed(&what);
                    if what.contains(&Changed::Seed) {
                        self.refresh(project);
                    }
                }
            }
            Heard::Event(Event::ProjectLost { project }) => {
                if self.is_open_now(&project) {
                    self.is_lost.set(true);
                }
            }
            Heard::Event(_) => {}
        }
    }

    fn is_open_now(self, id: &str) -> bool {
        self.project.with_untracked(|project| {
            project
                .as_ref()
                .is_some_and(|project| project.summary.id == id)
        })
    }

    /// Answers to the pages carry the numbers that stand beside the steps.
    fn overhear(self, reply: &Reply) {
        let pending_of = |counts: &Counts| {
            counts
                .states
                .iter()
                .find(|(state, _)| *state == RecordState::Pending)
                .map_or(0, |(_, count)| *count)
        };
        let pending = match reply {
            Reply::Counts(counts) => {
                self.unsaved.set(counts.unsaved);
                pending_of(counts)
            }
            Reply::Decided(decided) => {
                self.unsaved.set(decided.counts.unsaved);
                pending_of(&decided.counts)
            }
            Reply::Prompts(prompts) => {
                let kept = prompts.cells.iter().map(|cell| cell.kept).sum();
                self.counts.update(|counts| counts.kept = Some(kept));
                return;
            }
            Reply::Storage(storage) => {
                self.storage.set(Some(storage.clone()));
                return;
            }
            // What is published or saved as a file is no longer only here: the counts say so.
            Reply::Published(_) | Reply::File { .. } => {
                self.desk.changed(&[Changed::Records]);
                return;
            }
            _ => return,
        };
        self.counts.update(|counts| counts.pending = Some(pending));
    }

    /// Brings the main part in line with the route.
    pub fn follow(self, route: &Route, is_account_known: bool) {
        let target = match route {
            Route::Home => Target::Home,
            Route::Measure => Target::Measure,
            Route::Unknown { .. } => Target::Unknown,
            Route::Project { id, .. } => Target::Project(id.clone()),
            Route::Hub { repo, .. } => Target::Hub(repo.clone()),
        };
        if self
            .target
            .with_value(|current| current.as_ref() == Some(&target))
        {
            return;
        }
        if matches!(target, Target::Hub(_)) && !is_account_known {
            // A private repo would be refused to somebody whose token is just being read back.
            self.stage.set(Stage::Opening(repo_name(route)));
            return;
        }
        self.target.set_value(Some(target.clone()));
        match target {
            Target::Home => {
                self.stage.set(Stage::Home);
                let visit = self.next_visit();
                self.desk.spawn(async move {
                    self.leave(visit).await;
                    self.projects.read(self).await;
                });
            }
            Target::Measure | Target::Unknown => {
                let is_known = target == Target::Measure;
                self.stage.set(if is_known {
                    Stage::Measure
                } else {
                    Stage::Unknown
                });
                let visit = self.next_visit();
                self.desk.spawn(self.leave(visit));
            }
            Target::Project(id) => self.open(id, false),
            Target::Hub(repo) => self.open_hub(repo, route.step().unwrap_or(Step::Seed)),
        }
    }

    /// Begins something that takes the place of what was being opened.
    fn next_visit(self) -> u32 {
        if let Some(Some(id)) = self.opening.try_update_value(Option::take) {
            self.desk.cancel(id);
        }
        let visit = self.visit.get_value() + 1;
        self.visit.set_value(visit);
        visit
    }

    /// Opens a repo of the Hub because the person asks for it.
    pub fn open_repo(self, repo: String, step: Step) {
        self.wanted.set_value(repo.clone());
        let route = Route::Hub { repo, step };
        if self.route.with_untracked(|now| *now == route) {
            self.retry();
        } else {
            self.go(&route);
        }
    }

    /// Goes to a route at once; the address follows.
    pub fn go(self, route: &Route) {
        if self.route.with_untracked(|now| now != route) {
            self.route.set(route.clone());
        }
        page::go(&route.to_string());
    }

    fn is_current(self, visit: u32) -> bool {
        self.visit.try_get_value() == Some(visit)
    }

    /// Closes what is open, once pages that show it are gone.
    async fn leave(self, visit: u32) {
        let Some(turn) = self.turn.try_get_value() else {
            return;
        };
        let _turn = turn.lock().await;
        if !self.is_current(visit) {
            return;
        }
        let id = self.desk.project_id();
        self.project.try_set(None);
        self.counts.try_set(StepCounts::default());
        self.is_lost.try_set(false);
        if !id.is_empty() {
            self.desk.settled().await;
            // Fails only where it is closed already.
            let _ = self.desk.ask(Request::CloseProject { id }).await;
        }
    }

    /// Opens a project of this machine.
    pub fn open(self, id: String, take_over: bool) {
        let visit = self.next_visit();
        self.is_lost.set(false);
        self.stage.set(Stage::Opening(String::new()));
        self.desk.spawn(async move {
            self.leave(visit).await;
            let Some(turn) = self.turn.try_get_value() else {
                return;
            };
            let _turn = turn.lock().await;
            self.desk.outbox_ready().await;
            if !self.is_current(visit) {
                return;
            }
            let request = Request::OpenProject {
                id: id.clone(),
                take_over,
            };
            let answer = self.desk.ask(request).await;
            if !self.is_current(visit) {
                // The person has gone elsewhere meanwhile, and nothing else will close it.
                if answer.is_ok() && !self.is_open_now(&id) {
                    let _ = self.desk.ask(Request::CloseProject { id }).await;
                }
                return;
            }
            match answer {
                Ok(Reply::Opened(project)) => self.adopt(*project),
                Ok(_) => {}
                Err(failure) if failure.kind == FailureKind::Busy => {
                    self.stage.set(Stage::Busy(id));
                }
                Err(failure) => self.stage.set(Stage::Failed(failure)),
            }
        });
    }

    /// Opens a project from the Hub. A link alone does not: anyone can make one, and opening stores what is there.
    fn open_hub(self, repo: String, step: Step) {
        let visit = self.next_visit();
        self.stage.set(Stage::Opening(repo.clone()));
        self.desk.spawn(async move {
            self.leave(visit).await;
            self.desk.outbox_ready().await;
            let is_wanted = self.wanted.try_with_value(|wanted| *wanted == repo) == Some(true);
            if !is_wanted {
                self.projects.read(self).await;
            }
            if !self.is_current(visit) {
                return;
            }
            if !is_wanted && !self.projects.has_repo(&repo) {
                self.stage.set(Stage::Asking(repo));
                return;
            }
            let request = Request::OpenHub { repo };
            let running = self.desk.ask_streaming(request, |_| {});
            self.opening.try_set_value(Some(running.id()));
            let answer = running.await;
            if !self.is_current(visit) {
                if let Ok(Reply::Opened(project)) = answer
                    && !self.is_open_now(&project.summary.id)
                {
                    let id = project.summary.id;
                    let _ = self.desk.ask(Request::CloseProject { id }).await;
                }
                return;
            }
            self.opening.try_set_value(None);
            match answer {
                Ok(Reply::Opened(project)) => {
                    let id = project.summary.id.clone();
                    self.adopt(*project);
                    page::go_instead(&Route::project(&id, step).to_string());
                }
                Ok(_) => {}
                Err(failure) => self.stage.set(Stage::Failed(failure)),
            }
        });
    }

    /// Tries again what the route asks for.
    pub fn retry(self) {
        self.target.set_value(None);
        self.route.notify();
    }

    /// Shows a project that the worker has opened.
    pub fn adopt(self, project: ProjectView) {
        let visit = self.next_visit();
        let id = project.summary.id.clone();
        let before = self.desk.project_id();
        if !before.is_empty() && before != id {
            self.desk.spawn(async move {
                self.desk.settled().await;
                let _ = self.desk.ask(Request::CloseProject { id: before }).await;
            });
        }
        self.target.set_value(Some(Target::Project(id.clone())));
        let present = project.identity.id.clone();
        self.counts.set(StepCounts {
            kept: Some(project.summary.prompts),
            pending: None,
        });
        self.unsaved.set(project.unsaved);
        self.is_lost.set(false);
        self.import_report.set(None);
        self.desk.publish_outcome().set(None);
        self.project.set(Some(project));
        // Before the pages stand, so that whatever they ask for has it already.
        self.desk.open_outbox(&id, &present);
        self.stage.set(Stage::Open(visit));
    }

    /// Takes back the last change of the seed of a project that can't be shown as it is, and shows it again.
    pub fn undo_seed(self) {
        self.desk.spawn(async move {
            let project = self.desk.project_id();
            let request = Request::UndoSeed {
                project: project.clone(),
            };
            match self.desk.ask(request).await {
                Ok(_) => self.refresh(project),
                Err(failure) => self.show_toast(Toast::say(&failure.to_string())),
            }
        });
    }

    /// Reads the open project again after a change from elsewhere.
    fn refresh(self, id: String) {
        self.desk.spawn(async move {
            let request = Request::OpenProject {
                id: id.clone(),
                take_over: false,
            };
            if let Ok(Reply::Opened(project)) = self.desk.ask(request).await
                && self.is_open_now(&id)
            {
                self.unsaved.try_set(project.unsaved);
                self.project.try_set(Some(*project));
            }
        });
    }

    /// Asks the browser to keep what is stored, once, when there is something to keep.
    pub fn keep_storage(self) {
        let is_asked = self
            .has_asked_to_keep
            .try_update_value(|asked| std::mem::replace(asked, true));
        if is_asked == Some(false) {
            self.desk.spawn(async move {
                page::persist().await;
                // Refused or not: the answer is shown where storage is shown.
                let _ = self.desk.ask(Request::Persist).await;
            });
        }
    }

    /// Shows a message for a while.
    pub fn show_toast(self, toast: Toast) {
        let seconds = if toast.action.is_some() { 12 } else { 6 };
        self.toast.try_set(Some(toast));
        let timer = set_timeout_with_handle(
            move || {
                self.toast.try_set(None);
            },
            Duration::from_secs(seconds),
        )
        .ok();
        let before = self
            .toast_timer
            .try_update_value(|place| std::mem::replace(place, timer));
        if let Some(Some(before)) = before {
            before.clear();
        }
    }
}

fn repo_name(route: &Route) -> String {
    match route {
        Route::Hub { repo, .. } => repo.clone(),
        _ => String::new(),
    }
}
