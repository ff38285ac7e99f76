//! Tables that people bring, on their way into a project: opened, looked at, and taken in batches.

use crate::dataset::{MOST_SCANNED, Remote};
use crate::platform::{TableBytes, TableReader};
use crate::project::Project;
use crate::projects::{IMPORT_VERSION, title_of};
use crate::{Backend, Result, Ticket};
use futures::lock::Mutex;
use seedbed_core::import::{
    Answer, Ask, Batch, Choice, LeftOut, Look, Mapping, OwnFile, Scope, Shaped, TableCall,
    TableSource, Tally, Target, Told,
};
use seedbed_core::messages::{Changed, Failure, FailureKind, ImportReport, Progress, Reply};
use seedbed_core::model::Message;
use seedbed_core::packed::Packed;
use seedbed_core::prompt::{Cell, Prompt, PromptOrigin, PromptState};
use seedbed_core::record::{Fields, Inputs, Provenance, Record, Source};
use seedbed_core::seed::Seed;
use seedbed_store::Store;
use std::rc::Rc;

/// Topics or perspectives that a new project takes from its table.
const MOST_TERMS: usize = 100;
/// First lines or rows that a report names.
const TOLD_ROWS: usize = 20;

/// A table that somebody looks at.
pub(crate) struct OpenTable {
    reader: Box<dyn TableReader>,
    source: TableSource,
    /// Where its bytes come from, for one on the Hub.
    remote: Remote,
    language: Option<String>,
}

impl OpenTable {
    /// What a project calls the source of its records: the file, or the dataset.
    fn name(&self) -> &str {
        match &self.source {
            TableSource::File { name, .. } => name,
            TableSource::Hub { repo, .. } => repo,
        }
    }

    /// What a new project is called.
    fn title(&self) -> String {
        match &self.source {
            TableSource::Hub { title, .. } if !title.trim().is_empty() => title.trim().to_owned(),
            _ => title_of(self.name()),
        }
    }

    /// The source of its records, but for the row.
    fn record_source(&self) -> Source {
        let named = |text: &String| (!text.is_empty()).then(|| text.clone());
        let name = self.name().to_owned();
        match &self.source {
            TableSource::File { .. } => Source {
                name,
                ..Source::default()
            },
            TableSource::Hub {
                revision,
                config,
                split,
                ..
            } => Source {
                name,
                revision: named(revision),
                config: named(config),
                split: named(split),
                ..Source::default()
            },
        }
    }

    async fn ask(&mut self, backend: &Backend, ask: Ask) -> Result<Told> {
        let told = self.reader.ask(Packed::of(&ask), Box::new(|_| ())).await;
        let failure = match told.and_then(|told| told.open()) {
            Ok(Told::Failed(failure)) => *failure,
            Ok(told) => return Ok(told),
            Err(failure) => failure,
        };
        // The reader knows only that bytes did not come.
        Err(self.remote.failure(backend).unwrap_or(failure))
    }

    async fn look(
        &mut self,
        backend: &Backend,
        choice: Choice,
    ) -> Result<std::result::Result<Box<Look>, OwnFile>> {
        let files = self.remote.files();
        let ask = Ask::Look {
            name: self.name().to_owned(),
            language: self.language.clone(),
            most_scanned: (!files.is_empty()).then_some(MOST_SCANNED),
            files,
            choice,
        };
        match self.ask(backend, ask).await? {
            Told::Look(look) => Ok(Ok(look)),
            Told::Own(_) if matches!(self.source, TableSource::Hub { .. }) => Err(Failure::new(
                FailureKind::Content,
                format!(
                    "This file of {} is no table, but one of a Seedbed project.",
                    self.name()
                ),
            )
            .means("Nothing was taken in.")
            .next("Open the dataset as a project instead.")),
            Told::Own(own) => Ok(Err(own)),
            other => Err(misled(&other)),
        }
    }
}

fn misled(told: &Told) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "The part of Seedbed that reads tables gave another answer than asked for.",
    )
    .means("Nothing was taken in.")
    .detail(format!("{told:?}").chars().take(200).collect::<String>())
}

fn not_open() -> Failure {
    Failure::new(FailureKind::NotFound, "This table is not open any more.")
        .means("Nothing was taken in.")
        .next("Choose it again.")
}

