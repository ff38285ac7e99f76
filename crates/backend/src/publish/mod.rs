//! Publishing: what would change on the Hub, and the commits that change it.
//!
//! Parts go first, in commits of bounded size: they are append-only and need nothing of each other. Then one commit with
//! `parentCommit` rewrites what is shared: table, card, seed, settings. Each attempt reads the head first and takes over
//! what others committed, so a 412 is answered by doing just that again, and a commit that landed although its answer
//! was lost is found as "nothing left to change".
//!
//! The table is rewritten only by a browser that holds every part and every record that the last table names, and only
//! if it is the one that Seedbed wrote last. What is recorded after a commit comes from what was sent.

mod commit;
mod parts;
mod table;

use crate::card::{self, Facts};
use crate::draft::clip;
use crate::project::{Project, key};
use crate::run::run_file;
use crate::sync::{TURNS, content_oid, linked, read_seed, seed_state, settings_hash};
use crate::{Backend, OrFail as _, Result, Ticket, layout};
use seedbed_core::FORMAT_VERSION;
use seedbed_core::id::content_id;
use seedbed_core::messages::{
    ChangeKind, Failure, FailureKind, FileChange, HubLink, PublishPlan, Published, RowChange,
    SyncReport, TableState,
};
use seedbed_core::params::RunSettings;
use seedbed_core::record::RESPONSE;
use seedbed_core::seed::Seed;
use seedbed_hub::{HubClient, TreeEntry, git_blob_oid};
use seedbed_store::{PublishedTable, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use table::{RowDiff, TableFacts};

/// Rows of the plan that are shown one by one.
const SAMPLE: usize = 20;

/// What the person asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublishOptions {
    pub(crate) summary: String,
    pub(crate) license: String,
    pub(crate) languages: Vec<String>,
    pub(crate) as_pull_request: bool,
    /// The rows and parts that this names ([`PublishPlan::unknown`]) are gone for good.
    pub(crate) drops_unknown: Option<String>,
    /// The table with this object id may be replaced although something else wrote it.
    pub(crate) replaces_table: Option<String>,
}

/// Licence and languages as chosen last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CardChoice {
    license: String,
    languages: Vec<String>,
}

/// The head that a publish is compared with.
pub(crate) struct Head {
    /// Every file by path.
    files: HashMap<String, TreeEntry>,
    card: Option<Vec<u8>>,
    seed: Option<Vec<u8>>,
    params: Option<Vec<u8>>,
    /// What the project file says, with the keys that this build does not know.
    project: Map<String, Value>,
    table: TableState,
}

/// Why only parts may be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdup {
    /// Published rows whose record, or anything said about it, is not here.
    unknown_rows: u32,
    /// Parts that the last table was made from and that are not held here.
    unknown_parts: u32,
    /// Names these rows and parts; `None` without any.
    unknown: Option<String>,
    /// Something else wrote the table.
    is_foreign: bool,
    /// The repo needs a newer build.
    needs_newer: bool,
}

impl Holdup {
    fn holds(&self, options: &PublishOptions, table: &TableState) -> bool {
        let is_foreign = match table {
            TableState::Foreign { oid, .. } => options.replaces_table.as_ref() != Some(oid),
            TableState::Absent | TableState::Ours => false,
        };
        let is_unknown = self.unknown.is_some() && self.unknown != options.drops_unknown;
        self.needs_newer || is_foreign || is_unknown
    }

    /// Whether the table is written.
    ///
    /// # Errors
    /// If it was said of other rows and parts that they are gone for good.
    fn sends_table(&self, options: &PublishOptions, table: &TableState) -> Result<bool> {
        if options.drops_unknown.is_some()
            && self.unknown.is_some()
            && self.unknown != options.drops_unknown
        {
            return Err(Failure::new(
                FailureKind::Conflict,
                "The repo has changed: other rows can't be accounted for here than those you gave up.",
            )
            .means("The table stays as it is, and so does your work.")
            .next("Look at the plan again, and agree to it as it is now."));
        }
        Ok(!self.holds(options, table))
    }
}

