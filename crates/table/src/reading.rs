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
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use seedbed_core::model::{Message, Role};
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
            edited: n.is_multiple_of(2),
            seed_hash: "s".to_owned(),
            prompt_version: "answer/1".to_owned(),
            messages: if n.is_multiple_of(11) {
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
    fn what_is_taken_while_it_is_written_is_the_same_file() {
        let rows: Vec<TableRow> = (0..45_000).map(row).collect();
        let (mut whole, mut taken) = (TableWriter::new(), TableWriter::new());
        let mut pieces = Vec::new();
        for chunk in rows.chunks(2000) {
            whole.push(chunk).expect("pushed");
            taken.push(chunk).expect("pushed");
            pieces.push(taken.take().expect("a piece"));
        }
        let groups = pieces.iter().filter(|piece| piece.len() > 1000).count();
        assert_eq!(groups, 2, "a row group is given out when it is whole");
        pieces.push(taken.finish().expect("the rest"));
        assert!(pieces.concat() == whole.finish().expect("a file"));
    }

    fn columns_of(bytes: &[u8]) -> Vec<String> {
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        let reader = SerializedFileReader::new(bytes).expect("a table");
        let schema = reader.metadata().file_metadata().schema().clone();
        let fields = schema.get_fields();
        fields.iter().map(|field| field.name().to_owned()).collect()
    }

    #[test]
    fn an_empty_table_has_its_columns() {
        let bytes = TableWriter::new().finish().expect("a file");
        assert!(read(&bytes).expect("rows").is_empty());
        assert_eq!(columns_of(&bytes), seedbed_core::row::COLUMNS);
    }

    #[test]
    fn pages_are_indexed_and_row_groups_are_small_in_rows_and_in_bytes() {
        let mut writer = TableWriter::new();
        let short: Vec<TableRow> = (0..30_000).map(row).collect();
        writer.push(&short).expect("pushed");
        // 48 MB in 16 rows.
        let long: Vec<TableRow> = (0..16)
            .map(|n| TableRow {
                response: "a long answer \u{1F33E}".repeat(160_000),
                ..row(n)
            })
            .collect();
        writer.push(&long).expect("pushed");
        let bytes = writer.finish().expect("a file");
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a table");
        let groups = reader.metadata().row_groups();
        let rows: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(rows.iter().sum::<i64>(), 30_016);
        assert_eq!((rows.len(), rows.first()), (4, Some(&20_000)));
        for group in groups {
            assert!(group.total_byte_size() < 20 << 20);
        }
        for column in groups.iter().flat_map(RowGroupMetaData::columns) {
            assert!(column.column_index_range().is_some());
            assert!(column.offset_index_range().is_some());
            assert!(column.statistics().is_some());
        }
    }

    #[test]
    fn an_edit_leaves_the_other_row_groups_as_they_were() {
        let table = |rows: &[TableRow]| {
            let mut writer = TableWriter::new();
            writer.push(rows).expect("pushed");
            writer.finish().expect("a file")
        };
        let mut rows: Vec<TableRow> = (0..40_000).map(row).collect();
        let before = table(&rows);
        assert_eq!(table(&rows), before, "the same rows are the same bytes");
        rows[30_000].response = "mended by an expert".to_owned();
        let after = table(&rows);
        let shared = before.iter().zip(&after).take_while(|(a, b)| a == b);
        assert!(shared.count() > before.len() / 3);
        assert_ne!(before, after);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_texts_come_back_as_they_went_in(texts in vec((any::<String>(), any::<String>(), 0usize..4, any::<i32>()), 0..40)) {
            let rows: Vec<TableRow> = texts
                .into_iter()
                .enumerate()
                .map(|(n, (instruction, response, turns, rating_count))| TableRow {
                    messages: (0..turns).map(|turn| Message {
                        role: [Role::User, Role::Assistant, Role::System][turn % 3],
                        content: format!("{turn}{response}"),
                    }).collect(),
                    instruction,
                    response,
                    rating_count,
                    ..row(n)
                })
                .collect();
            let mut writer = TableWriter::new();
            writer.push(&rows).expect("pushed");
            prop_assert_eq!(read(&writer.finish().expect("a file")).expect("rows"), rows);
        }

        #[test]
        fn a_table_that_was_cut_off_is_refused(cut: usize) {
            let mut writer = TableWriter::new();
            writer.push(&(0..50).map(row).collect::<Vec<_>>()).expect("pushed");
            let bytes = writer.finish().expect("a file");
            let cut = cut % bytes.len();
            prop_assert!(read(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn bytes_that_are_no_table_are_refused() {
        assert!(read(b"PAR1 no PAR1").is_err());
        assert!(read(b"").is_err());
    }
}
