//! The dataset card: front matter that loaders and the viewer read, and a page of measured facts.
//!
//! People and other tools write the same file. So an edit touches only what is ours: keys of the front matter that nobody
//! else set, the entry of `configs` that names our table, what `dataset_info` says of it, and the text between our two
//! marks. All else stays byte for byte where the front matter is written as keys on lines of their own, and with equal
//! meaning where it is not. A card that can't be edited so is left alone, with a reason to show.
//!
//! Nothing here knows a browser, a clock or the rest of the app: text goes in, text comes out.

mod files;
mod front_matter;
mod loaded;
mod parts;
mod read;
mod text;
mod yaml;

#[cfg(test)]
mod tests;

pub use files::is_data_file;
pub use loaded::{Loaded, loaded};
pub use read::{Config, Info, Stated, read};

use std::fmt;
use yaml::{Edited, Kind, Node};

/// Larger cards are left alone, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

/// A table of ours, as it will stand in the repo.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Path in the repo.
    pub path: &'a str,
    /// The config it is declared in, if the name is free; `default` for the main table.
    pub config: &'a str,
    /// Its split.
    pub split: &'a str,
    /// Rows.
    pub rows: usize,
    /// Its size in memory, where it has to be told beside other people's splits; 0 = unknown. No loader checks it.
    pub bytes: u64,
    /// Names of its columns.
    pub columns: &'a [&'a str],
}

/// What the card tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    /// The project's title; empty if nobody gave one.
    pub title: &'a str,
    /// What the project is about, in paragraphs.
    pub description: &'a str,
    /// The seed's perspectives.
    pub perspectives: &'a [String],
    /// The licence, if the person chose it for this publish, in a form that began with the card's ([`Stated`]).
    pub license: Option<&'a str>,
    /// Languages that the person stated, likewise; empty if none were stated.
    pub languages: &'a [String],
    /// Tables that are in the repo after this publish. None before the first accepted row.
    pub tables: &'a [Table<'a>],
    /// Paths of tables of ours that are no more: entries of the card that name only these go.
    pub gone: &'a [&'a str],
    /// The repo's other data files ([`is_data_file`]), ours not among them.
    pub others: &'a [&'a str],
    /// Rows that a model drafted.
    pub generated: usize,
    /// Rows that were imported.
    pub imported: usize,
    /// Rows that a person changed.
    pub edited: usize,
    /// Rows per topic.
    pub topics: &'a [(String, usize)],
    /// Rows per model.
    pub models: &'a [(String, usize)],
    /// People who decided.
    pub reviewers: usize,
    /// Records in all.
    pub records: usize,
    /// Records that somebody decided on.
    pub reviewed: usize,
    /// Further counts of records by their state, as named in the table of figures.
    pub states: &'a [(&'a str, usize)],
}

impl Facts<'_> {
    /// Rows of all tables.
    fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Where a table of ours is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its path.
    pub path: String,
    /// The config that names it.
    pub config: String,
    /// The split that it is there.
    pub split: String,
    /// What was done.
    pub how: How,
    /// Loaders read all configs of a repo with the reader of the first, and that is another format: the table loads by its
    /// path only.
    pub is_apart: bool,
}

impl Placed {
    /// The line of Python that loads it from the repo.
    pub fn loading(&self, repo: &str) -> String {
        text::loading(repo, self)
    }
}

/// What was done to declare a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The card declared it already.
    Stands,
    /// An entry was added under the name that was asked for.
    Added,
    /// It became a split of a config that is there, with the same columns.
    Joined,
    /// The name belongs to other data, so it has one of its own.
    UnderAnotherName,
}

/// Something about the card that a person may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// `viewer: false` of a person: the Hub shows no rows.
    ViewerIsOff,
    /// `dataset_info` told another size of our table in this config, or other columns.
    InfoCorrected(String),
    /// Data files of others that loaders had found by guessing are declared now, beside ours.
    DeclaredOthers(usize),
    /// The first config is of another format, so loaders can't read ours by its config.
    OtherFormat(String),
    /// A pattern of others takes our table for theirs.
    Mixed {
        /// Their config.
        config: String,
        /// Their pattern.
        pattern: String,
    },
    /// Our part of the page was edited; it is written anew.
    OwnPartEdited,
    /// A mark of our part was missing: what stood there was kept, and our part may stand below it once more.
    LostMark,
    /// The front matter was in another form (braces, aliases) and is now written as keys on lines, with equal meaning.
    Rewritten,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ViewerIsOff => f.write_str(
                "The card turns the Hub's viewer off (`viewer: false`). Take that line out on the Hub to have the rows shown.",
            ),
            Self::InfoCorrected(config) => write!(
                f,
                "The card told other sizes or columns of the config `{config}` than its table has; they are corrected."
            ),
            Self::DeclaredOthers(n) => write!(
                f,
                "{n} data files that are in the repo already stay loadable: the card now names them, as it names the new table."
            ),
            Self::OtherFormat(config) => write!(
                f,
                "Loaders read every config of a dataset like its first one, which is no Parquet here; so the config `{config}` can't be loaded by its name. The card tells how to load the table by its path. A dataset of its own avoids that."
            ),
            Self::Mixed { config, pattern } => write!(
                f,
                "The config `{config}` of this dataset takes `{pattern}`, which includes the new table; its rows will appear there too."
            ),
            Self::OwnPartEdited => f.write_str(
                "Somebody changed the part of the card that is written here; it is written anew. Own words stay when they are above or below it.",
            ),
            Self::LostMark => f.write_str(
                "A mark that tells which part of the card is written here was missing. All text was kept; figures of an earlier publish may stand there still and can be deleted on the Hub.",
            ),
            Self::Rewritten => f.write_str(
                "The card's front matter was written in a short form; it now stands as one key a line, with the same content.",
            ),
        }
    }
}

