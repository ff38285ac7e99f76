//! Markdown from models and imports, made safe by construction: the parser's events become a small tree ([`parse`]),
//! and the tree becomes views. There is no HTML string anywhere, so there is nothing to sanitise: raw HTML in the text
//! is shown as the text it is, links are kept only for `http`, `https` and `mailto` and always show where they lead,
//! and images are never loaded. Size, nesting and node count are bounded; what goes over is shown as plain text.

use leptos::prelude::*;
use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

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
/// Longest link target that is written out, in characters.
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
    Element(Element, Vec<Node>),
}

/// A piece with children.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Paragraph,
    /// 1 to 6, as written.
    Heading(u8),
    Quote,
    /// With the first number, if numbered.
    List(Option<u64>),
    Item,
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
        "http" | "https" => rest
            .strip_prefix("//")
            .is_some_and(|host| !host.is_empty() && !host.starts_with('/')),
        "mailto" => !rest.is_empty(),
        _ => false,
    }
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

struct Builder {
    /// Open elements with the children so far; the first holds the top level.
    stack: Vec<(Element, Vec<Node>)>,
    /// Open elements that were too deep and are flattened.
    flattened: usize,
    /// Open code block.
    code: Option<(String, String)>,
    alignments: Vec<Align>,
    column: usize,
    nodes: usize,
}

impl Builder {
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

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, text)) = self.code.take() {
                    self.push(Node::CodeBlock { language, text });
                }
            }
            Event::End(_) => self.close(),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.push(Node::Text(text.into_string())),
            },
            Event::Code(text) => self.push(Node::Code(text.into_string())),
            Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::FootnoteReference(text) => self.push(Node::Text(text.into_string())),
            Event::SoftBreak => self.push(Node::SoftBreak),
            Event::HardBreak => self.push(Node::Break),
            Event::Rule => self.push(Node::Rule),
            Event::TaskListMarker(is_done) => self.push(Node::Task(is_done)),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let element = match tag {
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    // Only the first word names a language; the rest is for tools.
                    CodeBlockKind::Fenced(info) => info
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
            Tag::Heading { level, .. } => Element::Heading(level as u8),
            Tag::BlockQuote(_) => Element::Quote,
            Tag::HtmlBlock => Element::Html,
            Tag::List(first) => Element::List(first),
            Tag::Item => Element::Item,
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
                if is_safe_url(&dest_url) {
                    Element::Link(dest_url.into_string())
                } else {
                    Element::Refused(dest_url.into_string())
                }
            }
            Tag::Image { dest_url, .. } => Element::Image(dest_url.into_string()),
            // The rest belongs to extensions that are off; as a paragraph its text is still shown.
            _ => Element::Paragraph,
        };
        self.open(element);
    }
}

/// Reads `text` as Markdown (CommonMark with tables, strikethrough and task lists) within the limits.
pub fn parse(text: &str) -> Markdown {
    let end = boundary(text, MAX_BYTES);
    let (head, mut rest_from) = (&text[..end], end);
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    if !has_wide_table(head) {
        options |= Options::ENABLE_TABLES;
    }
    let mut builder = Builder {
        stack: vec![(Element::Paragraph, Vec::new())],
        flattened: 0,
        code: None,
        alignments: Vec::new(),
        column: 0,
        nodes: 0,
    };
    for (event, range) in Parser::new_ext(head, options).into_offset_iter() {
        if builder.nodes >= MAX_NODES && !matches!(event, Event::End(_)) {
            rest_from = boundary(text, range.start);
            break;
        }
        builder.event(event);
    }
    while builder.stack.len() > 1 {
        builder.flattened = 0;
        builder.close();
    }
    let nodes = builder
        .stack
        .pop()
        .map(|(_, nodes)| nodes)
        .unwrap_or_default();
    let rest = &text[rest_from..];
    let shown = boundary(rest, MAX_REST_BYTES);
    Markdown {
        nodes,
        rest: rest[..shown].to_owned(),
        hidden_bytes: rest.len() - shown,
    }
}

impl Markdown {
    /// The views of this text. `heading` is the level that a first-level heading of the text gets.
    pub fn view(&self, heading: u8) -> AnyView {
        let rest = (!self.rest.is_empty())
            .then(|| view! { <p class="md-rest">{self.rest.clone()}</p> }.into_any());
        let hidden = (self.hidden_bytes > 0).then(|| {
            let kb = self.hidden_bytes.div_ceil(1024);
            view! {
                <p class="md-note">
                    {format!("{kb} KB more are not shown here; they are kept, and in every export.")}
                </p>
            }
            .into_any()
        });
        view! { {views(&self.nodes, heading)} {rest} {hidden} }.into_any()
    }
}

fn views(nodes: &[Node], heading: u8) -> Vec<AnyView> {
    nodes.iter().map(|node| node_view(node, heading)).collect()
}

