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
use seedbed_store::{Store, StoreError};
use std::cell::{Cell as Flag, RefCell};
use std::rc::Rc;

/// Keys of single values in the store.
pub(crate) mod key {
    pub(crate) const SETTINGS: &str = "settings";
    pub(crate) const ENDPOINT: &str = "endpoint";
    pub(crate) const HUB_LINK: &str = "hub_link";
    pub(crate) const UPDATED: &str = "updated_ms";
    pub(crate) const IS_EXAMPLE: &str = "is_example";
    /// Licence and languages of the last publish.
    pub(crate) const CARD: &str = "card";
}

/// How long changes of the listing are gathered before they are written, in milliseconds.
const LISTING_DELAY_MS: u64 = 1000;

/// A project that this tab may write to.
pub(crate) struct Project {
    pub(crate) id: String,
    store: RefCell<Option<Store>>,
    /// The run that is asking now.
    pub(crate) run: RefCell<Option<Rc<ActiveRun>>>,
    /// The page has left; close when the run is over.
    pub(crate) is_left: Flag<bool>,
    updated_ms: Flag<u64>,
    is_listing_due: Flag<bool>,
}

impl Project {
    pub(crate) fn new(id: &str, store: Store) -> Result<Self> {
        let updated = store.get::<u64>(key::UPDATED).or_fail()?.unwrap_or(0);
        Ok(Self {
            id: id.to_owned(),
            store: RefCell::new(Some(store)),
            run: RefCell::default(),
            is_left: Flag::new(false),
            updated_ms: Flag::new(updated),
            is_listing_due: Flag::new(false),
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
        self.with(|store| store.get(key::HUB_LINK))
    }

    pub(crate) fn save_link(&self, link: &HubLink) -> Result<()> {
        self.with(|store| store.put(key::HUB_LINK, link))
    }

    pub(crate) fn summary(&self) -> Result<ProjectSummary> {
        let mut summary = self.with(|store| store.summary(&self.id))?;
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

    /// Writes the file that lists the project.
    pub(crate) async fn write_listing(&self, platform: &dyn Platform) -> Result<()> {
        self.is_listing_due.set(false);
        let updated = self.updated_ms.get();
        self.with(|store| store.put(key::UPDATED, &updated))?;
        let summary = self.summary()?;
        let json = serde_json::to_string(&summary).map_err(|error| {
            Failure::new(FailureKind::Internal, "The project could not be listed.")
                .detail(error.to_string())
        })?;
        platform.write_meta(self.id.clone(), json).await
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
            backend.transport.sleep(LISTING_DELAY_MS).await;
            if project.is_listing_due.get() {
                // The list is a convenience: it is written again at the next change and on closing.
                let _ = project.write_listing(&*backend.platform).await;
            }
        });
    }

    pub(crate) fn view(&self, project: &Rc<Project>) -> Result<ProjectView> {
        Ok(ProjectView {
            summary: project.summary()?,
            seed: project.with(Store::seed_view)?,
            settings: project.settings()?,
            endpoint: project.endpoint()?,
            hub: project.link()?,
            run: self.open_run(project)?,
            reviewer: self.reviewer(),
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
        let prompt_id = Prompt::make_id(&cell, text);
        let prompt = project.with(|store| {
            if store.prompt(&prompt_id)?.is_some() {
                store.set_prompt_state(std::slice::from_ref(&prompt_id), PromptState::Kept, now)?;
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
                store.merge_prompts(&[prompt])?;
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
        let prompt = project.with(|store| store.edit_prompt(prompt, text, self.now()))?;
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
        project.with(|store| store.set_prompt_state(prompts, state, self.now()))?;
        self.touched(&project);
        Ok(Reply::Ok)
    }

    pub(crate) fn respond(&self, id: &str, record: &str, response: &Response) -> Result<Reply> {
        check_response(response)?;
        let project = self.project(id)?;
        let (reviewer, decision) = (self.reviewer(), self.random_id(12));
        let known = project.with(|store| store.record_view(record, &reviewer))?;
        // A page that was closed before it heard of the answer tells the same again.
        if known.is_some_and(|view| view.mine.as_ref() == Some(response)) {
            return self.decided(&project, record);
        }
        project.with(|store| store.respond(record, &reviewer, response, &decision, self.now()))?;
        self.touched(&project);
        self.decided(&project, record)
    }

    pub(crate) fn step_decision(&self, id: &str, is_undo: bool) -> Result<Reply> {
        let project = self.project(id)?;
        let (reviewer, decision, now) = (self.reviewer(), self.random_id(12), self.now());
        let record = project.with(|store| {
            if is_undo {
                store.undo_decision(&reviewer, &decision, now)
            } else {
                store.redo_decision(&reviewer, &decision, now)
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
    Ok(text)
}

/// A submit needs its rating; an improved text must not be empty.
fn check_response(response: &Response) -> Result<()> {
    let invalid = |what: &str, next: &str| {
        Err(Failure::new(FailureKind::Invalid, what)
            .means("Nothing was stored; your texts are still on the page.")
            .next(next))
    };
    if response.status == ResponseStatus::Submitted && response.quality.is_none() {
        return invalid(
            "The rating is missing.",
            "Choose good or bad, then submit again.",
        );
    }
    if response.status == ResponseStatus::Submitted && response.quality == Some(Quality::Good) {
        for text in [&response.improved_instruction, &response.improved_response] {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                return invalid(
                    "The improved text is empty.",
                    "Write it, or go back to the text as generated.",
                );
            }
        }
    }
    Ok(())
}
