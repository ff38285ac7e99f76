//! A YAML document as a tree that knows where its nodes stand, and edits that touch only what changed.
//!
//! An edit is made on a copy of the tree; [`edited`] then writes the difference into the text, node by node. Its result is
//! read again: unless it means exactly what the edited tree means and still has every comment, the whole document is
//! written anew from the tree, and if that fails the same check, nothing is written at all.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Deeper documents are not edited.
const DEPTH: usize = 64;
/// Nodes of one document, aliases resolved.
const NODES: usize = 200_000;
/// A longer key needs the explicit form.
const KEY: usize = 1000;

/// Why a text can't be read as one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Line (from 1) and what the reader says.
    Syntax(usize, String),
    /// More than one document.
    Documents,
    /// A key that stands twice in one mapping: readers differ in which one counts, the Hub's refuses.
    Duplicate(String),
    /// Too deep, or too many nodes.
    TooMuch,
}

/// How a scalar was written: only a plain one can be anything but a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    /// Literal or folded lines.
    Lines,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Scalar(String, Style),
    Seq(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// A node. One that was read keeps its place through edits of the tree; a new one has none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    tag: Option<String>,
    at: Option<Range<usize>>,
    is_flow: bool,
    /// A comment to stand behind a new node.
    comment: Option<&'static str>,
}

/// A document: its tree, and where its scalars and aliases stand.
#[derive(Clone, Debug)]
pub(crate) struct Doc {
    pub(crate) root: Node,
    leaves: Vec<Range<usize>>,
}

