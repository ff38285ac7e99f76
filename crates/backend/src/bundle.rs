//! A project in one file, and its rows as lines: what a person saves and can import again.
//!
//! A saved project is JSON lines: a header with the seed and the settings, then one line each for instruction acts,
//! records and decisions, as they stand in a repo's parts. It is written and read in pieces, so that neither side ever
//! holds all of it.

use crate::project::{Project, key};
use crate::{Result, rest};
use seedbed_core::instruction::InstructionAct;
use seedbed_core::line::{self, Line, RecordLine};
use seedbed_core::messages::{Failure, FailureKind, FilePiece, ImportReport};
use seedbed_core::model::Endpoint;
use seedbed_core::params::RunSettings;
use seedbed_core::record::RESPONSE;
use seedbed_core::review::Decision;
use seedbed_core::seed::Seed;
use seedbed_core::turns;
use seedbed_store::{Origin, Store};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::rc::Rc;

/// The key that tells a project saved by a build of format 1 from other files.
pub(crate) const OLD_MARK: &str = "seedbed_bundle";
/// The key that tells a saved project from other files of lines; its value is the format's version.
const MARK: &str = "seedbed_project";
/// Newest version of a saved project that this build reads.
const VERSION: u32 = 2;
/// Rows read at a time.
const WINDOW: u32 = 500;
/// Bytes of a piece of a file, about.
const PIECE_BYTES: usize = 1024 * 1024;
/// Lines told one by one when they can't be read.
const TOLD_PROBLEMS: usize = 20;

/// First line of a saved project.
#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "seedbed_project")]
    version: u32,
    /// The seed as it is stored, so that one this build can't show is saved too.
    #[serde(default)]
    seed: Value,
    #[serde(default)]
    settings: RunSettings,
    /// A kind of a newer build is no reason to refuse the rest.
    #[serde(
        default,
        deserialize_with = "known_endpoint",
        skip_serializing_if = "Option::is_none"
    )]
    endpoint: Option<Endpoint>,
}

fn known_endpoint<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Endpoint>, D::Error> {
    Ok(Endpoint::deserialize(Value::deserialize(from)?).ok())
}

/// What the header of a file said beyond what this build understands.
#[derive(Default, Serialize, Deserialize)]
struct HeaderRest {
    rest: Map<String, Value>,
    /// The model beside which it stood: of another one it says nothing.
    endpoint: Option<Endpoint>,
}

/// What stands in which order in a saved project.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Instructions,
    Records,
    Decisions,
    /// Lines of a file that this build did not understand.
    Kept,
}

impl Section {
    const ALL: [Self; 4] = [
        Self::Instructions,
        Self::Records,
        Self::Decisions,
        Self::Kept,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instruction",
            Self::Records => "record",
            Self::Decisions => "decision",
            Self::Kept => "kept",
        }
    }
}

/// Wraps a line of a repo's part as a line of a saved project, word for word.
fn push_wrapped(text: &mut String, name: &str, line: &str) {
    text.push_str("{\"");
    text.push_str(name);
    text.push_str("\":");
    text.push_str(line);
    text.push_str("}\n");
}

/// Where a saved project goes on: `<section>:<seq>`.
fn cursor(text: &str) -> Option<(usize, u64)> {
    let (section, seq) = text.split_once(':')?;
    let section = Section::ALL.iter().position(|one| one.name() == section)?;
    Some((section, seq.parse().ok()?))
}

fn header(project: &Project) -> Result<String> {
    let mut endpoint = project.endpoint()?;
    if let Some(endpoint) = &mut endpoint {
        // Prices are asked of the router; a file must not bring its own.
        (endpoint.price_in, endpoint.price_out) = (None, None);
    }
    let kept: Option<HeaderRest> = project.with(|store| store.get(key::HEADER_REST))?;
    let HeaderRest {
        mut rest,
        endpoint: of,
    } = kept.unwrap_or_default();
    if of != endpoint {
        rest.remove("endpoint");
    }
    let header = Header {
        version: VERSION,
        seed: project.with(Store::stored_seed)?,
        settings: project.settings()?,
        endpoint,
    };
    let mut header = serde_json::to_value(&header).map_err(|error| unwritable(&error))?;
    if let Value::Object(header) = &mut header {
        rest::add(header, rest);
    }
    let mut text = header.to_string();
    text.push('\n');
    Ok(text)
}

