//! Taking over what others committed: union of records, instructions and decisions. Nothing local is ever removed.
//!
//! What is read is not trusted: sizes are bounded, a line that can't be read is told and skipped, and a decision counts
//! only in the folder of its reviewer.

use crate::bundle::RecordLine;
use crate::layout;
use crate::project::{Project, key};
use crate::{Backend, OrFail as _, Result, Ticket};
use futures::{StreamExt as _, stream};
use seedbed_core::messages::{Changed, Failure, FailureKind, HubLink, Progress, Step, SyncReport};
use seedbed_core::model::Message;
use seedbed_core::params::RunSettings;
use seedbed_core::prompt::Prompt;
use seedbed_core::record::Record;
use seedbed_core::review::Decision;
use seedbed_core::seed::Seed;
use seedbed_hub::{HubClient, TreeEntry};
use seedbed_store::{Store, Synced};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Head of `main` that was read last.
pub(crate) const HEAD: &str = "head";
/// Hash of the seed that stood on the Hub when it was read last.
const HUB_SEED: &str = "hub_seed_hash";
/// Files above this many bytes are not read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Files read at once.
const WIDTH: usize = 4;
/// Problems told one by one.
const MOST_PROBLEMS: usize = 20;

/// A line of [`layout::ROWS`].
#[derive(Serialize, Deserialize)]
pub(crate) struct RowLine {
    pub(crate) id: String,
    pub(crate) hash: String,
}

impl Backend {
    pub(crate) async fn sync(&self, ticket: &Ticket, id: &str) -> Result<SyncReport> {
        let project = self.project(id)?;
        self.sync_project(ticket, &project).await
    }

    /// Fills a new project from `repo`.
    pub(crate) async fn clone_repo(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        repo: &str,
    ) -> Result<()> {
        let client = self.hub();
        let info = client.dataset_info(repo, "main").await.or_fail()?;
        let tree = match &info.sha {
            Some(sha) => client.tree(repo, sha, "", true).await.or_fail()?,
            None => Vec::new(),
        };
        let Some((sha, seed_file)) = info
            .sha
            .as_ref()
            .zip(tree.iter().find(|entry| entry.path == layout::SEED))
        else {
            return Err(Failure::new(
                FailureKind::NotFound,
                format!("{repo} has no seed: it was not made with Seedbed."),
            )
            .next(
                "Open a repo that a Seedbed project was published to. To use the rows of another dataset, save them \
                 as JSONL or CSV and import the file.",
            ));
        };
        let text = read_text(&client, repo, sha, seed_file).await?;
        let seed = Seed::import(&text).map_err(|error| {
            Failure::new(
                FailureKind::Content,
                format!("The seed of {repo} could not be read: {error}."),
            )
            .next("Ask its authors to publish it again, or mend seed_data.json on the Hub.")
        })?;
        let mut settings = RunSettings::default();
        if let Some(file) = tree.iter().find(|entry| entry.path == layout::PARAMS) {
            let text = read_text(&client, repo, sha, file).await?;
            // Settings of a broken file are not worth a refusal: the defaults stand.
            settings = settings.import_pipeline_params(&text).unwrap_or(settings);
        }
        let now = self.now();
        project.with(|store| {
            store.save_seed(&seed, "", now)?;
            store.put(HUB_SEED, &seed.hash())?;
            store.put(key::SETTINGS, &settings)
        })?;
        project.save_link(&HubLink {
            repo: repo.to_owned(),
            url: self.repo_url(repo),
            revision: None,
            private: info.private,
            can_write: self.can_write(repo),
            pull_request: None,
        })?;
        self.sync_project(ticket, project).await?;
        Ok(())
    }

    pub(crate) async fn sync_project(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
    ) -> Result<SyncReport> {
        let mut link = linked(project)?;
        let client = self.hub();
        ticket.progress(step(Step::Reading, 0, 0));
        let info = client.dataset_info(&link.repo, "main").await.or_fail()?;
        link.revision.clone_from(&info.sha);
        link.private = info.private;
        // What a commit showed is better than what the account can tell.
        link.can_write = match self.can_write(&link.repo) {
            None if self.token().is_some() => link.can_write,
            told => told,
        };
        project.save_link(&link)?;
        let mut report = SyncReport {
            reviewers: project.with(Store::reviewers)?,
            ..SyncReport::default()
        };
        let Some(sha) = info.sha else {
            return Ok(report);
        };
        report.revision.clone_from(&sha);
        if project.with(|store| store.get::<String>(HEAD))?.as_deref() == Some(sha.as_str()) {
            return Ok(report);
        }
        let tree = client.tree(&link.repo, &sha, "", true).await.or_fail()?;
        let seen = project.with(Store::seen_files)?;
        let mut wanted: Vec<TreeEntry> = tree
            .into_iter()
            .filter(|entry| entry.is_file && is_ours(&entry.path))
            .filter(|entry| seen.get(&entry.path) != Some(&entry.oid))
            .collect();
        // Records before the decisions about them.
        wanted.sort_by_key(|entry| (rank(&entry.path), entry.path.clone()));
        let total = wanted.len() as u64;
        let (repo, revision) = (&link.repo, &sha);
        let client = &client;
        let mut files = stream::iter(wanted)
            .map(|entry| async move {
                let text = if entry.size > MOST_BYTES {
                    Ok(Err(format!("{}: too large to read", entry.path)))
                } else {
                    client
                        .read_file(repo, revision, &entry.path)
                        .await
                        .or_fail()
                        .map(|bytes| {
                            String::from_utf8(bytes).map_err(|error| {
                                format!("{}: not UTF-8 text ({error})", entry.path)
                            })
                        })
                };
                (entry, text)
            })
            .buffered(WIDTH);
        let mut done = 0;
        while let Some((entry, text)) = files.next().await {
            match text? {
                Ok(text) => {
                    self.take_file(project, &entry.path, &text, &mut report)?;
                    project.with(|store| store.set_seen_file(&entry.path, &entry.oid))?;
                }
                Err(problem) => report.problems.push(problem),
            }
            done += 1;
            ticket.progress(step(Step::Reading, done, total));
        }
        report.problems.truncate(MOST_PROBLEMS);
        project.with(|store| store.put(HEAD, &sha))?;
        report.reviewers = project.with(Store::reviewers)?;
        self.touched(project);
        self.changed(
            project,
            &[Changed::Seed, Changed::Prompts, Changed::Records],
        );
        Ok(report)
    }

