//! Markdown from models and imports, made safe by construction: the parser's events become a small tree ([`parse`]),
//! and the tree becomes views. There is no HTML string anywhere, so there is nothing to sanitise: raw HTML in the text
//! is shown as the text it is, links are kept only for `http`, `https` and `mailto` and always show where they lead,
//! and images are never loaded. Size, nesting and node count are bounded; what goes over is shown as plain text.
//!
//! The reader judges the text, so the view must not lose what the data means: formulas are cut out before Markdown is read
//! ([`crate::ui::formula`]), stars between numbers stay, and a heading's marks stay where they head nothing ("#### 18").
//! Each block has the direction of its own text.

use crate::ui::formula::find::{Cut, Formula, Part, cut};
use crate::ui::formula::{self, Mode};
use leptos::prelude::*;
use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// Longest text, in bytes, that is read as Markdown; the rest follows as plain text.
const MAX_BYTES: usize = 100_000;
/// Longest plain rest, in bytes, that is shown.
const MAX_REST_BYTES: usize = 200_000;
/// Nesting that is kept; deeper elements are flattened into their parent.
const MAX_DEPTH: usize = 16;
/// Nodes of a text at most.
const MAX_NODES: usize = 5_000;
/// Columns of a table at most: short rows are padded to the width of the head, so width times height may explode.
const MAX_TABLE_COLUMNS: usize = 64;
/// Longest link target that is written out, in characters; the host is whole in any case.
const MAX_TARGET_CHARS: usize = 80;

/// A parsed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markdown {
    nodes: Vec<Node>,
    /// What was over the limits, as it came.
    rest: String,
    /// Bytes that are not shown at all.
    hidden_bytes: usize,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Text(String),
    Code(String),
    SoftBreak,
    Break,
    Rule,
    Task(bool),
    CodeBlock { language: String, text: String },
    Formula(Formula),
    Element(Element, Vec<Node>),
}

/// A piece with children.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Paragraph,
    /// 1 to 6, as written with number signs.
    Heading(u8),
    /// 1 or 2, as written with a line below.
    Underlined(u8),
    Quote,
    /// With the first number, if numbered.
    List(Option<u64>),
    /// With its number, if numbered: Markdown counts on from the first one, whatever is written.
    Item(Option<u64>),
    Table,
    Head,
    Row,
    Cell(Align),
    Emphasis,
    Strong,
    Strike,
    /// An allowed target.
    Link(String),
    /// A target that is not allowed: shown, not linked.
    Refused(String),
    /// Source of an image, with a link if that is allowed.
    Image(String),
    /// Lines of raw HTML, shown as they are.
    Html,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Align {
    #[default]
    Start,
    Center,
    End,
}

/// Whether a link to `url` may be followed: absolute, one of three harmless schemes, no control characters.
pub fn is_safe_url(url: &str) -> bool {
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    let Some((scheme, rest)) = url.split_once(':') else {
        return false;
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| {
            let host = authority(rest);
            // What stands before an `@` looks like the host and is none. Browsers read `\` as `/`.
            !host.is_empty() && !host.contains('@') && !rest.contains('\\')
        }),
        "mailto" => !rest.is_empty(),
        _ => false,
    }
}

/// Host and port, for what follows `//`.
fn authority(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    &rest[..end]
}

/// The largest index of at most `limit` that is a character boundary of `text`.
fn boundary(text: &str, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    (0..=limit)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}

/// Whether some line could be the head of a table wider than we draw.
fn has_wide_table(text: &str) -> bool {
    text.lines()
        .any(|line| line.bytes().filter(|byte| *byte == b'|').count() > MAX_TABLE_COLUMNS)
}

struct Builder<'a> {
    /// The source, without its formulas.
    source: &'a Cut,
    /// Numbers of the items of the list that is open, innermost last: the next one, if numbered.
    lists: Vec<Option<u64>>,
    /// Where the last cell of a table's row has ended.
    cell_end: usize,
    /// Open elements with the children so far; the first holds the top level.
    stack: Vec<(Element, Vec<Node>)>,
    /// Open elements that were too deep and are flattened.
    flattened: usize,
    /// Open code block.
    code: Option<(String, String)>,
    alignments: Vec<Align>,
    column: usize,
    nodes: usize,
    /// The sign below the paragraph that is open, which Markdown takes for the mark of a heading.
    ending: Option<String>,
}

