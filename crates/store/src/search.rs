//! Turning what a person types into a full-text query. Any text is allowed; nothing of it is query syntax.

/// Words of a search that count. More would only meet the limits of the query parser.
const MAX_WORDS: usize = 32;

/// The words of a search, in lower case, for a search without the index.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// An FTS5 query for rows with everything that stands between spaces, the last piece as a beginning. `None` when there
/// is nothing but space.
///
/// Each piece becomes a quoted phrase, so that the index's own tokenizer cuts it: "soil-health" is *soil* followed by
/// *health*, and a piece of punctuation alone asks for nothing.
pub(crate) fn query(text: &str) -> Option<String> {
    // A NUL would end the query in the middle of a quotation.
    let pieces: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|piece| !piece.is_empty())
        .take(MAX_WORDS)
        .collect();
    let last = pieces.len().checked_sub(1)?;
    let is_open = text.ends_with(char::is_alphanumeric);
    let terms: Vec<String> = pieces
        .iter()
        .enumerate()
        .map(|(at, piece)| {
            let star = if at == last && is_open { "*" } else { "" };
            format!("\"{}\"{star}", piece.replace('"', "\"\""))
        })
        .collect();
    Some(terms.join(" "))
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn query_syntax_is_only_text() {
        assert_eq!(
            query("NEAR(\"a\" b*)").as_deref(),
            Some("\"NEAR(\"\"a\"\"\" \"b*)\"")
        );
        assert_eq!(query("honey be").as_deref(), Some("\"honey\" \"be\"*"));
        assert_eq!(query(" \t\0 "), None);
        assert_eq!(query(""), None);
    }
}
