//! The published table as Parquet: the columns of [`seedbed_core::row::COLUMNS`], as trainers and the viewer take them.
//!
//! Written by column, without Arrow. `messages` is the three-level list that the format asks for. The key `huggingface`
//! in the metadata names the features for Python's `datasets`. Row groups are small and pages are indexed, so that the
//! viewer reads only what it shows, and an edit changes the bytes of its own row group only.

#[cfg(any(test, feature = "read"))]
mod reading;
#[cfg(any(test, feature = "read"))]
pub use reading::read;

use bytes::BytesMut;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use seedbed_core::model::Role;
use seedbed_core::row::TableRow;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Rows of a row group: small enough for the viewer to read one.
const GROUP_ROWS: usize = 20_000;
/// Text of a row group in bytes, for long answers: what waits here lies in the worker's memory twice.
const GROUP_BYTES: usize = 16 << 20;
/// Columns whose texts hardly repeat: a dictionary of them is work for nothing.
const UNIQUE_TEXTS: [&[&str]; 4] = [
    &["id"],
    &["instruction"],
    &["response"],
    &["messages", "list", "element", "content"],
];

/// Why a table could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// What the format's library said.
    #[error("the table could not be written: {0}")]
    Parquet(#[from] ParquetError),
    /// A column is missing or of another type.
    #[error("column `{0}` is not as expected")]
    Column(String),
    /// An earlier call failed, and was answered with the reason.
    #[error("the table was given up after an earlier error")]
    Unusable,
}

/// Result of writing or reading a table.
pub type Result<T> = std::result::Result<T, TableError>;

const SCHEMA: &str = "
message schema {
  required binary id (STRING);
  required binary instruction (STRING);
  required binary response (STRING);
  required binary topic (STRING);
  required binary perspective (STRING);
  required binary model (STRING);
  required binary quality (STRING);
  required int32 rating_count;
  required boolean edited;
  required binary seed_hash (STRING);
  required binary prompt_version (STRING);
  required group messages (LIST) {
    repeated group list {
      required group element {
        required binary role (STRING);
        required binary content (STRING);
      }
    }
  }
}
";

/// The features as `datasets` writes them. The list is in the older spelling, which every version reads.
fn features() -> String {
    let text = json!({"dtype": "string", "_type": "Value"});
    let mut features = Map::new();
    for name in seedbed_core::row::COLUMNS {
        let feature = match name {
            "rating_count" => json!({"dtype": "int32", "_type": "Value"}),
            "edited" => json!({"dtype": "bool", "_type": "Value"}),
            "messages" => json!([{"role": text, "content": text}]),
            _ => text.clone(),
        };
        features.insert(name.to_owned(), feature);
    }
    json!({"info": {"features": Value::Object(features)}}).to_string()
}

/// The texts of a column, end to end: one allocation, not one for each.
#[derive(Default)]
struct Texts {
    bytes: BytesMut,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// The values, which share the buffer; empty afterwards. When they are gone the buffer is used again.
    fn take(&mut self) -> Vec<ByteArray> {
        let bytes = self.bytes.split().freeze();
        let mut start = 0;
        self.ends
            .drain(..)
            .map(|end| ByteArray::from(bytes.slice(std::mem::replace(&mut start, end)..end)))
            .collect()
    }
}

/// Rows on their way into a row group, by column.
#[derive(Default)]
struct Columns {
    /// The texts before and after the two columns of other types, in the order of the schema.
    texts: [Texts; 9],
    rating_counts: Vec<i32>,
    edited: Vec<bool>,
    roles: Texts,
    contents: Texts,
    /// An empty list is one entry of level 0 without a value; the first of a list repeats at level 0.
    defined: Vec<i16>,
    repeated: Vec<i16>,
}

