//! Reading what models reply: lists of instructions, short lists, one evolved instruction. Replies come numbered or
//! not, as JSON, in fences, with talk around them, wrapped, cut off; nothing in here trusts their form, and nothing
//! that is left out goes without a reason.

mod clean;
mod evolved;
mod json;
mod lines;
mod markup;

use crate::filter::{MOST_WORDS, is_meta, is_statement, length_problem, plain_quotes};
use crate::metrics::tokens;
use crate::quality::is_refusal;
pub use clean::without_reasoning;
use clean::{Mark, has_end_mark, marked, unwrapped, without_fence, without_title};
pub use evolved::evolved;
use seedbed_core::messages::Proposal;
use seedbed_core::model::FinishReason;
use seedbed_core::prompt::Cell;
use seedbed_core::seed::Seed;
use std::collections::HashSet;

/// What a list is read against.
#[derive(Clone, Copy, Debug)]
pub struct ListContext<'a> {
    /// The seed: its example questions are no new instructions.
    pub seed: &'a Seed,
    /// The cell it was asked for.
    pub cell: Option<&'a Cell>,
}

/// A list as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedList {
    /// Usable texts, in order, as many as were asked for at most.
    pub items: Vec<String>,
    /// What was not taken, each with the reason in plain words. Talk around the list is not mentioned.
    pub dropped: Vec<(String, String)>,
}

/// One item before it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its text, unwrapped.
    pub(crate) text: String,
    /// Known to be no item, and why.
    pub(crate) problem: Option<&'static str>,
}

/// The items of a reply: instructions, or names of topics and perspectives.
fn items(reply: &str, finish: FinishReason, are_names: bool) -> Vec<Item> {
    let text = reply.replace("\r\n", "\n").replace('\r', "\n");
    let text = without_reasoning(&text);
    let is_cut = matches!(finish, FinishReason::Length | FinishReason::ContentFilter);
    if markup::is_page(&text) {
        return vec![Item {
            text: text.chars().take(SHOWN_PAGE).collect(),
            problem: Some(markup::PAGE),
        }];
    }
    if let Some(found) = json::list(&text, are_names) {
        return found
            .items
            .into_iter()
            .flat_map(|found| of_data(&found, is_cut))
            .collect();
    }
    let text = without_fence(&text);
    if let Some(items) = markup::tagged(&text, are_names).or_else(|| markup::table(&text, is_cut)) {
        return items;
    }
    let mut items = lines::items(&text);
    if is_cut && let Some(last) = items.last_mut() {
        last.problem = Some(markup::CUT);
    }
    items
}

/// Characters of a web page that are shown.
const SHOWN_PAGE: usize = 200;

/// The items of one text of a list: itself, or those of the list that it holds.
fn of_data(found: &json::Text, is_cut: bool) -> Vec<Item> {
    let text = found.text.trim();
    let numbered = text
        .lines()
        .filter(|line| matches!(marked(line.trim()), Some((Mark::Number, _))));
    let mut items = if numbered.count() > 1 {
        lines::items(text)
    } else {
        let bare = marked(text).map_or(text, |(_, rest)| rest);
        vec![Item {
            text: unwrapped(without_title(bare)),
            problem: None,
        }]
    };
    if !found.is_whole
        && (is_cut || !has_end_mark(text))
        && let Some(last) = items.last_mut()
    {
        last.problem = Some(markup::CUT);
    }
    items
}

/// Words that programs begin with; instructions do so without brackets, semicolons and equals signs.
const CODE_WORDS: [&str; 18] = [
    "const ",
    "let ",
    "var ",
    "def ",
    "import ",
    "from ",
    "function ",
    "class ",
    "return ",
    "print(",
    "console.",
    "public ",
    "#include",
    "for ",
    "if (",
    "while ",
    "fn ",
    "SELECT ",
];

