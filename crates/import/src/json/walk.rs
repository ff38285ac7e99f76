//! Cuts items out of lists, of lists inside an object, and of values that follow one another.

use super::buffer::{Buffer, is_space};
use super::names;
use super::orient::header_of;
use super::scan::{Found, MAX_ROW, Scan, first_name};
use super::text::Counts;
use super::value::parse;
use super::wanted::Wanted;

/// A piece of text that should be one row.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Line it begins on.
    pub(crate) line: u64,
    /// Its text; `None` when it is longer than any that is taken.
    pub(crate) text: Option<String>,
    /// Which part it is of.
    pub(crate) part: usize,
    /// The text of the file ended in it.
    pub(crate) is_last: bool,
}

/// What a walk found.
#[derive(Debug)]
pub(crate) enum Step {
    /// An item.
    Piece(Piece),
    /// A list of rows begins; the items that follow are of this part.
    Part {
        /// Where it stands.
        path: Vec<String>,
        /// Names of its columns, where they stood apart.
        header: Option<Vec<String>>,
    },
    /// Something that an object of lists can't hold.
    Broken(u64, &'static str),
    /// More text is needed, or there is none.
    Wait,
}

/// Where a name should stand.
const NO_NAME: &str = "a name in quotation marks is missing";

#[derive(Debug)]
enum Place {
    Top,
    /// Behind a member of an object, or at its beginning.
    Name,
    /// In a name.
    InName(Scan),
    /// Behind a name.
    Value,
    /// Behind the bracket of a list.
    Opened,
    /// Between items.
    Items,
    /// In an item.
    InItem(Scan),
    /// In a value that is passed over; with `true` it is the rest of a list of column names.
    Passed(Scan, bool),
}

/// Where in a file reading is.
#[derive(Debug)]
pub(crate) struct Walk {
    wanted: Wanted,
    place: Place,
    /// Names down to here.
    path: Vec<String>,
    /// How many objects are open.
    objects: usize,
    in_list: bool,
    /// What stands where a name should was told already.
    is_in_junk: bool,
    header: Option<Vec<String>>,
    /// First name of the items so far.
    name: Option<Vec<u8>>,
    /// Line on which the current item began.
    line: u64,
    part: usize,
    /// Members with lists of objects that were not taken.
    pub(crate) passed_over: Vec<String>,
    /// The text ended inside a list or an object.
    pub(crate) is_torn: bool,
}

impl Walk {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            place: Place::Top,
            path: Vec::new(),
            objects: 0,
            in_list: false,
            is_in_junk: false,
            header: None,
            name: None,
            line: 1,
            part: 0,
            passed_over: Vec::new(),
            is_torn: false,
        }
    }

    /// The part that the items which follow are of.
    pub(crate) fn set_part(&mut self, part: usize) {
        self.part = part;
    }

    pub(crate) fn step(&mut self, text: &mut Buffer) -> Step {
        loop {
            let place = std::mem::replace(&mut self.place, Place::Top);
            let step = match place {
                Place::Top => self.top(text),
                Place::Name => self.at_name(text),
                Place::InName(scan) => self.in_name(text, scan),
                Place::Value => self.at_value(text),
                Place::Opened => self.opened(text),
                Place::Items => self.items(text),
                Place::InItem(scan) => Some(self.in_item(text, scan)),
                Place::Passed(scan, is_header) => self.passed(text, scan, is_header),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Waits at `place`; at the end of the text that is where it was torn.
    fn wait(&mut self, text: &Buffer, place: Place) -> Step {
        self.is_torn |= text.is_ended && !matches!(place, Place::Top);
        self.place = place;
        Step::Wait
    }

    fn top(&mut self, text: &mut Buffer) -> Option<Step> {
        text.skip_between();
        match text.peek() {
            None => return Some(self.wait(text, Place::Top)),
            Some(b'[') if self.wanted.is_list => {
                text.advance(1);
                self.in_list = true;
                return Some(self.begin_part());
            }
            Some(b'{') if self.wanted.depth > 0 => {
                text.advance(1);
                self.objects = 1;
                self.place = Place::Name;
            }
            // Closes nothing.
            Some(b']' | b'}') => text.advance(1),
            Some(_) => self.begin_item(text),
        }
        None
    }

    fn begin_part(&mut self) -> Step {
        self.place = Place::Items;
        self.name = None;
        Step::Part {
            path: self.path.clone(),
            header: self.header.clone(),
        }
    }

    fn begin_item(&mut self, text: &Buffer) {
        self.line = text.line;
        self.place = Place::InItem(Scan::default());
    }

    fn at_name(&mut self, text: &mut Buffer) -> Option<Step> {
        text.skip_between();
        match text.peek() {
            None => return Some(self.wait(text, Place::Name)),
            Some(b'}') => {
                text.advance(1);
                self.objects = self.objects.saturating_sub(1);
                self.header = None;
                self.is_in_junk = false;
                self.leave();
            }
            Some(b'"') => {
                self.is_in_junk = false;
                self.place = Place::InName(Scan::default());
            }
            Some(_) => {
                let line = text.line;
                self.place = Place::Name;
                let junk = text.rest().find(['"', '}']).unwrap_or(text.rest().len());
                text.advance(junk);
                if std::mem::replace(&mut self.is_in_junk, true) {
                    return None;
                }
                return Some(Step::Broken(line, NO_NAME));
            }
        }
        None
    }

    /// Behind a value: at the next name, or at the top.
    fn leave(&mut self) {
        self.path.pop();
        self.place = if self.objects > 0 {
            Place::Name
        } else {
            Place::Top
        };
    }

    fn in_name(&mut self, text: &mut Buffer, mut scan: Scan) -> Option<Step> {
        if let Found::Nothing = look(text, &mut scan, Looked::Name) {
            return Some(self.wait(text, Place::InName(scan)));
        }
        let line = text.line;
        let written = text.take(scan.at);
        let name = match parse(&written, &mut Counts::default()) {
            Ok(serde_json::Value::String(name)) => name,
            _ => return Some(self.broken_name(line)),
        };
        self.path.push(name);
        self.place = Place::Value;
        None
    }

    fn broken_name(&mut self, line: u64) -> Step {
        self.path.push(String::new());
        self.place = Place::Value;
        Step::Broken(line, NO_NAME)
    }

    fn at_value(&mut self, text: &mut Buffer) -> Option<Step> {
        let between = (text.rest().bytes())
            .take_while(|byte| is_space(*byte) || *byte == b':')
            .count();
        text.advance(between);
        match text.peek() {
            None => return Some(self.wait(text, Place::Value)),
            Some(b'[') => {
                text.advance(1);
                self.place = Place::Opened;
            }
            Some(b'{') if self.wanted.is_entered(&self.path) => {
                text.advance(1);
                self.objects += 1;
                self.place = Place::Name;
            }
            Some(b',' | b'}' | b']') => self.leave(),
            Some(_) => self.place = Place::Passed(Scan::default(), false),
        }
        None
    }

    fn opened(&mut self, text: &mut Buffer) -> Option<Step> {
        text.skip_between();
        let Some(first) = text.peek() else {
            return Some(self.wait(text, Place::Opened));
        };
        if first == b']' {
            text.advance(1);
            self.leave();
        } else if self.wanted.is_taken(&self.path, first) {
            self.in_list = true;
            return Some(self.begin_part());
        } else {
            let name = self.path.last().map_or("", String::as_str);
            let is_header = names::is_header(name);
            self.place = Place::Passed(Scan::in_array(), is_header);
        }
        None
    }

    fn passed(&mut self, text: &mut Buffer, mut scan: Scan, is_header: bool) -> Option<Step> {
        match look(text, &mut scan, Looked::Value(None)) {
            Found::Nothing if is_header && scan.at < MAX_ROW => {
                Some(self.wait(text, Place::Passed(scan, true)))
            }
            Found::Nothing => {
                text.advance(scan.at);
                scan.at = 0;
                Some(self.wait(text, Place::Passed(scan, false)))
            }
            Found::End(end) => {
                let name = self.path.last().map_or("", String::as_str);
                if scan.holds_list && !names::is_header(name) && !names::is_beside(name) {
                    self.passed_over.push(self.path.join("."));
                }
                if is_header {
                    let list = format!("[{}", text.take(end));
                    self.header = parse(&list, &mut Counts::default())
                        .ok()
                        .and_then(|list| header_of(&list))
                        .or_else(|| self.header.take());
                } else {
                    text.advance(end);
                }
                self.leave();
                None
            }
        }
    }

    fn items(&mut self, text: &mut Buffer) -> Option<Step> {
        text.skip_between();
        match text.peek() {
            None => return Some(self.wait(text, Place::Items)),
            Some(b']') => {
                text.advance(1);
                self.in_list = false;
                self.leave();
            }
            // The list was never closed, the object is.
            Some(b'}') if self.objects > 0 => {
                self.in_list = false;
                self.leave();
            }
            Some(b'}') => {
                text.advance(1);
                self.place = Place::Items;
            }
            Some(_) => self.begin_item(text),
        }
        None
    }

    fn in_item(&mut self, text: &mut Buffer, mut scan: Scan) -> Step {
        const NAME: usize = 256;
        if self.name.is_none() && !scan.is_dropped && text.peek() == Some(b'{') {
            let bytes = text.rest().as_bytes();
            let head = bytes.get(..NAME.min(bytes.len())).unwrap_or_default();
            self.name = first_name(&String::from_utf8_lossy(head));
        }
        match look(text, &mut scan, Looked::Value(self.name.as_deref())) {
            Found::Nothing => {
                if scan.at > MAX_ROW {
                    text.advance(scan.at);
                    scan.at = 0;
                    scan.is_dropped = true;
                }
                self.wait(text, Place::InItem(scan))
            }
            Found::End(end) => {
                let is_long = scan.is_dropped || end > MAX_ROW;
                let item = if is_long {
                    text.advance(end);
                    None
                } else {
                    Some(text.take(end))
                };
                let is_last = text.is_ended && text.peek().is_none();
                self.place = if self.in_list {
                    Place::Items
                } else {
                    Place::Top
                };
                Step::Piece(Piece {
                    line: self.line,
                    text: item,
                    part: self.part,
                    is_last,
                })
            }
        }
    }
}

/// What a scan looks for.
#[derive(Clone, Copy)]
enum Looked<'a> {
    /// The end of a name.
    Name,
    /// The end of a value, which may be broken off where an item with this first name begins.
    Value(Option<&'a [u8]>),
}

/// Goes on with a scan, and counts what it looked at.
fn look(text: &mut Buffer, scan: &mut Scan, looked: Looked) -> Found {
    let before = scan.at;
    let bytes = text.rest().as_bytes();
    let found = match looked {
        Looked::Name => scan.run_text(bytes, text.is_ended),
        Looked::Value(name) => scan.run(bytes, text.is_ended, name),
    };
    text.visited += (scan.at - before) as u64;
    found
}