impl Builder<'_> {
    /// A text, with the formulas in it.
    fn text(&mut self, text: &str) {
        for part in self.source.split(text) {
            self.push(match part {
                Part::Text(text) => Node::Text(text),
                Part::Formula(formula) => Node::Formula(formula),
            });
        }
    }

    fn push(&mut self, node: Node) {
        self.nodes += 1;
        if let Some((_, children)) = self.stack.last_mut() {
            match (children.last_mut(), node) {
                // The parser cuts text at every special character; one text node is cheaper to draw.
                (Some(Node::Text(before)), Node::Text(text)) => before.push_str(&text),
                (_, node) => children.push(node),
            }
        }
    }

    fn open(&mut self, element: Element) {
        if self.stack.len() > MAX_DEPTH {
            self.flattened += 1;
            self.push(Node::SoftBreak);
        } else {
            self.stack.push((element, Vec::new()));
        }
    }

    fn close(&mut self) {
        if self.flattened > 0 {
            self.flattened -= 1;
        } else if self.stack.len() > 1
            && let Some((element, children)) = self.stack.pop()
        {
            self.push(Node::Element(element, children));
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(TagEnd::Heading(_)) => {
                if let Some(ending) = self.ending.take() {
                    self.push(Node::SoftBreak);
                    self.push(Node::Text(ending));
                }
                self.close();
            }
            Event::End(TagEnd::List(_)) => {
                self.lists.pop();
                self.close();
            }
            Event::End(TagEnd::TableCell) => {
                self.cell_end = range.end;
                self.close();
            }
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => {
                // More cells than the head has: they would be gone.
                let rest = self.source.text.get(self.cell_end..range.end);
                let rest = rest.unwrap_or_default().trim().trim_matches('|').trim();
                if !rest.is_empty() {
                    let rest = self.source.whole(rest);
                    let cell = Element::Cell(Align::Start);
                    self.push(Node::Element(cell, vec![Node::Text(rest)]));
                }
                self.close();
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, text)) = self.code.take() {
                    let text = self.source.whole(&text);
                    self.push(Node::CodeBlock { language, text });
                }
            }
            Event::End(_) => self.close(),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.text(&text),
            },
            Event::Code(text) => self.push(Node::Code(self.source.whole(&text))),
            Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::FootnoteReference(text) => {
                self.push(Node::Text(self.source.whole(&text)));
            }
            Event::SoftBreak => self.push(Node::SoftBreak),
            Event::HardBreak => self.push(Node::Break),
            Event::Rule => self.push(Node::Rule),
            Event::TaskListMarker(is_done) => self.push(Node::Task(is_done)),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let element = match tag {
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    // Only the first word names a language; the rest is for tools.
                    CodeBlockKind::Fenced(info) => self
                        .source
                        .whole(&info)
                        .split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take(24)
                        .collect(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
                return;
            }
            Tag::Heading { level, .. } => {
                let source = self.source.text.get(range).unwrap_or_default().trim();
                let line = source.lines().next_back().unwrap_or_default().trim();
                if source.starts_with('#') {
                    Element::Heading(level as u8)
                } else if line.len() < 3 {
                    // A lone sign below a line is part of the text.
                    self.open(Element::Paragraph);
                    self.ending = Some(line.to_owned());
                    return;
                } else {
                    Element::Underlined(level as u8)
                }
            }
            Tag::BlockQuote(_) => Element::Quote,
            Tag::HtmlBlock => Element::Html,
            Tag::List(first) => {
                self.lists.push(first);
                Element::List(first)
            }
            Tag::Item => {
                let is_numbered = self.lists.last().is_some_and(Option::is_some);
                let text = self.source.text.get(range).unwrap_or_default();
                let digits = text
                    .trim_start()
                    .split(|c: char| !c.is_ascii_digit())
                    .next();
                Element::Item(
                    digits
                        .filter(|_| is_numbered)
                        .and_then(|text| text.parse().ok()),
                )
            }
            Tag::Table(alignments) => {
                self.alignments = alignments
                    .into_iter()
                    .map(|alignment| match alignment {
                        Alignment::Center => Align::Center,
                        Alignment::Right => Align::End,
                        Alignment::None | Alignment::Left => Align::Start,
                    })
                    .collect();
                Element::Table
            }
            Tag::TableHead => {
                self.column = 0;
                Element::Head
            }
            Tag::TableRow => {
                self.column = 0;
                Element::Row
            }
            Tag::TableCell => {
                let align = self
                    .alignments
                    .get(self.column)
                    .copied()
                    .unwrap_or_default();
                self.column += 1;
                Element::Cell(align)
            }
            Tag::Emphasis => Element::Emphasis,
            Tag::Strong => Element::Strong,
            Tag::Strikethrough => Element::Strike,
            Tag::Link { dest_url, .. } => {
                let url = self.source.whole(&dest_url);
                if is_safe_url(&url) {
                    Element::Link(url)
                } else {
                    Element::Refused(url)
                }
            }
            Tag::Image { dest_url, .. } => Element::Image(self.source.whole(&dest_url)),
            // The rest belongs to extensions that are off; as a paragraph its text is still shown.
            _ => Element::Paragraph,
        };
        self.open(element);
    }
}

