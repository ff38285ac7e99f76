//! The list of projects, and how they are made, opened, closed, deleted, imported and exported.

use crate::bundle::{self, OldBundle, Reading};
use crate::identity::PROFILE_ID;
use crate::project::{Project, key};
use crate::sync::read_seed;
use crate::{Backend, Result, Ticket, run};
use futures::channel::oneshot;
use seedbed_core::example::example;
use seedbed_core::line;
use seedbed_core::messages::{
    Changed, ExportKind, Failure, FailureKind, FilePiece, ImportReport, ProjectSummary, Reply,
};
use seedbed_core::params::RunSettings;
use seedbed_core::seed::Seed;
use seedbed_store::Store;
use serde_json::Value;
use std::rc::Rc;

/// Deleted projects stay restorable this long.
const KEPT_DELETED_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Random bytes of a project's id.
const ID_BYTES: usize = 8;
/// Version of the "task" of records that were imported.
pub(crate) const IMPORT_VERSION: &str = "import/1";

/// What a file is, by its text.
enum Found {
    Bundle(Box<OldBundle>),
    Seed(Box<Seed>),
    Params,
}

impl Backend {
    pub(crate) async fn list_projects(&self) -> Vec<ProjectSummary> {
        if !self.has_settled.replace(true) {
            self.settle_unlisted().await;
        }
        let mut list = Vec::new();
        for (id, json) in self.platform.list_meta().await {
            if id == PROFILE_ID {
                continue;
            }
            let open = self.projects.borrow().get(&id).cloned();
            let json = match open {
                None if is_listed_open(&json) => self.relist_left(&id).await.unwrap_or(json),
                _ => json,
            };
            let open = self.projects.borrow().get(&id).cloned();
            let summary = match open.and_then(|project| project.summary().ok()) {
                Some(summary) => summary,
                None => match serde_json::from_str::<ProjectSummary>(&json) {
                    Ok(summary) => ProjectSummary { id, ..summary },
                    // Written by another version of Seedbed: named, and left alone.
                    Err(_) => ProjectSummary {
                        name: name_in(&json).unwrap_or_else(|| "Unreadable project".to_owned()),
                        id,
                        is_newer_format: true,
                        ..ProjectSummary::default()
                    },
                },
            };
            if self.is_over(&summary) && self.purge(&summary.id).await {
                continue;
            }
            list.push(summary);
        }
        list.sort_by(|a, b| {
            b.updated_ms
                .cmp(&a.updated_ms)
                .then_with(|| a.id.cmp(&b.id))
        });
        list
    }

    /// Finds what a tab left that died while it made a project: what was not finished goes, anything else is listed.
    async fn settle_unlisted(&self) {
        let stored = self.platform.stored().await;
        if stored.is_empty() {
            return;
        }
        let listed = self.platform.list_meta().await;
        for id in stored {
            let is_known = listed.iter().any(|(known, _)| *known == id)
                || self.projects.borrow().contains_key(&id);
            if !is_known && is_drawn_id(&id) {
                self.settle(&id).await;
            }
        }
    }

    async fn settle(&self, id: &str) {
        let _gate = self.gate.lock().await;
        // Another tab has it, or it can't be read here: it is left alone.
        let Ok(store) = self.platform.open(id.to_owned(), false).await else {
            return;
        };
        // Its tab may have finished it meanwhile.
        let is_listed = self.listing(id).await.is_some();
        let is_draft = store.get::<bool>(key::IS_DRAFT) == Ok(Some(true));
        let is_nothing = !store.is_newer() && (is_draft || store.is_untouched() == Ok(true));
        let json = Project::new(id, store).map(|project| {
            let summary = project.summary().ok();
            (project.take_store(), summary)
        });
        let Ok((Some(store), summary)) = json else {
            return;
        };
        self.platform.release(id.to_owned(), store).await;
        if is_listed {
            return;
        }
        if is_nothing {
            // What can't be removed now is found again at the next start.
            self.platform.remove(id.to_owned()).await.ok();
        } else if let Some(json) = summary.and_then(|one| serde_json::to_string(&one).ok()) {
            self.platform.write_meta(id.to_owned(), json).await.ok();
        }
    }

