//! Tables that people bring: what a column is for, and what an import found, as page and back end speak of it.

use crate::messages::{Failure, Request};
use crate::packed::Packed;
use crate::turns::Turn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a column is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Left where it is.
    #[default]
    Unused,
    /// The text to be answered.
    Instruction,
    /// A text that belongs to the instruction: the input of Alpaca, a passage.
    Input,
    /// The text that answers.
    Response,
    /// A whole conversation: a list of messages.
    Messages,
    /// A whole conversation in one text with marks of its turns.
    MarkedText,
    /// The system message of the row.
    System,
    /// How the answer was reasoned out.
    Reasoning,
    /// The preferred one of two answers.
    Chosen,
    /// The other one.
    Rejected,
    /// Self-Instruct's list of inputs and outputs for one instruction.
    Instances,
    /// Topic of the cell.
    Topic,
    /// Perspective of the cell.
    Perspective,
    /// The model that answered.
    Model,
    /// Kept beside the record under the column's name.
    Metadata,
}

impl Target {
    /// All, in the order in which a person chooses.
    pub const ALL: [Self; 15] = [
        Self::Unused,
        Self::Instruction,
        Self::Input,
        Self::Response,
        Self::Messages,
        Self::MarkedText,
        Self::System,
        Self::Reasoning,
        Self::Chosen,
        Self::Rejected,
        Self::Instances,
        Self::Topic,
        Self::Perspective,
        Self::Model,
        Self::Metadata,
    ];

    /// Several columns can have it.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Unused | Self::Metadata | Self::Input)
    }
}

/// Where the input of an instruction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputPlace {
    /// Behind the instruction, after a blank line.
    #[default]
    After,
    /// Before it: a passage first, then the question about it.
    Before,
}

/// What each column is for. A column that is not named is unused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Column and use, in the order of the columns.
    pub columns: Vec<(String, Target)>,
    /// Where inputs go.
    #[serde(default)]
    pub input: InputPlace,
}

impl Mapping {
    /// What a column is for.
    pub fn target(&self, column: &str) -> Target {
        self.columns
            .iter()
            .find(|(name, _)| name == column)
            .map_or(Target::Unused, |(_, target)| *target)
    }

    /// The first column with this use.
    pub fn column(&self, target: Target) -> Option<&str> {
        self.columns
            .iter()
            .find(|(_, one)| *one == target)
            .map(|(name, _)| name.as_str())
    }

    /// Gives a column a use; another column that had it, and can't share it, becomes unused.
    pub fn set(&mut self, column: &str, target: Target) {
        for (name, one) in &mut self.columns {
            if name == column {
                *one = target;
            } else if *one == target && !target.is_shared() {
                *one = Target::Unused;
            }
        }
    }

    /// Why no record can come of it; `None` when some can.
    pub fn lack(&self) -> Option<Lack> {
        let has = |target| self.column(target).is_some();
        if has(Target::Messages) || has(Target::MarkedText) {
            return None;
        }
        if has(Target::Chosen) != has(Target::Rejected) {
            return Some(Lack::OtherAnswer);
        }
        // Two conversations with a common beginning bring their instruction along.
        let brings_instruction = has(Target::Chosen) && has(Target::Rejected);
        (!has(Target::Instruction) && !brings_instruction).then_some(Lack::Instruction)
    }
}

/// What a mapping lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// No column holds what is to be answered.
    Instruction,
    /// Of a chosen and a rejected answer one is missing.
    OtherAnswer,
}

/// What answers an instruction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing yet: it is to be answered.
    #[default]
    None,
    /// A text.
    Text(String),
    /// A conversation that ends with the assistant; its first user's turn is the instruction.
    Turns(Vec<Turn>),
}

