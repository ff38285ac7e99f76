//! Opens a table of any format and says what it looks like.

use crate::delimited::{Delimited, Dialect, Escape, Header};
use crate::encoding::{
    Certainty, Damage, Decoder, Encoding, Found, Losses, Mender, Refusal, Scan, TextFile, Verdict,
};
use crate::guess::{self, SAMPLE_ROWS};
use crate::json::{self, Known, Layout};
use crate::parquet::{self, Footer, ParquetError};
use crate::places::Places;
use crate::source::{Source, SourceError};
use crate::structure::structured;
use crate::table::{Fault, Item, Row, Rows as _};
use seedbed_core::import::{
    Choice, ColumnKind, ColumnLook, DamageLook, EncodingLook, EncodingName, Format, Look, PartLook,
    Seen,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// Bytes that are read at a time.
pub(crate) const PIECE: u64 = 1 << 20;
/// Bytes of a text by which its layout is told.
const HEAD: u64 = 2 << 20;
/// Bytes of an example.
const EXAMPLE_CHARS: usize = 80;

/// Why a file can't be opened as a table.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its bytes could not be read.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// No text, or none that can be read.
    #[error("{0}")]
    Refused(Refusal),
    /// Parquet that can't be read.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// JSON that can't be read.
    #[error("{0}")]
    Json(json::Refusal),
    /// A file of ours that is no table.
    #[error("{0:?}")]
    Known(Known),
    /// No row in it.
    #[error("There is no row in it.")]
    NoRows {
        /// The first rows that could not be read.
        faults: Vec<Fault>,
    },
}

/// What is known of a file besides its bytes.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its name, for its ending.
    pub name: String,
    /// The person's language, which helps to guess the encoding.
    pub language: Option<String>,
    /// Read at most so many bytes to tell the encoding; all where it costs nothing.
    pub most_scanned: Option<u64>,
}

/// A text: how it is decoded and split.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) encoding: Encoding,
    pub(crate) mender: Option<Mender>,
    pub(crate) layout: TextLayout,
}

#[derive(Clone)]
pub(crate) enum TextLayout {
    Delimited(Dialect),
    Json(Layout),
}

#[derive(Clone)]
pub(crate) enum Kind {
    Text(Text),
    Parquet(Rc<Footer>),
}

/// An opened table.
pub struct Table {
    pub(crate) source: Rc<dyn Source>,
    pub(crate) kind: Kind,
    /// The first rows.
    pub(crate) sample: Vec<Row>,
    pub(crate) columns: Vec<String>,
    look: Look,
}

/// The beginning of a text in rows.
struct Sample {
    columns: Vec<String>,
    rows: Vec<Row>,
    faults: Vec<Fault>,
    parts: Vec<PartLook>,
    is_whole: bool,
    losses: Losses,
    notes: Vec<String>,
    refusal: Option<json::Refusal>,
}

/// What reads a text, whatever its layout.
pub(crate) enum TextRows {
    Delimited(Delimited),
    Json(json::Reader),
}

