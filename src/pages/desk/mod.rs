//! What generate, review, publish and connect need from the shell, in one place: the open project, who is signed in,
//! the way to the worker ([`Backend`]), and a few things of the browser.
//!
//! The shell makes one [`Desk`], provides it as context, and tells it what it hears from the worker
//! ([`Desk::set_run`], [`Desk::changed`]). Everything here is a handle: a desk is `Copy`.
//!
//! What the shell does once, at its root: `provide_context(Desk::new(…))`, `provide_connect()`, place
//! `<ConnectDialogs />` after its main content, show [`Desk::said`] in a polite live region; and on load
//! `finish_redirect(desk)`, or `restore(desk)` when there was nothing to finish, and `restore_keys(desk)` (all in
//! [`crate::pages::connect`]). A reload of the page after signing in is covered by these three.

mod browser;
mod live;
mod outbox;
mod parts;
mod transfer;

pub use live::Live;
pub use outbox::{Listener, Waiting};
pub use parts::{Debounce, Dialog, failure_view};

use crate::pages::prompts::Job;
use crate::pages::publish::Outcome;
use crate::pages::review::keys::Focus;
use crate::pages::tables::Tables;
use futures::future::LocalBoxFuture;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use outbox::Boxes;
use seedbed_core::engine::EngineModel;
use seedbed_core::identity::Identity;
use seedbed_core::messages::{
    Account, Changed, Failure, FailureKind, HubLink, Identities, Progress, ProjectView, Reply,
    Request, RequestId, RunStatus, SeedView,
};
use seedbed_core::model::Endpoint;
use seedbed_core::params::RunSettings;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The way to the worker.
pub trait Backend {
    /// Sends a request. `on_progress` hears how far it is; the answer comes from the future.
    fn ask(&self, request: Request, on_progress: Box<dyn Fn(Progress)>) -> Running;

    /// Stops a request, which then fails with [`FailureKind::Cancelled`].
    fn cancel(&self, id: RequestId);

    /// Gives the worker a file; gives the number under which it is asked for.
    fn hand_over(&self, file: &web_sys::File) -> u32;
}

/// A request under way.
pub struct Running {
    id: RequestId,
    answer: LocalBoxFuture<'static, Result<Reply, Failure>>,
}

impl Running {
    /// A request with the id it was sent under.
    pub fn new(
        id: RequestId,
        answer: impl Future<Output = Result<Reply, Failure>> + 'static,
    ) -> Self {
        Self {
            id,
            answer: Box::pin(answer),
        }
    }

    /// Its id, for [`Desk::cancel`].
    pub fn id(&self) -> RequestId {
        self.id
    }
}

impl Future for Running {
    type Output = Result<Reply, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.as_mut().poll(context)
    }
}

/// What the page's configuration says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// The Hub, no trailing slash.
    pub hub: String,
    /// The inference router up to `/v1`.
    pub router: String,
    /// OAuth client id, if this copy of the app is registered.
    pub oauth_client_id: Option<String>,
    /// Model files that stand where the app does, to be run in the tab.
    pub models: Vec<EngineModel>,
}

/// Handles to everything the pages need. See the module's text.
#[derive(Clone, Copy)]
pub struct Desk {
    backend: StoredValue<Rc<dyn Backend>, LocalStorage>,
    site: StoredValue<Site>,
    project: RwSignal<Option<ProjectView>>,
    account: RwSignal<Option<Account>>,
    seed: Memo<Option<SeedView>>,
    settings: Memo<RunSettings>,
    endpoint: Memo<Option<Endpoint>>,
    hub: Memo<Option<HubLink>>,
    run: Memo<Option<RunStatus>>,
    read_only: Memo<Option<Failure>>,
    identity: Memo<Identity>,
    identities: RwSignal<Identities>,
    outbox: Boxes,
    prompts_revision: RwSignal<u32>,
    records_revision: RwSignal<u32>,
    outcome: RwSignal<Option<Outcome>>,
    job: RwSignal<Option<Job>>,
    said: RwSignal<String>,
    tables: Tables,
}

