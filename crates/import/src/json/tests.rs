//! Time in proportion to the text, counted in bytes looked at.

use super::{Layout, Reader, sniff};
use crate::table::{Item, Rows};

/// Reads a text in pieces; how many rows there were, and how often each byte was looked at on average.
fn cost(layout: &Layout, text: &str, piece: usize) -> (usize, f64) {
    let mut reader = Reader::new(layout);
    let mut rows = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        reader.push(now);
        rest = later;
        while let Some(item) = reader.next() {
            rows += usize::from(matches!(item, Item::Row(_)));
        }
    }
    reader.end();
    while let Some(item) = reader.next() {
        rows += usize::from(matches!(item, Item::Row(_)));
    }
    (rows, reader.visited() as f64 / text.len() as f64)
}

const COUNT: usize = 200_000;

fn items() -> Vec<String> {
    (0..COUNT)
        .map(|at| format!("{{\"q\":\"a {at}\"}}"))
        .collect()
}

#[test]
fn every_byte_is_looked_at_a_few_times_however_many_items_there_are() {
    let items = items();
    for text in [
        format!("[{}]", items.join(",")),
        items.join("\n"),
        items.concat(),
        format!("{{\"x\":{{\"y\":[1]}},\"rows\":[{}]}}", items.join(",\n")),
    ] {
        let layout = sniff(&text[..10_000]);
        let (rows, visits) = cost(&layout, &text, 64 << 10);
        assert_eq!(rows, COUNT);
        assert!(visits < 8.0, "{layout:?}: {visits}");
    }
}

#[test]
fn one_long_item_in_small_pieces_is_not_scanned_again_and_again() {
    let long = format!("{{\"q\":\"{}\"}}", "x \\\" [{".repeat(300_000));
    let spaces = " ".repeat(2_000_000);
    for text in [
        format!("[{long},{{\"q\":1}}]"),
        format!("{long}\n{{\"q\":1}}"),
        format!("[{{\"q\":1}},{spaces}{{\"q\":1}}]"),
        format!(
            "{{\"skipped\":{long},{spaces}\"data\":{spaces}[{spaces}{{\"q\":1}},{{\"q\":1}}]}}"
        ),
        format!(
            "{{\"{}\":1,\"data\":[{{\"q\":1}},{{\"q\":1}}]}}",
            "n".repeat(2_000_000)
        ),
    ] {
        let (rows, visits) = cost(&sniff(&text), &text, 1000);
        assert_eq!(rows, 2, "{}", &text[..60]);
        assert!(visits < 8.0, "{visits} of {}", &text[..60]);
    }
}

#[test]
fn text_that_was_used_is_not_kept() {
    let items = items().join(",");
    let mut reader = Reader::new(&Layout::List);
    let mut most = 0;
    reader.push("[");
    for start in (0..items.len()).step_by(10_000) {
        let end = items.len().min(start + 10_000);
        reader.push(&items[start..end]);
        while reader.next().is_some() {}
        most = most.max(reader.held());
    }
    assert!(most < 256 << 10, "{most}");
}