/// The piece of a saved project at `after`.
pub(crate) fn piece(project: &Project, after: Option<&str>) -> Result<FilePiece> {
    let (mut section, mut seq) = match after {
        None => {
            return Ok(FilePiece {
                text: header(project)?,
                next: Some(format!("{}:0", Section::Instructions.name())),
            });
        }
        Some(at) => cursor(at).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, "This is no place in a saved project.")
        })?,
    };
    let mut text = String::new();
    while let Some(part) = Section::ALL.get(section) {
        let before = seq;
        match part {
            Section::Instructions => {
                for (at, line) in project.with(|store| store.instruction_acts_after(seq, WINDOW))? {
                    push_wrapped(&mut text, part.name(), &line.text());
                    seq = at;
                }
            }
            Section::Records => {
                for (at, line) in project.with(|store| store.records_after(seq, WINDOW))? {
                    push_wrapped(&mut text, part.name(), &line.text());
                    seq = at;
                    if text.len() > PIECE_BYTES {
                        break;
                    }
                }
            }
            Section::Decisions => {
                for (at, line) in project.with(|store| store.decisions_after(seq, WINDOW))? {
                    push_wrapped(&mut text, part.name(), &line.text());
                    seq = at;
                }
            }
            Section::Kept => {
                for (at, line) in project.with(|store| store.kept_lines_after(seq, WINDOW))? {
                    text.push_str(&line);
                    text.push('\n');
                    seq = at;
                    if text.len() > PIECE_BYTES {
                        break;
                    }
                }
            }
        }
        if seq == before {
            (section, seq) = (section + 1, 0);
        } else if text.len() > PIECE_BYTES {
            break;
        }
    }
    Ok(FilePiece {
        text,
        next: Section::ALL
            .get(section)
            .map(|part| format!("{}:{seq}", part.name())),
    })
}

/// A project file that is being read, in pieces that end anywhere.
pub(crate) struct Reading {
    project: Rc<Project>,
    name: String,
    /// The beginning of a line whose end has not come yet.
    rest: String,
    has_header: bool,
    line: u32,
    report: ImportReport,
}

impl Reading {
    pub(crate) fn new(project: Rc<Project>, name: &str) -> Self {
        Self {
            project,
            name: name.to_owned(),
            rest: String::new(),
            has_header: false,
            line: 0,
            report: ImportReport {
                kind: "a project saved by Seedbed".to_owned(),
                ..ImportReport::default()
            },
        }
    }

    /// Takes the next piece in; what is whole in it is stored.
    pub(crate) fn push(&mut self, text: &str, now_ms: u64) -> Result<()> {
        let Some(end) = text.rfind('\n') else {
            self.rest.push_str(text);
            return self.bound();
        };
        let mut whole = std::mem::take(&mut self.rest);
        whole.push_str(&text[..=end]);
        text[end + 1..].clone_into(&mut self.rest);
        self.take(&whole, now_ms)?;
        self.bound()
    }

    /// The file is at its end.
    pub(crate) fn finish(mut self, now_ms: u64) -> Result<(Rc<Project>, ImportReport)> {
        let rest = std::mem::take(&mut self.rest);
        self.take(&rest, now_ms)?;
        if !self.has_header {
            return Err(self.bad("the file is empty."));
        }
        Ok((self.project, self.report))
    }

    fn bound(&self) -> Result<()> {
        // The header holds the seed; all other lines are bounded by the border.
        if self.rest.len() > 8 * line::MOST_LINE {
            return Err(self.bad("a line is longer than any that Seedbed writes."));
        }
        Ok(())
    }

    fn bad(&self, why: &str) -> Failure {
        Failure::new(
            FailureKind::Invalid,
            format!("“{}” could not be read: {why}", self.name),
        )
        .next("Take the file as Seedbed saved it.")
    }