impl Backend {
    /// Answers what the page asks about a table.
    pub(crate) async fn answer_table(&self, ticket: &Ticket, call: TableCall) -> Result<Reply> {
        match call {
            TableCall::Open {
                source,
                choice,
                language,
            } => self.open_table(source, choice, language).await,
            TableCall::ReadAs { table, choice } => self.read_table_as(table, choice).await,
            TableCall::Preview {
                table,
                mapping,
                scope,
            } => self.preview_table(table, mapping, scope).await,
            TableCall::Take {
                table,
                mapping,
                scope,
                into,
            } => {
                self.take_table(ticket, table, mapping, scope, into.as_deref())
                    .await
            }
            TableCall::Close { table } => {
                self.close_table(table);
                Ok(Reply::Ok)
            }
        }
    }

    /// Opens a table under a number of its own.
    async fn open_table(
        &self,
        mut source: TableSource,
        choice: Choice,
        language: Option<String>,
    ) -> Result<Reply> {
        let (remote, bytes) = match &source {
            TableSource::File { file, .. } => (Remote::default(), TableBytes::File(*file)),
            TableSource::Hub { .. } => self.remote(&mut source).await?,
        };
        let mut table = OpenTable {
            reader: self.platform.read_table(bytes).await?,
            source,
            remote,
            language,
        };
        let mut look = match table.look(self, choice).await? {
            Ok(look) => look,
            Err(own) => return Ok(Reply::OwnFile(own)),
        };
        look.table = self.last_import.get().wrapping_add(1);
        self.last_import.set(look.table);
        let table = Rc::new(Mutex::new(table));
        self.tables.borrow_mut().insert(look.table, table);
        Ok(Reply::Look(Packed::of(&*look)))
    }

    async fn read_table_as(&self, number: u32, choice: Choice) -> Result<Reply> {
        let table = self.table(number)?;
        let look = table.lock().await.look(self, choice).await?;
        Ok(match look {
            Ok(mut look) => {
                look.table = number;
                Reply::Look(Packed::of(&*look))
            }
            Err(own) => Reply::OwnFile(own),
        })
    }

    async fn preview_table(&self, number: u32, mapping: Mapping, scope: Scope) -> Result<Reply> {
        let table = self.table(number)?;
        let mut table = table.lock().await;
        match table.ask(self, Ask::Preview { mapping, scope }).await? {
            Told::Preview(preview) => Ok(Reply::TablePreview(Packed::of(&*preview))),
            other => Err(misled(&other)),
        }
    }

    fn close_table(&self, number: u32) {
        self.tables.borrow_mut().remove(&number);
    }

    fn table(&self, number: u32) -> Result<Rc<Mutex<OpenTable>>> {
        let table = self.tables.borrow().get(&number).cloned();
        table.ok_or_else(not_open)
    }

    /// Takes rows of an open table into a project.
    async fn take_table(
        &self,
        ticket: &Ticket,
        number: u32,
        mapping: Mapping,
        scope: Scope,
        into: Option<&str>,
    ) -> Result<Reply> {
        let opened = self.table(number)?;
        let mut table = opened.lock().await;
        let ask = Ask::Take {
            mapping: mapping.clone(),
            scope,
        };
        let Told::Begun = table.ask(self, ask).await? else {
            return Err(not_open());
        };
        let (project, draft) = match into {
            Some(id) => (self.project(id)?, None),
            None => {
                let draft = self.begin_project().await?;
                let seed = Seed {
                    domain: table.title(),
                    ..Seed::default()
                };
                let project = Rc::clone(&draft.project);
                project.with(|store| store.save_seed(&seed, "", self.now()))?;
                (project, Some(draft))
            }
        };
        let _hold = self.hold(&project);
        let mut taken = Taken::new(self, &project, &table, &mapping)?;
        if draft.is_some() {
            taken.topic = table.title();
        }
        let (tally, notes) = loop {
            let told = table.ask(self, Ask::Next).await;
            let told = told.map_err(|failure| taken.broken(failure, draft.is_some()))?;
            match told {
                Told::Rows(batch) => {
                    taken.store(&batch)?;
                    ticket.progress(Progress::Rows {
                        rows: taken.rows,
                        done: batch.done,
                        total: batch.total,
                    });
                    if draft.is_none() {
                        self.changed(&project, &[Changed::Records]);
                    }
                }
                Told::End { tally, notes } => break (tally, notes),
                other => return Err(misled(&other)),
            }
        };
        let report = taken.report(&tally, notes);
        if draft.is_some() && !taken.topics.is_empty() {
            // Instructions are shown by topic and perspective: a new project has those of its table.
            let mut seed = project.with(Store::seed)?;
            seed.topics.clone_from(&taken.topics);
            seed.perspectives.clone_from(&taken.perspectives);
            project.with(|store| store.save_seed(&seed, "", self.now()))?;
        }
        if draft.is_some() && report.rows + report.instructions == 0 {
            return Err(nothing_taken(table.name(), &tally));
        }
        self.close_table(number);
        match draft {
            Some(draft) => draft.keep().await?,
            None => {
                self.touched(&project);
                self.changed(&project, &[Changed::Prompts, Changed::Records]);
            }
        }
        Ok(Reply::Imported {
            project: Box::new(self.view(&project)?),
            report,
        })
    }
}