/// Why a card is left alone. What it said to the Hub and to loaders, it goes on saying.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not UTF-8.
    #[error(
        "README.md is not UTF-8 text, so it was left as it is and does not name the new table. Save it as UTF-8 on the Hub, then publish again."
    )]
    NotUtf8,
    /// No YAML.
    #[error(
        "The front matter of README.md can't be read (line {line}: {problem}), so the card was left as it is and does not name the new table. Mend that line on the Hub, then publish again."
    )]
    Yaml {
        /// Line of the file, from 1.
        line: usize,
        /// What the reader says.
        problem: String,
    },
    /// Which of the two counts, readers differ about.
    #[error(
        "The key `{0}` stands twice in the front matter of README.md, so the card was left as it is and does not name the new table. Take one of the two out on the Hub, then publish again."
    )]
    DuplicateKey(String),
    /// `configs` is no list of entries.
    #[error(
        "`configs` in the front matter of README.md is no list of entries, so the card was left as it is and does not name the new table. Mend it on the Hub, then publish again."
    )]
    Configs,
    /// Too large or too deep.
    #[error(
        "The front matter of README.md is too large or too deeply nested to be edited, so the card was left as it is and does not name the new table. Shorten it on the Hub, then publish again."
    )]
    TooMuch,
    /// Every way to edit it would change something of others.
    #[error(
        "The front matter of README.md can't be edited without changing what others wrote in it, so the card was left as it is and does not name the new table. Write its keys one a line on the Hub, then publish again."
    )]
    Unsafe,
}

/// A card that can be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The whole text.
    pub text: String,
    /// Where each of the tables is declared.
    pub tables: Vec<Placed>,
    /// What a person may want to know.
    pub notes: Vec<Note>,
}

/// The card's text, with all that others wrote into `existing` kept.
pub fn write(facts: &Facts<'_>, existing: Option<&[u8]>) -> Result<Written, Refusal> {
    let existing = existing.unwrap_or_default();
    if existing.len() > LIMIT {
        return Err(Refusal::TooMuch);
    }
    let card = std::str::from_utf8(existing).map_err(|_not_utf8| Refusal::NotUtf8)?;
    let eol = parts::line_break(card);
    let split = parts::split(card)?;
    let body = parts::body(split.body);
    let is_first_format = body.has_part && body.wrote.is_none();

    let mut root = match &split.doc {
        Some(doc) if doc.root.is_map() => doc.root.clone(),
        _ => Node::map(Vec::new()),
    };
    let had_comment = split
        .front
        .lines()
        .any(|line| line.starts_with("viewer:") && line.ends_with(front_matter::VIEWER_COMMENT));
    let edit = front_matter::edit(
        &mut root,
        facts,
        &body.wrote.clone().unwrap_or_default(),
        is_first_format,
        had_comment,
    )?;
    let mut notes = edit.notes;
    let front = match yaml::edited(
        split.front,
        split.doc.as_ref(),
        &root,
        front_matter::VIEWER_COMMENT,
        eol,
    ) {
        Edited::InPlace(front) => front,
        Edited::Anew(front) => {
            notes.push(Note::Rewritten);
            front
        }
        Edited::Failed => return Err(Refusal::Unsafe),
    };
    if body.is_edited {
        notes.push(Note::OwnPartEdited);
    }
    if body.lost_mark {
        notes.push(Note::LostMark);
    }

    let part = parts::part(&text::generated(facts, &edit.placed), &edit.wrote, eol);
    let mut below = body.before;
    if body.has_part {
        below.push_str(&part);
        below.push_str(&body.after);
    } else if below.trim().is_empty() {
        below = format!("{eol}# {}{eol}{eol}{part}", text::heading(facts));
    } else {
        if split.doc.is_none() && split.front.is_empty() && !below.starts_with(['\n', '\r']) {
            below.insert_str(0, eol);
        }
        if !below.ends_with('\n') {
            below.push_str(eol);
        }
        below.push_str(eol);
        below.push_str(&part);
    }
    let mut text = split.open;
    text.push_str(&front);
    if !front.is_empty() {
        text.push_str(eol);
    }
    text.push_str(&split.close);
    if !text.ends_with(['\n', '\r']) {
        text.push_str(eol);
    }
    text.push_str(&below);

    // What was written must be found again as it was meant, or nothing is written.
    let again = parts::split(&text)?;
    let is_found = again.front == front
        && again.body == below
        && match &again.doc {
            Some(doc) => yaml::same(&doc.root, &root),
            None => matches!(&root.kind, Kind::Map(pairs) if pairs.is_empty()),
        };
    if !is_found {
        return Err(Refusal::Unsafe);
    }
    Ok(Written {
        text,
        tables: edit.placed,
        notes,
    })
}