/// A file that is rewritten as a whole.
pub(crate) struct Rewrite {
    path: String,
    kind: ChangeKind,
    what: &'static str,
    bytes: Vec<u8>,
}

/// What the files that are rewritten hold, so that what is recorded afterwards is what was sent.
#[derive(Default)]
pub(crate) struct Sent {
    /// Absent when the seed on the Hub was left alone.
    seed: Option<String>,
    settings_hash: String,
    rows: Vec<(String, String)>,
    /// Lines of these rows with more in them than this build understands.
    row_lines: BTreeMap<String, String>,
    table: Option<PublishedTable>,
    /// Path and object id of the rewritten files that a sync notes as understood.
    files: Vec<(String, String)>,
    card_notes: Vec<String>,
    /// The line of Python that loads the table.
    loading: Option<String>,
}

impl Backend {
    pub(crate) async fn plan_publish(&self, ticket: &Ticket, id: &str) -> Result<PublishPlan> {
        let project = self.project(id)?;
        let _hold = self.hold(&project);
        let sync = self.sync_project(ticket, &project).await?;
        let link = linked(&project)?;
        let client = self.hub();
        let head = self.head(&project, &link, &client).await?;
        let choice = card_choice(&project, &head)?;
        let diff = table::row_diff(&project)?;
        let holdup = holdup(&project, &head, &diff, &sync)?;
        let options = PublishOptions::default();
        let sends_table = !holdup.holds(&options, &head.table);
        let mut files = Vec::new();
        let mut card_notes = Vec::new();
        if sends_table {
            let facts = table::facts(&project)?;
            let (rewrites, sent) =
                self.rewrites(&project, &link, &head, &choice, &diff, &facts, None)?;
            card_notes = sent.card_notes;
            if let Some(change) = table_change(&head, &diff) {
                files.push(change);
            }
            files.extend(rewrites.iter().map(|rewrite| FileChange {
                path: rewrite.path.clone(),
                change: rewrite.kind,
                what: rewrite.what.to_owned(),
                size_bytes: Some(rewrite.bytes.len() as u64),
            }));
        }
        let unsent = parts::count(&project)?;
        files.extend(unsent.files());
        let blocked = self
            .account
            .borrow()
            .is_none()
            .then(|| "Sign in to the Hub first: it has to know who commits.".to_owned());
        let accepted = sync_accepted(&project)?;
        Ok(PublishPlan {
            repo: link.repo,
            revision: link.revision,
            rows_total: diff.total as u32,
            rows_added: diff.added.len() as u32,
            rows_changed: diff.changed.len() as u32,
            rows_removed: diff.removed.len() as u32,
            sample: sample(&project, &diff)?,
            // Acts on identities go along and are no decisions of anyone.
            decisions: project.with(Store::unsent_record_decision_count)?,
            records: unsent.records,
            can_write: link.can_write,
            is_empty: files.is_empty(),
            files,
            blocked,
            unknown_rows: holdup.unknown_rows,
            unknown_parts: holdup.unknown_parts,
            unknown: holdup.unknown,
            sends_parts_only: !sends_table,
            unbacked_rows: accepted.saturating_sub(diff.total as u32),
            table: head.table,
            was_overwritten: project
                .with(|store| store.get(key::OLD_WRITER))?
                .unwrap_or(false),
            card_notes,
            license: choice.license,
            languages: choice.languages,
            sync,
        })
    }

