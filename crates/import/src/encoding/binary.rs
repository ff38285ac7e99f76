//! Files that are no text, told by their first bytes.

use std::fmt;

/// A kind of file that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Foreign {
    /// A workbook of Excel (zip with XML).
    Xlsx,
    /// A workbook of Excel before 2007, or another document of that container.
    Xls,
    /// A sheet of LibreOffice or OpenOffice.
    Ods,
    /// A sheet of Apple's Numbers.
    Numbers,
    /// A text document: Word, LibreOffice Writer, RTF.
    Document,
    /// A book or page layout: PDF, EPUB, PostScript.
    Pages,
    /// Any other zip.
    Zip,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Another way to compress or pack: bzip2, xz, 7-Zip, RAR, tar.
    Packed,
    /// A database of SQLite.
    Sqlite,
    /// Arrow, Feather.
    Arrow,
    /// Avro.
    Avro,
    /// ORC.
    Orc,
    /// HDF5, NumPy, Python's pickle, MATLAB, R.
    Science,
    /// A picture, sound or film.
    Media,
    /// A web page or XML: often the answer of a server instead of the file.
    Markup,
    /// What Git keeps in the place of a large file.
    LfsPointer,
}

/// First bytes, and where they stand.
const MAGIC: &[(usize, &[u8], Foreign)] = &[
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Foreign::Xls),
    (0, b"\x09\x08\x10\x00\x00\x06\x05\x00", Foreign::Xls),
    (0, b"\x1f\x8b", Foreign::Gzip),
    (0, b"\x28\xb5\x2f\xfd", Foreign::Zstd),
    (0, b"BZh", Foreign::Packed),
    (0, b"\xfd7zXZ\x00", Foreign::Packed),
    (0, b"7z\xbc\xaf\x27\x1c", Foreign::Packed),
    (0, b"Rar!\x1a\x07", Foreign::Packed),
    (257, b"ustar", Foreign::Packed),
    (0, b"SQLite format 3\0", Foreign::Sqlite),
    (0, b"%PDF-", Foreign::Pages),
    (0, b"%!PS-", Foreign::Pages),
    (0, b"{\\rtf", Foreign::Document),
    (0, b"ARROW1", Foreign::Arrow),
    (0, b"FEA1", Foreign::Arrow),
    (0, b"\xff\xff\xff\xff", Foreign::Arrow),
    (0, b"Obj\x01", Foreign::Avro),
    (0, b"ORC", Foreign::Orc),
    (0, b"\x89HDF\r\n\x1a\n", Foreign::Science),
    (0, b"\x93NUMPY", Foreign::Science),
    (0, b"MATLAB 5.0", Foreign::Science),
    (0, b"RDX", Foreign::Science),
    (0, b"\x80\x02", Foreign::Science),
    (0, b"\x80\x03", Foreign::Science),
    (0, b"\x80\x04\x95", Foreign::Science),
    (0, b"\x80\x05\x95", Foreign::Science),
    (0, b"\x89PNG\r\n", Foreign::Media),
    (0, b"\xff\xd8\xff", Foreign::Media),
    (0, b"GIF8", Foreign::Media),
    (4, b"ftyp", Foreign::Media),
    (0, b"OggS", Foreign::Media),
];

/// A file of Parquet.
pub(super) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1") || head.starts_with(b"PARE")
}

/// What the first bytes say. `tail` (the last ones) holds the table of contents of a zip.
pub(super) fn foreign(head: &[u8], tail: &[u8]) -> Option<Foreign> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(zip(head, tail));
    }
    if head.starts_with(b"version https://git-lfs.") {
        return Some(Foreign::LfsPointer);
    }
    if is_markup(head) {
        return Some(Foreign::Markup);
    }
    MAGIC
        .iter()
        .find(|(at, magic, kind)| {
            let stands = head.get(*at..).is_some_and(|rest| rest.starts_with(magic));
            // Magic of letters alone could begin a text as well.
            stands && (!magic.iter().all(u8::is_ascii_graphic) || lettered(head, *kind))
        })
        .map(|(_, _, kind)| *kind)
}

fn is_markup(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = text.trim_ascii_start();
    [&b"<!doctype html"[..], b"<html", b"<?xml"]
        .iter()
        .any(|start| {
            text.get(..start.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        })
}

/// Whether a file that begins like a word is one of that kind after all: its next bytes are no text, or what it names is
/// none.
fn lettered(head: &[u8], kind: Foreign) -> bool {
    matches!(kind, Foreign::Pages | Foreign::Document)
        || head
            .iter()
            .take(512)
            .any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

fn zip(head: &[u8], tail: &[u8]) -> Foreign {
    let names = |name: &[u8]| holds(head, name) || holds(tail, name);
    if names(b"xl/workbook") || names(b"xl/worksheets") {
        Foreign::Xlsx
    } else if names(b"opendocument.spreadsheet") {
        Foreign::Ods
    } else if names(b"Index/Document.iwa") || names(b"Index/Tables") {
        Foreign::Numbers
    } else if names(b"word/document") || names(b"opendocument.text") {
        Foreign::Document
    } else if names(b"application/epub") {
        Foreign::Pages
    } else {
        Foreign::Zip
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHEET: &str = "Nothing was taken. Open it in its program, save the sheet as “CSV UTF-8”, and choose that file.";
        const UNPACK: &str = "Nothing was taken. Unpack it, and choose the table that it holds.";
        const EXPORT: &str = "Nothing was taken. Export the table as Parquet, JSON lines or CSV, and choose that file.";
        let (what, next) = match self {
            Self::Xlsx => ("an Excel workbook", SHEET),
            Self::Xls => ("a workbook or document of an old Office", SHEET),
            Self::Ods => ("a LibreOffice sheet", SHEET),
            Self::Numbers => ("a sheet of Numbers", SHEET),
            Self::Document => ("a text document, not a table", EXPORT),
            Self::Pages => ("a document for reading (PDF or alike), not a table", EXPORT),
            Self::Zip => ("a zip archive", UNPACK),
            Self::Gzip => ("packed with gzip", UNPACK),
            Self::Zstd => ("packed with Zstandard", UNPACK),
            Self::Packed => ("a packed archive", UNPACK),
            Self::Sqlite => ("an SQLite database", EXPORT),
            Self::Arrow => ("an Arrow or Feather file", EXPORT),
            Self::Avro => ("an Avro file", EXPORT),
            Self::Orc => ("an ORC file", EXPORT),
            Self::Science => (
                "a data file of a program (HDF5, NumPy, pickle, MATLAB or R)",
                EXPORT,
            ),
            Self::Media => ("a picture, sound or film", EXPORT),
            Self::Markup => (
                "a web page or XML, perhaps a server's answer in the place of the file",
                EXPORT,
            ),
            Self::LfsPointer => (
                "only Git's pointer to a large file",
                "Nothing was taken. Download the file itself (with Git LFS, or from the page of the repo), and choose that.",
            ),
        };
        write!(f, "The file is {what}. {next}")
    }
}
