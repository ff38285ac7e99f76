//! The ways in which JSON files hold rows.

use std::fmt;

/// How a JSON file holds its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One value a line.
    Lines,
    /// Values one after another, on lines or not.
    Values,
    /// One list of rows, or several such lists one after another.
    List,
    /// An object with one or several lists of rows; each is a part.
    Wrapped {
        /// How many names deep the lists stand.
        depth: usize,
        /// Paths of those that the sample showed; more may come.
        paths: Vec<Vec<String>>,
    },
    /// By column or by name of the row. Such a file is held whole.
    ByColumn {
        /// How.
        orientation: Orientation,
        /// Names of the parts that the sample showed, if there are several tables or one below a name.
        parts: Vec<String>,
    },
    /// One object that is one row.
    Row,
    /// A file that is no table, but known.
    Other(Known),
}

/// Names of pandas for tables that are not lists of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// `{"q": {"0": …, "1": …}, "a": {"0": …}}`: what pandas writes when nothing is said.
    Columns,
    /// `{"0": {"q": …, "a": …}, "1": {…}}`: objects by the name of their row.
    Index,
    /// `{"columns": [names], "data": [[values], …]}`.
    Split,
    /// `{"q": [values], "a": [values]}`.
    Lists,
}

/// Files of this program that are no tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A seed: `seed_data.json`.
    Seed,
    /// Settings of a run: `pipeline_params.json`.
    Settings,
    /// A saved project.
    Project,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines => f.write_str("one row a line"),
            Self::Values => f.write_str("rows one after another"),
            Self::List => f.write_str("a list of rows"),
            Self::Wrapped { paths, .. } => {
                f.write_str("rows in ")?;
                for (at, path) in paths.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(f, "{comma}`{}`", path.join("."))?;
                }
                Ok(())
            }
            Self::ByColumn { orientation, .. } => f.write_str(match orientation {
                Orientation::Columns => "a table by column, values by number of the row",
                Orientation::Index => "rows by name",
                Orientation::Split => "a table with its column names apart",
                Orientation::Lists => "a table by column, one list for each",
            }),
            Self::Row => f.write_str("one row"),
            Self::Other(Known::Seed) => f.write_str("a seed"),
            Self::Other(Known::Settings) => f.write_str("settings of a run"),
            Self::Other(Known::Project) => f.write_str("a saved project"),
        }
    }
}

/// A file that can't be read in its layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Larger than what is held of a file by column.
    #[error(
        "The file is written by column and has more than {} MB; such a file has to be held whole, so no row of it was \
         taken. Save it by row (in pandas: to_json(…, orient=\"records\", lines=True)) and choose it again.",
        most >> 20
    )]
    TooLarge {
        /// The bound, in bytes.
        most: usize,
    },
    /// Written by column, and damaged or cut, so that its columns can't be put together.
    #[error(
        "The file is written by column and can't be read ({fault}, in line {line}); its rows can't be put together, so \
         none was taken. Save or download it again, by row if possible (in pandas: to_json(…, orient=\"records\", lines=True))."
    )]
    Damaged {
        /// Line of the fault, from 1.
        line: u64,
        /// The fault.
        fault: String,
    },
    /// Not a table, but a file that is read elsewhere.
    #[error("This is {0}, not a table of rows.")]
    NotATable(Layout),
}
