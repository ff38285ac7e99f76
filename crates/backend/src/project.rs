//! One open project: its database, its run, and the small file that lists it.

use crate::platform::Platform;
use crate::run::ActiveRun;
use crate::{Backend, OrFail as _, Result};
use seedbed_core::messages::{
    Decided, Failure, FailureKind, HubLink, ProjectSummary, ProjectView, Reply, SeedView,
};
use seedbed_core::model::Endpoint;
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use seedbed_core::review::{Quality, Response, ResponseStatus};
use seedbed_core::turns;
use seedbed_store::{Store, StoreError};
use std::cell::{Cell as Flag, RefCell};
use std::rc::Rc;

/// Keys of single values in the store.
pub(crate) mod key {
    pub(crate) const SETTINGS: &str = "settings";
    pub(crate) const ENDPOINT: &str = "endpoint";
    pub(crate) const HUB_LINK: &str = "hub_link";
    pub(crate) use seedbed_store::keys::UPDATED;
    pub(crate) const IS_EXAMPLE: &str = "is_example";
    /// It is being made: whoever finds it unlisted has found what a tab that died had not finished.
    pub(crate) const IS_DRAFT: &str = "is_draft";
    /// What the header of a file said beyond what this build understands.
    pub(crate) const HEADER_REST: &str = "header_rest";
    /// Licence and languages of the last publish.
    pub(crate) const CARD: &str = "card";
    /// Hash of the settings that stood on the Hub when they were read or written last.
    pub(crate) const HUB_SETTINGS: &str = "hub_settings_hash";
    /// The version of this build's readers that read the repo last.
    pub(crate) const READER: &str = "reader";
    /// What the repo needs of a build that rewrites it, as far as this one lacks it.
    pub(crate) const LACKS: &str = "lacks";
    /// A build of format 1 rewrote the repo.
    pub(crate) const OLD_WRITER: &str = "old_writer";
}

/// How long changes of the listing are gathered before they are written, in milliseconds.
const LISTING_DELAY_MS: u64 = 1000;

/// A project that this tab may write to.
pub(crate) struct Project {
    pub(crate) id: String,
    store: RefCell<Option<Store>>,
    /// The run that is asking now.
    pub(crate) run: RefCell<Option<Rc<ActiveRun>>>,
    /// The page has left; close when the run, and what else is under way, is over.
    pub(crate) is_left: Flag<bool>,
    /// Publishes and syncs under way.
    holds: Flag<u32>,
    updated_ms: Flag<u64>,
    is_listing_due: Flag<bool>,
    /// Its listing says that it is open.
    is_listed_open: Flag<bool>,
}

/// Keeps a project open while something is under way that nobody may cut off: a publish.
pub(crate) struct Hold {
    backend: Backend,
    project: Rc<Project>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let holds = self.project.holds.get().saturating_sub(1);
        self.project.holds.set(holds);
        let (backend, project) = (self.backend.clone(), Rc::clone(&self.project));
        if project.is_left.get() && !project.is_busy() {
            self.backend.spawn(async move {
                // Opened again meanwhile it stays.
                if project.is_left.get() && !project.is_busy() {
                    backend.release(&project.id).await;
                }
            });
        }
    }
}

impl Project {
    pub(crate) fn new(id: &str, store: Store) -> Result<Self> {
        let updated = store.get::<u64>(key::UPDATED).or_fail()?.unwrap_or(0);
        Ok(Self {
            id: id.to_owned(),
            store: RefCell::new(Some(store)),
            run: RefCell::default(),
            is_left: Flag::new(false),
            holds: Flag::new(0),
            updated_ms: Flag::new(updated),
            is_listing_due: Flag::new(false),
            is_listed_open: Flag::new(false),
        })
    }

    /// Sets the time of the last change.
    pub(crate) fn set_updated(&self, now_ms: u64) {
        self.updated_ms.set(now_ms);
    }

    /// Something is under way that keeps the project open.
    pub(crate) fn is_busy(&self) -> bool {
        self.run.borrow().is_some() || self.holds.get() > 0
    }

