//! Taking over what others committed: union of records, instructions and decisions. Nothing local is ever removed.
//!
//! What is read is not trusted: sizes are bounded, a line that can't be understood is kept as a problem until it is gone,
//! and a decision counts only in the folder of its writer. A part counts as held only when all of it was understood.

use crate::bundle::unwritable;
use crate::project::{Project, key};
use crate::{Backend, OrFail as _, Result, Ticket, layout};
use futures::{StreamExt as _, stream};
use seedbed_core::FORMAT_VERSION;
use seedbed_core::id::content_id;
use seedbed_core::line;
use seedbed_core::messages::{
    Changed, Failure, FailureKind, HubLink, Offer, Progress, RepoOverview, Step, SyncReport,
};
use seedbed_core::params::RunSettings;
use seedbed_core::seed::Seed;
use seedbed_hub::{HubClient, TreeEntry};
use seedbed_store::keys::{HEAD, HUB_SEED};
use seedbed_store::{Origin, Problem, PublishedTable, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Files above this many bytes are not read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of all parts together that are read in one sync.
const MOST_IN_ALL: u64 = 4 * 1024 * 1024 * 1024;
/// Files read at once.
const WIDTH: usize = 4;
/// Problems told one by one.
const MOST_PROBLEMS: u32 = 20;
/// Lines stored in one transaction.
const CHUNK: usize = 500;
/// Bytes of the lines of [`layout::ROWS`] that say more than this build understands, all together.
const MOST_ROW_LINES: usize = 16 * 1024 * 1024;
/// What a repo may need of a build that rewrites it, as far as this one has it.
const HAS: [&str; 1] = [TURNS];
/// Conversations: a build that does not know them would publish such a row without its answer.
pub(crate) const TURNS: &str = "turns";

/// A line of [`layout::ROWS`].
#[derive(Serialize, Deserialize)]
pub(crate) struct RowLine {
    pub(crate) id: String,
    pub(crate) hash: String,
}

impl RowLine {
    /// Reads a line; it is given back too where it says more than this.
    fn parse(text: &str) -> std::result::Result<(Self, Option<&str>), String> {
        let line: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if serde_json::to_string(&line).is_ok_and(|ours| ours == text) {
            return Ok((line, None));
        }
        let value = line::checked(text)?;
        let says_more = value.as_object().is_some_and(|keys| keys.len() > 2);
        Ok((line, says_more.then_some(text)))
    }

    /// The line to write for a row of whose line was read what `known` is.
    pub(crate) fn written(&self, known: Option<&String>) -> Result<String> {
        let Some(known) = known else {
            return serde_json::to_string(self).map_err(|error| unwritable(&error));
        };
        let mut value: Value = serde_json::from_str(known).unwrap_or_default();
        if value.get("hash").and_then(Value::as_str) == Some(&self.hash) {
            return Ok(known.clone());
        }
        if let Value::Object(value) = &mut value {
            value.insert("hash".to_owned(), self.hash.clone().into());
        }
        Ok(value.to_string())
    }
}

/// What [`layout::PROJECT`] says.
#[derive(Default, Deserialize)]
pub(crate) struct ProjectFile {
    #[serde(default)]
    pub(crate) format: u32,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    #[serde(default)]
    pub(crate) settings: Option<RunSettings>,
    #[serde(default)]
    pub(crate) table: Option<PublishedTable>,
}

impl ProjectFile {
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !value.is_object() {
            return Err("not an object".to_owned());
        }
        if line::depth(&value) > line::MOST_DEPTH {
            return Err(format!("nested more than {} deep", line::MOST_DEPTH));
        }
        Self::deserialize(value).map_err(|error| error.to_string())
    }

    /// What this build lacks to rewrite the repo.
    pub(crate) fn lacks(&self) -> Vec<String> {
        let mut lacks: Vec<String> = self
            .needs
            .iter()
            .filter(|need| !HAS.contains(&need.as_str()))
            .cloned()
            .collect();
        if self.format > FORMAT_VERSION {
            lacks.push(format!("format {}", self.format));
        }
        lacks
    }
}

/// Hash of settings, to tell who changed them last.
pub(crate) fn settings_hash(settings: &RunSettings) -> String {
    content_id(settings)
}

/// Hash of everything in a seed, unknown keys too, to tell who changed it last.
pub(crate) fn seed_state(seed: &Seed) -> String {
    content_id(seed)
}