impl Node {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            tag: None,
            at: None,
            is_flow: false,
            comment: None,
        }
    }

    /// A string.
    pub(crate) fn text(text: &str) -> Self {
        let style = if is_plain(text) {
            Style::Plain
        } else {
            Style::Quoted
        };
        Self::new(Kind::Scalar(text.to_owned(), style))
    }

    /// A number or a boolean.
    pub(crate) fn plain(value: impl ToString) -> Self {
        Self::new(Kind::Scalar(value.to_string(), Style::Plain))
    }

    /// A list of strings.
    pub(crate) fn texts<T: AsRef<str>>(items: &[T]) -> Self {
        Self::seq(items.iter().map(|item| Self::text(item.as_ref())).collect())
    }

    pub(crate) fn seq(items: Vec<Self>) -> Self {
        Self::new(Kind::Seq(items))
    }

    pub(crate) fn map(pairs: Vec<(&str, Self)>) -> Self {
        Self::new(Kind::Map(
            pairs
                .into_iter()
                .map(|(key, value)| (Self::text(key), value))
                .collect(),
        ))
    }

    /// The same with a comment behind it.
    pub(crate) fn with_comment(mut self, comment: &'static str) -> Self {
        self.comment = Some(comment);
        self
    }

    /// A scalar's text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// A scalar's text, or the texts of a list of scalars.
    pub(crate) fn as_texts(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Seq(items) => items.iter().filter_map(Self::as_text).collect(),
            _ => self.as_text().into_iter().collect(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, Style::Plain)
            if self.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Scalar(text, Style::Plain) => match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn items_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn pairs(&self) -> &[(Self, Self)] {
        match &self.kind {
            Kind::Map(pairs) => pairs,
            _ => &[],
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    /// The value of a key, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.pairs()
            .iter()
            .find(|(known, _)| known.as_text() == Some(key))
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Map(pairs) => pairs
                .iter_mut()
                .find(|(known, _)| known.as_text() == Some(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Sets a key; one that says the same already stays as it is written.
    pub(crate) fn set(&mut self, key: &str, value: Self) {
        let Kind::Map(pairs) = &mut self.kind else {
            return;
        };
        match pairs
            .iter_mut()
            .find(|(known, _)| known.as_text() == Some(key))
        {
            Some((_, known)) if same(known, &value) => {}
            Some((_, known)) => *known = value,
            None => pairs.push((Self::text(key), value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Kind::Map(pairs) = &mut self.kind {
            pairs.retain(|(known, _)| known.as_text() != Some(key));
        }
    }

    /// Whether the last thing in it is written as literal or folded lines, which end where the next key begins.
    fn ends_in_lines(&self) -> bool {
        match &self.kind {
            Kind::Scalar(_, style) => *style == Style::Lines,
            _ if self.is_flow => false,
            Kind::Seq(items) => items.last().is_some_and(Self::ends_in_lines),
            Kind::Map(pairs) => pairs.last().is_some_and(|(_, value)| value.ends_in_lines()),
        }
    }
}

/// Whether two nodes mean the same. The order of a mapping's keys means nothing.
pub(crate) fn same(a: &Node, b: &Node) -> bool {
    if a.tag != b.tag {
        return false;
    }
    match (&a.kind, &b.kind) {
        (Kind::Scalar(x, of_x), Kind::Scalar(y, of_y)) => {
            // A plain scalar of several lines can only be a string.
            let is_open = |text: &str, style| style == Style::Plain && !text.contains('\n');
            x == y && (is_open(x, *of_x) == is_open(y, *of_y) || is_plain(x))
        }
        (Kind::Seq(x), Kind::Seq(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Kind::Map(x), Kind::Map(y)) => {
            if x.len() != y.len() {
                return false;
            }
            // Texts are unique; other keys are few.
            let by_text: HashMap<&str, &(Node, Node)> = y
                .iter()
                .filter_map(|pair| pair.0.as_text().map(|text| (text, pair)))
                .collect();
            x.iter().all(|(key, value)| match key.as_text() {
                Some(text) => by_text
                    .get(text)
                    .is_some_and(|pair| same(key, &pair.0) && same(value, &pair.1)),
                None => y
                    .iter()
                    .any(|pair| same(key, &pair.0) && same(value, &pair.1)),
            })
        }
        _ => false,
    }
}

enum Open {
    Seq(usize, Node),
    Map(usize, Node, Option<Node>),
}

/// Reads one document; `None` if there is none.
pub(crate) fn parse(source: &str) -> Result<Option<Doc>, Problem> {
    Builder::new(source).run()
}

struct Builder<'a> {
    source: &'a str,
    /// Where each character begins, unless all are ASCII.
    chars: Option<Vec<usize>>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    leaves: Vec<Range<usize>>,
    root: Option<Node>,
    count: usize,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            chars: (!source.is_ascii()).then(|| {
                source
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([source.len()])
                    .collect()
            }),
            open: Vec::new(),
            anchors: HashMap::new(),
            leaves: Vec::new(),
            root: None,
            count: 0,
        }
    }

    fn byte(&self, index: usize) -> usize {
        match &self.chars {
            Some(chars) => chars.get(index).copied().unwrap_or(self.source.len()),
            None => index.min(self.source.len()),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }

    fn run(mut self) -> Result<Option<Doc>, Problem> {
        let mut documents = 0;
        for event in Parser::new_from_str(self.source) {
            let (event, span) = event
                .map_err(|error| Problem::Syntax(error.marker().line(), error.info().to_owned()))?;
            let range = self.range(span);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Problem::Documents);
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let above = self.leaves.last().map_or(0, |leaf| leaf.end);
                    self.leaves.push(range.clone());
                    let style = match style {
                        ScalarStyle::Plain => Style::Plain,
                        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                        ScalarStyle::Literal | ScalarStyle::Folded => Style::Lines,
                    };
                    let mut node = Node::new(Kind::Scalar(text.into_owned(), style));
                    node.tag = tag.map(|tag| written(&tag));
                    node.at = Some(match style {
                        // The place that is told is that of the first line below the `|`.
                        Style::Lines => header(self.source, above, range.start)..range.end,
                        _ => range,
                    });
                    self.close(anchor, node, 1)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    let node = self.collection(Kind::Seq(Vec::new()), tag.as_deref(), range);
                    self.push(Open::Seq(anchor, node))?;
                }
                Event::MappingStart(anchor, tag) => {
                    let node = self.collection(Kind::Map(Vec::new()), tag.as_deref(), range);
                    self.push(Open::Map(anchor, node, None))?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let (anchor, mut node) = match self.open.pop() {
                        Some(Open::Seq(anchor, node)) => (anchor, node),
                        Some(Open::Map(anchor, node, _)) => (anchor, merged(node)?),
                        None => return Err(Problem::TooMuch),
                    };
                    if let Some(at) = &mut node.at
                        && node.is_flow
                    {
                        at.end = range.start + 1;
                    }
                    self.close(anchor, node, 1)?;
                }
                Event::Alias(anchor) => {
                    self.leaves.push(range.clone());
                    let Some((node, count)) = self.anchors.get(&anchor) else {
                        return Err(Problem::TooMuch);
                    };
                    let (mut node, count) = (node.clone(), *count);
                    node.at = Some(range);
                    self.close(0, node, count)?;
                }
                _ => {}
            }
        }
        Ok(self.root.map(|root| Doc {
            root,
            leaves: self.leaves,
        }))
    }

    fn collection(&self, kind: Kind, tag: Option<&Tag>, range: Range<usize>) -> Node {
        let mut node = Node::new(kind);
        node.tag = tag.map(written);
        node.is_flow = self.source[range.clone()].trim_end().ends_with(['[', '{']);
        node.at = Some(range);
        node
    }

    fn push(&mut self, open: Open) -> Result<(), Problem> {
        self.open.push(open);
        if self.open.len() > DEPTH {
            return Err(Problem::TooMuch);
        }
        Ok(())
    }

    fn close(&mut self, anchor: usize, node: Node, count: usize) -> Result<(), Problem> {
        self.count += count;
        if self.count > NODES || self.open.len() + depth(&node) > DEPTH {
            return Err(Problem::TooMuch);
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size(&node)));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Seq(_, seq)) => {
                if let Kind::Seq(items) = &mut seq.kind {
                    items.push(node);
                }
            }
            Some(Open::Map(_, map, key)) => match (key.take(), &mut map.kind) {
                (Some(key), Kind::Map(pairs)) => pairs.push((key, node)),
                _ => *key = Some(node),
            },
        }
        Ok(())
    }
}