    /// Why nothing can be changed here, if so.
    pub(crate) fn read_only(&self) -> Result<Option<Failure>> {
        self.with(|store| {
            if store.is_newer() {
                return Ok(Some(StoreError::ReadOnly.failure()));
            }
            Ok(store.seed().err().map(|error| {
                Failure::new(
                    FailureKind::Storage,
                    "The seed of this project can't be shown.",
                )
                .means("Everything in the project is kept as it is; until this is mended nothing can be changed.")
                .next("Undo the last change of the seed, or save the project as a file.")
                .detail(error.to_string())
            }))
        })
    }

    /// Reads or writes the database. Fails when the project was given away meanwhile.
    pub(crate) fn with<T>(
        &self,
        act: impl FnOnce(&Store) -> std::result::Result<T, StoreError>,
    ) -> Result<T> {
        match self.store.borrow().as_ref() {
            Some(store) => act(store).or_fail(),
            None => Err(not_open()),
        }
    }

    pub(crate) fn take_store(&self) -> Option<Store> {
        self.store.borrow_mut().take()
    }

    pub(crate) fn settings(&self) -> Result<RunSettings> {
        self.with(|store| store.get(key::SETTINGS))
            .map(Option::unwrap_or_default)
    }

    pub(crate) fn endpoint(&self) -> Result<Option<Endpoint>> {
        self.with(|store| store.get(key::ENDPOINT))
    }

    pub(crate) fn link(&self) -> Result<Option<HubLink>> {
        let link: Option<HubLink> = self.with(|store| store.get(key::HUB_LINK))?;
        link.map(|link| {
            Ok(HubLink {
                needs_newer: self.needs_newer()?,
                ..link
            })
        })
        .transpose()
    }

    /// The repo says that this build lacks something.
    pub(crate) fn needs_newer(&self) -> Result<bool> {
        let lacks: Option<Vec<String>> = self.with(|store| store.get(key::LACKS))?;
        Ok(lacks.is_some_and(|lacks| !lacks.is_empty()))
    }

    pub(crate) fn save_link(&self, link: &HubLink) -> Result<()> {
        self.with(|store| store.put(key::HUB_LINK, link))
    }

    pub(crate) fn summary(&self) -> Result<ProjectSummary> {
        let mut summary = self.with(|store| store.summary(&self.id))?;
        summary.is_newer_format = self.with(|store| Ok(store.is_newer()))?;
        summary.updated_ms = self.updated_ms.get();
        summary.is_example = self
            .with(|store| store.get(key::IS_EXAMPLE))?
            .unwrap_or(false);
        summary.repo = self.link()?.map(|link| link.repo);
        if summary.name.trim().is_empty() {
            "Untitled".clone_into(&mut summary.name);
        }
        Ok(summary)
    }

    /// Writes the file that lists the project; `is_open` tells whoever reads it that the figures may be older than the
    /// project.
    pub(crate) async fn write_listing(&self, platform: &dyn Platform, is_open: bool) -> Result<()> {
        self.is_listing_due.set(false);
        let updated = self.updated_ms.get();
        let mut summary = self.summary()?;
        if !summary.is_newer_format {
            self.with(|store| store.put(key::UPDATED, &updated))?;
        }
        summary.is_open = is_open;
        let json = serde_json::to_string(&summary).map_err(|error| {
            Failure::new(FailureKind::Internal, "The project could not be listed.")
                .detail(error.to_string())
        })?;
        platform.write_meta(self.id.clone(), json).await?;
        self.is_listed_open.set(is_open);
        Ok(())
    }
}

pub(crate) fn not_open() -> Failure {
    Failure::new(
        FailureKind::Busy,
        "This project is not open in this tab any more.",
    )
    .means("What was saved before is safe; this last step was not.")
    .next("Open the project here again, then repeat the step.")
}

/// A decision as the page tells it.
pub(crate) struct NewDecision<'a> {
    pub(crate) project: &'a str,
    pub(crate) id: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) record: &'a str,
    pub(crate) text: &'a str,
}

impl Backend {
    /// The open project `id`.
    pub(crate) fn project(&self, id: &str) -> Result<Rc<Project>> {
        self.projects.borrow().get(id).cloned().ok_or_else(not_open)
    }