    fn take(&mut self, text: &str, now_ms: u64) -> Result<()> {
        let mut lines = Lines::default();
        let mut kept = Vec::new();
        for text in text.lines() {
            self.line += 1;
            let text = text.trim_start_matches('\u{feff}');
            if text.trim().is_empty() {
                continue;
            }
            if !self.has_header {
                if let Err(reason) = self.take_header(text, now_ms)? {
                    self.skip(&reason);
                }
                self.has_header = true;
                continue;
            }
            if Wrapped::written(text).is_some_and(|it| lines.push(&it).is_ok()) {
                continue;
            }
            let read = match Wrapped::found(text) {
                Some(it) => lines.push(&it),
                None => Err("a kind of line that this Seedbed does not know".to_owned()),
            };
            match (line::checked(text), read) {
                // What stands beside it in the line.
                (Ok(_), Ok(())) => kept.push(text),
                (Ok(_), Err(reason)) => {
                    kept.push(text);
                    self.skip(&format!("{reason}; the line is kept for a newer one"));
                }
                (Err(reason), _) => self.skip(&reason),
            }
        }
        let refused = self.project.with(|store| store.keep_lines(&kept))?;
        if refused > 0 {
            self.skip(&format!(
                "no room to keep {refused} of the lines before it that this Seedbed does not understand"
            ));
        }
        let Lines {
            acts,
            records,
            decisions,
        } = lines;
        let (added, known) = self.project.with(|store| {
            store.together(|store| {
                store.merge_instructions(&acts, Origin::File, None)?;
                let added = store.merge_records(&records, None)?;
                store.merge_decisions(&decisions, Origin::File, None)?;
                Ok((added, records.len() as u32 - added))
            })
        })?;
        self.report.rows += added;
        self.report.known += known;
        Ok(())
    }

    /// Tells of a line that is left out.
    fn skip(&mut self, reason: &str) {
        self.report.skipped_total += 1;
        if self.report.skipped.len() < TOLD_PROBLEMS {
            let line = self.line;
            self.report.skipped.push(format!("line {line}: {reason}"));
        }
    }

    /// Takes seed and settings; what of the rest can't be kept is the inner error.
    fn take_header(&self, text: &str, now_ms: u64) -> Result<std::result::Result<(), String>> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| self.bad(&format!("{error}.")))?;
        match value.get(MARK).and_then(Value::as_u64) {
            Some(version) if version <= u64::from(VERSION) => {}
            Some(_) => {
                return Err(
                    self.bad("it was written by a newer Seedbed. Reload the page to get it.")
                );
            }
            None => return Err(self.bad("it does not begin as a saved project does.")),
        }
        let mut header =
            Header::deserialize(&value).map_err(|error| self.bad(&format!("{error}.")))?;
        let seed = (!header.seed.is_null())
            .then(|| Seed::deserialize(&header.seed))
            .transpose()
            .map_err(|error| self.bad(&format!("its seed: {error}.")))?;
        take_settings(
            &self.project,
            seed.as_ref(),
            &header.settings,
            header.endpoint.clone(),
            now_ms,
        )?;
        // The seed keeps its own.
        header.seed = Value::Null;
        self.keep_rest(&value, header)
    }

    fn keep_rest(&self, theirs: &Value, header: Header) -> Result<std::result::Result<(), String>> {
        let ours = serde_json::to_value(&header).map_err(|error| unwritable(&error))?;
        let rest = rest::unknown(theirs, &ours);
        if rest.is_empty() {
            return Ok(Ok(()));
        }
        let before: Option<HeaderRest> = self.project.with(|store| store.get(key::HEADER_REST))?;
        let mut rest = HeaderRest {
            rest,
            endpoint: header.endpoint.map(|mut endpoint| {
                (endpoint.price_in, endpoint.price_out) = (None, None);
                endpoint
            }),
        };
        if let Some(mut before) = before {
            before.rest.remove("endpoint");
            rest::add(&mut rest.rest, before.rest);
        }
        let text = serde_json::to_string(&rest.rest).map_err(|error| unwritable(&error))?;
        if let Err(reason) = line::checked(&text) {
            let reason = format!("what this Seedbed does not understand is not kept: {reason}");
            return Ok(Err(reason));
        }
        self.project
            .with(|store| store.put(key::HEADER_REST, &rest))?;
        Ok(Ok(()))
    }
}