/// The object that names a file's content: that of LFS where it lies there.
pub(crate) fn content_oid(entry: &TreeEntry) -> &str {
    entry.lfs_sha256.as_deref().unwrap_or(&entry.oid)
}

impl Backend {
    pub(crate) async fn sync(&self, ticket: &Ticket, id: &str) -> Result<SyncReport> {
        let project = self.project(id)?;
        let _hold = self.hold(&project);
        self.sync_project(ticket, &project).await
    }

    /// Fills a new project from `repo`. What could not be read of it is told by the next plan and sync.
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
            .next("Its rows can be taken into a project right here: choose which, and what each column is for.")
            .offer(Offer::ImportDataset));
        };
        let text = read_text(&client, repo, sha, seed_file).await?;
        let seed = read_seed(&text).map_err(|error| {
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
        if let Some(file) = tree.iter().find(|entry| entry.path == layout::PROJECT) {
            let text = read_text(&client, repo, sha, file).await?;
            let file = ProjectFile::parse(&text).unwrap_or_default();
            settings = file.settings.unwrap_or(settings);
        }
        let now = self.now();
        project.with(|store| {
            store.save_seed(&seed, "", now)?;
            store.put(HUB_SEED, &seed_state(&seed))?;
            store.put(key::SETTINGS, &settings)?;
            store.put(key::HUB_SETTINGS, &settings_hash(&settings))
        })?;
        project.save_link(&HubLink {
            repo: repo.to_owned(),
            url: self.repo_url(repo),
            revision: None,
            private: info.private,
            can_write: self.can_write(repo),
            ..HubLink::default()
        })?;
        self.sync_project(ticket, project).await?;
        Ok(())
    }

    /// What stands in a repo, before `project` is linked to it.
    pub(crate) async fn overview(
        &self,
        project: &Project,
        client: &HubClient,
        repo: &str,
    ) -> Result<RepoOverview> {
        let found = client.dataset_overview(repo, "main").await.or_fail()?;
        let mut overview = RepoOverview {
            repo: repo.to_owned(),
            private: found.info.private,
            is_seedbed: found.file(layout::PROJECT).is_some() || found.file(layout::ROWS).is_some(),
            size_bytes: found.files.iter().map(|entry| entry.size).sum(),
            configs: found
                .card
                .as_deref()
                .and_then(|card| seedbed_card::read(card).ok())
                .map(|stated| stated.configs.into_iter().map(|one| one.name).collect())
                .unwrap_or_default(),
            ..RepoOverview::default()
        };
        let is_ours = |path: &str| {
            [layout::SEED, layout::PARAMS].contains(&path)
                || (overview.is_seedbed && path == layout::TABLE)
        };
        let foreign = found.data_files().filter(|entry| !is_ours(&entry.path));
        overview.data_files = foreign
            .map(|entry| (entry.path.clone(), entry.size))
            .collect();
        let Some(sha) = &found.info.sha else {
            return Ok(overview);
        };
        if let Some(entry) = found.file(layout::PROJECT) {
            let text = read_text(client, repo, sha, entry).await?;
            let file = ProjectFile::parse(&text).unwrap_or_default();
            overview.is_newer = !file.lacks().is_empty();
        }
        if let Some(entry) = found.file(layout::SEED) {
            let text = read_text(client, repo, sha, entry).await?;
            if let Ok(seed) = read_seed(&text) {
                overview.seed_differs = project.with(Store::seed)?.hash() != seed.hash();
                overview.domain = seed.domain;
            }
        }
        Ok(overview)
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
            revision: info.sha.clone().unwrap_or_default(),
            ..SyncReport::default()
        };
        let is_new_reader =
            project.with(|store| store.get::<u32>(key::READER))? != Some(line::READER);
        let known = project.with(|store| store.get::<String>(HEAD))?;
        if !is_new_reader && known.is_some() && known == info.sha {
            return reported(project, report);
        }
        let tree = match &info.sha {
            Some(sha) => client.tree(&link.repo, sha, "", true).await.or_fail()?,
            None => Vec::new(),
        };
        let files: Vec<TreeEntry> = tree.into_iter().filter(|entry| entry.is_file).collect();
        project.with(|store| {
            store.set_tree(
                &files
                    .iter()
                    .map(|entry| (entry.path.clone(), content_oid(entry).to_owned()))
                    .collect(),
            )
        })?;
        let sha = info.sha.unwrap_or_default();
        self.read_single_files(project, &client, &link.repo, &sha, &files, &mut report)
            .await?;
        self.read_parts(
            ticket,
            project,
            (&client, &link.repo, &sha),
            &files,
            is_new_reader,
            &mut report,
        )
        .await?;
        project.with(|store| {
            // What the parts that were read hold does not exist only here.
            store.recount_unsaved()?;
            store.put(key::READER, &line::READER)?;
            if sha.is_empty() {
                store.remove(HEAD)
            } else {
                store.put(HEAD, &sha)
            }
        })?;
        self.touched(project);
        self.changed(
            project,
            &[Changed::Seed, Changed::Prompts, Changed::Records],
        );
        reported(project, report)
    }

    /// The files that are rewritten as a whole: the project file, the seed, the list of the table's rows.
    async fn read_single_files(
        &self,
        project: &Rc<Project>,
        client: &HubClient,
        repo: &str,
        sha: &str,
        files: &[TreeEntry],
        report: &mut SyncReport,
    ) -> Result<()> {
        let find = |path: &str| files.iter().find(|entry| entry.path == path);
        let file = match find(layout::PROJECT) {
            Some(entry) => {
                let text = read_text(client, repo, sha, entry).await?;
                match ProjectFile::parse(&text) {
                    Ok(file) => {
                        understood(project, entry)?;
                        Some(file)
                    }
                    Err(reason) => {
                        problem(project, entry, &reason)?;
                        None
                    }
                }
            }
            None => None,
        };
        let had_table = project.with(Store::published_table)?.is_some();
        let file = file.unwrap_or_default();
        // A build of format 1 writes a file without the table, and the table as it knows it.
        let is_old_writer = had_table && file.table.is_none() && find(layout::ROWS).is_some();
        project.with(|store| {
            store.put(key::LACKS, &file.lacks())?;
            store.put(key::OLD_WRITER, &is_old_writer)?;
            store.set_published_table(file.table.as_ref())
        })?;
        if let Some(theirs) = file.settings {
            take_settings(project, &theirs)?;
        }
        if let Some(entry) = find(layout::SEED) {
            let text = read_text(client, repo, sha, entry).await?;
            match read_seed(&text) {
                Ok(seed) => {
                    understood(project, entry)?;
                    self.take_seed(project, &seed, report)?;
                }
                Err(reason) => problem(project, entry, &reason)?,
            }
        }
        let mut kept = BTreeMap::new();
        let rows = match find(layout::ROWS) {
            Some(entry) if entry.size <= MOST_BYTES * 4 => {
                let text = read_text_up_to(client, repo, sha, entry, MOST_BYTES * 4).await?;
                let mut rows = Vec::new();
                let mut problems = Vec::new();
                let mut kept_bytes = 0;
                for (at, line) in text
                    .lines()
                    .enumerate()
                    .filter(|(_, l)| !l.trim().is_empty())
                {
                    let read = RowLine::parse(line).and_then(|(row, says_more)| {
                        if let Some(line) = says_more {
                            kept_bytes += line.len();
                            if kept_bytes > MOST_ROW_LINES {
                                let most = MOST_ROW_LINES / 1024 / 1024;
                                return Err(format!("more than {most} MB of what is not known"));
                            }
                            kept.insert(row.id.clone(), line.to_owned());
                        }
                        rows.push((row.id, row.hash));
                        Ok(())
                    });
                    if let Err(reason) = read {
                        problems.push(Problem {
                            path: entry.path.clone(),
                            line: at as u32 + 1,
                            reason,
                        });
                    }
                }
                project.with(|store| {
                    let number = store.begin_part(&entry.path)?;
                    store.end_part(number, content_oid(entry), &problems)
                })?;
                rows
            }
            Some(entry) => {
                problem(project, entry, "too large to read")?;
                Vec::new()
            }
            None => Vec::new(),
        };
        project.with(|store| {
            store.set_published(&rows)?;
            store.set_row_lines(&kept)
        })
    }

    async fn read_parts(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        (client, repo, sha): (&HubClient, &str, &str),
        files: &[TreeEntry],
        is_new_reader: bool,
        report: &mut SyncReport,
    ) -> Result<()> {
        let known = project.with(Store::parts)?;
        let mut wanted: Vec<&TreeEntry> = files
            .iter()
            .filter(|entry| layout::Part::of(&entry.path).is_some())
            .filter(|entry| {
                known.get(&entry.path).is_none_or(|part| {
                    part.oid != content_oid(entry) || (is_new_reader && !part.is_whole)
                })
            })
            .collect();
        // Records before the decisions about them.
        wanted.sort_by_key(|entry| (layout::Part::of(&entry.path), &entry.path));
        fits(repo, &wanted)?;
        let total = wanted.len() as u64;
        let mut texts = stream::iter(wanted)
            .map(|entry| async move {
                if entry.size > MOST_BYTES {
                    return (entry, Ok(Err("too large to read".to_owned())));
                }
                let bytes = client.read_file(repo, sha, &entry.path).await.or_fail();
                let text = bytes.map(|bytes| {
                    String::from_utf8(bytes).map_err(|error| format!("not UTF-8 text ({error})"))
                });
                (entry, text)
            })
            .buffered(WIDTH);
        let mut done = 0;
        while let Some((entry, text)) = texts.next().await {
            match text? {
                Ok(text) => take_part(project, entry, &text, report)?,
                Err(reason) => problem(project, entry, &reason)?,
            }
            done += 1;
            ticket.progress(step(Step::Reading, done, total));
        }
        Ok(())
    }

    /// Whoever changed the seed since it was last read wins; if both did, ours stays and the person is told.
    fn take_seed(
        &self,
        project: &Rc<Project>,
        theirs: &Seed,
        report: &mut SyncReport,
    ) -> Result<()> {
        let (mine, base) =
            project.with(|store| Ok((store.seed()?, store.get::<String>(HUB_SEED)?)))?;
        // Format 1 noted the hash that leaves out unknown keys.
        let was_last = |seed: &Seed| {
            base.as_ref()
                .is_some_and(|base| *base == seed_state(seed) || *base == seed.hash())
        };
        if mine != *theirs && !was_last(theirs) {
            if was_last(&mine) {
                let now = self.now();
                project.with(|store| store.save_seed(theirs, "", now))?;
            } else {
                // Keys that are unknown here are joined when it is published.
                report.seed_differs = mine.hash() != theirs.hash();
            }
        }
        project.with(|store| store.put(HUB_SEED, &seed_state(theirs)))
    }
}

