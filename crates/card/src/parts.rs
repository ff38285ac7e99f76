//! Where a card's front matter is, and which part of its text is ours.

use crate::yaml::{self, Doc, Problem};
use serde_json::{Value, json};
use std::fmt::Write as _;

const BEGIN: &str =
    "<!-- seedbed:begin (this part is written by Seedbed; write your own above or below) -->";
const BEGIN_MARK: &str = "<!-- seedbed:begin";
const END: &str = "<!-- seedbed:end -->";
const WROTE: &str = "<!-- seedbed:wrote ";
const CLOSE: &str = " -->";
/// What a mark becomes whose counterpart is gone: it may never pair with one of a later part.
const FORMER: &str = "<!-- former seedbed:";

/// A card in pieces.
pub(crate) struct Split<'a> {
    /// Blank lines and the opening line.
    pub(crate) open: String,
    pub(crate) front: &'a str,
    pub(crate) doc: Option<Doc>,
    /// The closing line.
    pub(crate) close: String,
    pub(crate) body: &'a str,
}

/// Cuts a card as the Hub does, which wants `---` alone on a line, blank lines before it allowed. Where the Hub finds
/// nothing, what was plainly meant as front matter (blanks behind `---`, `...` at its end) is taken too.
pub(crate) fn split(card: &str) -> Result<Split<'_>, Problem> {
    // Python's reader sees no front matter behind a byte order mark.
    let card = card.trim_start_matches('\u{feff}');
    let blank = card.len()
        - card
            .trim_start_matches([' ', '\t', '\n', '\r', '\u{feff}'])
            .len();
    let none = Split {
        open: "---".to_owned() + line_break(card),
        front: "",
        doc: None,
        close: "---".to_owned() + line_break(card),
        body: card,
    };
    let Some(rest) = card[blank..].strip_prefix("---") else {
        return Ok(none);
    };
    let first = rest.find(['\n', '\r']).unwrap_or(rest.len());
    if !rest[..first].trim().is_empty() || first == rest.len() {
        return Ok(none);
    }
    let first = first + break_at(rest, first);
    let line = card[..blank].matches('\n').count() + 2;
    let inner = &rest[first..];
    let made = |front_end: usize, body_at: usize, doc: Option<Doc>| Split {
        open: card[..blank].replace('\u{feff}', "")
            + "---"
            + &rest[first - break_at_end(&rest[..first])..first],
        front: &inner[..front_end],
        doc,
        close: "---".to_owned() + &inner[body_at - break_at_end(&inner[..body_at])..body_at],
        body: &inner[body_at..],
    };
    let strict = (rest[..first].trim_end_matches(['\n', '\r']).is_empty())
        .then(|| fences(inner).find(|fence| fence.is_dashes && fence.before > 0))
        .flatten();
    let empty = fences(inner)
        .next()
        .filter(|fence| fence.at == 0 && fence.is_dashes);
    let mut failed = None;
    if let Some(fence) = strict {
        match yaml::parse(&inner[..fence.at - fence.before]) {
            Ok(Some(doc)) if doc.root.is_map() => {
                return Ok(made(fence.at - fence.before, fence.end, Some(doc)));
            }
            // A person's text between two rules is no front matter, if the first rule was closed before.
            _ if empty.is_some() => {}
            Ok(None) => return Ok(made(fence.at - fence.before, fence.end, None)),
            Ok(Some(doc)) if doc.root.is_null() => {
                return Ok(made(fence.at - fence.before, fence.end, Some(doc)));
            }
            Ok(Some(_)) => failed = Some(Problem::Syntax(1, "it is no list of keys".to_owned())),
            Err(problem) => failed = Some(problem),
        }
    }
    if let Some(fence) = empty {
        return Ok(made(0, fence.end, None));
    }
    let dashes = fences(inner).find(|fence| fence.is_dashes && fence.before > 0);
    let dots = fences(inner).find(|fence| !fence.is_dashes && fence.before > 0);
    for fence in [dashes, dots].into_iter().flatten() {
        let front = &inner[..fence.at - fence.before];
        if let Ok(Some(doc)) = yaml::parse(front)
            && !doc.root.pairs().is_empty()
        {
            return Ok(made(front.len(), fence.end, Some(doc)));
        }
    }
    match failed {
        Some(Problem::Syntax(at, text)) => Err(Problem::Syntax(at + line - 1, text)),
        Some(problem) => Err(problem),
        None => Ok(none),
    }
}