    fn take_file(
        &self,
        project: &Rc<Project>,
        path: &str,
        text: &str,
        report: &mut SyncReport,
    ) -> Result<()> {
        if path == layout::SEED {
            return self.take_seed(project, text, report);
        }
        if path == layout::PROMPTS {
            let prompts: Vec<Prompt> = lines(path, text, &mut report.problems);
            let merged = project.with(|store| store.merge_prompts(&prompts))?;
            report.prompts += merged.added + merged.changed;
        } else if path == layout::ROWS {
            let rows: Vec<RowLine> = lines(path, text, &mut report.problems);
            let rows: Vec<(String, String)> =
                rows.into_iter().map(|row| (row.id, row.hash)).collect();
            project.with(|store| store.set_published(&rows))?;
        } else if path.starts_with(layout::RECORDS) {
            let rows: Vec<RecordLine> = lines(path, text, &mut report.problems);
            let rows: Vec<(Record, Vec<Message>)> = rows
                .into_iter()
                .map(|line| (line.record, line.messages))
                .collect();
            let ids: Vec<String> = rows.iter().map(|(record, _)| record.id.clone()).collect();
            report.records += project.with(|store| {
                let added = store.add_records(&rows)?;
                store.mark_synced(Synced::Records, &ids)?;
                Ok(added)
            })?;
        } else if let Some(reviewer) = layout::reviewer_of(path) {
            let mut decisions: Vec<Decision> = lines(path, text, &mut report.problems);
            let all = decisions.len();
            decisions.retain(|decision| layout::segment(&decision.reviewer) == reviewer);
            if decisions.len() < all {
                report.problems.push(format!(
                    "{path}: {} decisions in another person's name were left out",
                    all - decisions.len()
                ));
            }
            let ids: Vec<String> = decisions.iter().map(|d| d.id.clone()).collect();
            report.decisions += project.with(|store| {
                let added = store.merge_decisions(&decisions)?;
                store.mark_synced(Synced::Decisions, &ids)?;
                Ok(added)
            })?;
        }
        Ok(())
    }

    /// Whoever changed the seed since it was last read wins; if both did, ours stays and the person is told.
    fn take_seed(&self, project: &Rc<Project>, text: &str, report: &mut SyncReport) -> Result<()> {
        let theirs = match Seed::import(text) {
            Ok(seed) => seed,
            Err(error) => {
                report.problems.push(format!("{}: {error}", layout::SEED));
                return Ok(());
            }
        };
        let (mine, base) =
            project.with(|store| Ok((store.seed()?.hash(), store.get::<String>(HUB_SEED)?)))?;
        let hash = theirs.hash();
        if mine != hash && base.as_ref() != Some(&hash) {
            if base.as_ref() == Some(&mine) {
                let now = self.now();
                project.with(|store| store.save_seed(&theirs, "", now))?;
            } else {
                report.seed_differs = true;
            }
        }
        project.with(|store| store.put(HUB_SEED, &hash))
    }
}

pub(crate) fn step(step: Step, done: u64, total: u64) -> Progress {
    Progress::Step { step, done, total }
}

fn is_ours(path: &str) -> bool {
    path == layout::SEED
        || path == layout::PROMPTS
        || path == layout::ROWS
        || ((path.starts_with(layout::RECORDS) || path.starts_with(layout::DECISIONS))
            && path.strip_suffix(".jsonl").is_some())
}

fn rank(path: &str) -> u8 {
    if path.starts_with(layout::DECISIONS) {
        2
    } else {
        u8::from(path.starts_with(layout::RECORDS))
    }
}

async fn read_text(
    client: &HubClient,
    repo: &str,
    revision: &str,
    entry: &TreeEntry,
) -> Result<String> {
    if entry.size > MOST_BYTES {
        return Err(Failure::new(
            FailureKind::Content,
            format!("{} in {repo} is too large to be read.", entry.path),
        ));
    }
    let bytes = client
        .read_file(repo, revision, &entry.path)
        .await
        .or_fail()?;
    String::from_utf8(bytes).map_err(|error| {
        Failure::new(
            FailureKind::Content,
            format!("{} in {repo} is not text.", entry.path),
        )
        .detail(error.to_string())
    })
}

/// The lines that can be read; the others become problems.
fn lines<T: DeserializeOwned>(path: &str, text: &str, problems: &mut Vec<String>) -> Vec<T> {
    let mut items = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(item) => items.push(item),
            Err(error) if problems.len() < MOST_PROBLEMS => {
                problems.push(format!("{path}, line {}: {error}", at + 1));
            }
            Err(_) => {}
        }
    }
    items
}

/// The project's repo, or what to do first.
pub(crate) fn linked(project: &Project) -> Result<HubLink> {
    project.link()?.ok_or_else(|| {
        Failure::new(
            FailureKind::Invalid,
            "This project has no dataset repo yet.",
        )
        .next("Create a repo or choose one on the Publish page.")
    })
}
