//! Reads a table back, row by row. For tests: the app never reads its own table.

use crate::{Result, TableError};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use seedbed_core::model::{Message, Role};
use seedbed_core::row::TableRow;

fn field<'a>(row: &'a Row, name: &str) -> Result<&'a Field> {
    row.get_column_iter()
        .find(|(column, _)| *column == name)
        .map(|(_, field)| field)
        .ok_or_else(|| TableError::Column(name.to_owned()))
}

fn text(row: &Row, name: &str) -> Result<String> {
    match field(row, name)? {
        Field::Str(text) => Ok(text.clone()),
        _ => Err(TableError::Column(name.to_owned())),
    }
}

fn messages(row: &Row) -> Result<Vec<Message>> {
    let wrong = || TableError::Column("messages".to_owned());
    let Field::ListInternal(list) = field(row, "messages")? else {
        return Err(wrong());
    };
    list.elements()
        .iter()
        .map(|element| {
            let Field::Group(group) = element else {
                return Err(wrong());
            };
            let role = match text(group, "role")?.as_str() {
                "system" => Role::System,
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => return Err(wrong()),
            };
            Ok(Message {
                role,
                content: text(group, "content")?,
            })
        })
        .collect()
}

/// The rows of a table that [`crate::TableWriter`] wrote.
///
/// # Errors
/// [`TableError`] when it is no such table.
pub fn read(bytes: &[u8]) -> Result<Vec<TableRow>> {
    let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes))?;
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None)? {
        let row = row?;
        let Field::Int(rating_count) = field(&row, "rating_count")? else {
            return Err(TableError::Column("rating_count".to_owned()));
        };
        let Field::Bool(edited) = field(&row, "edited")? else {
            return Err(TableError::Column("edited".to_owned()));
        };
        rows.push(TableRow {
            id: text(&row, "id")?,
            instruction: text(&row, "instruction")?,
            response: text(&row, "response")?,
            topic: text(&row, "topic")?,
            perspective: text(&row, "perspective")?,
            model: text(&row, "model")?,
            quality: text(&row, "quality")?,
            rating_count: *rating_count,
            edited: *edited,
            seed_hash: text(&row, "seed_hash")?,
            prompt_version: text(&row, "prompt_version")?,
            messages: messages(&row)?,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use crate::{TableWriter, read};
    use seedbed_core::model::Message;
    use seedbed_core::row::TableRow;

    fn row(n: usize) -> TableRow {
        let texts = [
            "",
            "plain",
            "é🌾\n\"quoted\"\t",
            "<script>alert(1)</script>",
        ];
        let instruction = format!("{} {n}", texts[n % 4]);
        let response = texts[(n + 1) % 4].repeat(n % 7);
        TableRow {
            id: format!("{n:064x}"),
            topic: format!("topic {}", n % 5),
            perspective: String::new(),
            model: "m".to_owned(),
            quality: "good".to_owned(),
            rating_count: n as i32 % 3,
            edited: n % 2 == 0,
            seed_hash: "s".to_owned(),
            prompt_version: "answer/1".to_owned(),
            messages: if n % 11 == 0 {
                Vec::new()
            } else {
                vec![
                    Message::user(instruction.clone()),
                    Message::assistant(response.clone()),
                ]
            },
            instruction,
            response,
        }
    }

    #[test]
    fn what_was_written_is_read_over_several_row_groups() {
        let rows: Vec<TableRow> = (0..45_000).map(row).collect();
        let mut writer = TableWriter::new();
        for chunk in rows.chunks(2000) {
            writer.push(chunk).expect("pushed");
        }
        let bytes = writer.finish().expect("a file");
        assert_eq!(&bytes[..4], b"PAR1");
        assert!(read(&bytes).expect("rows") == rows);
    }

    #[test]
    fn an_empty_table_has_its_columns() {
        let bytes = TableWriter::new().finish().expect("a file");
        assert!(read(&bytes).expect("rows").is_empty());
    }

    #[test]
    fn bytes_that_are_no_table_are_refused() {
        assert!(read(b"PAR1 no PAR1").is_err());
        assert!(read(b"").is_err());
    }
}