/// Reads `text` as Markdown (CommonMark with tables, strikethrough and task lists) within the limits.
pub fn parse(text: &str) -> Markdown {
    let end = boundary(text, MAX_BYTES);
    let source = cut(&text[..end]);
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    if !has_wide_table(&source.text) {
        options |= Options::ENABLE_TABLES;
    }
    let mut builder = Builder {
        source: &source,
        lists: Vec::new(),
        cell_end: 0,
        stack: vec![(Element::Paragraph, Vec::new())],
        flattened: 0,
        code: None,
        alignments: Vec::new(),
        column: 0,
        nodes: 0,
        ending: None,
    };
    let mut rest = String::new();
    for (event, range) in Parser::new_ext(&source.text, options).into_offset_iter() {
        if builder.nodes >= MAX_NODES && !matches!(event, Event::End(_)) {
            rest = source.whole(&source.text[boundary(&source.text, range.start)..]);
            break;
        }
        builder.event(event, range);
    }
    while builder.stack.len() > 1 {
        builder.flattened = 0;
        builder.close();
    }
    let mut nodes = builder
        .stack
        .pop()
        .map(|(_, nodes)| nodes)
        .unwrap_or_default();
    keep_marks(&mut nodes);
    rest.push_str(&text[end..]);
    let shown = boundary(&rest, MAX_REST_BYTES);
    let hidden_bytes = rest.len() - shown;
    rest.truncate(shown);
    Markdown {
        nodes,
        rest,
        hidden_bytes,
    }
}

/// Shows the marks of headings that head nothing, and of those that are numbers: "#### 18" is a result.
fn keep_marks(nodes: &mut [Node]) {
    for at in 0..nodes.len() {
        let heads = nodes.get(at + 1).is_some_and(|next| {
            !matches!(
                next,
                Node::Element(Element::Heading(_) | Element::Underlined(_), _) | Node::Rule
            )
        });
        let Node::Element(element, children) = &mut nodes[at] else {
            continue;
        };
        keep_marks(children);
        let Element::Heading(level) = *element else {
            continue;
        };
        let text = plain(children);
        let is_name = text.chars().any(char::is_alphabetic);
        if heads && is_name {
            continue;
        }
        let marks = "#".repeat(level.into());
        children.insert(
            0,
            Node::Text(if children.is_empty() {
                marks
            } else {
                marks + " "
            }),
        );
        *element = Element::Paragraph;
    }
}

impl Markdown {
    /// The views of this text. `heading` is the level that a first-level heading of the text gets; `mode` says which
    /// formulas are typeset.
    pub fn view(&self, heading: u8, mode: Mode) -> AnyView {
        let rest = (!self.rest.is_empty()).then(|| {
            view! {
                <p class="md-rest" dir="auto">
                    {self.rest.clone()}
                </p>
            }
            .into_any()
        });
        let hidden = (self.hidden_bytes > 0).then(|| {
            let kb = self.hidden_bytes.div_ceil(1024);
            view! {
                <p class="md-note">
                    {format!("{kb} KB more are not shown here; they are kept, and in every export.")}
                </p>
            }
            .into_any()
        });
        let draw = Draw { heading, mode };
        view! { {draw.views(&self.nodes)} {rest} {hidden} }.into_any()
    }
}

