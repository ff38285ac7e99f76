//! How a file is written, found out by reading a sample in every way that comes into question.

mod sep_line;
mod settle;

use super::records::{Event, Record, Records};
use super::{Dialect, Escape, LineEnds, header};

/// Rows of a sample that are read.
const ROWS: usize = 200;
/// Of a longer sample only so much is read.
const SAMPLE: usize = 512 << 10;
/// From this length on a sample is taken for cut: its last row doesn't count.
const CUT: usize = 32 << 10;
/// Rows above the header that are passed over.
const TITLES: usize = 10;
/// Separators, those that are met most first.
const DELIMITERS: [char; 10] = [',', ';', '\t', '|', '\u{1}', '\u{1f}', '^', '~', '¦', '§'];

/// A way to read, and what it gave.
struct Trial {
    dialect: Dialect,
    rows: Vec<Record>,
    /// Which row is the header.
    header: usize,
    score: Score,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Score {
    /// 3: names are known; 2: rows are alike; 1: half of them; 0: a single column.
    class: u8,
    value: f64,
}

pub(super) fn sniff(sample: &str, name: &str) -> Dialect {
    let sample = &sample[..sample.floor_char_boundary(SAMPLE)];
    let sample = sample.trim_start_matches('\u{feff}');
    let (sep, rest) = sep_line::split(sample);
    let forced = sep.as_ref().and_then(|(_, delimiter)| *delimiter);
    if let Some(dialect) = wrapped(sample) {
        return dialect;
    }
    let best = forced
        .map(|delimiter| best_of(rest, &[Some(delimiter)], None))
        .filter(|trial| trial.score.class > 1 || trial.rows.len() < 2)
        .unwrap_or_else(|| {
            let favoured = by_ending(name);
            best_of(rest, &delimiters(rest, favoured), favoured)
        });
    let mut dialect = settle::settle(best, rest);
    if let Some((line, _)) = sep {
        dialect.skipped.insert(0, line);
    }
    dialect
}

/// Every row stands in quotation marks as a whole, and holds a table with names that are known.
fn wrapped(sample: &str) -> Option<Dialect> {
    let line_ends = if sample.contains('\n') {
        LineEnds::Newline
    } else {
        LineEnds::Any
    };
    let outer = Dialect {
        delimiter: None,
        line_ends,
        ..Dialect::default()
    };
    let (rows, _) = read(sample, &outer);
    let whole = |row: &Record| row.quoted == 1 && row.strays == 0 && !row.unclosed;
    if rows.len() < 2 || !rows.iter().all(whole) {
        return None;
    }
    let lines: String = rows
        .iter()
        .flat_map(|row| row.cells.iter().map(String::as_str).chain(["\n"]))
        .collect();
    let inner = best_of(&lines, &delimiters(&lines, None), None);
    (inner.score.class == 3 && inner.header == 0).then(|| Dialect {
        wrapped: true,
        line_ends,
        ..settle::settle(inner, &lines)
    })
}

/// The separator that a file's ending promises.
fn by_ending(name: &str) -> Option<char> {
    let ending = name.rsplit('.').next().unwrap_or_default();
    let tabs = ["tsv", "tab"]
        .iter()
        .any(|tab| ending.eq_ignore_ascii_case(tab));
    tabs.then_some('\t')
}

/// Separators that come into question, the likely ones first; "none" at last.
fn delimiters(sample: &str, favoured: Option<char>) -> Vec<Option<char>> {
    let others = DELIMITERS.into_iter().filter(|c| Some(*c) != favoured);
    favoured
        .into_iter()
        .chain(others)
        .filter(|delimiter| sample.contains(*delimiter))
        .map(Some)
        .chain([None])
        .collect()
}

fn best_of(sample: &str, delimiters: &[Option<char>], favoured: Option<char>) -> Trial {
    const FAVOUR: f64 = 0.05;
    let mut best: Option<Trial> = None;
    for delimiter in delimiters {
        for dialect in dialects(sample, *delimiter) {
            let mut trial = attempt(sample, dialect);
            if favoured.is_some() && *delimiter == favoured {
                trial.score.value += FAVOUR;
            }
            if best.as_ref().is_none_or(|best| trial.score > best.score) {
                best = Some(trial);
            }
        }
    }
    best.unwrap_or_else(|| attempt(sample, Dialect::default()))
}

/// Ways to read with one separator. The usual ones stand first: others must do better.
fn dialects(sample: &str, delimiter: Option<char>) -> Vec<Dialect> {
    let mut quotes = vec![Some('"')];
    if starts_cell(sample, delimiter, '\'') {
        quotes.push(Some('\''));
    }
    if sample.contains('"') {
        quotes.push(None);
    }
    let lone_cr = sample.replace("\r\n", "").contains('\r');
    let line_ends: &[LineEnds] = match (sample.contains('\n'), lone_cr) {
        (false, true) => &[LineEnds::Any],
        (true, true) => &[LineEnds::Newline, LineEnds::Any],
        _ => &[LineEnds::Newline],
    };
    let mut dialects = Vec::new();
    for quote in quotes {
        let escaped = |c: Option<char>| c.is_some_and(|c| sample.contains(&format!("\\{c}")));
        let mut escapes = vec![Escape::Doubled];
        if escaped(quote) || escaped(delimiter) || sample.contains("\\\n") {
            escapes.push(Escape::Backslash);
        }
        let padded = |quote: char| {
            delimiter.is_some_and(|delimiter| sample.contains(&format!("{delimiter} {quote}")))
        };
        let paddings: &[bool] = match quote {
            Some(quote) if padded(quote) => &[false, true],
            _ => &[false],
        };
        for escape in escapes {
            for padded in paddings {
                for line_ends in line_ends {
                    dialects.push(Dialect {
                        delimiter,
                        quote,
                        escape,
                        line_ends: *line_ends,
                        padded: *padded,
                        ..Dialect::default()
                    });
                }
            }
        }
    }
    dialects
}

/// A mark stands where values begin.
fn starts_cell(sample: &str, delimiter: Option<char>, quote: char) -> bool {
    let behind = |before: char| sample.contains(&format!("{before}{quote}"));
    sample.starts_with(quote)
        || behind('\n')
        || behind('\r')
        || delimiter.is_some_and(|delimiter| {
            behind(delimiter) || sample.contains(&format!("{delimiter} {quote}"))
        })
}

fn attempt(sample: &str, dialect: Dialect) -> Trial {
    // The width is needed to see a quotation mark that is never closed: it is that of a first reading.
    let first = read(sample, &dialect).0;
    let dialect = Dialect {
        width: mode(&first).max(1),
        ..dialect
    };
    let (rows, unread) = read(sample, &dialect);
    let header = header_row(&rows);
    let score = score(&dialect, &rows, header, unread);
    Trial {
        dialect,
        rows,
        header,
        score,
    }
}

/// Rows that are not blank, and whether most of the sample belongs to a row without end.
fn read(sample: &str, dialect: &Dialect) -> (Vec<Record>, bool) {
    let mut records = Records::new(dialect, SAMPLE);
    records.push(sample);
    if sample.len() < CUT {
        records.end();
    }
    let mut rows = Vec::new();
    while rows.len() < ROWS {
        match records.next() {
            Some(Event::Record(record)) if header::trimmed(&record.cells) > 0 => rows.push(record),
            Some(_) => {}
            None => return (rows, records.pending() * 2 > sample.len()),
        }
    }
    (rows, false)
}

/// The most frequent number of values.
fn mode(rows: &[Record]) -> usize {
    let mut widths: Vec<usize> = rows.iter().map(|row| row.cells.len()).collect();
    widths.sort_unstable();
    widths
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len())
        .map_or(0, |same| same[0])
}