/// Adds what the store knows to a report.
fn reported(project: &Project, mut report: SyncReport) -> Result<SyncReport> {
    let (problems, total) = project.with(|store| store.problems(MOST_PROBLEMS))?;
    report.problems = problems
        .into_iter()
        .map(|problem| match problem.line {
            0 => format!("{}: {}", problem.path, problem.reason),
            line => format!("{}, line {line}: {}", problem.path, problem.reason),
        })
        .collect();
    report.problems_total = total;
    report.needs_newer = project.needs_newer()?;
    report.reviewers = project.with(Store::reviewers)?;
    Ok(report)
}

/// Refuses parts that would fill the disk.
fn fits(repo: &str, wanted: &[&TreeEntry]) -> Result<()> {
    let sizes = wanted.iter().map(|entry| entry.size);
    let size = sizes.fold(0, u64::saturating_add);
    if size <= MOST_IN_ALL {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Content,
        format!(
            "{repo} holds {} GB of records, more than fit in a browser.",
            size >> 30
        ),
    )
    .means("Nothing was read; your work is as it was.")
    .next("Ask its authors to start a smaller repo."))
}

fn problem(project: &Project, entry: &TreeEntry, reason: &str) -> Result<()> {
    project.with(|store| {
        let number = store.begin_part(&entry.path)?;
        let problem = Problem {
            path: entry.path.clone(),
            line: 0,
            reason: reason.to_owned(),
        };
        store.end_part(number, content_oid(entry), &[problem])
    })
}

