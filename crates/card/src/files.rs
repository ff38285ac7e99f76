//! Which files of a repo loaders take for data, and how they divide them where no card says it.

/// Endings that loaders know, by the loader that reads them.
const ENDINGS: [(&str, &[&str]); 9] = [
    ("csv", &["csv", "tsv"]),
    ("json", &["json", "jsonl", "ndjson"]),
    ("parquet", &["parquet", "geoparquet", "gpq"]),
    ("arrow", &["arrow"]),
    ("text", &["txt"]),
    ("other", &["xml", "hdf5", "h5", "tar", "eval", "lance"]),
    (
        "image",
        &[
            "png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "pdf",
        ],
    ),
    ("audio", &["wav", "mp3", "flac", "ogg", "opus", "m4a"]),
    ("video", &["mp4", "mkv", "avi", "mov", "webm"]),
];
const PACKED: [&str; 5] = [".gz", ".bz2", ".xz", ".zst", ".zip"];
/// Names that loaders pass over, and the two of ours that they would not.
const NO_DATA: [&str; 8] = [
    "README.md",
    "config.json",
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "dummy_data.zip",
    "seed_data.json",
    "pipeline_params.json",
];
const KEYWORDS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];
const SEPARATORS: [char; 14] = [
    '-', '.', '_', ' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
];

/// The loader that a file's ending, or a pattern's, asks for.
pub(crate) fn loader(path: &str) -> Option<&'static str> {
    let path = PACKED
        .iter()
        .find_map(|packed| path.strip_suffix(packed))
        .unwrap_or(path);
    let (_, ending) = path.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    ENDINGS
        .iter()
        .find(|(_, endings)| endings.contains(&ending.as_str()))
        .map(|(loader, _)| *loader)
}

/// Whether a loader that is left to guess would take this file of a repo for data.
pub fn is_data_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !NO_DATA.contains(&name)
        && !path
            .split('/')
            .any(|segment| segment.starts_with('.') || segment.starts_with("__"))
        && loader(path).is_some()
}

pub(crate) fn is_same(a: &str, b: &str) -> bool {
    let plain = |path: &str| path.trim_start_matches("./").to_owned();
    plain(a) == plain(b)
}

/// Whether a pattern of a card takes a file: `*` within a name, `**` across folders.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    fn inner(pattern: &[u8], path: &[u8]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            ([b'*', b'*', b'/', rest @ ..], _) => {
                inner(rest, path)
                    || path
                        .iter()
                        .position(|&b| b == b'/')
                        .is_some_and(|at| inner(pattern, &path[at + 1..]))
            }
            ([b'*', b'*', rest @ ..], _) => (0..=path.len()).any(|at| inner(rest, &path[at..])),
            ([b'*', rest @ ..], _) => {
                let end = path.iter().position(|&b| b == b'/').unwrap_or(path.len());
                (0..=end).any(|at| inner(rest, &path[at..]))
            }
            ([b'?', rest @ ..], [b, path @ ..]) => *b != b'/' && inner(rest, path),
            ([b'[', ..], [b, path_rest @ ..]) => {
                let Some(close) = pattern.iter().position(|&b| b == b']') else {
                    return false;
                };
                let class = &pattern[1..close];
                let (class, is_other) = match class.strip_prefix(b"!") {
                    Some(class) => (class, true),
                    None => (class, false),
                };
                in_class(class, *b) != is_other && inner(&pattern[close + 1..], path_rest)
            }
            ([a, rest @ ..], [b, path @ ..]) => a == b && inner(rest, path),
            _ => false,
        }
    }
    // A pattern with very many stars would take long to refuse.
    pattern.matches('*').count() <= 6
        && inner(pattern.trim_start_matches("./").as_bytes(), path.as_bytes())
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let mut at = 0;
    while at < class.len() {
        if at + 2 < class.len() && class[at + 1] == b'-' {
            if (class[at]..=class[at + 2]).contains(&byte) {
                return true;
            }
            at += 3;
        } else {
            if class[at] == byte {
                return true;
            }
            at += 1;
        }
    }
    false
}

/// Loose files at most that are no dataset by themselves.
const MOST_LOOSE: usize = 4;

/// Notes, a licence or a picture beside the card: no rows, though a loader that finds nothing else takes it for some.
fn is_loose(path: &str) -> bool {
    !path.contains('/')
        && matches!(
            loader(path),
            Some("text" | "other" | "image" | "audio" | "video")
        )
}

/// How a loader divides files that no card declares.
pub(crate) struct Guess {
    pub(crate) splits: Vec<(String, Vec<String>)>,
    /// It takes everything in the repo, our JSON files too.
    pub(crate) is_disturbed: bool,
}