/// The desk of this page.
pub fn use_desk() -> Desk {
    expect_context()
}

impl Desk {
    /// A desk over the shell's signals.
    pub fn new(
        backend: Rc<dyn Backend>,
        site: Site,
        project: RwSignal<Option<ProjectView>>,
        account: RwSignal<Option<Account>>,
    ) -> Self {
        let identities: RwSignal<Identities> = RwSignal::new(Identities::default());
        Self {
            backend: StoredValue::new_local(backend),
            site: StoredValue::new(site),
            project,
            account,
            seed: Memo::new(move |_| {
                project.with(|project| project.as_ref().map(|project| project.seed.clone()))
            }),
            settings: Memo::new(move |_| {
                project.with(|project| {
                    project
                        .as_ref()
                        .map(|project| project.settings.clone())
                        .unwrap_or_default()
                })
            }),
            endpoint: Memo::new(move |_| {
                project.with(|project| {
                    project
                        .as_ref()
                        .and_then(|project| project.endpoint.clone())
                })
            }),
            hub: Memo::new(move |_| {
                project.with(|project| project.as_ref().and_then(|project| project.hub.clone()))
            }),
            run: Memo::new(move |_| {
                project.with(|project| project.as_ref().and_then(|project| project.run.clone()))
            }),
            read_only: Memo::new(move |_| {
                project.with(|project| {
                    project
                        .as_ref()
                        .and_then(|project| project.read_only.clone())
                })
            }),
            identity: Memo::new(move |_| {
                project
                    .with(|project| project.as_ref().map(|project| project.identity.clone()))
                    .unwrap_or_else(|| identities.with(|known| known.present.clone()))
            }),
            identities,
            outbox: Boxes::new(),
            prompts_revision: RwSignal::new(0),
            records_revision: RwSignal::new(0),
            outcome: RwSignal::new(None),
            job: RwSignal::new(None),
            said: RwSignal::new(String::new()),
            tables: Tables::default(),
        }
    }

    /// The seed as it is saved, with its history.
    pub fn seed(self) -> Memo<Option<SeedView>> {
        self.seed
    }

    /// Run settings of the project.
    pub fn settings(self) -> Memo<RunSettings> {
        self.settings
    }

    /// The chosen model.
    pub fn endpoint(self) -> Memo<Option<Endpoint>> {
        self.endpoint
    }

    /// The repo of the project.
    pub fn hub(self) -> Memo<Option<HubLink>> {
        self.hub
    }

    /// The run that is active or ended last.
    pub fn run(self) -> Memo<Option<RunStatus>> {
        self.run
    }

    /// Who decides here now.
    pub fn identity(self) -> Memo<Identity> {
        self.identity
    }

    /// Id of the identity that decides here now.
    pub fn identity_id(self) -> String {
        self.identity
            .try_with_untracked(|identity| identity.id.clone())
            .unwrap_or_default()
    }

    /// Who reviews in this browser, as far as it was asked.
    pub fn identities(self) -> RwSignal<Identities> {
        self.identities
    }

    /// Who is signed in.
    pub fn account(self) -> RwSignal<Option<Account>> {
        self.account
    }

    /// Counts up when instructions changed.
    pub fn prompts_revision(self) -> RwSignal<u32> {
        self.prompts_revision
    }

    /// Counts up when records changed by other means than this page's decisions.
    pub fn records_revision(self) -> RwSignal<u32> {
        self.records_revision
    }

    /// The last publish of this visit.
    pub fn publish_outcome(self) -> RwSignal<Option<Outcome>> {
        self.outcome
    }

    /// The drafting or evolving of instructions that is under way or ended last; it goes on when its page is left.
    pub fn job(self) -> RwSignal<Option<Job>> {
        self.job
    }

