//! Which files go to LFS: `.gitattributes` patterns, size, and whether the content is binary.

/// What a new dataset repository starts with, in the spirit of the Hub's own file.
pub(crate) const DEFAULT: &str = "\
*.7z filter=lfs diff=lfs merge=lfs -text
*.arrow filter=lfs diff=lfs merge=lfs -text
*.avro filter=lfs diff=lfs merge=lfs -text
*.bin filter=lfs diff=lfs merge=lfs -text
*.bz2 filter=lfs diff=lfs merge=lfs -text
*.ckpt filter=lfs diff=lfs merge=lfs -text
*.ftz filter=lfs diff=lfs merge=lfs -text
*.gz filter=lfs diff=lfs merge=lfs -text
*.h5 filter=lfs diff=lfs merge=lfs -text
*.joblib filter=lfs diff=lfs merge=lfs -text
*.lz4 filter=lfs diff=lfs merge=lfs -text
*.mds filter=lfs diff=lfs merge=lfs -text
*.model filter=lfs diff=lfs merge=lfs -text
*.msgpack filter=lfs diff=lfs merge=lfs -text
*.npy filter=lfs diff=lfs merge=lfs -text
*.npz filter=lfs diff=lfs merge=lfs -text
*.onnx filter=lfs diff=lfs merge=lfs -text
*.parquet filter=lfs diff=lfs merge=lfs -text
*.pickle filter=lfs diff=lfs merge=lfs -text
*.pkl filter=lfs diff=lfs merge=lfs -text
*.pt filter=lfs diff=lfs merge=lfs -text
*.pth filter=lfs diff=lfs merge=lfs -text
*.rar filter=lfs diff=lfs merge=lfs -text
*.safetensors filter=lfs diff=lfs merge=lfs -text
saved_model/**/* filter=lfs diff=lfs merge=lfs -text
*.tar.* filter=lfs diff=lfs merge=lfs -text
*.tar filter=lfs diff=lfs merge=lfs -text
*.tgz filter=lfs diff=lfs merge=lfs -text
*.wasm filter=lfs diff=lfs merge=lfs -text
*.xz filter=lfs diff=lfs merge=lfs -text
*.zip filter=lfs diff=lfs merge=lfs -text
*.zst filter=lfs diff=lfs merge=lfs -text
*tfevents* filter=lfs diff=lfs merge=lfs -text
# Audio
*.flac filter=lfs diff=lfs merge=lfs -text
*.mp3 filter=lfs diff=lfs merge=lfs -text
*.ogg filter=lfs diff=lfs merge=lfs -text
*.wav filter=lfs diff=lfs merge=lfs -text
# Images
*.bmp filter=lfs diff=lfs merge=lfs -text
*.gif filter=lfs diff=lfs merge=lfs -text
*.jpg filter=lfs diff=lfs merge=lfs -text
*.jpeg filter=lfs diff=lfs merge=lfs -text
*.png filter=lfs diff=lfs merge=lfs -text
*.tiff filter=lfs diff=lfs merge=lfs -text
*.webp filter=lfs diff=lfs merge=lfs -text
# Video
*.mp4 filter=lfs diff=lfs merge=lfs -text
*.webm filter=lfs diff=lfs merge=lfs -text
";

/// A regular file may be this many bytes long.
pub(crate) const REGULAR_LIMIT: u64 = 10 << 20;

/// Whether the rules send this path to LFS; the last matching line decides.
pub(crate) fn is_lfs(attributes: &str, path: &str) -> bool {
    attributes
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let pattern = words.next().filter(|word| !word.starts_with('#'))?;
            if !matches(pattern, path) {
                return None;
            }
            words
                .filter_map(|word| match word {
                    "filter=lfs" => Some(true),
                    "-filter" | "!filter" => Some(false),
                    _ => None,
                })
                .next_back()
        })
        .next_back()
        .unwrap_or(false)
}