/// A row in its final shape.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shaped {
    /// The text to be answered.
    pub instruction: String,
    /// What answers it; where two answers were compared, the preferred one.
    pub answer: Answer,
    /// The other answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Answer>,
    /// How the answer was reasoned out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// Topic of the cell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Perspective of the cell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub perspective: String,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Other columns, by wish.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// How a file is read, where a person says otherwise than was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Name of the encoding.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Whether the first row names the columns.
    #[serde(default)]
    pub has_header: Option<bool>,
    /// Whether letters that were damaged before are mended.
    #[serde(default)]
    pub mends: Option<bool>,
    /// `nan`, `None`, `null` and the like are texts.
    #[serde(default)]
    pub keeps_null_words: bool,
}

/// How a table is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Values between separators; no separator for a single column.
    Delimited {
        /// Between values.
        delimiter: Option<char>,
        /// Backslashes before quotation marks.
        has_backslashes: bool,
    },
    /// JSON, laid out so.
    Json {
        /// In words, e.g. "one row a line".
        layout: String,
    },
    /// Parquet.
    Parquet {
        /// Row groups.
        groups: u32,
    },
}

/// An encoding by name, as a person knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodingName {
    /// Its name, e.g. `windows-1252`.
    pub name: String,
    /// What it is called, e.g. "Western European (Windows-1252)".
    pub label: String,
}

/// How a text is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodingLook {
    /// The one that is used.
    pub used: EncodingName,
    /// Nothing else comes into question.
    pub is_certain: bool,
    /// What else comes into question, the likely ones first.
    pub others: Vec<EncodingName>,
    /// Lines with letters that tell, as they read now: number and text.
    pub lines: Vec<(u64, String)>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Texts.
    #[default]
    Text,
    /// Numbers.
    Number,
    /// Yes or no.
    Bool,
    /// Lists of messages.
    Conversation,
    /// Other lists.
    List,
    /// Objects.
    Object,
    /// Pictures, sound or bytes, which are left out.
    Media,
    /// Nothing at all.
    Empty,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnLook {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// A value of it, shortened.
    pub example: String,
    /// Of 100 rows of the sample, how many have a value.
    pub filled: u8,
    /// It only counts the rows.
    pub is_index: bool,
}

/// One of several tables in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLook {
    /// Its name, e.g. `train`.
    pub name: String,
    /// Its rows, where they were counted.
    pub rows: Option<u64>,
}

/// Places where something was noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// The first lines or rows, from 1.
    pub first: Vec<u64>,
}

/// Letters that were damaged before, by decoding twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageLook {
    /// Texts of the sample that can be mended.
    pub seen: Seen,
    /// All that look damaged can be.
    pub is_certain: bool,
    /// They will be.
    pub is_mended: bool,
    /// A text as it stands.
    pub before: String,
    /// As it was meant.
    pub after: String,
}

/// What a table looks like before anything is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Number by which the table is asked for while it is open.
    pub table: u32,
    /// File or dataset.
    pub name: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// How it is written.
    pub format: Format,
    /// How a text is encoded; absent for Parquet.
    pub encoding: Option<EncodingLook>,
    /// Whether the first row names the columns, where there is a question of that.
    pub header: Option<bool>,
    /// It is not clear whether it does.
    pub is_header_doubtful: bool,
    /// Several tables in one file; empty for one.
    pub parts: Vec<PartLook>,
    /// The columns.
    pub columns: Vec<ColumnLook>,
    /// The guess, or what was remembered for these columns.
    pub mapping: Mapping,
    /// Nothing has to be asked.
    pub is_sure: bool,
    /// Names these columns, to remember the mapping under.
    pub fingerprint: String,
    /// Rows in all, where they are known.
    pub rows: Option<u64>,
    /// Damaged letters.
    pub damage: Option<DamageLook>,
    /// Letters that are lost in the file itself (U+FFFD).
    pub lost: Seen,
    /// What else a person should know.
    pub notes: Vec<String>,
}

/// Rows that give nothing, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many, and the first.
    pub seen: Seen,
}