/// A table of which nothing could be taken makes no project.
fn nothing_taken(name: &str, tally: &Tally) -> Failure {
    let why: Vec<String> = tally.left_out.iter().map(told_left_out).take(3).collect();
    Failure::new(
        FailureKind::Content,
        format!("No row of “{name}” could be taken in."),
    )
    .means(if why.is_empty() {
        "No project was made.".to_owned()
    } else {
        format!("No project was made: {}.", why.join("; "))
    })
    .next("Choose other columns, or mend the file.")
}

fn told_left_out(one: &LeftOut) -> String {
    let first: Vec<String> = one
        .seen
        .first
        .iter()
        .take(TOLD_ROWS)
        .map(u64::to_string)
        .collect();
    let more = if one.seen.count as usize > first.len() {
        " …"
    } else {
        ""
    };
    let rows = if one.seen.count == 1 { "row" } else { "rows" };
    format!(
        "{} {rows}: {} ({}{more})",
        one.seen.count,
        one.reason,
        first.join(", ")
    )
}

/// Rows on their way into a project.
struct Taken<'a> {
    backend: &'a Backend,
    project: &'a Rc<Project>,
    source: Source,
    /// Which columns were read as what.
    layout: String,
    /// Topic of instructions that have none.
    topic: String,
    /// Topics and perspectives of the instructions, in the order in which they came.
    topics: Vec<String>,
    perspectives: Vec<String>,
    seed_hash: String,
    now_ms: u64,
    /// Rows of the table.
    rows: u64,
    /// Records that were made of them, new or not.
    records: u32,
    added: u32,
    instructions: u32,
}

impl<'a> Taken<'a> {
    fn new(
        backend: &'a Backend,
        project: &'a Rc<Project>,
        table: &OpenTable,
        mapping: &Mapping,
    ) -> Result<Self> {
        Ok(Self {
            layout: layout_of(mapping),
            topic: String::new(),
            topics: Vec::new(),
            perspectives: Vec::new(),
            backend,
            project,
            source: table.record_source(),
            seed_hash: project.with(Store::seed)?.hash(),
            now_ms: backend.now(),
            rows: 0,
            records: 0,
            added: 0,
            instructions: 0,
        })
    }

    /// Stores a batch in one transaction for its records and one for its instructions.
    fn store(&mut self, batch: &Batch) -> Result<()> {
        let mut records: Vec<(Record, Vec<Message>)> = Vec::new();
        let mut prompts = Vec::new();
        for (row, shaped) in &batch.rows {
            if shaped.answer == Answer::None {
                let prompt = self.prompt(shaped);
                for (known, new) in [
                    (&mut self.topics, &prompt.cell.topic),
                    (&mut self.perspectives, &prompt.cell.perspective),
                ] {
                    if !new.is_empty() && known.len() < MOST_TERMS && !known.contains(new) {
                        known.push(new.clone());
                    }
                }
                prompts.push(prompt);
                continue;
            }
            let part = shaped.rejected.as_ref().map(|_| "chosen");
            records.push((self.record(*row, shaped, &shaped.answer, part), Vec::new()));
            if let Some(rejected) = &shaped.rejected {
                let other = self.record(*row, shaped, rejected, Some("rejected"));
                records.push((other, Vec::new()));
            }
        }
        self.rows += batch.rows.len() as u64;
        self.records += records.len() as u32;
        self.added += self.project.with(|store| store.add_records(&records))?;
        if !prompts.is_empty() {
            let writer = self.backend.reviewer();
            let new_id = || self.backend.random_id(12);
            self.instructions += self.project.with(|store| {
                let mut new = Vec::new();
                for prompt in prompts {
                    if store.prompt(&prompt.id)?.is_none()
                        && !new.iter().any(|one: &Prompt| one.id == prompt.id)
                    {
                        new.push(prompt);
                    }
                }
                store.add_prompts(&new, &writer, &new_id, self.now_ms)?;
                Ok(new.len() as u32)
            })?;
        }
        Ok(())
    }