impl TextRows {
    pub(crate) fn new(layout: &TextLayout, parts: &[String]) -> Self {
        match layout {
            TextLayout::Delimited(dialect) => Self::Delimited(Delimited::new(dialect.clone())),
            TextLayout::Json(layout) => {
                let mut reader = json::Reader::new(layout);
                if !parts.is_empty() {
                    reader.choose(parts.iter().cloned());
                }
                Self::Json(reader)
            }
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        match self {
            Self::Delimited(rows) => rows.push(text),
            Self::Json(rows) => rows.push(text),
        }
    }

    pub(crate) fn end(&mut self) {
        match self {
            Self::Delimited(rows) => rows.end(),
            Self::Json(rows) => rows.end(),
        }
    }

    pub(crate) fn next(&mut self) -> Option<Item> {
        match self {
            Self::Delimited(rows) => rows.next(),
            Self::Json(rows) => rows.next(),
        }
    }

    pub(crate) fn columns(&self) -> &[String] {
        match self {
            Self::Delimited(rows) => rows.columns(),
            Self::Json(rows) => rows.columns(),
        }
    }

    fn parts(&self) -> Vec<PartLook> {
        match self {
            Self::Json(rows) if rows.parts().len() > 1 => rows
                .parts()
                .iter()
                .map(|part| PartLook {
                    name: part.name.clone(),
                    rows: Some(part.rows),
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn refusal(&self) -> Option<json::Refusal> {
        match self {
            Self::Json(rows) => rows.refusal().cloned(),
            Self::Delimited(_) => None,
        }
    }

    /// What a person should know of what was read.
    pub(crate) fn notes(&self) -> Vec<String> {
        match self {
            Self::Delimited(rows) => delimited_notes(rows),
            Self::Json(rows) => json_notes(rows),
        }
    }
}

fn lines_of(places: &Places) -> String {
    let lines: Vec<String> = places.lines.iter().take(3).map(u64::to_string).collect();
    let more = if places.count as usize > lines.len() {
        " …"
    } else {
        ""
    };
    format!("line {}{more}", lines.join(", "))
}

fn delimited_notes(rows: &Delimited) -> Vec<String> {
    let notes = rows.notes();
    let mut told = Vec::new();
    if !notes.unclosed.is_empty() {
        told.push(format!(
            "A quotation mark is never closed ({}); the rows behind it were read for themselves.",
            lines_of(&notes.unclosed)
        ));
    }
    if !notes.repeated_header.is_empty() {
        told.push(format!(
            "The names of the columns stand among the rows again ({}): left out.",
            lines_of(&notes.repeated_header)
        ));
    }
    if notes.nulls > 0 {
        told.push(format!(
            "{} cells that only say that there is nothing (nan, None, null, NA) were read as empty.",
            notes.nulls
        ));
    }
    told
}

fn json_notes(rows: &json::Reader) -> Vec<String> {
    let counts = rows.counts();
    let mut told = Vec::new();
    if let Some(line) = rows.torn() {
        told.push(format!(
            "The file ends in the middle (line {line}): it was cut, and rows are missing."
        ));
    }
    if counts.not_numbers > 0 {
        told.push(format!(
            "{} numbers that are none (NaN, Infinity) were read as empty.",
            counts.not_numbers
        ));
    }
    if counts.lone_halves > 0 {
        told.push(format!(
            "{} halves of letters (surrogates) without their other half were left out.",
            counts.lone_halves
        ));
    }
    for path in rows.passed_over() {
        told.push(format!("The list `{path}` was not taken for rows."));
    }
    told
}

impl Table {
    /// Opens a file. `choice` is what a person said of how to read it, `progress` hears how many bytes were looked at.
    ///
    /// # Errors
    /// [`OpenError`] when there is nothing that could be rows.
    pub async fn open(
        source: Rc<dyn Source>,
        about: &About,
        choice: &Choice,
        progress: &dyn Fn(u64),
    ) -> Result<Self, OpenError> {
        // Of Parquet, only what is needed is read.
        let magic = source.read(0..source.size().min(4)).await?;
        if magic == b"PAR1" || is_named(&about.name, "parquet") && !magic.is_empty() {
            return Self::open_parquet(source, about).await;
        }
        let scanned = source.size().min(about.most_scanned.unwrap_or(u64::MAX));
        let mut scan = Scan::new(about.language.as_deref());
        for range in pieces(0..scanned) {
            scan.push(&source.read(range.clone()).await?);
            progress(range.end);
        }
        match scan.finish() {
            Found::Text(file) => Self::open_text(source, about, choice, &file).await,
            Found::Parquet => Self::open_parquet(source, about).await,
            Found::Refused(refusal) => Err(OpenError::Refused(refusal)),
        }
    }

    async fn open_text(
        source: Rc<dyn Source>,
        about: &About,
        choice: &Choice,
        file: &TextFile,
    ) -> Result<Self, OpenError> {
        let chosen = choice.encoding.as_deref().and_then(Encoding::by_name);
        let encoding = chosen.unwrap_or(file.encoding);
        let head = source.read(0..source.size().min(HEAD)).await?;
        let is_all = head.len() as u64 == source.size();
        let mut decoder = Decoder::new(encoding);
        let mut beginning = decoder.push(&head);
        if is_all {
            beginning.push_str(&decoder.end());
        }
        let mut layout = layout_of(&beginning, &about.name);
        if let TextLayout::Json(Layout::Other(known)) = &layout {
            return Err(OpenError::Known(*known));
        }
        let mut is_header_doubtful = false;
        if let TextLayout::Delimited(dialect) = &mut layout {
            is_header_doubtful = dialect.header == Header::Ask;
            match choice.has_header {
                Some(true) => dialect.header = Header::Yes,
                Some(false) => dialect.header = Header::No,
                None => {}
            }
            dialect.null_words = !choice.keeps_null_words;
        }
        let sample = Sample::read(&source, encoding, &layout).await?;
        if let Some(refusal) = sample.refusal {
            return Err(OpenError::Json(refusal));
        }
        if sample.rows.is_empty() {
            return Err(OpenError::NoRows {
                faults: sample.faults,
            });
        }
        let (mender, damage) = damage_of(&sample.rows, choice.mends);
        let mut rows = sample.rows;
        if let Some(mender) = &mender {
            for row in &mut rows {
                mend(row, mender);
            }
        }
        let mut table = Self {
            look: Look {
                table: 0,
                name: about.name.clone(),
                bytes: source.size(),
                format: format_of(&layout),
                encoding: Some(encoding_look(file, encoding)),
                header: match &layout {
                    TextLayout::Delimited(dialect) => Some(dialect.header == Header::Yes),
                    TextLayout::Json(_) => None,
                },
                is_header_doubtful: is_header_doubtful && choice.has_header.is_none(),
                parts: sample.parts,
                columns: Vec::new(),
                mapping: seedbed_core::import::Mapping::default(),
                is_sure: false,
                fingerprint: String::new(),
                rows: sample.is_whole.then_some(rows.len() as u64),
                damage,
                lost: seen(&sample.losses.earlier),
                notes: sample.notes,
            },
            kind: Kind::Text(Text {
                encoding,
                mender,
                layout: layout.clone(),
            }),
            source,
            sample: rows,
            columns: sample.columns,
        };
        let index = match &layout {
            TextLayout::Delimited(dialect) => dialect.index.clone(),
            TextLayout::Json(_) => Vec::new(),
        };
        table.judge(&index);
        // What a person has to look at is a question, however clear the columns are.
        table.look.is_sure &= !table.look.is_header_doubtful
            && table
                .look
                .encoding
                .as_ref()
                .is_none_or(|encoding| encoding.is_certain || chosen.is_some())
            && table
                .look
                .damage
                .as_ref()
                .is_none_or(|damage| damage.is_certain || choice.mends.is_some())
            && table.look.parts.is_empty();
        Ok(table)
    }

    async fn open_parquet(source: Rc<dyn Source>, about: &About) -> Result<Self, OpenError> {
        let footer = Rc::new(Footer::read(&*source).await?);
        let columns: Vec<usize> = (0..footer.columns().len()).collect();
        let readable: Vec<usize> = columns
            .iter()
            .copied()
            .filter(|at| {
                footer
                    .columns()
                    .get(*at)
                    .is_some_and(|column| !is_left_out(column))
            })
            .collect();
        let plan = footer
            .plan(&*source, &readable, 0..SAMPLE_ROWS as u64)
            .await?;
        let mut reader = parquet::Reader::open(Rc::clone(&source), Rc::clone(&footer), plan);
        let mut sample = Vec::new();
        while let Some(rows) = reader.next().await? {
            sample.extend(rows);
        }
        if sample.is_empty() {
            return Err(OpenError::NoRows { faults: Vec::new() });
        }
        let names: Vec<String> = readable
            .iter()
            .filter_map(|at| footer.columns().get(*at))
            .map(|column| column.name.clone())
            .collect();
        let left_out: Vec<String> = footer
            .columns()
            .iter()
            .filter(|column| is_left_out(column))
            .filter_map(|column| Some(format!("`{}` is left out: {}.", column.name, column.note?)))
            .collect();
        let mut table = Self {
            look: Look {
                table: 0,
                name: about.name.clone(),
                bytes: source.size(),
                format: Format::Parquet {
                    groups: footer.groups().len() as u32,
                },
                encoding: None,
                header: None,
                is_header_doubtful: false,
                parts: Vec::new(),
                columns: Vec::new(),
                mapping: seedbed_core::import::Mapping::default(),
                is_sure: false,
                fingerprint: String::new(),
                rows: Some(footer.rows()),
                damage: None,
                lost: Seen::default(),
                notes: left_out,
            },
            kind: Kind::Parquet(footer),
            source,
            sample,
            columns: names,
        };
        table.judge(&[]);
        Ok(table)
    }

    /// What it looks like.
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// Describes the columns and guesses what they are for.
    fn judge(&mut self, index: &[usize]) {
        let visible: Vec<usize> = (0..self.columns.len())
            .filter(|column| !index.contains(column))
            .collect();
        let names: Vec<String> = visible
            .iter()
            .filter_map(|column| self.columns.get(*column).cloned())
            .collect();
        let rows: Vec<Row> = self
            .sample
            .iter()
            .take(SAMPLE_ROWS)
            .map(|row| Row {
                number: row.number,
                cells: visible
                    .iter()
                    .map(|column| row.cells.get(*column).cloned().unwrap_or_default())
                    .collect(),
            })
            .collect();
        let guessed = guess::guess(&names, &rows);
        self.look.mapping = guessed.mapping;
        self.look.is_sure = guessed.is_sure;
        self.look.columns = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, name)| column_look(name, at, &self.sample, index.contains(&at)))
            .collect();
        let kinds: Vec<(&str, ColumnKind)> = self
            .look
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.kind))
            .collect();
        self.look.fingerprint = seedbed_core::id::content_id(&kinds);
    }
}

fn is_left_out(column: &parquet::Column) -> bool {
    matches!(column.kind, parquet::Kind::Media | parquet::Kind::Nothing)
        || column.name.starts_with("__index_level_")
}

impl Sample {
    async fn read(
        source: &Rc<dyn Source>,
        encoding: Encoding,
        layout: &TextLayout,
    ) -> Result<Self, OpenError> {
        let mut decoder = Decoder::new(encoding);
        let mut rows = TextRows::new(layout, &[]);
        let mut sample = Self {
            columns: Vec::new(),
            rows: Vec::new(),
            faults: Vec::new(),
            parts: Vec::new(),
            is_whole: false,
            losses: Losses::default(),
            notes: Vec::new(),
            refusal: None,
        };
        // A layout that is held whole gives its rows at the end only; its own bound ends it.
        let most = match layout {
            TextLayout::Json(Layout::ByColumn { .. }) => u64::MAX,
            _ => 8 * HEAD,
        };
        for range in pieces(0..source.size()) {
            let end = range.end;
            rows.push(&decoder.push(&source.read(range).await?));
            let is_last = end == source.size();
            if is_last {
                rows.push(&decoder.end());
                rows.end();
            }
            let enough = sample.take(&mut rows);
            if rows.refusal().is_some() || is_last {
                sample.is_whole = is_last && !enough;
                break;
            }
            if enough || end >= most {
                break;
            }
        }
        sample.columns = rows.columns().to_vec();
        sample.parts = rows.parts();
        if !sample.is_whole {
            sample.parts.iter_mut().for_each(|part| part.rows = None);
        }
        sample.losses = decoder.losses().clone();
        sample.notes = rows.notes();
        sample.refusal = rows.refusal().filter(|_| sample.rows.is_empty());
        Ok(sample)
    }