/// What a mapping makes of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that were looked at.
    pub rows: u64,
    /// Records: one for an answer, two for a pair.
    pub records: u64,
    /// Of them, conversations of more than a question and its answer.
    pub conversations: u64,
    /// Of them, answers that were compared with another one.
    pub compared: u64,
    /// Rows without an answer, which become instructions.
    pub instructions: u64,
    /// Rows that give nothing.
    pub left_out: Vec<LeftOut>,
}

/// What a mapping makes of a table, before anything is taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The first records in their final shape.
    pub records: Vec<Shaped>,
    /// Counts.
    pub tally: Tally,
    /// All rows were looked at, not only a sample.
    pub is_whole: bool,
    /// Bytes that are read to take what the scope names, where the file lies elsewhere.
    pub bytes: Option<u64>,
}

/// Which rows are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Names of the parts; empty for all.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Rows that are passed over first.
    #[serde(default)]
    pub from: u64,
    /// Rows at most.
    #[serde(default)]
    pub most: Option<u64>,
    /// Draw [`Self::most`] rows at random with this seed, instead of taking the first ones.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// Where a table lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableSource {
    /// A file of the person, handed over under a number.
    File {
        /// Its number.
        file: u32,
        /// Its name.
        name: String,
    },
    /// Files of a dataset on the Hub, read by range, one after another as one table.
    Hub {
        /// `namespace/name` as the Hub spells it ([`DatasetLook::repo`]).
        repo: String,
        /// The commit ([`DatasetLook::revision`]).
        revision: String,
        /// Paths of the files, all with the same columns.
        paths: Vec<String>,
        /// Name of the config; empty where there is only one.
        #[serde(default)]
        config: String,
        /// Name of the split; empty where nothing is split.
        #[serde(default)]
        split: String,
        /// What a new project is called; empty for the name of the dataset.
        #[serde(default)]
        title: String,
    },
}

/// How a file of a dataset is written, as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Parquet.
    Parquet,
    /// JSON, one row a line.
    JsonLines,
    /// Other JSON.
    Json,
    /// Values between separators.
    Delimited,
    /// A text of any layout.
    Text,
    /// A table that was packed (`.gz`, `.zst` …), which can't be read by range.
    Packed,
    /// Pictures, sound, video.
    Media,
    /// Arrow, archives and the like.
    Other,
}

impl FileKind {
    /// Of a path.
    pub fn of(path: &str) -> Self {
        let ending = |path: &str| {
            path.rsplit('/')
                .next()
                .and_then(|name| name.rsplit_once('.'))
                .map(|(_, ending)| ending.to_ascii_lowercase())
                .unwrap_or_default()
        };
        match ending(path).as_str() {
            "parquet" | "geoparquet" | "gpq" => Self::Parquet,
            "jsonl" | "ndjson" => Self::JsonLines,
            "json" => Self::Json,
            "csv" | "tsv" | "tab" | "psv" => Self::Delimited,
            "txt" => Self::Text,
            "gz" | "bz2" | "xz" | "zst" | "lz4" | "zip" | "tar" | "tgz" | "7z" => Self::Packed,
            "png" | "jpg" | "jpeg" | "gif" | "bmp" | "webp" | "tif" | "tiff" | "pdf" | "wav"
            | "mp3" | "flac" | "ogg" | "opus" | "m4a" | "mp4" | "mkv" | "avi" | "mov" | "webm" => {
                Self::Media
            }
            _ => Self::Other,
        }
    }

    /// It can be opened as a table.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            Self::Parquet | Self::JsonLines | Self::Json | Self::Delimited | Self::Text
        )
    }
}

/// A file of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its path in the repo.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// How it is written.
    pub kind: FileKind,
}

/// A split of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitLook {
    /// Its name, e.g. `train`.
    pub name: String,
    /// Its rows, where the card says them.
    pub rows: Option<u64>,
    /// Its files, in order; of one that is no table, the first.
    pub files: Vec<DataFile>,
}

