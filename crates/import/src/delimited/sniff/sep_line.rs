//! `sep=;`: the line by which Excel is told the separator.

/// Excel's first line, which names the separator: itself, what it names, and the text behind it.
pub(super) fn split(sample: &str) -> (Option<(String, Option<char>)>, &str) {
    let length = sample.find(['\n', '\r']).unwrap_or(sample.len());
    let (line, rest) = sample.split_at(length);
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix(['\n', '\r']))
        .unwrap_or(rest);
    let bare = line.trim_start_matches(['"', '\'', ' ']);
    let named = bare
        .get(..3)
        .filter(|word| word.eq_ignore_ascii_case("sep"))
        .and_then(|_| bare[3..].trim_start_matches(' ').strip_prefix('='));
    let Some(named) = named else {
        return (None, sample);
    };
    let delimiter = match named.strip_prefix("\\t") {
        Some(_) => Some('\t'),
        None => named.chars().find(|c| !matches!(c, '"' | '\'')),
    };
    let behind = named
        .strip_prefix("\\t")
        .unwrap_or(named)
        .chars()
        .all(|c| Some(c) == delimiter || matches!(c, '"' | '\'' | ' ' | ',' | ';' | '\t'));
    if !behind {
        return (None, sample);
    }
    (Some((line.to_owned(), delimiter)), rest)
}