fn take_part(
    project: &Rc<Project>,
    entry: &TreeEntry,
    text: &str,
    report: &mut SyncReport,
) -> Result<()> {
    let Some(kind) = layout::Part::of(&entry.path) else {
        return Ok(());
    };
    let number = project.with(|store| store.begin_part(&entry.path))?;
    let mut problems = Vec::new();
    let lines: Vec<(usize, &str)> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    for chunk in lines.chunks(CHUNK) {
        let mut bad = |at: usize, reason: String| {
            problems.push(Problem {
                path: entry.path.clone(),
                line: at as u32 + 1,
                reason,
            });
        };
        match kind {
            layout::Part::Records => {
                let mut read = Vec::new();
                for (at, text) in chunk {
                    match line::record(text) {
                        Ok(line) => read.push(line),
                        Err(reason) => bad(*at, reason),
                    }
                }
                report.records += project.with(|store| store.merge_records(&read, Some(number)))?;
            }
            layout::Part::Instructions(folder) => {
                let mut read = Vec::new();
                for (at, text) in chunk {
                    match line::instruction(text) {
                        Ok(line)
                            if layout::is_folder_of(folder, &line.value.writer, false)
                                || line.value.writer == seedbed_core::instruction::FORMAT_1 =>
                        {
                            read.push(line);
                        }
                        Ok(_) => bad(*at, "it is in another person's name".to_owned()),
                        Err(reason) => bad(*at, reason),
                    }
                }
                let merged = project
                    .with(|store| store.merge_instructions(&read, Origin::Hub, Some(number)))?;
                report.prompts += merged.added + merged.changed;
            }
            layout::Part::Prompts => {
                let mut read = Vec::new();
                for (at, text) in chunk {
                    match line::prompt(text) {
                        Ok(line) => read.push(line),
                        Err(reason) => bad(*at, reason),
                    }
                }
                let merged = project
                    .with(|store| store.merge_instructions(&read, Origin::Hub, Some(number)))?;
                report.prompts += merged.added + merged.changed;
            }
            layout::Part::Decisions(folder) => {
                let mut read = Vec::new();
                for (at, text) in chunk {
                    match line::decision(text) {
                        Ok(line) => {
                            // Format 1 knew no acts on identities.
                            let is_old = line.value.text.is_none() && line.value.record().is_some();
                            if layout::is_folder_of(folder, &line.value.writer, is_old) {
                                read.push(line);
                            } else {
                                bad(*at, "it is in another person's name".to_owned());
                            }
                        }
                        Err(reason) => bad(*at, reason),
                    }
                }
                report.decisions += project
                    .with(|store| store.merge_decisions(&read, Origin::Hub, Some(number)))?;
            }
        }
    }
    project.with(|store| store.end_part(number, content_oid(entry), &problems))
}