impl SplitLook {
    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// All its files can be opened, as one table.
    pub fn is_table(&self) -> bool {
        let first = self.files.first().map(|file| file.kind);
        first.is_some_and(FileKind::is_table)
            && self.files.iter().all(|file| Some(file.kind) == first)
    }
}

/// A config of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLook {
    /// Its name; `default` where the card names none.
    pub name: String,
    /// The one that loaders take when none is named.
    pub is_default: bool,
    /// Its splits.
    pub splits: Vec<SplitLook>,
}

/// The Parquet that the Hub itself made of a dataset, for its viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerCopy {
    /// Its commit.
    pub revision: String,
    /// Configs and splits.
    pub configs: Vec<ConfigLook>,
    /// Of a very large dataset only the first part was copied.
    pub is_partial: bool,
}

/// What a dataset on the Hub offers, before anything of it is downloaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DatasetLook {
    /// `namespace/name` as the Hub spells it now.
    pub repo: String,
    /// The name that was asked for, where the dataset has another one by now.
    pub renamed_from: Option<String>,
    /// Address of its page.
    pub url: String,
    /// The commit all of this is of; empty for a repo without one.
    pub revision: String,
    /// Not visible to others.
    pub private: bool,
    /// Its owners ask for something before its files can be read. [`Self::lack`] says so where they were not satisfied.
    pub is_gated: bool,
    /// Name to show, from its card.
    pub title: Option<String>,
    /// Licences, from its card.
    pub licenses: Vec<String>,
    /// A Seedbed project was published to it, which can be opened as one.
    pub is_seedbed: bool,
    /// Configs with splits, the default one first.
    pub configs: Vec<ConfigLook>,
    /// The card says so; else it was guessed from the names of the files.
    pub is_declared: bool,
    /// The viewer's copy, where there is one.
    pub copy: Option<ViewerCopy>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why nothing of [`Self::configs`] can be taken, and what to do; absent where something can.
    pub lack: Option<Failure>,
}

/// What the page asks about a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableCall {
    /// Open one, and say what it looks like. → [`Reply::Look`](crate::messages::Reply::Look), or
    /// [`Reply::OwnFile`](crate::messages::Reply::OwnFile) when it is none
    Open {
        /// Where it lies.
        source: TableSource,
        /// How it is read.
        choice: Choice,
        /// The person's language, e.g. `de`; helps to guess an encoding.
        language: Option<String>,
    },
    /// How it looks when it is read in another way. → [`Reply::Look`](crate::messages::Reply::Look)
    ReadAs {
        /// As [`Look::table`] said.
        table: u32,
        /// How it is read.
        choice: Choice,
    },
    /// What a mapping makes of it. → [`Reply::TablePreview`](crate::messages::Reply::TablePreview)
    Preview {
        /// As [`Look::table`] said.
        table: u32,
        /// What each column is for.
        mapping: Mapping,
        /// Which rows.
        scope: Scope,
    },
    /// Take its rows in, with [`Progress::Rows`](crate::messages::Progress::Rows); cancelling keeps what came into an open
    /// project, and nothing of a new one. The table is closed. → [`Reply::Imported`](crate::messages::Reply::Imported)
    Take {
        /// As [`Look::table`] said.
        table: u32,
        /// What each column is for.
        mapping: Mapping,
        /// Which rows.
        scope: Scope,
        /// The open project; `None` for a new one.
        into: Option<String>,
    },
    /// Nobody wants it any more. → [`Reply::Ok`](crate::messages::Reply::Ok)
    Close {
        /// As [`Look::table`] said.
        table: u32,
    },
}

impl TableCall {
    /// The message that asks it.
    pub fn request(&self) -> Request {
        let into = match self {
            Self::Take { into, .. } => into.clone(),
            _ => None,
        };
        Request::Table {
            call: Packed::of(self),
            into,
        }
    }
}

/// Files that Seedbed reads in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnFile {
    /// `seed_data.json`.
    Seed,
    /// `pipeline_params.json`.
    Settings,
    /// A saved project.
    Project,
}