struct Fence {
    /// Where the line begins, and how long the line break before it is.
    at: usize,
    before: usize,
    /// Where the next line begins.
    end: usize,
    is_dashes: bool,
}

/// Lines that are `---` or `...` and nothing else.
fn fences(text: &str) -> impl Iterator<Item = Fence> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let start = at;
            let end = text[start..]
                .find(['\n', '\r'])
                .map_or(text.len(), |n| start + n);
            let width = break_at(text, end);
            at = end + width;
            let line = text[start..end].trim_end_matches([' ', '\t']);
            // The Hub takes a lone carriage return for the end of any line but this one.
            let ends = width == 0 || text[end..at].ends_with('\n');
            if (line == "---" || line == "...") && ends {
                return Some(Fence {
                    at: start,
                    before: break_at_end(&text[..start]),
                    end: at,
                    is_dashes: line == "---",
                });
            }
        }
        None
    })
}

/// Length of the line break at a place.
fn break_at(text: &str, at: usize) -> usize {
    match text.as_bytes()[at..] {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r', ..] => 1,
        _ => 0,
    }
}

/// Length of the line break at the end.
fn break_at_end(text: &str) -> usize {
    match text.as_bytes() {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n' | b'\r'] => 1,
        _ => 0,
    }
}

/// The line break that a text uses.
pub(crate) fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// What the last publish wrote into keys that people write too: what differs since is theirs, and what they took out
/// stays out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wrote {
    pub(crate) pretty_name: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) task: bool,
    pub(crate) viewer_off: bool,
    /// Lines of our part behind this one, and their check sum.
    lines: usize,
    sum: String,
}

impl Wrote {
    fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |key: &str| value[key].as_str().map(ToOwned::to_owned);
        let tags = value["tags"].as_array().into_iter().flatten();
        Some(Self {
            pretty_name: text("pretty_name"),
            size: text("size"),
            tags: tags
                .filter_map(Value::as_str)
                .map(ToOwned::to_owned)
                .collect(),
            task: value["task"] == Value::Bool(true),
            viewer_off: value["viewer_off"] == Value::Bool(true),
            lines: usize::try_from(value["lines"].as_u64()?).ok()?,
            sum: text("sum")?,
        })
    }

    /// As JSON in which nothing ends a comment or a line.
    fn written(&self) -> String {
        let value = json!({
            "pretty_name": self.pretty_name,
            "size": self.size,
            "tags": self.tags,
            "task": self.task,
            "viewer_off": self.viewer_off,
            "lines": self.lines,
            "sum": self.sum,
        });
        let mut text = String::new();
        for c in value.to_string().chars() {
            if c == '>' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            } else {
                text.push(c);
            }
        }
        text
    }
}

/// FNV-1a: tells an untouched part from one that was edited, no more.
fn sum<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for line in lines {
        for byte in line.trim_end().bytes().chain([b'\n']) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// The body as it stands: what is ours, and what is around it.
pub(crate) struct Body {
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) has_part: bool,
    /// `None` without a part, or with one of the first format.
    pub(crate) wrote: Option<Wrote>,
    /// Our part was edited by a person.
    pub(crate) is_edited: bool,
    /// A mark was without its counterpart.
    pub(crate) lost_mark: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Begin,
    End,
    Wrote,
    None,
}

fn mark(line: &str) -> Mark {
    let line = line.trim();
    // What shares a line with a person's words is no mark.
    if line.starts_with(BEGIN_MARK) && line.find("-->") == Some(line.len() - 3) {
        Mark::Begin
    } else if line == END {
        Mark::End
    } else if line.starts_with(WROTE) && line.ends_with(CLOSE) {
        Mark::Wrote
    } else {
        Mark::None
    }
}

fn wrote(line: &str) -> Option<Wrote> {
    let line = line.trim().strip_prefix(WROTE)?.strip_suffix(CLOSE)?;
    Wrote::read(line)
}