    /// The listing of a project that a tab left without closing it: read anew, unless another tab has it.
    async fn relist_left(&self, id: &str) -> Option<String> {
        let _gate = self.gate.lock().await;
        let store = self.platform.open(id.to_owned(), false).await.ok()?;
        let project = Project::new(id, store).ok()?;
        let deleted = self
            .listing(id)
            .await
            .and_then(|summary| summary.deleted_ms);
        let mut summary = project.summary().ok();
        if let Some(store) = project.take_store() {
            self.platform.release(id.to_owned(), store).await;
        }
        let summary = summary.as_mut()?;
        summary.deleted_ms = deleted;
        let json = serde_json::to_string(summary).ok()?;
        self.platform
            .write_meta(id.to_owned(), json.clone())
            .await
            .ok()?;
        Some(json)
    }

    /// Whether a deleted project has been kept long enough. A deletion in the future, or before the last change, is one of
    /// a clock that was wrong, and a jump of the clock since this tab began is none of time.
    fn is_over(&self, summary: &ProjectSummary) -> bool {
        let now = self.now();
        let is_credible = now.saturating_sub(self.started_ms.get()) < KEPT_DELETED_MS;
        summary.deleted_ms.is_some_and(|at| {
            is_credible && at >= summary.updated_ms && at <= now && now - at > KEPT_DELETED_MS
        })
    }

    /// Removes a project for good, if no other tab has it.
    async fn purge(&self, id: &str) -> bool {
        let _gate = self.gate.lock().await;
        let Ok(store) = self.platform.open(id.to_owned(), false).await else {
            return false;
        };
        self.platform.release(id.to_owned(), store).await;
        self.platform.remove(id.to_owned()).await.is_ok()
    }

    /// A new project, open, with whatever `fill` puts into it. Removed again if that fails, or if nobody waits for it
    /// any more.
    pub(crate) async fn new_project<T>(
        &self,
        fill: impl AsyncFnOnce(&Rc<Project>) -> Result<T>,
    ) -> Result<(Rc<Project>, T)> {
        let draft = self.begin_project().await?;
        let project = Rc::clone(&draft.project);
        let value = fill(&project).await?;
        draft.keep().await?;
        Ok((project, value))
    }

    /// A new project, open and not listed yet.
    pub(crate) async fn begin_project(&self) -> Result<DraftProject> {
        let id = self.random_id(ID_BYTES);
        let _gate = self.gate.lock().await;
        let store = self.platform.open(id.clone(), false).await?;
        let project = Rc::new(Project::new(&id, store)?);
        let draft = DraftProject {
            backend: self.clone(),
            project: Rc::clone(&project),
            is_kept: false,
        };
        self.projects.borrow_mut().insert(id, Rc::clone(&project));
        project.with(|store| {
            store.put(key::IS_DRAFT, &true)?;
            store.begin_visit()
        })?;
        self.settle_identities(&project)?;
        project.with(Store::begin_draft)?;
        Ok(draft)
    }

    fn opened(&self, project: &Rc<Project>) -> Result<Reply> {
        Ok(Reply::Opened(Box::new(self.view(project)?)))
    }

    pub(crate) async fn create_project(&self, name: &str) -> Result<Reply> {
        let seed = Seed {
            domain: name.trim().to_owned(),
            ..Seed::default()
        };
        let (project, ()) = self
            .new_project(async |project| {
                project.with(|store| store.save_seed(&seed, "", self.now()))?;
                Ok(())
            })
            .await?;
        self.opened(&project)
    }

    pub(crate) async fn create_example(&self) -> Result<Reply> {
        let example = example(self.now());
        let writer = self.reviewer();
        let (project, ()) = self
            .new_project(async |project| {
                project.with(|store| {
                    store.save_seed(&example.seed, "", self.now())?;
                    let new_id = || self.random_id(12);
                    store.add_prompts(&example.prompts, &writer, &new_id, self.now())?;
                    store.add_records(&example.records)?;
                    // It comes with the page: nothing of it is lost with this browser.
                    store.set_filed()?;
                    store.put(key::IS_EXAMPLE, &true)
                })
            })
            .await?;
        self.opened(&project)
    }