/// Whether a `.gitignore` drops this path; the last matching line decides.
pub(crate) fn is_ignored(ignore: &str, path: &str) -> bool {
    let mut verdict = false;
    for line in ignore.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (pattern, drops) = match line.strip_prefix('!') {
            Some(rest) => (rest, false),
            None => (line, true),
        };
        let folders = || path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        let hit = match pattern.strip_suffix('/') {
            Some(folder) => folders().any(|above| matches(folder, above)),
            None => matches(pattern, path) || folders().any(|above| matches(pattern, above)),
        };
        if hit {
            verdict = drops;
        }
    }
    verdict
}

/// Whether the beginning of a file looks binary: a zero byte, or no UTF-8 (a character cut at the end is forgiven).
pub(crate) fn is_binary(sample: &[u8]) -> bool {
    sample.contains(&0)
        || std::str::from_utf8(sample).is_err_and(|error| error.error_len().is_some())
}

/// Git's pattern rule: without a slash the file's name is compared, else the whole path.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, subject) = match pattern.strip_prefix('/') {
        Some(rooted) => (rooted, path),
        None if pattern.contains('/') => (pattern, path),
        None => (pattern, path.rsplit('/').next().unwrap_or(path)),
    };
    glob(pattern.as_bytes(), subject.as_bytes())
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            glob(rest, text)
                || text
                    .iter()
                    .enumerate()
                    .any(|(at, byte)| *byte == b'/' && glob(rest, &text[at + 1..]))
        }
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let end = text
                .iter()
                .position(|byte| *byte == b'/')
                .unwrap_or(text.len());
            (0..=end).any(|at| glob(rest, &text[at..]))
        }
        [b'?', rest @ ..] => {
            matches!(text, [byte, tail @ ..] if *byte != b'/' && glob(rest, tail))
        }
        [b'[', rest @ ..] => match (rest.iter().position(|byte| *byte == b']'), text) {
            (Some(end), [byte, tail @ ..]) => {
                set_contains(&rest[..end], *byte) && glob(&rest[end + 1..], tail)
            }
            _ => false,
        },
        [byte, rest @ ..] => {
            matches!(text, [first, tail @ ..] if first == byte && glob(rest, tail))
        }
    }
}

fn set_contains(set: &[u8], byte: u8) -> bool {
    let (set, negated) = match set {
        [b'!' | b'^', rest @ ..] => (rest, true),
        _ => (set, false),
    };
    let mut found = false;
    let mut at = 0;
    while let Some(&low) = set.get(at) {
        match (set.get(at + 1), set.get(at + 2)) {
            (Some(b'-'), Some(&high)) => {
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                found |= low == byte;
                at += 1;
            }
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parquet_is_lfs_and_text_is_not() {
        assert!(is_lfs(DEFAULT, "data/train-00000-of-00001.parquet"));
        assert!(is_lfs(DEFAULT, "a.tar.gz"));
        assert!(is_lfs(DEFAULT, "saved_model/a/b/c.txt"));
        assert!(is_lfs(DEFAULT, "runs/events.out.tfevents.1"));
        assert!(!is_lfs(DEFAULT, "README.md"));
        assert!(!is_lfs(DEFAULT, "parquet/readme.jsonl"));
    }

    #[test]
    fn a_later_rule_wins() {
        let rules = "*.parquet filter=lfs\nsmall/*.parquet -filter\n";
        assert!(is_lfs(rules, "big/a.parquet"));
        assert!(!is_lfs(rules, "small/a.parquet"));
        assert!(is_lfs("*.[ch][0-9] filter=lfs", "x.c7"));
        assert!(!is_lfs("*.[!ch] filter=lfs", "x.c"));
    }

    #[test]
    fn ignore_rules_drop_folders_and_can_be_lifted() {
        let rules = "# notes\ncache/\n*.tmp\n!keep.tmp\n";
        assert!(is_ignored(rules, "a/cache/b.jsonl"));
        assert!(is_ignored(rules, "x.tmp"));
        assert!(!is_ignored(rules, "keep.tmp"));
        assert!(!is_ignored(rules, "cache"));
    }

    #[test]
    fn binary_content_is_told_from_text_cut_inside_a_character() {
        assert!(is_binary(b"PAR1\0\x15"));
        assert!(is_binary(&[0xff, 0xfe, b'a']));
        assert!(!is_binary("wächst".as_bytes()));
        assert!(!is_binary(&"wä".as_bytes()[..2]));
        assert!(!is_binary(b""));
    }
}
