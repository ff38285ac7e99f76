//! Publishing: what would change on the Hub, and the commit that changes it.
//!
//! Each attempt reads the head first, takes over what others committed, builds the files from the merged state, and
//! commits with `parentCommit`. So a 412 is answered by doing just that again, and a commit that landed although its
//! answer was lost is found as "nothing left to change".

use crate::card::{self, Facts};
use crate::draft::clip;
use crate::layout;
use crate::project::{Project, key};
use crate::run::run_file;
use crate::sync::{HEAD, RowLine, linked, step};
use crate::{Backend, OrFail as _, Result, Ticket};
use seedbed_core::messages::{
    ChangeKind, Failure, FileChange, HubLink, PublishPlan, Published, RowChange, Step, SyncReport,
};
use seedbed_core::review::Decision;
use seedbed_hub::retry::{CommitRetry, Next};
use seedbed_hub::{CommitRequest, HubClient, Operation, git_blob_oid};
use seedbed_store::{Store, Synced};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Rows of the plan that are shown one by one.
const SAMPLE: usize = 20;
/// Rows read at a time.
const WINDOW: u32 = 2000;
/// Hex digits of a row's content hash that are published.
const HASH_DIGITS: usize = 16;

/// What the person asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) summary: String,
    pub(crate) license: String,
    pub(crate) languages: Vec<String>,
    pub(crate) as_pull_request: bool,
}

/// Licence and languages as chosen last.
#[derive(Default, Serialize, Deserialize)]
struct CardChoice {
    license: String,
    languages: Vec<String>,
}

/// A file to write, or to delete.
struct Change {
    path: String,
    kind: ChangeKind,
    what: &'static str,
    /// `None` for a file to delete, and for the table, which is written last.
    bytes: Option<Vec<u8>>,
}

/// Rows by what becomes of them.
#[derive(Default)]
struct RowDiff {
    total: usize,
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    /// Id and short hash of every row after the publish.
    rows: Vec<(String, String)>,
}

/// Everything a commit would do.
struct Build {
    changes: Vec<Change>,
    diff: RowDiff,
    records: Vec<String>,
    decisions: Vec<String>,
    /// Why the card is left as it is.
    card_refusal: Option<String>,
}

impl Backend {
    pub(crate) async fn plan_publish(&self, ticket: &Ticket, id: &str) -> Result<PublishPlan> {
        let project = self.project(id)?;
        let mut sync = self.sync_project(ticket, &project).await?;
        let link = linked(&project)?;
        let choice: CardChoice = project
            .with(|store| store.get(key::CARD))?
            .unwrap_or_default();
        let build = self.build(&project, &link, &choice, &self.hub()).await?;
        sync.problems.extend(build.card_refusal.clone());
        let blocked = self
            .account
            .borrow()
            .is_none()
            .then(|| "Sign in to the Hub first: it has to know who commits.".to_owned());
        Ok(PublishPlan {
            repo: link.repo,
            revision: link.revision,
            files: build
                .changes
                .iter()
                .map(|change| FileChange {
                    path: change.path.clone(),
                    change: change.kind,
                    what: change.what.to_owned(),
                    size_bytes: change.bytes.as_ref().map(|bytes| bytes.len() as u64),
                })
                .collect(),
            rows_total: build.diff.total as u32,
            rows_added: build.diff.added.len() as u32,
            rows_changed: build.diff.changed.len() as u32,
            rows_removed: build.diff.removed.len() as u32,
            sample: self.sample(&project, &build.diff)?,
            decisions: build.decisions.len() as u32,
            records: build.records.len() as u32,
            can_write: link.can_write,
            is_empty: build.changes.is_empty(),
            blocked,
            sync,
        })
    }

    fn sample(&self, project: &Project, diff: &RowDiff) -> Result<Vec<RowChange>> {
        let reviewer = self.reviewer();
        let kinds = [
            (ChangeKind::Changed, &diff.changed),
            (ChangeKind::Removed, &diff.removed),
            (ChangeKind::Added, &diff.added),
        ];
        let mut sample = Vec::new();
        for (change, ids) in kinds {
            for id in ids {
                if sample.len() == SAMPLE {
                    return Ok(sample);
                }
                let Some(view) = project.with(|store| store.record_view(id, &reviewer))? else {
                    continue;
                };
                let improved = view.mine.as_ref();
                let instruction = improved
                    .and_then(|response| response.improved_instruction.clone())
                    .unwrap_or(view.record.instruction);
                let response = improved
                    .and_then(|response| response.improved_response.clone())
                    .unwrap_or(view.record.response);
                sample.push(RowChange {
                    id: id.clone(),
                    change,
                    instruction: clip(&instruction),
                    response: clip(&response),
                });
            }
        }
        Ok(sample)
    }