/// How files are divided that no card declares.
pub(crate) struct Divided<'a> {
    /// Splits with their files.
    pub(crate) splits: Vec<(String, Vec<&'a str>)>,
    by: By,
}

/// By what files are divided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Numbered parts in `data/`.
    Numbers,
    /// Words in folders or names.
    Words,
    /// Nothing.
    Nothing,
}

/// As loaders guess: numbered parts in `data/`, else words like `test` in folders, else in names, else all is `train`.
pub(crate) fn divided<'a>(paths: &[&'a str]) -> Option<Divided<'a>> {
    let mut numbered: Vec<(String, Vec<&str>)> = Vec::new();
    for path in paths {
        if let Some(split) = numbered_split(path) {
            match numbered.iter_mut().find(|(known, _)| known == split) {
                Some((_, files)) => files.push(path),
                None => numbered.push((split.to_owned(), vec![path])),
            }
        }
    }
    if !numbered.is_empty() {
        return Some(Divided {
            splits: numbered,
            by: By::Numbers,
        });
    }
    let by = |find: &dyn Fn(&str) -> Option<&'static str>| {
        let mut splits: Vec<(String, Vec<&'a str>)> = Vec::new();
        for (split, _) in KEYWORDS {
            let found: Vec<&str> = paths
                .iter()
                .copied()
                .filter(|path| find(path) == Some(split))
                .collect();
            if !found.is_empty() {
                splits.push((split.to_owned(), found));
            }
        }
        splits
    };
    let folders = by(&|path| {
        let (folders, _) = path.rsplit_once('/')?;
        folders.split('/').find_map(|folder| keyword(folder, true))
    });
    if !folders.is_empty() {
        return Some(Divided {
            splits: folders,
            by: By::Words,
        });
    }
    let names = by(&|path| keyword(path.rsplit('/').next().unwrap_or(path), false));
    if !names.is_empty() {
        return Some(Divided {
            splits: names,
            by: By::Words,
        });
    }
    let loose = paths.iter().filter(|path| is_loose(path)).count();
    let paths: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| loose > MOST_LOOSE || !is_loose(path))
        .collect();
    // The loader is that of most files; files of other kinds are passed over.
    let loaders: Vec<&str> = paths.iter().filter_map(|path| loader(path)).collect();
    let most = ENDINGS
        .iter()
        .map(|(name, _)| *name)
        .max_by_key(|name| loaders.iter().filter(|loader| *loader == name).count())?;
    let found: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| loader(path) == Some(most))
        .collect();
    (!found.is_empty()).then(|| Divided {
        splits: vec![("train".to_owned(), found)],
        by: By::Nothing,
    })
}

/// [`divided`], as entries of a card.
pub(crate) fn guessed(paths: &[&str]) -> Option<Guess> {
    let divided = divided(paths)?;
    let splits = divided
        .splits
        .into_iter()
        .map(|(split, files)| {
            let listed = match divided.by {
                By::Numbers => vec![format!("data/{split}-*")],
                By::Words | By::Nothing => listed(&files),
            };
            (split, listed)
        })
        .collect();
    Some(Guess {
        splits,
        is_disturbed: divided.by == By::Nothing,
    })
}

/// `train` of `data/train-00000-of-00001.parquet`.
fn numbered_split(path: &str) -> Option<&str> {
    let name = path.strip_prefix("data/")?;
    let at = name.find("-of-")?;
    let (split, number) = name[..at].rsplit_once('-')?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    let total = name.get(at + 4..at + 9)?;
    (is_number(number) && is_number(total) && !split.is_empty() && !split.contains('/'))
        .then_some(split)
}

fn keyword(name: &str, may_end: bool) -> Option<&'static str> {
    KEYWORDS
        .iter()
        .find(|(_, words)| {
            words.iter().any(|word| {
                name.match_indices(word).any(|(at, _)| {
                    let before = name[..at].chars().next_back();
                    let after = name[at + word.len()..].chars().next();
                    before.is_none_or(|c| SEPARATORS.contains(&c))
                        && after.map_or(may_end, |c| SEPARATORS.contains(&c))
                })
            })
        })
        .map(|(split, _)| *split)
}

/// Paths one by one; very many as patterns of their folders.
fn listed(paths: &[&str]) -> Vec<String> {
    const MANY: usize = 100;
    let mut listed: Vec<String> = Vec::new();
    for path in paths {
        let entry = match (path.rsplit_once('/'), path.rsplit_once('.')) {
            (Some((folder, _)), Some((_, ending))) if paths.len() > MANY => {
                format!("{folder}/*.{ending}")
            }
            _ => (*path).to_owned(),
        };
        if !listed.contains(&entry) {
            listed.push(entry);
        }
    }
    listed
}