    /// Reads what the files to rewrite have to be compared and merged with.
    async fn head(&self, project: &Project, link: &HubLink, client: &HubClient) -> Result<Head> {
        let mut files = HashMap::new();
        if let Some(sha) = &link.revision {
            let tree = client.tree(&link.repo, sha, "", true).await.or_fail()?;
            files.extend(
                tree.into_iter()
                    .filter(|entry| entry.is_file)
                    .map(|entry| (entry.path.clone(), entry)),
            );
        }
        let read = async |path: &str| -> Result<Option<Vec<u8>>> {
            match (&link.revision, files.get(path)) {
                (Some(sha), Some(_)) => client
                    .read_file(&link.repo, sha, path)
                    .await
                    .or_fail()
                    .map(Some),
                _ => Ok(None),
            }
        };
        let card = read(layout::CARD).await?;
        let seed = read(layout::SEED).await?;
        let params = read(layout::PARAMS).await?;
        let project_file = read(layout::PROJECT).await?;
        let known = project.with(Store::published_table)?;
        let table = match files.get(layout::TABLE) {
            None => TableState::Absent,
            Some(entry) => {
                let is_ours = match &known {
                    Some(table) => table.oid == content_oid(entry),
                    None => is_of_format_1(&files, link, client).await?,
                };
                if is_ours {
                    TableState::Ours
                } else {
                    TableState::Foreign {
                        oid: content_oid(entry).to_owned(),
                        size_bytes: entry.size,
                    }
                }
            }
        };
        Ok(Head {
            files,
            card,
            seed,
            params,
            project: project_file
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .unwrap_or_default(),
            table,
        })
    }

    /// The files that are rewritten, apart from the table, whose parts and bytes are known only when it is written.
    #[allow(clippy::too_many_arguments)]
    fn rewrites(
        &self,
        project: &Rc<Project>,
        link: &HubLink,
        head: &Head,
        choice: &CardChoice,
        diff: &RowDiff,
        facts: &TableFacts,
        table: Option<PublishedTable>,
    ) -> Result<(Vec<Rewrite>, Sent)> {
        let mut rewrites = Vec::new();
        let mut put = |path: &str, what: &'static str, text: String| {
            let bytes = text.into_bytes();
            let known = head.files.get(path);
            if known.is_some_and(|entry| entry.oid == git_blob_oid(&bytes)) {
                return;
            }
            rewrites.push(Rewrite {
                path: path.to_owned(),
                kind: if known.is_some() {
                    ChangeKind::Changed
                } else {
                    ChangeKind::Added
                },
                what,
                bytes,
            });
        };
        let seed = project.with(Store::seed)?;
        let settings = project.settings()?;
        let counts = project.with(|store| store.counts(&self.reviewer()))?;
        let card = card::write(
            &Facts {
                repo: &link.repo,
                seed: &seed,
                license: &choice.license,
                languages: &choice.languages,
                rows: diff.total,
                topics: facts.topics(),
                models: facts.models(),
                edited: facts.edited,
                imported: facts.imported,
                counts: &counts,
                reviewers: project.with(Store::reviewers)?.len(),
                files: head.files.keys().map(String::as_str).collect(),
            },
            head.card.as_deref(),
        );
        // A card that can't be edited is left alone; the rest goes without it.
        let mut loading = None;
        let card_notes = match card {
            Ok(card) => {
                put(layout::CARD, "Dataset card", card.text);
                loading = card.tables.first().map(|table| table.loading(&link.repo));
                card.notes.iter().map(ToString::to_string).collect()
            }
            Err(refusal) => vec![refusal.to_string()],
        };
        // A file that can't be read here is somebody's: it stays.
        let whole_seed = head.whole_seed(&seed);
        if let Some(seed) = &whole_seed {
            put(layout::SEED, "Seed", seed.export());
        }
        if let Some(settings) = head.whole_params(&settings) {
            let text = settings.export_pipeline_params();
            put(layout::PARAMS, "Run settings", text);
        }
        let table = table.or_else(|| head.known_table());
        let mut file = head.project.clone();
        file.insert("format".into(), json!(FORMAT_VERSION));
        let needs = file.entry("needs").or_insert_with(|| json!([]));
        if let Value::Array(needs) = needs
            && facts.has_turns()
            && !needs.contains(&json!(TURNS))
        {
            needs.push(json!(TURNS));
        }
        file.insert("seed_hash".into(), json!(seed.hash()));
        let before = file.get("settings").cloned();
        file.insert("settings".into(), joined(before, json!(settings)));
        if let Some(table) = &table {
            file.insert("table".into(), json!(table));
        }
        let mut text = serde_json::to_string_pretty(&Value::Object(file)).unwrap_or_default();
        text.push('\n');
        put(layout::PROJECT, "Project settings", text);
        let mut text = String::new();
        for (id, hash) in &diff.rows {
            let line = crate::sync::RowLine {
                id: id.clone(),
                hash: hash.clone(),
            };
            text.push_str(&line.written(diff.lines.get(id))?);
            text.push('\n');
        }
        // Browsers hold the rows in different orders: the list changes with what is in it only.
        if diff.is_changed() || (!text.is_empty() && !head.files.contains_key(layout::ROWS)) {
            put(layout::ROWS, "List of the table's rows", text);
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
        let sent = Sent {
            seed: whole_seed.as_ref().map(seed_state),
            settings_hash: settings_hash(&settings),
            rows: diff.rows.clone(),
            row_lines: diff.lines.clone(),
            table,
            files: Vec::new(),
            card_notes,
            loading,
        };
        Ok((rewrites, sent))
    }