/// Settings go by the same rule; if both changed, ours stay.
fn take_settings(project: &Rc<Project>, theirs: &RunSettings) -> Result<()> {
    let mine = settings_hash(&project.settings()?);
    let hash = settings_hash(theirs);
    project.with(|store| {
        let base = store.get::<String>(key::HUB_SETTINGS)?;
        if mine != hash && base.as_ref() == Some(&mine) {
            store.put(key::SETTINGS, theirs)?;
        }
        store.put(key::HUB_SETTINGS, &hash)
    })
}

/// All of a file was understood.
fn understood(project: &Project, entry: &TreeEntry) -> Result<()> {
    project.with(|store| {
        let number = store.begin_part(&entry.path)?;
        store.end_part(number, content_oid(entry), &[])
    })
}

pub(crate) fn step(step: Step, done: u64, total: u64) -> Progress {
    Progress::Step { step, done, total }
}

/// Reads a seed of somebody else within the limits of every boundary.
pub(crate) fn read_seed(text: &str) -> std::result::Result<Seed, String> {
    let text = text.trim_start_matches('\u{feff}');
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))?;
    if line::depth(&value) > line::MOST_DEPTH {
        return Err(format!("it is nested more than {} deep", line::MOST_DEPTH));
    }
    Seed::import(text).map_err(|error| error.to_string())
}

async fn read_text(
    client: &HubClient,
    repo: &str,
    revision: &str,
    entry: &TreeEntry,
) -> Result<String> {
    read_text_up_to(client, repo, revision, entry, MOST_BYTES).await
}

async fn read_text_up_to(
    client: &HubClient,
    repo: &str,
    revision: &str,
    entry: &TreeEntry,
    most: u64,
) -> Result<String> {
    if entry.size > most {
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
        .next("Save it as UTF-8 on the Hub, then try again.")
        .detail(error.to_string())
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_would_fill_the_disk_are_refused_before_one_is_read() {
        let part = |size| TreeEntry {
            size,
            ..TreeEntry::default()
        };
        // Each of them is small enough by itself; a tree may say of one what it likes.
        for (sizes, is_taken) in [
            (vec![MOST_BYTES; 64], true),
            (vec![MOST_BYTES; 65], false),
            (vec![1, u64::MAX], false),
        ] {
            let parts: Vec<TreeEntry> = sizes.into_iter().map(part).collect();
            let parts: Vec<&TreeEntry> = parts.iter().collect();
            let read = fits("ann/bees", &parts);
            assert_eq!(read.is_ok(), is_taken, "{read:?}");
        }
    }
}
