//! Append-only parts: records, acts on instructions and decisions that stand nowhere on the Hub yet.

use crate::Result;
use crate::layout::{self, PART_BYTES};
use crate::project::Project;
use seedbed_core::messages::{ChangeKind, FileChange};
use seedbed_store::Store;
use std::collections::BTreeMap;

/// Lines read at a time.
const WINDOW: u32 = 200;

/// How many lines stand nowhere on the Hub.
pub(super) struct Unsent {
    pub(super) records: u32,
    pub(super) decisions: u32,
    acts: u32,
}

impl Unsent {
    /// The folders that get new parts.
    pub(super) fn files(&self) -> impl Iterator<Item = FileChange> {
        [
            (layout::RECORDS, "Records", self.records),
            (layout::INSTRUCTIONS, "Instructions", self.acts),
            (layout::DECISIONS, "Decisions", self.decisions),
        ]
        .into_iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(path, what, _)| FileChange {
            path: path.to_owned(),
            change: ChangeKind::Added,
            what: what.to_owned(),
            size_bytes: None,
        })
    }
}

/// Counts without building anything.
pub(super) fn count(project: &Project) -> Result<Unsent> {
    project.with(|store| {
        Ok(Unsent {
            records: store.unsent_record_count()?,
            decisions: store.unsent_decision_count()?,
            acts: store.unsent_instruction_act_count()?,
        })
    })
}

/// Kinds of lines, in the order in which they are sent: records before the decisions about them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Records,
    Acts,
    Decisions,
}

/// A part to commit, with the lines in it.
pub(super) struct NewPart {
    pub(super) path: String,
    pub(super) text: String,
    kind: Kind,
    seqs: Vec<u64>,
}

impl NewPart {
    /// Remembers that it was committed.
    pub(super) fn record(&self, store: &Store, oid: &str) -> seedbed_store::Result<()> {
        let none: &[u64] = &[];
        let seqs = |kind| if self.kind == kind { &self.seqs } else { none };
        store.set_sent(
            &self.path,
            oid,
            seqs(Kind::Records),
            seqs(Kind::Decisions),
            seqs(Kind::Acts),
        )
    }
}

/// Makes parts one after another, so that never more than a few are in memory.
pub(super) struct Maker {
    kind: Kind,
    after: u64,
    writer: String,
    /// Parts that are not full, by the writer in whose folder they stand.
    open: BTreeMap<String, NewPart>,
    ready: Vec<NewPart>,
    is_over: bool,
}

impl Maker {
    pub(super) fn new(writer: &str) -> Self {
        Self {
            kind: Kind::Records,
            after: 0,
            writer: writer.to_owned(),
            open: BTreeMap::new(),
            ready: Vec::new(),
            is_over: false,
        }
    }

    fn folder(&self) -> &'static str {
        match self.kind {
            Kind::Records => layout::RECORDS,
            Kind::Acts => layout::INSTRUCTIONS,
            Kind::Decisions => layout::DECISIONS,
        }
    }

    fn push(&mut self, writer: &str, seq: u64, line: &str) {
        let kind = self.kind;
        let part = self
            .open
            .entry(writer.to_owned())
            .or_insert_with(|| NewPart {
                path: String::new(),
                text: String::new(),
                kind,
                seqs: Vec::new(),
            });
        if !part.text.is_empty() && part.text.len() + line.len() >= PART_BYTES {
            self.close(writer);
            self.push(writer, seq, line);
            return;
        }
        part.text.push_str(line);
        part.text.push('\n');
        part.seqs.push(seq);
    }

    fn close(&mut self, writer: &str) {
        if let Some(mut part) = self.open.remove(writer) {
            let first = part.seqs.first().copied().unwrap_or(0);
            part.path = layout::part_path(self.folder(), writer, first, &part.text);
            self.ready.push(part);
        }
    }

    fn end_kind(&mut self) {
        let writers: Vec<String> = self.open.keys().cloned().collect();
        for writer in writers {
            self.close(&writer);
        }
        self.after = 0;
        match self.kind {
            Kind::Records => self.kind = Kind::Acts,
            Kind::Acts => self.kind = Kind::Decisions,
            Kind::Decisions => self.is_over = true,
        }
    }

    /// The next part, if there is one.
    pub(super) fn next(&mut self, project: &Project) -> Result<Option<NewPart>> {
        while self.ready.is_empty() && !self.is_over {
            let (after, mut lines) = (self.after, Vec::new());
            match self.kind {
                Kind::Records => {
                    for (seq, line) in project.with(|store| store.unsent_records(after, WINDOW))? {
                        lines.push((seq, self.writer.clone(), line.text()));
                    }
                }
                Kind::Acts => {
                    let acts =
                        project.with(|store| store.unsent_instruction_acts(after, WINDOW))?;
                    for (seq, line) in acts {
                        // Of somebody else's folder that is gone, or of format 1: in mine it can't be.
                        let writer = &line.value.writer;
                        let folder = if writer == seedbed_core::instruction::FORMAT_1 {
                            self.writer.clone()
                        } else {
                            writer.clone()
                        };
                        lines.push((seq, folder, line.text()));
                    }
                }
                Kind::Decisions => {
                    let decisions = project.with(|store| store.unsent_decisions(after, WINDOW))?;
                    for (seq, line) in decisions {
                        lines.push((seq, line.value.writer.clone(), line.text()));
                    }
                }
            }
            let Some((last, ..)) = lines.last() else {
                self.end_kind();
                continue;
            };
            self.after = *last;
            for (seq, writer, line) in lines {
                self.push(&writer, seq, &line);
            }
        }
        Ok((!self.ready.is_empty()).then(|| self.ready.remove(0)))
    }
}