/// Lines of a saved project that were read.
#[derive(Default)]
struct Lines {
    acts: Vec<Line<InstructionAct>>,
    records: Vec<Line<RecordLine>>,
    decisions: Vec<Line<Decision>>,
}

impl Lines {
    fn push(&mut self, wrapped: &Wrapped<'_>) -> std::result::Result<(), String> {
        match wrapped {
            Wrapped::Instruction(text) => self.acts.push(line::instruction(text)?),
            Wrapped::Record(text) => self.records.push(line::record(text)?),
            Wrapped::Decision(text) => self.decisions.push(line::decision(text)?),
        }
        Ok(())
    }
}

/// A line of a saved project without its wrapping.
enum Wrapped<'a> {
    Instruction(&'a str),
    Record(&'a str),
    Decision(&'a str),
}

impl<'a> Wrapped<'a> {
    /// Wherever it stands in the line.
    fn found(line: &'a str) -> Option<Self> {
        let keys: HashMap<&str, &'a RawValue> = serde_json::from_str(line).ok()?;
        let find = |name: &str| keys.get(name).map(|value| value.get());
        let found = find("record").map(Self::Record);
        let found = found.or_else(|| find("decision").map(Self::Decision));
        found.or_else(|| find("instruction").map(Self::Instruction))
    }

    /// As Seedbed writes it.
    fn written(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let inner = |name: &str| {
            line.strip_prefix("{\"")?
                .strip_prefix(name)?
                .strip_prefix("\":")?
                .strip_suffix('}')
        };
        if let Some(text) = inner("record") {
            Some(Self::Record(text))
        } else if let Some(text) = inner("decision") {
            Some(Self::Decision(text))
        } else {
            inner("instruction").map(Self::Instruction)
        }
    }
}

fn take_settings(
    project: &Project,
    seed: Option<&Seed>,
    settings: &RunSettings,
    endpoint: Option<Endpoint>,
    now_ms: u64,
) -> Result<()> {
    project.with(|store| {
        store.together(|store| {
            if let Some(seed) = seed {
                store.save_seed(seed, "", now_ms)?;
            }
            store.put(key::SETTINGS, settings)?;
            if let Some(mut endpoint) = endpoint {
                (endpoint.price_in, endpoint.price_out) = (None, None);
                store.put(key::ENDPOINT, &endpoint)?;
            }
            Ok(())
        })
    })
}

/// A project as a build of format 1 saved it.
#[derive(Deserialize)]
pub(crate) struct OldBundle {
    #[serde(rename = "seedbed_bundle")]
    version: u32,
    seed: Seed,
    #[serde(default)]
    settings: RunSettings,
    #[serde(default)]
    endpoint: Option<Endpoint>,
    #[serde(default)]
    prompts: Vec<Box<RawValue>>,
    #[serde(default)]
    records: Vec<Box<RawValue>>,
    #[serde(default)]
    decisions: Vec<Box<RawValue>>,
}

impl OldBundle {
    /// Reads a file; the error ends with a full stop.
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let bundle: Self = serde_json::from_str(text).map_err(|error| format!("{error}."))?;
        if bundle.version > 1 {
            return Err("it was written by a newer Seedbed. Reload the page to get it.".to_owned());
        }
        Ok(bundle)
    }
}

/// Puts a project of format 1 into another by union.
pub(crate) fn take_old(
    project: &Project,
    bundle: &OldBundle,
    report: &mut ImportReport,
    now_ms: u64,
) -> Result<()> {
    take_settings(
        project,
        Some(&bundle.seed),
        &bundle.settings,
        bundle.endpoint.clone(),
        now_ms,
    )?;
    let mut read = |what: &str, at: usize, reason: String| {
        report.skipped_total += 1;
        if report.skipped.len() < TOLD_PROBLEMS {
            report.skipped.push(format!("{what} {}: {reason}", at + 1));
        }
    };
    let mut prompts = Vec::new();
    for (at, text) in bundle.prompts.iter().enumerate() {
        match line::prompt(text.get()) {
            Ok(line) => prompts.push(line),
            Err(reason) => read("instruction", at, reason),
        }
    }
    let mut records: Vec<Line<RecordLine>> = Vec::new();
    for (at, text) in bundle.records.iter().enumerate() {
        match line::record(text.get()) {
            Ok(line) => records.push(line),
            Err(reason) => read("record", at, reason),
        }
    }
    let mut decisions: Vec<Line<Decision>> = Vec::new();
    for (at, text) in bundle.decisions.iter().enumerate() {
        match line::decision(text.get()) {
            Ok(line) => decisions.push(line),
            Err(reason) => read("decision", at, reason),
        }
    }
    let added = project.with(|store| {
        store.merge_instructions(&prompts, Origin::File, None)?;
        let added = store.merge_records(&records, None)?;
        store.merge_decisions(&decisions, Origin::File, None)?;
        Ok(added)
    })?;
    report.rows += added;
    report.known += records.len() as u32 - added;
    Ok(())
}

/// Accepted rows, one JSON object a line, as in the published table.
pub(crate) fn accepted_piece(project: &Project, after: Option<&str>) -> Result<FilePiece> {
    let seq = seq_of(after)?;
    let (rows, next) = project.with(|store| store.accepted_rows(seq, WINDOW))?;
    let mut text = String::new();
    for row in &rows {
        push_line(&mut text, row)?;
    }
    Ok(FilePiece {
        text,
        next: next.map(|seq| seq.to_string()),
    })
}

/// All records with their state, one JSON object a line.
pub(crate) fn record_piece(
    project: &Project,
    writer: &str,
    after: Option<&str>,
) -> Result<FilePiece> {
    let seq = seq_of(after)?;
    let rows = project.with(|store| store.records_after(seq, WINDOW))?;
    let mut text = String::new();
    let mut last = None;
    for (seq, _) in &rows {
        if text.len() > PIECE_BYTES {
            break;
        }
        last = Some(*seq);
        let Some(view) = project.with(|store| store.record_at(*seq, writer))? else {
            continue;
        };
        let record = &view.record;
        let mut responses: Vec<_> = view
            .others
            .iter()
            .map(|other| json!({"reviewer": other.name, "response": other.response}))
            .collect();
        responses.extend(
            view.mine
                .as_ref()
                .map(|mine| json!({"reviewer": writer, "response": mine})),
        );
        let reasoning = Some(&record.reasoning).filter(|thought| !thought.is_empty());
        let mut line = json!({
            "id": record.id, "instruction": record.instruction(), "response": record.fields.words(RESPONSE),
            "reasoning": reasoning,
            "topic": record.cell.topic, "perspective": record.cell.perspective,
            "model": record.provenance.model, "state": view.state, "is_stale": view.is_stale,
            "responses": responses, "provenance": record.provenance,
        });
        if let Some(turns) = record.fields.turns(RESPONSE) {
            line["messages"] = json!(turns::messages(&turns));
        }
        push_line(&mut text, &line)?;
    }
    Ok(FilePiece {
        text,
        next: last.map(|seq| seq.to_string()),
    })
}

fn seq_of(after: Option<&str>) -> Result<u64> {
    after.map_or(Ok(0), |at| {
        at.parse()
            .map_err(|_number| Failure::new(FailureKind::Invalid, "This is no place in a file."))
    })
}

pub(crate) fn push_line(text: &mut String, value: &impl Serialize) -> Result<()> {
    text.push_str(&serde_json::to_string(value).map_err(|error| unwritable(&error))?);
    text.push('\n');
    Ok(())
}

pub(crate) fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new(FailureKind::Internal, "The file could not be written.")
        .means("Nothing was changed.")
        .detail(error.to_string())
}