    /// Takes what is there; `true` when there is more than is wanted.
    fn take(&mut self, rows: &mut TextRows) -> bool {
        while let Some(item) = rows.next() {
            match item {
                Item::Row(_) if self.rows.len() >= 5 * SAMPLE_ROWS => return true,
                Item::Row(row) => self.rows.push(row),
                Item::Fault(fault) if self.faults.len() < Places::KEPT => self.faults.push(fault),
                Item::Fault(_) => {}
            }
        }
        false
    }
}

/// Ranges of [`PIECE`] bytes.
pub(crate) fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range
        .step_by(PIECE as usize)
        .map(move |from| from..end.min(from + PIECE))
}

fn is_named(name: &str, ending: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, own)| own.eq_ignore_ascii_case(ending))
}

/// JSON by the ending or the first character, else a table of lines.
fn layout_of(beginning: &str, name: &str) -> TextLayout {
    let starts_like_json = beginning
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['{', '[']);
    let has = |endings: &[&str]| endings.iter().any(|ending| is_named(name, ending));
    let is_table = has(&["csv", "tsv", "tab", "psv"]);
    let is_json = has(&["json", "jsonl", "ndjson"]);
    if starts_like_json && !is_table || is_json {
        TextLayout::Json(json::sniff(beginning))
    } else {
        TextLayout::Delimited(Dialect::sniff(beginning, name))
    }
}