fn node_view(node: &Node, heading: u8) -> AnyView {
    match node {
        Node::Text(text) => text.clone().into_any(),
        Node::Code(text) => view! { <code>{text.clone()}</code> }.into_any(),
        Node::SoftBreak => "\n".into_any(),
        Node::Break => view! { <br /> }.into_any(),
        Node::Rule => view! { <hr /> }.into_any(),
        Node::Task(is_done) => {
            let (mark, label) = if *is_done {
                ("☑", "done: ")
            } else {
                ("☐", "to do: ")
            };
            view! {
                <span class="md-task" aria-hidden="true">
                    {mark}
                    " "
                </span>
                <span class="sr-only">{label}</span>
            }
            .into_any()
        }
        Node::CodeBlock { language, text } => {
            let label = if language.is_empty() {
                "Code".to_owned()
            } else {
                format!("Code, {language}")
            };
            let tag = (!language.is_empty()).then(|| {
                view! { <span class="md-lang" aria-hidden="true">{language.clone()}</span> }
                    .into_any()
            });
            // A block that scrolls must be reachable by keyboard.
            view! {
                <div class="md-code">
                    {tag} <pre tabindex="0" role="group" aria-label=label>
                        <code>{text.clone()}</code>
                    </pre>
                </div>
            }
            .into_any()
        }
        Node::Element(element, children) => element_view(element, children, heading),
    }
}

fn element_view(element: &Element, children: &[Node], heading: u8) -> AnyView {
    let inner = || views(children, heading);
    match element {
        Element::Paragraph => view! { <p>{inner()}</p> }.into_any(),
        Element::Heading(level) => heading_view(level + heading.saturating_sub(1), inner()),
        Element::Quote => view! { <blockquote>{inner()}</blockquote> }.into_any(),
        Element::List(None) => view! { <ul>{inner()}</ul> }.into_any(),
        Element::List(Some(first)) => {
            // `start` is a 32-bit integer in HTML.
            let first = i32::try_from(*first).unwrap_or(1);
            view! { <ol start=first>{inner()}</ol> }.into_any()
        }
        Element::Item => view! { <li>{inner()}</li> }.into_any(),
        Element::Table => table_view(children, heading),
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
            <span class="md-target">" ‹" {short(url)} "›"</span>
        }
        .into_any(),
        Element::Image(url) => image_view(url, &plain(children)),
        Element::Html => view! { <p class="md-html">{inner()}</p> }.into_any(),
    }
}

fn heading_view(level: u8, inner: Vec<AnyView>) -> AnyView {
    match level {
        0..=2 => view! { <h2>{inner}</h2> }.into_any(),
        3 => view! { <h3>{inner}</h3> }.into_any(),
        4 => view! { <h4>{inner}</h4> }.into_any(),
        5 => view! { <h5>{inner}</h5> }.into_any(),
        _ => view! { <h6>{inner}</h6> }.into_any(),
    }
}

fn link_view(url: &str, label: &str, inner: Vec<AnyView>) -> AnyView {
    let bare = url.strip_prefix("mailto:").unwrap_or(url);
    // A target that can be read already need not stand there twice.
    let target = (label.trim() != url && label.trim() != bare)
        .then(|| view! { <span class="md-target">" ‹" {short(bare)} "›"</span> }.into_any());
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
            <span class="md-target">" ‹" {short(url)} "›"</span>
        }
        .into_any()
    }
}

fn table_view(children: &[Node], heading: u8) -> AnyView {
    let row = |cells: &[Node], is_head: bool| {
        cells
            .iter()
            .map(|cell| {
                let (align, children) = match cell {
                    Node::Element(Element::Cell(align), children) => (*align, children.as_slice()),
                    other => (Align::Start, std::slice::from_ref(other)),
                };
                let class = match align {
                    Align::Start => "",
                    Align::Center => "md-center",
                    Align::End => "md-end",
                };
                let inner = views(children, heading);
                if is_head && !children.is_empty() {
                    view! { <th scope="col" class=class>{inner}</th> }.into_any()
                } else {
                    view! { <td class=class>{inner}</td> }.into_any()
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
            <table>{head} <tbody>{body}</tbody></table>
        </div>
    }
    .into_any()
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
            Node::SoftBreak | Node::Break => out.push('\n'),
            Node::Rule | Node::Task(_) => {}
            Node::Element(_, children) => collect_plain(children, out),
        }
    }
}

/// A link target as it is written out: control characters made visible, cut in the middle when long.
fn short(url: &str) -> String {
    let clean: Vec<char> = url
        .chars()
        .map(|c| {
            // Controls and the marks that turn the writing direction could hide where a link leads.
            if c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    let (keep_head, keep_tail) = (MAX_TARGET_CHARS - 20, 19);
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
}