/// Where the `|` or `>` of literal or folded lines stands.
fn header(source: &str, above: usize, lines: usize) -> usize {
    let between = source.get(above..lines).unwrap_or_default();
    between
        .match_indices(['|', '>'])
        .find(|(at, _)| {
            let rest = between[at + 1..].lines().next().unwrap_or_default();
            let rest =
                rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
            rest.trim().is_empty()
                || (rest.starts_with([' ', '\t']) && rest.trim().starts_with('#'))
        })
        .map_or(lines, |(at, _)| above + at)
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar(..) => 0,
        Kind::Seq(items) => items.iter().map(size).sum(),
        Kind::Map(pairs) => pairs.iter().map(|(k, v)| size(k) + size(v)).sum(),
    }
}

fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(..) => 0,
        Kind::Seq(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Kind::Map(pairs) => {
            1 + pairs
                .iter()
                .map(|(k, v)| depth(k).max(depth(v)))
                .max()
                .unwrap_or(0)
        }
    }
}

fn written(tag: &Tag) -> String {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" => format!("!!{}", tag.suffix),
        "!" => format!("!{}", tag.suffix),
        handle => format!("!<{handle}{}>", tag.suffix),
    }
}

/// A mapping with its merge keys (`<<`) resolved; no key may stand twice.
fn merged(mut node: Node) -> Result<Node, Problem> {
    let Kind::Map(pairs) = &mut node.kind else {
        return Ok(node);
    };
    let mut known = HashSet::new();
    for (key, _) in pairs.iter() {
        if let Some(text) = key.as_text()
            && !is_merge(key)
            && !known.insert(text.to_owned())
        {
            return Err(Problem::Duplicate(text.to_owned()));
        }
    }
    if !pairs.iter().any(|(key, _)| is_merge(key)) {
        return Ok(node);
    }
    let mut own = Vec::new();
    let mut sources = Vec::new();
    for (key, value) in std::mem::take(pairs) {
        match &value.kind {
            Kind::Map(_) if is_merge(&key) => sources.push(value),
            Kind::Seq(items) if is_merge(&key) && items.iter().all(Node::is_map) => {
                sources.extend(items.iter().cloned());
            }
            _ => own.push((key, value)),
        }
    }
    for source in sources {
        let Kind::Map(pairs) = source.kind else {
            continue;
        };
        for (key, value) in pairs {
            let is_new = match key.as_text() {
                Some(text) => known.insert(text.to_owned()),
                None => !own.iter().any(|(known, _)| same(known, &key)),
            };
            if is_new {
                own.push((key, value));
            }
        }
    }
    *pairs = own;
    Ok(node)
}

