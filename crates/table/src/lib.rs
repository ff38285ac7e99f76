//! The published table as Parquet: the columns of [`seedbed_core::row::COLUMNS`], as trainers and the viewer take them.
//!
//! Written by column, without Arrow. `messages` is the three-level list that the format asks for. The key `huggingface`
//! in the metadata names the features for Python's `datasets`. Pages are cut where the content says so, and indexed: after
//! an edit most pages stay the same bytes, and the viewer can read single pages.

#[cfg(any(test, feature = "read"))]
mod reading;
#[cfg(any(test, feature = "read"))]
pub use reading::read;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{CdcOptions, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use seedbed_core::row::TableRow;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Rows of a row group: small enough for the viewer to read one.
const GROUP_ROWS: usize = 20_000;

/// Why a table could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// What the format's library said.
    #[error("the table could not be written: {0}")]
    Parquet(#[from] ParquetError),
    /// A column is missing or of another type.
    #[error("column `{0}` is not as expected")]
    Column(String),
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

/// Writes rows as they come.
pub struct TableWriter {
    waiting: Vec<TableRow>,
    writer: Option<SerializedFileWriter<Vec<u8>>>,
    error: Option<TableError>,
}

impl Default for TableWriter {
    fn default() -> Self {
        Self::new()
    }
}

fn start() -> Result<SerializedFileWriter<Vec<u8>>> {
    let schema = parse_message_type(SCHEMA)?;
    let properties = WriterProperties::builder()
        .set_created_by("seedbed".to_owned())
        .set_compression(Compression::SNAPPY)
        .set_content_defined_chunking(Some(CdcOptions::default()))
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "huggingface".to_owned(),
            features(),
        )]))
        .build();
    Ok(SerializedFileWriter::new(
        Vec::new(),
        Arc::new(schema),
        Arc::new(properties),
    )?)
}

impl TableWriter {
    /// An empty table.
    pub fn new() -> Self {
        let (writer, error) = match start() {
            Ok(writer) => (Some(writer), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            waiting: Vec::new(),
            writer,
            error,
        }
    }

    /// Appends rows.
    ///
    /// # Errors
    /// [`TableError`] of the format's library; the table is then unusable.
    pub fn push(&mut self, rows: &[TableRow]) -> Result<()> {
        for chunk in rows.chunks(GROUP_ROWS) {
            self.waiting.extend_from_slice(chunk);
            if self.waiting.len() >= GROUP_ROWS {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut SerializedFileWriter<Vec<u8>>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| TableError::Column("all".to_owned()))
    }

    /// Writes the waiting rows as one row group.
    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        let mut group = self.writer()?.next_row_group()?;
        let texts: [fn(&TableRow) -> &str; 7] = [
            |row| &row.id,
            |row| &row.instruction,
            |row| &row.response,
            |row| &row.topic,
            |row| &row.perspective,
            |row| &row.model,
            |row| &row.quality,
        ];
        // In the order of the schema.
        for text in texts {
            write_texts(&mut group, rows.iter().map(text), None)?;
        }
        if let Some(mut column) = group.next_column()? {
            let values: Vec<i32> = rows.iter().map(|row| row.rating_count).collect();
            column
                .typed::<Int32Type>()
                .write_batch(&values, None, None)?;
            column.close()?;
        }
        if let Some(mut column) = group.next_column()? {
            let values: Vec<bool> = rows.iter().map(|row| row.edited).collect();
            column
                .typed::<BoolType>()
                .write_batch(&values, None, None)?;
            column.close()?;
        }
        write_texts(
            &mut group,
            rows.iter().map(|row| row.seed_hash.as_str()),
            None,
        )?;
        write_texts(
            &mut group,
            rows.iter().map(|row| row.prompt_version.as_str()),
            None,
        )?;
        // An empty list is one entry of level 0 without a value; the first of a list repeats at level 0.
        let (mut defined, mut repeated) = (Vec::new(), Vec::new());
        for row in &rows {
            if row.messages.is_empty() {
                defined.push(0);
                repeated.push(0);
            }
            for at in 0..row.messages.len() {
                defined.push(1);
                repeated.push(i16::from(at > 0));
            }
        }
        let levels = Some((defined.as_slice(), repeated.as_slice()));
        let messages = || rows.iter().flat_map(|row| &row.messages);
        write_texts(
            &mut group,
            messages().map(|message| role(message.role)),
            levels,
        )?;
        write_texts(
            &mut group,
            messages().map(|message| message.content.as_str()),
            levels,
        )?;
        group.close()?;
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// [`TableError`] of the format's library.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.flush()?;
        self.writer()?;
        match self.writer.take() {
            Some(writer) => Ok(writer.into_inner()?),
            None => Err(TableError::Column("all".to_owned())),
        }
    }
}

fn role(role: seedbed_core::model::Role) -> &'static str {
    use seedbed_core::model::Role;
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

type Group<'a> = parquet::file::writer::SerializedRowGroupWriter<'a, Vec<u8>>;

fn write_texts<'a>(
    group: &mut Group<'_>,
    texts: impl Iterator<Item = &'a str>,
    levels: Option<(&[i16], &[i16])>,
) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        let values: Vec<ByteArray> = texts.map(ByteArray::from).collect();
        column.typed::<ByteArrayType>().write_batch(
            &values,
            levels.map(|(defined, _)| defined),
            levels.map(|(_, repeated)| repeated),
        )?;
        column.close()?;
    }
    Ok(())
}