    /// What was said last; the shell shows it for a while, in a polite live region.
    pub fn said(self) -> RwSignal<String> {
        self.said
    }

    /// Why nothing of the open project can be changed, if so. Requests that would are then refused with it.
    pub fn read_only(self) -> Memo<Option<Failure>> {
        self.read_only
    }

    /// Id of the open project; empty when none is.
    pub fn project_id(self) -> String {
        self.project
            .try_with_untracked(|project| {
                project
                    .as_ref()
                    .map(|project| project.summary.id.clone())
                    .unwrap_or_default()
            })
            .unwrap_or_default()
    }

    /// Name of the open project.
    pub fn project_name(self) -> String {
        self.project
            .try_with_untracked(|project| {
                project
                    .as_ref()
                    .map(|project| project.summary.name.clone())
                    .unwrap_or_default()
            })
            .unwrap_or_default()
    }

    /// Address of another page of the open project.
    pub fn href(self, page: &str) -> String {
        format!("#/p/{}/{page}", self.project_id())
    }

    /// Sends a request.
    pub async fn ask(self, request: Request) -> Result<Reply, Failure> {
        self.ask_streaming(request, |_| {}).await
    }

    /// Sends a request and hears how far it is.
    pub fn ask_streaming(
        self,
        request: Request,
        on_progress: impl Fn(Progress) + 'static,
    ) -> Running {
        if is_edit(&request)
            && let Some(Some(failure)) = self.read_only.try_get_untracked()
        {
            return Running::new(0, async { Err(failure) });
        }
        self.backend
            .try_with_value(|backend| backend.ask(request, Box::new(on_progress)))
            .unwrap_or_else(|| {
                Running::new(0, async {
                    Err(Failure::new(FailureKind::Cancelled, "The page was left."))
                })
            })
    }

    /// Stops a request.
    pub fn cancel(self, id: RequestId) {
        self.backend.try_with_value(|backend| backend.cancel(id));
    }