fn is_merge(key: &Node) -> bool {
    key.tag.is_none() && matches!(&key.kind, Kind::Scalar(text, Style::Plain) if text == "<<")
}

/// Whether a string may stand without quotes, to readers of YAML 1.1 and 1.2 alike.
fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '<'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            // Norwegian's code is a boolean to YAML 1.1.
            "no" | "yes" | "on" | "off" | "true" | "false" | "null" | "y" | "n"
        )
}

/// A string in double quotes. Escapes what any reader of YAML takes for unprintable or for the end of a line: JSON's
/// escapes alone leave DEL, C1, U+2028 and the like as they are.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '\x7f'..='\u{a0}' => push_hex(&mut out, 'x', 2, c),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                push_hex(&mut out, 'u', 4, c);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

fn push_hex(out: &mut String, letter: char, width: usize, c: char) {
    use std::fmt::Write as _;
    let _ = write!(out, "\\{letter}{:0width$x}", u32::from(c));
}

fn scalar(node: &Node, is_in_flow: bool) -> String {
    let Kind::Scalar(text, style) = &node.kind else {
        return String::new();
    };
    let stays_plain = *style == Style::Plain
        && !text.contains('\n')
        && (!is_in_flow || is_plain(text) || text.bytes().all(|b| b.is_ascii_alphanumeric()));
    let text = match stays_plain {
        true if text.is_empty() && is_in_flow => "null".to_owned(),
        true => text.clone(),
        false => quoted(text),
    };
    match &node.tag {
        Some(tag) if text.is_empty() => tag.clone(),
        Some(tag) => format!("{tag} {text}"),
        None => text,
    }
}

/// Lines of a node in block form, from column 0.
fn lines(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Scalar(..) => vec![scalar(node, false)],
        Kind::Seq(items) if items.is_empty() => vec!["[]".to_owned()],
        Kind::Map(pairs) if pairs.is_empty() => vec!["{}".to_owned()],
        Kind::Seq(items) => items.iter().flat_map(item_lines).collect(),
        Kind::Map(pairs) => pairs
            .iter()
            .flat_map(|(key, value)| pair_lines(key, value))
            .collect(),
    }
}

fn is_inline(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(..) => true,
        Kind::Seq(items) => items.is_empty(),
        Kind::Map(pairs) => pairs.is_empty(),
    }
}

/// Text of a scalar or an empty collection with what stands before and behind it.
fn inline(lead: &str, node: &Node) -> String {
    let mut text = lead.to_owned();
    if !matches!(node.kind, Kind::Scalar(..))
        && let Some(tag) = &node.tag
    {
        text.push(' ');
        text.push_str(tag);
    }
    for line in lines(node) {
        if !line.is_empty() {
            text.push(' ');
            text.push_str(&line);
        }
    }
    if let Some(comment) = node.comment {
        text.push_str(" # ");
        text.push_str(comment);
    }
    text
}

fn hung(lead: &str, node: &Node, indent: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut first = lead.to_owned();
    if let Some(tag) = &node.tag {
        first.push(' ');
        first.push_str(tag);
    }
    out.push(first);
    out.extend(
        lines(node)
            .into_iter()
            .map(|line| format!("{indent}{line}")),
    );
    out
}