/// The row with the names: the first, unless titles or comments stand above.
fn header_row(rows: &[Record]) -> usize {
    let mode = mode(rows);
    let above = rows
        .iter()
        .take(TITLES)
        .take_while(|row| header::trimmed(&row.cells) < 2)
        .count();
    let Some(row) = rows.get(above).filter(|_| above > 0 && mode > 1) else {
        return 0;
    };
    let remark = |row: &Record| row.cells[0].starts_with('#') || row.cells[0].starts_with("//");
    let apart = row.line > rows[above - 1].line + 1;
    let names = header::known(&row.cells) > 1 && header::known(&rows[0].cells) == 0;
    let certain = rows[..above].iter().all(remark) || apart || names;
    if certain && row.cells.len() == mode {
        above
    } else {
        0
    }
}

fn score(dialect: &Dialect, rows: &[Record], header: usize, unread: bool) -> Score {
    let rows = &rows[header.min(rows.len())..];
    let Some(first) = rows.first() else {
        return Score {
            class: 0,
            value: -1.0,
        };
    };
    let width = header::trimmed(&first.cells);
    let known = header::known(&first.cells);
    let share = |sum: f64| sum / (rows.len() as f64);
    let of_header = rows.iter().map(|row| fits(row, first.cells.len(), width));
    let mode = mode(rows);
    let of_mode = rows.iter().filter(|row| row.cells.len() == mode).count();
    let fit = share(of_header.sum()).max(share(of_mode as f64));
    let unquoted = unquoted(dialect, rows);
    let splits = dialect.delimiter.is_some() && width > 1 && mode > 1;
    let class = match () {
        () if unquoted > 0.0 => 0,
        () if dialect.delimiter.is_some() && width > 1 && known > 1 => 3,
        () if splits && fit >= 0.8 && rows.len() > 1 => 2,
        () if splits && fit >= 0.5 => 1,
        () => 0,
    };
    let faults: u32 = rows
        .iter()
        .map(|row| u32::from(row.strays > 0 || row.unclosed))
        .sum();
    let cells: usize = rows.iter().map(|row| row.cells.len()).sum();
    let quoted: u32 = rows.iter().map(|row| row.quoted).sum();
    let value = fit - share(f64::from(faults)) - if unread { 1.0 } else { 0.0 }
        + 0.1 * f64::from(quoted) / cells.max(1) as f64
        + 0.02 * known.min(5) as f64
        + 0.005 * mode.min(10) as f64
        - if class > 0 {
            decimals(dialect, rows)
        } else {
            0.0
        };
    // A separator that splits nothing is worse than none.
    let idle = dialect.delimiter.is_some() && class == 0;
    let value = value - f64::from(u8::from(idle)) - unquoted - lone_returns(dialect, rows);
    Score { class, value }
}

