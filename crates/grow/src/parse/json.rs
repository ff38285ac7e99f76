//! Lists that come as data: JSON, or what models write for it. Nearly everything that repair libraries mend is mended
//! while it is read: missing or doubled commas, quotes and brackets, other kinds of quotes, quotes inside texts, bare
//! keys, words of Python and JavaScript, comments, texts cut off. LaTeX keeps its backslashes, which JSON would take for
//! escapes.

use super::clean::{Mark, has_end_mark, marked};

/// Keys that hold the text of an item, before any list beside them.
const TEXT_KEYS: [&str; 8] = [
    "instruction",
    "question",
    "prompt",
    "query",
    "text",
    "task",
    "content",
    "request",
];
/// Keys that hold it where there is nothing else.
const NAME_KEYS: [&str; 3] = ["topic", "perspective", "name"];
/// Keys of errors and schemas, whose texts are no items.
const OTHER_KEYS: [&str; 10] = [
    "error",
    "errors",
    "detail",
    "message",
    "msg",
    "type",
    "code",
    "status",
    "properties",
    "required",
];

/// Levels of brackets at most.
const MOST_DEPTH: usize = 32;
/// Characters that are looked ahead at most, so that the time stays in proportion to the length.
const AHEAD: usize = 400;
/// LaTeX commands that begin like an escape and are meant outside formulas too.
const COMMANDS: [&str; 10] = [
    "theta", "tau", "times", "tan", "text", "rho", "right", "nabla", "neq", "nu",
];

/// A text of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// It came to its end.
    pub(crate) is_whole: bool,
}

/// A list found in a text.
pub(crate) struct Found {
    /// Its texts.
    pub(crate) items: Vec<Text>,
}

/// What the data says, as far as it can be an item.
enum Value {
    Text(Text),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
    Other,
}

/// The list in `text`, if data begins it, or a line of it behind talk, a key or a variable.
/// `are_names`: of an object that has both, the name is the item, not the text.
pub(crate) fn list(text: &str, are_names: bool) -> Option<Found> {
    let way = Way {
        levels: 2,
        are_names,
    };
    found(text, way)
}

/// How data is read.
#[derive(Clone, Copy)]
struct Way {
    /// Lists within texts that are opened.
    levels: usize,
    are_names: bool,
}

impl Way {
    fn inside(self) -> Self {
        Self {
            levels: self.levels.saturating_sub(1),
            ..self
        }
    }
}

fn found(text: &str, way: Way) -> Option<Found> {
    let text = text.trim_start_matches('\u{feff}').trim();
    // A list written as a text, or with the quotes of one.
    if let Ok(inner) = serde_json::from_str::<String>(text)
        && way.levels > 0
    {
        return found(&inner, way.inside());
    }
    let mut reader = Reader::new(text);
    let start = reader.start()?;
    if reader.is_escaped(start) {
        let text: String = reader.chars.iter().collect();
        return (way.levels > 0)
            .then(|| {
                found(
                    &text.replace("\\\"", "\"").replace("\\\\", "\\"),
                    way.inside(),
                )
            })
            .flatten();
    }
    let is_data = text
        .chars()
        .take(start)
        .all(|c| c.is_whitespace() || c == '`');
    let mut items = Vec::new();
    reader.all(start, |value| texts(value, way, &mut items));
    // Data without a text is no list of lines either.
    let is_list = !items.is_empty() || is_data;
    is_list.then_some(Found { items })
}

/// The items of a value, in order.
fn texts(value: Value, way: Way, out: &mut Vec<Text>) {
    match value {
        Value::Text(text) => {
            let is_data = way.levels > 0 && text.text.trim_start().starts_with(['[', '{']);
            match is_data.then(|| found(&text.text, way.inside())).flatten() {
                Some(inner) if !inner.items.is_empty() => out.extend(inner.items),
                _ => out.push(text),
            }
        }
        Value::List(list) => {
            for value in list {
                match value {
                    Value::Object(members) => of_object(members, way, false, out),
                    value => texts(value, way, out),
                }
            }
        }
        Value::Object(members) => of_object(members, way, true, out),
        Value::Other => {}
    }
}