fn format_of(layout: &TextLayout) -> Format {
    match layout {
        TextLayout::Delimited(dialect) => Format::Delimited {
            delimiter: dialect.delimiter,
            has_backslashes: dialect.escape != Escape::Doubled,
        },
        TextLayout::Json(layout) => Format::Json {
            layout: layout.to_string(),
        },
    }
}

fn encoding_name(encoding: Encoding) -> EncodingName {
    EncodingName {
        name: encoding.name().to_owned(),
        label: encoding.label().to_owned(),
    }
}

fn encoding_look(file: &TextFile, used: Encoding) -> EncodingLook {
    let others = std::iter::once(file.encoding)
        .chain(file.alternatives.iter().copied())
        .filter(|other| *other != used)
        .map(encoding_name)
        .collect();
    EncodingLook {
        used: encoding_name(used),
        is_certain: file.certainty == Certainty::Certain,
        others,
        lines: file
            .preview(used)
            .into_iter()
            .map(|line| (line.line, line.text))
            .collect(),
    }
}

pub(crate) fn seen(places: &Places) -> Seen {
    Seen {
        count: places.count,
        first: places.lines.clone(),
    }
}

/// What mends the texts of a file, if anything does, and what to show of it.
fn damage_of(rows: &[Row], wish: Option<bool>) -> (Option<Mender>, Option<DamageLook>) {
    let mut damage = Damage::default();
    for row in rows {
        for cell in &row.cells {
            each_text(cell, &mut |text| damage.see(text, row.number));
        }
    }
    let (mender, is_certain) = match damage.verdict() {
        Verdict::Sound => return (None, None),
        Verdict::Certain(mender) => (mender, true),
        Verdict::Ask(mender) => (mender, false),
    };
    let is_mended = wish.unwrap_or(is_certain);
    let mut example = None;
    for row in rows {
        for cell in &row.cells {
            each_text(cell, &mut |text| {
                if example.is_none()
                    && let Some(mended) = mender.mend(text)
                {
                    example = Some((clip(text), clip(&mended)));
                }
            });
        }
    }
    let (before, after) = example.unwrap_or_default();
    let look = DamageLook {
        seen: seen(mender.seen()),
        is_certain,
        is_mended,
        before,
        after,
    };
    (is_mended.then_some(mender), Some(look))
}