    /// The same text from two tables is one record: its id follows from the text alone.
    fn record(&self, row: u64, shaped: &Shaped, answer: &Answer, part: Option<&str>) -> Record {
        let fields = match answer {
            Answer::Turns(turns) => Fields::of_turns(turns),
            Answer::Text(text) => Fields::of_pair(&shaped.instruction, text),
            Answer::None => Fields::of_pair(&shaped.instruction, ""),
        };
        let cell = cell_of(shaped);
        Record {
            id: Record::make_id(None, &fields),
            inputs: Inputs {
                // What was compared answers one instruction.
                on: part
                    .map(|_| Prompt::make_id(&cell, &shaped.instruction))
                    .into_iter()
                    .collect(),
                ..Inputs::default()
            },
            source: vec![Source {
                row: Some(row),
                part: part.map(str::to_owned),
                ..self.source.clone()
            }],
            cell,
            fields,
            provenance: Provenance {
                seed_hash: self.seed_hash.clone(),
                model: shaped.model.clone(),
                prompt_version: IMPORT_VERSION.to_owned(),
                imported_from: Some(self.source.name.clone()),
                ..Provenance::default()
            },
            reasoning: match part {
                Some("rejected") => String::new(),
                _ => shaped.reasoning.clone(),
            },
            metadata: shaped.metadata.clone(),
            created_ms: self.now_ms,
            ..Record::default()
        }
    }

    fn prompt(&self, shaped: &Shaped) -> Prompt {
        let mut cell = cell_of(shaped);
        if cell.topic.is_empty() {
            cell.topic.clone_from(&self.topic);
        }
        Prompt {
            id: Prompt::make_id(&cell, &shaped.instruction),
            cell,
            text: shaped.instruction.clone(),
            state: PromptState::Kept,
            origin: PromptOrigin::Imported {
                file: self.source.name.clone(),
            },
            original_text: None,
            seed_hash: self.seed_hash.clone(),
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
        }
    }

    /// What it means that no more rows come.
    fn broken(&self, failure: Failure, is_new_project: bool) -> Failure {
        if is_new_project {
            return failure.means("No project was made.");
        }
        match self.rows {
            0 => failure.means("Nothing was taken in."),
            rows => failure.means(format!(
                "The first {rows} rows came in before and are in the project. Taking the table again goes on from there: what is known is not added twice."
            )),
        }
    }

    fn report(&self, tally: &Tally, notes: Vec<String>) -> ImportReport {
        let left_out: u64 = tally.left_out.iter().map(|one| one.seen.count).sum();
        ImportReport {
            kind: format!("rows ({})", self.layout),
            rows: self.added,
            known: self.records - self.added,
            instructions: self.instructions,
            skipped: notes
                .into_iter()
                .chain(tally.left_out.iter().map(told_left_out))
                .collect(),
            skipped_total: u32::try_from(left_out).unwrap_or(u32::MAX),
        }
    }
}

/// Which columns were read as what, e.g. `question → instruction, answer → response`.
fn layout_of(mapping: &Mapping) -> String {
    let word = |target| match target {
        Target::Unused | Target::Metadata => None,
        Target::Instruction | Target::Input => Some("instruction"),
        Target::Response => Some("response"),
        Target::Messages | Target::MarkedText => Some("conversation"),
        Target::System => Some("system message"),
        Target::Reasoning => Some("reasoning"),
        Target::Chosen => Some("better answer"),
        Target::Rejected => Some("worse answer"),
        Target::Instances => Some("instruction, response"),
        Target::Topic => Some("topic"),
        Target::Perspective => Some("perspective"),
        Target::Model => Some("model"),
    };
    let columns: Vec<String> = mapping
        .columns
        .iter()
        .filter_map(|(name, target)| Some(format!("{name} → {}", word(*target)?)))
        .collect();
    columns.join(", ")
}

fn cell_of(shaped: &Shaped) -> Cell {
    Cell {
        topic: shaped.topic.clone(),
        perspective: shaped.perspective.clone(),
    }
}