fn pair_lines(key: &Node, value: &Node) -> Vec<String> {
    let name = scalar(key, false);
    if !matches!(key.kind, Kind::Scalar(..)) || name.len() > KEY {
        let mut out = item_lines(key);
        let mut rest = item_lines(value);
        for (lines, mark) in [(&mut out, "?"), (&mut rest, ":")] {
            if let Some(first) = lines.first_mut() {
                first.replace_range(..1, mark);
            }
        }
        out.append(&mut rest);
        return out;
    }
    let lead = format!("{name}:");
    if is_inline(value) {
        return vec![inline(&lead, value)];
    }
    let indent = if value.is_map() { "  " } else { "" };
    hung(&lead, value, indent)
}

fn item_lines(node: &Node) -> Vec<String> {
    if is_inline(node) {
        return vec![inline("-", node)];
    }
    if node.tag.is_some() || !node.is_map() {
        return hung("-", node, "  ");
    }
    lines(node)
        .into_iter()
        .enumerate()
        .map(|(n, line)| format!("{}{line}", if n == 0 { "- " } else { "  " }))
        .collect()
}

/// The comments in a part of the text, with their `#`.
fn comments<'a>(source: &'a str, leaves: &[Range<usize>], within: Range<usize>) -> Vec<&'a str> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let mut at = within.start;
    let mut leaf = leaves.partition_point(|leaf| leaf.end <= at);
    while at < within.end {
        while leaves.get(leaf).is_some_and(|leaf| leaf.end <= at) {
            leaf += 1;
        }
        if let Some(leaf) = leaves.get(leaf)
            && leaf.contains(&at)
        {
            at = leaf.end;
            continue;
        }
        let is_start = at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'\r');
        if bytes[at] == b'#' && is_start {
            let end = line_end(source, at);
            found.push(source[at..end].trim_end());
            at = end;
        }
        at += 1;
    }
    found
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line's text ends.
fn line_end(source: &str, at: usize) -> usize {
    source[at..].find('\n').map_or(source.len(), |n| at + n)
}

/// Where the next line begins.
fn next_line(source: &str, at: usize) -> usize {
    (line_end(source, at) + 1).min(source.len())
}