impl Columns {
    fn push(&mut self, row: &TableRow) {
        let texts = [
            &row.id,
            &row.instruction,
            &row.response,
            &row.topic,
            &row.perspective,
            &row.model,
            &row.quality,
            &row.seed_hash,
            &row.prompt_version,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text);
        }
        self.rating_counts.push(row.rating_count);
        self.edited.push(row.edited);
        if row.messages.is_empty() {
            self.defined.push(0);
            self.repeated.push(0);
        }
        for (at, message) in row.messages.iter().enumerate() {
            self.defined.push(1);
            self.repeated.push(i16::from(at > 0));
            self.roles.push(role(message.role));
            self.contents.push(&message.content);
        }
    }

    fn is_full(&self) -> bool {
        let texts: usize = self.texts.iter().map(|texts| texts.bytes.len()).sum();
        self.edited.len() >= GROUP_ROWS || texts + self.contents.bytes.len() >= GROUP_BYTES
    }

    /// Writes what waits as one row group; empty afterwards.
    fn write(&mut self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<()> {
        let mut group = file.next_row_group()?;
        let [texts @ .., seed_hash, prompt_version] = &mut self.texts;
        for column in texts {
            write_texts(&mut group, column, None)?;
        }
        if let Some(mut column) = group.next_column()? {
            let values = std::mem::take(&mut self.rating_counts);
            let column_writer = column.typed::<Int32Type>();
            column_writer.write_batch(&values, None, None)?;
            column.close()?;
        }
        if let Some(mut column) = group.next_column()? {
            let values = std::mem::take(&mut self.edited);
            let column_writer = column.typed::<BoolType>();
            column_writer.write_batch(&values, None, None)?;
            column.close()?;
        }
        write_texts(&mut group, seed_hash, None)?;
        write_texts(&mut group, prompt_version, None)?;
        let (defined, repeated) = (
            std::mem::take(&mut self.defined),
            std::mem::take(&mut self.repeated),
        );
        let levels = Some((defined.as_slice(), repeated.as_slice()));
        write_texts(&mut group, &mut self.roles, levels)?;
        write_texts(&mut group, &mut self.contents, levels)?;
        group.close()?;
        Ok(())
    }
}

type Group<'a> = parquet::file::writer::SerializedRowGroupWriter<'a, Vec<u8>>;

fn write_texts(
    group: &mut Group<'_>,
    texts: &mut Texts,
    levels: Option<(&[i16], &[i16])>,
) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(
            &texts.take(),
            levels.map(|(defined, _)| defined),
            levels.map(|(_, repeated)| repeated),
        )?;
        column.close()?;
    }
    Ok(())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Writes rows as they come.
pub struct TableWriter {
    waiting: Columns,
    /// Or why there is none, until it was told.
    writer: std::result::Result<SerializedFileWriter<Vec<u8>>, Option<TableError>>,
}

impl Default for TableWriter {
    fn default() -> Self {
        Self::new()
    }
}

fn start() -> Result<SerializedFileWriter<Vec<u8>>> {
    let schema = parse_message_type(SCHEMA)?;
    let mut properties = WriterProperties::builder()
        .set_created_by("seedbed".to_owned())
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "huggingface".to_owned(),
            features(),
        )]));
    for path in UNIQUE_TEXTS {
        let path = ColumnPath::from(path.iter().map(|&part| part.to_owned()).collect::<Vec<_>>());
        properties = properties.set_column_dictionary_enabled(path, false);
    }
    Ok(SerializedFileWriter::new(
        Vec::new(),
        Arc::new(schema),
        Arc::new(properties.build()),
    )?)
}

impl TableWriter {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            waiting: Columns::default(),
            writer: start().map_err(Some),
        }
    }

    /// Appends rows.
    ///
    /// # Errors
    /// [`TableError`] of the format's library; the table is then unusable.
    pub fn push(&mut self, rows: &[TableRow]) -> Result<()> {
        for row in rows {
            self.waiting.push(row);
            if self.waiting.is_full() {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// The bytes of the file that are written since the last call, for whoever keeps them elsewhere. All that were taken,
    /// with those of [`TableWriter::finish`] after them, are the file.
    ///
    /// # Errors
    /// [`TableError`] of the format's library; the table is then unusable.
    pub fn take(&mut self) -> Result<Vec<u8>> {
        let Ok(writer) = &mut self.writer else {
            return Ok(Vec::new());
        };
        writer.flush().map_err(ParquetError::from)?;
        Ok(std::mem::take(writer.inner_mut()))
    }

    fn flush(&mut self) -> Result<()> {
        let written = match &mut self.writer {
            Ok(writer) => self.waiting.write(writer),
            Err(why) => Err(why.take().unwrap_or(TableError::Unusable)),
        };
        if written.is_err() {
            self.writer = Err(None);
        }
        written
    }

    /// The file, or what was not taken of it.
    ///
    /// # Errors
    /// [`TableError`] of the format's library.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if !self.waiting.edited.is_empty() {
            self.flush()?;
        }
        match self.writer {
            Ok(writer) => Ok(writer.into_inner()?),
            Err(why) => Err(why.unwrap_or(TableError::Unusable)),
        }
    }
}