    pub(crate) async fn publish(
        &self,
        ticket: &Ticket,
        id: &str,
        wish: &Wish,
    ) -> Result<Published> {
        let project = self.project(id)?;
        self.signed_in_hub()?;
        let choice = CardChoice {
            license: wish.license.clone(),
            languages: wish.languages.clone(),
        };
        project.with(|store| store.put(key::CARD, &choice))?;
        let mut retry = CommitRetry::default();
        let mut has_tried = false;
        loop {
            let sync = self.sync_project(ticket, &project).await?;
            let link = linked(&project)?;
            let client = self.signed_in_hub()?;
            let build = self.build(&project, &link, &choice, &client).await?;
            let rows = build.diff.total as u32;
            if build.changes.is_empty() {
                // After a lost answer this means: it landed.
                let commit = has_tried.then(|| sync.revision.clone());
                return Ok(Published {
                    url: match &commit {
                        Some(sha) => format!("{}/commit/{sha}", link.url),
                        None => link.url,
                    },
                    commit,
                    pull_request: None,
                    rows,
                });
            }
            match self
                .commit(ticket, &project, &link, &client, &build, wish, &sync)
                .await
            {
                Ok(mut published) => {
                    published.rows = rows;
                    return Ok(published);
                }
                Err(CommitFailure::Ours(failure)) => return Err(failure),
                Err(CommitFailure::Hub(error)) => {
                    has_tried = true;
                    let head = client
                        .dataset_info(&link.repo, "main")
                        .await
                        .ok()
                        .and_then(|info| info.sha);
                    let head_moved = head.map(|head| Some(head) != link.revision);
                    match retry.on(&error, head_moved) {
                        Next::Wait { ms } => {
                            ticket.progress(step(Step::Waiting, 0, ms));
                            self.transport.sleep(ms).await;
                        }
                        Next::Remerge => {}
                        Next::GiveUp(failure) => return Err(failure),
                    }
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    async fn commit(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        link: &HubLink,
        client: &HubClient,
        build: &Build,
        wish: &Wish,
        sync: &SyncReport,
    ) -> std::result::Result<Published, CommitFailure> {
        let mut operations = Vec::new();
        for change in &build.changes {
            let path = change.path.clone();
            operations.push(match (&change.bytes, change.kind) {
                (Some(bytes), _) => Operation::Add {
                    path,
                    bytes: bytes.clone(),
                },
                (None, ChangeKind::Removed) => Operation::Delete { path },
                (None, _) => Operation::Add {
                    path,
                    bytes: self.write_table(ticket, project, build.diff.total).await?,
                },
            });
        }
        // Our pull request, if it is still open, takes further commits.
        let mut branch = "main".to_owned();
        let mut known_pr = None;
        if wish.as_pull_request
            && let Some(number) = link.pull_request
        {
            let open = client
                .pull_requests(&link.repo)
                .await
                .map_err(CommitFailure::Hub)?;
            if open.iter().any(|pr| pr.number == number && pr.is_open) {
                branch = format!("refs/pr/{number}");
                known_pr = Some(number);
            }
        }
        let request = CommitRequest {
            summary: summary(&wish.summary, &build.diff),
            description: String::new(),
            parent: (known_pr.is_none() && !sync.revision.is_empty())
                .then(|| sync.revision.clone()),
            create_pr: wish.as_pull_request && known_pr.is_none(),
            branch,
            operations,
        };
        let ticket_for_progress = ticket.clone();
        let progress = move |at: seedbed_hub::CommitProgress| {
            ticket_for_progress.progress(step(at.step, at.done, at.total));
        };
        let outcome = client
            .commit(&link.repo, request, &progress)
            .await
            .map_err(CommitFailure::Hub)?;
        let mut link = link.clone();
        if wish.as_pull_request {
            // It counts when it is merged: the next sync finds it then.
            let (number, url) = match (outcome.pull_request, known_pr) {
                (Some((number, url)), _) => (Some(number), url),
                (None, Some(number)) => {
                    (Some(number), format!("{}/discussions/{number}", link.url))
                }
                (None, None) => (None, outcome.url.clone()),
            };
            link.pull_request = number;
            project.save_link(&link)?;
            return Ok(Published {
                commit: outcome.commit,
                url,
                pull_request: number,
                rows: 0,
            });
        }
        project.with(|store| {
            store.mark_synced(Synced::Records, &build.records)?;
            store.mark_synced(Synced::Decisions, &build.decisions)?;
            store.set_published(&build.diff.rows)?;
            if let Some(commit) = &outcome.commit {
                store.put(HEAD, commit)?;
            }
            let seed = store.seed()?.hash();
            store.put("hub_seed_hash", &seed)
        })?;
        link.revision.clone_from(&outcome.commit);
        link.can_write = Some(true);
        project.save_link(&link)?;
        self.touched(project);
        Ok(Published {
            url: if outcome.url.is_empty() {
                link.url
            } else {
                outcome.url
            },
            commit: outcome.commit,
            pull_request: None,
            rows: 0,
        })
    }

    async fn write_table(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        total: usize,
    ) -> Result<Vec<u8>> {
        let mut job = self.platform.table().await?;
        let mut after = Some(0);
        let mut done = 0;
        while let Some(seq) = after {
            let (rows, next) = project.with(|store| store.accepted_rows(seq, WINDOW))?;
            done += rows.len() as u64;
            job.push(rows).await?;
            ticket.progress(step(Step::Table, done, total as u64));
            after = next;
        }
        job.finish().await
    }

    /// Compares the project with the head that was synced last.
    async fn build(
        &self,
        project: &Rc<Project>,
        link: &HubLink,
        choice: &CardChoice,
        client: &HubClient,
    ) -> Result<Build> {
        let tree: HashMap<String, String> = match &link.revision {
            Some(sha) => client
                .tree(&link.repo, sha, "", true)
                .await
                .or_fail()?
                .into_iter()
                .filter(|entry| entry.is_file)
                .map(|entry| (entry.path, entry.oid))
                .collect(),
            None => HashMap::new(),
        };
        let card_before = match (&link.revision, tree.contains_key(layout::CARD)) {
            (Some(sha), true) => {
                let bytes = client
                    .read_file(&link.repo, sha, layout::CARD)
                    .await
                    .or_fail()?;
                Some(bytes)
            }
            _ => None,
        };
        let diff = row_diff(project)?;
        let mut changes = Vec::new();
        let mut put = |path: &str, what: &'static str, text: String| {
            let bytes = text.into_bytes();
            let oid = tree.get(path);
            if oid.is_some_and(|oid| *oid == git_blob_oid(&bytes)) {
                return;
            }
            changes.push(Change {
                path: path.to_owned(),
                kind: if oid.is_some() {
                    ChangeKind::Changed
                } else {
                    ChangeKind::Added
                },
                what,
                bytes: Some(bytes),
            });
        };
        let seed = project.with(Store::seed)?;
        let settings = project.settings()?;
        let counts = project.with(|store| store.counts(&self.reviewer()))?;
        let facts = table_facts(project)?;
        let card = card::write(
            &Facts {
                repo: &link.repo,
                seed: &seed,
                license: &choice.license,
                languages: &choice.languages,
                rows: diff.total,
                topics: facts.topics,
                models: facts.models,
                edited: facts.edited,
                imported: facts.imported,
                counts: &counts,
                reviewers: project.with(Store::reviewers)?.len(),
                files: tree.keys().map(String::as_str).collect(),
            },
            card_before.as_deref(),
        );
        // A card that can't be edited without loss is left alone; the rest of the publish goes on.
        let card_refusal = match card {
            Ok(card) => {
                put(layout::CARD, "Dataset card", card.text);
                None
            }
            Err(refusal) => Some(refusal.to_string()),
        };
        put(layout::SEED, "Seed", seed.export());
        put(
            layout::PARAMS,
            "Run settings",
            settings.export_pipeline_params(),
        );
        let mut text = serde_json::to_string_pretty(&json!({
            "format": 1, "seed_hash": seed.hash(), "settings": settings,
        }))
        .unwrap_or_default();
        text.push('\n');
        put(layout::PROJECT, "Project settings", text);

        let mut prompts = project.with(Store::prompts)?;
        prompts.sort_by(|a, b| a.id.cmp(&b.id));
        if !prompts.is_empty() {
            let mut text = String::new();
            for prompt in &prompts {
                crate::bundle::push_line(&mut text, prompt)?;
            }
            put(layout::PROMPTS, "Instructions", text);
        }
        let mut text = String::new();
        for (id, hash) in &diff.rows {
            let line = RowLine {
                id: id.clone(),
                hash: hash.clone(),
            };
            crate::bundle::push_line(&mut text, &line)?;
        }
        if !text.is_empty() || tree.contains_key(layout::ROWS) {
            put(layout::ROWS, "List of the table's rows", text);
        }
        let records = project.with(|store| store.unsynced_records(u32::MAX))?;
        let record_ids = records
            .iter()
            .map(|(record, _)| record.id.clone())
            .collect();
        for (path, text) in layout::record_parts(records)? {
            put(&path, "Records", text);
        }
        let decisions: Vec<Decision> = project.with(|store| store.decisions(true, None))?;
        let decision_ids = decisions.iter().map(|d| d.id.clone()).collect();
        for (path, text) in layout::decision_parts(&decisions)? {
            put(&path, "Decisions", text);
        }
        for run in project.with(Store::runs)? {
            let counts = project.with(|store| store.run_counts(&run.id))?;
            let path = format!("{}{}.json", layout::RUNS, layout::segment(&run.id));
            put(
                &path,
                "A run's settings and counts",
                run_file(&run, &counts),
            );
        }
        let has_table = tree.contains_key(layout::TABLE);
        let is_changed =
            !(diff.added.is_empty() && diff.changed.is_empty() && diff.removed.is_empty());
        if diff.total > 0 && (is_changed || !has_table) {
            changes.insert(
                0,
                Change {
                    path: layout::TABLE.to_owned(),
                    kind: if has_table {
                        ChangeKind::Changed
                    } else {
                        ChangeKind::Added
                    },
                    what: "Table of accepted rows",
                    bytes: None,
                },
            );
        } else if diff.total == 0 && has_table {
            changes.insert(
                0,
                Change {
                    path: layout::TABLE.to_owned(),
                    kind: ChangeKind::Removed,
                    what: "Table of accepted rows: none is left",
                    bytes: None,
                },
            );
        }
        Ok(Build {
            changes,
            diff,
            records: record_ids,
            decisions: decision_ids,
            card_refusal,
        })
    }
}

enum CommitFailure {
    Ours(Failure),
    Hub(seedbed_hub::HubError),
}

impl From<Failure> for CommitFailure {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

fn row_diff(project: &Project) -> Result<RowDiff> {
    let mut published = project.with(Store::published)?;
    let mut diff = RowDiff::default();
    for (id, mut hash) in project.with(Store::accepted_hashes)? {
        hash.truncate(HASH_DIGITS);
        match published.remove(&id) {
            None => diff.added.push(id.clone()),
            Some(before) if before != hash => diff.changed.push(id.clone()),
            Some(_) => {}
        }
        diff.rows.push((id, hash));
    }
    diff.removed = published.into_keys().collect();
    diff.removed.sort();
    diff.total = diff.rows.len();
    Ok(diff)
}

struct TableFacts {
    topics: Vec<(String, usize)>,
    models: Vec<(String, usize)>,
    edited: usize,
    imported: usize,
}

fn table_facts(project: &Project) -> Result<TableFacts> {
    let (mut topics, mut models) = (BTreeMap::new(), BTreeMap::new());
    let (mut edited, mut imported) = (0, 0);
    let mut after = Some(0);
    while let Some(seq) = after {
        let (rows, next) = project.with(|store| store.accepted_rows(seq, WINDOW))?;
        for row in rows {
            *topics.entry(row.topic).or_insert(0) += 1;
            *models.entry(row.model).or_insert(0) += 1;
            edited += usize::from(row.edited);
            imported += usize::from(row.prompt_version.starts_with("import/"));
        }
        after = next;
    }
    Ok(TableFacts {
        topics: topics.into_iter().collect(),
        models: models.into_iter().collect(),
        edited,
        imported,
    })
}

/// The person's words, else what the rows say.
fn summary(wish: &str, diff: &RowDiff) -> String {
    let first = wish.lines().next().unwrap_or_default().trim();
    if !first.is_empty() {
        return first.chars().take(200).collect();
    }
    match (diff.added.len(), diff.changed.len(), diff.removed.len()) {
        (0, 0, 0) => "Update the project".to_owned(),
        (added, 0, 0) => format!("Add {added} rows"),
        (added, changed, removed) => {
            format!("Update rows: {added} new, {changed} changed, {removed} removed")
        }
    }
}
