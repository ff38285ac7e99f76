//! Random tables: written by others' rules, read back equal wherever the text is cut.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use seedbed_import::delimited::{Delimited, Dialect, Escape, Header, LineEnds};
use seedbed_import::table::{Item, Rows};
use serde_json::Value;

/// How Python's csv module is told to write.
#[derive(Clone, Copy, Debug)]
struct Written {
    delimiter: char,
    quote: char,
    escape: Escape,
    quoting: Quoting,
    end: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Quoting {
    Minimal,
    All,
    None,
}

/// One value, by the rules of Python's csv (`Codes`: of MySQL; `BackslashQuote`: of Spark).
fn write_cell(cell: &str, alone: bool, how: Written) -> String {
    let Written {
        delimiter,
        quote,
        escape,
        quoting,
        ..
    } = how;
    if escape == Escape::Codes {
        return write_codes(cell, delimiter);
    }
    if escape == Escape::BackslashQuote {
        return write_spark(cell, quote);
    }
    let mut body = String::new();
    let mut quoted = quoting == Quoting::All || (alone && cell.is_empty());
    for c in cell.chars() {
        let special = c == delimiter || c == quote || c == '\n' || c == '\r';
        let backslash = escape == Escape::Backslash;
        if quoting == Quoting::None {
            if special || c == '\\' {
                body.push('\\');
            }
        } else if c == quote && !backslash {
            body.push(quote);
            quoted = true;
        } else if backslash && (c == quote || c == '\\') {
            body.push('\\');
        } else if special {
            quoted = true;
        }
        body.push(c);
    }
    if quoted {
        format!("{quote}{body}{quote}")
    } else {
        body
    }
}

fn write_codes(cell: &str, delimiter: char) -> String {
    cell.chars().fold(String::new(), |mut body, c| {
        match c {
            '\n' => body += "\\n",
            '\r' => body += "\\r",
            '\t' => body += "\\t",
            '"' | '\\' => body.extend(['\\', c]),
            c if c == delimiter => body.extend(['\\', c]),
            c => body.push(c),
        }
        body
    })
}

fn write_spark(cell: &str, quote: char) -> String {
    let mut body = String::new();
    let mut backslashes = 0;
    for c in cell.chars().chain([quote]) {
        if c == quote {
            body.extend(std::iter::repeat_n('\\', backslashes));
            body.push('\\');
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        body.push(c);
    }
    // The last one closes the value.
    body.truncate(body.len() - 2);
    format!("{quote}{body}{quote}")
}

fn write(rows: &[Vec<String>], how: Written) -> String {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| write_cell(cell, row.len() == 1, how))
            .collect();
        text += &cells.join(&how.delimiter.to_string());
        text += how.end;
    }
    text
}

fn read(text: &str, dialect: &Dialect, cuts: &[usize]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = Delimited::new(dialect.clone());
    let mut rows = Vec::new();
    let mut take = |reader: &mut Delimited| {
        while let Some(item) = reader.next() {
            match item {
                Item::Row(row) => rows.push(
                    row.cells
                        .into_iter()
                        .map(|cell| match cell {
                            Value::String(text) => text,
                            other => panic!("{other}"),
                        })
                        .collect(),
                ),
                Item::Fault(fault) => panic!("{fault:?} {text:?}"),
            }
        }
    };
    let mut rest = text;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let at = rest.ceil_char_boundary((*cut).min(rest.len()));
        reader.push(&rest[..at]);
        rest = &rest[at..];
        take(&mut reader);
    }
    reader.end();
    take(&mut reader);
    assert!(
        reader.notes().stray.is_empty() && reader.notes().unclosed.is_empty(),
        "{text:?}"
    );
    (reader.columns().to_vec(), rows)
}

fn how() -> impl Strategy<Value = Written> {
    let delimiters = prop::sample::select(vec![',', ';', '\t', '|', '¦']);
    let escapes = prop::sample::select(vec![
        Escape::Doubled,
        Escape::Doubled,
        Escape::Backslash,
        Escape::BackslashQuote,
        Escape::Codes,
    ]);
    let quotings = prop::sample::select(vec![Quoting::Minimal, Quoting::All, Quoting::None]);
    let quotes = prop::sample::select(vec!['"', '\'']);
    let ends = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    (delimiters, quotes, escapes, quotings, ends).prop_map(
        |(delimiter, quote, escape, quoting, end)| Written {
            delimiter,
            quote: if escape == Escape::Codes { '"' } else { quote },
            escape: if quoting == Quoting::None && escape == Escape::Doubled {
                Escape::Backslash
            } else {
                escape
            },
            quoting,
            end,
        },
    )
}