    pub(crate) async fn open_project(&self, id: &str, take_over: bool) -> Result<Reply> {
        let project = self.open_here(id, take_over).await?;
        self.opened(&project)
    }

    /// Opens a listed project in this tab, or finds it open.
    pub(crate) async fn open_here(&self, id: &str, take_over: bool) -> Result<Rc<Project>> {
        let gate = self.gate.lock().await;
        let open = self.projects.borrow().get(id).cloned();
        if let Some(project) = open {
            project.is_left.set(false);
            return Ok(project);
        }
        let Some(summary) = self.listing(id).await else {
            return Err(Failure::new(
                FailureKind::NotFound,
                "There is no such project in this browser.",
            )
            .means("Projects are kept in the browser they were made in.")
            .next("Choose a project from the list, or open its dataset repo from the Hub."));
        };
        if summary.deleted_ms.is_some() {
            return Err(
                Failure::new(FailureKind::NotFound, "This project was deleted.")
                    .next("Restore it from the list of projects within a week of its deletion."),
            );
        }
        let store = self.platform.open(id.to_owned(), take_over).await?;
        if !store.is_newer() {
            // A full disk must not keep a project shut: what is not written now is written when a run goes on, or at
            // the next opening.
            let _ = store.recover();
            let _ = store.begin_visit();
        }
        let project = Rc::new(Project::new(id, store)?);
        self.projects
            .borrow_mut()
            .insert(id.to_owned(), Rc::clone(&project));
        drop(gate);
        let _ = self.settle_identities(&project);
        if project.read_only()?.is_none() {
            // Before anything is changed, so that a tab that dies right after a change is noticed by whoever lists the
            // projects.
            project.write_listing(&*self.platform, true).await.ok();
        }
        Ok(project)
    }

    async fn listing(&self, id: &str) -> Option<ProjectSummary> {
        self.platform
            .list_meta()
            .await
            .into_iter()
            .find(|(known, _)| known == id && known != PROFILE_ID)
            .map(|(id, json)| ProjectSummary {
                id,
                ..serde_json::from_str(&json).unwrap_or_default()
            })
    }

    pub(crate) async fn close_project(&self, id: &str) -> Result<Reply> {
        let open = self.projects.borrow().get(id).cloned();
        if let Some(project) = open {
            if project.is_busy() {
                project.is_left.set(true);
                project.write_listing(&*self.platform, true).await?;
            } else {
                self.release(id).await;
            }
        }
        Ok(Reply::Ok)
    }

    /// Stops the run, closes the database and frees the files. `false` = was not open. Once begun it goes on even if
    /// whoever asked for it stops waiting: a database that is half closed would keep its files locked.
    pub(crate) async fn release(&self, id: &str) -> bool {
        let (done, was_open) = oneshot::channel();
        let (backend, id) = (self.clone(), id.to_owned());
        self.spawn(async move {
            done.send(backend.release_now(&id).await).ok();
        });
        was_open.await.unwrap_or(false)
    }

    async fn release_now(&self, id: &str) -> bool {
        let _gate = self.gate.lock().await;
        let open = self.projects.borrow_mut().remove(id);
        let Some(project) = open else {
            return false;
        };
        run::stop_run(&project);
        // A listing that can't be written is older than the project, not wrong.
        project.write_listing(&*self.platform, false).await.ok();
        if let Some(store) = project.take_store() {
            self.platform.release(id.to_owned(), store).await;
        }
        true
    }

    async fn relist(&self, mut summary: ProjectSummary, deleted_ms: Option<u64>) -> Result<Reply> {
        summary.deleted_ms = deleted_ms;
        let json = serde_json::to_string(&summary).unwrap_or_default();
        self.platform.write_meta(summary.id, json).await?;
        Ok(Reply::Ok)
    }