/// How a text is drawn.
#[derive(Clone, Copy)]
struct Draw {
    heading: u8,
    mode: Mode,
}

impl Draw {
    fn views(self, nodes: &[Node]) -> Vec<AnyView> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn node(self, node: &Node) -> AnyView {
        match node {
            Node::Text(text) => text.clone().into_any(),
            Node::Formula(formula) => formula::view(formula, self.mode),
            // Code reads from left to right, and says nothing of the direction of the text around it.
            Node::Code(text) => view! { <code dir="ltr">{text.clone()}</code> }.into_any(),
            Node::SoftBreak => "\n".into_any(),
            Node::Break => view! { <br /> }.into_any(),
            Node::Rule => view! { <hr /> }.into_any(),
            Node::Task(is_done) => task_view(*is_done),
            Node::CodeBlock { language, text } => code_view(language, text),
            Node::Element(element, children) => self.element(element, children),
        }
    }

    fn element(self, element: &Element, children: &[Node]) -> AnyView {
        let inner = || self.views(children);
        match element {
            Element::Paragraph => view! { <p dir="auto">{inner()}</p> }.into_any(),
            Element::Heading(level) | Element::Underlined(level) => {
                heading_view(level + self.heading.saturating_sub(1), inner())
            }
            // What holds blocks has their direction, which they hide from `auto`.
            Element::Quote => {
                view! { <blockquote dir=direction(children)>{inner()}</blockquote> }.into_any()
            }
            Element::List(None) => view! { <ul dir=direction(children)>{inner()}</ul> }.into_any(),
            Element::List(Some(first)) => view! {
                <ol dir=direction(children) start=short_number(*first)>
                    {inner()}
                </ol>
            }
            .into_any(),
            Element::Item(number) => {
                let holds_blocks = children.iter().any(is_block);
                let dir = if holds_blocks {
                    direction(children)
                } else {
                    "auto"
                };
                view! {
                    <li dir=dir value=number.map(short_number)>
                        {inner()}
                    </li>
                }
                .into_any()
            }
            Element::Table => self.table(children),
            // Parts of a table outside of one happen only when a deep table was flattened.
            Element::Head | Element::Row | Element::Cell(_) => {
                view! { <span>{inner()}" "</span> }.into_any()
            }
            Element::Emphasis => view! { <em>{inner()}</em> }.into_any(),
            Element::Strong => view! { <strong>{inner()}</strong> }.into_any(),
            Element::Strike => view! { <del>{inner()}</del> }.into_any(),
            Element::Link(url) => link_view(url, &plain(children), inner()),
            Element::Refused(url) => view! {
                <span>{inner()}</span>
                <span class="md-target" dir="ltr">
                    " ‹"
                    {short(url)}
                    "›"
                </span>
            }
            .into_any(),
            Element::Image(url) => image_view(url, &plain(children)),
            Element::Html => view! {
                <p class="md-html" dir="auto">
                    {inner()}
                </p>
            }
            .into_any(),
        }
    }

    fn table(self, children: &[Node]) -> AnyView {
        let row = |cells: &[Node], is_head: bool| {
            cells
                .iter()
                .map(|cell| {
                    let (align, children) = match cell {
                        Node::Element(Element::Cell(align), children) => {
                            (*align, children.as_slice())
                        }
                        other => (Align::Start, std::slice::from_ref(other)),
                    };
                    let class = match align {
                        Align::Start => "",
                        Align::Center => "md-center",
                        Align::End => "md-end",
                    };
                    let inner = self.views(children);
                    if is_head && !children.is_empty() {
                        view! {
                            <th scope="col" class=class dir="auto">
                                {inner}
                            </th>
                        }
                        .into_any()
                    } else {
                        view! {
                            <td class=class dir="auto">
                                {inner}
                            </td>
                        }
                        .into_any()
                    }
                })
                .collect::<Vec<_>>()
        };
        let mut head = None;
        let mut body = Vec::new();
        for child in children {
            match child {
                Node::Element(Element::Head, cells) => {
                    head = Some(view! { <thead><tr>{row(cells, true)}</tr></thead> }.into_any());
                }
                Node::Element(Element::Row, cells) => {
                    body.push(view! { <tr>{row(cells, false)}</tr> }.into_any());
                }
                _ => {}
            }
        }
        view! {
            <div class="md-table" tabindex="0" role="group" aria-label="Table">
                <table dir=direction(children)>{head} <tbody>{body}</tbody></table>
            </div>
        }
        .into_any()
    }
}