/// Any values, full of what has a meaning somewhere.
fn wild(width: usize) -> impl Strategy<Value = Vec<Vec<String>>> {
    let cell = prop::collection::vec(
        prop::sample::select(vec![
            "a", "b", " ", ",", ";", "\t", "|", "¦", "\"", "'", "\\", "\n", "\r", "\r\n", "é",
            "🌱", "n", "N",
        ]),
        0..8,
    )
    .prop_map(|parts| parts.concat());
    prop::collection::vec(prop::collection::vec(cell, width), 1..12)
}

fn is_blank(row: &[String]) -> bool {
    row.iter().all(|cell| cell.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_table_in_a_known_dialect_is_read_back_equal(
        rows in (1_usize..5).prop_flat_map(wild),
        how in how(),
        cuts in prop::collection::vec(1_usize..30, 1..8),
    ) {
        let width = rows[0].len();
        let dialect = Dialect {
            delimiter: Some(how.delimiter),
            quote: Some(how.quote),
            escape: how.escape,
            line_ends: if how.end == "\r" { LineEnds::Any } else { LineEnds::Newline },
            header: Header::No,
            width,
            null_words: false,
            ..Dialect::default()
        };
        // A missing value of MySQL can't be a text there.
        let expected: Vec<Vec<String>> = rows.into_iter().filter(|row| !is_blank(row)).collect();
        let text = write(&expected, how);
        let (_, read) = read(&text, &dialect, &cuts);
        prop_assert_eq!(read, expected, "{:?}", text);
    }
}

/// A text as people write it.
fn prose() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "soil",
        "dig",
        "the",
        "garlic",
        "it's",
        "\"mulch\"",
        "well,",
        "then;",
        "so:",
        "a|b",
        "1,5",
        "2.5",
        "C:\\temp",
        "x\ty",
        "Möhren",
        "为什么",
        "–",
        "line\nbreak",
        "(see",
        "above)",
        "'quoted'",
        "\\theta",
    ]);
    let ends = prop::sample::select(vec!["", ".", "?", "!", "\n"]);
    (prop::collection::vec(words, 1..12), ends).prop_map(|(words, end)| words.join(" ") + end)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_table_of_texts_is_sniffed_and_read_back_equal(
        rows in prop::collection::vec(prop::collection::vec(prose(), 3), 1..20),
        delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        style in prop::sample::select(vec![csv::QuoteStyle::Necessary, csv::QuoteStyle::Always, csv::QuoteStyle::NonNumeric]),
        quote in prop::sample::select(vec![b'"', b'"', b'\'']),
        windows in any::<bool>(),
        marked in any::<bool>(),
        cuts in prop::collection::vec(1_usize..30, 1..8),
    ) {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote_style(style)
            .quote(quote)
            .terminator(if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        writer.write_record(["Frage", "answer", "Thema"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let mut text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        if marked {
            text.insert(0, '\u{feff}');
        }
        let dialect = Dialect::sniff(&text, "rows.csv");
        prop_assert_eq!(dialect.delimiter, Some(char::from(delimiter)), "{:?}", text);
        let (columns, read) = read(&text, &dialect, &cuts);
        prop_assert_eq!(columns, ["Frage", "answer", "Thema"]);
        prop_assert_eq!(read, rows, "{:?}\n{:?}", text, dialect);
    }

    #[test]
    fn a_table_of_python_with_backslashes_is_sniffed(
        rows in prop::collection::vec(prop::collection::vec(prose(), 3), 2..20),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        quoting in prop::sample::select(vec![Quoting::Minimal, Quoting::All]),
        spark in any::<bool>(),
    ) {
        let how = Written {
            delimiter,
            quote: '"',
            escape: if spark { Escape::BackslashQuote } else { Escape::Backslash },
            quoting,
            end: "\n",
        };
        let mut rows = rows;
        // Without any such mark nobody can know.
        rows[0][0] = "Say \"hi\", and go on; now\nthe \\theta | \t".into();
        let mut all = vec![vec!["instruction".to_owned(), "response".to_owned(), "topic".to_owned()]];
        all.extend(rows.clone());
        let text = write(&all, how);
        let dialect = Dialect::sniff(&text, "part-0000.csv");
        let (_, read) = read(&text, &dialect, &[1000]);
        prop_assert_eq!(read, rows, "{:?}\n{:?}", text, dialect);
    }
}