    pub(crate) async fn delete_project(&self, id: &str) -> Result<Reply> {
        if !self.release(id).await {
            // Another tab that has it open would list it again.
            let store = self.platform.open(id.to_owned(), false).await?;
            self.platform.release(id.to_owned(), store).await;
        }
        match self.listing(id).await {
            Some(summary) => self.relist(summary, Some(self.now())).await,
            None => Err(gone()),
        }
    }

    pub(crate) async fn restore_project(&self, id: &str) -> Result<Reply> {
        match self.listing(id).await {
            Some(summary) => self.relist(summary, None).await,
            None => Err(gone()),
        }
    }

    pub(crate) async fn import_project(&self, name: &str, text: &str) -> Result<Reply> {
        let found = recognise(name, text)?;
        let title = title_of(name);
        let (project, report) = self
            .new_project(async |project| {
                match &found {
                    Found::Params => {
                        let seed = Seed {
                            domain: title.clone(),
                            ..Seed::default()
                        };
                        project.with(|store| store.save_seed(&seed, "", self.now()))?;
                    }
                    Found::Bundle(_) | Found::Seed(_) => {}
                }
                self.take_in(project, name, text, &found)
            })
            .await?;
        Ok(Reply::Imported {
            project: Box::new(self.view(&project)?),
            report,
        })
    }

    pub(crate) fn import_into(&self, id: &str, name: &str, text: &str) -> Result<Reply> {
        let project = self.project(id)?;
        let found = recognise(name, text)?;
        let report = self.take_in(&project, name, text, &found)?;
        self.touched(&project);
        self.changed(
            &project,
            &[Changed::Seed, Changed::Prompts, Changed::Records],
        );
        Ok(Reply::Imported {
            project: Box::new(self.view(&project)?),
            report,
        })
    }

    fn take_in(
        &self,
        project: &Rc<Project>,
        name: &str,
        text: &str,
        found: &Found,
    ) -> Result<ImportReport> {
        let mut report = ImportReport::default();
        match found {
            Found::Bundle(bundle) => {
                "a project saved by Seedbed".clone_into(&mut report.kind);
                bundle::take_old(project, bundle, &mut report, self.now())?;
            }
            Found::Seed(seed) => {
                "a seed (seed_data.json)".clone_into(&mut report.kind);
                let mut seed = (**seed).clone();
                if seed.domain.trim().is_empty() {
                    seed.domain = title_of(name);
                }
                project.with(|store| store.save_seed(&seed, "", self.now()))?;
            }
            Found::Params => {
                "run settings (pipeline_params.json)".clone_into(&mut report.kind);
                let settings = project
                    .settings()?
                    .import_pipeline_params(text)
                    .map_err(|error| bad_file(name, &error.to_string()))?;
                project.with(|store| store.put(key::SETTINGS, &settings))?;
            }
        }
        Ok(report)
    }

    /// Begins to read a saved project.
    pub(crate) async fn begin_import(&self, name: &str, into: Option<&str>) -> Result<Reply> {
        let import = match into {
            Some(id) => Import {
                reading: Reading::new(self.project(id)?, name),
                draft: None,
            },
            None => {
                let draft = self.begin_project().await?;
                Import {
                    reading: Reading::new(Rc::clone(&draft.project), name),
                    draft: Some(draft),
                }
            }
        };
        let number = self.last_import.get().wrapping_add(1);
        self.last_import.set(number);
        self.imports.borrow_mut().insert(number, import);
        Ok(Reply::Importing(number))
    }

    pub(crate) fn import_piece(&self, number: u32, text: &str) -> Result<Reply> {
        let mut imports = self.imports.borrow_mut();
        let import = imports.get_mut(&number).ok_or_else(no_import)?;
        let read = import.reading.push(text, self.now());
        if read.is_err() {
            // What is half read of a new project goes again; what came into an open one stays, by union.
            imports.remove(&number);
        }
        read.map(|()| Reply::Ok)
    }

