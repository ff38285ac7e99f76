//! Rows of a JSON file, as its text comes.

use super::buffer::Buffer;
use super::layout::{Layout, Refusal};
use super::lines::Lines;
use super::names;
use super::orient::{Table, tables};
use super::rows::{Columns, Made, Maker, spread};
use super::scan::MAX_ROW;
use super::sniff::sniff;
use super::text::Counts;
use super::value::{Broken, glimpse, parse};
use super::values::{python, trim, values};
use super::walk::{Piece, Step, Walk};
use super::wanted::Wanted;
use crate::table::{Fault, Item, Reason, Row, Rows};
use serde_json::Value;
use std::collections::{HashSet, VecDeque};

/// Most text of a file by column that is held, in bytes.
pub const MAX_HELD: usize = 64 << 20;

/// One of several lists of rows in a file, e.g. a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name; empty where the file is one list.
    pub name: String,
    /// Rows seen so far, those that were not chosen among them.
    pub rows: u64,
    path: Vec<String>,
}

/// How items are found.
#[derive(Debug)]
enum Way {
    Lines(Lines),
    Walk(Walk),
    /// The text is gathered until it ends.
    Held,
    /// Rows of a file that was held.
    Tables(std::vec::IntoIter<Table>, Option<Table>, u64),
    Nothing,
}

/// A reader of JSON rows.
#[derive(Debug)]
pub struct Reader {
    text: Buffer,
    way: Way,
    columns: Columns,
    parts: Vec<Part>,
    makers: Vec<Maker>,
    chosen: Option<HashSet<String>>,
    found: VecDeque<(usize, Item)>,
    counts: Counts,
    torn: Option<u64>,
    refusal: Option<Refusal>,
}

impl Reader {
    /// A reader of a file laid out so, as [`sniff`] said.
    pub fn new(layout: &Layout) -> Self {
        let way = way_of(layout);
        let refusal = match layout {
            Layout::Other(_) => Some(Refusal::NotATable(layout.clone())),
            _ => None,
        };
        Self {
            text: Buffer::new(),
            way,
            columns: Columns::default(),
            parts: Vec::new(),
            makers: Vec::new(),
            chosen: None,
            found: VecDeque::new(),
            counts: Counts::default(),
            torn: None,
            refusal,
        }
    }

    /// Takes rows only of the parts of these names. To be said before text comes.
    pub fn choose(&mut self, names: impl IntoIterator<Item = String>) {
        self.chosen = Some(names.into_iter().collect());
    }

    /// The lists of rows so far, in the order of the file. One without a name where the file is one list.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What was mended or left out so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Line of the item in which the file ends too early, or of its last line where it ends between items: it was cut,
    /// e.g. by a download that broke off, and rows are missing. Known after the end.
    pub fn torn(&self) -> Option<u64> {
        self.torn
    }

    /// Members of the file's object that hold lists of objects and were not taken for rows, by their path.
    pub fn passed_over(&self) -> &[String] {
        match &self.way {
            Way::Walk(walk) => &walk.passed_over,
            _ => &[],
        }
    }

    /// Why no row comes at all. To be asked when [`Rows::next`] gives nothing.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// How many bytes were looked at, each as often as it was.
    #[cfg(test)]
    pub(super) fn visited(&self) -> u64 {
        self.text.visited
    }