/// How well a row fits to the header.
fn fits(row: &Record, header: usize, width: usize) -> f64 {
    let (values, filled) = (row.cells.len(), header::trimmed(&row.cells));
    if values == header || (values >= width && filled <= width) {
        1.0
    } else if filled < width {
        0.3
    } else {
        0.0
    }
}

/// Carriage returns inside values are rather line ends, if these do as well. In a single column all do: there most of the
/// line ends have to be of that kind.
fn lone_returns(dialect: &Dialect, rows: &[Record]) -> f64 {
    if dialect.line_ends == LineEnds::Any {
        return 0.0;
    }
    let holds = |row: &&Record| row.cells.iter().any(|cell| cell.contains('\r'));
    let share = rows.iter().filter(holds).count() as f64 / rows.len() as f64;
    if dialect.delimiter.is_some() || share > 0.5 {
        0.2 * share
    } else {
        0.0
    }
}

/// Reading quotation marks as they stand is right only where several values begin with one and few of them end with one.
fn unquoted(dialect: &Dialect, rows: &[Record]) -> f64 {
    if dialect.quote.is_some() {
        return 0.0;
    }
    // One that ends a later value of the row closes it, too: the row was split inside of quotation marks.
    let begun: Vec<bool> = rows
        .iter()
        .flat_map(|row| {
            let last = row.cells.iter().rposition(|cell| cell.ends_with('"'));
            let begins = row.cells.iter().enumerate();
            begins
                .filter(|(_, cell)| cell.starts_with('"'))
                .map(move |(at, cell)| {
                    last.is_some_and(|last| last > at || (last == at && cell.len() > 1))
                })
        })
        .collect();
    let closed = begun.iter().filter(|closed| **closed).count();
    if begun.len() < 2 || closed * 2 >= begun.len() {
        1.0
    } else {
        0.0
    }
}

/// A comma between digits only is a decimal mark rather than a separator.
fn decimals(dialect: &Dialect, rows: &[Record]) -> f64 {
    if dialect.delimiter != Some(',') {
        return 0.0;
    }
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let pairs = rows.iter().flat_map(|row| row.cells.windows(2));
    let (mut between, mut all) = (0, 0);
    for pair in pairs {
        all += 1;
        between += usize::from(digit(pair[0].chars().last()) && digit(pair[1].chars().next()));
    }
    if all > 0 && between * 2 > all {
        0.2
    } else {
        0.0
    }
}