    /// The project was changed now; its listing follows shortly.
    pub(crate) fn touched(&self, project: &Rc<Project>) {
        project.updated_ms.set(self.now());
        if project.is_listing_due.replace(true) {
            return;
        }
        let (backend, project) = (self.clone(), Rc::clone(project));
        self.spawn(async move {
            // The first change says at once that the figures may be old, so that a tab that dies before the next
            // writing is noticed by whoever lists the projects.
            if project.is_listed_open.get() {
                backend.transport.sleep(LISTING_DELAY_MS).await;
            }
            if project.is_listing_due.get() {
                // The list is a convenience: it is written again at the next change and on closing.
                let _ = project.write_listing(&*backend.platform, true).await;
            }
        });
    }

    /// Keeps `project` open until the answer is dropped.
    pub(crate) fn hold(&self, project: &Rc<Project>) -> Hold {
        project.holds.set(project.holds.get() + 1);
        Hold {
            backend: self.clone(),
            project: Rc::clone(project),
        }
    }

    pub(crate) fn view(&self, project: &Rc<Project>) -> Result<ProjectView> {
        let read_only = project.read_only()?;
        let seed = match project.with(Store::seed_view) {
            Ok(seed) => seed,
            // Opening never depends on a part that can't be shown.
            Err(_) => project.with(Store::unreadable_seed_view)?,
        };
        Ok(ProjectView {
            summary: project.summary()?,
            seed,
            settings: project.settings()?,
            endpoint: project.endpoint()?,
            hub: project.link()?,
            run: self.open_run(project)?,
            identity: self.identity(),
            read_only,
            unsaved: project.with(Store::unsaved)?,
        })
    }

    pub(crate) fn change_seed(
        &self,
        id: &str,
        change: impl FnOnce(&Store, u64) -> std::result::Result<SeedView, StoreError>,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let view = project.with(|store| change(store, self.now()))?;
        self.touched(&project);
        Ok(Reply::Seed(Box::new(view)))
    }

    pub(crate) fn save_settings(
        &self,
        id: &str,
        settings: &RunSettings,
        endpoint: Option<&Endpoint>,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        project.with(|store| {
            store.put(key::SETTINGS, settings)?;
            match endpoint {
                Some(endpoint) => store.put(key::ENDPOINT, endpoint),
                None => store.remove(key::ENDPOINT),
            }
        })?;
        self.touched(&project);
        Ok(Reply::Ok)
    }

    pub(crate) fn add_prompt(&self, id: &str, cell: Cell, text: &str) -> Result<Reply> {
        let text = checked_instruction(text)?;
        let project = self.project(id)?;
        let now = self.now();
        let writer = self.reviewer();
        let new_id = || self.random_id(12);
        let prompt_id = Prompt::make_id(&cell, text);
        let prompt = project.with(|store| {
            if store.prompt(&prompt_id)?.is_some() {
                store.set_prompt_state(
                    std::slice::from_ref(&prompt_id),
                    PromptState::Kept,
                    &writer,
                    &new_id,
                    now,
                )?;
            } else {
                let prompt = Prompt {
                    id: prompt_id.clone(),
                    cell,
                    text: text.to_owned(),
                    state: PromptState::Kept,
                    origin: PromptOrigin::Typed,
                    original_text: None,
                    seed_hash: store.seed()?.hash(),
                    created_ms: now,
                    updated_ms: now,
                };
                store.add_prompts(&[prompt], &writer, &new_id, now)?;
            }
            store.prompt(&prompt_id)
        })?;
        self.touched(&project);
        prompt
            .map(|prompt| Reply::Prompt(Box::new(prompt)))
            .ok_or_else(|| Failure::new(FailureKind::Internal, "The instruction was not stored."))
    }

    pub(crate) fn edit_prompt(&self, id: &str, prompt: &str, text: &str) -> Result<Reply> {
        let text = checked_instruction(text)?;
        let project = self.project(id)?;
        let (writer, act) = (self.reviewer(), self.random_id(12));
        let prompt =
            project.with(|store| store.edit_prompt(prompt, text, &writer, &act, self.now()))?;
        self.touched(&project);
        Ok(Reply::Prompt(Box::new(prompt)))
    }