/// The items of an object; one that is alone, not one of a list, may hold them under any keys.
fn of_object(members: Vec<(String, Value)>, way: Way, is_alone: bool, out: &mut Vec<Text>) {
    let is_named =
        |key: &str, names: &[&str]| names.iter().any(|name| key.eq_ignore_ascii_case(name));
    // A set.
    if members.iter().all(|(key, _)| key.is_empty()) {
        for (_, value) in members {
            texts(value, way, out);
        }
        return;
    }
    // A message of somebody else.
    let is_others = members.iter().any(|(key, value)| {
        is_named(key, &["role"])
            && matches!(value, Value::Text(role) if !is_named(&role.text, &["user", "human"]))
    });
    if is_others {
        return;
    }
    let text_at = |names: &[&str]| {
        names.iter().find_map(|name| {
            members.iter().position(|(key, value)| {
                key.eq_ignore_ascii_case(name) && matches!(value, Value::Text(_))
            })
        })
    };
    let is_holder = |(key, value): &(String, Value)| {
        matches!(value, Value::List(_) | Value::Object(_)) && !is_named(key, &OTHER_KEYS)
    };
    let is_numbered = |key: &str| {
        let key = key.trim_end_matches(['.', ')']);
        let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let bare = name.trim_end_matches(['_', '-', ' ', '#']);
        name.len() < key.len()
            && (bare.is_empty() || is_named(bare, &TEXT_KEYS) || is_named(bare, &["q", "item"]))
    };
    let only_text = || {
        let mut found = members
            .iter()
            .enumerate()
            .filter(|(_, (_, value))| matches!(value, Value::Text(_)));
        let (at, (key, _)) = found.next()?;
        (found.next().is_none() && !is_named(key, &OTHER_KEYS)).then_some(at)
    };
    let take = |at: usize, members: Vec<(String, Value)>, out: &mut Vec<Text>| {
        if let Some((_, value)) = members.into_iter().nth(at) {
            texts(value, way, out);
        }
    };
    let name = way.are_names.then(|| text_at(&NAME_KEYS)).flatten();
    if let Some(at) = name.or_else(|| text_at(&TEXT_KEYS)) {
        take(at, members, out);
    } else if members.iter().any(is_holder) {
        members
            .into_iter()
            .filter(is_holder)
            .for_each(|(_, value)| texts(value, way, out));
    } else if members.iter().any(|(key, _)| is_numbered(key)) {
        members
            .into_iter()
            .filter(|(key, _)| is_numbered(key))
            .for_each(|(_, value)| texts(value, way, out));
    } else if let Some(at) = text_at(&NAME_KEYS).or_else(only_text) {
        take(at, members, out);
    } else if is_alone && !members.iter().any(|(key, _)| is_named(key, &OTHER_KEYS)) {
        for (_, value) in members {
            texts(value, way, out);
        }
    }
}

/// Quotes and what closes them.
fn closing(open: char) -> Option<char> {
    Some(match open {
        '"' | '\'' | '`' => open,
        '“' | '„' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    })
}

/// The first place from `from` on, not far, where this holds.
fn near(from: usize, holds: &dyn Fn(usize) -> bool) -> Option<usize> {
    (from..from + AHEAD).find(|at| holds(*at))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    /// Objects that are open.
    objects: usize,
    #[cfg(test)]
    reads: std::cell::Cell<usize>,
}