struct Patch<'a> {
    source: &'a str,
    leaves: &'a [Range<usize>],
    eol: &'a str,
    /// A comment that may go with what it belongs to.
    own: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl Patch<'_> {
    /// Where a node's text ends.
    fn end(node: &Node) -> usize {
        let own = node.at.as_ref().map_or(0, |at| at.end);
        match &node.kind {
            _ if node.is_flow => own,
            Kind::Scalar(..) => own,
            Kind::Seq(items) => items.last().map_or(own, Self::end).max(own),
            Kind::Map(pairs) => pairs
                .last()
                .map_or(own, |(_, value)| Self::end(value))
                .max(own),
        }
    }

    /// The same without the blank lines behind literal lines.
    fn trimmed_end(&self, node: &Node) -> usize {
        let end = Self::end(node);
        let start = node.at.as_ref().map_or(end, |at| at.start.min(end));
        start + self.source[start..end].trim_end().len()
    }

    fn column(&self, at: usize) -> usize {
        self.source[line_start(self.source, at)..at].chars().count()
    }

    fn is_first_on_line(&self, at: usize) -> bool {
        self.source[line_start(self.source, at)..at]
            .bytes()
            .all(|b| b == b' ')
    }

    fn indented(&self, lines: &[String], column: usize) -> String {
        let indent = " ".repeat(column);
        let lines: Vec<String> = lines.iter().map(|line| format!("{indent}{line}")).collect();
        lines.join(self.eol)
    }

    fn insert(&mut self, at: usize, lines: &[String], column: usize) {
        let mut text = self.indented(lines, column);
        if at == self.source.len() && !self.source.is_empty() && !self.source.ends_with('\n') {
            text.insert_str(0, self.eol);
        } else if !self.source.is_empty() {
            text.push_str(self.eol);
        }
        self.edits.push((at..at, text));
    }

    /// The line below a node.
    fn below(&self, node: &Node) -> usize {
        let end = Self::end(node);
        let start = line_start(self.source, end);
        // Literal lines end where the next key's text begins.
        if node.ends_in_lines() && start > 0 && self.source[start..end].trim().is_empty() {
            start
        } else {
            next_line(self.source, end)
        }
    }

    fn insert_after(&mut self, node: &Node, lines: &[String], column: usize) {
        self.insert(self.below(node), lines, column);
    }

    fn kept_comments(&self, within: Range<usize>) -> Vec<String> {
        comments(self.source, self.leaves, within)
            .into_iter()
            .filter(|comment| {
                self.own.is_empty() || comment.trim_start_matches(['#', ' ']) != self.own
            })
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Puts new lines in the place of what stands there; comments that stood between go below. `false` if that could change
    /// what others wrote.
    fn replace(&mut self, range: Range<usize>, mut lines: Vec<String>) -> bool {
        if is_ambiguous(&self.source[range.clone()]) {
            return false;
        }
        let column = self.column(range.start);
        lines.extend(self.kept_comments(range.clone()));
        let text = self.indented(&lines, column);
        let text = text.trim_start_matches(' ').to_owned();
        self.edits.push((range, text));
        true
    }

    fn delete_lines(&mut self, from: usize, end: usize) -> bool {
        if !self.is_first_on_line(from) {
            return false;
        }
        let column = self.column(from);
        let range = line_start(self.source, from)..next_line(self.source, end);
        let kept = self.kept_comments(range.clone());
        let mut text = self.indented(&kept, column);
        if !kept.is_empty() && self.source[range.clone()].ends_with('\n') {
            text.push_str(self.eol);
        }
        self.edits.push((range, text));
        true
    }

    /// Writes the difference; `false` if it has to be written further out.
    fn node(&mut self, old: &Node, new: &Node) -> bool {
        if same(old, new) {
            return true;
        }
        if old.at != new.at || old.tag != new.tag {
            return false;
        }
        let before = self.edits.len();
        let done = match (&old.kind, &new.kind) {
            (Kind::Map(pairs), Kind::Map(new)) if !old.is_flow => self.map(pairs, new, false),
            (Kind::Seq(items), Kind::Seq(new)) if old.is_flow => self.flow(items, new),
            (Kind::Seq(items), Kind::Seq(new)) => self.seq(items, new),
            _ => false,
        };
        if !done {
            self.edits.truncate(before);
        }
        done
    }

    fn map(&mut self, old: &[(Node, Node)], new: &[(Node, Node)], is_root: bool) -> bool {
        let mut new_by_place: HashMap<Range<usize>, &(Node, Node)> = new
            .iter()
            .filter_map(|pair| pair.0.at.clone().map(|at| (at, pair)))
            .collect();
        let Some(first) = old.first().and_then(|(key, _)| key.at.clone()) else {
            return false;
        };
        let column = self.column(first.start);
        let mut stays = false;
        for (key, value) in old {
            let Some(at) = key.at.clone() else {
                return false;
            };
            match new_by_place.remove(&at) {
                Some((_, new_value)) => {
                    stays = true;
                    if self.node(value, new_value) {
                        continue;
                    }
                    // An explicit key, a key that is not where its mapping is: written further out.
                    if self.column(at.start) != column || is_explicit(self.source, at.start) {
                        return false;
                    }
                    let end = self.trimmed_end(value).max(at.end);
                    if !self.replace(at.start..end, pair_lines(key, new_value)) {
                        return false;
                    }
                }
                None => {
                    if is_explicit(self.source, at.start)
                        || !self.delete_lines(at.start, self.trimmed_end(value).max(at.end))
                    {
                        return false;
                    }
                }
            }
        }
        let added: Vec<String> = new
            .iter()
            .filter(|(key, _)| key.at.is_none())
            .flat_map(|(key, value)| pair_lines(key, value))
            .collect();
        if added.is_empty() {
            return stays || is_root;
        }
        let Some((key, value)) = old.last() else {
            return false;
        };
        if is_explicit(self.source, first.start) || (!stays && !is_root) {
            return false;
        }
        match &key.at {
            // Where literal lines end the text, their last line break would change with a line below.
            Some(at) if is_root && value.ends_in_lines() => {
                let floor = match old {
                    [.., (_, above), _] => self.below(above),
                    _ => 0,
                };
                let mut place = line_start(self.source, at.start);
                while place > floor {
                    let above = line_start(self.source, place - 1);
                    let line = &self.source[above..place];
                    if above < floor || !line.trim_start().starts_with('#') {
                        break;
                    }
                    place = above;
                }
                self.insert(place, &added, column);
            }
            _ => self.insert_after(value, &added, column),
        }
        true
    }

    fn seq(&mut self, old: &[Node], new: &[Node]) -> bool {
        let mut new_by_place: HashMap<Range<usize>, &Node> = new
            .iter()
            .filter_map(|item| item.at.clone().map(|at| (at, item)))
            .collect();
        let (Some(first), Some(last)) = (old.first(), old.last()) else {
            return false;
        };
        let Some(column) = self.dash(first).map(|dash| self.column(dash)) else {
            return false;
        };
        let mut stays = false;
        for item in old {
            let (Some(at), Some(dash)) = (item.at.clone(), self.dash(item)) else {
                return false;
            };
            match new_by_place.remove(&at) {
                Some(new_item) => {
                    stays = true;
                    if self.node(item, new_item) {
                        continue;
                    }
                    if self.column(dash) != column {
                        return false;
                    }
                    let end = self.trimmed_end(item).max(at.end);
                    if !self.replace(dash..end, item_lines(new_item)) {
                        return false;
                    }
                }
                None => {
                    if !self.delete_lines(dash, self.trimmed_end(item).max(at.end)) {
                        return false;
                    }
                }
            }
        }
        if !stays {
            return false;
        }
        let added: Vec<String> = new
            .iter()
            .filter(|item| item.at.is_none())
            .flat_map(item_lines)
            .collect();
        if !added.is_empty() {
            self.insert_after(last, &added, column);
        }
        true
    }

    /// The `-` of an item.
    fn dash(&self, item: &Node) -> Option<usize> {
        let mut at = item.at.as_ref()?.start;
        loop {
            let start = line_start(self.source, at);
            let text = self.source[start..at].trim_end();
            if text.ends_with('-') {
                return Some(start + text.len() - 1);
            }
            // A blank or comment line, or the item on a line below its dash.
            let is_between = text.is_empty() || text.trim_start().starts_with('#');
            if !is_between || start == 0 {
                let (before, _) = text.split_once(" #")?;
                let before = before.trim_end();
                return before.ends_with('-').then(|| start + before.len() - 1);
            }
            at = start - 1;
        }
    }

    /// Items added to a list in brackets.
    fn flow(&mut self, old: &[Node], new: &[Node]) -> bool {
        let kept = new.iter().filter(|item| item.at.is_some()).count();
        let (Some(last), true) = (old.last(), kept == old.len()) else {
            return false;
        };
        if !old
            .iter()
            .zip(new)
            .all(|(old, new)| old.at == new.at && same(old, new))
        {
            return false;
        }
        let mut text = String::new();
        for item in &new[kept..] {
            if !matches!(item.kind, Kind::Scalar(..)) || item.at.is_some() {
                return false;
            }
            text.push_str(", ");
            text.push_str(&scalar(item, true));
        }
        let end = Self::end(last);
        self.edits.push((end..end, text));
        true
    }
}

