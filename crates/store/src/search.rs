//! Turning what a person types into a full-text query. Any text is allowed; nothing of it is query syntax.

/// The words of a search, in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// An FTS5 query for rows with all words, the last one as a beginning. `None` when there is no word.
pub(crate) fn query(text: &str) -> Option<String> {
    let words = words(text);
    let last = words.len().checked_sub(1)?;
    let is_open = text.chars().next_back().is_some_and(char::is_alphanumeric);
    let terms: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, word)| {
            // Words have no quotes left in them.
            if at == last && is_open {
                format!("\"{word}\"*")
            } else {
                format!("\"{word}\"")
            }
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
            Some("\"near\" \"a\" \"b\"")
        );
        assert_eq!(query("honey be").as_deref(), Some("\"honey\" \"be\"*"));
        assert_eq!(query("…!\"*"), None);
        assert_eq!(query(""), None);
    }
}