    /// Publishes, or offers a pull request.
    pub(crate) async fn publish(
        &self,
        ticket: &Ticket,
        id: &str,
        options: &PublishOptions,
    ) -> Result<Published> {
        let project = self.project(id)?;
        if project.read_only()?.is_some() {
            return Err(Failure::new(
                FailureKind::Invalid,
                "This project can only be looked at here, so nothing of it is published.",
            )
            .next("See the notice on its page for the way out."));
        }
        self.signed_in_hub()?;
        // Closing the project waits for the end: what has landed must be known to have landed.
        let _hold = self.hold(&project);
        let choice = CardChoice {
            license: options.license.clone(),
            languages: options.languages.clone(),
        };
        project.with(|store| store.put(key::CARD, &choice))?;
        self.commit_all(ticket, &project, options, &choice).await
    }
}

impl Head {
    /// The seed with the keys that only the file on the Hub has; `None` if that file can't be read.
    fn whole_seed(&self, seed: &Seed) -> Option<Seed> {
        let mut seed = seed.clone();
        if let Some(bytes) = &self.seed {
            let theirs = read_seed(std::str::from_utf8(bytes).ok()?).ok()?;
            add_unknown(&mut seed.extra, theirs.extra);
        }
        Some(seed)
    }

    /// The settings with the keys that only the file on the Hub has; `None` if that file can't be read.
    fn whole_params(&self, settings: &RunSettings) -> Option<RunSettings> {
        let mut settings = settings.clone();
        if let Some(bytes) = &self.params {
            let text = std::str::from_utf8(bytes).ok()?;
            let theirs = RunSettings::default().import_pipeline_params(text).ok()?;
            add_unknown(&mut settings.extra, theirs.extra);
        }
        Some(settings)
    }

    /// The table as the project file names it.
    fn known_table(&self) -> Option<PublishedTable> {
        self.project
            .get("table")
            .and_then(|table| serde_json::from_value(table.clone()).ok())
    }
}

/// Whether the table that the project file does not name was written by a build of format 1. Such a build changes the list
/// of rows in the commit that changes the table; other programs know nothing of the list. A table that cannot be told is
/// somebody's: a person is asked.
async fn is_of_format_1(
    files: &HashMap<String, TreeEntry>,
    link: &HubLink,
    client: &HubClient,
) -> Result<bool> {
    let Some(head) = &link.revision else {
        return Ok(false);
    };
    if !files.contains_key(layout::ROWS) {
        return Ok(false);
    }
    let paths = [layout::TABLE.to_owned(), layout::ROWS.to_owned()];
    let last = async |revision: &str| {
        let last = client.last_commits(&link.repo, revision, &paths).await;
        last.or_fail()
    };
    let now = last(head).await?;
    let Some(commit) = now.get(layout::TABLE) else {
        return Ok(false);
    };
    if now.get(layout::ROWS) == Some(commit) {
        return Ok(true);
    }
    // The list alone is changed where it only is in another order.
    Ok(last(commit).await?.get(layout::ROWS) == Some(commit))
}

fn add_unknown(ours: &mut Map<String, Value>, theirs: Map<String, Value>) {
    for (key, value) in theirs {
        ours.entry(key).or_insert(value);
    }
}