    /// Answers of a request that is sent again whenever what `request` reads changes; `None` asks nothing.
    pub fn live<T: Clone + Send + Sync + 'static>(
        self,
        request: impl Fn() -> Option<Request> + 'static,
        pick: fn(Reply) -> Option<T>,
    ) -> Live<T> {
        Live::new(self, request, pick)
    }

    /// Runs a future in this page.
    pub fn spawn(self, future: impl Future<Output = ()> + 'static) {
        leptos::task::spawn_local(future);
    }

    fn change(self, change: impl FnOnce(&mut ProjectView)) {
        self.project.try_update(|project| {
            if let Some(project) = project {
                change(project);
            }
        });
    }

    /// Takes the state of a run in.
    pub fn set_run(self, run: RunStatus) {
        self.change(|project| project.run = Some(run));
    }

    /// Shows the seed as it was saved, if `project` is still the open one.
    pub fn set_seed(self, project: &str, seed: SeedView) {
        self.change(|open| {
            if open.summary.id == project {
                let name = seed.seed.domain.trim();
                open.summary.name = if name.is_empty() { "Untitled" } else { name }.to_owned();
                open.summary.description.clone_from(&seed.seed.description);
                open.seed = seed;
            }
        });
    }

    /// Shows the open project as an import left it.
    pub fn set_project(self, project: ProjectView) {
        self.change(|open| {
            if open.summary.id == project.summary.id {
                *open = project;
            }
        });
    }

    /// Shows settings as they will be saved.
    pub fn set_settings(self, settings: RunSettings) {
        self.change(|project| project.settings = settings);
    }

    /// Shows the chosen model.
    pub fn set_endpoint(self, endpoint: Option<Endpoint>) {
        self.change(|project| project.endpoint = endpoint);
    }

    /// Shows the repo.
    pub fn set_hub(self, hub: Option<HubLink>) {
        self.change(|project| {
            project.summary.repo = hub.as_ref().map(|hub| hub.repo.clone());
            project.hub = hub;
        });
    }

    /// Shows who is signed in.
    pub fn set_account(self, account: Option<Account>) {
        self.account.try_set(account);
    }

    /// Shows who reviews here.
    pub fn set_identities(self, identities: Identities) {
        let before = self.identity_id();
        let present = identities.present.clone();
        let is_other = before != present.id;
        self.identities.try_set(identities);
        self.change(|project| project.identity = present);
        if is_other {
            // Whose answers are "mine" is another matter now.
            self.records_revision.try_update(|revision| *revision += 1);
        }
    }

    /// Asks who reviews here, and shows it.
    pub async fn read_identities(self) {
        self.change_identities(Request::ListIdentities).await;
    }

    /// Sends a request that is answered with who reviews here, and shows that.
    pub async fn change_identities(self, request: Request) {
        match self.ask(request).await {
            Ok(Reply::Identities(identities)) => self.set_identities(identities),
            Ok(_) => {}
            Err(failure) => self.say(&failure.to_string()),
        }
    }

    /// What the worker says has changed.
    pub fn changed(self, what: &[Changed]) {
        if what.contains(&Changed::Prompts) {
            self.prompts_revision.update(|revision| *revision += 1);
        }
        if what.contains(&Changed::Records) {
            self.records_revision.update(|revision| *revision += 1);
        }
    }

    /// Instructions changed by this page.
    pub fn prompts_changed(self) {
        self.prompts_revision.try_update(|revision| *revision += 1);
    }

    /// Says something briefly.
    pub fn say(self, text: &str) {
        self.said.try_set(text.to_owned());
    }

    /// OAuth client id, if this copy of the app is registered.
    pub fn oauth_client_id(self) -> Option<String> {
        self.site.with_value(|site| site.oauth_client_id.clone())
    }

    /// Address of the router.
    pub fn router_address(self) -> String {
        self.site.with_value(|site| site.router.clone())
    }

    /// Address of the Hub.
    pub fn hub_address(self) -> String {
        self.site.with_value(|site| site.hub.clone())
    }

    /// Model files that stand where the app does.
    pub fn served_models(self) -> Vec<EngineModel> {
        self.site.with_value(|site| site.models.clone())
    }

    /// Where tokens are made.
    pub fn token_page(self) -> String {
        self.site
            .with_value(|site| format!("{}/settings/tokens", site.hub))
    }

    /// Moves the focus once what is being drawn stands.
    pub fn focus_soon(self, id: &'static str) {
        request_animation_frame(move || browser::focus(id));
    }

    /// [`Self::focus_soon`] for an element whose id is made as it is drawn.
    pub fn focus_on(self, id: String) {
        request_animation_frame(move || browser::focus(&id));
    }

    /// Shows the top of the page.
    pub fn scroll_to_top(self) {
        browser::scroll_to_top();
    }

    /// The time now, for [`Self::mark_painted`].
    pub fn mark_start(self) -> f64 {
        browser::now()
    }

    /// Measures from `start` (milliseconds) to when the next frame is painted, under `name`, in the browser's
    /// performance timeline.
    pub fn mark_painted(self, name: &'static str, start: f64) {
        request_animation_frame(move || {
            // A task that is queued by a frame's callback runs after that frame.
            set_timeout(
                move || browser::measure(name, start, browser::now()),
                std::time::Duration::ZERO,
            );
        });
    }

    /// Where a key press fell.
    pub fn focus_kind(self, event: &KeyboardEvent) -> Focus {
        browser::focus_kind(event)
    }

    /// A key press fell into a field that takes text.
    pub fn is_text_field(self, event: &KeyboardEvent) -> bool {
        matches!(browser::focus_kind(event), Focus::Field | Focus::Editor)
    }

    /// Reads from the browser's lasting storage.
    pub fn local_get(self, key: &str) -> Option<String> {
        browser::get(browser::local()?, key)
    }

    /// Writes to the browser's lasting storage; false if it refuses. Never for keys or tokens.
    pub fn local_set(self, key: &str, value: &str) -> bool {
        browser::set(browser::local(), key, value)
    }

    /// Reads from the tab's storage.
    pub fn session_get(self, key: &str) -> Option<String> {
        browser::get(browser::session()?, key)
    }

    /// Writes to the tab's storage; false if it refuses.
    pub fn session_set(self, key: &str, value: &str) -> bool {
        browser::set(browser::session(), key, value)
    }

    /// Removes from the tab's storage.
    pub fn session_remove(self, key: &str) {
        browser::remove(browser::session(), key);
    }

    /// Reads and removes.
    pub fn session_take(self, key: &str) -> Option<String> {
        let value = self.session_get(key);
        self.session_remove(key);
        value
    }

    /// Address of this page without query and hash.
    pub fn page_address(self) -> String {
        browser::address()
    }

    /// Origin of this page.
    pub fn page_origin(self) -> String {
        browser::origin()
    }

    /// Hash of the address, with `#`.
    pub fn hash(self) -> String {
        browser::hash()
    }

    /// Query of the address, with `?`.
    pub fn query(self) -> String {
        browser::query()
    }

    /// Removes the query from the address and the history, and goes to `hash` if it is not empty.
    pub fn strip_query(self, hash: &str) {
        browser::strip_query(hash);
    }

    /// Where a table waits for the person.
    pub fn tables(self) -> Tables {
        self.tables
    }

    /// Gives the worker a file, and gives the number under which it is asked for.
    pub fn hand_over(self, file: &web_sys::File) -> u32 {
        self.backend
            .try_with_value(|backend| backend.hand_over(file))
            .unwrap_or_default()
    }

    /// The language of the browser, e.g. `de`.
    pub fn language(self) -> Option<String> {
        browser::language()
    }

    /// Leaves the app.
    pub fn navigate_away(self, url: &str) {
        browser::leave_for(url);
    }

    /// The app stands inside another page.
    pub fn is_framed(self) -> bool {
        browser::is_framed()
    }

    /// A time in the person's own format.
    pub fn time_text(self, ms: u64) -> String {
        browser::time_text(ms)
    }

    /// An address under which this page and its workers can read a chosen file, until it is dropped.
    pub fn object_url(self, file: &web_sys::File) -> Option<String> {
        browser::object_url(file)
    }

    /// Lets go of such an address.
    pub fn drop_object_url(self, url: &str) {
        browser::drop_object_url(url);
    }
}

/// Whether a request would change the open project.
fn is_edit(request: &Request) -> bool {
    use Request as R;
    matches!(
        request,
        R::ImportInto { .. }
            | R::Table { into: Some(_), .. }
            | R::BeginImport { into: Some(_), .. }
            | R::SaveSeed { .. }
            | R::RedoSeed { .. }
            | R::SaveSettings { .. }
            | R::Propose { .. }
            | R::DraftAnswer { .. }
            | R::DraftPrompts { .. }
            | R::EvolvePrompts { .. }
            | R::AddPrompt { .. }
            | R::EditPrompt { .. }
            | R::SetPromptState { .. }
            | R::StartRun { .. }
            | R::ResumeRun { .. }
            | R::RetryFailed { .. }
            | R::Respond { .. }
            | R::SaveDraft { .. }
            | R::UndoDecision { .. }
            | R::RedoDecision { .. }
            | R::CreateRepo { .. }
            | R::LinkRepo { .. }
            | R::Sync { .. }
            | R::PlanPublish { .. }
            | R::Publish { .. }
    )
}

/// A failure that is a bug of ours.
pub fn failure_of(what: &str) -> Failure {
    Failure::new(FailureKind::Internal, what).next("Reload the page and try again.")
}
