//! Answers the back end: one table, one question at a time.

use crate::json;
use crate::open::{About, OpenError};
use crate::series::{File, Series, SeriesTaking};
use crate::source::{Slice, Source, SourceError};
use crate::table::Fault;
use seedbed_core::import::{Ask, OwnFile, Told};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_core::packed::Packed;
use std::rc::Rc;

/// A reader of one table.
pub struct Server {
    source: Rc<dyn Source>,
    name: String,
    table: Option<Rc<Series>>,
    taking: Option<SeriesTaking>,
}

impl Server {
    /// A reader of what `source` holds.
    pub fn new(source: Rc<dyn Source>) -> Self {
        Self {
            source,
            name: String::new(),
            table: None,
            taking: None,
        }
    }

    /// Answers. `progress` hears how many bytes were looked at while a table is opened.
    pub async fn answer(&mut self, ask: Ask, progress: &dyn Fn(u64)) -> Told {
        match self.told(ask, progress).await {
            Ok(told) => told,
            Err(OpenError::Known(known)) => Told::Own(match known {
                json::Known::Seed => OwnFile::Seed,
                json::Known::Settings => OwnFile::Settings,
                json::Known::Project => OwnFile::Project,
            }),
            Err(error) => Told::Failed(Box::new(self.failure(&error))),
        }
    }

    /// As [`Self::answer`], with both as they cross the line.
    pub async fn answer_packed(
        &mut self,
        ask: &Packed<Ask>,
        progress: &dyn Fn(u64),
    ) -> Packed<Told> {
        Packed::of(&match ask.open() {
            Ok(ask) => self.answer(ask, progress).await,
            Err(failure) => Told::Failed(Box::new(failure)),
        })
    }

    async fn told(&mut self, ask: Ask, progress: &dyn Fn(u64)) -> Result<Told, OpenError> {
        match ask {
            Ask::Look {
                name,
                language,
                most_scanned,
                files,
                choice,
            } => {
                let files = self.files(&name, files)?;
                self.name.clone_from(&name);
                let about = About {
                    name,
                    language,
                    most_scanned,
                };
                self.taking = None;
                let table = Series::open(files, &about, &choice, progress).await?;
                let look = table.look().clone();
                self.table = Some(Rc::new(table));
                Ok(Told::Look(Box::new(look)))
            }
            Ask::Preview { mapping, scope } => match &self.table {
                Some(table) => {
                    let preview = table.preview(&mapping, &scope).await?;
                    Ok(Told::Preview(Box::new(preview)))
                }
                None => Ok(not_open()),
            },
            Ask::Take { mapping, scope } => match &self.table {
                Some(table) => {
                    self.taking = Some(table.take(&mapping, &scope).await?);
                    Ok(Told::Begun)
                }
                None => Ok(not_open()),
            },
            Ask::Next => {
                let Some(taking) = &mut self.taking else {
                    return Ok(not_open());
                };
                if let Some(batch) = taking.next().await? {
                    return Ok(Told::Rows(batch));
                }
                let (tally, notes) = (Box::new(taking.tally()), taking.notes());
                self.taking = None;
                Ok(Told::End { tally, notes })
            }
        }
    }

    /// The files that lie in the source one after another.
    fn files(&self, name: &str, sizes: Vec<(String, u64)>) -> Result<Vec<File>, OpenError> {
        if sizes.is_empty() {
            return Ok(vec![(name.to_owned(), Rc::clone(&self.source))]);
        }
        let mut from = 0_u64;
        let mut files: Vec<File> = Vec::new();
        for (name, size) in sizes {
            files.push((
                name,
                Rc::new(Slice::new(Rc::clone(&self.source), from, size)),
            ));
            from = from.saturating_add(size);
        }
        if from != self.source.size() {
            return Err(SourceError(format!(
                "{from} bytes of files are in a source of {} bytes",
                self.source.size()
            ))
            .into());
        }
        Ok(files)
    }

    fn failure(&self, error: &OpenError) -> Failure {
        let could_not = |why: &str| format!("“{}” could not be read: {why}", self.name);
        let failure = match error {
            OpenError::Source(error) => {
                Failure::new(FailureKind::Invalid, could_not("its bytes did not come."))
                    .next("Choose the file again; it may have been moved or changed meanwhile.")
                    .detail(error.to_string())
            }
            OpenError::NoRows { faults } => {
                let first = faults.first().map(told_fault).unwrap_or_default();
                Failure::new(
                    FailureKind::Content,
                    could_not(&format!("there is no row in it.{first}")),
                )
                .next("Take a table of instructions (and answers) as CSV, JSONL, JSON or Parquet.")
            }
            error => Failure::new(FailureKind::Content, could_not(&error.to_string())),
        };
        failure.means("Nothing was taken in.")
    }
}

fn told_fault(fault: &Fault) -> String {
    format!(" Line {}: {}.", fault.number, fault.reason)
}

/// The worker that had opened it was ended.
fn not_open() -> Told {
    Told::Failed(Box::new(
        Failure::new(FailureKind::NotFound, "This table is not open any more.")
            .means("Nothing more was taken in.")
            .next("Choose it again."),
    ))
}