fn is_explicit(source: &str, key: usize) -> bool {
    source[line_start(source, key)..key]
        .trim_end()
        .ends_with('?')
}

/// A text that means what `new` means, and how it was made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    /// Only what changed was touched.
    InPlace(String),
    /// The whole was written anew with equal meaning.
    Anew(String),
    /// Neither can be done without changing something else.
    Failed,
}

/// The text of `source`, changed to mean `new`. `own` is a comment that may go.
pub(crate) fn edited(source: &str, old: Option<&Doc>, new: &Node, own: &str, eol: &str) -> Edited {
    let nothing: [Range<usize>; 0] = [];
    let leaves = old.map_or(&nothing[..], |doc| &doc.leaves);
    let before = comments(source, leaves, 0..source.len());
    let is_good = |text: &str| match parse(text) {
        Ok(Some(doc)) => {
            same(&doc.root, new) && keeps(&before, &comments(text, &doc.leaves, 0..text.len()), own)
        }
        Ok(None) => {
            new.pairs().is_empty() && keeps(&before, &comments(text, &[], 0..text.len()), own)
        }
        Err(_) => false,
    };
    let mut patch = Patch {
        source,
        leaves,
        eol,
        own,
        edits: Vec::new(),
    };
    let is_done = match old.map(|doc| &doc.root) {
        Some(root) if same(root, new) => true,
        Some(root) if root.is_map() && !root.is_flow && !root.pairs().is_empty() => {
            patch.map(root.pairs(), new.pairs(), true)
        }
        Some(root) if !root.is_null() => false,
        _ => {
            patch.insert(source.len(), &lines(new), 0);
            true
        }
    };
    if is_done
        && let Some(text) = applied(source, &patch.edits)
        && is_good(&text)
    {
        let is_clear = !is_ambiguous(source)
            || means_the_same_to_others(source, &text, old.map(|doc| &doc.root), new);
        return if is_clear {
            Edited::InPlace(text)
        } else {
            Edited::Failed
        };
    }
    let mut anew: Vec<String> = before
        .iter()
        .filter(|comment| own.is_empty() || comment.trim_start_matches(['#', ' ']) != own)
        .map(|comment| (*comment).to_owned())
        .collect();
    if !new.pairs().is_empty() {
        anew.extend(lines(new));
    }
    let anew = anew.join(eol);
    if !is_ambiguous(source) && is_good(&anew) {
        Edited::Anew(anew)
    } else {
        Edited::Failed
    }
}