/// Finds our part. It reaches from a mark to its counterpart with no mark between; where one of the two is gone, as far as
/// the check sum tells; else nothing is ours, and the lonely mark is made harmless, so that it can't swallow, with a later
/// publish, what a person wrote behind it.
pub(crate) fn body(text: &str) -> Body {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    let mut found = Body {
        before: String::new(),
        after: String::new(),
        has_part: false,
        wrote: None,
        is_edited: false,
        lost_mark: false,
    };
    // Whole parts, the last begin before each end.
    let mut parts: Vec<(std::ops::Range<usize>, Option<Wrote>, bool)> = Vec::new();
    let mut at = 0;
    let mut begin = None;
    while at < lines.len() {
        match mark(&lines[at]) {
            Mark::Begin => begin = Some(at),
            Mark::End => {
                if let Some(start) = begin.take() {
                    let inner = (start + 1..at).find(|n| mark(&lines[*n]) == Mark::Wrote);
                    let known = inner.and_then(|n| wrote(&lines[n]));
                    let is_whole = match (&known, inner) {
                        (Some(known), Some(n)) => {
                            known.lines == at - n - 1
                                && n == start + 1
                                && known.sum == sum(lines[n + 1..at].iter().map(String::as_str))
                        }
                        _ => false,
                    };
                    parts.push((start..at + 1, known, is_whole));
                }
            }
            Mark::Wrote | Mark::None => {}
        }
        at += 1;
    }
    // Parts with one mark gone, where the sum still tells how far they reach.
    for n in 0..lines.len() {
        if mark(&lines[n]) != Mark::Wrote || parts.iter().any(|(range, ..)| range.contains(&n)) {
            continue;
        }
        let Some(known) = wrote(&lines[n]) else {
            continue;
        };
        let end = n + 1 + known.lines;
        if end > lines.len() || sum(lines[n + 1..end].iter().map(String::as_str)) != known.sum {
            continue;
        }
        let has_begin = n > 0 && mark(&lines[n - 1]) == Mark::Begin;
        let has_end = lines.get(end).is_some_and(|line| mark(line) == Mark::End);
        found.lost_mark = true;
        parts.push((
            n - usize::from(has_begin)..end + usize::from(has_end),
            Some(known),
            true,
        ));
    }
    parts.sort_unstable_by_key(|(range, ..)| range.start);
    let chosen = parts
        .iter()
        .position(|(.., is_whole)| *is_whole)
        .or(if parts.is_empty() { None } else { Some(0) });
    let mut ours = None;
    let mut dropped = Vec::new();
    for (n, (range, known, is_whole)) in parts.into_iter().enumerate() {
        if Some(n) == chosen {
            found.has_part = true;
            found.is_edited = known.is_some() && !is_whole;
            found.wrote = known;
            ours = Some(range);
        } else if is_whole {
            // The same part twice, as a merge leaves it.
            dropped.push(range);
        }
    }
    let is_in = |ranges: &[std::ops::Range<usize>], n: usize| ranges.iter().any(|r| r.contains(&n));
    for (n, line) in lines.iter_mut().enumerate() {
        if ours.as_ref().is_some_and(|range| range.contains(&n)) || is_in(&dropped, n) {
            continue;
        }
        let kind = mark(line);
        if kind != Mark::None {
            found.lost_mark = true;
            if found.wrote.is_none() && kind == Mark::Wrote {
                found.wrote = wrote(line);
            }
            *line = line.replacen("<!-- seedbed:", FORMER, 1);
        }
    }
    let cut = ours.clone().map_or(lines.len(), |range| range.start);
    let resume = ours.map_or(lines.len(), |range| range.end);
    for (n, line) in lines.iter().enumerate() {
        if is_in(&dropped, n) {
            continue;
        }
        if n < cut {
            found.before.push_str(line);
        } else if n >= resume {
            found.after.push_str(line);
        }
    }
    found
}

/// Our part with its marks, its lines ended by `eol`.
pub(crate) fn part(text: &str, wrote: &Wrote, eol: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let wrote = Wrote {
        lines: lines.len(),
        sum: sum(lines.iter().copied()),
        ..wrote.clone()
    };
    let json = wrote.written();
    let mut part = format!("{BEGIN}{eol}{WROTE}{json}{CLOSE}{eol}");
    for line in lines {
        part.push_str(line);
        part.push_str(eol);
    }
    part.push_str(END);
    part.push_str(eol);
    part
}