    pub(crate) async fn end_import(&self, number: u32, gives_up: bool) -> Result<Reply> {
        let import = self
            .imports
            .borrow_mut()
            .remove(&number)
            .ok_or_else(no_import)?;
        if gives_up {
            return Ok(Reply::Ok);
        }
        let (project, report) = import.reading.finish(self.now())?;
        match import.draft {
            Some(draft) => draft.keep().await?,
            None => {
                self.touched(&project);
                self.changed(
                    &project,
                    &[Changed::Seed, Changed::Prompts, Changed::Records],
                );
            }
        }
        Ok(Reply::Imported {
            project: Box::new(self.view(&project)?),
            report,
        })
    }

    pub(crate) fn exported(&self, id: &str) -> Result<Reply> {
        let project = self.project(id)?;
        project.with(|store| {
            if store.is_newer() {
                return Ok(());
            }
            store.set_filed()
        })?;
        self.changed(&project, &[Changed::Records]);
        Ok(Reply::Ok)
    }

    pub(crate) fn export(&self, id: &str, kind: ExportKind, after: Option<&str>) -> Result<Reply> {
        let project = self.project(id)?;
        let whole = |text: String| FilePiece { text, next: None };
        let stem = file_stem(&project.summary()?.name);
        let (name, mime, piece) = match kind {
            ExportKind::Seed => (
                "seed_data.json".to_owned(),
                "application/json",
                whole(project.with(Store::seed)?.export()),
            ),
            ExportKind::Params => (
                "pipeline_params.json".to_owned(),
                "application/json",
                whole(project.settings()?.export_pipeline_params()),
            ),
            ExportKind::AcceptedRows => (
                format!("{stem}-accepted.jsonl"),
                "application/x-ndjson",
                bundle::accepted_piece(&project, after)?,
            ),
            ExportKind::AllRecords => (
                format!("{stem}-records.jsonl"),
                "application/x-ndjson",
                bundle::record_piece(&project, &self.reviewer(), after)?,
            ),
            ExportKind::Bundle => (
                format!("{stem}.seedbed.jsonl"),
                "application/x-ndjson",
                bundle::piece(&project, after)?,
            ),
        };
        Ok(Reply::File {
            name,
            mime: mime.to_owned(),
            piece,
        })
    }

    /// Opens a repo of the Hub: the local project linked to it, or a new one; then brings in what others committed.
    pub(crate) async fn open_hub(&self, ticket: &Ticket, repo: &str) -> Result<Reply> {
        let repo = self.repo_id(repo)?;
        let known = self.list_projects().await.into_iter().find(|summary| {
            summary.repo.as_deref() == Some(repo.as_str())
                && summary.deleted_ms.is_none()
                && !summary.is_newer_format
        });
        let project = match known {
            Some(summary) => {
                let project = self.open_here(&summary.id, false).await?;
                // Offline, the local copy is better than nothing; the publish page syncs again.
                match self.sync_project(ticket, &project).await {
                    Ok(_) => {}
                    Err(failure) if failure.kind == FailureKind::Network => {}
                    Err(failure) => return Err(failure),
                }
                project
            }
            None => {
                self.new_project(async |project| self.clone_repo(ticket, project, &repo).await)
                    .await?
                    .0
            }
        };
        self.opened(&project)
    }
}

/// A project that is being made. Dropped before it is kept, it is removed again.
pub(crate) struct DraftProject {
    backend: Backend,
    pub(crate) project: Rc<Project>,
    is_kept: bool,
}

impl DraftProject {
    /// Lists the project.
    pub(crate) async fn keep(mut self) -> Result<()> {
        self.project.set_updated(self.backend.now());
        self.project
            .with(|store| store.end_draft(|store| store.remove(key::IS_DRAFT)))?;
        self.project
            .write_listing(&*self.backend.platform, true)
            .await?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for DraftProject {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (backend, id) = (self.backend.clone(), self.project.id.clone());
        self.backend.spawn(async move {
            backend.release(&id).await;
            // What can't be removed is empty, and marked so that it is never listed as a project.
            backend.platform.remove(id).await.ok();
        });
    }
}

/// A saved project that is being read.
pub(crate) struct Import {
    reading: Reading,
    draft: Option<DraftProject>,
}

fn no_import() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        "This file is not being read any more.",
    )
    .next("Open the file again.")
}

