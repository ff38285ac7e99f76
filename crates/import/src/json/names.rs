//! Names that tell what a member of an object is.

/// Names under which files keep their rows. None of them is a column.
const CONTAINERS: [&str; 14] = [
    "rows", "data", "dataset", "records", "examples", "items", "results", "result", "entries",
    "samples", "docs", "hits", "nodes", "list",
];
/// Of these the ones that are hardly ever a column.
const SURE_CONTAINERS: [&str; 8] = [
    "rows", "data", "dataset", "records", "entries", "samples", "result", "results",
];
/// Names of splits, alone or with more behind a mark (`train_sft`).
const SPLITS: [&str; 11] = [
    "train",
    "training",
    "test",
    "testing",
    "validation",
    "valid",
    "val",
    "dev",
    "eval",
    "evaluation",
    "holdout",
];
/// Members beside the rows that describe them.
const BESIDE: [&str; 14] = [
    "features",
    "fields",
    "schema",
    "columns",
    "header",
    "headers",
    "columnnames",
    "index",
    "errors",
    "warnings",
    "links",
    "pending",
    "failed",
    "facets",
];
/// Members that name the columns of rows that are lists.
const HEADERS: [&str; 6] = [
    "columns",
    "header",
    "headers",
    "fields",
    "columnnames",
    "names",
];
/// Lists of objects that are one row's value.
const VALUES: [&str; 30] = [
    "messages",
    "conversations",
    "conversation",
    "dialog",
    "dialogue",
    "dialogs",
    "chat",
    "turns",
    "history",
    "chosen",
    "rejected",
    "prompt",
    "completion",
    "completions",
    "responses",
    "answers",
    "choices",
    "options",
    "candidates",
    "instances",
    "tools",
    "functions",
    "toolcalls",
    "context",
    "contexts",
    "references",
    "annotations",
    "paragraphs",
    "qas",
    "images",
];
/// Of these the ones whose items are messages.
const DIALOGUES: [&str; 12] = [
    "messages",
    "conversations",
    "conversation",
    "dialog",
    "dialogue",
    "chat",
    "turns",
    "history",
    "chosen",
    "rejected",
    "prompt",
    "completion",
];
/// Columns of texts: an object with one of them is a row, and a first list with one of them is a header.
const TEXTS: [&str; 28] = [
    "instruction",
    "prompt",
    "question",
    "query",
    "problem",
    "task",
    "input",
    "output",
    "response",
    "answer",
    "completion",
    "target",
    "solution",
    "generation",
    "context",
    "passage",
    "article",
    "system",
    "systemprompt",
    "summary",
    "chosen",
    "rejected",
    "text",
    "rationale",
    "reasoning",
    "问题",
    "指令",
    "答案",
];
/// Names that a message has.
const OF_MESSAGES: [&str; 6] = ["role", "from", "speaker", "content", "value", "author"];

/// As names are compared: small letters, without `_`, `-` and spaces.
pub(crate) fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.contains(&plain(name).as_str())
}

/// The name of a split.
pub(crate) fn is_split(name: &str) -> bool {
    let name = name.to_lowercase();
    SPLITS.iter().any(|split| {
        name.strip_prefix(split)
            .is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
    })
}

/// A name under which rows are kept.
pub(crate) fn is_container(name: &str) -> bool {
    is_split(name) || is_one_of(name, &CONTAINERS)
}

/// A name under which hardly anything but rows is kept.
pub(crate) fn is_sure_container(name: &str) -> bool {
    is_split(name) || is_one_of(name, &SURE_CONTAINERS)
}

/// A list that describes the rows beside it.
pub(crate) fn is_beside(name: &str) -> bool {
    is_one_of(name, &BESIDE)
}

/// A list of column names.
pub(crate) fn is_header(name: &str) -> bool {
    is_one_of(name, &HEADERS)
}

/// A list of objects that is one row's value.
pub(crate) fn is_value(name: &str) -> bool {
    is_one_of(name, &VALUES)
}

/// A list of messages.
pub(crate) fn is_dialogue(name: &str) -> bool {
    is_one_of(name, &DIALOGUES)
}

/// A column of texts.
pub(crate) fn is_text(name: &str) -> bool {
    is_one_of(name, &TEXTS)
}

/// A member of a message.
pub(crate) fn is_of_message(name: &str) -> bool {
    is_one_of(name, &OF_MESSAGES)
}