/// Every text in a cell.
fn each_text(cell: &Value, see: &mut dyn FnMut(&str)) {
    match cell {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, see)),
        Value::Object(object) => object.values().for_each(|value| each_text(value, see)),
        _ => {}
    }
}

/// Mends the texts of a row.
pub(crate) fn mend(row: &mut Row, mender: &Mender) {
    fn mend_cell(cell: &mut Value, mender: &Mender) {
        match cell {
            Value::String(text) => {
                if let Some(mended) = mender.mend(text) {
                    *text = mended;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| mend_cell(item, mender)),
            Value::Object(object) => {
                object
                    .values_mut()
                    .for_each(|value| mend_cell(value, mender));
            }
            _ => {}
        }
    }
    row.cells
        .iter_mut()
        .for_each(|cell| mend_cell(cell, mender));
}

fn clip(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut clipped: String = line.chars().take(EXAMPLE_CHARS).collect();
    if clipped.len() < line.len() {
        clipped.push('…');
    }
    clipped
}

fn column_look(name: &str, at: usize, rows: &[Row], is_index: bool) -> ColumnLook {
    let mut counts: BTreeMap<u8, (usize, ColumnKind)> = BTreeMap::new();
    let mut filled = 0;
    let mut example = String::new();
    let sample = rows.iter().take(SAMPLE_ROWS);
    let total = sample.len().max(1);
    for row in sample {
        let cell = row.cells.get(at).unwrap_or(&Value::Null);
        let kind = kind_of(cell);
        if kind == ColumnKind::Empty {
            continue;
        }
        filled += 1;
        if example.is_empty() {
            example = match cell {
                Value::String(text) => clip(text),
                value => clip(&value.to_string()),
            };
        }
        counts.entry(kind as u8).or_insert((0, kind)).0 += 1;
    }
    ColumnLook {
        name: name.to_owned(),
        kind: counts
            .values()
            .max_by_key(|(count, _)| *count)
            .map_or(ColumnKind::Empty, |(_, kind)| *kind),
        example,
        filled: (filled * 100 / total) as u8,
        is_index,
    }
}

fn kind_of(cell: &Value) -> ColumnKind {
    match &*structured(cell) {
        Value::Null => ColumnKind::Empty,
        Value::String(text) if text.trim().is_empty() => ColumnKind::Empty,
        Value::String(text) if text.trim().parse::<f64>().is_ok() => ColumnKind::Number,
        Value::String(_) => ColumnKind::Text,
        Value::Number(_) => ColumnKind::Number,
        Value::Bool(_) => ColumnKind::Bool,
        value if guess::is_conversation(value) => ColumnKind::Conversation,
        Value::Array(_) => ColumnKind::List,
        Value::Object(_) => ColumnKind::Object,
    }
}