/// A number as HTML takes it: 32 bits.
fn short_number(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(1)
}

/// Whether a node is a block of its own.
fn is_block(node: &Node) -> bool {
    match node {
        Node::CodeBlock { .. } | Node::Rule => true,
        Node::Element(element, _) => matches!(
            element,
            Element::Paragraph
                | Element::Heading(_)
                | Element::Underlined(_)
                | Element::Quote
                | Element::List(_)
                | Element::Table
                | Element::Html
        ),
        _ => false,
    }
}

/// The direction of the first letter that has one, code and formulas aside.
fn direction(nodes: &[Node]) -> &'static str {
    fn first(nodes: &[Node]) -> Option<&'static str> {
        nodes.iter().find_map(|node| match node {
            Node::Text(text) => text.chars().find_map(strong),
            Node::Element(_, children) => first(children),
            _ => None,
        })
    }
    first(nodes).unwrap_or("ltr")
}

/// The direction of a letter.
fn strong(c: char) -> Option<&'static str> {
    let is_rtl = matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}' | '\u{200f}');
    match (c.is_alphabetic() || c == '\u{200f}', is_rtl) {
        (true, true) => Some("rtl"),
        (true, false) => Some("ltr"),
        (false, _) => None,
    }
}

fn task_view(is_done: bool) -> AnyView {
    let (mark, label) = if is_done {
        ("☑", "done: ")
    } else {
        ("☐", "to do: ")
    };
    // Our word must not decide on the direction of the text.
    view! {
        <span class="md-task" aria-hidden="true">
            {mark}
            " "
        </span>
        <span class="sr-only" dir="ltr">
            {label}
        </span>
    }
    .into_any()
}

fn code_view(language: &str, text: &str) -> AnyView {
    let label = if language.is_empty() {
        "Code".to_owned()
    } else {
        format!("Code, {language}")
    };
    let tag = (!language.is_empty()).then(|| {
        view! { <span class="md-lang" aria-hidden="true">{language.to_owned()}</span> }.into_any()
    });
    // A block that scrolls must be reachable by keyboard.
    view! {
        <div class="md-code" dir="ltr">
            {tag} <pre tabindex="0" role="group" aria-label=label>
                <code>{text.to_owned()}</code>
            </pre>
        </div>
    }
    .into_any()
}

fn heading_view(level: u8, inner: Vec<AnyView>) -> AnyView {
    match level {
        0..=2 => view! { <h2 dir="auto">{inner}</h2> }.into_any(),
        3 => view! { <h3 dir="auto">{inner}</h3> }.into_any(),
        4 => view! { <h4 dir="auto">{inner}</h4> }.into_any(),
        5 => view! { <h5 dir="auto">{inner}</h5> }.into_any(),
        _ => view! { <h6 dir="auto">{inner}</h6> }.into_any(),
    }
}

fn link_view(url: &str, label: &str, inner: Vec<AnyView>) -> AnyView {
    let bare = url.strip_prefix("mailto:").unwrap_or(url);
    // A target that can be read already need not stand there twice.
    let target = (label.trim() != url && label.trim() != bare).then(|| {
        view! {
            <span class="md-target" dir="ltr">
                " ‹"
                {short(bare)}
                "›"
            </span>
        }
        .into_any()
    });
    view! {
        <a href=url.to_owned() target="_blank" rel="noopener noreferrer nofollow">
            {inner}
        </a>
        {target}
    }
    .into_any()
}

