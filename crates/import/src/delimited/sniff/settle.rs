//! What the best reading says about the whole file.

use super::{SAMPLE, Trial};
use crate::delimited::records::{self, NULL_CODE, Record, Records};
use crate::delimited::{Decimal, Dialect, Escape, Header, header};

/// The dialect, with all that belongs to it.
pub(super) fn settle(trial: Trial, sample: &str) -> Dialect {
    let Trial {
        mut dialect,
        rows,
        header,
        score,
    } = trial;
    let first = rows.get(header).map_or(&[][..], |row| &row.cells);
    let body: Vec<&[String]> = rows
        .iter()
        .skip(header + 1)
        .map(|row| row.cells.as_slice())
        .collect();
    if score.class == 0 {
        dialect.delimiter = None;
    }
    if let Some(row) = rows.get(header).filter(|_| header > 0) {
        dialect.skipped = lines(sample, &dialect, row.line - 1);
    }
    dialect.escape = escape(&dialect, &rows, sample);
    dialect.unnamed_first = is_unnamed_first(first, &body);
    dialect.header = header::judge(first, &body);
    let names: Vec<String> = dialect
        .unnamed_first
        .then(String::new)
        .into_iter()
        .chain(first.iter().cloned())
        .collect();
    dialect.width = width(&dialect, &names, &body);
    if dialect.header == Header::Yes {
        dialect.index = header::index_columns(&names, &body);
    }
    dialect.decimal = decimal(&body);
    dialect.wrapped = is_wrapped(&dialect, &rows[(header + 1).min(rows.len())..]);
    dialect
}

/// Those rows that needed quotation marks stand in them as a whole. A single one among others may be a short row.
fn is_wrapped(dialect: &Dialect, body: &[Record]) -> bool {
    let single = |row: &&Record| {
        row.cells.len() == 1
            && row.quoted == 1
            && dialect
                .delimiter
                .is_some_and(|delimiter| row.cells[0].contains(delimiter))
    };
    let (count, fits) = body
        .iter()
        .filter(single)
        .fold((0, true), |(count, fits), row| {
            (count + 1, fits && records::unwrap(row, dialect).is_some())
        });
    fits && (count > 1 || (count > 0 && count == body.len()))
}

/// The first lines, as the reader will pass over them.
fn lines(sample: &str, dialect: &Dialect, count: u64) -> Vec<String> {
    let mut records = Records::new(dialect, SAMPLE);
    records.push(sample);
    records.end();
    (0..count).map_while(|_| records.skip_line()).collect()
}

/// R leaves the name of the first column out, which counts or names the rows.
fn is_unnamed_first(first: &[String], body: &[&[String]]) -> bool {
    let counts =
        |row: &&[String]| row.len() == first.len() + 1 && row[0].trim().parse::<u64>().is_ok();
    !first.is_empty() && !body.is_empty() && body.iter().all(counts)
}

fn width(dialect: &Dialect, names: &[String], body: &[&[String]]) -> usize {
    let filled = body.iter().map(|row| header::trimmed(row));
    match dialect.header {
        // Values below names that are empty.
        Header::Yes => filled
            .map(|filled| filled.min(names.len()))
            .chain([header::trimmed(names)])
            .max(),
        // Single rows with a separator too much don't make a column.
        _ => Some(dialect.width.max(names.len())),
    }
    .unwrap_or(1)
    .max(1)
}

/// What backslashes mean, where they mean something.
fn escape(dialect: &Dialect, rows: &[Record], sample: &str) -> Escape {
    let (mut codes, mut others) = (true, false);
    let mut letters = sample.chars();
    while let Some(c) = letters.next() {
        if c != '\\' {
            continue;
        }
        let next = letters.next();
        let stands = matches!(next, Some('\\' | '\n' | '\r') | None)
            || next == dialect.quote
            || next == dialect.delimiter;
        codes &= stands || matches!(next, Some('N' | 'n' | 't' | 'r' | '0' | 'b' | 'Z'));
        others |= !stands;
    }
    let no_value = rows
        .iter()
        .any(|row| row.cells.iter().any(|cell| cell == NULL_CODE));
    match dialect.escape {
        _ if codes && no_value => Escape::Codes,
        Escape::Backslash if others && dialect.quote.is_some() => Escape::BackslashQuote,
        escape => escape,
    }
}

fn decimal(body: &[&[String]]) -> Decimal {
    let (mut points, mut commas) = (0, 0);
    for cell in body.iter().flat_map(|row| row.iter()) {
        let cell = cell.trim().trim_start_matches(['-', '+']);
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is = |mark: char| {
            cell.split_once(mark)
                .is_some_and(|(whole, part)| digits(whole) && digits(part))
        };
        points += usize::from(is('.'));
        commas += usize::from(is(','));
    }
    match points.cmp(&commas) {
        std::cmp::Ordering::Greater => Decimal::Point,
        std::cmp::Ordering::Less => Decimal::Comma,
        std::cmp::Ordering::Equal => Decimal::Unknown,
    }
}