/// Whether readers of YAML 1.1 see line breaks where those of 1.2 see letters: written anew, it would mean something else to
/// one of the two.
fn is_ambiguous(text: &str) -> bool {
    text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}

/// Whether a reader of YAML 1.1 finds all keys that were not changed as it found them before.
fn means_the_same_to_others(before: &str, after: &str, old: Option<&Node>, new: &Node) -> bool {
    let seen = |text: &str| parse(&text.replace(['\u{85}', '\u{2028}', '\u{2029}'], "\n"));
    let changed = |key: &str| {
        let (was, is) = (old.and_then(|old| old.get(key)), new.get(key));
        match (was, is) {
            (Some(was), Some(is)) => !same(was, is),
            _ => was.is_some() || is.is_some(),
        }
    };
    match (seen(before), seen(after)) {
        (Ok(Some(before)), Ok(Some(after))) => {
            let is_kept = |(key, value): &(Node, Node)| {
                key.as_text().is_some_and(|text| {
                    changed(text)
                        || after
                            .root
                            .get(text)
                            .map_or(value.is_null(), |now| same(value, now))
                })
            };
            before.root.pairs().iter().all(is_kept)
                && after.root.pairs().iter().all(|(key, _)| {
                    key.as_text().is_some_and(|text| {
                        changed(text)
                            || before
                                .root
                                .pairs()
                                .iter()
                                .any(|(known, _)| known.as_text() == Some(text))
                    })
                })
        }
        // To such a reader it was broken before.
        (Err(_), _) => true,
        _ => false,
    }
}

/// Whether each comment is still there, `own` ones aside.
fn keeps(before: &[&str], after: &[&str], own: &str) -> bool {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for comment in after {
        *left.entry(comment).or_default() += 1;
    }
    before
        .iter()
        .filter(|comment| comment.trim_start_matches(['#', ' ']) != own)
        .all(|comment| match left.get_mut(comment) {
            Some(n) if *n > 0 => {
                *n -= 1;
                true
            }
            _ => false,
        })
}

fn applied(source: &str, edits: &[(Range<usize>, String)]) -> Option<String> {
    // Those at one place stay in the order they were made in.
    let mut order: Vec<(usize, usize, usize)> = (0..edits.len())
        .map(|n| (edits[n].0.start, edits[n].0.end, n))
        .collect();
    order.sort_unstable();
    let mut text = String::with_capacity(source.len() + 256);
    let mut at = 0;
    for (start, end, n) in order {
        text.push_str(source.get(at..start)?);
        text.push_str(&edits[n].1);
        at = end;
    }
    text.push_str(source.get(at..)?);
    Some(text)
}