/// Ours, with what only theirs says at any level.
pub(crate) fn joined(theirs: Option<Value>, ours: Value) -> Value {
    match (theirs, ours) {
        (Some(Value::Object(mut whole)), Value::Object(ours)) => {
            for (key, value) in ours {
                let before = whole.get(&key).cloned();
                whole.insert(key, joined(before, value));
            }
            Value::Object(whole)
        }
        (_, ours) => ours,
    }
}

/// What the card states, else what was chosen last.
fn card_choice(project: &Project, head: &Head) -> Result<CardChoice> {
    let stated = head
        .card
        .as_deref()
        .and_then(|card| seedbed_card::read(card).ok())
        .unwrap_or_default();
    let mut choice: CardChoice = project
        .with(|store| store.get(key::CARD))?
        .unwrap_or_default();
    if let Some(license) = stated.license.into_iter().next() {
        choice.license = license;
    }
    if !stated.languages.is_empty() {
        choice.languages = stated.languages;
    }
    Ok(choice)
}

/// Records that count as accepted here, backed or not.
fn sync_accepted(project: &Project) -> Result<u32> {
    project
        .with(|store| store.summary(""))
        .map(|summary| summary.accepted)
}

fn table_change(head: &Head, diff: &RowDiff) -> Option<FileChange> {
    let has_table = head.table != TableState::Absent;
    let is_replaced = matches!(head.table, TableState::Foreign { .. });
    let (change, what) = if diff.total == 0 {
        (
            has_table.then_some(ChangeKind::Removed)?,
            "Table of accepted rows: none is left",
        )
    } else if !has_table {
        (ChangeKind::Added, "Table of accepted rows")
    } else {
        (
            (diff.is_changed() || is_replaced).then_some(ChangeKind::Changed)?,
            "Table of accepted rows",
        )
    };
    Some(FileChange {
        path: layout::TABLE.to_owned(),
        change,
        what: what.to_owned(),
        size_bytes: None,
    })
}

/// What keeps the table from being rewritten here.
fn holdup(project: &Project, head: &Head, diff: &RowDiff, sync: &SyncReport) -> Result<Holdup> {
    let known = project.with(Store::parts)?;
    let is_held = |path: &str| known.get(path).is_some_and(|part| part.is_whole);
    // A table of format 1 names no parts: all that are there count.
    let named: BTreeSet<String> = match project.with(Store::published_table)? {
        Some(table) => table.parts,
        None if head.table == TableState::Ours => head
            .files
            .keys()
            .filter(|path| layout::Part::of(path).is_some())
            .cloned()
            .collect(),
        None => BTreeSet::new(),
    };
    // What the table is, and what it needs, must be known too.
    let unread = [layout::ROWS, layout::PROJECT]
        .into_iter()
        .filter(|path| head.files.contains_key(*path));
    // With what stands there: a part that changed is another one.
    let unknown_parts: Vec<(&str, Option<&str>)> = unread
        .chain(named.iter().map(String::as_str))
        .filter(|path| !is_held(path))
        .map(|path| (path, head.files.get(path).map(content_oid)))
        .collect();
    let has_unknown = !diff.unknown.is_empty() || !unknown_parts.is_empty();
    Ok(Holdup {
        unknown_rows: diff.unknown.len() as u32,
        unknown_parts: unknown_parts.len() as u32,
        unknown: has_unknown.then(|| content_id(&(&diff.unknown, &unknown_parts))),
        is_foreign: matches!(head.table, TableState::Foreign { .. }),
        needs_newer: sync.needs_newer,
    })
}

/// Some of the rows as they will stand, or as they stood.
fn sample(project: &Project, diff: &RowDiff) -> Result<Vec<RowChange>> {
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
            let row = project.with(|store| store.accepted_row(id))?;
            let (instruction, response) = match row {
                Some(row) => (row.instruction, row.response),
                None => match project.with(|store| store.record_view(id, ""))? {
                    Some(view) => (
                        view.record.instruction().to_owned(),
                        view.record.fields.words(RESPONSE).into_owned(),
                    ),
                    None => continue,
                },
            };
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