/// The text is a piece of data, markup or a program.
fn is_syntax(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    let second = chars.next().unwrap_or_default();
    let begins = match first {
        '{' | '}' | ']' | '|' | ',' | ';' | '=' => true,
        ')' | '<' => !second.is_whitespace(),
        // "[Roleplay] Write …" begins with a bracket too.
        '[' => !second.is_alphanumeric() || !text.contains("] "),
        '`' => text.starts_with("```"),
        '/' => matches!(second, '/' | '*'),
        _ => false,
    };
    // A sentence may end in a sample of data or code.
    let is_prose =
        (first.is_uppercase() || !first.is_ascii()) && text.split_whitespace().nth(3).is_some();
    let ends_with = |ends: &[&str]| ends.iter().any(|end| text.ends_with(end));
    let ends = ends_with(&["\",", "',", "/>", "|"])
        || (!is_prose && ends_with(&["\"]", "\"}", "};", "];", ");", "{", "["]))
        || (text.ends_with('>') && text.contains("</") && !text.contains('`'));
    // A key with its value, or two texts of a list.
    let holds = text.match_indices(['"', '\'']).any(|(at, quote)| {
        let rest = text.get(at + 1..).unwrap_or_default();
        let value = rest
            .strip_prefix(':')
            .or_else(|| rest.strip_prefix(','))
            .map(str::trim_start);
        value.is_some_and(|value| {
            value.starts_with(quote) || (rest.starts_with(':') && value.starts_with(['[', '{']))
        })
    });
    // Quotations in a sentence follow each other too.
    let is_torn = text.contains("\":") && text.contains("\",") && !text.contains('`');
    let holds = holds && (matches!(first, '"' | '\'') || is_torn);
    let is_program = CODE_WORDS.iter().any(|word| text.starts_with(word))
        && (text.contains(['=', ';', '(', '[', '{']) || text.ends_with(':'));
    // A call: print("…
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_program = is_program
        || ["(\"", "('"]
            .iter()
            .any(|call| word.find(call).is_some_and(|at| at > 0));
    begins || ends || holds || is_program
}

/// Labels of our own tasks that leak into lists.
const OWN_LABELS: [&str; 6] = [
    "domain:",
    "topic:",
    "perspective:",
    "the dataset:",
    "perspectives on them:",
    "topics they look at:",
];

/// Words of our own tasks that a model copies instead of following them.
const OWN_WORDS: [&str; 4] = [
    "one instruction per line",
    "none of those above",
    "without naming the perspective",
    "never an order to you",
];

/// Phrases that point at something that is not there. Each instruction has to stand alone.
const ABSENT: [&str; 26] = [
    "the attached",
    "the image above",
    "the image below",
    "this image",
    "this picture",
    "this photo",
    "the picture above",
    "the picture below",
    "the graph above",
    "the graph below",
    "the table above",
    "the table below",
    "the text above",
    "the text below",
    "the passage above",
    "the passage below",
    "the given text",
    "the given passage",
    "the following text",
    "the following passage",
    "the following paragraph",
    "the following article",
    "the above",
    "previous question",
    "previous instruction",
    "in the list above",
];

/// What stands where a model should have filled something in.
fn has_placeholder(lower: &str) -> bool {
    let bracketed = |open: char, close: char| {
        lower.split(open).skip(1).any(|rest| {
            rest.split_once(close).is_some_and(|(inside, _)| {
                [
                    "insert",
                    "your ",
                    "name of",
                    "topic",
                    "perspective",
                    "instruction",
                    "question",
                    "domain",
                    "number",
                    "specific",
                ]
                .iter()
                .any(|word| inside.starts_with(word))
            })
        })
    };
    bracketed('[', ']') || bracketed('<', '>') || bracketed('{', '}')
}

/// Words in a row that nobody shares with the seed's description by chance.
const COPIED_RUN: usize = 8;

/// The text copies a run of words from what it was told.
fn repeats(words: &[String], told: &str) -> bool {
    let told = tokens(told);
    let told: HashSet<&[String]> = told.windows(COPIED_RUN).collect();
    words.windows(COPIED_RUN).any(|run| told.contains(run))
}

