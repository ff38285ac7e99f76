//! The commits of a publish, and what is recorded when they have landed.

use super::parts::{Maker, NewPart};
use super::table::{RowDiff, row_diff};
use super::{CardChoice, Head, PublishOptions, Sent, holdup, table_change};
use crate::project::{Project, key};
use crate::sync::{linked, step};
use crate::{Backend, Result, Ticket, layout};
use seedbed_core::messages::{
    ChangeKind, Failure, HubLink, Published, Step, SyncReport, TableState,
};
use seedbed_hub::retry::{CommitRetry, Next};
use seedbed_hub::{
    CommitLimits, CommitOutcome, CommitRequest, HubClient, HubError, Operation, Tries, git_blob_oid,
};
use seedbed_store::keys::{HEAD, HUB_SEED};
use seedbed_store::{PublishedTable, Store};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Files that are rewritten as a whole, and of which a reader notes whether it understood them.
const READ_WHOLE: [&str; 3] = [layout::PROJECT, layout::ROWS, layout::SEED];

/// Why a commit did not succeed.
enum CommitFailure {
    Ours(Failure),
    Hub(HubError),
}

impl From<Failure> for CommitFailure {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

impl From<HubError> for CommitFailure {
    fn from(error: HubError) -> Self {
        Self::Hub(error)
    }
}

/// Where the commits of one publish go.
struct Branch {
    /// `main`, or the ref of a pull request.
    name: String,
    pull_request: Option<u64>,
    /// The first commit opens a pull request.
    opens: bool,
    /// Address of the last commit.
    url: String,
    /// Id of the last commit on it by this publish.
    last: Option<String>,
    /// Parts that the pull request holds already.
    holds: BTreeSet<String>,
}

impl Backend {
    /// Tries until it has landed, or must be given up.
    pub(super) async fn commit_all(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        options: &PublishOptions,
        choice: &CardChoice,
    ) -> Result<Published> {
        let mut retry = CommitRetry::default();
        let mut tries = Tries::default();
        let mut has_tried = false;
        loop {
            let sync = self.sync_project(ticket, project).await?;
            let revision = sync.revision.clone();
            let attempt = self
                .attempt(ticket, project, options, choice, sync, &mut tries)
                .await;
            match attempt {
                Ok(Some(published)) => return Ok(published),
                Ok(None) => {
                    let link = linked(project)?;
                    // After a lost answer this means: it landed.
                    let commit = has_tried.then_some(revision);
                    return Ok(Published {
                        url: match &commit {
                            Some(sha) => format!("{}/commit/{sha}", link.url),
                            None => link.url,
                        },
                        commit,
                        pull_request: None,
                        rows: row_diff(project)?.total as u32,
                        ..Published::default()
                    });
                }
                Err(CommitFailure::Ours(failure)) => return Err(failure),
                Err(CommitFailure::Hub(error)) => {
                    has_tried = true;
                    let link = linked(project)?;
                    let head = self
                        .hub()
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

    /// One attempt: parts, then what is rewritten. `None` = there was nothing to change.
    async fn attempt(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        options: &PublishOptions,
        choice: &CardChoice,
        mut sync: SyncReport,
        tries: &mut Tries,
    ) -> std::result::Result<Option<Published>, CommitFailure> {
        let mut link = linked(project)?;
        let client = self.signed_in_hub()?;
        let mut head = self.head(project, &link, &client).await?;
        let mut branch = self.branch(&link, &client, options).await?;
        let mut diff = row_diff(project)?;
        let mut sends_table =
            holdup(project, &head, &diff, &sync)?.sends_table(options, &head.table)?;

        // Parts that fill a commit are sent by themselves; the last ones go with what is rewritten.
        let limits = CommitLimits::default();
        let mut maker = Maker::new(&self.reviewer());
        let mut group: Vec<NewPart> = Vec::new();
        let mut size = 0;
        while let Some(part) = maker.next(project)? {
            if branch.holds.contains(&part.path) {
                continue;
            }
            if !group.is_empty()
                && (size + part.text.len() > limits.bytes || group.len() >= limits.files)
            {
                let parts = std::mem::take(&mut group);
                self.send_parts(ticket, project, &client, &link, &mut branch, tries, parts)
                    .await?;
                size = 0;
            }
            size += part.text.len();
            group.push(part);
        }
        // What is rewritten has no limit of its own but grows with the rows.
        if sends_table && !group.is_empty() && size + diff.listed_bytes() > limits.bytes {
            let parts = std::mem::take(&mut group);
            self.send_parts(ticket, project, &client, &link, &mut branch, tries, parts)
                .await?;
        }
        if branch.last.is_some() && branch.pull_request.is_none() {
            // The head has moved by our own commits, and perhaps by others' between them.
            sync = self.sync_project(ticket, project).await?;
            link = linked(project)?;
            head = self.head(project, &link, &client).await?;
            diff = row_diff(project)?;
            sends_table =
                holdup(project, &head, &diff, &sync)?.sends_table(options, &head.table)?;
        }
        if !sends_table {
            if group.is_empty() && branch.last.is_none() {
                return Ok(None);
            }
            if !group.is_empty() {
                self.send_parts(ticket, project, &client, &link, &mut branch, tries, group)
                    .await?;
            }
            return self
                .published(project, &link, &branch, diff.total)
                .map(|published| {
                    Some(Published {
                        keeps_table: true,
                        ..published
                    })
                })
                .map_err(CommitFailure::Ours);
        }
        self.rewrite(
            ticket,
            project,
            (&client, &link, &head, &sync),
            (options, choice),
            &mut branch,
            tries,
            diff,
            group,
        )
        .await
    }

    /// The branch to commit to: `main`, our open pull request, or a new one.
    async fn branch(
        &self,
        link: &HubLink,
        client: &HubClient,
        options: &PublishOptions,
    ) -> std::result::Result<Branch, HubError> {
        let mut branch = Branch {
            name: "main".to_owned(),
            pull_request: None,
            opens: options.as_pull_request,
            url: String::new(),
            last: None,
            holds: BTreeSet::new(),
        };
        if let (true, Some(number)) = (options.as_pull_request, link.pull_request) {
            let open = client.pull_requests(&link.repo).await?;
            if open.iter().any(|pr| pr.number == number && pr.is_open) {
                branch.name = format!("refs/pr/{number}");
                branch.opens = false;
                branch.pull_request = Some(number);
                let tree = client.tree(&link.repo, &branch.name, "", true).await?;
                branch.holds = tree.into_iter().map(|entry| entry.path).collect();
            }
        }
        Ok(branch)
    }

    async fn send(
        &self,
        ticket: &Ticket,
        client: &HubClient,
        link: &HubLink,
        branch: &mut Branch,
        tries: &mut Tries,
        mut request: CommitRequest,
    ) -> std::result::Result<CommitOutcome, HubError> {
        request.branch.clone_from(&branch.name);
        request.create_pr = branch.opens;
        let ticket = ticket.clone();
        let progress = move |at: seedbed_hub::CommitProgress| {
            ticket.progress(step(at.step, at.done, at.total));
        };
        let outcome = client.offer(&link.repo, request, tries, &progress).await?;
        if let Some((number, url)) = &outcome.pull_request {
            branch.pull_request = Some(*number);
            branch.name = format!("refs/pr/{number}");
            branch.opens = false;
            branch.url.clone_from(url);
            *tries = Tries::default();
        } else if branch.url.is_empty() || branch.pull_request.is_none() {
            branch.url.clone_from(&outcome.url);
        }
        branch.last.clone_from(&outcome.commit);
        Ok(outcome)
    }

    /// Commits parts alone. They need no parent: nobody else writes these paths.
    #[allow(clippy::too_many_arguments)]
    async fn send_parts(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        client: &HubClient,
        link: &HubLink,
        branch: &mut Branch,
        tries: &mut Tries,
        parts: Vec<NewPart>,
    ) -> std::result::Result<(), CommitFailure> {
        let lines = parts.len();
        let (operations, sent) = operations_of(parts);
        let request = CommitRequest {
            summary: format!(
                "Add {lines} {} of records and decisions",
                if lines == 1 { "part" } else { "parts" }
            ),
            operations,
            ..CommitRequest::default()
        };
        self.send(ticket, client, link, branch, tries, request)
            .await?;
        if branch.pull_request.is_none() {
            record_parts(project, &sent)?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    async fn rewrite(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        (client, link, head, sync): (&HubClient, &HubLink, &Head, &SyncReport),
        (options, choice): (&PublishOptions, &CardChoice),
        branch: &mut Branch,
        tries: &mut Tries,
        mut diff: RowDiff,
        group: Vec<NewPart>,
    ) -> std::result::Result<Option<Published>, CommitFailure> {
        let mut operations = Vec::new();
        let mut facts = None;
        let mut table = None;
        let change = table_change(head, &diff).map(|change| change.change);
        match change {
            Some(ChangeKind::Removed) => {
                operations.push(Operation::Delete {
                    path: layout::TABLE.to_owned(),
                });
                table = Some(PublishedTable::default());
            }
            Some(_) => {
                let written = self.write_table(ticket, project, diff.total).await?;
                // What is named and recorded is what was written, whatever was decided meanwhile.
                diff = written.diff;
                facts = Some(written.facts);
                table = Some(PublishedTable {
                    oid: written.file.sha256.clone(),
                    rows: diff.total as u64,
                    parts: held_parts(project, &group)?,
                });
                operations.push(Operation::AddLarge {
                    path: layout::TABLE.to_owned(),
                    file: written.file,
                });
            }
            // A repo of format 1 whose table stands as it is still gets it named.
            None if head.table == TableState::Ours && head.known_table().is_none() => {
                table = head.files.get(layout::TABLE).map(|entry| PublishedTable {
                    oid: crate::sync::content_oid(entry).to_owned(),
                    rows: diff.total as u64,
                    parts: held_parts(project, &group).unwrap_or_default(),
                });
            }
            None => {}
        }
        let facts = match facts {
            Some(facts) => facts,
            None => super::table::facts(project)?,
        };
        let (rewrites, mut sent) =
            self.rewrites(project, link, head, choice, &diff, &facts, table)?;
        sent.files = rewrites
            .iter()
            .filter(|rewrite| READ_WHOLE.contains(&rewrite.path.as_str()))
            .map(|rewrite| (rewrite.path.clone(), git_blob_oid(&rewrite.bytes)))
            .collect();
        operations.extend(rewrites.into_iter().map(|rewrite| Operation::Add {
            path: rewrite.path,
            bytes: rewrite.bytes,
        }));
        let (parts, sent_parts) = operations_of(group);
        operations.extend(parts);
        if operations.is_empty() {
            return if branch.last.is_some() {
                Ok(Some(Published {
                    loading: sent.loading,
                    ..self.published(project, link, branch, diff.total)?
                }))
            } else {
                Ok(None)
            };
        }
        let parent = (branch.pull_request.is_none() && !sync.revision.is_empty())
            .then(|| sync.revision.clone());
        let request = CommitRequest {
            summary: summary(&options.summary, &diff),
            parent,
            operations,
            ..CommitRequest::default()
        };
        let outcome = self
            .send(ticket, client, link, branch, tries, request)
            .await?;
        if branch.pull_request.is_none() {
            record_parts(project, &sent_parts)?;
            record(project, &sent, outcome.commit.as_deref())?;
        }
        Ok(Some(Published {
            loading: sent.loading,
            ..self.published(project, link, branch, diff.total)?
        }))
    }

    fn published(
        &self,
        project: &Rc<Project>,
        link: &HubLink,
        branch: &Branch,
        rows: usize,
    ) -> Result<Published> {
        let mut link = link.clone();
        if let Some(number) = branch.pull_request {
            link.pull_request = Some(number);
            project.save_link(&link)?;
            return Ok(Published {
                commit: branch.last.clone(),
                url: if branch.url.is_empty() {
                    format!("{}/discussions/{number}", link.url)
                } else {
                    branch.url.clone()
                },
                pull_request: Some(number),
                rows: rows as u32,
                ..Published::default()
            });
        }
        link.revision.clone_from(&branch.last);
        link.can_write = Some(true);
        project.save_link(&link)?;
        self.touched(project);
        self.changed(project, &[seedbed_core::messages::Changed::Records]);
        Ok(Published {
            url: if branch.url.is_empty() {
                link.url
            } else {
                branch.url.clone()
            },
            commit: branch.last.clone(),
            pull_request: None,
            rows: rows as u32,
            ..Published::default()
        })
    }
}

/// What was committed to `main` stands there. A pull request counts when it is merged: the next sync finds it then.
fn record_parts(project: &Project, sent: &[(NewPart, String)]) -> Result<()> {
    project.with(|store| {
        store.together(|store| {
            for (part, oid) in sent {
                part.record(store, oid)?;
            }
            store.recount_unsaved()
        })
    })
}

/// Notes what a commit has changed on `main`.
fn record(project: &Project, sent: &Sent, commit: Option<&str>) -> Result<()> {
    project.with(|store| {
        store.together(|store| {
            store.set_published(&sent.rows)?;
            store.set_row_lines(&sent.row_lines)?;
            store.set_published_table(sent.table.as_ref())?;
            if let Some(seed) = &sent.seed {
                store.put(HUB_SEED, seed)?;
            }
            store.put(key::HUB_SETTINGS, &sent.settings_hash)?;
            store.put(key::OLD_WRITER, &false)?;
            // What was written here is known here: the next sync finds the head unmoved and reads nothing.
            for (path, oid) in &sent.files {
                let number = store.begin_part(path)?;
                store.end_part(number, oid, &[])?;
            }
            match commit {
                Some(commit) => store.put(HEAD, &commit),
                None => Ok(()),
            }
        })
    })
}

/// Parts as changes of a commit, with what is to be noted when it has landed.
fn operations_of(parts: Vec<NewPart>) -> (Vec<Operation>, Vec<(NewPart, String)>) {
    let mut operations = Vec::new();
    let mut sent = Vec::new();
    for mut part in parts {
        let bytes = std::mem::take(&mut part.text).into_bytes();
        let oid = git_blob_oid(&bytes);
        operations.push(Operation::Add {
            path: part.path.clone(),
            bytes,
        });
        sent.push((part, oid));
    }
    (operations, sent)
}

/// Everything that a table written now stands on: the parts that are held, and those that go with it.
fn held_parts(project: &Project, group: &[NewPart]) -> Result<BTreeSet<String>> {
    let mut held: BTreeSet<String> = project
        .with(Store::parts)?
        .into_iter()
        .filter(|(path, part)| {
            part.is_whole && !part.oid.is_empty() && layout::Part::of(path).is_some()
        })
        .map(|(path, _)| path)
        .collect();
    held.extend(group.iter().map(|part| part.path.clone()));
    Ok(held)
}

/// The person's words, else what the rows say.
fn summary(wish: &str, diff: &RowDiff) -> String {
    let first = wish.lines().next().unwrap_or_default().trim();
    if !first.is_empty() {
        return first.chars().take(200).collect();
    }
    let removed = diff.removed.len() + diff.unknown.len();
    match (diff.added.len(), diff.changed.len(), removed) {
        (0, 0, 0) => "Update the project".to_owned(),
        (added, 0, 0) => format!("Add {added} rows"),
        (added, changed, removed) => {
            format!("Update rows: {added} new, {changed} changed, {removed} removed")
        }
    }
}
