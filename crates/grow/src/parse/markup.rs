//! Lists that come as XML or HTML items or as a Markdown table, and web pages, which are none.

use super::Item;
use super::clean::unwrapped;

/// Tags that hold a name.
const NAME_TAGS: [&str; 3] = ["topic", "perspective", "name"];
/// Tags that hold an item, the surest first.
const ITEM_TAGS: [&str; 10] = [
    "instruction",
    "question",
    "query",
    "prompt",
    "task",
    "request",
    "item",
    "li",
    "entry",
    "q",
];

/// Bytes of a tag at most.
const LONGEST_TAG: usize = 400;

/// Problems of items.
pub(super) const CUT: &str = "Cut off at the token limit";
pub(super) const PAGE: &str = "A web page, not the model's answer";

/// The text is a web page: what a proxy says instead of a model.
pub(super) fn is_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(40).collect();
    let start = start.to_ascii_lowercase();
    ["<!doctype html", "<html", "<head>", "<body"]
        .iter()
        .any(|tag| start.starts_with(tag))
}

/// The items of a text whose items stand in tags.
pub(super) fn tagged(text: &str, are_names: bool) -> Option<Vec<Item>> {
    // Lower case of ASCII only keeps the byte positions.
    let lower = text.to_ascii_lowercase();
    let names = NAME_TAGS.iter().filter(|_| are_names);
    let tag = names.chain(&ITEM_TAGS).find(|tag| {
        let mut from = 0;
        while let Some((at, _)) = open(&lower, tag, from) {
            let before = lower
                .get(..at)
                .unwrap_or_default()
                .trim_end_matches([' ', '\t']);
            if before.is_empty() || before.ends_with(['\n', '>']) {
                return true;
            }
            from = at + 1;
        }
        false
    })?;
    let close = format!("</{tag}");
    let mut items = Vec::new();
    let mut from = 0;
    while let Some((_, inside)) = open(&lower, tag, from) {
        let end = lower.get(inside..)?.find(&close).map(|end| inside + end);
        items.push(Item {
            text: unwrapped(&plain(text.get(inside..end.unwrap_or(text.len()))?)),
            problem: end.is_none().then_some(CUT),
        });
        from = end.unwrap_or(text.len());
    }
    Some(items)
}

/// Where the next `<tag …>` begins, and where its content does.
fn open(lower: &str, tag: &str, from: usize) -> Option<(usize, usize)> {
    let mut from = from;
    loop {
        let at = from + lower.get(from..)?.find('<')?;
        let rest = lower.get(at + 1..)?.strip_prefix(tag);
        // <instruction_1>
        let rest =
            rest.map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_'));
        if let Some(rest) = rest.filter(|rest| rest.starts_with(['>', ' ', '\n'])) {
            let end = rest.find('>')?;
            return Some((at, lower.len() - rest.len() + end + 1));
        }
        from = at + 1;
    }
}

/// The text between tags, with its entities read.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let is_tag = tag
            .chars()
            .nth(1)
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
        // No tag is longer; looking on would take the whole text for each bracket.
        let end = tag.bytes().take(LONGEST_TAG).position(|byte| byte == b'>');
        match end.filter(|_| is_tag) {
            Some(end) => rest = tag.get(end + 1..).unwrap_or_default(),
            None => {
                out.push('<');
                rest = tag.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    let out = out.replace("<![CDATA[", "").replace("]]>", "");
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(out, |out, (entity, c)| out.replace(entity, c))
}

/// The items of a table: its column of instructions, else the one with the longest texts.
pub(super) fn table(text: &str, is_cut: bool) -> Option<Vec<Item>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_rule = |line: &str| {
        line.contains('|')
            && line.contains('-')
            && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
    };
    let is_row = |line: &str| line.starts_with('|') && line.len() > 2;
    let rule = lines.iter().position(|line| is_rule(line));
    let (head, first) = match rule {
        Some(at) => (at.checked_sub(1).and_then(|at| lines.get(at)), at + 1),
        None => {
            let first = lines.iter().position(|line| is_row(line))?;
            // One bar makes no table.
            lines.get(first + 1).filter(|line| is_row(line))?;
            (None, first)
        }
    };
    let rows: Vec<&str> = lines
        .iter()
        .skip(first)
        .copied()
        .take_while(|line| line.contains('|'))
        .collect();
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row)).collect();
    let column = head
        .and_then(|head| {
            let names = self::cells(head);
            ITEM_TAGS.iter().take(6).find_map(|tag| {
                names
                    .iter()
                    .position(|name| name.to_lowercase().contains(tag))
            })
        })
        .or_else(|| {
            let length = |column: usize| -> usize {
                cells
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(String::len)
                    .sum()
            };
            let columns = cells.iter().map(Vec::len).max()?;
            (0..columns).max_by_key(|column| length(*column))
        })?;
    let is_last_cut = is_cut
        && rows
            .last()
            .is_some_and(|row| !row.ends_with('|') || rows.len() < 2)
        && lines.iter().rfind(|line| !line.is_empty()) == rows.last();
    let mut items: Vec<Item> = cells
        .into_iter()
        .filter_map(|mut row| (column < row.len()).then(|| row.swap_remove(column)))
        .map(|cell| Item {
            text: unwrapped(&plain(&cell.replace("<br>", " "))),
            problem: None,
        })
        .collect();
    if is_last_cut && let Some(last) = items.last_mut() {
        last.problem = Some(CUT);
    }
    (!items.is_empty()).then_some(items)
}

fn cells(row: &str) -> Vec<String> {
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row);
    // A bar of the text itself.
    row.replace("\\|", "\u{1}")
        .split('|')
        .map(|cell| cell.replace('\u{1}', "|").trim().to_owned())
        .collect()
}