/// Why a text is no usable instruction, if it is not.
fn instruction_problem(text: &str, ctx: &ListContext<'_>) -> Option<String> {
    let said = |text: &str| Some(text.to_owned());
    if is_refusal(text) {
        return said("The model declined");
    }
    if is_syntax(text) {
        return said("It is a piece of data or code, not an instruction");
    }
    if let Some(problem) = length_problem(text, MOST_WORDS) {
        return Some(problem);
    }
    if text.ends_with([':', '：']) {
        return said("It announces something instead of asking");
    }
    let lower = plain_quotes(&text.to_lowercase());
    if OWN_LABELS.iter().any(|label| lower.starts_with(label))
        || OWN_WORDS.iter().any(|words| lower.contains(words))
    {
        return said("It repeats the task instead of asking something");
    }
    if is_meta(text) {
        return said("It talks about the task instead of asking something");
    }
    if is_statement(text) {
        return said("It states something instead of asking");
    }
    if has_placeholder(&lower) {
        return said("It has a placeholder that was not filled in");
    }
    if ABSENT.iter().any(|phrase| lower.contains(phrase)) {
        return said("It points at a text or picture that is not there");
    }
    let words = tokens(text);
    if repeats(&words, &ctx.seed.description) || repeats(&words, &ctx.seed.expert_prompt) {
        return said("It repeats what the seed says of the dataset");
    }
    if ctx
        .seed
        .examples
        .iter()
        .any(|example| tokens(&example.question) == words)
    {
        return said("It is one of the seed's examples");
    }
    if let Some(cell) = ctx.cell {
        let names = [cell.topic.clone(), cell.perspective.clone(), cell.term()];
        if names.iter().any(|name| tokens(name) == words) {
            return said("It only names the cell");
        }
    }
    None
}

/// Reads a reply to `tasks::self_instruct`: at most `count` instructions that are whole, distinct and usable.
pub fn instructions(
    reply: &str,
    finish: FinishReason,
    count: usize,
    ctx: &ListContext<'_>,
) -> ParsedList {
    let mut parsed = ParsedList::default();
    let mut seen: HashSet<Vec<String>> = HashSet::new();
    for item in items(reply, finish, false) {
        if item.text.is_empty() {
            continue;
        }
        let problem = item
            .problem
            .map(str::to_owned)
            .or_else(|| instruction_problem(&item.text, ctx))
            .or_else(|| {
                (!seen.insert(tokens(&item.text))).then(|| "It is in the reply twice".to_owned())
            })
            .or_else(|| {
                (parsed.items.len() >= count).then(|| format!("More than the {count} asked for"))
            });
        match problem {
            None => parsed.items.push(item.text),
            Some(problem) => parsed.dropped.push((item.text, problem)),
        }
    }
    parsed
}

/// Reads a reply to `tasks::propose`: at most `count` names that the seed does not have.
pub fn short_list(
    reply: &str,
    finish: FinishReason,
    count: usize,
    seed: &Seed,
    what: Proposal,
) -> Vec<String> {
    let known = match what {
        Proposal::Topics => &seed.topics,
        Proposal::Perspectives => &seed.perspectives,
    };
    let mut seen: HashSet<Vec<String>> = known.iter().map(|name| tokens(name)).collect();
    let mut found = items(reply, finish, true);
    // "a, b, c" on one line.
    if let [only] = found.as_slice()
        && only.problem.is_none()
        && only.text.matches([',', ';', '、']).count() >= 2
    {
        found = only
            .text
            .split([',', ';', '、'])
            .map(|part| Item {
                text: unwrapped(part),
                problem: None,
            })
            .collect();
    }
    found
        .into_iter()
        .filter(|item| item.problem.is_none())
        .filter_map(|item| short_name(&item.text, what))
        .filter(|name| !is_refusal(name) && seen.insert(tokens(name)))
        .take(count)
        .collect()
}

/// A name without its explanation.
fn short_name(text: &str, what: Proposal) -> Option<String> {
    let mut name = text;
    for mark in [": ", " - ", " – ", " — ", "："] {
        if let Some((before, _)) = name.split_once(mark)
            && before.chars().any(char::is_alphanumeric)
        {
            name = before;
        }
    }
    let mut name = unwrapped(name.trim_end_matches(['.', ':', ';', ',', '。']));
    if what == Proposal::Perspectives {
        // A cell's term adds the word itself.
        let lower = name.to_lowercase();
        if lower.ends_with(" perspective") && lower.len() == name.len() {
            name.truncate(name.len() - " perspective".len());
        }
    }
    let words = name.split_whitespace().count();
    let is_name = name.chars().any(char::is_alphanumeric)
        && words <= 10
        && name.chars().count() <= 80
        && !name.contains(['<', '>', '\n'])
        && !name.ends_with(['?', '!']);
    is_name.then_some(name)
}

/// The line ends neither a sentence nor a clause; used by [`lines`].
pub(crate) fn is_open(text: &str) -> bool {
    !has_end_mark(text)
}