/// Rows in their final shape.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Number of the row in the table (from 0) and what it gives.
    pub rows: Vec<(u64, Shaped)>,
    /// Bytes of the file that were read so far.
    pub done: u64,
    /// Bytes that will be read.
    pub total: u64,
}

/// What the back end asks of the reader of tables. One is answered at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Open it, and say what it looks like.
    Look {
        /// Its name.
        name: String,
        /// The person's language, e.g. `de`.
        language: Option<String>,
        /// Read at most so many bytes to tell the encoding.
        most_scanned: Option<u64>,
        /// Names and sizes of the files that it consists of, one after another; empty for one.
        #[serde(default)]
        files: Vec<(String, u64)>,
        /// How it is read.
        choice: Choice,
    },
    /// What a mapping makes of it.
    Preview {
        /// The mapping.
        mapping: Mapping,
        /// Which rows.
        scope: Scope,
    },
    /// Begin to take rows.
    Take {
        /// The mapping.
        mapping: Mapping,
        /// Which rows.
        scope: Scope,
    },
    /// The next of them.
    Next,
}

/// What the reader of tables answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// What it looks like.
    Look(Box<Look>),
    /// It is a file of ours and no table.
    Own(OwnFile),
    /// What a mapping makes of it.
    Preview(Box<Preview>),
    /// Rows will come.
    Begun,
    /// Some of them.
    Rows(Batch),
    /// No more; what came of all.
    End {
        /// Counts.
        tally: Box<Tally>,
        /// What a person should know of the file.
        notes: Vec<String>,
    },
    /// It could not be done.
    Failed(Box<Failure>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(columns: &[(&str, Target)]) -> Mapping {
        Mapping {
            columns: columns
                .iter()
                .map(|(name, target)| ((*name).to_owned(), *target))
                .collect(),
            ..Mapping::default()
        }
    }

    #[test]
    fn a_use_that_is_not_shared_moves_from_column_to_column() {
        let mut columns = mapping(&[
            ("q", Target::Instruction),
            ("task", Target::Unused),
            ("note", Target::Metadata),
        ]);
        columns.set("task", Target::Instruction);
        columns.set("q", Target::Metadata);
        assert_eq!(columns.column(Target::Instruction), Some("task"));
        assert_eq!(columns.target("q"), Target::Metadata);
        assert_eq!(columns.target("note"), Target::Metadata);
        assert_eq!(columns.target("gone"), Target::Unused);
    }

    #[test]
    fn a_split_is_one_table_when_its_files_are_written_alike() {
        let split = |paths: &[&str]| SplitLook {
            files: paths
                .iter()
                .map(|path| DataFile {
                    path: (*path).to_owned(),
                    bytes: 3,
                    kind: FileKind::of(path),
                })
                .collect(),
            ..SplitLook::default()
        };
        assert!(split(&["data/a.parquet", "data/b.PARQUET"]).is_table());
        assert_eq!(split(&["a.jsonl", "b.jsonl"]).bytes(), 6);
        for paths in [
            &[][..],
            &["a.jsonl", "b.csv"],
            &["a.jsonl.gz"],
            &["folder.csv/a.png"],
            &["data.arrow"],
        ] {
            assert!(!split(paths).is_table(), "{paths:?}");
        }
    }

    #[test]
    fn what_a_mapping_lacks_is_told() {
        for (columns, lack) in [
            (&[("q", Target::Instruction)][..], None),
            (&[("a", Target::Response)], Some(Lack::Instruction)),
            (&[("m", Target::Messages)], None),
            (&[("t", Target::MarkedText)], None),
            (&[("c", Target::Chosen)], Some(Lack::OtherAnswer)),
            (
                &[("q", Target::Instruction), ("r", Target::Rejected)],
                Some(Lack::OtherAnswer),
            ),
            (&[("c", Target::Chosen), ("r", Target::Rejected)], None),
        ] {
            assert_eq!(mapping(columns).lack(), lack, "{columns:?}");
        }
    }
}
