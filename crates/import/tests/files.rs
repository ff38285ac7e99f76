//! From the bytes of a file to its rows, as a driver goes: scan, decode, sniff, read.
#![allow(clippy::unwrap_used)]

use seedbed_import::delimited::{Delimited, Dialect};
use seedbed_import::encoding::{Damage, Decoder, Encoding, Found, Scan, Verdict};
use seedbed_import::table::{Item, Rows};
use serde_json::Value;

struct Read {
    encoding: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn read(bytes: &[u8], language: &str) -> Read {
    let mut scan = Scan::new(Some(language));
    bytes.chunks(10).for_each(|piece| scan.push(piece));
    let Found::Text(file) = scan.finish() else {
        panic!("{bytes:?}");
    };
    let mut decoder = Decoder::new(file.encoding);
    let sample = decoder.push(bytes) + &decoder.end();
    assert!(decoder.losses().undecodable.is_empty());
    let mut reader = Delimited::new(Dialect::sniff(&sample, "export.csv"));
    let mut decoder = Decoder::new(file.encoding);
    let mut rows = Vec::new();
    let pieces = bytes.chunks(7).map(Some).chain([None]);
    for piece in pieces {
        match piece {
            Some(piece) => reader.push(&decoder.push(piece)),
            None => {
                reader.push(&decoder.end());
                reader.end();
            }
        }
        while let Some(item) = reader.next() {
            let Item::Row(row) = item else {
                panic!("{item:?}");
            };
            rows.push(
                row.cells
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            );
        }
    }
    Read {
        encoding: file.encoding.name(),
        columns: reader.columns().to_vec(),
        rows,
    }
}

const HEADER: [&str; 3] = ["question", "answer", "topic"];
const ROWS: [[&str; 3]; 3] = [
    [
        "Wie tief sät man Möhren?",
        "Etwa 1 bis 2 cm; in schweren Böden, \"schwer\" heißt lehmig,\nflacher.",
        "Aussaat",
    ],
    [
        "Was kostet Saatgut für Gründüngung?",
        "Je nach Mischung 4,50 bis 9,00; über die Menge lässt sich reden.",
        "Kosten",
    ],
    [
        "Wozu dient eine Hecke größerer Höhe?",
        "Sie bremst den Wind über der Fläche.",
        "Schutz",
    ],
];

fn table(delimiter: char, end: &str) -> String {
    let mut text = String::new();
    for row in [HEADER].iter().chain(&ROWS) {
        let cells = row.map(|cell| {
            if cell.contains([delimiter, '"', '\n']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.to_owned()
            }
        });
        text += &cells.join(&delimiter.to_string());
        text += end;
    }
    text
}

#[test]
fn every_export_of_excel_gives_the_same_rows() {
    let web = |text: &str, label: &str| {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let (bytes, _, lost) = encoding.encode(text);
        assert!(!lost);
        bytes.into_owned()
    };
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    for sep in [false, true] {
        for delimiter in [';', ',', '\t'] {
            for end in ["\r\n", "\n", "\r"] {
                let line = format!("sep={delimiter}{end}");
                let text = if sep { line } else { String::new() } + &table(delimiter, end);
                let exports = [
                    ("UTF-8", format!("\u{feff}{text}").into_bytes()),
                    ("UTF-8", text.clone().into_bytes()),
                    ("windows-1252", web(&text, "windows-1252")),
                    ("macintosh", web(&text, "macintosh")),
                    ("UTF-16LE", utf16(&format!("\u{feff}{text}"))),
                    ("UTF-16LE", utf16(&text)),
                ];
                for (encoding, bytes) in exports {
                    let found = read(&bytes, "de");
                    assert_eq!(found.encoding, encoding, "{text:?}");
                    assert_eq!(found.columns, HEADER, "{text:?}");
                    assert_eq!(found.rows, ROWS, "{text:?}");
                }
            }
        }
    }
}

#[test]
fn a_table_of_korea_or_japan_whose_letters_hold_bytes_of_ascii_is_split_after_decoding() {
    // Second bytes of these letters are `\`, `|` and letters.
    let rows = [
        ["表を作る方法は何ですか", "能力とソフトを予定どおりに使う"],
        ["構わない", "十分な水"],
    ];
    let text = format!("質問|回答\n{}\n{}\n", rows[0].join("|"), rows[1].join("|"));
    let (bytes, _, lost) = encoding_rs::SHIFT_JIS.encode(&text);
    assert!(!lost && bytes.contains(&b'\\'));
    let found = read(&bytes, "ja");
    assert_eq!(
        (found.encoding, found.columns),
        ("Shift_JIS", vec!["質問".to_owned(), "回答".to_owned()])
    );
    assert_eq!(found.rows, rows);
}

#[test]
fn a_table_decoded_twice_is_mended_cell_by_cell() {
    let mut decoder = Decoder::new(Encoding::WINDOWS_1252);
    let damaged = decoder.push(table(';', "\r\n").as_bytes()) + &decoder.end();
    let found = read(damaged.as_bytes(), "de");
    assert_ne!(found.rows, ROWS);
    let mut damage = Damage::default();
    for (line, cell) in (2..).zip(found.rows.iter().flatten()) {
        damage.see(cell, line);
    }
    let Verdict::Certain(mender) = damage.verdict() else {
        panic!();
    };
    let mended: Vec<Vec<String>> = found
        .rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|cell| mender.mend(&cell).unwrap_or(cell))
                .collect()
        })
        .collect();
    assert_eq!(mended, ROWS);
}