    pub(crate) fn set_prompt_state(
        &self,
        id: &str,
        prompts: &[String],
        state: PromptState,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let writer = self.reviewer();
        let new_id = || self.random_id(12);
        project
            .with(|store| store.set_prompt_state(prompts, state, &writer, &new_id, self.now()))?;
        self.touched(&project);
        Ok(Reply::Ok)
    }

    pub(crate) fn respond(&self, decision: &NewDecision<'_>, response: &Response) -> Result<Reply> {
        check_response(response)?;
        let project = self.project(decision.project)?;
        let record = project.with(|store| {
            store.respond(
                decision.record,
                decision.text,
                decision.identity,
                response,
                decision.id,
                self.now(),
            )
        })?;
        self.has_worked(decision.identity);
        let identity = self.identity();
        if identity.id == decision.identity {
            self.introduce(&project, &identity)?;
        }
        self.touched(&project);
        self.decided(&project, &record)
    }

    pub(crate) fn save_draft(
        &self,
        id: &str,
        identity: &str,
        record: &str,
        draft: Option<&Response>,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        project.with(|store| store.save_draft(record, identity, draft))?;
        if draft.is_some() {
            self.has_worked(identity);
        }
        self.touched(&project);
        Ok(Reply::Ok)
    }

    pub(crate) fn step_decision(
        &self,
        id: &str,
        identity: &str,
        decision: &str,
        target: Option<&str>,
        is_undo: bool,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let now = self.now();
        let record = project.with(|store| {
            if is_undo {
                store.undo_decision(identity, decision, target, now)
            } else {
                store.redo_decision(identity, decision, target, now)
            }
        })?;
        let Some(record) = record else {
            return Err(Failure::new(
                FailureKind::Invalid,
                if is_undo {
                    "There is no decision of yours left to undo."
                } else {
                    "There is nothing to redo."
                },
            ));
        };
        self.touched(&project);
        self.decided(&project, &record)
    }

    fn decided(&self, project: &Rc<Project>, record: &str) -> Result<Reply> {
        let reviewer = self.reviewer();
        let (record, counts) = project.with(|store| {
            let view = store
                .record_view(record, &reviewer)?
                .ok_or_else(|| StoreError::Missing("this record".to_owned()))?;
            Ok((view, store.counts(&reviewer)?))
        })?;
        Ok(Reply::Decided(Box::new(Decided { record, counts })))
    }
}

fn checked_instruction(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.is_empty() {
        return Err(
            Failure::new(FailureKind::Invalid, "The instruction is empty.")
                .next("Write what you would ask the model, or strike the instruction."),
        );
    }
    if text.chars().count() > seedbed_core::line::MOST_TEXT {
        return Err(
            Failure::new(FailureKind::Invalid, "The instruction is too long.")
                .next("Texts have 100,000 characters at most: shorten it."),
        );
    }
    Ok(text)
}

/// A submit needs its rating; an improved text must not be empty.
fn check_response(response: &Response) -> Result<()> {
    let invalid = |what: &str, next: &str| {
        Err(Failure::new(FailureKind::Invalid, what)
            .means("Nothing was stored; your texts are still on the page.")
            .next(next))
    };
    let length = seedbed_core::line::MOST_TEXT;
    let is_long = |text: &str| text.len() > length && text.chars().count() > length;
    let turns: Vec<_> = response
        .answers
        .values()
        .filter_map(turns::of)
        .flatten()
        .collect();
    let texts = response
        .answers
        .values()
        .filter_map(serde_json::Value::as_str);
    let said = turns.iter().map(|turn| turn.text.as_str());
    if texts.chain(said.clone()).any(is_long) {
        return invalid(
            "The text is too long.",
            "Texts have 100,000 characters at most: shorten it, then submit again.",
        );
    }
    if response.status == ResponseStatus::Submitted && response.quality().is_none() {
        return invalid(
            "The rating is missing.",
            "Choose good or bad, then submit again.",
        );
    }
    if response.status == ResponseStatus::Submitted && response.quality() == Some(Quality::Good) {
        let improved = [
            response.improved_instruction(),
            response.improved_response(),
        ];
        if improved
            .into_iter()
            .flatten()
            .chain(said)
            .any(|text| text.trim().is_empty())
        {
            return invalid(
                "The improved text is empty.",
                "Write it, or go back to the text as generated.",
            );
        }
    }
    Ok(())
}