fn image_view(url: &str, label: &str) -> AnyView {
    let label = if label.trim().is_empty() {
        "Image".to_owned()
    } else {
        format!("Image: {}", label.trim())
    };
    if is_safe_url(url) {
        let text = label.clone();
        link_view(url, &label, vec![text.into_any()])
    } else {
        view! {
            <span>{label}</span>
            <span class="md-target" dir="ltr">
                " ‹"
                {short(url)}
                "›"
            </span>
        }
        .into_any()
    }
}

/// The text of `nodes` without marks.
fn plain(nodes: &[Node]) -> String {
    let mut out = String::new();
    collect_plain(nodes, &mut out);
    out
}

fn collect_plain(nodes: &[Node], out: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) | Node::Code(text) | Node::CodeBlock { text, .. } => {
                out.push_str(text);
            }
            Node::Formula(formula) => out.push_str(&formula.source),
            Node::SoftBreak | Node::Break => out.push('\n'),
            Node::Rule | Node::Task(_) => {}
            Node::Element(_, children) => collect_plain(children, out),
        }
    }
}

/// A link target as it is written out: control characters made visible, cut in the middle of its path when long. The host is
/// whole: it says where the link leads.
fn short(url: &str) -> String {
    let clean: Vec<char> = url
        .chars()
        .map(|c| {
            // Controls and the marks that turn the writing direction could hide where a link leads.
            if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            {
                '\u{fffd}'
            } else {
                c
            }
        })
        .take(4096)
        .collect();
    if clean.len() <= MAX_TARGET_CHARS {
        return clean.into_iter().collect();
    }
    // An address of mail leads to what stands behind its `@`.
    let text: String = clean.iter().collect();
    let host_end = match text.split_once("//") {
        Some((scheme, rest)) => scheme.chars().count() + 2 + authority(rest).chars().count(),
        None => text.split('?').next().unwrap_or_default().chars().count(),
    };
    let (keep_head, keep_tail) = ((MAX_TARGET_CHARS - 20).max(host_end + 1), 19);
    if keep_head + keep_tail + 1 >= clean.len() {
        return text;
    }
    let head: String = clean.iter().take(keep_head).collect();
    let tail: String = clean.iter().skip(clean.len() - keep_tail).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(nodes: &[Node], out: &mut Vec<Element>) {
        for node in nodes {
            if let Node::Element(element, children) = node {
                out.push(element.clone());
                elements(children, out);
            }
        }
    }

    fn all(text: &str) -> Vec<Element> {
        let mut out = Vec::new();
        elements(&parse(text).nodes, &mut out);
        out
    }

    fn depth(nodes: &[Node]) -> usize {
        nodes
            .iter()
            .map(|node| match node {
                Node::Element(_, children) => 1 + depth(children),
                _ => 1,
            })
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn raw_html_stays_visible_text() {
        for text in [
            "<script>alert(1)</script>",
            "before <img src=x onerror=alert(1)> after",
            "<div onclick=\"x()\">\n\n# Title\n</div>",
            "<!-- note -->",
            "<svg/onload=alert(1)>",
        ] {
            let parsed = parse(text);
            let shown = plain(&parsed.nodes);
            for piece in text.split_whitespace().filter(|piece| *piece != "#") {
                assert!(shown.contains(piece), "{piece:?} is gone from {shown:?}");
            }
        }
    }

    #[test]
    fn only_harmless_links_are_links() {
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "blob:https://a.example/1",
            "file:///etc/passwd",
            "//evil.example",
            "/relative",
            "#fragment",
            "https:evil",
            "https:///evil.example",
            "http://",
            "mailto:",
            "",
        ] {
            assert!(!is_safe_url(url), "{url:?}");
        }
        for url in [
            "https://example.org/a?b=c#d",
            "HTTP://example.org",
            "mailto:a@example.org",
        ] {
            assert!(is_safe_url(url), "{url:?}");
        }
        assert!(
            !all("[a](javascript:alert%281%29) ![b](data:x) <javascript:alert(1)>")
                .iter()
                .any(|element| matches!(element, Element::Link(_)))
        );
    }

    #[test]
    fn a_link_target_cannot_hide_its_direction_or_length() {
        assert_eq!(short("https://a\u{202e}b"), "https://a\u{fffd}b");
        assert_eq!(
            short("https://a\u{2066}\u{200b}b"),
            "https://a\u{fffd}\u{fffd}b"
        );
        let long = format!("https://example.org/{}", "x".repeat(500));
        assert!(short(&long).chars().count() <= MAX_TARGET_CHARS);
    }

    #[test]
    fn lists_tables_code_and_headings_are_kept() {
        let found = all(
            "# A\n\n1. one\n   - two\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n> q\n\n**b** *i* ~~s~~",
        );
        for element in [
            Element::Heading(1),
            Element::List(Some(1)),
            Element::List(None),
            Element::Table,
            Element::Cell(Align::Center),
            Element::Cell(Align::End),
            Element::Quote,
            Element::Strong,
            Element::Emphasis,
            Element::Strike,
        ] {
            assert!(found.contains(&element), "{element:?} is missing");
        }
        assert_eq!(
            parse("```rust no_run\nfn a() {}\n```").nodes,
            vec![Node::CodeBlock {
                language: "rust".into(),
                text: "fn a() {}\n".into()
            }]
        );
    }

    #[test]
    fn hostile_nesting_is_flattened_and_loses_no_text() {
        for open in ["> ", "- ", "**a *b ", "[", "1. "] {
            let text = format!("{}needle", open.repeat(5_000));
            let parsed = parse(&text);
            assert!(depth(&parsed.nodes) <= MAX_DEPTH + 2, "{open:?}");
            let shown = format!("{}{}", plain(&parsed.nodes), parsed.rest);
            assert!(shown.contains("needle"), "{open:?}");
        }
    }

    #[test]
    fn hostile_size_is_bounded_and_the_rest_is_shown_as_it_is() {
        let many = "*a* ".repeat(20_000);
        let parsed = parse(&many);
        let mut found = Vec::new();
        elements(&parsed.nodes, &mut found);
        assert!(found.len() <= MAX_NODES);
        assert!(parsed.rest.ends_with("*a* "));
        // A wide head with many short rows would be padded to millions of cells.
        let wide = format!(
            "{}\n{}\n{}",
            "|a".repeat(9_000),
            "|-".repeat(9_000),
            "|\n".repeat(20_000)
        );
        assert!(!all(&wide).contains(&Element::Table));
        let huge = "é".repeat(400_000);
        let parsed = parse(&huge);
        assert_eq!(
            plain(&parsed.nodes).len() + parsed.rest.len() + parsed.hidden_bytes,
            huge.len()
        );
    }

    #[test]
    fn a_link_shows_its_whole_host_and_nothing_may_look_like_it() {
        // Spoofs of an audit: the name of a bank before the `@`, and a first label that pushes the rest out of sight.
        let hidden = format!(
            "https://www.bank.example&session=a{}@evil.example/login/account/settings/index.html",
            "a".repeat(40)
        );
        for url in [
            hidden.as_str(),
            "https://user@evil.example/",
            "https://bank.example:443@evil.example",
            "https://bank.example\\@evil.example/",
            "http://@evil.example",
        ] {
            assert!(!is_safe_url(url), "{url}");
        }
        assert!(is_safe_url("https://example.org/@user?at=a@b#@"));
        assert!(is_safe_url("https://example.org?mail=a@b.example"));
        let long = format!(
            "https://www.bank.example.{}.evil.example/{}",
            "a".repeat(90),
            "b".repeat(90)
        );
        let shown = short(&long);
        assert!(shown.contains(".evil.example/…"), "{shown}");
        assert!(shown.chars().count() < long.chars().count());
        let mail = format!(
            "mailto:{}@evil.example?subject={}",
            "a".repeat(90),
            "b".repeat(90)
        );
        assert!(short(&mail).contains("@evil.example?…"));
    }

    /// What a reader sees of a text, a line for each block.
    fn seen(text: &str) -> String {
        plain(&parse(text).nodes)
    }

    #[test]
    fn marks_that_mean_something_stay_visible() {
        for (text, shown) in [
            ("She has 18.\n#### 18", "She has 18.#### 18"),
            ("#### 18", "#### 18"),
            (
                "#### 18\n\nThat is the answer.",
                "#### 18That is the answer.",
            ),
            (
                "Sum: <<48/2=24>>24 and <<x=5>>",
                "Sum: <<48/2=24>>24 and <<x=5>>",
            ),
            ("<<5*2=10>>10\n<<3*4=12>>12", "<<5*2=10>>10\n<<3*4=12>>12"),
            ("3~5 days, 7~9 nights", "3~5 days, 7~9 nights"),
            ("[1]: so it is", "[1]: so it is"),
            ("Answer\n=\nthen", "Answer\n=then"),
            ("####", "####"),
            (
                r"The flow is \(Q and \[1] \*so\*",
                r"The flow is \(Q and \[1] *so*",
            ),
            ("    5*2 = \\(x", "5*2 = \\(x"),
            ("<b data=\"5*2\">\\(</b>", "<b data=\"5*2\">\\(</b>"),
            ("# Head\n\ntext", "Headtext"),
        ] {
            assert_eq!(seen(text), shown, "{text}");
        }
        let table = "| a | b |\n|---|---|\n| 1 | 2 | 3 | 4 |";
        assert!(seen(table).contains("3 | 4"), "{}", seen(table));
        let found = all("2. b\n4. d\n4. e");
        for number in [2, 4] {
            assert!(found.contains(&Element::Item(Some(number))), "{found:?}");
        }
    }

    #[test]
    fn no_sign_of_a_known_data_set_is_lost() {
        let rows = include_str!("../../tests/fixtures/review/gsm8k.jsonl");
        for line in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            for key in ["question", "answer"] {
                let text = row[key].as_str().unwrap();
                // The numbers of lists are drawn, and no text.
                let lines: Vec<&str> = text
                    .lines()
                    .map(|line| {
                        let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
                        match digits.strip_prefix(['.', ')']) {
                            Some(rest) if digits.len() < line.len() && rest.starts_with(' ') => {
                                rest
                            }
                            _ => line.strip_prefix("- ").unwrap_or(line),
                        }
                    })
                    .collect();
                let signs = |text: &str| text.replace(char::is_whitespace, "");
                assert_eq!(signs(&seen(text)), signs(&lines.concat()), "{text}");
            }
        }
    }

    #[test]
    fn formulas_are_nodes_wherever_they_stand_and_code_has_none() {
        fn formulas(nodes: &[Node]) -> Vec<String> {
            nodes
                .iter()
                .flat_map(|node| match node {
                    Node::Formula(formula) => vec![formula.source.clone()],
                    Node::Element(_, children) => formulas(children),
                    _ => Vec::new(),
                })
                .collect()
        }
        // A report.
        let text = "The flow is \\(Q = \\frac{V}{t}\\), with \\(V\\) in litres.\n\nFor a drip line of length \\(L\\) this gives\n\n\
                    \\[ Q_L = n \\cdot q \\]\n\nwhere \\(n\\) is the number of drippers.";
        assert_eq!(
            formulas(&parse(text).nodes),
            [
                "\\(Q = \\frac{V}{t}\\)",
                "\\(V\\)",
                "\\(L\\)",
                "\\[ Q_L = n \\cdot q \\]",
                "\\(n\\)"
            ]
        );
        assert_eq!(seen(text), text.replace("\n\n", ""));
        let places = "| $a_1$ |\n|---|\n| **$b_2$** |\n\n- [$c_3$](https://a.example/$d_4$)\n\n`$e_5$`\n\n    $f_6$\n\n<b title=\"$g_7$\">";
        assert_eq!(formulas(&parse(places).nodes), ["$a_1$", "$b_2$", "$c_3$"]);
        assert!(seen(places).contains("$f_6$"));
        assert!(all(places).contains(&Element::Link("https://a.example/$d_4$".into())));
    }

    #[test]
    fn the_direction_of_a_block_is_that_of_its_first_letter() {
        let of = |text: &str| direction(&parse(text).nodes);
        assert_eq!(of("- שלום\n- hello"), "rtl");
        assert_eq!(of("- 1. `code` hello"), "ltr");
        assert_eq!(of("> `code` مرحبا"), "rtl");
        assert_eq!(of("123"), "ltr");
    }
}