/// Whether a folder can be one of a project: what else lies there is a newer build's.
fn is_drawn_id(id: &str) -> bool {
    id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_listed_open(json: &str) -> bool {
    serde_json::from_str::<ProjectSummary>(json).is_ok_and(|summary| summary.is_open)
}

fn gone() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        "There is no such project in this browser.",
    )
    .next("Reload the page to see the present list.")
}

fn name_in(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    Some(value.get("name")?.as_str()?.to_owned())
}

fn bad_file(name: &str, why: &str) -> Failure {
    Failure::new(
        FailureKind::Invalid,
        format!("“{name}” could not be read: {why}"),
    )
    .means("Nothing was changed.")
    .next(
        "Take a seed_data.json, a pipeline_params.json, a project saved by Seedbed, or rows as JSONL or CSV with \
         columns such as instruction and response.",
    )
}

/// Tells a file by its text; the name helps only with rows.
fn recognise(name: &str, text: &str) -> Result<Found> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(bad_file(name, "the file is empty."));
    }
    // Where the mark stands first the file can be large: it is not read twice.
    let start: String = text.chars().take(200).collect();
    if start.contains(bundle::OLD_MARK) {
        return OldBundle::parse(text)
            .map(|bundle| Found::Bundle(Box::new(bundle)))
            .map_err(|why| bad_file(name, &why));
    }
    if let Ok(Value::Object(map)) = serde_json::from_str::<Value>(text) {
        let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
        if has(&["topics", "perspectives", "domain_expert_prompt", "domain"]) {
            return read_seed(text)
                .map(|seed| Found::Seed(Box::new(seed)))
                .map_err(|error| bad_file(name, &format!("{error}.")));
        }
        let is_params = map
            .keys()
            .any(|key| key.starts_with("self_in") || key.starts_with("domain_expert_"));
        if is_params {
            if line::depth(&Value::Object(map)) > line::MOST_DEPTH {
                return Err(bad_file(name, "it is nested too deep."));
            }
            RunSettings::default()
                .import_pipeline_params(text)
                .map_err(|error| bad_file(name, &format!("{error}.")))?;
            return Ok(Found::Params);
        }
    }
    Err(bad_file(
        name,
        "it is neither a seed, nor settings of a run, nor a saved project.",
    ))
}

/// A project name from a file name.
pub(crate) fn title_of(name: &str) -> String {
    let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = stem.split('.').next().unwrap_or(stem);
    let words = stem.replace(['_', '-'], " ");
    let words = words.trim();
    if words.is_empty() {
        "Imported".to_owned()
    } else {
        words.to_owned()
    }
}

/// A file name from a project name.
fn file_stem(name: &str) -> String {
    let mut stem: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    while stem.contains("--") {
        stem = stem.replace("--", "-");
    }
    let stem = stem.trim_matches('-');
    if stem.is_empty() {
        "seedbed".to_owned()
    } else {
        stem.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_text() {
        let kind = |text: &str| match recognise("x.json", text) {
            Ok(Found::Seed(_)) => "seed",
            Ok(Found::Params) => "params",
            Ok(Found::Bundle(_)) => "bundle",
            Err(_) => "none",
        };
        assert_eq!(kind(r#"{"domain":"d","topics":["t"]}"#), "seed");
        assert_eq!(kind(r#"{"self_intruct_num_generations":3}"#), "params");
        assert_eq!(
            kind("{\"question\":\"q\",\"answer\":\"a\"}\n"),
            "none",
            "a table"
        );
        assert_eq!(kind("   "), "none");
        assert_eq!(kind(r#"{"topics":"no list"}"#), "none");
    }

    #[test]
    fn names_of_files_and_projects_turn_into_each_other() {
        assert_eq!(title_of("farming-seed_data.json"), "farming seed data");
        assert_eq!(title_of(".json"), "Imported");
        assert_eq!(file_stem("Bees & honey / 2026"), "bees-honey-2026");
        assert_eq!(file_stem("???"), "seedbed");
    }
}