impl Reader {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            depth: 0,
            objects: 0,
            #[cfg(test)]
            reads: std::cell::Cell::default(),
        }
    }

    /// Everything that is data, from the bracket at `start` on.
    fn all(&mut self, start: usize, mut take: impl FnMut(Value)) {
        let mut next = Some(start);
        while let Some(start) = next {
            self.at = start;
            if let Some(value) = self.value() {
                take(value);
            }
            next = self.start();
        }
    }

    fn char(&self, at: usize) -> Option<char> {
        #[cfg(test)]
        self.reads.set(self.reads.get() + 1);
        self.chars.get(at).copied()
    }

    fn has(&self, at: usize, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(offset, c)| self.char(at + offset) == Some(c))
    }

    fn is_any(&self, at: usize, of: &str) -> bool {
        self.char(at).is_some_and(|c| of.contains(c))
    }

    fn is_quote(&self, at: usize) -> bool {
        self.char(at).and_then(closing).is_some()
    }

    fn has_line(&self, from: usize, to: usize) -> bool {
        let between = self.chars.get(from..to).unwrap_or_default();
        between.contains(&'\n')
    }

    /// Behind blanks and comments.
    fn skip(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            while self.char(at).is_some_and(char::is_whitespace) {
                at += 1;
            }
            let end = if self.has(at, "/*") {
                near(at, &|at| self.has(at, "*/")).map(|at| at + 2)
            } else if self.has(at, "//") || (self.has(at, "#") && self.is_line_start(at)) {
                near(at, &|at| self.char(at).is_none_or(|c| c == '\n'))
            } else {
                None
            };
            match end {
                Some(end) => at = end,
                None => return at,
            }
        }
    }

    fn is_line_start(&self, at: usize) -> bool {
        let before = (0..at).rev().take(AHEAD).map(|at| self.char(at));
        for c in before {
            match c {
                Some('\n') => return true,
                Some(c) if c.is_whitespace() => {}
                _ => return false,
            }
        }
        true
    }

    /// The next bracket from here on that begins data.
    fn start(&self) -> Option<usize> {
        let mut line_start = self.at;
        // Text that is no data, and fences, in the line so far.
        let (mut last, mut has_fence) = (None, false);
        for at in self.at..self.chars.len() {
            let c = self.char(at)?;
            if c == '\n' {
                if self.is_numbered_line(line_start, at) {
                    return None;
                }
                (line_start, last, has_fence) = (at + 1, None, false);
                continue;
            }
            if matches!(c, '[' | '{' | '(') {
                let is_before = last.is_none_or(|before| {
                    has_fence
                        || (":=(!.>);}],`".contains(before) && !self.is_marked_line(line_start, at))
                });
                if is_before && self.opens(at, c, last) {
                    return Some(at);
                }
            }
            has_fence |= c == '`' && self.has(at, "```");
            if !c.is_whitespace() {
                last = Some(c);
            }
        }
        None
    }

    fn line(&self, from: usize, to: usize) -> String {
        let to = to.min(from + AHEAD);
        let line = self.chars.get(from..to).unwrap_or_default();
        line.iter().collect::<String>().trim().to_owned()
    }

    fn is_marked_line(&self, from: usize, to: usize) -> bool {
        marked(&self.line(from, to)).is_some_and(|(mark, _)| mark != Mark::Label)
    }

    /// An item of a list of lines: what follows is a part of one.
    fn is_numbered_line(&self, from: usize, to: usize) -> bool {
        matches!(marked(&self.line(from, to)), Some((Mark::Number, rest))
            if rest.split_whitespace().count() > 2)
    }

    /// What stands behind the bracket is data.
    fn opens(&self, at: usize, bracket: char, before: Option<char>) -> bool {
        let next = self.skip(at + 1);
        let Some(c) = self.char(next) else {
            return before.is_none() && bracket != '(';
        };
        let is_quote = closing(c).is_some() || self.is_escaped(at) || self.prefix(next) > 0;
        match bracket {
            '(' => is_quote && matches!(before, None | Some('=')),
            '[' => {
                is_quote
                    || matches!(c, '{' | '[' | ',')
                    || (c == ']' && before.is_none())
                    || (c == '(' && self.char(next + 1).is_some_and(|c| closing(c).is_some()))
            }
            _ => {
                is_quote
                    || c == '{'
                    || (c == '}' && before.is_none())
                    || self.bare_key(next).is_some()
            }
        }
    }

    fn is_escaped(&self, at: usize) -> bool {
        self.has(self.skip(at + 1), "\\\"")
    }

    /// Letters before a quote that say how Python reads it.
    fn prefix(&self, at: usize) -> usize {
        usize::from(self.is_any(at, "rufb") && self.is_any(at + 1, "\"'"))
    }

    /// Behind the colon of a key without quotes, and the key.
    fn bare_key(&self, at: usize) -> Option<(usize, String)> {
        let end = near(at, &|at| {
            !(self.is_any(at, "_-") || self.char(at).is_some_and(char::is_alphanumeric))
        })?;
        let colon = self.skip(end);
        (end > at && self.char(colon) == Some(':') && !self.has(colon, "://"))
            .then(|| (colon + 1, self.line(at, end)))
    }

    fn is_over(&self, at: usize) -> bool {
        at >= self.chars.len() || self.has(at, "```")
    }

    fn value(&mut self) -> Option<Value> {
        self.at = self.skip(self.at);
        self.at += self.prefix(self.at);
        let c = self.char(self.at)?;
        if matches!(c, '[' | '(' | '{') {
            if self.depth == MOST_DEPTH {
                self.at += 1;
                return Some(Value::Other);
            }
            self.depth += 1;
            self.at += 1;
            let value = if c == '{' {
                self.objects += 1;
                let object = self.object();
                self.objects -= 1;
                Value::Object(object)
            } else {
                Value::List(self.list())
            };
            self.depth -= 1;
            return Some(value);
        }
        if closing(c).is_some() {
            return Some(Value::Text(self.text(false)));
        }
        Some(self.bare())
    }

    fn list(&mut self) -> Vec<Value> {
        let mut list = Vec::new();
        loop {
            self.at = self.skip(self.at);
            if self.is_over(self.at) {
                return list;
            }
            match self.char(self.at) {
                Some(']' | ')') => {
                    self.at += 1;
                    return list;
                }
                Some(';') => return list,
                Some('}') => {
                    let next = self.skip(self.at + 1);
                    let goes_on =
                        self.char(next) == Some(',') && self.char(self.skip(next + 1)) == Some('{');
                    if self.objects > 0 && !goes_on {
                        return list;
                    }
                    self.at += 1;
                }
                Some(',' | '.' | '…' | ':' | '\\') => self.at += 1,
                _ => {
                    let Some(value) = self.value() else {
                        return list;
                    };
                    // A member whose brace is missing.
                    let next = self.skip(self.at);
                    let value = match value {
                        Value::Text(key) if self.char(next) == Some(':') => {
                            self.at = next + 1;
                            let value = self.value().unwrap_or(Value::Other);
                            Value::Object(vec![(key.text, value)])
                        }
                        value => value,
                    };
                    list.push(value);
                }
            }
        }
    }

    fn object(&mut self) -> Vec<(String, Value)> {
        let mut members = Vec::new();
        loop {
            self.at = self.skip(self.at);
            if self.is_over(self.at) {
                return members;
            }
            let c = self.char(self.at).unwrap_or_default();
            match c {
                '}' => {
                    self.at += 1;
                    return members;
                }
                // The brace is missing.
                ']' | ')' => return members,
                '{' if !members.is_empty() => return members,
                ',' | '.' | '…' | ':' | ';' | '\\' => self.at += 1,
                '[' | '(' | '{' => {
                    let value = self.value().unwrap_or(Value::Other);
                    members.push((String::new(), value));
                }
                _ => {
                    let key = if let Some((behind, key)) = self.bare_key(self.at) {
                        self.at = behind;
                        key
                    } else {
                        self.at += self.prefix(self.at);
                        let text = if closing(self.char(self.at).unwrap_or_default()).is_some() {
                            self.text(true)
                        } else {
                            match self.bare() {
                                Value::Text(text) => text,
                                _ => continue,
                            }
                        };
                        let next = self.skip(self.at);
                        if self.char(next) != Some(':') {
                            // An item of a set; a key that was cut is nothing.
                            if text.is_whole {
                                members.push((String::new(), Value::Text(text)));
                            }
                            continue;
                        }
                        self.at = next + 1;
                        text.text.trim().to_owned()
                    };
                    self.at = self.skip(self.at);
                    let value = match self.char(self.at) {
                        None | Some(',' | '}' | ']') => Value::Other,
                        _ => self.value().unwrap_or(Value::Other),
                    };
                    members.push((key, value));
                }
            }
            // What has no key among keys is nothing, or more of the list above.
            let is_keyed = members.iter().any(|(key, _)| !key.is_empty());
            if is_keyed && members.last().is_some_and(|(key, _)| key.is_empty()) {
                let more = members.pop();
                if let (Some((_, Value::List(more))), Some((_, Value::List(list)))) =
                    (more, members.last_mut())
                {
                    list.extend(more);
                }
            }
        }
    }

    /// A word, a number, or a text whose opening quote is missing.
    fn bare(&mut self) -> Value {
        let from = self.at;
        let mut at = from;
        let mut is_quoted = false;
        while let Some(c) = self.char(at) {
            let is_end = match c {
                '\n' | ']' | '}' | ';' => true,
                '"' if self.ends(at, 1, false) => {
                    is_quoted = true;
                    true
                }
                ',' => {
                    let next = self.skip(at + 1);
                    let is_next = self.char(next).is_none_or(|c| {
                        closing(c).is_some() || matches!(c, '{' | '[' | ']' | '}' | '.')
                    });
                    is_next || self.bare_key(next).is_some() || at - from < 12
                }
                '"' => self.line(from, at).split_whitespace().count() < 2,
                _ => false,
            };
            if is_end {
                break;
            }
            at += 1;
        }
        let text = self.chars.get(from..at).unwrap_or_default();
        let text = text.iter().collect::<String>().trim().to_owned();
        self.at = at.max(from + 1) + usize::from(is_quoted);
        let is_text =
            text.split_whitespace().count() > 1 || text.chars().count() > 8 && !text.is_ascii();
        if is_text {
            Value::Text(Text {
                is_whole: at < self.chars.len(),
                text,
            })
        } else {
            Value::Other
        }
    }

    /// A text in quotes; `self.at` is at the opening one.
    fn text(&mut self, is_key: bool) -> Text {
        let open = self.char(self.at).unwrap_or_default();
        let close = closing(open).unwrap_or(open);
        self.at += 1;
        // ""Quotes"" as CSV doubles them.
        let is_doubled = self.char(self.at) == Some(open)
            && self.char(self.at + 1).is_some_and(char::is_alphanumeric);
        let width = 1 + usize::from(is_doubled);
        self.at += usize::from(is_doubled);
        let mut text = String::new();
        let mut inner = 0;
        // A formula ends here.
        let mut math_until = 0;
        // Blanks up to here were looked at.
        let mut blank_until = 0;
        while let Some(c) = self.char(self.at) {
            if c == '\\' {
                self.escape(&mut text, &mut math_until);
                continue;
            }
            if c == '$' && self.at >= math_until {
                math_until = self.math_end(self.at).unwrap_or(math_until);
            }
            let is_quote = c == close || (open == '“' && c == '"') || (open == '„' && c == '“');
            if is_quote && (width == 1 || self.char(self.at + 1) == Some(c)) {
                let next = self.skip(self.at + width);
                // "One " + "text"
                if self.char(next) == Some('+') {
                    let more = self.skip(next + 1);
                    if self.char(more) == Some(open) {
                        self.at = more + 1;
                        continue;
                    }
                }
                let is_odd = inner % 2 == 1 && c == '"' && open == '"';
                if self.ends_text(&text, width, is_odd, is_key) {
                    let is_last = self.at + width >= self.chars.len();
                    self.at += width;
                    return Text {
                        is_whole: !(is_last && inner > 0 && !has_end_mark(&text)),
                        text,
                    };
                }
                inner += 1;
            }
            if c == '\n' && self.at >= blank_until {
                // The closing quote was forgotten: the next line begins with the next text.
                let next = self.skip(self.at);
                blank_until = next;
                let bare = text.trim_end();
                if self.char(next) == Some(open) && bare.ends_with(',') && inner % 2 == 0 {
                    self.at = next;
                    let bare = bare.trim_end_matches(',').to_owned();
                    return Text {
                        text: bare,
                        is_whole: true,
                    };
                }
                if self.is_any(next, "]}") && self.is_over(self.skip(next + 1)) {
                    break;
                }
            }
            if self.has(self.at, "```") {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        // Only the quote was forgotten.
        let bare = text.trim_end_matches([']', '}', ';', ' ', '\n']);
        if has_end_mark(bare) && bare.len() < text.len() {
            text.truncate(bare.len());
        }
        Text {
            text,
            is_whole: false,
        }
    }

    /// The quote at `self.at` ends `text` instead of standing in it.
    fn ends_text(&self, text: &str, width: usize, is_odd: bool, is_key: bool) -> bool {
        if !self.ends(self.at, width, is_key) {
            return false;
        }
        if !is_odd {
            return true;
        }
        // An odd quote may close a quotation: then the text goes on behind a comma.
        let next = self.skip(self.at + width);
        let is_comma = self.char(next) == Some(',');
        let is_line = self.has_line(self.at, self.skip(next + 1));
        has_end_mark(text) || !is_comma || is_line || self.is_proper(self.skip(next + 1))
    }

    /// What stands behind the quote at `at` can stand behind a text.
    fn ends(&self, at: usize, width: usize, is_key: bool) -> bool {
        let from = at + width;
        let next = self.skip(from);
        if self.is_over(next) {
            return true;
        }
        let before = at.checked_sub(1).and_then(|at| self.char(at));
        let is_sentence = before.is_some_and(|c| has_end_mark(c.encode_utf8(&mut [0; 4])));
        let is_line = self.has_line(from, next);
        match self.char(next).unwrap_or_default() {
            ':' => is_key || self.objects == 0 && self.char(from) == Some(':'),
            ']' | '}' | ')' => {
                // A bracket of the text itself has more of the text behind it.
                let behind = self.skip(next + 1);
                self.is_over(behind)
                    || self.is_any(behind, ",]});{[\"<")
                    || self.has_line(next + 1, behind)
                    || is_sentence
            }
            ';' => true,
            ',' => {
                let after = self.skip(next + 1);
                is_sentence
                    || self.is_over(after)
                    || self.prefix(after) > 0
                    || self.bare_key(after).is_some()
                    || self.is_quote(after)
                    || self.is_any(after, "{[]})(.…,-0123456789")
                    || self.is_word(after)
            }
            // A comma is missing.
            '{' | '[' => next > from,
            c if closing(c).is_some() => {
                let is_new = next > from && (is_sentence || is_line || self.is_proper(next));
                is_new || (self.objects > 0 && self.is_proper_key(next))
            }
            _ => self.objects > 0 && next > from && self.bare_key(next).is_some() && is_sentence,
        }
    }

    /// A text in quotes begins here that ends where a text can end.
    fn is_proper(&self, at: usize) -> bool {
        let Some(close) = self.char(at).and_then(closing) else {
            return true;
        };
        let end = near(at + 1, &|at| self.char(at) == Some(close));
        end.is_some_and(|end| {
            let next = self.skip(end + 1);
            self.is_over(next) || self.is_any(next, ",]}):;")
        })
    }

    fn is_proper_key(&self, at: usize) -> bool {
        let Some(close) = self.char(at).and_then(closing) else {
            return false;
        };
        let end = near(at + 1, &|at| self.char(at) == Some(close));
        end.is_some_and(|end| self.char(self.skip(end + 1)) == Some(':'))
    }

    fn is_word(&self, at: usize) -> bool {
        ["true", "false", "none", "null", "nan", "undefined"]
            .iter()
            .any(|word| self.line(at, at + word.len()).eq_ignore_ascii_case(word))
    }

    /// Where the formula ends that begins at `at` with a dollar sign. A price has no end: no digit follows one, and no
    /// blank stands before it.
    fn math_end(&self, at: usize) -> Option<usize> {
        let is_double = self.char(at + 1) == Some('$');
        let from = at + 1 + usize::from(is_double);
        let first = self.char(from)?;
        if first.is_whitespace() && !is_double {
            return None;
        }
        for end in from..from + AHEAD {
            match self.char(end)? {
                '"' | '\n' => return None,
                '$' if is_double => return Some(end + 2),
                '$' => {
                    let is_end = !self.char(end - 1)?.is_whitespace()
                        && !self.char(end + 1).is_some_and(|c| c.is_ascii_digit());
                    return is_end.then_some(end + 1);
                }
                _ => {}
            }
        }
        None
    }

    /// Reads the escape at `self.at`.
    fn escape(&mut self, text: &mut String, math_until: &mut usize) {
        let Some(c) = self.char(self.at + 1) else {
            self.at += 1;
            return;
        };
        let is_math = self.at < *math_until;
        let behind = self.char(self.at + 2);
        let is_command = behind.is_some_and(|c| c.is_ascii_alphabetic());
        let word: String = (self.at + 1..self.at + 12)
            .map_while(|at| self.char(at))
            .take_while(char::is_ascii_alphabetic)
            .collect();
        let is_named = COMMANDS.contains(&word.as_str());
        self.at += 2;
        let plain = match c {
            '"' | '\\' | '/' | '\'' | '`' => c,
            'n' | 't' | 'r' | 'v' if !(is_command && (is_math || is_named)) => {
                if c == 'n' {
                    '\n'
                } else {
                    ' '
                }
            }
            'b' | 'f' if !is_command => ' ',
            'u' => {
                if let Some(unit) = self.unit(self.at - 2) {
                    self.at += 4;
                    let pair = match self.unit(self.at) {
                        Some(low)
                            if (0xD800..0xDC00).contains(&unit)
                                && (0xDC00..0xE000).contains(&low) =>
                        {
                            self.at += 6;
                            [unit, low]
                        }
                        _ => [0, unit],
                    };
                    // Half a character says nothing.
                    let whole = char::decode_utf16(pair).filter_map(Result::ok);
                    text.extend(whole.filter(|c| *c != '\0'));
                    return;
                }
                let is_cut = (self.at..self.at + 4).any(|at| self.char(at).is_none());
                if !is_cut {
                    text.push_str("\\u");
                }
                return;
            }
            '(' | '[' => {
                let end = if c == '(' { "\\)" } else { "\\]" };
                let end = near(self.at, &|at| self.has(at, end));
                *math_until = end.unwrap_or(*math_until);
                text.push('\\');
                c
            }
            _ if is_math
                || c.is_ascii_alphabetic()
                || matches!(c, ')' | ']' | '{' | '}' | '$' | '%') =>
            {
                text.push('\\');
                c
            }
            _ => c,
        };
        text.push(plain);
    }

    fn unit(&self, at: usize) -> Option<u16> {
        if !self.has(at, "\\u") {
            return None;
        }
        let digits: String = (at + 2..at + 6).map_while(|at| self.char(at)).collect();
        (digits.len() == 4).then(|| u16::from_str_radix(&digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_in_proportion_to_the_length_of_the_text() {
        let reads = |piece: &str, count: usize| {
            let mut reader = Reader::new(&format!("[\"{}", piece.repeat(count)));
            reader.all(0, |_| {});
            reader.reads.get()
        };
        for piece in [
            "a", "\"", "\", \"", "\",", "[", "[\"", "{", "{\"", "{a:", "(", "(\"", "/*", "//",
            "\n", "\n[", "1. [", ":[", " ", "$", "$x", "\\(", "\\", "\\u", "'", "“", "}", "]",
            "\"]", "\"}", ",", "#", "\n#", "```", "\" + \"", "x\" y", ";",
        ] {
            let (few, many) = (reads(piece, 1_000), reads(piece, 10_000));
            assert!(many <= few * 11 + 10_000, "{piece:?}: {few}, {many}");
        }
    }
}