    /// How many bytes of text are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.text.held()
    }

    /// As [`Rows::next`], with the place of the row's part in [`Reader::parts`].
    pub fn next_in_part(&mut self) -> Option<(usize, Item)> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Some(found);
            }
            let piece = match &mut self.way {
                Way::Lines(lines) => lines.next(&mut self.text)?,
                Way::Walk(walk) => match walk.step(&mut self.text) {
                    Step::Piece(piece) => piece,
                    Step::Wait => {
                        if walk.is_torn {
                            self.torn.get_or_insert(self.text.line);
                        }
                        return None;
                    }
                    Step::Part { path, header } => {
                        let part = self.part(path, header);
                        if let Way::Walk(walk) = &mut self.way {
                            walk.set_part(part);
                        }
                        continue;
                    }
                    Step::Broken(line, words) => {
                        return Some((0, fault(line, Reason::NotJson(words.to_owned()))));
                    }
                },
                Way::Held if self.text.is_ended => {
                    self.open_held();
                    continue;
                }
                Way::Held | Way::Nothing => return None,
                Way::Tables(..) => {
                    self.next_of_tables()?;
                    continue;
                }
            };
            self.take(piece);
        }
    }

    /// The part at this path; a new one, or the one that was there.
    fn part(&mut self, path: Vec<String>, header: Option<Vec<String>>) -> usize {
        if let Some(at) = self.parts.iter().position(|part| part.path == path) {
            return at;
        }
        let mut telling = path.as_slice();
        while let [before @ .., last] = telling
            && !before.is_empty()
            && names::is_container(last)
            && !names::is_split(last)
        {
            telling = before;
        }
        let short = telling.join("/");
        let name = if self.parts.iter().any(|part| part.name == short) {
            path.join("/")
        } else {
            short
        };
        self.parts.push(Part {
            name,
            rows: 0,
            path,
        });
        self.makers.push(Maker::new(header, &mut self.columns));
        self.parts.len() - 1
    }

    fn is_chosen(&self, part: usize) -> bool {
        match (&self.chosen, self.parts.get(part)) {
            (Some(chosen), Some(part)) => chosen.contains(&part.name),
            _ => true,
        }
    }

    /// Parses a piece, which may be several values in one line.
    fn take(&mut self, piece: Piece) {
        if self.parts.is_empty() {
            self.part(Vec::new(), None);
        }
        let Some(text) = &piece.text else {
            let fault = fault(piece.line, Reason::TooLong { most: MAX_ROW });
            self.found.push_back((piece.part, fault));
            return;
        };
        if !self.is_chosen(piece.part) {
            if let Some(part) = self.parts.get_mut(piece.part) {
                part.rows += 1;
            }
            return;
        }
        self.text.visited += text.len() as u64;
        let text = trim(text);
        let (values, broken) = self.values(text);
        for value in values {
            self.rows(piece.part, piece.line, value);
        }
        if let Some(broken) = broken {
            if piece.is_last && broken == Broken::EndsEarly {
                self.torn.get_or_insert(piece.line);
            }
            let fault = fault(piece.line, Reason::NotJson(broken.words()));
            self.found.push_back((piece.part, fault));
        }
    }

    /// The values of a text, and what is wrong behind them.
    fn values(&mut self, text: &str) -> (Vec<Value>, Option<Broken>) {
        let mut counts = Counts::default();
        let (values, broken) = values(text, &mut counts);
        if broken.is_some()
            && let Some(value) = python(text)
        {
            self.counts.python_lines += 1;
            return (vec![value], None);
        }
        self.counts.add(&counts);
        (values, broken)
    }

    fn rows(&mut self, part: usize, line: u64, value: Value) {
        if value.is_object() {
            return self.row(part, line, value);
        }
        let has_header = self.makers.get(part).is_some_and(Maker::has_header);
        for value in spread(value, has_header) {
            self.row(part, line, value);
        }
    }

    fn row(&mut self, part: usize, number: u64, value: Value) {
        let Some(maker) = self.makers.get_mut(part) else {
            return;
        };
        let item = match maker.make(value, &mut self.columns, &mut self.counts) {
            Made::Header => return,
            Made::Fault(reason) => fault(number, reason),
            Made::Row(cells) => {
                if let Some(part) = self.parts.get_mut(part) {
                    part.rows += 1;
                }
                Item::Row(Row { number, cells })
            }
        };
        self.found.push_back((part, item));
    }

    /// The whole text of a file by column is there.
    fn open_held(&mut self) {
        self.way = Way::Nothing;
        if self.refusal.is_some() {
            return;
        }
        let layout = sniff(self.text.rest());
        if !matches!(layout, Layout::ByColumn { .. }) {
            // The sample looked like one, the whole is none.
            self.way = way_of(&layout);
            if matches!(layout, Layout::Other(_)) {
                self.refusal = Some(Refusal::NotATable(layout));
            }
            return;
        }
        let text = self.text.take_all();
        self.text.visited += text.len() as u64;
        match parse(&text, &mut self.counts) {
            Ok(value) => {
                drop(text);
                self.way = Way::Tables(tables(value).into_iter(), None, 0);
            }
            Err(broken) => {
                let read = text.get(..glimpse(&text).end).unwrap_or_default();
                let line = 1 + read.trim_end().matches('\n').count() as u64;
                if broken == Broken::EndsEarly {
                    self.torn = Some(line);
                }
                self.refusal = Some(Refusal::Damaged {
                    line,
                    fault: broken.words(),
                });
            }
        }
    }

    /// Puts the next row of a held file with what was found; `None` after the last.
    fn next_of_tables(&mut self) -> Option<()> {
        let Way::Tables(tables, current, number) = &mut self.way else {
            return None;
        };
        *number += 1;
        let number = *number;
        if let Some(value) = current.as_mut().and_then(|table| table.rows.next()) {
            let part = self.parts.len().saturating_sub(1);
            if self.is_chosen(part) {
                self.row(part, number, value);
            } else if let Some(part) = self.parts.get_mut(part) {
                part.rows += 1;
            }
            return Some(());
        }
        let mut table = tables.next()?;
        let header = table.header.take();
        let path = if table.part.is_empty() {
            Vec::new()
        } else {
            vec![table.part.clone()]
        };
        *current = Some(table);
        if let Way::Tables(_, _, number) = &mut self.way {
            *number = 0;
        }
        self.part(path, header);
        Some(())
    }
}

impl Rows for Reader {
    fn push(&mut self, text: &str) {
        if self.refusal.is_some() {
            return;
        }
        self.text.push(text);
        if matches!(self.way, Way::Held) && self.text.rest().len() > MAX_HELD {
            self.text.take_all();
            self.refusal = Some(Refusal::TooLarge { most: MAX_HELD });
        }
    }

    fn end(&mut self) {
        self.text.is_ended = true;
    }

    fn next(&mut self) -> Option<Item> {
        self.next_in_part().map(|(_, item)| item)
    }

    fn columns(&self) -> &[String] {
        &self.columns.names
    }
}

fn way_of(layout: &Layout) -> Way {
    let walk = |depth, paths: &[Vec<String>], is_list| {
        Way::Walk(Walk::new(Wanted {
            depth,
            paths: paths.to_vec(),
            is_list,
        }))
    };
    match layout {
        Layout::Lines => Way::Lines(Lines::default()),
        Layout::Values | Layout::Row => walk(0, &[], false),
        Layout::List => walk(0, &[], true),
        Layout::Wrapped { depth, paths } => walk(*depth, paths, false),
        Layout::ByColumn { .. } => Way::Held,
        Layout::Other(_) => Way::Nothing,
    }
}

fn fault(number: u64, reason: Reason) -> Item {
    Item::Fault(Fault { number, reason })
}
